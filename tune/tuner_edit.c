/* What a person changes of a tuner under way beside its steering: the space, a parameter held still, the sampler. Each change
 * has a token like steering, and taking it back makes a new version in which exactly that change is gone. Versions are kept:
 * trials are carried from the one they were born in. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"
#include "tune/space_pack.h"
#include "tune/space_parts.h"
#include "tune/tuner_state.h"

/* ---- focus and quota ---- */

int tuner_propose_in_turn(struct tuner *t, struct tuner_env *env, tuner_propose_fn *propose, int64_t left,
                          struct proposal *out, char **cause)
{
    int64_t steps = out->steps;
    char *why = NULL;
    steering_turn(&t->steer, &t->rng, left);
    if (!t->steer.turn)
        return propose(t, env, out, cause);
    const struct steer_entry *e = &t->steer.entries[t->steer.turn - 1];
    int rc = propose(t, env, out, &why);
    size_t n = strlen(out->why);
    if (rc == 0)
        snprintf(out->why + n, sizeof out->why - n, "; the %s on %s", e->verb == STEER_FOCUS ? "focus" : "quota", e->label);
    steering_turn_over(&t->steer);
    free(why);
    if (rc == 0)
        return 0;
    out->steps = steps; /* nothing to try there: an ask like any other */
    return propose(t, env, out, cause);
}

static void add_news(struct tuner *t, const char *text)
{
    t->news = mem_resize(t->news, (size_t)t->n_news + 1, sizeof *t->news);
    t->news[t->n_news++] = mem_str(text);
}

void tuner_review(struct tuner *t)
{
    char text[200];
    while (steering_review(&t->steer, t->space, &t->history, text, sizeof text))
        add_news(t, text);
}

bool tuner_news(struct tuner *t, char *out, size_t cap)
{
    if (!t->n_news)
        return false;
    snprintf(out, cap, "%s", t->news[0]);
    free(t->news[0]);
    memmove(&t->news[0], &t->news[1], (size_t)--t->n_news * sizeof *t->news);
    return true;
}

/* ---- edits ---- */

static struct tuner_edit *new_edit(struct tuner *t)
{
    t->edits = mem_resize(t->edits, (size_t)t->n_edits + 1, sizeof *t->edits);
    struct tuner_edit *e = &t->edits[t->n_edits++];
    *e = (struct tuner_edit){.token = ++t->steer.last_token};
    return e;
}

static void kv_free(struct tuner_kv *kv)
{
    for (int i = 0; kv && kv[i].name; i++)
        free((char *)kv[i].name);
    free(kv);
}

static const struct space *version(const struct tuner *t, int v)
{
    return v == t->space->version ? t->space : v > 0 && v < t->n_versions ? t->versions[v] : NULL;
}

struct tuner_edit *tuner_edit_find(struct tuner *t, int64_t token)
{
    for (int i = 0; i < t->n_edits; i++)
        if (t->edits[i].token == token)
            return &t->edits[i];
    return NULL;
}

/* The value that the best trial has, else the middle of the prior. */
static struct tune_value usual_value(const struct tuner *t, int i)
{
    const struct param *p = &t->space->params[i];
    int best = history_best(&t->history);
    double dna = best >= 0 ? t->history.trials[best].dna[i] : NAN;
    struct tune_value v;
    if (isnan(dna))
        dna = param_numeric(p) ? param_place(p, param_value(p, 0.5)) : 0;
    param_decode(p, dna, &v);
    return tune_copy(&v);
}

static int find_param(const struct space *s, const char *name, char **cause)
{
    int i = space_find(s, name), near = i < 0 ? space_find_near(s, name) : -1;
    if (near >= 0)
        cause_set(cause, "no parameter is called \"%s\"; did you mean %s?", name, s->params[near].name);
    else if (i < 0)
        cause_set(cause, "no parameter is called \"%s\"", name);
    return i;
}

/* PARAM or PARAM=VALUE */
static struct space *frozen(const struct tuner *t, const char *text, char **cause)
{
    char *name = mem_str(text), *eq = strchr(name, '=');
    struct space *next = NULL;
    if (eq)
        *eq = '\0';
    int i = find_param(t->space, name, cause);
    if (i >= 0 && t->space->params[i].type == PARAM_CONSTANT) {
        cause_set(cause, "%s: it does not vary now", name);
    } else if (i >= 0 && space_group_of(t->space, i)) {
        cause_set(cause, "%s: it is chosen together with others", name);
    } else if (i >= 0) {
        struct tune_value v = eq ? tune_string(eq + 1) : usual_value(t, i);
        next = space_freeze(t->space, i, &v, cause);
        tune_value_free(&v);
    }
    free(name);
    return next;
}

static struct space *thawed(const struct tuner *t, const char *name, char **cause)
{
    int i = find_param(t->space, name, cause);
    if (i < 0)
        return NULL;
    if (t->space->params[i].type != PARAM_CONSTANT)
        return cause_null(cause, "%s: it varies already", name);
    for (int v = t->n_versions - 1; v > 0; v--) {
        int then = space_find(t->versions[v], name);
        if (then >= 0 && t->versions[v]->params[then].type != PARAM_CONSTANT)
            return space_restore(t->space, i, t->versions[v], cause);
    }
    return cause_null(cause, "%s: it never varied; space %s=LOW..HIGH makes it", name, name);
}

