#include "agent/monitor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent/machine.h"
#include "agent/outlet.h"
#include "agent/process_tree.h"
#include "base/clock.h"
#include "base/mem.h"

#define PERIOD_NS  CLOCK_S
#define AGAIN_NS   (10 * CLOCK_S) /* a value is said again after this */
#define MOVED      0.05           /* or when it has moved by this share */
#define BARELY_NS  (100 * CLOCK_MS) /* an end so soon after a reading asks for no other */

enum shown { CPU, CPU_S, MEMORY, DISK_IN, DISK_OUT, NET_IN, NET_OUT, GPU, GPU_MEMORY, ENERGY, GAP, KWH, CO2E, N_SHOWN };

static const struct {
    const char *name;
    double floor; /* smaller changes are none */
    bool sum;     /* grows all the time: said every AGAIN_NS and at the end */
} metrics[N_SHOWN] = {
    [CPU] = {"sys.cpu", 0.02},           [CPU_S] = {"sys.cpu_s", 0, true},
    [MEMORY] = {"sys.memory", 1 << 20},  [DISK_IN] = {"sys.disk_in", 4096},
    [DISK_OUT] = {"sys.disk_out", 4096}, [NET_IN] = {"sys.net_in", 4096},
    [NET_OUT] = {"sys.net_out", 4096},   [GPU] = {"sys.gpu", 0.02},
    [GPU_MEMORY] = {"sys.gpu_memory", 1 << 20}, [ENERGY] = {"sys.energy_j", 0, true},
    [GAP] = {"sys.energy_gap_s", 0, true},      [KWH] = {"sys.energy_kwh", 0, true},
    [CO2E] = {"sys.co2e_g", 0, true},
};

struct monitor_run {
    struct outlet *outlet;
    struct process_tree tree, before;
    struct monitor_carbon carbon;
    int64_t started, read_at;
    double cpu_delta;
    double joules, gap_began;
    bool has_joules;
    double now[N_SHOWN], said[N_SHOWN];
    int64_t said_at[N_SHOWN];
};

struct monitor {
    struct machine machine;
    struct monitor_run **runs;
    int n_runs;
    bool off;
    int64_t due, host_at;
    double host_cpu, host_memory, host_power;
};

static const char *place(const char *given, const char *variable, const char *standard)
{
    const char *own = given ? given : getenv(variable);
    return own && *own ? own : standard;
}

struct monitor *monitor_new(const struct monitor_places *p)
{
    static const struct monitor_places usual;
    struct monitor *m = MEM_NEW(struct monitor);
    const char *off = getenv("HYPERTOP_MONITOR");
    p = p ? p : &usual;
    m->off = off && strcmp(off, "0") == 0;
    m->machine.proc = place(p->proc, "HYPERTOP_PROCFS", "/proc");
    m->machine.sys = place(p->sys, "HYPERTOP_SYSFS", "/sys");
    m->machine.nvml_path = place(p->nvml, "HYPERTOP_NVML", NULL);
    return m;
}

void monitor_free(struct monitor *m)
{
    if (!m)
        return;
    for (int i = 0; i < m->n_runs; i++)
        free(m->runs[i]);
    free(m->runs);
    machine_close(&m->machine);
    free(m);
}

/* ---- reading ---- */

static double rate(double now, double before, double seconds)
{
    return seconds > 0 && now >= before ? (now - before) / seconds : NAN;
}

