/* column_words: 64-bit words in groups of 64 with a base and a width each, and the numbers around them: what columns of integers
 * and of doubles have in common. The layout is at the top of column_ints.c. For the column_*.c files only. */
#ifndef PROTO_COLUMN_WORDS_H
#define PROTO_COLUMN_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/codec.h"

#define WORDS_GROUP 64

/* Two arrays of n words, on the stack while n is small. */
#define WORDS_SMALL 256
struct words_scratch {
    uint64_t small[2][WORDS_SMALL];
    uint64_t *words, *diffs, *heap;
};
void words_scratch_init(struct words_scratch *s, uint32_t n);
void words_scratch_free(struct words_scratch *s);

void words_put_signed(struct buf *b, uint64_t v);
uint64_t words_get_signed(struct codec_reader *r);
uint8_t words_get_byte(struct codec_reader *r);

/* Bytes that words_put would take. */
size_t words_cost(const uint64_t *x, uint32_t n);
void words_put(struct buf *b, const uint64_t *x, uint32_t n);
/* Words in the group that starts at `from`. */
static inline uint32_t words_group_size(uint32_t n, uint32_t from)
{
    return n - from < WORDS_GROUP ? n - from : WORDS_GROUP;
}
/* Reads one group of m words; false after an error. */
bool words_get_group(struct codec_reader *r, uint64_t *out, uint32_t m);

#endif
