/* Commas, escapes and numbers of the JSON writer, read back by jansson. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/json_out.h"
#include "base/rng.h"

static void commas_stand_where_they_must(void **state)
{
    struct buf b = {0};
    struct json_out j;
    jw_open(&j, &b);
    jw_object(&j);
    jw_key(&j, "a");
    jw_array(&j);
    jw_int(&j, INT64_MIN);
    jw_uint(&j, UINT64_MAX);
    jw_object(&j);
    jw_object_end(&j);
    jw_array(&j);
    jw_array_end(&j);
    jw_bool(&j, true);
    jw_null(&j);
    jw_array_end(&j);
    jw_key(&j, "b");
    jw_str(&j, NULL);
    jw_keyn(&j, "cd", 1);
    jw_double(&j, 0.1);
    jw_object_end(&j);
    assert_string_equal(buf_cstr(&b), "{\"a\":[-9223372036854775808,18446744073709551615,{},[],true,null],\"b\":null,\"c\":0.1}");
    buf_release(&b);
}

static void what_is_no_number_is_null(void **state)
{
    struct buf b = {0};
    struct json_out j;
    jw_open(&j, &b);
    jw_array(&j);
    jw_double(&j, NAN);
    jw_double(&j, INFINITY);
    jw_double(&j, -INFINITY);
    jw_double(&j, 1e-300);
    jw_array_end(&j);
    assert_string_equal(buf_cstr(&b), "[null,null,null,1e-300]");
    buf_release(&b);
}

static void strings_are_escaped(void **state)
{
    struct buf b = {0};
    struct json_out j;
    jw_open(&j, &b);
    jw_strn(&j, "q\"b\\n\nt\tr\re\x1b" "d\x7f" "z\0x\xff" "y\xc3\xa9", 21);
    assert_string_equal(buf_cstr(&b), "\"q\\\"b\\\\n\\nt\\tr\\re\\u001bd\\u007fz\\u0000x\xef\xbf\xbdy\xc3\xa9\"");
    buf_release(&b);
}

static void what_a_terminal_acts_on_is_escaped(void **state)
{
    struct buf b = {0};
    struct json_out j;
    jw_open(&j, &b);
    jw_str(&j, "a\xc2\x9b" "31m\xe2\x80\xae" "b\xef\xbb\xbf" "c\xc2\xa0");
    assert_string_equal(buf_cstr(&b), "\"a\\u009b31m\\u202eb\\ufeffc\xc2\xa0\"");
    buf_release(&b);
}

/* A strict reader takes whatever bytes a name or a log line had. */
static void any_bytes_give_valid_json(void **state)
{
    struct rng r;
    rng_seed(&r, 1);
    for (int round = 0; round < 20000; round++) {
        char in[40];
        size_t n = rng_below(&r, sizeof in);
        for (size_t i = 0; i < n; i++)
            in[i] = (char)(rng_below(&r, 2) ? rng_u64(&r) : 0x70 + rng_below(&r, 0x90));
        struct buf b = {0};
        struct json_out j;
        jw_open(&j, &b);
        jw_object(&j);
        jw_keyn(&j, in, n);
        jw_strn(&j, in, n);
        jw_object_end(&j);
        json_error_t error;
        json_t *v = json_loadb((const char *)b.data, b.len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
        if (!v && !memchr(in, '\0', n)) /* jansson has no keys with NUL */
            fail_msg("%s: %s", error.text, buf_cstr(&b));
        json_decref(v);
        buf_release(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_where_they_must),
        cmocka_unit_test(what_is_no_number_is_null),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(what_a_terminal_acts_on_is_escaped),
        cmocka_unit_test(any_bytes_give_valid_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
