/* tensor: the one number in a TensorFlow TensorProto, of whatever type. */
#ifndef READ_TENSOR_H
#define READ_TENSOR_H

#include <stdbool.h>

#include "read/wire.h"

/* True when the tensor has exactly one element and that is a real number. */
bool tensor_scalar(struct wire w, double *out);
/* Calls for every element of a tensor of strings. */
void tensor_strings(struct wire w, void (*each)(void *ctx, const uint8_t *p, size_t n), void *ctx);

#endif
