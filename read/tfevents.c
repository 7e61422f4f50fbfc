/* tfevents: TensorBoard's event files: TFRecords (length, masked CRC-32C of it, data, masked CRC-32C of that) of Event
 * messages (tensorflow/core/util/event.proto). Scalars come as simple_value (TensorFlow 1, PyTorch, tensorboardX) or as
 * tensors of the plugin "scalars" (TensorFlow 2, JAX); settings through the plugin "hparams". A run is its folder.
 *
 * A record whose data fails its CRC is passed over, because its length is known to be right; a length that fails ends
 * the file: nothing says where the next record begins. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "read/crc32c.h"
#include "read/formats.h"
#include "read/tensor.h"
#include "read/wire.h"

#define TAGS_MAX 100000 /* of one file whose plugin is remembered */

enum plugin { PLUGIN_NONE, PLUGIN_SCALARS, PLUGIN_TEXT, PLUGIN_HPARAMS, PLUGIN_OTHER };

struct tag { /* its metadata stands in its first value only, by some writers */
    enum plugin plugin;
    UT_hash_handle hh;
    char name[];
};

struct tfevents {
    const struct read_sink *sink;
    int trial;
    struct tag *tags;
    struct buf name, text;
};

struct summary_value {
    const char *tag;
    enum plugin plugin;
    struct wire_field simple, tensor, content; /* number 0: absent */
    const char *other; /* what else it is, for the count */
};

struct moment {
    int64_t step, time;
};

/* ---- hparams ---- */

static struct read_value protobuf_value(struct wire w, struct buf *text)
{
    struct wire_field f;
    struct read_value v = {.type = READ_NULL};
    while (wire_next(&w, &f)) {
        if (f.number == 2)
            v = read_real(wire_double(&f));
        else if (f.number == 3)
            v = read_text(wire_text(&f, text));
        else if (f.number == 4)
            v = (struct read_value){.type = READ_BOOL, .i = f.v != 0};
    }
    if (v.type == READ_REAL && v.d == (double)(int64_t)v.d && v.d > -1e15 && v.d < 1e15)
        v = read_int((int64_t)v.d); /* the plugin has one kind of number */
    return v;
}

static void hparams_start(struct tfevents *t, struct wire w)
{
    struct wire_field entry, f;
    int64_t started = READ_NO_TIME;
    while (wire_next(&w, &entry)) {
        if (entry.number == 5)
            started = read_seconds(wire_double(&entry));
        struct wire in = wire_within(&entry), value = {0};
        buf_clear(&t->name);
        while (entry.number == 1 && wire_next(&in, &f)) {
            if (f.number == 1)
                wire_text(&f, &t->name);
            else if (f.number == 2)
                value = wire_within(&f);
        }
        if (entry.number != 1 || !t->name.len)
            continue;
        struct read_value v = protobuf_value(value, &t->text);
        sink_param(t->sink, t->trial, buf_cstr(&t->name), &v);
    }
    sink_state(t->sink, t->trial, READ_RUNNING, started, NULL);
}

static void hparams_end(struct tfevents *t, struct wire w)
{
    struct wire_field f;
    uint64_t status = 0;
    int64_t time = READ_NO_TIME;
    while (wire_next(&w, &f)) {
        if (f.number == 1)
            status = f.v;
        else if (f.number == 2)
            time = read_seconds(wire_double(&f));
    }
    if (status == 1 || status == 2)
        sink_state(t->sink, t->trial, status == 1 ? READ_DONE : READ_FAILED, time, NULL);
}

static void hparams_experiment(struct tfevents *t, struct wire w)
{
    struct wire_field info, name, f;
    while (wire_next(&w, &info)) {
        struct wire in = wire_within(&info);
        while (info.number == 6 && wire_next(&in, &name)) {
            struct wire metric = wire_within(&name);
            while (name.number == 1 && wire_next(&metric, &f))
                if (f.number == 2) {
                    sink_study(t->sink, NULL, wire_text(&f, &t->name), READ_GOAL_UNSAID);
                    return;
                }
        }
    }
}

static void hparams(struct tfevents *t, struct wire w)
{
    struct wire_field f;
    while (wire_next(&w, &f)) {
        if (f.number == 2)
            hparams_experiment(t, wire_within(&f));
        else if (f.number == 3)
            hparams_start(t, wire_within(&f));
        else if (f.number == 4)
            hparams_end(t, wire_within(&f));
    }
}

/* ---- values ---- */

static enum plugin plugin_named(const struct wire_field *f)
{
    static const char *const names[] = {[PLUGIN_SCALARS] = "scalars", [PLUGIN_TEXT] = "text",
                                        [PLUGIN_HPARAMS] = "hparams"};
    for (int i = PLUGIN_SCALARS; i <= PLUGIN_HPARAMS; i++)
        if (f->n == strlen(names[i]) && memcmp(f->p, names[i], f->n) == 0)
            return (enum plugin)i;
    return f->n ? PLUGIN_OTHER : PLUGIN_NONE;
}

static void read_metadata(struct wire w, struct summary_value *v)
{
    struct wire_field f, in;
    while (wire_next(&w, &f)) {
        struct wire plugin = wire_within(&f);
        while (f.number == 1 && wire_next(&plugin, &in)) {
            if (in.number == 1 && in.type == WIRE_BYTES)
                v->plugin = plugin_named(&in);
            else if (in.number == 2)
                v->content = in;
        }
        if (f.number == 4 && f.v == 1 && v->plugin != PLUGIN_HPARAMS)
            v->plugin = PLUGIN_SCALARS; /* data_class: what newer writers say instead */
    }
}

