/* auto, the default: looks at the space and the budget, chooses among the others and says which and why.
 *
 *   several objectives    parego up to PAREGO_TRIALS trials and 20 parameters, motpe up to MOTPE_TRIALS, nsga2 beyond
 *   at most 500 trials,   gp, and from the 20th trial on tpe every other time. The Gaussian process learns most
 *   at most 20 parameters from few trials; where its model of the space is wrong it asks around the same places
 *                         for ever, and densities, which assume next to nothing, find the way. Measured on the 70
 *                         problems of bench-tuners, mean regret at 25, 50, 100 trials in thousandths: gp alone 110,
 *                         78, 60; tpe alone 115, 76, 55; in turn 110, 72, 53
 *   every combination     grid: nothing is missed, nothing repeated
 *   fits into the budget
 *   else                  tpe: nearly as good, at a hundredth of the cost
 *
 * The choice is made once, when the sweep starts (and again for a new version of the space). Both members of the
 * mix see every trial; whose turn it is follows from the history alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/tuner_state.h"

#define GP_TRIALS    500
#define GP_DIMS      20
#define PAREGO_TRIALS 200
#define MOTPE_TRIALS 1000
#define TURN      2  /* of so many trials one is by tpe ... */
#define START     20 /* ... from this one on */
#define MEMBERS      2

struct member {
    const struct tuner_ops *ops;
    void *self;
};

struct chosen {
    struct member member[MEMBERS]; /* the first is what people see */
    int n;
    char why[120];
};

/* Names of the members; how many. */
static int pick(const struct tuner_env *env, const char *names[MEMBERS], char *why, size_t cap)
{
    double count = space_count(env->space);
    int dims = 0;
    for (int i = 0; i < env->space->n; i++)
        dims += param_count(&env->space->params[i]) > 1;
    if (env->n_objectives > 1) {
        bool few = env->budget <= PAREGO_TRIALS && dims > 0 && dims <= GP_DIMS;
        snprintf(why, cap, "%d objectives and %s", env->n_objectives,
                 env->budget < 0 ? "no budget set" : few ? "a small budget" : "many trials");
        names[0] = few ? "parego" : env->budget <= MOTPE_TRIALS ? "motpe" : "nsga2";
        return 1;
    }
    if (env->budget <= GP_TRIALS && dims > 0 && dims <= GP_DIMS) {
        snprintf(why, cap, "%d parameters and %s: each trial counts", dims,
                 env->budget < 0 ? "no budget set" : "a small budget");
        names[0] = "gp";
        names[1] = "tpe";
        return 2;
    }
    if (env->budget > 0 && count <= (double)env->budget) {
        snprintf(why, cap, "%g combinations fit into the budget", count);
        names[0] = "grid";
        return 1;
    }
    snprintf(why, cap, "%d parameters and %lld trials", dims, (long long)env->budget);
    names[0] = "tpe";
    return 1;
}

static void drop(void *self)
{
    struct chosen *c = self;
    for (int i = 0; i < c->n; i++)
        c->member[i].ops->drop(c->member[i].self);
    free(c);
}

/* One more member, fresh or (state not NULL) as it was. */
static int join(struct chosen *c, const struct tuner_env *env, const char *name, const uint8_t *state, size_t n,
                char **cause)
{
    struct member *m = &c->member[c->n];
    double values[OPTIONS_MAX];
    m->ops = tuner_find(name);
    if (!m->ops || !m->ops->propose)
        return cause_set(cause, "auto chose %s, which is not there", name);
    for (int i = 0; i < OPTIONS_MAX && m->ops->options && m->ops->options[i].name; i++)
        values[i] = m->ops->options[i].fallback;
    m->self = state ? m->ops->load(env, values, state, n, cause) : m->ops->make(env, values, cause);
    c->n += m->self != NULL;
    return m->self ? 0 : -1;
}

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    struct chosen *c = MEM_NEW(struct chosen);
    const char *names[MEMBERS];
    int n = pick(env, names, c->why, sizeof c->why);
    for (int i = 0; i < n; i++) {
        if (join(c, env, names[i], NULL, 0, cause) == 0)
            continue;
        drop(c);
        return NULL;
    }
    return c;
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

