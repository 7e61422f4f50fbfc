/* auto, the default: looks at the space and the budget, chooses one of the others and says which and why.
 *
 *   at most 500 trials, at most 20 parameters   gp: learns most from few trials (lowest regret in
 * bench-tuners). In a finite space it repeats nothing, so it ends like a grid, the best first every
 * combination fits into the budget      grid: nothing is missed, nothing repeated else tpe: nearly as good,
 * at a hundredth of the cost
 *
 * The choice is made once, when the sweep starts (and again for a new version of the space). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/tuner_state.h"

struct chosen {
    const struct tuner_ops *ops;
    void *self;
    char why[120];
};

#define GP_TRIALS 500
#define GP_DIMS   20

static const char *pick(const struct tuner_env *env, char *why, size_t cap)
{
    double count = space_count(env->space);
    int dims = 0;
    for (int i = 0; i < env->space->n; i++)
        dims += param_count(&env->space->params[i]) > 1;
    if (env->budget <= GP_TRIALS && dims > 0 && dims <= GP_DIMS) {
        snprintf(why, cap, "%d parameters and %s: each trial counts", dims,
                 env->budget < 0 ? "no budget set" : "a small budget");
        return "gp";
    }
    if (env->budget > 0 && count <= (double)env->budget) {
        snprintf(why, cap, "%g combinations fit into the budget", count);
        return "grid";
    }
    snprintf(why, cap, "%d parameters and %lld trials", dims, (long long)env->budget);
    return "tpe";
}

/* name: what was chosen before (its state is p, n); NULL: choose now. */
static void *begin(const struct tuner_env *env, const char *name, const uint8_t *p, size_t n, char **cause)
{
    struct chosen *c = MEM_NEW(struct chosen);
    double values[OPTIONS_MAX];
    const char *now = pick(env, c->why, sizeof c->why);
    c->ops = tuner_find(name ? name : now);
    if (name && strcmp(name, now))
        snprintf(c->why, sizeof c->why, "chosen when the sweep began");
    for (int i = 0; c->ops && i < OPTIONS_MAX && c->ops->options && c->ops->options[i].name; i++)
        values[i] = c->ops->options[i].fallback;
    if (!c->ops || !c->ops->propose)
        cause_set(cause, "auto chose %s, which is not there", name);
    else
        c->self = name ? c->ops->load(env, values, p, n, cause) : c->ops->make(env, values, cause);
    if (c->self)
        return c;
    free(c);
    return NULL;
}

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    return begin(env, NULL, NULL, 0, cause);
}

static void drop(void *self)
{
    struct chosen *c = self;
    c->ops->drop(c->self);
    free(c);
}

/* Every combination was to be tried once, and has been. */
static bool exhausted(const struct tuner_env *env)
{
    const struct history *h = env->history;
    double left = space_count(env->space);
    if (env->budget <= 0 || left > (double)env->budget || h->n < left)
        return false;
    for (int i = 0; i < h->n && left > 0; i++) {
        bool counts = !h->trials[i].outside && h->trials[i].end != END_FORGOTTEN;
        for (int k = 0; k < i && counts; k++)
            counts = h->trials[k].end == END_FORGOTTEN ||
                     !space_same(env->space, h->trials[k].dna, h->trials[i].dna);
        left -= counts;
    }
    return left <= 0;
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    struct chosen *c = self;
    if (exhausted(env))
        return 1;
    return c->ops->propose(c->self, env, out, cause);
}

static void learn(void *self, const struct tuner_env *env, const struct observation *ob)
{
    struct chosen *c = self;
    if (c->ops->learn)
        c->ops->learn(c->self, env, ob);
}

static void steered(void *self, const struct tuner_env *env)
{
    struct chosen *c = self;
    if (c->ops->steered)
        c->ops->steered(c->self, env);
}

static int explain(void *self, const struct tuner_env *env, struct arm_row *rows, int max)
{
    struct chosen *c = self;
    return c->ops->explain ? c->ops->explain(c->self, env, rows, max) : 0;
}

static int arm(void *self, const struct tuner_env *env, int k, struct region *out, char label[96])
{
    struct chosen *c = self;
    return c->ops->arm ? c->ops->arm(c->self, env, k, out, label) : -1;
}

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    struct chosen *c = self;
    char inner[200] = "";
    if (c->ops->describe)
        c->ops->describe(c->self, env, inner, sizeof inner);
    snprintf(out, cap, "chose %s%s%s: %s", c->ops->name, *inner ? " " : "", inner, c->why);
}

static void dump(void *self, struct buf *out)
{
    struct chosen *c = self;
    pack_str(out, c->ops->name);
    c->ops->dump(c->self, out);
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    struct unpack in = {.p = p, .n = n};
    char *name = unpack_str(&in);
    if (!name)
        return cause_null(cause, "the state is not one of auto");
    void *c = begin(env, name, in.p, in.n, cause);
    free(name);
    return c;
}

const struct tuner_ops tuner_auto = {
    .name = "auto",
    .paper = "own rules, see the manual",
    .summary = "chooses one of the others from the space and the budget, and says which",
    .make = make,
    .drop = drop,
    .propose = propose,
    .learn = learn,
    .steered = steered,
    .explain = explain,
    .arm = arm,
    .describe = describe,
    .dump = dump,
    .load = load,
};
