/* deepcave: DeepCAVE's own run folder: configs.json ({number: {parameters}}), history.jsonl ([config, budget, seed, [costs],
 * start, end, status, {more}] a line) and meta.json (names and directions of the objectives). The first objective is the
 * sweep's; a budget is a step. Times are seconds since the run began, and when that was nobody wrote down: the last one is
 * taken to be the file's own time. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "read/formats.h"
#include "read/json_lines.h"
#include "read/json_settings.h"

#define OBJECTIVES_MAX 16

enum role { ROLE_META, ROLE_CONFIGS, ROLE_HISTORY };

struct deepcave {
    const struct read_sink *sink;
    char *key, *folder;
    enum role role;
    struct json_pull json;
    char names[OBJECTIVES_MAX][64];
    int n_names;
    int64_t mtime, base; /* base 0: not known yet */
};

static int trial_of(struct deepcave *d, const char *number)
{
    char key[1200];
    snprintf(key, sizeof key, "%s/%.60s", d->key, number);
    return sink_trial(d->sink, key);
}

/* ---- meta.json ---- */

static bool take_objective(struct deepcave *d, struct json_pull *j, bool said)
{
    char name[64] = "", optimize[16] = "";
    for (;;) {
        enum json_token t = json_next(j);
        if (t != JSON_KEY) {
            if (t == JSON_OBJECT_END && d->n_names < OBJECTIVES_MAX) {
                if (said && d->n_names == 0)
                    sink_study(d->sink, NULL, name, strcmp(optimize, "upper") == 0 ? READ_MAXIMIZE : READ_MINIMIZE);
                memcpy(d->names[d->n_names++], name, sizeof name);
            }
            return t == JSON_OBJECT_END;
        }
        bool is_name = strcmp(json_text(j), "name") == 0, is_way = strcmp(json_text(j), "optimize") == 0;
        t = json_next(j);
        if (t == JSON_STRING && is_name)
            snprintf(name, sizeof name, "%s", json_text(j));
        if (t == JSON_STRING && is_way)
            snprintf(optimize, sizeof optimize, "%s", json_text(j));
        if (!json_skip(j, t))
            return false;
    }
}

static bool take_meta(struct deepcave *d, struct json_pull *j, bool said)
{
    d->n_names = 0;
    if (json_next(j) != JSON_OBJECT)
        return false;
    for (;;) {
        enum json_token t = json_next(j);
        if (t != JSON_KEY)
            return t == JSON_OBJECT_END;
        bool objectives = strcmp(json_text(j), "objectives") == 0;
        t = json_next(j);
        if (objectives && t == JSON_ARRAY) {
            while ((t = json_next(j)) == JSON_OBJECT)
                if (!take_objective(d, j, said))
                    return false;
            if (t != JSON_ARRAY_END)
                return false;
        } else if (!json_skip(j, t)) {
            return false;
        }
    }
}

/* The history names its costs by their place only. */
static void load_names(struct deepcave *d)
{
    struct buf b = {0};
    char text[65536];
    buf_printf(&b, "%s/meta.json", d->folder);
    FILE *f = fopen(buf_cstr(&b), "rb");
    size_t n = f ? fread(text, 1, sizeof text, f) : 0;
    if (f)
        fclose(f);
    struct json_pull j = {0};
    json_open(&j, text, n);
    take_meta(d, &j, false);
    json_release(&j);
    buf_release(&b);
}

/* ---- configs.json ---- */

static bool take_configs(struct deepcave *d, struct json_pull *j)
{
    if (json_next(j) != JSON_OBJECT)
        return false;
    for (;;) {
        enum json_token t = json_next(j);
        if (t != JSON_KEY)
            return t == JSON_OBJECT_END;
        int trial = trial_of(d, json_text(j));
        t = json_next(j);
        if (!json_params(j, t, "", d->sink, trial))
            return false;
        sink_record(d->sink, "config");
    }
}

/* ---- history.jsonl ---- */

struct row {
    double config, budget, seed, start, end, status;
    double costs[OBJECTIVES_MAX];
    int n_costs;
};

static bool read_row(struct json_pull *j, struct row *r)
{
    double *const fields[] = {&r->config, &r->budget, &r->seed, NULL, &r->start, &r->end, &r->status};
    *r = (struct row){0};
    if (json_next(j) != JSON_ARRAY)
        return false;
    for (int i = 0; i < 7; i++) {
        enum json_token t = json_next(j);
        if (t == JSON_NUMBER && fields[i])
            *fields[i] = j->number;
        else if (t == JSON_ARRAY && !fields[i])
            while ((t = json_next(j)) == JSON_NUMBER || t == JSON_NULL) {
                if (r->n_costs < OBJECTIVES_MAX)
                    r->costs[r->n_costs++] = t == JSON_NUMBER ? j->number : NAN;
            }
        else if (t == JSON_ARRAY_END || !json_skip(j, t))
            return false;
    }
    return true;
}

