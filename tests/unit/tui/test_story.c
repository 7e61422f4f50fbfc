/* A sweep told as lines: every trial's end once, in order, whatever it is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/tui/fake_hub.h"
#include "tui/client.h"
#include "tui/story.h"

#define TRIALS 300
#define NOON   (INT64_C(1767355200) * CLOCK_S)

/* The fake's sweep: trials 0..n-1, each with a state; trial i last changed at NOON + i seconds. */
static struct {
    int n;
    const char *states[TRIALS];
    const char *sweep_state;
    int best;
    int64_t sub_summary;
    int version;
    const char *name;
} sweep;

static int count_of(const char *state)
{
    int n = 0;
    for (int i = 0; i < sweep.n; i++)
        n += strcmp(sweep.states[i], state) == 0;
    return n;
}

static void put_summary(struct fake_hub *h)
{
    static const char *const states[] = {"waiting", "running", "done", "failed"};
    struct codec_writer w;
    fake_hub_begin(h, &w, MSG_VIEW_DATA, sweep.sub_summary);
    cw_map(&w, 4);
    cw_kint(&w, "sub", sweep.sub_summary);
    cw_kbool(&w, "full", true);
    cw_kint(&w, "count", 0);
    cw_str(&w, "head");
    cw_map(&w, 7);
    cw_kstr(&w, "sweep", sweep.name);
    cw_kstr(&w, "state", sweep.sweep_state);
    cw_kstr(&w, "metric", "val_loss");
    cw_kint(&w, "budget", TRIALS);
    cw_str(&w, "counts");
    cw_map(&w, 4);
    for (int i = 0; i < 4; i++)
        cw_kint(&w, states[i], count_of(states[i]));
    if (sweep.best >= 0) {
        cw_kdouble(&w, "best", 1.0 / (1 + sweep.best));
        cw_kint(&w, "best_trial", sweep.best);
    } else {
        cw_knil(&w, "best");
        cw_knil(&w, "best_trial");
    }
    fake_hub_send(h);
}

static void put_trials(struct fake_hub *h, const struct message *m)
{
    struct codec_writer w;
    int from = (int)cmap_int(m->body, "from", 0), rows = (int)cmap_int(m->body, "rows", 0);
    int n = sweep.n - from < rows ? sweep.n - from : rows;
    char sort[16];
    cmap_strcpy(m->body, "sort", sort, sizeof sort);
    assert_string_equal(sort, "-changed");
    fake_hub_begin(h, &w, MSG_VIEW_DATA, m->id);
    cw_map(&w, 4);
    cw_kint(&w, "sub", m->id);
    cw_kbool(&w, "full", true);
    cw_kint(&w, "count", sweep.n);
    cw_str(&w, "parts");
    cw_array(&w, n > 0 ? (size_t)n : 0);
    for (int i = 0; i < n; i++) {
        int trial = sweep.n - 1 - from - i;
        cw_array(&w, 2);
        cw_int(&w, i);
        cw_map(&w, 4);
        cw_kint(&w, "trial", trial);
        cw_kstr(&w, "state", sweep.states[trial]);
        cw_kdouble(&w, "value", 0.5);
        cw_kint(&w, "changed", NOON + (sweep.version * TRIALS + trial) * CLOCK_S);
    }
    fake_hub_send(h);
}

static void put_events(struct fake_hub *h, const struct message *m)
{
    struct codec_writer w;
    fake_hub_begin(h, &w, MSG_VIEW_DATA, m->id);
    cw_map(&w, 2);
    cw_kint(&w, "count", 1);
    cw_str(&w, "parts");
    cw_array(&w, 1);
    cw_array(&w, 2);
    cw_int(&w, 0);
    cw_map(&w, 2);
    cw_kstr(&w, "kind", "fail");
    cw_kstr(&w, "text", "exit status 3\x07");
    fake_hub_send(h);
}

static void on_ask(struct fake_hub *h, const struct message *m)
{
    char view[32];
    cmap_strcpy(m->body, "view", view, sizeof view);
    if (m->kind == MSG_SUB && strcmp(view, "summary") == 0) {
        sweep.sub_summary = m->id;
        put_summary(h);
    } else if (m->kind == MSG_VIEW && strcmp(view, "trials") == 0) {
        put_trials(h, m);
    } else if (m->kind == MSG_VIEW && strcmp(view, "events") == 0) {
        put_events(h, m);
    }
}

struct told {
    struct buf text;
    int kinds[STORY_WARNING + 1];
};

static void on_line(void *arg, enum story_kind kind, const char *line)
{
    struct told *t = arg;
    buf_printf(&t->text, "%s\n", line);
    t->kinds[kind]++;
}

struct scene {
    struct fake_hub hub;
    struct client *c;
    struct story *f;
    struct told told;
};

static void open_scene(struct scene *s, bool quiet)
{
    char *cause = NULL;
    struct client_options o = {.hub = "test", .beat_ns = 50 * CLOCK_MS};
    setenv("TZ", "UTC", 1);
    fake_hub_start(&s->hub, "test");
    s->c = client_open(&o, &cause);
    assert_non_null(s->c);
    s->f = story_open(s->c, "", quiet, on_line, &s->told);
}

static bool turn(struct scene *s)
{
    client_wait(s->c, clock_mono_ns() + 5 * CLOCK_MS);
    story_pump(s->f);
    return true;
}

