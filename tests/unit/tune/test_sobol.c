/* Low-discrepancy points: every dyadic interval once, pairs of dimensions too, scrambled and still so,
 * discrepancy below chance. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "tune/sobol.h"

static void each_dimension_visits_each_interval_once(void **state)
{
    enum { N = 256 };
    struct sobol *s = sobol_new(400);
    for (int d = 0; d < 400; d++) {
        int hits[N] = {0};
        for (uint32_t i = 0; i < N; i++)
            hits[(int)(sobol_at(s, i, d, 77) * N)]++;
        for (int k = 0; k < N; k++)
            if (hits[k] != 1)
                fail_msg("dimension %d visits interval %d %d times", d, k, hits[k]);
    }
    sobol_free(s);
}

static void the_first_two_dimensions_fill_every_box(void **state)
{
    struct sobol *s = sobol_new(2);
    for (int rows = 1; rows <= 64; rows *= 2) { /* all shapes of elementary intervals of 64 points */
        int hits[64] = {0};
        for (uint32_t i = 0; i < 64; i++)
            hits[(int)(sobol_at(s, i, 0, 5) * rows) * (64 / rows) +
                 (int)(sobol_at(s, i, 1, 5) * (64 / rows))]++;
        for (int k = 0; k < 64; k++)
            assert_int_equal(hits[k], 1);
    }
    sobol_free(s);
}

static void halton_spreads_in_each_base(void **state)
{
    static const int base[] = {2, 3, 5, 7};
    for (int d = 0; d < 4; d++) {
        int n = base[d] * base[d] * base[d], *hits = mem_zero((size_t)n, sizeof *hits);
        for (int i = 0; i < n; i++)
            hits[(int)(halton_at((uint32_t)i, d, 9) * n)]++;
        for (int k = 0; k < n; k++)
            assert_int_equal(hits[k], 1);
        free(hits);
    }
}

/* Warnock's formula for the L2 star discrepancy, squared. */
static double discrepancy(const double *x, int n, int dims)
{
    double first = pow(3, -dims), second = 0, third = 0;
    for (int i = 0; i < n; i++) {
        double p = 1;
        for (int d = 0; d < dims; d++)
            p *= (1 - x[i * dims + d] * x[i * dims + d]) / 2;
        second += p;
        for (int j = 0; j < n; j++) {
            double q = 1;
            for (int d = 0; d < dims; d++)
                q *= 1 - fmax(x[i * dims + d], x[j * dims + d]);
            third += q;
        }
    }
    return first - 2 * second / n + third / n / n;
}

static void discrepancy_is_far_below_chance(void **state)
{
    enum { N = 256, D = 6 };
    const double chance = (pow(2, -D) - pow(3, -D)) / N; /* expected for independent points */
    struct sobol *s = sobol_new(D);
    double *a = mem_zero(N * D, sizeof *a), *b = mem_zero(N * D, sizeof *b);
    for (int i = 0; i < N; i++)
        for (int d = 0; d < D; d++) {
            a[i * D + d] = sobol_at(s, (uint32_t)i, d, 3);
            b[i * D + d] = halton_at((uint32_t)i, d, 3);
        }
    double sobol = discrepancy(a, N, D), halton = discrepancy(b, N, D);
    free(a);
    free(b);
    sobol_free(s);
    assert_true(sobol < 0.35 * chance);
    assert_true(halton < 0.6 * chance);
}

static void another_seed_gives_other_points(void **state)
{
    struct sobol *s = sobol_new(3);
    int same = 0;
    for (uint32_t i = 0; i < 64; i++)
        same += sobol_at(s, i, 2, 1) == sobol_at(s, i, 2, 2);
    assert_true(same < 3);
    sobol_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_dimension_visits_each_interval_once),
        cmocka_unit_test(the_first_two_dimensions_fill_every_box),
        cmocka_unit_test(halton_spreads_in_each_base),
        cmocka_unit_test(discrepancy_is_far_below_chance),
        cmocka_unit_test(another_seed_gives_other_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