static void take_row(void *ctx, struct json_pull *j)
{
    struct deepcave *d = ctx;
    struct row r;
    char number[32];
    if (!read_row(j, &r) || fabs(r.config) > 1e9)
        return;
    snprintf(number, sizeof number, "%.0f", r.config);
    int trial = trial_of(d, number);
    int64_t step = r.budget > 0 && r.budget < 9e15 ? llround(r.budget) : 0;
    int64_t end = d->base + (int64_t)(fabs(r.end) < 4e9 ? r.end * 1e9 : 0);
    sink_state(d->sink, trial, READ_RUNNING, d->base + (int64_t)(fabs(r.start) < 4e9 ? r.start * 1e9 : 0), NULL);
    for (int i = 0; i < r.n_costs; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s", i < d->n_names ? d->names[i] : "cost");
        if (i == 0 && !isnan(r.costs[i]))
            sink_report(d->sink, trial, step, end, r.costs[i]);
        if (!isnan(r.costs[i]))
            sink_point(d->sink, trial, name, step, end, r.costs[i]);
    }
    if (r.budget != floor(r.budget))
        sink_point(d->sink, trial, "budget", step, end, r.budget);
    if (r.status >= 2 && r.status <= 5) {
        static const char *const why[] = {"ran out of time", "ran out of memory", "crashed", "aborted"};
        sink_state(d->sink, trial, READ_FAILED, end, why[(int)r.status - 2]);
    }
    sink_record(d->sink, "result");
}

/* The end of the last whole line, in seconds since the run began. */
static double last_end(struct deepcave *d, const uint8_t *p, size_t n)
{
    struct row r;
    while (n && p[n - 1] != '\n')
        n--;
    size_t from = n ? n - 1 : 0;
    while (from && p[from - 1] != '\n')
        from--;
    json_open(&d->json, p + from, n - from);
    return n && read_row(&d->json, &r) && r.end > 0 && r.end < 4e9 ? r.end : 0;
}

/* ---- the file ---- */

static size_t feed(void *self, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st)
{
    struct deepcave *d = self;
    if (d->role == ROLE_HISTORY) {
        if (!d->base)
            d->base = d->mtime - (int64_t)(last_end(d, p, n) * 1e9);
        return json_lines(&d->json, p, n, at, last, st, take_row, d);
    }
    json_open(&d->json, p, n);
    if (!(d->role == ROLE_META ? take_meta(d, &d->json, true) : take_configs(d, &d->json)))
        read_stop_at(st, d->json.failed == JSON_CUT, (int64_t)json_offset(&d->json), "%s",
                     d->json.why ? d->json.why : "this is no JSON object");
    return n;
}

static bool claim(const struct read_probe *p, struct read_claim *c)
{
    bool history = probe_named(p, "history.jsonl") && probe_head(p, "[");
    bool meta = probe_named(p, "meta.json") && probe_head_has(p, "\"objectives\"");
    bool configs = probe_named(p, "configs.json") && probe_head(p, "{") && probe_beside(p, "history.jsonl");
    if (!history && !meta && !configs)
        return false;
    c->role = history ? ROLE_HISTORY : meta ? ROLE_META : ROLE_CONFIGS;
    c->kind = history ? READ_STREAM : READ_DOCUMENT;
    c->order = meta ? 0 : configs ? 1 : 2;
    probe_folder(p, 0, c->key, sizeof c->key);
    return true;
}

static void *open_file(const struct read_open *o)
{
    struct deepcave *d = MEM_NEW(struct deepcave);
    const char *base = read_base(o->path);
    d->sink = o->sink;
    d->role = (enum role)o->role;
    d->key = mem_str(o->key);
    d->folder = base > o->path ? mem_strn(o->path, (size_t)(base - o->path - 1)) : mem_str(".");
    d->mtime = o->mtime;
    if (d->role == ROLE_HISTORY)
        load_names(d);
    return d;
}

static void close_file(void *self)
{
    struct deepcave *d = self;
    json_release(&d->json);
    free(d->key);
    free(d->folder);
    free(d);
}

const struct read_format read_deepcave = {
    .name = "deepcave",
    .text = "DeepCAVE: configs.json, history.jsonl, meta.json",
    .claim = claim,
    .open = open_file,
    .feed = feed,
    .close = close_file,
};
