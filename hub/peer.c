/* peer: see peer.h. Owns the table of peers. A restarted hub knows nobody: whoever speaks before hello is
 * told so, and starts again from hello. */
#include "hub/peer.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hub/subscriptions.h"
#include "hub/worker.h"

#define CONSOLE_SILENT (600 * CLOCK_S) /* then it is forgotten */
#define CONSOLE_SEEN   (15 * CLOCK_S)  /* counts as attached */
#define SUSPECT_NS                                                                                           \
    ((MSG_PING_S + 1) *                                                                                      \
     CLOCK_S) /* an agent that did not ping: if its process is gone we need not wait longer */

struct peer *peer_find(struct hub *h, const struct sock_peer *id)
{
    struct peer *p = NULL;
    HASH_FIND(hh, h->peers, id, sizeof *id, p);
    return p;
}

static void set_string(char **at, struct span body, const char *key)
{
    free(*at);
    *at = cmap_strdup(body, key);
    if (!*at)
        *at = mem_str("");
    if (strlen(*at) > 255)
        (*at)[255] = '\0';
}

struct peer *peer_hello(struct hub *h, const struct sock_peer *id, const struct message *m)
{
    struct peer *p = peer_find(h, id);
    if (!p) {
        p = MEM_NEW(struct peer);
        p->id = *id;
        p->number = ++h->peers_seen;
        p->since = h->wall;
        HASH_ADD(hh, h->peers, id, sizeof p->id, p);
    }
    p->role = m->role;
    set_string(&p->program, m->body, "program");
    set_string(&p->user, m->body, "user");
    set_string(&p->host, m->body, "host");
    p->pid = (int)cmap_int(m->body, "pid", 0);
    p->last_seen = h->mono;
    return p;
}

static void peer_free(struct hub *h, struct peer *p)
{
    HASH_DEL(h->peers, p);
    free(p->program);
    free(p->user);
    free(p->host);
    free(p);
}

void peer_forget(struct hub *h, struct peer *p, const char *why)
{
    subs_drop_peer(h, &p->id);
    if (p->worker)
        worker_lost(h, p->worker, why);
    if (p->attached)
        worker_detached(h, p->attached, &p->id, why);
    if (p->role != ROLE_AGENT)
        hub_changed(h);
    peer_free(h, p);
}

void peers_free(struct hub *h)
{
    struct peer *p, *next;
    HASH_ITER(hh, h->peers, p, next)
    peer_free(h, p);
}

int peers_consoles(const struct hub *h)
{
    int n = 0;
    for (const struct peer *p = h->peers; p; p = p->hh.next)
        n += p->role != ROLE_AGENT && h->mono - p->last_seen < CONSOLE_SEEN;
    return n;
}

/* Known for agents on this machine only. */
static bool process_gone(const struct peer *p)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    return p->pid > 0 && strcmp(host, p->host) == 0 && kill(p->pid, 0) != 0 && errno == ESRCH;
}

void peers_tick(struct hub *h)
{
    struct peer *p, *next;
    if (!h->drained || h->held)
        return; /* what looks like silence may still be waiting to be read */
    HASH_ITER(hh, h->peers, p, next)
    {
        int64_t silent = h->mono - p->last_seen;
        if (p->watching)
            worker_keep_open(h, p->attached);
        if (silent > (p->role == ROLE_AGENT ? MSG_LOST_S * CLOCK_S : CONSOLE_SILENT))
            peer_forget(h, p, "silent");
        else if (p->role == ROLE_AGENT && silent > SUSPECT_NS && process_gone(p))
            peer_forget(h, p, "its process has ended");
    }
}
