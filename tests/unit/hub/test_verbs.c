/* verbs: each of them against a real hub and a worker that is played by hand: how it is recorded, what
 * reaches the worker, what the asker is told, and what undo takes back. */
#include "tests/unit/hub/hub_fixture.h"

#include "proto/verb.h"

struct stage {
    struct fixture f;
    struct tester op, k;
    struct lease l;
    int64_t seq;
    char *recording;
};

/* A sweep with one running trial that has declared a live learning rate of 0.5 in [0, 1]. */
static void open_stage(struct stage *s, int slots)
{
    int64_t expiry = s->f.expiry;
    *s = (struct stage){0};
    s->f.expiry = expiry;
    fixture_open(&s->f);
    tester_open(&s->op, &s->f, ROLE_OPERATOR, getpid());
    s->recording = start_sweep(&s->op, SWEEP_YAML, 3, 20, 0);
    fake_worker(&s->k, &s->f, slots);
    take_lease(&s->k, &s->l);
    struct batch b = batch_begin(&s->k, &s->l, ++s->seq, 3);
    batch_state(&b, "started", 0);
    batch_declare(&b, "lr", 0, 1, 0.5);
    batch_report(&b, 1, 0.5);
    tester_send(&s->k);
    await_ack(&s->k, &s->l, s->seq);
}

static void close_stage(struct stage *s)
{
    tester_close(&s->op);
    tester_close(&s->k);
    buf_release(&s->l.params);
    free(s->recording);
    fixture_close(&s->f);
}

/* Sends a verb line the way every front end does. */
static int64_t say(struct stage *s, const char *line, bool wait)
{
    char **words = NULL, *cause = NULL;
    struct buf parsed = {0};
    struct codec_writer w;
    int n = verb_split(line, &words, &cause);
    cw_init(&w, &parsed);
    if (n < 0 || verb_parse(n, words, &w, &cause) != 0)
        fail_msg("%s: %s", line, cause);
    verb_words_free(words, n);
    w = tester_begin(&s->op, MSG_SEND);
    cw_map(&w, 6);
    buf_put(w.b, parsed.data, parsed.len);
    cw_kstr(&w, "who", "ann");
    cw_kbool(&w, "wait", wait);
    tester_send(&s->op);
    buf_release(&parsed);
    return s->op.id;
}

struct outcome {
    int64_t id;
    char state[16], message[300];
    bool more;
};

static struct outcome result_of(struct stage *s, int64_t request)
{
    struct outcome o = {0};
    if (!tester_await(&s->op, match_id, request, DEADLINE))
        fail_msg("no result");
    if (s->op.m.kind == MSG_ERROR) {
        snprintf(o.state, sizeof o.state, "error");
    } else {
        assert_int_equal(s->op.m.kind, MSG_RESULT);
        cmap_strcpy(s->op.m.body, "state", o.state, sizeof o.state);
    }
    o.id = cmap_int(s->op.m.body, "id", 0);
    o.more = cmap_bool(s->op.m.body, "more", false);
    cmap_strcpy(s->op.m.body, "message", o.message, sizeof o.message);
    return o;
}

static struct outcome did(struct stage *s, const char *line)
{
    return result_of(s, say(s, line, true));
}

static void rejected(struct stage *s, const char *line, const char *part)
{
    struct outcome o = did(s, line);
    if (strcmp(o.state, "rejected") != 0 && strcmp(o.state, "error") != 0)
        fail_msg("'%s' was %s", line, o.state);
    if (!strstr(o.message, part))
        fail_msg("'%s' was refused with '%s', which does not say '%s'", line, o.message, part);
}

static void applied(struct stage *s, const char *line)
{
    struct outcome o = did(s, line);
    if (strcmp(o.state, "applied") != 0)
        fail_msg("'%s' was %s: %s", line, o.state, o.message);
}

