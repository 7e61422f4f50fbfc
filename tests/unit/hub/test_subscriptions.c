/* subscriptions: what a console is sent, when, and what it costs to be slow. And runs that nobody leased. */
#include "hub/recorder.h"
#include "tests/unit/hub/hub_fixture.h"

struct stage {
    struct fixture f;
    struct tester op, k;
    struct lease l;
    int64_t seq;
    char *recording;
};

static void open_stage(struct stage *s)
{
    *s = (struct stage){0};
    fixture_open(&s->f);
    tester_open(&s->op, &s->f, ROLE_OPERATOR, getpid());
    s->recording = start_sweep(&s->op, SWEEP_YAML, 3, 20, 0);
    fake_worker(&s->k, &s->f, 2);
    take_lease(&s->k, &s->l);
    struct lease other;
    take_lease(&s->k, &other);
    buf_release(&other.params);
    struct batch b = batch_begin(&s->k, &s->l, ++s->seq, 1);
    batch_state(&b, "started", 0);
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

static int64_t subscribe(struct tester *t, const char *view, int64_t hz, int64_t cursor)
{
    struct codec_writer w = tester_begin(t, MSG_SUB);
    cw_map(&w, cursor >= 0 ? 3 : 2);
    cw_kstr(&w, "view", view);
    cw_kint(&w, "hz", hz);
    if (cursor >= 0)
        cw_kint(&w, "cursor", cursor);
    tester_send(t);
    return t->id;
}

static struct span update(struct tester *t, int64_t sub)
{
    if (!tester_await(t, match_id, sub, DEADLINE))
        fail_msg("no update came");
    assert_int_equal(t->m.kind, MSG_VIEW_DATA);
    assert_int_equal(cmap_int(t->m.body, "sub", -1), sub);
    return t->m.body;
}

static size_t n_parts(struct span body)
{
    struct span parts = cmap_value(body, "parts");
    struct codec_reader r;
    cr_init(&r, parts.p, parts.n);
    return cr_array(&r);
}

static void report(struct stage *s, double value)
{
    struct batch b = batch_begin(&s->k, &s->l, s->seq + 1, 1);
    batch_report(&b, s->seq + 1, value);
    s->seq++;
    tester_send(&s->k);
    await_ack(&s->k, &s->l, s->seq);
}

static void the_first_answer_is_full_and_the_next_carry_what_changed(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s);
    int64_t sub = subscribe(&s.op, "trials", 30, -1);
    struct span body = update(&s.op, sub);
    assert_true(cmap_bool(body, "full", false));
    assert_int_equal(n_parts(body), 2);
    report(&s, 0.5);
    body = update(&s.op, sub);
    assert_false(cmap_bool(body, "full", true));
    assert_int_equal(cmap_int(body, "count", -1), 2);
    struct span row = view_row(body, 0);
    assert_true(row.n > 0);
    assert_true(cmap_double(row, "value", 0) == 0.5);
    assert_int_equal(view_row(body, 1).n, 0); /* the other trial's row did not change and did not travel */
    close_stage(&s);
}

static void nothing_is_sent_while_nothing_happens(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s);
    int64_t sub = subscribe(&s.op, "trials", 30, -1);
    update(&s.op, sub);
    assert_false(tester_await(&s.op, match_id, sub, 700 * CLOCK_MS));
    close_stage(&s);
}

static void updates_come_at_most_as_often_as_asked(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s);
    int64_t sub = subscribe(&s.op, "trials", 5, -1);
    update(&s.op, sub);
    int64_t start = clock_mono_ns();
    int n = 0;
    while (clock_mono_ns() - start < CLOCK_S) {
        report(&s, 1.0 / (double)s.seq);
        while (tester_await(&s.op, match_id, sub, 0))
            n++;
    }
    assert_true(n >= 2 && n <= 6);
    close_stage(&s);
}

static void a_view_of_the_past_does_not_change(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s);
    report(&s, 0.5);
    struct span head = cmap_value(ask_view(&s.op, "summary"), "head");
    int64_t then = cmap_int(head, "last", 0);
    assert_true(then > 0);
    report(&s, 0.25);
    int64_t sub = subscribe(&s.op, "trials", 30, then);
    struct span row = view_row(update(&s.op, sub), 0);
    assert_true(cmap_double(row, "value", 0) == 0.5);
    report(&s, 0.125);
    assert_false(tester_await(&s.op, match_id, sub, 300 * CLOCK_MS));
    close_stage(&s);
}

