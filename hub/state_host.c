/* state_host: what agents said of their machines. Each host keeps its newest samples whole; of older ones every second goes when
 * they become too many. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/state_parts.h"

#define MAX_HOSTS   4096
#define MAX_SAMPLES 2048

static struct state_host *host_of(struct state *s, struct span name, struct span role)
{
    for (int i = 0; i < s->n_hosts; i++)
        if (span_eq(name, s->hosts[i]->host) && span_eq(role, s->hosts[i]->role))
            return s->hosts[i];
    if (s->n_hosts == MAX_HOSTS)
        return NULL;
    struct state_host *h = MEM_NEW(struct state_host);
    h->host = mem_strn(name.p, name.n < 255 ? name.n : 255);
    h->role = mem_strn(role.p, role.n < 31 ? role.n : 31);
    STATE_PUSH(s->hosts, s->n_hosts) = h;
    return h;
}

static void thin(struct state_host *h)
{
    int keep = 0;
    for (int i = 0; i < h->n; i++)
        if (i >= h->n / 2 || i % 2 == 0)
            h->v[keep++] = h->v[i];
        else
            free(h->v[i].raw);
    h->n = keep;
}

int apply_host(struct state *s, const struct event *ev)
{
    struct span name = cmap_str(ev->body, "host"), role = cmap_str(ev->body, "role");
    struct state_host *h = name.p && name.n ? host_of(s, name, role.p ? role : (struct span){"worker", 6}) : NULL;
    if (!h)
        return 1;
    if (h->n == h->cap) {
        if (h->n >= MAX_SAMPLES)
            thin(h);
        else
            h->v = mem_resize(h->v, (size_t)(h->cap = h->cap ? h->cap * 2 : 8), sizeof *h->v);
    }
    struct state_host_sample *v = &h->v[h->n++];
    v->time = s->last_time;
    v->raw = state_keep(ev->body, &v->n);
    return 0;
}

const struct state_host_sample *state_host_at(const struct state_host *h, int64_t t)
{
    int n = STATE_PREFIX(h->v, h->n, struct state_host_sample, time, t);
    return n ? &h->v[n - 1] : NULL;
}

void state_host_free(struct state_host *h)
{
    for (int i = 0; i < h->n; i++)
        free(h->v[i].raw);
    free(h->v);
    free(h->host);
    free(h->role);
    free(h);
}
