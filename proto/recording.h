/* recording: a sweep's log on disk: events in an MCAP file (mcap_write.h, mcap_read.h), one channel per event kind.
 *
 * Header profile "hypertop", library "hypertop VERSION". Metadata record "hypertop" {sweep, version, created}; the sweep
 * file is the attachment "sweep.yaml", the environment is the attachment "environment.json".
 *
 * Writer: events are appended to the chunk being built; nothing is on disk until rec_flush hands the chunk to the file
 * and syncs. A group (rec_group_begin/end) is never split across chunks. rec_seq() grows by one with every event;
 * what rec_flush returned is durable. Single-threaded by itself; hub/recorder.c runs flushes on a thread of its own. */
#ifndef PROTO_RECORDING_H
#define PROTO_RECORDING_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/event.h"

struct recording_reader;

/* ---- reading ---- */
/* Opens a recording (also one that is being written, cut off, or damaged: see rec_damage). NULL and a cause when it is not an
 * MCAP file at all or has no hypertop events. Streams in file order; memory is bounded by the largest chunk. */
struct recording_reader *rec_open(const char *path, char **cause);
/* Next event in log order; 1 got one (ev borrows until the next call), 0 end of what is there (a follower may call again later),
 * -1 error (cause). Damaged chunks are skipped and counted. */
int rec_next(struct recording_reader *r, struct event *ev, char **cause);
/* Positions so that the next event is the first with log_time >= t, through the chunk index when there is one. */
int rec_seek(struct recording_reader *r, int64_t t, char **cause);
struct rec_damage {
    int chunks_skipped;
    int64_t truncated_at; /* offset of the first byte that belongs to no whole record; -1 when the file ends well */
    int64_t bytes_lost;
};
void rec_damage(const struct recording_reader *r, struct rec_damage *out);
void rec_close(struct recording_reader *r);
/* An attachment's bytes, malloc'ed; NULL when there is none of that name. */
uint8_t *rec_attachment(const char *path, const char *name, size_t *n);

#endif
