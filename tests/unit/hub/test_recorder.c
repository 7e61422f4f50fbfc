/* recorder: group commit on a thread, what counts as durable, a disk that is full and clears, two hubs on one
 * file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "hub/recorder.h"

#define DEADLINE (20 * CLOCK_S)

struct disk {
    char dir[64], path[96];
    bool mounted;
    int wake;
    struct recorder_options o;
    struct recorder *r;
};

static void disk_open(struct disk *d, enum recorder_policy policy, const char *tmpfs)
{
    char *cause = NULL;
    *d = (struct disk){0};
    snprintf(d->dir, sizeof d->dir, "/tmp/ht-recorder-XXXXXX");
    assert_non_null(mkdtemp(d->dir));
    if (tmpfs)
        d->mounted = mount("none", d->dir, "tmpfs", 0, tmpfs) == 0;
    snprintf(d->path, sizeof d->path, "%s/s.mcap", d->dir);
    d->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    d->o = (struct recorder_options){.policy = policy, .wake_fd = d->wake};
    struct rec_header h = {.sweep = "s", .created = clock_wall_ns()};
    d->r = recorder_create(d->path, &h, &d->o, &cause);
    if (!d->r)
        fail_msg("%s", cause);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static void disk_close(struct disk *d)
{
    recorder_close(&d->r, 2000, NULL);
    if (d->mounted)
        assert_int_equal(umount(d->dir), 0);
    close(d->wake);
    assert_int_equal(nftw(d->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static uint64_t put(struct disk *d, int64_t n, size_t bytes)
{
    struct buf b = {0};
    struct codec_writer w;
    struct rng r;
    rng_seed(&r, (uint64_t)n);
    uint8_t *noise = mem_alloc(bytes + 8); /* nothing that a compressor could make smaller */
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t x = rng_u64(&r);
        memcpy(noise + i, &x, 8);
    }
    cw_init(&w, &b);
    cw_map(&w, 3);
    cw_kstr(&w, "what", "test");
    cw_kint(&w, "n", n);
    cw_str(&w, "noise");
    cw_bin(&w, noise, bytes);
    uint64_t seq = recorder_put(d->r, EV_HUB, clock_wall_ns(), 0, (struct span){(char *)b.data, b.len});
    free(noise);
    buf_release(&b);
    return seq;
}

/* The loop in small: flush point, then sleep until the thread says something or the next one is due. */
static bool await_durable(struct disk *d, uint64_t seq, int64_t timeout)
{
    int64_t until = clock_mono_ns() + timeout;
    uint64_t n;
    for (;;) {
        int64_t now = clock_mono_ns(), due = recorder_flush_point(d->r, now);
        if (recorder_durable(d->r) >= seq)
            return true;
        if (now >= until)
            return false;
        int64_t wake = due < until ? due : until;
        struct pollfd p = {.fd = d->wake, .events = POLLIN};
        poll(&p, 1, (int)((wake - now) / CLOCK_MS) + 1);
        if (read(d->wake, &n, sizeof n) < 0)
            assert_int_equal(errno, EAGAIN);
    }
}

static int events_in(const char *path)
{
    struct recording_reader *r = rec_open(path, NULL);
    struct event ev;
    int n = 0;
    if (!r)
        return 0;
    while (rec_next(r, &ev, NULL) == 1)
        n++;
    rec_close(r);
    return n;
}

/* ---- durability ---- */

static void nothing_is_durable_before_it_is_in_the_file(void **state)
{
    (void)state;
    struct disk d;
    disk_open(&d, RECORDER_INTERVAL, NULL);
    for (int i = 1; i <= 30; i++) {
        uint64_t seq = put(&d, i, 16);
        assert_int_equal(seq, i);
        assert_true(recorder_durable(d.r) < seq);
        assert_true(await_durable(&d, seq, DEADLINE));
        assert_int_equal(events_in(d.path), i);
    }
    disk_close(&d);
}

