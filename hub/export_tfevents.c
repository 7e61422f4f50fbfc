/* export_tfevents: TensorBoard event files: every point of a run as a simple_value at its own time, its parameters through the
 * plugin "hparams". A point's value has the precision that TensorBoard knows: a float. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "hub/export_parts.h"
#include "read/crc32c.h"

/* ---- protobuf out ---- */

static void varint(struct buf *b, uint64_t v)
{
    for (; v > 127; v >>= 7)
        buf_putc(b, (int)(v & 127) | 128);
    buf_putc(b, (int)v);
}

static void bytes(struct buf *b, int field, const void *p, size_t n)
{
    varint(b, (uint64_t)field << 3 | 2);
    varint(b, n);
    buf_put(b, p, n);
}

static void text(struct buf *b, int field, const char *s)
{
    bytes(b, field, s, strlen(s));
}

static void little(struct buf *b, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        buf_putc(b, (int)(v >> 8 * i & 255));
}

static void fixed64(struct buf *b, int field, double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    varint(b, (uint64_t)field << 3 | 1);
    little(b, bits, 8);
}

static void fixed32(struct buf *b, int field, float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    varint(b, (uint64_t)field << 3 | 5);
    little(b, bits, 4);
}

static void nested(struct buf *b, int field, struct buf *inner)
{
    bytes(b, field, inner->data ? inner->data : (const uint8_t *)"", inner->len);
    buf_release(inner);
}

static void put_record(FILE *f, struct buf *event)
{
    struct buf head = {0};
    little(&head, event->len, 8);
    little(&head, crc32c_masked(head.data, 8), 4);
    fwrite(head.data, 1, head.len, f);
    fwrite(event->data, 1, event->len, f);
    buf_clear(&head);
    little(&head, crc32c_masked(event->data, event->len), 4);
    fwrite(head.data, 1, head.len, f);
    buf_release(&head);
    buf_release(event);
}

static struct buf begin_event(int64_t time, int64_t step)
{
    struct buf b = {0};
    fixed64(&b, 1, (double)time / 1e9);
    varint(&b, 2 << 3);
    varint(&b, (uint64_t)step);
    return b;
}

/* ---- parameters ---- */

static void put_value(struct buf *b, struct span raw)
{
    struct codec_reader r;
    cr_init(&r, raw.p, raw.n);
    enum codec_type t = cr_peek(&r);
    if (t == CT_INT || t == CT_UINT || t == CT_DOUBLE) {
        fixed64(b, 2, cr_double(&r));
    } else if (t == CT_BOOL) {
        varint(b, 4 << 3);
        varint(b, cr_bool(&r));
    } else if (t == CT_STR) {
        struct span s = cr_str(&r);
        bytes(b, 3, s.p, s.n);
    } else {
        struct buf json = {0};
        struct json_out j;
        jw_open(&j, &json);
        codec_to_json(raw, &j);
        nested(b, 3, &json);
    }
}

/* HParamsPluginData {session_start_info = 3 {hparams = 1 {key, value}, start_time_secs = 5}} */
static void put_hparams(FILE *f, const struct state_trial *t)
{
    struct codec_reader r;
    struct buf info = {0}, plugin = {0}, metadata = {0}, value = {0}, summary = {0}, data = {0};
    cr_init(&r, t->params, t->params_n);
    for (size_t n = cr_map(&r); n > 0 && cr_ok(&r); n--) {
        struct span name = cr_str(&r), raw = cr_value(&r);
        struct buf pair = {0}, v = {0};
        bytes(&pair, 1, name.p, name.n);
        put_value(&v, raw);
        nested(&pair, 2, &v);
        nested(&info, 1, &pair);
    }
    fixed64(&info, 5, (double)t->created / 1e9);
    nested(&data, 3, &info);
    text(&plugin, 1, "hparams");
    nested(&plugin, 2, &data);
    nested(&metadata, 1, &plugin);
    text(&value, 1, "_hparams_/session_start_info");
    nested(&value, 9, &metadata);
    nested(&summary, 1, &value);
    struct buf event = begin_event(t->created, 0);
    nested(&event, 5, &summary);
    put_record(f, &event);
}

/* ---- a run ---- */

static void put_series(FILE *f, const char *name, const struct series *s)
{
    struct series_point p;
    for (uint64_t i = 0; series_at(s, i, &p); i++) {
        struct buf value = {0}, summary = {0}, event = begin_event(p.time, p.step);
        text(&value, 1, name);
        fixed32(&value, 2, (float)p.value);
        nested(&summary, 1, &value);
        nested(&event, 5, &summary);
        put_record(f, &event);
    }
}

static int put_run(const char *folder, const struct state *st, const struct state_run *r)
{
    const struct state_trial *t = state_trial(st, r->trial);
    struct buf path = {0};
    buf_printf(&path, "%s/t%lld", folder, (long long)r->trial);
    if (t->n_runs > 1)
        buf_printf(&path, "-r%lld", (long long)r->run);
    if (mkdir(buf_cstr(&path), 0777) != 0 && errno != EEXIST) {
        buf_release(&path);
        return -1;
    }
    buf_printf(&path, "/events.out.tfevents.%lld.hypertop", (long long)(t->created / CLOCK_S));
    FILE *f = fopen(buf_cstr(&path), "wb");
    buf_release(&path);
    if (!f)
        return -1;
    struct buf first = {0};
    fixed64(&first, 1, (double)t->created / 1e9);
    text(&first, 3, "brain.Event:2");
    put_record(f, &first);
    if (t->params_n > 1)
        put_hparams(f, t);
    const char *objective = st->info.metric ? st->info.metric : "objective";
    for (int i = 0; i < r->n_metrics; i++)
        put_series(f, r->metrics[i].name, state_series_at(&r->metrics[i].takes, STATE_NOW));
    const struct series *reports = state_series_at(&r->reports, STATE_NOW);
    if (reports && !state_metric(r, objective))
        put_series(f, objective, reports);
    bool good = fflush(f) == 0 && !ferror(f);
    return fclose(f) == 0 && good ? 0 : -1;
}

int export_tfevents(const char *folder, const struct state *st)
{
    if (mkdir(folder, 0777) != 0)
        return -1;
    for (int i = 0; i < st->n_runs; i++)
        if (st->runs[i] && state_trial(st, st->runs[i]->trial) && put_run(folder, st, st->runs[i]) != 0)
            return -1;
    return 0;
}
