/* A configuration as a tree of numbers, after the DNA of PyGlove (D. Peng et al., NeurIPS 2020): int | float | [child, ...] |
 * (int, sub ...) for a choice on which others depend. Everything else about it is in the space. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"
#include "tune/space_parts.h"

static bool written(const struct param *p)
{
    return p->type != PARAM_CONSTANT;
}

static void put_param(const struct space *s, const double *dna, int i, struct buf *out)
{
    bool children = false;
    for (int c = 0; c < s->n; c++)
        children |= s->params[c].parent == i && !isnan(dna[c]) && written(&s->params[c]);
    buf_puts(out, children ? "(" : "");
    if (param_numeric(&s->params[i]))
        buf_printf(out, "%.17g", dna[i]);
    else
        buf_printf(out, "%d", (int)dna[i]);
    for (int c = 0; children && c < s->n; c++)
        if (s->params[c].parent == i && !isnan(dna[c]) && written(&s->params[c])) {
            buf_puts(out, ", ");
            put_param(s, dna, c, out);
        }
    buf_puts(out, children ? ")" : "");
}

void space_dna_text(const struct space *s, const double *dna, struct buf *out)
{
    bool first = true;
    buf_putc(out, '[');
    for (int i = 0; i < s->n; i++) {
        const struct space_group *g = space_group_of(s, i);
        if (s->params[i].parent >= 0 || !written(&s->params[i]))
            continue;
        buf_puts(out, first ? "" : ", ");
        buf_puts(out, g && i == g->first ? "[" : "");
        put_param(s, dna, i, out);
        buf_puts(out, g && i == g->first + g->k - 1 ? "]" : "");
        first = false;
    }
    buf_putc(out, ']');
}

struct reading {
    const struct space *s;
    double *dna;
    const char *text, *p;
    char **cause;
};

static int refuse(struct reading *r, const char *what)
{
    return cause_set(r->cause, "column %d: %s", (int)(r->p - r->text) + 1, what);
}

static bool take(struct reading *r, char c)
{
    while (isspace((unsigned char)*r->p))
        r->p++;
    if (*r->p != c)
        return false;
    r->p++;
    return true;
}

static int read_number(struct reading *r, const struct param *p, double *out)
{
    char copy[64], *end;
    while (isspace((unsigned char)*r->p))
        r->p++;
    strtod(r->p, &end);
    size_t n = (size_t)(end - r->p);
    if (!n || n >= sizeof copy)
        return refuse(r, "a number is expected");
    memcpy(copy, r->p, n);
    copy[n] = '\0';
    bool inside = text_double(copy, out) && *out >= 0 &&
                  (param_numeric(p) ? *out <= 1 : *out < p->n_choices && *out == floor(*out));
    if (!inside)
        return cause_set(r->cause, "column %d: %s is no place of %s", (int)(r->p - r->text) + 1, copy, p->name);
    r->p = end;
    return 0;
}

static int read_param(struct reading *r, int i)
{
    const struct space *s = r->s;
    bool open = take(r, '(');
    if (read_number(r, &s->params[i], &r->dna[i]) < 0)
        return -1;
    for (int c = 0; c < s->n; c++) {
        const struct param *q = &s->params[c];
        if (q->parent != i || !space_condition(s, q, r->dna[i]))
            continue;
        if (!written(q)) {
            r->dna[c] = 0;
            continue;
        }
        if (!open || !take(r, ','))
            return cause_set(r->cause, "column %d: %s is missing", (int)(r->p - r->text) + 1, q->name);
        if (read_param(r, c) < 0)
            return -1;
    }
    return open && !take(r, ')') ? refuse(r, ") is expected") : 0;
}

int space_dna_parse(const struct space *s, const char *text, double *dna, char **cause)
{
    struct reading r = {s, dna, text, text, cause};
    bool first = true;
    for (int i = 0; i < s->n; i++)
        dna[i] = NAN;
    if (!take(&r, '['))
        return refuse(&r, "[ is expected");
    for (int i = 0; i < s->n; i++) {
        const struct space_group *g = space_group_of(s, i);
        if (s->params[i].parent >= 0)
            continue;
        if (!written(&s->params[i])) {
            dna[i] = 0;
            continue;
        }
        if (!first && !take(&r, ','))
            return refuse(&r, "a comma is expected");
        first = false;
        if (g && i == g->first && !take(&r, '['))
            return refuse(&r, "[ is expected");
        if (read_param(&r, i) < 0)
            return -1;
        if (g && i == g->first + g->k - 1 && !take(&r, ']'))
            return refuse(&r, "] is expected");
    }
    if (!take(&r, ']'))
        return refuse(&r, "] is expected");
    while (isspace((unsigned char)*r.p))
        r.p++;
    return *r.p ? refuse(&r, "something follows the configuration") : space_check(s, dna, cause);
}
