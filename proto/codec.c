#include "proto/codec.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <msgpack/pack.h>

#include "base/mem.h"
#include "base/text.h"

/* ---- writing: msgpack-c's packer over a buf ---- */

static int buf_sink(void *data, const char *p, size_t n)
{
    buf_put(data, p, n);
    return 0;
}

static msgpack_packer packer(struct codec_writer *w)
{
    msgpack_packer pk;
    msgpack_packer_init(&pk, w->b, buf_sink);
    return pk;
}

void cw_init(struct codec_writer *w, struct buf *b)
{
    w->b = b;
}

void cw_map(struct codec_writer *w, size_t pairs)
{
    msgpack_packer pk = packer(w);
    msgpack_pack_map(&pk, pairs);
}

void cw_array(struct codec_writer *w, size_t n)
{
    msgpack_packer pk = packer(w);
    msgpack_pack_array(&pk, n);
}

void cw_strn(struct codec_writer *w, const char *s, size_t n)
{
    msgpack_packer pk = packer(w);
    msgpack_pack_str(&pk, n);
    msgpack_pack_str_body(&pk, s, n);
}

void cw_str(struct codec_writer *w, const char *s)
{
    if (s)
        cw_strn(w, s, strlen(s));
    else
        cw_nil(w);
}

void cw_bin(struct codec_writer *w, const void *p, size_t n)
{
    msgpack_packer pk = packer(w);
    msgpack_pack_bin(&pk, n);
    msgpack_pack_bin_body(&pk, p, n);
}

void cw_int(struct codec_writer *w, int64_t v)
{
    msgpack_packer pk = packer(w);
    msgpack_pack_int64(&pk, v);
}

void cw_uint(struct codec_writer *w, uint64_t v)
{
    msgpack_packer pk = packer(w);
    msgpack_pack_uint64(&pk, v);
}

void cw_double(struct codec_writer *w, double v)
{
    msgpack_packer pk = packer(w);
    msgpack_pack_double(&pk, v);
}

void cw_bool(struct codec_writer *w, bool v)
{
    msgpack_packer pk = packer(w);
    if (v)
        msgpack_pack_true(&pk);
    else
        msgpack_pack_false(&pk);
}

void cw_nil(struct codec_writer *w)
{
    msgpack_packer pk = packer(w);
    msgpack_pack_nil(&pk);
}

void cw_raw(struct codec_writer *w, const void *p, size_t n)
{
    buf_put(w->b, p, n);
}

void cw_kstr(struct codec_writer *w, const char *key, const char *s)
{
    cw_str(w, key);
    cw_str(w, s);
}

void cw_kint(struct codec_writer *w, const char *key, int64_t v)
{
    cw_str(w, key);
    cw_int(w, v);
}

void cw_kdouble(struct codec_writer *w, const char *key, double v)
{
    cw_str(w, key);
    cw_double(w, v);
}

void cw_kbool(struct codec_writer *w, const char *key, bool v)
{
    cw_str(w, key);
    cw_bool(w, v);
}

void cw_knil(struct codec_writer *w, const char *key)
{
    cw_str(w, key);
    cw_nil(w);
}

/* ---- reading ---- */

/* One decoded head byte with its length or scalar; bodies are not yet consumed. */
struct head {
    enum codec_type type;
    uint64_t n;  /* elements, bytes, or the unsigned value */
    int64_t i;   /* CT_INT */
    double d;    /* CT_DOUBLE */
    size_t size; /* bytes of the head itself */
};

