/* sock: the only file that knows ZeroMQ. Every limit that libzmq leaves open is set here (PROMISES: LINGER 0, high-water marks, MAXMSGSIZE,
 * handshake and heartbeat intervals, reconnect back-off with a cap, ROUTER_MANDATORY, no ROUTER_HANDOVER).
 *
 * A socket belongs to the thread that made it. Sends never block. */
#ifndef PROTO_SOCK_H
#define PROTO_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct sock;

#define SOCK_PEER 8 /* bytes of a peer's routing id */
struct sock_peer {
    uint8_t id[SOCK_PEER];
    uint8_t n;
};

struct sock *sock_dealer(const char *address, size_t max_message, char **cause);
struct sock *sock_router(const char *address, size_t max_message, char **cause); /* binds; umask 0177 for ipc */
/* LINGER 0, closes, terminates the context (in a detached helper thread if that takes over 100 ms). */
void sock_close(struct sock *s);

/* The fd to poll for POLLIN. ZeroMQ's fd is edge-triggered: after any wake-up, and after any send, call sock_recv
 * until it returns 0 before polling again. */
int sock_fd(struct sock *s);
/* Next message into b (replacing what is there). 1 got one, 0 nothing there, -1 error (errno). For a router, *from says who. */
int sock_recv(struct sock *s, struct sock_peer *from, struct buf *b);
/* 0 sent; -1 with errno EAGAIN (queue full), EHOSTUNREACH (peer gone). For a dealer, to is NULL. The buffer is copied. */
int sock_send(struct sock *s, const struct sock_peer *to, const void *p, size_t n);

#endif
