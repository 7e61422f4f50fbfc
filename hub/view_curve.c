/* view_curve: metrics of runs as columns on one pair of axes, and the incumbent over time. Time axes count
 * seconds from each run's first point, so that runs that started at different times lie over each other. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/view_parts.h"

#define MAX_CURVES 512

struct curve {
    const struct state_run *run;
    const struct series *series;
    double zero;   /* what is subtracted from x: ns of the first point for time, 0 for steps */
    double x0, x1; /* of its points, in the axis's unit */
};

struct plot {
    const struct view_request *rq;
    enum series_x axis;
    char metric[64]; /* "" the objective */
    struct curve curves[MAX_CURVES];
    int n;
    double x0, x1;
    int columns;
};

static double to_axis(const struct plot *p, const struct curve *c, double x)
{
    return p->axis == SERIES_TIME ? (x - c->zero) / 1e9 : x;
}

static double from_axis(const struct plot *p, const struct curve *c, double x)
{
    return p->axis == SERIES_TIME ? x * 1e9 + c->zero : x;
}

static void add_run(struct plot *p, const struct state_run *r)
{
    const struct series *s;
    double lo, hi;
    if (p->metric[0]) {
        const struct state_metric *m = state_metric(r, p->metric);
        bool objective = !m && p->rq->s->info.metric && strcmp(p->metric, p->rq->s->info.metric) == 0;
        const struct state_takes *takes = m ? &m->takes : objective ? &r->reports : NULL;
        s = takes ? state_series_at(takes, p->rq->t) : NULL;
    } else {
        s = view_objective(p->rq, r);
    }
    if (!s || p->n == MAX_CURVES || !series_range(s, p->axis, p->rq->t, &lo, &hi))
        return;
    struct curve *c = &p->curves[p->n++];
    *c = (struct curve){.run = r, .series = s, .zero = p->axis == SERIES_TIME ? lo : 0};
    c->x0 = to_axis(p, c, lo);
    c->x1 = to_axis(p, c, hi);
    p->x0 = p->n == 1 || c->x0 < p->x0 ? c->x0 : p->x0;
    p->x1 = p->n == 1 || c->x1 > p->x1 ? c->x1 : p->x1;
}

static int add_trial(struct plot *p, int64_t id, char **cause)
{
    const struct state_trial *tr = view_one_trial(p->rq, id, cause);
    if (!tr)
        return -1;
    for (int i = 0; i < tr->n_runs; i++) {
        const struct state_run *r = p->rq->s->runs[tr->runs[i]];
        if (view_has_run(p->rq, r))
            add_run(p, r);
    }
    return 0;
}

static int choose_runs(struct plot *p, char **cause)
{
    struct codec_reader r;
    int64_t run = cmap_int(p->rq->body, "run", -1), trial = cmap_int(p->rq->body, "trial", -1);
    if (run >= 0) {
        const struct state_run *one = view_one_run(p->rq, run, cause);
        if (!one)
            return -1;
        add_run(p, one);
        return 0;
    }
    if (trial >= 0)
        return add_trial(p, trial, cause);
    if (!cmap_find(p->rq->body, "trials", &r) || cr_peek(&r) != CT_ARRAY)
        return 0;
    for (size_t n = cr_array(&r); n > 0 && cr_ok(&r); n--)
        if (add_trial(p, cr_int(&r), cause) != 0)
            return -1;
    return 0;
}

static int count_runs(const struct view_request *rq, int64_t trial)
{
    const struct state_trial *tr = state_trial(rq->s, trial);
    int n = 0;
    for (int i = 0; i < tr->n_runs; i++)
        n += view_has_run(rq, rq->s->runs[tr->runs[i]]);
    return n;
}

