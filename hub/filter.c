/* filter: a recursive-descent parser to a tree of nodes in one array, and its evaluation. */
#include "hub/filter.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

enum node_kind {
    NODE_ALL,
    NODE_AND,
    NODE_OR,
    NODE_NOT,
    NODE_COMPARE,
    NODE_CONTAINS,
    NODE_TAG,
    NODE_NOTE,
    NODE_WORD
};
enum compare { EQ, NE, LT, LE, GT, GE };

struct filter_node {
    enum node_kind kind;
    int child; /* NOT: its only one; AND, OR: the first, the others follow by next */
    int next;  /* 0: the last (node 0 is always somebody's first) */
    char *name, *value;
    enum compare op;
    bool number, nil;
    double x;
};

struct filter {
    struct filter_node *nodes;
    int n, root;
};

struct parser {
    struct filter *f;
    const char *start, *p;
    int depth;
    char *error;
};

static int fail(struct parser *ps, const char *at, const char *what)
{
    if (!ps->error)
        cause_set(&ps->error, "filter: %s at column %d", what, (int)(at - ps->start) + 1);
    return -1;
}

static int add(struct parser *ps, struct filter_node node)
{
    struct filter *f = ps->f;
    if ((f->n & (f->n - 1)) == 0) /* full at every power of two */
        f->nodes = mem_resize(f->nodes, f->n ? (size_t)f->n * 2 : 1, sizeof *f->nodes);
    f->nodes[f->n] = node;
    return f->n++;
}

static void blanks(struct parser *ps)
{
    while (isspace((unsigned char)*ps->p))
        ps->p++;
}

static bool ends_word(char c)
{
    return c == '\0' || isspace((unsigned char)c) || strchr("|()\"'", c);
}

static bool is_operator(char c)
{
    return c == '=' || c == '<' || c == '>' || c == '!' || c == ':';
}

/* A quoted text, or the bytes up to a blank, a sign that ends words or (for names) an operator. NULL when
 * nothing is there or a quote is left open. */
static char *take_word(struct parser *ps, bool name)
{
    const char *from = ps->p;
    if (*from == '"' || *from == '\'') {
        const char *end = strchr(from + 1, *from);
        if (!end) {
            fail(ps, from, "an open quote");
            return NULL;
        }
        ps->p = end + 1;
        return mem_strn(from + 1, (size_t)(end - from - 1));
    }
    while (!ends_word(*ps->p) && !(name && is_operator(*ps->p)))
        ps->p++;
    return ps->p > from ? mem_strn(from, (size_t)(ps->p - from)) : NULL;
}

static bool take_operator(struct parser *ps, enum compare *op)
{
    static const struct {
        const char *text;
        enum compare op;
    } ops[] = {{"==", EQ}, {"!=", NE}, {"<=", LE}, {">=", GE}, {"=", EQ}, {"<", LT}, {">", GT}};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (text_has_prefix(ps->p, ops[i].text)) {
            ps->p += strlen(ops[i].text);
            *op = ops[i].op;
            return true;
        }
    return false;
}

/* A number, a trial's id (t17) or a time. */
static bool read_number(const char *s, double *x)
{
    int64_t id, ns;
    if (text_double(s, x))
        return true;
    if (*s == 't' && text_int(s + 1, &id) && id >= 0) {
        *x = (double)id;
        return true;
    }
    if (strchr(s, 'T') && clock_parse(s, &ns)) {
        *x = (double)ns / 1e9;
        return true;
    }
    return false;
}

static int parse_comparison(struct parser *ps, char *name, enum compare op)
{
    const char *at = ps->p;
    char *value = take_word(ps, false);
    if (!value) {
        free(name);
        return ps->error ? -1 : fail(ps, at, "a value is missing");
    }
    struct filter_node node = {.kind = NODE_COMPARE, .name = name, .value = value, .op = op};
    node.number = read_number(value, &node.x);
    node.nil = (op == EQ || op == NE) && (strcmp(value, "nil") == 0 || strcmp(value, "null") == 0);
    if (!node.number && op != EQ && op != NE) {
        free(name);
        free(value);
        return fail(ps, at, "a number is needed behind < and >");
    }
    return add(ps, node);
}

