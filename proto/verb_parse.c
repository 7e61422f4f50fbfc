/* verb_parse: from words to the body of a "send" message. The one grammar for keys, the `:` line and `hypertop send`.
 * Whether a trial, an arm or a parameter exists is the hub's to say; here only the form is checked. Nothing is written
 * before everything was understood. */
#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"
#include "proto/codec.h"
#include "proto/verb.h"
#include "proto/verb_probe.h"

#define TEXT_MAX 4096    /* bytes of a reason, a note, a value */
#define COUNT_MAX 1000000000

/* A command taken apart. Words are borrowed; `targets` and `text` are built here. */
struct command {
    const struct verb_info *verb;
    char *const *words; /* positional words, options removed */
    int n;
    const char *reason, *bandit;
    int64_t hold; /* --for, 0 when absent */
    struct buf targets, text;
    char **params, **add, **remove; /* words */
    int n_params, n_add, n_remove;
    double number;    /* weight, factor, value, id */
    bool has_number, relative, percent;
    struct verb_probe probe;
    char **cause;
};

static int usage(struct command *c, const char *what)
{
    return cause_set(c->cause, "%s: %s; usage: %s %s", c->verb->name, what, c->verb->name, c->verb->args);
}

/* ---- targets ---- */

/* 17 or t17; the digits, or NULL. `n` is the length of the piece. */
static const char *trial_digits(const char *s, size_t n, size_t *digits)
{
    if (n > 1 && *s == 't') {
        s++;
        n--;
    }
    if (n == 0 || n > 9)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!isdigit((unsigned char)s[i]))
            return NULL;
    *digits = n;
    return s;
}

/* A whole word of trials: 17, t17, t3,t5. Appends to out (which may be NULL to only ask). */
static bool trial_list(const char *word, struct buf *out)
{
    for (const char *s = word;;) {
        size_t n = strcspn(s, ","), digits;
        const char *d = trial_digits(s, n, &digits);
        if (!d)
            return false;
        while (digits > 1 && *d == '0') {
            d++;
            digits--;
        }
        if (out) {
            if (out->len)
                buf_putc(out, ',');
            buf_put(out, d, digits);
        }
        s += n;
        if (!*s++)
            return true;
    }
}

static bool group_word(const char *w)
{
    return strcmp(w, "best") == 0 || strcmp(w, "all") == 0;
}

static bool is_target(const char *w)
{
    return group_word(w) || trial_list(w, NULL);
}

static int add_target(struct command *c, const char *w)
{
    if (!is_target(w))
        return cause_set(c->cause, "%s: '%s' is not a trial; write 17, t17, t3,t5, best or all", c->verb->name, w);
    bool group = c->targets.len && !isdigit(c->targets.data[0]);
    if (group || (group_word(w) && c->targets.len))
        return cause_set(c->cause, "%s: '%s' cannot be combined with other trials", c->verb->name,
                         group ? buf_cstr(&c->targets) : w);
    if (group_word(w))
        buf_puts(&c->targets, w);
    else
        trial_list(w, &c->targets);
    return 0;
}

static int need_target(struct command *c)
{
    return c->targets.len ? 0 : usage(c, "which trial?");
}

/* ---- words of one kind after the other ---- */

static int add_param(struct command *c, char *w)
{
    const char *eq = strchr(w, '=');
    if (!eq)
        return cause_set(c->cause, "%s: '%s' has no value; write %s=0.01", c->verb->name, w, w);
    if (eq == w)
        return cause_set(c->cause, "%s: '%s' has no parameter's name in front of '='", c->verb->name, w);
    if (!eq[1])
        return cause_set(c->cause, "%s: '%.*s' has no value; write %.*s=0.01", c->verb->name, (int)(eq - w), w,
                         (int)(eq - w), w);
    if (strlen(eq) > TEXT_MAX || eq - w > 255)
        return cause_set(c->cause, "%s: '%.40s...' is too long", c->verb->name, w);
    for (int i = 0; i < c->n_params; i++)
        if (strncmp(c->params[i], w, (size_t)(eq - w) + 1) == 0)
            return cause_set(c->cause, "%s: '%.*s' is given twice", c->verb->name, (int)(eq - w), w);
    c->params[c->n_params++] = w;
    return 0;
}

static int parse_trials(struct command *c)
{
    for (int i = 0; i < c->n; i++)
        if (add_target(c, c->words[i]) != 0)
            return -1;
    return need_target(c);
}

