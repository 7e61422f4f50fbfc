/* panel_curve: the selected trial's curve, and the incumbent's. Asks for exactly the columns it can draw on
 * an axis that stands still, so that a new point changes one or two cells. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tui/panel.h"
#include "tui/plot_curve.h"
#include "tui/row.h"

static const double smoothing[] = {0, .6, .9};
#define N_SMOOTHING 3
#define LOG_RATIO   4 /* positive data that spans more than this is drawn on a log axis unless told otherwise \
                       */

static uint64_t hash(uint64_t h, const void *p, size_t n)
{
    const unsigned char *s = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ s[i]) * 1099511628211u;
    return h;
}

static uint64_t curve_key(const struct console *c)
{
    uint64_t h = hash(1469598103934665603u, &c->table.sel, sizeof c->table.sel);
    h = hash(h, c->curve.metric, strlen(c->curve.metric));
    return h ^ (uint64_t)c->curve.by_time;
}

/* How far the x axis must reach: the trial's planned end when it is known, else twice, four times, ... what
 * there is. */
static void follow_x(struct console *c)
{
    struct curve_state *k = &c->curve;
    struct trial_row t = table_selected(&c->table);
    uint64_t key = curve_key(c);
    if (key != k->key) {
        k->key = key;
        k->x_need = 0;
    }
    if (t.trial < 0)
        return;
    if (k->by_time) {
        double need = isfinite(t.seconds) ? t.seconds : 0;
        k->x_need = need > k->x_need ? need : k->x_need;
        k->x = (struct axis){0, axis_grow_seconds(k->x_need), false, AXIS_SECONDS};
        return;
    }
    double need = t.step > 0 ? (double)t.step : 0;
    double planned = t.progress > 0 && t.progress <= 1 ? need / t.progress : 0;
    k->x_need = need > k->x_need ? need : k->x_need;
    double end = planned > 0 ? round(planned) : axis_grow(k->x_need);
    if (!(end >= 1))
        end = 10;
    k->x = (struct axis){0, end, false, AXIS_NUMBER};
}

void panel_curve_want(struct console *c, struct rect r)
{
    follow_x(c);
    bool metric = c->curve.metric[0] != '\0', bounded = !c->curve.by_time;
    struct codec_writer w = sub_want(&c->subs, SUB_CURVE, "curve", 3 + metric + 2 * bounded);
    cw_str(&w, "trials");
    cw_array(&w, c->table.sel >= 0);
    if (c->table.sel >= 0)
        cw_int(&w, c->table.sel);
    cw_kint(&w, "columns", plot_columns(r));
    cw_kstr(&w, "x", c->curve.by_time ? "time" : "step");
    if (metric)
        cw_kstr(&w, "metric", c->curve.metric);
    if (bounded) {
        cw_kdouble(&w, "x0", c->curve.x.lo);
        cw_kdouble(&w, "x1", c->curve.x.hi);
    }
    sub_commit(&c->subs, SUB_CURVE, 0, 4);
}

/* A binary column of doubles, copied because bytes in a message are not aligned. malloc'ed; NULL when absent.
 */
static double *column(struct span part, const char *key, int *n)
{
    struct codec_reader r;
    *n = 0;
    if (!part.p || !cmap_find(part, key, &r) || cr_peek(&r) != CT_BIN)
        return NULL;
    struct span b = cr_bin(&r);
    *n = (int)(b.n / sizeof(double));
    if (*n == 0)
        return NULL;
    double *v = mem_alloc((size_t)*n * sizeof *v);
    memcpy(v, b.p, (size_t)*n * sizeof *v);
    return v;
}

static void bounds(struct span part, const char *key, double *lo, double *hi)
{
    int n;
    double *v = column(part, key, &n);
    for (int i = 0; i < n; i++)
        if (isfinite(v[i])) {
            *lo = v[i] < *lo ? v[i] : *lo;
            *hi = v[i] > *hi ? v[i] : *hi;
        }
    free(v);
}

