#include "proto/mcap_records.h"

#include <string.h>

#include <zlib.h>

const char *mcap_op_name(uint8_t op)
{
    static const char *const names[MCAP_OP_COUNT] = {
#define MCAP_OP_NAME(e, op, name) [op] = name,
        MCAP_OPS(MCAP_OP_NAME)
#undef MCAP_OP_NAME
    };
    return op < MCAP_OP_COUNT ? names[op] : NULL;
}

struct span span_of(const char *z)
{
    return (struct span){z, strlen(z)};
}

/* ---- reading ---- */

void mi_init(struct mcap_in *in, const void *p, size_t n)
{
    *in = (struct mcap_in){.p = p, .end = (const uint8_t *)p + n};
}

struct span mi_bytes(struct mcap_in *in, uint64_t n)
{
    if (in->bad || n > (uint64_t)(in->end - in->p)) {
        in->bad = true;
        return (struct span){"", 0};
    }
    struct span s = {(const char *)in->p, (size_t)n};
    in->p += n;
    return s;
}

uint64_t mi_uint(struct mcap_in *in, int bytes)
{
    struct span s = mi_bytes(in, (uint64_t)bytes);
    uint64_t v = 0;
    for (size_t i = s.n; i-- > 0;)
        v = v << 8 | (uint8_t)s.p[i];
    return v;
}

struct span mi_str(struct mcap_in *in)
{
    return mi_bytes(in, mi_uint(in, 4));
}

static struct span mi_rest(struct mcap_in *in)
{
    return mi_bytes(in, in->bad ? 0 : (uint64_t)(in->end - in->p));
}

/* A map as on disk: byte length, then pairs; every pair must lie inside it. */
static struct span mi_map(struct mcap_in *in, bool strings)
{
    struct span s = mi_str(in);
    struct mcap_in at;
    mi_init(&at, s.p, s.n);
    while (!at.bad && at.p < at.end) {
        if (strings) {
            mi_str(&at);
            mi_str(&at);
        } else {
            mi_bytes(&at, 10);
        }
    }
    in->bad |= at.bad;
    return s;
}

bool mcap_parse_header(struct mcap_header *h, const void *body, size_t n)
{
    struct mcap_in in;
    mi_init(&in, body, n);
    h->profile = mi_str(&in);
    h->library = mi_str(&in);
    return !in.bad;
}

bool mcap_parse_footer(struct mcap_footer *f, const void *body, size_t n)
{
    struct mcap_in in;
    mi_init(&in, body, n);
    f->summary_start = mi_uint(&in, 8);
    f->summary_offset_start = mi_uint(&in, 8);
    f->summary_crc = (uint32_t)mi_uint(&in, 4);
    return !in.bad;
}

bool mcap_parse_schema(struct mcap_schema *s, const void *body, size_t n)
{
    struct mcap_in in;
    mi_init(&in, body, n);
    s->id = (uint16_t)mi_uint(&in, 2);
    s->name = mi_str(&in);
    s->encoding = mi_str(&in);
    s->data = mi_str(&in);
    return !in.bad;
}

bool mcap_parse_channel(struct mcap_channel *c, const void *body, size_t n)
{
    struct mcap_in in;
    mi_init(&in, body, n);
    c->id = (uint16_t)mi_uint(&in, 2);
    c->schema_id = (uint16_t)mi_uint(&in, 2);
    c->topic = mi_str(&in);
    c->message_encoding = mi_str(&in);
    c->metadata = mi_map(&in, true);
    return !in.bad;
}

bool mcap_parse_message(struct mcap_message *m, const void *body, size_t n)
{
    struct mcap_in in;
    mi_init(&in, body, n);
    m->channel_id = (uint16_t)mi_uint(&in, 2);
    m->sequence = (uint32_t)mi_uint(&in, 4);
    m->log_time = mi_uint(&in, 8);
    m->publish_time = mi_uint(&in, 8);
    m->data = mi_rest(&in);
    return !in.bad;
}

bool mcap_parse_chunk(struct mcap_chunk *c, const void *body, size_t n)
{
    struct mcap_in in;
    mi_init(&in, body, n);
    c->start = mi_uint(&in, 8);
    c->end = mi_uint(&in, 8);
    c->uncompressed_size = mi_uint(&in, 8);
    c->uncompressed_crc = (uint32_t)mi_uint(&in, 4);
    c->compression = mi_str(&in);
    c->records = mi_bytes(&in, mi_uint(&in, 8));
    return !in.bad;
}

