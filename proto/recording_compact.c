/* recording_compact: a finished recording in less space: large chunks, and small batches of points merged.
 *
 * A chunk is collected whole, then written: events in the order of the log, except that small batches of a
 * run are merged into one event, which stands where the last of them stood (recording_merged.h). Nothing
 * gets lost by that: a reader of ours unfolds them (recording_unfold.h), and this reads through the same
 * door, so that a recording can be appended to and compacted again. Merging is given up for a recording
 * whose events are not in the order of their sequence numbers and times, because then places could not be
 * found again. */
#include "proto/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/mem.h"
#include "proto/recording_copy.h"
#include "proto/recording_merged.h"
#include "proto/recording_unfold.h"

#define SLOTS 4096 /* runs whose batches are merged at the same time */

struct item {              /* an event of the chunk */
    struct mcap_message m; /* its data stands in the arena */
    size_t at;
    int group; /* -1: stays as it is */
};

struct group {
    struct merged g;
    size_t last; /* item that the merged event replaces */
};

struct compaction {
    struct rec_copy copy;
    int points, merged; /* channels; -1: not yet known */
    struct item *items;
    size_t n, cap;
    struct buf arena;
    struct group **groups; /* their memory is kept from chunk to chunk */
    int n_groups, cap_groups;
    int slot[SLOTS]; /* by run: 1 + index of its open group */
    bool unordered;
    uint32_t sequence; /* of the newest event, */
    uint64_t log_time; /* and its time */
    bool any;
    struct buf body;
};

static void compaction_release(struct compaction *c)
{
    for (int i = 0; i < c->cap_groups; i++) {
        merged_release(&c->groups[i]->g);
        free(c->groups[i]);
    }
    free(c->groups);
    free(c->items);
    buf_release(&c->arena);
    buf_release(&c->body);
}

/* ---- channels ---- */

static void learn(struct compaction *c, const struct mcap_channel *channel)
{
    if (rec_channel_merged(channel))
        c->merged = channel->id;
    else if (rec_channel_kind(channel) == EV_POINTS && c->points < 0)
        c->points = channel->id;
}

/* All channels of the source are known from its summary, so that new ones get numbers that are free. */
static void learn_all(struct compaction *c, const struct mcap_index *x)
{
    struct mcap_channel channel;
    for (uint32_t id = 0; x && id < MCAP_CHANNELS; id++)
        if (mcap_index_find_channel(x, (uint16_t)id, &channel)) {
            mcap_index_channel(&c->copy.to->index, &channel);
            learn(c, &channel);
        }
}

static uint16_t points_channel(struct compaction *c, int *known, struct span metadata)
{
    if (*known < 0) {
        struct mcap_channel taken, channel = {1, 0, span_of("/points"), span_of(REC_ENCODING), metadata};
        while (mcap_index_find_channel(&c->copy.to->index, channel.id, &taken))
            channel.id++;
        mcap_index_channel(&c->copy.to->index, &channel);
        *known = channel.id;
    }
    return (uint16_t)*known;
}

/* ---- one chunk ---- */

static void write_item(struct compaction *c, size_t i)
{
    struct item *item = &c->items[i];
    struct group *g = item->group >= 0 ? c->groups[item->group] : NULL;
    struct mcap_message m = item->m;
    if (!g || g->g.n < 2) {
        m.data.p = (const char *)c->arena.data + item->at;
    } else if (g->last == i) {
        buf_clear(&c->body);
        merged_pack(&g->g, &c->body);
        m.channel_id = points_channel(c, &c->merged, rec_merged_metadata());
        m.data = (struct span){(const char *)c->body.data, c->body.len};
    } else {
        return;
    }
    rec_copy_message(&c->copy, &m);
}

static void write_chunk(struct compaction *c, char **cause)
{
    bool merged = false;
    for (int i = 0; i < c->n_groups; i++)
        merged |= c->groups[i]->g.n >= 2;
    if (merged) /* readers must know before the first message */
        rec_copy_define(&c->copy, points_channel(c, &c->merged, rec_merged_metadata()));
    for (size_t i = 0; i < c->n; i++)
        write_item(c, i);
    rec_copy_flush(&c->copy, cause);
    c->n = 0;
    c->n_groups = 0;
    buf_clear(&c->arena);
    memset(c->slot, 0, sizeof c->slot);
}

static int new_group(struct compaction *c)
{
    if (c->n_groups == c->cap_groups) {
        c->groups = mem_resize(c->groups, (size_t)c->cap_groups + 1, sizeof *c->groups);
        c->groups[c->cap_groups++] = MEM_NEW(struct group);
    }
    merged_clear(&c->groups[c->n_groups]->g);
    return c->n_groups++;
}

