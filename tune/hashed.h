/* hashed: a linear model of rewards on hashed features of a configuration, as in DeepArchitect (Negrinho and
 * Gordon 2017): one feature for each choice of an active categorical, one for each of the nested halves that
 * an ordered value lies in; features fall into a fixed number of buckets, and a ridge regression weighs them.
 */
#ifndef TUNE_HASHED_H
#define TUNE_HASHED_H

#include "tune/history.h"
#include "tune/space.h"

struct hashed;

/* reward[i] of each trial, NaN: has none. NULL while there are fewer than ten. */
struct hashed *hashed_fit(const struct space *s, const struct history *h, const double *reward);
void hashed_free(struct hashed *m);
double hashed_predict(const struct hashed *m, const struct space *s, const double *dna);

#endif
