/* panel_land_side: beside the map: the box and what is inside, what steering would do, the crosshair, the
 * regions in force. */
#ifndef TUI_PANEL_LAND_SIDE_H
#define TUI_PANEL_LAND_SIDE_H

#include "tui/console_state.h"

void panel_land_side(const struct console *c, struct canvas *out, struct rect r);
/* The same in three lines, for small screens. */
void panel_land_strip(const struct console *c, struct canvas *out, struct rect r);

#endif
