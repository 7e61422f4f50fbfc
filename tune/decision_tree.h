/* decision_tree: statistics over the decisions that make a configuration (decisions.h). What tree searches
 * and the algorithms that split a space into cells have in common: a node is the set of configurations that
 * share its decisions.
 *
 * Rewards lie in [0,1], larger is better: one minus the normalised rank of a trial among those that have
 * ended, failures last; so they do not depend on the unit of the objective. They change as trials arrive, so
 * the counts are made anew from the history before each ask. */
#ifndef TUNE_DECISION_TREE_H
#define TUNE_DECISION_TREE_H

#include "tune/decisions.h"

struct tree_node {
    int param, first,
        children; /* whose decision the children differ in; the first child; children 0: a leaf */
    int parent, branch, depth;
    double sum, n, visits; /* rewards; how many; visits for bounds, running ones and boosts included */
    double bound;          /* the algorithm's */
    bool closed;           /* nothing allowed was found in it, in this ask */
};

struct decision_tree {
    struct tree_node *nodes; /* parents before children; the root is 0 */
    int n, cap;
    int dims, depth;      /* depth: halvings of an ordered parameter at most */
    int grown, cap_grown; /* trials of the history that have a place in it, see tree_recount */
    int *leaf;            /* of each of them; -1 outside the space */
    double *room, *spare; /* scratch: the decisions of a walk, and of a draw below it */
};

void tree_init(struct decision_tree *t, int dims, int depth);
void tree_release(struct decision_tree *t);
/* Gives a leaf its children; 0 when there is nothing to decide. The decisions that lead to it stand in d. */
int tree_split(struct decision_tree *t, int leaf, struct decisions *d);
/* The trials that lay in a leaf go into its children. */
void tree_settle(struct decision_tree *t, const struct tuner_env *env, int leaf);
/* Adds to all nodes on the way of a configuration; grow: the leaf it ends in is split, too. Returns that
 * leaf, -1 none. */
int tree_add(struct decision_tree *t, const struct space *s, const double *dna, const struct tree_node *add,
             bool grow);
/* Counts the history anew. grow: trials seen for the first time split the leaf they fall into, in order of
 * arrival, so that the tree is a function of the history. A running trial is a visit without a reward; a
 * boost of w makes visits 1/w. */
void tree_recount(struct decision_tree *t, const struct tuner_env *env, const double *reward, bool grow);
/* Reward of every trial, NaN for those that have not ended or lie outside. Caller frees. */
double *tree_rewards(const struct history *h);
/* The leaf that a configuration ends in. */
int tree_find(struct decision_tree *t, const struct space *s, const double *dna);
/* From the root by `pick` (a child's number, -1: none) to a leaf, with its decisions in d. -1 when a node had
 * no child to pick; it is closed then, and so the next walk avoids it. */
int tree_walk(struct decision_tree *t, const struct tuner_env *env, struct decisions *d,
              int (*pick)(void *self, const struct tuner_env *env, const struct tree_node *node), void *self);
/* An allowed configuration below d, from the prior; false when a dozen draws found none. */
bool tree_draw(struct decision_tree *t, const struct tuner_env *env, const struct decisions *d, double *dna);
/* Walks and draws until something allowed is found; false when all is closed. */
bool tree_sample(struct decision_tree *t, const struct tuner_env *env,
                 int (*pick)(void *self, const struct tuner_env *env, const struct tree_node *node),
                 void *self, double *dna);
double tree_mean(const struct tree_node *node, double otherwise);
/* The decisions that lead to a node; false when a condition rules it out. */
bool tree_reach(struct decision_tree *t, const struct space *s, int node, struct rng *rng,
                struct decisions *d);
/* Whether the prior allows this branch. */
bool tree_likely(const struct tree_node *node, const struct space *s, int branch);

#endif
