/* table_own: lines of the table that a person arranged: the columns of their choice, and the lines of groups. Reads a struct
 * table, never changes it. */
#include <math.h>
#include <string.h>

#include "tui/keymap.h"
#include "tui/table_parts.h"

/* ---- a group's line ---- */

static struct span raw_at(const struct table *t, int64_t index)
{
    const struct buf *b = &t->rows[index - t->base].raw;
    return (struct span){(const char *)b->data, b->len};
}

/* "v adamw  12 trials  3 running  best .0812  mean .1204" */
void table_draw_group(const struct table *t, struct canvas *c, struct rect r, int y, int64_t index)
{
    struct span g = raw_at(t, index);
    char label[ROW_TEXT], name[ROW_TEXT], best[32], mean[32], text[200];
    int64_t trials = cmap_int(g, "trials", 0), running = cmap_int(g, "running", 0);
    row_text(label, cmap_str(g, "group"), 24);
    row_text(name, (struct span){t->group, strlen(t->group)}, 16);
    double best_value = cmap_double(g, "value", NAN), mean_value = cmap_double(g, "mean", NAN);
    row_number(best, best_value, isnan(best_value));
    row_number(mean, mean_value, isnan(mean_value));
    canvas_fill(c, (struct rect){r.x, y, r.w, 1}, ST_PLAIN, ' ');
    int x = r.x + 2;
    x += canvas_put(c, x, y, ST_KEY, cmap_bool(g, "folded", false) ? 0x25b8 : 0x25be) + 1;
    x += canvas_printf(c, x, y, ST_STRONG, "%s %s", name, label);
    x = x < r.x + 24 && r.w >= 60 ? r.x + 24 : x + 2;
    row_format(text, sizeof text, "%lld trial%s  best %s  mean %s", (long long)trials, trials == 1 ? "" : "s", best,
               mean);
    x += canvas_textn(c, x, y, r.x + r.w - x, ST_PLAIN, text, strlen(text));
    if (running > 0)
        canvas_printf(c, x + 2, y, ST_RUN, "%lld\u25b6", (long long)running);
}

/* ---- the columns that the person chose ---- */

static int own_width(const struct table *t, const struct summary *s, const char *name, enum column_kind kind,
                     int *param)
{
    *param = -1;
    for (int p = 0; p < s->n_params && kind == COLUMN_PARAM; p++)
        if (span_eq(s->params[p], name)) {
            *param = p;
            int w = table_param_width(t, p, 9), head = canvas_columns(name, strlen(name));
            return head > w ? head < 9 ? head : 9 : w;
        }
    switch (kind) {
    case COLUMN_STEP: return 7;
    case COLUMN_SECONDS: return 6;
    case COLUMN_PROGRESS: return 4;
    case COLUMN_CURVE: return TABLE_SPARK;
    default: return strcmp(name, "note") == 0 || strcmp(name, "tags") == 0 ? 16 : 9;
    }
}

/* Left to right in their order; the curve takes less when that lets another column in, down to 6 cells. */
void table_place_own(const struct table *t, const struct summary *s, int w, struct table_own *k)
{
    int x = 2 + t->id_width + 1 + (w >= 46 ? 7 : 2) + 9;
    k->n = 0;
    k->first = t->col < t->cols.n ? t->col : t->cols.n ? t->cols.n - 1 : 0;
    int need = 0, curve = TABLE_SPARK;
    for (int i = k->first; i < t->cols.n; i++) {
        int p;
        need += own_width(t, s, t->cols.name[i], column_kind(s, t->cols.name[i]), &p) + 1;
    }
    if (x + need > w)
        curve -= x + need - w < TABLE_SPARK - 6 ? x + need - w : TABLE_SPARK - 6;
    for (int i = k->first; i < t->cols.n; i++) {
        int at = k->n;
        k->kind[at] = column_kind(s, t->cols.name[i]);
        k->w[at] = own_width(t, s, t->cols.name[i], k->kind[at], &k->param[at]);
        if (k->kind[at] == COLUMN_CURVE)
            k->w[at] = curve;
        if (x + k->w[at] > w)
            break;
        k->x[k->n++] = x;
        x += k->w[at] + 1;
    }
}

static bool to_the_right(const struct table_own *k, int i)
{
    return k->kind[i] == COLUMN_STEP || k->kind[i] == COLUMN_SECONDS || k->kind[i] == COLUMN_PROGRESS;
}

