/* fake_hub: a hub for tests: the lock, a ROUTER and a thread in the test's own process, answering as the test
 * says. It holds the same lock file and speaks the same messages as the real one, so the client under test
 * finds it by name.
 *
 * The thread serves with the mutex held; a test looks at the fields between fake_hub_enter and fake_hub_exit.
 */
#ifndef TESTS_FAKE_HUB_H
#define TESTS_FAKE_HUB_H

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "proto/endpoint.h"
#include "proto/message.h"
#include "proto/sock.h"

struct fake_hub {
    char dir[64]; /* its runtime directory */
    struct endpoint ep;
    struct sock *sock;
    int lock;           /* fd, -1 without */
    int pid;            /* what it says its pid is */
    bool mute;          /* reads and answers nothing */
    const char *refuse; /* answers hello with this error */
    /* Called for what is not hello, ping or bye; may be NULL. */
    void (*on)(struct fake_hub *h, const struct message *m);
    int64_t last_id; /* for the test's `on` */
    char last[128];
    int count;
    struct sock_peer peer; /* who spoke last */
    struct buf in, out;
    int hellos, pings, byes;
    enum msg_role role; /* of the last message */
    pthread_t thread;
    pthread_mutex_t mutex;
    bool stop;
};

static inline void fake_hub_enter(struct fake_hub *h)
{
    pthread_mutex_lock(&h->mutex);
}

static inline void fake_hub_exit(struct fake_hub *h)
{
    pthread_mutex_unlock(&h->mutex);
}

/* A fresh runtime directory in $HYPERTOP_RUNTIME_DIR. */
static inline void fake_hub_room(struct fake_hub *h)
{
    memset(h, 0, sizeof *h);
    h->lock = -1;
    pthread_mutex_init(&h->mutex, NULL);
    snprintf(h->dir, sizeof h->dir, "/tmp/hypertop-fake-XXXXXX");
    if (!mkdtemp(h->dir))
        abort();
    setenv("HYPERTOP_RUNTIME_DIR", h->dir, 1);
    unsetenv("HYPERTOP_HUB");
}

static inline void fake_hub_begin(struct fake_hub *h, struct codec_writer *w, enum msg_kind k, int64_t id)
{
    msg_begin(w, &h->out, k, id, ROLE_HUB);
}

/* Sends what was begun to whoever spoke last. */
static inline void fake_hub_send(struct fake_hub *h)
{
    sock_send(h->sock, &h->peer, h->out.data, h->out.len);
}

static inline void fake_hub_error(struct fake_hub *h, int64_t id, const char *sentence)
{
    struct codec_writer w;
    fake_hub_begin(h, &w, MSG_ERROR, id);
    cw_map(&w, 1);
    cw_kstr(&w, "message", sentence);
    fake_hub_send(h);
}

static inline void fake_hub_welcome(struct fake_hub *h, const struct message *m)
{
    struct codec_writer w;
    fake_hub_begin(h, &w, MSG_WELCOME, m->id);
    cw_map(&w, 6);
    cw_kstr(&w, "hub", h->ep.name);
    cw_kstr(&w, "version", "test");
    cw_kint(&w, "pid", h->pid);
    cw_kdouble(&w, "time", (double)clock_wall_ns() / 1e9);
    cw_kbool(&w, "readonly", false);
    cw_kstr(&w, "role", msg_role_name(m->role));
    fake_hub_send(h);
}

static inline void fake_hub_pong(struct fake_hub *h, const struct message *m)
{
    struct codec_writer w;
    fake_hub_begin(h, &w, MSG_PONG, m->id);
    cw_map(&w, 2);
    cw_kdouble(&w, "time", (double)clock_wall_ns() / 1e9);
    cw_kint(&w, "pid", h->pid);
    fake_hub_send(h);
}

static inline void fake_hub_answer(struct fake_hub *h, const struct message *m)
{
    struct codec_writer w;

    h->role = m->role;
    switch (m->kind) {
    case MSG_HELLO:
        h->hellos++;
        if (h->refuse)
            fake_hub_error(h, m->id, h->refuse);
        else
            fake_hub_welcome(h, m);
        break;
    case MSG_PING:
        h->pings++;
        fake_hub_pong(h, m);
        break;
    case MSG_BYE:
        h->byes++;
        fake_hub_begin(h, &w, MSG_BYE_OK, m->id);
        cw_map(&w, 0);
        fake_hub_send(h);
        break;
    default:
        if (h->on)
            h->on(h, m);
    }
}

static inline void *fake_hub_main(void *arg)
{
    struct fake_hub *h = arg;
    struct message m;
    const char *why;
    bool stop = false;

    while (!stop) {
        struct pollfd p = {.fd = sock_fd(h->sock), .events = POLLIN};
        poll(&p, 1, 2);
        fake_hub_enter(h);
        while (sock_recv(h->sock, &h->peer, &h->in) == 1)
            if (!h->mute && msg_parse(&m, h->in.data, h->in.len, &why))
                fake_hub_answer(h, &m);
        stop = h->stop;
        fake_hub_exit(h);
    }
    return NULL;
}

static inline void fake_hub_start(struct fake_hub *h, const char *name)
{
    endpoint_release(&h->ep);
    if (endpoint_resolve(&h->ep, name, NULL) != 0)
        abort();
    h->lock = endpoint_lock(&h->ep, NULL);
    h->sock = sock_router(h->ep.address, MSG_MAX_CONSOLE, NULL);
    if (!h->pid)
        h->pid = getpid();
    h->stop = false;
    if (h->lock < 0 || !h->sock || pthread_create(&h->thread, NULL, fake_hub_main, h) != 0)
        abort();
}

/* Socket and lock go away, as when a hub is killed. */
static inline void fake_hub_stop(struct fake_hub *h)
{
    if (!h->sock)
        return;
    fake_hub_enter(h);
    h->stop = true;
    fake_hub_exit(h);
    pthread_join(h->thread, NULL);
    sock_close(h->sock);
    close(h->lock);
    h->sock = NULL;
    h->lock = -1;
}

/* Stops it and removes its directory. */
static inline void fake_hub_leave(struct fake_hub *h)
{
    char path[PATH_MAX];
    const char *const ends[] = {"sock", "lock"};

    fake_hub_stop(h);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s.%s", h->dir, h->ep.name, ends[i]);
        unlink(path);
    }
    rmdir(h->dir);
    endpoint_release(&h->ep);
    buf_release(&h->in);
    buf_release(&h->out);
    pthread_mutex_destroy(&h->mutex);
}

#endif
