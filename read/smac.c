/* smac: SMAC3's runhistory.json: "data" has an evaluation a row, as [[config, instance, seed, budget], [cost, time, status,
 * start, end, more]] (version 1), [config, instance, seed, budget, cost, time, cpu time?, status, start, end, more]
 * (version 2.0), or an object (2.1 and later); "configs" has the parameters, behind it. A configuration is a trial, an
 * evaluation a report of its cost; the step is the budget, or without one the number of the evaluation. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "read/formats.h"
#include "read/json_settings.h"

struct smac {
    const struct read_sink *sink;
    char *key;
    long rows, configs; /* said */
    struct json_pull json;
    int *evaluations; /* by configuration */
    int n_evaluations;
};

struct row {
    double config, seed, budget, cost, start, end;
    char status[40];
};

#define CONFIGS_MAX (1 << 20)

static int trial_of(struct smac *s, const char *number)
{
    char key[1200];
    snprintf(key, sizeof key, "%s/%.60s", s->key, number);
    return sink_trial(s->sink, key);
}

/* ---- rows ---- */

static void status_word(struct row *r, const char *s)
{
    const char *dot = strrchr(s, '.');
    snprintf(r->status, sizeof r->status, "%s", dot ? dot + 1 : s);
}

/* A status is a word, a number (version 2), or {"__enum__": "StatusType.SUCCESS"}. */
static bool take_status(struct json_pull *j, enum json_token t, struct row *r)
{
    static const char *const numbers[] = {"RUNNING", "SUCCESS", "CRASHED", "TIMEOUT", "MEMORYOUT"};
    if (t == JSON_STRING)
        status_word(r, json_text(j));
    if (t == JSON_NUMBER && j->number >= 0 && j->number < 5)
        status_word(r, numbers[(int)j->number]);
    if (t != JSON_OBJECT)
        return json_skip(j, t);
    while ((t = json_next(j)) == JSON_KEY) {
        t = json_next(j);
        if (t == JSON_STRING)
            status_word(r, json_text(j));
        if (!json_skip(j, t))
            return false;
    }
    return t == JSON_OBJECT_END;
}

/* A cost may be a list of several: the first counts. */
static bool take_cost(struct json_pull *j, enum json_token t, struct row *r)
{
    if (t == JSON_ARRAY) {
        enum json_token first = json_next(j);
        if (first == JSON_NUMBER)
            r->cost = j->number;
        for (t = first; t != JSON_ARRAY_END; t = json_next(j))
            if (!json_skip(j, t))
                return false;
        return true;
    }
    if (t == JSON_NUMBER)
        r->cost = j->number;
    return json_skip(j, t);
}

static bool take_numbers(struct json_pull *j, double *const *fields, int n)
{
    for (int i = 0; i < n; i++) {
        enum json_token t = json_next(j);
        if (t == JSON_NUMBER && fields[i])
            *fields[i] = j->number;
        if (t == JSON_ARRAY_END || !json_skip(j, t))
            return false;
    }
    return true;
}

static bool to_array_end(struct json_pull *j)
{
    for (enum json_token t; (t = json_next(j)) != JSON_ARRAY_END;)
        if (!json_skip(j, t))
            return false;
    return true;
}

/* Behind the key's first bracket. */
static bool read_nested(struct json_pull *j, struct row *r)
{
    double *const key[] = {&r->config, NULL, &r->seed, &r->budget}, *const times[] = {&r->start, &r->end};
    return take_numbers(j, key, 4) && to_array_end(j) && json_next(j) == JSON_ARRAY &&
           take_cost(j, json_next(j), r) && json_skip(j, json_next(j)) && take_status(j, json_next(j), r) &&
           take_numbers(j, times, 2) && to_array_end(j) && to_array_end(j);
}

/* Behind the first element, the configuration. 2.2 put a CPU time in front of the status; a status is a whole small
 * number followed by two times. */
static bool read_flat(struct json_pull *j, struct row *r)
{
    double *const key[] = {NULL, &r->seed, &r->budget};
    double v[6] = {0};
    int n = 0;
    if (!take_numbers(j, key, 3) || !take_cost(j, json_next(j), r))
        return false;
    for (enum json_token t; (t = json_next(j)) != JSON_ARRAY_END;) {
        if (t == JSON_NUMBER && n < 6)
            v[n++] = j->number;
        if (!json_skip(j, t))
            return false;
    }
    int at = n >= 5 ? 2 : 1; /* time [, cpu time], status, start, end */
    static const char *const numbers[] = {"RUNNING", "SUCCESS", "CRASHED", "TIMEOUT", "MEMORYOUT"};
    if (n > at + 2 && v[at] >= 0 && v[at] < 5)
        status_word(r, numbers[(int)v[at]]);
    r->start = n > at + 2 ? v[at + 1] : 0;
    r->end = n > at + 2 ? v[at + 2] : 0;
    return true;
}

