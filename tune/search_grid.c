/* Grid search in the order of W&B sweeps: parameters by sorted name, the last name running fastest, choices
 * in the order given, integer ranges and quantised ranges in ascending order. Continuous parameters need the
 * option `steps`: that many quantiles of the prior.
 *
 * A grid point that is banned is passed over and kept for later: when the ban is lifted it is proposed before
 * the grid goes on. A list of candidates is a grid in the order of the list. Where a condition makes parameters inactive, only the point with all of them at their
 * first value is taken. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/candidates.h"
#include "tune/tuner.h"

#define GRID_MAX 9e15 /* points that can be counted exactly */

struct grid {
    int n;            /* parameters */
    int *by_name;     /* their indices, sorted by name */
    int64_t *count;   /* values of each (by index in the space) */
    int64_t steps;    /* for continuous parameters */
    int64_t total, next;
    int64_t *later;   /* passed over */
    int n_later;
};

static int by_name(const void *a, const void *b, void *space)
{
    const struct space *s = space;
    return strcmp(s->params[*(const int *)a].name, s->params[*(const int *)b].name);
}

static void drop(void *self)
{
    struct grid *g = self;
    free(g->by_name);
    free(g->count);
    free(g->later);
    free(g);
}

static void *make(const struct tuner_env *env, const double *values, char **cause)
{
    const struct space *s = env->space;
    struct grid *g = MEM_NEW(struct grid);
    double total = 1;
    if (s->list) {
        g->total = s->list->n;
        return g;
    }
    g->n = s->n;
    g->steps = (int64_t)values[0];
    g->by_name = mem_zero((size_t)s->n, sizeof *g->by_name);
    g->count = mem_zero((size_t)s->n, sizeof *g->count);
    for (int i = 0; i < s->n; i++) {
        double n = param_count(&s->params[i]);
        g->by_name[i] = i;
        if (isinf(n) && g->steps < 1) {
            drop(g);
            return cause_null(
                cause,
                "%s: a grid needs values, an integer range or a q; or give tuner: {name: grid, steps: N}",
                s->params[i].name);
        }
        g->count[i] = isinf(n) ? g->steps : (int64_t)n;
        total *= (double)g->count[i];
    }
    if (total > GRID_MAX) {
        drop(g);
        return cause_null(cause, "the grid has %g points; choose fewer values or another tuner", total);
    }
    g->total = (int64_t)total;
    qsort_r(g->by_name, (size_t)g->n, sizeof *g->by_name, by_name, (void *)s);
    return g;
}

/* The point with this number; false when it repeats another one because of inactive parameters or the order within a
 * group, or breaks a constraint. */
static bool point(const struct grid *g, const struct space *s, int64_t number, double *dna)
{
    bool first = true;
    int64_t rest = number;
    if (s->list) {
        memcpy(dna, candidates_row(s->list, (int)number), (size_t)s->n * sizeof *dna);
        return true;
    }
    for (int k = g->n - 1; k >= 0; k--) {
        int i = g->by_name[k];
        const struct param *p = &s->params[i];
        int64_t rank = rest % g->count[i];
        rest /= g->count[i];
        dna[i] = isinf(param_count(p)) ? ((double)rank + 0.5) / (double)g->count[i] : param_nth(p, rank);
    }
    rest = number;
    for (int k = g->n - 1; k >= 0; k--) {
        int i = g->by_name[k];
        int64_t rank = rest % g->count[i];
        rest /= g->count[i];
        first &= rank == 0 || space_active(s, dna, i);
    }
    first &= space_groups_kept(s, dna);
    space_canon(s, dna);
    return first && space_feasible(s, dna);
}

static bool proposes(const struct grid *g, const struct tuner_env *env, int64_t number, struct proposal *out)
{
    if (!steering_allows(env->steer, env->space, out->dna))
        return false;
    out->forced = steering_pin(env->steer) != NULL;
    snprintf(out->why, sizeof out->why, "point %lld of %lld of the grid", (long long)number + 1,
             (long long)g->total);
    return true;
}

static int propose(void *self, const struct tuner_env *env, struct proposal *out, char **cause)
{
    struct grid *g = self;
    for (int k = 0; k < g->n_later; k++) {
        point(g, env->space, g->later[k], out->dna);
        if (!proposes(g, env, g->later[k], out))
            continue;
        memmove(&g->later[k], &g->later[k + 1], (size_t)(--g->n_later - k) * sizeof *g->later);
        return 0;
    }
    while (g->next < g->total) {
        int64_t number = g->next++;
        if (!point(g, env->space, number, out->dna))
            continue;
        if (proposes(g, env, number, out))
            return 0;
        if ((g->n_later & (g->n_later - 1)) == 0)
            g->later = mem_resize(g->later, g->n_later ? 2 * (size_t)g->n_later : 1, sizeof *g->later);
        g->later[g->n_later++] = number;
    }
    return 1;
}

static void describe(void *self, const struct tuner_env *env, char *out, size_t cap)
{
    const struct grid *g = self;
    snprintf(out, cap, "of %lld points", (long long)g->total);
}

static void dump(void *self, struct buf *out)
{
    const struct grid *g = self;
    pack_i64(out, g->total);
    pack_i64(out, g->next);
    pack_u64(out, (uint64_t)g->n_later);
    for (int k = 0; k < g->n_later; k++)
        pack_i64(out, g->later[k]);
}

static void *load(const struct tuner_env *env, const double *values, const uint8_t *p, size_t n, char **cause)
{
    struct grid *g = make(env, values, cause);
    struct unpack in = {.p = p, .n = n};
    if (!g)
        return NULL;
    int64_t total = unpack_i64(&in);
    g->next = unpack_i64(&in);
    size_t later = unpack_count(&in, 8), cap = 1;
    while (cap < later)
        cap *= 2;
    g->later = mem_resize(NULL, cap, sizeof *g->later);
    g->n_later = (int)later;
    for (size_t k = 0; k < later; k++)
        g->later[k] = unpack_i64(&in);
    if (!in.bad && !in.n && total == g->total && g->next >= 0 && g->next <= total)
        return g;
    drop(g);
    return cause_null(cause, "the state is not one of this grid");
}

static const struct tuner_option options[] = {
    {"steps", 0, 1e6, 0,
     "points of each continuous parameter, evenly spread over its prior; 0: none may be continuous"},
    {NULL, 0, 0, 0, NULL},
};

const struct tuner_ops tuner_grid = {
    .name = "grid",
    .paper = "W&B sweeps, grid_search.py",
    .summary = "every combination once, in W&B's order",
    .options = options,
    .make = make,
    .drop = drop,
    .propose = propose,
    .describe = describe,
    .dump = dump,
    .load = load,
};
