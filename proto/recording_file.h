/* recording_file: what the halves of recording.h share: how an event kind is written as a channel, and how a
 * writer is put together from a file that was created or recovered. Not for other rooms. */
#ifndef PROTO_RECORDING_FILE_H
#define PROTO_RECORDING_FILE_H

#include "proto/mcap_records.h"
#include "proto/mcap_write.h"
#include "proto/recording.h"

#define REC_PROFILE  "hypertop"
#define REC_LIBRARY  "hypertop " HYPERTOP_VERSION
#define REC_ENCODING "msgpack"

/* The kind whose channel this is: topic "/KIND", encoding "msgpack"; EV_UNKNOWN for any other. */
enum event_kind rec_channel_kind(const struct mcap_channel *c);

/* Whether its events are merged batches (recording_merged.h): its metadata says {"batches": "merged"}. A
 * chunk with such events begins with this channel's record. */
bool rec_channel_merged(const struct mcap_channel *c);
/* The metadata map of such a channel, as on disk. */
struct span rec_merged_metadata(void);

/* Takes over *file; no events yet, no channels. */
struct rec_writer *rec_writer_new(struct mcap_writer **file, bool unsynced, int level);
/* Gives each kind its channel: the one the file knows, else the next free id. */
void rec_writer_channels(struct rec_writer *w);
/* Goes on after event `seq`. */
void rec_writer_continue(struct rec_writer *w, uint64_t seq, int64_t last_time);

#endif
