#include "proto/mcap_window.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_FIXED 28 /* bytes of a chunk's body before the compression's name */
#define MAX_NAME    8  /* bytes of the name of a compression that anybody uses */
#define MAX_PADDING 64 /* bytes behind the known fields that a record may have to count as plausible */

static bool fill(struct mcap_window *w, uint64_t offset, size_t n)
{
    w->at = offset;
    buf_clear(&w->b);
    uint8_t *p = buf_reserve(&w->b, n);
    while (w->b.len < n) {
        ssize_t k = pread(w->fd, p + w->b.len, n - w->b.len, (off_t)(offset + w->b.len));
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            w->error = errno;
        if (k <= 0)
            break;
        w->b.len += (size_t)k;
    }
    return w->b.len == n;
}

const uint8_t *mcap_window(struct mcap_window *w, uint64_t offset, size_t n)
{
    if (offset > w->size || n > w->size - offset)
        return NULL;
    if (offset < w->at || offset - w->at > w->b.len || n > w->b.len - (offset - w->at)) {
        size_t ahead = w->ahead ? w->ahead : MCAP_READ_AHEAD, want = n > ahead ? n : ahead;
        if (want > w->size - offset)
            want = (size_t)(w->size - offset);
        if (!fill(w, offset, want) && w->b.len < n)
            return NULL;
    }
    return w->b.data ? w->b.data + (offset - w->at) : (const uint8_t *)"";
}

void mcap_window_grow(struct mcap_window *w)
{
    struct stat st;
    if (fstat(w->fd, &st) < 0)
        return;
    if ((uint64_t)st.st_size < w->size)
        mcap_window_forget(w);
    w->size = (uint64_t)st.st_size;
}

void mcap_window_forget(struct mcap_window *w)
{
    buf_clear(&w->b);
}

void mcap_window_release(struct mcap_window *w)
{
    if (w->fd >= 0)
        close(w->fd);
    buf_release(&w->b);
}

static uint64_t le64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 8; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

/* Opcode and length at offset, the length checked against the file. NULL or what is wrong. */
static const char *look_head(struct mcap_window *w, uint64_t offset, struct mcap_at *at)
{
    *at = (struct mcap_at){0};
    const uint8_t *p = mcap_window(w, offset, MCAP_HEAD);
    if (!p)
        return "a record is cut off";
    at->op = p[0];
    uint64_t n = le64(p + 1);
    if (at->op == MCAP_NONE)
        return "zero bytes where a record should begin";
    at->end = n < UINT64_MAX / 2 ? offset + MCAP_HEAD + n : 0;
    if (n > w->size - offset - MCAP_HEAD)
        return "a record is cut off";
    if (n > MCAP_MAX_CHUNK)
        return "a record is larger than 256 MiB";
    at->n = (size_t)n;
    return NULL;
}

const char *mcap_look(struct mcap_window *w, uint64_t offset, struct mcap_at *at)
{
    static const char *const malformed[MCAP_OP_COUNT] = {
#define MALFORMED(e, op, name) [op] = "malformed " name " record",
        MCAP_OPS(MALFORMED)
#undef MALFORMED
    };
    size_t used;
    const char *why = look_head(w, offset, at);
    if (why)
        return why;
    const uint8_t *body = mcap_window(w, offset + MCAP_HEAD, at->n);
    if (!body)
        return "a record is cut off";
    if (!mcap_well_formed(at->op, body, at->n, &used))
        return malformed[at->op];
    at->known = offset + MCAP_HEAD + used;
    /* Padding is legal, but a record inside of it means that the length is wrong and would swallow what
     * follows. */
    if (at->n - used >= MCAP_HEAD && mcap_chain(w, offset + MCAP_HEAD + used, 1)) {
        at->lied = true;
        at->n = used;
        at->end = offset + MCAP_HEAD + used;
    }
    return NULL;
}

/* The fields of a chunk's body of which `have` bytes are at p; the body may be up to `most` bytes long. */
static bool chunk_fields(const uint8_t *p, size_t have, uint64_t most, struct mcap_chunk *c, size_t *used)
{
    struct mcap_in in;
    mi_init(&in, p, have);
    c->start = mi_uint(&in, 8);
    c->end = mi_uint(&in, 8);
    c->uncompressed_size = mi_uint(&in, 8);
    c->uncompressed_crc = (uint32_t)mi_uint(&in, 4);
    c->compression = mi_str(&in);
    uint64_t n = mi_uint(&in, 8);
    uint64_t fixed = (uint64_t)(in.p - p);
    if (in.bad || c->compression.n > MAX_NAME || c->uncompressed_size > MCAP_MAX_CHUNK || fixed > most ||
        n > most - fixed || n > MCAP_MAX_CHUNK)
        return false;
    c->records = (struct span){NULL, (size_t)n};
    *used = (size_t)(fixed + n);
    return true;
}

