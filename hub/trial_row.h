/* trial_row: what a trial was as of a request's time, as the table's columns: for the views trials and
 * trial, the summary, the filter and sorting. Computed from the state each time; nothing is kept. */
#ifndef HUB_TRIAL_ROW_H
#define HUB_TRIAL_ROW_H

#include "hub/view_parts.h"

struct trial_row {
    const struct view_request *rq;
    const struct state_trial *tr;
    bool valued, timed, whole; /* which of the following have been computed */
    /* valued */
    bool has_value;
    double value;     /* NaN when none or not finite */
    int64_t step;     /* of the value; -1 none */
    /* timed */
    enum trial_state state;
    int64_t started;  /* first time it ran; -1 not yet */
    double seconds;   /* it ran, pauses left out; whole seconds while it still runs */
    /* whole */
    int runs;
    double progress;  /* 0..1, NaN unknown */
    int64_t changed;
};
/* Ten thousand rows are filtered and sorted for the forty that are shown, so a row is computed by parts. */
void trial_row_begin(struct trial_row *r, const struct view_request *rq, const struct state_trial *tr);
void trial_row_times(struct trial_row *r); /* makes sure of `timed` */
void trial_row_whole(struct trial_row *r); /* of everything */
/* The pairs of the trials view but `live` and `runs`; spark: columns of the sparkline, 0 none. */
void trial_row_put_values(const struct trial_row *r, struct codec_writer *w); /* of several objectives: the pair "values" */
#define TRIAL_ROW_PAIRS 16
void trial_row_put(const struct trial_row *r, int spark, struct codec_writer *w);
/* "live": a map of the newest run's live parameters whose value is no longer the one proposed. */
void trial_row_put_live(const struct trial_row *r, struct codec_writer *w);
/* "spark" of a request, within bounds. */
int trial_row_spark(const struct view_request *rq);

#define TRIAL_MAX_TAGS 64
int trial_row_tags(const struct trial_row *r, struct span tags[TRIAL_MAX_TAGS]);
struct span trial_row_note(const struct trial_row *r); /* {NULL,0} when none */

/* A column's, parameter's or metric's value by name, for filters and sorting. */
struct filter_value trial_row_get(struct trial_row *r, const char *name);
struct filter_subject trial_row_subject(struct trial_row *r);

#endif
