/* The queues of a ring: pushing and taking what takes more than one slot, and taking points. The protocol
 * is in ring.h.
 *
 * The consumer never trusts the head that the training process keeps: a slot counts as published by its
 * turn alone. The head is looked at only when the writer is dead, to learn how many claimed slots have to
 * be skipped. */
#include "proto/ring.h"

#include <string.h>

enum { FIRST_ROOM = RING_CONTROL_SLOT - (int)sizeof(struct ring_record), REST_ROOM = RING_CONTROL_SLOT - 8 };

/* ---- slots ---- */

static _Atomic uint32_t *turn_at(const struct ring_queue *q, uint64_t pos, uint32_t slot_bytes)
{
    return (_Atomic uint32_t *)(void *)(q->slots + (size_t)(pos & q->mask) * slot_bytes);
}

static bool published(const struct ring_queue *q, uint64_t pos, uint32_t slot_bytes)
{
    return atomic_load_explicit(turn_at(q, pos, slot_bytes), memory_order_acquire) ==
           (uint32_t)(pos >> q->shift) * 2 + 1;
}

static void slot_free(struct ring_queue *q, uint64_t pos, uint32_t slot_bytes)
{
    atomic_store_explicit(turn_at(q, pos, slot_bytes), (uint32_t)(pos >> q->shift) * 2 + 2,
                          memory_order_release);
}

static uint64_t tail_of(const struct ring_queue *q)
{
    return atomic_load_explicit(&q->cursor->tail, memory_order_relaxed);
}

static void tail_set(struct ring_queue *q, uint64_t pos)
{
    atomic_store_explicit(&q->cursor->tail, pos, memory_order_release);
}

/* Whether the slot at pos was claimed by a writer (bounded: the head may be nonsense). */
static bool claimed(const struct ring_queue *q, uint64_t pos)
{
    return atomic_load_explicit(&q->cursor->head, memory_order_acquire) - pos - 1 <= q->mask;
}

/* ---- points ---- */

bool ring_pull_push(struct ring_queue *q, const struct ring_pull *p)
{
    uint64_t pos = ring_claim(q, 2, RING_POINT_SLOT);
    if (pos == UINT64_MAX) {
        atomic_fetch_add_explicit(&q->cursor->dropped, 1, memory_order_relaxed);
        return false;
    }
    struct ring_point *a = ring_point_at(q, pos), *b = ring_point_at(q, pos + 1);
    a->id = p->bandit;
    a->kind = RP_PULL;
    a->flags = p->flags;
    a->step = p->t;
    a->time = p->time;
    a->value = p->cost;
    b->id = p->arm;
    b->kind = RP_PULL_REST;
    b->flags = 0;
    memcpy(&b->step, &p->context, sizeof b->step);
    memcpy(&b->time, &p->propensity, sizeof b->time);
    b->value = 0;
    ring_publish(&b->turn, q, pos + 1);
    ring_publish(&a->turn, q, pos);
    return true;
}

void ring_pull_read(const struct ring_point two[2], struct ring_pull *out)
{
    *out = (struct ring_pull){.bandit = two[0].id,
                              .arm = two[1].id,
                              .flags = two[0].flags,
                              .t = two[0].step,
                              .time = two[0].time,
                              .cost = two[0].value};
    memcpy(&out->context, &two[1].step, sizeof out->context);
    memcpy(&out->propensity, &two[1].time, sizeof out->propensity);
}

static void point_copy(struct ring_point *out, const struct ring_queue *q, uint64_t pos)
{
    memcpy((char *)out + 4, (const char *)ring_point_at(q, pos) + 4, RING_POINT_SLOT - 4);
}

