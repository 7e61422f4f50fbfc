/* Quasi-random search: points of a scrambled Sobol or Halton sequence, mapped through the prior of each
 * parameter. Like random search, but without its clumps and gaps: every parameter is covered evenly after any
 * number of trials. Papers: see sobol.c; O. Bousquet et al., "Critical Hyper-Parameters: No Random, No Cry",
 * 2017.
 *
 * Points that are banned, or refused by the thinning that honours boosts, are passed over. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/draw.h"
#include "tune/sobol.h"

#define PASSED_MAX 5000 /* points looked at in one ask */

struct quasi {
    struct sobol *sobol; /* NULL: Halton */
    uint64_t seed;
    uint32_t next;
};

static void drop(void *self)
{
    struct quasi *q = self;
    sobol_free(q->sobol);
    free(q);
}

static void *make(const struct tuner_env *env, bool sobol)
{
    struct quasi *q = MEM_NEW(struct quasi);
    q->seed = rng_u64(env->rng);
    if (sobol)
        q->sobol = sobol_new(env->space->n);
    return q;
}

static void *make_sobol(const struct tuner_env *env, const double *values, char **cause)
{
    return make(env, true);
}

static void *make_halton(const struct tuner_env *env, const double *values, char **cause)
{
    return make(env, false);
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    struct quasi *q = self;
    const struct space *s = env->space;
    out->forced = steering_pin(env->steer) != NULL;
    for (int passed = 0; passed < PASSED_MAX; passed++) {
        uint32_t index = q->next++;
        for (int i = 0; i < s->n; i++) {
            double u = q->sobol ? sobol_at(q->sobol, index, i, q->seed) : halton_at(index, i, q->seed);
            out->dna[i] = draw_place(&s->params[i], u);
        }
        space_canon(s, out->dna);
        if (!draw_keeps(env, out->dna))
            continue;
        snprintf(out->why, sizeof out->why, "point %lu of the sequence", (unsigned long)index + 1);
        return 0;
    }
    if (draw_prior(env, NULL, out->dna) < 0)
        return cause_set(cause, "the bans and pins leave nothing to try");
    snprintf(out->why, sizeof out->why, "a draw from the prior: no point of the sequence nearby is allowed");
    return 0;
}

static void dump(void *self, struct buf *out)
{
    const struct quasi *q = self;
    pack_u64(out, q->seed);
    pack_u64(out, q->next);
}

static void *load(const struct tuner_env *env, bool sobol, const uint8_t *p, size_t n, char **cause)
{
    struct rng kept = *env->rng; /* make draws a seed that is not wanted here */
    struct quasi *q = make(env, sobol);
    struct unpack in = {.p = p, .n = n};
    *env->rng = kept;
    q->seed = unpack_u64(&in);
    q->next = (uint32_t)unpack_u64(&in);
    if (!in.bad && !in.n)
        return q;
    drop(q);
    return cause_null(cause, "the state is not one of a quasi-random sequence");
}

static void *load_sobol(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n,
                        char **cause)
{
    return load(env, true, p, n, cause);
}

static void *load_halton(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n,
                         char **cause)
{
    return load(env, false, p, n, cause);
}

const struct tuner_ops tuner_sobol = {
    .name = "sobol",
    .paper = "Sobol 1967; Joe and Kuo 2008; Owen 1995",
    .summary = "evenly spread points: a scrambled Sobol sequence",
    .make = make_sobol,
    .drop = drop,
    .propose = propose,
    .dump = dump,
    .load = load_sobol,
};

const struct tuner_ops tuner_halton = {
    .name = "halton",
    .paper = "Halton 1960; Owen 2017",
    .summary = "evenly spread points: a scrambled Halton sequence",
    .make = make_halton,
    .drop = drop,
    .propose = propose,
    .dump = dump,
    .load = load_halton,
};
