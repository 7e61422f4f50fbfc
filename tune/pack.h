/* pack: flat little-endian bytes for the tuner's dumps. Writing goes into a buf; reading is sticky: after the
 * first short read every value is 0 and `bad` stays set, so it is checked once. */
#ifndef TUNE_PACK_H
#define TUNE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "tune/value.h"

void pack_u64(struct buf *b, uint64_t v);
void pack_i64(struct buf *b, int64_t v);
void pack_f64(struct buf *b, double v);
void pack_doubles(struct buf *b, const double *v, size_t n); /* no count */
void pack_bytes(struct buf *b, const void *p, size_t n);     /* with count */
void pack_str(struct buf *b, const char *s);                 /* NULL is kept apart from "" */
void pack_value(struct buf *b, const struct tune_value *v);

struct unpack {
    const uint8_t *p;
    size_t n;
    bool bad;
};
uint64_t unpack_u64(struct unpack *u);
int64_t unpack_i64(struct unpack *u);
double unpack_f64(struct unpack *u);
void unpack_doubles(struct unpack *u, double *v, size_t n);
const uint8_t *unpack_bytes(struct unpack *u, size_t *n); /* borrowed; NULL when bad */
char *unpack_str(struct unpack *u);                       /* malloc'ed or NULL */
struct tune_value unpack_value(struct unpack *u);         /* to free with tune_value_free */
/* A count that fits into what is left at `each` bytes an item; 0 and bad otherwise. */
size_t unpack_count(struct unpack *u, size_t each);

#endif
