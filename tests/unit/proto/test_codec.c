/* The reader agrees with msgpack-c on whatever is valid, and refuses what is not, without believing any count. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <msgpack.h>

#include "base/rng.h"
#include "proto/codec.h"

/* ---- random valid input, written by msgpack-c ---- */

static void pack_random(msgpack_packer *pk, struct rng *r, int depth)
{
    static char bytes[70000];
    static const uint64_t sizes[] = {0, 1, 31, 32, 255, 256, 300, 65535, 66000};
    double d;
    uint64_t bits = rng_u64(r), n = sizes[rng_below(r, rng_below(r, 20) ? 7 : 9)];
    memcpy(&d, &bits, sizeof d);
    switch (rng_below(r, depth < 6 ? 12 : 9)) {
    case 0: msgpack_pack_nil(pk); break;
    case 1: msgpack_pack_true(pk); break;
    case 2: msgpack_pack_false(pk); break;
    case 3: msgpack_pack_int64(pk, (int64_t)(bits >> rng_below(r, 64)) * (bits & 1 ? 1 : -1)); break;
    case 4: msgpack_pack_uint64(pk, bits >> rng_below(r, 64)); break;
    case 5: msgpack_pack_double(pk, d); break;
    case 6: msgpack_pack_float(pk, (float)d); break;
    case 7:
        n = n > CODEC_MAX_STR ? 17 : n;
        msgpack_pack_str(pk, n);
        msgpack_pack_str_body(pk, bytes, n);
        break;
    case 8:
        if (bits & 1) {
            msgpack_pack_bin(pk, n);
            msgpack_pack_bin_body(pk, bytes, n);
        } else {
            msgpack_pack_ext(pk, n, (int8_t)bits);
            msgpack_pack_ext_body(pk, bytes, n);
        }
        break;
    case 9:
    case 10:
        n = rng_below(r, depth ? 6 : 40);
        msgpack_pack_array(pk, n);
        while (n--)
            pack_random(pk, r, depth + 1);
        break;
    default:
        n = rng_below(r, depth ? 6 : 40);
        msgpack_pack_map(pk, n);
        while (n--) {
            pack_random(pk, r, depth + 1);
            pack_random(pk, r, depth + 1);
        }
    }
}