static void unsub_ends_it(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s);
    int64_t sub = subscribe(&s.op, "trials", 30, -1);
    update(&s.op, sub);
    struct codec_writer w = tester_begin(&s.op, MSG_UNSUB);
    cw_map(&w, 1);
    cw_kint(&w, "sub", sub);
    tester_send(&s.op);
    ask_view(&s.op, "sweeps"); /* the hub has handled it when this is answered */
    report(&s, 0.5);
    assert_false(tester_await(&s.op, match_id, sub, 300 * CLOCK_MS));
    close_stage(&s);
}

static void a_refused_subscription_is_answered_once_and_comes_alive_later(void **state)
{
    (void)state;
    struct stage s = {0};
    fixture_open(&s.f);
    tester_open(&s.op, &s.f, ROLE_OPERATOR, getpid());
    struct codec_writer w = tester_begin(&s.op, MSG_SUB);
    cw_map(&w, 3);
    cw_kstr(&w, "view", "trials");
    cw_kstr(&w, "sweep", "later");
    cw_kint(&w, "hz", 30);
    tester_send(&s.op);
    int64_t sub = s.op.id;
    assert_int_equal(tester_answer(&s.op)->kind, MSG_ERROR);
    assert_false(tester_await(&s.op, match_id, sub, 1200 * CLOCK_MS));
    s.recording = start_sweep(&s.op,
                              "name: later\nprogram: /bin/true\nmethod: random\nmetric: {name: "
                              "loss}\nparameters: {lr: {min: 0.0, max: 1.0}}\n",
                              1, 3, 0);
    update(&s.op, sub);
    tester_close(&s.op);
    free(s.recording);
    fixture_close(&s.f);
}

static void a_console_that_does_not_read_disturbs_nobody(void **state)
{
    (void)state;
    struct stage s = {0};
    struct tester slow[4];
    open_stage(&s);
    for (int i = 0; i < 4; i++) {
        tester_open(&slow[i], &s.f, ROLE_VIEWER, getpid());
        for (int k = 0; k < 8; k++)
            subscribe(&slow[i], "trials", 30, -1);
    }
    int64_t sub = subscribe(&s.op, "trials", 30, -1), worst = 0;
    update(&s.op, sub);
    for (int i = 0; i < 100; i++) {
        int64_t before = clock_mono_ns();
        report(&s, 1.0 / (i + 1));
        if (clock_mono_ns() - before > worst)
            worst = clock_mono_ns() - before;
    }
    struct span row;
    do {
        row = view_row(update(&s.op, sub), 0);
    } while (cmap_double(row, "value", 0) != 1.0 / 100);
    assert_true(worst < CLOCK_S);
    /* When it reads again, the last thing it learns is how things are now. */
    double value = 0;
    while (value != 1.0 / 100) {
        assert_true(tester_await(&slow[0], match_kind, MSG_VIEW_DATA, DEADLINE));
        row = view_row(slow[0].m.body, 0);
        value = row.n ? cmap_double(row, "value", 0) : value;
    }
    for (int i = 0; i < 4; i++)
        tester_close(&slow[i]);
    close_stage(&s);
}

/* ---- manners ---- */

static void an_unknown_peer_is_told_to_say_hello(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct tester t = {.role = ROLE_OPERATOR};
    fixture_open(&f);
    t.sock = sock_dealer(f.address, MSG_MAX_AGENT, NULL);
    struct codec_writer w = tester_begin(&t, MSG_PING);
    cw_map(&w, 0);
    tester_send(&t);
    assert_int_equal(tester_answer(&t)->kind, MSG_ERROR);
    char why[128];
    cmap_strcpy(t.m.body, "message", why, sizeof why);
    assert_non_null(strstr(why, "hello"));
    tester_close(&t);
    fixture_close(&f);
}

