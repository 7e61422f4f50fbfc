/* plot_curve: curves in braille dots (2x4 a cell), with axes. Pure drawing into a canvas.
 *
 * Consecutive points are joined, so steep curves do not break up; a cell shared by two curves belongs to the
 * one drawn last (draw the focused one last). NaN never reaches an axis; a run that went NaN gets a cross at
 * that step. */
#ifndef TUI_PLOT_CURVE_H
#define TUI_PLOT_CURVE_H

#include "tui/axis.h"
#include "tui/canvas.h"

/* A layer of dots, w x h cells. */
struct dots {
    int w, h;
    uint8_t *bits;
    style *st;
};
void dots_init(struct dots *d, int w, int h);
void dots_release(struct dots *d);
void dots_set(struct dots *d, int px, int py, style st); /* py counts down from the top; outside is dropped */
void dots_line(struct dots *d, int x0, int y0, int x1, int y1, style st);
void dots_draw(const struct dots *d, struct canvas *c, int x, int y);

/* A curve in columns: column i stands for [x0 + i*(x1-x0)/n, ...); NaN is "no point here", an infinite mean "nothing but NaN
 * here": the line is cut and a cross on the axis says where. */
struct plot_series {
    const double *mean, *min, *max; /* n each; min and max may be NULL */
    int n;
    double x0, x1;
    style st;
    uint32_t letter; /* drawn at the right end, 0 none */
    double break_at; /* x where the run went NaN: no line across, a cross on the axis; NaN none */
    bool log_x;      /* columns are even on a log axis */
    int gap;         /* a join across more empty columns than this is dotted; 0: all joins are solid */
};

#define PLOT_LETTERS 32

struct plot {
    struct axis x, y;
    struct rect at;    /* whole plot, axes included */
    struct rect inner; /* set by plot_axes: cells of the curves */
    struct dots dots;
    struct plot_letter {
        int x, y; /* cells of inner */
        uint32_t cp;
        style st;
    } letters[PLOT_LETTERS]; /* drawn last, over all dots */
    int n_letters;
};
/* Draws the axes (when there is room for them) and readies the layer. */
void plot_axes(struct plot *p, struct canvas *c, struct rect r, struct axis x, struct axis y);
void plot_series(struct plot *p, struct canvas *c, const struct plot_series *s);
/* A shade between s->min and s->max, under everything that is drawn in dots. */
void plot_band(struct plot *p, struct canvas *c, const struct plot_series *s);
/* The middle of column i of n. */
double plot_column_x(const struct plot_series *s, int i);
/* A dotted column at x with a glyph at the top; what is drawn by curves stays. Call before plot_end. */
void plot_mark(struct plot *p, struct canvas *c, double x, uint32_t glyph, style st);
void plot_end(struct plot *p,
              struct canvas *c); /* puts the dots over the marks, draws letters and crosses, frees */

int plot_columns(struct rect r);       /* columns of data a plot in r can show (2 a cell), >= 2 */
struct rect plot_inner(struct rect r); /* the rectangle plot_axes will use for curves */

/* Exponential smoothing in place; NaN stays, the start is unbiased. weight 0: nothing. */
void plot_smooth(double *v, int n, double weight);

#endif
