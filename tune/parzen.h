/* parzen: a mixture of product kernels around configurations, plus the prior as one more kernel: the density
 * model of TPE and BOHB.
 *
 * Numeric parameters (in quantiles of their prior) get Gaussians truncated to [0,1]; ordinals and integers of
 * few values the probability mass of their cells; categorical ones a bump on the observed choice. Where a
 * configuration lacks a parameter (its condition did not hold) its kernel says there what the prior says. */
#ifndef TUNE_PARZEN_H
#define TUNE_PARZEN_H

#include "base/rng.h"
#include "tune/space.h"

struct parzen;

struct parzen_options {
    double prior;      /* weight of the prior kernel, beside kernels of weight about 1 */
    /* a kernel reaches as far as its nearest neighbours; else one width for all, shrinking with their
     * number */
    bool neighbours;
    double width;      /* of that one width: factor on n^(-1/(d+4)) */
};

/* dna[k] for k < n are canonical configurations of s (borrowed during the call); weights NULL: equal. */
struct parzen *parzen_new(const struct space *s, const double *const *dna, const double *weights, int n,
                          const struct parzen_options *o);
void parzen_free(struct parzen *p);
void parzen_draw(const struct parzen *p, struct rng *rng, double *dna); /* canonical */
/* ln density of a canonical configuration */
double parzen_log(struct parzen *p, const double *dna);

#endif
