/* certify: see certify.h. Half of the finished trials fit the predictors, the other half calibrates them, so that the
 * guarantee does not rest on how well they fit. What is known of a trial: its parameters and its curve up to
 * one common step. */
#include "hub/certify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/rng.h"
#include "tune/conformal.h"
#include "tune/predictors.h"

#define EXAMPLES_MIN 20
#define CURVE        3 /* numbers that describe a curve: at the step, the best until then, the first */

struct known {
    const struct state_trial **trials;
    int n;
};

static bool is_example(const struct state_trial *t)
{
    return state_trial_at(t, STATE_NOW) == TRIAL_DONE || state_done_before(t, STATE_NOW);
}

static int64_t last_step(const struct state_trial *t)
{
    return t->n_reports ? t->reports[t->n_reports - 1].trial_step : -1;
}

/* The curve up to a step; false when the trial has not got that far. */
static bool curve(const struct state_trial *t, int64_t at, double sign, double out[CURVE])
{
    bool any = false;
    if (last_step(t) < at)
        return false;
    for (int i = 0; i < t->n_reports && t->reports[i].trial_step <= at; i++) {
        double v = sign * t->reports[i].trial_value;
        if (!isfinite(v))
            continue;
        out[0] = v;
        out[1] = any && out[1] > v ? out[1] : v;
        out[2] = any ? out[2] : v;
        any = true;
    }
    return any;
}

static void features(const struct state_trial *t, int dims, int64_t at, double sign, double *x)
{
    for (int i = 0; i < dims; i++)
        x[i] = isnan(t->dna[i]) ? -1 : t->dna[i];
    curve(t, at, sign, x + dims);
}

/* Examples or candidates that got as far as step at (-1: anywhere). */
static struct known pick(const struct state *s, int dims, int64_t at, bool examples)
{
    struct known k = {mem_zero((size_t)s->n_trials + 1, sizeof(struct state_trial *)), 0};
    double x[CURVE], value;
    int64_t step;
    for (int64_t i = 0; i < s->n_trials; i++) {
        const struct state_trial *t = state_trial(s, i);
        enum trial_state now = t ? state_trial_at(t, STATE_NOW) : TRIAL_WITHDRAWN;
        bool open = now == TRIAL_PRUNED || now == TRIAL_STOPPED || now == TRIAL_RUNNING || now == TRIAL_PAUSED;
        open = open && !state_done_before(t, STATE_NOW);
        if (!t || state_trial_tests(t) || t->n_dna != dims || (examples ? !is_example(t) : !open))
            continue;
        if ((at >= 0 && !curve(t, at, 1, x)) || !state_value_at(s, t, STATE_NOW, &value, &step) || !isfinite(value))
            continue;
        k.trials[k.n++] = t;
    }
    return k;
}

