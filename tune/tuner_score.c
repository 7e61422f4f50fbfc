/* What the running sampler thinks of configurations, for pictures: its score and its cells. Changes no later
 * answer. */
#include "tune/tuner_state.h"

int tuner_score(const struct tuner *t, const double *dna, int n, double *out)
{
    struct tuner_env env = tuner_env(t, &t->sampler);
    struct rng rng = t->rng; /* a copy: looking must not change what comes next */
    env.rng = &rng;
    return t->sampler.ops->score ? t->sampler.ops->score(t->sampler.self, &env, dna, n, out) : -1;
}

int tuner_cells(const struct tuner *t, struct tuner_cell *rows, int max)
{
    struct tuner_env env = tuner_env(t, &t->sampler);
    struct rng rng = t->rng;
    env.rng = &rng;
    int n = t->sampler.ops->cells ? t->sampler.ops->cells(t->sampler.self, &env, rows, max) : 0;
    for (int i = 0; t->maximize && i < n && i < max; i++) {
        rows[i].mean = -rows[i].mean;
        rows[i].bound = -rows[i].bound;
    }
    return n;
}
