/* The forest is constant on boxes, so its marginals are sums over leaves: a leaf adds its value, times the
 * share of the other parameters' ranges that it covers, to the stretch of this parameter that it covers. The
 * sums over stretches are kept as differences, so a leaf costs as much as it has corners. Losses go in as
 * gp_outputs squashes them: one diverged run is no variance worth explaining. */
#include "tune/importance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/rng.h"
#include "tune/forest.h"
#include "tune/gp_space.h"

#define POINTS_MAX 1000
#define TREES      48
#define PAIRED     10 /* pairs are looked for among the parameters that matter most */
#define PAIR_LEAST 0.01
#define R2_LEAST   0.1
#define QUICK_BINS 6
#define RESAMPLES  24
#define GRID                                                                                                 \
    ((FOREST_BINS > FOREST_LABELS ? FOREST_BINS : FOREST_LABELS) +                                           \
     2) /* intervals of a feature, and one more */

/* ---- the trials ---- */

struct trials {
    int n;
    double *dna, *y;
};

static void trials_release(struct trials *t)
{
    free(t->dna);
    free(t->y);
}

static bool ended(const struct history_trial *t)
{
    return !t->outside && (t->end == END_DONE || t->end == END_PRUNED || t->end == END_FAILED);
}

/* Every k-th of those that ended, so that there are at most POINTS_MAX. -1 and a cause when there are too
 * few. */
static int gather(const struct space *s, const struct history *h, struct trials *t, char **cause)
{
    int n = 0, values = 0, varies = 0, seen = 0;
    for (int i = 0; i < h->n; i++) {
        n += ended(&h->trials[i]);
        values += ended(&h->trials[i]) && h->trials[i].end != END_FAILED;
    }
    for (int i = 0; i < s->n; i++)
        varies += param_count(&s->params[i]) > 1;
    int least = 2 * varies > IMPORTANCE_LEAST ? 2 * varies : IMPORTANCE_LEAST,
        want = n < POINTS_MAX ? n : POINTS_MAX;
    *t = (struct trials){.n = 0};
    if (varies == 0)
        return cause_set(cause, "nothing varies in this space");
    if (values < least)
        return cause_set(cause, "not enough data: %d of at least %d trials have ended with a value", values,
                         least);
    size_t d = (size_t)s->n;
    double *loss = mem_alloc((size_t)want * sizeof *loss);
    t->dna = mem_alloc((size_t)want * d * sizeof *t->dna);
    t->y = mem_alloc((size_t)want * sizeof *t->y);
    for (int i = 0; i < h->n; i++) {
        if (!ended(&h->trials[i]) || (seen++, (int64_t)seen * want / n == (int64_t)(seen - 1) * want / n))
            continue;
        memcpy(t->dna + (size_t)t->n * d, h->trials[i].dna, d * sizeof *t->dna);
        loss[t->n++] = h->trials[i].end == END_FAILED ? NAN : h->trials[i].loss;
    }
    gp_outputs(GP_SQUASH, loss, t->n, t->y);
    free(loss);
    return 0;
}

