/* Packed points and pulls come back bit for bit, whatever was in them, and damage is an error, never a crash. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "proto/points.h"

#define MAX_N 700

static uint64_t bits_of(double d)
{
    uint64_t u;
    memcpy(&u, &d, sizeof u);
    return u;
}

static double from_bits(uint64_t u)
{
    double d;
    memcpy(&d, &u, sizeof d);
    return d;
}

struct rows {
    uint32_t n;
    int64_t steps[MAX_N], times[MAX_N];
    double values[MAX_N];
};

static double power(int k)
{
    double p = 1;
    while (k-- > 0)
        p *= 10;
    return p;
}

/* ---- one value of every kind that a trainer can produce, and many that it should not ---- */
static const uint64_t odd[] = {
    UINT64_C(0x7ff8000000000000), UINT64_C(0xfff8000000000000), UINT64_C(0x7ff0000000000000),
    UINT64_C(0xfff0000000000000), UINT64_C(0x8000000000000000), 0, 1, UINT64_C(0x800fffffffffffff),
    UINT64_C(0x7ff0000000000001), /* signalling NaN */ UINT64_C(0x7ff8dead00beef00), UINT64_C(0xffffffffffffffff),
    UINT64_C(0x7fefffffffffffff), UINT64_C(0x0010000000000000), UINT64_C(0x36a0000000000000), /* smallest float */
    UINT64_C(0x3fb999999999999a), UINT64_C(0x4320000000000000), /* 2^51 */ UINT64_C(0x431fffffffffffff),
    UINT64_C(0xc320000000000000), UINT64_C(0x4340000000000000), UINT64_C(0x43e0000000000000)};

enum { KINDS = 9 };

static double value_of(struct rng *r, int kind, uint32_t i)
{
    switch (kind) {
    case 0: return rng_unit(r);
    case 1: return (double)(float)(rng_normal(r) * 3);
    case 2: return (double)((int64_t)rng_below(r, 2000000) - 1000000) / power((int)rng_below(r, 11));
    case 3: return from_bits(rng_u64(r));
    case 4: return from_bits(odd[rng_below(r, sizeof odd / sizeof *odd)]);
    case 5: return rng_below(r, 20) ? (double)(int64_t)rng_below(r, 1000) / 1000 : from_bits(odd[rng_below(r, 6)]);
    case 6: return 0.125;
    case 7: return (double)i;
    default: return 2.5 / (1 + i * 0.01) + 0.001 * rng_normal(r);
    }
}

static int64_t int_of(struct rng *r, int kind, uint32_t i, int64_t last)
{
    uint64_t l = (uint64_t)last;
    switch (kind) {
    case 0: return (int64_t)(100 + (uint64_t)i * 10);
    case 1: return (int64_t)(l + 1000000 * rng_below(r, 50));
    case 2: return (int64_t)rng_u64(r);
    case 3: return rng_below(r, 2) ? INT64_MIN : INT64_MAX;
    case 4: return (int64_t)(l + 300 + rng_below(r, 20));
    case 5: return -(int64_t)i * 7;
    case 6: return (int64_t)(l + 1000 * (900 + rng_below(r, 200)));
    case 7: return INT64_C(1700000000000000000) + (int64_t)rng_below(r, 1000) * 1000000000;
    default: return i % 64 == 63 ? (int64_t)(l + (UINT64_C(1) << 40)) : (int64_t)(l + 5);
    }
}

static void random_rows(struct rng *r, struct rows *b)
{
    int kv = (int)rng_below(r, KINDS), ks = (int)rng_below(r, KINDS), kt = (int)rng_below(r, KINDS);
    b->n = rng_below(r, 3) ? 1 + (uint32_t)rng_below(r, 70) : 1 + (uint32_t)rng_below(r, MAX_N);
    int64_t step = 0, time = INT64_C(1700000000000000000);
    for (uint32_t i = 0; i < b->n; i++) {
        b->steps[i] = step = int_of(r, ks, i, step);
        b->times[i] = time = int_of(r, kt, i, time);
        b->values[i] = value_of(r, kv, i);
    }
}