/* The group that the event belongs to now; -1 when it stays as it is. */
static int merge(struct compaction *c, const struct mcap_message *m)
{
    int64_t run, epoch;
    if (c->unordered || m->channel_id != c->points || !merged_key(m->data, &run, &epoch))
        return -1;
    int *slot = &c->slot[(uint64_t)run % SLOTS];
    struct group *g = *slot ? c->groups[*slot - 1] : NULL;
    if (!g || g->g.run != run || g->g.epoch != epoch || !merged_add(&g->g, m)) {
        *slot = new_group(c) + 1;
        g = c->groups[*slot - 1];
        if (!merged_add(&g->g, m)) {
            c->n_groups--;
            *slot = 0;
            return -1;
        }
    }
    g->last = c->n;
    return *slot - 1;
}

static void add_message(struct compaction *c, struct mcap_message m, char **cause)
{
    struct mcap_channel channel;
    if (mcap_index_find_channel(&c->copy.to->index, m.channel_id, &channel) && rec_channel_merged(&channel))
        m.channel_id = points_channel(c, &c->points, span_of(""));
    bool back = c->any && (m.sequence - c->sequence - 1 > UINT32_MAX / 2 || m.log_time < c->log_time);
    if (c->arena.len + m.data.n > REC_COPY_BYTES || (back && !c->unordered))
        write_chunk(c, cause);
    c->unordered |= back;
    c->any = true;
    c->sequence = m.sequence;
    c->log_time = m.log_time;
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 1024;
        c->items = mem_resize(c->items, c->cap, sizeof *c->items);
    }
    struct item item = {m, c->arena.len, merge(c, &m)};
    buf_put(&c->arena, m.data.p, m.data.n);
    c->items[c->n++] = item;
}

/* ---- the file ---- */

/* The source was whole, and everything that it says it has was copied. */
static int check_copied(struct mcap_reader *r, const struct rec_unfold *u, int64_t orphans, const char *path,
                        char **cause)
{
    size_t damages;
    uint64_t malformed;
    mcap_damages(r, &damages);
    if (damages > 0 || mcap_torn_at(r, NULL) >= 0)
        return cause_set(cause, "%s: damaged, hence not compacted; see hypertop fsck", path);
    if (!mcap_at_footer(r))
        return cause_set(cause, "%s: not finished, hence not compacted", path);
    const struct mcap_index *x = mcap_summary(r);
    if (!x || x->messages != rec_unfold_messages(u, &malformed) || malformed > 0 || orphans > 0)
        return cause_set(
            cause, "%s: its statistics do not match its messages, hence not compacted; see hypertop fsck",
            path);
    return 0;
}

/* 0, or -1, a cause and no file. */
static int compact_into(struct mcap_reader *r, const char *path, const char *out, char **cause)
{
    struct compaction c = {.points = -1, .merged = -1};
    struct mcap_record rec;
    struct mcap_message m;
    int got = 1;
    if (rec_copy_begin(&c.copy, r, path, out, cause) < 0)
        return -1;
    learn_all(&c, mcap_summary(r));
    struct rec_unfold *u = rec_unfold_new(r);
    while (c.copy.status == MCAP_OK && (got = rec_unfold_next(u, &rec, &m, cause)) == 1)
        if (rec.op == MCAP_MESSAGE)
            add_message(&c, m, cause);
        else
            rec_copy_record(&c.copy, &rec, cause);
    if (c.copy.status == MCAP_OK && got == 0)
        write_chunk(&c, cause);
    bool good = c.copy.status == MCAP_OK && got == 0 && check_copied(r, u, c.copy.orphans, path, cause) == 0;
    int rc = rec_copy_end(&c.copy, good, out, cause) < 0 ? -1 : 0;
    rec_unfold_free(u);
    compaction_release(&c);
    return rc;
}

int rec_compact(const char *path, char **cause)
{
    int fd = mcap_open_locked(path, cause); /* nobody may append meanwhile */
    if (fd < 0)
        return -1;
    struct buf tmp = {0};
    buf_printf(&tmp, "%s.tmp", path);
    struct mcap_reader *r = mcap_open(path, 0, cause);
    int rc = -1;
    if (r) {
        unlink(buf_cstr(&tmp)); /* of a compaction that was interrupted */
        rc = compact_into(r, path, buf_cstr(&tmp), cause);
        if (rc == 0 && mcap_sys.rename(buf_cstr(&tmp), path) < 0) {
            rc = cause_set(cause, "%s: cannot rename to %s: %s", buf_cstr(&tmp), path, strerror(errno));
            unlink(buf_cstr(&tmp));
        }
        if (rc == 0)
            rc = mcap_sync_directory(path, cause);
    }
    mcap_close(r);
    buf_release(&tmp);
    close(fd);
    return rc;
}