static void a_group_is_committed_together_within_the_interval(void **state)
{
    (void)state;
    struct disk d;
    disk_open(&d, RECORDER_INTERVAL, NULL);
    int64_t start = clock_mono_ns();
    uint64_t last = 0;
    for (int i = 0; i < 1000; i++)
        last = put(&d, i, 16);
    int64_t due = recorder_flush_point(d.r, clock_mono_ns());
    assert_true(due > start && due <= clock_mono_ns() + 20 * CLOCK_MS);
    assert_int_equal(recorder_durable(d.r), 0);
    assert_true(await_durable(&d, 1, DEADLINE));
    assert_true(recorder_durable(d.r) >= last); /* the first one took all with it */
    disk_close(&d);
}

static void urgent_events_do_not_wait_for_the_interval(void **state)
{
    (void)state;
    struct disk d;
    disk_open(&d, RECORDER_INTERVAL, NULL);
    d.o.interval_ms = 10000;
    recorder_close(&d.r, 2000, NULL);
    struct rec_recovered found;
    d.r = recorder_append(d.path, &d.o, &found, NULL);
    assert_non_null(d.r);
    uint64_t seq = put(&d, 1, 16);
    assert_false(await_durable(&d, seq, 100 * CLOCK_MS));
    recorder_urgent(d.r);
    assert_true(await_durable(&d, seq, 2 * CLOCK_S));
    disk_close(&d);
}

static void always_syncs_at_every_flush_point(void **state)
{
    (void)state;
    struct disk d;
    disk_open(&d, RECORDER_ALWAYS, NULL);
    uint64_t seq = put(&d, 1, 16);
    assert_true(recorder_flush_point(d.r, clock_mono_ns()) ==
                INT64_MAX); /* handed over: nothing to wait for */
    assert_true(await_durable(&d, seq, DEADLINE));
    disk_close(&d);
}

static void a_large_backlog_does_not_wait_for_the_interval(void **state)
{
    (void)state;
    struct disk d;
    disk_open(&d, RECORDER_INTERVAL, NULL);
    uint64_t seq = 0;
    for (int i = 0; i < 24; i++)
        seq = put(&d, i, 64 << 10);
    assert_true(recorder_flush_point(d.r, clock_mono_ns()) == INT64_MAX);
    assert_true(await_durable(&d, seq, DEADLINE));
    disk_close(&d);
}

static void a_group_is_never_split(void **state)
{
    (void)state;
    struct disk d;
    disk_open(&d, RECORDER_ALWAYS, NULL);
    recorder_group_begin(d.r);
    put(&d, 1, 16);
    recorder_flush_point(d.r, clock_mono_ns());
    put(&d, 2, 16);
    assert_int_equal(events_in(d.path), 0);
    recorder_group_end(d.r);
    assert_true(await_durable(&d, 2, DEADLINE));
    assert_int_equal(events_in(d.path), 2);
    disk_close(&d);
}

static void what_was_durable_survives_kill(void **state)
{
    (void)state;
    struct disk d;
    int ends[2];
    uint64_t last = 0, got;
    disk_open(&d, RECORDER_INTERVAL, NULL);
    recorder_close(&d.r, 2000, NULL);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        d.r = recorder_append(d.path, &d.o, NULL, NULL);
        for (int i = 0;; i++) {
            put(&d, i, 100);
            if (i % 7 == 0)
                await_durable(&d, UINT64_MAX, CLOCK_MS);
            uint64_t n = recorder_durable(d.r);
            recorder_flush_point(d.r, clock_mono_ns());
            if (write(ends[1], &n, sizeof n) < 0)
                _exit(1);
        }
    }
    close(ends[1]);
    int64_t until = clock_mono_ns() + 300 * CLOCK_MS;
    while (clock_mono_ns() < until && read(ends[0], &got, sizeof got) == sizeof got)
        last = got;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    while (read(ends[0], &got, sizeof got) == sizeof got)
        last = got;
    close(ends[0]);
    assert_true(last > 0);
    assert_true((uint64_t)events_in(d.path) >= last);
    d.r = recorder_append(d.path, &d.o, NULL, NULL); /* at once: the lock went with the process */
    assert_non_null(d.r);
    disk_close(&d);
}

