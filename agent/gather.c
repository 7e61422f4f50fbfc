#include "agent/gather.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "proto/codec.h"
#include "proto/points.h"

enum { TAKE = 4096 };

struct column {
    char name[RING_NAME];
    int64_t *steps, *times;
    double *values;
    uint32_t n, cap;
};

struct pulls {
    uint16_t bandit;
    struct pull *pulls;
    uint32_t n, cap;
};

struct gather {
    struct column *columns;
    uint32_t n_columns, cap_columns;
    int16_t of_name[RING_NAMES]; /* entry of the ring's names -> column, -1 not met yet */
    struct pulls *bandits;
    uint32_t n_bandits;
    uint32_t waiting;
    struct ring_point taken[TAKE];
    struct buf packed;
};

struct gather *gather_new(void)
{
    struct gather *g = MEM_NEW(struct gather);
    memset(g->of_name, 0xff, sizeof g->of_name);
    return g;
}

void gather_free(struct gather *g)
{
    if (!g)
        return;
    for (uint32_t i = 0; i < g->n_columns; i++) {
        free(g->columns[i].steps);
        free(g->columns[i].times);
        free(g->columns[i].values);
    }
    for (uint32_t i = 0; i < g->n_bandits; i++)
        free(g->bandits[i].pulls);
    free(g->columns);
    free(g->bandits);
    buf_release(&g->packed);
    free(g);
}

/* name is terminated and all zero behind its end */
static int column_named(struct gather *g, const char name[RING_NAME])
{
    for (uint32_t i = 0; i < g->n_columns; i++)
        if (strcmp(g->columns[i].name, name) == 0)
            return (int)i;
    if (g->n_columns >= POINTS_MAX_METRICS)
        return -1;
    if (g->n_columns == g->cap_columns) {
        g->cap_columns = g->cap_columns ? g->cap_columns * 2 : 16;
        g->columns = mem_resize(g->columns, g->cap_columns, sizeof *g->columns);
    }
    struct column *c = &g->columns[g->n_columns];
    *c = (struct column){0};
    memcpy(c->name, name, RING_NAME);
    return (int)g->n_columns++;
}

/* Two entries of the ring may hold the same name (two processes had the ring one after the other): one
 * column. */
static int column_of(struct gather *g, const struct ring *r, uint16_t id)
{
    char name[RING_NAME];
    if (!ring_name(r, id, name) || !*name)
        return -1;
    return g->of_name[id] = (int16_t)column_named(g, name);
}

static void column_add(struct column *c, const struct ring_point *p)
{
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 256;
        c->steps = mem_resize(c->steps, c->cap, sizeof *c->steps);
        c->times = mem_resize(c->times, c->cap, sizeof *c->times);
        c->values = mem_resize(c->values, c->cap, sizeof *c->values);
    }
    c->steps[c->n] = p->step;
    c->times[c->n] = p->time;
    c->values[c->n] = p->value;
    c->n++;
}

static void pull_add(struct gather *g, const struct ring_point two[2])
{
    struct ring_pull in;
    ring_pull_read(two, &in);
    uint32_t i = 0;
    while (i < g->n_bandits && g->bandits[i].bandit != in.bandit)
        i++;
    if (i == g->n_bandits) {
        g->bandits = mem_resize(g->bandits, ++g->n_bandits, sizeof *g->bandits);
        g->bandits[i] = (struct pulls){.bandit = in.bandit};
    }
    struct pulls *p = &g->bandits[i];
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 64;
        p->pulls = mem_resize(p->pulls, p->cap, sizeof *p->pulls);
    }
    p->pulls[p->n++] = (struct pull){.t = in.t,
                                     .time = in.time,
                                     .cost = in.cost,
                                     .context = in.context,
                                     .propensity = (float)in.propensity,
                                     .arm = in.arm,
                                     .forced = (in.flags & RING_FORCED) != 0};
}

static void add_all(struct gather *g, const struct ring *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct ring_point *p = &g->taken[i];
        g->waiting++;
        if (p->kind == RP_PULL) {
            pull_add(g, p);
            i++;
            continue;
        }
        int c = p->id < RING_NAMES ? g->of_name[p->id] : -1;
        if (c < 0)
            c = column_of(g, r, p->id);
        if (c >= 0)
            column_add(&g->columns[c], p);
    }
}

uint32_t gather_drain(struct gather *g, struct ring *r, bool dead, uint64_t *torn)
{
    uint32_t before = g->waiting;
    for (uint32_t lane = 0; lane < r->g.lanes; lane++)
        while (g->waiting < GATHER_MAX) {
            uint32_t room = GATHER_MAX - g->waiting + 1; /* one more: a pull is two entries */
            uint32_t n = ring_points_take(r, lane, g->taken, room < TAKE ? room : TAKE, dead, torn);
            if (n == 0)
                break;
            add_all(g, r, n);
        }
    return g->waiting - before;
}

void gather_add(struct gather *g, const char *name, int64_t step, int64_t time, double value)
{
    char own[RING_NAME] = "";
    memcpy(own, name, strnlen(name, sizeof own - 1));
    int c = column_named(g, own);
    if (c < 0)
        return;
    struct ring_point p = {.step = step, .time = time, .value = value};
    column_add(&g->columns[c], &p);
    g->waiting++;
}

uint32_t gather_waiting(const struct gather *g)
{
    return g->waiting;
}

static void event_open(struct codec_writer *w, const char *kind)
{
    cw_array(w, 3);
    cw_str(w, kind);
    cw_int(w, clock_wall_ns());
}

static void emit_points(struct gather *g, struct codec_writer *w)
{
    const struct column *last = NULL;
    buf_clear(&g->packed);
    points_begin(&g->packed);
    for (uint32_t i = 0; i < g->n_columns; i++) {
        struct column *c = &g->columns[i];
        if (c->n == 0)
            continue;
        struct point_block like = {0};
        if (last) { /* metrics logged together share their steps */
            like.n = last->n;
            like.steps = last->steps;
            like.times = last->times;
        }
        points_add_like(&g->packed, c->name, c->n, c->steps, c->times, c->values, last ? &like : NULL);
        last = c;
    }
    event_open(w, "points");
    cw_map(w, 1);
    cw_str(w, "c");
    cw_bin(w, g->packed.data, g->packed.len);
    for (uint32_t i = 0; i < g->n_columns; i++)
        g->columns[i].n = 0;
}

static void emit_pulls(struct gather *g, struct codec_writer *w, struct pulls *p)
{
    buf_clear(&g->packed);
    pulls_pack(&g->packed, p->pulls, p->n);
    event_open(w, "pulls");
    cw_map(w, 2);
    cw_kint(w, "bandit", p->bandit);
    cw_str(w, "c");
    cw_bin(w, g->packed.data, g->packed.len);
    p->n = 0;
}

uint32_t gather_emit(struct gather *g, struct buf *b)
{
    struct codec_writer w;
    uint32_t events = 0, any = 0;
    cw_init(&w, b);
    for (uint32_t i = 0; i < g->n_columns; i++)
        any += g->columns[i].n;
    if (any) {
        emit_points(g, &w);
        events++;
    }
    for (uint32_t i = 0; i < g->n_bandits; i++)
        if (g->bandits[i].n) {
            emit_pulls(g, &w, &g->bandits[i]);
            events++;
        }
    g->waiting = 0;
    return events;
}
