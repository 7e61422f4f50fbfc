/* fake_hub: a hub that only keeps what it is told, for the tests of the agent: one router, welcome, leases
 * and commands on demand, every event kept. It can hold back acknowledgements, drop them, die and come
 * back under another pid. A test pumps it with hub_until(condition): no thread, no sleeping. Include it
 * once per test program. */
#ifndef TESTS_AGENT_FAKE_HUB_H
#define TESTS_AGENT_FAKE_HUB_H

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "proto/endpoint.h"
#include "proto/event.h"
#include "proto/message.h"
#include "proto/points.h"
#include "proto/ring.h"
#include "proto/sock.h"
#include "tests/unit/agent/tree.h"

#define HUB_PATIENCE (20 * CLOCK_S)
#define HUB_POINTS   4000000

struct hub_event {
    int64_t run, seq, time;
    char kind[16];
    struct buf body;
};

static struct {
    char dir[64];
    struct endpoint ep;
    struct sock *s;
    int lock_fd;
    struct sock_peer peer; /* who spoke last with a run */
    struct buf in, out;
    struct hub_event *events;
    int n_events;
    int hellos, attaches, joins, byes, frames, repeats;
    int64_t run, epoch, last_seq;
    int64_t slots;
    bool mute;                  /* no acknowledgements */
    struct sock_peer known[64]; /* who has said hello to this hub */
    int n_known;
    int64_t drop_run; /* named in the drop list of worker.join; -1 none */
    uint8_t *seen;    /* how often each step came */
    uint64_t points, doubles, dropped;
    int claims; /* runs named in joins and attaches */
} hub;

static void hub_dirs(void)
{
    snprintf(hub.dir, sizeof hub.dir, "/tmp/ht-ag-XXXXXX");
    if (!mkdtemp(hub.dir))
        abort();
    char path[128];
    snprintf(path, sizeof path, "%s/run", hub.dir);
    mkdir(path, 0700);
    setenv("HYPERTOP_MONITOR", "0", 1); /* tests count every point */
    setenv("HYPERTOP_RUNTIME_DIR", path, 1);
    snprintf(path, sizeof path, "%s/data", hub.dir);
    setenv("HYPERTOP_DATA_DIR", path, 1);
    setenv("OPENBLAS_NUM_THREADS", "1",
           1); /* tests are linked with it: its threads would take the programs' signals */
    unsetenv("HYPERTOP_HUB");
    unsetenv("HYPERTOP_RING");
    unsetenv("HYPERTOP_DISABLE");
    hub.seen = mem_zero(HUB_POINTS, 1);
    hub.drop_run = -1;
    hub.run = 7001;
    hub.epoch = 1;
}

static void hub_up(void)
{
    char *cause = NULL;
    hub.n_known = 0;
    if (endpoint_resolve(&hub.ep, NULL, &cause) != 0 || (hub.lock_fd = endpoint_lock(&hub.ep, &cause)) < 0 ||
        !(hub.s = sock_router(hub.ep.address, MSG_MAX_AGENT, &cause))) {
        fprintf(stderr, "fake hub: %s\n", cause);
        abort();
    }
}

static void hub_down(void)
{
    if (!hub.s)
        return;
    sock_close(hub.s);
    hub.s = NULL;
    close(hub.lock_fd);
    endpoint_release(&hub.ep);
}

static void hub_clean(void)
{
    hub_down();
    for (int i = 0; i < hub.n_events; i++)
        buf_release(&hub.events[i].body);
    free(hub.events);
    free(hub.seen);
    buf_release(&hub.in);
    buf_release(&hub.out);
    char rings[RING_PATH], why[RING_WHY];
    if (ring_directory(rings, why) != 0) /* what a killed worker left in /dev/shm */
        abort();
    if (tree_remove(rings) != 0 || tree_remove(hub.dir) != 0)
        abort();
    memset(&hub, 0, sizeof hub);
}

static struct codec_writer hub_begin(enum msg_kind kind, int64_t id)
{
    struct codec_writer w;
    msg_begin(&w, &hub.out, kind, id, ROLE_HUB);
    return w;
}