static size_t head_bytes(const struct mcap_window *w, uint64_t offset)
{
    size_t n = CHUNK_FIXED + 4 + MAX_NAME + 8;
    return w->size - offset < n ? (size_t)(w->size - offset) : n;
}

bool mcap_look_chunk(struct mcap_window *w, uint64_t offset, struct mcap_at *at)
{
    struct mcap_chunk c;
    if (w->size < MCAP_HEAD || offset > w->size - MCAP_HEAD)
        return false;
    uint64_t body = offset + MCAP_HEAD;
    size_t have = head_bytes(w, body);
    const uint8_t *p = mcap_window(w, body, have);
    *at = (struct mcap_at){.op = MCAP_CHUNK};
    if (!p || !chunk_fields(p, have, w->size - body, &c, &at->n))
        return false;
    at->end = body + at->n;
    return true;
}

bool mcap_head(struct mcap_window *w, uint64_t offset, struct mcap_at *at, struct mcap_chunk *c)
{
    size_t used;
    if (w->size < MCAP_HEAD || offset > w->size - MCAP_HEAD || look_head(w, offset, at))
        return false;
    if (at->op != MCAP_CHUNK)
        return true;
    size_t have = head_bytes(w, offset + MCAP_HEAD);
    const uint8_t *p = mcap_window(w, offset + MCAP_HEAD, have);
    if (!p)
        return false;
    memcpy(at->head, p, have);
    return chunk_fields(at->head, have, at->n, c, &used) && at->n - used < MAX_PADDING;
}

static bool plausible(struct mcap_window *w, uint64_t offset, struct mcap_at *at)
{
    struct mcap_chunk c;
    size_t used;
    if (look_head(w, offset, at) || !mcap_op_name(at->op))
        return false;
    if (at->op == MCAP_CHUNK) {
        size_t have = head_bytes(w, offset + MCAP_HEAD);
        const uint8_t *p = mcap_window(w, offset + MCAP_HEAD, have);
        return p && chunk_fields(p, have, at->n, &c, &used) && at->n - used < MAX_PADDING;
    }
    const uint8_t *body = mcap_window(w, offset + MCAP_HEAD, at->n);
    return body && mcap_well_formed(at->op, body, at->n, &used) && at->n - used < MAX_PADDING;
}

bool mcap_chain(struct mcap_window *w, uint64_t offset, int depth)
{
    for (; depth > 0; depth--) {
        struct mcap_at at;
        if (!plausible(w, offset, &at))
            return false;
        if (at.op == MCAP_FOOTER) {
            const uint8_t *magic = mcap_window(w, at.end, MCAP_MAGIC_N);
            return magic && memcmp(magic, MCAP_MAGIC, MCAP_MAGIC_N) == 0;
        }
        if (at.end == w->size)
            return true;
        offset = at.end;
    }
    return true;
}

bool mcap_ends_data(struct mcap_window *w, const struct mcap_at *at)
{
    if (at->op == MCAP_FOOTER) {
        const uint8_t *magic = mcap_window(w, at->end, MCAP_MAGIC_N);
        return at->end == w->size || (magic && memcmp(magic, MCAP_MAGIC, MCAP_MAGIC_N) == 0);
    }
    const uint8_t *next = mcap_window(w, at->end, 1);
    if (!next)
        return true;
    switch (*next) {
    case MCAP_HEADER:
    case MCAP_MESSAGE:
    case MCAP_CHUNK:
    case MCAP_MESSAGE_INDEX:
    case MCAP_ATTACHMENT:
    case MCAP_METADATA:
    case MCAP_DATA_END:
        return false;
    default:
        return true;
    }
}

bool mcap_scan(struct mcap_window *w, uint64_t *offset)
{
    while (w->size >= MCAP_HEAD && *offset <= w->size - MCAP_HEAD) {
        uint64_t left = w->size - *offset;
        size_t n = left < MCAP_READ_AHEAD / 2 ? (size_t)left : MCAP_READ_AHEAD / 2;
        const uint8_t *p = mcap_window(w, *offset, n);
        if (!p)
            return false;
        for (size_t i = 0; i + MCAP_HEAD <= n; i++)
            if (p[i] - 1u < MCAP_OP_COUNT - 1u && le64(p + i + 1) <= left - i - MCAP_HEAD) {
                *offset += i;
                return true;
            }
        *offset += n - MCAP_HEAD + 1;
    }
    return false;
}
