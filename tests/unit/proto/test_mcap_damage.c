/* mcap_read against broken files: every whole chunk is read, what is broken is said, nothing crashes. Run it
 * with SANITIZER=address,undefined too. Random choices come from a seed that is printed on failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/mcap_check.h"
#include "proto/mcap_read.h"
#include "recording_fixture.h"

struct extent { /* a chunk with its message indexes */
    uint64_t at, chunk_end, end;
    uint64_t first, events; /* event numbers in it */
};

struct layout {
    struct extent e[2000];
    size_t n;
    uint64_t preface; /* where the first chunk begins */
};

static void layout_of(const char *path, struct layout *l)
{
    struct mcap_reader *r = mcap_open(path, MCAP_WITH_CHUNKS, NULL);
    struct mcap_record rec;
    uint64_t events = 0;
    l->n = 0;
    while (mcap_next(r, &rec, NULL) == 1) {
        if (rec.op == MCAP_CHUNK) {
            if (l->n == 0)
                l->preface = rec.offset;
            assert_true(l->n < 2000);
            l->e[l->n++] = (struct extent){rec.offset, rec.end, rec.end, events + 1, 0};
        } else if (l->n > 0 && rec.op == MCAP_MESSAGE) {
            l->e[l->n - 1].events++;
            events++;
        } else if (l->n > 0 && rec.op == MCAP_MESSAGE_INDEX) {
            l->e[l->n - 1].end = rec.end;
        }
    }
    mcap_close(r);
}

/* Cut at every byte of the last 64 KB: all chunks that are whole are read, and the torn end begins where the
 * last whole record ends. */
static void any_cut_leaves_all_whole_chunks(void **state)
{
    (void)state;
    const char *path = fixture_path("cuts.mcap");
    static struct layout l;
    size_t n;
    fixture_pad = 8000;
    fixture_recording(path, 11, 2, false);
    layout_of(path, &l);
    uint8_t *p = fixture_load(path, &n);
    assert_true(n > 65536 && n < 3 * 65536);
    for (size_t cut = n; cut-- > n - 65536;) {
        struct rec_damage d;
        uint64_t want = 0;
        int64_t whole = (int64_t)l.preface;
        assert_int_equal(truncate(path, (off_t)cut), 0);
        for (size_t i = 0; i < l.n && l.e[i].chunk_end <= cut; i++) {
            want += l.e[i].events;
            whole = (int64_t)(l.e[i].end <= cut ? l.e[i].end : l.e[i].chunk_end);
        }
        assert_int_equal(fixture_read(path, NULL, 0, &d), want);
        assert_int_equal(d.chunks_skipped, 0);
        if (d.truncated_at < 0)
            continue; /* the cut is between two records */
        assert_true(d.truncated_at >= whole && (uint64_t)d.truncated_at < cut);
        assert_int_equal(d.bytes_lost, (int64_t)cut - d.truncated_at);
    }
    fixture_pad = 200;
    free(p);
}

static void check_tail(const uint8_t *tail, size_t tail_n, const char *what)
{
    const char *path = fixture_path("tail.mcap");
    size_t n;
    struct rec_damage d;
    fixture_recording(path, 10, 12, false);
    uint8_t *p = fixture_load(path, &n);
    struct buf b = {0};
    buf_put(&b, p, n);
    buf_put(&b, tail, tail_n);
    fixture_store(path, b.data, b.len);
    int64_t got = fixture_read(path, NULL, 0, &d);
    if (got != 120 || d.truncated_at != (int64_t)n)
        print_error("%s: %lld events, torn at %lld\n", what, (long long)got, (long long)d.truncated_at);
    assert_int_equal(got, 120);
    assert_int_equal(d.truncated_at, n);
    assert_int_equal(d.bytes_lost, tail_n);
    struct rec_recovered found;
    struct rec_writer *w = rec_append_open(path, false, &found, NULL);
    assert_non_null(w);
    assert_int_equal(found.truncated_at, n);
    assert_int_equal(found.truncated_bytes, tail_n);
    fixture_chunk(w, 5);
    assert_int_equal(rec_finish(&w, NULL), 0);
    assert_int_equal(fixture_read(path, NULL, 0, &d), 125);
    assert_int_equal(d.bytes_lost, 0);
    free(p);
    buf_release(&b);
}

static void zero_filled_tail_is_cut_off(void **state)
{
    (void)state;
    uint8_t *zero = mem_zero(1, 1 << 20);
    check_tail(zero, 1, "one zero byte");
    check_tail(zero, 4096, "a page of zeros");
    check_tail(zero, 1 << 20, "a MiB of zeros");
    free(zero);
}