static void hub_send(void)
{
    sock_send(hub.s, &hub.peer, hub.out.data, hub.out.len);
}

static void hub_points(struct span c)
{
    struct points_reader r;
    points_open(&r, c);
    while (points_next(&r))
        for (uint32_t i = 0; i < r.block.n; i++) {
            int64_t step = r.block.steps[i];
            hub.points++;
            if (step >= 0 && step < HUB_POINTS && hub.seen[step]++)
                hub.doubles++;
        }
    points_close(&r);
}

static void hub_take_event(int64_t run, int64_t seq, struct codec_reader *r)
{
    cr_array(r);
    struct span kind = cr_str(r);
    int64_t time = cr_int(r);
    struct span body = cr_value(r);
    hub.events = mem_resize(hub.events, (size_t)hub.n_events + 1, sizeof *hub.events);
    struct hub_event *e = &hub.events[hub.n_events++];
    *e = (struct hub_event){.run = run, .seq = seq, .time = time};
    span_copy(e->kind, sizeof e->kind, kind);
    struct codec_reader c;
    if (strcmp(e->kind, "points") == 0 && cmap_find(body, "c", &c))
        hub_points(cr_bin(&c));
    if (strcmp(e->kind, "run_state") == 0 && span_eq(cmap_str(body, "state"), "dropped"))
        hub.dropped += (uint64_t)cmap_int(body, "points", 0);
    buf_put(&e->body, body.p, body.n);
}

static void hub_ack(int64_t run, int64_t epoch, int64_t seq)
{
    struct codec_writer w = hub_begin(MSG_ACK, 0);
    cw_map(&w, 3);
    cw_kint(&w, "run", run);
    cw_kint(&w, "epoch", epoch);
    cw_kint(&w, "seq", seq);
    hub_send();
}

static void hub_data(const struct message *m)
{
    int64_t run = cmap_int(m->body, "run", -1), epoch = cmap_int(m->body, "epoch", -1),
            seq = cmap_int(m->body, "seq", 0);
    hub.frames++;
    if (seq <= hub.last_seq) {
        hub.repeats++;
    } else {
        struct span events = cmap_value(m->body, "events");
        struct codec_reader r;
        hub.last_seq = seq;
        cr_init(&r, events.p, events.n);
        for (size_t n = cr_array(&r); n > 0 && cr_ok(&r); n--)
            hub_take_event(run, seq, &r);
    }
    if (!hub.mute)
        hub_ack(run, epoch, hub.last_seq);
}

static void hub_join(const struct message *m)
{
    struct codec_reader r;
    hub.joins++;
    hub.slots = cmap_int(m->body, "slots", -1);
    if (cmap_find(m->body, "runs", &r))
        hub.claims += (int)cr_array(&r);
    struct codec_writer w = hub_begin(MSG_OK, m->id);
    cw_map(&w, 2);
    cw_kstr(&w, "worker", "host/1");
    cw_str(&w, "drop");
    cw_array(&w, hub.drop_run >= 0);
    if (hub.drop_run >= 0)
        cw_int(&w, hub.drop_run);
    hub_send();
}

static void hub_attach(const struct message *m)
{
    hub.attaches++;
    hub.claims += cmap_int(m->body, "run", -1) >= 0;
    struct codec_writer w = hub_begin(MSG_OK, m->id);
    cw_map(&w, 4);
    cw_kstr(&w, "sweep", "adhoc");
    cw_kint(&w, "trial", 0);
    cw_kint(&w, "run", hub.run);
    cw_kint(&w, "epoch", hub.epoch);
    hub_send();
}

static bool hub_knows(void)
{
    for (int i = 0; i < hub.n_known; i++)
        if (memcmp(&hub.known[i], &hub.peer, sizeof hub.peer) == 0)
            return true;
    return false;
}

