#include "base/host.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define PERIOD (950 * CLOCK_MS)
#define SECTOR 512 /* /proc/diskstats counts these, whatever the disk has */

static char *slurp(const char *path, char *out, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;
    for (ssize_t k; fd >= 0 && n + 1 < cap && (k = read(fd, out + n, cap - 1 - n)) > 0;)
        n += (size_t)k;
    if (fd >= 0)
        close(fd);
    out[n] = '\0';
    return out;
}

static const char *next_line(const char *p)
{
    p = strchr(p, '\n');
    return p && p[1] ? p + 1 : NULL;
}

static void read_cpu(struct host_meter *m, char *text)
{
    uint64_t v[8] = {0}, total = 0;
    if (sscanf(text, "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
               &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) < 4)
        return;
    for (int i = 0; i < 8; i++)
        total += v[i];
    uint64_t busy = total - v[3] - v[4]; /* idle, waiting for disks */
    m->now.cpu = m->total && total > m->total ? (double)(busy - m->busy) / (double)(total - m->total) : NAN;
    m->busy = busy;
    m->total = total;
}

static void read_memory(struct host_meter *m, const char *text)
{
    uint64_t total = 0, available = 0;
    const char *at = strstr(text, "MemTotal:");
    if (at)
        sscanf(at, "MemTotal: %" SCNu64, &total);
    at = strstr(text, "MemAvailable:");
    if (at)
        sscanf(at, "MemAvailable: %" SCNu64, &available);
    m->now.memory_total = total ? (double)total * 1024 : NAN;
    m->now.memory = total ? (double)(total - available) * 1024 : NAN;
}

/* "  eth0: bytes packets errs drop fifo frame compressed multicast bytes ..."; the loopback is not the network. */
static void sum_net(const char *text, uint64_t out[2])
{
    for (const char *p = text; p; p = next_line(p)) {
        uint64_t in, skip[7], sent;
        const char *colon = strchr(p, ':'), *end = strchr(p, '\n');
        if (!colon || (end && colon > end) || strncmp(p + strspn(p, " "), "lo:", 3) == 0)
            continue;
        if (sscanf(colon + 1,
                   "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
                   " %" SCNu64,
                   &in, &skip[0], &skip[1], &skip[2], &skip[3], &skip[4], &skip[5], &skip[6], &sent) == 9) {
            out[0] += in;
            out[1] += sent;
        }
    }
}

/* Whole disks only: a partition's bytes are its disk's too. */
static bool whole_disk(const char *name)
{
    size_t n = strlen(name);
    if (strncmp(name, "loop", 4) == 0 || strncmp(name, "ram", 3) == 0 || strncmp(name, "dm-", 3) == 0)
        return false;
    if (strncmp(name, "nvme", 4) == 0 || strncmp(name, "mmcblk", 6) == 0) { /* nvme0n1p2 is a partition of nvme0n1 */
        const char *p = strrchr(name, 'p');
        return !p || !isdigit((unsigned char)p[1]) || !isdigit((unsigned char)p[-1]);
    }
    return n && !isdigit((unsigned char)name[n - 1]); /* sda1, vda2 */
}

static void sum_disks(const char *text, uint64_t out[2])
{
    for (const char *p = text; p; p = next_line(p)) {
        char name[64];
        uint64_t reads, merged, in, ms, writes, merged_w, sent;
        if (sscanf(p, "%*u %*u %63s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, name,
                   &reads, &merged, &in, &ms, &writes, &merged_w, &sent) == 8 &&
            whole_disk(name)) {
            out[0] += in * SECTOR;
            out[1] += sent * SECTOR;
        }
    }
}

static void take_rates(struct host_meter *m, const uint64_t now[4], double seconds)
{
    double *const to[4] = {&m->now.net_in, &m->now.net_out, &m->now.disk_in, &m->now.disk_out};
    for (int i = 0; i < 4; i++) {
        *to[i] = seconds > 0 && now[i] >= m->bytes[i] ? (double)(now[i] - m->bytes[i]) / seconds : NAN;
        m->bytes[i] = now[i];
    }
}

bool host_meter_read(struct host_meter *m, int64_t mono)
{
    static char text[64 << 10];
    uint64_t bytes[4] = {0};
    if (m->now.time && mono - m->now.time < PERIOD)
        return false;
    double seconds = m->now.time ? (double)(mono - m->now.time) / 1e9 : 0;
    if (!m->now.time)
        gethostname(m->now.name, sizeof m->now.name - 1);
    m->now.time = mono;
    read_cpu(m, slurp("/proc/stat", text, sizeof text));
    read_memory(m, slurp("/proc/meminfo", text, sizeof text));
    if (sscanf(slurp("/proc/loadavg", text, sizeof text), "%lf", &m->now.load) != 1)
        m->now.load = NAN;
    sum_net(slurp("/proc/net/dev", text, sizeof text), bytes);
    sum_disks(slurp("/proc/diskstats", text, sizeof text), bytes + 2);
    take_rates(m, bytes, seconds);
    return true;
}
