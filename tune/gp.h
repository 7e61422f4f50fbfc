/* gp: Gaussian-process regression on points with numbers and labels. Matern-5/2 with a length scale a
 * dimension on numbers, Hamming distance on labels; hyperparameters by maximum a posteriori. What the GP
 * search proposes by and landscapes are drawn with.
 *
 * A point has `coords` coordinates; coordinate j is compared as kind[j] says and scaled by hyperparameter
 * dim[j] (a conditional parameter is two coordinates of one dimension: its value, and whether it is there).
 * Outputs should have mean 0 and deviation about 1. Pure computation on LAPACK; single-threaded use. */
#ifndef TUNE_GP_H
#define TUNE_GP_H

#include <stdbool.h>

#include "base/rng.h"

#define GP_DIMS_MAX 128

enum gp_kind { GP_NUMBER, GP_LABEL };

struct gp_shape {
    int coords, dims;
    const enum gp_kind *kind; /* coords of them */
    const int *dim;           /* coords of them, each 0..dims-1 */
};

/* All in logarithms. inverse[j]: 1 / squared length scale of dimension j. */
struct gp_theta {
    double inverse[GP_DIMS_MAX], signal, noise;
};

/* The prior over theta: independent normals of the logarithms. */
struct gp_prior {
    double length_mean, length_sd; /* of log length scale */
    double signal_sd;              /* around log 1 */
    double noise_mean, noise_sd;
};
struct gp_prior gp_prior_default(int dims);

/* n points, row by row, and their outputs. */
struct gp_data {
    const struct gp_shape *shape;
    int n;
    const double *x, *y;
};

struct gp {
    const struct gp_shape *shape;
    struct gp_theta theta;
    int n; /* points that shrink the variance; the first n_y of them have outputs */
    int n_y;
    double *x;     /* own copy */
    double *chol;  /* n x n, lower, column-major */
    double *alpha; /* K^-1 y */
};

void gp_theta_start(const struct gp_shape *shape, const struct gp_prior *prior, struct gp_theta *theta);
/* -log p(y | x, theta) - log p(theta); gradient (dims + 2: inverse, signal, noise) unless NULL. INFINITY: not
 * positive definite. */
double gp_loss(const struct gp_data *data, const struct gp_prior *prior, const struct gp_theta *theta,
               double *gradient);
/* Improves theta by at most `evals` evaluations of gp_loss; returns the loss reached. */
double gp_fit(const struct gp_data *data, const struct gp_prior *prior, struct gp_theta *theta, int evals);

/* Posterior given theta. extra: n_extra points without outputs (pending trials), which shrink the variance
 * around them and leave the mean alone, as fantasies at the posterior mean would. -1: not positive definite
 * even with jitter. */
int gp_build(struct gp *gp, const struct gp_data *data, const struct gp_theta *theta, const double *extra,
             int n_extra);
void gp_release(struct gp *gp);
/* Mean and variance (of the function, without noise) at m points. var may be NULL. */
void gp_predict(const struct gp *gp, const double *x, int m, double *mean, double *var);
/* Joint posterior: mean (m) and covariance (m x m). */
void gp_predict_joint(const struct gp *gp, const double *x, int m, double *mean, double *cov);
/* One draw of N(mean, wide^2 cov) into out (may be mean). cov is overwritten. */
void gp_draw(const double *mean, double *cov, int m, double wide, struct rng *rng, double *out);
/* Squared distance of two points with all length scales 1. */
double gp_apart(const struct gp_shape *shape, const double *a, const double *b);

#endif
