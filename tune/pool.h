/* pool: many configurations at once, for tuners that score candidates and take the best: every one of a small
 * finite space, or draws from the prior and neighbours of good points. Everything in it is canonical and
 * allowed by bans and pins. */
#ifndef TUNE_POOL_H
#define TUNE_POOL_H

#include "tune/tuner.h"

struct pool {
    int n, cap, dims;
    double *dna; /* n x dims */
};

void pool_init(struct pool *p, int dims);
void pool_release(struct pool *p);
double *pool_at(const struct pool *p, int i);
void pool_add(struct pool *p, const double *dna);
/* Every configuration, when there are at most `most`; else false and an empty pool. Not filtered by steering.
 */
bool pool_enumerate(struct pool *p, const struct space *s, int most);
/* n draws from the prior, as steered (fewer when hardly anything is allowed). */
void pool_draw(struct pool *p, const struct tuner_env *env, int n);
/* Another value of one parameter: dna entry `at` moved as below; and any value, for one that becomes active. */
double neighbour_value(const struct param *p, double at, double scale, struct rng *rng);
double any_value(const struct param *p, struct rng *rng);
/* A neighbour: some parameters moved by about `scale` (numbers), to a near value (lattices, ordinals) or to
 * another choice. */
void neighbour(const struct tuner_env *env, const double *dna, double scale, double *out);
/* n allowed neighbours of dna (fewer when hardly any is allowed). */
void pool_neighbours(struct pool *p, const struct tuner_env *env, const double *dna, double scale, int n);
/* Whether a trial that is running or has ended (withdrawn ones apart) has this configuration. */
bool pool_tried(const struct history *h, const struct space *s, const double *dna);

#endif
