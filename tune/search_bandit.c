/* Bandits over the arms of a space: which box to sample next. One row of the list for each policy of
 * bandit.h, whose file names the papers.
 *
 * Rewards. The policies want losses in [0,1], a sweep has validation errors of any size with a few diverged
 * ones among them. So a trial's loss is its normalised rank among the trials that have ended: (losses below +
 * half the equal ones) / all of them; failures rank last. Ranks change as trials arrive:
 *   - the confidence bounds and Thompson sampling are sums over past losses, so they are summed anew, with
 *     today's ranks, whenever an ask follows a tell: the state is the history, and nothing else;
 *   - the importance-weighted policies (Tsallis-INF, EXP3) and ChebCB take the rank at arrival, as their
 *     analysis allows losses to be anything; their state is dumped. tsallis_cb ranks within the context's bin.
 * What people see (explain) is in the unit of the objective, not in ranks.
 *
 * Steering is read from env->steer before each choice: an arm is banned when a ban covers all of it or the
 * pin misses it, forced when the pin lies within it, boosted when a boost covers all of it. What covers only
 * a part is honoured by the draw within the arm. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/arms.h"
#include "tune/bandit.h"
#include "tune/draw.h"

struct search {
    struct arms *arms;
    struct bandit bandit;
    struct bandit_context looks; /* what a contextual policy looks at */
    bool fitted;  /* looks.dims is the sweep's */
    bool summed;  /* state is rebuilt from the history before a choice */
    bool dirty;
};

static void drop(void *self)
{
    struct search *s = self;
    arms_free(s->arms);
    bandit_release(&s->bandit);
    free(s);
}

static bool sums(enum bandit_algorithm a)
{
    return a != BANDIT_TSALLIS_INF && a != BANDIT_TSALLIS_INF_RV && a != BANDIT_EXP3 && a != BANDIT_EXP3_IX &&
           a != BANDIT_TSALLIS_CB && a != BANDIT_CHEB_CB;
}

/* The options behind `most`. */
static int configure(struct search *s, enum bandit_algorithm a, const double *values, char **cause)
{
    s->looks = bandit_context_fallback;
    if (a == BANDIT_ELIMINATION)
        s->bandit.confidence = values[1];
    if (a == BANDIT_UCB_SLIDING)
        return bandit_set_window(&s->bandit, (int)values[1]);
    if (!bandit_contextual(a))
        return 0;
    s->looks.low = values[2];
    s->looks.high = values[3];
    if (a == BANDIT_TSALLIS_CB)
        s->looks.bins = (int)values[1];
    else if (a == BANDIT_CHEB_CB)
        s->looks.features = (int)values[1];
    else
        s->looks.alpha = values[1];
    return bandit_set_context(&s->bandit, &s->looks) == 0
               ? 0
               : cause_set(cause, "%s: contexts lie in low..high; %g..%g is none", bandit_name(a), values[2], values[3]);
}

static void *make(const struct tuner_env *env, const double *values, enum bandit_algorithm a, char **cause)
{
    int most = (int)values[0];
    if (most <= 0) { /* not said: leave each arm a few pulls of the budget */
        most = env->budget > 0 ? (int)fmin(ARMS_DEFAULT, fmax(8, (double)env->budget / 3)) : ARMS_DEFAULT / 2;
    }
    struct arms *arms = arms_make(env->space, env->kv, most, cause);
    if (!arms)
        return NULL;
    struct search *s = MEM_NEW(struct search);
    s->arms = arms;
    arms_find_empty(arms, env->space);
    s->summed = sums(a);
    s->dirty = true;
    if (bandit_init(&s->bandit, a, arms->n, 0, 1) < 0) {
        arms_free(arms);
        free(s);
        return cause_null(cause, "%d arms: a bandit takes 2 to %d", arms->n, BANDIT_ARMS_MAX);
    }
    if (configure(s, a, values, cause) < 0) {
        drop(s);
        return NULL;
    }
    return s;
}

/* ---- losses ---- */

