#include "hub/curve_group.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "hub/params.h"

#define MANY_VALUES 6 /* of a number: then ranges are shown */
#define RANGES      4

/* ---- who belongs together ---- */

struct member {
    int64_t trial;
    double number; /* of the parameter; NaN: text, or absent */
    char text[64]; /* the value as people write it */
};

static struct member member_of(const struct state_trial *tr, const char *by)
{
    struct member m = {.trial = tr->trial, .number = NAN};
    struct span v = cmap_value((struct span){tr->params, tr->params_n}, by);
    struct codec_reader r;
    if (!v.p) {
        snprintf(m.text, sizeof m.text, "without");
        return m;
    }
    cr_init(&r, v.p, v.n);
    enum codec_type type = cr_peek(&r);
    params_text(v, m.text, sizeof m.text);
    if (type == CT_INT || type == CT_UINT || type == CT_DOUBLE) {
        m.number = cr_double(&r);
        text_fmt_short(m.text, m.number, 3);
    }
    return m;
}

static int by_value(const void *pa, const void *pb)
{
    const struct member *a = *(const struct member *const *)pa, *b = *(const struct member *const *)pb;
    if (isnan(a->number) != isnan(b->number))
        return isnan(a->number) - isnan(b->number);
    int c = isnan(a->number) ? strcmp(a->text, b->text) : (a->number > b->number) - (a->number < b->number);
    return c ? c : (a->trial > b->trial) - (a->trial < b->trial);
}

static bool same_value(const struct member *a, const struct member *b)
{
    return isnan(a->number) ? isnan(b->number) && strcmp(a->text, b->text) == 0 : a->number == b->number;
}

static int new_group(struct curve_groups *g, const char *label, int64_t trial)
{
    if (g->n == CURVE_MAX_GROUPS) {
        snprintf(g->v[g->n - 1].label, sizeof g->v[0].label, "other");
        g->v[g->n - 1].trial = -1;
        return g->n - 1;
    }
    g->v = mem_resize(g->v, (size_t)g->n + 1, sizeof *g->v);
    g->v[g->n] = (struct curve_group){.trial = trial};
    snprintf(g->v[g->n].label, sizeof g->v[0].label, "%s", label);
    return g->n++;
}

/* Members in order of value; a range ends where its share of the trials is reached, never between equal
 * values. */
static void group_values(struct curve_groups *g, struct member *const *sorted, int n, struct member *base,
                         int *at)
{
    int distinct = 0, numbers = 0;
    for (int i = 0; i < n; i++) {
        numbers += !isnan(sorted[i]->number);
        distinct += !isnan(sorted[i]->number) && (i == 0 || !same_value(sorted[i], sorted[i - 1]));
    }
    bool ranges = distinct > MANY_VALUES;
    int group = -1, share = 0;
    for (int i = 0; i < n; i++) {
        struct member *m = sorted[i];
        bool text = isnan(m->number), next = i == 0 || !same_value(m, sorted[i - 1]);
        if (ranges && !text && next && i > 0)
            next = i * RANGES >= (share + 1) * numbers;
        if (next) {
            group = new_group(g, m->text, -1);
            share = numbers ? i * RANGES / numbers : 0;
        } else if (ranges && !text) { /* the range so far: from its first to this one */
            char from[64];
            snprintf(from, sizeof from, "%.24s", g->v[group].label);
            char *dots = strstr(from, "..");
            if (dots)
                *dots = '\0';
            if (strcmp(from, m->text) != 0)
                snprintf(g->v[group].label, sizeof g->v[0].label, "%.24s..%.24s", from, m->text);
        }
        at[m - base] = group;
    }
}

