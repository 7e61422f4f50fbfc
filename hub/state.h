/* state: a sweep as the fold over its events, kept so that every question can be asked as of any time.
 *
 * state_apply() is the only way in. Nothing is overwritten: each trial, run, intervention and arm keeps the
 * short list of what it became and when, so "as of T" is a look-up and not a second fold; replaying consoles
 * and live ones use the same functions. No I/O, no clock, no sockets. Single-threaded. */
#ifndef HUB_STATE_H
#define HUB_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hub/series.h"
#include "proto/event.h"

#define STATE_NOW INT64_MAX

/* TSTATE(enumerator, "name", terminal) */
#define TRIAL_STATES(TSTATE)                                                                               \
    TSTATE(WAITING, "waiting", false)   /* chosen, not yet running */                                      \
    TSTATE(RUNNING, "running", false)                                                                      \
    TSTATE(PAUSED, "paused", false)                                                                        \
    TSTATE(LOST, "lost", false)         /* its worker is silent; may come back */                          \
    TSTATE(DONE, "done", true)                                                                             \
    TSTATE(PRUNED, "pruned", true)      /* the tuner stopped it early; the value counts at its fidelity */ \
    TSTATE(STOPPED, "stopped", true)    /* a person stopped it; the result counts */                       \
    TSTATE(FAILED, "failed", true)                                                                         \
    TSTATE(KILLED, "killed", true)                                                                         \
    TSTATE(WITHDRAWN, "withdrawn", true) /* an enqueue or clone that was undone before it ran */

enum trial_state {
#define TSTATE_ENUM(e, name, terminal) TRIAL_##e,
    TRIAL_STATES(TSTATE_ENUM)
#undef TSTATE_ENUM
        TRIAL_STATE_COUNT
};
const char *trial_state_name(enum trial_state s);
bool trial_state_parse(struct span name, enum trial_state *out);
bool trial_state_terminal(enum trial_state s);
/* The one table of legal moves. Beside it stands only that a trial that is done runs once more, by a trial_state event that says so
 * (replicate_run.h). */
bool trial_move_legal(enum trial_state from, enum trial_state to);

enum run_state { RUN_QUEUED, RUN_LEASED, RUN_RUNNING, RUN_PAUSED, RUN_LOST,
                 RUN_HELD /* no process: the tuner may resume it from its checkpoint */, RUN_DONE, RUN_STOPPED, RUN_FAILED,
                 RUN_KILLED, RUN_STATE_COUNT };
const char *run_state_name(enum run_state s);
bool run_state_terminal(enum run_state s);

enum iv_state { IV_QUEUED, IV_SENT, IV_DELIVERED, IV_APPLIED, IV_REJECTED, IV_EXPIRED, IV_UNDONE,
                IV_STATE_COUNT };
const char *iv_state_name(enum iv_state s);
bool iv_state_final(enum iv_state s);

struct sweep_info {
    char *name;
    char *yaml, *path, *cwd; /* as submitted */
    char *metric;            /* the objective's name */
    bool maximize;
    struct state_objective { /* all of them, when there are several; the first is `metric` */
        char *name;
        bool maximize;
        double reference; /* NaN: none was given */
    } *objectives;
    int n_objectives;
    char *tuner;
    uint64_t seed;
    int64_t budget;   /* trials; -1 none */
    int workers;      /* local workers asked for */
    bool adhoc;
    char *env;        /* raw msgpack map, env_n bytes; NULL when none */
    size_t env_n;
};

/* One value in time: (since, ...) lists are in time order. */
struct state_change {
    int64_t time;
    int state;
    char *why;        /* may be NULL */
    int64_t intervention; /* 0: none */
};

/* What one run streamed under one name. A run that is given out again (next epoch) starts a new take, which keeps of
 * the one before the points below its own first step: a trainer that resumes from a checkpoint goes on, one that starts
 * over starts over, and no step is there twice. */
struct state_take {
    int64_t since; /* log time of its first batch */
    int64_t epoch;
    uint64_t kept; /* points taken over from the take before */
    struct series *series;
};
struct state_takes {
    struct state_take *v; /* oldest first */
    int n;
};

struct state_metric {
    char name[64];
    struct state_takes takes;
};

struct state_live { /* a live parameter's change at a step */
    int64_t time, step, command;
    char *param;
    char *old_value, *new_value; /* raw msgpack */
    size_t old_n, new_n;
};