static void garbage_tail_is_cut_off(void **state)
{
    (void)state;
    uint8_t tail[20000];
    struct rng r;
    rng_seed(&r, 3);
    for (int k = 0; k < 20; k++) {
        char what[64];
        size_t n = 1 + rng_below(&r, sizeof tail);
        for (size_t i = 0; i < n; i++)
            tail[i] = (uint8_t)rng_u64(&r);
        snprintf(what, sizeof what, "garbage %d, %zu bytes", k, n);
        check_tail(tail, n, what);
    }
}

/* A chunk whose first page came to disk and the others did not. */
static void half_zeroed_last_chunk_is_cut_off(void **state)
{
    (void)state;
    const char *path = fixture_path("halfzero.mcap");
    static struct layout l;
    size_t n;
    struct rec_damage d;
    fixture_recording(path, 10, 12, false);
    layout_of(path, &l);
    uint8_t *p = fixture_load(path, &n);
    size_t from = (size_t)l.e[9].at + 200;
    memset(p + from, 0, n - from);
    fixture_store(path, p, n);
    assert_int_equal(fixture_read(path, NULL, 0, &d), 108);
    assert_int_equal(d.truncated_at, l.e[9].at);
    free(p);
}

/* The indexes of the last chunk came to disk, the chunk itself did not: that is a torn end, too, and no
 * reason to copy the recording. With something behind it, it is damage. */
static void lost_chunk_with_its_indexes_is_a_torn_end(void **state)
{
    (void)state;
    const char *path = fixture_path("holes.mcap");
    static struct layout l;
    size_t n;
    struct rec_damage d;
    fixture_recording(path, 10, 12, false);
    layout_of(path, &l);
    uint8_t *p = fixture_load(path, &n);
    memset(p + l.e[9].at + 100, 0, 200);
    fixture_store(path, p, n);
    assert_int_equal(fixture_read(path, NULL, 0, &d), 108);
    assert_int_equal(d.truncated_at, l.e[9].at);
    assert_int_equal(d.chunks_skipped, 0);
    fixture_store(path, p, n - 5); /* the last index is cut off, too */
    assert_int_equal(fixture_read(path, NULL, 0, &d), 108);
    assert_int_equal(d.truncated_at, l.e[9].at);
    memset(p + l.e[8].at + 100, 0, 200);
    fixture_store(path, p, n);
    assert_int_equal(fixture_read(path, NULL, 0, &d), 96);
    assert_int_equal(d.truncated_at, l.e[8].at);
    free(p);
}

/* One flipped bit: what was lost is at most the chunk around it, and it is said; whatever is delivered is
 * genuine (fixture_read compares every byte of every event). */
static void check_flip(const char *path, const struct layout *l, size_t at, int bit, uint64_t total)
{
    static uint8_t seen[4000];
    struct rec_damage d;
    struct mcap_report report;
    memset(seen, 0, sizeof seen);
    int64_t got = fixture_read(path, seen, total, &d);
    uint64_t from = 0, to = 0; /* the events that may be missing */
    for (size_t i = 0; i < l->n; i++)
        if (at >= l->e[i].at && at < l->e[i].chunk_end) {
            from = l->e[i].first;
            to = from + l->e[i].events;
        }
    if (got < 0)
        print_error("byte %zu bit %d: wrong events or refused\n", at, bit);
    assert_true(got >= 0);
    for (uint64_t i = 1; i <= total; i++)
        if (!seen[i] && !(i >= from && i < to)) {
            print_error("byte %zu bit %d: event %llu was lost\n", at, bit, (unsigned long long)i);
            fail();
        }
    if ((uint64_t)got < total && d.chunks_skipped == 0 && d.truncated_at < 0) {
        print_error("byte %zu bit %d: %lld events, nothing said\n", at, bit, (long long)got);
        fail();
    }
    char *cause = NULL;
    int rc = mcap_check(path, &report, &cause);
    if (rc < 0 || mcap_report_ok(&report))
        print_error("byte %zu bit %d: fsck %s\n", at, bit, rc < 0 ? cause : "sees nothing");
    assert_int_equal(rc, 0);
    assert_false(mcap_report_ok(&report));
    mcap_report_release(&report);
}

static void single_bit_flips_are_found_and_cost_one_chunk(void **state)
{
    (void)state;
    const char *path = fixture_path("flips.mcap");
    static struct layout l;
    struct rng r;
    size_t n;
    rng_seed(&r, 11);
    fixture_recording(path, 12, 6, true);
    layout_of(path, &l);
    uint8_t *p = fixture_load(path, &n);
    int fd = open(path, O_WRONLY);
    for (size_t at = 0; at < n; at++) {
        int bit = (int)rng_below(&r, 8);
        uint8_t byte = p[at] ^ (uint8_t)(1 << bit);
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        check_flip(path, &l, at, bit, 72);
        assert_int_equal(pwrite(fd, p + at, 1, (off_t)at), 1);
    }
    close(fd);
    free(p);
}

