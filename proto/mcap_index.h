/* mcap_index: what the summary of an MCAP file says, in memory: channels, schemas, where the chunks,
 * attachments and metadata are, and the statistics. A reader fills it from the summary, about 70 bytes a
 * chunk and 10 more for each channel in it. A writer fills it as it writes and only counts the chunks, so
 * that its memory does not grow with the file; where they are is in the file itself (mcap_finish.c).
 *
 * No I/O. Not thread-safe. */
#ifndef PROTO_MCAP_INDEX_H
#define PROTO_MCAP_INDEX_H

#include "proto/mcap_records.h"

struct mcap_index_chunk {
    uint64_t start, end;     /* log times */
    uint64_t offset, length; /* of the chunk record, its 9 byte head included */
    uint64_t compressed, uncompressed;
    uint64_t offsets_at; /* where this chunk's part of `offsets` begins */
    uint32_t offsets_n;
    uint32_t index_length; /* bytes of message indexes behind the chunk */
    char compression[8];
};

struct mcap_index_id { /* a schema or channel: where its record lies in `definitions`; n is 0 without one */
    size_t at, n;
    uint64_t messages;
};

struct mcap_index {
    struct mcap_index_chunk *chunks; /* NULL when chunks are only counted */
    size_t n_chunks, cap_chunks;
    struct buf offsets;     /* pairs (u16 channel, u64 offset of its message index), as they go to disk */
    struct buf definitions; /* schema and channel records */
    struct mcap_index_id *schemas, *channels; /* by id; NULL until there is one */
    uint32_t n_schemas, n_channels;
    struct buf attachments, metadata; /* AttachmentIndex and MetadataIndex records */
    uint32_t n_attachments, n_metadata;
    uint64_t messages, start, end;
    bool has_times; /* start and end mean something */
};

void mcap_index_release(struct mcap_index *x);

/* Definitions: the first with an id counts. False when another one with this id was there already. */
bool mcap_index_schema(struct mcap_index *x, const struct mcap_schema *s);
bool mcap_index_channel(struct mcap_index *x, const struct mcap_channel *c);
/* The channel of that id; false when it was never defined. c borrows from x until the next definition. */
bool mcap_index_find_channel(const struct mcap_index *x, uint16_t id, struct mcap_channel *c);
bool mcap_index_find_schema(const struct mcap_index *x, uint16_t id, struct mcap_schema *s);

void mcap_index_messages(struct mcap_index *x, uint16_t channel, uint64_t n);
void mcap_index_times(struct mcap_index *x, uint64_t start,
                      uint64_t end); /* of n > 0 messages just counted */
struct mcap_index_chunk *mcap_index_chunk(struct mcap_index *x, const struct mcap_chunk *c, uint64_t offset,
                                          uint64_t length);
/* A message index of the newest chunk, `length` bytes of record at file offset `offset`. */
void mcap_index_message_index(struct mcap_index *x, uint16_t channel, uint64_t offset, uint64_t length);
/* Counts a chunk whose place is not kept. Not together with mcap_index_chunk. */
void mcap_index_chunk_count(struct mcap_index *x);
/* Keeps the number of chunks and forgets where they are. */
void mcap_index_forget_chunks(struct mcap_index *x);
void mcap_index_attachment(struct mcap_index *x, const struct mcap_attachment *a, uint64_t offset,
                           uint64_t length);
void mcap_index_metadata(struct mcap_index *x, const struct mcap_metadata *m, uint64_t offset,
                         uint64_t length);

/* The groups of a summary section, each appended as whole records. */
void mcap_index_put_schemas(const struct mcap_index *x, struct buf *b);
void mcap_index_put_channels(const struct mcap_index *x, struct buf *b);
void mcap_index_put_statistics(const struct mcap_index *x, struct buf *b);
/* Takes in one record of a summary section; its head stands before the body. False when it is malformed. */
bool mcap_index_load(struct mcap_index *x, uint8_t op, const uint8_t *body, size_t n);

#endif
