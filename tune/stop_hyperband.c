/* W&B's early_terminate: {type: hyperband}, a stopping rule in the manner of Hyperband (L. Li et al., JMLR
 * 2018) as W&B's sweep controller applies it.
 *
 * Bands count logged values, not steps: min_iter * eta^k, or max_iter / eta^k for k = 1..s. At a band the
 * threshold is the value at index int(n / eta) of the sorted values of the n trials that got so far; a
 * running trial is stopped when its value at its largest reached band (strict) or its best value so far (not
 * strict) is worse. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/rungs.h"
#include "tune/tuner.h"

#define TERMS 100 /* bands counted up from min_iter, as W&B does */

struct band_stop {
    struct rungs rungs;
    double eta;
    bool strict;
};

static void drop(void *self)
{
    struct band_stop *b = self;
    rungs_release(&b->rungs);
    free(b);
}

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    double eta = values[0], min_iter = values[1], max_iter = values[2];
    int s = (int)values[3];
    if (!(min_iter > 0) && !(max_iter > 0 && s > 0))
        return cause_null(cause, "hyperband: min_iter, or max_iter with s, must be given");
    struct band_stop *b = MEM_NEW(struct band_stop);
    b->eta = eta;
    b->strict = values[4] != 0;
    if (min_iter > 0) {
        for (double r = min_iter; b->rungs.n < TERMS && r < 1e15; r *= eta)
            rungs_add(&b->rungs, floor(r));
        return b;
    }
    for (int k = s; k >= 1; k--) { /* ascending */
        double band = max_iter;
        for (int i = 0; i < k; i++)
            band /= eta;
        if (band >= 1)
            rungs_add(&b->rungs, floor(band));
    }
    return b;
}

static double threshold(const struct rung *r, double eta)
{
    double *v = rungs_sorted(r);
    int at = (int)(r->n / eta);
    double t = v[at < r->n ? at : r->n - 1];
    free(v);
    return t;
}

static void judge(void *self, const struct tuner_env *env, const struct observation *ob,
                  struct tell_result *out)
{
    struct band_stop *b = self;
    const struct history_trial *t = &env->history->trials[ob->trial];
    int k = rungs_reached(&b->rungs, t->n_points);
    if (k < 0 || isnan(ob->loss))
        return;
    struct rung *r = &b->rungs.rung[k];
    struct rung_value *mine = rungs_of(&b->rungs, k, ob->trial);
    if (!mine)
        mine = rungs_record(&b->rungs, k, ob->trial, t->points[(int)r->resource - 1].loss);
    double value = mine->loss, cutoff = threshold(r, b->eta);
    for (int i = 0; !b->strict && i < t->n_points; i++)
        value = fmin(value, t->points[i].loss);
    out->rung = k;
    out->cutoff = cutoff;
    mine->stopped |= !ob->final && value > cutoff;
    out->action = mine->stopped ? TELL_STOP : TELL_CONTINUE;
    snprintf(out->why, sizeof out->why, "band of %g values: %s the threshold of %d trials", r->resource,
             value > cutoff ? "worse than" : "within", r->n);
}

static int rows(void *self, const struct tuner_env *env, struct rung_row *out, int max)
{
    const struct band_stop *b = self;
    int n = rungs_rows(&b->rungs, 1 / b->eta, out, max);
    for (int k = 0; k < n && k < max; k++)
        out[k].cutoff = b->rungs.rung[k].n ? threshold(&b->rungs.rung[k], b->eta) : NAN;
    return n;
}

static const struct rungs *ladder(void *self)
{
    return &((struct band_stop *)self)->rungs;
}

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct band_stop *b = self;
    snprintf(out, cap, "bands eta %g%s", b->eta, b->strict ? ", strict" : "");
}

static void dump(void *self, struct buf *out)
{
    rungs_pack(&((struct band_stop *)self)->rungs, out);
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    struct band_stop *b = make(env, values, cause);
    if (!b || rungs_restore(&b->rungs, p, n, cause))
        return b;
    drop(b);
    return NULL;
}

static const struct tuner_option options[] = {
    {"eta", 1.0000001, 1000, 3, "factor between bands"},
    {"min_iter", 0, 1e15, 0, "logged values at the first band, counting up"},
    {"max_iter", 0, 1e15, 0, "logged values of a full run, counting down in s bands"},
    {"s", 0, 1000, 0, "bands below max_iter"},
    {"strict", 0, 1, 1, "1: the value at the band counts; 0: the best one so far"},
    {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_hyperband_stop = {
    .name = "wandb_hyperband",
    .paper = "Li et al. 2018; W&B sweeps, hyperband_stopping.py",
    .summary = "early_terminate of W&B sweep files: bands counted in logged values",
    .options = options,
    .make = make,
    .drop = drop,
    .judge = judge,
    .ladder = ladder,
    .rungs = rows,
    .describe = describe,
    .dump = dump,
    .load = load,
};
