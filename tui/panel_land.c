#include "tui/panel_land.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tui/panel.h"
#include "tui/plot_bars.h"
#include "tui/plot_curve.h"
#include "tui/row.h"

#define LABEL_COLS 7
#define STEPS      64 /* cells of a path between two incumbents */

struct rect panel_land_inner(struct rect r)
{
    if (r.w >= LABEL_COLS + 8 && r.h >= 4) {
        rect_left(&r, LABEL_COLS);
        rect_bottom(&r, 1);
    }
    return r;
}

double panel_land_u(const struct land *k, struct rect in, double x)
{
    return k->u0 + (k->u1 - k->u0) * (x - in.x) / (in.w > 0 ? in.w : 1);
}

double panel_land_v(const struct land *k, struct rect in, double y)
{
    return k->v1 - (k->v1 - k->v0) * (y - in.y) / (in.h > 0 ? in.h : 1);
}

static int cell_x(const struct land *k, struct rect in, double u)
{
    double s = (u - k->u0) / (k->u1 - k->u0);
    return isnan(s) || s < 0 || s > 1 ? -1 : in.x + (s >= 1 ? in.w - 1 : (int)(s * in.w));
}

static int cell_y(const struct land *k, struct rect in, double v)
{
    double s = (k->v1 - v) / (k->v1 - k->v0);
    return isnan(s) || s < 0 || s > 1 ? -1 : in.y + (s >= 1 ? in.h - 1 : (int)(s * in.h));
}

struct heat panel_land_heat(const struct console *c, struct rect in)
{
    const struct land *k = &c->land;
    return (struct heat){.z = k->z,
                         .columns = k->columns,
                         .rows = k->rows,
                         .x_steps = k->ax.scale == LAND_CHOICES,
                         .y_steps = k->ay.scale == LAND_CHOICES,
                         .u0 = k->u0,
                         .u1 = k->u1,
                         .v0 = k->v0,
                         .v1 = k->v1,
                         .z0 = k->z0,
                         .z1 = k->z1,
                         .low_bright = land_low_is_good(c),
                         .at = in};
}

void panel_land_bar(const struct console *c, struct canvas *out, int x, int y, int w)
{
    const struct land *k = &c->land;
    char lo[AXIS_LABEL], hi[AXIS_LABEL];
    bool turned = land_low_is_good(c);
    if (!isfinite(k->z0) || !isfinite(k->z1))
        return;
    axis_label(lo, turned ? k->z1 : k->z0);
    axis_label(hi, turned ? k->z0 : k->z1);
    int a = (int)strlen(lo), b = (int)strlen(hi), levels = w - a - b - 2;
    if (levels < 3)
        return;
    canvas_text(out, x, y, ST_DIM, lo);
    heat_bar(out, x + a + 1, y, levels);
    canvas_text(out, x + a + 2 + levels, y, ST_STRONG, hi);
}

/* ---- axes ---- */

struct place_tick {
    double pos;
    char label[40];
};

/* Ticks of what is seen, in the parameter's own unit. */
static int ticks_of(const struct land_axis *a, double p0, double p1, int want, struct place_tick *out,
                    int cap)
{
    int n = 0;
    if (a->scale == LAND_CHOICES) {
        for (int i = 0; i < a->n_labels && n < cap; i++) {
            double pos = (i + .5) / a->n_labels;
            if (pos < p0 || pos > p1)
                continue;
            out[n].pos = pos;
            row_format(out[n++].label, sizeof out->label, "%s", a->labels[i]);
        }
        return n;
    }
    struct tick t[16];
    struct axis axis = {land_value(a, p0), land_value(a, p1), a->scale == LAND_LOG, AXIS_NUMBER};
    int k = axis_ticks(&axis, want, t, 16);
    for (int i = 0; i < k && n < cap; i++) {
        out[n].pos = land_pos(a, t[i].at);
        row_format(out[n++].label, sizeof out->label, "%s", t[i].label);
    }
    return n;
}

static void draw_y_axis(const struct land *k, struct canvas *c, struct rect in)
{
    struct place_tick t[LAND_LABELS];
    int n = ticks_of(&k->ay, k->v0, k->v1, in.h / 3 > 2 ? in.h / 3 : 2, t, LAND_LABELS), used = -2;
    for (int y = 0; y < in.h; y++)
        canvas_put(c, in.x - 1, in.y + y, ST_BORDER, 0x2502);
    for (int i = n; i-- > 0;) {
        int y = cell_y(k, in, t[i].pos);
        if (y < 0 || y == used)
            continue;
        used = y;
        int cols = canvas_columns(t[i].label, strlen(t[i].label));
        if (cols <= LABEL_COLS - 2)
            canvas_right(c, in.x - LABEL_COLS, y, LABEL_COLS - 2, ST_DIM, t[i].label);
        else
            canvas_textn(c, in.x - LABEL_COLS, y, LABEL_COLS - 2, ST_DIM, t[i].label, strlen(t[i].label));
        canvas_put(c, in.x - 1, y, ST_BORDER, 0x2524);
    }
    int at = cell_y(k, in, k->cv);
    if (at >= 0)
        canvas_put(c, in.x - 1, at, ST_KEY, 0x25b8);
}

