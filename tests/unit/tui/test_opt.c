/* Options and words of a command line, and the sentences for what is wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tui/cmd.h"
#include "tui/opt.h"

static const struct opt options[] = {
    {OPT_INT, 'j', "jobs", "N", 1, 64, "jobs"},
    {OPT_REAL, 0, "speed", "X", 0.5, 100, "speed"},
    {OPT_CHOICE, 0, "color", "auto|never|16", 0, 0, "colours"},
    {OPT_FLAG, 'v', "verbose", NULL, 0, 0, "talk"},
    {OPT_TEXT, 0, "name", "NAME", 0, 0, "name"},
    {OPT_WORD, 0, "reason", "TEXT", 0, 0, "why"},
    {OPT_END, 0, NULL, NULL, 0, 0, NULL},
};

static int parse(struct opt_set *s, enum opt_mode mode, char **cause, int n, const char *const *argv)
{
    *s = (struct opt_set){.tables = {options, NULL}};
    return opt_parse(s, n, (char *const *)argv, mode, cause);
}

#define PARSE(s, mode, cause, ...)                                                                           \
    parse(s, mode, cause, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)),                     \
          (const char *[]){__VA_ARGS__})

static void values_are_taken_in_every_spelling(void **state)
{
    struct opt_set s;
    char *cause = NULL;
    static const char *const spellings[][2] = {
        {"-j4", NULL}, {"-j", "4"}, {"--jobs=4", NULL}, {"--jobs", "4"}};
    for (int i = 0; i < 4; i++) {
        int n = spellings[i][1] ? 2 : 1;
        assert_int_equal(parse(&s, OPT_STRICT, &cause, n, spellings[i]), n);
        assert_int_equal(opt_int(&s, "jobs", 0), 4);
        assert_int_equal(s.n_words, 0);
        opt_release(&s);
    }
}

static void words_and_options_mix_and_two_dashes_end_options(void **state)
{
    struct opt_set s;
    char *cause = NULL;
    assert_int_equal(PARSE(&s, OPT_STRICT, &cause, "a", "-v", "b", "--", "-j", "--name"), 6);
    assert_true(opt_flag(&s, "verbose"));
    assert_int_equal(s.n_words, 4);
    assert_string_equal(s.words[2], "-j");
    assert_string_equal(s.words[3], "--name");
    opt_release(&s);
}

static void the_last_of_repeated_options_counts(void **state)
{
    struct opt_set s;
    char *cause = NULL;
    assert_int_equal(PARSE(&s, OPT_STRICT, &cause, "-j2", "-j", "7"), 3);
    assert_int_equal(opt_int(&s, "jobs", 0), 7);
    assert_int_equal(opt_int(&s, "name", 9), 9);
    opt_release(&s);
}

static void a_dash_alone_is_a_word(void **state)
{
    struct opt_set s;
    char *cause = NULL;
    assert_int_equal(PARSE(&s, OPT_STRICT, &cause, "-"), 1);
    assert_int_equal(s.n_words, 1);
    opt_release(&s);
}

static void leading_mode_stops_at_the_first_word(void **state)
{
    struct opt_set s;
    char *cause = NULL;
    assert_int_equal(PARSE(&s, OPT_LEADING, &cause, "-v", "run", "--unknown"), 1);
    assert_true(opt_flag(&s, "verbose"));
    opt_release(&s);
}

static void pass_mode_keeps_what_it_does_not_know(void **state)
{
    struct opt_set s;
    char *cause = NULL;
    assert_int_equal(PARSE(&s, OPT_PASS, &cause, "budget", "-5", "--reason", "-v is noisy", "-v", "--for=3"),
                     6);
    assert_int_equal(s.n_words, 5);
    assert_string_equal(s.words[1], "-5");
    assert_string_equal(s.words[2], "--reason");
    assert_string_equal(s.words[3], "-v is noisy");
    assert_string_equal(s.words[4], "--for=3");
    assert_true(opt_flag(&s, "verbose"));
    opt_release(&s);
}

static void refuse(const char *sentence, int n, const char *const *argv)
{
    struct opt_set s;
    char *cause = NULL;
    assert_int_equal(parse(&s, OPT_STRICT, &cause, n, argv), -1);
    if (!strstr(cause, sentence))
        fail_msg("'%s' is not in '%s'", sentence, cause);
    assert_null(strchr(cause, '\n'));
    opt_release(&s);
    free(cause);
}
#define REFUSE(sentence, ...)                                                                                \
    refuse(sentence, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)),                          \
           (const char *[]){__VA_ARGS__})

static void wrong_options_are_refused_with_a_sentence(void **state)
{
    REFUSE("unknown option --jbos: did you mean --jobs?", "--jbos", "3");
    REFUSE("unknown option --jbos: did you mean --jobs?", "--jbos=3");
    REFUSE("unknown option --qqqqqqqqqq: -h lists", "--qqqqqqqqqq");
    REFUSE("unknown option -x", "-x");
    REFUSE("-j '0': a whole number from 1 to 64", "-j", "0");
    REFUSE("--jobs '65'", "--jobs=65");
    REFUSE("--jobs '3.5'", "--jobs", "3.5");
    REFUSE("--jobs ''", "--jobs=");
    REFUSE("--jobs 'nan'", "--jobs", "nan");
    REFUSE("--speed 'nan': a number from 0.5 to 100", "--speed", "nan");
    REFUSE("--speed 'fast'", "--speed", "fast");
    REFUSE("--color 'blue': one of auto|never|16", "--color", "blue");
    REFUSE("--color 'auto|never'", "--color", "auto|never");
    REFUSE("--jobs needs a value", "--jobs");
    REFUSE("-v takes no value", "-vj");
    REFUSE("--verbose takes no value", "--verbose=1");
    REFUSE("--name: NAME must not be empty", "--name", "");
}

static void too_many_options_are_refused(void **state)
{
    const char *argv[OPT_MAX + 1];
    for (int i = 0; i <= OPT_MAX; i++)
        argv[i] = "-v";
    refuse("too many options", OPT_MAX + 1, argv);
}

/* ---- the table of commands ---- */

