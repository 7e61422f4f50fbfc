/* curve_axis: where the points of a run lie on the x axis of a plot, and its columns there.
 *
 * Series know steps and times. Any other axis (epoch, cost) is a metric of the same run: what it was at a
 * point's step. It must not go back; where it does it is taken to stand still. Columns are even on the axis
 * as it is drawn, so a logarithmic axis has narrow columns on its left. Pure; nothing later than t is looked
 * at. */
#ifndef HUB_CURVE_AXIS_H
#define HUB_CURVE_AXIS_H

#include "hub/series.h"

struct curve_axis {
    enum series_x x;
    double zero;   /* SERIES_TIME: ns of the first point, which is 0 on the axis */
    int n;         /* knots of a metric axis, 0: none */
    double *step;  /* rising */
    double *value; /* rising strictly */
};

void curve_axis_steps(struct curve_axis *a);
void curve_axis_time(struct curve_axis *a, const struct series *s, int64_t t);
/* False when the metric has no finite point as of t. */
bool curve_axis_metric(struct curve_axis *a, const struct series *metric, int64_t t);
void curve_axis_release(struct curve_axis *a);

/* From steps (or ns) to the axis (steps, seconds or the metric's unit), and back. */
double curve_axis_at(const struct curve_axis *a, double x);
double curve_axis_back(const struct curve_axis *a, double v);
/* Smallest and largest of a series on the axis; false when it has no point. */
bool curve_axis_range(const struct curve_axis *a, const struct series *s, int64_t t, double *v0, double *v1);

/* As series_columns, between v0 and v1 on the axis, evenly on a log axis when log is true (v0 must be > 0
 * then). A column whose points are all NaN or infinite has the mean INFINITY. */
struct curve_span {
    double v0, v1;
    int columns;
    bool log;
};
void curve_axis_columns(const struct curve_axis *a, const struct series *s, const struct curve_span *k,
                        int64_t t, double *min, double *max, double *mean);

#endif
