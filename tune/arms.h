/* arms: a partition of a space into boxes that a bandit can pull. An axis is a parameter cut into pieces
 * (choices, bins or decades); an arm is one piece of each axis. Within an arm the rest is drawn from the
 * prior.
 *
 * The sweep file says which: arms: {optimizer: values, lr: decades, units: 3}. When it does not, arms_make
 * chooses: all choices of categorical and ordinal parameters, then up to four pieces of each numeric one
 * (decades where the scale is logarithmic and they are few), parameter by parameter in the file's order, as
 * long as the number of arms stays within a bound. */
#ifndef TUNE_ARMS_H
#define TUNE_ARMS_H

#include "tune/region.h"
#include "tune/tuner.h"

#define ARMS_DEFAULT 64 /* bound when nobody says which arms */

struct arms_axis {
    int param;
    int pieces;
    double *edge; /* numeric: pieces + 1 values, ascending; NULL: one piece a choice */
};

struct arms {
    struct arms_axis *axes;
    int n_axes;
    int n;               /* arms: product of the pieces */
    struct region *cell; /* of each */
    bool *empty;         /* of each: the constraints of the space leave nothing of it; NULL: not looked for */
    char (*label)[96];   /* "adam lr 1e-3..1e-2" */
    int *known;          /* arm of each trial of a history so far; a cache, see arms_of */
    int n_known, cap_known;
};

/* most: bound on the arms chosen by default. NULL and a cause when there would be fewer than 2 or more than
 * BANDIT_ARMS_MAX, or an arms.PARAM option makes no sense. */
struct arms *arms_make(const struct space *s, const struct tuner_kv *kv, int most, char **cause);
void arms_find_empty(struct arms *a, const struct space *s);
void arms_free(struct arms *a);
/* the arm a configuration lies in, -1 none */
int arms_find(const struct arms *a, const struct space *s, const double *dna);
/* "optimizer x lr in 4" */
/* The same for a trial of the history, remembered: dna never changes within a space version. */
int arms_of(struct arms *a, const struct tuner_env *env, int trial);
/* Label, pulls, mean and interval of each arm from the trials that have ended, and how it is steered;
 * probabilities are left unknown. rows has a->n entries. */
void arms_rows(struct arms *a, const struct tuner_env *env, struct arm_row *rows);
/* Fills p_best: the probability that an arm's mean is the least, from its mean and interval (normal); an arm without two
 * values is as likely to be anywhere as the trials are. All stay unknown while fewer than two arms have an interval. */
void arms_p_best(struct arm_row *rows, int n);
void arms_text(const struct arms *a, const struct space *s, char *out, size_t cap);

#endif