static void hub_message(const struct message *m)
{
    struct codec_writer w;
    if (m->kind == MSG_HELLO && !hub_knows())
        hub.known[hub.n_known++ % 64] = hub.peer;
    if (!hub_knows()) {
        w = hub_begin(MSG_ERROR, m->id);
        cw_map(&w, 1);
        cw_kstr(&w, "message", "say hello first");
        hub_send();
        return;
    }
    switch (m->kind) {
    case MSG_HELLO:
        hub.hellos++;
        w = hub_begin(MSG_WELCOME, m->id);
        cw_map(&w, 2);
        cw_kstr(&w, "hub", "default");
        cw_kint(&w, "pid", getpid()); /* as the lock file says */
        hub_send();
        break;
    case MSG_PING:
        w = hub_begin(MSG_PONG, m->id);
        cw_map(&w, 1);
        cw_kint(&w, "pid", getpid());
        hub_send();
        break;
    case MSG_BYE:
        hub.byes++;
        w = hub_begin(MSG_BYE_OK, m->id);
        cw_map(&w, 0);
        hub_send();
        break;
    case MSG_WORKER_JOIN:
        hub_join(m);
        break;
    case MSG_RUN_ATTACH:
        hub_attach(m);
        break;
    case MSG_DATA:
        hub_data(m);
        break;
    default:
        break;
    }
}

static void hub_turn(int ms)
{
    struct message m;
    const char *why;
    if (!hub.s) {
        poll(NULL, 0, ms);
        return;
    }
    struct pollfd p = {.fd = sock_fd(hub.s), .events = POLLIN};
    poll(&p, 1, ms);
    while (sock_recv(hub.s, &hub.peer, &hub.in) == 1)
        if (msg_parse(&m, hub.in.data, hub.in.len, &why))
            hub_message(&m);
}

/* Starts this test program as an agent program: main passes the subcommands on. */
static pid_t agent_start(char *const *argv)
{
    pid_t pid = fork();
    if (pid == 0) {
        execv("/proc/self/exe", argv);
        _exit(126);
    }
    return pid;
}

/* Pumps until the process has ended; its wait status, -1 when it does not. */
static int agent_wait(pid_t pid)
{
    int status = -1;
    int64_t end = clock_mono_ns() + HUB_PATIENCE;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (clock_mono_ns() > end)
            return -1;
        hub_turn(5);
    }
    return status;
}

/* Pumps until the condition holds; false when patience ends first. */
#define hub_until(condition)                                                                                 \
    ({                                                                                                       \
        int64_t hub_end_ = clock_mono_ns() + HUB_PATIENCE;                                                   \
        while (!(condition) && clock_mono_ns() < hub_end_)                                                   \
            hub_turn(5);                                                                                     \
        (condition);                                                                                         \
    })

/* The n-th event of a kind (from 0) whose field `key` is the string `value` (key NULL: any); NULL when
 * there is none. */
static const struct hub_event *hub_event(const char *kind, const char *key, const char *value, int n)
{
    for (int i = 0; i < hub.n_events; i++) {
        const struct hub_event *e = &hub.events[i];
        struct span body = {(const char *)e->body.data, e->body.len};
        if (strcmp(e->kind, kind) == 0 && (!key || span_eq(cmap_str(body, key), value)) && n-- == 0)
            return e;
    }
    return NULL;
}

static struct span hub_body(const struct hub_event *e)
{
    return (struct span){(const char *)e->body.data, e->body.len};
}

/* args: MessagePack of a map, or NULL. */
static void hub_command(int64_t id, const char *verb, const struct buf *args)
{
    struct codec_writer w = hub_begin(MSG_COMMAND, 0);
    cw_map(&w, 5);
    cw_kint(&w, "run", hub.run);
    cw_kint(&w, "epoch", hub.epoch);
    cw_kint(&w, "command", id);
    cw_kstr(&w, "verb", verb);
    cw_str(&w, "args");
    if (args)
        cw_raw(&w, args->data, args->len);
    else
        cw_map(&w, 0);
    hub_send();
}

/* Whether steps 0..n-1 came exactly once each. */
static bool hub_has_all(int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (hub.seen[i] != 1)
            return false;
    return hub.points == (uint64_t)n;
}

#endif
