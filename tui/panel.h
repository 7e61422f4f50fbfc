/* panel: the pieces screens are made of. Each has a want (what it must subscribe to) and a draw (which only
 * reads). A panel says in words when it is empty, loading or refused. */
#ifndef TUI_PANEL_H
#define TUI_PANEL_H

#include "tui/console_state.h"

/* The selected trial's curve with its interventions as numbered marks. */
void panel_curve_want(struct console *c, struct rect r);
void panel_curve_follow(struct console *c); /* ranges, after the views were read */
void panel_curve_draw(const struct console *c, struct canvas *out, struct rect r);
void panel_curve_title(const struct console *c, char *left, size_t lcap, char *right, size_t rcap);

/* The incumbent against time. `cursor` draws where the time cursor stands. */
void panel_best_want(struct console *c, struct rect r);
void panel_best_follow(struct console *c);
void panel_best_draw(const struct console *c, struct canvas *out, struct rect r, bool cursor);

/* What there is to know about the selected trial: state, host, checkpoint, interventions. */
void panel_facts_want(struct console *c);
void panel_facts_draw(const struct console *c, struct canvas *out, struct rect r);

/* The tail of its output. */
void panel_log_want(struct console *c, struct rect r);
void panel_log_search(struct console *c, const char *text); /* from the end backwards; "" no search */
void panel_log_find(struct console *c, int dir);            /* -1 the line before the found one, 1 behind */
void panel_log_follow(struct console *c);                   /* goes to what the hub has found */
void panel_log_draw(const struct console *c, struct canvas *out, struct rect r);

/* Shares of a bandit's pulls over time, one curve an arm; rungs with what was promoted. */
void panel_pulls_draw(const struct console *c, struct canvas *out, struct rect r);
void panel_rungs_draw(const struct console *c, struct canvas *out, struct rect r);

/* The selected trial: its metrics, with the one that the curve shows; id, state and value in a line. */
void panel_metrics_draw(const struct console *c, struct canvas *out, struct rect r);
void panel_trial_line(const struct console *c, struct canvas *out, struct rect r);

/* The machine that a trial runs on, in a line: "cpu 52%  mem 12G/48G  gpu 92% 31G/48G 247W 61C"; "" when it is not known. */
void panel_host_want(struct console *c);
void panel_host_text(const struct console *c, struct span host, char *out, size_t cap);
/* Who else looks on: "bob, carol"; "" nobody. */
void panel_present(const struct console *c, char *out, size_t cap);

/* A rule with a title in it: "-- best so far ----". */
void panel_rule(struct canvas *out, struct rect r, const char *title, const char *right, bool focus);
struct rect panel_box(struct canvas *out, struct rect r, const char *title, const char *right, bool focus);
/* What an empty pane says: `none` once the answer to what it asks for now is there, "loading" before. */
const char *panel_empty(const struct console *c, enum sub_id id, const char *none);
/* One dim line in the middle of nothing. */
void panel_note(struct canvas *out, struct rect r, style st, const char *text);
/* The number of an intervention as a glyph: 1..20 circled, a diamond beyond. */
uint32_t panel_mark_glyph(int64_t id);
/* Whether an intervention was done to this trial. */
bool panel_concerns(struct span iv, int64_t trial);
/* The target as people write it: t17,t18 for trials. */
void panel_target(struct span row, char *out, size_t cap);
/* "lr 1e-3 -> 8.1e-4" or what else an intervention did, from its args. */
void panel_change(struct span row, char *out, size_t cap);

#endif
