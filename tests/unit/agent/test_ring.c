/* The ring under threads, signals, crashes and damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/ring.h"
#include "tests/unit/agent/thread_alarm.h"

static char dir[64], path[96], why[RING_WHY];

static int set_up(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/ht-ring-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/a.ring", dir);
    return 0;
}

static int tear_down(void **state)
{
    unlink(path);
    return rmdir(dir);
}

static struct ring small_ring(uint32_t lanes, uint32_t slots)
{
    struct ring r;
    struct ring_identity id = {.run = 1, .lanes = lanes, .lane_slots = slots, .program = "test"};
    if (ring_create(&r, path, &id, why) != 0)
        fail_msg("%s", why);
    return r;
}

/* ---- one thread ---- */

static void points_come_out_as_they_went_in(void **state)
{
    struct ring r = small_ring(1, 128);
    struct ring_point out[8];
    uint64_t torn = 0;
    for (int round = 0; round < 1000; round++) { /* many laps */
        assert_true(ring_point_push(&r.lanes[0], 7, round, 42, round * 0.5));
        assert_int_equal(ring_points_take(&r, 0, out, 8, false, &torn), 1);
        assert_int_equal(out[0].id, 7);
        assert_int_equal(out[0].step, round);
        assert_int_equal(out[0].time, 42);
        assert_true(out[0].value == round * 0.5);
    }
    assert_int_equal(torn, 0);
    assert_true(ring_drained(&r));
    ring_unmap(&r);
}

static void full_lane_counts_what_it_drops(void **state)
{
    struct ring r = small_ring(1, 128);
    struct ring_point out[256];
    uint64_t torn = 0;
    for (int i = 0; i < 200; i++)
        assert_int_equal(ring_point_push(&r.lanes[0], 0, i, 0, 0), i < 128);
    assert_int_equal(ring_dropped(&r), 72);
    assert_int_equal(ring_points_take(&r, 0, out, 256, false, &torn), 128);
    assert_int_equal(out[127].step, 127);
    assert_true(ring_point_push(&r.lanes[0], 0, 1, 0, 0));
    ring_unmap(&r);
}

static void pull_takes_two_slots_and_is_whole(void **state)
{
    struct ring r = small_ring(1, 128);
    struct ring_pull in = {.bandit = 3,
                           .arm = 17,
                           .flags = RING_FORCED,
                           .t = 99,
                           .time = 5,
                           .cost = 2.5,
                           .context = -1,
                           .propensity = 0.125},
                     back;
    struct ring_point out[4];
    uint64_t torn = 0;
    int pushed = 0;
    ring_point_push(&r.lanes[0], 0, 0, 0, 0); /* so that the last pull would need a slot too many */
    while (ring_pull_push(&r.lanes[0], &in))
        pushed++;
    assert_int_equal(pushed, 63);
    assert_int_equal(ring_points_take(&r, 0, out, 2, false, &torn), 1); /* never half a pull */
    assert_int_equal(ring_points_take(&r, 0, out, 3, false, &torn), 2);
    ring_pull_read(out, &back);
    assert_int_equal(back.bandit, 3);
    assert_int_equal(back.arm, 17);
    assert_int_equal(back.flags, RING_FORCED);
    assert_int_equal(back.t, 99);
    assert_int_equal(back.time, 5);
    assert_true(back.cost == 2.5 && back.context == -1 && back.propensity == 0.125);
    ring_unmap(&r);
}

static void records_of_any_size_pass(void **state)
{
    struct ring r = small_ring(1, 128);
    static uint8_t in[RING_PAYLOAD], out[RING_PAYLOAD];
    uint64_t torn = 0;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t n = 0; n <= sizeof in; n = n < 1200                                 ? n + 1
                                           : n * 3 / 2 > sizeof in && n < sizeof in ? sizeof in
                                                                                    : n * 3 / 2) {
        struct ring_record h = {.kind = RR_CHECKPOINT, .id = 9, .step = (int64_t)n, .time = 3}, back;
        size_t cut = n / 3;
        assert_true(ring_record_push(&r, &h, in, cut, in + cut, n - cut, false));
        assert_true(ring_record_take(&r, &back, out, false, &torn));
        assert_int_equal(back.bytes, n);
        assert_int_equal(back.step, n);
        assert_memory_equal(in, out, n);
        if (n == sizeof in)
            break;
    }
    assert_false(ring_record_push(&r, &(struct ring_record){.kind = RR_TEXT}, in, sizeof in, in, 1, false));
    ring_unmap(&r);
}

