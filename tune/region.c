/* Boxes in value terms. Sampling inside one walks the parameters from parents to children with a resolved
 * copy of the box, in which a side on a conditional parameter has already been turned into a restriction of
 * its parents. */
#include "tune/region.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"
#include "tune/space_parts.h"

static void side_release(struct region_side *side)
{
    free(side->param);
    for (int k = 0; k < side->n_values; k++)
        tune_value_free(&side->values[k]);
    free(side->values);
}

void region_release(struct region *r)
{
    for (int i = 0; i < r->n; i++)
        side_release(&r->sides[i]);
    free(r->sides);
    memset(r, 0, sizeof *r);
}

static struct region_side *side_new(struct region *r, const char *param)
{
    r->sides = mem_resize(r->sides, (size_t)r->n + 1, sizeof *r->sides);
    struct region_side *side = &r->sides[r->n++];
    *side = (struct region_side){.param = mem_str(param), .low = -INFINITY, .high = INFINITY, .closed = true};
    return side;
}

static void side_values(struct region_side *side, const struct tune_value *v, int n)
{
    side->values = mem_zero((size_t)n, sizeof *side->values);
    side->n_values = n;
    for (int k = 0; k < n; k++)
        side->values[k] = tune_copy(&v[k]);
}

static void add_sides(struct region *to, const struct region *from)
{
    for (int i = 0; i < from->n; i++) {
        const struct region_side *a = &from->sides[i];
        struct region_side *b = side_new(to, a->param);
        b->low = a->low;
        b->high = a->high;
        b->closed = a->closed;
        if (a->values)
            side_values(b, a->values, a->n_values);
    }
}

void region_copy(struct region *to, const struct region *from)
{
    memset(to, 0, sizeof *to);
    add_sides(to, from);
}

void region_join(struct region *to, const struct region *a, const struct region *b)
{
    region_copy(to, a);
    add_sides(to, b);
}

void region_interval(struct region *r, const struct param *p, double low, double high, bool closed)
{
    struct region_side *side = side_new(r, p->name);
    side->low = low;
    side->high = high;
    side->closed = closed;
}

void region_choices(struct region *r, const struct param *p, const bool *keep)
{
    struct region_side *side = side_new(r, p->name);
    side->values = mem_zero((size_t)p->n_choices, sizeof *side->values);
    for (int k = 0; k < p->n_choices; k++)
        if (keep[k])
            side->values[side->n_values++] = tune_copy(&p->choices[k]);
}

/* ---- membership ---- */

static bool has(const struct region_side *side, const struct tune_value *v)
{
    for (int k = 0; k < side->n_values; k++)
        if (tune_same(&side->values[k], v))
            return true;
    return false;
}

static bool spans(const struct region_side *side, double x)
{
    return x >= side->low && (x < side->high || (side->closed && x == side->high));
}

static bool admits(const struct region_side *side, const struct param *p, double dna)
{
    struct tune_value v;
    double x;
    if (isnan(dna))
        return false;
    param_decode(p, dna, &v);
    return side->values ? has(side, &v) : tune_number(&v, &x) && spans(side, x);
}

bool region_holds(const struct region *r, const struct space *s, const double *dna)
{
    for (int i = 0; i < r->n; i++) {
        int k = space_find(s, r->sides[i].param);
        if (k >= 0 && !admits(&r->sides[i], &s->params[k], dna[k]))
            return false;
    }
    return true;
}

static bool everywhere(const struct region_side *side, const struct param *p)
{
    if (p->parent >= 0)
        return false;
    if (param_numeric(p) && !side->values)
        return spans(side, p->low) && spans(side, p->high);
    for (int k = 0; k < p->n_choices; k++)
        if (!admits(side, p, k))
            return false;
    return true;
}

static bool side_within(const struct region_side *in, const struct region_side *out, const struct param *p)
{
    if (!param_numeric(p)) {
        for (int k = 0; k < p->n_choices; k++)
            if (admits(in, p, k) && !admits(out, p, k))
                return false;
        return true;
    }
    if (in->values || out->values)
        return false;
    double low = fmax(in->low, p->low), high = fmin(in->high, p->high);
    bool closed = in->closed || in->high > p->high;
    return low >= out->low && (high < out->high || (high == out->high && (out->closed || !closed)));
}

bool region_within(const struct region *inner, const struct region *outer, const struct space *s)
{
    for (int i = 0; i < outer->n; i++) {
        const struct region_side *out = &outer->sides[i];
        int k = space_find(s, out->param);
        if (k < 0 || everywhere(out, &s->params[k]))
            continue;
        bool implied = false;
        for (int j = 0; j < inner->n && !implied; j++)
            implied = !strcmp(inner->sides[j].param, out->param) &&
                      side_within(&inner->sides[j], out, &s->params[k]);
        if (!implied)
            return false;
    }
    return true;
}

