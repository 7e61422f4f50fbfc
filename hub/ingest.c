/* ingest: see ingest.h. The hot path of the hub: a batch is walked once, its payloads are copied once (into
 * the recorder's chunk, with run, epoch and batch number put in front), and folded once.
 *
 * What a batch may do: only what its run's current lease allows. An agent cannot speak for another run,
 * because its peer must be the one that holds the lease, nor for an earlier epoch, because such batches are
 * refused and the run is told to end. */
#include "hub/ingest.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hub/hold.h"
#include "hub/intervention.h"
#include "hub/objective.h"
#include "hub/peer.h"
#include "hub/scheduler.h"
#include "hub/sweep.h"
#include "hub/trial.h"
#include "hub/watched.h"
#include "hub/worker.h"

/* ---- back-pressure ---- */

bool ingest_congested(struct hub *h)
{
    for (int i = 0; i < h->n_sweeps; i++)
        if (h->sweeps[i]->rec && recorder_congested(h->sweeps[i]->rec))
            return true;
    return false;
}

bool ingest_full(struct hub *h)
{
    return h->held_bytes + MSG_MAX_AGENT > HUB_HELD_MAX && ingest_congested(h);
}

/* ---- one event of a batch ---- */

/* Kinds that a run may say. Everything else in a batch is skipped. */
static bool run_says(enum event_kind k)
{
    switch (k) {
    case EV_POINTS:
    case EV_TEXT:
    case EV_REPORT:
    case EV_DECLARE:
    case EV_COMMAND:
    case EV_CHECKPOINT:
    case EV_PULLS:
    case EV_BANDIT:
    case EV_ARMS:
    case EV_SURFACE:
    case EV_HOST:
    case EV_RUN_STATE:
        return true;
    default:
        return false;
    }
}

struct batch {
    struct sweep *s;
    int64_t run, epoch, seq;
    int64_t trial;
};

static bool ours(struct span key)
{
    return span_eq(key, "run") || span_eq(key, "epoch") || span_eq(key, "seq") || span_eq(key, "trial");
}

/* The payload with who said it in front. Keys of that meaning inside it are dropped: the lease decides, not
 * the sender. */
static bool address(struct batch *b, struct span payload, struct buf *out)
{
    struct codec_reader r;
    struct codec_writer w;
    cr_init(&r, payload.p, payload.n);
    size_t pairs = cr_map(&r), own = 0;
    struct codec_reader scan = r;
    for (size_t i = 0; i < pairs && cr_ok(&scan); i++) {
        own += ours(cr_str(&scan));
        cr_skip(&scan);
    }
    if (!cr_ok(&scan))
        return false;
    buf_clear(out);
    cw_init(&w, out);
    cw_map(&w, pairs - own + 4);
    cw_kint(&w, "run", b->run);
    cw_kint(&w, "epoch", b->epoch);
    cw_kint(&w, "seq", b->seq);
    cw_kint(&w, "trial", b->trial);
    if (own == 0) {
        cw_raw(&w, r.p, (size_t)(r.end - r.p));
        return true;
    }
    for (size_t i = 0; i < pairs; i++) {
        struct span key = cr_str(&r), v = cr_value(&r);
        if (ours(key))
            continue;
        cw_strn(&w, key.p, key.n);
        cw_raw(&w, v.p, v.n);
    }
    return true;
}

