/* random_log: a made-up sweep's log in memory, with something of every kind of event, repeats, stale leases
 * and nonsense in it, for the tests that compare "as of T" with a fold cut at T. Log times lie on whole
 * microseconds and repeat. */
#ifndef TESTS_RANDOM_LOG_H
#define TESTS_RANDOM_LOG_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "hub/state.h"
#include "proto/points.h"

struct random_event {
    enum event_kind kind;
    int64_t log_time, time;
    size_t at, n; /* in bodies */
};

struct random_log {
    struct rng rng;
    struct random_event *events;
    int n;
    struct buf bodies;
    struct codec_writer w;
    int64_t now;
    bool still; /* time only passes when the test says so */
    int trials, runs, ivs;
    struct random_run {
        int trial, epoch, state;
        int64_t seq, step, rounds;
    } run[4096];
};

static inline uint64_t log_pick(struct random_log *l, uint64_t n)
{
    return rng_below(&l->rng, n);
}

static inline struct codec_writer *log_begin(struct random_log *l, enum event_kind kind, size_t pairs)
{
    if (!l->still && log_pick(l, 3) == 0)
        l->now += (int64_t)log_pick(l, 3000) * 1000000;
    l->events = mem_resize(l->events, (size_t)l->n + 1, sizeof *l->events);
    int64_t time = l->still ? l->now : l->now - (int64_t)log_pick(l, 50000);
    l->events[l->n++] = (struct random_event){kind, l->now, time, l->bodies.len, 0};
    cw_init(&l->w, &l->bodies);
    cw_map(&l->w, pairs);
    return &l->w;
}

static inline void log_end(struct random_log *l)
{
    l->events[l->n - 1].n = l->bodies.len - l->events[l->n - 1].at;
}

static inline struct event log_event(const struct random_log *l, int i)
{
    const struct random_event *e = &l->events[i];
    return (struct event){e->kind, e->log_time, e->time, {(const char *)l->bodies.data + e->at, e->n}};
}

static inline void log_sweep(struct random_log *l)
{
    struct codec_writer *w = log_begin(l, EV_SWEEP, 6);
    cw_kstr(w, "sweep", "made-up");
    cw_kstr(w, "metric", log_pick(l, 2) ? "val_loss" : "objective");
    cw_kstr(w, "goal", log_pick(l, 2) ? "minimize" : "maximize");
    cw_kstr(w, "tuner", "random");
    cw_kint(w, "budget", 40);
    cw_kint(w, "workers", 3);
    log_end(l);
}

static inline void log_trial(struct random_log *l)
{
    static const char *const opts[] = {"sgd", "adam", "momentum"};
    struct codec_writer *w = log_begin(l, EV_TRIAL, 7);
    cw_kint(w, "trial", l->trials++);
    cw_str(w, "params");
    cw_map(w, 3);
    cw_kdouble(w, "lr", exp(-7 * rng_unit(&l->rng)));
    cw_kint(w, "units", 1 << log_pick(l, 8));
    cw_kstr(w, "opt", opts[log_pick(l, 3)]);
    cw_kstr(w, "origin", log_pick(l, 5) ? "tuner" : "enqueued");
    cw_kint(w, "space_version", 1);
    cw_kdouble(w, "propensity", 0.25);
    cw_kstr(w, "why", "because");
    cw_kint(w, "parent", log_pick(l, 6) ? -1 : (int64_t)log_pick(l, (uint64_t)l->trials));
    log_end(l);
}

static inline void log_trial_state(struct random_log *l)
{
    struct codec_writer *w = log_begin(l, EV_TRIAL_STATE, 3);
    cw_kint(w, "trial", (int64_t)log_pick(l, (uint64_t)l->trials + 1));
    static const uint8_t usual[] = {TRIAL_RUNNING, TRIAL_RUNNING, TRIAL_RUNNING,
                                    TRIAL_PAUSED,  TRIAL_LOST,    TRIAL_DONE};
    int to = log_pick(l, 3) ? usual[log_pick(l, 6)] : (int)log_pick(l, TRIAL_STATE_COUNT);
    cw_kstr(w, "state", trial_state_name((enum trial_state)to));
    cw_kstr(w, "why", "so");
    log_end(l);
}

