#include "tui/axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

double axis_pos(const struct axis *a, double v)
{
    double lo = a->lo, hi = a->hi;
    if (a->log) {
        if (!(v > 0) || !(lo > 0) || !(hi > 0))
            return NAN;
        lo = log(lo);
        hi = log(hi);
        v = log(v);
    }
    if (!isfinite(v) || !(hi > lo))
        return NAN;
    return (v - lo) / (hi - lo);
}

double axis_value(const struct axis *a, double pos)
{
    if (a->log && a->lo > 0 && a->hi > 0)
        return exp(log(a->lo) + pos * (log(a->hi) - log(a->lo)));
    return a->lo + pos * (a->hi - a->lo);
}

/* ---- labels ---- */

static void strip_zeros(char *s)
{
    char *dot = strchr(s, '.');
    if (!dot || strchr(s, 'e'))
        return;
    char *end = s + strlen(s);
    while (end > dot + 1 && end[-1] == '0')
        *--end = '\0';
    if (end == dot + 1)
        *dot = '\0';
}

/* 8e-04 -> 8e-4 */
static void strip_exponent(char *s)
{
    char *e = strchr(s, 'e');
    if (!e)
        return;
    char *to = e + 1, *from = e + 1;
    if (*from == '-')
        *to++ = *from++;
    else if (*from == '+')
        from++;
    while (*from == '0' && from[1])
        from++;
    memmove(to, from, strlen(from) + 1);
}

static void try_label(char *s, size_t cap, double v, int digits)
{
    double m = fabs(v);
    const char *sign = v < 0 ? "-" : "";
    if (m >= 1e9 || m < 1e-3) {
        snprintf(s, cap, "%s%.*e", sign, digits > 1 ? digits - 1 : 0, m);
        strip_exponent(s);
    } else if (m >= 1e6) {
        snprintf(s, cap, "%s%.*f", sign, digits, m / 1e6);
        strip_zeros(s);
        strncat(s, "M", cap - strlen(s) - 1);
    } else if (m >= 1e4) {
        snprintf(s, cap, "%s%.*f", sign, digits, m / 1e3);
        strip_zeros(s);
        strncat(s, "k", cap - strlen(s) - 1);
    } else if (m >= 1) {
        snprintf(s, cap, "%s%.*f", sign, digits, m);
        strip_zeros(s);
    } else {
        char t[32];
        snprintf(t, sizeof t, "%.*f", digits + 1, m);
        strip_zeros(t);
        snprintf(s, cap, "%s%s", sign, t[0] == '0' && t[1] == '.' ? t + 1 : t);
    }
}

void axis_label(char out[AXIS_LABEL], double v)
{
    if (!isfinite(v)) {
        snprintf(out, AXIS_LABEL, "%s", isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
        return;
    }
    if (v == 0) {
        snprintf(out, AXIS_LABEL, "0");
        return;
    }
    char s[48];
    for (int digits = 3; digits >= 0; digits--) {
        try_label(s, sizeof s, v, digits);
        if (strlen(s) <= 5 && strcmp(s, ".") != 0 && strcmp(s, "0") != 0 && strcmp(s, "-0") != 0)
            break;
        if (digits == 0) {
            snprintf(s, sizeof s, "%.0e", v);
            strip_exponent(s);
        }
    }
    snprintf(out, AXIS_LABEL, "%.5s", s);
}

void axis_time_label(char out[AXIS_LABEL], double seconds)
{
    static const struct {
        double unit;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    char s[32] = "0";
    for (size_t i = 0; i < sizeof units / sizeof *units && seconds > 0; i++) {
        if (seconds < units[i].unit && i + 1 < sizeof units / sizeof *units)
            continue;
        snprintf(s, sizeof s - 2, "%.1f", seconds / units[i].unit);
        strip_zeros(s);
        size_t n = strlen(s);
        s[n] = units[i].letter;
        s[n + 1] = '\0';
        break;
    }
    snprintf(out, AXIS_LABEL, "%.5s", s);
}

static void clock_label(char out[AXIS_LABEL], double seconds, double step)
{
    time_t t = (time_t)llround(seconds);
    struct tm tm;
    localtime_r(&t, &tm);
    if (step < 60)
        snprintf(out, AXIS_LABEL, "%02d:%02d", tm.tm_min % 100, tm.tm_sec % 100);
    else if (step < 86400)
        snprintf(out, AXIS_LABEL, "%02d:%02d", tm.tm_hour % 100, tm.tm_min % 100);
    else
        snprintf(out, AXIS_LABEL, "%02d-%02d", (tm.tm_mon + 1) % 100, tm.tm_mday % 100);
}

/* ---- ticks ---- */

static double nice_step(double span, int want)
{
    double raw = span / (want > 0 ? want : 1);
    double p = pow(10, floor(log10(raw))), m = raw / p;
    return p * (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10);
}

static double time_step(double span, int want)
{
    static const double steps[] = {1,     2,     5,     10,    15,     30,    60,    120,
                                   300,   600,   900,   1800,  3600,   7200,  10800, 14400,
                                   21600, 28800, 43200, 86400, 172800, 604800};
    double raw = span / (want > 0 ? want : 1);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i] >= raw)
            return steps[i];
    return 604800 * ceil(raw / 604800);
}

static int add_tick(struct tick *out, int n, int cap, const struct axis *a, double at, double step)
{
    if (n >= cap)
        return n;
    out[n].at = at;
    if (a->unit == AXIS_SECONDS)
        axis_time_label(out[n].label, at);
    else if (a->unit == AXIS_CLOCK)
        clock_label(out[n].label, at, step);
    else
        axis_label(out[n].label, at);
    return n + 1;
}

