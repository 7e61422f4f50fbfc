/* exec: runs a program that knows nothing of us as a run of its own. Its output goes where it always went
 * and to the hub; a program that does use libhypertop finds its ring in the environment. Signals are
 * passed on, the exit status is the program's (128 + signal when one ended it), and no hub is needed: then
 * everything is stored for later.
 *
 * The program stays in our process group, so the terminal's own signals reach it without us: these are not
 * passed on twice. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent_cmd.h"
#include "agent/child.h"
#include "agent/delivery.h"
#include "agent/environment.h"
#include "agent/exec_params.h"
#include "agent/exec_watch.h"
#include "agent/monitor.h"
#include "agent/wandb_front.h"
#include "agent/wrap.h"
#include "base/cause.h"
#include "base/clock.h"

#define HUB_MS     300  /* after the program's end, for a hub to appear */
#define DELIVER_MS 3000 /* and for one that is there to take what is left */

struct wrapper {
    struct delivery d;
    struct exec_watch *watch; /* NULL: no files to follow */
    struct child child;
    struct wrap wrap;
    struct monitor *monitor;
    struct monitor_run *metered;
    struct buf params; /* MessagePack map */
    bool wandb; /* our module in wandb's place */
    int signal_fd;
};

struct options {
    const char *name, *hub;
    bool wandb;
    char *watch[EXEC_WATCH_MAX], *params[EXEC_PARAMS_MAX];
    int n_watch, n_params;
    char *const *argv;
};

static void act(void *ctx, enum outlet_verdict v, int64_t id, const char *verb)
{
    struct wrapper *w = ctx;
    wrap_act(&w->wrap, &w->child, v, id, verb);
}

