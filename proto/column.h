/* column: one column of integers or doubles as few bytes, lossless. The building stone of points.c and pulls.c; the byte
 * layout is at the top of column_ints.c and in hypertop-protocol(7). Reading goes through a codec_reader as cursor: errors are
 * sticky and nothing beyond its end is read. The number of rows is not part of a column. */
#ifndef PROTO_COLUMN_H
#define PROTO_COLUMN_H

#include <stdint.h>

#include "base/buf.h"
#include "proto/codec.h"

/* like: a column of the same length that the reader will have in place when it reads this one, or NULL. */
void column_put_ints(struct buf *b, const int64_t *v, const int64_t *like, uint32_t n);
void column_put_doubles(struct buf *b, const double *v, uint32_t n);

/* v has room for n. In: when `like` is true v holds the column that the packed one may refer to. */
void column_get_ints(struct codec_reader *r, int64_t *v, bool like, uint32_t n);
void column_get_doubles(struct codec_reader *r, double *v, uint32_t n);

/* LEB128, at most 10 bytes; and its zigzag form for signed numbers. */
void column_put_varint(struct buf *b, uint64_t v);
uint64_t column_get_varint(struct codec_reader *r);

#endif