static uint64_t be(const uint8_t *p, int n)
{
    uint64_t v = 0;
    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static struct head head_int(int64_t v, size_t size)
{
    return (struct head){.type = CT_INT, .i = v, .size = size};
}

static struct head head_of(enum codec_type type, uint64_t n, size_t size)
{
    return (struct head){.type = type, .n = n, .size = size};
}

static double as_double(uint64_t bits, int width)
{
    double d;
    if (width == 4) {
        uint32_t b = (uint32_t)bits;
        float f;
        memcpy(&f, &b, sizeof f);
        return f;
    }
    memcpy(&d, &bits, sizeof d);
    return d;
}

/* Reads the head at p without consuming it; type CT_END when it is cut off or unassigned (0xc1). */
static struct head parse_head(const uint8_t *p, const uint8_t *end)
{
    static const uint8_t extra[32] = {/* 0xc0.. */ 0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8,
                                      /* 0xd0.. */ 1, 2, 4, 8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4};
    struct head none = {.type = CT_END};
    if (p >= end)
        return none;
    uint8_t c = *p;
    if (c < 0x80)
        return (struct head){.type = CT_UINT, .n = c, .size = 1};
    if (c < 0x90)
        return head_of(CT_MAP, c & 0x0f, 1);
    if (c < 0xa0)
        return head_of(CT_ARRAY, c & 0x0f, 1);
    if (c < 0xc0)
        return head_of(CT_STR, c & 0x1f, 1);
    if (c >= 0xe0)
        return head_int((int8_t)c, 1);
    int w = extra[c - 0xc0];
    if (end - p < 1 + w)
        return none;
    uint64_t v = be(p + 1, w);
    size_t size = 1 + (size_t)w;
    switch (c) {
    case 0xc0: return head_of(CT_NIL, 0, 1);
    case 0xc2: return head_of(CT_BOOL, 0, 1);
    case 0xc3: return head_of(CT_BOOL, 1, 1);
    case 0xc4: case 0xc5: case 0xc6: return head_of(CT_BIN, v, size);
    case 0xc7: case 0xc8: case 0xc9: return head_of(CT_EXT, v + 1, size);
    case 0xca: return (struct head){.type = CT_DOUBLE, .d = as_double(v, 4), .size = size};
    case 0xcb: return (struct head){.type = CT_DOUBLE, .d = as_double(v, 8), .size = size};
    case 0xcc: case 0xcd: case 0xce: case 0xcf: return head_of(CT_UINT, v, size);
    case 0xd0: return head_int((int8_t)v, size);
    case 0xd1: return head_int((int16_t)v, size);
    case 0xd2: return head_int((int32_t)v, size);
    case 0xd3: return head_int((int64_t)v, size);
    case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: return head_of(CT_EXT, (UINT64_C(1) << (c - 0xd4)) + 1, 1);
    case 0xd9: case 0xda: case 0xdb: return head_of(CT_STR, v, size);
    case 0xdc: case 0xdd: return head_of(CT_ARRAY, v, size);
    case 0xde: case 0xdf: return head_of(CT_MAP, v, size);
    default: return none;
    }
}

void cr_init(struct codec_reader *r, const void *p, size_t n)
{
    *r = (struct codec_reader){.p = p, .end = (const uint8_t *)p + n};
}

bool cr_ok(const struct codec_reader *r)
{
    return r->error == NULL;
}

void cr_fail(struct codec_reader *r, const char *why)
{
    if (!r->error)
        r->error = why;
    r->p = r->end;
}

enum codec_type cr_peek(struct codec_reader *r)
{
    return r->error ? CT_END : parse_head(r->p, r->end).type;
}

/* Consumes a head, checking its claim against the bytes that are left. */
static struct head take(struct codec_reader *r)
{
    struct head h = {.type = CT_END};
    if (r->error)
        return h;
    h = parse_head(r->p, r->end);
    if (h.type == CT_END) {
        cr_fail(r, r->p >= r->end ? "message ends too early" : "malformed MessagePack");
        return h;
    }
    uint64_t left = (uint64_t)(r->end - r->p) - h.size;
    const char *why = NULL;
    switch (h.type) {
    case CT_STR: why = h.n > CODEC_MAX_STR ? "string too long" : h.n > left ? "string cut off" : NULL; break;
    case CT_EXT:
    case CT_BIN: why = h.n > CODEC_MAX_BIN ? "binary too long" : h.n > left ? "binary cut off" : NULL; break;
    case CT_ARRAY: why = h.n > CODEC_MAX_COUNT ? "array too long" : h.n > left ? "array cut off" : NULL; break;
    case CT_MAP: why = h.n > CODEC_MAX_COUNT ? "map too long" : h.n * 2 > left ? "map cut off" : NULL; break;
    default: break;
    }
    if (why) {
        cr_fail(r, why);
        h.type = CT_END;
        return h;
    }
    r->p += h.size;
    return h;
}

static struct head expect(struct codec_reader *r, enum codec_type type, const char *why)
{
    struct head h = take(r);
    if (!r->error && h.type != type)
        cr_fail(r, why);
    if (r->error)
        h = (struct head){.type = CT_END};
    return h;
}

size_t cr_map(struct codec_reader *r)
{
    return (size_t)expect(r, CT_MAP, "a map was expected").n;
}

size_t cr_array(struct codec_reader *r)
{
    return (size_t)expect(r, CT_ARRAY, "an array was expected").n;
}

static struct span body(struct codec_reader *r, struct head h)
{
    if (r->error)
        return (struct span){"", 0};
    struct span s = {(const char *)r->p, (size_t)h.n};
    r->p += h.n;
    return s;
}

struct span cr_str(struct codec_reader *r)
{
    return body(r, expect(r, CT_STR, "a string was expected"));
}

struct span cr_bin(struct codec_reader *r)
{
    return body(r, expect(r, CT_BIN, "a binary was expected"));
}

int64_t cr_int(struct codec_reader *r)
{
    struct head h = take(r);
    if (h.type == CT_INT)
        return h.i;
    if (h.type == CT_UINT && h.n <= INT64_MAX)
        return (int64_t)h.n;
    cr_fail(r, "an integer was expected");
    return 0;
}

double cr_double(struct codec_reader *r)
{
    struct head h = take(r);
    switch (h.type) {
    case CT_DOUBLE: return h.d;
    case CT_INT: return (double)h.i;
    case CT_UINT: return (double)h.n;
    case CT_NIL: return NAN;
    default: cr_fail(r, "a number was expected"); return 0;
    }
}

bool cr_bool(struct codec_reader *r)
{
    return expect(r, CT_BOOL, "a boolean was expected").n != 0;
}

void cr_nil(struct codec_reader *r)
{
    expect(r, CT_NIL, "nil was expected");
}

static void skip_depth(struct codec_reader *r, int depth)
{
    if (depth > CODEC_MAX_DEPTH) {
        cr_fail(r, "nested too deeply");
        return;
    }
    struct head h = take(r);
    uint64_t n = h.n;
    switch (h.type) {
    case CT_STR:
    case CT_BIN:
    case CT_EXT: r->p += n; break;
    case CT_MAP: n *= 2; /* fall through */
    case CT_ARRAY:
        for (; n > 0 && !r->error; n--)
            skip_depth(r, depth + 1);
        break;
    default: break;
    }
}

void cr_skip(struct codec_reader *r)
{
    skip_depth(r, 0);
}

struct span cr_value(struct codec_reader *r)
{
    const uint8_t *from = r->p;
    cr_skip(r);
    if (r->error)
        return (struct span){NULL, 0};
    return (struct span){(const char *)from, (size_t)(r->p - from)};
}

bool codec_valid(const void *p, size_t n, const char **why)
{
    struct codec_reader r;
    cr_init(&r, p, n);
    cr_skip(&r);
    if (!r.error && r.p != r.end)
        cr_fail(&r, "bytes after the end of the message");
    if (why)
        *why = r.error;
    return r.error == NULL;
}

bool span_eq(struct span s, const char *z)
{
    size_t n = strlen(z);
    return s.n == n && memcmp(s.p, z, n) == 0;
}

char *span_dup(struct span s)
{
    return mem_strn(s.p ? s.p : "", s.p ? strnlen(s.p, s.n) : 0);
}

void span_copy(char *out, size_t cap, struct span s)
{
    size_t n = s.n < cap - 1 ? s.n : cap - 1;
    if (n < s.n)
        while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
            n--;
    if (n)
        memcpy(out, s.p, n);
    out[n] = '\0';
}

bool cmap_find(struct span map, const char *key, struct codec_reader *at)
{
    if (!map.p)
        return false;
    cr_init(at, map.p, map.n);
    if (cr_peek(at) != CT_MAP)
        return false;
    for (size_t n = cr_map(at); n > 0 && cr_ok(at); n--) {
        bool hit = false;
        if (cr_peek(at) == CT_STR)
            hit = span_eq(cr_str(at), key);
        else
            cr_skip(at);
        if (hit)
            return cr_ok(at);
        cr_skip(at);
    }
    return false;
}

struct span cmap_str(struct span map, const char *key)
{
    struct codec_reader r;
    if (!cmap_find(map, key, &r) || cr_peek(&r) != CT_STR)
        return (struct span){NULL, 0};
    return cr_str(&r);
}

bool cmap_strcpy(struct span map, const char *key, char *out, size_t cap)
{
    struct span s = cmap_str(map, key);
    span_copy(out, cap, s);
    return s.p != NULL;
}

char *cmap_strdup(struct span map, const char *key)
{
    struct span s = cmap_str(map, key);
    return s.p ? span_dup(s) : NULL;
}

int64_t cmap_int(struct span map, const char *key, int64_t absent)
{
    struct codec_reader r;
    if (!cmap_find(map, key, &r))
        return absent;
    int64_t v = cr_int(&r);
    return cr_ok(&r) ? v : absent;
}

double cmap_double(struct span map, const char *key, double absent)
{
    struct codec_reader r;
    if (!cmap_find(map, key, &r))
        return absent;
    double v = cr_double(&r);
    return cr_ok(&r) ? v : absent;
}

bool cmap_bool(struct span map, const char *key, bool absent)
{
    struct codec_reader r;
    if (!cmap_find(map, key, &r) || cr_peek(&r) != CT_BOOL)
        return absent;
    return cr_bool(&r);
}

struct span cmap_value(struct span map, const char *key)
{
    struct codec_reader r;
    if (!cmap_find(map, key, &r))
        return (struct span){NULL, 0};
    return cr_value(&r);
}

static void json_base64(struct json_out *out, struct span s)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct buf b = {0};
    const uint8_t *p = (const uint8_t *)s.p;
    for (size_t i = 0; i < s.n; i += 3) {
        size_t left = s.n - i;
        uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0);
        buf_putc(&b, set[v >> 18]);
        buf_putc(&b, set[v >> 12 & 63]);
        buf_putc(&b, left > 1 ? set[v >> 6 & 63] : '=');
        buf_putc(&b, left > 2 ? set[v & 63] : '=');
    }
    jw_strn(out, (const char *)b.data, b.len);
    buf_release(&b);
}