#define UNTIL(s, condition)                                                                                  \
    do {                                                                                                     \
        int64_t until_ = clock_mono_ns() + 10 * CLOCK_S;                                                     \
        while (turn(s) && !(condition))                                                                      \
            assert_true(clock_mono_ns() < until_);                                                           \
    } while (0)

static void change(struct scene *s, void (*what)(void))
{
    fake_hub_enter(&s->hub);
    sweep.version++;
    what();
    put_summary(&s->hub);
    fake_hub_exit(&s->hub);
}

static int setup(void **state)
{
    struct scene *s = MEM_NEW(struct scene);
    memset(&sweep, 0, sizeof sweep);
    sweep.name = "digits\x1b[31m";
    sweep.sweep_state = "running";
    sweep.best = -1;
    fake_hub_room(&s->hub);
    s->hub.on = on_ask;
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    story_close(s->f);
    client_close(s->c);
    fake_hub_leave(&s->hub);
    buf_release(&s->told.text);
    free(s);
    return 0;
}

static void all_run(void)
{
    sweep.n = TRIALS;
    for (int i = 0; i < TRIALS; i++)
        sweep.states[i] = "running";
}

static void all_done(void)
{
    for (int i = 0; i < TRIALS; i++)
        sweep.states[i] = "done";
    sweep.best = 42;
}

static void sweep_done(void)
{
    sweep.sweep_state = "done";
}

static void a_burst_larger_than_a_page_loses_no_line(void **state)
{
    struct scene *s = *state;
    struct story_summary sum;
    char line[80];
    open_scene(s, false);
    change(s, all_run);
    UNTIL(s, s->told.kinds[STORY_STARTED] == TRIALS);
    change(s, all_done);
    UNTIL(s, s->told.kinds[STORY_ENDED] == TRIALS);
    for (int i = 0; i < TRIALS; i++) {
        snprintf(line, sizeof line, " t%d done val_loss 0.5\n", i);
        const char *at = strstr(buf_cstr(&s->told.text), line);
        assert_non_null(at);
        assert_null(strstr(at + 1, line));
    }
    UNTIL(s, strstr(buf_cstr(&s->told.text), " t42 val_loss 0.023256 new best\n")); /* from another view */
    story_summary(s->f, &sum);
    assert_false(sum.over);
    change(s, sweep_done);
    UNTIL(s, (story_summary(s->f, &sum), sum.over));
    assert_int_equal(sum.done, TRIALS);
    assert_int_equal(sum.best_trial, 42);
    assert_non_null(strstr(buf_cstr(&s->told.text), " sweep digits\\x1b[31m is done\n"));
}

static void one_fails(void)
{
    sweep.n = 1;
    sweep.states[0] = "failed";
}

static void a_failed_trial_is_told_with_its_reason(void **state)
{
    struct scene *s = *state;
    open_scene(s, false);
    change(s, one_fails);
    UNTIL(s, s->told.kinds[STORY_FAILED] == 1);
    assert_non_null(strstr(buf_cstr(&s->told.text), " t0 failed: exit status 3\\x07\n"));
}

static void what_was_so_before_is_not_news(void **state)
{
    struct scene *s = *state;
    all_run();
    open_scene(s, true);
    struct buf status = {0};
    struct story_summary sum;
    UNTIL(s, (story_summary(s->f, &sum), sum.loaded));
    assert_int_equal(sum.running, TRIALS);
    change(s, all_done);
    UNTIL(s, s->told.kinds[STORY_ENDED] == TRIALS);
    assert_int_equal(s->told.kinds[STORY_STARTED], 0);
    story_status(s->f, &status);
    assert_string_equal(buf_cstr(&status), "300 done of 300, best 0.023256 t42");
    buf_release(&status);
}

static void a_lost_hub_is_told_and_nothing_is_told_twice(void **state)
{
    struct scene *s = *state;
    open_scene(s, false);
    change(s, all_run);
    UNTIL(s, s->told.kinds[STORY_STARTED] == TRIALS);
    fake_hub_stop(&s->hub);
    UNTIL(s, s->told.kinds[STORY_LINK] == 1);
    assert_non_null(strstr(buf_cstr(&s->told.text), "the hub is gone"));
    fake_hub_start(&s->hub, "test");
    UNTIL(s, s->told.kinds[STORY_LINK] == 2);
    change(s, all_done);
    UNTIL(s, s->told.kinds[STORY_ENDED] == TRIALS);
    assert_int_equal(s->told.kinds[STORY_STARTED], TRIALS);
}

static void another_sweep(void)
{
    sweep.name = "other";
    all_run();
    sweep.best = -1;
}

static void a_newer_sweep_starts_the_story_again(void **state)
{
    struct scene *s = *state;
    open_scene(s, false);
    change(s, all_run);
    UNTIL(s, s->told.kinds[STORY_STARTED] == TRIALS);
    change(s, all_done);
    UNTIL(s, s->told.kinds[STORY_ENDED] == TRIALS);
    change(s, another_sweep);
    UNTIL(s, s->told.kinds[STORY_STARTED] == 2 * TRIALS);
    assert_non_null(strstr(buf_cstr(&s->told.text), " sweep other is the newest now\n"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_burst_larger_than_a_page_loses_no_line), T(a_failed_trial_is_told_with_its_reason),
        T(what_was_so_before_is_not_news),           T(a_lost_hub_is_told_and_nothing_is_told_twice),
        T(a_newer_sweep_starts_the_story_again),
    };
    return cmocka_run_group_tests_name("story", tests, NULL, NULL);
}
