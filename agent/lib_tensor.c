#include "agent/lib_tensor.h"

#include <stdint.h>

#include "base/half.h"

size_t hti_dtype_bytes(enum ht_dtype t)
{
    return t == HT_F64 ? 8 : t == HT_F32 ? 4 : 2;
}

size_t hti_tensor_count(const struct ht_tensor *t)
{
    size_t n = 1;
    for (int i = 0; i < t->dims; i++)
        n *= (size_t)t->shape[i];
    return n;
}

static bool ok(const struct ht_tensor *t)
{
    size_t n = 1;
    if (t->dims < 0 || t->dims > HTI_DIMS || (t->dims && !t->shape) || (unsigned)t->dtype > HT_BF16)
        return false;
    for (int i = 0; i < t->dims; i++)
        if (t->shape[i] < 0 || __builtin_mul_overflow(n, (size_t)t->shape[i], &n) || n > SIZE_MAX / 16)
            return false;
    return t->data || n == 0;
}

bool hti_tensors_ok(const struct ht_tensor *t, size_t n)
{
    bool all = t && n > 0;
    for (size_t i = 0; all && i < n; i++)
        all = ok(&t[i]);
    return all;
}

bool hti_tensors_alike(const struct ht_tensor *a, const struct ht_tensor *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i].dims != b[i].dims || a[i].dtype != b[i].dtype)
            return false;
        for (int d = 0; d < a[i].dims; d++)
            if (a[i].shape[d] != b[i].shape[d])
                return false;
    }
    return true;
}

double hti_get(const void *data, enum ht_dtype type, size_t i)
{
    switch (type) {
    case HT_F64: return ((const double *)data)[i];
    case HT_F32: return ((const float *)data)[i];
    case HT_F16: return half_to_double(((const uint16_t *)data)[i]);
    default: return bfloat_to_double(((const uint16_t *)data)[i]);
    }
}

void hti_put(void *data, enum ht_dtype type, size_t i, double v)
{
    switch (type) {
    case HT_F64: ((double *)data)[i] = v; break;
    case HT_F32: ((float *)data)[i] = (float)v; break;
    case HT_F16: ((uint16_t *)data)[i] = half_from_double(v); break;
    default: ((uint16_t *)data)[i] = bfloat_from_double(v);
    }
}
