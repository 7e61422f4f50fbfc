/* bandit_window: the last pulls of a policy that forgets all others. Internal to bandit*.c.
 *
 * A ring of fixed size behind its header in one block, so it is copied and dumped as it is. */
#ifndef TUNE_BANDIT_WINDOW_H
#define TUNE_BANDIT_WINDOW_H

#include "tune/bandit.h"

struct bandit_window {
    uint64_t cap, n, next; /* next: where the next pull goes; the oldest one when full */
    struct bandit_past {
        uint64_t arm;
        double x; /* cost - low */
    } past[];
};

/* Takes the oldest pull's share from its arm when the window is full, and remembers this one. */
void window_push(struct bandit *b, int arm, double x);
void window_clear(struct bandit_window *w);
size_t window_size(const struct bandit_window *w);
/* Into a bandit whose window has any size. -1: damaged. */
int window_load(struct bandit *b, const void *p, size_t n);

#endif
