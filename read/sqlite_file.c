/* sqlite_file: see sqlite_file.h. PRAGMA writable_schema is set because SQLite then opens a file whose end is missing; as
 * the connection is read-only nothing can be written by it. Triggers and views of the file are not trusted. */
#include "read/sqlite_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define BUSY_MS 200

static bool beside(const char *path, const char *suffix)
{
    struct buf b = {0};
    struct stat sb;
    buf_printf(&b, "%s%s", path, suffix);
    bool there = stat(buf_cstr(&b), &sb) == 0 && sb.st_size > 0;
    buf_release(&b);
    return there;
}

/* A path as a URI: what has a meaning there is escaped. */
static void uri_of(struct buf *b, const char *path, bool immutable)
{
    buf_puts(b, "file:");
    for (const unsigned char *p = (const unsigned char *)path; *p; p++) {
        if (*p == '%' || *p == '?' || *p == '#' || *p < ' ' || *p > '~')
            buf_printf(b, "%%%02x", *p);
        else
            buf_putc(b, *p);
    }
    buf_puts(b, immutable ? "?mode=ro&immutable=1" : "?mode=ro");
}

/* Bytes that the file has, and that its header says it has. */
static void sizes(const char *path, int64_t *have, int64_t *want)
{
    struct stat sb;
    uint8_t head[100];
    FILE *f = fopen(path, "rb");
    *have = stat(path, &sb) == 0 ? sb.st_size : 0;
    *want = 0;
    if (f && fread(head, 1, sizeof head, f) == sizeof head) {
        int64_t page = head[16] << 8 | head[17];
        *want = (page == 1 ? 65536 : page) *
                ((int64_t)head[28] << 24 | head[29] << 16 | head[30] << 8 | head[31]);
    }
    if (f)
        fclose(f);
}

static void note_stop(const char *path, struct read_stop *st, const char *what, long rows, const char *error)
{
    int64_t have, want;
    sizes(path, &have, &want);
    if (st->stopped)
        return; /* the first thing that is missing says enough */
    if (have < want)
        read_stop_at(st, true, have, "%lld bytes are missing: of %s only %ld rows are there",
                     (long long)(want - have), what, rows);
    else
        read_stop_at(st, false, 0, "of %s only %ld rows can be read: %s", what, rows, error);
}

static sqlite3 *open_as(const char *path, bool immutable, struct read_stop *st)
{
    struct buf uri = {0};
    sqlite3 *db = NULL;
    uri_of(&uri, path, immutable);
    int rc = sqlite3_open_v2(buf_cstr(&uri), &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    buf_release(&uri);
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(db, BUSY_MS);
        sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        sqlite3_exec(db, "PRAGMA writable_schema=ON", NULL, NULL, NULL);
        sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 64 << 20);
        rc = sqlite3_exec(db, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK)
        return db;
    if (rc != SQLITE_BUSY && rc != SQLITE_LOCKED)
        note_stop(path, st, "the list of tables", 0, db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
    sqlite3_close(db);
    return NULL;
}

sqlite3 *sqlite_file_open(const char *path, struct read_stop *st)
{
    bool live = beside(path, "-wal") || beside(path, "-journal");
    sqlite3 *db = open_as(path, !live, st);
    if (!db && live && st->stopped) { /* a journal that only a writer could play back, or a folder we may not write */
        st->stopped = false;
        db = open_as(path, true, st);
    }
    return db;
}

bool sqlite_file_has(sqlite3 *db, const char *table, const char *column)
{
    return sqlite3_table_column_metadata(db, NULL, table, column, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

bool sqlite_file_each(sqlite3 *db, const char *path, struct read_stop *st, const char *what, const char *sql,
                      void (*row)(void *ctx, sqlite3_stmt *q), void *ctx)
{
    sqlite3_stmt *q = NULL;
    long rows = 0;
    int rc = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(q);
        if (rc != SQLITE_ROW)
            break;
        rows++;
        row(ctx, q);
    }
    if (rc != SQLITE_DONE && rc != SQLITE_BUSY && rc != SQLITE_LOCKED)
        note_stop(path, st, what, rows, sqlite3_errmsg(db));
    sqlite3_finalize(q);
    return rc == SQLITE_DONE;
}

const char *sqlite_file_text(sqlite3_stmt *q, int column)
{
    const char *s = (const char *)sqlite3_column_text(q, column);
    return s ? s : "";
}

bool sqlite_file_head(const struct read_probe *p)
{
    return p->head_n >= 16 && memcmp(p->head, "SQLite format 3", 16) == 0;
}
