/* surrogate: a model of the loss over a space, fitted to a history, for looking at: what maps, slices, basins
 * and partial dependence are computed from. Algorithms that search have models of their own.
 *
 * A Gaussian process on at most SURROGATE_POINTS trials (the best, the latest, and the rest thinned evenly),
 * or a random forest where that explains trials it has not seen better: many trials, many labels, more
 * parameters than a process can use. Means and deviations are losses in the loss's own unit, whatever the
 * model was fitted to.
 *
 * Pure and deterministic: the same space and history give the same numbers. The work is bounded whatever the
 * size of the history: a fit is SURROGATE_EVALS likelihoods of SURROGATE_FIT points, twice, and a factor of
 * SURROGATE_POINTS. */
#ifndef TUNE_SURROGATE_H
#define TUNE_SURROGATE_H

#include "tune/history.h"
#include "tune/space.h"

#define SURROGATE_LEAST  5   /* values without which there is nothing to fit */
#define SURROGATE_POINTS 240 /* trials a process predicts from */
#define SURROGATE_FIT    80  /* trials its hyperparameters are fitted to */
#define SURROGATE_EVALS  24

struct surrogate;

/* The space is borrowed and must outlive the model; the history is not kept. NULL and a cause in words for
 * people when there are too few values, or nothing varies. */
struct surrogate *surrogate_new(const struct space *s, const struct history *h, char **cause);
void surrogate_free(struct surrogate *m);

/* At n canonical configurations (n x space->n): expected loss, and its deviation without noise (NULL: not
 * wanted). */
void surrogate_predict(const struct surrogate *m, const double *dna, int n, double *mean, double *deviation);
/* Expected improvement on the best loss so far, in losses. */
void surrogate_improvement(const struct surrogate *m, const double *dna, int n, double *out);

struct surrogate_fit {
    const char *kind; /* "Gaussian process", "random forest" */
    int used, seen;   /* trials it stands on; trials that have ended */
    double r2;        /* of predictions for trials left out, on the scale of the fit; NaN unknown */
    double noise;     /* deviation of repeats around the best quarter, in losses */
};
struct surrogate_fit surrogate_about(const struct surrogate *m);

#endif
