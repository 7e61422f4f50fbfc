/* view_curve: metrics of runs as columns on one pair of axes. Time axes count seconds from each run's first
 * point, so that runs that started at different times lie over each other.
 *
 * A part is a run, or a group of runs (the repeats of a trial, or the trials that share a value of a
 * parameter): then its mean is that of the runs' own means, min and max are those among them, and a run
 * without a point in a column counts with the value between its neighbours, so that a group's mean does not
 * jump with who happened to report. */
#include "hub/curve_group.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/curve_axis.h"
#include "hub/trial_row.h"

#define MAX_CURVES  512
#define MAX_METRICS 12

struct curve {
    const struct state_run *run;
    const struct series *series;
    struct curve_axis axis;
    int metric, group;
    double x0, x1; /* of its points, in the axis's unit */
};

struct plot {
    const struct view_request *rq;
    char x[64]; /* step, time or a metric */
    bool log_x;
    char metrics[MAX_METRICS][64]; /* "" the objective */
    int n_metrics;
    struct curve curves[MAX_CURVES];
    int n;
    bool cut;  /* there were more than MAX_CURVES */
    bool no_x; /* a run was left out for want of the x metric */
    struct curve_groups groups;
    bool grouped;
    double x0, x1;
    int columns;
};

static const char *metric_name(const struct plot *p, int i)
{
    const char *objective = p->rq->s->info.metric;
    return p->metrics[i][0] ? p->metrics[i] : objective ? objective : "";
}

static const struct series *named_series(const struct plot *p, const struct state_run *r, const char *name)
{
    if (!name[0])
        return view_objective(p->rq, r);
    const struct state_metric *m = state_metric(r, name);
    bool objective = !m && p->rq->s->info.metric && strcmp(name, p->rq->s->info.metric) == 0;
    const struct state_takes *takes = m ? &m->takes : objective ? &r->reports : NULL;
    return takes ? state_series_at(takes, p->rq->t) : NULL;
}

static bool axis_of(struct plot *p, const struct state_run *r, const struct series *s, struct curve_axis *a)
{
    curve_axis_steps(a);
    if (strcmp(p->x, "time") == 0)
        curve_axis_time(a, s, p->rq->t);
    else if (strcmp(p->x, "step") != 0) {
        const struct series *x = named_series(p, r, p->x);
        if (!x || !curve_axis_metric(a, x, p->rq->t)) {
            p->no_x = true;
            return false;
        }
    }
    return true;
}

static void add_metric(struct plot *p, const struct state_run *r, int metric)
{
    const struct series *s = named_series(p, r, p->metrics[metric]);
    struct curve c = {.run = r, .series = s, .metric = metric};
    if (!s || series_count(s, p->rq->t) == 0 || !axis_of(p, r, s, &c.axis))
        return;
    if (p->n == MAX_CURVES || !curve_axis_range(&c.axis, s, p->rq->t, &c.x0, &c.x1)) {
        p->cut = p->n == MAX_CURVES;
        curve_axis_release(&c.axis);
        return;
    }
    p->x0 = p->n == 0 || c.x0 < p->x0 ? c.x0 : p->x0;
    p->x1 = p->n == 0 || c.x1 > p->x1 ? c.x1 : p->x1;
    p->curves[p->n++] = c;
}

static void add_run(struct plot *p, const struct state_run *r)
{
    for (int i = 0; i < p->n_metrics; i++)
        add_metric(p, r, i);
}

/* ---- which runs ---- */

static void add_runs_of(struct plot *p, const struct state_trial *tr)
{
    for (int i = 0; i < tr->n_runs; i++) {
        const struct state_run *r = p->rq->s->runs[tr->runs[i]];
        if (view_has_run(p->rq, r))
            add_run(p, r);
    }
}

static int add_trial(struct plot *p, int64_t id, char **cause)
{
    const struct state_trial *tr = view_one_trial(p->rq, id, cause);
    if (!tr)
        return -1;
    add_runs_of(p, tr);
    return 0;
}

