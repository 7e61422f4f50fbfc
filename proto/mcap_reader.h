/* mcap_reader: the state that the two halves of mcap_read.h share: reading on (mcap_read.c) and finding
 * places (mcap_seek.c). For these two only. */
#ifndef PROTO_MCAP_READER_H
#define PROTO_MCAP_READER_H

#include "proto/mcap_chunk.h"
#include "proto/mcap_read.h"
#include "proto/mcap_window.h"

/* The chunks that begin in one stretch of a file, so that the marks of a live recording stay few. */
struct mark {
    uint64_t offset; /* of the first of them */
    uint64_t end;    /* latest log time in all of them */
};
#define MARK_BYTES ((uint64_t)1 << 20)

struct mcap_reader {
    struct mcap_window w;
    char *path;
    int flags;
    uint64_t pos;     /* of the next record outside of chunks */
    uint64_t padding; /* where the padding of the record before pos begins; 0 when it has none */
    bool past_data;   /* DataEnd or the footer is behind pos */
    bool at_footer;   /* mcap_next stopped there */
    bool done;        /* the closing magic was reached */
    struct mcap_decoder *decoder;
    /* the chunk that is being read */
    bool inside;
    struct mcap_in content;
    const uint8_t *content_at;
    uint64_t chunk_offset, chunk_end;
    uint64_t said_start, said_end, seen_start, seen_end, seen;
    /* what was found wrong */
    struct mcap_damage *damages;
    size_t n_damages;
    int64_t torn_at;
    char torn_why[112];
    uint64_t torn_size; /* of the file when that was decided: no need to look again before it changes */
    /* for the CRC of the data section */
    uint64_t crc_at;
    uint32_t crc;
    /* for seeking */
    struct mcap_index index;
    uint64_t summary_at;
    bool index_tried, index_whole, loose; /* loose: there are messages outside of chunks */
    struct mark *marks;                   /* from the summary, or from the heads of chunks */
    size_t n_marks, cap_marks;
    uint64_t marked; /* chunk heads were looked at up to here */
};

#endif