static void draw_x_axis(const struct land *k, struct canvas *c, struct rect in)
{
    struct place_tick t[LAND_LABELS];
    int n = ticks_of(&k->ax, k->u0, k->u1, in.w / 11 > 2 ? in.w / 11 : 2, t, LAND_LABELS);
    int y = in.y + in.h, from = in.x, end = in.x + in.w;
    canvas_put(c, in.x - 1, y, ST_BORDER, 0x2514);
    canvas_hline(c, in.x, y, in.w, ST_BORDER);
    int mark = cell_x(k, in, k->cu);
    if (mark >= 0)
        canvas_put(c, mark, y, ST_KEY, 0x25b4);
    for (int i = 0; i < n; i++) {
        int cols = canvas_columns(t[i].label, strlen(t[i].label)), x = cell_x(k, in, t[i].pos);
        int room = k->ax.scale == LAND_CHOICES ? in.w / (k->ax.n_labels > 0 ? k->ax.n_labels : 1) - 1 : cols;
        if (x < 0 || room < 1)
            continue;
        cols = cols < room ? cols : room;
        x -= x > in.x ? cols / 2 : 0;
        x = x + cols > end ? end - cols : x;
        if (x < from)
            continue;
        canvas_textn(c, x, y, cols, ST_DIM, t[i].label, strlen(t[i].label));
        from = x + cols + 1;
    }
}

/* ---- what lies on the map ---- */

struct frame_glyphs {
    uint32_t across, down, corner[4]; /* top left, top right, bottom left, bottom right */
};
static const struct frame_glyphs single = {0x2500, 0x2502, {0x250c, 0x2510, 0x2514, 0x2518}},
                                 dashed = {0x2504, 0x250a, {0x250c, 0x2510, 0x2514, 0x2518}},
                                 twofold = {0x2550, 0x2551, {0x2554, 0x2557, 0x255a, 0x255d}};

/* A box from 0..1 to 0..1; the sides that are out of sight are left out. */
static struct rect draw_frame(const struct land *k, struct canvas *c, struct rect in, double x0, double y0,
                              double x1, double y1, const struct frame_glyphs *g, style flags)
{
    if (!k->ay.there) {
        y0 = 0;
        y1 = 1;
    }
    if (isnan(x0) || isnan(y0) || isnan(x1) || isnan(y1) || x1 < k->u0 || x0 > k->u1 || y1 < k->v0 ||
        y0 > k->v1)
        return (struct rect){0, 0, 0, 0};
    bool left = x0 >= k->u0, right = x1 <= k->u1, low = y0 >= k->v0, top = y1 <= k->v1;
    int a = left ? cell_x(k, in, x0) : in.x, b = right ? cell_x(k, in, x1) : in.x + in.w - 1;
    int t = top ? cell_y(k, in, y1) : in.y, d = low ? cell_y(k, in, y0) : in.y + in.h - 1;
    for (int x = a; x <= b; x++) {
        if (top)
            heat_put(c, x, t,
                     x == a && left    ? g->corner[0]
                     : x == b && right ? g->corner[1]
                                       : g->across,
                     flags);
        if (low && d != t)
            heat_put(c, x, d,
                     x == a && left    ? g->corner[2]
                     : x == b && right ? g->corner[3]
                                       : g->across,
                     flags);
    }
    for (int y = t + 1; y < d; y++) {
        if (left)
            heat_put(c, a, y, g->down, flags);
        if (right && b != a)
            heat_put(c, b, y, g->down, flags);
    }
    return (struct rect){a, t, b - a + 1, d - t + 1};
}

static void draw_regions(const struct land *k, struct canvas *c, struct rect in)
{
    for (int i = 0; i < k->n_regions; i++) {
        const struct land_region *g = &k->regions[i];
        bool away = strcmp(g->verb, "avoid") == 0 || strcmp(g->verb, "ban") == 0;
        struct rect r = draw_frame(k, c, in, g->x0, g->y0, g->x1, g->y1, away ? &dashed : &single, 0);
        if (r.w > 0 && g->intervention > 0)
            heat_put(c, r.x, r.y, panel_mark_glyph(g->intervention), ST_BOLD);
    }
}

