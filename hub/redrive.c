/* redrive: see redrive.h. Keeps the bodies of the events that matter to the tuner since the newest dump, and
 * all applied interventions, which undo wants to know. Nothing of it needs the tuner before the whole log was
 * read. */
#include "hub/redrive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "hub/trial.h"
#include "hub/verbs.h"

static void keep(struct redrive *d, const struct event *ev)
{
    if (d->n == d->cap) {
        d->cap = d->cap ? d->cap * 2 : 256;
        d->ops = mem_resize(d->ops, (size_t)d->cap, sizeof *d->ops);
    }
    d->ops[d->n++] = (struct redrive_op){ev->kind, mem_dup(ev->body.p, ev->body.n), ev->body.n};
}

static void trouble(struct redrive *d, const char *what, int64_t id, char **cause)
{
    if (!d->trouble)
        cause_set(&d->trouble, "the tuner did not repeat itself: %s %lld%s%s", what, (long long)id,
                  *cause ? ": " : "", *cause ? *cause : "");
    free(*cause);
    *cause = NULL;
}

/* ---- one call each ---- */

static void redo_trial(struct redrive *d, struct sweep *s, struct span body)
{
    int64_t id = cmap_int(body, "trial", -1);
    const struct state_trial *t = state_trial(s->state, id);
    const struct space *space = tuner_space(s->tuner);
    char *cause = NULL;
    if (!t || t->n_dna != space->n || state_trial_tests(t))
        return;
    if (strcmp(t->origin, "tuner") != 0) {
        if (tuner_adopt(s->tuner, id, t->dna, t->origin, &cause) != 0)
            trouble(d, "it did not take trial", id, &cause);
        return;
    }
    struct proposal p = {.dna = mem_zero((size_t)space->n + 1, sizeof(double))};
    s->asks++;
    if (tuner_ask(s->tuner, id, &p, &cause) != 0 || p.resume >= 0 || p.replicate >= 0 || !space_same(space, p.dna, t->dna))
        trouble(d, "it asked for something else at trial", id, &cause);
    free(p.dna);
}

static int read_values(struct span body, double *values)
{
    struct span list = cmap_value(body, "values");
    struct codec_reader r;
    int n = 0;
    cr_init(&r, list.p, list.n);
    if (!list.n || cr_peek(&r) != CT_ARRAY)
        return 0;
    for (size_t left = cr_array(&r); left > 0 && n < OBJECTIVES_MAX; left--)
        values[n++] = cr_double(&r);
    return cr_ok(&r) ? n : 0;
}

static void redo_tell(struct redrive *d, struct sweep *s, struct span body)
{
    int64_t id = cmap_int(body, "trial", -1), step = cmap_int(body, "step", -1);
    double value = cmap_double(body, "value", NAN);
    struct span state = cmap_str(body, "state");
    struct tell_result r;
    double values[OBJECTIVES_MAX];
    char *cause = NULL, news[8];
    int rc, n;
    s->tells++;
    if (span_eq(state, "failed"))
        rc = tuner_tell_failed(s->tuner, id, &cause);
    else if (span_eq(state, "withdrawn"))
        rc = tuner_forget(s->tuner, id, &cause);
    else if ((n = read_values(body, values)) > 0)
        rc = tuner_tell_values(s->tuner, id, step, values, n, &r, &cause);
    else
        rc = tuner_tell(s->tuner, id, step, value, span_eq(state, "final"), &r, &cause);
    while (tuner_news(s->tuner, news, sizeof news)) /* said in the log already */
        ;
    if (rc != 0)
        trouble(d, "it refused a value of trial", id, &cause);
}

/* An ask resumed a held trial, or had one that is done run once more. The number that a new trial would have got does not matter, if only it is free. */
static void redo_resume(struct redrive *d, struct sweep *s, struct span body)
{
    int64_t id = cmap_int(body, "trial", -1);
    struct proposal p = {.dna = mem_zero((size_t)tuner_space(s->tuner)->n + 1, sizeof(double))};
    char *cause = NULL;
    s->asks++;
    bool again = cmap_int(body, "replicate", 0) > 0;
    if (tuner_ask(s->tuner, INT64_MAX, &p, &cause) != 0 || (again ? p.replicate : p.resume) != id)
        trouble(d, again ? "it did not run once more trial" : "it did not resume trial", id, &cause);
    free(p.dna);
}

