/* lib_tensor: the caller's weights as numbers. Nothing here is exported. */
#ifndef AGENT_LIB_TENSOR_H
#define AGENT_LIB_TENSOR_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/hypertop.h"

enum { HTI_DIMS = 8 };

/* Whether they make sense: data (unless empty), at most HTI_DIMS lengths from 0, a known type. */
bool hti_tensors_ok(const struct ht_tensor *t, size_t n);
bool hti_tensors_alike(const struct ht_tensor *a, const struct ht_tensor *b, size_t n); /* types and shapes */
size_t hti_tensor_count(const struct ht_tensor *t); /* numbers */
size_t hti_dtype_bytes(enum ht_dtype t);
double hti_get(const void *data, enum ht_dtype type, size_t i);
void hti_put(void *data, enum ht_dtype type, size_t i, double v);

#endif
