/* mcap_records: the bytes of an MCAP file: opcodes, the layout of every record, bounds.
 *
 * https://mcap.dev/spec. A record is opcode u8, length u64, body; integers are little-endian; strings are u32
 * length and bytes. A body may be longer than its known fields: the rest is skipped, and so are unknown
 * opcodes.
 * Parsing borrows from the input, allocates nothing and is strict about every length; after false the struct
 * is undefined. Emitting appends whole records to a buf. No I/O. */
#ifndef PROTO_MCAP_RECORDS_H
#define PROTO_MCAP_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/codec.h"

#define MCAP_MAGIC     "\x89MCAP0\r\n"
#define MCAP_MAGIC_N   8
#define MCAP_HEAD      9           /* opcode and length */
#define MCAP_FOOTER_N  (MCAP_HEAD + 20)
#define MCAP_MAX_CHUNK (256 << 20) /* bytes of a chunk, compressed or not; of any record outside of chunks */
#define MCAP_CHANNELS  65536

/* MCAP_OP(enumerator, opcode, "Name") */
#define MCAP_OPS(MCAP_OP)                      \
    MCAP_OP(HEADER, 0x01, "Header")                      \
    MCAP_OP(FOOTER, 0x02, "Footer")                      \
    MCAP_OP(SCHEMA, 0x03, "Schema")                      \
    MCAP_OP(CHANNEL, 0x04, "Channel")                    \
    MCAP_OP(MESSAGE, 0x05, "Message")                    \
    MCAP_OP(CHUNK, 0x06, "Chunk")                        \
    MCAP_OP(MESSAGE_INDEX, 0x07, "MessageIndex")         \
    MCAP_OP(CHUNK_INDEX, 0x08, "ChunkIndex")             \
    MCAP_OP(ATTACHMENT, 0x09, "Attachment")              \
    MCAP_OP(ATTACHMENT_INDEX, 0x0A, "AttachmentIndex")   \
    MCAP_OP(STATISTICS, 0x0B, "Statistics")              \
    MCAP_OP(METADATA, 0x0C, "Metadata")                  \
    MCAP_OP(METADATA_INDEX, 0x0D, "MetadataIndex")       \
    MCAP_OP(SUMMARY_OFFSET, 0x0E, "SummaryOffset")       \
    MCAP_OP(DATA_END, 0x0F, "DataEnd")

enum mcap_op {
    MCAP_NONE,
#define MCAP_OP_ENUM(e, op, name) MCAP_##e = op,
    MCAP_OPS(MCAP_OP_ENUM)
#undef MCAP_OP_ENUM
    MCAP_OP_COUNT
};

/* "Chunk", or NULL for an opcode that this version of the format does not name. */
const char *mcap_op_name(uint8_t op);

/* ---- a cursor over a body: sticky, like codec's ---- */
struct mcap_in {
    const uint8_t *p, *end;
    bool bad;
};
void mi_init(struct mcap_in *in, const void *p, size_t n);
uint64_t mi_uint(struct mcap_in *in, int bytes); /* 1, 2, 4 or 8 */
struct span mi_str(struct mcap_in *in);                /* u32 length */
struct span mi_bytes(struct mcap_in *in, uint64_t n);

/* ---- records ---- */
struct mcap_header { struct span profile, library; };
struct mcap_footer { uint64_t summary_start, summary_offset_start; uint32_t summary_crc; };
struct mcap_schema { uint16_t id; struct span name, encoding, data; };
struct mcap_channel {
    uint16_t id, schema_id;
    struct span topic, message_encoding, metadata; /* metadata: the map as on disk */
};
struct mcap_message {
    uint16_t channel_id;
    uint32_t sequence;
    uint64_t log_time, publish_time;
    struct span data;
};
struct mcap_chunk {
    uint64_t start, end; /* log times; both 0 when there is no message */
    uint64_t uncompressed_size;
    uint32_t uncompressed_crc; /* 0: not available */
    struct span compression, records;
};
struct mcap_message_index { uint16_t channel_id; struct span entries; }; /* 16 bytes each: time, offset */
struct mcap_chunk_index {
    uint64_t start, end, offset, length;
    struct span index_offsets; /* map u16 -> u64 as on disk */
    uint64_t index_length;
    struct span compression;
    uint64_t compressed_size, uncompressed_size;
};
struct mcap_attachment {
    uint64_t log_time, create_time;
    struct span name, media_type, data;
    uint32_t crc;
};
struct mcap_attachment_index {
    uint64_t offset, length, log_time, create_time, data_size;
    struct span name, media_type;
};
struct mcap_statistics {
    uint64_t messages;
    uint16_t schemas;
    uint32_t channels, attachments, metadata, chunks;
    uint64_t start, end;
    struct span channel_counts; /* map u16 -> u64 as on disk */
};
struct mcap_metadata { struct span name, metadata; };
struct mcap_metadata_index { uint64_t offset, length; struct span name; };
struct mcap_summary_offset { uint8_t op; uint64_t start, length; };

