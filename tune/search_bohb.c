/* BOHB: S. Falkner, A. Klein and F. Hutter, "BOHB: Robust and Efficient Hyperparameter Optimization at Scale", ICML 2018, with
 * the constants of HpBandSter: Hyperband's brackets, and configurations from a kernel density model of the largest budget
 * that has enough values.
 *
 * The best 15 % (at least d + 1) make the density of good configurations, the worst 85 % that of bad ones. Kernels are Gaussian
 * on quantiles of the priors (ordinals at their places) and Aitchison-Aitken on choices; bandwidths 1.06 sd n^(-1/(4+d)), at
 * least 0.001. Of 64 draws around good configurations, three bandwidths wide, the one with the largest ratio is proposed; a
 * third of the proposals come from the prior. A parameter that a configuration lacks is filled in from one that has it.
 *
 * Steering: banned draws are dropped; a pin makes the draws come from the prior inside it; the dial scales the share of
 * proposals from the prior. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/bracket.h"
#include "tune/draw.h"
#include "tune/quantile.h"

enum { OPT_ETA, OPT_MIN, OPT_MAX, OPT_CEIL, OPT_MOST, OPT_SAMPLES, OPT_RANDOM, OPT_TOP, OPT_WIDTH };

#define MIN_BANDWIDTH 1e-3

struct bohb {
    struct brackets k; /* its ladder holds the values by budget */
    double samples, random, top, width;
};

static void drop(void *self)
{
    struct bohb *b = self;
    brackets_release(&b->k);
    free(b);
}

static void *make(const struct tuner_env *env, const double *v, char **cause)
{
    struct bracket_plan plan = {.eta = v[OPT_ETA], .min = v[OPT_MIN], .max = v[OPT_MAX], .ceil = v[OPT_CEIL] != 0};
    if (bracket_plan_check(&plan, "bohb", cause) < 0)
        return NULL;
    struct bohb *b = MEM_NEW(struct bohb);
    *b = (struct bohb){.samples = v[OPT_SAMPLES], .random = v[OPT_RANDOM], .top = v[OPT_TOP], .width = v[OPT_WIDTH]};
    b->k.plan = plan;
    b->k.most = (int64_t)v[OPT_MOST];
    brackets_init(&b->k);
    return b;
}

/* ---- the model ---- */

struct kde {
    int n, d;
    double *at;    /* n x d: model coordinates, or the choice */
    double *width; /* d bandwidths */
};

struct model {
    int d, *param;     /* the parameters that vary */
    int *choices;      /* of each, 0: a number */
    struct kde good, bad;
};

static bool is_choice(const struct param *p)
{
    return p->type == PARAM_CATEGORICAL;
}

static double coordinate(const struct param *p, double dna)
{
    return is_choice(p) || isnan(dna) ? dna : param_model(p, dna);
}

static void model_release(struct model *m)
{
    free(m->param);
    free(m->choices);
    free(m->good.at);
    free(m->good.width);
    free(m->bad.at);
    free(m->bad.width);
}

/* Holes are filled from a random row that has the parameter; from the prior when none has. */
static void fill_holes(const struct tuner_env *env, const struct model *m, struct kde *k)
{
    for (int j = 0; j < k->d; j++) {
        int have = 0;
        for (int i = 0; i < k->n; i++)
            have += !isnan(k->at[i * k->d + j]);
        for (int i = 0; i < k->n && have < k->n; i++) {
            if (!isnan(k->at[i * k->d + j]))
                continue;
            if (!have) {
                k->at[i * k->d + j] = m->choices[j] ? (double)rng_below(env->rng, (uint64_t)m->choices[j]) : rng_unit(env->rng);
                continue;
            }
            int pick = (int)rng_below(env->rng, (uint64_t)k->n);
            while (isnan(k->at[pick * k->d + j]))
                pick = (pick + 1) % k->n;
            k->at[i * k->d + j] = k->at[pick * k->d + j];
        }
    }
}

static void bandwidths(struct kde *k)
{
    k->width = mem_zero((size_t)k->d, sizeof *k->width);
    for (int j = 0; j < k->d; j++) {
        double sum = 0, sq = 0;
        for (int i = 0; i < k->n; i++)
            sum += k->at[i * k->d + j];
        for (int i = 0; i < k->n; i++)
            sq += (k->at[i * k->d + j] - sum / k->n) * (k->at[i * k->d + j] - sum / k->n);
        k->width[j] = fmax(MIN_BANDWIDTH, 1.06 * sqrt(sq / k->n) * pow(k->n, -1.0 / (4 + k->d)));
    }
}

