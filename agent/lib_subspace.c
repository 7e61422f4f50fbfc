/* Random subspaces: C. Li et al., "Measuring the Intrinsic Dimension of Objective Landscapes" (ICLR 2018): theta = theta0 + P x.
 *
 * Dense: Gaussian columns of norm 1, drawn again in each call. Sparse (P. Li et al., "Very Sparse Random Projections", KDD 2006): about
 * sqrt(D) entries of one size and random sign a column. Fastfood (Q. Le et al., ICML 2013): P x is the first D of H G Pi H B x, x padded to
 * L = the next power of two, over sqrt(D sum G^2); B signs, Pi a permutation, G normal, H the unnormalised Walsh-Hadamard transform. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/hypertop.h"
#include "base/rng.h"

struct ht_subspace {
    size_t D, d, L; /* L: Fastfood */
    enum ht_projection kind;
    uint64_t seed;
    double *scale;     /* dense: one over each column's norm */
    size_t *from;      /* sparse: where each column's entries begin, d + 1 */
    uint64_t *entry;   /* sparse: row * 2 + sign */
    double *g;         /* Fastfood: L */
    uint32_t *place;   /* Fastfood: the permutation */
    int8_t *sign;
    double norm;
};

static struct rng column_rng(const ht_subspace *s, size_t j)
{
    struct rng r;
    rng_seed_stream(&r, s->seed, UINT64_C(0x73756273) + j);
    return r;
}

static bool open_dense(ht_subspace *s)
{
    s->scale = calloc(s->d, sizeof *s->scale);
    for (size_t j = 0; s->scale && j < s->d; j++) {
        struct rng r = column_rng(s, j);
        double sum = 0;
        for (size_t i = 0; i < s->D; i++) {
            double x = rng_normal(&r);
            sum += x * x;
        }
        s->scale[j] = 1 / sqrt(sum);
    }
    return s->scale != NULL;
}

/* Rows of a column by the gaps between them, which are geometric; a column without any gets one. */
static bool open_sparse(ht_subspace *s)
{
    double density = 1 / sqrt((double)s->D);
    size_t n = 0, cap = 0;
    if (!(s->from = calloc(s->d + 1, sizeof *s->from)))
        return false;
    for (size_t j = 0; j < s->d; j++) {
        struct rng r = column_rng(s, j);
        double at = -1;
        for (bool one = false;;) {
            double gap = density < 1 ? floor(log1p(-rng_unit(&r)) / log1p(-density)) : 0;
            at += 1 + gap;
            bool past = at >= (double)s->D;
            if (past && one)
                break;
            uint64_t row = past ? rng_below(&r, s->D) : (uint64_t)at;
            if (n == cap) {
                cap = cap ? cap * 2 : 256;
                uint64_t *more = realloc(s->entry, cap * sizeof *more);
                if (!more)
                    return false;
                s->entry = more;
            }
            s->entry[n++] = row * 2 + (rng_u64(&r) >> 63);
            one = true;
            if (past)
                break;
        }
        s->from[j + 1] = n;
    }
    return true;
}

static bool open_fastfood(ht_subspace *s)
{
    struct rng r = column_rng(s, 0);
    double sum = 0;
    for (s->L = 1; s->L < s->D;)
        s->L *= 2;
    s->g = calloc(s->L, sizeof *s->g);
    s->place = calloc(s->L, sizeof *s->place);
    s->sign = calloc(s->L, sizeof *s->sign);
    if (!s->g || !s->place || !s->sign || s->L > UINT32_MAX)
        return false;
    for (size_t i = 0; i < s->L; i++) {
        s->g[i] = rng_normal(&r);
        sum += s->g[i] * s->g[i];
        s->sign[i] = rng_u64(&r) >> 63 ? 1 : -1;
        s->place[i] = (uint32_t)i;
    }
    for (size_t i = s->L; i > 1; i--) {
        size_t k = rng_below(&r, i);
        uint32_t t = s->place[i - 1];
        s->place[i - 1] = s->place[k];
        s->place[k] = t;
    }
    s->norm = 1 / sqrt((double)s->D * sum);
    return true;
}

