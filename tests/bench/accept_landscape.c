/* accept_landscape: acceptance measurements A8 and A13.
 *
 * A8: on the Step Law grids (loss over learning rate x batch size) under $HYPERTOP_SHARED/data/steplaw, a
 * quadratic in (ln lr, ln bs) fitted to the points within 3 % of the best is a bowl on every grid, with the
 * number of basins by sublevel persistence, also of those deeper than 0.2 % of the best, and the plateaus
 * within 0.25 % and 1 %, beside the reference's numbers for 17 grids. Skipped with a message when the data
 * are absent.
 *
 * A13: AutoKnots on polynomials of degree 5 through six points, both coordinates flat in +-10 (with even
 * abscissae the polynomials are tamer: 600 knots), between the outermost ones, rel 1e-8, scale 1: the number
 * of knots, and the share of functions without a point of a grid of 10,000 outside the tolerance, beside the
 * reference's; and the same for a spline on as many even knots. Argument: [FUNCTIONS], 1,000 at least as
 * asked for. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "tune/basins.h"
#include "tune/knots.h"
#include "tune/quadratic.h"

/* ---- A8 ---- */

struct row {
    double n, d, lr, bs, loss;
};

static int by_setting(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    if (x->d != y->d)
        return x->d < y->d ? -1 : 1;
    return (x->lr > y->lr) - (x->lr < y->lr);
}

static FILE *open_table(void)
{
    const char *shared = getenv("HYPERTOP_SHARED");
    char path[4096];
    snprintf(path, sizeof path, "%s/data/steplaw/dense_lr_bs_loss.csv",
             shared && *shared ? shared : "../shared");
    return fopen(path, "re");
}

/* Columns by their place: h,ffnh,numh,numl,lr,bs,ti,loss,smooth loss,exp_name,D,N,D/N. */
static struct row *read_table(FILE *f, int *n)
{
    struct row *rows = NULL;
    char line[1024];
    *n = 0;
    while (fgets(line, sizeof line, f)) {
        char *field = line;
        double v[13];
        for (int k = 0; k < 13 && field; k++) {
            v[k] = strtod(field, NULL);
            field = strchr(field, ',');
            field = field ? field + 1 : NULL;
        }
        if (!(v[4] > 0))
            continue;
        rows = mem_resize(rows, (size_t)*n + 1, sizeof *rows);
        rows[(*n)++] = (struct row){v[11], v[10], v[4], v[5], v[8]};
    }
    fclose(f);
    if (*n)
        qsort(rows, (size_t)*n, sizeof *rows, by_setting);
    return rows;
}

struct grid {
    int n_lr, n_bs;
    double lr[64], bs[64], z[64 * 64];
};

static int place_of(double *v, int *n, double x)
{
    for (int i = 0; i < *n; i++)
        if (fabs(log(v[i] / x)) < 0.05) /* one rung of the ladder, rounded differently */
            return i;
    v[*n] = x;
    return (*n)++;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void lay_out(const struct row *r, int n, struct grid *g)
{
    *g = (struct grid){.n_lr = 0};
    for (int i = 0; i < n; i++) {
        place_of(g->lr, &g->n_lr, r[i].lr);
        place_of(g->bs, &g->n_bs, r[i].bs);
    }
    qsort(g->lr, (size_t)g->n_lr, sizeof *g->lr, ascending);
    qsort(g->bs, (size_t)g->n_bs, sizeof *g->bs, ascending);
    for (int i = 0; i < g->n_lr * g->n_bs; i++)
        g->z[i] = NAN;
    for (int i = 0; i < n; i++)
        g->z[place_of(g->lr, &g->n_lr, r[i].lr) * g->n_bs + place_of(g->bs, &g->n_bs, r[i].bs)] = r[i].loss;
}

struct found {
    int grids, bowls, basins[5], deep[5];
    double r2_low, r2_high, plateau[2][2]; /* within 0.25 % and 1 %: least and most */
};

static bool fit_bowl(const struct row *r, int n, double best, struct quadratic *q)
{
    double *x = mem_alloc(3 * (size_t)n * sizeof *x), *y = x + n, *z = y + n;
    int k = 0;
    for (int i = 0; i < n; i++)
        if (r[i].loss <= 1.03 * best) {
            x[k] = log(r[i].lr);
            y[k] = log(r[i].bs);
            z[k++] = r[i].loss;
        }
    bool fitted = quadratic_fit(x, y, z, k, q);
    free(x);
    return fitted;
}

static void judge(const struct row *r, int n, struct found *f)
{
    struct grid g;
    struct basin b[64];
    struct quadratic q;
    double best = INFINITY;
    int deep = 0;
    lay_out(r, n, &g);
    for (int i = 0; i < n; i++)
        best = fmin(best, r[i].loss);
    int basins = basins_find(g.z, g.n_lr, g.n_bs, b, 64);
    for (int i = 0; i < basins && i < 64; i++)
        deep += b[i].death - b[i].birth > 0.002 * best;
    f->grids++;
    f->basins[basins < 5 ? basins : 4]++;
    f->deep[deep < 5 ? deep : 4]++;
    for (int k = 0; k < 2; k++) {
        double share = plateau_share(g.z, g.n_lr * g.n_bs, (k ? 0.01 : 0.0025) * best);
        f->plateau[k][0] = fmin(f->plateau[k][0], share);
        f->plateau[k][1] = fmax(f->plateau[k][1], share);
    }
    if (!fit_bowl(r, n, best, &q))
        return;
    f->bowls += q.convex;
    f->r2_low = fmin(f->r2_low, q.r2);
    f->r2_high = fmax(f->r2_high, q.r2);
}

static bool convexity(void)
{
    FILE *file = open_table();
    struct found f = {.r2_low = 1, .plateau = {{1, 0}, {1, 0}}};
    int n;
    if (!file) {
        printf("A8 skipped: no data/steplaw/dense_lr_bs_loss.csv under $HYPERTOP_SHARED or ../shared\n");
        return true;
    }
    struct row *rows = read_table(file, &n);
    for (int i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && rows[end].n == rows[i].n && rows[end].d == rows[i].d; end++)
            ;
        judge(rows + i, end - i, &f);
    }
    free(rows);
    printf("A8 landscape near the optimum, %d grids (reference: 17)\n", f.grids);
    printf("   bowls                  %d of %d        reference 17 of 17\n", f.bowls, f.grids);
    printf("   R2 of the fit          %.2f-%.2f      reference 0.83-0.97\n", f.r2_low, f.r2_high);
    printf("   1, 2, 3, more basins   %d, %d, %d, %d    reference 9, 7, 1, 0\n", f.basins[1], f.basins[2],
           f.basins[3], f.basins[4]);
    printf("   deeper than 0.2 %%      %d, %d, %d, %d    reference 10, 7, 0, 0\n", f.deep[1], f.deep[2],
           f.deep[3], f.deep[4]);
    printf("   plateau within 0.25 %%  %.0f-%.0f %%       reference 3-23 %%\n", 100 * f.plateau[0][0],
           100 * f.plateau[0][1]);
    printf("   plateau within 1 %%     %.0f-%.0f %%      reference 18-64 %%\n", 100 * f.plateau[1][0],
           100 * f.plateau[1][1]);
    return f.grids > 0 && f.bowls == f.grids;
}

