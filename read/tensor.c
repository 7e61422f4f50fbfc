/* tensor: see tensor.h. tensorflow/core/framework/tensor.proto: the elements are packed in tensor_content, or in the
 * field of their type, where a last element may stand for all that follow. */
#include "read/tensor.h"

#include <math.h>
#include <string.h>

enum { DT_FLOAT = 1, DT_DOUBLE, DT_INT32, DT_UINT8, DT_INT16, DT_INT8, DT_STRING, DT_INT64 = 9, DT_BOOL,
       DT_BFLOAT16 = 14, DT_UINT16 = 17, DT_HALF = 19, DT_UINT32 = 22, DT_UINT64 };

struct tensor {
    uint64_t dtype;
    double elements; /* by the shape; 1 without one */
    struct wire_field content, values; /* number 0: absent */
};

static double shape_elements(struct wire w)
{
    struct wire_field dim, f;
    double n = 1;
    while (wire_next(&w, &dim)) {
        struct wire in = wire_within(&dim);
        double size = 0;
        if (dim.number != 2)
            continue;
        while (wire_next(&in, &f))
            if (f.number == 1)
                size = (double)(int64_t)f.v;
        n *= size;
    }
    return n;
}

static void read_tensor(struct wire w, struct tensor *t)
{
    struct wire_field f;
    *t = (struct tensor){.elements = 1};
    while (wire_next(&w, &f)) {
        if (f.number == 1)
            t->dtype = f.v;
        else if (f.number == 2)
            t->elements = shape_elements(wire_within(&f));
        else if (f.number == 4)
            t->content = f;
        else if (f.number >= 5 && f.number <= 17)
            t->values = f;
    }
}

static double half(uint16_t h)
{
    int sign = h >> 15, e = h >> 10 & 31, m = h & 1023;
    double v = e == 31 ? (m ? NAN : INFINITY) : e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
    return sign ? -v : v;
}

static double bfloat(uint16_t h)
{
    return (double)wire_f32((uint32_t)h << 16);
}

static bool from_content(uint64_t dtype, const uint8_t *p, size_t n, double *out)
{
    switch (dtype) {
    case DT_FLOAT:
        return n == 4 && (*out = (double)wire_f32(wire_u32(p)), true);
    case DT_DOUBLE:
        return n == 8 && (*out = wire_f64(wire_u64(p)), true);
    case DT_INT32:
        return n == 4 && (*out = (double)(int32_t)wire_u32(p), true);
    case DT_UINT32:
        return n == 4 && (*out = (double)wire_u32(p), true);
    case DT_INT64:
        return n == 8 && (*out = (double)(int64_t)wire_u64(p), true);
    case DT_UINT64:
        return n == 8 && (*out = (double)wire_u64(p), true);
    case DT_INT16:
        return n == 2 && (*out = (double)(int16_t)wire_u16(p), true);
    case DT_UINT16:
        return n == 2 && (*out = (double)wire_u16(p), true);
    case DT_HALF:
        return n == 2 && (*out = half(wire_u16(p)), true);
    case DT_BFLOAT16:
        return n == 2 && (*out = bfloat(wire_u16(p)), true);
    case DT_INT8:
        return n == 1 && (*out = (double)(int8_t)*p, true);
    case DT_UINT8:
    case DT_BOOL:
        return n == 1 && (*out = (double)*p, true);
    default:
        return false;
    }
}

/* One element of a repeated field: alone, or packed. */
static bool from_values(uint64_t dtype, const struct wire_field *f, double *out)
{
    uint64_t v = f->v;
    size_t width = dtype == DT_DOUBLE ? 8 : 4;
    if (f->type == WIRE_BYTES && (dtype == DT_FLOAT || dtype == DT_DOUBLE))
        return from_content(dtype, f->p, f->n, out);
    if (f->type == WIRE_BYTES) {
        struct wire in = wire_within(f);
        if (!wire_varint(&in, &v) || in.p != in.end)
            return false;
    }
    switch (dtype) {
    case DT_FLOAT:
    case DT_DOUBLE:
        if (f->type != (width == 8 ? WIRE_FIXED64 : WIRE_FIXED32))
            return false;
        *out = wire_double(f);
        return true;
    case DT_HALF:
        *out = half((uint16_t)v);
        return true;
    case DT_BFLOAT16:
        *out = bfloat((uint16_t)v);
        return true;
    case DT_UINT32:
    case DT_UINT64:
        *out = (double)v;
        return true;
    case DT_INT32:
    case DT_INT64:
    case DT_INT16:
    case DT_INT8:
    case DT_UINT8:
    case DT_UINT16:
    case DT_BOOL:
        *out = (double)(int64_t)v;
        return true;
    default:
        return false;
    }
}

bool tensor_scalar(struct wire w, double *out)
{
    struct tensor t;
    read_tensor(w, &t);
    if (t.elements != 1)
        return false;
    if (t.content.number && t.content.n)
        return from_content(t.dtype, t.content.p, t.content.n, out);
    return t.values.number && from_values(t.dtype, &t.values, out);
}

void tensor_strings(struct wire w, void (*each)(void *ctx, const uint8_t *p, size_t n), void *ctx)
{
    struct tensor t;
    struct wire_field f;
    read_tensor(w, &t);
    while (t.dtype == DT_STRING && wire_next(&w, &f))
        if (f.number == 8 && f.type == WIRE_BYTES)
            each(ctx, f.p, f.n);
}
