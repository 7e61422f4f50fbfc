/* Edits of a space: each makes the next version from a copy. Conditions that named a choice which goes are
 * carried along by value; a parameter whose condition can no longer hold stays, never active. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/space.h"

static struct space *next(const struct space *s)
{
    struct space *c = space_copy(s);
    c->version++;
    return c;
}

static struct space *finished(struct space *c, char **cause)
{
    if (space_finish(c, cause) == 0)
        return c;
    space_free(c);
    return NULL;
}

struct space *space_bound(const struct space *s, int i, double low, double high, char **cause)
{
    const struct param *old = &s->params[i];
    if (!param_numeric(old))
        return cause_null(cause, "%s: has choices, not bounds", old->name);
    struct space *c = next(s);
    c->params[i].low = low;
    c->params[i].high = high;
    return finished(c, cause);
}

/* The flags of a condition on parameter i, whose choices change from those in `old` to those in `now`. */
static void follow(struct param *child, const struct param *old, const struct param *now)
{
    bool *when = mem_zero((size_t)now->n_choices, sizeof *when);
    for (int k = 0; k < now->n_choices; k++)
        for (int j = 0; child->when && j < old->n_choices; j++)
            when[k] |= child->when[j] && tune_same(&old->choices[j], &now->choices[k]);
    free(child->when);
    child->when = when;
}

struct space *space_choose(const struct space *s, int i, const struct tune_value *values, int n, char **cause)
{
    const struct param *old = &s->params[i];
    if (param_numeric(old))
        return cause_null(cause, "%s: has bounds, not choices", old->name);
    if (n < 1)
        return cause_null(cause, "%s: at least one value must stay", old->name);
    struct space *c = next(s);
    struct param *p = &c->params[i];
    if (p->type == PARAM_CONSTANT && n > 1)
        p->type = PARAM_CATEGORICAL;
    free(p->weights); /* probabilities of another list mean nothing here */
    p->weights = NULL;
    param_set_choices(p, values, n);
    for (int k = 0; k < c->n; k++)
        if (c->params[k].parent == i)
            follow(&c->params[k], old, p);
    return finished(c, cause);
}

struct space *space_freeze(const struct space *s, int i, const struct tune_value *value, char **cause)
{
    const struct param *old = &s->params[i];
    double dna;
    if (param_encode(old, value, &dna, cause) < 0)
        return NULL;
    struct space *c = next(s);
    struct param *p = &c->params[i];
    struct tune_value exact;
    param_decode(old, dna, &exact);
    for (int k = 0; k < c->n; k++) { /* conditions on a number become a flag of the one value */
        struct param *child = &c->params[k];
        if (child->parent != i || child->when)
            continue;
        double x = param_value(old, dna);
        child->when = mem_zero(1, sizeof *child->when);
        child->when[0] = x >= child->when_low && x <= child->when_high;
    }
    p->type = PARAM_CONSTANT;
    free(p->weights);
    p->weights = NULL;
    free(p->place);
    p->place = NULL;
    p->prior = PRIOR_UNIFORM;
    p->quantum = 0;
    param_set_choices(p, &exact, 1);
    for (int k = 0; k < c->n; k++)
        if (c->params[k].parent == i && !param_numeric(old))
            follow(&c->params[k], old, p);
    return finished(c, cause);
}

struct space *space_extend(const struct space *s, struct param *p, char **cause)
{
    struct space *c = next(s);
    struct param *slot = space_add(c, "");
    free(slot->name);
    *slot = *p;
    memset(p, 0, sizeof *p);
    return finished(c, cause);
}

struct space *space_drop(const struct space *s, int i, char **cause)
{
    for (int k = 0; k < s->n; k++)
        if (s->params[k].parent == i)
            return cause_null(cause, "%s: %s depends on it", s->params[i].name, s->params[k].name);
    struct space *c = next(s), last = {.n = 1, .params = mem_zero(1, sizeof(struct param))};
    last.params[0] = c->params[i];
    memmove(&c->params[i], &c->params[i + 1], (size_t)(c->n - i - 1) * sizeof *c->params);
    c->n--;
    for (int k = 0; k < c->n; k++)
        c->params[k].parent -= c->params[k].parent > i;
    struct space *gone = MEM_NEW(struct space);
    *gone = last;
    space_free(gone);
    return finished(c, cause);
}
