/* N. Hansen, "The CMA Evolution Strategy: A Tutorial", 2016 (arXiv 1604.00772), with active (negative)
 * weights; the numbers are its defaults. */
#include "tune/cma.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LAMBDA_MAX 4096

static void constants(struct cma *c)
{
    double n = c->n, sum = 0, sum2 = 0, minus = 0, minus2 = 0;
    c->mu = c->lambda / 2;
    for (int i = 0; i < c->lambda; i++) {
        double w = log((c->lambda + 1) / 2.0) - log(i + 1);
        c->weight[i] = w;
        if (i < c->mu) {
            sum += w;
            sum2 += w * w;
        } else {
            minus += w;
            minus2 += w * w;
        }
    }
    c->mu_eff = sum * sum / sum2;
    double mu_minus = minus2 > 0 ? minus * minus / minus2 : 0;
    c->c1 = 2 / ((n + 1.3) * (n + 1.3) + c->mu_eff);
    c->cmu = fmin(1 - c->c1 - 1e-8, 2 * (c->mu_eff - 2 + 1 / c->mu_eff) / ((n + 2) * (n + 2) + c->mu_eff));
    c->cs = (c->mu_eff + 2) / (n + c->mu_eff + 5);
    c->ds = 1 + 2 * fmax(0, sqrt((c->mu_eff - 1) / (n + 1)) - 1) + c->cs;
    c->cc = (4 + c->mu_eff / n) / (n + 4 + 2 * c->mu_eff / n);
    c->chi = sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
    double most = fmin(1 + c->c1 / c->cmu,
                       fmin(1 + 2 * mu_minus / (c->mu_eff + 2), (1 - c->c1 - c->cmu) / (n * c->cmu)));
    for (int i = 0; i < c->lambda; i++)
        c->weight[i] = i < c->mu ? c->weight[i] / sum : minus < 0 ? most * c->weight[i] / -minus : 0;
}

static void allocate(struct cma *c)
{
    size_t n = (size_t)c->n, lambda = (size_t)c->lambda;
    c->weight = mem_zero(lambda, sizeof(double));
    c->mean = mem_zero(n, sizeof(double));
    c->ps = mem_zero(n, sizeof(double));
    c->pc = mem_zero(n, sizeof(double));
    c->cov = mem_zero(n * n, sizeof(double));
    c->axes = mem_zero(n * n, sizeof(double));
    c->scale = mem_zero(n, sizeof(double));
    c->point = mem_zero(lambda * n, sizeof(double));
    c->loss = mem_zero(lambda, sizeof(double));
    constants(c);
}

void cma_release(struct cma *c)
{
    free(c->weight);
    free(c->mean);
    free(c->ps);
    free(c->pc);
    free(c->cov);
    free(c->axes);
    free(c->scale);
    free(c->point);
    free(c->loss);
    memset(c, 0, sizeof *c);
}

/* cov = axes diag(scale^2) axes'. */
static void decompose(struct cma *c)
{
    size_t n = (size_t)c->n;
    memcpy(c->axes, c->cov, n * n * sizeof *c->axes);
    LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'L', c->n, c->axes, c->n, c->scale);
    for (size_t i = 0; i < n; i++)
        c->scale[i] = sqrt(fmax(c->scale[i], DBL_EPSILON));
}

void cma_init(struct cma *c, int n, int lambda, double sigma, const double *mean)
{
    *c = (struct cma){.n = n, .lambda = lambda, .sigma = sigma};
    allocate(c);
    for (int i = 0; i < n; i++) {
        c->mean[i] = mean[i];
        c->cov[(size_t)i * n + i] = 1;
    }
    decompose(c);
}

static bool inside(const double *x, int n)
{
    for (int i = 0; i < n; i++)
        if (!(x[i] >= 0 && x[i] <= 1))
            return false;
    return true;
}

