/* dump_event: one event of a recording as a line, for people or as a JSON object. Columns (points, pulls) are
 * unpacked. */
#ifndef HUB_DUMP_EVENT_H
#define HUB_DUMP_EVENT_H

#include "base/buf.h"
#include "proto/event.h"

/* {"time","kind","sent",...payload} and a line feed: time and sent are RFC 3339; sent is the sender's clock.
 * Instead of the binary `c`, "points" has {"metric","steps","times","values"} for each metric, "pulls" has
 * {"t","time","arm","cost", "context","propensity","forced"} for each pull. */
void dump_event_json(struct buf *b, const struct event *ev);
/* Time, kind and payload in one line; nothing in it can control a terminal. */
void dump_event_text(struct buf *b, const struct event *ev);

#endif
