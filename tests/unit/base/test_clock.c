/* Times as text and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/rng.h"

static void known_times_print(void **state)
{
    char text[CLOCK_TEXT];
    clock_rfc3339(text, INT64_C(1700000000123456789));
    assert_string_equal(text, "2023-11-14T22:13:20.123456Z");
    clock_rfc3339(text, 0);
    assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
    clock_rfc3339(text, -1000); /* a microsecond before */
    assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
    setenv("TZ", "UTC", 1);
    tzset();
    clock_hms(text, INT64_C(1700000000123456789));
    assert_string_equal(text, "22:13:20");
}

static void printed_times_parse_back(void **state)
{
    struct rng r;
    rng_seed(&r, 1);
    for (int i = 0; i < 20000; i++) {
        char text[CLOCK_TEXT];
        int64_t t = ((int64_t)rng_below(&r, UINT64_C(8000000000000000)) - INT64_C(2000000000000000)) * 1000, back;
        clock_rfc3339(text, t);
        assert_true(clock_parse(text, &back));
        assert_true(back == t);
    }
}

static void offsets_fractions_and_seconds_parse(void **state)
{
    int64_t t, base = INT64_C(1700000000) * CLOCK_S;
    assert_true(clock_parse("2023-11-14T22:13:20Z", &t) && t == base);
    assert_true(clock_parse("2023-11-14T23:13:20+01:00", &t) && t == base);
    assert_true(clock_parse("2023-11-14T17:43:20-04:30", &t) && t == base);
    assert_true(clock_parse("2023-11-14T22:13:20.5z", &t) && t == base + CLOCK_S / 2);
    assert_true(clock_parse("2023-11-14T22:13:20.123456789Z", &t) && t == base + 123456789);
    assert_true(clock_parse("2023-11-14T22:13:20.1234567899Z", &t) && t == base + 123456789);
    assert_true(clock_parse("1700000000", &t) && t == base);
    assert_true(clock_parse("1700000000.25", &t) && t == base + CLOCK_S / 4);
    assert_true(clock_parse("-1.5", &t) && t == -CLOCK_S - CLOCK_S / 2);
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "now",
                                      "2023-11-14",
                                      "2023-11-14T22:13:20",
                                      "2023-13-14T22:13:20Z",
                                      "2023-11-32T22:13:20Z",
                                      "2023-11-14T25:13:20Z",
                                      "2023-11-14T22:13:20Zx",
                                      "2023-11-14T22:13:20+1:00",
                                      "2023-11-14T22:13:20+01:00x",
                                      "12s",
                                      "nan",
                                      "inf",
                                      "1e300"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t t = 7;
        if (clock_parse(bad[i], &t) || t != 7)
            fail_msg("'%s' was taken for %lld", bad[i], (long long)t);
    }
}

static void spans_are_for_people(void **state)
{
    static const struct {
        int64_t s;
        const char *want;
    } table[] = {{-5, "0s"}, {0, "0s"}, {59, "59s"}, {60, "1m"}, {61, "1m01s"}, {720, "12m"}, {725, "12m"},
                 {22200, "6h10m"}, {86400, "1d0h"}, {273600, "3d4h"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char text[CLOCK_TEXT];
        clock_span(text, table[i].s * CLOCK_S);
        assert_string_equal(text, table[i].want);
    }
}

static void the_clocks_move_forward(void **state)
{
    int64_t a = clock_mono_ns(), b = clock_mono_ns();
    assert_true(b >= a);
    assert_true(clock_wall_ns() > INT64_C(1600000000) * CLOCK_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_times_print),          cmocka_unit_test(printed_times_parse_back),
        cmocka_unit_test(offsets_fractions_and_seconds_parse), cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(spans_are_for_people),       cmocka_unit_test(the_clocks_move_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
