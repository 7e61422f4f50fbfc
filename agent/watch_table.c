/* watch_table: see watch_table.h. Bounded: WATCH_RUNS trials, WATCH_METRICS names; what is beyond is passed over. */
#include "agent/watch_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define WATCH_RUNS    65536
#define WATCH_METRICS 65536

/* ---- names to numbers ---- */

static uint64_t hash(const char *s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    while (*s)
        h = (h ^ (unsigned char)*s++) * UINT64_C(0x100000001b3);
    return h ^ h >> 29;
}

static const char *nth_run(const struct watch_table *t, int i)
{
    return t->runs[i]->key;
}

static const char *nth_metric(const struct watch_table *t, int i)
{
    return t->metrics[i];
}

static size_t slot_of(const struct watch_table *t, const int *index, size_t slots, const char *name,
                      const char *(*nth)(const struct watch_table *, int))
{
    size_t i = hash(name) & (slots - 1);
    while (index[i] && strcmp(nth(t, index[i] - 1), name) != 0)
        i = (i + 1) & (slots - 1);
    return i;
}

static int *room(const struct watch_table *t, int *index, size_t *slots, int n,
                 const char *(*nth)(const struct watch_table *, int))
{
    if ((size_t)n * 2 < *slots)
        return index;
    free(index);
    *slots = *slots ? *slots * 2 : 256;
    index = mem_zero(*slots, sizeof *index);
    for (int i = 0; i < n; i++)
        index[slot_of(t, index, *slots, nth(t, i), nth)] = i + 1;
    return index;
}

/* A longer name keeps its beginning and becomes unique by a number made of all of it, as import does. */
static void short_name(char out[POINTS_NAME], const char *name)
{
    struct span s = {name, strlen(name)};
    if (s.n < POINTS_NAME) {
        memcpy(out, name, s.n + 1);
        return;
    }
    span_copy(out, POINTS_NAME - 9, s);
    size_t n = strlen(out);
    snprintf(out + n, POINTS_NAME - n, "~%08x", (unsigned)(hash(name) >> 16));
}

static int metric_number(struct watch_table *t, const char *name)
{
    char cut[POINTS_NAME];
    short_name(cut, *name ? name : "value");
    t->metric_index = room(t, t->metric_index, &t->metric_slots, t->n_metrics, nth_metric);
    size_t at = slot_of(t, t->metric_index, t->metric_slots, cut, nth_metric);
    if (t->metric_index[at])
        return t->metric_index[at] - 1;
    if (t->n_metrics == WATCH_METRICS)
        return -1;
    if ((t->n_metrics & (t->n_metrics - 1)) == 0)
        t->metrics = mem_resize(t->metrics, t->n_metrics ? (size_t)t->n_metrics * 2 : 1, sizeof *t->metrics);
    memcpy(t->metrics[t->n_metrics++], cut, sizeof cut);
    t->metric_index[at] = t->n_metrics;
    return t->n_metrics - 1;
}

/* ---- the sink ---- */

static struct watch_run *run_at(struct watch_table *t, int i)
{
    return i >= 0 && i < t->n_runs ? t->runs[i] : NULL;
}

static void on_study(void *ctx, const struct read_study *s)
{
    struct watch_table *t = ctx;
    if (s->name && !t->study)
        t->study = mem_str(s->name);
    if (s->metric && !t->metric_given && (!t->metric || s->goal != READ_GOAL_UNSAID)) {
        free(t->metric);
        t->metric = mem_str(s->metric);
    }
    if (s->goal != READ_GOAL_UNSAID && t->goal == READ_GOAL_UNSAID)
        t->goal = s->goal;
}

static int on_trial(void *ctx, const char *key)
{
    struct watch_table *t = ctx;
    t->run_index = room(t, t->run_index, &t->run_slots, t->n_runs, nth_run);
    size_t at = slot_of(t, t->run_index, t->run_slots, key, nth_run);
    if (t->run_index[at])
        return t->run_index[at] - 1;
    if (t->n_runs == WATCH_RUNS)
        return -1;
    if ((t->n_runs & (t->n_runs - 1)) == 0)
        t->runs = mem_resize(t->runs, t->n_runs ? (size_t)t->n_runs * 2 : 1, sizeof *t->runs);
    t->runs[t->n_runs++] = watch_run_new(key);
    t->run_index[at] = t->n_runs;
    return t->n_runs - 1;
}

static void on_title(void *ctx, int trial, const char *title)
{
    struct watch_run *r = run_at(ctx, trial);
    if (!r)
        return;
    free(r->title);
    r->title = mem_strn(title, strnlen(title, 300));
}

static void on_param(void *ctx, int trial, const char *name, const struct read_value *v)
{
    struct watch_run *r = run_at(ctx, trial);
    if (r && *name)
        watch_run_param(r, name, v);
}

static void on_point(void *ctx, int trial, const char *metric, int64_t step, int64_t time, double value)
{
    struct watch_run *r = run_at(ctx, trial);
    int number = metric_number(ctx, metric);
    if (r && number >= 0)
        watch_run_point(r, (uint32_t)number, step, time, value);
}

static void on_report(void *ctx, int trial, int64_t step, int64_t time, double value)
{
    struct watch_run *r = run_at(ctx, trial);
    if (r)
        watch_run_report(r, step, time, value);
}

static void on_state(void *ctx, int trial, enum read_state state, int64_t time, const char *why)
{
    struct watch_run *r = run_at(ctx, trial);
    if (r)
        watch_run_state(r, state, why);
}

static void on_text(void *ctx, int trial, const char *stream, int64_t time, const char *text, size_t n)
{
    struct watch_run *r = run_at(ctx, trial);
    if (r)
        watch_run_text(r, stream, time, text, n);
}

static void on_record(void *ctx, const char *what)
{
}

const struct read_sink_ops watch_sink_ops = {
    .study = on_study,
    .trial = on_trial,
    .title = on_title,
    .param = on_param,
    .point = on_point,
    .report = on_report,
    .state = on_state,
    .text = on_text,
    .record = on_record,
};

/* ---- the table ---- */

size_t watch_table_flush(struct watch_table *t)
{
    size_t bytes = 0;
    for (int i = 0; i < t->n_runs; i++) {
        watch_run_flush(t->runs[i], t->metrics);
        bytes += t->runs[i]->bytes;
    }
    return bytes;
}

struct watch_run *watch_table_find(const struct watch_table *t, int64_t run)
{
    for (int i = 0; i < t->n_runs; i++)
        if (t->runs[i]->run == run)
            return t->runs[i];
    return NULL;
}

void watch_table_release(struct watch_table *t)
{
    for (int i = 0; i < t->n_runs; i++)
        watch_run_free(t->runs[i]);
    free(t->runs);
    free(t->metrics);
    free(t->metric);
    free(t->study);
    free(t->run_index);
    free(t->metric_index);
}
