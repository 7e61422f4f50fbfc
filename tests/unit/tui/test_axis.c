/* Axes: ticks on the 1-2-5 ladder, short labels, ranges that stand still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tui/axis.h"

static void expect_label(double v, const char *want)
{
    char got[AXIS_LABEL];
    axis_label(got, v);
    assert_string_equal(got, want);
}

static void labels_are_what_people_write(void **state)
{
    expect_label(0, "0");
    expect_label(.5, ".5");
    expect_label(.0812, ".0812");
    expect_label(8e-4, "8e-4");
    expect_label(.001, ".001");
    expect_label(12500, "12.5k");
    expect_label(20000, "20k");
    expect_label(1e6, "1M");
    expect_label(150, "150");
    expect_label(-.05, "-.05");
    expect_label(2e-9, "2e-9");
    expect_label(3e12, "3e12");
}

static void labels_are_at_most_five_characters(void **state)
{
    struct rng r;
    char s[AXIS_LABEL];
    rng_seed(&r, 7);
    for (int i = 0; i < 200000; i++) {
        double v = (rng_unit(&r) - .5) * pow(10, (double)rng_below(&r, 620) - 310);
        axis_label(s, v);
        assert_true(strlen(s) >= 1 && strlen(s) <= 5);
        axis_time_label(s, fabs(v));
        assert_true(strlen(s) >= 1 && strlen(s) <= 5);
    }
}

static bool on_ladder(double v)
{
    double p = pow(10, floor(log10(fabs(v)) + 1e-9)), m = fabs(v) / p;
    return fabs(m - 1) < 1e-6 || fabs(m - 2) < 1e-6 || fabs(m - 5) < 1e-6;
}

static void log_ticks_are_one_two_five(void **state)
{
    struct tick t[16];
    struct axis a = {1e-5, 1, true, AXIS_NUMBER};
    int n = axis_ticks(&a, 6, t, 16);
    assert_in_range(n, 2, 7);
    for (int i = 0; i < n; i++) {
        assert_true(on_ladder(t[i].at));
        assert_true(i == 0 || t[i].at > t[i - 1].at);
    }
    a = (struct axis){.05, 1, true, AXIS_NUMBER};
    n = axis_ticks(&a, 8, t, 16);
    assert_int_equal(n, 5); /* .05 .1 .2 .5 1 */
    assert_string_equal(t[0].label, ".05");
    assert_string_equal(t[4].label, "1");
}

static void linear_ticks_step_on_the_ladder(void **state)
{
    struct rng r;
    struct tick t[16];
    rng_seed(&r, 3);
    for (int i = 0; i < 20000; i++) {
        double lo = (rng_unit(&r) - .5) * pow(10, (double)rng_below(&r, 4)),
               hi = lo + pow(10, (double)rng_below(&r, 8) - 3);
        struct axis a = {lo, hi, false, AXIS_NUMBER};
        int n = axis_ticks(&a, 5, t, 16);
        assert_in_range(n, 0, 16);
        for (int k = 0; k < n; k++)
            assert_true(t[k].at >= lo - (hi - lo) * 1e-6 && t[k].at <= hi + (hi - lo) * 1e-6);
        if (n >= 2)
            assert_true(on_ladder(t[1].at - t[0].at));
    }
}

static void nothing_sensible_gives_no_ticks(void **state)
{
    struct tick t[4];
    struct axis a = {1, 1, false, AXIS_NUMBER};
    assert_int_equal(axis_ticks(&a, 5, t, 4), 0);
    a = (struct axis){0, INFINITY, false, AXIS_NUMBER};
    assert_int_equal(axis_ticks(&a, 5, t, 4), 0);
    a = (struct axis){NAN, 1, false, AXIS_NUMBER};
    assert_int_equal(axis_ticks(&a, 5, t, 4), 0);
}

