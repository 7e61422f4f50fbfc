/* The generator is xoshiro256** as published; its draws have the moments they should; its streams are unrelated.
 * Bounds are at six standard errors, and seeds are fixed, so that a failure is a defect. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

#define N 200000

static void the_sequence_is_xoshiro256_starstar(void **state)
{
    /* Reference values of the authors' program for the state 1, 2, 3, 4. */
    static const uint64_t want[] = {UINT64_C(11520), UINT64_C(0), UINT64_C(1509978240), UINT64_C(1215971899390074240)};
    struct rng r = {{1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_true(rng_u64(&r) == want[i]);
}

static void seeding_is_splitmix64(void **state)
{
    struct rng r;
    rng_seed(&r, 0); /* the first outputs of splitmix64 from 0 */
    assert_true(r.s[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(r.s[1] == UINT64_C(0x6e789e6aa1b965f4));
}

static void a_copied_state_goes_on_equally(void **state)
{
    struct rng a, b;
    rng_seed(&a, 5);
    for (int i = 0; i < 1000; i++)
        rng_normal(&a);
    b = a;
    for (int i = 0; i < 1000; i++) {
        double x = rng_gamma(&a, 0.7), y = rng_gamma(&b, 0.7);
        assert_true(x == y);
    }
}

/* Checks mean and variance of N draws against theory; var4 is the variance of (x-mean)^2. */
static void check_moments(const double *x, double mean, double var, double var4)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++)
        sum += x[i];
    for (int i = 0; i < N; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    if (fabs(sum / N - mean) > 6 * sqrt(var / N))
        fail_msg("mean %g instead of %g", sum / N, mean);
    if (fabs(squares / N - var) > 6 * sqrt(var4 / N))
        fail_msg("variance %g instead of %g", squares / N, var);
}

static double draws[N];

static void unit_draws_are_uniform(void **state)
{
    struct rng r;
    rng_seed(&r, 1);
    int bins[100] = {0};
    for (int i = 0; i < N; i++) {
        draws[i] = rng_unit(&r);
        assert_true(draws[i] >= 0 && draws[i] < 1);
        bins[(int)(draws[i] * 100)]++;
    }
    check_moments(draws, 0.5, 1.0 / 12, 1.0 / 180);
    double chi2 = 0, e = N / 100.0;
    for (int i = 0; i < 100; i++)
        chi2 += (bins[i] - e) * (bins[i] - e) / e;
    assert_true(fabs(chi2 - 99) < 6 * sqrt(2 * 99.0));
}

static void normal_draws_are_normal(void **state)
{
    struct rng r;
    rng_seed(&r, 2);
    int tail = 0;
    for (int i = 0; i < N; i++) {
        draws[i] = rng_normal(&r);
        tail += fabs(draws[i]) > 1.959963985;
    }
    check_moments(draws, 0, 1, 2);
    assert_true(fabs(tail - 0.05 * N) < 6 * sqrt(0.05 * 0.95 * N));
}

static void exponential_draws_are_exponential(void **state)
{
    struct rng r;
    rng_seed(&r, 3);
    for (int i = 0; i < N; i++) {
        draws[i] = rng_exponential(&r);
        assert_true(draws[i] >= 0 && isfinite(draws[i]));
    }
    check_moments(draws, 1, 1, 8);
}

static void gamma_draws_have_their_moments(void **state)
{
    static const double shapes[] = {0.05, 0.5, 1, 2.5, 40};
    struct rng r;
    rng_seed(&r, 4);
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        double a = shapes[k];
        for (int i = 0; i < N; i++)
            draws[i] = rng_gamma(&r, a);
        check_moments(draws, a, a, 2 * a * a + 6 * a);
    }
}

static void beta_draws_have_their_moments(void **state)
{
    static const double ab[][2] = {{1, 1}, {0.5, 0.5}, {2, 7}, {300, 20}};
    struct rng r;
    rng_seed(&r, 5);
    for (size_t k = 0; k < sizeof ab / sizeof *ab; k++) {
        double a = ab[k][0], b = ab[k][1], s = a + b, var = a * b / (s * s * (s + 1));
        double excess = 6 * ((a - b) * (a - b) * (s + 1) - a * b * (s + 2)) / (a * b * (s + 2) * (s + 3));
        for (int i = 0; i < N; i++) {
            draws[i] = rng_beta(&r, a, b);
            assert_true(draws[i] >= 0 && draws[i] <= 1);
        }
        check_moments(draws, a / s, var, var * var * (excess + 2));
    }
}

static void below_is_without_bias(void **state)
{
    struct rng r;
    rng_seed(&r, 6);
    int bins[7] = {0};
    for (int i = 0; i < N; i++)
        bins[rng_below(&r, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_true(fabs(bins[i] - N / 7.0) < 6 * sqrt(N / 7.0 * 6 / 7));
    uint64_t n = (UINT64_C(3) << 62) + 1; /* a plain remainder would draw the low third twice as often */
    int low = 0;
    for (int i = 0; i < N; i++) {
        uint64_t x = rng_below(&r, n);
        assert_true(x < n);
        low += x < n / 3;
    }
    assert_true(fabs(low - N / 3.0) < 6 * sqrt(N * 2.0 / 9));
    assert_true(rng_below(&r, 1) == 0);
}

static void shuffles_are_fair(void **state)
{
    struct rng r;
    rng_seed(&r, 7);
    int seen[24] = {0};
    for (int i = 0; i < 48000; i++) {
        int v[4] = {0, 1, 2, 3};
        rng_shuffle(&r, v, 4);
        int code = 0, mask = 0;
        for (int k = 0; k < 4; k++) { /* Lehmer code; also says that nothing was lost */
            int less = 0;
            for (int m = k + 1; m < 4; m++)
                less += v[m] < v[k];
            code = code * (4 - k) + less;
            mask |= 1 << v[k];
        }
        assert_int_equal(mask, 15);
        seen[code]++;
    }
    for (int i = 0; i < 24; i++)
        assert_true(fabs(seen[i] - 2000.0) < 6 * sqrt(2000));
    rng_shuffle(&r, NULL, 0);
}

/* Neighbouring streams and seeds must not resemble each other: their bits agree half of the time. */
static void streams_are_independent(void **state)
{
    for (uint64_t k = 0; k < 200; k++) {
        struct rng a, b, c;
        long same_stream = 0, same_seed = 0;
        rng_seed_stream(&a, 42, k);
        rng_seed_stream(&b, 42, k + 1);
        rng_seed_stream(&c, 43, k);
        for (int i = 0; i < 1000; i++) {
            uint64_t x = rng_u64(&a);
            same_stream += __builtin_popcountll(~(x ^ rng_u64(&b)));
            same_seed += __builtin_popcountll(~(x ^ rng_u64(&c)));
        }
        assert_true(labs(same_stream - 32000) < 6 * sqrt(64000.0 / 4));
        assert_true(labs(same_seed - 32000) < 6 * sqrt(64000.0 / 4));
    }
}

static void the_same_seed_gives_the_same_stream(void **state)
{
    struct rng a, b;
    rng_seed_stream(&a, 9, 3);
    rng_seed_stream(&b, 9, 3);
    assert_memory_equal(&a, &b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sequence_is_xoshiro256_starstar),
        cmocka_unit_test(seeding_is_splitmix64),
        cmocka_unit_test(a_copied_state_goes_on_equally),
        cmocka_unit_test(unit_draws_are_uniform),
        cmocka_unit_test(normal_draws_are_normal),
        cmocka_unit_test(exponential_draws_are_exponential),
        cmocka_unit_test(gamma_draws_have_their_moments),
        cmocka_unit_test(beta_draws_have_their_moments),
        cmocka_unit_test(below_is_without_bias),
        cmocka_unit_test(shuffles_are_fair),
        cmocka_unit_test(streams_are_independent),
        cmocka_unit_test(the_same_seed_gives_the_same_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
