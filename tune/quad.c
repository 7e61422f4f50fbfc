/* Places are nodes of one lattice, fine enough for the middles of the deepest cells, so that neighbours share
 * their edges and nothing is evaluated twice. */
#include "tune/quad.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

#define SIDE_MAX 4096 /* cells along a side at the deepest level */

enum node_state { NODE_FREE, NODE_OUT, NODE_KNOWN };

struct node {
    int32_t x, y;
    enum node_state state; /* NODE_FREE: the slot is empty */
    double value;
};

struct cell {
    int32_t x, y, size; /* in lattice steps; even */
    int depth, child;   /* first of four, -1: a leaf */
    bool done;
    double error; /* of what its parent predicted in it */
};

struct quad {
    struct quad_options o;
    int32_t side;       /* lattice steps along a side */
    struct node *nodes; /* open addressing, n_slots a power of two */
    int n_slots, n_nodes, n_out;
    struct cell *cells;
    int n_cells, cap_cells;
    int32_t stride; /* of the coarse corners that are being asked for; 0: they all were */
    int32_t at;     /* among these */
};

/* ---- the lattice ---- */

static struct node *slot_of(const struct quad *q, int32_t x, int32_t y)
{
    uint64_t h = ((uint64_t)(uint32_t)x << 32 | (uint32_t)y) * UINT64_C(0x9e3779b97f4a7c15);
    for (uint64_t i = h >> 20;; i++) {
        struct node *n = &q->nodes[i & (uint64_t)(q->n_slots - 1)];
        if (n->state == NODE_FREE || (n->x == x && n->y == y))
            return n;
    }
}

static void more_slots(struct quad *q)
{
    struct node *old = q->nodes;
    int n = q->n_slots;
    q->n_slots *= 2;
    q->nodes = mem_zero((size_t)q->n_slots, sizeof *q->nodes);
    for (int i = 0; i < n; i++)
        if (old[i].state != NODE_FREE)
            *slot_of(q, old[i].x, old[i].y) = old[i];
    free(old);
}

static void ask(struct quad *q, int32_t x, int32_t y)
{
    if (2 * (q->n_nodes + 1) > q->n_slots)
        more_slots(q);
    *slot_of(q, x, y) = (struct node){x, y, NODE_OUT, NAN};
    q->n_nodes++;
    q->n_out++;
}

static bool known(const struct quad *q, int32_t x, int32_t y, double *value)
{
    const struct node *n = slot_of(q, x, y);
    *value = n->value;
    return n->state == NODE_KNOWN;
}

/* ---- cells ---- */

static void add_cell(struct quad *q, int32_t x, int32_t y, int32_t size, int depth, double error)
{
    if (q->n_cells == q->cap_cells) {
        q->cap_cells = q->cap_cells ? q->cap_cells * 2 : 64;
        q->cells = mem_resize(q->cells, (size_t)q->cap_cells, sizeof *q->cells);
    }
    q->cells[q->n_cells++] = (struct cell){x, y, size, depth, -1, depth > q->o.deepest, error};
}

struct quad *quad_new(const struct quad_options *o)
{
    struct quad *q = MEM_NEW(struct quad);
    q->o = *o;
    q->o.coarse = 1;
    while (q->o.coarse < o->coarse && q->o.coarse < SIDE_MAX)
        q->o.coarse *= 2;
    while (q->o.deepest > 0 && (int64_t)q->o.coarse << q->o.deepest > SIDE_MAX)
        q->o.deepest--;
    int32_t size = 2 << q->o.deepest; /* steps of a coarse cell: the deepest has a middle */
    q->side = q->o.coarse * size;
    q->stride = q->side;
    q->n_slots = 256;
    q->nodes = mem_zero((size_t)q->n_slots, sizeof *q->nodes);
    for (int32_t y = 0; y < q->side; y += size)
        for (int32_t x = 0; x < q->side; x += size)
            add_cell(q, x, y, size, 0, INFINITY);
    return q;
}

void quad_free(struct quad *q)
{
    if (!q)
        return;
    free(q->nodes);
    free(q->cells);
    free(q);
}

static bool corners(const struct quad *q, const struct cell *c, double v[4])
{
    return known(q, c->x, c->y, &v[0]) & known(q, c->x + c->size, c->y, &v[1]) &
           known(q, c->x, c->y + c->size, &v[2]) & known(q, c->x + c->size, c->y + c->size, &v[3]);
}

/* Its five places: the centre first. */
static void place(const struct cell *c, int k, int32_t *x, int32_t *y)
{
    static const int8_t dx[] = {1, 1, 0, 2, 1}, dy[] = {1, 0, 1, 1, 2};
    *x = c->x + dx[k] * (c->size / 2);
    *y = c->y + dy[k] * (c->size / 2);
}

static void split(struct quad *q, int at, double error)
{
    int32_t half = q->cells[at].size / 2, x = q->cells[at].x, y = q->cells[at].y;
    int depth = q->cells[at].depth + 1;
    q->cells[at].child = q->n_cells;
    for (int k = 0; k < 4; k++)
        add_cell(q, x + (k & 1) * half, y + (k >> 1) * half, half, depth, error);
}

