/* wandb_log: the .wandb file of a W&B run, live or offline: LevelDB's log format (core/pkg/leveldb in wandb's source:
 * a header of 7 bytes, blocks of 32 KiB, chunks with a CRC-32 over type and payload) around protobuf Records
 * (wandb_internal.proto). Values are JSON text.
 *
 * A damaged chunk costs the rest of its block, as in LevelDB: the next block begins with a whole header. The config.yaml
 * and wandb-summary.json of a run whose .wandb file is gone are read in its place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "read/formats.h"
#include "read/json_settings.h"
#include "read/wire.h"
#include "read/yaml_flat.h"

#define BLOCK  32768
#define HEADER 7

enum role { ROLE_LOG, ROLE_CONFIG, ROLE_SUMMARY };
enum chunk { CHUNK_FULL = 1, CHUNK_FIRST, CHUNK_MIDDLE, CHUNK_LAST };

#define FINAL_MAX 4096 /* keys of a summary */

struct final { /* a value of the summary */
    char *key, *json;
};

struct wandb_log {
    const struct read_sink *sink;
    int trial;
    enum role role;
    struct json_pull json;
    struct buf record, key, text, logged_names; /* logged_names: names in the history, each with a NUL */
    bool open;     /* a record has begun and not ended */
    int64_t began; /* where */
    int64_t last_step, last_time;
    struct final *final;
    int n_final;
};

/* ---- items: {key = 1, nested_key = 2, value_json = 16} ---- */

struct item {
    const char *key;
    const uint8_t *json;
    size_t n;
};

static bool read_item(struct wandb_log *l, struct wire w, struct item *it)
{
    struct wire_field f;
    *it = (struct item){0};
    buf_clear(&l->key);
    while (wire_next(&w, &f)) {
        if ((f.number == 1 || f.number == 2) && f.n) {
            wire_text(&f, &l->text);
            if (l->key.len)
                buf_putc(&l->key, '.');
            if (l->key.len + l->text.len < READ_NAME_MAX)
                buf_put(&l->key, l->text.data, l->text.len);
        } else if (f.number == 16 && f.type == WIRE_BYTES) {
            it->json = f.p;
            it->n = f.n;
        }
    }
    it->key = buf_cstr(&l->key);
    return it->json && *it->key;
}

static bool item_number(struct wandb_log *l, const struct item *it, double *out)
{
    struct read_value v;
    json_open(&l->json, it->json, it->n);
    return json_scalar(&l->json, json_next(&l->json), &v) && read_number(&v, out);
}

static int64_t timestamp(struct wire w)
{
    struct wire_field f;
    int64_t s = 0, ns = 0;
    while (wire_next(&w, &f)) {
        if (f.number == 1)
            s = (int64_t)f.v;
        else if (f.number == 2)
            ns = (int64_t)f.v;
    }
    return s > 0 && s < INT64_C(9000000000) && ns >= 0 && ns < CLOCK_S ? s * CLOCK_S + ns : READ_NO_TIME;
}

/* ---- records ---- */

static void put_points(struct wandb_log *l, const struct item *it, int64_t step, int64_t time)
{
    struct json_points to = {l->sink, l->trial, step, time, NULL};
    json_open(&l->json, it->json, it->n);
    json_points(&l->json, json_next(&l->json), it->key, &to);
}

static bool logged(const struct wandb_log *l, const char *name)
{
    const char *p = (const char *)l->logged_names.data;
    for (const char *end = p + l->logged_names.len; p < end; p += strlen(p) + 1)
        if (strcmp(p, name) == 0)
            return true;
    return false;
}

static void history(struct wandb_log *l, struct wire w)
{
    struct wire_field f, in;
    struct item it;
    struct wire again = w;
    double number;
    int64_t step = READ_NO_STEP, time = READ_NO_TIME;
    while (wire_next(&w, &f)) {
        struct wire part = wire_within(&f);
        if (f.number == 2)
            while (wire_next(&part, &in))
                step = in.number == 1 ? (int64_t)in.v : step;
        if (f.number != 1 || !read_item(l, part, &it))
            continue;
        if (strcmp(it.key, "_step") == 0 && item_number(l, &it, &number))
            step = (int64_t)number;
        else if (strcmp(it.key, "_timestamp") == 0 && item_number(l, &it, &number))
            time = read_seconds(number);
    }
    if (step == READ_NO_STEP)
        step = l->last_step + 1;
    l->last_step = step;
    if (time != READ_NO_TIME)
        l->last_time = time;
    while (wire_next(&again, &f))
        if (f.number == 1 && read_item(l, wire_within(&f), &it) && *it.key != '_') {
            put_points(l, &it, step, time);
            if (l->logged_names.len < READ_NAME_MAX * 64 && !logged(l, it.key))
                buf_put(&l->logged_names, it.key, strlen(it.key) + 1);
        }
    sink_record(l->sink, "history");
}

