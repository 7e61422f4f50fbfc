/* gpu_nvml: the few calls of NVIDIA's management library that we need, by name. The library is part of the driver; its functions
 * return 0 for success. The structures are those of its documentation (nvml.h), versions 2 and 3 of the list of processes. */
#include "agent/gpu.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { CLOCK_SM = 1, SENSOR_GPU = 0, SAMPLES = 256 };

struct utilization {
    unsigned gpu, memory; /* percent */
};
struct memory_info {
    unsigned long long total, free, used;
};
struct process_info {
    unsigned pid;
    unsigned long long used;
    unsigned gpu_instance, compute_instance;
};
struct process_sample {
    unsigned pid;
    unsigned long long time; /* us */
    unsigned sm, mem, enc, dec;
};

struct gpu_nvml {
    void *library;
    int (*shutdown)(void);
    int (*count)(unsigned *);
    int (*handle)(unsigned, void **);
    int (*name)(void *, char *, unsigned);
    int (*utilization)(void *, struct utilization *);
    int (*memory)(void *, struct memory_info *);
    int (*temperature)(void *, int, unsigned *);
    int (*power)(void *, unsigned *);               /* mW */
    int (*energy)(void *, unsigned long long *);    /* mJ since the driver was loaded */
    int (*clock)(void *, int, unsigned *);
    int (*processes)(void *, unsigned *, struct process_info *);
    int (*samples)(void *, struct process_sample *, unsigned *, unsigned long long);
    unsigned long long seen[GPU_MAX]; /* of the samples, us */
};

static void *symbol(struct gpu_nvml *n, const char *name, const char *older)
{
    void *p = dlsym(n->library, name);
    return p || !older ? p : dlsym(n->library, older);
}

struct gpu_nvml *gpu_nvml_open(const char *path)
{
    void *library = dlopen(path ? path : "libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return NULL;
    struct gpu_nvml *n = MEM_NEW(struct gpu_nvml);
    n->library = library;
    int (*init)(void) = symbol(n, "nvmlInit_v2", "nvmlInit");
    n->shutdown = symbol(n, "nvmlShutdown", NULL);
    n->count = symbol(n, "nvmlDeviceGetCount_v2", "nvmlDeviceGetCount");
    n->handle = symbol(n, "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex");
    n->name = symbol(n, "nvmlDeviceGetName", NULL);
    n->utilization = symbol(n, "nvmlDeviceGetUtilizationRates", NULL);
    n->memory = symbol(n, "nvmlDeviceGetMemoryInfo", NULL);
    n->temperature = symbol(n, "nvmlDeviceGetTemperature", NULL);
    n->power = symbol(n, "nvmlDeviceGetPowerUsage", NULL);
    n->energy = symbol(n, "nvmlDeviceGetTotalEnergyConsumption", NULL);
    n->clock = symbol(n, "nvmlDeviceGetClockInfo", NULL);
    n->processes = symbol(n, "nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2");
    n->samples = symbol(n, "nvmlDeviceGetProcessUtilization", NULL);
    if (init && n->shutdown && n->count && n->handle && init() == 0)
        return n;
    dlclose(library);
    free(n);
    return NULL;
}

void gpu_nvml_close(struct gpu_nvml *n)
{
    if (!n)
        return;
    n->shutdown();
    dlclose(n->library);
    free(n);
}

static void read_processes(struct gpu_nvml *n, int i, void *device, struct gpu_reading *g)
{
    struct process_info all[GPU_PROCESSES];
    struct process_sample s[SAMPLES];
    unsigned count = GPU_PROCESSES, samples = SAMPLES;
    if (!n->processes || n->processes(device, &count, all) != 0)
        return;
    g->says_processes = true;
    g->n_processes = count < GPU_PROCESSES ? (int)count : GPU_PROCESSES;
    for (int k = 0; k < g->n_processes; k++)
        g->processes[k] = (struct gpu_process){
            .pid = (int)all[k].pid, .memory = all[k].used == ~0ULL ? NAN : (double)all[k].used, .use = NAN};
    if (!n->samples || n->samples(device, s, &samples, n->seen[i]) != 0)
        return;
    for (unsigned k = 0; k < samples && k < SAMPLES; k++) {
        n->seen[i] = s[k].time > n->seen[i] ? s[k].time : n->seen[i];
        for (int j = 0; j < g->n_processes; j++)
            if (g->processes[j].pid == (int)s[k].pid)
                g->processes[j].use = s[k].sm <= 100 ? s[k].sm / 100.0 : NAN;
    }
}

static void read_device(struct gpu_nvml *n, int i, void *device, struct gpu_reading *g)
{
    struct utilization u;
    struct memory_info m;
    unsigned v;
    unsigned long long mj;
    if (!n->name || n->name(device, g->name, sizeof g->name) != 0)
        snprintf(g->name, sizeof g->name, "GPU %d", i);
    g->name[sizeof g->name - 1] = '\0';
    if (n->utilization && n->utilization(device, &u) == 0)
        g->use = u.gpu / 100.0;
    if (n->memory && n->memory(device, &m) == 0) {
        g->memory = (double)m.used;
        g->memory_total = (double)m.total;
    }
    if (n->temperature && n->temperature(device, SENSOR_GPU, &v) == 0)
        g->temperature = v;
    if (n->power && n->power(device, &v) == 0)
        g->power = v / 1000.0;
    if (n->clock && n->clock(device, CLOCK_SM, &v) == 0)
        g->clock = v;
    if (n->energy && n->energy(device, &mj) == 0) {
        g->counts = true;
        g->energy = mj;
        g->energy_unit = 1e-3;
    }
    read_processes(n, i, device, g);
}

int gpu_nvml_read(struct gpu_nvml *n, struct gpu_reading out[GPU_MAX])
{
    unsigned count = 0;
    int found = 0;
    if (n->count(&count) != 0)
        return 0;
    for (unsigned i = 0; i < count && found < GPU_MAX; i++) {
        void *device;
        if (n->handle(i, &device) != 0)
            continue;
        struct gpu_reading *g = &out[found++];
        *g = (struct gpu_reading){
            .use = NAN, .memory = NAN, .memory_total = NAN, .power = NAN, .temperature = NAN, .clock = NAN};
        read_device(n, (int)i, device, g);
    }
    return found;
}
