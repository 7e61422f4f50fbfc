/* peer: everybody who has said hello: agents, consoles, scripts. A peer is known by the routing id of its
 * connection; one that reconnects is a new peer. */
#ifndef HUB_PEER_H
#define HUB_PEER_H

#include <stdint.h>
#include <uthash.h>

#include "hub/hub.h"

struct peer {
    struct sock_peer id;
    enum msg_role role;
    char *program, *user, *host;
    int pid;
    int64_t last_seen;     /* monotonic */
    struct worker *worker; /* joined as one */
    int64_t number, since; /* counted from 1; wall clock of its hello */
    bool watches;          /* has subscribed to something: a console, not a script */
    char sweep[64];        /* what it looks at; "" the newest */
    char last[120];        /* its last command, in words */
    int64_t last_time;     /* wall; 0 none */
    int held;              /* frames of it that wait in hub_hold */
    int64_t attached;      /* handle of the run it attached by itself, the last of several; 0 none */
    bool watching;         /* it speaks for programs of others: its sweep stays open while it is there */
    UT_hash_handle hh;
};

struct peer *peer_find(struct hub *h, const struct sock_peer *id);
/* hello: makes the peer known (again) under a role. */
struct peer *peer_hello(struct hub *h, const struct sock_peer *id, const struct message *m);
/* Forgets a peer and what it had asked for. Its runs become lost, unless it said bye after they had ended. */
void peer_forget(struct hub *h, struct peer *p, const char *why);
void peers_free(struct hub *h);
int peers_consoles(const struct hub *h); /* operators and viewers attached */
/* Periodic: agents that are silent for too long are lost, others are forgotten. */
void peers_tick(struct hub *h);

#endif
