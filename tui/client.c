/* client: the link to one hub. A DEALER that says hello, pings every beat and is thrown away when the hub
 * falls silent, because libzmq would keep what was queued and deliver a steering command minutes later, when
 * nobody means it any more. So: whatever was not answered when the link is lost is reported lost, and only
 * subscriptions are renewed.
 *
 * States: no welcome yet -> CONNECTING (or DOWN once we had one); welcomed -> UP, STALE after 3 silent beats,
 * lost after
 * 10. The lock file of a local hub tells its death or restart within one beat. */
#include "tui/client_state.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define STALE_BEATS 3
#define DOWN_BEATS  10
#define HELLO_BEATS 2 /* wait for a welcome before the socket is thrown away */
#define RETRY_MIN   (100 * CLOCK_MS)
#define RETRY_MAX   (5 * CLOCK_S)
#define LOCK_LOOK   (200 * CLOCK_MS) /* a local hub's lock is looked at so often while nobody holds it */
#define HOST_MAX    256

/* ---- sending ---- */

int64_t client_put(struct client *c, enum msg_kind kind, struct span body)
{
    struct codec_writer w;
    int64_t id = ++c->next_id;

    if (!c->sock)
        return 0;
    msg_begin(&w, &c->out, kind, id, c->role);
    if (body.n)
        cw_raw(&w, body.p, body.n);
    else
        cw_map(&w, 0);
    c->sent = true;
    return sock_send(c->sock, NULL, c->out.data, c->out.len) == 0 ? id : 0;
}

static void send_hello(struct client *c)
{
    struct buf b = {0};
    struct codec_writer w;
    char host[HOST_MAX] = "";

    gethostname(host, sizeof host - 1);
    cw_init(&w, &b);
    cw_map(&w, 5);
    cw_kstr(&w, "program", "hypertop");
    cw_kstr(&w, "version", HYPERTOP_VERSION);
    cw_kstr(&w, "user", c->user);
    cw_kstr(&w, "host", host);
    cw_kint(&w, "pid", getpid());
    c->hello_id = client_put(c, MSG_HELLO, (struct span){(char *)b.data, b.len});
    c->hello_at = clock_mono_ns();
    buf_release(&b);
}

/* ---- the link's life ---- */

/* Next attempt later than the last, with jitter, so that fifty consoles do not knock at a restarted hub
 * together. */
static void retry_later(struct client *c)
{
    int64_t wait = c->retry_wait ? c->retry_wait * 2 : RETRY_MIN;
    if (wait > RETRY_MAX)
        wait = RETRY_MAX;
    c->retry_wait = wait;
    c->retry_at = clock_mono_ns() + wait * 3 / 4 + wait / 2 * (rand_r(&c->jitter) % 1024) / 1024;
}

static void drop_socket(struct client *c)
{
    if (c->sock)
        sock_close(c->sock);
    c->sock = NULL;
    c->sent = false;
}

void client_connect(struct client *c)
{
    drop_socket(c);
    c->sock = sock_dealer(c->ep.address, MSG_MAX_CONSOLE, NULL);
    if (c->sock)
        send_hello(c);
    else
        retry_later(c);
}

static void lose(struct client *c)
{
    c->welcomed = false;
    drop_socket(c);
    c->retry_wait = 0;
    retry_later(c);
    client_link_lost(c);
}

static void set_hub_clock(struct client *c, struct span body, int64_t now, int64_t trip)
{
    double t = cmap_double(body, "time", -1);
    if (t <= 0)
        return;
    c->hub_wall = (int64_t)(t * 1e6) * 1000 + trip / 2;
    c->hub_wall_at = now;
}

static void welcome(struct client *c, const struct message *m, int64_t now)
{
    int pid = 0;
    struct span hub = cmap_str(m->body, "hub");

    if (m->id != c->hello_id || c->welcomed)
        return;
    free(c->hub);
    c->hub = hub.n ? span_dup(hub) : mem_str(c->ep.name);
    c->readonly = cmap_bool(m->body, "readonly", false) || c->role == ROLE_VIEWER;
    c->hub_pid = (int)cmap_int(m->body, "pid", 0);
    c->by_lock = c->ep.lock_path && endpoint_alive(&c->ep, &pid) && pid == c->hub_pid;
    c->rtt_ns = now - c->hello_at;
    set_hub_clock(c, m->body, now, c->rtt_ns);
    c->welcomed = c->ever_welcomed = true;
    c->retry_wait = 0;
    c->ping_id = 0;
    c->ping_next = now + c->beat_ns;
    client_renew(c);
}

/* A pong that names another process than the welcome did comes from a hub that was restarted behind our
 * socket. */
static void pong(struct client *c, const struct message *m, int64_t now)
{
    int64_t pid = cmap_int(m->body, "pid", c->hub_pid);
    if (m->id == c->ping_id && c->ping_id) {
        c->rtt_ns = now - c->ping_at;
        c->ping_id = 0;
        set_hub_clock(c, m->body, now, c->rtt_ns);
    }
    if (c->welcomed && pid != c->hub_pid)
        lose(c);
}