/* A failed or killed trial was queued again: the tuner had taken it back. */
static void redo_revival(struct redrive *d, struct sweep *s, struct span body)
{
    int64_t id = cmap_int(body, "trial", -1);
    const struct state_trial *t = state_trial(s->state, id);
    char *cause = NULL;
    if (t && !state_trial_tests(t) && t->n_dna == tuner_space(s->tuner)->n &&
        tuner_adopt(s->tuner, id, t->dna, t->origin, &cause) != 0)
        trouble(d, "it did not take back trial", id, &cause);
}

static void redo_intervention(struct sweep *s, struct span body)
{
    int64_t id = cmap_int(body, "id", 0);
    const struct state_iv *iv = state_iv(s->state, id);
    const struct verb_info *v = iv ? verb_find(iv->verb) : NULL;
    if (!v)
        return;
    if (v->verb == VERB_UNDO)
        verb_redo_undo(s, iv->undo_of);
    else
        verb_redo(s, v->verb, id, iv->target, (struct span){iv->args, iv->args_n},
                  cmap_int(body, "token", 0));
}

/* ---- what holds whether or not a dump came later ---- */

static void note_told(struct sweep *s, struct span body)
{
    struct trial_live *l = sweep_trial(s, cmap_int(body, "trial", -1));
    int64_t step = cmap_int(body, "step", -1);
    if (!l)
        return;
    l->in_tuner = true;
    l->held = span_eq(cmap_str(body, "action"), "pause");
    l->changing = span_eq(cmap_str(body, "action"), "change");
    if (span_eq(cmap_str(body, "state"), "running"))
        l->told_step = step > l->told_step ? step : l->told_step;
    else
        l->told_final = true;
}

static void note_resume(struct sweep *s, struct span body)
{
    struct trial_live *l = sweep_trial(s, cmap_int(body, "trial", -1));
    if (l)
        l->held = false;
}

static void note_revival(struct sweep *s, struct span body)
{
    struct trial_live *l = sweep_trial(s, cmap_int(body, "trial", -1));
    const struct state_trial *t = state_trial(s->state, cmap_int(body, "trial", -1));
    if (l && t)
        *l = (struct trial_live){.ending = -1, .told_step = INT64_MIN, .in_tuner = !state_trial_tests(t)};
}

/* What an intervention before the dump left for undo, without calling the tuner. */
static void note_intervention(struct sweep *s, struct span body)
{
    int64_t id = cmap_int(body, "id", 0), token = cmap_int(body, "token", 0);
    const struct state_iv *iv = state_iv(s->state, id);
    const struct verb_info *v = iv ? verb_find(iv->verb) : NULL;
    if (!v)
        return;
    if (v->verb == VERB_BUDGET || v->verb == VERB_CONCURRENCY) {
        verb_redo(s, v->verb, id, iv->target, (struct span){iv->args, iv->args_n}, 0);
    } else if (v->target == VT_ARM || v->verb == VERB_EXPLORE || token > 0) {
        struct verb_memo *m = verb_remember(s, id);
        m->token = token;
        m->in_process = token == 0;
        m->factor_before = s->ref.explore;
        if (v->verb == VERB_EXPLORE && token)
            s->ref.explore = cmap_double((struct span){iv->args, iv->args_n}, "factor", 1);
    } else if (v->verb == VERB_UNDO) {
        struct verb_memo *m = verb_memo(s, iv->undo_of);
        const struct state_iv *of = state_iv(s->state, iv->undo_of);
        if (m && of && strcmp(of->verb, "explore") == 0)
            s->ref.explore = m->factor_before;
        else if (m && of && (strcmp(of->verb, "budget") == 0 || strcmp(of->verb, "concurrency") == 0))
            verb_redo_undo(s, iv->undo_of);
    }
}

/* ---- the log ---- */

