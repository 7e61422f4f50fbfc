/* import_model: see import_model.h. Bounded: IMPORT_TRIALS trials, IMPORT_METRICS names; what is beyond is counted. */
#include "hub/import_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/state.h"
#include "proto/codec.h"

#define IMPORT_TRIALS  (STATE_MAX_TRIALS - 1)
#define IMPORT_METRICS 65536
#define IMPORT_PARAMS  4096 /* of one trial */
#define PARAM_TEXT     4096 /* bytes of a parameter's value */

/* ---- names to numbers ---- */

static uint64_t hash(const char *s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    while (*s)
        h = (h ^ (unsigned char)*s++) * UINT64_C(0x100000001b3);
    return h ^ h >> 29;
}

/* The slot that holds the name, or the free one for it. */
static size_t slot_of(const int *index, size_t slots, const char *name, const char *(*nth)(const void *, int),
                      const void *ctx)
{
    size_t i = hash(name) & (slots - 1);
    while (index[i] && strcmp(nth(ctx, index[i] - 1), name) != 0)
        i = (i + 1) & (slots - 1);
    return i;
}

static int *grown(int *index, size_t *slots, int n, const char *(*nth)(const void *, int), const void *ctx)
{
    if ((size_t)n * 2 < *slots)
        return index;
    free(index);
    *slots = *slots ? *slots * 2 : 1024;
    index = mem_zero(*slots, sizeof *index);
    for (int i = 0; i < n; i++)
        index[slot_of(index, *slots, nth(ctx, i), nth, ctx)] = i + 1;
    return index;
}

static const char *nth_trial(const void *ctx, int i)
{
    return ((const struct import_model *)ctx)->trials[i]->key;
}

static const char *nth_metric(const void *ctx, int i)
{
    return ((const struct import_model *)ctx)->metrics[i];
}

/* Names of metrics are bounded: a longer one keeps its beginning and becomes unique by a number made of all of it. */
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

int import_metric(struct import_model *m, const char *name)
{
    char cut[POINTS_NAME];
    short_name(cut, *name ? name : "value");
    m->metric_index = grown(m->metric_index, &m->metric_slots, m->n_metrics, nth_metric, m);
    size_t at = slot_of(m->metric_index, m->metric_slots, cut, nth_metric, m);
    if (m->metric_index[at])
        return m->metric_index[at] - 1;
    if (m->n_metrics == IMPORT_METRICS)
        return -1;
    if ((m->n_metrics & (m->n_metrics - 1)) == 0)
        m->metrics = mem_resize(m->metrics, m->n_metrics ? (size_t)m->n_metrics * 2 : 1, sizeof *m->metrics);
    memcpy(m->metrics[m->n_metrics++], cut, sizeof cut);
    m->metric_index[at] = m->n_metrics;
    return m->n_metrics - 1;
}

/* ---- the sink ---- */

static void on_study(void *ctx, const struct read_study *s)
{
    struct import_model *m = ctx;
    struct import_study *at = NULL;
    for (int i = 0; i < m->n_studies && !at; i++) {
        const char *name = m->studies[i].name;
        if ((!s->name && !name) || (s->name && name && strcmp(name, s->name) == 0))
            at = &m->studies[i];
    }
    if (!at) {
        m->studies = mem_resize(m->studies, (size_t)m->n_studies + 1, sizeof *m->studies);
        at = &m->studies[m->n_studies++];
        *at = (struct import_study){.name = mem_str(s->name)};
    }
    if (s->metric && (!at->metric || s->goal != READ_GOAL_UNSAID)) {
        free(at->metric);
        at->metric = mem_str(s->metric);
    }
    if (s->goal != READ_GOAL_UNSAID)
        at->goal = s->goal;
}

static int on_trial(void *ctx, const char *key)
{
    struct import_model *m = ctx;
    m->trial_index = grown(m->trial_index, &m->trial_slots, m->n_trials, nth_trial, m);
    size_t at = slot_of(m->trial_index, m->trial_slots, key, nth_trial, m);
    if (m->trial_index[at])
        return m->trial_index[at] - 1;
    if (m->n_trials == IMPORT_TRIALS) {
        m->lost++;
        return IMPORT_TRIALS - 1;
    }
    if ((m->n_trials & (m->n_trials - 1)) == 0)
        m->trials = mem_resize(m->trials, m->n_trials ? (size_t)m->n_trials * 2 : 1, sizeof *m->trials);
    struct import_trial *t = m->trials[m->n_trials++] = MEM_NEW(struct import_trial);
    t->key = mem_str(key);
    t->study = -1;
    t->mtime = m->mtime;
    t->step = t->report_step = -1;
    m->trial_index[at] = m->n_trials;
    return m->n_trials - 1;
}

static struct import_trial *trial_at(struct import_model *m, int trial)
{
    struct import_trial *t = trial >= 0 && trial < m->n_trials ? m->trials[trial] : NULL;
    if (t && m->mtime > t->mtime)
        t->mtime = m->mtime;
    return t;
}

static void on_title(void *ctx, int trial, const char *title)
{
    struct import_trial *t = trial_at(ctx, trial);
    if (!t)
        return;
    free(t->title);
    t->title = mem_strn(title, strnlen(title, 500));
}