static inline void log_run(struct random_log *l)
{
    bool fresh = l->runs < 4000 && (l->runs == 0 || log_pick(l, 2) == 0);
    int id = fresh ? l->runs++ : (int)log_pick(l, (uint64_t)l->runs);
    struct random_run *r = &l->run[id];
    if (fresh)
        *r = (struct random_run){.trial = (int)log_pick(l, (uint64_t)l->trials)};
    else if (log_pick(l, 8) == 0)
        r->epoch++, r->seq = 0;
    int to = fresh ? RUN_QUEUED : log_pick(l, 4) ? RUN_RUNNING : (int)log_pick(l, RUN_STATE_COUNT);
    struct codec_writer *w = log_begin(l, EV_RUN, 8);
    cw_kint(w, "run", id);
    cw_kint(w, "trial", r->trial);
    cw_kint(w, "seed", (int64_t)log_pick(l, 2));
    cw_kint(w, "epoch", r->epoch);
    cw_kstr(w, "state", run_state_name((enum run_state)to));
    cw_kstr(w, "worker", fresh ? "" : log_pick(l, 2) ? "w1" : "w2");
    cw_kint(w, "pid", 1000 + (int64_t)log_pick(l, 5));
    cw_kint(w, "exit", to >= RUN_DONE ? (int64_t)log_pick(l, 2) : -1);
    log_end(l);
}

static inline struct codec_writer *log_said(struct random_log *l, enum event_kind kind, size_t pairs,
                                            int *run)
{
    *run = (int)log_pick(l, (uint64_t)l->runs);
    struct random_run *r = &l->run[*run];
    struct codec_writer *w = log_begin(l, kind, pairs + 3);
    cw_kint(w, "run", *run);
    cw_kint(w, "epoch", log_pick(l, 20) ? r->epoch : r->epoch - 1);
    cw_kint(w, "seq", ++r->seq);
    return w;
}

static inline void log_points(struct random_log *l)
{
    static const char *const names[] = {"val_loss", "train_loss", "lr", "esc\x1b[31m"};
    int run;
    struct codec_writer *w = log_said(l, EV_POINTS, 1, &run);
    struct random_run *r = &l->run[run];
    struct buf c = {0};
    int64_t steps[90], times[90];
    double values[90];
    points_begin(&c);
    int blocks = 1 + (int)log_pick(l, 3), n = log_pick(l, 2) ? 1 : 1 + (int)log_pick(l, 90);
    for (int b = 0; b < blocks; b++) {
        for (int i = 0; i < n; i++) {
            steps[i] = r->step + i;
            times[i] = l->now - 1000000 + i * 1000;
            values[i] = log_pick(l, 30) ? 1.0 / (1 + (double)steps[i]) + 0.01 * rng_normal(&l->rng) : NAN;
        }
        points_add(&c, names[(b + (int)log_pick(l, 2)) % 4], (uint32_t)n, steps, times, values);
    }
    r->step = log_pick(l, 40) ? r->step + n : r->step / 2; /* back to a checkpoint now and then */
    cw_str(w, "c");
    cw_bin(w, c.data, c.len);
    log_end(l);
    buf_release(&c);
}

static inline void log_report(struct random_log *l)
{
    int run;
    struct codec_writer *w = log_said(l, EV_REPORT, 2, &run);
    cw_kint(w, "step", l->run[run].step++);
    cw_kdouble(w, "value", log_pick(l, 20) ? rng_unit(&l->rng) : NAN);
    log_end(l);
}

static inline void log_text(struct random_log *l)
{
    int run;
    struct codec_writer *w = log_said(l, EV_TEXT, 2, &run);
    cw_kstr(w, "stream", log_pick(l, 2) ? "out" : "err");
    cw_kstr(w, "text", log_pick(l, 2) ? "one\ntwo\n" : "epoch 3 loss 0.1\x1b[2J");
    log_end(l);
}