static void text_leaves_room_for_reports(void **state)
{
    struct ring r = small_ring(1, 128);
    double v = 1;
    struct ring_record text = {.kind = RR_TEXT}, report = {.kind = RR_REPORT};
    while (ring_record_push(&r, &text, "x", 1, NULL, 0, true))
        continue;
    int reports = 0;
    while (ring_record_push(&r, &report, &v, sizeof v, NULL, 0, false))
        reports++;
    assert_int_equal(reports, r.g.control_slots / 4);
    ring_unmap(&r);
}

static void commands_arrive_in_order_and_ring_the_bell(void **state)
{
    struct ring r = small_ring(1, 128);
    struct ring_command c = {.kind = RING_CMD_SET, .value = 0.5}, got;
    uint32_t bell = atomic_load(&r.h->doorbell);
    for (int i = 1; i <= 64; i++) {
        c.id = i;
        assert_true(ring_command_push(&r, &c));
    }
    assert_false(ring_command_push(&r, &c));
    assert_int_equal(atomic_load(&r.h->doorbell), bell + 64);
    for (int i = 1; i <= 64; i++) {
        assert_true(ring_command_take(&r, &got));
        assert_int_equal(got.id, i);
    }
    assert_false(ring_command_take(&r, &got));
    ring_unmap(&r);
}

static void names_given_back_are_used_again(void **state)
{
    struct ring r = small_ring(1, 128);
    char name[RING_NAME];
    for (int i = 0; i < RING_NAMES; i++)
        assert_int_equal(ring_name_claim(&r, "n", 1), i);
    assert_int_equal(ring_name_claim(&r, "x", 1), -1);
    ring_name_return(&r, 700);
    assert_int_equal(ring_name_claim(&r, "again", 5), 700);
    assert_true(ring_name(&r, 700, name));
    assert_string_equal(name, "again");
    assert_false(ring_name(&r, RING_NAMES, name));
    ring_unmap(&r);
}

/* ---- many threads ---- */

enum { THREADS = 128, EACH = 2000 };
static struct ring shared;

static void *log_points(void *arg)
{
    uint16_t me = (uint16_t)(intptr_t)arg;
    for (int i = 0; i < EACH; i++)
        while (!ring_point_push(&shared.lanes[me % shared.g.lanes], me, i, me, i))
            sched_yield();
    return NULL;
}

static void order_of_each_of_128_threads_is_kept(void **state)
{
    pthread_t t[THREADS];
    static int64_t next[THREADS];
    struct ring_point out[512];
    uint64_t torn = 0, got = 0;
    shared = small_ring(4, 1024);
    memset(next, 0, sizeof next);
    for (intptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, log_points, (void *)i), 0);
    while (got < (uint64_t)THREADS * EACH)
        for (unsigned lane = 0; lane < shared.g.lanes; lane++) {
            uint32_t n = ring_points_take(&shared, lane, out, 512, false, &torn);
            for (uint32_t i = 0; i < n; i++) {
                assert_true(out[i].id < THREADS && out[i].time == out[i].id);
                assert_int_equal(out[i].step, next[out[i].id]);
                next[out[i].id]++;
            }
            got += n;
        }
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    assert_true(ring_drained(&shared));
    assert_int_equal(torn, 0);
    ring_unmap(&shared);
}

/* ---- signals ---- */

static volatile sig_atomic_t in_handler, handler_pushed;

static void on_alarm(int s)
{
    handler_pushed += ring_point_push(&shared.lanes[0], 1, in_handler++, 1, 1);
}

static void handler_may_interrupt_a_push_anywhere(void **state)
{
    struct ring_point out[1024];
    uint64_t torn = 0, from_handler = 0, from_main = 0, pushed = 0;
    int64_t last[2] = {-1, -1};
    shared = small_ring(1, 1024);
    in_handler = handler_pushed = 0;
    thread_alarm_start(on_alarm, 100);
    for (int64_t i = 0; in_handler < 2000; i++) {
        pushed += ring_point_push(&shared.lanes[0], 0, i, 0, 0);
        uint32_t n = i % 64 == 0 ? ring_points_take(&shared, 0, out, 1024, false, &torn) : 0;
        for (uint32_t k = 0; k < n; k++) {
            assert_true(out[k].id < 2 && out[k].step > last[out[k].id]);
            last[out[k].id] = out[k].step;
            *(out[k].id ? &from_handler : &from_main) += 1;
        }
    }
    thread_alarm_stop();
    for (uint32_t n; (n = ring_points_take(&shared, 0, out, 1024, false, &torn));)
        for (uint32_t k = 0; k < n; k++)
            *(out[k].id ? &from_handler : &from_main) += 1;
    assert_int_equal(from_main, pushed);
    assert_int_equal(from_handler, handler_pushed);
    ring_unmap(&shared);
}

