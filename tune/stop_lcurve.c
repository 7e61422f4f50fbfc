/* Stopping by extrapolation: T. Domhan, J. T. Springenberg and F. Hutter, IJCAI 2015. A trial's curve so far is fitted and
 * extrapolated to a full run (tune/curve_fit.c); it is stopped when the probability that it ends better than the best finished
 * trial is below delta.
 *
 * The end of a full run is max_resource, else the furthest step that a finished trial had. The curve is the reported one, or
 * the best so far (`best`: 1) where the objective is the best epoch. With only a few points the spread of predictions is
 * wide, so nobody is stopped in a hurry. The state is the history. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/curve_fit.h"
#include "tune/quantile.h"
#include "tune/tuner.h"

#define POINTS_MAX 32 /* of a longer curve that many, evenly spread, and always the last */
#define FEWEST     6  /* one family alone would be too sure of itself */

enum { OPT_DELTA, OPT_MAX, OPT_STARTUP, OPT_WARMUP, OPT_INTERVAL, OPT_BEST };

struct lcurve {
    double v[6];
};

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    struct lcurve *l = MEM_NEW(struct lcurve);
    for (int i = 0; i < 6; i++)
        l->v[i] = values[i];
    return l;
}

static void drop(void *self)
{
    free(self);
}

/* Step of a full run; -1 nobody knows yet. */
static double horizon(const struct lcurve *l, const struct history *h)
{
    double end = l->v[OPT_MAX] > 0 ? l->v[OPT_MAX] : -1;
    for (int i = 0; l->v[OPT_MAX] <= 0 && i < h->n; i++)
        if (h->trials[i].end == END_DONE && (double)h->trials[i].step > end)
            end = (double)h->trials[i].step;
    return end;
}

static double best_finished(const struct history *h)
{
    double best = NAN;
    for (int i = 0; i < h->n; i++)
        if (h->trials[i].end == END_DONE && !(h->trials[i].loss >= best))
            best = h->trials[i].loss;
    return best;
}

/* The curve on its own scale: t in (0, 1] of the horizon, y from 0 to 1 of its range. */
static int curve(const struct lcurve *l, const struct history_trial *t, double end, double *x, double *y, double *low,
                 double *range)
{
    double least = INFINITY, most = -INFINITY, best = INFINITY;
    int n = 0, from = t->n_points > POINTS_MAX ? POINTS_MAX : t->n_points;
    double origin = t->n_points > 1 && t->points[0].step <= 0 ? 1 - (double)t->points[0].step : 0; /* counts from 0 */
    for (int i = 0, at = 0; i < t->n_points; i++) {
        best = fmin(best, t->points[i].loss);
        if (i != (at + 1) * t->n_points / from - 1)
            continue;
        at++;
        x[n] = ((double)t->points[i].step + origin) / (end + origin);
        y[n] = l->v[OPT_BEST] != 0 ? best : t->points[i].loss;
        if (n && !(x[n] > x[n - 1]))
            continue; /* a step that was reported again */
        least = fmin(least, y[n]);
        most = fmax(most, y[n++]);
    }
    *low = least;
    *range = most > least ? most - least : 1;
    for (int i = 0; i < n; i++)
        y[i] = (y[i] - least) / *range;
    return n;
}

static bool due(const struct lcurve *l, const struct history_trial *t)
{
    double step = (double)t->points[t->n_points - 1].step, every = l->v[OPT_INTERVAL];
    double before = t->n_points > 1 ? (double)t->points[t->n_points - 2].step : -INFINITY;
    return step >= l->v[OPT_WARMUP] && (every <= 1 || floor(step / every) > floor(before / every));
}

static void judge(void *self, const struct tuner_env *env, const struct observation *ob, struct tell_result *out)
{
    const struct lcurve *l = self;
    const struct history *h = env->history;
    const struct history_trial *t = &h->trials[ob->trial];
    double x[POINTS_MAX], y[POINTS_MAX], low, range, mean, sd;
    struct curve_fit fits[CURVE_COUNT];
    if (ob->final || isnan(ob->loss) || h->done < l->v[OPT_STARTUP] || t->n_points < FEWEST || !due(l, t))
        return;
    double end = horizon(l, h), best = best_finished(h);
    if (!(end > (double)ob->step) || isnan(best))
        return;
    int n = curve(l, t, end, x, y, &low, &range), found = curve_fit_all(x, y, n, fits);
    if (!found)
        return;
    curve_predict(fits, found, 1, &mean, &sd);
    mean = low + mean * range;
    sd *= range;
    double chance = normal_below((best - mean) / sd), sign = env->maximize ? -1 : 1;
    out->cutoff = best;
    out->action = chance < l->v[OPT_DELTA] ? TELL_STOP : TELL_CONTINUE;
    snprintf(out->why, sizeof out->why, "heads for %.4g +- %.2g at step %g: beats %.4g with probability %.3g", sign * mean, sd,
             end, sign * best, chance);
}

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct lcurve *l = self;
    snprintf(out, cap, "below %g", l->v[OPT_DELTA]);
}

static void dump(void *self, struct buf *out)
{
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    return n ? cause_null(cause, "the state is not one of lcurve") : make(env, values, cause);
}

static const struct tuner_option options[] = {
    [OPT_DELTA] = {"delta", 0, 1, 0.05, "stopped below this probability of ending better than the best"},
    [OPT_MAX] = {"max_resource", 0, 1e15, 0, "step of a full run; 0: as far as finished trials went"},
    [OPT_STARTUP] = {"startup", 1, 1e9, 3, "finished trials before anything is stopped"},
    [OPT_WARMUP] = {"warmup", 0, 1e15, 0, "steps of a trial before it can be stopped"},
    [OPT_INTERVAL] = {"interval", 1, 1e15, 1, "steps between judgements"},
    [OPT_BEST] = {"best", 0, 1, 0, "1: the best value so far is what counts, not the last"},
    {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_lcurve = {
    .name = "lcurve",
    .paper = "Domhan et al. 2015",
    .summary = "extrapolates a trial's curve and stops it when it will hardly beat the best",
    .options = options,
    .make = make,
    .drop = drop,
    .judge = judge,
    .describe = describe,
    .dump = dump,
    .load = load,
};