/* The command that reaches the worker. */
static int64_t command(struct stage *s, const char *verb)
{
    char got[32] = "";
    tester_kind(&s->k, MSG_COMMAND);
    cmap_strcpy(s->k.m.body, "verb", got, sizeof got);
    assert_string_equal(got, verb);
    assert_int_equal(cmap_int(s->k.m.body, "run", -1), s->l.run);
    assert_int_equal(cmap_int(s->k.m.body, "epoch", -1), s->l.epoch);
    return cmap_int(s->k.m.body, "command", -1);
}

static void respond(struct stage *s, int64_t id, const char *state, const char *message)
{
    struct batch b = batch_begin(&s->k, &s->l, ++s->seq, 1);
    batch_event(&b, "command", 4);
    cw_kint(&b.w, "command", id);
    cw_kstr(&b.w, "state", state);
    cw_kint(&b.w, "step", 7);
    cw_kstr(&b.w, "message", message);
    tester_send(&s->k);
}

static void respond_set(struct stage *s, int64_t id, double old, double new)
{
    struct batch b = batch_begin(&s->k, &s->l, ++s->seq, 1);
    batch_event(&b, "command", 6);
    cw_kint(&b.w, "command", id);
    cw_kstr(&b.w, "state", "applied");
    cw_kint(&b.w, "step", 7);
    cw_kstr(&b.w, "param", "lr");
    cw_kdouble(&b.w, "old", old);
    cw_kdouble(&b.w, "new", new);
    tester_send(&s->k);
}

static void iv_state(struct stage *s, int64_t id, const char *want)
{
    char got[32] = "";
    struct span body = ask_view(&s->op, "interventions");
    for (int64_t i = 0; i < cmap_int(body, "count", 0); i++) {
        struct span row = view_row(body, i);
        if (cmap_int(row, "id", -1) == id)
            cmap_strcpy(row, "state", got, sizeof got);
    }
    assert_string_equal(got, want);
}

static void end_run(struct stage *s)
{
    struct batch b = batch_begin(&s->k, &s->l, ++s->seq, 1);
    batch_state(&b, "exited", 0);
    tester_send(&s->k);
}

/* ---- commands ---- */

static void set_is_applied_with_old_value_new_value_and_step(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s, 1);
    int64_t rq = say(&s, "set lr=0.25 0 --reason 'too hot'", true), id = command(&s, "set");
    struct span params = cmap_value(cmap_value(s.k.m.body, "args"), "params");
    assert_true(cmap_double(params, "lr", 0) == 0.25);
    iv_state(&s, id, "sent");
    respond(&s, id, "delivered", "");
    respond_set(&s, id, 0.5, 0.25);
    struct outcome o = result_of(&s, rq);
    assert_string_equal(o.state, "applied");
    assert_int_equal(o.id, id);
    assert_string_equal(o.message, "lr 0.5 -> 0.25 at step 7");
    assert_false(o.more);
    struct span row = view_row(ask_view(&s.op, "interventions"), 0);
    char text[64];
    cmap_strcpy(row, "reason", text, sizeof text);
    assert_string_equal(text, "too hot");
    cmap_strcpy(row, "who", text, sizeof text);
    assert_string_equal(text, "ann");
    assert_int_equal(cmap_int(row, "applied_step", -1), 7);
    close_stage(&s);
}

static void without_wait_the_answer_is_that_it_was_accepted(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s, 1);
    assert_string_equal(result_of(&s, say(&s, "set lr=0.25 0", false)).state, "accepted");
    close_stage(&s);
}

static void a_value_that_makes_no_sense_never_reaches_the_worker(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s, 1);
    rejected(&s, "set lr=7 0", "outside its range");
    rejected(&s, "set lr=much 0", "not a number");
    rejected(&s, "set momentum=0.9 0", "no parameter 'momentum'");
    rejected(&s, "set lr=0.1 99", "no trial t99");
    assert_false(tester_await(&s.k, match_kind, MSG_COMMAND, 100 * CLOCK_MS));
    close_stage(&s);
}

