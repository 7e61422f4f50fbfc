/* Gaussian-process search: J. Snoek, H. Larochelle and R. Adams, "Practical Bayesian Optimization of Machine
 * Learning Algorithms", NIPS 2012; the logarithm of expected improvement after S. Ament et al., "Unexpected
 * Improvements to Expected Improvement", NeurIPS 2023.
 *
 * A spread-out start, then the candidate with the best acquisition: all configurations where the space is
 * small and finite, else draws from the prior and neighbours of good points, refined in rounds. Pending
 * trials count as observed at the posterior mean, so parallel asks spread. Failed trials count as bad as the
 * worst, and the acquisition is weighed by the chance not to fail (feasible.h). What was tried already is not proposed again while anything else is left.
 *
 * The state is the hyperparameters and when they were fitted; everything else is worked out from the history
 * at each ask. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/draw.h"
#include "tune/feasible.h"
#include "tune/gp_known.h"
#include "tune/gp_space.h"
#include "tune/pool.h"
#include "tune/quantile.h"

#define DATA_MAX    300  /* observations that predictions are made from */
#define FIT_MAX     150  /* observations that hyperparameters are fitted to */
#define ALL_MAX     6000 /* configurations of a finite space that are all scored */
#define ROWS_MAX    4000 /* rows of a longer list of candidates that are scored */
#define START_TRIES 64   /* draws among which a point of the start is chosen */

enum { OPT_START, OPT_ACQUISITION, OPT_OUTPUT, OPT_EVALS, OPT_PATIENCE, OPT_COUNT };
enum { BY_LOG_EI, BY_EI, BY_UCB, BY_THOMPSON };

struct gp_search {
    struct gp_space model;
    struct gp_prior prior;
    double options[OPT_COUNT];
    struct gp_theta theta;
    enum gp_output output;
    int64_t fitted;  /* observations at the last fit; 0 never */
    struct pool all; /* of a finite space; empty otherwise */
};

/* ---- life ---- */

static void drop(void *self)
{
    struct gp_search *g = self;
    pool_release(&g->all);
    free(g);
}

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    struct gp_search *g = MEM_NEW(struct gp_search);
    memcpy(g->options, values, sizeof g->options);
    pool_init(&g->all, env->space->n);
    if (gp_space_init(&g->model, env->space, cause) < 0) {
        drop(g);
        return NULL;
    }
    if (history_warm(env->history) > 0)
        gp_space_add_sources(&g->model);
    g->output = values[OPT_OUTPUT] < GP_OUTPUTS ? (enum gp_output)values[OPT_OUTPUT] : GP_STANDARD;
    g->prior = gp_prior_default(g->model.shape.dims);
    gp_theta_start(&g->model.shape, &g->prior, &g->theta);
    pool_enumerate(&g->all, env->space, ALL_MAX);
    return g;
}

/* ---- hyperparameters ---- */

static int64_t n_observed(const struct history *h)
{
    return h->done + h->pruned + h->failed;
}

/* From the last fit, and from the prior's centre while trials are few: the last fit may sit in a poor
 * optimum. */
static double fit(struct gp_search *g, const struct gp_known *k, int64_t n, struct gp_theta *theta)
{
    struct gp_data data = {.shape = &g->model.shape, .n = k->n, .x = k->x, .y = k->y};
    int evals = n > FIT_MAX ? (int)g->options[OPT_EVALS] / 4 + 1 : (int)g->options[OPT_EVALS];
    struct gp_theta fresh;
    double loss = g->fitted ? gp_fit(&data, &g->prior, theta, evals) : INFINITY, other;
    if (g->fitted && n > 60)
        return loss;
    gp_theta_start(&g->model.shape, &g->prior, &fresh);
    if ((other = gp_fit(&data, &g->prior, &fresh, evals)) < loss) {
        *theta = fresh;
        loss = other;
    }
    return loss;
}

/* Warm starts are told after the search was made. */
static void learn(void *self, const struct tuner_env *env, const struct observation *ob)
{
    struct gp_search *g = self;
    if (env->history->trials[ob->trial].id >= 0 || g->model.sources)
        return;
    gp_space_add_sources(&g->model);
    g->prior = gp_prior_default(g->model.shape.dims);
    gp_theta_start(&g->model.shape, &g->prior, &g->theta);
    g->fitted = 0;
}

