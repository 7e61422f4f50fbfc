/* Optimisation by splitting the space into cells, for continuous-armed bandits.
 *
 * hoo: S. Bubeck, R. Munos, G. Stoltz and C. Szepesvari, "X-Armed Bandits", JMLR 12, 2011. Every node of the
 * tree has an optimistic value U = mean + width sqrt(2 ln n / T) + nu rho^depth; B is the smaller of U and
 * its children's largest B; an ask follows B down to a leaf and draws there. The tree is a function of the
 * history.
 *
 * stosoo: M. Valko, A. Carpentier and R. Munos, "Stochastic Simultaneous Optimistic Optimization", ICML 2013.
 * Sweeps over the depths of the tree; at each the leaf with the largest optimistic value is tried, or, after
 * `evaluations` tries, split, if it is no worse than those above it. Needs no smoothness. The paper's cells
 * fall into three or more parts; two of our halvings are one of its depths.
 *
 * Cells are halves of halves of the parameters' ranges (decisions.h), rewards are ranks (decision_tree.h).
 * Whatever trial lies in a cell counts for it, whoever proposed it; running ones count as tries, so parallel
 * asks go elsewhere. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/decision_tree.h"
#include "tune/draw.h"
#include "tune/genes.h"

#define DEPTH  30      /* halvings of a parameter at most */
#define NODES  1000000 /* in a dump */
#define LEVELS 2       /* halvings that are one depth of a sweep */
#define SWEEPS 3       /* of an ask, before it draws from the prior */

enum { OPT_WIDTH, OPT_NU, OPT_RHO };   /* hoo */
enum { OPT_EVALUATIONS, OPT_DEEPEST }; /* stosoo */

struct cells {
    bool sweeps; /* stosoo */
    struct decision_tree tree;
    double width, nu, rho;
    int evaluations, deepest;
    int depth;  /* of the sweep under way, in LEVELS: where it goes on */
    double top; /* and the largest value it has split */
};

static void drop(void *self)
{
    struct cells *c = self;
    tree_release(&c->tree);
    free(c);
}

static struct cells *begin(const struct tuner_env *env, char **cause)
{
    if (!(space_count(env->space) > 1))
        return cause_null(cause, "nothing varies in this space");
    struct cells *c = MEM_NEW(struct cells);
    tree_init(&c->tree, env->space->n, DEPTH);
    return c;
}

static void *make_hoo(const struct tuner_env *env, const double *values, char **cause)
{
    struct cells *c = begin(env, cause);
    if (!c)
        return NULL;
    c->width = values[OPT_WIDTH];
    c->nu = values[OPT_NU];
    c->rho = values[OPT_RHO] > 0 ? values[OPT_RHO] : pow(0.5, 1.0 / genes_varying(env->space));
    return c;
}

/* The paper's choices for n asks: n / ln^3 n tries of a cell, cells down to sqrt(n / tries), here for each
 * parameter. */
static void *make_stosoo(const struct tuner_env *env, const double *values, char **cause)
{
    struct cells *c = begin(env, cause);
    double n = env->budget > 1 ? (double)env->budget : 100;
    if (!c)
        return NULL;
    c->sweeps = true;
    c->evaluations =
        values[OPT_EVALUATIONS] >= 1 ? (int)values[OPT_EVALUATIONS] : (int)fmax(1, round(n / pow(log(n), 3)));
    c->deepest = values[OPT_DEEPEST] >= 1 ? (int)values[OPT_DEEPEST]
                                          : (int)ceil(sqrt(n / c->evaluations)) * genes_varying(env->space);
    c->top = -INFINITY;
    return c;
}

/* ---- optimistic values ---- */