ht_subspace *ht_subspace_open(size_t D, size_t d, enum ht_projection kind, uint64_t seed)
{
    if (d < 1 || d > D || D > SIZE_MAX / 64 || (unsigned)kind > HT_FASTFOOD)
        return NULL;
    ht_subspace *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    *s = (struct ht_subspace){.D = D, .d = d, .kind = kind, .seed = seed};
    if (kind == HT_DENSE ? open_dense(s) : kind == HT_SPARSE ? open_sparse(s) : open_fastfood(s))
        return s;
    ht_subspace_close(s);
    return NULL;
}

void ht_subspace_close(ht_subspace *s)
{
    if (!s)
        return;
    free(s->scale);
    free(s->from);
    free(s->entry);
    free(s->g);
    free(s->place);
    free(s->sign);
    free(s);
}

static void hadamard(double *x, size_t n)
{
    for (size_t h = 1; h < n; h *= 2)
        for (size_t i = 0; i < n; i += 2 * h)
            for (size_t k = i; k < i + h; k++) {
                double a = x[k], b = x[k + h];
                x[k] = a + b;
                x[k + h] = a - b;
            }
}

/* y += P x, or, back, x = P' y. Without memory for it nothing is added: the caller's thetas stay what they were. */
static void fastfood(const ht_subspace *s, const double *x, double *y, const double *gradient, double *gx)
{
    double *u = calloc(s->L, sizeof *u), *v = calloc(s->L, sizeof *v);
    if (u && v && x) {
        for (size_t i = 0; i < s->d; i++)
            u[i] = x[i] * s->sign[i];
        hadamard(u, s->L);
        for (size_t i = 0; i < s->L; i++)
            v[i] = u[s->place[i]] * s->g[i];
        hadamard(v, s->L);
        for (size_t i = 0; i < s->D; i++)
            y[i] += v[i] * s->norm;
    } else if (u && v) {
        memcpy(v, gradient, s->D * sizeof *v);
        hadamard(v, s->L);
        for (size_t i = 0; i < s->L; i++)
            u[s->place[i]] = v[i] * s->g[i];
        hadamard(u, s->L);
        for (size_t i = 0; i < s->d; i++)
            gx[i] = u[i] * s->sign[i] * s->norm;
    }
    free(u);
    free(v);
}

/* Column j: y += x c, or the product of the column and `gradient`. */
static double column(const ht_subspace *s, size_t j, double x, double *y, const double *gradient)
{
    double sum = 0;
    if (s->kind == HT_DENSE) {
        struct rng r = column_rng(s, j);
        for (size_t i = 0; i < s->D; i++) {
            double c = rng_normal(&r) * s->scale[j];
            if (y)
                y[i] += x * c;
            else
                sum += c * gradient[i];
        }
        return sum;
    }
    double size = 1 / sqrt((double)(s->from[j + 1] - s->from[j]));
    for (size_t k = s->from[j]; k < s->from[j + 1]; k++) {
        double c = s->entry[k] & 1 ? size : -size;
        if (y)
            y[s->entry[k] / 2] += x * c;
        else
            sum += c * gradient[s->entry[k] / 2];
    }
    return sum;
}

void ht_subspace_expand(const ht_subspace *s, const double *x, const double *theta0, double *theta)
{
    for (size_t i = 0; i < s->D; i++)
        theta[i] = theta0 ? theta0[i] : 0;
    if (s->kind == HT_FASTFOOD)
        fastfood(s, x, theta, NULL, NULL);
    else
        for (size_t j = 0; j < s->d; j++)
            column(s, j, x[j], theta, NULL);
}

void ht_subspace_fold(const ht_subspace *s, const double *gradient, double *gx)
{
    memset(gx, 0, s->d * sizeof *gx);
    if (s->kind == HT_FASTFOOD)
        fastfood(s, NULL, NULL, gradient, gx);
    else
        for (size_t j = 0; j < s->d; j++)
            gx[j] = column(s, j, 0, NULL, gradient);
}

int ht_intrinsic_dimension(double (*perform)(void *arg, size_t d), void *arg, const size_t *dims, int n, double baseline,
                           double *performance)
{
    for (int i = 0; i < n; i++) {
        double got = perform(arg, dims[i]);
        if (performance)
            performance[i] = got;
        if (got >= 0.9 * baseline)
            return i;
    }
    return -1;
}
