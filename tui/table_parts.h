/* table_parts: what table_draw.c and table_own.c share. Nobody else includes this. */
#ifndef TUI_TABLE_PARTS_H
#define TUI_TABLE_PARTS_H

#include "tui/plot_bars.h"
#include "tui/table.h"

struct table_places { /* where things start; width 0: not shown */
    int id, state, value, param, n_param, percent, spark, spark_w, step, took, age;
    int first_param, cap, params_end, param_x[SUMMARY_PARAMS], param_no[SUMMARY_PARAMS];
};

struct table_own {
    int n, first; /* of t->cols: [first, first + n) are shown */
    int x[COLUMNS_MAX], w[COLUMNS_MAX];
    enum column_kind kind[COLUMNS_MAX];
    int param[COLUMNS_MAX];
};

#define TABLE_HIT_OWN 1000 /* ACT_SORT of the chosen columns counts from here */

int table_param_width(const struct table *t, int p, int cap);
void table_place(const struct table *t, const struct summary *s, int w, struct table_places *c);
void table_draw_head(const struct table *t, const struct summary *s, struct canvas *c, struct rect r,
                     const struct table_places *k);
void table_draw_spark(struct canvas *c, int x, int y, int w, const struct spark_scale *scale,
                      const struct trial_row *r);
void table_draw_percent(struct canvas *c, int x, int y, double progress);
void table_step_text(const struct trial_row *row, char out[ROW_TEXT]);
void table_draw_row(const struct table *t, const struct summary *s, struct canvas *c, struct rect r, int y,
                    const struct table_places *k, const struct trial_row *row, const struct spark_scale *scale);

void table_draw_group(const struct table *t, struct canvas *c, struct rect r, int y, int64_t index);
void table_place_own(const struct table *t, const struct summary *s, int w, struct table_own *k);
void table_own_head(const struct table *t, const struct summary *s, struct canvas *c, struct rect r,
                    const struct table_own *k);
void table_own_row(const struct table *t, const struct summary *s, struct canvas *c, struct rect r, int y,
                   const struct table_own *k, int64_t index, const struct trial_row *row,
                   const struct spark_scale *scale);

#endif
