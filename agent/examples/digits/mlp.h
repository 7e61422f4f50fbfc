/* mlp: a perceptron with one hidden layer (ReLU, inverted dropout) and softmax cross-entropy. All weights in one flat vector. */
#ifndef DIGITS_MLP_H
#define DIGITS_MLP_H

#include <stddef.h>

#include "base/rng.h"
#include "data.h"

struct mlp {
    int hidden;
    size_t n;       /* weights in all */
    double *w, *g;  /* weights, and the gradient of the last batch */
    double *h, *mask;
};

int mlp_init(struct mlp *net, int hidden, struct rng *rng); /* He initialisation; -1 when memory is short */
void mlp_release(struct mlp *net);
/* Mean loss and its gradient (into net->g) over the batch of n rows picked by index. */
double mlp_gradient(struct mlp *net, const struct digits *d, const int *index, int n, double dropout, struct rng *rng);
/* Share of wrongly classified images; the mean loss goes to *loss. */
double mlp_error(struct mlp *net, const struct digits *d, double *loss);

#endif