static int by_share(const void *a, const void *b)
{
    const struct importance_row *x = a, *y = b;
    if (x->share != y->share)
        return x->share > y->share ? -1 : 1;
    if (x->param != y->param)
        return x->param - y->param;
    return x->pair - y->pair;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Mean and the 10 % and 90 % quantiles of v (sorted in place). */
static void summarise(double *v, int n, struct importance_row *row)
{
    double sum = 0;
    qsort(v, (size_t)n, sizeof *v, ascending);
    for (int i = 0; i < n; i++)
        sum += v[i];
    row->share = n ? fmax(0, sum / n) : 0;
    row->low = n ? fmax(0, v[n / 10]) : 0;
    row->high = n ? fmin(1, fmax(0, v[n - 1 - n / 10])) : 0;
}

/* ---- a tree as boxes ---- */

struct stretch {  /* what a leaf covers of a feature */
    int from, to; /* intervals between the tree's cuts; labels: unused */
    uint64_t set; /* labels */
    double size;  /* share of the range */
};

struct boxes {
    const struct forest *f;
    const struct forest_tree *t;
    int d, n;             /* features, leaves */
    double **cuts;        /* of each number: the tree's, ascending, from 0 to 1 with both ends */
    int *intervals;       /* of each feature: choices or stretches */
    struct stretch *side; /* n x d */
    double *value, *size; /* of each leaf */
    double mean, var;
};

static void find_cuts(struct boxes *b)
{
    for (int j = 0; j < b->d; j++) {
        const struct forest_feature *f = &b->f->features[j];
        int n = 0;
        if (f->labels) {
            b->intervals[j] = f->codes;
            continue;
        }
        double *v = b->cuts[j] = mem_alloc((size_t)(b->t->n + 2) * sizeof *v);
        v[n++] = 0;
        for (int i = 0; i < b->t->n; i++)
            if (b->t->nodes[i].feature == j)
                v[n++] = b->t->nodes[i].cut;
        v[n++] = 1;
        qsort(v, (size_t)n, sizeof *v, ascending);
        int k = 1;
        for (int i = 1; i < n; i++)
            if (v[i] > v[k - 1])
                v[k++] = v[i];
        b->intervals[j] = k - 1;
    }
}

static int interval_at(const struct boxes *b, int j, double cut)
{
    int k = 0;
    while (k < b->intervals[j] && b->cuts[j][k] < cut)
        k++;
    return k;
}

static int bits(uint64_t set)
{
    return __builtin_popcountll(set);
}

static void measure(const struct boxes *b, int j, struct stretch *s)
{
    s->size = b->f->features[j].labels ? (double)bits(s->set) / b->intervals[j]
                                       : b->cuts[j][s->to] - b->cuts[j][s->from];
}

/* Walks down with the box of the node; at leaves it is kept. */
static void walk(struct boxes *b, int at, struct stretch *box)
{
    const struct forest_node *node = &b->t->nodes[at];
    if (node->feature < 0) {
        double size = 1;
        for (int j = 0; j < b->d; j++)
            size *= box[j].size;
        memcpy(b->side + (size_t)b->n * (size_t)b->d, box, (size_t)b->d * sizeof *box);
        b->value[b->n] = node->value;
        b->size[b->n++] = size;
        return;
    }
    int j = node->feature;
    struct stretch kept = box[j];
    bool labels = b->f->features[j].labels;
    int cut = labels ? 0 : interval_at(b, j, node->cut);
    if (labels)
        box[j].set &= node->left_set;
    else
        box[j].to = cut;
    measure(b, j, &box[j]);
    walk(b, node->left, box);
    box[j] = kept;
    if (labels)
        box[j].set &= ~node->left_set;
    else
        box[j].from = cut;
    measure(b, j, &box[j]);
    walk(b, node->right, box);
    box[j] = kept;
}

static void boxes_open(struct boxes *b, const struct forest *f, const struct forest_tree *t)
{
    size_t d = (size_t)f->n_features, leaves = (size_t)t->n / 2 + 1;
    *b = (struct boxes){.f = f, .t = t, .d = f->n_features};
    b->cuts = mem_zero(d, sizeof *b->cuts);
    b->intervals = mem_zero(d, sizeof *b->intervals);
    b->side = mem_zero(leaves * d, sizeof *b->side);
    b->value = mem_zero(leaves, sizeof *b->value);
    b->size = mem_zero(leaves, sizeof *b->size);
    find_cuts(b);
    struct stretch *box = mem_zero(d, sizeof *box);
    for (int j = 0; j < b->d; j++)
        box[j] = (struct stretch){
            0, b->intervals[j], b->intervals[j] < 64 ? (UINT64_C(1) << b->intervals[j]) - 1 : UINT64_MAX, 1};
    walk(b, 0, box);
    free(box);
    for (int i = 0; i < b->n; i++)
        b->mean += b->size[i] * b->value[i];
    for (int i = 0; i < b->n; i++)
        b->var += b->size[i] * (b->value[i] - b->mean) * (b->value[i] - b->mean);
}

static void boxes_release(struct boxes *b)
{
    for (int j = 0; j < b->d; j++)
        free(b->cuts[j]);
    free(b->cuts);
    free(b->intervals);
    free(b->side);
    free(b->value);
    free(b->size);
}

static double width(const struct boxes *b, int j, int k)
{
    return b->cuts[j] ? b->cuts[j][k + 1] - b->cuts[j][k] : 1.0 / b->intervals[j];
}

/* ---- variances ---- */

/* Next stretch of cells that a side covers, from *at on; false: no more. */
static bool next_run(const struct boxes *b, int j, const struct stretch *s, int *at, int *from, int *to)
{
    if (b->cuts[j]) {
        *from = s->from;
        *to = s->to;
        return (*at)++ == 0 && s->to > s->from;
    }
    while (*at < b->intervals[j] && !(s->set >> *at & 1))
        ++*at;
    if (*at >= b->intervals[j])
        return false;
    *from = *at;
    while (*at < b->intervals[j] && s->set >> *at & 1)
        ++*at;
    *to = *at;
    return true;
}

/* Of the marginal of feature i, and j when it is not -1. grid: GRID x GRID, scratch. */
static double variance(const struct boxes *b, int i, int j, double *grid)
{
    int rows = b->intervals[i], columns = j < 0 ? 1 : b->intervals[j], stride = columns + 1;
    double sum = 0;
    memset(grid, 0, (size_t)(rows + 1) * (size_t)stride * sizeof *grid);
    for (int l = 0; l < b->n; l++) {
        const struct stretch *si = &b->side[(size_t)l * (size_t)b->d + (size_t)i],
                             *sj = j < 0 ? NULL : &b->side[(size_t)l * (size_t)b->d + (size_t)j];
        double covered = si->size * (sj ? sj->size : 1);
        if (!(covered > 0))
            continue;
        double add = b->value[l] * b->size[l] / covered;
        for (int at = 0, r0, r1; next_run(b, i, si, &at, &r0, &r1);) {
            int c0 = 0, c1 = 1, along = 0;
            while (sj ? next_run(b, j, sj, &along, &c0, &c1) : along++ == 0) {
                grid[r0 * stride + c0] += add;
                grid[r0 * stride + c1] -= add;
                grid[r1 * stride + c0] -= add;
                grid[r1 * stride + c1] += add;
            }
        }
    }
    for (int r = 0; r < rows; r++) /* from differences to sums, along both */
        for (int c = 1; c < columns; c++)
            grid[r * stride + c] += grid[r * stride + c - 1];
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) {
            grid[r * stride + c] += r ? grid[(r - 1) * stride + c] : 0;
            double off = grid[r * stride + c] - b->mean;
            sum += width(b, i, r) * (j < 0 ? 1 : width(b, j, c)) * off * off;
        }
    return sum;
}

