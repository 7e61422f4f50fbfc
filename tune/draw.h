/* draw: a configuration from the prior that honours every ban, pin and boost. What the random search is, what bandits do within an arm,
 * and what every other algorithm falls back on. */
#ifndef TUNE_DRAW_H
#define TUNE_DRAW_H

#include "tune/tuner.h"

/* Into dna, inside `within` (NULL: the whole space) and inside the pin. -1: found nothing that is allowed. */
int draw_prior(const struct tuner_env *env, const struct region *within, double *dna);

#endif