static void draw_points(const struct console *c, struct canvas *out, struct rect in)
{
    const struct land *k = &c->land;
    for (int pass = 0; pass < 2; pass++) /* those of the slice over the others */
        for (int i = 0; i < k->n_points; i++) {
            const struct land_point *p = &k->points[i];
            int x = cell_x(k, in, p->x), y = cell_y(k, in, p->y);
            if (x < 0 || y < 0 || p->inside != (pass == 1))
                continue;
            uint32_t glyph = strcmp(p->state->name, "failed") == 0 || strcmp(p->state->name, "killed") == 0
                                 ? 0x2717
                             : !p->state->over ? 0x25cb
                                               : 0x25cf;
            heat_put(out, x, y, !p->inside && p->state->over && glyph == 0x25cf ? 0x00b7 : glyph, 0);
        }
}

static int by_order(const void *a, const void *b)
{
    int64_t x = (*(const struct land_point *const *)a)->order,
            y = (*(const struct land_point *const *)b)->order;
    return (x > y) - (x < y);
}

/* Which trial was the best one when: the way from the first to the last. */
static void draw_path(const struct console *c, struct canvas *out, struct rect in)
{
    const struct land *k = &c->land;
    const struct land_point **list = mem_zero((size_t)k->n_points + 1, sizeof *list);
    int n = 0, kept = 0, px = -1, py = -1;
    for (int i = 0; i < k->n_points; i++)
        if (k->points[i].order >= 0 && isfinite(k->points[i].value) && isfinite(k->points[i].x))
            list[n++] = &k->points[i];
    qsort(list, (size_t)n, sizeof *list, by_order);
    for (int i = 0; i < n; i++)
        if (kept == 0 || (c->sum.maximize ? list[i]->value > list[kept - 1]->value
                                          : list[i]->value < list[kept - 1]->value))
            list[kept++] = list[i];
    int first = kept > 9 ? kept - 9 : 0;
    for (int i = first; i < kept; i++) {
        int x = cell_x(k, in, list[i]->x), y = cell_y(k, in, list[i]->y);
        int steps = abs(x - px) > abs(y - py) ? abs(x - px) : abs(y - py);
        for (int s = 1; px >= 0 && x >= 0 && y >= 0 && s < steps; s++)
            heat_put(out, px + (x - px) * s / steps, py + (y - py) * s / steps, 0x00b7, ST_BOLD);
        px = y < 0 ? -1 : x;
        py = y;
    }
    for (int i = first; i < kept; i++) {
        int x = cell_x(k, in, list[i]->x), y = cell_y(k, in, list[i]->y);
        if (x >= 0 && y >= 0)
            heat_put(out, x, y, (uint32_t)('1' + i - first), ST_BOLD);
    }
    free(list);
}

static void draw_basins(const struct land *k, struct canvas *c, struct rect in)
{
    for (int i = 0; i < k->n_basins; i++) {
        int x = cell_x(k, in, k->basins[i].x), y = cell_y(k, in, k->basins[i].y);
        char text[AXIS_LABEL] = "";
        if (x < 0 || y < 0)
            continue;
        heat_put(c, x, y, 0x25bd, ST_BOLD);
        if (isfinite(k->basins[i].persistence))
            axis_label(text, k->basins[i].persistence);
        if (text[0] && x + 1 + (int)strlen(text) < in.x + in.w)
            heat_text(c, x + 1, y, text, 0);
    }
}

static void draw_cross(const struct land *k, struct canvas *c, struct rect in)
{
    int x = cell_x(k, in, k->cu), y = k->ay.there ? cell_y(k, in, k->cv) : -1;
    if (x < 0 || y < 0)
        return;
    heat_put(c, x, y, 0x253c, ST_BOLD | ST_REVERSE);
    c->cursor_x = x;
    c->cursor_y = y;
}

/* Where the weights themselves are, with the loss there. */
static void draw_centre(const struct land *k, struct canvas *c, struct rect in)
{
    int x = cell_x(k, in, land_pos(&k->ax, 0)), y = cell_y(k, in, land_pos(&k->ay, 0));
    char text[32];
    if (!k->surface.there || x < 0 || y < 0)
        return;
    row_number(text, k->surface.loss, isnan(k->surface.loss));
    heat_put(c, x, y, 0x25c6, ST_BOLD);
    if (x + 1 + canvas_columns(text, strlen(text)) < in.x + in.w)
        heat_text(c, x + 1, y, text, ST_BOLD);
}

