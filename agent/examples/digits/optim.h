/* optim: the update rules that the digits trainer can choose from, on flat vectors of weights.
 *
 * All take the learning rate and the decoupled weight decay of this very step, so both can change while training runs. */
#ifndef DIGITS_OPTIM_H
#define DIGITS_OPTIM_H

#include <stddef.h>

enum optim_rule { OPTIM_SGD, OPTIM_MOMENTUM, OPTIM_ADAM, OPTIM_EXADAM };
extern const char *const optim_names[4]; /* by rule */

struct optim {
    enum optim_rule rule;
    size_t n;
    double *m, *v; /* first and second moment; m alone for momentum */
    long t;        /* steps taken */
};

/* 0, or -1 when memory is short. */
int optim_init(struct optim *o, enum optim_rule rule, size_t n);
void optim_release(struct optim *o);
/* One step: w -= update(g); w and g have n entries. */
void optim_step(struct optim *o, double *w, const double *g, double lr, double weight_decay);

#endif
