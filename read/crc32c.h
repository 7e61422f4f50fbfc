/* crc32c: the Castagnoli CRC, as TensorBoard's record files use it. */
#ifndef READ_CRC32C_H
#define READ_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(const void *p, size_t n);
/* TFRecord stores it rotated and offset, so that a CRC of data that holds CRCs stays a good one. */
uint32_t crc32c_masked(const void *p, size_t n);

#endif
