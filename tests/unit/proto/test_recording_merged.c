/* recording: what compaction merges comes back as it was, event by event, in its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/mcap_check.h"
#include "proto/mcap_read.h"
#include "proto/recording_merged.h"
#include "recording_fixture.h"

/* ---- a recording of slow trainers, and what is in it ---- */

struct told { /* an event, comparable: points unpacked and packed anew */
    enum event_kind kind;
    int64_t log_time, time;
    char *bytes;
    size_t n;
};

struct log {
    struct told *v;
    size_t n, cap;
};

static void log_release(struct log *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i].bytes);
    free(l->v);
    *l = (struct log){0};
}

static struct buf points_plainly(struct span body)
{
    struct buf b = {0};
    struct codec_reader at;
    struct points_reader r;
    buf_printf(&b, "run %lld epoch %lld seq %lld;", (long long)cmap_int(body, "run", -1),
               (long long)cmap_int(body, "epoch", -1), (long long)cmap_int(body, "seq", -1));
    assert_null(cmap_value(body, "parts").p);
    assert_true(cmap_find(body, "c", &at));
    points_open(&r, cr_bin(&at));
    while (points_next(&r)) {
        buf_printf(&b, "%s %u", r.block.name, r.block.n);
        buf_put(&b, r.block.steps, r.block.n * sizeof *r.block.steps);
        buf_put(&b, r.block.times, r.block.n * sizeof *r.block.times);
        buf_put(&b, r.block.values, r.block.n * sizeof *r.block.values);
    }
    assert_true(points_ok(&r, NULL));
    points_close(&r);
    return b;
}

static void log_add(struct log *l, const struct event *ev)
{
    bool points = ev->kind == EV_POINTS && cmap_value(ev->body, "c").p;
    struct buf b = {0};
    if (points)
        b = points_plainly(ev->body);
    else
        buf_put(&b, ev->body.p, ev->body.n);
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 1024;
        l->v = mem_resize(l->v, l->cap, sizeof *l->v);
    }
    l->v[l->n++] = (struct told){ev->kind, ev->log_time, ev->time, (char *)b.data, b.len};
}

static struct log log_read(const char *path, int64_t from)
{
    struct log l = {0};
    struct event ev;
    struct rec_damage d;
    struct recording_reader *r = rec_open(path, NULL);
    assert_non_null(r);
    assert_int_equal(rec_seek(r, from, NULL), 0);
    while (rec_next(r, &ev, NULL) == 1)
        log_add(&l, &ev);
    rec_damage(r, &d);
    assert_int_equal(d.chunks_skipped + d.events_skipped, 0);
    assert_int_equal(d.truncated_at, -1);
    rec_close(r);
    return l;
}

/* b is what a has from log time `from` on. */
static void same_log(const struct log *a, const struct log *b, int64_t from)
{
    size_t i = 0;
    while (i < a->n && a->v[i].log_time < from)
        i++;
    assert_int_equal(a->n - i, b->n);
    for (size_t k = 0; k < b->n; k++, i++) {
        assert_int_equal(a->v[i].kind, b->v[k].kind);
        assert_int_equal(a->v[i].log_time, b->v[k].log_time);
        assert_int_equal(a->v[i].time, b->v[k].time);
        assert_int_equal(a->v[i].n, b->v[k].n);
        assert_memory_equal(a->v[i].bytes, b->v[k].bytes, b->v[k].n);
    }
}

static int64_t now;

static void put_body(struct rec_writer *w, enum event_kind kind, const struct buf *b, int64_t lag)
{
    assert_true(rec_put(w, kind, now, now - lag, (struct span){(const char *)b->data, b->len}) > 0);
}

