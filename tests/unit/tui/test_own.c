/* What is a person's own in the console: columns, groups, pane sizes, the sweep's arrangement, search in the log, redo, what others did
 * and what fired. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tui/console_fixture.h"
#include "tui/config.h"

static int teardown(void **state)
{
    stop();
    keymap_reset();
    theme_reset();
    return 0;
}

/* What the console asks for under a name. */
static struct span asked(const char *view)
{
    for (struct fake_view *f = fake_views; f; f = f->next) {
        struct span r = {(char *)f->request.data, f->request.len};
        if (span_eq(cmap_str(r, "view"), view))
            return r;
    }
    return (struct span){NULL, 0};
}

static void command(const char *line)
{
    press_key(':');
    type(line);
    press_key(KX_ENTER);
}

static void a_chosen_column_is_asked_for_and_shown(void **state)
{
    start(false, 160, 48);
    command("column grad_norm");
    struct span list = cmap_value(asked("trials"), "extra");
    assert_non_null(list.p);
    struct codec_reader r;
    cr_init(&r, list.p, list.n);
    assert_int_equal(cr_array(&r), 1);
    assert_true(span_eq(cr_str(&r), "grad_norm"));
    assert_true(shows("grad_nor"));
    command("column grad_norm"); /* again: away */
    assert_null(cmap_value(asked("trials"), "extra").p);
}

static void columns_are_chosen_moved_sorted_and_reset(void **state)
{
    start(false, 160, 48);
    press_key('c');
    assert_true(shows("Space on/off"));
    press_key(' '); /* the first goes: the choice becomes the person's own */
    assert_true(con.table.cols.own);
    int n = con.table.cols.n;
    char first[COLUMNS_NAME], second[COLUMNS_NAME];
    row_format(first, sizeof first, "%s", con.table.cols.name[0]);
    row_format(second, sizeof second, "%s", con.table.cols.name[1]);
    press_key('J');
    assert_string_equal(con.table.cols.name[0], second);
    assert_string_equal(con.table.cols.name[1], first);
    press_key('s');
    assert_string_equal(con.table.sort, first);
    press_key('r');
    assert_false(con.table.cols.own);
    assert_int_equal(con.table.cols.n, 0);
    assert_true(n > 3);
    press_key(KX_ESC);
    assert_false(shows("Space on/off"));
}

static void groups_are_asked_for_and_no_action_hits_one(void **state)
{
    start(false, 80, 24);
    command("group lr");
    assert_true(span_eq(cmap_str(asked("trials"), "group"), "lr"));
    con.table.follow = false;
    con.table.sel_group = -77; /* as when a group's line is selected */
    press_key('p');
    assert_int_equal(con.act.n_holds, 0);
    assert_true(shows("a group is selected"));
    press_key('a');
    press_key('p');
    assert_int_equal(con.act.n_holds, 0);
    press_key(KX_ESC);
    press_key(KX_ENTER);
    assert_int_equal(con.screen, SCREEN_OVER);
    assert_int_equal(con.table.n_folded, 1);
    struct span folded = cmap_value(asked("trials"), "folded");
    assert_non_null(folded.p);
}

static void the_arrangement_reads_back_as_itself(void **state)
{
    struct buf text = {0}, again = {0};
    start(false, 160, 48);
    command("column wd");
    command("column 'loss of the moment'");
    command("sort -wd");
    command("group lr");
    press_key(')');
    press_key('^');
    own_layout_text(&con, &text);
    assert_non_null(strstr(buf_cstr(&text), "sort -wd\n"));
    assert_non_null(strstr(buf_cstr(&text), "column wd\n"));
    assert_non_null(strstr(buf_cstr(&text), "sort -wd\n"));
    stop();
    start(false, 160, 48);
    own_layout_apply(&con, (char *)text.data, text.len);
    own_layout_text(&con, &again);
    assert_string_equal(buf_cstr(&text), buf_cstr(&again));
    frame();
    buf_release(&text);
    buf_release(&again);
}

static void garbage_is_no_arrangement(void **state)
{
    static const char junk[] = "column \nsort \nsplit Overview 99999 -3\nsplit\ncolumns own\ncolumn a\ncolumn a\n\xff\xfe\n";
    start(false, 160, 48);
    own_layout_apply(&con, junk, sizeof junk - 1);
    frame();
    assert_int_equal(con.own.split[SCREEN_OVER][0], 0);
    assert_int_equal(con.table.cols.n, 1);
}

static void panes_change_their_size_within_bounds(void **state)
{
    start(false, 160, 48);
    char *before = screen_text();
    for (int i = 0; i < 300; i++)
        press_key(')');
    char *wide = screen_text();
    assert_string_not_equal(before, wide);
    assert_true(shows("id")); /* the table is still there */
    for (int i = 0; i < 600; i++)
        press_key('(');
    assert_true(shows("val_loss"));
    free(before);
    free(wide);
}

