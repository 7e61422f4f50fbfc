/* panel_compare: the plots of the curves screen: lines with their bands, marks, the crosshair, the box that
 * is being drawn; one panel or several with one x axis, so that the crosshair stands at the same place in all
 * of them. */
#include "tui/panel_compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tui/panel.h"
#include "tui/plot_bars.h"
#include "tui/plot_curve.h"
#include "tui/row.h"

#define GAP_SHARE 12 /* a join across more than 1/12 of the columns is dotted */

int panel_compare_grid(int panels, struct rect r, int *across)
{
    int cols = 1, rows = panels;
    /* more beside each other while they are too flat, or much wider than high */
    while (cols < panels && r.w / (cols + 1) >= 26 && (r.h / rows < 7 || r.w / cols > 5 * (r.h / rows))) {
        cols++;
        rows = (panels + cols - 1) / cols;
    }
    while (rows > 1 && r.h / rows < 6) /* still too flat: fewer are shown */
        rows--;
    *across = cols;
    return rows;
}

struct rect panel_compare_cell(int panels, struct rect r, int i)
{
    int across, down = panel_compare_grid(panels, r, &across);
    int x = i % across, y = i / across;
    if (y >= down || panels <= 0)
        return (struct rect){r.x, r.y, 0, 0};
    int x0 = r.w * x / across, x1 = r.w * (x + 1) / across, y0 = r.h * y / down, y1 = r.h * (y + 1) / down;
    return (struct rect){r.x + x0, r.y + y0, x1 - x0, y1 - y0};
}

/* The part of a panel's rectangle that plot_axes gets: below its title when there are several. */
struct rect panel_compare_plot(const struct console *c, struct rect cell)
{
    if (compare_n_panels(c) > 1 || c->compare.panels != PANELS_ONE)
        rect_top(&cell, 1);
    return cell;
}

int panel_compare_columns(const struct console *c, struct rect r)
{
    struct rect cell = panel_compare_cell(compare_n_panels(c), r, 0);
    return plot_columns(panel_compare_plot(c, cell));
}

/* ---- one panel ---- */

static struct plot_series series_of(const struct compare *k, const struct compare_line *l)
{
    return (struct plot_series){.mean = l->mean,
                                .n = l->n,
                                .x0 = k->x0,
                                .x1 = k->x1,
                                .st = compare_style(l),
                                .letter = (uint32_t)(l->letter < 26 ? 'A' + l->letter : '.'),
                                .break_at = l->nan_x,
                                .log_x = k->log_columns,
                                .gap = l->n / GAP_SHARE};
}

static void draw_band(struct plot *p, struct canvas *out, const struct compare *k,
                      const struct compare_line *l)
{
    struct plot_series s = series_of(k, l);
    if (k->band == BAND_NONE || l->runs < 2)
        return;
    s.min = l->min;
    s.max = l->max;
    double *around = NULL;
    if (k->band == BAND_DEVIATION) {
        if (!l->deviation)
            return;
        around = mem_alloc(2 * (size_t)l->n * sizeof *around);
        for (int i = 0; i < l->n; i++) {
            around[i] = l->mean[i] - l->deviation[i];
            around[l->n + i] = l->mean[i] + l->deviation[i];
            if (p->y.log && around[i] <= 0)
                around[i] = p->y.lo;
        }
        s.min = around;
        s.max = around + l->n;
    }
    plot_band(p, out, &s);
    free(around);
}

static void draw_line(struct plot *p, struct canvas *out, const struct compare *k,
                      const struct compare_line *l)
{
    struct plot_series s = series_of(k, l);
    if (l->raw) { /* the raw line stays, dimmed, under the smooth one */
        struct plot_series raw = s;
        raw.mean = l->raw;
        raw.st = ST_DIM;
        raw.letter = 0;
        plot_series(p, out, &raw);
    }
    if (l->key == k->sel)
        s.st |= ST_BOLD;
    if (l->runs < 2 && !l->raw && k->band != BAND_NONE) { /* no point is lost where several share a column */
        s.min = l->min;
        s.max = l->max;
    }
    plot_series(p, out, &s);
}

static void draw_marks(struct plot *p, struct canvas *out, const struct compare_line *l)
{
    for (int i = 0; i < l->n_marks; i++)
        plot_mark(p, out, l->marks[i].x, panel_mark_glyph(l->marks[i].id), ST_MARK);
}

static void draw_box(const struct console *c, struct canvas *out)
{
    const struct compare *k = &c->compare;
    if (k->drag_x < 0 || k->panning)
        return;
    int x0 = k->drag_x < k->drag_to_x ? k->drag_x : k->drag_to_x, x1 = k->drag_x + k->drag_to_x - x0;
    int y0 = k->drag_y < k->drag_to_y ? k->drag_y : k->drag_to_y, y1 = k->drag_y + k->drag_to_y - y0;
    for (int x = x0; x <= x1; x++) {
        canvas_flag(out, (struct rect){x, y0, 1, 1}, ST_REVERSE);
        canvas_flag(out, (struct rect){x, y1, 1, 1}, y1 > y0 ? ST_REVERSE : 0);
    }
    for (int y = y0 + 1; y < y1; y++) {
        canvas_flag(out, (struct rect){x0, y, 1, 1}, ST_REVERSE);
        canvas_flag(out, (struct rect){x1, y, 1, 1}, x1 > x0 ? ST_REVERSE : 0);
    }
}