/* Anything may be in a file: random bytes over random stretches; readers end, never crash, never invent
 * events. */
static void random_damage_never_invents_events(void **state)
{
    (void)state;
    const char *path = fixture_path("random.mcap");
    struct rng r;
    size_t n;
    rng_seed(&r, 23);
    fixture_recording(path, 12, 6, true);
    uint8_t *p = fixture_load(path, &n), *q = mem_alloc(n);
    for (int k = 0; k < 2000; k++) {
        memcpy(q, p, n);
        for (uint64_t hits = 1 + rng_below(&r, 4); hits > 0; hits--) {
            size_t at = rng_below(&r, n), len = 1 + rng_below(&r, 40);
            for (size_t i = at; i < at + len && i < n; i++)
                q[i] = rng_below(&r, 3) ? (uint8_t)rng_u64(&r) : (rng_below(&r, 2) ? 0 : 0xff);
        }
        fixture_store(path, q, rng_below(&r, 4) ? n : rng_below(&r, n));
        assert_int_not_equal(fixture_read(path, NULL, 0, NULL), -1);
        struct mcap_report report;
        if (mcap_check(path, &report, NULL) == 0)
            mcap_report_release(&report);
    }
    free(p);
    free(q);
}

/* ---- hand-made lies ---- */

static void put_lie(const char *path, uint64_t record_length, uint64_t uncompressed, uint64_t records,
                    const char *compression)
{
    struct buf b = {0};
    buf_put(&b, MCAP_MAGIC, MCAP_MAGIC_N);
    mcap_put_header(&b, "", "");
    size_t at = mo_begin(&b, MCAP_CHUNK);
    mo_uint(&b, 1, 8);
    mo_uint(&b, 2, 8);
    mo_uint(&b, uncompressed, 8);
    mo_uint(&b, 0, 4);
    mo_str(&b, span_of(compression));
    mo_uint(&b, records, 8);
    buf_put(&b, "0123456789", 10);
    mo_end(&b, at);
    if (record_length)
        mo_patch(&b, at + 1, record_length, 8);
    mcap_put_data_end(&b, 0);
    struct mcap_footer f = {0};
    mcap_put_footer(&b, &f);
    buf_put(&b, MCAP_MAGIC, MCAP_MAGIC_N);
    fixture_store(path, b.data, b.len);
    buf_release(&b);
}

