/* rapl: the energy counters of processor packages, from /sys/class/powercap. Only whole packages: what is inside of one (cores,
 * uncore) is counted with it. Since 2020 the counters are readable for root alone on many systems: then there are none. */
#ifndef AGENT_RAPL_H
#define AGENT_RAPL_H

#include <stdint.h>

#include "agent/energy.h"

#define RAPL_PACKAGES 16

struct rapl {
    struct rapl_package {
        char path[256]; /* of energy_uj */
        uint64_t range; /* max_energy_range_uj */
        struct energy energy;
    } packages[RAPL_PACKAGES];
    int n;
};

/* Finds the packages below sys ("/sys"); r->n is 0 where there are none. */
void rapl_find(struct rapl *r, const char *sys);
/* Joules of all packages since the last call; NaN on the first one and where nothing could be read. */
double rapl_read(struct rapl *r, int64_t time);
double rapl_gap_s(const struct rapl *r);

#endif
