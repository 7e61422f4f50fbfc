/* Whole configurations: conditions, sampling, counting, and moving to another version. */
#include "tune/space.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/candidates.h"
#include "tune/expr.h"
#include "tune/space_parts.h"

struct space *space_new(void)
{
    struct space *s = MEM_NEW(struct space);
    s->version = 1;
    return s;
}

static void param_release(struct param *p)
{
    free(p->name);
    for (int k = 0; k < p->n_choices; k++)
        tune_value_free(&p->choices[k]);
    free(p->choices);
    free(p->weights);
    free(p->place);
    tune_value_free(&p->fallback);
    free(p->when);
    free(p->distribution);
}

void space_free(struct space *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->n; i++)
        param_release(&s->params[i]);
    for (int i = 0; i < s->n_groups; i++)
        free(s->groups[i].name);
    for (int i = 0; i < s->n_constraints; i++)
        expr_free(s->constraints[i]);
    candidates_free(s->list);
    free(s->groups);
    free(s->constraints);
    free(s->params);
    free(s->order);
    free(s);
}

void space_param_copy(struct param *to, const struct param *from, int n_parent)
{
    size_t k = (size_t)from->n_choices;
    *to = *from;
    to->name = mem_str(from->name);
    to->distribution = mem_str(from->distribution);
    to->choices = NULL;
    to->n_choices = 0;
    to->place = NULL;
    if (k)
        param_set_choices(to, from->choices, from->n_choices);
    to->weights = from->weights ? mem_dup(from->weights, k * sizeof(double)) : NULL;
    to->fallback = tune_copy(&from->fallback);
    to->when = from->when ? mem_dup(from->when, (size_t)n_parent * sizeof(bool)) : NULL;
}

struct space *space_copy(const struct space *s)
{
    struct space *c = MEM_NEW(struct space);
    c->version = s->version;
    c->n = s->n;
    c->params = mem_zero((size_t)s->n, sizeof *c->params);
    for (int i = 0; i < s->n; i++) {
        const struct param *p = &s->params[i];
        space_param_copy(&c->params[i], p, p->parent >= 0 ? s->params[p->parent].n_choices : 0);
    }
    c->order = s->order ? mem_dup(s->order, (size_t)s->n * sizeof *s->order) : NULL;
    c->count = s->count;
    c->list = candidates_copy(s->list);
    c->n_groups = s->n_groups;
    c->groups = mem_dup(s->groups, (size_t)s->n_groups * sizeof *s->groups);
    for (int i = 0; i < s->n_groups; i++)
        c->groups[i].name = mem_str(s->groups[i].name);
    c->constraints = mem_zero((size_t)s->n_constraints, sizeof(struct expr *));
    for (; c->n_constraints < s->n_constraints; c->n_constraints++)
        c->constraints[c->n_constraints] = expr_compile(s, expr_text(s->constraints[c->n_constraints]), false, NULL, NULL);
    return c;
}

struct param *space_add(struct space *s, const char *name)
{
    s->params = mem_resize(s->params, (size_t)s->n + 1, sizeof *s->params);
    struct param *p = &s->params[s->n++];
    memset(p, 0, sizeof *p);
    p->name = mem_str(name);
    p->parent = -1;
    return p;
}

int space_find(const struct space *s, const char *name)
{
    for (int i = 0; i < s->n; i++)
        if (!strcmp(s->params[i].name, name))
            return i;
    return -1;
}

/* Edit distance of short names, cut off at 64 characters. */
static int distance(const char *a, const char *b)
{
    int row[65], n = (int)strnlen(b, 64), last = 0;
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 0; i < 64 && a[i]; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
        for (int j = 1; j <= n; j++) {
            int keep = row[j], change = diagonal + (a[i] != b[j - 1]);
            row[j] = row[j] + 1 < change ? row[j] + 1 : change;
            row[j] = row[j - 1] + 1 < row[j] ? row[j - 1] + 1 : row[j];
            diagonal = keep;
        }
    }
    last = row[n];
    return last;
}

int space_find_near(const struct space *s, const char *name)
{
    int best = -1, least = (int)strlen(name) / 2 + 1;
    for (int i = 0; i < s->n; i++) {
        int d = distance(name, s->params[i].name);
        if (d < least) {
            least = d;
            best = i;
        }
    }
    return best;
}

/* ---- checks ---- */

