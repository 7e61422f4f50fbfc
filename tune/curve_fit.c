/* Families and their mixture: T. Domhan, J. T. Springenberg and F. Hutter, "Speeding Up Automatic Hyperparameter Optimization of
 * Deep Neural Networks by Extrapolation of Learning Curves", IJCAI 2015; here by maximum likelihood with BIC weights in
 * place of MCMC. The fits: K. Levenberg 1944, D. W. Marquardt 1963.
 *
 * Parameters that must be positive are kept as logarithms, so the fit is unconstrained. Curves are fitted on a scale of
 * their own: t from 0 to 1 at the last point, y shifted and divided by its range. */
#include "tune/curve_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MAX_ROUNDS 40
#define STARTS     4

static const struct {
    const char *name;
    int parameters;
} families[CURVE_COUNT] = {
#define CURVE_ROW(e, name, k) {name, k},
    CURVE_FAMILIES(CURVE_ROW)
#undef CURVE_ROW
};

int curve_parameters(enum curve_family f)
{
    return families[f].parameters;
}

const char *curve_name(enum curve_family f)
{
    return families[f].name;
}

/* p[0] is the level; the others are ln a (with the sign of a descent: curves of losses), ln alpha and so on. */
double curve_value(enum curve_family f, const double *p, double t)
{
    switch (f) {
    case CURVE_POW3:
        return p[0] + p[1] * pow(t, -exp(p[2]));
    case CURVE_POW4:
        return p[0] + pow(exp(p[1]) * t + exp(p[3]), -exp(p[2]));
    case CURVE_EXPONENTIAL:
        return p[0] + p[1] * exp(-exp(p[2]) * t);
    case CURVE_JANOSCHEK:
        return p[0] + p[1] * exp(-exp(p[2]) * pow(t, exp(p[3])));
    default:
        return p[0] - p[1] * log(t);
    }
}

static double sum_of_squares(enum curve_family f, const double *p, const double *t, const double *y, int n)
{
    double s = 0;
    for (int i = 0; i < n; i++) {
        double r = y[i] - curve_value(f, p, t[i]);
        s += r * r;
    }
    return isfinite(s) ? s : INFINITY;
}

/* (A + lambda diag A) x = b for k <= 4, by elimination with pivots; false when singular. */
static bool solve(int k, const double a[4][4], const double *b, double lambda, double *x)
{
    double m[4][5];
    for (int i = 0; i < k; i++) {
        for (int j = 0; j < k; j++)
            m[i][j] = a[i][j] + (i == j ? lambda * (a[i][i] + 1e-12) : 0);
        m[i][k] = b[i];
    }
    for (int c = 0; c < k; c++) {
        int best = c;
        for (int r = c + 1; r < k; r++)
            if (fabs(m[r][c]) > fabs(m[best][c]))
                best = r;
        if (!(fabs(m[best][c]) > 1e-300))
            return false;
        for (int j = 0; j <= k; j++) {
            double swap = m[c][j];
            m[c][j] = m[best][j];
            m[best][j] = swap;
        }
        for (int r = 0; r < k; r++)
            for (int j = k; r != c && j >= c; j--)
                m[r][j] -= m[r][c] / m[c][c] * m[c][j];
    }
    for (int i = 0; i < k; i++)
        x[i] = m[i][k] / m[i][i];
    return true;
}

/* Gradient and Gauss-Newton matrix by differences. */
static void linearise(enum curve_family f, const double *p, const double *t, const double *y, int n, double a[4][4], double *g)
{
    int k = curve_parameters(f);
    memset(a, 0, 16 * sizeof(double));
    memset(g, 0, 4 * sizeof(double));
    for (int i = 0; i < n; i++) {
        double v = curve_value(f, p, t[i]), d[4], q[4];
        for (int j = 0; j < k; j++) {
            double h = 1e-6 * (1 + fabs(p[j]));
            memcpy(q, p, sizeof q);
            q[j] += h;
            d[j] = (curve_value(f, q, t[i]) - v) / h;
            if (!isfinite(d[j]))
                d[j] = 0;
        }
        for (int j = 0; j < k; j++) {
            g[j] += d[j] * (y[i] - v);
            for (int l = 0; l < k; l++)
                a[j][l] += d[j] * d[l];
        }
    }
}

