/* trial: every move of the table and none beside it; what the states of runs make of their trial; slots and
 * epochs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hub/trial.h"
#include "hub/worker.h"

/* A sweep with its log in memory only. */
struct stage {
    struct hub hub;
    struct sweep *s;
    int64_t seeds[2];
};

static void open_stage(struct stage *g, int runs)
{
    *g = (struct stage){.hub = {.wall = INT64_C(1700000000000000000)}, .seeds = {1, 2}};
    g->s = sweep_new(&g->hub, "/nowhere/s.mcap");
    g->s->file.seeds = mem_dup(g->seeds, sizeof g->seeds);
    g->s->file.n_seeds = runs;
    struct codec_writer *w = sweep_begin(g->s, EV_SWEEP, 3);
    cw_kstr(w, "sweep", "s");
    cw_kstr(w, "metric", "loss");
    cw_kstr(w, "goal", "minimize");
    sweep_commit(g->s);
}

static void close_stage(struct stage *g)
{
    sweep_free(g->s);
    buf_release(&g->hub.out);
}

static int64_t new_trial(struct stage *g)
{
    struct trial_birth b = {.origin = "tuner", .parent = -1, .propensity = NAN};
    return trial_create(g->s, &b);
}

static void report(struct stage *g, int64_t run, double value)
{
    const struct state_run *r = state_run(g->s->state, run);
    struct codec_writer *w = sweep_begin(g->s, EV_REPORT, 5);
    cw_kint(w, "run", run);
    cw_kint(w, "epoch", r->epoch);
    cw_kint(w, "trial", r->trial);
    cw_kint(w, "step", 1);
    cw_kdouble(w, "value", value);
    sweep_commit(g->s);
}

static void move_run(struct stage *g, int64_t run, enum run_state to)
{
    struct run_change c = RUN_CHANGE(to);
    run_move(g->s, run, &c);
    trial_settle(g->s, state_run(g->s->state, run)->trial);
}

/* ---- the table ---- */

/* A shortest way of legal moves from waiting, by breadth first search. Returns its length, -1 when there is
 * none. */
static int way_to(enum trial_state goal, enum trial_state way[TRIAL_STATE_COUNT])
{
    int from[TRIAL_STATE_COUNT], queue[TRIAL_STATE_COUNT], head = 0, tail = 0, n = 0;
    enum trial_state back[TRIAL_STATE_COUNT];
    for (int i = 0; i < TRIAL_STATE_COUNT; i++)
        from[i] = -1;
    from[TRIAL_WAITING] = TRIAL_WAITING;
    queue[tail++] = TRIAL_WAITING;
    while (head < tail) {
        int at = queue[head++];
        for (int to = 0; to < TRIAL_STATE_COUNT; to++)
            if (from[to] < 0 && trial_move_legal((enum trial_state)at, (enum trial_state)to)) {
                from[to] = at;
                queue[tail++] = to;
            }
    }
    if (from[goal] < 0)
        return -1;
    for (int at = (int)goal; at != TRIAL_WAITING; at = from[at])
        back[n++] = (enum trial_state)at;
    for (int i = 0; i < n; i++)
        way[i] = back[n - 1 - i];
    return n;
}

static void every_state_can_be_reached(void **state)
{
    (void)state;
    enum trial_state way[TRIAL_STATE_COUNT];
    for (int i = 0; i < TRIAL_STATE_COUNT; i++)
        assert_true(way_to((enum trial_state)i, way) >= 0);
}

static void only_moves_of_the_table_are_recorded(void **state)
{
    (void)state;
    for (int from = 0; from < TRIAL_STATE_COUNT; from++)
        for (int to = 0; to < TRIAL_STATE_COUNT; to++) {
            struct stage g;
            enum trial_state way[TRIAL_STATE_COUNT];
            open_stage(&g, 1);
            int64_t t = new_trial(&g);
            int n = way_to((enum trial_state)from, way);
            for (int i = 0; i < n; i++)
                assert_true(trial_move(g.s, t, way[i], NULL, 0));
            assert_int_equal(trial_now(g.s, t), from);
            uint64_t events = g.s->state->n_events;
            bool legal = trial_move_legal((enum trial_state)from, (enum trial_state)to);
            assert_int_equal(trial_move(g.s, t, (enum trial_state)to, "why", 3), legal);
            assert_int_equal(trial_now(g.s, t), legal ? to : from);
            assert_int_equal(g.s->state->n_events, events + legal);
            close_stage(&g);
        }
}

