/* fuzz_read: whatever bytes another tool's file holds, its reader returns, says only what a sink may be told, and says the same
 * however the file was cut into pieces on its way. Seeds are made here; records with checksums are mutated inside of theirs, so
 * that the mutation is looked at.
 *
 *     fuzz_read [-n MUTATIONS] [-s SEED] [-t SECONDS] [FILE]...
 *
 * Ends with status 0 or dies; the same seed and count make the same inputs again. */
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "read/crc32c.h"
#include "read/formats.h"

#define INPUT_MAX (1 << 16)

static void check(bool fact)
{
    if (!fact)
        abort();
}

/* ---- a sink that believes nothing and remembers everything as one number ---- */

struct listener {
    uint64_t said;
    int trials;
    char keys[64][200];
};

static void mix(struct listener *l, const void *p, size_t n)
{
    for (const uint8_t *b = p; n--; b++)
        l->said = (l->said ^ *b) * UINT64_C(0x100000001b3);
}

static void mix_text(struct listener *l, const char *s)
{
    check(s != NULL);
    mix(l, s, strlen(s) + 1);
}

static void check_trial(const struct listener *l, int trial)
{
    check(trial >= 0 && trial < l->trials);
}

static void on_study(void *ctx, const struct read_study *s)
{
    struct listener *l = ctx;
    check(s->goal <= READ_MAXIMIZE);
    mix_text(l, s->name ? s->name : "-");
    mix_text(l, s->metric ? s->metric : "-");
}

static int on_trial(void *ctx, const char *key)
{
    struct listener *l = ctx;
    char cut[200];
    snprintf(cut, sizeof cut, "%s", key);
    for (int i = 0; i < l->trials; i++)
        if (strcmp(l->keys[i], cut) == 0)
            return i;
    if (l->trials == 64)
        return 63;
    memcpy(l->keys[l->trials], cut, sizeof cut);
    return l->trials++;
}

static void on_title(void *ctx, int trial, const char *title)
{
    check_trial(ctx, trial);
    mix_text(ctx, title);
}

static void on_param(void *ctx, int trial, const char *name, const struct read_value *v)
{
    struct listener *l = ctx;
    check_trial(l, trial);
    check(v->type <= READ_TEXT);
    mix_text(l, name);
    if (v->type == READ_TEXT)
        mix_text(l, v->text);
}

static void on_point(void *ctx, int trial, const char *metric, int64_t step, int64_t time, double value)
{
    struct listener *l = ctx;
    check_trial(l, trial);
    mix_text(l, metric);
    mix(l, &step, sizeof step);
    mix(l, &time, sizeof time);
    if (!isnan(value))
        mix(l, &value, sizeof value);
}

static void on_report(void *ctx, int trial, int64_t step, int64_t time, double value)
{
    on_point(ctx, trial, "report", step, time, value);
}

static void on_state(void *ctx, int trial, enum read_state state, int64_t time, const char *why)
{
    check_trial(ctx, trial);
    check(state <= READ_WITHDRAWN);
    mix(ctx, &state, sizeof state);
    mix_text(ctx, why ? why : "-");
}

static void on_text(void *ctx, int trial, const char *stream, int64_t time, const char *text, size_t n)
{
    check_trial(ctx, trial);
    mix_text(ctx, stream);
    mix(ctx, text, n);
}

static void on_record(void *ctx, const char *what)
{
    mix_text(ctx, what);
}

static const struct read_sink_ops ops = {on_study,  on_trial, on_title, on_param, on_point,
                                         on_report, on_state, on_text,  on_record};

/* ---- one input ---- */

struct seed {
    const char *format, *name; /* which reader; the file's name, as its claim looks at it */
    uint8_t data[INPUT_MAX];
    size_t n;
};