/* set, clone, enqueue: parameters and (but for enqueue) trials, in any order. */
static int parse_params(struct command *c, bool targets, bool one, bool params)
{
    for (int i = 0; i < c->n; i++) {
        char *w = c->words[i];
        int rc = targets && !strchr(w, '=') && is_target(w) ? add_target(c, w) : add_param(c, w);
        if (rc != 0)
            return rc;
    }
    if (targets && need_target(c) != 0)
        return -1;
    if (one && (strchr(buf_cstr(&c->targets), ',') || strcmp(buf_cstr(&c->targets), "all") == 0))
        return usage(c, "one trial at a time");
    if (params && c->n_params == 0)
        return usage(c, "which parameter?");
    return 0;
}

/* The first word and further ones written t17 are trials; a bare number later on already belongs to the text. */
static int parse_note(struct command *c)
{
    int i = 0;
    for (; i < c->n && (i == 0 || (c->words[i][0] == 't' && trial_list(c->words[i], NULL))); i++)
        if (add_target(c, c->words[i]) != 0)
            return -1;
    if (need_target(c) != 0)
        return -1;
    for (int k = i; k < c->n; k++) {
        if (k > i)
            buf_putc(&c->text, ' ');
        buf_puts(&c->text, c->words[k]);
    }
    if (c->text.len == 0)
        return usage(c, "the text is missing");
    return c->text.len > TEXT_MAX ? cause_set(c->cause, "note: the text has more than %d bytes", TEXT_MAX) : 0;
}

static int parse_tag(struct command *c)
{
    int i = 0;
    for (; i < c->n && is_target(c->words[i]); i++)
        if (add_target(c, c->words[i]) != 0)
            return -1;
    if (need_target(c) != 0)
        return -1;
    for (; i < c->n; i++) {
        char *w = c->words[i], sign = *w == '-' ? '-' : '+';
        if (*w == '-' || *w == '+')
            w++;
        if (!*w || strlen(w) > 63)
            return cause_set(c->cause, "tag: '%.40s' is not a tag; a tag has 1 to 63 bytes", c->words[i]);
        if (sign == '-')
            c->remove[c->n_remove++] = w;
        else
            c->add[c->n_add++] = w;
    }
    return c->n_add + c->n_remove ? 0 : usage(c, "which tag?");
}

/* The number behind an arm: a weight, a strength. */
static int trailing_number(struct command *c, int *n)
{
    bool focus = c->verb->verb == VERB_FOCUS;
    double w;
    c->number = focus ? 4 : 2;
    c->has_number = true;
    if (*n < 2)
        return 0;
    if (!text_double(c->words[*n - 1], &w) || !isfinite(w) || w <= focus)
        return focus ? cause_set(c->cause, "focus: '%s' is not a strength; write a number above 1, 4 tries 3 of 4 trials inside",
                                 c->words[*n - 1])
                     : cause_set(c->cause, "%s: '%s' is not a weight; write a number above 0, 2 doubles the chance",
                                 c->verb->name, c->words[*n - 1]);
    c->number = w;
    --*n;
    return 0;
}

/* 20 or 25%: how many of the next trials, or which share of them. */
static int trailing_quota(struct command *c, int *n)
{
    const char *w = *n >= 2 ? c->words[*n - 1] : "";
    size_t len = strlen(w);
    char digits[32];
    double x;
    c->percent = len > 1 && w[len - 1] == '%';
    snprintf(digits, sizeof digits, "%.*s", (int)(len - c->percent), w);
    if (*n < 2)
        return usage(c, "how many trials, or which share of them?");
    if (!text_double(digits, &x) || !isfinite(x) || x <= 0 || (c->percent ? x > 100 : x != floor(x) || x > COUNT_MAX))
        return cause_set(c->cause, "quota: '%s' is neither a number of trials nor a share; write 20 or 25%%", w);
    c->number = c->percent ? x / 100 : x;
    c->has_number = true;
    --*n;
    return 0;
}

static int parse_arms(struct command *c, int least, int most)
{
    int n = c->n, rc = 0;
    enum verb v = c->verb->verb;
    if (v == VERB_BOOST || v == VERB_WEIGHT || v == VERB_FOCUS)
        rc = trailing_number(c, &n);
    else if (v == VERB_QUOTA)
        rc = trailing_quota(c, &n);
    if (rc != 0)
        return rc;
    if (n < least)
        return usage(c, "which arm?");
    if (n > most)
        return usage(c, "one arm at a time");
    for (int i = 0; i < n; i++) {
        if (!*c->words[i])
            return usage(c, "an arm's name is empty");
        if (i)
            buf_putc(&c->targets, ',');
        buf_puts(&c->targets, c->words[i]);
    }
    return 0;
}

