#include "agent/feed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/gather.h"
#include "agent/records.h"
#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"
#include "proto/endpoint.h"

#define EMIT_NS      (20 * CLOCK_MS)  /* an event waits this long for company */
#define EMIT_AWAY_NS (500 * CLOCK_MS) /* while there is no hub */
#define EMIT_BYTES   (256 << 10)
#define FLIGHT_BYTES (16 << 20)       /* sent and not acknowledged */
#define RECORDS_TURN 4096             /* control records taken in one turn */
#define GATHERS_TURN 4                /* full batches of points built in one turn */

/* ---- opening ---- */

char *feed_spill_path(const char *ring_path, char **cause)
{
    char *dir = endpoint_data_dir(cause);
    if (!dir)
        return NULL;
    const char *slash = strrchr(ring_path, '/'), *name = slash ? slash + 1 : ring_path;
    struct buf b = {0};
    buf_printf(&b, "%s/spill", dir);
    free(dir);
    if (mkdir(buf_cstr(&b), 0700) != 0 && errno != EEXIST) {
        cause_set(cause, "%s: %s", buf_cstr(&b), strerror(errno));
        buf_release(&b);
        return NULL;
    }
    const char *dot = strstr(name, ".ring");
    buf_printf(&b, "/%.*s.spill", dot ? (int)(dot - name) : (int)strlen(name), name);
    return buf_take(&b);
}

static struct feed *feed_new(void)
{
    struct feed *f = MEM_NEW(struct feed);
    f->spill.fd = -1;
    f->gather = gather_new();
    f->run = -1;
    f->next_seq = 1;
    f->away = true;
    f->opened = clock_mono_ns();
    return f;
}

/* The ring's owner word is the lock: whoever puts himself there in place of nobody or of a dead process drains it. */
static int take_ring(struct feed *f, const char *path, char **cause)
{
    char why[RING_WHY];
    if (ring_open(&f->ring, path, why) != 0)
        return cause_set(cause, "%s", why);
    uint64_t self = ring_process_self(), owner = atomic_load(&f->ring.h->owner);
    if ((owner != self && ring_process_alive(owner)) || !atomic_compare_exchange_strong(&f->ring.h->owner, &owner, self)) {
        cause_set(cause, "%s: process %d drains this ring", path, ring_process_pid(owner));
        ring_unmap(&f->ring);
        return -1;
    }
    f->ring_path = mem_str(path);
    return 0;
}

static void take_identity(struct feed *f, struct spill_identity *id)
{
    const struct ring_header *h = f->ring.h;
    *id = (struct spill_identity){.run = h->run, .epoch = h->epoch, .trial = h->trial,
                                  .leased = h->leased};
    id->pid = ring_process_pid(atomic_load(&f->ring.h->trainer));
    memcpy(id->program, h->program, sizeof id->program - 1);
    memcpy(id->hub, h->hub, sizeof id->hub - 1);
}

static void go_on_from(struct feed *f)
{
    uint64_t last = spill_last(&f->spill);
    if (f->next_seq <= last)
        f->next_seq = last + 1;
    if (f->run < 0 && f->spill.id.run >= 0) {
        f->run = f->spill.id.run;
        f->epoch = f->spill.id.epoch;
    }
}

struct feed *feed_open(const char *ring_path, char **cause)
{
    struct feed *f = feed_new();
    struct spill_identity id;
    char *spill_path = NULL;
    if (take_ring(f, ring_path, cause) != 0 || !(spill_path = feed_spill_path(ring_path, cause))) {
        feed_free(f);
        return NULL;
    }
    take_identity(f, &id);
    spill_init(&f->spill, spill_path, &id);
    free(spill_path);
    f->run = id.run;
    f->epoch = id.epoch;
    f->next_seq = atomic_load(&f->ring.h->next_seq);
    if (spill_adopt(&f->spill, cause) < 0) {
        feed_free(f);
        return NULL;
    }
    go_on_from(f);
    return f;
}

struct feed *feed_open_spill(const char *spill_path, char **cause)
{
    struct feed *f = feed_new();
    struct spill_identity none = {.run = -1};
    spill_init(&f->spill, spill_path, &none);
    int rc = spill_adopt(&f->spill, cause);
    if (rc <= 0) {
        if (rc == 0)
            cause_set(cause, "%s: %s", spill_path, strerror(ENOENT));
        feed_free(f);
        return NULL;
    }
    f->ended = true;
    go_on_from(f);
    return f;
}