/* ---- who writes ---- */

static void a_second_writer_is_refused(void **state)
{
    (void)state;
    struct disk d;
    char *cause = NULL;
    disk_open(&d, RECORDER_INTERVAL, NULL);
    assert_true(recorder_locked(d.path));
    assert_null(recorder_append(d.path, &d.o, NULL, &cause));
    assert_non_null(strstr(cause, "another hub"));
    free(cause);
    recorder_close(&d.r, 2000, NULL);
    assert_false(recorder_locked(d.path));
    disk_close(&d);
}

static void finishing_is_announced_and_leaves_a_whole_file(void **state)
{
    (void)state;
    struct disk d;
    char *cause = NULL;
    struct stat st;
    char reserve[128];
    disk_open(&d, RECORDER_INTERVAL, NULL);
    for (int i = 0; i < 100; i++)
        put(&d, i, 100);
    recorder_finish(d.r, true);
    int64_t until = clock_mono_ns() + DEADLINE;
    while (!recorder_finished(d.r) && clock_mono_ns() < until) {
        struct pollfd p = {.fd = d.wake, .events = POLLIN};
        uint64_t n;
        poll(&p, 1, 1000);
        if (read(d.wake, &n, sizeof n) < 0)
            assert_int_equal(errno, EAGAIN);
    }
    assert_true(recorder_finished(d.r));
    assert_int_equal(recorder_durable(d.r), 100);
    assert_int_equal(recorder_close(&d.r, 2000, &cause), 0);
    assert_int_equal(events_in(d.path), 100);
    snprintf(reserve, sizeof reserve, "%s.reserve", d.path);
    assert_int_not_equal(stat(reserve, &st), 0);
    disk_close(&d);
}

/* ---- a full disk ---- */

static bool await_health(struct disk *d, enum recorder_health want)
{
    int64_t until = clock_mono_ns() + DEADLINE;
    enum recorder_health h;
    char *text = NULL;
    while (clock_mono_ns() < until) {
        recorder_flush_point(d->r, clock_mono_ns());
        if (recorder_news(d->r, &h, &text)) {
            assert_non_null(text);
            free(text);
            if (h == want)
                return true;
        }
        struct pollfd p = {.fd = d->wake, .events = POLLIN};
        uint64_t n;
        poll(&p, 1, 50);
        if (read(d->wake, &n, sizeof n) < 0)
            assert_int_equal(errno, EAGAIN);
    }
    return false;
}

/* Takes all the space there is. */
static void fill_up(const struct disk *d)
{
    char path[128], block[4096];
    snprintf(path, sizeof path, "%s/ballast", d->dir);
    memset(block, 1, sizeof block);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (write(fd, block, sizeof block) > 0)
        ;
    close(fd);
}

static void free_up(const struct disk *d)
{
    char path[128];
    snprintf(path, sizeof path, "%s/ballast", d->dir);
    assert_int_equal(unlink(path), 0);
}

static void a_full_disk_loses_nothing_and_clears_by_itself(void **state)
{
    (void)state;
    struct disk d;
    disk_open(&d, RECORDER_INTERVAL, "size=4m");
    if (!d.mounted) {
        print_message("no permission to mount a tmpfs: skipped\n");
        disk_close(&d);
        skip();
    }
    uint64_t first = put(&d, 0, 1000);
    assert_true(await_durable(&d, first, DEADLINE));
    fill_up(&d);
    uint64_t seq = 0;
    for (int i = 1; i <= 20; i++)
        seq = put(&d, i, 10000);
    assert_true(await_health(&d, RECORDER_FULL));
    assert_true(recorder_congested(d.r));
    assert_true(recorder_durable(d.r) < seq); /* so nothing of it may be acknowledged */
    assert_int_equal(events_in(d.path), 1);   /* and what is there is whole */
    free_up(&d);
    assert_true(await_durable(&d, seq, DEADLINE));
    assert_true(await_health(&d, RECORDER_OK));
    assert_false(recorder_congested(d.r));
    assert_int_equal(events_in(d.path), 21);
    disk_close(&d);
}

