/* pareto: several losses at once: who dominates whom, how much space a set dominates. All losses are minimised and finite;
 * point i is the m numbers at x + i * m. */
#ifndef TUNE_PARETO_H
#define TUNE_PARETO_H

#include <stdbool.h>

bool pareto_dominates(const double *a, const double *b, int m); /* nowhere worse, somewhere better */
/* front[i] = 0 for what nothing dominates, 1 for what nothing but those dominates, ... Returns how many fronts. */
int pareto_fronts(const double *x, int n, int m, int *front);
/* How alone each of n points (of one front) stands: INFINITY at the ends. */
void pareto_crowding(const double *x, int n, int m, double *out);
/* Volume between the points and the reference; points that are not better than it everywhere add nothing. */
double pareto_volume(const double *x, int n, int m, const double *reference);
/* Where none is given: the worst value of each loss, moved away by a tenth (1.1 worst, 0.9 worst when it is negative). */
void pareto_reference(const double *x, int n, int m, double *out);
/* Greedy choice of k of n points with a large volume together: chosen[0..k), in the order of choice. */
void pareto_choose(const double *x, int n, int m, const double *reference, int k, int *chosen);

#endif
