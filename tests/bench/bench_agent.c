/* bench_agent: nanoseconds of one ht_log call, with a hub attached that records, and with no hub at all;
 * beside a bare ring push with its clock reading, measured in the same run. One JSON object per line.
 *
 * Calls are timed one by one: the counter is read between two calls, and the cost of reading it (the
 * median of the same loop with nothing in it) is taken off. Calls come in bursts of 1000, paced to --rate
 * calls a second, so that a relay which shares two cores with everything else can keep up; dropped calls
 * are counted and shown.
 *
 * Arguments: [--calls N] [--rate N] [--quick]. HYPERTOP_BUILD says where hypertop-hub and hypertop-agent
 * are. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/hypertop.h"
#include "base/clock.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "base/text.h"
#include "proto/endpoint.h"
#include "proto/ring.h"

enum { BURST = 1000, BINS = 1 << 16, NS_PER_BIN = 1 };

/* ---- time ---- */

static double ns_per_tick = 1;

#if defined(__x86_64__)
static inline uint64_t ticks(void)
{
    return __builtin_ia32_rdtsc();
}
#else
static inline uint64_t ticks(void)
{
    return (uint64_t)clock_mono_ns();
}
#endif

static void calibrate(void)
{
    int64_t t0 = clock_mono_ns();
    uint64_t c0 = ticks();
    while (clock_mono_ns() - t0 < 50 * CLOCK_MS)
        continue;
    uint64_t c1 = ticks();
    ns_per_tick = (double)(clock_mono_ns() - t0) / (double)(c1 - c0);
}

/* ---- counting ---- */

struct histogram {
    uint64_t bins[BINS + 1]; /* the last one: everything longer */
    uint64_t n;
    double longest;
};

static void count(struct histogram *h, double ns)
{
    int bin = ns < 0 ? 0 : ns >= BINS ? BINS : (int)ns;
    h->bins[bin]++;
    h->n++;
    if (ns > h->longest)
        h->longest = ns;
}

static double quantile(const struct histogram *h, double q)
{
    uint64_t want = (uint64_t)(q * (double)h->n), sum = 0;
    for (int i = 0; i <= BINS; i++) {
        sum += h->bins[i];
        if (sum > want)
            return i == BINS ? h->longest : i + 0.5;
    }
    return h->longest;
}

/* ---- the loops ---- */

enum what { NOTHING, PUSH, LOG };

struct loop {
    enum what what;
    ht_agent *ht;
    struct ring *ring;
    double rate; /* 0: as fast as it goes */
    uint64_t calls;
};

static inline void one(const struct loop *l, int64_t step)
{
    struct timespec t;
    switch (l->what) {
    case NOTHING:
        break;
    case PUSH:
        clock_gettime(CLOCK_REALTIME, &t);
        ring_point_push(&l->ring->lanes[0], 1, step, (int64_t)t.tv_sec * 1000000000 + t.tv_nsec,
                        (double)step);
        break;
    case LOG:
        ht_log(l->ht, "loss", step, (double)step);
        break;
    }
}

static void run_loop(const struct loop *l, double overhead, struct histogram *h)
{
    static uint64_t stamps[BURST + 1];
    static struct ring_point out[4096];
    uint64_t torn = 0;
    int64_t start = clock_mono_ns();
    memset(h, 0, sizeof *h);
    for (uint64_t done = 0; done < l->calls; done += BURST) {
        stamps[0] = ticks();
        for (int i = 0; i < BURST; i++) {
            one(l, (int64_t)done + i);
            stamps[i + 1] = ticks();
        }
        for (int i = 0; i < BURST; i++)
            count(h, (double)(stamps[i + 1] - stamps[i]) * ns_per_tick - overhead);
        if (l->what == PUSH)
            while (ring_points_take(l->ring, 0, out, 4096, false, &torn))
                continue;
        if (l->rate > 0) {
            int64_t due = start + (int64_t)((double)(done + BURST) / l->rate * 1e9);
            struct timespec ts = {due / CLOCK_S, due % CLOCK_S};
            if (due > clock_mono_ns() + 50000)
                clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
        }
    }
}

static void *fresh_histogram(void)
{
    return mem_zero(1, sizeof(struct histogram));
}

static double empty_loop(uint64_t calls)
{
    struct histogram *h = fresh_histogram();
    struct loop l = {.what = NOTHING, .calls = calls};
    run_loop(&l, 0, h);
    double median = quantile(h, 0.5);
    free(h);
    return median;
}

static double resident_kib(void)
{
    long pages[2] = {0, 0};
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &pages[0], &pages[1]) != 2)
        pages[1] = 0;
    if (f)
        fclose(f);
    return (double)pages[1] * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* ---- reporting ---- */

struct extra {
    const char *key;
    double value;
};

static void report(const char *bench, const struct histogram *h, const struct extra *extra, int n_extra)
{
    struct buf b = {0};
    struct json_out j;
    jw_open(&j, &b);
    jw_object(&j);
    jw_key(&j, "bench");
    jw_str(&j, bench);
    jw_key(&j, "unit");
    jw_str(&j, "ns");
    static const struct {
        const char *key;
        double q;
    } rows[] = {{"median", 0.5}, {"p99", 0.99}, {"p9999", 0.9999}};
    for (int i = 0; i < 3; i++) {
        jw_key(&j, rows[i].key);
        jw_double(&j, quantile(h, rows[i].q));
    }
    jw_key(&j, "max");
    jw_double(&j, h->longest);
    jw_key(&j, "calls");
    jw_uint(&j, h->n);
    for (int i = 0; i < n_extra; i++) {
        jw_key(&j, extra[i].key);
        jw_double(&j, extra[i].value);
    }
    jw_object_end(&j);
    puts(buf_cstr(&b));
    fflush(stdout);
    buf_release(&b);
}

