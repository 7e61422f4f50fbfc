/* screen_curves: several trials on one set of axes, with a crosshair that reads all of them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tui/panel.h"
#include "tui/panel_compare.h"
#include "tui/panel_legend.h"
#include "tui/plot_curve.h"
#include "tui/screen.h"

enum pane { PANE_PLOT, PANE_LEGEND };
static const char *const panes[] = {"Curves", "At the crosshair", NULL};

struct places {
    struct rect line, plot, legend; /* insides; an empty one is not shown */
    struct rect plot_frame, legend_frame;
    int rule;    /* x of the rule between them; -1 none */
    bool folded; /* the legend is one line under the plot */
};

static struct places place(const struct console *c, struct rect body, enum layout_size size)
{
    struct places p = {.rule = -1};
    p.line = rect_top(&body, 1);
    if (c->zoom[SCREEN_CURVES]) {
        *(c->pane[SCREEN_CURVES] == PANE_LEGEND ? &p.legend : &p.plot) = body;
        return p;
    }
    if (size == LAYOUT_WIDE) {
        p.legend_frame = rect_left(&body, body.w >= 140 ? 36 : 30);
        p.plot_frame = body;
        p.legend = rect_inset(p.legend_frame, 1, 1);
        p.plot = rect_inset(p.plot_frame, 1, 1);
    } else if (size == LAYOUT_NORMAL && body.w >= 60) {
        p.legend = rect_left(&body, 23);
        p.rule = body.x;
        rect_left(&body, 1);
        p.plot_frame = rect_top(&body, 1);
        p.plot = body;
    } else {
        p.folded = body.h > 3;
        if (p.folded)
            p.legend = rect_bottom(&body, 1);
        p.plot = body;
    }
    return p;
}

static void want(struct console *c, struct rect body, enum layout_size size)
{
    struct places p = place(c, body, size);
    table_want(&c->table, &c->subs, &c->sum, 24, c->mono);
    struct codec_writer w = sub_want(&c->subs, SUB_METRICS, "metrics", 1);
    cw_kint(&w, "trial", c->table.sel);
    sub_commit(&c->subs, SUB_METRICS, 0, 1);
    compare_want(c, panel_compare_columns(c, p.plot));
}

/* ---- the line of settings ---- */

static int setting(struct canvas *out, struct rect r, int x, const char *name, const char *value, bool key)
{
    char text[160];
    if (key)
        row_format(text, sizeof text, "%s %s", name, value);
    else
        row_format(text, sizeof text, "%s", value);
    int n = canvas_columns(text, strlen(text));
    if (x + n > r.x + r.w)
        return x;
    int at = key ? canvas_text(out, x, r.y, ST_DIM, name) + 1 : 0;
    canvas_text(out, x + at, r.y, ST_PLAIN, value);
    return x + n + 3;
}

static void draw_settings(const struct console *c, struct canvas *out, struct rect r)
{
    static const char *const bands[] = {"no band", "range", "deviation"}, *const smooths[] = {"off", ".6",
                                                                                              ".9"};
    const struct compare *k = &c->compare;
    char text[ROW_TEXT], source[80];
    bool wide = r.w >= 90;
    int x = r.x + 1;
    compare_panel_title(c, 0, text, sizeof text);
    if (k->panels == PANELS_ONE)
        x = setting(out, r, x, "", text, false);
    x = setting(out, r, x, "", compare_source_text(c, source, sizeof source), false);
    row_format(text, sizeof text, "%s%s%s", k->log_x ? "log " : "", compare_x_name(k->x),
               k->zoom_x ? " (zoomed)" : "");
    x = setting(out, r, x, "x", text, true);
    x = setting(out, r, x, "y", k->y[0].set && k->y[0].now.log ? "log" : "linear", true);
    char group[ROW_TEXT];
    row_text(group, (struct span){k->group, strlen(k->group)}, 16);
    x = setting(out, r, x, wide ? "a line a" : "by", group[0] ? group : k->by_run ? "run" : "trial", true);
    if (c->curve.smooth || wide)
        x = setting(out, r, x, "smooth", smooths[c->curve.smooth % 3], true);
    if (wide)
        x = setting(out, r, x, "band", bands[k->band], true);
    if (k->why[0] && k->n_lines)
        setting(out, r, x, "", k->why, false);
}

