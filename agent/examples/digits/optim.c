/* The update rules.
 *
 * SGD and momentum (Polyak, 0.9); Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019);
 * EXAdam (Adhikary 2024, first version of the paper: cross-moment debiasing, the gradient's own debiased term, and a
 * step size that grows as ln(sqrt(2) sqrt(t + 1))). */
#include "optim.h"

#include <math.h>
#include <stdlib.h>

const char *const optim_names[4] = {"sgd", "momentum", "adam", "exadam"};

static const double BETA1 = 0.9, BETA2 = 0.999, EPS = 1e-8, POLYAK = 0.9;

int optim_init(struct optim *o, enum optim_rule rule, size_t n)
{
    *o = (struct optim){.rule = rule, .n = n};
    if (rule == OPTIM_SGD)
        return 0;
    o->m = calloc(n, sizeof *o->m);
    o->v = rule == OPTIM_MOMENTUM ? NULL : calloc(n, sizeof *o->v);
    if (o->m && (o->v || rule == OPTIM_MOMENTUM))
        return 0;
    optim_release(o);
    return -1;
}

void optim_release(struct optim *o)
{
    free(o->m);
    free(o->v);
    o->m = o->v = NULL;
}

static void step_adam(struct optim *o, double *w, const double *g, double lr)
{
    double c1 = 1 - pow(BETA1, (double)o->t), c2 = 1 - pow(BETA2, (double)o->t);
    for (size_t i = 0; i < o->n; i++) {
        o->m[i] = BETA1 * o->m[i] + (1 - BETA1) * g[i];
        o->v[i] = BETA2 * o->v[i] + (1 - BETA2) * g[i] * g[i];
        w[i] -= lr * (o->m[i] / c1) / (sqrt(o->v[i] / c2) + EPS);
    }
}

static void step_exadam(struct optim *o, double *w, const double *g, double lr)
{
    double b1t = pow(BETA1, (double)o->t), b2t = pow(BETA2, (double)o->t);
    double rate = lr * log(sqrt(2) * sqrt((double)o->t + 1));
    for (size_t i = 0; i < o->n; i++) {
        double m = o->m[i] = BETA1 * o->m[i] + (1 - BETA1) * g[i];
        double v = o->v[i] = BETA2 * o->v[i] + (1 - BETA2) * g[i] * g[i];
        double d1 = 1 + v / (v + EPS) * b2t, d2 = 1 + m * m / (m * m + EPS) * b1t;
        double mt = m / (1 - b1t) * d1, vt = v / (1 - b2t) * d2, gt = g[i] / (1 - b1t) * d1;
        w[i] -= rate * (mt + gt) / (sqrt(vt) + EPS);
    }
}

void optim_step(struct optim *o, double *w, const double *g, double lr, double weight_decay)
{
    o->t++;
    if (weight_decay > 0)
        for (size_t i = 0; i < o->n; i++)
            w[i] -= lr * weight_decay * w[i];
    switch (o->rule) {
    case OPTIM_SGD:
        for (size_t i = 0; i < o->n; i++)
            w[i] -= lr * g[i];
        break;
    case OPTIM_MOMENTUM:
        for (size_t i = 0; i < o->n; i++)
            w[i] -= lr * (o->m[i] = POLYAK * o->m[i] + g[i]);
        break;
    case OPTIM_ADAM: step_adam(o, w, g, lr); break;
    case OPTIM_EXADAM: step_exadam(o, w, g, lr); break;
    }
}
