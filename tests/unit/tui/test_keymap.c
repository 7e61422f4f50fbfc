/* The rules of the key table, and that the manual says what the table says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tui/keymap.h"
#include "tui/palette.h"

/* What these keys mean is promised for every screen that has them. */
static void families_keep_their_meaning(void **state)
{
    static const struct {
        int key;
        enum action action;
    } promised[] = {{'[', ACT_PREV_EVENT}, {']', ACT_NEXT_EVENT}, {'+', ACT_MORE},   {'-', ACT_LESS},
                    {'m', ACT_SHOWN},      {'x', ACT_X_AXIS},     {'y', ACT_LOG_Y},  {'u', ACT_UNDO},
                    {'a', ACT_MENU},       {':', ACT_COMMAND},    {'?', ACT_HELP},   {'q', ACT_QUIT},
                    {'Q', ACT_QUIT},       {'f', ACT_FREEZE},     {'F', ACT_FOLLOW}, {'/', ACT_FILTER},
                    {'p', ACT_PAUSE},      {'z', ACT_ZOOM},       {'w', ACT_SMOOTH}, {'e', ACT_EDIT}};
    int n;
    const struct key_row *rows = keymap_rows(&n);
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof promised / sizeof *promised; k++)
            if (rows[i].key == promised[k].key && rows[i].action != promised[k].action)
                fail_msg("key %c means something else on some screen", rows[i].key);
}

/* A key of all screens is nobody's own; a key of some screens means one thing wherever it is. Capitals are the screens' own and
 * may differ, and so may Space (marks in the table, plays on the bar: both are its habit there). */
static void one_key_one_meaning(void **state)
{
    int n;
    const struct key_row *rows = keymap_rows(&n);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++) {
            if (rows[i].key != rows[k].key)
                continue;
            if (rows[i].on & rows[k].on)
                fail_msg("key %d stands twice for one screen", rows[i].key);
            bool own = rows[i].key == ' ' || (rows[i].key >= 'A' && rows[i].key <= 'Z');
            if (!own && rows[i].action != rows[k].action)
                fail_msg("key %d means two things", rows[i].key);
        }
}

static void only_reversible_letters_stand_outside_the_menu(void **state)
{
    int n;
    const struct key_row *rows = keymap_rows(&n);
    for (int i = 0; i < n; i++) {
        bool steers = rows[i].guard == KG_STEER || rows[i].guard == KG_TRIAL_STEER;
        bool known = rows[i].action == ACT_MENU || rows[i].action == ACT_PAUSE ||
                     rows[i].action == ACT_EDIT || rows[i].action == ACT_CHECKPOINT ||
                     rows[i].action == ACT_MORE || rows[i].action == ACT_LESS;
        if (steers && !known)
            fail_msg("key %d steers outside the a menu", rows[i].key);
    }
}

/* aa, dd, kk: no entry is reached by pressing the key that opened the menu, and none is confirmed by its own
 * letter. */
static void no_menu_letter_opens_or_confirms(void **state)
{
    int n;
    const struct menu_row *m = keymap_menu(&n);
    for (int i = 0; i < n; i++) {
        assert_int_not_equal(m[i].key, 'a');
        assert_int_not_equal(m[i].key, 'y');
        assert_int_not_equal(m[i].key, 'q');
        for (int k = 0; k < i; k++)
            if (m[i].key == m[k].key && (m[i].on & m[k].on))
                fail_msg("menu letter %c stands twice", m[i].key);
    }
}

static void every_verb_can_be_reached_by_key(void **state)
{
    int n;
    const struct menu_row *m = keymap_menu(&n);
    for (int v = 1; v < VERB_COUNT; v++) {
        bool found = v == VERB_UNDO;
        for (int i = 0; i < n; i++)
            found = found || (int)m[i].verb == v;
        if (!found)
            fail_msg("verb %s has no key", verb_info((enum verb)v)->name);
    }
}

static void menu_lines_name_their_verb(void **state)
{
    int n;
    const struct menu_row *m = keymap_menu(&n);
    for (int i = 0; i < n; i++) {
        const char *name = verb_info(m[i].verb)->name;
        assert_memory_equal(m[i].line, name, strlen(name));
        assert_true(m[i].text[0] != '\0');
    }
}

static void aliases_stand_behind_what_they_are_an_alias_of(void **state)
{
    int n;
    const struct key_row *rows = keymap_rows(&n);
    assert_non_null(rows[0].show);
    for (int i = 1; i < n; i++)
        if (!rows[i].show)
            assert_int_equal(rows[i].action, rows[i - 1].action);
        else
            assert_non_null(rows[i].text);
}

static void every_console_command_has_a_name_and_a_sentence_and_is_no_verb(void **state)
{
    int n;
    const struct palette_command *k = palette_commands(&n);
    for (int i = 0; i < n; i++) {
        assert_null(verb_find(k[i].name));
        assert_true(k[i].text[0] != '\0');
    }
}

static char *read_manual(void)
{
    const char *root = getenv("HYPERTOP_ROOT");
    char path[500];
    struct buf b = {0};
    snprintf(path, sizeof path, "%s/man/hypertop-console.7", root ? root : ".");
    FILE *f = fopen(path, "r");
    if (!f)
        return NULL;
    for (int ch; (ch = fgetc(f)) != EOF;)
        buf_putc(&b, ch);
    fclose(f);
    return buf_take(&b);
}

static void expect_in_manual(const char *manual, const char *fmt, const char *a)
{
    char want[300];
    snprintf(want, sizeof want, fmt, a);
    if (!strstr(manual, want))
        fail_msg("man/hypertop-console.7 lacks: %s", want);
}

static void the_manual_lists_every_key_and_command(void **state)
{
    char *manual = read_manual();
    int n;
    if (!manual)
        fail_msg("man/hypertop-console.7 cannot be read; run from the checkout or set HYPERTOP_ROOT");
    const struct key_row *rows = keymap_rows(&n);
    for (int i = 0; i < n; i++)
        if (rows[i].text && strchr(rows[i].text, '\\') == NULL)
            expect_in_manual(manual, "%s", rows[i].text);
    const struct menu_row *m = keymap_menu(&n);
    for (int i = 0; i < n; i++)
        expect_in_manual(manual, "%s", m[i].text);
    const struct palette_command *k = palette_commands(&n);
    for (int i = 0; i < n; i++)
        expect_in_manual(manual, ".It Ic %s", k[i].name);
    free(manual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_keep_their_meaning),
        cmocka_unit_test(one_key_one_meaning),
        cmocka_unit_test(only_reversible_letters_stand_outside_the_menu),
        cmocka_unit_test(no_menu_letter_opens_or_confirms),
        cmocka_unit_test(every_verb_can_be_reached_by_key),
        cmocka_unit_test(menu_lines_name_their_verb),
        cmocka_unit_test(aliases_stand_behind_what_they_are_an_alias_of),
        cmocka_unit_test(every_console_command_has_a_name_and_a_sentence_and_is_no_verb),
        cmocka_unit_test(the_manual_lists_every_key_and_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
