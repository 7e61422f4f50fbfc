/* A full disk under a hub at work: agents wait and lose nothing, people see it and can still steer, and it
 * clears by itself. */
#include "tests/unit/hub/hub_fixture.h"

#include <fcntl.h>

#include "base/rng.h"
#include "proto/recording.h"

struct stage {
    struct fixture f;
    struct tester op, k;
    struct lease l;
    char *recording;
};

static void open_stage(struct stage *s, const char *tmpfs)
{
    *s = (struct stage){0};
    if (!fixture_open_on(&s->f, tmpfs)) {
        print_message("no permission to mount a tmpfs: skipped\n");
        skip();
    }
    tester_open(&s->op, &s->f, ROLE_OPERATOR, getpid());
    s->recording = start_sweep(&s->op, SWEEP_YAML, 1, 5, 0);
    fake_worker(&s->k, &s->f, 1);
    take_lease(&s->k, &s->l);
    struct batch b = batch_begin(&s->k, &s->l, 1, 1);
    batch_state(&b, "started", 0);
    tester_send(&s->k);
    await_ack(&s->k, &s->l, 1);
}

static void close_stage(struct stage *s)
{
    tester_close(&s->op);
    tester_close(&s->k);
    buf_release(&s->l.params);
    free(s->recording);
    fixture_close(&s->f);
}

static void fill_up(const struct stage *s)
{
    char path[128], block[4096];
    snprintf(path, sizeof path, "%s/ballast", s->f.dir);
    memset(block, 1, sizeof block);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (write(fd, block, sizeof block) > 0)
        ;
    close(fd);
}

static void free_up(const struct stage *s)
{
    char path[128];
    snprintf(path, sizeof path, "%s/ballast", s->f.dir);
    assert_int_equal(unlink(path), 0);
}

/* A batch that no compressor makes smaller. */
static void send_noise(struct stage *s, int64_t seq, size_t bytes)
{
    struct rng r;
    uint8_t *noise = mem_alloc(bytes + 8);
    rng_seed(&r, (uint64_t)seq);
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t x = rng_u64(&r);
        memcpy(noise + i, &x, 8);
    }
    struct batch b = batch_begin(&s->k, &s->l, seq, 2);
    batch_report(&b, seq, 0.5);
    batch_event(&b, "points", 1);
    cw_str(&b.w, "c");
    cw_bin(&b.w, noise, bytes);
    while (sock_send(s->k.sock, NULL, s->k.out.data, s->k.out.len) != 0)
        poll(NULL, 0, 1);
    free(noise);
}

static bool warned(struct stage *s)
{
    char text[200] = "";
    struct span head = cmap_value(ask_view(&s->op, "summary"), "head");
    return cmap_strcpy(head, "warning", text, sizeof text) && *text;
}

static void await_warning(struct stage *s, bool want)
{
    int64_t until = clock_mono_ns() + DEADLINE;
    while (warned(s) != want) {
        assert_true(clock_mono_ns() < until);
        poll(NULL, 0, 5);
    }
}

static void note(struct stage *s, const char *text)
{
    struct codec_writer w = tester_begin(&s->op, MSG_SEND);
    char state[16] = "";
    cw_map(&w, 4);
    cw_kstr(&w, "verb", "note");
    cw_kstr(&w, "target", "0");
    cw_str(&w, "args");
    cw_map(&w, 1);
    cw_kstr(&w, "text", text);
    cw_kbool(&w, "wait", true);
    tester_send(&s->op);
    assert_int_equal(tester_answer(&s->op)->kind, MSG_RESULT);
    cmap_strcpy(s->op.m.body, "state", state, sizeof state);
    assert_string_equal(state, "applied");
}

static int reports_in(const char *path, int64_t step)
{
    struct recording_reader *r = rec_open(path, NULL);
    struct event ev;
    int n = 0;
    assert_non_null(r);
    while (rec_next(r, &ev, NULL) == 1)
        n += ev.kind == EV_REPORT && cmap_int(ev.body, "step", -1) == step;
    rec_close(r);
    return n;
}

static void agents_wait_people_steer_and_it_clears(void **state)
{
    (void)state;
    struct stage s = {0};
    open_stage(&s, "size=8m");
    fill_up(&s);
    send_noise(&s, 2, 500000);
    await_warning(&s, true);
    for (int64_t seq = 3; seq <= 10; seq++)
        send_noise(&s, seq, 10000);
    assert_false(tester_await(&s.k, match_ack, s.l.run, 300 * CLOCK_MS));
    note(&s, "the disk is full");
    note(&s, "and I can still say so");
    free_up(&s);
    await_ack(&s.k, &s.l, 10);
    await_warning(&s, false);
    for (int64_t seq = 2; seq <= 10; seq++)
        assert_int_equal(reports_in(s.recording, seq), 1);
    close_stage(&s);
}

static bool match_error(const struct message *m, int64_t arg)
{
    (void)arg;
    return m->kind == MSG_ERROR;
}

/* What the hub has no room to hold it does not take: the agent is sent back to hello, which is answered when
 * the disk is well. */
static void an_agent_with_more_than_the_hub_can_hold_comes_again_later(void **state)
{
    (void)state;
    struct stage s = {0};
    int64_t seq = 1, dropped;
    open_stage(&s, "size=8m");
    fill_up(&s);
    send_noise(&s, ++seq, 500000);
    await_warning(&s, true);
    while (!tester_await(&s.k, match_error, 0, CLOCK_MS)) {
        assert_true(seq < 100);
        send_noise(&s, ++seq, 1000000);
    }
    tester_close(&s.k);
    free_up(&s);
    await_warning(&s, false);
    tester_open(&s.k, &s.f, ROLE_AGENT, getpid());
    worker_join_with(&s.k, getpid(), 1, &s.l, 1, &dropped);
    assert_int_equal(dropped, 0);
    struct batch b = batch_begin(&s.k, &s.l, 2, 1);
    batch_report(&b, 2, 0.5);
    tester_send(&s.k);
    await_ack(&s.k, &s.l, 2);
    assert_int_equal(reports_in(s.recording, 2), 1);
    close_stage(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agents_wait_people_steer_and_it_clears),
        cmocka_unit_test(an_agent_with_more_than_the_hub_can_hold_comes_again_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