/* One row of a run: two to four metrics, some of them only now and then. */
static void put_row(struct rec_writer *w, struct rng *r, int64_t run, int64_t epoch, int64_t seq)
{
    static const char *const names[] = {"loss", "lr", "accuracy", "grad_norm"};
    struct buf c = {0}, body = {0};
    struct codec_writer cw;
    int64_t steps[3], times[3];
    double values[3];
    uint32_t n = rng_below(r, 10) ? 1 : 1 + (uint32_t)rng_below(r, 3);
    points_begin(&c);
    for (int k = 0; k < 4; k++) {
        if (k >= 2 && rng_below(r, (uint64_t)k * 2) > 0)
            continue;
        for (uint32_t i = 0; i < n; i++) {
            steps[i] = seq * 10 + i;
            times[i] = now - (int64_t)rng_below(r, 100000000);
            values[i] = rng_below(r, 50) ? rng_normal(r) : 0.0 / 0.0;
        }
        points_add(&c, names[k], n, steps, times, values);
    }
    cw_init(&cw, &body);
    cw_map(&cw, 4);
    cw_kint(&cw, "run", run);
    cw_kint(&cw, "epoch", epoch);
    cw_kint(&cw, "seq", seq);
    cw_str(&cw, "c");
    cw_bin(&cw, c.data, c.len);
    put_body(w, EV_POINTS, &body, (int64_t)rng_below(r, 50000000));
    buf_release(&c);
    buf_release(&body);
}

static void put_text(struct rec_writer *w, struct rng *r, int64_t run)
{
    struct buf body = {0};
    struct codec_writer cw;
    cw_init(&cw, &body);
    cw_map(&cw, 2);
    cw_kint(&cw, "run", run);
    cw_kint(&cw, "epoch", (int64_t)rng_below(r, 5));
    put_body(w, EV_TEXT, &body, 10);
    buf_release(&body);
}

static void write_pending(struct rec_writer *w)
{
    struct rec_chunk *c = rec_take_chunk(w);
    if (c)
        assert_int_equal(rec_write_chunk(w, &c, NULL), REC_OK);
}

/* `rows` rows of 7 runs, among other events; epochs change, times repeat. */
static void put_rows(struct rec_writer *w, struct rng *r, int rows)
{
    static int64_t seq[7], epoch[7];
    for (int i = 0; i < rows; i++) {
        int64_t run = (int64_t)rng_below(r, 7);
        now += rng_below(r, 3) ? (int64_t)rng_below(r, 1000000000) : 0;
        if (rng_below(r, 500) == 0) {
            epoch[run]++;
            seq[run] = 0;
        }
        put_row(w, r, run, epoch[run], ++seq[run]);
        if (rng_below(r, 4) == 0)
            put_text(w, r, run);
        if (rng_below(r, 3) == 0)
            write_pending(w);
    }
    write_pending(w);
}

static void slow_recording(const char *path, uint64_t seed, int rows)
{
    struct rng r;
    rng_seed(&r, seed);
    now = FIXTURE_T0;
    struct rec_writer *w = fixture_create(path);
    put_rows(w, &r, rows);
    assert_int_equal(rec_finish(&w, NULL), 0);
}

static uint64_t messages_in(const char *path)
{
    struct mcap_report report;
    assert_int_equal(mcap_check(path, &report, NULL), 0);
    for (size_t i = 0; i < report.n_damages; i++)
        fprintf(stderr, "%s\n", report.damages[i].why);
    assert_true(mcap_report_ok(&report));
    uint64_t n = report.messages;
    mcap_report_release(&report);
    return n;
}

/* ---- facts ---- */

static void merged_rows_come_back_in_their_places(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        const char *path = fixture_path("slow.mcap");
        slow_recording(path, seed, 3000);
        struct log before = log_read(path, 0);
        uint64_t messages = messages_in(path);
        char *cause = NULL;
        if (rec_compact(path, &cause) < 0)
            fail_msg("%s", cause);
        struct log after = log_read(path, 0);
        same_log(&before, &after, 0);
        assert_true(messages_in(path) < messages / 2); /* text is not merged */
        log_release(&before);
        log_release(&after);
    }
}

