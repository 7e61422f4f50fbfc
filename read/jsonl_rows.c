/* jsonl_rows: metrics as JSON lines: Ray Tune's result.json, what `hypertop export --to jsonl` writes (a series a line),
 * and any file of objects, a step a line: numbers are metrics, nested ones get dotted names. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "read/formats.h"
#include "read/json_lines.h"
#include "read/json_settings.h"

enum role { ROLE_ROWS, ROLE_RAY };

struct jsonl_rows {
    const struct read_sink *sink;
    char *key;
    enum role role;
    int trial;
    int64_t rows;
    bool have_config;
    struct json_pull json, part;
};

/* What a row says of itself. */
struct row {
    int64_t step, time;
    bool done, series;
    const char *config; /* JSON text from here on */
};

static bool is_one_of(const char *s, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(s, *names) == 0)
            return true;
    return false;
}

/* Earlier names win; -1: not a step. */
static int step_rank(const char *key)
{
    static const char *const names[] = {"step", "_step", "global_step", "training_iteration", "iteration", "iter",
                                        "epoch"};
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
        if (strcmp(key, names[i]) == 0)
            return i;
    return -1;
}

static const char *const time_names[] = {"timestamp", "_timestamp", "time", "wall_time", "datetime", "created_at", NULL};
static const char *const machinery[] = {"trial_id", "pid", "hostname", "node_ip", "date", "done", "config",
                                        "time_since_restore", "iterations_since_restore", "timesteps_since_restore",
                                        "experiment_id", "experiment_tag", "should_checkpoint",
                                        "checkpoint_dir_name", "timestamp", "training_iteration", NULL};

static int64_t time_of(const struct read_value *v)
{
    double s;
    if (v->type == READ_TEXT)
        return read_datetime(v->text);
    return read_number(v, &s) ? read_seconds(s > 9e10 ? s / 1e3 : s) : READ_NO_TIME;
}

static void look(struct jsonl_rows *r, struct json_pull *j, struct row *row)
{
    int rank = 100;
    *row = (struct row){.step = r->rows, .time = READ_NO_TIME};
    while (json_next(j) == JSON_KEY) {
        char key[40];
        struct read_value v;
        double number;
        snprintf(key, sizeof key, "%s", json_text(j));
        enum json_token t = json_next(j);
        int k = step_rank(key);
        if (strcmp(key, "config") == 0)
            row->config = j->token;
        row->series |= strcmp(key, "steps") == 0 && t == JSON_ARRAY;
        if (!json_scalar(j, t, &v)) {
            json_skip(j, t);
            continue;
        }
        if (k >= 0 && k < rank && read_number(&v, &number) && fabs(number) < 9e15) {
            row->step = (int64_t)number;
            rank = k;
        }
        if (row->time == READ_NO_TIME && is_one_of(key, time_names))
            row->time = time_of(&v);
        if (strcmp(key, "done") == 0)
            row->done = v.type == READ_BOOL && v.i;
    }
}

/* ---- a series a line ---- */

struct series_line {
    const char *steps, *times, *values, *params;
    int64_t trial;
    char metric[512];
};

static enum json_token open_part(struct json_pull *j, const char *at, const char *end)
{
    json_open(j, at, at ? (size_t)(end - at) : 0);
    return at ? json_next(j) : JSON_CUT;
}

static void read_series_line(struct json_pull *j, struct series_line *s)
{
    *s = (struct series_line){.trial = -1};
    while (json_next(j) == JSON_KEY) {
        const char *key = json_text(j);
        const char **at = strcmp(key, "steps") == 0    ? &s->steps
                          : strcmp(key, "times") == 0  ? &s->times
                          : strcmp(key, "values") == 0 ? &s->values
                          : strcmp(key, "params") == 0 ? &s->params
                                                       : NULL;
        bool metric = strcmp(key, "metric") == 0, trial = strcmp(key, "trial") == 0;
        enum json_token t = json_next(j);
        if (at)
            *at = j->token;
        if (metric && t == JSON_STRING)
            snprintf(s->metric, sizeof s->metric, "%s", json_text(j));
        if (trial && t == JSON_NUMBER && j->whole)
            s->trial = j->integer;
        if (!json_skip(j, t))
            return;
    }
}

