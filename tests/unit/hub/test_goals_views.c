/* The views preview and pareto of a real hub: what commands would do, with nothing done; a sweep without several objectives.
 */
#include "tests/unit/hub/hub_fixture.h"

static struct span preview(struct tester *op, const char *words)
{
    struct codec_writer w = tester_begin(op, MSG_VIEW);
    cw_map(&w, 2);
    cw_kstr(&w, "view", "preview");
    cw_kstr(&w, "words", words);
    tester_send(op);
    assert_int_equal(tester_answer(op)->kind, MSG_VIEW_DATA);
    return cmap_value(op->m.body, "head");
}

static void commands_are_previewed_and_nothing_is_done(void **state)
{
    struct fixture f = {0};
    struct tester op;
    char text[300];
    fixture_open(&f);
    tester_open(&op, &f, ROLE_OPERATOR, getpid());
    free(start_sweep(&op, SWEEP_YAML, 3, 20, 0));
    struct span head = preview(&op, "focus lr=0.2..0.4 4");
    assert_true(cmap_bool(head, "ok", false));
    cmap_strcpy(head, "text", text, sizeof text);
    assert_non_null(strstr(text, "0 trials inside"));
    assert_true(cmap_double(head, "share", NAN) > 0.4);
    head = preview(&op, "ban opt=sgd");
    assert_true(cmap_double(head, "share", NAN) == 0);
    head = preview(&op, "ban opt=sgd|adam");
    assert_false(cmap_bool(head, "ok", true));
    cmap_strcpy(head, "message", text, sizeof text);
    assert_non_null(strstr(text, "nothing would be left"));
    head = preview(&op, "space lr=0.1..0.2 -opt");
    cmap_strcpy(head, "text", text, sizeof text);
    assert_non_null(strstr(text, "space version 2: 0 of 0 trials outside"));
    head = preview(&op, "freeze lx");
    assert_false(cmap_bool(head, "ok", true));
    head = preview(&op, "frobnicate");
    assert_false(cmap_bool(head, "ok", true));
    head = cmap_value(ask_view(&op, "summary"), "head");
    assert_int_equal(cmap_int(head, "space_version", 0), 1);
    assert_int_equal(cmap_int(head, "trials", -1), 0);
    tester_close(&op);
    fixture_close(&f);
}

static void a_sweep_without_goals_says_how_to_get_them(void **state)
{
    struct fixture f = {0};
    struct tester op;
    char text[300];
    fixture_open(&f);
    tester_open(&op, &f, ROLE_OPERATOR, getpid());
    free(start_sweep(&op, SWEEP_YAML, 3, 20, 0));
    struct span head = cmap_value(ask_view(&op, "pareto"), "head");
    assert_false(cmap_bool(head, "enough", true));
    cmap_strcpy(head, "why", text, sizeof text);
    assert_non_null(strstr(text, "one objective"));
    tester_close(&op);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_previewed_and_nothing_is_done),
        cmocka_unit_test(a_sweep_without_goals_says_how_to_get_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
