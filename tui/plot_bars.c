#include "tui/plot_bars.h"

#include <math.h>

void spark_scale_add(struct spark_scale *s, const double *v, int n)
{
    for (int i = 0; i < n; i++) {
        if (!isfinite(v[i]))
            continue;
        s->lo = s->any && s->lo < v[i] ? s->lo : v[i];
        s->hi = s->any && s->hi > v[i] ? s->hi : v[i];
        s->any = true;
    }
}

/* Snapped outwards to quarter octaves (log) or twentieths of the span, so that a slightly better best does
 * not redraw every sparkline of the column. */
void spark_scale_done(struct spark_scale *s)
{
    s->log = s->any && s->lo > 0 && s->hi > 4 * s->lo;
    if (!s->any)
        return;
    if (s->log) {
        s->lo = exp2(floor(log2(s->lo) * 4 + 1e-9) / 4);
        s->hi = exp2(ceil(log2(s->hi) * 4 - 1e-9) / 4);
    } else if (s->hi > s->lo) {
        double step = exp2(floor(log2((s->hi - s->lo) / 8)));
        s->lo = floor(s->lo / step + 1e-9) * step;
        s->hi = ceil(s->hi / step - 1e-9) * step;
    }
}

int spark_fit(const double *v, int n, double *out, int w)
{
    int k = 0;
    for (int i = 0; i < n; i++)
        k += isfinite(v[i]);
    if (w <= 0 || k == 0)
        return 0;
    int cells = k < w ? k : w;
    for (int i = 0, at = 0, j = 0; i < cells; i++) { /* cell i takes the values k*i/cells up to k*(i+1)/cells */
        double sum = 0;
        int end = (int)((int64_t)k * (i + 1) / cells), from = at;
        for (; at < end; j++)
            if (isfinite(v[j])) {
                sum += v[j];
                at++;
            }
        out[i] = sum / (at - from);
    }
    return cells;
}

int spark_level(const struct spark_scale *s, double v)
{
    if (!isfinite(v) || !s->any || (s->log && v <= 0))
        return -1;
    if (!(s->hi > s->lo))
        return 0;
    double pos = s->log ? log(v / s->lo) / log(s->hi / s->lo) : (v - s->lo) / (s->hi - s->lo);
    int level = (int)floor(pos * 8);
    return level < 0 ? 0 : level > 7 ? 7 : level;
}

void spark_draw(struct canvas *c, int x, int y, int w, style st, const struct spark_scale *s, const double *v,
                int n)
{
    for (int i = 0; i < w && i < n; i++) {
        int level = spark_level(s, v[i]);
        if (level >= 0)
            canvas_put(c, x + i, y, st, 0x2581 + (uint32_t)level);
    }
}

void bar_draw(struct canvas *c, int x, int y, int w, style st, double share, bool track)
{
    int full = isfinite(share) ? (int)lround((share < 0 ? 0 : share > 1 ? 1 : share) * w) : 0;
    for (int i = 0; i < w; i++) {
        if (i < full)
            canvas_put(c, x + i, y, st, 0x2588);
        else if (track)
            canvas_put(c, x + i, y, ST_DIM, 0x2591);
    }
}

static int cell_of(double v, double lo, double hi, int w)
{
    double pos = (v - lo) / (hi - lo);
    int i = (int)lround(pos * (w - 1));
    return i < 0 ? 0 : i >= w ? w - 1 : i;
}

void interval_draw(struct canvas *c, int x, int y, int w, style st, double lo, double hi, double low,
                   double mean, double high)
{
    if (w <= 0 || !(hi > lo) || !isfinite(mean))
        return;
    if (isfinite(low) && isfinite(high))
        for (int i = cell_of(low, lo, hi, w), to = cell_of(high, lo, hi, w); i <= to; i++)
            canvas_put(c, x + i, y, st, 0x2501);
    if (isfinite(low) && low < lo)
        canvas_put(c, x, y, st, 0x25c2);
    if (isfinite(high) && high > hi)
        canvas_put(c, x + w - 1, y, st, 0x25b8);
    canvas_put(c, x + cell_of(mean, lo, hi, w), y, st | ST_BOLD, 0x25cf);
}
