/* client_open: finds the hub, starts one when asked to, and waits for its welcome. Every way this can fail
 * has a sentence of its own: no hub, no program to start it with, a foreign file where the socket should be,
 * a hub that is silent or refuses us. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "tui/client_state.h"

#define TIMEOUT     (5 * CLOCK_S)
#define REPLAY_WAIT (20 * CLOCK_MS) /* between looks at a child that is reading its recording */
#define BYE_WAIT    (100 * CLOCK_MS)

static const char *socket_path(const struct endpoint *e)
{
    return text_has_prefix(e->address, "ipc://") ? e->address + strlen("ipc://") : NULL;
}

/* Nobody holds the lock: says what stands in the hub's place. */
static int no_hub(const struct endpoint *e, char **cause)
{
    struct stat st;
    const char *path = socket_path(e);

    if (path && lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        return cause_set(
            cause, "%s is not a socket, no hub made it: move it away, then run `hypertop hub start -L %s`",
            path, e->name);
    return cause_set(cause,
                     "no hub named '%s' runs (looked for %s): start one with `hypertop hub start -L %s`",
                     e->name, path ? path : e->address, e->name);
}

static int start_hub(const struct endpoint *e, char **cause)
{
    struct program_child child;
    char *argv[] = {NULL, "hub", "start", "-L", (char *)e->name, NULL};
    int pid, rc = 0;

    if (program_spawn(&child, "hypertop-hub", argv, cause) != 0)
        return -1;
    program_ended(&child, true);
    /* Somebody else may have started it at the same moment: then ours refused, and that is fine. */
    if (!endpoint_alive(e, &pid)) {
        char *said = program_said(&child);
        rc = cause_set(cause, "the hub '%s' could not be started: %s", e->name,
                       *said ? said : "hypertop-hub ended and did not say why");
        free(said);
    }
    program_leave(&child);
    return rc;
}

static int start_replay(struct client *c, const char *file, char **cause)
{
    char name[32], parent[16];
    char *argv[] = {NULL, "serve", "--replay", (char *)file, "--parent", parent, "-L", name, NULL};

    if (access(file, R_OK) != 0)
        return cause_set(cause, "%s: %s", file, strerror(errno));
    snprintf(name, sizeof name, "replay-%d", (int)getpid());
    snprintf(parent, sizeof parent, "%d", (int)getpid());
    if (endpoint_resolve(&c->ep, name, cause) != 0)
        return -1;
    return program_spawn(&c->replay, "hypertop-hub", argv, cause);
}

static bool replay_listens(struct client *c)
{
    int pid;
    const char *path = socket_path(&c->ep);
    return endpoint_alive(&c->ep, &pid) && (!path || access(path, F_OK) == 0);
}

/* The replaying hub takes the lock, folds the recording and then answers: as long as it lives we wait. */
static int await_replay(struct client *c, const char *file, char **cause)
{
    for (;;) {
        if (program_ended(&c->replay, false)) {
            char *said = program_said(&c->replay);
            cause_set(cause, "%s", *said ? said : "hypertop-hub ended before it served the recording");
            if (!*said)
                cause_set(cause,
                          "%s: hypertop-hub ended before it served the recording: try `hypertop fsck %s`",
                          file, file);
            free(said);
            return -1;
        }
        if (c->sock) {
            client_wait(c, clock_mono_ns() + REPLAY_WAIT);
        } else if (replay_listens(c)) {
            client_connect(c);
        } else {
            struct timespec tick = {.tv_nsec = REPLAY_WAIT};
            nanosleep(&tick, NULL);
        }
        if (c->welcomed)
            return 0;
    }
}

static int await_welcome(struct client *c, int64_t timeout, char **cause)
{
    int64_t until = clock_mono_ns() + timeout;

    while (!c->welcomed && !c->refused && client_wait(c, until))
        ;
    if (c->welcomed)
        return 0;
    if (c->refused)
        return cause_set(cause, "the hub at %s refused us: %s", c->ep.address, c->refused);
    if (c->nonsense)
        return cause_set(cause, "%s answered something that is no hub's (%s): check the address",
                         c->ep.address, c->nonsense);
    return cause_set(
        cause,
        "the hub at %s did not answer within %.3g s: see `hypertop hub status`, or stop it and start again",
        c->ep.address, (double)timeout / 1e9);
}

static char *user_name(void)
{
    const struct passwd *p = getpwuid(geteuid());
    char uid[24];
    snprintf(uid, sizeof uid, "uid %ld", (long)geteuid());
    return mem_str(p && p->pw_name && *p->pw_name ? p->pw_name : uid);
}

static int reach_hub(struct client *c, const struct client_options *o, char **cause)
{
    int pid;

    if (o->replay) {
        if (start_replay(c, o->replay, cause) != 0)
            return -1;
        return await_replay(c, o->replay, cause);
    }
    if (endpoint_resolve(&c->ep, o->hub, cause) != 0)
        return -1;
    /* An ipc:// address may be a socket forwarded from elsewhere, whose lock is not here: then only its
     * absence tells. */
    const char *said = o->hub ? o->hub : getenv("HYPERTOP_HUB");
    bool named = !said || !strstr(said, "://");
    const char *path = socket_path(&c->ep);
    bool there = !path || endpoint_alive(&c->ep, &pid) || (!named && access(path, F_OK) == 0);
    if (!there && o->start && c->ep.name[0]) {
        if (start_hub(&c->ep, cause) != 0)
            return -1;
    } else if (!there) {
        return no_hub(&c->ep, cause);
    }
    client_connect(c);
    return await_welcome(c, o->timeout_ns ? o->timeout_ns : TIMEOUT, cause);
}

struct client *client_open(const struct client_options *o, char **cause)
{
    struct client *c = MEM_NEW(struct client);

    c->replay.err = -1;
    c->user = user_name();
    c->role = o->readonly ? ROLE_VIEWER : ROLE_OPERATOR;
    c->beat_ns = o->beat_ns ? o->beat_ns : CLOCK_S;
    c->heard_at = c->pumped_at = clock_mono_ns();
    c->jitter = (unsigned)(c->heard_at ^ getpid());
    if (reach_hub(c, o, cause) == 0)
        return c;
    client_close(c);
    return NULL;
}

/* ipc:// loses the tail of what a closing sender sent: bye, and a moment for bye.ok. */
static void say_bye(struct client *c)
{
    struct buf frame = {0};
    struct message m;
    if (c->welcomed)
        client_ask(c, MSG_BYE, (struct span){0}, BYE_WAIT, &frame, &m, NULL);
    buf_release(&frame);
}

/* The private hub's files go with it, also when it had to be killed. */
static void end_replay(struct client *c)
{
    program_end(&c->replay);
    if (c->ep.lock_path)
        unlink(c->ep.lock_path);
    if (c->ep.address && socket_path(&c->ep))
        unlink(socket_path(&c->ep));
}

void client_close(struct client *c)
{
    if (!c)
        return;
    client_calls_release(c);
    say_bye(c);
    if (c->sock)
        sock_close(c->sock);
    if (c->replay.err >= 0)
        end_replay(c);
    endpoint_release(&c->ep);
    free(c->user);
    free(c->hub);
    free(c->refused);
    buf_release(&c->in);
    buf_release(&c->out);
    free(c);
}
