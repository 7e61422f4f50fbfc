#include "proto/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define RING_MAGIC UINT64_C(0x0a31474e49525448) /* "HTRING1\n" */

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define DEFAULT_LANES         8
#define DEFAULT_LANE_SLOTS    131072
#define DEFAULT_CONTROL_SLOTS 4096
#define DEFAULT_COMMAND_SLOTS 64
#define PARAMS_BYTES          (64 << 10)
#define PAGE                  4096
#define MAX_SLOTS             (1u << 24)

static int fail(char *why, const char *what, const char *path)
{
    snprintf(why, RING_WHY, "%.180s: %s", path, what);
    return -1;
}

static int fail_errno(char *why, const char *path)
{
    return fail(why, strerror(errno), path);
}

static uint64_t page_up(uint64_t n)
{
    return (n + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

static bool power_of_two(uint32_t n)
{
    return n && (n & (n - 1)) == 0;
}

/* ---- geometry ---- */

/* The places follow from the counts; the reader computes them again and compares, so a header cannot lie
 * about them. */
static void geometry_place(struct ring_geometry *g)
{
    g->names_at = RING_HEADER;
    g->params_at = page_up(g->names_at + (uint64_t)g->names * RING_NAME);
    g->commands_at = page_up(g->params_at + g->params_bytes);
    g->control_at = page_up(g->commands_at + (uint64_t)g->command_slots * RING_COMMAND_SLOT);
    g->lanes_at = page_up(g->control_at + (uint64_t)g->control_slots * RING_CONTROL_SLOT);
    g->size = g->lanes_at + (uint64_t)g->lanes * g->lane_slots * RING_POINT_SLOT;
}

static bool geometry_sane(const struct ring_geometry *g)
{
    if (g->names != RING_NAMES || g->params_bytes > (1u << 20) || g->lanes == 0 || g->lanes > RING_MAX_LANES)
        return false;
    const uint32_t counts[] = {g->command_slots, g->control_slots, g->lane_slots};
    for (int i = 0; i < 3; i++)
        if (!power_of_two(counts[i]) || counts[i] < 2 || counts[i] > MAX_SLOTS)
            return false;
    if ((uint64_t)g->lane_slots * RING_POINT_SLOT % PAGE)
        return false;
    struct ring_geometry again = *g;
    geometry_place(&again);
    return memcmp(&again, g, sizeof again) == 0;
}

static struct ring_queue queue_at(struct ring_header *h, struct ring_cursor *c, uint64_t at, uint32_t slots)
{
    return (struct ring_queue){
        .cursor = c, .slots = (uint8_t *)h + at, .mask = slots - 1, .shift = (uint32_t)__builtin_ctz(slots)};
}

static void ring_view(struct ring *r, void *map, const struct ring_geometry *g, const struct stat *st)
{
    struct ring_header *h = map;
    *r = (struct ring){.h = h, .size = g->size, .g = *g};
    r->key = (uint64_t)st->st_dev * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)st->st_ino;
    r->names = (char(*)[RING_NAME])((char *)map + g->names_at);
    r->params = (char *)map + g->params_at;
    r->control = queue_at(h, &h->control, g->control_at, g->control_slots);
    r->commands = queue_at(h, &h->commands, g->commands_at, g->command_slots);
    for (uint32_t i = 0; i < g->lanes; i++)
        r->lanes[i] = queue_at(h, &h->lanes[i], g->lanes_at + (uint64_t)i * g->lane_slots * RING_POINT_SLOT,
                               g->lane_slots);
}

/* ---- making and opening ---- */

static void header_fill(struct ring *r, const struct ring_identity *id)
{
    struct ring_header *h = r->h;
    h->version = RING_VERSION;
    h->header_bytes = RING_HEADER;
    h->geometry = r->g;
    h->run = id->run;
    h->trial = id->trial;
    h->seed = id->seed;
    h->epoch = id->epoch;
    h->leased = id->leased;
    h->params = id->params_n;
    snprintf(h->program, sizeof h->program, "%s", id->program ? id->program : "");
    snprintf(h->hub, sizeof h->hub, "%s", id->hub ? id->hub : "");
    atomic_store(&h->next_seq, 1);
    if (id->owned)
        atomic_store(&h->owner, ring_process_self());
    if (id->params_bytes)
        memcpy(r->params, id->params, id->params_bytes);
    atomic_store(&h->magic, RING_MAGIC);
}

int ring_create(struct ring *r, const char *path, const struct ring_identity *id, char *why)
{
    *r = (struct ring){0};
    struct ring_geometry g = {.names = RING_NAMES,
                              .params_bytes = PARAMS_BYTES,
                              .command_slots = DEFAULT_COMMAND_SLOTS,
                              .control_slots = DEFAULT_CONTROL_SLOTS,
                              .lanes = id->lanes ? id->lanes : DEFAULT_LANES,
                              .lane_slots = id->lane_slots ? id->lane_slots : DEFAULT_LANE_SLOTS};
    geometry_place(&g);
    if (!geometry_sane(&g))
        return fail(why, "lanes and slots must be powers of two, a lane whole pages", path);
    if (id->params_bytes > PARAMS_BYTES)
        return fail(why, "the parameters of this run take more than 64 KiB", path);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail_errno(why, path);
    /* Reserving turns a full tmpfs into an error here instead of a SIGBUS in the training loop. */
    uint64_t reserve = g.lanes_at + (uint64_t)g.lane_slots * RING_POINT_SLOT;
    void *map = MAP_FAILED;
    struct stat st;
    int rc = posix_fallocate(fd, 0, (off_t)reserve);
    if (rc)
        errno = rc;
    else if (ftruncate(fd, (off_t)g.size) == 0 && fstat(fd, &st) == 0)
        map = mmap(NULL, g.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        fail_errno(why, path);
        unlink(path);
        close(fd);
        return -1;
    }
    close(fd);
    ring_view(r, map, &g, &st);
    header_fill(r, id);
    return 0;
}

static int open_checked(const char *path, struct stat *st, char *why)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return fail_errno(why, path);
    const char *wrong = NULL;
    if (fstat(fd, st) != 0)
        wrong = strerror(errno);
    else if (!S_ISREG(st->st_mode))
        wrong = "not a regular file";
    else if (st->st_uid != geteuid())
        wrong = "belongs to another user";
    else if (st->st_size < RING_HEADER || (uint64_t)st->st_size > SIZE_MAX / 2)
        wrong = "not a ring file: its size is wrong";
    if (!wrong)
        return fd;
    fail(why, wrong, path);
    close(fd);
    return -1;
}

