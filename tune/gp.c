/* Everything is one Cholesky factor: likelihood and gradient from it and its inverse (Rasmussen and Williams,
 * "Gaussian Processes for Machine Learning", 2006, algorithms 2.1 and equation 5.9), predictions by one
 * triangular solve for a whole batch of points.
 *
 * Matern-5/2 in r2 = sum of squared scaled distances: k = (1 + sqrt(5) r + 5/3 r2) exp(-sqrt(5) r), dk/dr2 =
 * -5/6 (1 + sqrt(5) r) exp(-sqrt(5) r), which is finite at 0, so no distance needs a special case. */
#include "tune/gp.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <nlopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SQRT5 2.23606797749978969641

struct gp_prior gp_prior_default(int dims)
{
    /* Length scales that grow with sqrt(dims) keep prior functions equally smooth whatever the number of
     * parameters (Hvarfner, Hellsten and Nardi, "Vanilla Bayesian Optimization Performs Great in High
     * Dimensions", ICML 2024). */
    return (struct gp_prior){.length_mean = log(0.5) + 0.5 * log(dims > 1 ? dims : 1),
                             .length_sd = 1.5,
                             .signal_sd = 1.0,
                             .noise_mean = log(1e-3),
                             .noise_sd = 2.0};
}

void gp_theta_start(const struct gp_shape *shape, const struct gp_prior *prior, struct gp_theta *theta)
{
    for (int j = 0; j < shape->dims; j++)
        theta->inverse[j] = -2 * prior->length_mean;
    theta->signal = 0;
    theta->noise = prior->noise_mean;
}

/* Squared distance of one coordinate. */
static inline double apart(const struct gp_shape *s, int j, double a, double b)
{
    return s->kind[j] == GP_LABEL ? a != b : (a - b) * (a - b);
}

static inline double matern(double r2)
{
    double r = SQRT5 * sqrt(r2);
    return (1 + r + r * r / 3) * exp(-r);
}

/* Scale of each coordinate. */
static void weights(const struct gp_shape *s, const struct gp_theta *theta, double *w)
{
    for (int j = 0; j < s->coords; j++)
        w[j] = exp(theta->inverse[s->dim[j]]);
}

/* k(x_i, z_l) for i < n, l < m, column-major n x m. */
static void cross(const struct gp_shape *s, const struct gp_theta *theta, const double *x, int n,
                  const double *z, int m, double *k)
{
    double w[2 * GP_DIMS_MAX], signal = exp(theta->signal);
    int c = s->coords;
    weights(s, theta, w);
    for (int l = 0; l < m; l++) {
        for (int i = 0; i < n; i++) {
            double r2 = 0;
            for (int j = 0; j < c; j++)
                r2 += w[j] * apart(s, j, x[(size_t)i * c + j], z[(size_t)l * c + j]);
            k[(size_t)l * n + i] = signal * matern(r2);
        }
    }
}

/* Lower triangle of K + noise I. */
static void gram(const struct gp_shape *s, const struct gp_theta *theta, const double *x, int n, double noise,
                 double *k)
{
    double w[2 * GP_DIMS_MAX], signal = exp(theta->signal);
    int c = s->coords;
    weights(s, theta, w);
    for (int l = 0; l < n; l++) {
        k[(size_t)l * n + l] = signal + noise;
        for (int i = l + 1; i < n; i++) {
            double r2 = 0;
            for (int j = 0; j < c; j++)
                r2 += w[j] * apart(s, j, x[(size_t)i * c + j], x[(size_t)l * c + j]);
            k[(size_t)l * n + i] = signal * matern(r2);
        }
    }
}

/* Threads of the library would cost more than they save at these sizes, and change the order of sums. */
static void single_threaded(void)
{
    if (openblas_get_num_threads() != 1)
        openblas_set_num_threads(1);
}

/* ---- hyperparameters ---- */

static double log_normal(double x, double mean, double sd, double *slope)
{
    double z = (x - mean) / sd;
    *slope = z / sd;
    return 0.5 * z * z;
}

static double penalty(const struct gp_shape *s, const struct gp_prior *prior, const struct gp_theta *t,
                      double *gradient)
{
    double sum = 0, slope;
    for (int j = 0; j < s->dims; j++) { /* log length = -inverse / 2 */
        sum += log_normal(-0.5 * t->inverse[j], prior->length_mean, prior->length_sd, &slope);
        if (gradient)
            gradient[j] -= 0.5 * slope;
    }
    sum += log_normal(t->signal, 0, prior->signal_sd, &slope);
    if (gradient)
        gradient[s->dims] += slope;
    sum += log_normal(t->noise, prior->noise_mean, prior->noise_sd, &slope);
    if (gradient)
        gradient[s->dims + 1] += slope;
    return sum;
}