/* The summary follows the history, and may be a step ahead of it: only at the end is known what it alone has. */
static void summary(struct wandb_log *l, struct wire w)
{
    struct wire_field f;
    struct item it;
    while (wire_next(&w, &f)) {
        if (f.number != 1 || !read_item(l, wire_within(&f), &it) || *it.key == '_')
            continue;
        int i = 0;
        while (i < l->n_final && strcmp(l->final[i].key, it.key) != 0)
            i++;
        if (i == FINAL_MAX)
            continue;
        if (i == l->n_final) {
            l->final = mem_resize(l->final, (size_t)i + 1, sizeof *l->final);
            l->final[l->n_final++] = (struct final){.key = mem_str(it.key)};
        }
        free(l->final[i].json);
        l->final[i].json = mem_strn((const char *)it.json, it.n);
    }
}

/* What a program only wrote into the summary is a metric with one point. */
static void say_summary(struct wandb_log *l)
{
    for (int i = 0; i < l->n_final; i++) {
        struct item it = {l->final[i].key, (const uint8_t *)l->final[i].json, strlen(l->final[i].json)};
        if (!logged(l, it.key))
            put_points(l, &it, l->last_step > 0 ? l->last_step : 0, l->last_time);
        free(l->final[i].key);
        free(l->final[i].json);
    }
    l->n_final = 0;
}

static void config(struct wandb_log *l, struct wire w)
{
    struct wire_field f;
    struct item it;
    while (wire_next(&w, &f)) {
        if (f.number != 1 || !read_item(l, wire_within(&f), &it) || *it.key == '_')
            continue;
        json_open(&l->json, it.json, it.n);
        json_params(&l->json, json_next(&l->json), it.key, l->sink, l->trial);
    }
}

static void run(struct wandb_log *l, struct wire w)
{
    struct wire_field f;
    int64_t started = READ_NO_TIME;
    while (wire_next(&w, &f)) {
        if (f.number == 3)
            sink_study(l->sink, wire_text(&f, &l->text), NULL, READ_GOAL_UNSAID);
        else if (f.number == 4)
            config(l, wire_within(&f));
        else if (f.number == 8)
            sink_title(l->sink, l->trial, wire_text(&f, &l->text));
        else if (f.number == 17)
            started = timestamp(wire_within(&f));
    }
    if (started != READ_NO_TIME)
        l->last_time = started;
    sink_state(l->sink, l->trial, READ_RUNNING, started, NULL);
}

static void output(struct wandb_log *l, struct wire w)
{
    struct wire_field f, line = {0};
    bool out = false;
    int64_t time = READ_NO_TIME;
    while (wire_next(&w, &f)) {
        if (f.number == 1)
            out = f.v == 1;
        else if (f.number == 2)
            time = timestamp(wire_within(&f));
        else if (f.number == 3 && f.type == WIRE_BYTES)
            line = f;
    }
    if (line.n)
        sink_text(l->sink, l->trial, out ? "out" : "err", time, (const char *)line.p, line.n);
}

static void stats(struct wandb_log *l, struct wire w)
{
    struct wire_field f;
    struct item it;
    struct wire again = w;
    int64_t time = READ_NO_TIME;
    while (wire_next(&w, &f))
        if (f.number == 2)
            time = timestamp(wire_within(&f));
    while (wire_next(&again, &f)) {
        double v;
        if (f.number != 3 || !read_item(l, wire_within(&f), &it) || !item_number(l, &it, &v))
            continue;
        buf_clear(&l->text);
        buf_printf(&l->text, "system/%s", it.key);
        sink_point(l->sink, l->trial, buf_cstr(&l->text), l->last_step > 0 ? l->last_step : 0, time, v);
    }
}