static void draw_map(const struct console *c, struct canvas *out, struct rect in, enum layout_size size)
{
    const struct land *k = &c->land;
    struct heat h = panel_land_heat(c, in);
    struct rect old = canvas_clip(out, in);
    if (k->z) {
        heat_draw(&h, out);
        if (k->contours)
            contour_draw(&h, out, size == LAYOUT_WIDE && in.w > 90 ? 5 : 3);
    }
    for (int i = 0; k->cells && i < k->n_splits; i++)
        draw_frame(k, out, in, k->splits[i].x0, k->splits[i].y0, k->splits[i].x1, k->splits[i].y1, &single,
                   0);
    draw_regions(k, out, in);
    if (k->trials)
        draw_points(c, out, in);
    if (k->path)
        draw_path(c, out, in);
    if (k->contours)
        draw_basins(k, out, in);
    int x = cell_x(k, in, k->best.x), y = cell_y(k, in, k->best.y);
    if (k->best.trial >= 0 && x >= 0 && y >= 0)
        heat_put(out, x, y, 0x2605, ST_BOLD);
    draw_centre(k, out, in);
    if (k->box)
        draw_frame(k, out, in, k->bx0, k->by0, k->bx1, k->by1, &twofold, ST_BOLD);
    draw_cross(k, out, in);
    canvas_clip(out, old);
}

/* ---- a slice along one parameter ---- */

static double along(const float *z, int n, double pos)
{
    double x = pos * n - .5;
    int i = (int)floor(x);
    double f = x - i;
    int a = i < 0 ? 0 : i >= n ? n - 1 : i, b = i + 1 < 0 ? 0 : i + 1 >= n ? n - 1 : i + 1;
    return (double)z[a] * (1 - f) + (double)z[b] * f;
}

static void slice_choices(const struct console *c, struct canvas *out, struct rect r)
{
    const struct land *k = &c->land;
    double lo = INFINITY, hi = -INFINITY;
    int n = k->ax.n_labels;
    for (int i = 0; i < k->columns; i++) {
        double z = (double)k->z[i], d = k->deviation ? (double)k->deviation[i] : 0;
        lo = z - d < lo ? z - d : lo;
        hi = z + d > hi ? z + d : hi;
    }
    struct axis a = axis_snap(lo, hi, false);
    for (int i = 0; i < n && 2 * i + 1 < r.h; i++) {
        int at = (int)((i + .5) / n * k->columns), y = r.y + 2 * i + 1;
        char text[32];
        double z = (double)k->z[at], d = k->deviation ? (double)k->deviation[at] : NAN;
        bool here = (int)land_value(&k->ax, k->cu) == i;
        canvas_put(out, r.x, y, ST_STRONG, here ? '>' : ' ');
        canvas_textn(out, r.x + 2, y, 14, here ? ST_STRONG : ST_PLAIN, k->ax.labels[i],
                     strlen(k->ax.labels[i]));
        row_number(text, z, isnan(z));
        canvas_textn(out, r.x + 17, y, 8, ST_PLAIN, text, strlen(text));
        if (r.w > 34)
            interval_draw(out, r.x + 26, y, r.w - 27, ST_SPARK, a.lo, a.hi, z - d, z, z + d);
    }
}

static void slice_points(const struct console *c, struct canvas *out, const struct plot *p)
{
    const struct land *k = &c->land;
    for (int i = 0; k->trials && i < k->n_points; i++) {
        const struct land_point *t = &k->points[i];
        double x = axis_pos(&p->x, land_value(&k->ax, t->x)), y = axis_pos(&p->y, t->value);
        if (!(x >= 0 && x <= 1) || !(y >= 0 && y <= 1))
            continue;
        int px = p->inner.x + (int)(x * (p->inner.w - 1) + .5),
            py = p->inner.y + (int)((1 - y) * (p->inner.h - 1) + .5);
        canvas_put(out, px, py, t->inside ? ST_STRONG : ST_DIM,
                   t->trial == k->best.trial ? 0x2605
                   : t->inside               ? 0x25cf
                                             : 0x00b7);
    }
}