static int ascending_step(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The last step that at least half of the candidates reached. */
static int64_t common_step(const struct state *s, int dims)
{
    struct known k = pick(s, dims, -1, false);
    int64_t *steps = mem_zero((size_t)k.n + 1, sizeof *steps), at = 0;
    for (int i = 0; i < k.n; i++)
        steps[i] = last_step(k.trials[i]);
    qsort(steps, (size_t)k.n, sizeof *steps, ascending_step);
    if (k.n)
        at = steps[k.n / 2];
    free(steps);
    free(k.trials);
    return at;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int by_promise(const void *a, const void *b)
{
    const struct certified *x = a, *y = b;
    if (x->e != y->e)
        return x->e < y->e ? 1 : -1;
    return (x->trial > y->trial) - (x->trial < y->trial);
}

struct problem {
    int dims, fit, n, m; /* examples that fit, that calibrate; candidates */
    double *x, *y;       /* of all examples, shuffled; y: larger is better */
    double *z;           /* of the candidates */
};

static void load(struct problem *p, const struct state *s, struct known *ex, const struct known *ca, int64_t at,
                 struct rng *rng)
{
    double sign = s->info.maximize ? 1 : -1, value;
    int64_t step;
    int d = p->dims + CURVE;
    for (int i = ex->n - 1; i > 0; i--) {
        int k = (int)rng_below(rng, (uint64_t)i + 1);
        const struct state_trial *t = ex->trials[i];
        ex->trials[i] = ex->trials[k];
        ex->trials[k] = t;
    }
    p->fit = ex->n / 2;
    p->n = ex->n - p->fit;
    p->m = ca->n;
    p->x = mem_zero((size_t)(ex->n * d), sizeof *p->x);
    p->y = mem_zero((size_t)ex->n, sizeof *p->y);
    p->z = mem_zero((size_t)(ca->n * d), sizeof *p->z);
    for (int i = 0; i < ex->n; i++) {
        features(ex->trials[i], p->dims, at, sign, p->x + i * d);
        state_value_at(s, ex->trials[i], STATE_NOW, &value, &step);
        p->y[i] = sign * value;
    }
    for (int j = 0; j < ca->n; j++)
        features(ca->trials[j], p->dims, at, sign, p->z + j * d);
}

static void judge(const struct problem *p, const struct known *ca, double sign, const struct certify_options *o,
                  struct rng *rng, struct certify_result *out)
{
    int d = p->dims + CURVE;
    double *px = mem_zero((size_t)(PREDICTORS * p->n), sizeof *px);
    double *pz = mem_zero((size_t)(PREDICTORS * p->m), sizeof *pz), *e = mem_zero((size_t)p->m, sizeof *e);
    bool *selected = mem_zero((size_t)p->m, sizeof *selected);
    struct predictors *f = predictors_fit(p->x, p->y, p->fit, d);
    for (int k = 0; k < PREDICTORS; k++) {
        for (int i = 0; i < p->n; i++)
            px[k * p->n + i] = predictors_predict(f, k, p->x + (p->fit + i) * d);
        for (int j = 0; j < p->m; j++)
            pz[k * p->m + j] = predictors_predict(f, k, p->z + j * d);
    }
    predictors_free(f);
    struct conformal c = {p->n, p->m, PREDICTORS, p->y + p->fit, sign * out->better_than, o->q, px, pz};
    out->selected = conformal_optimized(&c, rng, selected, e);
    for (int j = 0; j < p->m; j++) {
        double sum = 0;
        for (int k = 0; k < PREDICTORS; k++)
            sum += pz[k * p->m + j];
        out->rows[j] = (struct certified){ca->trials[j]->trial, last_step(ca->trials[j]), sign * sum / PREDICTORS, e[j],
                                          selected[j]};
    }
    qsort(out->rows, (size_t)p->m, sizeof *out->rows, by_promise);
    free(px);
    free(pz);
    free(e);
    free(selected);
}

/* The value that a quarter of the finished trials beats. */
static double best_quarter(const struct problem *p, double sign)
{
    int n = p->fit + p->n;
    double *y = mem_dup(p->y, (size_t)n * sizeof *y);
    qsort(y, (size_t)n, sizeof *y, ascending);
    double v = y[n - 1 - n / 4];
    free(y);
    return sign * v;
}

static int dimensions(const struct state *s)
{
    for (int64_t i = s->n_trials - 1; i >= 0; i--)
        if (state_trial(s, i) && state_trial(s, i)->n_dna > 0)
            return state_trial(s, i)->n_dna;
    return 0;
}

int certify(const struct state *s, const struct certify_options *o, struct certify_result *out, char **cause)
{
    struct problem p = {.dims = dimensions(s)};
    struct rng rng;
    double sign = s->info.maximize ? 1 : -1;
    int rc = 0;
    *out = (struct certify_result){.at = o->at >= 0 ? o->at : common_step(s, p.dims)};
    struct known ex = pick(s, p.dims, out->at, true), ca = pick(s, p.dims, out->at, false);
    out->examples = ex.n;
    out->candidates = ca.n;
    rng_seed(&rng, o->seed);
    if (ex.n < EXAMPLES_MIN) {
        rc = cause_set(cause, "%d finished trials reported at step %lld or before; at least %d are needed to calibrate on", ex.n,
                       (long long)out->at, EXAMPLES_MIN);
    } else if (ca.n == 0) {
        rc = cause_set(cause, "no unfinished trial reached step %lld: there is nobody to judge", (long long)out->at);
    } else {
        out->rows = mem_zero((size_t)ca.n, sizeof *out->rows);
        load(&p, s, &ex, &ca, out->at, &rng);
        out->better_than = isnan(o->better_than) ? best_quarter(&p, sign) : o->better_than;
        judge(&p, &ca, sign, o, &rng, out);
    }
    free(p.x);
    free(p.y);
    free(p.z);
    free(ex.trials);
    free(ca.trials);
    return rc;
}

void certify_release(struct certify_result *r)
{
    free(r->rows);
    *r = (struct certify_result){0};
}
