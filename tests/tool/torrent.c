/* torrent: a trainer that logs as much as it is told to and keeps its own books. For tests of what arrives.
 *
 * Parameters: points (of each of the four metrics m0..m3, at steps 0, 1, ...) and rate (points a second, all together). At the end one line
 * "points dropped" goes to the file that TORRENT_BOOK names, with the process id behind it. The value at step i of metric k is i + k / 4. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "hypertop.h"

enum { METRICS = 4, BURST = 100 };

int main(void)
{
    static const char *const names[METRICS] = {"m0", "m1", "m2", "m3"};
    struct ht_options o = {.size = sizeof o, .program = "torrent"};
    ht_agent *ht = ht_open(&o);
    int64_t points = ht_int(ht, "points", 1, 100000000, 0);
    double rate = ht_float(ht, "rate", 1, 1e8, HT_LOG);
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int64_t i = 0; i < points; i++) {
        for (int k = 0; k < METRICS; k++)
            ht_log(ht, names[k], i, (double)i + (double)k / METRICS);
        if (i % BURST)
            continue;
        double due = (double)i * METRICS / rate;
        struct timespec t = {start.tv_sec + (time_t)due, start.tv_nsec + (long)((due - (double)(time_t)due) * 1e9)};
        if (t.tv_nsec >= 1000000000)
            t = (struct timespec){t.tv_sec + 1, t.tv_nsec - 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    }
    ht_report(ht, points, 1);
    char path[4096];
    const char *book = getenv("TORRENT_BOOK");
    snprintf(path, sizeof path, "%s.%d", book ? book : "torrent", (int)getpid());
    FILE *f = fopen(path, "w");
    if (!f)
        return 1;
    fprintf(f, "%lld %llu\n", (long long)points, (unsigned long long)ht_dropped(ht));
    ht_close(ht);
    return fclose(f) == 0 ? 0 : 1;
}
