/* curve_fit: learning curves and where they lead: parametric families fitted by least squares, weighted by how well they explain
 * the curve. Pure; the starts of the fits are fixed, so there is no chance in it. */
#ifndef TUNE_CURVE_FIT_H
#define TUNE_CURVE_FIT_H

#include <stdbool.h>

/* FAMILY(enumerator, "name", parameters). t > 0 counts from the beginning of the curve. */
#define CURVE_FAMILIES(FAMILY)                                                                                         \
    FAMILY(POW3, "pow3", 3)           /* c + a t^-alpha */                                                             \
    FAMILY(POW4, "pow4", 4)           /* c + (a t + b)^-alpha */                                                       \
    FAMILY(EXPONENTIAL, "exp", 3)     /* c + a exp(-b t) */                                                            \
    FAMILY(JANOSCHEK, "janoschek", 4) /* c + a exp(-k t^d) */                                                          \
    FAMILY(LOG, "log", 2)             /* c - a ln t */

enum curve_family {
#define CURVE_ENUM(e, name, k) CURVE_##e,
    CURVE_FAMILIES(CURVE_ENUM)
#undef CURVE_ENUM
        CURVE_COUNT
};

struct curve_fit {
    enum curve_family family;
    double p[4];       /* transformed: see curve_value */
    double sse, bic;
    double residual;   /* standard deviation of the residuals, corrected for the parameters */
    double weight;     /* share of exp(-BIC / 2) among the families */
};

int curve_parameters(enum curve_family f);
const char *curve_name(enum curve_family f);
double curve_value(enum curve_family f, const double *p, double t);
/* Best fit of one family to n points (t ascending, positive). False when there are not more points than parameters. */
bool curve_fit(enum curve_family f, const double *t, const double *y, int n, struct curve_fit *out);
/* All families that can be fitted, weighted; returns how many. */
int curve_fit_all(const double *t, const double *y, int n, struct curve_fit out[CURVE_COUNT]);
/* Mean and standard deviation of y at t: residuals and disagreement between families together. */
void curve_predict(const struct curve_fit *fits, int n, double t, double *mean, double *sd);

#endif
