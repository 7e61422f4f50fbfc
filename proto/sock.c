/* sock: ZeroMQ behind six calls. Owns one context and one socket each, and every option that libzmq leaves open or sets
 * to something that hurts (unbounded linger, unbounded messages, no heartbeats, no reconnect back-off, silent drops to
 * unknown peers). Never blocks: sends and receives are non-blocking, and closing is bounded in time even when libzmq
 * hangs in zmq_ctx_term with a dead peer. One frame is one message; what comes in more frames than that is dropped. */
#include "proto/sock.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <zmq.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"

#define HIGH_WATER     256     /* messages queued per peer and direction before EAGAIN */
#define BACKLOG        1024    /* connections waiting to be accepted: two thousand agents may start at once */
#define HANDSHAKE_MS   5000    /* a peer that connects and says nothing is dropped after this */
#define HEARTBEAT_MS   2000
#define HEARTBEAT_TIMEOUT_MS 6000
#define HEARTBEAT_TTL_MS     10000
#define CLOSE_WAIT_NS  100000000 /* how long sock_close waits for libzmq */

/* Reconnect after first..last ms, doubling, with libzmq's own jitter. A local socket costs nothing to try. */
static const struct {
    int first, last;
} local_retry = {50, 1000}, network_retry = {200, 10000};

struct sock {
    void *context, *socket;
    bool router;
    size_t max_message;
};

static int set_int(struct sock *s, int option, int value)
{
    return zmq_setsockopt(s->socket, option, &value, sizeof value);
}

static int set_options(struct sock *s, bool local)
{
    int64_t max = (int64_t)s->max_message;
    int bad = zmq_setsockopt(s->socket, ZMQ_MAXMSGSIZE, &max, sizeof max);
    bad |= set_int(s, ZMQ_LINGER, 0);
    bad |= set_int(s, ZMQ_SNDHWM, HIGH_WATER);
    bad |= set_int(s, ZMQ_RCVHWM, HIGH_WATER);
    bad |= set_int(s, ZMQ_BACKLOG, BACKLOG);
    bad |= set_int(s, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
    bad |= set_int(s, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS);
    bad |= set_int(s, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS);
    bad |= set_int(s, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TTL_MS);
    bad |= set_int(s, ZMQ_RECONNECT_IVL, local ? local_retry.first : network_retry.first);
    bad |= set_int(s, ZMQ_RECONNECT_IVL_MAX, local ? local_retry.last : network_retry.last);
    bad |= set_int(s, ZMQ_TCP_KEEPALIVE, 1);
    if (s->router) {
        bad |= set_int(s, ZMQ_ROUTER_MANDATORY, 1); /* an unknown peer is an error, not a black hole */
        bad |= set_int(s, ZMQ_ROUTER_HANDOVER, 0);  /* nobody can take over another peer's routing id */
    }
    return bad;
}

/* libzmq's threads must not take the program's signals. */
static void block_signals(sigset_t *old)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, old);
}

