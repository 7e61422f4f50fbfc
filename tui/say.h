/* say: text for people on stdout and stderr, made safe. Every name, note, path and log line that came from
 * elsewhere passes here on its way to a terminal, a pipe or a file; JSON escapes by itself and does not. */
#ifndef TUI_SAY_H
#define TUI_SAY_H

#include "base/buf.h"
#include "proto/codec.h"

/* Appends s with everything that could act as a control made visible. */
void say_put(struct buf *b, struct span s);
void say_puts(struct buf *b, const char *s);
/* Appends a MessagePack scalar for people: numbers short, text safe, nil "-", lists with commas, maps as k=v.
 */
void say_value(struct buf *b, struct span value);
/* Writes the buffer to fd whole and empties it; false when the reader is gone. */
bool say_flush(struct buf *b, int fd);

#endif
