/* worker: see worker.h. Owns the table of workers; the runs themselves are the sweeps'. A worker is HOST/PID,
 * so it is the same one after its connection broke and after the hub was started again. */
#include "hub/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/hold.h"
#include "hub/intervention.h"
#include "hub/launch_local.h"
#include "hub/peer.h"
#include "hub/scheduler.h"
#include "hub/sweep.h"
#include "hub/trial.h"
#include "hub/watched.h"

#define SLOTS_MAX 4096

static void announce(struct sweep *s, const struct worker *k, const char *state)
{
    if (!s->rec || !sweep_open(s) || k->slots == 0 || (k->only && k->only != s->key))
        return;
    struct codec_writer *w = sweep_begin(s, EV_WORKER, 5);
    cw_kstr(w, "worker", k->name);
    cw_kstr(w, "host", k->host);
    cw_kint(w, "pid", k->pid);
    cw_kint(w, "slots", k->slots);
    cw_kstr(w, "state", state);
    sweep_commit(s);
}

static void announce_all(struct hub *h, const struct worker *k, const char *state)
{
    for (int i = 0; i < h->n_sweeps; i++)
        announce(h->sweeps[i], k, state);
}

void workers_announce(struct hub *h, struct sweep *s)
{
    for (int i = 0; i < h->n_workers; i++)
        if (h->workers[i]->peer.n)
            announce(s, h->workers[i], "joined");
}

struct worker *worker_by_name(struct hub *h, const char *name)
{
    for (int i = 0; i < h->n_workers; i++)
        if (strcmp(h->workers[i]->name, name) == 0)
            return h->workers[i];
    return NULL;
}

struct worker *worker_by_token(struct hub *h, const char *token)
{
    for (int i = 0; i < h->n_workers; i++)
        if (*token && strcmp(h->workers[i]->token, token) == 0)
            return h->workers[i];
    return NULL;
}

static void each_run(struct hub *h, const struct worker *k, void (*fn)(struct sweep *, int64_t, const char *),
                     const char *why)
{
    for (int i = 0; i < h->n_sweeps; i++) {
        struct sweep *s = h->sweeps[i];
        for (int64_t run = 0; run < s->state->n_runs && run < s->cap_runs; run++)
            if (s->runs[run].worker == k)
                fn(s, run, why);
    }
}

/* ---- loss ---- */

static void lose_run(struct sweep *s, int64_t run, const char *why)
{
    struct run_live *l = sweep_run(s, run);
    enum run_state st = run_now(s, run);
    l->peer.n = 0;
    if (run_state_terminal(st) || st == RUN_LOST || st == RUN_QUEUED || st == RUN_HELD)
        return;
    struct run_change c = RUN_CHANGE(RUN_LOST);
    c.why = why;
    run_move(s, run, &c);
    trial_settle(s, state_run(s->state, run)->trial);
}

/* Runs that this peer only spoke for. */
static void drop_tails(struct hub *h, const struct sock_peer *peer)
{
    for (int i = 0; i < h->n_sweeps; i++)
        for (int64_t run = 0; run < h->sweeps[i]->cap_runs; run++)
            if (memcmp(&h->sweeps[i]->runs[run].peer, peer, sizeof *peer) == 0)
                h->sweeps[i]->runs[run].peer.n = 0;
}

static void disconnect(struct hub *h, struct worker *k, const char *state, const char *why)
{
    struct peer *p = k->peer.n ? peer_find(h, &k->peer) : NULL;
    struct sock_peer was = k->peer;
    if (p)
        p->worker = NULL;
    k->peer.n = 0;
    each_run(h, k, lose_run, why);
    if (k->slots == 0)
        drop_tails(h, &was);
    announce_all(h, k, state);
    hub_changed(h);
}

/* One that only delivered what another had left behind: nothing refers to it. */
static void forget_courier(struct hub *h, struct worker *k)
{
    if (k->slots)
        return;
    for (int i = 0; i < h->n_sweeps; i++)
        for (int64_t run = 0; run < h->sweeps[i]->cap_runs; run++)
            if (h->sweeps[i]->runs[run].worker == k)
                return;
    for (int i = 0; i < h->n_workers; i++)
        if (h->workers[i] == k)
            h->workers[i] = h->workers[--h->n_workers];
    free(k->host);
    free(k->token);
    free(k);
}