static void the_log_is_searched_by_the_hub(void **state)
{
    start(false, 80, 24);
    press_key('5');
    press_key('/');
    type("saved");
    assert_int_equal(con.prompt.kind, PROMPT_SEARCH);
    press_key(KX_ENTER);
    assert_true(span_eq(cmap_str(asked("text"), "find"), "saved"));
    press_key(KX_ESC);
    assert_null(cmap_str(asked("text"), "find").p);
}

static void what_was_taken_back_is_done_again(void **state)
{
    start(false, 80, 24);
    press_key('p');
    assert_int_equal(con.act.n_holds, 1);
    char line[PROMPT_CAP];
    row_format(line, sizeof line, "%s", con.act.holds[0].line);
    press_key('u');
    assert_int_equal(con.act.n_holds, 0);
    press_key(KEY_CTRL('r'));
    assert_int_equal(con.act.n_holds, 1); /* with its hold, as if typed anew */
    assert_string_equal(con.act.holds[0].line, line);
    assert_int_equal(fake.sends, 0);
    press_key('u');
    press_key(KEY_CTRL('r'));
    pass(6 * CLOCK_S);
    assert_string_equal(fake.last, line);
}

static void a_key_is_described(void **state)
{
    start(false, 80, 24);
    command("describe p");
    assert_true(shows("pause a running trial"));
    command("describe %");
    assert_true(shows("means nothing on this screen"));
    command("describe nokey");
    assert_true(con.prompt.error[0]);
}

static void charsets_change_the_curves(void **state)
{
    start(false, 160, 48);
    own_charset_apply(&con, &screen);
    frame();
    char *braille = screen_text();
    command("charset ascii");
    own_charset_apply(&con, &screen);
    frame();
    char *ascii = screen_text();
    for (const char *p = ascii; *p; p++)
        assert_true((unsigned char)*p < 128);
    command("charset blocks");
    own_charset_apply(&con, &screen);
    frame();
    char *blocks = screen_text();
    assert_string_not_equal(braille, blocks);
    for (const char *p = blocks; *p; p++) /* U+2800..28FF begins with e2 a0..a3 */
        assert_false((unsigned char)p[0] == 0xe2 && (unsigned char)p[1] >= 0xa0 && (unsigned char)p[1] <= 0xa3);
    free(braille);
    free(ascii);
    free(blocks);
}

static void a_locale_without_more_stays_ascii(void **state)
{
    start(true, 80, 24);
    command("charset braille");
    assert_true(strstr(con.prompt.error, "only ASCII") != NULL);
}

static void a_filters_error_stands_above_its_character(void **state)
{
    start(false, 80, 24);
    press_key('/');
    type("!r<!");
    bool found = false;
    for (int x = 0; x < cols; x++)
        found = found || (canvas_at(&screen, x, rows - 2)->cp == 0x25bc && x == 4);
    assert_true(found);
    assert_true(shows("is not a comparison"));
}

static void a_bound_key_works_and_help_says_so(void **state)
{
    struct config k;
    config_init(&k);
    config_parse(&k, "bind all ! command\nbnd\n", 23, "/x/hypertop.conf");
    struct console_options o = {.user = "alice", .config = &k};
    start_with(false, 80, 24, &o);
    assert_true(shows("hypertop.conf:2:1"));
    press_key('!');
    assert_int_equal(con.prompt.kind, PROMPT_COMMAND);
    press_key(KX_ESC);
    assert_non_null(strstr(keymap_find(SCREEN_OVER, ':')->show, "!"));
    config_release(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_chosen_column_is_asked_for_and_shown, teardown),
        cmocka_unit_test_teardown(columns_are_chosen_moved_sorted_and_reset, teardown),
        cmocka_unit_test_teardown(groups_are_asked_for_and_no_action_hits_one, teardown),
        cmocka_unit_test_teardown(the_arrangement_reads_back_as_itself, teardown),
        cmocka_unit_test_teardown(garbage_is_no_arrangement, teardown),
        cmocka_unit_test_teardown(panes_change_their_size_within_bounds, teardown),
        cmocka_unit_test_teardown(the_log_is_searched_by_the_hub, teardown),
        cmocka_unit_test_teardown(what_was_taken_back_is_done_again, teardown),
        cmocka_unit_test_teardown(a_key_is_described, teardown),
        cmocka_unit_test_teardown(charsets_change_the_curves, teardown),
        cmocka_unit_test_teardown(a_locale_without_more_stays_ascii, teardown),
        cmocka_unit_test_teardown(a_filters_error_stands_above_its_character, teardown),
        cmocka_unit_test_teardown(a_bound_key_works_and_help_says_so, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