static void interventions_get_through_on_a_full_disk(void **state)
{
    (void)state;
    struct disk d;
    disk_open(&d, RECORDER_INTERVAL, "size=4m");
    if (!d.mounted) {
        print_message("no permission to mount a tmpfs: skipped\n");
        disk_close(&d);
        skip();
    }
    fill_up(&d);
    uint64_t points = put(&d, 1, 50000);
    assert_true(await_health(&d, RECORDER_FULL));
    assert_true(recorder_durable(d.r) < points);
    for (int i = 0; i < 5; i++) {
        uint64_t seq = put(&d, 100 + i, 500);
        recorder_urgent(d.r);
        assert_true(await_durable(&d, seq, DEADLINE));
        assert_true(recorder_congested(d.r)); /* points still have to wait */
    }
    free_up(&d);
    assert_true(await_health(&d, RECORDER_OK));
    assert_int_equal(events_in(d.path), 6);
    disk_close(&d);
}

static void a_hub_can_end_on_a_full_disk(void **state)
{
    (void)state;
    struct disk d;
    char *cause = NULL;
    disk_open(&d, RECORDER_INTERVAL, "size=4m");
    if (!d.mounted) {
        print_message("no permission to mount a tmpfs: skipped\n");
        disk_close(&d);
        skip();
    }
    uint64_t first = put(&d, 0, 1000);
    assert_true(await_durable(&d, first, DEADLINE));
    fill_up(&d);
    for (int i = 0; i < 200; i++) /* more than the reserve can take */
        put(&d, i, 10000);
    int64_t start = clock_mono_ns();
    assert_int_equal(recorder_close(&d.r, 500, &cause), -1);
    assert_true(clock_mono_ns() - start < 5 * CLOCK_S);
    assert_non_null(cause);
    assert_true(events_in(d.path) >= 1);
    free(cause);
    disk_close(&d);
}

static void policies_have_names(void **state)
{
    (void)state;
    struct recorder_options o = {0};
    char text[32];
    assert_true(recorder_policy_parse("always", &o));
    assert_string_equal(recorder_policy_text(&o, text, sizeof text), "always");
    assert_true(recorder_policy_parse("none", &o));
    assert_string_equal(recorder_policy_text(&o, text, sizeof text), "none");
    assert_true(recorder_policy_parse("interval:50", &o));
    assert_string_equal(recorder_policy_text(&o, text, sizeof text), "50 ms");
    assert_false(recorder_policy_parse("sometimes", &o));
    assert_false(recorder_policy_parse("interval:0", &o));
    assert_false(recorder_policy_parse("interval:x", &o));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_durable_before_it_is_in_the_file),
        cmocka_unit_test(a_group_is_committed_together_within_the_interval),
        cmocka_unit_test(urgent_events_do_not_wait_for_the_interval),
        cmocka_unit_test(always_syncs_at_every_flush_point),
        cmocka_unit_test(a_large_backlog_does_not_wait_for_the_interval),
        cmocka_unit_test(a_group_is_never_split),
        cmocka_unit_test(what_was_durable_survives_kill),
        cmocka_unit_test(a_second_writer_is_refused),
        cmocka_unit_test(finishing_is_announced_and_leaves_a_whole_file),
        cmocka_unit_test(a_full_disk_loses_nothing_and_clears_by_itself),
        cmocka_unit_test(interventions_get_through_on_a_full_disk),
        cmocka_unit_test(a_hub_can_end_on_a_full_disk),
        cmocka_unit_test(policies_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