static void pack_value(struct buf *b, const struct read_value *v)
{
    struct codec_writer w;
    buf_clear(b);
    cw_init(&w, b);
    if (v->type == READ_BOOL)
        cw_bool(&w, v->i != 0);
    else if (v->type == READ_INT)
        cw_int(&w, v->i);
    else if (v->type == READ_REAL)
        cw_double(&w, v->d);
    else if (v->type == READ_TEXT)
        cw_strn(&w, v->text, strnlen(v->text, PARAM_TEXT));
    else
        cw_nil(&w);
}

static void on_param(void *ctx, int trial, const char *name, const struct read_value *v)
{
    struct import_model *m = ctx;
    struct import_trial *t = trial_at(m, trial);
    int i = 0;
    if (!t || !*name)
        return;
    while (i < t->n_params && strcmp(t->params[i].name, name) != 0)
        i++;
    if (i == t->n_params) {
        if (i == IMPORT_PARAMS) {
            m->lost++;
            return;
        }
        t->params = mem_resize(t->params, (size_t)i + 1, sizeof *t->params);
        t->params[t->n_params++] = (struct import_param){.name = mem_strn(name, strnlen(name, PARAM_TEXT))};
    }
    pack_value(&t->params[i].value, v);
}

static struct import_item *add_item(struct import_trial *t, enum import_what what, int64_t step, int64_t time)
{
    if (t->n_items == t->cap_items) {
        t->cap_items = t->cap_items ? t->cap_items * 2 : 16;
        t->items = mem_resize(t->items, t->cap_items, sizeof *t->items);
    }
    struct import_item *it = &t->items[t->n_items++];
    *it = (struct import_item){.time = time, .step = step, .what = (uint8_t)what, .timed = time != READ_NO_TIME};
    return it;
}

static void on_point(void *ctx, int trial, const char *metric, int64_t step, int64_t time, double value)
{
    struct import_model *m = ctx;
    struct import_trial *t = trial_at(m, trial);
    int number = import_metric(m, metric);
    if (!t || number < 0) {
        m->lost++;
        return;
    }
    if (step == READ_NO_STEP)
        step = t->step + 1;
    t->step = step;
    struct import_item *it = add_item(t, IMPORT_POINT, step, time);
    it->value = value;
    it->index = (uint32_t)number;
    m->points++;
}

static void on_report(void *ctx, int trial, int64_t step, int64_t time, double value)
{
    struct import_model *m = ctx;
    struct import_trial *t = trial_at(m, trial);
    if (!t)
        return;
    if (step == READ_NO_STEP)
        step = t->report_step + 1;
    t->report_step = step;
    add_item(t, IMPORT_REPORT, step, time)->value = value;
    t->reports++;
    m->reports++;
}

static void on_state(void *ctx, int trial, enum read_state state, int64_t time, const char *why)
{
    struct import_trial *t = trial_at(ctx, trial);
    if (!t)
        return;
    add_item(t, IMPORT_STATE, 0, time)->index = (uint32_t)state;
    if (t->state != state || (why && *why)) {
        free(t->why);
        t->why = why && *why ? mem_strn(why, strnlen(why, 500)) : NULL;
    }
    t->state = state;
    t->stated = true;
}

static void on_text(void *ctx, int trial, const char *stream, int64_t time, const char *text, size_t n)
{
    struct import_model *m = ctx;
    struct import_trial *t = trial_at(m, trial);
    if (!t || n == 0)
        return;
    if (m->n_texts == m->cap_texts) {
        m->cap_texts = m->cap_texts ? m->cap_texts * 2 : 64;
        m->texts = mem_resize(m->texts, m->cap_texts, sizeof *m->texts);
    }
    struct import_text *x = &m->texts[m->n_texts];
    snprintf(x->stream, sizeof x->stream, "%s", stream);
    x->n = n;
    x->text = mem_dup(text, n);
    add_item(t, IMPORT_TEXT, 0, time)->index = (uint32_t)m->n_texts++;
}

static void on_record(void *ctx, const char *what)
{
    struct import_model *m = ctx;
    int i = 0;
    while (i < m->n_counts && strcmp(m->counts[i].what, what) != 0)
        i++;
    if (i == m->n_counts) {
        if (i == sizeof m->counts / sizeof *m->counts)
            return;
        snprintf(m->counts[m->n_counts++].what, sizeof m->counts->what, "%s", what);
    }
    m->counts[i].n++;
}

const struct read_sink_ops import_sink_ops = {
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

void import_release(struct import_model *m)
{
    for (int i = 0; i < m->n_trials; i++) {
        struct import_trial *t = m->trials[i];
        for (int k = 0; k < t->n_params; k++) {
            free(t->params[k].name);
            buf_release(&t->params[k].value);
        }
        free(t->params);
        free(t->items);
        free(t->key);
        free(t->title);
        free(t->why);
        free(t);
    }
    for (size_t i = 0; i < m->n_texts; i++)
        free(m->texts[i].text);
    for (int i = 0; i < m->n_studies; i++) {
        free(m->studies[i].name);
        free(m->studies[i].metric);
    }
    free(m->trials);
    free(m->texts);
    free(m->studies);
    free(m->metrics);
    free(m->metric);
    free(m->trial_index);
    free(m->metric_index);
}
