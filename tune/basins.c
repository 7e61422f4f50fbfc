#include "tune/basins.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

struct vertex {
    double value;
    int cell;
};

/* A union-find forest over cells; a root's lowest cell is its minimum. */
struct merge {
    int *parent, *low;
    struct basin *pairs;
    int n;
};

static int by_value(const void *a, const void *b)
{
    const struct vertex *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->cell - y->cell;
}

static int root_of(struct merge *m, int cell)
{
    while (m->parent[cell] != cell) {
        m->parent[cell] = m->parent[m->parent[cell]];
        cell = m->parent[cell];
    }
    return cell;
}

static bool older(const double *z, int a, int b)
{
    return z[a] < z[b] || (z[a] == z[b] && a < b);
}

/* Basins a and b (roots) meet at `pass`. One that is born and ends at the same cell or level never was. */
static void meet(struct merge *m, const double *z, int a, int b, int pass)
{
    if (!older(z, m->low[a], m->low[b])) {
        int swap = a;
        a = b;
        b = swap;
    }
    int dead = m->low[b];
    m->parent[b] = a;
    if (z[pass] > z[dead])
        m->pairs[m->n++] = (struct basin){dead, pass, z[dead], z[pass]};
}

static double persistence(const struct basin *b)
{
    return b->death - b->birth;
}

static int by_depth(const void *a, const void *b)
{
    const struct basin *x = a, *y = b;
    double px = persistence(x), py = persistence(y);
    if (px != py)
        return px > py ? -1 : 1;
    if (x->birth != y->birth)
        return x->birth < y->birth ? -1 : 1;
    return x->low - y->low;
}

static void add_cell(struct merge *m, const double *z, int rows, int columns, int cell)
{
    int r = cell / columns, c = cell % columns;
    m->parent[cell] = m->low[cell] = cell;
    for (int i = r - 1; i <= r + 1; i++) {
        for (int j = c - 1; j <= c + 1; j++) {
            if (i < 0 || j < 0 || i >= rows || j >= columns || m->parent[i * columns + j] < 0)
                continue;
            int a = root_of(m, i * columns + j), b = root_of(m, cell);
            if (a != b)
                meet(m, z, a, b, cell);
        }
    }
}

int basins_find(const double *z, int rows, int columns, struct basin *out, int max)
{
    int n = rows * columns, known = 0;
    struct vertex *v = mem_zero((size_t)n + 1, sizeof *v);
    struct merge m = {mem_zero((size_t)n + 1, sizeof(int)), mem_zero((size_t)n + 1, sizeof(int)),
                      mem_zero((size_t)n + 1, sizeof(struct basin)), 0};
    for (int i = 0; i < n; i++) {
        m.parent[i] = -1;
        if (!isnan(z[i]))
            v[known++] = (struct vertex){z[i], i};
    }
    qsort(v, (size_t)known, sizeof *v, by_value);
    for (int i = 0; i < known; i++)
        add_cell(&m, z, rows, columns, v[i].cell);
    for (int i = 0; i < n; i++)
        if (m.parent[i] == i)
            m.pairs[m.n++] = (struct basin){m.low[i], -1, z[m.low[i]], INFINITY};
    qsort(m.pairs, (size_t)m.n, sizeof *m.pairs, by_depth);
    for (int i = 0; i < m.n && i < max; i++)
        out[i] = m.pairs[i];
    free(v);
    free(m.parent);
    free(m.low);
    free(m.pairs);
    return m.n;
}