int ring_open(struct ring *r, const char *path, char *why)
{
    *r = (struct ring){0};
    struct stat st;
    int fd = open_checked(path, &st, why);
    if (fd < 0)
        return -1;
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return fail_errno(why, path);
    struct ring_header *h = map;
    struct ring_geometry g;
    memcpy(&g, &h->geometry, sizeof g);
    const char *wrong = NULL;
    if (atomic_load(&h->magic) != RING_MAGIC)
        wrong = "not a ring file: the magic is missing";
    else if (h->version != RING_VERSION || h->header_bytes != RING_HEADER)
        wrong = "a ring file of another version of hypertop";
    else if (!geometry_sane(&g) || g.size != (uint64_t)st.st_size)
        wrong = "damaged ring file: its header contradicts itself";
    if (wrong) {
        munmap(map, (size_t)st.st_size);
        return fail(why, wrong, path);
    }
    ring_view(r, map, &g, &st);
    return 0;
}

void ring_unmap(struct ring *r)
{
    if (r->h)
        munmap(r->h, r->size);
    *r = (struct ring){0};
}

void ring_remove(const char *path)
{
    char dir[RING_PATH];
    unlink(path);
    int n = snprintf(dir, sizeof dir, "%s", path);
    char *slash = n > 0 && n < RING_PATH ? strrchr(dir, '/') : NULL;
    if (slash && slash != dir) {
        *slash = '\0';
        rmdir(dir);
    }
}

