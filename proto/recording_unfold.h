/* recording_unfold: the records of a recording as they were before compaction merged batches.
 *
 * Merged events come as the events that they were made of, each in its old place in the log: compaction
 * merges within a chunk only, so a chunk that has merged events is put in the order of sequence numbers
 * before the first of its messages is handed out. Chunks without them, and files that are no recordings,
 * pass through untouched. Memory is bounded by the largest chunk and its points. */
#ifndef PROTO_RECORDING_UNFOLD_H
#define PROTO_RECORDING_UNFOLD_H

#include "proto/mcap_read.h"

struct rec_unfold;

struct rec_unfold *rec_unfold_new(struct mcap_reader *m); /* m stays the caller's */
void rec_unfold_free(struct rec_unfold *u);
/* As mcap_next; of a message also its fields in *m, borrowed like the record. The two differ where a
 * message was unfolded: then *rec is that of the merged one. */
int rec_unfold_next(struct rec_unfold *u, struct mcap_record *rec, struct mcap_message *m, char **cause);
/* After the reader was rewound or has sought. */
void rec_unfold_reset(struct rec_unfold *u);
/* Messages read from the file, merged ones counted once, and those of them that made no sense and were handed
 * out as they are. */
uint64_t rec_unfold_messages(const struct rec_unfold *u, uint64_t *malformed);

#endif
