#include "tune/decision_tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define DRAWS 12 /* below a leaf before it counts as closed */
#define WALKS 60

static int add_nodes(struct decision_tree *t, int count)
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

void tree_init(struct decision_tree *t, int dims, int depth)
{
    *t = (struct decision_tree){.dims = dims, .depth = depth};
    t->room = mem_zero(2 * DECISIONS_ROOM * (size_t)dims, sizeof *t->room);
    t->spare = t->room + DECISIONS_ROOM * dims;
    add_nodes(t, 1);
}

void tree_release(struct decision_tree *t)
{
    free(t->nodes);
    free(t->room);
    free(t->leaf);
    memset(t, 0, sizeof *t);
}

int tree_split(struct decision_tree *t, int leaf, struct decisions *d)
{
    int branches = decisions_next(d);
    if (!branches)
        return 0;
    int first = add_nodes(t, branches);
    struct tree_node *node = &t->nodes[leaf];
    node->param = d->param;
    node->first = first;
    node->children = branches;
    for (int b = 0; b < branches; b++) {
        struct tree_node *child = &t->nodes[first + b];
        child->parent = leaf;
        child->branch = b;
        child->depth = node->depth + 1;
    }
    return branches;
}

int tree_add(struct decision_tree *t, const struct space *s, const double *dna, const struct tree_node *add,
             bool grow)
{
    struct decisions d;
    int at = 0, split = -1;
    decisions_begin(&d, s, t->depth, t->room);
    for (;;) {
        struct tree_node *node = &t->nodes[at];
        node->sum += add->sum;
        node->n += add->n;
        node->visits += add->visits;
        if (!node->children) {
            if (!grow || split >= 0 || !tree_split(t, at, &d))
                return split;
            split = at;
        } else if (!decisions_next(&d)) {
            return split;
        }
        node = &t->nodes[at];
        if (node->param != d.param) /* a condition within one cell of its parent: another subtree */
            return split;
        int branch = decisions_branch(&d, dna);
        decisions_take(&d, branch, dna, NULL);
        at = node->first + branch;
    }
}

int tree_find(struct decision_tree *t, const struct space *s, const double *dna)
{
    struct decisions d;
    int at = 0;
    decisions_begin(&d, s, t->depth, t->room);
    while (decisions_next(&d) && t->nodes[at].children && t->nodes[at].param == d.param) {
        int branch = decisions_branch(&d, dna);
        decisions_take(&d, branch, dna, NULL);
        at = t->nodes[at].first + branch;
    }
    return at;
}

void tree_settle(struct decision_tree *t, const struct tuner_env *env, int leaf)
{
    for (int i = 0; i < t->grown; i++)
        if (t->leaf[i] == leaf)
            t->leaf[i] = tree_find(t, env->space, env->history->trials[i].dna);
}

/* Finds the leaves of the trials that are new, and grows them if wanted. */
static void take_in(struct decision_tree *t, const struct tuner_env *env, bool grow)
{
    const struct history *h = env->history;
    static const struct tree_node nothing = {0};
    if (h->n > t->cap_grown) {
        t->cap_grown = 2 * h->n;
        t->leaf = mem_resize(t->leaf, (size_t)t->cap_grown, sizeof *t->leaf);
    }
    for (; t->grown < h->n; t->grown++) {
        const struct history_trial *trial = &h->trials[t->grown];
        t->leaf[t->grown] = -1;
        if (trial->outside)
            continue;
        int split = grow ? tree_add(t, env->space, trial->dna, &nothing, true) : -1;
        if (split >= 0)
            tree_settle(t, env, split);
        t->leaf[t->grown] = tree_find(t, env->space, trial->dna);
    }
}

void tree_recount(struct decision_tree *t, const struct tuner_env *env, const double *reward, bool grow)
{
    const struct history *h = env->history;
    bool any = steering_any(env->steer);
    take_in(t, env, grow);
    for (int i = 0; i < t->n; i++) {
        struct tree_node *node = &t->nodes[i];
        node->sum = node->n = node->visits = 0;
        node->closed = false;
    }
    for (int i = 0; i < h->n; i++) {
        const struct history_trial *trial = &h->trials[i];
        if (t->leaf[i] < 0 || trial->end == END_FORGOTTEN)
            continue;
        bool ended = !isnan(reward[i]);
        double weight = any ? fmax(steering_weight(env->steer, env->space, trial->dna), 1e-6) : 1;
        for (int at = t->leaf[i];; at = t->nodes[at].parent) {
            struct tree_node *node = &t->nodes[at];
            node->sum += ended ? reward[i] : 0;
            node->n += ended;
            node->visits += 1 / weight;
            if (!at)
                break;
        }
    }
}

double *tree_rewards(const struct history *h)
{
    int n, *sorted = history_sorted(h, &n), failed = 0;
    double *reward = mem_zero((size_t)h->n + 1, sizeof *reward);
    for (int i = 0; i < h->n; i++) {
        bool fails = h->trials[i].end == END_FAILED && !h->trials[i].outside;
        failed += fails;
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

int tree_walk(struct decision_tree *t, const struct tuner_env *env, struct decisions *d,
              int (*pick)(void *self, const struct tuner_env *env, const struct tree_node *node), void *self)
{
    int at = 0;
    decisions_begin(d, env->space, t->depth, t->room);
    while (decisions_next(d) && t->nodes[at].children && t->nodes[at].param == d->param) {
        int b = pick(self, env, &t->nodes[at]);
        if (b < 0) {
            t->nodes[at].closed = true;
            return -1;
        }
        decisions_take(d, b, NULL, env->rng);
        at = t->nodes[at].first + b;
    }
    return at;
}

static bool reach(struct decision_tree *t, int node, struct rng *rng, struct decisions *d)
{
    const struct tree_node *n = &t->nodes[node];
    if (node == 0)
        return true;
    if (!reach(t, n->parent, rng, d) || !decisions_next(d) || d->param != t->nodes[n->parent].param)
        return false;
    decisions_take(d, n->branch, NULL, rng);
    return true;
}

bool tree_reach(struct decision_tree *t, const struct space *s, int node, struct rng *rng,
                struct decisions *d)
{
    decisions_begin(d, s, t->depth, t->room);
    return reach(t, node, rng, d);
}

bool tree_draw(struct decision_tree *t, const struct tuner_env *env, const struct decisions *d, double *dna)
{
    bool found = false;
    for (int i = 0; i < DRAWS && !found; i++) {
        struct decisions e;
        decisions_copy(&e, d, t->spare);
        decisions_finish(&e, env->rng);
        found = steering_allows(env->steer, env->space, e.dna);
        memcpy(dna, e.dna, (size_t)t->dims * sizeof *dna);
    }
    return found;
}

bool tree_sample(struct decision_tree *t, const struct tuner_env *env,
                 int (*pick)(void *self, const struct tuner_env *env, const struct tree_node *node),
                 void *self, double *dna)
{
    struct decisions d;
    for (int i = 0; i < WALKS && !t->nodes[0].closed; i++) {
        int leaf = tree_walk(t, env, &d, pick, self);
        if (leaf < 0)
            continue;
        if (tree_draw(t, env, &d, dna))
            return true;
        t->nodes[leaf].closed = true;
    }
    return false;
}

double tree_mean(const struct tree_node *node, double otherwise)
{
    return node->n > 0 ? node->sum / node->n : otherwise;
}

bool tree_likely(const struct tree_node *node, const struct space *s, int branch)
{
    const struct param *p = &s->params[node->param];
    return p->type != PARAM_CATEGORICAL || !p->weights || p->weights[branch] > 0;
}
