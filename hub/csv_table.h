/* csv_table: a CSV file as cells that know where they stand. Commas, quotes as in RFC 4180, a header line, LF or CRLF; blank
 * lines are passed over, blanks around an unquoted cell dropped. */
#ifndef HUB_CSV_TABLE_H
#define HUB_CSV_TABLE_H

#include <stdbool.h>

#define CSV_MAX (64 << 20) /* bytes of a file */

struct csv_cell {
    char *text;
    int line, column; /* from 1 */
    bool quoted;
};

struct csv_table {
    char *path;
    int columns, rows;       /* rows without the header */
    struct csv_cell *header; /* columns of them */
    struct csv_cell *cells;  /* rows x columns */
};

/* 0, or -1 and a cause: PATH: why it cannot be read, or PATH:LINE:COLUMN: what. Release in either case. */
int csv_read(struct csv_table *t, const char *path, char **cause);
void csv_release(struct csv_table *t);
int csv_column(const struct csv_table *t, const char *name); /* -1 none */
const struct csv_cell *csv_at(const struct csv_table *t, int row, int column);
/* PATH:LINE:COLUMN: sentence; returns -1 */
int csv_error(const struct csv_table *t, const struct csv_cell *at, char **cause, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
