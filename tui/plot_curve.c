#include "tui/plot_curve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LABEL_COLS 7 /* five characters of label, a blank, the axis */
#define BRAILLE    0x2800
#define DOTTED     0x250a
#define CROSS      0x2717
#define SHADE      0x2591

void dots_init(struct dots *d, int w, int h)
{
    d->w = w > 0 ? w : 0;
    d->h = h > 0 ? h : 0;
    size_t n = (size_t)d->w * (size_t)d->h;
    d->bits = mem_zero(n + 1, 1);
    d->st = mem_zero(n + 1, sizeof *d->st);
}

void dots_release(struct dots *d)
{
    free(d->bits);
    free(d->st);
    *d = (struct dots){0};
}

void dots_set(struct dots *d, int px, int py, style st)
{
    static const uint8_t bit[4][2] = {{1, 8}, {2, 16}, {4, 32}, {64, 128}};
    if (px < 0 || py < 0 || px >= 2 * d->w || py >= 4 * d->h)
        return;
    size_t i = (size_t)(py / 4) * (size_t)d->w + (size_t)(px / 2);
    d->bits[i] |= bit[py % 4][px % 2];
    d->st[i] = st;
}

void dots_line(struct dots *d, int x0, int y0, int x1, int y1, style st)
{
    int dx = abs(x1 - x0), dy = -abs(y1 - y0), sx = x0 < x1 ? 1 : -1, sy = y0 < y1 ? 1 : -1, err = dx + dy;
    for (;;) {
        dots_set(d, x0, y0, st);
        if (x0 == x1 && y0 == y1)
            return;
        int e2 = 2 * err;
        if (e2 >= dy) {
            err += dy;
            x0 += sx;
        }
        if (e2 <= dx) {
            err += dx;
            y0 += sy;
        }
    }
}

void dots_draw(const struct dots *d, struct canvas *c, int x, int y)
{
    for (int j = 0; j < d->h; j++)
        for (int i = 0; i < d->w; i++) {
            size_t k = (size_t)j * (size_t)d->w + (size_t)i;
            if (d->bits[k])
                canvas_put(c, x + i, y + j, d->st[k], BRAILLE + d->bits[k]);
        }
}

/* ---- axes ---- */

struct rect plot_inner(struct rect r)
{
    if (r.w >= LABEL_COLS + 4 && r.h >= 3) {
        rect_left(&r, LABEL_COLS);
        rect_bottom(&r, 1);
    }
    return r;
}

int plot_columns(struct rect r)
{
    int w = plot_inner(r).w;
    return w > 0 ? 2 * w : 2;
}

static void draw_y_axis(const struct plot *p, struct canvas *c)
{
    struct tick t[16];
    int want = (p->inner.h + 1) / 2 > 1 ? (p->inner.h + 1) / 2 : 1;
    int n = axis_ticks(&p->y, want > 8 ? 8 : want, t, 16);
    int ax = p->inner.x - 1, used = -1;
    for (int y = 0; y < p->inner.h; y++)
        canvas_put(c, ax, p->inner.y + y, ST_BORDER, 0x2502);
    for (int i = n; i-- > 0;) {
        int row = (int)lround((1 - axis_pos(&p->y, t[i].at)) * (p->inner.h - 1));
        if (row < 0 || row >= p->inner.h || row == used)
            continue;
        used = row;
        canvas_right(c, p->at.x, p->inner.y + row, LABEL_COLS - 2, ST_DIM, t[i].label);
        canvas_put(c, ax, p->inner.y + row, ST_BORDER, 0x2524);
    }
}

static void draw_x_axis(const struct plot *p, struct canvas *c)
{
    int y = p->inner.y + p->inner.h, x0 = p->inner.x, w = p->inner.w;
    canvas_put(c, x0 - 1, y, ST_BORDER, 0x2514);
    canvas_hline(c, x0, y, w, ST_BORDER);
    char end[AXIS_LABEL] = ""; /* the end is named even when it is no round number */
    if (p->x.unit == AXIS_SECONDS)
        axis_time_label(end, p->x.hi);
    else if (p->x.unit == AXIS_NUMBER)
        axis_label(end, p->x.hi);
    int end_len = (int)strlen(end), end_at = w - end_len, free_from = 0;
    if (end_len && end_at > 4)
        canvas_text(c, x0 + end_at, y, ST_DIM, end);
    else
        end_at = w + 1;
    struct tick t[16];
    int want = w / 10 > 2 ? w / 10 : w >= 16 ? 2 : 1, n = axis_ticks(&p->x, want > 6 ? 6 : want, t, 16);
    for (int i = 0; i < n; i++) {
        int len = (int)strlen(t[i].label), at = (int)lround(axis_pos(&p->x, t[i].at) * (w - 1));
        if (at > 0)
            at -= len / 2;
        if (at + len >= end_at || at < free_from || at < 0)
            continue;
        canvas_text(c, x0 + at, y, ST_DIM, t[i].label);
        free_from = at + len + 1;
    }
}

void plot_axes(struct plot *p, struct canvas *c, struct rect r, struct axis x, struct axis y)
{
    *p = (struct plot){.x = x, .y = y, .at = r, .inner = plot_inner(r)};
    if (p->inner.x != r.x) {
        draw_y_axis(p, c);
        draw_x_axis(p, c);
    }
    dots_init(&p->dots, p->inner.w, p->inner.h);
}

/* ---- curves ---- */

static int dot_x(const struct plot *p, double x)
{
    double pos = axis_pos(&p->x, x);
    return isnan(pos) || fabs(pos) > 1e4 ? -1 : (int)floor(pos * (2 * p->inner.w) + 1e-9);
}

