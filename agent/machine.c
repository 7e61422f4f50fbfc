#include "agent/machine.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cgroup.h"
#include "agent/outlet.h"
#include "agent/small_file.h"
#include "base/clock.h"

/* Everything but idle and waiting for disks, as hub/view hosts counts it. */
static double busy_seconds(const char *proc)
{
    char path[300], text[256];
    uint64_t v[8] = {0};
    snprintf(path, sizeof path, "%.200s/stat", proc);
    small_file_text(path, text, sizeof text);
    if (sscanf(text,
               "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &v[0],
               &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) < 4)
        return NAN;
    return (double)(v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) / (double)sysconf(_SC_CLK_TCK);
}

static double read_gpu_energy(struct energy *e, const struct gpu_reading *g, int64_t now)
{
    struct energy_counter c = {.unit = g->energy_unit};
    double covered = e->covered_s, joules;
    joules = g->counts ? energy_count(e, now, g->energy, &c) : energy_power(e, now, g->power);
    return e->covered_s > covered ? joules : NAN;
}

static void read_gpus(struct machine *m, int64_t now)
{
    int n = m->nvml ? gpu_nvml_read(m->nvml, m->gpus) : 0;
    m->n_gpus = n + gpu_sysfs_read(m->sys, m->gpus + n, GPU_MAX - n);
    for (int i = 0; i < m->n_gpus; i++) {
        m->gpu_j[i] = read_gpu_energy(&m->gpu_energy[i], &m->gpus[i], now);
        if (isfinite(m->gpu_j[i])) {
            m->joules += m->gpu_j[i];
            m->has_joules = true;
        }
    }
}

void machine_read(struct machine *m, int64_t now)
{
    if (!m->opened) {
        m->opened = true;
        m->busy_s = NAN;
        rapl_find(&m->rapl, m->sys);
        m->nvml = gpu_nvml_open(m->nvml_path);
    }
    double busy = busy_seconds(m->proc);
    m->seconds = m->time ? (double)(now - m->time) / 1e9 : 0;
    m->busy = busy - m->busy_s;
    m->busy_s = busy;
    m->time = now;
    host_meter_read(&m->meter, now);
    m->package_j = rapl_read(&m->rapl, now);
    if (isfinite(m->package_j)) {
        m->joules += m->package_j;
        m->has_joules = true;
    }
    read_gpus(m, now);
}

double machine_power(const struct machine *m)
{
    double watts = 0;
    bool any = false;
    if (isfinite(m->package_j) && m->seconds > 0) {
        watts += m->package_j / m->seconds;
        any = true;
    }
    for (int i = 0; i < m->n_gpus; i++)
        if (isfinite(m->gpus[i].power)) {
            watts += m->gpus[i].power;
            any = true;
        }
    return any ? watts : NAN;
}

double machine_gap_s(const struct machine *m)
{
    double s = rapl_gap_s(&m->rapl);
    for (int i = 0; i < m->n_gpus; i++)
        s = m->gpu_energy[i].gap_s > s ? m->gpu_energy[i].gap_s : s;
    return s;
}

void machine_close(struct machine *m)
{
    gpu_nvml_close(m->nvml);
}

/* ---- saying ---- */

struct field {
    const char *name;
    double value;
};

static size_t known(const struct field *f, size_t n)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        k += isfinite(f[i].value);
    return k;
}

static void put(struct codec_writer *w, const struct field *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isfinite(f[i].value))
            cw_kdouble(w, f[i].name, f[i].value);
}

static void put_gpu(struct codec_writer *w, const struct gpu_reading *g)
{
    const struct field f[] = {{"use", g->use},     {"memory", g->memory},           {"memory_total", g->memory_total},
                              {"power", g->power}, {"temperature", g->temperature}, {"clock", g->clock}};
    size_t n = sizeof f / sizeof *f;
    cw_map(w, 1 + known(f, n));
    cw_kstr(w, "name", g->name);
    put(w, f, n);
}

/* In a container the machine's memory is what the container may have. */
static void limit_memory(const struct machine *m, double *used, double *total)
{
    struct cgroup_reading g;
    if (cgroup_read(m->proc, (int)getpid(), &g) && isfinite(g.memory_limit) && g.memory_limit < *total) {
        *total = g.memory_limit;
        *used = g.memory;
    }
}

void machine_say(const struct machine *m, struct outlet *ol)
{
    const struct host_reading *r = &m->meter.now;
    double used = r->memory, total = r->memory_total;
    struct codec_writer w;
    limit_memory(m, &used, &total);
    const struct field f[] = {{"cpu", r->cpu},         {"memory", used},           {"memory_total", total},
                              {"load", r->load},       {"net_in", r->net_in},      {"net_out", r->net_out},
                              {"disk_in", r->disk_in}, {"disk_out", r->disk_out},  {"power", machine_power(m)},
                              {"energy", m->has_joules ? m->joules : NAN}};
    size_t n = sizeof f / sizeof *f;
    outlet_event(ol, true, &w, "host", clock_wall_ns());
    cw_map(&w, 2 + known(f, n) + (m->n_gpus > 0));
    cw_kstr(&w, "host", r->name);
    cw_kstr(&w, "role", "worker");
    put(&w, f, n);
    if (m->n_gpus == 0)
        return;
    cw_str(&w, "gpus");
    cw_array(&w, (size_t)m->n_gpus);
    for (int i = 0; i < m->n_gpus; i++)
        put_gpu(&w, &m->gpus[i]);
}
