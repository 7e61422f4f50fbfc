/* Properties of series against a model that keeps every point in plain arrays. */
#include "hub/series.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"

struct model {
    int n, cap;
    int64_t *steps, *times, *seen;
    double *values;
};

static void model_put(struct model *m, int64_t seen, int64_t step, int64_t time, double v)
{
    if (m->n == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 64;
        m->steps = mem_resize(m->steps, (size_t)m->cap, sizeof *m->steps);
        m->times = mem_resize(m->times, (size_t)m->cap, sizeof *m->times);
        m->seen = mem_resize(m->seen, (size_t)m->cap, sizeof *m->seen);
        m->values = mem_resize(m->values, (size_t)m->cap, sizeof *m->values);
    }
    time = time / 1000 * 1000;
    if (m->n && time < m->times[m->n - 1])
        time = m->times[m->n - 1];
    m->steps[m->n] = step;
    m->times[m->n] = time;
    m->seen[m->n] = seen;
    m->values[m->n++] = v;
}

static void model_free(struct model *m)
{
    free(m->steps);
    free(m->times);
    free(m->seen);
    free(m->values);
}

static int model_count(const struct model *m, int64_t t)
{
    int n = 0;
    while (n < m->n && m->seen[n] <= t)
        n++;
    return n;
}

enum shape { REGULAR, IRREGULAR, REPEATED, BACKWARD, SHAPES };

struct made {
    struct series *s;
    struct model m;
    int64_t end; /* last seen */
};

static double some_value(struct rng *r, int i)
{
    switch (rng_below(r, 40)) {
    case 0: return NAN;
    case 1: return INFINITY;
    case 2: return (double)(float)rng_normal(r);
    default: return 1.0 / (i + 1) + 0.01 * rng_normal(r);
    }
}

static int64_t next_step(struct rng *r, enum shape shape, int64_t step)
{
    switch (shape) {
    case REGULAR: return step + 10;
    case IRREGULAR: return step + 1 + (int64_t)rng_below(r, 100);
    case REPEATED: return step + (int64_t)rng_below(r, 2);
    default: return rng_below(r, 300) ? step + 3 : step / 2;
    }
}

/* Appends about n points in batches of random sizes, settling now and then, to both. */
static struct made make(struct rng *r, enum shape shape, int n, bool as_float)
{
    struct made out = {.s = series_new()};
    int64_t step = (int64_t)rng_below(r, 5), time = INT64_C(1700000000000000000), seen = time;
    int64_t steps[700], times[700];
    double values[700];
    while (out.m.n < n) {
        int batch = rng_below(r, 3) ? 1 + (int)rng_below(r, 40) : (int)rng_below(r, 700);
        seen += (int64_t)rng_below(r, 5) * 1000 * 1000;
        for (int i = 0; i < batch; i++) {
            steps[i] = step;
            step = next_step(r, shape, step);
            time += (int64_t)rng_below(r, 100) ? (int64_t)rng_below(r, 3000) : -500000;
            times[i] = time;
            values[i] = some_value(r, out.m.n);
            values[i] = as_float ? (double)(float)values[i] : values[i];
            model_put(&out.m, seen, steps[i], times[i], values[i]);
        }
        series_append(out.s, seen, (uint32_t)batch, steps, times, values);
        if (rng_below(r, 6) == 0)
            series_settle(out.s);
    }
    out.end = seen;
    return out;
}

static void drop(struct made *m)
{
    series_free(m->s);
    model_free(&m->m);
}

static void same_double(double a, double b)
{
    if (isnan(a) && isnan(b))
        return;
    assert_true(fabs(a - b) <= 1e-12 * (1 + fabs(b)) || a == b);
}

static int64_t some_time(struct rng *r, const struct made *m)
{
    if (rng_below(r, 5) == 0)
        return SERIES_NOW;
    if (rng_below(r, 8) == 0)
        return m->m.seen[0] - 1000;
    return m->m.seen[rng_below(r, (uint64_t)m->m.n)] - (int64_t)rng_below(r, 2) * 1000;
}

static void check_points(struct rng *r, const struct made *m)
{
    assert_int_equal(series_count(m->s, SERIES_NOW), m->m.n);
    struct series_point p;
    for (int i = 0; i < m->m.n; i++) {
        assert_true(series_at(m->s, (uint64_t)i, &p));
        assert_int_equal(p.step, m->m.steps[i]);
        assert_int_equal(p.time, m->m.times[i]);
        assert_true(memcmp(&p.value, &m->m.values[i], sizeof p.value) == 0 || isnan(p.value));
    }
    assert_false(series_at(m->s, (uint64_t)m->m.n, &p));
    for (int k = 0; k < 40; k++) {
        int64_t t = some_time(r, m);
        int n = model_count(&m->m, t);
        assert_int_equal(series_count(m->s, t), n);
        assert_int_equal(series_last(m->s, t, &p), n > 0);
        if (n)
            assert_int_equal(p.step, m->m.steps[n - 1]);
    }
}

