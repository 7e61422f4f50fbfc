/* view_insight: what a sweep says about its parameters and its methods as a whole: importance, how good the
 * trials of each group are over all (empirical distributions, not only the best), and the spread over seeds.
 * Where there are too few trials it says so in words and shows nothing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "hub/model_at.h"
#include "hub/params.h"

/* ---- importance ---- */

static void put_importance(const struct model *m, const struct model_importance *im, struct view_out *out)
{
    for (int i = 0; i < im->n; i++) {
        const struct importance_row *row = &im->rows[i];
        struct codec_writer w;
        view_part_begin(out, &w, i);
        cw_map(&w, 5);
        cw_kstr(&w, "param", m->space->params[row->param].name);
        view_kvalue(&w, "importance", row->share);
        view_kvalue(&w, "low", row->low);
        view_kvalue(&w, "high", row->high);
        cw_kstr(&w, "pair", row->pair < 0 ? NULL : m->space->params[row->pair].name);
        view_part_end(out);
    }
}

int view_importance(const struct view_request *rq, struct view_out *out, char **cause)
{
    char method[32] = "";
    cmap_strcpy(rq->body, "method", method, sizeof method);
    bool quick = strcmp(method, "quick") == 0;
    if (*method && !quick && strcmp(method, "fanova") != 0)
        return cause_set(cause, "no method '%s': there are fanova and quick", method);
    struct model_cache own = {.clock = 0}, *cache = rq->ref->models ? rq->ref->models : &own;
    struct model *m = model_at(cache, rq, cause);
    if (!m)
        return -1;
    const struct model_importance *im = model_importance(m, quick);
    struct codec_writer w;
    put_importance(m, im, out);
    view_head(out, &w, 5);
    cw_kstr(&w, "method", quick ? "quick" : "fanova");
    cw_kint(&w, "trials", m->history.done + m->history.pruned);
    cw_kbool(&w, "enough", im->n > 0);
    cw_kstr(&w, "why", im->why);
    view_kvalue(&w, "r2", im->r2);
    model_cache_release(&own);
    return view_rows_finish(rq, out, cause);
}

/* ---- groups ---- */

struct member { /* a trial that has ended */
    char *label;
    double place; /* of the group among the others, before its label */
    double loss;  /* NaN: failed */
};

/* The sampler that was at work at a time: as the sweep began, or what somebody switched to. */
static void tuner_at(const struct view_request *rq, int64_t t, char *out, size_t cap)
{
    const char *name = rq->s->info.tuner && *rq->s->info.tuner ? rq->s->info.tuner : "tuner";
    int64_t newest = INT64_MIN;
    for (int i = 0; i < rq->s->n_ivs; i++) {
        const struct state_iv *iv = rq->s->ivs[i];
        enum iv_state st;
        if (!iv || strcmp(iv->verb, "tuner") != 0 || !view_iv_at(rq, iv, &st) || st != IV_APPLIED)
            continue;
        int64_t since = iv->changes[iv->n_changes - 1].time;
        if (since <= t && since >= newest) {
            newest = since;
            name = iv->target;
        }
    }
    snprintf(out, cap, "%.*s", (int)strcspn(name, " ,"), name);
}

struct grouping {
    const struct view_request *rq;
    const struct model *m;
    enum { BY_TUNER, BY_ORIGIN, BY_VERSION, BY_PARAM } by;
    int param;
    double cuts[3]; /* of a number that is cut into quarters by rank */
    int n_cuts;     /* 0: each value is a group */
};

#define VALUES_MAX 12 /* groups of single values */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void cut_numbers(struct grouping *g)
{
    const struct history *h = &g->m->history;
    const struct param *p = &g->m->space->params[g->param];
    double *v = mem_alloc(((size_t)h->n + 1) * sizeof *v);
    int n = 0, distinct = 0;
    for (int i = 0; i < h->n; i++)
        if (!isnan(h->trials[i].dna[g->param]))
            v[n++] = h->trials[i].dna[g->param];
    qsort(v, (size_t)n, sizeof *v, ascending);
    for (int i = 0; i < n; i++)
        distinct += i == 0 || v[i] > v[i - 1];
    for (int k = 1; k < 4 && param_numeric(p) && distinct > VALUES_MAX; k++)
        g->cuts[g->n_cuts++] = v[(size_t)k * (size_t)n / 4];
    free(v);
}

