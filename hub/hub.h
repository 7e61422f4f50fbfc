/* hub: the daemon's one loop and everything that it owns: peers, workers, sweeps, the socket.
 *
 * One thread. poll() over {router, recorders' eventfd, signals} with the nearest duty as timeout; then
 * messages, then the periodic duties, then one flush point before it sleeps again. Nothing in the loop may
 * block for more than 10 ms: disks belong to the recorders' threads. The only way to change a sweep's state
 * is sweep_put (sweep.h). */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/host.h"
#include "hub/recorder.h"
#include "hub/views.h"
#include "proto/endpoint.h"
#include "proto/message.h"
#include "proto/sock.h"

#define HUB_HELD_MAX (64u << 20) /* bytes of frames held back while the disk does not keep up */

struct sweep;
struct peer;
struct worker;
struct subscription;
struct held_frame;

struct hub {
    struct endpoint ep;
    char *data_dir;
    char *self; /* folder of our own program: hypertop-agent stands beside it */
    int lock_fd;
    struct sock *router;
    int wake_fd; /* eventfd of the recorders */
    int signal_fd;
    bool readonly; /* a replaying hub: looks, never writes */
    bool stopping;
    bool schedule; /* something changed that may let a run start */
    int parent;    /* end when this process is gone; 0 none */
    struct recorder_options sync;
    int64_t expiry; /* ns that a command has to be answered */
    char sync_text[32];

    int64_t mono; /* monotonic time of this turn of the loop */
    int64_t wall; /* wall clock of this turn: wall_base + mono, so a clock that jumps changes no order */
    int64_t wall_base;
    bool drained; /* the last turn emptied the socket */
    bool sent;    /* something was sent since the socket was last read */

    struct host_meter meter; /* of this machine; read while somebody looks */
    int64_t peers_seen;
    struct peer *peers; /* hash by routing id */
    struct worker **workers;
    int n_workers;
    struct sweep **sweeps; /* oldest first */
    int n_sweeps;
    struct sweep_ref **refs;   /* what views see: recordings that are only shown, then the sweeps */
    int n_refs, n_shown;       /* refs[0..n_shown) are only shown */
    struct subscription *subs; /* list */
    uint64_t change;           /* grows with everything that a view may show */
    struct held_frame *held, **held_tail; /* frames to be looked at again later */
    size_t held_bytes;

    struct buf in, out, payload; /* the frame being read, the frame and the payload being built */
};

/* What hub_open needs to know. */
struct hub_options {
    const char *name; /* as endpoint_resolve takes it */
    bool readonly;
    int parent;
    struct recorder_options sync;
    int64_t expiry;      /* ns that a command has to be answered; 0: 30 s */
    char *const *replay; /* recordings to show, NULL-terminated; NULL: the data directory's own sweeps */
};

/* Locks, binds and recovers. NULL and a cause. */
struct hub *hub_open(const struct hub_options *o, char **cause);
/* Until hub.stop, SIGTERM, SIGINT or the parent's end. */
void hub_run(struct hub *h);
/* Syncs, writes footers, ends the workers it launched, frees. */
void hub_close(struct hub *h);

/* ---- for the parts ---- */
int64_t hub_clock(struct hub *h); /* refreshes mono and wall; returns mono */
void hub_changed(struct hub *h);  /* something that a view may show has changed */

/* Starts a message in h->out; the caller writes one map and calls hub_send. */
struct codec_writer hub_begin(struct hub *h, enum msg_kind kind, int64_t id);
/* Sends h->out. 0; -1 with errno: EAGAIN a slow peer, EHOSTUNREACH gone. */
int hub_send(struct hub *h, const struct sock_peer *to);
void hub_error(struct hub *h, const struct sock_peer *to, int64_t id, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
struct views_ctx hub_views(struct hub *h);

/* Keeps the frame being handled and handles it again later (recorder busy, disk full). False when too much is
 * held. While p->held is not 0 later frames of that peer that depend on their order must be held too. */
bool hub_hold(struct hub *h, struct peer *p);
/* Handles what was held, in order. Called when the reason may be gone. */
void hub_release_held(struct hub *h);
/* One frame from a peer: parse, access, dispatch (request.c). */
void request_handle(struct hub *h, const struct sock_peer *from, struct buf *frame);

bool hub_has_name(const struct hub *h, const char *name);
void hub_add_sweep(struct hub *h, struct sweep *s);
void hub_add_ref(struct hub *h, struct sweep_ref *r); /* only to be shown; taken over. Before any sweep. */

#endif
