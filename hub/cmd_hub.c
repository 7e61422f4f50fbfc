/* cmd_hub: the daemon itself: start, stop, status, run. Started as tmux's server is: the first who needs it
 * forks it off, and returns only when it answers or has failed with one sentence. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "hub/ask.h"
#include "hub/cmd.h"
#include "hub/hub.h"

#define ANSWER_NS (5 * CLOCK_S)
#define END_NS    (30 * CLOCK_S)
#define DYING_NS  (2 * CLOCK_S)

struct call {
    const char *action, *name, *sync;
    bool json;
    struct recorder_options policy;
};

static int usage(const char *why, const char *word)
{
    fprintf(stderr,
            "hypertop-hub hub: %s%s; usage: hypertop-hub hub start|stop|status|run [-L NAME] [--json] "
            "[--sync always|interval[:MS]|none]\n",
            why, word);
    return 2;
}

static int say(int rc, char *cause)
{
    fprintf(stderr, "hypertop-hub: %s\n", cause ? cause : "it failed and did not say why");
    free(cause);
    return rc;
}

/* ---- run ---- */

static struct hub *open_hub(const struct call *c, char **cause)
{
    struct hub_options o = {.name = c->name, .sync = c->policy};
    return hub_open(&o, cause);
}

static int run(const struct call *c)
{
    char *cause = NULL;
    struct hub *h = open_hub(c, &cause);
    if (!h)
        return say(1, cause);
    printf("hub %s at %s, pid %d\n", h->ep.name, h->ep.address, (int)getpid());
    fflush(stdout);
    hub_run(h);
    hub_close(h);
    return 0;
}

/* ---- start ---- */

/* Standard streams: nothing in, messages to a file beside the socket. */
static void detach_streams(const struct call *c)
{
    struct endpoint e;
    struct buf log = {0};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), out = -1;
    if (endpoint_resolve(&e, c->name, NULL) == 0) {
        buf_printf(&log, "%s/%s.log", e.runtime_dir, e.name);
        out = open(buf_cstr(&log), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
        endpoint_release(&e);
    }
    dup2(null, 0);
    dup2(out >= 0 ? out : null, 1);
    dup2(out >= 0 ? out : null, 2);
    buf_release(&log);
}

/* The daemon: says through the pipe "" when it answers, or why it cannot. */
static void daemon_main(const struct call *c, int ready)
{
    char *cause = NULL;
    setsid();
    if (chdir("/") != 0)
        cause_set(&cause, "cannot leave the working directory: %s", strerror(errno));
    detach_streams(c);
    struct hub *h = cause ? NULL : open_hub(c, &cause);
    if (!h && write(ready, cause, strlen(cause)) < 0)
        _exit(1);
    close(ready);
    if (!h)
        _exit(1);
    hub_run(h);
    hub_close(h);
    _exit(0);
}

/* Whether a hub holds the name. One that was just killed holds its lock until the kernel has taken it down:
 * it does not answer and is waited for. */
static bool lock_stays(const struct endpoint *e, int *pid)
{
    int64_t until = clock_mono_ns() + DYING_NS;
    while (endpoint_alive(e, pid)) {
        struct ask a = {0};
        bool answers = ask_open(&a, e->address, ROLE_VIEWER, ANSWER_NS / 20, NULL) == 0;
        ask_close(&a);
        if (answers || clock_mono_ns() > until)
            return true;
        poll(NULL, 0, 5);
    }
    return false;
}

static int start(const struct call *c)
{
    int ends[2];
    struct buf said = {0};
    char *cause = NULL, chunk[512];
    struct endpoint e;
    int pid;
    if (endpoint_resolve(&e, c->name, &cause) != 0)
        return say(1, cause);
    if (!e.lock_path)
        cause_set(&cause, "%s: a hub is started on this machine only, by name: -L NAME", e.address);
    else if (lock_stays(&e, &pid))
        cause_set(&cause, "hub '%s' is already running (pid %d)", e.name, pid);
    endpoint_release(&e);
    if (cause)
        return say(1, cause);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        cause_set(&cause, "cannot make a pipe: %s", strerror(errno));
        return say(1, cause);
    }
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        if (fork() == 0) /* twice, so that nobody has to wait for the daemon */
            daemon_main(c, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        cause_set(&cause, "cannot fork: %s", strerror(errno));
        return say(1, cause);
    }
    waitpid(child, NULL, 0);
    ssize_t n;
    while ((n = read(ends[0], chunk, sizeof chunk)) > 0)
        buf_put(&said, chunk, (size_t)n);
    close(ends[0]);
    bool failed = said.len > 0;
    if (failed)
        fprintf(stderr, "hypertop-hub: %s\n", buf_cstr(&said));
    buf_release(&said);
    return failed ? 1 : 0;
}

