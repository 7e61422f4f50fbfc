/* drift_gp: a Gaussian process whose world changes with time: the model of PB2. Rows are (t, x) with x in the unit cube;
 * k = (1 - eps)^(|t - t'| / 2) s2 exp(-|x - x'|^2 / l). Pure. */
#ifndef TUNE_DRIFT_GP_H
#define TUNE_DRIFT_GP_H

#include <stdbool.h>

struct drift_gp {
    int n, d;
    double *t, *x;         /* n; n x d. Borrowed */
    double *alpha, *chol;  /* K^-1 y; lower triangle, n x n */
    double length, eps, noise;
};

/* Fits length, drift and noise by marginal likelihood over a small grid; y should be standardised. NULL y: variances only, with
 * the length, eps and noise that *g has. False when the matrix cannot be factored. */
bool drift_gp_fit(struct drift_gp *g, double *t, double *x, const double *y, int n, int d);
void drift_gp_release(struct drift_gp *g);
void drift_gp_at(const struct drift_gp *g, double t, const double *x, double *mean, double *var);

#endif
