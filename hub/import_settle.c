/* import_settle: what the files left open: which objective counts, which trials are wanted, when things happened that have
 * no time, how trials ended of which nobody said.
 *
 * A time that is missing lies between the two known ones around it, evenly by steps; with one known neighbour, or none,
 * steps are a second apart (up to the trial's end, or the file's own time). What has the same step in a row has the
 * same time: a row of a table. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"
#include "hub/import_model.h"
#include "proto/codec.h"

/* ---- which ---- */

static void find_studies(struct import_model *m)
{
    for (int i = 0; i < m->n_trials; i++) {
        struct import_trial *t = m->trials[i];
        const char *slash = strrchr(t->key, '/');
        for (int k = 0; slash && k < m->n_studies; k++) {
            const char *name = m->studies[k].name;
            size_t n = name ? strlen(name) : 0;
            const char *at = slash - n; /* perhaps behind the name of its file and a colon */
            if (n && (size_t)(slash - t->key) >= n && strncmp(name, at, n) == 0 && (at == t->key || at[-1] == ':'))
                t->study = k;
        }
        if (t->study >= 0)
            m->studies[t->study].trials++;
    }
}

static int choose_study(struct import_model *m, const struct import_choice *c, char **cause)
{
    m->study = -1;
    for (int i = 0; i < m->n_studies; i++) {
        const struct import_study *s = &m->studies[i];
        if (c->study && s->name && strcmp(s->name, c->study) == 0)
            m->study = i;
        if (!c->study && (m->study < 0 || s->trials > m->studies[m->study].trials ||
                          (!m->studies[m->study].metric && s->metric)))
            m->study = i;
    }
    if (c->study && m->study < 0) {
        struct buf names = {0};
        for (int i = 0; i < m->n_studies && names.len < 400; i++)
            if (m->studies[i].name)
                buf_printf(&names, "%s'%.80s'", names.len ? ", " : "", m->studies[i].name);
        cause_set(cause, "no study '%s'; there is %s", c->study, names.len ? buf_cstr(&names) : "none with a name");
        buf_release(&names);
        return -1;
    }
    return 0;
}

static bool has_metric(const struct import_model *m, const char *name)
{
    for (int i = 0; i < m->n_metrics; i++)
        if (strcmp(m->metrics[i], name) == 0)
            return true;
    return false;
}

static int choose_objective(struct import_model *m, const struct import_choice *c, char **cause)
{
    const struct import_study *s = m->study >= 0 ? &m->studies[m->study] : NULL;
    if (c->metric && !has_metric(m, c->metric) && !(s && s->metric && strcmp(s->metric, c->metric) == 0)) {
        struct buf names = {0};
        for (int i = 0; i < m->n_metrics && names.len < 300; i++)
            buf_printf(&names, "%s%s", names.len ? ", " : "", m->metrics[i]);
        cause_set(cause, "no metric '%s'; there is %s", c->metric, names.len ? buf_cstr(&names) : "none");
        buf_release(&names);
        return -1;
    }
    const char *metric = c->metric ? c->metric : s && s->metric ? s->metric : NULL;
    m->metric = mem_str(metric);
    m->goal = c->goal != READ_GOAL_UNSAID ? c->goal : s ? s->goal : READ_GOAL_UNSAID;
    return 0;
}

/* Points of the objective become reports where the tool made none; at most this many of one trial, the last always. */
#define REPORTS_MAX 1000

static void add_reports(struct import_trial *t, uint32_t metric, bool drop_old)
{
    size_t n = 0, points = 0, seen = 0, made = 0;
    struct import_item *items = t->items;
    for (size_t i = 0; i < t->n_items; i++)
        points += items[i].what == IMPORT_POINT && items[i].index == metric;
    size_t want = points < REPORTS_MAX ? points : REPORTS_MAX;
    t->items = mem_resize(NULL, t->n_items + want + 1, sizeof *t->items);
    for (size_t i = 0; i < t->n_items; i++) {
        if (items[i].what == IMPORT_REPORT && drop_old)
            continue;
        t->items[n++] = items[i];
        if (items[i].what != IMPORT_POINT || items[i].index != metric)
            continue;
        seen++;
        if (seen * want / points > made) {
            made = seen * want / points;
            t->items[n] = items[i];
            t->items[n++].what = IMPORT_REPORT;
        }
    }
    free(items);
    t->n_items = t->cap_items = n;
    t->reports = (long)made;
}

