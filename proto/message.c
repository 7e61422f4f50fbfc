/* message: the envelope of every frame. Owns the tables of message kinds and roles and the one parser that stands
 * between a peer and the rest of the program; never looks into a body beyond validating it. Invariant: what msg_parse
 * accepted is exactly one array of five whose body is a well-formed map with string keys, within codec.h's bounds. */
#include "proto/message.h"

#include <string.h>

static const struct {
    const char *name, *roles, *text;
} kinds[MSG_COUNT] = {
#define MSG_ROW(e, name, roles, text) [MSG_##e] = {name, roles, text},
    MSG_KINDS(MSG_ROW)
#undef MSG_ROW
};

static const struct {
    const char *name;
    char letter; /* in the roles column of MSG_KINDS */
} roles[] = {
    [ROLE_NONE] = {"none", '-'},         [ROLE_AGENT] = {"agent", 'A'}, [ROLE_OPERATOR] = {"operator", 'O'},
    [ROLE_VIEWER] = {"viewer", 'V'},     [ROLE_HUB] = {"hub", 'H'},
};

const char *msg_name(enum msg_kind k)
{
    return k > MSG_UNKNOWN && k < MSG_COUNT ? kinds[k].name : "unknown";
}

const char *msg_text(enum msg_kind k)
{
    return k > MSG_UNKNOWN && k < MSG_COUNT ? kinds[k].text : "";
}

bool msg_allowed(enum msg_kind k, enum msg_role role)
{
    if (k <= MSG_UNKNOWN || k >= MSG_COUNT || role <= ROLE_NONE || role > ROLE_HUB)
        return false;
    return strchr(kinds[k].roles, roles[role].letter) != NULL;
}

enum msg_role msg_role_parse(struct span s)
{
    for (enum msg_role r = ROLE_AGENT; r <= ROLE_HUB; r++)
        if (span_eq(s, roles[r].name))
            return r;
    return ROLE_NONE;
}

const char *msg_role_name(enum msg_role r)
{
    return roles[r >= ROLE_NONE && r <= ROLE_HUB ? r : ROLE_NONE].name;
}

static enum msg_kind kind_parse(struct span s)
{
    for (enum msg_kind k = MSG_UNKNOWN + 1; k < MSG_COUNT; k++)
        if (span_eq(s, kinds[k].name))
            return k;
    return MSG_UNKNOWN;
}

/* The body must be a map whose own keys are strings; what lies deeper is each message's business. */
static const char *check_body(struct span body)
{
    struct codec_reader r;
    cr_init(&r, body.p, body.n);
    if (cr_peek(&r) != CT_MAP)
        return "the body is not a map";
    for (size_t n = cr_map(&r); n > 0; n--) {
        if (cr_peek(&r) != CT_STR)
            return "a key of the body is not a string";
        cr_skip(&r);
        cr_skip(&r);
    }
    return NULL;
}

bool msg_parse(struct message *m, const void *frame, size_t n, const char **why)
{
    *m = (struct message){0};
    *why = NULL;
    if (n > MSG_MAX_AGENT && n > MSG_MAX_CONSOLE) {
        *why = "message too long";
        return false;
    }
    struct codec_reader r;
    cr_init(&r, frame, n);
    size_t parts = cr_array(&r);
    if (cr_ok(&r) && parts != 5)
        cr_fail(&r, "a message is an array of 5: version, kind, id, role, body");
    int64_t version = cr_int(&r);
    m->kind_name = cr_str(&r);
    m->id = cr_int(&r);
    m->role = msg_role_parse(cr_str(&r));
    m->kind = kind_parse(m->kind_name);
    m->body = cr_value(&r);
    if (cr_ok(&r) && r.p != r.end)
        cr_fail(&r, "bytes after the end of the message");
    if (!cr_ok(&r))
        *why = r.error;
    else if (version != MSG_VERSION)
        *why = version > MSG_VERSION ? "the peer speaks a newer protocol; this one speaks version 1"
                                     : "no such protocol version; this one speaks version 1";
    else
        *why = check_body(m->body);
    return *why == NULL;
}

void msg_begin(struct codec_writer *w, struct buf *b, enum msg_kind k, int64_t id, enum msg_role role)
{
    buf_clear(b);
    cw_init(w, b);
    cw_array(w, 5);
    cw_int(w, MSG_VERSION);
    cw_str(w, msg_name(k));
    cw_int(w, id);
    cw_str(w, msg_role_name(role));
}
