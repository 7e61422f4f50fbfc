/* cgroup: what a control group (version 2, or the memory controller of version 1) says of a process, and the network namespace of
 * a process that has one of its own. */
#ifndef AGENT_CGROUP_H
#define AGENT_CGROUP_H

#include <stdbool.h>

struct cgroup_reading {
    bool own;            /* the process is in another group than we: a container, a batch job's step */
    double memory;       /* bytes in use by the group; NaN: not said */
    double memory_limit; /* bytes; NaN: none */
};

/* False: its group cannot be found. proc: "/proc"; the groups are looked for where they are mounted, /sys/fs/cgroup, or below the
 * environment variable HYPERTOP_SYSFS. */
bool cgroup_read(const char *proc, int pid, struct cgroup_reading *out);
/* Bytes over the network of a process that has a namespace of its own; NaN for one that shares ours. */
void cgroup_network(const char *proc, int pid, double *received, double *sent);

#endif