/* define_metric(..., goal=) is how a run says what counts. */
static void metric(struct wandb_log *l, struct wire w)
{
    struct wire_field f, name = {0};
    uint64_t goal = 0;
    while (wire_next(&w, &f)) {
        if (f.number == 1)
            name = f;
        else if (f.number == 8)
            goal = f.v;
    }
    if (name.n && (goal == 1 || goal == 2))
        sink_study(l->sink, NULL, wire_text(&name, &l->text), goal == 1 ? READ_MINIMIZE : READ_MAXIMIZE);
}

static void run_exit(struct wandb_log *l, struct wire w)
{
    struct wire_field f;
    int64_t code = 0;
    char why[64] = "";
    while (wire_next(&w, &f))
        if (f.number == 1)
            code = (int32_t)f.v;
    if (code)
        snprintf(why, sizeof why, "exited with status %lld", (long long)code);
    say_summary(l);
    sink_state(l->sink, l->trial, code ? READ_FAILED : READ_DONE, READ_NO_TIME, why);
}

static void take_record(struct wandb_log *l, const uint8_t *p, size_t n)
{
    static void (*const takes[])(struct wandb_log *, struct wire) = {
        [2] = history, [3] = summary, [4] = output, [5] = config,   [7] = stats,
        [12] = metric, [13] = output, [17] = run,   [18] = run_exit};
    struct wire w = wire_open(p, n);
    struct wire_field f;
    char what[24];
    while (wire_next(&w, &f)) {
        if (f.number == 1)
            continue;
        snprintf(what, sizeof what, "field %u", f.number);
        sink_record(l->sink, what);
        if (f.number < sizeof takes / sizeof *takes && takes[f.number] && f.type == WIRE_BYTES)
            takes[f.number](l, wire_within(&f));
    }
}

/* ---- the log ---- */

/* One chunk at p (len bytes of payload, checked) that begins at file offset `at`. */
static void take_chunk(struct wandb_log *l, enum chunk type, const uint8_t *p, size_t len, int64_t at,
                       struct read_stop *st)
{
    bool begins = type == CHUNK_FULL || type == CHUNK_FIRST;
    if (begins != !l->open) {
        st->skipped++; /* the other part of a record is missing */
        l->open = false;
        if (!begins)
            return;
    }
    if (begins) {
        buf_clear(&l->record);
        l->began = at;
    }
    if (l->record.len + len > READ_RECORD_MAX) {
        st->skipped++;
        l->open = false;
        return;
    }
    buf_put(&l->record, p, len);
    l->open = type == CHUNK_FIRST || type == CHUNK_MIDDLE;
    if (!l->open)
        take_record(l, l->record.data, l->record.len);
}

static bool chunk_good(const uint8_t *c, size_t len, size_t left)
{
    return len + 7 <= left && c[6] >= CHUNK_FULL && c[6] <= CHUNK_LAST &&
           crc32(0, c + 6, (uInt)len + 1) == wire_u32(c);
}

/* Returns the bytes of the next chunk, or of what is passed over; 0: more must come. */
static size_t next_chunk(struct wandb_log *l, const uint8_t *c, size_t n, int64_t at, bool last,
                         struct read_stop *st)
{
    size_t left = BLOCK - (size_t)(at % BLOCK);
    if (left < 7)
        return left <= n ? left : last ? n : 0;
    if (n < 7)
        return 0;
    size_t len = wire_u16(c + 4);
    if (n < 7 + len && len + 7 <= left && !(last && n >= left))
        return 0;
    if (n >= 7 + len && chunk_good(c, len, left)) {
        take_chunk(l, (enum chunk)c[6], c + 7, len, at, st);
        return 7 + len;
    }
    if (n < left && !last)
        return 0; /* the rest of the damaged block */
    st->skipped++;
    l->open = false;
    if (n < left) {
        read_stop_at(st, false, at, "a damaged chunk in the last block");
        return 0;
    }
    return left;
}

