/* saved: what the console remembers between two times: small texts by name in the data directory's console/ folder. Each is
 * written whole, to a file beside it that is then renamed: a reader sees the old text or the new one. */
#ifndef TUI_SAVED_H
#define TUI_SAVED_H

#include <stdbool.h>

#include "base/buf.h"

#define SAVED_MAX (64 << 10)

/* name is made safe for a file name. False when there is none (out is then empty). */
bool saved_read(const char *name, struct buf *out);
/* 0, or -1 and a cause. */
int saved_write(const char *name, const char *text, char **cause);

#endif
