#include "tune/pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tune/draw.h"

void pool_init(struct pool *p, int dims)
{
    *p = (struct pool){.dims = dims};
}

void pool_release(struct pool *p)
{
    free(p->dna);
    p->dna = NULL;
    p->n = p->cap = 0;
}

double *pool_at(const struct pool *p, int i)
{
    return p->dna + (size_t)i * (size_t)p->dims;
}

void pool_add(struct pool *p, const double *dna)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 64;
        p->dna = mem_resize(p->dna, (size_t)p->cap * (size_t)p->dims, sizeof *p->dna);
    }
    memcpy(p->dna + (size_t)p->n++ * (size_t)p->dims, dna, (size_t)p->dims * sizeof *dna);
}

/* ---- all of them ---- */

static bool collect(void *arg, const double *dna)
{
    pool_add(arg, dna);
    return true;
}

bool pool_enumerate(struct pool *p, const struct space *s, int most)
{
    if (!(space_count(s) <= most))
        return false;
    space_each(s, collect, p);
    return true;
}

/* ---- some of them ---- */

void pool_draw(struct pool *p, const struct tuner_env *env, int n)
{
    double *dna = mem_zero((size_t)p->dims, sizeof *dna);
    for (int i = 0; i < n && draw_prior(env, NULL, dna) == 0; i++)
        pool_add(p, dna);
    free(dna);
}

static double fold(double u)
{
    u = fabs(u);
    u = fmod(u, 2);
    return u > 1 ? 2 - u : u;
}

/* The next value up or down on a lattice. */
static double step(const struct param *p, double u, struct rng *rng)
{
    int64_t k = param_rank(p, u), n = (int64_t)param_count(p);
    int64_t to = k + (rng_below(rng, 2) ? 1 : -1);
    if (to < 0 || to >= n)
        to = 2 * k - to;
    return param_nth(p, to < 0 ? 0 : to >= n ? n - 1 : to);
}

static double ordinal_near(const struct param *p, double at, double scale, struct rng *rng)
{
    double target = fold(p->place[(int)at] + scale * rng_normal(rng)), least = INFINITY;
    int best = (int)at;
    for (int k = 0; k < p->n_choices; k++) {
        double d = fabs(p->place[k] - target);
        if (k != (int)at && d < least && !(p->weights && p->weights[k] == 0)) {
            least = d;
            best = k;
        }
    }
    return best;
}

double neighbour_value(const struct param *p, double at, double scale, struct rng *rng)
{
    if (param_numeric(p)) {
        double u = fold(at + scale * rng_normal(rng));
        if (p->quantum > 0 && isfinite(param_count(p)) && param_rank(p, u) == param_rank(p, at))
            return step(p, at, rng);
        return u;
    }
    if (p->type == PARAM_CONSTANT || p->n_choices < 2)
        return at;
    if (p->type == PARAM_ORDINAL)
        return ordinal_near(p, at, scale, rng);
    double other = (double)rng_below(rng, (uint64_t)p->n_choices - 1);
    other += other >= at;
    return p->weights && p->weights[(int)other] == 0 ? at : other;
}

double any_value(const struct param *p, struct rng *rng)
{
    if (param_numeric(p))
        return rng_unit(rng);
    if (p->type == PARAM_CONSTANT)
        return 0;
    double k = (double)rng_below(rng, (uint64_t)p->n_choices);
    while (p->weights && p->weights[(int)k] == 0)
        k = k + 1 < p->n_choices ? k + 1 : 0;
    return k;
}

void neighbour(const struct tuner_env *env, const double *dna, double scale, double *out)
{
    const struct space *s = env->space;
    int active = 0;
    for (int i = 0; i < s->n; i++)
        active += !isnan(dna[i]) && param_count(&s->params[i]) > 1;
    memcpy(out, dna, (size_t)s->n * sizeof *out);
    /* On average two parameters move, at least one; one that becomes active gets a draw. */
    double p = active > 0 ? fmin(1, 2.0 / active) : 1;
    int sure = active > 0 ? (int)rng_below(env->rng, (uint64_t)active) : 0, k = 0;
    for (int i = 0; i < s->n; i++) {
        const struct param *q = &s->params[i];
        if (isnan(dna[i]))
            out[i] = any_value(q, env->rng);
        else if (param_count(q) > 1 && (k++ == sure || rng_unit(env->rng) < p))
            out[i] = neighbour_value(q, dna[i], scale, env->rng);
    }
    space_canon(s, out);
}

void pool_neighbours(struct pool *p, const struct tuner_env *env, const double *dna, double scale, int n)
{
    bool any = steering_any(env->steer);
    double *out = mem_zero((size_t)p->dims, sizeof *out);
    for (int i = 0; i < n; i++) {
        neighbour(env, dna, scale, out);
        if (!any || steering_allows(env->steer, env->space, out))
            pool_add(p, out);
    }
    free(out);
}

bool pool_tried(const struct history *h, const struct space *s, const double *dna)
{
    for (int i = 0; i < h->n; i++)
        if (h->trials[i].end != END_FORGOTTEN && !h->trials[i].outside &&
            space_same(s, h->trials[i].dna, dna))
            return true;
    return false;
}
