/* scrape: see scrape.h. This file cleans a line, asks the readings in turn and decides the step; how a line is understood is in
 * scrape_pairs.c, scrape_bar.c, scrape_record.c and scrape_regex.c. */
#include "read/scrape.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "read/scrape_parts.h"
#include "base/cause.h"
#include "base/mem.h"

enum reading { AUTO, KEYVALUE, JSON, HF, TQDM, LIGHTNING, KERAS, CSV, NONE, REGEX };
static const char *const readings[] = {"auto", "keyvalue", "json", "hf", "tqdm", "lightning", "keras", "csv", "none"};

struct metric {
    char name[SCRAPE_NAME];
    int64_t next; /* step of the next value without one */
};

struct scrape {
    struct scrape_sink sink;
    enum reading rules[SCRAPE_RULES];
    struct scrape_regex *regexes[SCRAPE_RULES];
    int n_rules;
    char objective[SCRAPE_NAME], objective_key[SCRAPE_NAME];
    struct scrape_state state;
    struct metric metrics[SCRAPE_NAMES];
    int n_metrics;
    /* Steps that begin again with every epoch are counted on. */
    bool has_last;
    double last_epoch;
    int64_t last_raw, base;
    char line[SCRAPE_LINE];
};

/* ---- rules ---- */

static enum reading reading_of(const char *rule)
{
    for (int i = 0; i < REGEX; i++)
        if (strcmp(readings[i], rule) == 0)
            return (enum reading)i;
    return REGEX;
}

int scrape_check(const char *rule, char **cause)
{
    if (reading_of(rule) != REGEX)
        return 0;
    struct scrape_regex *x = scrape_regex_new(rule, cause);
    scrape_regex_free(x);
    return x ? 0 : -1;
}

/* Lower case, everything between words an underscore: "Val Loss" and "val/loss" are the objective val_loss. */
static void key_of(char out[SCRAPE_NAME], const char *name)
{
    size_t n = 0;
    for (; *name && n + 1 < SCRAPE_NAME; name++)
        out[n++] = isalnum((unsigned char)*name) || (unsigned char)*name >= 0x80 ? (char)tolower((unsigned char)*name) : '_';
    out[n] = '\0';
}

struct scrape *scrape_new(char *const *rules, int n, const char *metric, const struct scrape_sink *sink, char **cause)
{
    struct scrape *s = MEM_NEW(struct scrape);
    s->sink = *sink;
    if (metric && strlen(metric) < SCRAPE_NAME) {
        memcpy(s->objective, metric, strlen(metric) + 1);
        key_of(s->objective_key, metric);
    }
    if (n > SCRAPE_RULES) {
        cause_set(cause, "parse: at most %d rules", SCRAPE_RULES);
        scrape_free(s);
        return NULL;
    }
    for (int i = 0; i < n; i++) {
        s->rules[i] = reading_of(rules[i]);
        if (s->rules[i] == REGEX && !(s->regexes[i] = scrape_regex_new(rules[i], cause))) {
            scrape_free(s);
            return NULL;
        }
        s->n_rules++;
    }
    if (n == 0)
        s->n_rules = 1; /* auto */
    return s;
}

void scrape_free(struct scrape *s)
{
    if (!s)
        return;
    for (int i = 0; i < SCRAPE_RULES; i++)
        scrape_regex_free(s->regexes[i]);
    free(s->state.columns);
    buf_release(&s->state.text);
    free(s);
}

/* ---- a line ---- */

/* Without what only a terminal understands: ANSI sequences (CSI, OSC, two-byte ones). */
static size_t clean(char out[SCRAPE_LINE], const char *p, size_t n)
{
    const char *end = p + n;
    size_t k = 0;
    while (p < end && k < SCRAPE_LINE) {
        if (*p != '\033') {
            out[k++] = *p++;
            continue;
        }
        if (++p >= end)
            break;
        char kind = *p++;
        if (kind == '[') {
            while (p < end && ((unsigned char)*p < 0x40 || (unsigned char)*p > 0x7e))
                p++;
            p += p < end;
        } else if (kind == ']') {
            while (p < end && *p != '\007' && *p != '\033')
                p++;
            p += p < end;
        }
    }
    return k;
}

static int64_t own_step(struct scrape *s, const struct scrape_found *f)
{
    if (f->has_epoch && s->has_last && f->epoch > s->last_epoch && f->step <= s->last_raw)
        s->base += s->last_raw;
    s->has_last = f->has_epoch || s->has_last;
    if (f->has_epoch)
        s->last_epoch = f->epoch;
    s->last_raw = f->step;
    return s->base + f->step;
}