/* gradient = 1/2 tr((K^-1 - alpha alpha') dK); inverse: lower triangle of K^-1. */
static void slopes(const struct gp_data *data, const struct gp_theta *t, const double *inverse,
                   const double *alpha, double *gradient)
{
    const struct gp_shape *s = data->shape;
    double w[2 * GP_DIMS_MAX], by[2 * GP_DIMS_MAX] = {0}, d[2 * GP_DIMS_MAX], signal = exp(t->signal),
                                      on_signal = 0, on_noise = 0;
    int n = data->n, c = s->coords;
    weights(s, t, w);
    for (int l = 0; l < n; l++) {
        double q = inverse[(size_t)l * n + l] - alpha[l] * alpha[l];
        on_noise += 0.5 * q;
        on_signal += 0.5 * q;
        for (int i = l + 1; i < n; i++) {
            double r2 = 0;
            for (int j = 0; j < c; j++) {
                d[j] = w[j] * apart(s, j, data->x[(size_t)i * c + j], data->x[(size_t)l * c + j]);
                r2 += d[j];
            }
            double r = SQRT5 * sqrt(r2), e = exp(-r);
            q = inverse[(size_t)l * n + i] - alpha[i] * alpha[l]; /* twice (both triangles) a half */
            on_signal += q * (1 + r + r * r / 3) * e;
            q *= -5.0 / 6 * (1 + r) * e;
            for (int j = 0; j < c; j++)
                by[j] += q * d[j];
        }
    }
    for (int j = 0; j < c; j++)
        gradient[s->dim[j]] += signal * by[j];
    gradient[s->dims] += signal * on_signal;
    gradient[s->dims + 1] += exp(t->noise) * on_noise;
}

double gp_loss(const struct gp_data *data, const struct gp_prior *prior, const struct gp_theta *theta,
               double *gradient)
{
    int n = data->n;
    single_threaded();
    double *k = mem_alloc((size_t)n * n * sizeof *k), *alpha = mem_dup(data->y, (size_t)n * sizeof *alpha),
           loss = INFINITY;
    gram(data->shape, theta, data->x, n, exp(theta->noise) + 1e-8, k);
    if (LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'L', n, k, n) == 0) {
        LAPACKE_dpotrs(LAPACK_COL_MAJOR, 'L', n, 1, k, n, alpha, n);
        loss = 0.5 * n * log(2 * M_PI);
        for (int i = 0; i < n; i++)
            loss += 0.5 * data->y[i] * alpha[i] + log(k[(size_t)i * n + i]);
        if (gradient) {
            memset(gradient, 0, (size_t)(data->shape->dims + 2) * sizeof *gradient);
            LAPACKE_dpotri(LAPACK_COL_MAJOR, 'L', n, k, n);
            slopes(data, theta, k, alpha, gradient);
        }
        loss += penalty(data->shape, prior, theta, gradient);
    }
    free(k);
    free(alpha);
    return loss;
}

struct climb {
    const struct gp_data *data;
    const struct gp_prior *prior;
};

static void theta_of(struct gp_theta *t, const double *v, int dims)
{
    memcpy(t->inverse, v, (size_t)dims * sizeof *v);
    t->signal = v[dims];
    t->noise = v[dims + 1];
}

static double objective(unsigned n, const double *v, double *gradient, void *self)
{
    struct climb *c = self;
    struct gp_theta t;
    theta_of(&t, v, (int)n - 2);
    double loss = gp_loss(c->data, c->prior, &t, gradient);
    if (isfinite(loss))
        return loss;
    if (gradient)
        memset(gradient, 0, n * sizeof *gradient);
    return 1e10;
}

double gp_fit(const struct gp_data *data, const struct gp_prior *prior, struct gp_theta *theta, int evals)
{
    int dims = data->shape->dims;
    unsigned n = (unsigned)dims + 2;
    double v[GP_DIMS_MAX + 2], low[GP_DIMS_MAX + 2], high[GP_DIMS_MAX + 2], before, after = INFINITY;
    struct climb climb = {data, prior};
    struct gp_theta best;
    for (unsigned j = 0; j < n; j++) {
        low[j] = j < (unsigned)dims ? -2 * log(100.0) : j == (unsigned)dims ? log(0.05) : log(1e-6);
        high[j] = j < (unsigned)dims ? -2 * log(0.01) : j == (unsigned)dims ? log(20.0) : log(1.0);
        v[j] = j < (unsigned)dims ? theta->inverse[j] : j == (unsigned)dims ? theta->signal : theta->noise;
        v[j] = fmin(fmax(v[j], low[j]), high[j]);
    }
    theta_of(theta, v, dims);
    before = gp_loss(data, prior, theta, NULL);
    nlopt_opt opt = nlopt_create(NLOPT_LD_LBFGS, n);
    nlopt_set_min_objective(opt, objective, &climb);
    nlopt_set_lower_bounds(opt, low);
    nlopt_set_upper_bounds(opt, high);
    nlopt_set_maxeval(opt, evals);
    nlopt_set_ftol_abs(opt, 1e-3);
    nlopt_optimize(opt, v, &after); /* whatever it says: judged below by what it reached */
    nlopt_destroy(opt);
    theta_of(&best, v, dims);
    after = gp_loss(data, prior, &best, NULL);
    if (!(after <= before))
        return before;
    *theta = best;
    return after;
}

