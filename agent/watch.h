/* watch: follows other tools' files and streams what they say to a hub, a run a trial. Read-only on the files, except that
 * an Optuna journal may be steered (optuna_steer.h) when asked for. */
#ifndef AGENT_WATCH_H
#define AGENT_WATCH_H

#include <stdbool.h>

#include "read/sink.h"

struct watch_options {
    char *const *paths;
    int n_paths;
    const char *from, *hub, *name;
    const char *metric; /* the objective; NULL: what the files say */
    enum read_goal goal;
    bool once;  /* read what is there, deliver it, end */
    bool steer; /* kill and enqueue are written into an Optuna journal */
};

/* Runs until a signal says to end, or, with once, until everything is delivered. The exit status. */
int watch(const struct watch_options *o, char **cause);

#endif
