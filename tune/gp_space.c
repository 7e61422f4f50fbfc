#include "tune/gp_space.h"

#include <math.h>
#include <stdlib.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/quantile.h"

static void coordinate(struct gp_space *g, enum gp_kind kind, int dim)
{
    g->kind[g->shape.coords] = kind;
    g->dim[g->shape.coords++] = dim;
}

int gp_space_init(struct gp_space *g, const struct space *s, char **cause)
{
    g->sources = false;
    g->shape = (struct gp_shape){.kind = g->kind, .dim = g->dim};
    for (int i = 0; i < s->n; i++) {
        const struct param *p = &s->params[i];
        if (param_count(p) < 2)
            continue;
        if (g->shape.dims == GP_DIMS_MAX)
            return cause_set(
                cause, "a Gaussian process over more than %d parameters is no use; choose another tuner",
                GP_DIMS_MAX);
        int dim = g->shape.dims++;
        g->param[dim] = i;
        coordinate(g, p->type == PARAM_CATEGORICAL ? GP_LABEL : GP_NUMBER, dim);
        if (p->parent >= 0 && p->type != PARAM_CATEGORICAL)
            coordinate(g, GP_NUMBER, dim);
    }
    return g->shape.dims ? 0 : cause_set(cause, "nothing varies in this space");
}

void gp_space_add_sources(struct gp_space *g)
{
    if (g->sources || g->shape.dims == GP_DIMS_MAX)
        return;
    g->sources = true;
    g->param[g->shape.dims] = -1;
    coordinate(g, GP_LABEL, g->shape.dims++);
}

void gp_space_point(const struct gp_space *g, const struct space *s, const double *dna, double *x)
{
    int at = 0;
    for (int k = 0; k < g->shape.dims - g->sources; k++) {
        const struct param *p = &s->params[g->param[k]];
        double u = dna[g->param[k]];
        if (p->type == PARAM_CATEGORICAL) {
            x[at++] = isnan(u) ? -1 : u;
            continue;
        }
        x[at++] = isnan(u) ? 0.5 : param_model(p, u);
        if (p->parent >= 0)
            x[at++] = isnan(u) ? 0 : 0.5;
    }
    if (g->sources)
        x[at] = 0;
}

/* ---- outputs ---- */

struct placed {
    double loss;
    int at;
};

static int by_loss(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->loss != y->loss)
        return x->loss < y->loss ? -1 : 1;
    return x->at - y->at;
}

/* Returns log of the scale. */
static double standardise(double *y, int n)
{
    double mean = 0, var = 0;
    for (int i = 0; i < n; i++)
        mean += y[i] / n;
    for (int i = 0; i < n; i++)
        var += (y[i] - mean) * (y[i] - mean) / n;
    for (int i = 0; i < n; i++)
        y[i] = var > 0 ? (y[i] - mean) / sqrt(var) : 0;
    return var > 0 ? -0.5 * log(var) : 0;
}

static void ranks(const struct placed *p, int n, double *y)
{
    for (int i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && p[end].loss == p[i].loss; end++)
            ;
        double z = normal_quantile((0.5 * (i + end - 1) + 0.5) / n);
        for (int k = i; k < end; k++)
            y[p[k].at] = z;
    }
}

/* Measured on the tables of bench-tuners: a knee at the median itself bends what the model needs straight,
 * and none at all lets one diverged run flatten the rest. In spans from best to median, counted from the
 * median. */
#define KNEE 3

/* Both return the sum of the log slopes over `counts`. */
static double squash(const struct placed *p, int n, const bool *counts, double *y)
{
    double span = p[n / 2].loss - p[0].loss, knee = p[n / 2].loss + KNEE * span, slopes = 0;
    for (int i = 0; i < n; i++) {
        double above = p[i].loss - knee;
        bool bent = above > 0 && span > 0;
        y[p[i].at] = bent ? span * log1p(above / span) : above;
        slopes -= bent && counts[p[i].at] ? log1p(above / span) : 0;
    }
    return slopes;
}

static double logarithm(const struct placed *p, int n, const bool *counts, double *y)
{
    double least = 0.05 * (p[n / 2].loss - p[0].loss), slopes = 0;
    if (!(least > 0))
        return 0;
    for (int i = 0; i < n; i++) {
        y[p[i].at] = log(p[i].loss - p[0].loss + least);
        slopes -= counts[p[i].at] ? y[p[i].at] : 0;
    }
    return slopes;
}

double gp_outputs(enum gp_output how, const double *loss, int n, double *y)
{
    struct placed *p = mem_zero((size_t)n + 1, sizeof *p);
    bool *counts = mem_zero((size_t)n + 1, sizeof *counts);
    double worst = -INFINITY, slopes = 0;
    int good = 0;
    for (int i = 0; i < n; i++)
        worst = isnan(loss[i]) ? worst : fmax(worst, loss[i]);
    for (int i = 0; i < n; i++) {
        good += counts[i] = !isnan(loss[i]);
        p[i] = (struct placed){counts[i] ? loss[i] : isinf(worst) ? 0 : worst, i};
        y[i] = p[i].loss;
    }
    qsort(p, (size_t)n, sizeof *p, by_loss);
    if (how == GP_RANKS && n > 0)
        ranks(p, n, y);
    if (how == GP_SQUASH && n > 0)
        slopes = squash(p, n, counts, y);
    if (how == GP_LOG && n > 0)
        slopes = logarithm(p, n, counts, y);
    slopes += good * standardise(y, n);
    free(p);
    free(counts);
    return how == GP_RANKS ? 0 : slopes;
}
