#include "hub/alert_rule.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/text.h"
#include "hub/state.h"

struct reader {
    const char *start, *p;
    char word[ALERT_RULE_TEXT]; /* the last word taken, without quotes */
    const char *at;             /* where it began */
    char **cause;
};

static int fail(struct reader *r, const char *at, const char *what)
{
    return cause_set(r->cause, "rule: %s at column %d", what, (int)(at - r->start) + 1);
}

static bool is_sign(char c)
{
    return c == '<' || c == '>' || c == '=' || c == '!';
}

/* The next word: quoted text, a comparison sign, or what stands up to a blank or a sign. "" at the end. */
static int next_word(struct reader *r)
{
    size_t n = 0;
    while (isspace((unsigned char)*r->p))
        r->p++;
    r->at = r->p;
    if (*r->p == '"' || *r->p == '\'') {
        const char *end = strchr(r->p + 1, *r->p);
        if (!end)
            return fail(r, r->p, "an open quote");
        n = (size_t)(end - r->p - 1);
        memcpy(r->word, r->p + 1, n);
        r->p = end + 1;
    } else if (is_sign(*r->p)) {
        while (is_sign(*r->p) && n < 2)
            r->word[n++] = *r->p++;
    } else {
        while (*r->p && !isspace((unsigned char)*r->p) && !is_sign(*r->p))
            r->word[n++] = *r->p++;
    }
    r->word[n] = '\0';
    return 0;
}

static int expect(struct reader *r, const char *word, const char *what)
{
    if (next_word(r) < 0)
        return -1;
    return strcmp(r->word, word) == 0 ? 0 : fail(r, r->at, what);
}

