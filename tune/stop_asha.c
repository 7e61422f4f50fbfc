/* Asynchronous successive halving: L. Li, K. Jamieson, A. Rostamizadeh et al., "A System for Massively Parallel
 * Hyperparameter Tuning", MLSys 2020; the rule without pauses is Ray Tune's.
 *
 * Milestones min_resource * eta^k below max_resource. Resource is the step of the report.
 *
 * Stopping (the default): a report records its loss at the highest milestone that it has reached and not yet recorded; the
 * trial is stopped when that loss is worse than the best 1/eta of all losses recorded there, its own included. The first to
 * arrive always goes on.
 *
 * Promotion (promote: 1, the paper's algorithm 2): every trial is paused at its milestone; a free slot goes to a trial that is
 * among the best floor(n / eta) of a rung and was not promoted yet, highest rung first, and to a new trial when there is none. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/rungs.h"
#include "tune/tuner.h"

#define LADDER 60 /* rungs when nobody names a largest resource */

enum { OPT_ETA, OPT_MIN, OPT_MAX, OPT_PROMOTE };

struct asha {
    struct rungs rungs; /* promotion: a value is `stopped` while its trial is held there */
    double eta;
    bool promote;
    int *aim; /* promotion: the rung that each trial trains for; -1 not one of ours */
    int n_aim;
};

static void drop(void *self)
{
    struct asha *a = self;
    rungs_release(&a->rungs);
    free(a->aim);
    free(a);
}

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    double eta = values[OPT_ETA], min = values[OPT_MIN], max = values[OPT_MAX];
    if (max > 0 && max <= min)
        return cause_null(cause, "asha: max_resource %g is not above min_resource %g", max, min);
    struct asha *a = MEM_NEW(struct asha);
    a->eta = eta;
    a->promote = values[OPT_PROMOTE] != 0;
    for (double r = min; a->rungs.n < LADDER && (max <= 0 || r < max * (1 - 1e-9)); r *= eta)
        rungs_add(&a->rungs, r);
    return a;
}

/* ---- promotion ---- */

static int64_t steps_to(const struct asha *a, int rung)
{
    return rung < a->rungs.n ? (int64_t)ceil(a->rungs.rung[rung].resource) : -1;
}

static int by_loss(const void *x, const void *y)
{
    const struct rung_value *a = x, *b = y;
    if (a->loss != b->loss)
        return a->loss < b->loss ? -1 : 1;
    return a->trial - b->trial;
}

/* The best held trial of a rung that deserves the next one (what people banned meanwhile waits); -1 none. */
static int deserving(const struct asha *a, const struct tuner_env *env, int k)
{
    const struct rung *r = &a->rungs.rung[k];
    int share = (int)floor(r->n / a->eta * (1 + 1e-12)), found = -1;
    if (share < 1)
        return -1;
    struct rung_value *v = mem_dup(r->values, (size_t)r->n * sizeof *v);
    qsort(v, (size_t)r->n, sizeof *v, by_loss);
    for (int i = 0; i < share && found < 0; i++)
        if (v[i].stopped && v[i].trial < env->history->n && env->history->trials[v[i].trial].paused &&
            steering_allows(env->steer, env->space, env->history->trials[v[i].trial].dna))
            found = v[i].trial;
    free(v);
    return found;
}

static enum tuner_offer offer(void *self, const struct tuner_env *env, struct proposal *out)
{
    const struct asha *a = self;
    for (int k = a->rungs.n - 1; k >= 0 && a->promote; k--) {
        int trial = a->rungs.rung[k].n ? deserving(a, env, k) : -1;
        if (trial < 0)
            continue;
        out->resume = trial;
        out->steps = steps_to(a, k + 1);
        memcpy(out->dna, env->history->trials[trial].dna, (size_t)env->space->n * sizeof *out->dna);
        snprintf(out->why, sizeof out->why, "rung %d at %g: among the best %.0f %% of %d, promoted", k,
                 a->rungs.rung[k].resource, 100 / a->eta, a->rungs.rung[k].n);
        return OFFER_RESUME;
    }
    if (a->promote && env->last)
        return OFFER_WAIT;
    out->steps = a->promote ? steps_to(a, 0) : -1;
    return OFFER_NEW;
}

