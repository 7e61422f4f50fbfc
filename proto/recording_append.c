/* recording_append: opening a recording to go on with it, after a finish, a crash or a power loss.
 *
 * Never leaves less than was there: a torn tail is cut off only when nothing readable stands behind it, and a
 * file with damage in the middle is kept beside its clean copy.
 *
 * What has to be found out is where the file ends, and what its summary will say. A finished file says
 * both. In a live one only what was written last can be torn: VERIFY_BYTES at its end are read and checked
 * as a reader does, of what is before only the heads. Whenever the quick way meets anything that it does
 * not expect, all of the file is read instead. */
#include "proto/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "base/cause.h"
#include "base/mem.h"
#include "proto/mcap_read.h"
#include "proto/mcap_walk.h"
#include "proto/recording_file.h"

#define VERIFY_BYTES  ((uint64_t)16 << 20)
#define MAX_DAMAGED   100 /* copies of damaged files kept beside one recording */
#define DATA_END_SIZE (MCAP_HEAD + 4)

/* ---- what is in the file ---- */

struct tail {                 /* what is known of a recording; its newest chunk was read, at least */
    struct mcap_index index;  /* of all of it; chunks are counted only */
    struct mcap_builder last; /* messages of the newest chunk, for its message indexes */
    uint64_t chunk_at, chunk_end;
    uint32_t crc_at_chunk; /* of the bytes before it */
    size_t indexed;        /* messages of it that its message indexes name */
    bool sealed;           /* something else than message indexes stands behind it */
    uint32_t sequence;     /* of the newest message, */
    bool any;              /* if there is one */
    uint64_t end;          /* of the last whole record */
    uint64_t crc_from;     /* crc is that of the bytes from here to the end */
    uint32_t crc;
    bool footer;
    bool ours; /* its header says that it is a recording of ours */
    int64_t torn_at;
    uint64_t size;
    size_t damages;
    int chunks_lost;
};

static void tail_release(struct tail *t)
{
    mcap_index_release(&t->index);
    mcap_builder_release(&t->last);
}

static void tail_message(struct tail *t, const struct mcap_record *rec)
{
    struct mcap_message m;
    if (!mcap_parse_message(&m, rec->body, rec->n))
        return;
    mcap_index_messages(&t->index, m.channel_id, 1);
    mcap_index_times(&t->index, m.log_time, m.log_time);
    t->sequence = m.sequence;
    t->any = true;
    if (rec->in_chunk)
        mcap_builder_entry(&t->last, m.channel_id, m.log_time, rec->inside);
}

static void tail_record(struct tail *t, struct mcap_reader *r, const struct mcap_record *rec)
{
    struct mcap_schema schema;
    struct mcap_channel channel;
    struct mcap_chunk chunk;
    struct mcap_message_index mi;
    struct mcap_attachment attachment;
    struct mcap_metadata metadata;
    struct mcap_header header;
    uint64_t length = rec->end - rec->offset;
    t->sealed |= !rec->in_chunk && rec->op != MCAP_MESSAGE_INDEX;
    switch (rec->op) {
    case MCAP_HEADER:
        t->ours = mcap_parse_header(&header, rec->body, rec->n) && span_eq(header.profile, REC_PROFILE);
        break;
    case MCAP_SCHEMA:
        if (mcap_parse_schema(&schema, rec->body, rec->n))
            mcap_index_schema(&t->index, &schema);
        break;
    case MCAP_CHANNEL:
        if (mcap_parse_channel(&channel, rec->body, rec->n))
            mcap_index_channel(&t->index, &channel);
        break;
    case MCAP_MESSAGE:
        tail_message(t, rec);
        break;
    case MCAP_CHUNK:
        if (!mcap_parse_chunk(&chunk, rec->body, rec->n))
            break;
        mcap_index_chunk_count(&t->index);
        mcap_builder_clear(&t->last);
        t->chunk_at = rec->offset;
        t->chunk_end = rec->end;
        t->crc_at_chunk = mcap_crc(r);
        t->indexed = 0;
        t->sealed = false;
        break;
    case MCAP_MESSAGE_INDEX:
        if (!mcap_parse_message_index(&mi, rec->body, rec->n))
            break;
        t->indexed += mi.entries.n / 16;
        break;
    case MCAP_ATTACHMENT:
        if (mcap_parse_attachment(&attachment, rec->body, rec->n))
            mcap_index_attachment(&t->index, &attachment, rec->offset, length);
        break;
    case MCAP_METADATA:
        if (mcap_parse_metadata(&metadata, rec->body, rec->n))
            mcap_index_metadata(&t->index, &metadata, rec->offset, length);
        break;
    default:
        break;
    }
}

