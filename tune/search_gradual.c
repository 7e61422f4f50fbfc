/* Gradual search: one parameter after the other, in the order of the sweep file, each at a few values with
 * all others held, and the best value stays. What people do by hand, done without forgetting anything.
 *
 * A pass goes through all parameters that are active. In the first one numbers are tried at evenly spread
 * quantiles of their prior, in later ones ever closer around the best value; choices and short lattices are
 * tried in full. Whenever a parameter is done, the best trial there is (from anybody, and allowed by the
 * steering) becomes the base of the next. Values whose trials exist already are not run again. An ask never
 * waits: when all values of a parameter are out and some have not come back, it goes on with the next
 * parameter from the best known so far. A pass without anything new to try means that nothing better is near:
 * the search starts again from a draw from the prior. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/draw.h"
#include "tune/pool.h"

#define RESTARTS 20 /* in one ask */

struct gradual {
    int dims, points;
    double *base;
    bool based;       /* there is one */
    int param, value; /* what comes next: index in the space, number of the value */
    int64_t pass, restarts;
    int asked;     /* trials of this pass */
    int64_t since; /* trials before this one were there at the last restart */
};

static void drop(void *self)
{
    struct gradual *g = self;
    free(g->base);
    free(g);
}

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    struct gradual *g = MEM_NEW(struct gradual);
    g->dims = env->space->n;
    g->points = (int)values[0];
    g->base = mem_zero((size_t)g->dims, sizeof *g->base);
    return g;
}

/* The middle of everything; what is inactive has a value, too, until canon takes it. */
static double centre(const struct param *p)
{
    return param_numeric(p) ? 0.5 : p->type == PARAM_ORDINAL ? (p->n_choices - 1) / 2 : draw_place(p, 0);
}

static void begin(struct gradual *g, const struct tuner_env *env)
{
    for (int i = 0; i < g->dims; i++)
        g->base[i] = centre(&env->space->params[i]);
    space_canon(env->space, g->base);
    g->based = true;
}

/* The best trial since the last restart that may be proposed becomes the base. */
static void take_best(struct gradual *g, const struct tuner_env *env)
{
    const struct history *h = env->history;
    int best = -1;
    for (int i = (int)g->since; i < h->n; i++) {
        const struct history_trial *t = &h->trials[i];
        bool fits = (t->end == END_DONE || t->end == END_PRUNED) && !t->outside && isfinite(t->loss);
        if (fits && (best < 0 || t->loss < h->trials[best].loss) &&
            steering_allows(env->steer, env->space, t->dna))
            best = i;
    }
    if (best >= 0)
        memcpy(g->base, h->trials[best].dna, (size_t)g->dims * sizeof *g->base);
}

/* Number of values of a parameter in this pass. */
static int values_of(const struct gradual *g, const struct param *p)
{
    double count = param_count(p);
    if (!param_numeric(p))
        return p->type == PARAM_CONSTANT ? 0 : p->n_choices;
    return count <= 2 * g->points ? (int)count : g->points;
}

/* Width of what is looked at in a pass, as a share of the range; each is centred on the base. */
static double span(const struct gradual *g, double dial)
{
    return fmin(1, dial * pow(2.0 / g->points, (double)g->pass));
}

static double value_at(const struct gradual *g, const struct param *p, double base, int k, double dial)
{
    if (!param_numeric(p))
        return k;
    if (param_count(p) <= 2 * g->points)
        return param_nth(p, k);
    double width = span(g, dial), low = fmin(fmax(base - width / 2, 0), 1 - width);
    return low + width * (k + 0.5) / g->points;
}