static void run_exited(struct batch *b, struct span body)
{
    struct sweep *s = b->s;
    struct run_live *l = sweep_run(s, b->run);
    const struct trial_live *t = sweep_trial(s, b->trial);
    struct run_change c = RUN_CHANGE(RUN_DONE);
    char why[240] = "";
    c.exit = (int)cmap_int(body, "exit", -1);
    c.signal = (int)cmap_int(body, "signal", 0);
    cmap_strcpy(body, "message", why, sizeof why);
    watched_verdict(s, b->trial, cmap_str(body, "as"), why);
    /* Told to end by somebody who did not mean the trial (a worker that leaves, a preempting scheduler): it
     * runs again. */
    if (hold_ended(s, b->run, NULL)) {
        intervention_run_ended(s, b->run);
        return;
    }
    bool outside = s->hub->stopping || (l->worker && l->worker->leaving) || c.signal == SIGTERM;
    if ((c.signal || c.exit != 0) && outside && t->ending < 0 && !l->stopping) {
        intervention_run_ended(s, b->run);
        scheduler_give_again(s, b->run, "it was told to end from outside");
        trial_settle(s, b->trial);
        return;
    }
    if (t->ending == TRIAL_KILLED) {
        c.state = RUN_KILLED;
    } else if (t->ending >= 0 || l->stopping) {
        c.state = RUN_STOPPED;
    } else if (c.signal) {
        c.state = RUN_FAILED;
        if (!*why)
            snprintf(why, sizeof why, "ended by signal %d", c.signal);
    } else if (c.exit != 0) {
        c.state = RUN_FAILED;
        if (!*why)
            snprintf(why, sizeof why, "exited with status %d", c.exit);
    }
    c.why = why;
    run_move(s, b->run, &c);
    intervention_run_ended(s, b->run);
    trial_settle(s, b->trial);
}

static void run_failed_to_start(struct batch *b, struct span body)
{
    struct run_change c = RUN_CHANGE(RUN_FAILED);
    char why[240];
    if (!cmap_strcpy(body, "message", why, sizeof why) || !*why)
        snprintf(why, sizeof why, "the program could not be started");
    c.why = why;
    run_move(b->s, b->run, &c);
    intervention_run_ended(b->s, b->run);
    trial_settle(b->s, b->trial);
}

static void react_run_state(struct batch *b, struct span body)
{
    struct span what = cmap_str(body, "state");
    if (run_state_terminal(run_now(b->s, b->run)))
        return;
    if (span_eq(what, "exited")) {
        run_exited(b, body);
    } else if (span_eq(what, "failed_to_start")) {
        run_failed_to_start(b, body);
    } else {
        sweep_run(b->s, b->run)->leased_at = 0;
        trial_settle(b->s, b->trial);
    }
}

static void take_event(struct batch *b, enum event_kind kind, int64_t time, struct span payload)
{
    struct sweep *s = b->s;
    struct buf *out = &s->hub->payload;
    if (!address(b, payload, out))
        return;
    struct span body = {(const char *)out->data, out->len};
    struct objective_mark before = {-1, 0};
    if (kind == EV_POINTS)
        before = objective_mark(s, b->run);
    if (kind == EV_REPORT)
        sweep_run(s, b->run)->reported = true;
    sweep_put(s, kind, time, body);
    switch (kind) {
    case EV_POINTS:
        objective_points(s, b->run, before);
        break;
    case EV_REPORT:
        objective_reported(s, b->run);
        break;
    case EV_COMMAND:
        if (cmap_int(body, "command", 0) < 0)
            hold_answered(s, b->run, body);
        else
            intervention_answered(s, b->run, body);
        break;
    case EV_CHECKPOINT:
        hold_checkpointed(s, b->run);
        break;
    case EV_RUN_STATE:
        react_run_state(b, body);
        break;
    default:
        break;
    }
}

static void take_batch(struct batch *b, struct span events)
{
    struct codec_reader r;
    cr_init(&r, events.p, events.n);
    recorder_group_begin(b->s->rec);
    for (size_t n = cr_array(&r); n > 0 && cr_ok(&r); n--) {
        if (cr_array(&r) != 3)
            break;
        struct span name = cr_str(&r);
        int64_t time = cr_int(&r);
        if (cr_peek(&r) != CT_MAP)
            break;
        struct span payload = cr_value(&r);
        enum event_kind kind = event_parse(name);
        if (cr_ok(&r) && run_says(kind))
            take_event(b, kind, time, payload);
    }
    recorder_group_end(b->s->rec);
}

