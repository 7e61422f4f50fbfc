/* panel_parallel: a trial is a line across one axis a parameter; brushes hold the lines that pass through
 * them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tui/panel.h"
#include "tui/panel_insight.h"
#include "tui/plot_curve.h"
#include "tui/row.h"

#define NARROW 13 /* columns from axis to axis */
#define MOST   9  /* axes beside each other, or as many as there is room for */

int panel_parallel_axes(const struct console *c, struct rect r)
{
    int room = (r.w - 8) / NARROW + 1, n = c->insight.n_axes;
    n = n < room ? n : room;
    return n > MOST ? MOST : n < 0 ? 0 : n;
}

int panel_parallel_x(const struct console *c, struct rect r, int i)
{
    int n = panel_parallel_axes(c, r), left = 4, w = r.w - 9;
    return r.x + left + (n > 1 ? w * i / (n - 1) : w / 2);
}

/* The axes that are seen: a run of parameters around the pointer, and the objective last. */
static int axis_at(const struct console *c, struct rect r, int i)
{
    const struct insight *k = &c->insight;
    int n = panel_parallel_axes(c, r), params = n - 1, first = k->first_axis;
    if (n == 0)
        return -1;
    if (i == n - 1)
        return k->n_axes - 1;
    int at = k->axis < k->n_axes - 1 ? k->axis : k->n_axes - 2;
    first = at < first ? at : at >= first + params ? at - params + 1 : first;
    return first + i;
}

double panel_parallel_at(const struct insight_axis *a, struct rect r, int y)
{
    double p = 1 - (y - r.y - 1 + .5) / (r.h - 2 > 0 ? r.h - 2 : 1);
    p = p < 0 ? 0 : p > 1 ? 1 : p;
    return a->inverted ? 1 - p : p;
}

static double up(const struct insight_axis *a, double at)
{
    return a->inverted ? 1 - at : at;
}

static void name_of(const struct console *c, const struct insight_axis *a, char out[ROW_TEXT])
{
    const char *raw = a->name[0] ? a->name : c->sum.metric[0] ? c->sum.metric : "value";
    row_text(out, (struct span){raw, strlen(raw)}, 14);
}

void panel_parallel_title(const struct console *c, char *out, size_t cap)
{
    const struct insight *k = &c->insight;
    size_t n = 0;
    out[0] = '\0';
    if (!insight_brushed(k)) {
        row_format(out, cap, "%d lines", k->n_lines);
        return;
    }
    for (int a = 0; a < k->n_axes && n + 60 < cap; a++) {
        char name[ROW_TEXT], lo[ROW_TEXT], hi[ROW_TEXT];
        if (!k->axes[a].brush)
            continue;
        name_of(c, &k->axes[a], name);
        insight_text(c, &k->axes[a], k->axes[a].b0, lo);
        insight_text(c, &k->axes[a], k->axes[a].b1, hi);
        n += (size_t)row_format(out + n, cap - n, "%s%s %s..%s", n ? ", " : "", name, lo, hi);
    }
    row_format(out + n, cap - n, ": %d of %d lines", k->n_held, k->n_lines);
}

/* Every second dot: many lines stay a texture, not a wall. */
static void sparse_line(struct dots *d, int x0, int y0, int x1, int y1, style st, int every)
{
    for (int x = x0; x <= x1; x++)
        if (every < 2 || (x - x0) % every == 0)
            dots_set(d, x, x1 > x0 ? y0 + (y1 - y0) * (x - x0) / (x1 - x0) : y0, st);
}

static void draw_line(const struct console *c, struct dots *d, struct rect r, const struct insight_line *l,
                      style st, int every)
{
    const struct insight *k = &c->insight;
    int n = panel_parallel_axes(c, r), px = -1, py = 0, h = 4 * (r.h - 2);
    for (int i = 0; i < n; i++) {
        int a = axis_at(c, r, i);
        double v = (double)l->at[a];
        if (isnan(v)) {
            px = -1;
            continue;
        }
        int x = 2 * (panel_parallel_x(c, r, i) - r.x), y = (int)lround((1 - up(&k->axes[a], v)) * (h - 1));
        if (px >= 0)
            sparse_line(d, px, py, x, y, st, every);
        else
            dots_set(d, x, y, st);
        px = x;
        py = y;
    }
}

