/* One parameter: between dna and values.
 *
 * A numeric entry is a quantile u of the prior. For a quantised parameter the prior is spread over half a
 * quantum on either side of the lattice, so that on a linear scale every value is equally likely, the ends
 * included (rounding a uniform draw on [low, high] would give the ends half the weight); the canonical u is
 * that of the value itself. Numbers are rounded to 12 significant digits: a typed 0.001 comes back as 0.001
 * and not as 0.0010000000000000002. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"
#include "tune/quantile.h"
#include "tune/space.h"

bool param_numeric(const struct param *p)
{
    return p->type == PARAM_FLOAT || p->type == PARAM_INT;
}

static double round12(double x)
{
    char text[40];
    if (!isfinite(x) || x == floor(x))
        return x;
    snprintf(text, sizeof text, "%.12g", x);
    return strtod(text, NULL);
}

/* The ends of the prior: half a quantum beyond the lattice. */
static void ends(const struct param *p, double *lo, double *hi)
{
    *lo = p->low - p->quantum / 2;
    *hi = p->high + p->quantum / 2;
    if (p->prior == PRIOR_LOG || p->prior == PRIOR_RLOG)
        *lo = fmax(*lo, p->low / 2);
}

/* Distribution function of the untruncated prior (normal, log-normal, beta). */
static double below(const struct param *p, double x)
{
    if (p->prior == PRIOR_BETA)
        return beta_below(x, p->a, p->b);
    if (p->prior == PRIOR_LOG_NORMAL)
        return x > 0 ? normal_below((log(x) - p->a) / p->b) : 0;
    return normal_below((x - p->a) / p->b);
}

static double quantile(const struct param *p, double u)
{
    if (p->prior == PRIOR_BETA)
        return beta_quantile(u, p->a, p->b);
    double z = p->a + p->b * normal_quantile(fmin(fmax(u, 1e-12), 1 - 1e-12));
    return p->prior == PRIOR_LOG_NORMAL ? exp(z) : z;
}

double param_warp(const struct param *p, double u)
{
    double lo, hi;
    ends(p, &lo, &hi);
    u = u >= 0 ? fmin(u, 1) : 0;
    switch (p->prior) {
    case PRIOR_UNIFORM:
        return lo + u * (hi - lo);
    case PRIOR_LOG:
        return exp(log(lo) + u * (log(hi) - log(lo)));
    case PRIOR_RLOG:
        return lo + hi - lo * exp((1 - u) * log(hi / lo));
    default: {
        double below_lo = isinf(lo) ? 0 : below(p, lo), below_hi = isinf(hi) ? 1 : below(p, hi);
        return quantile(p, below_lo + u * (below_hi - below_lo));
    }
    }
}

double param_unwarp(const struct param *p, double x)
{
    double lo, hi, u;
    ends(p, &lo, &hi);
    switch (p->prior) {
    case PRIOR_UNIFORM:
        u = (x - lo) / (hi - lo);
        break;
    case PRIOR_LOG:
        u = log(x / lo) / log(hi / lo);
        break;
    case PRIOR_RLOG:
        u = 1 - log((hi + lo - x) / lo) / log(hi / lo);
        break;
    default: {
        double below_lo = isinf(lo) ? 0 : below(p, lo), below_hi = isinf(hi) ? 1 : below(p, hi);
        u = (below(p, x) - below_lo) / (below_hi - below_lo);
    }
    }
    return u >= 0 ? fmin(u, 1) : 0;
}

static double snap(const struct param *p, double x)
{
    if (p->quantum > 0)
        x = p->anchor + round((x - p->anchor) / p->quantum) * p->quantum;
    return fmin(fmax(round12(x), p->low), p->high);
}

double param_value(const struct param *p, double u)
{
    return snap(p, param_warp(p, u));
}

double param_place(const struct param *p, double x)
{
    return param_unwarp(p, snap(p, x));
}

double param_count(const struct param *p)
{
    if (!param_numeric(p))
        return p->type == PARAM_CONSTANT ? 1 : p->n_choices;
    if (!(p->quantum > 0) || isinf(p->low) || isinf(p->high))
        return INFINITY;
    return round((p->high - p->low) / p->quantum) + 1;
}

double param_nth(const struct param *p, int64_t k)
{
    if (!param_numeric(p))
        return (double)k;
    return param_place(p, p->low + (double)k * p->quantum);
}

int64_t param_rank(const struct param *p, double dna)
{
    if (!param_numeric(p))
        return (int64_t)dna;
    return llround((param_value(p, dna) - p->low) / p->quantum);
}

