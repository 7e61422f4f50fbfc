/* The filter language: what it matches, its errors with their columns, and that no input hurts it. */
#include "hub/filter.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

/* One row: trial 17, running, lr 1e-3, opt Adam, tagged base, noted "look here". */
static struct filter_value get(void *arg, const char *name)
{
    struct filter_value v = {FILTER_ABSENT, NAN, {NULL, 0}};
    static const struct {
        const char *name;
        double x;
    } numbers[] = {{"trial", 17},           {"lr", 1e-3},  {"val_loss", 0.0812}, {"seconds", 12.5},
                   {"started", 1767225600}, {"worse", NAN}};
    (void)arg;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(numbers[i].name, name) == 0)
            v = (struct filter_value){FILTER_NUMBER, numbers[i].x, {NULL, 0}};
    if (strcmp(name, "state") == 0)
        v = (struct filter_value){FILTER_STATE, NAN, {"running", 7}};
    if (strcmp(name, "opt") == 0)
        v = (struct filter_value){FILTER_TEXT, NAN, {"Adam", 4}};
    if (strcmp(name, "layers x") == 0)
        v = (struct filter_value){FILTER_TEXT, NAN, {"3", 1}};
    return v;
}

static bool tagged(void *arg, const char *tag)
{
    (void)arg;
    return strcmp(tag, "base") == 0;
}

static bool says(void *arg, const char *text, bool note_only)
{
    (void)arg;
    bool note = filter_contains((struct span){"look here", 9}, text);
    return note || (!note_only && (filter_contains((struct span){"t17", 3}, text) ||
                                   filter_contains((struct span){"Adam", 4}, text)));
}

static const struct filter_subject row = {NULL, get, tagged, says};

static bool matches(const char *text)
{
    char *cause = NULL;
    struct filter *f = filter_parse(text, &cause);
    if (!f)
        fail_msg("%s: %s", text, cause);
    bool yes = filter_match(f, &row);
    filter_free(f);
    return yes;
}

static void terms_match_what_they_say(void **state)
{
    (void)state;
    static const char *const yes[] = {
        "",
        "  ",
        "state=running",
        "state=run",
        "state=r",
        "STATE_IS_A_WORD|state=RUN",
        "lr<1e-2",
        "lr<=1e-3",
        "lr==0.001",
        "lr>=.001",
        "lr!=2",
        "trial=17",
        "trial=t17",
        "trial>16 trial<18",
        "opt=adam",
        "opt!=sgd",
        "opt:da",
        "tag:base",
        "-tag:debug",
        "!tag:debug",
        "note:LOOK",
        "adam",
        "t17",
        "here",
        "nothing|adam",
        "state=paus|state=run",
        "state=running lr<1e-2 tag:base -note:debug",
        "(state=paused lr<1)|(tag:base t17)",
        "-(a b)",
        "--adam",
        "lr>-3",
        "'layers x'=3",
        "\"layers x\"<4",
        "opt=\"adam\"",
        "missing=nil",
        "lr!=nil",
        "worse=null",
        "-missing<3",
        "started>2025-12-31T00:00:00Z",
        "trial:1",
        "lr<1e-2 | nothing adam",
        "seconds<13",
        "!-adam",
    };
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!matches(yes[i]))
            fail_msg("'%s' should match", yes[i]);
    static const char *const no[] = {
        "state=done",
        "state=runn1",
        "lr<1e-3",
        "lr>1e-3",
        "opt=ada",
        "opt=adams",
        "opt!=ADAM",
        "tag:bas",
        "-tag:base",
        "note:debug",
        "nothing",
        "adam nothing",
        "nothing|missing=1",
        "missing<3",
        "missing!=3",
        "worse<1",
        "worse>1",
        "lr=nil",
        "missing!=nil",
        "lr=adam",
        "-(adam here)",
        "state=\"\"",
        "started>2026-02-01T00:00:00Z",
        "nothing adam|here",
        "trial=18",
    };
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (matches(no[i]))
            fail_msg("'%s' should not match", no[i]);
}

static void errors_name_their_column(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"lr<", "filter: a value is missing at column 4"},
        {"lr< 3", "filter: a value is missing at column 4"},
        {"lr<fast", "filter: a number is needed behind < and > at column 4"},
        {"state=run (adam", "filter: a ( that is never closed at column 11"},
        {"adam)", "filter: a ) without its ( at column 5"},
        {")", "filter: a ) without its ( at column 1"},
        {"a|", "filter: a term is missing at column 3"},
        {"|a", "filter: a | without a term before it at column 1"},
        {"a \"b", "filter: an open quote at column 3"},
        {"opt='x", "filter: an open quote at column 5"},
        {"=3", "filter: a name is missing at column 1"},
        {"tag:", "filter: a text is missing at column 5"},
        {"a -", "filter: a term is missing at column 4"},
        {"()", "filter: a ) without its ( at column 2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *cause = NULL;
        struct filter *f = filter_parse(rows[i].text, &cause);
        if (f)
            fail_msg("'%s' should not parse", rows[i].text);
        assert_string_equal(cause, rows[i].says);
        free(cause);
    }
}

static void depth_and_length_are_bounded(void **state)
{
    (void)state;
    static char text[FILTER_MAX_TEXT + 2];
    char *cause = NULL;
    memset(text, '(', sizeof text - 1);
    assert_null(filter_parse(text, &cause));
    memset(text, '-', FILTER_MAX_TEXT);
    text[FILTER_MAX_TEXT] = '\0';
    assert_null(filter_parse(text, &cause));
    assert_non_null(strstr(cause, "nested too deeply"));
    memset(text, 'a', sizeof text - 1);
    assert_null(filter_parse(text, &cause));
    assert_non_null(strstr(cause, "longer than"));
    free(cause);
    for (size_t i = 0; i < FILTER_MAX_TEXT; i++)
        text[i] = i % 2 ? ' ' : 'a';
    text[FILTER_MAX_TEXT] = '\0';
    struct filter *f = filter_parse(text, NULL); /* two thousand terms */
    assert_non_null(f);
    assert_true(filter_match(f, &row));
    filter_free(f);
}

static void random_input_never_crashes(void **state)
{
    (void)state;
    static const char alphabet[] = "ab lr=<>!:|()-\"' t1e.nil\\\x01\xff";
    struct rng r;
    rng_seed(&r, 7);
    int parsed = 0;
    for (int i = 0; i < 200000; i++) {
        char text[40];
        size_t n = rng_below(&r, sizeof text);
        for (size_t k = 0; k < n; k++)
            text[k] = alphabet[rng_below(&r, sizeof alphabet - 1)];
        text[n ? n - 1 : 0] = '\0';
        char *cause = NULL;
        struct filter *f = filter_parse(text, &cause);
        assert_true((f == NULL) == (cause != NULL));
        if (f) {
            filter_match(f, &row);
            parsed++;
        } else {
            assert_non_null(strstr(cause, " at column "));
        }
        filter_free(f);
        free(cause);
    }
    assert_true(parsed > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_match_what_they_say),
        cmocka_unit_test(errors_name_their_column),
        cmocka_unit_test(depth_and_length_are_bounded),
        cmocka_unit_test(random_input_never_crashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