static void a_rejection_by_the_trainer_is_the_final_state(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s, 1);
    int64_t rq = say(&s, "checkpoint 0", true);
    respond(&s, command(&s, "checkpoint"), "rejected", "no disk");
    struct outcome o = result_of(&s, rq);
    assert_string_equal(o.state, "rejected");
    assert_string_equal(o.message, "no disk");
    close_stage(&s);
}

static void pause_and_resume_move_the_trial(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s, 1);
    int64_t rq = say(&s, "pause 0", true);
    respond(&s, command(&s, "pause"), "applied", "");
    assert_string_equal(result_of(&s, rq).state, "applied");
    await_row(&s.op, "trials", 0, "state", "paused");
    rejected(&s, "pause 0", "paused already");
    rq = say(&s, "resume 0", true);
    respond(&s, command(&s, "resume"), "applied", "");
    assert_string_equal(result_of(&s, rq).state, "applied");
    await_row(&s.op, "trials", 0, "state", "running");
    close_stage(&s);
}

static void stop_keeps_the_result_and_the_end_of_the_run_answers_it(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s, 1);
    int64_t rq = say(&s, "stop 0", true);
    command(&s, "stop");
    end_run(&s);
    assert_string_equal(result_of(&s, rq).state, "applied");
    await_row(&s.op, "trials", 0, "state", "stopped");
    struct span row = view_row(ask_view(&s.op, "trials"), 0);
    assert_true(cmap_double(row, "value", 0) == 0.5);
    close_stage(&s);
}

static void kill_fails_the_trial_and_requeue_runs_it_again(void **state)
{
    (void)state;
    struct stage s = {0};
    struct lease again;
    open_stage(&s, 1);
    int64_t rq = say(&s, "kill 0", true);
    command(&s, "kill");
    end_run(&s);
    assert_string_equal(result_of(&s, rq).state, "applied");
    await_row(&s.op, "trials", 0, "state", "killed");
    take_lease(&s.k, &again); /* the slot went to the next trial */
    assert_int_equal(again.trial, 1);
    applied(&s, "requeue 0");
    whole_run(&s.k, &again, 0.7);
    buf_release(&again.params);
    take_lease(&s.k, &again);
    while (again.trial != 0) {
        whole_run(&s.k, &again, 0.7);
        buf_release(&again.params);
        take_lease(&s.k, &again);
    }
    assert_int_equal(again.epoch, 2);
    whole_run(&s.k, &again, 0.1);
    await_row(&s.op, "trials", 0, "state", "done");
    buf_release(&again.params);
    close_stage(&s);
}

static void several_targets_get_one_answer_each(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s, 1);
    int64_t rq = say(&s, "note 0,5 look at this", true);
    struct outcome a = result_of(&s, rq), b = result_of(&s, rq);
    assert_true(a.more);
    assert_false(b.more);
    assert_string_equal(a.state, "applied");
    assert_string_equal(b.state, "rejected");
    close_stage(&s);
}

static void the_end_of_a_run_rejects_what_it_did_not_apply(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s, 1);
    int64_t rq = say(&s, "set lr=0.1 0", true);
    command(&s, "set");
    end_run(&s);
    struct outcome o = result_of(&s, rq);
    assert_string_equal(o.state, "rejected");
    assert_non_null(strstr(o.message, "ended before"));
    close_stage(&s);
}

static void a_command_that_nobody_answers_expires(void **state)
{
    (void)state;
    struct stage s = {.f.expiry = 300 * CLOCK_MS};
    open_stage(&s, 1);
    int64_t rq = say(&s, "set lr=0.1 0", true), id = command(&s, "set");
    struct outcome o = result_of(&s, rq);
    assert_string_equal(o.state, "expired");
    assert_non_null(strstr(o.message, "ht_poll"));
    iv_state(&s, id, "expired");
    respond_set(&s, id, 0.5, 0.1); /* too late: its final state stays, and the log says what happened */
    await_ack(&s.k, &s.l, s.seq);
    iv_state(&s, id, "expired");
    close_stage(&s);
}

