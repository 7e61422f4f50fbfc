/* The inverse functions start from a crude guess and polish it against the forward function, so that only the
 * forward functions have to be right: erfc of libm, and a continued fraction for the incomplete beta function
 * (DLMF 8.17.22, evaluated by Lentz's method). */
#include "tune/quantile.h"

#include <math.h>

double normal_density(double z)
{
    return 0.39894228040143267794 * exp(-0.5 * z * z);
}

double normal_below(double z)
{
    return 0.5 * erfc(-z * M_SQRT1_2);
}

double normal_quantile(double p)
{
    if (!(p > 0 && p < 1))
        return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
    if (p > 0.5)
        return -normal_quantile(1 - p); /* the lower tail keeps its digits */
    double t = sqrt(-2 * log(p));
    /* centre: linear; tail: asymptotic */
    double z = t < 1.2 ? sqrt(2 * M_PI) * (p - 0.5) : -(t - (log(t) + 0.92) / t);
    /* Halley's method on the log of the tail: quick in the tail, where Newton creeps */
    for (int i = 0; i < 12; i++) {
        double f = normal_below(z), r = normal_density(z) / f, g = log(f / p);
        double step = g / (r - 0.5 * g * (-z - r));
        z -= step;
        if (fabs(step) <= 1e-15 * (1 + fabs(z)))
            break;
    }
    return z;
}

static double fraction(double x, double a, double b)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 / fmax(tiny, fabs(1 - (a + b) * x / (a + 1))), f = d;
    if (1 - (a + b) * x / (a + 1) < 0)
        f = d = -d;
    for (int m = 1; m < 500; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        for (int k = 0; k < 2; k++) {
            double term = k ? odd : even;
            d = 1 + term * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + term / c;
            c = fabs(c) < tiny ? tiny : c;
            f *= c * d;
        }
        if (fabs(c * d - 1) < 1e-16)
            break;
    }
    return f;
}

double beta_below(double x, double a, double b)
{
    if (!(x > 0))
        return 0;
    if (x >= 1)
        return 1;
    int sign;
    double front =
        exp(lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) /* where the fraction converges fast */
        return front * fraction(x, a, b) / a;
    return 1 - front * fraction(1 - x, b, a) / b;
}

double beta_quantile(double p, double a, double b)
{
    if (!(p > 0))
        return 0;
    if (p >= 1)
        return 1;
    double lo = 0, hi = 1, x = a / (a + b);
    int sign;
    double norm = lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign);
    for (int i = 0; i < 200 && hi - lo > 1e-16 * hi; i++) { /* Newton, kept inside a shrinking bracket */
        double f = beta_below(x, a, b) - p;
        if (f > 0)
            hi = x;
        else
            lo = x;
        double next = x - f / exp(norm + (a - 1) * log(x) + (b - 1) * log1p(-x));
        if (!(next > lo && next < hi))
            next = 0.5 * (lo + hi);
        if (fabs(next - x) <= 1e-16 * x)
            break;
        x = next;
    }
    return x;
}
