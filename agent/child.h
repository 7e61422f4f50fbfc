/* child: a training process that we started: its process group, its output, its end. Knows the outlet that
 * its output goes to; knows nothing of hubs and leases. The child gets SIGKILL when we die, so that no
 * orphan keeps a GPU. */
#ifndef AGENT_CHILD_H
#define AGENT_CHILD_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "agent/output.h"

struct outlet;

#define CHILD_STOP_S                                                                                         \
    10 /* from a stop to SIGTERM, when the program uses the library and may be writing a checkpoint */
#define CHILD_TERM_S 10 /* from SIGTERM to SIGKILL */

struct child_spec {
    char *const *argv; /* argv[0] is looked up in PATH of envp */
    char *const *envp;
    const char *cwd;              /* NULL: ours */
    bool group;                   /* a process group of its own, stdin from /dev/null */
    int through_out, through_err; /* where its output also goes; -1: nowhere */
};

struct child {
    pid_t pid; /* 0: never started */
    bool group;
    bool ended;
    int status;               /* as waitpid gives it, once ended */
    bool stopped;             /* held by SIGSTOP */
    int grace_s;              /* from SIGTERM to SIGKILL; 0: CHILD_TERM_S */
    struct rusage usage;      /* of it and what it waited for, once reaped */
    int64_t term_at, kill_at; /* monotonic; 0: not planned */
    struct output out[2];
};

/* Starts the process. 0, or -1, errno and a cause: what could not be done, and where. */
int child_start(struct child *c, const struct child_spec *spec, char **cause);
/* Its pipes, for poll; returns how many (0..2) were put into p. */
int child_poll_fds(const struct child *c, struct pollfd *p);
/* Reads output and notices the end. True once it has ended and its output is read. */
bool child_turn(struct child *c, struct outlet *ol, int64_t now);
void child_signal(struct child *c, int signal); /* to the group */
/* Ends it in time: SIGTERM after `grace` s, SIGKILL CHILD_TERM_S later. */
void child_stop(struct child *c, int grace_s);
void child_release(struct child *c);

#endif
