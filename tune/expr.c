/* A recursive-descent parser into an array of nodes (children before parents), and an evaluation with three truth values
 * (S. Kleene's strong logic). Beside its truth each condition knows how far it is from being true and from being false, in
 * the manner of signal temporal logic's robustness, so that a search can walk towards a configuration that keeps it. */
#include "tune/expr.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"
#include "tune/space.h"

#define NODES_MAX 1000
#define DEPTH_MAX 60
#define NEAR      1e-6 /* distance of what is only just false */

enum op {
    OP_NUMBER, OP_TEXT, OP_BOOL, OP_PARAM,
    OP_OR, OP_AND, OP_NOT,
    OP_EQ, OP_NE, OP_LE, OP_GE, OP_LT, OP_GT,
    OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MOD, OP_POW, OP_NEG,
    OP_MIN, OP_MAX, OP_LOG, OP_EXP, OP_ABS, OP_SQRT,
};

enum type { TYPE_ANY, TYPE_NUMBER, TYPE_TEXT, TYPE_BOOL };

struct node {
    enum op op;
    enum type type;
    int left, right; /* -1 none */
    int param;
    double number;   /* OP_BOOL: 0 or 1 */
    char *text;
    size_t at;
};

struct expr {
    char *text;
    struct node *nodes;
    int n;
};

const char *expr_text(const struct expr *e)
{
    return e->text;
}

void expr_free(struct expr *e)
{
    if (!e)
        return;
    for (int i = 0; i < e->n; i++)
        free(e->nodes[i].text);
    free(e->nodes);
    free(e->text);
    free(e);
}

bool expr_uses(const struct expr *e, int param)
{
    for (int i = 0; i < e->n; i++)
        if (e->nodes[i].op == OP_PARAM && e->nodes[i].param == param)
            return true;
    return false;
}

/* ---- parsing ---- */

struct parser {
    const struct space *s;
    struct expr *e;
    const char *p;
    int depth;
    bool strict;
    size_t *at;
    char **cause;
};

static int fail_at(struct parser *p, size_t at, const char *what)
{
    *p->at = at;
    cause_set(p->cause, "%s", what);
    return -1;
}

static size_t here(const struct parser *p)
{
    return (size_t)(p->p - p->e->text);
}

static int add(struct parser *p, struct node n)
{
    if (p->e->n == NODES_MAX)
        return fail_at(p, n.at, "the constraint is too long");
    p->e->nodes = mem_resize(p->e->nodes, (size_t)p->e->n + 1, sizeof *p->e->nodes);
    p->e->nodes[p->e->n] = n;
    return p->e->n++;
}

static enum type type_of(const struct parser *p, int node)
{
    return p->e->nodes[node].type;
}

static const char *type_name(enum type t)
{
    return t == TYPE_NUMBER ? "a number" : t == TYPE_TEXT ? "a text" : "true or false";
}

/* The node has this type or may turn out to have it. */
static int want(struct parser *p, int node, enum type t)
{
    enum type is = node < 0 ? t : type_of(p, node);
    if (node < 0)
        return -1;
    if (is == t || is == TYPE_ANY)
        return 0;
    struct buf b = {0};
    buf_printf(&b, "%s is needed here, this is %s", type_name(t), type_name(is));
    fail_at(p, p->e->nodes[node].at, buf_cstr(&b));
    buf_release(&b);
    return -1;
}

static void skip(struct parser *p)
{
    while (isspace((unsigned char)*p->p))
        p->p++;
}

static bool word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* Takes the symbol or word when it stands next. */
static bool take(struct parser *p, const char *token)
{
    size_t n = strlen(token);
    skip(p);
    if (strncmp(p->p, token, n) != 0 || (isalpha((unsigned char)*token) && word_char(p->p[n])))
        return false;
    p->p += n;
    return true;
}

static int parse_or(struct parser *p);

static enum type param_type(const struct param *q)
{
    enum type t = TYPE_ANY;
    if (param_numeric(q))
        return TYPE_NUMBER;
    for (int k = 0; k < q->n_choices; k++) {
        enum tune_kind kind = q->choices[k].kind;
        enum type one = kind == TUNE_INT || kind == TUNE_FLOAT ? TYPE_NUMBER : kind == TUNE_STRING ? TYPE_TEXT
                      : kind == TUNE_BOOL ? TYPE_BOOL : TYPE_ANY;
        if (k && one != t)
            return TYPE_ANY;
        t = one;
    }
    return t;
}

