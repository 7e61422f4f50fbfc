#include "proto/mcap_chunk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"

/* ---- building ---- */

void mcap_builder_release(struct mcap_builder *b)
{
    buf_release(&b->records);
    free(b->entries);
    *b = (struct mcap_builder){0};
}

void mcap_builder_entry(struct mcap_builder *b, uint16_t channel, uint64_t time, uint64_t offset)
{
    if (b->n == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 64;
        b->entries = mem_resize(b->entries, b->cap, sizeof *b->entries);
    }
    if (b->n == 0 || time < b->start)
        b->start = time;
    if (b->n == 0 || time > b->end)
        b->end = time;
    b->entries[b->n++] = (struct mcap_entry){time, offset, channel};
}

void mcap_builder_message(struct mcap_builder *b, const struct mcap_message *m)
{
    mcap_builder_entry(b, m->channel_id, m->log_time, b->records.len);
    mcap_put_message(&b->records, m);
}

void mcap_builder_clear(struct mcap_builder *b)
{
    buf_clear(&b->records);
    b->n = 0;
    b->start = b->end = 0;
}

/* ---- encoding ---- */

struct mcap_encoder {
    ZSTD_CCtx *zstd;
    uint32_t
        *first; /* per channel: index + 1 of its newest entry in the chain, 0 none; all zero between calls */
    uint32_t *next; /* per entry: the one before it of the same channel */
    size_t next_cap;
};

struct mcap_encoder *mcap_encoder_new(int level)
{
    struct mcap_encoder *e = MEM_NEW(struct mcap_encoder);
    e->zstd = ZSTD_createCCtx();
    if (!e->zstd)
        mem_fail(0);
    ZSTD_CCtx_setParameter(e->zstd, ZSTD_c_compressionLevel, level);
    e->first = mem_zero(MCAP_CHANNELS, sizeof *e->first);
    return e;
}

void mcap_encoder_free(struct mcap_encoder *e)
{
    if (!e)
        return;
    ZSTD_freeCCtx(e->zstd);
    free(e->first);
    free(e->next);
    free(e);
}

static void encode_records(struct mcap_encoder *e, const struct mcap_builder *b, struct buf *out)
{
    size_t at = mo_begin(out, MCAP_CHUNK);
    mo_uint(out, b->start, 8);
    mo_uint(out, b->end, 8);
    mo_uint(out, b->records.len, 8);
    mo_uint(out, crc32_z(0, b->records.data, b->records.len), 4);
    mo_str(out, span_of("zstd"));
    size_t length = out->len;
    mo_uint(out, 0, 8);
    size_t room = ZSTD_compressBound(b->records.len);
    void *to = buf_reserve(out, room);
    size_t n = ZSTD_compress2(e->zstd, to, room, b->records.data, b->records.len);
    if (ZSTD_isError(n)) /* with this much room only memory can be missing */
        mem_fail(room);
    out->len += n;
    mo_patch(out, length, n, 8);
    mo_end(out, at);
}

/* The message index of one channel: its chain runs from the newest entry to the oldest, so it is filled from
 * the back. */
static void encode_index(const struct mcap_encoder *e, const struct mcap_builder *b, uint16_t channel,
                         struct buf *out)
{
    size_t at = mo_begin(out, MCAP_MESSAGE_INDEX), n = 0;
    for (uint32_t i = e->first[channel]; i; i = e->next[i - 1])
        n++;
    mo_uint(out, channel, 2);
    mo_uint(out, n * 16, 4);
    size_t base = out->len;
    buf_reserve(out, n * 16);
    out->len += n * 16;
    for (uint32_t i = e->first[channel]; i; i = e->next[i - 1]) {
        n--;
        mo_patch(out, base + n * 16, b->entries[i - 1].time, 8);
        mo_patch(out, base + n * 16 + 8, b->entries[i - 1].offset, 8);
    }
    mo_end(out, at);
}

