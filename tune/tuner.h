/* tuner: what to try next. The one interface behind which every algorithm stands, and the facade that the hub and
 * `hypertop tune` use.
 *
 * Pure: no I/O, no clock, no globals. The same setup, seed and sequence of ask/tell/steer calls gives the same answers; dump and
 * load in the middle change nothing. Minimisation inside: the facade negates for goal maximize. NaN and infinite
 * values are failures. Single-threaded. */
#ifndef TUNE_TUNER_H
#define TUNE_TUNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rng.h"
#include "tune/history.h"
#include "tune/space.h"
#include "tune/steer.h"

/* What an algorithm proposes. dna has space->n entries (see space.h) and is owned by the caller. */
struct proposal {
    double *dna;
    double propensity; /* probability of this arm under the policy that acted; NaN when the algorithm has none */
    int arm;           /* index of the arm pulled, -1 none */
    bool forced;       /* a person's pin chose it */
    char label[96];    /* of the arm, "" none */
    char why[160];     /* a sentence for people */
    int64_t resume;    /* >= 0: no new trial; this one, held by TELL_PAUSE before, goes on (dna is its own). -1: a new one */
    int64_t replicate; /* >= 0: no new trial; this one, which is done, runs once more, with tuning seed number seed_index. -1: no */
    int seed_index;    /* counted from 0, with which new trials run */
    int64_t steps;     /* it is expected to train up to this step and then be judged; -1 to the end */
    int64_t donor;     /* >= 0: starts from the last checkpoint of this trial; -1 from scratch */
};

enum tell_action {
    TELL_CONTINUE,
    TELL_STOP,
    TELL_PAUSE,  /* promotion schemes: hold, with a checkpoint, until an ask resumes it */
    TELL_CHANGE, /* populations: go on with the configuration tell_result.dna, from the donor's checkpoint if there is one */
};

struct tell_result {
    enum tell_action action;
    const double *dna; /* TELL_CHANGE: the new configuration, the tuner's, good until its next call; NULL otherwise */
    int64_t donor;     /* TELL_CHANGE: take over this trial's last checkpoint first; -1 keep the own weights */
    bool checkpoint;   /* the trial should write a checkpoint now: others may take it over, or it may be held soon */
    int rung;          /* rung decided at, -1 none */
    double cutoff;     /* value to beat there, NaN none (user's sign) */
    char why[160];
};

/* One row of explain: an arm, or a region seen as one. Values in the user's sign. */
struct arm_row {
    char label[96];
    uint64_t pulls;
    double mean, low, high;    /* estimate and interval, NaN unknown */
    double p_next, p_best;     /* NaN unknown */
    double p_free;             /* p_next if nobody had steered; NaN unknown, or nothing is steered */
    bool banned, pinned;
    double boost;              /* 1 none */
};

/* An option as the sweep file gives it. Arms are options too: arms.PARAM with a number of bins, or one of */
#define ARMS_VALUES (-1.0)  /* every value is an arm */
#define TUNER_CONTEXT_MAX 64 /* numbers in a context */
#define ARMS_DECADES (-2.0) /* one arm a decade */
struct tuner_kv {
    const char *name;
    double value;
};

struct rungs;
struct tuner_option { /* a row of an algorithm's options: tuner: {name: X, OPTION: value} */
    const char *name;
    double low, high, fallback;
    const char *text;
};

/* One of several objectives. Algorithms see losses: minimised, in history_trial.losses, in this order. */
struct objective {
    const char *name;
    bool maximize;
    double reference; /* a value that is just not worth having (user's sign), for hypervolumes; NaN: chosen from the data */
};
#define OBJECTIVES_MAX 16

