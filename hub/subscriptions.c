/* subscriptions: see subscriptions.h. A list of requests with the fingerprints of what each console has.
 * Invariant: the fingerprints describe exactly the last answer that was handed to the socket; when that fails
 * they are forgotten. */
#include "hub/subscriptions.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hub/peer.h"

#define SUBS_PER_PEER 64
#define RETRY_NS      (250 * CLOCK_MS) /* a slow console is tried again after this */
#define REFUSED_NS    (500 * CLOCK_MS) /* and one that was refused after this */
#define SHARE         5                /* a view may take one part in SHARE of the loop's time */
#define TURN_NS       (8 * CLOCK_MS)   /* views computed in one turn of the loop */
#define REQUEST_MAX   (64 << 10)

struct subscription {
    struct sock_peer peer;
    int64_t id;
    struct buf request;
    int64_t period;  /* ns between answers */
    int64_t due;     /* monotonic: not before */
    uint64_t change; /* of the hub when it was last computed */
    bool fixed;      /* cursor in the past: it cannot change */
    bool full;       /* the console has nothing that can be built on */
    int64_t count;
    uint64_t head;    /* fingerprints */
    uint64_t refusal; /* of the sentence with which it was last refused; 0 none */
    uint64_t *parts;  /* by position in the answer */
    int64_t *index;
    int n_parts;
    struct subscription *next;
};

/* FNV-1a over 8 bytes at a time: fast, and a collision only means that one change is drawn one update late.
 */