static double descend(enum curve_family f, double *p, const double *t, const double *y, int n)
{
    double lambda = 1e-2, now = sum_of_squares(f, p, t, y, n), a[4][4], g[4], d[4];
    int k = curve_parameters(f);
    for (int round = 0; round < MAX_ROUNDS && isfinite(now); round++) {
        linearise(f, p, t, y, n, a, g);
        bool better = false;
        for (int tries = 0; tries < 8 && !better; tries++) {
            double q[4] = {0};
            if (!solve(k, (const double(*)[4])a, g, lambda, d))
                return now;
            for (int j = 0; j < k; j++) { /* exponents beyond e^8 have no meaning on this scale */
                q[j] = p[j] + d[j];
                if (j >= 2 || (f == CURVE_POW4 && j == 1))
                    q[j] = fmin(8, fmax(-8, q[j]));
            }
            double then = sum_of_squares(f, q, t, y, n);
            better = then < now;
            lambda = better ? lambda / 5 : lambda * 5;
            if (!better)
                continue;
            bool still = now - then < 1e-10 * now + 1e-300;
            memcpy(p, q, sizeof q);
            now = then;
            if (still)
                return now;
        }
        if (!better)
            return now;
    }
    return now;
}

/* Level, fall and rate of four typical curves: quick and slow, bent and nearly straight. first, last: of the scaled curve. */
static void start(enum curve_family f, int which, double first, double last, double p[4])
{
    static const double rate[STARTS] = {0, 1, -1, 2}, beyond[STARTS] = {0.1, 0, 0.5, 0.02};
    double fall = first - last, level = last - beyond[which] * fall;
    p[0] = level;
    p[1] = f == CURVE_LOG ? fall / 3 : first - level;
    p[2] = rate[which] + (f == CURVE_POW3 || f == CURVE_POW4 ? -0.7 : 1);
    p[3] = f == CURVE_JANOSCHEK ? -0.3 : 0;
    if (f == CURVE_POW3)
        p[1] *= 0.1;
    if (f == CURVE_POW4) {
        p[1] = 1;
        p[3] = -log(fmax(1e-3, first - level)) / exp(p[2]);
    }
}

bool curve_fit(enum curve_family f, const double *t, const double *y, int n, struct curve_fit *out)
{
    int k = curve_parameters(f);
    if (n <= k + 1)
        return false;
    *out = (struct curve_fit){.family = f, .sse = INFINITY};
    for (int i = 0; i < STARTS; i++) {
        double p[4];
        start(f, i, y[0], y[n - 1], p);
        double sse = descend(f, p, t, y, n);
        if (sse < out->sse) {
            out->sse = sse;
            memcpy(out->p, p, sizeof p);
        }
    }
    if (!isfinite(out->sse))
        return false;
    /* a fit that is exact to the digits says no more than one that is exact to a millionth of the range */
    double var = out->sse / n + 1e-12;
    out->bic = n * log(var) + k * log(n);
    out->residual = sqrt(out->sse / (n - k) + 1e-12);
    return true;
}

int curve_fit_all(const double *t, const double *y, int n, struct curve_fit out[CURVE_COUNT])
{
    int found = 0;
    double least = INFINITY, sum = 0;
    for (int f = 0; f < CURVE_COUNT; f++) {
        found += curve_fit((enum curve_family)f, t, y, n, &out[found]);
        if (found)
            least = fmin(least, out[found - 1].bic);
    }
    for (int i = 0; i < found; i++)
        sum += out[i].weight = exp(-0.5 * (out[i].bic - least));
    for (int i = 0; i < found; i++)
        out[i].weight /= sum;
    return found;
}

void curve_predict(const struct curve_fit *fits, int n, double t, double *mean, double *sd)
{
    double m = 0, v = 0;
    for (int i = 0; i < n; i++)
        m += fits[i].weight * curve_value(fits[i].family, fits[i].p, t);
    for (int i = 0; i < n; i++) {
        double d = curve_value(fits[i].family, fits[i].p, t) - m;
        v += fits[i].weight * (fits[i].residual * fits[i].residual + d * d);
    }
    *mean = m;
    *sd = sqrt(v);
}
