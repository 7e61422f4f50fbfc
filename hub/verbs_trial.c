/* verbs_trial: verbs on trials: what their processes are told, and new configurations. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "hub/evaluation.h"
#include "hub/objective.h"
#include "hub/params.h"
#include "hub/scheduler.h"
#include "hub/trial.h"
#include "hub/verbs.h"
#include "hub/watched.h"

/* ---- commands to processes ---- */

static enum verb_outcome command(struct verb_call *c, bool lost, const char *name, struct span args,
                                 int answers, char **cause)
{
    int64_t runs[VERB_RUNS_MAX];
    int n = verb_runs(c->s, c->trial, lost, runs, VERB_RUNS_MAX);
    if (n == 0)
        return verb_refuse(cause, "t%lld is %s: no process of it runs", (long long)c->trial,
                           trial_state_name(trial_now(c->s, c->trial)));
    intervention_send(c->s, c->id, c->verb->verb, c->ask, c->trial, runs, n, name, args, answers);
    return VERB_PENDING;
}

enum verb_outcome verb_pause(struct verb_call *c, char **cause)
{
    if (trial_now(c->s, c->trial) == TRIAL_PAUSED)
        return verb_refuse(cause, "t%lld is paused already", (long long)c->trial);
    return command(c, false, "pause", (struct span){0}, 1, cause);
}

enum verb_outcome verb_resume(struct verb_call *c, char **cause)
{
    if (trial_now(c->s, c->trial) == TRIAL_RUNNING)
        return verb_refuse(cause, "t%lld is not paused", (long long)c->trial);
    return command(c, false, "resume", (struct span){0}, 1, cause);
}

enum verb_outcome verb_checkpoint(struct verb_call *c, char **cause)
{
    return command(c, false, "checkpoint", (struct span){0}, 1, cause);
}

/* The newest checkpoint of a trial; NULL and a cause when it has none. */
static const char *newest_checkpoint(struct verb_call *c, int64_t trial, char **cause)
{
    const struct state_trial *tr = state_trial(c->s->state, trial);
    const struct state_checkpoint *best = NULL;
    for (int i = 0; tr && i < tr->n_runs; i++) {
        const struct state_run *r = state_run(c->s->state, tr->runs[i]);
        if (r && r->n_checkpoints && (!best || r->checkpoints[r->n_checkpoints - 1].time >= best->time))
            best = &r->checkpoints[r->n_checkpoints - 1];
    }
    if (!best)
        verb_refuse(cause, tr ? "t%lld has written no checkpoint: hypertop send checkpoint %lld asks a running one for it"
                              : "--towards t%lld: there is no such trial", (long long)trial, (long long)trial);
    return best ? best->path : NULL;
}

/* The arguments as the program gets them: paths in the place of the trials to go towards. */
static bool probe_args(struct verb_call *c, struct buf *out, char **cause)
{
    struct codec_reader r;
    struct codec_writer w;
    const char *paths[2];
    size_t n = 0;
    if (cmap_find(c->args, "towards", &r) && cr_peek(&r) == CT_ARRAY)
        for (size_t left = cr_array(&r); left > 0 && n < 2 && cr_ok(&r); left--)
            if (!(paths[n++] = newest_checkpoint(c, cr_int(&r), cause)))
                return false;
    cw_init(&w, out);
    cw_map(&w, 6);
    cw_kint(&w, "columns", cmap_int(c->args, "columns", 31));
    cw_kint(&w, "rows", cmap_int(c->args, "rows", 31));
    cw_kdouble(&w, "radius", cmap_double(c->args, "radius", 1));
    cw_kstr(&w, "norm", span_eq(cmap_str(c->args, "norm"), "layer") ? "layer" : "filter");
    cw_kdouble(&w, "slice", cmap_double(c->args, "slice", 0));
    cw_str(&w, "paths");
    cw_array(&w, n);
    for (size_t i = 0; i < n; i++)
        cw_str(&w, paths[i]);
    return true;
}

enum verb_outcome verb_probe(struct verb_call *c, char **cause)
{
    struct buf args = {0};
    enum verb_outcome out = VERB_REFUSED;
    if (cmap_bool(c->args, "off", false))
        return command(c, false, "probe", c->args, 1, cause);
    if (probe_args(c, &args, cause))
        out = command(c, false, "probe", (struct span){(const char *)args.data, args.len}, 1, cause);
    buf_release(&args);
    return out;
}

