/* table_draw: the look of the table. Reads a struct table, never changes it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tui/keymap.h"
#include "tui/table_parts.h"

static int shown_params(const struct table *t, const struct summary *s, int *out)
{
    table_param_order(t, s, out);
    return s->n_params;
}

/* Columns of a parameter: as wide as its values; words may be cut to `cap`, numbers never. */
int table_param_width(const struct table *t, int p, int cap)
{
    int w = t->width[p] > 2 ? t->width[p] : 2;
    return t->words & 1u << p && w > cap ? cap : w;
}

/* Places the parameters from x on; returns how many fit. */
static int place_params(const struct table *t, const int *all, int n, int first, int cap, int x, int room,
                        struct table_places *c)
{
    c->n_param = 0;
    c->cap = cap;
    for (int i = first; i < n; i++) {
        int w = table_param_width(t, all[i], cap);
        if (w + 1 > room)
            break;
        c->param_x[c->n_param] = x;
        c->param_no[c->n_param++] = all[i];
        x += w + 1;
        room -= w + 1;
    }
    c->params_end = x;
    return c->n_param;
}

/* Parameters into what the curve leaves, words cut when that helps; true when `enough` of them fit. */
static bool fit_params(const struct table *t, const int *all, int n, int first, int x, int rest, int enough,
                       struct table_places *c)
{
    int room = rest - (c->spark_w ? c->spark_w + 1 : 0), most = n - first;
    enough = enough < most ? enough : most;
    for (int cap = 9; cap >= 6; cap -= 3)
        if (place_params(t, all, n, first, cap, x, room, c) >= most || c->n_param >= 3)
            break;
    return c->n_param >= enough;
}

/* Widths left to right. What does not fit goes: the curve first, from 20 cells to 12 unless every parameter
 * fits, to 6 for the second parameter; then words are cut, then parameters go from the right. */
void table_place(const struct table *t, const struct summary *s, int w, struct table_places *c)
{
    int all[SUMMARY_PARAMS], n = shown_params(t, s, all), first = t->col < n ? t->col : n ? n - 1 : 0;
    *c = (struct table_places){.id = 2, .first_param = first};
    int x = 2 + t->id_width + 1;
    c->state = x;
    x += w >= 46 ? 7 : 2;
    c->value = x;
    x += 9;
    int tail = w >= 36 ? 6 : 0;     /* percent */
    int wide = w >= 84 ? 8 + 7 : 0; /* step and time taken */
    int rest = w - x - tail - wide;
    static const struct {
        int cells, at_least, params; /* taken when the rest is that wide and that many parameters fit */
    } curves[] = {{TABLE_SPARK, 40, SUMMARY_PARAMS}, {12, 20, 2}, {6, 8, 0}, {0, 0, 0}};
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        c->spark_w = curves[i].cells;
        if (rest >= curves[i].at_least && fit_params(t, all, n, first, x, rest, curves[i].params, c))
            break;
    }
    int room = rest - (c->spark_w ? c->spark_w + 1 : 0) - (c->params_end - x);
    x = c->params_end;
    if (wide) {
        c->step = x;
        c->took = x + 8;
        x += wide;
    }
    if (tail)
        c->percent = x;
    x += tail;
    c->spark = x;
    if (c->spark_w && room > 0) /* the curve takes what is left */
        c->spark_w = c->spark_w + room < TABLE_SPARK ? c->spark_w + room : TABLE_SPARK;
}

static void head_cell(const struct table *t, struct canvas *c, int x, int y, int w, const char *sort,
                      const char *text, int n_column)
{
    bool on = strcmp(t->sort, sort) == 0;
    style st = on ? ST_STRONG | ST_UNDERLINE : ST_DIM;
    canvas_textn(c, x, y, w, st, text, strlen(text));
    canvas_hit(c, (struct rect){x, y, w, 1}, ACT_SORT, n_column);
}

void table_draw_head(const struct table *t, const struct summary *s, struct canvas *c, struct rect r,
                      const struct table_places *k)
{
    char name[ROW_TEXT], raw[ROW_TEXT];
    head_cell(t, c, r.x + k->id, r.y, t->id_width, "trial", "id", 0);
    head_cell(t, c, r.x + k->state, r.y, k->value - k->state - 1, "state", "st", 1);
    row_format(name, sizeof name, "%s", s->metric[0] ? s->metric : "value");
    canvas_hit(c, (struct rect){r.x + k->value, r.y, 8, 1}, ACT_SORT, 2);
    canvas_right(c, r.x + k->value - 1, r.y, 9,
                 strcmp(t->sort, "value") == 0 ? ST_STRONG | ST_UNDERLINE : ST_DIM, name);
    for (int i = 0; i < k->n_param; i++) {
        int p = k->param_no[i];
        row_text(name, s->params[p], 30);
        span_copy(raw, sizeof raw, s->params[p]);
        head_cell(t, c, r.x + k->param_x[i], r.y, table_param_width(t, p, k->cap), raw, name, 5 + p);
    }
    if (k->step) {
        head_cell(t, c, r.x + k->step + 3, r.y, 4, "step", "step", 3);
        head_cell(t, c, r.x + k->took + 2, r.y, 4, "seconds", "time", 4);
    }
    if (k->percent)
        canvas_text(c, r.x + k->percent + 3, r.y, ST_DIM, "%");
    int all[SUMMARY_PARAMS], n = shown_params(t, s, all), off = n - k->n_param;
    if (k->spark_w && k->spark_w >= 5)
        canvas_text(c, r.x + k->spark, r.y, ST_DIM, "curve");
    if (off > 0 && k->spark_w >= 10) { /* parameters that do not fit */
        row_format(name, sizeof name, "+%d", off);
        canvas_right(c, r.x + k->spark, r.y, k->spark_w, ST_DIM, name);
    }
}

