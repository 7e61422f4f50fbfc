/* quantile: distribution functions and their inverses, for priors and for models. Pure functions of
 * doubles. */
#ifndef TUNE_QUANTILE_H
#define TUNE_QUANTILE_H

double normal_density(double z);
double normal_below(double z);          /* P(N <= z) */
double normal_quantile(double p);       /* its inverse; -inf at 0, inf at 1; relative error about 1e-15 */
double beta_below(double x, double a, double b);    /* regularised incomplete beta function */
double beta_quantile(double p, double a, double b); /* its inverse */

#endif
