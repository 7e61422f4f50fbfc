/* sqlite_file: another tool's SQLite database, read and never written. The one place that knows libsqlite3. */
#ifndef READ_SQLITE_FILE_H
#define READ_SQLITE_FILE_H

#include <sqlite3.h>
#include <stdbool.h>

#include "read/parser.h"

/* Opens it for reading. Without a write-ahead log or a journal beside it nothing is even locked; with one, SQLite's own
 * locks are taken for the moment of reading, because that is the only way to see what the writer has committed. A file
 * that is shorter than its header says is opened, too. NULL: it cannot be opened, st says why. */
sqlite3 *sqlite_file_open(const char *path, struct read_stop *st);
bool sqlite_file_has(sqlite3 *db, const char *table, const char *column); /* column NULL: just the table */
/* Runs one query; row() is called for each row. False: it stopped on the way, which st says (unless the writer is at
 * work: then the next time). */
bool sqlite_file_each(sqlite3 *db, const char *path, struct read_stop *st, const char *what, const char *sql,
                      void (*row)(void *ctx, sqlite3_stmt *q), void *ctx);
/* A column as text, never NULL. */
const char *sqlite_file_text(sqlite3_stmt *q, int column);
bool sqlite_file_head(const struct read_probe *p);

#endif
