/* scheduler, ingest, workers, recovery: a real hub process and workers played by hand. */
#include "tests/unit/hub/hub_fixture.h"

#include "base/rng.h"
#include "proto/points.h"
#include "proto/recording.h"

struct bench {
    struct fixture f;
    struct tester op, k;
    char *recording;
};

static void open_bench(struct bench *b, int64_t seed, int64_t budget, int slots)
{
    fixture_open(&b->f);
    tester_open(&b->op, &b->f, ROLE_OPERATOR, getpid());
    b->recording = start_sweep(&b->op, SWEEP_YAML, seed, budget, 0);
    fake_worker(&b->k, &b->f, slots);
}

static void close_bench(struct bench *b)
{
    tester_close(&b->op);
    tester_close(&b->k);
    free(b->recording);
    fixture_close(&b->f);
}

static void restart(struct bench *b)
{
    tester_close(&b->op);
    tester_close(&b->k);
    fixture_kill(&b->f);
    fixture_start(&b->f);
    tester_open(&b->op, &b->f, ROLE_OPERATOR, getpid());
}

/* How often the recording holds an event of this kind (and, for reports, of this step). */
static int count_events(const char *path, enum event_kind kind, int64_t step)
{
    struct recording_reader *r = rec_open(path, NULL);
    struct event ev;
    int n = 0;
    assert_non_null(r);
    while (rec_next(r, &ev, NULL) == 1)
        n += ev.kind == kind && (step < 0 || cmap_int(ev.body, "step", -1) == step);
    rec_close(r);
    return n;
}

/* ---- leases ---- */

static void slots_are_filled_and_not_more(void **state)
{
    (void)state;
    struct bench b = {0};
    struct lease l[3];
    open_bench(&b, 1, 10, 2);
    take_lease(&b.k, &l[0]);
    take_lease(&b.k, &l[1]);
    assert_int_equal(l[0].trial, 0);
    assert_int_equal(l[1].trial, 1);
    assert_int_equal(l[0].epoch, 1);
    assert_int_not_equal(l[0].run, l[1].run);
    assert_false(try_lease(&b.k, &l[2], 200 * CLOCK_MS));
    whole_run(&b.k, &l[0], 0.5);
    take_lease(&b.k, &l[2]);
    assert_int_equal(l[2].trial, 2);
    for (int i = 0; i < 3; i++)
        buf_release(&l[i].params);
    close_bench(&b);
}

static void a_lease_is_on_disk_before_it_is_sent(void **state)
{
    (void)state;
    struct bench b = {0};
    struct lease l;
    open_bench(&b, 1, 10, 1);
    take_lease(&b.k, &l);
    assert_int_equal(count_events(b.recording, EV_TRIAL, -1), 1);
    assert_true(count_events(b.recording, EV_RUN, -1) >= 2); /* queued, leased */
    buf_release(&l.params);
    close_bench(&b);
}

static void a_sweep_ends_when_its_budget_is_spent(void **state)
{
    (void)state;
    struct bench b = {0};
    open_bench(&b, 1, 3, 1);
    for (int i = 0; i < 3; i++) {
        struct lease l;
        take_lease(&b.k, &l);
        whole_run(&b.k, &l, 1.0 / (i + 1));
        buf_release(&l.params);
    }
    await_row(&b.op, "sweeps", 0, "state", "done");
    struct span row = view_row(ask_view(&b.op, "sweeps"), 0);
    assert_int_equal(cmap_int(row, "best_trial", -1), 2);
    assert_int_equal(cmap_int(row, "trials", -1), 3);
    close_bench(&b);
}

static void a_run_without_a_value_is_a_failed_trial(void **state)
{
    (void)state;
    struct bench b = {0};
    struct lease l;
    open_bench(&b, 1, 1, 1);
    take_lease(&b.k, &l);
    struct batch d = batch_begin(&b.k, &l, 1, 2);
    batch_state(&d, "started", 0);
    batch_state(&d, "exited", 0);
    tester_send(&b.k);
    await_row(&b.op, "trials", 0, "state", "failed");
    buf_release(&l.params);
    close_bench(&b);
}