bool mcap_parse_message_index(struct mcap_message_index *x, const void *body, size_t n)
{
    struct mcap_in in;
    mi_init(&in, body, n);
    x->channel_id = (uint16_t)mi_uint(&in, 2);
    x->entries = mi_str(&in);
    return !in.bad && x->entries.n % 16 == 0;
}

bool mcap_parse_chunk_index(struct mcap_chunk_index *x, const void *body, size_t n)
{
    struct mcap_in in;
    mi_init(&in, body, n);
    x->start = mi_uint(&in, 8);
    x->end = mi_uint(&in, 8);
    x->offset = mi_uint(&in, 8);
    x->length = mi_uint(&in, 8);
    x->index_offsets = mi_map(&in, false);
    x->index_length = mi_uint(&in, 8);
    x->compression = mi_str(&in);
    x->compressed_size = mi_uint(&in, 8);
    x->uncompressed_size = mi_uint(&in, 8);
    return !in.bad;
}

bool mcap_parse_attachment(struct mcap_attachment *a, const void *body, size_t n)
{
    struct mcap_in in;
    mi_init(&in, body, n);
    a->log_time = mi_uint(&in, 8);
    a->create_time = mi_uint(&in, 8);
    a->name = mi_str(&in);
    a->media_type = mi_str(&in);
    a->data = mi_bytes(&in, mi_uint(&in, 8));
    size_t covered = (size_t)(in.p - (const uint8_t *)body);
    a->crc = (uint32_t)mi_uint(&in, 4);
    return !in.bad && (a->crc == 0 || a->crc == (uint32_t)crc32_z(0, body, covered));
}

bool mcap_parse_attachment_index(struct mcap_attachment_index *x, const void *body, size_t n)
{
    struct mcap_in in;
    mi_init(&in, body, n);
    x->offset = mi_uint(&in, 8);
    x->length = mi_uint(&in, 8);
    x->log_time = mi_uint(&in, 8);
    x->create_time = mi_uint(&in, 8);
    x->data_size = mi_uint(&in, 8);
    x->name = mi_str(&in);
    x->media_type = mi_str(&in);
    return !in.bad;
}

bool mcap_parse_statistics(struct mcap_statistics *s, const void *body, size_t n)
{
    struct mcap_in in;
    mi_init(&in, body, n);
    s->messages = mi_uint(&in, 8);
    s->schemas = (uint16_t)mi_uint(&in, 2);
    s->channels = (uint32_t)mi_uint(&in, 4);
    s->attachments = (uint32_t)mi_uint(&in, 4);
    s->metadata = (uint32_t)mi_uint(&in, 4);
    s->chunks = (uint32_t)mi_uint(&in, 4);
    s->start = mi_uint(&in, 8);
    s->end = mi_uint(&in, 8);
    s->channel_counts = mi_map(&in, false);
    return !in.bad;
}

bool mcap_parse_metadata(struct mcap_metadata *m, const void *body, size_t n)
{
    struct mcap_in in;
    mi_init(&in, body, n);
    m->name = mi_str(&in);
    m->metadata = mi_map(&in, true);
    return !in.bad;
}

bool mcap_parse_metadata_index(struct mcap_metadata_index *x, const void *body, size_t n)
{
    struct mcap_in in;
    mi_init(&in, body, n);
    x->offset = mi_uint(&in, 8);
    x->length = mi_uint(&in, 8);
    x->name = mi_str(&in);
    return !in.bad;
}

bool mcap_parse_summary_offset(struct mcap_summary_offset *o, const void *body, size_t n)
{
    struct mcap_in in;
    mi_init(&in, body, n);
    o->op = (uint8_t)mi_uint(&in, 1);
    o->start = mi_uint(&in, 8);
    o->length = mi_uint(&in, 8);
    return !in.bad;
}

bool mcap_parse_data_end(uint32_t *crc, const void *body, size_t n)
{
    struct mcap_in in;
    mi_init(&in, body, n);
    *crc = (uint32_t)mi_uint(&in, 4);
    return !in.bad;
}

/* ---- fields ---- */

