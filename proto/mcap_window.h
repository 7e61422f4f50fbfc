/* mcap_window: a moving view of a file and the questions that can be asked about the bytes at an offset: is
 * this a record, a chunk, the start of something readable? Every length is checked against the file and
 * MCAP_MAX_CHUNK before it is believed. Used by mcap_read and mcap_walk only. */
#ifndef PROTO_MCAP_WINDOW_H
#define PROTO_MCAP_WINDOW_H

#include "proto/mcap_records.h"

#define MCAP_READ_AHEAD ((size_t)256 << 10)

struct mcap_window {
    int fd;
    uint64_t size; /* of the file, as last seen */
    uint64_t at;   /* offset of b.data[0] */
    struct buf b;
    size_t ahead; /* bytes to read at once; 0: MCAP_READ_AHEAD */
    int error; /* errno of a failed read; 0 */
};

/* n bytes at offset; valid until the next call. NULL when the file ends before them or cannot be read. */
const uint8_t *mcap_window(struct mcap_window *w, uint64_t offset, size_t n);
void mcap_window_grow(struct mcap_window *w);    /* asks for the file's size again */
void mcap_window_forget(struct mcap_window *w);  /* the bytes may have changed */
void mcap_window_release(struct mcap_window *w); /* closes fd */

#define MCAP_ODD_PADDING 32 /* more than this and the record may be a chunk whose opcode is damaged */

struct mcap_at { /* a record, as found */
    uint8_t op;
    bool lied;      /* its length is wrong: n and end are those of its fields */
    size_t n;       /* bytes of body */
    uint64_t end;   /* offset behind it; 0 when that is unknown */
    uint64_t known; /* offset behind its known fields; the rest is padding */
    uint8_t head[64];
};

/* The record at offset: NULL when it is whole and well-formed (content of chunks aside), else what is wrong
 * with it. */
const char *mcap_look(struct mcap_window *w, uint64_t offset, struct mcap_at *at);
/* Takes what is at offset for a chunk, whatever its opcode and length say. False when that is impossible. */
bool mcap_look_chunk(struct mcap_window *w, uint64_t offset, struct mcap_at *at);
/* Looks at nothing but the head of the record, and of a chunk at its fields (c; c->records has a length
 * only, c->compression stands in at->head). */
bool mcap_head(struct mcap_window *w, uint64_t offset, struct mcap_at *at, struct mcap_chunk *c);
/* Whether `depth` plausible records follow each other from offset on (or fewer, up to the very end of the
 * file). */
bool mcap_chain(struct mcap_window *w, uint64_t offset, int depth);
/* Whether the DataEnd or footer just looked at can be one: what is behind it (if there is anything) belongs
 * behind the data. */
bool mcap_ends_data(struct mcap_window *w, const struct mcap_at *at);
/* Moves *offset on to the next byte that could begin a record; false when there is none. */
bool mcap_scan(struct mcap_window *w, uint64_t *offset);

#endif
