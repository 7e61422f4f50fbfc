/* Values of a rung lie in order of arrival; the array grows at powers of two. */
#include "tune/rungs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"

void rungs_release(struct rungs *r)
{
    for (int i = 0; i < r->n; i++)
        free(r->rung[i].values);
    free(r->rung);
    memset(r, 0, sizeof *r);
}

void rungs_add(struct rungs *r, double resource)
{
    r->rung = mem_resize(r->rung, (size_t)r->n + 1, sizeof *r->rung);
    r->rung[r->n++] = (struct rung){.resource = resource};
}

int rungs_reached(const struct rungs *r, double resource)
{
    int k = r->n - 1;
    while (k >= 0 && r->rung[k].resource > resource)
        k--;
    return k;
}

struct rung_value *rungs_of(const struct rungs *r, int rung, int trial)
{
    for (int i = 0; i < r->rung[rung].n; i++)
        if (r->rung[rung].values[i].trial == trial)
            return &r->rung[rung].values[i];
    return NULL;
}

struct rung_value *rungs_record(struct rungs *r, int rung, int trial, double loss)
{
    struct rung *g = &r->rung[rung];
    if ((g->n & (g->n - 1)) == 0) /* full at every power of two */
        g->values = mem_resize(g->values, g->n ? 2 * (size_t)g->n : 1, sizeof *g->values);
    g->values[g->n] = (struct rung_value){.trial = trial, .loss = loss};
    return &g->values[g->n++];
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double *rungs_sorted(const struct rung *r)
{
    double *v = mem_zero((size_t)r->n, sizeof *v);
    for (int i = 0; i < r->n; i++)
        v[i] = r->values[i].loss;
    if (r->n)
        qsort(v, (size_t)r->n, sizeof *v, ascending);
    return v;
}

double rungs_quantile(const struct rung *r, double share)
{
    if (!r->n)
        return NAN;
    double *v = rungs_sorted(r), at = share * (r->n - 1);
    int below = (int)at;
    double q = below + 1 < r->n ? v[below] + (at - below) * (v[below + 1] - v[below]) : v[r->n - 1];
    free(v);
    return q;
}

int rungs_rows(const struct rungs *r, double share, struct rung_row *rows, int max)
{
    int used = r->n; /* the ladder may go far above what anybody reached */
    while (used > 0 && !r->rung[used - 1].n)
        used--;
    for (int k = 0; k < used && k < max; k++) {
        const struct rung *g = &r->rung[k];
        rows[k] = (struct rung_row){.rung = k, .resource = g->resource, .trials = g->n, .cutoff = NAN};
        for (int i = 0; i < g->n; i++)
            rows[k].stopped += g->values[i].stopped;
        rows[k].promoted = g->n - rows[k].stopped;
        if (g->n > 1)
            rows[k].cutoff = rungs_quantile(g, share);
    }
    return used;
}

void rungs_pack(const struct rungs *r, struct buf *out)
{
    pack_u64(out, (uint64_t)r->n);
    for (int k = 0; k < r->n; k++) {
        pack_u64(out, (uint64_t)r->rung[k].n);
        for (int i = 0; i < r->rung[k].n; i++) {
            const struct rung_value *v = &r->rung[k].values[i];
            pack_u64(out, (uint64_t)v->trial << 1 | v->stopped);
            pack_f64(out, v->loss);
        }
    }
}

int rungs_unpack(struct rungs *r, struct unpack *in)
{
    if (unpack_u64(in) != (uint64_t)r->n)
        return -1;
    for (int k = 0; k < r->n && !in->bad; k++) {
        size_t n = unpack_count(in, 16);
        for (size_t i = 0; i < n; i++) {
            uint64_t who = unpack_u64(in);
            rungs_record(r, k, (int)(who >> 1), unpack_f64(in))->stopped = who & 1;
        }
    }
    return in->bad ? -1 : 0;
}

bool rungs_restore(struct rungs *r, const uint8_t *p, size_t n, char **cause)
{
    struct unpack in = {.p = p, .n = n};
    if (rungs_unpack(r, &in) == 0 && !in.n)
        return true;
    cause_set(cause, "the state is not one of a stopper with these rungs");
    return false;
}
