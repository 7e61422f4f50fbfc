#include "tui/panel_legend.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tui/panel.h"
#include "tui/row.h"

/* What its trial was given, the parameters that differ first. */
static void line_params(const struct console *c, const struct compare_line *l, char *out, size_t cap,
                        int columns)
{
    const struct table_row *row = l->trial >= 0 ? table_find(&c->table, l->trial) : NULL;
    int order[SUMMARY_PARAMS], n = 0;
    out[0] = '\0';
    if (!row) {
        if (l->trial < 0)
            row_format(out, cap, "%d trials, %d runs", l->trials, l->runs);
        else if (l->runs > 1)
            row_format(out, cap, "%d runs", l->runs);
        return;
    }
    struct trial_row t;
    trial_row_read(&t, (struct span){(char *)row->raw.data, row->raw.len});
    table_param_order(&c->table, &c->sum, order);
    for (int i = 0; i < c->sum.n_params && n < columns; i++) {
        char name[80], key[ROW_TEXT], value[ROW_TEXT], one[120];
        span_copy(name, sizeof name, c->sum.params[order[i]]);
        row_text(key, c->sum.params[order[i]], 8);
        row_param(value, t.params, name, 10);
        if (!value[0])
            continue;
        int w = row_format(one, sizeof one, "%s%.60s %.40s", n ? " " : "", key, value);
        if (n + w > columns)
            break;
        size_t len = strlen(out);
        row_format(out + len, cap - len, "%s", one);
        n += w;
    }
}

static bool is_first_of(const struct compare *k, int i)
{
    for (int j = 0; j < i; j++)
        if (k->lines[j].letter == k->lines[i].letter)
            return false;
    return true;
}

static void draw_entry(const struct console *c, struct canvas *out, struct rect r, int y,
                       const struct compare_line *l, const struct compare_line *ref, int rows)
{
    const struct compare *k = &c->compare;
    double x = compare_cross(k), v = compare_read(l, k, x), base = ref ? compare_read(ref, k, x) : NAN;
    char value[32], delta[40] = "", text[200];
    style st = l->hidden ? ST_DIM : compare_style(l);
    int label_w = r.w >= 30 ? 12 : 7;
    canvas_put(out, r.x, y, ST_STRONG, l->key == k->sel ? '>' : ' ');
    canvas_put(out, r.x + 1, y, st, l->hidden ? ' ' : 0x2501);
    canvas_put(out, r.x + 2, y, st | ST_BOLD, (uint32_t)(l->letter < 26 ? 'A' + l->letter : '.'));
    canvas_textn(out, r.x + 4, y, label_w, l->hidden ? ST_DIM : ST_PLAIN, l->label, strlen(l->label));
    row_number(value, v, isnan(v));
    canvas_right(out, r.x + 4 + label_w, y, 8, l->hidden ? ST_DIM : ST_STRONG, value);
    if (ref && ref != l && !k->diff && isfinite(v) && isfinite(base)) {
        char d[AXIS_LABEL];
        axis_label(d, v - base);
        row_format(delta, sizeof delta, "%s%s", v >= base ? "+" : "", d);
    } else if (ref == l && !k->diff) {
        row_format(delta, sizeof delta, "%s", "");
    }
    if (r.w >= 4 + label_w + 8 + 8)
        canvas_right(out, r.x, y, r.w, ST_DIM, delta);
    if (l->hidden && r.w < 30)
        canvas_right(out, r.x, y, r.w, ST_DIM, "hidden");
    if (rows > 1) {
        line_params(c, l, text, sizeof text, r.w - 5);
        canvas_textn(out, r.x + 4, y + 1, r.w - 4, ST_DIM, text, strlen(text));
    }
    if (l->key == k->sel) {
        out->cursor_x = r.x;
        out->cursor_y = y;
    }
    canvas_hit(out, (struct rect){r.x, y, r.w, rows}, ACT_ROW, l->letter);
}

static const struct compare_line *of_panel_one(const struct console *c, int letter)
{
    const struct compare *k = &c->compare;
    const char *metric = c->curve.metric[0] ? c->curve.metric : c->sum.metric;
    const struct compare_line *any = NULL;
    for (int i = 0; i < k->n_lines; i++)
        if (k->lines[i].letter == letter) {
            any = any ? any : &k->lines[i];
            if (strcmp(k->lines[i].metric, metric) == 0)
                return &k->lines[i];
        }
    return any;
}