/* 90, 90s, 10m, 2h, 1d */
static bool read_duration(const char *s, int64_t *ns)
{
    static const struct {
        char unit;
        double seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char digits[32];
    size_t n = strlen(s);
    double x, scale = 1;
    if (n == 0 || n >= sizeof digits)
        return false;
    memcpy(digits, s, n + 1);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (s[n - 1] == units[i].unit) {
            digits[n - 1] = '\0';
            scale = units[i].seconds;
        }
    if (!text_double(digits, &x) || !(x > 0) || x * scale > 86400.0 * 3660)
        return false;
    *ns = (int64_t)(x * scale * 1e9);
    return true;
}

static int read_silence(struct alert_rule *a, struct reader *r)
{
    a->kind = ALERT_SILENT;
    if (expect(r, "point", "`point` is expected (no point for 10m)") < 0 ||
        expect(r, "for", "`for` is expected (no point for 10m)") < 0 || next_word(r) < 0)
        return -1;
    return read_duration(r->word, &a->silence) ? 0 : fail(r, r->at, "a time is expected: 30s, 10m, 2h");
}

static int read_state(struct alert_rule *a, struct reader *r)
{
    enum trial_state s;
    a->kind = ALERT_STATE;
    if (next_word(r) < 0)
        return -1;
    if (!trial_state_parse((struct span){r->word, strlen(r->word)}, &s))
        return fail(r, r->at, "no such state; running, paused, lost, done, pruned, stopped, failed, killed");
    a->state = (int)s;
    return 0;
}

static int read_number(struct alert_rule *a, struct reader *r)
{
    static const char *const signs[] = {"<", "<=", ">", ">=", "=", "!="};
    int op = -1;
    for (int i = 0; i < 6; i++)
        op = strcmp(signs[i], r->word) == 0 ? i : op;
    if (strcmp(r->word, "==") == 0)
        op = ALERT_EQ;
    if (op < 0)
        return fail(r, r->at, "`is nan`, <, <=, >, >=, = or != is expected");
    a->kind = ALERT_COMPARE;
    a->op = (enum alert_compare)op;
    if (next_word(r) < 0)
        return -1;
    return text_double(r->word, &a->number) && isfinite(a->number) ? 0 : fail(r, r->at, "a number is expected");
}

static int read_condition(struct alert_rule *a, struct reader *r)
{
    if (next_word(r) < 0)
        return -1;
    if (!r->word[0])
        return fail(r, r->at, "a metric, `no point for`, `best improves` or `state is` is expected");
    bool quoted = *r->at == '"' || *r->at == '\'';
    const char *name_at = r->at;
    snprintf(a->metric, sizeof a->metric, "%.63s", r->word);
    if (!quoted && strcmp(r->word, "no") == 0)
        return read_silence(a, r);
    if (next_word(r) < 0)
        return -1;
    if (!quoted && strcmp(a->metric, "best") == 0 && strcmp(r->word, "improves") == 0) {
        a->kind = ALERT_BEST;
        return 0;
    }
    if (strcmp(r->word, "is") == 0) {
        if (!quoted && strcmp(a->metric, "state") == 0)
            return read_state(a, r);
        a->kind = ALERT_NAN;
        return expect(r, "nan", "`nan` is expected");
    }
    if (!r->word[0])
        return fail(r, name_at, "a name alone is no rule: add `is nan` or `> 1`,");
    return read_number(a, r);
}

/* where FILTER runs up to a `then` of its own word. */
static int read_where(struct alert_rule *a, struct reader *r)
{
    char text[ALERT_RULE_TEXT];
    const char *from = r->p, *end = r->p + strlen(r->p);
    for (const char *p = strstr(from, " then "); p; p = strstr(p + 1, " then "))
        end = p;
    char *cause = NULL;
    snprintf(text, sizeof text, "%.*s", (int)(end - from), from);
    a->where = filter_parse(text, &cause);
    if (!a->where) {
        int column = 1;
        const char *at = strstr(cause, " at column ");
        if (at)
            sscanf(at, " at column %d", &column);
        char what[200];
        snprintf(what, sizeof what, "%.*s", at ? (int)(at - cause) : 150, cause);
        free(cause);
        return fail(r, from + column - 1, what);
    }
    r->p = end;
    return 0;
}

static int read_tail(struct alert_rule *a, struct reader *r)
{
    for (;;) {
        if (next_word(r) < 0)
            return -1;
        if (!r->word[0])
            return 0;
        if (strcmp(r->word, "where") == 0 && !a->where) {
            if (read_where(a, r) < 0)
                return -1;
        } else if (strcmp(r->word, "then") == 0 && !a->pause) {
            if (expect(r, "pause", "`pause` is expected: the one thing that a rule may do") < 0)
                return -1;
            if (a->kind == ALERT_BEST)
                return fail(r, r->at, "a new best is no reason to pause");
            a->pause = true;
        } else {
            return fail(r, r->at, "`where FILTER` or `then pause` is expected");
        }
    }
}

static void squeeze(char *out, size_t cap, const char *s)
{
    size_t n = 0;
    for (; *s && n + 1 < cap; s++)
        if (!isspace((unsigned char)*s) || (n && out[n - 1] != ' '))
            out[n++] = isspace((unsigned char)*s) ? ' ' : *s;
    while (n && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
}

int alert_rule_parse(struct alert_rule *a, const char *text, char **cause)
{
    struct reader r = {.start = text, .p = text, .at = text, .cause = cause};
    memset(a, 0, sizeof *a);
    if (strlen(text) >= ALERT_RULE_TEXT)
        return cause_set(cause, "rule: longer than %d bytes at column %d", ALERT_RULE_TEXT - 1, ALERT_RULE_TEXT);
    squeeze(a->text, sizeof a->text, text);
    if (read_condition(a, &r) == 0 && read_tail(a, &r) == 0)
        return 0;
    alert_rule_release(a);
    return -1;
}

void alert_rule_release(struct alert_rule *a)
{
    filter_free(a->where);
    memset(a, 0, sizeof *a);
}

bool alert_rule_holds(const struct alert_rule *a, double v)
{
    if (a->kind == ALERT_NAN)
        return !isfinite(v);
    if (!isfinite(v)) /* NaN is no number: only `is nan` and != mean it */
        return a->op == ALERT_NE || (isinf(v) && (v > 0 ? a->op == ALERT_GT || a->op == ALERT_GE
                                                        : a->op == ALERT_LT || a->op == ALERT_LE));
    switch (a->op) {
    case ALERT_LT: return v < a->number;
    case ALERT_LE: return v <= a->number;
    case ALERT_GT: return v > a->number;
    case ALERT_GE: return v >= a->number;
    case ALERT_EQ: return v == a->number;
    default: return v != a->number;
    }
}
