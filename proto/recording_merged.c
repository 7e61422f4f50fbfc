#include "proto/recording_merged.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/column.h"

#define PARTS_FORMAT 1
#define PARTS_SPAN   (1 << 30) /* sequence numbers between the first and the last part */

/* ---- memory ---- */

void merged_clear(struct merged *g)
{
    for (uint32_t i = 0; i < g->n_blocks; i++)
        g->blocks[i].n = g->blocks[i].at = 0;
    g->n = g->n_blocks = g->rows = 0;
}

void merged_release(struct merged *g)
{
    for (uint32_t i = 0; i < g->cap_blocks; i++) {
        free(g->blocks[i].steps);
        free(g->blocks[i].times);
        free(g->blocks[i].values);
        free(g->blocks[i].rows);
    }
    free(g->blocks);
    free(g->sequence);
    free(g->seq);
    free(g->time);
    free(g->log_time);
    points_close(&g->in);
    *g = (struct merged){0};
}

static int64_t *resized(int64_t *column, uint32_t n)
{
    return mem_resize(column, n, sizeof *column);
}

static void reserve_parts(struct merged *g, uint32_t n)
{
    if (n <= g->cap)
        return;
    g->cap = n > 2 * g->cap ? n : 2 * g->cap;
    g->sequence = resized(g->sequence, g->cap);
    g->seq = resized(g->seq, g->cap);
    g->time = resized(g->time, g->cap);
    g->log_time = resized(g->log_time, g->cap);
    for (uint32_t i = 0; i < g->cap_blocks; i++)
        g->blocks[i].rows = resized(g->blocks[i].rows, g->cap);
}

/* A block without rows in the parts so far. */
static struct merged_block *new_block(struct merged *g, const char *name)
{
    if (g->n_blocks == g->cap_blocks) {
        uint32_t cap = g->cap_blocks ? 2 * g->cap_blocks : 4;
        g->blocks = mem_resize(g->blocks, cap, sizeof *g->blocks);
        memset(g->blocks + g->cap_blocks, 0, (cap - g->cap_blocks) * sizeof *g->blocks);
        for (uint32_t i = g->cap_blocks; i < cap; i++)
            g->blocks[i].rows = resized(NULL, g->cap);
        g->cap_blocks = cap;
    }
    struct merged_block *b = &g->blocks[g->n_blocks++];
    span_copy(b->name, sizeof b->name, span_of(name));
    memset(b->rows, 0, g->n * sizeof *b->rows);
    b->n = b->at = 0;
    return b;
}

static void append_rows(struct merged_block *b, const struct point_block *p)
{
    if (b->n + p->n > b->cap) {
        b->cap = b->n + p->n > 2 * b->cap ? b->n + p->n : 2 * b->cap;
        b->steps = resized(b->steps, b->cap);
        b->times = resized(b->times, b->cap);
        b->values = mem_resize(b->values, b->cap, sizeof *b->values);
    }
    memcpy(b->steps + b->n, p->steps, p->n * sizeof *p->steps);
    memcpy(b->times + b->n, p->times, p->n * sizeof *p->times);
    memcpy(b->values + b->n, p->values, p->n * sizeof *p->values);
    b->n += p->n;
}

/* ---- merging ---- */

static bool int_at(struct span body, const char *key, int64_t *v)
{
    struct codec_reader r;
    if (!cmap_find(body, key, &r) || (cr_peek(&r) != CT_INT && cr_peek(&r) != CT_UINT))
        return false;
    *v = cr_int(&r);
    return cr_ok(&r);
}

static bool bin_at(struct span body, const char *key, struct span *v)
{
    struct codec_reader r;
    if (!cmap_find(body, key, &r) || cr_peek(&r) != CT_BIN)
        return false;
    *v = cr_bin(&r);
    return cr_ok(&r);
}

bool merged_key(struct span body, int64_t *run, int64_t *epoch)
{
    struct codec_reader r;
    struct span c;
    int64_t seq;
    cr_init(&r, body.p, body.n);
    return cr_peek(&r) == CT_MAP && cr_map(&r) == 4 && codec_valid(body.p, body.n, NULL) &&
           int_at(body, "run", run) && int_at(body, "epoch", epoch) && int_at(body, "seq", &seq) &&
           bin_at(body, "c", &c);
}

/* The block of that name at or behind *next, a new one when there is none at all; NULL when it stands before:
 * then the batch has its metrics in another order, or one of them twice. */
