/* draw: a configuration from the prior that honours every ban, pin and boost. What the random search is, what
 * bandits do within an arm, and what every other algorithm falls back on. */
#ifndef TUNE_DRAW_H
#define TUNE_DRAW_H

#include "tune/tuner.h"

/* Into dna, inside `within` (NULL: the whole space) and inside the pin. -1: found nothing that is allowed. */
int draw_prior(const struct tuner_env *env, const struct region *within, double *dna);
/* Whether a configuration that came from elsewhere may be proposed: allowed, and kept by the thinning that
 * honours boosts. */
bool draw_keeps(const struct tuner_env *env, const double *dna);
/* dna entry of a uniform u under the parameter's prior. */
double draw_place(const struct param *p, double u);

#endif