/* Feeds it in pieces of at most `piece` bytes; returns what was said. */
static uint64_t feed_all(const struct read_format *f, const struct read_claim *c, const struct seed *s, size_t piece)
{
    struct listener l = {0};
    struct read_sink sink = {&ops, &l};
    struct read_open o = {&sink, s->name, *c->key ? c->key : "k", c->role, CLOCK_S};
    struct read_stop st = {0};
    void *parser = f->open(&o);
    size_t done = 0, have = 0;
    if (c->kind != READ_STREAM) {
        f->feed(parser, s->data, s->n, 0, true, &st);
        check(st.offset >= 0 && (size_t)st.offset <= s->n + 1);
    }
    while (c->kind == READ_STREAM && !st.stopped) {
        bool last = have == s->n;
        have = have + piece < s->n ? have + piece : s->n;
        /* the bytes in a block of their own: a sanitizer sees one step too far */
        uint8_t *copy = mem_dup(s->data + done, have - done);
        size_t used = f->feed(parser, copy, have - done, (int64_t)done, last, &st);
        free(copy);
        check(used <= have - done);
        done += used;
        if (last)
            break;
    }
    check(!st.stopped || (st.offset >= 0 && (size_t)st.offset <= s->n));
    f->close(parser);
    return l.said;
}

static void try_input(const struct seed *s, struct rng *rng)
{
    struct read_probe p = {s->name, s->name, read_base(s->name), s->data, s->n < READ_HEAD ? s->n : READ_HEAD, true};
    for (const struct read_format *const *f = read_formats; *f; f++) {
        struct read_claim c = {0};
        if (strcmp((*f)->name, s->format) != 0)
            continue;
        bool claimed = (*f)->claim(&p, &c);
        if (!claimed && c.kind == READ_DATABASE)
            continue;
        check(memchr(c.key, 0, sizeof c.key) != NULL && c.order >= 0 && c.order < READ_ORDERS);
        if (!claimed)
            continue;
        uint64_t whole = feed_all(*f, &c, s, s->n + 1);
        if (c.kind == READ_STREAM && strcmp(s->format, "deepcave") != 0)
            check(feed_all(*f, &c, s, 1 + rng_below(rng, 97)) == whole);
    }
}

/* ---- seeds ---- */

static void put_u32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static void tf_record(struct seed *s, const void *p, size_t n)
{
    uint8_t *r = s->data + s->n;
    memset(r, 0, 8);
    put_u32(r, (uint32_t)n);
    put_u32(r + 8, crc32c_masked(r, 8));
    memcpy(r + 12, p, n);
    put_u32(r + 12 + n, crc32c_masked(r + 12, n));
    s->n += 16 + n;
}

static void wandb_record(struct seed *s, const void *p, size_t n)
{
    uint8_t *r = s->data + s->n;
    r[4] = (uint8_t)n;
    r[5] = (uint8_t)(n >> 8);
    r[6] = 1;
    memcpy(r + 7, p, n);
    put_u32(r, (uint32_t)crc32(0, r + 6, (uInt)n + 1));
    s->n += 7 + n;
}

/* tag, bytes */
static const char tf_event[] = "\x09\0\0\0\0\0\0\xd8\x41\x10\x05\x2a\x0d\x0a\x0b\x0a\x04loss\x15\0\0\0\x3f";
static const char tf_tensor[] = "\x10\x06*\x22\x0a \x0a\x01xB\x09\x08\x01\x12\x00-\x00\x00\x80\x3fJ\x10\x0a\x0e\x0a\x07scalars\x12\x03" "abc";
static const char wandb_history[] = "\x12\x22\x0a\x0b\x0a\x05_step\x82\x01\x01" "3\x0a\x0f\x0a\x04loss\x82\x01\x06" "0.25e0\x12\x02\x08\x03";
static const char wandb_run[] = "\x8a\x01\x1a\x0a\x02id\x1a\x01p\x22\x0d\x0a\x0b\x0a\x02lr\x82\x01\x04" "0.01B\x02nm";

