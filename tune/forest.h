/* forest: regression by a random forest (L. Breiman, "Random Forests", Machine Learning 2001) on
 * configurations: for spaces that a Gaussian process does not suit, and for importance, which needs functions
 * that are constant on boxes.
 *
 * A feature is a parameter that varies: numbers and ordinals as their place in [0,1], a categorical one as
 * its choice (split into any two sets; with more than FOREST_LABELS choices by its number). An inactive
 * parameter counts as 0.5, or as the first choice. Deterministic from its seed; time grows with trees x
 * points x depth, because values are sorted into at most FOREST_BINS bins once. */
#ifndef TUNE_FOREST_H
#define TUNE_FOREST_H

#include <stdbool.h>
#include <stdint.h>

#include "tune/space.h"

#define FOREST_LABELS 64
#define FOREST_BINS   64

struct forest_feature {
    int param;
    bool labels;
    int codes;    /* labels: choices; numbers: bins */
    double *cuts; /* numbers: codes - 1 of them, ascending; code k holds cuts[k-1] < x <= cuts[k] */
};

struct forest_node {
    int feature;       /* -1: a leaf */
    double cut;        /* numbers: left when x <= cut */
    uint64_t left_set; /* labels: left when the choice's bit is set */
    int left, right;
    double value; /* mean of the points inside */
};

struct forest_tree {
    struct forest_node *nodes; /* the root first */
    int n;
};

struct forest {
    struct forest_feature *features;
    int n_features, dims;
    struct forest_tree *trees;
    int n_trees;
    double r2; /* out of bag; NaN unknown */
};

struct forest_options {
    int trees;
    int leaf; /* fewest points in a leaf */
    uint64_t seed;
};

/* n >= 1 canonical configurations (n x s->n) and their outputs. The space is not kept. */
struct forest *forest_new(const struct space *s, const double *dna, const double *y, int n,
                          const struct forest_options *o);
void forest_free(struct forest *f);
/* Feature values of a configuration, f->n_features of them. */
void forest_point(const struct forest *f, const struct space *s, const double *dna, double *x);
double forest_tree_at(const struct forest *f, const struct forest_tree *t, const double *x);
/* Mean over the trees and the deviation between them (NULL: not wanted). */
double forest_at(const struct forest *f, const double *x, double *deviation);

#endif
