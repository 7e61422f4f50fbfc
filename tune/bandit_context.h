/* bandit_context: what the contextual policies know beside their arms. Internal to bandit*.c.
 *
 * All that is learned is one block of doubles, allocated once, so it is dumped as it is. */
#ifndef TUNE_BANDIT_CONTEXT_H
#define TUNE_BANDIT_CONTEXT_H

#include "tune/bandit.h"

/* One bin of TSALLIS_CB: a bandit of its own. */
struct side_bin {
    double rounds, learned, total, root, rate;
};

struct bandit_side {
    enum bandit_algorithm algorithm;
    struct bandit_context as;
    int arms, n; /* n: features */
    int bin;     /* of the context looked at last */
    double *x;   /* its features */
    size_t size; /* doubles in block */
    double *block;
    /* parts of the block */
    struct side_bin *bins;
    double *estimate; /* bins x arms */
    /* regressions, one an arm: CHEB_CB the Gram matrix, LINUCB the inverse of I + sum x x' */
    double *gram, *cross, *theta, *squares, *rest, *plays;
    double *tally; /* CHEB_CB: sums of prediction^2, prediction * loss, loss^2; unforced plays; the scale of
                      the fits */
    double *work;  /* scratch, not dumped */
};

void side_free(struct bandit_side *s);
void side_clear(struct bandit_side *s);
void side_look(struct bandit *b, const double *context, int n);
/* Fills b->p for the context looked at. */
void side_policy(struct bandit *b);
/* x: cost - low of an arm under the context looked at; p: its propensity, 0 when it was forced. After the
 * counts. */
void side_learn(struct bandit *b, int arm, double x, double p);
void side_observe(struct bandit *b, int arm, double x);
size_t side_size(const struct bandit_side *s);
void side_dump(const struct bandit_side *s, uint8_t *out);
int side_load(struct bandit *b, const uint8_t *p, size_t n);

/* The smallest theta that minimises theta' G theta - 2 g' theta (G n x n, positive semidefinite): by
 * elimination where G is regular, else from its eigenvectors. work: 2 n n doubles. */
void side_least_squares(const double *G, const double *g, int n, double *theta, double *work);
/* The same within |theta_i| <= bound_i, by coordinate descent from theta. */
void side_boxed(const double *G, const double *g, int n, const double *bound, double *theta);

#endif
