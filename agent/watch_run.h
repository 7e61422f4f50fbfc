/* watch_run: one trial of another tool as a run of the hub's: what its files said becomes numbered batches, which are kept
 * until the hub has them. Nothing goes to a spill file: the tool's own files are that. Single-threaded. */
#ifndef AGENT_WATCH_RUN_H
#define AGENT_WATCH_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/line.h"
#include "base/buf.h"
#include "proto/points.h"
#include "read/sink.h"

struct watch_point {
    uint32_t metric, order;
    int64_t step, time;
    double value;
};

struct watch_batch {
    uint64_t seq;
    uint32_t events;
    uint8_t *data;
    size_t len;
};

struct watch_run {
    char *key, *title;
    struct watch_param {
        char *name;
        struct buf value; /* MessagePack */
    } *params; /* as known when it attaches */
    uint32_t n_params;
    struct buf events; /* under construction */
    uint32_t n_events;
    struct watch_point *points;
    uint32_t n_points, cap_points;
    struct watch_batch *batches; /* head..n */
    size_t head, n, cap, bytes;
    int64_t run, epoch, trial; /* as the hub numbers it; run -1: not attached yet */
    int64_t asked;             /* id of the attach that has no answer yet */
    bool attached;             /* on this connection */
    bool told;                 /* there is something to say */
    int64_t told_at;           /* monotonic: since when */
    bool measured;             /* a value is among it: parameters come before, so it need not wait for them */
    enum read_state state;
    bool ended; /* its end was said */
    int64_t step, report_step;
    uint64_t next_seq, sent, acked;
};

struct watch_run *watch_run_new(const char *key);
void watch_run_free(struct watch_run *r);

/* ---- what the files said ---- */
void watch_run_param(struct watch_run *r, const char *name, const struct read_value *v);
void watch_run_point(struct watch_run *r, uint32_t metric, int64_t step, int64_t time, double value);
void watch_run_report(struct watch_run *r, int64_t step, int64_t time, double value);
void watch_run_text(struct watch_run *r, const char *stream, int64_t time, const char *text, size_t n);
void watch_run_state(struct watch_run *r, enum read_state state, const char *why);
/* Makes a batch of it. metrics: the names of the points' numbers. */
void watch_run_flush(struct watch_run *r, char (*metrics)[POINTS_NAME]);

/* ---- toward the hub ---- */
void watch_run_answer(struct watch_run *r, int64_t command, const char *state, const char *message);
/* Sends what the window allows, at most `budget` bytes; returns the bytes. */
size_t watch_run_send(struct watch_run *r, struct line *l, size_t budget);
void watch_run_ack(struct watch_run *r, uint64_t seq);
bool watch_run_delivered(const struct watch_run *r);

#endif
