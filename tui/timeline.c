#include "tui/timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/text.h"

void timeline_init(struct timeline *t, bool recording, double speed)
{
    *t = (struct timeline){.recording = recording, .speed = speed > 0 ? speed : 1, .past = recording};
}

void timeline_span(struct timeline *t, int64_t first, int64_t last)
{
    if (first < 0 || last < first)
        return;
    if (!t->known && t->recording)
        t->cursor = first;
    t->known = true;
    t->first = first;
    t->last = last;
}

static void rebase(struct timeline *t, int64_t mono)
{
    t->play_mono = mono;
    t->play_from = t->cursor;
}

void timeline_tick(struct timeline *t, int64_t mono)
{
    if (!t->past || !t->playing || !t->known)
        return;
    t->cursor = t->play_from + (int64_t)((double)(mono - t->play_mono) * t->speed);
    if (t->cursor < t->last)
        return;
    t->cursor = t->last;
    t->playing = false;
    if (!t->recording)
        timeline_live(t);
}

void timeline_seek(struct timeline *t, int64_t at, int64_t mono)
{
    if (!t->known)
        return;
    if (at >= t->last && !t->recording) {
        timeline_live(t);
        return;
    }
    t->past = true;
    t->cursor = at < t->first ? t->first : at > t->last ? t->last : at;
    rebase(t, mono);
}

void timeline_move(struct timeline *t, int64_t by, int64_t mono)
{
    timeline_seek(t, (t->past ? t->cursor : t->last) + by, mono);
}

void timeline_live(struct timeline *t)
{
    t->playing = false;
    if (t->recording)
        t->cursor = t->last;
    else
        t->past = false;
}

void timeline_play(struct timeline *t, bool on, int64_t mono)
{
    if (!t->past || !t->known)
        return;
    if (on && t->cursor >= t->last)
        t->cursor = t->first;
    t->playing = on;
    rebase(t, mono);
}

void timeline_speed(struct timeline *t, double speed, int64_t mono)
{
    timeline_tick(t, mono);
    t->speed = speed < 1. / 64 ? 1. / 64 : speed > 65536 ? 65536 : speed;
    rebase(t, mono);
}

int64_t timeline_cursor(const struct timeline *t)
{
    if (!t->past)
        return -1;
    if (!t->playing)
        return t->cursor;
    int64_t step = (int64_t)(.25e9 * t->speed);
    if (step < 1)
        step = 1;
    return t->play_from + (t->cursor - t->play_from) / step * step;
}

int64_t timeline_now(const struct timeline *t, int64_t live_now)
{
    return t->past ? timeline_cursor(t) : live_now;
}

/* The time of day on the day of the log's end, or on an earlier day when that lies past the end. */
static int64_t time_of_day(const struct timeline *t, int h, int m, int s)
{
    time_t end = (time_t)(t->last / CLOCK_S);
    struct tm tm;
    localtime_r(&end, &tm);
    tm.tm_hour = h;
    tm.tm_min = m;
    tm.tm_sec = s;
    tm.tm_isdst = -1;
    int64_t at = (int64_t)mktime(&tm) * CLOCK_S;
    while (at > t->last && at - 86400 * CLOCK_S >= t->first - 86400 * CLOCK_S && at > t->first)
        at -= 86400 * CLOCK_S;
    return at;
}

static bool parse_span(const char *s, int64_t *ns)
{
    char *end;
    double v = strtod(s, &end);
    if (end == s || !(v >= 0) || v > 1e9)
        return false;
    double unit = *end == 's' || !*end ? 1 : *end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 0;
    if (unit == 0 || (*end && end[1]))
        return false;
    *ns = (int64_t)(v * unit * 1e9);
    return true;
}

int timeline_parse(const struct timeline *t, const char *s, int64_t live_now, int64_t *at, char **cause)
{
    int h, m, sec = 0, used = 0;
    int64_t span;
    char *end;
    if (!t->known)
        return cause_set(cause, "nothing is recorded yet, so there is no time to go to");
    if (strcmp(s, "live") == 0 || strcmp(s, "end") == 0) {
        *at = t->last;
        return 0;
    }
    if (strcmp(s, "start") == 0) {
        *at = t->first;
        return 0;
    }
    double share = strtod(s, &end);
    if (end != s && strcmp(end, "%") == 0 && share >= 0 && share <= 100) {
        *at = t->first + (int64_t)((double)(t->last - t->first) * share / 100);
        return 0;
    }
    if ((sscanf(s, "%2d:%2d:%2d%n", &h, &m, &sec, &used) == 3 && !s[used]) ||
        (sec = 0, used = 0, sscanf(s, "%2d:%2d%n", &h, &m, &used) == 2 && !s[used])) {
        if (h < 0 || h > 23 || m < 0 || m > 59 || sec < 0 || sec > 60)
            return cause_set(cause, "%s: not a time of day", s);
        *at = time_of_day(t, h, m, sec);
        return 0;
    }
    if ((s[0] == '+' || s[0] == '-') && parse_span(s + 1, &span)) {
        *at = timeline_now(t, live_now) + (s[0] == '-' ? -span : span);
        return 0;
    }
    if (strlen(s) > 8 && clock_parse(s, at))
        return 0;
    return cause_set(cause, "%s: not a time; write 14:02:11, 40%%, +5m, -30s, start or live", s);
}