static const struct text_seed {
    const char *format, *name, *text;
} texts[] = {
    {"optuna", "j.log",
     "{\"op_code\":0,\"worker_id\":\"w\",\"study_name\":\"s\",\"directions\":[1,2]}\n"
     "{\"op_code\":4,\"worker_id\":\"w\",\"study_id\":0,\"datetime_start\":\"2024-01-02T03:04:05.678901\"}\n"
     "{\"op_code\":5,\"worker_id\":\"w\",\"trial_id\":0,\"param_name\":\"c\",\"param_value_internal\":1,\"distribution\":"
     "\"{\\\"name\\\": \\\"CategoricalDistribution\\\", \\\"attributes\\\": {\\\"choices\\\": [\\\"a\\\", null]}}\"}\n"
     "{\"op_code\":7,\"worker_id\":\"w\",\"trial_id\":0,\"step\":3,\"intermediate_value\":NaN}\n"
     "{\"op_code\":8,\"worker_id\":\"w\",\"trial_id\":0,\"user_attr\":{\"k\":[1,{\"a\":2}]}}\n"
     "{\"op_code\":6,\"worker_id\":\"w\",\"trial_id\":0,\"state\":1,\"values\":[0.5,2],\"datetime_complete\":null}\n"
     "{\"op_code\":4,\"worker_id\":\"w\",\"study_id\":0,\"state\":2,\"distributions\":{\"x\":\"{}\"},\"params\":{\"x\":3},"
     "\"intermediate_values\":{\"1\":0.5},\"user_attrs\":{\"u\":1}}\n{\"op_code\":1,\"worker_id\":\"w\",\"study_id\":0}\n"},
    {"ray", "result.json", "{\"training_iteration\": 1, \"loss\": 0.5, \"config\": {\"a\": {\"b\": [1, 2]}}, \"done\": true}\n"},
    {"ray", "experiment_state-1.json",
     "{\"trial_data\": [[\"{\\\"status\\\": \\\"ERROR\\\", \\\"relative_logdir\\\": \\\"x\\\", \\\"config\\\": {\\\"a\\\": 1}}\", \"{}\"]],"
     " \"runner_data\": {\"_metric\": \"loss\"}}"},
    {"csv", "a.csv", "\xef\xbb\xbfstep,\"a \"\"b\"\"\",time,c\n1,0.5,2024-01-02 03:04:05,\n2,\"1\n\",1700000000,nan\n"},
    {"csv", "l.tsv", "trial\tmetric\tstep\ttime\tvalue\n0\tloss\t1\t\t0.5\n"},
    {"jsonl", "a.jsonl", "{\"step\": 1, \"loss\": {\"a\": 1e400, \"b\": \"NaN\"}, \"_timestamp\": 1700000000.5}\n"
                         "{\"trial\":0,\"params\":{\"a\":1},\"metric\":\"m\",\"steps\":[1,2],\"times\":[1.5e9,null],\"values\":[1,null]}\n"},
    {"hf", "trainer_state.json", "{\"log_history\": [{\"step\": 5, \"loss\": 1.5}, {\"step\": 6, \"eval\": {\"f1\": Infinity}}],"
                                 " \"trial_params\": {\"lr\": 0.1}, \"train_batch_size\": 8}"},
    {"smac", "runhistory.json", "{\"data\": [[[1, null, 0, 0.5], [0.25, 1, {\"__enum__\": \"StatusType.SUCCESS\"}, 1.6e9, 1.6e9, {}]],"
                                " [2, null, 0, 0, 0.5, 1, 2, 1, 1.6e9, 1.6e9, {}], {\"config_id\": 3, \"cost\": [1, 2], \"status\": 3}],"
                                " \"configs\": {\"1\": {\"x\": 1}}}"},
    {"bohb", "results.json", "[[0, 0, 1], 9.5, {\"started\": 1.6e9, \"finished\": 1.6e9}, {\"loss\": 0.5, \"info\": {\"a\": 1}}, null]\n"},
    {"deepcave", "history.jsonl", "[0, 10, -1, [0.5, null], 0.0, 0.09, 1, {}]\n[0, 20.5, -1, [0.7, 1], 0.09, 0.3, 4, {}]\n"},
    {"deepcave", "meta.json", "{\"objectives\": [{\"name\": \"a\", \"optimize\": \"upper\"}]}"},
    {"dataframe", "trials.csv", "config_id,x,metric:acc [0; 1] (maximize),status,budget\n0,1.5,0.5,success,1\n1,,0.25,crashed,2\n"},
    {"wandb", "config.yaml", "wandb_version: 1\n\nlr:\n  desc: null\n  value: {a: [1, 2, {b: c}], d: !!str 5}\n"},
    {"mlflow", "meta.yaml", "lifecycle_stage: active\nrun_id: x\nstatus: 3\nstart_time: 1700000000000\n"},
};
#define N_TEXTS (sizeof texts / sizeof *texts)
#define N_SEEDS (N_TEXTS + 3)

