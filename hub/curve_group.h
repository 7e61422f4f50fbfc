/* curve_group: runs that are drawn as one line with a band. For view_curve.c. */
#ifndef HUB_CURVE_GROUP_H
#define HUB_CURVE_GROUP_H

#include "hub/view_parts.h"

#define CURVE_MAX_GROUPS 64

struct curve_group {
    char label[64];
    int64_t trial; /* -1: of several */
    int trials;
};
struct curve_groups {
    struct curve_group *v;
    int n;
};

/* by: "trial" (the repeats of each), or a parameter's name: its values, or up to four ranges with equally
 * many trials when it is a number with many values. Fills at[i] with the group of trials[i] (repeats of one
 * trial stand there several times); groups in the order of the values, trials in the order given. What would
 * be the 65th group joins the last one, "other". */
void curve_groups_make(struct curve_groups *g, const char *by, const struct state_trial *const *trials, int n,
                       int *at);
void curve_groups_release(struct curve_groups *g);

/* Mean, extremes and standard deviation over runs, a column at a time. */
struct curve_sum {
    int columns, runs;
    double *room;                         /* min, max, mean of the run being added */
    double *min, *max, *mean, *deviation; /* deviation NaN with fewer than two runs in a column */
    double *count, *square;
};
void curve_sum_begin(struct curve_sum *s, int columns);
double *curve_sum_room(struct curve_sum *s); /* 3 x columns, to be filled before curve_sum_add */
void curve_sum_add(struct curve_sum *s);
void curve_sum_end(struct curve_sum *s);
void curve_sum_release(struct curve_sum *s);

#endif
