/* recording_copy: a recording on its way into another file: header, definitions, attachments and metadata
 * as they were, messages in new chunks. What repair and compaction have in common. Not for other rooms. */
#ifndef PROTO_RECORDING_COPY_H
#define PROTO_RECORDING_COPY_H

#include "proto/mcap_read.h"
#include "proto/recording_file.h"

#define REC_COPY_BYTES (4 << 20) /* a chunk, before compression */

struct rec_copy {
    struct mcap_writer *to;
    struct mcap_encoder *encoder;
    struct mcap_builder b; /* the chunk that is being built */
    struct buf encoded;
    uint8_t *defined; /* per channel and (from MCAP_CHANNELS on) schema: its record is in the chunk */
    int64_t messages;
    int64_t orphans; /* left out: of a channel that nothing defines */
    enum mcap_status status;
};

/* Creates OUT with the header of the source, or, when that is damaged, one that fits; r is at its beginning
 * afterwards. 0, or -1 and a cause. */
int rec_copy_begin(struct rec_copy *c, struct mcap_reader *r, const char *path, const char *out,
                   char **cause);
/* Anything but a message. */
void rec_copy_record(struct rec_copy *c, const struct mcap_record *rec, char **cause);
/* Puts the channel's record into the chunk, when it is not there yet; false when nothing defines it. */
bool rec_copy_define(struct rec_copy *c, uint16_t channel);
/* Adds a message to the chunk, what defines its channel before it. */
void rec_copy_message(struct rec_copy *c, const struct mcap_message *m);
/* Writes the chunk, when there is anything in it. */
void rec_copy_flush(struct rec_copy *c, char **cause);
/* Finishes and syncs when `good`, removes OUT otherwise. The number of messages, or -1 and a cause. */
int64_t rec_copy_end(struct rec_copy *c, bool good, const char *out, char **cause);

#endif
