#include "agent/line.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "proto/endpoint.h"
#include "proto/sock.h"

/* Back-off between attempts: doubles, with jitter, so that thousands of agents do not come back in the
 * same instant. */
#define RETRY_FIRST_MS      50
#define RETRY_LOCAL_MAX_MS  400
#define RETRY_REMOTE_MAX_MS 5000
#define WELCOME_MS          2000 /* hello is said again on a fresh socket after this */
#define SUSPECT_MS          400  /* unacknowledged and silent for this long: ask at once */

enum line_state { ST_DOWN, ST_HELLO, ST_UP };

struct line {
    struct endpoint ep;
    char *program;
    struct sock *s;
    enum line_state state;
    int hub_pid;
    int64_t heard, pinged, state_since, retry_at, away_since;
    int retry_ms;
    int64_t id, ping_id;
    bool bye_ok, said_down;
    struct rng rng;
    struct buf in, out;
};

static bool is_local(const struct line *l)
{
    return l->ep.lock_path != NULL;
}

struct line *line_open(const char *hub, const char *program, char **cause)
{
    struct line *l = MEM_NEW(struct line);
    if (endpoint_resolve(&l->ep, hub && *hub ? hub : NULL, cause) != 0) {
        free(l);
        return NULL;
    }
    l->program = mem_str(program);
    l->retry_ms = RETRY_FIRST_MS;
    l->away_since = clock_mono_ns();
    l->said_down = true;
    rng_seed_stream(&l->rng, (uint64_t)clock_wall_ns(), (uint64_t)getpid());
    return l;
}

void line_close(struct line *l)
{
    if (!l)
        return;
    sock_close(l->s);
    endpoint_release(&l->ep);
    buf_release(&l->in);
    buf_release(&l->out);
    free(l->program);
    free(l);
}

int line_fd(const struct line *l)
{
    return l->s ? sock_fd(l->s) : -1;
}

bool line_is_up(const struct line *l)
{
    return l->state == ST_UP;
}

const char *line_address(const struct line *l)
{
    return l->ep.address;
}

int line_hub_pid(const struct line *l)
{
    return l->hub_pid;
}

int64_t line_away(const struct line *l)
{
    return l->state == ST_UP ? 0 : clock_mono_ns() - l->away_since;
}

static void go_down(struct line *l)
{
    int64_t now = clock_mono_ns();
    sock_close(l->s);
    l->s = NULL;
    if (l->state == ST_UP) {
        l->away_since = now;
        l->retry_ms = RETRY_FIRST_MS;
    }
    l->state = ST_DOWN;
    int most = is_local(l) ? RETRY_LOCAL_MAX_MS : RETRY_REMOTE_MAX_MS;
    l->retry_at = now + (int64_t)((0.5 + rng_unit(&l->rng)) * l->retry_ms) * CLOCK_MS;
    l->retry_ms = l->retry_ms * 2 < most ? l->retry_ms * 2 : most;
}

struct codec_writer line_begin(struct line *l, enum msg_kind kind, int64_t *id)
{
    struct codec_writer w;
    if (id)
        *id = ++l->id;
    msg_begin(&w, &l->out, kind, id ? *id : 0, ROLE_AGENT);
    return w;
}

int line_send(struct line *l)
{
    if (!l->s) {
        errno = ENOTCONN;
        return -1;
    }
    return sock_send(l->s, NULL, l->out.data, l->out.len);
}

static void say_hello(struct line *l)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    struct passwd *pw = getpwuid(geteuid());
    struct codec_writer w = line_begin(l, MSG_HELLO, &l->ping_id);
    cw_map(&w, 5);
    cw_kstr(&w, "program", l->program);
    cw_kstr(&w, "version", HYPERTOP_VERSION);
    cw_kstr(&w, "user", pw ? pw->pw_name : "");
    cw_kstr(&w, "host", host);
    cw_kint(&w, "pid", getpid());
    line_send(l);
}

static void try_connect(struct line *l, int64_t now)
{
    int pid;
    if (now < l->retry_at)
        return;
    if (is_local(l) && !endpoint_alive(&l->ep, &pid)) {
        go_down(l);
        return;
    }
    l->s = sock_dealer(l->ep.address, MSG_MAX_AGENT, NULL);
    if (!l->s) {
        go_down(l);
        return;
    }
    l->state = ST_HELLO;
    l->state_since = now;
    say_hello(l);
}

