/* optuna_journal: Optuna's JournalFileBackend: one JSON object a line, each an operation (optuna/storages/journal/
 * _storage.py). The rules of its replay are followed: a second study of a name is none, who claims a trial first has
 * it, what comes for a finished trial is ignored. A last line without its end is left for later. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "read/formats.h"
#include "read/optuna_model.h"
#include "read/optuna_place.h"

#define TRIALS_MAX (1 << 20)

enum op {
    CREATE_STUDY, DELETE_STUDY, STUDY_USER_ATTR, STUDY_SYSTEM_ATTR, CREATE_TRIAL, TRIAL_PARAM, TRIAL_STATE,
    TRIAL_INTERMEDIATE, TRIAL_USER_ATTR, TRIAL_SYSTEM_ATTR
};

struct part {
    const char *p;
    size_t n;
};

/* One line: scalars, and the text of what is none. */
struct entry {
    int64_t op, study, trial, step;
    int64_t state; /* -1: not said */
    int64_t started, completed;
    double internal, intermediate, value;
    bool has_value;
    struct part directions, distributions, params, values, steps, user_attr, user_attrs;
};

struct study {
    char *name;
    bool deleted;
    int objectives, direction;
    int64_t trials;
};

struct journal {
    const struct read_sink *sink;
    char *prefix; /* of keys */
    struct json_pull json, inner, third;
    struct buf name, param, dist, key;
    struct study *studies;
    int n_studies;
    struct optuna_trial *trials;
    int n_trials;
    struct part dists; /* of the trial that is being created */
};

/* ---- one line ---- */

static void keep_text(struct buf *b, struct json_pull *j)
{
    buf_clear(b);
    buf_put(b, j->text.data, j->text.len);
}

static bool verbatim(struct json_pull *j, enum json_token t, struct part *out)
{
    const char *from = j->token;
    if (!json_skip(j, t))
        return false;
    *out = (struct part){from, (size_t)(j->p - from)};
    return true;
}

static bool read_field(struct journal *r, struct entry *e, const char *key)
{
    static const struct {
        const char *key;
        size_t at;
    } numbers[] = {{"op_code", offsetof(struct entry, op)},
                   {"study_id", offsetof(struct entry, study)},
                   {"trial_id", offsetof(struct entry, trial)},
                   {"step", offsetof(struct entry, step)},
                   {"state", offsetof(struct entry, state)}},
      parts[] = {{"directions", offsetof(struct entry, directions)},
                 {"distributions", offsetof(struct entry, distributions)},
                 {"params", offsetof(struct entry, params)},
                 {"values", offsetof(struct entry, values)},
                 {"intermediate_values", offsetof(struct entry, steps)},
                 {"user_attr", offsetof(struct entry, user_attr)},
                 {"user_attrs", offsetof(struct entry, user_attrs)}};
    struct json_pull *j = &r->json;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(key, numbers[i].key) == 0) {
            enum json_token t = json_next(j);
            if (t == JSON_NUMBER && j->whole)
                memcpy((char *)e + numbers[i].at, &j->integer, sizeof j->integer);
            return json_skip(j, t);
        }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(key, parts[i].key) == 0) {
            enum json_token t = json_next(j);
            return verbatim(j, t, (struct part *)((char *)e + parts[i].at));
        }
    bool start = strcmp(key, "datetime_start") == 0, end = strcmp(key, "datetime_complete") == 0;
    bool study = strcmp(key, "study_name") == 0, param = strcmp(key, "param_name") == 0;
    bool dist = strcmp(key, "distribution") == 0, internal = strcmp(key, "param_value_internal") == 0;
    bool intermediate = strcmp(key, "intermediate_value") == 0, value = strcmp(key, "value") == 0;
    enum json_token t = json_next(j);
    if (t == JSON_STRING && (start || end))
        *(start ? &e->started : &e->completed) = read_datetime(json_text(j));
    else if (t == JSON_STRING && (study || param || dist))
        keep_text(study ? &r->name : param ? &r->param : &r->dist, j);
    else if (t == JSON_NUMBER && (internal || intermediate || value))
        *(internal ? &e->internal : intermediate ? &e->intermediate : &e->value) = j->number;
    e->has_value |= t == JSON_NUMBER && value;
    return json_skip(j, t);
}

