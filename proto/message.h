/* message: what is said between agents, consoles and the hub. One ZeroMQ frame is one message:
 *
 *     [version, kind, id, role, body]        MessagePack array of 5
 *
 *   version  integer, MSG_VERSION. A hub answers a newer version with an error that names its own.
 *   kind     string, one of MSG_KINDS. An unknown kind is answered with "error", never with silence.
 *   id       integer chosen by the asker, echoed in every answer to it; 0 when no answer is wanted.
 *   role     "agent", "operator" or "viewer": the role under which the sender asks. The hub answers as "hub".
 *   body     map with string keys; unknown keys are skipped, keys may be added, never renamed.
 *
 * Sockets: the hub binds one ROUTER; everybody else is a DEALER. Size bounds: MSG_MAX_AGENT, MSG_MAX_CONSOLE.
 *
 * Delivery of what a run says ("data"): the relay numbers its batches per (run, epoch) from 1. A batch is a list of
 * events. The hub writes a batch whole into one chunk of the recording, and after that chunk is synced answers
 * "ack" {run, epoch, seq}: everything up to seq is on disk. The relay keeps what is not acknowledged (in memory, then in its
 * spill file) and sends it again after a reconnect; the hub drops what it has already (seq <= last seen). At most
 * MSG_WINDOW batches are in flight per run. Before a relay closes it sends "bye" and waits for "bye.ok", because
 * ipc:// loses the tail of a sender that closes. */
#ifndef PROTO_MESSAGE_H
#define PROTO_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/codec.h"

#define MSG_VERSION     1
#define MSG_MAX_AGENT   (4 << 20)
#define MSG_MAX_CONSOLE (4 << 20)
#define MSG_WINDOW      64
#define MSG_PING_S      2 /* an agent that has nothing to say pings this often */
#define MSG_LOST_S      6 /* silence after which its runs are "lost" */

enum msg_role { ROLE_NONE, ROLE_AGENT, ROLE_OPERATOR, ROLE_VIEWER, ROLE_HUB };

/* MSG(enumerator, "kind", roles that may send it, "body")      roles: A agent, O operator, V viewer, H hub */
#define MSG_KINDS(MSG)                                                                                                 \
    MSG(HELLO, "hello", "AOV", "{program, version, user, host, pid}: first message of everybody; answered by welcome")  \
    MSG(WELCOME, "welcome", "H", "{hub, version, pid, time, readonly, role}: hub is the name, time seconds since 1970") \
    MSG(PING, "ping", "AOV", "{}: answered by pong")                                                                   \
    MSG(PONG, "pong", "H", "{time, pid}")                                                                                 \
    MSG(ERROR, "error", "H", "{message}: what was wrong with message id")                                              \
    MSG(BYE, "bye", "AOV", "{}: the sender will close after bye.ok")                                                   \
    MSG(BYE_OK, "bye.ok", "H", "{}: everything sent before bye is on disk")                                            \
    /* agents */                                                                                                       \
    MSG(WORKER_JOIN, "worker.join", "A",                                                                               \
        "{host, pid, slots, token, runs: [{run, epoch, seq}]}: offers slots; runs: what it still runs after a reconnect;" \
        " answered by ok {worker, drop: [run]} (drop: kill these, they were given away)")                              \
    MSG(RUN_ATTACH, "run.attach", "A",                                                                                 \
        "{program, host, pid, params, run, epoch, seq, group, title, metric, goal, steer}: a process nobody leased reports by" \
        " itself; run, epoch, seq when it did so before (reconnect): the same run goes on; the others are a watcher's: runs of" \
        " one group are one sweep with this metric and goal; steer: it can carry out kill, stop and enqueue; answered by ok"   \
        " {sweep, trial, run, epoch}")                                                                                 \
    MSG(LEASE, "lease", "H",                                                                                           \
        "{sweep, trial, run, seed, phase, epoch, params: {}, argv: [], env: {}, cwd, fidelity, wandb, config, wrap: {}}: execute this;"  \
        " wandb auto or on: our module in wandb's place, which gets config; wrap: agent/wrap.h; answered by run_state events in data")                                                                                   \
    MSG(DATA, "data", "A",                                                                                             \
        "{run, epoch, seq, events: [[kind, time_ns, payload]...]}: see event.h; the payloads come without run, epoch and seq:" \
        " the hub puts them in")                                                                                       \
    MSG(ACK, "ack", "H", "{run, epoch, seq}: all batches up to seq are on disk")                                       \
    MSG(COMMAND, "command", "H",                                                                                       \
        "{run, epoch, command, verb, args: {}}: verb is set, pause, resume, stop, checkpoint, kill or a custom command;" \
        " answered by command events in data")                                                                         \
    /* consoles and scripts */                                                                                         \
    MSG(SWEEP_START, "sweep.start", "O",                                                                               \
        "{yaml, path, cwd, env: {}, options: {tuner, seed, budget, workers, name}}: answered by ok {sweep, recording, warnings: []}") \
    MSG(VIEW, "view", "OV", "{view, ...}: one answer, then done; see view.h")                                          \
    MSG(SUB, "sub", "OV", "{view, hz, ...}: the same, then again whenever it changed, at most hz times a second")      \
    MSG(UNSUB, "unsub", "OV", "{sub}: id of the sub message")                                                          \
    MSG(VIEW_DATA, "view.data", "H", "{sub, full, count, parts: [[index, value]...], head: {}}: see view.h")           \
    MSG(SEND, "send", "OV", "{verb, target, args: {}, reason, sweep, who, wait}: answered by result, one per target")  \
    MSG(RESULT, "result", "H", "{id, verb, target, state, message, more}: state accepted, applied, rejected, expired") \
    MSG(HUB_STOP, "hub.stop", "O", "{}: sync, close the recordings, end; workers are told to stop")                    \
    MSG(OK, "ok", "H", "{...}: the answer to a request that has no kind of its own for it")

enum msg_kind {
    MSG_UNKNOWN,
#define MSG_ENUM(e, name, roles, text) MSG_##e,
    MSG_KINDS(MSG_ENUM)
#undef MSG_ENUM
        MSG_COUNT
};

const char *msg_name(enum msg_kind k);
const char *msg_text(enum msg_kind k);  /* the body column, for the manual */
bool msg_allowed(enum msg_kind k, enum msg_role role); /* the table above: may this role send it */
enum msg_role msg_role_parse(struct span s);
const char *msg_role_name(enum msg_role r);

struct message {
    enum msg_kind kind;
    int64_t id;
    enum msg_role role;
    struct span kind_name; /* as sent, for the error answer to an unknown kind */
    struct span body;      /* a validated map inside the frame */
};

/* Checks the frame against every bound; false with a static sentence in *why. m borrows from the frame. */
bool msg_parse(struct message *m, const void *frame, size_t n, const char **why);
/* Starts a message in b (which it clears); the caller then writes exactly one map as the body with w. */
void msg_begin(struct codec_writer *w, struct buf *b, enum msg_kind k, int64_t id, enum msg_role role);

#endif
