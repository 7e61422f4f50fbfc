/* panel_insight: the pictures of the insight screen. Each says in words when there is not enough to draw. */
#ifndef TUI_PANEL_INSIGHT_H
#define TUI_PANEL_INSIGHT_H

#include "tui/console_state.h"

void panel_importance_draw(const struct console *c, struct canvas *out, struct rect r);
void panel_pareto_draw(const struct console *c, struct canvas *out, struct rect r);
void panel_edf_draw(const struct console *c, struct canvas *out, struct rect r);
void panel_correlation_draw(const struct console *c, struct canvas *out, struct rect r);
void panel_seeds_draw(const struct console *c, struct canvas *out, struct rect r);

/* Parallel coordinates (panel_parallel.c). The geometry is asked by the mouse too. */
void panel_parallel_draw(const struct console *c, struct canvas *out, struct rect r);
int panel_parallel_axes(const struct console *c, struct rect r);     /* how many are drawn */
int panel_parallel_x(const struct console *c, struct rect r, int i); /* column of the i-th drawn one */
double panel_parallel_at(const struct insight_axis *a, struct rect r, int y); /* 0..1 */
/* What the title says: the brushes and how many lines are left. */
void panel_parallel_title(const struct console *c, char *out, size_t cap);

#endif
