/* safe_text: the one sanitiser. Any bytes from outside (names, logs, reasons, error messages) become text that cannot
 * control a terminal, whichever way it gets there: the console, the command line's tables, --plain, a window title.
 *
 * Printable characters pass. Tab becomes a space. Everything else becomes a visible escape: \x1b for control bytes and bytes
 * that are not UTF-8, \u{202e} for code points that move the cursor, reorder text, have no glyph, no width or no meaning
 * (C1, bidi controls, zero-width, tags, line separators, private use, unassigned). Combining marks pass behind a
 * character that shows, at most SAFE_MARKS of them. Recorded data is never changed: this happens at the rim, on the way out. */
#ifndef PROTO_SAFE_TEXT_H
#define PROTO_SAFE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SAFE_MARKS 2
#define SAFE_UNIT  12 /* bytes of the longest unit, NUL included: \u{10ffff} */

/* Writes at most cap-1 bytes and a NUL; stops before the unit that would pass max_columns (< 0: no limit) or cap.
 * Returns the columns used. cap > 0. */
int safe_text(char *out, size_t cap, const char *s, size_t n, int max_columns);
/* The same, appending to b. */
int safe_text_buf(struct buf *b, const char *s, size_t n, int max_columns);
/* Columns that all of it would take. */
int safe_text_columns(const char *s, size_t n);

/* One unit after the other, for who places cells himself. u holds the bytes to show (NUL-terminated),
 * width is 0 (a combining mark), 1, 2, or the length of an escape. */
struct safe_iter {
    const char *p, *end;
    int marks; /* combining marks since the last base character; -1 while there is none */
    char u[SAFE_UNIT];
    int width;
};
void safe_iter_init(struct safe_iter *it, const char *s, size_t n);
/* False at the end. */
bool safe_iter_next(struct safe_iter *it);

#endif