static int read_grouping(struct grouping *g, char **cause)
{
    static const char *const names[] = {"tuner", "origin", "space_version"};
    char by[256] = "";
    cmap_strcpy(g->rq->body, "by", by, sizeof by);
    g->by = BY_TUNER;
    if (!*by)
        return 0;
    for (int i = 0; i < 3; i++)
        if (strcmp(names[i], by) == 0) {
            g->by = i;
            return 0;
        }
    g->by = BY_PARAM;
    g->param = space_find(g->m->space, by);
    if (g->param < 0)
        return cause_set(cause, "cannot group by '%s': tuner, origin, space_version or a parameter", by);
    cut_numbers(g);
    return 0;
}

/* Returns its place among the others. */
static double label_of(const struct grouping *g, const struct history_trial *t, char *out, size_t cap)
{
    const struct state_trial *tr = state_trial(g->rq->s, t->id);
    if (g->by == BY_ORIGIN || (g->by == BY_TUNER && strcmp(tr->origin, "tuner") != 0)) {
        snprintf(out, cap, "%s", tr->origin);
    } else if (g->by == BY_TUNER) {
        tuner_at(g->rq, tr->created, out, cap);
    } else if (g->by == BY_VERSION) {
        snprintf(out, cap, "version %d", tr->space_version);
    } else {
        const struct param *p = &g->m->space->params[g->param];
        double u = t->dna[g->param];
        struct tune_value v;
        if (isnan(u)) {
            snprintf(out, cap, "%s not there", p->name);
            return INFINITY;
        }
        if (g->n_cuts) {
            int k = 0;
            while (k < g->n_cuts && u >= g->cuts[k])
                k++;
            double from = param_value(p, k ? g->cuts[k - 1] : 0),
                   to = param_value(p, k < g->n_cuts ? g->cuts[k] : 1);
            snprintf(out, cap, "%s %.3g..%.3g", p->name, from, to);
            return k;
        } else {
            char text[80];
            param_decode(p, u, &v);
            tune_text(&v, text, sizeof text);
            snprintf(out, cap, "%s=%s", p->name, text);
            return u;
        }
    }
    return g->by == BY_VERSION ? tr->space_version : 0;
}

/* ---- empirical distributions ---- */

struct edf {
    struct member *v; /* by group, then best first, failed last */
    int n, valued;
    double v0, v1; /* the axis in losses: the best, and where few are worse */
};

static int by_label(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = strcmp(x->label, y->label);
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    if (order)
        return order;
    if (isnan(x->loss) || isnan(y->loss))
        return isnan(x->loss) - isnan(y->loss);
    return (x->loss > y->loss) - (x->loss < y->loss);
}

/* From the best to the worst, cut where few are far worse than most. */
static void span_losses(struct edf *e)
{
    double *v = mem_alloc(((size_t)e->n + 1) * sizeof *v);
    for (int i = 0; i < e->n; i++)
        if (!isnan(e->v[i].loss))
            v[e->valued++] = e->v[i].loss;
    qsort(v, (size_t)e->valued, sizeof *v, ascending);
    e->v0 = e->valued ? v[0] : NAN;
    e->v1 = e->valued ? fmin(v[e->valued - 1], v[e->valued / 2] + 3 * (v[e->valued / 2] - v[0])) : NAN;
    free(v);
}

/* The value of a column, as a loss. */
static double level_of(const struct edf *e, int column, int columns)
{
    return columns > 1 ? e->v0 + (e->v1 - e->v0) * column / (columns - 1) : e->v1;
}

static struct edf edf_of(const struct grouping *g)
{
    const struct history *h = &g->m->history;
    struct edf e = {.v = mem_zero((size_t)h->n + 1, sizeof *e.v)};
    for (int i = 0; i < h->n; i++) {
        const struct history_trial *t = &h->trials[i];
        char label[320];
        if (t->end != END_DONE && t->end != END_PRUNED && t->end != END_FAILED)
            continue;
        double place = label_of(g, t, label, sizeof label);
        e.v[e.n++] = (struct member){mem_str(label), place, t->end == END_FAILED ? NAN : t->loss};
    }
    qsort(e.v, (size_t)e.n, sizeof *e.v, by_label);
    span_losses(&e);
    return e;
}

