/* access: the whole matrix of roles and messages, computed a second time from the table in proto/message.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hub/access.h"

static const struct {
    enum msg_kind kind;
    const char *roles;
} rows[] = {
#define ROW(e, name, roles, text) {MSG_##e, roles},
    MSG_KINDS(ROW)
#undef ROW
};
static const struct {
    enum msg_role role;
    char letter;
} roles[] = {{ROLE_AGENT, 'A'}, {ROLE_OPERATOR, 'O'}, {ROLE_VIEWER, 'V'}};

static void every_role_may_ask_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < sizeof roles / sizeof *roles; k++) {
            bool table = strchr(rows[i].roles, roles[k].letter) != NULL;
            bool steers = rows[i].kind == MSG_SEND && roles[k].role == ROLE_VIEWER;
            const char *why = access_refuses(rows[i].kind, roles[k].role, roles[k].role, false);
            if (table && !steers)
                assert_null(why);
            else
                assert_non_null(why);
        }
}

static void nothing_but_hello_comes_before_hello(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < sizeof roles / sizeof *roles; k++) {
            const char *why = access_refuses(rows[i].kind, roles[k].role, ROLE_NONE, false);
            if (rows[i].kind == MSG_HELLO)
                assert_null(why);
            else
                assert_non_null(why);
        }
}

static void nobody_changes_his_role_after_hello(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < sizeof roles / sizeof *roles; k++)
            for (size_t j = 0; j < sizeof roles / sizeof *roles; j++)
                if (j != k && rows[i].kind != MSG_HELLO)
                    assert_non_null(access_refuses(rows[i].kind, roles[k].role, roles[j].role, false));
}

static void a_replaying_hub_changes_nothing(void **state)
{
    (void)state;
    int views = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < sizeof roles / sizeof *roles; k++) {
            const char *why = access_refuses(rows[i].kind, roles[k].role, roles[k].role, true);
            if (access_changes(rows[i].kind))
                assert_non_null(why);
            views += !why && (rows[i].kind == MSG_VIEW || rows[i].kind == MSG_SUB);
        }
    assert_int_equal(views, 4); /* view and sub, by operators and viewers */
}

static void a_role_that_does_not_exist_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_non_null(access_refuses(rows[i].kind, ROLE_NONE, ROLE_NONE, false));
        assert_non_null(access_refuses(rows[i].kind, ROLE_HUB, ROLE_HUB, false));
        assert_non_null(access_refuses(rows[i].kind, (enum msg_role)99, ROLE_OPERATOR, false));
    }
}

static void what_starts_or_steers_counts_as_change(void **state)
{
    (void)state;
    assert_true(access_changes(MSG_SEND));
    assert_true(access_changes(MSG_SWEEP_START));
    assert_true(access_changes(MSG_DATA));
    assert_true(access_changes(MSG_WORKER_JOIN));
    assert_true(access_changes(MSG_RUN_ATTACH));
    assert_false(access_changes(MSG_VIEW));
    assert_false(access_changes(MSG_SUB));
    assert_false(access_changes(MSG_PING));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_role_may_ask_what_the_table_says),
        cmocka_unit_test(nothing_but_hello_comes_before_hello),
        cmocka_unit_test(nobody_changes_his_role_after_hello),
        cmocka_unit_test(a_replaying_hub_changes_nothing),
        cmocka_unit_test(a_role_that_does_not_exist_is_refused),
        cmocka_unit_test(what_starts_or_steers_counts_as_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
