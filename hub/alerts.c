/* alerts: see alerts.h. A book holds, for each text of a rule that somebody asked about, what fired and how far each run was
 * looked at. Firings of a metric are found by walking its new points; a rule that no value of a series can fulfil (its extremes
 * say so) skips them all. */
#include "hub/alerts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "hub/sweepfile.h"
#include "hub/trial_row.h"

#define AGAIN_NS (60 * CLOCK_S) /* between two firings of a rule for one run */

struct seen { /* how far a run (or a trial, of ALERT_STATE) was looked at */
    uint64_t at;       /* next point, or next change of state */
    int take, metric;  /* index of the metric, -1 not found among the first `metrics` */
    int metrics;
    int change;        /* next change of the run's state */
    bool holds, silent;
    int64_t last;      /* time of the last firing; of ALERT_SILENT the last point */
};

struct entry {
    struct alert_rule rule;
    struct alert *v;
    int n, cap;
    struct seen *seen;
    int n_seen, best;
    uint64_t used;
};

struct alert_book {
    struct entry *entries[ALERT_RULES];
    int n;
    uint64_t clock;
    char **file; /* rules of the sweep file, NULL-terminated; NULL: not read yet */
};

struct alert_book *alert_book_new(void)
{
    return MEM_NEW(struct alert_book);
}

static void entry_free(struct entry *e)
{
    alert_rule_release(&e->rule);
    free(e->v);
    free(e->seen);
    free(e);
}

void alert_book_free(struct alert_book *b)
{
    if (!b)
        return;
    for (int i = 0; i < b->n; i++)
        entry_free(b->entries[i]);
    for (int i = 0; b->file && b->file[i]; i++)
        free(b->file[i]);
    free(b->file);
    free(b);
}

/* ---- looking at what came ---- */

struct look {
    struct entry *e;
    const struct sweep_ref *ref;
    int64_t now;
};

static bool passes(const struct look *l, const struct state_trial *tr, int64_t t)
{
    if (!l->e->rule.where || !tr)
        return true;
    struct view_request rq = {.ref = l->ref, .s = l->ref->state, .t = t, .now = t};
    struct trial_row row;
    trial_row_begin(&row, &rq, tr);
    struct filter_subject subject = trial_row_subject(&row);
    return filter_match(l->e->rule.where, &subject);
}

static void fire(const struct look *l, int64_t time, int64_t trial, const char *text)
{
    struct entry *e = l->e;
    if (e->n == ALERT_FIRINGS || !passes(l, trial >= 0 ? state_trial(l->ref->state, trial) : NULL, time))
        return;
    if (e->n == e->cap) {
        e->cap = e->cap ? e->cap * 2 : 8;
        e->v = mem_resize(e->v, (size_t)e->cap, sizeof *e->v);
    }
    struct alert *a = &e->v[e->n++];
    *a = (struct alert){.time = time, .trial = trial, .rule = &e->rule};
    snprintf(a->text, sizeof a->text, "%s", text);
}

