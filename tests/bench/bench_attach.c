/* bench_attach: milliseconds from `hypertop attach` to the first full frame with 10,000 trials in the hub, through a pseudo-terminal,
 * beside what starting the same program costs; and what a console and its hub do when nothing happens: CPU and bytes, beside htop and
 * btop in a terminal of the same size where they are installed. One JSON object a line.
 *
 * The sweep is a recording that this program writes; the hub finds it in its data directory. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "base/rng.h"
#include "proto/recording.h"

enum { TRIALS = 10000, REPORTS = 8, STARTS = 24, COLS = 160, ROWS = 48, SECONDS = 6 };

#define HUB      "bench-attach"
#define START_NS INT64_C(1700000000000000000)

static char dir[64], programs[4096];

static int run_hypertop(const char *a, const char *b)
{
    int status = -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        execl(programs, "hypertop", a, b, (char *)NULL);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    return remove(path);
}

static int end(int status)
{
    if (dir[0]) {
        run_hypertop("hub", "stop");
        if (nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
            status = 1;
    }
    return status;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_attach: %s%s%s\n", what, why ? ": " : "", why ? why : "");
    exit(end(1));
}

/* ---- a sweep of many trials ---- */

static struct buf body;
static struct codec_writer w;

static void begin(int pairs)
{
    buf_clear(&body);
    cw_init(&w, &body);
    cw_map(&w, (size_t)pairs);
}

static void put(struct rec_writer *out, enum event_kind kind, int64_t at)
{
    char *cause = NULL;
    if (!rec_put(out, kind, at, at, (struct span){(char *)body.data, body.len}))
        die("an event is refused", event_name(kind));
    struct rec_chunk *c = rec_pending(out) >= REC_CHUNK_BYTES ? rec_take_chunk(out) : NULL;
    if (c && rec_write_chunk(out, &c, &cause) != REC_OK)
        die("cannot write", cause);
}

static void put_sweep(struct rec_writer *out, const char *yaml)
{
    begin(12);
    cw_kstr(&w, "sweep", "many");
    cw_kstr(&w, "hub", HUB);
    cw_kstr(&w, "yaml", yaml);
    cw_kstr(&w, "path", "many.yaml");
    cw_kstr(&w, "cwd", "/");
    cw_str(&w, "env");
    cw_map(&w, 0);
    cw_kstr(&w, "metric", "objective");
    cw_kstr(&w, "goal", "minimize");
    cw_kstr(&w, "tuner", "random");
    cw_kint(&w, "seed", 1);
    cw_kint(&w, "budget", TRIALS);
    cw_kint(&w, "workers", 2);
    put(out, EV_SWEEP, START_NS);
}

static void put_trial_state(struct rec_writer *out, int trial, const char *state, int64_t at)
{
    begin(4);
    cw_kint(&w, "trial", trial);
    cw_kstr(&w, "state", state);
    cw_kstr(&w, "why", NULL);
    cw_kint(&w, "intervention", 0);
    put(out, EV_TRIAL_STATE, at);
}

static void put_run(struct rec_writer *out, int trial, const char *state, int64_t at)
{
    begin(5);
    cw_kint(&w, "run", trial);
    cw_kint(&w, "trial", trial);
    cw_kint(&w, "seed", 0);
    cw_kint(&w, "epoch", 1);
    cw_kstr(&w, "state", state);
    put(out, EV_RUN, at);
}

