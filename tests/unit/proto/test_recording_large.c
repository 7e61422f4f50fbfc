/* recording: what must not grow with a recording's length: the memory of whoever writes it, and the time to
 * open it again. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/mcap_check.h"
#include "proto/mcap_read.h"
#include "proto/mcap_write.h"
#include "recording_fixture.h"

#define LARGE_CHUNKS 120 /* of about 330 kB that do not compress: well over what is verified on opening */
#define LARGE_EVENTS 80

static uint64_t put_event(struct rec_writer *w, enum event_kind kind)
{
    struct buf b = {0};
    struct codec_writer cw;
    cw_init(&cw, &b);
    cw_map(&cw, 1);
    cw_kint(&cw, "n", (int64_t)rec_seq(w) + 1);
    int64_t t = FIXTURE_T0 + (int64_t)(rec_seq(w) + 1) * FIXTURE_STEP;
    uint64_t seq = rec_put(w, kind, t, t, (struct span){(char *)b.data, b.len});
    buf_release(&b);
    return seq;
}

static void write_pending(struct rec_writer *w)
{
    struct rec_chunk *c = rec_take_chunk(w);
    assert_non_null(c);
    assert_int_equal(rec_write_chunk(w, &c, NULL), REC_OK);
}

/* Returns the number of events. One kind, "worker", occurs in one early chunk only. */
static uint64_t large_recording(const char *path, bool finish)
{
    fixture_pad = 8000;
    struct rec_writer *w = fixture_create(path);
    for (int i = 0; i < LARGE_CHUNKS; i++) {
        for (int k = 0; k < LARGE_EVENTS; k++)
            fixture_put(w);
        if (i == 20)
            put_event(w, EV_WORKER);
        write_pending(w);
    }
    uint64_t n = rec_seq(w);
    if (finish)
        assert_int_equal(rec_finish(&w, NULL), 0);
    else
        rec_abandon(&w);
    return n;
}

static bool valid(const char *path, uint64_t messages)
{
    struct mcap_report report;
    assert_int_equal(mcap_check(path, &report, NULL), 0);
    for (size_t i = 0; i < report.n_damages; i++)
        fprintf(stderr, "%s: byte %llu: %s\n", path, (unsigned long long)report.damages[i].offset,
                report.damages[i].why);
    bool ok = mcap_report_ok(&report) && report.finished && report.messages == messages;
    mcap_report_release(&report);
    return ok;
}

/* The messages of a kind, as the summary counts them. */
static uint64_t counted(const char *path, const char *topic)
{
    struct mcap_reader *r = mcap_open(path, 0, NULL);
    const struct mcap_index *x = mcap_summary(r);
    uint64_t n = 0;
    assert_non_null(x);
    for (uint32_t id = 0; id < MCAP_CHANNELS; id++) {
        struct mcap_channel c;
        if (mcap_index_find_channel(x, (uint16_t)id, &c) && span_eq(c.topic, topic))
            n += x->channels[id].messages;
    }
    mcap_close(r);
    return n;
}

