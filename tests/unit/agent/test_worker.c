/* The worker with a hub that leases it shell scripts: how a run starts, ends, is held, stopped, killed,
 * and given away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/prctl.h>

#include "agent/agent_cmd.h"
#include "agent/hypertop.h"
#include "proto/ring.h"
#include "tests/unit/agent/fake_hub.h"

static pid_t worker;

static int set_up(void **state)
{
    hub_dirs();
    hub_up();
    worker = 0;
    return 0;
}

static int tear_down(void **state)
{
    if (worker > 0) {
        kill(worker, SIGKILL);
        waitpid(worker, NULL, 0);
    }
    hub_clean();
    return 0;
}

static void start_worker(void)
{
    char *argv[] = {"test_worker", "worker", "-j", "3", NULL};
    int before = hub.joins;
    worker = agent_start(argv);
    assert_true(hub_until(hub.joins > before));
    assert_int_equal(hub.slots, 3);
}

/* Ends the worker in an orderly way. */
static void end_worker(void)
{
    kill(worker, SIGTERM);
    assert_int_equal(agent_wait(worker), 0);
    worker = 0;
}

static void lease(const char *const *argv)
{
    size_t n = 0;
    while (argv[n])
        n++;
    struct codec_writer w = hub_begin(MSG_LEASE, 0);
    hub.last_seq = 0;
    cw_map(&w, 9);
    cw_kstr(&w, "sweep", "s");
    cw_kint(&w, "trial", 17);
    cw_kint(&w, "run", hub.run);
    cw_kint(&w, "seed", 42);
    cw_kint(&w, "epoch", hub.epoch);
    cw_str(&w, "params");
    cw_map(&w, 3);
    cw_kdouble(&w, "lr", 0.001);
    cw_kstr(&w, "opt", "adam w");
    cw_str(&w, "net");
    cw_map(&w, 1);
    cw_kint(&w, "depth", 3);
    cw_str(&w, "argv");
    cw_array(&w, n);
    for (size_t i = 0; i < n; i++)
        cw_str(&w, argv[i]);
    cw_str(&w, "env");
    cw_map(&w, 1);
    cw_kstr(&w, "GREETING", "hello");
    cw_kstr(&w, "cwd", hub.dir);
    hub_send();
}

static void lease_shell(const char *script)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    lease(argv);
}

static const struct hub_event *state_event(const char *state)
{
    return hub_event("run_state", "state", state, 0);
}

static bool text_is(const char *stream, int n, const char *want, size_t want_n)
{
    const struct hub_event *e = hub_event("text", "stream", stream, n);
    if (!e)
        return false;
    struct span t = cmap_str(hub_body(e), "text");
    return t.n == want_n && memcmp(t.p, want, want_n) == 0;
}

static bool has_text(const char *want)
{
    for (int i = 0; hub_event("text", NULL, NULL, i); i++)
        if (span_eq(cmap_str(hub_body(hub_event("text", NULL, NULL, i)), "text"), want))
            return true;
    return false;
}

static int pid_of_run(void)
{
    return (int)cmap_int(hub_body(state_event("started")), "pid", 0);
}

static char process_state(int pid)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    if (!fgets(line, sizeof line, f))
        line[0] = '\0';
    fclose(f);
    char *p = strrchr(line, ')');
    return p ? p[2] : 0;
}

/* ---- starting and ending ---- */

static void exit_status_and_output_arrive(void **state)
{
    start_worker();
    lease_shell("echo one; echo two >&2; exit 7");
    assert_true(hub_until(state_event("exited")));
    assert_int_equal(cmap_int(hub_body(state_event("exited")), "exit", -1), 7);
    assert_true(pid_of_run() > 0);
    assert_true(text_is("out", 0, "one", 3));
    assert_true(text_is("err", 0, "two", 3));
    end_worker();
    assert_int_equal(hub.byes, 1);
}