/* ---- drawing ---- */

static void cross_text(const struct console *c, char *out, size_t cap)
{
    const struct compare *k = &c->compare;
    double x = compare_cross(k);
    char at[AXIS_LABEL], value[32] = "";
    const struct compare_line *sel = compare_selected(k);
    out[0] = '\0';
    if (!k->n_lines || !isfinite(x))
        return;
    if (k->x == COMPARE_TIME)
        axis_time_label(at, x);
    else
        axis_label(at, x);
    double v = sel ? compare_read(sel, k, x) : NAN;
    row_number(value, v, isnan(v));
    row_format(out, cap, isfinite(k->cross) ? "crosshair %s \u2502 %s" : "newest %s \u2502 %s", at, value);
}

static void draw(const struct console *c, struct canvas *out, struct rect body, enum layout_size size)
{
    struct places p = place(c, body, size);
    int focus = c->pane[SCREEN_CURVES];
    char title[120], right[120];
    compare_panel_title(c, 0, title, sizeof title);
    if (c->compare.panels == PANELS_METRICS)
        row_format(title, sizeof title, "%d metrics", compare_n_panels(c));
    else if (c->compare.panels == PANELS_LINES)
        row_format(title, sizeof title, "a panel a line");
    cross_text(c, right, sizeof right);
    draw_settings(c, out, p.line);
    if (p.plot_frame.h > 1) {
        panel_box(out, p.legend_frame, "At the crosshair", NULL, focus == PANE_LEGEND);
        panel_box(out, p.plot_frame, title, right, focus == PANE_PLOT && c->zoom[SCREEN_CURVES]);
    } else if (p.rule >= 0) {
        for (int y = p.plot_frame.y; y < p.plot.y + p.plot.h; y++)
            canvas_put(out, p.rule, y, ST_BORDER, 0x2502);
        canvas_textn(out, p.plot_frame.x + 1, p.plot_frame.y, p.plot_frame.w - 2, ST_TITLE, title,
                     strlen(title));
        if (canvas_columns(title, strlen(title)) + canvas_columns(right, strlen(right)) + 4 < p.plot_frame.w)
            canvas_right(out, p.plot_frame.x, p.plot_frame.y, p.plot_frame.w - 1, ST_DIM, right);
    }
    panel_compare_draw(c, out, p.plot);
    if (p.folded)
        panel_legend_line(c, out, p.legend);
    else if (p.legend.h > 0)
        panel_legend_draw(c, out, p.legend);
}

/* ---- keys ---- */

static struct rect first_plot(const struct console *c)
{
    struct layout l = layout_frame(c->cols, c->rows);
    struct places p = place(c, l.body, l.size);
    struct rect cell = panel_compare_cell(compare_n_panels(c), p.plot, 0);
    return plot_inner(panel_compare_plot(c, cell));
}

static void next_source(struct console *c)
{
    struct compare *k = &c->compare;
    k->source = (k->source + 1) % COMPARE_SOURCES;
    if (k->source == COMPARE_MARKED && c->table.n_marks == 0)
        k->source = COMPARE_FILTER;
}

static void set_difference(struct console *c)
{
    struct compare *k = &c->compare;
    const struct compare_line *l = compare_selected(k);
    if (k->diff || !l) {
        k->diff = false;
        return;
    }
    k->diff = true;
    k->diff_key = l->key;
    k->log_y = -1;
    k->zoom_y = false;
    console_toast(c, ST_DIM, "differences to %s; d again ends it", l->label);
}

