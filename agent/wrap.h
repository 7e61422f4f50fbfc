/* wrap: how a program that knows nothing of us is treated: what its output means, which signals stand for verbs, where it finds its
 * parameters. Used by exec (from the command line) and by the worker (from the lease's `wrap`). */
#ifndef AGENT_WRAP_H
#define AGENT_WRAP_H

#include <poll.h>
#include <stdbool.h>

#include "agent/outlet.h"
#include "agent/monitor.h"
#include "proto/codec.h"
#include "read/scrape.h"

struct child;
struct environment;
struct jsonl;

struct wrap {
    char *parse[SCRAPE_RULES]; /* owned */
    int n_parse;               /* 0: auto, while the program does not use the library */
    char *metric;              /* the objective; NULL: unsaid */
    enum { WRAP_PAUSE_AUTO, WRAP_PAUSE_STOP, WRAP_PAUSE_NONE } pause;
    int checkpoint_signal; /* 0: none */
    int grace_s;           /* from SIGTERM to SIGKILL; 0: as always */
    char *params_file;     /* NULL: none */
    bool jsonl;
    struct monitor_carbon carbon;
    /* while it runs */
    struct outlet *outlet;
    struct scrape *scrape;
    struct jsonl *lines;
};

void wrap_init(struct wrap *w);
/* One setting by its name (parse, pause, checkpoint, grace, params-file, jsonl, intensity, pue) as text. 0, or -1 and a cause. */
int wrap_set(struct wrap *w, const char *name, const char *value, char **cause);
/* All settings of a lease: {parse: [..], metric, pause, checkpoint, grace, params_file, jsonl, intensity, pue}. */
int wrap_read(struct wrap *w, struct span map, char **cause);
/* Before the program starts: writes its file (relative to cwd, ${run} and ${trial} replaced), names it and the pipes in env. */
int wrap_prepare(struct wrap *w, struct outlet *ol, struct environment *env, struct span params, const char *cwd, char **cause);
/* After child_start. */
void wrap_attach(struct wrap *w, struct child *c);
/* A command that the outlet could not carry out by itself. */
void wrap_act(struct wrap *w, struct child *c, enum outlet_verdict v, int64_t id, const char *verb);
int wrap_poll_fds(const struct wrap *w, struct pollfd *p); /* 0 or 1 */
void wrap_turn(struct wrap *w, bool last);
void wrap_release(struct wrap *w);
/* "USR1", "SIGUSR1", "10"; 0: no signal is called so. */
int wrap_signal(const char *name);

#endif
