/* predictors: a family of cheap regressions that are good at different things: nearest neighbours of several
 * widths, a linear and a quadratic ridge. None is trusted: whoever uses them lets calibration choose.
 * Pure; inputs are scaled inside. */
#ifndef TUNE_PREDICTORS_H
#define TUNE_PREDICTORS_H

#define PREDICTORS 6

struct predictors;

/* Fits all on n rows of d inputs (row by row) and n outputs, all finite; n >= 2, d >= 1. */
struct predictors *predictors_fit(const double *x, const double *y, int n, int d);
void predictors_free(struct predictors *p);
const char *predictors_name(int model);
/* Of one row of d inputs. */
double predictors_predict(const struct predictors *p, int model, const double *x);

#endif
