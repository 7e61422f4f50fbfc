/* trainer_state: Hugging Face's Trainer: the log_history of trainer_state.json. It is written again with every
 * checkpoint and only grows; a run's folder may hold many checkpoints, of which the newest has it all. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "read/formats.h"
#include "read/json_settings.h"

struct trainer_state {
    const struct read_sink *sink;
    int trial;
    long rows; /* said */
    struct json_pull json, row;
};

static bool not_a_metric(const char *name)
{
    return strcmp(name, "step") == 0;
}

static void take_row(struct trainer_state *s, const char *at, const char *end)
{
    struct json_points to = {s->sink, s->trial, READ_NO_STEP, READ_NO_TIME, not_a_metric};
    struct json_pull *j = &s->row;
    json_open(j, at, (size_t)(end - at));
    if (json_next(j) != JSON_OBJECT)
        return;
    while (json_next(j) == JSON_KEY) {
        bool step = strcmp(json_text(j), "step") == 0;
        enum json_token t = json_next(j);
        if (step && t == JSON_NUMBER && j->whole)
            to.step = j->integer;
        json_skip(j, t);
    }
    json_open(j, at, (size_t)(end - at));
    json_points(j, json_next(j), "", &to);
    sink_record(s->sink, "row");
}

static bool history(struct trainer_state *s, struct json_pull *j)
{
    for (long i = 0;; i++) {
        enum json_token t = json_next(j);
        const char *from = j->token;
        if (t == JSON_ARRAY_END)
            return true;
        if (!json_skip(j, t))
            return false;
        if (i >= s->rows) {
            s->rows = i + 1;
            take_row(s, from, j->p);
        }
    }
}

static bool document(struct trainer_state *s, struct json_pull *j)
{
    if (json_next(j) != JSON_OBJECT)
        return false;
    for (;;) {
        enum json_token t = json_next(j);
        if (t != JSON_KEY)
            return t == JSON_OBJECT_END;
        bool rows = strcmp(json_text(j), "log_history") == 0, params = strcmp(json_text(j), "trial_params") == 0;
        bool batch = strcmp(json_text(j), "train_batch_size") == 0, name = strcmp(json_text(j), "trial_name") == 0;
        t = json_next(j);
        if (rows && t == JSON_ARRAY) {
            if (!history(s, j))
                return false;
            continue;
        }
        if (params && t == JSON_OBJECT) {
            if (!json_params(j, t, "", s->sink, s->trial))
                return false;
            continue;
        }
        if (batch && t == JSON_NUMBER && j->whole) {
            struct read_value v = read_int(j->integer);
            sink_param(s->sink, s->trial, "train_batch_size", &v);
        }
        if (name && t == JSON_STRING)
            sink_title(s->sink, s->trial, json_text(j));
        if (!json_skip(j, t))
            return false;
    }
}

static size_t feed(void *self, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st)
{
    struct trainer_state *s = self;
    json_open(&s->json, p, n);
    if (!document(s, &s->json))
        read_stop_at(st, s->json.failed == JSON_CUT, (int64_t)json_offset(&s->json), "%s",
                     s->json.why ? s->json.why : "this is no JSON object");
    return n;
}

static long checkpoint_number(const char *name)
{
    return strncmp(name, "checkpoint-", 11) == 0 ? strtol(name + 11, NULL, 10) : -1;
}

/* Whether another checkpoint beside this one's folder is newer. */
static bool superseded(const char *path, long number)
{
    struct buf b = {0};
    struct stat sb;
    bool newer = false;
    const char *end = read_base(path) - 1;
    while (end > path && end[-1] != '/')
        end--;
    buf_put(&b, path, (size_t)(end - path));
    size_t root = b.len;
    buf_puts(&b, root ? "" : "./");
    DIR *d = opendir(buf_cstr(&b));
    for (struct dirent *e; d && !newer && (e = readdir(d));) {
        b.len = root;
        buf_printf(&b, "%s/trainer_state.json", e->d_name);
        newer = checkpoint_number(e->d_name) > number && stat(buf_cstr(&b), &sb) == 0;
    }
    if (d)
        closedir(d);
    buf_release(&b);
    return newer;
}

static bool claim(const struct read_probe *p, struct read_claim *c)
{
    if (!probe_named(p, "trainer_state.json"))
        return false;
    c->kind = READ_DOCUMENT;
    probe_folder(p, 0, c->key, sizeof c->key);
    long number = checkpoint_number(read_base(c->key));
    if (number >= 0)
        probe_folder(p, 1, c->key, sizeof c->key);
    return number < 0 || p->named || !superseded(p->path, number);
}

static void *open_file(const struct read_open *o)
{
    struct trainer_state *s = MEM_NEW(struct trainer_state);
    s->sink = o->sink;
    s->trial = sink_trial(o->sink, o->key);
    return s;
}

static void close_file(void *self)
{
    struct trainer_state *s = self;
    json_release(&s->json);
    json_release(&s->row);
    free(s);
}

const struct read_format read_hf = {
    .name = "hf",
    .text = "Hugging Face Trainer: trainer_state.json",
    .claim = claim,
    .open = open_file,
    .feed = feed,
    .close = close_file,
};
