/* Random search: J. Bergstra and Y. Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 13, 2012.
 * Draws from the prior, independent of everything that was learned; the baseline that others have to beat. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/draw.h"

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    return mem_zero(1, 1); /* no state; a handle that is not NULL */
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    if (draw_prior(env, NULL, out->dna) < 0)
        return cause_set(cause, "the bans and pins leave nothing to try");
    out->forced = steering_pin(env->steer) != NULL;
    snprintf(out->why, sizeof out->why, "a draw from the prior%s",
             steering_any(env->steer) ? ", as steered" : "");
    return 0;
}

static void dump(void *self, struct buf *out)
{
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    return n ? cause_null(cause, "the state is not one of random search") : make(env, values, cause);
}

static void drop(void *self)
{
    free(self);
}

const struct tuner_ops tuner_random = {
    .name = "random",
    .paper = "Bergstra and Bengio 2012",
    .summary = "independent draws from the prior",
    .make = make,
    .drop = drop,
    .propose = propose,
    .dump = dump,
    .load = load,
};