/* ---- A13 ---- */

#define DEGREE 5
#define POINTS 10000 /* of the grid on which both are compared */

struct polynomial { /* through these points, x ascending */
    double x[DEGREE + 1], y[DEGREE + 1];
};

static struct polynomial draw(struct rng *g)
{
    struct polynomial p;
    for (int i = 0; i <= DEGREE; i++) {
        p.x[i] = 20 * rng_unit(g) - 10;
        p.y[i] = 20 * rng_unit(g) - 10;
    }
    qsort(p.x, DEGREE + 1, sizeof *p.x, ascending);
    return p;
}

/* Neville's scheme. */
static double value_at(const struct polynomial *p, double x)
{
    double v[DEGREE + 1];
    memcpy(v, p->y, sizeof v);
    for (int w = 1; w <= DEGREE; w++)
        for (int i = 0; i + w <= DEGREE; i++)
            v[i] = ((x - p->x[i + w]) * v[i] + (p->x[i] - x) * v[i + 1]) / (p->x[i] - p->x[i + w]);
    return v[0];
}

static double between(const struct polynomial *p, int i, int n)
{
    return p->x[0] + (p->x[DEGREE] - p->x[0]) * i / (n - 1);
}

static int outliers(const struct polynomial *p, const double *kx, const double *ky, const double *m, int n)
{
    int off = 0;
    for (int i = 0; i < POINTS; i++) {
        double x = between(p, i, POINTS), f = value_at(p, x);
        off += fabs(spline_at(kx, ky, m, n, x) - f) > 1e-8 * (fabs(f) + 1);
    }
    return off;
}

static int even_knots(const struct polynomial *p, int n)
{
    double *x = mem_alloc(3 * (size_t)n * sizeof *x), *v = x + n, *m = v + n;
    for (int i = 0; i < n; i++) {
        x[i] = between(p, i, n);
        v[i] = value_at(p, x[i]);
    }
    spline_fit(x, v, n, m);
    int off = outliers(p, x, v, m, n);
    free(x);
    return off;
}

static bool knots(int functions)
{
    struct rng g;
    double sum = 0, sum2 = 0, off = 0;
    int clean = 0, even_clean = 0;
    rng_seed(&g, 13);
    for (int f = 0; f < functions; f++) {
        struct polynomial p = draw(&g);
        struct knots k;
        struct knots_options o = knots_options(p.x[0], p.x[DEGREE], 1e-8, 1);
        knots_init(&k, &o);
        do {
            double *v = mem_alloc((size_t)k.n_next * sizeof *v);
            for (int i = 0; i < k.n_next; i++)
                v[i] = value_at(&p, k.next[i]);
            knots_tell(&k, v);
            free(v);
        } while (k.state == KNOTS_MORE);
        int bad = outliers(&p, k.x, k.y, k.m, k.n);
        clean += bad == 0;
        off += (double)bad / POINTS;
        even_clean += even_knots(&p, k.n) == 0;
        sum += k.n;
        sum2 += (double)k.n * k.n;
        knots_release(&k);
    }
    double mean = sum / functions, sd = sqrt(sum2 / functions - mean * mean);
    printf("A13 AutoKnots, %d polynomials of degree 5\n", functions);
    printf("   knots                  %.1f +- %.1f    reference 750.6 +- 114.8\n", mean, sd);
    printf("   clean grids            %.2f %%         reference 97.59 %%\n", 100.0 * clean / functions);
    printf("   outliers               %.3f %%         reference 0.03 %%\n", 100 * off / functions);
    printf("   clean, even knots      %.2f %%         reference 27.78 %%\n", 100.0 * even_clean / functions);
    return mean > 751 - 115 && mean < 751 + 115 && clean >= 0.96 * functions;
}

int main(int argc, char **argv)
{
    int functions = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1000;
    bool bowls = convexity(), sampled = knots(functions < 1 ? 1 : functions);
    return bowls && sampled ? 0 : 1;
}