/* Ends what has no process (waiting or lost runs) at once and tells the others. */
static enum verb_outcome end_trial(struct verb_call *c, enum trial_state as, const char *name, char **cause)
{
    struct sweep *s = c->s;
    enum trial_state now = trial_now(s, c->trial);
    if (trial_state_terminal(now))
        return verb_refuse(cause, "t%lld has ended already: it is %s", (long long)c->trial,
                           trial_state_name(now));
    if (!watched_listens(s, c->trial, cause))
        return VERB_REFUSED;
    int64_t runs[VERB_RUNS_MAX];
    int n = verb_runs(s, c->trial, false, runs, VERB_RUNS_MAX);
    bool began = state_trial(s->state, c->trial)->n_reports > 0 || now != TRIAL_WAITING;
    enum trial_state end = began || n ? as : TRIAL_WITHDRAWN;
    trial_ending(s, c->trial, end, c->verb->text, c->id);
    struct state_trial *tr = state_trial(s->state, c->trial);
    for (int i = 0; i < tr->n_runs; i++) {
        enum run_state st = run_now(s, tr->runs[i]);
        if (st != RUN_QUEUED && st != RUN_LOST && st != RUN_HELD)
            continue;
        struct run_change ch = RUN_CHANGE(as == TRIAL_KILLED ? RUN_KILLED : RUN_STOPPED);
        run_move(s, tr->runs[i], &ch);
    }
    trial_settle(s, c->trial);
    if (n == 0) {
        snprintf(c->message, sizeof c->message, "t%lld is %s", (long long)c->trial,
                 trial_state_name(trial_now(s, c->trial)));
        return VERB_DID;
    }
    intervention_send(s, c->id, c->verb->verb, c->ask, c->trial, runs, n, name, (struct span){0}, 1);
    return VERB_PENDING;
}

enum verb_outcome verb_stop(struct verb_call *c, char **cause)
{
    return end_trial(c, TRIAL_STOPPED, "stop", cause);
}

enum verb_outcome verb_kill(struct verb_call *c, char **cause)
{
    return end_trial(c, TRIAL_KILLED, "kill", cause);
}

/* ---- set ---- */

struct live_check {
    struct verb_call *c;
    const struct state_run *run;
    char **cause;
    int n;
    bool bad;
};

static const struct state_param *declared(const struct state_run *r, const char *name)
{
    for (int i = 0; i < r->n_params; i++)
        if (strcmp(r->params[i].name, name) == 0)
            return &r->params[i];
    return NULL;
}

static void list_live(const struct state_run *r, struct buf *out)
{
    for (int i = 0; i < r->n_params; i++)
        if (r->params[i].live)
            buf_printf(out, "%s%s", out->len ? ", " : "", r->params[i].name);
    if (out->len == 0)
        buf_puts(out, "none");
}

static bool choice_known(const struct state_param *p, const struct tune_value *v)
{
    struct codec_reader r;
    bool found = false;
    if (!p->choices_n)
        return true;
    cr_init(&r, p->choices, p->choices_n);
    for (size_t n = cr_array(&r); n > 0 && cr_ok(&r) && !found; n--) {
        struct tune_value one = params_value(cr_value(&r));
        char a[128], b[128];
        tune_text(&one, a, sizeof a);
        tune_text(v, b, sizeof b);
        found = strcmp(a, b) == 0;
        tune_value_free(&one);
    }
    return found;
}

