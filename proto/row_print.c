/* row_print: a row is printed without knowing which view it is from: its values say what they are, and three keys are
 * known to be times. A cell holds sanitised text, so that a table can be written to a terminal as it is. */
#include "proto/row_print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "proto/safe_text.h"

#define CELL_COLUMNS 48 /* a longer cell is cut: a note must not push the table out of sight */
#define DIGITS 6
#define LEVELS 1 /* a list or map inside a cell is spelled out; what is inside that is counted */

static bool is_time(struct span key)
{
    return span_eq(key, "started") || span_eq(key, "time") || span_eq(key, "last_seen");
}

static bool is_seconds(struct span key)
{
    return span_eq(key, "seconds") || span_eq(key, "elapsed") || span_eq(key, "eta");
}

/* ---- JSON ---- */

void row_json(struct buf *out, struct span row)
{
    struct codec_reader r;
    struct json_out j;
    cr_init(&r, row.p, row.n);
    jw_open(&j, out);
    if (cr_peek(&r) != CT_MAP) { /* not a row; still one line */
        codec_to_json(row, &j);
        buf_putc(out, '\n');
        return;
    }
    jw_object(&j);
    for (size_t n = cr_map(&r); n > 0 && cr_ok(&r); n--) {
        struct span key = cr_str(&r);
        enum codec_type type = cr_peek(&r);
        bool time = is_time(key) && (type == CT_INT || type == CT_UINT);
        struct span value = cr_value(&r);
        if (!cr_ok(&r))
            break;
        jw_keyn(&j, key.p, key.n);
        if (time) {
            char text[CLOCK_TEXT];
            struct codec_reader v;
            cr_init(&v, value.p, value.n);
            clock_rfc3339(text, cr_int(&v));
            jw_str(&j, text);
        } else {
            codec_to_json(value, &j);
        }
    }
    jw_object_end(&j);
    buf_putc(out, '\n');
}

/* ---- cells ---- */

static void put_time(struct buf *b, int64_t ns)
{
    char text[40];
    time_t s = (time_t)(ns / CLOCK_S);
    struct tm tm;
    if (localtime_r(&s, &tm) && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm) > 0)
        buf_puts(b, text);
}

static void put_double(struct buf *b, double v)
{
    char text[TEXT_NUM];
    buf_put(b, text, text_fmt_short(text, v, DIGITS));
}

static void put_int(struct buf *b, struct codec_reader *r)
{
    struct codec_reader at = *r;
    int64_t v = cr_int(&at);
    if (cr_ok(&at)) {
        buf_printf(b, "%" PRId64, v);
        *r = at;
    } else {
        put_double(b, cr_double(r)); /* past INT64_MAX */
    }
}

static void put_value(struct buf *b, struct codec_reader *r, int level);

/* a b c, or k=v k=v */
static void put_list(struct buf *b, struct codec_reader *r, bool map, int level)
{
    size_t n = map ? cr_map(r) : cr_array(r);
    if (level >= LEVELS) {
        buf_printf(b, map ? "{%zu}" : "[%zu]", n);
        for (size_t left = map ? 2 * n : n; left > 0 && cr_ok(r); left--)
            cr_skip(r);
        return;
    }
    for (size_t i = 0; i < n && cr_ok(r); i++) {
        if (i)
            buf_putc(b, ' ');
        if (map) {
            put_value(b, r, level + 1);
            buf_putc(b, '=');
        }
        put_value(b, r, level + 1);
    }
}

static void put_value(struct buf *b, struct codec_reader *r, int level)
{
    switch (cr_peek(r)) {
    case CT_BOOL: buf_puts(b, cr_bool(r) ? "yes" : "no"); break;
    case CT_INT:
    case CT_UINT: put_int(b, r); break;
    case CT_DOUBLE: put_double(b, cr_double(r)); break;
    case CT_STR: {
        struct span s = cr_str(r);
        safe_text_buf(b, s.p, s.n, CELL_COLUMNS);
        break;
    }
    case CT_BIN: buf_printf(b, "(%zu bytes)", cr_bin(r).n); break;
    case CT_ARRAY: put_list(b, r, false, level); break;
    case CT_MAP: put_list(b, r, true, level); break;
    default: buf_putc(b, '-'); cr_skip(r); break;
    }
}

struct cell {
    char *text; /* NULL: the row has no such key */
    int columns;
    bool number;
};

static struct cell make_cell(struct span key, struct codec_reader *r)
{
    struct buf raw = {0}, b = {0};
    struct cell c = {0};
    enum codec_type type = cr_peek(r);
    bool number = type == CT_INT || type == CT_UINT || type == CT_DOUBLE;
    if (is_time(key) && number && type != CT_DOUBLE) {
        put_time(&raw, cr_int(r));
    } else if (is_seconds(key) && number) {
        char text[CLOCK_TEXT];
        double s = cr_double(r);
        clock_span(text, s >= 0 && s < 1e9 ? (int64_t)(s * 1e9) : 0);
        buf_puts(&raw, text);
    } else {
        put_value(&raw, r, 0);
    }
    c.columns = safe_text_buf(&b, (const char *)raw.data, raw.len, CELL_COLUMNS);
    c.number = number;
    c.text = buf_take(&b);
    buf_release(&raw);
    return c;
}

/* ---- tables ---- */

struct column {
    char *key;
    int columns;
    bool number; /* right-aligned: every cell is a number or absent */
};

