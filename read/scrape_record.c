/* scrape_record: lines that are records: JSON objects, Python dictionaries, rows of a table with a line of names above. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "read/scrape_parts.h"
#include "base/mem.h"
#include "read/json_pull.h"

#define COLUMNS_MAX SCRAPE_PAIRS

/* ---- objects ---- */

static void leaf(void *ctx, const char *name, const struct read_value *v)
{
    struct read_value own = *v;
    double x;
    if (own.type == READ_TEXT) { /* newer trainers print '0.1234' in quotes */
        const char *end = own.text + strlen(own.text);
        if (scrape_number(own.text, end, &x) == (size_t)(end - own.text) && end > own.text)
            scrape_put(ctx, name, x);
    } else if (own.type != READ_BOOL && read_number(&own, &x)) {
        scrape_put(ctx, name, x);
    }
}

/* An object that is the whole text. */
static bool object(const char *p, size_t n, struct scrape_found *f)
{
    struct json_pull j = {0};
    struct scrape_found all = {0};
    json_open(&j, p, n);
    enum json_token t = json_next(&j);
    bool whole = t == JSON_OBJECT && json_leaves(&j, t, "", leaf, &all) && json_next(&j) == JSON_END;
    while (whole && j.p < j.end)
        whole = isspace((unsigned char)*j.p++);
    json_release(&j);
    if (whole)
        *f = all;
    return whole;
}

bool scrape_json(struct scrape_state *s, const char *line, const char *end, struct scrape_found *f)
{
    while (line < end && isspace((unsigned char)*line))
        line++;
    return line < end && *line == '{' && object(line, (size_t)(end - line), f);
}

/* Python's way of writing turned into JSON's: quotes, None, True, nan. */
static void as_json(struct buf *b, const char *p, const char *end)
{
    static const struct {
        const char *python, *json;
    } words[] = {{"None", "null"}, {"True", "true"}, {"False", "false"}, {"nan", "NaN"}, {"inf", "Infinity"}};
    char quote = 0;
    for (; p < end; p++) {
        if (quote) {
            if (*p == '\\' && p + 1 < end) {
                if (p[1] != '\'')
                    buf_putc(b, *p);
                buf_putc(b, *++p);
            } else if (*p == quote) {
                quote = 0;
                buf_putc(b, '"');
            } else {
                if (*p == '"')
                    buf_putc(b, '\\');
                buf_putc(b, *p);
            }
            continue;
        }
        if (*p == '\'' || *p == '"') {
            quote = *p;
            buf_putc(b, '"');
            continue;
        }
        size_t w = 0, n = sizeof words / sizeof *words;
        while (w < n && ((size_t)(end - p) < strlen(words[w].python) || strncmp(p, words[w].python, strlen(words[w].python))))
            w++;
        if (w < n) {
            buf_puts(b, words[w].json);
            p += strlen(words[w].python) - 1;
        } else {
            buf_putc(b, *p);
        }
    }
}

/* The dictionary may stand behind a logger's words; nothing may follow it. */
bool scrape_dict(struct scrape_state *s, const char *line, const char *end, struct scrape_found *f)
{
    const char *open = memchr(line, '{', (size_t)(end - line));
    while (end > line && isspace((unsigned char)end[-1]))
        end--;
    if (!open || open >= end || end[-1] != '}' || !memchr(open, ':', (size_t)(end - open)))
        return false;
    buf_clear(&s->text);
    as_json(&s->text, open, end);
    return object((const char *)s->text.data, s->text.len, f);
}

/* ---- tables ---- */

/* The next field of a record without quotes; blanks as separator come in runs. */
static bool field(const char **p, const char *end, char separator, const char **a, const char **b)
{
    const char *q = *p;
    if (!q)
        return false;
    if (separator == ' ')
        while (q < end && *q == ' ')
            q++;
    if (separator == ' ' && q == end)
        return false;
    const char *stop = memchr(q, separator, (size_t)(end - q));
    *a = q;
    *b = stop ? stop : end;
    *p = stop ? stop + 1 : NULL;
    while (*a < *b && strchr(" \t\"", **a))
        ++*a;
    while (*b > *a && strchr(" \t\"", (*b)[-1]))
        --*b;
    return true;
}

static bool names(struct scrape_state *s, const char *line, const char *end, char separator, bool only_training)
{
    char found[COLUMNS_MAX][SCRAPE_NAME];
    const char *p = line, *a, *b;
    int n = 0;
    bool training = false;
    while (field(&p, end, separator, &a, &b)) {
        if (n == COLUMNS_MAX || a == b || memchr(a, ' ', (size_t)(b - a)) || !isalpha((unsigned char)*a) ||
            memchr(a, ':', (size_t)(b - a)) || memchr(a, '=', (size_t)(b - a)) ||
            !scrape_name(found[n], a, (size_t)(b - a)))
            return false;
        training = training || scrape_of_training(found[n]) || scrape_is_step(found[n]) || scrape_is_epoch(found[n]);
        n++;
    }
    if (n < 2 || (only_training && !training))
        return false;
    s->columns = mem_resize(s->columns, (size_t)n, sizeof *s->columns);
    memcpy(s->columns, found, (size_t)n * sizeof *found);
    s->n_columns = n;
    s->separator = separator;
    return true;
}

static bool row(struct scrape_state *s, const char *line, const char *end, struct scrape_found *f)
{
    struct scrape_found all = {0};
    const char *p = line, *a, *b;
    int n = 0, numbers = 0;
    while (field(&p, end, s->separator, &a, &b)) {
        double value;
        if (n == s->n_columns)
            return false;
        bool number = a < b && scrape_number(a, b, &value) == (size_t)(b - a);
        if (number)
            scrape_put(&all, s->columns[n], value);
        else if (a < b && s->separator == ' ' && !memchr(a, ':', (size_t)(b - a)))
            return false;
        numbers += number;
        n++;
    }
    if (n != s->n_columns || numbers < 1)
        return false;
    *f = all;
    return true;
}

bool scrape_csv(struct scrape_state *s, const char *line, const char *end, bool only_training, struct scrape_found *f)
{
    if (s->n_columns && row(s, line, end, f))
        return true;
    for (const char *separator = ",;\t "; *separator; separator++)
        if (memchr(line, *separator, (size_t)(end - line)) && names(s, line, end, *separator, only_training))
            return true;
    if (s->n_columns && s->separator == ' ')
        s->n_columns = 0; /* a table of blanks ends with the first line that is no row of it */
    return false;
}
