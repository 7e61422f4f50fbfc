/* outbox: see outbox.h. A ring of entries in the order of their sequence numbers; knows no sockets. */
#include "hub/outbox.h"

#include <stdlib.h>

#include "base/mem.h"

static struct outbox_entry *push(struct outbox *o, uint64_t seq)
{
    if (o->n == o->cap) {
        size_t cap = o->cap ? o->cap * 2 : 64;
        struct outbox_entry *v = mem_zero(cap, sizeof *v);
        for (size_t i = 0; i < o->n; i++)
            v[i] = o->v[(o->head + i) & (o->cap - 1)];
        free(o->v);
        o->v = v;
        o->head = 0;
        o->cap = cap;
    }
    struct outbox_entry *e = &o->v[(o->head + o->n++) & (o->cap - 1)];
    *e = (struct outbox_entry){.seq = seq};
    return e;
}

void outbox_message(struct outbox *o, uint64_t seq, const struct sock_peer *to, const void *p, size_t n)
{
    struct outbox_entry *e = push(o, seq);
    e->to = *to;
    e->p = mem_dup(p, n);
    e->n = n;
}

void outbox_ack(struct outbox *o, uint64_t seq, const struct sock_peer *to, int64_t run, int64_t epoch,
                int64_t batch)
{
    struct outbox_entry *e = push(o, seq);
    e->ack = true;
    e->to = *to;
    e->run = run;
    e->epoch = epoch;
    e->batch = batch;
}

struct outbox_entry *outbox_ready(struct outbox *o, uint64_t durable)
{
    if (o->n == 0)
        return NULL;
    struct outbox_entry *e = &o->v[o->head];
    return e->seq <= durable ? e : NULL;
}

void outbox_pop(struct outbox *o)
{
    free(o->v[o->head].p);
    o->v[o->head].p = NULL;
    o->head = (o->head + 1) & (o->cap - 1);
    o->n--;
}

void outbox_release(struct outbox *o)
{
    while (o->n)
        outbox_pop(o);
    free(o->v);
    *o = (struct outbox){0};
}
