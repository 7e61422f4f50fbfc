/* The library as a trainer sees it, and what it leaves in the ring. No hub, no relay: the test drains the
 * ring itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/hypertop.h"
#include "base/clock.h"
#include "proto/ring.h"
#include "tests/unit/agent/thread_alarm.h"
#include "tests/unit/agent/tree.h"

static char dir[64], path[96], why[RING_WHY];
static struct ring ring;
static uint8_t payload[RING_PAYLOAD];
static uint64_t torn;

static const char params[] = "lr\0"
                             "0.01\0"
                             "layers\0"
                             "64.0\0"
                             "opt\0"
                             "adam\0"
                             "wild\0"
                             "7\0"
                             "word\0"
                             "many\0";

static int set_up(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/ht-lib-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/a.ring", dir);
    setenv("HYPERTOP_RUNTIME_DIR", dir, 1);
    unsetenv("HYPERTOP_RING");
    unsetenv("HYPERTOP_DISABLE");
    struct ring_identity id = {.run = 4,
                               .trial = 17,
                               .seed = 99,
                               .epoch = 2,
                               .leased = true,
                               .owned = true,
                               .params = params,
                               .params_bytes = sizeof params - 1,
                               .params_n = 5,
                               .lane_slots = 8192};
    if (ring_create(&ring, path, &id, why) != 0)
        return -1;
    torn = 0;
    return 0;
}

static int tear_down(void **state)
{
    ring_unmap(&ring);
    return tree_remove(dir);
}

static ht_agent *open_agent(void)
{
    struct ht_options o = {.size = sizeof o, .ring = path, .no_relay = 1};
    ht_agent *ht = ht_open(&o);
    assert_int_equal(ht_status(ht), HT_OK);
    return ht;
}

/* The next record of a kind; others are passed over. */
static bool next_record(enum ring_record_kind kind, struct ring_record *r)
{
    while (ring_record_take(&ring, r, payload, false, &torn))
        if (r->kind == kind)
            return true;
    return false;
}

struct answer {
    struct ring_answer head;
    int64_t step;
    char param[64], old[64], new[64], message[256];
};

static bool next_answer(struct answer *a)
{
    struct ring_record r;
    if (!next_record(RR_ANSWER, &r))
        return false;
    memcpy(&a->head, payload, sizeof a->head);
    a->step = r.step;
    const char *p = (const char *)payload + sizeof a->head;
    char *to[] = {a->param, a->old, a->new, a->message};
    const size_t cap[] = {64, 64, 64, 256};
    for (int i = 0; i < 4; i++) {
        snprintf(to[i], cap[i], "%s", p);
        p += strlen(p) + 1;
    }
    return true;
}

static void give(int64_t id, enum ring_command_kind kind, const char *name, const char *text)
{
    struct ring_command c = {.kind = kind, .id = id, .value = NAN};
    snprintf(c.name, sizeof c.name, "%s", name);
    snprintf(c.text, sizeof c.text, "%s", text);
    assert_true(ring_command_push(&ring, &c));
}

/* ---- parameters ---- */

static void leased_values_win_and_are_typed(void **state)
{
    static const char *const opts[] = {"sgd", "adam"};
    ht_agent *ht = open_agent();
    assert_int_equal(ht_trial(ht), 17);
    assert_int_equal(ht_seed(ht, -1), 99);
    assert_true(ht_float(ht, "lr", 1e-4, 1, HT_LOG) == 0.01);
    assert_int_equal(ht_int(ht, "layers", 1, 128, 0), 64);
    assert_string_equal(ht_choice(ht, "opt", opts, 2, 0), "adam");
    ht_close(ht);
}

static void unleased_values_are_the_middle_of_the_scale(void **state)
{
    static const char *const opts[] = {"first", "second"};
    ht_agent *ht = open_agent();
    assert_true(fabs(ht_float(ht, "a", 1e-4, 1e-2, HT_LOG) - 1e-3) < 1e-15);
    assert_true(ht_float(ht, "b", 0, 3, 0) == 1.5);
    assert_int_equal(ht_int(ht, "c", 1, 100, HT_LOG), 10);
    assert_string_equal(ht_choice(ht, "d", opts, 2, 0), "first");
    ht_close(ht);
}

static void unleased_values_start_where_the_program_says(void **state)
{
    ht_agent *ht = open_agent();
    assert_true(ht_float_from(ht, "a", 1e-4, 1e-2, 3e-4, HT_LOG) == 3e-4);
    assert_true(ht_float_from(ht, "a", 1e-4, 1e-2, 5e-4, HT_LOG) == 3e-4); /* declared once */
    assert_true(ht_float_from(ht, "b", 0, 1, 7, 0) == 1);
    assert_true(ht_float_from(ht, "c", 0, 1, NAN, 0) == 0.5);
    assert_int_equal(ht_int_from(ht, "d", 1, 9, 2, 0), 2);
    assert_int_equal(ht_int_from(ht, "e", 1, 9, -2, 0), 1);
    assert_true(ht_float_from(ht, "lr", 1e-4, 1, 0.5, HT_LOG) == 0.01); /* leased */
    assert_int_equal(ht_int_from(ht, "layers", 1, 128, 2, 0), 64);
    assert_true(ht_float_from(NULL, "a", 0, 1, 0.25, 0) == 0.25);
    assert_int_equal(ht_int_from(NULL, "d", 1, 9, 2, 0), 2);
    ht_close(ht);
}

