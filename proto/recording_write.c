/* recording_write: the writing half of recording.h: events into chunks, chunks into the file.
 *
 * The building side owns `pending`, `groups`, `seq` and `last_time`; the file side owns the rest; `durable`
 * and `bytes` are read by anybody. Chunks that are written but not synced are kept (compressed) until the
 * sync, because after a failed sync memory is the only place where they are. */
#include "proto/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "proto/mcap_write.h"
#include "proto/recording_file.h"

struct rec_chunk {
    struct mcap_builder b;
    uint64_t kinds; /* bit per kind whose channel record is in the chunk */
    uint64_t seq;
    size_t bytes;
    struct buf encoded; /* once compressed; b is empty from then on */
    struct rec_chunk *next;
};
_Static_assert(EV_COUNT <= 64, "kinds has a bit for each");
_Static_assert((int)REC_FULL == (int)MCAP_FULL && (int)REC_DEAD == (int)MCAP_DEAD, "one status, two names");

struct rec_writer {
    /* fixed while it is open */
    uint16_t channel[EV_COUNT];
    bool unsynced;
    /* building side */
    struct rec_chunk *pending;
    int groups;
    uint64_t seq;
    int64_t last_time;
    /* file side */
    struct mcap_writer *file;
    struct mcap_encoder *encoder;
    struct rec_chunk *kept, **kept_end; /* written, not synced */
    uint64_t written;                   /* sequence number up to which events are in the file */
    /* everybody */
    uint64_t durable;
    int64_t bytes;
};

#define REC_LEVEL 1

struct rec_writer *rec_writer_new(struct mcap_writer **file, bool unsynced, int level)
{
    struct rec_writer *w = MEM_NEW(struct rec_writer);
    w->file = *file;
    *file = NULL;
    w->unsynced = unsynced;
    w->encoder = mcap_encoder_new(level ? level : REC_LEVEL);
    w->kept_end = &w->kept;
    w->bytes = (int64_t)w->file->offset;
    return w;
}

void rec_writer_channels(struct rec_writer *w)
{
    bool *taken = mem_zero(MCAP_CHANNELS, sizeof *taken);
    struct mcap_channel c;
    for (uint32_t id = 0; id < MCAP_CHANNELS; id++)
        if (mcap_index_find_channel(&w->file->index, (uint16_t)id, &c)) {
            taken[id] = true;
            enum event_kind k = rec_channel_kind(&c);
            if (k != EV_UNKNOWN && !rec_channel_merged(&c))
                w->channel[k] = (uint16_t)id;
        }
    uint16_t next = 1;
    for (enum event_kind k = EV_UNKNOWN + 1; k < EV_COUNT; k++) {
        if (w->channel[k])
            continue;
        while (taken[next])
            next++;
        taken[next] = true;
        w->channel[k] = next;
    }
    free(taken);
}

void rec_writer_continue(struct rec_writer *w, uint64_t seq, int64_t last_time)
{
    w->seq = w->written = w->durable = seq;
    w->last_time = last_time;
}

/* ---- creating ---- */

static enum mcap_status put_preface(struct mcap_writer *file, const struct rec_header *h, char **cause)
{
    struct buf map = {0};
    char created[32];
    snprintf(created, sizeof created, "%lld", (long long)h->created);
    mo_str(&map, span_of("sweep"));
    mo_str(&map, span_of(h->sweep ? h->sweep : ""));
    mo_str(&map, span_of("version"));
    mo_str(&map, span_of(HYPERTOP_VERSION));
    mo_str(&map, span_of("created"));
    mo_str(&map, span_of(created));
    struct mcap_metadata m = {span_of(REC_PROFILE), {(const char *)map.data, map.len}};
    enum mcap_status s = mcap_write_metadata(file, &m, cause);
    buf_release(&map);
    struct mcap_attachment a = {.log_time = (uint64_t)h->created, .create_time = (uint64_t)h->created};
    if (s == MCAP_OK && h->yaml) {
        a.name = span_of("sweep.yaml");
        a.media_type = span_of("application/yaml");
        a.data = (struct span){h->yaml, h->yaml_n};
        s = mcap_write_attachment(file, &a, cause);
    }
    if (s == MCAP_OK && h->environment) {
        a.name = span_of("environment.json");
        a.media_type = span_of("application/json");
        a.data = (struct span){h->environment, h->environment_n};
        s = mcap_write_attachment(file, &a, cause);
    }
    return s;
}

