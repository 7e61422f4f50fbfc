/* canvas: the cell grid that panels draw into. It owns the cells of one frame and nothing else: no terminal,
 * no colours.
 *
 * Invariant: a cell holds a printable character. Controls, characters without a width, and in ASCII mode
 * everything past '~' are replaced on the way in, so no byte of a name or a log line can reach the terminal
 * as anything but a glyph. Panels draw Unicode; in ASCII mode the canvas translates (curves, boxes, blocks
 * and marks have their own letters). Writes outside the clip rectangle are dropped. Widths come from wcwidth,
 * so the locale must be a UTF-8 one unless ascii. */
#ifndef TUI_CANVAS_H
#define TUI_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "tui/layout.h"
#include "tui/theme.h"

struct cell {
    uint32_t cp;   /* 0 in the right half of a wide character */
    uint32_t mark; /* one combining mark, 0 none */
    style st;
    uint8_t width; /* 1, 2, or 0 in the right half of a wide character */
};

/* What a mouse press on a rectangle means; the last one drawn wins. */
struct hit {
    struct rect at;
    int what; /* enum action, see keymap.h */
    int64_t arg;
};

struct canvas {
    int cols, rows;
    struct cell *cells;
    struct rect clip;
    bool ascii;
    bool blocks; /* curves in quadrant blocks: for fonts that draw braille badly */
    int heat; /* levels of heat maps: 8, or 24 in direct colour; 0: none, they are drawn in characters */
    int cursor_x, cursor_y; /* where the hardware cursor goes; -1 hidden */
    struct hit *hits;
    int n_hits, cap_hits;
};

void canvas_init(struct canvas *c, bool ascii);
void canvas_resize(struct canvas *c, int cols, int rows); /* clears */
void canvas_clear(struct canvas *c);
void canvas_release(struct canvas *c);

/* Restricts drawing to r (and to the screen); returns what was in force, to be put back. */
struct rect canvas_clip(struct canvas *c, struct rect r);

/* Returns the columns used (0, 1 or 2). */
int canvas_put(struct canvas *c, int x, int y, style st, uint32_t cp);
/* UTF-8 text, at most max_cols columns (-1: no limit); a cut is shown by an ellipsis. Returns the columns
 * used. */
int canvas_textn(struct canvas *c, int x, int y, int max_cols, style st, const char *s, size_t n);
int canvas_text(struct canvas *c, int x, int y, style st, const char *s);
int canvas_printf(struct canvas *c, int x, int y, style st, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Ends at column x + w. */
void canvas_right(struct canvas *c, int x, int y, int w, style st, const char *s);
void canvas_fill(struct canvas *c, struct rect r, style st, uint32_t cp);
/* Adds flags to every cell of r (selection bar, stale pane). */
void canvas_flag(struct canvas *c, struct rect r, style flags);
void canvas_hline(struct canvas *c, int x, int y, int w, style st);
/* A frame with a title on the left and one on the right of its upper edge (either may be NULL); returns the
 * inside. */
struct rect canvas_box(struct canvas *c, struct rect r, const char *title, const char *right);

const struct cell *canvas_at(const struct canvas *c, int x, int y); /* NULL outside */
void canvas_hit(struct canvas *c, struct rect r, int what, int64_t arg);
const struct hit *canvas_find_hit(const struct canvas *c, int x, int y);

int canvas_columns(const char *s, size_t n); /* as canvas_textn would use without a limit */
/* The frame as text, one line a row, trailing blanks cut. */
void canvas_dump(const struct canvas *c, struct buf *out);

#endif
