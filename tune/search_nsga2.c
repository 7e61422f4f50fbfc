/* NSGA-II: K. Deb, A. Pratap, S. Agarwal and T. Meyarivan, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II",
 * IEEE TEC 6(2), 2002, one child at a time (so that it needs no generations to wait for): the population holds the best
 * trials by front, then by crowding; two parents, each the better of two drawn, make a child by simulated binary crossover of
 * the numbers and by taking the choices from either; then each parameter mutates with probability 1/d (polynomial, or another
 * choice). A failed trial is not a member. With one objective fronts are ranks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/draw.h"
#include "tune/pareto.h"

#define CROSSOVER 0.9
#define ETA       20.0 /* how near children stay to their parents */
#define TRIES     200

enum { OPT_POPULATION, OPT_COUNT };

struct nsga2 {
    int size, n;
    int *member;   /* indices into the history */
    int *front;
    double *alone; /* crowding distance */
};

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    struct nsga2 *g = MEM_NEW(struct nsga2);
    g->size = (int)values[OPT_POPULATION];
    g->member = mem_zero((size_t)g->size + 1, sizeof *g->member);
    g->front = mem_zero((size_t)g->size + 1, sizeof *g->front);
    g->alone = mem_zero((size_t)g->size + 1, sizeof *g->alone);
    return g;
}

static void drop(void *self)
{
    struct nsga2 *g = self;
    free(g->member);
    free(g->front);
    free(g->alone);
    free(g);
}

/* ---- survival ---- */

static const double *losses(const struct tuner_env *env, int trial)
{
    const struct history_trial *t = &env->history->trials[trial];
    return env->n_objectives > 1 ? t->losses : &t->loss;
}

static void rank(struct nsga2 *g, const struct tuner_env *env)
{
    size_t m = (size_t)env->n_objectives;
    double *x = mem_zero(((size_t)g->n + 1) * m, sizeof *x), *of_front = mem_zero(((size_t)g->n + 1) * m, sizeof *x),
           *alone = mem_zero((size_t)g->n + 1, sizeof *alone);
    for (int i = 0; i < g->n; i++)
        memcpy(x + (size_t)i * m, losses(env, g->member[i]), m * sizeof *x);
    int fronts = pareto_fronts(x, g->n, (int)m, g->front);
    for (int f = 0; f < fronts; f++) {
        int n = 0;
        for (int i = 0; i < g->n; i++)
            if (g->front[i] == f)
                memcpy(of_front + (size_t)n++ * m, x + (size_t)i * m, m * sizeof *x);
        pareto_crowding(of_front, n, (int)m, alone);
        n = 0;
        for (int i = 0; i < g->n; i++)
            if (g->front[i] == f)
                g->alone[i] = alone[n++];
    }
    free(x);
    free(of_front);
    free(alone);
}

/* The other one survives. */
static bool worse(const struct nsga2 *g, int a, int b)
{
    if (g->front[a] != g->front[b])
        return g->front[a] > g->front[b];
    return g->alone[a] < g->alone[b];
}

static void learn(void *self, const struct tuner_env *env, const struct observation *ob)
{
    struct nsga2 *g = self;
    const struct history_trial *t = &env->history->trials[ob->trial];
    if (!ob->final || t->end != END_DONE || t->outside || (env->n_objectives > 1 && t->n_losses != env->n_objectives))
        return;
    for (int i = 0; i < g->n; i++)
        if (g->member[i] == ob->trial)
            return;
    g->member[g->n++] = ob->trial;
    rank(g, env);
    if (g->n <= g->size)
        return;
    int last = 0;
    for (int i = 1; i < g->n; i++)
        last = worse(g, i, last) ? i : last;
    memmove(&g->member[last], &g->member[last + 1], (size_t)(--g->n - last) * sizeof *g->member);
    rank(g, env);
}

/* ---- children ---- */

static const double *parent(const struct nsga2 *g, const struct tuner_env *env)
{
    int a = (int)rng_below(env->rng, (uint64_t)g->n), b = (int)rng_below(env->rng, (uint64_t)g->n);
    return env->history->trials[g->member[worse(g, a, b) ? b : a]].dna;
}

/* A child of two numbers in [0,1]. */
static double crossed(double a, double b, struct rng *rng)
{
    double u = rng_unit(rng), beta = u < 0.5 ? pow(2 * u, 1 / (ETA + 1)) : pow(1 / (2 * (1 - u)), 1 / (ETA + 1));
    double child = rng_below(rng, 2) ? 0.5 * ((1 + beta) * a + (1 - beta) * b) : 0.5 * ((1 - beta) * a + (1 + beta) * b);
    return fmin(fmax(child, 0), 1);
}