static void toggle_log_y(struct console *c)
{
    struct compare *k = &c->compare;
    bool now = k->y[0].set && k->y[0].now.log;
    k->log_y = !now;
    if (k->log_y && k->y[0].set && !(k->y[0].now.lo > 0) && !now) {
        double lo = INFINITY;
        for (int i = 0; i < k->n_lines; i++)
            for (int j = 0; j < k->lines[i].n; j++)
                lo = k->lines[i].mean[j] < lo ? k->lines[i].mean[j] : lo;
        if (!(lo > 0)) {
            console_toast(c, ST_WARN, "no log axis: there are values at or below zero");
            k->log_y = 0;
        }
    }
}

static bool act_view(struct console *c, enum action a)
{
    struct compare *k = &c->compare;
    switch (a) {
    case ACT_LOG_Y:
        toggle_log_y(c);
        return true;
    case ACT_LOG_X:
        k->log_x = !k->log_x;
        compare_fit(k);
        return true;
    case ACT_X_AXIS:
        compare_next_x(c);
        return true;
    case ACT_BAND:
        k->band = (k->band + 1) % BAND_KINDS;
        return true;
    case ACT_DIFFERENCE:
        set_difference(c);
        return true;
    case ACT_PANELS:
        k->panels = (k->panels + 1) % PANELS_KINDS;
        k->zoom_y = false;
        return true;
    case ACT_GROUP:
        compare_next_group(c);
        return true;
    case ACT_CHOOSE:
        next_source(c);
        return true;
    case ACT_MORE:
        compare_zoom(c, 2, compare_cross(k));
        return true;
    case ACT_LESS:
        compare_zoom(c, .5, compare_cross(k));
        return true;
    case ACT_FIT:
        compare_fit(k);
        return true;
    default:
        return false;
    }
}

static bool cancel(struct console *c)
{
    struct compare *k = &c->compare;
    if (k->drag_x >= 0)
        k->drag_x = -1;
    else if (c->zoom[SCREEN_CURVES])
        c->zoom[SCREEN_CURVES] = false;
    else if (k->zoom_x || k->zoom_y)
        compare_fit(k);
    else if (isfinite(k->cross))
        k->cross = NAN;
    else if (k->diff)
        k->diff = false;
    else
        return false;
    return true;
}

static bool act(struct console *c, enum action a, int64_t arg)
{
    struct compare *k = &c->compare;
    struct rect in = first_plot(c);
    switch (a) {
    case ACT_UP:
    case ACT_DOWN:
        compare_step_line(c, a == ACT_UP ? -1 : 1);
        return true;
    case ACT_HOME:
    case ACT_LAST:
        compare_step_line(c, a == ACT_HOME ? -COMPARE_LINES : COMPARE_LINES);
        return true;
    case ACT_LEFT:
    case ACT_RIGHT:
        compare_step_cross(c, a == ACT_LEFT ? -1 : 1, in.w);
        return true;
    case ACT_FAR_LEFT:
    case ACT_FAR_RIGHT:
        compare_step_cross(c, a == ACT_FAR_LEFT ? -10 : 10, in.w);
        return true;
    case ACT_PREV_EVENT:
    case ACT_NEXT_EVENT:
        compare_event(c, a == ACT_NEXT_EVENT ? 1 : -1);
        return true;
    case ACT_SHOW_LINE:
        compare_toggle(c, k->sel);
        return true;
    case ACT_ROW:
        compare_step_line(c, -COMPARE_LINES);
        compare_step_line(c, (int)arg);
        return true;
    case ACT_OPEN:
        if (compare_selected(k) && compare_selected(k)->trial >= 0) {
            table_select(&c->table, compare_selected(k)->trial);
            console_show(c, SCREEN_TRIAL);
        }
        return true;
    case ACT_FILTER:
    case ACT_FILTER_CLEAR:
    case ACT_MARK_CLEAR:
        return screen_table_act(c, a, arg);
    case ACT_CANCEL:
        return cancel(c);
    default:
        return act_view(c, a) || screen_curve_act(c, a);
    }
}

