#include "proto/mcap_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void mcap_index_release(struct mcap_index *x)
{
    free(x->chunks);
    free(x->schemas);
    free(x->channels);
    buf_release(&x->offsets);
    buf_release(&x->definitions);
    buf_release(&x->attachments);
    buf_release(&x->metadata);
    *x = (struct mcap_index){0};
}

/* ---- definitions ---- */

/* A slot for the record that starts at `at` in definitions; false (and the record is taken back) when the id
 * is taken. */
static bool define(struct mcap_index *x, struct mcap_index_id **table, uint32_t *count, uint16_t id,
                   size_t at)
{
    if (!*table)
        *table = mem_zero(MCAP_CHANNELS, sizeof **table);
    struct mcap_index_id *slot = &(*table)[id];
    size_t n = x->definitions.len - at;
    if (slot->n) {
        bool same = slot->n == n && memcmp(x->definitions.data + slot->at, x->definitions.data + at, n) == 0;
        x->definitions.len = at;
        return same;
    }
    slot->at = at;
    slot->n = n;
    ++*count;
    return true;
}

bool mcap_index_schema(struct mcap_index *x, const struct mcap_schema *s)
{
    size_t at = x->definitions.len;
    mcap_put_schema(&x->definitions, s);
    return define(x, &x->schemas, &x->n_schemas, s->id, at);
}

bool mcap_index_channel(struct mcap_index *x, const struct mcap_channel *c)
{
    size_t at = x->definitions.len;
    mcap_put_channel(&x->definitions, c);
    return define(x, &x->channels, &x->n_channels, c->id, at);
}

static const struct mcap_index_id *defined(const struct mcap_index_id *table, uint16_t id)
{
    return table && table[id].n ? &table[id] : NULL;
}

bool mcap_index_find_channel(const struct mcap_index *x, uint16_t id, struct mcap_channel *c)
{
    const struct mcap_index_id *slot = defined(x->channels, id);
    return slot && mcap_parse_channel(c, x->definitions.data + slot->at + MCAP_HEAD, slot->n - MCAP_HEAD);
}

bool mcap_index_find_schema(const struct mcap_index *x, uint16_t id, struct mcap_schema *s)
{
    const struct mcap_index_id *slot = defined(x->schemas, id);
    return slot && mcap_parse_schema(s, x->definitions.data + slot->at + MCAP_HEAD, slot->n - MCAP_HEAD);
}

/* ---- what is in the file ---- */

void mcap_index_messages(struct mcap_index *x, uint16_t channel, uint64_t n)
{
    if (!x->channels)
        x->channels = mem_zero(MCAP_CHANNELS, sizeof *x->channels);
    x->channels[channel].messages += n;
    x->messages += n;
}

void mcap_index_times(struct mcap_index *x, uint64_t start, uint64_t end)
{
    if (!x->has_times || start < x->start)
        x->start = start;
    if (!x->has_times || end > x->end)
        x->end = end;
    x->has_times = true;
}

void mcap_index_chunk_count(struct mcap_index *x)
{
    x->n_chunks++;
}

void mcap_index_forget_chunks(struct mcap_index *x)
{
    free(x->chunks);
    x->chunks = NULL;
    x->cap_chunks = 0;
    buf_release(&x->offsets);
}

static struct mcap_index_chunk *chunk_add(struct mcap_index *x)
{
    if (x->n_chunks == x->cap_chunks) {
        x->cap_chunks = x->cap_chunks ? x->cap_chunks * 2 : 64;
        x->chunks = mem_resize(x->chunks, x->cap_chunks, sizeof *x->chunks);
    }
    struct mcap_index_chunk *c = &x->chunks[x->n_chunks++];
    *c = (struct mcap_index_chunk){.offsets_at = x->offsets.len};
    return c;
}

struct mcap_index_chunk *mcap_index_chunk(struct mcap_index *x, const struct mcap_chunk *c, uint64_t offset,
                                          uint64_t length)
{
    struct mcap_index_chunk *k = chunk_add(x);
    k->start = c->start;
    k->end = c->end;
    k->offset = offset;
    k->length = length;
    k->compressed = c->records.n;
    k->uncompressed = c->uncompressed_size;
    span_copy(k->compression, sizeof k->compression, c->compression);
    return k;
}

void mcap_index_message_index(struct mcap_index *x, uint16_t channel, uint64_t offset, uint64_t length)
{
    if (x->n_chunks == 0)
        return;
    struct mcap_index_chunk *k = &x->chunks[x->n_chunks - 1];
    mo_uint(&x->offsets, channel, 2);
    mo_uint(&x->offsets, offset, 8);
    k->offsets_n += 10;
    k->index_length += (uint32_t)length;
}

