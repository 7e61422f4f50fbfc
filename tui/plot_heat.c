#include "tui/plot_heat.h"

#include <math.h>
#include <string.h>

#include "base/utf8.h"

#define HALF  0x2580
#define RAMPS 10
static const char ramp[RAMPS + 1] = " .:-=+*#%@";

static double cell(const struct heat *h, int i, int j)
{
    i = i < 0 ? 0 : i >= h->columns ? h->columns - 1 : i;
    j = j < 0 ? 0 : j >= h->rows ? h->rows - 1 : j;
    return (double)h->z[(size_t)j * (size_t)h->columns + (size_t)i];
}

double heat_at(const struct heat *h, double u, double v)
{
    double x = u * h->columns - .5, y = v * h->rows - .5;
    if (!(u >= 0 && u <= 1 && v >= 0 && v <= 1) || h->columns < 1 || h->rows < 1)
        return NAN;
    int i = (int)floor(h->x_steps ? x + .5 : x), j = (int)floor(h->y_steps ? y + .5 : y);
    double fx = h->x_steps ? 0 : x - i, fy = h->y_steps ? 0 : y - j, sum = 0, weight = 0;
    for (int k = 0; k < 4; k++) { /* what is known of the four around it */
        double w = (k & 1 ? fx : 1 - fx) * (k & 2 ? fy : 1 - fy), z = cell(h, i + (k & 1), j + (k >> 1));
        if (w <= 0 || !isfinite(z))
            continue;
        sum += w * z;
        weight += w;
    }
    return weight >= .5 ? sum / weight : NAN;
}

double heat_share(const struct heat *h, double z)
{
    if (!isfinite(z))
        return NAN;
    double s = h->z1 > h->z0 ? (z - h->z0) / (h->z1 - h->z0) : .5;
    s = s < 0 ? 0 : s > 1 ? 1 : s;
    return h->low_bright ? 1 - s : s;
}

static int level_of(double share, int levels)
{
    int k = (int)(share * levels);
    return k < levels ? k : levels - 1;
}

static double at_cell(const struct heat *h, double i, double j)
{
    return heat_at(h, h->u0 + (h->u1 - h->u0) * i / h->at.w, h->v1 - (h->v1 - h->v0) * j / h->at.h);
}

/* One character: a letter of the ramp, on its colour where there are colours. */
static void draw_letter(const struct heat *h, struct canvas *c, int i, int j)
{
    double s = heat_share(h, at_cell(h, i + .5, j + .5));
    if (isnan(s))
        return;
    style st = c->heat ? heat_style(HEAT_INK, level_of(s, c->heat)) : ST_PLAIN;
    canvas_put(c, h->at.x + i, h->at.y + j, st, (uint32_t)ramp[level_of(s, RAMPS)]);
}

static void draw_halves(const struct heat *h, struct canvas *c, int i, int j)
{
    double up = heat_share(h, at_cell(h, i + .5, j + .25)), low = heat_share(h, at_cell(h, i + .5, j + .75));
    if (isnan(up) && isnan(low))
        return;
    up = isnan(up) ? low : up;
    low = isnan(low) ? up : low;
    int a = level_of(up, c->heat), b = level_of(low, c->heat);
    /* one blank where both are the same: fewer bytes, and nothing to show at the edge of the glyph */
    canvas_put(c, h->at.x + i, h->at.y + j, heat_style(a, b), a == b ? ' ' : HALF);
}

void heat_draw(const struct heat *h, struct canvas *c)
{
    for (int j = 0; j < h->at.h; j++)
        for (int i = 0; i < h->at.w; i++)
            if (c->ascii || !c->heat)
                draw_letter(h, c, i, j);
            else
                draw_halves(h, c, i, j);
}

void heat_put(struct canvas *c, int x, int y, uint32_t glyph, style flags)
{
    const struct cell *e = canvas_at(c, x, y);
    if (!e)
        return;
    if (!(e->st & ST_HEAT)) {
        canvas_put(c, x, y, ST_STRONG | flags, glyph);
        return;
    }
    int a = HEAT_GLYPH(e->st), b = HEAT_BEHIND(e->st),
        mean = a == HEAT_INK || e->cp != HALF ? b : (a + b + 1) / 2;
    canvas_put(c, x, y, heat_style(HEAT_INK, mean) | flags, glyph);
}

void heat_text(struct canvas *c, int x, int y, const char *text, style flags)
{
    for (size_t i = 0, n = strlen(text); i < n; x++) {
        uint32_t cp;
        size_t used = utf8_decode(text + i, n - i, &cp);
        if (!used)
            return;
        heat_put(c, x, y, cp, flags);
        i += used;
    }
}

void heat_bar(struct canvas *c, int x, int y, int w)
{
    for (int i = 0; i < w; i++) {
        double s = (i + .5) / w;
        bool letters = c->ascii || !c->heat;
        style st = c->heat ? heat_style(HEAT_INK, level_of(s, c->heat)) : ST_PLAIN;
        canvas_put(c, x + i, y, st, letters ? (uint32_t)ramp[level_of(s, RAMPS)] : ' ');
    }
}
