/* Numbers in and out of text, and UTF-8. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/text.h"
#include "base/utf8.h"

static void doubles_are_read_whole_or_not_at_all(void **state)
{
    double v = 7;
    static const char *const bad[] = {"", " 1", "1 ", "1x", "0x10", "1e", "abc", "1,5", "--1", "\t1", "1p3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (text_double(bad[i], &v) || v != 7)
            fail_msg("'%s' was read as %g", bad[i], v);
    assert_false(text_double(NULL, &v));
    assert_true(text_double("1e-5", &v) && v == 1e-5);
    assert_true(text_double(".5", &v) && v == 0.5);
    assert_true(text_double("-0", &v) && v == 0 && signbit(v));
    assert_true(text_double("inf", &v) && isinf(v));
    assert_true(text_double("nan", &v) && isnan(v));
}

static void integers_are_read_whole_or_not_at_all(void **state)
{
    int64_t v = 7;
    static const char *const bad[] = {"", " 1", "1 ", "1.0", "0x10", "1e3", "9223372036854775808", "abc", "-"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(!text_int(bad[i], &v) && v == 7);
    assert_true(text_int("-9223372036854775808", &v) && v == INT64_MIN);
    assert_true(text_int("+12", &v) && v == 12);
    assert_true(text_int("007", &v) && v == 7);
}

static void formatted_doubles_read_back_exactly(void **state)
{
    struct rng r;
    rng_seed(&r, 1);
    char text[TEXT_NUM];
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = rng_u64(&r);
        double v, back;
        memcpy(&v, &bits, sizeof v);
        if (i % 2)
            v = (double)rng_below(&r, 100000) / 1000;
        if (!isfinite(v))
            continue;
        size_t n = text_fmt_double(text, v);
        assert_int_equal(n, strlen(text));
        assert_true(text_double(text, &back) && memcmp(&back, &v, sizeof v) == 0);
    }
}

static void formatted_doubles_are_short(void **state)
{
    char text[TEXT_NUM];
    static const struct {
        double v;
        const char *want;
    } table[] = {{0.1, "0.1"}, {0.3, "0.3"}, {1e-5, "1e-05"}, {100, "100"}, {1.0 / 3, "0.3333333333333333"},
                 {INFINITY, "inf"}, {-INFINITY, "-inf"}, {NAN, "nan"}, {0, "0"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        text_fmt_double(text, table[i].v);
        assert_string_equal(text, table[i].want);
    }
}

static void short_numbers_fit_a_table(void **state)
{
    char text[TEXT_NUM];
    static const struct {
        double v;
        const char *want;
    } table[] = {{8.1e-4, "0.00081"}, {8.1e-5, "8.1e-5"}, {1234567, "1.23e6"}, {-1.5e-10, "-1.5e-10"}, {1e100, "1e100"}, {0.5, "0.5"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        text_fmt_short(text, table[i].v, 3);
        assert_string_equal(text, table[i].want);
    }
    struct rng r;
    rng_seed(&r, 2);
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = rng_u64(&r);
        double v;
        memcpy(&v, &bits, sizeof v);
        size_t n = text_fmt_short(text, v, 3);
        assert_int_equal(n, strlen(text));
        assert_true(n <= 10); /* -1.23e-308 */
    }
}

/* Every code point there and back, and every pair and triple of bytes that starts one judged by its decoded form. */
static void utf8_round_trips_and_is_strict(void **state)
{
    char s[4];
    uint32_t cp;
    for (uint32_t c = 0; c <= 0x110000; c++) {
        size_t n = utf8_encode(s, c);
        bool scalar = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
        assert_int_equal(n > 0, scalar);
        if (n == 0)
            continue;
        assert_int_equal(utf8_decode(s, n, &cp), n);
        assert_int_equal(cp, c);
        for (size_t cut = 1; cut < n; cut++)
            assert_int_equal(utf8_decode(s, cut, &cp), 0);
    }
    for (unsigned v = 0; v < 1u << 24; v += 3) {
        char b[3] = {(char)(v >> 16), (char)(v >> 8), (char)v}, again[4];
        size_t n = utf8_decode(b, 3, &cp);
        if (n > 0) {
            assert_int_equal(utf8_encode(again, cp), n);
            assert_memory_equal(b, again, n);
        }
    }
    assert_int_equal(utf8_decode("\xf4\x90\x80\x80", 4, &cp), 0); /* past U+10FFFF */
    assert_int_equal(utf8_decode("\xf0\x82\x82\xac", 4, &cp), 0); /* overlong */
    assert_int_equal(utf8_decode("\x80", 1, &cp), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_are_read_whole_or_not_at_all), cmocka_unit_test(integers_are_read_whole_or_not_at_all),
        cmocka_unit_test(formatted_doubles_read_back_exactly),  cmocka_unit_test(formatted_doubles_are_short),
        cmocka_unit_test(short_numbers_fit_a_table),            cmocka_unit_test(utf8_round_trips_and_is_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
