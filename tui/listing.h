/* listing: the views that `ls` prints, asked for page by page and printed by proto/row_print.h. Shared by ls
 * and plain mode. */
#ifndef TUI_LISTING_H
#define TUI_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/codec.h"

struct client;

struct listing {
    const char *view;    /* as proto/view.h names it */
    const char *columns; /* what a table shows, as row_table_new takes them; JSON has all keys */
    bool pages;          /* takes from and rows */
};

extern const struct listing listings[]; /* ends with a NULL view */
const struct listing *listing_find(const char *view);
const char *listing_nearest(const char *word);

/* What to ask for. Texts may be NULL, cursor -1: now. */
struct listing_query {
    const char *sweep, *filter, *sort;
    const char *x, *y, *layer, *by; /* landscape; edf */
    int64_t cursor;
    struct buf *why; /* NULL, or for the reason of an empty list, if there is one */
};

/* Asks for all rows, page by page, and calls row for each. 0, or -1 and a cause. */
int listing_rows(struct client *c, const struct listing *l, const struct listing_query *q,
                 void (*row)(void *arg, struct span value), void *arg, char **cause);
/* The whole listing as a table of at most width columns (0: any), or as JSON lines. 0, or -1 and a cause. */
int listing_print(struct client *c, const struct listing *l, const struct listing_query *q, bool as_json,
                  int width, struct buf *out, char **cause);

#endif
