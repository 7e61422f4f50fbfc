/* mcap_walk: an MCAP file from record to record by their lengths, looking at heads only: opcodes, the
 * fields of chunks, the channel of a message index. What makes the index of a file of any length cost
 * little time and no memory. Never looks into a chunk, hence says nothing about what is in it. One thread.
 * */
#ifndef PROTO_MCAP_WALK_H
#define PROTO_MCAP_WALK_H

#include "proto/mcap_window.h"

struct mcap_walk {
    struct mcap_window w;
    uint64_t at; /* of the next record */
};

struct mcap_step { /* not to be copied: the chunk borrows from `at` */
    struct mcap_at at;
    uint64_t offset;
    struct mcap_chunk chunk; /* of a chunk; its records have a length only */
    uint16_t channel;        /* of a message index, */
    uint64_t entries;        /* and the messages that it names */
};

/* Begins at `offset` and knows nothing of what is behind `size`; fd stays the caller's. */
void mcap_walk_begin(struct mcap_walk *k, int fd, uint64_t offset, uint64_t size);
void mcap_walk_end(struct mcap_walk *k);
/* 1: s is the record at k->at, which is behind it now; 0: the walk is at `size`; -1: what is there is no
 * record, or cannot be read (errno in k->w.error). Records of unknown kinds are records. */
int mcap_walk_next(struct mcap_walk *k, struct mcap_step *s);
/* The record's body, until the next call; NULL when it cannot be read. */
const uint8_t *mcap_walk_body(struct mcap_walk *k, const struct mcap_step *s);

#endif
