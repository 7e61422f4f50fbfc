/* A genetic algorithm: J. H. Holland, "Adaptation in Natural and Artificial Systems", 1975, as hyperparameter
 * studies use it: tournaments of three, uniform crossover, one mutation a child on average, the elite
 * survives.
 *
 * Generations without waiting: asks beyond a generation's size breed more of its children; once as many
 * children as the population has places have been judged, whoever they are and whatever order they came in,
 * they and the elite become the parents. Trials that were not asked for count as children. Failures are
 * children with an infinite loss. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/draw.h"
#include "tune/genes.h"
#include "tune/pool.h"

#define POPULATION_MAX 1000
#define STEP           0.1 /* deviation of a mutation, as a share of the range */

enum { OPT_POPULATION, OPT_TOURNAMENT, OPT_CROSSOVER, OPT_ELITE, OPT_COUNT };

struct brood {
    int n;
    double *dna, *loss; /* population x dims; population */
};

struct ga {
    int population, dims, tournament, elite;
    double crossover;
    int64_t generation;
    struct brood parents, children;
};

static void brood_hold(struct brood *b, int population, int dims)
{
    free(b->dna);
    free(b->loss);
    b->n = 0;
    b->dna = mem_zero((size_t)population * (size_t)dims, sizeof *b->dna);
    b->loss = mem_zero((size_t)population, sizeof *b->loss);
}

static void drop(void *self)
{
    struct ga *g = self;
    struct brood *both[] = {&g->parents, &g->children};
    for (int i = 0; i < 2; i++) {
        free(both[i]->dna);
        free(both[i]->loss);
    }
    free(g);
}

static void size(struct ga *g, int population)
{
    g->population = population;
    brood_hold(&g->parents, population, g->dims);
    brood_hold(&g->children, population, g->dims);
}

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    struct ga *g = MEM_NEW(struct ga);
    g->dims = env->space->n;
    g->tournament = (int)values[OPT_TOURNAMENT];
    g->crossover = values[OPT_CROSSOVER];
    g->elite = (int)values[OPT_ELITE];
    size(g, (int)fmax(2, genes_population(env, values[OPT_POPULATION], 2, 8, 20)));
    return g;
}

static double *of(const struct ga *g, const struct brood *b, int i)
{
    return b->dna + (size_t)i * (size_t)g->dims;
}

/* ---- breeding ---- */

static const double *winner(const struct ga *g, struct rng *rng)
{
    int best = (int)rng_below(rng, (uint64_t)g->parents.n);
    for (int k = 1; k < g->tournament; k++) {
        int i = (int)rng_below(rng, (uint64_t)g->parents.n);
        best = g->parents.loss[i] < g->parents.loss[best] ? i : best;
    }
    return of(g, &g->parents, best);
}

static void breed(void *self, const struct tuner_env *env, double *dna)
{
    struct ga *g = self;
    const struct space *s = env->space;
    const double *a = winner(g, env->rng), *b = winner(g, env->rng);
    bool cross = rng_unit(env->rng) < g->crossover;
    double dial = steering_explore(env->steer), chance = fmin(1, dial / fmax(1, genes_varying(s)));
    for (int i = 0; i < g->dims; i++) {
        const struct param *p = &s->params[i];
        bool second = cross && rng_below(env->rng, 2);
        double x = second ? b[i] : a[i];
        x = isnan(x) ? (second ? a[i] : b[i]) : x; /* active in one parent only */
        if (isnan(x))
            x = any_value(p, env->rng);
        else if (rng_unit(env->rng) < chance && param_count(p) > 1)
            x = neighbour_value(p, x, STEP, env->rng);
        dna[i] = x;
    }
    space_canon(s, dna);
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    struct ga *g = self;
    int rc = 1;
    out->forced = steering_pin(env->steer) != NULL;
    if (g->parents.n)
        rc = genes_breed(env, breed, g, out->dna);
    else if (draw_prior(env, NULL, out->dna) < 0)
        rc = -1;
    if (rc < 0)
        return cause_set(cause, "the bans and pins leave nothing to try");
    if (rc == 0)
        snprintf(out->why, sizeof out->why, "a child of generation %lld, bred from %d parents",
                 (long long)g->generation, g->parents.n);
    else
        snprintf(out->why, sizeof out->why, "a draw from the prior for generation %lld",
                 (long long)g->generation);
    return 0;
}

/* ---- learning ---- */