static void garbage_is_answered_and_the_next_message_understood(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct tester t;
    static const char *const junk[] = {"",
                                       "\xc1",
                                       "\xdd\xff\xff\xff\xff",
                                       "hello",
                                       "\x95\x01\xa4nope\x01\xa8operator\x80",
                                       "\x91\x91\x91\x91\x91\x91"};
    fixture_open(&f);
    tester_open(&t, &f, ROLE_OPERATOR, getpid());
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
        assert_int_equal(sock_send(t.sock, NULL, junk[i], strlen(junk[i])), 0);
        tester_kind(&t, MSG_ERROR);
    }
    ask_view(&t, "sweeps");
    tester_close(&t);
    fixture_close(&f);
}

static void a_removed_socket_is_made_again(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct tester t;
    char path[96];
    fixture_open(&f);
    tester_open(&t, &f, ROLE_OPERATOR, getpid());
    snprintf(path, sizeof path, "%s/test.sock", f.dir);
    assert_int_equal(unlink(path), 0);
    int64_t until = clock_mono_ns() + DEADLINE;
    while (access(path, F_OK) != 0) {
        assert_true(clock_mono_ns() < until);
        poll(NULL, 0, 20);
    }
    struct tester u;
    tester_open(&u, &f, ROLE_OPERATOR, getpid());
    ask_view(&u, "sweeps");
    tester_close(&t);
    tester_close(&u);
    fixture_close(&f);
}

static void a_second_hub_of_the_same_name_is_refused(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct tester t;
    int status;
    fixture_open(&f);
    tester_open(&t, &f, ROLE_OPERATOR, getpid());
    fflush(NULL);
    pid_t second = fork();
    if (second == 0) {
        char *cause = NULL;
        struct hub_options o = {.name = "test", .sync = f.sync};
        struct hub *h = hub_open(&o, &cause);
        _exit(h ? 1 : cause && strstr(cause, "already") ? 0 : 2);
    }
    waitpid(second, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 0);
    ask_view(&t, "sweeps"); /* the first one is well */
    tester_close(&t);
    fixture_close(&f);
}

/* ---- runs that nobody leased ---- */

static void attach(struct tester *k, const struct lease *was, struct lease *l)
{
    struct codec_writer w = tester_begin(k, MSG_RUN_ATTACH);
    cw_map(&w, was ? 7 : 4);
    cw_kstr(&w, "program", "train/..\x01.py");
    cw_kstr(&w, "host", "h");
    cw_kint(&w, "pid", 77);
    cw_str(&w, "params");
    cw_map(&w, 1);
    cw_kdouble(&w, "lr", 0.5);
    if (was) {
        cw_kint(&w, "run", was->run);
        cw_kint(&w, "epoch", was->epoch);
        cw_kint(&w, "seq", 0);
    }
    tester_send(k);
    assert_int_equal(tester_answer(k)->kind, MSG_OK);
    *l = (struct lease){.run = cmap_int(k->m.body, "run", -1),
                        .trial = cmap_int(k->m.body, "trial", -1),
                        .epoch = cmap_int(k->m.body, "epoch", -1)};
}

static void a_run_that_attaches_gets_a_sweep_and_goes_on_after_a_reconnect(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct tester op, k;
    struct lease l, again, other;
    fixture_open(&f);
    tester_open(&op, &f, ROLE_OPERATOR, getpid());
    tester_open(&k, &f, ROLE_AGENT, getpid());
    attach(&k, NULL, &l);
    assert_int_equal(l.trial, 0);
    struct batch b = batch_begin(&k, &l, 1, 1);
    batch_report(&b, 1, 0.5);
    tester_send(&k);
    await_ack(&k, &l, 1);
    tester_close(&k);
    tester_open(&k, &f, ROLE_AGENT, getpid());
    attach(&k, &l, &again);
    assert_int_equal(again.run, l.run);
    assert_int_equal(again.epoch, l.epoch);
    b = batch_begin(&k, &l, 2, 2);
    batch_report(&b, 2, 0.25);
    batch_state(&b, "exited", 0);
    tester_send(&k);
    await_ack(&k, &l, 2);
    await_row(&op, "trials", 0, "state", "done");
    attach(&k, NULL, &other); /* the same program again: another trial of the same sweep */
    assert_int_equal(other.trial, 1);
    struct span row = view_row(ask_view(&op, "sweeps"), 0);
    assert_int_equal(cmap_int(ask_view(&op, "sweeps"), "count", -1), 1);
    char path[256];
    cmap_strcpy(row, "recording", path, sizeof path);
    assert_non_null(strstr(path, f.dir)); /* a program's name cannot leave the directory */
    assert_null(strstr(path + strlen(f.dir) + 1, "/"));
    tester_close(&k);
    tester_close(&op);
    fixture_close(&f);
}

