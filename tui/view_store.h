/* view_store: the local copy of one view: applies what a hub says in view.data. Knows no socket. */
#ifndef TUI_VIEW_STORE_H
#define TUI_VIEW_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "tui/client.h"

#define VIEW_MAX_PARTS (1 << 20) /* rows a hub may make us keep for one view */

/* Applies a view.data body. from is the request's first row (parts are counted from it). fresh: nothing that
 * is kept belongs to this request, so the parts replace everything even when the body does not say full.
 * False when the body is malformed; the view is then as it was before. */
bool view_apply(struct view *v, struct span body, int64_t from, bool fresh);
/* Notes that the hub refused the request: there are no rows. */
void view_refuse(struct view *v, struct span sentence);
void view_clear(struct view *v);

#endif
