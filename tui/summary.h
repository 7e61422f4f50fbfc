/* summary: the summary view's head, decoded once a frame. Borrows the names of parameters from the view. */
#ifndef TUI_SUMMARY_H
#define TUI_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/codec.h"

#define SUMMARY_PARAMS 32

struct summary {
    bool there;
    char sweep[128], state[32], metric[64], tuner[64], warning[200];
    bool maximize, live;
    int64_t trials, budget, best_trial, first, last, started, now;
    double best, elapsed, eta;
    int64_t running, done, waiting, failed, lost, paused, pruned, stopped;
    struct span params[SUMMARY_PARAMS];
    int n_params;
    double explore;
    int64_t concurrency, workers, slots, busy;
};
void summary_read(struct summary *s, struct span head);

#endif
