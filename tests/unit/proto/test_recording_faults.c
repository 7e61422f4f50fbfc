/* recording when the system fails it: writes, syncs and renames that fail at the n-th call, a full disk, kill
 * -9 at any moment. What was acknowledged is there afterwards, exactly once. The seed of the random kills is
 * printed; set HYPERTOP_SEED to have the same ones again. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "proto/mcap_check.h"
#include "proto/mcap_write.h"
#include "recording_fixture.h"

/* ---- system calls that fail on demand ---- */

enum fault { NO_FAULT, FAULT_ENOSPC, FAULT_SHORT, FAULT_EIO, FAULT_SYNC, FAULT_CUT, FAULT_EXIT };
static struct {
    enum fault fault;
    int at;    /* which call, from 1 */
    int calls; /* of the kinds that this fault concerns */
} plan;

static bool strikes(void)
{
    return ++plan.calls == plan.at;
}

static ssize_t faulty_pwrite(int fd, const void *p, size_t n, off_t at)
{
    if (plan.fault == FAULT_EXIT && strikes()) {
        if (pwrite(fd, p, n / 2, at) < 0)
            _exit(2);
        _exit(0);
    }
    if (plan.fault == FAULT_ENOSPC || plan.fault == FAULT_EIO || plan.fault == FAULT_SHORT ||
        plan.fault == FAULT_CUT) {
        if (strikes()) {
            if (plan.fault == FAULT_SHORT || plan.fault == FAULT_CUT)
                return n > 1 ? pwrite(fd, p, n / 2, at) : 0;
            errno = plan.fault == FAULT_EIO ? EIO : ENOSPC;
            return -1;
        }
        if ((plan.fault == FAULT_SHORT || plan.fault == FAULT_CUT) &&
            plan.calls == plan.at + 1) { /* the rest of a short write */
            errno = ENOSPC;
            return -1;
        }
    }
    return pwrite(fd, p, n, at);
}

static int faulty_fdatasync(int fd)
{
    if (plan.fault == FAULT_EXIT && strikes())
        _exit(0);
    if (plan.fault == FAULT_SYNC && strikes()) {
        errno = EIO;
        return -1;
    }
    return fdatasync(fd);
}

static int faulty_ftruncate(int fd, off_t n)
{
    if (plan.fault == FAULT_CUT && plan.calls > plan.at) {
        errno = EIO;
        return -1;
    }
    return ftruncate(fd, n);
}

static int faulty_rename(const char *from, const char *to)
{
    if (plan.fault == FAULT_EXIT && strikes())
        _exit(0);
    return rename(from, to);
}

static void set_plan(enum fault fault, int at)
{
    plan.fault = fault;
    plan.at = at;
    plan.calls = 0;
}

static int with_faults(void **state)
{
    (void)state;
    mcap_sys = (struct mcap_sys){faulty_pwrite, faulty_fdatasync, faulty_ftruncate, faulty_rename};
    set_plan(NO_FAULT, 0);
    return 0;
}

static void whole_with(const char *path, uint64_t events)
{
    struct mcap_report report;
    assert_int_equal(mcap_check(path, &report, NULL), 0);
    if (!mcap_report_ok(&report))
        print_error("%s: %s\n", path, report.n_damages ? report.damages[0].why : report.torn_why);
    assert_true(mcap_report_ok(&report));
    assert_int_equal(report.messages, events);
    mcap_report_release(&report);
    assert_int_equal(fixture_read(path, NULL, 0, NULL), events);
}

/* Ten chunks; whatever fails is done again as the contract says. What rec_durable claims is read back at
 * every turn. */
static void write_through(const char *path, enum fault fault, int at)
{
    struct rec_writer *w = fixture_create(path);
    int troubles = 0;
    set_plan(fault, at);
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 7; k++)
            fixture_put(w);
        struct rec_chunk *c = rec_take_chunk(w);
        char *cause = NULL;
        while (c) {
            enum rec_status s = rec_write_chunk(w, &c, &cause);
            if (s != REC_OK) {
                troubles++;
                assert_non_null(cause);
                assert_non_null(c);
                assert_true(rec_durable(w) <= (uint64_t)i * 7);
            }
            if (s == REC_FULL)
                assert_int_equal(fixture_read(path, NULL, 0, NULL), i * 7);
            else if (s == REC_DEAD)
                assert_int_equal(rec_rescue(w, &cause), REC_OK);
        }
        if (rec_sync(w, &cause) != REC_OK) {
            troubles++;
            assert_int_equal(rec_durable(w), i * 7);
            assert_int_equal(rec_sync(w, NULL), REC_DEAD); /* never retried */
            assert_int_equal(rec_rescue(w, &cause), REC_OK);
        }
        assert_int_equal(rec_durable(w), (i + 1) * 7);
        free(cause);
    }
    assert_true(at > 10 || troubles == 1);
    set_plan(NO_FAULT, 0);
    assert_int_equal(rec_finish(&w, NULL), 0);
    whole_with(path, 70);
}