static void check_block(const struct points_reader *p, const struct rows *b, const char *name)
{
    assert_string_equal(p->block.name, name);
    assert_int_equal(p->block.n, b->n);
    assert_memory_equal(p->block.steps, b->steps, b->n * sizeof *b->steps);
    assert_memory_equal(p->block.times, b->times, b->n * sizeof *b->times);
    for (uint32_t i = 0; i < b->n; i++)
        assert_int_equal(bits_of(p->block.values[i]), bits_of(b->values[i]));
}

static struct span span_of(const struct buf *b)
{
    return (struct span){(const char *)b->data, b->len};
}

static void random_blocks_round_trip_bit_for_bit(void **state)
{
    struct rng r;
    rng_seed(&r, 1);
    struct rows *b = mem_zero(3, sizeof *b);
    struct buf out = {0};
    for (int round = 0; round < 4000; round++) {
        int n = 1 + (int)rng_below(&r, 3);
        buf_clear(&out);
        points_begin(&out);
        for (int i = 0; i < n; i++) {
            random_rows(&r, &b[i]);
            points_add(&out, "loss", b[i].n, b[i].steps, b[i].times, b[i].values);
        }
        struct points_reader p;
        const char *why;
        points_open(&p, span_of(&out));
        for (int i = 0; i < n; i++) {
            assert_true(points_next(&p));
            check_block(&p, &b[i], "loss");
        }
        assert_false(points_next(&p));
        assert_true(points_ok(&p, &why));
        assert_null(why);
        points_close(&p);
    }
    buf_release(&out);
    free(b);
}

/* Metrics logged together: the second refers to the first, in every combination of columns. */
static void blocks_like_the_one_before_round_trip(void **state)
{
    struct rng r;
    rng_seed(&r, 2);
    struct rows *b = mem_zero(2, sizeof *b);
    struct buf out = {0};
    for (int round = 0; round < 1500; round++) {
        random_rows(&r, &b[0]);
        b[1] = b[0];
        int kind = (int)rng_below(&r, 4);
        if (kind == 3)
            random_rows(&r, &b[1]);
        for (uint32_t i = 0; i < b[1].n && kind < 3; i++) {
            b[1].times[i] = (int64_t)((uint64_t)b[1].times[i] + (kind == 1 ? 1000 : 1) * rng_below(&r, 500));
            if (kind == 2)
                b[1].steps[i] ^= (int64_t)rng_below(&r, 4);
        }
        buf_clear(&out);
        points_begin(&out);
        points_add(&out, "a", b[0].n, b[0].steps, b[0].times, b[0].values);
        struct point_block like = {.n = b[0].n, .steps = b[0].steps, .times = b[0].times};
        points_add_like(&out, "b", b[1].n, b[1].steps, b[1].times, b[1].values, &like);
        struct points_reader p;
        points_open(&p, span_of(&out));
        assert_true(points_next(&p));
        check_block(&p, &b[0], "a");
        assert_true(points_next(&p));
        check_block(&p, &b[1], "b");
        assert_false(points_next(&p));
        assert_true(points_ok(&p, NULL));
        points_close(&p);
    }
    buf_release(&out);
    free(b);
}

static void every_width_round_trips(void **state)
{
    struct rng r;
    rng_seed(&r, 3);
    struct rows *b = MEM_NEW(struct rows);
    struct buf out = {0};
    for (int width = 1; width <= 64; width++)
        for (b->n = 2; b->n <= 200; b->n += 1 + b->n / 5) {
            for (uint32_t i = 0; i < b->n; i++) {
                b->steps[i] = (int64_t)(rng_u64(&r) >> (64 - width));
                b->times[i] = -b->steps[i];
                b->values[i] = from_bits(rng_u64(&r) >> (64 - width));
            }
            buf_clear(&out);
            points_begin(&out);
            points_add(&out, "w", b->n, b->steps, b->times, b->values);
            struct points_reader p;
            points_open(&p, span_of(&out));
            assert_true(points_next(&p));
            check_block(&p, b, "w");
            points_close(&p);
        }
    buf_release(&out);
    free(b);
}

