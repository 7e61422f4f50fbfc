#include "tune/decisions.h"

#include <math.h>
#include <string.h>

#include "tune/draw.h"

#define SETTLED (-1)

static bool lattice(const struct param *p)
{
    return !param_numeric(p) || isfinite(param_count(p));
}

void decisions_begin(struct decisions *d, const struct space *s, int depth, double *room)
{
    size_t n = (size_t)s->n;
    *d = (struct decisions){.space = s,
                            .depth = depth,
                            .param = -1,
                            .dna = room,
                            .lo = room + n,
                            .hi = room + 2 * n,
                            .halvings = room + 3 * n};
    for (int i = 0; i < s->n; i++) {
        d->dna[i] = NAN;
        d->lo[i] = 0;
        d->hi[i] = lattice(&s->params[i]) ? param_count(&s->params[i]) : 1;
        d->halvings[i] = 0;
    }
}

void decisions_copy(struct decisions *to, const struct decisions *from, double *room)
{
    size_t n = (size_t)from->space->n;
    *to = *from;
    memcpy(room, from->dna, DECISIONS_ROOM * n * sizeof *room);
    to->dna = room;
    to->lo = room + n;
    to->hi = room + 2 * n;
    to->halvings = room + 3 * n;
}

static void settle(struct decisions *d, int i, double dna)
{
    d->dna[i] = dna;
    d->halvings[i] = SETTLED;
}

int decisions_next(struct decisions *d)
{
    const struct space *s = d->space;
    int next = -1;
    for (int k = 0; k < s->n; k++) {
        int i = s->order[k];
        const struct param *p = &s->params[i];
        if (d->halvings[i] == SETTLED || (p->parent >= 0 && d->halvings[p->parent] != SETTLED))
            continue;
        if (!space_active(s, d->dna, i)) {
            settle(d, i, NAN);
        } else if (p->type == PARAM_CONSTANT || param_count(p) < 2) {
            settle(d, i, param_nth(p, 0));
        } else if (p->type == PARAM_CATEGORICAL) {
            d->param = i;
            return p->n_choices;
        } else if (next < 0 || d->halvings[i] < d->halvings[next]) {
            next = i;
        }
    }
    d->param = next;
    return next < 0 ? 0 : 2;
}

/* Where an ordered parameter is cut: half of what is left of u, so that a log scale is cut at its geometric
 * mean; in ranks, so that both halves have a value. */
static double cut(const struct decisions *d, int i)
{
    const struct param *p = &d->space->params[i];
    if (!lattice(p))
        return (d->lo[i] + d->hi[i]) / 2;
    if (!param_numeric(p))
        return floor((d->lo[i] + d->hi[i]) / 2);
    double u = (param_nth(p, (int64_t)d->lo[i]) + param_nth(p, (int64_t)d->hi[i] - 1)) / 2;
    return fmin(fmax((double)param_rank(p, u) + 1, d->lo[i] + 1), d->hi[i] - 1);
}

int decisions_branch(const struct decisions *d, const double *dna)
{
    const struct param *p = &d->space->params[d->param];
    double at = dna[d->param];
    if (p->type == PARAM_CATEGORICAL)
        return (int)at;
    return (lattice(p) ? (double)param_rank(p, at) : at) >= cut(d, d->param);
}

/* A value from what is left of a parameter. */
static double drawn(const struct decisions *d, int i, struct rng *rng)
{
    const struct param *p = &d->space->params[i];
    double lo = d->lo[i], hi = d->hi[i];
    if (!lattice(p))
        return lo + (hi - lo) * rng_unit(rng);
    if (!param_numeric(p)) {
        double k = lo + (double)rng_below(rng, (uint64_t)(hi - lo));
        for (int tries = 0; p->weights && p->weights[(int)k] == 0 && tries < (int)(hi - lo); tries++)
            k = k + 1 < hi ? k + 1 : lo;
        return k;
    }
    double low = param_nth(p, (int64_t)lo), high = param_nth(p, (int64_t)hi - 1);
    double rank = (double)param_rank(p, low + (high - low) * rng_unit(rng));
    return param_nth(p, (int64_t)fmin(fmax(rank, lo), hi - 1));
}

void decisions_take(struct decisions *d, int branch, const double *like, struct rng *rng)
{
    int i = d->param;
    const struct param *p = &d->space->params[i];
    if (p->type == PARAM_CATEGORICAL) {
        settle(d, i, branch);
        return;
    }
    *(branch ? &d->lo[i] : &d->hi[i]) = cut(d, i);
    d->halvings[i]++;
    if (d->halvings[i] >= d->depth || (lattice(p) && d->hi[i] - d->lo[i] <= 1))
        settle(d, i, like ? like[i] : drawn(d, i, rng));
}

void decisions_finish(struct decisions *d, struct rng *rng)
{
    while (decisions_next(d)) {
        int i = d->param;
        settle(d, i, d->halvings[i] > 0 ? drawn(d, i, rng) : draw_place(&d->space->params[i], rng_unit(rng)));
    }
    space_canon(d->space, d->dna);
}
