/* program: a laptop can hold the console alone and a compute node the agent alone, so another program of ours
 * may be missing: that is an error with a sentence, never a crash. Every child started here is waited for
 * here. */
#include "tui/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"

#define SAID_MAX 4096 /* bytes at the end of stderr that are looked at */

/* The folder of our own binary, without a slash at the end; "" when /proc is not there. */
static void own_folder(char out[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
    out[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(out, '/');
    if (slash)
        *slash = '\0';
}

static char *runnable(const char *folder, size_t n, const char *name)
{
    struct buf path = {0};
    buf_put(&path, folder, n);
    buf_printf(&path, "/%s", name);
    if (access(buf_cstr(&path), X_OK) == 0)
        return buf_take(&path);
    buf_release(&path);
    return NULL;
}

char *program_find(const char *name, char **cause)
{
    char folder[PATH_MAX], *found;
    const char *path = getenv("PATH");

    own_folder(folder);
    if (*folder && (found = runnable(folder, strlen(folder), name)))
        return found;
    while (path && *path) {
        size_t n = strcspn(path, ":");
        if (n > 0 && (found = runnable(path, n, name)))
            return found;
        path += n + (path[n] == ':');
    }
    return cause_null(cause, "%s was found neither in %s nor on PATH: install it there", name,
                      *folder ? folder : "/proc/self/exe's folder");
}

int program_exec(const char *name, char **argv, char **cause)
{
    char *path = program_find(name, cause);
    if (!path)
        return -1;
    argv[0] = (char *)name;
    execv(path, argv);
    cause_set(cause, "%s: cannot be run: %s", path, strerror(errno));
    free(path);
    return -1;
}

static void child_main(const char *path, char **argv, int err, pid_t parent)
{
    sigset_t none;
    struct sigaction usual = {.sa_handler = SIG_DFL};
    int null = open("/dev/null", O_RDWR);

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    sigaction(SIGPIPE, &usual, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(127);
    /* Not our terminal's Ctrl-C: the parent decides when the child ends. */
    setpgid(0, 0);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(err, 2) < 0)
        _exit(127);
    execv(path, argv);
    dprintf(2, "%s: cannot be run: %s\n", path, strerror(errno));
    _exit(127);
}

int program_spawn(struct program_child *p, const char *name, char **argv, char **cause)
{
    pid_t parent = getpid();
    char *path = program_find(name, cause);
    *p = (struct program_child){.err = -1};
    if (!path)
        return -1;
    argv[0] = (char *)name;
    p->err = memfd_create("hypertop-stderr", MFD_CLOEXEC);
    p->pid = p->err < 0 ? -1 : fork();
    if (p->pid == 0)
        child_main(path, argv, p->err, parent);
    if (p->pid < 0) {
        cause_set(cause, "%s: cannot be started: %s", path, strerror(errno));
        if (p->err >= 0)
            close(p->err);
        *p = (struct program_child){.err = -1};
        free(path);
        return -1;
    }
    free(path);
    return 0;
}

int program_ended(struct program_child *p, int wait)
{
    pid_t got;
    if (p->pid <= 0)
        return true;
    do
        got = waitpid(p->pid, &p->status, wait ? 0 : WNOHANG);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        return false;
    p->pid = 0;
    return true;
}

char *program_said(struct program_child *p)
{
    char text[SAID_MAX + 1];
    off_t size = p->err >= 0 ? lseek(p->err, 0, SEEK_END) : 0;
    off_t from = size > SAID_MAX ? size - SAID_MAX : 0;
    ssize_t n = size > 0 ? pread(p->err, text, SAID_MAX, from) : 0;

    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
        n--;
    text[n > 0 ? n : 0] = '\0';
    char *line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    char *colon = strstr(line, ": "); /* "hypertop-hub serve: " is not news to our reader */
    return mem_str(colon && strncmp(line, "hypertop", 8) == 0 ? colon + 2 : line);
}

void program_leave(struct program_child *p)
{
    if (p->err >= 0)
        close(p->err);
    *p = (struct program_child){.err = -1};
}

void program_end(struct program_child *p)
{
    int64_t deadline = clock_mono_ns() + CLOCK_S;
    if (p->pid > 0)
        kill(p->pid, SIGTERM);
    while (p->pid > 0 && !program_ended(p, false)) {
        struct timespec tick = {.tv_nsec = 2 * CLOCK_MS};
        if (clock_mono_ns() > deadline) {
            kill(p->pid, SIGKILL);
            program_ended(p, true);
        } else {
            nanosleep(&tick, NULL);
        }
    }
    program_leave(p);
}
