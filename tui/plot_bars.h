/* plot_bars: sparklines, bars and intervals: one row of cells each. Pure drawing into a canvas. */
#ifndef TUI_PLOT_BARS_H
#define TUI_PLOT_BARS_H

#include "tui/canvas.h"

/* How the values of one column of sparklines become levels: shared, so that rows can be compared. */
struct spark_scale {
    double lo, hi;
    bool log;
    bool any;
};
void spark_scale_add(struct spark_scale *s, const double *v, int n); /* start from {0} */
void spark_scale_done(struct spark_scale *s);           /* log when all positive and wide enough */
/* n values into at most w cells, absent ones left out: a short series takes as many cells as it has values, a
 * long one the mean of what falls into a cell. Returns how many cells; out may be v. */
int spark_fit(const double *v, int n, double *out, int w);
int spark_level(const struct spark_scale *s, double v); /* 0..7, -1 for no value */
void spark_draw(struct canvas *c, int x, int y, int w, style st, const struct spark_scale *s, const double *v,
                int n);

/* share in 0..1; the rest of w is a light track when track is true. */
void bar_draw(struct canvas *c, int x, int y, int w, style st, double share, bool track);
/* low..high as a line with the mean as a dot, on lo..hi; an arrow where it goes on beyond. */
void interval_draw(struct canvas *c, int x, int y, int w, style st, double lo, double hi, double low,
                   double mean, double high);

#endif