static void value_outside_its_range_is_clamped_and_told(void **state)
{
    struct ring_record r;
    ht_agent *ht = open_agent();
    assert_true(ht_float(ht, "wild", 0, 1, 0) == 1);
    assert_true(next_record(RR_TEXT, &r));
    payload[r.bytes] = '\0';
    assert_string_equal((char *)payload, "parameter wild: 7 lies outside [0, 1]; using 1");
    assert_true(ht_float(ht, "word", 0, 1, 0) == 0.5);
    assert_true(next_record(RR_TEXT, &r));
    payload[r.bytes] = '\0';
    assert_string_equal((char *)payload, "parameter word: \"many\" is not a number; using 0.5");
    ht_close(ht);
}

static void declaration_is_said_once(void **state)
{
    struct ring_record r;
    struct ring_declare d;
    ht_agent *ht = open_agent();
    for (int i = 0; i < 3; i++)
        ht_float(ht, "lr", 1e-4, 1, HT_LOG | HT_LIVE);
    assert_true(next_record(RR_DECLARE, &r));
    memcpy(&d, payload, sizeof d);
    assert_true(d.low == 1e-4 && d.high == 1 && d.log && d.live && d.type == RING_FLOAT);
    assert_string_equal((char *)payload + sizeof d, "lr");
    assert_string_equal((char *)payload + sizeof d + 3, "0.01");
    assert_false(next_record(RR_DECLARE, &r));
    ht_close(ht);
}

/* ---- commands ---- */

static void set_applies_at_the_poll_with_old_new_and_step(void **state)
{
    struct answer a;
    struct ht_command c;
    ht_agent *ht = open_agent();
    ht_float(ht, "lr", 1e-4, 1, HT_LOG | HT_LIVE);
    ht_log(ht, "loss", 1230, 1);
    give(5, RING_CMD_SET, "lr", "0.003");
    assert_true(ht_float(ht, "lr", 1e-4, 1, 0) == 0.01); /* not before the poll */
    assert_int_equal(ht_poll(ht, &c), HT_CONTINUE);
    assert_int_equal(c.kind, HT_CMD_SET);
    assert_true(ht_float(ht, "lr", 1e-4, 1, 0) == 0.003);
    assert_true(next_answer(&a));
    assert_int_equal(a.head.command, 5);
    assert_int_equal(a.head.state, RING_APPLIED);
    assert_int_equal(a.step, 1230);
    assert_string_equal(a.param, "lr");
    assert_string_equal(a.old, "0.01");
    assert_string_equal(a.new, "0.003");
    assert_int_equal(ht_poll(ht, &c), HT_CONTINUE);
    assert_int_equal(c.kind, HT_CMD_NONE);
    assert_false(next_answer(&a));
    ht_close(ht);
}

static void set_is_rejected_with_a_reason(void **state)
{
    static const struct {
        const char *name, *value, *why;
    } cases[] = {
        {"nothing", "1", "the program has no parameter nothing"},
        {"fixed", "1", "fixed was not declared live"},
        {"lr", "2", "lr must lie in [0.0001, 1]"},
        {"lr", "nan", "lr must lie in"},
        {"lr", "0.1 ", "lr takes a number"},
        {"lr", "0x1", "lr takes a number"},
        {"n", "1.5", "n takes an integer"},
        {"n", "99999999999999999999", "n takes an integer"},
        {"opt", "rmsprop", "rmsprop is none of the choices of opt"},
    };
    static const char *const opts[] = {"sgd", "adam"};
    struct answer a;
    ht_agent *ht = open_agent();
    ht_float(ht, "lr", 1e-4, 1, HT_LIVE);
    ht_float(ht, "fixed", 0, 1, 0);
    ht_int(ht, "n", 1, 10, HT_LIVE);
    ht_choice(ht, "opt", opts, 2, HT_LIVE);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        give((int64_t)i + 1, RING_CMD_SET, cases[i].name, cases[i].value);
        assert_int_equal(ht_poll(ht, NULL), HT_CONTINUE);
        assert_true(next_answer(&a));
        assert_int_equal(a.head.command, i + 1);
        assert_int_equal(a.head.state, RING_REJECTED);
        assert_int_equal(strncmp(a.message, cases[i].why, strlen(cases[i].why)), 0);
    }
    assert_true(ht_float(ht, "lr", 1e-4, 1, 0) == 0.01);
    ht_close(ht);
}

