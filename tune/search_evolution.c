/* Regularised evolution: E. Real, A. Aggarwal, Y. Huang and Q. V. Le, "Regularized Evolution for Image
 * Classifier Architecture Search", AAAI 2019: of a few members of the population, drawn at random, the best
 * gets a child that differs in one decision; the oldest member dies, however good it is, so that a lucky
 * result does not rule for ever.
 *
 * The population is the last `population` trials that ended: the state is the history. Failed members never
 * become parents while others are drawn. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/draw.h"
#include "tune/genes.h"

#define POPULATION_MAX 10000
#define STEP           0.15 /* deviation of a changed number, as a share of its range */

enum { OPT_POPULATION, OPT_SAMPLE, OPT_OLDEST, OPT_COUNT };

struct evolution {
    int population;
    double sample;
    bool oldest;
    /* of the ask in progress */
    int *alive, n;
    const struct history_trial *parent;
};

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    struct evolution *e = MEM_NEW(struct evolution);
    e->population = (int)fmax(2, genes_population(env, values[OPT_POPULATION], 6, 20, 50));
    e->sample = values[OPT_SAMPLE];
    e->oldest = values[OPT_OLDEST] != 0;
    return e;
}

static void drop(void *self)
{
    struct evolution *e = self;
    free(e->alive);
    free(e);
}

static double loss_of(const struct history_trial *t)
{
    return t->end == END_FAILED || isnan(t->loss) ? INFINITY : t->loss;
}

/* Whether a stays rather than b: the younger one, or the better one. */
static bool outlives(const struct evolution *e, const struct history_trial *a, const struct history_trial *b)
{
    if (!e->oldest && loss_of(a) != loss_of(b))
        return loss_of(a) < loss_of(b);
    return a->order > b->order;
}

/* Who is alive: an insertion into the list of those that outlive the others. */
static void muster(struct evolution *e, const struct history *h)
{
    e->alive = mem_resize(e->alive, (size_t)e->population, sizeof *e->alive);
    e->n = 0;
    for (int i = h->n - 1; i >= 0; i--) {
        const struct history_trial *t = &h->trials[i];
        if (t->outside || t->order < 0 || t->end == END_PENDING || t->end == END_FORGOTTEN)
            continue;
        if (e->n == e->population && !outlives(e, t, &h->trials[e->alive[e->n - 1]]))
            continue;
        int at = e->n < e->population ? e->n++ : e->n - 1;
        for (; at > 0 && outlives(e, t, &h->trials[e->alive[at - 1]]); at--)
            e->alive[at] = e->alive[at - 1];
        e->alive[at] = i;
    }
}

static void child(void *self, const struct tuner_env *env, double *dna)
{
    struct evolution *e = self;
    int draws = e->sample >= 1 ? (int)e->sample : (2 * e->population + 4) / 5;
    e->parent = NULL;
    for (int k = 0; k < draws; k++) {
        const struct history_trial *t = &env->history->trials[e->alive[rng_below(env->rng, (uint64_t)e->n)]];
        if (!e->parent || loss_of(t) < loss_of(e->parent))
            e->parent = t;
    }
    genes_mutate(env, e->parent->dna, STEP * steering_explore(env->steer), dna);
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    struct evolution *e = self;
    int rc = 1;
    muster(e, env->history);
    out->forced = steering_pin(env->steer) != NULL;
    if (e->n >= 2 && e->n + env->history->pending >= e->population)
        rc = genes_breed(env, child, e, out->dna);
    else if (draw_prior(env, NULL, out->dna) < 0)
        rc = -1;
    if (rc < 0)
        return cause_set(cause, "the bans and pins leave nothing to try");
    if (rc == 0)
        snprintf(out->why, sizeof out->why, "trial %lld with one decision changed", (long long)e->parent->id);
    else
        snprintf(out->why, sizeof out->why, "a draw from the prior: %d of %d members are alive", e->n,
                 e->population);
    return 0;
}

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct evolution *e = self;
    snprintf(out, cap, "population %d, the %s dies", e->population, e->oldest ? "oldest" : "worst");
}

static void dump(void *self, struct buf *out)
{
    const struct evolution *e = self;
    pack_u64(out, (uint64_t)e->population);
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    struct evolution *e = make(env, values, cause);
    struct unpack in = {.p = p, .n = n};
    uint64_t population = unpack_u64(&in); /* as chosen for the budget of that time */
    if (!in.bad && !in.n && population >= 2 && population <= POPULATION_MAX) {
        e->population = (int)population;
        return e;
    }
    drop(e);
    return cause_null(cause, "the state is not one of this evolution");
}

static const struct tuner_option options[OPT_COUNT + 1] = {
    [OPT_POPULATION] = {"population", 0, POPULATION_MAX, 0,
                        "members (at least 2); 0: 6 a parameter, 20 to 50, a tenth of the budget"},
    [OPT_SAMPLE] = {"sample", 0, POPULATION_MAX, 0,
                    "members drawn, of which the best is the parent; 0: two fifths"},
    [OPT_OLDEST] = {"oldest", 0, 1, 1, "1: the oldest member dies; 0: the worst"},
    [OPT_COUNT] = {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_evolution = {
    .name = "evolution",
    .paper = "Real, Aggarwal, Huang and Le 2019",
    .summary = "regularised evolution: one decision changed, the oldest dies",
    .options = options,
    .make = make,
    .drop = drop,
    .propose = propose,
    .describe = describe,
    .dump = dump,
    .load = load,
};