/* Words that the hub's tuner reads as they are: an edit of the space, a parameter, a tuner with its options. */
static int parse_plain(struct command *c, const char *question, int most)
{
    if (c->n == 0)
        return usage(c, question);
    if (c->n > most)
        return usage(c, "one at a time");
    for (int i = 0; i < c->n; i++)
        buf_printf(&c->targets, "%s%s", i ? " " : "", c->words[i]);
    return 0;
}

static int parse_step(struct command *c)
{
    int64_t n = 1;
    if (c->n > 1 || (c->n == 1 && (!text_int(c->words[0], &n) || n < 1 || n > COUNT_MAX)))
        return c->n > 1 ? usage(c, "one number is enough")
                        : cause_set(c->cause, "step: '%s' is not a number of trials; write 1", c->words[0]);
    c->number = (double)n;
    c->has_number = true;
    return 0;
}

static int parse_nothing(struct command *c)
{
    return c->n == 0 ? 0 : usage(c, "it takes no words");
}

static int one_number(struct command *c, const char *question)
{
    if (c->n != 1)
        return usage(c, c->n ? "one number is enough" : question);
    c->has_number = true;
    return 0;
}

static bool whole_number(const char *w, int64_t least, double *out)
{
    int64_t v;
    if (!text_int(w, &v) || v < least || v > COUNT_MAX)
        return false;
    *out = (double)v;
    return true;
}

static int parse_budget(struct command *c)
{
    if (one_number(c, "how many trials?") != 0)
        return -1;
    const char *w = c->words[0];
    c->relative = *w == '+' || *w == '-';
    if (!whole_number(w, c->relative ? -COUNT_MAX : 0, &c->number))
        return cause_set(c->cause, "budget: '%s' is not a whole number; write 100, +20 or -20", w);
    return 0;
}

static int parse_concurrency(struct command *c)
{
    if (one_number(c, "how many trials at once?") != 0)
        return -1;
    if (!whole_number(c->words[0], 0, &c->number))
        return cause_set(c->cause, "concurrency: '%s' is not a whole number from 0; write 4", c->words[0]);
    return 0;
}

static int parse_factor(struct command *c)
{
    if (one_number(c, "which factor?") != 0)
        return -1;
    if (!text_double(c->words[0], &c->number) || !isfinite(c->number) || c->number < 0 || c->number > 1e6)
        return cause_set(c->cause, "explore: '%s' is not a factor; write a number from 0, 1 is as designed", c->words[0]);
    return 0;
}

static int parse_undo(struct command *c)
{
    int64_t id;
    if (c->n == 0)
        return 0;
    if (c->n > 1)
        return usage(c, "one intervention at a time");
    const char *w = c->words[0] + (c->words[0][0] == '#');
    if (!text_int(w, &id) || id < 1 || id > COUNT_MAX)
        return cause_set(c->cause, "undo: '%s' is not an intervention's id; write its number", c->words[0]);
    c->number = (double)id;
    c->has_number = true;
    buf_printf(&c->targets, "%lld", (long long)id);
    return 0;
}

static int parse_words(struct command *c)
{
    switch (c->verb->verb) {
    case VERB_SET: return parse_params(c, true, false, true);
    case VERB_CLONE: return parse_params(c, true, true, false);
    case VERB_ENQUEUE: return parse_params(c, false, false, true);
    case VERB_NOTE: return parse_note(c);
    case VERB_TAG: return parse_tag(c);
    case VERB_BAN:
    case VERB_AVOID:
    case VERB_UNBAN: return parse_arms(c, 1, c->n);
    case VERB_PIN:
    case VERB_FOCUS:
    case VERB_WEIGHT:
    case VERB_QUOTA:
    case VERB_BOOST: return parse_arms(c, 1, 1);
    case VERB_UNPIN: return parse_arms(c, 0, 1);
    case VERB_EXPLORE: return parse_factor(c);
    case VERB_SPACE: return parse_plain(c, "which change?", INT_MAX);
    case VERB_FREEZE:
    case VERB_THAW: return parse_plain(c, "which parameter?", 1);
    case VERB_TUNER: return parse_plain(c, "which tuner?", INT_MAX);
    case VERB_STEP: return parse_step(c);
    case VERB_HOLD:
    case VERB_GO: return parse_nothing(c);
    case VERB_RULE: return parse_plain(c, "which rule?", INT_MAX);
    case VERB_BUDGET: return parse_budget(c);
    case VERB_CONCURRENCY: return parse_concurrency(c);
    case VERB_UNDO: return parse_undo(c);
    default: return parse_trials(c);
    }
}