/* Declared by the code; declared again with other bounds it is a new entry behind the old one. */
struct state_param {
    char *name, *type; /* float, int, choice */
    double low, high;
    bool log, live;
    char *choices;     /* raw msgpack array or NULL */
    size_t choices_n;
    char *value;       /* raw msgpack, when it was declared: state_param_value() knows what it is */
    size_t value_n;
    int64_t time;
};

struct state_text {
    int64_t time, seen; /* the process's clock; when it came into the log */
    char stream; /* 'o' out, 'e' err, 'l' log */
    char *text;  /* one line, raw bytes, no newline */
    uint32_t n;
};

struct state_checkpoint {
    int64_t time, step;
    char *path;
};

struct state_process { /* who executed a run from then on; a new one whenever something of it changed */
    int64_t time, epoch, dropped;
    char *worker, *host; /* never NULL */
    int pid, exit, signal;
};

struct state_run {
    int64_t run, trial, seed, epoch;
    char *worker; /* name of the worker, "" when none */
    char *host;
    int pid, exit, signal; /* exit -1 while it runs */
    int64_t last_seq;      /* highest batch of `epoch` in the log: for dropping repeats after recovery */
    int64_t dropped;       /* points the ring had no room for, as reported */
    uint64_t points;
    bool replicate;        /* a further run of a trial that was done: its value counts once it is done */
    bool test;             /* phase "test": its reports do not count for the trial's value */
    struct state_process *processes;
    int n_processes;
    struct state_change *changes;
    int n_changes;
    struct state_metric *metrics;
    int n_metrics;
    struct state_takes reports;   /* the objective as reported */
    int64_t report_step;          /* of the last one */
    double report_value;
    bool reported;                /* since the trial was last requeued */
    int64_t first_seen, last_seen; /* log times of first and last points; INT64_MAX, INT64_MIN: none */
    int *bandits;                 /* indexes into state.bandits */
    int n_bandits;
    struct state_live *lives;
    int n_lives;
    struct state_param *params;
    int n_params;
    struct state_checkpoint *checkpoints;
    int n_checkpoints;
    struct state_text *lines; /* the newest STATE_TEXT_LINES; earlier ones are only in the recording */
    int n_lines, cap_lines;
    int64_t first_line; /* index of lines[0] counted from the run's first line */
    size_t text_bytes;
};
#define STATE_TEXT_LINES 5000
#define STATE_TEXT_LINE  4096        /* bytes of a line; a longer one is cut into several */
#define STATE_TEXT_BYTES (64 << 20)  /* of all runs together; the run with the most gives up its older half */

struct state_report { /* objective as told: the incumbents and the tuner's history come from here */
    int64_t time, step;
    double value;
    int64_t run;
    double trial_value; /* the trial's value and step with this report in */
    int64_t trial_step;
};

/* A decision of the tuner about a running trial; plain "continue" off the rungs is not kept. */
struct state_tell {
    int64_t time, step;
    double value;
    int rung;         /* -1 none */
    char action;      /* 'c' continue, 's' stop, 'p' pause, 'x' change */
};

struct state_reset { /* requeued after a failure: what was reported before no longer counts */
    int64_t time;
    int n_reports;
};

struct state_trial {
    int64_t trial, parent; /* parent -1 */
    int space_version;
    char *origin, *why, *arm;
    double propensity; /* NaN when none */
    char *params;      /* raw msgpack map */
    size_t params_n;
    double *dna;
    int n_dna;
    int64_t created;
    struct state_change *changes;
    int n_changes;
    struct state_report *reports;
    int n_reports;
    int64_t *runs;
    int n_runs;
    /* notes and tags live in the interventions that made them; these are the ids, in order */
    int64_t *remarks;
    int n_remarks;
    struct state_tell *tells;
    int n_tells;
    struct state_reset *resets;
    int n_resets;
    int heap; /* place among the candidates for best; -1 none */
};

struct state_iv {
    int64_t id, undo_of; /* undo_of 0: none */
    int64_t time;
    char *who, *verb, *target, *reason, *message;
    char *args; /* raw msgpack map */
    size_t args_n;
    int64_t step, run; /* where it was applied; -1 when that has no meaning */
    struct state_change *changes; /* why: the message that came with it */
    int n_changes;
    int64_t *steps; /* beside changes: the step known then */
};

