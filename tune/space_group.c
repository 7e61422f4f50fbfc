/* Groups: k parameters that choose from one list, perhaps all different, perhaps in ascending order (`choose` in a sweep
 * file; manyof of D. Peng et al., "PyGlove: Symbolic Programming for Automated Machine Learning", NeurIPS 2020).
 *
 * The members are ordinary parameters, so that every algorithm can work with them; space_canon turns whatever an algorithm
 * makes of them into the one configuration that it stands for. A space is counted over those. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/space_parts.h"

#define GROUP_MAX 16 /* members: choosing is counted over subsets of them */

int space_choose_from(struct space *s, const char *name, const struct tune_value *values, int n, int k, bool distinct,
                      bool sorted, char **cause)
{
    if (k < 1 || k > GROUP_MAX)
        return cause_set(cause, "%s: k must be a whole number from 1 to %d", name, GROUP_MAX);
    if (n < 1 || (distinct && n < k))
        return cause_set(cause, "%s: %d different values cannot be chosen from %d", name, k, n);
    bool numbers = true;
    double x;
    for (int i = 0; i < n; i++)
        numbers &= tune_number(&values[i], &x);
    s->groups = mem_resize(s->groups, (size_t)s->n_groups + 1, sizeof *s->groups);
    s->groups[s->n_groups++] = (struct space_group){mem_str(name), s->n, k, distinct, sorted};
    for (int i = 0; i < k; i++) {
        char member[300];
        snprintf(member, sizeof member, "%s.%d", name, i);
        struct param *p = space_add(s, member);
        p->type = n == 1 ? PARAM_CONSTANT : numbers ? PARAM_ORDINAL : PARAM_CATEGORICAL;
        p->distribution = mem_str("choose");
        param_set_choices(p, values, n);
    }
    return 0;
}

static bool alike(const struct param *a, const struct param *b)
{
    if (a->n_choices != b->n_choices || param_numeric(a) || param_numeric(b))
        return false;
    for (int k = 0; k < a->n_choices; k++)
        if (!tune_same(&a->choices[k], &b->choices[k]))
            return false;
    return true;
}

int space_bind_groups(struct space *s, char **cause)
{
    for (int i = 0; i < s->n_groups; i++) {
        struct space_group *g = &s->groups[i];
        for (int j = 0; j < g->k; j++) {
            char member[300];
            snprintf(member, sizeof member, "%s.%d", g->name, j);
            int at = space_find(s, member);
            if (j == 0)
                g->first = at;
            if (at < 0 || at != g->first + j || s->params[at].parent >= 0 || s->params[at].weights ||
                !alike(&s->params[at], &s->params[g->first]))
                return cause_set(cause, "%s: it is one of the %d that %s chooses, which change together only", member, g->k,
                                 g->name);
        }
    }
    return 0;
}

const struct space_group *space_group_of(const struct space *s, int param)
{
    for (int i = 0; i < s->n_groups; i++)
        if (param >= s->groups[i].first && param < s->groups[i].first + s->groups[i].k)
            return &s->groups[i];
    return NULL;
}

/* ---- canonical ones ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void space_groups_canon(const struct space *s, double *dna)
{
    for (int i = 0; i < s->n_groups; i++) {
        const struct space_group *g = &s->groups[i];
        double *v = dna + g->first, n = s->params[g->first].n_choices;
        for (int j = 0; j < g->k; j++)
            v[j] = space_canonical(&s->params[g->first], v[j]);
        for (int j = 1; g->distinct && j < g->k; j++)
            for (int taken = 0; taken < j; taken++)
                if (v[taken] == v[j]) { /* the next one that is free */
                    v[j] = v[j] + 1 < n ? v[j] + 1 : 0;
                    taken = -1;
                }
        if (g->sorted)
            qsort(v, (size_t)g->k, sizeof *v, ascending);
    }
}

bool space_groups_kept(const struct space *s, const double *dna)
{
    for (int i = 0; i < s->n_groups; i++) {
        const struct space_group *g = &s->groups[i];
        const double *v = dna + g->first;
        for (int j = 1; j < g->k; j++) {
            if (g->sorted && v[j] < v[j - 1])
                return false;
            for (int l = 0; g->distinct && l < j; l++)
                if (v[l] == v[j])
                    return false;
        }
    }
    return true;
}

/* Uniform over ordered choices, without replacement where they must differ. */
void space_groups_draw(const struct space *s, struct rng *rng, double *dna)
{
    for (int i = 0; i < s->n_groups; i++) {
        const struct space_group *g = &s->groups[i];
        int n = s->params[g->first].n_choices;
        double *v = dna + g->first;
        for (int j = 0; g->distinct && j < g->k; j++) {
            v[j] = (double)rng_below(rng, (uint64_t)(n - j)); /* the v-th of those that are left */
            double before[GROUP_MAX];
            memcpy(before, v, (size_t)j * sizeof *v);
            qsort(before, (size_t)j, sizeof *before, ascending);
            for (int l = 0; l < j; l++)
                v[j] += v[j] >= before[l];
        }
    }
}

/* ---- how many ---- */

/* What hangs on member j having value c: 1, or the configurations of what depends on it. */
static double weight(const struct space *s, const struct space_group *g, int j, int c)
{
    double product = 1;
    for (int i = 0; i < s->n; i++)
        if (s->params[i].parent == g->first + j && space_condition(s, &s->params[i], c))
            product *= space_count_below(s, i);
    return product;
}

/* Ascending: by position, over the value of the last one. */
static double count_sorted(const struct space *s, const struct space_group *g, int n)
{
    double *ways = mem_zero((size_t)n, sizeof *ways), *next = mem_zero((size_t)n, sizeof *next), total = 0;
    for (int c = 0; c < n; c++)
        ways[c] = weight(s, g, 0, c);
    for (int j = 1; j < g->k; j++) {
        double sum = 0;
        for (int c = 0; c < n; c++) {
            sum += g->distinct ? 0 : ways[c];
            next[c] = sum > 0 ? sum * weight(s, g, j, c) : 0;
            sum += g->distinct ? ways[c] : 0;
        }
        memcpy(ways, next, (size_t)n * sizeof *ways);
    }
    for (int c = 0; c < n; c++)
        total += ways[c];
    free(ways);
    free(next);
    return total;
}

/* All different, in any order: by value, over the set of members that have theirs. */
static double count_distinct(const struct space *s, const struct space_group *g, int n)
{
    size_t sets = (size_t)1 << g->k;
    double *ways = mem_zero(sets, sizeof *ways);
    ways[0] = 1;
    for (int c = 0; c < n; c++) {
        double w[GROUP_MAX];
        for (int j = 0; j < g->k; j++)
            w[j] = weight(s, g, j, c);
        for (size_t set = sets; set-- > 0;) /* from large to small: each value once */
            for (int j = 0; j < g->k; j++)
                if (set >> j & 1 && ways[set & ~((size_t)1 << j)] > 0)
                    ways[set] += ways[set & ~((size_t)1 << j)] * w[j];
    }
    double total = ways[sets - 1];
    free(ways);
    return total;
}

double space_group_count(const struct space *s, const struct space_group *g)
{
    int n = s->params[g->first].n_choices;
    if (g->sorted)
        return count_sorted(s, g, n);
    if (g->distinct)
        return count_distinct(s, g, n);
    double product = 1;
    for (int j = 0; j < g->k; j++) {
        double sum = 0;
        for (int c = 0; c < n; c++)
            sum += weight(s, g, j, c);
        product *= sum;
    }
    return product;
}