static int parse_contains(struct parser *ps, char *name)
{
    const char *at = ps->p;
    char *value = take_word(ps, false);
    if (!value) {
        free(name);
        return ps->error ? -1 : fail(ps, at, "a text is missing");
    }
    enum node_kind kind = strcmp(name, "tag") == 0    ? NODE_TAG
                          : strcmp(name, "note") == 0 ? NODE_NOTE
                                                      : NODE_CONTAINS;
    return add(ps, (struct filter_node){.kind = kind, .name = name, .value = value});
}

static int parse_term(struct parser *ps)
{
    const char *at = ps->p;
    char *name = take_word(ps, true);
    enum compare op;
    if (!name)
        return ps->error ? -1 : fail(ps, at, *at == ')' ? "a ) without its (" : "a name is missing");
    if (*ps->p == ':') {
        ps->p++;
        return parse_contains(ps, name);
    }
    if (take_operator(ps, &op))
        return parse_comparison(ps, name, op);
    return add(ps, (struct filter_node){.kind = NODE_WORD, .value = name});
}

static int parse_all(struct parser *ps);

static int parse_unit(struct parser *ps)
{
    blanks(ps);
    const char *at = ps->p;
    if (ps->depth >= FILTER_MAX_DEPTH)
        return fail(ps, at, "nested too deeply");
    int inner;
    ps->depth++;
    if (*at == '-' || *at == '!') {
        ps->p++;
        inner = parse_unit(ps);
        inner = inner < 0 ? -1 : add(ps, (struct filter_node){.kind = NODE_NOT, .child = inner});
    } else if (*at == '(') {
        ps->p++;
        inner = parse_all(ps);
        blanks(ps);
        if (inner >= 0 && *ps->p != ')')
            inner = fail(ps, at, "a ( that is never closed");
        ps->p += inner >= 0;
    } else if (*at == '\0') {
        inner = fail(ps, at, "a term is missing");
    } else if (*at == '|') {
        inner = fail(ps, at, "a | without a term before it");
    } else {
        inner = parse_term(ps);
    }
    ps->depth--;
    return inner;
}

static bool more_choices(struct parser *ps)
{
    blanks(ps);
    if (*ps->p != '|')
        return false;
    ps->p++;
    return true;
}

static bool more_terms(struct parser *ps)
{
    blanks(ps);
    return *ps->p != '\0' && *ps->p != ')';
}

/* One child, or a node over all of them: in the order in which they were written, so that the writer decides
 * what is looked at first. */
static int parse_several(struct parser *ps, enum node_kind kind, int (*one)(struct parser *),
                         bool (*more)(struct parser *))
{
    int first = one(ps), last = first, parent = -1;
    while (last >= 0 && more(ps)) {
        if (parent < 0)
            parent = add(ps, (struct filter_node){.kind = kind, .child = first});
        int next = one(ps);
        if (next >= 0)
            ps->f->nodes[last].next = next;
        last = next;
    }
    return last < 0 ? -1 : parent < 0 ? first : parent;
}

static int parse_choice(struct parser *ps)
{
    return parse_several(ps, NODE_OR, parse_unit, more_choices);
}

/* Terms up to the end or a closing parenthesis. */
static int parse_all(struct parser *ps)
{
    return parse_several(ps, NODE_AND, parse_choice, more_terms);
}