static void put_trial(struct rec_writer *out, struct rng *r, int trial, int64_t at)
{
    double lr = pow(10, -5 + 4 * rng_unit(r)), floor = 0.01 + fabs(log10(lr) + 2.7) * 0.05;
    begin(9);
    cw_kint(&w, "trial", trial);
    cw_str(&w, "params");
    cw_map(&w, 3);
    cw_kdouble(&w, "lr", lr);
    cw_kint(&w, "hidden", 32 + (int64_t)rng_below(r, 225));
    cw_kstr(&w, "optimizer", rng_below(r, 2) ? "adam" : "sgd");
    cw_str(&w, "dna");
    cw_array(&w, 0);
    cw_kstr(&w, "origin", "tuner");
    cw_kint(&w, "space_version", 1);
    cw_kint(&w, "parent", -1);
    cw_knil(&w, "propensity");
    cw_kstr(&w, "arm", "");
    cw_kstr(&w, "why", "random");
    put(out, EV_TRIAL, at);
    put_run(out, trial, "leased", at);
    put_run(out, trial, "running", at);
    put_trial_state(out, trial, "running", at);
    for (int i = 1; i <= REPORTS; i++) {
        begin(6);
        cw_kint(&w, "run", trial);
        cw_kint(&w, "epoch", 1);
        cw_kint(&w, "seq", i);
        cw_kint(&w, "trial", trial);
        cw_kint(&w, "step", i);
        cw_kdouble(&w, "value", floor + (0.02 * rng_unit(r) + 1) / i);
        put(out, EV_REPORT, at + i * 40 * CLOCK_MS);
    }
    put_run(out, trial, "done", at + 350 * CLOCK_MS);
    put_trial_state(out, trial, "done", at + 350 * CLOCK_MS);
}

static void write_sweep(void)
{
    static const char yaml[] = "name: many\nprogram: /bin/true\nmethod: random\nmetric: {name: objective, goal: minimize}\n"
                               "parameters:\n  lr: {min: 0.00001, max: 0.1}\n  hidden: {min: 32, max: 256}\n"
                               "  optimizer: {values: [sgd, adam]}\nrun_cap: 10000\n";
    struct rec_header h = {.sweep = "many", .yaml = yaml, .yaml_n = sizeof yaml - 1, .created = START_NS, .level = 3};
    char path[128], *cause = NULL;
    struct rng r;
    snprintf(path, sizeof path, "%s/many-20231114-221320.mcap", dir);
    struct rec_writer *out = rec_create(path, &h, &cause);
    if (!out)
        die("cannot record", cause);
    rng_seed(&r, 1);
    put_sweep(out, yaml);
    for (int i = 0; i < TRIALS; i++)
        put_trial(out, &r, i, START_NS + (int64_t)i * 360 * CLOCK_MS);
    begin(2);
    cw_kstr(&w, "state", "done");
    cw_kstr(&w, "why", "all trials have ended");
    put(out, EV_SWEEP, START_NS + (int64_t)TRIALS * 360 * CLOCK_MS);
    if (rec_finish(&out, &cause) != 0)
        die("cannot finish the recording", cause);
}

/* ---- programs in a terminal ---- */

struct terminal {
    pid_t pid;
    int fd;
    struct buf seen;
};

static void open_terminal(struct terminal *t, char *const *argv)
{
    struct winsize size = {ROWS, COLS, 0, 0};
    fflush(NULL);
    t->pid = forkpty(&t->fd, NULL, NULL, &size);
    if (t->pid < 0)
        die("no pseudo-terminal", strerror(errno));
    if (t->pid == 0) {
        setenv("TERM", "xterm-256color", 1);
        setenv("LC_ALL", "C.UTF-8", 1);
        execvp(argv[0], argv);
        _exit(127);
    }
}

/* Reads for at most `ns`; returns bytes, -1 at the end. */
static long read_some(struct terminal *t, int64_t ns)
{
    struct pollfd p = {t->fd, POLLIN, 0};
    if (poll(&p, 1, (int)(ns / CLOCK_MS)) <= 0)
        return 0;
    uint8_t *at = buf_reserve(&t->seen, 65536);
    ssize_t n = read(t->fd, at, 65536);
    if (n <= 0)
        return -1;
    t->seen.len += (size_t)n;
    return n;
}

static int count(const struct terminal *t, const char *word)
{
    size_t n = strlen(word);
    int hits = 0;
    for (const uint8_t *p = t->seen.data, *end = p + t->seen.len; p && (p = memmem(p, (size_t)(end - p), word, n)); p += n)
        hits++;
    return hits;
}

