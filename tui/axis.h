/* axis: from data to screen positions, ticks and labels. Pure.
 *
 * Ticks are on the 1-2-5 ladder (log axes: 1, 2, 5 times a power of ten), labels are at most 5 characters.
 * Ranges are snapped to the ladder, grow at once and shrink only after AXIS_SHRINK_NS: a point that arrives
 * changes a few cells and not the whole plot, which is what keeps a frame small over SSH. */
#ifndef TUI_AXIS_H
#define TUI_AXIS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#define AXIS_LABEL     8 /* bytes of a label buffer; 5 characters are used at most */
#define AXIS_SHRINK_NS (30 * CLOCK_S)

enum axis_unit {
    AXIS_NUMBER,
    AXIS_SECONDS /* labels 40s, 5m, 2h */,
    AXIS_CLOCK /* seconds since 1970, labels 12:00 */
};

struct axis {
    double lo, hi;
    bool log;
    enum axis_unit unit;
};

struct tick {
    double at;
    char label[AXIS_LABEL];
};

/* 0 at lo, 1 at hi; NaN when v has no place on the axis (NaN, or v <= 0 on a log axis). Not clamped. */
double axis_pos(const struct axis *a, double v);
double axis_value(const struct axis *a, double pos);
/* At most cap ticks, at most about `want`, in rising order, all inside [lo, hi]. */
int axis_ticks(const struct axis *a, int want, struct tick *out, int cap);
void axis_label(char out[AXIS_LABEL], double v);
void axis_time_label(char out[AXIS_LABEL], double seconds);

/* The smallest snapped range that holds [lo, hi]. Not finite or empty input gives 0..1 (log: .1..1). */
struct axis axis_snap(double lo, double hi, bool log);
/* The first of 10, 20, 40, 80, 100, 200, ... (times a power of ten) that is >= need. */
double axis_grow(double need);
/* The same for seconds: 1, 2, 4, 8, 15, 30 minutes, 1, 2, 4, 8, 16 hours, 1, 2, 4, ... days. */
double axis_grow_seconds(double need);

/* A range that remembers: see AXIS_SHRINK_NS. Zero-initialise; `key` is what is shown, another key starts
 * anew. */
struct range {
    struct axis now;
    bool set;
    uint64_t key;
    int64_t small_since; /* the data has needed less since then; 0: it does not */
};
void range_feed(struct range *r, uint64_t key, double lo, double hi, bool log, int64_t mono);

#endif