/* A list has a row for each value and group instead of a row of all. */
static void put_levels(const struct view_request *rq, const struct edf *e, const struct member *v, int n,
                       const double *share, int columns, struct view_out *out)
{
    for (int c = 0; c < columns; c++) {
        struct codec_writer w;
        view_part_begin(out, &w, out->n_parts);
        cw_map(&w, 4);
        cw_kstr(&w, "label", v[0].label);
        cw_kint(&w, "trials", n);
        view_kvalue(&w, "value", model_value(rq, level_of(e, c, columns)));
        view_kvalue(&w, "share", share[c]);
        view_part_end(out);
    }
}

static void put_curve(const struct view_request *rq, const struct member *v, int n, int valued, const double *share,
                      int columns, struct view_out *out)
{
    struct codec_writer w;
    view_part_begin(out, &w, out->n_parts);
    cw_map(&w, 5);
    cw_kstr(&w, "label", v[0].label);
    cw_kint(&w, "trials", n);
    view_kvalue(&w, "best", valued ? model_value(rq, v[0].loss) : NAN);
    /* of all trials: where more than half failed there is none */
    view_kvalue(&w, "median", n / 2 < valued ? model_value(rq, v[n / 2].loss) : NAN);
    view_kcolumn(&w, "share", share, columns);
    view_part_end(out);
}

/* One group: v[0..n), best first. */
static void put_group(const struct view_request *rq, const struct edf *e, const struct member *v, int n,
                      int columns, struct view_out *out)
{
    double *share = mem_alloc((size_t)columns * sizeof *share);
    int valued = 0, at = 0;
    while (valued < n && !isnan(v[valued].loss))
        valued++;
    for (int c = 0; c < columns; c++) {
        double level = level_of(e, c, columns);
        while (at < valued && v[at].loss <= level)
            at++;
        share[c] = (double)at / n;
    }
    if (cmap_bool(rq->body, "list", false))
        put_levels(rq, e, v, n, share, columns, out);
    else
        put_curve(rq, v, n, valued, share, columns, out);
    free(share);
}

#define EDF_LEAST 5
#define EDF_LIST  11 /* values in a list: the best, the worst, and every tenth between */

int view_edf(const struct view_request *rq, struct view_out *out, char **cause)
{
    struct model_cache own = {.clock = 0}, *cache = rq->ref->models ? rq->ref->models : &own;
    struct grouping g = {.rq = rq, .m = model_at(cache, rq, cause)};
    bool list = cmap_bool(rq->body, "list", false);
    int columns = view_columns(rq, list ? EDF_LIST : 80), rc = g.m ? read_grouping(&g, cause) : -1;
    if (rc == 0) {
        struct edf e = edf_of(&g);
        struct codec_writer w;
        bool enough = e.valued >= EDF_LEAST;
        char why[96] = "";
        for (int i = 0, end; enough && i < e.n; i = end) {
            for (end = i + 1; end < e.n && strcmp(e.v[end].label, e.v[i].label) == 0; end++)
                ;
            put_group(rq, &e, e.v + i, end - i, columns, out);
        }
        if (!enough)
            snprintf(why, sizeof why, "not enough data: %d of at least %d trials have ended with a value",
                     e.valued, EDF_LEAST);
        out->count = out->n_parts;
        view_head(out, &w, 5);
        view_kvalue(&w, "v0", model_value(rq, e.v0));
        view_kvalue(&w, "v1", model_value(rq, e.v1));
        cw_kint(&w, "columns", columns);
        cw_kbool(&w, "enough", enough);
        cw_kstr(&w, "why", enough ? NULL : why);
        for (int i = 0; i < e.n; i++)
            free(e.v[i].label);
        free(e.v);
        if (list)
            rc = view_rows_finish(rq, out, cause);
    }
    model_cache_release(&own);
    return rc;
}

/* ---- seeds ---- */

struct spread {
    int n;
    double mean, m2, min, max; /* Welford 1962 */
};

