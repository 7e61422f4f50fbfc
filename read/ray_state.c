/* ray_state: what stands beside Ray Tune's results: params.json and error.txt of a trial, and the experiment_state of the
 * whole, whose trials are JSON texts inside the JSON (ray/tune/execution/experiment_state.py). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "read/formats.h"
#include "read/json_settings.h"

enum role { ROLE_PARAMS, ROLE_ERROR, ROLE_STATE };

struct ray_state {
    const struct read_sink *sink;
    char *key;
    enum role role;
    struct json_pull json, inner;
};

/* ---- one trial of the experiment state ---- */

struct ray_trial {
    char status[32], folder[1024];
    const char *config;
};

static void read_trial(struct json_pull *j, struct ray_trial *t)
{
    *t = (struct ray_trial){0};
    while (json_next(j) == JSON_KEY) {
        bool status = strcmp(json_text(j), "status") == 0, config = strcmp(json_text(j), "config") == 0;
        bool folder = strcmp(json_text(j), "relative_logdir") == 0 || strcmp(json_text(j), "logdir") == 0;
        enum json_token v = json_next(j);
        if (v == JSON_STRING && status)
            snprintf(t->status, sizeof t->status, "%s", json_text(j));
        if (v == JSON_STRING && folder)
            snprintf(t->folder, sizeof t->folder, "%s", read_base(json_text(j)));
        if (config)
            t->config = j->token;
        if (!json_skip(j, v))
            return;
    }
}

static void say_trial(struct ray_state *r, struct json_pull *j)
{
    static const struct {
        const char *status;
        enum read_state state;
    } states[] = {{"TERMINATED", READ_DONE},  {"ERROR", READ_FAILED},    {"RUNNING", READ_RUNNING},
                  {"PENDING", READ_WAITING}, {"PAUSED", READ_RUNNING}};
    struct ray_trial t;
    char key[2100];
    read_trial(j, &t);
    if (!*t.folder)
        return;
    snprintf(key, sizeof key, "%s/%s", r->key, t.folder);
    int trial = sink_trial(r->sink, key);
    sink_record(r->sink, "trial state");
    if (t.config) {
        struct json_pull config = {0};
        json_open(&config, t.config, (size_t)(j->end - t.config));
        json_params(&config, json_next(&config), "", r->sink, trial);
        json_release(&config);
    }
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(t.status, states[i].status) == 0)
            sink_state(r->sink, trial, states[i].state, READ_NO_TIME, NULL);
}

/* A trial is a text that is JSON itself, or (before 2.0) an object. */
static bool trial_list(struct ray_state *r, struct json_pull *j)
{
    for (;;) {
        enum json_token t = json_next(j);
        if (t == JSON_ARRAY_END)
            return true;
        if (json_failed(t))
            return false;
        bool pair = t == JSON_ARRAY;
        if (pair)
            t = json_next(j);
        if (t == JSON_STRING) {
            json_open(&r->inner, j->text.data, j->text.len);
            if (json_next(&r->inner) == JSON_OBJECT)
                say_trial(r, &r->inner);
        } else if (!json_skip(j, t)) {
            return false;
        }
        while (pair && (t = json_next(j)) != JSON_ARRAY_END)
            if (!json_skip(j, t))
                return false;
    }
}

static bool experiment(struct ray_state *r, struct json_pull *j)
{
    if (json_next(j) != JSON_OBJECT)
        return false;
    for (;;) {
        enum json_token t = json_next(j);
        if (t == JSON_OBJECT_END)
            return true;
        if (t != JSON_KEY)
            return false;
        bool trials = strcmp(json_text(j), "trial_data") == 0 || strcmp(json_text(j), "checkpoints") == 0;
        bool runner = strcmp(json_text(j), "runner_data") == 0;
        t = json_next(j);
        if (trials && t == JSON_ARRAY) {
            if (!trial_list(r, j))
                return false;
        } else if (runner && t == JSON_OBJECT) {
            char metric[256] = "";
            while ((t = json_next(j)) == JSON_KEY) {
                bool name = strcmp(json_text(j), "_metric") == 0;
                t = json_next(j);
                if (name && t == JSON_STRING)
                    snprintf(metric, sizeof metric, "%s", json_text(j));
                if (!json_skip(j, t))
                    return false;
            }
            if (*metric)
                sink_study(r->sink, NULL, metric, READ_GOAL_UNSAID);
        } else if (!json_skip(j, t)) {
            return false;
        }
    }
}

/* ---- the file ---- */

static size_t feed(void *self, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st)
{
    struct ray_state *r = self;
    bool whole = true;
    json_open(&r->json, p, n);
    if (r->role == ROLE_STATE) {
        whole = experiment(r, &r->json);
    } else {
        int trial = sink_trial(r->sink, r->key);
        if (r->role == ROLE_PARAMS)
            whole = json_params(&r->json, json_next(&r->json), "", r->sink, trial);
        else if (n)
            sink_text(r->sink, trial, "err", READ_NO_TIME, (const char *)p, n < 60000 ? n : 60000);
        if (r->role == ROLE_ERROR)
            sink_state(r->sink, trial, READ_FAILED, READ_NO_TIME, "error.txt says why");
    }
    if (!whole)
        read_stop_at(st, !r->json.why || r->json.failed == JSON_CUT, (int64_t)json_offset(&r->json), "%s",
                     r->json.why ? r->json.why : "this is no JSON object");
    return n;
}

static bool claim(const struct read_probe *p, struct read_claim *c)
{
    c->kind = READ_DOCUMENT;
    probe_folder(p, 0, c->key, sizeof c->key);
    bool trial = probe_beside(p, "result.json") || probe_beside(p, "progress.csv");
    if (probe_named(p, "params.json") && trial) {
        c->role = ROLE_PARAMS;
        return true;
    }
    if (probe_named(p, "error.txt") && trial) {
        c->role = ROLE_ERROR;
        c->order = 2;
        return true;
    }
    c->role = ROLE_STATE;
    c->order = 2;
    return strncmp(p->base, "experiment_state-", 17) == 0 && probe_ends(p, ".json");
}

static void *open_file(const struct read_open *o)
{
    struct ray_state *r = MEM_NEW(struct ray_state);
    r->sink = o->sink;
    r->role = (enum role)o->role;
    r->key = mem_str(o->key);
    return r;
}

static void close_file(void *self)
{
    struct ray_state *r = self;
    json_release(&r->json);
    json_release(&r->inner);
    free(r->key);
    free(r);
}

const struct read_format read_ray_state = {
    .name = "ray",
    .text = "Ray Tune: params.json, error.txt and experiment_state",
    .claim = claim,
    .open = open_file,
    .feed = feed,
    .close = close_file,
};
