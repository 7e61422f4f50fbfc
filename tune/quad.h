/* quad: where to sample a function of two variables: a quadtree whose cells are split where the bilinear
 * prediction inside them is wrong, coarse to fine. For loss surfaces around a trial's weights, where an
 * evaluation costs seconds to minutes.
 *
 * A pure planner, the two-dimensional sibling of knots.h: a cell is done when its centre, the middles of its
 * edges and its integral (Simpson's rule against the bilinear one) are within rel (|y| + scale) of what its
 * corners predict. Values may be told in any order and many places may be out at once. */
#ifndef TUNE_QUAD_H
#define TUNE_QUAD_H

#include <stdbool.h>

struct quad_options {
    double x0, y0, x1, y1;
    int coarse;        /* cells along each side at the start, a power of two */
    int deepest;       /* times that one of these may be halved; coarse << deepest at most 4096 */
    double rel, scale; /* integrals: times the area */
};

struct quad;
struct quad *quad_new(const struct quad_options *o);
void quad_free(struct quad *q);
/* The place to evaluate next: corners of the coarse cells from far apart to near, then inside the cell where
 * the prediction was worst. False: nothing more to ask for until values that are out are told, or, with none
 * out, at all. */
bool quad_next(struct quad *q, double *x, double *y);
/* False: the place is none of the lattice (it was never asked for), and is ignored. A value that is not
 * finite closes the cells that touch it: there is nothing to interpolate. */
bool quad_tell(struct quad *q, double x, double y, double value);
/* Bilinear in the smallest cell whose corners are known; NaN outside, or where nothing is known yet. */
double quad_at(const struct quad *q, double x, double y);
int quad_told(const struct quad *q);  /* values */
int quad_out(const struct quad *q);   /* places asked for and not told yet */
int quad_cells(const struct quad *q); /* leaves */

#endif