static bool ended(const struct history_trial *t)
{
    return !t->outside && (t->end == END_DONE || t->end == END_PRUNED || t->end == END_FAILED);
}

/* The bin of a trial's context; everything is one bin to a policy that has none. */
static int bin_of(const struct search *s, const struct history_trial *t)
{
    const struct bandit_context *c = &s->looks;
    if (s->bandit.algorithm != BANDIT_TSALLIS_CB || !t->n_context)
        return 0;
    double z = (t->context[0] - c->low) / (c->high - c->low);
    return (int)(fmin(fmax(z, 0), 1 - 1e-12) * c->bins);
}

/* Normalised rank of a trial among those that have ended. */
static double rank_of(const struct search *s, const struct history *h, int trial)
{
    double below = 0, all = 0, mine = h->trials[trial].loss;
    int bin = bin_of(s, &h->trials[trial]);
    for (int i = 0; i < h->n; i++) {
        const struct history_trial *t = &h->trials[i];
        if (!ended(t) || bin_of(s, t) != bin)
            continue;
        all++;
        if (isnan(mine) ? !isnan(t->loss) : t->loss < mine)
            below++;
        else if (isnan(mine) ? isnan(t->loss) : t->loss == mine)
            below += 0.5;
    }
    return isnan(mine) ? 1 : all > 0 ? below / all : 0.5;
}

struct scored {
    int64_t order;
    int arm, trial;
    double rank;
};

