/* view_pareto: several objectives: which trials nothing dominates, and how much they dominate together, over time. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hub/view_parts.h"
#include "tune/pareto.h"
#include "tune/tuner.h"

struct set {
    const struct view_request *rq;
    int n, m;
    int *trial;
    int64_t *done;                     /* when it ended */
    double *values, *losses;           /* n x m */
    double reference[OBJECTIVES_MAX];  /* as losses */
};

static int64_t done_at(const struct view_request *rq, const struct state_trial *tr)
{
    const struct state_change *c = state_change_at(tr->changes, tr->n_changes, rq->t);
    return c && c->state == TRIAL_DONE ? c->time : -1;
}

static void collect(struct set *p)
{
    const struct state *s = p->rq->s;
    size_t rows = (size_t)s->n_trials + 1, m = (size_t)p->m;
    p->trial = mem_zero(rows, sizeof *p->trial);
    p->done = mem_zero(rows, sizeof *p->done);
    p->values = mem_zero(rows * m, sizeof *p->values);
    p->losses = mem_zero(rows * m, sizeof *p->losses);
    for (int i = 0; i < s->n_trials; i++) {
        const struct state_trial *tr = s->trials[i];
        double *v = p->values + (size_t)p->n * m;
        bool finite = true;
        if (!view_has_trial(p->rq, tr) || (p->done[p->n] = done_at(p->rq, tr)) < 0)
            continue;
        state_values_at(s, tr, p->rq->t, v);
        for (size_t k = 0; k < m; k++) {
            finite &= isfinite(v[k]);
            p->losses[(size_t)p->n * m + k] = s->info.objectives[k].maximize ? -v[k] : v[k];
        }
        if (finite)
            p->trial[p->n++] = i;
    }
    pareto_reference(p->losses, p->n, p->m, p->reference);
    for (int k = 0; k < p->m; k++) {
        const struct state_objective *o = &s->info.objectives[k];
        if (isfinite(o->reference))
            p->reference[k] = o->maximize ? -o->reference : o->reference;
    }
}

static void release(struct set *p)
{
    free(p->trial);
    free(p->done);
    free(p->values);
    free(p->losses);
}

static void put_rows(const struct set *p, struct view_out *out)
{
    int *front = mem_zero((size_t)p->n + 1, sizeof *front);
    pareto_fronts(p->losses, p->n, p->m, front);
    for (int i = 0; i < p->n; i++) {
        const struct state_trial *tr = p->rq->s->trials[p->trial[i]];
        struct codec_writer w;
        view_part_begin(out, &w, i);
        cw_map(&w, 4);
        cw_kint(&w, "trial", tr->trial);
        cw_kstr(&w, "state", trial_state_name(state_trial_at(tr, p->rq->t)));
        cw_str(&w, "values");
        cw_array(&w, (size_t)p->m);
        for (int k = 0; k < p->m; k++)
            cw_double(&w, p->values[i * p->m + k]);
        cw_kint(&w, "front", front[i]);
        view_part_end(out);
    }
    free(front);
}

/* The volume at the end of each column. */
static void volumes(const struct set *p, int64_t t0, int64_t t1, int columns, double *out)
{
    double *x = mem_zero(((size_t)p->n + 1) * (size_t)p->m, sizeof *x);
    int had = -1;
    for (int c = 0; c < columns; c++) {
        int64_t until = c + 1 == columns ? t1 : t0 + (int64_t)((double)(t1 - t0) * (c + 1) / columns);
        int n = 0;
        for (int i = 0; i < p->n; i++)
            for (int k = 0; p->done[i] <= until && k < p->m; k++) {
                x[n * p->m + k] = p->losses[i * p->m + k];
                n += k == p->m - 1;
            }
        out[c] = n == had ? out[c - 1] : pareto_volume(x, n, p->m, p->reference);
        had = n;
    }
    free(x);
}

static void put_head(const struct set *p, int columns, struct view_out *out)
{
    const struct sweep_info *f = &p->rq->s->info;
    int64_t t0 = p->rq->s->first_time, t1 = p->rq->now;
    double *over = mem_zero((size_t)columns, sizeof *over);
    struct codec_writer w;
    bool enough = p->m > 1 && p->n > 0;
    if (p->m > 1)
        volumes(p, t0, t1, columns, over);
    view_head(out, &w, 8);
    cw_str(&w, "objectives");
    cw_array(&w, (size_t)p->m);
    for (int k = 0; k < p->m; k++) {
        cw_map(&w, 2);
        cw_kstr(&w, "name", p->m > 1 ? f->objectives[k].name : f->metric);
        cw_kstr(&w, "goal", (p->m > 1 ? f->objectives[k].maximize : f->maximize) ? "maximize" : "minimize");
    }
    cw_str(&w, "reference");
    cw_array(&w, p->m > 1 ? (size_t)p->m : 0);
    for (int k = 0; p->m > 1 && k < p->m; k++)
        cw_double(&w, f->objectives[k].maximize ? -p->reference[k] : p->reference[k]);
    view_kvalue(&w, "hypervolume", enough ? over[columns - 1] : NAN);
    view_kcolumn(&w, "over_time", over, columns);
    view_ktime(&w, "t0", t0);
    view_ktime(&w, "t1", t1);
    cw_kbool(&w, "enough", enough);
    cw_kstr(&w, "why", enough      ? ""
                       : p->m > 1 ? "no trial has a value of every objective yet"
                                  : "this sweep has one objective: hypertop: {objectives: [...]} in the sweep file declares more");
    free(over);
}

int view_pareto(const struct view_request *rq, struct view_out *out, char **cause)
{
    int n = rq->s->info.n_objectives;
    struct set p = {.rq = rq, .m = n > 1 ? n : 1};
    if (n > 1)
        collect(&p);
    put_rows(&p, out);
    put_head(&p, view_columns(rq, 80), out);
    release(&p);
    return view_rows_finish(rq, out, cause);
}
