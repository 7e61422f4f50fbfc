/* insight: what the insight screen knows: how importance is measured, by what trials are grouped, and the
 * brushes on the axes of the parallel coordinates. Asks and decodes; draws nothing. */
#ifndef TUI_INSIGHT_H
#define TUI_INSIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/row.h"

struct console;

#define INSIGHT_AXES   33  /* the parameters and the objective */
#define INSIGHT_TRIALS 400 /* lines of the parallel coordinates, the best ones */
#define INSIGHT_WORDS  12  /* values of a parameter that is no number */

enum insight_pane {
    INSIGHT_IMPORTANCE,
    INSIGHT_PARETO,
    INSIGHT_EDF,
    INSIGHT_RUNGS,
    INSIGHT_SEEDS,
    INSIGHT_PARALLEL,
    INSIGHT_PANES
};

struct insight_axis {
    char name[64]; /* "" the objective */
    double low, high;
    bool log, inverted;
    char words[INSIGHT_WORDS][32];
    int n_words; /* 0: numbers */
    bool brush;
    double b0, b1; /* of the brush, 0..1 from the lower end */
};

struct insight_line {
    int64_t trial;
    const struct row_state *state;
    float at[INSIGHT_AXES]; /* 0..1, NaN: the trial does not have it */
    bool held;              /* passes every brush */
};

struct insight {
    bool quick;  /* importance by bins instead of fANOVA */
    int other;   /* which of the middle panes is shown where only one fits: INSIGHT_PARETO .. INSIGHT_SEEDS */
    char by[64]; /* what the EDF groups by; "" tuner */
    int axis;    /* under the pointer */
    int first_axis; /* the leftmost one drawn */
    struct insight_axis axes[INSIGHT_AXES];
    int n_axes;
    struct insight_line *lines;
    int n_lines, n_held;
    uint64_t seen, brushed;
    int dragging; /* axis whose brush the mouse draws; -1 */
    double drag_at;
};

void insight_init(struct insight *k);
void insight_release(struct insight *k);
void insight_want(struct console *c, const bool shown[INSIGHT_PANES], int edf_columns, int time_columns);
void insight_follow(struct console *c);

void insight_next_by(struct console *c);
void insight_move_brush(struct insight *k, double by);
void insight_size_brush(struct insight *k, double by);
void insight_toggle_brush(struct insight *k);
void insight_set_brush(struct insight *k, int axis, double a, double b);
bool insight_brushed(const struct insight *k);
/* What stands at a place of an axis. */
void insight_text(const struct console *c, const struct insight_axis *a, double pos, char out[ROW_TEXT]);
/* The brushes in the words of the filter; false when they cannot be said (a brush between words). */
bool insight_filter(const struct console *c, char *out, size_t cap);

#endif
