#include "tune/genes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tune/draw.h"
#include "tune/pool.h"

#define ALLOWED_TRIES 60
#define FRESH_TRIES   12 /* of these, for one that nobody has tried */

/* ---- genes ---- */

/* The middle of a choice's share of [0,1]. */
static double middle(const struct param *p, int choice)
{
    double below = 0;
    if (p->type == PARAM_CONSTANT)
        return 0;
    if (!p->weights)
        return (choice + 0.5) / p->n_choices;
    for (int k = 0; k < choice; k++)
        below += p->weights[k];
    return below + p->weights[choice] / 2;
}

void genes_from(const struct space *s, const double *dna, struct rng *rng, double *x)
{
    for (int i = 0; i < s->n; i++) {
        const struct param *p = &s->params[i];
        x[i] = isnan(dna[i]) ? rng_unit(rng) : param_numeric(p) ? dna[i] : middle(p, (int)dna[i]);
    }
}

void genes_to(const struct space *s, const double *x, double *dna)
{
    for (int i = 0; i < s->n; i++)
        dna[i] = draw_place(&s->params[i], fmin(fmax(x[i], 0), 1));
    space_canon(s, dna);
}

void genes_match(const struct space *s, const double *dna, struct rng *rng, double *x)
{
    double *now = mem_zero((size_t)s->n, sizeof *now);
    genes_to(s, x, now);
    if (!space_same(s, now, dna))
        genes_from(s, dna, rng, x);
    free(now);
}

int genes_varying(const struct space *s)
{
    int n = 0;
    for (int i = 0; i < s->n; i++)
        n += param_count(&s->params[i]) > 1;
    return n;
}

int genes_population(const struct tuner_env *env, double given, int each, int least, int most)
{
    if (given >= 1)
        return (int)given;
    double n = fmin(fmax(each * genes_varying(env->space), least), most);
    return env->budget > 0 ? (int)fmin(n, fmax(least, (double)env->budget / 10)) : (int)n;
}

void genes_mutate(const struct tuner_env *env, const double *dna, double scale, double *out)
{
    const struct space *s = env->space;
    int active = 0, k = 0;
    for (int i = 0; i < s->n; i++)
        active += !isnan(dna[i]) && param_count(&s->params[i]) > 1;
    int which = active ? (int)rng_below(env->rng, (uint64_t)active) : -1;
    for (int i = 0; i < s->n; i++) {
        const struct param *p = &s->params[i];
        out[i] = dna[i];
        if (isnan(dna[i]))
            out[i] = any_value(p, env->rng);
        else if (param_count(p) > 1 && k++ == which)
            out[i] = neighbour_value(p, dna[i], scale, env->rng);
    }
    space_canon(s, out);
}

int genes_breed(const struct tuner_env *env,
                void (*make)(void *self, const struct tuner_env *env, double *dna), void *self, double *dna)
{
    const struct space *s = env->space;
    double *spare = mem_zero((size_t)s->n, sizeof *spare);
    int tried = 0, rc = 1;
    for (int i = 0; i < ALLOWED_TRIES && rc == 1; i++) {
        make(self, env, dna);
        if (!draw_keeps(env, dna))
            continue;
        if (tried < FRESH_TRIES && pool_tried(env->history, s, dna)) {
            memcpy(spare, dna, (size_t)s->n * sizeof *spare);
            tried++;
            continue;
        }
        rc = 0;
    }
    if (rc == 1 && tried) {
        memcpy(dna, spare, (size_t)s->n * sizeof *dna);
        rc = 0;
    }
    free(spare);
    return rc == 0 ? 0 : draw_prior(env, NULL, dna) < 0 ? -1 : 1;
}

/* ---- flights ---- */

void flights_release(struct flights *f)
{
    free(f->list);
    free(f->x);
    memset(f, 0, sizeof *f);
}

static int find(const struct flights *f, int trial)
{
    for (int i = 0; i < f->n; i++)
        if (f->list[i].trial == trial)
            return i;
    return -1;
}

void flights_put(struct flights *f, int trial, int place, const double *x)
{
    int at = find(f, trial);
    if (at < 0) {
        if (f->n == f->cap) {
            f->cap = f->cap ? 2 * f->cap : 16;
            f->list = mem_resize(f->list, (size_t)f->cap, sizeof *f->list);
            f->x = mem_resize(f->x, (size_t)f->cap * (size_t)f->dims, sizeof *f->x);
        }
        at = f->n++;
    }
    f->list[at] = (struct flight){trial, place};
    memcpy(f->x + (size_t)at * (size_t)f->dims, x, (size_t)f->dims * sizeof *x);
}

bool flights_take(struct flights *f, int trial, int *place, double *x)
{
    int at = find(f, trial);
    size_t dims = (size_t)f->dims;
    if (at < 0)
        return false;
    *place = f->list[at].place;
    memcpy(x, f->x + (size_t)at * dims, dims * sizeof *x);
    f->n--;
    f->list[at] = f->list[f->n];
    memmove(f->x + (size_t)at * dims, f->x + (size_t)f->n * dims, dims * sizeof *x);
    return true;
}

bool flights_hold(const struct flights *f, int place)
{
    for (int i = 0; i < f->n; i++)
        if (f->list[i].place == place)
            return true;
    return false;
}

void flights_pack(const struct flights *f, struct buf *out)
{
    pack_u64(out, (uint64_t)f->n);
    for (int i = 0; i < f->n; i++) {
        pack_i64(out, f->list[i].trial);
        pack_i64(out, f->list[i].place);
        pack_doubles(out, f->x + (size_t)i * (size_t)f->dims, (size_t)f->dims);
    }
}

void flights_unpack(struct flights *f, int places, struct unpack *in)
{
    size_t n = unpack_count(in, 16 + 8 * (size_t)f->dims);
    double *x = mem_zero((size_t)f->dims, sizeof *x);
    for (size_t i = 0; i < n && !in->bad; i++) {
        int64_t trial = unpack_i64(in), place = unpack_i64(in);
        unpack_doubles(in, x, (size_t)f->dims);
        in->bad |= trial < 0 || trial > INT32_MAX || place < -1 || place >= places;
        if (!in->bad)
            flights_put(f, (int)trial, (int)place, x);
    }
    free(x);
}
