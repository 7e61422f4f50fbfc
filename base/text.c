#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool text_double(const char *s, double *out)
{
    if (!s || !*s || strchr(" \t\n\v\f\r", *s))
        return false;
    if (strpbrk(s, "xXpP")) /* hexadecimal floats are not numbers to the people who write sweep files */
        return false;
    char *end;
    double v = strtod(s, &end);
    if (end == s || *end)
        return false;
    *out = v;
    return true;
}

bool text_int(const char *s, int64_t *out)
{
    if (!s || !*s || strchr(" \t\n\v\f\r", *s))
        return false;
    char *end;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    if (end == s || *end || errno)
        return false;
    *out = v;
    return true;
}

static size_t special(char out[TEXT_NUM], double v)
{
    const char *s = isnan(v) ? "nan" : v > 0 ? "inf" : "-inf";
    size_t n = strlen(s);
    memcpy(out, s, n + 1);
    return n;
}

size_t text_fmt_double(char out[TEXT_NUM], double v)
{
    if (!isfinite(v))
        return special(out, v);
    int n = 0;
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(out, TEXT_NUM, "%.*g", digits, v);
        if (strtod(out, NULL) == v)
            break;
    }
    return (size_t)n;
}

size_t text_fmt_short(char out[TEXT_NUM], double v, int digits)
{
    if (!isfinite(v))
        return special(out, v);
    int n = snprintf(out, TEXT_NUM, "%.*g", digits, v);
    char *e = strchr(out, 'e');
    if (!e)
        return (size_t)n;
    /* 1e-04 -> 1e-4, 1e+06 -> 1e6 */
    char *to = e + 1, *from = e + 1;
    if (*from == '-')
        *to++ = *from++;
    else if (*from == '+')
        from++;
    while (*from == '0' && from[1])
        from++;
    memmove(to, from, strlen(from) + 1);
    return strlen(out);
}

bool text_has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}