/* Into bound of every node; children come behind their parents. */
static void optimism(struct cells *c, const struct tuner_env *env)
{
    struct tree_node *nodes = c->tree.nodes;
    double all = fmax(nodes[0].visits, 1), dial = steering_explore(env->steer);
    double chance = log(fmax(all, 2) * sqrt(fmax(all, 2)) * (c->sweeps ? c->evaluations : 1));
    for (int i = c->tree.n - 1; i >= 0; i--) {
        struct tree_node *node = &nodes[i];
        double best = -INFINITY;
        node->bound = INFINITY;
        if (node->visits > 0 && c->sweeps)
            node->bound =
                tree_mean(node, 0.5) + dial * (c->evaluations > 1 ? sqrt(chance / (2 * node->visits)) : 0);
        else if (node->visits > 0)
            node->bound = tree_mean(node, 0.5) + dial * (c->width * sqrt(2 * log(all) / node->visits) +
                                                         c->nu * pow(c->rho, node->depth));
        for (int b = 0; b < node->children; b++)
            if (tree_likely(node, env->space, b))
                best = fmax(best, nodes[node->first + b].bound);
        if (!c->sweeps && node->children)
            node->bound = fmin(node->bound, best);
    }
}

static void prepare(struct cells *c, const struct tuner_env *env)
{
    double *reward = tree_rewards(env->history);
    tree_recount(&c->tree, env, reward, !c->sweeps);
    optimism(c, env);
    free(reward);
}

static int best_child(void *self, const struct tuner_env *env, const struct tree_node *node)
{
    const struct cells *c = self;
    double best = -INFINITY;
    int chosen = -1, ties = 0;
    for (int b = 0; b < node->children; b++) {
        const struct tree_node *child = &c->tree.nodes[node->first + b];
        if (child->closed || !tree_likely(node, env->space, b))
            continue;
        if (child->bound > best) {
            best = child->bound;
            ties = 0;
        }
        if (child->bound == best && rng_below(env->rng, (uint64_t)++ties) == 0)
            chosen = b;
    }
    return chosen;
}

/* ---- stosoo ---- */

/* The open leaf, of the depth whose turn it is, with the largest value, -1 none. */
static int candidate(const struct cells *c, const struct space *s)
{
    const struct tree_node *nodes = c->tree.nodes;
    int best = -1;
    for (int i = 0; i < c->tree.n; i++) {
        const struct tree_node *node = &nodes[i];
        if (node->children || node->closed || node->depth / LEVELS != c->depth ||
            (i > 0 && !tree_likely(&nodes[node->parent], s, node->branch)))
            continue;
        if (best < 0 || node->bound > nodes[best].bound)
            best = i;
    }
    return best;
}

static int deepest(const struct cells *c)
{
    int depth = 0;
    for (int i = 0; i < c->tree.n; i++)
        depth = c->tree.nodes[i].depth > depth ? c->tree.nodes[i].depth : depth;
    return (depth < c->deepest ? depth : c->deepest) / LEVELS;
}

/* Tries or splits the leaf that is the sweep's turn. True: dna is to be tried. */
static bool attend(struct cells *c, const struct tuner_env *env, int leaf, double *dna)
{
    struct tree_node *node = &c->tree.nodes[leaf];
    struct decisions d;
    if (!tree_reach(&c->tree, env->space, leaf, env->rng, &d)) {
        node->closed = true;
        return false;
    }
    if (node->visits < c->evaluations) {
        node->closed = !tree_draw(&c->tree, env, &d, dna);
        return !node->closed;
    }
    double top = node->bound;
    if (node->n > 0 && node->depth < c->deepest && tree_split(&c->tree, leaf, &d)) {
        c->top = top;
        tree_settle(&c->tree, env, leaf);
        prepare(c, env); /* what lies in the halves counts for them */
    }
    return false;
}

/* Goes on with the sweep until a leaf is to be tried; false when nothing can be. */
static bool sweep(struct cells *c, const struct tuner_env *env, double *dna)
{
    for (int sweeps = 0; sweeps < SWEEPS;) {
        int leaf = candidate(c, env->space);
        bool found = leaf >= 0 && c->tree.nodes[leaf].bound >= c->top && attend(c, env, leaf, dna);
        if (++c->depth > deepest(c)) {
            c->depth = 0;
            c->top = -INFINITY;
            sweeps++;
        }
        if (found)
            return true;
    }
    return false;
}