static void a_nan_objective_fails_the_trial_when_it_ends(void **state)
{
    (void)state;
    struct bench b = {0};
    struct lease l;
    open_bench(&b, 1, 1, 1);
    take_lease(&b.k, &l);
    struct batch d = batch_begin(&b.k, &l, 1, 2);
    batch_state(&d, "started", 0);
    batch_report(&d, 1, NAN);
    tester_send(&b.k);
    await_ack(&b.k, &l, 1);
    await_row(&b.op, "trials", 0, "state", "running");
    d = batch_begin(&b.k, &l, 2, 1);
    batch_state(&d, "exited", 0);
    tester_send(&b.k);
    await_row(&b.op, "trials", 0, "state", "failed");
    buf_release(&l.params);
    close_bench(&b);
}

static void points_of_the_objective_are_reports(void **state)
{
    (void)state;
    struct bench b = {0};
    struct lease l;
    struct buf c = {0};
    int64_t steps[3] = {1, 2, 3}, times[3] = {1000, 2000, 3000};
    double values[3] = {0.9, 0.5, 0.25};
    open_bench(&b, 1, 1, 1);
    take_lease(&b.k, &l);
    points_begin(&c);
    points_add(&c, "loss", 3, steps, times, values);
    struct batch d = batch_begin(&b.k, &l, 1, 3);
    batch_state(&d, "started", 0);
    batch_event(&d, "points", 1);
    cw_str(&d.w, "c");
    cw_bin(&d.w, c.data, c.len);
    batch_state(&d, "exited", 0);
    tester_send(&b.k);
    await_row(&b.op, "trials", 0, "state", "done");
    struct span row = view_row(ask_view(&b.op, "trials"), 0);
    assert_true(cmap_double(row, "value", 0) == 0.25);
    assert_int_equal(cmap_int(row, "step", 0), 3);
    buf_release(&c);
    buf_release(&l.params);
    close_bench(&b);
}

/* ---- delivery ---- */

static void an_acknowledged_batch_is_on_disk(void **state)
{
    (void)state;
    struct bench b = {0};
    struct lease l;
    open_bench(&b, 1, 10, 1);
    take_lease(&b.k, &l);
    for (int64_t seq = 1; seq <= 20; seq++) {
        struct batch d = batch_begin(&b.k, &l, seq, 1);
        batch_report(&d, seq, 1.0 / (double)seq);
        tester_send(&b.k);
        await_ack(&b.k, &l, seq);
        assert_int_equal(count_events(b.recording, EV_REPORT, seq), 1);
    }
    buf_release(&l.params);
    close_bench(&b);
}

static void a_repeated_batch_is_acknowledged_and_not_recorded_again(void **state)
{
    (void)state;
    struct bench b = {0};
    struct lease l;
    open_bench(&b, 1, 10, 1);
    take_lease(&b.k, &l);
    for (int i = 0; i < 3; i++) {
        struct batch d = batch_begin(&b.k, &l, 1, 1);
        batch_report(&d, 7, 0.5);
        tester_send(&b.k);
        await_ack(&b.k, &l, 1);
    }
    assert_int_equal(count_events(b.recording, EV_REPORT, 7), 1);
    buf_release(&l.params);
    close_bench(&b);
}

static void a_batch_of_another_epoch_is_refused(void **state)
{
    (void)state;
    struct bench b = {0};
    struct lease l;
    open_bench(&b, 1, 10, 1);
    take_lease(&b.k, &l);
    for (int64_t epoch = 0; epoch <= 2; epoch += 2) {
        struct lease other = l;
        other.epoch = epoch;
        struct batch d = batch_begin(&b.k, &other, 1, 1);
        batch_report(&d, 9, 0.5);
        tester_send(&b.k);
        assert_true(tester_await(&b.k, match_ack, l.run, DEADLINE));
        assert_true(cmap_bool(b.k.m.body, "stale", false));
        assert_int_equal(cmap_int(b.k.m.body, "epoch", -1), epoch);
        char verb[16] = "";
        cmap_strcpy(tester_kind(&b.k, MSG_COMMAND)->body, "verb", verb, sizeof verb);
        assert_string_equal(verb, "kill");
    }
    assert_int_equal(count_events(b.recording, EV_REPORT, -1), 0);
    buf_release(&l.params);
    close_bench(&b);
}

