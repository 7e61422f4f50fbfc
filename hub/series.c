/* series: the open tail, the directory of packed blocks, and the pyramid of sums above it.
 *
 * New points go to the tail, which grows geometrically from a few points (a sweep of 10,000 trials has
 * 100,000 series, most of them short) to one block, is packed, and starts small again. The one invariant:
 * entry k holds points 256k..256k+255, complete unless it is the last one of a settled series. */
#include "hub/series_store.h"

#include <stdlib.h>

#include "base/mem.h"

#define TAIL_FIRST 4
#define NS_PER_US  1000

static int64_t to_us(int64_t ns)
{
    int64_t us = ns / NS_PER_US;
    return us - (us * NS_PER_US > ns);
}

struct series *series_new(void)
{
    return MEM_NEW(struct series);
}

void series_free(struct series *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->n_entries; i++)
        free(s->entries[i].block);
    for (int k = 0; k < SERIES_LEVELS; k++)
        free(s->levels[k].nodes);
    free(s->entries);
    free(s->tail);
    free(s);
}

/* ---- the tail ---- */

static void tail_resize(struct series *s, uint32_t cap)
{
    int64_t *to = mem_alloc((size_t)cap * 4 * sizeof *to);
    for (int column = 0; column < 4 && s->n_tail; column++)
        memcpy(to + (size_t)column * cap, (int64_t *)s->tail + (size_t)column * s->cap_tail,
               s->n_tail * sizeof *to);
    free(s->tail);
    s->tail = to;
    s->cap_tail = cap;
}

static void tail_reserve(struct series *s, uint32_t more)
{
    uint32_t need = s->n_tail + more, cap = s->cap_tail ? s->cap_tail : TAIL_FIRST;
    while (cap < need)
        cap += cap < 32 ? cap / 2 : cap; /* 4 6 9 13 19 28 42 84 168 then a block */
    if (cap > BLOCK_POINTS)
        cap = BLOCK_POINTS;
    if (cap != s->cap_tail)
        tail_resize(s, cap);
}

static void tail_drop(struct series *s)
{
    free(s->tail);
    s->tail = NULL;
    s->n_tail = s->cap_tail = 0;
}

/* ---- blocks and the levels above them ---- */

static void level_push(struct series_level *l, struct node node)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap + l->cap / 2 : 2;
        l->nodes = mem_resize(l->nodes, l->cap, sizeof *l->nodes);
    }
    l->nodes[l->n++] = node;
}

/* Called when a block became complete: closes every node above that it completes. */
static void levels_grow(struct series *s)
{
    uint64_t children = s->n_entries;
    for (int k = 0; k < SERIES_LEVELS && children % 16 == 0; k++, children /= 16) {
        struct node sum = NODE_EMPTY;
        for (uint64_t i = children - 16; i < children; i++)
            node_merge(&sum, k == 0 ? &s->entries[i].node : &s->levels[k - 1].nodes[i]);
        level_push(&s->levels[k], sum);
    }
}

static void pack_tail(struct series *s)
{
    if (s->n_entries == s->cap_entries) {
        s->cap_entries = s->cap_entries ? s->cap_entries + s->cap_entries / 2 + 1 : 1;
        s->entries = mem_resize(s->entries, s->cap_entries, sizeof *s->entries);
    }
    struct series_entry *e = &s->entries[s->n_entries++];
    struct block_columns c = {series_tail_steps(s), series_tail_times(s), series_tail_seen(s),
                              series_tail_values(s)};
    e->block = block_make(&c, (int)s->n_tail, &e->node);
    e->step_first = c.steps[0];
    e->time_first = c.times[0];
    e->seen_first = c.seen[0];
    s->packed += e->block->bytes;
    if (s->n_tail == BLOCK_POINTS)
        levels_grow(s);
    s->n_tail = 0;
}

void series_settle(struct series *s)
{
    if (s->n_tail)
        pack_tail(s);
    tail_drop(s);
}

