/* subscriptions: views that consoles want to see again whenever they change.
 *
 * A subscription is computed at most hz times a second and only after something changed; of the answer only
 * parts whose bytes differ from what was last sent travel (64-bit fingerprints are kept, not the parts, so a
 * console costs the hub kilobytes). A console that does not read (EAGAIN) is sent nothing until it does, then
 * everything. */
#ifndef HUB_SUBSCRIPTIONS_H
#define HUB_SUBSCRIPTIONS_H

#include <stdint.h>

#include "hub/hub.h"

struct peer;

void sub_view(struct hub *h, struct peer *p, const struct message *m);  /* "view": one answer */
void sub_open(struct hub *h, struct peer *p, const struct message *m);  /* "sub" */
bool subs_any(const struct hub *h, const char *view); /* somebody subscribes to this view */
void sub_close(struct hub *h, struct peer *p, const struct message *m); /* "unsub" */
void subs_drop_peer(struct hub *h, const struct sock_peer *id);
/* Sends what is due. Returns the monotonic time of the next one due, INT64_MAX when nothing waits. */
int64_t subs_pump(struct hub *h);
void subs_free(struct hub *h);

#endif