static inline void log_declare(struct random_log *l)
{
    int run;
    struct codec_writer *w = log_said(l, EV_DECLARE, 7, &run);
    cw_kstr(w, "name", log_pick(l, 2) ? "lr" : "dropout");
    cw_kstr(w, "type", "float");
    cw_kdouble(w, "low", 1e-5);
    cw_kdouble(w, "high", 1);
    cw_kbool(w, "log", true);
    cw_kbool(w, "live", log_pick(l, 4) != 0);
    cw_kdouble(w, "value", 0.001 * (double)(1 + log_pick(l, 3)));
    log_end(l);
}

static inline void log_command(struct random_log *l)
{
    int run;
    struct codec_writer *w = log_said(l, EV_COMMAND, 6, &run);
    cw_kint(w, "command", (int64_t)log_pick(l, (uint64_t)l->ivs + 1));
    cw_kstr(w, "state", log_pick(l, 2) ? "applied" : "delivered");
    cw_kstr(w, "param", "lr");
    cw_kdouble(w, "old", 0.001);
    cw_kdouble(w, "new", 0.001 * (double)(1 + log_pick(l, 9)));
    cw_kint(w, "step", l->run[run].step);
    log_end(l);
}

static inline void log_intervention(struct random_log *l)
{
    static const char *const verbs[] = {"note",        "tag", "set",   "budget", "explore",
                                        "concurrency", "ban", "pause", "note"};
    bool fresh = l->ivs == 0 || log_pick(l, 2) == 0;
    int id = fresh ? ++l->ivs : 1 + (int)log_pick(l, (uint64_t)l->ivs);
    struct codec_writer *w = log_begin(l, EV_INTERVENTION, 9);
    cw_kint(w, "id", id);
    cw_kstr(w, "who", "alice");
    cw_kstr(w, "verb", verbs[id % 9]);
    struct buf target = {0};
    if (strcmp(verbs[id % 9], "ban") == 0)
        buf_puts(&target, "sgd");
    else if (id % 9 < 2 || id % 9 > 5)
        buf_printf(&target, id % 3 ? "t%d" : "%d,t1", id % (l->trials + 1));
    cw_kstr(w, "target", buf_cstr(&target));
    buf_release(&target);
    cw_str(w, "args");
    cw_map(w, 6);
    cw_kstr(w, "text", "look at this");
    cw_str(w, "add");
    cw_array(w, 2);
    cw_str(w, "base");
    cw_str(w, id % 4 ? "debug" : "keep");
    cw_str(w, "remove");
    cw_array(w, 1);
    cw_str(w, id % 5 ? "none" : "base");
    cw_kint(w, "value", 5);
    cw_kbool(w, "relative", id % 2);
    cw_kdouble(w, "factor", 1.5);
    cw_kstr(w, "reason", "to see");
    cw_kstr(w, "state", iv_state_name(fresh ? IV_QUEUED : (enum iv_state)(1 + log_pick(l, 6))));
    cw_kint(w, "step", (int64_t)log_pick(l, 100));
    cw_kint(w, "undo_of", id > 2 && id % 7 == 0 ? id - 1 : 0);
    log_end(l);
}

static inline void log_bandit(struct random_log *l)
{
    int run;
    struct codec_writer *w = log_said(l, EV_BANDIT, 4, &run);
    cw_kint(w, "bandit", 0);
    cw_kstr(w, "name", "omega");
    cw_kstr(w, "algorithm", "tsallis");
    cw_str(w, "arms");
    cw_array(w, 3);
    cw_str(w, "1.0");
    cw_str(w, "1.4");
    cw_str(w, "1.8");
    log_end(l);
}

static inline void log_pulls(struct random_log *l)
{
    int run;
    struct codec_writer *w = log_said(l, EV_PULLS, 2, &run);
    struct pull p[20];
    int n = 1 + (int)log_pick(l, 20);
    for (int i = 0; i < n; i++)
        p[i] = (struct pull){.t = ++l->run[run].rounds, .time = l->now - 1000, .cost = rng_unit(&l->rng),
                             .context = NAN, .propensity = 0.5f, .arm = (uint16_t)log_pick(l, 3)};
    struct buf c = {0};
    pulls_pack(&c, p, (uint32_t)n);
    cw_kint(w, "bandit", 0);
    cw_str(w, "c");
    cw_bin(w, c.data, c.len);
    buf_release(&c);
    log_end(l);
}