/* ---- the parts ---- */

static char dir[64];

static double baseline(uint64_t calls, double overhead)
{
    char path[96], why[RING_WHY];
    struct ring r;
    struct ring_identity id = {.run = -1};
    struct histogram *h = fresh_histogram();
    snprintf(path, sizeof path, "/dev/shm/ht-bench-%d.ring", (int)getpid());
    if (ring_create(&r, path, &id, why) != 0) {
        fprintf(stderr, "bench_agent: %s\n", why);
        exit(1);
    }
    unlink(path);
    ring_lane_ready(&r, 0);
    struct loop l = {.what = PUSH, .ring = &r, .calls = calls};
    run_loop(&l, overhead, h);
    report("agent_push", h, NULL, 0);
    double median = quantile(h, 0.5);
    free(h);
    ring_unmap(&r);
    return median;
}

static void agent_log(const char *bench, uint64_t calls, double rate, double overhead, double base)
{
    struct histogram *h = fresh_histogram();
    ht_agent *ht = ht_open(NULL);
    if (ht_status(ht) != HT_OK) {
        fprintf(stderr, "bench_agent: the agent is inert\n");
        exit(1);
    }
    struct loop l = {.what = LOG, .ht = ht, .rate = rate, .calls = BURST * 200};
    run_loop(&l, overhead, h); /* every page of the lane has been touched, the relay is there */
    ht_flush(ht, 5000);
    double before = resident_kib(), dropped = (double)ht_dropped(ht);
    l.calls = calls;
    run_loop(&l, overhead, h);
    struct extra extra[] = {{"baseline", base},
                            {"dropped", (double)ht_dropped(ht) - dropped},
                            {"rate", rate},
                            {"rss_before_kib", before},
                            {"rss_after_kib", resident_kib()}};
    report(bench, h, extra, 5);
    ht_close(ht);
    free(h);
}

static pid_t start_hub(const char *build)
{
    char program[512];
    snprintf(program, sizeof program, "%s/hypertop-hub", build);
    if (access(program, X_OK) != 0)
        return 0;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(program, program, "hub", "run", (char *)NULL);
        _exit(127);
    }
    struct endpoint e;
    int64_t end = clock_mono_ns() + 10 * CLOCK_S;
    if (endpoint_resolve(&e, NULL, NULL) != 0)
        return pid;
    while (!endpoint_alive(&e, NULL) && clock_mono_ns() < end)
        poll(NULL, 0, 10);
    endpoint_release(&e);
    return pid;
}

static void world(const char *build)
{
    char path[600];
    snprintf(dir, sizeof dir, "/tmp/ht-bench-XXXXXX");
    if (!mkdtemp(dir))
        exit(1);
    snprintf(path, sizeof path, "%s/run", dir);
    mkdir(path, 0700);
    setenv("HYPERTOP_RUNTIME_DIR", path, 1);
    snprintf(path, sizeof path, "%s/data", dir);
    setenv("HYPERTOP_DATA_DIR", path, 1);
    snprintf(path, sizeof path, "%s/hypertop-agent", build);
    setenv("HYPERTOP_AGENT", path, 1);
    unsetenv("HYPERTOP_HUB");
    unsetenv("HYPERTOP_RING");
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    remove(path);
    return 0;
}

/* The relay of the last agent may still be writing its spill file: again, until all is gone. */
static void clean(void)
{
    for (int i = 0; i < 50 && access(dir, F_OK) == 0; i++) {
        nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        poll(NULL, 0, 50);
    }
}

int main(int argc, char **argv)
{
    double calls = 1e8, rate = 4e6;
    const char *build = getenv("HYPERTOP_BUILD");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            calls = 4e6;
        else if (i + 1 < argc && strcmp(argv[i], "--calls") == 0 && text_double(argv[i + 1], &calls))
            i++;
        else if (i + 1 < argc && strcmp(argv[i], "--rate") == 0 && text_double(argv[i + 1], &rate))
            i++;
        else {
            fprintf(
                stderr,
                "bench_agent: unknown argument '%s'; usage: bench_agent [--calls N] [--rate N] [--quick]\n",
                argv[i]);
            return 2;
        }
    }
    world(build ? build : "build");
    calibrate();
    double overhead = empty_loop(2000000), base = baseline(4000000, overhead);
    agent_log("agent_log_nohub", (uint64_t)calls, rate, overhead, base);
    pid_t hub = start_hub(build ? build : "build");
    if (hub > 0) {
        agent_log("agent_log", calls > 2e7 ? 20000000 : (uint64_t)calls, 1e6, overhead, base);
        kill(hub, SIGTERM);
        waitpid(hub, NULL, 0);
    } else {
        fprintf(stderr, "bench_agent: no hypertop-hub in %s: agent_log is left out\n",
                build ? build : "build");
    }
    clean();
    return 0;
}
