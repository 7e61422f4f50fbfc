/* A12: the toy with a known intrinsic dimension: D = 1000 in 10 groups of 100, the numbers of group g sum to g, squared loss. Solutions
 * exist from d = 10 on and not below, with each of the three projections. A14: the published values of the PQ index. JSON lines;
 * exit status 0 when all hold. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/hypertop.h"

enum { D = 1000, GROUPS = 10, MOST = 12, ROUNDS = 400 };

/* Residuals of the ten sums at theta. */
static void residuals(const double *theta, double *r)
{
    for (int g = 0; g < GROUPS; g++) {
        r[g] = -(g + 1);
        for (int i = 0; i < D / GROUPS; i++)
            r[g] += theta[g * (D / GROUPS) + i];
    }
}

static double squared(const double *v, int n)
{
    double s = 0;
    for (int i = 0; i < n; i++)
        s += v[i] * v[i];
    return s;
}

/* Least squares by conjugate gradients on the d numbers, which see the toy through expand and fold alone. */
static double trained(void *arg, size_t d)
{
    ht_subspace *s = ht_subspace_open(D, d, *(enum ht_projection *)arg, 7);
    double x[MOST] = {0}, theta[D], up[D], r[GROUPS], q[GROUPS], g[MOST], p[MOST];
    double zero[GROUPS], before = 0;
    residuals((double[D]){0}, zero);
    memset(p, 0, sizeof p);
    for (int round = 0; round < ROUNDS; round++) {
        ht_subspace_expand(s, x, NULL, theta);
        residuals(theta, r);
        for (int i = 0; i < D; i++)
            up[i] = -r[i / (D / GROUPS)];
        ht_subspace_fold(s, up, g);
        double now = squared(g, (int)d), beta = before > 0 && round % (int)d ? now / before : 0, along = 0;
        if (now < 1e-24)
            break;
        for (size_t j = 0; j < d; j++)
            p[j] = g[j] + beta * p[j];
        ht_subspace_expand(s, p, NULL, theta);
        residuals(theta, q);
        for (int k = 0; k < GROUPS; k++)
            q[k] -= zero[k];
        for (size_t j = 0; j < d; j++)
            along += p[j] * g[j];
        double step = along / squared(q, GROUPS);
        for (size_t j = 0; j < d; j++)
            x[j] += step * p[j];
        before = now;
    }
    ht_subspace_expand(s, x, NULL, theta);
    residuals(theta, r);
    ht_subspace_close(s);
    return exp(-squared(r, GROUPS));
}

static bool toy(void)
{
    static const char *const names[] = {"dense", "sparse", "fastfood"};
    size_t dims[MOST];
    bool all = true;
    for (int i = 0; i < MOST; i++)
        dims[i] = (size_t)i + 1;
    for (int kind = HT_DENSE; kind <= HT_FASTFOOD; kind++) {
        enum ht_projection k = (enum ht_projection)kind;
        double got[MOST] = {0};
        int at = ht_intrinsic_dimension(trained, &k, dims, MOST, 1, got);
        bool ok = at >= 0 && dims[at] == 10 && got[at] > 0.999999;
        printf("{\"accept\":\"A12\",\"projection\":\"%s\",\"D\":%d,\"d_int90\":%d,\"reference\":10,\"performance\":[", names[kind], D,
               at < 0 ? -1 : (int)dims[at]);
        for (int i = 0; i <= at; i++)
            printf("%s%.6g", i ? "," : "", got[i]);
        printf("],\"ok\":%s}\n", ok ? "true" : "false");
        all &= ok;
    }
    return all;
}

static bool pq(void)
{
    static const struct {
        double w[4], p, q, want;
    } known[] = {{{1, 1, 1, 1}, 0.5, 1, 0}, {{1, 0, 0, 0}, 0.5, 1, 0.75}, {{4, 3, 2, 1}, 0.5, 1, 0.0555858574},
                 {{4, 3, 2, 1}, 1, 2, 0.0871290708}};
    bool all = true;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        double got = ht_pq_index(known[i].w, 4, known[i].p, known[i].q);
        bool ok = fabs(got - known[i].want) <= 5e-11;
        printf("{\"accept\":\"A14\",\"p\":%g,\"q\":%g,\"index\":%.10f,\"reference\":%.10f,\"ok\":%s}\n", known[i].p, known[i].q, got,
               known[i].want, ok ? "true" : "false");
        all &= ok;
    }
    double m = ht_pq_retain(4, ht_pq_index(known[2].w, 4, 0.5, 1), 0.5, 1, 0);
    printf("{\"accept\":\"A14\",\"retain\":%g,\"reference\":4,\"ok\":%s}\n", m, m == 4 ? "true" : "false");
    return all && m == 4;
}

int main(void)
{
    bool a = toy(), b = pq();
    return a && b ? 0 : 1;
}
