/* series: one metric of one run, in memory, at most 16 bytes a point with its resolution pyramid.
 *
 * Points are appended in arrival order. Each has two times: its own (the trainer's clock, for time axes; an
 * earlier one is raised to the one before, so it never decreases) and the time at which it was seen, that
 * is, became part of the log. "As of T" means seen <= T and is therefore a prefix. Both are kept to the
 * microsecond: in memory nanoseconds are not needed, the recording has them. Sealed blocks are compressed
 * (series_block.h); above them lie levels of min/max/sum per 16^k points, so a curve of any length is drawn
 * in O(width). NaN and infinite values are kept and counted but never reach min, max or mean. Answers as of
 * T are bit for bit those of a series that holds only the points seen by T. Not thread-safe. */
#ifndef HUB_SERIES_H
#define HUB_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct series;

struct series *series_new(void);
void series_free(struct series *s);
/* Adds n points that were seen together at `seen` (ns; raised to the last one's when it is earlier). */
void series_append(struct series *s, int64_t seen, uint32_t n, const int64_t *steps, const int64_t *times,
                   const double *values);
/* Packs what is still open, for a series that is probably complete. Appending to it afterwards works and
 * costs one unpacking. */
void series_settle(struct series *s);

#define SERIES_NOW INT64_MAX
/* Number of points as of t (ns since 1970); SERIES_NOW = all. O(log n). */
uint64_t series_count(const struct series *s, int64_t t);
struct series_point {
    int64_t step, time; /* time: the point's own, ns */
    double value;
};
bool series_at(const struct series *s, uint64_t index, struct series_point *out);
bool series_last(const struct series *s, int64_t t, struct series_point *out); /* last point as of t */
struct series_stats {
    uint64_t count;        /* points, all of them */
    uint64_t nans;         /* those that are NaN or infinite */
    double min, max, mean; /* of the others; NaN when there are none */
    int64_t min_index;     /* index of the first smallest, of the first largest; -1 when none */
    int64_t max_index;
};
void series_stats(const struct series *s, int64_t t, struct series_stats *out); /* O(log n) */
/* Index of the first NaN or infinite value as of t; -1 when there is none. O(log n). */
int64_t series_first_nan(const struct series *s, int64_t t);

enum series_x { SERIES_STEP, SERIES_TIME };
/* Fills columns 0..width-1 spanning [x0, x1] with min, max and mean of the points in each (NaN where there
 * is none), as of t. A point belongs to column floor((x - x0) / (x1 - x0) * width), the one at x1 to the
 * last; all go to column 0 when x0 == x1. SERIES_TIME is in ns. O(width) while x is non-decreasing (the
 * usual case), else one pass over the points. Any of the outputs may be NULL. */
void series_columns(const struct series *s, enum series_x x, double x0, double x1, int64_t t, int width,
                    double *min, double *max, double *mean);
/* Smallest and largest x as of t; false when there is no point. */
bool series_range(const struct series *s, enum series_x x, int64_t t, double *x0, double *x1);
size_t series_bytes(const struct series *s); /* memory held, all included */

#endif