/* The best of those that the filter lets through; trials without a value come last, the oldest first. */
static int add_best(struct plot *p, int64_t want, char **cause)
{
    const struct state *s = p->rq->s;
    char text[FILTER_MAX_TEXT + 2] = "";
    cmap_strcpy(p->rq->body, "filter", text, sizeof text);
    struct filter *f = filter_parse(text, cause);
    if (!f)
        return -1;
    struct view_key *keys = mem_alloc(((size_t)s->n_trials + 1) * sizeof *keys);
    int n = 0;
    for (int i = 0; i < s->n_trials; i++) {
        struct trial_row row;
        if (!view_has_trial(p->rq, s->trials[i]))
            continue;
        trial_row_begin(&row, p->rq, s->trials[i]);
        struct filter_subject subject = trial_row_subject(&row);
        if (filter_match(f, &subject))
            keys[n++] = (struct view_key){trial_row_get(&row, "value"), s->trials[i]->trial, i};
    }
    filter_free(f);
    int first = want < n ? (int)want : n;
    view_sort_first(keys, n, first, s->info.maximize);
    for (int i = 0; i < first; i++)
        add_runs_of(p, s->trials[keys[i].at]);
    free(keys);
    return 0;
}

static int choose_runs(struct plot *p, char **cause)
{
    struct codec_reader r;
    struct span body = p->rq->body;
    int64_t run = cmap_int(body, "run", -1), trial = cmap_int(body, "trial", -1),
            best = cmap_int(body, "best", -1);
    if (run >= 0) {
        const struct state_run *one = view_one_run(p->rq, run, cause);
        if (!one)
            return -1;
        add_run(p, one);
        return 0;
    }
    if (trial >= 0)
        return add_trial(p, trial, cause);
    if (best >= 0)
        return add_best(p, best, cause);
    if (!cmap_find(body, "trials", &r) || cr_peek(&r) != CT_ARRAY)
        return 0;
    for (size_t n = cr_array(&r); n > 0 && cr_ok(&r); n--)
        if (add_trial(p, cr_int(&r), cause) != 0)
            return -1;
    return 0;
}

static void group_runs(struct plot *p, const char *by)
{
    p->grouped = by[0] && strcmp(by, "run") != 0;
    if (!p->grouped)
        return;
    const struct state_trial *trials[MAX_CURVES];
    int at[MAX_CURVES];
    for (int i = 0; i < p->n; i++)
        trials[i] = state_trial(p->rq->s, p->curves[i].run->trial);
    curve_groups_make(&p->groups, by, trials, p->n, at);
    for (int i = 0; i < p->n; i++)
        p->curves[i].group = at[i];
}

/* ---- writing ---- */

static int count_runs(const struct view_request *rq, int64_t trial)
{
    const struct state_trial *tr = state_trial(rq->s, trial);
    int n = 0;
    for (int i = 0; i < tr->n_runs; i++)
        n += view_has_run(rq, rq->s->runs[tr->runs[i]]);
    return n;
}

/* Interventions that took effect in this run at a step, and where that is on the axis. */
static void put_marks(const struct plot *p, const struct curve *c, struct codec_writer *w)
{
    const struct state *s = p->rq->s;
    int n = 0;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) {
            cw_str(w, "marks");
            cw_array(w, (size_t)n);
        }
        for (int i = 0; i < s->n_ivs; i++) {
            const struct state_iv *iv = s->ivs[i];
            int k = iv ? STATE_PREFIX(iv->changes, iv->n_changes, struct state_change, time, p->rq->t) : 0;
            if (k == 0 || iv->run != c->run->run || iv->steps[k - 1] < 0)
                continue;
            n += pass == 0;
            if (pass == 0)
                continue;
            double at = (double)iv->steps[k - 1];
            if (c->axis.x == SERIES_TIME)
                at = (double)iv->changes[k - 1].time;
            cw_array(w, 2);
            cw_int(w, iv->id);
            cw_double(w, curve_axis_at(&c->axis, at));
        }
    }
}