/* ---- configurations ---- */

static void enqueue_and_clone_run_before_what_the_tuner_would_propose(void **state)
{
    (void)state;
    struct stage s = {0};
    struct lease l;
    open_stage(&s, 1);
    applied(&s, "enqueue lr=0.125");
    applied(&s, "clone 0 opt=adam");
    end_run(&s);
    take_lease(&s.k, &l);
    assert_int_equal(l.trial, 1);
    struct span p = {(char *)l.params.data, l.params.len};
    assert_true(cmap_double(p, "lr", 0) == 0.125);
    whole_run(&s.k, &l, 0.5);
    buf_release(&l.params);
    take_lease(&s.k, &l);
    assert_int_equal(l.trial, 2);
    p = (struct span){(char *)l.params.data, l.params.len};
    char opt[16];
    cmap_strcpy(p, "opt", opt, sizeof opt);
    assert_string_equal(opt, "adam");
    struct span mine = {(char *)s.l.params.data, s.l.params.len};
    assert_true(fabs(cmap_double(p, "lr", -1) - cmap_double(mine, "lr", -2)) < 1e-12);
    rejected(&s, "enqueue lr=3", "");
    rejected(&s, "enqueue learning_rate=0.1", "no parameter 'learning_rate'");
    buf_release(&l.params);
    close_stage(&s);
}

static void undo_withdraws_what_has_not_begun(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s, 1);
    struct outcome o = did(&s, "enqueue lr=0.125");
    applied(&s, "undo");
    iv_state(&s, o.id, "undone");
    await_row(&s.op, "trials", 1, "state", "withdrawn");
    rejected(&s, "undo 1", "cannot be undone");
    close_stage(&s);
}

static void undo_of_set_sends_the_old_value_back(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s, 1);
    int64_t rq = say(&s, "set lr=0.25 0", true), id = command(&s, "set");
    respond_set(&s, id, 0.5, 0.25);
    result_of(&s, rq);
    rq = say(&s, "undo", true);
    int64_t undo = command(&s, "set");
    assert_int_not_equal(undo, id);
    assert_true(cmap_double(cmap_value(cmap_value(s.k.m.body, "args"), "params"), "lr", 0) == 0.5);
    iv_state(&s, id, "applied"); /* not undone before the trainer says so */
    respond_set(&s, undo, 0.25, 0.5);
    assert_string_equal(result_of(&s, rq).state, "applied");
    iv_state(&s, id, "undone");
    close_stage(&s);
}

static void undo_takes_the_last_of_the_same_person(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s, 1);
    struct outcome note = did(&s, "note 0 one"), tag = did(&s, "tag 0 +good");
    applied(&s, "undo");
    iv_state(&s, tag.id, "undone");
    iv_state(&s, note.id, "applied");
    applied(&s, "undo");
    iv_state(&s, note.id, "undone");
    rejected(&s, "undo", "nothing that could be undone");
    close_stage(&s);
}

/* ---- the sweep ---- */

static void budget_and_concurrency_hold_and_are_undone(void **state)
{
    (void)state;
    struct stage s = {0};
    struct lease l;
    open_stage(&s, 4);
    for (int i = 0; i < 3; i++) { /* four slots are filled */
        take_lease(&s.k, &l);
        buf_release(&l.params);
    }
    applied(&s, "concurrency 1");
    end_run(&s);
    assert_false(try_lease(&s.k, &l, 150 * CLOCK_MS));
    applied(&s, "undo");
    take_lease(&s.k, &l);
    buf_release(&l.params);
    struct outcome o = did(&s, "budget +5");
    assert_non_null(strstr(o.message, "25 trials"));
    o = did(&s, "budget 7");
    assert_non_null(strstr(o.message, "7 trials"));
    applied(&s, "undo");
    struct span head = cmap_value(ask_view(&s.op, "summary"), "head");
    assert_int_equal(cmap_int(head, "budget", -1), 25);
    close_stage(&s);
}

