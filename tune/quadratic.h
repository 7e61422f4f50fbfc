/* quadratic: how a landscape looks near its optimum: a quadratic by least squares, whether it is a bowl, and
 * how much of the picture is about as good as the best (the plateau). */
#ifndef TUNE_QUADRATIC_H
#define TUNE_QUADRATIC_H

#include <stdbool.h>

struct quadratic { /* f(x, y) = c0 + c1 x + c2 y + c3 x^2 + c4 x y + c5 y^2 */
    double c[6];
    double x, y, value; /* its stationary point; NaN: there is none */
    bool convex;        /* the form c3, c4, c5 is positive definite */
    double r2;          /* of the points it was fitted to; NaN when they are all equal */
    int n;
};

/* To n >= 6 points. False: the points do not determine one (fewer, or on a line or conic). */
bool quadratic_fit(const double *x, const double *y, const double *z, int n, struct quadratic *out);
/* To the best tenth (at least 12) of the cells of a picture, rows x columns row by row, NaN unknown, x and y
 * from 0 to 1 across it. */
bool quadratic_near(const double *z, int rows, int columns, struct quadratic *out);
/* Share of the known values within `tolerance` of the least; NaN none is known. */
double plateau_share(const double *z, int n, double tolerance);

#endif