static void read_run(struct monitor *m, struct monitor_run *r, const struct rusage *usage)
{
    int64_t now = m->machine.time;
    double seconds = (double)(now - r->read_at) / 1e9;
    r->before = r->tree;
    bool there = process_tree_read(&r->tree, m->machine.proc);
    if (usage) { /* what the kernel counted in the end is exact */
        double all = (double)usage->ru_utime.tv_sec + (double)usage->ru_stime.tv_sec +
                     (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
        r->tree.cpu_s = all > r->tree.cpu_s ? all : r->tree.cpu_s;
    }
    r->cpu_delta = r->tree.cpu_s - r->before.cpu_s;
    r->read_at = now;
    r->now[CPU_S] = r->tree.cpu_s;
    if (!there || seconds <= 0)
        return;
    r->now[CPU] = rate(r->tree.cpu_s, r->before.cpu_s, seconds);
    r->now[MEMORY] = r->tree.memory;
    r->now[DISK_IN] = rate(r->tree.read_b, r->before.read_b, seconds);
    r->now[DISK_OUT] = rate(r->tree.written_b, r->before.written_b, seconds);
    r->now[NET_IN] = rate(r->tree.received_b, r->before.received_b, seconds);
    r->now[NET_OUT] = rate(r->tree.sent_b, r->before.sent_b, seconds);
}

/* The run's part of one GPU's work, by its processes' use; by their number where the driver does not say it. -1: the driver says
 * no processes at all. */
static double gpu_part(const struct gpu_reading *g, const struct process_tree *t, double *use, double *memory)
{
    double all = 0, own = 0;
    int n_own = 0;
    bool known = g->n_processes > 0;
    if (!g->says_processes)
        return -1;
    for (int i = 0; i < g->n_processes; i++)
        known = known && isfinite(g->processes[i].use);
    for (int i = 0; i < g->n_processes; i++) {
        const struct gpu_process *p = &g->processes[i];
        double weight = known ? p->use : 1;
        all += weight;
        if (!process_tree_has(t, p->pid))
            continue;
        own += weight;
        n_own++;
        *use += isfinite(p->use) ? p->use : g->n_processes == 1 && isfinite(g->use) ? g->use : 0;
        *memory += isfinite(p->memory) ? p->memory : 0;
    }
    if (all <= 0) /* nobody did anything: who holds it is who heats it */
        return g->n_processes ? (double)n_own / g->n_processes : 0;
    return own / all;
}

static void charge(struct monitor_run *r, double joules)
{
    if (!isfinite(joules))
        return;
    r->joules += joules;
    r->has_joules = true;
}

static void read_energy(struct monitor *m, struct monitor_run *r)
{
    const struct machine *k = &m->machine;
    double use = 0, memory = 0, busy = isfinite(k->busy) ? k->busy : r->cpu_delta;
    bool uses_gpu = false;
    charge(r, energy_share(k->package_j, r->cpu_delta, busy));
    for (int i = 0; i < k->n_gpus; i++) {
        double part = gpu_part(&k->gpus[i], &r->tree, &use, &memory);
        if (part < 0)
            charge(r, energy_share(k->gpu_j[i], r->cpu_delta, busy));
        else if (part > 0)
            charge(r, k->gpu_j[i] * part);
        uses_gpu |= part > 0;
    }
    r->now[GPU] = uses_gpu ? use : NAN;
    r->now[GPU_MEMORY] = uses_gpu ? memory : NAN;
    if (!r->has_joules)
        return;
    double gap = machine_gap_s(k) - r->gap_began;
    r->now[ENERGY] = r->joules;
    r->now[GAP] = gap > 0 ? gap : NAN;
    if (isfinite(r->carbon.intensity)) {
        r->now[KWH] = energy_kwh(r->joules);
        r->now[CO2E] = energy_co2e(r->joules, r->carbon.intensity, r->carbon.pue);
    }
}

/* ---- saying ---- */

static bool moved(double from, double to, double floor)
{
    double least = MOVED * fabs(from);
    return fabs(to - from) > (least > floor ? least : floor);
}

static void say_run(struct monitor_run *r, int64_t now, bool last)
{
    int64_t wall = clock_wall_ns(), age = (now - r->started) / CLOCK_S;
    for (int i = 0; i < N_SHOWN; i++) {
        if (!isfinite(r->now[i]))
            continue;
        bool old = !r->said_at[i] || now - r->said_at[i] >= AGAIN_NS;
        bool due = old || (!metrics[i].sum && moved(r->said[i], r->now[i], metrics[i].floor));
        if (!due && !(last && metrics[i].sum && r->now[i] != r->said[i]))
            continue;
        outlet_point(r->outlet, metrics[i].name, age, wall, r->now[i]);
        r->said[i] = r->now[i];
        r->said_at[i] = now;
    }
}

static bool same_log(const struct outlet *a, const struct outlet *b)
{
    return a->spill.id.leased && b->spill.id.leased && strcmp(a->spill.id.program, b->spill.id.program) == 0;
}

/* Once to every sweep that has a run here. */
static void say_host(struct monitor *m, int64_t now)
{
    const struct host_reading *h = &m->machine.meter.now;
    double power = machine_power(&m->machine);
    bool news = now - m->host_at >= AGAIN_NS || moved(m->host_cpu, h->cpu, 0.05) || moved(m->host_memory, h->memory, 1 << 28) ||
                (isfinite(power) && moved(m->host_power, power, 5));
    if (!news || !isfinite(h->cpu))
        return;
    for (int i = 0; i < m->n_runs; i++) {
        bool told = false;
        for (int k = 0; k < i && !told; k++)
            told = same_log(m->runs[k]->outlet, m->runs[i]->outlet);
        if (!told)
            machine_say(&m->machine, m->runs[i]->outlet);
    }
    m->host_at = now;
    m->host_cpu = h->cpu;
    m->host_memory = h->memory;
    m->host_power = isfinite(power) ? power : 0;
}

/* ---- runs ---- */

static void sample(struct monitor *m, int64_t now, const struct monitor_run *ended, const struct rusage *usage)
{
    machine_read(&m->machine, now);
    for (int i = 0; i < m->n_runs; i++) {
        read_run(m, m->runs[i], m->runs[i] == ended ? usage : NULL);
        read_energy(m, m->runs[i]);
    }
    m->due = now + PERIOD_NS;
}

struct monitor_run *monitor_add(struct monitor *m, struct outlet *ol, int pid, const struct monitor_carbon *carbon)
{
    int64_t now = clock_mono_ns();
    if (m->off || pid <= 0)
        return NULL;
    if (m->n_runs == 0 || now - m->machine.time > BARELY_NS)
        sample(m, now, NULL, NULL);
    struct monitor_run *r = MEM_NEW(struct monitor_run);
    r->outlet = ol;
    r->carbon = *carbon;
    r->started = r->read_at = now;
    r->gap_began = machine_gap_s(&m->machine);
    for (int i = 0; i < N_SHOWN; i++)
        r->now[i] = NAN;
    process_tree_init(&r->tree, pid);
    process_tree_read(&r->tree, m->machine.proc);
    m->runs = mem_resize(m->runs, (size_t)m->n_runs + 1, sizeof(struct monitor_run *));
    m->runs[m->n_runs++] = r;
    return r;
}

void monitor_end(struct monitor *m, struct monitor_run *r, const struct rusage *usage)
{
    int64_t now = clock_mono_ns();
    if (!r)
        return;
    bool energy = m->machine.rapl.n > 0 || m->machine.n_gpus > 0, old = now - r->started >= PERIOD_NS;
    if (energy || (old && now - m->machine.time > BARELY_NS))
        sample(m, now, r, usage);
    if (!old) /* too short for rates; its energy and its processor time it has all the same */
        for (int i = 0; i < N_SHOWN; i++)
            r->now[i] = i >= ENERGY || (i == CPU_S && r->has_joules) ? r->now[i] : NAN;
    say_run(r, now, true);
    int i = 0;
    while (m->runs[i] != r)
        i++;
    memmove(&m->runs[i], &m->runs[i + 1], (size_t)(m->n_runs - i - 1) * sizeof *m->runs);
    m->n_runs--;
    free(r);
}

void monitor_turn(struct monitor *m, int64_t now)
{
    if (m->n_runs == 0 || now < m->due)
        return;
    sample(m, now, NULL, NULL);
    for (int i = 0; i < m->n_runs; i++)
        if (now - m->runs[i]->started >= PERIOD_NS)
            say_run(m->runs[i], now, false);
    say_host(m, now);
}
