/* bench_store: the hub's memory and its views: bytes a point at 10^7 points (beside rows of 24 bytes),
 * appending (beside a plain copy of these rows), 180 columns of one series of 10^6 points (beside a scan of
 * it), and 40 rows with sparklines of 10,000 trials sorted by value (beside reading every trial's value and
 * sorting these). One JSON object a line. Arguments: [POINTS] [ROUNDS]. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "base/rng.h"
#include "hub/series.h"
#include "hub/views.h"
#include "proto/points.h"

#define BATCH  512
#define WIDTH  180
#define TRIALS 10000
#define T0     INT64_C(1700000000000000000)

struct row {
    int64_t step, time;
    double value;
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(const char *bench, const char *unit, const char *shape, double *v, int n)
{
    struct buf b = {0};
    struct json_out j;
    qsort(v, (size_t)n, sizeof *v, by_value);
    jw_open(&j, &b);
    jw_object(&j);
    jw_key(&j, "bench");
    jw_str(&j, bench);
    jw_key(&j, "unit");
    jw_str(&j, unit);
    jw_key(&j, "median");
    jw_double(&j, v[n / 2]);
    jw_key(&j, "p99");
    jw_double(&j, v[n * 99 / 100]);
    jw_key(&j, "shape");
    jw_str(&j, shape);
    jw_object_end(&j);
    puts(buf_cstr(&b));
    buf_release(&b);
}

static void report_one(const char *bench, const char *unit, const char *shape, double v)
{
    report(bench, unit, shape, &v, 1);
}

/* ---- series ---- */

/* regular: a float loss at every step; double: values that no float holds; uneven: those at uneven steps,
 * minutes apart in a slow run */
enum shape { REGULAR, DOUBLE, UNEVEN, SINGLE, SHAPES };
static const char *const shape_names[SHAPES] = {"regular", "double", "uneven", "double, one point a batch"};

struct batch {
    int64_t steps[BATCH], times[BATCH];
    double values[BATCH];
};

static void fill(struct batch *b, enum shape shape, uint64_t from, struct rng *r)
{
    for (uint64_t i = 0; i < BATCH; i++) {
        uint64_t k = from + i;
        double v = 1 / (1 + (double)k * 1e-4) + 0.05 * rng_unit(r);
        b->steps[i] = (int64_t)(shape == UNEVEN ? k * 10 + rng_below(r, 7) : k);
        b->times[i] =
            T0 + (int64_t)k * (shape == UNEVEN ? 500 * CLOCK_MS : 300 * 1000) + (int64_t)rng_below(r, 1000);
        b->values[i] = shape == REGULAR ? (double)(float)v : v;
    }
}

/* Fills a series (or, for the baseline, an array of rows); returns ns a point without the making of the
 * points. */
static double append(struct series *s, struct row *rows, enum shape shape, uint64_t points)
{
    static struct batch b;
    struct rng r;
    int64_t spent = 0;
    rng_seed(&r, 1);
    for (uint64_t from = 0; from + BATCH <= points; from += BATCH) {
        fill(&b, shape, from, &r);
        int64_t t = clock_mono_ns();
        if (rows)
            for (int i = 0; i < BATCH; i++)
                rows[from + (uint64_t)i] = (struct row){b.steps[i], b.times[i], b.values[i]};
        else if (shape == SINGLE)
            for (int i = 0; i < BATCH; i++)
                series_append(s, b.times[i] + 3 * CLOCK_MS + (i * 7919 % 1000) * 1000, 1, &b.steps[i],
                              &b.times[i], &b.values[i]);
        else
            series_append(s, b.times[BATCH - 1] + 3 * CLOCK_MS, BATCH, b.steps, b.times, b.values);
        spent += clock_mono_ns() - t;
    }
    return (double)spent / (double)points;
}

static void bench_append(uint64_t points)
{
    struct row *rows = mem_alloc(points * sizeof *rows);
    memset(rows, 0, points * sizeof *rows);
    double plain = append(NULL, rows, REGULAR, points);
    free(rows);
    for (enum shape k = 0; k < SHAPES; k++) {
        struct series *s = series_new();
        double ns = append(s, NULL, k, points);
        report_one("store_bytes", "bytes/point", shape_names[k],
                   (double)series_bytes(s) / (double)series_count(s, SERIES_NOW));
        report_one("series_append", "ns/point", shape_names[k], ns);
        series_free(s);
    }
    report_one("store_bytes_rows", "bytes/point", "regular", sizeof *rows);
    report_one("series_append_rows", "ns/point", "regular", plain);
}