bool mcap_parse_header(struct mcap_header *h, const void *body, size_t n);
bool mcap_parse_footer(struct mcap_footer *f, const void *body, size_t n);
bool mcap_parse_schema(struct mcap_schema *s, const void *body, size_t n);
bool mcap_parse_channel(struct mcap_channel *c, const void *body, size_t n);
bool mcap_parse_message(struct mcap_message *m, const void *body, size_t n);
bool mcap_parse_chunk(struct mcap_chunk *c, const void *body, size_t n);
bool mcap_parse_message_index(struct mcap_message_index *x, const void *body, size_t n);
bool mcap_parse_chunk_index(struct mcap_chunk_index *x, const void *body, size_t n);
bool mcap_parse_attachment(struct mcap_attachment *a, const void *body, size_t n); /* checks the CRC too */
bool mcap_parse_attachment_index(struct mcap_attachment_index *x, const void *body, size_t n);
bool mcap_parse_statistics(struct mcap_statistics *s, const void *body, size_t n);
bool mcap_parse_metadata(struct mcap_metadata *m, const void *body, size_t n);
bool mcap_parse_metadata_index(struct mcap_metadata_index *x, const void *body, size_t n);
bool mcap_parse_summary_offset(struct mcap_summary_offset *o, const void *body, size_t n);
bool mcap_parse_data_end(uint32_t *crc, const void *body, size_t n);

/* ---- every record's fields, in the order on disk ---- */
enum mcap_field_type {
    MF_U8, MF_U16, MF_U32, MF_U64, MF_STR,
    MF_BYTES32, MF_BYTES64, MF_REST, /* bytes behind a u32 or u64 length; all that is left */
    MF_MAP_STR,                      /* string to string */
    MF_MAP_U64,                      /* u16 to u64 */
    MF_INDEX,                        /* (u64, u64) pairs behind a u32 byte length */
    MF_RECORDS                       /* a chunk's content: bytes behind a u64 length */
};
struct mcap_field {
    const char *name;
    enum mcap_field_type type;
};
#define MCAP_FIELDS 9
/* Fields of an opcode, ended by a NULL name; NULL for unknown opcodes. */
const struct mcap_field *mcap_fields(uint8_t op);
/* Reads one field: an integer into *v, the bytes of all else into *s (of a map or index: its content). */
void mcap_field_read(struct mcap_in *in, enum mcap_field_type type, uint64_t *v, struct span *s);
/* Whether the body is well-formed for its opcode (true for unknown ones), and how many bytes the known fields
 * take. */
bool mcap_well_formed(uint8_t op, const void *body, size_t n, size_t *used);

/* ---- emitting: whole records appended to b ---- */
/* Starts a record of any opcode; mo_end patches its length. */
size_t mo_begin(struct buf *b, uint8_t op);
void mo_end(struct buf *b, size_t begun);
void mo_uint(struct buf *b, uint64_t v, int bytes);
void mo_str(struct buf *b, struct span s);
void mo_patch(struct buf *b, size_t at, uint64_t v, int bytes);

void mcap_put_header(struct buf *b, const char *profile, const char *library);
void mcap_put_footer(struct buf *b, const struct mcap_footer *f);
void mcap_put_schema(struct buf *b, const struct mcap_schema *s);
void mcap_put_channel(struct buf *b, const struct mcap_channel *c);
void mcap_put_message(struct buf *b, const struct mcap_message *m);
void mcap_put_attachment(struct buf *b, const struct mcap_attachment *a); /* computes the CRC */
void mcap_put_metadata(struct buf *b, const struct mcap_metadata *m);
void mcap_put_data_end(struct buf *b, uint32_t crc);

struct span span_of(const char *z);

#endif
