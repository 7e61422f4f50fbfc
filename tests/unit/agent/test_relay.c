/* The relay against a hub that forgets, dies and comes back: every point arrives once, every event in
 * order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>

#include <dirent.h>

#include "agent/agent_cmd.h"
#include "agent/hypertop.h"
#include "proto/ring.h"
#include "tests/unit/agent/fake_hub.h"

static char ring_path[128];

static int set_up(void **state)
{
    hub_dirs();
    snprintf(ring_path, sizeof ring_path, "%s/a.ring", hub.dir);
    return 0;
}

static int tear_down(void **state)
{
    hub_clean();
    return 0;
}

static void make_ring(void)
{
    char why[RING_WHY];
    struct ring r;
    struct ring_identity id = {.run = -1, .trial = -1, .program = "prog", .lane_slots = 8192};
    assert_int_equal(ring_create(&r, ring_path, &id, why), 0);
    ring_unmap(&r);
}

/* A training process of its own: logs steps from..to, then closes or dies. */
static int pace; /* ms that the training process takes for 100 steps */

static pid_t train(int64_t from, int64_t to, bool close_it)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    if (hub.s)
        close(hub.lock_fd); /* else the hub's lock would live as long as we do */
    struct ht_options o = {.size = sizeof o, .ring = ring_path, .no_relay = 1};
    ht_agent *ht = ht_open(&o);
    if (ht_status(ht) != HT_OK)
        _exit(3);
    for (int64_t i = from; i < to; i++) {
        while (ht_log(ht, "loss", i, 0.5) != HT_OK)
            sched_yield();
        if (pace && i % 100 == 0)
            poll(NULL, 0, pace);
        if (i % 1000 == 999)
            ht_report(ht, i, 1.0 / (double)i);
    }
    if (close_it)
        ht_close(ht);
    _exit(0);
}

static pid_t relay(void)
{
    char *argv[] = {"test_relay", "relay", "--ring", ring_path, "--foreground", NULL};
    return agent_start(argv);
}