/* Reads on from `from` (0: the beginning) to the end. 0, or -1 and a cause. */
static int read_from(const char *path, uint64_t from, struct tail *t, char **cause)
{
    struct mcap_reader *r = mcap_open(path, MCAP_WITH_CHUNKS | MCAP_WITH_CRC, cause);
    if (!r)
        return -1;
    if (from)
        mcap_start_at(r, from);
    struct mcap_record rec;
    int got;
    while ((got = mcap_next(r, &rec, cause)) == 1)
        tail_record(t, r, &rec);
    const struct mcap_damage *d = mcap_damages(r, &t->damages);
    for (size_t i = 0; i < t->damages; i++)
        t->chunks_lost += d[i].chunk;
    t->end = mcap_position(r);
    t->crc_from = from;
    t->crc = mcap_crc(r);
    t->footer = mcap_at_footer(r);
    t->torn_at = mcap_torn_at(r, NULL);
    t->size = mcap_size(r);
    mcap_close(r);
    return got;
}

/* ---- a finished file ---- */

static bool data_end_at(int fd, uint64_t at, uint32_t *crc)
{
    uint8_t p[DATA_END_SIZE];
    struct mcap_in in;
    if (pread(fd, p, sizeof p, (off_t)at) != (ssize_t)sizeof p)
        return false;
    mi_init(&in, p, sizeof p);
    return mi_uint(&in, 1) == MCAP_DATA_END && mi_uint(&in, 8) == 4 &&
           mcap_parse_data_end(crc, p + MCAP_HEAD, 4);
}

/* Everything is in the summary, and a file that has one was synced: the last chunks are read to be sure, and
 * for its sequence numbers. False: do it the long way. */
static bool read_finished(const char *path, int fd, struct tail *t)
{
    struct mcap_reader *r = mcap_open(path, 0, NULL);
    struct mcap_record rec;
    struct mcap_index x = {0};
    if (r && mcap_next(r, &rec, NULL) == 1)
        tail_record(t, r, &rec); /* the header */
    bool ours = t->ours && mcap_summary(r) && mcap_seek(r, UINT64_MAX);
    uint64_t last = ours ? mcap_position(r) : 0;
    uint64_t at = ours ? mcap_summary_take(r, &x) : 0;
    mcap_close(r);
    uint32_t crc = 0;
    bool ok = ours && x.has_times && x.n_chunks > 0 && x.channels && at > DATA_END_SIZE &&
              data_end_at(fd, at - DATA_END_SIZE, &crc) && read_from(path, last, t, NULL) == 0 && t->any &&
              t->footer && t->damages == 0 && t->end == at - DATA_END_SIZE;
    if (ok) {
        mcap_index_release(&t->index);
        t->index = x;
        x = (struct mcap_index){0};
        t->ours = true;
        t->crc = crc;
        t->crc_from = crc ? 0 : t->end;
    }
    mcap_index_release(&x);
    return ok;
}

/* ---- a live file ---- */

/* The channel records in the chunk that the walk is at. */
static bool learn_channels(struct mcap_walk *k, uint64_t chunk_at, struct tail *t)
{
    struct mcap_at at;
    struct mcap_chunk c;
    struct mcap_channel channel;
    struct mcap_decoder *d = mcap_decoder_new();
    struct span content;
    const char *why;
    const uint8_t *body =
        mcap_look_chunk(&k->w, chunk_at, &at) ? mcap_window(&k->w, chunk_at + MCAP_HEAD, at.n) : NULL;
    bool ok = body && mcap_parse_chunk(&c, body, at.n) && mcap_decode(d, &c, &content, &why);
    struct mcap_in in;
    mi_init(&in, ok ? content.p : NULL, ok ? content.n : 0);
    while (ok && in.p < in.end) {
        uint8_t op = (uint8_t)mi_uint(&in, 1);
        struct span record = mi_bytes(&in, mi_uint(&in, 8));
        ok = !in.bad;
        if (ok && op == MCAP_CHANNEL && mcap_parse_channel(&channel, record.p, record.n))
            mcap_index_channel(&t->index, &channel);
    }
    mcap_decoder_free(d);
    return ok;
}

