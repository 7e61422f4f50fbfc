/* gp_space: configurations as points for the Gaussian process, and losses as outputs for it.
 *
 * A number or an ordinal is one coordinate in [0,1], a categorical one is a label. A conditional parameter is
 * imputed (0.5, or a label of its own) where it is inactive; a number then has a second coordinate of the
 * same dimension that says whether it is there. Constants have none. */
#ifndef TUNE_GP_SPACE_H
#define TUNE_GP_SPACE_H

#include "tune/gp.h"
#include "tune/space.h"

struct gp_space {
    struct gp_shape shape;
    bool sources; /* the last coordinate is a label that says which warm start a point is of (0: this sweep) */
    enum gp_kind kind[2 * GP_DIMS_MAX];
    int dim[2 * GP_DIMS_MAX];
    int param[GP_DIMS_MAX]; /* of each dimension */
};

/* -1 and a cause: more than GP_DIMS_MAX parameters that vary, or none. */
int gp_space_init(struct gp_space *g, const struct space *s, char **cause);
void gp_space_add_sources(struct gp_space *g); /* makes room for warm starts; see above */
void gp_space_point(const struct gp_space *g, const struct space *s, const double *dna, double *x); /* of this sweep */

enum gp_output { GP_STANDARD, GP_RANKS, GP_SQUASH, GP_LOG, GP_OUTPUTS };

/* Losses to outputs with mean 0 and deviation 1; monotone. NaN (a failure) becomes the worst of the others.
 *   GP_STANDARD  shifted and scaled
 *   GP_RANKS     normal scores of the ranks (ties share theirs)
 *   GP_SQUASH    linear up to well above the median, logarithmic beyond: diverged runs do not flatten what
 * matters GP_LOG       logarithm of the distance to a little below the best: what spans orders of magnitude
 * Returns the sum of log(dy/dloss) over those that are not failures, for comparing the evidence of different
 * outputs (0 for ranks, which have no derivative). */
double gp_outputs(enum gp_output how, const double *loss, int n, double *y);

#endif