static bool check_one(void *arg, const char *name, struct span value)
{
    struct live_check *k = arg;
    const struct state_param *p = declared(k->run, name);
    struct buf live = {0};
    double x = NAN;
    char text[96];
    k->n++;
    k->bad = true;
    list_live(k->run, &live);
    struct tune_value v = params_value(value);
    tune_text(&v, text, sizeof text);
    bool number = tune_number(&v, &x);
    if (!p)
        verb_refuse(k->cause, "the trainer has declared no parameter '%s'; live are: %s", name,
                    buf_cstr(&live));
    else if (!p->live)
        verb_refuse(k->cause,
                    "'%s' is not live: the trainer does not take a new value while it runs; live are: %s",
                    name, buf_cstr(&live));
    else if (strcmp(p->type, "choice") == 0 && !choice_known(p, &v))
        verb_refuse(k->cause, "%s=%s is not one of its choices", name, text);
    else if (strcmp(p->type, "choice") != 0 && !number)
        verb_refuse(k->cause, "%s=%s is not a number; %s is %s", name, text, name, p->type);
    else if (strcmp(p->type, "int") == 0 && x != floor(x))
        verb_refuse(k->cause, "%s=%s is not a whole number", name, text);
    else if (strcmp(p->type, "choice") != 0 && (x < p->low || x > p->high))
        verb_refuse(k->cause, "%s=%s lies outside its range %g to %g", name, text, p->low, p->high);
    else
        k->bad = false;
    tune_value_free(&v);
    buf_release(&live);
    return !k->bad;
}

enum verb_outcome verb_set(struct verb_call *c, char **cause)
{
    int64_t runs[VERB_RUNS_MAX];
    struct span params = cmap_value(c->args, "params");
    int n = verb_runs(c->s, c->trial, false, runs, VERB_RUNS_MAX), answers = 0;
    if (n == 0)
        return verb_refuse(cause,
                           "t%lld is %s: only a running trial takes a new value (clone it to start another)",
                           (long long)c->trial, trial_state_name(trial_now(c->s, c->trial)));
    for (int i = 0; i < n; i++) {
        struct live_check k = {.c = c, .run = state_run(c->s->state, runs[i]), .cause = cause};
        params_each(params, check_one, &k);
        if (k.bad)
            return VERB_REFUSED;
        answers = k.n;
    }
    if (answers == 0)
        return verb_refuse(cause, "set: which parameter?");
    return command(c, false, "set", c->args, answers, cause);
}

/* ---- configurations ---- */

static enum verb_outcome queue_trial(struct verb_call *c, const double *dna, const char *origin,
                                     int64_t parent, bool filled, char **cause)
{
    struct sweep *s = c->s;
    int64_t id = s->state->n_trials;
    char why[160];
    if (tuner_adopt(s->tuner, id, dna, origin, cause) != 0)
        return VERB_REFUSED;
    if (parent >= 0)
        snprintf(why, sizeof why, "cloned from t%lld by %s", (long long)parent, c->who);
    else
        snprintf(why, sizeof why, "asked for by %s", c->who);
    struct trial_birth b = {.dna = dna,
                            .origin = origin,
                            .parent = parent,
                            .propensity = NAN,
                            .why = why,
                            .filled = filled,
                            .intervention = c->id};
    trial_create(s, &b);
    verb_remember(s, c->id)->trial = id;
    snprintf(c->message, sizeof c->message, "t%lld is queued", (long long)id);
    return VERB_DID;
}

static bool has_tuner(struct verb_call *c, char **cause)
{
    if (!c->s->tuner)
        verb_refuse(cause, "'%s' has no search space: its runs report by themselves", c->s->state->info.name);
    return c->s->tuner != NULL;
}

enum verb_outcome verb_clone(struct verb_call *c, char **cause)
{
    if (!has_tuner(c, cause))
        return VERB_REFUSED;
    const struct space *space = tuner_space(c->s->tuner);
    const struct state_trial *tr = state_trial(c->s->state, c->trial);
    double *dna = mem_zero((size_t)space->n + 1, sizeof *dna);
    enum verb_outcome out = VERB_REFUSED;
    for (int i = 0; i < space->n; i++)
        dna[i] = tr->n_dna == space->n ? tr->dna[i] : NAN;
    if (params_decode(space, (struct span){tr->params, tr->params_n}, dna, cause) == 0 &&
        params_decode(space, cmap_value(c->args, "params"), dna, cause) == 0 &&
        space_check(space, dna, cause) == 0)
        out = queue_trial(c, dna, "cloned", c->trial, false, cause);
    free(dna);
    return out;
}

struct named {
    const struct space *s;
    const double *dna;
    struct region *r;
};