static void seeking_in_a_merged_recording_equals_a_scan(void **state)
{
    (void)state;
    const char *path = fixture_path("seek.mcap");
    struct rng r;
    rng_seed(&r, 5);
    slow_recording(path, 99, 60000); /* several chunks after compaction */
    assert_int_equal(rec_compact(path, NULL), 0);
    struct log all = log_read(path, 0);
    for (int k = 0; k < 12; k++) {
        int64_t t = all.v[rng_below(&r, all.n)].log_time + (int64_t)rng_below(&r, 3) - 1;
        struct log rest = log_read(path, t);
        same_log(&all, &rest, t);
        log_release(&rest);
    }
    log_release(&all);
}

static void compacted_recording_goes_on_and_is_compacted_again(void **state)
{
    (void)state;
    const char *path = fixture_path("again.mcap");
    struct rng r;
    rng_seed(&r, 17);
    slow_recording(path, 7, 2000);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(rec_compact(path, NULL), 0);
        struct rec_recovered found;
        struct log before = log_read(path, 0);
        struct rec_writer *w = rec_append_open(path, false, &found, NULL);
        assert_non_null(w);
        assert_int_equal(found.seq, before.n);
        assert_int_equal(found.last_time, before.v[before.n - 1].log_time);
        put_rows(w, &r, 500);
        assert_int_equal(rec_finish(&w, NULL), 0);
        struct log longer = log_read(path, 0);
        assert_true(longer.n >= before.n + 500);
        for (size_t i = 0; i < before.n; i++)
            assert_int_equal(before.v[i].log_time, longer.v[i].log_time);
        assert_int_equal(rec_compact(path, NULL), 0);
        struct log after = log_read(path, 0);
        same_log(&longer, &after, 0);
        log_release(&before);
        log_release(&longer);
        log_release(&after);
    }
}

/* A repair passes merged events on as they are, with their chunks whole. */
static void repaired_copy_of_a_merged_recording_is_the_same_log(void **state)
{
    (void)state;
    const char *path = fixture_path("source.mcap"), *out = fixture_path("copy.mcap");
    slow_recording(path, 21, 60000);
    assert_int_equal(rec_compact(path, NULL), 0);
    struct log before = log_read(path, 0);
    assert_int_equal(rec_repair(path, out, NULL), messages_in(path));
    assert_int_equal(messages_in(out), messages_in(path));
    struct log after = log_read(out, 0);
    same_log(&before, &after, 0);
    log_release(&before);
    log_release(&after);
}

/* Of a merged recording's damaged chunk nothing is invented, and the others are whole. */
static void damage_in_a_merged_recording_costs_one_chunk(void **state)
{
    (void)state;
    const char *path = fixture_path("hurt.mcap");
    slow_recording(path, 31, 60000);
    assert_int_equal(rec_compact(path, NULL), 0);
    struct log all = log_read(path, 0);
    size_t n;
    uint8_t *p = fixture_load(path, &n);
    p[n / 2] ^= 0x40;
    fixture_store(path, p, n);
    free(p);
    struct recording_reader *r = rec_open(path, NULL);
    struct rec_damage d;
    struct event ev;
    size_t got = 0;
    struct log rest = {0};
    while (rec_next(r, &ev, NULL) == 1)
        log_add(&rest, &ev);
    rec_damage(r, &d);
    rec_close(r);
    assert_int_equal(d.chunks_skipped, 1);
    for (size_t i = 0; i < all.n && got < rest.n; i++)
        if (all.v[i].log_time == rest.v[got].log_time && all.v[i].n == rest.v[got].n &&
            memcmp(all.v[i].bytes, rest.v[got].bytes, rest.v[got].n) == 0)
            got++;
    assert_int_equal(got, rest.n);
    assert_true(got < all.n && got > 0);
    log_release(&all);
    log_release(&rest);
}