static double mutated(const struct param *p, double v, struct rng *rng)
{
    if (p->type == PARAM_CATEGORICAL)
        return draw_place(p, rng_unit(rng));
    double u = rng_unit(rng), step = u < 0.5 ? pow(2 * u, 1 / (ETA + 1)) - 1 : 1 - pow(2 * (1 - u), 1 / (ETA + 1));
    if (p->type != PARAM_ORDINAL)
        return fmin(fmax(v + step, 0), 1);
    double by = step < 0 ? fmin(step * p->n_choices, -1) : fmax(step * p->n_choices, 1);
    return fmin(fmax(round(v + by), 0), p->n_choices - 1);
}

static void breed(const struct nsga2 *g, const struct tuner_env *env, double *dna)
{
    const struct space *s = env->space;
    const double *a = parent(g, env), *b = parent(g, env);
    bool cross = rng_unit(env->rng) < CROSSOVER;
    int varying = 0;
    for (int i = 0; i < s->n; i++)
        varying += s->params[i].type != PARAM_CONSTANT;
    for (int i = 0; i < s->n; i++) {
        const struct param *p = &s->params[i];
        double x = a[i], y = cross ? b[i] : a[i];
        if (isnan(x) || isnan(y))
            x = isnan(x) ? (isnan(y) ? draw_place(p, rng_unit(env->rng)) : y) : x;
        else if (param_numeric(p) && rng_below(env->rng, 2))
            x = crossed(x, y, env->rng);
        else if (rng_below(env->rng, 2))
            x = y;
        if (p->type != PARAM_CONSTANT && rng_unit(env->rng) * varying < 1)
            x = mutated(p, x, env->rng);
        dna[i] = x;
    }
    space_canon(s, dna);
}

static bool tried(const struct tuner_env *env, const double *dna)
{
    const struct history *h = env->history;
    for (int i = 0; i < h->n; i++)
        if (h->trials[i].end != END_FORGOTTEN && !h->trials[i].outside && space_same(env->space, h->trials[i].dna, dna))
            return true;
    return false;
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    struct nsga2 *g = self;
    out->forced = steering_pin(env->steer) != NULL;
    bool young = g->n < 2 || env->history->n < g->size;
    for (int i = 0; i < TRIES && !young; i++) {
        breed(g, env, out->dna);
        if (!draw_keeps(env, out->dna) || (i < TRIES / 2 && tried(env, out->dna)))
            continue;
        snprintf(out->why, sizeof out->why, "a child of two of the best %d%s", g->n, steering_words(env->steer));
        return 0;
    }
    if (draw_prior(env, NULL, out->dna) < 0)
        return cause_set(cause, "the bans and pins leave nothing to try");
    snprintf(out->why, sizeof out->why, young ? "one of the first %d: a draw from the prior"
                                              : "no child of the best %d is allowed: a draw from the prior",
             young ? g->size : g->n);
    return 0;
}

/* ---- for people, and to disk ---- */

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct nsga2 *g = self;
    int first = 0;
    for (int i = 0; i < g->n; i++)
        first += g->front[i] == 0;
    snprintf(out, cap, "population %d of %d, %d of them on the front", g->n, g->size, first);
}

static void dump(void *self, struct buf *out)
{
    const struct nsga2 *g = self;
    pack_u64(out, (uint64_t)g->n);
    for (int i = 0; i < g->n; i++)
        pack_i64(out, g->member[i]);
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    struct nsga2 *g = make(env, values, cause);
    struct unpack in = {.p = p, .n = n};
    size_t members = unpack_count(&in, 8);
    in.bad |= members > (size_t)g->size;
    for (size_t i = 0; i < members && !in.bad; i++) {
        int64_t trial = unpack_i64(&in);
        in.bad |= trial < 0 || trial >= env->history->n ||
                  (env->n_objectives > 1 && env->history->trials[trial].n_losses != env->n_objectives);
        if (!in.bad)
            g->member[g->n++] = (int)trial;
    }
    if (in.bad || in.n) {
        drop(g);
        return cause_null(cause, "the state is not one of this population");
    }
    rank(g, env);
    return g;
}

static const struct tuner_option options[OPT_COUNT + 1] = {
    [OPT_POPULATION] = {"population", 4, 1000, 40, "trials that parents are chosen from; as many are drawn from the prior first"},
    [OPT_COUNT] = {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_nsga2 = {
    .name = "nsga2",
    .paper = "Deb et al. 2002",
    .summary = "a population for several objectives: fronts and crowding",
    .options = options,
    .make = make,
    .drop = drop,
    .propose = propose,
    .learn = learn,
    .describe = describe,
    .dump = dump,
    .load = load,
};
