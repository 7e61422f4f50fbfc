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
    struct objective *objectives; /* several, names owned; NULL: one */
    int n_objectives;             /* at least 1 */
    int replicates;               /* seeds that a trial may run with; 0, 1: it runs once */
    struct space **versions;      /* by number, up to the one before the current; versions[0] is NULL */
    int n_versions;
    struct tuner_edit *edits;     /* what tuner_unsteer takes back beside the steering */
    int n_edits;
    char **news;                  /* not said yet */
    int n_news;
};

/* An edit of the space or a change of the sampler, by the token of its steering. */
struct tuner_edit {
    int64_t token;
    bool undone;
    int before, after;   /* space versions; 0: the sampler was changed */
    char *sampler;       /* before it */
    struct tuner_kv *kv; /* its options; ends with a NULL name */
};

/* Where the space is a list of candidates: the rows that a new version of the space keeps, -1 and a cause when there are none. */
int tuner_carry_list(const struct space *old, struct space *now, char **cause);
/* A proposal becomes the nearest row that was not tried yet and is allowed. Like propose: 1 when all were tried. */
int tuner_settle(struct tuner *t, struct proposal *out, char **cause);
/* Values in the user's sign as losses. */
void tuner_losses(const struct tuner *t, const double *values, double *losses);
/* An ask under focus and quota. Like propose. */
typedef int tuner_propose_fn(struct tuner *t, struct tuner_env *env, struct proposal *out, char **cause);
int tuner_propose_in_turn(struct tuner *t, struct tuner_env *env, tuner_propose_fn *propose, int64_t left,
                          struct proposal *out, char **cause);
/* Whether the slot goes to another run of a trial that is done: then true and *out is filled. can_begin: a new one could begin. */
bool tuner_replicate(struct tuner *t, bool can_begin, struct proposal *out);
/* Runs begun beside each trial's first; *open: how many of them are under way. */
int64_t tuner_repeats(const struct tuner *t, int *open);
/* The run that is under way has ended with this loss; NaN: it failed. */
void tuner_repeated(struct tuner *t, int trial, int64_t step, double loss);
/* Index of the incumbent; -1 when no trial is done. */
int tuner_incumbent(const struct tuner *t);
void tuner_say_replicates(const struct tuner *t, char *out, size_t cap);
/* A trial has ended: a focus may have to be given up. */
void tuner_review(struct tuner *t);
int tuner_edit_space(struct tuner *t, const struct steer_request *rq, int64_t *token, char **cause);
int tuner_edit_sampler(struct tuner *t, const struct steer_request *rq, int64_t *token, char **cause);
/* The edit of this token; NULL when it was steering. */
struct tuner_edit *tuner_edit_find(struct tuner *t, int64_t token);
int tuner_edit_undo(struct tuner *t, struct tuner_edit *e, char **cause);
void tuner_edits_release(struct tuner *t);
void tuner_edits_pack(const struct tuner *t, struct buf *out);
int tuner_edits_unpack(struct tuner *t, struct unpack *in);
void tuner_objectives_copy(struct tuner *t, const struct objective *o, int n);

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