static bool competes_not(const struct import_model *m, const struct import_trial *t)
{
    return m->study >= 0 && t->study >= 0 && m->studies[t->study].goal != m->studies[m->study].goal;
}

static void make_reports(struct import_model *m, const struct import_choice *c)
{
    int metric = -1;
    for (int i = 0; m->metric && i < m->n_metrics; i++)
        if (strcmp(m->metrics[i], m->metric) == 0)
            metric = i;
    for (int i = 0; i < m->n_trials && metric >= 0; i++)
        if (m->trials[i]->number >= 0 && !competes_not(m, m->trials[i]) &&
            (c->metric || m->trials[i]->reports == 0))
            add_reports(m->trials[i], (uint32_t)metric, c->metric != NULL);
}

/* Of a study with another goal the values stay, but do not compete: they become points. */
static void demote(struct import_model *m, struct import_trial *t)
{
    if (!competes_not(m, t))
        return;
    int value = import_metric(m, "value");
    for (size_t i = 0; i < t->n_items; i++)
        if (t->items[i].what == IMPORT_REPORT) {
            t->items[i].what = IMPORT_POINT;
            t->items[i].index = (uint32_t)value;
        }
    t->reports = 0;
}

static void number_trials(struct import_model *m, const struct import_choice *c)
{
    int64_t n = 0;
    int used = 0;
    for (int i = 0; i < m->n_studies; i++)
        used += m->studies[i].trials > 0;
    for (int i = 0; i < m->n_trials; i++) {
        struct import_trial *t = m->trials[i];
        bool wanted = t->state != READ_WITHDRAWN && !(c->study && t->study != m->study);
        t->number = wanted ? n++ : -1;
        if (!wanted || used < 2 || c->study || t->study < 0)
            continue;
        struct read_value v = read_text(m->studies[t->study].name);
        import_sink_ops.param(m, i, "study", &v);
        demote(m, t);
    }
}

/* ---- when ---- */

/* The run of items [from, to) has no times; left and right are its known neighbours or READ_NO_TIME. */
static void fill_times(struct import_trial *t, size_t from, size_t to, int64_t left, int64_t right)
{
    int64_t groups = 0;
    for (size_t i = from; i < to; i++)
        groups += i == from || t->items[i].step != t->items[i - 1].step;
    int64_t gap = CLOCK_S;
    if (left != READ_NO_TIME && right != READ_NO_TIME) {
        gap = right > left ? (right - left) / (groups + 1) : 0;
    } else if (left == READ_NO_TIME) {
        left = (right != READ_NO_TIME ? right : t->mtime) - groups * gap;
        if (right != READ_NO_TIME)
            left -= gap;
    }
    int64_t at = left;
    for (size_t i = from; i < to; i++) {
        if (i == from || t->items[i].step != t->items[i - 1].step)
            at += gap;
        t->items[i].time = at;
    }
}

static void fill_all(struct import_trial *t)
{
    int64_t left = READ_NO_TIME;
    for (size_t i = 0; i < t->n_items;) {
        if (t->items[i].timed) {
            left = t->items[i++].time;
            continue;
        }
        size_t to = i;
        while (to < t->n_items && !t->items[to].timed)
            to++;
        fill_times(t, i, to, left, to < t->n_items ? t->items[to].time : READ_NO_TIME);
        left = t->items[to - 1].time;
        i = to;
    }
}

