#include "proto/mcap_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "base/cause.h"
#include "base/mem.h"
#include "proto/mcap_reader.h"

static void note(struct mcap_reader *r, uint64_t offset, uint64_t bytes, bool chunk, const char *why)
{
    if (r->n_damages > 0 && r->damages[r->n_damages - 1].offset >= offset) {
        for (size_t i = 0; i < r->n_damages; i++) /* after a rewind or a seek: known already */
            if (r->damages[i].offset == offset)
                return;
    }
    if (r->n_damages == MCAP_DAMAGES)
        return;
    r->damages = mem_resize(r->damages, r->n_damages + 1, sizeof *r->damages);
    struct mcap_damage *d = &r->damages[r->n_damages++];
    *d = (struct mcap_damage){.offset = offset, .bytes = bytes, .chunk = chunk};
    snprintf(d->why, sizeof d->why, "%s", why);
}

/* ---- opening ---- */

/* A file with a broken magic is still one of ours when a header record follows it. */
static int check_magic(struct mcap_reader *r, char **cause)
{
    const uint8_t *p = mcap_window(&r->w, 0, MCAP_MAGIC_N);
    if (p && memcmp(p, MCAP_MAGIC, MCAP_MAGIC_N) == 0)
        return 0;
    if (r->w.error)
        return cause_set(cause, "%s: cannot read: %s", r->path, strerror(r->w.error));
    if (!p)
        return cause_set(cause, "%s: not an MCAP file: %s", r->path,
                         r->w.size ? "it is shorter than 8 bytes" : "it is empty");
    if (memcmp(p, "version ", 8) == 0)
        return cause_set(
            cause, "%s: not an MCAP file but the text that Git LFS leaves in place of one; run git lfs pull",
            r->path);
    struct mcap_at at;
    if (mcap_look(&r->w, MCAP_MAGIC_N, &at) || at.op != MCAP_HEADER)
        return cause_set(cause, "%s: not an MCAP file (it does not begin with its magic bytes)", r->path);
    note(r, 0, 0, false, "the magic bytes are damaged");
    return 0;
}

struct mcap_reader *mcap_open(const char *path, int flags, char **cause)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cause_null(cause, "%s: cannot open: %s", path, strerror(errno));
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return cause_null(cause, "%s: not a regular file", path);
    }
    struct mcap_reader *r = MEM_NEW(struct mcap_reader);
    r->w.fd = fd;
    r->w.size = (uint64_t)st.st_size;
    r->path = mem_str(path);
    r->flags = flags;
    r->torn_at = -1;
    r->pos = MCAP_MAGIC_N;
    r->decoder = mcap_decoder_new();
    if (check_magic(r, cause) < 0) {
        mcap_close(r);
        return NULL;
    }
    return r;
}

void mcap_close(struct mcap_reader *r)
{
    if (!r)
        return;
    mcap_window_release(&r->w);
    mcap_decoder_free(r->decoder);
    mcap_index_release(&r->index);
    free(r->marks);
    free(r->damages);
    free(r->path);
    free(r);
}

void mcap_rewind(struct mcap_reader *r)
{
    r->pos = MCAP_MAGIC_N;
    r->inside = r->past_data = r->at_footer = r->done = false;
    r->padding = 0;
    r->crc_at = 0;
    r->crc = 0;
}

void mcap_start_at(struct mcap_reader *r, uint64_t offset)
{
    mcap_rewind(r);
    r->pos = r->crc_at = offset;
}

/* ---- inside a chunk ---- */

static void leave_chunk(struct mcap_reader *r)
{
    r->inside = false;
    if (r->seen > 0 && (r->seen_start != r->said_start || r->seen_end != r->said_end))
        note(r, r->chunk_offset, 0, false, "the chunk's times are not those of its messages");
}

