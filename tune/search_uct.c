/* Monte Carlo tree search over the decisions that make a configuration: R. Negrinho and G. Gordon, "DeepArchitect:
 * Automatically Designing and Training Deep Architectures", 2017: upper confidence bounds for trees (L. Kocsis and C.
 * Szepesvari, ECML 2006), with bisection of ordered values.
 *
 * Every trial, whoever proposed it, extends the tree by one decision along its path, in the order of arrival, so the tree is a
 * function of the history. A reward is one minus the trial's normalised rank among those that have ended (failures last); a
 * running trial is a visit without a reward, which keeps parallel asks apart. Below the tree the rest is drawn from the
 * prior. Where bans and pins leave nothing of a branch, the walk avoids it; a boost of w makes a visit count 1/w.
 *
 * surrogate: 1 puts a regression on hashed features in between (hashed.h): each ask grows a tree of its own by many walks that
 * are rewarded by the regression, and proposes the best of what they came across. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/decisions.h"
#include "tune/draw.h"
#include "tune/hashed.h"
#include "tune/pool.h"

#define DEPTH_MAX 30
#define ROLLOUTS  12 /* draws below a leaf before it counts as closed to this ask */
#define WALKS     60

enum { OPT_EXPLORE, OPT_DEPTH, OPT_SURROGATE, OPT_SAMPLES, OPT_RANDOM, OPT_COUNT };

struct node {
    int param, first, children; /* first child; children 0: a leaf */
    double sum, n, visits;      /* rewards; how many; visits for the bound, running ones and boosts included */
    bool closed;                /* nothing allowed was found below, in this ask */
};

struct tree {
    struct node *nodes;
    int n, cap;
};

struct uct {
    int dims, depth, samples;
    double explore, random;
    bool surrogate;
    struct tree tree;
    int grown;    /* trials of the history that have extended the tree */
    double *room; /* scratch: the decisions of a walk, and of a draw below it */
};

/* ---- life ---- */

static int tree_add(struct tree *t, int count)
{
    if (t->n + count > t->cap) {
        t->cap = 2 * (t->n + count) + 64;
        t->nodes = mem_resize(t->nodes, (size_t)t->cap, sizeof *t->nodes);
    }
    int first = t->n;
    memset(t->nodes + first, 0, (size_t)count * sizeof *t->nodes);
    t->n += count;
    return first;
}

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    if (!(space_count(env->space) > 1))
        return cause_null(cause, "nothing varies in this space");
    struct uct *u = MEM_NEW(struct uct);
    u->dims = env->space->n;
    u->explore = values[OPT_EXPLORE];
    u->depth = (int)values[OPT_DEPTH];
    u->surrogate = values[OPT_SURROGATE] != 0;
    u->samples = (int)values[OPT_SAMPLES];
    u->random = values[OPT_RANDOM];
    u->room = mem_zero(2 * DECISIONS_ROOM * (size_t)u->dims, sizeof *u->room);
    tree_add(&u->tree, 1);
    return u;
}

static void drop(void *self)
{
    struct uct *u = self;
    free(u->tree.nodes);
    free(u->room);
    free(u);
}

/* ---- the tree ---- */

/* Follows a configuration down the tree and adds to all nodes on the way; grow: one decision further than the tree. */
static void descend(struct uct *u, struct tree *t, const struct space *s, const double *dna, bool grow, const struct node *add)
{
    struct decisions d;
    int at = 0, branches;
    decisions_begin(&d, s, u->depth, u->room);
    for (;;) {
        struct node *node = &t->nodes[at];
        node->sum += add->sum;
        node->n += add->n;
        node->visits += add->visits;
        if (!(branches = decisions_next(&d)))
            return;
        if (!node->children) {
            if (!grow)
                return;
            grow = false;
            int first = tree_add(t, branches);
            node = &t->nodes[at];
            node->param = d.param;
            node->first = first;
            node->children = branches;
        }
        if (node->param != d.param) /* a condition within one cell of its parent: another subtree */
            return;
        int branch = decisions_branch(&d, dna);
        decisions_take(&d, branch, dna, NULL);
        at = node->first + branch;
    }
}

static double bound(const struct tree *t, const struct node *parent, const struct node *node, double explore)
{
    if (node->visits <= 0)
        return INFINITY;
    double mean = node->n > 0 ? node->sum / node->n : parent->n > 0 ? parent->sum / parent->n : 0.5;
    return mean + explore * sqrt(2 * log(fmax(parent->visits, 1)) / node->visits);
}