/* A settled series gets another point: its incomplete last block becomes the tail again. */
static void unsettle(struct series *s)
{
    if (s->n % BLOCK_POINTS == 0 || !series_packed(s, s->n - 1))
        return;
    struct block *b = s->entries[s->n_entries - 1].block;
    tail_reserve(s, b->n);
    for (int i = 0; i < b->n; i++) {
        series_tail_steps(s)[i] = block_step(b, i);
        series_tail_times(s)[i] = block_time(b, i);
        series_tail_seen(s)[i] = block_seen(b, i);
        series_tail_values(s)[i] = block_value(b, i);
    }
    s->n_tail = b->n;
    s->packed -= b->bytes;
    s->n_entries--;
    free(b);
}

static void tail_put(struct series *s, int64_t seen, uint32_t n, const int64_t *steps, const int64_t *times,
                     const double *values)
{
    uint32_t at = s->n_tail;
    memcpy(series_tail_steps(s) + at, steps, n * sizeof *steps);
    memcpy(series_tail_values(s) + at, values, n * sizeof *values);
    int64_t *time_to = series_tail_times(s) + at, *seen_to = series_tail_seen(s) + at;
    int64_t last = s->last_time, step = s->last_step;
    bool sorted = s->n_sorted == s->n;
    uint32_t in_order = 0;
    for (uint32_t i = 0; i < n; i++) {
        int64_t us = to_us(times[i]);
        last = us > last ? us : last;
        time_to[i] = last;
        seen_to[i] = seen;
        sorted &= steps[i] >= step;
        in_order += sorted;
        step = steps[i];
    }
    s->last_time = last;
    s->last_step = step;
    s->last_value = values[n - 1];
    s->n_sorted += in_order;
    s->n_tail += n;
    s->n += n;
}

void series_append(struct series *s, int64_t seen, uint32_t n, const int64_t *steps, const int64_t *times,
                   const double *values)
{
    if (!n)
        return;
    unsettle(s);
    if (s->n == 0) {
        s->last_step = INT64_MIN;
        s->last_time = s->last_seen = INT64_MIN;
    }
    int64_t us = to_us(seen);
    s->last_seen = us > s->last_seen ? us : s->last_seen;
    while (n) {
        uint32_t room = BLOCK_POINTS - s->n_tail, take = n < room ? n : room;
        tail_reserve(s, take);
        tail_put(s, s->last_seen, take, steps, times, values);
        steps += take;
        times += take;
        values += take;
        n -= take;
        if (s->n_tail == BLOCK_POINTS)
            pack_tail(s);
    }
    /* A block was packed: start small again, most series end soon. */
    if (!s->n_tail)
        tail_drop(s);
    else if (s->cap_tail > 4 * s->n_tail + 2 * TAIL_FIRST)
        tail_resize(s, s->n_tail + s->n_tail / 2 + TAIL_FIRST);
}

/* ---- questions ---- */

uint64_t series_count(const struct series *s, int64_t t)
{
    int64_t us = to_us(t);
    if (s->n == 0 || us >= s->last_seen)
        return s->n;
    if (s->n_tail && series_tail_seen(s)[0] <= us) {
        uint32_t lo = 0, hi = s->n_tail;
        while (lo < hi) {
            uint32_t mid = (lo + hi) / 2;
            if (series_tail_seen(s)[mid] <= us)
                lo = mid + 1;
            else
                hi = mid;
        }
        return s->n - s->n_tail + lo;
    }
    uint32_t lo = 0, hi = s->n_entries;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (s->entries[mid].seen_first <= us)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo ? (uint64_t)(lo - 1) * BLOCK_POINTS + (uint64_t)block_count(s->entries[lo - 1].block, us) : 0;
}

bool series_at(const struct series *s, uint64_t index, struct series_point *out)
{
    if (index >= s->n)
        return false;
    *out = (struct series_point){series_step(s, index), series_time_us(s, index) * NS_PER_US,
                                 series_value(s, index)};
    return true;
}