static bool side_meets(const struct region_side *a, const struct region_side *b, const struct param *p)
{
    if (!param_numeric(p)) {
        for (int k = 0; k < p->n_choices; k++)
            if (admits(a, p, k) && admits(b, p, k))
                return true;
        return false;
    }
    double low = fmax(a->low, b->low), high = fmin(a->high, b->high);
    return low < high || (low == high && spans(a, low) && spans(b, low));
}

bool region_meets(const struct region *a, const struct region *b, const struct space *s)
{
    for (int i = 0; i < a->n; i++) {
        int k = space_find(s, a->sides[i].param);
        for (int j = 0; k >= 0 && j < b->n; j++)
            if (!strcmp(a->sides[i].param, b->sides[j].param) &&
                !side_meets(&a->sides[i], &b->sides[j], &s->params[k]))
                return false;
    }
    return true;
}

/* ---- sampling ---- */

struct box { /* of one parameter */
    double low, high;
    bool closed, bound;
    bool *keep; /* choices */
};

static void narrow(struct box *b, double low, double high, bool closed)
{
    b->low = fmax(b->low, low);
    if (high < b->high) {
        b->high = high;
        b->closed = closed;
    } else if (high == b->high) {
        b->closed &= closed;
    }
}

static void resolve(const struct region *r, const struct space *s, struct box *box)
{
    for (int i = 0; i < s->n; i++) {
        const struct param *p = &s->params[i];
        box[i] = (struct box){.low = p->low, .high = p->high, .closed = true};
        if (!param_numeric(p)) {
            box[i].keep = mem_alloc((size_t)p->n_choices * sizeof(bool));
            for (int k = 0; k < p->n_choices; k++)
                box[i].keep[k] = !p->weights || p->weights[k] > 0;
        }
    }
    for (int j = 0; j < r->n; j++) {
        int i = space_find(s, r->sides[j].param);
        if (i < 0)
            continue;
        box[i].bound = true;
        if (box[i].keep)
            for (int k = 0; k < s->params[i].n_choices; k++)
                box[i].keep[k] &= admits(&r->sides[j], &s->params[i], k);
        else
            narrow(&box[i], r->sides[j].low, r->sides[j].high, r->sides[j].closed);
    }
    for (int k = s->n - 1; k >= 0; k--) { /* children before parents */
        const struct param *p = &s->params[s->order[k]];
        if (!box[s->order[k]].bound || p->parent < 0)
            continue;
        struct box *up = &box[p->parent];
        up->bound = true;
        if (up->keep)
            for (int c = 0; c < s->params[p->parent].n_choices; c++)
                up->keep[c] &= p->when[c];
        else
            narrow(up, p->when_low, p->when_high, true);
    }
}

static int draw_choice(const struct param *p, const struct box *b, struct rng *rng, double *out)
{
    double sum = 0, u;
    int last = -1;
    for (int k = 0; k < p->n_choices; k++)
        sum += b->keep[k] ? (p->weights ? p->weights[k] : 1) : 0;
    u = rng_unit(rng) * sum;
    for (int k = 0; k < p->n_choices; k++) {
        if (!b->keep[k])
            continue;
        last = k;
        u -= p->weights ? p->weights[k] : 1;
        if (u < 0)
            break;
    }
    *out = last;
    return last < 0 ? -1 : 0;
}

static int draw_number(const struct param *p, const struct box *b, struct rng *rng, double *out)
{
    double low = b->low, high = b->high, first = low, last = high;
    if (!b->bound) {
        *out = rng_unit(rng);
        return 0;
    }
    if (p->quantum > 0) {
        first = p->anchor + ceil((low - p->anchor) / p->quantum - 1e-9) * p->quantum;
        last = p->anchor + floor((high - p->anchor) / p->quantum + 1e-9) * p->quantum;
        if (!b->closed && last > high - 1e-9 * p->quantum)
            last -= p->quantum;
        if (first > last)
            return -1;
        low = first - p->quantum / 2;
        high = last + p->quantum / 2;
    } else if (!(low < high || (low == high && b->closed))) {
        return -1;
    }
    double from = param_unwarp(p, low), to = param_unwarp(p, high);
    for (int tries = 0; tries < 64; tries++) {
        double u = from + rng_unit(rng) * (to - from), x = param_value(p, u);
        if (x >= first - 1e-12 * fabs(first) &&
            (x < last || (p->quantum > 0 ? x <= last + 1e-9 * p->quantum : b->closed && x == last))) {
            *out = u;
            return 0;
        }
    }
    *out = param_place(p, first);
    return 0;
}