static void close_terminal(struct terminal *t, const char *key)
{
    if (key && write(t->fd, key, 1) != 1)
        kill(t->pid, SIGTERM);
    for (int64_t until = clock_mono_ns() + 3 * CLOCK_S; read_some(t, 100 * CLOCK_MS) >= 0;)
        if (clock_mono_ns() > until)
            kill(t->pid, SIGKILL);
    close(t->fd);
    waitpid(t->pid, NULL, 0);
    buf_release(&t->seen);
}

/* The first full frame: the table's rows (each says its state), the number of trials, and the focused curve's name. */
static bool full_frame(const struct terminal *t)
{
    return count(t, "\u2713") > ROWS / 2 && count(t, "10000") > 0;
}

static double attach_ms(char *const *argv)
{
    struct terminal t = {0};
    int64_t start = clock_mono_ns();
    open_terminal(&t, argv);
    while (!full_frame(&t))
        if (read_some(&t, 100 * CLOCK_MS) < 0 || clock_mono_ns() - start > 20 * CLOCK_S)
            die("no full frame came", buf_cstr(&t.seen));
    double ms = (double)(clock_mono_ns() - start) / 1e6;
    close_terminal(&t, "q");
    return ms;
}

/* What fork, exec and dynamic linking of the same program cost. */
static double exec_ms(char *const *argv)
{
    struct terminal t = {0};
    int64_t start = clock_mono_ns();
    open_terminal(&t, argv);
    while (read_some(&t, 100 * CLOCK_MS) >= 0)
        ;
    double ms = (double)(clock_mono_ns() - start) / 1e6;
    close_terminal(&t, NULL);
    return ms;
}

/* ---- rows ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void number(struct json_out *j, const char *key, double v)
{
    jw_key(j, key);
    jw_double(j, v);
}

static void open_row(struct json_out *j, struct buf *b, const char *bench, const char *unit, double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    jw_open(j, b);
    jw_object(j);
    jw_key(j, "bench");
    jw_str(j, bench);
    jw_key(j, "unit");
    jw_str(j, unit);
    number(j, "median", v[n / 2]);
    number(j, "p99", v[(n * 99 + 99) / 100 - 1]);
}

static void print_row(struct json_out *j, struct buf *b)
{
    jw_object_end(j);
    puts(buf_cstr(b));
    fflush(stdout);
    buf_release(b);
}

static void bench_attach(void)
{
    char *attach[] = {programs, "attach", NULL}, *version[] = {programs, "version", NULL};
    double ms[STARTS], floor[STARTS];
    struct buf b = {0};
    struct json_out j;
    for (int i = 0; i < STARTS; i++) {
        floor[i] = exec_ms(version);
        ms[i] = attach_ms(attach);
    }
    qsort(floor, STARTS, sizeof *floor, by_value);
    open_row(&j, &b, "attach", "ms", ms, STARTS);
    number(&j, "target", 150);
    number(&j, "trials", TRIALS);
    number(&j, "starts", STARTS);
    number(&j, "exec_ms", floor[STARTS / 2]);
    print_row(&j, &b);
}

/* ---- nothing happens ---- */

