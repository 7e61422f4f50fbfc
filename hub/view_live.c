/* view_live: who and what is around: machines, and the people who look on. Machines of agents are in the log; the hub's own
 * machine and its peers are only known to a living hub. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/host.h"
#include "hub/peer.h"
#include "hub/view_parts.h"

#define CONSOLE_SEEN (15 * CLOCK_S)
#define SEEN_STEP    (10 * CLOCK_S) /* a time that changed with every ping would be sent with every ping */

/* ---- hosts ---- */

static const char *const numbers[] = {"cpu",     "memory",  "memory_total", "load",  "net_in",
                                      "net_out", "disk_in", "disk_out",     "power", "energy"};
#define N_NUMBERS (sizeof numbers / sizeof *numbers)

static void put_host(const struct state_host *h, const struct state_host_sample *v, struct codec_writer *w)
{
    struct span body = {v->raw, v->n}, gpus = cmap_value(body, "gpus");
    cw_map(w, 4 + N_NUMBERS);
    cw_kstr(w, "host", h->host);
    cw_kstr(w, "role", h->role);
    for (size_t i = 0; i < N_NUMBERS; i++)
        view_kvalue(w, numbers[i], cmap_double(body, numbers[i], NAN));
    view_kraw(w, "gpus", gpus.p, gpus.n);
    cw_kint(w, "seen", v->time);
}

static void put_own(const struct host_reading *r, int64_t seen, struct codec_writer *w)
{
    const double v[N_NUMBERS] = {r->cpu,     r->memory,  r->memory_total, r->load, r->net_in,
                                 r->net_out, r->disk_in, r->disk_out,     NAN,     NAN};
    cw_map(w, 4 + N_NUMBERS);
    cw_kstr(w, "host", r->name);
    cw_kstr(w, "role", "hub");
    for (size_t i = 0; i < N_NUMBERS; i++)
        view_kvalue(w, numbers[i], v[i]);
    cw_knil(w, "gpus");
    cw_kint(w, "seen", seen);
}

int view_hosts(const struct view_request *rq, struct view_out *out, char **cause)
{
    struct codec_writer w;
    bool live = rq->t == STATE_NOW && rq->ctx && rq->ctx->hub_state && !rq->ctx->readonly;
    if (live) { /* reading it is looking, not changing: the meter is the hub's, outside of every sweep */
        struct hub *h = rq->ctx->hub_state;
        host_meter_read(&h->meter, h->mono);
        view_part_begin(out, &w, 0);
        put_own(&h->meter.now, rq->ctx->now, &w);
        view_part_end(out);
    }
    for (int i = 0; i < rq->s->n_hosts; i++) {
        const struct state_host_sample *v = state_host_at(rq->s->hosts[i], rq->t);
        if (!v)
            continue;
        view_part_begin(out, &w, i + 1);
        put_host(rq->s->hosts[i], v, &w);
        view_part_end(out);
    }
    return view_rows_finish(rq, out, cause);
}

/* ---- consoles ---- */

static void put_console(const struct hub *h, const struct peer *p, int64_t id, struct codec_writer *w)
{
    cw_map(w, 9);
    cw_kint(w, "console", id);
    cw_kstr(w, "user", p->user);
    cw_kstr(w, "host", p->host);
    cw_kstr(w, "role", msg_role_name(p->role));
    cw_kint(w, "since", p->since);
    cw_kint(w, "seen", (h->wall - (h->mono - p->last_seen)) / SEEN_STEP * SEEN_STEP);
    cw_kstr(w, "sweep", p->sweep[0] ? p->sweep : NULL);
    cw_kstr(w, "last", p->last[0] ? p->last : NULL);
    view_ktime(w, "last_time", p->last_time > 0 ? p->last_time : -1);
}

int view_consoles(const struct view_request *rq, struct view_out *out, char **cause)
{
    const struct hub *h = rq->ctx ? rq->ctx->hub_state : NULL;
    for (const struct peer *p = h ? h->peers : NULL; p; p = p->hh.next) {
        struct codec_writer w;
        if (p->role == ROLE_AGENT || !p->watches || h->mono - p->last_seen > CONSOLE_SEEN)
            continue;
        view_part_begin(out, &w, out->n_parts);
        put_console(h, p, p->number, &w);
        view_part_end(out);
    }
    return view_rows_finish(rq, out, cause);
}
