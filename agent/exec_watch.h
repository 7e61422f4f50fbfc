/* exec_watch: the files that a wrapped program writes for another tool, read into the program's own run. */
#ifndef AGENT_EXEC_WATCH_H
#define AGENT_EXEC_WATCH_H

#include <stdbool.h>

struct outlet;
struct exec_watch;

#define EXEC_WATCH_MAX 16 /* paths */

/* Files that are there already are an earlier run's: they are left alone. Paths need not exist yet. */
struct exec_watch *exec_watch_open(char *const *paths, int n, struct outlet *ol);
/* Reads what is new, at most every few hundred ms; last: the program has ended. */
void exec_watch_turn(struct exec_watch *w, bool last);
void exec_watch_free(struct exec_watch *w);

#endif
