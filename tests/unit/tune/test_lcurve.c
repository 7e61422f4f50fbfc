/* Learning curves: families recover themselves, and trials are stopped for good reasons only. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tune/curve_fit.h"
#include "tune/tuner.h"

static const double truth[CURVE_COUNT][4] = {
    [CURVE_POW3] = {0.2, 0.1, -0.7, 0},         /* 0.2 + 0.1 t^-0.497 */
    [CURVE_POW4] = {0.1, 2, -0.5, 0.3},
    [CURVE_EXPONENTIAL] = {0.3, 0.6, 1.2, 0},
    [CURVE_JANOSCHEK] = {0.25, 0.7, 1, -0.4},
    [CURVE_LOG] = {0.4, 0.1, 0, 0},
};

static void a_family_recovers_its_own_curve(void **state)
{
    for (int f = 0; f < CURVE_COUNT; f++) {
        double t[20], y[20];
        struct curve_fit fit;
        for (int i = 0; i < 20; i++) {
            t[i] = (i + 1) / 40.0;
            y[i] = curve_value((enum curve_family)f, truth[f], t[i]);
        }
        assert_true(curve_fit((enum curve_family)f, t, y, 20, &fit));
        double want = curve_value((enum curve_family)f, truth[f], 1), got = curve_value((enum curve_family)f, fit.p, 1);
        if (!(fabs(got - want) < 5e-3))
            fail_msg("%s: %.5f at the end, not %.5f", curve_name((enum curve_family)f), got, want);
        assert_true(fit.residual < 1e-3);
    }
}

static void too_few_points_are_no_fit(void **state)
{
    double t[5] = {0.1, 0.2, 0.3, 0.4, 0.5}, y[5] = {1, 0.8, 0.7, 0.65, 0.6};
    struct curve_fit fits[CURVE_COUNT];
    assert_false(curve_fit(CURVE_POW4, t, y, 5, &fits[0]));
    assert_int_equal(curve_fit_all(t, y, 3, fits), 0);
    int n = curve_fit_all(t, y, 5, fits);
    double sum = 0;
    assert_int_equal(n, 3); /* pow3, exp, log */
    for (int i = 0; i < n; i++)
        sum += fits[i].weight;
    assert_true(fabs(sum - 1) < 1e-12);
}

static void the_right_family_weighs_most(void **state)
{
    double t[24], y[24];
    struct curve_fit fits[CURVE_COUNT];
    for (int i = 0; i < 24; i++) {
        t[i] = (i + 1) / 30.0;
        y[i] = curve_value(CURVE_EXPONENTIAL, truth[CURVE_EXPONENTIAL], t[i]) + 1e-3 * (i % 2 ? 1 : -1);
    }
    int n = curve_fit_all(t, y, 24, fits), top = 0;
    for (int i = 1; i < n; i++)
        top = fits[i].weight > fits[top].weight ? i : top;
    assert_true(fits[top].family == CURVE_EXPONENTIAL);
    double mean, sd;
    curve_predict(fits, n, 1, &mean, &sd);
    assert_true(fabs(mean - curve_value(CURVE_EXPONENTIAL, truth[CURVE_EXPONENTIAL], 1)) < 3 * sd + 1e-3);
    assert_true(sd > 5e-4 && sd < 0.05);
}

static struct tuner *make(const struct tuner_kv *kv, bool maximize)
{
    struct space *s = space_new();
    struct param *p = space_add(s, "x");
    char *cause = NULL;
    p->type = PARAM_FLOAT;
    p->high = 1;
    assert_int_equal(space_finish(s, NULL), 0);
    struct tuner_setup setup = {.space = s, .sampler = "random", .stopper = "lcurve", .stopper_options = kv, .budget = -1,
                                .maximize = maximize};
    struct tuner *t = tuner_new(&setup, &cause);
    if (!t)
        fail_msg("%s", cause);
    return t;
}

/* Descends from 1 to `level`; returns the step at which it was stopped, 100 when it was not. */
static int64_t train(struct tuner *t, int64_t id, double level, double sign, int64_t steps)
{
    double dna[1];
    struct proposal p = {.dna = dna};
    struct tell_result r;
    assert_int_equal(tuner_ask(t, id, &p, NULL), 0);
    for (int64_t s = 1; s <= steps; s++) {
        double loss = level + (1 - level) * exp(-0.08 * (double)s);
        assert_int_equal(tuner_tell(t, id, s, sign * loss, s == 100, &r, NULL), 0);
        if (r.action == TELL_STOP)
            return s;
    }
    return 100;
}

static void a_hopeless_trial_is_stopped_and_a_good_one_is_not(void **state)
{
    for (int goal = 0; goal < 2; goal++) {
        struct tuner *t = make(NULL, goal == 1);
        double sign = goal ? -1 : 1;
        assert_int_equal(train(t, 0, 0.3, sign, 100), 100);
        assert_int_equal(train(t, 1, 0.5, sign, 100), 100); /* fewer than 3 have finished */
        assert_int_equal(train(t, 2, 0.4, sign, 100), 100);
        int64_t at = train(t, 3, 0.6, sign, 100);
        if (at < 6 || at >= 60)
            fail_msg("stopped at %d", (int)at);
        assert_int_equal(train(t, 4, 0.2, sign, 100), 100);
        assert_int_equal(tuner_history(t)->trials[3].end, END_PRUNED);
        tuner_free(t);
    }
}

static void a_delta_of_zero_stops_nobody(void **state)
{
    struct tuner_kv kv[] = {{"delta", 0}, {NULL, 0}};
    struct tuner *t = make(kv, false);
    for (int i = 0; i < 5; i++)
        assert_int_equal(train(t, i, 0.2 + 0.1 * i, 1, 100), 100);
    tuner_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_recovers_its_own_curve),
        cmocka_unit_test(too_few_points_are_no_fit),
        cmocka_unit_test(the_right_family_weighs_most),
        cmocka_unit_test(a_hopeless_trial_is_stopped_and_a_good_one_is_not),
        cmocka_unit_test(a_delta_of_zero_stops_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