static struct merged_block *block_in_order(struct merged *g, const char *name, uint32_t *next)
{
    for (uint32_t k = 0; k < g->n_blocks; k++) {
        uint32_t i = (*next + k) % g->n_blocks;
        if (strcmp(g->blocks[i].name, name) != 0)
            continue;
        if (i < *next)
            return NULL;
        *next = i + 1;
        return &g->blocks[i];
    }
    if (g->n_blocks == POINTS_MAX_METRICS)
        return NULL;
    *next = g->n_blocks + 1;
    return new_block(g, name);
}

static bool append_batch(struct merged *g, struct span c)
{
    struct points_reader *in = &g->in;
    uint32_t next = 0, before = g->rows;
    points_reopen(in, c);
    while (points_next(in)) {
        struct merged_block *b =
            in->block.n <= MERGED_SMALL ? block_in_order(g, in->block.name, &next) : NULL;
        if (!b || b->n + in->block.n > MERGED_ROWS || g->rows + in->block.n > POINTS_MAX_TOTAL)
            return false;
        append_rows(b, &in->block);
        b->rows[g->n] = in->block.n;
        g->rows += in->block.n;
    }
    return points_ok(in, NULL) && g->rows > before;
}

/* Later than the one before it, as numbers that wrap around go. */
static bool follows(const struct merged *g, uint32_t sequence)
{
    return g->n == 0 ||
           (sequence != (uint32_t)g->sequence[g->n - 1] && sequence - (uint32_t)g->sequence[0] < PARTS_SPAN &&
            sequence - (uint32_t)g->sequence[g->n - 1] < PARTS_SPAN);
}

bool merged_add(struct merged *g, const struct mcap_message *m)
{
    struct span c = {0};
    int64_t seq = 0;
    if (!int_at(m->data, "seq", &seq) || !bin_at(m->data, "c", &c) || g->n == MERGED_PARTS ||
        !follows(g, m->sequence))
        return false;
    reserve_parts(g, g->n + 1);
    uint32_t n_blocks = g->n_blocks, rows = g->rows;
    for (uint32_t i = 0; i < n_blocks; i++)
        g->blocks[i].rows[g->n] = 0;
    if (!append_batch(g, c)) {
        g->n_blocks = n_blocks;
        g->rows = rows;
        for (uint32_t i = 0; i < n_blocks; i++)
            g->blocks[i].n -= (uint32_t)g->blocks[i].rows[g->n];
        return false;
    }
    if (g->n == 0)
        merged_key(m->data, &g->run, &g->epoch);
    g->sequence[g->n] = m->sequence;
    g->seq[g->n] = seq;
    g->time[g->n] = (int64_t)m->publish_time;
    g->log_time[g->n++] = (int64_t)m->log_time;
    return true;
}

/* ---- packing ---- */

/* For each part the latest time of its points. */
static void newest_times(const struct merged *g, int64_t *newest)
{
    for (uint32_t i = 0; i < g->n; i++)
        newest[i] = INT64_MIN;
    for (uint32_t k = 0; k < g->n_blocks; k++) {
        const int64_t *t = g->blocks[k].times;
        for (uint32_t i = 0; i < g->n; i++)
            for (int64_t j = 0; j < g->blocks[k].rows[i]; j++, t++)
                newest[i] = *t > newest[i] ? *t : newest[i];
    }
}

static void pack_points(const struct merged *g, struct buf *b)
{
    struct point_block like = {0};
    points_begin(b);
    for (uint32_t k = 0; k < g->n_blocks; k++) {
        const struct merged_block *m = &g->blocks[k];
        points_add_like(b, m->name, m->n, m->steps, m->times, m->values, k ? &like : NULL);
        like = (struct point_block){.n = m->n, .steps = m->steps, .times = m->times};
    }
}

static void pack_parts(const struct merged *g, struct buf *b)
{
    int64_t *newest = mem_alloc(g->n * sizeof *newest);
    newest_times(g, newest);
    buf_putc(b, PARTS_FORMAT);
    column_put_varint(b, g->n);
    column_put_ints(b, g->sequence, NULL, g->n);
    column_put_ints(b, g->seq, NULL, g->n);
    for (uint32_t k = 0; k < g->n_blocks; k++)
        column_put_ints(b, g->blocks[k].rows, NULL, g->n);
    column_put_ints(b, g->time, newest, g->n);
    column_put_ints(b, g->log_time, g->time, g->n);
    free(newest);
}