static void put_common(const struct plot *p, const struct curve *c, struct codec_writer *w)
{
    const struct view_request *rq = p->rq;
    struct series_point first, last, nan = {.step = -1};
    int64_t bad = series_first_nan(c->series, rq->t);
    if (bad >= 0)
        series_at(c->series, (uint64_t)bad, &nan);
    series_at(c->series, 0, &first);
    series_last(c->series, rq->t, &last);
    cw_kstr(w, "metric", metric_name(p, c->metric));
    view_kvalue(w, "first", first.value);
    view_kvalue(w, "last", last.value);
    cw_kint(w, "last_step", last.step);
    view_ktime(w, "nan_step", nan.step);
    view_kvalue(
        w, "nan_x",
        bad < 0 ? NAN
                : curve_axis_at(&c->axis, c->axis.x == SERIES_TIME ? (double)nan.time : (double)nan.step));
    put_marks(p, c, w);
}

#define COMMON_PAIRS 7

static void widen(const double *v, int n, double *y0, double *y1)
{
    for (int i = 0; i < n; i++)
        if (isfinite(v[i])) {
            *y0 = v[i] < *y0 ? v[i] : *y0;
            *y1 = v[i] > *y1 ? v[i] : *y1;
        }
}

static struct curve_span span_of(const struct plot *p)
{
    return (struct curve_span){p->x0, p->x1, p->columns, p->log_x && p->x0 > 0 && p->x1 > p->x0};
}

static void put_curve(const struct plot *p, const struct curve *c, struct view_out *out, double *y0,
                      double *y1)
{
    const struct view_request *rq = p->rq;
    size_t n = (size_t)p->columns;
    double *min = mem_alloc(3 * n * sizeof *min), *max = min + n, *mean = max + n;
    struct codec_writer w;
    struct curve_span k = span_of(p);
    char label[64];
    curve_axis_columns(&c->axis, c->series, &k, rq->t, min, max, mean);
    widen(min, p->columns, y0, y1);
    widen(max, p->columns, y0, y1);
    bool alone = count_runs(rq, c->run->trial) == 1;
    snprintf(label, sizeof label, alone ? "t%lld" : "t%lld seed %lld", (long long)c->run->trial,
             (long long)c->run->seed);
    view_part_begin(out, &w, out->n_parts);
    cw_map(&w, 10 + COMMON_PAIRS);
    cw_kint(&w, "trial", c->run->trial);
    cw_kint(&w, "run", c->run->run);
    cw_kstr(&w, "label", label);
    cw_kint(&w, "runs", 1);
    cw_kint(&w, "n", (int64_t)series_count(c->series, rq->t));
    cw_kdouble(&w, "x0", c->x0);
    cw_kdouble(&w, "x1", c->x1);
    view_kcolumn(&w, "min", min, p->columns);
    view_kcolumn(&w, "max", max, p->columns);
    view_kcolumn(&w, "mean", mean, p->columns);
    put_common(p, c, &w);
    view_part_end(out);
    free(min);
}

/* One group under one metric; nothing when none of its runs has it. */
static void put_group(const struct plot *p, int group, int metric, struct view_out *out, double *y0,
                      double *y1)
{
    const struct curve *one = NULL;
    struct curve_sum sum;
    struct curve_span k = span_of(p);
    double x0 = INFINITY, x1 = -INFINITY;
    int64_t points = 0;
    for (int i = 0; i < p->n; i++) {
        const struct curve *c = &p->curves[i];
        if (c->group != group || c->metric != metric)
            continue;
        if (!one)
            curve_sum_begin(&sum, p->columns);
        double *min = curve_sum_room(&sum), *max = min + p->columns, *mean = max + p->columns;
        curve_axis_columns(&c->axis, c->series, &k, p->rq->t, min, max, mean);
        curve_sum_add(&sum);
        x0 = c->x0 < x0 ? c->x0 : x0;
        x1 = c->x1 > x1 ? c->x1 : x1;
        points += (int64_t)series_count(c->series, p->rq->t);
        one = !one || c->run->run > one->run->run ? c : one;
    }
    if (!one)
        return;
    curve_sum_end(&sum);
    widen(sum.min, p->columns, y0, y1);
    widen(sum.max, p->columns, y0, y1);
    const struct curve_group *g = &p->groups.v[group];
    struct codec_writer w;
    view_part_begin(out, &w, out->n_parts);
    cw_map(&w, 13 + COMMON_PAIRS);
    cw_kint(&w, "trial", g->trial);
    cw_kint(&w, "run", sum.runs == 1 ? one->run->run : -1);
    cw_kstr(&w, "label", g->label);
    cw_kstr(&w, "group", g->label);
    cw_kint(&w, "trials", g->trials);
    cw_kint(&w, "runs", sum.runs);
    cw_kint(&w, "n", points);
    cw_kdouble(&w, "x0", x0);
    cw_kdouble(&w, "x1", x1);
    view_kcolumn(&w, "min", sum.min, p->columns);
    view_kcolumn(&w, "max", sum.max, p->columns);
    view_kcolumn(&w, "mean", sum.mean, p->columns);
    view_kcolumn(&w, "deviation", sum.deviation, p->columns);
    put_common(p, one, &w);
    view_part_end(out);
    curve_sum_release(&sum);
}