/* ---- the effects ---- */

struct anova {
    struct forest *f;
    struct boxes trees[TREES]; /* those that are not constant */
    int n;
    double *main;                /* features x TREES: shares of the main effects */
    double *grid;                /* scratch of variance() */
    struct importance_row *rows; /* of features, not yet of parameters */
    int n_rows;
};

static void anova_open(struct anova *a, struct forest *f)
{
    size_t d = (size_t)f->n_features;
    *a = (struct anova){.f = f};
    a->main = mem_zero(d * TREES, sizeof *a->main);
    a->grid = mem_alloc(GRID * GRID * sizeof *a->grid);
    a->rows = mem_zero(d + PAIRED * (PAIRED - 1) / 2, sizeof *a->rows);
    for (int t = 0; t < f->n_trees; t++) {
        struct boxes *b = &a->trees[a->n];
        boxes_open(b, f, &f->trees[t]);
        if (!(b->var > 0)) {
            boxes_release(b);
            continue;
        }
        for (size_t i = 0; i < d; i++)
            a->main[i * TREES + (size_t)a->n] = variance(b, (int)i, -1, a->grid) / b->var;
        a->n++;
    }
}

static void anova_release(struct anova *a)
{
    for (int t = 0; t < a->n; t++)
        boxes_release(&a->trees[t]);
    free(a->main);
    free(a->grid);
    free(a->rows);
}