bool series_last(const struct series *s, int64_t t, struct series_point *out)
{
    uint64_t n = series_count(s, t);
    if (n && n == s->n) {
        *out = (struct series_point){s->last_step, s->last_time * NS_PER_US, s->last_value};
        return true;
    }
    return n && series_at(s, n - 1, out);
}

/* The node of one aligned group of 16, from its block or, added up in the same order, from the tail. */
static struct node group_sum(const struct series *s, uint64_t from)
{
    if (series_packed(s, from))
        return block_group(s->entries[from / BLOCK_POINTS].block, (int)(from % BLOCK_POINTS / BLOCK_GROUP));
    return node_of_group(series_tail_values(s) + from % BLOCK_POINTS, NULL);
}

struct node series_sum(const struct series *s, uint64_t from, uint64_t to)
{
    struct node sum = NODE_EMPTY;
    while (from < to) {
        uint64_t size = BLOCK_POINTS;
        if (from % BLOCK_GROUP || from + BLOCK_GROUP > to) {
            node_add(&sum, series_value(s, from++));
            continue;
        }
        if (from % BLOCK_POINTS || from + BLOCK_POINTS > to) {
            struct node g = group_sum(s, from);
            node_merge(&sum, &g);
            from += BLOCK_GROUP;
            continue;
        }
        const struct node *node = &s->entries[from / BLOCK_POINTS].node;
        for (int k = 0; k < SERIES_LEVELS && from % (size * 16) == 0 && from + size * 16 <= to; k++) {
            size *= 16;
            node = &s->levels[k].nodes[from / size];
        }
        node_merge(&sum, node);
        from += size;
    }
    return sum;
}

/* First index in from..to-1 for which the range up to it has the property; halves the range until 16 points
 * are left. The caller knows that there is one. */
enum series_find { FIND_MIN, FIND_MAX, FIND_NAN };

static bool node_has(const struct node *n, enum series_find what, double v, uint64_t points)
{
    return what == FIND_NAN ? n->finite < points
                            : n->finite && (what == FIND_MIN ? n->min == v : n->max == v);
}

static int64_t find_first(const struct series *s, uint64_t to, enum series_find what, double v)
{
    uint64_t lo = 0, hi = to;
    while (hi - lo > BLOCK_GROUP) {
        uint64_t half = 1;
        while (half * 2 < hi - lo)
            half *= 2;
        struct node n = series_sum(s, lo, lo + half);
        if (node_has(&n, what, v, half))
            hi = lo + half;
        else
            lo += half;
    }
    for (uint64_t i = lo; i < hi; i++) {
        double x = series_value(s, i);
        if (what == FIND_NAN ? !isfinite(x) : x == v)
            return (int64_t)i;
    }
    return -1;
}

void series_stats(const struct series *s, int64_t t, struct series_stats *out)
{
    uint64_t n = series_count(s, t);
    struct node sum = series_sum(s, 0, n);
    *out = (struct series_stats){.count = n,
                                 .nans = n - sum.finite,
                                 .min = NAN,
                                 .max = NAN,
                                 .mean = NAN,
                                 .min_index = -1,
                                 .max_index = -1};
    if (!sum.finite)
        return;
    out->min = sum.min;
    out->max = sum.max;
    out->mean = sum.sum / (double)sum.finite;
    out->min_index = find_first(s, n, FIND_MIN, sum.min);
    out->max_index = find_first(s, n, FIND_MAX, sum.max);
}

int64_t series_first_nan(const struct series *s, int64_t t)
{
    uint64_t n = series_count(s, t);
    struct node sum = series_sum(s, 0, n);
    return sum.finite == n ? -1 : find_first(s, n, FIND_NAN, 0);
}

size_t series_bytes(const struct series *s)
{
    size_t n = sizeof *s + s->packed + s->cap_entries * sizeof *s->entries +
               (size_t)s->cap_tail * 4 * sizeof(int64_t);
    for (int k = 0; k < SERIES_LEVELS; k++)
        n += s->levels[k].cap * sizeof *s->levels[k].nodes;
    return n;
}
