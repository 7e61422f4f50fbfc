/* gpu_sysfs: cards of AMD (amdgpu) and Intel (i915, xe) as the kernel shows them below class/drm: use, memory and clock beside the
 * device, power, energy and temperature in its hwmon folder. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/gpu.h"
#include "agent/small_file.h"

static double number(const char *folder, const char *file)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return small_file_number(path);
}

/* The line of pp_dpm_sclk that is in force: "1: 1720Mhz *". */
static double amd_clock(const char *device)
{
    char path[600], text[1024];
    snprintf(path, sizeof path, "%s/pp_dpm_sclk", device);
    if (!small_file_text(path, text, sizeof text))
        return NAN;
    for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *colon = strchr(line, ':'), *end;
        if (!colon || !strchr(line, '*'))
            continue;
        double v = strtod(colon + 1, &end);
        return end > colon + 1 ? v : NAN;
    }
    return NAN;
}

static void read_sensors(const char *device, struct gpu_reading *g)
{
    char base[520], folder[800];
    snprintf(base, sizeof base, "%s/hwmon", device);
    DIR *d = opendir(base);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[900];
        if (strncmp(e->d_name, "hwmon", 5) != 0)
            continue;
        snprintf(folder, sizeof folder, "%s/%s", base, e->d_name);
        double uw = number(folder, "power1_average");
        uw = isfinite(uw) ? uw : number(folder, "power1_input");
        g->power = uw / 1e6;
        g->temperature = number(folder, "temp1_input") / 1000;
        snprintf(path, sizeof path, "%s/energy1_input", folder);
        g->counts = small_file_uint(path, &g->energy);
        g->energy_unit = 1e-6;
    }
    if (d)
        closedir(d);
}

/* False: it is neither AMD's nor Intel's, or says nothing at all. */
static bool read_card(const char *card, const char *name, struct gpu_reading *g)
{
    char device[500], path[560], vendor[32];
    snprintf(device, sizeof device, "%s/device", card);
    snprintf(path, sizeof path, "%s/vendor", device);
    if (!small_file_text(path, vendor, sizeof vendor))
        return false;
    bool amd = strcmp(vendor, "0x1002") == 0, intel = strcmp(vendor, "0x8086") == 0;
    if (!amd && !intel)
        return false;
    *g = (struct gpu_reading){.use = number(device, "gpu_busy_percent") / 100,
                              .memory = number(device, "mem_info_vram_used"),
                              .memory_total = number(device, "mem_info_vram_total"),
                              .power = NAN,
                              .temperature = NAN,
                              .clock = amd ? amd_clock(device) : number(card, "gt_act_freq_mhz")};
    snprintf(path, sizeof path, "%s/product_name", device);
    if (!small_file_text(path, g->name, sizeof g->name))
        snprintf(g->name, sizeof g->name, "%s %.20s", amd ? "AMD" : "Intel", name);
    read_sensors(device, g);
    return isfinite(g->use) || isfinite(g->power) || isfinite(g->clock) || isfinite(g->memory) || g->counts;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strverscmp((*a)->d_name, (*b)->d_name);
}

int gpu_sysfs_read(const char *sys, struct gpu_reading *out, int max)
{
    char base[200], card[480];
    struct dirent **list;
    int n = 0;
    snprintf(base, sizeof base, "%.180s/class/drm", sys);
    int entries = scandir(base, &list, NULL, by_name);
    for (int i = 0; i < entries; i++) {
        const char *name = list[i]->d_name;
        if (n < max && strncmp(name, "card", 4) == 0 && name[4] && !name[4 + strspn(name + 4, "0123456789")]) {
            snprintf(card, sizeof card, "%s/%s", base, name);
            n += read_card(card, name, &out[n]);
        }
        free(list[i]);
    }
    if (entries >= 0)
        free(list);
    return n;
}
