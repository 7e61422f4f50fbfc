/* bandit_policy: from what a bandit has seen to the probability of each arm. Internal to bandit*.c.
 *
 * Arms with skip[i] != 0 get probability 0; at least one arm must be left. Boosts are applied by the caller,
 * except where a policy has no probabilities to multiply (confidence bounds): there a boost of w asks for w
 * times as many pulls. */
#ifndef TUNE_BANDIT_POLICY_H
#define TUNE_BANDIT_POLICY_H

#include "tune/bandit.h"

/* Fills b->p (sums to 1) and, for the learning-rate policies, b->root and b->rate. */
void bandit_policy(struct bandit *b);
/* Scaled loss of an arm's raw sums: what one unit of cost - low is worth to this policy. */
double bandit_unit(const struct bandit *b);
/* Puts a vector over the allowed arms (in their order) into b->p, boosts applied if wanted, summing to 1. */
void bandit_spread(struct bandit *b, const double *w, bool boost);
/* All weight on the smallest score, shared by those that tie. */
void bandit_greedy(const double *score, int n, double *w);
/* P(arm has the smallest mean), by quadrature over the posteriors. heat 1: the posteriors as they are;
 * larger: as if fewer costs had been seen; 0: all on the smallest posterior mean. skip_banned: banned arms
 * take no part. */
void bandit_match(struct bandit *b, double heat, bool skip_banned, double *p);

struct bandit_posterior {
    bool beta;
    double a, b, norm; /* Beta parameters and -ln B(a, b) */
    double mean, sd;
};

/* One arm on the way up the cost axis: the probability mass passed so far. */
struct bandit_climb {
    struct bandit_posterior q;
    int arm;
    bool normal;       /* too sharp for the cells: use the normal distribution function */
    double cdf, dens;  /* at the last node */
};

#endif
