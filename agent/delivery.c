#include "agent/delivery.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define BYE_MS       2000
#define ASK_AGAIN_NS (5 * CLOCK_S) /* after a refusal */

int delivery_open(struct delivery *d, struct outlet *ol, const char *hub, const char *program, char **cause)
{
    *d = (struct delivery){.line = line_open(hub, program, cause), .join = ol->spill.id.leased};
    if (!d->line)
        return -1;
    d->outlet = ol;
    return 0;
}

static void host_name(char out[256])
{
    out[0] = out[255] = '\0';
    gethostname(out, 255);
}

static void write_claim(struct codec_writer *w, const struct outlet *ol)
{
    cw_kint(w, "run", ol->run);
    cw_kint(w, "epoch", ol->epoch);
    cw_kint(w, "seq", (int64_t)ol->acked);
}

/* A run of our own: {program, host, pid, params} and, when the hub has met it before, its claim. */
static void ask_attach(struct delivery *d)
{
    const struct outlet *ol = d->outlet;
    char host[256];
    host_name(host);
    struct codec_writer w = line_begin(d->line, MSG_RUN_ATTACH, &d->asked);
    cw_map(&w, ol->run >= 0 ? 7 : 4);
    cw_kstr(&w, "program", ol->spill.id.program);
    cw_kstr(&w, "host", host);
    cw_kint(&w, "pid", ol->spill.id.pid);
    cw_str(&w, "params");
    cw_map(&w, 0);
    if (ol->run >= 0)
        write_claim(&w, ol);
    line_send(d->line);
}

/* A worker without slots that brings back what another one left behind. */
static void ask_join(struct delivery *d)
{
    char host[256];
    host_name(host);
    struct codec_writer w = line_begin(d->line, MSG_WORKER_JOIN, &d->asked);
    cw_map(&w, 5);
    cw_kstr(&w, "host", host);
    cw_kint(&w, "pid", getpid());
    cw_kint(&w, "slots", 0);
    cw_kstr(&w, "token", "");
    cw_str(&w, "runs");
    cw_array(&w, 1);
    cw_map(&w, 3);
    write_claim(&w, d->outlet);
    line_send(d->line);
}

static bool named_in(struct span list, int64_t run)
{
    struct codec_reader r;
    cr_init(&r, list.p, list.n);
    for (size_t n = list.n ? cr_array(&r) : 0; n > 0 && cr_ok(&r); n--)
        if (cr_int(&r) == run)
            return true;
    return false;
}

static void answered(struct delivery *d, const struct message *m)
{
    struct outlet *ol = d->outlet;
    d->asked = 0;
    if (!d->join)
        outlet_attached(ol, cmap_int(m->body, "run", -1), cmap_int(m->body, "epoch", 0),
                        cmap_int(m->body, "trial", -1));
    else if (named_in(cmap_value(m->body, "drop"), ol->run))
        d->unwanted = true;
    else
        outlet_attached(ol, ol->run, ol->epoch, ol->spill.id.trial);
}

static void take_message(struct delivery *d, const struct message *m)
{
    struct outlet *ol = d->outlet;
    int64_t id;
    char verb[32];
    bool ours = cmap_int(m->body, "run", -1) == ol->run && cmap_int(m->body, "epoch", -1) == ol->epoch;
    switch (m->kind) {
    case MSG_OK:
        if (m->id && m->id == d->asked)
            answered(d, m);
        break;
    case MSG_ERROR:
        if (m->id && m->id == d->asked) {
            d->asked = 0;
            d->refused = true;
            d->ask_at = clock_mono_ns() + ASK_AGAIN_NS;
        }
        break;
    case MSG_ACK:
        if (ours && cmap_bool(m->body, "stale", false))
            d->unwanted = true;
        else if (ours)
            outlet_ack(ol, (uint64_t)cmap_int(m->body, "seq", 0));
        break;
    case MSG_COMMAND:
        if (ours) {
            enum outlet_verdict v = outlet_command(ol, m, &id, verb);
            if (v != OUTLET_DONE && d->act)
                d->act(d->ctx, v, id, verb);
        }
        break;
    default:
        break;
    }
}

static void ask(struct delivery *d)
{
    d->refused = false;
    if (d->join)
        ask_join(d);
    else
        ask_attach(d);
}

static void listen_line(struct delivery *d)
{
    struct message m;
    enum line_event e;
    while ((e = line_next(d->line, &m, outlet_waiting(d->outlet) || d->asked)) != LINE_NOTHING) {
        if (e == LINE_MESSAGE)
            take_message(d, &m);
        if (e == LINE_DOWN) {
            d->asked = 0;
            outlet_detached(d->outlet);
        }
        if (e == LINE_UP) {
            outlet_detached(d->outlet);
            ask(d);
        }
    }
    if (d->refused && line_is_up(d->line) && clock_mono_ns() >= d->ask_at)
        ask(d);
}

int delivery_period(double fill)
{
    return fill > 0.10 ? 2 : fill > 0.02 ? 5 : 20;
}

int delivery_turn(struct delivery *d, bool dead)
{
    listen_line(d);
    double fill = outlet_turn(d->outlet, dead, clock_mono_ns());
    outlet_send(d->outlet, d->line);
    listen_line(d);
    return delivery_period(fill);
}

static void wait_line(const struct delivery *d, int ms)
{
    struct pollfd p = {.fd = line_fd(d->line), .events = POLLIN};
    poll(&p, 1, ms);
}

int delivery_finish(struct delivery *d, int hub_ms, int deliver_ms, char **cause)
{
    struct outlet *ol = d->outlet;
    int64_t start = clock_mono_ns(), progress = start;
    uint64_t acked = ol->acked;
    outlet_turn(ol, true, start);
    outlet_flush(ol);
    for (;;) {
        int ms = delivery_turn(d, true);
        int64_t now = clock_mono_ns();
        if (d->unwanted || (outlet_delivered(ol) && ol->attached)) {
            line_bye(d->line, BYE_MS);
            outlet_discard(ol);
            return 0;
        }
        if (ol->acked != acked) {
            acked = ol->acked;
            progress = now;
        }
        bool hopeless = d->refused || line_away(d->line) > hub_ms * CLOCK_MS;
        if ((hopeless && now - start > hub_ms * CLOCK_MS) || now - progress > deliver_ms * CLOCK_MS)
            break;
        wait_line(d, ms);
    }
    if (outlet_store(ol, cause) != 0)
        return -1;
    if (ol->ring_path)
        ring_remove(ol->ring_path); /* everything is in the spill file now */
    return 0;
}

void delivery_close(struct delivery *d)
{
    line_close(d->line);
    outlet_free(d->outlet);
    *d = (struct delivery){0};
}