static void put_event(struct buf *body, const struct merged *g, int64_t seq, size_t keys, const struct buf *c)
{
    struct codec_writer w;
    cw_init(&w, body);
    cw_map(&w, keys);
    cw_kint(&w, "run", g->run);
    cw_kint(&w, "epoch", g->epoch);
    cw_kint(&w, "seq", seq);
    cw_str(&w, "c");
    cw_bin(&w, c->data, c->len);
}

void merged_pack(const struct merged *g, struct buf *body)
{
    struct buf c = {0}, parts = {0};
    struct codec_writer w;
    pack_points(g, &c);
    pack_parts(g, &parts);
    put_event(body, g, g->seq[g->n - 1], 5, &c);
    cw_init(&w, body);
    cw_str(&w, "parts");
    cw_bin(&w, parts.data, parts.len);
    buf_release(&c);
    buf_release(&parts);
}

/* ---- taking apart ---- */

static bool unpack_points(struct merged *g, struct span c)
{
    points_reopen(&g->in, c);
    while (points_next(&g->in)) {
        if (g->in.block.n > MERGED_ROWS)
            return false;
        append_rows(new_block(g, g->in.block.name), &g->in.block);
    }
    return points_ok(&g->in, NULL) && g->n_blocks > 0;
}

static bool unpack_rows(struct merged *g, struct codec_reader *r)
{
    for (uint32_t k = 0; k < g->n_blocks; k++) {
        struct merged_block *b = &g->blocks[k];
        int64_t left = b->n;
        column_get_ints(r, b->rows, false, g->n);
        for (uint32_t i = 0; i < g->n && !r->error; i++) {
            if (b->rows[i] < 0 || b->rows[i] > left)
                return false;
            left -= b->rows[i];
        }
        if (r->error || left != 0)
            return false;
    }
    return true;
}

static bool parts_make_sense(const struct merged *g)
{
    for (uint32_t i = 0; i < g->n; i++) {
        struct merged before = {.n = i, .sequence = g->sequence};
        if (g->sequence[i] < 0 || g->sequence[i] > UINT32_MAX ||
            !follows(&before, (uint32_t)g->sequence[i]) || g->log_time[i] < 0 || g->time[i] < 0)
            return false;
    }
    return true;
}

bool merged_unpack(struct merged *g, struct span body)
{
    struct span c, parts;
    struct codec_reader r;
    merged_clear(g);
    if (!int_at(body, "run", &g->run) || !int_at(body, "epoch", &g->epoch) || !bin_at(body, "c", &c) ||
        !bin_at(body, "parts", &parts) || parts.n == 0 || *parts.p != PARTS_FORMAT)
        return false;
    cr_init(&r, parts.p + 1, parts.n - 1);
    uint64_t n = column_get_varint(&r);
    if (!cr_ok(&r) || n == 0 || n > MERGED_PARTS)
        return false;
    reserve_parts(g, (uint32_t)n);
    if (!unpack_points(g, c))
        return false;
    g->n = (uint32_t)n;
    column_get_ints(&r, g->sequence, false, g->n);
    column_get_ints(&r, g->seq, false, g->n);
    if (!cr_ok(&r) || !unpack_rows(g, &r))
        return false;
    newest_times(g, g->time);
    column_get_ints(&r, g->time, true, g->n);
    memcpy(g->log_time, g->time, g->n * sizeof *g->time);
    column_get_ints(&r, g->log_time, true, g->n);
    return cr_ok(&r) && parts_make_sense(g);
}

void merged_part(struct merged *g, uint32_t i, struct mcap_message *m, struct buf *body)
{
    struct buf c = {0};
    points_begin(&c);
    for (uint32_t k = 0; k < g->n_blocks; k++) {
        struct merged_block *b = &g->blocks[k];
        uint32_t rows = (uint32_t)b->rows[i];
        if (rows)
            points_add(&c, b->name, rows, b->steps + b->at, b->times + b->at, b->values + b->at);
        b->at += rows;
    }
    put_event(body, g, g->seq[i], 4, &c);
    buf_release(&c);
    m->sequence = (uint32_t)g->sequence[i];
    m->log_time = (uint64_t)g->log_time[i];
    m->publish_time = (uint64_t)g->time[i];
}
