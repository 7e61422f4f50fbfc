/* column_words: see column_words.h. Packs and unpacks bits; knows nothing of what the words mean. Reads never go past the end of
 * the reader: near it a group is copied to a padded place first. */
#include "proto/column_words.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/column.h"

void words_scratch_init(struct words_scratch *s, uint32_t n)
{
    s->heap = n > WORDS_SMALL ? mem_resize(NULL, 2 * (size_t)n, sizeof *s->heap) : NULL;
    s->words = s->heap ? s->heap : s->small[0];
    s->diffs = s->heap ? s->heap + n : s->small[1];
}

void words_scratch_free(struct words_scratch *s)
{
    free(s->heap);
}

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

void words_put_signed(struct buf *b, uint64_t v)
{
    column_put_varint(b, zigzag(v));
}

uint64_t words_get_signed(struct codec_reader *r)
{
    return unzigzag(column_get_varint(r));
}

uint8_t words_get_byte(struct codec_reader *r)
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

size_t words_cost(const uint64_t *x, uint32_t n)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < n; i += WORDS_GROUP) {
        uint32_t m = words_group_size(n, i);
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

void words_put(struct buf *b, const uint64_t *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += WORDS_GROUP) {
        uint32_t m = words_group_size(n, i);
        struct range g = range_of(x + i, m);
        buf_putc(b, g.width);
        words_put_signed(b, g.base);
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

bool words_get_group(struct codec_reader *r, uint64_t *out, uint32_t m)
{
    struct range g = {.width = words_get_byte(r)};
    g.base = words_get_signed(r);
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
        uint8_t padded[WORDS_GROUP * 8 + 16];
        memcpy(padded, r->p, bytes);
        memset(padded + bytes, 0, 16);
        unpack_bits(padded, out, m, g);
    }
    r->p += bytes;
    return true;
}

