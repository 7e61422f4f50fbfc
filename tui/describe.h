/* describe: a sweep or a trial in sentences, for --plain and for people who listen instead of looking. */
#ifndef TUI_DESCRIBE_H
#define TUI_DESCRIBE_H

#include "base/buf.h"
#include "tui/client.h"

/* trial: "17", "t17", or NULL for the sweep (NULL: the newest). Appends lines that end with a newline. 0, or
 * -1 and a cause. */
int describe(struct client *c, const char *sweep, const char *trial, struct buf *out, char **cause);

#endif