/* The file gets its name when it is whole: whoever finds a recording finds at least its header. */
struct rec_writer *rec_create(const char *path, const struct rec_header *h, char **cause)
{
    struct buf unnamed = {0};
    buf_printf(&unnamed, "%s.new", path);
    unlink(buf_cstr(&unnamed)); /* of a hub that died here */
    struct mcap_writer *file = mcap_create(buf_cstr(&unnamed), REC_PROFILE, REC_LIBRARY, cause);
    if (file && (put_preface(file, h, cause) != MCAP_OK || mcap_sync(file, cause) != MCAP_OK ||
                 mcap_rename(file, path, cause) != MCAP_OK || mcap_sync_directory(path, cause) < 0)) {
        unlink(file->path); /* nothing in it was promised to anybody */
        mcap_close_writer(&file);
    }
    buf_release(&unnamed);
    if (!file)
        return NULL;
    struct rec_writer *w = rec_writer_new(&file, h->unsynced, h->level);
    rec_writer_channels(w);
    return w;
}

/* ---- building side ---- */

enum event_kind rec_channel_kind(const struct mcap_channel *c)
{
    if (c->topic.n < 2 || c->topic.p[0] != '/' || !span_eq(c->message_encoding, REC_ENCODING))
        return EV_UNKNOWN;
    return event_parse((struct span){c->topic.p + 1, c->topic.n - 1});
}

struct span rec_merged_metadata(void)
{
    static const char map[] = "\x07\0\0\0batches\x06\0\0\0merged";
    return (struct span){map, sizeof map - 1};
}

bool rec_channel_merged(const struct mcap_channel *c)
{
    struct span want = rec_merged_metadata();
    return c->metadata.n == want.n && memcmp(c->metadata.p, want.p, want.n) == 0 &&
           rec_channel_kind(c) == EV_POINTS;
}

/* The channel record of a kind; topic must hold 64 bytes and outlive c. */
static struct mcap_channel channel_of(const struct rec_writer *w, enum event_kind k, char *topic)
{
    snprintf(topic, 64, "/%s", event_name(k));
    return (struct mcap_channel){w->channel[k], 0, span_of(topic), span_of(REC_ENCODING), span_of("")};
}

uint64_t rec_put(struct rec_writer *w, enum event_kind kind, int64_t log_time, int64_t time, struct span body)
{
    if (kind <= EV_UNKNOWN || kind >= EV_COUNT || body.n > REC_EVENT_MAX)
        return 0;
    if (!w->pending)
        w->pending = MEM_NEW(struct rec_chunk);
    struct rec_chunk *c = w->pending;
    if (c->b.records.len + body.n > REC_CHUNK_MAX)
        return 0;
    if (!(c->kinds >> kind & 1)) {
        char topic[64];
        struct mcap_channel channel = channel_of(w, kind, topic);
        mcap_put_channel(&c->b.records, &channel);
        c->kinds |= UINT64_C(1) << kind;
    }
    if (log_time > w->last_time)
        w->last_time = log_time;
    c->seq = ++w->seq;
    struct mcap_message m = {w->channel[kind], (uint32_t)w->seq, (uint64_t)w->last_time,
                             time > 0 ? (uint64_t)time : 0, body};
    mcap_builder_message(&c->b, &m);
    return w->seq;
}

void rec_group_begin(struct rec_writer *w)
{
    w->groups++;
}

void rec_group_end(struct rec_writer *w)
{
    w->groups--;
}

size_t rec_pending(const struct rec_writer *w)
{
    return w->pending ? w->pending->b.records.len : 0;
}

uint64_t rec_seq(const struct rec_writer *w)
{
    return w->seq;
}

struct rec_chunk *rec_take_chunk(struct rec_writer *w)
{
    if (!w->pending || w->groups > 0)
        return NULL;
    struct rec_chunk *c = w->pending;
    w->pending = NULL;
    c->bytes = c->b.records.len;
    return c;
}