static int take_space(struct tuner *t, struct space *next, char **cause)
{
    if (!next)
        return -1;
    if (space_find_feasible(next, cause) == 0 && tuner_set_space(t, &next, cause) == 0)
        return 0;
    space_free(next);
    return -1;
}

int tuner_edit_space(struct tuner *t, const struct steer_request *rq, int64_t *token, char **cause)
{
    int before = t->space->version;
    struct space *next = rq->verb == STEER_FREEZE ? frozen(t, rq->target, cause)
                       : rq->verb == STEER_THAW   ? thawed(t, rq->target, cause)
                                                  : space_edit(t->space, rq->target, cause);
    if (take_space(t, next, cause) < 0)
        return -1;
    struct tuner_edit *e = new_edit(t);
    e->before = before;
    e->after = t->space->version;
    if (token)
        *token = e->token;
    return 0;
}

/* NAME OPTION=VALUE ... */
static int read_option(const char *word, struct tuner_kv *kv, char **cause)
{
    const char *eq = strchr(word, '='), *v = eq ? eq + 1 : "";
    if (!eq || eq == word)
        return cause_set(cause, "tuner: \"%s\" is no option; write OPTION=VALUE", word);
    if (!strcmp(v, "true") || !strcmp(v, "false"))
        kv->value = *v == 't';
    else if (!strcmp(v, "values") || !strcmp(v, "decades"))
        kv->value = *v == 'v' ? ARMS_VALUES : ARMS_DECADES;
    else if (!text_double(v, &kv->value) || !isfinite(kv->value))
        return cause_set(cause, "tuner: %.*s needs a number, not \"%s\"", (int)(eq - word), word, v);
    kv->name = mem_strn(word, (size_t)(eq - word));
    return 0;
}

int tuner_edit_sampler(struct tuner *t, const struct steer_request *rq, int64_t *token, char **cause)
{
    struct tuner_kv kv[OPTIONS_MAX + 1] = {{0}};
    char *words = mem_str(rq->target), *rest = words, *name = strsep(&rest, " "), *word;
    int n = 0, rc = 0;
    while (rc == 0 && (word = strsep(&rest, " ")))
        if (*word && n < OPTIONS_MAX && (rc = read_option(word, &kv[n], cause)) == 0)
            n++;
    char *sampler = mem_str(t->sampler.ops->name);
    struct tuner_kv *old = mem_zero(OPTIONS_MAX + 1, sizeof *old);
    for (int i = 0; t->sampler.kv && t->sampler.kv[i].name && i < OPTIONS_MAX; i++)
        old[i] = (struct tuner_kv){mem_str(t->sampler.kv[i].name), t->sampler.kv[i].value};
    if (rc == 0)
        rc = tuner_switch(t, name, kv, cause);
    if (rc == 0) {
        struct tuner_edit *e = new_edit(t);
        e->sampler = sampler;
        e->kv = old;
        if (token)
            *token = e->token;
    } else {
        free(sampler);
        kv_free(old);
    }
    for (int i = 0; i < n; i++)
        free((char *)kv[i].name);
    free(words);
    return rc;
}

int tuner_edit_undo(struct tuner *t, struct tuner_edit *e, char **cause)
{
    if (e->undone)
        return cause_set(cause, "it is undone already");
    if (e->sampler ? tuner_switch(t, e->sampler, e->kv, cause) < 0
                   : take_space(t, space_revert(t->space, version(t, e->before), version(t, e->after), cause), cause) < 0)
        return -1;
    e->undone = true;
    return 0;
}

/* ---- trying something out ---- */

struct tuner *tuner_copy(const struct tuner *t, char **cause)
{
    struct buf dump = {0};
    struct tuner *c = MEM_NEW(struct tuner);
    c->replicates = t->replicates;
    tuner_dump(t, &dump);
    int rc = tuner_load(c, dump.data, dump.len, cause);
    buf_release(&dump);
    if (rc == 0)
        return c;
    tuner_free(c);
    return NULL;
}

int tuner_complete(const struct tuner *t, const struct region *within, double *dna, char **cause)
{
    struct tuner *c = tuner_copy(t, cause);
    if (!c)
        return -1;
    struct steering *st = &c->steer;
    struct proposal p = {.dna = dna};
    c->budget = -1;
    c->replicates = 0; /* a configuration is wanted, not another seed */
    for (int i = 0; i < st->n; i++) /* a person named these values: what stands against them is set aside */
        if (st->entries[i].verb == STEER_PIN || st->entries[i].verb == STEER_BAN || st->entries[i].verb == STEER_HOLD)
            st->entries[i].lifted = st->last_token + 1;
    st->entries = mem_resize(st->entries, (size_t)st->n + 1, sizeof *st->entries);
    st->entries[st->n] = (struct steer_entry){.token = st->last_token + 1, .verb = STEER_PIN, .until = -1};
    region_copy(&st->entries[st->n++].region, within);
    struct tuner_env env = tuner_env(c, &c->sampler);
    if (c->sampler.ops->steered)
        c->sampler.ops->steered(c->sampler.self, &env);
    int rc = tuner_ask(c, INT64_MAX, &p, cause);
    if (rc == 0 && (p.resume >= 0 || !region_holds(within, c->space, dna)))
        rc = 1;
    tuner_free(c);
    return rc > 0 ? cause_set(cause, "the tuner has nothing to propose there") : rc;
}