/* ---- options ---- */

/* Whether w is --NAME or --NAME=VALUE; *value is what stands behind '=' or NULL. */
static bool option(const char *w, const char *name, const char **value)
{
    size_t n = strlen(name);
    if (strncmp(w, name, n) != 0 || (w[n] && w[n] != '='))
        return false;
    *value = w[n] ? w + n + 1 : NULL;
    return true;
}

static bool takes_hold(enum verb v)
{
    return v == VERB_BAN || v == VERB_PIN || v == VERB_BOOST || v == VERB_FOCUS || v == VERB_AVOID || v == VERB_WEIGHT ||
           v == VERB_QUOTA;
}

static int set_option(struct command *c, const char *name, const char *value)
{
    if (strcmp(name, "--reason") == 0) {
        if (strlen(value) > TEXT_MAX)
            return cause_set(c->cause, "%s: the reason has more than %d bytes", c->verb->name, TEXT_MAX);
        c->reason = value;
    } else if (strcmp(name, "--bandit") == 0) {
        if (c->verb->target != VT_ARM && c->verb->verb != VERB_EXPLORE)
            return usage(c, "--bandit does not apply");
        c->bandit = value;
    } else {
        if (!takes_hold(c->verb->verb))
            return usage(c, "--for does not apply");
        if (!text_int(value, &c->hold) || c->hold < 1 || c->hold > COUNT_MAX)
            return cause_set(c->cause, "%s: --for '%s' is not a number of pulls", c->verb->name, value);
    }
    return 0;
}

/* Takes the options out of words[1..n) and leaves the positional words in `rest`. */
static int parse_options(struct command *c, int n, char *const *words, char **rest)
{
    static const char *const names[] = {"--reason", "--bandit", "--for"};
    bool open = true; /* until "--" */
    for (int i = 1; i < n; i++) {
        const char *value = NULL, *name = NULL;
        if (open && strcmp(words[i], "--") == 0) {
            open = false;
            continue;
        }
        if (!open || words[i][0] != '-' || words[i][1] != '-') {
            rest[c->n++] = words[i];
            continue;
        }
        int own = c->verb->verb == VERB_PROBE ? verb_probe_option(&c->probe, n, words, &i, c->cause) : 0;
        if (own < 0)
            return -1;
        if (own > 0)
            continue;
        for (size_t k = 0; k < sizeof names / sizeof *names && !name; k++)
            if (option(words[i], names[k], &value))
                name = names[k];
        if (!name)
            return cause_set(c->cause, "%s: unknown option '%s'; there are --reason TEXT%s%s%s", c->verb->name, words[i],
                             takes_hold(c->verb->verb) ? ", --for N" : "",
                             c->verb->target == VT_ARM ? ", --bandit NAME" : "",
                             c->verb->verb == VERB_PROBE
                                 ? ", --grid CxR, --radius R, --filter, --layer, --towards T1,T2, --slice MS, --off" : "");
        if (!value) {
            if (i + 1 >= n)
                return cause_set(c->cause, "%s: %s needs a value behind it", c->verb->name, name);
            value = words[++i];
        }
        if (set_option(c, name, value) != 0)
            return -1;
    }
    return 0;
}

/* ---- writing ---- */

/* A value typed as written. Only what starts like a number is one, so that a choice called "inf" or "nan" stays a word. */
static void put_value(struct codec_writer *w, const char *s)
{
    size_t n = strlen(s);
    const char *d = *s == '-' || *s == '+' ? s + 1 : s;
    bool numeric = isdigit((unsigned char)d[0]) || (d[0] == '.' && isdigit((unsigned char)d[1]));
    int64_t i;
    double x;
    if (n >= 2 && (*s == '"' || *s == '\'') && s[n - 1] == *s)
        cw_strn(w, s + 1, n - 2);
    else if (numeric && text_int(s, &i))
        cw_int(w, i);
    else if (numeric && text_double(s, &x) && isfinite(x))
        cw_double(w, x);
    else if (strcmp(s, "true") == 0 || strcmp(s, "false") == 0)
        cw_bool(w, *s == 't');
    else
        cw_str(w, s);
}