/* ---- crashes ---- */

static void killed_writer_loses_at_most_the_slot_it_was_in(void **state)
{
    struct ring_point out[1024];
    for (int round = 0; round < 60; round++) {
        struct ring r = small_ring(1, 1024);
        int64_t next = 0;
        uint64_t torn = 0;
        pid_t pid = fork();
        if (pid == 0)
            for (int64_t i = 0;; i++)
                while (!ring_point_push(&r.lanes[0], 0, i, 0, 0))
                    ;
        while (next < 3000 + round * 97) {
            uint32_t n = ring_points_take(&r, 0, out, 1024, false, &torn);
            for (uint32_t k = 0; k < n; k++)
                assert_int_equal(out[k].step, next++);
        }
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        for (uint32_t n; (n = ring_points_take(&r, 0, out, 1024, true, &torn));)
            for (uint32_t k = 0; k < n; k++)
                assert_int_equal(out[k].step, next++);
        assert_true(torn <= 1);
        assert_true(ring_drained(&r));
        ring_unmap(&r);
        unlink(path);
    }
}

static void claimed_slots_of_the_dead_are_skipped_and_counted(void **state)
{
    struct ring r = small_ring(1, 128);
    struct ring_point out[8];
    struct ring_record rec;
    static uint8_t payload[RING_PAYLOAD];
    uint64_t torn = 0;
    ring_claim(&r.lanes[0], 1, RING_POINT_SLOT); /* a writer that died here */
    ring_point_push(&r.lanes[0], 0, 5, 0, 0);
    ring_claim(&r.control, 3, RING_CONTROL_SLOT);
    struct ring_record head = {.kind = RR_CHECKPOINT, .step = 6};
    ring_record_push(&r, &head, "p", 1, NULL, 0, false);
    assert_int_equal(ring_points_take(&r, 0, out, 8, false, &torn), 0); /* alive: it may still come */
    assert_false(ring_record_take(&r, &rec, payload, false, &torn));
    assert_int_equal(ring_points_take(&r, 0, out, 8, true, &torn), 1);
    assert_int_equal(out[0].step, 5);
    assert_int_equal(torn, 1);
    assert_true(ring_record_take(&r, &rec, payload, true, &torn));
    assert_int_equal(rec.step, 6);
    assert_int_equal(torn, 4);
    ring_unmap(&r);
}

/* The drainer frees what it takes one by one and moves the tail once, behind the last. */
static void healing_leaves_alone_what_is_being_taken(void **state)
{
    struct ring r = small_ring(1, 128);
    struct ring_point out[128];
    uint64_t torn = 0;
    for (int i = 0; i < 100; i++)
        ring_point_push(&r.lanes[0], 0, i, 0, 0);
    assert_int_equal(ring_points_take(&r, 0, out, 40, false, &torn), 40);
    atomic_store(&r.h->lanes[0].tail, 0); /* as if it were still at it */
    ring_heal(&r);
    atomic_store(&r.h->lanes[0].tail, 40);
    assert_int_equal(atomic_load(&r.h->torn), 0);
    assert_int_equal(ring_points_take(&r, 0, out, 128, false, &torn), 60);
    for (int i = 0; i < 128; i++)
        assert_true(ring_point_push(&r.lanes[0], 0, i, 0, 0)); /* the next lap finds them free */
    ring_unmap(&r);
}

static void healing_lets_a_successor_write_on(void **state)
{
    struct ring r = small_ring(1, 128);
    struct ring_point out[8];
    uint64_t torn = 0;
    ring_claim(&r.lanes[0], 2, RING_POINT_SLOT);
    ring_heal(&r);
    assert_int_equal(atomic_load(&r.h->torn), 2);
    ring_point_push(&r.lanes[0], 0, 8, 0, 0);
    assert_int_equal(ring_points_take(&r, 0, out, 8, false, &torn), 1);
    assert_int_equal(out[0].step, 8);
    ring_unmap(&r);
}

/* ---- damage ---- */

static void patch(long at, const void *p, size_t n)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, at, SEEK_SET);
    fwrite(p, 1, n, f);
    fclose(f);
}

