#include "tune/pack.h"

#include <string.h>

#include "base/mem.h"

void pack_u64(struct buf *b, uint64_t v)
{
    uint8_t *p = buf_reserve(b, 8);
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> 8 * i);
    b->len += 8;
}

void pack_i64(struct buf *b, int64_t v)
{
    pack_u64(b, (uint64_t)v);
}

void pack_f64(struct buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, 8);
    pack_u64(b, bits);
}

void pack_doubles(struct buf *b, const double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pack_f64(b, v[i]);
}

void pack_bytes(struct buf *b, const void *p, size_t n)
{
    pack_u64(b, n);
    if (n)
        buf_put(b, p, n);
}

void pack_str(struct buf *b, const char *s)
{
    pack_bytes(b, s ? s : "", s ? strlen(s) + 1 : 0); /* the NUL tells "" from NULL */
}

uint64_t unpack_u64(struct unpack *u)
{
    uint64_t v = 0;
    if (u->bad || u->n < 8) {
        u->bad = true;
        return 0;
    }
    for (int i = 0; i < 8; i++)
        v |= (uint64_t)u->p[i] << 8 * i;
    u->p += 8;
    u->n -= 8;
    return v;
}

int64_t unpack_i64(struct unpack *u)
{
    return (int64_t)unpack_u64(u);
}

double unpack_f64(struct unpack *u)
{
    uint64_t bits = unpack_u64(u);
    double v;
    memcpy(&v, &bits, 8);
    return v;
}

void unpack_doubles(struct unpack *u, double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = unpack_f64(u);
}

const uint8_t *unpack_bytes(struct unpack *u, size_t *n)
{
    *n = unpack_count(u, 1);
    const uint8_t *p = u->p;
    if (u->bad)
        return NULL;
    u->p += *n;
    u->n -= *n;
    return p;
}

char *unpack_str(struct unpack *u)
{
    size_t n;
    const uint8_t *p = unpack_bytes(u, &n);
    if (!p || !n)
        return NULL;
    if (p[n - 1] != '\0' || memchr(p, '\0', n - 1)) {
        u->bad = true;
        return NULL;
    }
    return mem_strn((const char *)p, n - 1);
}

size_t unpack_count(struct unpack *u, size_t each)
{
    uint64_t n = unpack_u64(u);
    if (!u->bad && n <= u->n / each)
        return (size_t)n;
    u->bad = true;
    return 0;
}

void pack_value(struct buf *b, const struct tune_value *v)
{
    pack_u64(b, v->kind);
    if (v->kind == TUNE_BOOL)
        pack_u64(b, v->b);
    else if (v->kind == TUNE_INT)
        pack_i64(b, v->i);
    else if (v->kind == TUNE_FLOAT)
        pack_f64(b, v->f);
    else if (v->kind == TUNE_STRING || v->kind == TUNE_JSON)
        pack_str(b, v->s);
}

struct tune_value unpack_value(struct unpack *u)
{
    struct tune_value v = {.kind = (enum tune_kind)unpack_u64(u)};
    switch (v.kind) {
    case TUNE_ABSENT:
    case TUNE_NULL:
        break;
    case TUNE_BOOL:
        v.b = unpack_u64(u);
        break;
    case TUNE_INT:
        v.i = unpack_i64(u);
        break;
    case TUNE_FLOAT:
        v.f = unpack_f64(u);
        break;
    case TUNE_STRING:
    case TUNE_JSON:
        v.s = unpack_str(u);
        u->bad |= !v.s;
        break;
    default:
        u->bad = true;
    }
    if (u->bad)
        v.kind = TUNE_ABSENT;
    return v;
}