static void nobody_speaks_for_anothers_run(void **state)
{
    (void)state;
    struct bench b = {0};
    struct tester other;
    struct lease l;
    open_bench(&b, 1, 10, 1);
    take_lease(&b.k, &l);
    tester_open(&other, &b.f, ROLE_AGENT, getpid());
    struct batch d = batch_begin(&other, &l, 1, 1);
    batch_report(&d, 9, 0.5);
    tester_send(&other);
    assert_true(tester_await(&other, match_ack, l.run, DEADLINE));
    assert_true(cmap_bool(other.m.body, "stale", false));
    assert_int_equal(count_events(b.recording, EV_REPORT, -1), 0);
    tester_close(&other);
    buf_release(&l.params);
    close_bench(&b);
}

static void a_payload_cannot_name_another_run(void **state)
{
    (void)state;
    struct bench b = {0};
    struct lease l[2];
    open_bench(&b, 1, 10, 2);
    take_lease(&b.k, &l[0]);
    take_lease(&b.k, &l[1]);
    struct batch d = batch_begin(&b.k, &l[0], 1, 1);
    batch_event(&d, "report", 5);
    cw_kint(&d.w, "run", 1);
    cw_kint(&d.w, "trial", 1);
    cw_kint(&d.w, "epoch", 1);
    cw_kint(&d.w, "step", 3);
    cw_kdouble(&d.w, "value", -1000);
    tester_send(&b.k);
    await_ack(&b.k, &l[0], 1);
    struct span row = view_row(ask_view(&b.op, "trials"), 0);
    assert_true(cmap_double(row, "value", 0) == -1000);
    row = view_row(ask_view(&b.op, "trials"), 1);
    assert_true(isnan(cmap_double(row, "value", NAN)));
    buf_release(&l[0].params);
    buf_release(&l[1].params);
    close_bench(&b);
}

static void bye_is_answered_when_everything_is_on_disk(void **state)
{
    (void)state;
    struct bench b = {0};
    struct lease l;
    open_bench(&b, 1, 10, 1);
    take_lease(&b.k, &l);
    for (int64_t seq = 1; seq <= 50; seq++) {
        struct batch d = batch_begin(&b.k, &l, seq, 1);
        batch_report(&d, seq, 0.5);
        tester_send(&b.k);
    }
    struct codec_writer w = tester_begin(&b.k, MSG_BYE);
    cw_map(&w, 0);
    tester_send(&b.k);
    assert_int_equal(tester_answer(&b.k)->kind, MSG_BYE_OK);
    assert_int_equal(count_events(b.recording, EV_REPORT, -1), 50);
    buf_release(&l.params);
    close_bench(&b);
}

/* ---- loss and return ---- */

static void a_worker_that_returns_goes_on_with_its_run(void **state)
{
    (void)state;
    struct bench b = {0};
    struct lease l;
    int64_t dropped;
    open_bench(&b, 1, 10, 1);
    take_lease(&b.k, &l);
    struct batch d = batch_begin(&b.k, &l, 1, 2);
    batch_state(&d, "started", 0);
    batch_report(&d, 1, 0.5);
    tester_send(&b.k);
    await_ack(&b.k, &l, 1);
    tester_close(&b.k);
    tester_open(&b.k, &b.f, ROLE_AGENT, getpid());
    worker_join_with(&b.k, getpid(), 1, &l, 1, &dropped);
    assert_int_equal(dropped, 0);
    await_row(&b.op, "runs", 0, "state", "running");
    d = batch_begin(&b.k, &l, 2, 1);
    batch_state(&d, "exited", 0);
    tester_send(&b.k);
    await_ack(&b.k, &l, 2);
    await_row(&b.op, "trials", 0, "state", "done");
    buf_release(&l.params);
    close_bench(&b);
}

static void a_worker_that_returns_without_its_run_has_lost_it(void **state)
{
    (void)state;
    struct bench b = {0};
    struct lease l, again;
    int64_t dropped;
    open_bench(&b, 1, 10, 1);
    take_lease(&b.k, &l);
    tester_close(&b.k);
    tester_open(&b.k, &b.f, ROLE_AGENT, getpid());
    worker_join_with(&b.k, getpid(), 1, NULL, 0,
                     &dropped); /* it never started the lease: given out again at once */
    take_lease(&b.k, &again);
    assert_int_equal(again.run, l.run);
    assert_int_equal(again.epoch, 2);
    buf_release(&l.params);
    buf_release(&again.params);
    close_bench(&b);
}