static void sql(sqlite3 *db, const char *s)
{
    check(sqlite3_exec(db, s, NULL, NULL, NULL) == SQLITE_OK);
}

static char database[64];

static void make_database(struct seed *s)
{
    sqlite3 *db;
    snprintf(database, sizeof database, "/tmp/fuzz-read-%d.db", (int)getpid());
    unlink(database);
    check(sqlite3_open(database, &db) == SQLITE_OK);
    sql(db, "PRAGMA page_size=512");
    sql(db, "CREATE TABLE studies(study_id INTEGER PRIMARY KEY, study_name)");
    sql(db, "CREATE TABLE study_directions(study_id, direction, objective)");
    sql(db, "CREATE TABLE trials(trial_id INTEGER PRIMARY KEY, study_id, state, datetime_start, datetime_complete)");
    sql(db, "CREATE TABLE trial_params(trial_id, param_name, param_value, distribution_json)");
    sql(db, "CREATE TABLE trial_values(trial_id, objective, value, value_type)");
    sql(db, "CREATE TABLE trial_intermediate_values(trial_id, step, intermediate_value)");
    sql(db, "CREATE TABLE trial_user_attributes(trial_id, key, value_json)");
    sql(db, "INSERT INTO studies VALUES(1, 's')");
    sql(db, "INSERT INTO study_directions VALUES(1, 'MAXIMIZE', 0)");
    sql(db, "INSERT INTO trials VALUES(1, 1, 'COMPLETE', '2024-01-02 03:04:05.6', '2024-01-02 03:05:05'), (2, 1, 'FAIL', '', '')");
    sql(db, "INSERT INTO trial_params VALUES(1, 'x', 0.5, '{\"name\":\"FloatDistribution\"}')");
    sql(db, "INSERT INTO trial_values VALUES(1, 0, 0.5, 'FINITE'), (2, 0, 0, 'INF_POS')");
    sql(db, "INSERT INTO trial_intermediate_values VALUES(1, 3, 0.25)");
    sql(db, "INSERT INTO trial_user_attributes VALUES(1, 'k', '[1]')");
    sqlite3_close(db);
    FILE *f = fopen(database, "rb");
    check(f != NULL);
    s->n = fread(s->data, 1, sizeof s->data, f);
    fclose(f);
    s->format = "optuna";
    s->name = database;
}

static void make_seed(struct seed *s, size_t i, const uint8_t *payload, size_t n)
{
    *s = (struct seed){.format = "tfevents", .name = "events.out.tfevents.1"};
    if (i < N_TEXTS) {
        s->format = texts[i].format;
        s->name = texts[i].name;
        s->n = strlen(texts[i].text);
        memcpy(s->data, texts[i].text, s->n);
    } else if (i == N_TEXTS) {
        tf_record(s, payload ? (const void *)payload : tf_event, payload ? n : sizeof tf_event - 1);
        tf_record(s, tf_tensor, sizeof tf_tensor - 1);
    } else if (i == N_TEXTS + 1) {
        s->format = "wandb";
        s->name = "run-x.wandb";
        memcpy(s->data, ":W&B\xe1\xbe\0", 7);
        s->n = 7;
        wandb_record(s, wandb_run, sizeof wandb_run - 1);
        wandb_record(s, payload ? (const void *)payload : wandb_history, payload ? n : sizeof wandb_history - 1);
    } else {
        make_database(s);
    }
}

