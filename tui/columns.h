/* columns: which columns of the table a person chose, in their order. Without a choice of their own the table places what fits.
 * A column is a parameter, one of the fixed ones (step, seconds, progress, curve), or any other name that the hub can look up
 * for a trial: a metric, origin, tags ... */
#ifndef TUI_COLUMNS_H
#define TUI_COLUMNS_H

#include <stdbool.h>

#include "tui/summary.h"

#define COLUMNS_MAX  32
#define COLUMNS_NAME 64

enum column_kind { COLUMN_PARAM, COLUMN_STEP, COLUMN_SECONDS, COLUMN_PROGRESS, COLUMN_CURVE, COLUMN_OTHER };

struct columns {
    bool own; /* chosen; else the list is empty */
    int n;
    char name[COLUMNS_MAX][COLUMNS_NAME];
};

enum column_kind column_kind(const struct summary *s, const char *name);
int columns_find(const struct columns *k, const char *name); /* -1: not among them */
/* Adds at the end, or takes out. False when the list is full. */
bool columns_toggle(struct columns *k, const char *name);
/* by -1: to the left. */
void columns_move(struct columns *k, const char *name, int by);
/* Everything that could be a column: the chosen ones first, then fixed ones, parameters, what the hub knows.
 * metrics: names beside those. */
struct columns_all {
    int n;
    char name[96][COLUMNS_NAME];
};
void columns_all(const struct columns *k, const struct summary *s, const char (*metrics)[COLUMNS_NAME], int n_metrics,
                 struct columns_all *out);

#endif
