/* knots: where to sample a function of one variable so that what lies between is known: AutoKnots (S. D. P.
 * Vitenti and M. Penna-Lima, "Numerical Cosmology", 2014 and later), for slices of a landscape. quad.h does
 * it for planes.
 *
 * A pure planner: it says which places come next and takes the values; evaluating is the caller's, at once or
 * by trainers over hours. Every evaluation becomes a knot. */
#ifndef TUNE_KNOTS_H
#define TUNE_KNOTS_H

#include <stdbool.h>

struct knots_options {
    double low, high;  /* low < high; both > 0 for log_spaced */
    bool log_spaced;   /* knots and middles geometric */
    double rel, scale; /* a bin is done when its middle and its integral are within rel (|y| + scale) of the
                          spline's */
    int most;          /* knots; reached: `full` */
    int refine;        /* extra rounds for bins much wider than the others (what looks like a plateau) */
    double refine_ns;  /* how much wider: standard deviations above the mean width */
};
struct knots_options knots_options(double low, double high, double rel, double scale);

enum knots_state {
    KNOTS_MORE,
    KNOTS_DONE,
    KNOTS_FULL,
    KNOTS_BROKEN /* bins at the end of double precision: discontinuous */
};

struct knots {
    struct knots_options o;
    int n, cap;
    double *x, *y, *m; /* ascending; m: second derivatives of the not-a-knot cubic spline */
    bool *ok;          /* of the bin right of each knot: never tested again */
    int n_next;
    double *next; /* places to evaluate in this round, ascending */
    enum knots_state state;
};

void knots_init(struct knots *k, const struct knots_options *o);
void knots_release(struct knots *k);
/* The places of the round, k->next[0..n_next), were evaluated; y in their order. Returns the state: with
 * KNOTS_MORE there is another round. */
enum knots_state knots_tell(struct knots *k, const double *y);
double knots_at(const struct knots *k, double x); /* the spline */
/* The spline through n >= 3 points that the caller has (n < 4: the parabola): second derivatives into m. */
void spline_fit(const double *x, const double *y, int n, double *m);
double spline_at(const double *x, const double *y, const double *m, int n, double at);

#endif