static void *let_go_on(void *arg)
{
    while (!ring_drained(&ring)) { /* the pause was answered: it is in force */
        struct answer a;
        if (next_answer(&a) && a.head.verb == RING_CMD_PAUSE) {
            give(2, RING_CMD_SET, "lr", "0.5");
            give(3, RING_CMD_RESUME, "", "");
            return NULL;
        }
    }
    return (void *)1;
}

static void *wait_for_pause(void *arg)
{
    int64_t end = clock_mono_ns() + 10 * CLOCK_S;
    while (ring_drained(&ring) && clock_mono_ns() < end)
        sched_yield();
    return let_go_on(arg);
}

static void pause_holds_until_resumed_and_applies_changes_meanwhile(void **state)
{
    pthread_t t;
    void *rc;
    struct answer a;
    struct ht_command c;
    struct ring_record r;
    ht_agent *ht = open_agent();
    ht_float(ht, "lr", 1e-4, 1, HT_LIVE);
    while (ring_record_take(&ring, &r, payload, false, &torn))
        continue;
    give(1, RING_CMD_PAUSE, "", "");
    pthread_create(&t, NULL, wait_for_pause, NULL);
    assert_int_equal(ht_poll(ht, &c), HT_CONTINUE); /* first the change, made while it is held */
    assert_int_equal(c.kind, HT_CMD_SET);
    assert_int_equal(ht_poll(ht, &c), HT_CONTINUE);
    assert_int_equal(c.kind, HT_CMD_RESUME);
    pthread_join(t, &rc);
    assert_null(rc);
    assert_true(ht_float(ht, "lr", 1e-4, 1, 0) == 0.5);
    assert_true(next_answer(&a) && a.head.command == 2);
    assert_true(next_answer(&a) && a.head.command == 3);
    ht_close(ht);
}

static void pause_ends_when_nobody_is_left_to_end_it(void **state)
{
    ht_agent *ht = open_agent();
    atomic_store(&ring.h->owner, 0);
    give(1, RING_CMD_PAUSE, "", "");
    assert_int_equal(ht_poll(ht, NULL), HT_CONTINUE);
    ht_close(ht);
}

static void bounded_poll_comes_back_from_a_pause(void **state)
{
    struct answer a;
    struct ht_command c;
    ht_agent *ht = open_agent();
    ht_float(ht, "lr", 1e-4, 1, HT_LIVE);
    assert_int_equal(ht_poll_for(ht, &c, 0), HT_CONTINUE);
    give(1, RING_CMD_PAUSE, "", "");
    assert_int_equal(ht_poll_for(ht, &c, 0), HT_PAUSED);
    assert_int_equal(c.kind, HT_CMD_NONE);
    assert_true(next_answer(&a) && a.head.command == 1 && a.head.state == RING_APPLIED);
    int64_t began = clock_mono_ns();
    assert_int_equal(ht_poll_for(ht, NULL, 30), HT_PAUSED);
    assert_true(clock_mono_ns() - began >= 29 * CLOCK_S / 1000);
    give(2, RING_CMD_SET, "lr", "0.5");
    assert_int_equal(ht_poll_for(ht, &c, 0), HT_CONTINUE); /* the change is handed over, the pause goes on */
    assert_int_equal(c.kind, HT_CMD_SET);
    assert_int_equal(ht_poll_for(ht, &c, 0), HT_PAUSED);
    give(3, RING_CMD_RESUME, "", "");
    assert_int_equal(ht_poll_for(ht, &c, 0), HT_CONTINUE);
    assert_int_equal(c.kind, HT_CMD_RESUME);
    give(4, RING_CMD_PAUSE, "", "");
    assert_int_equal(ht_poll_for(ht, &c, 0), HT_PAUSED);
    ring_stop(&ring, 5);
    assert_int_equal(ht_poll_for(ht, &c, 0), HT_STOP);
    assert_int_equal(c.kind, HT_CMD_STOP);
    ht_close(ht);
}

static void stop_reaches_report_and_poll_and_is_answered_once(void **state)
{
    struct answer a;
    struct ht_command c;
    ht_agent *ht = open_agent();
    assert_int_equal(ht_report(ht, 9, 0.5), HT_CONTINUE);
    ring_stop(&ring, 8);
    assert_int_equal(ht_report(ht, 10, 0.4), HT_STOP);
    assert_int_equal(ht_poll(ht, &c), HT_STOP);
    assert_int_equal(c.kind, HT_CMD_STOP);
    assert_true(next_answer(&a));
    assert_int_equal(a.head.command, 8);
    assert_int_equal(a.step, 10);
    assert_false(next_answer(&a));
    ht_close(ht);
}

