/* hypertop.conf: what is compiled in reads back as itself, what a person writes takes effect, and each bad line is one error at its
 * column while the rest counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tui/config.h"
#include "tui/key_name.h"
#include "tui/keymap.h"
#include "tui/theme.h"

static struct config config;

static void read_text(const char *text)
{
    config_release(&config);
    config_init(&config);
    config_parse(&config, text, strlen(text), "c");
}

static int teardown(void **state)
{
    config_release(&config);
    config_init(&config);
    config_release(&config);
    return 0;
}

static void what_is_printed_reads_back_as_itself(void **state)
{
    struct buf text = {0};
    struct theme_look before[ST_COUNT];
    config_init(&config);
    for (int i = 0; i < ST_COUNT; i++)
        before[i] = *theme_look((enum theme_role)i);
    config_print(&text);
    read_text(buf_cstr(&text));
    if (config.n_errors)
        fail_msg("%s", buf_cstr(&config.errors));
    int n, n_menu, n_now;
    const struct key_row *rows = keymap_default_rows(&n);
    for (int i = 0; i < n; i++)
        for (int s = 0; s < SCREEN_COUNT; s++) {
            if (!(rows[i].on & 1u << s))
                continue;
            const struct key_row *now = keymap_find((enum screen_id)s, rows[i].key);
            assert_non_null(now);
            assert_int_equal(now->action, rows[i].action);
            assert_int_equal(now->arg, rows[i].arg);
            if (rows[i].text)
                assert_int_equal(now->guard, rows[i].guard);
        }
    const struct menu_row *m = keymap_default_menu(&n_menu), *menu = keymap_menu(&n_now);
    assert_int_equal(n_now, n_menu);
    for (int i = 0; i < n_menu; i++) {
        bool found = false;
        for (int k = 0; k < n_now && !found; k++)
            found = menu[k].key == m[i].key && menu[k].verb == m[i].verb && strcmp(menu[k].line, m[i].line) == 0;
        if (!found)
            fail_msg("menu letter %c (%s) is lost", m[i].key, m[i].line);
    }
    for (int i = 0; i < ST_COUNT; i++)
        assert_memory_equal(theme_look((enum theme_role)i), &before[i], sizeof before[i]);
    buf_release(&text);
}

static void a_bound_key_has_its_action_guard_and_name(void **state)
{
    read_text("bind overview ! pause\n");
    assert_int_equal(config.n_errors, 0);
    const struct key_row *k = keymap_find(SCREEN_OVER, '!');
    assert_non_null(k);
    assert_int_equal(k->action, ACT_PAUSE);
    assert_int_equal(k->guard, KG_TRIAL_STEER);
    assert_null(keymap_find(SCREEN_AUDIT, '!'));
    k = keymap_find(SCREEN_OVER, 'p');
    assert_non_null(k);
    assert_non_null(strstr(k->show, "!"));
}

static void a_key_means_one_thing_on_a_screen(void **state)
{
    read_text("bind overview f follow\n");
    assert_int_equal(keymap_find(SCREEN_OVER, 'f')->action, ACT_FOLLOW);
    assert_int_equal(keymap_find(SCREEN_REPLAY, 'f')->action, ACT_FREEZE);
    int n, found = 0;
    const struct key_row *rows = keymap_rows(&n);
    for (int i = 0; i < n; i++)
        found += rows[i].key == 'f' && (rows[i].on & ON_OVER);
    assert_int_equal(found, 1);
}

static void a_key_is_taken_away(void **state)
{
    read_text("unbind all q\n");
    assert_null(keymap_find(SCREEN_OVER, 'q'));
    assert_non_null(keymap_find(SCREEN_OVER, 'Q'));
    assert_non_null(keymap_find(SCREEN_OVER, 'Q')->show);
}

static void each_bad_line_is_one_error_at_its_column(void **state)
{
    static const struct {
        const char *line, *error;
    } bad[] = {{"bind overview nokey mark", "c:2:15: no such key"},
               {"bind overview x nosuch", "c:2:17: no such action"},
               {"bind nowhere x mark", "c:2:6: no such screen"},
               {"bind overview,nowhere x mark", "c:2:15: no such screen"},
               {"bind overview x", "c:2:16: something is missing"},
               {"bind audit x mark", "c:2:14: mark means nothing"},
               {"unbind audit &", "c:2:14: & has no meaning"},
               {"menu all a stop %t", "c:2:10: a, y, q"},
               {"menu all y kill %t", "c:2:10: a, y, q"},
               {"menu all X explode %t", "c:2:12: no verb explode"},
               {"color nothing 3", "c:2:7: no such role"},
               {"color best 300", "c:2:12: a colour"},
               {"color best 3 shiny", "c:2:14: bold"},
               {"set colour 3", "c:2:5: no setting"},
               {"set bell loud", "c:2:10: bell is one of on|off"},
               {"bnd overview x mark", "c:2:1: bind, unbind"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf text = {0};
        buf_printf(&text, "# a comment\n%s\nset bell off\n", bad[i].line);
        read_text(buf_cstr(&text));
        assert_int_equal(config.n_errors, 1);
        if (strncmp(buf_cstr(&config.errors), bad[i].error, strlen(bad[i].error)) != 0)
            fail_msg("%s: %s", bad[i].line, buf_cstr(&config.errors));
        assert_string_equal(config.bell, "off"); /* the line behind it counts */
        buf_release(&text);
    }
}