static int files_in(const char *sub)
{
    char path[256];
    int n = 0;
    snprintf(path, sizeof path, "%s/%s", hub.dir, sub);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

static void assert_all_delivered(int64_t n)
{
    assert_true(hub_has_all(n));
    assert_int_equal(hub.doubles, 0);
    for (int64_t i = 0; i < n / 1000; i++) { /* reports in order, each once */
        const struct hub_event *e = hub_event("report", NULL, NULL, (int)i);
        assert_non_null(e);
        assert_int_equal(cmap_int(hub_body(e), "step", -1), i * 1000 + 999);
    }
    assert_null(hub_event("report", NULL, NULL, (int)(n / 1000)));
    assert_non_null(hub_event("run_state", "state", "exited", 0));
    assert_null(hub_event("run_state", "state", "exited", 1));
    assert_int_equal(access(ring_path, F_OK), -1); /* nothing is left lying about */
    assert_int_equal(files_in("data/spill"), 0);
}

static void relay_delivers_everything_and_ends(void **state)
{
    make_ring();
    hub_up();
    pid_t trainer = train(0, 50000, true), r = relay();
    assert_int_equal(agent_wait(trainer), 0);
    assert_int_equal(agent_wait(r), 0);
    assert_all_delivered(50000);
    assert_int_equal(hub.byes, 1);
    assert_int_equal(cmap_int(hub_body(hub_event("run_state", "state", "exited", 0)), "exit", -1), 0);
}

static void points_of_a_killed_process_arrive(void **state)
{
    make_ring();
    hub_up();
    pid_t trainer = train(0, 5000, false);
    int status;
    waitpid(trainer, &status, 0); /* ended without ht_close, before anybody has read a single point */
    assert_int_equal(agent_wait(relay()), 0);
    assert_all_delivered(5000);
    assert_int_equal(cmap_int(hub_body(hub_event("run_state", "state", "exited", 0)), "exit", -1), -1);
}

/* More than one turn can take: the end of the run is said behind its last point all the same. */
static void end_of_a_run_comes_after_its_last_point(void **state)
{
    char why[RING_WHY];
    struct ring r;
    struct ring_identity id = {
        .run = -1, .trial = -1, .program = "prog", .lanes = 1, .lane_slots = 524288};
    assert_int_equal(ring_create(&r, ring_path, &id, why), 0);
    ring_unmap(&r);
    pid_t trainer = train(0, 400000, false);
    int status;
    waitpid(trainer, &status, 0);
    hub_up();
    assert_int_equal(agent_wait(relay()), 0);
    assert_all_delivered(400000);
    assert_ptr_equal(hub_event("run_state", "state", "exited", 0), &hub.events[hub.n_events - 1]);
}

/* The drops of the last moments are said too, before the end. */
static void drops_just_before_the_end_are_said(void **state)
{
    make_ring();
    hub_up();
    struct ht_options o = {.size = sizeof o, .ring = ring_path, .no_relay = 1};
    ht_agent *ht = ht_open(&o);
    pid_t r = relay();
    assert_int_equal(ht_log(ht, "loss", 0, 0.5), HT_OK);
    assert_true(hub_until(hub.points == 1));
    kill(r, SIGSTOP);
    int status;
    assert_int_equal(waitpid(r, &status, WUNTRACED), r);
    for (int64_t i = 1; i < 20000; i++)
        ht_log(ht, "loss", i, 0.5);
    uint64_t dropped = ht_dropped(ht);
    assert_true(dropped > 0);
    kill(r, SIGCONT);
    ht_close(ht);
    assert_int_equal(agent_wait(r), 0);
    assert_int_equal(hub.points + dropped, 20000);
    assert_int_equal(hub.dropped, dropped);
    assert_ptr_equal(hub_event("run_state", "state", "exited", 0), &hub.events[hub.n_events - 1]);
}

static void hub_that_dies_and_returns_misses_nothing(void **state)
{
    make_ring();
    hub_up();
    pace = 1;
    pid_t trainer = train(0, 200000, true), r = relay();
    pace = 0;
    for (int i = 1; i <= 3; i++) {
        assert_true(hub_until(hub.points > (uint64_t)i * 40000));
        hub_down();
        hub_up();
        assert_true(hub_until(hub.hellos == i + 1));
    }
    assert_int_equal(agent_wait(r), 0);
    waitpid(trainer, NULL, 0);
    assert_all_delivered(200000);
    assert_true(hub.claims >= 3);
}

static void acknowledgements_that_get_lost_cause_no_doubles(void **state)
{
    make_ring();
    hub_up();
    hub.mute = true;
    pid_t trainer = train(0, 60000, true), r = relay();
    assert_true(hub_until(hub.points > 30000));
    hub_down();
    hub.mute = false;
    hub_up();
    assert_int_equal(agent_wait(r), 0);
    waitpid(trainer, NULL, 0);
    assert_all_delivered(60000);
    assert_true(hub.repeats > 0);
}

/* A hub that does not know the run any more gives it another: what nobody acknowledged goes there. */
static void run_that_the_hub_forgot_keeps_what_is_undelivered(void **state)
{
    make_ring();
    hub_up();
    hub.mute = true;
    pid_t trainer = train(0, 5000, true), r = relay();
    assert_true(hub_until(hub.points > 0));
    hub_down();
    hub.mute = false;
    hub.run++;
    hub.last_seq = 0;
    hub.points = hub.doubles = 0;
    memset(hub.seen, 0, HUB_POINTS);
    hub_up();
    assert_int_equal(agent_wait(r), 0);
    waitpid(trainer, NULL, 0);
    assert_true(hub_has_all(5000));
    assert_int_equal(hub.doubles, 0);
    assert_int_equal(files_in("data/spill"), 0);
}

static void without_a_hub_a_spill_file_is_left_and_delivered_later(void **state)
{
    make_ring();
    pid_t trainer = train(0, 100000, true), r = relay();
    assert_int_equal(agent_wait(trainer), 0);
    assert_int_equal(agent_wait(r), 0);
    assert_int_equal(files_in("data/spill"), 1);
    assert_int_equal(access(ring_path, F_OK), -1);
    hub_up();
    char *argv[] = {"test_relay", "deliver", NULL};
    assert_int_equal(agent_wait(agent_start(argv)), 0);
    assert_true(hub_until(hub.byes == 1));
    assert_all_delivered(100000);
}

static void killed_relay_is_succeeded_by_another(void **state)
{
    make_ring();
    pace = 1; /* so that most is still to be logged when the first relay dies */
    pid_t trainer = train(0, 120000, true), first = relay();
    pace = 0;
    hub_up();
    assert_true(hub_until(hub.points > 20000));
    kill(first, SIGKILL);
    waitpid(first, NULL, 0);
    uint64_t before = hub.points;
    assert_int_equal(agent_wait(relay()), 0);
    waitpid(trainer, NULL, 0);
    assert_true(hub.points > before);
    assert_int_equal(hub.doubles, 0); /* what the first had taken and not sent is gone, nothing comes twice */
    assert_non_null(hub_event("run_state", "state", "exited", 0));
}

static void two_relays_never_share_a_ring(void **state)
{
    make_ring();
    hub_up();
    pid_t trainer = train(0, 200000, true), r = relay();
    assert_true(hub_until(hub.points > 0));
    assert_int_equal(WEXITSTATUS(agent_wait(relay())), 1);
    assert_int_equal(agent_wait(r), 0);
    waitpid(trainer, NULL, 0);
    assert_all_delivered(200000);
}

static void library_starts_a_relay_by_itself(void **state)
{
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n] = '\0';
    setenv("HYPERTOP_AGENT", self, 1);
    hub_up();
    ht_agent *ht = ht_open(NULL);
    assert_int_equal(ht_status(ht), HT_OK);
    assert_int_equal(ht_trial(ht), -1);
    for (int64_t i = 0; i < 3000; i++)
        ht_log(ht, "loss", i, 1);
    assert_true(hub_until(hub.points == 3000));
    ht_close(ht);
    assert_true(hub_until(hub.byes == 1));
    assert_true(hub_has_all(3000));
    assert_int_equal(cmap_int(hub_body(hub_event("run_state", "state", "started", 0)), "pid", 0), getpid());
    unsetenv("HYPERTOP_AGENT");
}