uint32_t ring_points_take(struct ring *r, unsigned lane, struct ring_point *out, uint32_t max, bool dead,
                          uint64_t *torn)
{
    struct ring_queue *q = &r->lanes[lane];
    uint64_t pos = tail_of(q), start = pos;
    uint32_t n = 0;
    while (n < max) {
        if (!published(q, pos, RING_POINT_SLOT)) {
            if (!dead || !claimed(q, pos))
                break;
            slot_free(q, pos++, RING_POINT_SLOT);
            ++*torn;
            continue;
        }
        point_copy(&out[n], q, pos);
        if (out[n].kind == RP_PULL) {
            if (n + 1 == max)
                break; /* no room for its second half */
            if (published(q, pos + 1, RING_POINT_SLOT)) {
                point_copy(&out[n + 1], q, pos + 1);
                if (out[n + 1].kind == RP_PULL_REST) {
                    slot_free(q, pos++, RING_POINT_SLOT);
                    slot_free(q, pos++, RING_POINT_SLOT);
                    n += 2;
                    continue;
                }
            }
            ++*torn; /* a first half alone: damage */
        } else if (out[n].kind == RP_POINT) {
            n++;
        } /* else a healed slot, or the second half of a pull whose first half was torn and counted */
        slot_free(q, pos++, RING_POINT_SLOT);
    }
    if (pos != start)
        tail_set(q, pos);
    return n;
}

/* ---- control records ---- */

static uint32_t slots_for(size_t bytes)
{
    return bytes <= FIRST_ROOM ? 1 : 1 + (uint32_t)((bytes - FIRST_ROOM + REST_ROOM - 1) / REST_ROOM);
}

struct piece {
    const uint8_t *p[2];
    size_t n[2];
};

static void piece_read(struct piece *from, uint8_t *to, size_t n)
{
    for (int i = 0; i < 2; i++) {
        size_t part = n < from->n[i] ? n : from->n[i];
        if (part)
            memcpy(to, from->p[i], part);
        from->p[i] += part;
        from->n[i] -= part;
        to += part;
        n -= part;
    }
}

static uint8_t *record_at(const struct ring_queue *q, uint64_t pos)
{
    return q->slots + (size_t)(pos & q->mask) * RING_CONTROL_SLOT;
}

bool ring_record_push(struct ring *r, const struct ring_record *head, const void *a, size_t na, const void *b,
                      size_t nb, bool keep)
{
    struct ring_queue *q = &r->control;
    size_t left = na + nb;
    uint32_t n = slots_for(left), all = q->mask + 1;
    uint64_t used = atomic_load_explicit(&q->cursor->head, memory_order_relaxed) -
                    atomic_load_explicit(&q->cursor->tail, memory_order_relaxed);
    uint64_t pos = UINT64_MAX;
    if (left <= RING_PAYLOAD && n <= all && (!keep || used + n <= all - all / 4))
        pos = ring_claim(q, n, RING_CONTROL_SLOT);
    if (pos == UINT64_MAX) {
        atomic_fetch_add_explicit(&q->cursor->dropped, 1, memory_order_relaxed);
        return false;
    }
    struct piece from = {{a, b}, {na, nb}};
    struct ring_record *first = (struct ring_record *)(void *)record_at(q, pos);
    first->kind = head->kind;
    first->slots = (uint16_t)n;
    first->bytes = (uint32_t)left;
    first->id = head->id;
    first->step = head->step;
    first->time = head->time;
    size_t part = left < FIRST_ROOM ? left : FIRST_ROOM;
    piece_read(&from, (uint8_t *)(first + 1), part);
    left -= part;
    for (uint32_t i = 1; i < n; i++) {
        part = left < REST_ROOM ? left : REST_ROOM;
        memset(record_at(q, pos + i) + 4, 0,
               4); /* reads as RR_VOID, should the first slot never be published */
        piece_read(&from, record_at(q, pos + i) + 8, part);
        left -= part;
        ring_publish(turn_at(q, pos + i, RING_CONTROL_SLOT), q, pos + i);
    }
    ring_publish(&first->turn, q, pos);
    return true;
}

