/* state_values: several objectives: what a trial has reached in each, and what is said about them in the first event. */
#include <math.h>
#include <stdlib.h>

#include "hub/state_parts.h"

#define MAX_OBJECTIVES 16

void state_objectives_read(struct sweep_info *f, struct span body)
{
    struct span list = cmap_value(body, "objectives");
    struct codec_reader r;
    if (!list.n)
        return;
    cr_init(&r, list.p, list.n);
    if (cr_peek(&r) != CT_ARRAY)
        return;
    for (size_t n = cr_array(&r); n > 0 && cr_ok(&r) && f->n_objectives < MAX_OBJECTIVES; n--) {
        struct span one = cr_value(&r);
        char *name = cmap_strdup(one, "name");
        if (!name)
            continue;
        STATE_PUSH(f->objectives, f->n_objectives) =
            (struct state_objective){name, span_eq(cmap_str(one, "goal"), "maximize"), cmap_double(one, "reference", NAN)};
    }
}

void state_objectives_free(struct sweep_info *f)
{
    for (int i = 0; i < f->n_objectives; i++)
        free(f->objectives[i].name);
    free(f->objectives);
}

/* A later run of the same seed took its place. */
static bool replaced(const struct state *s, const struct state_trial *tr, int run, const char *metric, int64_t t)
{
    for (int k = run + 1; k < tr->n_runs; k++) {
        const struct state_run *later = s->runs[tr->runs[k]];
        const struct state_metric *m = state_metric(later, metric);
        const struct series *series = m ? state_series_at(&m->takes, t) : NULL;
        if (later->seed == s->runs[tr->runs[run]]->seed && series && series_count(series, t))
            return true;
    }
    return false;
}

/* The mean over the runs of the last value of a metric. */
static double metric_mean(const struct state *s, const struct state_trial *tr, const char *metric, int64_t t)
{
    double sum = 0;
    int n = 0;
    for (int i = 0; i < tr->n_runs; i++) {
        const struct state_run *r = s->runs[tr->runs[i]];
        const struct state_metric *m = r && !r->test ? state_metric(r, metric) : NULL;
        const struct series *series = m ? state_series_at(&m->takes, t) : NULL;
        struct series_point p;
        if (!series || !series_last(series, t, &p) || replaced(s, tr, i, metric, t))
            continue;
        sum += p.value;
        n++;
    }
    return n ? sum / n : NAN;
}

int state_values_at(const struct state *s, const struct state_trial *tr, int64_t t, double *out)
{
    const struct sweep_info *f = &s->info;
    int64_t step;
    for (int i = 0; i < f->n_objectives; i++)
        out[i] = metric_mean(s, tr, f->objectives[i].name, t);
    if (f->n_objectives && !state_value_at(s, tr, t, &out[0], &step)) /* the first one is what was reported */
        out[0] = NAN;
    return f->n_objectives;
}
