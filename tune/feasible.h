/* feasible: the chance that a configuration does not fail, learned from the trials that did: hidden constraints. A random
 * forest on "it ended with a value" or "it failed", smoothed towards the share of trials that did not fail, so
 * that a single failure rules nothing out. (Gelbart, Snoek and Adams, "Bayesian Optimization with Unknown
 * Constraints", UAI 2014, weigh expected improvement by this chance.) Pure. */
#ifndef TUNE_FEASIBLE_H
#define TUNE_FEASIBLE_H

#include "tune/history.h"
#include "tune/space.h"

struct feasible;

/* NULL while nothing has failed or too little has ended to tell where: then every configuration counts as fine. */
struct feasible *feasible_learn(const struct space *s, const struct history *h);
void feasible_free(struct feasible *f);
/* In (0, 1]; f may be NULL. */
double feasible_chance(const struct feasible *f, const struct space *s, const double *dna);

#endif