void mcap_encode_indexes(struct mcap_encoder *e, const struct mcap_builder *b, struct buf *out)
{
    if (b->n > e->next_cap) {
        e->next_cap = b->n;
        e->next = mem_resize(e->next, e->next_cap, sizeof *e->next);
    }
    for (size_t i = 0; i < b->n; i++) {
        e->next[i] = e->first[b->entries[i].channel];
        e->first[b->entries[i].channel] = (uint32_t)i + 1;
    }
    for (size_t i = 0; i < b->n; i++) { /* in the order in which the channels appear */
        uint16_t channel = b->entries[i].channel;
        if (e->first[channel]) {
            encode_index(e, b, channel, out);
            e->first[channel] = 0;
        }
    }
}

void mcap_encode(struct mcap_encoder *e, const struct mcap_builder *b, struct buf *out)
{
    buf_clear(out);
    encode_records(e, b, out);
    mcap_encode_indexes(e, b, out);
}

void mcap_index_encoded(struct mcap_index *x, const struct buf *encoded)
{
    struct mcap_in in;
    mi_init(&in, encoded->data, encoded->len);
    while (in.p < in.end) {
        uint8_t op = (uint8_t)mi_uint(&in, 1);
        struct span body = mi_bytes(&in, mi_uint(&in, 8));
        struct mcap_chunk c;
        struct mcap_message_index m;
        if (op == MCAP_CHUNK && mcap_parse_chunk(&c, body.p, body.n)) {
            mcap_index_chunk_count(x);
            if (in.p < in.end) /* it has messages */
                mcap_index_times(x, c.start, c.end);
        } else if (op == MCAP_MESSAGE_INDEX && mcap_parse_message_index(&m, body.p, body.n)) {
            mcap_index_messages(x, m.channel_id, m.entries.n / 16);
        }
    }
}

/* ---- decoding ---- */

struct mcap_decoder {
    ZSTD_DCtx *zstd;
    struct buf content;
    char why[128];
};

struct mcap_decoder *mcap_decoder_new(void)
{
    struct mcap_decoder *d = MEM_NEW(struct mcap_decoder);
    d->zstd = ZSTD_createDCtx();
    if (!d->zstd)
        mem_fail(0);
    return d;
}

void mcap_decoder_free(struct mcap_decoder *d)
{
    if (!d)
        return;
    ZSTD_freeDCtx(d->zstd);
    buf_release(&d->content);
    free(d);
}

/* The frame states its own size; both must agree before a byte is allocated for it. */
static const char *decompress(struct mcap_decoder *d, const struct mcap_chunk *c)
{
    unsigned long long said = ZSTD_getFrameContentSize(c->records.p, c->records.n);
    if (said == ZSTD_CONTENTSIZE_ERROR)
        return "the content is no zstd frame";
    if (said != ZSTD_CONTENTSIZE_UNKNOWN && said != c->uncompressed_size)
        return "the size of the content is not as its header says";
    buf_clear(&d->content);
    void *to = buf_reserve(&d->content, c->uncompressed_size + 1);
    size_t n = ZSTD_decompressDCtx(d->zstd, to, c->uncompressed_size, c->records.p, c->records.n);
    if (ZSTD_isError(n))
        return "the content does not decompress";
    if (n != c->uncompressed_size)
        return "the size of the content is not as its header says";
    d->content.len = n;
    return NULL;
}

bool mcap_decode(struct mcap_decoder *d, const struct mcap_chunk *c, struct span *content, const char **why)
{
    *why = NULL;
    if (c->uncompressed_size > MCAP_MAX_CHUNK) {
        *why = "the chunk is larger than 256 MiB";
    } else if (span_eq(c->compression, "zstd")) {
        *why = decompress(d, c);
        *content = (struct span){(const char *)d->content.data, d->content.len};
    } else if (c->compression.n == 0) {
        *content = c->records;
        if (c->records.n != c->uncompressed_size)
            *why = "the size of the content is not as its header says";
    } else {
        char name[16];
        span_copy(name, sizeof name, c->compression);
        for (char *p = name; *p; p++) /* the text goes to terminals */
            if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
                *p = '?';
        snprintf(d->why, sizeof d->why, "compression \"%s\" is not supported (zstd and none are)", name);
        *why = d->why;
    }
    if (!*why && c->uncompressed_crc &&
        c->uncompressed_crc != (uint32_t)crc32_z(0, (const uint8_t *)content->p, content->n))
        *why = "the CRC of the content does not match";
    return *why == NULL;
}
