/* ask: see ask.h. */
#include "hub/ask.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"

static int await(struct ask *a, struct buf *frame, struct message *m, int64_t timeout, char **cause)
{
    int64_t until = clock_mono_ns() + timeout;
    const char *why;
    for (;;) {
        while (sock_recv(a->sock, NULL, frame) == 1)
            if (msg_parse(m, frame->data, frame->len, &why) && m->id == a->id)
                return 0;
        int64_t left = until - clock_mono_ns();
        if (left <= 0)
            return cause_set(cause, "the hub did not answer within %g s", (double)timeout / 1e9);
        struct pollfd p = {.fd = sock_fd(a->sock), .events = POLLIN};
        poll(&p, 1, (int)(left / CLOCK_MS) + 1);
    }
}

static int put(struct ask *a, enum msg_kind kind, struct span body)
{
    struct buf b = {0};
    struct codec_writer w;
    msg_begin(&w, &b, kind, ++a->id, a->role);
    if (body.n)
        cw_raw(&w, body.p, body.n);
    else
        cw_map(&w, 0);
    int rc = sock_send(a->sock, NULL, b.data, b.len);
    buf_release(&b);
    return rc;
}

int ask_hub(struct ask *a, enum msg_kind kind, struct span body, int64_t timeout_ns, char **cause)
{
    if (put(a, kind, body) != 0)
        return cause_set(cause, "the hub takes no messages");
    if (await(a, &a->frame, &a->answer, timeout_ns, cause) != 0)
        return -1;
    if (a->answer.kind != MSG_ERROR)
        return 0;
    char *why = cmap_strdup(a->answer.body, "message");
    cause_set(cause, "%s", why ? why : "the hub refused");
    free(why);
    return -1;
}

int ask_open(struct ask *a, const char *address, enum msg_role role, int64_t timeout_ns, char **cause)
{
    struct buf b = {0};
    struct codec_writer w;
    a->role = role;
    a->sock = sock_dealer(address, MSG_MAX_CONSOLE, cause);
    if (!a->sock)
        return -1;
    cw_init(&w, &b);
    cw_map(&w, 5);
    cw_kstr(&w, "program", "hypertop-hub");
    cw_kstr(&w, "version", HYPERTOP_VERSION);
    cw_kstr(&w, "user", "");
    cw_kstr(&w, "host", "");
    cw_kint(&w, "pid", getpid());
    put(a, MSG_HELLO, (struct span){(const char *)b.data, b.len});
    buf_release(&b);
    if (await(a, &a->hello, &a->welcome, timeout_ns, cause) != 0)
        return -1;
    return a->welcome.kind == MSG_WELCOME ? 0 : cause_set(cause, "the hub did not welcome us");
}

void ask_close(struct ask *a)
{
    if (a->sock)
        sock_close(a->sock);
    buf_release(&a->hello);
    buf_release(&a->frame);
    *a = (struct ask){0};
}