/* ---- life ---- */

void tuner_edits_release(struct tuner *t)
{
    for (int i = 0; i < t->n_edits; i++) {
        free(t->edits[i].sampler);
        kv_free(t->edits[i].kv);
    }
    for (int i = 0; i < t->n_versions; i++)
        space_free(t->versions[i]);
    for (int i = 0; i < t->n_news; i++)
        free(t->news[i]);
    for (int i = 0; t->objectives && i < t->n_objectives; i++)
        free((char *)t->objectives[i].name);
    free(t->edits);
    free(t->versions);
    free(t->news);
    free(t->objectives);
}

void tuner_edits_pack(const struct tuner *t, struct buf *out)
{
    pack_u64(out, t->objectives ? (uint64_t)t->n_objectives : 0);
    for (int i = 0; t->objectives && i < t->n_objectives; i++) {
        pack_str(out, t->objectives[i].name);
        pack_u64(out, t->objectives[i].maximize);
        pack_f64(out, t->objectives[i].reference);
    }
    pack_u64(out, t->n_versions > 0 ? (uint64_t)t->n_versions - 1 : 0);
    for (int v = 1; v < t->n_versions; v++)
        space_pack(t->versions[v], out);
    pack_u64(out, (uint64_t)t->n_edits);
    for (int i = 0; i < t->n_edits; i++) {
        const struct tuner_edit *e = &t->edits[i];
        uint64_t n = 0;
        while (e->kv && e->kv[n].name)
            n++;
        pack_i64(out, e->token);
        pack_u64(out, e->undone);
        pack_i64(out, e->before);
        pack_i64(out, e->after);
        pack_str(out, e->sampler);
        pack_u64(out, n);
        for (uint64_t k = 0; k < n; k++) {
            pack_str(out, e->kv[k].name);
            pack_f64(out, e->kv[k].value);
        }
    }
}

static void unpack_edit(struct tuner *t, struct unpack *in)
{
    t->edits = mem_resize(t->edits, (size_t)t->n_edits + 1, sizeof *t->edits);
    struct tuner_edit *e = &t->edits[t->n_edits++];
    *e = (struct tuner_edit){.token = unpack_i64(in)};
    e->undone = unpack_u64(in);
    e->before = (int)unpack_i64(in);
    e->after = (int)unpack_i64(in);
    e->sampler = unpack_str(in);
    size_t n = unpack_count(in, 16);
    in->bad |= n > OPTIONS_MAX;
    e->kv = mem_zero(OPTIONS_MAX + 1, sizeof *e->kv);
    for (size_t k = 0; k < n && !in->bad; k++) {
        char *name = unpack_str(in);
        in->bad |= !name;
        e->kv[k] = (struct tuner_kv){name, unpack_f64(in)};
    }
}

int tuner_edits_unpack(struct tuner *t, struct unpack *in)
{
    struct objective o[OBJECTIVES_MAX] = {{0}};
    size_t n = unpack_count(in, 24);
    in->bad |= n > OBJECTIVES_MAX || n == 1;
    for (size_t i = 0; i < n && !in->bad; i++) {
        o[i].name = unpack_str(in);
        o[i].maximize = unpack_u64(in);
        o[i].reference = unpack_f64(in);
    }
    tuner_objectives_copy(t, o, in->bad ? 0 : (int)n);
    for (size_t i = 0; i < OBJECTIVES_MAX; i++)
        free((char *)o[i].name);
    n = unpack_count(in, 16);
    t->versions = mem_zero(n + 1, sizeof *t->versions);
    t->n_versions = n ? 1 : 0;
    for (size_t v = 1; v <= n && !in->bad; v++)
        if ((t->versions[t->n_versions] = space_unpack(in)))
            t->n_versions++;
    n = unpack_count(in, 48);
    for (size_t i = 0; i < n && !in->bad; i++)
        unpack_edit(t, in);
    for (int i = 0; i < t->n_edits && !in->bad; i++)
        in->bad |= !t->edits[i].sampler && (t->edits[i].before < 1 || t->edits[i].before >= t->n_versions ||
                                            t->edits[i].after < 1 || t->edits[i].after > t->n_versions);
    for (int i = 0; i < t->history.n && !in->bad; i++)
        in->bad |= t->history.trials[i].born && (t->history.trials[i].born_version >= t->n_versions ||
                   t->versions[t->history.trials[i].born_version]->n != t->history.trials[i].n_born);
    return in->bad ? -1 : 0;
}
