/* mcap_finish: what stands behind the data of an MCAP file: DataEnd, the summary section, the footer.
 *
 * The chunk index is read back from the file: heads of chunks and of their message indexes go in, index
 * records go out, a piece at a time, so that neither a writer nor finishing needs memory for each chunk.
 * Until the last piece is written the file is one without a summary, and when that fails it becomes so
 * again. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "base/cause.h"
#include "base/mem.h"
#include "proto/mcap_walk.h"
#include "proto/mcap_write.h"

#define PIECE ((size_t)1 << 20)

struct ending {
    struct mcap_writer *w;
    struct buf b;       /* of the summary section, not yet written; b.data[0] will stand at w->offset */
    uint32_t crc;       /* of what was written of it */
    struct buf offsets; /* summary offset records */
    enum mcap_status status;
    char **cause;
};

static void flush(struct ending *e)
{
    if (e->status != MCAP_OK)
        return;
    e->crc = (uint32_t)crc32_z(e->crc, e->b.data, e->b.len);
    e->status = mcap_write_raw(e->w, e->b.data, e->b.len, e->cause);
    buf_clear(&e->b);
}

/* One group of the summary that began at file offset `from`. An empty one is not named in the summary
 * offsets. */
static uint64_t group(struct ending *e, uint64_t from, enum mcap_op op)
{
    uint64_t end = e->w->offset + e->b.len;
    if (end > from) {
        size_t rec = mo_begin(&e->offsets, MCAP_SUMMARY_OFFSET);
        mo_uint(&e->offsets, op, 1);
        mo_uint(&e->offsets, from, 8);
        mo_uint(&e->offsets, end - from, 8);
        mo_end(&e->offsets, rec);
    }
    return end;
}

/* ---- chunk indexes ---- */

struct chunk_row { /* the chunk that the walk passed last */
    struct mcap_index_chunk k;
    struct buf offsets; /* pairs (u16 channel, u64 offset of its message index), as they go to disk */
    bool open;
};

static void put_row(struct chunk_row *row, struct buf *b)
{
    if (!row->open)
        return;
    const struct mcap_index_chunk *k = &row->k;
    size_t at = mo_begin(b, MCAP_CHUNK_INDEX);
    mo_uint(b, k->start, 8);
    mo_uint(b, k->end, 8);
    mo_uint(b, k->offset, 8);
    mo_uint(b, k->length, 8);
    mo_str(b, (struct span){row->offsets.len ? (const char *)row->offsets.data : "", row->offsets.len});
    mo_uint(b, k->index_length, 8);
    mo_str(b, span_of(k->compression));
    mo_uint(b, k->compressed, 8);
    mo_uint(b, k->uncompressed, 8);
    mo_end(b, at);
    row->open = false;
}

static void begin_row(struct chunk_row *row, const struct mcap_step *s)
{
    const struct mcap_chunk *c = &s->chunk;
    row->k = (struct mcap_index_chunk){.start = c->start,
                                       .end = c->end,
                                       .offset = s->offset,
                                       .length = s->at.end - s->offset,
                                       .compressed = c->records.n,
                                       .uncompressed = c->uncompressed_size};
    span_copy(row->k.compression, sizeof row->k.compression, c->compression);
    buf_clear(&row->offsets);
    row->open = true;
}

static void put_chunk_indexes(struct ending *e, uint64_t data_end)
{
    struct mcap_walk k;
    struct mcap_step s;
    struct chunk_row row = {0};
    size_t chunks = 0;
    int got = 0;
    mcap_walk_begin(&k, e->w->fd, MCAP_MAGIC_N, data_end);
    while (e->status == MCAP_OK && (got = mcap_walk_next(&k, &s)) == 1) {
        if (s.at.op != MCAP_MESSAGE_INDEX)
            put_row(&row, &e->b);
        if (s.at.op == MCAP_CHUNK) {
            begin_row(&row, &s);
            chunks++;
        } else if (s.at.op == MCAP_MESSAGE_INDEX && row.open) {
            mo_uint(&row.offsets, s.channel, 2);
            mo_uint(&row.offsets, s.offset, 8);
            row.k.index_length += (uint32_t)(s.at.end - s.offset);
        }
        if (e->b.len >= PIECE)
            flush(e);
    }
    put_row(&row, &e->b);
    buf_release(&row.offsets);
    if (e->status == MCAP_OK && (got < 0 || chunks != e->w->index.n_chunks)) {
        cause_set(e->cause, "%s: not finished: %s at byte %llu", e->w->path,
                  k.w.error ? strerror(k.w.error)
                  : got < 0 ? "what was written is not there any more"
                            : "other chunks than were written, up to",
                  (unsigned long long)k.at);
        e->status = MCAP_DEAD;
    }
    mcap_walk_end(&k);
}