static bool read_entry(struct journal *r, const uint8_t *p, size_t n, struct entry *e)
{
    *e = (struct entry){.op = -1, .study = -1, .trial = -1, .state = -1, .started = READ_NO_TIME,
                        .completed = READ_NO_TIME};
    buf_clear(&r->name);
    buf_clear(&r->param);
    buf_clear(&r->dist);
    json_open(&r->json, p, n);
    if (json_next(&r->json) != JSON_OBJECT)
        return false;
    for (;;) {
        enum json_token t = json_next(&r->json);
        if (t == JSON_OBJECT_END)
            return e->op >= 0;
        if (t != JSON_KEY)
            return false;
        char key[40];
        snprintf(key, sizeof key, "%s", json_text(&r->json));
        if (!read_field(r, e, key))
            return false;
    }
}

/* ---- operations ---- */

static struct study *study_of(struct journal *r, int64_t id)
{
    return id >= 0 && id < r->n_studies && !r->studies[id].deleted ? &r->studies[id] : NULL;
}

/* One that still goes on. */
static struct optuna_trial *trial_of(struct journal *r, int64_t id)
{
    struct optuna_trial *t = id >= 0 && id < r->n_trials ? &r->trials[id] : NULL;
    return t && t->known && study_of(r, t->study) && !optuna_finished(t->state) ? t : NULL;
}

static void create_study(struct journal *r, const struct entry *e)
{
    const char *name = buf_cstr(&r->name);
    for (int i = 0; i < r->n_studies; i++)
        if (!r->studies[i].deleted && strcmp(r->studies[i].name, name) == 0)
            return;
    if (r->n_studies >= TRIALS_MAX)
        return;
    if ((r->n_studies & (r->n_studies - 1)) == 0)
        r->studies = mem_resize(r->studies, r->n_studies ? (size_t)r->n_studies * 2 : 1, sizeof *r->studies);
    struct study *s = &r->studies[r->n_studies++];
    *s = (struct study){.name = mem_str(name)};
    json_open(&r->inner, e->directions.p ? e->directions.p : "[]", e->directions.p ? e->directions.n : 2);
    enum json_token t = json_next(&r->inner);
    while (t == JSON_ARRAY && json_next(&r->inner) == JSON_NUMBER)
        if (s->objectives++ == 0)
            s->direction = (int)r->inner.number;
    optuna_study(r->sink, s->name, s->direction);
}

static void delete_study(struct journal *r, const struct entry *e)
{
    struct study *s = study_of(r, e->study);
    for (int i = 0; s && i < r->n_trials; i++)
        if (r->trials[i].known && r->trials[i].study == e->study)
            sink_state(r->sink, r->trials[i].handle, READ_WITHDRAWN, READ_NO_TIME, "its study was deleted");
    if (s)
        s->deleted = true;
}

/* Walks an object {name: value}. */
static void each_pair(struct journal *r, struct part part,
                      void (*fn)(struct journal *, struct optuna_trial *, const char *key, enum json_token t),
                      struct optuna_trial *trial)
{
    if (!part.p)
        return;
    json_open(&r->inner, part.p, part.n);
    if (json_next(&r->inner) != JSON_OBJECT)
        return;
    while (json_next(&r->inner) == JSON_KEY) {
        keep_text(&r->key, &r->inner);
        enum json_token t = json_next(&r->inner);
        fn(r, trial, buf_cstr(&r->key), t); /* which does not move on */
        if (!json_skip(&r->inner, t))
            return;
    }
}

static void say_step(struct journal *r, struct optuna_trial *trial, const char *key, enum json_token t)
{
    if (t == JSON_NUMBER)
        optuna_intermediate(r->sink, trial, strtoll(key, NULL, 10), r->inner.number);
}

static void say_user_attr(struct journal *r, struct optuna_trial *trial, const char *key, enum json_token t)
{
    struct json_pull look = {0};
    json_open(&look, r->inner.token, (size_t)(r->inner.end - r->inner.token));
    if (json_skip(&look, json_next(&look)))
        optuna_attribute(r->sink, trial, r->inner.token, (size_t)(look.p - r->inner.token), key, &r->third);
    json_release(&look);
}

