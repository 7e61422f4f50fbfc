/* mcap_read: an MCAP file as a stream of records, whatever state the file is in.
 *
 * Chunks are opened on the way: their content comes as if it stood in the file. Memory is bounded by the
 * largest record (MCAP_MAX_CHUNK). A record that makes no sense is damage only when something readable stands
 * behind it; then it is skipped and noted. Otherwise it is the torn end of the file, or a record that is
 * still being written: mcap_next returns 0 and may be called again when the file has grown. One thread. */
#ifndef PROTO_MCAP_READ_H
#define PROTO_MCAP_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/mcap_index.h"
#include "proto/mcap_records.h"

struct mcap_reader;

enum mcap_read_flags {
    MCAP_WITH_CHUNKS = 1, /* also the Chunk and MessageIndex records themselves, a chunk before its content */
    MCAP_WITH_SUMMARY =
        2, /* also DataEnd and what is behind it, to the end of the file; without, DataEnd is the end */
    MCAP_WITH_CRC = 4,   /* check the data section's CRC: every byte is read */
    MCAP_SKIP_CHUNKS = 8 /* do not look into chunks */
};

struct mcap_record {
    uint8_t op;
    bool in_chunk;
    uint64_t offset; /* in the file: of the record's opcode, or of the chunk that it is in */
    uint64_t end;    /* offset of the byte behind that record */
    const uint8_t
        *body; /* borrowed until the next call on the reader; NULL for a chunk with MCAP_SKIP_CHUNKS */
    size_t n;
    uint64_t inside; /* in_chunk: offset of the record in the chunk's content */
};

/* A stretch of the file that had to be skipped, or (bytes 0) something wrong that cost nothing. */
struct mcap_damage {
    uint64_t offset, bytes;
    bool chunk; /* a chunk's messages were lost */
    char why[112];
};

/* NULL and a cause: cannot be opened, or is no MCAP file (a damaged magic is noted as damage when a header
 * follows). */
struct mcap_reader *mcap_open(const char *path, int flags, char **cause);
void mcap_close(struct mcap_reader *r);
/* 1: got one; 0: the end of what is there; -1: an I/O error (cause). */
int mcap_next(struct mcap_reader *r, struct mcap_record *rec, char **cause);
/* The same, of the chunk that the last record was in, without leaving it: false at its end. Until mcap_next
 * is called the bodies of all its records stay where they are. */
bool mcap_next_inside(struct mcap_reader *r, struct mcap_record *rec);
/* Goes to the chunk that holds the first message with log time >= t, if the file is in time order, or at
 * most 1 MiB before it: through the summary, or through the heads of the chunks. Messages before t still
 * come. When there is no such message: somewhere near the end. False when the file must be read from the
 * start (it has messages outside of chunks): then nothing has moved. */
bool mcap_seek(struct mcap_reader *r, uint64_t t);
/* Back to the first record. */
void mcap_rewind(struct mcap_reader *r);
/* The next record is the one at this offset; with MCAP_WITH_CRC, mcap_crc begins there. */
void mcap_start_at(struct mcap_reader *r, uint64_t offset);

/* What the summary says; NULL when there is none or its CRC does not match. Its chunks are only counted,
 * unless the reader was opened MCAP_WITH_SUMMARY. */
const struct mcap_index *mcap_summary(struct mcap_reader *r);
/* Moves it out of the reader, after mcap_summary returned it. Where in the file the summary begins. */
uint64_t mcap_summary_take(struct mcap_reader *r, struct mcap_index *out);

const struct mcap_damage *mcap_damages(const struct mcap_reader *r,
                                       size_t *n); /* at most MCAP_DAMAGES of them */
#define MCAP_DAMAGES 4096
/* Where the torn end begins, -1 when the file ends with a whole record, and why it is torn. */
int64_t mcap_torn_at(const struct mcap_reader *r, const char **why);
uint64_t mcap_position(const struct mcap_reader *r); /* of the next record outside of chunks */
uint64_t mcap_size(const struct mcap_reader *r);     /* of the file, as last seen */
bool mcap_at_footer(const struct mcap_reader *r);    /* the end that was reached is DataEnd or the footer */
/* With MCAP_WITH_CRC, after mcap_next: the CRC of the bytes before the record that was returned last (and is
 * not in a chunk), or, at the end, of all bytes up to mcap_position. */
uint32_t mcap_crc(const struct mcap_reader *r);

#endif
