/* trial_row: the columns of a trial as of a time. */
#include "hub/trial_row.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define MAX_SPARK 256
#define MAX_LIVE  64  /* parameters of one trial whose live changes are listed */

/* ---- times ---- */

void trial_row_times(struct trial_row *r)
{
    if (r->timed)
        return;
    const struct state_trial *tr = r->tr;
    int n = STATE_PREFIX(tr->changes, tr->n_changes, struct state_change, time, r->rq->t);
    int64_t ran = 0;
    r->started = -1;
    for (int i = 0; i < n; i++) {
        if (tr->changes[i].state != TRIAL_RUNNING)
            continue;
        int64_t end = i + 1 < n ? tr->changes[i + 1].time : r->rq->now;
        r->started = r->started < 0 ? tr->changes[i].time : r->started;
        ran += end > tr->changes[i].time ? end - tr->changes[i].time : 0;
    }
    r->timed = true;
    r->state = n ? (enum trial_state)tr->changes[n - 1].state : TRIAL_WAITING;
    r->seconds = r->state == TRIAL_RUNNING ? (double)(ran / CLOCK_S) : (double)(ran / CLOCK_MS) / 1e3;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Reports, live changes and remarks are changes too. */
static void fill_changed(struct trial_row *r)
{
    const struct state_trial *tr = r->tr;
    int n = STATE_PREFIX(tr->changes, tr->n_changes, struct state_change, time, r->rq->t);
    r->changed = n ? tr->changes[n - 1].time : tr->created;
    int k = STATE_PREFIX(tr->reports, tr->n_reports, struct state_report, time, r->rq->t);
    if (k)
        r->changed = later(r->changed, tr->reports[k - 1].time);
    for (int i = 0; i < tr->n_remarks; i++) {
        const struct state_iv *iv = state_iv(r->rq->s, tr->remarks[i]);
        const struct state_change *c = state_change_at(iv->changes, iv->n_changes, r->rq->t);
        r->changed = c ? later(r->changed, c->time) : r->changed;
    }
    r->runs = 0;
    for (int i = 0; i < tr->n_runs; i++) {
        const struct state_run *run = r->rq->s->runs[tr->runs[i]];
        if (!view_has_run(r->rq, run))
            continue;
        r->runs++;
        int l = STATE_PREFIX(run->lives, run->n_lives, struct state_live, time, r->rq->t);
        if (l)
            r->changed = later(r->changed, run->lives[l - 1].time);
    }
}

static bool has_objective(const struct view_request *rq, const struct state_run *r)
{
    return view_objective(rq, r) != NULL;
}

static void fill_progress(struct trial_row *r)
{
    int64_t full = r->rq->ref->max_fidelity, step = r->step;
    r->progress = r->state == TRIAL_DONE ? 1 : NAN;
    if (full <= 0 || r->state == TRIAL_DONE)
        return;
    if (!r->has_value) { /* not reported yet: how far its curve has come */
        const struct state_run *run = view_newest_run(r->rq, r->tr, has_objective);
        struct series_point p;
        step = run && series_last(view_objective(r->rq, run), r->rq->t, &p) ? p.step : 0;
    }
    double done = (double)step / (double)full;
    r->progress = done < 0 ? 0 : done > 1 ? 1 : done;
}

void trial_row_begin(struct trial_row *r, const struct view_request *rq, const struct state_trial *tr)
{
    *r = (struct trial_row){.rq = rq, .tr = tr, .step = -1, .value = NAN};
}

static void row_value(struct trial_row *r)
{
    if (r->valued)
        return;
    r->valued = true;
    r->has_value = state_value_at(r->rq->s, r->tr, r->rq->t, &r->value, &r->step);
    if (!isfinite(r->value))
        r->value = NAN;
}

void trial_row_whole(struct trial_row *r)
{
    if (r->whole)
        return;
    row_value(r);
    trial_row_times(r);
    fill_changed(r);
    fill_progress(r);
    r->whole = true;
}

/* ---- remarks ---- */

/* Calls fn for each remark with that verb in force. */
static const struct state_iv *remark(const struct trial_row *r, int *at, const char *verb)
{
    while (*at < r->tr->n_remarks) {
        const struct state_iv *iv = state_iv(r->rq->s, r->tr->remarks[(*at)++]);
        enum iv_state st;
        if (view_iv_at(r->rq, iv, &st) && st == IV_APPLIED && strcmp(iv->verb, verb) == 0)
            return iv;
    }
    return NULL;
}

static int find_tag(const struct span *tags, int n, struct span tag)
{
    for (int i = 0; i < n; i++)
        if (tags[i].n == tag.n && memcmp(tags[i].p, tag.p, tag.n) == 0)
            return i;
    return -1;
}

static void change_tags(const struct state_iv *iv, const char *key, struct span *tags, int *n)
{
    struct codec_reader r;
    if (!cmap_find((struct span){iv->args, iv->args_n}, key, &r) || cr_peek(&r) != CT_ARRAY)
        return;
    for (size_t k = cr_array(&r); k > 0 && cr_ok(&r); k--) {
        if (cr_peek(&r) != CT_STR) {
            cr_skip(&r);
            continue;
        }
        struct span tag = cr_str(&r);
        int at = find_tag(tags, *n, tag);
        if (key[0] == 'a' && at < 0 && *n < TRIAL_MAX_TAGS) {
            tags[(*n)++] = tag;
        } else if (key[0] == 'r' && at >= 0) {
            memmove(tags + at, tags + at + 1, (size_t)(*n - at - 1) * sizeof *tags);
            --*n;
        }
    }
}

int trial_row_tags(const struct trial_row *r, struct span tags[TRIAL_MAX_TAGS])
{
    int n = 0, at = 0;
    for (const struct state_iv *iv; (iv = remark(r, &at, "tag"));) {
        change_tags(iv, "add", tags, &n);
        change_tags(iv, "remove", tags, &n);
    }
    return n;
}

struct span trial_row_note(const struct trial_row *r)
{
    struct span note = {NULL, 0};
    int at = 0;
    for (const struct state_iv *iv; (iv = remark(r, &at, "note"));)
        note = cmap_str((struct span){iv->args, iv->args_n}, "text");
    return note;
}

/* ---- writing ---- */

static void put_tags(const struct trial_row *r, struct codec_writer *w)
{
    struct span tags[TRIAL_MAX_TAGS];
    int n = r->tr->n_remarks ? trial_row_tags(r, tags) : 0;
    cw_str(w, "tags");
    cw_array(w, (size_t)n);
    for (int i = 0; i < n; i++)
        cw_strn(w, tags[i].p, tags[i].n);
}

int trial_row_spark(const struct view_request *rq)
{
    int64_t n = cmap_int(rq->body, "spark", 0);
    return n < 0 ? 0 : n > MAX_SPARK ? MAX_SPARK : (int)n;
}

static void put_spark(const struct trial_row *r, int columns, struct codec_writer *w)
{
    double mean[MAX_SPARK], x0, x1;
    const struct state_run *run = columns > 0 ? view_newest_run(r->rq, r->tr, has_objective) : NULL;
    cw_str(w, "spark");
    if (!run) {
        cw_array(w, 0);
        return;
    }
    const struct series *s = view_objective(r->rq, run);
    series_range(s, SERIES_STEP, r->rq->t, &x0, &x1);
    series_columns(s, SERIES_STEP, x0, x1, r->rq->t, columns, NULL, NULL, mean);
    cw_array(w, (size_t)columns);
    for (int i = 0; i < columns; i++)
        if (isfinite(mean[i]))
            cw_double(w, mean[i]);
        else
            cw_nil(w);
}

/* Joules of all its runs as of then; NaN: nothing measured any. */
static double energy_of(const struct trial_row *r)
{
    double sum = NAN;
    for (int i = 0; i < r->tr->n_runs; i++) {
        const struct state_run *run = state_run(r->rq->s, r->tr->runs[i]);
        const struct state_metric *m = run ? state_metric(run, "sys.energy_j") : NULL;
        const struct series *s = m ? state_series_at(&m->takes, r->rq->t) : NULL;
        struct series_point last;
        if (s && series_last(s, r->rq->t, &last))
            sum = isfinite(sum) ? sum + last.value : last.value;
    }
    return sum;
}

void trial_row_put(const struct trial_row *r, int spark, struct codec_writer *w)
{
    const struct state_trial *tr = r->tr;
    struct span note = tr->n_remarks ? trial_row_note(r) : (struct span){NULL, 0};
    cw_kint(w, "trial", tr->trial);
    cw_kstr(w, "state", trial_state_name(r->state));
    view_kvalue(w, "value", r->value);
    view_ktime(w, "step", r->step);
    view_kraw(w, "params", tr->params, tr->params_n);
    cw_kstr(w, "origin", tr->origin);
    view_ktime(w, "parent", tr->parent);
    cw_kint(w, "space_version", tr->space_version);
    view_ktime(w, "started", r->started);
    view_kvalue(w, "seconds", r->started < 0 ? NAN : r->seconds);
    view_kvalue(w, "energy_j", energy_of(r));
    put_tags(r, w);
    view_kvalue(w, "progress", r->progress);
    cw_str(w, "note");
    if (note.p)
        cw_strn(w, note.p, note.n);
    else
        cw_nil(w);
    put_spark(r, spark, w);
    cw_kint(w, "changed", r->changed);
}

void trial_row_put_values(const struct trial_row *r, struct codec_writer *w)
{
    double values[16];
    int n = state_values_at(r->rq->s, r->tr, r->rq->t, values);
    cw_str(w, "values");
    cw_array(w, (size_t)n);
    for (int i = 0; i < n; i++)
        if (isfinite(values[i]))
            cw_double(w, values[i]);
        else
            cw_nil(w);
}

/* ---- live changes ---- */

static bool as_number(struct span v, double *x)
{
    struct codec_reader r;
    cr_init(&r, v.p, v.n);
    enum codec_type type = cr_peek(&r);
    if (type != CT_INT && type != CT_UINT && type != CT_DOUBLE)
        return false;
    *x = cr_double(&r);
    return true;
}

/* 64 and 64.0 are one value. */
static bool same(struct span a, struct span b)
{
    double x, y;
    if (as_number(a, &x) && as_number(b, &y))
        return x == y;
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* The last change of each parameter as of then: indexes into run->lives, newest first. */
static int last_changes(const struct trial_row *r, const struct state_run *run, int at[MAX_LIVE])
{
    int n = 0;
    for (int i = run->n_lives - 1; i >= 0 && n < MAX_LIVE; i--) {
        bool seen = run->lives[i].time > r->rq->t;
        for (int k = 0; k < n && !seen; k++)
            seen = strcmp(run->lives[at[k]].param, run->lives[i].param) == 0;
        if (!seen)
            at[n++] = i;
    }
    return n;
}

void trial_row_put_live(const struct trial_row *r, struct codec_writer *w)
{
    const struct state_run *run = view_newest_run(r->rq, r->tr, view_has_run);
    struct span params = {r->tr->params, r->tr->params_n};
    int at[MAX_LIVE], n = 0, changed = run ? last_changes(r, run, at) : 0;
    for (int i = 0; i < changed; i++) {
        const struct state_live *l = &run->lives[at[i]];
        if (!same(cmap_value(params, l->param), (struct span){l->new_value, l->new_n}))
            at[n++] = at[i];
    }
    cw_str(w, "live");
    cw_map(w, (size_t)n);
    while (n-- > 0)
        view_kraw(w, run->lives[at[n]].param, run->lives[at[n]].new_value, run->lives[at[n]].new_n);
}

/* ---- by name ---- */

enum trial_column {
    C_TRIAL,
    C_STATE,
    C_VALUE,
    C_STEP,
    C_ORIGIN,
    C_SPACE_VERSION,
    C_RUNS,
    C_STARTED,
    C_SECONDS,
    C_PROGRESS,
    C_CHANGED,
    C_PARENT,
    C_PROPENSITY,
    C_WHY,
    C_NOTE,
    C_ARM,
    C_COUNT
};
static const char *const column_names[C_COUNT] = {
    "trial",   "state",    "value",   "step",   "origin",     "space_version", "runs", "started",
    "seconds", "progress", "changed", "parent", "propensity", "why",           "note", "arm"};

static struct filter_value number(double x)
{
    return (struct filter_value){isnan(x) ? FILTER_ABSENT : FILTER_NUMBER, x, {NULL, 0}};
}

static struct filter_value number_from(int64_t x)
{
    return number(x < 0 ? NAN : (double)x);
}

static struct filter_value text(const char *s)
{
    return (struct filter_value){s ? FILTER_TEXT : FILTER_ABSENT, NAN, {s, s ? strlen(s) : 0}};
}

static struct filter_value note(const struct trial_row *r)
{
    struct span s = trial_row_note(r);
    return (struct filter_value){s.p ? FILTER_TEXT : FILTER_ABSENT, NAN, s};
}

static struct filter_value state(struct trial_row *r)
{
    trial_row_times(r);
    struct filter_value v = text(trial_state_name(r->state));
    v.type = FILTER_STATE;
    return v;
}

static struct filter_value column_value(struct trial_row *r, enum trial_column c)
{
    const struct state_trial *tr = r->tr;
    switch (c) {
    case C_TRIAL: return number_from(tr->trial);
    case C_STATE: return state(r);
    case C_VALUE: row_value(r); return number(r->value);
    case C_STEP: row_value(r); return number_from(r->step);
    case C_ORIGIN: return text(tr->origin);
    case C_SPACE_VERSION: return number_from(tr->space_version);
    case C_RUNS: trial_row_whole(r); return number_from(r->runs);
    case C_STARTED: trial_row_times(r); return number(r->started < 0 ? NAN : (double)r->started / 1e9);
    case C_SECONDS: trial_row_times(r); return number(r->started < 0 ? NAN : r->seconds);
    case C_PROGRESS: trial_row_whole(r); return number(r->progress);
    case C_CHANGED: trial_row_whole(r); return number((double)r->changed / 1e9);
    case C_PARENT: return number_from(tr->parent);
    case C_PROPENSITY: return number(tr->propensity);
    case C_WHY: return text(tr->why);
    case C_NOTE: return note(r);
    case C_ARM: return text(tr->arm);
    default: return number(NAN);
    }
}

static bool param_value(const struct trial_row *r, const char *name, struct filter_value *v)
{
    struct codec_reader at;
    if (!cmap_find((struct span){r->tr->params, r->tr->params_n}, name, &at))
        return false;
    switch (cr_peek(&at)) {
    case CT_STR: *v = (struct filter_value){FILTER_TEXT, NAN, cr_str(&at)}; break;
    case CT_BOOL: *v = text(cr_bool(&at) ? "true" : "false"); break;
    case CT_INT:
    case CT_UINT:
    case CT_DOUBLE: *v = number(cr_double(&at)); break;
    default: *v = number(NAN);
    }
    return true;
}

/* The last value of the newest run that has it. */
static bool metric_value(struct trial_row *r, const char *name, struct filter_value *v)
{
    for (int i = r->tr->n_runs - 1; i >= 0; i--) {
        const struct state_run *run = r->rq->s->runs[r->tr->runs[i]];
        const struct state_metric *m = view_has_run(r->rq, run) ? state_metric(run, name) : NULL;
        struct series_point p;
        const struct series *s = m ? state_series_at(&m->takes, r->rq->t) : NULL;
        if (s && series_last(s, r->rq->t, &p)) {
            *v = number(p.value);
            return true;
        }
    }
    if (r->rq->s->info.metric && strcmp(name, r->rq->s->info.metric) == 0) {
        row_value(r);
        *v = number(r->value);
        return true;
    }
    return false;
}

struct filter_value trial_row_get(struct trial_row *r, const char *name)
{
    struct filter_value v = {FILTER_ABSENT, NAN, {NULL, 0}};
    for (int c = 0; c < C_COUNT; c++)
        if (column_names[c][0] == name[0] && strcmp(column_names[c], name) == 0)
            return column_value(r, (enum trial_column)c);
    if (param_value(r, name, &v) || metric_value(r, name, &v) || strlen(name) < 2)
        return v;
    for (int c = 0; c < C_COUNT; c++)
        if (text_has_prefix(column_names[c], name))
            return column_value(r, (enum trial_column)c);
    return v;
}

static struct filter_value subject_get(void *arg, const char *name)
{
    return trial_row_get(arg, name);
}

static bool subject_tagged(void *arg, const char *tag)
{
    struct span tags[TRIAL_MAX_TAGS];
    return find_tag(tags, trial_row_tags(arg, tags), (struct span){tag, strlen(tag)}) >= 0;
}

static bool params_say(struct span params, const char *needle)
{
    struct codec_reader r;
    cr_init(&r, params.p, params.n);
    for (size_t n = cr_map(&r); n > 0 && cr_ok(&r); n--) {
        cr_skip(&r);
        if (cr_peek(&r) != CT_STR)
            cr_skip(&r);
        else if (filter_contains(cr_str(&r), needle))
            return true;
    }
    return false;
}

static bool subject_says(void *arg, const char *needle, bool note_only)
{
    const struct trial_row *r = arg;
    if (filter_contains(trial_row_note(r), needle))
        return true;
    if (note_only)
        return false;
    char id[24];
    snprintf(id, sizeof id, "t%lld", (long long)r->tr->trial);
    struct span tags[TRIAL_MAX_TAGS];
    for (int n = trial_row_tags(r, tags); n > 0; n--)
        if (filter_contains(tags[n - 1], needle))
            return true;
    return filter_contains((struct span){id, strlen(id)}, needle) ||
           params_say((struct span){r->tr->params, r->tr->params_n}, needle);
}

struct filter_subject trial_row_subject(struct trial_row *r)
{
    return (struct filter_subject){r, subject_get, subject_tagged, subject_says};
}
