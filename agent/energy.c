#include "agent/energy.h"

#include <math.h>

static double seconds(const struct energy *e, int64_t time)
{
    return e->has_time && time > e->time ? (double)(time - e->time) / 1e9 : 0;
}

static void gap(struct energy *e, double s)
{
    if (s <= 0)
        return;
    e->gap_s += s;
    e->gaps++;
}

void energy_missing(struct energy *e, int64_t time)
{
    if (!e->has_time)
        return; /* what was before the first reading was never promised */
    gap(e, seconds(e, time));
    e->begun = false;
    e->time = time;
}

static double add(struct energy *e, double s, double joules)
{
    e->covered_s += s;
    e->joules += joules;
    return joules;
}

double energy_power(struct energy *e, int64_t time, double watts)
{
    double s = seconds(e, time), added = 0;
    if (!isfinite(watts) || watts < 0) {
        energy_missing(e, time);
        return 0;
    }
    if (e->begun && s <= ENERGY_GAP_S)
        added = add(e, s, s * (e->watts + watts) / 2);
    else
        gap(e, s);
    e->begun = e->has_time = true;
    e->time = time;
    e->watts = watts;
    return added;
}

double energy_count(struct energy *e, int64_t time, uint64_t count, const struct energy_counter *c)
{
    double s = seconds(e, time), added = 0;
    bool back = e->begun && count < e->count, known = e->begun;
    if (c->range && c->max_watts > 0 && s * c->max_watts >= (double)c->range * c->unit)
        known = false; /* it may have gone round more than once */
    if (back && (!c->range || e->count > c->range))
        known = false;
    if (known) {
        uint64_t steps = back ? c->range - e->count + count : count - e->count;
        added = add(e, s, (double)steps * c->unit);
    } else {
        gap(e, s);
    }
    e->begun = e->has_time = true;
    e->time = time;
    e->count = count;
    return added;
}

double energy_share(double joules, double cpu_s, double all_cpu_s)
{
    if (!(cpu_s > 0))
        return isfinite(joules) ? 0 : NAN;
    return joules * cpu_s / (all_cpu_s > cpu_s ? all_cpu_s : cpu_s);
}

double energy_kwh(double joules)
{
    return joules / 3.6e6;
}

double energy_co2e(double joules, double intensity, double pue)
{
    return energy_kwh(joules) * pue * intensity;
}