static void full_disk_at_the_nth_write_is_retried(void **state)
{
    (void)state;
    for (int n = 1; n <= 10; n++) {
        write_through(fixture_path("enospc.mcap"), FAULT_ENOSPC, n);
        write_through(fixture_path("short.mcap"), FAULT_SHORT, n);
    }
}

/* Even the cutting back fails: the torn bytes stay, the next write goes over them. */
static void failed_truncate_after_a_short_write_is_survived(void **state)
{
    (void)state;
    struct rec_writer *w = fixture_create(fixture_path("nocut.mcap"));
    for (int k = 0; k < 30; k++)
        fixture_put(w);
    struct rec_chunk *c = rec_take_chunk(w);
    set_plan(FAULT_CUT, 1);
    assert_int_equal(rec_write_chunk(w, &c, NULL), REC_FULL);
    set_plan(NO_FAULT, 0);
    assert_int_equal(fixture_read(fixture_path("nocut.mcap"), NULL, 0, NULL), 0);
    assert_int_equal(rec_write_chunk(w, &c, NULL), REC_OK);
    assert_int_equal(rec_finish(&w, NULL), 0);
    whole_with(fixture_path("nocut.mcap"), 30);
}

static void io_error_at_the_nth_write_is_rescued(void **state)
{
    (void)state;
    for (int n = 1; n <= 10; n++)
        write_through(fixture_path("eio.mcap"), FAULT_EIO, n);
}

static void failed_sync_at_the_nth_call_is_rescued(void **state)
{
    (void)state;
    for (int n = 1; n <= 10; n++)
        write_through(fixture_path("sync.mcap"), FAULT_SYNC, n);
}

/* Three chunks written, then the sync fails: all three come from memory. And a rescue that fails can be
 * repeated. */
static void rescue_rewrites_all_that_was_not_synced(void **state)
{
    (void)state;
    const char *path = fixture_path("rescue.mcap");
    char *cause = NULL;
    struct rec_writer *w = fixture_create(path);
    fixture_chunk(w, 5);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 5; k++)
            fixture_put(w);
        struct rec_chunk *c = rec_take_chunk(w);
        assert_int_equal(rec_write_chunk(w, &c, NULL), REC_OK);
    }
    set_plan(FAULT_SYNC, 1);
    assert_int_equal(rec_sync(w, &cause), REC_DEAD);
    assert_int_equal(rec_durable(w), 5);
    assert_int_equal(truncate(path, rec_file_bytes(w) - 100), 0); /* what the kernel dropped */
    for (int n = 1; n <= 3; n++) {
        set_plan(FAULT_ENOSPC, n);
        assert_int_not_equal(rec_rescue(w, &cause), REC_OK);
        assert_int_equal(rec_durable(w), 5);
    }
    set_plan(NO_FAULT, 0);
    assert_int_equal(rec_rescue(w, &cause), REC_OK);
    assert_int_equal(rec_durable(w), 20);
    fixture_chunk(w, 5);
    assert_int_equal(rec_finish(&w, NULL), 0);
    whole_with(path, 25);
    free(cause);
}

static void finish_on_a_full_disk_leaves_a_valid_recording(void **state)
{
    (void)state;
    const char *path = fixture_path("nofinish.mcap");
    struct rec_writer *w = fixture_create(path);
    char *cause = NULL;
    fixture_chunk(w, 5);
    set_plan(FAULT_ENOSPC, 1);
    assert_int_equal(rec_finish(&w, &cause), -1);
    set_plan(NO_FAULT, 0);
    assert_null(w);
    assert_non_null(strstr(cause, "No space left"));
    free(cause);
    whole_with(path, 5);
}

static void creation_on_a_full_disk_leaves_no_file(void **state)
{
    (void)state;
    struct rec_header h = {.sweep = "x", .yaml = "a", .yaml_n = 1};
    for (int n = 1; n <= 3; n++) {
        const char *path = fixture_path("nocreate.mcap");
        char *cause = NULL;
        set_plan(FAULT_ENOSPC, n);
        assert_null(rec_create(path, &h, &cause));
        set_plan(NO_FAULT, 0);
        assert_non_null(cause);
        free(cause);
        assert_int_equal(access(path, F_OK), -1);
    }
}

