/* auto, the default: looks at the space and the budget, chooses one of the others and says which and why.
 *
 *   every combination fits into the budget     grid: nothing is missed, nothing repeated
 *   the space can be cut into arms             thompson: its arms are readable, and steering acts on them
 *   else                                       random
 *
 * The choice is made once, when the sweep starts (and again for a new version of the space). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/arms.h"
#include "tune/tuner.h"

struct chosen {
    const struct tuner_ops *ops;
    void *self;
    char why[120];
};

static const char *pick(const struct tuner_env *env, char *why, size_t cap)
{
    double count = space_count(env->space);
    struct arms *arms;
    if (env->budget > 0 && count <= (double)env->budget) {
        snprintf(why, cap, "%g combinations fit into the budget", count);
        return "grid";
    }
    if ((arms = arms_make(env->space, env->kv, ARMS_DEFAULT, NULL))) {
        arms_free(arms);
        snprintf(why, cap, "the space can be cut into arms");
        return "thompson";
    }
    snprintf(why, cap, "the space has no parts to learn about");
    return "random";
}

static void *begin(const struct tuner_env *env, const uint8_t *p, size_t n, char **cause)
{
    struct chosen *c = MEM_NEW(struct chosen);
    double values[16];
    c->ops = tuner_find(pick(env, c->why, sizeof c->why));
    for (int i = 0; i < 16 && c->ops->options && c->ops->options[i].name; i++)
        values[i] = c->ops->options[i].fallback;
    c->self = p ? c->ops->load(env, values, p, n, cause) : c->ops->make(env, values, cause);
    if (c->self)
        return c;
    free(c);
    return NULL;
}

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    return begin(env, NULL, 0, cause);
}

static void drop(void *self)
{
    struct chosen *c = self;
    c->ops->drop(c->self);
    free(c);
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    struct chosen *c = self;
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
    c->ops->dump(c->self, out);
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    return begin(env, p, n, cause);
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