/* The content passed its CRC or has none: then its framing is checked here. */
static bool next_inside(struct mcap_reader *r, struct mcap_record *rec)
{
    if (r->content.p == r->content.end) {
        leave_chunk(r);
        return false;
    }
    uint64_t at = (uint64_t)(r->content.p - r->content_at);
    uint8_t op = (uint8_t)mi_uint(&r->content, 1);
    struct span body = mi_bytes(&r->content, mi_uint(&r->content, 8));
    size_t used;
    if (r->content.bad || !mcap_well_formed(op, body.p, body.n, &used)) {
        r->inside = false;
        note(r, r->chunk_offset, r->chunk_end - r->chunk_offset, true,
             "a record inside the chunk is malformed");
        return false;
    }
    if (op == MCAP_MESSAGE) {
        struct mcap_message m;
        mcap_parse_message(&m, body.p, body.n);
        if (r->seen == 0 || m.log_time < r->seen_start)
            r->seen_start = m.log_time;
        if (r->seen == 0 || m.log_time > r->seen_end)
            r->seen_end = m.log_time;
        r->seen++;
    }
    *rec = (struct mcap_record){op, true, r->chunk_offset, r->chunk_end, (const uint8_t *)body.p, body.n, at};
    return true;
}

/* NULL, or why the chunk cannot be opened. */
static const char *enter_chunk(struct mcap_reader *r, uint64_t offset, const struct mcap_at *at,
                               const uint8_t *body)
{
    struct mcap_chunk c;
    struct span content;
    const char *why;
    if (!body || !mcap_parse_chunk(&c, body, at->n))
        return "malformed Chunk record";
    if (!mcap_decode(r->decoder, &c, &content, &why))
        return why;
    mi_init(&r->content, content.p, content.n);
    r->content_at = r->content.p;
    r->inside = !(r->flags & MCAP_SKIP_CHUNKS);
    r->chunk_offset = offset;
    r->chunk_end = at->end;
    r->said_start = c.start;
    r->said_end = c.end;
    r->seen = 0;
    return NULL;
}

/* A chunk whose opcode or length is damaged while everything else is there: its own fields say where it ends,
 * and its CRC says whether that is so. */
static bool salvage(struct mcap_reader *r, uint64_t offset, struct mcap_at *at)
{
    if (!mcap_look_chunk(&r->w, offset, at))
        return false;
    const uint8_t *body = mcap_window(&r->w, offset + MCAP_HEAD, at->n);
    struct mcap_chunk c;
    return body && mcap_parse_chunk(&c, body, at->n) && c.uncompressed_crc &&
           !enter_chunk(r, offset, at, body);
}

/* ---- between chunks ---- */

/* The next offset behind a broken record at which something readable begins; 0 when there is nothing. */
static uint64_t resync(struct mcap_reader *r, uint64_t from, const struct mcap_at *at)
{
    if (at->end > from && mcap_chain(&r->w, at->end, 1))
        return at->end;
    for (uint64_t o = from + 1; mcap_scan(&r->w, &o); o++) {
        struct mcap_at found;
        uint8_t op = *mcap_window(&r->w, o, 1);
        if (op == MCAP_CHUNK && salvage(r, o, &found)) {
            r->inside = false; /* only tried: it will be read when pos is there */
            return o;
        }
        bool start = op == MCAP_MESSAGE_INDEX || op == MCAP_ATTACHMENT || op == MCAP_METADATA ||
                     op == MCAP_DATA_END || op == MCAP_FOOTER;
        if (start && mcap_chain(&r->w, o, 2))
            return o;
    }
    return 0;
}

/* Whether nothing but message indexes and broken chunks stands between offset and the end. After a power loss
 * the indexes may be on disk while parts of the chunk before them are not; they say nothing without it. */
static bool nothing_readable(struct mcap_reader *r, uint64_t offset)
{
    struct mcap_at at;
    for (; offset < r->w.size; offset = at.end) {
        const char *why = mcap_look(&r->w, offset, &at);
        bool chunk = at.op == MCAP_CHUNK;
        if (!chunk && at.op != MCAP_MESSAGE_INDEX)
            return false;
        if (why)
            return at.end > r->w.size;
        const uint8_t *body = mcap_window(&r->w, offset + MCAP_HEAD, at.n);
        bool readable = chunk && !enter_chunk(r, offset, &at, body);
        r->inside = false; /* it was only tried */
        if (readable)
            return false;
    }
    return true;
}

