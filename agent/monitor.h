/* monitor: what runs and their machine use, once a second, from outside: processor, memory, disks and network of a run's process tree,
 * its share of GPUs, and its energy. It speaks through the runs' outlets: points named sys.* (their step is the run's age in whole
 * seconds) and the event "host". A value is said when it has moved by a twentieth or is ten seconds old, so an idle run costs a point
 * per ten seconds and metric. What a machine does not offer is absent, never zero. Without runs nothing is read.
 *
 *   sys.cpu            processors in use (1.5: one and a half)   sys.cpu_s   seconds of processor time so far
 *   sys.memory         bytes                                     sys.disk_in, sys.disk_out, sys.net_in, sys.net_out   bytes/s
 *   sys.gpu            GPUs in use                               sys.gpu_memory   bytes
 *   sys.energy_j       joules so far                             sys.energy_gap_s seconds for which nothing was measured
 *   sys.energy_kwh, sys.co2e_g   with an intensity
 *
 * Energy: packages by the run's share of the machine's processor time, GPUs by the run's share of their use. */
#ifndef AGENT_MONITOR_H
#define AGENT_MONITOR_H

#include <stdint.h>
#include <sys/resource.h>

struct outlet;
struct monitor;
struct monitor_run;

struct monitor_carbon {
    double intensity; /* g CO2e a kWh; NaN: unsaid */
    double pue;       /* what the building draws for each watt of the machine, >= 1 */
};

/* Where the machine is looked at: NULL takes the environment's HYPERTOP_PROCFS, HYPERTOP_SYSFS, HYPERTOP_NVML, else /proc, /sys and
 * libnvidia-ml.so.1. HYPERTOP_MONITOR=0 in the environment: nothing is looked at. */
struct monitor_places {
    const char *proc, *sys, *nvml;
};

struct monitor *monitor_new(const struct monitor_places *places);
/* The run of ol is the process pid and what is below it. ol is borrowed until monitor_end. */
struct monitor_run *monitor_add(struct monitor *m, struct outlet *ol, int pid, const struct monitor_carbon *carbon);
/* It has ended: its last values, with the processor time that the kernel counted (NULL: not known). r is freed; may be NULL. */
void monitor_end(struct monitor *m, struct monitor_run *r, const struct rusage *usage);
/* Looks when it is time; now is monotonic. */
void monitor_turn(struct monitor *m, int64_t now);
void monitor_free(struct monitor *m);

#endif
