/* sweep_log: how a sweep's events come about. The one door: recorder, then state, with a log time that never
 * decreases. What may be said only when it is on disk goes out here too. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "hub/scheduler.h"
#include "hub/sweep.h"

uint64_t sweep_put(struct sweep *s, enum event_kind kind, int64_t time, struct span body)
{
    uint64_t seq = 0;
    if (s->hub->wall > s->log_time)
        s->log_time = s->hub->wall;
    struct event ev = {
        .kind = kind, .log_time = s->log_time, .time = time ? time : s->log_time, .body = body};
    if (s->rec)
        seq = recorder_put(s->rec, kind, ev.log_time, ev.time, body);
    state_apply(s->state, &ev);
    s->quiet_since = s->hub->mono;
    hub_changed(s->hub);
    return seq;
}

struct codec_writer *sweep_begin(struct sweep *s, enum event_kind kind, size_t pairs)
{
    buf_clear(&s->body);
    cw_init(&s->w, &s->body);
    cw_map(&s->w, pairs);
    s->kind = kind;
    return &s->w;
}

uint64_t sweep_commit(struct sweep *s)
{
    return sweep_put(s, s->kind, 0, (struct span){(const char *)s->body.data, s->body.len});
}

void sweep_hub_event(struct sweep *s, const char *what, const char *fmt, ...)
{
    struct buf text = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    struct codec_writer *w = sweep_begin(s, EV_HUB, 4);
    cw_kstr(w, "what", what);
    cw_kint(w, "pid", getpid());
    cw_kstr(w, "version", HYPERTOP_VERSION);
    cw_kstr(w, "text", buf_cstr(&text));
    sweep_commit(s);
    buf_release(&text);
}

void sweep_warn(struct sweep *s, enum sweep_warning which, const char *fmt, ...)
{
    char text[sizeof s->warnings[0]] = "", *now = s->warnings[which];
    if (fmt) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
    }
    if (strcmp(now, text) == 0)
        return;
    memcpy(now, text, sizeof text);
    s->ref.warning = NULL;
    for (int i = SWEEP_WARNINGS - 1; i >= 0; i--)
        if (*s->warnings[i])
            s->ref.warning = s->warnings[i];
    if (*text && s->rec)
        sweep_hub_event(s, which == WARN_DISK ? "disk_full" : "warning", "%s", text);
    hub_changed(s->hub);
}

void sweep_propose_again(struct sweep *s)
{
    s->exhausted = s->stuck = false;
    sweep_warn(s, WARN_TUNER, NULL);
    scheduler_wake(s->hub);
}

uint64_t sweep_seq(const struct sweep *s)
{
    return s->rec ? recorder_seq(s->rec) : s->closing ? recorder_seq(s->closing) : 0;
}

/* ---- saying what is durable ---- */

static void send_ack(struct sweep *s, const struct outbox_entry *e)
{
    struct codec_writer w = hub_begin(s->hub, MSG_ACK, 0);
    cw_map(&w, 3);
    cw_kint(&w, "run", run_handle(s, e->run));
    cw_kint(&w, "epoch", e->epoch);
    cw_kint(&w, "seq", e->batch);
    hub_send(s->hub, &e->to);
}

static void note_acked(struct sweep *s, const struct outbox_entry *e)
{
    const struct state_run *r = state_run(s->state, e->run);
    if (r && r->epoch == e->epoch && s->runs[e->run].acked < e->batch)
        s->runs[e->run].acked = e->batch;
}

/* Acknowledgements are cumulative: of those in a row for the same lease only the last is sent. An entry that
 * finds the socket's queue full is kept for the next turn. */
void sweep_durable(struct sweep *s)
{
    const struct recorder *rec = s->rec ? s->rec : s->closing;
    uint64_t durable = rec ? recorder_durable(rec) : UINT64_MAX;
    struct outbox_entry *e, last = {.run = -1};
    if (rec)
        s->ref.bytes = (uint64_t)recorder_bytes(rec);
    while ((e = outbox_ready(&s->out, durable))) {
        if (e->ack) {
            if (last.run >= 0 && (last.run != e->run || last.epoch != e->epoch))
                send_ack(s, &last);
            last = *e;
            note_acked(s, e);
        } else {
            if (last.run >= 0)
                send_ack(s, &last); /* before what was put behind it */
            last.run = -1;
            s->hub->sent = true;
            if (sock_send(s->hub->router, &e->to, e->p, e->n) != 0 && errno == EAGAIN)
                break;
        }
        outbox_pop(&s->out);
    }
    if (last.run >= 0)
        send_ack(s, &last);
}

/* ---- runtime beside the state ---- */

struct run_live *sweep_run(struct sweep *s, int64_t run)
{
    if (run < 0 || run >= s->state->n_runs)
        return NULL;
    if (run >= s->cap_runs) {
        int cap = s->cap_runs ? s->cap_runs : 64;
        while (cap <= run)
            cap *= 2;
        s->runs = mem_resize(s->runs, (size_t)cap, sizeof *s->runs);
        memset(s->runs + s->cap_runs, 0, (size_t)(cap - s->cap_runs) * sizeof *s->runs);
        s->cap_runs = cap;
    }
    return &s->runs[run];
}

struct trial_live *sweep_trial(struct sweep *s, int64_t trial)
{
    if (trial < 0 || trial >= s->state->n_trials)
        return NULL;
    if (trial >= s->cap_trials) {
        int cap = s->cap_trials ? s->cap_trials : 64;
        while (cap <= trial)
            cap *= 2;
        s->trials = mem_resize(s->trials, (size_t)cap, sizeof *s->trials);
        for (int i = s->cap_trials; i < cap; i++)
            s->trials[i] = (struct trial_live){.ending = -1, .told_step = INT64_MIN};
        s->cap_trials = cap;
    }
    return &s->trials[trial];
}

int64_t run_handle(const struct sweep *s, int64_t run)
{
    return s->key << RUN_BITS | run;
}

struct sweep *run_find(struct hub *h, int64_t handle, int64_t *run)
{
    int64_t key = handle >> RUN_BITS;
    *run = handle & ((INT64_C(1) << RUN_BITS) - 1);
    for (int i = h->n_sweeps - 1; i >= 0; i--)
        if (h->sweeps[i]->key == key)
            return *run < h->sweeps[i]->state->n_runs ? h->sweeps[i] : NULL;
    return NULL;
}