/* States without a time are no steps of their own: the first stands at the trial's first moment, another at its last. */
static void place_states(struct import_trial *t)
{
    int64_t first = INT64_MAX, last = INT64_MIN;
    bool begun = false;
    for (size_t i = 0; i < t->n_items; i++)
        if (t->items[i].what != IMPORT_STATE || t->items[i].timed) {
            first = t->items[i].time < first ? t->items[i].time : first;
            last = t->items[i].time > last ? t->items[i].time : last;
        }
    if (first == INT64_MAX)
        first = last = t->mtime;
    t->born = first;
    t->begun = READ_NO_TIME;
    t->ended = last;
    for (size_t i = 0; i < t->n_items; i++) {
        struct import_item *it = &t->items[i];
        if (it->what != IMPORT_STATE)
            continue;
        bool runs = it->index == READ_RUNNING, waits = it->index == READ_WAITING;
        if (!it->timed)
            it->time = runs || waits ? first : last;
        if (runs && !begun) {
            t->begun = it->time;
            begun = true;
        }
        if (!runs && !waits && it->timed)
            t->ended = it->time > last ? it->time : last;
    }
    if (t->begun == READ_NO_TIME || t->begun < first)
        t->begun = first;
}

static void take_out_states(struct import_trial *t, struct import_item **states, size_t *n)
{
    size_t kept = 0;
    *states = mem_resize(NULL, t->n_items + 1, sizeof **states);
    *n = 0;
    for (size_t i = 0; i < t->n_items; i++)
        if (t->items[i].what == IMPORT_STATE && !t->items[i].timed)
            (*states)[(*n)++] = t->items[i];
        else
            t->items[kept++] = t->items[i];
    t->n_items = kept;
}

static void settle_trial(struct import_trial *t)
{
    struct import_item *untimed;
    size_t n;
    take_out_states(t, &untimed, &n);
    fill_all(t);
    if (t->n_items + n > t->cap_items) {
        t->cap_items = t->n_items + n;
        t->items = mem_resize(t->items, t->cap_items, sizeof *t->items);
    }
    for (size_t i = 0; i < n; i++)
        t->items[t->n_items++] = untimed[i];
    free(untimed);
    place_states(t);
    bool over = t->state != READ_RUNNING && t->state != READ_WAITING;
    if (t->stated && (over || t->state == READ_WAITING))
        return;
    t->state = READ_DONE;
    free(t->why);
    t->why = mem_str("its files do not say how it ended");
}

int import_settle(struct import_model *m, const struct import_choice *c, char **cause)
{
    find_studies(m);
    if (choose_study(m, c, cause) != 0 || choose_objective(m, c, cause) != 0)
        return -1;
    number_trials(m, c);
    make_reports(m, c);
    for (int i = 0; i < m->n_trials; i++)
        if (m->trials[i]->number >= 0)
            settle_trial(m->trials[i]);
    return 0;
}

/* ---- all of it in order ---- */

static int by_time(const void *pa, const void *pb)
{
    const struct import_item *a = pa, *b = pb;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    if (a->trial != b->trial)
        return a->trial < b->trial ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

struct import_item *import_items(const struct import_model *m, size_t *n)
{
    size_t all = 0, at = 0;
    for (int i = 0; i < m->n_trials; i++)
        all += m->trials[i]->number >= 0 ? m->trials[i]->n_items : 0;
    struct import_item *items = mem_resize(NULL, all + 1, sizeof *items);
    for (int i = 0; i < m->n_trials; i++) {
        const struct import_trial *t = m->trials[i];
        for (size_t k = 0; t->number >= 0 && k < t->n_items; k++) {
            if (t->items[k].what == IMPORT_STATE)
                continue; /* born, begun and ended stand in the trial */
            items[at] = t->items[k];
            items[at].trial = (uint32_t)i;
            items[at++].order = (uint32_t)k;
        }
    }
    qsort(items, at, sizeof *items, by_time);
    *n = at;
    return items;
}