static void refit(struct gp_search *g, const struct tuner_env *env)
{
    static const enum gp_output outputs[] = {GP_STANDARD, GP_SQUASH, GP_LOG};
    int64_t n = n_observed(env->history), every = n < 20 ? 1 : n < 60 ? 2 : n < 150 ? 5 : n / 20;
    struct gp_known k;
    if (g->fitted && n - g->fitted < every)
        return;
    gp_known_gather(&k, &g->model, &g->theta, env->space, env->history, FIT_MAX);
    if (g->options[OPT_OUTPUT] < GP_OUTPUTS) {
        gp_known_outputs(&k, g->output);
        fit(g, &k, n, &g->theta);
    } else { /* the output that explains the losses best */
        double least = INFINITY;
        struct gp_theta from = g->theta;
        for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
            struct gp_theta theta = from;
            double slopes = gp_outputs(outputs[i], k.loss, k.n, k.y), loss = fit(g, &k, n, &theta) - slopes;
            if (!(loss < least))
                continue;
            least = loss;
            g->theta = theta;
            g->output = outputs[i];
        }
    }
    g->fitted = n;
    gp_known_release(&k);
}

/* ---- acquisition ---- */

struct scorer {
    const struct gp_search *g;
    const struct tuner_env *env;
    struct gp gp;
    double best; /* output to improve on */
    double beta; /* of UCB */
    double wide; /* the explore dial: scales the deviation */
    struct feasible *fine; /* NULL: nothing fails */
};

/* log of (phi(z) + z Phi(z)), exact far into the tail. */
static double log_improvement(double z)
{
    if (z > -6)
        return log(normal_density(z) + z * normal_below(z));
    double z2 = z * z; /* phi(z) / z^2 (1 - 3/z^2 + 15/z^4) */
    return -0.5 * z2 - 0.91893853320467274178 - log(z2) + log1p(-3 / z2 + 15 / (z2 * z2));
}

static double acquisition(const struct scorer *s, double mean, double sd)
{
    sd *= s->wide;
    switch ((int)s->g->options[OPT_ACQUISITION]) {
    case BY_UCB:
        return s->beta * sd - mean;
    case BY_EI: {
        double z = (s->best - mean) / sd;
        return sd * (normal_density(z) + z * normal_below(z));
    }
    default:
        return log_improvement((s->best - mean) / sd) + log(sd);
    }
}

/* By what people boosted and by the chance that it does not fail. */
static void weigh(const struct scorer *s, const double *dna, bool steered, double *score)
{
    double w = feasible_chance(s->fine, s->env->space, dna);
    if (steered)
        w *= steering_weight(s->env->steer, s->env->space, dna);
    if (w == 1)
        return;
    int how = (int)s->g->options[OPT_ACQUISITION];
    *score = how == BY_EI ? *score * w : *score + log(w);
}

/* Scores of pool entries from..n-1, appended to score. */
static void score(const struct scorer *s, const struct pool *p, int from, double *out)
{
    int m = p->n - from, c = s->g->model.shape.coords;
    bool steered = steering_any(s->env->steer);
    if (m <= 0)
        return;
    double *x = mem_alloc((size_t)m * (size_t)c * sizeof *x), *mean = mem_alloc((size_t)m * sizeof *mean),
           *var = mem_alloc((size_t)m * sizeof *var);
    for (int i = 0; i < m; i++)
        gp_space_point(&s->g->model, s->env->space, pool_at(p, from + i), x + (size_t)i * (size_t)c);
    gp_predict(&s->gp, x, m, mean, var);
    for (int i = 0; i < m; i++) {
        out[from + i] = acquisition(s, mean[i], sqrt(var[i]));
        if (steered || s->fine)
            weigh(s, pool_at(p, from + i), steered, &out[from + i]);
    }
    free(x);
    free(mean);
    free(var);
}

/* ---- candidates ---- */

/* Indices of the k best scores, best first; the same place twice counts once. */
static int top(const struct pool *p, const struct space *s, const double *score, int k, int *out)
{
    int n = 0;
    for (int i = 0; i < p->n; i++) {
        if (n == k && score[i] <= score[out[n - 1]])
            continue;
        int at = n;
        while (at > 0 && score[out[at - 1]] < score[i])
            at--;
        if (at > 0 && score[out[at - 1]] == score[i] && space_same(s, pool_at(p, out[at - 1]), pool_at(p, i)))
            continue;
        int last = n < k ? n++ : n - 1;
        memmove(&out[at + 1], &out[at], (size_t)(last - at) * sizeof *out);
        out[at] = i;
    }
    return n;
}

