#include "tune/landscape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tune/sobol.h"

#define TAIL 0.005 /* of an unbounded prior that an axis leaves out on either side */

/* ---- axes ---- */

static bool bounded(const struct param *p)
{
    return p->prior == PRIOR_UNIFORM || p->prior == PRIOR_LOG || p->prior == PRIOR_RLOG;
}

const char *landscape_scale_name(enum landscape_scale scale)
{
    static const char *const names[] = {"linear", "log", "rlog", "choices"};
    return names[scale];
}

struct landscape_axis landscape_axis(const struct space *s, int i, const struct history *h)
{
    const struct param *p = &s->params[i];
    struct landscape_axis a = {.param = p, .at = i};
    if (!param_numeric(p)) {
        a.scale = SCALE_CHOICES;
        a.high = p->n_choices > 0 ? p->n_choices : 1;
        return a;
    }
    a.scale = p->prior == PRIOR_LOG || p->prior == PRIOR_LOG_NORMAL ? SCALE_LOG
              : p->prior == PRIOR_RLOG                              ? SCALE_RLOG
                                                                    : SCALE_LINEAR;
    bool plain = bounded(p) && !(p->quantum > 0); /* the digits as they were written */
    a.low = plain ? p->low : param_warp(p, bounded(p) ? 0 : TAIL);
    a.high = plain ? p->high : param_warp(p, bounded(p) ? 1 : 1 - TAIL);
    for (int k = 0; !bounded(p) && h && k < h->n; k++) {
        double u = h->trials[k].dna[i];
        if (h->trials[k].outside || isnan(u))
            continue;
        a.low = fmin(a.low, param_value(p, u));
        a.high = fmax(a.high, param_value(p, u));
    }
    return a;
}

double axis_of_value(const struct landscape_axis *a, double x)
{
    double u;
    if (a->scale == SCALE_LOG)
        u = log(x / a->low) / log(a->high / a->low);
    else if (a->scale == SCALE_RLOG)
        u = 1 - log((a->high + a->low - x) / a->low) / log(a->high / a->low);
    else
        u = (x - a->low) / (a->high - a->low);
    return isnan(u) ? NAN : fmin(fmax(u, 0), 1);
}

double axis_place(const struct landscape_axis *a, double dna)
{
    if (isnan(dna))
        return NAN;
    if (a->scale == SCALE_CHOICES)
        return (dna + 0.5) / a->high;
    return axis_of_value(a, param_value(a->param, dna));
}

double axis_dna(const struct landscape_axis *a, double place)
{
    place = fmin(fmax(place, 0), 1);
    if (a->scale == SCALE_CHOICES)
        return fmin(floor(place * a->high), a->high - 1);
    double x = a->scale == SCALE_LOG    ? a->low * pow(a->high / a->low, place)
               : a->scale == SCALE_RLOG ? a->low + a->high - a->low * pow(a->high / a->low, 1 - place)
                                        : a->low + place * (a->high - a->low);
    return param_unwarp(a->param, x);
}

/* ---- what is held ---- */

static bool valued(const struct history_trial *t)
{
    return !t->outside && (t->end == END_DONE || t->end == END_PRUNED) && !isnan(t->loss);
}

static bool has(const struct history_trial *t, int i)
{
    return i < 0 || !isnan(t->dna[i]);
}

static bool hold_best(const struct history *h, int x, int y, double *dna, int dims)
{
    int best = -1;
    bool whole = false; /* has both parameters */
    for (int i = 0; i < h->n; i++) {
        const struct history_trial *t = &h->trials[i];
        bool both = valued(t) && has(t, x) && has(t, y);
        if (!valued(t) || (whole && !both))
            continue;
        if (best < 0 || (both && !whole) || t->loss < h->trials[best].loss)
            best = i;
        whole |= both;
    }
    if (best >= 0)
        memcpy(dna, h->trials[best].dna, (size_t)dims * sizeof *dna);
    return best >= 0;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double commonest(const double *v, int n)
{
    double best = v[0];
    int most = 0;
    for (int i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && v[end] == v[i]; end++)
            ;
        if (end - i > most) {
            most = end - i;
            best = v[i];
        }
    }
    return best;
}

static bool hold_typical(const struct space *s, const struct history *h, double *dna)
{
    double *v = mem_alloc(((size_t)h->n + 1) * sizeof *v);
    bool any = false;
    for (int i = 0; i < s->n; i++) {
        int n = 0;
        for (int k = 0; k < h->n; k++)
            if (valued(&h->trials[k]) && !isnan(h->trials[k].dna[i]))
                v[n++] = h->trials[k].dna[i];
        if (!n)
            continue;
        any = true;
        qsort(v, (size_t)n, sizeof *v, ascending);
        dna[i] = s->params[i].type == PARAM_CATEGORICAL ? commonest(v, n) : v[n / 2];
    }
    free(v);
    return any;
}