static size_t packed_size(const struct rows *b)
{
    struct buf out = {0};
    points_begin(&out);
    points_add(&out, "x", b->n, b->steps, b->times, b->values);
    size_t n = out.len;
    buf_release(&out);
    return n;
}

/* The forms are really taken: bytes a point for typical columns (steps free, times one second or ten bits of noise). */
static void typical_columns_are_small(void **state)
{
    struct rng r;
    rng_seed(&r, 4);
    struct rows *b = MEM_NEW(struct rows);
    b->n = 640;
    for (uint32_t i = 0; i < b->n; i++) {
        b->steps[i] = i * 100;
        b->times[i] = INT64_C(1700000000000000000) + i * INT64_C(1000000000);
        b->values[i] = 0.5;
    }
    assert_true(packed_size(b) < 80);
    for (uint32_t i = 0; i < b->n; i++)
        b->values[i] = (double)(9000 + rng_below(&r, 100)) / 10000; /* 7 bits */
    assert_true(packed_size(b) < 640 * 7 / 8 + 80);
    for (uint32_t i = 0; i < b->n; i++)
        b->values[i] = (double)(float)(0.5 + rng_unit(&r) / 2); /* 23 bits */
    assert_true(packed_size(b) < 640 * 3 + 120);
    for (uint32_t i = 0; i < b->n; i++)
        b->times[i] += (int64_t)rng_below(&r, 512) * 1000; /* differences of 10 bits of microseconds */
    assert_true(packed_size(b) < 640 * 3 + 640 * 10 / 8 + 200);
    for (uint32_t i = 0; i < b->n; i++)
        b->values[i] = rng_unit(&r);
    assert_true(packed_size(b) < 640 * 9 + 200);
    free(b);
}

static void a_long_block_is_split_and_a_long_name_cut(void **state)
{
    uint32_t n = POINTS_MAX_ROWS + 5, seen = 0;
    int64_t *steps = mem_zero(n, sizeof *steps), *times = mem_zero(n, sizeof *times);
    double *values = mem_zero(n, sizeof *values);
    for (uint32_t i = 0; i < n; i++) {
        steps[i] = (int64_t)i * i;
        values[i] = i;
    }
    char name[100] = {0};
    memset(name, 'a', 62);
    memcpy(name + 62, "\xc3\xa9\xc3\xa9", 5);
    struct buf out = {0};
    struct points_reader p;
    points_begin(&out);
    points_add(&out, name, n, steps, times, values);
    points_open(&p, span_of(&out));
    while (points_next(&p)) {
        assert_int_equal(strlen(p.block.name), 62); /* the two-byte character would not fit whole */
        for (uint32_t i = 0; i < p.block.n; i++, seen++)
            assert_true(p.block.steps[i] == steps[seen] && p.block.values[i] == values[seen]);
    }
    assert_true(points_ok(&p, NULL));
    assert_int_equal(seen, n);
    points_close(&p);
    buf_release(&out);
    free(steps);
    free(times);
    free(values);
}

static void empty_input_and_foreign_format_are_errors(void **state)
{
    const char *why = NULL;
    struct points_reader p;
    points_open(&p, (struct span){"", 0});
    assert_false(points_next(&p));
    assert_false(points_ok(&p, &why));
    assert_non_null(why);
    points_open(&p, (struct span){"\x07", 1});
    assert_false(points_next(&p));
    assert_false(points_ok(&p, &why));
    points_close(&p);
    points_open(&p, (struct span){"\x01", 1}); /* a batch without blocks is fine */
    assert_false(points_next(&p));
    assert_true(points_ok(&p, NULL));
    points_close(&p);
}

/* Drains a batch; true when it was whole. */
static bool drain(struct span bin)
{
    struct points_reader p;
    points_open(&p, bin);
    uint64_t sum = 0;
    while (points_next(&p))
        for (uint32_t i = 0; i < p.block.n; i++)
            sum += (uint64_t)p.block.steps[i] + (uint64_t)p.block.times[i] + bits_of(p.block.values[i]);
    volatile uint64_t keep = sum;
    (void)keep;
    bool ok = points_ok(&p, NULL);
    points_close(&p);
    return ok;
}