static struct sock *sock_new(bool router, size_t max_message, bool local, char **cause)
{
    struct sock *s = MEM_NEW(struct sock);
    s->router = router;
    s->max_message = max_message;
    s->context = zmq_ctx_new();
    if (s->context) {
        zmq_ctx_set(s->context, ZMQ_BLOCKY, 0);
        zmq_ctx_set(s->context, ZMQ_IO_THREADS, 1);
        zmq_ctx_set(s->context, ZMQ_MAX_SOCKETS, 8);
        sigset_t old;
        block_signals(&old);
        s->socket = zmq_socket(s->context, router ? ZMQ_ROUTER : ZMQ_DEALER);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    if (!s->socket || set_options(s, local) != 0) {
        cause_set(cause, "cannot make a socket: %s", zmq_strerror(zmq_errno()));
        sock_close(s);
        return NULL;
    }
    return s;
}

struct sock *sock_dealer(const char *address, size_t max_message, char **cause)
{
    struct sock *s = sock_new(false, max_message, text_has_prefix(address, "ipc://"), cause);
    if (s && zmq_connect(s->socket, address) != 0) {
        cause_set(cause, "%s: cannot connect: %s", address, zmq_strerror(zmq_errno()));
        sock_close(s);
        return NULL;
    }
    return s;
}

struct sock *sock_router(const char *address, size_t max_message, char **cause)
{
    bool local = text_has_prefix(address, "ipc://");
    struct sock *s = sock_new(true, max_message, local, cause);
    if (!s)
        return NULL;
    mode_t old = local ? umask(0177) : 0;
    int rc = zmq_bind(s->socket, address), err = zmq_errno();
    if (local)
        umask(old);
    if (rc != 0) {
        cause_set(cause, "%s: cannot bind: %s", address, zmq_strerror(err));
        sock_close(s);
        return NULL;
    }
    return s;
}

static void *terminate(void *context)
{
    while (zmq_ctx_term(context) != 0 && zmq_errno() == EINTR) {
    }
    return NULL;
}

/* zmq_ctx_term waits for libzmq's own threads and has been seen to wait for ever; a helper thread does the waiting and
 * is left behind when it takes too long (the process is about to end or to open a fresh context). */
static void terminate_bounded(void *context)
{
    pthread_t helper;
    sigset_t old;
    block_signals(&old);
    int rc = pthread_create(&helper, NULL, terminate, context);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        zmq_ctx_shutdown(context);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += CLOSE_WAIT_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    if (pthread_clockjoin_np(helper, NULL, CLOCK_MONOTONIC, &until) != 0)
        pthread_detach(helper);
}

void sock_close(struct sock *s)
{
    if (!s)
        return;
    if (s->socket)
        zmq_close(s->socket);
    if (s->context)
        terminate_bounded(s->context);
    free(s);
}

int sock_fd(struct sock *s)
{
    int fd = -1;
    size_t n = sizeof fd;
    return zmq_getsockopt(s->socket, ZMQ_FD, &fd, &n) == 0 ? fd : -1;
}

static int recv_part(struct sock *s, zmq_msg_t *m)
{
    int n;
    do
        n = zmq_msg_recv(m, s->socket, ZMQ_DONTWAIT);
    while (n < 0 && zmq_errno() == EINTR);
    return n;
}

/* Reads one whole message, keeping its routing id and its only frame. 1 kept, 0 nothing there, -1 error, 2 dropped
 * because it had another number of frames or a routing id that we have no room for. */
static int recv_one(struct sock *s, struct sock_peer *from, struct buf *b)
{
    int want = s->router ? 2 : 1, parts = 0;
    bool fits = true, more = true;
    while (more) {
        zmq_msg_t m;
        zmq_msg_init(&m);
        if (recv_part(s, &m) < 0) {
            int err = zmq_errno();
            zmq_msg_close(&m);
            errno = err;
            return err == EAGAIN ? 0 : -1;
        }
        size_t n = zmq_msg_size(&m);
        more = zmq_msg_more(&m);
        parts++;
        if (s->router && parts == 1) {
            fits = n <= SOCK_PEER;
            if (fits && from) {
                *from = (struct sock_peer){.n = (uint8_t)n}; /* the rest zero: peers are compared as bytes */
                memcpy(from->id, zmq_msg_data(&m), n);
            }
        } else if (parts == want) {
            buf_clear(b);
            buf_put(b, zmq_msg_data(&m), n);
        }
        zmq_msg_close(&m);
    }
    return fits && parts == want ? 1 : 2;
}

int sock_recv(struct sock *s, struct sock_peer *from, struct buf *b)
{
    int rc;
    do
        rc = recv_one(s, from, b);
    while (rc == 2);
    return rc;
}

static int send_part(struct sock *s, const void *p, size_t n, int flags)
{
    int rc;
    do
        rc = zmq_send(s->socket, p, n, flags | ZMQ_DONTWAIT);
    while (rc < 0 && zmq_errno() == EINTR);
    if (rc < 0)
        errno = zmq_errno();
    return rc < 0 ? -1 : 0;
}

int sock_send(struct sock *s, const struct sock_peer *to, const void *p, size_t n)
{
    if (n > s->max_message) { /* the peer would drop the connection */
        errno = EMSGSIZE;
        return -1;
    }
    /* Room is checked with the first part; once that is taken the second is not refused. */
    if (s->router && send_part(s, to->id, to->n, ZMQ_SNDMORE) != 0)
        return -1;
    return send_part(s, p, n, 0);
}