static int by_order(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

/* Every ended trial with its arm and rank, in the order of their ends (which matters to a policy that
 * forgets). */
static struct scored *score(struct search *s, const struct tuner_env *env, int *count)
{
    const struct history *h = env->history;
    int n, *sorted = history_sorted(h, &n), failed = 0, k = 0;
    struct scored *out = mem_zero((size_t)h->n, sizeof *out);
    for (int i = 0; i < h->n; i++)
        failed += h->trials[i].end == END_FAILED && !h->trials[i].outside;
    double all = n + failed;
    for (int from = 0, to; from < n; from = to) { /* equal losses share their middle rank */
        for (to = from; to < n && h->trials[sorted[to]].loss == h->trials[sorted[from]].loss; to++)
            out[k++].arm = sorted[to];
        for (int m = from; m < to; m++)
            out[m].rank = 0.5 * (from + to) / all;
    }
    for (int i = 0; i < h->n; i++)
        if (h->trials[i].end == END_FAILED && !h->trials[i].outside)
            out[k++] = (struct scored){.arm = i, .rank = 1};
    for (int m = 0; m < k; m++) {
        const struct history_trial *t = &h->trials[out[m].arm];
        out[m].order = t->order;
        out[m].trial = out[m].arm;
        out[m].arm = arms_of(s->arms, env, out[m].arm);
    }
    qsort(out, (size_t)k, sizeof *out, by_order);
    free(sorted);
    *count = k;
    return out;
}

static void rebuild(struct search *s, const struct tuner_env *env)
{
    const struct history *h = env->history;
    int n;
    struct scored *all = score(s, env, &n);
    bandit_clear(&s->bandit);
    for (int i = 0; i < n; i++) {
        const struct history_trial *t = &h->trials[all[i].trial];
        if (all[i].arm >= 0)
            bandit_observe_in(&s->bandit, all[i].arm, t->context, t->n_context, all[i].rank);
    }
    for (int i = 0; i < h->n; i++) {
        const struct history_trial *t = &h->trials[i];
        int arm = t->end != END_PENDING ? -1 : arms_of(s->arms, env, i);
        if (arm >= 0)
            s->bandit.arm[arm].pending++;
    }
    free(all);
}

/* Steering into the bandit's own terms. Returns how many arms are allowed. */
static int steer(struct search *s, const struct tuner_env *env, const bool *hopeless)
{
    int allowed = 0;
    bandit_pin(&s->bandit, -1, 0);
    for (int i = 0; i < s->arms->n; i++) {
        struct bandit_arm *a = &s->bandit.arm[i];
        bool banned = (hopeless && hopeless[i]) || (s->arms->empty && s->arms->empty[i]) || steering_bans(env->steer, env->space, &s->arms->cell[i]);
        a->ban_until = banned ? BANDIT_FOREVER : 0;
        allowed += !banned;
        a->boost = steering_boost(env->steer, env->space, &s->arms->cell[i]);
        a->boost_until = a->boost != 1 ? BANDIT_FOREVER : 0;
    }
    for (int i = 0; i < s->arms->n; i++)
        if (!s->bandit.arm[i].ban_until && steering_pins(env->steer, env->space, &s->arms->cell[i]))
            bandit_pin(&s->bandit, i, BANDIT_FOREVER);
    bandit_explore(&s->bandit, steering_explore(env->steer));
    return allowed;
}

/* A linear model has as many coefficients as the sweep's contexts have numbers, which the first context tells. */
static void fit_dims(struct search *s, const struct tuner_env *env)
{
    int dims = env->n_context;
    for (int i = env->history->n - 1; i >= 0 && !dims; i--)
        dims = env->history->trials[i].n_context;
    if (s->bandit.algorithm != BANDIT_LINUCB || (s->fitted && dims == s->looks.dims))
        return;
    s->looks.dims = dims;
    s->fitted = s->dirty = bandit_set_context(&s->bandit, &s->looks) == 0;
}

static void prepare(struct search *s, const struct tuner_env *env)
{
    fit_dims(s, env);
    if (!s->summed || !s->dirty)
        return;
    rebuild(s, env);
    s->dirty = false;
}

static void say_why(const struct search *s, const struct bandit_pull *pull, struct proposal *out)
{
    const struct bandit_arm *a = &s->bandit.arm[pull->arm];
    if (pull->forced)
        snprintf(out->why, sizeof out->why, "arm %s is pinned", s->arms->label[pull->arm]);
    else
        snprintf(out->why, sizeof out->why, "arm %s, chance %.2g, %llu pulls", s->arms->label[pull->arm],
                 pull->propensity, (unsigned long long)a->pulls);
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    struct search *s = self;
    bool *hopeless = NULL;
    int rc = -1;
    if (bandit_contextual(s->bandit.algorithm) && s->bandit.algorithm != BANDIT_LINUCB && env->n_context > 1)
        return cause_set(cause, "%s looks at a context of one number, not of %d; linucb takes several",
                         bandit_name(s->bandit.algorithm), env->n_context);
    prepare(s, env);
    while (steer(s, env, hopeless) > 0) {
        struct bandit_pull pull;
        bandit_choose_in(&s->bandit, env->context, env->n_context, env->rng, &pull);
        rc = draw_prior(env, &s->arms->cell[pull.arm], out->dna);
        if (rc == 0) {
            out->arm = pull.arm;
            out->propensity = pull.propensity;
            out->forced = pull.forced;
            snprintf(out->label, sizeof out->label, "%s", s->arms->label[pull.arm]);
            say_why(s, &pull, out);
            break;
        }
        bandit_forget(&s->bandit, &pull); /* bans by region left nothing of this arm */
        if (!hopeless)
            hopeless = mem_zero((size_t)s->arms->n, sizeof *hopeless);
        hopeless[pull.arm] = true;
    }
    free(hopeless);
    return rc < 0 ? cause_set(cause, "the bans and pins leave no arm to pull") : 0;
}

static void learn(void *self, const struct tuner_env *env, const struct observation *ob)
{
    struct search *s = self;
    s->dirty = true;
    if (!ob->final || s->summed)
        return;
    const struct history_trial *t = &env->history->trials[ob->trial];
    struct bandit_pull pull = {.arm = t->arm, .forced = t->forced, .propensity = t->propensity};
    bool mine = t->asked && t->arm >= 0 && t->arm < s->arms->n && !isnan(t->propensity);
    if (mine && ob->forgotten) {
        bandit_forget(&s->bandit, &pull);
        return;
    }
    double loss = rank_of(s, env->history, ob->trial);
    int arm = arms_of(s->arms, env, ob->trial);
    if (mine)
        bandit_learn_in(&s->bandit, &pull, t->context, t->n_context, loss);
    else if (arm >= 0 && !ob->forgotten)
        bandit_observe_in(&s->bandit, arm, t->context, t->n_context, loss);
}

/* ---- for people ---- */

static int explain(void *self, const struct tuner_env *env, struct arm_row *out, int max)
{
    struct search *s = self;
    int n = s->arms->n, pinned;
    struct arm_row *rows = mem_zero((size_t)n, sizeof *rows);
    double *next = mem_zero((size_t)n, sizeof *next), *best = mem_zero((size_t)n, sizeof *best);
    prepare(s, env);
    bool any = steer(s, env, NULL) > 0;
    pinned = bandit_pinned(&s->bandit);
    bandit_look(&s->bandit, env->context, env->n_context);
    if (any)
        bandit_probs(&s->bandit, next);
    bandit_best(&s->bandit, best);
    arms_rows(s->arms, env, rows);
    for (int i = 0; i < n; i++) {
        rows[i].p_next = next[i];
        rows[i].p_best = best[i];
        rows[i].pinned = i == pinned;
    }
    for (int i = 0; i < n && i < max; i++)
        out[i] = rows[i];
    free(rows);
    free(next);
    free(best);
    return n;
}

static int arm_region(void *self, const struct tuner_env *env, int arm, struct region *out, char label[96])
{
    const struct search *s = self;
    if (arm < 0 || arm >= s->arms->n)
        return -1;
    region_copy(out, &s->arms->cell[arm]);
    memcpy(label, s->arms->label[arm], 96);
    return 0;
}

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct search *s = self;
    char over[160];
    arms_text(s->arms, env->space, over, sizeof over);
    snprintf(out, cap, "over %s", over);
}

