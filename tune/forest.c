#include "tune/forest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define DEPTH_MAX 32
#define TRY       0.8 /* share of the features looked at for a split */

/* ---- features ---- */

static double feature_value(const struct forest_feature *f, const struct param *p, double dna)
{
    if (f->labels)
        return isnan(dna) ? 0 : dna;
    if (p->type == PARAM_CATEGORICAL)
        return isnan(dna) ? 0 : dna / (p->n_choices - 1);
    return isnan(dna) ? 0.5 : param_model(p, dna);
}

void forest_point(const struct forest *f, const struct space *s, const double *dna, double *x)
{
    for (int j = 0; j < f->n_features; j++)
        x[j] = feature_value(&f->features[j], &s->params[f->features[j].param], dna[f->features[j].param]);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Cuts half way between neighbouring values, all of them or at even ranks. */
static void cut_feature(struct forest_feature *f, const double *x, int n, int stride)
{
    double *v = mem_alloc((size_t)n * sizeof *v);
    int distinct = 0;
    for (int i = 0; i < n; i++)
        v[i] = x[(size_t)i * (size_t)stride];
    qsort(v, (size_t)n, sizeof *v, ascending);
    for (int i = 1; i < n; i++)
        distinct += v[i] > v[i - 1];
    f->cuts = mem_zero(FOREST_BINS, sizeof *f->cuts);
    f->codes = 1;
    int passed = 0;
    for (int i = 1; i < n; i++) {
        if (!(v[i] > v[i - 1]))
            continue;
        passed++;
        if (distinct >= FOREST_BINS && (int64_t)i * FOREST_BINS / n <= (int64_t)(f->codes - 1))
            continue;
        if (f->codes < FOREST_BINS)
            f->cuts[f->codes++ - 1] = 0.5 * (v[i] + v[i - 1]);
    }
    free(v);
}

static int code_of(const struct forest_feature *f, double x)
{
    if (f->labels)
        return (int)x;
    int lo = 0, hi = f->codes - 1; /* first cut that is >= x */
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (x <= f->cuts[mid])
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

/* ---- growing ---- */

struct growth {
    const struct forest *f;
    const uint8_t *code; /* n x n_features */
    const double *y;
    int leaf, *order; /* features, shuffled for each node */
    int *points;      /* of the bag; a node owns a stretch of it */
    struct rng rng;
    struct forest_tree *tree;
};

struct split {
    int feature;
    double gain; /* of the squared error */
    int cut;     /* numbers: codes <= cut go left */
    uint64_t set;
};

struct bin {
    double sum;
    int n, code;
};

static int by_mean(const void *a, const void *b)
{
    const struct bin *x = a, *y = b;
    double mx = x->sum / x->n, my = y->sum / y->n;
    if (mx != my)
        return mx < my ? -1 : 1;
    return x->code - y->code;
}

/* The best division of a feature's bins into a lower and an upper part; labels are ordered by their means
 * first, which finds the best of all sets (Fisher 1958). */
static void try_feature(const struct growth *g, int feature, int from, int to, struct split *best)
{
    const struct forest_feature *f = &g->f->features[feature];
    struct bin bins[FOREST_BINS > FOREST_LABELS ? FOREST_BINS : FOREST_LABELS];
    int used = 0, total_n = to - from, n = 0;
    double total = 0, sum = 0;
    for (int k = 0; k < f->codes; k++)
        bins[k] = (struct bin){0, 0, k};
    for (int i = from; i < to; i++) {
        struct bin *b = &bins[g->code[(size_t)g->points[i] * (size_t)g->f->n_features + (size_t)feature]];
        b->sum += g->y[g->points[i]];
        b->n++;
    }
    for (int k = 0; k < f->codes; k++) {
        total += bins[k].sum;
        if (bins[k].n)
            bins[used++] = bins[k];
    }
    if (f->labels)
        qsort(bins, (size_t)used, sizeof *bins, by_mean);
    uint64_t set = 0;
    for (int k = 0; k + 1 < used; k++) {
        sum += bins[k].sum;
        n += bins[k].n;
        set |= f->labels ? UINT64_C(1) << bins[k].code : 0;
        if (n < g->leaf || total_n - n < g->leaf)
            continue;
        double gain = sum * sum / n + (total - sum) * (total - sum) / (total_n - n) - total * total / total_n;
        if (gain > best->gain)
            /* between this bin and the next that is used, half way */
            *best =
                (struct split){feature, gain, f->labels ? 0 : (bins[k].code + bins[k + 1].code - 1) / 2, set};
    }
}

static bool goes_left(const struct growth *g, const struct split *s, int point)
{
    int code = g->code[(size_t)point * (size_t)g->f->n_features + (size_t)s->feature];
    return g->f->features[s->feature].labels ? s->set >> code & 1 : code <= s->cut;
}

static int new_node(struct forest_tree *t, double value)
{
    if ((t->n & (t->n - 1)) == 0)
        t->nodes = mem_resize(t->nodes, t->n ? (size_t)t->n * 2 : 1, sizeof *t->nodes);
    t->nodes[t->n] = (struct forest_node){.feature = -1, .left = -1, .right = -1, .value = value};
    return t->n++;
}

static int grow(struct growth *g, int from, int to, int depth)
{
    double sum = 0;
    struct split best = {.feature = -1, .gain = 1e-12};
    for (int i = from; i < to; i++)
        sum += g->y[g->points[i]];
    int at = new_node(g->tree, sum / (to - from)), d = g->f->n_features;
    if (to - from < 2 * g->leaf || depth == DEPTH_MAX)
        return at;
    rng_shuffle(&g->rng, g->order, d);
    int look = (int)ceil(TRY * d);
    for (int k = 0; k < d && (k < look || best.feature < 0); k++)
        try_feature(g, g->order[k], from, to, &best);
    if (best.feature < 0)
        return at;
    int middle = from;
    for (int i = from; i < to; i++)
        if (goes_left(g, &best, g->points[i])) {
            int point = g->points[i];
            g->points[i] = g->points[middle];
            g->points[middle++] = point;
        }
    const struct forest_feature *f = &g->f->features[best.feature];
    int left = grow(g, from, middle, depth + 1), right = grow(g, middle, to, depth + 1);
    struct forest_node *node = &g->tree->nodes[at];
    node->feature = best.feature;
    node->cut = f->labels ? 0 : f->cuts[best.cut];
    node->left_set = best.set;
    node->left = left;
    node->right = right;
    return at;
}

/* ---- the forest ---- */

double forest_tree_at(const struct forest *f, const struct forest_tree *t, const double *x)
{
    int at = 0;
    while (t->nodes[at].feature >= 0) {
        const struct forest_node *n = &t->nodes[at];
        bool left =
            f->features[n->feature].labels ? n->left_set >> (int)x[n->feature] & 1 : x[n->feature] <= n->cut;
        at = left ? n->left : n->right;
    }
    return t->nodes[at].value;
}

double forest_at(const struct forest *f, const double *x, double *deviation)
{
    double sum = 0, sum2 = 0;
    for (int t = 0; t < f->n_trees; t++) {
        double y = forest_tree_at(f, &f->trees[t], x);
        sum += y;
        sum2 += y * y;
    }
    double mean = sum / f->n_trees;
    if (deviation)
        *deviation = sqrt(fmax(0, sum2 / f->n_trees - mean * mean));
    return mean;
}

static void find_features(struct forest *f, const struct space *s)
{
    f->features = mem_zero((size_t)s->n + 1, sizeof *f->features);
    for (int i = 0; i < s->n; i++) {
        const struct param *p = &s->params[i];
        if (param_count(p) < 2)
            continue;
        bool labels = p->type == PARAM_CATEGORICAL && p->n_choices <= FOREST_LABELS;
        f->features[f->n_features++] =
            (struct forest_feature){.param = i, .labels = labels, .codes = p->n_choices};
    }
}

static double explained(const double *y, const double *sum, const int *trees, int n)
{
    double error = 0, mean = 0, var = 0;
    int known = 0;
    for (int i = 0; i < n; i++)
        if (trees[i]) {
            known++;
            mean += y[i];
            error += (y[i] - sum[i] / trees[i]) * (y[i] - sum[i] / trees[i]);
        }
    for (int i = 0; i < n; i++)
        var += trees[i] ? (y[i] - mean / known) * (y[i] - mean / known) : 0;
    return var > 0 ? 1 - error / var : NAN;
}

struct forest *forest_new(const struct space *s, const double *dna, const double *y, int n,
                          const struct forest_options *o)
{
    struct forest *f = MEM_NEW(struct forest);
    f->dims = s->n;
    find_features(f, s);
    int d = f->n_features;
    double *x = mem_alloc(((size_t)n * (size_t)d + 1) * sizeof *x), *sum = mem_zero((size_t)n, sizeof *sum);
    uint8_t *code = mem_zero((size_t)n * (size_t)d + 1, 1), *in_bag = mem_zero((size_t)n, 1);
    int *points = mem_zero((size_t)n, sizeof *points), *order = mem_zero((size_t)d + 1, sizeof *order),
        *out = mem_zero((size_t)n, sizeof *out);
    for (int i = 0; i < n; i++)
        forest_point(f, s, dna + (size_t)i * (size_t)s->n, x + (size_t)i * (size_t)d);
    for (int j = 0; j < d; j++) {
        order[j] = j;
        if (!f->features[j].labels)
            cut_feature(&f->features[j], x + j, n, d);
        for (int i = 0; i < n; i++)
            code[(size_t)i * (size_t)d + (size_t)j] =
                (uint8_t)code_of(&f->features[j], x[(size_t)i * (size_t)d + (size_t)j]);
    }
    f->trees = mem_zero((size_t)o->trees, sizeof *f->trees);
    f->n_trees = o->trees;
    struct growth g = {.f = f, .code = code, .y = y, .leaf = o->leaf, .order = order, .points = points};
    rng_seed(&g.rng, o->seed);
    for (int t = 0; t < o->trees; t++) {
        memset(in_bag, 0, (size_t)n);
        for (int i = 0; i < n; i++) {
            points[i] = (int)rng_below(&g.rng, (uint64_t)n);
            in_bag[points[i]] = 1;
        }
        g.tree = &f->trees[t];
        grow(&g, 0, n, 0);
        for (int i = 0; i < n; i++)
            if (!in_bag[i]) {
                sum[i] += forest_tree_at(f, g.tree, x + (size_t)i * (size_t)d);
                out[i]++;
            }
    }
    f->r2 = explained(y, sum, out, n);
    free(x);
    free(sum);
    free(code);
    free(in_bag);
    free(points);
    free(order);
    free(out);
    return f;
}

void forest_free(struct forest *f)
{
    if (!f)
        return;
    for (int j = 0; j < f->n_features; j++)
        free(f->features[j].cuts);
    for (int t = 0; t < f->n_trees; t++)
        free(f->trees[t].nodes);
    free(f->features);
    free(f->trees);
    free(f);
}