static int name_node(struct parser *p, const char *name, size_t at)
{
    int i = space_find(p->s, name);
    if (i >= 0)
        return add(p, (struct node){OP_PARAM, param_type(&p->s->params[i]), -1, -1, i, 0, NULL, at});
    struct buf b = {0};
    int near = space_find_near(p->s, name);
    buf_printf(&b, "no parameter is called %s", name);
    if (near >= 0)
        buf_printf(&b, "; did you mean %s?", p->s->params[near].name);
    else
        buf_printf(&b, " (a text is written '%s')", name);
    fail_at(p, at, buf_cstr(&b));
    buf_release(&b);
    return -1;
}

static int quoted(struct parser *p)
{
    size_t at = here(p);
    char quote = *p->p;
    const char *end = strchr(p->p + 1, quote);
    if (!end)
        return fail_at(p, at, "the quote is not closed");
    char *text = mem_strn(p->p + 1, (size_t)(end - p->p - 1));
    p->p = end + 1;
    if (quote != '`')
        return add(p, (struct node){OP_TEXT, TYPE_TEXT, -1, -1, -1, 0, text, at});
    int n = name_node(p, text, at);
    free(text);
    return n;
}

static int number(struct parser *p)
{
    size_t at = here(p);
    char *end, copy[64];
    strtod(p->p, &end);
    size_t n = (size_t)(end - p->p);
    double x;
    if (n >= sizeof copy)
        return fail_at(p, at, "this number is too long");
    memcpy(copy, p->p, n);
    copy[n] = '\0';
    if (!text_double(copy, &x) || !isfinite(x))
        return fail_at(p, at, "this is not a number");
    p->p = end;
    return add(p, (struct node){OP_NUMBER, TYPE_NUMBER, -1, -1, -1, x, NULL, at});
}

static int function(struct parser *p, enum op op, int most, size_t at)
{
    int first = -1;
    if (!take(p, "("))
        return fail_at(p, here(p), "( is missing");
    for (int n = 0;; n++) {
        int arg = parse_or(p);
        if (want(p, arg, TYPE_NUMBER) < 0)
            return -1;
        if (n >= most)
            return fail_at(p, p->e->nodes[arg].at, "it takes one number");
        if (most == 1)
            first = add(p, (struct node){op, TYPE_NUMBER, arg, -1, -1, 0, NULL, at});
        else
            first = n ? add(p, (struct node){op, TYPE_NUMBER, first, arg, -1, 0, NULL, at}) : arg;
        if (first < 0)
            return -1;
        if (take(p, ")"))
            return first;
        if (!take(p, ","))
            return fail_at(p, here(p), "a comma or ) is missing");
    }
}

static int word(struct parser *p)
{
    static const struct {
        const char *name;
        enum op op;
        int args;
    } functions[] = {{"min", OP_MIN, 100}, {"max", OP_MAX, 100}, {"log", OP_LOG, 1},
                     {"exp", OP_EXP, 1},   {"abs", OP_ABS, 1},   {"sqrt", OP_SQRT, 1}};
    size_t at = here(p), n = 0;
    while (word_char(p->p[n]))
        n++;
    char *name = mem_strn(p->p, n);
    const char *behind = p->p + n;
    while (isspace((unsigned char)*behind))
        behind++;
    int node = -2;
    for (size_t i = 0; *behind == '(' && i < sizeof functions / sizeof *functions; i++)
        if (!strcmp(functions[i].name, name)) {
            p->p += n;
            node = function(p, functions[i].op, functions[i].args, at);
        }
    if (node == -2) {
        p->p += n;
        bool truth = !strcmp(name, "true") || !strcmp(name, "false");
        node = truth ? add(p, (struct node){OP_BOOL, TYPE_BOOL, -1, -1, -1, *name == 't', NULL, at})
             : *behind == '(' ? fail_at(p, at, "no such function; there are min, max, log, exp, abs and sqrt")
                              : name_node(p, name, at);
    }
    free(name);
    return node;
}

static int atom(struct parser *p)
{
    skip(p);
    char c = *p->p;
    if (take(p, "(")) {
        int inner = parse_or(p);
        if (inner >= 0 && !take(p, ")"))
            return fail_at(p, here(p), ") is missing");
        return inner;
    }
    if (c == '\'' || c == '"' || c == '`')
        return quoted(p);
    if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)p->p[1])))
        return number(p);
    if (isalpha((unsigned char)c) || c == '_')
        return word(p);
    return fail_at(p, here(p), c ? "a parameter, a number, a text in quotes or ( is expected here"
                                 : "the constraint ends too early");
}

