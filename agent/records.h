/* records: control records of a ring as events of the log. The records come from the training process, so
 * every length in them is checked before it is used. */
#ifndef AGENT_RECORDS_H
#define AGENT_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/codec.h"
#include "proto/ring.h"

enum { RECORD_STRINGS = 4 };

struct record_view {
    const struct ring_record *r;
    const uint8_t *payload;
    const char *event;             /* kind of event */
    bool droppable;                /* it may get lost while the hub is away for long */
    struct span s[RECORD_STRINGS]; /* the strings in front */
    struct span rest;              /* further strings: choices or labels, each with its NUL */
    /* answers */
    int64_t command;
    const char *pause_state; /* run_state that this answer means: paused, resumed; NULL */
    bool stop;               /* it answers a stop */
};

/* False: the record makes no sense. */
bool record_view(struct record_view *v, const struct ring_record *r, const uint8_t *payload);
/* The payload map. */
void record_write(struct codec_writer *w, const struct record_view *v);

#endif
