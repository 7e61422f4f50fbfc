/* plot_contour: marching squares. Each cell of the screen is a square with its corners on the field; which
 * corners lie above a level says through which of its edges the line passes, and that is its glyph. Two cells
 * share an edge and its two corners, so lines join from cell to cell. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tui/axis.h"
#include "tui/plot_heat.h"

enum { TOP = 1, RIGHT = 2, BOTTOM = 4, LEFT = 8 };

/* The edges between corners that differ. Corners: top left, top right, bottom right, bottom left. */
static int edges_of(const bool above[4])
{
    return (above[0] != above[1] ? TOP : 0) | (above[1] != above[2] ? RIGHT : 0) |
           (above[2] != above[3] ? BOTTOM : 0) | (above[3] != above[0] ? LEFT : 0);
}

static uint32_t glyph_of(int edges)
{
    switch (edges) {
    case TOP | BOTTOM:
        return 0x2502;
    case LEFT | RIGHT:
        return 0x2500;
    case TOP | LEFT:
        return 0x256f;
    case TOP | RIGHT:
        return 0x2570;
    case BOTTOM | LEFT:
        return 0x256e;
    case BOTTOM | RIGHT:
        return 0x256d;
    case TOP | RIGHT | BOTTOM | LEFT:
        return 0x253c; /* a saddle */
    default:
        return 0;
    }
}

/* Shares of the field at the corners of the cells, (w + 1) x (h + 1). */
static double *corners(const struct heat *h)
{
    int w = h->at.w + 1, n = h->at.h + 1;
    double *s = mem_alloc((size_t)w * (size_t)n * sizeof *s);
    for (int j = 0; j < n; j++)
        for (int i = 0; i < w; i++) {
            double u = h->u0 + (h->u1 - h->u0) * i / h->at.w, v = h->v1 - (h->v1 - h->v0) * j / h->at.h;
            u = u < 1e-9 ? 1e-9 : u > 1 - 1e-9 ? 1 - 1e-9 : u;
            v = v < 1e-9 ? 1e-9 : v > 1 - 1e-9 ? 1 - 1e-9 : v;
            s[j * w + i] = heat_share(h, heat_at(h, u, v));
        }
    return s;
}

/* The value of a level, written where its line runs flat: there it covers the line's own cells only. */
static void label(const struct heat *h, struct canvas *c, const double *s, double level)
{
    char text[AXIS_LABEL];
    int w = h->at.w + 1, run = 0;
    axis_label(text, h->low_bright ? h->z1 - level * (h->z1 - h->z0) : h->z0 + level * (h->z1 - h->z0));
    int need = 0;
    while (text[need])
        need++;
    for (int j = 0; j < h->at.h; j++, run = 0)
        for (int i = 0; i < h->at.w; i++) {
            const double *p = s + j * w + i;
            const bool above[4] = {p[0] > level, p[1] > level, p[w + 1] > level, p[w] > level};
            run = edges_of(above) == (LEFT | RIGHT) ? run + 1 : 0;
            if (run < need + 1)
                continue;
            heat_text(c, h->at.x + i - need, h->at.y + j, text, 0);
            return;
        }
}

void contour_draw(const struct heat *h, struct canvas *c, int n)
{
    int w = h->at.w + 1;
    if (h->at.w < 4 || h->at.h < 3 || n < 1 || h->x_steps || h->y_steps || !(h->z1 > h->z0))
        return;
    double *s = corners(h);
    for (int j = 0; j < h->at.h; j++)
        for (int i = 0; i < h->at.w; i++) {
            const double *p = s + j * w + i;
            if (isnan(p[0]) || isnan(p[1]) || isnan(p[w]) || isnan(p[w + 1]))
                continue;
            for (int k = n; k >= 1; k--) { /* the brightest level of those that pass */
                double level = (double)k / (n + 1);
                const bool above[4] = {p[0] > level, p[1] > level, p[w + 1] > level, p[w] > level};
                uint32_t glyph = glyph_of(edges_of(above));
                if (!glyph)
                    continue;
                heat_put(c, h->at.x + i, h->at.y + j, glyph, 0);
                break;
            }
        }
    label(h, c, s, (double)n / (n + 1));
    free(s);
}
