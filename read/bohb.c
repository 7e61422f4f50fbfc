/* bohb: hpbandster's result logger: configs.json ([[bracket, round, number], {parameters}, {info}] a line) and results.json
 * ([id, budget, {submitted, started, finished}, {loss, info}, exception] a line). A budget is a step. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "read/formats.h"
#include "read/json_lines.h"
#include "read/json_settings.h"

enum role { ROLE_CONFIGS, ROLE_RESULTS };

struct bohb {
    const struct read_sink *sink;
    char *key;
    enum role role;
    struct json_pull json;
};

/* [0, 0, 3] behind its opening: the trial "KEY/0.0.3". */
static int take_id(struct bohb *b, struct json_pull *j)
{
    struct buf name = {0};
    buf_puts(&name, b->key);
    char between = '/';
    for (enum json_token t; (t = json_next(j)) == JSON_NUMBER; between = '.')
        buf_printf(&name, "%c%.15g", between, j->number);
    int trial = between == '.' ? sink_trial(b->sink, buf_cstr(&name)) : -1;
    buf_release(&name);
    return trial;
}

struct times {
    double started, finished;
};

static void take_times(struct json_pull *j, enum json_token t, struct times *times)
{
    *times = (struct times){0};
    while (t == JSON_OBJECT && json_next(j) == JSON_KEY) {
        double *at = strcmp(json_text(j), "started") == 0    ? &times->started
                     : strcmp(json_text(j), "finished") == 0 ? &times->finished
                                                             : NULL;
        enum json_token v = json_next(j);
        if (at && v == JSON_NUMBER)
            *at = j->number;
        json_skip(j, v);
    }
}

/* {"loss": 0.1, "info": ...} or the loss alone */
static void take_loss(struct bohb *b, struct json_pull *j, enum json_token t, const struct json_points *to)
{
    if (t == JSON_NUMBER)
        sink_report(b->sink, to->trial, to->step, to->time, j->number);
    while (t == JSON_OBJECT && json_next(j) == JSON_KEY) {
        bool loss = strcmp(json_text(j), "loss") == 0, info = strcmp(json_text(j), "info") == 0;
        enum json_token v = json_next(j);
        if (loss && v == JSON_NUMBER)
            sink_report(b->sink, to->trial, to->step, to->time, j->number);
        if (info)
            json_points(j, v, "info", to);
        else
            json_skip(j, v);
    }
}

static void take_result(struct bohb *b, struct json_pull *j, int trial)
{
    struct times times;
    struct json_points to = {b->sink, trial, 0, READ_NO_TIME, NULL};
    enum json_token t = json_next(j);
    if (t == JSON_NUMBER)
        to.step = llround(j->number);
    double budget = t == JSON_NUMBER ? j->number : NAN;
    json_skip(j, t);
    take_times(j, json_next(j), &times);
    to.time = read_seconds(times.finished);
    sink_state(b->sink, trial, READ_RUNNING, read_seconds(times.started), NULL);
    if (budget != floor(budget))
        sink_point(b->sink, trial, "budget", to.step, to.time, budget);
    take_loss(b, j, json_next(j), &to);
    if (json_next(j) == JSON_STRING)
        sink_state(b->sink, trial, READ_FAILED, to.time, json_text(j));
    sink_record(b->sink, "result");
}

static void take_line(void *ctx, struct json_pull *j)
{
    struct bohb *b = ctx;
    if (json_next(j) != JSON_ARRAY || json_next(j) != JSON_ARRAY)
        return;
    int trial = take_id(b, j);
    if (trial < 0)
        return;
    if (b->role == ROLE_RESULTS) {
        take_result(b, j, trial);
    } else {
        json_params(j, json_next(j), "", b->sink, trial);
        sink_record(b->sink, "config");
    }
}

static size_t feed(void *self, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st)
{
    struct bohb *b = self;
    return json_lines(&b->json, p, n, at, last, st, take_line, b);
}

static bool claim(const struct read_probe *p, struct read_claim *c)
{
    bool configs = probe_named(p, "configs.json"), results = probe_named(p, "results.json");
    if (!(configs || results) || !probe_head(p, "[["))
        return false;
    c->role = configs ? ROLE_CONFIGS : ROLE_RESULTS;
    c->order = results;
    probe_folder(p, 0, c->key, sizeof c->key);
    return true;
}

static void *open_file(const struct read_open *o)
{
    struct bohb *b = MEM_NEW(struct bohb);
    b->sink = o->sink;
    b->role = (enum role)o->role;
    b->key = mem_str(o->key);
    sink_study(o->sink, NULL, "loss", READ_MINIMIZE);
    return b;
}

static void close_file(void *self)
{
    struct bohb *b = self;
    json_release(&b->json);
    free(b->key);
    free(b);
}

const struct read_format read_bohb = {
    .name = "bohb",
    .text = "BOHB (hpbandster): configs.json and results.json",
    .claim = claim,
    .open = open_file,
    .feed = feed,
    .close = close_file,
};