static void add_mains(struct anova *a)
{
    for (int i = 0; i < a->f->n_features; i++) {
        double v[TREES];
        memcpy(v, a->main + (size_t)i * TREES, sizeof v);
        a->rows[a->n_rows] = (struct importance_row){.param = i, .pair = -1};
        summarise(v, a->n, &a->rows[a->n_rows++]);
    }
}

/* What the pair explains beyond its members. */
static void add_pair(struct anova *a, int i, int j)
{
    double v[TREES];
    struct importance_row *row = &a->rows[a->n_rows];
    for (int t = 0; t < a->n; t++)
        v[t] = variance(&a->trees[t], i, j, a->grid) / a->trees[t].var -
               a->main[(size_t)i * TREES + (size_t)t] - a->main[(size_t)j * TREES + (size_t)t];
    *row = (struct importance_row){.param = i, .pair = j};
    summarise(v, a->n, row);
    a->n_rows += row->share >= PAIR_LEAST;
}

static void add_pairs(struct anova *a)
{
    int d = a->n_rows, paired = d < PAIRED ? d : PAIRED, feature[PAIRED];
    qsort(a->rows, (size_t)d, sizeof *a->rows, by_share);
    for (int k = 0; k < paired; k++)
        feature[k] = a->rows[k].param;
    for (int k = 0; k < paired; k++)
        for (int l = k + 1; l < paired; l++)
            add_pair(a, feature[k] < feature[l] ? feature[k] : feature[l],
                     feature[k] < feature[l] ? feature[l] : feature[k]);
}

int importance_fanova(const struct space *s, const struct history *h, struct importance_row *rows, int max,
                      double *r2, char **cause)
{
    struct trials trials;
    if (gather(s, h, &trials, cause) < 0)
        return -1;
    struct forest_options o = {.trees = TREES, .leaf = 2, .seed = 1};
    struct forest *f = forest_new(s, trials.dna, trials.y, trials.n, &o);
    struct anova *a = MEM_NEW(struct anova);
    int n = -1;
    trials_release(&trials);
    if (r2)
        *r2 = f->r2;
    if (!(f->r2 >= R2_LEAST)) {
        cause_set(cause,
                  "not enough data: the parameters explain %.0f%% of the differences between trials left out",
                  100 * fmax(0, isnan(f->r2) ? 0 : f->r2));
        goto out;
    }
    anova_open(a, f);
    add_mains(a);
    add_pairs(a);
    n = a->n_rows;
    for (int k = 0; k < n; k++) {
        struct importance_row *row = &a->rows[k];
        row->param = f->features[row->param].param;
        row->pair = row->pair < 0 ? -1 : f->features[row->pair].param;
    }
    qsort(a->rows, (size_t)n, sizeof *a->rows, by_share);
    memcpy(rows, a->rows, (size_t)(n < max ? n : max) * sizeof *rows);
    anova_release(a);
out:
    forest_free(f);
    free(a);
    return n;
}

/* ---- quickly ---- */

/* Bin of each trial for one parameter: its choice, or an even share of the ranks; a bin of its own where it
 * is inactive. How many bins. */