static void signal_that_ended_it_is_named(void **state)
{
    start_worker();
    lease_shell("kill -SEGV $$");
    assert_true(hub_until(state_event("exited")));
    assert_int_equal(cmap_int(hub_body(state_event("exited")), "signal", 0), SIGSEGV);
    assert_int_equal(cmap_int(hub_body(state_event("exited")), "exit", -1), -1);
}

static void program_that_cannot_start_says_why(void **state)
{
    static const char *const argv[] = {"no-such-program", "x", NULL}, *const none[] = {NULL};
    start_worker();
    lease(argv);
    assert_true(hub_until(state_event("failed_to_start")));
    assert_true(span_eq(cmap_str(hub_body(state_event("failed_to_start")), "message"),
                        "no-such-program: cannot start the program: No such file or directory"));
    hub.run++;
    lease(none);
    assert_true(hub_until(hub_event("run_state", "state", "failed_to_start", 1)));
    assert_true(span_eq(cmap_str(hub_body(hub_event("run_state", "state", "failed_to_start", 1)), "message"),
                        "the lease names no program to start"));
}

static void environment_says_who_it_is(void **state)
{
    start_worker();
    lease_shell(
        "echo $HYPERTOP_TRIAL $HYPERTOP_RUN $HYPERTOP_SEED $GREETING; pwd; echo \"$HYPERTOP_PARAM_LR\";"
        "echo \"$HYPERTOP_PARAM_OPT\"; echo $HYPERTOP_PARAM_NET_DEPTH; echo \"$HYPERTOP_PARAMS\"; test -f "
        "$HYPERTOP_RING && echo ring");
    assert_true(hub_until(state_event("exited")));
    const char *want[] = {"17 7001 42 hello",
                          hub.dir,
                          "0.001",
                          "adam w",
                          "3",
                          "{\"lr\":0.001,\"opt\":\"adam w\",\"net\":{\"depth\":3}}",
                          "ring"};
    for (int i = 0; i < 7; i++)
        assert_true(text_is("out", i, want[i], strlen(want[i])));
}

/* ---- output ---- */

static void bytes_stay_as_they_are_and_lines_are_cut(void **state)
{
    start_worker();
    lease_shell(
        "printf 'a\\033[31m\\377\\000b\\n10%%\\r20%%\\r\\nlast'; head -c 9000 /dev/zero | tr '\\0' x >&2");
    assert_true(hub_until(state_event("exited")));
    assert_true(text_is("out", 0, "a\x1b[31m\xff\0b", 9));
    assert_true(text_is("out", 1, "10%", 3));
    assert_true(text_is("out", 2, "20%", 3));
    assert_true(text_is("out", 3, "last", 4));
    for (int i = 0; i < 3; i++)
        assert_int_equal(cmap_str(hub_body(hub_event("text", "stream", "err", i)), "text").n,
                         i < 2 ? 4000 : 1000);
}

static void flood_is_cut_and_the_cut_is_counted(void **state)
{
    start_worker();
    lease_shell("seq 1 200000");
    assert_true(hub_until(state_event("exited")));
    long passed = 0, left_out = 0;
    for (int i = 0; hub_event("text", NULL, NULL, i); i++) {
        char text[128];
        span_copy(text, sizeof text, cmap_str(hub_body(hub_event("text", NULL, NULL, i)), "text"));
        if (text[0] == '[')
            left_out += strtol(text + 1, NULL, 10);
        else
            passed++;
    }
    assert_true(left_out > 100000);
    assert_int_equal(passed + left_out, 200000);
}

static void grandchild_that_keeps_the_pipe_does_not_keep_the_run(void **state)
{
    start_worker();
    lease_shell("sleep 1000 & echo bye");
    assert_true(hub_until(state_event("exited")));
    assert_true(has_text("bye"));
}

/* ---- commands ---- */