static bool same_double(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static void compare(struct codec_reader *r, const msgpack_object *o)
{
    struct span s;
    switch (o->type) {
    case MSGPACK_OBJECT_NIL: cr_nil(r); break;
    case MSGPACK_OBJECT_BOOLEAN: assert_int_equal(cr_bool(r), o->via.boolean); break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: assert_true(cr_int(r) == o->via.i64); break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        if (o->via.u64 <= INT64_MAX) {
            assert_true((uint64_t)cr_int(r) == o->via.u64);
        } else {
            assert_int_equal(cr_peek(r), CT_UINT);
            assert_true(cr_double(r) == (double)o->via.u64);
        }
        break;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64: assert_true(same_double(cr_double(r), o->via.f64)); break;
    case MSGPACK_OBJECT_STR:
        s = cr_str(r);
        assert_int_equal(s.n, o->via.str.size);
        assert_memory_equal(s.p, o->via.str.ptr, s.n);
        break;
    case MSGPACK_OBJECT_BIN:
        s = cr_bin(r);
        assert_int_equal(s.n, o->via.bin.size);
        assert_memory_equal(s.p, o->via.bin.ptr, s.n);
        break;
    case MSGPACK_OBJECT_EXT:
        assert_int_equal(cr_peek(r), CT_EXT);
        cr_skip(r);
        break;
    case MSGPACK_OBJECT_ARRAY:
        assert_int_equal(cr_array(r), o->via.array.size);
        for (uint32_t i = 0; i < o->via.array.size; i++)
            compare(r, &o->via.array.ptr[i]);
        break;
    case MSGPACK_OBJECT_MAP:
        assert_int_equal(cr_map(r), o->via.map.size);
        for (uint32_t i = 0; i < o->via.map.size; i++) {
            compare(r, &o->via.map.ptr[i].key);
            compare(r, &o->via.map.ptr[i].val);
        }
        break;
    default: fail_msg("msgpack-c made a type %d", (int)o->type);
    }
    assert_true(cr_ok(r));
}

static void reader_agrees_with_msgpack_c_on_valid_input(void **state)
{
    struct rng r;
    rng_seed(&r, 1);
    for (int round = 0; round < 3000; round++) {
        msgpack_sbuffer b;
        msgpack_packer pk;
        msgpack_unpacked u;
        size_t off = 0;
        msgpack_sbuffer_init(&b);
        msgpack_packer_init(&pk, &b, msgpack_sbuffer_write);
        pack_random(&pk, &r, 0);
        msgpack_unpacked_init(&u);
        assert_int_equal(msgpack_unpack_next(&u, b.data, b.size, &off), MSGPACK_UNPACK_SUCCESS);
        struct codec_reader c;
        const char *why;
        cr_init(&c, b.data, b.size);
        compare(&c, &u.data);
        assert_ptr_equal(c.p, c.end);
        assert_true(codec_valid(b.data, b.size, &why));
        size_t cut = rng_below(&r, b.size); /* and no proper prefix of it is valid */
        assert_false(codec_valid(b.data, cut, &why));
        assert_non_null(why);
        msgpack_unpacked_destroy(&u);
        msgpack_sbuffer_destroy(&b);
    }
}

/* ---- malformed input ---- */

struct bad {
    const char *what, *bytes;
    size_t n;
};
#define BAD(what, bytes) {what, bytes, sizeof bytes - 1}

static void malformed_input_is_refused(void **state)
{
    static const struct bad corpus[] = {
        BAD("nothing at all", ""),
        BAD("the unassigned byte", "\xc1"),
        BAD("an array of 4 billion", "\xdd\xff\x00\x00\x00"),
        BAD("an array of 4 billion, padded", "\xdd\xff\x00\x00\x00\x00\x00\x00"),
        BAD("a map of 4 billion", "\xdf\xff\xff\xff\xff\xc0\xc0"),
        BAD("a map with one pair and half another", "\x82\xa1\x61\x01\xa1\x62"),
        BAD("a map of 2 in 3 bytes", "\x82\xc0\xc0"),
        BAD("a string longer than the input", "\xdb\x00\x00\x01\x00" "abc"),
        BAD("a string over the bound", "\xdb\x7f\xff\xff\xff"),
        BAD("a binary over the bound", "\xc6\xff\xff\xff\xff"),
        BAD("an ext over the bound", "\xc9\xff\xff\xff\xff\x01"),
        BAD("an ext without its type", "\xc7\x00"),
        BAD("a fixext cut off", "\xd8\x01\x02"),
        BAD("half a double", "\xcb\x00\x00\x00"),
        BAD("an int16 of one byte", "\xd1\x01"),
        BAD("a length byte missing", "\xd9"),
        BAD("ten arrays inside each other", "\x91\x91\x91\x91\x91\x91\x91\x91\x91\xc0"),
        BAD("two values", "\xc0\xc0"),
        BAD("array16 inside array16", "\xdc\xff\xff\xdc\xff\xff\xdc\xff\xff"),
    };
    for (size_t i = 0; i < sizeof corpus / sizeof *corpus; i++) {
        const char *why = NULL;
        char *exact = malloc(corpus[i].n ? corpus[i].n : 1); /* a read behind the end is seen by the sanitizers */
        memcpy(exact, corpus[i].bytes, corpus[i].n);
        if (codec_valid(exact, corpus[i].n, &why) || !why)
            fail_msg("accepted: %s", corpus[i].what);
        free(exact);
    }
}

/* The 90 bytes that make a trusting unpacker reserve 47 MB. */
static void nested_array_heads_are_refused(void **state)
{
    char bytes[90];
    for (size_t i = 0; i < sizeof bytes; i += 3)
        memcpy(bytes + i, "\xdc\xff\xff", 3);
    const char *why;
    assert_false(codec_valid(bytes, sizeof bytes, &why));
}

static void depth_is_bounded_exactly(void **state)
{
    char bytes[CODEC_MAX_DEPTH + 2];
    memset(bytes, '\x91', sizeof bytes);
    bytes[CODEC_MAX_DEPTH] = '\xc0';
    assert_true(codec_valid(bytes, CODEC_MAX_DEPTH + 1, NULL));
    bytes[CODEC_MAX_DEPTH] = '\x91';
    bytes[CODEC_MAX_DEPTH + 1] = '\xc0';
    assert_false(codec_valid(bytes, CODEC_MAX_DEPTH + 2, NULL));
}

static void random_bytes_never_crash(void **state)
{
    struct rng r;
    rng_seed(&r, 2);
    for (int round = 0; round < 100000; round++) {
        uint8_t in[48];
        size_t n = rng_below(&r, sizeof in);
        for (size_t i = 0; i < n; i++)
            in[i] = (uint8_t)(rng_below(&r, 2) ? rng_u64(&r) : 0x80 + rng_below(&r, 0x60));
        uint8_t *exact = malloc(n ? n : 1);
        memcpy(exact, in, n);
        struct codec_reader c;
        cr_init(&c, exact, n);
        while (cr_ok(&c) && c.p < c.end)
            cr_skip(&c);
        struct buf out = {0};
        struct json_out j;
        jw_open(&j, &out);
        codec_to_json((struct span){(char *)exact, n}, &j);
        cmap_str((struct span){(char *)exact, n}, "key");
        buf_release(&out);
        free(exact);
    }
}

static void errors_are_sticky(void **state)
{
    struct codec_reader r;
    cr_init(&r, "\xa1x\x05\x06", 4);
    assert_int_equal(cr_int(&r), 0); /* a string is there */
    assert_false(cr_ok(&r));
    const char *first = r.error;
    assert_int_equal(cr_int(&r), 0);
    assert_int_equal(cr_str(&r).n, 0);
    assert_int_equal(cr_peek(&r), CT_END);
    assert_null(cr_value(&r).p);
    assert_ptr_equal(r.error, first);
}

static void numbers_keep_their_range(void **state)
{
    struct buf b = {0};
    struct codec_writer w;
    static const int64_t v[] = {0, 127, 128, -1, -32, -33, 65535, 65536, INT64_MAX, INT64_MIN};
    cw_init(&w, &b);
    for (size_t i = 0; i < sizeof v / sizeof *v; i++)
        cw_int(&w, v[i]);
    cw_uint(&w, UINT64_MAX);
    struct codec_reader r;
    cr_init(&r, b.data, b.len);
    for (size_t i = 0; i < sizeof v / sizeof *v; i++)
        assert_true(cr_int(&r) == v[i]);
    cr_int(&r); /* does not fit */
    assert_false(cr_ok(&r));
    buf_release(&b);
}

static void a_map_is_searched_by_key(void **state)
{
    struct buf b = {0};
    struct codec_writer w;
    cw_init(&w, &b);
    cw_map(&w, 6);
    cw_kint(&w, "step", 12);
    cw_int(&w, 5); /* a key that is not a string is stepped over */
    cw_nil(&w);
    cw_kdouble(&w, "value", 0.5);
    cw_kbool(&w, "live", true);
    cw_kstr(&w, "name", "lr");
    cw_str(&w, "inner");
    cw_map(&w, 1);
    cw_kint(&w, "x", 3);
    struct span m = {(char *)b.data, b.len};
    char text[3];
    assert_int_equal(cmap_int(m, "step", -1), 12);
    assert_int_equal(cmap_int(m, "name", -1), -1); /* of another type: as if absent */
    assert_true(cmap_double(m, "value", 0) == 0.5);
    assert_true(cmap_double(m, "step", 0) == 12);
    assert_true(cmap_bool(m, "live", false));
    assert_true(span_eq(cmap_str(m, "name"), "lr"));
    assert_null(cmap_str(m, "gone").p);
    assert_int_equal(cmap_int(cmap_value(m, "inner"), "x", -1), 3);
    assert_true(cmap_strcpy(m, "name", text, sizeof text));
    assert_string_equal(text, "lr");
    char *copy = cmap_strdup(m, "name");
    assert_string_equal(copy, "lr");
    free(copy);
    assert_null(cmap_value((struct span){NULL, 0}, "x").p);
    buf_release(&b);
}

static void a_copy_is_cut_at_a_character(void **state)
{
    char out[4];
    span_copy(out, sizeof out, (struct span){"ab\xc3\xa9", 4});
    assert_string_equal(out, "ab");
    span_copy(out, sizeof out, (struct span){"abc", 3});
    assert_string_equal(out, "abc");
    span_copy(out, sizeof out, (struct span){NULL, 0});
    assert_string_equal(out, "");
}

static void json_of_value(const char *bytes, size_t n, const char *want)
{
    struct buf out = {0};
    struct json_out j;
    jw_open(&j, &out);
    codec_to_json((struct span){bytes, n}, &j);
    assert_string_equal(buf_cstr(&out), want);
    buf_release(&out);
}

static void values_print_as_json(void **state)
{
    json_of_value("\x84\xa1" "a\x01\xa1" "b\xcb\x7f\xf8\0\0\0\0\0\0\xa1" "c\xc4\x04" "abcd\x07\x92\xc2\xc0", 27,
                  "{\"a\":1,\"b\":null,\"c\":\"YWJjZA==\",\"7\":[false,null]}");
    json_of_value("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9, "18446744073709551615");
    json_of_value("\xd3\x80\0\0\0\0\0\0\0", 9, "-9223372036854775808");
    json_of_value("", 0, "null");
}

static void json_does_not_follow_unvalidated_nesting(void **state)
{
    size_t n = 200000;
    char *deep = malloc(n);
    memset(deep, '\x91', n);
    json_of_value(deep, n, "[[[[[[[[[null]]]]]]]]]");
    memset(deep, '\x81', n);
    struct buf out = {0};
    struct json_out j;
    jw_open(&j, &out);
    codec_to_json((struct span){deep, n}, &j);
    assert_true(out.len < 1000);
    buf_release(&out);
    free(deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_agrees_with_msgpack_c_on_valid_input),
        cmocka_unit_test(malformed_input_is_refused),
        cmocka_unit_test(nested_array_heads_are_refused),
        cmocka_unit_test(depth_is_bounded_exactly),
        cmocka_unit_test(random_bytes_never_crash),
        cmocka_unit_test(errors_are_sticky),
        cmocka_unit_test(numbers_keep_their_range),
        cmocka_unit_test(a_map_is_searched_by_key),
        cmocka_unit_test(a_copy_is_cut_at_a_character),
        cmocka_unit_test(values_print_as_json),
        cmocka_unit_test(json_does_not_follow_unvalidated_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
