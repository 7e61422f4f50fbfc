#include "agent/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/outlet.h"
#include "base/cause.h"
#include "base/clock.h"

#define DRAIN_NS   (200 * CLOCK_MS) /* after the end: grandchildren may hold the pipe open for ever */
#define READS_TURN 16

/* What the child says through its pipe when it could not become the program. */
struct failure {
    int error;
    enum { AT_CWD, AT_EXEC, AT_FILES } at;
};

struct pipes {
    int out[2], err[2], fail[2];
};

static void close_pair(int p[2])
{
    for (int i = 0; i < 2; i++)
        if (p[i] >= 0)
            close(p[i]);
}

static int make_pipes(struct pipes *p)
{
    *p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(p->out, O_CLOEXEC) == 0 && pipe2(p->err, O_CLOEXEC) == 0 && pipe2(p->fail, O_CLOEXEC) == 0)
        return 0;
    int saved = errno;
    close_pair(p->out);
    close_pair(p->err);
    close_pair(p->fail);
    errno = saved;
    return -1;
}

static void fail_child(int fd, int at)
{
    struct failure f = {.error = errno, .at = at};
    ssize_t rc = write(fd, &f, sizeof f);
    _exit(rc == (ssize_t)sizeof f ? 127 : 126);
}

/* Between fork and exec: async-signal-safe calls only, other threads (libzmq's) held who knows what. */
static void become(const struct child_spec *spec, const struct pipes *p, pid_t parent)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++)
        sigaction(s, &standard, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(126);
    if (spec->group) {
        setpgid(0, 0);
        int null = open("/dev/null", O_RDONLY);
        if (null < 0 || dup2(null, 0) < 0)
            fail_child(p->fail[1], AT_FILES);
    }
    if (dup2(p->out[1], 1) < 0 || dup2(p->err[1], 2) < 0)
        fail_child(p->fail[1], AT_FILES);
    if (spec->cwd && *spec->cwd && chdir(spec->cwd) != 0)
        fail_child(p->fail[1], AT_CWD);
    environ = (char **)spec->envp;
    execvp(spec->argv[0], spec->argv);
    fail_child(p->fail[1], AT_EXEC);
}

static int failed(const struct child_spec *spec, const struct failure *f, char **cause)
{
    if (f->at == AT_CWD)
        return cause_set(cause, "%s: cannot enter the directory: %s", spec->cwd, strerror(f->error));
    if (f->at == AT_EXEC)
        return cause_set(cause, "%s: cannot start the program: %s", spec->argv[0], strerror(f->error));
    return cause_set(cause, "%s: cannot set up its files: %s", spec->argv[0], strerror(f->error));
}

int child_start(struct child *c, const struct child_spec *spec, char **cause)
{
    struct pipes p;
    struct failure f;
    *c = (struct child){.group = spec->group};
    output_init(&c->out[0], -1, "out", spec->through_out);
    output_init(&c->out[1], -1, "err", spec->through_err);
    if (make_pipes(&p) != 0)
        return cause_set(cause, "%s: cannot make pipes: %s", spec->argv[0], strerror(errno));
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(spec, &p, parent);
    int fork_error = errno;
    close(p.out[1]);
    close(p.err[1]);
    close(p.fail[1]);
    p.out[1] = p.err[1] = p.fail[1] = -1;
    ssize_t n = 0;
    while (pid > 0 && (n = read(p.fail[0], &f, sizeof f)) < 0 && errno == EINTR)
        continue;
    close(p.fail[0]);
    if (pid < 0 || n == (ssize_t)sizeof f) {
        close(p.out[0]);
        close(p.err[0]);
        if (pid < 0)
            return cause_set(cause, "%s: cannot fork: %s", spec->argv[0], strerror(fork_error));
        waitpid(pid, NULL, 0);
        failed(spec, &f, cause);
        errno = f.error;
        return -1;
    }
    if (spec->group)
        setpgid(pid, pid); /* both do it: whoever is first, it is done before anybody signals the group */
    fcntl(p.out[0], F_SETFL, O_NONBLOCK);
    fcntl(p.err[0], F_SETFL, O_NONBLOCK);
    c->pid = pid;
    c->out[0].fd = p.out[0];
    c->out[1].fd = p.err[0];
    return 0;
}

int child_poll_fds(const struct child *c, struct pollfd *p)
{
    int n = 0;
    for (int i = 0; i < 2; i++)
        if (c->out[i].fd >= 0)
            p[n++] = (struct pollfd){.fd = c->out[i].fd, .events = POLLIN};
    return n;
}

void child_signal(struct child *c, int signal)
{
    if (!c->pid || c->ended)
        return;
    kill(c->group ? -c->pid : c->pid, signal);
}

void child_stop(struct child *c, int grace_s)
{
    if (!c->term_at && !c->kill_at)
        c->term_at = clock_mono_ns() + grace_s * CLOCK_S;
    else if (c->term_at && grace_s == 0)
        c->term_at = 1;
}

static void escalate(struct child *c, int64_t now)
{
    if (c->ended)
        return;
    if (c->term_at && now >= c->term_at) {
        c->term_at = 0;
        c->kill_at = now + (c->grace_s ? c->grace_s : CHILD_TERM_S) * CLOCK_S;
        child_signal(c, SIGTERM);
        child_signal(c, SIGCONT); /* a held process could not even die */
    } else if (c->kill_at && now >= c->kill_at) {
        c->kill_at = now + CLOCK_S;
        child_signal(c, SIGKILL);
    }
}

static void reap(struct child *c)
{
    if (!c->pid)
        return;
    if (c->group)
        kill(-c->pid, SIGKILL);
    while (wait4(c->pid, &c->status, 0, &c->usage) < 0 && errno == EINTR)
        continue;
    c->pid = 0;
}

bool child_turn(struct child *c, struct outlet *ol, int64_t now)
{
    bool open = false;
    for (int i = 0; i < 2; i++) {
        struct output *o = &c->out[i];
        for (int k = 0; k < READS_TURN && o->fd >= 0; k++) {
            struct pollfd p = {.fd = o->fd, .events = POLLIN};
            if (poll(&p, 1, 0) <= 0)
                break;
            if (!output_read(o, ol)) {
                close(o->fd);
                o->fd = -1;
            }
        }
        open |= o->fd >= 0;
    }
    escalate(c, now);
    siginfo_t end = {0};
    if (!c->ended && c->pid && waitid(P_PID, (id_t)c->pid, &end, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        end.si_pid == c->pid) {
        /* Not reaped yet, so the number still means this group: what the program left behind in it goes,
         * too. */
        if (c->group)
            kill(-c->pid, SIGTERM);
        c->ended = true;
        c->kill_at = now + DRAIN_NS;
    }
    if (!c->ended || (open && now < c->kill_at))
        return false;
    reap(c);
    output_finish(&c->out[0], ol);
    output_finish(&c->out[1], ol);
    return true;
}

void child_release(struct child *c)
{
    if (c->ended)
        reap(c);
    output_release(&c->out[0]);
    output_release(&c->out[1]);
    *c = (struct child){0};
}