static void add(const struct ga *g, struct brood *b, const double *dna, double loss)
{
    memcpy(of(g, b, b->n), dna, (size_t)g->dims * sizeof *dna);
    b->loss[b->n++] = loss;
}

static int best_of(const struct brood *b, const bool *taken)
{
    int best = -1;
    for (int i = 0; i < b->n; i++)
        if (!taken[i] && (best < 0 || b->loss[i] < b->loss[best]))
            best = i;
    return best;
}

static int worst_of(const struct brood *b)
{
    int worst = 0;
    for (int i = 1; i < b->n; i++)
        worst = b->loss[i] > b->loss[worst] ? i : worst;
    return worst;
}

/* The children become parents; of the old ones the elite takes the places of the worst children. */
static void turn(struct ga *g)
{
    bool *taken = mem_zero((size_t)g->population, sizeof *taken);
    for (int e = 0; e < g->elite && e < g->parents.n; e++) {
        int old = best_of(&g->parents, taken), young = worst_of(&g->children);
        if (g->parents.loss[old] >= g->children.loss[young])
            break;
        taken[old] = true;
        memcpy(of(g, &g->children, young), of(g, &g->parents, old), (size_t)g->dims * sizeof(double));
        g->children.loss[young] = g->parents.loss[old];
    }
    free(taken);
    struct brood swap = g->parents;
    g->parents = g->children;
    g->children = swap;
    g->children.n = 0;
    g->generation++;
}

static void learn(void *self, const struct tuner_env *env, const struct observation *ob)
{
    struct ga *g = self;
    const struct history_trial *t = &env->history->trials[ob->trial];
    if (!ob->final || ob->forgotten || t->outside)
        return;
    add(g, &g->children, t->dna, ob->failed ? INFINITY : ob->loss);
    if (g->children.n == g->population)
        turn(g);
}

/* ---- for people, and to disk ---- */

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct ga *g = self;
    snprintf(out, cap, "generation %lld of %d", (long long)g->generation, g->population);
}

static void pack_brood(const struct ga *g, const struct brood *b, struct buf *out)
{
    pack_u64(out, (uint64_t)b->n);
    pack_doubles(out, b->loss, (size_t)b->n);
    pack_doubles(out, b->dna, (size_t)b->n * (size_t)g->dims);
}

static void unpack_brood(const struct ga *g, struct brood *b, struct unpack *in)
{
    uint64_t n = unpack_u64(in);
    in->bad |= n > (uint64_t)g->population;
    b->n = in->bad ? 0 : (int)n;
    unpack_doubles(in, b->loss, (size_t)b->n);
    unpack_doubles(in, b->dna, (size_t)b->n * (size_t)g->dims);
}

static void dump(void *self, struct buf *out)
{
    const struct ga *g = self;
    pack_u64(out, (uint64_t)g->population);
    pack_i64(out, g->generation);
    pack_brood(g, &g->parents, out);
    pack_brood(g, &g->children, out);
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    struct ga *g = make(env, values, cause);
    struct unpack in = {.p = p, .n = n};
    uint64_t population = unpack_u64(&in);
    g->generation = unpack_i64(&in);
    if (population >= 2 && population <= POPULATION_MAX && g->generation >= 0) {
        size(g, (int)population);
        unpack_brood(g, &g->parents, &in);
        unpack_brood(g, &g->children, &in);
        if (!in.bad && !in.n)
            return g;
    }
    drop(g);
    return cause_null(cause, "the state is not one of this genetic algorithm");
}

static const struct tuner_option options[OPT_COUNT + 1] = {
    [OPT_POPULATION] =
        {"population", 0, POPULATION_MAX, 0,
         "parents of a generation (at least 2); 0: 2 a parameter, 8 to 20, a tenth of the budget"},
    [OPT_TOURNAMENT] = {"tournament", 1, 100, 3,
                        "members drawn for each parent, of which the best becomes it"},
    [OPT_CROSSOVER] = {"crossover", 0, 1, 0.9, "chance that a child has two parents"},
    [OPT_ELITE] = {"elite", 0, 100, 2, "best parents that survive"},
    [OPT_COUNT] = {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_ga = {
    .name = "ga",
    .paper = "Holland 1975",
    .summary = "a genetic algorithm: crossover and mutation from generation to generation",
    .options = options,
    .make = make,
    .drop = drop,
    .propose = propose,
    .learn = learn,
    .describe = describe,
    .dump = dump,
    .load = load,
};