bool ring_lane_ready(struct ring *r, unsigned n)
{
    size_t bytes = (size_t)r->g.lane_slots * RING_POINT_SLOT;
    int saved = errno;
    bool ok = madvise(r->lanes[n].slots, bytes, MADV_POPULATE_WRITE) == 0;
    errno = saved;
    return ok;
}

/* ---- the directory ---- */

static int directory_check(const char *path, char *why)
{
    struct stat st;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return fail_errno(why, path);
    if (lstat(path, &st) != 0)
        return fail_errno(why, path);
    if (!S_ISDIR(st.st_mode))
        return fail(why, "not a directory", path);
    if (st.st_uid != geteuid())
        return fail(why, "belongs to another user", path);
    if (st.st_mode & 077)
        return fail(why, "others may enter it; make it mode 0700", path);
    return 0;
}

static bool on_tmpfs(const char *path)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

static void make_parents(char *path)
{
    for (char *p = path + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            mkdir(path, 0700);
            *p = '/';
        }
}

static int runtime_directory(char out[RING_PATH], char *why)
{
    const char *own = getenv("HYPERTOP_RUNTIME_DIR"), *xdg = getenv("XDG_RUNTIME_DIR");
    int n;
    if (own && *own)
        n = snprintf(out, RING_PATH, "%s", own);
    else if (xdg && *xdg)
        n = snprintf(out, RING_PATH, "%s/hypertop", xdg);
    else
        n = snprintf(out, RING_PATH, "/tmp/hypertop-%u", (unsigned)geteuid());
    if (n >= RING_PATH - 128)
        return fail(why, "the name of the runtime directory is too long", "HYPERTOP_RUNTIME_DIR");
    while (n > 1 && out[n - 1] == '/')
        out[--n] = '\0';
    if (out[0] != '/')
        return fail(why, "the runtime directory must be an absolute path", out);
    make_parents(out);
    return directory_check(out, why);
}

static int subdirectory(char path[RING_PATH], const char *name, char *why)
{
    size_t n = strlen(path);
    snprintf(path + n, RING_PATH - n, "/%s", name);
    return directory_check(path, why);
}

static int shm_directory(char out[RING_PATH], const char *runtime, char *why)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *s = runtime; *s; s++)
        hash = (hash ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
    char name[32];
    snprintf(name, sizeof name, "%016llx", (unsigned long long)hash);
    snprintf(out, RING_PATH, "/dev/shm/hypertop-%u", (unsigned)geteuid());
    if (directory_check(out, why) != 0)
        return -1;
    return subdirectory(out, name, why);
}

int ring_directory(char out[RING_PATH], char *why)
{
    char runtime[RING_PATH];
    if (runtime_directory(runtime, why) != 0)
        return -1;
    if (!on_tmpfs(runtime) && on_tmpfs("/dev/shm") && shm_directory(out, runtime, why) == 0)
        return 0;
    memcpy(out, runtime, sizeof runtime);
    return subdirectory(out, "rings", why);
}

/* ---- processes ---- a token is pid << 42 | start time in clock ticks since boot, so a reused pid is another
 * process ---- */

#define START_BITS 42
#define START_MASK ((UINT64_C(1) << START_BITS) - 1)

/* State letter and start time from /proc/PID/stat: fields 3 and 22. The name in field 2 may hold anything,
 * also ')'. */
static bool read_stat(int pid, char *state, uint64_t *start)
{
    char path[32], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    const char *p = strrchr(text, ')');
    if (!p || p[1] != ' ')
        return false;
    p += 2;
    *state = *p;
    for (int field = 3; field < 22; field++) {
        p = strchr(p, ' ');
        if (!p)
            return false;
        p++;
    }
    *start = strtoull(p, NULL, 10);
    return true;
}