/* {name: internal} with {name: distribution}: the second is looked through for each of the first. */
static bool find_dist(struct journal *r, const char *name)
{
    json_open(&r->third, r->dists.p ? r->dists.p : "{}", r->dists.p ? r->dists.n : 2);
    if (json_next(&r->third) != JSON_OBJECT)
        return false;
    while (json_next(&r->third) == JSON_KEY) {
        bool it = strcmp(json_text(&r->third), name) == 0;
        enum json_token t = json_next(&r->third);
        if (it && t == JSON_STRING) {
            keep_text(&r->dist, &r->third);
            return true;
        }
        if (!json_skip(&r->third, t))
            return false;
    }
    return false;
}

static void say_param(struct journal *r, struct optuna_trial *trial, const char *key, enum json_token t)
{
    if (t != JSON_NUMBER)
        return;
    buf_clear(&r->dist);
    find_dist(r, key);
    struct read_value v = optuna_value(buf_cstr(&r->dist), r->dist.len, r->inner.number, &r->third);
    sink_param(r->sink, trial->handle, key, &v);
}

static void final_values(struct journal *r, struct optuna_trial *trial, const struct entry *e, int64_t time)
{
    int n = study_of(r, trial->study)->objectives, i = 0;
    if (e->values.p) {
        json_open(&r->inner, e->values.p, e->values.n);
        if (json_next(&r->inner) == JSON_ARRAY)
            for (enum json_token t; (t = json_next(&r->inner)) == JSON_NUMBER; i++)
                optuna_final(r->sink, trial, time, i, n, r->inner.number);
    }
    if (i == 0 && e->has_value)
        optuna_final(r->sink, trial, time, 0, n, e->value);
}

static void say_end(struct journal *r, struct optuna_trial *trial, const struct entry *e)
{
    if (e->state == OPTUNA_COMPLETE || e->state == OPTUNA_PRUNED)
        final_values(r, trial, e, e->completed);
    optuna_say_state(r->sink, trial, (enum optuna_state)e->state, e->completed);
}

static void create_trial(struct journal *r, const struct entry *e)
{
    struct study *s = study_of(r, e->study);
    if (!s || r->n_trials >= TRIALS_MAX)
        return;
    if ((r->n_trials & (r->n_trials - 1)) == 0)
        r->trials = mem_resize(r->trials, r->n_trials ? (size_t)r->n_trials * 2 : 1, sizeof *r->trials);
    struct optuna_trial *t = &r->trials[r->n_trials++];
    *t = (struct optuna_trial){.study = e->study, .number = s->trials++, .last_step = -1, .known = true};
    buf_clear(&r->key);
    buf_printf(&r->key, "%s%s/%lld", r->prefix, s->name, (long long)t->number);
    t->handle = sink_trial(r->sink, buf_cstr(&r->key));
    bool said = e->state >= 0 && e->state < OPTUNA_STATES;
    enum optuna_state state = said ? (enum optuna_state)e->state : OPTUNA_RUNNING;
    optuna_say_state(r->sink, t, state == OPTUNA_WAITING ? OPTUNA_WAITING : OPTUNA_RUNNING, e->started);
    r->dists = e->distributions;
    each_pair(r, e->params, say_param, t);
    r->dists = (struct part){0};
    each_pair(r, e->steps, say_step, t);
    each_pair(r, e->user_attrs, say_user_attr, t);
    if (optuna_finished(state))
        say_end(r, t, e);
}

static void set_state(struct journal *r, const struct entry *e)
{
    struct optuna_trial *t = trial_of(r, e->trial);
    if (!t || e->state < 0 || e->state >= OPTUNA_STATES)
        return;
    if (e->state == OPTUNA_RUNNING && t->state == OPTUNA_WAITING)
        optuna_say_state(r->sink, t, OPTUNA_RUNNING, e->started);
    else if (optuna_finished((enum optuna_state)e->state))
        say_end(r, t, e);
}

static void take_entry(struct journal *r, const struct entry *e)
{
    char what[40];
    snprintf(what, sizeof what, "op_code %lld", (long long)e->op);
    sink_record(r->sink, what);
    struct optuna_trial *t = trial_of(r, e->trial);
    switch (e->op) {
    case CREATE_STUDY:
        create_study(r, e);
        break;
    case DELETE_STUDY:
        delete_study(r, e);
        break;
    case CREATE_TRIAL:
        create_trial(r, e);
        break;
    case TRIAL_PARAM:
        if (t && r->param.len) {
            struct read_value v = optuna_value(buf_cstr(&r->dist), r->dist.len, e->internal, &r->inner);
            sink_param(r->sink, t->handle, buf_cstr(&r->param), &v);
        }
        break;
    case TRIAL_STATE:
        set_state(r, e);
        break;
    case TRIAL_INTERMEDIATE:
        if (t)
            optuna_intermediate(r->sink, t, e->step, e->intermediate);
        break;
    case TRIAL_USER_ATTR:
        if (t)
            each_pair(r, e->user_attr, say_user_attr, t);
        break;
    default:
        break;
    }
}

