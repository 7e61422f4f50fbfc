/* event: the log that a sweep is. The hub's state is a fold over these; the recording holds nothing else.
 *
 * An event is (kind, log time, payload). In the recording each kind is a channel named "/KIND", message_encoding
 * "msgpack", schemaless; log_time is the hub's wall clock at arrival (never decreasing within a recording), publish_time the
 * sender's. The payload is a map with string keys; unknown keys and unknown kinds are skipped by every reader, keys and
 * kinds are added, never renamed or given another meaning. Times in payloads are nanoseconds since 1970.
 *
 * Identifiers: a trial is an integer from 0 counting up within its sweep, shown as t17. A run is an integer from 0
 * within its sweep. An intervention is an integer from 1. Parameter values are MessagePack scalars (nested for nested). */
#ifndef PROTO_EVENT_H
#define PROTO_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/codec.h"

/* EVENT(enumerator, "kind", "payload") */
#define EVENT_KINDS(EVENT)                                                                                              \
    EVENT(SWEEP, "sweep",                                                                                              \
          "{sweep, yaml, path, cwd, env, metric, goal, objectives: [{name, goal, reference}], tuner, seed, budget, workers,"  \
          " adhoc}: first event; objectives only when there are several; a later one"  \
          " with {state} changes the sweep's state: running, paused, done, failed")                                    \
    EVENT(SPACE, "space", "{version, yaml, edit, intervention}: the search space from here on; version 1 is in the sweep file. yaml: the"  \
          " parameters; edit: what was asked for")            \
    EVENT(TRIAL, "trial",                                                                                              \
          "{trial, params, dna: [f64], origin, space_version, parent, propensity, arm, why}: a configuration was chosen;" \
          " origin: tuner, enqueued, cloned, adhoc, imported")                                                         \
    EVENT(TRIAL_STATE, "trial_state", "{trial, state, why, intervention}: see the table of legal moves in hub/trial.h;"  \
          " asked, steps, donor: an ask of the tuner resumed it; asked, replicate: it is done and runs once more, with that seed") \
    EVENT(RUN, "run", "{run, trial, seed, epoch, state, worker, pid, exit, signal, why, phase, replicate}: a run or its new state;" \
          " states: queued, leased, running, paused, done, failed, killed, lost, held, stopped")                             \
    EVENT(POINTS, "points", "{run, epoch, seq, c: bin}: columns of metric points, points.h")                           \
    EVENT(TEXT, "text", "{run, epoch, seq, stream, text}: output of the process; stream out, err or log")              \
    EVENT(REPORT, "report", "{run, epoch, seq, trial, step, value}: the objective at a fidelity, as the trainer said it") \
    EVENT(TELL, "tell", "{trial, step, value, values: [f64], state, action, why, rung}: what the tuner was told and decided; values: of all"  \
          " objectives, when there are several and this is the final word; state is" \
          " running, final, failed or withdrawn; action continue, stop, pause, change {donor, params}; incumbent: who leads since,"  \
          " in a sweep with replicates; replicate: it is about a further run of a trial that is done")                                                           \
    EVENT(DECLARE, "declare", "{run, epoch, seq, name, type, low, high, log, choices, live, value}: a parameter declared by the code") \
    EVENT(COMMAND, "command", "{run, epoch, seq, command, state, param, old, new, step, message}: an agent's answer;"   \
          " command is the intervention's id; state delivered, applied, rejected")                                     \
    EVENT(CHECKPOINT, "checkpoint", "{run, epoch, seq, path, step}")                                                   \
    EVENT(PULLS, "pulls", "{run, epoch, seq, bandit, c: bin}: columns of in-process pulls, points.h")                  \
    EVENT(BANDIT, "bandit", "{run, epoch, seq, bandit, name, algorithm, arms: [label]}: an in-process bandit was opened") \
    EVENT(RUN_STATE, "run_state", "{run, epoch, seq, state, pid, exit, signal, message, as}: from the worker: started,"     \
          " paused, resumed, exited, failed_to_start, dropped {points}")                                               \
    EVENT(ARMS, "arms", "{bandit, rows: [{arm, label, pulls, mean, low, high, p_next, p_best, p_free, banned, pinned, boost}]}:" \
          " what the tuner's explain said, whenever it changed; or of a run's bandit {run, epoch, seq, bandit, t, p_next: [f64],"   \
          " p_best: [f64], steered: [{arm, banned, pinned, boost, left}]}: after pull t; left: choices until it ends")                                                       \
    EVENT(INTERVENTION, "intervention", "{id, who, verb, target, args, reason, undo_of, state, message, step, run}: states" \
          " queued, sent, delivered, applied, rejected, expired, undone; one event per change, same id")               \
    EVENT(WORKER, "worker", "{worker, host, pid, slots, state}: states joined, lost, left")                            \
    EVENT(TUNER, "tuner", "{asks, tells, dump: bin}: the tuner's state, so that recovery need not re-run it all")      \
    EVENT(HUB, "hub", "{what, pid, version, text}: started, stopped, recovered, damaged, disk_full, disk_ok, warning") \
    EVENT(HOST, "host", "{host, role, cpu, memory, memory_total, load, net_in, net_out, disk_in, disk_out, gpus: [{name, use, memory,"  \
          " memory_total, power, temperature}], power, energy}: what a machine does now; role hub or worker; shares 0..1, bytes,"      \
          " bytes/s, W, J; absent: not measured")                                                                              \
    EVENT(SURFACE, "surface",                                                                                           \
          "{run, epoch, seq, surface, step, columns, rows, x0, x1, y0, y1, norm, loss, done, state, at: [i64], z: [f64], why}:"  \
          " cells of a plane of losses through the weights that the run had at step, as they were evaluated; surface is the" \
          " intervention's id; at: row * columns + column, row 0 is y0; loss: at the weights themselves; done: cells so far;"  \
          " norm filter, layer, towards; state on, done, stopped, failed")

enum event_kind {
    EV_UNKNOWN,
#define EVENT_ENUM(e, name, text) EV_##e,
    EVENT_KINDS(EVENT_ENUM)
#undef EVENT_ENUM
        EV_COUNT
};

const char *event_name(enum event_kind k);
const char *event_text(enum event_kind k); /* the payload column, for the manual */
enum event_kind event_parse(struct span name);

struct event {
    enum event_kind kind;
    int64_t log_time; /* ns, wall clock of the hub */
    int64_t time;     /* ns, wall clock of the sender (publish_time) */
    struct span body; /* a validated map; borrowed */
};

#endif