struct filter *filter_parse(const char *text, char **cause)
{
    struct filter *f = MEM_NEW(struct filter);
    struct parser ps = {.f = f, .start = text, .p = text};
    if (strlen(text) > FILTER_MAX_TEXT) {
        cause_set(cause, "filter: longer than %d bytes at column %d", FILTER_MAX_TEXT, FILTER_MAX_TEXT + 1);
        filter_free(f);
        return NULL;
    }
    blanks(&ps);
    f->root = *ps.p ? parse_all(&ps) : add(&ps, (struct filter_node){.kind = NODE_ALL});
    if (f->root >= 0 && *ps.p)
        f->root = fail(&ps, ps.p, "a ) without its (");
    if (f->root >= 0)
        return f;
    cause_set(cause, "%s", ps.error);
    free(ps.error);
    filter_free(f);
    return NULL;
}

void filter_free(struct filter *f)
{
    if (!f)
        return;
    for (int i = 0; i < f->n; i++) {
        free(f->nodes[i].name);
        free(f->nodes[i].value);
    }
    free(f->nodes);
    free(f);
}

/* ---- evaluation ---- */

bool filter_contains(struct span text, const char *needle)
{
    size_t n = strlen(needle);
    for (size_t i = 0; i + n <= text.n; i++)
        if (strncasecmp(text.p + i, needle, n) == 0)
            return true;
    return false;
}

static bool same_text(struct span text, const char *s, bool prefix)
{
    size_t n = strlen(s);
    return n > 0 && (prefix ? text.n >= n : text.n == n) && strncasecmp(text.p, s, n) == 0;
}

static bool compare_numbers(enum compare op, double a, double b)
{
    switch (op) {
    case EQ: return a == b;
    case NE: return a != b;
    case LT: return a < b;
    case LE: return a <= b;
    case GT: return a > b;
    default: return a >= b;
    }
}

static bool is_absent(struct filter_value v)
{
    return v.type == FILTER_ABSENT || (v.type == FILTER_NUMBER && isnan(v.number));
}

static bool compare(const struct filter_node *n, const struct filter_subject *row)
{
    struct filter_value v = row->get(row->arg, n->name);
    if (n->nil)
        return is_absent(v) == (n->op == EQ);
    if (is_absent(v))
        return false;
    if (v.type == FILTER_NUMBER)
        return n->number && compare_numbers(n->op, v.number, n->x);
    if (n->op == EQ || n->op == NE)
        return same_text(v.text, n->value, v.type == FILTER_STATE) == (n->op == EQ);
    double x;
    char text[TEXT_NUM * 2];
    span_copy(text, sizeof text, v.text);
    return text_double(text, &x) && compare_numbers(n->op, x, n->x);
}

static bool contains(const struct filter_node *n, const struct filter_subject *row)
{
    struct filter_value v = row->get(row->arg, n->name);
    if (v.type == FILTER_NUMBER && !isnan(v.number)) {
        char text[TEXT_NUM];
        size_t len = text_fmt_double(text, v.number);
        return filter_contains((struct span){text, len}, n->value);
    }
    return (v.type == FILTER_TEXT || v.type == FILTER_STATE) && filter_contains(v.text, n->value);
}

static bool eval(const struct filter *f, int at, const struct filter_subject *row);

static bool eval_several(const struct filter *f, const struct filter_node *n, const struct filter_subject *row)
{
    bool decides = n->kind == NODE_OR;
    for (int i = n->child;; i = f->nodes[i].next) {
        if (eval(f, i, row) == decides)
            return decides;
        if (f->nodes[i].next == 0)
            return !decides;
    }
}

static bool eval(const struct filter *f, int at, const struct filter_subject *row)
{
    const struct filter_node *n = &f->nodes[at];
    switch (n->kind) {
    case NODE_AND:
    case NODE_OR: return eval_several(f, n, row);
    case NODE_NOT: return !eval(f, n->child, row);
    case NODE_COMPARE: return compare(n, row);
    case NODE_CONTAINS: return contains(n, row);
    case NODE_TAG: return row->tagged(row->arg, n->value);
    case NODE_NOTE: return row->says(row->arg, n->value, true);
    case NODE_WORD: return row->says(row->arg, n->value, false);
    default: return true;
    }
}

bool filter_match(const struct filter *f, const struct filter_subject *row)
{
    return eval(f, f->root, row);
}
