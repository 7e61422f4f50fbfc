/* accept_steplaw: acceptance measurements A6 and A7 on the Step Law grids (loss over learning rate x batch size) under
 * $HYPERTOP_SHARED/data/steplaw. Skipped with a message when the data are absent.
 *
 * A6: how far from the best of a grid the law's point lies, at the nearest grid point (in ln lr, ln bs) and by bilinear
 * interpolation. A7: the gap to the best after 8, 16, 24 and 32 trials by tuner, mean over grids and seeds, each tuner proposing
 * cells of the grid. The reference's numbers are for 17 grids, of which only some are here. Argument: [SEEDS], 6 at least as
 * asked for. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "hub/csv_table.h"
#include "tune/candidates.h"
#include "tune/steplaw.h"
#include "tune/tuner.h"

#define SIDE    32
#define SEQUENCE 2048 /* tokens of one unit of batch size */

struct grid {
    double params, tokens;
    int n_lr, n_bs;
    double lr[SIDE], bs[SIDE], loss[SIDE][SIDE]; /* ascending; NaN: not measured */
    double best;
};

/* ---- grids ---- */

static double number(const struct csv_table *t, int row, const char *column)
{
    int k = csv_column(t, column);
    return k < 0 ? NAN : strtod(csv_at(t, row, k)->text, NULL);
}

/* Where x stands in an ascending list, put in when it is new; one rung is written with different roundings. */
static void insert(double *list, int *n, double x)
{
    int at = *n;
    for (int i = 0; i < *n; i++)
        if (fabs(list[i] / x - 1) < 0.02)
            return;
    while (at > 0 && list[at - 1] > x)
        at--;
    if (*n == SIDE)
        return;
    memmove(list + at + 1, list + at, (size_t)(*n - at) * sizeof *list);
    list[at] = x;
    ++*n;
}

static int nearest(const double *list, int n, double x)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (fabs(log(list[i] / x)) < fabs(log(list[best] / x)))
            best = i;
    return best;
}

static void read_grid(const struct csv_table *t, struct grid *g)
{
    bool of[2] = {false, true};
    for (int pass = 0; pass < 2; pass++) {
        for (int r = 0; r < t->rows; r++) {
            double lr = number(t, r, "lr"), bs = number(t, r, "bs"), loss = number(t, r, "smooth loss");
            if (fabs(number(t, r, "N") / g->params - 1) > 2e-3 || fabs(number(t, r, "D") / g->tokens - 1) > 2e-3)
                continue;
            if (!of[pass]) {
                insert(g->lr, &g->n_lr, lr);
                insert(g->bs, &g->n_bs, bs);
            } else if (isfinite(loss)) {
                g->loss[nearest(g->lr, g->n_lr, lr)][nearest(g->bs, g->n_bs, bs)] = loss;
                g->best = fmin(g->best, loss);
            }
        }
        for (int i = 0; i < SIDE * SIDE && !pass; i++)
            g->loss[i / SIDE][i % SIDE] = NAN;
    }
}

static int read_grids(const struct csv_table *t, struct grid *grids, int max)
{
    int n = 0;
    for (int r = 0; r < t->rows && n < max; r++) {
        double params = number(t, r, "N"), tokens = number(t, r, "D");
        int k = 0;
        while (k < n && (fabs(grids[k].params / params - 1) > 2e-3 || fabs(grids[k].tokens / tokens - 1) > 2e-3))
            k++;
        if (k < n)
            continue;
        grids[n] = (struct grid){.params = params, .tokens = tokens, .best = INFINITY};
        read_grid(t, &grids[n++]);
    }
    return n;
}

static double gap(const struct grid *g, double loss)
{
    return 100 * (loss / g->best - 1);
}

/* ---- A6 ---- */

static double at_nearest(const struct grid *g, double lr, double bs)
{
    double least = INFINITY, loss = NAN;
    for (int i = 0; i < g->n_lr; i++)
        for (int k = 0; k < g->n_bs; k++) {
            double d = hypot(log(g->lr[i] / lr), log(g->bs[k] / bs));
            if (isnan(g->loss[i][k]) || d >= least)
                continue;
            least = d;
            loss = g->loss[i][k];
        }
    return loss;
}

/* NaN outside the grid and where a corner was not measured. */
static double bilinear(const struct grid *g, double lr, double bs)
{
    int i = 0, k = 0;
    while (i < g->n_lr - 2 && g->lr[i + 1] < lr)
        i++;
    while (k < g->n_bs - 2 && g->bs[k + 1] < bs)
        k++;
    double x = log(lr / g->lr[i]) / log(g->lr[i + 1] / g->lr[i]), y = log(bs / g->bs[k]) / log(g->bs[k + 1] / g->bs[k]);
    if (x < 0 || x > 1 || y < 0 || y > 1)
        return NAN;
    return (1 - x) * ((1 - y) * g->loss[i][k] + y * g->loss[i][k + 1]) +
           x * ((1 - y) * g->loss[i + 1][k] + y * g->loss[i + 1][k + 1]);
}

