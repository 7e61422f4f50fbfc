/* The median stopping rule and its general form, the percentile rule: D. Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD
 * 2017, in Optuna's form: a trial is stopped when its best value so far is worse than the given percentile of
 * what the completed trials had at the same step. The state is the history.
 *
 * The percentile rule has Optuna's defaults: the best quarter may go on; it judges every `interval` steps. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/tuner.h"

struct median {
    double percentile, startup, warmup, interval;
};

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    struct median *m = MEM_NEW(struct median);
    *m = (struct median){values[0], values[1], values[2], values[3]};
    return m;
}

static void drop(void *self)
{
    free(self);
}

/* The first report at or after each multiple of the interval behind the warm-up. */
static bool due(const struct median *m, const struct history *h, const struct observation *ob)
{
    const struct history_trial *t = &h->trials[ob->trial];
    if (m->interval <= 1 || t->n_points < 2)
        return true;
    double now = floor(((double)ob->step - m->warmup) / m->interval);
    double before = floor(((double)t->points[t->n_points - 2].step - m->warmup) / m->interval);
    return now > before;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void judge(void *self, const struct tuner_env *env, const struct observation *ob,
                  struct tell_result *out)
{
    const struct median *m = self;
    const struct history *h = env->history;
    if (ob->final || isnan(ob->loss) || (double)ob->step < m->warmup || h->done < m->startup || !due(m, h, ob))
        return;
    double *v = mem_zero((size_t)h->n, sizeof *v);
    int n = 0;
    for (int i = 0; i < h->n; i++) {
        double x = h->trials[i].end == END_DONE ? history_at(h, i, ob->step, false) : NAN;
        if (!isnan(x))
            v[n++] = x;
    }
    if (n > 0 && n >= m->startup) {
        qsort(v, (size_t)n, sizeof *v, ascending);
        double at = m->percentile / 100 * (n - 1), best = history_at(h, ob->trial, ob->step, true);
        int k = (int)at;
        out->cutoff = k + 1 < n ? v[k] + (at - k) * (v[k + 1] - v[k]) : v[n - 1];
        out->action = best > out->cutoff ? TELL_STOP : TELL_CONTINUE;
        snprintf(out->why, sizeof out->why,
                 "best so far %s the %.0f %% point of %d finished trials at step %lld",
                 best > out->cutoff ? "worse than" : "within", m->percentile, n, (long long)ob->step);
    }
    free(v);
}

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct median *m = self;
    snprintf(out, cap, "at %g %%", m->percentile);
}

static void dump(void *self, struct buf *out)
{
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    return n ? cause_null(cause, "the state is not one of the median rule") : make(env, values, cause);
}

#define RULE_OPTIONS                                                                                                   \
    {"startup", 0, 1e9, 5, "finished trials before anything is stopped"},                                              \
        {"warmup", 0, 1e15, 0, "steps of a trial before it can be stopped"},                                           \
        {"interval", 1, 1e15, 1, "steps between judgements"}, {NULL, 0, 0, 0, NULL}

static const struct tuner_option median_options[] = {
    {"percentile", 0, 100, 50, "how many per cent of the finished trials may go on"},
    RULE_OPTIONS,
};

static const struct tuner_option percentile_options[] = {
    {"percentile", 0, 100, 25, "how many per cent of the finished trials may go on"},
    RULE_OPTIONS,
};

const struct tuner_ops tuner_median = {
    .name = "median",
    .paper = "Golovin et al. 2017",
    .summary = "stops a trial that is worse than the median of the finished ones at the same step",
    .options = median_options,
    .make = make,
    .drop = drop,
    .judge = judge,
    .describe = describe,
    .dump = dump,
    .load = load,
};

const struct tuner_ops tuner_percentile = {
    .name = "percentile",
    .paper = "Golovin et al. 2017",
    .summary = "stops a trial that is not among the best quarter of the finished ones at the same step",
    .options = percentile_options,
    .make = make,
    .drop = drop,
    .judge = judge,
    .describe = describe,
    .dump = dump,
    .load = load,
};
