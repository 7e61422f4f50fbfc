/* steady: a trainer whose every point can be checked afterwards. For end-to-end tests.
 *
 * Parameters: steps (how many), rate (steps a second), lr (live). Logs at step i (from 1) the metric "ramp" with the value
 * i + lr0 * 1000 (lr0: the learning rate it started with) and "lr", and every 10 steps reports the objective
 * (lr0 - 0.01)^2 + 1 / step. Paces itself against the monotonic clock, so two trials in the same sweep overlap. */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "hypertop.h"

static void wait_until(const struct timespec *start, double seconds)
{
    struct timespec t = *start;
    t.tv_sec += (time_t)seconds;
    t.tv_nsec += (long)((seconds - floor(seconds)) * 1e9);
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

int main(void)
{
    struct ht_options o = {.size = sizeof o, .program = "steady"};
    ht_agent *ht = ht_open(&o);
    int64_t steps = ht_int(ht, "steps", 1, 1000000, 0);
    double rate = ht_float(ht, "rate", 0.1, 1e6, HT_LOG);
    double lr0 = ht_float(ht, "lr", 1e-6, 1, HT_LOG | HT_LIVE);
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    printf("steady starts: lr %g\n", lr0);
    fflush(stdout);
    for (int64_t i = 1; i <= steps; i++) {
        ht_log(ht, "ramp", i, (double)i + lr0 * 1000);
        ht_log(ht, "lr", i, ht_float(ht, "lr", 1e-6, 1, HT_LOG | HT_LIVE));
        if (i % 10 == 0 && ht_report(ht, i, (lr0 - 0.01) * (lr0 - 0.01) + 1.0 / (double)i) != HT_CONTINUE)
            break;
        if (ht_poll(ht, NULL) != HT_CONTINUE)
            break;
        wait_until(&start, (double)i / rate);
    }
    ht_close(ht);
    return 0;
}