/* id, state and value stand where they always do. */
void table_own_head(const struct table *t, const struct summary *s, struct canvas *c, struct rect r,
                     const struct table_own *k)
{
    char name[ROW_TEXT];
    struct table_places fixed;
    table_place(t, s, r.w, &fixed);
    fixed.n_param = fixed.step = fixed.percent = fixed.spark_w = 0;
    table_draw_head(t, s, c, r, &fixed);
    for (int i = 0; i < k->n; i++) {
        const char *raw = t->cols.name[k->first + i];
        bool on = strcmp(t->sort, raw) == 0;
        row_text(name, (struct span){raw, strlen(raw)}, k->w[i]);
        style st = on ? ST_STRONG | ST_UNDERLINE : ST_DIM;
        int x = r.x + k->x[i];
        canvas_hit(c, (struct rect){x, r.y, k->w[i], 1}, ACT_SORT, TABLE_HIT_OWN + k->first + i);
        if (to_the_right(k, i))
            canvas_right(c, x, r.y, k->w[i], st, k->kind[i] == COLUMN_PROGRESS ? "%" : name);
        else
            canvas_textn(c, x, r.y, k->w[i], st, name, strlen(name));
    }
}

/* The n-th of row.extra. */
static struct span extra_at(struct span raw, int n)
{
    struct codec_reader r;
    struct span v = {NULL, 0};
    if (!cmap_find(raw, "extra", &r) || cr_peek(&r) != CT_ARRAY || (int)cr_array(&r) <= n)
        return v;
    for (int i = 0; i <= n; i++)
        v = cr_value(&r);
    return v;
}

static void join_tags(struct span list, char *out, size_t cap)
{
    struct codec_reader r;
    char one[ROW_TEXT];
    size_t at = 0;
    out[0] = '\0';
    if (!list.p)
        return;
    cr_init(&r, list.p, list.n);
    for (size_t n = cr_peek(&r) == CT_ARRAY ? cr_array(&r) : 0; n > 0 && cr_ok(&r) && at + 2 < cap; n--) {
        row_text(one, cr_str(&r), 14);
        at += (size_t)row_format(out + at, cap - at, "%s%s", at ? " " : "", one);
    }
}

static void other_text(const struct table *t, const struct trial_row *row, struct span raw, int column, int nth,
                       char out[ROW_TEXT])
{
    const char *name = t->cols.name[column];
    if (strcmp(name, "tags") == 0) {
        join_tags(row->tags, out, ROW_TEXT);
        return;
    }
    struct span v = extra_at(raw, nth);
    struct codec_reader r;
    cr_init(&r, v.p, v.n);
    if (v.p && cr_peek(&r) == CT_DOUBLE)
        row_number(out, cr_double(&r), false);
    else
        row_value(out, v, 16);
}

void table_own_row(const struct table *t, const struct summary *s, struct canvas *c, struct rect r, int y,
                    const struct table_own *k, int64_t index, const struct trial_row *row,
                    const struct spark_scale *scale)
{
    char text[ROW_TEXT];
    struct table_places fixed;
    table_place(t, s, r.w, &fixed);
    fixed.n_param = fixed.step = fixed.percent = fixed.spark_w = 0;
    table_draw_row(t, s, c, r, y, &fixed, row, scale);
    int nth = 0;
    for (int i = 0; i < k->first; i++)
        nth += column_kind(s, t->cols.name[i]) == COLUMN_OTHER;
    for (int i = 0; i < k->n; i++) {
        int x = r.x + k->x[i];
        text[0] = '\0';
        switch (k->kind[i]) {
        case COLUMN_PARAM: row_param(text, row->params, t->cols.name[k->first + i], 30); break;
        case COLUMN_STEP: table_step_text(row, text); break;
        case COLUMN_SECONDS: row_span(text, row->seconds); break;
        case COLUMN_PROGRESS: table_draw_percent(c, x, y, row->progress); continue;
        case COLUMN_CURVE: table_draw_spark(c, x, y, k->w[i], scale, row); continue;
        default: other_text(t, row, raw_at(t, index), k->first + i, nth++, text);
        }
        if (to_the_right(k, i))
            canvas_right(c, x, y, k->w[i], ST_PLAIN, text);
        else
            canvas_textn(c, x, y, k->w[i], ST_PLAIN, text, strlen(text));
    }
}