/* The input ends where the allocation ends, so that a read behind it is seen by valgrind and the sanitizers. */
static bool drain_exact(const uint8_t *p, size_t n)
{
    char *copy = malloc(n ? n : 1);
    if (n)
        memcpy(copy, p, n);
    bool ok = drain((struct span){copy, n});
    free(copy);
    return ok;
}

static void every_truncation_is_an_error(void **state)
{
    struct rng r;
    rng_seed(&r, 5);
    struct rows *b = MEM_NEW(struct rows);
    struct buf out = {0};
    for (int round = 0; round < 60; round++) {
        random_rows(&r, b);
        b->n = b->n > 100 ? 100 : b->n;
        buf_clear(&out);
        points_begin(&out);
        points_add(&out, "loss", b->n, b->steps, b->times, b->values);
        for (size_t n = 2; n < out.len; n++)
            assert_false(drain_exact(out.data, n));
        assert_true(drain_exact(out.data, out.len));
    }
    buf_release(&out);
    free(b);
}

static void damaged_bytes_never_crash(void **state)
{
    struct rng r;
    rng_seed(&r, 6);
    struct rows *b = MEM_NEW(struct rows);
    struct buf out = {0};
    for (int round = 0; round < 6000; round++) {
        random_rows(&r, b);
        buf_clear(&out);
        points_begin(&out);
        points_add(&out, "m", b->n, b->steps, b->times, b->values);
        for (int k = 1 + (int)rng_below(&r, 4); k > 0; k--)
            out.data[1 + rng_below(&r, out.len - 1)] = (uint8_t)rng_u64(&r);
        drain_exact(out.data, out.len);
        for (size_t i = 1; i < out.len; i++)
            out.data[i] = (uint8_t)rng_u64(&r);
        drain_exact(out.data, out.len < 200 ? out.len : 200);
    }
    buf_release(&out);
    free(b);
}

/* 12 bytes that ask for 65,536 points, a thousand times: the batch's bound stops them. */
static void a_batch_that_claims_too_much_is_refused(void **state)
{
    static const uint8_t block[] = {0, 0x80, 0x80, 0x04, /* 65536 */ 0, 2, 2, 0, 2, 2};
    struct buf out = {0};
    points_begin(&out);
    struct rows *b = MEM_NEW(struct rows);
    for (int i = 0; i < 1000; i++) {
        buf_put(&out, block, sizeof block);
        buf_putc(&out, 0);
        for (int g = 0; g < 1024; g++)
            buf_put(&out, "\0\0", 2);
    }
    struct points_reader p;
    uint64_t rows = 0;
    points_open(&p, span_of(&out));
    while (points_next(&p))
        rows += p.block.n;
    assert_false(points_ok(&p, NULL));
    assert_int_equal(rows, POINTS_MAX_TOTAL);
    points_close(&p);
    buf_release(&out);
    free(b);
}

static void zero_rows_and_too_many_rows_are_refused(void **state)
{
    assert_false(drain((struct span){"\x01\x01x\x00\x00\x02", 6}));
    assert_false(drain((struct span){"\x01\x01x\x81\x80\x04\x00\x02\x02", 9}));
    assert_false(drain((struct span){"\x01\x40x\x01\x00\x02", 6})); /* a name of 64 bytes */
}

/* ---- pulls ---- */