/* When the point came into the log: the first moment as of which there are more than `index` points. */
static int64_t seen_time(const struct series *s, const struct state_run *r, uint64_t index, int64_t own)
{
    int64_t lo = r->first_seen, hi = r->last_seen;
    if (lo > hi || series_count(s, hi) <= index)
        return own;
    while (lo < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        if (series_count(s, mid) > index)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

static struct seen *seen_of(struct entry *e, int64_t i)
{
    if (i >= e->n_seen) {
        int n = e->n_seen ? e->n_seen * 2 : 64;
        while (n <= i)
            n *= 2;
        e->seen = mem_resize(e->seen, (size_t)n, sizeof *e->seen);
        for (int k = e->n_seen; k < n; k++)
            e->seen[k] = (struct seen){.metric = -1, .last = INT64_MIN};
        e->n_seen = n;
    }
    return &e->seen[i];
}

/* The metric's takes in the run; its index stays the same once it is there. NULL: not logged yet. */
static const struct state_takes *takes_of(struct seen *s, const struct state_run *r, const char *name)
{
    while (s->metric < 0 && s->metrics < r->n_metrics) {
        if (!name || strcmp(r->metrics[s->metrics].name, name) == 0)
            s->metric = s->metrics;
        s->metrics++;
    }
    return s->metric < 0 ? NULL : &r->metrics[s->metric].takes;
}

/* Takes are walked one after the other, each from what it does not share with the one before: a run that starts over does not
 * take back what fired. NULL: nothing new. */
static const struct series *next_take(struct seen *s, const struct state_takes *k)
{
    for (; k && s->take < k->n; s->take++) {
        const struct series *series = k->v[s->take].series;
        if (s->at < k->v[s->take].kept)
            s->at = k->v[s->take].kept;
        if (s->at < series_count(series, SERIES_NOW))
            return series;
        if (s->take + 1 == k->n)
            return NULL;
        s->at = 0;
        s->holds = false;
    }
    return NULL;
}

/* No value that the series ever had fulfils the rule. */
static bool hopeless(const struct alert_rule *a, const struct series *s)
{
    struct series_stats st;
    if (a->kind == ALERT_NAN)
        return series_first_nan(s, SERIES_NOW) < 0;
    series_stats(s, SERIES_NOW, &st);
    if (st.nans > 0)
        return false;
    switch (a->op) {
    case ALERT_LT: return !(st.min < a->number);
    case ALERT_LE: return !(st.min <= a->number);
    case ALERT_GT: return !(st.max > a->number);
    case ALERT_GE: return !(st.max >= a->number);
    default: return false;
    }
}

static void met(const struct look *l, const struct state_run *r, struct seen *s, const struct series *series,
                const struct series_point *p)
{
    static const char *const signs[] = {"<", "<=", ">", ">=", "=", "!="};
    const struct alert_rule *a = &l->e->rule;
    char text[160], value[TEXT_NUM], number[TEXT_NUM];
    text_fmt_short(value, p->value, 4);
    text_fmt_short(number, a->number, 4);
    if (a->kind == ALERT_NAN)
        snprintf(text, sizeof text, "%s is %s at step %lld", a->metric, value, (long long)p->step);
    else
        snprintf(text, sizeof text, "%s %s %s %s at step %lld", a->metric, value, signs[a->op], number,
                 (long long)p->step);
    s->last = p->time;
    fire(l, seen_time(series, r, s->at, p->time), r->trial, text);
}

static void look_at_metric(const struct look *l, const struct state_run *r, struct seen *s)
{
    const struct alert_rule *a = &l->e->rule;
    const struct state_takes *takes = takes_of(s, r, a->metric);
    struct series_point p;
    for (const struct series *series; (series = next_take(s, takes));) {
        uint64_t n = series_count(series, SERIES_NOW);
        if (hopeless(a, series)) {
            s->at = n;
            s->holds = false;
        }
        for (; s->at < n && series_at(series, s->at, &p); s->at++) {
            bool holds = alert_rule_holds(a, p.value), was = s->holds;
            s->holds = holds;
            if (holds && !was && (s->last == INT64_MIN || p.time - s->last >= AGAIN_NS))
                met(l, r, s, series, &p);
        }
    }
}

static bool runs_at(const struct state_run *r, int64_t t)
{
    const struct state_change *c = state_change_at(r->changes, r->n_changes, t);
    return c && c->state == RUN_RUNNING;
}

static void silence(const struct look *l, const struct state_run *r, struct seen *s, int64_t until)
{
    char text[160], span[TEXT_NUM];
    if (s->last == INT64_MIN || s->silent || until - s->last < l->e->rule.silence)
        return;
    int64_t at = s->last + l->e->rule.silence;
    s->silent = true;
    if (!runs_at(r, at))
        return;
    text_fmt_short(span, (double)l->e->rule.silence / 1e9, 4);
    snprintf(text, sizeof text, "no point for %s s", span);
    fire(l, at, r->trial, text);
}

static void heard(const struct look *l, const struct state_run *r, struct seen *s, int64_t t)
{
    silence(l, r, s, t);
    s->last = t;
    s->silent = false;
}

/* A run that begins, or goes on after a pause, begins to be silent anew. */
static void went_on(const struct look *l, const struct state_run *r, struct seen *s, int64_t until)
{
    for (; s->change < r->n_changes && r->changes[s->change].time <= until; s->change++)
        if (r->changes[s->change].state == RUN_RUNNING)
            heard(l, r, s, r->changes[s->change].time);
}

/* By the points of the first metric that the run logs: that one stays the first. */
static void look_for_silence(const struct look *l, const struct state_run *r, struct seen *s)
{
    const struct state_takes *takes = takes_of(s, r, NULL);
    struct series_point p;
    for (const struct series *series; (series = next_take(s, takes));)
        for (uint64_t n = series_count(series, SERIES_NOW); s->at < n && series_at(series, s->at, &p); s->at++) {
            int64_t t = seen_time(series, r, s->at, p.time);
            went_on(l, r, s, t);
            heard(l, r, s, t);
        }
    went_on(l, r, s, l->now);
    silence(l, r, s, l->now);
}

static void look_at_state(const struct look *l, const struct state_trial *tr, struct seen *s)
{
    char text[160];
    for (; s->at < (uint64_t)tr->n_changes; s->at++) {
        const struct state_change *c = &tr->changes[s->at];
        if (c->state != l->e->rule.state)
            continue;
        snprintf(text, sizeof text, "%s%s%.120s", trial_state_name((enum trial_state)c->state), c->why ? ": " : "",
                 c->why ? c->why : "");
        fire(l, c->time, tr->trial, text);
    }
}

static void look_at_best(const struct look *l)
{
    const struct state *s = l->ref->state;
    char text[160], now[TEXT_NUM], before[TEXT_NUM];
    for (int i = l->e->best > 1 ? l->e->best : 1; i < s->n_best; i++) { /* the first is no improvement */
        text_fmt_short(now, s->best[i].value, 4);
        text_fmt_short(before, s->best[i - 1].value, 4);
        snprintf(text, sizeof text, "new best %s (was %s)", now, before);
        fire(l, s->best[i].time, s->best[i].trial, text);
    }
    l->e->best = s->n_best;
}

static void look(struct entry *e, const struct sweep_ref *ref, int64_t now)
{
    const struct state *s = ref->state;
    struct look l = {e, ref, now};
    if (e->rule.kind == ALERT_BEST)
        look_at_best(&l);
    else if (e->rule.kind == ALERT_STATE)
        for (int i = 0; i < s->n_trials; i++) {
            if (s->trials[i])
                look_at_state(&l, s->trials[i], seen_of(e, i));
        }
    else
        for (int i = 0; i < s->n_runs; i++) {
            const struct state_run *r = s->runs[i];
            if (r && e->rule.kind == ALERT_SILENT)
                look_for_silence(&l, r, seen_of(e, i));
            else if (r)
                look_at_metric(&l, r, seen_of(e, i));
        }
}

/* ---- which rules ---- */

/* NULL and a cause when the text is no rule. The least used makes room. */
static struct entry *entry_of(struct alert_book *b, const char *text, char **cause)
{
    struct alert_rule rule;
    if (alert_rule_parse(&rule, text, cause) < 0)
        return NULL;
    for (int i = 0; i < b->n; i++)
        if (strcmp(b->entries[i]->rule.text, rule.text) == 0) {
            alert_rule_release(&rule);
            b->entries[i]->used = ++b->clock;
            return b->entries[i];
        }
    int at = b->n;
    if (b->n == ALERT_RULES) {
        at = 0;
        for (int i = 1; i < b->n; i++)
            at = b->entries[i]->used < b->entries[at]->used ? i : at;
        entry_free(b->entries[at]);
    } else {
        b->n++;
    }
    b->entries[at] = MEM_NEW(struct entry);
    b->entries[at]->rule = rule;
    b->entries[at]->used = ++b->clock;
    return b->entries[at];
}

static void read_file(struct alert_book *b, const struct sweep_info *info)
{
    struct sweepfile f = {0};
    char *cause = NULL;
    b->file = mem_zero(1, sizeof *b->file);
    if (!info->yaml || sweepfile_parse(&f, info->yaml, strlen(info->yaml), info->path ? info->path : "sweep", &cause) < 0) {
        free(cause); /* it was told when the sweep was started */
        return;
    }
    int n = 0;
    while (f.rules && f.rules[n])
        n++;
    free(b->file);
    b->file = mem_zero((size_t)n + 1, sizeof *b->file);
    for (int i = 0; i < n; i++)
        b->file[i] = mem_str(f.rules[i]);
    sweepfile_release(&f);
}

struct in_force {
    const char *text;
    int64_t since, until;
};

/* Of the sweep: the file's, then what people added and took away up to t. `rule off N` counts what was in force. */
static int sweep_rules(struct alert_book *b, const struct state *s, int64_t t, struct in_force *list)
{
    int n = 0;
    if (!b->file)
        read_file(b, &s->info);
    for (int i = 0; b->file[i] && n < ALERT_RULES; i++)
        list[n++] = (struct in_force){b->file[i], INT64_MIN, INT64_MAX};
    for (int i = 0; i < s->n_ivs; i++) {
        const struct state_iv *iv = s->ivs[i];
        const struct state_change *c = iv ? state_change_at(iv->changes, iv->n_changes, t) : NULL;
        int64_t off;
        if (!c || c->state != IV_APPLIED || strcmp(iv->verb, "rule") != 0)
            continue;
        if (text_has_prefix(iv->target, "off ") && text_int(iv->target + 4, &off)) {
            for (int k = 0; k < n; k++)
                if (list[k].until == INT64_MAX && --off == 0)
                    list[k].until = iv->time;
        } else if (n < ALERT_RULES) {
            list[n++] = (struct in_force){iv->target, iv->time, INT64_MAX};
        }
    }
    return n;
}

int alert_rules(struct alert_book *b, const struct sweep_ref *ref, int64_t t, struct alert_count out[ALERT_RULES])
{
    struct in_force list[ALERT_RULES];
    int n = sweep_rules(b, ref->state, t, list), k = 0;
    for (int i = 0; i < n; i++) {
        struct entry *e = list[i].until == INT64_MAX ? entry_of(b, list[i].text, NULL) : NULL;
        if (!e)
            continue;
        out[k] = (struct alert_count){.text = list[i].text};
        for (int j = 0; j < e->n; j++)
            out[k].fired += e->v[j].time >= list[i].since && e->v[j].time <= t;
        k++;
    }
    return k;
}

static int by_time(const void *pa, const void *pb)
{
    const struct alert *a = pa, *b = pb;
    if (a->time != b->time)
        return (a->time > b->time) - (a->time < b->time);
    return a->trial != b->trial ? (a->trial > b->trial) - (a->trial < b->trial) : strcmp(a->rule->text, b->rule->text);
}

int alert_list(struct alert_book *b, const struct sweep_ref *ref, int64_t t, int64_t now, char *const *own, int n_own,
               struct alert **out, char **cause)
{
    struct in_force list[2 * ALERT_RULES];
    int n = sweep_rules(b, ref->state, t, list), found = 0;
    for (int i = 0; i < n_own && n < 2 * ALERT_RULES; i++)
        list[n++] = (struct in_force){own[i], INT64_MIN, INT64_MAX};
    *out = NULL;
    for (int i = 0; i < n; i++) {
        char *why = NULL;
        bool again = false;
        struct entry *e = entry_of(b, list[i].text, &why);
        for (int k = 0; k < i && e; k++)
            again |= strcmp(list[k].text, list[i].text) == 0 && list[k].until == INT64_MAX;
        if (!e && cause && !*cause) {
            *cause = why;
            why = NULL;
        }
        free(why);
        if (!e || again)
            continue;
        look(e, ref, now);
        *out = mem_resize(*out, (size_t)(found + e->n) + 1, sizeof **out);
        for (int k = 0; k < e->n; k++)
            if (e->v[k].time <= t && e->v[k].time >= list[i].since && e->v[k].time <= list[i].until)
                (*out)[found++] = e->v[k];
    }
    qsort(*out, (size_t)found, sizeof **out, by_time);
    return found;
}