/* ---- compaction, interrupted ---- */

/* A child that dies at the n-th write, sync or rename of a compaction. False when it got through. */
static bool die_while_compacting(const char *path, int n)
{
    pid_t pid = fork();
    if (pid == 0) {
        set_plan(FAULT_EXIT, n);
        int rc = rec_compact(path, NULL);
        _exit(rc == 0 ? 77 : 3);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77);
    return WEXITSTATUS(status) == 0;
}

static void interrupted_compaction_leaves_old_or_new(void **state)
{
    (void)state;
    const char *path = fixture_path("compact.mcap");
    int n = 1;
    fixture_recording(path, 100, 3, true);
    while (die_while_compacting(path, n)) {
        whole_with(path, 300);
        n++;
    }
    assert_true(n >= 7); /* header, attachments, metadata, chunk, summary, sync, rename */
    whole_with(path, 300);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    char tmp[200];
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    assert_int_equal(access(tmp, F_OK), -1); /* left-overs of the dead ones are gone */
    fixture_recording(path, 100, 3, true);
    set_plan(FAULT_ENOSPC, 4);
    char *cause = NULL;
    assert_int_equal(rec_compact(path, &cause), -1);
    set_plan(NO_FAULT, 0);
    free(cause);
    whole_with(path, 300);
}

/* ---- a disk that is full indeed ---- */

static void full_tmpfs_is_survived(void **state)
{
    (void)state;
    char dir[128], path[160], filler[160];
    snprintf(dir, sizeof dir, "%s", fixture_path("tiny"));
    assert_int_equal(mkdir(dir, 0700), 0);
    if (mount("tmpfs", dir, "tmpfs", 0, "size=512k") < 0) {
        print_message("skipped: cannot mount a tmpfs here (%s)\n", strerror(errno));
        skip();
    }
    snprintf(path, sizeof path, "%s/full.mcap", dir);
    snprintf(filler, sizeof filler, "%s/filler", dir);
    int fd = open(filler, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(posix_fallocate(fd, 0, 300 << 10), 0);
    close(fd);
    struct rec_writer *w = fixture_create(path);
    enum rec_status s = REC_OK;
    struct rec_chunk *c = NULL;
    char *cause = NULL;
    uint64_t durable = 0;
    fixture_pad = 8000;
    while (s == REC_OK) {
        for (int k = 0; k < 5; k++)
            fixture_put(w);
        c = rec_take_chunk(w);
        s = rec_write_chunk(w, &c, &cause);
        if (s == REC_OK)
            assert_int_equal(rec_sync(w, &cause), REC_OK);
        durable = rec_durable(w);
        assert_true(durable < 1000);
    }
    assert_int_equal(s, REC_FULL);
    assert_non_null(strstr(cause, "free some space"));
    assert_int_equal(fixture_read(path, NULL, 0, NULL), durable);
    assert_int_equal(rec_write_chunk(w, &c, &cause), REC_FULL);
    assert_int_equal(unlink(filler), 0);
    assert_int_equal(rec_write_chunk(w, &c, &cause), REC_OK);
    assert_int_equal(rec_finish(&w, &cause), 0);
    struct rec_damage d;
    assert_int_equal(fixture_read(path, NULL, 0, &d), durable + 5);
    assert_int_equal(d.bytes_lost, 0);
    fixture_pad = 200;
    free(cause);
    assert_int_equal(umount2(dir, MNT_DETACH), 0);
}

/* ---- kill -9 ---- */

#define KILLS   240
#define SECONDS 40

/* Appends groups for ever, saying after each sync what is durable. */
static void appender(const char *path, int out, uint64_t seed)
{
    struct rng r;
    char *cause = NULL;
    rng_seed(&r, seed);
    struct rec_writer *w =
        access(path, F_OK) == 0 ? rec_append_open(path, false, NULL, &cause) : fixture_create(path);
    if (!w) {
        dprintf(2, "%s\n", cause);
        _exit(3);
    }
    uint64_t said = rec_durable(w);
    for (;;) {
        for (uint64_t groups = 1 + rng_below(&r, 5); groups > 0; groups--) {
            rec_group_begin(w);
            for (uint64_t k = 1 + rng_below(&r, 20); k > 0; k--)
                fixture_put(w);
            rec_group_end(w);
        }
        struct rec_chunk *c = rec_take_chunk(w);
        if (rec_write_chunk(w, &c, NULL) != REC_OK || rec_sync(w, NULL) != REC_OK)
            _exit(4);
        said = rec_durable(w);
        if (write(out, &said, sizeof said) != sizeof said)
            _exit(5);
    }
}

/* Lets an appender run for a random while and kills it. Returns the newest sequence number that it said. */
static uint64_t run_and_kill(const char *path, struct rng *r, uint64_t before)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    uint64_t seed = rng_u64(r);
    int64_t until = clock_mono_ns() + (int64_t)rng_below(r, 60) * CLOCK_MS + (int64_t)rng_below(r, CLOCK_MS);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        appender(path, fds[1], seed);
    }
    close(fds[1]);
    uint64_t said = before, one;
    struct pollfd p = {fds[0], POLLIN, 0};
    for (int64_t left;
         (left = until - clock_mono_ns()) > 0;) { /* the time of the kill, not a wait for a condition */
        struct timespec ts = {left / CLOCK_S, left % CLOCK_S};
        if (ppoll(&p, 1, &ts, NULL) == 1) {
            if (read(fds[0], &one, sizeof one) != sizeof one)
                break;
            said = one;
        }
    }
    kill(pid, SIGKILL);
    while (read(fds[0], &one, sizeof one) == sizeof one)
        said = one;
    close(fds[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFSIGNALED(status))
        print_error("the appender ended by itself: status %x\n", status);
    assert_true(WIFSIGNALED(status));
    return said;
}

