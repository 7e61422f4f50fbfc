/* grid: two passes over the cells: widths, then lines. The last column is not padded, so that no line ends in blanks. */
#include "tui/grid.h"

#include <string.h>

#include "proto/safe_text.h"

static int width_of(const char *cell)
{
    return safe_text_columns(cell, strlen(cell));
}

void grid_cell(struct grid *t, const char *text, size_t n)
{
    buf_put(&t->text, text, n);
    buf_putc(&t->text, '\0');
    t->cells++;
}

void grid_open(struct grid *t, const char *const *names)
{
    *t = (struct grid){0};
    for (; names[t->columns] && t->columns < GRID_COLUMNS; t->columns++)
        t->right[t->columns] = names[t->columns][0] == '>';
    for (int i = 0; i < t->columns; i++)
        grid_cell(t, names[i] + t->right[i], strlen(names[i] + t->right[i]));
}

static void put_cell(struct buf *out, const char *cell, int pad, bool right, bool last)
{
    buf_printf(out, "%*s%s", right ? pad : 0, "", cell);
    if (last)
        buf_putc(out, '\n');
    else
        buf_printf(out, "%*s", (right ? 0 : pad) + 2, "");
}

void grid_close(struct grid *t, struct buf *out)
{
    int width[GRID_COLUMNS] = {0};
    const char *cell = (const char *)t->text.data;

    for (int i = 0; i < t->cells; i++, cell += strlen(cell) + 1) {
        int w = width_of(cell);
        if (w > width[i % t->columns])
            width[i % t->columns] = w;
    }
    cell = (const char *)t->text.data;
    for (int i = 0; i < t->cells; i++, cell += strlen(cell) + 1) {
        int c = i % t->columns;
        put_cell(out, cell, width[c] - width_of(cell), t->right[c], c == t->columns - 1);
    }
    buf_release(&t->text);
}