static size_t feed_log(struct wandb_log *l, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st)
{
    size_t done = 0;
    if (at == 0) {
        size_t have = n < HEADER ? n : HEADER;
        if (memcmp(p, ":W&B\xe1\xbe", have < 6 ? have : 6) != 0 && memcmp(p, ":W&B", have < 4 ? have : 4) != 0)
            return read_stop_at(st, false, 0, "this is no .wandb file");
        if (n < HEADER)
            return last ? read_stop_at(st, true, 0, "the file ends inside its header") : 0;
        done = HEADER;
    }
    while (done < n && !st->stopped) {
        size_t step = next_chunk(l, p + done, n - done, at + (int64_t)done, last, st);
        if (step == 0)
            break;
        done += step;
    }
    if (last || st->stopped)
        say_summary(l);
    if (last && !st->stopped && (done < n || l->open))
        read_stop_at(st, true, l->open ? l->began : at + (int64_t)done, "the file ends inside a record");
    return done;
}

/* ---- the two files beside it ---- */

static void config_leaf(void *ctx, const char *name, const struct read_value *v)
{
    struct wandb_log *l = ctx;
    const char *dot = strstr(name, ".value");
    if (strncmp(name, "_wandb", 6) == 0 || !dot || (dot[6] && dot[6] != '.'))
        return;
    buf_clear(&l->key);
    buf_put(&l->key, name, (size_t)(dot - name));
    buf_puts(&l->key, dot + 6);
    sink_param(l->sink, l->trial, buf_cstr(&l->key), v);
}

static bool hidden(const char *name)
{
    return *name == '_';
}

static size_t feed(void *self, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st)
{
    struct wandb_log *l = self;
    if (l->role == ROLE_LOG)
        return feed_log(l, p, n, at, last, st);
    if (l->role == ROLE_CONFIG) {
        long bad = yaml_flat(p, n, config_leaf, l);
        if (bad >= 0)
            read_stop_at(st, false, bad, "this is no YAML");
        return n;
    }
    struct json_points to = {l->sink, l->trial, 0, READ_NO_TIME, hidden};
    json_open(&l->json, p, n);
    if (!json_points(&l->json, json_next(&l->json), "", &to))
        read_stop_at(st, true, (int64_t)json_offset(&l->json), "%s", l->json.why ? l->json.why : "no JSON");
    return n;
}

/* run-20220117_230445-2og7uiib/files/config.yaml: is run-2og7uiib.wandb there? */
static bool log_is_there(const struct read_probe *p, const char *folder)
{
    const char *run = read_base(folder), *id = strrchr(run, '-');
    char name[1100];
    snprintf(name, sizeof name, "../run-%s.wandb", id ? id + 1 : run);
    return probe_beside(p, name);
}

static bool claim(const struct read_probe *p, struct read_claim *c)
{
    bool yaml = probe_named(p, "config.yaml"), summary_file = probe_named(p, "wandb-summary.json");
    if (probe_ends(p, ".wandb") || (p->named && probe_head(p, ":W&B"))) {
        c->role = ROLE_LOG;
        c->kind = READ_STREAM;
        probe_folder(p, 0, c->key, sizeof c->key);
        return true;
    }
    if (!summary_file && !(yaml && probe_head_has(p, "wandb_version")))
        return false;
    c->role = yaml ? ROLE_CONFIG : ROLE_SUMMARY;
    c->kind = READ_DOCUMENT;
    probe_folder(p, 1, c->key, sizeof c->key);
    return p->named || !log_is_there(p, c->key);
}

static void *open_file(const struct read_open *o)
{
    struct wandb_log *l = MEM_NEW(struct wandb_log);
    l->sink = o->sink;
    l->trial = sink_trial(o->sink, o->key);
    l->role = (enum role)o->role;
    l->last_step = -1;
    l->last_time = READ_NO_TIME;
    return l;
}

static void close_file(void *self)
{
    struct wandb_log *l = self;
    for (int i = 0; i < l->n_final; i++) {
        free(l->final[i].key);
        free(l->final[i].json);
    }
    free(l->final);
    json_release(&l->json);
    buf_release(&l->record);
    buf_release(&l->key);
    buf_release(&l->text);
    buf_release(&l->logged_names);
    free(l);
}

const struct read_format read_wandb = {
    .name = "wandb",
    .text = ".wandb files of Weights & Biases, live and offline runs",
    .claim = claim,
    .open = open_file,
    .feed = feed,
    .close = close_file,
};
