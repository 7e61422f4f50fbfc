/* evaluation: see evaluation.h. */
#include "hub/evaluation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cause.h"
#include "base/mem.h"
#include "hub/trial.h"

static bool tested(struct sweep *s, int64_t trial)
{
    for (int64_t i = trial + 1; i < s->state->n_trials; i++) {
        const struct state_trial *t = state_trial(s->state, i);
        if (t && t->parent == trial && state_trial_tests(t))
            return true;
    }
    return false;
}

/* A finished trial that may be called the winner. */
static bool eligible(const struct sweep *s, const struct state_trial *t, double *value)
{
    int64_t step;
    return t && !state_trial_tests(t) && trial_now(s, t->trial) == TRIAL_DONE &&
           state_value_at(s->state, t, STATE_NOW, value, &step) && isfinite(*value);
}

/* What a trial is ranked by: its value, or, where the tuner decides on replicates, what it is worth with some certainty. */
static double *ranked_by(const struct sweep *s)
{
    const struct history *h = tuner_history(s->tuner);
    double *worth = mem_zero((size_t)s->state->n_trials + 1, sizeof *worth),
           *bound = mem_zero((size_t)h->n + 1, sizeof *bound);
    if (s->file.replicates)
        tuner_bounds(s->tuner, bound);
    for (int64_t i = 0; i < s->state->n_trials; i++) {
        int k = history_find(h, i);
        if (!eligible(s, state_trial(s->state, i), &worth[i]))
            worth[i] = NAN;
        else if (s->file.replicates && k >= 0 && !isnan(bound[k]))
            worth[i] = bound[k];
    }
    free(bound);
    return worth;
}

/* The best eligible trial that is worse than (or equal to and after) the one given; -1: the first. */
static int64_t next_best(const struct sweep *s, const double *worth, int64_t n, int64_t after)
{
    double last = after >= 0 ? worth[after] : NAN, best = NAN;
    int64_t found = -1;
    for (int64_t i = 0; i < n; i++) {
        if (isnan(worth[i]))
            continue;
        double key = s->state->info.maximize ? -worth[i] : worth[i], bound = s->state->info.maximize ? -last : last;
        if (after >= 0 && !(key > bound || (key == bound && i > after)))
            continue;
        if (found < 0 || key < best) {
            best = key;
            found = i;
        }
    }
    return found;
}

int64_t evaluation_queue(struct sweep *s, int64_t trial, const int64_t *seeds, int n, const char *why,
                         int64_t intervention, char **cause)
{
    const struct state_trial *of = state_trial(s->state, trial);
    if (n == 0) {
        seeds = s->file.test_seeds;
        n = s->file.n_test_seeds;
    }
    if (n == 0)
        return cause_set(cause, "there are no test seeds: give some, or write hypertop: {test_seeds: N} in the sweep file");
    for (int i = 0; i < n; i++)
        for (int k = 0; k < s->file.n_seeds; k++)
            if (seeds[i] == s->file.seeds[k])
                return cause_set(cause, "%lld is a tuning seed: a score on a seed that was tuned on is no test",
                                 (long long)seeds[i]);
    if (!of || state_trial_tests(of))
        return cause_set(cause, "t%lld is a test itself", (long long)trial);
    struct trial_birth b = {.dna = of->n_dna == tuner_space(s->tuner)->n ? of->dna : NULL,
                            .params = {of->params, of->params_n},
                            .origin = "test",
                            .parent = trial,
                            .propensity = NAN,
                            .why = why,
                            .seeds = seeds,
                            .n_seeds = n,
                            .intervention = intervention};
    return trial_create(s, &b);
}

bool evaluation_begin(struct sweep *s)
{
    bool any = false;
    int64_t at = -1;
    if (!s->tuner || s->file.n_test_seeds == 0)
        return false;
    int64_t n = s->state->n_trials; /* the tests that are queued now come behind them */
    double *worth = ranked_by(s);
    for (int i = 0; i < s->file.test_incumbents; i++) {
        char why[160], *cause = NULL;
        if ((at = next_best(s, worth, n, at)) < 0)
            break;
        if (tested(s, at))
            continue;
        snprintf(why, sizeof why, "t%lld is number %d on the tuning seeds: scored on the test seeds", (long long)at,
                 i + 1);
        if (evaluation_queue(s, at, NULL, 0, why, 0, &cause) >= 0)
            any = true;
        free(cause);
    }
    free(worth);
    return any;
}
