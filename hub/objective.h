/* objective: between what runs report and what the tuner is told. The objective of a sweep is its metric:
 * values come by ht_report, or, from a trainer that never calls it, by points of that metric. */
#ifndef HUB_OBJECTIVE_H
#define HUB_OBJECTIVE_H

#include "hub/sweep.h"

/* A report of this run was just folded in: tells the tuner what can be told, and acts on its verdict. */
void objective_reported(struct sweep *s, int64_t run);
/* Points were folded in; `before` is where the objective's metric stood until then. Makes reports of the new ones unless
 * the trainer reports by itself: at most REPORTS_PER_BATCH of them, evenly spaced, the last always. */
#define REPORTS_PER_BATCH 32
struct objective_mark {
    int64_t epoch;   /* of the newest take; -1: no point yet */
    uint64_t points; /* in it */
};
struct objective_mark objective_mark(const struct sweep *s, int64_t run);
void objective_points(struct sweep *s, int64_t run, struct objective_mark before);
/* The trial is about to end as this: the tuner's last word on it. */
void objective_final(struct sweep *s, int64_t trial, enum trial_state end);
/* A replicate of a trial that is done has ended with this value of its own; NaN: without one. */
void objective_repeated(struct sweep *s, int64_t trial, int64_t step, double value);
/* What the tuner did of its own accord becomes events of the hub. */
void objective_news(struct sweep *s);
/* A failed or killed trial runs again. */
void objective_revive(struct sweep *s, int64_t trial);

/* What the tuner explains may have changed; recorded at most twice a second. */
void objective_arms_changed(struct sweep *s);
void objective_arms_record(struct sweep *s);

#endif