void cma_sample(const struct cma *c, struct rng *rng, double *x)
{
    int n = c->n;
    for (int tries = 0; tries < 100; tries++) {
        memcpy(x, c->mean, (size_t)n * sizeof *x);
        for (int k = 0; k < n; k++) {
            double z = c->sigma * c->scale[k] * rng_normal(rng);
            for (int i = 0; i < n; i++)
                x[i] += z * c->axes[(size_t)k * n + i];
        }
        if (inside(x, n))
            return;
    }
    for (int i = 0; i < n; i++)
        x[i] = fmin(fmax(x[i], 0), 1);
}

/* y -> C^(-1/2) y */
static void whiten(const struct cma *c, const double *y, double *out)
{
    int n = c->n;
    memset(out, 0, (size_t)n * sizeof *out);
    for (int k = 0; k < n; k++) {
        double dot = 0;
        for (int i = 0; i < n; i++)
            dot += c->axes[(size_t)k * n + i] * y[i];
        dot /= c->scale[k];
        for (int i = 0; i < n; i++)
            out[i] += dot * c->axes[(size_t)k * n + i];
    }
}

static double norm2(const double *v, int n)
{
    double s = 0;
    for (int i = 0; i < n; i++)
        s += v[i] * v[i];
    return s;
}

/* Points of the generation by loss; insertion keeps equals in the order in which they were told. */
static void rank(const struct cma *c, int *order)
{
    for (int i = 0; i < c->lambda; i++) {
        int at = i;
        for (; at > 0 && c->loss[order[at - 1]] > c->loss[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

static void adapt_covariance(struct cma *c, const int *order, const double *old, bool hs, double *y,
                             double *white)
{
    int n = c->n;
    double sum = 0, keep;
    for (int k = 0; k < c->lambda; k++)
        sum += c->weight[k];
    keep = 1 + c->c1 * (hs ? 0 : c->cc * (2 - c->cc)) - c->c1 - c->cmu * sum;
    for (int i = 0; i < n * n; i++)
        c->cov[i] = keep * c->cov[i] + c->c1 * c->pc[i % n] * c->pc[i / n];
    for (int k = 0; k < c->lambda; k++) {
        double w = c->weight[k];
        for (int i = 0; i < n; i++)
            y[i] = (c->point[(size_t)order[k] * n + i] - old[i]) / c->sigma;
        if (w < 0) {
            whiten(c, y, white);
            w *= n / fmax(norm2(white, n), 1e-12);
        }
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                c->cov[(size_t)i * n + j] += c->cmu * w * y[i] * y[j];
    }
}

static void adapt(struct cma *c)
{
    int n = c->n, *order = mem_zero((size_t)c->lambda, sizeof *order);
    double *work = mem_zero(4 * (size_t)n, sizeof *work), *old = work, *yw = work + n, *white = work + 2 * n,
           *y = work + 3 * n;
    rank(c, order);
    memcpy(old, c->mean, (size_t)n * sizeof *old);
    for (int k = 0; k < c->mu; k++)
        for (int i = 0; i < n; i++)
            yw[i] += c->weight[k] * (c->point[(size_t)order[k] * n + i] - old[i]) / c->sigma;
    for (int i = 0; i < n; i++)
        c->mean[i] = fmin(fmax(old[i] + c->sigma * yw[i], 0), 1);
    whiten(c, yw, white);
    for (int i = 0; i < n; i++)
        c->ps[i] = (1 - c->cs) * c->ps[i] + sqrt(c->cs * (2 - c->cs) * c->mu_eff) * white[i];
    double length = sqrt(norm2(c->ps, n));
    c->generation++;
    bool hs =
        length / sqrt(1 - pow(1 - c->cs, 2.0 * (double)(c->generation + 1))) < (1.4 + 2 / (n + 1.0)) * c->chi;
    for (int i = 0; i < n; i++)
        c->pc[i] = (1 - c->cc) * c->pc[i] + (hs ? sqrt(c->cc * (2 - c->cc) * c->mu_eff) * yw[i] : 0);
    adapt_covariance(c, order, old, hs, y, white);
    c->sigma = fmin(c->sigma * exp(c->cs / c->ds * (length / c->chi - 1)), 10);
    decompose(c);
    free(order);
    free(work);
}

/* A point that did not come from the current distribution (enqueued, late) is pulled in to where samples lie,
 * so that one of them cannot blow up the step (Hansen, "Injecting External Solutions Into CMA-ES", 2011). */
bool cma_tell(struct cma *c, const double *x, double loss)
{
    int n = c->n;
    double *at = c->point + (size_t)c->told * (size_t)n, *white = mem_zero((size_t)n, sizeof *white);
    for (int i = 0; i < n; i++)
        at[i] = (x[i] - c->mean[i]) / c->sigma;
    whiten(c, at, white);
    double length = sqrt(norm2(white, n)), most = sqrt(n) + 2.0 * n / (n + 2);
    for (int i = 0; i < n; i++)
        at[i] = c->mean[i] + c->sigma * at[i] * fmin(1, most / fmax(length, 1e-300));
    free(white);
    c->loss[c->told++] = loss;
    if (c->told < c->lambda)
        return false;
    adapt(c);
    c->told = 0; /* the losses stay for cma_stuck */
    return true;
}

double cma_spread(const struct cma *c, int i)
{
    return c->sigma * sqrt(fmax(c->cov[(size_t)i * c->n + i], 0));
}

void cma_floor(struct cma *c, int i, double spread)
{
    double now = cma_spread(c, i);
    if (now >= spread)
        return;
    c->cov[(size_t)i * c->n + i] += (spread * spread - now * now) / (c->sigma * c->sigma);
    decompose(c);
}

bool cma_stuck(const struct cma *c)
{
    double least = INFINITY, most = -INFINITY, narrow = INFINITY, wide = 0;
    if (c->generation == 0 || c->told)
        return false;
    for (int i = 0; i < c->lambda; i++) {
        least = fmin(least, c->loss[i]);
        most = fmax(most, c->loss[i]);
    }
    for (int i = 0; i < c->n; i++) {
        narrow = fmin(narrow, c->scale[i]);
        wide = fmax(wide, c->scale[i]);
    }
    return most - least <= 1e-12 * fmax(1, fabs(least)) || c->sigma * wide < 1e-6 || wide > 1e7 * narrow;
}

void cma_pack(const struct cma *c, struct buf *out)
{
    size_t n = (size_t)c->n;
    pack_i64(out, c->lambda);
    pack_i64(out, c->generation);
    pack_f64(out, c->sigma);
    pack_doubles(out, c->mean, n);
    pack_doubles(out, c->ps, n);
    pack_doubles(out, c->pc, n);
    pack_doubles(out, c->cov, n * n);
    pack_doubles(out, c->axes, n * n); /* not derived anew: another library may turn them otherwise */
    pack_doubles(out, c->scale, n);
    pack_i64(out, c->told);
    pack_doubles(out, c->point, (size_t)c->lambda * n);
    pack_doubles(out, c->loss, (size_t)c->lambda);
}

int cma_unpack(struct cma *c, int dims, struct unpack *in)
{
    size_t n = (size_t)dims;
    int64_t lambda = unpack_i64(in), generation = unpack_i64(in);
    double sigma = unpack_f64(in);
    if (in->bad || lambda < 2 || lambda > LAMBDA_MAX || !(sigma > 0))
        return -1;
    *c = (struct cma){.n = dims, .lambda = (int)lambda, .generation = generation, .sigma = sigma};
    allocate(c);
    unpack_doubles(in, c->mean, n);
    unpack_doubles(in, c->ps, n);
    unpack_doubles(in, c->pc, n);
    unpack_doubles(in, c->cov, n * n);
    unpack_doubles(in, c->axes, n * n);
    unpack_doubles(in, c->scale, n);
    c->told = (int)unpack_i64(in);
    unpack_doubles(in, c->point, (size_t)lambda * n);
    unpack_doubles(in, c->loss, (size_t)lambda);
    if (!in->bad && c->told >= 0 && c->told < c->lambda)
        return 0;
    cma_release(c);
    return -1;
}
