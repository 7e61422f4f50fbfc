#include "tune/space_pack.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tune/candidates.h"
#include "tune/space_parts.h"
#include "tune/expr.h"

static void pack_param(const struct param *p, int n_when, struct buf *out)
{
    pack_str(out, p->name);
    pack_str(out, p->distribution);
    pack_u64(out, p->type);
    pack_u64(out, p->prior);
    const double numbers[] = {p->low, p->high, p->a, p->b, p->quantum, p->anchor, p->when_low, p->when_high};
    pack_doubles(out, numbers, 8);
    pack_value(out, &p->fallback);
    pack_i64(out, p->parent);
    pack_u64(out, (uint64_t)p->n_choices);
    for (int k = 0; k < p->n_choices; k++)
        pack_value(out, &p->choices[k]);
    pack_u64(out, p->weights ? (uint64_t)p->n_choices : 0);
    if (p->weights)
        pack_doubles(out, p->weights, (size_t)p->n_choices);
    pack_bytes(out, p->when, p->when ? (size_t)n_when : 0);
}

void space_pack(const struct space *s, struct buf *out)
{
    pack_i64(out, s->version);
    pack_u64(out, (uint64_t)s->n);
    for (int i = 0; i < s->n; i++)
        pack_param(&s->params[i], s->params[i].parent >= 0 ? s->params[s->params[i].parent].n_choices : 0,
                   out);
    pack_u64(out, (uint64_t)s->n_groups);
    for (int i = 0; i < s->n_groups; i++) {
        const struct space_group *g = &s->groups[i];
        pack_str(out, g->name);
        pack_i64(out, g->k);
        pack_u64(out, (uint64_t)(g->distinct | g->sorted << 1));
    }
    pack_u64(out, (uint64_t)s->n_constraints);
    for (int i = 0; i < s->n_constraints; i++)
        pack_str(out, expr_text(s->constraints[i]));
    candidates_pack(s->list, out);
}

static void unpack_param(struct space *s, struct unpack *in)
{
    double numbers[8];
    char *name = unpack_str(in);
    struct param *p = space_add(s, name ? name : "");
    free(name);
    p->distribution = unpack_str(in);
    uint64_t type = unpack_u64(in), prior = unpack_u64(in);
    in->bad |= type > PARAM_CONSTANT || prior > PRIOR_BETA;
    p->type = (enum param_type)type;
    p->prior = (enum param_prior)prior;
    unpack_doubles(in, numbers, 8);
    p->low = numbers[0];
    p->high = numbers[1];
    p->a = numbers[2];
    p->b = numbers[3];
    p->quantum = numbers[4];
    p->anchor = numbers[5];
    p->when_low = numbers[6];
    p->when_high = numbers[7];
    p->fallback = unpack_value(in);
    p->parent = (int)unpack_i64(in);
    size_t n = unpack_count(in, 8), got = 0;
    struct tune_value *choices = mem_zero(n, sizeof *choices);
    for (; got < n && !in->bad; got++)
        choices[got] = unpack_value(in);
    if (!in->bad && n)
        param_set_choices(p, choices, (int)n);
    for (size_t k = 0; k < got; k++)
        tune_value_free(&choices[k]);
    free(choices);
    size_t weights = unpack_count(in, 8);
    if (weights) {
        p->weights = mem_zero(weights, sizeof *p->weights);
        unpack_doubles(in, p->weights, weights);
        in->bad |= weights != n;
    }
    size_t when;
    const uint8_t *flags = unpack_bytes(in, &when);
    if (flags && when)
        p->when = mem_dup(flags, when);
}

static void unpack_rules(struct space *s, struct unpack *in)
{
    size_t n = unpack_count(in, 24);
    s->groups = mem_zero(n, sizeof *s->groups);
    for (size_t i = 0; i < n && !in->bad; i++) {
        struct space_group *g = &s->groups[s->n_groups++];
        char *name = unpack_str(in);
        g->name = name ? name : mem_str("");
        int64_t k = unpack_i64(in);
        uint64_t flags = unpack_u64(in);
        in->bad |= k < 1 || k > s->n;
        g->k = in->bad ? 0 : (int)k;
        g->distinct = flags & 1;
        g->sorted = flags >> 1 & 1;
    }
    n = unpack_count(in, 9);
    for (size_t i = 0; i < n && !in->bad; i++) {
        char *text = unpack_str(in);
        size_t at;
        in->bad |= !text || space_constrain_loosely(s, text, &at, NULL) < 0;
        free(text);
    }
}

struct space *space_unpack(struct unpack *in)
{
    struct space *s = space_new();
    s->version = (int)unpack_i64(in);
    size_t n = unpack_count(in, 8);
    for (size_t i = 0; i < n && !in->bad; i++)
        unpack_param(s, in);
    if (!in->bad)
        unpack_rules(s, in);
    if (!in->bad && space_finish(s, NULL) == 0) {
        s->list = candidates_unpack(in, s->n);
        if (!in->bad)
            return s;
    }
    in->bad = true;
    space_free(s);
    return NULL;
}