/* Whose turn it is: a matter of how many trials there are. */
static struct member *turn(struct chosen *c, const struct tuner_env *env)
{
    const struct history *h = env->history;
    int64_t seen = h->pending + h->done + h->pruned + h->failed;
    return c->n < 2 || seen < START || seen % TURN != 0 ? &c->member[0] : &c->member[1];
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    struct chosen *c = self;
    if (exhausted(env))
        return 1;
    struct member *m = turn(c, env);
    int rc = m->ops->propose(m->self, env, out, cause);
    if (rc == 0 && c->n > 1) {
        char why[sizeof out->why];
        snprintf(why, sizeof why, "%s: %.140s", m->ops->name, out->why);
        memcpy(out->why, why, sizeof why);
    }
    return rc;
}

static void learn(void *self, const struct tuner_env *env, const struct observation *ob)
{
    struct chosen *c = self;
    for (int i = 0; i < c->n; i++)
        if (c->member[i].ops->learn)
            c->member[i].ops->learn(c->member[i].self, env, ob);
}

static void steered(void *self, const struct tuner_env *env)
{
    struct chosen *c = self;
    for (int i = 0; i < c->n; i++)
        if (c->member[i].ops->steered)
            c->member[i].ops->steered(c->member[i].self, env);
}

static int explain(void *self, const struct tuner_env *env, struct arm_row *rows, int max)
{
    struct member *m = ((struct chosen *)self)->member;
    return m->ops->explain ? m->ops->explain(m->self, env, rows, max) : 0;
}

static int arm(void *self, const struct tuner_env *env, int k, struct region *out, char label[96])
{
    struct member *m = ((struct chosen *)self)->member;
    return m->ops->arm ? m->ops->arm(m->self, env, k, out, label) : -1;
}

static int score(void *self, const struct tuner_env *env, const double *dna, int n, double *out)
{
    struct member *m = ((struct chosen *)self)->member;
    return m->ops->score ? m->ops->score(m->self, env, dna, n, out) : -1;
}

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    struct chosen *c = self;
    struct member *m = c->member;
    char inner[200] = "";
    if (m->ops->describe)
        m->ops->describe(m->self, env, inner, sizeof inner);
    snprintf(out, cap, "chose %s%s%s%s%s: %s", m->ops->name, *inner ? " " : "", inner,
             c->n > 1 ? " and now and then " : "", c->n > 1 ? c->member[1].ops->name : "", c->why);
}

static void dump(void *self, struct buf *out)
{
    struct chosen *c = self;
    pack_u64(out, (uint64_t)c->n);
    pack_str(out, c->why);
    for (int i = 0; i < c->n; i++) {
        struct buf state = {0};
        c->member[i].ops->dump(c->member[i].self, &state);
        pack_str(out, c->member[i].ops->name);
        pack_bytes(out, state.data, state.len);
        buf_release(&state);
    }
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    struct unpack in = {.p = p, .n = n};
    struct chosen *c = MEM_NEW(struct chosen);
    uint64_t members = unpack_u64(&in);
    char *why = unpack_str(&in);
    snprintf(c->why, sizeof c->why, "%s", why ? why : "");
    free(why);
    in.bad |= members < 1 || members > MEMBERS;
    for (uint64_t i = 0; i < members && !in.bad; i++) {
        size_t size;
        char *name = unpack_str(&in);
        const uint8_t *state = unpack_bytes(&in, &size);
        if (!in.bad && name && join(c, env, name, state ? state : (const uint8_t *)"", size, cause) < 0) {
            free(name);
            drop(c);
            return NULL;
        }
        in.bad |= !name;
        free(name);
    }
    if (!in.bad && !in.n)
        return c;
    drop(c);
    return cause_null(cause, "the state is not one of auto");
}

const struct tuner_ops tuner_auto = {
    .name = "auto",
    .paper = "own rules, see the manual",
    .summary = "chooses among the others from the space and the budget, and says which",
    .make = make,
    .drop = drop,
    .propose = propose,
    .learn = learn,
    .steered = steered,
    .explain = explain,
    .arm = arm,
    .score = score,
    .describe = describe,
    .dump = dump,
    .load = load,
};
