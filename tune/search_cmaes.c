/* CMA-ES: N. Hansen, "The CMA Evolution Strategy: A Tutorial", 2016, with what hyperparameters need beyond it:
 *
 *   lattices (integers, q)  the deviation never falls below what leaves another value with probability
 *                           1/(n lambda) (R. Hamano et al., "CMA-ES with Margin", GECCO 2022). Ordinals are
 *                           numbers in the middle of their cells, so that the outer ones are as likely as the
 *                           others (mean regret at 100 trials 89 instead of 100 thousandths in bench-tuners)
 *   categoricals            a probability for every choice, moved towards the choices of the better half of a
 *                           generation, with the same margin (R. Hamano et al., "CatCMA", GECCO 2024, without
 *                           its natural-gradient step size)
 *   finite spaces           what was tried is drawn again
 *   inactive parameters     count as the mean: they teach nothing
 *   stuck                   starts again at a draw from the prior with a population of twice the size (A. Auger
 *                           and N. Hansen, CEC 2005)
 *
 * Failed trials rank last. Trials are learned from in the order in which they end, whoever proposed them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/cma.h"
#include "tune/draw.h"
#include "tune/pool.h"
#include "tune/quantile.h"

#define POPULATION_MAX 1024
#define ALLOWED_TRIES  200
#define NEW_TRIES      50 /* of them for a configuration of a finite space that was not tried yet */

enum { OPT_SIGMA, OPT_POPULATION, OPT_COUNT };

struct cmaes {
    int n_numbers, n_labels;
    int *number, *label; /* parameter of each coordinate, of each categorical */
    int *offset;         /* of each categorical in chance; the last one is the length */
    double *chance;      /* probability of each choice */
    struct cma cma;      /* n_numbers coordinates; one idle when there are none */
    int *told;           /* choices of this generation's points, lambda x n_labels; -1 inactive */
    int64_t restarts;
    double sigma;
};

/* ---- life ---- */

static void drop(void *self)
{
    struct cmaes *c = self;
    cma_release(&c->cma);
    free(c->number);
    free(c->label);
    free(c->offset);
    free(c->chance);
    free(c->told);
    free(c);
}

static void shape(struct cmaes *c, const struct space *s)
{
    c->number = mem_zero((size_t)s->n + 1, sizeof *c->number);
    c->label = mem_zero((size_t)s->n + 1, sizeof *c->label);
    c->offset = mem_zero((size_t)s->n + 1, sizeof *c->offset);
    for (int i = 0; i < s->n; i++) {
        const struct param *p = &s->params[i];
        if (param_count(p) < 2)
            continue;
        if (p->type != PARAM_CATEGORICAL) {
            c->number[c->n_numbers++] = i;
            continue;
        }
        c->label[c->n_labels] = i;
        c->offset[c->n_labels + 1] = c->offset[c->n_labels] + p->n_choices;
        c->n_labels++;
    }
    c->chance = mem_zero((size_t)c->offset[c->n_labels] + 1, sizeof *c->chance);
}

static void start_chances(struct cmaes *c, const struct space *s)
{
    for (int k = 0; k < c->n_labels; k++) {
        const struct param *p = &s->params[c->label[k]];
        for (int v = 0; v < p->n_choices; v++)
            c->chance[c->offset[k] + v] = p->weights ? p->weights[v] : 1.0 / p->n_choices;
    }
}

