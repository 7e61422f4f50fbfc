/* A bin is done when both the value at its middle and its integral by Simpson's rule agree with the spline
 * over all knots of the round before; the middle becomes a knot either way, and both halves are then done.
 * The spline is solved afresh each round, in O(n). */
#include "tune/knots.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define START 6 /* knots, evenly spaced */

/* ---- splines ---- */

/* Not-a-knot: the third derivative is the same in the first two bins, and in the last two. The two outer
 * unknowns are eliminated, what is left is tridiagonal. */
void spline_fit(const double *x, const double *y, int n, double *m)
{
    if (n < 4) {
        double c =
            n < 3 ? 0 : ((y[2] - y[1]) / (x[2] - x[1]) - (y[1] - y[0]) / (x[1] - x[0])) / (x[2] - x[0]);
        for (int i = 0; i < n; i++)
            m[i] = 2 * c;
        return;
    }
    double *d = mem_alloc((size_t)n * sizeof *d), *up = mem_alloc((size_t)n * sizeof *up);
    double h0 = x[1] - x[0], h1 = x[2] - x[1], g0 = x[n - 1] - x[n - 2], g1 = x[n - 2] - x[n - 3];
    for (int i = 1; i < n - 1; i++) {
        double a = x[i] - x[i - 1], b = x[i + 1] - x[i];
        double low = a, mid = 2 * (a + b), high = b, r = 6 * ((y[i + 1] - y[i]) / b - (y[i] - y[i - 1]) / a);
        if (i == 1) { /* m0 = ((h0 + h1) m1 - h0 m2) / h1 */
            mid += low * (h0 + h1) / h1;
            high -= low * h0 / h1;
            low = 0;
        }
        if (i == n - 2) {
            mid += high * (g0 + g1) / g1;
            low -= high * g0 / g1;
            high = 0;
        }
        if (i > 1) {
            double w = low / d[i - 1];
            mid -= w * up[i - 1];
            r -= w * m[i - 1];
        }
        d[i] = mid;
        up[i] = high;
        m[i] = r;
    }
    for (int i = n - 2; i >= 1; i--)
        m[i] = (m[i] - (i < n - 2 ? up[i] * m[i + 1] : 0)) / d[i];
    m[0] = ((h0 + h1) * m[1] - h0 * m[2]) / h1;
    m[n - 1] = ((g0 + g1) * m[n - 2] - g0 * m[n - 3]) / g1;
    free(d);
    free(up);
}

static double in_bin(const double *x, const double *y, const double *m, int i, double at)
{
    double h = x[i + 1] - x[i], a = (x[i + 1] - at) / h, b = (at - x[i]) / h;
    return a * y[i] + b * y[i + 1] + ((a * a * a - a) * m[i] + (b * b * b - b) * m[i + 1]) * h * h / 6;
}

double spline_at(const double *x, const double *y, const double *m, int n, double at)
{
    int lo = 0, hi = n - 1;
    while (hi - lo > 1) {
        int mid = (lo + hi) / 2;
        *(x[mid] <= at ? &lo : &hi) = mid;
    }
    return in_bin(x, y, m, lo, at);
}

static double bin_integral(const struct knots *k, int i)
{
    double h = k->x[i + 1] - k->x[i];
    return h * (k->y[i] + k->y[i + 1]) / 2 - h * h * h * (k->m[i] + k->m[i + 1]) / 24;
}

/* ---- rounds ---- */

struct knots_options knots_options(double low, double high, double rel, double scale)
{
    return (struct knots_options){
        .low = low, .high = high, .rel = rel, .scale = scale, .most = 10000000, .refine_ns = 1};
}

static void room(struct knots *k, int n)
{
    if (n <= k->cap)
        return;
    k->cap = n * 2;
    k->x = mem_resize(k->x, (size_t)k->cap, sizeof *k->x);
    k->y = mem_resize(k->y, (size_t)k->cap, sizeof *k->y);
    k->m = mem_resize(k->m, (size_t)k->cap, sizeof *k->m);
    k->ok = mem_resize(k->ok, (size_t)k->cap, sizeof *k->ok);
    k->next = mem_resize(k->next, (size_t)k->cap, sizeof *k->next);
}

void knots_init(struct knots *k, const struct knots_options *o)
{
    *k = (struct knots){.o = *o};
    room(k, START);
    for (int i = 0; i < START; i++) {
        double f = (double)i / (START - 1);
        k->next[i] = i == 0           ? o->low
                     : i == START - 1 ? o->high
                     : o->log_spaced  ? o->low * pow(o->high / o->low, f)
                                      : o->low + f * (o->high - o->low);
    }
    k->n_next = START;
}