static const struct mcap_field fields[MCAP_OP_COUNT][MCAP_FIELDS + 1] = {
    [MCAP_HEADER] = {{"profile", MF_STR}, {"library", MF_STR}},
    [MCAP_FOOTER] = {{"summary_start", MF_U64}, {"summary_offset_start", MF_U64}, {"summary_crc", MF_U32}},
    [MCAP_SCHEMA] = {{"id", MF_U16}, {"name", MF_STR}, {"encoding", MF_STR}, {"data", MF_BYTES32}},
    [MCAP_CHANNEL] = {{"id", MF_U16},
                      {"schema_id", MF_U16},
                      {"topic", MF_STR},
                      {"message_encoding", MF_STR},
                      {"metadata", MF_MAP_STR}},
    [MCAP_MESSAGE] = {{"channel_id", MF_U16},
                      {"sequence", MF_U32},
                      {"log_time", MF_U64},
                      {"publish_time", MF_U64},
                      {"data", MF_REST}},
    [MCAP_CHUNK] = {{"message_start_time", MF_U64},
                    {"message_end_time", MF_U64},
                    {"uncompressed_size", MF_U64},
                    {"uncompressed_crc", MF_U32},
                    {"compression", MF_STR},
                    {"records", MF_RECORDS}},
    [MCAP_MESSAGE_INDEX] = {{"channel_id", MF_U16}, {"records", MF_INDEX}},
    [MCAP_CHUNK_INDEX] = {{"message_start_time", MF_U64},
                          {"message_end_time", MF_U64},
                          {"chunk_start_offset", MF_U64},
                          {"chunk_length", MF_U64},
                          {"message_index_offsets", MF_MAP_U64},
                          {"message_index_length", MF_U64},
                          {"compression", MF_STR},
                          {"compressed_size", MF_U64},
                          {"uncompressed_size", MF_U64}},
    [MCAP_ATTACHMENT] = {{"log_time", MF_U64},
                         {"create_time", MF_U64},
                         {"name", MF_STR},
                         {"media_type", MF_STR},
                         {"data", MF_BYTES64},
                         {"crc", MF_U32}},
    [MCAP_ATTACHMENT_INDEX] = {{"offset", MF_U64},
                               {"length", MF_U64},
                               {"log_time", MF_U64},
                               {"create_time", MF_U64},
                               {"data_size", MF_U64},
                               {"name", MF_STR},
                               {"media_type", MF_STR}},
    [MCAP_STATISTICS] = {{"message_count", MF_U64},
                         {"schema_count", MF_U16},
                         {"channel_count", MF_U32},
                         {"attachment_count", MF_U32},
                         {"metadata_count", MF_U32},
                         {"chunk_count", MF_U32},
                         {"message_start_time", MF_U64},
                         {"message_end_time", MF_U64},
                         {"channel_message_counts", MF_MAP_U64}},
    [MCAP_METADATA] = {{"name", MF_STR}, {"metadata", MF_MAP_STR}},
    [MCAP_METADATA_INDEX] = {{"offset", MF_U64}, {"length", MF_U64}, {"name", MF_STR}},
    [MCAP_SUMMARY_OFFSET] = {{"group_opcode", MF_U8}, {"group_start", MF_U64}, {"group_length", MF_U64}},
    [MCAP_DATA_END] = {{"data_section_crc", MF_U32}},
};

const struct mcap_field *mcap_fields(uint8_t op)
{
    return mcap_op_name(op) ? fields[op] : NULL;
}

void mcap_field_read(struct mcap_in *in, enum mcap_field_type type, uint64_t *v, struct span *s)
{
    switch (type) {
    case MF_U8:
        *v = mi_uint(in, 1);
        break;
    case MF_U16:
        *v = mi_uint(in, 2);
        break;
    case MF_U32:
        *v = mi_uint(in, 4);
        break;
    case MF_U64:
        *v = mi_uint(in, 8);
        break;
    case MF_STR:
    case MF_BYTES32:
        *s = mi_str(in);
        break;
    case MF_BYTES64:
    case MF_RECORDS:
        *s = mi_bytes(in, mi_uint(in, 8));
        break;
    case MF_REST:
        *s = mi_rest(in);
        break;
    case MF_MAP_STR:
        *s = mi_map(in, true);
        break;
    case MF_MAP_U64:
        *s = mi_map(in, false);
        break;
    case MF_INDEX:
        *s = mi_str(in);
        in->bad |= s->n % 16 != 0;
        break;
    }
}