static void begin(struct cmaes *c, int lambda, const double *mean)
{
    int n = c->n_numbers ? c->n_numbers : 1;
    cma_init(&c->cma, n, lambda, c->sigma, mean);
    free(c->told);
    c->told = mem_zero((size_t)lambda * (size_t)c->n_labels + 1, sizeof *c->told);
}

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    struct cmaes *c = MEM_NEW(struct cmaes);
    c->sigma = values[OPT_SIGMA];
    shape(c, env->space);
    if (c->n_numbers + c->n_labels == 0) {
        drop(c);
        return cause_null(cause, "nothing varies in this space");
    }
    start_chances(c, env->space);
    int lambda = values[OPT_POPULATION] > 0 ? (int)fmax(values[OPT_POPULATION], 2)
                                            : 4 + (int)(3 * log(c->n_numbers + c->n_labels));
    double *mean = mem_zero((size_t)c->n_numbers + 1, sizeof *mean);
    for (int i = 0; i <= c->n_numbers; i++)
        mean[i] = 0.5;
    begin(c, lambda, mean);
    free(mean);
    return c;
}

/* ---- learning ---- */

static double margin(const struct cmaes *c)
{
    return 1.0 / ((c->n_numbers + c->n_labels) * c->cma.lambda);
}

/* Coordinate of a parameter's entry: values of an ordinal lie in the middle of their cells, so that the outer
 * ones are as likely as the others. */
static double widen(const struct param *p, double place)
{
    return p->type == PARAM_ORDINAL ? (0.5 + place * (p->n_choices - 1)) / p->n_choices : place;
}

static double coordinate_of(const struct param *p, double u)
{
    return widen(p, param_model(p, u));
}

/* Half the distance between neighbouring values around x; 0 continuous. */
static double half_cell(const struct param *p, double x)
{
    double count = param_count(p), near = INFINITY;
    if (p->type == PARAM_ORDINAL) {
        int at = 0;
        for (int v = 1; v < p->n_choices; v++)
            at = fabs(widen(p, p->place[v]) - x) < fabs(widen(p, p->place[at]) - x) ? v : at;
        for (int v = 0; v < p->n_choices; v++)
            near =
                v != at && p->place[v] != p->place[at] ? fmin(near, fabs(p->place[v] - p->place[at])) : near;
        return isinf(near) ? 0 : near * (p->n_choices - 1) / p->n_choices / 2;
    }
    if (!(p->quantum > 0) || isinf(count))
        return 0;
    double value = param_value(p, x), low = value - p->quantum, high = value + p->quantum;
    near = low >= p->low ? fabs(param_place(p, low) - param_place(p, value)) : near;
    near = high <= p->high ? fmin(near, fabs(param_place(p, high) - param_place(p, value))) : near;
    return isinf(near) ? 0 : near / 2;
}

static void keep_margin(struct cmaes *c, const struct space *s)
{
    double z = -normal_quantile(margin(c) / 2);
    for (int i = 0; i < c->n_numbers; i++) {
        double half = half_cell(&s->params[c->number[i]], c->cma.mean[i]);
        if (half > 0 && z > 0)
            cma_floor(&c->cma, i, fmin(half / z, 0.5));
    }
}

/* Moves the chances towards what the better half of the generation had. */
static void vote(struct cmaes *c, const struct space *s)
{
    int lambda = c->cma.lambda;
    double rate = c->cma.mu_eff / (c->cma.mu_eff + 2 * (c->n_numbers + c->n_labels));
    for (int k = 0; k < c->n_labels; k++) {
        const struct param *p = &s->params[c->label[k]];
        double *chance = c->chance + c->offset[k], least = margin(c) / fmax(1, p->n_choices - 1), sum = 0;
        for (int i = 0; i < lambda; i++) {
            int better = 0, choice = c->told[i * c->n_labels + k];
            for (int j = 0; j < lambda; j++)
                better += c->cma.loss[j] < c->cma.loss[i] || (c->cma.loss[j] == c->cma.loss[i] && j < i);
            if (better >= c->cma.mu || choice < 0)
                continue;
            double step = rate * c->cma.weight[better];
            for (int v = 0; v < p->n_choices; v++)
                chance[v] += step * ((v == choice) - chance[v]);
        }
        for (int v = 0; v < p->n_choices; v++) {
            chance[v] = p->weights && p->weights[v] == 0 ? 0 : fmax(chance[v], least);
            sum += chance[v];
        }
        for (int v = 0; v < p->n_choices; v++)
            chance[v] /= sum;
    }
}

