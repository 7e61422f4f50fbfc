/* recording: what goes in comes out, in time order, by seek as by reading, while it is written, after a
 * crash, compacted. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "recording_fixture.h"

static void events_come_back_as_they_went_in(void **state)
{
    (void)state;
    const char *path = fixture_path("roundtrip.mcap");
    struct rec_damage d;
    fixture_recording(path, 20, 37, true);
    assert_int_equal(fixture_read(path, NULL, 0, &d), 20 * 37);
    assert_int_equal(d.chunks_skipped, 0);
    assert_int_equal(d.truncated_at, -1);
    assert_int_equal(d.bytes_lost, 0);
}

static void unfinished_recording_reads_to_its_end(void **state)
{
    (void)state;
    const char *path = fixture_path("unfinished.mcap");
    struct rec_damage d;
    fixture_recording(path, 5, 10, false);
    assert_int_equal(fixture_read(path, NULL, 0, &d), 50);
    assert_int_equal(d.truncated_at, -1);
}

static void attachments_come_back(void **state)
{
    (void)state;
    const char *path = fixture_path("attach.mcap");
    size_t n = 0;
    fixture_recording(path, 1, 1, true);
    uint8_t *p = rec_attachment(path, "environment.json", &n);
    assert_non_null(p);
    assert_int_equal(n, 9);
    assert_string_equal((char *)p, "{\"A\":\"b\"}");
    free(p);
    assert_null(rec_attachment(path, "nothing", &n));
}

static void recording_is_not_created_over_another(void **state)
{
    (void)state;
    const char *path = fixture_path("exists.mcap");
    char *cause = NULL;
    fixture_recording(path, 1, 1, true);
    struct rec_header h = {.sweep = "x"};
    assert_null(rec_create(path, &h, &cause));
    assert_non_null(strstr(cause, "exists.mcap: cannot create: File exists"));
    free(cause);
}

static void second_writer_is_refused(void **state)
{
    (void)state;
    const char *path = fixture_path("lock.mcap");
    char *cause = NULL;
    struct rec_writer *w = fixture_create(path);
    assert_null(rec_append_open(path, false, NULL, &cause));
    assert_non_null(strstr(cause, "another process is writing"));
    free(cause);
    rec_abandon(&w);
}

static void group_is_never_split(void **state)
{
    (void)state;
    struct rec_writer *w = fixture_create(fixture_path("group.mcap"));
    rec_group_begin(w);
    fixture_put(w);
    rec_group_begin(w);
    fixture_put(w);
    rec_group_end(w);
    assert_null(rec_take_chunk(w));
    rec_group_end(w);
    struct rec_chunk *c = rec_take_chunk(w);
    assert_non_null(c);
    assert_int_equal(rec_chunk_seq(c), 2);
    assert_int_equal(rec_pending(w), 0);
    rec_chunk_free(c);
    rec_abandon(&w);
}

static void log_time_never_goes_back(void **state)
{
    (void)state;
    const char *path = fixture_path("clock.mcap");
    struct rec_writer *w = fixture_create(path);
    struct span empty = {"\x80", 1};
    assert_int_equal(rec_put(w, EV_HUB, 1000, 1, empty), 1);
    assert_int_equal(rec_put(w, EV_HUB, 900, 2, empty), 2);
    assert_int_equal(rec_finish(&w, NULL), 0);
    w = rec_append_open(path, false, NULL, NULL);
    assert_int_equal(rec_put(w, EV_HUB, 5, 3, empty), 3);
    assert_int_equal(rec_finish(&w, NULL), 0);
    struct recording_reader *r = rec_open(path, NULL);
    struct event ev;
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(rec_next(r, &ev, NULL), 1);
        assert_int_equal(ev.log_time, 1000);
        assert_int_equal(ev.time, i);
    }
    rec_close(r);
}

static void oversized_event_is_refused(void **state)
{
    (void)state;
    struct rec_writer *w = fixture_create(fixture_path("big.mcap"));
    char *big = mem_zero(1, REC_EVENT_MAX + 1);
    assert_int_equal(rec_put(w, EV_TEXT, 1, 1, (struct span){big, REC_EVENT_MAX + 1}), 0);
    assert_int_equal(rec_put(w, EV_UNKNOWN, 1, 1, (struct span){"\x80", 1}), 0);
    assert_int_equal(rec_seq(w), 0);
    int taken = 0;
    while (rec_put(w, EV_TEXT, 1, 1, (struct span){big, REC_EVENT_MAX}))
        taken++;
    assert_int_equal(taken, 3); /* a fourth and the records' heads would pass 64 MiB */
    rec_abandon(&w);
    free(big);
}

