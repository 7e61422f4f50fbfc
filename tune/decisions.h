/* decisions: a configuration as a path of decisions, coarse ones first. Trees over conditional spaces are
 * made of such paths.
 *
 * First come the categorical parameters, one decision each, parents before children. Then the ordered ones
 * are halved in turn (bisection: siblings share what is learned about their half), each until one value or
 * 1/2^depth of its range is left. What has only one value is no decision, and a parameter takes part once it
 * is known to be active. */
#ifndef TUNE_DECISIONS_H
#define TUNE_DECISIONS_H

#include "tune/tuner.h"

#define DECISIONS_ROOM 4 /* doubles a parameter */

struct decisions {
    const struct space *space;
    int depth; /* halvings of a parameter at most */
    int param; /* whose decision is next; -1 none */
    /* parts of the caller's room, space->n each: values so far; what is left of an ordered parameter: ranks
     * lo..hi - 1 of a lattice, u of a continuous one; halvings, or SETTLED */
    double *dna, *lo, *hi, *halvings;
};

/* room: DECISIONS_ROOM * space->n doubles. */
void decisions_begin(struct decisions *d, const struct space *s, int depth, double *room);
/* The same state in another room. */
void decisions_copy(struct decisions *to, const struct decisions *from, double *room);
/* Branches of the next decision, 0 when all is decided (dna is canonical then). d->param: whose it is. */
int decisions_next(struct decisions *d);
/* The branch that leads to this configuration. */
int decisions_branch(const struct decisions *d, const double *dna);
/* Takes a branch. When that settles a parameter, its value is the one in `like`, or a draw from what is left
 * (like NULL). */
void decisions_take(struct decisions *d, int branch, const double *like, struct rng *rng);
/* Draws all that is left from the prior; dna is canonical then. */
void decisions_finish(struct decisions *d, struct rng *rng);

#endif
