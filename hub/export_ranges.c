/* export_ranges: see export_ranges.h. */
#include "hub/export_ranges.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

const struct range *ranges_named(const struct ranges *r, struct span name)
{
    for (int i = 0; i < r->n; i++)
        if (span_eq(name, r->v[i]->name))
            return r->v[i];
    return NULL;
}

int range_choice(const struct range *r, struct span value)
{
    for (int i = 0; i < r->n_choices; i++)
        if (r->choices[i].n == value.n && memcmp(r->choices[i].p, value.p, value.n) == 0)
            return i;
    return -1;
}

static void widen(struct range *r, struct span value)
{
    struct codec_reader at;
    cr_init(&at, value.p, value.n);
    enum codec_type t = cr_peek(&at);
    bool number = t == CT_INT || t == CT_UINT || t == CT_DOUBLE;
    if (r->n_choices < RANGE_CHOICES && range_choice(r, value) < 0)
        r->choices[r->n_choices++] = value;
    if (!number) {
        r->type = RANGE_CHOICE;
        return;
    }
    double d = cr_double(&at);
    if (!isfinite(d))
        r->type = RANGE_CHOICE;
    else if (t == CT_DOUBLE && r->type == RANGE_INT)
        r->type = RANGE_FLOAT;
    r->low = d < r->low ? d : r->low;
    r->high = d > r->high ? d : r->high;
}

void ranges_find(struct ranges *r, const struct state *st)
{
    *r = (struct ranges){0};
    for (int i = 0; i < st->n_trials; i++) {
        struct codec_reader at;
        if (!st->trials[i])
            continue;
        cr_init(&at, st->trials[i]->params, st->trials[i]->params_n);
        for (size_t n = cr_map(&at); n > 0 && cr_ok(&at); n--) {
            struct span name = cr_str(&at), value = cr_value(&at);
            struct range *have = (struct range *)ranges_named(r, name);
            if (!have && cr_ok(&at)) {
                r->v = mem_resize(r->v, (size_t)r->n + 1, sizeof(struct range *));
                have = r->v[r->n++] = MEM_NEW(struct range);
                have->name = span_dup(name);
                have->low = INFINITY;
                have->high = -INFINITY;
            }
            if (have && cr_ok(&at))
                widen(have, value);
        }
    }
}

void ranges_release(struct ranges *r)
{
    for (int i = 0; i < r->n; i++) {
        free(r->v[i]->name);
        free(r->v[i]);
    }
    free(r->v);
}
