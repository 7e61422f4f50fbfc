/* client_calls: what was asked and who waits for it: requests with a reply, subscriptions with a view.
 *
 * Invariant: every request ends in exactly one of: its final answer, a NULL reply when the link is lost,
 * client_forget. */
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"
#include "proto/verb.h"
#include "tui/client_state.h"
#include "tui/view_store.h"

#define VERB_FIELDS 4 /* pairs that verb_parse writes: verb, target, args, reason */

static struct span span_of(const struct buf *b)
{
    return (struct span){(const char *)b->data, b->len};
}

void client_extend(struct codec_writer *w, struct span map, size_t more)
{
    struct codec_reader r;
    cr_init(&r, map.p, map.n);
    size_t n = cr_map(&r);
    cw_map(w, n + more);
    cw_raw(w, r.p, (size_t)(r.end - r.p));
}

/* ---- requests ---- */

static struct client_pending **find(struct client *c, int64_t id)
{
    struct client_pending **p = &c->pending;
    while (*p && (*p)->id != id)
        p = &(*p)->next;
    return p;
}

void client_forget(struct client *c, int64_t id)
{
    struct client_pending **at = find(c, id), *p = *at;
    if (!p)
        return;
    *at = p->next;
    free(p);
}

int64_t client_request(struct client *c, enum msg_kind kind, struct span body, client_reply *reply, void *arg)
{
    int64_t id = c->welcomed ? client_put(c, kind, body) : 0;
    if (!id) {
        reply(arg, NULL);
        return 0;
    }
    struct client_pending *p = MEM_NEW(struct client_pending);
    *p = (struct client_pending){.next = c->pending, .id = id, .reply = reply, .arg = arg};
    c->pending = p;
    return id;
}

static struct client_sub *find_sub(struct client *c, int64_t id)
{
    struct client_sub *s = c->subs;
    while (s && (s->id != id || !s->id))
        s = s->next;
    return s;
}

bool client_answer(struct client *c, const struct message *m)
{
    struct client_pending *p = m->id ? *find(c, m->id) : NULL;

    if (p) {
        client_reply *reply = p->reply;
        void *arg = p->arg;
        if (!(m->kind == MSG_RESULT && cmap_bool(m->body, "more", false)))
            client_forget(c, m->id);
        reply(arg, m);
        return true;
    }
    struct client_sub *s = find_sub(c, m->id);
    if (s && m->kind == MSG_ERROR)
        view_refuse(&s->v, cmap_str(m->body, "message"));
    return s != NULL;
}

/* ---- waiting ---- */

struct waiting {
    bool done, lost;
    struct buf *frame;
    struct message *out;
};

/* The message borrows from the client's buffer; the caller gets a frame of his own and a message inside it.
 */
static void keep(void *arg, const struct message *m)
{
    struct waiting *w = arg;
    struct codec_writer cw;
    const char *why;

    w->done = true;
    w->lost = m == NULL;
    if (!m)
        return;
    buf_clear(w->frame);
    msg_begin(&cw, w->frame, m->kind, m->id, m->role);
    cw_raw(&cw, m->body.p, m->body.n);
    msg_parse(w->out, w->frame->data, w->frame->len, &why);
}

static int lost(struct client *c, char **cause)
{
    return cause_set(cause, "the hub '%s' at %s went away before it answered: see `hypertop hub status`",
                     client_hub_name(c), c->ep.address);
}

int client_ask(struct client *c, enum msg_kind kind, struct span body, int64_t timeout_ns, struct buf *frame,
               struct message *out, char **cause)
{
    struct waiting w = {.frame = frame, .out = out};
    int64_t until = clock_mono_ns() + timeout_ns;
    int64_t id = client_request(c, kind, body, keep, &w);

    while (!w.done && client_wait(c, until))
        ;
    if (!w.done) {
        client_forget(c, id);
        return cause_set(
            cause, "the hub '%s' at %s did not answer within %.3g s: it may be busy or stopped; try again",
            client_hub_name(c), c->ep.address, (double)timeout_ns / 1e9);
    }
    if (w.lost)
        return lost(c, cause);
    if (out->kind == MSG_ERROR) {
        char *sentence = span_dup(cmap_str(out->body, "message"));
        cause_set(cause, "%s", *sentence ? sentence : "the hub refused and did not say why");
        free(sentence);
        return -1;
    }
    return 0;
}

