/* cma: the covariance matrix adaptation evolution strategy on [0,1]^n, by ask and tell in any order. What
 * search_cmaes samples with.
 *
 * State is a mean, a step, a covariance and two paths; a generation is `lambda` told points. Points may be
 * told in any order, also late ones of earlier generations: they are measured from the current mean. */
#ifndef TUNE_CMA_H
#define TUNE_CMA_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/rng.h"
#include "tune/pack.h"

struct cma {
    int n, lambda, mu;
    int64_t generation;
    double sigma, mu_eff, c1, cmu, cs, ds, cc, chi;
    double *weight;         /* lambda, the negative ones included */
    double *mean, *ps, *pc; /* n */
    double *cov;            /* n x n */
    double *axes, *scale;   /* eigenvectors (columns) and roots of the eigenvalues of cov */
    int told;               /* points of this generation so far */
    double *point, *loss;   /* lambda x n, lambda */
};

void cma_init(struct cma *c, int n, int lambda, double sigma, const double *mean);
void cma_release(struct cma *c);
/* A point inside the cube. */
void cma_sample(const struct cma *c, struct rng *rng, double *x);
/* Takes in a point; true when that completed a generation. */
bool cma_tell(struct cma *c, const double *x, double loss);
/* Standard deviation along coordinate i. */
double cma_spread(const struct cma *c, int i);
/* Raises the standard deviation of coordinate i to at least this, so that a lattice is not frozen on one
 * value. */
void cma_floor(struct cma *c, int i, double spread);
/* Nothing left to learn: flat losses, a tiny step or a degenerate covariance. */
bool cma_stuck(const struct cma *c);
void cma_pack(const struct cma *c, struct buf *out);
int cma_unpack(struct cma *c, int n, struct unpack *in); /* into a fresh struct; -1 damaged */

#endif