struct row_table {
    struct column *cols;
    size_t n_cols, n_rows;
    bool fixed;
    char *remark;       /* key of the remarks, NULL none */
    struct buf remarks; /* lines */
    struct row_cells {
        struct cell *cells;
        size_t n; /* columns known when the row came */
    } *rows;
};

static struct column *add_column(struct row_table *t, const char *key, size_t n)
{
    struct buf head = {0};
    int columns = safe_text_buf(&head, key, n, CELL_COLUMNS);
    buf_release(&head);
    t->cols = mem_resize(t->cols, t->n_cols + 1, sizeof *t->cols);
    t->cols[t->n_cols] = (struct column){.key = mem_strn(key, n), .columns = columns, .number = true};
    return &t->cols[t->n_cols++];
}

struct row_table *row_table_new(const char *columns)
{
    struct row_table *t = MEM_NEW(struct row_table);
    t->fixed = columns != NULL;
    while (columns && *columns) {
        size_t n = strcspn(columns, ",");
        if (n)
            add_column(t, columns, n);
        columns += n + (columns[n] == ',');
    }
    return t;
}

static struct column *find_column(struct row_table *t, struct span key)
{
    for (size_t i = 0; i < t->n_cols; i++)
        if (span_eq(key, t->cols[i].key))
            return &t->cols[i];
    return t->fixed ? NULL : add_column(t, key.p, strnlen(key.p, key.n));
}

void row_table_remark(struct row_table *t, const char *key)
{
    free(t->remark);
    t->remark = mem_str(key);
}

static void add_remark(struct row_table *t, struct span row, const struct cell *cells, size_t n)
{
    struct span text = t->remark ? cmap_str(row, t->remark) : (struct span){NULL, 0};
    if (!text.n)
        return;
    buf_printf(&t->remarks, "%s: %s: ", n && cells[0].text ? cells[0].text : "-", t->remark);
    safe_text_buf(&t->remarks, text.p, text.n, -1);
    buf_putc(&t->remarks, '\n');
}

void row_table_add(struct row_table *t, struct span row)
{
    struct codec_reader r;
    struct cell *cells = mem_zero(t->n_cols, sizeof *cells);
    size_t cap = t->n_cols;
    cr_init(&r, row.p, row.n);
    for (size_t n = cr_map(&r); n > 0 && cr_ok(&r); n--) {
        struct span key = cr_str(&r);
        struct column *c = cr_ok(&r) ? find_column(t, key) : NULL;
        if (!c) {
            cr_skip(&r);
            continue;
        }
        size_t i = (size_t)(c - t->cols);
        if (i >= cap) {
            cells = mem_resize(cells, t->n_cols, sizeof *cells);
            memset(cells + cap, 0, (t->n_cols - cap) * sizeof *cells);
            cap = t->n_cols;
        }
        bool absent = cr_peek(&r) == CT_NIL;
        free(cells[i].text);
        cells[i] = make_cell(key, &r);
        c->columns = cells[i].columns > c->columns ? cells[i].columns : c->columns;
        c->number = c->number && (cells[i].number || absent);
    }
    add_remark(t, row, cells, cap);
    t->rows = mem_resize(t->rows, t->n_rows + 1, sizeof *t->rows);
    t->rows[t->n_rows++] = (struct row_cells){cells, cap};
}

/* Appends the text of one cell, padded to its column; the last column is not padded. */
static void put_cell(struct buf *line, const struct column *c, const char *text, int columns, bool last)
{
    int pad = c->columns - columns;
    if (c->number)
        buf_printf(line, "%*s%s", pad, "", text);
    else
        buf_printf(line, "%s%*s", text, last ? 0 : pad, "");
    if (!last)
        buf_puts(line, "  ");
}

static void put_line(struct buf *out, struct buf *line, int width)
{
    safe_text_buf(out, (const char *)line->data, line->len, width > 0 ? width : -1);
    while (out->len && out->data[out->len - 1] == ' ')
        out->len--;
    buf_putc(out, '\n');
    buf_clear(line);
}

void row_table_print(const struct row_table *t, struct buf *out, int width)
{
    struct buf line = {0}, head = {0};
    if (t->n_rows == 0)
        return;
    for (size_t i = 0; i < t->n_cols; i++) {
        buf_clear(&head);
        int columns = safe_text_buf(&head, t->cols[i].key, strlen(t->cols[i].key), CELL_COLUMNS);
        put_cell(&line, &t->cols[i], buf_cstr(&head), columns, i + 1 == t->n_cols);
    }
    put_line(out, &line, width);
    for (size_t k = 0; k < t->n_rows; k++) {
        for (size_t i = 0; i < t->n_cols; i++) {
            struct cell *c = i < t->rows[k].n ? &t->rows[k].cells[i] : NULL;
            bool have = c && c->text;
            put_cell(&line, &t->cols[i], have ? c->text : "-", have ? c->columns : 1, i + 1 == t->n_cols);
        }
        put_line(out, &line, width);
    }
    buf_put(out, t->remarks.data, t->remarks.len);
    buf_release(&line);
    buf_release(&head);
}

void row_table_free(struct row_table *t)
{
    if (!t)
        return;
    for (size_t k = 0; k < t->n_rows; k++) {
        for (size_t i = 0; i < t->rows[k].n; i++)
            free(t->rows[k].cells[i].text);
        free(t->rows[k].cells);
    }
    for (size_t i = 0; i < t->n_cols; i++)
        free(t->cols[i].key);
    free(t->cols);
    free(t->rows);
    free(t->remark);
    buf_release(&t->remarks);
    free(t);
}