static int finish_numeric(struct param *p, char **cause)
{
    if (p->type == PARAM_INT && p->quantum < 1)
        p->quantum = 1;
    if (p->quantum < 0 || !isfinite(p->quantum) || !isfinite(p->anchor))
        return cause_set(cause, "%s: the quantum must be a positive number", p->name);
    if (isnan(p->low) || isnan(p->high) || !(p->low <= p->high))
        return cause_set(cause, "%s: the lower bound %g is above the upper bound %g", p->name, p->low,
                         p->high);
    bool bounded = p->prior == PRIOR_UNIFORM || p->prior == PRIOR_LOG || p->prior == PRIOR_RLOG;
    if (bounded && (isinf(p->low) || isinf(p->high)))
        return cause_set(cause, "%s: the bounds must be finite", p->name);
    if (p->quantum > 0) {
        double first = p->anchor + ceil((p->low - p->anchor) / p->quantum - 1e-9) * p->quantum;
        double last = p->anchor + floor((p->high - p->anchor) / p->quantum + 1e-9) * p->quantum;
        if (first > last) /* no multiple inside: the nearest one, as rounding would give */
            first = last =
                p->anchor + round((0.5 * (p->low + p->high) - p->anchor) / p->quantum) * p->quantum;
        p->low = isinf(p->low) ? p->low : first;
        p->high = isinf(p->high) ? p->high : last;
    }
    if ((p->prior == PRIOR_LOG || p->prior == PRIOR_RLOG) && !(p->low > 0))
        return cause_set(cause, "%s: a log scale needs a lower bound above 0, not %g", p->name, p->low);
    if ((p->prior == PRIOR_NORMAL || p->prior == PRIOR_LOG_NORMAL) &&
        (!isfinite(p->a) || !(p->b > 0) || isinf(p->b)))
        return cause_set(cause, "%s: sigma must be above 0", p->name);
    if (p->prior == PRIOR_BETA && !(p->a > 0 && p->b > 0 && isfinite(p->a) && isfinite(p->b)))
        return cause_set(cause, "%s: a and b must be above 0", p->name);
    return 0;
}

static int finish_choices(struct param *p, char **cause)
{
    if (p->n_choices < 1)
        return cause_set(cause, "%s: no values", p->name);
    double sum = 0;
    for (int k = 0; p->weights && k < p->n_choices; k++) {
        if (!(p->weights[k] >= 0) || isinf(p->weights[k]))
            return cause_set(cause, "%s: a probability is negative or not a number", p->name);
        sum += p->weights[k];
    }
    if (p->weights && !(sum > 0))
        return cause_set(cause, "%s: the probabilities sum to 0", p->name);
    for (int k = 0; p->weights && k < p->n_choices; k++)
        p->weights[k] /= sum;
    return 0;
}

/* ---- how many ---- */

double space_count_below(const struct space *s, int i)
{
    const struct param *p = &s->params[i];
    double n = param_count(p), sum = 0;
    bool children = false;
    for (int c = 0; c < s->n; c++)
        children |= s->params[c].parent == i;
    if (!children || isinf(n))
        return n;
    for (int64_t k = 0; k < (int64_t)n; k++) {
        double product = 1, dna = param_nth(p, k);
        for (int c = 0; c < s->n; c++)
            if (s->params[c].parent == i && space_condition(s, &s->params[c], dna))
                product *= space_count_below(s, c);
        sum += product;
    }
    return sum;
}

static double count_all(const struct space *s)
{
    double n = 1;
    for (int i = 0; i < s->n; i++)
        if (s->params[i].parent < 0 && !space_group_of(s, i))
            n *= space_count_below(s, i);
    for (int i = 0; i < s->n_groups; i++)
        n *= space_group_count(s, &s->groups[i]);
    return n;
}

int space_finish(struct space *s, char **cause)
{
    for (int i = 0; i < s->n; i++) {
        struct param *p = &s->params[i];
        if ((param_numeric(p) ? finish_numeric : finish_choices)(p, cause) < 0)
            return -1;
        if (space_find(s, p->name) != i)
            return cause_set(cause, "%s: declared twice", p->name);
        if (p->parent >= s->n || p->parent == i)
            return cause_set(cause, "%s: depends on itself", p->name);
        if (p->parent >= 0 && !p->when && !param_numeric(&s->params[p->parent]))
            return cause_set(cause, "%s: its condition names no value of %s", p->name,
                             s->params[p->parent].name);
    }
    free(s->order);
    s->order = mem_zero((size_t)s->n, sizeof *s->order);
    bool *placed = mem_zero((size_t)s->n, sizeof *placed);
    int n = 0, before;
    do {
        before = n;
        for (int i = 0; i < s->n; i++) {
            if (placed[i] || (s->params[i].parent >= 0 && !placed[s->params[i].parent]))
                continue;
            s->order[n++] = i;
            placed[i] = true;
        }
    } while (n > before);
    free(placed);
    if (n < s->n)
        return cause_set(cause, "the conditions of the parameters go round in a circle");
    if (space_bind_groups(s, cause) < 0 || space_bind_constraints(s, cause) < 0)
        return -1;
    s->count = space_count_feasible(s, count_all(s));
    return 0;
}

/* ---- configurations ---- */

bool space_condition(const struct space *s, const struct param *p, double parent)
{
    if (isnan(parent))
        return false;
    if (p->when)
        return p->when[(int)parent];
    double x = param_value(&s->params[p->parent], parent);
    return x >= p->when_low && x <= p->when_high;
}