static void restart(struct cmaes *c, const struct tuner_env *env)
{
    double *dna = mem_zero((size_t)env->space->n, sizeof *dna),
           *mean = mem_zero((size_t)c->n_numbers + 1, sizeof *mean);
    int lambda = c->cma.lambda * 2 < POPULATION_MAX ? c->cma.lambda * 2 : POPULATION_MAX;
    if (draw_prior(env, NULL, dna) < 0)
        space_sample(env->space, env->rng, dna);
    for (int i = 0; i < c->n_numbers; i++) {
        double u = dna[c->number[i]];
        mean[i] = isnan(u) ? 0.5 : coordinate_of(&env->space->params[c->number[i]], u);
    }
    cma_release(&c->cma);
    begin(c, lambda, mean);
    start_chances(c, env->space);
    c->restarts++;
    free(dna);
    free(mean);
}

static void learn(void *self, const struct tuner_env *env, const struct observation *ob)
{
    struct cmaes *c = self;
    const struct history_trial *t = &env->history->trials[ob->trial];
    if (!ob->final || ob->forgotten || t->outside)
        return;
    double *x = mem_zero((size_t)c->n_numbers + 1, sizeof *x);
    for (int i = 0; i < c->n_numbers; i++) {
        double u = t->dna[c->number[i]];
        x[i] = isnan(u) ? c->cma.mean[i] : coordinate_of(&env->space->params[c->number[i]], u);
    }
    x[c->n_numbers] = 0.5; /* the idle coordinate of a space without numbers */
    for (int k = 0; k < c->n_labels; k++)
        c->told[c->cma.told * c->n_labels + k] = isnan(t->dna[c->label[k]]) ? -1 : (int)t->dna[c->label[k]];
    if (cma_tell(&c->cma, x, ob->failed ? INFINITY : ob->loss)) {
        vote(c, env->space);
        if (c->n_numbers && cma_stuck(&c->cma))
            restart(c, env);
        keep_margin(c, env->space);
    }
    free(x);
}

/* ---- proposing ---- */

static int nearest_choice(const struct param *p, double x)
{
    int best = -1;
    for (int v = 0; v < p->n_choices; v++)
        if (!(p->weights && p->weights[v] == 0) &&
            (best < 0 || fabs(widen(p, p->place[v]) - x) < fabs(widen(p, p->place[best]) - x)))
            best = v;
    return best;
}

