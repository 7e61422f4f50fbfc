/* column_ints: columns of integers, and the layout of all columns. A column is packed by what real ones look like: steps that
 * go up evenly, clock times with a little noise, losses that were floats, accuracies that were decimals.
 *
 * All arithmetic on integers is modulo 2^64, so every column has a packed form. Bytes, in order:
 *
 *   varint    LEB128: 7 bits a byte, low bits first, high bit = another byte follows; at most 10 bytes
 *   signed    varint of the zigzag form: 0, -1, 1, -2, ... as 0, 1, 2, 3, ...
 *   words(m)  m 64-bit words in groups of 64 (the last may be shorter); a group of g words is
 *                 width    1 byte, 0..64
 *                 base     signed
 *                 bits     ceil(g*width/8) bytes: word - base, `width` bits each, low bits first
 *
 *   integers(n): 1 byte: mode + 16*unit; unit 0, 1, 2, 3 stands for u = 1, 10^3, 10^6, 10^9
 *     0 stride   signed first; if n > 1 signed stride      v[i] = first + i*stride
 *     1 plain    words(n)                                  v[i] = word
 *     2 delta    signed first; words(n-1)                  v[i] = v[i-1] + u*word
 *     3 like     words(n)                                  v[i] = same column of the block before, row i, + u*word
 *
 *   doubles(n): 1 byte: kind + 16 if delta; for kind 2 one more byte k, 0..20. Each double stands as a word:
 *     0 bits     the 64 bits of the double
 *     1 float    the 32 bits of the float that it is exactly
 *     2 decimal  the integer d with double == d / 10^k, |d| < 2^51; 2^51 + 0..4 stand for the doubles with the bits
 *                7ff8.., fff8.. (NaN), 7ff0.., fff0.. (infinities) and 8000.. (-0.0)
 *     then words(n); or, if delta, signed first word and words(n-1) of differences
 *
 * Decimals as integers: Afroozeh and Boncz, "ALP: Adaptive Lossless floating-Point compression", SIGMOD 2023. Groups with
 * a base and a width of their own (frame of reference): Lemire and Boytsov, 2015; they keep an epoch's pause or a NaN from
 * widening the whole column. Every decimal is verified bit for bit before this form is chosen. */
#include "proto/column.h"

#include <string.h>

#include "proto/column_words.h"

enum { INT_STRIDE, INT_PLAIN, INT_DELTA, INT_LIKE };

static const int64_t units[] = {1, 1000, 1000000, 1000000000};

static bool even_steps(const int64_t *v, uint32_t n)
{
    uint64_t stride = n > 1 ? (uint64_t)v[1] - (uint64_t)v[0] : 0;
    for (uint32_t i = 2; i < n; i++)
        if ((uint64_t)v[i] - (uint64_t)v[i - 1] != stride)
            return false;
    return true;
}

/* Inlined with a constant unit, so that the compiler multiplies instead of dividing. */
static inline __attribute__((always_inline)) bool divides(const uint64_t *x, uint32_t n, int64_t unit)
{
    uint32_t i = 0;
    while (i < n && (int64_t)x[i] % unit == 0)
        i++;
    return i == n;
}

static inline __attribute__((always_inline)) void divide(uint64_t *x, uint32_t n, int64_t unit)
{
    for (uint32_t i = 0; i < n; i++)
        x[i] = (uint64_t)((int64_t)x[i] / unit);
}

/* Divides all of x by the largest unit that divides each exactly; returns which. */
static int take_unit(uint64_t *x, uint32_t n)
{
    if (!divides(x, n, 1000))
        return 0;
    if (!divides(x, n, 1000000)) {
        divide(x, n, 1000);
        return 1;
    }
    if (!divides(x, n, 1000000000)) {
        divide(x, n, 1000000);
        return 2;
    }
    divide(x, n, 1000000000);
    return 3;
}

static void put_ints_as(struct buf *b, int mode, const int64_t *first, uint64_t *x, uint32_t n)
{
    int unit = take_unit(x, n);
    buf_putc(b, mode | unit << 4);
    if (first)
        words_put_signed(b, (uint64_t)*first);
    words_put(b, x, n);
}

void column_put_ints(struct buf *b, const int64_t *v, const int64_t *like, uint32_t n)
{
    if (n == 0)
        return;
    if (even_steps(v, n)) {
        buf_putc(b, INT_STRIDE);
        words_put_signed(b, (uint64_t)v[0]);
        if (n > 1)
            words_put_signed(b, (uint64_t)v[1] - (uint64_t)v[0]);
        return;
    }
    struct words_scratch s;
    words_scratch_init(&s, n);
    for (uint32_t i = 1; i < n; i++)
        s.diffs[i - 1] = (uint64_t)v[i] - (uint64_t)v[i - 1];
    memcpy(s.words, v, n * sizeof *v);
    size_t delta = words_cost(s.diffs, n - 1), plain = words_cost(s.words, n), best = delta < plain ? delta : plain;
    bool as_like = false;
    if (like) {
        for (uint32_t i = 0; i < n; i++)
            s.words[i] = (uint64_t)v[i] - (uint64_t)like[i];
        as_like = words_cost(s.words, n) < best;
    }
    if (as_like) {
        put_ints_as(b, INT_LIKE, NULL, s.words, n);
    } else if (delta <= plain) {
        put_ints_as(b, INT_DELTA, v, s.diffs, n - 1);
    } else {
        memcpy(s.words, v, n * sizeof *v);
        buf_putc(b, INT_PLAIN);
        words_put(b, s.words, n);
    }
    words_scratch_free(&s);
}

static void get_stride(struct codec_reader *r, int64_t *v, uint32_t n)
{
    uint64_t x = words_get_signed(r), stride = n > 1 ? words_get_signed(r) : 0;
    for (uint32_t i = 0; i < n && !r->error; i++, x += stride)
        v[i] = (int64_t)x;
}

void column_get_ints(struct codec_reader *r, int64_t *v, bool like, uint32_t n)
{
    if (n == 0 || r->error)
        return;
    uint8_t head = words_get_byte(r);
    int mode = head & 15;
    uint64_t group[WORDS_GROUP], last = 0, unit = (uint64_t)units[head >> 4 & 3];
    uint32_t from = mode == INT_DELTA;
    if (head >> 6 || mode > INT_LIKE || (mode < INT_DELTA && head >> 4) || (mode == INT_LIKE && !like))
        cr_fail(r, "packed column: unknown form");
    if (mode == INT_STRIDE) {
        get_stride(r, v, n);
        return;
    }
    if (mode == INT_DELTA) {
        last = words_get_signed(r);
        v[0] = (int64_t)last;
    }
    for (uint32_t i = from; i < n; i += WORDS_GROUP) {
        uint32_t m = words_group_size(n, i);
        if (!words_get_group(r, group, m))
            return;
        if (mode == INT_PLAIN)
            memcpy(v + i, group, m * sizeof *v);
        else if (mode == INT_DELTA)
            for (uint32_t k = 0; k < m; k++)
                v[i + k] = (int64_t)(last += unit * group[k]);
        else
            for (uint32_t k = 0; k < m; k++)
                v[i + k] = (int64_t)((uint64_t)v[i + k] + unit * group[k]);
    }
}

