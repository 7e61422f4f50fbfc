/* mcap_seek: finding a place in a file by time, and what its summary says.
 *
 * Through the summary or, without one, through the heads of the chunks, as far as they make sense. Keeps one
 * mark for each stretch of MARK_BYTES, never one for each chunk. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/mem.h"
#include "proto/mcap_reader.h"
#include "proto/mcap_walk.h"

static void mark_chunk(struct mcap_reader *r, uint64_t offset, uint64_t end)
{
    if (r->n_marks == 0 || offset - r->marks[r->n_marks - 1].offset >= MARK_BYTES) {
        if (r->n_marks == r->cap_marks) {
            r->cap_marks = r->cap_marks ? r->cap_marks * 2 : 64;
            r->marks = mem_resize(r->marks, r->cap_marks, sizeof *r->marks);
        }
        r->marks[r->n_marks++] = (struct mark){offset, end};
    } else if (end > r->marks[r->n_marks - 1].end) {
        r->marks[r->n_marks - 1].end = end;
    }
}

/* Whether the bytes from `from` to `to` have this CRC (0: nobody knows). */
static bool crc_matches(struct mcap_reader *r, uint64_t from, uint64_t to, uint32_t want)
{
    uint32_t crc = 0;
    while (want && from < to) {
        size_t n = to - from < MCAP_READ_AHEAD ? (size_t)(to - from) : MCAP_READ_AHEAD;
        const uint8_t *p = mcap_window(&r->w, from, n);
        if (!p)
            return false;
        crc = (uint32_t)crc32_z(crc, p, n);
        from += n;
    }
    return crc == want;
}

/* A chunk index becomes part of a mark, so that a long recording of many small chunks needs no memory for
 * each. */
static bool load_chunk_index(struct mcap_reader *r, const uint8_t *body, size_t n)
{
    struct mcap_chunk_index c;
    if (!mcap_parse_chunk_index(&c, body, n))
        return false;
    mark_chunk(r, c.offset, c.end);
    if (r->flags & MCAP_WITH_SUMMARY)
        return mcap_index_load(&r->index, MCAP_CHUNK_INDEX, body, n);
    mcap_index_chunk_count(&r->index);
    return true;
}

/* The records of the summary section, one after the other. */
static bool load_records(struct mcap_reader *r, uint64_t from, uint64_t to)
{
    while (from < to) {
        struct mcap_in in;
        const uint8_t *p = to - from >= MCAP_HEAD ? mcap_window(&r->w, from, MCAP_HEAD) : NULL;
        if (!p)
            return false;
        mi_init(&in, p, MCAP_HEAD);
        uint8_t op = (uint8_t)mi_uint(&in, 1);
        uint64_t n = mi_uint(&in, 8);
        if (n > to - from - MCAP_HEAD || n > MCAP_MAX_CHUNK)
            return false;
        p = mcap_window(&r->w, from, (size_t)n + MCAP_HEAD);
        if (!p || !(op == MCAP_CHUNK_INDEX ? load_chunk_index(r, p + MCAP_HEAD, (size_t)n)
                                           : mcap_index_load(&r->index, op, p + MCAP_HEAD, (size_t)n)))
            return false;
        from += MCAP_HEAD + n;
    }
    return true;
}

static void load_summary(struct mcap_reader *r)
{
    struct mcap_footer f;
    r->index_tried = true;
    mcap_window_grow(&r->w);
    uint64_t tail = MCAP_FOOTER_N + MCAP_MAGIC_N;
    if (r->w.size < tail + MCAP_MAGIC_N)
        return;
    uint64_t at = r->w.size - tail;
    const uint8_t *p = mcap_window(&r->w, at, tail);
    if (!p || p[0] != MCAP_FOOTER || memcmp(p + MCAP_FOOTER_N, MCAP_MAGIC, MCAP_MAGIC_N) != 0 ||
        !mcap_parse_footer(&f, p + MCAP_HEAD, 20) || f.summary_start == 0 || f.summary_start > at ||
        !crc_matches(r, f.summary_start, at + MCAP_FOOTER_N - 4, f.summary_crc))
        return;
    r->index_whole = load_records(r, f.summary_start, at);
    r->summary_at = f.summary_start;
    if (!r->index_whole) {
        mcap_index_release(&r->index);
        r->n_marks = 0;
    }
}

const struct mcap_index *mcap_summary(struct mcap_reader *r)
{
    if (!r->index_tried)
        load_summary(r);
    return r->index_whole ? &r->index : NULL;
}

uint64_t mcap_summary_take(struct mcap_reader *r, struct mcap_index *out)
{
    *out = r->index;
    r->index = (struct mcap_index){0};
    r->index_whole = r->index_tried = false;
    r->n_marks = 0;
    return r->summary_at;
}

/* Without a summary: walks from record to record by their lengths, reading nothing but the heads of chunks.
 * Stops at the first thing that makes no sense; from there on only reading helps. */
static void scan_heads(struct mcap_reader *r)
{
    struct mcap_walk k;
    struct mcap_step s;
    mcap_window_grow(&r->w);
    mcap_walk_begin(&k, r->w.fd, r->marked ? r->marked : MCAP_MAGIC_N, r->w.size);
    while (!r->loose && mcap_walk_next(&k, &s) == 1) {
        if (s.at.op == MCAP_DATA_END || s.at.op == MCAP_FOOTER || !mcap_op_name(s.at.op))
            break;
        r->loose = s.at.op == MCAP_MESSAGE;
        if (s.at.op == MCAP_CHUNK)
            mark_chunk(r, s.offset, s.chunk.end);
        r->marked = k.at;
    }
    mcap_walk_end(&k);
}

/* Where to read on for log time t; false when only the start of the file will do. */
static bool place_of(struct mcap_reader *r, uint64_t t, uint64_t *to)
{
    bool finished = mcap_summary(r) != NULL;
    if (!finished)
        scan_heads(r);
    if (r->loose || (finished ? r->n_marks : r->marked) == 0)
        return false;
    /* After everything: what comes last, so that the end is found from there. */
    *to = finished ? UINT64_MAX : r->marked;
    for (size_t i = 0; i < r->n_marks; i++)
        if (r->marks[i].end >= t && r->marks[i].offset < *to)
            *to = r->marks[i].offset;
    if (*to == UINT64_MAX)
        *to = r->marks[r->n_marks - 1].offset;
    return true;
}

bool mcap_seek(struct mcap_reader *r, uint64_t t)
{
    uint64_t to;
    if (!place_of(r, t, &to))
        return false;
    mcap_start_at(r, to);
    return true;
}
