/* trial_groups: the table of trials as a tree: one line a group (a parameter's or column's value), below it its trials unless the
 * console folded it. Many different numbers are put into bins. Pure. */
#ifndef HUB_TRIAL_GROUPS_H
#define HUB_TRIAL_GROUPS_H

#include "hub/trial_row.h"

struct trial_group {
    char label[80];     /* the value, or "1e-4…1e-3" */
    int64_t id;         /* below -1, the same as long as the label is */
    bool folded;
    int trials, running, over;
    double best, mean;  /* NaN: no value yet */
    int64_t best_trial; /* -1 */
    int n_values, first, last; /* keys of the group: a list in the order of the table */
};

struct trial_groups {
    struct trial_group *v; /* in the order of their first trials */
    int n;
    int *lines; /* what stands in each line: a key's index, or -1 - the group's */
    int n_lines;
};

/* keys are the trials in order; folded is a raw array of group ids (empty: none). */
void trial_groups_make(struct trial_groups *g, const struct view_request *rq, const struct view_key *keys, int n,
                       const char *by, struct span folded);
void trial_groups_release(struct trial_groups *g);
/* The line of a trial, or of a group (id below -1); -1 when it is not shown. */
int trial_groups_find(const struct trial_groups *g, const struct view_key *keys, int64_t id);
/* One group as a row map. */
void trial_groups_put(const struct trial_group *g, struct codec_writer *w);

#endif
