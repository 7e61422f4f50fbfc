/* intervention: the life of what a person told the hub to do: queued, sent, delivered, and one final state:
 * applied, rejected, expired (undone comes later, from an undo). Each step is recorded; nothing is sent
 * before "queued" is on disk. The final state is answered to whoever asked and still listens.
 *
 * Commands are applied at most once: one that may have reached the trainer is never sent again, it expires.
 */
#ifndef HUB_INTERVENTION_H
#define HUB_INTERVENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "hub/sweep.h"
#include "proto/verb.h"

#define IV_EXPIRY_NS (INT64_C(30) * 1000000000)

/* One request: it may concern several targets, each an intervention with an answer of its own. */
struct verb_ask {
    struct sock_peer peer;
    int64_t id; /* of the message; 0: no answers wanted */
    int left;   /* answers still to come */
    bool wait;  /* only final states are answers */
    int refs;
};
struct verb_ask *ask_new(const struct sock_peer *peer, int64_t id, int targets, bool wait);
void ask_drop(struct verb_ask *a);

/* One that has no final state yet. */
struct sweep_iv {
    int64_t id;
    enum verb verb;
    struct verb_ask *ask; /* NULL: nobody waits */
    int64_t deadline;     /* monotonic */
    int64_t trial;        /* -1: none */
    struct iv_run {
        int64_t run;
        int wanted; /* answers that will come (one for each parameter of a set) */
        bool sent;
    } * runs;
    int n_runs;
    int applied, rejected; /* answers so far */
    bool delivered;
    char *command;   /* verb of the command */
    struct buf args; /* of the command, for runs that are away now */
    char message[300];
    int64_t step, run; /* of the last answer */
    struct sweep_iv *next;
};

struct iv_birth {
    enum verb verb;
    const char *who, *target, *reason;
    struct span args;
    int64_t undo_of;
};
/* Records it as queued; returns its number. */
int64_t intervention_new(struct sweep *s, const struct iv_birth *b);
/* Ends it: recorded, answered. step, run: -1 where that has no meaning. token: of the tuner's steering, 0
 * none. */
void intervention_end(struct sweep *s, int64_t id, struct verb_ask *ask, enum iv_state state,
                      const char *message, int64_t step, int64_t run, int64_t token);
/* Sends a command to runs of a trial; the intervention goes on until they answer, end, or it expires. */
void intervention_send(struct sweep *s, int64_t id, enum verb verb, struct verb_ask *ask, int64_t trial,
                       const int64_t *runs, int n_runs, const char *command, struct span args, int answers);
/* An undone one. */
void intervention_undone(struct sweep *s, int64_t id, int64_t by);

/* ---- what happens meanwhile ---- */
void intervention_answered(struct sweep *s, int64_t run,
                           struct span body); /* a "command" event was folded in */
void intervention_run_ended(struct sweep *s, int64_t run);
void intervention_resend(struct sweep *s, int64_t run); /* its worker is there again */
void intervention_tick(struct sweep *s);
/* Rebuilds the list of unfinished ones after the log was folded. */
void intervention_recover(struct sweep *s);
void interventions_free(struct sweep *s);

#endif
