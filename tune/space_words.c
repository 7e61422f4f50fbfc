/* Edits of a space in words: what `space` takes, several of them at once make one new version. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"
#include "tune/space.h"

struct words {
    char *rest;
    char **cause;
};

/* The next word, NULL after the last. */
static char *next_word(struct words *w)
{
    while (isspace((unsigned char)*w->rest))
        w->rest++;
    if (!*w->rest)
        return NULL;
    char *word = w->rest;
    while (*w->rest && !isspace((unsigned char)*w->rest))
        w->rest++;
    if (*w->rest)
        *w->rest++ = '\0';
    return word;
}

/* A value typed as written. */
static struct tune_value typed(const char *text)
{
    int64_t i;
    double x;
    size_t n = strlen(text);
    if (n >= 2 && (*text == '"' || *text == '\'') && text[n - 1] == *text) {
        char *inner = mem_strn(text + 1, n - 2);
        struct tune_value v = tune_string(inner);
        free(inner);
        return v;
    }
    bool numeric = isdigit((unsigned char)*text) || ((*text == '-' || *text == '+' || *text == '.') && text[1]);
    if (numeric && text_int(text, &i))
        return tune_int(i);
    if (numeric && text_double(text, &x) && isfinite(x))
        return tune_float(x);
    return !strcmp(text, "true") || !strcmp(text, "false") ? tune_bool(*text == 't') : tune_string(text);
}

struct list {
    struct tune_value *v;
    int n;
};

static void list_add(struct list *l, struct tune_value v)
{
    l->v = mem_resize(l->v, (size_t)l->n + 1, sizeof *l->v);
    l->v[l->n++] = v;
}

static void list_free(struct list *l)
{
    for (int i = 0; i < l->n; i++)
        tune_value_free(&l->v[i]);
    free(l->v);
}

/* The value as the parameter has it, else as written. */
static struct tune_value known_or_typed(const struct param *p, const char *text)
{
    struct tune_value v = {.kind = TUNE_STRING, .s = (char *)text}, known;
    double dna;
    if (p && !param_numeric(p) && param_encode(p, &v, &dna, NULL) == 0) {
        param_decode(p, dna, &known);
        return tune_copy(&known);
    }
    return typed(text);
}

static void read_list(const struct param *p, char *text, struct list *l)
{
    while (text) {
        char *bar = strchr(text, '|');
        if (bar)
            *bar = '\0';
        list_add(l, known_or_typed(p, text));
        text = bar ? bar + 1 : NULL;
    }
}

static int find(const struct space *s, const char *name, char **cause)
{
    int i = space_find(s, name), near = i < 0 ? space_find_near(s, name) : -1;
    if (i < 0)
        cause_set(cause, near >= 0 ? "no parameter is called \"%s\"; did you mean %s?" : "no parameter is called \"%s\"", name,
                  near >= 0 ? s->params[near].name : "");
    return i;
}

/* LOW..HIGH; an end that is missing stays as it is. */
static int read_bounds(const char *name, char *text, double *low, double *high, char **cause)
{
    char *dots = strstr(text, "..");
    *dots = '\0';
    if ((*text && (!text_double(text, low) || !isfinite(*low))) ||
        (dots[2] && (!text_double(dots + 2, high) || !isfinite(*high))))
        return cause_set(cause, "%s: bounds are written LOW..HIGH, as in 1e-4..1e-2", name);
    return *low < *high ? 0 : cause_set(cause, "%s: %g..%g is empty", name, *low, *high);
}

static struct space *keep_range(const struct space *s, int i, char *text, char **cause)
{
    const struct param *p = &s->params[i];
    double low = -INFINITY, high = INFINITY, x;
    struct list l = {0};
    struct space *c = NULL;
    if (read_bounds(p->name, text, &low, &high, cause) < 0)
        return NULL;
    for (int k = 0; k < p->n_choices; k++)
        if (tune_number(&p->choices[k], &x) && x >= low && x <= high)
            list_add(&l, tune_copy(&p->choices[k]));
    if (l.n)
        c = space_choose(s, i, l.v, l.n, cause);
    else
        cause_set(cause, "%s: no value is left", p->name);
    list_free(&l);
    return c;
}

/* PARAM=WHAT */
static struct space *assign(const struct space *s, int i, char *what, char **cause)
{
    const struct param *p = &s->params[i];
    struct list l = {0};
    if (!*what)
        return cause_null(cause, "%s: what should it be? PARAM=LOW..HIGH or PARAM=a|b|c", p->name);
    if (param_numeric(p) && strstr(what, "..")) {
        double low = p->low, high = p->high;
        return read_bounds(p->name, what, &low, &high, cause) < 0 ? NULL : space_bound(s, i, low, high, cause);
    }
    if (param_numeric(p) && strchr(what, '|'))
        return cause_null(cause, "%s: it has bounds, not choices; write %s=LOW..HIGH", p->name, p->name);
    if (param_numeric(p)) {
        struct tune_value v = typed(what);
        struct space *c = space_freeze(s, i, &v, cause);
        tune_value_free(&v);
        return c;
    }
    if (strstr(what, ".."))
        return keep_range(s, i, what, cause);
    read_list(p, what, &l);
    struct space *c = space_choose(s, i, l.v, l.n, cause);
    list_free(&l);
    return c;
}