/* ---- posterior ---- */

void gp_release(struct gp *gp)
{
    free(gp->x);
    free(gp->chol);
    free(gp->alpha);
    memset(gp, 0, sizeof *gp);
}

int gp_build(struct gp *gp, const struct gp_data *data, const struct gp_theta *theta, const double *extra,
             int n_extra)
{
    size_t c = (size_t)data->shape->coords, n = (size_t)(data->n + n_extra);
    single_threaded();
    *gp = (struct gp){.shape = data->shape, .theta = *theta, .n = (int)n, .n_y = data->n};
    gp->x = mem_alloc(n * c * sizeof *gp->x);
    memcpy(gp->x, data->x, (size_t)data->n * c * sizeof *gp->x);
    if (n_extra)
        memcpy(gp->x + (size_t)data->n * c, extra, (size_t)n_extra * c * sizeof *gp->x);
    gp->chol = mem_alloc(n * n * sizeof *gp->chol);
    gp->alpha = mem_dup(data->y, (size_t)data->n * sizeof *gp->alpha);
    for (double jitter = 1e-8; jitter < 1; jitter *= 10) {
        gram(gp->shape, theta, gp->x, gp->n, exp(theta->noise) + jitter, gp->chol);
        if (LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'L', gp->n, gp->chol, gp->n) != 0)
            continue;
        /* The factor of the leading block is the leading block of the factor. */
        LAPACKE_dpotrs(LAPACK_COL_MAJOR, 'L', gp->n_y, 1, gp->chol, gp->n, gp->alpha, gp->n_y);
        return 0;
    }
    gp_release(gp);
    return -1;
}

void gp_predict(const struct gp *gp, const double *x, int m, double *mean, double *var)
{
    size_t n = (size_t)gp->n;
    double *k = mem_alloc(n * (size_t)m * sizeof *k), signal = exp(gp->theta.signal);
    cross(gp->shape, &gp->theta, gp->x, gp->n, x, m, k);
    cblas_dgemv(CblasColMajor, CblasTrans, gp->n_y, m, 1, k, gp->n, gp->alpha, 1, 0, mean, 1);
    if (var) {
        cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, gp->n, m, 1, gp->chol,
                    gp->n, k, gp->n);
        for (int l = 0; l < m; l++)
            var[l] =
                fmax(signal - cblas_ddot(gp->n, k + (size_t)l * n, 1, k + (size_t)l * n, 1), 1e-12 * signal);
    }
    free(k);
}

void gp_predict_joint(const struct gp *gp, const double *x, int m, double *mean, double *cov)
{
    size_t n = (size_t)gp->n;
    double *k = mem_alloc(n * (size_t)m * sizeof *k);
    cross(gp->shape, &gp->theta, gp->x, gp->n, x, m, k);
    cblas_dgemv(CblasColMajor, CblasTrans, gp->n_y, m, 1, k, gp->n, gp->alpha, 1, 0, mean, 1);
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, gp->n, m, 1, gp->chol,
                gp->n, k, gp->n);
    cross(gp->shape, &gp->theta, x, m, x, m, cov);
    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, m, m, gp->n, -1, k, gp->n, k, gp->n, 1, cov, m);
    free(k);
}

void gp_draw(const double *mean, double *cov, int m, double wide, struct rng *rng, double *out)
{
    double *diagonal = mem_alloc((size_t)m * sizeof *diagonal), *z = mem_alloc((size_t)m * sizeof *z);
    for (int i = 0; i < m; i++) {
        diagonal[i] = cov[(size_t)i * m + i];
        z[i] = rng_normal(rng);
    }
    double *factor = mem_alloc((size_t)m * m * sizeof *factor);
    for (double jitter = 1e-10; jitter < 1; jitter *= 10) {
        memcpy(factor, cov, (size_t)m * m * sizeof *factor);
        for (int i = 0; i < m; i++)
            factor[(size_t)i * m + i] = diagonal[i] + jitter;
        if (LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'L', m, factor, m) == 0)
            break;
    }
    cblas_dtrmv(CblasColMajor, CblasLower, CblasNoTrans, CblasNonUnit, m, factor, m, z, 1);
    for (int i = 0; i < m; i++)
        out[i] = mean[i] + wide * z[i];
    free(diagonal);
    free(factor);
    free(z);
}

double gp_apart(const struct gp_shape *s, const double *a, const double *b)
{
    double d = 0;
    for (int j = 0; j < s->coords; j++)
        d += apart(s, j, a[j], b[j]);
    return d;
}