/* A value of a parameter for which its child is there. */
static double opening(const struct param *parent, const struct param *child)
{
    if (!child->when)
        return param_place(parent, 0.5 * (child->when_low + child->when_high));
    for (int k = 0; k < parent->n_choices; k++)
        if (child->when[k])
            return k;
    return 0;
}

void landscape_activate(const struct space *s, int x, int y, const bool *keep, double *dna)
{
    int want[] = {x, y};
    for (int w = 0; w < 2; w++)
        for (int i = want[w], steps = 0; i >= 0 && s->params[i].parent >= 0 && steps < s->n; steps++) {
            const struct param *p = &s->params[i];
            int up = p->parent;
            bool given = up == x || up == y || (keep && keep[up]), open = true;
            if (isnan(dna[up]))
                open = false;
            else if (p->when)
                open = p->when[(int)dna[up]];
            else
                open = param_value(&s->params[up], dna[up]) >= p->when_low &&
                       param_value(&s->params[up], dna[up]) <= p->when_high;
            if (!open && !given)
                dna[up] = opening(&s->params[up], p);
            i = up;
        }
    for (int i = 0; i < s->n; i++) /* what became active now needs a value */
        if (isnan(dna[i]))
            dna[i] = param_numeric(&s->params[i]) ? 0.5 : 0;
    space_canon(s, dna);
}

bool landscape_hold(const struct space *s, const struct history *h, enum landscape_hold how, int x, int y,
                    double *dna)
{
    for (int i = 0; i < s->n; i++)
        dna[i] = param_numeric(&s->params[i]) ? 0.5 : 0;
    return how == HOLD_BEST ? hold_best(h, x, y, dna, s->n) : hold_typical(s, h, dna);
}

/* ---- the lattice ---- */

/* The points that are computed: the cells themselves, or fewer of them along the number axes. */
struct lattice {
    int columns, rows;
};

static bool coarsens(const struct landscape_axis *a)
{
    return a->scale != SCALE_CHOICES;
}

static struct lattice lattice_of(const struct landscape_grid *g, int most)
{
    struct lattice l = {g->columns, g->slice ? 1 : g->rows};
    while ((int64_t)l.columns * l.rows > most) {
        bool wide = l.columns * (int64_t)g->rows >= l.rows * (int64_t)g->columns; /* keeps the proportions */
        int *n = (wide && coarsens(&g->x)) || !coarsens(&g->y) || g->slice ? &l.columns : &l.rows;
        *n = *n * 9 / 10 < 2 ? 1 : *n * 9 / 10;
        if (l.columns * l.rows <= 4)
            break;
    }
    /* bands of equal cells: one a choice is enough */
    if (!coarsens(&g->x))
        l.columns = (int)fmin(g->x.high, g->columns);
    if (!g->slice && !coarsens(&g->y))
        l.rows = (int)fmin(g->y.high, g->rows);
    return l;
}

static void place_point(const struct landscape_grid *g, const struct lattice *l, int k, double *dna)
{
    dna[g->x.at] = axis_dna(&g->x, (k % l->columns + 0.5) / l->columns);
    if (!g->slice)
        dna[g->y.at] = axis_dna(&g->y, (k / l->columns + 0.5) / l->rows);
}

/* Where along n lattice points the middle of cell k of `cells` lies: between the points *a and *a + 1. */
static double between(const struct landscape_axis *axis, int cells, int k, int n, int *a)
{
    double at = (k + 0.5) / cells * n - 0.5;
    if (!coarsens(axis) || n == 1 || n == cells) {
        *a = (int)fmin(floor((k + 0.5) / cells * n), n - 1);
        return 0;
    }
    *a = (int)fmin(fmax(floor(at), 0), n - 2);
    return fmin(fmax(at - *a, 0), 1);
}

static void spread(const struct landscape_grid *g, const struct lattice *l, const double *v, float *z)
{
    struct landscape_axis line = {.scale = SCALE_CHOICES};
    for (int r = 0; r < (g->slice ? 1 : g->rows); r++) {
        int b;
        double fy = between(g->slice ? &line : &g->y, g->slice ? 1 : g->rows, r, l->rows, &b);
        for (int c = 0; c < g->columns; c++) {
            int a;
            double fx = between(&g->x, g->columns, c, l->columns, &a);
            const double *p = v + (size_t)b * (size_t)l->columns + a;
            double low = fx > 0 ? p[0] + fx * (p[1] - p[0]) : p[0], high = low;
            if (fy > 0) {
                p += l->columns;
                high = fx > 0 ? p[0] + fx * (p[1] - p[0]) : p[0];
            }
            z[(size_t)r * (size_t)g->columns + (size_t)c] = (float)(fy > 0 ? low + fy * (high - low) : low);
        }
    }
}

/* ---- pictures ---- */

typedef void fill(const void *self, const double *dna, int n, double *out);