static int dot_y(const struct plot *p, double y)
{
    int h = 4 * p->inner.h;
    double pos = axis_pos(&p->y, y);
    if (isnan(pos))
        return -1;
    double d = (1 - pos) * (h - 1);
    return (int)lround(d < 0 ? 0 : d > h - 1 ? h - 1 : d);
}

static bool letter_there(const struct plot *p, int x, int y)
{
    for (int i = 0; i < p->n_letters; i++)
        if (p->letters[i].x == x && p->letters[i].y == y)
            return true;
    return false;
}

/* Behind the last point; where another letter is already, below or above it. */
static void add_letter(struct plot *p, const struct plot_series *s, int px, int py)
{
    static const int by[] = {0, 1, -1, 2, -2};
    if (s->letter == 0 || px < 0 || py < 0 || p->n_letters == PLOT_LETTERS)
        return;
    int x = px / 2 + 1, y = py / 4;
    if (x >= p->inner.w)
        x = p->inner.w - 1;
    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        int at = y + by[i];
        if (at < 0 || at >= p->inner.h || letter_there(p, x, at))
            continue;
        p->letters[p->n_letters++] = (struct plot_letter){x, at, s->letter, s->st};
        return;
    }
}

double plot_column_x(const struct plot_series *s, int i)
{
    double share = s->n > 0 ? (i + .5) / s->n : 0;
    return s->log_x && s->x0 > 0 && s->x1 > 0 ? s->x0 * pow(s->x1 / s->x0, share) : s->x0 + (s->x1 - s->x0) * share;
}

static void cross_at(struct plot *p, struct canvas *c, double at)
{
    int x = dot_x(p, at);
    if (x >= 0 && x / 2 < p->inner.w)
        canvas_put(c, p->inner.x + x / 2, p->inner.y + p->inner.h - (p->inner.x == p->at.x), ST_ERROR, CROSS);
}

/* Every other pair of dots along the way: there were no points here. */
static void dotted_line(struct dots *d, int x0, int y0, int x1, int y1, style st)
{
    for (int x = x0; x <= x1; x++)
        if ((x - x0) % 4 == 0)
            dots_set(d, x, x1 > x0 ? y0 + (y1 - y0) * (x - x0) / (x1 - x0) : y0, st);
}

void plot_series(struct plot *p, struct canvas *c, const struct plot_series *s)
{
    int px = -1, py = -1, last = -1, lx = -1, ly = -1;
    bool broken = false, bad = false;
    for (int i = 0; i < s->n; i++) {
        double v = s->mean[i], at = plot_column_x(s, i);
        if (isinf(v)) {
            if (!bad)
                cross_at(p, c, at);
            bad = true;
            px = -1;
            continue;
        }
        bad = bad && isnan(v);
        if (!isfinite(v))
            continue;
        int x = dot_x(p, at), y = dot_y(p, v);
        if (x < 0 || x >= 2 * p->inner.w || y < 0)
            continue;
        if (s->min && s->max && isfinite(s->min[i]) && isfinite(s->max[i]) && s->max[i] > s->min[i])
            dots_line(&p->dots, x, dot_y(p, s->min[i]), x, dot_y(p, s->max[i]), s->st);
        bool across = !isnan(s->break_at) && at > s->break_at && !broken;
        if (px >= 0 && !across && s->gap > 0 && i - last > s->gap)
            dotted_line(&p->dots, px, py, x, y, s->st);
        else if (px >= 0 && !across)
            dots_line(&p->dots, px, py, x, y, s->st);
        dots_set(&p->dots, x, y, s->st);
        broken = broken || across;
        px = lx = x;
        py = ly = y;
        last = i;
    }
    add_letter(p, s, lx, ly);
    if (!isnan(s->break_at))
        cross_at(p, c, s->break_at);
}

void plot_band(struct plot *p, struct canvas *c, const struct plot_series *s)
{
    for (int i = 0; s->min && s->max && i < s->n; i++) {
        int x = dot_x(p, plot_column_x(s, i));
        if (!isfinite(s->min[i]) || !isfinite(s->max[i]) || x < 0 || x >= 2 * p->inner.w)
            continue;
        int top = dot_y(p, s->max[i]) / 4, low = dot_y(p, s->min[i]) / 4;
        for (int y = top < 0 ? 0 : top; y <= low && y < p->inner.h; y++)
            canvas_put(c, p->inner.x + x / 2, p->inner.y + y, s->st, SHADE);
    }
}

void plot_mark(struct plot *p, struct canvas *c, double x, uint32_t glyph, style st)
{
    int px = dot_x(p, x);
    if (px < 0 || px / 2 >= p->inner.w || p->inner.h <= 0)
        return;
    int cx = p->inner.x + px / 2;
    canvas_put(c, cx, p->inner.y, st, glyph);
    for (int y = 1; y < p->inner.h; y++)
        canvas_put(c, cx, p->inner.y + y, STYLE_ROLE(st), DOTTED);
    size_t k = (size_t)(px / 2); /* no dots over the number */
    if (p->dots.h > 0)
        p->dots.bits[k] = 0;
}

void plot_end(struct plot *p, struct canvas *c)
{
    dots_draw(&p->dots, c, p->inner.x, p->inner.y);
    for (int i = 0; i < p->n_letters; i++)
        canvas_put(c, p->inner.x + p->letters[i].x, p->inner.y + p->letters[i].y, p->letters[i].st, p->letters[i].cp);
    dots_release(&p->dots);
}

void plot_smooth(double *v, int n, double weight)
{
    if (!(weight > 0) || weight >= 1)
        return;
    double acc = 0, norm = 0;
    for (int i = 0; i < n; i++) {
        if (!isfinite(v[i]))
            continue;
        acc = weight * acc + (1 - weight) * v[i];
        norm = weight * norm + (1 - weight);
        v[i] = acc / norm;
    }
}
