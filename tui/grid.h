/* grid: aligned columns for people, written when all rows are known. Cells must be safe text already (say.h). */
#ifndef TUI_GRID_H
#define TUI_GRID_H

#include <stdbool.h>

#include "base/buf.h"

#define GRID_COLUMNS 24

struct grid {
    int columns;
    bool right[GRID_COLUMNS]; /* numbers */
    struct buf text;           /* cells, each with a NUL behind it */
    int cells;
};

/* Columns whose name starts with '>' are aligned to the right. At most GRID_COLUMNS, NULL-terminated. */
void grid_open(struct grid *t, const char *const *names);
void grid_cell(struct grid *t, const char *text, size_t n);
/* Appends the headings and rows to out, and releases the grid. */
void grid_close(struct grid *t, struct buf *out);

#endif
