/* ask: one question to a running hub, for the commands that control it. Waits; owns its socket. */
#ifndef HUB_ASK_H
#define HUB_ASK_H

#include "base/buf.h"
#include "proto/message.h"
#include "proto/sock.h"

struct ask {
    struct sock *sock;
    enum msg_role role;
    int64_t id;
    struct buf hello, frame; /* what welcome and answer borrow from */
    struct message welcome, answer;
};

/* Says hello and waits for the welcome. 0, or -1 and a cause. Close in any case. */
int ask_open(struct ask *a, const char *address, enum msg_role role, int64_t timeout_ns, char **cause);
/* body: a raw map, {NULL,0} for an empty one. An "error" answer is a failure with the hub's sentence. */
int ask_hub(struct ask *a, enum msg_kind kind, struct span body, int64_t timeout_ns, char **cause);
void ask_close(struct ask *a);

#endif
