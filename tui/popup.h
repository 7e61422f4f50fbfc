/* popup: what stands over a screen: help, the actions menu, the questions before an action, the column
 * chooser. */
#ifndef TUI_POPUP_H
#define TUI_POPUP_H

#include "tui/console_state.h"

void popup_draw(const struct console *c, struct canvas *out, struct rect all);
/* A key while a pop-up is open: everything is taken, nothing falls through to the screen. */
void popup_key(struct console *c, int key);
void popup_list_want(struct console *c); /* subscribes to what an open list shows */
/* The line of keys that help shows for a key row and its aliases. */
const char *popup_guard_name(enum verb_guard g);

#endif