static int binary(struct parser *p, enum op op, int left, int right, size_t at)
{
    if (want(p, left, TYPE_NUMBER) < 0 || want(p, right, TYPE_NUMBER) < 0)
        return -1;
    return add(p, (struct node){op, TYPE_NUMBER, left, right, -1, 0, NULL, at});
}

static int parse_unary(struct parser *p)
{
    skip(p);
    size_t at = here(p);
    if (++p->depth > DEPTH_MAX)
        return fail_at(p, at, "nested too deeply");
    int n;
    if (take(p, "-")) {
        n = parse_unary(p);
        n = want(p, n, TYPE_NUMBER) < 0 ? -1 : add(p, (struct node){OP_NEG, TYPE_NUMBER, n, -1, -1, 0, NULL, at});
    } else if ((n = atom(p)) >= 0 && take(p, "**")) {
        int power = parse_unary(p);
        n = power < 0 ? -1 : binary(p, OP_POW, n, power, at);
    }
    p->depth--;
    return n;
}

static int parse_product(struct parser *p)
{
    int n = parse_unary(p);
    while (n >= 0) {
        skip(p);
        size_t at = here(p);
        enum op op = take(p, "*") ? OP_MUL : take(p, "/") ? OP_DIV : take(p, "%") ? OP_MOD : OP_NUMBER;
        if (op == OP_NUMBER)
            break;
        int right = parse_unary(p);
        n = right < 0 ? -1 : binary(p, op, n, right, at);
    }
    return n;
}

static int parse_sum(struct parser *p)
{
    int n = parse_product(p);
    while (n >= 0) {
        skip(p);
        size_t at = here(p);
        enum op op = take(p, "+") ? OP_ADD : take(p, "-") ? OP_SUB : OP_NUMBER;
        if (op == OP_NUMBER)
            break;
        int right = parse_product(p);
        n = right < 0 ? -1 : binary(p, op, n, right, at);
    }
    return n;
}

/* A text beside a parameter must be one of its choices. */
static int known_choice(struct parser *p, int text, int param)
{
    const struct node *t = &p->e->nodes[text], *q = &p->e->nodes[param];
    if (!p->strict || t->op != OP_TEXT || q->op != OP_PARAM || param_numeric(&p->s->params[q->param]))
        return 0;
    const struct param *a = &p->s->params[q->param];
    for (int k = 0; k < a->n_choices; k++)
        if (a->choices[k].kind == TUNE_STRING && !strcmp(a->choices[k].s, t->text))
            return 0;
    struct buf b = {0};
    buf_printf(&b, "'%s' is no value of %s", t->text, a->name);
    fail_at(p, t->at, buf_cstr(&b));
    buf_release(&b);
    return -1;
}

static int compare(struct parser *p, enum op op, int left, int right, size_t at)
{
    enum type a = type_of(p, left), b = type_of(p, right);
    if (op != OP_EQ && op != OP_NE && (want(p, left, TYPE_NUMBER) < 0 || want(p, right, TYPE_NUMBER) < 0))
        return -1;
    if (a != b && a != TYPE_ANY && b != TYPE_ANY) {
        struct buf text = {0};
        buf_printf(&text, "%s is compared with %s", type_name(a), type_name(b));
        fail_at(p, at, buf_cstr(&text));
        buf_release(&text);
        return -1;
    }
    if (known_choice(p, left, right) < 0 || known_choice(p, right, left) < 0)
        return -1;
    return add(p, (struct node){op, TYPE_BOOL, left, right, -1, 0, NULL, at});
}

static int parse_comparison(struct parser *p)
{
    static const struct {
        const char *sign;
        enum op op;
    } signs[] = {{"==", OP_EQ}, {"!=", OP_NE}, {"<=", OP_LE}, {">=", OP_GE}, {"<", OP_LT}, {">", OP_GT}};
    int left = parse_sum(p), all = left;
    bool chained = false;
    while (all >= 0) {
        skip(p);
        size_t at = here(p), k = 0;
        while (k < 6 && !take(p, signs[k].sign))
            k++;
        if (k == 6) {
            if (*p->p == '=')
                return fail_at(p, at, "equality is written ==");
            break;
        }
        int right = parse_sum(p);
        if (right < 0)
            return -1;
        int one = compare(p, signs[k].op, left, right, at);
        if (one < 0)
            return -1;
        all = chained ? add(p, (struct node){OP_AND, TYPE_BOOL, all, one, -1, 0, NULL, at}) : one;
        chained = true;
        left = right;
    }
    return all;
}