static void json_key_of(struct codec_reader *r, struct json_out *out)
{
    char text[TEXT_NUM];
    switch (cr_peek(r)) {
    case CT_STR: {
        struct span s = cr_str(r);
        jw_keyn(out, s.p, s.n);
        return;
    }
    case CT_INT: snprintf(text, sizeof text, "%" PRId64, cr_int(r)); break;
    case CT_UINT: snprintf(text, sizeof text, "%" PRIu64, take(r).n); break;
    case CT_DOUBLE: text_fmt_double(text, cr_double(r)); break;
    default: cr_skip(r); memcpy(text, "?", 2); break;
    }
    jw_key(out, text);
}

/* Bounded in depth by itself: it is also shown input that nobody validated. What cannot be read becomes null. */
static void json_value(struct codec_reader *r, struct json_out *out, int depth)
{
    if (depth > CODEC_MAX_DEPTH)
        cr_fail(r, "nested too deeply");
    switch (cr_peek(r)) {
    case CT_NIL: cr_nil(r); jw_null(out); break;
    case CT_BOOL: jw_bool(out, cr_bool(r)); break;
    case CT_INT: jw_int(out, cr_int(r)); break;
    case CT_UINT: jw_uint(out, take(r).n); break;
    case CT_DOUBLE: jw_double(out, cr_double(r)); break;
    case CT_STR: {
        struct span s = cr_str(r);
        jw_strn(out, s.p, s.n);
        break;
    }
    case CT_BIN: json_base64(out, cr_bin(r)); break;
    case CT_ARRAY:
        jw_array(out);
        for (size_t n = cr_array(r); n > 0 && cr_ok(r); n--)
            json_value(r, out, depth + 1);
        jw_array_end(out);
        break;
    case CT_MAP:
        jw_object(out);
        for (size_t n = cr_map(r); n > 0 && cr_ok(r); n--) {
            json_key_of(r, out);
            json_value(r, out, depth + 1);
        }
        jw_object_end(out);
        break;
    default: cr_skip(r); jw_null(out); break;
    }
}

void codec_to_json(struct span value, struct json_out *out)
{
    struct codec_reader r;
    cr_init(&r, value.p, value.n);
    json_value(&r, out, 0);
}