static inline void log_arms(struct random_log *l)
{
    struct codec_writer *w = log_begin(l, EV_ARMS, 2);
    cw_kstr(w, "bandit", "tuner");
    cw_str(w, "rows");
    cw_array(w, 2);
    for (int i = 0; i < 2; i++) {
        cw_map(w, 11);
        cw_kint(w, "arm", i);
        cw_kstr(w, "label", i ? "sgd" : "adam");
        cw_kint(w, "pulls", (int64_t)log_pick(l, 50));
        cw_kdouble(w, "mean", rng_unit(&l->rng));
        cw_kdouble(w, "low", 0);
        cw_kdouble(w, "high", 1);
        cw_kdouble(w, "p_next", 0.5);
        cw_kdouble(w, "p_best", NAN);
        cw_kbool(w, "banned", false);
        cw_kbool(w, "pinned", false);
        cw_kdouble(w, "boost", 1);
    }
    log_end(l);
}

static inline void log_rest(struct random_log *l)
{
    int run;
    struct codec_writer *w;
    switch (log_pick(l, 7)) {
    case 0:
        w = log_begin(l, EV_WORKER, 5);
        cw_kstr(w, "worker", log_pick(l, 2) ? "w1" : "w2");
        cw_kstr(w, "host", "gpu01");
        cw_kint(w, "pid", (int64_t)log_pick(l, 100));
        cw_kint(w, "slots", 2);
        cw_kstr(w, "state", log_pick(l, 3) ? "joined" : "lost");
        break;
    case 1:
        w = log_begin(l, EV_HUB, 2);
        cw_kstr(w, "what", "recovered");
        cw_kstr(w, "text", "3 runs");
        break;
    case 2:
        w = log_begin(l, EV_SPACE, 2);
        cw_kint(w, "version", 2 + (int64_t)log_pick(l, 5));
        cw_kstr(w, "yaml", "x: 1");
        break;
    case 3:
        w = log_begin(l, EV_SWEEP, 1);
        cw_kstr(w, "state", log_pick(l, 2) ? "paused" : "running");
        break;
    case 4:
        w = log_begin(l, EV_TELL, 5);
        cw_kint(w, "trial", (int64_t)log_pick(l, (uint64_t)l->trials));
        cw_kint(w, "step", 3);
        cw_kdouble(w, "value", 0.5);
        cw_kstr(w, "action", log_pick(l, 2) ? "continue" : "stop");
        cw_kint(w, "rung", (int64_t)log_pick(l, 3));
        break;
    case 5:
        w = log_said(l, EV_CHECKPOINT, 2, &run);
        cw_kstr(w, "path", "/tmp/ckpt");
        cw_kint(w, "step", l->run[run].step);
        break;
    default:
        w = log_said(l, EV_RUN_STATE, 3, &run);
        cw_kstr(w, "state", log_pick(l, 2) ? "started" : "dropped");
        cw_kint(w, "pid", 77);
        cw_kint(w, "points", 3);
    }
    log_end(l);
}

static inline struct random_log *log_make(uint64_t seed, int n)
{
    static void (*const any[])(struct random_log *) = {
        log_trial,        log_trial_state, log_trial_state, log_run,    log_run,    log_run,
        log_points,       log_points,      log_points,      log_report, log_report, log_report,
        log_text,         log_declare,     log_command,     log_intervention,
        log_intervention, log_bandit,      log_pulls,       log_arms,   log_rest};
    struct random_log *l = MEM_NEW(struct random_log);
    rng_seed(&l->rng, seed);
    l->now = INT64_C(1700000000000000000);
    log_sweep(l);
    log_trial(l);
    log_run(l);
    while (l->n < n)
        any[log_pick(l, sizeof any / sizeof *any)](l);
    return l;
}

static inline void log_free(struct random_log *l)
{
    free(l->events);
    buf_release(&l->bodies);
    free(l);
}

/* Folds the events with log_time <= t. */
static inline struct state *log_fold(const struct random_log *l, int64_t t)
{
    struct state *s = state_new();
    for (int i = 0; i < l->n; i++) {
        struct event ev = log_event(l, i);
        if (ev.log_time <= t)
            state_apply(s, &ev);
    }
    return s;
}

#endif
