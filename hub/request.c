/* request: one frame from a peer: parsed within its bounds, passed by access.c, handed to whoever answers
 * that kind. Owns the table of handlers; does no work itself. Invariant: every request that carries an id is
 * answered. */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "hub/access.h"
#include "hub/hub.h"
#include "hub/ingest.h"
#include "hub/peer.h"
#include "hub/subscriptions.h"
#include "hub/sweep.h"
#include "hub/verbs.h"
#include "hub/worker.h"

typedef void handler(struct hub *h, struct peer *p, const struct message *m);

static void welcome(struct hub *h, const struct sock_peer *from, const struct message *m)
{
    struct codec_writer w = hub_begin(h, MSG_WELCOME, m->id);
    cw_map(&w, 6);
    cw_kstr(&w, "hub", h->ep.name);
    cw_kstr(&w, "version", HYPERTOP_VERSION);
    cw_kint(&w, "pid", getpid());
    cw_kdouble(&w, "time", (double)h->wall / 1e9);
    cw_kbool(&w, "readonly", h->readonly);
    cw_kstr(&w, "role", msg_role_name(m->role));
    hub_send(h, from);
}

static void ping(struct hub *h, struct peer *p, const struct message *m)
{
    struct codec_writer w = hub_begin(h, MSG_PONG, m->id);
    cw_map(&w, 2);
    cw_kdouble(&w, "time", (double)h->wall / 1e9);
    cw_kint(&w, "pid", getpid());
    hub_send(h, &p->id);
}

/* An agent's goodbye waits until everything it sent is on disk: that is what bye.ok says. */
static void bye(struct hub *h, struct peer *p, const struct message *m)
{
    struct codec_writer w = hub_begin(h, MSG_BYE_OK, m->id);
    cw_map(&w, 0);
    struct sock_peer to = p->id;
    if (p->role == ROLE_AGENT && ingest_bye(h, p))
        return;
    hub_send(h, &to);
    if (p->worker)
        worker_left(h, p->worker, "said bye");
    peer_forget(h, p, "said bye");
}

static void sweep_start_request(struct hub *h, struct peer *p, const struct message *m)
{
    struct span options = cmap_value(m->body, "options");
    struct sweep_request rq = {
        .yaml = cmap_str(m->body, "yaml"),
        .path = cmap_str(m->body, "path"),
        .cwd = cmap_str(m->body, "cwd"),
        .env = cmap_value(m->body, "env"),
        .seed = -1,
        .budget = -1,
        .workers = -1,
    };
    if (options.n) {
        rq.tuner = cmap_str(options, "tuner");
        rq.warm = cmap_str(options, "warm_start");
        rq.name = cmap_str(options, "name");
        rq.seed = cmap_int(options, "seed", -1);
        rq.budget = cmap_int(options, "budget", -1);
        rq.workers = cmap_int(options, "workers", -1);
    }
    char *cause = NULL;
    struct sweep *s = sweep_start(h, &rq, &cause);
    if (!s) {
        hub_error(h, &p->id, m->id, "%s", cause);
        free(cause);
        return;
    }
    size_t warnings = 0;
    while (s->file.warnings && s->file.warnings[warnings])
        warnings++;
    struct codec_writer w = hub_begin(h, MSG_OK, m->id);
    cw_map(&w, 3);
    cw_kstr(&w, "sweep", s->state->info.name);
    cw_kstr(&w, "recording", s->path);
    cw_str(&w, "warnings");
    cw_array(&w, warnings);
    for (size_t i = 0; i < warnings; i++)
        cw_str(&w, s->file.warnings[i]);
    outbox_message(&s->out, sweep_seq(s), &p->id, h->out.data, h->out.len);
    recorder_urgent(s->rec);
}

static void hub_stop(struct hub *h, struct peer *p, const struct message *m)
{
    struct codec_writer w = hub_begin(h, MSG_OK, m->id);
    cw_map(&w, 0);
    hub_send(h, &p->id);
    h->stopping = true;
}

static handler *const handlers[MSG_COUNT] = {
    [MSG_PING] = ping,
    [MSG_BYE] = bye,
    [MSG_WORKER_JOIN] = worker_join,
    [MSG_RUN_ATTACH] = worker_attach,
    [MSG_DATA] = ingest_data,
    [MSG_SWEEP_START] = sweep_start_request,
    [MSG_VIEW] = sub_view,
    [MSG_SUB] = sub_open,
    [MSG_UNSUB] = sub_close,
    [MSG_SEND] = verbs_request,
    [MSG_HUB_STOP] = hub_stop,
};

void request_handle(struct hub *h, const struct sock_peer *from, struct buf *frame)
{
    struct message m;
    const char *why = NULL;
    if (!msg_parse(&m, frame->data, frame->len, &why)) {
        hub_error(h, from, 0, "not a message: %s (this hub speaks version %d)", why, MSG_VERSION);
        return;
    }
    if (m.kind == MSG_UNKNOWN) {
        hub_error(h, from, m.id, "unknown message kind '%.*s'",
                  (int)(m.kind_name.n < 40 ? m.kind_name.n : 40), m.kind_name.p);
        return;
    }
    struct peer *p = peer_find(h, from);
    why = access_refuses(m.kind, m.role, p ? p->role : ROLE_NONE, h->readonly);
    if (why) {
        hub_error(h, from, m.id, "%s: %s", msg_name(m.kind), why);
        return;
    }
    if (m.kind == MSG_HELLO) {
        if (m.role == ROLE_AGENT && ingest_full(h))
            return; /* it asks again: until then it keeps what it has */
        peer_hello(h, from, &m);
        welcome(h, from, &m);
        hub_changed(h);
        return;
    }
    p->last_seen = h->mono;
    if (handlers[m.kind])
        handlers[m.kind](h, p, &m);
    else
        hub_error(h, from, m.id, "%s: a hub says this, it is not asked for it", msg_name(m.kind));
}
