/* table: the table of trials: what is selected, marked, sorted, filtered, and the rows in view.
 *
 * Selection and marks are trial ids, never screen rows. The hub sorts and filters; the table asks for the
 * visible page and one page on either side. The order stands still for TABLE_HOLD_NS after a key and while
 * frozen: values stay live, rows keep their place, so nothing moves between looking and pressing. Grouped rows are a tree: a
 * group's line can be selected, its best trial is then what the panels show, and no action is taken on it. */
#ifndef TUI_TABLE_H
#define TUI_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "tui/canvas.h"
#include "tui/columns.h"
#include "tui/row.h"
#include "tui/subs.h"
#include "tui/summary.h"

#define TABLE_HOLD_NS (3 * CLOCK_S)
#define TABLE_MARKS   4096
#define TABLE_SPARK   20
#define TABLE_FOLDED  64

struct table_row {
    int64_t id;
    struct buf raw; /* last known values, kept while the row is outside the hub's window */
};

struct table {
    int64_t sel;        /* trial id; -1 none yet */
    int64_t sel_index;  /* where it is in the shown order; -1 unknown */
    bool follow;        /* the selection is the best trial */
    int64_t top;        /* index of the first visible row */
    int visible;        /* rows on the screen */
    int64_t want_index; /* select what is there once it has arrived; -1 */
    char sort[64];      /* column or parameter */
    bool reverse;
    char filter[256];
    bool frozen;
    int64_t hold_until; /* mono */
    int col;            /* first parameter column shown */
    int64_t *marks;
    int n_marks;
    int64_t range_from;     /* v: index where the range began; -1 */
    struct table_row *rows; /* the order being shown, from `base` on */
    int n_rows, cap_rows;
    int64_t base;
    uint64_t seen;                 /* version of the view that was read */
    uint8_t width[SUMMARY_PARAMS]; /* of parameter columns: grow only */
    /* What the values have shown of the parameters so far, a bit each by number; only ever added to, so that
     * columns do not move to and fro. */
    uint32_t words, fractions, varied, live;
    int id_width;
    struct columns cols;           /* chosen by the person; else what fits */
    char group[COLUMNS_NAME];      /* the rows are a tree by this column, parameter or metric; "" none */
    int64_t sel_group;             /* a group's line is selected (its id); sel is its best trial then. 0 none */
    int64_t folded[TABLE_FOLDED];  /* groups whose trials are not shown */
    int n_folded;
};

void table_init(struct table *t);
void table_release(struct table *t);
/* Asks for what `visible` rows need. */
void table_want(struct table *t, struct subs *f, const struct summary *s, int visible, int64_t mono);
/* Takes in what arrived: order, values, selection, scroll position. */
void table_follow(struct table *t, const struct subs *f, const struct summary *s, int64_t mono);
/* Draws header line and rows into r. */
void table_draw(const struct table *t, const struct subs *f, const struct summary *s, struct canvas *c,
                struct rect r);
/* Few columns: id, state, value, first parameter, progress, curve: for small screens and the replay pane. */
void table_draw_small(const struct table *t, const struct subs *f, const struct summary *s, struct canvas *c,
                      struct rect r);

void table_touch(struct table *t, int64_t mono); /* a key was pressed: the order stands still */
void table_move(struct table *t, int64_t by, int64_t total);
void table_goto(struct table *t, int64_t index, int64_t total);
void table_select(struct table *t, int64_t trial);
bool table_marked(const struct table *t, int64_t trial);
void table_mark(struct table *t, int64_t trial, bool on);
void table_mark_range(struct table *t);
void table_mark_page(struct table *t);
void table_clear_marks(struct table *t);
/* Rows as a tree by this column, parameter or metric; "" a plain list. */
void table_group_by(struct table *t, const char *name);
/* Selects a group by its id; again, folds or unfolds it. */
void table_click_group(struct table *t, int64_t group);
/* Folds or unfolds the selected group; false when none is selected. */
bool table_fold(struct table *t);
/* The parameters in the order of their columns, all n_params of them: those that can be steered first, then
 * fractions, counts, words, and last what is the same in every trial. */
void table_param_order(const struct table *t, const struct summary *s, int order[SUMMARY_PARAMS]);
/* dir -1 or 1: the neighbouring sort column. */
void table_sort_step(struct table *t, const struct summary *s, int dir);
void table_sort_by(struct table *t, const char *column);
bool table_has_sort(const struct summary *s, const char *column);
const struct table_row *table_find(const struct table *t, int64_t trial);
/* The selected row, decoded. */
struct trial_row table_selected(const struct table *t);

#endif
