/* column: integers and doubles packed by what real columns look like: steps that go up evenly, clock times with a little
 * noise, losses that were floats, accuracies that were decimals.
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

#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define GROUP 64

enum { INT_STRIDE, INT_PLAIN, INT_DELTA, INT_LIKE };
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

static const int64_t units[] = {1, 1000, 1000000, 1000000000};

/* Words for one column while it is packed: two arrays of n, on the stack for short columns. */
#define SMALL 256
struct scratch {
    uint64_t small[2][SMALL];
    uint64_t *words, *diffs, *heap;
};

static void scratch_init(struct scratch *s, uint32_t n)
{
    s->heap = n > SMALL ? mem_resize(NULL, 2 * (size_t)n, sizeof *s->heap) : NULL;
    s->words = s->heap ? s->heap : s->small[0];
    s->diffs = s->heap ? s->heap + n : s->small[1];
}

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

/* ---- varint ---- */

static uint64_t zigzag(uint64_t v)
{
    return v << 1 ^ (uint64_t)-(v >> 63);
}

static uint64_t unzigzag(uint64_t z)
{
    return z >> 1 ^ (uint64_t)-(z & 1);
}

void column_put_varint(struct buf *b, uint64_t v)
{
    uint8_t *to = buf_reserve(b, 10), *p = to;
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    b->len += (size_t)(p - to);
}

uint64_t column_get_varint(struct codec_reader *r)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 64 && r->p < r->end; shift += 7) {
        uint8_t c = *r->p++;
        if (shift == 63 && c > 1)
            break;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return v;
    }
    cr_fail(r, "packed column: malformed number");
    return 0;
}

static void put_signed(struct buf *b, uint64_t v)
{
    column_put_varint(b, zigzag(v));
}

static uint64_t get_signed(struct codec_reader *r)
{
    return unzigzag(column_get_varint(r));
}

static uint8_t get_byte(struct codec_reader *r)
{
    if (r->p < r->end)
        return *r->p++;
    cr_fail(r, "packed column: cut off");
    return 0;
}

/* ---- groups of words ---- */

struct range {
    uint64_t base;
    int width;
};

static struct range range_of(const uint64_t *x, uint32_t m)
{
    int64_t lo = (int64_t)x[0], hi = lo;
    for (uint32_t i = 1; i < m; i++) {
        int64_t v = (int64_t)x[i];
        lo = v < lo ? v : lo;
        hi = v > hi ? v : hi;
    }
    uint64_t span = (uint64_t)hi - (uint64_t)lo;
    return (struct range){(uint64_t)lo, span ? 64 - __builtin_clzll(span) : 0};
}

static uint32_t group_size(uint32_t n, uint32_t from)
{
    return n - from < GROUP ? n - from : GROUP;
}

/* Bytes that words(n) takes, but for a few of the bases. */
static size_t words_cost(const uint64_t *x, uint32_t n)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < n; i += GROUP) {
        uint32_t m = group_size(n, i);
        struct range g = range_of(x + i, m);
        uint64_t z = zigzag(g.base);
        bytes += 2 + (m * (size_t)g.width + 7) / 8 + (z ? (size_t)(63 - __builtin_clzll(z)) / 7 : 0);
    }
    return bytes;
}

static void store64(uint8_t *p, uint64_t v)
{
    v = htole64(v);
    memcpy(p, &v, sizeof v);
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

/* Writes m fields of width bits; may scribble over 7 bytes behind the last. A field over 56 bits goes in two pieces, so that
 * it always fits the accumulator together with the bits waiting there. */
static void pack_bits(uint8_t *out, const uint64_t *x, uint32_t m, struct range g)
{
    uint64_t acc = 0;
    int fill = 0, low = g.width > 56 ? 32 : g.width, high = g.width - low;
    uint64_t mask = low == 0 ? 0 : UINT64_MAX >> (64 - low);
    for (uint32_t i = 0; i < m; i++) {
        uint64_t v = x[i] - g.base;
        acc |= (v & mask) << fill;
        store64(out, acc);
        fill += low;
        out += fill >> 3;
        acc >>= fill & ~7;
        fill &= 7;
        if (high) {
            acc |= (v >> 32) << fill;
            store64(out, acc);
            fill += high;
            out += fill >> 3;
            acc >>= fill & ~7;
            fill &= 7;
        }
    }
    store64(out, acc);
}

static void put_words(struct buf *b, const uint64_t *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += GROUP) {
        uint32_t m = group_size(n, i);
        struct range g = range_of(x + i, m);
        buf_putc(b, g.width);
        put_signed(b, g.base);
        size_t bytes = (m * (size_t)g.width + 7) / 8;
        if (bytes)
            pack_bits(buf_reserve(b, bytes + 8), x + i, m, g);
        b->len += bytes;
    }
}

