/* tuner_state: what is inside a tuner. For the files tuner*.c alone. */
#ifndef TUNE_TUNER_STATE_H
#define TUNE_TUNER_STATE_H

#include "tune/arms.h"
#include "tune/tuner.h"

#define OPTIONS_MAX 32 /* of an algorithm */

struct part { /* the sampler or the stopper */
    const struct tuner_ops *ops;
    void *self;
    struct tuner_kv *kv; /* own copy */
    double values[OPTIONS_MAX];
};

struct tuner {
    struct space *space;
    struct history history;
    struct steering steer;
    struct rng rng;
    struct part sampler, stopper; /* stopper.ops NULL: none */
    /* how people see a sampler without arms; NULL when it has some, or none can be made */
    struct arms *regions;
    double *context; /* of the next asks; NULL none */
    int n_context;
    bool maximize;
    int64_t budget;
};

/* Who decides how long trials train: the stopper, or a sampler that does it itself; NULL nobody. */
struct part *tuner_judge(struct tuner *t);
/* -1 and a cause when both would. */
int tuner_one_judge(const struct part *sampler, const struct part *stopper, char **cause);

struct tuner_env tuner_env(const struct tuner *t, const struct part *p);
/* Finds the algorithm and checks its options; makes no state yet. */
int part_choose(struct part *p, const char *name, bool sampler, const struct tuner_kv *kv, char **cause);
int part_make(struct tuner *t, struct part *p, char **cause);
void part_release(struct part *p);
/* After the sampler or the space has changed. */
void tuner_cut_regions(struct tuner *t);

#endif