#define DRAWS   400
#define LEADERS 6

static void open_candidates(const struct scorer *s, struct pool *p, double **scores)
{
    const struct tuner_env *env = s->env;
    int n, *sorted = history_sorted(env->history, &n), leaders[LEADERS];
    bool list = env->space->list != NULL;
    pool_draw(p, env, list ? ROWS_MAX : DRAWS);
    for (int i = 0; i < n && i < LEADERS && !list; i++) {
        const double *dna = env->history->trials[sorted[i]].dna;
        pool_neighbours(p, env, dna, 0.1, 24);
        pool_neighbours(p, env, dna, 0.02, 12);
    }
    free(sorted);
    *scores = mem_resize(*scores, (size_t)p->n + 1, sizeof **scores);
    score(s, p, 0, *scores);
    for (double scale = 0.1; scale > 0.0005 && !list; scale *= 0.4) {
        int from = p->n, k = top(p, env->space, *scores, LEADERS, leaders);
        for (int i = 0; i < k; i++) {
            double *from_dna = mem_dup(pool_at(p, leaders[i]), (size_t)p->dims * sizeof(double));
            pool_neighbours(p, env, from_dna, scale, 24);
            free(from_dna);
        }
        *scores = mem_resize(*scores, (size_t)p->n + 1, sizeof **scores);
        score(s, p, from, *scores);
    }
}

static void finite_candidates(const struct scorer *s, struct pool *p, double **scores)
{
    bool steered = steering_any(s->env->steer);
    for (int i = 0; i < s->g->all.n; i++) {
        const double *dna = pool_at(&s->g->all, i);
        if (!steered || steering_allows(s->env->steer, s->env->space, dna))
            pool_add(p, dna);
    }
    *scores = mem_resize(*scores, (size_t)p->n + 1, sizeof **scores);
    score(s, p, 0, *scores);
}

/* Thompson: one joint draw of the posterior over the most promising candidates replaces their scores; the
 * others are out. */
#define THOMPSON_MAX 400
static void thompson(const struct scorer *s, const struct pool *p, double *scores)
{
    int c = s->g->model.shape.coords, at[THOMPSON_MAX], m = top(p, s->env->space, scores, THOMPSON_MAX, at);
    size_t n = (size_t)m;
    double *x = mem_alloc((n + 1) * (size_t)c * sizeof *x), *mean = mem_alloc((n + 1) * sizeof *mean),
           *cov = mem_alloc((n * n + 1) * sizeof *cov);
    for (int i = 0; i < m; i++)
        gp_space_point(&s->g->model, s->env->space, pool_at(p, at[i]), x + (size_t)i * (size_t)c);
    for (int i = 0; i < p->n; i++)
        scores[i] = -INFINITY;
    gp_predict_joint(&s->gp, x, m, mean, cov);
    gp_draw(mean, cov, m, s->wide, s->env->rng, mean);
    for (int i = 0; i < m; i++)
        scores[at[i]] = -mean[i];
    free(x);
    free(mean);
    free(cov);
}

/* The best candidate that was not tried yet; -1 none. */
static int best_untried(const struct pool *p, const struct tuner_env *env, double *scores)
{
    for (;;) {
        int best = -1;
        for (int i = 0; i < p->n; i++)
            if (!isnan(scores[i]) && (best < 0 || scores[i] > scores[best]))
                best = i;
        if (best < 0 || !pool_tried(env->history, env->space, pool_at(p, best)))
            return best;
        scores[best] = NAN;
    }
}

static void explain_choice(const struct scorer *s, const double *dna, struct proposal *out)
{
    static const char *const names[] = {"expected improvement", "expected improvement", "confidence bound",
                                        "posterior draw"};
    double x[2 * GP_DIMS_MAX], mean, var;
    gp_space_point(&s->g->model, s->env->space, dna, x);
    gp_predict(&s->gp, x, 1, &mean, &var);
    snprintf(out->why, sizeof out->why,
             "%s: predicted %.2f +- %.2f deviations from the mean, the best so far is at %.2f%s",
             names[(int)s->g->options[OPT_ACQUISITION]], mean, sqrt(var), s->best,
             steering_any(s->env->steer) ? "; as steered" : "");
}

