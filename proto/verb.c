/* verb: the table of verbs and what can be asked of it, and the splitting of a typed line into words. What the words
 * mean is verb_parse.c's business. */
#include "proto/verb.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"

static const struct verb_info verbs[VERB_COUNT] = {
#define VERB_ROW(e, name, target, guard, undo, args, text) \
    [VERB_##e] = {VERB_##e, name, target, guard, undo, args, text},
    VERBS(VERB_ROW)
#undef VERB_ROW
};

const struct verb_info *verb_info(enum verb v)
{
    return v > VERB_NONE && v < VERB_COUNT ? &verbs[v] : NULL;
}

const struct verb_info *verb_find(const char *name)
{
    for (enum verb v = VERB_NONE + 1; v < VERB_COUNT; v++)
        if (strcmp(verbs[v].name, name) == 0)
            return &verbs[v];
    return NULL;
}

/* ---- did you mean ---- */

#define NAME_MAX_LEN 24

/* Edits (insert, delete, replace, swap neighbours) that turn a into b: optimal string alignment, three rows. */
static int edits(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    int row[3][NAME_MAX_LEN + 1];
    if (n > NAME_MAX_LEN || m > NAME_MAX_LEN)
        return NAME_MAX_LEN;
    for (size_t j = 0; j <= m; j++)
        row[0][j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[n % 3][m];
}

const struct verb_info *verb_nearest(const char *name)
{
    const struct verb_info *best = NULL;
    int least = 3; /* more than two slips is another word */
    size_t n = strlen(name);
    for (enum verb v = VERB_NONE + 1; v < VERB_COUNT; v++) {
        const char *known = verbs[v].name;
        int d = n >= 2 && text_has_prefix(known, name) ? 0 : edits(name, known);
        if (d < least && d < (int)strlen(known) - 1) {
            least = d;
            best = &verbs[v];
        }
    }
    return best;
}

/* ---- words ---- */

struct words {
    char **v;
    int n;
};

static void words_add(struct words *w, struct buf *b)
{
    w->v = mem_resize(w->v, (size_t)w->n + 2, sizeof *w->v);
    w->v[w->n++] = buf_take(b);
    w->v[w->n] = NULL;
}

/* Copies what stands between quotes; s points behind the opening one. Returns behind the closing one, NULL if open. */
static const char *quoted(const char *s, char quote, struct buf *b)
{
    for (; *s != quote; s++) {
        if (*s == '\0')
            return NULL;
        if (quote == '"' && *s == '\\' && (s[1] == '"' || s[1] == '\\'))
            s++;
        buf_putc(b, *s);
    }
    return s + 1;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One word. Quotes are taken off, except around a value (name="17"): there they are kept as double quotes, because they
 * say that the value is a string. NULL when a quote stays open. */
static const char *one_word(const char *s, struct buf *b)
{
    char last = '\0';
    while (*s && !blank(*s)) {
        char c = *s++;
        if (c == '"' || c == '\'') {
            bool keep = last == '=';
            if (keep)
                buf_putc(b, '"');
            s = quoted(s, c, b);
            if (!s)
                return NULL;
            if (keep)
                buf_putc(b, '"');
        } else {
            if (c == '\\' && *s)
                c = *s++;
            buf_putc(b, c);
        }
        last = c;
    }
    return s;
}

int verb_split(const char *line, char ***words, char **cause)
{
    struct words w = {.v = MEM_NEW(char *)};
    const char *s = line;
    for (;;) {
        while (blank(*s))
            s++;
        if (!*s)
            break;
        struct buf b = {0};
        s = one_word(s, &b);
        if (!s) {
            buf_release(&b);
            verb_words_free(w.v, w.n);
            *words = NULL;
            return cause_set(cause, "a quote is not closed");
        }
        words_add(&w, &b);
    }
    *words = w.v;
    return w.n;
}

void verb_words_free(char **words, int n)
{
    for (int i = 0; words && i < n; i++)
        free(words[i]);
    free(words);
}