void curve_groups_make(struct curve_groups *g, const char *by, const struct state_trial *const *trials, int n,
                       int *at)
{
    *g = (struct curve_groups){0};
    struct member *members = mem_zero((size_t)n + 1, sizeof *members),
                  **sorted = mem_zero((size_t)n + 1, sizeof *sorted);
    if (strcmp(by, "trial") == 0) {
        for (int i = 0; i < n; i++) {
            char label[32];
            at[i] = -1;
            for (int k = 0; k < i && at[i] < 0; k++)
                at[i] = trials[k] == trials[i] ? at[k] : -1;
            snprintf(label, sizeof label, "t%lld", (long long)trials[i]->trial);
            if (at[i] < 0)
                at[i] = new_group(g, label, trials[i]->trial);
        }
    } else {
        for (int i = 0; i < n; i++) {
            members[i] = member_of(trials[i], by);
            sorted[i] = &members[i];
        }
        qsort(sorted, (size_t)n, sizeof *sorted, by_value);
        group_values(g, sorted, n, members, at);
    }
    for (int i = 0; i < n; i++) { /* each trial once, however many runs and metrics it has here */
        bool seen = false;
        for (int k = 0; k < i && !seen; k++)
            seen = trials[k] == trials[i];
        g->v[at[i]].trials += !seen;
    }
    free(members);
    free(sorted);
}

void curve_groups_release(struct curve_groups *g)
{
    free(g->v);
    *g = (struct curve_groups){0};
}

/* ---- sums ---- */

void curve_sum_begin(struct curve_sum *s, int columns)
{
    size_t n = (size_t)columns;
    *s = (struct curve_sum){.columns = columns};
    s->room = mem_zero(9 * n + 1, sizeof *s->room);
    s->min = s->room + 3 * n;
    s->max = s->min + n;
    s->mean = s->max + n;
    s->deviation = s->mean + n;
    s->count = s->deviation + n;
    s->square = s->count + n;
}

double *curve_sum_room(struct curve_sum *s)
{
    return s->room;
}

/* Straight lines across empty columns between two that have a value; none beyond the ends, none across NaN
 * points. */
static void bridge(double *v, int n)
{
    int last = -1;
    for (int i = 0; i < n; i++) {
        if (isinf(v[i]))
            last = -1;
        if (!isfinite(v[i]))
            continue;
        for (int k = last + 1; last >= 0 && k < i; k++)
            v[k] = v[last] + (v[i] - v[last]) * (k - last) / (i - last);
        last = i;
    }
}

void curve_sum_add(struct curve_sum *s)
{
    int n = s->columns;
    double *mean = s->room + 2 * n;
    if (s->runs == 0) { /* a single run keeps the extremes and gaps of its own points */
        memcpy(s->min, s->room, (size_t)n * sizeof *s->min);
        memcpy(s->max, s->room + n, (size_t)n * sizeof *s->max);
        memcpy(s->mean, mean, (size_t)n * sizeof *s->mean);
        s->runs = 1;
        return;
    }
    if (s->runs == 1) { /* there are two: begin again with the first one's means */
        bridge(s->mean, n);
        for (int i = 0; i < n; i++) {
            double v = s->mean[i];
            bool there = isfinite(v);
            s->count[i] = there;
            s->min[i] = s->max[i] = there ? v : NAN;
            s->square[i] = 0;
            s->mean[i] = there ? v : 0;
        }
    }
    bridge(mean, n);
    for (int i = 0; i < n; i++) { /* Welford's update, a column at a time */
        double v = mean[i], d = v - s->mean[i];
        if (!isfinite(v))
            continue;
        s->count[i]++;
        s->mean[i] += d / s->count[i];
        s->square[i] += d * (v - s->mean[i]);
        s->min[i] = isnan(s->min[i]) || v < s->min[i] ? v : s->min[i];
        s->max[i] = isnan(s->max[i]) || v > s->max[i] ? v : s->max[i];
    }
    s->runs++;
}

void curve_sum_end(struct curve_sum *s)
{
    for (int i = 0; i < s->columns; i++) {
        s->deviation[i] = s->runs > 1 && s->count[i] > 1 ? sqrt(s->square[i] / (s->count[i] - 1)) : NAN;
        if (s->runs > 1 && s->count[i] == 0)
            s->mean[i] = NAN;
    }
}

void curve_sum_release(struct curve_sum *s)
{
    free(s->room);
    *s = (struct curve_sum){0};
}