static void command_is_carried_out_once_however_often_it_comes(void **state)
{
    make_ring();
    hub_up();
    struct ht_options o = {.size = sizeof o, .ring = ring_path, .no_relay = 1};
    ht_agent *ht = ht_open(&o);
    double lr = ht_float(ht, "lr", 0.001, 1, HT_LOG | HT_LIVE);
    pid_t r = relay();
    assert_true(hub_until(hub_event("declare", "name", "lr", 0)));
    struct buf args = {0};
    struct codec_writer w;
    cw_init(&w, &args);
    cw_map(&w, 1);
    cw_str(&w, "params");
    cw_map(&w, 1);
    cw_kdouble(&w, "lr", 0.25);
    for (int i = 0; i < 3; i++)
        hub_command(5, "set", &args);
    assert_true(hub_until(hub_event("command", "state", "delivered", 0)));
    ht_step(ht, 77);
    int applied = 0;
    struct ht_command c;
    while (hub_until(true), ht_poll(ht, &c) == HT_CONTINUE && applied < 1)
        applied += c.kind == HT_CMD_SET;
    hub_command(6, "set", &args); /* a marker behind the repeats */
    assert_true(hub_until((ht_poll(ht, NULL), hub_event("command", "state", "applied", 1))));
    const struct hub_event *e = hub_event("command", "state", "applied", 0);
    assert_int_equal(cmap_int(hub_body(e), "command", 0), 5);
    assert_int_equal(cmap_int(hub_body(e), "step", 0), 77);
    assert_true(cmap_double(hub_body(e), "old", 0) == lr);
    assert_true(cmap_double(hub_body(e), "new", 0) == 0.25);
    assert_int_equal(cmap_int(hub_body(hub_event("command", "state", "applied", 1)), "command", 0), 6);
    assert_true(ht_float(ht, "lr", 0.001, 1, HT_LOG | HT_LIVE) == 0.25);
    buf_release(&args);
    ht_close(ht);
    assert_int_equal(agent_wait(r), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "relay") == 0)
        return agent_relay(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "deliver") == 0)
        return agent_deliver(argc - 1, argv + 1);
#define FACT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        FACT(relay_delivers_everything_and_ends),
        FACT(points_of_a_killed_process_arrive),
        FACT(end_of_a_run_comes_after_its_last_point),
        FACT(drops_just_before_the_end_are_said),
        FACT(hub_that_dies_and_returns_misses_nothing),
        FACT(acknowledgements_that_get_lost_cause_no_doubles),
        FACT(run_that_the_hub_forgot_keeps_what_is_undelivered),
        FACT(without_a_hub_a_spill_file_is_left_and_delivered_later),
        FACT(killed_relay_is_succeeded_by_another),
        FACT(two_relays_never_share_a_ring),
        FACT(library_starts_a_relay_by_itself),
        FACT(command_is_carried_out_once_however_often_it_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