void panel_curve_follow(struct console *c)
{
    struct curve_state *k = &c->curve;
    double lo = INFINITY, hi = -INFINITY;
    if (!sub_loaded(&c->subs, SUB_CURVE))
        return;
    for (int i = 0; i < sub_rows(&c->subs, SUB_CURVE); i++) {
        struct span part = sub_row(&c->subs, SUB_CURVE, i);
        bounds(part, "min", &lo, &hi);
        bounds(part, "max", &lo, &hi);
        bounds(part, "mean", &lo, &hi);
    }
    if (!(hi >= lo))
        return;
    uint64_t key = k->key + 1;
    bool same = k->y.set && k->y.key == key;
    k->auto_log = (same && k->auto_log && lo > 0) || (lo > 0 && hi / lo >= LOG_RATIO);
    bool log = k->log_y < 0 ? k->auto_log : k->log_y > 0 && lo > 0;
    range_feed(&k->y, key, lo, hi, log, c->mono);
    if (k->by_time) {
        struct span head = sub_head(&c->subs, SUB_CURVE);
        double x0 = head.p ? cmap_double(head, "x0", 0) : 0, x1 = head.p ? cmap_double(head, "x1", 1) : 1;
        double unit = x1 > 1e14 ? 1e-9 : 1; /* nanoseconds since 1970, or seconds */
        double need = (x1 - x0) * unit;
        k->x_need = need > k->x_need ? need : k->x_need;
        k->x = (struct axis){0, axis_grow_seconds(k->x_need), false, AXIS_SECONDS};
    }
}

static void draw_marks(const struct console *c, struct canvas *out, struct plot *p)
{
    if (c->curve.by_time)
        return;
    for (int i = 0; i < sub_rows(&c->subs, SUB_IVS); i++) {
        struct span iv = sub_row(&c->subs, SUB_IVS, i);
        int64_t step = iv.p ? cmap_int(iv, "applied_step", -1) : -1;
        if (step < 0 || !panel_concerns(iv, c->table.sel))
            continue;
        plot_mark(p, out, (double)step, panel_mark_glyph(cmap_int(iv, "id", 0)), ST_MARK);
    }
}

static void draw_part(const struct console *c, struct canvas *out, struct plot *p, struct span part,
                      bool last)
{
    static const enum theme_role roles[] = {ST_CURVE_A, ST_CURVE_B, ST_CURVE_C,
                                            ST_CURVE_D, ST_CURVE_E, ST_CURVE_F};
    int n, n_min, n_max;
    double *mean = column(part, "mean", &n), *min = column(part, "min", &n_min),
           *max = column(part, "max", &n_max);
    struct span head = sub_head(&c->subs, SUB_CURVE);
    double x0 = cmap_double(head, "x0", 0), x1 = cmap_double(head, "x1", 1);
    if (c->curve.by_time) {
        double unit = x1 > 1e14 ? 1e-9 : 1;
        x1 = (x1 - x0) * unit;
        x0 = 0;
    }
    double weight = smoothing[c->curve.smooth % N_SMOOTHING];
    struct plot_series s = {.mean = mean, .n = n, .x0 = x0, .x1 = x1, .break_at = NAN};
    s.st = last ? ST_CURVE_A : roles[1 + (size_t)(cmap_int(part, "run", 0) % 5)];
    int64_t nan_step = cmap_int(part, "nan_step", -1);
    if (nan_step >= 0 && !c->curve.by_time)
        s.break_at = (double)nan_step;
    if (weight > 0) { /* the raw line stays, dimmed, under the smooth one */
        s.st = ST_DIM;
        plot_series(p, out, &s);
        plot_smooth(mean, n, weight);
        s.st = ST_CURVE_A;
    } else if (n_min == n && n_max == n) {
        s.min = min;
        s.max = max;
    }
    if (mean)
        plot_series(p, out, &s);
    free(mean);
    free(min);
    free(max);
}

static const char *curve_note(const struct console *c)
{
    if (c->table.sel < 0)
        return "no trial selected";
    if (sub_error(&c->subs, SUB_CURVE))
        return "no such metric in this trial";
    return panel_empty(c, SUB_CURVE, "no points yet");
}