static void put_curve(struct plot *p, const struct curve *c, struct view_out *out, double *y0, double *y1)
{
    const struct view_request *rq = p->rq;
    size_t n = (size_t)p->columns;
    double *min = mem_alloc(3 * n * sizeof *min), *max = min + n, *mean = max + n;
    struct series_point first, last, nan = {.step = -1};
    struct codec_writer w;
    char label[64];
    series_columns(c->series, p->axis, from_axis(p, c, p->x0), from_axis(p, c, p->x1), rq->t, p->columns, min,
                   max, mean);
    for (size_t i = 0; i < n; i++) {
        *y0 = min[i] < *y0 ? min[i] : *y0;
        *y1 = max[i] > *y1 ? max[i] : *y1;
    }
    int64_t bad = series_first_nan(c->series, rq->t);
    if (bad >= 0)
        series_at(c->series, (uint64_t)bad, &nan);
    series_at(c->series, 0, &first);
    series_last(c->series, rq->t, &last);
    bool alone = count_runs(rq, c->run->trial) == 1;
    snprintf(label, sizeof label, alone ? "t%lld" : "t%lld seed %lld", (long long)c->run->trial,
             (long long)c->run->seed);

    view_part_begin(out, &w, out->n_parts);
    cw_map(&w, 14);
    cw_kint(&w, "trial", c->run->trial);
    cw_kint(&w, "run", c->run->run);
    cw_kstr(&w, "metric", p->metric[0] ? p->metric : rq->s->info.metric);
    cw_kstr(&w, "label", label);
    cw_kint(&w, "n", (int64_t)series_count(c->series, rq->t));
    cw_kdouble(&w, "x0", c->x0);
    cw_kdouble(&w, "x1", c->x1);
    view_kcolumn(&w, "min", min, p->columns);
    view_kcolumn(&w, "max", max, p->columns);
    view_kcolumn(&w, "mean", mean, p->columns);
    view_kvalue(&w, "first", first.value);
    view_kvalue(&w, "last", last.value);
    cw_kint(&w, "last_step", last.step);
    view_ktime(&w, "nan_step", nan.step);
    view_part_end(out);
    free(min);
}

static void head_of_plot(struct plot *p, double y0, double y1, struct view_out *out)
{
    struct codec_writer w;
    view_head(out, &w, 7);
    cw_kdouble(&w, "x0", p->x0);
    cw_kdouble(&w, "x1", p->x1);
    view_kvalue(&w, "y0", y0);
    view_kvalue(&w, "y1", y1);
    cw_kstr(&w, "metric", p->metric[0] ? p->metric : p->rq->s->info.metric);
    cw_kint(&w, "columns", p->columns);
    cw_kstr(&w, "x", p->axis == SERIES_TIME ? "time" : "step");
}

int view_curve(const struct view_request *rq, struct view_out *out, char **cause)
{
    struct plot *p = MEM_NEW(struct plot);
    double y0 = INFINITY, y1 = -INFINITY;
    p->rq = rq;
    p->columns = view_columns(rq, 80);
    p->axis = span_eq(cmap_str(rq->body, "x"), "time") ? SERIES_TIME : SERIES_STEP;
    cmap_strcpy(rq->body, "metric", p->metric, sizeof p->metric);
    int rc = choose_runs(p, cause);
    if (rc == 0) {
        double x0 = cmap_double(rq->body, "x0", NAN), x1 = cmap_double(rq->body, "x1", NAN);
        p->x0 = isfinite(x0) ? x0 : p->x0;
        p->x1 = isfinite(x1) && x1 >= p->x0 ? x1 : p->x1;
        for (int i = 0; i < p->n; i++)
            put_curve(p, &p->curves[i], out, &y0, &y1);
        out->count = out->n_parts;
        head_of_plot(p, y0, y1, out);
    }
    free(p);
    return rc;
}

/* ---- best so far ---- */

/* The best value that any incumbent had by each moment. An incumbent is judged by its last report, so its value may get
 * worse again; what was once reached was reached. */

int view_best(const struct view_request *rq, struct view_out *out, char **cause)
{
    int columns = view_columns(rq, 80);
    double *value = mem_alloc((size_t)columns * sizeof *value);
    int64_t t0 = rq->s->first_time, t1 = rq->now > t0 ? rq->now : t0;
    struct codec_writer w;
    const struct state_improvement *next = rq->s->best, *end = next + rq->s->n_best;
    double best = NAN;
    (void)cause;
    for (int c = 0; c < columns; c++) {
        int64_t at = t0 + (int64_t)((double)(t1 - t0) * (c + 1) / columns);
        if (at > rq->t)
            at = rq->t;
        for (; next < end && next->time <= at; next++)
            if (isfinite(next->value) &&
                (isnan(best) || (rq->s->info.maximize ? next->value > best : next->value < best)))
                best = next->value;
        value[c] = best;
    }
    view_head(out, &w, 4);
    cw_kint(&w, "t0", t0);
    cw_kint(&w, "t1", t1);
    cw_kint(&w, "columns", columns);
    view_kcolumn(&w, "value", value, columns);
    free(value);
    return 0;
}
