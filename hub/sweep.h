/* sweep: one search while the hub works on it: its log, its tuner, and what is only known while the hub lives
 * (leases, what waits for the disk, who asked for what). Everything else is in the state, which is a fold
 * over the log.
 *
 * sweep_put() is the only way to change the state: the event goes to the recorder and is folded in. What must
 * not be said before it is on disk (acknowledgements, leases, commands, answers) is said through the outbox
 * (outbox.h). */
#ifndef HUB_SWEEP_H
#define HUB_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "hub/hub.h"
#include "hub/outbox.h"
#include "hub/recorder.h"
#include "hub/state.h"
#include "hub/sweepfile.h"
#include "hub/views.h"
#include "tune/tuner.h"

struct worker;
struct sweep_iv;
struct verb_memo;
struct launch_pool;
struct adviser;

/* Runs are numbered within their sweep in the log. Agents see one number that is unique in the hub and stays
 * the same when the hub is restarted: the sweep's key above the run's number. Both fit what a JSON number can
 * hold. */
#define RUN_BITS    24
#define RUN_KEY_MAX ((INT64_C(1) << 28) - 1)

struct run_live {          /* beside state->runs[i] */
    struct worker *worker; /* executes it now; NULL none */
    struct sock_peer peer; /* who speaks for it; n 0: nobody */
    int64_t seq;           /* highest batch of this epoch applied */
    int64_t acked;         /* highest batch acknowledged */
    int64_t leased_at;     /* monotonic */
    int64_t lost_since;    /* monotonic; 0: not lost */
    int64_t reports;       /* made from points, for thinning */
    bool reported;         /* the trainer calls ht_report itself: points of that name are only points */
    bool started;
    uint8_t watched;   /* enum watched (watched.h) */
    bool stopping;     /* it was told to stop by the tuner */
    /* on its way to be held or changed, see hold.h */
    enum run_hold { HOLD_NONE, HOLD_CHECKPOINT, HOLD_RESTORE, HOLD_ENDING } hold;
    bool hold_again;      /* when it has ended it begins again */
    int64_t hold_command; /* our last command to it, negative */
    int64_t hold_since;   /* monotonic: waits for the answer; 0: it does not */
    bool claimed;      /* while a worker joins: it says that it has this run */
    char end_why[160]; /* why it ended, when somebody knows */
};

struct trial_live {    /* beside state->trials[i] */
    int ending;        /* enum trial_state it will have when its runs have ended; -1: the runs decide */
    int64_t ending_iv; /* intervention that caused it */
    char why[160];
    int64_t told_step; /* highest step told to the tuner; INT64_MIN none */
    bool told_final;   /* the tuner got its last word */
    bool in_tuner;     /* asked or adopted */
    bool held;         /* the tuner paused it, and has not resumed it */
    bool changing;     /* found in the log: the tuner's last word was a change that may not have been carried out */
};

/* What consoles are warned of, the most urgent first. */
enum sweep_warning { WARN_DISK, WARN_WORKERS, WARN_TUNER, SWEEP_WARNINGS };

struct sweep {
    struct hub *hub;
    struct sweep_ref ref; /* what views see; ref.state is the state */
    struct state *state;
    struct sweepfile file;
    struct tuner *tuner;      /* NULL for ad-hoc sweeps */
    struct recorder *rec;     /* NULL while the recording is closed: nothing may happen to the sweep */
    struct recorder *closing; /* being finished in the background */
    struct outbox out;
    struct buf env; /* the submitter's, secrets included: in memory only; empty after a restart */
    char *path;
    int64_t key;
    int64_t log_time; /* of the newest event */
    bool adhoc;
    bool stuck;      /* the tuner could not propose anything as it is steered now */
    bool exhausted;  /* the tuner has nothing more to try */
    bool recovering; /* the log is being folded: nothing is recorded or sent */
    int64_t concurrency;
    int workers_wanted;  /* local workers */
    int64_t quiet_since; /* a done sweep whose recording was opened again: monotonic time of the last event */

