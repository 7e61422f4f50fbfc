/* Constraints of a space: which configurations keep them, how to draw one that does, how many there are.
 *
 * A draw is repeated first (that leaves the prior as it is); when little of the space is feasible the nearest draw is
 * repaired in the manner of WalkSAT (B. Selman, H. Kautz and B. Cohen, 1994): a parameter of a broken constraint takes the
 * value it has in a fresh draw, or a number some way towards it, which is kept when the distance from feasibility does not
 * grow. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/candidates.h"
#include "tune/expr.h"
#include "tune/space.h"
#include "tune/space_parts.h"

#define DRAWS   100 /* before repairing */
#define ROUNDS  16  /* of repairing, each from another draw */
#define MOVES   60  /* of one round */
#define WANDERS 8   /* one move in so many is made whatever it costs */

static int constrain(struct space *s, const char *text, bool strict, size_t *at, char **cause)
{
    struct expr *e = expr_compile(s, text, strict, at, cause);
    if (!e)
        return -1;
    s->constraints = mem_resize(s->constraints, (size_t)s->n_constraints + 1, sizeof *s->constraints);
    s->constraints[s->n_constraints++] = e;
    return 0;
}

int space_constrain(struct space *s, const char *text, size_t *at, char **cause)
{
    return constrain(s, text, true, at, cause);
}

int space_constrain_loosely(struct space *s, const char *text, size_t *at, char **cause)
{
    return constrain(s, text, false, at, cause);
}

int space_bind_constraints(struct space *s, char **cause)
{
    for (int i = 0; i < s->n_constraints; i++) {
        char *why = NULL;
        struct expr *e = expr_compile(s, expr_text(s->constraints[i]), false, NULL, &why);
        if (!e) {
            cause_set(cause, "the constraint \"%s\": %s", expr_text(s->constraints[i]), why);
            free(why);
            return -1;
        }
        expr_free(s->constraints[i]);
        s->constraints[i] = e;
    }
    return 0;
}

bool space_constrained(const struct space *s)
{
    return s->n_constraints > 0;
}

bool space_feasible(const struct space *s, const double *dna)
{
    for (int i = 0; i < s->n_constraints; i++)
        if (!expr_holds(s->constraints[i], s, dna))
            return false;
    return true;
}

double space_violation(const struct space *s, const double *dna)
{
    double sum = 0;
    for (int i = 0; i < s->n_constraints; i++)
        sum += expr_violation(s->constraints[i], s, dna);
    return sum;
}

/* ---- drawing ---- */

/* A parameter of a broken constraint, or one that decides whether it is active. */
static int culprit(const struct space *s, const double *dna, struct rng *rng)
{
    int broken = 0, found = -1, n = 0;
    const struct expr *e = NULL;
    for (int i = 0; i < s->n_constraints; i++)
        if (!expr_holds(s->constraints[i], s, dna) && rng_below(rng, (uint64_t)++broken) == 0)
            e = s->constraints[i];
    for (int i = 0; e && i < s->n; i++) {
        if (!expr_uses(e, i))
            continue;
        if (rng_below(rng, (uint64_t)++n) == 0)
            found = i;
        int parent = s->params[i].parent;
        if (parent >= 0 && rng_below(rng, (uint64_t)++n) == 0)
            found = parent;
    }
    return found;
}

struct drawing {
    const struct space *s;
    struct rng *rng;
    space_draw_fn *draw;
    void *arg;
    double *from, *trial; /* a fresh draw; a candidate */
};

/* Walks from dna towards feasibility; the distance that is left. */
static double walk(struct drawing *d, double *dna)
{
    size_t bytes = (size_t)d->s->n * sizeof *dna;
    double left = space_violation(d->s, dna);
    for (int i = 0; i < MOVES && left > 0; i++) {
        int k = culprit(d->s, dna, d->rng);
        if (k < 0 || d->draw(d->arg, d->s, d->rng, d->from) < 0)
            break;
        memcpy(d->trial, dna, bytes);
        for (int j = 0; j < d->s->n; j++) /* what becomes active takes the fresh draw's value too */
            if (isnan(d->trial[j]) || j == k)
                d->trial[j] = isnan(d->from[j]) ? d->trial[j] : d->from[j];
        if (param_numeric(&d->s->params[k]) && !isnan(dna[k]) && !isnan(d->from[k]) && rng_below(d->rng, 2)) {
            double way = rng_unit(d->rng); /* mostly a small step: what is nearly right only needs a little */
            d->trial[k] = dna[k] + way * way * way * (d->from[k] - dna[k]);
        }
        space_canon(d->s, d->trial);
        double after = space_violation(d->s, d->trial);
        if (after <= left || rng_below(d->rng, WANDERS) == 0) {
            memcpy(dna, d->trial, bytes);
            left = after;
        }
    }
    return left;
}

