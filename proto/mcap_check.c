#include "proto/mcap_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/mcap_chunk.h"
#include "proto/recording_file.h"
#include "proto/recording_merged.h"

enum { UNSEEN, FOREIGN, OURS, MERGED };

struct check {
    struct mcap_report *out;
    struct mcap_index index;  /* what is in the file; offsets of message indexes are not collected */
    struct mcap_builder last; /* messages of the newest chunk */
    uint8_t *ours;            /* per channel: whether payloads are events */
    struct merged merged;     /* memory kept from one to the next */
    uint64_t chunk_at;
    size_t indexed; /* messages that its message indexes named correctly */
    bool any_index;
    uint64_t behind; /* where a message index of that chunk would begin */
};

static void found(struct check *c, uint64_t offset, uint64_t bytes, const char *why)
{
    struct mcap_report *r = c->out;
    if (r->n_damages == MCAP_DAMAGES)
        return;
    r->damages = mem_resize(r->damages, r->n_damages + 1, sizeof *r->damages);
    struct mcap_damage *d = &r->damages[r->n_damages++];
    *d = (struct mcap_damage){.offset = offset, .bytes = bytes};
    snprintf(d->why, sizeof d->why, "%s", why);
}

/* The chunk is behind us: its message indexes must have named every message, if there were any indexes. */
static void leave(struct check *c, bool torn)
{
    if (c->any_index && c->indexed != c->last.n && !torn)
        found(c, c->chunk_at, 0, "the chunk's message indexes do not name all of its messages");
    mcap_builder_clear(&c->last);
    c->indexed = 0;
    c->any_index = false;
}

static void message(struct check *c, const struct mcap_record *rec)
{
    struct mcap_message m;
    struct mcap_channel channel;
    if (!mcap_parse_message(&m, rec->body, rec->n))
        return;
    c->out->messages++;
    mcap_index_messages(&c->index, m.channel_id, 1);
    if (rec->in_chunk)
        mcap_builder_entry(&c->last, m.channel_id, m.log_time, rec->inside);
    if (!mcap_index_find_channel(&c->index, m.channel_id, &channel)) {
        found(c, rec->offset, 0, "a message of a channel that nothing defines");
        return;
    }
    const char *why = NULL;
    uint8_t *ours = &c->ours[channel.id];
    if (!*ours)
        *ours = rec_channel_merged(&channel)               ? MERGED
                : rec_channel_kind(&channel) != EV_UNKNOWN ? OURS
                                                           : FOREIGN;
    if (*ours >= OURS && !codec_valid(m.data.p, m.data.n, &why)) {
        char text[100];
        snprintf(text, sizeof text, "the payload of an event is malformed: %s", why);
        found(c, rec->offset, 0, text);
    } else if (*ours == MERGED && !merged_unpack(&c->merged, m.data)) {
        found(c, rec->offset, 0, "a batch of merged events is malformed");
    }
}

static void message_index(struct check *c, const struct mcap_record *rec)
{
    struct mcap_message_index x;
    if (!mcap_parse_message_index(&x, rec->body, rec->n) || rec->offset != c->behind)
        return; /* of a chunk that could not be read: that was said */
    c->behind = rec->end;
    struct mcap_in in;
    mi_init(&in, x.entries.p, x.entries.n);
    c->any_index = true;
    size_t good = 0, at = 0;
    while (in.p < in.end) {
        uint64_t time = mi_uint(&in, 8), offset = mi_uint(&in, 8);
        /* Writers list a channel's messages in file order or in time order: look on from the last hit first,
         * then all over. */
        for (size_t k = 0; k < c->last.n; k++, at++) {
            const struct mcap_entry *e = &c->last.entries[at % c->last.n];
            if (e->offset == offset) {
                good += e->time == time && e->channel == x.channel_id;
                break;
            }
        }
    }
    c->indexed += good;
    if (good != x.entries.n / 16)
        found(c, rec->offset, rec->end - rec->offset, "a message index names messages that are not there");
}

