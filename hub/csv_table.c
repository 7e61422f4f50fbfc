#include "hub/csv_table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cause.h"
#include "base/mem.h"

/* ---- reading ---- */

static int slurp(const char *path, struct buf *text, char **cause)
{
    FILE *f = fopen(path, "re");
    size_t n = 1;
    if (!f)
        return cause_set(cause, "%s: %s", path, strerror(errno));
    while (n > 0 && text->len <= CSV_MAX) {
        n = fread(buf_reserve(text, 1 << 16), 1, 1 << 16, f);
        text->len += n;
    }
    int failed = ferror(f) ? errno : 0;
    fclose(f);
    if (failed)
        return cause_set(cause, "%s: %s", path, strerror(failed));
    if (text->len > CSV_MAX)
        return cause_set(cause, "%s: larger than %d MiB", path, CSV_MAX >> 20);
    if (memchr(text->data, 0, text->len))
        return cause_set(cause, "%s: holds zero bytes; this is not a CSV file", path);
    return 0;
}

struct reader {
    const char *p, *end, *start; /* start: of the line */
    int line;
};

static struct csv_cell unquoted(struct reader *r)
{
    const char *from = r->p, *to;
    while (r->p < r->end && *r->p != ',' && *r->p != '\n')
        r->p++;
    for (to = r->p; to > from && strchr(" \t\r", to[-1]); to--)
        ;
    for (; from < to && strchr(" \t", *from); from++)
        ;
    return (struct csv_cell){mem_strn(from, (size_t)(to - from)), r->line, (int)(from - r->start) + 1, false};
}

/* At a quote. text stays NULL when it is never closed, or when something stands behind it. */
static struct csv_cell quoted(struct reader *r)
{
    struct csv_cell c = {NULL, r->line, (int)(r->p - r->start) + 1, true};
    struct buf text = {0};
    for (r->p++; r->p < r->end; r->p++) {
        if (*r->p == '"' && (++r->p == r->end || *r->p != '"')) {
            while (r->p < r->end && strchr(" \t\r", *r->p))
                r->p++;
            if (r->p < r->end && *r->p != ',' && *r->p != '\n')
                break;
            c.text = mem_str(buf_cstr(&text));
            break;
        }
        if (*r->p == '\n') {
            r->line++;
            r->start = r->p + 1;
        }
        buf_putc(&text, *r->p);
    }
    buf_release(&text);
    return c;
}

static bool blank_line(struct reader *r)
{
    const char *p = r->p;
    while (p < r->end && strchr(" \t\r", *p))
        p++;
    if (p < r->end && *p != '\n')
        return false;
    r->p = p < r->end ? p + 1 : p;
    r->start = r->p;
    r->line++;
    return true;
}

/* One line of cells, appended to *cells; how many, or -1. */
static int read_line(struct reader *r, struct csv_table *t, struct csv_cell **cells, size_t *n, size_t *cap, char **cause)
{
    for (int got = 0;;) {
        const char *p = r->p;
        while (p < r->end && strchr(" \t", *p))
            p++;
        if (*n == *cap) {
            *cap = *cap ? 2 * *cap : 256;
            *cells = mem_resize(*cells, *cap, sizeof **cells);
        }
        bool quote = p < r->end && *p == '"';
        r->p = quote ? p : r->p;
        struct csv_cell c = quote ? quoted(r) : unquoted(r);
        if (!c.text)
            return csv_error(t, &c, cause, "the quotes of this cell are never closed, or text stands behind them");
        (*cells)[(*n)++] = c;
        got++;
        bool more = r->p < r->end && *r->p == ',';
        if (r->p < r->end)
            r->p++;
        if (more)
            continue;
        r->start = r->p;
        r->line++;
        return got;
    }
}

static int parse(struct csv_table *t, struct reader *r, char **cause)
{
    size_t n = 0, cap = 0;
    int rc = 0;
    while (r->p < r->end && rc == 0) {
        if (blank_line(r))
            continue;
        size_t first = n;
        int got = read_line(r, t, &t->cells, &n, &cap, cause);
        t->columns = t->columns ? t->columns : got;
        if (got > 0 && got != t->columns)
            rc = csv_error(t, &t->cells[first], cause, "%d cells, where the header has %d", got, t->columns);
        rc = got < 0 ? -1 : rc;
    }
    if (rc == 0 && n == 0)
        rc = cause_set(cause, "%s: the file is empty; a header with the names of parameters is expected", t->path);
    if (rc < 0) {
        for (size_t i = 0; i < n; i++)
            free(t->cells[i].text);
        free(t->cells);
        t->cells = NULL;
        t->columns = 0;
        return -1;
    }
    t->rows = (int)(n / (size_t)t->columns) - 1;
    t->header = mem_dup(t->cells, (size_t)t->columns * sizeof *t->cells);
    memmove(t->cells, t->cells + t->columns, (n - (size_t)t->columns) * sizeof *t->cells);
    return 0;
}

static int check_header(struct csv_table *t, char **cause)
{
    for (int i = 0; i < t->columns; i++) {
        if (!*t->header[i].text)
            return csv_error(t, &t->header[i], cause, "a column without a name");
        for (int k = 0; k < i; k++)
            if (!strcmp(t->header[k].text, t->header[i].text))
                return csv_error(t, &t->header[i], cause, "column \"%s\" stands in the header twice", t->header[i].text);
    }
    return 0;
}

int csv_read(struct csv_table *t, const char *path, char **cause)
{
    struct buf text = {0};
    *t = (struct csv_table){.path = mem_str(path)};
    int rc = slurp(path, &text, cause);
    if (rc == 0) {
        const char *p = text.data ? (const char *)text.data : "";
        size_t skip = text.len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3) ? 3 : 0; /* a byte order mark */
        struct reader r = {.p = p + skip, .end = p + text.len, .start = p + skip, .line = 1};
        rc = parse(t, &r, cause);
    }
    buf_release(&text);
    return rc == 0 ? check_header(t, cause) : -1;
}

void csv_release(struct csv_table *t)
{
    for (int i = 0; t->header && i < t->columns; i++)
        free(t->header[i].text);
    for (size_t i = 0; t->header && i < (size_t)t->rows * (size_t)t->columns; i++)
        free(t->cells[i].text);
    free(t->header);
    free(t->cells);
    free(t->path);
    *t = (struct csv_table){0};
}

/* ---- looking ---- */

int csv_column(const struct csv_table *t, const char *name)
{
    for (int i = 0; i < t->columns; i++)
        if (!strcmp(t->header[i].text, name))
            return i;
    return -1;
}

const struct csv_cell *csv_at(const struct csv_table *t, int row, int column)
{
    return &t->cells[(size_t)row * (size_t)t->columns + (size_t)column];
}

int csv_error(const struct csv_table *t, const struct csv_cell *at, char **cause, const char *fmt, ...)
{
    struct buf b = {0};
    char text[500];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_printf(&b, "%s:%d:%d: %s", t->path, at->line, at->column, text);
    cause_set(cause, "%s", buf_cstr(&b));
    buf_release(&b);
    return -1;
}