static int bin_param(const struct param *p, const struct trials *t, int i, int dims, int *bin)
{
    if (p->type == PARAM_CATEGORICAL) {
        for (int k = 0; k < t->n; k++) {
            double u = t->dna[(size_t)k * (size_t)dims + (size_t)i];
            bin[k] = isnan(u) ? p->n_choices : (int)u;
        }
        return p->n_choices + 1;
    }
    double *v = mem_alloc((size_t)t->n * sizeof *v), cuts[QUICK_BINS];
    int n = 0;
    for (int k = 0; k < t->n; k++)
        if (!isnan(t->dna[(size_t)k * (size_t)dims + (size_t)i]))
            v[n++] = param_model(p, t->dna[(size_t)k * (size_t)dims + (size_t)i]);
    qsort(v, (size_t)n, sizeof *v, ascending);
    for (int c = 1; c < QUICK_BINS; c++)
        cuts[c] = n ? v[(size_t)c * (size_t)n / QUICK_BINS] : 0;
    for (int k = 0; k < t->n; k++) {
        double u = param_model(p, t->dna[(size_t)k * (size_t)dims + (size_t)i]);
        bin[k] = isnan(u) ? QUICK_BINS : 0;
        for (int c = 1; !isnan(u) && c < QUICK_BINS; c++)
            bin[k] += u >= cuts[c];
    }
    free(v);
    return QUICK_BINS + 1;
}

/* omega squared: the share of the variance between bins, less what chance alone would put there. */
static double between_bins(const double *y, const int *bin, const int *take, int n, int bins, double *sum,
                           int *count)
{
    double total = 0, squares = 0, between = 0;
    int used = 0;
    memset(sum, 0, (size_t)bins * sizeof *sum);
    memset(count, 0, (size_t)bins * sizeof *count);
    for (int k = 0; k < n; k++) {
        int at = take ? take[k] : k;
        sum[bin[at]] += y[at];
        count[bin[at]]++;
        total += y[at];
        squares += y[at] * y[at];
    }
    for (int b = 0; b < bins; b++) {
        used += count[b] > 0;
        between += count[b] ? sum[b] * sum[b] / count[b] : 0;
    }
    between -= total * total / n;
    squares -= total * total / n;
    if (n <= used || !(squares > 0))
        return 0;
    double within = (squares - between) / (n - used);
    return fmax(0, (between - (used - 1) * within) / (squares + within));
}

int importance_quick(const struct space *s, const struct history *h, struct importance_row *rows, int max,
                     char **cause)
{
    struct trials t;
    struct rng rng;
    if (gather(s, h, &t, cause) < 0)
        return -1;
    int n = 0, most = QUICK_BINS + 1, *bin = mem_zero((size_t)t.n, sizeof *bin),
        *take = mem_zero((size_t)t.n * RESAMPLES, sizeof *take);
    for (int i = 0; i < s->n; i++)
        most = s->params[i].n_choices + 1 > most ? s->params[i].n_choices + 1 : most;
    double *sum = mem_zero((size_t)most, sizeof *sum), v[RESAMPLES];
    int *count = mem_zero((size_t)most, sizeof *count);
    struct importance_row *all = mem_zero((size_t)s->n, sizeof *all);
    rng_seed(&rng, 1);
    for (int k = 0; k < t.n * RESAMPLES; k++)
        take[k] = k % t.n;
    for (int r = 0; r < RESAMPLES; r++) /* halves: as far from the whole as the whole from the truth */
        rng_shuffle(&rng, take + (size_t)r * (size_t)t.n, t.n);
    for (int i = 0; i < s->n; i++) {
        if (param_count(&s->params[i]) < 2)
            continue;
        int bins = bin_param(&s->params[i], &t, i, s->n, bin);
        for (int r = 0; r < RESAMPLES; r++)
            v[r] = between_bins(t.y, bin, take + (size_t)r * (size_t)t.n, t.n / 2, bins, sum, count);
        all[n] = (struct importance_row){.param = i, .pair = -1};
        summarise(v, RESAMPLES, &all[n]);
        all[n].share = between_bins(t.y, bin, NULL, t.n, bins, sum, count);
        all[n].low = fmin(all[n].low, all[n].share);
        all[n].high = fmax(all[n].high, all[n].share);
        n++;
    }
    qsort(all, (size_t)n, sizeof *all, by_share);
    memcpy(rows, all, (size_t)(n < max ? n : max) * sizeof *rows);
    trials_release(&t);
    free(bin);
    free(take);
    free(sum);
    free(count);
    free(all);
    return n;
}