/* For many times t: what comes after a seek is exactly what a linear scan leaves from t on. */
static void seek_matches_scan(const char *path, uint64_t events)
{
    struct recording_reader *r = rec_open(path, NULL);
    struct event ev;
    struct rng rng;
    rng_seed(&rng, 7);
    for (int k = 0; k < 200; k++) {
        uint64_t i = rng_below(&rng, events + 20);
        int64_t t = FIXTURE_T0 + (int64_t)i * FIXTURE_STEP - (int64_t)rng_below(&rng, 2);
        assert_int_equal(rec_seek(r, t, NULL), 0);
        uint64_t first = t <= FIXTURE_T0 + FIXTURE_STEP
                             ? 1
                             : (uint64_t)((t - FIXTURE_T0 + FIXTURE_STEP - 1) / FIXTURE_STEP);
        for (uint64_t j = first; j < first + 60 && j <= events; j++) {
            assert_int_equal(rec_next(r, &ev, NULL), 1);
            assert_true(fixture_is(&ev, j));
        }
        if (first > events)
            assert_int_equal(rec_next(r, &ev, NULL), 0);
    }
    rec_close(r);
}

static void seek_through_summary_equals_scan(void **state)
{
    (void)state;
    const char *path = fixture_path("seek.mcap");
    fixture_recording(path, 60, 23, true);
    seek_matches_scan(path, 60 * 23);
}

static void seek_without_summary_equals_scan(void **state)
{
    (void)state;
    const char *path = fixture_path("seek2.mcap");
    fixture_recording(path, 60, 23, false);
    seek_matches_scan(path, 60 * 23);
}

/* ---- following ---- */

struct race {
    const char *path;
    struct rec_writer *w;
    int chunks;
    bool done;
};

static void *write_chunks(void *arg)
{
    struct race *race = arg;
    for (int i = 0; i < race->chunks; i++)
        fixture_chunk(race->w, 1 + i % 50);
    if (rec_finish(&race->w, NULL) < 0)
        abort();
    __atomic_store_n(&race->done, true, __ATOMIC_RELEASE);
    return NULL;
}

static void follower_sees_every_event_once(void **state)
{
    (void)state;
    struct race race = {.path = fixture_path("follow.mcap"), .chunks = 300};
    race.w = fixture_create(race.path);
    fixture_chunk(race.w, 1);
    struct recording_reader *r = rec_open(race.path, NULL);
    assert_non_null(r);
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, write_chunks, &race), 0);
    uint64_t n = 0;
    for (bool last = false;;) {
        struct event ev;
        int got = rec_next(r, &ev, NULL);
        assert_int_not_equal(got, -1);
        if (got == 1) {
            n++;
            assert_true(fixture_is(&ev, n));
        } else if (last) {
            break;
        } else {
            last = __atomic_load_n(&race.done, __ATOMIC_ACQUIRE);
        }
    }
    pthread_join(t, NULL);
    uint64_t want = 1;
    for (int i = 0; i < race.chunks; i++)
        want += 1 + (uint64_t)i % 50;
    assert_int_equal(n, want);
    struct rec_damage d;
    rec_damage(r, &d);
    assert_int_equal(d.bytes_lost, 0);
    rec_close(r);
}

