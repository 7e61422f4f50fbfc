/* Structure of arrays: for each parameter the centres, inverse widths and log normalisers of all kernels, so
 * that the density of a candidate is a few straight loops over kernels. Normalisers of a common width come
 * from a table over centres. */
#include "tune/parzen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tune/quantile.h"

#define CELLS_MAX 32  /* lattices up to this size are treated cell by cell */
#define TABLE     128 /* points of the normaliser table */
#define LN_SQRT_2PI 0.91893853320467274178

enum shape { SHAPE_CONSTANT, SHAPE_DENSITY, SHAPE_CELLS, SHAPE_CHOICE };

struct side { /* one parameter */
    enum shape shape;
    /* density */
    double *mu, *inv, *norm;   /* of each kernel; inv 0 and norm 0 where the kernel lacks the parameter */
    /* cells and choices */
    int count;
    int *at;                   /* row of masses of each kernel, -1 lacking */
    double *mass;              /* ln P(cell or choice v | row r): [r * count + v] */
    double *base;              /* ln P(cell v) under the prior */
};

struct parzen {
    const struct space *space;
    int n;                     /* kernels without the prior */
    double *log_weight, log_prior; /* normalised */
    double *cumulative;        /* weights summed up, the prior's last */
    struct side *side;
    double *sum;               /* scratch of parzen_log */
};

static double truncated(double mu, double sigma) /* mass of the Gaussian inside [0,1] */
{
    return normal_below((1 - mu) / sigma) - normal_below(-mu / sigma);
}

/* ---- cells: where the values of a lattice lie, and the mass that a Gaussian leaves in each ---- */

/* Centres and edges of the cells of an ordinal or a small lattice; edge has count + 1 entries. */
static void cells(const struct param *p, int count, double *centre, double *edge)
{
    if (param_numeric(p)) {
        for (int v = 0; v < count; v++) {
            double x = p->low + v * p->quantum;
            centre[v] = param_unwarp(p, x);
            edge[v] = v ? param_unwarp(p, x - p->quantum / 2) : 0;
        }
        edge[count] = 1;
        return;
    }
    int rank[CELLS_MAX]; /* by place: choices may be listed in any order */
    for (int v = 0; v < count; v++) {
        rank[v] = 0;
        for (int w = 0; w < count; w++)
            rank[v] += p->place[w] < p->place[v] || (p->place[w] == p->place[v] && w < v);
    }
    double sorted[CELLS_MAX];
    for (int v = 0; v < count; v++)
        sorted[rank[v]] = p->place[v];
    for (int v = 0; v < count; v++)
        centre[v] = p->place[v];
    for (int v = 1; v < count; v++)
        edge[v] = 0.5 * (sorted[v - 1] + sorted[v]);
    edge[0] = sorted[0] - 0.5 * (sorted[1] - sorted[0]);
    edge[count] = sorted[count - 1] + 0.5 * (sorted[count - 1] - sorted[count - 2]);
}

/* Where the values of an ordered side lie, and how wide they are together. */
struct axis {
    double centre[CELLS_MAX], edge[CELLS_MAX + 1];
    int slot[CELLS_MAX]; /* position of value v along the axis */
    int count;
    double low, range;
};

static void axis_init(struct axis *a, const struct param *p, int count)
{
    cells(p, count, a->centre, a->edge);
    a->count = count;
    a->low = a->edge[0];
    a->range = a->edge[count] - a->low;
    for (int v = 0; v < count; v++) {
        a->slot[v] = 0;
        for (int w = 0; w < count; w++)
            a->slot[v] += a->centre[w] < a->centre[v];
    }
}

/* ln mass of each cell under a Gaussian cut off at the ends. */
static void axis_masses(const struct axis *a, double mu, double sigma, double *out)
{
    int n = a->count;
    double all = normal_below((a->edge[n] - mu) / sigma) - normal_below((a->edge[0] - mu) / sigma);
    for (int v = 0; v < n; v++) {
        int k = a->slot[v];
        double m = normal_below((a->edge[k + 1] - mu) / sigma) - normal_below((a->edge[k] - mu) / sigma);
        out[v] = log(fmax(m / all, 1e-300));
    }
}