double param_model(const struct param *p, double dna)
{
    if (param_numeric(p) || isnan(dna))
        return dna;
    if (p->place)
        return p->place[(int)dna];
    return p->n_choices > 1 ? dna / (p->n_choices - 1) : 0;
}

void param_decode(const struct param *p, double dna, struct tune_value *out)
{
    if (isnan(dna))
        *out = (struct tune_value){.kind = TUNE_ABSENT};
    else if (!param_numeric(p))
        *out = p->choices[(int)dna];
    else if (p->type == PARAM_INT)
        *out = tune_int(llround(param_value(p, dna)));
    else
        *out = tune_float(param_value(p, dna));
}

/* A value as a number: also one that was written as text. */
static bool as_number(const struct tune_value *v, double *x)
{
    return tune_number(v, x) || (v->kind == TUNE_STRING && text_double(v->s, x));
}

static bool alike(const struct tune_value *a, const struct tune_value *b)
{
    double x, y;
    char s[80], t[80];
    if (tune_same(a, b))
        return true;
    if (a->kind == TUNE_STRING || b->kind == TUNE_STRING) { /* typed on a command line: "true", "3" */
        if (as_number(a, &x) && as_number(b, &y))
            return x == y;
        return tune_text(a, s, sizeof s) < (int)sizeof s && tune_text(b, t, sizeof t) < (int)sizeof t &&
               !strcmp(s, t);
    }
    return false;
}

int param_encode(const struct param *p, const struct tune_value *v, double *dna, char **cause)
{
    char text[80];
    double x;
    tune_text(v, text, sizeof text);
    if (!param_numeric(p)) {
        for (int k = 0; k < p->n_choices; k++) {
            if (!alike(&p->choices[k], v))
                continue;
            *dna = k;
            return 0;
        }
        return cause_set(cause, "%s: %s is not one of its values", p->name, text);
    }
    if (!as_number(v, &x) || isnan(x))
        return cause_set(cause, "%s: %s is not a number", p->name, text);
    if (!(x >= p->low && x <= p->high))
        return cause_set(cause, "%s: %s is outside %g..%g", p->name, text, p->low, p->high);
    if (p->quantum > 0 && fabs(snap(p, x) - x) > 1e-9 * fmax(p->quantum, fabs(x)))
        return cause_set(cause, "%s: %s is not on its grid of %g", p->name, text, p->quantum);
    *dna = param_place(p, x);
    return 0;
}

/* ---- choices ---- */

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Relative spread of the gaps between sorted numbers: 0 for an even ladder. */
static double unevenness(const double *x, int n, bool logs)
{
    double sum = 0, sum2 = 0;
    for (int i = 1; i < n; i++) {
        double gap = logs ? log(x[i] / x[i - 1]) : x[i] - x[i - 1];
        sum += gap;
        sum2 += gap * gap;
    }
    return sum > 0 ? sum2 * (n - 1) / (sum * sum) : INFINITY;
}

static void place_choices(struct param *p)
{
    int n = p->n_choices;
    double *x = mem_zero((size_t)n, sizeof *x), *sorted;
    bool logs = true;
    for (int k = 0; k < n; k++) {
        if (!tune_number(&p->choices[k], &x[k])) { /* not numbers: evenly, in the order given */
            for (k = 0; k < n; k++)
                x[k] = k;
            break;
        }
    }
    sorted = mem_dup(x, (size_t)n * sizeof *x);
    qsort(sorted, (size_t)n, sizeof *sorted, by_number);
    logs = n > 2 && sorted[0] > 0 && unevenness(sorted, n, true) < unevenness(sorted, n, false);
    double lo = sorted[0], hi = sorted[n - 1];
    for (int k = 0; k < n; k++)
        x[k] = hi > lo ? (logs ? log(x[k] / lo) / log(hi / lo) : (x[k] - lo) / (hi - lo)) : 0;
    free(sorted);
    free(p->place);
    p->place = x;
}

void param_set_choices(struct param *p, const struct tune_value *values, int n)
{
    struct tune_value *copy = mem_zero((size_t)n, sizeof *copy);
    for (int k = 0; k < n; k++)
        copy[k] = tune_copy(&values[k]);
    for (int k = 0; k < p->n_choices; k++)
        tune_value_free(&p->choices[k]);
    free(p->choices);
    p->choices = copy;
    p->n_choices = n;
    if (p->type == PARAM_ORDINAL && n > 0)
        place_choices(p);
}
