/* client_state: what the three files of the client share: client_open.c finds or starts the hub, client.c
 * keeps the link, client_calls.c keeps what was asked. Nobody else includes this. */
#ifndef TUI_CLIENT_STATE_H
#define TUI_CLIENT_STATE_H

#include "base/buf.h"
#include "proto/endpoint.h"
#include "proto/sock.h"
#include "tui/client.h"
#include "tui/program.h"

struct client_pending { /* a request whose final answer is not here yet */
    struct client_pending *next;
    int64_t id;
    client_reply *reply;
    void *arg;
};

struct client_sub {
    struct view v; /* first: the caller's pointer is ours */
    struct client_sub *next;
    int64_t id; /* of the sub message; 0 while the hub does not know it */
    struct buf request;
    int hz;
    int64_t from; /* first row asked for */
    bool fresh;   /* the next answer replaces everything */
};

struct client {
    struct endpoint ep;
    struct sock *sock;
    enum msg_role role;
    char *user, *hub;
    char *refused;        /* the hub's sentence when it refused our hello */
    const char *nonsense; /* why the last frame was not a message */
    int64_t beat_ns;
    int64_t next_id;
    bool welcomed; /* the hub on the other end knows us */
    bool ever_welcomed;
    bool readonly;
    bool sent;    /* something was sent since the last drain: the socket's fd may have swallowed its edge */
    bool by_lock; /* the hub holds the lock file we know: its loss shows there at once */
    int hub_pid;
    int64_t hello_id, hello_at;
    int64_t ping_id, ping_at, ping_next;
    int64_t heard_at; /* monotonic: last message from the hub */
    int64_t pumped_at;
    int64_t retry_at, retry_wait;
    int64_t rtt_ns;
    int64_t hub_wall, hub_wall_at; /* the hub's wall clock at this monotonic time */
    struct client_pending *pending;
    struct client_sub *subs;
    struct program_child replay;
    struct buf in, out;
    unsigned jitter;
};

/* client.c */
void client_connect(
    struct client *c); /* a fresh socket with a hello on its way; a failure is tried again later */
int64_t client_put(struct client *c, enum msg_kind kind,
                   struct span body); /* id, or 0 when it could not be sent */

/* client_calls.c */
bool client_answer(struct client *c, const struct message *m); /* gives an answer to who asked */
void client_view_data(struct client *c, const struct message *m);
void client_link_lost(struct client *c); /* tells everybody who waits; subscriptions are to be renewed */
void client_renew(struct client *c);     /* sends every subscription again */
void client_calls_release(struct client *c);
/* Appends a map with the pairs of `map` and room for `more` pairs, which the caller writes next. */
void client_extend(struct codec_writer *w, struct span map, size_t more);

#endif