static void a_run_whose_last_acknowledgement_was_lost_is_the_same_run_when_it_attaches(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct tester op, k;
    struct lease l, again;
    fixture_open(&f);
    tester_open(&op, &f, ROLE_OPERATOR, getpid());
    tester_open(&k, &f, ROLE_AGENT, getpid());
    attach(&k, NULL, &l);
    struct batch b = batch_begin(&k, &l, 1, 2);
    batch_report(&b, 1, 0.5);
    batch_state(&b, "exited", 0);
    tester_send(&k);
    await_row(&op, "trials", 0, "state", "done");
    tester_close(&k); /* before it has read the acknowledgement */
    tester_open(&k, &f, ROLE_AGENT, getpid());
    attach(&k, &l, &again);
    assert_int_equal(again.run, l.run);
    assert_int_equal(again.epoch, l.epoch);
    b = batch_begin(&k, &l, 1, 2);
    batch_report(&b, 1, 0.5);
    batch_state(&b, "exited", 0);
    tester_send(&k);
    await_ack(&k, &l, 1);
    b = batch_begin(&k, &l, 2, 1); /* what the hub never got is not lost */
    batch_report(&b, 2, 0.25);
    tester_send(&k);
    await_ack(&k, &l, 2);
    assert_int_equal(cmap_int(ask_view(&op, "trials"), "count", -1), 1); /* no ghost beside it */
    await_row(&op, "trials", 0, "state", "done");
    tester_close(&k);
    tester_close(&op);
    fixture_close(&f);
}

/* The agent was away for so long that the sweep has ended: its recording is opened again. */
static void a_run_of_an_ended_sweep_is_the_same_run_when_it_attaches(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct tester op, k;
    struct lease l, again;
    char path[256];
    fixture_open(&f);
    tester_open(&op, &f, ROLE_OPERATOR, getpid());
    tester_open(&k, &f, ROLE_AGENT, getpid());
    attach(&k, NULL, &l);
    struct batch b = batch_begin(&k, &l, 1, 1);
    batch_state(&b, "exited", 0);
    tester_send(&k);
    await_ack(&k, &l, 1);
    tester_close(&k);
    cmap_strcpy(view_row(ask_view(&op, "sweeps"), 0), "recording", path, sizeof path);
    await_row(&op, "sweeps", 0, "state", "done");
    for (int64_t until = clock_mono_ns() + DEADLINE; recorder_locked(path) && clock_mono_ns() < until;)
        poll(NULL, 0, 2);
    tester_open(&k, &f, ROLE_AGENT, getpid());
    attach(&k, &l, &again);
    assert_int_equal(again.run, l.run);
    b = batch_begin(&k, &l, 2, 1);
    batch_report(&b, 1, 0.5);
    tester_send(&k);
    await_ack(&k, &l, 2);
    assert_int_equal(cmap_int(ask_view(&op, "sweeps"), "count", -1), 1);
    tester_close(&k);
    tester_close(&op);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_answer_is_full_and_the_next_carry_what_changed),
        cmocka_unit_test(nothing_is_sent_while_nothing_happens),
        cmocka_unit_test(updates_come_at_most_as_often_as_asked),
        cmocka_unit_test(a_view_of_the_past_does_not_change),
        cmocka_unit_test(unsub_ends_it),
        cmocka_unit_test(a_refused_subscription_is_answered_once_and_comes_alive_later),
        cmocka_unit_test(a_console_that_does_not_read_disturbs_nobody),
        cmocka_unit_test(an_unknown_peer_is_told_to_say_hello),
        cmocka_unit_test(garbage_is_answered_and_the_next_message_understood),
        cmocka_unit_test(a_removed_socket_is_made_again),
        cmocka_unit_test(a_second_hub_of_the_same_name_is_refused),
        cmocka_unit_test(a_run_that_attaches_gets_a_sweep_and_goes_on_after_a_reconnect),
        cmocka_unit_test(a_run_whose_last_acknowledgement_was_lost_is_the_same_run_when_it_attaches),
        cmocka_unit_test(a_run_of_an_ended_sweep_is_the_same_run_when_it_attaches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
