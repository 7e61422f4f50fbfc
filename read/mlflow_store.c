/* mlflow_store: MLflow's file store: a folder a run, with meta.yaml, metrics/NAME (lines "milliseconds value step"),
 * params/NAME and tags/NAME (a value each); names may have folders in them (mlflow/store/tracking/file_store.py). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "read/formats.h"
#include "read/yaml_flat.h"

enum role { ROLE_META, ROLE_EXPERIMENT, ROLE_METRIC, ROLE_PARAM, ROLE_TAG };
static const char *const folders[] = {[ROLE_METRIC] = "/metrics/", [ROLE_PARAM] = "/params/", [ROLE_TAG] = "/tags/"};

struct mlflow_store {
    const struct read_sink *sink;
    int trial;
    enum role role;
    char *name;
    /* of meta.yaml */
    int64_t started, ended;
    char status[16];
};

static int64_t milliseconds(double ms)
{
    return ms > 0 ? read_seconds(ms / 1e3) : READ_NO_TIME;
}

/* ---- meta.yaml ---- */

static void meta_leaf(void *ctx, const char *name, const struct read_value *v)
{
    struct mlflow_store *s = ctx;
    if (strcmp(name, "start_time") == 0 && v->type == READ_INT)
        s->started = milliseconds((double)v->i);
    else if (strcmp(name, "end_time") == 0 && v->type == READ_INT)
        s->ended = milliseconds((double)v->i);
    else if (strcmp(name, "status") == 0 && v->type == READ_INT)
        snprintf(s->status, sizeof s->status, "%lld", (long long)v->i);
    else if (strcmp(name, "status") == 0 && v->type == READ_TEXT)
        snprintf(s->status, sizeof s->status, "%s", v->text);
    else if ((strcmp(name, "run_name") == 0 || strcmp(name, "name") == 0) && v->type == READ_TEXT && *v->text) {
        if (s->role == ROLE_META)
            sink_title(s->sink, s->trial, v->text);
        else if (strcmp(v->text, "Default") != 0)
            sink_study(s->sink, v->text, NULL, READ_GOAL_UNSAID);
    }
}

/* RUNNING 1, SCHEDULED 2, FINISHED 3, FAILED 4, KILLED 5 (protos/service.proto) */
static void take_meta(struct mlflow_store *s, const uint8_t *p, size_t n, struct read_stop *st)
{
    static const struct {
        const char *number, *name;
        enum read_state state;
    } states[] = {{"2", "SCHEDULED", READ_WAITING},
                  {"3", "FINISHED", READ_DONE},
                  {"4", "FAILED", READ_FAILED},
                  {"5", "KILLED", READ_STOPPED}};
    s->started = s->ended = READ_NO_TIME;
    *s->status = '\0';
    long bad = yaml_flat(p, n, meta_leaf, s);
    if (bad >= 0)
        read_stop_at(st, false, bad, "this is no YAML");
    sink_record(s->sink, s->role == ROLE_META ? "run" : "experiment");
    if (s->role != ROLE_META)
        return;
    enum read_state state = READ_RUNNING;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(s->status, states[i].number) == 0 || strcmp(s->status, states[i].name) == 0)
            state = states[i].state;
    if (state != READ_WAITING)
        sink_state(s->sink, s->trial, READ_RUNNING, s->started, NULL);
    if (state != READ_RUNNING)
        sink_state(s->sink, s->trial, state, s->ended, state == READ_STOPPED ? "killed, says MLflow" : NULL);
}

/* ---- the others ---- */

static bool take_line(struct mlflow_store *s, const char *line)
{
    double ms, value;
    long long step = 0;
    char word[64];
    int n = sscanf(line, "%lf %63s %lld", &ms, word, &step);
    if (n < 2)
        return false;
    struct read_value v = read_word(word);
    if (!read_number(&v, &value))
        return false;
    sink_point(s->sink, s->trial, s->name, n == 3 ? step : READ_NO_STEP, milliseconds(ms), value);
    sink_record(s->sink, "metric");
    return true;
}

static size_t take_lines(struct mlflow_store *s, const uint8_t *p, size_t n, int64_t at, bool last,
                         struct read_stop *st)
{
    size_t done = 0;
    const uint8_t *end;
    while (done < n && (end = memchr(p + done, '\n', n - done))) {
        char line[256];
        size_t len = (size_t)(end - (p + done));
        snprintf(line, sizeof line, "%.*s", (int)(len < 255 ? len : 255), (const char *)p + done);
        if (len && !take_line(s, line))
            st->skipped++;
        done += len + 1;
    }
    if (last && done < n)
        read_stop_at(st, true, at + (int64_t)done, "the last line has no end");
    return done;
}

