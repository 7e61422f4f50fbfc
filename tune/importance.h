/* importance: how much of the differences between losses each parameter, or pair of them, accounts for.
 *
 * By functional analysis of variance over a random forest (F. Hutter, H. Hoos and K. Leyton-Brown, "An
 * Efficient Approach for Assessing Hyperparameter Importance", ICML 2014): shares of the variance of the
 * forest's trees over the whole space, main effects and what pairs add to them, with the interval between the
 * 10 % and 90 % quantiles of the trees. Or quickly, by how far apart the means of bins of trials lie (the
 * correlation ratio, corrected for its bias), with an interval from resampling; main effects only, and of
 * where the trials are rather than of the whole space. */
#ifndef TUNE_IMPORTANCE_H
#define TUNE_IMPORTANCE_H

#include "tune/history.h"
#include "tune/space.h"

#define IMPORTANCE_LEAST 12 /* values; and twice as many as parameters that vary */

struct importance_row {
    int param, pair;         /* indexes into the space; pair -1: the main effect of param */
    double share, low, high; /* 0..1 */
};

/* Fills at most max rows, main effects of all parameters that vary and the pairs that have a share of at
 * least 1 %, largest share first; returns how many there are. -1 and a cause in words for people: too few
 * trials, or the parameters do not explain the losses (r2 out of bag, when not NULL, says how far they do).
 */
int importance_fanova(const struct space *s, const struct history *h, struct importance_row *rows, int max,
                      double *r2, char **cause);
int importance_quick(const struct space *s, const struct history *h, struct importance_row *rows, int max,
                     char **cause);

#endif
