/* wire: see wire.h and protobuf.dev/programming-guides/encoding. */
#include "read/wire.h"

#include <string.h>

#include "read/parser.h"

uint16_t wire_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

uint32_t wire_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint64_t wire_u64(const uint8_t *p)
{
    return (uint64_t)wire_u32(p) | (uint64_t)wire_u32(p + 4) << 32;
}

float wire_f32(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

double wire_f64(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

bool wire_varint(struct wire *w, uint64_t *v)
{
    *v = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        if (w->p >= w->end)
            break;
        uint8_t b = *w->p++;
        if (shift < 64)
            *v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return true;
    }
    w->bad = true;
    return false;
}

static bool fixed(struct wire *w, size_t n, uint64_t *v)
{
    if ((size_t)(w->end - w->p) < n) {
        w->bad = true;
        return false;
    }
    *v = n == 8 ? wire_u64(w->p) : wire_u32(w->p);
    w->p += n;
    return true;
}

bool wire_next(struct wire *w, struct wire_field *f)
{
    uint64_t tag;
    if (w->bad || w->p >= w->end || !wire_varint(w, &tag))
        return false;
    *f = (struct wire_field){.number = (uint32_t)(tag >> 3), .type = (enum wire_type)(tag & 7)};
    switch (f->type) {
    case WIRE_VARINT:
        return wire_varint(w, &f->v);
    case WIRE_FIXED64:
        return fixed(w, 8, &f->v);
    case WIRE_FIXED32:
        return fixed(w, 4, &f->v);
    case WIRE_BYTES:
        if (!wire_varint(w, &f->v))
            return false;
        if (f->v > (uint64_t)(w->end - w->p))
            break;
        f->p = w->p;
        f->n = (size_t)f->v;
        w->p += f->n;
        return true;
    default:
        break;
    }
    w->bad = true;
    return false;
}

double wire_double(const struct wire_field *f)
{
    return f->type == WIRE_FIXED64   ? wire_f64(f->v)
           : f->type == WIRE_FIXED32 ? (double)wire_f32((uint32_t)f->v)
                                     : (double)(int64_t)f->v;
}

const char *wire_text(const struct wire_field *f, struct buf *b)
{
    size_t n = f->type == WIRE_BYTES ? f->n : 0;
    buf_clear(b);
    buf_put(b, f->p, n < READ_NAME_MAX ? n : READ_NAME_MAX);
    for (size_t i = 0; i < b->len; i++)
        if (!b->data[i])
            b->data[i] = ' ';
    return buf_cstr(b);
}