void worker_lost(struct hub *h, struct worker *k, const char *why)
{
    if (!k->peer.n)
        return;
    disconnect(h, k, "lost", why);
    forget_courier(h, k);
}

void worker_left(struct hub *h, struct worker *k, const char *why)
{
    disconnect(h, k, "left", why);
    forget_courier(h, k);
}

void worker_detached(struct hub *h, int64_t handle, const struct sock_peer *peer, const char *why)
{
    int64_t run;
    struct sweep *s = run_find(h, handle, &run);
    for (run = 0; s && s->rec && run < s->state->n_runs && run < s->cap_runs; run++)
        if (memcmp(&s->runs[run].peer, peer, sizeof *peer) == 0)
            lose_run(s, run, why);
}

void worker_keep_open(struct hub *h, int64_t handle)
{
    int64_t run;
    struct sweep *s = run_find(h, handle, &run);
    if (s && sweep_open(s))
        s->quiet_since = h->mono;
}

/* ---- joining ---- */

struct worker *worker_named(struct hub *h, const char *name)
{
    struct worker *k = worker_by_name(h, name);
    if (k)
        return k;
    k = MEM_NEW(struct worker);
    k->host = mem_str("");
    k->token = mem_str("");
    snprintf(k->name, sizeof k->name, "%s", name);
    h->workers = mem_resize(h->workers, (size_t)h->n_workers + 1, sizeof(struct worker *));
    h->workers[h->n_workers++] = k;
    return k;
}

/* The state a lost run was in before. */
static enum run_state before_loss(const struct state_run *r)
{
    for (int i = r->n_changes - 1; i >= 0; i--)
        if (r->changes[i].state != RUN_LOST)
            return (enum run_state)r->changes[i].state;
    return RUN_RUNNING;
}

/* Somebody brings what a run said before its worker died. It is listened to, but the run itself is not coming
 * back. */
static bool adopt_tail(struct hub *h, const struct sock_peer *peer, struct span claim)
{
    int64_t run, handle = cmap_int(claim, "run", -1);
    struct sweep *s = handle > 0 ? run_find(h, handle, &run) : NULL;
    const struct state_run *r = s ? state_run(s->state, run) : NULL;
    if (!r || !s->rec || r->epoch != cmap_int(claim, "epoch", -1) || run_now(s, run) != RUN_LOST)
        return false;
    sweep_run(s, run)->peer = *peer;
    return true;
}

/* A worker says that it still executes this: true if it may go on. */
static bool readopt(struct hub *h, struct worker *k, const struct sock_peer *peer, struct span claim)
{
    int64_t run, handle = cmap_int(claim, "run", -1), epoch = cmap_int(claim, "epoch", -1);
    struct sweep *s = handle > 0 ? run_find(h, handle, &run) : NULL;
    struct state_run *r = s ? state_run(s->state, run) : NULL;
    if (!r || !s->rec || r->epoch != epoch || run_state_terminal(run_now(s, run)) ||
        run_now(s, run) == RUN_QUEUED || run_now(s, run) == RUN_HELD)
        return false;
    struct run_live *l = sweep_run(s, run);
    l->peer = *peer;
    l->claimed = true;
    if (l->worker != k) {
        bool busy = run_now(s, run) != RUN_LOST;
        if (l->worker)
            l->worker->busy -= busy;
        l->worker = k;
        if (k)
            k->busy += busy;
    }
    if (run_now(s, run) == RUN_LOST) {
        struct run_change c = RUN_CHANGE(before_loss(r));
        c.why = "its worker came back";
        run_move(s, run, &c);
        trial_settle(s, r->trial);
    }
    intervention_resend(s, run);
    hold_again(s, run);
    return true;
}

/* What we thought it had and it does not: it never got the lease, or has given the run up. Nobody else will
 * bring it back. */