/* ---- bytes ---- */

static void dump(void *self, struct buf *out)
{
    const struct search *s = self;
    size_t n = bandit_dump(&s->bandit, NULL, 0);
    bandit_dump(&s->bandit, buf_reserve(out, n), n);
    out->len += n;
}

static void *load(const struct tuner_env *env, const double *values, enum bandit_algorithm a,
                  const uint8_t *p, size_t n, char **cause)
{
    struct search *s = make(env, values, a, cause);
    struct bandit b;
    if (!s)
        return NULL;
    if (bandit_load(&b, p, n) < 0 || b.algorithm != a || b.arms != s->arms->n) {
        drop(s);
        return cause_null(cause, "the state is not one of %s over these arms", bandit_name(a));
    }
    bandit_release(&s->bandit);
    s->bandit = b;
    return s;
}

#define OPTION_MOST                                                                                          \
    {"most", 0, BANDIT_ARMS_MAX, 0,                                                                          \
     "bound on the arms chosen when arms: does not say which; 0: a third of the budget, 8 to 64"}
#define OPTION_RANGE(top)                                                                                    \
    {"low", -1e300, 1e300, 0, "smallest context"}, {"high", -1e300, 1e300, top, "largest context"}
#define OPTION_END {NULL, 0, 0, 0, NULL}

static const struct tuner_option plain[] = {OPTION_MOST, OPTION_END};
static const struct tuner_option sliding[] = {
    OPTION_MOST, {"window", 2, BANDIT_WINDOW_MAX, 100, "trials that count: the last ones"}, OPTION_END};
static const struct tuner_option eliminating[] = {
    OPTION_MOST, {"confidence", 1e-6, 0.5, 0.05, "chance of dropping the best arm"}, OPTION_END};
static const struct tuner_option binned[] = {
    OPTION_MOST, {"bins", 1, BANDIT_BINS_MAX, 5, "equal pieces of low..high, a bandit in each"}, OPTION_RANGE(1), OPTION_END};
static const struct tuner_option smooth[] = {
    OPTION_MOST,
    {"features", 1, BANDIT_FEATURES_MAX, 6, "Chebyshev polynomials of the context: degree 0 to features - 1"},
    OPTION_RANGE(1),
    OPTION_END};