static void checkpoint_and_custom_need_somebody_to_take_them(void **state)
{
    struct answer a;
    struct ht_command c;
    ht_agent *ht = open_agent();
    give(1, RING_CMD_CHECKPOINT, "", "");
    give(2, RING_CMD_CUSTOM, "flip", "{}");
    assert_int_equal(ht_poll(ht, NULL), HT_CONTINUE);
    assert_true(next_answer(&a) && a.head.command == 1 && a.head.state == RING_REJECTED);
    assert_true(next_answer(&a) && a.head.command == 2 && a.head.state == RING_REJECTED);
    give(3, RING_CMD_CHECKPOINT, "", "");
    ht_poll(ht, &c);
    assert_int_equal(c.kind, HT_CMD_CHECKPOINT);
    assert_int_equal(ht_checkpoint(ht, "/tmp/x.npy", 50), HT_OK);
    assert_true(next_answer(&a) && a.head.command == 3 && a.head.state == RING_APPLIED && a.step == 50);
    give(4, RING_CMD_CUSTOM, "flip", "{\"x\":1}");
    ht_poll(ht, &c);
    assert_int_equal(c.kind, HT_CMD_CUSTOM);
    assert_string_equal(c.name, "flip");
    assert_string_equal(c.text, "{\"x\":1}");
    ht_answer(ht, c.id, 0, "not today");
    assert_true(next_answer(&a) && a.head.command == 4 && a.head.state == RING_REJECTED);
    assert_string_equal(a.message, "not today");
    ht_close(ht);
}

/* ---- logging ---- */

static void odd_values_and_names_are_kept_or_cut(void **state)
{
    struct ring_point out[8];
    char name[RING_NAME], long_name[300];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    ht_agent *ht = open_agent();
    assert_int_equal(ht_log(ht, "x", 1, NAN), HT_OK);
    assert_int_equal(ht_log(ht, "x", INT64_MIN, -INFINITY), HT_OK);
    assert_int_equal(ht_log(ht, long_name, 3, 1), HT_OK);
    assert_int_equal(ht_log(ht, long_name, 4, 1), HT_OK);
    assert_int_equal(ht_log(ht, NULL, 1, 1), HT_INVALID);
    assert_int_equal(ht_log(ht, "", 1, 1), HT_INVALID);
    assert_int_equal(ring_points_take(&ring, 0, out, 8, false, &torn), 4);
    assert_true(isnan(out[0].value) && isinf(out[1].value) && out[1].step == INT64_MIN);
    assert_int_equal(out[2].id, out[3].id);
    ring_name(&ring, out[2].id, name);
    assert_int_equal(strlen(name), 63);
    ht_close(ht);
}

static void many_points_share_step_and_time_and_miss_no_neighbour(void **state)
{
    static const char *const names[] = {"loss", "accuracy", "", "lr"};
    const double values[] = {0.5, NAN, 3, 1e-3};
    struct ring_point out[8];
    struct answer a;
    char name[RING_NAME];
    ht_agent *ht = open_agent();
    ht_float(ht, "lr", 1e-4, 1, HT_LIVE);
    assert_int_equal(ht_log_many(ht, 2, names, 7, values), HT_OK);
    assert_int_equal(ht_log_many(ht, 4, names, 8, values), HT_INVALID); /* one has no name */
    assert_int_equal(ht_log_many(ht, 0, NULL, 9, NULL), HT_OK);
    assert_int_equal(ht_log_many(ht, 1, NULL, 9, values), HT_INVALID);
    assert_int_equal(ht_log_many(NULL, 2, names, 7, values), HT_INERT);
    assert_int_equal(ring_points_take(&ring, 0, out, 8, false, &torn), 5);
    static const char *const want[] = {"loss", "accuracy", "loss", "accuracy", "lr"};
    for (int i = 0; i < 5; i++) {
        assert_true(ring_name(&ring, out[i].id, name));
        assert_string_equal(name, want[i]);
        assert_int_equal(out[i].step, i < 2 ? 7 : 8);
        assert_true(out[i].time == out[i < 2 ? 0 : 2].time);
    }
    assert_true(out[0].value == 0.5 && isnan(out[1].value) && out[4].value == 1e-3);
    give(1, RING_CMD_SET, "lr", "0.5");
    assert_int_equal(ht_poll(ht, NULL), HT_CONTINUE);
    assert_true(next_answer(&a));
    assert_int_equal(a.step, 8);
    ht_close(ht);
}

static void thousand_names_fit_and_the_next_is_refused(void **state)
{
    char name[32];
    ht_agent *ht = open_agent();
    for (int i = 0; i < RING_NAMES; i++) {
        snprintf(name, sizeof name, "metric_%d", i);
        assert_int_equal(ht_log(ht, name, 0, i), HT_OK);
    }
    assert_int_equal(ht_log(ht, "one_more", 0, 1), HT_FULL);
    assert_int_equal(ht_dropped(ht), 1);
    assert_int_equal(ht_log(ht, "metric_500", 1, 1), HT_OK);
    ht_close(ht);
}

enum { THREADS = 128, EACH = 400, METRICS = 7 };
static ht_agent *shared;

