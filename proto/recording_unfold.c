#include "proto/recording_unfold.h"

#include <stdlib.h>

#include "base/mem.h"
#include "proto/recording_file.h"
#include "proto/recording_merged.h"

struct item { /* a message in its place, or, with a group, one part of a merged one */
    uint32_t
        key; /* sequence number, counted from far before the chunk's first so that it does not wrap around */
    uint32_t part;
    struct mcap_record rec;
    struct merged *group;
};

struct rec_unfold {
    struct mcap_reader *m;
    uint8_t *merged; /* per channel id */
    bool any;        /* one of them is */
    /* the chunk that was collected */
    struct mcap_record *first; /* its definitions */
    size_t n_first, cap_first, at_first;
    struct item *items;
    size_t n, cap, at;
    uint32_t base;
    struct merged **groups; /* the memory of groups is kept from chunk to chunk */
    size_t n_groups, cap_groups;
    struct buf body; /* of the part handed out last */
    uint64_t messages, malformed;
};

struct rec_unfold *rec_unfold_new(struct mcap_reader *m)
{
    struct rec_unfold *u = MEM_NEW(struct rec_unfold);
    u->m = m;
    u->merged = mem_zero(1, MCAP_CHANNELS);
    return u;
}

void rec_unfold_free(struct rec_unfold *u)
{
    if (!u)
        return;
    for (size_t i = 0; i < u->cap_groups; i++) {
        merged_release(u->groups[i]);
        free(u->groups[i]);
    }
    free(u->groups);
    free(u->items);
    free(u->first);
    free(u->merged);
    buf_release(&u->body);
    free(u);
}

void rec_unfold_reset(struct rec_unfold *u)
{
    u->n_first = u->at_first = u->n = u->at = u->n_groups = 0;
}

uint64_t rec_unfold_messages(const struct rec_unfold *u, uint64_t *malformed)
{
    *malformed = u->malformed;
    return u->messages;
}

/* ---- collecting a chunk ---- */

static struct item *new_item(struct rec_unfold *u, uint32_t sequence, const struct mcap_record *rec)
{
    if (u->n == u->cap) {
        u->cap = u->cap ? 2 * u->cap : 256;
        u->items = mem_resize(u->items, u->cap, sizeof *u->items);
    }
    struct item *i = &u->items[u->n++];
    *i = (struct item){.key = sequence - u->base, .rec = *rec};
    return i;
}

static struct merged *new_group(struct rec_unfold *u)
{
    if (u->n_groups == u->cap_groups) {
        u->groups = mem_resize(u->groups, u->cap_groups + 1, sizeof *u->groups);
        u->groups[u->cap_groups++] = MEM_NEW(struct merged);
    }
    return u->groups[u->n_groups++];
}

static void collect_message(struct rec_unfold *u, const struct mcap_record *rec)
{
    struct mcap_message m;
    if (!mcap_parse_message(&m, rec->body, rec->n))
        return;
    u->messages++;
    if (u->n == 0)
        u->base = m.sequence - (UINT32_C(1) << 31);
    struct merged *g = u->merged[m.channel_id] ? new_group(u) : NULL;
    if (g && !merged_unpack(g, m.data)) {
        u->malformed++;
        u->n_groups--;
        g = NULL;
    }
    for (uint32_t i = 0; g && i < g->n; i++) {
        struct item *item = new_item(u, (uint32_t)g->sequence[i], rec);
        item->part = i;
        item->group = g;
    }
    if (!g)
        new_item(u, m.sequence, rec);
}

static void collect(struct rec_unfold *u, const struct mcap_record *rec)
{
    if (rec->op == MCAP_MESSAGE) {
        collect_message(u, rec);
        return;
    }
    if (u->n_first == u->cap_first) {
        u->cap_first = u->cap_first ? 2 * u->cap_first : 32;
        u->first = mem_resize(u->first, u->cap_first, sizeof *u->first);
    }
    u->first[u->n_first++] = *rec;
}

/* A stable merge sort: messages without numbers of their own, which hypertop never writes, stay as they
 * stand. */
static void sort_items(struct rec_unfold *u)
{
    struct item *from = u->items, *to = mem_alloc(u->cap * sizeof *to);
    for (size_t width = 1; width < u->n; width *= 2) {
        for (size_t lo = 0; lo < u->n; lo += 2 * width) {
            size_t mid = lo + width < u->n ? lo + width : u->n, hi = mid + width < u->n ? mid + width : u->n;
            for (size_t a = lo, b = mid, k = lo; k < hi; k++)
                to[k] = b == hi || (a < mid && from[a].key <= from[b].key) ? from[a++] : from[b++];
        }
        struct item *swap = from;
        from = to;
        to = swap;
    }
    u->items = from;
    free(to);
}

static void learn(struct rec_unfold *u, const struct mcap_record *rec)
{
    struct mcap_channel c;
    if (rec->op != MCAP_CHANNEL || !mcap_parse_channel(&c, rec->body, rec->n))
        return;
    u->merged[c.id] = rec_channel_merged(&c);
    u->any |= u->merged[c.id];
}

/* The rest of the chunk that begins with rec. */
static void collect_chunk(struct rec_unfold *u, struct mcap_record *rec)
{
    rec_unfold_reset(u);
    do {
        learn(u, rec);
        collect(u, rec);
    } while (mcap_next_inside(u->m, rec));
    if (u->n_groups > 0)
        sort_items(u);
}

/* ---- handing out ---- */

static void hand_out(struct rec_unfold *u, struct mcap_record *rec, struct mcap_message *m)
{
    struct item *i = &u->items[u->at++];
    *rec = i->rec;
    mcap_parse_message(m, rec->body, rec->n);
    if (!i->group)
        return;
    buf_clear(&u->body);
    merged_part(i->group, i->part, m, &u->body);
    m->data = (struct span){(const char *)u->body.data, u->body.len};
}

int rec_unfold_next(struct rec_unfold *u, struct mcap_record *rec, struct mcap_message *m, char **cause)
{
    for (;;) {
        if (u->at_first < u->n_first) {
            *rec = u->first[u->at_first++];
            return 1;
        }
        if (u->at < u->n) {
            hand_out(u, rec, m);
            return 1;
        }
        int got = mcap_next(u->m, rec, cause);
        if (got <= 0)
            return got;
        learn(u, rec);
        if (rec->in_chunk && u->any) {
            collect_chunk(u, rec);
            continue;
        }
        if (rec->op != MCAP_MESSAGE)
            return 1;
        if (mcap_parse_message(m, rec->body, rec->n)) {
            u->messages++;
            return 1;
        }
    }
}