static void cell_prior(struct side *d, const struct axis *a)
{
    d->base = mem_zero((size_t)a->count, sizeof *d->base);
    axis_masses(a, a->low + a->range / 2, a->range, d->base);
}

/* One width: a row of masses a cell. */
static void cell_masses(struct side *d, const struct axis *a, double sigma)
{
    int n = a->count;
    d->mass = mem_zero((size_t)n * (size_t)n, sizeof *d->mass);
    for (int r = 0; r < n; r++)
        axis_masses(a, a->centre[r], fmax(sigma, 1e-3) * a->range, d->mass + (size_t)r * (size_t)n);
}

static void choice_masses(struct side *d, const struct param *p, int kernels, double prior)
{
    int n = d->count;
    double smear = prior / (kernels + 1), hit, miss;
    d->mass = mem_zero((size_t)n * (size_t)n, sizeof *d->mass);
    d->base = mem_zero((size_t)n, sizeof *d->base);
    hit = log((1 + smear) / (1 + n * smear));
    miss = log(fmax(smear, 1e-12) / (1 + n * smear));
    for (int r = 0; r < n; r++) {
        d->base[r] = log(p->weights ? fmax(p->weights[r], 1e-300) : 1.0 / n);
        for (int v = 0; v < n; v++)
            d->mass[r * n + v] = r == v ? hit : miss;
    }
}

/* ---- densities ---- */

struct centre {
    double u, sigma;
    int kernel;
};

static int by_u(const void *a, const void *b)
{
    const struct centre *x = a, *y = b;
    if (x->u != y->u)
        return x->u < y->u ? -1 : 1;
    return x->kernel - y->kernel;
}

/* The larger of the gaps to the neighbours; the outermost kernels look inwards only. c comes back sorted. */
static void neighbour_widths(struct centre *c, int m, double low, double range, double least)
{
    qsort(c, (size_t)m, sizeof *c, by_u);
    for (int i = 0; i < m; i++) {
        double left = i ? c[i].u - c[i - 1].u : m > 1 ? 0 : c[i].u - low;
        double right = i < m - 1 ? c[i + 1].u - c[i].u : m > 1 ? 0 : low + range - c[i].u;
        c[i].sigma = fmin(fmax(fmax(left, right), least * range), range);
    }
}

static void density_neighbours(struct side *d, int n, double least)
{
    struct centre *c = mem_zero((size_t)n + 1, sizeof *c);
    int m = 0;
    for (int k = 0; k < n; k++)
        if (!isnan(d->mu[k]))
            c[m++] = (struct centre){.u = d->mu[k], .kernel = k};
    neighbour_widths(c, m, 0, 1, least);
    for (int i = 0; i < m; i++) {
        d->inv[c[i].kernel] = 1 / c[i].sigma;
        d->norm[c[i].kernel] = -log(c[i].sigma * truncated(c[i].u, c[i].sigma)) - LN_SQRT_2PI;
    }
    free(c);
}

/* Rows of masses for the few pairs of cell and width that there are: of kernels in the same cell only the
 * outer two see a gap. d->at becomes the row of each kernel. */
static void cell_neighbours(struct side *d, const struct axis *a, int n, double least)
{
    struct centre *c = mem_zero((size_t)n + 1, sizeof *c);
    double *sigma = mem_zero(3 * CELLS_MAX + 1, sizeof *sigma);
    int m = 0, rows = 0, run = 0;
    for (int k = 0; k < n; k++)
        if (d->at[k] >= 0)
            c[m++] = (struct centre){.u = a->centre[d->at[k]], .kernel = k};
    neighbour_widths(c, m, a->low, a->range, least);
    d->mass = mem_zero(3 * CELLS_MAX * (size_t)a->count, sizeof *d->mass);
    for (int i = 0; i < m; i++) {
        if (i == 0 || c[i].u != c[i - 1].u)
            run = rows;
        int r = run;
        while (r < rows && sigma[r] != c[i].sigma)
            r++;
        if (r == rows) {
            sigma[rows++] = c[i].sigma;
            axis_masses(a, c[i].u, c[i].sigma, d->mass + (size_t)r * (size_t)a->count);
        }
        d->at[c[i].kernel] = r;
    }
    free(sigma);
    free(c);
}

