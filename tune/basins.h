/* basins: the valleys of a sampled function, by sublevel persistence in dimension 0 (H. Edelsbrunner and J.
 * Harer, "Computational Topology", 2010, chapter VII).
 *
 * As a level rises, each local minimum begins a basin; where two basins meet, the one with the higher minimum
 * ends (the elder rule) and the other goes on. What lies between is how deep the basin is as seen from the
 * way out: ripples have little of it. The basin of the least value never ends. */
#ifndef TUNE_BASINS_H
#define TUNE_BASINS_H

#include <stdbool.h>
#include <stddef.h>

struct basin {
    int low;             /* cell of its minimum */
    int pass;            /* cell where it ends; -1 never */
    double birth, death; /* values there; death INFINITY: never */
};

/* Of rows x columns cells, row by row; neighbours touch by side or corner; NaN cells are not there, so parts
 * may be cut off from each other and each have a basin that never ends. Returns how many there are and fills
 * at most max of them, those that never end first (least value first), then the most persistent. Ties between
 * equal values go to the lower cell number. rows 1: a line. */
int basins_find(const double *z, int rows, int columns, struct basin *out, int max);

#endif