/* Copies the record at pos if its head makes sense and every slot of it is there. */
static bool record_copy(const struct ring_queue *q, uint64_t pos, struct ring_record *out, uint8_t *payload)
{
    memcpy((char *)out + 4, record_at(q, pos) + 4, sizeof *out - 4);
    if (out->kind == RR_VOID || out->kind >= RR_KINDS || out->bytes > RING_PAYLOAD ||
        out->slots != slots_for(out->bytes))
        return false;
    for (uint32_t i = 1; i < out->slots; i++)
        if (!published(q, pos + i, RING_CONTROL_SLOT))
            return false;
    size_t left = out->bytes, part = left < FIRST_ROOM ? left : FIRST_ROOM;
    memcpy(payload, record_at(q, pos) + sizeof *out, part);
    left -= part;
    payload += part;
    for (uint32_t i = 1; i < out->slots; i++) {
        part = left < REST_ROOM ? left : REST_ROOM;
        memcpy(payload, record_at(q, pos + i) + 8, part);
        left -= part;
        payload += part;
    }
    return true;
}

/* A record whose first slot was never published leaves published continuations behind; they read as
 * RR_VOID and are freed one by one. */
bool ring_record_take(struct ring *r, struct ring_record *out, uint8_t *payload, bool dead, uint64_t *torn)
{
    struct ring_queue *q = &r->control;
    uint64_t pos = tail_of(q);
    for (;;) {
        if (!published(q, pos, RING_CONTROL_SLOT)) {
            if (!dead || !claimed(q, pos))
                return false;
            ++*torn;
        } else if (record_copy(q, pos, out, payload)) {
            for (uint32_t i = 0; i < out->slots; i++)
                slot_free(q, pos + i, RING_CONTROL_SLOT);
            tail_set(q, pos + out->slots);
            return true;
        }
        slot_free(q, pos++, RING_CONTROL_SLOT);
        tail_set(q, pos);
    }
}

/* ---- commands ---- */

bool ring_command_push(struct ring *r, const struct ring_command *c)
{
    uint64_t pos = ring_claim(&r->commands, 1, RING_COMMAND_SLOT);
    if (pos == UINT64_MAX)
        return false;
    _Atomic uint32_t *turn = turn_at(&r->commands, pos, RING_COMMAND_SLOT);
    memcpy((char *)turn + 4, (const char *)c + 4, sizeof *c - 4);
    ring_publish(turn, &r->commands, pos);
    ring_doorbell_ring(r);
    return true;
}

bool ring_command_take(struct ring *r, struct ring_command *out)
{
    struct ring_queue *q = &r->commands;
    uint64_t pos = tail_of(q);
    if (!published(q, pos, RING_COMMAND_SLOT))
        return false;
    memcpy((char *)out + 4, (const char *)turn_at(q, pos, RING_COMMAND_SLOT) + 4, sizeof *out - 4);
    out->name[sizeof out->name - 1] = '\0';
    out->text[sizeof out->text - 1] = '\0';
    slot_free(q, pos, RING_COMMAND_SLOT);
    tail_set(q, pos + 1);
    return true;
}

/* ---- after a crash ---- */

static uint64_t queue_heal(struct ring_queue *q, uint32_t slot_bytes)
{
    uint64_t healed = 0;
    for (uint64_t pos = tail_of(q); claimed(q, pos); pos++) {
        /* only what nobody published: a consumer that is taking now frees slots before it moves the tail */
        uint32_t lap = (uint32_t)(pos >> q->shift) * 2;
        if (atomic_load_explicit(turn_at(q, pos, slot_bytes), memory_order_acquire) != lap)
            continue;
        /* bytes 4..8 hold id, kind and flags of a point, kind and slots of a record: all zero is void */
        memset((char *)turn_at(q, pos, slot_bytes) + 4, 0, 4);
        if (atomic_compare_exchange_strong(turn_at(q, pos, slot_bytes), &lap, lap + 1))
            healed++;
    }
    return healed;
}

void ring_heal(struct ring *r)
{
    uint64_t n = queue_heal(&r->control, RING_CONTROL_SLOT);
    for (uint32_t i = 0; i < r->g.lanes; i++)
        n += queue_heal(&r->lanes[i], RING_POINT_SLOT);
    atomic_fetch_add(&r->h->torn, n);
}