static void damaged_headers_are_refused(void **state)
{
    static const uint32_t bad[] = {0, 1, 3, 0x7fffffff, 0xffffffff};
    struct ring r;
    for (size_t at = offsetof(struct ring_header, version); at < offsetof(struct ring_header, run); at += 4)
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            struct ring made = small_ring(2, 128);
            uint32_t was;
            memcpy(&was, (char *)made.h + at, 4);
            ring_unmap(&made);
            if (was != bad[i]) {
                patch((long)at, &bad[i], 4);
                why[0] = '\0';
                assert_int_equal(ring_open(&r, path, why), -1);
                assert_non_null(strstr(why, path));
                assert_null(r.h);
            }
            unlink(path);
        }
}

static void foreign_and_short_files_are_refused(void **state)
{
    struct ring r, made = small_ring(1, 128);
    ring_unmap(&made);
    assert_int_equal(ring_open(&r, path, why), 0);
    ring_unmap(&r);
    patch(0, "X", 1);
    assert_int_equal(ring_open(&r, path, why), -1);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(ring_open(&r, path, why), -1);
    assert_int_equal(truncate(path, RING_HEADER), 0);
    assert_int_equal(ring_open(&r, path, why), -1);
    assert_int_equal(ring_open(&r, dir, why), -1);
    assert_int_equal(ring_open(&r, "/dev/null", why), -1);
}

static void a_second_ring_of_that_name_is_refused(void **state)
{
    struct ring r = small_ring(1, 128), again;
    struct ring_identity id = {.lanes = 1, .lane_slots = 128};
    assert_int_equal(ring_create(&again, path, &id, why), -1);
    assert_non_null(strstr(why, "File exists"));
    ring_unmap(&r);
}

static void drainer_survives_any_memory(void **state)
{
    static uint8_t payload[RING_PAYLOAD];
    struct ring_point out[64];
    struct ring_record rec;
    struct ring_command c;
    uint64_t torn = 0;
    srand(1);
    for (int round = 0; round < 300; round++) {
        struct ring r = small_ring(2, 128);
        size_t from = offsetof(struct ring_header, control);
        for (size_t i = from; i < r.size; i += 1 + (size_t)rand() % 97)
            ((volatile uint8_t *)r.h)[i] = (uint8_t)(rand() % 4);
        for (int k = 0; k < 64; k++) {
            for (unsigned lane = 0; lane < r.g.lanes; lane++)
                ring_points_take(&r, lane, out, 64, round & 1, &torn);
            ring_record_take(&r, &rec, payload, round & 1, &torn);
            ring_command_take(&r, &c);
        }
        ring_drained(&r);
        ring_fill(&r);
        ring_heal(&r);
        ring_unmap(&r);
        unlink(path);
    }
}

static void process_tokens_tell_the_dead_from_the_living(void **state)
{
    uint64_t self = ring_process_self();
    assert_int_equal(ring_process_pid(self), getpid());
    assert_true(ring_process_alive(self));
    assert_false(ring_process_alive(self ^ 1)); /* the same pid, started at another time */
    assert_false(ring_process_alive(0));
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    uint64_t child = ring_process(pid);
    assert_true(ring_process_alive(child));
    kill(pid, SIGKILL);
    siginfo_t si;
    waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT);
    assert_false(ring_process_alive(child)); /* a zombie writes nothing any more */
    waitpid(pid, NULL, 0);
    assert_false(ring_process_alive(child));
}

int main(void)
{
#define FACT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        FACT(points_come_out_as_they_went_in),
        FACT(full_lane_counts_what_it_drops),
        FACT(pull_takes_two_slots_and_is_whole),
        FACT(records_of_any_size_pass),
        FACT(text_leaves_room_for_reports),
        FACT(commands_arrive_in_order_and_ring_the_bell),
        FACT(names_given_back_are_used_again),
        FACT(order_of_each_of_128_threads_is_kept),
        FACT(handler_may_interrupt_a_push_anywhere),
        FACT(killed_writer_loses_at_most_the_slot_it_was_in),
        FACT(claimed_slots_of_the_dead_are_skipped_and_counted),
        FACT(healing_lets_a_successor_write_on),
        FACT(healing_leaves_alone_what_is_being_taken),
        FACT(damaged_headers_are_refused),
        FACT(foreign_and_short_files_are_refused),
        FACT(a_second_ring_of_that_name_is_refused),
        FACT(drainer_survives_any_memory),
        FACT(process_tokens_tell_the_dead_from_the_living),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