static void common_width(struct side *d, int n, double sigma)
{
    double table[TABLE + 1];
    for (int i = 0; i <= TABLE; i++)
        table[i] = -log(sigma * truncated((double)i / TABLE, sigma)) - LN_SQRT_2PI;
    for (int k = 0; k < n; k++) {
        if (isnan(d->mu[k]))
            continue;
        double at = d->mu[k] * TABLE;
        int i = at >= TABLE ? TABLE - 1 : (int)at;
        d->inv[k] = 1 / sigma;
        d->norm[k] = table[i] + (at - i) * (table[i + 1] - table[i]);
    }
}

/* ---- building ---- */

static void build_side(struct parzen *p, int i, const double *const *dna, const struct parzen_options *o,
                       double sigma, double least)
{
    struct side *d = &p->side[i];
    const struct param *q = &p->space->params[i];
    double count = param_count(q);
    size_t n = (size_t)p->n + 1;
    if (count == 1 || q->type == PARAM_CONSTANT)
        return;
    if (param_numeric(q) && count > CELLS_MAX) {
        d->shape = SHAPE_DENSITY;
        d->mu = mem_zero(n, sizeof(double));
        d->inv = mem_zero(n, sizeof(double));
        d->norm = mem_zero(n, sizeof(double));
        for (int k = 0; k < p->n; k++)
            d->mu[k] = dna[k][i];
        if (o->neighbours)
            density_neighbours(d, p->n, least);
        else
            common_width(d, p->n, sigma);
        for (int k = 0; k < p->n; k++) /* NaN would spread through the sums */
            d->mu[k] = isnan(d->mu[k]) ? 0 : d->mu[k];
        return;
    }
    bool ordered = param_numeric(q) || (q->place && count <= CELLS_MAX);
    d->shape = ordered ? SHAPE_CELLS : SHAPE_CHOICE;
    d->count = (int)count;
    d->at = mem_zero(n, sizeof *d->at);
    for (int k = 0; k < p->n; k++)
        d->at[k] = isnan(dna[k][i]) ? -1 : (int)param_rank(q, dna[k][i]);
    if (!ordered) {
        choice_masses(d, q, p->n, o->prior);
        return;
    }
    struct axis a;
    axis_init(&a, q, d->count);
    cell_prior(d, &a);
    if (o->neighbours)
        cell_neighbours(d, &a, p->n, least);
    else
        cell_masses(d, &a, sigma);
}

struct parzen *parzen_new(const struct space *s, const double *const *dna, const double *weights, int n,
                          const struct parzen_options *o)
{
    struct parzen *p = MEM_NEW(struct parzen);
    double total = o->prior > 0 || n == 0 ? fmax(o->prior, 1e-9) : 0, run = 0;
    int dims = 0;
    p->space = s;
    p->n = n;
    p->side = mem_zero((size_t)s->n, sizeof *p->side);
    p->log_weight = mem_zero((size_t)n + 1, sizeof *p->log_weight);
    p->cumulative = mem_zero((size_t)n + 1, sizeof *p->cumulative);
    p->sum = mem_zero((size_t)n + 1, sizeof *p->sum);
    p->log_prior = total;
    for (int k = 0; k < n; k++)
        total += weights ? weights[k] : 1;
    for (int k = 0; k < n; k++) {
        double w = (weights ? weights[k] : 1) / total;
        p->log_weight[k] = log(w);
        p->cumulative[k] = run += w;
    }
    p->cumulative[n] = 1;
    p->log_prior = log(p->log_prior / total);
    for (int i = 0; i < s->n; i++)
        dims += param_count(&s->params[i]) > 1;
    double least = 1 / fmin(100, 1 + n + 1), sigma = o->width * pow(fmax(n, 1), -1.0 / (dims + 4));
    for (int i = 0; i < s->n; i++)
        build_side(p, i, dna, o, fmin(fmax(sigma, least), 1), least);
    return p;
}

