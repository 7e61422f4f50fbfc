/* series_block: up to 256 points of a series, packed once and never changed; any point is read without
 * unpacking the others.
 *
 * Columns are offsets from a base in as few whole bytes as hold the largest (0 to 8), little-endian:
 *   steps    regular steps (start, stride) take no bytes at all; others are offsets from the smallest
 *   times    microseconds since the block's first
 *   seen     when the points became part of the log: one entry per batch, (last point, lag behind that
 *            point's time)
 *   values   float where every value survives the trip through a float, else double
 * Beside them one node per 16 complete points: the sum, how many are finite, and where in the 16 the
 * smallest and the largest are (4 bits each), so that the first level of the pyramid costs 0.6 bytes a
 * point. */
#ifndef HUB_SERIES_BLOCK_H
#define HUB_SERIES_BLOCK_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BLOCK_POINTS 256
#define BLOCK_GROUP  16
#define BLOCK_GROUPS (BLOCK_POINTS / BLOCK_GROUP)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "packed columns are read as little-endian words");

/* Sum, extremes and number of the finite values in a range. */
struct node {
    double sum, min, max; /* min > max while finite is 0 */
    uint64_t finite;
};
#define NODE_EMPTY ((struct node){.min = INFINITY, .max = -INFINITY})

static inline void node_add(struct node *n, double v)
{
    if (!isfinite(v))
        return;
    n->sum += v;
    n->min = v < n->min ? v : n->min;
    n->max = v > n->max ? v : n->max;
    n->finite++;
}

static inline void node_merge(struct node *n, const struct node *o)
{
    n->sum += o->sum;
    n->min = o->min < n->min ? o->min : n->min;
    n->max = o->max > n->max ? o->max : n->max;
    n->finite += o->finite;
}

/* The node of 16 values, added up in one order wherever they lie; *at (may be NULL) gets where min and max
 * are, 4 bits each. */
struct node node_of_group(const double v[BLOCK_GROUP], uint8_t *at);

/* The columns a block is made from. Times and seen are microseconds; both never decrease. */
struct block_columns {
    const int64_t *steps, *times, *seen;
    const double *values;
};

struct block {
    int64_t step_min, step_max;
    int64_t step_first, stride; /* regular steps: first + i * stride */
    int64_t time_first;
    int64_t lag_min;
    uint32_t bytes; /* of the whole allocation */
    uint16_t n, n_seen;
    uint16_t at_times, at_steps, at_seen_end, at_seen_lag, at_position, at_finite; /* offsets into data */
    uint8_t step_width, time_width, lag_width, value_width;
    bool regular;
    /* group sums, values, times, steps, seen, positions, finite, 8 bytes to spare */
    uint8_t data[] __attribute__((aligned(8)));
};

/* n is 1..BLOCK_POINTS. Fills *summary with the node of a complete block (empty when n is less). Free with
 * free(). */
struct block *block_make(const struct block_columns *c, int n, struct node *summary);

static inline uint64_t block_word(const uint8_t *column, int width, int i)
{
    uint64_t v;
    memcpy(&v, column + (size_t)i * (size_t)width, sizeof v);
    return width == 8 ? v : v & ((UINT64_C(1) << (8 * width)) - 1);
}

static inline double block_value(const struct block *b, int i)
{
    const uint8_t *p = b->data + BLOCK_GROUPS * sizeof(double);
    if (b->value_width == 4) {
        float f;
        memcpy(&f, p + 4 * i, sizeof f);
        return f;
    }
    double d;
    memcpy(&d, p + 8 * i, sizeof d);
    return d;
}

static inline int64_t block_step(const struct block *b, int i)
{
    if (b->regular)
        return (int64_t)((uint64_t)b->step_first + (uint64_t)b->stride * (uint64_t)i);
    return (int64_t)((uint64_t)b->step_min + block_word(b->data + b->at_steps, b->step_width, i));
}

static inline int64_t block_time(const struct block *b, int i)
{
    return b->time_first + (int64_t)block_word(b->data + b->at_times, b->time_width, i);
}

/* When point i became visible, and how many points of the block are visible as of t. */
int64_t block_seen(const struct block *b, int i);
int block_count(const struct block *b, int64_t t);

/* Node of group g (all 16 points of it must exist). */
static inline struct node block_group(const struct block *b, int g)
{
    struct node n = NODE_EMPTY;
    n.finite = b->data[b->at_finite + g];
    if (n.finite) {
        memcpy(&n.sum, b->data + (size_t)g * sizeof n.sum, sizeof n.sum);
        uint8_t at = b->data[b->at_position + g];
        n.min = block_value(b, g * BLOCK_GROUP + (at & 15));
        n.max = block_value(b, g * BLOCK_GROUP + (at >> 4));
    }
    return n;
}

#endif