static void refused(struct client *c, const struct message *m)
{
    /* A hub that cannot read us answers without an id. */
    if ((m->id == c->hello_id || !m->id) && !c->welcomed) {
        free(c->refused);
        c->refused = span_dup(cmap_str(m->body, "message"));
    } else if (m->id == c->ping_id && c->ping_id) {
        lose(c); /* it does not know us: it was restarted */
    }
}

static void dispatch(struct client *c, const struct message *m)
{
    int64_t now = clock_mono_ns();

    c->heard_at = now;
    switch (m->kind) {
    case MSG_WELCOME: welcome(c, m, now); break;
    case MSG_PONG: pong(c, m, now); break;
    case MSG_VIEW_DATA: client_view_data(c, m); break;
    default:
        if (!client_answer(c, m) && m->kind == MSG_ERROR)
            refused(c, m);
    }
}

/* A callback may ask for something that loses the link, and may call client_ask, which pumps: each frame is
 * taken out of c->in before it is looked at. */
static void drain(struct client *c)
{
    struct buf frame = {0};
    struct message m;
    const char *why;

    c->sent = false;
    while (c->sock && sock_recv(c->sock, NULL, &c->in) == 1) {
        struct buf taken = c->in;
        c->in = frame;
        frame = taken;
        if (msg_parse(&m, frame.data, frame.len, &why))
            dispatch(c, &m);
        else
            c->nonsense = why;
    }
    buf_release(&frame);
}

static bool hub_gone(struct client *c)
{
    int pid = 0;
    return c->by_lock && (!endpoint_alive(&c->ep, &pid) || pid != c->hub_pid);
}

static void beat(struct client *c, int64_t now)
{
    if (now - c->heard_at > DOWN_BEATS * c->beat_ns) {
        lose(c);
    } else if (now >= c->ping_next) {
        c->ping_next = now + c->beat_ns;
        if (hub_gone(c)) {
            lose(c);
            return;
        }
        int64_t id = client_put(c, MSG_PING, (struct span){0});
        if (!c->ping_id && id) { /* one round trip is measured at a time */
            c->ping_id = id;
            c->ping_at = now;
        }
    }
}

static void reach(struct client *c, int64_t now)
{
    if (c->sock && now - c->hello_at > HELLO_BEATS * c->beat_ns) {
        drop_socket(c);
        retry_later(c);
    } else if (!c->sock && now >= c->retry_at) {
        int pid;
        if (c->by_lock && !endpoint_alive(&c->ep, &pid))
            c->retry_at = now + LOCK_LOOK;
        else
            client_connect(c);
    }
}

void client_pump(struct client *c)
{
    int64_t now = clock_mono_ns();

    /* Not called for a while (suspended, or the machine slept): the silence was ours, not the hub's. */
    if (now - c->pumped_at > 2 * c->beat_ns && c->heard_at < now - c->beat_ns)
        c->heard_at = now - c->beat_ns;
    c->pumped_at = now;
    drain(c);
    now = clock_mono_ns();
    if (c->welcomed)
        beat(c, now);
    else
        reach(c, now);
    if (c->sent)
        drain(c);
}

int client_fd(struct client *c)
{
    return c->sock ? sock_fd(c->sock) : -1;
}

int64_t client_deadline(struct client *c)
{
    if (c->sent)
        return 0;
    if (c->welcomed)
        return c->ping_next;
    return c->sock ? c->hello_at + HELLO_BEATS * c->beat_ns + 1 : c->retry_at;
}

bool client_wait(struct client *c, int64_t until)
{
    int64_t now = clock_mono_ns(), wake = client_deadline(c);
    if (now >= until)
        return false;
    if (wake > until)
        wake = until;
    struct pollfd p = {.fd = client_fd(c), .events = POLLIN};
    if (wake > now)
        poll(&p, 1, (int)((wake - now) / CLOCK_MS) + 1);
    client_pump(c);
    return true;
}

/* ---- what it knows ---- */

enum client_link client_link(const struct client *c)
{
    if (!c->welcomed)
        return c->ever_welcomed ? LINK_DOWN : LINK_CONNECTING;
    return client_silence_ns(c) > STALE_BEATS * c->beat_ns ? LINK_STALE : LINK_UP;
}

const char *client_hub_name(const struct client *c)
{
    return c->hub ? c->hub : c->ep.name;
}

const char *client_address(const struct client *c)
{
    return c->ep.address;
}

const char *client_user(const struct client *c)
{
    return c->user;
}

bool client_readonly(const struct client *c)
{
    return c->readonly;
}

int64_t client_silence_ns(const struct client *c)
{
    return clock_mono_ns() - c->heard_at;
}

int64_t client_rtt_ns(const struct client *c)
{
    return c->rtt_ns;
}

int64_t client_now(const struct client *c)
{
    return c->hub_wall_at ? c->hub_wall + (clock_mono_ns() - c->hub_wall_at) : clock_wall_ns();
}
