/* What people get to see of a tuner: arms or regions, its description, rungs, the best trial. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tune/rungs.h"
#include "tune/tuner_state.h"

#define REGIONS 32 /* bound on the regions that a sampler without arms is shown by */

void tuner_cut_regions(struct tuner *t)
{
    struct tuner_env env = tuner_env(t, &t->sampler);
    struct region r;
    char label[96];
    arms_free(t->regions);
    t->regions = NULL;
    if (t->sampler.ops->arm && t->sampler.ops->arm(t->sampler.self, &env, 0, &r, label) == 0)
        region_release(&r);
    else
        t->regions = arms_make(t->space, t->sampler.kv, REGIONS, NULL);
}

static int explain_regions(struct tuner *t, const struct tuner_env *env, struct arm_row *out, int max)
{
    int n = t->regions->n;
    struct arm_row *rows = mem_zero((size_t)n, sizeof *rows);
    arms_rows(t->regions, env, rows);
    arms_p_best(rows, n);
    for (int i = 0; i < n && i < max; i++)
        out[i] = rows[i];
    free(rows);
    return n;
}

/* What the sampler would do had nobody steered, beside what it will do. */
static void explain_free(const struct tuner *t, struct arm_row *rows, int n)
{
    static const struct steering nobody;
    struct tuner_env env = tuner_env(t, &t->sampler);
    struct arm_row *free_rows = mem_zero((size_t)n + 1, sizeof *free_rows);
    env.steer = &nobody;
    int m = t->sampler.ops->explain(t->sampler.self, &env, free_rows, n);
    for (int i = 0; i < n && i < m; i++)
        rows[i].p_free = free_rows[i].p_next;
    free(free_rows);
}

int tuner_explain(struct tuner *t, struct arm_row *rows, int max)
{
    struct rng kept = t->rng; /* explaining must not change what comes next */
    struct tuner_env env = tuner_env(t, &t->sampler);
    int n = 0;
    if (t->regions)
        n = explain_regions(t, &env, rows, max);
    else if (t->sampler.ops->explain)
        n = t->sampler.ops->explain(t->sampler.self, &env, rows, max);
    for (int i = 0; i < n && i < max; i++)
        rows[i].p_free = NAN;
    if (!t->regions && t->sampler.ops->explain && t->steer.n > 0)
        explain_free(t, rows, n < max ? n : max);
    t->rng = kept;
    for (int i = 0; t->maximize && i < n && i < max; i++) {
        double low = rows[i].low;
        rows[i].mean = -rows[i].mean;
        rows[i].low = -rows[i].high;
        rows[i].high = -low;
    }
    return n;
}

static size_t describe_part(const struct tuner *t, const struct part *p, char *out, size_t cap)
{
    struct tuner_env env = tuner_env(t, p);
    char more[240] = "";
    if (p->ops->describe)
        p->ops->describe(p->self, &env, more, sizeof more);
    int n = snprintf(out, cap, "%s%s%s", p->ops->name, *more ? " " : "", more);
    return n > 0 ? (size_t)n : 0;
}

void tuner_describe(const struct tuner *t, char *out, size_t cap)
{
    size_t n = describe_part(t, &t->sampler, out, cap);
    int warm = history_warm(&t->history);
    if (warm && n + 1 < cap) {
        snprintf(out + n, cap - n, ", knows %d earlier trials", warm);
        n += strlen(out + n);
    }
    if (t->stopper.ops && n + 3 < cap) {
        memcpy(out + n, ", ", 3);
        n += 2;
        describe_part(t, &t->stopper, out + n, cap - n);
        n += strlen(out + n);
    }
    if (t->replicates > 1 && n + 1 < cap)
        tuner_say_replicates(t, out + n, cap - n);
}

int tuner_rungs(const struct tuner *t, struct rung_row *rows, int max)
{
    const struct part *p = tuner_judge((struct tuner *)t);
    if (!p || !p->ops->rungs)
        return 0;
    struct tuner_env env = tuner_env(t, p);
    int n = p->ops->rungs(p->self, &env, rows, max);
    for (int i = 0; t->maximize && i < n && i < max; i++)
        rows[i].cutoff = -rows[i].cutoff;
    return n;
}

int tuner_correlation(const struct tuner *t, struct rung_tau *rows, int max)
{
    const struct part *p = tuner_judge((struct tuner *)t);
    const struct rungs *r = p && p->ops->ladder ? p->ops->ladder(p->self) : NULL;
    int n = 0;
    for (int k = 0; r && k < r->n; k++)
        n += r->rung[k].n;
    struct rung_point *points = mem_zero((size_t)n, sizeof *points);
    n = 0;
    for (int k = 0; r && k < r->n; k++)
        for (int i = 0; i < r->rung[k].n; i++)
            points[n++] = (struct rung_point){r->rung[k].values[i].trial, k, r->rung[k].values[i].loss};
    int found = rung_correlation(points, n, rows, max);
    free(points);
    return found;
}

bool tuner_holds(const struct tuner *t, int64_t id)
{
    int k = history_find(&t->history, id);
    const struct part *p = tuner_judge((struct tuner *)t);
    if (k < 0 || !t->history.trials[k].paused || !p || !p->ops->offer)
        return false;
    struct tuner_env env = tuner_env(t, p);
    return !p->ops->holds || p->ops->holds(p->self, &env, k);
}

bool tuner_best(const struct tuner *t, int64_t *id, double *value)
{
    const struct history *h = &t->history;
    int chosen = t->replicates > 1 ? tuner_incumbent(t) : -1, best = chosen >= 0 ? chosen : history_best(h);
    for (int k = 0; best < 0 && k < h->n; k++) /* nobody has finished: the best so far */
        if (h->trials[k].end == END_PENDING && !isnan(h->trials[k].loss))
            best = k;
    for (int k = 0; best >= 0 && h->trials[best].end == END_PENDING && k < h->n; k++)
        if (h->trials[k].end == END_PENDING && h->trials[k].loss < h->trials[best].loss)
            best = k;
    if (best < 0)
        return false;
    *id = h->trials[best].id;
    *value = t->maximize ? -h->trials[best].loss : h->trials[best].loss;
    return true;
}

const struct space *tuner_space(const struct tuner *t)
{
    return t->space;
}

const struct history *tuner_history(const struct tuner *t)
{
    return &t->history;
}

const struct steering *tuner_steering(const struct tuner *t)
{
    return &t->steer;
}

int64_t tuner_budget(const struct tuner *t)
{
    return t->budget;
}

void tuner_set_budget(struct tuner *t, int64_t budget)
{
    t->budget = budget;
}
