#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * CLOCK_S + t.tv_nsec;
}

int64_t clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_wall_ns(void)
{
    return read_ns(CLOCK_REALTIME);
}

static time_t floor_seconds(int64_t ns, int64_t *rest)
{
    int64_t s = ns / CLOCK_S, r = ns % CLOCK_S;
    if (r < 0) {
        r += CLOCK_S;
        s--;
    }
    *rest = r;
    return (time_t)s;
}

void clock_rfc3339(char out[CLOCK_TEXT], int64_t wall_ns)
{
    int64_t rest;
    time_t s = floor_seconds(wall_ns, &rest);
    struct tm tm;
    char day[24];
    gmtime_r(&s, &tm);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, CLOCK_TEXT, "%s.%06dZ", day, (int)(rest / 1000));
}

void clock_hms(char out[CLOCK_TEXT], int64_t wall_ns)
{
    int64_t rest;
    time_t s = floor_seconds(wall_ns, &rest);
    struct tm tm;
    localtime_r(&s, &tm);
    strftime(out, CLOCK_TEXT, "%H:%M:%S", &tm);
}

void clock_span(char out[CLOCK_TEXT], int64_t ns)
{
    long long s = ns < 0 ? 0 : ns / CLOCK_S;
    if (s < 60)
        snprintf(out, CLOCK_TEXT, "%llds", s);
    else if (s < 3600)
        snprintf(out, CLOCK_TEXT, s < 600 && s % 60 ? "%lldm%02llds" : "%lldm", s / 60, s % 60);
    else if (s < 86400)
        snprintf(out, CLOCK_TEXT, "%lldh%02lldm", s / 3600, s % 3600 / 60);
    else
        snprintf(out, CLOCK_TEXT, "%lldd%lldh", s / 86400, s % 86400 / 3600);
}

static bool parse_rfc3339(const char *s, int64_t *wall_ns)
{
    int y, mo, d, h, mi, se, used = 0;
    if (sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &se, &used) != 6 || used < 19)
        return false;
    if (mo < 1 || mo > 12 || d < 1 || d > 31 || h < 0 || h > 23 || mi < 0 || mi > 59 || se < 0 || se > 60)
        return false;
    s += used;
    int64_t frac = 0;
    if (*s == '.') {
        int64_t unit = CLOCK_S / 10;
        for (s++; *s >= '0' && *s <= '9'; s++, unit /= 10)
            frac += (*s - '0') * unit;
    }
    int off = 0;
    if (*s == '+' || *s == '-') {
        int oh, om, n = 0;
        if (sscanf(s + 1, "%2d:%2d%n", &oh, &om, &n) != 2 || n != 5)
            return false;
        off = (oh * 60 + om) * 60 * (*s == '-' ? -1 : 1);
        s += 6;
    } else if (*s == 'Z' || *s == 'z') {
        s++;
    } else {
        return false;
    }
    if (*s)
        return false;
    struct tm tm = {.tm_year = y - 1900, .tm_mon = mo - 1, .tm_mday = d, .tm_hour = h, .tm_min = mi, .tm_sec = se};
    *wall_ns = ((int64_t)timegm(&tm) - off) * CLOCK_S + frac;
    return true;
}

bool clock_parse(const char *s, int64_t *wall_ns)
{
    if (parse_rfc3339(s, wall_ns))
        return true;
    char *end;
    double v = strtod(s, &end);
    if (end == s || *end || !isfinite(v) || fabs(v) > 9e9)
        return false;
    double whole = floor(v);
    *wall_ns = (int64_t)whole * CLOCK_S + (int64_t)llround((v - whole) * 1e9);
    return true;
}