void feed_free(struct feed *f)
{
    if (!f)
        return;
    if (f->ring.h) {
        uint64_t self = ring_process_self();
        atomic_compare_exchange_strong(&f->ring.h->owner, &self, 0);
    }
    ring_unmap(&f->ring);
    free(f->ring_path);
    spill_release(&f->spill);
    gather_free(f->gather);
    buf_release(&f->plain);
    buf_release(&f->kept);
    free(f);
}

void feed_discard(struct feed *f)
{
    spill_discard(&f->spill);
    if (f->ring_path) {
        char *slash = strrchr(f->ring_path, '/');
        unlink(f->ring_path);
        if (slash && slash != f->ring_path) { /* the directory goes with its last ring; it is made again when needed */
            *slash = '\0';
            rmdir(f->ring_path);
            *slash = '/';
        }
    }
}

void feed_attached(struct feed *f, int64_t run, int64_t epoch, int64_t trial)
{
    if (f->run >= 0 && (f->run != run || f->epoch != epoch)) /* the hub has closed the run that this was */
        spill_discard(&f->spill);
    f->run = run;
    f->epoch = epoch;
    f->attached = true;
    struct spill_identity id = f->spill.id;
    id.run = run;
    id.epoch = epoch;
    id.trial = trial;
    if (f->ring.h) {
        f->ring.h->run = run;
        f->ring.h->epoch = epoch;
        f->ring.h->trial = trial;
        int pid = ring_process_pid(atomic_load(&f->ring.h->trainer));
        id.pid = pid ? pid : id.pid;
    }
    spill_identify(&f->spill, &id);
    f->sent = f->acked;
    f->away = false;
}

void feed_detached(struct feed *f)
{
    f->attached = false;
    f->away = true;
}

/* ---- from the ring to batches ---- */

static void due(struct feed *f)
{
    if (!f->emit_due)
        f->emit_due = clock_mono_ns() + (f->away ? EMIT_AWAY_NS : EMIT_NS);
}

static void put_batch(struct feed *f, struct buf *b, uint32_t events, uint32_t points, bool plain)
{
    struct batch batch = {.seq = f->next_seq++, .events = events, .points = points, .plain = plain, .data = b->data,
                          .len = (uint32_t)b->len};
    if (f->ring.h)
        atomic_store(&f->ring.h->next_seq, f->next_seq);
    spill_put(&f->spill, &batch, f->away);
    buf_clear(b);
}

void feed_flush(struct feed *f)
{
    if (f->n_kept)
        put_batch(f, &f->kept, f->n_kept, 0, false);
    f->n_kept = 0;
    uint32_t points = gather_waiting(f->gather);
    uint32_t events = f->n_plain + gather_emit(f->gather, &f->plain);
    if (events)
        put_batch(f, &f->plain, events, points + f->plain_lines, true);
    f->n_plain = f->plain_lines = 0;
    f->emit_due = 0;
}

static struct codec_writer *event_begin(struct feed *f, bool plain, struct codec_writer *w, const char *kind, int64_t time)
{
    struct buf *b = plain ? &f->plain : &f->kept;
    if (b->len > EMIT_BYTES)
        feed_flush(f);
    if (plain)
        f->n_plain++;
    else
        f->n_kept++;
    due(f);
    cw_init(w, b);
    cw_array(w, 3);
    cw_str(w, kind);
    cw_int(w, time);
    return w;
}

static void take_records(struct feed *f, bool dead)
{
    static uint8_t payload[RING_PAYLOAD];
    struct ring_record r;
    struct codec_writer w;
    for (int i = 0; i < RECORDS_TURN && ring_record_take(&f->ring, &r, payload, dead, &f->torn); i++) {
        struct record_view v;
        if (!record_view(&v, &r, payload))
            continue;
        if (v.pause_state) {
            feed_state(f, v.pause_state, -1, -1, 0, NULL);
            if (v.command == 0)
                continue;
        }
        if (r.kind == RR_ANSWER)
            feed_settle(f, v.command, v.stop);
        f->plain_lines += r.kind == RR_TEXT;
        record_write(event_begin(f, r.kind == RR_TEXT, &w, v.event, r.time), &v);
    }
}