static void spread_add(struct spread *s, double v)
{
    double off = v - s->mean;
    s->min = s->n ? fmin(s->min, v) : v;
    s->max = s->n ? fmax(s->max, v) : v;
    s->mean += off / ++s->n;
    s->m2 += off * (v - s->mean);
}

/* What a run reported last as of the request, if that still counts. */
static bool run_value(const struct view_request *rq, const struct state_trial *tr, const struct state_run *r,
                      double *out)
{
    struct series_point p;
    if (r->test) {
        const struct series *s = state_series_at(&r->reports, rq->t);
        bool any = s && series_last(s, rq->t, &p);
        *out = any ? p.value : NAN;
        return any && isfinite(p.value);
    }
    int from = 0, n = STATE_PREFIX(tr->reports, tr->n_reports, struct state_report, time, rq->t),
        resets = STATE_PREFIX(tr->resets, tr->n_resets, struct state_reset, time, rq->t);
    from = resets ? tr->resets[resets - 1].n_reports : 0;
    while (n > from && tr->reports[n - 1].run != r->run)
        n--;
    *out = n > from ? tr->reports[n - 1].value : NAN;
    return n > from && isfinite(*out);
}

/* Of several runs with one seed the newest that said something counts. */
static bool superseded(const struct view_request *rq, const struct state_trial *tr, int at)
{
    const struct state_run *r = rq->s->runs[tr->runs[at]];
    double v;
    for (int i = at + 1; i < tr->n_runs; i++) {
        const struct state_run *later = rq->s->runs[tr->runs[i]];
        if (view_has_run(rq, later) && later->seed == r->seed && later->test == r->test &&
            run_value(rq, tr, later, &v))
            return true;
    }
    return false;
}

static void add_runs(const struct view_request *rq, const struct state_trial *tr, struct spread *tuning,
                     struct spread *test)
{
    for (int i = 0; i < tr->n_runs; i++) {
        const struct state_run *r = rq->s->runs[tr->runs[i]];
        double v;
        if (view_has_run(rq, r) && run_value(rq, tr, r, &v) && !superseded(rq, tr, i))
            spread_add(r->test ? test : tuning, v);
    }
}

static double deviation(const struct spread *s)
{
    return s->n > 1 ? sqrt(s->m2 / (s->n - 1)) : NAN;
}

static void put_spread(const struct state_trial *tr, const struct spread *a, const struct spread *test,
                       struct view_out *out)
{
    struct codec_writer w;
    view_part_begin(out, &w, out->n_parts);
    cw_map(&w, 9);
    cw_kint(&w, "trial", tr->trial);
    cw_kint(&w, "n", a->n);
    view_kvalue(&w, "mean", a->n ? a->mean : NAN);
    view_kvalue(&w, "deviation", deviation(a));
    view_kvalue(&w, "min", a->n ? a->min : NAN);
    view_kvalue(&w, "max", a->n ? a->max : NAN);
    cw_kint(&w, "test_n", test->n);
    view_kvalue(&w, "test_mean", test->n ? test->mean : NAN);
    view_kvalue(&w, "test_deviation", deviation(test));
    view_part_end(out);
}

int view_seeds(const struct view_request *rq, struct view_out *out, char **cause)
{
    double squares = 0;
    int freedom = 0;
    for (int i = 0; i < rq->s->n_trials; i++) {
        const struct state_trial *tr = rq->s->trials[i];
        struct spread a = {.n = 0}, test = {.n = 0};
        if (!view_has_trial(rq, tr))
            continue;
        add_runs(rq, tr, &a, &test);
        if (a.n < 2 && !test.n)
            continue;
        squares += a.m2;
        freedom += a.n > 1 ? a.n - 1 : 0;
        put_spread(tr, &a, &test, out);
    }
    struct codec_writer w;
    view_head(out, &w, 4);
    cw_kint(&w, "trials", out->n_parts);
    view_kvalue(&w, "deviation", freedom ? sqrt(squares / freedom) : NAN);
    cw_kbool(&w, "enough", out->n_parts > 0);
    cw_kstr(&w, "why", out->n_parts ? NULL : "no trial has a value from more than one seed");
    return view_rows_finish(rq, out, cause);
}
