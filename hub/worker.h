/* worker: process slots that execute runs. A worker keeps its name over reconnects (by its token, else by
 * host and pid). A silent worker is lost, and its runs with it; when it returns in time they go on where they
 * are. */
#ifndef HUB_WORKER_H
#define HUB_WORKER_H

#include <stdint.h>

#include "hub/hub.h"

struct peer;

struct worker {
    char name[64];
    char *host, *token;
    int pid, slots;
    int busy;              /* runs leased to it that have not ended */
    struct sock_peer peer; /* n 0: not connected */
    int64_t only;          /* key of the sweep that it was launched for; 0: takes any */
    bool leaving;          /* gets nothing new */
};

/* Requests. */
void worker_join(struct hub *h, struct peer *p, const struct message *m);
void worker_attach(struct hub *h, struct peer *p, const struct message *m); /* run.attach */
/* The worker fell silent: its runs are lost. */
void worker_lost(struct hub *h, struct worker *w, const char *why);
/* It said bye or its process ended: it will not come back with its runs. */
void worker_left(struct hub *h, struct worker *w, const char *why);
/* The peer of runs that attached by themselves, of this one and perhaps others of its sweep, is gone. */
void worker_detached(struct hub *h, int64_t handle, const struct sock_peer *peer, const char *why);
/* The sweep of this run has somebody who watches it: it does not end for want of news. */
void worker_keep_open(struct hub *h, int64_t handle);
struct worker *worker_by_token(struct hub *h, const char *token);
struct worker *worker_by_name(struct hub *h, const char *name); /* NULL: unknown */
struct worker *worker_named(struct hub *h, const char *name);   /* made when it is unknown */
/* Tells a new sweep about the workers that are there. */
void workers_announce(struct hub *h, struct sweep *s);
/* A worker with a free slot that may run this sweep, the least busy; NULL none. */
struct worker *worker_free_slot(struct hub *h, const struct sweep *s);
void workers_free(struct hub *h);

#endif