static double cpu_seconds(pid_t pid)
{
    char path[64], text[1024];
    unsigned long user = 0, sys = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    text[n] = '\0';
    const char *p = strrchr(text, ')');
    if (!p || sscanf(p, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) != 2)
        return 0;
    return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

struct quiet {
    double bytes[SECONDS]; /* of each second */
    double cpu;            /* per cent, of the program in the terminal */
};

static void watch(struct terminal *t, struct quiet *q)
{
    double cpu = cpu_seconds(t->pid);
    int64_t start = clock_mono_ns();
    for (int i = 0; i < SECONDS; i++) {
        int64_t until = start + (i + 1) * CLOCK_S, left;
        q->bytes[i] = 0;
        while ((left = until - clock_mono_ns()) > 0) {
            long n = read_some(t, left + CLOCK_MS);
            q->bytes[i] += n > 0 ? (double)n : 0;
            if (n < 0)
                die("a program ended by itself", NULL);
        }
    }
    q->cpu = (cpu_seconds(t->pid) - cpu) / SECONDS * 100;
}

static void settle(struct terminal *t, int64_t ns)
{
    for (int64_t until = clock_mono_ns() + ns; clock_mono_ns() < until;)
        if (read_some(t, 100 * CLOCK_MS) < 0)
            die("a program ended by itself", NULL);
}

/* Another monitor, in the same kind of terminal; false when it is not installed. */
static bool peer(const char *name, struct quiet *q)
{
    const char *path = getenv("PATH");
    char file[4096];
    bool found = false;
    for (const char *p = path; p && *p && !found;) {
        size_t n = strcspn(p, ":");
        snprintf(file, sizeof file, "%.*s/%s", (int)n, p, name);
        found = access(file, X_OK) == 0;
        p += n + (p[n] == ':');
    }
    if (!found)
        return false;
    char *argv[] = {file, NULL};
    struct terminal t = {0};
    open_terminal(&t, argv);
    settle(&t, 3 * CLOCK_S);
    watch(&t, q);
    kill(t.pid, SIGTERM);
    close_terminal(&t, NULL);
    return true;
}

static void add_peer(struct json_out *j, const char *name)
{
    struct quiet q;
    char key[64];
    if (!peer(name, &q))
        return;
    qsort(q.bytes, SECONDS, sizeof *q.bytes, by_value);
    snprintf(key, sizeof key, "%s_bytes_per_s", name);
    number(j, key, q.bytes[SECONDS / 2]);
    snprintf(key, sizeof key, "%s_cpu_percent", name);
    number(j, key, q.cpu);
}

static void bench_idle(pid_t hub)
{
    char *attach[] = {programs, "attach", NULL};
    struct terminal t = {0};
    struct quiet q;
    struct buf b = {0};
    struct json_out j;
    open_terminal(&t, attach);
    while (!full_frame(&t))
        if (read_some(&t, 100 * CLOCK_MS) < 0)
            die("no full frame came", NULL);
    settle(&t, 2 * CLOCK_S);
    double cpu = cpu_seconds(hub);
    watch(&t, &q);
    cpu = (cpu_seconds(hub) - cpu) / SECONDS * 100;
    close_terminal(&t, "q");
    open_row(&j, &b, "idle", "bytes/s", q.bytes, SECONDS);
    number(&j, "target", 0);
    number(&j, "console_cpu_percent", q.cpu);
    number(&j, "hub_cpu_percent", cpu);
    number(&j, "target_cpu_percent", 0.5);
    number(&j, "seconds", SECONDS);
    add_peer(&j, "htop");
    add_peer(&j, "btop");
    print_row(&j, &b);
}

/* ---- the stage ---- */

static pid_t hub_pid(void)
{
    char path[128];
    int pid = 0;
    snprintf(path, sizeof path, "%s/" HUB ".lock", dir);
    FILE *f = fopen(path, "r");
    if (!f || fscanf(f, "%d", &pid) != 1)
        die("the hub's pid is not in", path);
    fclose(f);
    return pid;
}

int main(void)
{
    ssize_t n = readlink("/proc/self/exe", programs, sizeof programs - 16);
    programs[n > 0 ? n : 0] = '\0';
    for (int up = 0; up < 3; up++)
        *strrchr(programs, '/') = '\0';
    strncat(programs, "/hypertop", sizeof programs - strlen(programs) - 1);
    snprintf(dir, sizeof dir, "/tmp/hypertop-bench-XXXXXX");
    if (!mkdtemp(dir) || setenv("HYPERTOP_RUNTIME_DIR", dir, 1) != 0 || setenv("HYPERTOP_DATA_DIR", dir, 1) != 0 ||
        setenv("HYPERTOP_HUB", HUB, 1) != 0)
        die("no directory", strerror(errno));
    write_sweep();
    if (run_hypertop("hub", "start") != 0)
        die("the hub does not start", NULL);
    bench_attach();
    bench_idle(hub_pid());
    buf_release(&body);
    return end(0);
}