static struct spark_scale column_scale(const struct table *t)
{
    struct spark_scale s = {0};
    for (int i = 0; i < t->n_rows; i++) {
        struct trial_row r;
        double v[TABLE_SPARK];
        trial_row_read(&r, (struct span){(char *)t->rows[i].raw.data, t->rows[i].raw.len});
        spark_scale_add(&s, v, trial_row_spark(&r, v, TABLE_SPARK));
    }
    spark_scale_done(&s);
    return s;
}

void table_draw_spark(struct canvas *c, int x, int y, int w, const struct spark_scale *scale,
                       const struct trial_row *r)
{
    double v[TABLE_SPARK], fit[TABLE_SPARK];
    int n = trial_row_spark(r, v, TABLE_SPARK);
    n = spark_fit(v, n, fit, w < TABLE_SPARK ? w : TABLE_SPARK);
    spark_draw(c, x, y, w, r->state->over ? ST_DIM : ST_SPARK, scale, fit, n);
}

void table_draw_percent(struct canvas *c, int x, int y, double progress)
{
    char text[16];
    if (!isfinite(progress))
        return;
    row_format(text, sizeof text, "%.0f%%", floor(progress * 100 + 1e-9));
    canvas_right(c, x, y, 4, ST_PLAIN, text);
}

void table_step_text(const struct trial_row *row, char out[ROW_TEXT])
{
    if (row->step >= 0)
        row_count(out, (double)row->step);
    else
        row_format(out, ROW_TEXT, "\u2014");
}

void table_draw_row(const struct table *t, const struct summary *s, struct canvas *c, struct rect r, int y,
                     const struct table_places *k, const struct trial_row *row, const struct spark_scale *scale)
{
    char text[ROW_TEXT], name[ROW_TEXT];
    bool best = row->trial == s->best_trial;
    style dim = row->state->over && !best ? ST_PLAIN : ST_STRONG;
    row_format(text, sizeof text, "t%lld", (long long)row->trial);
    canvas_text(c, r.x + k->id, y, best ? ST_BEST : dim, text);
    canvas_put(c, r.x + k->state, y, row->state->st, row->state->glyph);
    if (k->value - k->state >= 7)
        canvas_text(c, r.x + k->state + 2, y, row->state->st, row->state->word);
    row_number(text, row->value, isnan(row->value) && row->step < 0);
    canvas_right(c, r.x + k->value, y, 8, best ? ST_BEST : isnan(row->value) ? ST_FAILED : ST_PLAIN, text);
    for (int i = 0; i < k->n_param; i++) {
        int p = k->param_no[i], w = table_param_width(t, p, k->cap);
        span_copy(name, sizeof name, s->params[p]);
        row_param(text, row->params, name, 30);
        canvas_textn(c, r.x + k->param_x[i], y, w, ST_PLAIN, text, strlen(text));
    }
    if (k->step) {
        table_step_text(row, text);
        canvas_right(c, r.x + k->step, y, 7, ST_PLAIN, text);
        row_span(text, row->seconds);
        canvas_right(c, r.x + k->took, y, 6, ST_DIM, text);
    }
    if (k->percent)
        table_draw_percent(c, r.x + k->percent, y, row->progress);
    if (k->spark_w)
        table_draw_spark(c, r.x + k->spark, y, k->spark_w, scale, row);
}

static bool in_range(const struct table *t, int64_t index)
{
    if (t->range_from < 0 || t->sel_index < 0)
        return false;
    int64_t a = t->range_from < t->sel_index ? t->range_from : t->sel_index;
    int64_t b = t->range_from < t->sel_index ? t->sel_index : t->range_from;
    return index >= a && index <= b;
}

static void draw_pointer(const struct table *t, struct canvas *c, struct rect r, int y, int64_t index,
                         int64_t id)
{
    bool sel = t->sel_group ? id == t->sel_group : id == t->sel && id >= 0;
    if (sel) {
        canvas_flag(c, (struct rect){r.x, y, r.w, 1}, ST_REVERSE);
        canvas_put(c, r.x, y, ST_STRONG | ST_REVERSE, '>');
        c->cursor_x = r.x;
        c->cursor_y = y;
    }
    if (id >= 0 && table_marked(t, id))
        canvas_put(c, r.x + 1, y, (style)(ST_MARK | (sel ? ST_REVERSE : 0)), '*');
    else if (in_range(t, index))
        canvas_put(c, r.x + 1, y, (style)(ST_MARK | (sel ? ST_REVERSE : 0)), '+');
    canvas_hit(c, (struct rect){r.x, y, r.w, 1}, ACT_ROW, id);
}

