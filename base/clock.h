/* clock: the two clocks, in nanoseconds. Timers and leases use the monotonic one; events carry the wall clock. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_MS INT64_C(1000000)
#define CLOCK_S  INT64_C(1000000000)

int64_t clock_mono_ns(void);
int64_t clock_wall_ns(void); /* since 1970-01-01 UTC */

#define CLOCK_TEXT 40
/* RFC 3339 in UTC with microseconds: 2026-01-02T03:04:05.678901Z */
void clock_rfc3339(char out[CLOCK_TEXT], int64_t wall_ns);
/* Local time of day HH:MM:SS. */
void clock_hms(char out[CLOCK_TEXT], int64_t wall_ns);
/* A span for people: 4s, 12m, 6h10m, 3d4h. */
void clock_span(char out[CLOCK_TEXT], int64_t ns);
/* RFC 3339, or seconds since 1970 (may have a fraction) -> ns. False when it is neither. */
bool clock_parse(const char *s, int64_t *wall_ns);

#endif