static int parse_not(struct parser *p)
{
    skip(p);
    size_t at = here(p);
    bool bang = *p->p == '!' && p->p[1] != '=';
    if (!bang && !take(p, "not"))
        return parse_comparison(p);
    p->p += bang;
    if (++p->depth > DEPTH_MAX)
        return fail_at(p, at, "nested too deeply");
    int n = parse_not(p);
    p->depth--;
    return want(p, n, TYPE_BOOL) < 0 ? -1 : add(p, (struct node){OP_NOT, TYPE_BOOL, n, -1, -1, 0, NULL, at});
}

static int parse_and(struct parser *p)
{
    int n = parse_not(p);
    while (n >= 0) {
        skip(p);
        size_t at = here(p);
        if (!take(p, "and") && !take(p, "&&"))
            break;
        if (want(p, n, TYPE_BOOL) < 0)
            return -1;
        int right = parse_not(p);
        n = want(p, right, TYPE_BOOL) < 0 ? -1 : add(p, (struct node){OP_AND, TYPE_BOOL, n, right, -1, 0, NULL, at});
    }
    return n;
}

static int parse_or(struct parser *p)
{
    if (++p->depth > DEPTH_MAX)
        return fail_at(p, here(p), "nested too deeply");
    int n = parse_and(p);
    while (n >= 0) {
        skip(p);
        size_t at = here(p);
        if (!take(p, "or") && !take(p, "||"))
            break;
        if (want(p, n, TYPE_BOOL) < 0)
            return -1;
        int right = parse_and(p);
        n = want(p, right, TYPE_BOOL) < 0 ? -1 : add(p, (struct node){OP_OR, TYPE_BOOL, n, right, -1, 0, NULL, at});
    }
    p->depth--;
    return n;
}

struct expr *expr_compile(const struct space *s, const char *text, bool strict, size_t *at, char **cause)
{
    struct expr *e = MEM_NEW(struct expr);
    e->text = mem_str(text);
    size_t nowhere;
    struct parser p = {.s = s, .e = e, .p = e->text, .strict = strict, .at = at ? at : &nowhere, .cause = cause};
    int root = parse_or(&p);
    skip(&p);
    if (root >= 0 && *p.p)
        root = fail_at(&p, here(&p), "this does not belong here; conditions are joined by and, or");
    if (root >= 0 && want(&p, root, TYPE_BOOL) == 0)
        return e; /* the root is the last node */
    expr_free(e);
    return NULL;
}

/* ---- evaluation ---- */

struct value {
    enum type type; /* TYPE_ANY: nothing is known, an inactive parameter is in it */
    double x;
    const char *text;
    double to_true, to_false; /* of a condition: distance; one of them is 0 unless nothing is known */
};

static struct value condition(bool holds, double distance)
{
    return (struct value){TYPE_BOOL, holds, NULL, holds ? 0 : fmax(distance, NEAR), holds ? fmax(distance, NEAR) : 0};
}

static struct value of_param(const struct node *n, const struct space *s, const double *dna)
{
    struct tune_value v;
    struct value out = {.type = TYPE_ANY};
    if (isnan(dna[n->param]))
        return out;
    param_decode(&s->params[n->param], dna[n->param], &v);
    if (tune_number(&v, &out.x))
        out.type = TYPE_NUMBER;
    else if (v.kind == TUNE_BOOL)
        return condition(v.b, 1);
    else if (v.kind == TUNE_STRING || v.kind == TUNE_JSON)
        out = (struct value){.type = TYPE_TEXT, .text = v.s};
    else
        out = (struct value){.type = TYPE_TEXT, .text = "null"};
    return out;
}