/* A chunk that arrives byte by byte is "not yet" until its last byte, never damage. */
static void half_a_chunk_is_not_yet(void **state)
{
    (void)state;
    const char *whole = fixture_path("whole.mcap"), *part = fixture_path("part.mcap");
    size_t n;
    fixture_recording(whole, 3, 4, false);
    uint8_t *p = fixture_load(whole, &n);
    struct stat st;
    fixture_recording(part, 1, 4, false);
    assert_int_equal(stat(part, &st), 0);
    size_t at = (size_t)st.st_size;
    struct recording_reader *r = rec_open(part, NULL);
    struct event ev;
    int fd = open(part, O_WRONLY | O_APPEND), seen = 0;
    for (; at <= n; at++) {
        while (rec_next(r, &ev, NULL) == 1)
            assert_true(fixture_is(&ev, (uint64_t)++seen));
        if (at < n)
            assert_int_equal(write(fd, p + at, 1), 1);
    }
    assert_int_equal(seen, 12);
    struct rec_damage d;
    rec_damage(r, &d);
    assert_int_equal(d.chunks_skipped, 0);
    assert_int_equal(d.truncated_at, -1);
    close(fd);
    rec_close(r);
    free(p);
}

/* A torn chunk that is cut off and written anew (disk full, then retried): the follower reads the new one. */
static void rewritten_tail_is_read_anew(void **state)
{
    (void)state;
    const char *path = fixture_path("rewritten.mcap");
    size_t n, first;
    fixture_recording(path, 1, 5, false);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    first = (size_t)st.st_size;
    fixture_recording(path, 2, 5, false);
    uint8_t *p = fixture_load(path, &n);
    fixture_store(path, p, first + (n - first) / 2);
    struct recording_reader *r = rec_open(path, NULL);
    struct event ev;
    for (int i = 1; i <= 5; i++)
        assert_int_equal(rec_next(r, &ev, NULL), 1);
    assert_int_equal(rec_next(r, &ev, NULL), 0);
    int fd = open(path, O_RDWR);
    assert_int_equal(ftruncate(fd, (off_t)first), 0);
    assert_int_equal(pwrite(fd, p + first, n - first, (off_t)first), n - first);
    close(fd);
    for (uint64_t i = 6; i <= 10; i++) {
        assert_int_equal(rec_next(r, &ev, NULL), 1);
        assert_true(fixture_is(&ev, i));
    }
    rec_close(r);
    free(p);
}

/* ---- two threads, one recording ---- */