/* Other readers, who know nothing of parts, find every point once, in the order of its run. */
static void merged_event_is_a_points_event_for_others(void **state)
{
    (void)state;
    const char *path = fixture_path("others.mcap");
    slow_recording(path, 41, 3000);
    uint64_t points[7] = {0}, seen[7] = {0};
    struct event ev;
    struct recording_reader *r = rec_open(path, NULL);
    struct points_reader in = {0};
    struct codec_reader at;
    while (rec_next(r, &ev, NULL) == 1) {
        if (ev.kind != EV_POINTS)
            continue;
        assert_true(cmap_find(ev.body, "c", &at));
        points_reopen(&in, cr_bin(&at));
        while (points_next(&in))
            points[cmap_int(ev.body, "run", 0)] += in.block.n;
    }
    rec_close(r);
    assert_int_equal(rec_compact(path, NULL), 0);
    struct mcap_reader *m = mcap_open(path, 0, NULL);
    struct mcap_record rec;
    struct mcap_message msg;
    uint64_t last = 0;
    while (mcap_next(m, &rec, NULL) == 1) {
        if (rec.op != MCAP_MESSAGE || !mcap_parse_message(&msg, rec.body, rec.n))
            continue;
        assert_true(msg.log_time >= last); /* in the order of the log, too */
        last = msg.log_time;
        if (!cmap_find(msg.data, "c", &at))
            continue;
        points_reopen(&in, cr_bin(&at));
        while (points_next(&in))
            seen[cmap_int(msg.data, "run", 0)] += in.block.n;
        assert_true(points_ok(&in, NULL));
    }
    mcap_close(m);
    points_close(&in);
    assert_memory_equal(points, seen, sizeof points);
}

/* Batches that would not come back the same stay as they are: keys that nobody knows, a metric twice. */
static void strange_batches_are_left_alone(void **state)
{
    (void)state;
    const char *path = fixture_path("strange.mcap");
    struct rec_writer *w = fixture_create(path);
    static const int64_t one[] = {1}, t[] = {FIXTURE_T0};
    static const double v[] = {0.5};
    now = FIXTURE_T0;
    for (int i = 0; i < 400; i++) {
        struct buf c = {0}, body = {0};
        struct codec_writer cw;
        points_begin(&c);
        points_add(&c, i % 4 == 1 ? "b" : "a", 1, one, t, v);
        if (i % 4 < 3)
            points_add(&c, i % 4 == 0 ? "a" : i % 4 == 1 ? "a" : "b", 1, one, t, v);
        cw_init(&cw, &body);
        cw_map(&cw, i % 4 == 3 ? 5 : 4);
        cw_kint(&cw, "run", i % 2 ? INT64_MIN : -3);
        cw_kint(&cw, "epoch", 0);
        cw_kint(&cw, "seq", i);
        cw_str(&cw, "c");
        if (i % 8 == 2)
            cw_bin(&cw, c.data, c.len - 1); /* cut off */
        else
            cw_bin(&cw, c.data, c.len);
        if (i % 4 == 3)
            cw_kstr(&cw, "unit", "percent");
        now += 1000;
        put_body(w, EV_POINTS, &body, 5);
        buf_release(&c);
        buf_release(&body);
    }
    assert_int_equal(rec_finish(&w, NULL), 0);
    struct event ev;
    struct recording_reader *a = rec_open(path, NULL);
    struct log before = {0}, after = {0};
    while (rec_next(a, &ev, NULL) == 1) {
        ev.kind = EV_TEXT; /* compare bytes */
        log_add(&before, &ev);
    }
    rec_close(a);
    assert_int_equal(rec_compact(path, NULL), 0);
    a = rec_open(path, NULL);
    while (rec_next(a, &ev, NULL) == 1) {
        ev.kind = EV_TEXT;
        log_add(&after, &ev);
    }
    rec_close(a);
    same_log(&before, &after, 0);
    log_release(&before);
    log_release(&after);
}

static struct buf row_body(int64_t seq)
{
    struct buf c = {0}, body = {0};
    struct codec_writer cw;
    double v = (double)seq;
    int64_t t = FIXTURE_T0 + seq;
    points_begin(&c);
    points_add(&c, "x", 1, &seq, &t, &v);
    cw_init(&cw, &body);
    cw_map(&cw, 4);
    cw_kint(&cw, "run", 1);
    cw_kint(&cw, "epoch", 0);
    cw_kint(&cw, "seq", seq);
    cw_str(&cw, "c");
    cw_bin(&cw, c.data, c.len);
    buf_release(&c);
    return body;
}