struct boxed {
    const struct region *r;
    const struct box *box;
};

static bool groups_bound(const struct space *s, const struct box *box)
{
    for (int i = 0; i < s->n_groups; i++)
        for (int j = 0; j < s->groups[i].k; j++)
            if (box[s->groups[i].first + j].bound)
                return true;
    return false;
}

/* One draw, canonical. What is canonical of a group may lie elsewhere: then a few more. */
static int draw_boxed(void *arg, const struct space *s, struct rng *rng, double *dna)
{
    const struct boxed *b = arg;
    for (int tries = groups_bound(s, b->box) ? 200 : 1; tries > 0; tries--) {
        for (int i = 0; i < s->n; i++) {
            const struct param *p = &s->params[i];
            int rc = (param_numeric(p) ? draw_number : draw_choice)(p, &b->box[i], rng, &dna[i]);
            if (rc < 0 && b->box[i].bound)
                return -1;
        }
        if (!groups_bound(s, b->box))
            space_groups_draw(s, rng, dna);
        space_canon(s, dna);
        if (region_holds(b->r, s, dna))
            return 0;
    }
    return -1;
}

int region_sample(const struct region *r, const struct space *s, struct rng *rng, double *dna)
{
    struct box *box = mem_zero((size_t)s->n, sizeof *box);
    struct boxed b = {r, box};
    resolve(r, s, box);
    int rc = space_draw(s, rng, draw_boxed, &b, dna);
    for (int i = 0; i < s->n; i++)
        free(box[i].keep);
    free(box);
    return rc;
}

/* ---- text ---- */

