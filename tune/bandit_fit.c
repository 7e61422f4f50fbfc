/* Least squares for the few coefficients of a contextual bandit, without a linear algebra library: this runs
 * inside training processes. */
#include <math.h>
#include <string.h>

#include "tune/bandit_context.h"

#define SINGULAR 1e-10 /* relative to the largest diagonal entry */

/* Cholesky; false when G is (nearly) singular. L is n x n. */
static bool solve_regular(const double *G, const double *g, int n, double *theta, double *L)
{
    double largest = 0;
    for (int i = 0; i < n; i++)
        largest = fmax(largest, G[i * n + i]);
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
            double sum = G[i * n + j];
            for (int k = 0; k < j; k++)
                sum -= L[i * n + k] * L[j * n + k];
            if (i == j && !(sum > SINGULAR * largest))
                return false;
            L[i * n + j] = i == j ? sqrt(sum) : sum / L[j * n + j];
        }
    for (int i = 0; i < n; i++) {
        theta[i] = g[i];
        for (int k = 0; k < i; k++)
            theta[i] -= L[i * n + k] * theta[k];
        theta[i] /= L[i * n + i];
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int k = i + 1; k < n; k++)
            theta[i] -= L[k * n + i] * theta[k];
        theta[i] /= L[i * n + i];
    }
    return true;
}

/* Jacobi: A becomes diagonal, the columns of V its eigenvectors. */
static void diagonalise(double *A, double *V, int n)
{
    for (int i = 0; i < n * n; i++)
        V[i] = i / n == i % n;
    for (int sweep = 0; sweep < 30; sweep++) {
        double off = 0, on = 0;
        for (int i = 0; i < n * n; i++)
            *(i / n == i % n ? &on : &off) += A[i] * A[i];
        if (off <= 1e-30 * on)
            break;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++) {
                if (A[p * n + q] == 0)
                    continue;
                double tau = (A[q * n + q] - A[p * n + p]) / (2 * A[p * n + q]);
                double t = (tau >= 0 ? 1 : -1) / (fabs(tau) + sqrt(1 + tau * tau)), c = 1 / sqrt(1 + t * t),
                       s = t * c;
                for (int k = 0; k < n; k++) {
                    double x = A[k * n + p], y = A[k * n + q];
                    A[k * n + p] = c * x - s * y;
                    A[k * n + q] = s * x + c * y;
                }
                for (int k = 0; k < n; k++) {
                    double x = A[p * n + k], y = A[q * n + k], v = V[k * n + p], w = V[k * n + q];
                    A[p * n + k] = c * x - s * y;
                    A[q * n + k] = s * x + c * y;
                    V[k * n + p] = c * v - s * w;
                    V[k * n + q] = s * v + c * w;
                }
            }
    }
}

void side_least_squares(const double *G, const double *g, int n, double *theta, double *work)
{
    double *A = work, *V = work + n * n, largest = 0;
    if (solve_regular(G, g, n, theta, A))
        return;
    memcpy(A, G, (size_t)(n * n) * sizeof *A);
    diagonalise(A, V, n);
    memset(theta, 0, (size_t)n * sizeof *theta);
    for (int k = 0; k < n; k++)
        largest = fmax(largest, A[k * n + k]);
    for (int k = 0; k < n; k++) {
        double along = 0;
        if (!(A[k * n + k] > SINGULAR * largest))
            continue;
        for (int i = 0; i < n; i++)
            along += V[i * n + k] * g[i];
        for (int i = 0; i < n; i++)
            theta[i] += along / A[k * n + k] * V[i * n + k];
    }
}

void side_boxed(const double *G, const double *g, int n, const double *bound, double *theta)
{
    for (int i = 0; i < n; i++)
        theta[i] = fmin(fmax(theta[i], -bound[i]), bound[i]);
    for (int sweep = 0; sweep < 200; sweep++) {
        double moved = 0;
        for (int i = 0; i < n; i++) {
            double slope = g[i];
            for (int k = 0; k < n; k++)
                slope -= G[i * n + k] * theta[k];
            if (!(G[i * n + i] > 0))
                continue;
            double next = fmin(fmax(theta[i] + slope / G[i * n + i], -bound[i]), bound[i]);
            moved = fmax(moved, fabs(next - theta[i]) / bound[i]);
            theta[i] = next;
        }
        if (moved < 1e-9)
            break;
    }
}
