/* Monte Carlo tree search over the decisions that make a configuration: R. Negrinho and G. Gordon,
 * "DeepArchitect: Automatically Designing and Training Deep Architectures", 2017: upper confidence bounds for
 * trees (L. Kocsis and C. Szepesvari, ECML 2006), with bisection of ordered values.
 *
 * Every trial, whoever proposed it, extends the tree by one decision along its path, so the tree is a
 * function of the history (decision_tree.h). A running trial is a visit without a reward, which keeps
 * parallel asks apart. Below the tree the rest is drawn from the prior. Where bans and pins leave nothing of
 * a branch, the walk avoids it.
 *
 * surrogate: 1 puts a regression on hashed features in between (hashed.h): each ask grows a tree of its own
 * by many walks that are rewarded by the regression, and proposes the best of what they came across. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/decision_tree.h"
#include "tune/draw.h"
#include "tune/hashed.h"
#include "tune/pool.h"

#define DEPTH_MAX 30

enum { OPT_EXPLORE, OPT_DEPTH, OPT_SURROGATE, OPT_SAMPLES, OPT_RANDOM, OPT_COUNT };

struct uct {
    int samples;
    double explore, random;
    bool surrogate;
    struct decision_tree tree; /* of the history */
    struct decision_tree *at;  /* the one that is walked: that, or an ask's own */
};

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    if (!(space_count(env->space) > 1))
        return cause_null(cause, "nothing varies in this space");
    struct uct *u = MEM_NEW(struct uct);
    u->explore = values[OPT_EXPLORE];
    u->surrogate = values[OPT_SURROGATE] != 0;
    u->samples = (int)values[OPT_SAMPLES];
    u->random = values[OPT_RANDOM];
    tree_init(&u->tree, env->space->n, (int)values[OPT_DEPTH]);
    return u;
}

static void drop(void *self)
{
    struct uct *u = self;
    tree_release(&u->tree);
    free(u);
}

/* ---- bounds ---- */

static double bound(const struct tree_node *parent, const struct tree_node *node, double explore)
{
    if (node->visits <= 0)
        return INFINITY;
    double mean = tree_mean(node, tree_mean(parent, 0.5));
    return mean + explore * sqrt(2 * log(fmax(parent->visits, 1)) / node->visits);
}

/* The open child with the largest bound; one of them when several tie. */
static int best_child(void *self, const struct tuner_env *env, const struct tree_node *node)
{
    const struct uct *u = self;
    double best = -INFINITY, explore = u->explore * steering_explore(env->steer);
    int chosen = -1, ties = 0;
    for (int b = 0; b < node->children; b++) {
        const struct tree_node *child = &u->at->nodes[node->first + b];
        if (child->closed || !tree_likely(node, env->space, b))
            continue;
        double x = bound(node, child, explore);
        if (x > best) {
            best = x;
            ties = 0;
        }
        if (x == best && rng_below(env->rng, (uint64_t)++ties) == 0)
            chosen = b;
    }
    return chosen;
}

/* ---- proposing ---- */

/* Many walks in a tree of this ask's own, rewarded by the regression; the best new configuration they found.
 */
static bool by_surrogate(struct uct *u, const struct tuner_env *env, const struct hashed *model, double *dna,
                         double *score)
{
    size_t dims = (size_t)env->space->n;
    struct decision_tree own;
    double *spare = mem_zero(dims, sizeof *spare), best = -INFINITY;
    bool any = steering_any(env->steer), found = false;
    tree_init(&own, env->space->n, u->tree.depth);
    u->at = &own;
    for (int k = 0; k < u->samples && tree_sample(&own, env, best_child, u, spare); k++) {
        double y = fmin(fmax(hashed_predict(model, env->space, spare), 0), 1);
        struct tree_node add = {.sum = y, .n = 1, .visits = 1};
        tree_add(&own, env->space, spare, &add, true);
        double weighed = any ? y * steering_weight(env->steer, env->space, spare) : y;
        if (weighed > best && !pool_tried(env->history, env->space, spare)) {
            best = weighed;
            *score = y;
            found = true;
            memcpy(dna, spare, dims * sizeof *dna);
        }
    }
    tree_release(&own);
    free(spare);
    return found;
}

/* A configuration by the tree of the history that nobody has tried, if there is one soon. */
static bool by_tree(struct uct *u, const struct tuner_env *env, double *dna)
{
    bool found = false;
    u->at = &u->tree;
    for (int k = 0; k < 8; k++) {
        if (!tree_sample(&u->tree, env, best_child, u, dna))
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
    double *reward = tree_rewards(env->history), score = NAN;
    bool found = false;
    out->forced = steering_pin(env->steer) != NULL;
    if (u->surrogate && rng_unit(env->rng) >= u->random * steering_explore(env->steer)) {
        struct hashed *model = hashed_fit(env->space, env->history, reward);
        found = model && by_surrogate(u, env, model, out->dna, &score);
        hashed_free(model);
        if (found)
            snprintf(out->why, sizeof out->why,
                     "expected to beat %.0f %% of the trials, the best of %d walks", 100 * score, u->samples);
    } else if (!u->surrogate) {
        tree_recount(&u->tree, env, reward, true);
        found = by_tree(u, env, out->dna);
        if (found)
            snprintf(out->why, sizeof out->why, "the walk with the best bounds in a tree of %d nodes",
                     u->tree.n);
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

/* The bound of the deepest node that a configuration reaches and that has been visited. */
static double bound_at(struct uct *u, const struct tuner_env *env, const double *x)
{
    struct decision_tree *t = &u->tree;
    struct decisions d;
    double best = 0.5;
    decisions_begin(&d, env->space, t->depth, t->room);
    for (int at = 0; decisions_next(&d) && t->nodes[at].children && t->nodes[at].param == d.param;) {
        int branch = decisions_branch(&d, x), child = t->nodes[at].first + branch;
        double b = bound(&t->nodes[at], &t->nodes[child], u->explore * steering_explore(env->steer));
        decisions_take(&d, branch, x, NULL);
        if (isinf(b))
            break;
        best = b;
        at = child;
    }
    return best;
}

static int score(void *self, const struct tuner_env *env, const double *dna, int n, double *out)
{
    struct uct *u = self;
    double *reward = tree_rewards(env->history);
    struct hashed *model = u->surrogate ? hashed_fit(env->space, env->history, reward) : NULL;
    bool known = !u->surrogate || model;
    if (!u->surrogate)
        tree_recount(&u->tree, env, reward, true);
    for (int i = 0; known && i < n; i++) {
        const double *x = dna + (size_t)i * (size_t)env->space->n;
        out[i] = model ? hashed_predict(model, env->space, x) : bound_at(u, env, x);
    }
    hashed_free(model);
    free(reward);
    return known ? 0 : -1;
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