static void menu_letters_keep_their_verbs_guard(void **state)
{
    int n;
    read_text("menu overview X kill %t\nmenu overview C clone %t ...\n");
    assert_int_equal(config.n_errors, 0);
    const struct menu_row *m = keymap_menu(&n);
    assert_int_equal(m[n - 2].key, 'X');
    assert_int_equal(verb_info(m[n - 2].verb)->guard, VG_FINAL);
    assert_string_equal(m[n - 1].line, "clone %t ");
}

static void colours_and_rules_are_taken(void **state)
{
    read_text("color best 208 3 bold underline\nrule val_loss is nan\nset exec notify-send \"$HYPERTOP_ALERT_TEXT\"\n");
    assert_int_equal(config.n_errors, 0);
    const struct theme_look *l = theme_look(ST_BEST);
    assert_int_equal(l->c256, 208);
    assert_int_equal(l->c8, 3);
    assert_int_equal(l->color, LOOK_BOLD | LOOK_UNDERLINE);
    assert_int_equal(config.n_rules, 1);
    assert_string_equal(config.rules[0], "val_loss is nan");
    assert_string_equal(config.exec, "notify-send \"$HYPERTOP_ALERT_TEXT\"");
}

static void every_key_has_a_name_that_reads_back(void **state)
{
    char name[KEY_NAME];
    int n;
    const struct key_row *rows = keymap_default_rows(&n);
    for (int i = 0; i < n; i++)
        assert_int_equal(key_parse(key_name(rows[i].key, name)), rows[i].key);
    assert_int_equal(key_parse("^P"), KEY_CTRL('p'));
    assert_int_equal(key_parse("C-p"), KEY_CTRL('p'));
    assert_int_equal(key_parse("s-left"), KX_SLEFT);
    assert_int_equal(key_parse("ab"), KEY_NONE_);
    assert_int_equal(key_parse(""), KEY_NONE_);
}

static void garbage_does_no_harm(void **state)
{
    char text[4000];
    uint32_t r = 7;
    static const char words[] = "bind unbind menu color set rule all overview , . \n \t # q kill %t ... 255 bold \x01\xff";
    for (int round = 0; round < 300; round++) {
        size_t n = 0;
        while (n < sizeof text - 1) {
            r = r * 1664525u + 1013904223u;
            text[n++] = words[(r >> 10) % (sizeof words - 1)];
        }
        text[n] = '\0';
        read_text(text);
        assert_true(config.n_errors > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_is_printed_reads_back_as_itself, teardown),
        cmocka_unit_test_teardown(a_bound_key_has_its_action_guard_and_name, teardown),
        cmocka_unit_test_teardown(a_key_means_one_thing_on_a_screen, teardown),
        cmocka_unit_test_teardown(a_key_is_taken_away, teardown),
        cmocka_unit_test_teardown(each_bad_line_is_one_error_at_its_column, teardown),
        cmocka_unit_test_teardown(menu_letters_keep_their_verbs_guard, teardown),
        cmocka_unit_test_teardown(colours_and_rules_are_taken, teardown),
        cmocka_unit_test_teardown(every_key_has_a_name_that_reads_back, teardown),
        cmocka_unit_test_teardown(garbage_does_no_harm, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
