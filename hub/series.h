/* series: one metric of one run, in memory, at most 16 bytes a point with its resolution pyramid.
 *
 * Points are appended in arrival order; times never decrease (an earlier time is raised to the last one), so "as of T" is a
 * prefix. Sealed blocks are compressed; above them lie levels of min/max/mean per 16^k points, so a curve of any length is
 * drawn in O(width). NaN points are kept and counted but never reach min, max or mean. Not thread-safe. */
#ifndef HUB_SERIES_H
#define HUB_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct series;

struct series *series_new(void);
void series_free(struct series *s);
void series_append(struct series *s, uint32_t n, const int64_t *steps, const int64_t *times, const double *values);

#define SERIES_NOW INT64_MAX
/* Number of points with time <= t (ns since 1970); SERIES_NOW = all. O(log n). */
uint64_t series_count(const struct series *s, int64_t t);
struct series_point {
    int64_t step, time;
    double value;
};
bool series_at(const struct series *s, uint64_t index, struct series_point *out);
bool series_last(const struct series *s, int64_t t, struct series_point *out); /* last point as of t */
struct series_stats {
    uint64_t count; /* points, NaN included */
    uint64_t nans;
    double min, max, mean; /* of the others; NaN when there are none */
    int64_t min_index;     /* index of the smallest, of the largest; -1 when none */
    int64_t max_index;
};
void series_stats(const struct series *s, int64_t t, struct series_stats *out); /* O(log n) */

enum series_x { SERIES_STEP, SERIES_TIME };
/* Fills columns 0..width-1 spanning [x0, x1] with min, max and mean of the points in each (NaN where there is none), as of t.
 * O(width) while x is non-decreasing (the usual case), else one pass over the points. */
void series_columns(const struct series *s, enum series_x x, double x0, double x1, int64_t t, int width, double *min,
                    double *max, double *mean);
/* Smallest and largest x as of t; false when there is no point. */
bool series_range(const struct series *s, enum series_x x, int64_t t, double *x0, double *x1);
size_t series_bytes(const struct series *s); /* memory held, all included */

#endif
