/* parser: what every reader needs: noting where a file stops, looking at a file that is to be claimed, and what words
 * and times mean. */
#include "read/parser.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

size_t read_stop_at(struct read_stop *st, bool cut, int64_t offset, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(st->why, sizeof st->why, fmt, ap);
    va_end(ap);
    st->stopped = true;
    st->cut = cut;
    st->offset = offset;
    return 0;
}

/* ---- claims ---- */

const char *read_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool probe_named(const struct read_probe *p, const char *base)
{
    return strcmp(p->base, base) == 0;
}

bool probe_ends(const struct read_probe *p, const char *suffix)
{
    size_t n = strlen(p->base), k = strlen(suffix);
    return n >= k && strcmp(p->base + n - k, suffix) == 0;
}

bool probe_head(const struct read_probe *p, const char *start)
{
    size_t n = strlen(start);
    return p->head_n >= n && memcmp(p->head, start, n) == 0;
}

bool probe_head_has(const struct read_probe *p, const char *inside)
{
    return p->head_n && memmem(p->head, p->head_n, inside, strlen(inside)) != NULL;
}

bool probe_beside(const struct read_probe *p, const char *name)
{
    struct buf b = {0};
    buf_put(&b, p->path, (size_t)(p->base - p->path));
    buf_puts(&b, name);
    bool there = access(buf_cstr(&b), F_OK) == 0;
    buf_release(&b);
    return there;
}

void probe_folder(const struct read_probe *p, int up, char *out, size_t cap)
{
    const char *end = read_base(p->rel);
    for (int i = 0; i <= up && end > p->rel; i++) {
        const char *folder = end - 1; /* the slash */
        while (folder > p->rel && folder[-1] != '/')
            folder--;
        if (i == up || folder == p->rel) {
            snprintf(out, cap, "%.*s", (int)(end - 1 - p->rel), p->rel);
            return;
        }
        end = folder;
    }
    snprintf(out, cap, ".");
}

/* ---- values ---- */

bool read_number(const struct read_value *v, double *out)
{
    if (v->type == READ_INT || v->type == READ_BOOL)
        *out = (double)v->i;
    else if (v->type == READ_REAL)
        *out = v->d;
    else
        return false;
    return true;
}

struct read_value read_word(const char *s)
{
    int64_t i;
    double d;
    if (!*s || strcmp(s, "null") == 0 || strcmp(s, "None") == 0 || strcmp(s, "~") == 0)
        return (struct read_value){.type = READ_NULL};
    if (strcmp(s, "true") == 0 || strcmp(s, "True") == 0)
        return (struct read_value){.type = READ_BOOL, .i = 1};
    if (strcmp(s, "false") == 0 || strcmp(s, "False") == 0)
        return (struct read_value){.type = READ_BOOL};
    if (text_int(s, &i))
        return read_int(i);
    if (text_double(s, &d))
        return read_real(d);
    return read_text(s);
}

int64_t read_seconds(double s)
{
    if (!isfinite(s) || s < 1e8 || s > 9e9)
        return READ_NO_TIME;
    double whole = floor(s);
    return (int64_t)whole * CLOCK_S + (int64_t)llround((s - whole) * 1e9);
}

int64_t read_datetime(const char *s)
{
    struct tm tm = {0};
    int n = 0, zh = 0, zm = 0;
    char sep, c1, c2, sign = 0;
    if (sscanf(s, "%4d-%2d-%2d%c%2d%c%2d%c%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &sep, &tm.tm_hour, &c1,
               &tm.tm_min, &c2, &tm.tm_sec, &n) != 9 ||
        !strchr("T _", sep) || !strchr(":-", c1) || c1 != c2 || n == 0)
        return READ_NO_TIME;
    if (tm.tm_year < 1970 || tm.tm_year > 2250 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
        tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return READ_NO_TIME;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    int64_t fraction = 0, unit = CLOCK_S;
    if (s[n] == '.')
        for (n++; s[n] >= '0' && s[n] <= '9'; n++)
            if (unit > 1)
                fraction += (s[n] - '0') * (unit /= 10);
    int64_t t = (int64_t)timegm(&tm);
    if (sscanf(s + n, "%c%2d:%2d", &sign, &zh, &zm) == 3 && (sign == '+' || sign == '-'))
        t -= (sign == '-' ? -1 : 1) * (zh * 3600 + zm * 60);
    return t * CLOCK_S + fraction;
}
