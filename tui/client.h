/* client: the console's and the scripts' line to a hub. Owns one DEALER, reconnects by itself, keeps
 * subscriptions.
 *
 * Nothing here draws or prints. All calls are for one thread; callbacks run inside client_pump (and
 * client_ask, which pumps). A callback may make requests and subscriptions, but must not close the client. */
#ifndef TUI_CLIENT_H
#define TUI_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/codec.h"
#include "proto/message.h"

struct client;

enum client_link { LINK_CONNECTING, LINK_UP, LINK_STALE /* silent > 3 s */, LINK_DOWN };

struct client_options {
    const char *hub;    /* as endpoint_resolve takes it */
    bool start;         /* start a hub when none runs (execs hypertop-hub hub start) */
    bool readonly;      /* ask as viewer */
    const char *replay; /* a recording: a private hub is started on it and ended with this client */
    int64_t timeout_ns; /* for the first answer; 0: 5 s */
    int64_t beat_ns;    /* ping period, 0: 1 s; a hub silent for 3 beats is STALE, for 10 DOWN */
};

/* Connected (welcome received), or NULL and a cause (3 = no hub is the command layer's exit code). */
struct client *client_open(const struct client_options *o, char **cause);
void client_close(struct client *c);

int client_fd(struct client *c); /* poll for POLLIN, then client_pump; changes on reconnect: ask before each
                                  * poll; -1 while there is no socket (poll skips it) */
int64_t
client_deadline(struct client *c);  /* monotonic ns when client_pump wants to run next (pings, retries) */
void client_pump(struct client *c); /* receives, dispatches, pings, reconnects and renews subscriptions */
/* Without a loop of one's own: sleeps until something happens or that monotonic time, then pumps. False (and
 * nothing done) when the time has passed. */
bool client_wait(struct client *c, int64_t until);

enum client_link client_link(const struct client *c);
const char *client_hub_name(const struct client *c);
const char *client_address(const struct client *c);
const char *client_user(const struct client *c); /* who we say we are: the "who" of interventions */
bool client_readonly(const struct client *c);
int64_t client_silence_ns(const struct client *c); /* since the hub was last heard */
int64_t client_rtt_ns(const struct client *c);
int64_t client_now(const struct client *c); /* the hub's wall clock, estimated */

/* ---- subscriptions: a local copy of a view, kept current ---- */
struct view_part {
    struct span value; /* raw MessagePack owned by the view; {NULL,0} while not yet received */
};
struct view {
    struct view_part *parts; /* parts[i] is row from+i */
    int n_parts;
    int64_t count;    /* rows in all at the hub */
    struct span head; /* owned by the view */
    uint64_t version; /* grows with every change: redraw when it moved */
    bool loaded;      /* an answer has arrived since the last client_resub */
    char *error;      /* the hub's sentence when it refused this request; NULL otherwise */
};
/* `request` is the encoded body map ({view:..., ...}, without hz). The view stays until client_unsub. */
struct view *client_sub(struct client *c, struct span request, int hz);
/* Changes what a view asks for (scrolled, other sort, other cursor) without a blank in between. No-op when
 * equal. */
void client_resub(struct client *c, struct view *v, struct span request, int hz);
void client_unsub(struct client *c, struct view *v);

/* ---- requests ---- */
typedef void client_reply(void *arg,
                          const struct message *m); /* m NULL: the link went down before an answer */
/* Sends a request; reply is called for each answer with its id until it returned a final one (see message.h).
 */
int64_t client_request(struct client *c, enum msg_kind kind, struct span body, client_reply *reply,
                       void *arg);
/* The same, waiting: for scripts. Returns 0 with the answer's frame in out, -1 and a cause on error or
 * time-out. */
int client_ask(struct client *c, enum msg_kind kind, struct span body, int64_t timeout_ns, struct buf *frame,
               struct message *out, char **cause);
/* Forgets a request: its reply is not called any more. */
void client_forget(struct client *c, int64_t id);
/* Parses a verb line (verb_parse) and sends it with who, sweep (NULL or "": the newest) and wait: true asks
 * the hub for final states only. Returns the request's id, or 0 and a cause when the words do not parse or no
 * hub is there. */
int64_t client_verb(struct client *c, int n, char *const *words, const char *sweep, bool wait,
                    client_reply *reply, void *arg, char **cause);

#endif
