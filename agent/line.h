/* line: an agent program's connection to the hub: hello and welcome, pings, noticing that the hub is gone
 * or is another one, coming back with jittered back-off, and the closing handshake. Knows nothing of runs.
 *
 * A connection that is in doubt is thrown away whole: a fresh socket has no stale messages queued in it.
 * Whatever was said on the old one is said again by its owner after the next LINE_UP. Single-threaded. */
#ifndef AGENT_LINE_H
#define AGENT_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"

struct line;

enum line_event {
    LINE_NOTHING, /* poll and come back */
    LINE_UP, /* welcomed, by this hub or a new one: join or attach, then say again what is not acknowledged */
    LINE_DOWN,   /* the hub is gone */
    LINE_MESSAGE /* *m is set; it borrows until the next call */
};

/* hub as endpoint_resolve takes it; program is the name said in hello. NULL and a cause: the address makes
 * no sense. No hub needs to be there. */
struct line *line_open(const char *hub, const char *program, char **cause);
void line_close(struct line *l);
int line_fd(const struct line *l); /* -1 while there is no socket */
bool line_is_up(const struct line *l);
const char *line_address(const struct line *l);
int line_hub_pid(const struct line *l);
/* Call until it says LINE_NOTHING. waiting: something was sent and is not acknowledged yet, so a silent
 * hub is suspicious. */
enum line_event line_next(struct line *l, struct message *m, bool waiting);
/* Starts a message; then write one map and call line_send. A new id when the kind is a request. */
struct codec_writer line_begin(struct line *l, enum msg_kind kind, int64_t *id);
int line_send(struct line *l); /* 0; -1: no room now (EAGAIN) or not up */
/* Says bye and waits at most ms for bye.ok. */
bool line_bye(struct line *l, int ms);
/* How long since the hub was last up, in ns; 0 while it is. */
int64_t line_away(const struct line *l);

#endif
