/* trial: how trials and runs come into being and move from state to state. The legal moves of trials are one
 * table in state.h; nothing is recorded that is not in it. */
#ifndef HUB_TRIAL_H
#define HUB_TRIAL_H

#include <stdint.h>

#include "hub/sweep.h"

struct trial_birth {
    const double *dna;  /* NULL for ad-hoc trials */
    struct span params; /* raw map; made from dna when empty */
    const char *origin; /* tuner, enqueued, cloned, adviser, test, adhoc */
    int64_t parent;     /* -1 none */
    double propensity;  /* NaN none */
    const char *arm, *why;
    bool filled;          /* enqueued: the tuner filled in what nobody gave */
    int64_t intervention; /* 0 none */
    const int64_t *seeds; /* one run each; n_seeds 0: the tuning seeds */
    int n_seeds;
};
/* Records a trial and its runs (one for each tuning seed; the first alone where the tuner decides on replicates), waiting. Returns its number. */
int64_t trial_create(struct sweep *s, const struct trial_birth *b);

/* Records the move if it is legal (false: it is not, nothing happened). */
bool trial_move(struct sweep *s, int64_t trial, enum trial_state to, const char *why, int64_t intervention);
/* Draws the conclusion from its runs' states: running, paused, lost, or the end. */
void trial_settle(struct sweep *s, int64_t trial);
/* The trial shall end as this when its runs have ended (the first to say so wins, a kill always does). */
void trial_ending(struct sweep *s, int64_t trial, enum trial_state as, const char *why, int64_t intervention);
enum trial_state trial_now(const struct sweep *s, int64_t trial);
enum run_state run_now(const struct sweep *s, int64_t run);

struct run_change {
    enum run_state state;
    int64_t epoch;      /* 0: unchanged */
    const char *worker; /* NULL: unchanged */
    int pid;            /* 0: unchanged */
    int exit, signal;   /* -1, 0: unknown */
    const char *why;
};
#define RUN_CHANGE(s) ((struct run_change){.state = (s), .exit = -1})
/* Records a run's new state, keeps the slots and the lease in step. Does not settle the trial. */
void run_move(struct sweep *s, int64_t run, const struct run_change *c);
/* A lost, failed or interrupted run is queued again; its next lease has a higher epoch. */
void run_requeue(struct sweep *s, int64_t run, const char *why);
/* Tells whoever executes the run; seq-ordered through the outbox. args may be empty. */
void run_command(struct sweep *s, int64_t run, int64_t command, const char *verb, struct span args);

#endif
