/* genes: a configuration as a point of the unit cube, for algorithms that add and subtract configurations
 * (differential evolution, particle swarms), and what all population searches share.
 *
 * One gene a parameter: numbers are their u; a choice is any point of its share of [0,1] (equal shares, or
 * its prior's weights); an inactive parameter keeps a gene that waits until it becomes active. */
#ifndef TUNE_GENES_H
#define TUNE_GENES_H

#include "tune/tuner.h"

/* x gets space->n genes; those of inactive parameters are drawn. */
void genes_from(const struct space *s, const double *dna, struct rng *rng, double *x);
/* The canonical configuration of any x; genes outside [0,1] count as the bound. */
void genes_to(const struct space *s, const double *x, double *dna);
/* Leaves x when it stands for dna, else makes it do so. */
void genes_match(const struct space *s, const double *dna, struct rng *rng, double *x);
int genes_varying(const struct space *s); /* parameters with more than one value */
/* A size for populations: `given`, or if that is 0 `each` members a parameter, within least..most and a tenth
 * of the budget. */
int genes_population(const struct tuner_env *env, double given, int each, int least, int most);

/* One decision of dna changed: a number by about `scale`, a choice to another one; what becomes active is
 * drawn. */
void genes_mutate(const struct tuner_env *env, const double *dna, double scale, double *out);

/* Asks `make` for configurations until one comes that the steering lets through and that nobody has tried; a
 * tried one is taken when no other comes, and a draw from the prior when none is allowed. 0 made, 1 drawn, -1
 * nothing is allowed. */
int genes_breed(const struct tuner_env *env,
                void (*make)(void *self, const struct tuner_env *env, double *dna), void *self, double *dna);

/* Proposals whose results are awaited: which place in a population each belongs to, and its genes. */
struct flight {
    int trial, place;
};
struct flights {
    struct flight *list;
    double *x; /* n x dims */
    int n, cap, dims;
};
void flights_release(struct flights *f);
void flights_put(struct flights *f, int trial, int place,
                 const double *x); /* replaces an older entry of the trial */
/* Takes the trial's entry out. False: there is none. */
bool flights_take(struct flights *f, int trial, int *place, double *x);
bool flights_hold(const struct flights *f, int place);
void flights_pack(const struct flights *f, struct buf *out);
void flights_unpack(struct flights *f, int places, struct unpack *in); /* sets in->bad when damaged */

#endif