static bool row_at(const struct table *t, int64_t index, struct trial_row *row)
{
    int64_t k = index - t->base;
    if (k < 0 || k >= t->n_rows)
        return false;
    trial_row_read(row, (struct span){(char *)t->rows[k].raw.data, t->rows[k].raw.len});
    return true;
}

static void empty_note(const struct table *t, const struct subs *f, struct canvas *c, struct rect r)
{
    const char *error = sub_error(f, SUB_TRIALS);
    char safe[ROW_TEXT];
    if (r.h <= 0)
        return;
    if (error) {
        row_text(safe, (struct span){error, strlen(error)}, r.w - 2);
        canvas_textn(c, r.x + 1, r.y, r.w - 1, ST_ERROR, safe, strlen(safe));
    } else if (!sub_loaded(f, SUB_TRIALS)) {
        canvas_textn(c, r.x + 1, r.y, r.w - 1, ST_DIM, "loading the trials", 18);
    } else if (t->filter[0]) {
        const char *none = "no trial passes the filter; \\ clears it";
        canvas_textn(c, r.x + 1, r.y, r.w - 1, ST_DIM, none, strlen(none));
    } else {
        const char *none = "no trials yet: the tuner has not chosen any";
        canvas_textn(c, r.x + 1, r.y, r.w - 1, ST_DIM, none, strlen(none));
    }
}

void table_draw(const struct table *t, const struct subs *f, const struct summary *s, struct canvas *c,
                struct rect r)
{
    struct rect old = canvas_clip(c, r);
    struct table_places k;
    struct table_own own;
    table_place(t, s, r.w, &k);
    if (t->cols.own) {
        table_place_own(t, s, r.w, &own);
        table_own_head(t, s, c, r, &own);
    } else {
        table_draw_head(t, s, c, r, &k);
    }
    struct spark_scale scale = column_scale(t);
    struct trial_row row;
    if (t->n_rows == 0 || sub_error(f, SUB_TRIALS))
        empty_note(t, f, c, (struct rect){r.x, r.y + 1, r.w, r.h - 1});
    else
        for (int i = 0; i + 1 < r.h && row_at(t, t->top + i, &row); i++) {
            int y = r.y + 1 + i;
            if (row.trial < -1)
                table_draw_group(t, c, r, y, t->top + i);
            else if (t->cols.own)
                table_own_row(t, s, c, r, y, &own, t->top + i, &row, &scale);
            else
                table_draw_row(t, s, c, r, y, &k, &row, &scale);
            draw_pointer(t, c, r, y, t->top + i, row.trial);
        }
    canvas_clip(c, old);
}

void table_draw_small(const struct table *t, const struct subs *f, const struct summary *s, struct canvas *c,
                      struct rect r)
{
    struct rect old = canvas_clip(c, r);
    struct spark_scale scale = column_scale(t);
    struct trial_row row;
    char text[ROW_TEXT], name[ROW_TEXT];
    int order[SUMMARY_PARAMS];
    table_param_order(t, s, order);
    int x_value = 2 + t->id_width + 3, x_param = x_value + 8, spark_x = x_param + 7 + 6;
    if (t->n_rows == 0)
        empty_note(t, f, c, r);
    for (int i = 0; i < r.h && row_at(t, t->top + i, &row); i++) {
        int y = r.y + i;
        bool best = row.trial == s->best_trial;
        if (row.trial < -1) {
            table_draw_group(t, c, r, y, t->top + i);
            draw_pointer(t, c, r, y, t->top + i, row.trial);
            continue;
        }
        canvas_printf(c, r.x + 2, y, best ? ST_BEST : ST_PLAIN, "t%lld", (long long)row.trial);
        canvas_put(c, r.x + 2 + t->id_width + 1, y, row.state->st, row.state->glyph);
        row_number(text, row.value, isnan(row.value) && row.step < 0);
        canvas_textn(c, r.x + x_value, y, 7, best ? ST_BEST : ST_PLAIN, text, strlen(text));
        if (s->n_params) {
            span_copy(name, sizeof name, s->params[order[0]]);
            row_param(text, row.params, name, 6);
            canvas_textn(c, r.x + x_param, y, 6, ST_PLAIN, text, strlen(text));
        }
        table_draw_percent(c, r.x + x_param + 7, y, row.progress);
        if (r.w - spark_x > 0)
            table_draw_spark(c, r.x + spark_x, y, r.w - spark_x < TABLE_SPARK ? r.w - spark_x : TABLE_SPARK, &scale,
                       &row);
        draw_pointer(t, c, r, y, t->top + i, row.trial);
    }
    canvas_clip(c, old);
}
