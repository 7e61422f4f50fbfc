/* bench_ingest: points a second from two training processes through rings, worker, ZeroMQ, hub and recording
 * with the default sync policy, everything on this machine at once; and the hub's CPU when nothing happens.
 * One JSON object per line.
 *
 * Arguments: [--seconds N] [--rate POINTS_PER_SECOND of both together] [--idle SECONDS]. The program starts
 * itself as the trainer
 * (--generate): an agent like any other. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "agent/hypertop.h"
#include "base/clock.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/text.h"
#include "hub/ask.h"
#include "hub/hub.h"

extern char **environ;

#define METRICS 4
#define BURST   400 /* points between looks at the clock */

/* ---- the trainer ---- */

static void nap_until(int64_t when)
{
    struct timespec ts = {when / CLOCK_S, when % CLOCK_S};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

/* Logs `rate` points a second, as a training loop with METRICS curves would. */
static int generate(double rate, double seconds)
{
    static const char *const names[METRICS] = {"loss", "accuracy", "grad_norm", "lr"};
    ht_agent *ht = ht_open(NULL);
    struct rng r;
    rng_seed(&r, 1);
    int64_t start = clock_mono_ns(), end = start + (int64_t)(seconds * 1e9), step = 0, n = 0;
    while (clock_mono_ns() < end) {
        for (int i = 0; i < BURST / METRICS; i++, step++) {
            double x = 1 / (1 + 1e-5 * (double)step), noise = (double)(rng_u64(&r) >> 40) * 0x1p-24;
            ht_log(ht, names[0], step, (double)(float)(2 * x + 0.1 * noise));
            ht_log(ht, names[1], step, (double)(float)(1 - x + 0.01 * noise));
            ht_log(ht, names[2], step, (double)(float)(x * (1 + noise)));
            ht_log(ht, names[3], step, 0.1);
        }
        n += BURST;
        int64_t due = start + (int64_t)((double)n / rate * 1e9);
        if (due > clock_mono_ns() + 50000)
            nap_until(due);
    }
    ht_report(ht, step, 0.5);
    fprintf(stderr, "%lld %llu\n", (long long)n, (unsigned long long)ht_dropped(ht));
    ht_close(ht);
    return 0;
}

/* ---- the stage ---- */

struct stage {
    char dir[64], self[4096], agent[4200];
    pid_t hub, worker;
    struct ask ask;
};

static void die(const char *what, char *cause)
{
    fprintf(stderr, "bench_ingest: %s%s%s\n", what, cause ? ": " : "", cause ? cause : "");
    exit(1);
}

static void open_stage(struct stage *s)
{
    char *cause = NULL;
    ssize_t n = readlink("/proc/self/exe", s->self, sizeof s->self - 1);
    s->self[n > 0 ? n : 0] = '\0';
    snprintf(s->agent, sizeof s->agent, "%s", s->self);
    for (int up = 0; up < 3; up++)
        *strrchr(s->agent, '/') = '\0';
    strncat(s->agent, "/hypertop-agent", sizeof s->agent - strlen(s->agent) - 1);
    snprintf(s->dir, sizeof s->dir, "/tmp/hypertop-bench-XXXXXX");
    if (!mkdtemp(s->dir) || setenv("HYPERTOP_RUNTIME_DIR", s->dir, 1) != 0 ||
        setenv("HYPERTOP_DATA_DIR", s->dir, 1) != 0)
        die("no directory", NULL);
    unsetenv("HYPERTOP_HUB");
    fflush(NULL);
    s->hub = fork();
    if (s->hub == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        struct hub_options o = {.name = "bench", .sync = {.policy = RECORDER_INTERVAL}};
        struct hub *h = hub_open(&o, &cause);
        if (!h)
            die("hub", cause);
        hub_run(h);
        hub_close(h);
        _exit(0);
    }
    char address[128];
    snprintf(address, sizeof address, "ipc://%s/bench.sock", s->dir);
    for (int i = 0; ask_open(&s->ask, address, ROLE_OPERATOR, 5 * CLOCK_S, &cause) != 0; i++) {
        ask_close(&s->ask);
        if (i == 3)
            die("the hub does not answer", cause);
    }
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static void close_stage(struct stage *s)
{
    ask_hub(&s->ask, MSG_HUB_STOP, (struct span){0}, 5 * CLOCK_S, NULL);
    ask_close(&s->ask);
    if (s->worker) {
        kill(s->worker, SIGTERM);
        waitpid(s->worker, NULL, 0);
    }
    waitpid(s->hub, NULL, 0);
    if (nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        fprintf(stderr, "bench_ingest: %s was not removed\n", s->dir);
}

static void start_worker(struct stage *s)
{
    char *argv[] = {"hypertop-agent", "worker", "bench", "-j", "2", NULL};
    if (posix_spawn(&s->worker, s->agent, NULL, NULL, argv, environ) != 0)
        die(s->agent, strerror(errno));
}

static void start_sweep(struct stage *s, double rate, double seconds)
{
    struct buf yaml = {0}, body = {0};
    struct codec_writer w;
    char *cause = NULL;
    buf_printf(
        &yaml,
        "name: ingest\nprogram: %s\ncommand: ['${program}', '--generate', '%.0f', '%.1f']\nmethod: random\n"
        "metric: {name: objective}\nparameters: {x: {min: 0.0, max: 1.0}}\nrun_cap: 2\n",
        s->self, rate / 2, seconds);
    cw_init(&w, &body);
    cw_map(&w, 5);
    cw_kstr(&w, "yaml", buf_cstr(&yaml));
    cw_kstr(&w, "path", "ingest.yaml");
    cw_kstr(&w, "cwd", "/");
    cw_str(&w, "env");
    cw_map(&w, 2);
    cw_kstr(&w, "HYPERTOP_RUNTIME_DIR", s->dir);
    cw_kstr(&w, "HYPERTOP_DATA_DIR", s->dir);
    cw_str(&w, "options");
    cw_map(&w, 1);
    cw_kint(&w, "workers", 0);
    if (ask_hub(&s->ask, MSG_SWEEP_START, (struct span){(char *)body.data, body.len}, 5 * CLOCK_S, &cause) !=
        0)
        die("sweep.start", cause);
    buf_release(&yaml);
    buf_release(&body);
}

/* ---- looking ---- */

static struct span view(struct stage *s, const char *name)
{
    struct buf b = {0};
    struct codec_writer w;
    char *cause = NULL;
    cw_init(&w, &b);
    cw_map(&w, 1);
    cw_kstr(&w, "view", name);
    if (ask_hub(&s->ask, MSG_VIEW, (struct span){(char *)b.data, b.len}, 10 * CLOCK_S, &cause) != 0)
        die(name, cause);
    buf_release(&b);
    return s->ask.answer.body;
}

static int64_t points_now(struct stage *s, char state[16])
{
    struct span head = cmap_value(view(s, "summary"), "head");
    cmap_strcpy(head, "state", state, 16);
    return cmap_int(head, "points", 0);
}

static int64_t dropped_now(struct stage *s)
{
    struct span parts = cmap_value(view(s, "runs"), "parts");
    struct codec_reader r;
    int64_t sum = 0;
    cr_init(&r, parts.p, parts.n);
    for (size_t n = cr_array(&r); n > 0 && cr_array(&r) == 2; n--) {
        cr_int(&r);
        sum += cmap_int(cr_value(&r), "dropped", 0);
    }
    return sum;
}

/* CPU of a thread or (tid 0) of the whole process, seconds. */
static double cpu_of(pid_t pid, pid_t tid)
{
    char path[64], text[1024];
    if (tid)
        snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, tid);
    else
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    unsigned long user = 0, sys = 0;
    if (!f)
        return 0;
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    const char *p = strrchr(text, ')');
    if (!p || sscanf(p, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) != 2)
        return 0;
    return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void put(const char *key, double v, struct json_out *j)
{
    jw_key(j, key);
    jw_double(j, v);
}

static void row(struct buf *b, struct json_out *j, const char *bench, const char *unit)
{
    jw_open(j, b);
    jw_object(j);
    jw_key(j, "bench");
    jw_str(j, bench);
    jw_key(j, "unit");
    jw_str(j, unit);
}

static void print_row(struct buf *b, struct json_out *j)
{
    jw_object_end(j);
    puts(buf_cstr(b));
    fflush(stdout);
    buf_release(b);
}

/* What this machine's memory and compressor do on bytes like ours: the ceiling. */
static void baselines(double *copy, double *zstd)
{
    size_t n = 16 << 20;
    uint8_t *a = mem_alloc(n), *c = mem_alloc(ZSTD_compressBound(n));
    struct rng r;
    rng_seed(&r, 2);
    for (size_t i = 0; i + 8 <= n; i += 8) {
        double v = 2 / (1 + 1e-5 * (double)i) + 1e-3 * rng_unit(&r);
        float f = (float)v;
        v = f;
        memcpy(a + i, &v, 8);
    }
    memcpy(c, a, n);
    int64_t t = clock_mono_ns();
    memcpy(c, a, n);
    *copy = (double)n / (double)(clock_mono_ns() - t) * 1e9;
    t = clock_mono_ns();
    ZSTD_compress(c, ZSTD_compressBound(n), a, n, 1);
    *zstd = (double)n / (double)(clock_mono_ns() - t) * 1e9;
    free(a);
    free(c);
}

static void bench_idle(struct stage *s, double seconds)
{
    struct buf b = {0};
    struct json_out j;
    nap_until(clock_mono_ns() + CLOCK_S / 2);
    double before = cpu_of(s->hub, 0);
    nap_until(clock_mono_ns() + (int64_t)(seconds * 1e9));
    double percent = (cpu_of(s->hub, 0) - before) / seconds * 100;
    row(&b, &j, "idle_hub", "% CPU");
    put("median", percent, &j);
    put("p99", percent, &j);
    put("target", 0.5, &j);
    print_row(&b, &j);
}

#define SAMPLES 600

static void bench_ingest(struct stage *s, double rate, double seconds)
{
    struct buf b = {0};
    struct json_out j;
    char state[16] = "";
    double rates[SAMPLES], copy, zstd;
    int n = 0;
    baselines(&copy, &zstd);
    start_sweep(s, rate, seconds);
    start_worker(s);
    while (points_now(s, state) == 0)
        nap_until(clock_mono_ns() + 10 * CLOCK_MS);
    int64_t first_at = clock_mono_ns(), first = points_now(s, state), last_at = first_at, last = first;
    double loop = cpu_of(s->hub, s->hub), all = cpu_of(s->hub, 0);
    while (strcmp(state, "running") == 0 && n < SAMPLES) {
        nap_until(last_at + CLOCK_S);
        int64_t now = points_now(s, state), at = clock_mono_ns();
        if (at - first_at < (int64_t)(seconds * 1e9))
            rates[n++] = (double)(now - last) / (double)(at - last_at) * 1e9;
        last = now;
        last_at = at;
        if (at - first_at > (int64_t)((seconds + 60) * 1e9))
            die("the sweep does not end", NULL);
    }
    loop = cpu_of(s->hub, s->hub) - loop;
    all = cpu_of(s->hub, 0) - all;
    if (n == 0)
        die("it ran for less than a second", NULL);
    double total = (double)last;
    int64_t dropped = dropped_now(s);
    qsort(rates, (size_t)n, sizeof *rates, by_value);
    row(&b, &j, "ingest", "points/s");
    put("median", rates[n / 2], &j);
    put("p99", rates[n / 100], &j);
    put("sustained", total / seconds, &j);
    put("seconds", seconds, &j);
    put("offered", rate, &j);
    put("points", total, &j);
    put("dropped", (double)dropped, &j);
    put("target", 3e6, &j);
    put("hub_loop_ns_per_point", loop * 1e9 / total, &j);
    put("hub_all_ns_per_point", all * 1e9 / total, &j);
    put("memcpy_bytes_per_s", copy, &j);
    put("zstd1_bytes_per_s", zstd, &j);
    print_row(&b, &j);
}

static double number(const char *s)
{
    double v = 0;
    if (!text_double(s, &v) || !(v > 0))
        die("not a number", mem_str(s));
    return v;
}

int main(int argc, char **argv)
{
    double seconds = 20, rate = 3.2e6, idle = 5;
    struct stage s = {0};
    if (argc == 4 && strcmp(argv[1], "--generate") == 0)
        return generate(number(argv[2]), number(argv[3]));
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seconds") == 0)
            seconds = number(argv[i + 1]);
        else if (strcmp(argv[i], "--rate") == 0)
            rate = number(argv[i + 1]);
        else if (strcmp(argv[i], "--idle") == 0)
            idle = number(argv[i + 1]);
        else
            die("unknown option", argv[i]);
    }
    open_stage(&s);
    bench_idle(&s, idle);
    bench_ingest(&s, rate, seconds);
    close_stage(&s);
    return 0;
}