static void draw_panel(const struct console *c, struct canvas *out, struct rect r, int panel, bool titled)
{
    const struct compare *k = &c->compare;
    char title[120];
    if (titled) {
        compare_panel_title(c, panel, title, sizeof title);
        canvas_textn(out, r.x + 1, r.y, r.w - 2, ST_TITLE, title, strlen(title));
        rect_top(&r, 1);
    }
    if (!k->y[panel].set) {
        panel_note(out, r, ST_DIM,
                   panel_empty(c, SUB_COMPARE, k->n_lines ? "no points here" : "no points yet"));
        return;
    }
    struct plot p;
    struct rect old = canvas_clip(out, r);
    plot_axes(&p, out, r, k->x_axis, k->y[panel].now);
    if (p.inner.h <= 0 || p.inner.w <= 0) {
        plot_end(&p, out);
        canvas_clip(out, old);
        return;
    }
    canvas_clip(out, rect_both(r, (struct rect){p.inner.x, p.inner.y, p.inner.w, p.inner.h + 1}));
    for (int front = 0; front < 2; front++)
        for (int i = 0; i < k->n_lines; i++)
            if (compare_panel_of(c, &k->lines[i]) == panel && (k->lines[i].key == k->sel) == front)
                draw_band(&p, out, k, &k->lines[i]);
    for (int i = 0; i < k->n_lines; i++)
        if (compare_panel_of(c, &k->lines[i]) == panel)
            draw_marks(&p, out, &k->lines[i]);
    if (isfinite(k->cross))
        plot_mark(&p, out, k->cross, 0x2503, ST_KEY);
    for (int front = 0; front < 2; front++) /* the one under the pointer lies on top */
        for (int i = k->n_lines; i-- > 0;)
            if (compare_panel_of(c, &k->lines[i]) == panel && (k->lines[i].key == k->sel) == front)
                draw_line(&p, out, k, &k->lines[i]);
    plot_end(&p, out);
    canvas_clip(out, old);
}

/* Too low for axes: a sparkline a line. */
static void draw_sparks(const struct console *c, struct canvas *out, struct rect r)
{
    const struct compare *k = &c->compare;
    struct spark_scale scale = {0};
    double *v = mem_alloc((size_t)(r.w + 1) * sizeof *v);
    for (int i = 0; i < k->n_lines; i++)
        spark_scale_add(&scale, k->lines[i].mean, k->lines[i].n);
    spark_scale_done(&scale);
    int y = 0;
    for (int i = 0; i < k->n_lines && y < r.h; i++) {
        const struct compare_line *l = &k->lines[i];
        char text[32];
        if (l->hidden || r.w < 24)
            continue;
        double *fit = mem_alloc((size_t)l->n * sizeof *fit);
        int n = spark_fit(l->mean, l->n, fit, r.w - 20);
        row_number(text, compare_read(l, k, compare_cross(k)), false);
        canvas_textn(out, r.x, r.y + y, 10, compare_style(l), l->label, strlen(l->label));
        canvas_textn(out, r.x + 11, r.y + y, 8, ST_PLAIN, text, strlen(text));
        spark_draw(out, r.x + 20, r.y + y, r.w - 20, compare_style(l), &scale, fit, n);
        free(fit);
        y++;
    }
    free(v);
}

void panel_compare_draw(const struct console *c, struct canvas *out, struct rect r)
{
    const struct compare *k = &c->compare;
    int n = compare_n_panels(c);
    if (r.h <= 0 || r.w <= 0)
        return;
    if (sub_error(&c->subs, SUB_COMPARE) || k->n_lines == 0) {
        char text[ROW_TEXT];
        const char *error = sub_error(&c->subs, SUB_COMPARE);
        const char *none = k->why[0]            ? k->why
                           : c->table.filter[0] ? "no trial passes the filter"
                                                : "no points yet";
        row_text(text, (struct span){error ? error : "", error ? strlen(error) : 0}, r.w);
        panel_note(out, r, ST_DIM, error ? text : panel_empty(c, SUB_COMPARE, none));
        return;
    }
    if (r.h < 6) {
        draw_sparks(c, out, r);
        return;
    }
    bool titled = n > 1 || k->panels != PANELS_ONE;
    for (int i = 0; i < n; i++) {
        struct rect cell = panel_compare_cell(n, r, i);
        if (cell.w > 0 && cell.h > 0)
            draw_panel(c, out, cell, i, titled);
    }
    draw_box(c, out);
}
