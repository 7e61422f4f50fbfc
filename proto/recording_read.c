/* recording_read: the reading half of recording.h: MCAP messages back into events. Payloads are validated
 * before anybody sees them; kinds that this version does not know are passed over. */
#include "proto/recording.h"

#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "proto/mcap_read.h"
#include "proto/recording_file.h"
#include "proto/recording_unfold.h"

#define SNIFF 256 /* records in which a recording without its profile must show a channel of ours */

struct recording_reader {
    struct mcap_reader *m;
    struct rec_unfold *u;
    uint8_t kinds[MCAP_CHANNELS]; /* event kind of each channel id */
    uint64_t from;                /* events before this log time are passed over; 0 once one was found */
    int64_t bad_events, bad_bytes;
};
_Static_assert(EV_COUNT <= UINT8_MAX, "a kind fits a byte");

static void learn(struct recording_reader *r, const struct mcap_record *rec)
{
    struct mcap_channel c;
    if (rec->op == MCAP_CHANNEL && mcap_parse_channel(&c, rec->body, rec->n))
        r->kinds[c.id] = (uint8_t)rec_channel_kind(&c);
}

/* The profile says so, or (its record may be damaged) a channel of ours comes early. */
static bool is_ours(struct recording_reader *r, char **cause)
{
    struct mcap_record rec;
    struct mcap_header h;
    for (int i = 0; i < SNIFF; i++) {
        int got = mcap_next(r->m, &rec, cause);
        if (got <= 0)
            return false;
        if (rec.op == MCAP_HEADER && mcap_parse_header(&h, rec.body, rec.n) &&
            span_eq(h.profile, REC_PROFILE))
            return true;
        struct mcap_channel c;
        if (rec.op == MCAP_CHANNEL && mcap_parse_channel(&c, rec.body, rec.n) &&
            rec_channel_kind(&c) != EV_UNKNOWN)
            return true;
    }
    return false;
}

struct recording_reader *rec_open(const char *path, char **cause)
{
    struct mcap_reader *m = mcap_open(path, 0, cause);
    if (!m)
        return NULL;
    struct recording_reader *r = MEM_NEW(struct recording_reader);
    r->m = m;
    r->u = rec_unfold_new(m);
    char *why = NULL;
    if (!is_ours(r, &why)) {
        if (why)
            cause_set(cause, "%s", why);
        else
            cause_set(
                cause,
                "%s: an MCAP file, but no hypertop recording (hypertop dump --records shows what is in it)",
                path);
        free(why);
        rec_close(r);
        return NULL;
    }
    mcap_rewind(m);
    return r;
}

void rec_close(struct recording_reader *r)
{
    if (!r)
        return;
    rec_unfold_free(r->u);
    mcap_close(r->m);
    free(r);
}

/* Whether the message is an event for the caller. */
static bool to_event(struct recording_reader *r, const struct mcap_message *m, struct event *ev)
{
    enum event_kind k = r->kinds[m->channel_id];
    if (k == EV_UNKNOWN || m->log_time < r->from)
        return false;
    struct codec_reader in;
    cr_init(&in, m->data.p, m->data.n);
    if (m->log_time > INT64_MAX || m->publish_time > INT64_MAX || cr_peek(&in) != CT_MAP ||
        !codec_valid(m->data.p, m->data.n, NULL)) {
        r->bad_events++;
        r->bad_bytes += (int64_t)m->data.n;
        return false;
    }
    r->from = 0;
    *ev = (struct event){k, (int64_t)m->log_time, (int64_t)m->publish_time, m->data};
    return true;
}

int rec_next(struct recording_reader *r, struct event *ev, char **cause)
{
    struct mcap_record rec;
    struct mcap_message m;
    for (;;) {
        int got = rec_unfold_next(r->u, &rec, &m, cause);
        if (got <= 0)
            return got;
        if (rec.op == MCAP_CHANNEL)
            learn(r, &rec);
        else if (rec.op == MCAP_MESSAGE && to_event(r, &m, ev))
            return 1;
    }
}

int rec_seek(struct recording_reader *r, int64_t t, char **cause)
{
    (void)cause;
    r->from = t > 0 ? (uint64_t)t : 0;
    if (t <= 0 || !mcap_seek(r->m, (uint64_t)t))
        mcap_rewind(r->m);
    rec_unfold_reset(r->u);
    return 0;
}

void rec_damage(const struct recording_reader *r, struct rec_damage *out)
{
    size_t n;
    const struct mcap_damage *d = mcap_damages(r->m, &n);
    *out = (struct rec_damage){.bytes_lost = r->bad_bytes, .events_skipped = r->bad_events};
    for (size_t i = 0; i < n; i++) {
        out->chunks_skipped += d[i].chunk;
        out->bytes_lost += (int64_t)d[i].bytes;
    }
    out->truncated_at = mcap_torn_at(r->m, NULL);
    if (out->truncated_at >= 0)
        out->bytes_lost += (int64_t)mcap_size(r->m) - out->truncated_at;
}

uint8_t *rec_attachment(const char *path, const char *name, size_t *n)
{
    struct mcap_reader *m = mcap_open(path, MCAP_SKIP_CHUNKS | MCAP_WITH_CHUNKS, NULL);
    struct mcap_record rec;
    struct mcap_attachment a;
    uint8_t *out = NULL;
    while (m && !out && mcap_next(m, &rec, NULL) == 1 &&
           rec.op != MCAP_CHUNK) /* they stand before the first event */
        if (rec.op == MCAP_ATTACHMENT && mcap_parse_attachment(&a, rec.body, rec.n) &&
            span_eq(a.name, name)) {
            out = (uint8_t *)mem_strn(a.data.p, a.data.n);
            *n = a.data.n;
        }
    mcap_close(m);
    return out;
}