static void sample(const struct cmaes *c, const struct tuner_env *env, double *x, double *dna)
{
    const struct space *s = env->space;
    struct cma wide = c->cma;
    wide.sigma *= steering_explore(env->steer);
    memset(dna, 0, (size_t)s->n * sizeof *dna);
    cma_sample(&wide, env->rng, x);
    for (int i = 0; i < c->n_numbers; i++) {
        const struct param *p = &s->params[c->number[i]];
        dna[c->number[i]] = p->type == PARAM_ORDINAL ? nearest_choice(p, x[i]) : x[i];
    }
    for (int k = 0; k < c->n_labels; k++) {
        const double *chance = c->chance + c->offset[k];
        int n = s->params[c->label[k]].n_choices, v = 0, last = 0;
        double u = rng_unit(env->rng);
        for (; v < n && (u -= chance[v]) >= 0; v++)
            last = chance[v] > 0 ? v : last;
        dna[c->label[k]] = v < n ? v : last;
    }
    space_canon(s, dna);
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    struct cmaes *c = self;
    const struct space *s = env->space;
    bool steered = steering_any(env->steer), found = false, finite = isfinite(space_count(s));
    double *x = mem_zero((size_t)c->n_numbers + 1, sizeof *x), *spare = mem_zero((size_t)s->n, sizeof *spare),
           heavy = -1;
    for (int i = 0; i < ALLOWED_TRIES && !found; i++) {
        sample(c, env, x, spare);
        if (steered && !steering_allows(env->steer, s, spare))
            continue;
        if (finite && i < NEW_TRIES && pool_tried(env->history, s, spare)) {
            if (heavy < 0) /* better than nothing */
                memcpy(out->dna, spare, (size_t)s->n * sizeof *spare);
            heavy = fmax(heavy, 0);
            continue;
        }
        double w = steered ? steering_weight(env->steer, s, spare) : 1;
        if (w > heavy) {
            memcpy(out->dna, spare, (size_t)s->n * sizeof *spare);
            heavy = w;
        }
        found = !steered || w > 1 || i >= 3; /* a boost gets a few more draws to land in its region */
    }
    free(x);
    free(spare);
    out->forced = steering_pin(env->steer) != NULL;
    if (heavy >= 0) {
        snprintf(out->why, sizeof out->why, "generation %lld of run %lld, step %.3g, population %d%s",
                 (long long)c->cma.generation + 1, (long long)c->restarts + 1, c->cma.sigma, c->cma.lambda,
                 steered ? "; as steered" : "");
        return 0;
    }
    if (draw_prior(env, NULL, out->dna) < 0)
        return cause_set(cause, "the bans and pins leave nothing to try");
    snprintf(out->why, sizeof out->why,
             "the distribution has no mass where it is allowed: a draw from the prior");
    return 0;
}

/* ---- for people, and to disk ---- */

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct cmaes *c = self;
    snprintf(out, cap, "population %d, step %.3g, %lld restarts", c->cma.lambda, c->cma.sigma,
             (long long)c->restarts);
}

static void dump(void *self, struct buf *out)
{
    const struct cmaes *c = self;
    pack_i64(out, c->restarts);
    cma_pack(&c->cma, out);
    pack_doubles(out, c->chance, (size_t)c->offset[c->n_labels]);
    for (int i = 0; i < c->cma.told * c->n_labels; i++)
        pack_i64(out, c->told[i]);
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    struct cmaes *c = make(env, values, cause);
    struct unpack in = {.p = p, .n = n};
    if (!c)
        return NULL;
    cma_release(&c->cma);
    c->restarts = unpack_i64(&in);
    if (cma_unpack(&c->cma, c->n_numbers ? c->n_numbers : 1, &in) == 0) {
        unpack_doubles(&in, c->chance, (size_t)c->offset[c->n_labels]);
        free(c->told);
        c->told = mem_zero((size_t)c->cma.lambda * (size_t)c->n_labels + 1, sizeof *c->told);
        for (int i = 0; i < c->cma.told * c->n_labels; i++) {
            int64_t v = unpack_i64(&in);
            int k = i % c->n_labels;
            in.bad |= v < -1 || v >= c->offset[k + 1] - c->offset[k];
            c->told[i] = in.bad ? -1 : (int)v;
        }
        if (!in.bad && !in.n)
            return c;
    }
    drop(c);
    return cause_null(cause, "the state is not one of this CMA-ES");
}

static const struct tuner_option options[OPT_COUNT + 1] = {
    [OPT_SIGMA] = {"sigma", 0.01, 1, 0.25, "first step, as a share of each parameter's range"},
    [OPT_POPULATION] = {"population", 0, POPULATION_MAX, 0,
                        "points a generation (at least 2); 0: 4 + 3 ln(parameters)"},
    [OPT_COUNT] = {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_cmaes = {
    .name = "cmaes",
    .paper = "Hansen 2016; Hamano et al. 2022, 2024",
    .summary = "covariance matrix adaptation: many trials, numbers that depend on each other",
    .options = options,
    .make = make,
    .drop = drop,
    .propose = propose,
    .learn = learn,
    .describe = describe,
    .dump = dump,
    .load = load,
};