/* ---- stop, status ---- */

static int no_hub(const struct endpoint *e)
{
    fprintf(stderr, "hypertop-hub: no hub named '%s' runs: start one with `hypertop hub start -L %s`\n",
            e->name, e->name);
    return 3;
}

static bool wait_gone(const struct endpoint *e)
{
    int64_t until = clock_mono_ns() + END_NS;
    int pid;
    while (endpoint_alive(e, &pid)) {
        if (clock_mono_ns() > until)
            return false;
        poll(NULL, 0, 5);
    }
    return true;
}

static int stop(const struct call *c)
{
    struct endpoint e;
    struct ask a = {0};
    char *cause = NULL;
    int pid, rc = 0;
    if (endpoint_resolve(&e, c->name, &cause) != 0)
        return say(1, cause);
    if (!endpoint_alive(&e, &pid)) {
        rc = no_hub(&e);
    } else if (ask_open(&a, e.address, ROLE_OPERATOR, ANSWER_NS, &cause) != 0 ||
               ask_hub(&a, MSG_HUB_STOP, (struct span){0}, ANSWER_NS, &cause) != 0) {
        rc = say(1, cause);
    } else if (!wait_gone(&e)) {
        fprintf(stderr, "hypertop-hub: the hub '%s' (pid %d) is still closing its recordings\n", e.name, pid);
        rc = 1;
    }
    ask_close(&a);
    endpoint_release(&e);
    return rc;
}

static void print_status(const struct ask *a, const struct endpoint *e, bool json)
{
    struct buf b = {0};
    char hub[ENDPOINT_NAME] = "", version[32] = "";
    int64_t pid = cmap_int(a->welcome.body, "pid", 0);
    cmap_strcpy(a->welcome.body, "hub", hub, sizeof hub);
    cmap_strcpy(a->welcome.body, "version", version, sizeof version);
    if (json) {
        struct json_out j;
        jw_open(&j, &b);
        jw_object(&j);
        jw_key(&j, "hub");
        jw_str(&j, hub);
        jw_key(&j, "running");
        jw_bool(&j, true);
        jw_key(&j, "pid");
        jw_int(&j, pid);
        jw_key(&j, "version");
        jw_str(&j, version);
        jw_key(&j, "address");
        jw_str(&j, e->address);
        jw_key(&j, "sweeps");
        jw_int(&j, cmap_int(a->answer.body, "count", 0));
        jw_object_end(&j);
    } else {
        buf_printf(&b, "hub %s runs, pid %lld, version %s, at %s, %lld sweeps", hub, (long long)pid, version,
                   e->address, (long long)cmap_int(a->answer.body, "count", 0));
    }
    puts(buf_cstr(&b));
    buf_release(&b);
}

static int status(const struct call *c)
{
    static const char view[] = "\x81\xa4view\xa6sweeps"; /* {view: "sweeps"} */
    struct endpoint e;
    struct ask a = {0};
    char *cause = NULL;
    int pid, rc = 0;
    if (endpoint_resolve(&e, c->name, &cause) != 0)
        return say(1, cause);
    if (!endpoint_alive(&e, &pid)) {
        if (c->json)
            printf("{\"hub\":\"%s\",\"running\":false}\n", e.name);
        rc = c->json ? 3 : no_hub(&e);
    } else if (ask_open(&a, e.address, ROLE_VIEWER, ANSWER_NS, &cause) != 0 ||
               ask_hub(&a, MSG_VIEW, (struct span){view, sizeof view - 1}, ANSWER_NS, &cause) != 0) {
        rc = say(1, cause);
    } else {
        print_status(&a, &e, c->json);
    }
    ask_close(&a);
    endpoint_release(&e);
    return rc;
}

int cmd_hub(int argc, char **argv)
{
    struct call c = {.policy = {.policy = RECORDER_INTERVAL, .wake_fd = -1}};
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "-L") == 0 && more)
            c.name = argv[++i];
        else if (strcmp(argv[i], "--json") == 0)
            c.json = true;
        else if (strcmp(argv[i], "--sync") == 0 && more)
            c.sync = argv[++i];
        else if (argv[i][0] == '-' || c.action)
            return usage("what is ", argv[i]);
        else
            c.action = argv[i];
    }
    if (c.sync && !recorder_policy_parse(c.sync, &c.policy))
        return usage("no sync policy is called ", c.sync);
    if (!c.action)
        return usage("start, stop, status or run?", "");
    if (strcmp(c.action, "run") == 0)
        return run(&c);
    if (strcmp(c.action, "start") == 0)
        return start(&c);
    if (strcmp(c.action, "stop") == 0)
        return stop(&c);
    if (strcmp(c.action, "status") == 0)
        return status(&c);
    return usage("there is no action ", c.action);
}