static struct kde kde_of(const struct tuner_env *env, const struct model *m, const int *trial, int n)
{
    struct kde k = {.n = n, .d = m->d, .at = mem_zero((size_t)n * (size_t)m->d, sizeof(double))};
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m->d; j++)
            k.at[i * m->d + j] =
                coordinate(&env->space->params[m->param[j]], env->history->trials[trial[i]].dna[m->param[j]]);
    fill_holes(env, m, &k);
    bandwidths(&k);
    return k;
}

static int by_loss(const void *a, const void *b)
{
    const struct rung_value *x = a, *y = b;
    if (x->loss != y->loss)
        return x->loss < y->loss ? -1 : 1;
    return x->trial - y->trial;
}

static void varying(const struct space *s, struct model *m)
{
    m->param = mem_zero((size_t)s->n, sizeof *m->param);
    m->choices = mem_zero((size_t)s->n, sizeof *m->choices);
    for (int i = 0; i < s->n; i++)
        if (param_count(&s->params[i]) > 1) {
            m->choices[m->d] = is_choice(&s->params[i]) ? s->params[i].n_choices : 0;
            m->param[m->d++] = i;
        }
}

/* The model of the largest budget that has enough values; the budget, NaN when none has. */
static double build(const struct bohb *b, const struct tuner_env *env, struct model *m)
{
    *m = (struct model){0};
    varying(env->space, m);
    int fewest = m->d + 1;
    for (int k = b->k.ladder.n - 1; k >= 0; k--) {
        const struct rung *r = &b->k.ladder.rung[k];
        struct rung_value *v = mem_zero((size_t)r->n, sizeof *v);
        int *trial = mem_zero((size_t)r->n, sizeof *trial), n = 0;
        for (int i = 0; i < r->n; i++)
            if (r->values[i].trial < env->history->n && !env->history->trials[r->values[i].trial].outside)
                v[n++] = r->values[i];
        if (n)
            qsort(v, (size_t)n, sizeof *v, by_loss);
        for (int i = 0; i < n; i++)
            trial[i] = v[i].trial;
        free(v);
        int good = (int)fmax(fewest, floor(b->top * n / 100)), bad = (int)fmax(fewest, floor((100 - b->top) * n / 100));
        bad = bad < n - good ? bad : n - good;
        bool enough = n > fewest - 1 && good > m->d && bad > m->d;
        if (enough) {
            m->good = kde_of(env, m, trial, good);
            m->bad = kde_of(env, m, trial + good, bad);
        }
        free(trial);
        if (enough)
            return r->resource;
    }
    return NAN;
}

static double density(const struct model *m, const struct kde *k, const double *x)
{
    double sum = 0;
    for (int i = 0; i < k->n; i++) {
        double product = 1;
        for (int j = 0; j < k->d; j++) {
            double a = k->at[i * k->d + j], h = k->width[j];
            if (isnan(x[j]))
                continue;
            if (m->choices[j])
                product *= a == x[j] ? 1 - fmin(h, 1) : fmin(h, 1) / (m->choices[j] - 1);
            else
                product *= normal_density((x[j] - a) / h) / h;
        }
        sum += product;
    }
    return sum / k->n;
}

/* A normal cut to [0, 1]. */
static double near_unit(struct rng *rng, double mean, double sd)
{
    double low = normal_below(-mean / sd), high = normal_below((1 - mean) / sd);
    double z = normal_quantile(low + rng_unit(rng) * (high - low));
    return fmin(1, fmax(0, isfinite(z) ? mean + sd * z : rng_unit(rng)));
}

/* The dna entry of a model coordinate: the nearest place of an ordinal. */
static double from_coordinate(const struct param *p, double x)
{
    if (p->type != PARAM_ORDINAL)
        return x;
    int best = 0;
    for (int k = 1; k < p->n_choices; k++)
        if (fabs(p->place[k] - x) < fabs(p->place[best] - x))
            best = k;
    return best;
}

static void draw_near(const struct bohb *b, const struct tuner_env *env, const struct model *m, double *dna)
{
    const struct kde *g = &m->good;
    const double *datum = g->at + rng_below(env->rng, (uint64_t)g->n) * (size_t)g->d;
    for (int i = 0; i < env->space->n; i++)
        dna[i] = 0;
    for (int j = 0; j < m->d; j++) {
        double h = g->width[j], x = datum[j];
        if (!m->choices[j])
            x = near_unit(env->rng, x, b->width * h);
        else if (rng_unit(env->rng) < h)
            x = (double)rng_below(env->rng, (uint64_t)m->choices[j]);
        dna[m->param[j]] = from_coordinate(&env->space->params[m->param[j]], x);
    }
    space_canon(env->space, dna);
}

/* ---- asking ---- */

