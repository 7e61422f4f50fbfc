#include "agent/cgroup.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/small_file.h"

#define UNLIMITED 4e18 /* version 1 says "no limit" as a number near 2^63 */

/* The path of a process in the tree that ends in this ("0::" of version 2, ":memory:" of version 1). */
static bool path_in(const char *proc, const char *who, const char *tree, char out[256])
{
    char file[300], text[4096];
    snprintf(file, sizeof file, "%.200s/%.40s/cgroup", proc, who);
    if (!small_file_text(file, text, sizeof text))
        return false;
    const char *at = strstr(text, tree);
    if (!at || (tree[0] == '0' && at != text && at[-1] != '\n'))
        return false;
    at += strlen(tree);
    snprintf(out, 256, "%.*s", (int)strcspn(at, "\n"), at);
    return true;
}

static double value(const char *root, const char *controller, const char *path, const char *file)
{
    char full[700];
    snprintf(full, sizeof full, "%.150s/fs/cgroup%s%s/%s", root, controller, strcmp(path, "/") ? path : "", file);
    double v = small_file_number(full); /* "max" is no number: no limit */
    return v < UNLIMITED ? v : NAN;
}

bool cgroup_read(const char *proc, int pid, struct cgroup_reading *out)
{
    const char *root = getenv("HYPERTOP_SYSFS");
    char who[24], its[256], ours[256] = "";
    snprintf(who, sizeof who, "%d", pid);
    root = root ? root : "/sys";
    *out = (struct cgroup_reading){.memory = NAN, .memory_limit = NAN};
    if (path_in(proc, who, ":memory:", its)) {
        out->own = path_in(proc, "self", ":memory:", ours) && strcmp(its, ours) != 0;
        out->memory = value(root, "/memory", its, "memory.usage_in_bytes");
        out->memory_limit = value(root, "/memory", its, "memory.limit_in_bytes");
        return true;
    }
    if (!path_in(proc, who, "0::", its))
        return false;
    out->own = path_in(proc, "self", "0::", ours) && strcmp(its, ours) != 0;
    out->memory = value(root, "", its, "memory.current");
    out->memory_limit = value(root, "", its, "memory.max");
    return true;
}

/* ---- network ---- */

static bool namespace_of(const char *proc, const char *who, char out[64])
{
    char path[300];
    snprintf(path, sizeof path, "%.200s/%.40s/ns/net", proc, who);
    ssize_t n = readlink(path, out, 63);
    out[n > 0 ? n : 0] = '\0';
    return n > 0;
}

void cgroup_network(const char *proc, int pid, double *received, double *sent)
{
    char who[24], its[64], ours[64], path[300], text[8192];
    snprintf(who, sizeof who, "%d", pid);
    if (!namespace_of(proc, who, its) || !namespace_of(proc, "self", ours) || strcmp(its, ours) == 0)
        return;
    snprintf(path, sizeof path, "%.200s/%d/net/dev", proc, pid);
    if (!small_file_text(path, text, sizeof text))
        return;
    double in = 0, out = 0;
    for (const char *p = text; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
        uint64_t a, b;
        const char *colon = strchr(p, ':'), *end = strchr(p, '\n');
        if (!colon || (end && colon > end) || strncmp(p + strspn(p, " "), "lo:", 3) == 0)
            continue;
        if (sscanf(colon + 1, "%" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &a, &b) == 2) {
            in += (double)a;
            out += (double)b;
        }
    }
    *received = in;
    *sent = out;
}