static void every_row_of_the_table_can_be_run_and_is_documented(void **state)
{
    for (const struct cmd *c = cmd_table; c->name; c++) {
        assert_ptr_equal(cmd_find(c->name), c);
        assert_true(*c->text && c->text[strlen(c->text) - 1] != '.');
        assert_true((c->run == NULL) == ((c->flags & CMD_EXEC) != 0));
        assert_true(c->max_words < 0 || c->max_words >= c->min_words);
        for (const struct opt *o = c->options; o && o->type != OPT_END; o++) {
            assert_non_null(o->name);
            assert_true(*o->text && o->text[strlen(o->text) - 1] != '.');
            assert_true((o->arg == NULL) == (o->type == OPT_FLAG));
        }
    }
}

static void no_command_option_hides_a_global_one(void **state)
{
    for (const struct cmd *c = cmd_table; c->name; c++)
        for (const struct opt *o = c->options; o && o->type != OPT_END; o++)
            for (const struct opt *g = cmd_global_options; g->type != OPT_END; g++) {
                assert_string_not_equal(o->name, g->name);
                assert_true(!o->letter || o->letter != g->letter);
            }
}

static void mistyped_commands_find_their_neighbour(void **state)
{
    assert_string_equal(cmd_nearest("rnu"), "run");
    assert_string_equal(cmd_nearest("attahc"), "attach");
    assert_string_equal(cmd_nearest("complete"), "completion");
    assert_null(cmd_nearest("xyzzyplugh"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_taken_in_every_spelling),
        cmocka_unit_test(words_and_options_mix_and_two_dashes_end_options),
        cmocka_unit_test(the_last_of_repeated_options_counts),
        cmocka_unit_test(a_dash_alone_is_a_word),
        cmocka_unit_test(leading_mode_stops_at_the_first_word),
        cmocka_unit_test(pass_mode_keeps_what_it_does_not_know),
        cmocka_unit_test(wrong_options_are_refused_with_a_sentence),
        cmocka_unit_test(too_many_options_are_refused),
        cmocka_unit_test(every_row_of_the_table_can_be_run_and_is_documented),
        cmocka_unit_test(no_command_option_hides_a_global_one),
        cmocka_unit_test(mistyped_commands_find_their_neighbour),
    };
    return cmocka_run_group_tests_name("opt", tests, NULL, NULL);
}
