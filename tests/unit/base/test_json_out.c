/* Commas, escapes and numbers of the JSON writer, read back by jansson. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
/* jansson's constructors have the names of base/json_out.h's; only its reader is wanted here. */
#define json_object jansson_object
#define json_array jansson_array
#define json_null jansson_null
#include <jansson.h>
#undef json_object
#undef json_array
#undef json_null

#include "base/json_out.h"
#include "base/rng.h"

static void commas_stand_where_they_must(void **state)
{
    struct buf b = {0};
    struct json_out j;
    json_open(&j, &b);
    json_object(&j);
    json_key(&j, "a");
    json_array(&j);
    json_int(&j, INT64_MIN);
    json_uint(&j, UINT64_MAX);
    json_object(&j);
    json_object_end(&j);
    json_array(&j);
    json_array_end(&j);
    json_bool(&j, true);
    json_null(&j);
    json_array_end(&j);
    json_key(&j, "b");
    json_str(&j, NULL);
    json_keyn(&j, "cd", 1);
    json_double(&j, 0.1);
    json_object_end(&j);
    assert_string_equal(buf_cstr(&b), "{\"a\":[-9223372036854775808,18446744073709551615,{},[],true,null],\"b\":null,\"c\":0.1}");
    buf_release(&b);
}

static void what_is_no_number_is_null(void **state)
{
    struct buf b = {0};
    struct json_out j;
    json_open(&j, &b);
    json_array(&j);
    json_double(&j, NAN);
    json_double(&j, INFINITY);
    json_double(&j, -INFINITY);
    json_double(&j, 1e-300);
    json_array_end(&j);
    assert_string_equal(buf_cstr(&b), "[null,null,null,1e-300]");
    buf_release(&b);
}

static void strings_are_escaped(void **state)
{
    struct buf b = {0};
    struct json_out j;
    json_open(&j, &b);
    json_strn(&j, "q\"b\\n\nt\tr\re\x1b" "d\x7f" "z\0x\xff" "y\xc3\xa9", 21);
    assert_string_equal(buf_cstr(&b), "\"q\\\"b\\\\n\\nt\\tr\\re\\u001bd\\u007fz\\u0000x\xef\xbf\xbdy\xc3\xa9\"");
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
        json_open(&j, &b);
        json_object(&j);
        json_keyn(&j, in, n);
        json_strn(&j, in, n);
        json_object_end(&j);
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
        cmocka_unit_test(any_bytes_give_valid_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
