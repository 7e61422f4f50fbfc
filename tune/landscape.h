/* landscape: pictures of a loss over one or two parameters of a space: where the others are held, and what
 * stands in each cell.
 *
 * An axis runs from 0 to 1 along a parameter, in its own scale; cell k of n covers k/n..(k+1)/n and is
 * computed at its middle. A choice k of n lies at (k + 0.5) / n. Values are losses. Nothing is kept; the work
 * of one picture is bounded by LANDSCAPE_CELLS evaluations of the model (and LANDSCAPE_PARTIAL_CELLS x
 * LANDSCAPE_BACKGROUND for partial dependence), whatever its size: a larger one is computed on a coarser
 * lattice and interpolated. */
#ifndef TUNE_LANDSCAPE_H
#define TUNE_LANDSCAPE_H

#include "tune/surrogate.h"

#define LANDSCAPE_COLUMNS       512
#define LANDSCAPE_ROWS          256
#define LANDSCAPE_CELLS         6144
#define LANDSCAPE_PARTIAL_CELLS 384
#define LANDSCAPE_BACKGROUND    32 /* settings of the other parameters that are averaged over */

enum landscape_scale { SCALE_LINEAR, SCALE_LOG, SCALE_RLOG, SCALE_CHOICES };

struct landscape_axis {
    const struct param *param;
    int at; /* index of the parameter */
    enum landscape_scale scale;
    double low, high; /* values at 0 and 1 (choices: 0 and their number) */
};

/* The whole range of parameter i; of an unbounded prior the middle 99 %, widened to the trials there are (h
 * may be NULL). */
struct landscape_axis landscape_axis(const struct space *s, int i, const struct history *h);
const char *landscape_scale_name(enum landscape_scale scale);
double axis_place(const struct landscape_axis *a, double dna);  /* 0..1, clamped; NaN stays */
double axis_dna(const struct landscape_axis *a, double place);  /* not snapped; choices: their number */
double axis_of_value(const struct landscape_axis *a, double x); /* of a number, clamped */

enum landscape_hold { HOLD_BEST, HOLD_TYPICAL };
/* Where the parameters beside x and y are held: at the best trial that has them (HOLD_BEST), or each at its
 * median or most frequent value (HOLD_TYPICAL); then parents are set so that x and y (-1: none) are there,
 * unless keep[] says that a parent is given (NULL: none is). Canonical into dna. False: no trial has ended
 * with a value; dna is then the middle of the space. */
bool landscape_hold(const struct space *s, const struct history *h, enum landscape_hold how, int x, int y,
                    double *dna);
void landscape_activate(const struct space *s, int x, int y, const bool *keep, double *dna);

/* n values, one a configuration. */
typedef int landscape_score(void *self, const double *dna, int n, double *out);

struct landscape_grid {
    struct landscape_axis x, y;
    bool slice; /* only x; rows is 1 */
    int columns, rows;
    const double *held;
};
/* row 0 is the lowest y; NaN unknown, or where x or y is not there. */
void landscape_mean(const struct landscape_grid *g, const struct space *s, const struct surrogate *m,
                    float *z);
void landscape_deviation(const struct landscape_grid *g, const struct space *s, const struct surrogate *m,
                         float *z);
/* Mean loss of the trials that lie in a cell, whatever their other parameters are. */
void landscape_observed(const struct landscape_grid *g, const struct history *h, float *z);
/* Mean over configurations spread over the space (Sobol points) instead of one that is held. */
void landscape_partial(const struct landscape_grid *g, const struct space *s, const struct surrogate *m,
                       float *z);
/* Any score; the cells where it fails are NaN. */
void landscape_score_cells(const struct landscape_grid *g, const struct space *s, landscape_score *score,
                           void *self, float *z);

#endif