/* Nothing readable behind pos: the end, for now. */
static void torn(struct mcap_reader *r, const char *why)
{
    r->torn_at = (int64_t)r->pos;
    r->torn_size = r->w.size;
    snprintf(r->torn_why, sizeof r->torn_why, "%s", why);
    mcap_window_forget(&r->w); /* what is there may be cut off and written anew */
}

/* A record at pos that makes no sense: 1 the chunk in it could be opened after all, 0 it is the torn end, 2
 * skipped. */
static int broken(struct mcap_reader *r, struct mcap_at *at, const char *reason)
{
    char why[112];
    snprintf(why, sizeof why, "%s", reason); /* the decoder's sentence does not outlive the next attempt */
    struct mcap_at found;
    if (r->past_data) {
        note(r, r->pos, r->w.size - r->pos, false, why);
        r->done = true;
        return 0;
    }
    uint64_t padding = r->padding;
    r->padding = 0;
    if (padding && mcap_chain(&r->w, padding, 1)) { /* what looked like padding is where this record begins */
        note(r, padding, 0, false, "the length of the record before is damaged");
        r->pos = padding;
        return 2;
    }
    if (salvage(r, r->pos, &found)) {
        note(r, r->pos, 0, false, "the chunk's opcode or length is damaged, its content is whole");
        *at = found;
        return 1;
    }
    uint64_t next = resync(r, r->pos, at);
    if (!next || nothing_readable(r, next)) {
        torn(r, why);
        return 0;
    }
    note(r, r->pos, next - r->pos, at->op == MCAP_CHUNK, why);
    r->pos = next;
    return 2;
}

static void crc_upto(struct mcap_reader *r, uint64_t end)
{
    while (r->crc_at < end) {
        size_t n = end - r->crc_at < MCAP_READ_AHEAD ? (size_t)(end - r->crc_at) : MCAP_READ_AHEAD;
        const uint8_t *p = mcap_window(&r->w, r->crc_at, n);
        if (!p)
            return;
        r->crc = (uint32_t)crc32_z(r->crc, p, n);
        r->crc_at += n;
    }
}

static void check_data_end(struct mcap_reader *r, const uint8_t *body, size_t n)
{
    uint32_t crc;
    if (r->past_data || !(r->flags & MCAP_WITH_CRC) || !mcap_parse_data_end(&crc, body, n))
        return;
    if (crc && crc != r->crc && r->n_damages == 0)
        note(r, MCAP_MAGIC_N, 0, false, "the CRC of the data section does not match");
}

/* The closing magic, and nothing behind it. */
static void check_end(struct mcap_reader *r)
{
    const uint8_t *p = mcap_window(&r->w, r->pos, MCAP_MAGIC_N);
    if (!p || memcmp(p, MCAP_MAGIC, MCAP_MAGIC_N) != 0)
        note(r, r->pos, r->w.size - r->pos, false, "the closing magic bytes are missing or damaged");
    else if (r->pos + MCAP_MAGIC_N < r->w.size)
        note(r, r->pos + MCAP_MAGIC_N, r->w.size - r->pos - MCAP_MAGIC_N, false,
             "bytes behind the end of the file");
    r->done = true;
}

/* DataEnd or the footer is behind us. */
static void pass_end(struct mcap_reader *r, uint64_t offset, const struct mcap_at *at)
{
    const uint8_t *body = mcap_window(&r->w, offset + MCAP_HEAD, at->n);
    if (body)
        check_data_end(r, body, at->n);
    r->past_data = true;
    if (at->op == MCAP_FOOTER)
        check_end(r);
}

/* Looks at the record at pos, opens it when it is a chunk. 1: it makes sense; 0: the end; 2: look again at
 * another pos. */
