/* verbs: every verb of proto/verb.h, done. verbs.c takes a request apart into targets and keeps the table;
 * the families are verbs_trial.c (processes and configurations), verbs_arm.c (tuner and in-process bandits),
 * verbs_sweep.c (the sweep itself, remarks), verbs_undo.c. */
#ifndef HUB_VERBS_H
#define HUB_VERBS_H

#include "hub/hub.h"
#include "hub/intervention.h"
#include "hub/sweep.h"

struct peer;
void verbs_request(struct hub *h, struct peer *p, const struct message *m); /* "send" */

/* One verb on one target. The intervention is recorded as queued already. */
struct verb_call {
    struct sweep *s;
    const struct verb_info *verb;
    struct verb_ask *ask;
    struct span args; /* raw map; may be empty */
    const char *who, *target;
    int64_t id;        /* of the intervention */
    int64_t trial;     /* VT_TRIAL; -1 else */
    char message[300]; /* for VERB_DID: what happened */
    int64_t token;     /* VERB_DID: of the tuner's steering */
};
enum verb_outcome {
    VERB_DID,     /* applied; message says what */
    VERB_PENDING, /* intervention_send was called */
    VERB_REFUSED  /* rejected; cause says why */
};
typedef enum verb_outcome verb_fn(struct verb_call *c, char **cause);

verb_fn verb_pause, verb_resume, verb_stop, verb_kill, verb_set, verb_checkpoint, verb_probe, verb_requeue, verb_test, verb_clone,
    verb_enqueue;
verb_fn verb_note, verb_tag, verb_steer, verb_reshape, verb_explore, verb_rule, verb_budget, verb_concurrency, verb_undo;

/* What undo needs and the log's fold does not keep: made by the verb, made again when the log is folded after
 * a restart. */
struct verb_memo {
    int64_t id;           /* intervention */
    int64_t trial;        /* that it created; -1 */
    int64_t token;        /* of the tuner's steering; 0 */
    int64_t before;       /* budget or concurrency before it */
    double factor_before; /* explore */
    bool in_process;      /* it went to in-process bandits */
};
struct verb_memo *verb_memo(struct sweep *s, int64_t id); /* NULL when there is none */
struct verb_memo *verb_remember(struct sweep *s, int64_t id);

/* What an undo means: the id in args, else the last undoable intervention of this person; 0 none. */
int64_t verb_undo_target(struct sweep *s, const char *who, struct span args);
enum verb_outcome verb_refuse(char **cause, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Runs of a trial that a process executes now (leased, running, paused; lost too with lost set). Returns how
 * many. */
int verb_runs(struct sweep *s, int64_t trial, bool lost, int64_t *out, int max);
#define VERB_RUNS_MAX 256

/* ---- recovery: repeats what verbs did to the tuner and to the sweep's settings ---- */
void verb_redo(struct sweep *s, enum verb verb, int64_t id, const char *target, struct span args,
               int64_t token);
void verb_redo_undo(struct sweep *s, int64_t undo_of);

#endif