static void what_has_ended_well_stays_as_it_is(void **state)
{
    (void)state;
    const enum trial_state ends[] = {TRIAL_DONE, TRIAL_PRUNED, TRIAL_STOPPED, TRIAL_WITHDRAWN};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        for (int to = 0; to < TRIAL_STATE_COUNT; to++)
            assert_false(trial_move_legal(ends[i], (enum trial_state)to));
    assert_true(trial_move_legal(TRIAL_FAILED, TRIAL_WAITING)); /* requeue */
    assert_true(trial_move_legal(TRIAL_KILLED, TRIAL_WAITING));
}

/* ---- runs make the trial ---- */

static void a_trial_follows_its_run(void **state)
{
    (void)state;
    struct stage g;
    open_stage(&g, 1);
    int64_t t = new_trial(&g), r = state_trial(g.s->state, t)->runs[0];
    assert_int_equal(trial_now(g.s, t), TRIAL_WAITING);
    move_run(&g, r, RUN_LEASED);
    assert_int_equal(trial_now(g.s, t), TRIAL_WAITING);
    move_run(&g, r, RUN_RUNNING);
    assert_int_equal(trial_now(g.s, t), TRIAL_RUNNING);
    move_run(&g, r, RUN_PAUSED);
    assert_int_equal(trial_now(g.s, t), TRIAL_PAUSED);
    move_run(&g, r, RUN_LOST);
    assert_int_equal(trial_now(g.s, t), TRIAL_LOST);
    move_run(&g, r, RUN_RUNNING);
    assert_int_equal(trial_now(g.s, t), TRIAL_RUNNING);
    report(&g, r, 0.5);
    move_run(&g, r, RUN_DONE);
    assert_int_equal(trial_now(g.s, t), TRIAL_DONE);
    close_stage(&g);
}

static void several_runs_end_a_trial_together(void **state)
{
    (void)state;
    struct stage g;
    open_stage(&g, 2);
    int64_t t = new_trial(&g), a = state_trial(g.s->state, t)->runs[0],
            b = state_trial(g.s->state, t)->runs[1];
    move_run(&g, a, RUN_RUNNING);
    move_run(&g, b, RUN_RUNNING);
    move_run(&g, a, RUN_PAUSED);
    assert_int_equal(trial_now(g.s, t), TRIAL_RUNNING);
    move_run(&g, b, RUN_PAUSED);
    assert_int_equal(trial_now(g.s, t), TRIAL_PAUSED);
    move_run(&g, a, RUN_RUNNING);
    report(&g, a, 1);
    move_run(&g, a, RUN_DONE);
    assert_int_not_equal(trial_now(g.s, t), TRIAL_DONE);
    report(&g, b, 3);
    move_run(&g, b, RUN_DONE);
    assert_int_equal(trial_now(g.s, t), TRIAL_DONE);
    double value;
    int64_t step;
    assert_true(state_value_at(g.s->state, state_trial(g.s->state, t), STATE_NOW, &value, &step));
    assert_true(value == 2);
    close_stage(&g);
}

static void one_failed_run_fails_the_trial(void **state)
{
    (void)state;
    struct stage g;
    open_stage(&g, 2);
    int64_t t = new_trial(&g), a = state_trial(g.s->state, t)->runs[0],
            b = state_trial(g.s->state, t)->runs[1];
    report(&g, a, 1);
    move_run(&g, a, RUN_DONE);
    struct run_change c = RUN_CHANGE(RUN_FAILED);
    c.why = "exited with status 3";
    run_move(g.s, b, &c);
    trial_settle(g.s, t);
    assert_int_equal(trial_now(g.s, t), TRIAL_FAILED);
    const struct state_trial *tr = state_trial(g.s->state, t);
    assert_string_equal(tr->changes[tr->n_changes - 1].why, "exited with status 3");
    close_stage(&g);
}

static void no_value_nan_and_infinity_are_failures(void **state)
{
    (void)state;
    const double values[] = {NAN, INFINITY, -INFINITY};
    for (int i = -1; i < 3; i++) {
        struct stage g;
        open_stage(&g, 1);
        int64_t t = new_trial(&g), r = state_trial(g.s->state, t)->runs[0];
        move_run(&g, r, RUN_RUNNING);
        if (i >= 0)
            report(&g, r, values[i]);
        move_run(&g, r, RUN_DONE);
        assert_int_equal(trial_now(g.s, t), TRIAL_FAILED);
        close_stage(&g);
    }
}