void panel_curve_draw(const struct console *c, struct canvas *out, struct rect r)
{
    struct rect old = canvas_clip(out, r);
    int n = sub_error(&c->subs, SUB_CURVE) ? 0 : sub_rows(&c->subs, SUB_CURVE);
    bool any = false;
    for (int i = 0; i < n; i++) {
        struct span part = sub_row(&c->subs, SUB_CURVE, i);
        any = any || (part.p && cmap_int(part, "trial", -1) == c->table.sel && cmap_int(part, "n", 0) > 0);
    }
    if (!any || !c->curve.y.set || c->curve.y.key != c->curve.key + 1) {
        panel_note(out, r, ST_DIM, any ? "loading" : curve_note(c));
        canvas_clip(out, old);
        return;
    }
    struct plot p;
    plot_axes(&p, out, r, c->curve.x, c->curve.y.now);
    draw_marks(c, out, &p);
    for (int i = 0; i < n; i++) {
        struct span part = sub_row(&c->subs, SUB_CURVE, i);
        if (part.p)
            draw_part(c, out, &p, part, i == n - 1);
    }
    plot_end(&p, out);
    canvas_clip(out, old);
}

void panel_curve_title(const struct console *c, char *left, size_t lcap, char *right, size_t rcap)
{
    char metric[ROW_TEXT];
    row_text(metric, (struct span){c->curve.metric, strlen(c->curve.metric)}, 20);
    const char *what = metric[0] ? metric : c->sum.metric[0] ? c->sum.metric : "value";
    if (c->table.sel >= 0)
        row_format(left, lcap, "t%lld %s", (long long)c->table.sel, what);
    else
        row_format(left, lcap, "%s", what);
    const char *y = c->curve.y.set && c->curve.y.now.log ? "log y" : "linear y";
    static const char *const names[] = {"", "  smooth .6", "  smooth .9"};
    row_format(right, rcap, "%s%s%s", y, names[c->curve.smooth % N_SMOOTHING],
               c->curve.by_time ? "  by time" : "");
}

/* ---- best so far ---- */

void panel_best_want(struct console *c, struct rect r)
{
    struct codec_writer w = sub_want(&c->subs, SUB_BEST, "best", 1);
    cw_kint(&w, "columns", plot_columns(r));
    sub_commit(&c->subs, SUB_BEST, 0, 2);
}

static bool best_span(const struct console *c, double *t0, double *t1)
{
    struct span head = sub_head(&c->subs, SUB_BEST);
    if (!head.p || head.n == 0)
        return false;
    *t0 = cmap_double(head, "t0", NAN) / 1e9;
    *t1 = cmap_double(head, "t1", NAN) / 1e9;
    return isfinite(*t0) && isfinite(*t1) && *t1 >= *t0;
}

void panel_best_follow(struct console *c)
{
    double t0, t1, lo = INFINITY, hi = -INFINITY;
    if (!sub_loaded(&c->subs, SUB_BEST) || !best_span(c, &t0, &t1))
        return;
    bounds(sub_head(&c->subs, SUB_BEST), "value", &lo, &hi);
    c->best_x = (struct axis){0, axis_grow_seconds(t1 - t0), false, AXIS_SECONDS};
    if (!(hi >= lo))
        return;
    /* no memory here: the columns stretch with time, and a replay must come to the same picture */
    c->best_y = axis_snap(lo, hi, lo > 0 && hi / lo >= LOG_RATIO);
}

void panel_best_draw(const struct console *c, struct canvas *out, struct rect r, bool cursor)
{
    struct rect old = canvas_clip(out, r);
    double t0, t1;
    int n;
    double *v = column(sub_head(&c->subs, SUB_BEST), "value", &n);
    bool any = false;
    for (int i = 0; i < n; i++)
        any = any || isfinite(v[i]);
    if (!any || !(c->best_y.hi > c->best_y.lo) || !best_span(c, &t0, &t1)) {
        panel_note(out, r, ST_DIM, panel_empty(c, SUB_BEST, "no result yet"));
    } else {
        struct plot p;
        struct plot_series s = {.mean = v, .n = n, .x0 = 0, .x1 = t1 - t0, .st = ST_BEST, .break_at = NAN};
        plot_axes(&p, out, r, c->best_x, c->best_y);
        if (cursor && c->time.past)
            plot_mark(&p, out, (double)timeline_cursor(&c->time) / 1e9 - t0, 0x2503, ST_MARK);
        plot_series(&p, out, &s);
        plot_end(&p, out);
    }
    free(v);
    canvas_clip(out, old);
}