/* The reverse of pack_bits; reads up to 8 bytes behind the last field. */
static void unpack_bits(const uint8_t *p, uint64_t *out, uint32_t m, struct range g)
{
    uint32_t bit = 0, w = (uint32_t)g.width;
    if (w <= 56) {
        uint64_t mask = w ? UINT64_MAX >> (64 - w) : 0;
        for (uint32_t i = 0; i < m; i++, bit += w)
            out[i] = g.base + (load64(p + (bit >> 3)) >> (bit & 7) & mask);
    } else {
        uint64_t mask = w == 64 ? UINT32_MAX : UINT32_MAX >> (64 - w);
        for (uint32_t i = 0; i < m; i++, bit += w) {
            uint64_t lo = load64(p + (bit >> 3)) >> (bit & 7) & UINT32_MAX;
            uint64_t hi = load64(p + ((bit + 32) >> 3)) >> (bit & 7) & mask;
            out[i] = g.base + (lo | hi << 32);
        }
    }
}

/* One group of m words into out; false after an error. */
static bool get_group(struct codec_reader *r, uint64_t *out, uint32_t m)
{
    struct range g = {.width = get_byte(r)};
    g.base = get_signed(r);
    size_t left = (size_t)(r->end - r->p), bytes = (m * (size_t)g.width + 7) / 8;
    if (g.width > 64 || bytes > left)
        cr_fail(r, "packed column: cut off or malformed");
    if (r->error)
        return false;
    if (g.width == 0) {
        for (uint32_t i = 0; i < m; i++)
            out[i] = g.base;
    } else if (left >= bytes + 16) {
        unpack_bits(r->p, out, m, g);
    } else {
        uint8_t padded[GROUP * 8 + 16];
        memcpy(padded, r->p, bytes);
        memset(padded + bytes, 0, 16);
        unpack_bits(padded, out, m, g);
    }
    r->p += bytes;
    return true;
}

/* ---- integers ---- */

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
        put_signed(b, (uint64_t)*first);
    put_words(b, x, n);
}

void column_put_ints(struct buf *b, const int64_t *v, const int64_t *like, uint32_t n)
{
    if (n == 0)
        return;
    if (even_steps(v, n)) {
        buf_putc(b, INT_STRIDE);
        put_signed(b, (uint64_t)v[0]);
        if (n > 1)
            put_signed(b, (uint64_t)v[1] - (uint64_t)v[0]);
        return;
    }
    struct scratch s;
    scratch_init(&s, n);
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
        put_words(b, s.words, n);
    }
    free(s.heap);
}

static void get_stride(struct codec_reader *r, int64_t *v, uint32_t n)
{
    uint64_t x = get_signed(r), stride = n > 1 ? get_signed(r) : 0;
    for (uint32_t i = 0; i < n && !r->error; i++, x += stride)
        v[i] = (int64_t)x;
}

void column_get_ints(struct codec_reader *r, int64_t *v, bool like, uint32_t n)
{
    if (n == 0 || r->error)
        return;
    uint8_t head = get_byte(r);
    int mode = head & 15;
    uint64_t group[GROUP], last = 0, unit = (uint64_t)units[head >> 4 & 3];
    uint32_t from = mode == INT_DELTA;
    if (head >> 6 || mode > INT_LIKE || (mode < INT_DELTA && head >> 4) || (mode == INT_LIKE && !like))
        cr_fail(r, "packed column: unknown form");
    if (mode == INT_STRIDE) {
        get_stride(r, v, n);
        return;
    }
    if (mode == INT_DELTA) {
        last = get_signed(r);
        v[0] = (int64_t)last;
    }
    for (uint32_t i = from; i < n; i += GROUP) {
        uint32_t m = group_size(n, i);
        if (!get_group(r, group, m))
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

/* ---- doubles ---- */

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
    struct scratch s;
    scratch_init(&s, n);
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
        put_signed(b, s.words[0]);
        put_words(b, s.diffs, n - 1);
    } else {
        put_words(b, s.words, n);
    }
    free(s.heap);
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
    uint8_t head = get_byte(r);
    int kind = head & 15;
    bool delta = head & DELTA_FLAG;
    if (head & ~(15 | DELTA_FLAG) || kind > DOUBLE_DECIMAL)
        cr_fail(r, "packed column: unknown form");
    uint8_t k = kind == DOUBLE_DECIMAL ? get_byte(r) : 0;
    if (k > DECIMAL_DIGITS)
        cr_fail(r, "packed column: too many digits");
    if (r->error)
        return;
    double power = power10[k];
    uint64_t group[GROUP], last = 0;
    if (delta) {
        last = get_signed(r);
        group_doubles(r, &last, v, 1, kind, power);
    }
    for (uint32_t i = delta; i < n && !r->error; i += GROUP) {
        uint32_t m = group_size(n, i);
        if (!get_group(r, group, m))
            return;
        if (delta)
            for (uint32_t j = 0; j < m; j++)
                group[j] = last += group[j];
        group_doubles(r, group, v + i, m, kind, power);
    }
}
