#include "tui/row.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "proto/safe_text.h"

static const struct row_state states[] = {
    {"waiting", "wait", 0x00b7, ST_WAIT, false},
    {"running", "run", 0x25b6, ST_RUN, false},
    {"paused", "paus", 0x2016, ST_PAUSED, false},
    {"lost", "lost", '?', ST_LOST, false},
    {"done", "done", 0x2713, ST_DONE, true},
    {"pruned", "prun", 0x2702, ST_PRUNED, true},
    {"stopped", "stop", 0x25a0, ST_DONE, true},
    {"failed", "fail", 0x2717, ST_FAILED, true},
    {"killed", "kill", 0x2717, ST_FAILED, true},
    {"withdrawn", "gone", 0x00b7, ST_WAIT, true},
    {"queued", "wait", 0x00b7, ST_WAIT, false},
    {"leased", "wait", 0x00b7, ST_WAIT, false},
    {"", "?", '?', ST_LOST, false},
};

const struct row_state *row_state(struct span name)
{
    size_t n = sizeof states / sizeof *states;
    for (size_t i = 0; i + 1 < n; i++)
        if (span_eq(name, states[i].name))
            return &states[i];
    return &states[n - 1];
}

void trial_row_read(struct trial_row *r, struct span raw)
{
    *r = (struct trial_row){.trial = -1,
                            .state = row_state((struct span){"", 0}),
                            .value = NAN,
                            .progress = NAN,
                            .seconds = NAN,
                            .energy_j = NAN,
                            .step = -1,
                            .changed = -1};
    if (!raw.p)
        return;
    r->trial = cmap_int(raw, "trial", -1);
    r->state = row_state(cmap_str(raw, "state"));
    r->value = cmap_double(raw, "value", NAN);
    r->progress = cmap_double(raw, "progress", NAN);
    r->seconds = cmap_double(raw, "seconds", NAN);
    r->energy_j = cmap_double(raw, "energy_j", NAN);
    r->step = cmap_int(raw, "step", -1);
    r->changed = cmap_int(raw, "changed", -1);
    r->params = cmap_value(raw, "params");
    r->spark = cmap_value(raw, "spark");
    r->tags = cmap_value(raw, "tags");
    r->note = cmap_str(raw, "note");
    r->origin = cmap_str(raw, "origin");
}

int trial_row_spark(const struct trial_row *r, double *v, int n)
{
    struct codec_reader at;
    if (!r->spark.p)
        return 0;
    cr_init(&at, r->spark.p, r->spark.n);
    if (cr_peek(&at) != CT_ARRAY)
        return 0;
    int have = (int)cr_array(&at);
    if (have > n)
        have = n;
    for (int i = 0; i < have; i++)
        v[i] = cr_double(&at);
    return cr_ok(&at) ? have : 0;
}

int row_format(char *out, size_t cap, const char *fmt, ...)
{
    va_list ap;
    if (cap == 0)
        return 0;
    va_start(ap, fmt);
    int n = vsnprintf(out, cap, fmt, ap);
    va_end(ap);
    if (n < 0)
        n = 0;
    if ((size_t)n < cap)
        return n;
    n = (int)cap - 1;
    while (n > 0 && (out[n - 1] & 0xc0) == 0x80) /* the tail of a cut character */
        n--;
    if (n > 0 && (out[n - 1] & 0xc0) == 0xc0)
        n--;
    out[n] = '\0';
    return n;
}

void row_text(char out[ROW_TEXT], struct span s, int max_columns)
{
    out[0] = '\0';
    if (s.p && s.n)
        safe_text(out, ROW_TEXT, s.p, s.n, max_columns);
}

void row_count(char out[32], double v)
{
    if (!isfinite(v))
        snprintf(out, 32, "\u2014");
    else if (fabs(v) >= 1e6)
        snprintf(out, 32, "%.3gM", v / 1e6);
    else if (fabs(v) >= 1e4)
        snprintf(out, 32, "%.1fk", v / 1e3);
    else
        snprintf(out, 32, "%.0f", v);
}

void row_number(char out[32], double v, bool absent)
{
    if (absent) {
        snprintf(out, 32, "\u2014");
        return;
    }
    double m = fabs(v);
    if (isfinite(v) && m >= .001 && m < 1)
        snprintf(out, 32, "%.4f", v);
    else if (isfinite(v) && m >= 1 && m < 1000)
        snprintf(out, 32, "%.*f", m < 10 ? 3 : m < 100 ? 2 : 1, v);
    else
        text_fmt_short(out, v, 3);
}

/* Three digits; two and an exponent below a hundredth: 0.1, 0.013, 8.1e-4, 1e-3. */
static void short_number(char out[TEXT_NUM], double v)
{
    double m = fabs(v);
    if (!isfinite(v) || m >= .01 || m == 0) {
        text_fmt_short(out, v, 3);
        return;
    }
    int e = (int)floor(log10(m) + 1e-9);
    double digits = round(v / pow(10, e) * 10) / 10;
    if (fabs(digits) >= 10) {
        digits /= 10;
        e++;
    }
    row_format(out, TEXT_NUM, "%.3ge%d", digits, e);
}

void row_value(char out[ROW_TEXT], struct span raw, int max_columns)
{
    struct codec_reader r;
    char num[TEXT_NUM];
    out[0] = '\0';
    if (!raw.p)
        return;
    cr_init(&r, raw.p, raw.n);
    switch (cr_peek(&r)) {
    case CT_STR:
        row_text(out, cr_str(&r), max_columns);
        break;
    case CT_DOUBLE:
        short_number(num, cr_double(&r));
        row_format(out, ROW_TEXT, "%s", num);
        break;
    case CT_INT:
    case CT_UINT:
        snprintf(out, ROW_TEXT, "%lld", (long long)cr_int(&r));
        break;
    case CT_BOOL:
        snprintf(out, ROW_TEXT, "%s", cr_bool(&r) ? "true" : "false");
        break;
    case CT_MAP:
    case CT_ARRAY:
        snprintf(out, ROW_TEXT, "{..}");
        break;
    default:
        break;
    }
}

void row_param(char out[ROW_TEXT], struct span params, const char *name, int max_columns)
{
    out[0] = '\0';
    if (params.p)
        row_value(out, cmap_value(params, name), max_columns);
    if (out[0] == '\0')
        snprintf(out, ROW_TEXT, "\u2014");
}

void row_span(char out[32], double seconds)
{
    char t[CLOCK_TEXT];
    if (!isfinite(seconds) || seconds < 0 || seconds > 3e9) {
        snprintf(out, 32, "\u2014");
        return;
    }
    clock_span(t, (int64_t)(seconds * 1e9));
    row_format(out, 32, "%s", t);
}