uint64_t rec_chunk_seq(const struct rec_chunk *c)
{
    return c->seq;
}

size_t rec_chunk_bytes(const struct rec_chunk *c)
{
    return c->bytes;
}

void rec_chunk_free(struct rec_chunk *c)
{
    if (!c)
        return;
    mcap_builder_release(&c->b);
    buf_release(&c->encoded);
    free(c);
}

/* ---- file side ---- */

static void define_channels(struct rec_writer *w, const struct rec_chunk *c)
{
    for (enum event_kind k = EV_UNKNOWN + 1; k < EV_COUNT; k++) {
        char topic[64];
        if (!(c->kinds >> k & 1))
            continue;
        struct mcap_channel channel = channel_of(w, k, topic);
        mcap_index_channel(&w->file->index, &channel);
    }
}

static void drop_kept(struct rec_writer *w)
{
    while (w->kept) {
        struct rec_chunk *c = w->kept;
        w->kept = c->next;
        rec_chunk_free(c);
    }
    w->kept_end = &w->kept;
}

static void all_durable(struct rec_writer *w)
{
    drop_kept(w);
    __atomic_store_n(&w->durable, w->written, __ATOMIC_RELEASE);
}

enum rec_status rec_write_chunk(struct rec_writer *w, struct rec_chunk **chunk, char **cause)
{
    struct rec_chunk *c = *chunk;
    if (!c->encoded.len) {
        mcap_encode(w->encoder, &c->b, &c->encoded);
        mcap_builder_release(&c->b);
    }
    enum mcap_status s = mcap_write_encoded(w->file, &c->encoded, cause);
    if (s != MCAP_OK)
        return (enum rec_status)s;
    *chunk = NULL;
    define_channels(w, c);
    w->written = c->seq;
    __atomic_store_n(&w->bytes, (int64_t)w->file->offset, __ATOMIC_RELAXED);
    *w->kept_end = c;
    w->kept_end = &c->next;
    if (w->unsynced) {
        w->file->synced = w->file->offset;
        w->file->synced_crc = w->file->crc;
        all_durable(w);
    }
    return REC_OK;
}

enum rec_status rec_sync(struct rec_writer *w, char **cause)
{
    enum mcap_status s = mcap_sync(w->file, cause);
    if (s == MCAP_OK)
        all_durable(w);
    return (enum rec_status)s;
}

uint64_t rec_durable(const struct rec_writer *w)
{
    return __atomic_load_n(&w->durable, __ATOMIC_ACQUIRE);
}

int64_t rec_file_bytes(const struct rec_writer *w)
{
    return __atomic_load_n(&w->bytes, __ATOMIC_RELAXED);
}

enum rec_status rec_rescue(struct rec_writer *w, char **cause)
{
    size_t n = 0;
    for (struct rec_chunk *c = w->kept; c; c = c->next)
        n++;
    const struct buf **tail = mem_zero(n, sizeof *tail);
    n = 0;
    for (struct rec_chunk *c = w->kept; c; c = c->next)
        tail[n++] = &c->encoded;
    enum mcap_status s = mcap_rescue(w->file, tail, n, cause);
    free(tail);
    if (s == MCAP_OK)
        all_durable(w);
    return (enum rec_status)s;
}

/* ---- ending ---- */

void rec_abandon(struct rec_writer **writer)
{
    struct rec_writer *w = *writer;
    if (!w)
        return;
    drop_kept(w);
    rec_chunk_free(w->pending);
    mcap_encoder_free(w->encoder);
    mcap_close_writer(&w->file);
    free(w);
    *writer = NULL;
}

int rec_finish(struct rec_writer **writer, char **cause)
{
    struct rec_writer *w = *writer;
    struct rec_chunk *c = rec_take_chunk(w);
    enum rec_status s = REC_OK;
    if (c)
        s = rec_write_chunk(w, &c, cause);
    if (s == REC_OK)
        s = (enum rec_status)mcap_finish(w->file, cause);
    rec_chunk_free(c);
    rec_abandon(writer);
    return s == REC_OK ? 0 : -1;
}
