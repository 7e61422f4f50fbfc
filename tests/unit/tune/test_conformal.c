/* Conformal selection: exact p-values, exact Benjamini-Hochberg, the guarantee on a case that can be counted. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tune/conformal.h"
#include "tune/predictors.h"

static void benjamini_hochberg_steps_up(void **st)
{
    (void)st;
    /* m = 5, q = 0.25: levels 0.05 0.10 0.15 0.20 0.25; the third is above its level, the fourth is not */
    const double p[] = {0.19, 0.01, 0.6, 0.16, 0.09};
    bool selected[5];
    assert_int_equal(conformal_bh(p, 5, 0.25, selected), 4);
    assert_true(selected[0] && selected[1] && selected[3] && selected[4]);
    assert_false(selected[2]);
    assert_int_equal(conformal_bh(p, 5, 0.04, selected), 0);
    assert_false(selected[1]);
}

static void a_p_value_counts_losers_that_were_predicted_better(void **st)
{
    (void)st;
    /* losers were predicted 5 and 1; winners never count against a candidate */
    const double y[] = {-1, 2, -1, 3}, predicted[] = {5, 9, 1, 0}, candidate[] = {7, 3, 0.5};
    struct conformal c = {4, 3, 1, y, 0, 0.5, predicted, candidate};
    struct rng rng;
    double p[3];
    rng_seed(&rng, 1);
    for (int i = 0; i < 200; i++) {
        conformal_p(&c, 0, &rng, p);
        assert_true(p[0] >= 0 && p[0] <= 0.2);
        assert_true(p[1] >= 0.2 && p[1] <= 0.4);
        assert_true(p[2] >= 0.4 && p[2] <= 0.6);
    }
}

static void the_threshold_decides_who_is_a_winner(void **st)
{
    (void)st;
    const double y[] = {1, 2, 3, 4}, predicted[] = {1, 2, 3, 4}, candidate[] = {3.5};
    struct conformal c = {4, 1, 1, y, 3, 0.5, predicted, candidate};
    struct rng rng;
    double p[1];
    rng_seed(&rng, 1);
    conformal_p(&c, 0, &rng, p);
    assert_true(p[0] <= 0.2); /* nobody at or below the threshold was predicted better */
    c.threshold = 5;
    conformal_p(&c, 0, &rng, p);
    assert_true(p[0] >= 0.2 && p[0] <= 0.4);
}

static void a_useless_predictor_is_not_chosen(void **st)
{
    (void)st;
    enum { N = 200, M = 100 };
    static double y[N], predicted[2 * N], candidate[2 * M], truth[M];
    bool selected[M];
    struct rng rng;
    int picked = 0, wrong = 0;
    for (int r = 0; r < 20; r++) {
        rng_seed(&rng, (uint64_t)r);
        for (int i = 0; i < N; i++) {
            y[i] = rng_normal(&rng);
            predicted[i] = rng_normal(&rng);
            predicted[N + i] = y[i] + 0.1 * rng_normal(&rng);
        }
        for (int j = 0; j < M; j++) {
            truth[j] = rng_normal(&rng);
            candidate[j] = rng_normal(&rng);
            candidate[M + j] = truth[j] + 0.1 * rng_normal(&rng);
        }
        struct conformal c = {N, M, 2, y, 0, 0.1, predicted, candidate};
        conformal_optimized(&c, &rng, selected, NULL);
        for (int j = 0; j < M; j++) {
            picked += selected[j];
            wrong += selected[j] && truth[j] <= 0;
        }
    }
    assert_true(picked > 20 * M / 4);
    assert_true(wrong <= 0.12 * picked); /* q is 0.1 in the mean over all worlds */
}

static void nothing_to_select_from_selects_nothing(void **st)
{
    (void)st;
    const double y[] = {1}, predicted[] = {1};
    struct conformal c = {1, 0, 1, y, 0, 0.1, predicted, NULL};
    struct rng rng;
    rng_seed(&rng, 1);
    assert_int_equal(conformal_select(&c, 0, &rng, NULL), 0);
    assert_int_equal(conformal_optimized(&c, &rng, NULL, NULL), 0);
}

static void predictors_learn_what_they_can(void **st)
{
    (void)st;
    enum { N = 60 };
    double x[N * 2], y[N];
    struct rng rng;
    rng_seed(&rng, 3);
    for (int i = 0; i < N; i++) {
        x[2 * i] = rng_unit(&rng);
        x[2 * i + 1] = 100 * rng_unit(&rng);
        y[i] = 3 * x[2 * i] - 0.02 * x[2 * i + 1] + 1;
    }
    struct predictors *p = predictors_fit(x, y, N, 2);
    const double at[] = {0.5, 50};
    for (int k = 0; k < PREDICTORS; k++) {
        double want = 3 * 0.5 - 0.02 * 50 + 1, got = predictors_predict(p, k, at);
        assert_true(fabs(got - want) < 0.5);
        assert_non_null(predictors_name(k));
    }
    assert_true(fabs(predictors_predict(p, 0, x) - y[0]) < 1e-12); /* its own nearest neighbour */
    predictors_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(benjamini_hochberg_steps_up),
        cmocka_unit_test(a_p_value_counts_losers_that_were_predicted_better),
        cmocka_unit_test(the_threshold_decides_who_is_a_winner),
        cmocka_unit_test(a_useless_predictor_is_not_chosen),
        cmocka_unit_test(nothing_to_select_from_selects_nothing),
        cmocka_unit_test(predictors_learn_what_they_can),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