static void check_claim(struct sweep *s, int64_t run, const char *why)
{
    struct run_live *l = sweep_run(s, run);
    enum run_state st = run_now(s, run);
    bool claimed = l->claimed;
    l->claimed = false;
    if (claimed || run_state_terminal(st) || st == RUN_QUEUED || st == RUN_HELD)
        return;
    scheduler_give_again(s, run, why);
    trial_settle(s, state_run(s->state, run)->trial);
}

static void take_claims(struct hub *h, struct worker *k, const struct sock_peer *peer, struct span runs,
                        struct buf *drop, size_t *dropped)
{
    struct codec_reader r;
    struct codec_writer w;
    cw_init(&w, drop);
    if (!runs.n)
        return;
    cr_init(&r, runs.p, runs.n);
    for (size_t n = cr_array(&r); n > 0 && cr_ok(&r); n--) {
        struct span claim = cr_value(&r);
        struct codec_reader map;
        cr_init(&map, claim.p, claim.n);
        if (!cr_ok(&r) || cr_peek(&map) != CT_MAP ||
            (k->slots ? readopt(h, k, peer, claim) : adopt_tail(h, peer, claim)))
            continue;
        cw_int(&w, cmap_int(claim, "run", -1));
        (*dropped)++;
    }
}

/* The answer must not be sent before what it says is on disk: it waits in the outbox of a sweep that it
 * concerns. */
static void answer(struct hub *h, const struct sock_peer *to, struct sweep *s)
{
    if (s && s->rec)
        outbox_message(&s->out, sweep_seq(s), to, h->out.data, h->out.len);
    else
        hub_send(h, to);
}

void worker_join(struct hub *h, struct peer *p, const struct message *m)
{
    char name[64], host[48];
    struct buf drop = {0};
    size_t dropped = 0;
    int64_t slots = cmap_int(m->body, "slots", 1);
    if (!cmap_strcpy(m->body, "host", host, sizeof host) || slots < 0 || slots > SLOTS_MAX) {
        hub_error(h, &p->id, m->id, "worker.join: host is missing, or slots is not in 0..%d", SLOTS_MAX);
        return;
    }
    int pid = (int)cmap_int(m->body, "pid", 0);
    snprintf(name, sizeof name, "%s/%d", host, pid);
    struct worker *k = worker_named(h, name);
    struct peer *old = k->peer.n ? peer_find(h, &k->peer) : NULL;
    if (old)
        old->worker = NULL;
    free(k->host);
    free(k->token);
    k->host = mem_str(host);
    k->token = cmap_strdup(m->body, "token");
    if (!k->token)
        k->token = mem_str("");
    k->pid = pid;
    k->slots = (int)slots;
    k->peer = p->id;
    k->only = launch_owner(h, k->name, pid);
    k->leaving = false;
    p->worker = k;
    announce_all(h, k, "joined");
    take_claims(h, k, &p->id, cmap_value(m->body, "runs"), &drop, &dropped);
    each_run(h, k, check_claim, "its worker does not have it any more");
    struct codec_writer w = hub_begin(h, MSG_OK, m->id);
    cw_map(&w, 2);
    cw_kstr(&w, "worker", k->name);
    cw_str(&w, "drop");
    cw_array(&w, dropped);
    buf_put(&h->out, drop.data, drop.len);
    buf_release(&drop);
    hub_send(h, &p->id);
    hub_changed(h);
    scheduler_wake(h);
}

/* ---- runs that nobody leased ---- */

/* Which watcher has it, and what it can be told, is said again with every attach. */
static uint8_t watched_as(const struct message *m)
{
    bool watched = cmap_str(m->body, "group").n > 0;
    return !watched ? WATCHED_NOT : cmap_bool(m->body, "steer", false) ? WATCHED_STEERED : WATCHED_ONLY;
}

static struct sweep *adhoc_sweep(struct hub *h, const struct message *m, char **cause)
{
    char program[256] = "", group[256] = "", metric[64] = "";
    cmap_strcpy(m->body, "program", program, sizeof program);
    cmap_strcpy(m->body, "group", group, sizeof group);
    cmap_strcpy(m->body, "metric", metric, sizeof metric);
    struct adhoc_request rq = {.program = *program ? program : "adhoc",
                               .group = group,
                               .metric = *metric ? metric : NULL,
                               .maximize = span_eq(cmap_str(m->body, "goal"), "maximize")};
    return sweep_adhoc(h, &rq, cause);
}