static void *log_all(void *arg)
{
    char name[32];
    for (int i = 0; i < EACH; i++) {
        snprintf(name, sizeof name, "m%d", i % METRICS);
        while (ht_log(shared, name, (intptr_t)arg * EACH + i, 0) != HT_OK)
            sched_yield();
    }
    return NULL;
}

static void threads_that_meet_at_a_name_share_its_entry(void **state)
{
    static bool seen[THREADS * EACH];
    pthread_t t[THREADS];
    struct ring_point out[512];
    uint64_t got = 0;
    memset(seen, 0, sizeof seen);
    shared = open_agent();
    for (intptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, log_all, (void *)i), 0);
    while (got < (uint64_t)THREADS * EACH)
        for (unsigned lane = 0; lane < ring.g.lanes; lane++) {
            uint32_t n = ring_points_take(&ring, lane, out, 512, false, &torn);
            for (uint32_t i = 0; i < n; i++) {
                char name[RING_NAME], want[32];
                assert_false(seen[out[i].step]);
                seen[out[i].step] = true;
                ring_name(&ring, out[i].id, name);
                snprintf(want, sizeof want, "m%d", (int)(out[i].step % EACH) % METRICS);
                assert_string_equal(name, want);
            }
            got += n;
        }
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    uint32_t spare = 0;
    for (int w = 0; w < RING_NAMES / 64; w++)
        spare += (uint32_t)__builtin_popcountll(atomic_load(&ring.h->names_spare[w]));
    assert_int_equal(atomic_load(&ring.h->names_used) - spare, METRICS);
    ht_close(shared);
}

static volatile sig_atomic_t alarms, handler_logged;

static void on_alarm(int s)
{
    static const char *const names[] = {"h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7"};
    handler_logged += ht_log(shared, names[alarms % 8], alarms, 0) == HT_OK;
    ht_report(shared, alarms, 0);
    alarms++;
}

static void logging_works_in_a_signal_handler(void **state)
{
    struct ring_point out[1024];
    struct ring_record r;
    uint64_t points = 0, reports = 0;
    char name[32];
    shared = open_agent();
    alarms = handler_logged = 0;
    thread_alarm_start(on_alarm, 100);
    uint64_t mine = 0;
    for (int i = 0; alarms < 1000; i++) {
        snprintf(name, sizeof name, "n%d", i % 200);
        mine += ht_log(shared, name, i, 0) == HT_OK;
        points += ring_points_take(&ring, 0, out, 1024, false, &torn);
        while (ring_record_take(&ring, &r, payload, false, &torn))
            reports++;
    }
    thread_alarm_stop();
    for (uint32_t n; (n = ring_points_take(&ring, 0, out, 1024, false, &torn));)
        points += n;
    while (ring_record_take(&ring, &r, payload, false, &torn))
        reports++;
    assert_int_equal(points, mine + (uint64_t)handler_logged);
    assert_int_equal(reports, alarms);
    ht_close(shared);
}

/* ---- a guest ---- */

static void inert_handles_do_nothing_and_never_fail(void **state)
{
    static const char *const opts[] = {"a", "b"};
    struct ht_bandit_options bo = {.size = sizeof bo, .arms = 3, .seed = 1};
    struct ht_options bad_ring = {.size = sizeof bad_ring, .ring = "/nonexistent/x.ring", .no_relay = 1};
    struct ht_options plain = {.size = sizeof plain, .no_relay = 1};
    for (int i = 0; i < 4; i++) {
        if (i == 0)
            setenv("HYPERTOP_DISABLE", "1", 1);
        else
            unsetenv("HYPERTOP_DISABLE");
        if (i == 2)
            setenv("HYPERTOP_RUNTIME_DIR", "/dev/null/x", 1);
        if (i == 3)
            setenv("HYPERTOP_RING", "/dev/zero", 1);
        ht_agent *ht = ht_open(i == 1 ? &bad_ring : &plain);
        assert_non_null(ht);
        assert_int_equal(ht_status(ht), HT_INERT);
        assert_int_equal(ht_log(ht, "x", 1, 1), HT_INERT);
        assert_int_equal(ht_report(ht, 1, 1), HT_CONTINUE);
        assert_int_equal(ht_poll(ht, NULL), HT_CONTINUE);
        assert_int_equal(ht_text(ht, 1, "x"), HT_INERT);
        assert_int_equal(ht_checkpoint(ht, "x", 1), HT_INERT);
        assert_int_equal(ht_flush(ht, 1000), HT_INERT);
        assert_true(ht_float(ht, "lr", 0, 1, 0) == 0.5);
        assert_string_equal(ht_choice(ht, "o", opts, 2, 0), "a");
        assert_int_equal(ht_trial(ht), -1);
        assert_int_equal(ht_seed(ht, 3), 3);
        ht_bandit *b = ht_bandit_open(ht, &bo); /* a solver needs its arm with or without us */
        assert_in_range(ht_bandit_choose(b, NULL), 0, 2);
        assert_int_equal(ht_bandit_reward(b, 1), HT_INERT);
        ht_close(ht);
        ht_bandit_close(b);
    }
    ht_close(NULL);
    assert_int_equal(ht_status(NULL), HT_INERT);
    assert_int_equal(ht_log(NULL, "x", 1, 1), HT_INERT);
}

