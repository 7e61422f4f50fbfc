#include "tune/arms.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/bandit.h"

#define BINS 4 /* pieces of a numeric parameter, by default */

void arms_free(struct arms *a)
{
    if (!a)
        return;
    for (int i = 0; i < a->n_axes; i++)
        free(a->axes[i].edge);
    for (int i = 0; i < a->n && a->cell; i++)
        region_release(&a->cell[i]);
    free(a->axes);
    free(a->cell);
    free(a->label);
    free(a->empty);
    free(a->known);
    free(a);
}

/* ---- cutting ---- */

/* Equal shares of the prior; for a lattice the edges are values of the lattice. Fewer pieces when there are
 * fewer values. */
static int cut_bins(const struct param *p, int want, double **edge)
{
    double count = param_count(p);
    int n = count < want ? (int)count : want, k = 0;
    *edge = mem_zero((size_t)want + 1, sizeof **edge);
    for (int i = 0; i <= n; i++) {
        double u = (double)i / n, x = i == 0 ? p->low : i == n ? p->high : param_value(p, u);
        if (isinf(x))
            x = param_value(p, i ? 1 - 1e-9 : 1e-9);
        if (i > 0 && i < n && p->quantum > 0 && isfinite(count))
            /* first value of the piece, by rank */
            x = param_value(p, param_nth(p, (int64_t)ceil(u * count - 1e-9)));
        if (i > 0 && i < n && p->quantum > 0 && p->prior != PRIOR_UNIFORM)
            x = param_value(p, u);
        if (k == 0 || x > (*edge)[k - 1] || (i == n && x == (*edge)[k - 1]))
            (*edge)[k++] = x;
    }
    (*edge)[0] = p->low;
    (*edge)[k - 1] = p->high;
    return k - 1;
}

/* Powers of ten; a piece narrower than a third of a decade joins its neighbour. */
static int cut_decades(const struct param *p, double **edge)
{
    int first = (int)floor(log10(p->low) + 1e-9) + 1, last = (int)ceil(log10(p->high) - 1e-9) - 1, k = 0;
    *edge = mem_zero((size_t)(last > first ? last - first : 0) + 4, sizeof **edge);
    (*edge)[k++] = p->low;
    for (int e = first; e <= last; e++) {
        double x = e < 0 ? 1 / pow(10, -e) : pow(10, e); /* exact where it can be */
        if (log10(x / (*edge)[k - 1]) > 1.0 / 3 && log10(p->high / x) > 1.0 / 3)
            (*edge)[k++] = x;
    }
    (*edge)[k++] = p->high;
    return k - 1;
}

static struct arms_axis *axis_new(struct arms *a, int param)
{
    a->axes = mem_resize(a->axes, (size_t)a->n_axes + 1, sizeof *a->axes);
    struct arms_axis *x = &a->axes[a->n_axes++];
    *x = (struct arms_axis){.param = param};
    return x;
}

static int add_axis(struct arms *a, const struct space *s, int i, double how, char **cause)
{
    const struct param *p = &s->params[i];
    if (p->parent >= 0)
        return cause_set(cause, "arms: %s is conditional; arms need parameters that are always there",
                         p->name);
    struct arms_axis *x = axis_new(a, i);
    if (!param_numeric(p)) {
        x->pieces = p->n_choices;
    } else if (how == ARMS_VALUES) {
        double n = param_count(p);
        if (n > BANDIT_ARMS_MAX)
            return cause_set(cause, "arms: %s has too many values for one arm each; give a number of bins",
                             p->name);
        x->pieces = cut_bins(p, (int)n, &x->edge);
    } else if (how == ARMS_DECADES) {
        if (!(p->low > 0) || isinf(p->high))
            return cause_set(cause, "arms: %s has no decades, its bounds are %g and %g", p->name, p->low,
                             p->high);
        x->pieces = cut_decades(p, &x->edge);
    } else if (how >= 1 && how <= BANDIT_ARMS_MAX && how == floor(how)) {
        x->pieces = cut_bins(p, (int)how, &x->edge);
    } else {
        return cause_set(cause, "arms: %s: values, decades or a number of bins", p->name);
    }
    a->n *= x->pieces;
    return a->n <= BANDIT_ARMS_MAX ? 0 : cause_set(cause, "arms: more than %d arms", BANDIT_ARMS_MAX);
}

static bool logarithmic(const struct param *p)
{
    return p->prior == PRIOR_LOG && log10(p->high / p->low) >= 1;
}

static void choose_numeric(struct arms *a, const struct space *s, int i, int most)
{
    const struct param *p = &s->params[i];
    int room = most / a->n, pieces;
    double *edge = NULL;
    if (room < 2)
        return;
    pieces = logarithmic(p) ? cut_decades(p, &edge) : BINS + 1;
    if (pieces > BINS || pieces > room || pieces < 2) {
        free(edge);
        pieces = cut_bins(p, room < BINS ? room : BINS, &edge);
    }
    if (pieces < 2) {
        free(edge);
        return;
    }
    struct arms_axis *x = axis_new(a, i);
    x->pieces = pieces;
    x->edge = edge;
    a->n *= pieces;
}

static void choose(struct arms *a, const struct space *s, int most)
{
    for (int i = 0; i < s->n; i++) {
        const struct param *p = &s->params[i];
        if (p->parent >= 0 || param_numeric(p) || p->n_choices < 2 || a->n * p->n_choices > most)
            continue;
        axis_new(a, i)->pieces = p->n_choices;
        a->n *= p->n_choices;
    }
    for (int pass = 0; pass < 2; pass++) /* log scales first: that is where orders of magnitude are lost */
        for (int i = 0; i < s->n; i++)
            if (s->params[i].parent < 0 && param_numeric(&s->params[i]) &&
                logarithmic(&s->params[i]) == !pass)
                choose_numeric(a, s, i, most);
}