struct tuner_env { /* what every call gets */
    const struct space *space;     /* the current version */
    const struct history *history; /* all trials told so far and those pending */
    const struct steering *steer;  /* bans, pins, boosts, regions, dial: see steer.h */
    struct rng *rng;               /* the only source of chance */
    const struct tuner_kv *kv;     /* options as given, NULL name ends; for those that no table can list (arms.PARAM) */
    int64_t budget;                /* trials, -1 unlimited */
    bool maximize;                 /* only for texts: losses are minimised. Of the first objective */
    const struct objective *objectives; /* all of them when there are several; NULL: one, history_trial.loss */
    int n_objectives;              /* at least 1 */
    const double *context;         /* what the world looks like at this ask; n_context numbers, NULL none */
    int n_context;
    bool last;                     /* no new trial can begin any more: a scheduler makes do with those it has */
};

/* What a scheduler answers when a slot is free. */
enum tuner_offer {
    OFFER_NEW,    /* a new configuration is wanted of the sampler; out->steps says how far it trains first */
    OFFER_RESUME, /* out->resume (an index into the history here), steps and dna are filled; a dna that differs is a change */
    OFFER_WAIT,   /* nothing until the next value arrives */
};

/* A cell of an algorithm that splits the space (HOO, StoSOO): a box in dna. low and high have space->n entries. */
struct tuner_cell {
    double *low, *high;
    int depth;
    uint64_t pulls;
    double mean, bound;            /* in the user's sign; NaN unknown */
};

/* An algorithm. Slots that it has no use for are NULL: a sampler without early stopping has no judge; a stopper has no
 * propose. One with both (BOHB, DEHB, PBT) decides alone what is tried and for how long: no stopper stands beside it.
 *
 * A stopper that also decides what a free slot works on is a scheduler and has offer: when it wants a held trial to go on,
 * the sampler is not asked at all; when it wants a new one, the sampler fills in the configuration and the scheduler has said
 * how far it trains. What became of an offer comes back through begun, so an offer that is not taken up leaves no trace.
 *
 * State is a private struct; all memory is freed by drop. Every slot may compute, none may block or do I/O. */
struct tuner_ops {
    const char *name, *paper, *summary;
    const struct tuner_option *options; /* ends with a NULL name */
    bool contextual; /* its choice depends on env->context */
    /* A fresh state; values[i] belongs to options[i]. NULL and a cause when the space does not suit it. */
    void *(*make)(const struct tuner_env *env, const double *values, char **cause);
    void (*drop)(void *self);
    /* Next configuration, honouring every ban, pin and region. 0; 1 exhausted (a grid that is done); -1 cause. */
    int (*propose)(void *self, const struct tuner_env *env, struct proposal *out, char **cause);
    /* A value arrived (already in env->history): intermediate or final, or a failure. Updates the state. */
    void (*learn)(void *self, const struct tuner_env *env, const struct observation *ob);
    /* Early stopping: continue, stop or pause this trial after this value? */
    void (*judge)(void *self, const struct tuner_env *env, const struct observation *ob, struct tell_result *out);
    /* Schedulers: see enum tuner_offer. donor is an index too. */
    enum tuner_offer (*offer)(void *self, const struct tuner_env *env, struct proposal *out);
    /* The offer or proposal became this trial (index), new or resumed. Adopted trials are not announced. */
    void (*begun)(void *self, const struct tuner_env *env, int trial, const struct proposal *p);
    /* Whether a trial that it paused may still be resumed. NULL: it may. */
    bool (*holds)(void *self, const struct tuner_env *env, int trial);
    /* Its values at rungs, for explaining how well they agree; NULL slot or answer: none. */
    const struct rungs *(*ladder)(void *self);
    /* A person steered (env->steer has it already) or the space has a new version. */
    void (*steered)(void *self, const struct tuner_env *env);
    /* Rows for people; returns how many there are, filling at most max. */
    int (*explain)(void *self, const struct tuner_env *env, struct arm_row *rows, int max);
    /* The region an arm stands for (copied into out) and its label; -1: no such arm. NULL slot: no arms. */
    int (*arm)(void *self, const struct tuner_env *env, int arm, struct region *out, char label[96]);
    /* The rung table of an early stopper; returns how many there are, filling at most max. Losses, not signed back. */
    int (*rungs)(void *self, const struct tuner_env *env, struct rung_row *rows, int max);
    /* How much it would like each of n configurations (space->n doubles each) to be tried next: its acquisition, larger is better,
     * on a scale of its own. NULL: it has no such notion. 0, -1 it cannot say yet. */
    int (*score)(void *self, const struct tuner_env *env, const double *dna, int n, double *out);
    /* Its cells, leaves only; returns how many there are, filling at most max (the caller provides low and high). */
    int (*cells)(void *self, const struct tuner_env *env, struct tuner_cell *rows, int max);
    /* What it does in a few words: "over optimizer x lr decades". */
    void (*describe)(void *self, const struct tuner_env *env, char *out, size_t cap);
    /* The whole state as MessagePack-free bytes of its own; load gives a state that behaves the same. */
    void (*dump)(void *self, struct buf *out);
    void *(*load)(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause);
};