/* Configurations as they would be proposed: canonical; those where x or y is not there are left out. */
static void picture(const struct landscape_grid *g, const struct space *s, const double *held,
                    struct lattice l, fill *f, const void *self, double *v)
{
    size_t d = (size_t)s->n;
    int n = l.columns * l.rows, m = 0, *to = mem_zero((size_t)n, sizeof *to);
    double *dna = mem_alloc((size_t)n * d * sizeof *dna), *out = mem_alloc((size_t)n * sizeof *out);
    for (int k = 0; k < n; k++) {
        double *at = dna + (size_t)m * d;
        memcpy(at, held, d * sizeof *at);
        place_point(g, &l, k, at);
        space_canon(s, at);
        v[k] = NAN;
        if (isnan(at[g->x.at]) || (!g->slice && isnan(at[g->y.at])))
            continue;
        to[m++] = k;
    }
    f(self, dna, m, out);
    for (int k = 0; k < m; k++)
        v[to[k]] = out[k];
    free(to);
    free(dna);
    free(out);
}

static void cells(const struct landscape_grid *g, const struct space *s, fill *f, const void *self, float *z)
{
    struct lattice l = lattice_of(g, LANDSCAPE_CELLS);
    double *v = mem_alloc((size_t)l.columns * (size_t)l.rows * sizeof *v);
    picture(g, s, g->held, l, f, self, v);
    spread(g, &l, v, z);
    free(v);
}

static void fill_mean(const void *self, const double *dna, int n, double *out)
{
    surrogate_predict(self, dna, n, out, NULL);
}

static void fill_deviation(const void *self, const double *dna, int n, double *out)
{
    double *mean = mem_alloc(((size_t)n + 1) * sizeof *mean);
    surrogate_predict(self, dna, n, mean, out);
    free(mean);
}

void landscape_mean(const struct landscape_grid *g, const struct space *s, const struct surrogate *m,
                    float *z)
{
    cells(g, s, fill_mean, m, z);
}

void landscape_deviation(const struct landscape_grid *g, const struct space *s, const struct surrogate *m,
                         float *z)
{
    cells(g, s, fill_deviation, m, z);
}

struct scoring {
    landscape_score *score;
    void *self;
};

static void fill_score(const void *self, const double *dna, int n, double *out)
{
    const struct scoring *c = self;
    if (c->score(c->self, dna, n, out) == 0)
        return;
    for (int i = 0; i < n; i++)
        out[i] = NAN;
}

void landscape_score_cells(const struct landscape_grid *g, const struct space *s, landscape_score *score,
                           void *self, float *z)
{
    struct scoring c = {score, self};
    cells(g, s, fill_score, &c, z);
}

void landscape_partial(const struct landscape_grid *g, const struct space *s, const struct surrogate *m,
                       float *z)
{
    struct lattice l = lattice_of(g, LANDSCAPE_PARTIAL_CELLS);
    int n = l.columns * l.rows, *known = mem_zero((size_t)n, sizeof *known);
    double *v = mem_alloc((size_t)n * sizeof *v), *sum = mem_zero((size_t)n, sizeof *sum),
           *held = mem_alloc((size_t)s->n * sizeof *held);
    struct sobol *points = sobol_new(s->n < SOBOL_DIMS ? s->n : SOBOL_DIMS);
    for (uint32_t b = 0; b < LANDSCAPE_BACKGROUND; b++) {
        for (int i = 0; i < s->n; i++) {
            double u = sobol_at(points, b, i % SOBOL_DIMS, 1);
            held[i] = param_numeric(&s->params[i]) ? u : floor(u * fmax(s->params[i].n_choices, 1));
        }
        landscape_activate(s, g->x.at, g->slice ? -1 : g->y.at, NULL, held);
        picture(g, s, held, l, fill_mean, m, v);
        for (int k = 0; k < n; k++)
            if (!isnan(v[k])) {
                sum[k] += v[k];
                known[k]++;
            }
    }
    for (int k = 0; k < n; k++)
        v[k] = known[k] ? sum[k] / known[k] : NAN;
    spread(g, &l, v, z);
    sobol_free(points);
    free(known);
    free(v);
    free(sum);
    free(held);
}

void landscape_observed(const struct landscape_grid *g, const struct history *h, float *z)
{
    int rows = g->slice ? 1 : g->rows;
    size_t n = (size_t)g->columns * (size_t)rows;
    double *sum = mem_zero(n, sizeof *sum);
    int *count = mem_zero(n, sizeof *count);
    for (int i = 0; i < h->n; i++) {
        const struct history_trial *t = &h->trials[i];
        double x = axis_place(&g->x, t->dna[g->x.at]), y = g->slice ? 0 : axis_place(&g->y, t->dna[g->y.at]);
        if (!valued(t) || isnan(x) || isnan(y))
            continue;
        size_t at = (size_t)fmin(y * rows, rows - 1) * (size_t)g->columns +
                    (size_t)fmin(x * g->columns, g->columns - 1);
        sum[at] += t->loss;
        count[at]++;
    }
    for (size_t k = 0; k < n; k++)
        z[k] = count[k] ? (float)(sum[k] / count[k]) : NAN;
    free(sum);
    free(count);
}
