/* scrape_pairs: names and numbers with = or : between them, and words that say where training is ("Epoch 3/10", "step 40"). */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "read/scrape_parts.h"

#define NAME_WORDS 3 /* "train loss: 0.2": so many words may be one name */
#define UNIT_MAX   5

/* ---- names ---- */

bool scrape_name(char out[SCRAPE_NAME], const char *p, size_t n)
{
    size_t k = 0;
    for (; n && k + 1 < SCRAPE_NAME; p++, n--) {
        unsigned char c = (unsigned char)*p;
        bool kept = isalnum(c) || c >= 0x80 || strchr("./@-", c);
        if (kept)
            out[k++] = (char)c;
        else if (k && out[k - 1] != '_')
            out[k++] = '_';
        else if (!k && c == '_')
            out[k++] = '_';
    }
    while (k > 1 && (out[k - 1] == '_' || out[k - 1] == '-'))
        k--;
    while (k && ((unsigned char)out[k - 1] & 0xc0) == 0x80 && n) /* cut within a character */
        k--;
    out[k] = '\0';
    return k && (isalpha((unsigned char)out[0]) || out[0] == '_' || (unsigned char)out[0] >= 0x80);
}

static bool one_of(const char *word, size_t n, const char *const *list)
{
    for (; *list; list++)
        if (strlen(*list) == n && strncasecmp(*list, word, n) == 0)
            return true;
    return false;
}

bool scrape_is_step(const char *name)
{
    static const char *const words[] = {"step",   "steps",       "global_step", "_step",   "iter",   "iteration", "it",
                                        "update", "num_updates", "trainer/global_step", "training_iteration", "episode", NULL};
    return one_of(name, strlen(name), words);
}

bool scrape_is_epoch(const char *name)
{
    static const char *const words[] = {"epoch", "train_epoch", "ep", NULL};
    return one_of(name, strlen(name), words);
}

bool scrape_of_training(const char *name)
{
    static const char *const words[] = {
        "loss", "losses", "acc",  "accuracy", "err",    "error",  "perplexity", "ppl",   "reward",  "return",    "score",
        "f1",   "auc",    "mse",  "mae",      "rmse",   "bleu",   "rouge",      "nll",   "cost",    "objective", "precision",
        "recall", "iou",  "map",  "wer",      "cer",    "elbo",   "kl",         "fitness", "bpb",   "top1",      "top5",
        "auroc", "dice",  "psnr", "ssim",     "fid",    "r2",     "residual",   "energy_error", "logloss", "merror", NULL};
    for (const char *p = name; *p;) {
        size_t n = strcspn(p, "_-./@");
        if (one_of(p, n, words))
            return true;
        p += n;
        p += strspn(p, "_-./@");
    }
    return false;
}

void scrape_put(struct scrape_found *f, const char *name, double value)
{
    bool whole = value == floor(value) && fabs(value) < 9e15;
    if (scrape_is_step(name) && whole) {
        f->has_step = true;
        f->step = (int64_t)value;
        return;
    }
    if (scrape_is_epoch(name)) {
        f->has_epoch = true;
        f->epoch = value;
        return;
    }
    for (int i = 0; i < f->n; i++)
        if (strcmp(f->pairs[i].name, name) == 0) {
            f->pairs[i].value = value;
            return;
        }
    if (f->n == SCRAPE_PAIRS || !scrape_name(f->pairs[f->n].name, name, strlen(name)))
        return;
    f->pairs[f->n++].value = value;
}

/* ---- numbers ---- */

/* strtod on a piece of a line: no locale's comma, no hexadecimal. */
static size_t plain_number(const char *p, const char *end, double *value)
{
    char text[48];
    size_t n = 0, digits = 0;
    const char *q = p;
    if (q < end && (*q == '-' || *q == '+'))
        q++;
    static const char *const words[] = {"infinity", "inf", "nan", NULL};
    for (int i = 0; words[i]; i++) {
        size_t k = strlen(words[i]);
        if ((size_t)(end - q) >= k && strncasecmp(q, words[i], k) == 0) {
            *value = words[i][0] == 'n' ? NAN : *p == '-' ? -INFINITY : INFINITY;
            return (size_t)(q - p) + k;
        }
    }
    for (; q < end && (isdigit((unsigned char)*q) || *q == '.'); q++)
        digits += *q != '.';
    if (!digits)
        return 0;
    if (q < end && (*q == 'e' || *q == 'E' || *q == 'd' || *q == 'D')) { /* 1.0D-03, as Fortran prints */
        const char *e = q + 1;
        if (e < end && (*e == '-' || *e == '+'))
            e++;
        if (e < end && isdigit((unsigned char)*e)) {
            while (e < end && isdigit((unsigned char)*e))
                e++;
            q = e;
        }
    }
    if ((n = (size_t)(q - p)) >= sizeof text)
        return 0;
    memcpy(text, p, n);
    text[n] = '\0';
    for (char *c = text; *c; c++)
        *c = *c == 'd' || *c == 'D' ? 'e' : *c;
    char *stop;
    *value = strtod(text, &stop);
    return *stop ? 0 : n;
}

/* What may stand behind a number: nothing, a unit of a few letters, punctuation that is no part of a number or a date. */
static size_t unit(const char *p, const char *end)
{
    const char *q = p;
    if (q < end && *q == '%')
        return 1;
    while (q < end && q - p <= UNIT_MAX && isalpha((unsigned char)*q))
        q++;
    if (q > p && q + 1 < end && *q == '/' && isalpha((unsigned char)q[1])) { /* it/s, ms/step */
        q++;
        while (q < end && q - p <= 2 * UNIT_MAX && isalpha((unsigned char)*q))
            q++;
    }
    if (q < end && (isalnum((unsigned char)*q) || strchr("_=", *q)))
        return SIZE_MAX;
    if (q == p + 1 && q < end && *q == '}') /* {loss:.6f}: source text, not a number */
        return SIZE_MAX;
    if (q + 1 < end && (*q == '.' || *q == ':' || *q == '-') && isalnum((unsigned char)q[1]))
        return SIZE_MAX;
    return (size_t)(q - p);
}

