#include "agent/orphans.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/spill.h"
#include "base/buf.h"
#include "base/clock.h"
#include "proto/endpoint.h"
#include "proto/ring.h"

enum { AT_ONCE = 32, END_MS = 1000 };

extern char **environ;

/* The relay forks by itself and its first process ends at once: there is nothing to wait for but that. */
static void start_relay(const char *option, const char *path)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return;
    self[n] = '\0';
    char *argv[] = {self, "relay", (char *)option, (char *)path, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    pid_t pid;
    if (posix_spawnattr_init(&attr) != 0)
        return;
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
    if (posix_spawn_file_actions_init(&files) == 0) {
        for (int fd = 0; fd < 3; fd++)
            posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
        posix_spawn_file_actions_addclosefrom_np(&files, 3);
        if (posix_spawn(&pid, self, &files, &attr, argv, environ) == 0)
            waitpid(pid, NULL, 0);
        posix_spawn_file_actions_destroy(&files);
    }
    posix_spawnattr_destroy(&attr);
}

/* A hub that cannot be asked about (tcp) counts as there: the relay will see. */
static bool hub_is_there(const char *hub)
{
    struct endpoint e;
    int pid;
    if (endpoint_resolve(&e, *hub ? hub : NULL, NULL) != 0)
        return false;
    bool there = !e.lock_path || endpoint_alive(&e, &pid);
    endpoint_release(&e);
    return there;
}

static bool ring_is_orphan(const char *path)
{
    struct ring r;
    char why[RING_WHY], hub[256];
    if (ring_open(&r, path, why) != 0)
        return false;
    bool orphan = !ring_process_alive(atomic_load(&r.h->owner));
    memcpy(hub, r.h->hub, sizeof hub);
    hub[sizeof hub - 1] = '\0';
    ring_unmap(&r);
    return orphan && hub_is_there(hub);
}

/* With a ring beside it the relay of the ring delivers both. */
static bool spill_is_orphan(const char *path, const char *rings, const char *name)
{
    char ring[RING_PATH + 300], *cause = NULL;
    const char *dot = strstr(name, ".spill");
    snprintf(ring, sizeof ring, "%s/%.*s.ring", rings, (int)(dot - name), name);
    if (access(ring, F_OK) == 0)
        return false;
    struct spill s;
    struct spill_identity none = {.run = -1};
    spill_init(&s, path, &none);
    bool orphan = spill_adopt(&s, &cause) > 0 && hub_is_there(s.id.hub);
    free(cause);
    spill_release(&s);
    return orphan;
}

static void scan(const char *dir, const char *suffix, const char *rings)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    for (int n = 0; d && n < AT_ONCE && (e = readdir(d));) {
        size_t len = strlen(e->d_name), tail = strlen(suffix);
        if (len <= tail || strcmp(e->d_name + len - tail, suffix) != 0)
            continue;
        struct buf path = {0};
        buf_printf(&path, "%s/%s", dir, e->d_name);
        if (!rings && ring_is_orphan(buf_cstr(&path))) {
            start_relay("--ring", buf_cstr(&path));
            n++;
        } else if (rings && spill_is_orphan(buf_cstr(&path), rings, e->d_name)) {
            start_relay("--spill", buf_cstr(&path));
            n++;
        }
        buf_release(&path);
    }
    if (d)
        closedir(d);
}

void orphans_adopt(void)
{
    char rings[RING_PATH], why[RING_WHY];
    if (ring_directory(rings, why) != 0)
        return;
    scan(rings, ".ring", NULL);
    char *data = endpoint_data_dir(NULL);
    if (data) {
        struct buf spills = {0};
        buf_printf(&spills, "%s/spill", data);
        scan(buf_cstr(&spills), ".spill", rings);
        buf_release(&spills);
    }
    free(data);
    rmdir(rings); /* it was perhaps made just now; it stays when there are rings in it */
}

void orphans_end_group(struct ring *r)
{
    uint64_t leader = atomic_load(&r->h->group), trainer = atomic_load(&r->h->trainer);
    int group = ring_process_pid(leader);
    if (!leader || !ring_process_alive(trainer) || getpgid(ring_process_pid(trainer)) != group)
        return;
    kill(-group, SIGKILL);
    int64_t end = clock_mono_ns() + END_MS * CLOCK_MS;
    while (ring_process_alive(trainer) && clock_mono_ns() < end)
        usleep(5000);
}
