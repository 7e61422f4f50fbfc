/* json_settings: see json_settings.h. */
#include "read/json_settings.h"

#include <math.h>
#include <string.h>

#include "read/parser.h"

static bool params_below(struct json_pull *j, enum json_token t, struct buf *name, const struct read_sink *k,
                         int trial)
{
    struct read_value v;
    if (json_scalar(j, t, &v)) {
        sink_param(k, trial, buf_cstr(name), &v);
        return true;
    }
    if (t == JSON_ARRAY) {
        struct buf text = {0};
        bool whole = json_verbatim(j, t, &text);
        v = read_text(buf_cstr(&text));
        if (whole)
            sink_param(k, trial, buf_cstr(name), &v);
        buf_release(&text);
        return whole;
    }
    size_t had = name->len;
    while (t == JSON_OBJECT) {
        enum json_token n = json_next(j);
        if (n == JSON_OBJECT_END)
            return true;
        if (n != JSON_KEY)
            return false;
        if (had)
            buf_putc(name, '.');
        buf_puts(name, json_text(j));
        n = json_next(j);
        bool ok = name->len > READ_NAME_MAX ? json_skip(j, n) : params_below(j, n, name, k, trial);
        name->len = had;
        if (!ok)
            return false;
    }
    return false;
}

bool json_params(struct json_pull *j, enum json_token t, const char *prefix, const struct read_sink *k, int trial)
{
    struct buf name = {0};
    buf_puts(&name, prefix);
    bool ok = params_below(j, t, &name, k, trial);
    buf_release(&name);
    return ok;
}

static bool quoted_number(const char *s, double *out)
{
    if (strcmp(s, "NaN") == 0)
        *out = NAN;
    else if (strcmp(s, "Infinity") == 0 || strcmp(s, "-Infinity") == 0)
        *out = *s == '-' ? -INFINITY : INFINITY;
    else
        return false;
    return true;
}

static bool describes_file(const struct json_pull *j)
{
    struct json_pull look = {0};
    bool yes = false;
    json_open(&look, j->token, (size_t)(j->end - j->token));
    for (enum json_token t = json_next(&look); !yes; ) {
        t = json_next(&look);
        if (t != JSON_KEY)
            break;
        yes = strcmp(json_text(&look), "_type") == 0;
        if (!yes && !json_skip(&look, json_next(&look)))
            break;
    }
    json_release(&look);
    return yes;
}

static bool points_below(struct json_pull *j, enum json_token t, struct buf *name, const struct json_points *to)
{
    struct read_value v;
    double number;
    if (json_scalar(j, t, &v)) {
        if (read_number(&v, &number) || (v.type == READ_TEXT && quoted_number(v.text, &number)))
            sink_point(to->sink, to->trial, buf_cstr(name), to->step, to->time, number);
        return true;
    }
    if (t != JSON_OBJECT || describes_file(j))
        return json_skip(j, t);
    size_t had = name->len;
    for (;;) {
        enum json_token n = json_next(j);
        if (n == JSON_OBJECT_END)
            return true;
        if (n != JSON_KEY)
            return false;
        bool none = had == 0 && to->skip && to->skip(json_text(j));
        if (had)
            buf_putc(name, '.');
        buf_puts(name, json_text(j));
        n = json_next(j);
        bool ok = none || name->len > READ_NAME_MAX ? json_skip(j, n) : points_below(j, n, name, to);
        name->len = had;
        if (!ok)
            return false;
    }
}

bool json_points(struct json_pull *j, enum json_token t, const char *prefix, const struct json_points *to)
{
    struct buf name = {0};
    buf_puts(&name, prefix);
    bool ok = points_below(j, t, &name, to);
    buf_release(&name);
    return ok;
}