static bool read_object(struct json_pull *j, struct row *r)
{
    for (;;) {
        enum json_token t = json_next(j);
        if (t != JSON_KEY)
            return t == JSON_OBJECT_END;
        const char *k = json_text(j);
        double *at = strcmp(k, "config_id") == 0   ? &r->config
                     : strcmp(k, "seed") == 0      ? &r->seed
                     : strcmp(k, "budget") == 0    ? &r->budget
                     : strcmp(k, "starttime") == 0 ? &r->start
                     : strcmp(k, "endtime") == 0   ? &r->end
                                                   : NULL;
        bool cost = strcmp(k, "cost") == 0, status = strcmp(k, "status") == 0;
        t = json_next(j);
        if (at && t == JSON_NUMBER)
            *at = j->number;
        if (!(cost ? take_cost(j, t, r) : status ? take_status(j, t, r) : json_skip(j, t)))
            return false;
    }
}

static bool read_row(struct json_pull *j, enum json_token t, struct row *r)
{
    *r = (struct row){.config = -1, .cost = NAN};
    if (t == JSON_OBJECT)
        return read_object(j, r);
    if (t != JSON_ARRAY)
        return false;
    t = json_next(j);
    if (t == JSON_ARRAY)
        return read_nested(j, r);
    if (t == JSON_NUMBER)
        r->config = j->number;
    return t == JSON_NUMBER && read_flat(j, r);
}

static void say_row(struct smac *s, const struct row *r)
{
    char number[32];
    int64_t end = read_seconds(r->end);
    sink_record(s->sink, "evaluation");
    if (!(r->config >= 0 && r->config < CONFIGS_MAX))
        return;
    snprintf(number, sizeof number, "%.0f", r->config);
    int trial = trial_of(s, number), c = (int)r->config;
    if (c >= s->n_evaluations) {
        int n = s->n_evaluations ? s->n_evaluations : 64;
        while (n <= c)
            n *= 2;
        s->evaluations = mem_resize(s->evaluations, (size_t)n, sizeof(int));
        memset(s->evaluations + s->n_evaluations, 0, (size_t)(n - s->n_evaluations) * sizeof(int));
        s->n_evaluations = n;
    }
    int64_t step = r->budget >= 0.5 && r->budget < 9e15 ? llround(r->budget) : s->evaluations[c];
    s->evaluations[c]++;
    sink_state(s->sink, trial, READ_RUNNING, read_seconds(r->start), NULL);
    bool good = strcmp(r->status, "SUCCESS") == 0 || strcmp(r->status, "DONOTADVANCE") == 0 || !*r->status;
    if (good && !isnan(r->cost))
        sink_report(s->sink, trial, step, end, r->cost);
    if (good && r->budget > 0 && r->budget != floor(r->budget))
        sink_point(s->sink, trial, "budget", step, end, r->budget);
    if (!good && strcmp(r->status, "RUNNING") != 0)
        sink_state(s->sink, trial, READ_FAILED, end, r->status);
}

static bool take_rows(struct smac *s, struct json_pull *j)
{
    for (long i = 0;; i++) {
        struct row r;
        enum json_token t = json_next(j);
        if (t == JSON_ARRAY_END)
            return true;
        if (json_failed(t) || !read_row(j, t, &r))
            return false;
        if (i >= s->rows) {
            s->rows = i + 1;
            say_row(s, &r);
        }
    }
}

static bool take_configs(struct smac *s, struct json_pull *j)
{
    for (long i = 0;; i++) {
        enum json_token t = json_next(j);
        if (t != JSON_KEY)
            return t == JSON_OBJECT_END;
        int trial = trial_of(s, json_text(j));
        t = json_next(j);
        if (!(i >= s->configs ? json_params(j, t, "", s->sink, trial) : json_skip(j, t)))
            return false;
        if (i >= s->configs) {
            s->configs = i + 1;
            sink_record(s->sink, "config");
        }
    }
}

static bool document(struct smac *s, struct json_pull *j)
{
    if (json_next(j) != JSON_OBJECT)
        return false;
    for (;;) {
        enum json_token t = json_next(j);
        if (t != JSON_KEY)
            return t == JSON_OBJECT_END;
        bool data = strcmp(json_text(j), "data") == 0, configs = strcmp(json_text(j), "configs") == 0;
        t = json_next(j);
        if (!(data && t == JSON_ARRAY        ? take_rows(s, j)
              : configs && t == JSON_OBJECT ? take_configs(s, j)
                                            : json_skip(j, t)))
            return false;
    }
}

/* ---- the file ---- */

static size_t feed(void *self, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st)
{
    struct smac *s = self;
    json_open(&s->json, p, n);
    if (!document(s, &s->json))
        read_stop_at(st, s->json.failed == JSON_CUT, (int64_t)json_offset(&s->json), "%s",
                     s->json.why ? s->json.why : "this is no run history");
    return n;
}

static bool claim(const struct read_probe *p, struct read_claim *c)
{
    if (!probe_named(p, "runhistory.json"))
        return false;
    c->kind = READ_DOCUMENT;
    probe_folder(p, 0, c->key, sizeof c->key);
    return true;
}

static void *open_file(const struct read_open *o)
{
    struct smac *s = MEM_NEW(struct smac);
    s->sink = o->sink;
    s->key = mem_str(o->key);
    sink_study(o->sink, NULL, "cost", READ_MINIMIZE);
    return s;
}

static void close_file(void *self)
{
    struct smac *s = self;
    json_release(&s->json);
    free(s->evaluations);
    free(s->key);
    free(s);
}

const struct read_format read_smac = {
    .name = "smac",
    .text = "SMAC3: runhistory.json of versions 1 and 2",
    .claim = claim,
    .open = open_file,
    .feed = feed,
    .close = close_file,
};
