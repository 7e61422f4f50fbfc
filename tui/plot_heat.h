/* plot_heat: a field of numbers as colours, two rows of them in a cell (the upper half block), or as
 * characters where there are no colours; its contours; glyphs on top of it that keep what is behind them.
 * Pure drawing into a canvas. */
#ifndef TUI_PLOT_HEAT_H
#define TUI_PLOT_HEAT_H

#include "tui/canvas.h"

struct heat {
    const float *z; /* rows * columns, row 0 the lowest; NaN unknown */
    int columns, rows;
    bool x_steps, y_steps; /* the axis is a list of choices: nothing is interpolated along it */
    double u0, u1, v0, v1; /* the part of 0..1 that is seen */
    double z0, z1;         /* what the levels run over */
    bool low_bright;       /* the low end is the bright one (the good one of a loss) */
    struct rect at;
};

/* z at a place of the field (0..1 both ways), interpolated; NaN where it is unknown. */
double heat_at(const struct heat *h, double u, double v);
/* 0 the dark end, 1 the bright end of z0..z1, clamped; NaN stays. */
double heat_share(const struct heat *h, double z);
void heat_draw(const struct heat *h, struct canvas *c);
/* A glyph on the field: black or white, whichever is read on what is behind it. */
void heat_put(struct canvas *c, int x, int y, uint32_t glyph, style flags);
void heat_text(struct canvas *c, int x, int y, const char *text, style flags);
/* The levels in w cells, the dark end on the left. */
void heat_bar(struct canvas *c, int x, int y, int w);

/* Lines of equal z by marching squares on the corners of the cells, one glyph a cell (plot_contour.c). n
 * levels evenly between z0 and z1; the innermost (brightest) one is labelled. */
void contour_draw(const struct heat *h, struct canvas *c, int n);

#endif