static void remember_plugin(struct tfevents *t, struct summary_value *v)
{
    struct tag *tag = NULL;
    size_t n = strlen(v->tag);
    HASH_FIND(hh, t->tags, v->tag, n, tag);
    if (tag && v->plugin == PLUGIN_NONE) {
        v->plugin = tag->plugin;
    } else if (tag) {
        tag->plugin = v->plugin;
    } else if (v->plugin != PLUGIN_NONE && HASH_COUNT(t->tags) < TAGS_MAX) {
        tag = mem_zero(1, sizeof *tag + n + 1);
        tag->plugin = v->plugin;
        memcpy(tag->name, v->tag, n);
        HASH_ADD(hh, t->tags, name, n, tag);
    }
}

struct text_place {
    struct tfevents *t;
    int64_t time;
};

static void tensor_text(void *ctx, const uint8_t *p, size_t n)
{
    struct text_place *at = ctx;
    if (n)
        sink_text(at->t->sink, at->t->trial, "log", at->time, (const char *)p, n);
}

static const char *take_tensor(struct tfevents *t, const struct summary_value *v, const struct moment *m)
{
    double number;
    struct wire tensor = wire_within(&v->tensor);
    if (v->plugin == PLUGIN_TEXT) {
        struct text_place at = {t, m->time};
        tensor_strings(tensor, tensor_text, &at);
    } else if (v->plugin <= PLUGIN_SCALARS && tensor_scalar(tensor, &number)) {
        sink_point(t->sink, t->trial, v->tag, m->step, m->time, number);
        return "tensor_scalar";
    }
    return "tensor";
}

static void take_value(struct tfevents *t, struct wire w, const struct moment *m)
{
    static const char *const others[] = {[3] = "histo", [4] = "image", [5] = "histo", [6] = "audio"};
    struct wire_field f;
    struct summary_value v = {.tag = ""};
    while (wire_next(&w, &f)) {
        if (f.number == 1 && f.type == WIRE_BYTES)
            v.tag = wire_text(&f, &t->name);
        else if (f.number == 2)
            v.simple = f;
        else if (f.number == 8)
            v.tensor = f;
        else if (f.number == 9)
            read_metadata(wire_within(&f), &v);
        else if (f.number >= 3 && f.number <= 6)
            v.other = others[f.number];
    }
    if (w.bad)
        return;
    remember_plugin(t, &v);
    const char *what = v.other ? v.other : "other";
    if (v.simple.number) {
        sink_point(t->sink, t->trial, v.tag, m->step, m->time, wire_double(&v.simple));
        what = "simple_value";
    } else if (v.plugin == PLUGIN_HPARAMS) {
        hparams(t, wire_within(&v.content));
    } else if (v.tensor.number) {
        what = take_tensor(t, &v, m);
    }
    sink_record(t->sink, what);
}

/* The moment may stand behind the values. */
static void take_event(struct tfevents *t, const uint8_t *p, size_t n)
{
    struct wire w = wire_open(p, n);
    struct wire_field f, in;
    struct moment m = {.step = 0, .time = READ_NO_TIME};
    while (wire_next(&w, &f)) {
        if (f.number == 1 && f.type == WIRE_FIXED64)
            m.time = read_seconds(wire_double(&f));
        else if (f.number == 2)
            m.step = (int64_t)f.v;
    }
    sink_record(t->sink, "event");
    w = wire_open(p, n);
    while (wire_next(&w, &f)) {
        struct wire summary = wire_within(&f);
        while (f.number == 5 && wire_next(&summary, &in))
            if (in.number == 1)
                take_value(t, wire_within(&in), &m);
        if (f.number == 4 || f.number == 9)
            sink_record(t->sink, f.number == 4 ? "graph_def" : "meta_graph_def");
    }
}

/* ---- the file ---- */

static bool claim(const struct read_probe *p, struct read_claim *c)
{
    /* a record of 8 + 4 bytes, then the first field of an event: wall_time */
    bool head = p->head_n >= 13 && crc32c_masked(p->head, 8) == wire_u32(p->head + 8);
    if (!strstr(p->base, "tfevents") && !(p->named && head))
        return false;
    c->kind = READ_STREAM;
    probe_folder(p, 0, c->key, sizeof c->key);
    return true;
}

static void *open_file(const struct read_open *o)
{
    struct tfevents *t = MEM_NEW(struct tfevents);
    t->sink = o->sink;
    t->trial = sink_trial(o->sink, o->key);
    return t;
}

static size_t feed(void *self, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st)
{
    struct tfevents *t = self;
    size_t done = 0;
    while (n - done >= 12) {
        const uint8_t *r = p + done;
        uint64_t len = wire_u64(r);
        if (crc32c_masked(r, 8) != wire_u32(r + 8) || len > READ_RECORD_MAX) {
            read_stop_at(st, false, at + (int64_t)done, "the length of a record fails its checksum");
            return done;
        }
        if (n - done < 16 + len)
            break;
        if (crc32c_masked(r + 12, (size_t)len) == wire_u32(r + 12 + len))
            take_event(t, r + 12, (size_t)len);
        else
            st->skipped++;
        done += 16 + (size_t)len;
    }
    if (last && done < n)
        read_stop_at(st, true, at + (int64_t)done, "the file ends inside a record");
    return done;
}

static void close_file(void *self)
{
    struct tfevents *t = self;
    struct tag *tag, *next;
    HASH_ITER(hh, t->tags, tag, next)
    {
        HASH_DEL(t->tags, tag);
        free(tag);
    }
    buf_release(&t->name);
    buf_release(&t->text);
    free(t);
}

const struct read_format read_tfevents = {
    .name = "tfevents",
    .text = "TensorBoard event files: scalars of TensorFlow 1 and 2, PyTorch, JAX; text; hparams",
    .claim = claim,
    .open = open_file,
    .feed = feed,
    .close = close_file,
};