/* The list: adding an algorithm touches tuner_list.c only. */
extern const struct tuner_ops *const tuner_list[]; /* ends with NULL */
const struct tuner_ops *tuner_find(const char *name);
bool tuner_is_stopper(const struct tuner_ops *ops); /* may stand beside a sampler */

/* ---- the facade ---- */
struct tuner;

struct tuner_setup {
    struct space *space;      /* taken over by tuner_new when it succeeds */
    const char *sampler;      /* name, NULL: auto */
    const char *stopper;      /* name or NULL */
    const struct tuner_kv *sampler_options, *stopper_options; /* NULL name ends; may be NULL; copied */
    uint64_t seed;
    bool maximize;
    int64_t budget;           /* trials, -1 unlimited */
    /* several objectives (copied): the first one's goal is the one in force, whatever maximize says. 0 or 1: one */
    const struct objective *objectives;
    int n_objectives;
    /* Tuning seeds that trials may run with, one after the other, as the tuner decides (see tune/replicate.h). 0, 1: a trial has one
     * value, whatever it is made of. The budget then counts runs. One objective only. */
    int replicates;
};

struct tuner *tuner_new(struct tuner_setup *setup, char **cause);
void tuner_free(struct tuner *t);
/* Next trial: id is the caller's number for it (trials are numbered by the hub). The configuration goes to out->dna (caller
 * provides space->n doubles). 0, 1 nothing more to try (budget spent or grid exhausted), TUNER_HELD: a person holds the
 * tuner, ask again after `step` or `go`; TUNER_WAIT: nothing until the next value; -1 cause. With out->resume >= 0 no trial of
 * this number comes into being: the one named there, paused before, goes on. With out->replicate >= 0 neither: that one, which is
 * done, runs once more, and what is told of it next (a final value, or a failure) is of this run. Its value is the mean of its
 * runs then; values that are not final are not looked at. */
#define TUNER_HELD 2
#define TUNER_WAIT 3
int tuner_ask(struct tuner *t, int64_t id, struct proposal *out, char **cause);
/* A trial that did not come from ask (enqueued, cloned, recovered, imported): puts it into the history as pending. */
int tuner_adopt(struct tuner *t, int64_t id, const double *dna, const char *origin, char **cause);
/* An observation of an earlier sweep: dna (canonical, of the present space) had this value (user's sign). It counts as an
 * observation, never as a trial: not against the budget, not as the best. Its number is -1, -2, ... and its origin
 * "warm:SOURCE"; values of one source are comparable with each other, not with those of another one. -1 and a cause. */
int tuner_warm(struct tuner *t, const double *dna, double value, int source, char **cause);
/* A value at a step. final: the trial has ended with it. Unknown id: -1 and a cause. A paused trial counts as pruned, with the
 * loss it had, until an ask resumes it; a final value at its last step means that it will not be resumed. */
int tuner_tell(struct tuner *t, int64_t id, int64_t step, double value, bool final, struct tell_result *out, char **cause);
/* The final values of all objectives, in their order. One that is not finite makes the trial a failure. */
int tuner_tell_values(struct tuner *t, int64_t id, int64_t step, const double *values, int n, struct tell_result *out,
                      char **cause);