struct state_arms { /* one snapshot of a bandit's arms */
    int64_t time;
    char *rows; /* raw msgpack: the array of rows; inside a run the whole payload */
    size_t rows_n;
    int64_t said; /* by the sender's clock */
};

struct state_bandit {
    char *id;          /* "tuner" for the sweep's own, else RUN/NAME */
    char *key;         /* what the run's events call it */
    int64_t time;      /* when it was opened */
    char *name, *algorithm;
    int64_t run;       /* -1 for the sweep's own */
    char **labels;
    int n_arms;
    struct state_arms *snaps;
    int n_snaps;
    /* in-process: running sums per arm, and every `every`-th round a row of them, for arms_history */
    uint64_t rounds;
    double total_cost;
    uint64_t *pulls;
    double *cost_sum, *cost_sq;
    struct state_pulls_row {
        int64_t time, seen;  /* the process's clock; when it came into the log */
        int64_t t;           /* number of the last pull, as the process counts */
        uint64_t rounds;
        uint64_t *pulls;     /* these three: n_arms each, in one allocation that starts at cost_sum */
        double *cost_sum, *cost_sq;
    } *rows;               /* also one at the end of each event: "as of T" is exact until rows are thinned */
    int n_rows;
    size_t row_bytes;
    uint64_t every;
    int64_t last_t;
};
#define STATE_SNAPS      4096 /* of one bandit's arms; then every second one of the older half goes */
#define STATE_SNAP_BYTES (1 << 20) /* of one bandit inside a run: with many arms there are fewer */
#define STATE_PULLS_ROWS 4096       /* of one bandit, then every second one goes */
#define STATE_ROW_BYTES  (64 << 20) /* of all bandits together; the one with the most is thinned first */
#define STATE_MAX_ARMS   4096

struct state_hub_event {
    int64_t time;
    char *what, *text;
};

struct state_worker {
    char *name, *host;
    int pid, slots;
    struct state_join { /* as of each joining */
        int64_t time;
        char *host;
        int pid, slots;
    } *joins;
    int n_joins;
    struct state_change *changes; /* state: 0 joined, 1 lost, 2 left */
    int n_changes;
};

/* What an agent said of its machine: the host event as it came. */
struct state_host {
    char *host, *role;
    struct state_host_sample {
        int64_t time;
        char *raw;
        size_t n;
    } *v; /* oldest first */
    int n, cap;
};

/* A plane of losses through a run's weights (the surface event). */
struct state_surface {
    int64_t id, run, trial;   /* id: of the intervention that asked for it */
    int64_t time, step;
    int columns, rows;
    double x0, x1, y0, y1, loss; /* loss: at the weights themselves */
    char *norm;
    struct state_cell {
        int64_t time;
        uint32_t at; /* row * columns + column */
        double z;
    } *cells; /* as they came; each place at most once */
    int n_cells, cap_cells;
    uint8_t *known; /* columns * rows bits: places that came */
    struct state_change *changes; /* enum surface_state */
    int n_changes;
};
enum surface_state { SURFACE_ON, SURFACE_DONE, SURFACE_STOPPED, SURFACE_FAILED, SURFACE_STATE_COUNT };
const char *surface_state_name(enum surface_state s);

struct state_space {
    int64_t time;
    int version;
    char *yaml;
};

struct points_reader;

/* Arrays indexed by id hold NULL where a damaged recording lost the event: ask through state_trial(),
 * state_run(), state_iv(). */
struct state {
    struct sweep_info info;
    struct state_change *changes; /* of the sweep: enum sweep_state */
    int n_changes;
    struct state_trial **trials; /* index = id */
    int n_trials;
    struct state_run **runs; /* index = id */
    int n_runs;
    struct state_iv **ivs; /* index = id - 1 */
    int n_ivs;
    struct state_bandit **bandits;
    int n_bandits;
    struct state_worker **workers;
    int n_workers;
    struct state_hub_event *hub_events;
    int n_hub_events;
    struct state_improvement { /* the incumbent over time */
        int64_t time, trial;
        double value;
    } *best;
    int n_best;
    struct state_host **hosts;
    int n_hosts;
    struct state_surface **surfaces; /* oldest first */
    int n_surfaces;
    int64_t first_time, last_time; /* of events applied */
    uint64_t n_points, n_events;
    int space_version;
    struct state_space *spaces;
    int n_spaces;
    int64_t chosen; /* the incumbent by the tuner's word, in a sweep with replicates; -1: the best value */
    int64_t *heap; /* trials that may be the best, a binary heap, best first */
    int n_heap;
    size_t text_bytes, row_bytes;
    struct points_reader *reader; /* memory kept from batch to batch */
};
#define STATE_MAX_TRIALS (1 << 20)
#define STATE_MAX_RUNS   (1 << 22)
#define STATE_MAX_METRICS 4096 /* of one run */
enum sweep_state { SWEEP_RUNNING, SWEEP_PAUSED, SWEEP_DONE, SWEEP_FAILED };
const char *sweep_state_name(enum sweep_state s);