void knots_release(struct knots *k)
{
    free(k->x);
    free(k->y);
    free(k->m);
    free(k->ok);
    free(k->next);
    *k = (struct knots){.n = 0};
}

static double middle(const struct knots *k, int i)
{
    return k->o.log_spaced ? sqrt(k->x[i] * k->x[i + 1]) : 0.5 * (k->x[i] + k->x[i + 1]);
}

/* Simpson's rule with the true values; for a middle that is not half way, the parabola through the three. */
static double simpson(double x0, double y0, double x, double y, double x1, double y1)
{
    double delta = (x - 0.5 * (x0 + x1)) / (0.5 * (x1 - x0));
    return (x1 - x0) / 6 *
           (y1 * (3 - 2 / (1 - delta)) + y0 * (3 - 2 / (1 + delta)) + 4 * y / (1 - delta * delta));
}

/* Whether the bin's middle and integral are as the spline says. */
static bool agrees(const struct knots *k, int i, double x, double y)
{
    double rel = k->o.rel, scale = k->o.scale, h = k->x[i + 1] - k->x[i];
    double ys = in_bin(k->x, k->y, k->m, i, x),
           whole = simpson(k->x[i], k->y[i], x, y, k->x[i + 1], k->y[i + 1]);
    return fabs(y - ys) <= rel * (fabs(y) + scale) &&
           fabs(whole - bin_integral(k, i)) <= rel * (fabs(whole) + scale * h);
}

/* Takes the middles in; returns how many bins did not agree. */
static int insert(struct knots *k, const double *y)
{
    int old = k->n, off = 0, at = k->n_next - 1;
    room(k, old + k->n_next);
    bool *fine = mem_zero((size_t)k->n_next + 1, sizeof *fine);
    for (int i = 0, j = 0; i + 1 < old; i++) {
        if (k->ok[i])
            continue;
        fine[j] = agrees(k, i, k->next[j], y[j]);
        off += !fine[j];
        j++;
    }
    for (int i = old - 1, to = old + k->n_next - 1; i >= 0; i--) { /* from the right, in place */
        if (i < old - 1 && !k->ok[i]) {
            k->x[to] = k->next[at];
            k->y[to] = y[at];
            k->ok[to--] = fine[at];
            k->ok[i] = fine[at--];
        }
        k->x[to] = k->x[i];
        k->y[to] = k->y[i];
        k->ok[to--] = k->ok[i];
    }
    k->n = old + k->n_next;
    free(fine);
    return off;
}

/* Opens the bins that are much wider than the others again; false: there is none. */
static bool reopen(struct knots *k)
{
    double mean = 0, var = 0;
    bool any = false;
    int bins = k->n - 1;
    for (int i = 0; i < bins; i++)
        mean += (k->x[i + 1] - k->x[i]) / bins;
    for (int i = 0; i < bins; i++)
        var += pow(k->x[i + 1] - k->x[i] - mean, 2) / bins;
    for (int i = 0; i < bins; i++)
        if (k->x[i + 1] - k->x[i] > mean + k->o.refine_ns * sqrt(var)) {
            k->ok[i] = false;
            any = true;
        }
    return any;
}

static enum knots_state plan(struct knots *k)
{
    k->n_next = 0;
    for (int i = 0; i + 1 < k->n; i++) {
        double x = middle(k, i);
        if (k->ok[i])
            continue;
        if (fabs(x - k->x[i]) <= 100 * DBL_EPSILON * fabs(x))
            return KNOTS_BROKEN;
        k->next[k->n_next++] = x;
    }
    if (k->n_next && k->n + k->n_next > k->o.most)
        return KNOTS_FULL;
    return k->n_next ? KNOTS_MORE : KNOTS_DONE;
}

enum knots_state knots_tell(struct knots *k, const double *y)
{
    int off = 1;
    if (k->n == 0) {
        memcpy(k->x, k->next, (size_t)k->n_next * sizeof *k->x);
        memcpy(k->y, y, (size_t)k->n_next * sizeof *k->y);
        memset(k->ok, 0, (size_t)k->n_next * sizeof *k->ok);
        k->n = k->n_next;
    } else {
        off = insert(k, y);
    }
    spline_fit(k->x, k->y, k->n, k->m);
    if (off == 0 && (k->o.refine-- < 1 || !reopen(k))) {
        k->n_next = 0;
        return k->state = KNOTS_DONE;
    }
    k->state = plan(k);
    if (k->state != KNOTS_MORE)
        k->n_next = 0;
    return k->state;
}

double knots_at(const struct knots *k, double x)
{
    return spline_at(k->x, k->y, k->m, k->n, x);
}