static void ping(struct line *l, int64_t now)
{
    struct codec_writer w = line_begin(l, MSG_PING, &l->ping_id);
    cw_map(&w, 0);
    line_send(l);
    l->pinged = now;
}

static void keep_alive(struct line *l, bool waiting, int64_t now)
{
    int64_t silent = now - l->heard, since_ping = now - l->pinged;
    int pid;
    if (silent > MSG_LOST_S * CLOCK_S)
        go_down(l);
    else if (waiting && silent > SUSPECT_MS * CLOCK_MS && since_ping > SUSPECT_MS * CLOCK_MS) {
        if (is_local(l) && (!endpoint_alive(&l->ep, &pid) || pid != l->hub_pid))
            go_down(l);
        else
            ping(l, now);
    } else if (silent > MSG_PING_S * CLOCK_S && since_ping > MSG_PING_S * CLOCK_S) {
        if (is_local(l) && !endpoint_alive(&l->ep, &pid))
            go_down(l);
        else
            ping(l, now);
    } else if (since_ping > MSG_PING_S * CLOCK_S) {
        ping(l, now); /* the hub wants to hear us, too */
    }
}

/* What the line itself understands. True: the owner should see the message. */
static bool for_owner(struct line *l, const struct message *m, enum line_event *event)
{
    *event = LINE_NOTHING;
    switch (m->kind) {
    case MSG_WELCOME:
        if (l->state == ST_HELLO) {
            l->state = ST_UP;
            l->retry_ms = RETRY_FIRST_MS;
            l->hub_pid = (int)cmap_int(m->body, "pid", 0);
            l->pinged = l->heard;
            l->said_down = false;
            *event = LINE_UP;
        }
        return false;
    case MSG_PONG:
        if (cmap_int(m->body, "pid", l->hub_pid) != l->hub_pid)
            go_down(l); /* the same address, another hub: it knows nothing of us */
        return false;
    case MSG_BYE_OK:
        l->bye_ok = true;
        return false;
    case MSG_ERROR:
        if (m->id == l->ping_id && l->state == ST_UP) {
            go_down(l); /* "say hello first": a hub that was started in the meantime */
            return false;
        }
        if (m->id == 0)
            l->pinged =
                0; /* about something that has no answer, data perhaps: ask at once whether we are known */
        return l->state == ST_UP;
    default:
        return l->state == ST_UP;
    }
}

static enum line_event read_one(struct line *l, struct message *m, bool *more)
{
    enum line_event event = LINE_NOTHING;
    const char *why;
    *more = l->s && sock_recv(l->s, NULL, &l->in) == 1;
    if (!*more)
        return LINE_NOTHING;
    l->heard = clock_mono_ns();
    if (!msg_parse(m, l->in.data, l->in.len, &why))
        return LINE_NOTHING;
    return for_owner(l, m, &event) ? LINE_MESSAGE : event;
}

static enum line_event read_next(struct line *l, struct message *m)
{
    enum line_event event = LINE_NOTHING;
    for (bool more = true; more && event == LINE_NOTHING;)
        event = read_one(l, m, &more);
    return event;
}

enum line_event line_next(struct line *l, struct message *m, bool waiting)
{
    enum line_event event = read_next(l, m);
    if (event != LINE_NOTHING)
        return event;
    int64_t now = clock_mono_ns();
    if (l->state == ST_DOWN)
        try_connect(l, now);
    else if (l->state == ST_HELLO && now - l->state_since > WELCOME_MS * CLOCK_MS)
        go_down(l);
    else if (l->state == ST_UP)
        keep_alive(l, waiting, now);
    if (l->state != ST_UP && !l->said_down) {
        l->said_down = true;
        return LINE_DOWN;
    }
    return read_next(
        l, m); /* ZeroMQ's descriptor is edge-triggered: what came while we sent would not wake us */
}

bool line_bye(struct line *l, int ms)
{
    if (l->state != ST_UP)
        return false;
    int64_t id, end = clock_mono_ns() + ms * CLOCK_MS;
    struct codec_writer w = line_begin(l, MSG_BYE, &id);
    cw_map(&w, 0);
    l->bye_ok = false;
    if (line_send(l) != 0)
        return false;
    struct message m;
    while (!l->bye_ok && l->s && clock_mono_ns() < end) {
        bool more = true;
        while (more && !l->bye_ok)
            read_one(l, &m, &more);
        struct pollfd p = {.fd = line_fd(l), .events = POLLIN};
        if (!l->bye_ok && l->s)
            poll(&p, 1, 10);
    }
    return l->bye_ok;
}