static void more_budget_wakes_a_finished_sweep(void **state)
{
    (void)state;
    struct stage s = {0};
    struct lease l;
    open_stage(&s, 1);
    applied(&s, "budget 1");
    end_run(&s);
    await_row(&s.op, "sweeps", 0, "state", "done");
    applied(&s, "budget +1");
    take_lease(&s.k, &l);
    assert_int_equal(l.trial, 1);
    await_row(&s.op, "sweeps", 0, "state", "running");
    whole_run(&s.k, &l, 0.25);
    await_row(&s.op, "sweeps", 0, "state", "done");
    buf_release(&l.params);
    close_stage(&s);
}

static void a_ban_keeps_the_tuner_away_until_it_is_undone(void **state)
{
    (void)state;
    struct stage s = {0};
    struct lease l;
    char opt[16];
    open_stage(&s, 1);
    applied(&s, "ban opt=sgd");
    end_run(&s);
    for (int i = 0; i < 8; i++) {
        take_lease(&s.k, &l);
        cmap_strcpy((struct span){(char *)l.params.data, l.params.len}, "opt", opt, sizeof opt);
        assert_string_equal(opt, "adam");
        if (i == 7)
            applied(&s, "undo"); /* before the next is asked for */
        whole_run(&s.k, &l, 0.5);
        buf_release(&l.params);
    }
    int sgd = 0;
    for (int i = 0; i < 8; i++) {
        take_lease(&s.k, &l);
        cmap_strcpy((struct span){(char *)l.params.data, l.params.len}, "opt", opt, sizeof opt);
        sgd += strcmp(opt, "sgd") == 0;
        whole_run(&s.k, &l, 0.5);
        buf_release(&l.params);
    }
    assert_true(sgd > 0);
    rejected(&s, "ban nonsense", "nonsense");
    applied(&s, "ban opt=sgd");
    rejected(&s, "ban opt=adam", "nothing would be left");
    close_stage(&s);
}

static void an_arm_of_an_in_process_bandit_is_banned_by_command(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s, 1);
    struct batch b = batch_begin(&s.k, &s.l, ++s.seq, 1);
    batch_event(&b, "bandit", 4);
    cw_kint(&b.w, "bandit", 0);
    cw_kstr(&b.w, "name", "omega");
    cw_kstr(&b.w, "algorithm", "tsallis");
    cw_str(&b.w, "arms");
    cw_array(&b.w, 2);
    cw_str(&b.w, "left");
    cw_str(&b.w, "right");
    tester_send(&s.k);
    await_ack(&s.k, &s.l, s.seq);
    int64_t rq = say(&s, "ban left --bandit omega --for 10", true), id = command(&s, "ban");
    char arm[16] = "", name[16] = "";
    struct span args = cmap_value(s.k.m.body, "args");
    cmap_strcpy(args, "arm", arm, sizeof arm);
    cmap_strcpy(args, "bandit", name, sizeof name);
    assert_string_equal(arm, "left");
    assert_string_equal(name, "omega");
    assert_int_equal(cmap_int(args, "for", 0), 10);
    respond(&s, id, "applied", "");
    assert_string_equal(result_of(&s, rq).state, "applied");
    rq = say(&s, "undo", true);
    respond(&s, command(&s, "unban"), "applied", "");
    assert_string_equal(result_of(&s, rq).state, "applied");
    iv_state(&s, id, "undone");
    rejected(&s, "ban middle --bandit omega", "no running trial has a bandit");
    close_stage(&s);
}

/* ---- the hub dies in between ---- */