static void a_run_of_a_dead_worker_is_given_to_another(void **state)
{
    (void)state;
    struct bench b = {0};
    struct tester k2;
    struct lease l, again;
    int64_t dropped;
    pid_t ghost = fork(); /* a pid that belongs to nobody any more */
    if (ghost == 0)
        _exit(0);
    waitpid(ghost, NULL, 0);
    fixture_open(&b.f);
    tester_open(&b.op, &b.f, ROLE_OPERATOR, getpid());
    b.recording = start_sweep(&b.op, SWEEP_YAML, 1, 10, 0);
    tester_open(&b.k, &b.f, ROLE_AGENT, ghost);
    worker_join_with(&b.k, ghost, 1, NULL, 0, &dropped);
    take_lease(&b.k, &l);
    struct batch d = batch_begin(&b.k, &l, 1, 1);
    batch_state(&d, "started", 0);
    tester_send(&b.k);
    await_ack(&b.k, &l, 1);
    await_row(&b.op, "trials", 0, "state", "lost");
    fake_worker(&k2, &b.f, 1);
    /* The grace period runs; a new trial may be leased meanwhile. */
    take_lease(&k2, &again);
    while (again.run != l.run) {
        whole_run(&k2, &again, 0.5);
        buf_release(&again.params);
        take_lease(&k2, &again);
    }
    assert_int_equal(again.epoch, 2);
    d = batch_begin(&b.k, &l, 2, 1); /* the old one speaks after all */
    batch_report(&d, 99, 0.1);
    tester_send(&b.k);
    tester_close(&k2);
    buf_release(&l.params);
    buf_release(&again.params);
    close_bench(&b);
}

/* ---- kill -9 ---- */

static void a_killed_hub_goes_on_where_it_was(void **state)
{
    (void)state;
    struct bench b = {0};
    struct lease l[2];
    int64_t dropped;
    open_bench(&b, 5, 10, 2);
    take_lease(&b.k, &l[0]);
    take_lease(&b.k, &l[1]);
    struct batch d = batch_begin(&b.k, &l[0], 1, 2);
    batch_state(&d, "started", 0);
    batch_report(&d, 1, 0.5);
    tester_send(&b.k);
    await_ack(&b.k, &l[0], 1);
    restart(&b);
    tester_open(&b.k, &b.f, ROLE_AGENT, getpid());
    worker_join_with(&b.k, getpid(), 2, l, 2, &dropped);
    assert_int_equal(dropped, 0);
    /* What was acknowledged is known; a repeat of it is not counted again. */
    d = batch_begin(&b.k, &l[0], 1, 2);
    batch_state(&d, "started", 0);
    batch_report(&d, 1, 0.5);
    tester_send(&b.k);
    await_ack(&b.k, &l[0], 1);
    d = batch_begin(&b.k, &l[0], 2, 2);
    batch_report(&d, 2, 0.25);
    batch_state(&d, "exited", 0);
    tester_send(&b.k);
    await_ack(&b.k, &l[0], 2);
    await_row(&b.op, "trials", 0, "state", "done");
    assert_int_equal(count_events(b.recording, EV_REPORT, 1), 1);
    assert_int_equal(count_events(b.recording, EV_REPORT, 2), 1);
    assert_int_equal(count_events(b.recording, EV_TRIAL, -1), 3); /* the slot that got free was filled */
    buf_release(&l[0].params);
    buf_release(&l[1].params);
    close_bench(&b);
}

/* Runs a sweep one trial at a time, killing the hub after some of them; the configurations that were leased,
 * in order. */
