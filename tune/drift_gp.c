/* The kernel: J. Parker-Holder, V. Nguyen and S. Roberts, "Provably Efficient Online Hyperparameter Optimization with
 * Population-Based Bandits", NeurIPS 2020; its drift is I. Bogunovic, J. Scarlett and V. Cevher's, AISTATS 2016. Rows are at
 * most some hundreds, so the factorisation is written out. */
#include "tune/drift_gp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static double kernel(const struct drift_gp *g, double t, const double *x, int row)
{
    double sq = 0;
    for (int j = 0; j < g->d; j++) {
        double diff = x[j] - g->x[row * g->d + j];
        sq += diff * diff;
    }
    return pow(1 - g->eps, fabs(t - g->t[row]) / 2) * exp(-sq / g->length);
}

static bool factor(struct drift_gp *g)
{
    int n = g->n;
    double *L = g->chol;
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
            double s = kernel(g, g->t[i], g->x + i * g->d, j) + (i == j ? g->noise + 1e-8 : 0);
            for (int k = 0; k < j; k++)
                s -= L[i * n + k] * L[j * n + k];
            if (i == j && !(s > 0))
                return false;
            L[i * n + j] = i == j ? sqrt(s) : s / L[j * n + j];
        }
    return true;
}

static void forward(const struct drift_gp *g, double *v)
{
    for (int i = 0; i < g->n; i++) {
        for (int k = 0; k < i; k++)
            v[i] -= g->chol[i * g->n + k] * v[k];
        v[i] /= g->chol[i * g->n + i];
    }
}

static void backward(const struct drift_gp *g, double *v)
{
    for (int i = g->n - 1; i >= 0; i--) {
        for (int k = i + 1; k < g->n; k++)
            v[i] -= g->chol[k * g->n + i] * v[k];
        v[i] /= g->chol[i * g->n + i];
    }
}

/* ln p(y), and alpha; -inf when the matrix cannot be factored. */
static double likelihood(struct drift_gp *g, const double *y)
{
    double sum = 0;
    if (!factor(g))
        return -INFINITY;
    memcpy(g->alpha, y, (size_t)g->n * sizeof *y);
    forward(g, g->alpha);
    for (int i = 0; i < g->n; i++)
        sum += -0.5 * g->alpha[i] * g->alpha[i] - log(g->chol[i * g->n + i]);
    backward(g, g->alpha);
    return sum;
}

bool drift_gp_fit(struct drift_gp *g, double *t, double *x, const double *y, int n, int d)
{
    static const double lengths[] = {0.1, 0.3, 1, 3}, drifts[] = {0, 0.1, 0.3, 0.5}, noises[] = {0.01, 0.1, 0.5};
    double best = -INFINITY;
    struct drift_gp most = *g;
    *g = (struct drift_gp){.n = n, .d = d, .t = t, .x = x, .length = g->length, .eps = g->eps, .noise = g->noise};
    g->alpha = mem_zero((size_t)n, sizeof *g->alpha);
    g->chol = mem_zero((size_t)n * (size_t)n, sizeof *g->chol);
    if (!y)
        return factor(g);
    for (int i = 0; i < 4 * 4 * 3; i++) {
        g->length = lengths[i % 4];
        g->eps = drifts[i / 4 % 4];
        g->noise = noises[i / 16];
        double l = likelihood(g, y);
        if (l > best) {
            best = l;
            most = *g;
        }
    }
    g->length = most.length;
    g->eps = most.eps;
    g->noise = most.noise;
    return isfinite(best) && isfinite(likelihood(g, y));
}

void drift_gp_release(struct drift_gp *g)
{
    free(g->alpha);
    free(g->chol);
    g->alpha = g->chol = NULL;
}

void drift_gp_at(const struct drift_gp *g, double t, const double *x, double *mean, double *var)
{
    double *k = mem_zero((size_t)g->n, sizeof *k), m = 0, v = 1;
    for (int i = 0; i < g->n; i++) {
        k[i] = kernel(g, t, x, i);
        m += k[i] * g->alpha[i];
    }
    forward(g, k);
    for (int i = 0; i < g->n; i++)
        v -= k[i] * k[i];
    free(k);
    *mean = m;
    *var = fmax(v, 1e-12);
}