/* ---- mutations ---- */

static size_t mutate(uint8_t *p, size_t n, size_t cap, struct rng *rng)
{
    static const char *const words[] = {"NaN", "\"", "[", "]", "{", "}", "null", ":", ",", "1e999", "\\u0000", "\\ud800", "-"};
    for (uint64_t i = 1 + rng_below(rng, 4); i > 0 && n > 0; i--) {
        size_t at = rng_below(rng, n), len = 1 + rng_below(rng, 8);
        const char *w = words[rng_below(rng, sizeof words / sizeof *words)];
        switch (rng_below(rng, 6)) {
        case 0:
            p[at] ^= (uint8_t)(1u << rng_below(rng, 8));
            break;
        case 1:
            p[at] = (uint8_t)rng_below(rng, 256);
            break;
        case 2: /* take out */
            len = len < n - at ? len : n - at;
            memmove(p + at, p + at + len, n - at - len);
            n -= len;
            break;
        case 3: /* put in */
            len = strlen(w);
            if (n + len > cap)
                break;
            memmove(p + at + len, p + at, n - at);
            memcpy(p + at, w, len);
            n += len;
            break;
        case 4: /* again */
            len = len < n - at ? len : n - at;
            if (n + len > cap)
                break;
            memmove(p + at + len, p + at, n - at);
            n += len;
            break;
        default:
            n = at;
        }
    }
    return n;
}

static void one(size_t i, struct rng *rng)
{
    static struct seed s;
    uint8_t payload[512];
    bool inside = (i == N_TEXTS || i == N_TEXTS + 1) && rng_below(rng, 2);
    if (inside) {
        const char *from = i == N_TEXTS ? (rng_below(rng, 2) ? tf_event : tf_tensor) : wandb_history;
        size_t n = from == tf_event ? sizeof tf_event - 1 : from == tf_tensor ? sizeof tf_tensor - 1 : sizeof wandb_history - 1;
        memcpy(payload, from, n);
        n = mutate(payload, n, sizeof payload, rng);
        make_seed(&s, i, payload, n);
    } else {
        make_seed(&s, i, NULL, 0);
        s.n = mutate(s.data, s.n, sizeof s.data, rng);
    }
    if (s.name == database) {
        FILE *f = fopen(database, "wb");
        check(f && fwrite(s.data, 1, s.n, f) == s.n && fclose(f) == 0);
    }
    try_input(&s, rng);
}

static void try_file(const char *path, struct rng *rng)
{
    static struct seed s;
    for (const struct read_format *const *f = read_formats; *f; f++) {
        FILE *in = fopen(path, "rb");
        if (!in)
            return;
        s = (struct seed){.format = (*f)->name, .name = path};
        s.n = fread(s.data, 1, sizeof s.data, in);
        fclose(in);
        try_input(&s, rng);
    }
}

int main(int argc, char **argv)
{
    long n = 20000, seconds = 0, seed = 1, done = 0;
    struct rng rng;
    int i = 1;
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        long v = strtol(argv[i + 1], NULL, 10);
        *(argv[i][1] == 'n' ? &n : argv[i][1] == 't' ? &seconds : &seed) = v;
    }
    rng_seed_stream(&rng, (uint64_t)seed, 7);
    for (; i < argc; i++)
        try_file(argv[i], &rng);
    static struct seed whole;
    for (size_t k = 0; k < N_SEEDS; k++) {
        make_seed(&whole, k, NULL, 0);
        try_input(&whole, &rng);
    }
    int64_t end = clock_mono_ns() + seconds * CLOCK_S;
    for (; done < n && (!seconds || clock_mono_ns() < end); done++)
        one(rng_below(&rng, rng_below(&rng, 40) ? N_SEEDS - 1 : N_SEEDS), &rng);
    unlink(database);
    printf("%ld inputs, seed %ld\n", done, seed);
    return 0;
}
