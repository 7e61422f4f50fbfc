#include "agent/outlet.h"

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
#define FLIGHT_BYTES (16 << 20) /* sent and not acknowledged */
#define RECORDS_TURN 4096       /* control records taken in one turn */
#define GATHERS_TURN 4          /* full batches of points built in one turn */

/* ---- opening ---- */

char *outlet_spill_path(const char *ring_path, char **cause)
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

static struct outlet *outlet_new(void)
{
    struct outlet *ol = MEM_NEW(struct outlet);
    ol->spill.fd = -1;
    ol->gather = gather_new();
    ol->run = -1;
    ol->next_seq = 1;
    ol->away = true;
    ol->opened = clock_mono_ns();
    return ol;
}

/* The ring's owner word is the lock: whoever puts himself there in place of nobody or of a dead process
 * drains it. */
static int take_ring(struct outlet *ol, const char *path, char **cause)
{
    char why[RING_WHY];
    if (ring_open(&ol->ring, path, why) != 0)
        return cause_set(cause, "%s", why);
    uint64_t self = ring_process_self(), owner = atomic_load(&ol->ring.h->owner);
    if ((owner != self && ring_process_alive(owner)) ||
        !atomic_compare_exchange_strong(&ol->ring.h->owner, &owner, self)) {
        cause_set(cause, "%s: process %d drains this ring", path, ring_process_pid(owner));
        ring_unmap(&ol->ring);
        return -1;
    }
    ol->ring_path = mem_str(path);
    return 0;
}

static void take_identity(struct outlet *ol, struct spill_identity *id)
{
    const struct ring_header *h = ol->ring.h;
    *id = (struct spill_identity){.run = h->run, .epoch = h->epoch, .trial = h->trial, .leased = h->leased};
    id->pid = ring_process_pid(atomic_load(&ol->ring.h->trainer));
    memcpy(id->program, h->program, sizeof id->program - 1);
    memcpy(id->hub, h->hub, sizeof id->hub - 1);
}

static void go_on_from(struct outlet *ol)
{
    uint64_t last = spill_last(&ol->spill);
    if (ol->next_seq <= last)
        ol->next_seq = last + 1;
    if (ol->run < 0 && ol->spill.id.run >= 0) {
        ol->run = ol->spill.id.run;
        ol->epoch = ol->spill.id.epoch;
    }
}

struct outlet *outlet_open(const char *ring_path, char **cause)
{
    struct outlet *ol = outlet_new();
    struct spill_identity id;
    char *spill_path = NULL;
    if (take_ring(ol, ring_path, cause) != 0 || !(spill_path = outlet_spill_path(ring_path, cause))) {
        outlet_free(ol);
        return NULL;
    }
    take_identity(ol, &id);
    spill_init(&ol->spill, spill_path, &id);
    free(spill_path);
    ol->run = id.run;
    ol->epoch = id.epoch;
    ol->next_seq = atomic_load(&ol->ring.h->next_seq);
    if (spill_adopt(&ol->spill, cause) < 0) {
        outlet_free(ol);
        return NULL;
    }
    go_on_from(ol);
    return ol;
}

struct outlet *outlet_open_spill(const char *spill_path, char **cause)
{
    struct outlet *ol = outlet_new();
    struct spill_identity none = {.run = -1};
    spill_init(&ol->spill, spill_path, &none);
    int rc = spill_adopt(&ol->spill, cause);
    if (rc <= 0) {
        if (rc == 0)
            cause_set(cause, "%s: %s", spill_path, strerror(ENOENT));
        outlet_free(ol);
        return NULL;
    }
    ol->ended = true;
    go_on_from(ol);
    return ol;
}

void outlet_free(struct outlet *ol)
{
    if (!ol)
        return;
    if (ol->ring.h) {
        uint64_t self = ring_process_self();
        atomic_compare_exchange_strong(&ol->ring.h->owner, &self, 0);
    }
    ring_unmap(&ol->ring);
    free(ol->ring_path);
    spill_release(&ol->spill);
    gather_free(ol->gather);
    buf_release(&ol->plain);
    buf_release(&ol->kept);
    buf_release(&ol->line);
    free(ol);
}

void outlet_discard(struct outlet *ol)
{
    spill_discard(&ol->spill);
    if (ol->ring_path)
        ring_remove(ol->ring_path);
}