static void program_without_the_library_is_held_by_signals(void **state)
{
    start_worker();
    lease_shell("echo up; while :; do sleep 0.05; done");
    assert_true(hub_until(has_text("up")));
    int pid = pid_of_run();
    hub_command(3, "pause", NULL);
    assert_true(hub_until(hub_event("command", "state", "applied", 0)));
    assert_true(hub_until(process_state(pid) == 'T'));
    assert_true(hub_until(state_event("paused")));
    hub_command(4, "resume", NULL);
    assert_true(hub_until(state_event("resumed")));
    assert_true(hub_until(process_state(pid) == 'S' || process_state(pid) == 'R'));
    hub_command(5, "kill", NULL);
    assert_true(hub_until(state_event("exited")));
    assert_int_equal(cmap_int(hub_body(state_event("exited")), "signal", 0), SIGKILL);
    const struct hub_event *e = hub_event("command", "state", "applied", 2);
    assert_true(hub_until((e = hub_event("command", "state", "applied", 2))));
    assert_int_equal(cmap_int(hub_body(e), "command", 0), 5);
}

static void stop_without_the_library_is_a_term_signal(void **state)
{
    start_worker();
    lease_shell("trap 'echo cleaning; exit 5' TERM; echo up; while :; do sleep 0.05; done");
    assert_true(hub_until(has_text("up")));
    hub_command(9, "stop", NULL);
    assert_true(hub_until(state_event("exited")));
    assert_true(has_text("cleaning"));
    assert_int_equal(cmap_int(hub_body(state_event("exited")), "exit", 0), 5);
    assert_true(hub_until(hub_event("command", "state", "applied", 0)));
}

static void whole_group_is_killed(void **state)
{
    start_worker();
    lease_shell("sh -c 'echo $$; while :; do sleep 0.05; done' & wait");
    assert_true(hub_until(hub_event("text", "stream", "out", 0)));
    char text[32];
    span_copy(text, sizeof text, cmap_str(hub_body(hub_event("text", "stream", "out", 0)), "text"));
    int grandchild = (int)strtol(text, NULL, 10);
    assert_int_equal(kill(grandchild, 0), 0);
    hub_command(1, "kill", NULL);
    assert_true(hub_until(state_event("exited")));
    assert_true(hub_until(process_state(grandchild) == 0 || process_state(grandchild) == 'Z'));
}

/* The trainer of the next test: this program again, with the library. */
static int train(void)
{
    ht_agent *ht = ht_open(NULL);
    if (ht_status(ht) != HT_OK)
        return 9;
    double lr = ht_float(ht, "lr", 1e-5, 1, HT_LOG | HT_LIVE);
    for (int64_t step = 0;; step++) {
        ht_log(ht, "loss", step, lr);
        if (ht_poll(ht, NULL) != HT_CONTINUE)
            break;
        lr = ht_float(ht, "lr", 1e-5, 1, HT_LOG | HT_LIVE);
        poll(NULL, 0, 1);
    }
    ht_close(ht);
    return 0;
}

static void lease_trainer(void)
{
    static char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n] = '\0';
    const char *argv[] = {self, "train", NULL};
    lease(argv);
}

static void set_reaches_a_trainer_and_stop_ends_it(void **state)
{
    start_worker();
    lease_trainer();
    assert_true(hub_until(hub_event("declare", "name", "lr", 0)));
    assert_true(cmap_double(hub_body(hub_event("declare", "name", "lr", 0)), "value", 0) == 0.001);
    struct buf args = {0};
    struct codec_writer w;
    cw_init(&w, &args);
    cw_map(&w, 2);
    cw_kstr(&w, "param", "lr");
    cw_kdouble(&w, "value", 0.5);
    hub_command(11, "set", &args);
    assert_true(hub_until(hub_event("command", "state", "applied", 0)));
    struct span body = hub_body(hub_event("command", "state", "applied", 0));
    assert_true(cmap_double(body, "old", 0) == 0.001 && cmap_double(body, "new", 0) == 0.5);
    assert_true(cmap_int(body, "step", -1) >= 0);
    hub_command(12, "pause", NULL);
    assert_true(hub_until(state_event("paused")));
    hub_command(13, "stop", NULL); /* also while it is held */
    assert_true(hub_until(state_event("exited")));
    assert_int_equal(cmap_int(hub_body(state_event("exited")), "exit", -1), 0);
    assert_int_equal(hub.doubles, 0);
    buf_release(&args);
}

