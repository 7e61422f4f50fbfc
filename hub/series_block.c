/* series_block: packing. Every pass is a plain loop over at most 256 points, so that appending stays at a few
 * ns a point. */
#include "hub/series_block.h"

#include "base/mem.h"

static int width_of(uint64_t largest)
{
    return largest ? (64 - __builtin_clzll(largest) + 7) / 8 : 0;
}

/* Entries are written in order with whole words; each next one overwrites the excess of the one before. */
static void put_word(uint8_t *column, int width, int i, uint64_t v)
{
    memcpy(column + (size_t)i * (size_t)width, &v, sizeof v);
}

static bool fits_float(const double *v, int n)
{
    int wrong = 0;
    for (int i = 0; i < n; i++)
        wrong |= ((double)(float)v[i] != v[i]) & (v[i] == v[i]);
    return !wrong;
}

static void scan_steps(struct block *b, const int64_t *steps, int n)
{
    uint64_t stride = n > 1 ? (uint64_t)steps[1] - (uint64_t)steps[0] : 0;
    int64_t lo = steps[0], hi = steps[0];
    uint64_t uneven = 0;
    for (int i = 1; i < n; i++) {
        lo = steps[i] < lo ? steps[i] : lo;
        hi = steps[i] > hi ? steps[i] : hi;
        uneven |= ((uint64_t)steps[i] - (uint64_t)steps[i - 1]) ^ stride;
    }
    b->step_min = lo;
    b->step_max = hi;
    b->step_first = steps[0];
    b->stride = (int64_t)stride;
    b->regular = uneven == 0;
    b->step_width = b->regular ? 0 : (uint8_t)width_of((uint64_t)hi - (uint64_t)lo);
}

/* Batches are runs of equal `seen`; what is stored is how far it lies behind the last point's own time,
 * because that hardly varies. */
static void scan_seen(struct block *b, const struct block_columns *c, int n)
{
    int64_t lo = INT64_MAX, hi = INT64_MIN;
    b->n_seen = 0;
    for (int i = c->seen[0] == c->seen[n - 1] ? n - 1 : 0; i < n; i++) {
        if (i + 1 < n && c->seen[i + 1] == c->seen[i])
            continue;
        int64_t lag = c->seen[i] - c->times[i];
        lo = lag < lo ? lag : lo;
        hi = lag > hi ? lag : hi;
        b->n_seen++;
    }
    b->lag_min = lo;
    b->lag_width = (uint8_t)width_of((uint64_t)hi - (uint64_t)lo);
}

static void put_values(struct block *b, const double *values, int n)
{
    uint8_t *p = b->data + BLOCK_GROUPS * sizeof(double);
    if (b->value_width == 8) {
        memcpy(p, values, (size_t)n * sizeof *values);
        return;
    }
    for (int i = 0; i < n; i++) {
        float f = (float)values[i];
        memcpy(p + 4 * i, &f, sizeof f);
    }
}

/* All lags before the first end: their whole-word writes spill into the column behind them. */
static void put_seen(struct block *b, const struct block_columns *c, int n)
{
    int k = 0,
        from = c->seen[0] == c->seen[n - 1] ? n - 1 : 0; /* one batch: the usual case when points come fast */
    for (int i = from; i < n; i++)
        if (i + 1 == n || c->seen[i + 1] != c->seen[i])
            put_word(b->data + b->at_seen_lag, b->lag_width, k++,
                     (uint64_t)(c->seen[i] - c->times[i]) - (uint64_t)b->lag_min);
    k = 0;
    for (int i = from; i < n; i++)
        if (i + 1 == n || c->seen[i + 1] != c->seen[i])
            b->data[b->at_seen_end + k++] = (uint8_t)i;
}

/* NaN and infinite ones left out; rare, so it need not be fast. */
static struct node node_with_gaps(const double *v, uint8_t *at)
{
    struct node n = NODE_EMPTY;
    int lo = 0, hi = 0;
    for (int i = 0; i < BLOCK_GROUP; i++) {
        lo = isfinite(v[i]) && v[i] < n.min ? i : lo;
        hi = isfinite(v[i]) && v[i] > n.max ? i : hi;
        node_add(&n, v[i]);
    }
    if (at)
        *at = (uint8_t)(lo | hi << 4);
    return n;
}

