/* host: what this machine does: processor, memory, network and disks from /proc. Read at most once a second and only while
 * somebody looks; rates are between two readings. GPUs are the agents' business: they see the ones that are used. */
#ifndef BASE_HOST_H
#define BASE_HOST_H

#include <stdbool.h>
#include <stdint.h>

struct host_reading {
    int64_t time; /* monotonic ns; 0: never read */
    double cpu, memory, memory_total, load; /* shares 0..1, bytes; NaN: not known (yet) */
    double net_in, net_out, disk_in, disk_out; /* bytes/s */
    char name[256];
};
struct host_meter {
    struct host_reading now;
    uint64_t busy, total;           /* processor ticks */
    uint64_t bytes[4];              /* net in, out, disk in, out */
};

/* Reads when the last reading is a second old. True when it did. */
bool host_meter_read(struct host_meter *m, int64_t mono);

#endif