static bool name_one(void *arg, const char *name, struct span value)
{
    struct named *n = arg;
    int i = space_find(n->s, name);
    (void)value;
    if (i < 0 || isnan(n->dna[i]) || n->s->params[i].type == PARAM_CONSTANT)
        return true;
    const struct param *p = &n->s->params[i];
    if (param_numeric(p)) {
        double x = param_value(p, n->dna[i]);
        region_interval(n->r, p, x, x, true);
        return true;
    }
    bool *keep = mem_zero((size_t)p->n_choices, sizeof *keep);
    keep[(int)n->dna[i]] = true;
    region_choices(n->r, p, keep);
    free(keep);
    return true;
}

/* Fills what was not named with what the tuner would propose beside it. dna holds a draw from the prior with the named values
 * in it, and keeps it when the tuner has nothing to say. */
static void fill_as_tuner(const struct tuner *t, struct span params, double *dna)
{
    const struct space *s = tuner_space(t);
    struct region r = {0};
    double *full = mem_zero((size_t)s->n + 1, sizeof *full);
    params_each(params, name_one, &(struct named){s, dna, &r});
    if (tuner_complete(t, &r, full, NULL) == 0 && params_decode(s, params, full, NULL) == 0 &&
        space_check(s, full, NULL) == 0)
        memcpy(dna, full, (size_t)s->n * sizeof *dna);
    region_release(&r);
    free(full);
}

/* What nobody gave is what the tuner would propose beside it: asked of a copy, so that the trials that it proposes by itself
 * stay the same. */
enum verb_outcome verb_enqueue(struct verb_call *c, char **cause)
{
    if (!c->s->tuner && c->s->adhoc)
        return watched_enqueue(c, cause);
    if (!has_tuner(c, cause))
        return VERB_REFUSED;
    const struct space *space = tuner_space(c->s->tuner);
    double *dna = mem_zero((size_t)space->n + 1, sizeof *dna);
    struct rng rng;
    enum verb_outcome out = VERB_REFUSED;
    rng_seed_stream(&rng, c->s->state->info.seed, UINT64_C(0x656e7175) + (uint64_t)c->id);
    space_sample(space, &rng, dna);
    int rc = params_decode(space, cmap_value(c->args, "params"), dna, cause);
    if (rc == 0)
        fill_as_tuner(c->s->tuner, cmap_value(c->args, "params"), dna);
    if (rc == 0 && space_check(space, dna, cause) == 0)
        out = queue_trial(c, dna, "enqueued", -1, true, cause);
    free(dna);
    return out;
}

enum verb_outcome verb_test(struct verb_call *c, char **cause)
{
    char why[160];
    if (!has_tuner(c, cause))
        return VERB_REFUSED;
    if (!trial_state_terminal(trial_now(c->s, c->trial)))
        return verb_refuse(cause, "t%lld is %s: only a finished trial is scored", (long long)c->trial,
                           trial_state_name(trial_now(c->s, c->trial)));
    snprintf(why, sizeof why, "t%lld is scored on the test seeds: asked for by %s", (long long)c->trial, c->who);
    int64_t id = evaluation_queue(c->s, c->trial, NULL, 0, why, c->id, cause);
    if (id < 0)
        return VERB_REFUSED;
    snprintf(c->message, sizeof c->message, "t%lld is queued on %d test seeds", (long long)id, c->s->file.n_test_seeds);
    return VERB_DID;
}

enum verb_outcome verb_requeue(struct verb_call *c, char **cause)
{
    struct sweep *s = c->s;
    enum trial_state now = trial_now(s, c->trial);
    struct state_trial *tr = state_trial(s->state, c->trial);
    if (now != TRIAL_FAILED && now != TRIAL_KILLED && now != TRIAL_LOST)
        return verb_refuse(cause, "t%lld is %s: only lost, failed or killed trials run again",
                           (long long)c->trial, trial_state_name(now));
    if (s->adhoc)
        return verb_refuse(cause, "t%lld was not started by this hub: start its program again",
                           (long long)c->trial);
    bool ended = trial_state_terminal(now);
    trial_move(s, c->trial, TRIAL_WAITING, "requeued", c->id);
    if (ended)
        objective_revive(s, c->trial);
    for (int i = 0; i < tr->n_runs; i++) {
        enum run_state st = run_now(s, tr->runs[i]);
        if (st == RUN_LOST || (ended && run_state_terminal(st)))
            run_requeue(s, tr->runs[i], "requeued");
    }
    snprintf(c->message, sizeof c->message, "t%lld waits again", (long long)c->trial);
    return VERB_DID;
}