static void sequence_numbers_may_wrap_around(void **state)
{
    (void)state;
    struct merged g = {0}, back = {0};
    struct buf packed = {0};
    for (uint32_t i = 0; i < 20; i++) {
        struct buf body = row_body(i);
        struct mcap_message m = {
            1, UINT32_MAX - 9 + i, FIXTURE_T0 + i, FIXTURE_T0, {(const char *)body.data, body.len}};
        assert_true(merged_add(&g, &m));
        m.sequence -= 3;
        assert_false(merged_add(&g, &m)); /* back in the log */
        buf_release(&body);
    }
    merged_pack(&g, &packed);
    assert_true(merged_unpack(&back, (struct span){(const char *)packed.data, packed.len}));
    assert_int_equal(back.n, 20);
    for (uint32_t i = 0; i < 20; i++) {
        struct buf body = {0}, was = row_body(i);
        struct mcap_message m;
        merged_part(&back, i, &m, &body);
        assert_int_equal(m.sequence, UINT32_MAX - 9 + i);
        assert_int_equal(m.log_time, FIXTURE_T0 + i);
        assert_int_equal(body.len, was.len);
        assert_memory_equal(body.data, was.data, was.len);
        buf_release(&body);
        buf_release(&was);
    }
    buf_release(&packed);
    merged_release(&g);
    merged_release(&back);
}

/* Whatever the bytes are: refused, or parts whose rows are all there. */
static void damaged_parts_are_refused_or_consistent(void **state)
{
    (void)state;
    struct merged g = {0}, back = {0};
    struct buf packed = {0};
    struct rng r;
    rng_seed(&r, 11);
    for (uint32_t i = 0; i < 200; i++) {
        struct buf body = row_body(i);
        struct mcap_message m = {1, i + 1, FIXTURE_T0 + i, FIXTURE_T0, {(const char *)body.data, body.len}};
        assert_true(merged_add(&g, &m));
        buf_release(&body);
    }
    merged_pack(&g, &packed);
    int refused = 0;
    for (int k = 0; k < 20000; k++) {
        uint8_t *p = mem_dup(packed.data, packed.len);
        size_t n = rng_below(&r, 3) ? packed.len : rng_below(&r, packed.len);
        for (uint64_t flips = 1 + rng_below(&r, 3); n && flips > 0; flips--)
            p[rng_below(&r, n)] = (uint8_t)rng_u64(&r);
        if (!merged_unpack(&back, (struct span){(const char *)p, n})) {
            refused++;
            free(p);
            continue;
        }
        free(p);
        struct buf body = {0};
        struct mcap_message m;
        for (uint32_t i = 0; i < back.n; i++) {
            buf_clear(&body);
            merged_part(&back, i, &m, &body);
            assert_true(codec_valid(body.data, body.len, NULL));
        }
        for (uint32_t b = 0; b < back.n_blocks; b++)
            assert_int_equal(back.blocks[b].at, back.blocks[b].n);
        buf_release(&body);
    }
    assert_true(refused > 5000);
    buf_release(&packed);
    merged_release(&g);
    merged_release(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merged_rows_come_back_in_their_places),
        cmocka_unit_test(seeking_in_a_merged_recording_equals_a_scan),
        cmocka_unit_test(compacted_recording_goes_on_and_is_compacted_again),
        cmocka_unit_test(repaired_copy_of_a_merged_recording_is_the_same_log),
        cmocka_unit_test(damage_in_a_merged_recording_costs_one_chunk),
        cmocka_unit_test(merged_event_is_a_points_event_for_others),
        cmocka_unit_test(strange_batches_are_left_alone),
        cmocka_unit_test(sequence_numbers_may_wrap_around),
        cmocka_unit_test(damaged_parts_are_refused_or_consistent),
    };
    return cmocka_run_group_tests(tests, NULL, fixture_cleanup);
}
