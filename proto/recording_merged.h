/* recording_merged: small batches of points of one run as one large batch, and back again.
 *
 * A trainer with seconds between its rows leaves one "points" event a row, and each costs more around its
 * points than for them. Compaction merges such events; readers of hypertop get them back one by one, each
 * with its own times and numbers and in its old place in the log (recording_unfold.h). A merged event is a
 * points event like any other with one more key, so that other readers find every point once: {run, epoch,
 * seq, c, parts}, its numbers and times those of the last event in it. parts is a binary:
 *
 *     format    1 byte: 1
 *     n         varint, 2..4096: the events that it was made of
 *     sequence  integers(n): of their messages      see column_ints.c
 *     seq       integers(n): of their batches
 *     rows      integers(n) for each block of c: how many of its rows belong to each event
 *     time      integers(n): publish_time; "like" refers to the time of each one's newest point
 *     log_time  integers(n); "like" refers to time
 *
 * No I/O. Not thread-safe. Not for other rooms. */
#ifndef PROTO_RECORDING_MERGED_H
#define PROTO_RECORDING_MERGED_H

#include "proto/mcap_records.h"
#include "proto/points.h"

#define MERGED_PARTS 4096 /* events in one, */
#define MERGED_ROWS  4096 /* and rows of a metric */
#define MERGED_SMALL 64   /* rows of a metric in a batch from which on merging gains nothing */

struct merged_block {
    char name[POINTS_NAME];
    uint32_t n, cap, at; /* at: row at which the next part begins, when taken apart */
    int64_t *steps, *times;
    double *values;
    int64_t *rows; /* for each part */
};

struct merged {
    int64_t run, epoch;
    uint32_t n, cap; /* parts */
    int64_t *sequence, *seq, *time, *log_time;
    struct merged_block *blocks;
    uint32_t n_blocks, cap_blocks, rows;
    struct points_reader in; /* memory kept from batch to batch */
};

void merged_clear(struct merged *g); /* no parts; keeps the memory */
void merged_release(struct merged *g);

/* run and epoch of an event's payload; false when it is no small batch of points (or has keys that would get
 * lost), which stays as it is. */
bool merged_key(struct span body, int64_t *run, int64_t *epoch);
/* Adds the event, whose merged_key matches. False, and nothing changed, when its batch is large, malformed,
 * has its metrics in another order, or does not fit any more. */
bool merged_add(struct merged *g, const struct mcap_message *m);
/* Appends the payload of the merged event. */
void merged_pack(const struct merged *g, struct buf *body);

/* Fills g from such a payload; false when it is malformed. */
bool merged_unpack(struct merged *g, struct span body);
/* Part i as the message that it was (channel and data aside), its payload appended to body. Call with i =
 * 0, 1, 2, ... */
void merged_part(struct merged *g, uint32_t i, struct mcap_message *m, struct buf *body);

#endif
