/* Every algorithm, in the order in which help and manual show them. Adding one touches this file only. */
#include <string.h>

#include "tune/tuner.h"

/* TUNER(symbol): const struct tuner_ops tuner_SYMBOL */
#define TUNERS(TUNER)                                                                                                   \
    TUNER(auto)                                                                                                        \
    TUNER(random)                                                                                                      \
    TUNER(tpe)                                                                                                         \
    TUNER(cmaes)                                                                                                       \
    TUNER(sobol)                                                                                                       \
    TUNER(halton)                                                                                                      \
    TUNER(grid)                                                                                                        \
    TUNER(gp)                                                                                                          \
    TUNER(hoo)                                                                                                         \
    TUNER(stosoo)                                                                                                      \
    TUNER(de)                                                                                                          \
    TUNER(pso)                                                                                                         \
    TUNER(ga)                                                                                                          \
    TUNER(evolution)                                                                                                   \
    TUNER(uct)                                                                                                         \
    TUNER(gradual)                                                                                                     \
    TUNER(thompson)                                                                                                    \
    TUNER(ucb1)                                                                                                        \
    TUNER(ucb_tuned)                                                                                                   \
    TUNER(kl_ucb)                                                                                                      \
    TUNER(ucb_discounted)                                                                                              \
    TUNER(ucb_sliding)                                                                                                 \
    TUNER(elimination)                                                                                                 \
    TUNER(tsallis)                                                                                                     \
    TUNER(tsallis_rv)                                                                                                  \
    TUNER(exp3)                                                                                                        \
    TUNER(exp3_ix)                                                                                                     \
    TUNER(linucb)                                                                                                      \
    TUNER(tsallis_cb)                                                                                                  \
    TUNER(chebcb)                                                                                                      \
    TUNER(nsga2)                                                                                                       \
    TUNER(motpe)                                                                                                       \
    TUNER(parego)                                                                                                      \
    TUNER(bohb)                                                                                                        \
    TUNER(dehb)                                                                                                        \
    TUNER(pbt)                                                                                                         \
    TUNER(pb2)                                                                                                         \
    TUNER(asha)                                                                                                        \
    TUNER(successive_halving)                                                                                          \
    TUNER(hyperband)                                                                                                   \
    TUNER(hyperband_stop)                                                                                              \
    TUNER(median)                                                                                                      \
    TUNER(percentile)                                                                                                  \
    TUNER(lcurve)

#define TUNER_EXTERN(symbol) extern const struct tuner_ops tuner_##symbol;
TUNERS(TUNER_EXTERN)
#undef TUNER_EXTERN

#define TUNER_ROW(symbol) &tuner_##symbol,
const struct tuner_ops *const tuner_list[] = {TUNERS(TUNER_ROW) NULL};
#undef TUNER_ROW

const struct tuner_ops *tuner_find(const char *name)
{
    for (int i = 0; tuner_list[i]; i++)
        if (!strcmp(tuner_list[i]->name, name))
            return tuner_list[i];
    return NULL;
}

bool tuner_is_stopper(const struct tuner_ops *ops)
{
    return ops->judge && !ops->propose;
}