static void begun(void *self, const struct tuner_env *env, int trial, const struct proposal *p)
{
    struct asha *a = self;
    if (!a->promote)
        return;
    if (trial >= a->n_aim) {
        int n = trial + 1 > 2 * a->n_aim ? trial + 1 : 2 * a->n_aim;
        a->aim = mem_resize(a->aim, (size_t)n, sizeof *a->aim);
        for (int i = a->n_aim; i < n; i++)
            a->aim[i] = -1;
        a->n_aim = n;
    }
    if (p->resume >= 0 && a->aim[trial] >= 0) {
        struct rung_value *v = rungs_of(&a->rungs, a->aim[trial], trial);
        if (v)
            v->stopped = false;
    }
    a->aim[trial]++;
}

static void judge_promotion(struct asha *a, const struct observation *ob, struct tell_result *out)
{
    int k = ob->trial < a->n_aim ? a->aim[ob->trial] : -1;
    if (k < 0 || k >= a->rungs.n || (!ob->final && (double)ob->step < a->rungs.rung[k].resource) ||
        rungs_of(&a->rungs, k, ob->trial))
        return;
    rungs_record(&a->rungs, k, ob->trial, ob->loss)->stopped = true;
    out->rung = k;
    out->cutoff = rungs_quantile(&a->rungs.rung[k], 1 / a->eta);
    out->action = TELL_PAUSE;
    out->checkpoint = true;
    snprintf(out->why, sizeof out->why, "rung %d at %g: waits to be among the best %.0f %% of it", k,
             a->rungs.rung[k].resource, 100 / a->eta);
}

/* ---- both ---- */

static void judge(void *self, const struct tuner_env *env, const struct observation *ob, struct tell_result *out)
{
    struct asha *a = self;
    if (isnan(ob->loss))
        return;
    if (a->promote) {
        judge_promotion(a, ob, out);
        return;
    }
    int k = ob->step < 0 ? -1 : rungs_reached(&a->rungs, (double)ob->step);
    if (k < 0 || rungs_of(&a->rungs, k, ob->trial))
        return;
    struct rung *r = &a->rungs.rung[k];
    struct rung_value *mine = rungs_record(&a->rungs, k, ob->trial, ob->loss);
    double cutoff = rungs_quantile(r, 1 / a->eta);
    out->rung = k;
    out->cutoff = cutoff;
    mine->stopped = !ob->final && ob->loss > cutoff;
    out->action = mine->stopped ? TELL_STOP : TELL_CONTINUE;
    snprintf(out->why, sizeof out->why, "rung %d at %g: %s the best %.0f %% of %d", k, r->resource,
             ob->loss > cutoff ? "not among" : "among", 100 / a->eta, r->n);
}

static const struct rungs *ladder(void *self)
{
    return &((struct asha *)self)->rungs;
}

static int rows(void *self, const struct tuner_env *env, struct rung_row *out, int max)
{
    const struct asha *a = self;
    return rungs_rows(&a->rungs, 1 / a->eta, out, max);
}

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct asha *a = self;
    snprintf(out, cap, "eta %g from %g%s", a->eta, a->rungs.n ? a->rungs.rung[0].resource : NAN,
             a->promote ? ", promoting" : "");
}

static void dump(void *self, struct buf *out)
{
    const struct asha *a = self;
    pack_u64(out, (uint64_t)a->n_aim);
    for (int i = 0; i < a->n_aim; i++)
        pack_i64(out, a->aim[i]);
    rungs_pack(&a->rungs, out);
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    struct asha *a = make(env, values, cause);
    struct unpack in = {.p = p, .n = n};
    if (!a)
        return NULL;
    a->n_aim = (int)unpack_count(&in, 8);
    a->aim = mem_zero((size_t)a->n_aim, sizeof *a->aim);
    for (int i = 0; i < a->n_aim; i++)
        a->aim[i] = (int)unpack_i64(&in);
    if (rungs_restore(&a->rungs, in.p, in.n, cause))
        return a;
    drop(a);
    return NULL;
}

static const struct tuner_option options[] = {
    [OPT_ETA] = {"eta", 1.1, 100, 3, "one in eta goes on at each rung"},
    [OPT_MIN] = {"min_resource", 1e-9, 1e15, 1, "step of the first rung"},
    [OPT_MAX] = {"max_resource", 0, 1e15, 0, "step of a full run: no rung from there on; 0: no end"},
    [OPT_PROMOTE] = {"promote", 0, 1, 0, "1: trials are paused at rungs and the best resumed; 0: the others are stopped"},
    {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_asha = {
    .name = "asha",
    .paper = "Li et al. 2020",
    .summary = "stops a trial that is not among the best 1/eta at a rung, or resumes those that are",
    .options = options,
    .make = make,
    .drop = drop,
    .judge = judge,
    .offer = offer,
    .begun = begun,
    .ladder = ladder,
    .rungs = rows,
    .describe = describe,
    .dump = dump,
    .load = load,
};