/* ---- proposing ---- */

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    struct cells *c = self;
    prepare(c, env);
    out->forced = steering_pin(env->steer) != NULL;
    if (c->sweeps ? sweep(c, env, out->dna) : tree_sample(&c->tree, env, best_child, c, out->dna)) {
        snprintf(out->why, sizeof out->why,
                 c->sweeps ? "the most promising cell of its size, of %d"
                           : "the cell with the best bounds, of %d",
                 (c->tree.n + 1) / 2);
        return 0;
    }
    if (draw_prior(env, NULL, out->dna) < 0)
        return cause_set(cause, "the bans and pins leave nothing to try");
    snprintf(out->why, sizeof out->why, "no cell can be tried now: a draw from the prior");
    return 0;
}

/* ---- for people ---- */

/* The loss that has a reward: a value of the history; NaN while there is none. */
static double loss_at(const struct history *h, const int *sorted, int n, double reward)
{
    if (!n || isnan(reward))
        return NAN;
    double at = floor((1 - reward) * n);
    return h->trials[sorted[(int)fmin(fmax(at, 0), n - 1)]].loss;
}

/* An entry's range in dna from what is left of a parameter. */
static void side(const struct decisions *d, const struct param *p, int i, double *low, double *high)
{
    bool numbers = param_numeric(p), finite = isfinite(param_count(p));
    if (d->halvings[i] < 0 && !numbers) {
        *low = *high = d->dna[i];
    } else if (finite) {
        *low = param_nth(p, (int64_t)d->lo[i]);
        *high = param_nth(p, (int64_t)d->hi[i] - 1);
    } else {
        *low = d->lo[i];
        *high = d->hi[i];
    }
}

/* Sums of the losses of the trials in each leaf. */
static double *leaf_losses(struct cells *c, const struct tuner_env *env, double *count)
{
    const struct history *h = env->history;
    double *sum = mem_zero((size_t)c->tree.n, sizeof *sum);
    for (int k = 0; k < h->n; k++) {
        const struct history_trial *t = &h->trials[k];
        if (t->outside || !isfinite(t->loss) || (t->end != END_DONE && t->end != END_PRUNED))
            continue;
        int leaf = c->tree.leaf[k];
        sum[leaf] += t->loss;
        count[leaf]++;
    }
    return sum;
}

static int cells(void *self, const struct tuner_env *env, struct tuner_cell *rows, int max)
{
    struct cells *c = self;
    int n = 0, ended, *sorted = history_sorted(env->history, &ended);
    prepare(c, env);
    double *count = mem_zero((size_t)c->tree.n, sizeof *count), *sum = leaf_losses(c, env, count);
    for (int i = 0; i < c->tree.n; i++) {
        const struct tree_node *node = &c->tree.nodes[i];
        struct decisions d;
        if (node->children || !tree_reach(&c->tree, env->space, i, env->rng, &d))
            continue;
        if (n++ >= max)
            continue;
        struct tuner_cell *row = &rows[n - 1];
        for (int k = 0; k < env->space->n; k++)
            side(&d, &env->space->params[k], k, &row->low[k], &row->high[k]);
        row->depth = node->depth;
        row->pulls = (uint64_t)count[i];
        row->mean = count[i] > 0 ? sum[i] / count[i] : NAN;
        row->bound = loss_at(env->history, sorted, ended, isinf(node->bound) ? NAN : node->bound);
    }
    free(sorted);
    free(count);
    free(sum);
    return n;
}

static int score(void *self, const struct tuner_env *env, const double *dna, int n, double *out)
{
    struct cells *c = self;
    prepare(c, env);
    for (int i = 0; i < n; i++) {
        double bound =
            c->tree.nodes[tree_find(&c->tree, env->space, dna + (size_t)i * (size_t)env->space->n)].bound;
        out[i] = fmin(bound, 2); /* what nobody has tried is wanted most */
    }
    return 0;
}

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct cells *c = self;
    if (c->sweeps)
        snprintf(out, cap, "%d cells, %d tries each", (c->tree.n + 1) / 2, c->evaluations);
    else
        snprintf(out, cap, "%d cells", (c->tree.n + 1) / 2);
}

/* ---- bytes: hoo's tree follows from the history; stosoo's splits do not ---- */

static void dump_hoo(void *self, struct buf *out)
{
}

static void *load_hoo(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n,
                      char **cause)
{
    return n ? cause_null(cause, "the state is not one of hoo") : make_hoo(env, values, cause);
}