bool space_active(const struct space *s, const double *dna, int i)
{
    const struct param *p = &s->params[i];
    return p->parent < 0 || (space_active(s, dna, p->parent) && space_condition(s, p, dna[p->parent]));
}

double space_canonical(const struct param *p, double x)
{
    if (p->type == PARAM_CONSTANT)
        return 0;
    if (param_numeric(p)) {
        x = isnan(x) ? 0.5 : fmin(fmax(x, 0), 1);
        return p->quantum > 0 ? param_place(p, param_value(p, x)) : x;
    }
    return isnan(x) ? 0 : fmin(fmax(floor(x), 0), p->n_choices - 1);
}

void space_canon(const struct space *s, double *dna)
{
    space_groups_canon(s, dna);
    for (int k = 0; k < s->n; k++) {
        int i = s->order[k];
        const struct param *p = &s->params[i];
        bool on = p->parent < 0 || space_condition(s, p, dna[p->parent]);
        dna[i] = on ? space_canonical(p, dna[i]) : NAN;
    }
}

static double draw(const struct param *p, struct rng *rng)
{
    if (param_numeric(p))
        return rng_unit(rng);
    if (p->type == PARAM_CONSTANT)
        return 0;
    if (!p->weights)
        return (double)rng_below(rng, (uint64_t)p->n_choices);
    double u = rng_unit(rng);
    int k = 0;
    while (k < p->n_choices - 1 && (u -= p->weights[k]) >= 0)
        k++;
    while (p->weights[k] == 0) /* rounding at the end of the list must not pick what cannot happen */
        k--;
    return k;
}

void space_draw_prior(const struct space *s, struct rng *rng, double *dna)
{
    for (int i = 0; i < s->n; i++)
        dna[i] = draw(&s->params[i], rng);
    space_groups_draw(s, rng, dna);
    space_canon(s, dna);
}

int space_check(const struct space *s, const double *dna, char **cause)
{
    for (int i = 0; i < s->n; i++) {
        const struct param *p = &s->params[i];
        bool on = space_active(s, dna, i);
        if (on == isnan(dna[i]))
            return cause_set(cause, "%s: %s", p->name,
                             on ? "has no value" : "has a value though its condition does not hold");
        if (on && !(space_canonical(p, dna[i]) == dna[i]))
            return cause_set(cause, "%s: %g is not one of its places", p->name, dna[i]);
        if (on && p->weights && p->weights[(int)dna[i]] == 0)
            return cause_set(cause, "%s: its value has probability 0", p->name);
    }
    for (int i = 0; i < s->n_groups; i++)
        if (!space_groups_kept(s, dna))
            return cause_set(cause, "%s: its values must %s", s->groups[i].name,
                             s->groups[i].distinct ? "be different and in their order" : "stand in the order of the list");
    if (s->list && candidates_find(s->list, dna) < 0)
        return cause_set(cause, "this configuration is none of the candidates");
    if (!space_feasible(s, dna))
        return cause_set(cause, "the constraint \"%s\" does not hold", expr_text(s->constraints[space_broken(s, dna)]));
    return 0;
}

bool space_same(const struct space *s, const double *a, const double *b)
{
    for (int i = 0; i < s->n; i++)
        if (!(a[i] == b[i] || (isnan(a[i]) && isnan(b[i]))))
            return false;
    return true;
}

double space_count(const struct space *s)
{
    return s->list ? s->list->n : s->count;
}

bool space_carry(const struct space *from, const double *dna, const struct space *to, double *out)
{
    bool inside = true;
    for (int k = 0; k < to->n; k++) {
        int i = to->order[k];
        const struct param *p = &to->params[i];
        int old = space_find(from, p->name);
        struct tune_value v = p->fallback;
        double x;
        out[i] = NAN;
        if (p->parent >= 0 && !space_condition(to, p, out[p->parent]))
            continue;
        if (old >= 0 && !isnan(dna[old]))
            param_decode(&from->params[old], dna[old], &v);
        if (v.kind != TUNE_ABSENT && param_encode(p, &v, &out[i], NULL) == 0)
            continue;
        inside = false;
        out[i] = param_numeric(p) && tune_number(&v, &x) ? param_place(p, x) : space_canonical(p, NAN);
    }
    space_canon(to, out);
    return inside && space_feasible(to, out);
}

void space_text(const struct space *s, const double *dna, struct buf *out)
{
    char text[80];
    bool first = true;
    for (int i = 0; i < s->n; i++) {
        struct tune_value v;
        if (s->params[i].type == PARAM_CONSTANT || isnan(dna[i]))
            continue;
        param_decode(&s->params[i], dna[i], &v);
        tune_text(&v, text, sizeof text);
        buf_printf(out, "%s%s=%s", first ? "" : " ", s->params[i].name, text);
        first = false;
    }
}
