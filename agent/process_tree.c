#include "agent/process_tree.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cgroup.h"
#include "agent/small_file.h"

void process_tree_init(struct process_tree *t, int pid)
{
    *t = (struct process_tree){.pid = pid,
                               .memory = NAN,
                               .read_b = NAN,
                               .written_b = NAN,
                               .received_b = NAN,
                               .sent_b = NAN,
                               .memory_limit = NAN};
}

bool process_tree_has(const struct process_tree *t, int pid)
{
    for (int i = 0; i < t->n; i++)
        if (t->pids[i] == pid)
            return true;
    return false;
}

/* Children of every thread: /proc/PID/task/TID/children. Only the main thread's where threads do not fork is most of them, but a
 * data loader may be forked from any. */
static void find_children(struct process_tree *t, const char *proc, int pid)
{
    char path[300], text[4096];
    snprintf(path, sizeof path, "%.200s/%d/task/%d/children", proc, pid, pid);
    if (!small_file_text(path, text, sizeof text))
        return;
    for (char *p = text, *end; t->n < PROCESS_TREE_MAX; p = end) {
        long child = strtol(p, &end, 10);
        if (end == p)
            break;
        if (child > 0 && !process_tree_has(t, (int)child))
            t->pids[t->n++] = (int)child;
    }
}

static bool read_cpu(const char *proc, int pid, double *seconds)
{
    char path[300], text[1024];
    uint64_t v[4];
    snprintf(path, sizeof path, "%.200s/%d/stat", proc, pid);
    if (!small_file_text(path, text, sizeof text))
        return false;
    const char *p = strrchr(text, ')'); /* the name may hold anything */
    /* state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime cutime cstime */
    if (!p || sscanf(p + 1,
                     " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &v[0],
                     &v[1], &v[2], &v[3]) != 4)
        return false;
    *seconds = (double)(v[0] + v[1] + v[2] + v[3]) / (double)sysconf(_SC_CLK_TCK);
    return true;
}

static double read_memory(const char *proc, int pid, bool first)
{
    char path[300], text[256];
    uint64_t resident, shared;
    snprintf(path, sizeof path, "%.200s/%d/statm", proc, pid);
    if (!small_file_text(path, text, sizeof text) || sscanf(text, "%*u %" SCNu64 " %" SCNu64, &resident, &shared) != 2)
        return NAN;
    uint64_t pages = first ? resident : resident > shared ? resident - shared : 0;
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static bool read_io(const char *proc, int pid, double *in, double *out)
{
    char path[300], text[512];
    uint64_t a, b;
    snprintf(path, sizeof path, "%.200s/%d/io", proc, pid);
    if (!small_file_text(path, text, sizeof text))
        return false;
    const char *r = strstr(text, "\nread_bytes:"), *w = strstr(text, "\nwrite_bytes:");
    if (!r || !w || sscanf(r, "\nread_bytes: %" SCNu64, &a) != 1 || sscanf(w, "\nwrite_bytes: %" SCNu64, &b) != 1)
        return false;
    *in += (double)a;
    *out += (double)b;
    return true;
}

static double grown(double sum, double last, double now, bool begun)
{
    if (!begun)
        return now;
    return isfinite(sum) ? sum + (now > last ? now - last : 0) : NAN;
}

/* Memory, processor and disk of a control group that is the program's own are exact; the tree's are sums. */
static void take_group(struct process_tree *t, const char *proc)
{
    struct cgroup_reading g;
    if (!cgroup_read(proc, t->pid, &g))
        return;
    t->memory_limit = g.memory_limit;
    if (g.own && isfinite(g.memory))
        t->memory = g.memory;
}

bool process_tree_read(struct process_tree *t, const char *proc)
{
    double cpu = 0, in = 0, out = 0, memory = 0;
    bool any_io = false;
    t->n = 1;
    t->pids[0] = t->pid;
    for (int i = 0; i < t->n; i++) {
        double s, m;
        if (!read_cpu(proc, t->pids[i], &s)) {
            if (i == 0)
                return false;
            continue;
        }
        cpu += s;
        m = read_memory(proc, t->pids[i], i == 0);
        memory += isfinite(m) ? m : 0;
        any_io |= read_io(proc, t->pids[i], &in, &out);
        find_children(t, proc, t->pids[i]);
    }
    t->cpu_s = grown(t->cpu_s, t->last_cpu, cpu, t->begun);
    t->last_cpu = cpu;
    if (any_io) {
        bool before = t->begun && isfinite(t->read_b);
        t->read_b = grown(t->read_b, t->last_read, in, before);
        t->written_b = grown(t->written_b, t->last_written, out, before);
        t->last_read = in;
        t->last_written = out;
    }
    t->memory = memory;
    take_group(t, proc);
    cgroup_network(proc, t->pid, &t->received_b, &t->sent_b);
    t->begun = true;
    return true;
}