static void flip(const char *path, uint64_t at)
{
    int fd = open(path, O_RDWR);
    uint8_t byte;
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

static uint64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Where the k-th chunk begins. */
static uint64_t chunk_at(const char *path, int k)
{
    struct mcap_reader *r = mcap_open(path, MCAP_WITH_CHUNKS | MCAP_SKIP_CHUNKS, NULL);
    struct mcap_record rec = {0};
    while (mcap_next(r, &rec, NULL) == 1 && (rec.op != MCAP_CHUNK || k-- > 0))
        ;
    mcap_close(r);
    return rec.offset;
}

/* ---- memory ---- */

static void memory_of_a_writer_does_not_grow_with_the_file(void **state)
{
    (void)state;
    const char *path = fixture_path("memory.mcap");
    struct rec_writer *w = fixture_create(path);
    size_t before = 0;
    for (int i = 0; i < 30000; i++) {
        put_event(w, EV_TEXT);
        write_pending(w);
        if (i % 100 == 99)
            assert_int_equal(rec_sync(w, NULL), REC_OK);
        if (i == 99)
            before = mallinfo2().uordblks;
    }
    size_t after = mallinfo2().uordblks;
    assert_true(after < before + 16384);
    assert_int_equal(rec_finish(&w, NULL), 0);
    assert_true(valid(path, 30000));
    assert_int_equal(counted(path, "/text"), 30000);
}

/* Seeking may take `fixed` bytes, whatever the length of the file. */
static void check_seeks(const char *path, uint64_t events, size_t fixed)
{
    struct recording_reader *r = rec_open(path, NULL);
    struct event ev;
    struct rng rng;
    rng_seed(&rng, 3);
    assert_int_equal(rec_next(r, &ev, NULL), 1);
    size_t before = mallinfo2().uordblks;
    for (int k = 0; k < 40; k++) {
        uint64_t i = 1 + rng_below(&rng, events);
        assert_int_equal(rec_seek(r, FIXTURE_T0 + (int64_t)i * FIXTURE_STEP, NULL), 0);
        assert_int_equal(rec_next(r, &ev, NULL), 1);
        assert_true(fixture_is(&ev, i));
    }
    assert_true(mallinfo2().uordblks < before + fixed);
    rec_close(r);
}

static void seeking_costs_a_mark_a_megabyte(void **state)
{
    (void)state;
    const char *path = fixture_path("marks.mcap");
    struct rec_writer *w = fixture_create(path);
    fixture_pad = 200;
    for (int i = 0; i < 30000; i++) {
        fixture_put(w);
        write_pending(w);
    }
    check_seeks(path, 30000, 65536); /* by the heads */
    assert_int_equal(rec_finish(&w, NULL), 0);
    /* By the summary, of 3 MB; the table of channels is as long as there may be channels. */
    check_seeks(path, 30000, MCAP_CHANNELS * sizeof(struct mcap_index_id) + 65536);
    assert_int_equal(rec_compact(path, NULL), 0);
    assert_int_equal(fixture_read(path, NULL, 0, NULL), 30000);
}

/* ---- finishing ---- */

static int writes_left;

static ssize_t full_after_some(int fd, const void *p, size_t n, off_t at)
{
    if (writes_left-- > 0)
        return pwrite(fd, p, n, at);
    errno = ENOSPC;
    return -1;
}

/* A summary of several pieces of which any may be the one that does not fit. */
static void disk_full_in_any_piece_of_the_summary_leaves_a_valid_recording(void **state)
{
    (void)state;
    for (int fail = 0; fail < 4; fail++) {
        const char *path = fixture_path("piece.mcap");
        struct rec_recovered found;
        char *cause = NULL;
        struct rec_writer *w = fixture_create(path);
        for (int i = 0; i < 25000; i++) { /* about 2.3 MB of chunk indexes */
            put_event(w, EV_TEXT);
            write_pending(w);
        }
        uint64_t size = (uint64_t)rec_file_bytes(w);
        writes_left = fail;
        mcap_sys.pwrite = full_after_some;
        assert_int_equal(rec_finish(&w, &cause), -1);
        mcap_sys.pwrite = pwrite;
        assert_non_null(strstr(cause, "free some space"));
        free(cause);
        assert_int_equal(size_of(path), size);
        w = rec_append_open(path, false, &found, NULL);
        assert_non_null(w);
        assert_int_equal(found.events, 25000);
        assert_int_equal(rec_finish(&w, NULL), 0);
        assert_true(valid(path, 25000));
    }
}

/* ---- opening ---- */

static void check_opened(const char *path, uint64_t n, bool finished_now)
{
    struct rec_recovered found;
    struct rec_writer *w = rec_append_open(path, false, &found, NULL);
    assert_non_null(w);
    assert_int_equal(found.events, n);
    assert_int_equal(found.seq, n);
    assert_int_equal(found.last_time, FIXTURE_T0 + (int64_t)n * FIXTURE_STEP);
    assert_null(found.damaged_copy);
    assert_int_equal(put_event(w, EV_HUB), n + 1);
    write_pending(w);
    if (!finished_now) {
        rec_abandon(&w);
        return;
    }
    assert_int_equal(rec_finish(&w, NULL), 0);
    assert_true(valid(path, n + 1));
    assert_int_equal(counted(path, "/worker"), 1);
    assert_int_equal(counted(path, "/points"), LARGE_CHUNKS * LARGE_EVENTS / 2);
}

static void large_recordings_go_on_where_they_stopped(void **state)
{
    (void)state;
    const char *path = fixture_path("large.mcap");
    uint64_t n = large_recording(path, false);
    assert_true(size_of(path) > 30 << 20);
    check_opened(path, n, false);
    check_opened(path, n + 1, true);  /* a live one: its tail, and the heads of the rest */
    check_opened(path, n + 2, false); /* a finished one: its summary */
    check_opened(path, n + 3, true);
    assert_int_equal(counted(path, "/hub"), 4);
}

static void torn_tail_of_any_length_is_cut_off(void **state)
{
    (void)state;
    const char *path = fixture_path("tail.mcap");
    uint64_t n = large_recording(path, false), size = size_of(path);
    static const int64_t tails[] = {-1000000, -1, 1, 100, 5 << 20, 20 << 20};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        struct rec_recovered found;
        assert_int_equal(truncate(path, (off_t)((int64_t)size_of(path) + tails[i])), 0);
        struct rec_writer *w = rec_append_open(path, false, &found, NULL);
        assert_non_null(w);
        assert_null(found.damaged_copy);
        if (tails[i] > 0) {
            assert_int_equal(found.truncated_at, size);
            assert_int_equal(found.truncated_bytes, tails[i]);
            assert_int_equal(found.events, n);
        } else {
            assert_true(found.events <= n && found.events >= n - 5 * LARGE_EVENTS);
        }
        size = (uint64_t)rec_file_bytes(w);
        n = found.events;
        if (i + 1 < sizeof tails / sizeof *tails)
            rec_abandon(&w);
        else
            assert_int_equal(rec_finish(&w, NULL), 0);
    }
    assert_true(valid(path, n));
}