static int signals(void)
{
    static const int passed_on[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set;
    sigaction(SIGPIPE, &ignore, NULL);
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof passed_on / sizeof passed_on[0]; i++)
        sigaddset(&set, passed_on[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void pass_signals(struct wrapper *w)
{
    struct signalfd_siginfo s;
    while (read(w->signal_fd, &s, sizeof s) == (ssize_t)sizeof s)
        if (s.ssi_signo != SIGCHLD && s.ssi_code != SI_KERNEL)
            child_signal(&w->child, (int)s.ssi_signo);
}

static void follow(struct wrapper *w)
{
    struct pollfd p[5];
    for (;;) {
        pass_signals(w);
        wrap_turn(&w->wrap, false);
        if (child_turn(&w->child, w->d.outlet, clock_mono_ns()))
            return;
        monitor_turn(w->monitor, clock_mono_ns());
        exec_watch_turn(w->watch, false);
        int ms = delivery_turn(&w->d, false);
        p[0] = (struct pollfd){.fd = w->signal_fd, .events = POLLIN};
        p[1] = (struct pollfd){.fd = line_fd(w->d.line), .events = POLLIN};
        int n = 2 + child_poll_fds(&w->child, p + 2);
        n += wrap_poll_fds(&w->wrap, p + n);
        poll(p, (nfds_t)n, ms);
    }
}

static int make_ring(const char *name, const char *hub, struct span params, char path[RING_PATH], char **cause)
{
    char why[RING_WHY], dir[RING_PATH];
    struct ring r;
    struct buf flat = {0};
    struct ring_identity id = {.run = -1, .trial = -1, .owned = true, .program = name, .hub = hub};
    id.params_n = params_flatten(params, &flat);
    id.params = (const char *)flat.data;
    id.params_bytes = flat.len;
    int rc = -1;
    for (int tries = 0; rc != 0 && tries < 3; tries++) {
        if (ring_directory(dir, why) != 0)
            break;
        snprintf(path, RING_PATH, "%.4000s/x%d-%llx.ring", dir, (int)getpid(),
                 (unsigned long long)clock_wall_ns());
        if ((rc = ring_create(&r, path, &id, why)) == 0)
            ring_unmap(&r);
    }
    buf_release(&flat);
    return rc == 0 ? 0 : cause_set(cause, "%s", why);
}

static struct span params_of(const struct wrapper *w)
{
    return (struct span){(const char *)w->params.data, w->params.len};
}

static int start(struct wrapper *w, char *const *argv, const char *hub, const char *ring, char **cause)
{
    struct environment env;
    environment_init(&env);
    environment_set(&env, "HYPERTOP_RING", ring);
    if (hub)
        environment_set(&env, "HYPERTOP_HUB", hub);
    if (w->wandb && wandb_front_put(&env, cause) != 0) {
        environment_release(&env);
        errno = ENOEXEC;
        return -1;
    }
    struct span params = params_of(w);
    environment_params(&env, params);
    int rc = wrap_prepare(&w->wrap, w->d.outlet, &env, params, NULL, cause), error = EINVAL;
    if (rc == 0) {
        struct child_spec spec = {.argv = argv, .envp = env.list, .through_out = 1, .through_err = 2};
        rc = child_start(&w->child, &spec, cause);
        error = errno;
    }
    environment_release(&env);
    errno = error;
    if (rc == 0) {
        wrap_attach(&w->wrap, &w->child);
        atomic_store(&w->d.outlet->ring.h->group, ring_process(w->child.pid));
    }
    return rc;
}

/* The shell's numbers: 127 not found, 126 found and not to be run. */
static int could_not_start(struct wrapper *w, int error, char *cause)
{
    outlet_discard(w->d.outlet);
    agent_fail(0, "%s", cause);
    free(cause);
    return error == ENOENT ? 127 : 126;
}

static int finish(struct wrapper *w)
{
    struct outlet *ol = w->d.outlet;
    char *cause = NULL;
    int status = w->child.status, code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    wrap_turn(&w->wrap, true);
    monitor_end(w->monitor, w->metered, &w->child.usage);
    outlet_turn(ol, true, clock_mono_ns());
    exec_watch_turn(w->watch, true);
    outlet_flush(ol);
    outlet_close_commands(ol, "the process ended before its next safe point");
    if (WIFSIGNALED(status))
        outlet_state(ol, "exited", -1, -1, WTERMSIG(status), NULL);
    else
        outlet_state(ol, "exited", -1, code, 0, NULL);
    ol->ended = true;
    if (delivery_finish(&w->d, HUB_MS, DELIVER_MS, &cause) != 0)
        agent_fail(0, "%s", cause);
    free(cause);
    return code;
}

static int follow_program(struct wrapper *w, const struct options *o, const char *ring)
{
    struct outlet *ol = w->d.outlet;
    char *cause = NULL;
    if (o->n_watch)
        w->watch = exec_watch_open(o->watch, o->n_watch, ol);
    if (start(w, o->argv, o->hub, ring, &cause) != 0)
        return could_not_start(w, errno, cause);
    ol->spill.id.pid = w->child.pid;
    outlet_state(ol, "started", w->child.pid, -1, 0, NULL);
    exec_params_declare(ol, params_of(w));
    w->monitor = monitor_new(NULL);
    w->metered = monitor_add(w->monitor, ol, w->child.pid, &w->wrap.carbon);
    follow(w);
    return finish(w);
}

static int run(struct wrapper *w, const struct options *o)
{
    char ring[RING_PATH], *cause = NULL;
    struct outlet *ol = NULL;
    if ((w->signal_fd = signals()) < 0)
        return agent_fail(1, "exec: cannot wait for signals: %s", strerror(errno));
    if (make_ring(o->name, o->hub, params_of(w), ring, &cause) != 0 || !(ol = outlet_open(ring, &cause)) ||
        delivery_open(&w->d, ol, o->hub, o->name, &cause) != 0) {
        if (ol)
            outlet_discard(ol);
        outlet_free(ol);
        agent_fail(1, "%s", cause);
        free(cause);
        return 1;
    }
    w->d.act = act;
    w->d.ctx = w;
    w->wandb = o->wandb;
    int code = follow_program(w, o, ring);
    exec_watch_free(w->watch);
    monitor_free(w->monitor);
    child_release(&w->child);
    delivery_close(&w->d);
    close(w->signal_fd);
    return code;
}

/* ---- the command line ---- */

static const char usage[] = "usage: exec [--name NAME] [-L HUB] [--parse RULE]... [--param NAME=VALUE]... [--watch PATH]... "
                            "[OPTION]... -- COMMAND..., see hypertop-agent(1)";

/* --parse RULE and the other settings of a wrapped program. False: it is none of them. */
static bool is_setting(const char *arg)
{
    static const char *const settings[] = {"--parse",       "--pause",     "--checkpoint", "--grace",
                                           "--params-file", "--intensity", "--pue"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (strcmp(arg, settings[i]) == 0)
            return true;
    return false;
}

static int read_options(struct wrapper *w, struct options *o, int argc, char **argv, char **cause)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "--wandb") == 0)
            o->wandb = true;
        else if (strcmp(arg, "--jsonl") == 0)
            w->wrap.jsonl = true;
        else if (i + 1 >= argc)
            return cause_set(cause, "exec: '%.40s' is not an argument of it, or lacks its value; %s", arg, usage);
        else if (strcmp(arg, "--name") == 0)
            o->name = argv[++i];
        else if (strcmp(arg, "-L") == 0)
            o->hub = argv[++i];
        else if (strcmp(arg, "--watch") == 0 && o->n_watch < EXEC_WATCH_MAX)
            o->watch[o->n_watch++] = argv[++i];
        else if (strcmp(arg, "--param") == 0 && o->n_params < EXEC_PARAMS_MAX)
            o->params[o->n_params++] = argv[++i];
        else if (!is_setting(arg))
            return cause_set(cause, "exec: '%.40s' is not an argument of it; %s", arg, usage);
        else if (wrap_set(&w->wrap, arg + 2, argv[++i], cause) != 0)
            return -1;
    }
    if (i < argc && strcmp(argv[i], "--") == 0)
        i++;
    if (i >= argc)
        return cause_set(cause, "exec: no command given; %s", usage);
    o->argv = argv + i;
    const char *slash = strrchr(argv[i], '/');
    if (!o->name)
        o->name = slash ? slash + 1 : argv[i];
    return exec_params_pack(o->params, o->n_params, &w->params, cause);
}

int agent_exec(int argc, char **argv)
{
    struct wrapper w = {.signal_fd = -1};
    struct options o = {0};
    char *cause = NULL;
    wrap_init(&w.wrap);
    int code = read_options(&w, &o, argc, argv, &cause) == 0 ? run(&w, &o) : agent_fail(2, "%s", cause);
    free(cause);
    wrap_release(&w.wrap);
    buf_release(&w.params);
    return code;
}
