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
#include "agent/exec_watch.h"
#include "agent/wandb_front.h"
#include "base/cause.h"
#include "base/clock.h"

#define HUB_MS     300  /* after the program's end, for a hub to appear */
#define DELIVER_MS 3000 /* and for one that is there to take what is left */

struct wrapper {
    struct delivery d;
    struct exec_watch *watch; /* NULL: no files to follow */
    struct child child;
    bool wandb; /* our module in wandb's place */
    int signal_fd;
};

static void act(void *ctx, enum outlet_verdict v, int64_t id, const char *verb)
{
    struct wrapper *w = ctx;
    struct child *c = &w->child;
    bool pause = strcmp(verb, "pause") == 0;
    if (v == OUTLET_KILL)
        child_signal(c, SIGKILL);
    if (v == OUTLET_STOP)
        child_stop(c, outlet_has_library(w->d.outlet) ? CHILD_STOP_S : 0);
    if (v == OUTLET_SIGNAL) {
        child_signal(c, pause ? SIGSTOP : SIGCONT);
        outlet_state(w->d.outlet, pause ? "paused" : "resumed", -1, -1, 0, NULL);
        outlet_finish(w->d.outlet, id, "applied", NULL);
    }
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
    struct pollfd p[4];
    for (;;) {
        pass_signals(w);
        if (child_turn(&w->child, w->d.outlet, clock_mono_ns()))
            return;
        exec_watch_turn(w->watch, false);
        int ms = delivery_turn(&w->d, false);
        p[0] = (struct pollfd){.fd = w->signal_fd, .events = POLLIN};
        p[1] = (struct pollfd){.fd = line_fd(w->d.line), .events = POLLIN};
        int n = 2 + child_poll_fds(&w->child, p + 2);
        poll(p, (nfds_t)n, ms);
    }
}

static int make_ring(const char *name, const char *hub, char path[RING_PATH], char **cause)
{
    char why[RING_WHY], dir[RING_PATH];
    struct ring r;
    struct ring_identity id = {.run = -1, .trial = -1, .owned = true, .program = name, .hub = hub};
    for (int tries = 0; tries < 3; tries++) {
        if (ring_directory(dir, why) != 0)
            break;
        snprintf(path, RING_PATH, "%.4000s/x%d-%llx.ring", dir, (int)getpid(),
                 (unsigned long long)clock_wall_ns());
        if (ring_create(&r, path, &id, why) == 0) {
            ring_unmap(&r);
            return 0;
        }
    }
    return cause_set(cause, "%s", why);
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
    struct child_spec spec = {.argv = argv, .envp = env.list, .through_out = 1, .through_err = 2};
    int rc = child_start(&w->child, &spec, cause), error = errno;
    environment_release(&env);
    errno = error;
    if (rc == 0)
        atomic_store(&w->d.outlet->ring.h->group, ring_process(w->child.pid));
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

static int run(const char *name, const char *hub, bool wandb, char *const *argv, char *const *watch, int n_watch)
{
    struct wrapper w = {.wandb = wandb, .signal_fd = signals()};
    char ring[RING_PATH], *cause = NULL;
    struct outlet *ol = NULL;
    if (w.signal_fd < 0)
        return agent_fail(1, "exec: cannot wait for signals: %s", strerror(errno));
    if (make_ring(name, hub, ring, &cause) != 0 || !(ol = outlet_open(ring, &cause)) ||
        delivery_open(&w.d, ol, hub, name, &cause) != 0) {
        if (ol)
            outlet_discard(ol);
        outlet_free(ol);
        agent_fail(1, "%s", cause);
        free(cause);
        return 1;
    }
    w.d.act = act;
    w.d.ctx = &w;
    int code;
    if (n_watch)
        w.watch = exec_watch_open(watch, n_watch, ol);
    if (start(&w, argv, hub, ring, &cause) != 0) {
        code = could_not_start(&w, errno, cause);
    } else {
        ol->spill.id.pid = w.child.pid;
        outlet_state(ol, "started", w.child.pid, -1, 0, NULL);
        follow(&w);
        code = finish(&w);
    }
    exec_watch_free(w.watch);
    child_release(&w.child);
    delivery_close(&w.d);
    close(w.signal_fd);
    return code;
}

int agent_exec(int argc, char **argv)
{
    const char *name = NULL, *hub = NULL;
    char *watch[EXEC_WATCH_MAX];
    int i = 1, n_watch = 0;
    bool wandb = false;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        if (strcmp(argv[i], "--name") == 0 && i + 1 < argc)
            name = argv[++i];
        else if (strcmp(argv[i], "-L") == 0 && i + 1 < argc)
            hub = argv[++i];
        else if (strcmp(argv[i], "--wandb") == 0)
            wandb = true;
        else if (strcmp(argv[i], "--watch") == 0 && i + 1 < argc && n_watch < EXEC_WATCH_MAX)
            watch[n_watch++] = argv[++i];
        else
            return agent_fail(
                2, "exec: '%.40s' is not an argument of it; usage: exec [--name NAME] [-L HUB] [--watch PATH]... [--wandb] -- COMMAND...",
                argv[i]);
    }
    if (i >= argc)
        return agent_fail(2, "exec: no command given; usage: exec [--name NAME] [-L HUB] [--watch PATH]... [--wandb] -- COMMAND...");
    const char *slash = strrchr(argv[i], '/');
    return run(name ? name : slash ? slash + 1 : argv[i], hub, wandb, argv + i, watch, n_watch);
}
