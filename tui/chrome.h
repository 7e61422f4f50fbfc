/* chrome: what frames every screen: the header (which sweep, how live), the tabs, the status line and the
 * footer of live keys. */
#ifndef TUI_CHROME_H
#define TUI_CHROME_H

#include "tui/console_state.h"

void chrome_header(const struct console *c, struct canvas *out, struct rect r, enum layout_size size);
void chrome_tabs(const struct console *c, struct canvas *out, struct rect r);
void chrome_status(const struct console *c, struct canvas *out, struct rect r);
void chrome_footer(const struct console *c, struct canvas *out, struct rect r);
/* The whole screen where there is room for two or three lines only. */
void chrome_tiny(const struct console *c, struct canvas *out, struct rect r);

#endif
