/* history: every trial that a sweep has proposed or taken in, with its values. What algorithms learn from.
 *
 * Losses only: the facade has turned the sign for `maximize`. A trial is pending until it ends; its
 * intermediate values are kept in order of arrival. Trials never leave; an index stays valid. All dna is
 * canonical in the current space version; `outside` marks trials of older versions that have no place in it.
 * Read by algorithms, written by the facade alone. */
#ifndef TUNE_HISTORY_H
#define TUNE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "tune/pack.h"
#include "tune/space.h"

enum trial_end {
    END_PENDING,   /* running or waiting */
    END_DONE,
    END_PRUNED,    /* stopped early: the loss is that of its last step */
    END_FAILED,    /* no loss, or NaN, or infinite */
    END_FORGOTTEN, /* withdrawn: never happened */
};

struct history_point {
    int64_t step;
    double loss;
};

struct history_change { /* of a running trial's configuration, by a population */
    int64_t step;      /* up to here ... */
    double *dna;       /* ... it had this */
    int64_t donor;     /* then it took over the weights of this trial; -1 kept its own */
};

struct history_trial {
    int64_t id;
    double *dna;
    enum trial_end end;
    /* final; while pending the last intermediate one; NaN none. With several objectives that of the first */
    double loss;
    double *losses;    /* several objectives: all of them, finite, once the trial is done; NULL otherwise */
    int n_losses;
    /* Once it has run again (replicates): the loss of each run in order of arrival, of which `loss` is the mean. NULL: one run */
    double *repeats;
    int n_repeats;
    int n_begun;       /* runs begun after the first one: each has the next tuning seed */
    bool repeating;    /* one of them is under way; the trial stays done meanwhile */
    /* n_born numbers: its dna in the version in which it got it, when that is not the current one; NULL otherwise */
    double *born;
    int n_born, born_version;
    int64_t step;      /* of that loss, -1 unknown */
    struct history_point *points; /* intermediate losses that were finite */
    int n_points, cap_points;
    int arm;           /* as proposed, -1 none */
    double propensity; /* NaN none */
    bool forced;       /* a pin chose it */
    bool asked;        /* came from ask; false: adopted */
    bool outside;
    bool paused;       /* END_PRUNED for now: a scheduler holds it and may resume it */
    struct history_change *changes; /* its schedule so far; dna is what it has now */
    int n_changes;
    int space_version; /* of the ask */
    int64_t order;     /* counts endings: the n-th trial to end; -1 pending */
    double *context;   /* under which it was asked; NULL none */
    int n_context;
    char origin[16];
};

struct history {
    int n, cap, dims;
    struct history_trial *trials; /* by arrival */
    struct history_slot *slots;   /* id -> index */
    int n_slots;
    int pending, done, pruned, failed;
    int64_t ended;
};

/* What algorithms are told when a value arrives. */
struct observation {
    int trial;         /* index into the history */
    int64_t step;      /* -1 unknown */
    double loss;       /* NaN: failed */
    bool final;        /* the trial has ended */
    bool failed, pruned, forgotten; /* how (final) */
};

/* A row of the console's rung table. */
struct rung_row {
    int rung;
    double resource;   /* steps */
    int trials;        /* values recorded there */
    int promoted;      /* went on */
    int stopped;
    double cutoff;     /* value to beat, user's sign; NaN while everybody passes */
};

/* How far a rung can be trusted: over all pairs of trials that both reached it and some later rung, whether they stand in the
 * same order at the last rung that both reached. Kendall's tau-b with its 95 % interval (Fieller, Hartley and Pearson
 * 1957; -1 to 1 below 5 trials). */
struct rung_tau {
    int rung;
    int n;                 /* trials that are in some pair */
    double tau, low, high; /* NaN: no pair */
};
struct rung_point { /* what a trial had at a rung */
    int64_t trial;
    int rung;
    double loss;
};
/* points in any order (sorted in place); row k is for rung k, all but the highest; returns how many there are. */
int rung_correlation(struct rung_point *points, int n, struct rung_tau *rows, int max);

void history_init(struct history *h, int dims);
void history_release(struct history *h);
int history_find(const struct history *h, int64_t id); /* index or -1 */
/* A new pending trial; dna (dims doubles) is copied. Index, or -1 when the id is taken. */
int history_add(struct history *h, int64_t id, const double *dna);
void history_point(struct history *h, int trial, int64_t step, double loss);
void history_end(struct history *h, int trial, enum trial_end end, int64_t step, double loss);
void history_losses(struct history *h, int trial, const double *losses, int n); /* of a trial that ends as done; copied */
void history_repeat(struct history *h, int trial);                /* a trial that is done runs once more */
/* That run has ended with this loss; NaN: it failed, the mean stays. */
void history_repeated(struct history *h, int trial, double loss);
double history_squares(const struct history_trial *t);            /* squared deviations of its runs from their mean; 0 of one */
void history_revive(struct history *h, int trial); /* a failed, forgotten or paused trial runs again */
/* Another configuration (copied) from the present step on; donor: a trial's id or -1. */
void history_change(struct history *h, int trial, int64_t step, const double *dna, int64_t donor);
/* Loss of the trial at its last point with step <= this; NaN none. best: the smallest so far. */
double history_at(const struct history *h, int trial, int64_t step, bool best);
int history_source(const struct history *h, int trial); /* which warm start it is of, from 1; 0: a trial of this sweep */
int history_warm(const struct history *h);              /* how many are of warm starts; they are in `done` too */
/* Smallest final loss of this sweep's trials (pruned ones included); index or -1. */
int history_best(const struct history *h);
/* Indices of ended trials with a loss that lie inside the space, smallest loss first (ties by arrival).
 * Caller frees. */
int *history_sorted(const struct history *h, int *n);
/* Into a new space version. Each trial is carried from the version it was born in, so that what one edit put
 * outside is inside again when another one gives it room. versions[v] is space version v, for every v up to from's. */
void history_carry(struct history *h, struct space *const *versions, const struct space *from, const struct space *to);
void history_pack(const struct history *h, struct buf *out);
int history_unpack(struct history *h, struct unpack *in); /* h is initialised; -1 damaged */

#endif
