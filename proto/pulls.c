/* pulls: what an in-process bandit did, as packed columns. One byte of format (1), then to the end blocks of
 *
 *     varint n (1..65536), integers(n): round, time, arm, propensity (the bits of the float), forced (0 or 1),
 *     doubles(n): cost, context                                                          see column_ints.c
 *
 * As in points.c no count is believed before it is bounded. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/column.h"
#include "proto/points.h"

#define PULLS_FORMAT 1

/* Columns of one block. */
struct columns {
    int64_t *round, *time, *arm, *propensity, *forced;
    double *cost, *context;
    void *memory;
};

static void columns_init(struct columns *c, uint32_t n)
{
    int64_t *i = mem_resize(NULL, (size_t)n * 7, sizeof *i);
    *c = (struct columns){.round = i, .time = i + n, .arm = i + 2 * (size_t)n, .propensity = i + 3 * (size_t)n,
                          .forced = i + 4 * (size_t)n, .memory = i};
    c->cost = (double *)(void *)(i + 5 * (size_t)n);
    c->context = c->cost + n;
}

static void put_block(struct buf *b, const struct pull *p, uint32_t n)
{
    struct columns c;
    columns_init(&c, n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &p[i].propensity, sizeof bits);
        c.round[i] = p[i].t;
        c.time[i] = p[i].time;
        c.arm[i] = p[i].arm;
        c.propensity[i] = bits;
        c.forced[i] = p[i].forced;
        c.cost[i] = p[i].cost;
        c.context[i] = p[i].context;
    }
    column_put_varint(b, n);
    column_put_ints(b, c.round, NULL, n);
    column_put_ints(b, c.time, NULL, n);
    column_put_ints(b, c.arm, NULL, n);
    column_put_ints(b, c.propensity, NULL, n);
    column_put_ints(b, c.forced, NULL, n);
    column_put_doubles(b, c.cost, n);
    column_put_doubles(b, c.context, n);
    free(c.memory);
}

void pulls_pack(struct buf *b, const struct pull *p, uint32_t n)
{
    buf_putc(b, PULLS_FORMAT);
    for (uint32_t from = 0; from < n; from += POINTS_MAX_ROWS)
        put_block(b, p + from, n - from < POINTS_MAX_ROWS ? n - from : POINTS_MAX_ROWS);
}

static void get_block(struct codec_reader *r, struct pull *p, uint32_t n)
{
    struct columns c;
    columns_init(&c, n);
    column_get_ints(r, c.round, false, n);
    column_get_ints(r, c.time, false, n);
    column_get_ints(r, c.arm, false, n);
    column_get_ints(r, c.propensity, false, n);
    column_get_ints(r, c.forced, false, n);
    column_get_doubles(r, c.cost, n);
    column_get_doubles(r, c.context, n);
    for (uint32_t i = 0; cr_ok(r) && i < n; i++) {
        if (c.arm[i] < 0 || c.arm[i] > UINT16_MAX || c.forced[i] < 0 || c.forced[i] > UINT8_MAX ||
            c.propensity[i] < 0 || c.propensity[i] > UINT32_MAX) {
            cr_fail(r, "pulls: a number is out of range");
            break;
        }
        uint32_t bits = (uint32_t)c.propensity[i];
        p[i] = (struct pull){.t = c.round[i], .time = c.time[i], .cost = c.cost[i], .context = c.context[i],
                             .arm = (uint16_t)c.arm[i], .forced = (uint8_t)c.forced[i]};
        memcpy(&p[i].propensity, &bits, sizeof bits);
    }
    free(c.memory);
}

int pulls_unpack(struct span bin, struct pull **out, const char **why)
{
    struct codec_reader r;
    struct pull *pulls = NULL;
    uint32_t total = 0;
    cr_init(&r, bin.p, bin.n);
    *out = NULL;
    if (bin.n == 0)
        cr_fail(&r, "pulls: an empty batch");
    else if (*r.p++ != PULLS_FORMAT)
        cr_fail(&r, "pulls: unknown format");
    while (cr_ok(&r) && r.p < r.end) {
        uint64_t n = column_get_varint(&r);
        if (cr_ok(&r) && (n == 0 || n > POINTS_MAX_ROWS || n > POINTS_MAX_TOTAL - total))
            cr_fail(&r, "pulls: too many in a block or batch");
        if (!cr_ok(&r))
            break;
        pulls = mem_resize(pulls, total + (size_t)n, sizeof *pulls);
        get_block(&r, pulls + total, (uint32_t)n);
        total += (uint32_t)n;
    }
    if (why)
        *why = r.error;
    if (!cr_ok(&r)) {
        free(pulls);
        return -1;
    }
    *out = pulls ? pulls : mem_zero(1, sizeof *pulls);
    return (int)total;
}
