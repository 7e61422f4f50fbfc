#include "agent/rapl.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agent/small_file.h"

#define MAX_WATTS 2000 /* no package draws more */

static void add_package(struct rapl *r, const char *folder)
{
    char path[512], name[64];
    struct rapl_package *p = &r->packages[r->n];
    uint64_t now;
    *p = (struct rapl_package){0};
    snprintf(path, sizeof path, "%s/name", folder);
    if (!small_file_text(path, name, sizeof name) || strncmp(name, "package", 7) != 0)
        return;
    snprintf(path, sizeof path, "%s/max_energy_range_uj", folder);
    if (!small_file_uint(path, &p->range))
        p->range = 0;
    int n = snprintf(p->path, sizeof p->path, "%s/energy_uj", folder);
    if (n < (int)sizeof p->path && small_file_uint(p->path, &now))
        r->n++;
}

/* intel-rapl:0 is a package (AMD's too); intel-rapl:0:1 is inside of it; intel-rapl-mmio: counts the same again. */
void rapl_find(struct rapl *r, const char *sys)
{
    char base[192], folder[480];
    *r = (struct rapl){0};
    snprintf(base, sizeof base, "%.150s/class/powercap", sys);
    DIR *d = opendir(base);
    for (struct dirent *e; d && r->n < RAPL_PACKAGES && (e = readdir(d));) {
        const char *colon = strchr(e->d_name, ':');
        if (strncmp(e->d_name, "intel-rapl:", 11) != 0 || strchr(colon + 1, ':'))
            continue;
        snprintf(folder, sizeof folder, "%s/%s", base, e->d_name);
        add_package(r, folder);
    }
    if (d)
        closedir(d);
}

double rapl_read(struct rapl *r, int64_t time)
{
    double joules = 0;
    bool any = false;
    for (int i = 0; i < r->n; i++) {
        struct rapl_package *p = &r->packages[i];
        struct energy_counter c = {.unit = 1e-6, .range = p->range, .max_watts = MAX_WATTS};
        double covered = p->energy.covered_s;
        uint64_t now;
        if (small_file_uint(p->path, &now))
            joules += energy_count(&p->energy, time, now, &c);
        else
            energy_missing(&p->energy, time);
        any = any || p->energy.covered_s > covered;
    }
    return any ? joules : NAN;
}

double rapl_gap_s(const struct rapl *r)
{
    double s = 0;
    for (int i = 0; i < r->n; i++)
        s = r->packages[i].energy.gap_s > s ? r->packages[i].energy.gap_s : s;
    return s;
}