/* The step of a line that may not say one. False: its metrics count for themselves. */
static bool step_of(struct scrape *s, struct scrape_found *f, int64_t *step)
{
    struct scrape_state *st = &s->state;
    if (f->has_step) {
        *step = own_step(s, f);
        return true;
    }
    bool whole = f->has_epoch && f->epoch == floor(f->epoch) && fabs(f->epoch) < 9e15;
    if (whole && f->of > 0) { /* "Train Epoch: 2 [640/60000]" */
        if (!st->has_first_epoch)
            st->first_epoch = (int64_t)f->epoch;
        st->has_first_epoch = true;
        *step = ((int64_t)f->epoch - st->first_epoch) * f->of + f->at;
        return true;
    }
    if (st->bar_of > 0) {
        *step = st->epoch * st->bar_of + st->bar_at;
        return true;
    }
    if (whole) {
        *step = (int64_t)f->epoch;
        return true;
    }
    *step = st->heading;
    return st->has_heading;
}

static struct metric *metric_of(struct scrape *s, const char *name)
{
    char key[SCRAPE_NAME];
    if (*s->objective) {
        key_of(key, name);
        if (strcmp(key, s->objective_key) == 0)
            name = s->objective;
    }
    for (int i = 0; i < s->n_metrics; i++)
        if (strcmp(s->metrics[i].name, name) == 0)
            return &s->metrics[i];
    if (s->n_metrics == SCRAPE_NAMES)
        return NULL;
    struct metric *m = &s->metrics[s->n_metrics++];
    memcpy(m->name, name, strlen(name) + 1);
    m->next = 0;
    return m;
}

static void say(struct scrape *s, struct scrape_found *f)
{
    int64_t step = 0;
    bool known = step_of(s, f, &step), said_epoch = f->has_epoch && (f->has_step || f->epoch != floor(f->epoch));
    if (said_epoch && f->n && f->n < SCRAPE_PAIRS) {
        memcpy(f->pairs[f->n].name, "epoch", 6);
        f->pairs[f->n++].value = f->epoch;
    }
    for (int i = 0; i < f->n; i++) {
        struct metric *m = metric_of(s, f->pairs[i].name);
        if (!m)
            continue;
        /* A heading holds for the lines below it, of which a metric may have several. */
        bool explicit = known && (f->has_step || f->has_epoch);
        int64_t at = explicit || (known && step >= m->next) ? step : m->next;
        m->next = at + 1;
        s->sink.point(s->sink.ctx, m->name, at, f->pairs[i].value);
    }
}

/* Whether a line that nobody asked to be read is about training. */
static bool about_training(const struct scrape *s, const struct scrape_found *f)
{
    if (f->n && (f->has_step || f->has_epoch))
        return true;
    for (int i = 0; i < f->n; i++) {
        char key[SCRAPE_NAME];
        key_of(key, f->pairs[i].name);
        if (scrape_of_training(f->pairs[i].name) || (*s->objective && strcmp(key, s->objective_key) == 0))
            return true;
    }
    return false;
}

static bool guess(struct scrape *s, const char *p, const char *end, struct scrape_found *f)
{
    struct scrape_state *st = &s->state;
    if (scrape_json(st, p, end, f) || scrape_dict(st, p, end, f))
        return true;
    if (scrape_bar(st, p, end, false, f) || scrape_keras(st, p, end, f) || scrape_table(p, end, f))
        return true;
    return scrape_csv(st, p, end, true, f) || scrape_pairs(p, end, f);
}

static bool read_line(struct scrape *s, int rule, const char *p, const char *end, struct scrape_found *f)
{
    struct scrape_state *st = &s->state;
    switch (s->rules[rule]) {
    case AUTO:
        return guess(s, p, end, f) && about_training(s, f);
    case KEYVALUE:
        return scrape_pairs(p, end, f);
    case JSON:
        return scrape_json(st, p, end, f);
    case HF:
        return scrape_dict(st, p, end, f) || (scrape_bar(st, p, end, false, f) && false);
    case TQDM:
        return scrape_bar(st, p, end, false, f);
    case LIGHTNING:
        return scrape_bar(st, p, end, true, f) || scrape_table(p, end, f);
    case KERAS:
        return scrape_keras(st, p, end, f);
    case CSV:
        return scrape_csv(st, p, end, false, f);
    case REGEX:
        return scrape_regex_line(s->regexes[rule], p, (size_t)(end - p), f);
    case NONE:
        break;
    }
    return false;
}

void scrape_line(struct scrape *s, const char *line, size_t n)
{
    size_t k = clean(s->line, line, n < SCRAPE_LINE ? n : SCRAPE_LINE);
    while (k && isspace((unsigned char)s->line[k - 1]))
        k--;
    const char *p = s->line, *end = s->line + k;
    while (p < end && isspace((unsigned char)*p))
        p++;
    int64_t at;
    if (p == end)
        return;
    for (int i = 0; i < s->n_rules; i++) {
        struct scrape_found f = {0};
        if (read_line(s, i, p, end, &f))
            say(s, &f);
    }
    if (scrape_heading(p, end, &at)) {
        s->state.has_heading = true;
        s->state.heading = at;
    }
}