static void record(struct check *c, const struct mcap_record *rec)
{
    struct mcap_schema schema;
    struct mcap_channel channel;
    struct mcap_chunk chunk;
    if (!rec->in_chunk && rec->op != MCAP_MESSAGE_INDEX)
        leave(c, false);
    switch (rec->op) {
    case MCAP_SCHEMA:
        if (mcap_parse_schema(&schema, rec->body, rec->n) && !mcap_index_schema(&c->index, &schema))
            found(c, rec->offset, 0, "a schema is defined again, differently");
        break;
    case MCAP_CHANNEL:
        if (mcap_parse_channel(&channel, rec->body, rec->n) && !mcap_index_channel(&c->index, &channel))
            found(c, rec->offset, 0, "a channel is defined again, differently");
        break;
    case MCAP_CHUNK:
        c->chunk_at = rec->offset;
        c->behind = rec->end;
        c->out->chunks++;
        if (mcap_parse_chunk(&chunk, rec->body, rec->n))
            mcap_index_chunk(&c->index, &chunk, rec->offset, rec->end - rec->offset);
        break;
    case MCAP_MESSAGE:
        message(c, rec);
        break;
    case MCAP_MESSAGE_INDEX:
        message_index(c, rec);
        break;
    case MCAP_FOOTER:
        c->out->finished = true;
        break;
    default:
        break;
    }
}

/* What the summary says against what is there; `at` is where the footer is. */
static void summary(struct check *c, struct mcap_reader *r, const struct mcap_footer *f, uint64_t at)
{
    if (f->summary_start == 0)
        return; /* a file without a summary is legal */
    const struct mcap_index *x = mcap_summary(r);
    if (!x) {
        found(c, f->summary_start, at > f->summary_start ? at - f->summary_start : 0,
              "the summary is malformed or its CRC does not match");
        return;
    }
    size_t damages;
    mcap_damages(r, &damages);
    if (damages > 0)
        return; /* it will count what is lost, too */
    if (x->has_times && x->messages != c->index.messages)
        found(c, f->summary_start, 0, "the statistics count other messages than there are");
    bool same = x->n_chunks == 0 || x->n_chunks == c->index.n_chunks;
    for (size_t i = 0; same && i < x->n_chunks; i++)
        same = x->chunks[i].offset == c->index.chunks[i].offset &&
               x->chunks[i].length == c->index.chunks[i].length &&
               x->chunks[i].start == c->index.chunks[i].start && x->chunks[i].end == c->index.chunks[i].end;
    if (!same)
        found(c, f->summary_start, 0, "the chunk index names other chunks than there are");
}

static void take_damages(struct check *c, const struct mcap_reader *r)
{
    size_t n;
    const struct mcap_damage *d = mcap_damages(r, &n);
    for (size_t i = 0; i < n; i++) {
        found(c, d[i].offset, d[i].bytes, d[i].why);
        c->out->damages[c->out->n_damages - 1].chunk = d[i].chunk;
    }
    const char *why;
    c->out->torn_at = mcap_torn_at(r, &why);
    if (c->out->torn_at >= 0) {
        c->out->torn_bytes = mcap_size(r) - (uint64_t)c->out->torn_at;
        snprintf(c->out->torn_why, sizeof c->out->torn_why, "%s", why);
    }
}

static int by_offset(const void *a, const void *b)
{
    const struct mcap_damage *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

int mcap_check(const char *path, struct mcap_report *out, char **cause)
{
    *out = (struct mcap_report){.torn_at = -1};
    struct mcap_reader *r = mcap_open(path, MCAP_WITH_CHUNKS | MCAP_WITH_SUMMARY | MCAP_WITH_CRC, cause);
    if (!r)
        return -1;
    struct check c = {.out = out, .ours = mem_zero(1, MCAP_CHANNELS)};
    struct mcap_record rec;
    struct mcap_footer footer;
    bool data_end = false;
    int got;
    while ((got = mcap_next(r, &rec, cause)) == 1) {
        record(&c, &rec);
        data_end |= rec.op == MCAP_DATA_END;
        if (rec.op == MCAP_FOOTER && mcap_parse_footer(&footer, rec.body, rec.n)) {
            uint64_t at = rec.offset;
            if (!data_end)
                found(&c, at, 0, "there is no DataEnd record before the footer");
            summary(&c, r, &footer, at);
        }
    }
    take_damages(&c, r);
    leave(&c, out->torn_at >= 0);
    if (out->n_damages > 1)
        qsort(out->damages, out->n_damages, sizeof *out->damages, by_offset);
    mcap_index_release(&c.index);
    mcap_builder_release(&c.last);
    free(c.ours);
    merged_release(&c.merged);
    mcap_close(r);
    return got;
}

bool mcap_report_ok(const struct mcap_report *r)
{
    return r->n_damages == 0 && r->torn_at < 0;
}

void mcap_report_release(struct mcap_report *r)
{
    free(r->damages);
    *r = (struct mcap_report){.torn_at = -1};
}