/* The posterior as the next ask would see it, with the hyperparameters there are. -1: not positive definite. */
static int open_scorer(struct scorer *s, const struct gp_search *g, const struct tuner_env *env)
{
    struct gp_known k;
    *s = (struct scorer){.g = g, .env = env, .wide = steering_explore(env->steer), .best = INFINITY};
    gp_known_gather(&k, &g->model, &g->theta, env->space, env->history, DATA_MAX);
    gp_known_outputs(&k, g->output);
    struct gp_data data = {.shape = &g->model.shape, .n = k.n, .x = k.x, .y = k.y};
    s->best = gp_known_best(&k);
    s->beta = sqrt(0.2 * g->model.shape.dims * log(2.0 * (double)(k.n + 1)));
    int built = gp_build(&s->gp, &data, &g->theta, k.pending, k.n_pending);
    gp_known_release(&k);
    if (built == 0)
        s->fine = feasible_learn(env->space, env->history);
    return built;
}

static void close_scorer(struct scorer *s)
{
    gp_release(&s->gp);
    feasible_free(s->fine);
}

static int search(struct gp_search *g, const struct tuner_env *env, struct proposal *out)
{
    struct scorer s;
    struct pool p;
    double *scores = NULL;
    int found = -1;
    refit(g, env);
    pool_init(&p, env->space->n);
    if (open_scorer(&s, g, env) == 0) {
        (g->all.n ? finite_candidates : open_candidates)(&s, &p, &scores);
        if (g->options[OPT_ACQUISITION] == BY_THOMPSON)
            thompson(&s, &p, scores);
        if ((found = best_untried(&p, env, scores)) >= 0) {
            memcpy(out->dna, pool_at(&p, found), (size_t)p.dims * sizeof *out->dna);
            explain_choice(&s, out->dna, out);
        }
        close_scorer(&s);
    }
    free(scores);
    pool_release(&p);
    return found >= 0 ? 0 : -1;
}

/* Of a Thompson search, which has no score but that of one draw, the expected improvement. */
static int score_all(void *self, const struct tuner_env *env, const double *dna, int n, double *out)
{
    const struct gp_search *g = self;
    struct gp_search now = *g; /* with the hyperparameters that the next ask would have */
    struct pool p = {.n = n, .dims = env->space->n, .dna = mem_dup(dna, (size_t)n * (size_t)env->space->n * sizeof *dna)};
    struct scorer s;
    int rc = -1;
    if (g->fitted)
        refit(&now, env);
    if (g->fitted && open_scorer(&s, &now, env) == 0) {
        score(&s, &p, 0, out);
        close_scorer(&s);
        rc = 0;
    }
    pool_release(&p);
    return rc;
}

/* ---- the start ---- */

/* Of some draws from the prior the one farthest from everything tried. */
static int spread(struct gp_search *g, const struct tuner_env *env, struct proposal *out, char **cause)
{
    int c = g->model.shape.coords, n = 0;
    const struct history *h = env->history;
    double *x = mem_alloc(((size_t)h->n + 1) * (size_t)c * sizeof *x), at[2 * GP_DIMS_MAX], widest = -1;
    struct pool p;
    for (int i = 0; i < h->n; i++)
        if (!h->trials[i].outside && h->trials[i].end != END_FORGOTTEN)
            gp_space_point(&g->model, env->space, h->trials[i].dna, x + (size_t)n++ * (size_t)c);
    pool_init(&p, env->space->n);
    pool_draw(&p, env, n ? START_TRIES : 1);
    for (int i = 0; i < p.n; i++) {
        double near = INFINITY;
        gp_space_point(&g->model, env->space, pool_at(&p, i), at);
        for (int k = 0; k < n; k++)
            near = fmin(near, gp_apart(&g->model.shape, at, x + (size_t)k * (size_t)c));
        if (near > widest) {
            widest = near;
            memcpy(out->dna, pool_at(&p, i), (size_t)p.dims * sizeof *out->dna);
        }
    }
    free(x);
    pool_release(&p);
    if (widest < 0)
        return cause_set(cause, "the bans and pins leave nothing to try");
    snprintf(out->why, sizeof out->why,
             h->pending + n_observed(h) < g->options[OPT_START]
                 ? "start: far from everything tried so far"
                 : "no new best for a while: far from everything tried so far");
    return 0;
}

