/* A recording after compaction: the same events, hence the same answers of every view as of every moment,
 * as from the recording before, whatever the sweep was. */
#include "hub/views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "proto/recording.h"
#include "tests/unit/hub/random_log.h"
#include "tests/unit/proto/scratch_dir.h"

/* A slow trainer's row: one point of each metric, between whatever else happens. */
static void log_row(struct random_log *l)
{
    static const char *const names[] = {"val_loss", "train_loss", "lr"};
    int run;
    struct codec_writer *w = log_said(l, EV_POINTS, 1, &run);
    struct random_run *r = &l->run[run];
    struct buf c = {0};
    points_begin(&c);
    for (int b = 0; b < 3; b++) {
        int64_t step = r->step, time = l->now - 1000 * (3 - b);
        double value = log_pick(l, 30) ? 1.0 / (1 + (double)step) + 0.01 * rng_normal(&l->rng) : NAN;
        if (b < 2 || log_pick(l, 2))
            points_add(&c, names[b], 1, &step, &time, &value);
    }
    r->step++;
    cw_str(w, "c");
    cw_bin(w, c.data, c.len);
    log_end(l);
    buf_release(&c);
}

static struct random_log *slow_log(uint64_t seed)
{
    struct random_log *l = log_make(seed, 300);
    for (int i = 0; i < 60; i++) {
        for (int k = 0; k < 25; k++)
            log_row(l);
        if (i % 2)
            log_report(l);
        if (i % 3 == 0)
            log_rest(l);
        if (i % 5 == 0)
            log_run(l);
        if (i % 7 == 0)
            log_points(l);
    }
    return l;
}

static void record(const struct random_log *l, const char *path)
{
    struct rec_header h = {.sweep = "made-up", .created = l->events[0].log_time, .unsynced = true};
    char *cause = NULL;
    struct rec_writer *w = rec_create(path, &h, &cause);
    if (!w)
        fail_msg("%s", cause);
    for (int i = 0; i < l->n; i++) {
        struct event ev = log_event(l, i);
        assert_true(rec_put(w, ev.kind, ev.log_time, ev.time, ev.body) > 0);
        struct rec_chunk *c = i % 3 == 0 ? rec_take_chunk(w) : NULL;
        if (c)
            assert_int_equal(rec_write_chunk(w, &c, NULL), REC_OK);
    }
    assert_int_equal(rec_finish(&w, NULL), 0);
}

static struct state *fold(const char *path, int *events)
{
    struct recording_reader *r = rec_open(path, NULL);
    struct state *s = state_new();
    struct event ev;
    assert_non_null(r);
    for (*events = 0; rec_next(r, &ev, NULL) == 1; ++*events)
        state_apply(s, &ev);
    rec_close(r);
    return s;
}

/* The n-th question; false behind the last. */
static bool question(int n, int64_t cursor, int trial, struct buf *b)
{
    static const char *const views[] = {
        "sweeps",       "trials",        "runs",   "metrics", "arms",  "workers", "summary", "best",
        "arms_history", "interventions", "events", "rungs",   "curve", "curve",   "trial",   "text"};
    struct codec_writer w;
    if (n >= (int)(sizeof views / sizeof *views))
        return false;
    buf_clear(b);
    cw_init(&w, b);
    cw_map(&w, 7);
    cw_kstr(&w, "view", views[n]);
    cw_kint(&w, "cursor", cursor);
    cw_kint(&w, "columns", 61);
    cw_kint(&w, "spark", 12);
    cw_kint(&w, "trial", trial);
    cw_kstr(&w, "x", n == 12 ? "time" : "step");
    cw_str(&w, "trials");
    cw_array(&w, 1);
    cw_int(&w, trial);
    return true;
}

static void ask(struct state *s, const struct buf *q, struct view_out *out, int *rc)
{
    struct sweep_ref ref = {.state = s, .recording = "/data/made-up.mcap", .max_fidelity = 100, .budget = 40};
    struct sweep_ref *refs[] = {&ref};
    struct views_ctx ctx = {.sweeps = refs, .n_sweeps = 1, .hub = "test", .now = s->last_time};
    char *cause = NULL;
    *rc = views_answer(&ctx, (struct span){(const char *)q->data, q->len}, out, &cause);
    free(cause);
}

static uint64_t same_views(struct state *before, struct state *after, int64_t t, int trial)
{
    struct buf q = {0};
    uint64_t bytes = 0;
    for (int n = 0; question(n, t, trial, &q); n++) {
        struct view_out a = {0}, b = {0};
        int ra, rb;
        ask(before, &q, &a, &ra);
        ask(after, &q, &b, &rb);
        assert_int_equal(ra, rb);
        if (ra == 0) {
            assert_int_equal(a.head.len, b.head.len);
            assert_memory_equal(a.head.data, b.head.data, a.head.len);
            assert_int_equal(a.n_parts, b.n_parts);
            assert_int_equal(a.data.len, b.data.len);
            if (a.data.len)
                assert_memory_equal(a.data.data, b.data.data, a.data.len);
            bytes += a.head.len + a.data.len;
        }
        view_out_release(&a);
        view_out_release(&b);
    }
    buf_release(&q);
    return bytes;
}

static void every_view_is_the_same_after_compaction(void **state)
{
    (void)state;
    uint64_t bytes = 0;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct random_log *l = seed % 3 ? slow_log(seed) : log_make(seed, 1500);
        char path[96];
        snprintf(path, sizeof path, "%s/sweep-%d.mcap", dir, (int)seed);
        record(l, path);
        struct stat large, small;
        int n_before, n_after;
        assert_int_equal(stat(path, &large), 0);
        struct state *before = fold(path, &n_before);
        assert_int_equal(rec_compact(path, NULL), 0);
        assert_int_equal(stat(path, &small), 0);
        assert_true(small.st_size < large.st_size / 2);
        struct state *after = fold(path, &n_after);
        assert_int_equal(n_before, l->n);
        assert_int_equal(n_after, l->n);
        assert_int_equal(state_points(before, STATE_NOW), state_points(after, STATE_NOW));
        for (int k = 0; k < 12; k++) {
            int64_t t =
                k ? l->events[log_pick(l, (uint64_t)l->n)].log_time - (int64_t)log_pick(l, 2) * 1000 : -1;
            bytes += same_views(before, after, t, (int)log_pick(l, (uint64_t)l->trials));
        }
        state_free(before);
        state_free(after);
        log_free(l);
    }
    assert_true(bytes > 1000000);
}

static int setup(void **state)
{
    (void)state;
    return scratch_make();
}

static int teardown(void **state)
{
    (void)state;
    return scratch_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_view_is_the_same_after_compaction),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