struct heads { /* where the walk over the heads is */
    struct mcap_walk k;
    struct mcap_step s;
    uint64_t chunk_at, start, end; /* of the newest chunk; chunk_at 0: none yet */
    uint64_t indexed;              /* messages that its indexes name */
};

static bool head_of_index(struct heads *h, struct tail *t)
{
    struct mcap_channel c;
    if (!h->chunk_at || !h->s.entries)
        return false;
    if (!mcap_index_find_channel(&t->index, h->s.channel, &c) &&
        (!learn_channels(&h->k, h->chunk_at, t) || !mcap_index_find_channel(&t->index, h->s.channel, &c)))
        return false;
    mcap_index_messages(&t->index, h->s.channel, h->s.entries);
    mcap_index_times(&t->index, h->start, h->end);
    h->indexed += h->s.entries;
    return true;
}

/* Takes in one record; false when it is none that the quick way knows. */
static bool head(struct heads *h, struct tail *t)
{
    const struct mcap_step *s = &h->s;
    struct mcap_record rec = {.op = s->at.op, .offset = s->offset, .end = s->at.end, .n = s->at.n};
    switch (s->at.op) {
    case MCAP_CHUNK:
        if (h->chunk_at && !h->indexed)
            return false;
        mcap_index_chunk_count(&t->index);
        h->chunk_at = s->offset;
        h->start = s->chunk.start;
        h->end = s->chunk.end;
        h->indexed = 0;
        return true;
    case MCAP_MESSAGE_INDEX:
        return head_of_index(h, t);
    case MCAP_HEADER:
    case MCAP_ATTACHMENT:
    case MCAP_METADATA:
        rec.body = mcap_walk_body(&h->k, s);
        if (rec.body)
            tail_record(t, NULL, &rec);
        return rec.body != NULL;
    default:
        return false;
    }
}

/* Heads up to the chunk in which the part to be verified begins, everything from there on. False: do it the
 * long way. */
static bool read_live(const char *path, int fd, struct tail *t)
{
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0 || (uint64_t)size <= VERIFY_BYTES)
        return false;
    struct heads h = {0};
    uint64_t verify = (uint64_t)size - VERIFY_BYTES;
    bool ok = true, found = false;
    mcap_walk_begin(&h.k, fd, MCAP_MAGIC_N, (uint64_t)size);
    while (ok && !found && (ok = mcap_walk_next(&h.k, &h.s) == 1)) {
        found = h.s.at.op == MCAP_CHUNK && h.s.at.end > verify;
        if (!found)
            ok = head(&h, t);
    }
    ok = ok && found && t->ours && (!h.chunk_at || h.indexed);
    mcap_walk_end(&h.k);
    return ok && read_from(path, h.s.offset, t, NULL) == 0 && t->any && t->damages == 0;
}

/* ---- going on ---- */

static void tail_reset(struct tail *t)
{
    tail_release(t);
    *t = (struct tail){0};
}

static int read_tail(const char *path, int fd, struct tail *t, char **cause)
{
    *t = (struct tail){0};
    if (read_finished(path, fd, t))
        return 0;
    tail_reset(t);
    if (read_live(path, fd, t))
        return 0;
    tail_reset(t);
    return read_from(path, 0, t, cause);
}

/* The crash came between a chunk and the last of its message indexes: the tail now ends with the chunk. */
static int tail_at_chunk(struct tail *t, int fd, const char *path, char **cause)
{
    size_t n = (size_t)(t->chunk_end - t->chunk_at);
    uint8_t *p = mem_alloc(n);
    ssize_t got = pread(fd, p, n, (off_t)t->chunk_at);
    if (got == (ssize_t)n) {
        t->end = t->chunk_end;
        t->crc = (uint32_t)crc32_z(t->crc_at_chunk, p, n);
    } else {
        cause_set(cause, "%s: cannot read: %s", path, got < 0 ? strerror(errno) : "the file became shorter");
    }
    free(p);
    return got == (ssize_t)n ? 0 : -1;
}

