/* opt: see opt.h. Accepts --name VALUE, --name=VALUE, -x VALUE, -xVALUE; `--` ends the options; a value is
 * checked where it is read, so a command only sees values within their bounds. */
#include "tui/opt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"
#include "tui/nearest.h"

static const struct opt *find_name(const struct opt_set *s, const char *name, size_t n)
{
    for (int t = 0; t < 2; t++)
        for (const struct opt *o = s->tables[t]; o && o->type != OPT_END; o++)
            if (o->name && strlen(o->name) == n && memcmp(o->name, name, n) == 0)
                return o;
    return NULL;
}

static const struct opt *find_letter(const struct opt_set *s, char letter)
{
    for (int t = 0; t < 2; t++)
        for (const struct opt *o = s->tables[t]; o && o->type != OPT_END; o++)
            if (o->letter && o->letter == letter)
                return o;
    return NULL;
}

static const char *ith_name(const void *arg, int i)
{
    const struct opt_set *s = arg;
    for (int t = 0; t < 2; t++)
        for (const struct opt *o = s->tables[t]; o && o->type != OPT_END; o++)
            if (o->name && i-- == 0)
                return o->name;
    return NULL;
}

static int unknown(const struct opt_set *s, const char *word, char **cause)
{
    char name[64] = "";
    size_t n = strcspn(word, "=");
    const char *near = NULL;

    if (word[1] == '-' && n - 2 < sizeof name) {
        memcpy(name, word + 2, n - 2);
        near = nearest_word(name, ith_name, s);
    }
    if (near)
        return cause_set(cause, "unknown option %.*s: did you mean --%s?", (int)n, word, near);
    return cause_set(cause, "unknown option %.*s: -h lists the options", (int)n, word);
}

static bool one_of(const char *choices, const char *value)
{
    size_t n = strlen(value);
    for (const char *p = choices; *p;) {
        size_t len = strcspn(p, "|");
        if (len == n && memcmp(p, value, n) == 0)
            return true;
        p += len + (p[len] == '|');
    }
    return false;
}

static int check(const struct opt *o, const char *word, const char *value, char **cause)
{
    int64_t i;
    double d;

    switch (o->type) {
    case OPT_INT:
        if (text_int(value, &i) && (double)i >= o->low && (double)i <= o->high)
            return 0;
        return cause_set(cause, "%s '%s': a whole number from %.17g to %.17g is needed", word, value, o->low,
                         o->high);
    case OPT_REAL:
        if (text_double(value, &d) && d >= o->low && d <= o->high)
            return 0;
        return cause_set(cause, "%s '%s': a number from %g to %g is needed", word, value, o->low, o->high);
    case OPT_CHOICE:
        if (one_of(o->arg, value))
            return 0;
        return cause_set(cause, "%s '%s': one of %s is needed", word, value, o->arg);
    default:
        if (*value || o->type == OPT_WORD)
            return 0;
        return cause_set(cause, "%s: %s must not be empty", word, o->arg);
    }
}

static int keep(struct opt_set *s, const struct opt *o, const char *value, char **cause)
{
    if (s->n_given == OPT_MAX)
        return cause_set(cause, "too many options (at most %d)", OPT_MAX);
    s->given[s->n_given].opt = o;
    s->given[s->n_given++].value = value;
    return 0;
}

/* The option at argv[i]; returns how many words it took, 0 when it is no option of ours, -1 and a cause. */
static int take(struct opt_set *s, int argc, char *const *argv, int i, char **cause)
{
    const char *word = argv[i], *value = NULL;
    char spelled[64];
    const struct opt *o;
    int used = 1;

    if (word[1] == '-') {
        size_t n = strcspn(word + 2, "=");
        o = find_name(s, word + 2, n);
        if (word[2 + n] == '=')
            value = word + 3 + n;
        snprintf(spelled, sizeof spelled, "--%.*s", (int)n, word + 2);
    } else {
        o = find_letter(s, word[1]);
        if (word[1] && word[2])
            value = word + 2;
        snprintf(spelled, sizeof spelled, "%.2s", word);
    }
    if (!o)
        return 0;
    if (o->type == OPT_FLAG) {
        if (value)
            return cause_set(cause, "%s takes no value", spelled);
        return keep(s, o, "", cause) == 0 ? 1 : -1;
    }
    if (!value) {
        if (i + 1 >= argc)
            return cause_set(cause, "%s needs a value: %s %s", spelled, spelled, o->arg);
        value = argv[i + 1];
        used = 2;
    }
    if (check(o, spelled, value, cause) != 0)
        return -1;
    if (o->type == OPT_WORD) {
        s->words[s->n_words++] = word;
        if (used == 2)
            s->words[s->n_words++] = value;
        return used;
    }
    return keep(s, o, value, cause) == 0 ? used : -1;
}

int opt_parse(struct opt_set *s, int argc, char *const *argv, enum opt_mode mode, char **cause)
{
    int i = 0;

    s->n_given = s->n_words = 0;
    s->words = mem_zero((size_t)argc + 1, sizeof *s->words);
    while (i < argc) {
        const char *word = argv[i];
        if (strcmp(word, "--") == 0) {
            i++;
            break;
        }
        int used = word[0] == '-' && word[1] ? take(s, argc, argv, i, cause) : 0;
        if (used < 0)
            return -1;
        if (used == 0 && word[0] == '-' && word[1] && mode != OPT_PASS)
            return unknown(s, word, cause);
        if (used == 0 && mode == OPT_LEADING)
            return i;
        if (used == 0)
            s->words[s->n_words++] = argv[i++];
        i += used;
    }
    if (mode == OPT_LEADING)
        return i;
    while (i < argc)
        s->words[s->n_words++] = argv[i++];
    return argc;
}

void opt_release(struct opt_set *s)
{
    free(s->words);
    s->words = NULL;
    s->n_words = s->n_given = 0;
}

const char *opt_text(const struct opt_set *s, const char *name)
{
    for (int i = s->n_given - 1; i >= 0; i--)
        if (s->given[i].opt->name && strcmp(s->given[i].opt->name, name) == 0)
            return s->given[i].value;
    return NULL;
}

bool opt_flag(const struct opt_set *s, const char *name)
{
    return opt_text(s, name) != NULL;
}

int64_t opt_int(const struct opt_set *s, const char *name, int64_t absent)
{
    const char *value = opt_text(s, name);
    if (value)
        text_int(value, &absent);
    return absent;
}

double opt_real(const struct opt_set *s, const char *name, double absent)
{
    const char *value = opt_text(s, name);
    if (value)
        text_double(value, &absent);
    return absent;
}

void opt_spelling(const struct opt *o, char *out, int cap)
{
    const char *space = o->type == OPT_FLAG ? "" : " ", *arg = o->type == OPT_FLAG ? "" : o->arg;
    if (o->letter && o->name)
        snprintf(out, (size_t)cap, "-%c, --%s%s%s", o->letter, o->name, space, arg);
    else if (o->letter)
        snprintf(out, (size_t)cap, "-%c%s%s", o->letter, space, arg);
    else
        snprintf(out, (size_t)cap, "    --%s%s%s", o->name, space, arg);
}
