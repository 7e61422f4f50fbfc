/* json_pull: see json_pull.h. A small automaton: what may come next, and for each open container whether it is an
 * object. */
#include "read/json_pull.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "read/parser.h"

void json_open(struct json_pull *j, const void *p, size_t n)
{
    struct buf text = j->text;
    *j = (struct json_pull){.start = p, .p = p, .end = (const char *)p + n, .token = p, .text = text};
    buf_clear(&j->text);
}

void json_release(struct json_pull *j)
{
    buf_release(&j->text);
}

size_t json_offset(const struct json_pull *j)
{
    return (size_t)(j->token - j->start);
}

const char *json_text(struct json_pull *j)
{
    return buf_cstr(&j->text);
}

static enum json_token fail(struct json_pull *j, enum json_token t, const char *why)
{
    j->want = JSON_FAILED;
    j->failed = t;
    j->why = why;
    return t;
}

static enum json_token bad(struct json_pull *j, const char *why)
{
    return fail(j, JSON_BAD, why);
}

static enum json_token cut(struct json_pull *j)
{
    return fail(j, JSON_CUT, "the text ends inside a value");
}

static void blanks(struct json_pull *j)
{
    while (j->p < j->end && (*j->p == ' ' || *j->p == '\t' || *j->p == '\n' || *j->p == '\r'))
        j->p++;
}

/* ---- strings ---- */

static bool hex4(const char *p, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0)
            return false;
        *out = *out << 4 | (uint32_t)d;
    }
    return true;
}

static void put_code(struct json_pull *j, uint32_t cp)
{
    char u[4];
    size_t n = cp ? utf8_encode(u, cp) : 0; /* strings end at a NUL here: it becomes U+FFFD */
    if (!n)
        n = utf8_encode(u, 0xfffd);
    buf_put(&j->text, u, n);
}

/* Behind "\u". 1, 0 cut, -1 bad. */
static int escaped_code(struct json_pull *j)
{
    uint32_t cp, low;
    if (j->end - j->p < 4)
        return 0;
    if (!hex4(j->p, &cp))
        return -1;
    j->p += 4;
    if (cp >= 0xd800 && cp < 0xdc00 && j->end - j->p >= 6 && j->p[0] == '\\' && j->p[1] == 'u' &&
        hex4(j->p + 2, &low) && low >= 0xdc00 && low < 0xe000) {
        j->p += 6;
        cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
    }
    put_code(j, cp);
    return 1;
}

static enum json_token string(struct json_pull *j, enum json_token as)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    buf_clear(&j->text);
    for (j->p++;; ) {
        const char *run = j->p;
        while (j->p < j->end && *j->p != '"' && *j->p != '\\' && *j->p != '\0')
            j->p++;
        buf_put(&j->text, run, (size_t)(j->p - run));
        if (j->p >= j->end)
            return cut(j);
        char c = *j->p++;
        if (c == '"')
            return as;
        if (c == '\0')
            return bad(j, "a NUL inside a string");
        if (j->p >= j->end)
            return cut(j);
        c = *j->p++;
        const char *at = c ? strchr(from, c) : NULL;
        if (at) {
            buf_putc(&j->text, to[at - from]);
        } else if (c == 'u') {
            int rc = escaped_code(j);
            if (rc <= 0)
                return rc == 0 ? cut(j) : bad(j, "a broken escape in a string");
        } else {
            return bad(j, "a broken escape in a string");
        }
    }
}

/* ---- numbers and words ---- */

static bool word_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '-' ||
           c == '.';
}

static enum json_token number(struct json_pull *j, const char *w, size_t n)
{
    char text[512], *end;
    if (n >= sizeof text)
        return bad(j, "a number longer than 511 characters");
    memcpy(text, w, n);
    text[n] = '\0';
    const char *digits = text + (*text == '-');
    if (!(*digits >= '0' && *digits <= '9') || strpbrk(text, "xXpPnN"))
        return bad(j, "no JSON value");
    j->number = strtod(text, &end);
    if (*end)
        return bad(j, "no JSON value");
    j->whole = false;
    if (!strpbrk(text, ".eE")) {
        errno = 0;
        long long i = strtoll(text, &end, 10);
        j->whole = errno == 0 && !*end;
        j->integer = i;
    }
    return JSON_NUMBER;
}

static enum json_token word(struct json_pull *j)
{
    static const struct {
        const char *word;
        enum json_token token;
        double number;
    } words[] = {{"true", JSON_TRUE, 0},         {"false", JSON_FALSE, 0},   {"null", JSON_NULL, 0},
                 {"NaN", JSON_NUMBER, NAN},      {"Infinity", JSON_NUMBER, INFINITY},
                 {"-Infinity", JSON_NUMBER, -INFINITY}};
    const char *w = j->p;
    while (j->p < j->end && word_char(*j->p))
        j->p++;
    size_t n = (size_t)(j->p - w);
    if (j->p >= j->end && j->depth)
        return cut(j); /* inside a container the last word must be followed by something */
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].word) == n && memcmp(words[i].word, w, n) == 0) {
            j->number = words[i].number;
            j->whole = false;
            return words[i].token;
        }
    return n ? number(j, w, n) : bad(j, "no JSON value");
}