static void one_ring_has_one_agent(void **state)
{
    ht_agent *ht = open_agent();
    struct ht_options o = {.size = sizeof o, .ring = path, .no_relay = 1};
    ht_agent *second = ht_open(&o);
    assert_int_equal(ht_status(second), HT_INERT);
    ht_close(second);
    pid_t pid = fork();
    if (pid == 0) {
        ht_agent *mine = ht_open(&o);
        _exit(ht_status(mine) == HT_INERT ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(ht_log(ht, "x", 1, 1), HT_OK);
    ht_close(ht);
    ht = open_agent(); /* closed and opened again: fine */
    ht_close(ht);
}

static void forked_children_are_inert_and_keep_their_values(void **state)
{
    struct ring_point out[256];
    ht_agent *ht = open_agent();
    double lr = ht_float(ht, "lr", 1e-4, 1, HT_LIVE);
    pid_t pids[64];
    for (int i = 0; i < 64; i++) {
        ht_log(ht, "parent", i, 0);
        pids[i] = fork();
        if (pids[i] == 0) {
            bool ok = ht_status(ht) == HT_INERT && ht_log(ht, "child", i, 0) == HT_INERT &&
                      ht_report(ht, 1, 1) == HT_CONTINUE && ht_poll(ht, NULL) == HT_CONTINUE &&
                      ht_float(ht, "lr", 1e-4, 1, HT_LIVE) == lr && ht_float(ht, "new", 0, 1, 0) == 0.5;
            ht_close(ht);
            _exit(ok ? 0 : 1);
        }
    }
    for (int i = 0; i < 64; i++) {
        int status;
        waitpid(pids[i], &status, 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(ring_points_take(&ring, 0, out, 256, false, &torn), 64);
    assert_int_equal(ht_log(ht, "parent", 64, 0), HT_OK);
    ht_close(ht);
}

static int open_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void no_descriptor_is_kept_so_closing_them_all_is_harmless(void **state)
{
    int before = open_descriptors();
    ht_agent *ht = open_agent();
    assert_int_equal(open_descriptors(), before);
    ht_close(ht);
    pid_t pid = fork();
    if (pid == 0) {
        struct ht_options o = {.size = sizeof o, .ring = path, .no_relay = 1};
        ht = ht_open(&o);
        closefrom(0);
        for (int i = 0; i < 100; i++)
            if (ht_log(ht, "x", i, 0) != HT_OK)
                _exit(1);
        _exit(ht_poll(ht, NULL) == HT_CONTINUE ? 0 : 2);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    struct ring_point out[128];
    assert_int_equal(ring_points_take(&ring, 0, out, 128, true, &torn), 100);
}

static void closing_never_takes_longer_than_promised(void **state)
{
    ht_agent *ht = open_agent(); /* the owner is this process: alive, and it does not drain */
    ht_log(ht, "x", 1, 1);
    int64_t start = clock_mono_ns();
    ht_close(ht);
    int64_t took = clock_mono_ns() - start;
    assert_in_range(took, 450 * CLOCK_MS, 600 * CLOCK_MS);
    atomic_store(&ring.h->owner, ring_process_self() ^ 1); /* a drainer that has died */
    ht = open_agent();
    ht_log(ht, "x", 1, 1);
    start = clock_mono_ns();
    ht_close(ht);
    assert_true(clock_mono_ns() - start < 50 * CLOCK_MS);
}

static void flush_says_whether_all_was_taken(void **state)
{
    struct ring_point out[8];
    ht_agent *ht = open_agent();
    assert_int_equal(ht_flush(ht, 0), HT_OK);
    ht_log(ht, "x", 1, 1);
    assert_int_equal(ht_flush(ht, 5), HT_DROPPED);
    ring_points_take(&ring, 0, out, 8, false, &torn);
    assert_int_equal(ht_flush(ht, 5), HT_OK);
    ht_close(ht);
}

static void without_a_relay_the_ring_goes_with_the_agent(void **state)
{
    char rings[RING_PATH];
    struct ht_options o = {.size = sizeof o, .no_relay = 1, .program = "p"};
    ht_agent *ht = ht_open(&o);
    assert_int_equal(ht_status(ht), HT_OK);
    assert_int_equal(ring_directory(rings, why), 0);
    assert_int_equal(ht_trial(ht), -1);
    assert_int_equal(ht_seed(ht, 5), 5);
    ht_close(ht);
    assert_int_equal(access(rings, F_OK), -1); /* nothing was in it but that ring */
}

/* ---- bandits ---- */

static void pulls_are_streamed_with_their_propensity(void **state)
{
    static const char *const labels[] = {"slow", "fast"};
    struct ht_bandit_options o = {.size = sizeof o,
                                  .name = "omega",
                                  .algorithm = HT_TSALLIS_INF,
                                  .arms = 2,
                                  .labels = labels,
                                  .seed = 3};
    struct ring_record r;
    struct ring_point out[4];
    struct ring_pull p;
    double propensity;
    ht_agent *ht = open_agent();
    ht_bandit *b = ht_bandit_open(ht, &o);
    assert_non_null(b);
    assert_true(next_record(RR_BANDIT, &r));
    assert_string_equal((char *)payload + sizeof(struct ring_bandit), "omega");
    int arm = ht_bandit_choose_in(b, 0.25, &propensity);
    assert_true(propensity == 0.5);
    assert_int_equal(ht_bandit_reward(b, 12), HT_OK);
    assert_int_equal(ht_bandit_reward(b, 12), HT_INVALID); /* once per choice */
    assert_int_equal(ring_points_take(&ring, 0, out, 4, false, &torn), 2);
    ring_pull_read(out, &p);
    assert_int_equal(p.arm, arm);
    assert_int_equal(p.t, 1);
    assert_true(p.cost == 12 && p.context == 0.25 && p.propensity == 0.5 && !p.flags);
    ht_close(ht);
}

static void steer(int64_t id, enum ring_command_kind kind, const char *bandit, const char *arms, double value)
{
    struct ring_command c = {.kind = kind, .id = id, .value = value};
    snprintf(c.name, sizeof c.name, "%s", bandit);
    snprintf(c.text, sizeof c.text, "%s", arms);
    assert_true(ring_command_push(&ring, &c));
}

/* The newest record of probabilities; false: none since the last call. */
static bool newest_arms(struct ring_arms *head, struct ring_arm *arm, int64_t *t)
{
    struct ring_record r;
    bool any = false;
    while (next_record(RR_ARMS, &r)) {
        memcpy(head, payload, sizeof *head);
        assert_int_equal(r.bytes, sizeof *head + head->arms * sizeof *arm);
        memcpy(arm, payload + sizeof *head, head->arms * sizeof *arm);
        *t = r.step;
        any = true;
    }
    return any;
}

static void probabilities_are_told_when_steering_comes_and_when_it_ends(void **state)
{
    struct ht_bandit_options o = {.size = sizeof o, .name = "w", .arms = 3, .seed = 1};
    struct ring_arms head;
    struct ring_arm arm[3];
    struct ring_point out[64];
    int64_t t;
    ht_agent *ht = open_agent();
    ht_bandit *b = ht_bandit_open(ht, &o);
    assert_true(newest_arms(&head, arm, &t) && head.arms == 3 && !head.steered && t == 0);
    for (int i = 0; i < 3; i++)
        assert_true(fabs(arm[i].p_next - 1.0 / 3) < 1e-12 && fabs(arm[i].p_best - 1.0 / 3) < 1e-6);
    struct ring_command c = {
        .kind = RING_CMD_BAN, .id = 1, .value = NAN, .count = 5, .name = "w", .text = "1"};
    assert_true(ring_command_push(&ring, &c));
    ht_poll(ht, NULL);
    assert_true(newest_arms(&head, arm, &t) && head.steered && arm[1].banned && arm[1].left == 5);
    assert_true(arm[1].p_next == 0 && arm[0].p_next + arm[2].p_next == 1 && !arm[0].banned);
    for (int i = 1; i <= 5; i++) {
        assert_int_not_equal(ht_bandit_choose(b, NULL), 1);
        assert_int_equal(ht_bandit_reward(b, 1), HT_OK);
        bool told = newest_arms(&head, arm, &t);
        assert_true(i < 5 ? !told || arm[1].left == 5 - (uint64_t)i : told);
    }
    assert_true(head.steered && t == 5 && !arm[1].banned && arm[1].p_next > 0 && arm[1].left == UINT64_MAX);
    assert_true(fabs(arm[0].p_next + arm[1].p_next + arm[2].p_next - 1) < 1e-12);
    ring_points_take(&ring, 0, out, 64, false, &torn);
    ht_close(ht);
}

static void probabilities_leave_the_queue_to_reports(void **state)
{
    struct ht_bandit_options o = {.size = sizeof o, .name = "w", .arms = 1024, .seed = 1};
    struct ring_arms head;
    static struct ring_arm arm[1024];
    int64_t t;
    ht_agent *ht = open_agent();
    for (int i = 0; i < 40; i++)
        ht_bandit_open(ht, &o); /* each tells once; nobody drains */
    uint64_t dropped = ht_dropped(ht);
    for (int i = 0; i < 1000; i++)
        ht_report(ht, i, 1);
    assert_int_equal(ht_dropped(ht), dropped);
    assert_int_equal(dropped, 0);
    assert_true(newest_arms(&head, arm, &t) && head.arms == 1024);
    ht_close(ht);
}

static void bans_and_pins_take_effect_at_the_next_poll(void **state)
{
    static const char *const labels[] = {"a", "b", "c", "d"};
    struct ht_bandit_options o = {.size = sizeof o, .name = "w", .arms = 4, .labels = labels, .seed = 1};
    struct answer a;
    double p;
    ht_agent *ht = open_agent();
    ht_bandit *b = ht_bandit_open(ht, &o);
    steer(1, RING_CMD_BAN, "w",
          "a\x1f"
          "2",
          NAN);
    ht_poll(ht, NULL);
    for (int i = 0; i < 200; i++) {
        int arm = ht_bandit_choose(b, &p);
        assert_true(arm == 1 || arm == 3);
        ht_bandit_reward(b, 1);
    }
    assert_true(next_answer(&a) && a.head.state == RING_APPLIED && a.step == 0);
    steer(2, RING_CMD_PIN, "4/w", "d", NAN);
    ht_poll(ht, NULL);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(ht_bandit_choose(b, &p), 3);
        assert_true(p == 1);
        ht_bandit_reward(b, 1);
    }
    assert_true(next_answer(&a) && a.head.state == RING_APPLIED && a.step == 200);
    struct ring_point out[1024];
    uint32_t n = ring_points_take(&ring, 0, out, 1024, false, &torn);
    assert_int_equal(n, 500);
    assert_int_equal(out[398].flags, 0);
    assert_int_equal(out[400].flags, RING_FORCED);
    ht_close(ht);
}

static void wrong_steering_changes_nothing_and_says_why(void **state)
{
    static const struct {
        enum ring_command_kind kind;
        const char *bandit, *arms;
        double v;
        const char *why;
    } cases[] = {
        {RING_CMD_BAN, "w", "a\x1fzz", NAN, "bandit w has no arm zz"},
        {RING_CMD_BAN, "w",
         "a\x1f"
         "b\x1f"
         "c",
         NAN, "banning arm c would leave no arm to pull"},
        {RING_CMD_BOOST, "w", "a", -1, "-1 is not a weight: use a number from 0"},
        {RING_CMD_EXPLORE, "w", "", -2, "-2 is not a factor for exploration: use a number from 0"},
        {RING_CMD_BAN, "other", "a", NAN, "the program has no bandit other"},
        {(enum ring_command_kind)77, "w", "", NAN, "this library does not know the command"},
    };
    static const char *const labels[] = {"a", "b", "c"};
    struct ht_bandit_options o = {.size = sizeof o, .name = "w", .arms = 3, .labels = labels, .seed = 1};
    struct answer a;
    ht_agent *ht = open_agent();
    ht_bandit *b = ht_bandit_open(ht, &o);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        steer((int64_t)i + 1, cases[i].kind, cases[i].bandit, cases[i].arms, cases[i].v);
        ht_poll(ht, NULL);
        assert_true(next_answer(&a));
        assert_int_equal(a.head.state, RING_REJECTED);
        assert_string_equal(a.message, cases[i].why);
    }
    double p;
    ht_bandit_choose(b, &p);
    assert_true(fabs(p - 1.0 / 3) < 1e-12); /* every arm is still there */
    ht_close(ht);
}

int main(void)
{
#define FACT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        FACT(leased_values_win_and_are_typed),
        FACT(unleased_values_are_the_middle_of_the_scale),
        FACT(unleased_values_start_where_the_program_says),
        FACT(value_outside_its_range_is_clamped_and_told),
        FACT(declaration_is_said_once),
        FACT(set_applies_at_the_poll_with_old_new_and_step),
        FACT(set_is_rejected_with_a_reason),
        FACT(pause_holds_until_resumed_and_applies_changes_meanwhile),
        FACT(pause_ends_when_nobody_is_left_to_end_it),
        FACT(bounded_poll_comes_back_from_a_pause),
        FACT(stop_reaches_report_and_poll_and_is_answered_once),
        FACT(checkpoint_and_custom_need_somebody_to_take_them),
        FACT(odd_values_and_names_are_kept_or_cut),
        FACT(many_points_share_step_and_time_and_miss_no_neighbour),
        FACT(thousand_names_fit_and_the_next_is_refused),
        FACT(threads_that_meet_at_a_name_share_its_entry),
        FACT(logging_works_in_a_signal_handler),
        FACT(inert_handles_do_nothing_and_never_fail),
        FACT(one_ring_has_one_agent),
        FACT(forked_children_are_inert_and_keep_their_values),
        FACT(no_descriptor_is_kept_so_closing_them_all_is_harmless),
        FACT(closing_never_takes_longer_than_promised),
        FACT(flush_says_whether_all_was_taken),
        FACT(without_a_relay_the_ring_goes_with_the_agent),
        FACT(pulls_are_streamed_with_their_propensity),
        FACT(probabilities_are_told_when_steering_comes_and_when_it_ends),
        FACT(probabilities_leave_the_queue_to_reports),
        FACT(bans_and_pins_take_effect_at_the_next_poll),
        FACT(wrong_steering_changes_nothing_and_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