void mcap_index_attachment(struct mcap_index *x, const struct mcap_attachment *a, uint64_t offset,
                           uint64_t length)
{
    struct buf *b = &x->attachments;
    size_t at = mo_begin(b, MCAP_ATTACHMENT_INDEX);
    mo_uint(b, offset, 8);
    mo_uint(b, length, 8);
    mo_uint(b, a->log_time, 8);
    mo_uint(b, a->create_time, 8);
    mo_uint(b, a->data.n, 8);
    mo_str(b, a->name);
    mo_str(b, a->media_type);
    mo_end(b, at);
    x->n_attachments++;
}

void mcap_index_metadata(struct mcap_index *x, const struct mcap_metadata *m, uint64_t offset,
                         uint64_t length)
{
    struct buf *b = &x->metadata;
    size_t at = mo_begin(b, MCAP_METADATA_INDEX);
    mo_uint(b, offset, 8);
    mo_uint(b, length, 8);
    mo_str(b, m->name);
    mo_end(b, at);
    x->n_metadata++;
}

/* ---- a summary section ---- */

static void put_definitions(const struct mcap_index *x, const struct mcap_index_id *table, struct buf *b)
{
    for (size_t id = 0; table && id < MCAP_CHANNELS; id++)
        if (table[id].n)
            buf_put(b, x->definitions.data + table[id].at, table[id].n);
}

void mcap_index_put_schemas(const struct mcap_index *x, struct buf *b)
{
    put_definitions(x, x->schemas, b);
}

void mcap_index_put_channels(const struct mcap_index *x, struct buf *b)
{
    put_definitions(x, x->channels, b);
}

void mcap_index_put_statistics(const struct mcap_index *x, struct buf *b)
{
    size_t at = mo_begin(b, MCAP_STATISTICS);
    mo_uint(b, x->messages, 8);
    mo_uint(b, x->n_schemas, 2);
    mo_uint(b, x->n_channels, 4);
    mo_uint(b, x->n_attachments, 4);
    mo_uint(b, x->n_metadata, 4);
    mo_uint(b, x->n_chunks, 4);
    mo_uint(b, x->start, 8);
    mo_uint(b, x->end, 8);
    size_t counts = b->len;
    mo_uint(b, 0, 4);
    for (size_t id = 0; x->channels && id < MCAP_CHANNELS; id++)
        if (x->channels[id].messages) {
            mo_uint(b, id, 2);
            mo_uint(b, x->channels[id].messages, 8);
        }
    mo_patch(b, counts, b->len - counts - 4, 4);
    mo_end(b, at);
}

static bool load_chunk_index(struct mcap_index *x, const uint8_t *body, size_t n)
{
    struct mcap_chunk_index c;
    if (!mcap_parse_chunk_index(&c, body, n) || c.index_length > UINT32_MAX)
        return false;
    struct mcap_index_chunk *k = chunk_add(x);
    buf_put(&x->offsets, c.index_offsets.p, c.index_offsets.n);
    k->start = c.start;
    k->end = c.end;
    k->offset = c.offset;
    k->length = c.length;
    k->compressed = c.compressed_size;
    k->uncompressed = c.uncompressed_size;
    k->offsets_n = (uint32_t)c.index_offsets.n;
    k->index_length = (uint32_t)c.index_length;
    span_copy(k->compression, sizeof k->compression, c.compression);
    return true;
}

static bool load_statistics(struct mcap_index *x, const uint8_t *body, size_t n)
{
    struct mcap_statistics s;
    struct mcap_in in;
    if (!mcap_parse_statistics(&s, body, n))
        return false;
    mi_init(&in, s.channel_counts.p, s.channel_counts.n);
    while (in.p < in.end) {
        uint16_t id = (uint16_t)mi_uint(&in, 2);
        mcap_index_messages(x, id, mi_uint(&in, 8));
    }
    x->messages = s.messages;
    x->start = s.start;
    x->end = s.end;
    x->has_times = s.messages > 0;
    return true;
}

bool mcap_index_load(struct mcap_index *x, uint8_t op, const uint8_t *body, size_t n)
{
    struct mcap_schema schema;
    struct mcap_channel channel;
    size_t used;
    if (!mcap_well_formed(op, body, n, &used))
        return false;
    switch (op) {
    case MCAP_SCHEMA:
        return mcap_parse_schema(&schema, body, n) && mcap_index_schema(x, &schema);
    case MCAP_CHANNEL:
        return mcap_parse_channel(&channel, body, n) && mcap_index_channel(x, &channel);
    case MCAP_CHUNK_INDEX:
        return load_chunk_index(x, body, n);
    case MCAP_STATISTICS:
        return load_statistics(x, body, n);
    case MCAP_ATTACHMENT_INDEX:
        buf_put(&x->attachments, body - MCAP_HEAD, n + MCAP_HEAD);
        x->n_attachments++;
        return true;
    case MCAP_METADATA_INDEX:
        buf_put(&x->metadata, body - MCAP_HEAD, n + MCAP_HEAD);
        x->n_metadata++;
        return true;
    default:
        return true;
    }
}