struct state *state_new(void);
void state_free(struct state *s);
/* Folds one event in. A payload that makes no sense (unknown trial, missing key) is ignored and counted in
 * the return value: 0 applied, 1 ignored. Illegal trial moves are ignored too: the hub refuses them before
 * it writes them. */
int state_apply(struct state *s, const struct event *ev);

/* ---- questions as of t (STATE_NOW: now) ---- */
struct state_trial *state_trial(const struct state *s, int64_t id); /* NULL when unknown */
struct state_run *state_run(const struct state *s, int64_t id);
struct state_iv *state_iv(const struct state *s, int64_t id);
struct state_bandit *state_bandit(const struct state *s, const char *id);
/* NULL: not yet there. */
const struct state_change *state_change_at(const struct state_change *c, int n, int64_t t);
/* It scores its parent on test seeds: no part of the search, never an incumbent. */
bool state_trial_tests(const struct state_trial *tr);
/* It is not terminal as of t, but was done before: a replicate of it is under way. */
bool state_done_before(const struct state_trial *tr, int64_t t);
enum trial_state state_trial_at(const struct state_trial *tr, int64_t t); /* call only when created <= t */
/* The trial's value: mean over its runs of each run's last report (best-so-far is not used: the objective is
 * what was reported last), and the largest step among these. Of several runs with the same seed (the trial
 * was requeued) the newest that reported counts; reports before a requeue after a failure do not, nor those
 * of test runs. False when nothing was reported. */
bool state_value_at(const struct state *s, const struct state_trial *tr, int64_t t, double *value,
                    int64_t *step);
/* The same for each of several objectives: of the first its value, of the others the mean over the runs of what their metric
 * had last; NaN where there is nothing. out has info.n_objectives entries, at most 16; returns how many. */
int state_values_at(const struct state *s, const struct state_trial *tr, int64_t t, double *out);
/* The incumbent (with several objectives by the first one): the best finite value among trials that are not failed, killed, withdrawn or waiting; ties
 * go to the older one. */
bool state_best_at(const struct state *s, int64_t t, int64_t *trial, double *value);
enum sweep_state state_sweep_at(const struct state *s, int64_t t);
/* NULL when the run or worker did not exist yet. */
const struct state_process *state_process_at(const struct state_run *r, int64_t t);
const struct state_host_sample *state_host_at(const struct state_host *h, int64_t t);
const struct state_join *state_join_at(const struct state_worker *w, int64_t t);
int state_space_at(const struct state *s, int64_t t);           /* version */
/* The newest declaration of a parameter, and its value as of t (raw MessagePack); NULL when it was not
 * declared yet. */
const struct state_param *state_param_at(const struct state_run *r, const char *name, int64_t t);
struct span state_param_value(const struct state_run *r, const char *name, int64_t t);
uint64_t state_run_points(const struct state_run *r, int64_t t); /* points of all its metrics */
uint64_t state_points(const struct state *s, int64_t t);         /* of the sweep */
/* Number of leading entries of a time-ordered list that were there as of t: every list above is searched
 * with it. `time` is the offset of its int64_t time member. */
int state_prefix(const void *list, int n, size_t size, size_t time, int64_t t);
#define STATE_PREFIX(list, n, type, member, t) state_prefix(list, n, sizeof(type), offsetof(type, member), t)
const struct state_metric *state_metric(const struct state_run *r, const char *name);
/* The take that was the newest as of t; NULL when there was none. */
const struct state_take *state_take_at(const struct state_takes *k, int64_t t);
const struct series *state_series_at(const struct state_takes *k, int64_t t);
size_t state_bytes(const struct state *s); /* memory of the series, for bench store_bytes */

#endif
