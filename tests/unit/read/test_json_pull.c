/* JSON a token at a time: what Python writes, what is cut, what is none. */
#include <math.h>
#include <stdio.h>

#include "tests/unit/read/listener.h"

#include "read/json_pull.h"

static void kinds(const char *text, size_t n, char *out)
{
    static const char names[] = "EC!{}[]ksntf0";
    struct json_pull j = {0};
    json_open(&j, text, n);
    for (enum json_token t = JSON_NULL; t != JSON_END && !json_failed(t);) {
        t = json_next(&j);
        *out++ = names[t];
    }
    *out = '\0';
    json_release(&j);
}

static void reads(const char *text, const char *want)
{
    char got[256];
    kinds(text, strlen(text), got);
    assert_string_equal(got, want);
}

static void tokens_come_in_order(void **state)
{
    reads("{\"a\": [1, true, null, \"x\"], \"b\": {}}", "{k[nt0s]k{}}E");
    reads(" [] ", "[]E");
    reads("5", "nE");
}

static void pythons_numbers_are_numbers(void **state)
{
    struct json_pull j = {0};
    reads("[NaN, Infinity, -Infinity, -1.5e-3, 1e999]", "[nnnnn]E");
    json_open(&j, "[NaN,9007199254740993,1.0]", 26);
    json_next(&j);
    json_next(&j);
    assert_true(isnan(j.number));
    json_next(&j);
    assert_true(j.whole);
    assert_int_equal(j.integer, 9007199254740993);
    json_next(&j);
    assert_false(j.whole);
    json_release(&j);
}

static void what_is_no_json_is_refused(void **state)
{
    reads("[1 2]", "[n!");
    reads("{1: 2}", "{!");
    reads("{\"a\" 1}", "{!");
    reads("[0x10]", "[!");
    reads("[tru]", "[!");
    reads("[\"\\q\"]", "[!");
    reads("[--1]", "[!");
}

static void every_cut_is_called_one(void **state)
{
    const char text[] = "{\"key\": [1.5, \"\\u00e9\\ud83d\\ude00\", true, {\"x\": null}]}";
    char got[256];
    for (size_t n = 0; n < sizeof text - 1; n++) {
        kinds(text, n, got);
        assert_int_equal(got[strlen(got) - 1], 'C');
    }
}

static void escapes_become_utf8(void **state)
{
    struct json_pull j = {0};
    const char text[] = "\"a\\n\\u00e9\\ud83d\\ude00\\ud800\\u0000\"";
    json_open(&j, text, sizeof text - 1);
    assert_int_equal(json_next(&j), JSON_STRING);
    assert_string_equal(json_text(&j), "a\n\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd");
    json_release(&j);
}

static void depth_is_bounded(void **state)
{
    char text[JSON_DEPTH + 2], got[JSON_DEPTH + 8];
    memset(text, '[', sizeof text);
    kinds(text, sizeof text, got);
    assert_int_equal(strlen(got), JSON_DEPTH + 1);
    assert_int_equal(got[JSON_DEPTH], '!');
}

/* A caller that skips what is no value must not wait for more. */
static void the_end_is_no_value_to_skip(void **state)
{
    struct json_pull j = {0};
    json_open(&j, "[]", 2);
    assert_int_equal(json_next(&j), JSON_ARRAY);
    assert_false(json_skip(&j, json_next(&j)));
    assert_false(json_skip(&j, json_next(&j)));
    json_release(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_come_in_order),       cmocka_unit_test(pythons_numbers_are_numbers),
        cmocka_unit_test(what_is_no_json_is_refused), cmocka_unit_test(every_cut_is_called_one),
        cmocka_unit_test(escapes_become_utf8),        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(the_end_is_no_value_to_skip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
