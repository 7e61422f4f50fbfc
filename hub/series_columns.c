/* series_columns: a series as the columns of a plot.
 *
 * While x never decreases, the points of a column are a range of indexes: its ends are found by search (first
 * over the directory of blocks, galloping on from the column before, then inside one block), its sum through
 * the pyramid. Steps that go back (a trial that resumed from a checkpoint) are drawn in one pass that still
 * takes whole blocks where all of a block falls into one column. */
#include <stdlib.h>

#include "base/mem.h"
#include "hub/series_store.h"

struct axis {
    const struct series *s;
    enum series_x x;
    double x0, scale;
    int width;
    bool point; /* x0 == x1 */
};

static struct axis axis_make(const struct series *s, enum series_x x, double x0, double x1, int width)
{
    return (struct axis){
        .s = s, .x = x, .x0 = x0, .scale = width / (x1 - x0), .width = width, .point = !(x1 > x0)};
}

static double axis_x(const struct axis *a, uint64_t i)
{
    return a->x == SERIES_STEP ? (double)series_step(a->s, i) : (double)series_time_us(a->s, i) * 1000;
}

static double entry_x(const struct axis *a, uint64_t k)
{
    const struct series_entry *e = &a->s->entries[k];
    return a->x == SERIES_STEP ? (double)e->step_first : (double)e->time_first * 1000;
}

/* Column of x before clipping: -1 left of the plot, width right of it. Never decreases with x. */
static int column_of(const struct axis *a, double x)
{
    if (x < a->x0)
        return -1;
    if (a->point)
        return x > a->x0 ? a->width : 0;
    double c = (x - a->x0) * a->scale;
    return c < a->width ? (int)c : a->width;
}

/* x1 itself would be column `width`; it belongs to the last. */
static int column_clipped(const struct axis *a, double x, double x1)
{
    int c = column_of(a, x);
    return c == a->width && x <= x1 ? a->width - 1 : c;
}

/* First index >= from, < n whose column is at least c (n when there is none); x does not decrease over
 * from..n-1. */
static uint64_t first_in_column(const struct axis *a, double x1, int c, uint64_t from, uint64_t n)
{
    uint64_t lo = from, hi = n;
    uint64_t k = from / BLOCK_POINTS, end = (n + BLOCK_POINTS - 1) / BLOCK_POINTS, stride = 1;
    if (end > a->s->n_entries)
        end = a->s->n_entries;
    /* Gallop over block starts: lo stays before the answer, hi at or behind it. */
    while (k + stride < end && column_clipped(a, entry_x(a, k + stride), x1) < c) {
        k += stride;
        lo = k * BLOCK_POINTS;
        stride *= 2;
    }
    uint64_t above = k + stride;
    if (above < end)
        hi = above * BLOCK_POINTS;
    else
        above = end;
    while (above > k + 1) {
        uint64_t mid = (k + above) / 2;
        if (column_clipped(a, entry_x(a, mid), x1) < c) {
            k = mid;
            lo = mid * BLOCK_POINTS;
        } else {
            above = mid;
            hi = mid * BLOCK_POINTS;
        }
    }
    if (lo < from)
        lo = from;
    if (hi > n)
        hi = n;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (column_clipped(a, axis_x(a, mid), x1) < c)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void put_column(const struct node *n, int c, double *min, double *max, double *mean)
{
    if (min)
        min[c] = n->finite ? n->min : NAN;
    if (max)
        max[c] = n->finite ? n->max : NAN;
    if (mean)
        mean[c] = n->finite ? n->sum / (double)n->finite : NAN;
}

/* Steps in any order. */
static void scan_columns(const struct axis *a, double x1, uint64_t n, struct node *columns)
{
    for (uint64_t i = 0; i < n;) {
        const struct block *b = series_packed(a->s, i) ? a->s->entries[i / BLOCK_POINTS].block : NULL;
        if (b && i + BLOCK_POINTS <= n) {
            int lo = column_clipped(a, (double)b->step_min, x1);
            if (lo == column_clipped(a, (double)b->step_max, x1)) {
                if (lo >= 0 && lo < a->width)
                    node_merge(&columns[lo], &a->s->entries[i / BLOCK_POINTS].node);
                i += BLOCK_POINTS;
                continue;
            }
        }
        uint64_t end = (i / BLOCK_POINTS + 1) * BLOCK_POINTS;
        for (; i < end && i < n; i++) {
            int c = column_clipped(a, axis_x(a, i), x1);
            if (c >= 0 && c < a->width)
                node_add(&columns[c], series_value(a->s, i));
        }
    }
}

void series_columns(const struct series *s, enum series_x x, double x0, double x1, int64_t t, int width,
                    double *min, double *max, double *mean)
{
    uint64_t n = series_count(s, t);
    struct axis a = axis_make(s, x, x0, x1, width);
    if (x == SERIES_STEP && n > s->n_sorted) {
        struct node *columns = mem_zero((size_t)width, sizeof *columns);
        for (int c = 0; c < width; c++)
            columns[c] = NODE_EMPTY;
        scan_columns(&a, x1, n, columns);
        for (int c = 0; c < width; c++)
            put_column(&columns[c], c, min, max, mean);
        free(columns);
        return;
    }
    uint64_t from = first_in_column(&a, x1, 0, 0, n);
    for (int c = 0; c < width; c++) {
        uint64_t to = first_in_column(&a, x1, c + 1, from, n);
        struct node sum = series_sum(s, from, to);
        put_column(&sum, c, min, max, mean);
        from = to;
    }
}

bool series_range(const struct series *s, enum series_x x, int64_t t, double *x0, double *x1)
{
    uint64_t n = series_count(s, t);
    if (!n)
        return false;
    struct axis a = {.s = s, .x = x};
    *x0 = axis_x(&a, 0);
    *x1 = axis_x(&a, n - 1);
    if (x == SERIES_TIME || n <= s->n_sorted)
        return true;
    for (uint64_t i = 0; i < n; i++) {
        bool whole = series_packed(s, i) && i % BLOCK_POINTS == 0 && i + BLOCK_POINTS <= n;
        const struct block *b = whole ? s->entries[i / BLOCK_POINTS].block : NULL;
        double lo = b ? (double)b->step_min : axis_x(&a, i), hi = b ? (double)b->step_max : lo;
        *x0 = lo < *x0 ? lo : *x0;
        *x1 = hi > *x1 ? hi : *x1;
        i += b ? BLOCK_POINTS - 1 : 0;
    }
    return true;
}