/* ---- cells ---- */

static void number(char *out, size_t cap, double x)
{
    if (x != 0 && (fabs(x) < 0.015 || fabs(x) >= 1e5)) { /* 1e-3, not 0.001: the eye compares exponents */
        int e = (int)floor(log10(fabs(x)) + 1e-9);
        snprintf(out, cap, "%.3ge%d", x / pow(10, e), e);
    } else {
        snprintf(out, cap, "%.4g", x);
    }
}

static size_t label_piece(const struct arms_axis *x, const struct param *p, int piece, char *out, size_t cap)
{
    char low[40], high[40], text[64];
    int n;
    if (!x->edge) {
        tune_text(&p->choices[piece], text, sizeof text);
        n = p->choices[piece].kind == TUNE_STRING ? snprintf(out, cap, "%s", text)
                                                  : snprintf(out, cap, "%s %s", p->name, text);
    } else {
        double from = x->edge[piece], to = x->edge[piece + 1];
        if (p->quantum > 0 && piece < x->pieces - 1)
            to -= p->quantum; /* the last value inside */
        number(low, sizeof low, from);
        number(high, sizeof high, to);
        n = from == to ? snprintf(out, cap, "%s %s", p->name, low)
                       : snprintf(out, cap, "%s %s..%s", p->name, low, high);
    }
    return n < 0 ? 0 : (size_t)n < cap ? (size_t)n : cap - 1;
}

static void build_cell(struct arms *a, const struct space *s, int arm)
{
    int rest = arm;
    int piece[64];
    for (int k = a->n_axes - 1; k >= 0; k--) {
        piece[k] = rest % a->axes[k].pieces;
        rest /= a->axes[k].pieces;
    }
    size_t at = 0;
    for (int k = 0; k < a->n_axes; k++) {
        const struct arms_axis *x = &a->axes[k];
        const struct param *p = &s->params[x->param];
        if (x->edge) {
            bool last = piece[k] == x->pieces - 1;
            region_interval(&a->cell[arm], p, x->edge[piece[k]], x->edge[piece[k] + 1], last);
        } else {
            bool *keep = mem_zero((size_t)p->n_choices, sizeof *keep);
            keep[piece[k]] = true;
            region_choices(&a->cell[arm], p, keep);
            free(keep);
        }
        if (k && at < sizeof a->label[arm] - 1)
            a->label[arm][at++] = ' ';
        at += label_piece(x, p, piece[k], a->label[arm] + at, sizeof a->label[arm] - at);
    }
}

static int given(struct arms *a, const struct space *s, const struct tuner_kv *kv, char **cause)
{
    int n = 0;
    for (; kv && kv->name; kv++) {
        if (strncmp(kv->name, "arms.", 5))
            continue;
        int i = space_find(s, kv->name + 5);
        if (i < 0)
            return cause_set(cause, "arms: no parameter is called \"%s\"", kv->name + 5);
        if (s->params[i].type != PARAM_CONSTANT && add_axis(a, s, i, kv->value, cause) < 0)
            return -1;
        n++;
    }
    return n;
}

/* Looks into each arm once, with a stream of chance of its own. */
void arms_find_empty(struct arms *a, const struct space *s)
{
    if (!space_constrained(s))
        return;
    struct rng rng;
    double *dna = mem_zero((size_t)s->n, sizeof *dna);
    a->empty = mem_zero((size_t)a->n, sizeof *a->empty);
    rng_seed(&rng, 1);
    for (int i = 0; i < a->n; i++)
        a->empty[i] = region_sample(&a->cell[i], s, &rng, dna) < 0;
    free(dna);
}

struct arms *arms_make(const struct space *s, const struct tuner_kv *kv, int most, char **cause)
{
    struct arms *a = MEM_NEW(struct arms);
    a->n = 1;
    int n = given(a, s, kv, cause);
    if (n == 0)
        choose(a, s, most);
    if (n >= 0 && (a->n < 2 || a->n_axes > 64))
        n = cause_set(cause, "the space cannot be cut into arms: it has %s",
                      a->n < 2 ? "only one piece" : "too many parameters");
    if (n < 0) {
        a->n = 0;
        arms_free(a);
        return NULL;
    }
    a->cell = mem_zero((size_t)a->n, sizeof *a->cell);
    a->label = mem_zero((size_t)a->n, sizeof *a->label);
    for (int i = 0; i < a->n; i++)
        build_cell(a, s, i);
    return a;
}

int arms_find(const struct arms *a, const struct space *s, const double *dna)
{
    int arm = 0;
    for (int k = 0; k < a->n_axes; k++) {
        const struct arms_axis *x = &a->axes[k];
        double d = dna[x->param];
        int piece = 0;
        if (isnan(d))
            return -1;
        if (x->edge) {
            double v = param_value(&s->params[x->param], d);
            while (piece < x->pieces - 1 && v >= x->edge[piece + 1])
                piece++;
        } else {
            piece = (int)d;
        }
        arm = arm * x->pieces + piece;
    }
    return arm;
}

void arms_text(const struct arms *a, const struct space *s, char *out, size_t cap)
{
    size_t at = 0;
    *out = '\0';
    for (int k = 0; k < a->n_axes && at < cap; k++) {
        const struct arms_axis *x = &a->axes[k];
        int n = x->edge ? snprintf(out + at, cap - at, "%s%s in %d", k ? " x " : "", s->params[x->param].name,
                                   x->pieces)
                        : snprintf(out + at, cap - at, "%s%s", k ? " x " : "", s->params[x->param].name);
        at += n > 0 ? (size_t)n : 0;
    }
}
