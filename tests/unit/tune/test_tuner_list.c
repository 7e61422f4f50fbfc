/* The manual page hypertop-tuners(7) against the list of algorithms: every name and every option has its entry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tune/tuner.h"

/* The words behind `.It Cm` in the page, each between blanks. */
static char *items(void)
{
    FILE *in = fopen("man/hypertop-tuners.7", "r");
    struct buf b = {0};
    char *line = NULL;
    size_t cap = 0;
    if (!in)
        fail_msg("man/hypertop-tuners.7 cannot be read; run the tests in the root of the source");
    buf_putc(&b, ' ');
    while (getline(&line, &cap, in) > 0)
        if (!strncmp(line, ".It Cm ", 7)) {
            line[strcspn(line, "\n")] = '\0';
            buf_printf(&b, "%s ", line + 7);
        }
    free(line);
    fclose(in);
    return buf_take(&b);
}

static bool has(const char *words, const char *name)
{
    char word[80];
    snprintf(word, sizeof word, " %s ", name);
    return strstr(words, word) != NULL;
}

static void the_manual_names_every_algorithm_and_option(void **state)
{
    char *words = items();
    for (int i = 0; tuner_list[i]; i++) {
        const struct tuner_ops *ops = tuner_list[i];
        if (!has(words, ops->name))
            fail_msg("man/hypertop-tuners.7 has no entry for %s", ops->name);
        for (const struct tuner_option *o = ops->options; o && o->name; o++)
            if (*o->text && strcmp(ops->name, "wandb_hyperband") && !has(words, o->name))
                fail_msg("man/hypertop-tuners.7 has no entry for the option %s of %s", o->name, ops->name);
    }
    free(words);
}

static void names_are_unique_and_every_entry_is_whole(void **state)
{
    for (int i = 0; tuner_list[i]; i++) {
        const struct tuner_ops *ops = tuner_list[i];
        assert_ptr_equal(tuner_find(ops->name), ops);
        assert_true(ops->paper && *ops->paper && ops->summary && *ops->summary);
        assert_true(ops->make && ops->drop && ops->dump && ops->load);
        assert_true(ops->propose || ops->judge);
        for (const struct tuner_option *o = ops->options; o && o->name; o++)
            assert_true(o->low <= o->fallback && o->fallback <= o->high);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manual_names_every_algorithm_and_option),
        cmocka_unit_test(names_are_unique_and_every_entry_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