/* A model that is wrong about the space keeps asking around the same places: what it would never look at is
 * looked at as well (measured: mean regret 158 instead of 187 thousandths on the tables where the search
 * stalls, no loss on the others). */
static bool stalled(const struct gp_search *g, const struct tuner_env *env)
{
    const struct history *h = env->history;
    int best = history_best(h);
    if (best < 0 || h->ended - h->trials[best].order <= (int64_t)g->options[OPT_PATIENCE])
        return false;
    return (n_observed(h) + h->pending) % 4 == 0;
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    struct gp_search *g = self;
    const struct history *h = env->history;
    int64_t seen = n_observed(h), start = (int64_t)g->options[OPT_START];
    out->forced = steering_pin(env->steer) != NULL;
    if (seen + h->pending < start || h->done + h->pruned < 2)
        return spread(g, env, out, cause);
    if (stalled(g, env))
        return spread(g, env, out, cause);
    if (search(g, env, out) == 0)
        return 0;
    if (draw_prior(env, NULL, out->dna) < 0)
        return cause_set(cause, "the bans and pins leave nothing to try");
    snprintf(out->why, sizeof out->why, "everything allowed was tried: a draw from the prior");
    return 0;
}

/* ---- for people ---- */

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct gp_search *g = self;
    static const char *const names[] = {"log EI", "EI", "UCB", "Thompson"};
    snprintf(out, cap, "%s over %d dimensions", names[(int)g->options[OPT_ACQUISITION]],
             g->model.shape.dims - g->model.sources);
}

static void dump(void *self, struct buf *out)
{
    const struct gp_search *g = self;
    pack_i64(out, g->model.shape.dims);
    pack_i64(out, g->fitted);
    pack_i64(out, g->output);
    pack_doubles(out, g->theta.inverse, (size_t)g->model.shape.dims);
    pack_f64(out, g->theta.signal);
    pack_f64(out, g->theta.noise);
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    struct gp_search *g = make(env, values, cause);
    struct unpack in = {.p = p, .n = n};
    if (!g)
        return NULL;
    int64_t dims = unpack_i64(&in);
    g->fitted = unpack_i64(&in);
    int64_t output = unpack_i64(&in);
    in.bad |= output < 0 || output >= GP_OUTPUTS;
    g->output = in.bad ? GP_STANDARD : (enum gp_output)output;
    if (dims == g->model.shape.dims)
        unpack_doubles(&in, g->theta.inverse, (size_t)dims);
    g->theta.signal = unpack_f64(&in);
    g->theta.noise = unpack_f64(&in);
    if (!in.bad && !in.n && dims == g->model.shape.dims)
        return g;
    drop(g);
    return cause_null(cause, "the state is not one of this Gaussian process");
}

static const struct tuner_option options[OPT_COUNT + 1] = {
    [OPT_START] = {"start", 1, 1000, 6, "trials spread over the space before the model is asked"},
    [OPT_ACQUISITION] =
        {"acquisition", 0, 3, BY_LOG_EI,
         "0 log expected improvement, 1 expected improvement, 2 confidence bound, 3 Thompson"},
    [OPT_OUTPUT] = {"output", 0, GP_OUTPUTS, GP_SQUASH,
                    "losses as the model sees them: 0 standardised, 1 normal scores of ranks, 2 logarithmic "
                    "far above the median, "
                    "3 logarithmic, 4 what explains them best"},
    [OPT_EVALS] = {"evals", 1, 1000, 40, "likelihood evaluations of a fit of hyperparameters"},
    [OPT_PATIENCE] = {"patience", 1, 1e6, 10,
                      "trials without a new best after which every fourth is spread over the space again"},
    [OPT_COUNT] = {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_gp = {
    .name = "gp",
    .paper = "Snoek, Larochelle and Adams 2012; Ament et al. 2023",
    .summary = "Gaussian process with expected improvement: few, expensive trials",
    .options = options,
    .make = make,
    .drop = drop,
    .propose = propose,
    .learn = learn,
    .score = score_all,
    .describe = describe,
    .dump = dump,
    .load = load,
};
