/* panel_compare: the plots of the curves screen. Which cell shows which panel is a pure function, so that the
 * mouse can ask. */
#ifndef TUI_PANEL_COMPARE_H
#define TUI_PANEL_COMPARE_H

#include "tui/console_state.h"

/* Rows of panels; *across: panels beside each other. */
int panel_compare_grid(int panels, struct rect r, int *across);
/* Panel i of `panels` in r; empty when there is no room for it. */
struct rect panel_compare_cell(int panels, struct rect r, int i);
struct rect panel_compare_plot(const struct console *c, struct rect cell);
int panel_compare_columns(const struct console *c, struct rect r);
void panel_compare_draw(const struct console *c, struct canvas *out, struct rect r);

#endif
