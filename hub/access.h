/* access: the one place where it is decided who may ask for what. Every request passes here before anything
 * in its body is looked at. The table itself is proto/message.h; the rules beside it are a peer's role and a
 * hub that only looks. */
#ifndef HUB_ACCESS_H
#define HUB_ACCESS_H

#include <stdbool.h>

#include "proto/message.h"

/* `known` is the role under which the peer said hello, ROLE_NONE when it has not yet. NULL when the request
 * may go on, else a static sentence for the error answer. */
const char *access_refuses(enum msg_kind kind, enum msg_role asked, enum msg_role known, bool readonly);
/* Whether a request of this kind would change something. */
bool access_changes(enum msg_kind kind);

#endif
