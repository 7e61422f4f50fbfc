#include "hub/model_at.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/params.h"

double model_value(const struct view_request *rq, double loss)
{
    return rq->s->info.maximize ? -loss : loss;
}

/* ---- the history ---- */

struct outcome {
    enum trial_end end;
    double loss;
    int64_t step, when; /* when it ended */
};

static enum trial_end end_of(enum trial_state st)
{
    switch (st) {
    case TRIAL_DONE:
        return END_DONE;
    case TRIAL_PRUNED:
    case TRIAL_STOPPED: /* by a person: it counts with what it had reached */
        return END_PRUNED;
    case TRIAL_FAILED:
        return END_FAILED;
    case TRIAL_KILLED: /* says nothing about the configuration */
    case TRIAL_WITHDRAWN:
        return END_FORGOTTEN;
    default:
        return END_PENDING;
    }
}

static struct outcome outcome_of(const struct view_request *rq, const struct state_trial *tr)
{
    struct outcome o = {.end = state_done_before(tr, rq->t) ? END_DONE : end_of(state_trial_at(tr, rq->t)), .loss = NAN, .step = -1};
    const struct state_change *c = state_change_at(tr->changes, tr->n_changes, rq->t);
    double value;
    o.when = c ? c->time : tr->created;
    if (state_value_at(rq->s, tr, rq->t, &value, &o.step) && isfinite(value))
        o.loss = rq->s->info.maximize ? -value : value;
    if ((o.end == END_DONE || o.end == END_PRUNED) && isnan(o.loss))
        o.end = o.end == END_DONE ? END_FAILED : END_FORGOTTEN; /* stopped before it said anything */
    return o;
}

struct placing {
    const struct space *s;
    double *dna;
    bool outside;
};

static bool place_value(void *arg, const char *name, struct span value)
{
    struct placing *p = arg;
    int i = space_find(p->s, name);
    if (i < 0)
        return true;
    struct tune_value v = params_value(value);
    double u, x;
    if (param_encode(&p->s->params[i], &v, &u, NULL) == 0) {
        p->dna[i] = u;
    } else { /* of another version: the nearest place there is */
        p->outside = true;
        if (param_numeric(&p->s->params[i]) && tune_number(&v, &x) && !isnan(x))
            p->dna[i] = param_place(&p->s->params[i], x);
    }
    tune_value_free(&v);
    return true;
}

/* Whether it lies outside the space. What it says nothing about stays in the middle, or at the default. */
static bool place_trial(const struct space *s, const struct state_trial *tr, double *dna)
{
    struct placing p = {s, dna, false};
    for (int i = 0; i < s->n; i++) {
        const struct param *q = &s->params[i];
        dna[i] = param_numeric(q) ? 0.5 : 0;
        if (q->fallback.kind != TUNE_ABSENT)
            param_encode(q, &q->fallback, &dna[i], NULL);
    }
    params_each((struct span){tr->params, tr->params_n}, place_value, &p);
    space_canon(s, dna);
    return p.outside;
}

struct ending {
    int64_t when;
    int trial; /* in the history */
    struct outcome o;
};

static int by_time(const void *a, const void *b)
{
    const struct ending *x = a, *y = b;
    if (x->when != y->when)
        return x->when < y->when ? -1 : 1;
    return x->trial - y->trial;
}

void history_at_fill(const struct view_request *rq, const struct space *s, struct history *h)
{
    const struct state *st = rq->s;
    double *dna = mem_zero((size_t)s->n + 1, sizeof *dna);
    struct ending *ends = mem_zero((size_t)st->n_trials + 1, sizeof *ends);
    int n = 0;
    history_init(h, s->n);
    for (int i = 0; i < st->n_trials; i++) {
        const struct state_trial *tr = st->trials[i];
        if (!view_has_trial(rq, tr))
            continue;
        bool outside = place_trial(s, tr, dna);
        int at = history_add(h, tr->trial, dna);
        if (at < 0)
            continue;
        struct outcome o = outcome_of(rq, tr);
        h->trials[at].outside = outside;
        h->trials[at].space_version = tr->space_version;
        if (o.end == END_PENDING && !isnan(o.loss))
            history_point(h, at, o.step, o.loss);
        else if (o.end != END_PENDING)
            ends[n++] = (struct ending){o.when, at, o};
    }
    qsort(ends, (size_t)n, sizeof *ends, by_time);
    for (int k = 0; k < n; k++)
        history_end(h, ends[k].trial, ends[k].o.end, ends[k].o.step, ends[k].o.loss);
    free(dna);
    free(ends);
}