int64_t client_verb(struct client *c, int n, char *const *words, const char *sweep, bool wait,
                    client_reply *reply, void *arg, char **cause)
{
    struct buf body = {0};
    struct codec_writer w;
    int64_t id = 0;

    cw_init(&w, &body);
    cw_map(&w, VERB_FIELDS + 3);
    if (verb_parse(n, words, &w, cause) != 0)
        goto out;
    if (!c->welcomed) {
        lost(c, cause);
        goto out;
    }
    cw_kstr(&w, "sweep", sweep ? sweep : "");
    cw_kstr(&w, "who", c->user);
    cw_kbool(&w, "wait", wait);
    id = client_request(c, MSG_SEND, span_of(&body), reply, arg);
    if (!id)
        lost(c, cause);
out:
    buf_release(&body);
    return id;
}

/* ---- subscriptions ---- */

static void sub_send(struct client *c, struct client_sub *s)
{
    struct buf body = {0};
    struct codec_writer w;

    s->fresh = true;
    s->id = 0;
    if (!c->welcomed)
        return; /* client_renew sends it when the hub is back */
    cw_init(&w, &body);
    client_extend(&w, span_of(&s->request), 1);
    cw_kint(&w, "hz", s->hz);
    s->id = client_put(c, MSG_SUB, span_of(&body));
    buf_release(&body);
}

static void sub_drop(struct client *c, struct client_sub *s)
{
    struct buf body = {0};
    struct codec_writer w;

    if (!s->id || !c->welcomed)
        return;
    cw_init(&w, &body);
    cw_map(&w, 1);
    cw_kint(&w, "sub", s->id);
    client_put(c, MSG_UNSUB, span_of(&body));
    buf_release(&body);
}

static void sub_take(struct client_sub *s, struct span request, int hz)
{
    buf_clear(&s->request);
    buf_put(&s->request, request.p, request.n);
    s->hz = hz;
    s->from = cmap_int(span_of(&s->request), "from", 0);
}

struct view *client_sub(struct client *c, struct span request, int hz)
{
    struct client_sub *s = MEM_NEW(struct client_sub);
    sub_take(s, request, hz);
    s->next = c->subs;
    c->subs = s;
    sub_send(c, s);
    return &s->v;
}

void client_resub(struct client *c, struct view *v, struct span request, int hz)
{
    struct client_sub *s = (struct client_sub *)v;
    bool same =
        s->hz == hz && s->request.len == request.n && memcmp(s->request.data, request.p, request.n) == 0;

    if (same)
        return;
    sub_drop(c, s);
    sub_take(s, request, hz);
    v->loaded = false;
    sub_send(c, s);
}

void client_unsub(struct client *c, struct view *v)
{
    struct client_sub *s = (struct client_sub *)v, **p = &c->subs;

    while (*p && *p != s)
        p = &(*p)->next;
    if (!*p)
        return;
    *p = s->next;
    sub_drop(c, s);
    view_clear(&s->v);
    buf_release(&s->request);
    free(s);
}

void client_view_data(struct client *c, const struct message *m)
{
    struct client_sub *s = find_sub(c, cmap_int(m->body, "sub", m->id));

    if (!s)
        client_answer(c, m); /* a view asked for once */
    else if (view_apply(&s->v, m->body, s->from, s->fresh))
        s->fresh = false;
    else
        c->nonsense = "a view's parts are malformed";
}

/* ---- the link came and went ---- */

void client_link_lost(struct client *c)
{
    struct client_pending *p = c->pending, *next;

    c->pending = NULL;
    for (struct client_sub *s = c->subs; s; s = s->next)
        s->id = 0;
    for (; p; p = next) {
        next = p->next;
        p->reply(p->arg, NULL);
        free(p);
    }
}

void client_renew(struct client *c)
{
    for (struct client_sub *s = c->subs; s; s = s->next)
        sub_send(c, s);
}

void client_calls_release(struct client *c)
{
    while (c->subs)
        client_unsub(c, &c->subs->v);
    while (c->pending)
        client_forget(c, c->pending->id);
}