/* ---- all of it ---- */

/* The CRC of bytes 0..n, which were not read when the file was opened. */
static bool crc_of_start(const struct mcap_writer *w, uint64_t n, uint32_t *crc)
{
    struct mcap_window in = {.fd = w->fd, .size = n};
    *crc = 0;
    for (uint64_t at = 0; at < n;) {
        size_t piece = n - at < MCAP_READ_AHEAD ? (size_t)(n - at) : MCAP_READ_AHEAD;
        const uint8_t *p = mcap_window(&in, at, piece);
        if (!p)
            break;
        *crc = (uint32_t)crc32_z(*crc, p, piece);
        at += piece;
        if (at == n) {
            buf_release(&in.b);
            return true;
        }
    }
    buf_release(&in.b);
    return n == 0;
}

static void put_data_end(struct ending *e)
{
    struct mcap_writer *w = e->w;
    uint32_t start, crc = 0; /* 0: not known */
    if (crc_of_start(w, w->crc_from, &start))
        crc = (uint32_t)crc32_combine(start, w->crc, (z_off_t)(w->offset - w->crc_from));
    mcap_put_data_end(&e->b, crc);
    flush(e);
    e->crc = 0;
}

static void put_summary(struct ending *e, uint64_t data_end)
{
    const struct mcap_index *x = &e->w->index;
    uint64_t start = e->w->offset, at = start;
    mcap_index_put_schemas(x, &e->b);
    at = group(e, at, MCAP_SCHEMA);
    mcap_index_put_channels(x, &e->b);
    at = group(e, at, MCAP_CHANNEL);
    mcap_index_put_statistics(x, &e->b);
    at = group(e, at, MCAP_STATISTICS);
    put_chunk_indexes(e, data_end);
    at = group(e, at, MCAP_CHUNK_INDEX);
    buf_put(&e->b, x->attachments.data, x->attachments.len);
    at = group(e, at, MCAP_ATTACHMENT_INDEX);
    buf_put(&e->b, x->metadata.data, x->metadata.len);
    at = group(e, at, MCAP_METADATA_INDEX);
    buf_put(&e->b, e->offsets.data, e->offsets.len);
    struct mcap_footer f = {.summary_start = start, .summary_offset_start = at};
    size_t foot = e->b.len;
    mcap_put_footer(&e->b, &f);
    /* The CRC covers the summary and the footer up to the CRC itself. */
    mo_patch(&e->b, foot + MCAP_HEAD + 16, crc32_z(e->crc, e->b.data, e->b.len - 4), 4);
    buf_put(&e->b, MCAP_MAGIC, MCAP_MAGIC_N);
    flush(e);
}

enum mcap_status mcap_finish(struct mcap_writer *w, char **cause)
{
    struct ending e = {.w = w, .cause = cause};
    uint64_t offset = w->offset;
    uint32_t crc = w->crc;
    put_data_end(&e);
    put_summary(&e, offset);
    if (e.status != MCAP_OK && w->offset != offset) { /* as if it had not been tried */
        int cut = mcap_sys.ftruncate(w->fd, (off_t)offset);
        (void)cut; /* readers stop at DataEnd, and the next write goes over it */
        w->offset = offset;
        w->crc = crc;
    }
    buf_release(&e.b);
    buf_release(&e.offsets);
    return e.status == MCAP_OK ? mcap_sync(w, cause) : e.status;
}