static void interventions_survive_a_kill(void **state)
{
    (void)state;
    struct stage s = {0};
    int64_t dropped;
    open_stage(&s, 1);
    applied(&s, "budget +5");
    applied(&s, "ban opt=sgd");
    struct outcome q = did(&s, "enqueue lr=0.125");
    int64_t rq = say(&s, "set lr=0.25 0", true), id = command(&s, "set");
    (void)rq;
    tester_close(&s.op);
    tester_close(&s.k);
    fixture_kill(&s.f);
    fixture_start(&s.f);
    tester_open(&s.op, &s.f, ROLE_OPERATOR, getpid());
    tester_open(&s.k, &s.f, ROLE_AGENT, getpid());
    worker_join_with(&s.k, getpid(), 1, &s.l, 1, &dropped);
    assert_int_equal(dropped, 0);
    respond_set(&s, id, 0.5, 0.25); /* the answer comes to the new hub */
    await_ack(&s.k, &s.l, s.seq);
    iv_state(&s, id, "applied");
    applied(&s, "undo 3"); /* the enqueue: its trial is still known */
    iv_state(&s, q.id, "undone");
    applied(&s, "undo 2"); /* the ban: its token is still known */
    applied(&s, "undo 1");
    struct span head = cmap_value(ask_view(&s.op, "summary"), "head");
    assert_int_equal(cmap_int(head, "budget", -1), 20);
    close_stage(&s);
}

static void a_viewer_steers_nothing(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s, 1);
    struct tester viewer, was = s.op;
    tester_open(&viewer, &s.f, ROLE_VIEWER, getpid());
    s.op = viewer;
    struct outcome o = result_of(&s, say(&s, "note 0 hello", true));
    assert_string_equal(o.state, "error");
    tester_close(&s.op);
    s.op = was;
    assert_int_equal(cmap_int(ask_view(&s.op, "interventions"), "count", -1), 0);
    close_stage(&s);
}

static void an_unknown_verb_gets_a_suggestion(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s, 1);
    struct codec_writer w = tester_begin(&s.op, MSG_SEND);
    cw_map(&w, 2);
    cw_kstr(&w, "verb", "pasue");
    cw_kstr(&w, "target", "0");
    tester_send(&s.op);
    struct outcome o = result_of(&s, s.op.id);
    assert_string_equal(o.state, "error");
    assert_non_null(strstr(o.message, "pause"));
    close_stage(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_is_applied_with_old_value_new_value_and_step),
        cmocka_unit_test(without_wait_the_answer_is_that_it_was_accepted),
        cmocka_unit_test(a_value_that_makes_no_sense_never_reaches_the_worker),
        cmocka_unit_test(a_rejection_by_the_trainer_is_the_final_state),
        cmocka_unit_test(pause_and_resume_move_the_trial),
        cmocka_unit_test(stop_keeps_the_result_and_the_end_of_the_run_answers_it),
        cmocka_unit_test(kill_fails_the_trial_and_requeue_runs_it_again),
        cmocka_unit_test(several_targets_get_one_answer_each),
        cmocka_unit_test(the_end_of_a_run_rejects_what_it_did_not_apply),
        cmocka_unit_test(a_command_that_nobody_answers_expires),
        cmocka_unit_test(enqueue_and_clone_run_before_what_the_tuner_would_propose),
        cmocka_unit_test(undo_withdraws_what_has_not_begun),
        cmocka_unit_test(undo_of_set_sends_the_old_value_back),
        cmocka_unit_test(undo_takes_the_last_of_the_same_person),
        cmocka_unit_test(budget_and_concurrency_hold_and_are_undone),
        cmocka_unit_test(more_budget_wakes_a_finished_sweep),
        cmocka_unit_test(a_ban_keeps_the_tuner_away_until_it_is_undone),
        cmocka_unit_test(an_arm_of_an_in_process_bandit_is_banned_by_command),
        cmocka_unit_test(interventions_survive_a_kill),
        cmocka_unit_test(a_viewer_steers_nothing),
        cmocka_unit_test(an_unknown_verb_gets_a_suggestion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
