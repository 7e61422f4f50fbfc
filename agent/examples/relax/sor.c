#include "sor.h"

#include <math.h>

/* A frame of zeros around the grid saves the sweeps every boundary test. */
enum { W = SOR_GRID + 2 };

double sor_optimal(double shift)
{
    double beta = 4 * cos(M_PI / (SOR_GRID + 1)) / (4 + shift), r = beta / (1 + sqrt(1 - beta * beta));
    return 1 + r * r;
}

/* r = b - A x over the framed grid; returns the squared norm. */
static double residual(double diag, const double b[W][W], const double x[W][W])
{
    double sum = 0;
    for (int i = 1; i <= SOR_GRID; i++)
        for (int j = 1; j <= SOR_GRID; j++) {
            double r = b[i][j] - diag * x[i][j] + x[i - 1][j] + x[i + 1][j] + x[i][j - 1] + x[i][j + 1];
            sum += r * r;
        }
    return sum;
}

/* One sweep: x += (D/omega + L)^-1 (b - A x), in place. */
static void sweep(double diag, const double b[W][W], double omega, double x[W][W])
{
    double gain = omega / diag;
    for (int i = 1; i <= SOR_GRID; i++)
        for (int j = 1; j <= SOR_GRID; j++) {
            double r = b[i][j] + x[i - 1][j] + x[i + 1][j] + x[i][j - 1] + x[i][j + 1];
            x[i][j] += gain * (r - diag * x[i][j]);
        }
}

int sor_solve(double shift, const double b[SOR_N], double omega, double tol)
{
    double rhs[W][W] = {{0}}, x[W][W] = {{0}}, diag = 4 + shift;
    for (int i = 0; i < SOR_N; i++)
        rhs[i / SOR_GRID + 1][i % SOR_GRID + 1] = b[i];
    double limit = residual(diag, rhs, x) * tol * tol;
    for (int k = 1; k <= SOR_MAX; k++) {
        sweep(diag, rhs, omega, x);
        if (residual(diag, rhs, x) < limit)
            return k;
    }
    return SOR_MAX;
}

double sor_draw(struct rng *rng, double beta_a, double beta_b, double b[SOR_N])
{
    double norm2;
    do {
        norm2 = 0;
        for (int i = 0; i < SOR_N; i++) {
            b[i] = rng_normal(rng);
            norm2 += b[i] * b[i];
        }
    } while (norm2 > SOR_N);
    return -0.15 + 0.6 * rng_beta(rng, beta_a, beta_b);
}
