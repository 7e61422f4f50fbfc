#include "proto/verb_probe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cause.h"
#include "base/text.h"
#include "proto/codec.h"

#define SLICE_MAX 60000 /* ms */

void verb_probe_init(struct verb_probe *p)
{
    *p = (struct verb_probe){.columns = 31, .rows = 31, .radius = 1};
}

/* Odd, so that the cell in the middle is the weights themselves. */
static bool read_side(const char *s, size_t n, int64_t least, int *out)
{
    char text[8];
    int64_t v;
    if (n == 0 || n >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", (int)n, s);
    if (!text_int(text, &v) || v < least || v > PROBE_SIDE_MAX || v % 2 == 0)
        return false;
    *out = (int)v;
    return true;
}

static int read_grid(struct verb_probe *p, const char *v, char **cause)
{
    const char *x = strchr(v, 'x');
    if (x && read_side(v, (size_t)(x - v), 3, &p->columns) && read_side(x + 1, strlen(x + 1), 1, &p->rows))
        return 0;
    return cause_set(cause, "probe: '%.40s' is not a grid; write 31x31, or 101x1 for a line: odd numbers up to %d, so that the weights"
                            " are its middle", v, PROBE_SIDE_MAX);
}

static int read_towards(struct verb_probe *p, const char *v, char **cause)
{
    const char *s = v;
    for (p->n_towards = 0; p->n_towards < 2;) {
        char text[16];
        size_t n = strcspn(s, ","), skip = n > 1 && *s == 't';
        if (n == 0 || n - skip >= sizeof text)
            break;
        snprintf(text, sizeof text, "%.*s", (int)(n - skip), s + skip);
        if (!text_int(text, &p->towards[p->n_towards]) || p->towards[p->n_towards] < 0)
            break;
        p->n_towards++;
        s += n;
        if (!*s)
            return 0;
        s++;
    }
    return cause_set(cause, "probe: --towards '%.40s' names no one or two trials; write --towards 3,5", v);
}

static int read_number(const char *name, const char *v, double most, double *out, char **cause)
{
    if (text_double(v, out) && isfinite(*out) && *out > 0 && *out <= most)
        return 0;
    return cause_set(cause, "probe: %s '%.40s' is not a number above 0 and up to %g", name, v, most);
}

int verb_probe_option(struct verb_probe *p, int n, char *const *words, int *i, char **cause)
{
    static const char *const names[] = {"--grid", "--radius", "--towards", "--slice"};
    const char *w = words[*i], *value = NULL;
    int k = 0, rc;
    bool *flag = strcmp(w, "--filter") == 0 ? &p->filter : strcmp(w, "--layer") == 0 ? &p->layer : strcmp(w, "--off") == 0 ? &p->off : NULL;
    if (flag) {
        p->given |= flag != &p->off;
        return *flag = true;
    }
    for (; k < 4; k++) {
        size_t len = strlen(names[k]);
        if (strncmp(w, names[k], len) == 0 && (w[len] == '\0' || w[len] == '=')) {
            value = w[len] ? w + len + 1 : *i + 1 < n ? words[++*i] : NULL;
            break;
        }
    }
    if (k == 4)
        return 0;
    if (!value)
        return cause_set(cause, "probe: %s needs a value behind it", names[k]);
    p->given = true;
    if (k == 0)
        rc = read_grid(p, value, cause);
    else if (k == 1)
        rc = read_number("--radius", value, 1e6, &p->radius, cause);
    else if (k == 2)
        rc = read_towards(p, value, cause);
    else
        rc = read_number("--slice", value, SLICE_MAX, &p->slice, cause);
    return rc == 0 ? 1 : -1;
}

int verb_probe_check(const struct verb_probe *p, char **cause)
{
    if (p->off && p->given)
        return cause_set(cause, "probe: --off ends a probe and goes with no other option");
    if (p->filter && p->layer)
        return cause_set(cause, "probe: --filter and --layer exclude each other");
    return 0;
}

size_t verb_probe_pairs(const struct verb_probe *p)
{
    return p->off ? 1 : 4 + (size_t)(p->slice > 0) + (size_t)(p->n_towards > 0);
}

void verb_probe_put(const struct verb_probe *p, struct codec_writer *w)
{
    if (p->off) {
        cw_kbool(w, "off", true);
        return;
    }
    cw_kint(w, "columns", p->columns);
    cw_kint(w, "rows", p->rows);
    cw_kdouble(w, "radius", p->radius);
    cw_kstr(w, "norm", p->layer ? "layer" : "filter");
    if (p->slice > 0)
        cw_kdouble(w, "slice", p->slice);
    if (p->n_towards) {
        cw_str(w, "towards");
        cw_array(w, (size_t)p->n_towards);
        for (int i = 0; i < p->n_towards; i++)
            cw_int(w, p->towards[i]);
    }
}
