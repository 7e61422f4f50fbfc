/* replicate_run: a trial that is done runs once more, with the next tuning seed, because its tuner found that worth more than a new
 * trial (tune/replicate.h, hypertop: {replicates: auto}).
 *
 * In the log: a trial_state event {state: running, asked, replicate: SEED NUMBER}, the one way out of done, and a run event
 * {replicate: true}. While that run goes on, what it reports counts for nothing: value, incumbent and the tuner's history stay. When
 * it has ended the trial is done again, however it ended; a value makes the trial's value the mean of its runs (the fold does that when
 * it sees the run done) and is told, a failure is told as one. Nobody stops such a run early but people, and that ends this run, not
 * the trial. */
#ifndef HUB_REPLICATE_RUN_H
#define HUB_REPLICATE_RUN_H

#include "hub/sweep.h"

/* Queues the run of proposal p (p->replicate >= 0). */
int64_t replicate_begin(struct sweep *s, const struct proposal *p);
/* All runs of a trial have ended. True when the last was a replicate: then the trial is done again. */
bool replicate_conclude(struct sweep *s, int64_t trial);

#endif