static void take_value(struct mlflow_store *s, const uint8_t *p, size_t n)
{
    struct buf b = {0};
    if (s->role == ROLE_PARAM) {
        buf_put(&b, p, strnlen((const char *)p, n < READ_NAME_MAX ? n : READ_NAME_MAX));
        struct read_value v = read_word(buf_cstr(&b));
        sink_param(s->sink, s->trial, s->name, &v);
        sink_record(s->sink, "param");
    } else if (strcmp(s->name, "mlflow.runName") == 0) {
        buf_put(&b, p, strnlen((const char *)p, n < READ_NAME_MAX ? n : READ_NAME_MAX));
        sink_title(s->sink, s->trial, buf_cstr(&b));
        sink_record(s->sink, "tag");
    } else {
        buf_printf(&b, "%s = %.*s", s->name, (int)(n < 3000 ? n : 3000), (const char *)p);
        sink_text(s->sink, s->trial, "log", READ_NO_TIME, buf_cstr(&b), b.len);
        sink_record(s->sink, "tag");
    }
    buf_release(&b);
}

static size_t feed(void *self, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st)
{
    struct mlflow_store *s = self;
    if (s->role == ROLE_METRIC)
        return take_lines(s, p, n, at, last, st);
    if (s->role == ROLE_META || s->role == ROLE_EXPERIMENT)
        take_meta(s, p, n, st);
    else
        take_value(s, p, n);
    return n;
}

/* ---- claims ---- */

static bool hex_name(const char *s, size_t n)
{
    return n == 32 && strspn(s, "0123456789abcdef") >= 32;
}

/* The part of path in front of /metrics/ (or another) is a run's folder. */
static const char *inside_run(const char *path, enum role role)
{
    for (const char *at = path; (at = strstr(at, folders[role])); at++) {
        struct buf b = {0};
        buf_put(&b, path, (size_t)(at - path));
        bool run = hex_name(read_base(buf_cstr(&b)), strlen(read_base(buf_cstr(&b))));
        buf_puts(&b, "/meta.yaml");
        run = run || access(buf_cstr(&b), F_OK) == 0;
        buf_release(&b);
        if (run)
            return at;
    }
    return NULL;
}

static bool claim(const struct read_probe *p, struct read_claim *c)
{
    c->kind = READ_DOCUMENT;
    if (probe_named(p, "meta.yaml") && probe_head_has(p, "lifecycle_stage")) {
        bool run = probe_head_has(p, "run_id:") || probe_head_has(p, "run_uuid:");
        c->role = run ? ROLE_META : ROLE_EXPERIMENT;
        probe_folder(p, 0, c->key, sizeof c->key);
        c->order = run ? 2 : 0; /* how it ended is said last */
        return true;
    }
    for (enum role r = ROLE_METRIC; r <= ROLE_TAG; r++) {
        if (!inside_run(p->path, r))
            continue;
        const char *at = strstr(p->rel, folders[r]);
        c->role = (int)r;
        c->kind = r == ROLE_METRIC ? READ_STREAM : READ_DOCUMENT;
        c->order = r == ROLE_METRIC ? 1 : 0;
        if (at)
            snprintf(c->key, sizeof c->key, "%.*s", (int)(at - p->rel), p->rel);
        else
            probe_folder(p, 1, c->key, sizeof c->key);
        return true;
    }
    return false;
}

static void *open_file(const struct read_open *o)
{
    struct mlflow_store *s = MEM_NEW(struct mlflow_store);
    s->sink = o->sink;
    s->role = (enum role)o->role;
    if (s->role != ROLE_EXPERIMENT)
        s->trial = sink_trial(o->sink, o->key);
    if (s->role >= ROLE_METRIC) {
        const char *at = inside_run(o->path, s->role);
        s->name = mem_str(at ? at + strlen(folders[s->role]) : read_base(o->path));
    }
    return s;
}

static void close_file(void *self)
{
    struct mlflow_store *s = self;
    free(s->name);
    free(s);
}

const struct read_format read_mlflow_store = {
    .name = "mlflow",
    .text = "MLflow's file store: mlruns/EXPERIMENT/RUN",
    .claim = claim,
    .open = open_file,
    .feed = feed,
    .close = close_file,
};
