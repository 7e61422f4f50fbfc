/* row_print: the rows of a view (MessagePack maps, view.h) for scripts and for people. `hypertop ls` prints what a hub
 * answered, hypertop-hub what it found in a recording; both print it with these functions, so that the lines are equal.
 *
 * Times (the keys started, time, last_seen) arrive as nanoseconds since 1970. */
#ifndef PROTO_ROW_PRINT_H
#define PROTO_ROW_PRINT_H

#include "base/buf.h"
#include "proto/codec.h"

/* One JSON object and a line feed: all keys in the row's order; times as RFC 3339 strings, absent values as null. */
void row_json(struct buf *out, struct span row);

/* A table with aligned columns; everything in it has gone through safe_text. */
struct row_table;
/* columns: keys joined by commas; NULL takes every key in the order in which the rows bring them. */
struct row_table *row_table_new(const char *columns);
/* Texts under this key, where a row has one, are printed in full under the table, after the row's first cell. */
void row_table_remark(struct row_table *t, const char *key);
void row_table_add(struct row_table *t, struct span row);
/* A line of headings and a line per row, each at most `width` columns (0: no limit). Prints nothing when there is no row. */
void row_table_print(const struct row_table *t, struct buf *out, int width);
void row_table_free(struct row_table *t);

#endif