static const struct tuner_option linear[] = {
    OPTION_MOST, {"alpha", 0, 100, 1, "width of the confidence bounds"}, OPTION_RANGE(0), OPTION_END};

#define SEARCH(symbol, algorithm, list, context, title, source, text)                                                       \
    static void *make_##symbol(const struct tuner_env *env, const double *values, char **cause)              \
    {                                                                                                        \
        return make(env, values, algorithm, cause);                                                          \
    }                                                                                                        \
    static void *load_##symbol(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause) \
    {                                                                                                        \
        return load(env, values, algorithm, p, n, cause);                                                    \
    }                                                                                                        \
    const struct tuner_ops tuner_##symbol = {                                                                \
        .name = title,                                                                                       \
        .paper = source,                                                                                     \
        .summary = text,                                                                                     \
        .options = list,                                                                                     \
        .contextual = context,                                                                               \
        .make = make_##symbol,                                                                               \
        .drop = drop,                                                                                        \
        .propose = propose,                                                                                  \
        .learn = learn,                                                                                      \
        .explain = explain,                                                                                  \
        .arm = arm_region,                                                                                   \
        .describe = describe,                                                                                \
        .dump = dump,                                                                                        \
        .load = load_##symbol,                                                                               \
    };

SEARCH(thompson, BANDIT_THOMPSON, plain, false, "thompson", "Thompson 1933; Chapelle and Li 2011",
       "probability matching over arms")
SEARCH(ucb1, BANDIT_UCB1, plain, false, "ucb1", "Auer, Cesa-Bianchi and Fischer 2002", "upper confidence bounds over arms")
SEARCH(ucb_tuned, BANDIT_UCB_TUNED, plain, false, "ucb_tuned", "Auer, Cesa-Bianchi and Fischer 2002",
       "confidence bounds with the measured variance")
SEARCH(kl_ucb, BANDIT_KL_UCB, plain, false, "kl_ucb", "Garivier and Cappe 2011",
       "confidence bounds from the Bernoulli divergence")
SEARCH(tsallis, BANDIT_TSALLIS_INF, plain, false, "tsallis", "Zimmert and Seldin 2021",
       "Tsallis-INF over arms, importance weighted")
SEARCH(tsallis_rv, BANDIT_TSALLIS_INF_RV, plain, false, "tsallis_rv", "Zimmert and Seldin 2021",
       "Tsallis-INF over arms, reduced variance")
SEARCH(exp3, BANDIT_EXP3, plain, false, "exp3", "Auer, Cesa-Bianchi, Freund and Schapire 2002",
       "exponential weights over arms")
SEARCH(exp3_ix, BANDIT_EXP3_IX, plain, false, "exp3_ix", "Neu 2015", "exponential weights with implicit exploration")
SEARCH(ucb_discounted, BANDIT_UCB_DISCOUNTED, plain, false, "ucb_discounted", "Garivier and Moulines 2011",
       "confidence bounds that forget")
SEARCH(ucb_sliding, BANDIT_UCB_SLIDING, sliding, false, "ucb_sliding", "Garivier and Moulines 2011",
       "confidence bounds over the last trials only")
SEARCH(elimination, BANDIT_ELIMINATION, eliminating, false, "elimination", "Even-Dar, Mannor and Mansour 2006",
       "successive elimination of arms")
SEARCH(tsallis_cb, BANDIT_TSALLIS_CB, binned, true, "tsallis_cb", "Zimmert and Seldin 2021; Khodak et al. 2024",
       "Tsallis-INF for each bin of the context")
SEARCH(chebcb, BANDIT_CHEB_CB, smooth, true, "chebcb", "Khodak, Chow, Balcan and Talwalkar 2024",
       "inverse gaps over Chebyshev regressions on the context")
SEARCH(linucb, BANDIT_LINUCB, linear, true, "linucb", "Li, Chu, Langford and Schapire 2010",
       "confidence bounds of a linear model in the context")