static int best_child(const struct tree *t, const struct node *node, const struct space *s, double explore, struct rng *rng)
{
    const struct param *p = &s->params[node->param];
    double best = -INFINITY;
    int chosen = -1, ties = 0;
    for (int b = 0; b < node->children; b++) {
        const struct node *child = &t->nodes[node->first + b];
        if (child->closed || (p->type == PARAM_CATEGORICAL && p->weights && p->weights[b] == 0))
            continue;
        double x = bound(t, node, child, explore);
        if (x > best) {
            best = x;
            ties = 0;
        }
        if (x == best && rng_below(rng, (uint64_t)++ties) == 0)
            chosen = b;
    }
    return chosen;
}

/* From the root to a leaf; *leaf: the node reached. False when a node without an open child was met (it is closed then). */
static bool walk(struct uct *u, struct tree *t, const struct tuner_env *env, struct decisions *d, int *leaf)
{
    double explore = u->explore * steering_explore(env->steer);
    int at = 0;
    decisions_begin(d, env->space, u->depth, u->room);
    while (decisions_next(d) && t->nodes[at].children && t->nodes[at].param == d->param) {
        int b = best_child(t, &t->nodes[at], env->space, explore, env->rng);
        if (b < 0) {
            t->nodes[at].closed = true;
            return false;
        }
        decisions_take(d, b, NULL, env->rng);
        at = t->nodes[at].first + b;
    }
    *leaf = at;
    return true;
}

/* An allowed configuration below where d stands. */
static bool roll_out(struct uct *u, const struct tuner_env *env, const struct decisions *d, double *dna)
{
    bool found = false;
    for (int i = 0; i < ROLLOUTS && !found; i++) {
        struct decisions e;
        decisions_copy(&e, d, u->room + DECISIONS_ROOM * u->dims);
        decisions_finish(&e, env->rng);
        found = steering_allows(env->steer, env->space, e.dna);
        memcpy(dna, e.dna, (size_t)u->dims * sizeof *dna);
    }
    return found;
}

/* One configuration by the tree; false when the steering leaves none that it can find. */
static bool sample(struct uct *u, struct tree *t, const struct tuner_env *env, double *dna)
{
    struct decisions d;
    for (int i = 0; i < WALKS && !t->nodes[0].closed; i++) {
        int leaf;
        if (!walk(u, t, env, &d, &leaf))
            continue;
        if (roll_out(u, env, &d, dna))
            return true;
        t->nodes[leaf].closed = true;
    }
    return false;
}

/* ---- rewards ---- */

/* Of every trial: one minus its rank; NaN for those that have not ended. */
static double *rewards(const struct history *h)
{
    int n, *sorted = history_sorted(h, &n), failed = 0;
    double *reward = mem_zero((size_t)h->n + 1, sizeof *reward);
    for (int i = 0; i < h->n; i++) {
        bool fails = h->trials[i].end == END_FAILED;
        failed += fails && !h->trials[i].outside;
        reward[i] = fails ? 0 : NAN;
    }
    for (int from = 0, to; from < n; from = to) { /* equal losses share their middle rank */
        for (to = from; to < n && h->trials[sorted[to]].loss == h->trials[sorted[from]].loss; to++)
            ;
        for (int m = from; m < to; m++)
            reward[sorted[m]] = 1 - 0.5 * (from + to) / (n + failed);
    }
    free(sorted);
    return reward;
}

/* Grows the tree by the trials that are new, and counts all of them anew. */
static void recount(struct uct *u, const struct tuner_env *env, const double *reward)
{
    const struct history *h = env->history;
    static const struct node nothing = {0};
    bool any = steering_any(env->steer);
    for (; u->grown < h->n; u->grown++)
        if (!h->trials[u->grown].outside)
            descend(u, &u->tree, env->space, h->trials[u->grown].dna, true, &nothing);
    for (int i = 0; i < u->tree.n; i++) {
        struct node *node = &u->tree.nodes[i];
        node->sum = node->n = node->visits = 0;
        node->closed = false;
    }
    for (int i = 0; i < h->n; i++) {
        const struct history_trial *t = &h->trials[i];
        if (t->outside || t->end == END_FORGOTTEN)
            continue;
        bool ended = !isnan(reward[i]);
        double weight = any ? fmax(steering_weight(env->steer, env->space, t->dna), 1e-6) : 1;
        struct node add = {.sum = ended ? reward[i] : 0, .n = ended, .visits = 1 / weight};
        descend(u, &u->tree, env->space, t->dna, false, &add);
    }
}

/* ---- proposing ---- */