/* What was synced long ago is not verified on opening: that is what makes it quick. Who reads it is told. */
static void damage_in_old_chunks_is_left_to_the_reader(void **state)
{
    (void)state;
    const char *path = fixture_path("old.mcap");
    uint64_t n = large_recording(path, false);
    flip(path, chunk_at(path, 10) + 5000);
    struct rec_recovered found;
    struct rec_writer *w = rec_append_open(path, false, &found, NULL);
    assert_non_null(w);
    assert_null(found.damaged_copy);
    assert_int_equal(found.events, n);
    assert_int_equal(rec_finish(&w, NULL), 0);
    struct rec_damage damage;
    struct recording_reader *r = rec_open(path, NULL);
    struct event ev;
    uint64_t got = 0;
    while (rec_next(r, &ev, NULL) == 1)
        got++;
    rec_damage(r, &damage);
    rec_close(r);
    assert_int_equal(got, n - LARGE_EVENTS);
    assert_int_equal(damage.chunks_skipped, 1);
    assert_false(valid(path, n));
}

/* Damage that shows in the heads or in the newest chunks is met on opening: all is read, and a clean copy
 * takes the place of the file. */
static void damage_that_shows_on_opening_is_kept_aside(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        const char *path = fixture_path("shows.mcap");
        uint64_t n = large_recording(path, false);
        flip(path, k == 0 ? chunk_at(path, 10) + 7 : chunk_at(path, LARGE_CHUNKS - 5) + 5000);
        struct rec_recovered found;
        struct rec_writer *w = rec_append_open(path, false, &found, NULL);
        assert_non_null(w);
        assert_non_null(found.damaged_copy);
        assert_int_equal(found.chunks_skipped, k);
        assert_int_equal(found.events, n - (uint64_t)k * LARGE_EVENTS);
        free(found.damaged_copy);
        assert_int_equal(rec_finish(&w, NULL), 0);
        assert_true(valid(path, found.events));
        unlink(path);
    }
}

static int failing_sync(int fd)
{
    (void)fd;
    errno = EIO;
    return -1;
}

/* The CRC of a quickly opened file is known from somewhere in the middle on only. */
static void quickly_opened_recording_is_rescued(void **state)
{
    (void)state;
    const char *path = fixture_path("rescue.mcap");
    uint64_t n = large_recording(path, false);
    struct rec_writer *w = rec_append_open(path, false, NULL, NULL);
    assert_non_null(w);
    put_event(w, EV_HUB);
    write_pending(w);
    mcap_sys.fdatasync = failing_sync;
    assert_int_equal(rec_sync(w, NULL), REC_DEAD);
    mcap_sys.fdatasync = fdatasync;
    assert_int_equal(rec_rescue(w, NULL), REC_OK);
    assert_int_equal(rec_durable(w), n + 1);
    assert_int_equal(rec_finish(&w, NULL), 0);
    assert_true(valid(path, n + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_of_a_writer_does_not_grow_with_the_file),
        cmocka_unit_test(seeking_costs_a_mark_a_megabyte),
        cmocka_unit_test(disk_full_in_any_piece_of_the_summary_leaves_a_valid_recording),
        cmocka_unit_test(large_recordings_go_on_where_they_stopped),
        cmocka_unit_test(torn_tail_of_any_length_is_cut_off),
        cmocka_unit_test(damage_in_old_chunks_is_left_to_the_reader),
        cmocka_unit_test(damage_that_shows_on_opening_is_kept_aside),
        cmocka_unit_test(quickly_opened_recording_is_rescued),
    };
    return cmocka_run_group_tests(tests, NULL, fixture_cleanup);
}
