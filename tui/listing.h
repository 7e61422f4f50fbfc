/* listing: the views that `ls` prints: which columns people see, how a row becomes JSON. Shared by ls, run and plain mode. */
#ifndef TUI_LISTING_H
#define TUI_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/codec.h"
#include "tui/grid.h"

struct client;

struct listing {
    const char *view;            /* as proto/view.h names it */
    const char *text;            /* what a row is */
    const char *const *columns;  /* for people: keys, '>' in front aligns right */
    bool pages;                  /* takes from and rows */
};

extern const struct listing listings[]; /* ends with a NULL view */
const struct listing *listing_find(const char *view);
const char *listing_nearest(const char *word);

/* What to ask for. Texts may be NULL, cursor -1: now. */
struct listing_query {
    const char *sweep, *filter, *sort;
    int64_t cursor;
};

/* Asks for all rows, page by page, and calls row for each. 0, or -1 and a cause. */
int listing_rows(struct client *c, const struct listing *l, const struct listing_query *q,
                 void (*row)(void *arg, struct span value), void *arg, char **cause);
/* One row as one JSON object and a newline: keys as they came, times as RFC 3339. */
void listing_json(struct buf *out, struct span row);
/* One row into a grid opened with l->columns. */
void listing_cells(struct grid *t, const struct listing *l, struct span row);
/* The whole listing as a table, or as JSON lines. 0, or -1 and a cause. */
int listing_print(struct client *c, const struct listing *l, const struct listing_query *q, bool as_json, struct buf *out,
                  char **cause);

#endif
