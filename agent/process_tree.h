/* process_tree: what a process and everything below it uses, from /proc. A process that has gone hands its processor time to its parent
 * once that has waited for it; what never arrives is lost, so totals are summed from increases and never fall. */
#ifndef AGENT_PROCESS_TREE_H
#define AGENT_PROCESS_TREE_H

#include <stdbool.h>
#include <stdint.h>

#define PROCESS_TREE_MAX 1024 /* processes looked at */

struct process_tree {
    int pid;
    int pids[PROCESS_TREE_MAX]; /* as of the last reading */
    int n;
    double cpu_s;             /* since the first reading, and of before that what the process itself had used */
    double memory;            /* bytes resident; what is shared is counted once, with the first process; NaN: not known */
    double read_b, written_b; /* bytes from and to disks so far; NaN: not known */
    double received_b, sent_b; /* bytes over the network, where it has a network of its own; NaN else */
    double memory_limit;      /* of its control group; NaN: none */
    double last_cpu, last_read, last_written;
    bool begun;
};

void process_tree_init(struct process_tree *t, int pid);
/* False: the process is gone (the sums stay). proc: "/proc". */
bool process_tree_read(struct process_tree *t, const char *proc);
bool process_tree_has(const struct process_tree *t, int pid);

#endif