static void put_words(struct codec_writer *w, const char *key, char **v, int n)
{
    cw_str(w, key);
    cw_array(w, (size_t)n);
    for (int i = 0; i < n; i++)
        cw_str(w, v[i]);
}

static void put_number(struct codec_writer *w, const char *key, double v)
{
    cw_str(w, key);
    if (v == floor(v) && fabs(v) <= COUNT_MAX)
        cw_int(w, (int64_t)v);
    else
        cw_double(w, v);
}

static void put_params(struct codec_writer *w, char **params, int n)
{
    cw_str(w, "params");
    cw_map(w, (size_t)n);
    for (int i = 0; i < n; i++) {
        const char *eq = strchr(params[i], '=');
        cw_strn(w, params[i], (size_t)(eq - params[i]));
        put_value(w, eq + 1);
    }
}

static const char *number_key(enum verb v)
{
    switch (v) {
    case VERB_FOCUS:
    case VERB_WEIGHT:
    case VERB_BOOST: return "weight";
    case VERB_EXPLORE: return "factor";
    case VERB_UNDO: return "id";
    default: return "value";
    }
}

/* The verb's own arguments, one map. */
static void put_args(const struct command *c, struct codec_writer *w)
{
    enum verb v = c->verb->verb;
    bool params = v == VERB_SET || v == VERB_CLONE || v == VERB_ENQUEUE, note = v == VERB_NOTE, tag = v == VERB_TAG;
    bool budget = v == VERB_BUDGET;
    if (v == VERB_PROBE) {
        cw_map(w, verb_probe_pairs(&c->probe));
        verb_probe_put(&c->probe, w);
        return;
    }
    cw_map(w, (size_t)params + note + 2 * (size_t)tag + budget + c->has_number + (c->hold > 0) + (c->bandit != NULL));
    if (params)
        put_params(w, c->params, c->n_params);
    if (note) {
        cw_str(w, "text");
        cw_strn(w, (const char *)c->text.data, c->text.len);
    }
    if (tag) {
        put_words(w, "add", c->add, c->n_add);
        put_words(w, "remove", c->remove, c->n_remove);
    }
    if (c->has_number)
        put_number(w, v == VERB_QUOTA ? (c->percent ? "share" : "count") : number_key(v), c->number);
    if (budget)
        cw_kbool(w, "relative", c->relative);
    if (c->hold)
        cw_kint(w, "for", c->hold);
    if (c->bandit)
        cw_kstr(w, "bandit", c->bandit);
}

static void put_fields(const struct command *c, struct codec_writer *w)
{
    cw_kstr(w, "verb", c->verb->name);
    cw_str(w, "target");
    cw_strn(w, c->targets.len ? (const char *)c->targets.data : "", c->targets.len);
    cw_str(w, "args");
    put_args(c, w);
    cw_kstr(w, "reason", c->reason ? c->reason : "");
}

static int unknown_verb(const char *name, char **cause)
{
    const struct verb_info *near = verb_nearest(name);
    if (near)
        return cause_set(cause, "unknown verb '%.40s'; did you mean '%s'?", name, near->name);
    return cause_set(cause, "unknown verb '%.40s'; `hypertop help verbs` lists them", name);
}

int verb_parse(int n, char *const *words, struct codec_writer *body, char **cause)
{
    if (n < 1 || !*words[0])
        return cause_set(cause, "no verb; `hypertop help verbs` lists them");
    struct command c = {.verb = verb_find(words[0]), .cause = cause};
    verb_probe_init(&c.probe);
    if (!c.verb)
        return unknown_verb(words[0], cause);
    char **lists = mem_zero((size_t)n * 4, sizeof *lists);
    c.params = lists + n;
    c.add = lists + 2 * n;
    c.remove = lists + 3 * n;
    int rc = parse_options(&c, n, words, lists);
    c.words = lists;
    if (rc == 0)
        rc = verb_probe_check(&c.probe, cause);
    if (rc == 0)
        rc = parse_words(&c);
    if (rc == 0 && c.targets.len > CODEC_MAX_STR)
        rc = cause_set(cause, "%s: too many targets", c.verb->name);
    if (rc == 0)
        put_fields(&c, body);
    buf_release(&c.targets);
    buf_release(&c.text);
    free(lists);
    return rc;
}