static void lease_all(struct buf out[], int n, unsigned kill_after)
{
    struct bench b = {0};
    open_bench(&b, 42, n, 1);
    for (int i = 0; i < n; i++) {
        struct lease l;
        int64_t dropped;
        take_lease(&b.k, &l);
        assert_int_equal(l.trial, i);
        whole_run(&b.k, &l, 1.0 / (i + 1));
        out[i] = l.params;
        if (kill_after >> i & 1) {
            restart(&b);
            tester_open(&b.k, &b.f, ROLE_AGENT, getpid());
            worker_join_with(&b.k, getpid(), 1, NULL, 0, &dropped);
        }
    }
    await_row(&b.op, "sweeps", 0, "state", "done");
    close_bench(&b);
}

static void the_same_seed_asks_the_same_whether_or_not_the_hub_was_killed(void **state)
{
    (void)state;
    enum { N = 8 };
    struct buf calm[N], wild[N];
    lease_all(calm, N, 0);
    lease_all(wild, N, 1u << 0 | 1u << 3 | 1u << 4);
    for (int i = 0; i < N; i++) {
        assert_int_equal(calm[i].len, wild[i].len);
        assert_memory_equal(calm[i].data, wild[i].data, calm[i].len);
        buf_release(&calm[i]);
        buf_release(&wild[i]);
    }
}

/* Random kills while batches flow: everything acknowledged is there once, nothing twice. */
static void nothing_acknowledged_is_lost_by_kills(void **state)
{
    (void)state;
    enum { KILLS = 15 };
    struct bench b = {0};
    struct lease l;
    struct rng rng;
    int64_t seq = 0, acked = 0, dropped;
    uint64_t seed = (uint64_t)clock_wall_ns();
    print_message("seed %llu\n", (unsigned long long)seed);
    rng_seed(&rng, seed);
    open_bench(&b, 1, 10, 1);
    take_lease(&b.k, &l);
    for (int round = 0; round < KILLS; round++) {
        int64_t until = clock_mono_ns() + (int64_t)rng_below(&rng, 30) * CLOCK_MS;
        do {
            struct batch d = batch_begin(&b.k, &l, ++seq, 1);
            batch_report(&d, seq, 0.5);
            tester_send(&b.k);
            while (tester_await(&b.k, match_ack, l.run, CLOCK_MS))
                acked = cmap_int(b.k.m.body, "seq", 0);
        } while (clock_mono_ns() < until);
        restart(&b);
        tester_open(&b.k, &b.f, ROLE_AGENT, getpid());
        worker_join_with(&b.k, getpid(), 1, &l, 1, &dropped);
        assert_int_equal(dropped, 0);
        for (int64_t again = acked + 1; again <= seq; again++) {
            struct batch d = batch_begin(&b.k, &l, again, 1);
            batch_report(&d, again, 0.5);
            tester_send(&b.k);
        }
        if (seq > acked)
            await_ack(&b.k, &l, seq);
        acked = seq;
    }
    for (int64_t s = 1; s <= seq; s++)
        assert_int_equal(count_events(b.recording, EV_REPORT, s), 1);
    buf_release(&l.params);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_filled_and_not_more),
        cmocka_unit_test(a_lease_is_on_disk_before_it_is_sent),
        cmocka_unit_test(a_sweep_ends_when_its_budget_is_spent),
        cmocka_unit_test(a_run_without_a_value_is_a_failed_trial),
        cmocka_unit_test(a_nan_objective_fails_the_trial_when_it_ends),
        cmocka_unit_test(points_of_the_objective_are_reports),
        cmocka_unit_test(an_acknowledged_batch_is_on_disk),
        cmocka_unit_test(a_repeated_batch_is_acknowledged_and_not_recorded_again),
        cmocka_unit_test(a_batch_of_another_epoch_is_refused),
        cmocka_unit_test(nobody_speaks_for_anothers_run),
        cmocka_unit_test(a_payload_cannot_name_another_run),
        cmocka_unit_test(bye_is_answered_when_everything_is_on_disk),
        cmocka_unit_test(a_worker_that_returns_goes_on_with_its_run),
        cmocka_unit_test(a_worker_that_returns_without_its_run_has_lost_it),
        cmocka_unit_test(a_run_of_a_dead_worker_is_given_to_another),
        cmocka_unit_test(a_killed_hub_goes_on_where_it_was),
        cmocka_unit_test(the_same_seed_asks_the_same_whether_or_not_the_hub_was_killed),
        cmocka_unit_test(nothing_acknowledged_is_lost_by_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