struct pipe_line { /* chunks on their way from the building side to the file side */
    struct rec_writer *w;
    struct rec_chunk *chunk; /* NULL: empty */
    bool end;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

static void *file_side(void *arg)
{
    struct pipe_line *l = arg;
    for (;;) {
        pthread_mutex_lock(&l->lock);
        while (!l->chunk && !l->end)
            pthread_cond_wait(&l->changed, &l->lock);
        struct rec_chunk *c = l->chunk;
        l->chunk = NULL;
        pthread_cond_signal(&l->changed);
        pthread_mutex_unlock(&l->lock);
        if (!c)
            return NULL;
        if (rec_write_chunk(l->w, &c, NULL) != REC_OK || rec_sync(l->w, NULL) != REC_OK)
            abort();
    }
}

/* Run with SANITIZER=thread, too: nothing but the chunk itself passes between the sides. */
static void one_thread_builds_while_another_writes(void **state)
{
    (void)state;
    const char *path = fixture_path("sides.mcap");
    struct pipe_line l = {
        .w = fixture_create(path), .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    pthread_t t;
    uint64_t durable = 0;
    assert_int_equal(pthread_create(&t, NULL, file_side, &l), 0);
    for (int i = 0; i < 200; i++) {
        for (int k = 0; k < 10; k++)
            fixture_put(l.w);
        assert_true(rec_durable(l.w) >= durable && rec_durable(l.w) <= rec_seq(l.w));
        durable = rec_durable(l.w);
        pthread_mutex_lock(&l.lock);
        while (l.chunk)
            pthread_cond_wait(&l.changed, &l.lock);
        l.chunk = rec_take_chunk(l.w);
        pthread_cond_signal(&l.changed);
        pthread_mutex_unlock(&l.lock);
    }
    pthread_mutex_lock(&l.lock);
    while (l.chunk)
        pthread_cond_wait(&l.changed, &l.lock);
    l.end = true;
    pthread_cond_signal(&l.changed);
    pthread_mutex_unlock(&l.lock);
    pthread_join(t, NULL);
    assert_int_equal(rec_durable(l.w), 2000);
    assert_int_equal(rec_finish(&l.w, NULL), 0);
    assert_int_equal(fixture_read(path, NULL, 0, NULL), 2000);
}

/* ---- going on ---- */

static void append_after_finish_goes_on(void **state)
{
    (void)state;
    const char *path = fixture_path("resume.mcap");
    struct rec_recovered found;
    fixture_recording(path, 4, 10, true);
    struct rec_writer *w = rec_append_open(path, false, &found, NULL);
    assert_non_null(w);
    assert_int_equal(found.events, 40);
    assert_int_equal(found.seq, 40);
    assert_int_equal(found.truncated_at, -1);
    assert_null(found.damaged_copy);
    fixture_chunk(w, 10);
    assert_int_equal(rec_durable(w), 50);
    assert_int_equal(rec_finish(&w, NULL), 0);
    assert_int_equal(fixture_read(path, NULL, 0, NULL), 50);
    seek_matches_scan(path, 50);
}

/* Every cut between the first and the last byte of the second chunk and its indexes: the file goes on as one
 * valid file. */
static void append_after_any_cut_gives_one_valid_file(void **state)
{
    (void)state;
    const char *path = fixture_path("cut.mcap");
    size_t n, one;
    fixture_recording(path, 1, 6, false);
    free(fixture_load(path, &one));
    fixture_recording(path, 2, 6, false);
    uint8_t *p = fixture_load(path, &n);
    for (size_t cut = one; cut <= n; cut++) {
        struct rec_recovered found;
        char *cause = NULL;
        fixture_store(path, p, cut);
        struct rec_writer *w = rec_append_open(path, false, &found, &cause);
        assert_non_null(w);
        assert_true(found.events == 6 || found.events == 12);
        assert_int_equal(found.seq, found.events);
        fixture_chunk(w, 3);
        assert_int_equal(rec_finish(&w, NULL), 0);
        struct rec_damage d;
        assert_int_equal(fixture_read(path, NULL, 0, &d), found.events + 3);
        assert_int_equal(d.bytes_lost, 0);
        assert_int_equal(rec_compact(path, &cause),
                         0); /* only a whole, finished file is compacted: CRC, statistics */
        assert_int_equal(fixture_read(path, NULL, 0, &d), found.events + 3);
    }
    free(p);
}

static void damage_in_the_middle_is_kept_aside(void **state)
{
    (void)state;
    const char *path = fixture_path("middle.mcap");
    size_t n, one;
    fixture_recording(path, 1, 6, false);
    free(fixture_load(path, &one));
    fixture_recording(path, 5, 6, false);
    uint8_t *p = fixture_load(path, &n);
    p[one + 100] ^= 0x10; /* inside the second chunk */
    fixture_store(path, p, n);
    struct rec_recovered found;
    struct rec_writer *w = rec_append_open(path, false, &found, NULL);
    assert_non_null(w);
    assert_int_equal(found.chunks_skipped, 1);
    assert_int_equal(found.events, 24);
    assert_int_equal(found.seq, 30);
    assert_non_null(found.damaged_copy);
    size_t kept;
    uint8_t *q = fixture_load(found.damaged_copy, &kept);
    assert_int_equal(kept, n);
    assert_memory_equal(p, q, n);
    fixture_chunk(w, 6);
    assert_int_equal(rec_finish(&w, NULL), 0);
    assert_int_equal(fixture_read(path, NULL, 0, NULL), 30);
    assert_int_equal(rec_compact(path, NULL), 0);
    free(found.damaged_copy);
    free(p);
    free(q);
}

static void compaction_keeps_everything(void **state)
{
    (void)state;
    const char *path = fixture_path("compact.mcap");
    struct stat before, after;
    fixture_recording(path, 500, 2, true);
    stat(path, &before);
    char *cause = NULL;
    assert_int_equal(rec_compact(path, &cause), 0);
    stat(path, &after);
    assert_true(after.st_size * 2 < before.st_size);
    assert_int_equal(fixture_read(path, NULL, 0, NULL), 1000);
    size_t n;
    uint8_t *yaml = rec_attachment(path, "sweep.yaml", &n);
    assert_non_null(yaml);
    free(yaml);
    struct rec_writer *w = rec_append_open(path, false, NULL, NULL);
    assert_int_equal(rec_seq(w), 1000);
    rec_abandon(&w);
}

static void unfinished_recording_is_not_compacted(void **state)
{
    (void)state;
    const char *path = fixture_path("uncompact.mcap");
    char *cause = NULL;
    fixture_recording(path, 5, 2, false);
    assert_int_equal(rec_compact(path, &cause), -1);
    assert_non_null(strstr(cause, "not finished"));
    free(cause);
    assert_int_equal(fixture_read(path, NULL, 0, NULL), 10);
}

static void foreign_files_get_one_clear_error(void **state)
{
    (void)state;
    static const struct {
        const char *content, *why;
    } cases[] = {
        {"", "it is empty"},
        {"abc", "shorter than 8 bytes"},
        {"{\"a\": 1, \"b\": 2, \"c\": [1,2,3]}", "not an MCAP file"},
        {"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull"},
        {"\x89MCAP0\r\n", "no hypertop recording"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = fixture_path("foreign.mcap");
        char *cause = NULL;
        fixture_store(path, (const uint8_t *)cases[i].content, strlen(cases[i].content));
        assert_null(rec_open(path, &cause));
        assert_non_null(strstr(cause, cases[i].why));
        assert_null(strchr(cause, '\n'));
        free(cause);
    }
    char *cause = NULL;
    assert_null(rec_open("/", &cause));
    assert_non_null(strstr(cause, "not a regular file"));
    free(cause);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_back_as_they_went_in),
        cmocka_unit_test(unfinished_recording_reads_to_its_end),
        cmocka_unit_test(attachments_come_back),
        cmocka_unit_test(recording_is_not_created_over_another),
        cmocka_unit_test(second_writer_is_refused),
        cmocka_unit_test(group_is_never_split),
        cmocka_unit_test(log_time_never_goes_back),
        cmocka_unit_test(oversized_event_is_refused),
        cmocka_unit_test(seek_through_summary_equals_scan),
        cmocka_unit_test(seek_without_summary_equals_scan),
        cmocka_unit_test(follower_sees_every_event_once),
        cmocka_unit_test(half_a_chunk_is_not_yet),
        cmocka_unit_test(rewritten_tail_is_read_anew),
        cmocka_unit_test(one_thread_builds_while_another_writes),
        cmocka_unit_test(append_after_finish_goes_on),
        cmocka_unit_test(append_after_any_cut_gives_one_valid_file),
        cmocka_unit_test(damage_in_the_middle_is_kept_aside),
        cmocka_unit_test(compaction_keeps_everything),
        cmocka_unit_test(unfinished_recording_is_not_compacted),
        cmocka_unit_test(foreign_files_get_one_clear_error),
    };
    return cmocka_run_group_tests(tests, NULL, fixture_cleanup);
}
