/* conformal: see conformal.h. Scores are non-conformity: small for a candidate that is predicted to win, and
 * beyond everything for an example that did win, so that only examples below the threshold count against a
 * candidate. OptCS prunes with one uniform number for all candidates: measured on the simulations of
 * tests/bench/accept_winners.c, one for each loses a tenth to a fifth of the winners. */
#include "tune/conformal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CLIPPED 1e3 /* times the spread of predictions: above every other score */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double spread(const struct conformal *c, int model)
{
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < c->n; i++) {
        low = fmin(low, c->predicted[model * c->n + i]);
        high = fmax(high, c->predicted[model * c->n + i]);
    }
    for (int j = 0; j < c->m; j++) {
        low = fmin(low, c->candidate[model * c->m + j]);
        high = fmax(high, c->candidate[model * c->m + j]);
    }
    return high > low ? high - low : 1;
}

/* Scores of the examples, ascending. The threshold's own term is the same for all of them and left out. */
static double *example_scores(const struct conformal *c, int model)
{
    double *v = mem_zero((size_t)c->n + 1, sizeof *v), clip = CLIPPED * spread(c, model);
    for (int i = 0; i < c->n; i++)
        v[i] = (c->y[i] > c->threshold ? clip : 0) - c->predicted[model * c->n + i];
    qsort(v, (size_t)c->n, sizeof *v, ascending);
    return v;
}

/* How many of the n ascending scores lie below x (or at it). */
static int count_below(const double *v, int n, double x, bool at_too)
{
    int low = 0, high = n;
    while (low < high) {
        int mid = (low + high) / 2;
        if (v[mid] < x || (at_too && v[mid] == x))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void conformal_p(const struct conformal *c, int model, struct rng *rng, double *p)
{
    double *v = example_scores(c, model);
    for (int j = 0; j < c->m; j++) {
        double x = -c->candidate[model * c->m + j];
        int below = count_below(v, c->n, x, false), tied = count_below(v, c->n, x, true) - below;
        p[j] = (below + rng_unit(rng) * (tied + 1)) / (c->n + 1);
    }
    free(v);
}

int conformal_bh(const double *p, int m, double q, bool *selected)
{
    double *sorted = mem_dup(p, (size_t)m * sizeof *p);
    int k = m;
    qsort(sorted, (size_t)m, sizeof *sorted, ascending);
    while (k > 0 && sorted[k - 1] > q * k / m)
        k--;
    for (int j = 0; j < m; j++)
        selected[j] = k > 0 && p[j] <= sorted[k - 1];
    free(sorted);
    return k;
}

int conformal_select(const struct conformal *c, int model, struct rng *rng, bool *selected)
{
    double *p = mem_zero((size_t)c->m + 1, sizeof *p);
    conformal_p(c, model, rng, p);
    int k = conformal_bh(p, c->m, c->q, selected);
    free(p);
    return k;
}

/* ---- the choice among predictors ---- */

struct ranked { /* candidates by ascending score, under one predictor */
    double *examples;
    double *scores; /* ascending */
    int *at_most;   /* examples with a score at most scores[l] */
};

static struct ranked rank_candidates(const struct conformal *c, int model)
{
    struct ranked r = {.examples = example_scores(c, model),
                       .scores = mem_zero((size_t)c->m + 1, sizeof *r.scores),
                       .at_most = mem_zero((size_t)c->m + 1, sizeof *r.at_most)};
    for (int j = 0; j < c->m; j++)
        r.scores[j] = -c->candidate[model * c->m + j];
    qsort(r.scores, (size_t)c->m, sizeof *r.scores, ascending);
    for (int j = 0; j < c->m; j++)
        r.at_most[j] = count_below(r.examples, c->n, r.scores[j], true);
    return r;
}

/* How many Benjamini-Hochberg selects when the candidate with score `own` counts as an example and its own
 * p-value is zero. The auxiliary p-values rise with the score, so the order by score is theirs. */
static int selected_without(const struct conformal *c, const struct ranked *r, double own)
{
    int most = 1, place = 1; /* the candidate itself */
    bool skipped = false;
    for (int l = 0; l < c->m; l++) {
        if (!skipped && r->scores[l] == own) {
            skipped = true;
            continue;
        }
        place++;
        double p = (double)(r->at_most[l] + (own <= r->scores[l])) / (c->n + 1);
        if (p <= c->q * place / c->m)
            most = place;
    }
    return most;
}

static int e_bh(const double *e, int m, double q, bool *selected)
{
    double *sorted = mem_dup(e, (size_t)m * sizeof *e);
    int k = m;
    qsort(sorted, (size_t)m, sizeof *sorted, ascending);
    while (k > 0 && sorted[m - k] * q * k < m)
        k--;
    int n = 0;
    for (int j = 0; j < m; j++)
        n += selected[j] = k > 0 && e[j] >= sorted[m - k];
    free(sorted);
    return n;
}

int conformal_optimized(const struct conformal *c, struct rng *rng, bool *selected, double *e)
{
    struct ranked *r = mem_zero((size_t)c->models + 1, sizeof *r);
    double *value = mem_zero((size_t)c->m + 1, sizeof *value), pruning = 1 - rng_unit(rng); /* in (0,1] */
    for (int k = 0; k < c->models; k++)
        r[k] = rank_candidates(c, k);
    for (int j = 0; j < c->m; j++) {
        int best = -1, most = 0, ties = 0;
        for (int k = 0; k < c->models; k++) {
            int s = selected_without(c, &r[k], -c->candidate[k * c->m + j]);
            if (s > most)
                ties = 0;
            if (s > most || (s == most && rng_below(rng, (uint64_t)++ties + 1) == 0)) {
                most = s;
                best = k;
            }
        }
        double own = best < 0 ? INFINITY : -c->candidate[best * c->m + j], level = c->q * most / c->m;
        double p = best < 0 ? 1 : (1.0 + count_below(r[best].examples, c->n, own, false)) / (c->n + 1);
        value[j] = p <= level ? 1 / level / pruning : 0;
    }
    int n = e_bh(value, c->m, c->q, selected);
    if (e)
        memcpy(e, value, (size_t)c->m * sizeof *e);
    for (int k = 0; k < c->models; k++) {
        free(r[k].examples);
        free(r[k].scores);
        free(r[k].at_most);
    }
    free(r);
    free(value);
    return n;
}
