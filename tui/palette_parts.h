/* palette_parts: commands that stand in palette.c's table and are done elsewhere. Nobody else includes this. */
#ifndef TUI_PALETTE_PARTS_H
#define TUI_PALETTE_PARTS_H

#include "tui/console_state.h"

typedef int palette_fn(struct console *c, int argc, char **argv, char **cause);
palette_fn palette_charset, palette_theme, palette_describe, palette_reload, palette_group, palette_column, palette_redo,
    palette_alerts, palette_hosts, palette_who;

#endif
