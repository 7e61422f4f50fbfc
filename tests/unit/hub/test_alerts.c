/* Alerts: the language and its errors, what fires and when, and that firings follow from the log however it is looked at. */
#include "tests/unit/hub/views_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "hub/alerts.h"

/* ---- the language ---- */

static void rules_are_read(void **state)
{
    static const struct {
        const char *text;
        enum alert_kind kind;
        bool pause, where;
    } good[] = {{"val_loss is nan", ALERT_NAN, false, false},
                {"gpu.power > 300", ALERT_COMPARE, false, false},
                {"gpu.power>=3e2 then pause", ALERT_COMPARE, true, false},
                {"\"my metric\" != 0", ALERT_COMPARE, false, false},
                {"no point for 10m", ALERT_SILENT, false, false},
                {"  best   improves ", ALERT_BEST, false, false},
                {"state is failed where lr<1e-3 tag:base", ALERT_STATE, false, true},
                {"loss > 1 where state=running then pause", ALERT_COMPARE, true, true},
                {"state > 3", ALERT_COMPARE, false, false}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct alert_rule r;
        char *cause = NULL;
        if (alert_rule_parse(&r, good[i].text, &cause) < 0)
            fail_msg("%s: %s", good[i].text, cause);
        assert_int_equal(r.kind, good[i].kind);
        assert_int_equal(r.pause, good[i].pause);
        assert_int_equal(r.where != NULL, good[i].where);
        alert_rule_release(&r);
    }
}

static void errors_name_the_column(void **state)
{
    static const struct {
        const char *text, *error;
    } bad[] = {{"", "at column 1"},
               {"val_loss", "a name alone is no rule"},
               {"val_loss is", "at column 12"},
               {"val_loss is big", "at column 13"},
               {"val_loss > many", "a number is expected at column 12"},
               {"val_loss ~ 3", "at column 10"},
               {"no point", "at column 9"},
               {"no point for ever", "a time is expected: 30s, 10m, 2h at column 14"},
               {"state is broken", "no such state"},
               {"best improves then pause", "no reason to pause at column 20"},
               {"loss > 1 then stop", "`pause` is expected: the one thing that a rule may do at column 15"},
               {"loss > 1 when", "at column 10"},
               {"loss > 1 where lr<x", "at column 19"},
               {"\"open > 1", "an open quote at column 1"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct alert_rule r;
        char *cause = NULL;
        if (alert_rule_parse(&r, bad[i].text, &cause) == 0)
            fail_msg("'%s' is taken", bad[i].text);
        if (!strstr(cause, bad[i].error) || strncmp(cause, "rule: ", 6) != 0)
            fail_msg("'%s': %s", bad[i].text, cause);
        free(cause);
    }
}

static void any_text_is_read_or_refused(void **state)
{
    static const char *const words[] = {"loss", "is", "nan", ">", "<=", "3", "no", "point", "for", "10m", "best", "improves",
                                        "state", "failed", "where", "lr<1", "(", "then", "pause", "\"", "\xff", "|"};
    uint32_t seed = 5;
    for (int round = 0; round < 20000; round++) {
        char text[200] = "";
        size_t n = 0;
        for (int k = 0; k < 7; k++) {
            seed = seed * 1664525u + 1013904223u;
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", words[(seed >> 12) % (sizeof words / sizeof *words)],
                                  seed & 0x800 ? " " : "");
        }
        struct alert_rule r;
        char *cause = NULL;
        if (alert_rule_parse(&r, text, &cause) == 0)
            alert_rule_release(&r);
        else
            assert_non_null(strstr(cause, " at column "));
        free(cause);
    }
}

/* ---- firing ---- */

static int list_of(struct alert_book *b, struct state *s, int64_t t, const char *rule, struct alert **out)
{
    struct sweep_ref ref = {.state = s, .alerts = b, .max_fidelity = -1};
    char *own[] = {(char *)rule}, *cause = NULL;
    int n = alert_list(b, &ref, t, s->last_time, own, 1, out, &cause);
    if (cause)
        fail_msg("%s", cause);
    return n;
}