static void who_said_first_how_it_ends_wins_but_a_kill_always_does(void **state)
{
    (void)state;
    struct stage g;
    open_stage(&g, 1);
    int64_t t = new_trial(&g), r = state_trial(g.s->state, t)->runs[0];
    move_run(&g, r, RUN_RUNNING);
    report(&g, r, 0.5);
    trial_ending(g.s, t, TRIAL_PRUNED, "the tuner", 0);
    trial_ending(g.s, t, TRIAL_STOPPED, "a person", 4);
    move_run(&g, r, RUN_STOPPED);
    assert_int_equal(trial_now(g.s, t), TRIAL_PRUNED);
    t = new_trial(&g);
    r = state_trial(g.s->state, t)->runs[0];
    move_run(&g, r, RUN_RUNNING);
    trial_ending(g.s, t, TRIAL_PRUNED, "the tuner", 0);
    trial_ending(g.s, t, TRIAL_KILLED, "a person", 5);
    move_run(&g, r, RUN_KILLED);
    assert_int_equal(trial_now(g.s, t), TRIAL_KILLED);
    close_stage(&g);
}

static void a_requeued_run_has_a_higher_epoch_and_waits(void **state)
{
    (void)state;
    struct stage g;
    open_stage(&g, 1);
    int64_t t = new_trial(&g), r = state_trial(g.s->state, t)->runs[0];
    assert_int_equal(state_run(g.s->state, r)->epoch, 1);
    move_run(&g, r, RUN_LEASED);
    move_run(&g, r, RUN_RUNNING);
    move_run(&g, r, RUN_LOST);
    run_requeue(g.s, r, "its worker did not come back");
    trial_settle(g.s, t);
    assert_int_equal(state_run(g.s->state, r)->epoch, 2);
    assert_int_equal(run_now(g.s, r), RUN_QUEUED);
    assert_int_equal(trial_now(g.s, t), TRIAL_WAITING);
    close_stage(&g);
}

static void a_slot_is_busy_as_long_as_its_run_is(void **state)
{
    (void)state;
    struct stage g;
    struct worker k = {.slots = 1};
    open_stage(&g, 1);
    int64_t t = new_trial(&g), r = state_trial(g.s->state, t)->runs[0];
    (void)t;
    sweep_run(g.s, r)->worker = &k;
    move_run(&g, r, RUN_LEASED);
    assert_int_equal(k.busy, 1);
    move_run(&g, r, RUN_RUNNING);
    move_run(&g, r, RUN_PAUSED);
    assert_int_equal(k.busy, 1);
    move_run(&g, r, RUN_LOST);
    assert_int_equal(k.busy, 0);
    move_run(&g, r, RUN_RUNNING);
    assert_int_equal(k.busy, 1);
    report(&g, r, 1);
    move_run(&g, r, RUN_DONE);
    assert_int_equal(k.busy, 0);
    assert_null(sweep_run(g.s, r)->worker);
    close_stage(&g);
}

static void run_numbers_for_agents_name_their_sweep(void **state)
{
    (void)state;
    struct stage g;
    int64_t run;
    open_stage(&g, 1);
    new_trial(&g);
    struct sweep *list[] = {g.s};
    g.hub.sweeps = list;
    g.hub.n_sweeps = 1;
    int64_t handle = run_handle(g.s, 0);
    assert_true(handle > 0 && handle < INT64_C(1) << 53); /* exact in a JSON number */
    assert_ptr_equal(run_find(&g.hub, handle, &run), g.s);
    assert_int_equal(run, 0);
    assert_null(run_find(&g.hub, handle + 1, &run));                  /* no such run */
    assert_null(run_find(&g.hub, handle ^ (INT64_C(1) << 30), &run)); /* no such sweep */
    close_stage(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_can_be_reached),
        cmocka_unit_test(only_moves_of_the_table_are_recorded),
        cmocka_unit_test(what_has_ended_well_stays_as_it_is),
        cmocka_unit_test(a_trial_follows_its_run),
        cmocka_unit_test(several_runs_end_a_trial_together),
        cmocka_unit_test(one_failed_run_fails_the_trial),
        cmocka_unit_test(no_value_nan_and_infinity_are_failures),
        cmocka_unit_test(who_said_first_how_it_ends_wins_but_a_kill_always_does),
        cmocka_unit_test(a_requeued_run_has_a_higher_epoch_and_waits),
        cmocka_unit_test(a_slot_is_busy_as_long_as_its_run_is),
        cmocka_unit_test(run_numbers_for_agents_name_their_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