/* PARAM+=a|b, PARAM-=a */
static struct space *change_choices(const struct space *s, int i, char *what, bool more, char **cause)
{
    const struct param *p = &s->params[i];
    struct list given = {0}, l = {0};
    bool ok = !param_numeric(p);
    read_list(p, what, &given);
    for (int k = 0; k < p->n_choices; k++) {
        bool named = false;
        for (int j = 0; j < given.n; j++)
            named |= tune_same(&p->choices[k], &given.v[j]);
        if (!named || more)
            list_add(&l, tune_copy(&p->choices[k]));
        ok &= !(named && more);
    }
    for (int j = 0; j < given.n && more; j++)
        list_add(&l, tune_copy(&given.v[j]));
    ok &= more || l.n == p->n_choices - given.n;
    struct space *c = NULL;
    if (param_numeric(p))
        cause_set(cause, "%s: it has bounds, not choices; write %s=LOW..HIGH", p->name, p->name);
    else if (!ok)
        cause_set(cause, more ? "%s: it has that value already" : "%s: it has no such value", p->name);
    else
        c = space_choose(s, i, l.v, l.n, cause);
    list_free(&l);
    list_free(&given);
    return c;
}

/* What may follow +PARAM=...: log, int, default=V. False: none of these, the word is not taken. */
static bool modifier(struct param *p, const char *word)
{
    if (!strcmp(word, "log"))
        p->prior = PRIOR_LOG;
    else if (!strcmp(word, "int"))
        p->type = PARAM_INT;
    else if (!strncmp(word, "default=", 8))
        p->fallback = typed(word + 8);
    else
        return false;
    return true;
}

static void param_drop(struct param *p)
{
    free(p->name);
    free(p->distribution);
    for (int k = 0; k < p->n_choices; k++)
        tune_value_free(&p->choices[k]);
    free(p->choices);
    free(p->place);
    tune_value_free(&p->fallback);
}

/* +PARAM=LOW..HIGH [log] [int] [default=V], +PARAM=a|b|c [default=V] */
static struct space *extend(const struct space *s, char *word, struct words *w)
{
    char *eq = strchr(word, '=');
    struct param p = {.parent = -1, .type = PARAM_FLOAT};
    double dna;
    if (!eq || eq == word || !eq[1])
        return cause_null(w->cause, "+%s: what should it be? +PARAM=LOW..HIGH [log] [int] [default=V] or +PARAM=a|b|c", word);
    *eq = '\0';
    if (space_find(s, word) >= 0)
        return cause_null(w->cause, "%s: there is one already", word);
    p.name = mem_str(word);
    if (strstr(eq + 1, "..")) {
        p.low = p.high = NAN;
        if (read_bounds(word, eq + 1, &p.low, &p.high, w->cause) < 0) {
            param_drop(&p);
            return NULL;
        }
    } else {
        struct list l = {0};
        bool numbers = true;
        double x;
        read_list(NULL, eq + 1, &l);
        for (int k = 0; k < l.n; k++)
            numbers &= tune_number(&l.v[k], &x);
        p.type = l.n == 1 ? PARAM_CONSTANT : numbers ? PARAM_ORDINAL : PARAM_CATEGORICAL;
        param_set_choices(&p, l.v, l.n);
        list_free(&l);
    }
    for (char *at = w->rest, *more = next_word(w); more; at = w->rest, more = next_word(w))
        if (!modifier(&p, more)) { /* it begins the next edit */
            size_t n = strlen(more);
            if (w->rest > more + n) /* put the blank back that next_word took */
                more[n] = ' ';
            w->rest = at;
            break;
        }
    if (p.fallback.kind == TUNE_STRING && !param_numeric(&p)) { /* as the parameter has it */
        struct tune_value v = known_or_typed(&p, p.fallback.s);
        tune_value_free(&p.fallback);
        p.fallback = v;
    }
    if (p.type == PARAM_CONSTANT && p.fallback.kind == TUNE_ABSENT)
        p.fallback = tune_copy(&p.choices[0]);
    struct space *c = NULL;
    struct tune_value fallback = tune_copy(&p.fallback);
    if (fallback.kind == TUNE_ABSENT || p.type == PARAM_INT || param_encode(&p, &fallback, &dna, w->cause) == 0)
        c = space_extend(s, &p, w->cause);
    tune_value_free(&fallback);
    param_drop(&p);
    return c;
}

static struct space *one_edit(const struct space *s, char *word, struct words *w)
{
    char *eq = strchr(word, '=');
    char sign = eq && eq > word ? eq[-1] : '\0';
    if (*word == '+')
        return extend(s, word + 1, w);
    if (*word == '-' && !eq) {
        int i = find(s, word + 1, w->cause);
        return i < 0 ? NULL : space_drop(s, i, w->cause);
    }
    if (!eq)
        return cause_null(w->cause,
                          "\"%s\" is no edit; there are PARAM=LOW..HIGH, PARAM=a|b, PARAM+=a, PARAM-=a, +PARAM=... and -PARAM",
                          word);
    bool change = sign == '+' || sign == '-';
    eq[change ? -1 : 0] = '\0';
    int i = find(s, word, w->cause);
    if (i < 0)
        return NULL;
    return change ? change_choices(s, i, eq + 1, sign == '+', w->cause) : assign(s, i, eq + 1, w->cause);
}

struct space *space_edit(const struct space *s, const char *text, char **cause)
{
    char *copy = mem_str(text);
    struct words w = {copy, cause};
    const struct space *at = s;
    struct space *next = NULL;
    for (char *word = next_word(&w); word; word = next_word(&w)) {
        next = one_edit(at, word, &w);
        if (at != s)
            space_free((struct space *)at);
        at = next;
        if (!next)
            break;
    }
    if (!next && at == s)
        cause_set(cause, "no edit is given; there are PARAM=LOW..HIGH, PARAM=a|b, PARAM+=a, PARAM-=a, +PARAM=... and -PARAM");
    free(copy);
    if (next)
        next->version = s->version + 1;
    return next;
}
