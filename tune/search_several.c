/* Several objectives with the algorithms for one: each ask sees a history in which the losses of a trial have been made one.
 *
 *   motpe    Y. Ozaki et al., "Multiobjective Tree-Structured Parzen Estimator", JAIR 73, 2022, by Optuna's rule: the good
 *            trials are the first fronts; of the front that does not fit whole those that dominate most volume together
 *            (greedy, reference 1.1 times the worst). TPE asks only for an order, so that is what the losses become
 *   parego   J. Knowles, "ParEGO: A Hybrid Algorithm with On-Line Landscape Approximation for Expensive Multiobjective
 *            Optimization Problems", IEEE TEC 10(1), 2006: the augmented Chebyshev norm of the normalised losses, with a
 *            new weight vector for each ask, and a Gaussian process with expected improvement on it
 *
 * With one objective they are tpe and gp. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/pareto.h"
#include "tune/tuner_state.h"

#define AUGMENT   0.05 /* weight of the sum beside the maximum */
#define ORDER_MAX 60   /* of a front so many are put in order by volume: TPE takes 25 as good at most */

struct several {
    const struct tuner_ops *ops;
    void *self;
    bool chebyshev;
    double values[OPTIONS_MAX];
};

/* ---- the trials that have all their losses ---- */

struct done {
    int n, m;
    int *trial;
    double *x; /* n x m */
};

static struct done gather(const struct tuner_env *env)
{
    const struct history *h = env->history;
    struct done d = {.m = env->n_objectives};
    d.trial = mem_zero((size_t)h->n + 1, sizeof *d.trial);
    d.x = mem_zero(((size_t)h->n + 1) * (size_t)d.m, sizeof *d.x);
    for (int i = 0; i < h->n; i++) {
        const struct history_trial *t = &h->trials[i];
        if (t->end != END_DONE || t->outside || t->n_losses != d.m)
            continue;
        memcpy(d.x + (size_t)d.n * (size_t)d.m, t->losses, (size_t)d.m * sizeof *d.x);
        d.trial[d.n++] = i;
    }
    return d;
}

static void done_free(struct done *d)
{
    free(d->trial);
    free(d->x);
}

/* ---- one loss ---- */

/* The place of each in the order of fronts; within a front by volume for the first ones. */
static void order_losses(const struct done *d, double *out)
{
    int *front = mem_zero((size_t)d->n + 1, sizeof *front), *members = mem_zero((size_t)d->n + 1, sizeof *members),
        chosen[ORDER_MAX], place = 0, fronts = pareto_fronts(d->x, d->n, d->m, front);
    double *x = mem_zero(((size_t)d->n + 1) * (size_t)d->m, sizeof *x), reference[OBJECTIVES_MAX];
    for (int f = 0; f < fronts; f++) {
        int n = 0;
        for (int i = 0; i < d->n; i++)
            if (front[i] == f) {
                memcpy(x + (size_t)n * (size_t)d->m, d->x + (size_t)i * (size_t)d->m, (size_t)d->m * sizeof *x);
                members[n++] = i;
            }
        for (int k = 0; k < n; k++)
            out[members[k]] = place + n; /* the last of its front, unless it is chosen */
        int k = place < ORDER_MAX ? (n < ORDER_MAX ? n : ORDER_MAX) : 0;
        pareto_reference(x, n, d->m, reference);
        pareto_choose(x, n, d->m, reference, k, chosen);
        for (int c = 0; c < k; c++)
            out[members[chosen[c]]] = place + c;
        place += n;
    }
    free(front);
    free(members);
    free(x);
}

/* A weight vector that is uniform on the simplex. */
static void draw_weights(struct rng *rng, int m, double *w)
{
    double sum = 0;
    for (int k = 0; k < m; k++)
        sum += w[k] = -log(1 - rng_unit(rng));
    for (int k = 0; k < m; k++)
        w[k] /= sum;
}