static int64_t attach_anew(struct hub *h, struct sweep *s, const struct peer *p, const struct message *m)
{
    char host[64];
    struct span params = cmap_value(m->body, "params");
    struct codec_reader r;
    cr_init(&r, params.p, params.n);
    char title[512] = "";
    bool watched = cmap_str(m->body, "group").n > 0;
    cmap_strcpy(m->body, "title", title, sizeof title);
    struct trial_birth b = {
        .origin = watched ? "imported" : "adhoc", .parent = -1, .propensity = __builtin_nan(""), .why = title};
    if (params.n && cr_peek(&r) == CT_MAP)
        b.params = params;
    int64_t trial = trial_create(s, &b), run = state_trial(s->state, trial)->runs[0];
    struct run_live *l = sweep_run(s, run);
    *l = (struct run_live){.peer = p->id, .watched = watched_as(m)};
    struct run_change c = RUN_CHANGE(RUN_RUNNING);
    cmap_strcpy(m->body, "host", host, sizeof host);
    c.pid = (int)cmap_int(m->body, "pid", p->pid);
    run_move(s, run, &c);
    trial_settle(s, trial);
    return run;
}

/* A run that has ended and whose program does not know: only the last acknowledgement was lost, or it was
 * given up while its program was cut off from us. It stays ended; what we have is dropped as a repeat, what
 * we have not is taken. 1 done, 0 not such a run, -1 its recording is just being closed: ask again. */
static int listen_again(struct sweep *s, int64_t run, const struct peer *p, struct span claim)
{
    const struct state_run *r = state_run(s->state, run);
    if (!r || !s->adhoc || r->epoch != cmap_int(claim, "epoch", -1) || !run_state_terminal(run_now(s, run)))
        return 0;
    if (sweep_reopen(s, NULL) != 0)
        return errno == EAGAIN ? -1 : 0;
    sweep_run(s, run)->peer = p->id;
    return 1;
}

void worker_attach(struct hub *h, struct peer *p, const struct message *m)
{
    char *cause = NULL;
    int64_t run = -1, handle = cmap_int(m->body, "run", -1);
    struct sweep *s = handle > 0 ? run_find(h, handle, &run) : NULL;
    int known = s && readopt(h, NULL, &p->id, m->body) ? 1 : s ? listen_again(s, run, p, m->body) : 0;
    if (known < 0 && hub_hold(h, p))
        return;
    if (known <= 0) {
        s = adhoc_sweep(h, m, &cause);
        if (!s) {
            hub_error(h, &p->id, m->id, "%s", cause);
            free(cause);
            return;
        }
        run = attach_anew(h, s, p, m);
    }
    sweep_run(s, run)->claimed = false;
    sweep_run(s, run)->watched = watched_as(m);
    p->attached = run_handle(s, run);
    p->watching = sweep_run(s, run)->watched != WATCHED_NOT;
    struct codec_writer w = hub_begin(h, MSG_OK, m->id);
    cw_map(&w, 4);
    cw_kstr(&w, "sweep", s->state->info.name);
    cw_kint(&w, "trial", state_run(s->state, run)->trial);
    cw_kint(&w, "run", p->attached);
    cw_kint(&w, "epoch", state_run(s->state, run)->epoch);
    answer(h, &p->id, s);
}

/* ---- slots ---- */

struct worker *worker_free_slot(struct hub *h, const struct sweep *s)
{
    struct worker *best = NULL;
    for (int i = 0; i < h->n_workers; i++) {
        struct worker *k = h->workers[i];
        if (!k->peer.n || k->leaving || k->busy >= k->slots || (k->only && k->only != s->key))
            continue;
        bool own = k->only == s->key, best_own = best && best->only == s->key;
        if (!best || (own && !best_own) || (own == best_own && k->busy < best->busy))
            best = k;
    }
    return best;
}

void workers_free(struct hub *h)
{
    for (int i = 0; i < h->n_workers; i++) {
        free(h->workers[i]->host);
        free(h->workers[i]->token);
        free(h->workers[i]);
    }
    free(h->workers);
    h->workers = NULL;
    h->n_workers = 0;
}
