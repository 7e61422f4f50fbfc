/* Differential evolution: R. Storn and K. Price, "Differential Evolution: A Simple and Efficient Heuristic
 * for Global Optimization over Continuous Spaces", J. Global Optimization 11, 1997: rand/1/bin, without
 * generations: each ask challenges the next member of the population, and the challenger takes its place when
 * it is no worse. Genes that leave the cube are drawn anew, as in DEHB (N. Awad et al., IJCAI 2021). A trial
 * that was not asked for (adopted, or from another tuner) takes an empty place, or that of the worst member
 * if it is better. Failures are infinitely bad. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/draw.h"
#include "tune/genes.h"

#define POPULATION_MAX 1000

enum { OPT_POPULATION, OPT_FACTOR, OPT_CROSSOVER, OPT_COUNT };

struct de {
    int n, dims, next;
    double factor, crossover;
    double *x;    /* n x dims */
    double *loss; /* NaN: the place is empty */
    struct flights flights;
    int place; /* that the ask in progress challenges */
    double *trial;
};

static void drop(void *self)
{
    struct de *d = self;
    flights_release(&d->flights);
    free(d->x);
    free(d->loss);
    free(d->trial);
    free(d);
}

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    struct de *d = MEM_NEW(struct de);
    d->n = genes_population(env, values[OPT_POPULATION], 5, 8, 40);
    d->n = d->n < 4 ? 4 : d->n;
    d->dims = d->flights.dims = env->space->n;
    d->factor = values[OPT_FACTOR];
    d->crossover = values[OPT_CROSSOVER];
    d->x = mem_zero((size_t)d->n * (size_t)d->dims, sizeof *d->x);
    d->loss = mem_zero((size_t)d->n, sizeof *d->loss);
    d->trial = mem_zero((size_t)d->dims, sizeof *d->trial);
    for (int i = 0; i < d->n; i++)
        d->loss[i] = NAN;
    return d;
}

static double *member(const struct de *d, int i)
{
    return d->x + (size_t)i * (size_t)d->dims;
}

/* ---- proposing ---- */

/* Another member that has been judged, and is none of the n in `not`. */
static int another(const struct de *d, struct rng *rng, const int * not, int n)
{
    for (;;) {
        int i = (int)rng_below(rng, (uint64_t)d->n);
        bool taken = isnan(d->loss[i]);
        for (int k = 0; k < n; k++)
            taken |= not [k] == i;
        if (!taken)
            return i;
    }
}

static void challenge(void *self, const struct tuner_env *env, double *dna)
{
    struct de *d = self;
    int not [4] = {d->place};
    for (int k = 1; k < 4; k++)
        not [k] = another(d, env->rng, not, k);
    const double *parent = member(d, d->place), *a = member(d, not [1]), *b = member(d, not [2]),
                 *c = member(d, not [3]);
    double factor = d->factor * steering_explore(env->steer);
    int sure = (int)rng_below(env->rng, (uint64_t)d->dims);
    for (int i = 0; i < d->dims; i++) {
        d->trial[i] = parent[i];
        if (i != sure && rng_unit(env->rng) >= d->crossover)
            continue;
        double x = a[i] + factor * (b[i] - c[i]);
        d->trial[i] = x >= 0 && x <= 1 ? x : rng_unit(env->rng);
    }
    genes_to(env->space, d->trial, dna);
}

/* An empty place that nobody is on the way to; -1 none. */
static int empty_place(const struct de *d)
{
    for (int i = 0; i < d->n; i++)
        if (isnan(d->loss[i]) && !flights_hold(&d->flights, i))
            return i;
    return -1;
}

static int judged(const struct de *d)
{
    int n = 0;
    for (int i = 0; i < d->n; i++)
        n += !isnan(d->loss[i]);
    return n;
}

/* The next member to challenge: in turn, those whose last challenger is still on the way only when all are.
 */
