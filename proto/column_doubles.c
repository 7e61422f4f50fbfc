/* column_doubles: doubles as the integers, floats or bits that they are; the layout is at the top of column_ints.c. A form is
 * only chosen after every value of the column was shown to come back bit for bit. */
#include "proto/column.h"

#include <math.h>
#include <string.h>

#include "proto/column_words.h"

enum { DOUBLE_BITS, DOUBLE_FLOAT, DOUBLE_DECIMAL };
#define DELTA_FLAG 16

#define DECIMAL_LIMIT (INT64_C(1) << 51)
#define DECIMAL_DIGITS 20
#define MAX_RESTARTS 6
static const double power10[DECIMAL_DIGITS + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9, 1e10,
                                                   1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20};
/* Doubles without a decimal form that turn up in columns of decimals, as bits. */
static const uint64_t special[] = {UINT64_C(0x7ff8000000000000), UINT64_C(0xfff8000000000000),
                                   UINT64_C(0x7ff0000000000000), UINT64_C(0xfff0000000000000),
                                   UINT64_C(0x8000000000000000)};
#define SPECIALS ((int)(sizeof special / sizeof *special))

static uint64_t double_bits(double d)
{
    uint64_t u;
    memcpy(&u, &d, sizeof u);
    return u;
}

static double bits_double(uint64_t u)
{
    double d;
    memcpy(&d, &u, sizeof d);
    return d;
}

/* Adding and taking away 1.5 * 2^52 rounds a double below 2^51 to the nearest integer. */
static bool to_decimal(double v, double power, int64_t *d)
{
    double t = v * power;
    if (!(fabs(t) < (double)DECIMAL_LIMIT))
        return false;
    double whole = (t + 0x1.8p52) - 0x1.8p52;
    *d = (int64_t)whole;
    return double_bits((double)*d / power) == double_bits(v);
}

static int special_index(double v)
{
    uint64_t u = double_bits(v);
    for (int i = 0; i < SPECIALS; i++)
        if (special[i] == u)
            return i;
    return -1;
}

/* The fewest digits >= k with which v is a decimal; -1 when it is none. */
static int digits_for(double v, int k)
{
    int64_t d;
    for (; k <= DECIMAL_DIGITS; k++)
        if (to_decimal(v, power10[k], &d))
            return k;
    return -1;
}

/* Digits that do for a sample of the column, -1 when one of the sample is not a decimal: the usual end for doubles from
 * a computation, after a look at one value. */
static int sample_digits(const double *v, uint32_t n)
{
    uint32_t step = n / 16 + 1;
    int k = 0;
    for (uint32_t i = 0; i < n && k >= 0; i += step)
        if (special_index(v[i]) < 0)
            k = digits_for(v[i], k);
    return k;
}

/* Fills words with decimals; returns k or -1. A value that needs more digits than the sample starts the column anew. */
static int as_decimals(const double *v, uint32_t n, uint64_t *words)
{
    int k = sample_digits(v, n), restarts = 0;
    uint32_t i = 0;
    while (k >= 0 && i < n) {
        int64_t d;
        int s;
        if (to_decimal(v[i], power10[k], &d)) {
            words[i++] = (uint64_t)d;
        } else if ((s = special_index(v[i])) >= 0) {
            words[i++] = (uint64_t)(DECIMAL_LIMIT + s);
        } else {
            k = ++restarts > MAX_RESTARTS ? -1 : digits_for(v[i], k + 1);
            i = 0;
        }
    }
    return k;
}

static bool as_floats(const double *v, uint32_t n, uint64_t *words)
{
    for (uint32_t i = 0; i < n; i++) {
        float f = (float)v[i];
        uint32_t u;
        if (double_bits((double)f) != double_bits(v[i]))
            return false;
        memcpy(&u, &f, sizeof u);
        words[i] = u;
    }
    return true;
}

void column_put_doubles(struct buf *b, const double *v, uint32_t n)
{
    if (n == 0)
        return;
    struct words_scratch s;
    words_scratch_init(&s, n);
    int kind = DOUBLE_DECIMAL, k = as_decimals(v, n, s.words);
    if (k < 0) {
        kind = as_floats(v, n, s.words) ? DOUBLE_FLOAT : DOUBLE_BITS;
        if (kind == DOUBLE_BITS)
            memcpy(s.words, v, n * sizeof *v);
    }
    for (uint32_t i = 1; i < n; i++)
        s.diffs[i - 1] = s.words[i] - s.words[i - 1];
    bool delta = n > 1 && words_cost(s.diffs, n - 1) < words_cost(s.words, n);
    buf_putc(b, kind | (delta ? DELTA_FLAG : 0));
    if (kind == DOUBLE_DECIMAL)
        buf_putc(b, k);
    if (delta) {
        words_put_signed(b, s.words[0]);
        words_put(b, s.diffs, n - 1);
    } else {
        words_put(b, s.words, n);
    }
    words_scratch_free(&s);
}

/* Puts NaN, infinities and -0.0 where a group of decimals says so. */
static void group_specials(struct codec_reader *r, const uint64_t *x, double *v, uint32_t m)
{
    for (uint32_t i = 0; i < m; i++) {
        int64_t s = (int64_t)x[i] - DECIMAL_LIMIT;
        if ((int64_t)x[i] >= DECIMAL_LIMIT && s >= SPECIALS)
            cr_fail(r, "packed column: no such decimal");
        else if ((int64_t)x[i] >= DECIMAL_LIMIT)
            v[i] = bits_double(special[s]);
    }
}

/* Turns a group of words into doubles. */
static void group_doubles(struct codec_reader *r, const uint64_t *x, double *v, uint32_t m, int kind, double power)
{
    if (kind == DOUBLE_BITS) {
        memcpy(v, x, m * sizeof *v);
    } else if (kind == DOUBLE_FLOAT) {
        for (uint32_t i = 0; i < m; i++) {
            uint32_t u = (uint32_t)x[i];
            float f;
            memcpy(&f, &u, sizeof f);
            v[i] = (double)f;
        }
    } else {
        int64_t most = 0;
        for (uint32_t i = 0; i < m; i++) {
            int64_t d = (int64_t)x[i];
            v[i] = (double)d / power;
            most = d > most ? d : most;
        }
        if (most >= DECIMAL_LIMIT)
            group_specials(r, x, v, m);
    }
}

void column_get_doubles(struct codec_reader *r, double *v, uint32_t n)
{
    if (n == 0 || r->error)
        return;
    uint8_t head = words_get_byte(r);
    int kind = head & 15;
    bool delta = head & DELTA_FLAG;
    if (head & ~(15 | DELTA_FLAG) || kind > DOUBLE_DECIMAL)
        cr_fail(r, "packed column: unknown form");
    uint8_t k = kind == DOUBLE_DECIMAL ? words_get_byte(r) : 0;
    if (k > DECIMAL_DIGITS)
        cr_fail(r, "packed column: too many digits");
    if (r->error)
        return;
    double power = power10[k];
    uint64_t group[WORDS_GROUP], last = 0;
    if (delta) {
        last = words_get_signed(r);
        group_doubles(r, &last, v, 1, kind, power);
    }
    for (uint32_t i = delta; i < n && !r->error; i += WORDS_GROUP) {
        uint32_t m = words_group_size(n, i);
        if (!words_get_group(r, group, m))
            return;
        if (delta)
            for (uint32_t j = 0; j < m; j++)
                group[j] = last += group[j];
        group_doubles(r, group, v + i, m, kind, power);
    }
}
