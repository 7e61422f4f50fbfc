/* Undoing edits of a space: a version n+1 in which parameters are again what they were in an older one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/expr.h"
#include "tune/space_parts.h"

/* Whether the condition of a parameter admits this value of its parent. */
static bool admits(const struct space *s, const struct param *p, const struct tune_value *v)
{
    const struct param *up = &s->params[p->parent];
    double x;
    for (int k = 0; p->when && k < up->n_choices; k++)
        if (tune_same(&up->choices[k], v))
            return p->when[k];
    return !p->when && tune_number(v, &x) && x >= p->when_low && x <= p->when_high;
}

/* The parent of parameter i by name, with flags by value. 0, or -1 and a cause. */
static int follow(struct space *c, int i, const struct space_source *from, char **cause)
{
    const struct param *old = &from->s->params[from->i];
    struct param *p = &c->params[i];
    if (old->parent < 0)
        return 0;
    p->parent = space_find(c, from->s->params[old->parent].name);
    if (p->parent < 0)
        return cause_set(cause, "%s: it depends on %s, which is gone", p->name, from->s->params[old->parent].name);
    const struct param *up = &c->params[p->parent];
    free(p->when);
    p->when = NULL;
    if (param_numeric(up))
        return 0;
    p->when = mem_zero((size_t)up->n_choices, sizeof *p->when);
    for (int k = 0; k < up->n_choices; k++)
        p->when[k] = admits(from->s, old, &up->choices[k]);
    return 0;
}

struct space *space_assemble(const struct space *now, const struct space_source *from, int n, char **cause)
{
    struct space *c = space_new();
    int rc = 0;
    c->version = now->version + 1;
    for (int i = 0; i < n; i++) {
        const struct param *p = &from[i].s->params[from[i].i];
        struct param *q = space_add(c, "");
        free(q->name);
        space_param_copy(q, p, p->parent >= 0 ? from[i].s->params[p->parent].n_choices : 0);
    }
    for (int i = 0; i < n && rc == 0; i++)
        rc = follow(c, i, &from[i], cause);
    for (int i = 0; i < now->n_groups; i++) {
        c->groups = mem_resize(c->groups, (size_t)c->n_groups + 1, sizeof *c->groups);
        c->groups[c->n_groups] = now->groups[i];
        c->groups[c->n_groups++].name = mem_str(now->groups[i].name);
    }
    for (int i = 0; i < now->n_constraints && rc == 0; i++) {
        size_t at;
        rc = space_constrain_loosely(c, expr_text(now->constraints[i]), &at, cause);
    }
    if (rc == 0 && space_finish(c, cause) == 0)
        return c;
    space_free(c);
    return NULL;
}

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static bool same_condition(const struct space *a, const struct param *p, const struct space *b, const struct param *q)
{
    if (p->parent < 0 || q->parent < 0)
        return p->parent < 0 && q->parent < 0;
    const struct param *up = &a->params[p->parent], *uq = &b->params[q->parent];
    if (strcmp(up->name, uq->name) != 0 || !p->when != !q->when)
        return false;
    if (!p->when)
        return p->when_low == q->when_low && p->when_high == q->when_high;
    for (int k = 0; k < up->n_choices; k++)
        if (p->when[k] != admits(b, q, &up->choices[k]))
            return false;
    return true;
}

static bool same(const struct space *a, const struct param *p, const struct space *b, const struct param *q)
{
    if (p->type != q->type || p->prior != q->prior || !same_number(p->low, q->low) || !same_number(p->high, q->high) ||
        p->a != q->a || p->b != q->b || p->quantum != q->quantum || p->anchor != q->anchor ||
        p->n_choices != q->n_choices || !p->weights != !q->weights)
        return false;
    for (int k = 0; k < p->n_choices; k++)
        if (!tune_same(&p->choices[k], &q->choices[k]) || (p->weights && p->weights[k] != q->weights[k]))
            return false;
    return same_condition(a, p, b, q);
}

struct space *space_revert(const struct space *now, const struct space *before, const struct space *after, char **cause)
{
    struct space_source *from = mem_zero((size_t)now->n + (size_t)before->n + 1, sizeof *from);
    int n = 0;
    for (int i = 0; i < now->n; i++) {
        int b = space_find(before, now->params[i].name), a = space_find(after, now->params[i].name);
        if (b < 0 && a >= 0) /* it had been added */
            continue;
        bool changed = b >= 0 && (a < 0 || !same(before, &before->params[b], after, &after->params[a]));
        from[n++] = changed ? (struct space_source){before, b} : (struct space_source){now, i};
    }
    for (int b = 0; b < before->n; b++) /* it had been dropped */
        if (space_find(after, before->params[b].name) < 0 && space_find(now, before->params[b].name) < 0)
            from[n++] = (struct space_source){before, b};
    struct space *c = space_assemble(now, from, n, cause);
    free(from);
    return c;
}

struct space *space_restore(const struct space *now, int i, const struct space *old, char **cause)
{
    struct space_source *from = mem_zero((size_t)now->n + 1, sizeof *from);
    for (int k = 0; k < now->n; k++) {
        int then = space_find(old, now->params[k].name);
        bool back = then >= 0 && (k == i || now->params[k].parent == i);
        from[k] = back ? (struct space_source){old, then} : (struct space_source){now, k};
    }
    struct space *c = space_assemble(now, from, now->n, cause);
    free(from);
    return c;
}
