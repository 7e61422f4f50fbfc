/* A19: joules of a made-up trace with wraps and gaps beside the exact integral, and the arithmetic of CO2e. One JSON line; fails
 * outside the tolerance (rounding of doubles only). */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "agent/energy.h"

#define S 1e9

struct trace {
    struct energy counted, measured;
    double exact; /* of the covered seconds, by hand: power is linear between the seconds */
    double gaps;
};

static double watts(int t)
{
    return 50 + 30 * (t % 7) + (t % 2 ? 12.5 : 0);
}

int main(void)
{
    enum { SECONDS = 100000, RANGE = 262143328 }; /* uJ: wraps every few seconds */
    struct energy_counter c = {.unit = 1e-6, .range = RANGE, .max_watts = 0};
    struct trace x = {0};
    double total = 0; /* uJ that the counter has seen */
    int wraps = 0;
    uint64_t last = 0;
    for (int t = 0; t < SECONDS; t++) {
        double half = t ? (watts(t - 1) + watts(t)) / 2 : 0;
        total += half * 1e6;
        bool missing = t % 1000 == 500, after = t % 1000 == 501;
        uint64_t count = (uint64_t)fmod(total, RANGE);
        wraps += count < last;
        last = count;
        if (missing) {
            energy_missing(&x.counted, (int64_t)(t * S));
            energy_power(&x.measured, (int64_t)(t * S), NAN);
        } else {
            energy_count(&x.counted, (int64_t)(t * S), count, &c);
            energy_power(&x.measured, (int64_t)(t * S), watts(t));
        }
        if (missing || after)
            x.gaps++;
        else
            x.exact += half;
    }
    double off_counted = fabs(x.counted.joules - x.exact), off_measured = fabs(x.measured.joules - x.exact);
    double grams = energy_co2e(x.exact, 475, 1.25), by_hand = x.exact / 3.6e6 * 1.25 * 475;
    bool good = off_counted < 1e-6 * x.exact / 1000 && off_measured < 1e-6 * x.exact / 1000 && x.counted.gap_s == x.gaps &&
                x.measured.gap_s == x.gaps && wraps > 1000 && fabs(grams - by_hand) < 1e-12 * by_hand;
    printf("{\"accept\":\"A19\",\"joules\":%.9g,\"exact\":%.9g,\"off_counter_j\":%.3g,\"off_power_j\":%.3g,\"wraps\":%d,\"gap_s\":%g,"
           "\"co2e_g\":%.9g,\"passed\":%s}\n",
           x.counted.joules, x.exact, off_counted, off_measured, wraps, x.counted.gap_s, grams, good ? "true" : "false");
    return good ? 0 : 1;
}
