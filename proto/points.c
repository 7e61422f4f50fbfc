/* points: batches of metric points as packed columns. A batch is one byte of format (1) and then blocks to its end:
 *
 *     block   length of the name (1 byte, at most 63), the name (UTF-8, no NUL), varint n (1..65536),
 *             steps: integers(n), times: integers(n), values: doubles(n)        see column_ints.c
 *
 * A column of mode "like" refers to the block before, which then has the same n. Never allocates before n is checked
 * against POINTS_MAX_ROWS and the batch's total against POINTS_MAX_TOTAL: a column of equal steps takes three bytes
 * whatever n is, so the bytes at hand are no bound. */
#include "proto/points.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/column.h"

#define POINTS_FORMAT 1

void points_begin(struct buf *b)
{
    buf_putc(b, POINTS_FORMAT);
}

static void put_block(struct buf *b, const char *name, size_t name_len, uint32_t n, const int64_t *steps,
                      const int64_t *times, const double *values, const struct point_block *like)
{
    buf_putc(b, (int)name_len);
    buf_put(b, name, name_len);
    column_put_varint(b, n);
    column_put_ints(b, steps, like ? like->steps : NULL, n);
    column_put_ints(b, times, like ? like->times : NULL, n);
    column_put_doubles(b, values, n);
}

void points_add_like(struct buf *b, const char *name, uint32_t n, const int64_t *steps, const int64_t *times,
                     const double *values, const struct point_block *like)
{
    char fit[POINTS_NAME];
    span_copy(fit, sizeof fit, (struct span){name, strlen(name)});
    for (uint32_t from = 0; from < n; from += POINTS_MAX_ROWS) {
        uint32_t m = n - from < POINTS_MAX_ROWS ? n - from : POINTS_MAX_ROWS;
        bool whole = m == n && like && like->n == n;
        put_block(b, fit, strlen(fit), m, steps + from, times + from, values + from, whole ? like : NULL);
    }
}

void points_add(struct buf *b, const char *name, uint32_t n, const int64_t *steps, const int64_t *times,
                const double *values)
{
    points_add_like(b, name, n, steps, times, values, NULL);
}

void points_open(struct points_reader *r, struct span bin)
{
    *r = (struct points_reader){0};
    points_reopen(r, bin);
}

void points_reopen(struct points_reader *r, struct span bin)
{
    r->blocks = r->rows = r->block.n = 0;
    cr_init(&r->in, bin.p, bin.n);
    if (bin.n == 0)
        cr_fail(&r->in, "points: an empty batch");
    else if (*r->in.p++ != POINTS_FORMAT)
        cr_fail(&r->in, "points: unknown format");
}

static void read_name(struct points_reader *r)
{
    struct codec_reader *in = &r->in;
    size_t n = *in->p++;
    if (n >= POINTS_NAME || n > (size_t)(in->end - in->p) || memchr(in->p, '\0', n)) {
        cr_fail(in, "points: malformed name");
        return;
    }
    memcpy(r->block.name, in->p, n);
    r->block.name[n] = '\0';
    in->p += n;
}

static void grow(struct points_reader *r, uint32_t n)
{
    if (n <= r->cap)
        return;
    uint32_t cap = r->cap * 2 > n ? r->cap * 2 : n;
    r->block.steps = mem_resize(r->block.steps, cap, sizeof *r->block.steps);
    r->block.times = mem_resize(r->block.times, cap, sizeof *r->block.times);
    r->block.values = mem_resize(r->block.values, cap, sizeof *r->block.values);
    r->cap = cap;
}

bool points_next(struct points_reader *r)
{
    struct codec_reader *in = &r->in;
    if (!cr_ok(in) || in->p >= in->end)
        return false;
    if (++r->blocks > POINTS_MAX_METRICS)
        cr_fail(in, "points: too many blocks");
    else
        read_name(r);
    uint64_t n = cr_ok(in) ? column_get_varint(in) : 0;
    if (cr_ok(in) && (n == 0 || n > POINTS_MAX_ROWS || n > POINTS_MAX_TOTAL - r->rows))
        cr_fail(in, "points: too many points in a block or batch");
    if (!cr_ok(in))
        return false;
    uint32_t rows = (uint32_t)n;
    bool like = r->rows > 0 && rows == r->block.n;
    r->rows += rows;
    grow(r, rows);
    r->block.n = rows;
    column_get_ints(in, r->block.steps, like, rows);
    column_get_ints(in, r->block.times, like, rows);
    column_get_doubles(in, r->block.values, rows);
    return cr_ok(in);
}

bool points_ok(const struct points_reader *r, const char **why)
{
    if (why)
        *why = r->in.error;
    return r->in.error == NULL;
}

void points_close(struct points_reader *r)
{
    free(r->block.steps);
    free(r->block.times);
    free(r->block.values);
    *r = (struct points_reader){0};
}
