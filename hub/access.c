/* access: see access.h. No state, no I/O. Invariant: a request that is not named as allowed is refused. */
#include "hub/access.h"

bool access_changes(enum msg_kind kind)
{
    switch (kind) {
    case MSG_WORKER_JOIN:
    case MSG_RUN_ATTACH:
    case MSG_DATA:
    case MSG_SWEEP_START:
    case MSG_SEND:
        return true;
    default:
        return false; /* hub.stop ends a hub but changes no sweep: its operator may always do that */
    }
}

const char *access_refuses(enum msg_kind kind, enum msg_role asked, enum msg_role known, bool readonly)
{
    if (asked != ROLE_AGENT && asked != ROLE_OPERATOR && asked != ROLE_VIEWER)
        return "the message names no role; use agent, operator or viewer";
    if (!msg_allowed(kind, asked)) {
        switch (asked) {
        case ROLE_AGENT:
            return "an agent may not ask for this";
        case ROLE_OPERATOR:
            return "an operator may not ask for this";
        default:
            return "a viewer may not ask for this: attach as operator";
        }
    }
    if (kind == MSG_HELLO)
        return NULL;
    if (known == ROLE_NONE)
        return "say hello first";
    if (known != asked)
        return "the role differs from the one in hello";
    if (kind == MSG_SEND && asked != ROLE_OPERATOR)
        return "a viewer only looks: attach as operator to steer";
    if (readonly && access_changes(kind))
        return "this hub shows recordings and changes nothing";
    return NULL;
}