/* ---- batches ---- */

static void send_ack(struct hub *h, const struct sock_peer *to, int64_t handle, int64_t epoch, int64_t seq,
                     bool stale)
{
    struct codec_writer w = hub_begin(h, MSG_ACK, 0);
    cw_map(&w, stale ? 4 : 3);
    cw_kint(&w, "run", handle);
    cw_kint(&w, "epoch", epoch);
    cw_kint(&w, "seq", seq);
    if (stale)
        cw_kbool(&w, "stale", true);
    hub_send(h, to);
}

/* Nobody wants this batch any more: its sender is told to end the run, and to forget the batch. */
static void refuse(struct hub *h, struct peer *p, const struct message *m)
{
    int64_t handle = cmap_int(m->body, "run", -1), epoch = cmap_int(m->body, "epoch", -1);
    struct codec_writer w = hub_begin(h, MSG_COMMAND, 0);
    cw_map(&w, 5);
    cw_kint(&w, "run", handle);
    cw_kint(&w, "epoch", epoch);
    cw_kint(&w, "command", 0);
    cw_kstr(&w, "verb", "kill");
    cw_str(&w, "args");
    cw_map(&w, 0);
    hub_send(h, &p->id);
    send_ack(h, &p->id, handle, epoch, cmap_int(m->body, "seq", 0), true);
}

/* Whether this peer speaks for the run under its current lease. */
static bool leased_to(struct sweep *s, int64_t run, int64_t epoch, const struct peer *p)
{
    const struct state_run *r = state_run(s->state, run);
    const struct run_live *l = sweep_run(s, run);
    return r && r->epoch == epoch && l->peer.n && memcmp(&l->peer, &p->id, sizeof p->id) == 0;
}

void ingest_data(struct hub *h, struct peer *p, const struct message *m)
{
    struct batch b = {.epoch = cmap_int(m->body, "epoch", -1), .seq = cmap_int(m->body, "seq", 0)};
    int64_t handle = cmap_int(m->body, "run", -1);
    b.s = handle > 0 ? run_find(h, handle, &b.run) : NULL;
    if (!b.s || !b.s->rec || !leased_to(b.s, b.run, b.epoch, p) || b.seq < 1) {
        refuse(h, p, m);
        return;
    }
    struct run_live *l = sweep_run(b.s, b.run);
    if (b.seq <= l->seq) { /* a repeat: say again what is on disk; what is not yet will be said when it is */
        send_ack(h, &p->id, handle, b.epoch, l->acked, false);
        return;
    }
    if (p->held || recorder_congested(b.s->rec)) {
        if (!hub_hold(h, p)) /* no room: it must come again, from hello on */
            peer_forget(h, p, "the disk does not keep up");
        return;
    }
    b.trial = state_run(b.s->state, b.run)->trial;
    l->seq = b.seq;
    take_batch(&b, cmap_value(m->body, "events"));
    outbox_ack(&b.s->out, sweep_seq(b.s), &p->id, b.run, b.epoch, b.seq);
}

bool ingest_bye(struct hub *h, struct peer *p)
{
    /* Batches of this peer end in the outbox of their sweep: the answer queues behind them. With runs in
     * several sweeps it goes to the one whose disk is furthest behind. */
    struct sweep *last = NULL;
    if (p->held) {
        if (!hub_hold(h, p))
            peer_forget(h, p, "the disk does not keep up");
        return true;
    }
    for (int i = 0; i < h->n_sweeps; i++)
        if (h->sweeps[i]->out.n && (!last || h->sweeps[i]->out.n > last->out.n))
            last = h->sweeps[i];
    if (!last)
        return false;
    outbox_message(&last->out, sweep_seq(last), &p->id, h->out.data, h->out.len);
    if (p->worker)
        worker_left(h, p->worker, "said bye");
    peer_forget(h, p, "said bye");
    return true;
}