/* Interventions on the lines, newest last. */
static int draw_events(const struct console *c, struct canvas *out, struct rect r, int y)
{
    const struct compare *k = &c->compare;
    for (int i = 0; i < sub_rows(&c->subs, SUB_IVS) && y < r.y + r.h; i++) {
        struct span iv = sub_row(&c->subs, SUB_IVS, i);
        int64_t id = iv.p ? cmap_int(iv, "id", -1) : -1;
        for (int j = 0; j < k->n_lines; j++) {
            const struct compare_line *l = &k->lines[j];
            int m = 0;
            while (m < l->n_marks && l->marks[m].id != id)
                m++;
            if (l->hidden || m == l->n_marks || !is_first_of(k, j))
                continue;
            char change[160], verb[ROW_TEXT], at[AXIS_LABEL], line[300];
            panel_change(iv, change, sizeof change);
            row_text(verb, cmap_str(iv, "verb"), 12);
            if (k->x == COMPARE_TIME)
                axis_time_label(at, l->marks[m].x);
            else
                axis_label(at, l->marks[m].x);
            row_format(line, sizeof line, "%.60s %.40s @%s", change[0] ? change : verb, l->label, at);
            canvas_put(out, r.x, y, ST_MARK, panel_mark_glyph(id));
            canvas_textn(out, r.x + 2, y++, r.w - 2, ST_PLAIN, line, strlen(line));
            break;
        }
    }
    return y;
}

static void draw_missing(const struct console *c, struct canvas *out, struct rect r, int y)
{
    const struct compare *k = &c->compare;
    char metric[ROW_TEXT];
    const char *raw = c->curve.metric[0] ? c->curve.metric : c->sum.metric;
    row_text(metric, (struct span){raw, strlen(raw)}, 16);
    for (int i = 0; i < c->table.n_marks && y < r.y + r.h; i++) {
        bool there = k->group[0] != '\0' || (k->source != COMPARE_MARKED && k->source != COMPARE_AUTO);
        for (int j = 0; j < k->n_lines && !there; j++)
            there = k->lines[j].trial == c->table.marks[i];
        if (!there)
            canvas_printf(out, r.x + 4, y++, ST_DIM, "t%lld: no %.60s", (long long)c->table.marks[i], metric);
    }
}

void panel_legend_draw(const struct console *c, struct canvas *out, struct rect r)
{
    const struct compare *k = &c->compare;
    struct rect old = canvas_clip(out, r);
    int events = 0, y = r.y;
    for (int i = 0; i < k->n_lines; i++)
        events += k->lines[i].n_marks;
    events = events > r.h / 3 ? r.h / 3 : events;
    int room = r.h - (events ? events + 1 : 0), rows = k->n_letters * 3 <= room   ? 3
                                                       : k->n_letters * 2 <= room ? 2
                                                                                  : 1;
    const struct compare_line *sel = compare_selected(k), *ref = of_panel_one(c, 0);
    int shown = room / (rows > 0 ? rows : 1),
        skip = sel && sel->letter >= shown ? sel->letter - shown + 1 : 0;
    for (int letter = skip; letter < k->n_letters && letter - skip < shown; letter++) {
        const struct compare_line *l = of_panel_one(c, letter);
        if (l)
            draw_entry(c, out, r, y, l, ref, rows > 1 ? 2 : 1);
        y += rows;
    }
    if (k->n_letters == 0)
        panel_note(out, r, ST_DIM, panel_empty(c, SUB_COMPARE, "no lines"));
    else
        draw_missing(c, out, r, y);
    if (events)
        draw_events(c, out, (struct rect){r.x, r.y + r.h - events, r.w, events}, r.y + r.h - events);
    if (k->cut)
        canvas_printf(out, r.x + 4, r.y + r.h - 1, ST_DIM, "%d more are not drawn", k->cut);
    canvas_clip(out, old);
}

void panel_legend_line(const struct console *c, struct canvas *out, struct rect r)
{
    const struct compare *k = &c->compare;
    int x = r.x;
    for (int letter = 0; letter < k->n_letters; letter++) {
        const struct compare_line *l = of_panel_one(c, letter);
        char text[80], value[32];
        double v = l ? compare_read(l, k, compare_cross(k)) : NAN;
        if (!l || l->hidden)
            continue;
        row_number(value, v, isnan(v));
        row_format(text, sizeof text, "%c %.12s %s", letter < 26 ? 'A' + letter : '.', l->label, value);
        int n = canvas_columns(text, strlen(text));
        if (x + n > r.x + r.w)
            return;
        canvas_text(out, x, r.y, compare_style(l), text);
        x += n + 2;
    }
}