/* ---- the file ---- */

static bool claim(const struct read_probe *p, struct read_claim *c)
{
    if (!probe_head(p, "{") || !probe_head_has(p, "\"op_code\"") || !probe_head_has(p, "\"worker_id\""))
        return false;
    c->kind = READ_STREAM;
    return true;
}

static void *open_file(const struct read_open *o)
{
    struct journal *r = MEM_NEW(struct journal);
    r->sink = o->sink;
    r->prefix = mem_str(o->key);
    return r;
}

static size_t feed(void *self, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st)
{
    struct journal *r = self;
    size_t done = 0;
    const uint8_t *end;
    while (done < n && (end = memchr(p + done, '\n', n - done))) {
        struct entry e;
        size_t line = (size_t)(end - (p + done));
        if (line > 0 && read_entry(r, p + done, line, &e))
            take_entry(r, &e);
        else if (line > 0)
            st->skipped++;
        done += line + 1;
    }
    if (last && done < n)
        read_stop_at(st, true, at + (int64_t)done, "the last line has no end, so Optuna does not count it either");
    return done;
}

static void close_file(void *self)
{
    struct journal *r = self;
    for (int i = 0; i < r->n_studies; i++)
        free(r->studies[i].name);
    free(r->studies);
    free(r->prefix);
    free(r->trials);
    json_release(&r->json);
    json_release(&r->inner);
    json_release(&r->third);
    buf_release(&r->name);
    buf_release(&r->param);
    buf_release(&r->dist);
    buf_release(&r->key);
    free(r);
}

/* ---- looking a trial up: the same replay into a sink that listens to nothing ---- */

static void deaf_study(void *ctx, const struct read_study *s)
{
}
static int deaf_trial(void *ctx, const char *key)
{
    return 0;
}
static void deaf_title(void *ctx, int trial, const char *title)
{
}
static void deaf_param(void *ctx, int trial, const char *name, const struct read_value *v)
{
}
static void deaf_point(void *ctx, int trial, const char *metric, int64_t step, int64_t time, double value)
{
}
static void deaf_report(void *ctx, int trial, int64_t step, int64_t time, double value)
{
}
static void deaf_state(void *ctx, int trial, enum read_state state, int64_t time, const char *why)
{
}
static void deaf_text(void *ctx, int trial, const char *stream, int64_t time, const char *text, size_t n)
{
}
static void deaf_record(void *ctx, const char *what)
{
}

bool optuna_place_find(const void *journal, size_t n, const char *key, struct optuna_place *out)
{
    static const struct read_sink_ops deaf = {deaf_study,  deaf_trial, deaf_title, deaf_param, deaf_point,
                                              deaf_report, deaf_state, deaf_text,  deaf_record};
    const struct read_sink sink = {&deaf, NULL};
    struct read_stop st = {0};
    const char *slash = strrchr(key, '/');
    size_t len = slash ? (size_t)(slash - key) : strlen(key);
    int64_t number = slash ? strtoll(slash + 1, NULL, 10) : -1;
    struct journal *r = open_file(&(struct read_open){.sink = &sink, .key = ""});
    feed(r, journal, n, 0, false, &st);
    *out = (struct optuna_place){.study_id = -1, .trial_id = -1};
    for (int i = 0; i < r->n_studies; i++)
        if (!r->studies[i].deleted && strlen(r->studies[i].name) == len && strncmp(r->studies[i].name, key, len) == 0) {
            out->study_id = i;
            out->trials = r->studies[i].trials;
        }
    for (int i = 0; i < r->n_trials && out->study_id >= 0; i++)
        if (r->trials[i].study == out->study_id && r->trials[i].number == number) {
            out->trial_id = i;
            out->finished = optuna_finished(r->trials[i].state);
        }
    close_file(r);
    return out->study_id >= 0;
}

const struct read_format read_optuna_journal = {
    .name = "optuna",
    .text = "Optuna's journal file",
    .claim = claim,
    .open = open_file,
    .feed = feed,
    .close = close_file,
};