static void time_ticks_are_hours_and_minutes(void **state)
{
    struct tick t[16];
    struct axis a = {0, 28800, false, AXIS_SECONDS};
    int n = axis_ticks(&a, 4, t, 16);
    assert_int_equal(n, 5);
    assert_string_equal(t[1].label, "2h");
    setenv("TZ", "UTC", 1);
    a = (struct axis){1767261600, 1767261600 + 7200, false, AXIS_CLOCK};
    n = axis_ticks(&a, 2, t, 16);
    assert_int_equal(n, 3);
    assert_string_equal(t[0].label, "10:00");
    assert_string_equal(t[2].label, "12:00");
}

static void positions_and_values_are_inverse(void **state)
{
    struct axis lin = {-3, 9, false, AXIS_NUMBER}, lg = {1e-4, 10, true, AXIS_NUMBER};
    for (double p = 0; p <= 1; p += .125) {
        assert_true(fabs(axis_pos(&lin, axis_value(&lin, p)) - p) < 1e-12);
        assert_true(fabs(axis_pos(&lg, axis_value(&lg, p)) - p) < 1e-12);
    }
    assert_true(isnan(axis_pos(&lg, 0)));
    assert_true(isnan(axis_pos(&lg, -1)));
    assert_true(isnan(axis_pos(&lin, NAN)));
}

static void snapping_holds_the_data(void **state)
{
    struct rng r;
    rng_seed(&r, 11);
    for (int i = 0; i < 20000; i++) {
        double a = pow(10, rng_unit(&r) * 16 - 8), b = a * (1 + rng_unit(&r) * 1000);
        bool log = i & 1;
        struct axis s = axis_snap(a, b, log);
        assert_true(s.lo <= a * (1 + 1e-9) && s.hi >= b * (1 - 1e-9) && s.hi > s.lo);
        if (log)
            assert_true(on_ladder(s.lo) && on_ladder(s.hi));
    }
    struct axis bad = axis_snap(NAN, 1, false);
    assert_true(bad.hi > bad.lo);
    bad = axis_snap(5, 5, false);
    assert_true(bad.lo <= 5 && bad.hi >= 5 && bad.hi > bad.lo);
}

static void x_doubles_when_it_is_full(void **state)
{
    assert_true(axis_grow(9) == 10);
    assert_true(axis_grow(10001) == 20000);
    assert_true(axis_grow(20001) == 40000);
    assert_true(axis_grow(40001) == 80000);
    assert_true(axis_grow_seconds(61) == 120);
    assert_true(axis_grow_seconds(3 * 86400) == 4 * 86400);
}

static void a_range_grows_at_once_and_shrinks_after_thirty_seconds(void **state)
{
    struct range r = {0};
    range_feed(&r, 1, .1, .9, false, 0);
    double hi = r.now.hi;
    range_feed(&r, 1, .1, 3.5, false, CLOCK_S);
    assert_true(r.now.hi >= 3.5);
    range_feed(&r, 1, .1, .9, false, 2 * CLOCK_S);
    assert_true(r.now.hi >= 3.5);
    range_feed(&r, 1, .1, .9, false, 31 * CLOCK_S);
    assert_true(r.now.hi >= 3.5);
    range_feed(&r, 1, .1, .9, false, 33 * CLOCK_S);
    assert_true(r.now.hi == hi);
    range_feed(&r, 2, 10, 20, false, 34 * CLOCK_S); /* something else is shown: anew */
    assert_true(r.now.lo >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_what_people_write),
        cmocka_unit_test(labels_are_at_most_five_characters),
        cmocka_unit_test(log_ticks_are_one_two_five),
        cmocka_unit_test(linear_ticks_step_on_the_ladder),
        cmocka_unit_test(nothing_sensible_gives_no_ticks),
        cmocka_unit_test(time_ticks_are_hours_and_minutes),
        cmocka_unit_test(positions_and_values_are_inverse),
        cmocka_unit_test(snapping_holds_the_data),
        cmocka_unit_test(x_doubles_when_it_is_full),
        cmocka_unit_test(a_range_grows_at_once_and_shrinks_after_thirty_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
