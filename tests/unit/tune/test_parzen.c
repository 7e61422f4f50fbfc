/* The mixture with `neighbours` is the one of Optuna 5.0.0 (_ParzenEstimator with its default parameters), number by
 * number: log densities of four points under histories of 1, 2, 7 and 40 trials, worked out with Optuna itself and
 * turned into densities over the quantiles of the prior (plus ln 5 for x, ln ln 1e4 for lr). Optuna sorts kernels of
 * equal place in no particular order, which decides which of them sees the gap to the next one; here they are in the
 * order of arrival (numpy's stable sort). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tune/parzen.h"

struct point {
    double x, lr;
    int k, c;
};

static const struct golden {
    int n;
    struct point at;
    double log;
} golden[] = {
    {1, {-1.9, 2e-05, 1, 0}, -3.8184803395},
    {1, {0.4, 0.001, 5, 1}, -2.7575621156},
    {1, {2.2, 0.08, 9, 2}, -3.7278221092},
    {1, {1, 0.0003, 4, 0}, -3.3503480163},
    {2, {-1.9, 2e-05, 1, 0}, -4.2947478553},
    {2, {0.4, 0.001, 5, 1}, -2.6394373590},
    {2, {2.2, 0.08, 9, 2}, -4.4658273298},
    {2, {1, 0.0003, 4, 0}, -2.2156979747},
    {7, {-1.9, 2e-05, 1, 0}, -5.2198314170},
    {7, {0.4, 0.001, 5, 1}, -3.3915667454},
    {7, {2.2, 0.08, 9, 2}, -5.1533174346},
    {7, {1, 0.0003, 4, 0}, -3.0734012950},
    {40, {-1.9, 2e-05, 1, 0}, -6.9946115722},
    {40, {0.4, 0.001, 5, 1}, -5.8810816507},
    {40, {2.2, 0.08, 9, 2}, -6.9601882104},
    {40, {1, 0.0003, 4, 0}, -3.9686823694},
};

static struct space *space_of_four(void)
{
    static const struct tune_value letters[3] = {
        {.kind = TUNE_STRING, .s = "a"}, {.kind = TUNE_STRING, .s = "b"}, {.kind = TUNE_STRING, .s = "c"}};
    struct space *s = space_new();
    struct param *p = space_add(s, "x");
    p->type = PARAM_FLOAT;
    p->low = -2;
    p->high = 3;
    p = space_add(s, "lr");
    p->type = PARAM_FLOAT;
    p->prior = PRIOR_LOG;
    p->low = 1e-5;
    p->high = 1e-1;
    p = space_add(s, "k");
    p->type = PARAM_INT;
    p->low = 1;
    p->high = 9;
    p = space_add(s, "c");
    p->type = PARAM_CATEGORICAL;
    param_set_choices(p, letters, 3);
    assert_int_equal(space_finish(s, NULL), 0);
    return s;
}

static void place(const struct space *s, struct point at, double *dna)
{
    dna[0] = param_place(&s->params[0], at.x);
    dna[1] = param_place(&s->params[1], at.lr);
    dna[2] = param_place(&s->params[2], at.k);
    dna[3] = at.c;
}

static double part(double x)
{
    return x - floor(x);
}

/* A history that any language can make: a Weyl sequence. */
static void trial(const struct space *s, int i, double *dna)
{
    struct point at = {.x = -2 + 5 * part((i + 1) * 0.754877666),
                       .lr = 1e-5 * pow(1e4, part((i + 1) * 0.569840291)),
                       .k = 1 + (int)(9 * part((i + 1) * 0.2451223338)),
                       .c = (int)(3 * part((i + 1) * 0.6180339887))};
    place(s, at, dna);
}

static double age_weight(int k, int n) /* of Optuna's default_weights */
{
    int ramp = n - 25;
    return n < 25 || k >= ramp ? 1 : ramp == 1 ? 1.0 / n : 1.0 / n + (1 - 1.0 / n) * k / (ramp - 1);
}

static void log_densities_are_those_of_optuna(void **state)
{
    static const struct parzen_options o = {.prior = 1, .neighbours = true};
    struct space *s = space_of_four();
    for (size_t g = 0; g < sizeof golden / sizeof *golden; g++) {
        double dna[40][4], weights[40], at[4];
        const double *rows[40];
        for (int i = 0; i < golden[g].n; i++) {
            trial(s, i, dna[i]);
            rows[i] = dna[i];
            weights[i] = age_weight(i, golden[g].n);
        }
        struct parzen *p = parzen_new(s, rows, weights, golden[g].n, &o);
        place(s, golden[g].at, at);
        double got = parzen_log(p, at);
        if (!(fabs(got - golden[g].log) < 1e-6))
            fail_msg("row %zu: %.10f instead of %.10f", g, got, golden[g].log);
        parzen_free(p);
    }
    space_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(log_densities_are_those_of_optuna)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