int tuner_objectives(const struct tuner *t, const struct objective **out); /* how many; *out NULL when there is one */
int tuner_tell_failed(struct tuner *t, int64_t id, char **cause);
/* The context of the asks from here on (copied; n 0 none), for a contextual sampler: kept with every trial asked under it. */
int tuner_context(struct tuner *t, const double *values, int n, char **cause);
/* A trial that will never report (withdrawn). */
int tuner_forget(struct tuner *t, int64_t id, char **cause);
/* Steering by verb, arguments as steer_parse made them. undo token in *token (see steer.h). */
int tuner_steer(struct tuner *t, const struct steer_request *rq, int64_t *token, char **cause);
int tuner_unsteer(struct tuner *t, int64_t token, char **cause);
/* Another sampler from here on; it learns the whole history first. On failure the old one stays. */
int tuner_switch(struct tuner *t, const char *sampler, const struct tuner_kv *options, char **cause);
/* What the tuner did of its own accord since the last call and people should know (a focus was given up): one sentence a
 * call, false when there is no more. */
bool tuner_news(struct tuner *t, char *out, size_t cap);
/* A tuner that behaves the same, for trying something out. NULL and a cause. */
struct tuner *tuner_copy(const struct tuner *t, char **cause);
/* What the tuner would propose inside a region (its next choice under a pin), without asking: the tuner stays as it
 * is. 0, or -1 and a cause. */
int tuner_complete(const struct tuner *t, const struct region *within, double *dna, char **cause);
/* A new version of the space (taken over, *space nulled); old trials are carried along. On failure nothing changes. */
int tuner_set_space(struct tuner *t, struct space **space, char **cause);
/* Rows for people, in the user's sign: how many there are; at most max are filled. Changes no later answer. */
int tuner_explain(struct tuner *t, struct arm_row *rows, int max);
/* "thompson over optimizer x lr decade, asha eta 3": for the header line. */
void tuner_describe(const struct tuner *t, char *out, size_t cap);
int tuner_rungs(const struct tuner *t, struct rung_row *rows, int max); /* see history.h */
/* Whether a paused trial may still be resumed: if not, what was kept for it may go. */
bool tuner_holds(const struct tuner *t, int64_t id);
/* How well each rung's order agrees with later ones: see history.h. Returns how many rungs there are. */
int tuner_correlation(const struct tuner *t, struct rung_tau *rows, int max);
/* The sampler's score of n configurations (space->n doubles each): larger is likelier to be tried next. -1: it has none (yet). */
int tuner_score(const struct tuner *t, const double *dna, int n, double *out);
/* Its cells in the user's sign: how many there are; at most max are filled, into low and high that the caller provides. */
int tuner_cells(const struct tuner *t, struct tuner_cell *rows, int max);
/* The incumbent. With replicates not the lowest mean: see tune/replicate.h. */
bool tuner_best(const struct tuner *t, int64_t *id, double *value);
/* What the tuner thinks of replicates, in the user's sign and units. False: there are none in this sweep. */
struct tuner_replicates {
    int seeds;           /* a trial has at most so many runs */
    int64_t runs;        /* begun beside each trial's first */
    double noise;        /* deviation between runs of a trial; NaN not known yet */
    double mean, spread; /* of what proposals reach, without the noise; NaN */
    double worth, fresh; /* expected gain of the best replicate and of a new trial; NaN */
};
bool tuner_replicates(const struct tuner *t, struct tuner_replicates *out);
/* What each trial of the history (by index) is worth with certainty, in the user's sign: the incumbent has the best of it. NaN: it is
 * not done. Without replicates under way: its value. */
void tuner_bounds(const struct tuner *t, double *out);
const struct space *tuner_space(const struct tuner *t);
const struct history *tuner_history(const struct tuner *t);
const struct steering *tuner_steering(const struct tuner *t);
int64_t tuner_budget(const struct tuner *t);
void tuner_set_budget(struct tuner *t, int64_t budget);
void tuner_dump(const struct tuner *t, struct buf *out);
/* Restores what tuner_dump wrote into a tuner made with the same setup. */
int tuner_load(struct tuner *t, const uint8_t *p, size_t n, char **cause);

#endif
