/* panel_legend: the lines of the curves screen by letter, what each is at the crosshair, how far from the
 * first, what its trial was given, and the interventions on them. */
#ifndef TUI_PANEL_LEGEND_H
#define TUI_PANEL_LEGEND_H

#include "tui/console_state.h"

void panel_legend_draw(const struct console *c, struct canvas *out, struct rect r);
/* All of it in one line, for small screens. */
void panel_legend_line(const struct console *c, struct canvas *out, struct rect r);

#endif
