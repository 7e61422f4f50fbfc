/* bracket: the plan of successive halving and Hyperband: how many trials start at which budget, how many go on, and the book
 * that keeps who is where. Shared by successive_halving, hyperband, bohb and dehb (the plan alone).
 *
 * A bracket is a row of stages with growing budgets and shrinking numbers of trials; a stage is complete when every one of its
 * trials has its loss (infinity for a failure), and then the best go on to the next. Nothing changes while a slot is being
 * offered; only what has begun and what was told does, so that the book can be rebuilt from those alone. */
#ifndef TUNE_BRACKET_H
#define TUNE_BRACKET_H

#include "tune/rungs.h"
#include "tune/tuner.h"

#define STAGES_MAX 24

struct bracket_plan {
    double eta, min, max; /* budgets in steps: the smallest, the largest */
    bool ceil;            /* n0 = ceil(S / (s + 1) eta^s) as in the paper; else floor(floor(S / (s + 1)) eta^s), HpBandSter's */
    int stages;           /* S; filled by bracket_plan_check */
};

int bracket_plan_check(struct bracket_plan *p, const char *who, char **cause); /* 0, or -1 and a cause */
double bracket_budget(const struct bracket_plan *p, int level);                /* level 0 .. stages-1; rounded up to whole steps */
/* Trials in the stages of a bracket with s promotions: n[0..s]. */
void bracket_sizes(const struct bracket_plan *p, int s, int n[STAGES_MAX]);

struct bracket_slot {
    int trial;
    bool started, reported;
    double loss;
};

struct bracket {
    int s, stage;  /* promotions in all; stage that is being worked on; s + 1: over */
    int n[STAGES_MAX];
    struct bracket_slot *slots; /* of this stage: n_slots of n[stage] so far */
    int n_slots;
};

struct brackets {
    struct bracket_plan plan;
    bool same;      /* every bracket has the most stages (successive halving) */
    int64_t most;   /* brackets in all, 0 no end */
    int first;      /* n[0] of every bracket, 0 as planned */
    struct bracket *b;
    int n;
    int open;       /* all brackets below are over */
    struct rungs ladder; /* rung = level */
    int *of;        /* trial -> bracket, -1 none */
    int n_of;
};

void brackets_init(struct brackets *k); /* plan (checked), same, most, first are filled in */
void brackets_release(struct brackets *k);
/* The slots of struct tuner_ops. */
enum tuner_offer brackets_offer(const struct brackets *k, const struct tuner_env *env, struct proposal *out);
void brackets_begun(struct brackets *k, const struct tuner_env *env, int trial, const struct proposal *p);
void brackets_judge(struct brackets *k, const struct tuner_env *env, const struct observation *ob, struct tell_result *out);
void brackets_learn(struct brackets *k, const struct tuner_env *env, const struct observation *ob);
bool brackets_holds(const struct brackets *k, int trial);
int brackets_rows(const struct brackets *k, struct rung_row *rows, int max);
void brackets_describe(const struct brackets *k, char *out, size_t cap);
void brackets_pack(const struct brackets *k, struct buf *out);
/* Into an initialised one, of a history of so many trials; -1 damaged. */
int brackets_unpack(struct brackets *k, int trials, struct unpack *in);

#endif
