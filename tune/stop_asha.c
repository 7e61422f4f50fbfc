/* Asynchronous successive halving, stopping variant: L. Li, K. Jamieson, A. Rostamizadeh et al., "A System
 * for Massively Parallel Hyperparameter Tuning", MLSys 2020; the rule without pauses is Ray Tune's.
 *
 * Milestones min_resource * eta^k below max_resource. A report records its loss at the highest milestone that
 * it has reached and not yet recorded; the trial is stopped when that loss is worse than the best 1/eta of
 * all losses recorded there, its own included. The first to arrive always goes on. Resource is the step of
 * the report. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/rungs.h"
#include "tune/tuner.h"

#define LADDER 60 /* rungs when nobody names a largest resource */

struct asha {
    struct rungs rungs;
    double eta;
};

static void drop(void *self)
{
    struct asha *a = self;
    rungs_release(&a->rungs);
    free(a);
}

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    double eta = values[0], min = values[1], max = values[2];
    if (max > 0 && max <= min)
        return cause_null(cause, "asha: max_resource %g is not above min_resource %g", max, min);
    struct asha *a = MEM_NEW(struct asha);
    a->eta = eta;
    for (double r = min; a->rungs.n < LADDER && (max <= 0 || r < max * (1 - 1e-9)); r *= eta)
        rungs_add(&a->rungs, r);
    return a;
}

static void judge(void *self, const struct tuner_env *env, const struct observation *ob,
                  struct tell_result *out)
{
    struct asha *a = self;
    int k = ob->step < 0 || isnan(ob->loss) ? -1 : rungs_reached(&a->rungs, (double)ob->step);
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

static int rows(void *self, const struct tuner_env *env, struct rung_row *out, int max)
{
    const struct asha *a = self;
    return rungs_rows(&a->rungs, 1 / a->eta, out, max);
}

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct asha *a = self;
    snprintf(out, cap, "eta %g from %g", a->eta, a->rungs.n ? a->rungs.rung[0].resource : NAN);
}

static void dump(void *self, struct buf *out)
{
    rungs_pack(&((struct asha *)self)->rungs, out);
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    struct asha *a = make(env, values, cause);
    struct unpack in = {.p = p, .n = n};
    if (!a)
        return NULL;
    if (rungs_unpack(&a->rungs, &in) == 0 && !in.n)
        return a;
    drop(a);
    return cause_null(cause, "the state is not one of asha with these rungs");
}

static const struct tuner_option options[] = {
    {"eta", 1.1, 100, 3, "one in eta goes on at each rung"},
    {"min_resource", 1e-9, 1e15, 1, "step of the first rung"},
    {"max_resource", 0, 1e15, 0, "step of a full run: no rung from there on; 0: no end"},
    {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_asha = {
    .name = "asha",
    .paper = "Li et al. 2020 (stopping variant)",
    .summary = "stops a trial that is not among the best 1/eta at a rung",
    .options = options,
    .make = make,
    .drop = drop,
    .judge = judge,
    .rungs = rows,
    .describe = describe,
    .dump = dump,
    .load = load,
};