static void random_pulls(struct rng *r, struct pull *p, uint32_t n)
{
    uint64_t wild = rng_below(r, 3) == 0;
    for (uint32_t i = 0; i < n; i++) {
        memset(&p[i], 0, sizeof p[i]);
        p[i].t = wild ? (int64_t)rng_u64(r) : i + 1;
        p[i].time = wild ? (int64_t)rng_u64(r) : INT64_C(1700000000000000000) + (int64_t)(i * 5000 + rng_below(r, 900));
        p[i].cost = wild ? from_bits(rng_u64(r)) : (double)rng_below(r, 300);
        p[i].context = wild ? rng_normal(r) : NAN;
        uint32_t bits = (uint32_t)rng_u64(r);
        p[i].propensity = 0.25f;
        if (wild)
            memcpy(&p[i].propensity, &bits, sizeof bits);
        p[i].arm = (uint16_t)(wild ? rng_u64(r) : rng_below(r, 20));
        p[i].forced = (uint8_t)(wild ? rng_u64(r) : rng_below(r, 30) == 0);
    }
}

static bool same_pull(const struct pull *a, const struct pull *b)
{
    return a->t == b->t && a->time == b->time && bits_of(a->cost) == bits_of(b->cost) &&
           bits_of(a->context) == bits_of(b->context) && memcmp(&a->propensity, &b->propensity, 4) == 0 &&
           a->arm == b->arm && a->forced == b->forced;
}

static void pulls_round_trip_bit_for_bit(void **state)
{
    struct rng r;
    rng_seed(&r, 7);
    struct pull in[MAX_N], *back;
    struct buf out = {0};
    const char *why;
    for (int round = 0; round < 1500; round++) {
        uint32_t n = (uint32_t)rng_below(&r, MAX_N);
        random_pulls(&r, in, n);
        buf_clear(&out);
        pulls_pack(&out, in, n);
        assert_int_equal(pulls_unpack(span_of(&out), &back, &why), n);
        assert_null(why);
        for (uint32_t i = 0; i < n; i++)
            assert_true(same_pull(&in[i], &back[i]));
        free(back);
    }
    buf_release(&out);
}

static void damaged_pulls_are_an_error_or_other_pulls(void **state)
{
    struct rng r;
    rng_seed(&r, 8);
    struct pull in[100], *back;
    struct buf out = {0};
    const char *why;
    for (int round = 0; round < 3000; round++) {
        random_pulls(&r, in, 100);
        buf_clear(&out);
        pulls_pack(&out, in, 100);
        size_t n = rng_below(&r, out.len);
        char *copy = malloc(out.len);
        memcpy(copy, out.data, out.len);
        if (n > 1) {
            assert_int_equal(pulls_unpack((struct span){copy, n}, &back, &why), -1);
            assert_non_null(why);
            assert_null(back);
        }
        copy[1 + rng_below(&r, out.len - 1)] = (char)rng_u64(&r);
        int got = pulls_unpack((struct span){copy, out.len}, &back, &why);
        assert_true(got >= 0 ? why == NULL : why != NULL && back == NULL);
        free(back);
        free(copy);
    }
    buf_release(&out);
}

static void an_arm_out_of_range_is_refused(void **state)
{
    struct pull *back;
    const char *why;
    /* one pull: round 1, time 1, arm 65536, propensity 0, not forced, cost 0, context 0 */
    static const char bytes[] = "\x01\x01\0\x02\0\x02\0\x80\x80\x08\0\0\0\0\x02\0\0\0\x02\0\0\0";
    assert_int_equal(pulls_unpack((struct span){bytes, sizeof bytes - 1}, &back, &why), -1);
    assert_string_equal(why, "pulls: a number is out of range");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_blocks_round_trip_bit_for_bit),
        cmocka_unit_test(blocks_like_the_one_before_round_trip),
        cmocka_unit_test(every_width_round_trips),
        cmocka_unit_test(typical_columns_are_small),
        cmocka_unit_test(a_long_block_is_split_and_a_long_name_cut),
        cmocka_unit_test(empty_input_and_foreign_format_are_errors),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(damaged_bytes_never_crash),
        cmocka_unit_test(a_batch_that_claims_too_much_is_refused),
        cmocka_unit_test(zero_rows_and_too_many_rows_are_refused),
        cmocka_unit_test(pulls_round_trip_bit_for_bit),
        cmocka_unit_test(damaged_pulls_are_an_error_or_other_pulls),
        cmocka_unit_test(an_arm_out_of_range_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
