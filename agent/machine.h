/* machine: the host's own side of monitor: processor, memory, network and disks (base/host.h), energy of the packages, GPUs; and the
 * event that says so. */
#ifndef AGENT_MACHINE_H
#define AGENT_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/gpu.h"
#include "agent/rapl.h"
#include "base/host.h"

struct outlet;

struct machine {
    const char *proc, *sys, *nvml_path;
    bool opened;
    struct host_meter meter;
    struct rapl rapl;
    struct gpu_nvml *nvml;
    struct gpu_reading gpus[GPU_MAX];
    int n_gpus;
    struct energy gpu_energy[GPU_MAX];
    int64_t time;          /* of the last reading, ns; 0: none */
    double busy_s;         /* processor time spent by everybody since the machine was started; NaN: not known */
    /* between the last two readings */
    double seconds, busy;  /* busy: processor seconds, NaN */
    double package_j;      /* NaN: not measured */
    double gpu_j[GPU_MAX]; /* NaN: not measured */
    double joules;         /* all since the first reading */
    bool has_joules;
};

/* Reads; the first time also finds out what there is. */
void machine_read(struct machine *m, int64_t now);
double machine_power(const struct machine *m); /* W, of everything that says so; NaN */
double machine_gap_s(const struct machine *m);
/* The event "host", into the outlet of a run. */
void machine_say(const struct machine *m, struct outlet *ol);
void machine_close(struct machine *m);

#endif
