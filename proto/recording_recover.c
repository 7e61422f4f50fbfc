/* recording_recover: everything that makes a recording out of a recording: going on after a crash,
 * compaction, repair.
 *
 * None of them ever leaves less than was there: a torn tail is cut off only when nothing readable stands
 * behind it, a file with damage in the middle is kept beside its clean copy, and a copy takes the place of
 * its source by rename. */
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
#include "proto/recording_file.h"

#define COMPACT_BYTES (4 << 20) /* a chunk of a compacted file, before compression */
#define COMPACT_LEVEL 3
#define MAX_DAMAGED   100 /* copies of damaged files kept beside one recording */

/* ---- going on after a crash ---- */

struct tail { /* what is known of a recording after reading it all */
    struct mcap_index index;
    struct mcap_builder last; /* messages of the newest chunk, for its message indexes */
    uint64_t chunk_at, chunk_end;
    uint32_t crc_at_chunk; /* of the bytes before it */
    size_t indexed;        /* messages of it that its message indexes name */
    bool sealed;           /* something else than message indexes stands behind it */
    uint32_t sequence;     /* of the newest message */
    uint64_t end;          /* of the last whole record */
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
        mcap_index_chunk(&t->index, &chunk, rec->offset, length);
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
        mcap_index_message_index(&t->index, mi.channel_id, rec->offset, length);
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

static int read_tail(const char *path, struct tail *t, char **cause)
{
    *t = (struct tail){0};
    struct mcap_reader *r = mcap_open(path, MCAP_WITH_CHUNKS | MCAP_WITH_CRC, cause);
    if (!r)
        return -1;
    struct mcap_record rec;
    int got;
    while ((got = mcap_next(r, &rec, cause)) == 1)
        tail_record(t, r, &rec);
    const struct mcap_damage *d = mcap_damages(r, &t->damages);
    for (size_t i = 0; i < t->damages; i++)
        t->chunks_lost += d[i].chunk;
    t->end = mcap_position(r);
    t->crc = mcap_crc(r);
    t->footer = mcap_at_footer(r);
    t->torn_at = mcap_torn_at(r, NULL);
    t->size = mcap_size(r);
    mcap_close(r);
    return got;
}

/* The crash came between a chunk and the last of its message indexes: the tail now ends with the chunk. */
static int tail_at_chunk(struct tail *t, int fd, const char *path, char **cause)
{
    size_t n = (size_t)(t->chunk_end - t->chunk_at);
    uint8_t *p = mem_alloc(n);
    ssize_t got = pread(fd, p, n, (off_t)t->chunk_at);
    if (got == (ssize_t)n) {
        struct mcap_index_chunk *k = &t->index.chunks[t->index.n_chunks - 1];
        t->index.offsets.len = k->offsets_at;
        k->offsets_n = k->index_length = 0;
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
    uint64_t base = w->offset;
    enum mcap_status s = mcap_write_raw(w, b.data, b.len, cause);
    struct mcap_in in;
    mi_init(&in, b.data, b.len);
    while (s == MCAP_OK && in.p < in.end) {
        uint64_t at = base + (uint64_t)(in.p - b.data);
        mi_uint(&in, 1);
        struct span body = mi_bytes(&in, mi_uint(&in, 8));
        struct mcap_message_index m;
        if (mcap_parse_message_index(&m, body.p, body.n))
            mcap_index_message_index(&w->index, m.channel_id, at, body.n + MCAP_HEAD);
    }
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
    struct mcap_writer *file = mcap_resume(fd, path, t->end, t->crc, &t->index, cause);
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
        int rc = read_tail(path, &t, cause);
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

/* ---- copying ---- */

struct copy {
    struct mcap_writer *to;
    struct mcap_encoder *encoder;
    struct mcap_builder b;
    struct buf encoded;
    uint8_t *defined; /* per channel and (from MCAP_CHANNELS on) schema: its record is in the chunk */
    int64_t messages, orphans; /* orphans: of a channel that nothing defines */
    enum mcap_status status;
};

static void copy_flush(struct copy *c, char **cause)
{
    if (c->b.n == 0 || c->status != MCAP_OK)
        return;
    mcap_encode(c->encoder, &c->b, &c->encoded);
    c->status = mcap_write_encoded(c->to, &c->encoded, cause);
    mcap_builder_clear(&c->b);
    memset(c->defined, 0, 2 * MCAP_CHANNELS);
}

static void copy_message(struct copy *c, const struct mcap_record *rec, char **cause)
{
    struct mcap_message m;
    struct mcap_channel channel;
    struct mcap_schema schema;
    if (!mcap_parse_message(&m, rec->body, rec->n) ||
        !mcap_index_find_channel(&c->to->index, m.channel_id, &channel)) {
        c->orphans++;
        return;
    }
    if (c->b.records.len > 0 && c->b.records.len + rec->n > COMPACT_BYTES)
        copy_flush(c, cause);
    if (channel.schema_id && !c->defined[MCAP_CHANNELS + channel.schema_id] &&
        mcap_index_find_schema(&c->to->index, channel.schema_id, &schema)) {
        mcap_put_schema(&c->b.records, &schema);
        c->defined[MCAP_CHANNELS + channel.schema_id] = 1;
    }
    if (!c->defined[channel.id]) {
        mcap_put_channel(&c->b.records, &channel);
        c->defined[channel.id] = 1;
    }
    mcap_builder_message(&c->b, &m);
    c->messages++;
}

static void copy_record(struct copy *c, const struct mcap_record *rec, char **cause)
{
    struct mcap_schema schema;
    struct mcap_channel channel;
    struct mcap_attachment attachment;
    struct mcap_metadata metadata;
    switch (rec->op) {
    case MCAP_SCHEMA:
        if (mcap_parse_schema(&schema, rec->body, rec->n))
            mcap_index_schema(&c->to->index, &schema);
        break;
    case MCAP_CHANNEL:
        if (mcap_parse_channel(&channel, rec->body, rec->n))
            mcap_index_channel(&c->to->index, &channel);
        break;
    case MCAP_MESSAGE:
        copy_message(c, rec, cause);
        break;
    case MCAP_ATTACHMENT:
        if (mcap_parse_attachment(&attachment, rec->body, rec->n))
            c->status = mcap_write_attachment(c->to, &attachment, cause);
        break;
    case MCAP_METADATA:
        if (mcap_parse_metadata(&metadata, rec->body, rec->n))
            c->status = mcap_write_metadata(c->to, &metadata, cause);
        break;
    default:
        break; /* index records are made anew; what this version does not know it cannot place */
    }
}

/* The file to copy into, with the header of the source, or, when that is damaged, one that fits. */
static struct mcap_writer *copy_target(struct mcap_reader *r, const char *path, const char *out, char **cause)
{
    struct mcap_record rec;
    struct mcap_header h;
    char *profile = NULL, *library = NULL;
    if (mcap_next(r, &rec, NULL) == 1 && rec.op == MCAP_HEADER && mcap_parse_header(&h, rec.body, rec.n)) {
        profile = span_dup(h.profile);
        library = span_dup(h.library);
    } else {
        struct recording_reader *ours = rec_open(path, NULL);
        profile = mem_str(ours ? REC_PROFILE : "");
        rec_close(ours);
    }
    mcap_rewind(r);
    struct mcap_writer *w = mcap_create(out, profile, library ? library : REC_LIBRARY, cause);
    free(profile);
    free(library);
    return w;
}

/* Copies everything readable into `out`, finished and synced; r is left at its end. Messages copied, or -1
 * and no file. */
static int64_t copy_all(struct mcap_reader *r, const char *path, const char *out, char **cause)
{
    struct copy c = {.to = copy_target(r, path, out, cause)};
    if (!c.to)
        return -1;
    c.encoder = mcap_encoder_new(COMPACT_LEVEL);
    c.defined = mem_zero(2, MCAP_CHANNELS);
    struct mcap_record rec;
    int got = 1;
    while (c.status == MCAP_OK && (got = mcap_next(r, &rec, cause)) == 1)
        copy_record(&c, &rec, cause);
    copy_flush(&c, cause);
    if (c.status == MCAP_OK && got == 0)
        c.status = mcap_finish(c.to, cause);
    bool ok = c.status == MCAP_OK && got == 0;
    mcap_close_writer(&c.to);
    mcap_encoder_free(c.encoder);
    mcap_builder_release(&c.b);
    buf_release(&c.encoded);
    free(c.defined);
    if (!ok)
        unlink(out);
    return ok ? c.messages : -1;
}

int64_t rec_repair(const char *path, const char *out, char **cause)
{
    struct mcap_reader *r = mcap_open(path, 0, cause);
    if (!r)
        return -1;
    int64_t n = copy_all(r, path, out, cause);
    mcap_close(r);
    if (n >= 0 && mcap_sync_directory(out, cause) < 0)
        n = -1;
    return n;
}

/* The source was whole, and everything that it says it has was copied. */
static int check_copied(struct mcap_reader *r, const char *path, int64_t copied, char **cause)
{
    size_t damages;
    mcap_damages(r, &damages);
    if (damages > 0 || mcap_torn_at(r, NULL) >= 0)
        return cause_set(cause, "%s: damaged, hence not compacted; see hypertop fsck", path);
    if (!mcap_at_footer(r))
        return cause_set(cause, "%s: not finished, hence not compacted", path);
    const struct mcap_index *x = mcap_summary(r);
    if (!x || x->messages != (uint64_t)copied)
        return cause_set(
            cause, "%s: its statistics do not match its messages, hence not compacted; see hypertop fsck",
            path);
    return 0;
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
        int64_t n = copy_all(r, path, buf_cstr(&tmp), cause);
        rc = n < 0 ? -1 : check_copied(r, path, n, cause);
        if (rc == 0 && mcap_sys.rename(buf_cstr(&tmp), path) < 0)
            rc = cause_set(cause, "%s: cannot rename to %s: %s", buf_cstr(&tmp), path, strerror(errno));
        if (rc == 0)
            rc = mcap_sync_directory(path, cause);
        else
            unlink(buf_cstr(&tmp));
    }
    mcap_close(r);
    buf_release(&tmp);
    close(fd);
    return rc;
}