size_t scrape_number(const char *p, const char *end, double *value)
{
    size_t n = plain_number(p, end, value), more;
    if (!n || (more = unit(p + n, end)) == SIZE_MAX)
        return 0;
    return n + more;
}

/* ---- a line ---- */

static const char *blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

static bool in_name(char c)
{
    return isalnum((unsigned char)c) || strchr("_./@-", c) || (unsigned char)c >= 0x80;
}

/* Where the name that ends at `end` begins: up to NAME_WORDS words with single blanks between, none of them a number. */
static const char *name_start(const char *start, const char *end)
{
    const char *p = end, *best = end;
    for (int words = 0; words < NAME_WORDS; words++) {
        const char *q = p;
        while (q > start && in_name(q[-1]))
            q--;
        if (q == p || !(isalpha((unsigned char)*q) || *q == '_' || (unsigned char)*q >= 0x80))
            break;
        best = q;
        if (q <= start + 1 || q[-1] != ' ' || !in_name(q[-2]))
            break;
        p = q - 1;
    }
    return best;
}

/* "trainer.py:88": where a logger was called from. */
static bool source_file(const char *name)
{
    static const char *const ends[] = {".py", ".c", ".cc", ".cpp", ".cu", ".rs", ".go", ".js", ".jl"};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (n > strlen(ends[i]) && strcmp(name + n - strlen(ends[i]), ends[i]) == 0)
            return true;
    return false;
}

/* "3/10" behind a word for steps; "98/100" behind another one is a share. */
static const char *take_value(const char *p, const char *end, const char *name, struct scrape_found *f)
{
    double value, of;
    size_t n = plain_number(p, end, &value);
    const char *slash = blanks(p + n, end);
    if (n && slash < end && *slash == '/') {
        const char *q = blanks(slash + 1, end);
        size_t k = plain_number(q, end, &of);
        if (k && unit(q + k, end) != SIZE_MAX && of > 0) {
            bool place = scrape_is_step(name) || scrape_is_epoch(name);
            if (place || value <= of)
                scrape_put(f, name, place ? value : value / of);
            return q + k;
        }
    }
    if (!(n = scrape_number(p, end, &value)))
        return NULL;
    scrape_put(f, name, value);
    return p + n;
}

/* "Epoch 3", "[step 40]", "Iteration #7": the words for a place need no sign between. */
static const char *take_place(const char *word, const char *p, const char *end, struct scrape_found *f)
{
    char name[SCRAPE_NAME];
    const char *q = blanks(p, end);
    if (q < end && (*q == '#' || *q == '['))
        q = blanks(q + 1, end);
    if (q == p || q >= end || !isdigit((unsigned char)*q) || !scrape_name(name, word, (size_t)(p - word)) ||
        !(scrape_is_step(name) || scrape_is_epoch(name)))
        return NULL;
    return take_value(q, end, name, f);
}

/* "Epoch: 1 [640/60000 (1%)]" */
static void take_progress(const char *p, const char *end, struct scrape_found *f)
{
    double at, of;
    size_t n, k;
    const char *q = blanks(p, end);
    if (q >= end || *q != '[' || !(n = plain_number(q + 1, end, &at)))
        return;
    q += 1 + n;
    if (q >= end || *q != '/' || !(k = plain_number(q + 1, end, &of)) || !(of > 0 && at >= 0 && of < 1e15))
        return;
    f->at = (int64_t)at;
    f->of = (int64_t)of;
}

bool scrape_pairs(const char *line, const char *end, struct scrape_found *f)
{
    const char *from = line; /* names begin no earlier */
    for (const char *p = line; p < end; p++) {
        const char *after = NULL, *value;
        char name[SCRAPE_NAME];
        if ((*p == '=' || *p == ':') && p > line) {
            const char *name_end = p;
            while (name_end > from && name_end[-1] == ' ' && p - name_end < 2)
                name_end--;
            while (name_end > from && strchr("'\")", name_end[-1]) && p - name_end < 3)
                name_end--;
            const char *start = name_start(from, name_end);
            value = blanks(p + 1, end);
            if (start < name_end && scrape_name(name, start, (size_t)(name_end - start)) && !source_file(name)) {
                /* "Train Epoch: 1" says the epoch */
                const char *last = name_end;
                char word[SCRAPE_NAME];
                while (last > start && last[-1] != ' ')
                    last--;
                if (scrape_name(word, last, (size_t)(name_end - last)) && (scrape_is_epoch(word) || scrape_is_step(word)))
                    memcpy(name, word, sizeof name);
                after = take_value(value, end, name, f);
            }
        } else if (isalpha((unsigned char)*p) && (p == line || !in_name(p[-1]))) {
            const char *word_end = p;
            while (word_end < end && (isalpha((unsigned char)*word_end) || *word_end == '_'))
                word_end++;
            after = take_place(p, word_end, end, f);
        }
        if (after) {
            take_progress(after, end, f);
            from = after;
            p = after - 1;
        }
    }
    return f->n > 0;
}

bool scrape_heading(const char *line, const char *end, int64_t *at)
{
    struct scrape_found f = {0};
    if (end - line > 80 || scrape_pairs(line, end, &f) || f.has_step == f.has_epoch)
        return false;
    double v = f.has_step ? (double)f.step : f.epoch;
    if (v != floor(v) || fabs(v) > 9e15)
        return false;
    *at = (int64_t)v;
    return true;
}