static void lying_lengths_are_damage_not_memory(void **state)
{
    (void)state;
    static const struct {
        uint64_t record, uncompressed, records;
        const char *compression, *why;
    } cases[] = {
        {0, UINT64_MAX, 10, "zstd", "larger than 256 MiB"},
        {0, 1 << 20, 10, "zstd", "no zstd frame"},
        {0, 10, UINT64_MAX, "zstd", "malformed Chunk"},
        {0, 11, 10, "", "size of the content"},
        {0, 10, 10, "lz4", "compression \"lz4\" is not supported"},
        {0, 10, 10, "\x1b[2J", "compression \"?[2J\""},
        {UINT64_MAX, 10, 10, "", "cut off"},
        {UINT64_C(1) << 40, 10, 10, "", "cut off"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = fixture_path("lie.mcap");
        struct mcap_report report;
        put_lie(path, cases[i].record, cases[i].uncompressed, cases[i].records, cases[i].compression);
        assert_int_equal(mcap_check(path, &report, NULL), 0);
        assert_true(report.n_damages > 0);
        if (!strstr(report.damages[0].why, cases[i].why))
            print_error("case %zu: %s\n", i, report.damages[0].why);
        assert_non_null(strstr(report.damages[0].why, cases[i].why));
        assert_int_equal(report.messages, 0);
        mcap_report_release(&report);
    }
}

static void unknown_opcodes_are_skipped(void **state)
{
    (void)state;
    const char *path = fixture_path("unknown.mcap");
    size_t n;
    static struct layout l;
    fixture_recording(path, 2, 5, false);
    layout_of(path, &l);
    uint8_t *p = fixture_load(path, &n);
    struct buf b = {0};
    for (int i = 0; i < 3; i++) {
        buf_put(&b, p + (i ? l.e[i - 1].at : 0), (i ? l.e[i - 1].end - l.e[i - 1].at : l.preface));
        size_t at = mo_begin(&b, i ? 0x10 : 0xF3);
        buf_put(&b, "whatever a later version or another program says", 48);
        mo_end(&b, at);
    }
    fixture_store(path, b.data, b.len);
    struct rec_damage d;
    assert_int_equal(fixture_read(path, NULL, 0, &d), 10);
    assert_int_equal(d.bytes_lost, 0);
    buf_release(&b);
    free(p);
}

/* Messages that stand outside of chunks, and chunks that are not compressed: legal, from other writers. */
static void foreign_layouts_are_read(void **state)
{
    (void)state;
    const char *path = fixture_path("loose.mcap"), *out = fixture_path("loose2.mcap");
    struct buf b = {0}, inner = {0};
    struct mcap_channel c = {7, 0, span_of("/hub"), span_of("msgpack"), span_of("")};
    struct mcap_message m = {7, 1, 100, 99, {"\x80", 1}};
    buf_put(&b, MCAP_MAGIC, MCAP_MAGIC_N);
    mcap_put_header(&b, "", "someone else");
    mcap_put_channel(&b, &c);
    mcap_put_message(&b, &m);
    m.sequence = 2;
    mcap_put_message(&inner, &m);
    size_t at = mo_begin(&b, MCAP_CHUNK);
    mo_uint(&b, 100, 8);
    mo_uint(&b, 100, 8);
    mo_uint(&b, inner.len, 8);
    mo_uint(&b, 0, 4);
    mo_str(&b, span_of(""));
    mo_uint(&b, inner.len, 8);
    buf_put(&b, inner.data, inner.len);
    mo_end(&b, at);
    fixture_store(path, b.data, b.len);
    for (int pass = 0; pass < 2; pass++) {
        struct recording_reader *r = rec_open(pass ? out : path, NULL);
        struct event ev;
        assert_non_null(r);
        for (int k = 0; k < 2; k++) {
            assert_int_equal(rec_seek(r, k ? 100 : 0, NULL), 0);
            assert_int_equal(rec_next(r, &ev, NULL), 1);
            assert_int_equal(ev.kind, EV_HUB);
            assert_int_equal(rec_next(r, &ev, NULL), 1);
            assert_int_equal(rec_next(r, &ev, NULL), 0);
        }
        rec_close(r);
        if (pass == 0)
            assert_int_equal(rec_repair(path, out, NULL), 2);
    }
    struct mcap_report report;
    assert_int_equal(mcap_check(out, &report, NULL), 0);
    assert_true(mcap_report_ok(&report));
    mcap_report_release(&report);
    char *cause = NULL;
    assert_null(rec_append_open(path, false, NULL, &cause)); /* somebody else's file */
    assert_non_null(strstr(cause, "not a recording of hypertop"));
    free(cause);
    buf_release(&b);
    buf_release(&inner);
}

static void repair_saves_everything_readable(void **state)
{
    (void)state;
    const char *path = fixture_path("sick.mcap"), *out = fixture_path("well.mcap");
    static struct layout l;
    struct mcap_report report;
    size_t n;
    fixture_recording(path, 20, 6, false);
    layout_of(path, &l);
    uint8_t *p = fixture_load(path, &n);
    p[l.e[3].at + 100] ^= 1;
    memset(p + l.e[8].at - 20, 0xee, 60); /* the end of one chunk's indexes and the head of the next */
    fixture_store(path, p, n - 30);
    char *cause = NULL;
    assert_int_equal(rec_repair(path, out, &cause), 120 - 6 - 6);
    assert_int_equal(mcap_check(out, &report, NULL), 0);
    assert_true(mcap_report_ok(&report));
    assert_true(report.finished);
    assert_int_equal(report.messages, 108);
    mcap_report_release(&report);
    assert_int_equal(fixture_read(out, NULL, 0, NULL), 108);
    assert_int_equal(rec_repair(path, out, &cause), -1); /* never over an existing file */
    assert_non_null(strstr(cause, "File exists"));
    free(cause);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut_leaves_all_whole_chunks),
        cmocka_unit_test(zero_filled_tail_is_cut_off),
        cmocka_unit_test(garbage_tail_is_cut_off),
        cmocka_unit_test(half_zeroed_last_chunk_is_cut_off),
        cmocka_unit_test(lost_chunk_with_its_indexes_is_a_torn_end),
        cmocka_unit_test(single_bit_flips_are_found_and_cost_one_chunk),
        cmocka_unit_test(random_damage_never_invents_events),
        cmocka_unit_test(lying_lengths_are_damage_not_memory),
        cmocka_unit_test(unknown_opcodes_are_skipped),
        cmocka_unit_test(foreign_layouts_are_read),
        cmocka_unit_test(repair_saves_everything_readable),
    };
    return cmocka_run_group_tests(tests, NULL, fixture_cleanup);
}