void parzen_free(struct parzen *p)
{
    if (!p)
        return;
    for (int i = 0; i < p->space->n; i++) {
        struct side *d = &p->side[i];
        free(d->mu);
        free(d->inv);
        free(d->norm);
        free(d->at);
        free(d->mass);
        free(d->base);
    }
    free(p->side);
    free(p->log_weight);
    free(p->cumulative);
    free(p->sum);
    free(p);
}

/* ---- drawing ---- */

static double draw_truncated(struct rng *rng, double mu, double sigma)
{
    for (int tries = 0; tries < 20; tries++) {
        double x = mu + sigma * rng_normal(rng);
        if (x >= 0 && x <= 1)
            return x;
    }
    double lo = normal_below(-mu / sigma), hi = normal_below((1 - mu) / sigma);
    return fmin(fmax(mu + sigma * normal_quantile(lo + rng_unit(rng) * (hi - lo)), 0), 1);
}

static int draw_mass(struct rng *rng, const double *log_mass, int n)
{
    double u = rng_unit(rng);
    int v = 0;
    while (v < n - 1 && (u -= exp(log_mass[v])) >= 0)
        v++;
    return v;
}

void parzen_draw(const struct parzen *p, struct rng *rng, double *dna)
{
    double u = rng_unit(rng);
    int lo = 0, hi = p->n; /* first kernel whose cumulative weight exceeds u */
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (p->cumulative[mid] > u)
            hi = mid;
        else
            lo = mid + 1;
    }
    for (int i = 0; i < p->space->n; i++) {
        const struct side *d = &p->side[i];
        const struct param *q = &p->space->params[i];
        dna[i] = 0;
        if (d->shape == SHAPE_DENSITY) {
            bool lacks = lo == p->n || d->inv[lo] == 0;
            dna[i] = draw_truncated(rng, lacks ? 0.5 : d->mu[lo], lacks ? 1 : 1 / d->inv[lo]);
        } else if (d->shape != SHAPE_CONSTANT) {
            int r = lo == p->n ? -1 : d->at[lo];
            dna[i] = param_nth(q, draw_mass(rng, r < 0 ? d->base : &d->mass[r * d->count], d->count));
        }
    }
    space_canon(p->space, dna);
}

/* ---- density ---- */

static double log_prior(const struct parzen *p, const double *dna)
{
    static const double norm = 0.38292492254802624; /* mass of N(1/2, 1) inside [0,1] */
    double sum = 0;
    for (int i = 0; i < p->space->n; i++) {
        const struct side *d = &p->side[i];
        if (isnan(dna[i]) || d->shape == SHAPE_CONSTANT)
            continue;
        if (d->shape == SHAPE_DENSITY)
            sum += -0.5 * (dna[i] - 0.5) * (dna[i] - 0.5) - LN_SQRT_2PI - log(norm);
        else
            sum += d->base[param_rank(&p->space->params[i], dna[i])];
    }
    return sum;
}

static void add_side(const struct side *d, const struct param *q, double x, int n, double *sum)
{
    if (d->shape == SHAPE_DENSITY) {
        const double *mu = d->mu, *inv = d->inv, *norm = d->norm;
        for (int k = 0; k < n; k++) {
            double z = (x - mu[k]) * inv[k];
            sum[k] += norm[k] - 0.5 * z * z;
        }
        return;
    }
    int v = (int)param_rank(q, x);
    for (int k = 0; k < n; k++)
        sum[k] += d->at[k] < 0 ? d->base[v] : d->mass[d->at[k] * d->count + v];
}

double parzen_log(struct parzen *p, const double *dna)
{
    double top = p->log_prior + log_prior(p, dna), total;
    memcpy(p->sum, p->log_weight, (size_t)p->n * sizeof *p->sum);
    for (int i = 0; i < p->space->n; i++)
        if (!isnan(dna[i]) && p->side[i].shape != SHAPE_CONSTANT)
            add_side(&p->side[i], &p->space->params[i], dna[i], p->n, p->sum);
    double most = top;
    for (int k = 0; k < p->n; k++)
        most = p->sum[k] > most ? p->sum[k] : most;
    total = exp(top - most);
    for (int k = 0; k < p->n; k++)
        if (p->sum[k] > most - 36) /* below the last bit of the sum */
            total += exp(p->sum[k] - most);
    return most + log(total);
}