/* ---- the automaton ---- */

static void value_done(struct json_pull *j)
{
    j->want = j->depth ? JSON_WANT_NEXT : JSON_OVER;
}

static enum json_token open_container(struct json_pull *j, bool object)
{
    if (j->depth == JSON_DEPTH)
        return bad(j, "more than 64 containers inside each other");
    j->p++;
    j->in_object[j->depth++] = object;
    j->want = JSON_WANT_FIRST;
    return object ? JSON_OBJECT : JSON_ARRAY;
}

static enum json_token value(struct json_pull *j)
{
    if (*j->p == '{' || *j->p == '[')
        return open_container(j, *j->p == '{');
    enum json_token t = *j->p == '"' ? string(j, JSON_STRING) : word(j);
    if (!json_failed(t))
        value_done(j);
    return t;
}

static enum json_token key(struct json_pull *j)
{
    if (*j->p != '"')
        return bad(j, "a key must be a string");
    enum json_token t = string(j, JSON_KEY);
    if (json_failed(t))
        return t;
    blanks(j);
    if (j->p >= j->end)
        return cut(j);
    if (*j->p != ':')
        return bad(j, "a key without a colon");
    j->p++;
    j->want = JSON_WANT_COLON_VALUE;
    return t;
}

static enum json_token close_container(struct json_pull *j)
{
    bool object = j->in_object[j->depth - 1];
    j->p++;
    j->depth--;
    value_done(j);
    return object ? JSON_OBJECT_END : JSON_ARRAY_END;
}

enum json_token json_next(struct json_pull *j)
{
    if (j->want == JSON_FAILED)
        return j->failed;
    if (j->want == JSON_OVER)
        return JSON_END;
    blanks(j);
    j->token = j->p;
    if (j->p >= j->end)
        return cut(j);
    if (j->want == JSON_WANT_VALUE || j->want == JSON_WANT_COLON_VALUE)
        return value(j);
    bool object = j->in_object[j->depth - 1], first = j->want == JSON_WANT_FIRST;
    if (*j->p == (object ? '}' : ']'))
        return close_container(j);
    if (!first) {
        if (*j->p != ',')
            return bad(j, "a comma is missing");
        j->p++;
        blanks(j);
        j->token = j->p;
        if (j->p >= j->end)
            return cut(j);
    }
    return object ? key(j) : value(j);
}

/* ---- whole values ---- */

bool json_skip(struct json_pull *j, enum json_token t)
{
    if (t == JSON_END || t == JSON_OBJECT_END || t == JSON_ARRAY_END)
        return false; /* no value begins here: who counts on one would wait for ever */
    if (t != JSON_OBJECT && t != JSON_ARRAY)
        return !json_failed(t);
    int depth = j->depth;
    while (j->depth >= depth)
        if (json_failed(json_next(j)))
            return false;
    return true;
}

bool json_scalar(struct json_pull *j, enum json_token t, struct read_value *v)
{
    *v = (struct read_value){.type = READ_NULL};
    switch (t) {
    case JSON_NULL:
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        *v = (struct read_value){.type = READ_BOOL, .i = t == JSON_TRUE};
        return true;
    case JSON_NUMBER:
        *v = j->whole ? read_int(j->integer) : read_real(j->number);
        return true;
    case JSON_STRING:
        *v = read_text(json_text(j));
        return true;
    default:
        return false;
    }
}

static bool leaves_below(struct json_pull *j, enum json_token t, struct buf *name,
                         void (*leaf)(void *ctx, const char *name, const struct read_value *v), void *ctx)
{
    struct read_value v;
    if (json_scalar(j, t, &v)) {
        leaf(ctx, buf_cstr(name), &v);
        return true;
    }
    if (t != JSON_OBJECT && t != JSON_ARRAY)
        return false;
    size_t had = name->len;
    for (size_t i = 0;; i++) {
        enum json_token n = json_next(j);
        if (n == JSON_OBJECT_END || n == JSON_ARRAY_END)
            return true;
        if (json_failed(n))
            return false;
        if (had)
            buf_putc(name, '.');
        if (t == JSON_OBJECT) {
            buf_puts(name, json_text(j));
            n = json_next(j);
        } else {
            buf_printf(name, "%zu", i);
        }
        bool ok = name->len > READ_NAME_MAX ? json_skip(j, n) : leaves_below(j, n, name, leaf, ctx);
        name->len = had;
        if (!ok)
            return false;
    }
}

bool json_leaves(struct json_pull *j, enum json_token t, const char *prefix,
                 void (*leaf)(void *ctx, const char *name, const struct read_value *v), void *ctx)
{
    struct buf name = {0};
    buf_puts(&name, prefix);
    bool ok = leaves_below(j, t, &name, leaf, ctx);
    buf_release(&name);
    return ok;
}

bool json_verbatim(struct json_pull *j, enum json_token t, struct buf *out)
{
    const char *from = j->token;
    if (!json_skip(j, t))
        return false;
    buf_put(out, from, (size_t)(j->p - from));
    return true;
}