    struct run_live *runs;     /* index = run */
    struct trial_live *trials; /* index = trial */
    int cap_runs, cap_trials;
    int first_open;          /* every trial below is terminal */
    int n_worked;            /* some trial has reported a value */
    struct sweep_iv *ivs;    /* interventions without a final state, list */
    struct verb_memo *memos; /* what undo needs, by intervention */
    int n_memos, cap_memos;
    int64_t asks, tells, asks_dumped;
    int64_t hold_id; /* of hold's last command */
    uint64_t arms_hash; /* of the last explain that was recorded */
    int64_t arms_at;    /* monotonic */
    bool arms_dirty;
#define SWEEP_RUNGS 64
    struct rung_row rungs[SWEEP_RUNGS]; /* for ref.rungs */
    int64_t alerts_at, alerts_since; /* monotonic: rules were looked at; wall: what fired before is only told */
    uint64_t points_then;               /* for the rate */
    int64_t points_at;
    char tuner_text[160];
    char warnings[SWEEP_WARNINGS][200]; /* "" none; the first is shown */
    struct buf body;                    /* payload being built */
    struct codec_writer w;
    enum event_kind kind;
    struct launch_pool *pool; /* local workers of this sweep */
    struct adviser *adviser;  /* NULL: none, or not yet */
};

/* ---- life ---- */
struct sweep_request {
    struct span yaml, path, cwd, env; /* env: raw map */
    struct span tuner, name;          /* options; empty: as the file says */
    struct span warm;                 /* more files for the warm start, a line each */
    int64_t seed, budget, workers;    /* -1: as the file says; seed < 0: chosen */
};
/* A new sweep: parsed, recorded, ready to be scheduled. NULL and a cause. */
struct sweep *sweep_start(struct hub *h, const struct sweep_request *rq, char **cause);
/* A sweep for runs that nobody leased, named after the program; reused while it is open, by those of the same group. */
struct adhoc_request {
    const char *program;
    const char *group;  /* "" none: whoever has the same program */
    const char *metric; /* of a new one; NULL: "objective" */
    bool maximize;
};
struct sweep *sweep_adhoc(struct hub *h, const struct adhoc_request *rq, char **cause);
/* Parses the sweep file, makes tuner and runtime from what the log's first event says. Used by sweep_start
 * and recovery. */
int sweep_equip(struct sweep *s, char **cause);
/* Fills what views see from state and settings. */
void sweep_refresh(struct sweep *s);
struct tuner *sweep_make_tuner(struct sweepfile *f, const char *sampler, uint64_t seed, int64_t budget,
                               char **cause);
int64_t sweep_key(const char *path); /* of the recording: the same in every life of the hub; never 0 */
struct sweep *sweep_new(struct hub *h, const char *path);
void sweep_free(struct sweep *s);
/* Ends a sweep whose work is done: records it, closes the recording in the background. */
void sweep_end(struct sweep *s, enum sweep_state state, const char *why);
/* Work came to a done sweep (a queued trial, more budget): it runs again. */
void sweep_revive(struct sweep *s);
/* Makes a done sweep accept events again. -1 and errno EAGAIN while its recording is still being closed. */
int sweep_reopen(struct sweep *s, char **cause);
bool sweep_open(const struct sweep *s);     /* neither done nor failed */
bool sweep_has_work(const struct sweep *s); /* some trial is not yet terminal */
/* Periodic: rates, closing of recordings, end of the sweep. */
void sweep_tick(struct sweep *s);
/* After the recorder's eventfd: what became durable is said. */
void sweep_durable(struct sweep *s);
/* Its changes of health become events and the warning that consoles show; a finished recording is closed.
 * True when the recording was closed. */
bool sweep_recorder_news(struct sweep *s);
/* The hub ends: dumps the tuner, writes the footer. The sweep goes on when a hub starts again. */
void sweep_close(struct sweep *s);
void sweep_dump_tuner(struct sweep *s);

/* ---- the log ---- */
/* Records and folds one event. `time` 0: now. Returns its sequence number in the recording. */
uint64_t sweep_put(struct sweep *s, enum event_kind kind, int64_t time, struct span body);
/* The same for an event of the hub's own: begin, write `pairs` pairs with the returned writer, end. */
struct codec_writer *sweep_begin(struct sweep *s, enum event_kind kind, size_t pairs);
uint64_t sweep_commit(struct sweep *s);
void sweep_hub_event(struct sweep *s, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Sequence number of the newest event: what a message that depends on everything so far must wait for. */
uint64_t sweep_seq(const struct sweep *s);

/* Shows a warning (recorded as a hub event when it is new), or takes it back (fmt NULL). */
void sweep_warn(struct sweep *s, enum sweep_warning which, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The tuner may propose again: steering, budget or space changed. */
void sweep_propose_again(struct sweep *s);

/* ---- runtime ---- */
struct run_live *sweep_run(struct sweep *s, int64_t run);       /* NULL when unknown */
struct trial_live *sweep_trial(struct sweep *s, int64_t trial); /* NULL when unknown */
int64_t run_handle(const struct sweep *s, int64_t run);
/* The sweep and run that a handle means; NULL when there is none. */
struct sweep *run_find(struct hub *h, int64_t handle, int64_t *run);

#endif