/* Four sums side by side, because each addition waits for the one before it. */
struct node node_of_group(const double v[BLOCK_GROUP], uint8_t *at)
{
    double sum[4], lo[4], hi[4];
    for (int k = 0; k < 4; k++)
        sum[k] = lo[k] = hi[k] = v[k];
    for (int i = 4; i < BLOCK_GROUP; i += 4)
        for (int k = 0; k < 4; k++) {
            double x = v[i + k];
            sum[k] += x;
            lo[k] = x < lo[k] ? x : lo[k];
            hi[k] = x > hi[k] ? x : hi[k];
        }
    struct node n = {.sum = (sum[0] + sum[1]) + (sum[2] + sum[3]), .finite = BLOCK_GROUP};
    if (!isfinite(n.sum)) /* a gap, or values so large that they need the slow way's order too */
        return node_with_gaps(v, at);
    n.min = lo[0];
    n.max = hi[0];
    for (int k = 1; k < 4; k++) {
        n.min = lo[k] < n.min ? lo[k] : n.min;
        n.max = hi[k] > n.max ? hi[k] : n.max;
    }
    if (at) {
        int first_lo = 0, first_hi = 0;
        for (int i = BLOCK_GROUP - 1; i >= 0; i--) {
            first_lo = v[i] == n.min ? i : first_lo;
            first_hi = v[i] == n.max ? i : first_hi;
        }
        *at = (uint8_t)(first_lo | first_hi << 4);
    }
    return n;
}

static void put_groups(struct block *b, const double *values, int n, struct node *summary)
{
    *summary = NODE_EMPTY;
    for (int g = 0; (g + 1) * BLOCK_GROUP <= n; g++) {
        struct node node = node_of_group(values + g * BLOCK_GROUP, &b->data[b->at_position + g]);
        memcpy(b->data + (size_t)g * sizeof node.sum, &node.sum, sizeof node.sum);
        b->data[b->at_finite + g] = (uint8_t)node.finite;
        node_merge(summary, &node);
    }
    if (n < BLOCK_POINTS)
        *summary = NODE_EMPTY;
}

struct block *block_make(const struct block_columns *c, int n, struct node *summary)
{
    struct block plan = {.n = (uint16_t)n, .time_first = c->times[0]};
    scan_steps(&plan, c->steps, n);
    scan_seen(&plan, c, n);
    plan.time_width = (uint8_t)width_of((uint64_t)c->times[n - 1] - (uint64_t)c->times[0]);
    plan.value_width = fits_float(c->values, n) ? 4 : 8;

    size_t groups = (size_t)n / BLOCK_GROUP;
    size_t at = BLOCK_GROUPS * sizeof(double) + (size_t)n * plan.value_width;
    plan.at_times = (uint16_t)at;
    at += (size_t)n * plan.time_width;
    plan.at_steps = (uint16_t)at;
    at += (size_t)n * plan.step_width;
    plan.at_seen_lag = (uint16_t)at;
    at += (size_t)plan.n_seen * plan.lag_width;
    plan.at_seen_end = (uint16_t)at;
    at += plan.n_seen;
    plan.at_position = (uint16_t)at;
    at += groups;
    plan.at_finite = (uint16_t)at;
    at += groups;
    plan.bytes =
        (uint32_t)(sizeof plan + at + sizeof(uint64_t)); /* the last words are read and written whole */

    struct block *b = mem_alloc(plan.bytes);
    *b = plan;
    put_values(b, c->values, n);
    for (int i = 0; i < n; i++)
        put_word(b->data + b->at_times, b->time_width, i, (uint64_t)c->times[i] - (uint64_t)b->time_first);
    for (int i = 0; i < n && b->step_width; i++)
        put_word(b->data + b->at_steps, b->step_width, i, (uint64_t)c->steps[i] - (uint64_t)b->step_min);
    put_seen(b, c, n);
    put_groups(b, c->values, n, summary);
    return b;
}

static int64_t seen_entry(const struct block *b, int k)
{
    int64_t time = block_time(b, b->data[b->at_seen_end + k]);
    return (int64_t)((uint64_t)time + (uint64_t)b->lag_min +
                     block_word(b->data + b->at_seen_lag, b->lag_width, k));
}

int64_t block_seen(const struct block *b, int i)
{
    int lo = 0, hi = b->n_seen - 1;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (b->data[b->at_seen_end + mid] < i)
            lo = mid + 1;
        else
            hi = mid;
    }
    return seen_entry(b, lo);
}

int block_count(const struct block *b, int64_t t)
{
    int lo = 0, hi = b->n_seen;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (seen_entry(b, mid) <= t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo ? b->data[b->at_seen_end + lo - 1] + 1 : 0;
}