/* When everything about the cell is known: done, or four smaller ones. */
static void judge(struct quad *q, int at)
{
    struct cell *c = &q->cells[at];
    double v[4], p[5], worst = 0;
    bool over = false;
    if (c->done || c->child >= 0 || !corners(q, c, v))
        return;
    const double says[] = {0.25 * (v[0] + v[1] + v[2] + v[3]), 0.5 * (v[0] + v[1]), 0.5 * (v[0] + v[2]),
                           0.5 * (v[1] + v[3]), 0.5 * (v[2] + v[3])};
    c->done = !isfinite(says[0]);
    for (int k = 0; k < 5 && !c->done; k++) {
        int32_t x, y;
        place(c, k, &x, &y);
        if (!known(q, x, y, &p[k]))
            return;
        c->done = !isfinite(p[k]);
        worst = fmax(worst, fabs(p[k] - says[k]));
        over |= fabs(p[k] - says[k]) > q->o.rel * (fabs(p[k]) + q->o.scale);
    }
    if (c->done)
        return;
    double mean = (v[0] + v[1] + v[2] + v[3] + 4 * (p[1] + p[2] + p[3] + p[4]) + 16 * p[0]) / 36;
    over |= fabs(mean - says[0]) > q->o.rel * (fabs(mean) + q->o.scale);
    c->done = !over;
    if (over)
        split(q, at, worst);
}

/* ---- asking ---- */

/* Corners of coarse cells at every stride-th step, the strides halving. */
static bool next_corner(struct quad *q, double *x, double *y)
{
    int32_t least = 2 << q->o.deepest;
    while (q->stride >= least) {
        int32_t n = q->side / q->stride + 1;
        for (; q->at < n * n; q->at++) {
            int32_t i = q->at % n * q->stride, k = q->at / n * q->stride;
            if (slot_of(q, i, k)->state != NODE_FREE)
                continue;
            ask(q, i, k);
            *x = i;
            *y = k;
            return true;
        }
        q->at = 0;
        q->stride /= 2;
    }
    return false;
}

static bool next_inside(struct quad *q, double *x, double *y)
{
    const struct cell *best = NULL;
    int32_t bx = 0, by = 0;
    double v[4];
    for (int i = 0; i < q->n_cells; i++) {
        const struct cell *c = &q->cells[i];
        if (c->done || c->child >= 0 || (best && !(c->error > best->error)) || !corners(q, c, v))
            continue;
        for (int k = 0; k < 5; k++) {
            int32_t px, py;
            place(c, k, &px, &py);
            if (slot_of(q, px, py)->state != NODE_FREE)
                continue;
            best = c;
            bx = px;
            by = py;
            break;
        }
    }
    if (!best)
        return false;
    ask(q, bx, by);
    *x = bx;
    *y = by;
    return true;
}

bool quad_next(struct quad *q, double *x, double *y)
{
    double i, k;
    if (!next_corner(q, &i, &k) && !next_inside(q, &i, &k))
        return false;
    *x = q->o.x0 + (q->o.x1 - q->o.x0) * i / q->side;
    *y = q->o.y0 + (q->o.y1 - q->o.y0) * k / q->side;
    return true;
}

bool quad_tell(struct quad *q, double x, double y, double value)
{
    double i = (x - q->o.x0) / (q->o.x1 - q->o.x0) * q->side,
           k = (y - q->o.y0) / (q->o.y1 - q->o.y0) * q->side;
    if (!(fabs(i - round(i)) < 1e-6 && fabs(k - round(k)) < 1e-6 && i > -0.5 && k > -0.5 &&
          i < q->side + 0.5 && k < q->side + 0.5))
        return false;
    struct node *n = slot_of(q, (int32_t)round(i), (int32_t)round(k));
    if (n->state == NODE_FREE)
        return false;
    q->n_out -= n->state == NODE_OUT;
    n->state = NODE_KNOWN;
    n->value = value;
    for (int c = q->n_cells - 1; c >= 0; c--) { /* only those that the place touches can change */
        const struct cell *cell = &q->cells[c];
        if (n->x >= cell->x && n->x <= cell->x + cell->size && n->y >= cell->y &&
            n->y <= cell->y + cell->size)
            judge(q, c);
    }
    return true;
}

/* ---- reading ---- */

static double bilinear(const struct cell *c, const double v[4], double i, double k)
{
    double a = (i - c->x) / c->size, b = (k - c->y) / c->size;
    return (1 - b) * ((1 - a) * v[0] + a * v[1]) + b * ((1 - a) * v[2] + a * v[3]);
}

double quad_at(const struct quad *q, double x, double y)
{
    double i = (x - q->o.x0) / (q->o.x1 - q->o.x0) * q->side,
           k = (y - q->o.y0) / (q->o.y1 - q->o.y0) * q->side, v[4];
    if (!(i >= 0 && k >= 0 && i <= q->side && k <= q->side))
        return NAN;
    int32_t size = 2 << q->o.deepest, last = q->o.coarse - 1;
    int at = (int)fmin(floor(k / size), last) * q->o.coarse + (int)fmin(floor(i / size), last);
    double out = corners(q, &q->cells[at], v) ? bilinear(&q->cells[at], v, i, k) : NAN;
    while (q->cells[at].child >= 0) {
        const struct cell *c = &q->cells[at];
        int32_t half = c->size / 2;
        at = c->child + (i >= c->x + half) + 2 * (k >= c->y + half);
        if (corners(q, &q->cells[at], v))
            out = bilinear(&q->cells[at], v, i, k);
    }
    return out;
}

int quad_told(const struct quad *q)
{
    return q->n_nodes - q->n_out;
}

int quad_out(const struct quad *q)
{
    return q->n_out;
}

int quad_cells(const struct quad *q)
{
    int n = 0;
    for (int i = 0; i < q->n_cells; i++)
        n += q->cells[i].child < 0;
    return n;
}
