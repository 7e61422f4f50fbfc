/* Bandits of the library that look at a context: options, choices, and what makes no sense. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/hypertop.h"

static struct ht_bandit_options options(enum ht_algorithm a)
{
    return (struct ht_bandit_options){
        .size = sizeof(struct ht_bandit_options), .name = "b", .algorithm = a, .arms = 3, .seed = 2};
}

static void contextual_bandits_learn_the_arm_of_each_context(void **state)
{
    static const enum ht_algorithm all[] = {HT_TSALLIS_CB, HT_CHEB_CB, HT_LINUCB};
    for (int k = 0; k < 3; k++) {
        struct ht_bandit_options o = options(all[k]);
        o.context_low = -1;
        o.context_high = 1;
        o.bins = 2;
        ht_bandit *b = ht_bandit_open(NULL, &o);
        int right = 0;
        assert_non_null(b);
        for (int t = 0; t < 4000; t++) {
            double context = t % 2 ? 0.9 : -0.9, p;
            int arm = ht_bandit_choose_in(b, context, &p), best = t % 2 ? 2 : 0;
            assert_true(p > 0 && p <= 1);
            right += t >= 3000 && arm == best;
            ht_bandit_reward(b, arm == best ? 1 : 5);
        }
        assert_true(right > 800);
        ht_bandit_close(b);
    }
}

static void every_algorithm_plays_without_a_context(void **state)
{
    for (int a = HT_TSALLIS_INF; a <= HT_LINUCB; a++) {
        struct ht_bandit_options o = options((enum ht_algorithm)a);
        ht_bandit *b = ht_bandit_open(NULL, &o);
        int last = 0;
        assert_non_null(b);
        for (int t = 0; t < 6000; t++) {
            int arm = ht_bandit_choose(b, NULL);
            last += t >= 5000 && arm == 1;
            ht_bandit_reward(b, arm == 1 ? 1 : 4);
        }
        if (last < 450)
            fail_msg("algorithm %d chose the best of three arms %d times in 1000", a, last);
        ht_bandit_close(b);
    }
}

static void options_that_make_no_sense_give_no_bandit(void **state)
{
    struct ht_bandit_options o = options(HT_CHEB_CB);
    o.features = 17;
    assert_null(ht_bandit_open(NULL, &o));
    o = options(HT_CHEB_CB);
    o.context_low = 2;
    o.context_high = 1;
    assert_null(ht_bandit_open(NULL, &o));
    o = options(HT_LINUCB);
    o.alpha = NAN;
    assert_null(ht_bandit_open(NULL, &o));
    o = options(HT_UCB_SLIDING);
    o.window = -1;
    assert_null(ht_bandit_open(NULL, &o));
    o = options((enum ht_algorithm)(HT_LINUCB + 1));
    assert_null(ht_bandit_open(NULL, &o));
}

static void options_of_an_older_program_take_the_defaults(void **state)
{
    struct ht_bandit_options o = options(HT_TSALLIS_CB);
    o.size = offsetof(struct ht_bandit_options, context_low); /* as compiled against the first header */
    o.bins = -5;                                              /* behind its end: not looked at */
    ht_bandit *b = ht_bandit_open(NULL, &o);
    assert_non_null(b);
    assert_in_range(ht_bandit_choose_in(b, 0.3, NULL), 0, 2);
    ht_bandit_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contextual_bandits_learn_the_arm_of_each_context),
        cmocka_unit_test(every_algorithm_plays_without_a_context),
        cmocka_unit_test(options_that_make_no_sense_give_no_bandit),
        cmocka_unit_test(options_of_an_older_program_take_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
