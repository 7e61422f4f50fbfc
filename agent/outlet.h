/* outlet: one run on its way to the hub: drains its ring, turns what is there into numbered batches, keeps
 * them until they are acknowledged, and carries commands the other way. Used by the relay (one outlet),
 * the worker and the wrapper.
 *
 * Batches of one run carry sequence numbers that only grow, also over restarts of the drainer (the next
 * number stands in the ring). Plain batches (points, pulls, output) may be dropped when the hub is away
 * for too long, kept ones (reports, answers, declarations, states) not; what was dropped is counted and
 * said in a run_state "dropped" event. Within one turn kept events go first, so that a bandit is announced
 * before its pulls. Single-threaded. */
#ifndef AGENT_OUTLET_H
#define AGENT_OUTLET_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/line.h"
#include "agent/spill.h"
#include "proto/codec.h"
#include "proto/ring.h"

struct gather;

enum { OUTLET_COMMANDS = 512 };

struct outlet_command { /* given to this run before; a command is carried out at most once */
    int64_t id;
    bool open; /* no final answer yet */
    bool ends; /* stop or kill: the end of the process is its answer */
};

struct outlet {
    struct ring ring; /* ring.h NULL: a spill file alone */
    char *ring_path;
    struct spill spill;
    struct gather *gather;
    int64_t run, epoch;
    bool attached; /* on this connection the hub knows that we speak for it */
    uint64_t next_seq, sent, acked;
    int64_t opened;         /* monotonic: since when we have it */
    int64_t emit_due;       /* when the plain events have waited long enough; 0: there are none */
    struct buf plain, kept; /* events under construction */
    uint32_t n_plain, n_kept, plain_lines;
    bool ended;                        /* the last state was said; nothing comes any more */
    bool away;                         /* no hub: bigger batches, into the file */
    uint64_t ring_dropped, torn, lost; /* counted; of these said */
    uint64_t said;
    int64_t drop_due;
    struct outlet_command commands[OUTLET_COMMANDS]; /* a ring, newest at n-1 */
    uint32_t n_commands;
    uint8_t by_signal;  /* OUTLET_BY_*: what a signal does, set by who started the program */
    bool by_lines;      /* the program reads commands as JSON lines: see jsonl.h */
    struct buf line;    /* the command just given, as such a line */
};

enum {
    OUTLET_BY_PAUSE = 1,      /* pause and resume, even of a program that uses the library */
    OUTLET_BY_NO_PAUSE = 2,   /* it must not be held by a signal */
    OUTLET_BY_CHECKPOINT = 4, /* a signal makes it write a checkpoint */
};

/* Takes over an existing ring (and the spill file that belongs to it). NULL and a cause: not a ring, or
 * another live process drains it. */
struct outlet *outlet_open(const char *ring_path, char **cause);
/* Takes over a spill file whose ring is gone. */
struct outlet *outlet_open_spill(const char *spill_path, char **cause);
/* The ring and whatever is unsent stay for somebody else. */
void outlet_free(struct outlet *ol);
/* Nothing of it is wanted any more: the ring file and the spill file are removed. */
void outlet_discard(struct outlet *ol);
char *outlet_spill_path(const char *ring_path, char **cause);

/* ---- toward the hub ---- */
void outlet_attached(struct outlet *ol, int64_t run, int64_t epoch, int64_t trial); /* the hub's answer */
/* One turn: drains, builds batches. dead: the training process has ended. Returns how busy it was, 0..1 of
 * the ring. */
double outlet_turn(struct outlet *ol, bool dead, int64_t now);
/* Sends what the window allows. */
void outlet_send(struct outlet *ol, struct line *l);
void outlet_ack(struct outlet *ol, uint64_t seq);
void outlet_detached(
    struct outlet *ol); /* the connection is gone: everything unacknowledged will be sent again */
/* Builds a batch of whatever is there, at once. */
void outlet_flush(struct outlet *ol);
bool outlet_waiting(const struct outlet *ol);      /* sent, not acknowledged */
bool outlet_delivered(const struct outlet *ol);    /* nothing is left that the hub does not have */
int outlet_store(struct outlet *ol, char **cause); /* to the spill file */

/* ---- facts of the worker's own ---- */
/* Any event: the caller writes its payload, one map, with the writer that is returned (w). plain: it may be dropped when the hub
 * is away for long. */
struct codec_writer *outlet_event(struct outlet *ol, bool plain, struct codec_writer *w, const char *kind, int64_t time);
/* run_state. pid -1, code -1, signal 0: not said. */
void outlet_state(struct outlet *ol, const char *state, int64_t pid, int64_t code, int signal,
                  const char *message);
void outlet_text(struct outlet *ol, const char *stream, int64_t time, const void *text, size_t n);
/* A point that did not come through the ring. */
void outlet_point(struct outlet *ol, const char *name, int64_t step, int64_t time, double value);
void outlet_answer(struct outlet *ol, int64_t command, const char *state, const char *message);
/* The final answer to a command, given here. */
void outlet_finish(struct outlet *ol, int64_t command, const char *state, const char *message);
/* The training process answered: command is settled; after a stop every open stop is. */
void outlet_settle(struct outlet *ol, int64_t command, bool stop);
/* Final answers for every open command, now that the process is gone. */
void outlet_close_commands(struct outlet *ol, const char *why);

/* ---- toward the training process ---- */
enum outlet_verdict {
    OUTLET_DONE,   /* given to the ring, or answered */
    OUTLET_SIGNAL, /* the program does not use the library: the caller acts by signals (pause, resume, stop)
                      or rejects */
    OUTLET_KILL,   /* the caller ends the process now */
    OUTLET_LINE,   /* the caller gives ol->line to the program, which answers */
    OUTLET_STOP    /* given to the ring; the caller sees to it that it ends in time */
};
/* A command message of the hub. Commands seen before are not carried out again. */
enum outlet_verdict outlet_command(struct outlet *ol, const struct message *m, int64_t *id, char verb[32]);
/* The training process has opened the ring. */
bool outlet_has_library(const struct outlet *ol);

#endif
