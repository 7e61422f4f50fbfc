/* series_store: what a series looks like inside, for series.c (which fills it) and series_columns.c (which
 * draws it). */
#ifndef HUB_SERIES_STORE_H
#define HUB_SERIES_STORE_H

#include "hub/series.h"
#include "hub/series_block.h"

#define SERIES_LEVELS 7 /* above the blocks; 256 * 16^7 points are more than memory holds */

/* One packed block with what a search or a sum needs to pass it by. One cache line. */
struct series_entry {
    struct block *block;
    int64_t step_first, time_first, seen_first;
    struct node node;
};

struct series_level {
    struct node *nodes;
    uint32_t n, cap;
};

struct series {
    uint64_t n;        /* points, all */
    uint64_t n_sorted; /* leading points whose steps never decrease */
    int64_t last_step, last_time, last_seen;
    double last_value; /* the newest point is asked for most often, and its block is seldom in the cache */
    struct series_entry *entries;
    uint32_t n_entries, cap_entries; /* all full but perhaps the last, and then the tail is empty */
    uint32_t n_tail, cap_tail;
    void *tail; /* one allocation: steps, times, seen, values, cap_tail of each */
    struct series_level levels[SERIES_LEVELS]; /* [k]: a node per 256 * 16^(k+1) points, complete ones */
    size_t packed; /* bytes in blocks */
};

static inline int64_t *series_tail_steps(const struct series *s)
{
    return s->tail;
}
static inline int64_t *series_tail_times(const struct series *s)
{
    return (int64_t *)s->tail + s->cap_tail;
}
static inline int64_t *series_tail_seen(const struct series *s)
{
    return (int64_t *)s->tail + 2 * (size_t)s->cap_tail;
}
static inline double *series_tail_values(const struct series *s)
{
    return (double *)s->tail + 3 * (size_t)s->cap_tail;
}

/* Point access by index; i < s->n. Blocks hold 256 points each, so an index names its block. */
static inline bool series_packed(const struct series *s, uint64_t i)
{
    return i / BLOCK_POINTS < s->n_entries;
}
static inline int64_t series_step(const struct series *s, uint64_t i)
{
    if (series_packed(s, i))
        return block_step(s->entries[i / BLOCK_POINTS].block, (int)(i % BLOCK_POINTS));
    return series_tail_steps(s)[i % BLOCK_POINTS];
}
static inline int64_t series_time_us(const struct series *s, uint64_t i)
{
    if (series_packed(s, i))
        return block_time(s->entries[i / BLOCK_POINTS].block, (int)(i % BLOCK_POINTS));
    return series_tail_times(s)[i % BLOCK_POINTS];
}
static inline double series_value(const struct series *s, uint64_t i)
{
    if (series_packed(s, i))
        return block_value(s->entries[i / BLOCK_POINTS].block, (int)(i % BLOCK_POINTS));
    return series_tail_values(s)[i % BLOCK_POINTS];
}

/* Sum and extremes of points from..to-1. The grouping of the additions depends on the indexes alone, never
 * on what is packed. */
struct node series_sum(const struct series *s, uint64_t from, uint64_t to);

#endif