static uint64_t fingerprint(const void *p, size_t n)
{
    const uint8_t *b = p;
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ n, x;
    for (; n >= 8; n -= 8, b += 8) {
        memcpy(&x, b, 8);
        h = (h ^ x) * UINT64_C(0x100000001b3);
        h ^= h >> 29;
    }
    for (; n; n--)
        h = (h ^ *b++) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

static void put_parts(struct codec_writer *w, const struct view_out *v, const struct subscription *s)
{
    size_t n = 0;
    for (int i = 0; i < v->n_parts; i++)
        n += !s || s->full || i >= s->n_parts || s->index[i] != v->parts[i].index ||
             s->parts[i] != fingerprint(v->data.data + v->parts[i].off, v->parts[i].len);
    cw_str(w, "parts");
    cw_array(w, n);
    for (int i = 0; i < v->n_parts; i++) {
        const uint8_t *p = v->data.data + v->parts[i].off;
        if (s && !s->full && i < s->n_parts && s->index[i] == v->parts[i].index &&
            s->parts[i] == fingerprint(p, v->parts[i].len))
            continue;
        cw_array(w, 2);
        cw_int(w, v->parts[i].index);
        cw_raw(w, p, v->parts[i].len);
    }
}

/* Writes one answer into h->out; s NULL for a single view. */
static void put_answer(struct hub *h, int64_t id, const struct view_out *v, const struct subscription *s)
{
    struct codec_writer w = hub_begin(h, MSG_VIEW_DATA, id);
    bool head = !s || s->full || s->head != fingerprint(v->head.data, v->head.len);
    cw_map(&w, head ? 5 : 4);
    cw_kint(&w, "sub", id);
    cw_kbool(&w, "full", !s || s->full);
    cw_kint(&w, "count", v->count);
    if (head) {
        cw_str(&w, "head");
        if (v->head.len)
            cw_raw(&w, v->head.data, v->head.len);
        else
            cw_map(&w, 0);
    }
    put_parts(&w, v, s);
}

static bool same(const struct subscription *s, const struct view_out *v)
{
    if (s->full || s->count != v->count || s->n_parts != v->n_parts ||
        s->head != fingerprint(v->head.data, v->head.len))
        return false;
    for (int i = 0; i < v->n_parts; i++)
        if (s->index[i] != v->parts[i].index ||
            s->parts[i] != fingerprint(v->data.data + v->parts[i].off, v->parts[i].len))
            return false;
    return true;
}

static void remember(struct subscription *s, const struct view_out *v)
{
    s->parts = mem_resize(s->parts, (size_t)v->n_parts, sizeof *s->parts);
    s->index = mem_resize(s->index, (size_t)v->n_parts, sizeof *s->index);
    for (int i = 0; i < v->n_parts; i++) {
        s->index[i] = v->parts[i].index;
        s->parts[i] = fingerprint(v->data.data + v->parts[i].off, v->parts[i].len);
    }
    s->n_parts = v->n_parts;
    s->count = v->count;
    s->head = fingerprint(v->head.data, v->head.len);
    s->full = false;
}

/* A part that vanished while parts after it stay cannot be said in a delta. */
static bool needs_full(const struct subscription *s, const struct view_out *v)
{
    for (int i = 0; i < v->n_parts && i < s->n_parts; i++)
        if (s->index[i] != v->parts[i].index)
            return true;
    return v->n_parts < s->n_parts && v->count >= s->count;
}

void sub_view(struct hub *h, struct peer *p, const struct message *m)
{
    struct view_out v = {0};
    struct views_ctx ctx = hub_views(h);
    char *cause = NULL;
    if (views_answer(&ctx, m->body, &v, &cause) != 0) {
        hub_error(h, &p->id, m->id, "%s", cause);
    } else {
        put_answer(h, m->id, &v, NULL);
        if (hub_send(h, &p->id) != 0 && errno == EMSGSIZE)
            hub_error(h, &p->id, m->id, "the answer is larger than %d bytes: ask for fewer rows at a time",
                      MSG_MAX_CONSOLE);
    }
    free(cause);
    view_out_release(&v);
}

static struct subscription **find(struct hub *h, const struct sock_peer *peer, int64_t id)
{
    struct subscription **at = &h->subs;
    while (*at && ((*at)->id != id || memcmp(&(*at)->peer, peer, sizeof *peer) != 0))
        at = &(*at)->next;
    return at;
}

static void drop(struct subscription **at)
{
    struct subscription *s = *at;
    *at = s->next;
    buf_release(&s->request);
    free(s->parts);
    free(s->index);
    free(s);
}

void sub_open(struct hub *h, struct peer *p, const struct message *m)
{
    int mine = 0;
    for (struct subscription *s = h->subs; s; s = s->next)
        mine += memcmp(&s->peer, &p->id, sizeof p->id) == 0;
    if (mine >= SUBS_PER_PEER) {
        hub_error(h, &p->id, m->id, "more than %d subscriptions: close some", SUBS_PER_PEER);
        return;
    }
    if (m->body.n > REQUEST_MAX) {
        hub_error(h, &p->id, m->id, "the request is larger than %d bytes", REQUEST_MAX);
        return;
    }
    struct subscription **at = find(h, &p->id, m->id);
    if (*at)
        drop(at);
    struct subscription *s = MEM_NEW(struct subscription);
    double hz = cmap_double(m->body, "hz", 10);
    hz = isfinite(hz) ? fmin(fmax(hz, 1), 30) : 10;
    s->peer = p->id;
    s->id = m->id;
    s->period = (int64_t)(1e9 / hz);
    s->full = true;
    s->change = h->change - 1;
    int64_t cursor = cmap_int(m->body, "cursor", -1);
    s->fixed = cursor >= 0 && cursor < h->wall;
    buf_put(&s->request, m->body.p, m->body.n);
    s->next = h->subs;
    h->subs = s;
    if (span_eq(cmap_str(m->body, "view"), "summary")) { /* what its header shows is where it is */
        cmap_strcpy(m->body, "sweep", p->sweep, sizeof p->sweep);
        if (!p->watches)
            hub_changed(h);
        p->watches = true;
    }
}

bool subs_any(const struct hub *h, const char *view)
{
    for (const struct subscription *s = h->subs; s; s = s->next)
        if (span_eq(cmap_str((struct span){(const char *)s->request.data, s->request.len}, "view"), view))
            return true;
    return false;
}

void sub_close(struct hub *h, struct peer *p, const struct message *m)
{
    struct subscription **at = find(h, &p->id, cmap_int(m->body, "sub", 0));
    if (*at)
        drop(at);
}

void subs_drop_peer(struct hub *h, const struct sock_peer *id)
{
    for (struct subscription **at = &h->subs; *at;)
        if (memcmp(&(*at)->peer, id, sizeof *id) == 0)
            drop(at);
        else
            at = &(*at)->next;
}

/* Computes and sends one. False when the subscription is to be dropped. */
static bool update(struct hub *h, struct subscription *s)
{
    struct view_out v = {0};
    struct views_ctx ctx = hub_views(h);
    char *cause = NULL;
    int64_t began = clock_mono_ns();
    bool keep = true;
    s->change = h->change;
    if (views_answer(&ctx, (struct span){(const char *)s->request.data, s->request.len}, &v, &cause) != 0) {
        /* What is missing now may exist later (no sweep yet): it is asked again, and refused aloud only once.
         */
        uint64_t sentence = fingerprint(cause, strlen(cause));
        if (sentence != s->refusal)
            hub_error(h, &s->peer, s->id, "%s", cause);
        s->refusal = sentence;
        s->full = true;
        s->due = began + REFUSED_NS;
    } else if (!same(s, &v)) {
        s->full = s->full || needs_full(s, &v);
        put_answer(h, s->id, &v, s);
        if (hub_send(h, &s->peer) == 0) {
            remember(s, &v);
            s->refusal = 0;
        } else if (errno == EMSGSIZE) {
            hub_error(h, &s->peer, s->id, "the answer is larger than %d bytes: ask for fewer rows",
                      MSG_MAX_CONSOLE);
            keep = false;
        } else {
            keep = errno != EHOSTUNREACH; /* gone without a goodbye */
            s->full = true;
            s->change = h->change - 1;
            s->due = began + RETRY_NS;
        }
    }
    int64_t took = clock_mono_ns() - began, pause = took * SHARE > s->period ? took * SHARE : s->period;
    if (s->due < began + pause)
        s->due = began + pause;
    free(cause);
    view_out_release(&v);
    return keep;
}

static bool wants(const struct hub *h, const struct subscription *s)
{
    return s->change != h->change && (s->full || !s->fixed);
}

int64_t subs_pump(struct hub *h)
{
    int64_t next = INT64_MAX, now = clock_mono_ns(), stop = now + TURN_NS;
    for (struct subscription **at = &h->subs; *at;) {
        struct subscription *s = *at;
        if (wants(h, s) && now >= s->due && now < stop) {
            if (!update(h, s)) {
                drop(at);
                continue;
            }
            now = clock_mono_ns();
        }
        if (wants(h, s) && s->due < next)
            next = s->due;
        at = &s->next;
    }
    return next;
}

void subs_free(struct hub *h)
{
    while (h->subs)
        drop(&h->subs);
}