int space_draw(const struct space *s, struct rng *rng, space_draw_fn *draw, void *arg, double *out)
{
    if (draw(arg, s, rng, out) < 0)
        return -1;
    if (!s->n_constraints || space_feasible(s, out))
        return 0;
    size_t n = (size_t)s->n;
    double *spare = mem_zero(3 * n + 1, sizeof *spare), nearest = space_violation(s, out), left = nearest;
    struct drawing d = {s, rng, draw, arg, spare + n, spare + 2 * n};
    for (int i = 0; i < DRAWS + ROUNDS && left > 0; i++) {
        if (draw(arg, s, rng, spare) < 0)
            break;
        left = i < DRAWS ? space_violation(s, spare) : walk(&d, spare);
        if (left < nearest) {
            nearest = left;
            memcpy(out, spare, n * sizeof *out);
        }
    }
    free(spare);
    return left > 0 ? -1 : 0;
}

static int from_prior(void *arg, const struct space *s, struct rng *rng, double *dna)
{
    if (s->list && s->list->n) { /* keeps the constraints already */
        const double *row = candidates_row(s->list, (int)rng_below(rng, (uint64_t)s->list->n));
        memcpy(dna, row, (size_t)s->n * sizeof *dna);
        return 0;
    }
    space_draw_prior(s, rng, dna);
    return 0;
}

void space_sample(const struct space *s, struct rng *rng, double *dna)
{
    space_draw(s, rng, from_prior, NULL, dna);
}

int space_find_feasible(const struct space *s, char **cause)
{
    double *dna = mem_zero((size_t)s->n + 1, sizeof *dna);
    struct rng rng;
    int rc = -1;
    if (s->n_constraints && s->count == 0) {
        free(dna);
        return cause_set(cause, "no configuration keeps the constraint%s", s->n_constraints > 1 ? "s" : "");
    }
    rng_seed(&rng, 1);
    for (int i = 0; i < 20 && rc < 0; i++)
        rc = space_draw(s, &rng, from_prior, NULL, dna);
    if (rc < 0)
        cause_set(cause, "no configuration was found that keeps the constraint%s; the nearest one breaks \"%s\"",
                  s->n_constraints > 1 ? "s" : "", expr_text(s->constraints[space_broken(s, dna)]));
    free(dna);
    return rc;
}

int space_broken(const struct space *s, const double *dna)
{
    int i = 0;
    while (i < s->n_constraints - 1 && expr_holds(s->constraints[i], s, dna))
        i++;
    return i;
}

/* ---- all of them ---- */

struct walker {
    const struct space *s;
    space_each_fn *fn;
    void *arg;
    double *dna;
    bool stopped;
};

/* A member of a group against those before it, which stand in front of it in the order too. */
static bool keeps_order(const struct space *s, const double *dna, int i)
{
    const struct space_group *g = space_group_of(s, i);
    for (int j = g ? g->first : i; j < i; j++)
        if ((g->distinct && dna[j] == dna[i]) || (g->sorted && dna[j] > dna[i]))
            return false;
    return true;
}

static void visit(struct walker *w, int k)
{
    const struct space *s = w->s;
    if (k == s->n) {
        if (space_feasible(s, w->dna))
            w->stopped = !w->fn(w->arg, w->dna);
        return;
    }
    int i = s->order[k];
    const struct param *p = &s->params[i];
    if (!space_active(s, w->dna, i)) {
        w->dna[i] = NAN;
        visit(w, k + 1);
        return;
    }
    for (int64_t v = 0; v < (int64_t)param_count(p) && !w->stopped; v++) {
        if (p->weights && p->weights[v] == 0)
            continue;
        w->dna[i] = param_nth(p, v);
        if (keeps_order(s, w->dna, i))
            visit(w, k + 1);
    }
}

void space_each(const struct space *s, space_each_fn *fn, void *arg)
{
    for (int i = 0; s->list && i < s->list->n; i++)
        if (!fn(arg, candidates_row(s->list, i)))
            return;
    if (s->list)
        return;
    struct walker w = {s, fn, arg, mem_zero((size_t)s->n + 1, sizeof(double)), false};
    visit(&w, 0);
    free(w.dna);
}

static bool count_one(void *arg, const double *dna)
{
    ++*(double *)arg;
    return true;
}

double space_count_feasible(const struct space *s, double count)
{
    double n = 0;
    if (!s->n_constraints || !(count <= SPACE_COUNT_MAX))
        return count;
    space_each(s, count_one, &n);
    return n;
}
