/* gpu: what the accelerators of this machine do: NVIDIA's through NVML (loaded when it is there, never linked), AMD's and Intel's
 * through sysfs. A value that the driver does not say is NaN. */
#ifndef AGENT_GPU_H
#define AGENT_GPU_H

#include <stdbool.h>
#include <stdint.h>

#define GPU_MAX       32
#define GPU_PROCESSES 64

struct gpu_process {
    int pid;
    double memory; /* bytes */
    double use;    /* share of the time, 0..1 */
};

struct gpu_reading {
    char name[64];
    double use, memory, memory_total; /* share, bytes */
    double power, temperature, clock; /* W, degrees C, MHz */
    bool counts;                      /* energy is of a counter */
    uint64_t energy;                  /* counts of energy_unit J */
    double energy_unit;
    bool says_processes;              /* the driver says which processes use it */
    struct gpu_process processes[GPU_PROCESSES];
    int n_processes;
};

struct gpu_nvml;

/* NULL: there is no such library, or no driver. path: NULL for libnvidia-ml.so.1. */
struct gpu_nvml *gpu_nvml_open(const char *path);
/* Returns how many. */
int gpu_nvml_read(struct gpu_nvml *n, struct gpu_reading out[GPU_MAX]);
void gpu_nvml_close(struct gpu_nvml *n);
/* AMD's and Intel's cards below sys ("/sys"). */
int gpu_sysfs_read(const char *sys, struct gpu_reading *out, int max);

#endif