static void draw_slice(const struct console *c, struct canvas *out, struct rect r)
{
    const struct land *k = &c->land;
    if (k->ax.scale == LAND_CHOICES) {
        slice_choices(c, out, r);
        return;
    }
    int n = plot_columns(r);
    double *mean = mem_alloc(3 * (size_t)n * sizeof *mean), *lo = mean + n, *hi = lo + n, least = INFINITY,
           most = -INFINITY;
    struct axis x = {land_value(&k->ax, k->u0), land_value(&k->ax, k->u1), k->ax.scale == LAND_LOG,
                     AXIS_NUMBER};
    for (int i = 0; i < n; i++) {
        double pos = land_pos(&k->ax, axis_value(&x, (i + .5) / n)), d = 0;
        mean[i] = along(k->z, k->columns, pos);
        if (k->deviation)
            d = along(k->deviation, k->columns, pos);
        lo[i] = mean[i] - d;
        hi[i] = mean[i] + d;
        least = lo[i] < least ? lo[i] : least;
        most = hi[i] > most ? hi[i] : most;
    }
    for (int i = 0; i < k->n_points && strcmp(k->layer_name, "mean") == 0; i++)
        if (k->points[i].inside && isfinite(k->points[i].value)) {
            least = k->points[i].value < least ? k->points[i].value : least;
            most = k->points[i].value > most && k->points[i].value < k->z1 * 2 ? k->points[i].value : most;
        }
    struct plot p;
    plot_axes(&p, out, r, x, axis_snap(least, most, false));
    struct plot_series s = {.mean = mean,
                            .min = lo,
                            .max = hi,
                            .n = n,
                            .x0 = x.lo,
                            .x1 = x.hi,
                            .st = ST_CURVE_A,
                            .break_at = NAN,
                            .log_x = x.log};
    if (k->deviation)
        plot_band(&p, out, &s);
    s.min = s.max = NULL;
    if (k->surface.there) /* the weights themselves */
        plot_mark(&p, out, 0, 0x250a, ST_MARK);
    plot_mark(&p, out, land_value(&k->ax, k->cu), 0x2503, ST_KEY);
    if (k->box) {
        plot_mark(&p, out, land_value(&k->ax, k->bx0), '[', ST_MARK);
        plot_mark(&p, out, land_value(&k->ax, k->bx1), ']', ST_MARK);
    }
    plot_series(&p, out, &s);
    struct plot geometry = p;
    plot_end(&p, out);
    slice_points(c, out, &geometry);
    free(mean);
}

/* ---- all ---- */

static const char *nothing(const struct console *c, char *room, size_t cap)
{
    const struct land *k = &c->land;
    const char *error = sub_error(&c->subs, SUB_LANDSCAPE);
    if (error) {
        char text[ROW_TEXT];
        row_text(text, (struct span){error, strlen(error)}, 100);
        row_format(room, cap, "%s", text);
        return room;
    }
    if (c->sum.there && c->sum.n_params == 0)
        return "no parameters: there is no landscape";
    return panel_empty(c, SUB_LANDSCAPE,
                       k->why[0] ? k->why : "no finished trial yet: the landscape begins with the first");
}

/* Too small for a map: the best cells in words. */
static void draw_words(const struct console *c, struct canvas *out, struct rect r)
{
    const struct land *k = &c->land;
    struct heat h = panel_land_heat(c, r);
    double taken = INFINITY;
    for (int y = 0; y < r.h; y++) {
        int at = -1;
        double best = -INFINITY;
        for (int i = 0; k->z && i < k->columns * k->rows; i++) {
            double z = (double)k->z[i], s = h.low_bright ? -z : z;
            if (isfinite(z) && s > best && s < taken) {
                best = s;
                at = i;
            }
        }
        if (at < 0)
            return;
        taken = best;
        char a[ROW_TEXT], b[ROW_TEXT] = "", value[32];
        land_text(&k->ax, (at % k->columns + .5) / k->columns, a);
        if (k->ay.there)
            land_text(&k->ay, (at / k->columns + .5) / k->rows, b);
        row_number(value, (double)k->z[at], false);
        canvas_printf(out, r.x, r.y + y, ST_PLAIN, "%-8s %.16s %.10s %.16s %.10s", value, k->ax.name, a,
                      k->ay.there ? k->ay.name : "", b);
    }
}

void panel_land_draw(const struct console *c, struct canvas *out, struct rect r, enum layout_size size)
{
    const struct land *k = &c->land;
    char room[160];
    if (r.h <= 0 || r.w <= 0)
        return;
    bool any = k->ax.there && (k->z || k->n_points);
    if (sub_error(&c->subs, SUB_LANDSCAPE) || !any || (!k->ay.there && !k->z)) {
        panel_note(out, r, ST_DIM, nothing(c, room, sizeof room));
        return;
    }
    struct rect old = canvas_clip(out, r), in = panel_land_inner(r);
    if (r.h < 6 || r.w < 24) {
        draw_words(c, out, r);
    } else if (!k->ay.there) {
        draw_slice(c, out, r);
    } else {
        draw_y_axis(k, out, in);
        draw_x_axis(k, out, in);
        draw_map(c, out, in, size);
    }
    canvas_clip(out, old);
}