uint64_t ring_process(int pid)
{
    char state;
    uint64_t start;
    if (pid <= 0)
        return 0;
    if (!read_stat(pid, &state, &start)) {
        if (kill(pid, 0) != 0 && errno == ESRCH)
            return 0;
        start = 0; /* /proc is not there: the pid alone has to do */
    } else if (state == 'Z' || state == 'X') {
        return 0;
    }
    return (uint64_t)pid << START_BITS | (start & START_MASK);
}

uint64_t ring_process_self(void)
{
    return ring_process(getpid());
}

bool ring_process_alive(uint64_t token)
{
    return token && ring_process(ring_process_pid(token)) == token;
}

int ring_process_pid(uint64_t token)
{
    return (int)(token >> START_BITS);
}

/* ---- names ---- */

int ring_name_claim(struct ring *r, const char *name, size_t n)
{
    int id = -1;
    for (int w = 0; w < RING_NAMES / 64 && id < 0; w++) {
        uint64_t v = atomic_load(&r->h->names_spare[w]);
        while (v && id < 0)
            if (atomic_compare_exchange_weak(&r->h->names_spare[w], &v, v & (v - 1)))
                id = w * 64 + __builtin_ctzll(v);
    }
    uint32_t used = atomic_load(&r->h->names_used);
    while (id < 0) {
        if (used >= r->g.names)
            return -1;
        if (atomic_compare_exchange_weak(&r->h->names_used, &used, used + 1))
            id = (int)used;
    }
    if (n > RING_NAME - 1)
        n = RING_NAME - 1;
    memcpy(r->names[id], name, n);
    memset(r->names[id] + n, 0, RING_NAME - n);
    return id;
}

void ring_name_return(struct ring *r, int id)
{
    atomic_fetch_or(&r->h->names_spare[id / 64], UINT64_C(1) << (id % 64));
}

bool ring_name(const struct ring *r, unsigned id, char out[RING_NAME])
{
    if (id >= r->g.names)
        return false;
    memcpy(out, r->names[id], RING_NAME);
    out[RING_NAME - 1] = '\0';
    return true;
}

/* ---- state ---- */

static uint64_t queue_waiting(const struct ring_queue *q)
{
    uint64_t head = atomic_load_explicit(&q->cursor->head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&q->cursor->tail, memory_order_acquire);
    uint64_t n = head - tail;
    return n > q->mask + UINT64_C(1) ? q->mask + UINT64_C(1) : n;
}

bool ring_drained(const struct ring *r)
{
    if (queue_waiting(&r->control))
        return false;
    for (uint32_t i = 0; i < r->g.lanes; i++)
        if (queue_waiting(&r->lanes[i]))
            return false;
    return true;
}

uint64_t ring_dropped(const struct ring *r)
{
    uint64_t n = atomic_load(&r->h->control.dropped);
    for (uint32_t i = 0; i < r->g.lanes; i++)
        n += atomic_load(&r->h->lanes[i].dropped);
    return n;
}

double ring_fill(const struct ring *r)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < r->g.lanes; i++) {
        uint64_t n = queue_waiting(&r->lanes[i]);
        if (n > most)
            most = n;
    }
    return (double)most / r->g.lane_slots;
}

void ring_doorbell_wait(struct ring *r, uint32_t seen, int ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    int saved = errno;
    syscall(SYS_futex, &r->h->doorbell, FUTEX_WAIT, seen, &t, NULL, 0);
    errno = saved;
}

void ring_doorbell_ring(struct ring *r)
{
    atomic_fetch_add(&r->h->doorbell, 1);
    syscall(SYS_futex, &r->h->doorbell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void ring_stop(struct ring *r, int64_t command)
{
    atomic_store(&r->h->stop_id, command);
    atomic_store(&r->h->stop, 1);
    ring_doorbell_ring(r);
}
