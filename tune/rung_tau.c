/* Rank correlation between rungs: M. G. Kendall, "A New Measure of Rank Correlation", Biometrika 30, 1938 (tau-b, which
 * allows for ties); its interval by Fisher's z with variance 0.437 / (n - 4): E. C. Fieller, H. O. Hartley and E. S. Pearson,
 * "Tests for Rank Correlation Coefficients I", Biometrika 44, 1957.
 *
 * A pair of trials counts at a rung when both also reached a later one: the last that both did stands for the truth that we
 * have. Quadratic in the trials of a rung that were promoted, which are few. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tune/history.h"

static int by_trial(const void *a, const void *b)
{
    const struct rung_point *x = a, *y = b;
    if (x->trial != y->trial)
        return x->trial < y->trial ? -1 : 1;
    return x->rung - y->rung;
}

struct climb { /* one trial's points, its rungs ascending */
    const struct rung_point *p;
    int n;
};

static const struct rung_point *at(const struct climb *c, int rung)
{
    for (int i = 0; i < c->n; i++)
        if (c->p[i].rung == rung)
            return &c->p[i];
    return NULL;
}

/* The last rung above this one that both reached; -1 none. */
static int last_common(const struct climb *a, const struct climb *b, int rung)
{
    for (int i = a->n - 1; i >= 0 && a->p[i].rung > rung; i--)
        if (at(b, a->p[i].rung))
            return a->p[i].rung;
    return -1;
}

static int order(double x, double y)
{
    return (x > y) - (x < y);
}

static struct rung_tau agreement(const struct climb *c, int n, int rung)
{
    struct rung_tau row = {.rung = rung, .tau = NAN, .low = NAN, .high = NAN};
    double sum = 0, here = 0, there = 0;
    bool *in = mem_zero((size_t)n, sizeof *in);
    for (int i = 0; i < n; i++) {
        const struct rung_point *a = at(&c[i], rung);
        for (int j = 0; a && j < i; j++) {
            const struct rung_point *b = at(&c[j], rung);
            int top = b ? last_common(&c[i], &c[j], rung) : -1;
            if (top < 0)
                continue;
            int now = order(a->loss, b->loss), then = order(at(&c[i], top)->loss, at(&c[j], top)->loss);
            sum += now * then;
            here += now != 0;
            there += then != 0;
            in[i] = in[j] = true;
        }
    }
    for (int i = 0; i < n; i++)
        row.n += in[i];
    free(in);
    if (!row.n || here == 0 || there == 0)
        return row;
    row.tau = sum / sqrt(here * there);
    double z = atanh(fmax(-1 + 1e-12, fmin(1 - 1e-12, row.tau)));
    double half = row.n > 4 ? 1.959963984540054 * sqrt(0.437 / (row.n - 4)) : INFINITY;
    row.low = tanh(z - half);
    row.high = tanh(z + half);
    return row;
}

int rung_correlation(struct rung_point *points, int n, struct rung_tau *rows, int max)
{
    int top = -1, trials = 0;
    if (n < 1)
        return 0;
    qsort(points, (size_t)n, sizeof *points, by_trial);
    struct climb *c = mem_zero((size_t)n, sizeof *c);
    for (int i = 0; i < n; i++) {
        if (i == 0 || points[i].trial != points[i - 1].trial)
            c[trials++].p = &points[i];
        c[trials - 1].n++;
        top = points[i].rung > top ? points[i].rung : top;
    }
    for (int k = 0; k < top && k < max; k++)
        rows[k] = agreement(c, trials, k);
    free(c);
    return top > 0 ? top : 0;
}