static int look(struct mcap_reader *r, struct mcap_at *at)
{
    const char *why = mcap_look(&r->w, r->pos, at);
    struct mcap_at hidden;
    bool odd = !mcap_op_name(at->op) || (at->op != MCAP_CHUNK && at->end - at->known > MCAP_ODD_PADDING);
    if (!why && odd && salvage(r, r->pos, &hidden)) {
        *at = hidden;
        note(r, r->pos, 0, false, "the chunk's opcode is damaged, its content is whole");
        return 1;
    }
    if (!why && at->op == MCAP_CHUNK && !(r->flags & MCAP_SKIP_CHUNKS))
        why = enter_chunk(r, r->pos, at, mcap_window(&r->w, r->pos + MCAP_HEAD, at->n));
    bool end = at->op == MCAP_DATA_END || at->op == MCAP_FOOTER;
    if (!why && end && !r->past_data && !mcap_ends_data(&r->w, at))
        why = "an end record in the middle of the data";
    return why ? broken(r, at, why) : 1;
}

/* 1: rec is set; 0: end; 2: go on. */
static int step(struct mcap_reader *r, struct mcap_record *rec)
{
    struct mcap_at at;
    if (r->done)
        return 0;
    mcap_window_grow(&r->w);
    if (r->torn_at == (int64_t)r->pos && r->torn_size == r->w.size)
        return 0;
    r->torn_at = -1;
    r->at_footer = false;
    if (r->flags & MCAP_WITH_CRC && !r->past_data)
        crc_upto(r, r->pos);
    if (r->pos == r->w.size) {
        if (r->past_data)
            note(r, r->pos, 0, false, "the footer is missing");
        return 0;
    }
    int found = look(r, &at);
    if (found != 1)
        return found;
    bool end = at.op == MCAP_DATA_END || at.op == MCAP_FOOTER;
    if (end && !(r->flags & MCAP_WITH_SUMMARY)) {
        r->at_footer = true;
        return 0;
    }
    if (at.lied)
        note(r, r->pos, 0, false, "the record's length is damaged");
    uint64_t offset = r->pos;
    r->pos = at.end;
    r->padding = at.known < at.end ? at.known : 0;
    if (end)
        pass_end(r, offset, &at);
    if ((at.op == MCAP_CHUNK || at.op == MCAP_MESSAGE_INDEX) && !(r->flags & MCAP_WITH_CHUNKS))
        return 2;
    const uint8_t *body = mcap_window(&r->w, offset + MCAP_HEAD, at.n);
    *rec = (struct mcap_record){at.op, false, offset, at.end, body, at.n, 0};
    return body ? 1 : 2;
}

int mcap_next(struct mcap_reader *r, struct mcap_record *rec, char **cause)
{
    for (;;) {
        if (r->inside && next_inside(r, rec))
            return 1;
        int s = step(r, rec);
        if (r->w.error) {
            int error = r->w.error;
            r->w.error = 0;
            return cause_set(cause, "%s: cannot read at byte %llu: %s", r->path, (unsigned long long)r->pos,
                             strerror(error));
        }
        if (s < 2)
            return s;
    }
}

bool mcap_next_inside(struct mcap_reader *r, struct mcap_record *rec)
{
    return r->inside && next_inside(r, rec);
}

/* ---- what was found ---- */

const struct mcap_damage *mcap_damages(const struct mcap_reader *r, size_t *n)
{
    *n = r->n_damages;
    return r->damages;
}

int64_t mcap_torn_at(const struct mcap_reader *r, const char **why)
{
    if (why)
        *why = r->torn_at >= 0 ? r->torn_why : NULL;
    return r->torn_at;
}

uint64_t mcap_position(const struct mcap_reader *r)
{
    return r->pos;
}

uint64_t mcap_size(const struct mcap_reader *r)
{
    return r->w.size;
}

bool mcap_at_footer(const struct mcap_reader *r)
{
    return r->at_footer;
}

uint32_t mcap_crc(const struct mcap_reader *r)
{
    return r->crc;
}