static void check_stats(struct rng *r, const struct made *m)
{
    for (int k = 0; k < 20; k++) {
        int64_t t = some_time(r, m);
        int n = model_count(&m->m, t), lo = -1, hi = -1, first_bad = -1;
        double sum = 0, finite = 0;
        for (int i = 0; i < n; i++) {
            double v = m->m.values[i];
            if (!isfinite(v)) {
                first_bad = first_bad < 0 ? i : first_bad;
                continue;
            }
            lo = lo < 0 || v < m->m.values[lo] ? i : lo;
            hi = hi < 0 || v > m->m.values[hi] ? i : hi;
            sum += v;
            finite++;
        }
        struct series_stats s;
        series_stats(m->s, t, &s);
        assert_int_equal(s.count, n);
        assert_int_equal(s.nans, n - (int)finite);
        assert_int_equal(s.min_index, lo);
        assert_int_equal(s.max_index, hi);
        same_double(s.min, lo < 0 ? NAN : m->m.values[lo]);
        same_double(s.max, hi < 0 ? NAN : m->m.values[hi]);
        same_double(s.mean, finite > 0 ? sum / finite : NAN);
        assert_int_equal(series_first_nan(m->s, t), first_bad);
    }
}

#define WIDTH 37

static void check_columns(struct rng *r, const struct made *m, enum series_x axis)
{
    int64_t t = some_time(r, m);
    int n = model_count(&m->m, t);
    double lo, hi;
    assert_int_equal(series_range(m->s, axis, t, &lo, &hi), n > 0);
    if (!n)
        lo = 0, hi = 1;
    double x0 = lo, x1 = hi;
    if (rng_below(r, 2)) { /* a zoom, perhaps beyond the ends */
        double span = hi - lo;
        x0 = lo + (rng_unit(r) * 1.4 - 0.2) * span;
        x1 = x0 + rng_unit(r) * span;
    }
    double min[WIDTH], max[WIDTH], mean[WIDTH];
    series_columns(m->s, axis, x0, x1, t, WIDTH, min, max, mean);
    double emin[WIDTH], emax[WIDTH], sum[WIDTH] = {0};
    int count[WIDTH] = {0};
    for (int c = 0; c < WIDTH; c++)
        emin[c] = emax[c] = NAN;
    double real_lo = INFINITY, real_hi = -INFINITY;
    for (int i = 0; i < n; i++) {
        double x = axis == SERIES_STEP ? (double)m->m.steps[i] : (double)(m->m.times[i] / 1000) * 1000,
               v = m->m.values[i];
        real_lo = fmin(real_lo, x);
        real_hi = fmax(real_hi, x);
        if (x < x0 || x > x1 || !isfinite(v))
            continue;
        int c = x1 > x0 ? (int)((x - x0) * (WIDTH / (x1 - x0))) : 0;
        c = c >= WIDTH ? WIDTH - 1 : c;
        emin[c] = count[c] ? fmin(emin[c], v) : v;
        emax[c] = count[c] ? fmax(emax[c], v) : v;
        sum[c] += v;
        count[c]++;
    }
    if (n) {
        same_double(lo, real_lo);
        same_double(hi, real_hi);
    }
    for (int c = 0; c < WIDTH; c++) {
        same_double(min[c], emin[c]);
        same_double(max[c], emax[c]);
        same_double(mean[c], count[c] ? sum[c] / count[c] : NAN);
    }
}

static void every_answer_matches_a_plain_scan(void **state)
{
    (void)state;
    struct rng r;
    for (int seed = 0; seed < 60; seed++) {
        rng_seed(&r, (uint64_t)seed);
        struct made m =
            make(&r, (enum shape)(seed % SHAPES), 1 + (int)rng_below(&r, seed % 10 ? 3000 : 30000), seed & 1);
        check_points(&r, &m);
        check_stats(&r, &m);
        for (int k = 0; k < 20; k++)
            check_columns(&r, &m, k & 1 ? SERIES_TIME : SERIES_STEP);
        drop(&m);
    }
}

/* What a replaying console shows must be what the live one showed, to the last bit, however the points were
 * packed since. */