static void head_of_plot(const struct plot *p, double y0, double y1, struct view_out *out)
{
    struct codec_writer w;
    char why[160] = "";
    if (p->no_x)
        snprintf(why, sizeof why, "%s logged %s%.60s", p->n ? "some runs" : "no run", p->n ? "no " : "",
                 p->x);
    else if (p->cut)
        snprintf(why, sizeof why, "only the first %d curves are drawn", MAX_CURVES);
    view_head(out, &w, 9);
    cw_kdouble(&w, "x0", p->x0);
    cw_kdouble(&w, "x1", p->x1);
    view_kvalue(&w, "y0", y0);
    view_kvalue(&w, "y1", y1);
    cw_kstr(&w, "metric", metric_name(p, 0));
    cw_kint(&w, "columns", p->columns);
    cw_kstr(&w, "x", p->x);
    cw_kbool(&w, "log_x", span_of(p).log);
    cw_kstr(&w, "why", why[0] ? why : NULL);
}

static void read_metrics(struct plot *p)
{
    struct codec_reader r;
    p->n_metrics = 1;
    cmap_strcpy(p->rq->body, "metric", p->metrics[0], sizeof p->metrics[0]);
    if (!cmap_find(p->rq->body, "metrics", &r) || cr_peek(&r) != CT_ARRAY)
        return;
    int n = 0;
    for (size_t k = cr_array(&r); k > 0 && cr_ok(&r) && n < MAX_METRICS; k--)
        span_copy(p->metrics[n++], sizeof p->metrics[0], cr_str(&r));
    p->n_metrics = n ? n : 1;
}

static void put_all(const struct plot *p, struct view_out *out)
{
    double y0 = INFINITY, y1 = -INFINITY;
    for (int i = 0; !p->grouped && i < p->n; i++)
        put_curve(p, &p->curves[i], out, &y0, &y1);
    for (int g = 0; g < p->groups.n; g++)
        for (int m = 0; m < p->n_metrics; m++)
            put_group(p, g, m, out, &y0, &y1);
    out->count = out->n_parts;
    head_of_plot(p, y0, y1, out);
}

int view_curve(const struct view_request *rq, struct view_out *out, char **cause)
{
    struct plot *p = MEM_NEW(struct plot);
    char by[64] = "";
    p->rq = rq;
    p->columns = view_columns(rq, 80);
    p->log_x = cmap_bool(rq->body, "log_x", false);
    cmap_strcpy(rq->body, "group", by, sizeof by);
    if (!cmap_strcpy(rq->body, "x", p->x, sizeof p->x) || !p->x[0])
        snprintf(p->x, sizeof p->x, "step");
    read_metrics(p);
    int rc = choose_runs(p, cause);
    if (rc == 0) {
        double x0 = cmap_double(rq->body, "x0", NAN), x1 = cmap_double(rq->body, "x1", NAN);
        p->x0 = isfinite(x0) ? x0 : p->x0;
        p->x1 = isfinite(x1) && x1 >= p->x0 ? x1 : p->x1;
        group_runs(p, by);
        put_all(p, out);
    }
    curve_groups_release(&p->groups);
    for (int i = 0; i < p->n; i++)
        curve_axis_release(&p->curves[i].axis);
    free(p);
    return rc;
}
