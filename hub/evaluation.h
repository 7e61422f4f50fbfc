/* evaluation: the test phase of a sweep. When tuning has nothing left to do, its incumbents are run on the test seeds
 * (on the test command, when the file names one: tune on task A, evaluate on task B).
 *
 * A test is a trial of its own, of origin "test", whose parent is the trial it evaluates and whose runs have phase
 * "test". The tuner never hears of it, it is never an incumbent, and no test runs on a seed that was tuned on. */
#ifndef HUB_EVALUATION_H
#define HUB_EVALUATION_H

#include "hub/sweep.h"

/* Queues the tests that are missing for the best trials. True when it queued any. */
bool evaluation_begin(struct sweep *s);
/* A test of one trial on these seeds (n 0: the file's). Its number; -1 and a cause: a tuning seed, no seeds, no value. */
int64_t evaluation_queue(struct sweep *s, int64_t trial, const int64_t *seeds, int n, const char *why,
                         int64_t intervention, char **cause);

#endif
