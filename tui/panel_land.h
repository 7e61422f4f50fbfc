/* panel_land: the map of the landscape screen, or a slice of it, with its axes. Geometry is pure, so that the
 * mouse can ask. */
#ifndef TUI_PANEL_LAND_H
#define TUI_PANEL_LAND_H

#include "tui/console_state.h"
#include "tui/plot_heat.h"

/* The cells of the field inside r, axes left out. */
struct rect panel_land_inner(struct rect r);
/* Where a cell lies on the map, and back (-1: not in sight). */
double panel_land_u(const struct land *k, struct rect in, double x);
double panel_land_v(const struct land *k, struct rect in, double y);
void panel_land_draw(const struct console *c, struct canvas *out, struct rect r, enum layout_size size);
/* The numbered bar of levels, w cells with its two numbers. */
void panel_land_bar(const struct console *c, struct canvas *out, int x, int y, int w);
struct heat panel_land_heat(const struct console *c, struct rect in);

#endif