/* ---- the cache ---- */

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

/* Keys of what has ended, and of everything that a history holds. Never 0. */
static void keys_of(const struct view_request *rq, uint64_t *fit, uint64_t *all)
{
    const struct state *st = rq->s;
    int spaces = STATE_PREFIX(st->spaces, st->n_spaces, struct state_space, time, rq->t);
    uint64_t f = mix(1, (uint64_t)spaces), a;
    for (int i = 0; !st->info.yaml && i < st->n_runs; i++) /* what was declared is the space */
        f = view_has_run(rq, st->runs[i])
                ? mix(f, (uint64_t)STATE_PREFIX(st->runs[i]->params, st->runs[i]->n_params,
                                                struct state_param, time, rq->t))
                : f;
    a = f;
    for (int i = 0; i < st->n_trials; i++) {
        uint64_t bits;
        if (!view_has_trial(rq, st->trials[i]))
            continue;
        struct outcome o = outcome_of(rq, st->trials[i]);
        memcpy(&bits, &o.loss, sizeof bits);
        uint64_t h = mix(mix((uint64_t)i, bits), (uint64_t)o.end);
        a = mix(a, h);
        if (o.end != END_PENDING || !st->info.yaml) /* without a file each trial may widen the space */
            f = mix(f, o.end == END_PENDING ? (uint64_t)i : h);
    }
    *fit = f | 1;
    *all = a | 1;
}

static void model_release(struct model *m)
{
    surrogate_free(m->surrogate);
    history_release(&m->history);
    space_free(m->space);
    free(m->why);
    for (int i = 0; i < 2; i++) {
        if (m->importance[i])
            free(m->importance[i]->why);
        free(m->importance[i]);
    }
    *m = (struct model){0};
}

void model_cache_release(struct model_cache *c)
{
    for (int i = 0; c && i < MODEL_SLOTS; i++)
        if (c->slots[i].fit_key)
            model_release(&c->slots[i]);
}

struct model_cache *model_cache_new(void)
{
    return MEM_NEW(struct model_cache);
}

void model_cache_free(struct model_cache *c)
{
    model_cache_release(c);
    free(c);
}

static struct model *slot_for(struct model_cache *c, uint64_t fit)
{
    struct model *oldest = &c->slots[0];
    for (int i = 0; i < MODEL_SLOTS; i++) {
        if (c->slots[i].fit_key == fit)
            return &c->slots[i];
        if (c->slots[i].used < oldest->used)
            oldest = &c->slots[i];
    }
    if (oldest->fit_key)
        model_release(oldest);
    return oldest;
}

struct model *model_at(struct model_cache *c, const struct view_request *rq, char **cause)
{
    uint64_t fit, all;
    keys_of(rq, &fit, &all);
    struct model *m = slot_for(c, fit);
    if (!m->fit_key) {
        struct space *s = space_at(rq, cause);
        if (!s)
            return NULL;
        m->space = s;
        history_at_fill(rq, s, &m->history);
        m->surrogate = surrogate_new(s, &m->history, &m->why);
        m->fit_key = fit;
        m->key = all;
    } else if (m->key != all) {
        history_release(&m->history);
        history_at_fill(rq, m->space, &m->history);
        m->key = all;
    }
    m->used = ++c->clock;
    return m;
}

const struct model_importance *model_importance(struct model *m, bool quick)
{
    struct model_importance **slot = &m->importance[quick];
    if (*slot)
        return *slot;
    struct model_importance *im = *slot = MEM_NEW(struct model_importance);
    im->r2 = NAN;
    im->n = quick ? importance_quick(m->space, &m->history, im->rows, IMPORTANCE_ROWS, &im->why)
                  : importance_fanova(m->space, &m->history, im->rows, IMPORTANCE_ROWS, &im->r2, &im->why);
    im->n = im->n < 0 ? 0 : im->n < IMPORTANCE_ROWS ? im->n : IMPORTANCE_ROWS;
    return im;
}