static double scan_columns(const struct row *rows, uint64_t n, double *min, double *max, double *mean)
{
    double count[WIDTH] = {0}, x0 = (double)rows[0].step, scale = WIDTH / ((double)rows[n - 1].step - x0);
    for (int c = 0; c < WIDTH; c++)
        min[c] = INFINITY, max[c] = -INFINITY, mean[c] = 0;
    for (uint64_t i = 0; i < n; i++) {
        int c = (int)(((double)rows[i].step - x0) * scale);
        c = c < WIDTH ? c : WIDTH - 1;
        min[c] = rows[i].value < min[c] ? rows[i].value : min[c];
        max[c] = rows[i].value > max[c] ? rows[i].value : max[c];
        mean[c] += rows[i].value;
        count[c]++;
    }
    return count[0];
}

static void bench_columns(uint64_t points, double *us, int rounds)
{
    static double min[WIDTH], max[WIDTH], mean[WIDTH];
    struct row *rows = mem_alloc(points * sizeof *rows);
    memset(rows, 0, points * sizeof *rows);
    uint64_t n = points / BATCH * BATCH;
    for (enum shape k = 0; k < SINGLE; k++) {
        struct series *s = series_new();
        double x0, x1;
        append(s, NULL, k, points);
        append(NULL, rows, k, points);
        series_range(s, SERIES_STEP, SERIES_NOW, &x0, &x1);
        for (int i = 0; i < rounds; i++) {
            int64_t t = clock_mono_ns();
            series_columns(s, SERIES_STEP, x0, x1, SERIES_NOW, WIDTH, min, max, mean);
            us[i] = (double)(clock_mono_ns() - t) / 1e3;
        }
        report("view_series", "us", shape_names[k], us, rounds);
        for (int i = 0; i < rounds; i++) {
            int64_t t = clock_mono_ns();
            if (scan_columns(rows, n, min, max, mean) < 1)
                abort();
            us[i] = (double)(clock_mono_ns() - t) / 1e3;
        }
        report("view_series_scan", "us", shape_names[k], us, rounds);
        series_free(s);
    }
    free(rows);
}

/* ---- trials ---- */

struct feed {
    struct state *s;
    struct buf body;
    struct codec_writer w;
    int64_t now;
};

static struct codec_writer *begin(struct feed *f, size_t pairs)
{
    buf_clear(&f->body);
    cw_init(&f->w, &f->body);
    cw_map(&f->w, pairs);
    return &f->w;
}

static void commit(struct feed *f, enum event_kind kind)
{
    struct event ev = {kind, f->now, f->now, {(const char *)f->body.data, f->body.len}};
    f->now += CLOCK_MS;
    if (state_apply(f->s, &ev) != 0)
        abort();
}

static void put_run(struct feed *f, int i, const char *state)
{
    struct codec_writer *w = begin(f, 4);
    cw_kint(w, "run", i);
    cw_kint(w, "trial", i);
    cw_kint(w, "epoch", 1);
    cw_kstr(w, "state", state);
    commit(f, EV_RUN);
}

static void put_trial_state(struct feed *f, int i, const char *state)
{
    struct codec_writer *w = begin(f, 2);
    cw_kint(w, "trial", i);
    cw_kstr(w, "state", state);
    commit(f, EV_TRIAL_STATE);
}

/* A finished trial of 60 epochs with three metrics. */
static void put_trial(struct feed *f, int i, struct rng *r)
{
    static const char *const names[] = {"loss", "val_loss", "lr"};
    struct codec_writer *w = begin(f, 3);
    cw_kint(w, "trial", i);
    cw_kstr(w, "origin", "tuner");
    cw_str(w, "params");
    cw_map(w, 3);
    cw_kdouble(w, "lr", exp(-9 * rng_unit(r)));
    cw_kint(w, "units", (int64_t)rng_below(r, 512));
    cw_kstr(w, "opt", rng_below(r, 2) ? "adam" : "sgd");
    commit(f, EV_TRIAL);
    put_trial_state(f, i, "running");
    put_run(f, i, "running");
    struct buf c = {0};
    int64_t steps[60], times[60];
    double values[60], quality = rng_unit(r);
    points_begin(&c);
    for (int m = 0; m < 3; m++) {
        for (int k = 0; k < 60; k++) {
            steps[k] = k;
            times[k] = f->now + k * 1000;
            values[k] = (float)(quality + 1.0 / (1 + k));
        }
        points_add(&c, names[m], 60, steps, times, values);
    }
    w = begin(f, 3);
    cw_kint(w, "run", i);
    cw_kint(w, "epoch", 1);
    cw_str(w, "c");
    cw_bin(w, c.data, c.len);
    commit(f, EV_POINTS);
    buf_release(&c);
    w = begin(f, 4);
    cw_kint(w, "run", i);
    cw_kint(w, "epoch", 1);
    cw_kint(w, "step", 59);
    cw_kdouble(w, "value", values[59]);
    commit(f, EV_REPORT);
    put_run(f, i, "done");
    put_trial_state(f, i, "done");
}