static void dump_stosoo(void *self, struct buf *out)
{
    const struct cells *c = self;
    pack_i64(out, c->evaluations);
    pack_i64(out, c->deepest);
    pack_i64(out, c->depth);
    pack_f64(out, c->top);
    pack_u64(out, (uint64_t)c->tree.n);
    for (int i = 0; i < c->tree.n; i++) /* in the order of the splits */
        pack_i64(out, c->tree.nodes[i].children ? c->tree.nodes[i].first : 0);
}

struct fork {
    int64_t first;
    int node;
};

static int by_first(const void *a, const void *b)
{
    const struct fork *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* Splits again in the same order, which gives every node its old number. */
static bool regrow(struct cells *c, const struct tuner_env *env, struct fork *forks, int n, int nodes)
{
    struct rng rng = *env->rng; /* what it draws has no effect: only where the cuts are counts */
    qsort(forks, (size_t)n, sizeof *forks, by_first);
    for (int k = 0; k < n; k++) {
        struct decisions d;
        if (forks[k].node >= c->tree.n || c->tree.nodes[forks[k].node].children ||
            forks[k].first != c->tree.n || !tree_reach(&c->tree, env->space, forks[k].node, &rng, &d) ||
            !tree_split(&c->tree, forks[k].node, &d))
            return false;
    }
    return c->tree.n == nodes;
}

static void *load_stosoo(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n,
                         char **cause)
{
    struct cells *c = make_stosoo(env, values, cause);
    struct unpack in = {.p = p, .n = n};
    if (!c)
        return NULL;
    int64_t evaluations = unpack_i64(&in), most = unpack_i64(&in), depth = unpack_i64(&in);
    c->top = unpack_f64(&in);
    size_t nodes = unpack_count(&in, 8), forks = 0;
    struct fork *fork = mem_zero(nodes + 1, sizeof *fork);
    for (size_t i = 0; i < nodes; i++) {
        int64_t first = unpack_i64(&in);
        if (first)
            fork[forks++] = (struct fork){first, (int)i};
    }
    bool good = !in.bad && !in.n && nodes >= 1 && nodes <= NODES && evaluations >= 1 &&
                evaluations <= INT32_MAX && most >= 1 && most <= INT32_MAX && depth >= 0 && depth <= most &&
                regrow(c, env, fork, (int)forks, (int)nodes);
    free(fork);
    if (good) {
        c->evaluations = (int)evaluations;
        c->deepest = (int)most;
        c->depth = (int)depth;
        return c;
    }
    drop(c);
    return cause_null(cause, "the state is not one of stosoo");
}

static const struct tuner_option hoo_options[] = {
    [OPT_WIDTH] = {"width", 0, 10, 0.1,
                   "of the confidence bounds, as a share of all ranks; the paper's is 1"},
    [OPT_NU] = {"nu", 0, 10, 1, "how much the best of the whole space can be above its mean"},
    [OPT_RHO] = {"rho", 0, 1, 0,
                 "by what this shrinks from a cell to its halves; 0: half for each round of parameters"},
    {NULL, 0, 0, 0, NULL},
};

static const struct tuner_option stosoo_options[] = {
    [OPT_EVALUATIONS] = {"evaluations", 0, 1e6, 0,
                         "tries of a cell before it is split; 0: n / ln^3 n of the budget"},
    [OPT_DEEPEST] = {"deepest", 0, 1e6, 0, "halvings of the space at most; 0: from the budget"},
    {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_hoo = {
    .name = "hoo",
    .paper = "Bubeck, Munos, Stoltz and Szepesvari 2011",
    .summary = "hierarchical optimistic optimisation: splits the space where the best may be",
    .options = hoo_options,
    .make = make_hoo,
    .drop = drop,
    .propose = propose,
    .score = score,
    .cells = cells,
    .describe = describe,
    .dump = dump_hoo,
    .load = load_hoo,
};

const struct tuner_ops tuner_stosoo = {
    .name = "stosoo",
    .paper = "Valko, Carpentier and Munos 2013",
    .summary = "simultaneous optimistic optimisation: splits the best cell of every size",
    .options = stosoo_options,
    .make = make_stosoo,
    .drop = drop,
    .propose = propose,
    .score = score,
    .cells = cells,
    .describe = describe,
    .dump = dump_stosoo,
    .load = load_stosoo,
};