bool mcap_well_formed(uint8_t op, const void *body, size_t n, size_t *used)
{
    struct mcap_in in;
    uint64_t v;
    struct span s;
    *used = n;
    const struct mcap_field *f = mcap_fields(op);
    if (!f)
        return op != MCAP_NONE;
    mi_init(&in, body, n);
    for (; f->name; f++)
        mcap_field_read(&in, f->type, &v, &s);
    *used = (size_t)(in.p - (const uint8_t *)body);
    struct mcap_attachment a;
    if (op == MCAP_ATTACHMENT && !in.bad)
        return mcap_parse_attachment(&a, body, n);
    return !in.bad;
}

/* ---- emitting ---- */

void mo_uint(struct buf *b, uint64_t v, int bytes)
{
    uint8_t *p = buf_reserve(b, (size_t)bytes);
    for (int i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> 8 * i);
    b->len += (size_t)bytes;
}

void mo_patch(struct buf *b, size_t at, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        b->data[at + (size_t)i] = (uint8_t)(v >> 8 * i);
}

void mo_str(struct buf *b, struct span s)
{
    mo_uint(b, s.n, 4);
    buf_put(b, s.p, s.n);
}

size_t mo_begin(struct buf *b, uint8_t op)
{
    size_t at = b->len;
    buf_putc(b, op);
    mo_uint(b, 0, 8);
    return at;
}

void mo_end(struct buf *b, size_t begun)
{
    mo_patch(b, begun + 1, b->len - begun - MCAP_HEAD, 8);
}

void mcap_put_header(struct buf *b, const char *profile, const char *library)
{
    size_t at = mo_begin(b, MCAP_HEADER);
    mo_str(b, span_of(profile));
    mo_str(b, span_of(library));
    mo_end(b, at);
}

void mcap_put_footer(struct buf *b, const struct mcap_footer *f)
{
    size_t at = mo_begin(b, MCAP_FOOTER);
    mo_uint(b, f->summary_start, 8);
    mo_uint(b, f->summary_offset_start, 8);
    mo_uint(b, f->summary_crc, 4);
    mo_end(b, at);
}

void mcap_put_schema(struct buf *b, const struct mcap_schema *s)
{
    size_t at = mo_begin(b, MCAP_SCHEMA);
    mo_uint(b, s->id, 2);
    mo_str(b, s->name);
    mo_str(b, s->encoding);
    mo_str(b, s->data);
    mo_end(b, at);
}

void mcap_put_channel(struct buf *b, const struct mcap_channel *c)
{
    size_t at = mo_begin(b, MCAP_CHANNEL);
    mo_uint(b, c->id, 2);
    mo_uint(b, c->schema_id, 2);
    mo_str(b, c->topic);
    mo_str(b, c->message_encoding);
    mo_str(b, c->metadata);
    mo_end(b, at);
}

void mcap_put_message(struct buf *b, const struct mcap_message *m)
{
    buf_reserve(b, MCAP_HEAD + 22 + m->data.n); /* one growth instead of six */
    buf_putc(b, MCAP_MESSAGE);
    mo_uint(b, 22 + m->data.n, 8);
    mo_uint(b, m->channel_id, 2);
    mo_uint(b, m->sequence, 4);
    mo_uint(b, m->log_time, 8);
    mo_uint(b, m->publish_time, 8);
    buf_put(b, m->data.p, m->data.n);
}

void mcap_put_attachment(struct buf *b, const struct mcap_attachment *a)
{
    size_t at = mo_begin(b, MCAP_ATTACHMENT);
    mo_uint(b, a->log_time, 8);
    mo_uint(b, a->create_time, 8);
    mo_str(b, a->name);
    mo_str(b, a->media_type);
    mo_uint(b, a->data.n, 8);
    buf_put(b, a->data.p, a->data.n);
    mo_uint(b, crc32_z(0, b->data + at + MCAP_HEAD, b->len - at - MCAP_HEAD), 4);
    mo_end(b, at);
}

void mcap_put_metadata(struct buf *b, const struct mcap_metadata *m)
{
    size_t at = mo_begin(b, MCAP_METADATA);
    mo_str(b, m->name);
    mo_str(b, m->metadata);
    mo_end(b, at);
}

void mcap_put_data_end(struct buf *b, uint32_t crc)
{
    size_t at = mo_begin(b, MCAP_DATA_END);
    mo_uint(b, crc, 4);
    mo_end(b, at);
}
