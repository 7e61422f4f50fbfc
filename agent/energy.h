/* energy: joules out of what machines offer: counters of energy that wrap (RAPL, NVML) and readings of power, integrated by the
 * trapezoid rule. Pure: numbers with their times in, joules out. What was not measured is a gap: it is counted in seconds and adds
 * nothing, so a sum is never a guess. kWh = J / 3.6e6; CO2e = kWh x PUE x intensity. */
#ifndef AGENT_ENERGY_H
#define AGENT_ENERGY_H

#include <stdbool.h>
#include <stdint.h>

#define ENERGY_GAP_S 10 /* readings of power further apart than this say nothing about what was between */

struct energy { /* one source; all zero: not begun */
    double joules;    /* so far */
    double covered_s; /* seconds that they are of */
    double gap_s;     /* seconds without */
    uint64_t gaps;
    bool begun;       /* there is a last reading */
    bool has_time;    /* there is a last time, of a reading or of a missing one */
    int64_t time;     /* ns */
    double watts;
    uint64_t count;
};

/* A reading of power (W; NaN: there was none) at a time (ns, any clock that does not run backwards). Returns the joules added. */
double energy_power(struct energy *e, int64_t time, double watts);
struct energy_counter {
    double unit;      /* J of one count */
    uint64_t range;   /* it goes back to 0 after this count; 0: it never does, and a smaller count means that it was reset */
    double max_watts; /* nothing draws more: after a silence in which it may have wrapped twice, its difference says nothing */
};
/* A reading of a counter. Returns the joules added. */
double energy_count(struct energy *e, int64_t time, uint64_t count, const struct energy_counter *c);
/* No reading this time. */
void energy_missing(struct energy *e, int64_t time);

/* What one of several runs used: its share of the processor time that was spent meanwhile, its own included. NaN joules stay NaN. */
double energy_share(double joules, double cpu_s, double all_cpu_s);
double energy_kwh(double joules);
double energy_co2e(double joules, double intensity, double pue); /* g, of g/kWh */

#endif