/* What the ring and the spill had to drop, said at most once a second. */
static void say_dropped(struct feed *f, int64_t now, bool last)
{
    if (now < f->drop_due && !last)
        return;
    f->drop_due = now + CLOCK_S;
    f->lost += spill_take_dropped(&f->spill);
    if (f->ring.h)
        f->ring_dropped = ring_dropped(&f->ring) + atomic_load(&f->ring.h->torn);
    uint64_t all = f->ring_dropped + f->torn + f->lost;
    if (all <= f->said)
        return;
    struct codec_writer w;
    event_begin(f, false, &w, "run_state", clock_wall_ns());
    cw_map(&w, 2);
    cw_kstr(&w, "state", "dropped");
    cw_kint(&w, "points", (int64_t)(all - f->said));
    f->said = all;
}

double feed_turn(struct feed *f, bool dead, int64_t now)
{
    double fill = 0;
    if (f->ring.h) {
        fill = ring_fill(&f->ring);
        take_records(f, dead);
        for (int i = 0; i < GATHERS_TURN; i++) {
            if (gather_drain(f->gather, &f->ring, dead, &f->torn))
                due(f);
            if (gather_waiting(f->gather) < GATHER_MAX)
                break;
            feed_flush(f);
        }
    }
    say_dropped(f, now, false);
    if ((f->emit_due && now >= f->emit_due) || f->plain.len > EMIT_BYTES)
        feed_flush(f);
    return fill;
}

/* ---- to the hub ---- */

void feed_send(struct feed *f, struct line *l)
{
    struct batch b;
    size_t flight = 0;
    if (!f->attached || !line_is_up(l))
        return;
    for (uint64_t seq = f->acked; seq < f->sent && spill_next(&f->spill, seq, &b) && b.seq <= f->sent; seq = b.seq)
        flight += b.len;
    while (f->sent - f->acked < MSG_WINDOW && flight < FLIGHT_BYTES && spill_next(&f->spill, f->sent, &b)) {
        struct codec_writer w = line_begin(l, MSG_DATA, NULL);
        cw_map(&w, 4);
        cw_kint(&w, "run", f->run);
        cw_kint(&w, "epoch", f->epoch);
        cw_kint(&w, "seq", (int64_t)b.seq);
        cw_str(&w, "events");
        cw_array(&w, b.events);
        cw_raw(&w, b.data, b.len);
        if (line_send(l) != 0)
            return;
        f->sent = b.seq;
        flight += b.len;
    }
}

void feed_ack(struct feed *f, uint64_t seq)
{
    if (seq >= f->next_seq)
        return; /* nonsense: nothing like that was sent */
    if (seq > f->acked)
        f->acked = seq;
    if (f->sent < f->acked)
        f->sent = f->acked;
    spill_ack(&f->spill, f->acked);
}

bool feed_waiting(const struct feed *f)
{
    return f->sent > f->acked && !spill_empty(&f->spill);
}

bool feed_delivered(const struct feed *f)
{
    return spill_empty(&f->spill) && !f->n_kept && !f->n_plain && !gather_waiting(f->gather) &&
           (!f->ring.h || ring_drained(&f->ring));
}

int feed_store(struct feed *f, char **cause)
{
    feed_flush(f);
    return spill_store(&f->spill, cause);
}

/* ---- facts of the worker's own ---- */

void feed_state(struct feed *f, const char *state, int64_t pid, int64_t code, int signal, const char *message)
{
    struct codec_writer w;
    event_begin(f, false, &w, "run_state", clock_wall_ns());
    cw_map(&w, 1 + (pid >= 0) + (code >= 0) + (signal > 0) + (message && *message));
    cw_kstr(&w, "state", state);
    if (pid >= 0)
        cw_kint(&w, "pid", pid);
    if (code >= 0)
        cw_kint(&w, "exit", code);
    if (signal > 0)
        cw_kint(&w, "signal", signal);
    if (message && *message)
        cw_kstr(&w, "message", message);
}

void feed_text(struct feed *f, const char *stream, int64_t time, const void *text, size_t n)
{
    struct codec_writer w;
    event_begin(f, true, &w, "text", time);
    cw_map(&w, 2);
    cw_kstr(&w, "stream", stream);
    cw_str(&w, "text");
    cw_strn(&w, text, n);
    f->plain_lines++;
}

void feed_answer(struct feed *f, int64_t command, const char *state, const char *message)
{
    struct codec_writer w;
    if (!command)
        return;
    event_begin(f, false, &w, "command", clock_wall_ns());
    cw_map(&w, message ? 3 : 2);
    cw_kint(&w, "command", command);
    cw_kstr(&w, "state", state);
    if (message)
        cw_kstr(&w, "message", message);
}