/* Writes the message indexes that the crash cut off. */
static enum mcap_status restore_indexes(struct mcap_writer *w, const struct mcap_builder *last, char **cause)
{
    struct buf b = {0};
    struct mcap_encoder *e = mcap_encoder_new(1);
    mcap_encode_indexes(e, last, &b);
    mcap_encoder_free(e);
    enum mcap_status s = mcap_write_raw(w, b.data, b.len, cause);
    buf_release(&b);
    return s == MCAP_OK ? mcap_sync(w, cause) : s;
}

/* Puts a clean copy in the place of a damaged recording, which gets another name. */
static int replace_damaged(const char *path, char **kept, char **cause)
{
    struct buf clean = {0}, old = {0};
    buf_printf(&clean, "%s.clean", path);
    unlink(buf_cstr(&clean)); /* of an attempt that was interrupted */
    int rc = rec_repair(path, buf_cstr(&clean), cause) < 0 ? -1 : 0;
    for (int i = 1; rc == 0; i++) {
        buf_clear(&old);
        buf_printf(&old, "%s.damaged-%d", path, i);
        if (link(path, buf_cstr(&old)) == 0)
            break;
        if (errno != EEXIST || i == MAX_DAMAGED)
            rc = cause_set(cause, "%s: cannot keep the damaged file as %s: %s", path, buf_cstr(&old),
                           strerror(errno));
    }
    if (rc == 0 && mcap_sys.rename(buf_cstr(&clean), path) < 0)
        rc = cause_set(cause, "%s: cannot rename to %s: %s", buf_cstr(&clean), path, strerror(errno));
    if (rc == 0)
        rc = mcap_sync_directory(path, cause);
    if (rc == 0)
        *kept = buf_take(&old);
    buf_release(&clean);
    buf_release(&old);
    return rc;
}

/* The newest sequence number: the file has its lower half, the upper one follows from the number of events.
 */
static uint64_t whole_sequence(uint32_t low, uint64_t events)
{
    uint64_t seq = (events & ~(uint64_t)UINT32_MAX) | low;
    return seq < events ? seq + (UINT64_C(1) << 32) : seq;
}

static struct rec_writer *resume(const char *path, int fd, struct tail *t, bool unsynced,
                                 struct rec_recovered *out, char **cause)
{
    bool reindex = t->index.n_chunks > 0 && t->indexed != t->last.n && !t->sealed && !t->footer;
    if (reindex && tail_at_chunk(t, fd, path, cause) < 0) {
        close(fd);
        return NULL;
    }
    struct mcap_place place = {t->end, t->crc_from, t->crc};
    struct mcap_writer *file = mcap_resume(fd, path, &place, &t->index, cause);
    if (file && reindex && restore_indexes(file, &t->last, cause) != MCAP_OK)
        mcap_close_writer(&file);
    if (!file)
        return NULL;
    out->events = file->index.messages;
    out->seq = out->events ? whole_sequence(t->sequence, out->events) : 0;
    out->last_time = (int64_t)file->index.end;
    out->truncated_at = t->torn_at;
    out->truncated_bytes = t->torn_at >= 0 ? (int64_t)t->size - t->torn_at : 0;
    struct rec_writer *w = rec_writer_new(&file, unsynced, 0);
    rec_writer_channels(w);
    rec_writer_continue(w, out->seq, out->last_time);
    return w;
}

struct rec_writer *rec_append_open(const char *path, bool unsynced, struct rec_recovered *found, char **cause)
{
    struct rec_recovered out = {.truncated_at = -1};
    struct rec_writer *w = NULL;
    for (bool again = true; again;) {
        struct tail t;
        again = false;
        int fd = mcap_open_locked(path, cause);
        if (fd < 0)
            break;
        int rc = read_tail(path, fd, &t, cause);
        if (rc == 0 && t.damages > 0 && !out.damaged_copy) {
            out.chunks_skipped = t.chunks_lost;
            again = replace_damaged(path, &out.damaged_copy, cause) == 0;
            close(fd);
        } else if (rc == 0 && !t.ours) {
            cause_set(cause, "%s: not a recording of hypertop, hence not appended to", path);
            close(fd);
        } else if (rc == 0) {
            w = resume(path, fd, &t, unsynced, &out, cause);
        } else {
            close(fd);
        }
        tail_release(&t);
    }
    if (!w || !found) {
        free(out.damaged_copy);
        out.damaged_copy = NULL;
    }
    if (found)
        *found = out;
    return w;
}
