/* gp_known: what the Gaussian-process search learns from: a bounded choice of the history as points and outputs, with the
 * trials of warm starts moved to the level and scale of this sweep's losses. */
#ifndef TUNE_GP_KNOWN_H
#define TUNE_GP_KNOWN_H

#include "tune/gp_space.h"
#include "tune/history.h"

struct gp_known {
    int n, n_pending, coords;
    double *x, *loss, *y; /* n observations: coordinates, losses (NaN failed), outputs */
    int *source;          /* of each: 0 this sweep, else a warm start */
    double *pending;      /* coordinates */
};

/* At most `most` observations: the best, the latest, and of the rest every k-th. theta is what the models of warm starts are built
 * with. Release with gp_known_release. */
void gp_known_gather(struct gp_known *k, const struct gp_space *g, const struct gp_theta *theta, const struct space *s,
                     const struct history *h, int most);
void gp_known_outputs(struct gp_known *k, enum gp_output how); /* fills y */
/* To improve on: this sweep's best output; before it has one, that of the warm starts; INFINITY none. */
double gp_known_best(const struct gp_known *k);
void gp_known_release(struct gp_known *k);

#endif