static struct value compared(enum op op, const struct value *a, const struct value *b)
{
    if (a->type == TYPE_ANY || b->type == TYPE_ANY)
        return (struct value){.type = TYPE_ANY};
    if (a->type != b->type) /* mixed choices: never equal, never ordered */
        return condition(op == OP_NE, 1);
    if (a->type == TYPE_TEXT) {
        bool same = !strcmp(a->text, b->text);
        return condition(same == (op == OP_EQ), 1);
    }
    double d = a->x - b->x, scale = 1 + fabs(a->x) + fabs(b->x);
    if (isnan(d))
        return condition(a->x == b->x ? op == OP_EQ || op == OP_LE || op == OP_GE : op == OP_NE && !isnan(a->x) && !isnan(b->x), 1);
    bool holds = op == OP_EQ ? d == 0 : op == OP_NE ? d != 0 : op == OP_LE ? d <= 0 : op == OP_GE ? d >= 0
               : op == OP_LT ? d < 0 : d > 0;
    return condition(holds, fabs(d) / scale);
}

static struct value joined(enum op op, const struct value *a, const struct value *b)
{
    bool and = op == OP_AND, unknown_a = a->type != TYPE_BOOL, unknown_b = b->type != TYPE_BOOL;
    bool decides_a = !unknown_a && (a->x != 0) != and, decides_b = !unknown_b && (b->x != 0) != and;
    if ((unknown_a || unknown_b) && !decides_a && !decides_b)
        return (struct value){.type = TYPE_ANY};
    struct value v = {.type = TYPE_BOOL, .x = decides_a || decides_b ? !and : and};
    v.to_true = and ? a->to_true + b->to_true : fmin(unknown_a ? INFINITY : a->to_true, unknown_b ? INFINITY : b->to_true);
    v.to_false = and ? fmin(unknown_a ? INFINITY : a->to_false, unknown_b ? INFINITY : b->to_false)
                     : a->to_false + b->to_false;
    return v;
}

static double arithmetic(enum op op, double a, double b)
{
    switch (op) {
    case OP_ADD: return a + b;
    case OP_SUB: return a - b;
    case OP_MUL: return a * b;
    case OP_DIV: return a / b;
    case OP_MOD: return a - b * floor(a / b); /* the sign of b, as in Python */
    case OP_POW: return pow(a, b);
    case OP_NEG: return -a;
    case OP_MIN: return isnan(a) || isnan(b) ? NAN : fmin(a, b);
    case OP_MAX: return isnan(a) || isnan(b) ? NAN : fmax(a, b);
    case OP_LOG: return log(a);
    case OP_EXP: return exp(a);
    case OP_ABS: return fabs(a);
    default: return sqrt(a);
    }
}

static struct value eval(const struct expr *e, int at, const struct space *s, const double *dna)
{
    const struct node *n = &e->nodes[at];
    struct value a = {0}, b = {0};
    if (n->left >= 0)
        a = eval(e, n->left, s, dna);
    if (n->right >= 0)
        b = eval(e, n->right, s, dna);
    switch (n->op) {
    case OP_NUMBER: return (struct value){.type = TYPE_NUMBER, .x = n->number};
    case OP_TEXT: return (struct value){.type = TYPE_TEXT, .text = n->text};
    case OP_BOOL: return condition(n->number != 0, INFINITY);
    case OP_PARAM: return of_param(n, s, dna);
    case OP_OR:
    case OP_AND: return joined(n->op, &a, &b);
    case OP_NOT:
        if (a.type != TYPE_BOOL)
            return (struct value){.type = TYPE_ANY};
        return (struct value){TYPE_BOOL, a.x == 0, NULL, a.to_false, a.to_true};
    case OP_EQ:
    case OP_NE:
    case OP_LE:
    case OP_GE:
    case OP_LT:
    case OP_GT: return compared(n->op, &a, &b);
    default:
        if (a.type != TYPE_NUMBER || (n->right >= 0 && b.type != TYPE_NUMBER))
            return (struct value){.type = a.type == TYPE_ANY || b.type == TYPE_ANY ? TYPE_ANY : TYPE_NUMBER, .x = NAN};
        return (struct value){.type = TYPE_NUMBER, .x = arithmetic(n->op, a.x, b.x)};
    }
}

bool expr_holds(const struct expr *e, const struct space *s, const double *dna)
{
    struct value v = eval(e, e->n - 1, s, dna);
    return v.type != TYPE_BOOL || v.x != 0;
}

double expr_violation(const struct expr *e, const struct space *s, const double *dna)
{
    struct value v = eval(e, e->n - 1, s, dna);
    return v.type != TYPE_BOOL || v.x != 0 ? 0 : fmin(v.to_true, 1e9);
}