static int linear_ticks(const struct axis *a, int want, struct tick *out, int cap)
{
    double span = a->hi - a->lo;
    double step = a->unit == AXIS_NUMBER ? nice_step(span, want) : time_step(span, want);
    double shift = 0; /* clock ticks fall on local round times */
    if (a->unit == AXIS_CLOCK) {
        time_t t = (time_t)a->lo;
        struct tm tm;
        localtime_r(&t, &tm);
        shift = (double)tm.tm_gmtoff;
    }
    int n = 0;
    double first = ceil((a->lo + shift) / step - 1e-9);
    for (double k = first; n < cap && k * step - shift <= a->hi + step * 1e-9; k++)
        n = add_tick(out, n, cap, a, fabs(k * step) < step * 1e-9 ? 0 : k * step - shift, step);
    return n;
}

/* per of the steps 1, 2, 5 in every skip-th decade from 10^k0 to 10^k1. */
static int ladder_ticks(const struct axis *a, int k0, int k1, int per, int skip, struct tick *out, int cap)
{
    static const double ladder[3] = {1, 2, 5};
    int n = 0;
    for (int k = k0; k <= k1; k += skip)
        for (int j = 0; j < per; j++) {
            double at = ladder[j] * pow(10, k);
            if (at >= a->lo * (1 - 1e-9) && at <= a->hi * (1 + 1e-9))
                n = add_tick(out, n, cap, a, at, 0);
        }
    return n;
}

static int log_ticks(const struct axis *a, int want, struct tick *out, int cap)
{
    int k0 = (int)floor(log10(a->lo) + 1e-9), k1 = (int)ceil(log10(a->hi) - 1e-9), decades = k1 - k0 + 1;
    int n = ladder_ticks(a, k0, k1, 3, 1, out, cap);
    if (n > want || n == cap) { /* not 1, 2, 5 in every decade: decades only, or every so many */
        int skip = (decades + want - 1) / want;
        n = ladder_ticks(a, k0, k1, 1, skip > 0 ? skip : 1, out, cap);
    }
    if (n < 2 && cap >= 2) { /* a range within one decade: name its ends */
        n = add_tick(out, 0, cap, a, a->lo, 0);
        n = add_tick(out, n, cap, a, a->hi, 0);
    }
    return n;
}

int axis_ticks(const struct axis *a, int want, struct tick *out, int cap)
{
    if (!(a->hi > a->lo) || !isfinite(a->hi) || !isfinite(a->lo) || cap <= 0)
        return 0;
    if (want < 1)
        want = 1;
    if (a->log && a->lo > 0)
        return log_ticks(a, want, out, cap);
    return linear_ticks(a, want, out, cap);
}

/* ---- ranges ---- */

static double ladder_below(double v)
{
    double p = pow(10, floor(log10(v) + 1e-9)), m = v / p * (1 + 1e-9);
    return p * (m >= 5 ? 5 : m >= 2 ? 2 : 1);
}

static double ladder_above(double v)
{
    double p = pow(10, floor(log10(v) + 1e-9)), m = v / p * (1 - 1e-9);
    return p * (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10);
}

struct axis axis_snap(double lo, double hi, bool log)
{
    if (!isfinite(lo) || !isfinite(hi) || lo > hi)
        return (struct axis){log ? .1 : 0, 1, log, AXIS_NUMBER};
    if (log && lo > 0) {
        struct axis a = {ladder_below(lo), ladder_above(hi), true, AXIS_NUMBER};
        if (!(a.hi > a.lo * 1.5))
            a.hi = ladder_above(a.lo * 1.9);
        return a;
    }
    double span = hi - lo;
    if (span <= fabs(hi) * 1e-9 || span < 1e-300)
        span = fabs(hi) > 1e-300 ? fabs(hi) * .1 : 1;
    double step = nice_step(span, 4);
    struct axis a = {floor(lo / step + 1e-9) * step, ceil(hi / step - 1e-9) * step, false, AXIS_NUMBER};
    if (!(a.hi > a.lo))
        a.hi = a.lo + step;
    return a;
}

double axis_grow(double need)
{
    if (!(need > 10) || !isfinite(need))
        return 10;
    double p = pow(10, floor(log10(need) + 1e-12)), m = need / p * (1 - 1e-12);
    return p * (m <= 1 ? 1 : m <= 2 ? 2 : m <= 4 ? 4 : m <= 8 ? 8 : 10);
}

double axis_grow_seconds(double need)
{
    static const double ladder[] = {60, 120, 240, 480, 900, 1800, 3600, 7200, 14400, 28800, 57600, 86400};
    for (size_t i = 0; i < sizeof ladder / sizeof *ladder; i++)
        if (need <= ladder[i] || !isfinite(need))
            return ladder[i];
    double d = 86400;
    while (d < need)
        d *= 2;
    return d;
}

void range_feed(struct range *r, uint64_t key, double lo, double hi, bool log, int64_t mono)
{
    struct axis need = axis_snap(lo, hi, log);
    if (!r->set || r->key != key || r->now.log != need.log) {
        *r = (struct range){.now = need, .set = true, .key = key};
        return;
    }
    struct axis wide = r->now;
    wide.lo = need.lo < wide.lo ? need.lo : wide.lo;
    wide.hi = need.hi > wide.hi ? need.hi : wide.hi;
    bool smaller = need.lo > wide.lo || need.hi < wide.hi;
    if (!smaller)
        r->small_since = 0;
    else if (r->small_since == 0)
        r->small_since = mono;
    else if (mono - r->small_since >= AXIS_SHRINK_NS) {
        wide = need;
        r->small_since = 0;
    }
    r->now = wide;
}