static struct state *make_trials(double *ns_per_event)
{
    struct feed f = {.s = state_new(), .now = T0};
    struct rng r;
    rng_seed(&r, 2);
    struct codec_writer *w = begin(&f, 3);
    cw_kstr(w, "sweep", "big");
    cw_kstr(w, "metric", "val_loss");
    cw_kstr(w, "goal", "minimize");
    commit(&f, EV_SWEEP);
    int64_t t = clock_mono_ns();
    for (int i = 0; i < TRIALS; i++)
        put_trial(&f, i, &r);
    *ns_per_event = (double)(clock_mono_ns() - t) / (double)f.s->n_events;
    buf_release(&f.body);
    return f.s;
}

static void ask(const struct views_ctx *ctx, struct span request, struct view_out *out)
{
    char *cause = NULL;
    if (views_answer(ctx, request, out, &cause) != 0) {
        fprintf(stderr, "bench_store: %s\n", cause);
        exit(1);
    }
}

static void bench_view(const struct views_ctx *ctx, const char *shape, const char *sort, const char *filter,
                       double *us, int rounds)
{
    struct buf request = {0};
    struct codec_writer w;
    struct view_out out = {0};
    cw_init(&w, &request);
    cw_map(&w, 5);
    cw_kstr(&w, "view", "trials");
    cw_kstr(&w, "sort", sort);
    cw_kstr(&w, "filter", filter);
    cw_kint(&w, "rows", 40);
    cw_kint(&w, "spark", 12);
    for (int i = 0; i < rounds; i++) {
        int64_t t = clock_mono_ns();
        ask(ctx, (struct span){(const char *)request.data, request.len}, &out);
        us[i] = (double)(clock_mono_ns() - t) / 1e3;
    }
    report("view_trials", "us", shape, us, rounds);
    view_out_release(&out);
    buf_release(&request);
}

static void bench_trials(double *us, int rounds)
{
    static double values[TRIALS];
    double ns;
    struct state *s = make_trials(&ns);
    struct sweep_ref ref = {.state = s, .max_fidelity = 60}, *refs[] = {&ref};
    struct views_ctx ctx = {.sweeps = refs, .n_sweeps = 1, .now = s->last_time};
    report_one("state_apply", "ns/event", "7 events a trial, 180 points in one of them", ns);
    report_one("state_bytes", "bytes/point", "10,000 trials of 3 x 60 points",
               (double)state_bytes(s) / (double)s->n_points);
    bench_view(&ctx, "10,000 trials by value, 40 rows, sparklines", "value", "", us, rounds);
    bench_view(&ctx, "10,000 trials by a parameter", "lr", "", us, rounds);
    bench_view(&ctx, "10,000 trials by value, filtered", "value", "state=done lr<0.1 val_loss<0.5", us,
               rounds);
    for (int i = 0; i < rounds; i++) {
        int64_t t = clock_mono_ns();
        for (int k = 0; k < TRIALS; k++)
            values[k] = s->trials[k]->reports[0].value;
        qsort(values, TRIALS, sizeof *values, by_value);
        us[i] = (double)(clock_mono_ns() - t) / 1e3;
    }
    report("view_trials_sort", "us", "10,000 values read and sorted, nothing else", us, rounds);
    state_free(s);
}

int main(int argc, char **argv)
{
    uint64_t points = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 100;
    if (points < BATCH || points > 200000000 || rounds < 1) {
        fprintf(stderr, "usage: bench_store [POINTS %d..200000000] [ROUNDS]\n", BATCH);
        return 2;
    }
    double *us = mem_alloc((size_t)rounds * sizeof *us);
    bench_append(points);
    bench_columns(points < 1000000 ? points : 1000000, us, rounds);
    bench_trials(us, rounds);
    free(us);
    return 0;
}