static bool law(const struct grid *grids, int n)
{
    double near = 0, between = 0, most = 0;
    int m = 0;
    for (int i = 0; i < n; i++) {
        const struct grid *g = &grids[i];
        double lr = steplaw_rate(g->params, g->tokens), bs = steplaw_batch(g->params, g->tokens) / SEQUENCE;
        double here = gap(g, at_nearest(g, lr, bs)), smooth = gap(g, bilinear(g, lr, bs));
        near += here / n;
        most = fmax(most, here);
        if (!isnan(smooth))
            between += (smooth - between) / ++m;
    }
    printf("A6 the Step Law's point against the best of the grid, %d grids\n", n);
    printf("   nearest grid point   mean %.4f %%, most %.3f %%   reference 0.0957 %%, 0.310 %% (17 grids)\n", near, most);
    printf("   bilinear             mean %.4f %% (%d grids)     reference 0.126 %% (16 grids)\n", between, m);
    return near < 0.31 && between < 0.31; /* the same order; the grids are a part of the reference's */
}

/* ---- A7 ---- */

static struct space *space_of(const struct grid *g)
{
    struct space *s = space_new();
    struct tune_value values[SIDE];
    for (int p = 0; p < 2; p++) {
        struct param *q = space_add(s, p ? "bs" : "lr");
        int n = p ? g->n_bs : g->n_lr;
        for (int i = 0; i < n; i++)
            values[i] = tune_float(p ? g->bs[i] : g->lr[i]);
        q->type = PARAM_ORDINAL;
        param_set_choices(q, values, n);
    }
    space_finish(s, NULL);
    struct candidates *list = candidates_new(2);
    for (int i = 0; i < g->n_lr * g->n_bs; i++) {
        double dna[2] = {i / g->n_bs, i % g->n_bs};
        if (!isnan(g->loss[i / g->n_bs][i % g->n_bs]))
            candidates_add(list, dna);
    }
    candidates_seal(list);
    s->list = list;
    return s;
}

static const int marks[] = {8, 16, 24, 32};
#define MARKS 4

static void sweep(const struct grid *g, const char *sampler, uint64_t seed, double *sum)
{
    struct tuner_setup setup = {.space = space_of(g), .sampler = sampler, .seed = seed, .budget = marks[MARKS - 1]};
    struct tuner *t = tuner_new(&setup, NULL);
    double dna[2], best = INFINITY;
    struct tell_result r;
    for (int i = 0, m = 0; i < marks[MARKS - 1]; i++) {
        struct proposal p = {.dna = dna};
        tuner_ask(t, i, &p, NULL);
        double loss = g->loss[(int)dna[0]][(int)dna[1]];
        tuner_tell(t, i, -1, loss, true, &r, NULL);
        best = fmin(best, loss);
        if (i + 1 == marks[m])
            sum[m++] += gap(g, best);
    }
    tuner_free(t);
}

static bool search(const struct grid *grids, int n, int seeds)
{
    static const struct {
        const char *sampler, *reference;
        double most; /* at 16; 0: none asked for */
    } rows[] = {{"gp", "0.169 0.021 0.0073 0.0011, target 0.05 at 16", 0.05},
                {"auto", "", 0.05},
                {"tpe", "target 0.15 at 16", 0.15},
                {"cmaes", "", 0},
                {"random", "0.430 0.227 - 0.110", 0}};
    bool good = true;
    printf("A7 mean gap to the best in %% after 8, 16, 24, 32 trials, %d grids x %d seeds\n", n, seeds);
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        double sum[MARKS] = {0};
        for (int i = 0; i < n; i++)
            for (int seed = 0; seed < seeds; seed++)
                sweep(&grids[i], rows[k].sampler, (uint64_t)seed, sum);
        for (int m = 0; m < MARKS; m++)
            sum[m] /= n * seeds;
        good &= !rows[k].most || sum[1] <= rows[k].most;
        printf("   %-8s %.4f %.4f %.4f %.4f%s%s\n", rows[k].sampler, sum[0], sum[1], sum[2], sum[3],
               *rows[k].reference ? "   reference " : "", rows[k].reference);
    }
    return good;
}

int main(int argc, char **argv)
{
    enum { GRIDS = 32 };
    const char *shared = getenv("HYPERTOP_SHARED");
    int seeds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 12;
    char path[4096];
    struct csv_table t;
    snprintf(path, sizeof path, "%s/data/steplaw/dense_lr_bs_loss.csv", shared && *shared ? shared : "../shared");
    if (csv_read(&t, path, NULL) < 0) {
        printf("A6, A7 skipped: no data/steplaw/dense_lr_bs_loss.csv under $HYPERTOP_SHARED or ../shared\n");
        csv_release(&t);
        return 0;
    }
    struct grid *grids = mem_zero(GRIDS, sizeof *grids);
    int n = read_grids(&t, grids, GRIDS);
    bool near = law(grids, n), found = search(grids, n, seeds > 0 ? seeds : 6);
    free(grids);
    csv_release(&t);
    return near && found ? 0 : 1;
}