static void no_acknowledged_event_is_lost_by_kill_9(void **state)
{
    (void)state;
    const char *seed_text = getenv("HYPERTOP_SEED");
    int64_t seed = clock_wall_ns(), end = clock_mono_ns() + SECONDS * CLOCK_S;
    if (seed_text)
        text_int(seed_text, &seed);
    print_message("HYPERTOP_SEED=%lld\n", (long long)seed);
    struct rng r;
    rng_seed(&r, (uint64_t)seed);
    char path[160];
    snprintf(path, sizeof path, "%s", fixture_path("kill.mcap"));
    uint64_t said = 0;
    int kills = 0, torn = 0;
    for (; kills < KILLS && (kills < 200 || clock_mono_ns() < end); kills++) {
        fixture_pad = kills % 40 < 20 ? 200 : 8000; /* small chunks, then ones that are long in the writing */
        if (kills % 20 == 0) { /* begin again: recordings of all sizes, and kills while it is created */
            unlink(path);
            said = 0;
        }
        said = run_and_kill(path, &r, said);
        if (access(path, F_OK) != 0) {
            assert_int_equal(said, 0);
            continue;
        }
        struct rec_damage d;
        uint8_t *seen = mem_zero(said + 1, 1);
        int64_t got = fixture_read(path, seen, said, &d); /* contents right, none twice */
        uint64_t lost = 0;
        for (uint64_t i = 1; i <= said; i++)
            lost += !seen[i];
        free(seen);
        if (got < 0 || lost || d.chunks_skipped)
            print_error("kill %d: %lld events, %llu acknowledged, %llu of them lost\n", kills, (long long)got,
                        (unsigned long long)said, (unsigned long long)lost);
        assert_true(got >= (int64_t)said);
        assert_int_equal(lost, 0);
        assert_int_equal(d.chunks_skipped, 0);
        torn += d.truncated_at >= 0;
    }
    print_message("%d kills, %d torn tails\n", kills, torn);
    assert_true(kills >= 200);
    struct rec_writer *w = rec_append_open(path, false, NULL, NULL);
    uint64_t events = rec_seq(w);
    assert_true(events >= said);
    assert_int_equal(rec_finish(&w, NULL), 0);
    whole_with(path, events);
    fixture_pad = 200;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_disk_at_the_nth_write_is_retried),
        cmocka_unit_test(failed_truncate_after_a_short_write_is_survived),
        cmocka_unit_test(io_error_at_the_nth_write_is_rescued),
        cmocka_unit_test(failed_sync_at_the_nth_call_is_rescued),
        cmocka_unit_test(rescue_rewrites_all_that_was_not_synced),
        cmocka_unit_test(finish_on_a_full_disk_leaves_a_valid_recording),
        cmocka_unit_test(creation_on_a_full_disk_leaves_no_file),
        cmocka_unit_test(interrupted_compaction_leaves_old_or_new),
        cmocka_unit_test(full_tmpfs_is_survived),
        cmocka_unit_test(no_acknowledged_event_is_lost_by_kill_9),
    };
    return cmocka_run_group_tests(tests, with_faults, fixture_cleanup);
}