static void as_of_equals_a_series_cut_there(void **state)
{
    (void)state;
    struct rng r;
    for (int seed = 100; seed < 140; seed++) {
        rng_seed(&r, (uint64_t)seed);
        struct made m = make(&r, (enum shape)(seed % SHAPES), 9000, seed & 1);
        int64_t t = some_time(&r, &m);
        int n = model_count(&m.m, t);
        struct series *cut = series_new();
        for (int i = 0; i < n; i++)
            series_append(cut, m.m.seen[i], 1, &m.m.steps[i], &m.m.times[i], &m.m.values[i]);
        struct series_stats a, b;
        memset(&a, 0, sizeof a);
        memset(&b, 0, sizeof b);
        series_stats(m.s, t, &a);
        series_stats(cut, SERIES_NOW, &b);
        assert_memory_equal(&a, &b, sizeof a);
        double lo = 0, hi = 0, lo2 = 0, hi2 = 0, x[3][50], y[3][50];
        for (int axis = 0; axis < 2; axis++) {
            assert_int_equal(series_range(m.s, axis, t, &lo, &hi),
                             series_range(cut, axis, SERIES_NOW, &lo2, &hi2));
            assert_memory_equal(&lo, &lo2, sizeof lo);
            assert_memory_equal(&hi, &hi2, sizeof hi);
            series_columns(m.s, axis, lo, hi, t, 50, x[0], x[1], x[2]);
            series_columns(cut, axis, lo, hi, SERIES_NOW, 50, y[0], y[1], y[2]);
            assert_memory_equal(x, y, sizeof x);
        }
        series_free(cut);
        drop(&m);
    }
}

static void extreme_steps_and_times_survive(void **state)
{
    (void)state;
    struct series *s = series_new();
    int64_t steps[] = {INT64_MIN, INT64_MAX, 0, -1, INT64_MAX, INT64_MIN};
    int64_t times[] = {-5, INT64_C(1) << 61, 0, 7, 8, 9};
    double values[] = {1e308, -1e308, NAN, -INFINITY, 5e-324, 0};
    series_append(s, 1000, 6, steps, times, values);
    series_settle(s);
    struct series_point p;
    for (int i = 0; i < 6; i++) {
        assert_true(series_at(s, (uint64_t)i, &p));
        assert_int_equal(p.step, steps[i]);
        assert_true(p.value == values[i] || isnan(values[i]));
    }
    assert_true(series_at(s, 0, &p));
    assert_int_equal(p.time, -1000); /* whole microseconds, rounded down */
    double min[4], max[4];
    series_columns(s, SERIES_STEP, -9.3e18, 9.3e18, SERIES_NOW, 4, min, max, NULL);
    assert_true(min[0] == 0 && max[0] == 1e308);
    assert_true(max[3] == 5e-324);
    series_free(s);
}

static void empty_series_answers(void **state)
{
    (void)state;
    struct series *s = series_new();
    struct series_stats st;
    struct series_point p;
    double lo, hi, min[3];
    series_settle(s);
    series_append(s, 5, 0, NULL, NULL, NULL);
    assert_int_equal(series_count(s, SERIES_NOW), 0);
    assert_false(series_last(s, SERIES_NOW, &p));
    assert_false(series_range(s, SERIES_STEP, SERIES_NOW, &lo, &hi));
    series_stats(s, SERIES_NOW, &st);
    assert_int_equal(st.count, 0);
    assert_int_equal(st.min_index, -1);
    assert_int_equal(series_first_nan(s, SERIES_NOW), -1);
    series_columns(s, SERIES_STEP, 0, 10, SERIES_NOW, 3, min, NULL, NULL);
    for (int c = 0; c < 3; c++)
        assert_true(isnan(min[c]));
    series_free(s);
}

/* 10 short series for each of 10,000 trials must stay cheap. */
static void short_series_are_small(void **state)
{
    (void)state;
    struct series *s = series_new();
    for (int i = 0; i < 60; i++) {
        int64_t step = i, time = INT64_C(1700000000000000000) + i * INT64_C(1000000000);
        double v = (float)(1.0 / (i + 1));
        series_append(s, time + 3000000, 1, &step, &time, &v);
    }
    assert_true(series_bytes(s) < 60 * 64);
    series_settle(s);
    assert_true(series_bytes(s) < 60 * 22);
    series_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_matches_a_plain_scan),
        cmocka_unit_test(as_of_equals_a_series_cut_there),
        cmocka_unit_test(extreme_steps_and_times_survive),
        cmocka_unit_test(empty_series_answers),
        cmocka_unit_test(short_series_are_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