/* ---- the mouse: left drag is a box to zoom into, right drag pans, the wheel zooms, a click puts the
 * crosshair ---- */

static struct rect plot_under(const struct console *c, int x, int y)
{
    struct layout l = layout_frame(c->cols, c->rows);
    struct places p = place(c, l.body, l.size);
    int n = compare_n_panels(c);
    for (int i = 0; i < n; i++) {
        struct rect in = plot_inner(panel_compare_plot(c, panel_compare_cell(n, p.plot, i)));
        if (x >= in.x && x < in.x + in.w && y >= in.y && y < in.y + in.h)
            return in;
    }
    return (struct rect){0, 0, 0, 0};
}

static double x_at(const struct console *c, struct rect in, double cells)
{
    return axis_value(&c->compare.x_axis, (cells - in.x) / in.w);
}

static void end_box(struct console *c, struct rect in)
{
    struct compare *k = &c->compare;
    int x0 = k->drag_x < k->drag_to_x ? k->drag_x : k->drag_to_x, x1 = k->drag_x + k->drag_to_x - x0;
    int y0 = k->drag_y < k->drag_to_y ? k->drag_y : k->drag_to_y, y1 = k->drag_y + k->drag_to_y - y0;
    k->drag_x = -1;
    if (in.w <= 0 || (x0 == x1 && y0 == y1)) {
        k->cross = x_at(c, in, x0 + .5);
        return;
    }
    if (x1 > x0) {
        double a = x_at(c, in, x0), b = x_at(c, in, x1 + 1);
        k->zoom_x = true;
        k->zx0 = a;
        k->zx1 = b;
    }
    if (y1 > y0 + 1 && k->panels == PANELS_ONE && k->y[0].set) {
        const struct axis *y = &k->y[0].now;
        k->zy1 = axis_value(y, 1 - (double)(y0 - in.y) / in.h);
        k->zy0 = axis_value(y, 1 - (double)(y1 + 1 - in.y) / in.h);
        k->zoom_y = true;
    }
}

static bool mouse(struct console *c, const struct input_event *e)
{
    struct compare *k = &c->compare;
    struct rect in = plot_under(c, e->x, e->y), from;
    bool inside = in.w > 0;
    switch (e->kind) {
    case INPUT_WHEEL:
        if (inside)
            compare_zoom(c, e->by < 0 ? 1.5 : 1 / 1.5, x_at(c, in, e->x + .5));
        return inside;
    case INPUT_PRESS:
        if (!inside || e->button == 1)
            return inside;
        k->drag_x = k->drag_to_x = e->x;
        k->drag_y = k->drag_to_y = e->y;
        k->panning = e->button == 2;
        return true;
    case INPUT_DRAG:
        if (k->drag_x < 0)
            return false;
        from = plot_under(c, k->drag_x, k->drag_y);
        if (k->panning && from.w > 0) {
            compare_pan(c, (double)(k->drag_x - e->x) / from.w);
            k->drag_x = e->x;
        } else if (from.w > 0) { /* the box stays in its panel */
            k->drag_to_x = e->x < from.x ? from.x : e->x >= from.x + from.w ? from.x + from.w - 1 : e->x;
            k->drag_to_y = e->y < from.y ? from.y : e->y >= from.y + from.h ? from.y + from.h - 1 : e->y;
        }
        return true;
    case INPUT_RELEASE:
        if (k->drag_x < 0)
            return false;
        if (k->panning)
            k->drag_x = -1;
        else
            end_box(c, plot_under(c, k->drag_x, k->drag_y));
        k->panning = false;
        return true;
    default:
        return false;
    }
}

const struct screen screen_curves = {
    .key = '2',
    .name = "Curves",
    .brief = "Curve",
    .panes = panes,
    .want = want,
    .follow = compare_follow,
    .draw = draw,
    .act = act,
    .mouse = mouse,
};