static int from_prior(const struct tuner_env *env, struct proposal *out, char **cause)
{
    if (draw_prior(env, NULL, out->dna) < 0)
        return cause_set(cause, "the bans and pins leave nothing to try");
    out->forced = steering_pin(env->steer) != NULL;
    snprintf(out->why, sizeof out->why, "a draw from the prior");
    return 0;
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    const struct bohb *b = self;
    struct model m;
    double best = INFINITY, budget = NAN;
    if (steering_pin(env->steer) || rng_unit(env->rng) < fmin(1, b->random * steering_explore(env->steer)))
        return from_prior(env, out, cause);
    budget = build(b, env, &m);
    double *dna = mem_zero((size_t)env->space->n, sizeof *dna), *x = mem_zero((size_t)m.d, sizeof *x);
    for (int i = 0; i < b->samples && !isnan(budget); i++) {
        draw_near(b, env, &m, dna);
        if (!steering_allows(env->steer, env->space, dna))
            continue;
        for (int j = 0; j < m.d; j++)
            x[j] = coordinate(&env->space->params[m.param[j]], dna[m.param[j]]);
        double score = fmax(1e-32, density(&m, &m.bad, x)) / fmax(1e-32, density(&m, &m.good, x)) /
                       steering_weight(env->steer, env->space, dna);
        if (!(score < best))
            continue;
        best = score;
        memcpy(out->dna, dna, (size_t)env->space->n * sizeof *dna);
    }
    free(dna);
    free(x);
    model_release(&m);
    if (isinf(best))
        return from_prior(env, out, cause);
    snprintf(out->why, sizeof out->why, "%.3g times likelier among the good than among the bad at %g steps", 1 / best, budget);
    return 0;
}

/* ---- Hyperband ---- */

static enum tuner_offer offer(void *self, const struct tuner_env *env, struct proposal *out)
{
    return brackets_offer(&((struct bohb *)self)->k, env, out);
}

static void begun(void *self, const struct tuner_env *env, int trial, const struct proposal *p)
{
    brackets_begun(&((struct bohb *)self)->k, env, trial, p);
}

static void judge(void *self, const struct tuner_env *env, const struct observation *ob, struct tell_result *out)
{
    brackets_judge(&((struct bohb *)self)->k, env, ob, out);
}

static void learn(void *self, const struct tuner_env *env, const struct observation *ob)
{
    brackets_learn(&((struct bohb *)self)->k, env, ob);
}

static bool holds(void *self, const struct tuner_env *env, int trial)
{
    return brackets_holds(&((struct bohb *)self)->k, trial);
}

static const struct rungs *ladder(void *self)
{
    return &((struct bohb *)self)->k.ladder;
}

static int rows(void *self, const struct tuner_env *env, struct rung_row *out, int max)
{
    return brackets_rows(&((struct bohb *)self)->k, out, max);
}

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    brackets_describe(&((struct bohb *)self)->k, out, cap);
}

static void dump(void *self, struct buf *out)
{
    brackets_pack(&((struct bohb *)self)->k, out);
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    struct bohb *b = make(env, values, cause);
    struct unpack in = {.p = p, .n = n};
    if (!b || (brackets_unpack(&b->k, env->history->n, &in) == 0 && !in.n))
        return b;
    drop(b);
    return cause_null(cause, "the state is not one of bohb with these rungs");
}

static const struct tuner_option options[] = {
    [OPT_ETA] = {"eta", 1.1, 100, 3, "one in eta goes on at each rung"},
    [OPT_MIN] = {"min_resource", 1e-9, 1e15, 1, "step of the first rung, or a little above it"},
    [OPT_MAX] = {"max_resource", 1e-9, 1e15, 81, "step of a full run; the sweep's fidelity max where that is given"},
    [OPT_CEIL] = {"ceil", 0, 1, 0, "1: first rungs rounded up, as in the paper; 0: down, as HpBandSter does"},
    [OPT_MOST] = {"brackets", 0, 1e9, 0, "so many brackets and no more; 0: as many as the budget allows"},
    [OPT_SAMPLES] = {"candidates", 1, 1e5, 64, "draws of which the best is proposed"},
    [OPT_RANDOM] = {"random", 0, 1, 1.0 / 3, "share of proposals from the prior"},
    [OPT_TOP] = {"top", 1, 99, 15, "per cent of the values at a budget that count as good"},
    [OPT_WIDTH] = {"width", 0.01, 100, 3, "draws are so many bandwidths wide"},
    {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_bohb = {
    .name = "bohb",
    .paper = "Falkner et al. 2018",
    .summary = "Hyperband with configurations from a density model of the largest budget",
    .options = options,
    .make = make,
    .drop = drop,
    .propose = propose,
    .learn = learn,
    .judge = judge,
    .offer = offer,
    .begun = begun,
    .holds = holds,
    .ladder = ladder,
    .rungs = rows,
    .describe = describe,
    .dump = dump,
    .load = load,
};