static bool next_value(struct gradual *g, const struct tuner_env *env, double *dna)
{
    const struct space *s = env->space;
    const struct param *p = &s->params[g->param];
    double base = g->base[g->param], dial = steering_explore(env->steer);
    while (!isnan(base) && g->value < values_of(g, p)) {
        double v = value_at(g, p, base, g->value++, dial > 0 ? dial : 0.5);
        if (!param_numeric(p) && p->weights && p->weights[(int)v] == 0)
            continue;
        for (int i = 0; i < g->dims; i++)
            dna[i] = isnan(g->base[i]) ? centre(&s->params[i]) : g->base[i];
        dna[g->param] = v;
        space_canon(s, dna);
        if (steering_allows(env->steer, s, dna) && !pool_tried(env->history, s, dna))
            return true;
    }
    return false;
}

/* Goes on to the next parameter; false when a pass has ended without anything new. */
static bool advance(struct gradual *g, const struct tuner_env *env)
{
    g->value = 0;
    take_best(g, env);
    if (++g->param < g->dims)
        return true;
    bool found = g->asked > 0;
    g->param = 0;
    g->pass++;
    g->asked = 0;
    return found;
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    struct gradual *g = self;
    bool drawn = false;
    out->forced = steering_pin(env->steer) != NULL;
    if (!g->based)
        begin(g, env);
    for (int restarts = 0; !next_value(g, env, out->dna);) {
        if (advance(g, env))
            continue;
        if (draw_prior(env, NULL, out->dna) < 0)
            return cause_set(cause, "the bans and pins leave nothing to try");
        memcpy(g->base, out->dna, (size_t)g->dims * sizeof *g->base);
        g->pass = 0;
        g->restarts++;
        g->since = env->history->n;
        drawn = true;
        if (++restarts >= RESTARTS || !pool_tried(env->history, env->space, out->dna))
            break;
    }
    g->asked++;
    if (drawn)
        snprintf(out->why, sizeof out->why,
                 "nothing better near the best: restart %lld, a draw from the prior", (long long)g->restarts);
    else
        snprintf(out->why, sizeof out->why, "pass %lld: %s at value %d of %d, the rest as in the best so far",
                 (long long)g->pass + 1, env->space->params[g->param].name, g->value,
                 values_of(g, &env->space->params[g->param]));
    return 0;
}

/* ---- for people, and to disk ---- */

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct gradual *g = self;
    snprintf(out, cap, "pass %lld, at %s", (long long)g->pass + 1, env->space->params[g->param].name);
}

static void dump(void *self, struct buf *out)
{
    const struct gradual *g = self;
    pack_u64(out, g->based);
    pack_i64(out, g->param);
    pack_i64(out, g->value);
    pack_i64(out, g->pass);
    pack_i64(out, g->restarts);
    pack_i64(out, g->asked);
    pack_i64(out, g->since);
    pack_doubles(out, g->base, (size_t)g->dims);
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    struct gradual *g = make(env, values, cause);
    struct unpack in = {.p = p, .n = n};
    g->based = unpack_u64(&in) != 0;
    int64_t param = unpack_i64(&in), value = unpack_i64(&in);
    g->pass = unpack_i64(&in);
    g->restarts = unpack_i64(&in);
    g->asked = (int)unpack_i64(&in);
    g->since = unpack_i64(&in);
    unpack_doubles(&in, g->base, (size_t)g->dims);
    g->param = (int)param;
    g->value = (int)value;
    if (!in.bad && !in.n && param >= 0 && param < g->dims && value >= 0 && value <= INT32_MAX &&
        g->pass >= 0 && g->since >= 0 && g->since <= env->history->n &&
        (!g->based || space_check(env->space, g->base, NULL) == 0))
        return g;
    drop(g);
    return cause_null(cause, "the state is not one of this gradual search");
}

static const struct tuner_option options[] = {
    {"points", 2, 100, 5, "values of a number in each pass; lattices up to twice as long are tried in full"},
    {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_gradual = {
    .name = "gradual",
    .paper = "coordinate search; Hooke and Jeeves 1961",
    .summary = "one parameter after the other, the best value stays",
    .options = options,
    .make = make,
    .drop = drop,
    .propose = propose,
    .describe = describe,
    .dump = dump,
    .load = load,
};