static void chebyshev_losses(const struct done *d, struct rng *rng, double *out)
{
    double w[OBJECTIVES_MAX], low[OBJECTIVES_MAX], high[OBJECTIVES_MAX];
    draw_weights(rng, d->m, w);
    for (int k = 0; k < d->m; k++) {
        low[k] = INFINITY;
        high[k] = -INFINITY;
        for (int i = 0; i < d->n; i++) {
            low[k] = fmin(low[k], d->x[i * d->m + k]);
            high[k] = fmax(high[k], d->x[i * d->m + k]);
        }
    }
    for (int i = 0; i < d->n; i++) {
        double most = 0, sum = 0;
        for (int k = 0; k < d->m; k++) {
            double f = high[k] > low[k] ? (d->x[i * d->m + k] - low[k]) / (high[k] - low[k]) : 0;
            most = fmax(most, w[k] * f);
            sum += w[k] * f;
        }
        out[i] = most + AUGMENT * sum;
    }
}

/* The history with one loss a trial. What has ended without all losses is as bad as the worst. Borrows all but `trials`. */
static struct history shadow(const struct several *v, const struct tuner_env *env)
{
    struct history h = *env->history;
    struct done d = gather(env);
    double *loss = mem_zero((size_t)d.n + 1, sizeof *loss), worst = 0;
    if (v->chebyshev)
        chebyshev_losses(&d, env->rng, loss);
    else
        order_losses(&d, loss);
    for (int i = 0; i < d.n; i++)
        worst = fmax(worst, loss[i]);
    h.trials = mem_dup(h.trials, (size_t)h.n * sizeof *h.trials);
    for (int i = 0; i < h.n; i++)
        if (!isnan(h.trials[i].loss))
            h.trials[i].loss = worst;
    for (int i = 0; i < d.n; i++)
        h.trials[d.trial[i]].loss = loss[i];
    free(loss);
    done_free(&d);
    return h;
}

/* ---- the slots ---- */

static void *begin(const struct tuner_env *env, bool chebyshev, const uint8_t *p, size_t n, char **cause)
{
    struct several *v = MEM_NEW(struct several);
    v->chebyshev = chebyshev;
    v->ops = tuner_find(chebyshev ? "gp" : "tpe");
    for (int i = 0; i < OPTIONS_MAX && v->ops->options && v->ops->options[i].name; i++)
        v->values[i] = v->ops->options[i].fallback;
    v->self = p ? v->ops->load(env, v->values, p, n, cause) : v->ops->make(env, v->values, cause);
    if (v->self)
        return v;
    free(v);
    return NULL;
}

static void *make_motpe(const struct tuner_env *env, const double *values, char **cause)
{
    return begin(env, false, NULL, 0, cause);
}

static void *make_parego(const struct tuner_env *env, const double *values, char **cause)
{
    return begin(env, true, NULL, 0, cause);
}

static void drop(void *self)
{
    struct several *v = self;
    v->ops->drop(v->self);
    free(v);
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    struct several *v = self;
    if (env->n_objectives < 2)
        return v->ops->propose(v->self, env, out, cause);
    struct history h = shadow(v, env);
    struct tuner_env one = *env;
    one.history = &h;
    int rc = v->ops->propose(v->self, &one, out, cause);
    free(h.trials);
    return rc;
}

static void learn(void *self, const struct tuner_env *env, const struct observation *ob)
{
    struct several *v = self;
    if (v->ops->learn)
        v->ops->learn(v->self, env, ob);
}

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    struct several *v = self;
    char inner[160] = "";
    if (v->ops->describe)
        v->ops->describe(v->self, env, inner, sizeof inner);
    snprintf(out, cap, "over %d objective%s%s%s", env->n_objectives, env->n_objectives > 1 ? "s" : "", *inner ? ": " : "",
             inner);
}

static void dump(void *self, struct buf *out)
{
    struct several *v = self;
    v->ops->dump(v->self, out);
}

static void *load_motpe(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    return begin(env, false, p ? p : (const uint8_t *)"", n, cause);
}

static void *load_parego(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    return begin(env, true, p ? p : (const uint8_t *)"", n, cause);
}

const struct tuner_ops tuner_motpe = {
    .name = "motpe",
    .paper = "Ozaki et al. 2022",
    .summary = "tpe for several objectives: by non-dominated fronts and volume",
    .make = make_motpe,
    .drop = drop,
    .propose = propose,
    .learn = learn,
    .describe = describe,
    .dump = dump,
    .load = load_motpe,
};

const struct tuner_ops tuner_parego = {
    .name = "parego",
    .paper = "Knowles 2006",
    .summary = "gp for several objectives: another weighting of them at each ask",
    .make = make_parego,
    .drop = drop,
    .propose = propose,
    .learn = learn,
    .describe = describe,
    .dump = dump,
    .load = load_parego,
};