static void custom_command_without_a_taker_is_rejected(void **state)
{
    start_worker();
    lease_trainer();
    assert_true(hub_until(hub_event("declare", "name", "lr", 0)));
    hub_command(20, "dance", NULL);
    assert_true(hub_until(hub_event("command", "state", "rejected", 0)));
    hub_command(21, "kill", NULL);
    assert_true(hub_until(state_event("exited")));
}

/* ---- hubs and workers that go ---- */

static void run_goes_on_while_the_hub_is_away(void **state)
{
    start_worker();
    lease_trainer();
    assert_true(hub_until(hub.points > 20));
    hub_down();
    hub_up();
    assert_true(hub_until(hub.joins == 2));
    assert_int_equal(hub.claims, 1); /* it said what it still runs */
    uint64_t before = hub.points;
    assert_true(hub_until(hub.points > before + 50));
    hub_command(1, "stop", NULL);
    assert_true(hub_until(state_event("exited")));
    assert_true(hub_has_all((int64_t)hub.points));
}

static void run_given_away_is_killed_and_forgotten(void **state)
{
    start_worker();
    lease_shell("echo up; while :; do sleep 0.05; done");
    assert_true(hub_until(has_text("up")));
    int pid = pid_of_run();
    hub_down();
    hub.drop_run = hub.run;
    hub_up();
    assert_true(hub_until(hub.joins == 2));
    assert_true(hub_until(process_state(pid) == 0));
    hub.drop_run = -1;
    hub_down();
    hub_up();
    assert_true(hub_until(hub.joins == 3));
    assert_int_equal(hub.claims, 1); /* the second join named it, the third does not */
    assert_null(state_event("exited"));
}

static void killed_worker_takes_its_programs_along(void **state)
{
    start_worker();
    lease_trainer();
    assert_true(hub_until(hub.points > 20));
    int pid = pid_of_run();
    kill(worker, SIGKILL);
    waitpid(worker, NULL, 0);
    assert_true(hub_until(process_state(pid) == 0 || process_state(pid) == 'Z'));
    uint64_t before = hub.points;
    hub.claims = 0;
    start_worker(); /* the next one brings back what the ring still held */
    assert_true(hub_until(hub.claims == 1 && hub.byes >= 1));
    assert_true(hub.points >= before);
    assert_int_equal(hub.doubles, 0);
    end_worker();
}

static void told_to_end_it_ends_its_runs_and_delivers(void **state)
{
    start_worker();
    lease_shell("trap 'echo last words; exit 0' TERM; echo up; while :; do sleep 0.05; done");
    assert_true(hub_until(has_text("up")));
    end_worker();
    assert_true(has_text("last words"));
    assert_non_null(state_event("exited"));
    assert_int_equal(hub.byes, 1);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "worker") == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failing test leaves nothing behind */
        return agent_worker(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "relay") == 0)
        return agent_relay(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "train") == 0)
        return train();
#define FACT(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        FACT(exit_status_and_output_arrive),
        FACT(signal_that_ended_it_is_named),
        FACT(program_that_cannot_start_says_why),
        FACT(environment_says_who_it_is),
        FACT(bytes_stay_as_they_are_and_lines_are_cut),
        FACT(flood_is_cut_and_the_cut_is_counted),
        FACT(grandchild_that_keeps_the_pipe_does_not_keep_the_run),
        FACT(program_without_the_library_is_held_by_signals),
        FACT(stop_without_the_library_is_a_term_signal),
        FACT(whole_group_is_killed),
        FACT(set_reaches_a_trainer_and_stop_ends_it),
        FACT(custom_command_without_a_taker_is_rejected),
        FACT(run_goes_on_while_the_hub_is_away),
        FACT(run_given_away_is_killed_and_forgotten),
        FACT(killed_worker_takes_its_programs_along),
        FACT(told_to_end_it_ends_its_runs_and_delivers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
