/* Successive halving: K. Jamieson and A. Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization",
 * AISTATS 2016; Hyperband: L. Li et al., JMLR 18, 2018, with HpBandSter's rounding unless asked for the paper's.
 *
 * Schedulers that hold and resume: any sampler fills in the configurations. A trial trains up to its rung, is paused with a
 * checkpoint, and goes on when it is among the best of its stage. While a stage waits for its last values the next bracket
 * begins, so that no slot is idle. The book is tune/bracket.c. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/bracket.h"

enum { OPT_ETA, OPT_MIN, OPT_MAX, OPT_CEIL, OPT_MOST, OPT_FIRST };

static void drop(void *self)
{
    brackets_release(self);
    free(self);
}

static void *make_plan(const double *values, bool same, const char *who, char **cause)
{
    struct bracket_plan plan = {
        .eta = values[OPT_ETA], .min = values[OPT_MIN], .max = values[OPT_MAX], .ceil = values[OPT_CEIL] != 0};
    if (bracket_plan_check(&plan, who, cause) < 0)
        return NULL;
    struct brackets *k = MEM_NEW(struct brackets);
    k->plan = plan;
    k->same = same;
    k->most = (int64_t)values[OPT_MOST];
    k->first = same ? (int)values[OPT_FIRST] : 0;
    brackets_init(k);
    return k;
}

static void *make_halving(const struct tuner_env *env, const double *values, char **cause)
{
    return make_plan(values, true, "successive_halving", cause);
}

static void *make_hyperband(const struct tuner_env *env, const double *values, char **cause)
{
    return make_plan(values, false, "hyperband", cause);
}

static enum tuner_offer offer(void *self, const struct tuner_env *env, struct proposal *out)
{
    return brackets_offer(self, env, out);
}

static void begun(void *self, const struct tuner_env *env, int trial, const struct proposal *p)
{
    brackets_begun(self, env, trial, p);
}

static void judge(void *self, const struct tuner_env *env, const struct observation *ob, struct tell_result *out)
{
    brackets_judge(self, env, ob, out);
}

static void learn(void *self, const struct tuner_env *env, const struct observation *ob)
{
    brackets_learn(self, env, ob);
}

static bool holds(void *self, const struct tuner_env *env, int trial)
{
    return brackets_holds(self, trial);
}

static const struct rungs *ladder(void *self)
{
    return &((struct brackets *)self)->ladder;
}

static int rows(void *self, const struct tuner_env *env, struct rung_row *out, int max)
{
    return brackets_rows(self, out, max);
}

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    brackets_describe(self, out, cap);
}

static void dump(void *self, struct buf *out)
{
    brackets_pack(self, out);
}

static void *load(const struct tuner_env *env, struct brackets *k, const uint8_t *p, size_t n, char **cause)
{
    struct unpack in = {.p = p, .n = n};
    if (!k || (brackets_unpack(k, env->history->n, &in) == 0 && !in.n))
        return k;
    drop(k);
    return cause_null(cause, "the state is not one of these brackets");
}

static void *load_halving(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    return load(env, make_halving(env, values, cause), p, n, cause);
}

static void *load_hyperband(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    return load(env, make_hyperband(env, values, cause), p, n, cause);
}

#define BRACKET_OPTIONS                                                                                                \
    [OPT_ETA] = {"eta", 1.1, 100, 3, "one in eta goes on at each rung"},                                               \
    [OPT_MIN] = {"min_resource", 1e-9, 1e15, 1, "step of the first rung, or a little above it"},                       \
    [OPT_MAX] = {"max_resource", 1e-9, 1e15, 81, "step of a full run; the sweep's fidelity max where that is given"},  \
    [OPT_CEIL] = {"ceil", 0, 1, 0, "1: first rungs rounded up, as in the paper; 0: down, as HpBandSter does"},         \
    [OPT_MOST] = {"brackets", 0, 1e9, 0, "so many brackets and no more; 0: as many as the budget allows"}

static const struct tuner_option halving_options[] = {
    BRACKET_OPTIONS,
    [OPT_FIRST] = {"first", 0, 1e6, 0, "trials at the first rung of a bracket; 0: eta to the number of promotions"},
    {NULL, 0, 0, 0, NULL},
};

static const struct tuner_option hyperband_options[] = {
    BRACKET_OPTIONS,
    {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_successive_halving = {
    .name = "successive_halving",
    .paper = "Jamieson and Talwalkar 2016",
    .summary = "brackets of trials; at each rung all wait, and the best 1/eta are resumed",
    .options = halving_options,
    .make = make_halving,
    .drop = drop,
    .judge = judge,
    .learn = learn,
    .offer = offer,
    .begun = begun,
    .holds = holds,
    .ladder = ladder,
    .rungs = rows,
    .describe = describe,
    .dump = dump,
    .load = load_halving,
};

const struct tuner_ops tuner_hyperband = {
    .name = "hyperband",
    .paper = "Li et al. 2018",
    .summary = "successive halving in brackets from many short runs to few long ones, in turn",
    .options = hyperband_options,
    .make = make_hyperband,
    .drop = drop,
    .judge = judge,
    .learn = learn,
    .offer = offer,
    .begun = begun,
    .holds = holds,
    .ladder = ladder,
    .rungs = rows,
    .describe = describe,
    .dump = dump,
    .load = load_hyperband,
};