void outlet_attached(struct outlet *ol, int64_t run, int64_t epoch, int64_t trial)
{
    ol->run = run; /* the hub may have given the old one up: what is undelivered goes on under this one */
    ol->epoch = epoch;
    ol->attached = true;
    struct spill_identity id = ol->spill.id;
    id.run = run;
    id.epoch = epoch;
    id.trial = trial;
    if (ol->ring.h) {
        ol->ring.h->run = run;
        ol->ring.h->epoch = epoch;
        ol->ring.h->trial = trial;
        int pid = ring_process_pid(atomic_load(&ol->ring.h->trainer));
        id.pid = pid ? pid : id.pid;
    }
    spill_identify(&ol->spill, &id);
    ol->sent = ol->acked;
    ol->away = false;
    if (ol->emit_due)
        ol->emit_due = 1; /* what has gathered while there was no hub need not wait any longer */
}

void outlet_detached(struct outlet *ol)
{
    ol->attached = false;
    ol->away = true;
}

/* ---- from the ring to batches ---- */

static void due(struct outlet *ol)
{
    if (!ol->emit_due)
        ol->emit_due = clock_mono_ns() + (ol->away ? EMIT_AWAY_NS : EMIT_NS);
}

static void put_batch(struct outlet *ol, struct buf *b, uint32_t events, uint32_t points, bool plain)
{
    struct batch batch = {.seq = ol->next_seq++,
                          .events = events,
                          .points = points,
                          .plain = plain,
                          .data = b->data,
                          .len = (uint32_t)b->len};
    if (ol->ring.h)
        atomic_store(&ol->ring.h->next_seq, ol->next_seq);
    spill_put(&ol->spill, &batch, ol->away);
    buf_clear(b);
}

void outlet_flush(struct outlet *ol)
{
    if (ol->n_kept)
        put_batch(ol, &ol->kept, ol->n_kept, 0, false);
    ol->n_kept = 0;
    uint32_t points = gather_waiting(ol->gather);
    uint32_t events = ol->n_plain + gather_emit(ol->gather, &ol->plain);
    if (events)
        put_batch(ol, &ol->plain, events, points + ol->plain_lines, true);
    ol->n_plain = ol->plain_lines = 0;
    ol->emit_due = 0;
}

struct codec_writer *outlet_event(struct outlet *ol, bool plain, struct codec_writer *w, const char *kind, int64_t time)
{
    struct buf *b = plain ? &ol->plain : &ol->kept;
    if (b->len > EMIT_BYTES)
        outlet_flush(ol);
    if (plain)
        ol->n_plain++;
    else
        ol->n_kept++;
    due(ol);
    cw_init(w, b);
    cw_array(w, 3);
    cw_str(w, kind);
    cw_int(w, time);
    return w;
}

static void take_records(struct outlet *ol, bool dead)
{
    static uint8_t payload[RING_PAYLOAD];
    struct ring_record r;
    struct codec_writer w;
    for (int i = 0; i < RECORDS_TURN && ring_record_take(&ol->ring, &r, payload, dead, &ol->torn); i++) {
        struct record_view v;
        if (!record_view(&v, &r, payload))
            continue;
        if (v.pause_state) {
            outlet_state(ol, v.pause_state, -1, -1, 0, NULL);
            if (v.command == 0)
                continue;
        }
        if (r.kind == RR_ANSWER)
            outlet_settle(ol, v.command, v.stop);
        ol->plain_lines += r.kind == RR_TEXT;
        record_write(outlet_event(ol, v.droppable, &w, v.event, r.time), &v);
    }
}

/* What the ring and the spill had to drop, said at most once a second. */
static void say_dropped(struct outlet *ol, int64_t now, bool last)
{
    if (now < ol->drop_due && !last)
        return;
    ol->drop_due = now + CLOCK_S;
    ol->lost += spill_take_dropped(&ol->spill);
    if (ol->ring.h)
        ol->ring_dropped = ring_dropped(&ol->ring) + atomic_load(&ol->ring.h->torn);
    uint64_t all = ol->ring_dropped + ol->torn + ol->lost;
    if (all <= ol->said)
        return;
    struct codec_writer w;
    outlet_event(ol, false, &w, "run_state", clock_wall_ns());
    cw_map(&w, 2);
    cw_kstr(&w, "state", "dropped");
    cw_kint(&w, "points", (int64_t)(all - ol->said));
    ol->said = all;
}