static int next_place(struct de *d)
{
    int spare = -1;
    for (int k = 0; k < d->n; k++) {
        int i = (d->next + k) % d->n;
        if (isnan(d->loss[i]))
            continue;
        if (!flights_hold(&d->flights, i)) {
            d->next = i + 1;
            return i;
        }
        spare = spare < 0 ? i : spare;
    }
    d->next = spare + 1;
    return spare;
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    struct de *d = self;
    int rc = 1;
    d->place = empty_place(d);
    out->forced = steering_pin(env->steer) != NULL;
    if (d->place < 0 && judged(d) >= 4) {
        d->place = next_place(d);
        rc = genes_breed(env, challenge, d, out->dna);
    } else if (draw_prior(env, NULL, out->dna) < 0) {
        rc = -1;
    }
    if (rc < 0)
        return cause_set(cause, "the bans and pins leave nothing to try");
    if (rc == 0)
        snprintf(out->why, sizeof out->why, "challenges member %d of %d, which has %.4g", d->place + 1, d->n,
                 env->maximize ? -d->loss[d->place] : d->loss[d->place]);
    else
        snprintf(out->why, sizeof out->why, "a draw from the prior for the population of %d", d->n);
    genes_match(env->space, out->dna, env->rng, d->trial);
    flights_put(&d->flights, env->history->n, d->place, d->trial);
    return 0;
}

/* ---- learning ---- */

/* For a trial without a place of its own: an empty one, else the worst. */
static int place_for(const struct de *d)
{
    int place = empty_place(d), worst = 0;
    for (int i = 0; i < d->n; i++)
        worst = d->loss[i] > d->loss[worst] || isnan(d->loss[worst]) ? i : worst;
    return place >= 0 ? place : worst;
}

static void learn(void *self, const struct tuner_env *env, const struct observation *ob)
{
    struct de *d = self;
    const struct history_trial *t = &env->history->trials[ob->trial];
    int place = -1;
    if (!ob->final || t->outside)
        return;
    if (!flights_take(&d->flights, ob->trial, &place, d->trial))
        genes_from(env->space, t->dna, env->rng, d->trial);
    else
        genes_match(env->space, t->dna, env->rng, d->trial);
    if (ob->forgotten)
        return;
    double loss = ob->failed ? INFINITY : ob->loss;
    if (place < 0)
        place = place_for(d);
    if (!(isnan(d->loss[place]) || loss <= d->loss[place]))
        return;
    d->loss[place] = loss;
    memcpy(member(d, place), d->trial, (size_t)d->dims * sizeof *d->x);
}

/* ---- for people, and to disk ---- */

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct de *d = self;
    snprintf(out, cap, "rand/1/bin, population %d", d->n);
}

static void dump(void *self, struct buf *out)
{
    const struct de *d = self;
    pack_u64(out, (uint64_t)d->n);
    pack_i64(out, d->next);
    pack_doubles(out, d->loss, (size_t)d->n);
    pack_doubles(out, d->x, (size_t)d->n * (size_t)d->dims);
    flights_pack(&d->flights, out);
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    struct de *d = make(env, values, cause);
    struct unpack in = {.p = p, .n = n};
    uint64_t members = unpack_u64(&in);
    d->next = (int)unpack_i64(&in);
    if (members >= 4 && members <= POPULATION_MAX && d->next >= 0 &&
        d->next <= (int)members) { /* a budget can have changed */
        d->n = (int)members;
        d->loss = mem_resize(d->loss, members, sizeof *d->loss);
        d->x = mem_resize(d->x, members * (size_t)d->dims, sizeof *d->x);
        unpack_doubles(&in, d->loss, members);
        unpack_doubles(&in, d->x, members * (size_t)d->dims);
        flights_unpack(&d->flights, d->n, &in);
        if (!in.bad && !in.n)
            return d;
    }
    drop(d);
    return cause_null(cause, "the state is not one of this differential evolution");
}

static const struct tuner_option options[OPT_COUNT + 1] = {
    [OPT_POPULATION] = {"population", 0, POPULATION_MAX, 0,
                        "members (at least 4); 0: 5 a parameter, 8 to 40, a tenth of the budget"},
    [OPT_FACTOR] = {"factor", 0, 2, 0.5, "how much of the difference of two members is added to a third"},
    [OPT_CROSSOVER] = {"crossover", 0, 1, 0.9, "chance that a parameter is taken from the mutant"},
    [OPT_COUNT] = {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_de = {
    .name = "de",
    .paper = "Storn and Price 1997",
    .summary = "differential evolution: differences of good configurations are the steps",
    .options = options,
    .make = make,
    .drop = drop,
    .propose = propose,
    .learn = learn,
    .describe = describe,
    .dump = dump,
    .load = load,
};
