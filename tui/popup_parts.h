/* popup_parts: what the files of the pop-ups share. Nobody else includes this. */
#ifndef TUI_POPUP_PARTS_H
#define TUI_POPUP_PARTS_H

#include "tui/popup.h"

/* An empty box in the middle, cleared, with the cursor in it; a click outside closes it. Returns its inside. */
struct rect popup_box(struct canvas *out, struct rect all, int w, int h, const char *title, const char *right);

void popup_columns_draw(const struct console *c, struct canvas *out, struct rect area);
void popup_columns_key(struct console *c, int key);

/* The lists of alerts, machines and consoles (panel_host.c): false when the popup is none of them. */
bool popup_list_draw(const struct console *c, struct canvas *out, struct rect area);

#endif