double outlet_turn(struct outlet *ol, bool dead, int64_t now)
{
    double fill = 0;
    if (ol->ring.h) {
        fill = ring_fill(&ol->ring);
        take_records(ol, dead);
        for (int i = 0; dead || i < GATHERS_TURN; i++) { /* of the dead all: their end is said next */
            if (gather_drain(ol->gather, &ol->ring, dead, &ol->torn))
                due(ol);
            if (gather_waiting(ol->gather) < GATHER_MAX)
                break;
            outlet_flush(ol);
        }
    }
    say_dropped(ol, now, dead);
    if ((ol->emit_due && now >= ol->emit_due) || ol->plain.len > EMIT_BYTES)
        outlet_flush(ol);
    return fill;
}

/* ---- to the hub ---- */

void outlet_send(struct outlet *ol, struct line *l)
{
    struct batch b;
    size_t flight = 0;
    if (!ol->attached || !line_is_up(l))
        return;
    for (uint64_t seq = ol->acked; seq < ol->sent && spill_next(&ol->spill, seq, &b) && b.seq <= ol->sent;
         seq = b.seq)
        flight += b.len;
    while (ol->sent - ol->acked < MSG_WINDOW && flight < FLIGHT_BYTES &&
           spill_next(&ol->spill, ol->sent, &b)) {
        struct codec_writer w = line_begin(l, MSG_DATA, NULL);
        cw_map(&w, 4);
        cw_kint(&w, "run", ol->run);
        cw_kint(&w, "epoch", ol->epoch);
        cw_kint(&w, "seq", (int64_t)b.seq);
        cw_str(&w, "events");
        cw_array(&w, b.events);
        cw_raw(&w, b.data, b.len);
        if (line_send(l) != 0)
            return;
        ol->sent = b.seq;
        flight += b.len;
    }
}

void outlet_ack(struct outlet *ol, uint64_t seq)
{
    if (seq >= ol->next_seq)
        return; /* nonsense: nothing like that was sent */
    if (seq > ol->acked)
        ol->acked = seq;
    if (ol->sent < ol->acked)
        ol->sent = ol->acked;
    spill_ack(&ol->spill, ol->acked);
}

bool outlet_waiting(const struct outlet *ol)
{
    return ol->sent > ol->acked && !spill_empty(&ol->spill);
}

bool outlet_delivered(const struct outlet *ol)
{
    return spill_empty(&ol->spill) && !ol->n_kept && !ol->n_plain && !gather_waiting(ol->gather) &&
           (!ol->ring.h || ring_drained(&ol->ring));
}

int outlet_store(struct outlet *ol, char **cause)
{
    outlet_flush(ol);
    return spill_store(&ol->spill, cause);
}

/* ---- facts of the worker's own ---- */

void outlet_state(struct outlet *ol, const char *state, int64_t pid, int64_t code, int signal,
                  const char *message)
{
    struct codec_writer w;
    outlet_event(ol, false, &w, "run_state", clock_wall_ns());
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

void outlet_text(struct outlet *ol, const char *stream, int64_t time, const void *text, size_t n)
{
    struct codec_writer w;
    outlet_event(ol, true, &w, "text", time);
    cw_map(&w, 2);
    cw_kstr(&w, "stream", stream);
    cw_str(&w, "text");
    cw_strn(&w, text, n);
    ol->plain_lines++;
}

void outlet_point(struct outlet *ol, const char *name, int64_t step, int64_t time, double value)
{
    if (gather_waiting(ol->gather) >= GATHER_MAX)
        outlet_flush(ol);
    gather_add(ol->gather, name, step, time, value);
    due(ol);
}

void outlet_answer(struct outlet *ol, int64_t command, const char *state, const char *message)
{
    struct codec_writer w;
    if (!command)
        return;
    outlet_event(ol, false, &w, "command", clock_wall_ns());
    cw_map(&w, message ? 3 : 2);
    cw_kint(&w, "command", command);
    cw_kstr(&w, "state", state);
    if (message)
        cw_kstr(&w, "message", message);
}