static void take_series(struct jsonl_rows *r, struct json_pull *j)
{
    struct series_line s;
    struct json_pull times = {0}, values = {0};
    char key[1200];
    read_series_line(j, &s);
    if (!*s.metric || s.trial < 0)
        return;
    snprintf(key, sizeof key, "%s/%lld", r->key, (long long)s.trial);
    int trial = sink_trial(r->sink, key);
    if (s.params)
        json_params(&r->part, open_part(&r->part, s.params, j->end), "", r->sink, trial);
    if (open_part(&r->part, s.steps, j->end) == JSON_ARRAY && open_part(&values, s.values, j->end) == JSON_ARRAY) {
        bool timed = open_part(&times, s.times, j->end) == JSON_ARRAY;
        while (json_next(&r->part) == JSON_NUMBER) {
            enum json_token v = json_next(&values), t = timed ? json_next(&times) : JSON_NULL;
            if (v != JSON_NUMBER && v != JSON_NULL)
                break;
            sink_point(r->sink, trial, s.metric, r->part.integer,
                       t == JSON_NUMBER ? read_seconds(times.number) : READ_NO_TIME,
                       v == JSON_NUMBER ? values.number : NAN);
        }
    }
    json_release(&times);
    json_release(&values);
}

/* ---- rows ---- */

static bool skip_ray(const char *name)
{
    return is_one_of(name, machinery);
}

static bool skip_any(const char *name)
{
    return *name == '_' || is_one_of(name, time_names) || strcmp(name, "config") == 0 || strcmp(name, "step") == 0;
}

static void take_row(void *ctx, struct json_pull *j)
{
    struct jsonl_rows *r = ctx;
    const char *from = j->start;
    size_t n = (size_t)(j->end - j->start);
    struct row row;
    if (json_next(j) != JSON_OBJECT)
        return;
    look(r, j, &row);
    sink_record(r->sink, row.series ? "series" : "row");
    json_open(j, from, n);
    json_next(j);
    if (row.series) {
        take_series(r, j);
        return;
    }
    if (r->trial < 0)
        r->trial = sink_trial(r->sink, r->key);
    if (row.config && !r->have_config)
        r->have_config = json_params(&r->part, open_part(&r->part, row.config, j->end), "", r->sink, r->trial);
    struct json_points to = {r->sink, r->trial, row.step, row.time, r->role == ROLE_RAY ? skip_ray : skip_any};
    json_open(j, from, n);
    json_points(j, json_next(j), "", &to);
    if (row.done && r->role == ROLE_RAY)
        sink_state(r->sink, r->trial, READ_DONE, row.time, NULL);
    r->rows++;
}

static size_t feed(void *self, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st)
{
    struct jsonl_rows *r = self;
    return json_lines(&r->json, p, n, at, last, st, take_row, r);
}

/* ---- claims ---- */

static bool claim_ray(const struct read_probe *p, struct read_claim *c)
{
    if (!probe_named(p, "result.json") || !probe_head_has(p, "\"training_iteration\""))
        return false;
    c->role = ROLE_RAY;
    c->order = 1;
    probe_folder(p, 0, c->key, sizeof c->key);
    return true;
}

static bool claim_any(const struct read_probe *p, struct read_claim *c)
{
    bool ending = probe_ends(p, ".jsonl") || probe_ends(p, ".ndjson");
    if (!(ending || (p->named && probe_ends(p, ".json"))) || !probe_head(p, "{") || probe_head(p, "{\n") ||
        probe_head(p, "{\r"))
        return false;
    c->role = ROLE_ROWS;
    const char *dot = strrchr(p->rel, '.');
    snprintf(c->key, sizeof c->key, "%.*s", (int)(dot - p->rel), p->rel);
    return true;
}

static void *open_file(const struct read_open *o)
{
    struct jsonl_rows *r = MEM_NEW(struct jsonl_rows);
    r->sink = o->sink;
    r->role = (enum role)o->role;
    r->key = mem_str(o->key);
    r->trial = -1;
    return r;
}

static void close_file(void *self)
{
    struct jsonl_rows *r = self;
    json_release(&r->json);
    json_release(&r->part);
    free(r->key);
    free(r);
}

const struct read_format read_ray_result = {
    .name = "ray",
    .text = "Ray Tune: result.json of a trial",
    .claim = claim_ray,
    .open = open_file,
    .feed = feed,
    .close = close_file,
};

const struct read_format read_jsonl = {
    .name = "jsonl",
    .text = "JSON lines: an object a step, numbers are metrics",
    .claim = claim_any,
    .open = open_file,
    .feed = feed,
    .close = close_file,
};
