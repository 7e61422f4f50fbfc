/* mcap_chunk: one chunk, from messages to the bytes of its records and back.
 *
 * A builder collects messages (any thread, one at a time); an encoder turns a builder into one Chunk record
 * followed by its MessageIndex records, ready for a single write; decoding checks sizes and CRC before
 * anybody looks inside. No I/O. */
#ifndef PROTO_MCAP_CHUNK_H
#define PROTO_MCAP_CHUNK_H

#include "proto/mcap_index.h"
#include "proto/mcap_records.h"

struct mcap_entry { /* one message, for the message indexes */
    uint64_t time, offset;
    uint16_t channel;
};

struct mcap_builder {
    struct buf records; /* channel, schema and message records, uncompressed */
    struct mcap_entry *entries;
    size_t n, cap; /* messages */
    uint64_t start, end;
};

void mcap_builder_release(struct mcap_builder *b);
void mcap_builder_message(struct mcap_builder *b, const struct mcap_message *m);
/* Accounts for a message whose record is at `offset` of the content and not in b->records: for building
 * indexes only. */
void mcap_builder_entry(struct mcap_builder *b, uint16_t channel, uint64_t time, uint64_t offset);
void mcap_builder_clear(struct mcap_builder *b); /* keeps the memory */

struct mcap_encoder; /* the compressor and its tables; belongs to one thread */
struct mcap_encoder *mcap_encoder_new(int level);
void mcap_encoder_free(struct mcap_encoder *e);

/* Replaces out with the records of the chunk. */
void mcap_encode(struct mcap_encoder *e, const struct mcap_builder *b, struct buf *out);
/* Appends the message indexes alone. */
void mcap_encode_indexes(struct mcap_encoder *e, const struct mcap_builder *b, struct buf *out);
/* Accounts for an encoded chunk in a writer's index. The bytes come from mcap_encode. */
void mcap_index_encoded(struct mcap_index *x, const struct buf *encoded);

struct mcap_decoder; /* belongs to one thread */
struct mcap_decoder *mcap_decoder_new(void);
void mcap_decoder_free(struct mcap_decoder *d);
/* Decompresses and checks; the content is borrowed from d (or, uncompressed, from c) until the next call.
 * False with a sentence in *why, valid until the next call: unknown compression, a size over the bound or not
 * as said, a CRC mismatch. */
bool mcap_decode(struct mcap_decoder *d, const struct mcap_chunk *c, struct span *content, const char **why);

#endif
