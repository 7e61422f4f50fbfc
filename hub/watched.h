/* watched: runs that a watcher reports of programs which are not ours: another tool's trials. What they can be told is what
 * the watcher can write into that tool's own file, if it was started to do so. */
#ifndef HUB_WATCHED_H
#define HUB_WATCHED_H

#include "hub/sweep.h"
#include "hub/verbs.h"

enum watched { WATCHED_NOT, WATCHED_ONLY, WATCHED_STEERED };

/* False, and a cause that says so, when nobody can tell this trial's program anything. */
bool watched_listens(struct sweep *s, int64_t trial, char **cause);
/* enqueue in a sweep of watched trials: handed to the watcher, whose tool will run it. */
enum verb_outcome watched_enqueue(struct verb_call *c, char **cause);
/* The watcher has said how a trial ended, beyond its exit status: "pruned", "stopped", "killed". */
void watched_verdict(struct sweep *s, int64_t trial, struct span as, const char *why);

#endif