static const char *const rules[] = {"val_loss > 0.5", "val_loss is nan",  "train_loss < 0.2", "best improves",
                                    "state is failed", "no point for 3s", "val_loss > 0.4 where lr<0.1"};
#define N_RULES (sizeof rules / sizeof *rules)

static void same_lists(const struct alert *a, int n, const struct alert *b, int m)
{
    assert_int_equal(n, m);
    for (int i = 0; i < n; i++) {
        assert_true(a[i].time == b[i].time);
        assert_int_equal(a[i].trial, b[i].trial);
        assert_string_equal(a[i].text, b[i].text);
    }
}

/* Looking after every event tells the same as looking once at the end. */
static void firings_follow_from_the_log_alone(void **state)
{
    int fired = 0;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct random_log *l = log_make(seed, 1500);
        struct state *whole = log_fold(l, STATE_NOW), *step = state_new();
        struct alert_book *once = alert_book_new(), *often = alert_book_new();
        for (int i = 0; i < l->n; i++) {
            struct event ev = log_event(l, i);
            state_apply(step, &ev);
            /* what came at one moment is one batch: nobody looks in the middle of it */
            bool whole_batch = i + 1 == l->n || log_event(l, i + 1).log_time > ev.log_time;
            for (size_t r = 0; r < N_RULES && i % 7 == 0 && whole_batch; r++) {
                struct alert *list;
                list_of(often, step, STATE_NOW, rules[r], &list);
                free(list);
            }
        }
        for (size_t r = 0; r < N_RULES; r++) {
            struct alert *a, *b;
            int n = list_of(once, whole, STATE_NOW, rules[r], &a), m = list_of(often, step, STATE_NOW, rules[r], &b);
            same_lists(a, n, b, m);
            fired += n;
            free(a);
            free(b);
        }
        alert_book_free(once);
        alert_book_free(often);
        state_free(whole);
        state_free(step);
        log_free(l);
    }
    assert_true(fired > 20);
}

/* As of T: what had fired by then, a beginning of what has fired at the end. */
static void the_past_is_a_beginning_of_the_present(void **state)
{
    struct random_log *l = log_make(3, 1500);
    struct state *s = log_fold(l, STATE_NOW);
    struct alert_book *b = alert_book_new();
    for (size_t r = 0; r < N_RULES; r++) {
        struct alert *all, *then;
        int n = list_of(b, s, STATE_NOW, rules[r], &all);
        for (int k = 0; k <= 10; k++) {
            int64_t t = s->first_time + (s->last_time - s->first_time) * k / 10;
            int m = list_of(b, s, t, rules[r], &then);
            assert_true(m <= n);
            same_lists(then, m, all, m);
            for (int i = m; i < n; i++)
                assert_true(all[i].time > t);
            free(then);
        }
        free(all);
    }
    alert_book_free(b);
    state_free(s);
    log_free(l);
}

static void a_rule_fires_when_a_value_comes_to_fulfil_it(void **state)
{
    struct small t;
    struct alert *list;
    small_begin(&t, "minimize");
    struct alert_book *b = alert_book_new();
    int n = list_of(b, t.s, STATE_NOW, "state is failed", &list);
    assert_int_equal(n, 1);
    assert_int_equal(list[0].trial, 2);
    free(list);
    n = list_of(b, t.s, STATE_NOW, "state is failed where trial=1", &list);
    assert_int_equal(n, 0);
    free(list);
    alert_book_free(b);
    small_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_read),
        cmocka_unit_test(errors_name_the_column),
        cmocka_unit_test(any_text_is_read_or_refused),
        cmocka_unit_test(firings_follow_from_the_log_alone),
        cmocka_unit_test(the_past_is_a_beginning_of_the_present),
        cmocka_unit_test(a_rule_fires_when_a_value_comes_to_fulfil_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