static void note_trial(struct redrive *d, struct sweep *s, const struct event *ev)
{
    int64_t id = cmap_int(ev->body, "trial", -1), iv = cmap_int(ev->body, "intervention", 0);
    if (iv)
        verb_remember(s, iv)->trial = id;
    if (sweep_trial(s, id) && !state_trial_tests(state_trial(s->state, id)))
        sweep_trial(s, id)->in_tuner = true;
    keep(d, ev);
}

/* The event is folded already: the state before is the last but one. */
static bool is_revival(struct sweep *s, struct span body)
{
    const struct state_trial *t = state_trial(s->state, cmap_int(body, "trial", -1));
    return t && t->n_changes >= 2 && t->changes[t->n_changes - 1].state == TRIAL_WAITING &&
           trial_state_terminal((enum trial_state)t->changes[t->n_changes - 2].state) &&
           span_eq(cmap_str(body, "state"), "waiting");
}

/* Everything before a dump is in it, but for what undo wants to know of the interventions. */
static void note_dump(struct redrive *d, struct span body)
{
    struct codec_reader r;
    struct span dump = {0};
    int n = 0;
    if (cmap_find(body, "dump", &r) && cr_peek(&r) == CT_BIN)
        dump = cr_bin(&r);
    if (!dump.n)
        return;
    buf_clear(&d->dump);
    buf_put(&d->dump, dump.p, dump.n);
    d->asks = cmap_int(body, "asks", 0);
    d->tells = cmap_int(body, "tells", 0);
    for (int i = 0; i < d->n; i++)
        if (d->ops[i].kind == EV_INTERVENTION)
            d->ops[n++] = d->ops[i];
        else
            free(d->ops[i].body);
    d->n = d->n_settled = n;
}

void redrive_note(struct redrive *d, struct sweep *s, const struct event *ev)
{
    switch (ev->kind) {
    case EV_TRIAL:
        note_trial(d, s, ev);
        break;
    case EV_TELL:
        note_told(s, ev->body);
        keep(d, ev);
        break;
    case EV_TRIAL_STATE:
        if (cmap_bool(ev->body, "asked", false)) {
            note_resume(s, ev->body);
            keep(d, ev);
        } else if (is_revival(s, ev->body)) {
            note_revival(s, ev->body);
            keep(d, ev);
        }
        break;
    case EV_INTERVENTION:
        if (span_eq(cmap_str(ev->body, "state"), "applied"))
            keep(d, ev);
        break;
    case EV_REPORT:
        if (!cmap_bool(ev->body, "made", false) && sweep_run(s, cmap_int(ev->body, "run", -1)))
            sweep_run(s, cmap_int(ev->body, "run", -1))->reported = true;
        break;
    case EV_TUNER:
        note_dump(d, ev->body);
        break;
    default:
        break;
    }
}

static void redo(struct redrive *d, struct sweep *s, const struct redrive_op *op)
{
    struct span body = {(const char *)op->body, op->n};
    switch (op->kind) {
    case EV_TRIAL:
        redo_trial(d, s, body);
        break;
    case EV_TELL:
        redo_tell(d, s, body);
        break;
    case EV_TRIAL_STATE:
        if (cmap_bool(body, "asked", false))
            redo_resume(d, s, body);
        else
            redo_revival(d, s, body);
        break;
    default:
        redo_intervention(s, body);
        break;
    }
}

int redrive_tuner(struct redrive *d, struct sweep *s, char **cause)
{
    if (s->tuner && d->dump.len) {
        if (tuner_load(s->tuner, d->dump.data, d->dump.len, cause) != 0)
            return -1;
        s->asks = s->asks_dumped = d->asks;
        s->tells = d->tells;
    }
    for (int i = 0; i < d->n; i++) {
        if (i < d->n_settled)
            note_intervention(s, (struct span){(const char *)d->ops[i].body, d->ops[i].n});
        else if (s->tuner)
            redo(d, s, &d->ops[i]);
    }
    return 0;
}

void redrive_release(struct redrive *d)
{
    for (int i = 0; i < d->n; i++)
        free(d->ops[i].body);
    free(d->ops);
    buf_release(&d->dump);
    free(d->trouble);
}
