#include "hub/curve_axis.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define MAX_KNOTS 1024  /* a metric axis with more points is sampled */
#define MAX_BAD   65536 /* points behind the first NaN that are looked at */

void curve_axis_steps(struct curve_axis *a)
{
    *a = (struct curve_axis){.x = SERIES_STEP};
}

void curve_axis_time(struct curve_axis *a, const struct series *s, int64_t t)
{
    double lo = 0, hi;
    *a = (struct curve_axis){.x = SERIES_TIME};
    if (series_range(s, SERIES_TIME, t, &lo, &hi))
        a->zero = lo;
}

bool curve_axis_metric(struct curve_axis *a, const struct series *metric, int64_t t)
{
    uint64_t n = series_count(metric, t), want = n < MAX_KNOTS ? n : MAX_KNOTS;
    *a = (struct curve_axis){.x = SERIES_STEP};
    if (n == 0)
        return false;
    a->step = mem_alloc(2 * want * sizeof *a->step);
    a->value = a->step + want;
    for (uint64_t i = 0; i < want; i++) {
        struct series_point p;
        uint64_t at = want > 1 ? i * (n - 1) / (want - 1) : 0;
        if (!series_at(metric, at, &p) || !isfinite(p.value))
            continue;
        if (a->n && (p.value <= a->value[a->n - 1] || (double)p.step <= a->step[a->n - 1]))
            continue;
        a->step[a->n] = (double)p.step;
        a->value[a->n++] = p.value;
    }
    if (a->n)
        return true;
    curve_axis_release(a);
    return false;
}

void curve_axis_release(struct curve_axis *a)
{
    free(a->step);
    *a = (struct curve_axis){.x = a->x};
}

/* y at x on the polyline through (xs, ys), constant beyond its ends. */
static double along(const double *xs, const double *ys, int n, double x)
{
    int lo = 0, hi = n - 1;
    if (x <= xs[0])
        return ys[0];
    if (x >= xs[hi])
        return ys[hi];
    while (hi - lo > 1) {
        int mid = (lo + hi) / 2;
        *(xs[mid] <= x ? &lo : &hi) = mid;
    }
    return ys[lo] + (ys[hi] - ys[lo]) * (x - xs[lo]) / (xs[hi] - xs[lo]);
}

double curve_axis_at(const struct curve_axis *a, double x)
{
    if (a->n)
        return along(a->step, a->value, a->n, x);
    return a->x == SERIES_TIME ? (x - a->zero) / 1e9 : x;
}

/* The ends stand for everything beyond them. */
double curve_axis_back(const struct curve_axis *a, double v)
{
    if (a->n && v <= a->value[0])
        return v < a->value[0] ? -INFINITY : a->step[0];
    if (a->n && v > a->value[a->n - 1])
        return INFINITY;
    if (a->n)
        return along(a->value, a->step, a->n, v);
    return a->x == SERIES_TIME ? v * 1e9 + a->zero : v;
}

bool curve_axis_range(const struct curve_axis *a, const struct series *s, int64_t t, double *v0, double *v1)
{
    double lo, hi;
    if (!series_range(s, a->x, t, &lo, &hi))
        return false;
    *v0 = curve_axis_at(a, lo);
    *v1 = curve_axis_at(a, hi);
    return true;
}

/* ---- columns ---- */

static double bound(const struct curve_span *k, int i)
{
    double share = (double)i / k->columns;
    return k->log ? k->v0 * pow(k->v1 / k->v0, share) : k->v0 + (k->v1 - k->v0) * share;
}

/* Steps and ns are whole numbers: the last before b. */
static double before(double b)
{
    return isfinite(b) ? nextafter(b, -INFINITY) : b;
}

static void uneven_columns(const struct curve_axis *a, const struct series *s, const struct curve_span *k,
                           int64_t t, double *min, double *max, double *mean)
{
    double lo, hi;
    if (!series_range(s, a->x, t, &lo, &hi))
        lo = hi = 0;
    double from = curve_axis_back(a, bound(k, 0));
    for (int i = 0; i < k->columns; i++) {
        bool last = i + 1 == k->columns;
        double to = curve_axis_back(a, last ? k->v1 : bound(k, i + 1));
        double x0 = from < lo ? lo : from, x1 = last ? to : before(to);
        x1 = x1 > hi ? hi : x1;
        min[i] = max[i] = mean[i] = NAN;
        if (x1 >= x0)
            series_columns(s, a->x, x0, x1, t, 1, min + i, max + i, mean + i);
        from = to;
    }
}

static int column_of(const struct curve_span *k, double v)
{
    if (!(v >= k->v0) || v > k->v1)
        return -1;
    double share = !(k->v1 > k->v0) ? 0
                   : k->log         ? log(v / k->v0) / log(k->v1 / k->v0)
                                    : (v - k->v0) / (k->v1 - k->v0);
    int i = (int)(share * k->columns);
    return i < k->columns ? i : k->columns - 1;
}

/* Columns that hold nothing but NaN are not the same as empty ones. */
static void tell_bad(const struct curve_axis *a, const struct series *s, const struct curve_span *k,
                     int64_t t, double *mean)
{
    int64_t first = series_first_nan(s, t);
    uint64_t n = series_count(s, t);
    if (first < 0)
        return;
    for (uint64_t i = (uint64_t)first; i < n && i - (uint64_t)first < MAX_BAD; i++) {
        struct series_point p;
        if (!series_at(s, i, &p) || isfinite(p.value))
            continue;
        int at = column_of(k, curve_axis_at(a, a->x == SERIES_TIME ? (double)p.time : (double)p.step));
        if (at >= 0 && isnan(mean[at]))
            mean[at] = INFINITY;
    }
}

void curve_axis_columns(const struct curve_axis *a, const struct series *s, const struct curve_span *k,
                        int64_t t, double *min, double *max, double *mean)
{
    if (a->n || k->log)
        uneven_columns(a, s, k, t, min, max, mean);
    else
        series_columns(s, a->x, curve_axis_back(a, k->v0), curve_axis_back(a, k->v1), t, k->columns, min, max,
                       mean);
    tell_bad(a, s, k, t, mean);
}
