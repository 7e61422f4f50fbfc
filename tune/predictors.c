/* predictors: see predictors.h. The ridges solve the normal equations; their penalty grows with the number of
 * features over the number of rows, so that a quadratic in twenty inputs can be fitted to a hundred rows. */
#include "tune/predictors.h"

#include <lapacke.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define QUADRATIC_MAX 40 /* inputs; above, the quadratic has squares only */

static const struct {
    const char *name;
    int neighbours; /* 0: a ridge */
    bool quadratic;
} models[PREDICTORS] = {
    {"nearest 1", 1, false},  {"nearest 5", 5, false},   {"nearest 15", 15, false},
    {"nearest 40", 40, false}, {"linear ridge", 0, false}, {"quadratic ridge", 0, true},
};

struct predictors {
    int n, d;
    double *x, *y; /* scaled inputs */
    double *mean, *scale;
    double *weights[PREDICTORS]; /* of the ridges, the constant first; NULL: could not be fitted */
};

const char *predictors_name(int model)
{
    return models[model].name;
}

static int features(int d, bool quadratic)
{
    return 1 + d + (!quadratic ? 0 : d <= QUADRATIC_MAX ? d * (d + 1) / 2 : d);
}

static void put_features(const double *x, int d, bool quadratic, double *out)
{
    *out++ = 1;
    for (int i = 0; i < d; i++)
        *out++ = x[i];
    for (int i = 0; quadratic && i < d; i++)
        for (int k = i; k < (d <= QUADRATIC_MAX ? d : i + 1); k++)
            *out++ = x[i] * x[k];
}

static double *ridge(const struct predictors *p, bool quadratic)
{
    int f = features(p->d, quadratic);
    double *a = mem_zero((size_t)f * (size_t)f, sizeof *a), *b = mem_zero((size_t)f, sizeof *b);
    double *row = mem_zero((size_t)f, sizeof *row);
    for (int i = 0; i < p->n; i++) {
        put_features(p->x + (size_t)i * (size_t)p->d, p->d, quadratic, row);
        for (int k = 0; k < f; k++) {
            b[k] += row[k] * p->y[i];
            for (int l = 0; l <= k; l++)
                a[(size_t)k * (size_t)f + (size_t)l] += row[k] * row[l];
        }
    }
    for (int k = 1; k < f; k++) /* the constant goes free */
        a[(size_t)k * (size_t)f + (size_t)k] += 1e-3 * p->n + 0.3 * f;
    a[0] += 1e-9;
    free(row);
    if (LAPACKE_dposv(LAPACK_ROW_MAJOR, 'L', f, 1, a, f, b, 1) != 0) {
        free(b);
        b = NULL;
    }
    free(a);
    return b;
}

static void scale_inputs(struct predictors *p)
{
    for (int j = 0; j < p->d; j++) {
        double sum = 0, sum2 = 0;
        for (int i = 0; i < p->n; i++)
            sum += p->x[i * p->d + j];
        p->mean[j] = sum / p->n;
        for (int i = 0; i < p->n; i++) {
            p->x[i * p->d + j] -= p->mean[j];
            sum2 += p->x[i * p->d + j] * p->x[i * p->d + j];
        }
        p->scale[j] = sum2 > 0 ? sqrt(sum2 / p->n) : 1;
        for (int i = 0; i < p->n; i++)
            p->x[i * p->d + j] /= p->scale[j];
    }
}

struct predictors *predictors_fit(const double *x, const double *y, int n, int d)
{
    struct predictors *p = MEM_NEW(struct predictors);
    p->n = n;
    p->d = d;
    p->x = mem_dup(x, (size_t)n * (size_t)d * sizeof *x);
    p->y = mem_dup(y, (size_t)n * sizeof *y);
    p->mean = mem_zero((size_t)d, sizeof *p->mean);
    p->scale = mem_zero((size_t)d, sizeof *p->scale);
    scale_inputs(p);
    for (int k = 0; k < PREDICTORS; k++)
        if (!models[k].neighbours)
            p->weights[k] = ridge(p, models[k].quadratic);
    return p;
}

void predictors_free(struct predictors *p)
{
    if (!p)
        return;
    for (int k = 0; k < PREDICTORS; k++)
        free(p->weights[k]);
    free(p->x);
    free(p->y);
    free(p->mean);
    free(p->scale);
    free(p);
}

/* The mean of the k nearest rows, by a sorted list of the k best so far. */
static double nearest(const struct predictors *p, int k, const double *x)
{
    double far[64], value[64], sum = 0;
    int have = 0;
    if (k > p->n)
        k = p->n;
    for (int i = 0; i < p->n; i++) {
        double d2 = 0;
        for (int j = 0; j < p->d; j++)
            d2 += (x[j] - p->x[i * p->d + j]) * (x[j] - p->x[i * p->d + j]);
        if (have == k && d2 >= far[k - 1])
            continue;
        int at = have < k ? have++ : k - 1;
        for (; at > 0 && far[at - 1] > d2; at--) {
            far[at] = far[at - 1];
            value[at] = value[at - 1];
        }
        far[at] = d2;
        value[at] = p->y[i];
    }
    for (int i = 0; i < have; i++)
        sum += value[i];
    return sum / have;
}

double predictors_predict(const struct predictors *p, int model, const double *x)
{
    double *z = mem_zero((size_t)p->d, sizeof *z), out = 0;
    for (int j = 0; j < p->d; j++)
        z[j] = (x[j] - p->mean[j]) / p->scale[j];
    if (models[model].neighbours) {
        out = nearest(p, models[model].neighbours, z);
    } else if (!p->weights[model]) {
        out = nearest(p, 5, z);
    } else {
        int f = features(p->d, models[model].quadratic);
        double *row = mem_zero((size_t)f, sizeof *row);
        put_features(z, p->d, models[model].quadratic, row);
        for (int k = 0; k < f; k++)
            out += row[k] * p->weights[model][k];
        free(row);
    }
    free(z);
    return out;
}