/* Many walks in a tree of this ask's own, rewarded by the regression; the best new configuration they found. */
static bool by_surrogate(struct uct *u, const struct tuner_env *env, const struct hashed *model, double *dna, double *score)
{
    struct tree t = {0};
    double *spare = mem_zero((size_t)u->dims, sizeof *spare);
    bool any = steering_any(env->steer), found = false;
    double best = -INFINITY;
    tree_add(&t, 1);
    for (int k = 0; k < u->samples && sample(u, &t, env, spare); k++) {
        double y = fmin(fmax(hashed_predict(model, env->space, spare), 0), 1);
        struct node add = {.sum = y, .n = 1, .visits = 1};
        descend(u, &t, env->space, spare, true, &add);
        double weighed = any ? y * steering_weight(env->steer, env->space, spare) : y;
        if (weighed > best && !pool_tried(env->history, env->space, spare)) {
            best = weighed;
            *score = y;
            found = true;
            memcpy(dna, spare, (size_t)u->dims * sizeof *dna);
        }
    }
    free(t.nodes);
    free(spare);
    return found;
}

/* A configuration by the tree of the history that nobody has tried, if there is one soon. */
static bool by_tree(struct uct *u, const struct tuner_env *env, double *dna)
{
    bool found = false;
    for (int k = 0; k < 8; k++) {
        if (!sample(u, &u->tree, env, dna))
            return found;
        found = true;
        if (!pool_tried(env->history, env->space, dna))
            break;
    }
    return found;
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    struct uct *u = self;
    double *reward = rewards(env->history), score = NAN;
    bool found = false;
    out->forced = steering_pin(env->steer) != NULL;
    if (u->surrogate && rng_unit(env->rng) >= u->random * steering_explore(env->steer)) {
        struct hashed *model = hashed_fit(env->space, env->history, reward);
        found = model && by_surrogate(u, env, model, out->dna, &score);
        hashed_free(model);
        if (found)
            snprintf(out->why, sizeof out->why, "expected to beat %.0f %% of the trials, the best of %d walks", 100 * score,
                     u->samples);
    } else if (!u->surrogate) {
        recount(u, env, reward);
        found = by_tree(u, env, out->dna);
        if (found)
            snprintf(out->why, sizeof out->why, "the walk with the best bounds in a tree of %d nodes", u->tree.n);
    }
    free(reward);
    if (found)
        return 0;
    if (draw_prior(env, NULL, out->dna) < 0)
        return cause_set(cause, "the bans and pins leave nothing to try");
    snprintf(out->why, sizeof out->why, "a draw from the prior");
    return 0;
}

/* ---- for people, and to disk ---- */

static int score(void *self, const struct tuner_env *env, const double *dna, int n, double *out)
{
    struct uct *u = self;
    double *reward = rewards(env->history);
    struct hashed *model = u->surrogate ? hashed_fit(env->space, env->history, reward) : NULL;
    if (u->surrogate && !model) {
        free(reward);
        return -1;
    }
    if (!u->surrogate)
        recount(u, env, reward);
    for (int i = 0; i < n; i++) {
        const double *x = dna + (size_t)i * (size_t)u->dims;
        struct decisions d;
        int at = 0;
        decisions_begin(&d, env->space, u->depth, u->room);
        out[i] = model ? hashed_predict(model, env->space, x) : 0.5;
        while (!model && decisions_next(&d) && u->tree.nodes[at].children && u->tree.nodes[at].param == d.param) {
            int branch = decisions_branch(&d, x), child = u->tree.nodes[at].first + branch;
            double b = bound(&u->tree, &u->tree.nodes[at], &u->tree.nodes[child], u->explore * steering_explore(env->steer));
            decisions_take(&d, branch, x, NULL);
            if (isinf(b))
                break;
            out[i] = b;
            at = child;
        }
    }
    hashed_free(model);
    free(reward);
    return 0;
}

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct uct *u = self;
    if (u->surrogate)
        snprintf(out, cap, "with a surrogate, %d walks an ask", u->samples);
    else
        snprintf(out, cap, "over decisions, exploring %g", u->explore);
}

static void dump(void *self, struct buf *out) /* all follows from the history */
{
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    return n ? cause_null(cause, "the state is not one of this tree search") : make(env, values, cause);
}

static const struct tuner_option options[OPT_COUNT + 1] = {
    [OPT_EXPLORE] = {"explore", 0, 10, 0.2, "weight of the confidence bounds"},
    [OPT_DEPTH] = {"depth", 1, DEPTH_MAX, 10, "halvings of an ordered parameter at most"},
    [OPT_SURROGATE] = {"surrogate", 0, 1, 0, "1: a regression on hashed features rewards many walks an ask"},
    [OPT_SAMPLES] = {"samples", 1, 10000, 128, "walks of an ask with a surrogate"},
    [OPT_RANDOM] = {"random", 0, 1, 0.1, "share of asks with a surrogate that are draws from the prior"},
    [OPT_COUNT] = {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_uct = {
    .name = "uct",
    .paper = "Kocsis and Szepesvari 2006; Negrinho and Gordon 2017",
    .summary = "tree search over decisions: spaces with many conditions",
    .options = options,
    .make = make,
    .drop = drop,
    .propose = propose,
    .score = score,
    .describe = describe,
    .dump = dump,
    .load = load,
};