static void draw_axes(const struct console *c, struct canvas *out, struct rect r)
{
    const struct insight *k = &c->insight;
    int n = panel_parallel_axes(c, r);
    for (int i = 0; i < n; i++) {
        int x = panel_parallel_x(c, r, i), at = axis_at(c, r, i);
        const struct insight_axis *a = &k->axes[at];
        char name[ROW_TEXT], lo[ROW_TEXT], hi[ROW_TEXT];
        name_of(c, a, name);
        insight_text(c, a, a->inverted ? 1 : 0, lo);
        insight_text(c, a, a->inverted ? 0 : 1, hi);
        for (int y = 1; y < r.h - 1; y++) {
            double p = panel_parallel_at(a, r, r.y + y);
            bool held = a->brush && p >= a->b0 && p <= a->b1;
            canvas_put(out, x, r.y + y,
                       held            ? ST_MARK
                       : at == k->axis ? ST_KEY
                                       : ST_BORDER,
                       held ? 0x2503 : 0x2502);
        }
        int room = n > 1 ? (r.w - 9) / (n - 1) - 1 : r.w;
        int w = canvas_columns(name, strlen(name)), cut = w < room ? w : room, left = x - cut / 2;
        left = left < r.x ? r.x : left + cut > r.x + r.w ? r.x + r.w - cut : left;
        canvas_textn(out, left, r.y, cut, at == k->axis ? ST_TITLE | ST_REVERSE : ST_TITLE, name,
                     strlen(name));
        canvas_textn(out, x - 3 < r.x ? r.x : x - 3, r.y + r.h - 1, 9, ST_DIM, lo, strlen(lo));
        if (r.h > 6 && x + 1 + (int)strlen(hi) < r.x + r.w)
            canvas_textn(out, x + 1, r.y + 1, 9, ST_DIM, hi, strlen(hi));
        else if (r.h > 6)
            canvas_textn(out, x - (int)strlen(hi), r.y + 1, 9, ST_DIM, hi, strlen(hi));
        if (at == k->axis) {
            out->cursor_x = x;
            out->cursor_y = r.y + 1;
        }
        canvas_hit(out, (struct rect){x - 2, r.y, 5, r.h}, ACT_ROW, at);
    }
}

/* Too narrow for axes: the middle half of each parameter among the lines held. */
static int by_float(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void draw_quartiles(const struct console *c, struct canvas *out, struct rect r)
{
    const struct insight *k = &c->insight;
    float *v = mem_alloc((size_t)(k->n_lines + 1) * sizeof *v);
    for (int a = 0; a < k->n_axes && a < r.h; a++) {
        char name[ROW_TEXT], q[3][ROW_TEXT] = {"", "", ""};
        int n = 0;
        for (int i = 0; i < k->n_lines; i++)
            if (k->lines[i].held && !isnan((double)k->lines[i].at[a]))
                v[n++] = k->lines[i].at[a];
        qsort(v, (size_t)n, sizeof *v, by_float);
        for (int i = 0; i < 3 && n; i++)
            insight_text(c, &k->axes[a], (double)v[(n - 1) * (i + 1) / 4], q[i]);
        name_of(c, &k->axes[a], name);
        canvas_textn(out, r.x + 1, r.y + a, 12, a == k->axis ? ST_TITLE | ST_REVERSE : ST_TITLE, name,
                     strlen(name));
        canvas_printf(out, r.x + 14, r.y + a, ST_PLAIN, "%s .. %s .. %s", q[0], q[1], q[2]);
    }
    free(v);
}

void panel_parallel_draw(const struct console *c, struct canvas *out, struct rect r)
{
    const struct insight *k = &c->insight;
    if (r.h <= 0 || r.w <= 0)
        return;
    if (k->n_lines < 2 || k->n_axes < 2) {
        panel_note(out, r, ST_DIM, panel_empty(c, SUB_ALL, "not enough data: no two trials have a value"));
        return;
    }
    struct rect old = canvas_clip(out, r);
    if (r.w < 60 || r.h < 5) {
        draw_quartiles(c, out, r);
        canvas_clip(out, old);
        return;
    }
    struct dots d;
    dots_init(&d, r.w, r.h - 2);
    bool brushed = insight_brushed(k);
    draw_axes(c, out, r);
    for (int pass = 0; pass < 3; pass++) /* what fell out, what is left, the selected trial */
        for (int i = k->n_lines; i-- > 0;) {
            const struct insight_line *l = &k->lines[i];
            bool sel = l->trial == c->table.sel;
            if ((sel ? 2 : l->held ? 1 : 0) != pass || (pass == 0 && k->n_lines > 60 && i % 4))
                continue;
            style st = sel ? ST_BEST : l->held ? (brushed ? ST_CURVE_A : ST_SPARK) : ST_DIM;
            draw_line(c, &d, r, l, st, sel ? 1 : l->held && brushed ? 2 : k->n_lines > 40 ? 4 : 3);
        }
    for (int j = 0; j < d.h; j++) /* the axes stay in front */
        for (int i = 0; i < panel_parallel_axes(c, r); i++)
            d.bits[(size_t)j * (size_t)d.w + (size_t)(panel_parallel_x(c, r, i) - r.x)] = 0;
    dots_draw(&d, out, r.x, r.y + 1);
    dots_release(&d);
    if (r.h > 6) /* the upper ends again: the lines have gone over them */
        for (int i = 0; i < panel_parallel_axes(c, r); i++) {
            const struct insight_axis *a = &k->axes[axis_at(c, r, i)];
            int x = panel_parallel_x(c, r, i);
            char hi[ROW_TEXT];
            insight_text(c, a, a->inverted ? 0 : 1, hi);
            canvas_textn(out, x + 1 + (int)strlen(hi) < r.x + r.w ? x + 1 : x - (int)strlen(hi), r.y + 1, 9,
                         ST_DIM, hi, strlen(hi));
        }
    canvas_clip(out, old);
}
