/* Solved by the QR decomposition of LAPACK (dgels) after moving and scaling the points into [-1, 1], which
 * keeps the six columns apart however narrow the neighbourhood is. */
#include "tune/quadratic.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define NEAR_SHARE 0.1
#define NEAR_LEAST 12

struct scaling {
    double mid, half;
};

static struct scaling scaling_of(const double *v, int n)
{
    double low = v[0], high = v[0];
    for (int i = 1; i < n; i++) {
        low = fmin(low, v[i]);
        high = fmax(high, v[i]);
    }
    return (struct scaling){0.5 * (low + high), high > low ? 0.5 * (high - low) : 0};
}

/* c in scaled coordinates u = (x - a.mid) / a.half becomes one in x and y. */
static void unscale(double *c, struct scaling a, struct scaling b)
{
    double s = 1 / a.half, t = 1 / b.half, m = a.mid, k = b.mid;
    double c3 = c[3] * s * s, c4 = c[4] * s * t, c5 = c[5] * t * t, c1 = c[1] * s, c2 = c[2] * t;
    c[0] += -c1 * m - c2 * k + c3 * m * m + c4 * m * k + c5 * k * k;
    c[1] = c1 - 2 * c3 * m - c4 * k;
    c[2] = c2 - 2 * c5 * k - c4 * m;
    c[3] = c3;
    c[4] = c4;
    c[5] = c5;
}

static double at(const double *c, double x, double y)
{
    return c[0] + c[1] * x + c[2] * y + c[3] * x * x + c[4] * x * y + c[5] * y * y;
}

static double explained(const double *c, const double *x, const double *y, const double *z, int n)
{
    double mean = 0, total = 0, error = 0;
    for (int i = 0; i < n; i++)
        mean += z[i] / n;
    for (int i = 0; i < n; i++) {
        double off = z[i] - at(c, x[i], y[i]);
        error += off * off;
        total += (z[i] - mean) * (z[i] - mean);
    }
    return total > 0 ? 1 - error / total : NAN;
}

bool quadratic_fit(const double *x, const double *y, const double *z, int n, struct quadratic *out)
{
    if (n < 6)
        return false;
    struct scaling a = scaling_of(x, n), b = scaling_of(y, n);
    if (!(a.half > 0 && b.half > 0))
        return false;
    double *m = mem_alloc((size_t)n * 6 * sizeof *m), *r = mem_dup(z, (size_t)n * sizeof *r),
           worst = INFINITY;
    for (int i = 0; i < n; i++) {
        double u = (x[i] - a.mid) / a.half, v = (y[i] - b.mid) / b.half;
        double row[6] = {1, u, v, u * u, u * v, v * v};
        for (int j = 0; j < 6; j++)
            m[(size_t)j * (size_t)n + (size_t)i] = row[j];
    }
    int rc = LAPACKE_dgels(LAPACK_COL_MAJOR, 'N', n, 6, 1, m, n, r, n);
    for (int j = 0; j < 6; j++) /* the diagonal of R: how far the columns are from depending on each other */
        worst = fmin(worst, fabs(m[(size_t)j * (size_t)n + (size_t)j]));
    bool determined = rc == 0 && worst > 1e-9 * sqrt(n);
    *out = (struct quadratic){.n = n};
    for (int j = 0; j < 6; j++)
        out->c[j] = r[j];
    free(m);
    free(r);
    if (!determined)
        return false;
    unscale(out->c, a, b);
    const double *c = out->c;
    double det = 4 * c[3] * c[5] - c[4] * c[4];
    out->convex = c[3] > 0 && det > 0;
    out->x = det != 0 ? (c[2] * c[4] - 2 * c[1] * c[5]) / det : NAN;
    out->y = det != 0 ? (c[1] * c[4] - 2 * c[2] * c[3]) / det : NAN;
    out->value = at(c, out->x, out->y);
    out->r2 = explained(c, x, y, z, n);
    return true;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

bool quadratic_near(const double *z, int rows, int columns, struct quadratic *out)
{
    int n = rows * columns, known = 0, k = 0;
    double *v = mem_alloc(4 * ((size_t)n + 1) * sizeof *v), *x = v + n, *y = x + n, *f = y + n;
    for (int i = 0; i < n; i++)
        if (!isnan(z[i]))
            v[known++] = z[i];
    qsort(v, (size_t)known, sizeof *v, ascending);
    int want = (int)fmax(NEAR_LEAST, NEAR_SHARE * known);
    bool fitted = false;
    if (known >= NEAR_LEAST) {
        double level = v[want - 1];
        for (int i = 0; i < n; i++) {
            if (!(z[i] <= level))
                continue;
            x[k] = (i % columns + 0.5) / columns;
            y[k] = (i / columns + 0.5) / rows;
            f[k++] = z[i];
        }
        fitted = quadratic_fit(x, y, f, k, out);
    }
    free(v);
    return fitted;
}

double plateau_share(const double *z, int n, double tolerance)
{
    double least = INFINITY;
    int known = 0, near = 0;
    for (int i = 0; i < n; i++)
        least = fmin(least, z[i]);
    for (int i = 0; i < n; i++) {
        known += !isnan(z[i]);
        near += z[i] <= least + tolerance;
    }
    return known ? (double)near / known : NAN;
}