static char *trim(char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    char *end = s + strlen(s);
    while (end > s && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return s;
}

/* Cuts text at the separator, one piece a call; NULL after the last. */
static char *next_word(char *text, char separator, char **rest)
{
    char *word = text ? text : *rest;
    if (!word)
        return NULL;
    char *end = strchr(word, separator);
    *rest = end ? end + 1 : NULL;
    if (end)
        *end = '\0';
    return word;
}

static int parse_number(const struct param *p, const char *text, double absent, double *out, char **cause)
{
    if (!*text)
        *out = absent;
    else if (!text_double(text, out) || isnan(*out))
        return cause_set(cause, "%s: \"%s\" is not a number", p->name, text);
    return 0;
}

static int parse_interval(struct region *r, const struct param *p, char *text, char **cause)
{
    char *dots = strstr(text, "..");
    double low, high;
    if (!dots) {
        if (parse_number(p, text, NAN, &low, cause) < 0)
            return -1;
        region_interval(r, p, low, low, true);
        return 0;
    }
    *dots = '\0';
    if (parse_number(p, trim(text), p->low, &low, cause) < 0 ||
        parse_number(p, trim(dots + 2), p->high, &high, cause) < 0)
        return -1;
    if (low > high)
        return cause_set(cause, "%s: %g..%g is empty", p->name, low, high);
    region_interval(r, p, low, high, high >= p->high);
    return 0;
}

static int parse_choices(struct region *r, const struct param *p, char *text, bool not, char **cause)
{
    bool *keep = mem_zero((size_t)p->n_choices, sizeof *keep);
    char *save = NULL;
    int rc = 0;
    for (char *word = next_word(text, '|', &save); word && rc == 0; word = next_word(NULL, '|', &save)) {
        struct tune_value v = {.kind = TUNE_STRING, .s = trim(word)};
        double dna, low, high;
        char *dots = strstr(v.s, "..");
        if (dots && param_encode(p, &v, &dna, NULL) < 0) { /* a range over numeric choices */
            *dots = '\0';
            rc = parse_number(p, v.s, -INFINITY, &low, cause) < 0 ||
                         parse_number(p, dots + 2, INFINITY, &high, cause) < 0
                     ? -1
                     : 0;
            for (int k = 0; rc == 0 && k < p->n_choices; k++) {
                double x;
                keep[k] |= tune_number(&p->choices[k], &x) && x >= low && x <= high;
            }
        } else if ((rc = param_encode(p, &v, &dna, cause)) == 0) {
            keep[(int)dna] = true;
        }
    }
    int n = 0;
    for (int k = 0; k < p->n_choices; k++)
        n += keep[k] ^= not;
    if (rc == 0 && !n)
        rc = cause_set(cause, "%s: no value is left", p->name);
    if (rc == 0)
        region_choices(r, p, keep);
    free(keep);
    return rc;
}

static int parse_side(struct region *r, const struct space *s, char *text, char **cause)
{
    size_t n = strcspn(text, "=<>!");
    char op = text[n], *rest = text + n + (op != '\0');
    bool equal = op == '=';
    if (!op)
        return cause_set(cause,
                         "\"%s\" is neither an arm nor of the form PARAM=VALUE, PARAM=LOW..HIGH, PARAM<VALUE",
                         trim(text));
    if (!equal && *rest == '=') {
        equal = true;
        rest++;
    }
    text[n] = '\0';
    text = trim(text);
    rest = trim(rest);
    int i = space_find(s, text);
    if (i < 0) {
        int near = space_find_near(s, text);
        return near < 0 ? cause_set(cause, "no parameter is called \"%s\"", text)
                        : cause_set(cause, "no parameter is called \"%s\"; did you mean %s?", text,
                                    s->params[near].name);
    }
    const struct param *p = &s->params[i];
    if (!*rest)
        return cause_set(cause, "%s: a value is missing", p->name);
    if (op == '=' || op == '!') {
        if (!param_numeric(p))
            return parse_choices(r, p, rest, op == '!', cause);
        return op == '=' ? parse_interval(r, p, rest, cause)
                         : cause_set(cause, "%s: != is for parameters with choices", p->name);
    }
    double x;
    if (!param_numeric(p))
        return cause_set(cause, "%s: < and > are for numbers", p->name);
    if (parse_number(p, rest, NAN, &x, cause) < 0)
        return -1;
    if (op == '<')
        region_interval(r, p, -INFINITY, x, equal);
    else
        region_interval(r, p, equal ? x : nextafter(x, INFINITY), INFINITY, true);
    return 0;
}

int region_parse(struct region *r, const struct space *s, const char *text, char **cause)
{
    char *copy = mem_str(text), *save = NULL;
    int rc = 0;
    memset(r, 0, sizeof *r);
    for (char *side = next_word(copy, '&', &save); side && rc == 0; side = next_word(NULL, '&', &save))
        rc = parse_side(r, s, side, cause);
    if (rc == 0 && !r->n)
        rc = cause_set(cause, "an empty region");
    free(copy);
    if (rc < 0)
        region_release(r);
    return rc;
}

void region_text(const struct region *r, char *out, size_t cap)
{
    struct buf b = {0};
    for (int i = 0; i < r->n; i++) {
        const struct region_side *side = &r->sides[i];
        buf_printf(&b, "%s%s", i ? " & " : "", side->param);
        for (int k = 0; k < side->n_values; k++) {
            char text[64];
            tune_text(&side->values[k], text, sizeof text);
            buf_printf(&b, "%s%s", k ? "|" : "=", text);
        }
        if (!side->values && side->low == side->high)
            buf_printf(&b, "=%.4g", side->low);
        else if (!side->values && isinf(side->high))
            buf_printf(&b, ">=%.4g", side->low);
        else if (!side->values && isinf(side->low))
            buf_printf(&b, "<%s%.4g", side->closed ? "=" : "", side->high);
        else if (!side->values)
            buf_printf(&b, "=%.4g..%.4g", side->low, side->high);
    }
    snprintf(out, cap, "%s", r->n ? buf_cstr(&b) : "everything");
    buf_release(&b);
}

/* ---- bytes ---- */

void region_pack(const struct region *r, struct buf *out)
{
    pack_u64(out, (uint64_t)r->n);
    for (int i = 0; i < r->n; i++) {
        const struct region_side *side = &r->sides[i];
        pack_str(out, side->param);
        pack_f64(out, side->low);
        pack_f64(out, side->high);
        pack_u64(out, side->closed | (side->values ? 2 : 0));
        pack_u64(out, (uint64_t)side->n_values);
        for (int k = 0; k < side->n_values; k++)
            pack_value(out, &side->values[k]);
    }
}

int region_unpack(struct region *r, struct unpack *in)
{
    memset(r, 0, sizeof *r);
    size_t n = unpack_count(in, 8);
    for (size_t i = 0; i < n && !in->bad; i++) {
        char *name = unpack_str(in);
        struct region_side *side = side_new(r, name ? name : "");
        free(name);
        side->low = unpack_f64(in);
        side->high = unpack_f64(in);
        uint64_t flags = unpack_u64(in);
        side->closed = flags & 1;
        size_t values = unpack_count(in, 8);
        if (flags & 2)
            side->values = mem_zero(values, sizeof *side->values);
        for (size_t k = 0; k < values && (flags & 2) && !in->bad; k++)
            side->values[side->n_values++] = unpack_value(in);
    }
    if (in->bad)
        region_release(r);
    return in->bad ? -1 : 0;
}
