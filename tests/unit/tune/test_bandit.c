/* The bandits: reference numbers, their order on a stochastic problem, steering, delayed costs, dump and
 * load. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tune/bandit.h"

static void near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%.12g is not %.12g (+- %g)", got, want, tolerance);
}

static void tsallis_weights_of_equal_losses_are_equal(void **state)
{
    double zero[20] = {0}, w[20];
    near(bandit_tsallis(zero, 2, 2, NAN, w), -sqrt(2), 1e-12);
    near(bandit_tsallis(zero, 20, 2, NAN, w), -4.472136, 5e-7);
    for (int i = 0; i < 20; i++)
        near(w[i], 0.05, 1e-14);
}

static void tsallis_weights_match_the_reference(void **state)
{
    static const double loss[5] = {0, 1, 2, 3, 4};
    static const double one[5] = {0.41900290, 0.23914939, 0.15440784, 0.10786063, 0.07957924};
    static const double half[5] = {0.30253656, 0.23381303, 0.18609991, 0.15163017, 0.12592033};
    double w[5];
    near(bandit_tsallis(loss, 5, 1, NAN, w), -3.0897367635, 5e-11);
    for (int i = 0; i < 5; i++)
        near(w[i], one[i], 5e-9);
    near(bandit_tsallis(loss, 5, 0.5, NAN, w), -7.2722878330, 5e-11);
    for (int i = 0; i < 5; i++)
        near(w[i], half[i], 5e-9);
}

static void tsallis_root_does_not_depend_on_the_start(void **state)
{
    double loss[7] = {5000, 5010.5, 5001, 6000, 5400, 5002, 9000}, w[7], v[7];
    double x = bandit_tsallis(loss, 7, 0.03, NAN, w);
    static const double starts[] = {-1, 4990, 4999.99, 1e9, -1e9, NAN};
    for (size_t s = 0; s < sizeof starts / sizeof *starts; s++) {
        near(bandit_tsallis(loss, 7, 0.03, starts[s], v), x, 1e-8);
        for (int i = 0; i < 7; i++)
            near(v[i], w[i], 1e-11);
    }
}

/* Pseudo-regret of eight Bernoulli arms, one of mean 0.375, seven of 0.5, over `reps` repetitions. */
static double regret(enum bandit_algorithm a, int rounds, int reps)
{
    double sum = 0;
    for (int r = 0; r < reps; r++) {
        struct bandit b;
        struct rng choice, world;
        assert_int_equal(bandit_init(&b, a, 8, 0, 1), 0);
        rng_seed_stream(&choice, (uint64_t)r, 1);
        rng_seed_stream(&world, (uint64_t)r, 2);
        for (int t = 0; t < rounds; t++) {
            struct bandit_pull pull;
            bandit_choose(&b, &choice, &pull);
            double mean = pull.arm == 3 ? 0.375 : 0.5;
            sum += mean - 0.375;
            bandit_learn(&b, &pull, rng_unit(&world) < mean);
        }
        bandit_release(&b);
    }
    return sum / reps;
}

static void policies_rank_as_published(void **state)
{
    double rv = regret(BANDIT_TSALLIS_INF_RV, 10000, 16), iw = regret(BANDIT_TSALLIS_INF, 10000, 16);
    double exp3 = regret(BANDIT_EXP3, 10000, 16), ucb1 = regret(BANDIT_UCB1, 10000, 16);
    assert_true(rv < iw && iw < exp3 && exp3 < ucb1);
}

static void every_policy_beats_chance(void **state)
{
    for (int a = 0; a < BANDIT_COUNT; a++)
        if (a != BANDIT_UCB_DISCOUNTED && a != BANDIT_ELIMINATION &&
            !(regret((enum bandit_algorithm)a, 2000, 4) < 0.85 * 2000 * 0.125 * 7 / 8))
            fail_msg("%s is no better than chance", bandit_name((enum bandit_algorithm)a));
}

/* Mean loss when the best of three arms changes every 3000 rounds: what forgetting is for. */
static double drifting(enum bandit_algorithm a)
{
    struct bandit b;
    struct rng g;
    double sum = 0;
    assert_int_equal(bandit_init(&b, a, 3, 0, 1), 0);
    rng_seed(&g, 6);
    for (int t = 0; t < 12000; t++) {
        struct bandit_pull pull;
        bandit_choose(&b, &g, &pull);
        double loss = pull.arm == t / 3000 % 3 ? 0.1 : 0.9;
        sum += loss;
        bandit_learn(&b, &pull, loss);
    }
    bandit_release(&b);
    return sum / 12000;
}

static void forgetting_helps_when_costs_drift(void **state)
{
    double all = drifting(BANDIT_THOMPSON);
    assert_true(drifting(BANDIT_UCB_DISCOUNTED) < all - 0.1);
    assert_true(drifting(BANDIT_UCB_SLIDING) < all - 0.1);
}

static struct bandit made(enum bandit_algorithm a, int arms, double low, double scale)
{
    struct bandit b;
    assert_int_equal(bandit_init(&b, a, arms, low, scale), 0);
    return b;
}

static void feed(struct bandit *b, struct rng *g, int pulls)
{
    for (int t = 0; t < pulls; t++) {
        struct bandit_pull pull;
        bandit_choose(b, g, &pull);
        bandit_learn(b, &pull, 0.2 + 0.1 * pull.arm + 0.1 * rng_unit(g));
    }
}

static void probabilities_sum_to_one_under_every_steering(void **state)
{
    for (int a = 0; a < BANDIT_COUNT; a++) {
        for (int unbounded = 0; unbounded < 2; unbounded++) {
            struct bandit b = made((enum bandit_algorithm)a, 6, 0, unbounded ? 0 : 1);
            struct rng g;
            double p[6];
            rng_seed(&g, 5);
            for (int round = 0; round < 60; round++) {
                assert_true(bandit_ban(&b, round % 6, 3) == 0 || bandit_pinned(&b) == round % 6);
                bandit_boost(&b, (round + 1) % 6, 3, 2);
                bandit_explore(&b, round % 3);
                double sum = 0;
                bandit_probs(&b, p);
                for (int i = 0; i < 6; i++) {
                    assert_true(p[i] >= 0 && p[i] <= 1 + 1e-12);
                    assert_true(!bandit_banned(&b, i) || p[i] == 0);
                    sum += p[i];
                }
                near(sum, 1, 1e-9);
                feed(&b, &g, 2);
            }
            bandit_release(&b);
        }
    }
}

static void banned_arms_are_never_chosen_until_the_ban_ends(void **state)
{
    for (int a = 0; a < BANDIT_COUNT; a++) {
        struct bandit b = made((enum bandit_algorithm)a, 4, 0, 1);
        struct rng g;
        rng_seed(&g, 9);
        assert_int_equal(bandit_ban(&b, 0, BANDIT_FOREVER), 0);
        assert_int_equal(bandit_ban(&b, 1, 25), 0);
        bool back = false;
        for (int t = 0; t < 400; t++) {
            struct bandit_pull pull;
            bandit_choose(&b, &g, &pull);
            assert_int_not_equal(pull.arm, 0);
            assert_true(pull.arm != 1 || t >= 25);
            back |= pull.arm == 1;
            bandit_learn(&b, &pull, pull.arm == 1 ? 0.1 : 0.9);
        }
        assert_true(back);
        bandit_release(&b);
    }
}

static void a_ban_of_the_last_arm_or_of_the_pinned_one_is_refused(void **state)
{
    struct bandit b = made(BANDIT_TSALLIS_INF, 3, 0, 1);
    assert_int_equal(bandit_ban(&b, 3, 1), -1);
    assert_int_equal(bandit_ban(&b, 0, 5), 0);
    assert_int_equal(bandit_pin(&b, 0, 5), -1);
    assert_int_equal(bandit_pin(&b, 1, 5), 0);
    assert_int_equal(bandit_ban(&b, 1, 5), -1);
    assert_int_equal(bandit_ban(&b, 2, 5), 0);
    assert_int_equal(bandit_pin(&b, -1, 0), 0);
    assert_int_equal(bandit_ban(&b, 1, 5), -1);
    assert_int_equal(bandit_boost(&b, 1, 0, 5), -1);
    assert_int_equal(bandit_explore(&b, NAN), -1);
    bandit_release(&b);
}

static void a_pinned_pull_is_forced_and_leaves_the_estimates_alone(void **state)
{
    struct bandit b = made(BANDIT_TSALLIS_INF, 3, 0, 1);
    struct rng g;
    struct bandit_pull pull;
    rng_seed(&g, 1);
    assert_int_equal(bandit_pin(&b, 2, 10), 0);
    for (int t = 0; t < 10; t++) {
        bandit_choose(&b, &g, &pull);
        assert_int_equal(pull.arm, 2);
        assert_true(pull.forced && pull.propensity == 1);
        bandit_learn(&b, &pull, 1);
    }
    assert_int_equal(b.rounds, 0);
    assert_true(b.arm[2].estimate == 0 && b.arm[2].pulls == 10);
    bandit_choose(&b, &g, &pull);
    assert_false(pull.forced);
    near(pull.propensity, 1.0 / 3, 1e-12);
    bandit_release(&b);
}

static void a_boost_multiplies_the_chance(void **state)
{
    struct bandit b = made(BANDIT_THOMPSON, 4, 0, 1);
    struct rng g;
    double plain[4], boosted[4];
    rng_seed(&g, 3);
    feed(&b, &g, 10);
    bandit_probs(&b, plain);
    assert_int_equal(bandit_boost(&b, 3, 5, BANDIT_FOREVER), 0);
    bandit_probs(&b, boosted);
    near(boosted[3] / boosted[0], 5 * plain[3] / plain[0], 1e-9);
    bandit_release(&b);
}

static void the_dial_at_zero_is_greedy_and_higher_is_flatter(void **state)
{
    static const enum bandit_algorithm some[] = {BANDIT_TSALLIS_INF, BANDIT_EXP3, BANDIT_THOMPSON};
    for (int a = 0; a < 3; a++) {
        struct bandit b = made(some[a], 4, 0, 1);
        struct rng g;
        double one[4], two[4], none[4];
        rng_seed(&g, 3);
        feed(&b, &g, 100);
        bandit_probs(&b, one);
        bandit_explore(&b, 2);
        bandit_probs(&b, two);
        bandit_explore(&b, 0);
        bandit_probs(&b, none);
        int top = 0;
        for (int i = 1; i < 4; i++)
            top = one[i] > one[top] ? i : top;
        assert_true(two[top] < one[top]);
        near(none[top], 1, 1e-12);
        bandit_release(&b);
    }
}

static void matching_probabilities_agree_with_sampling(void **state)
{
    struct bandit b = made(BANDIT_THOMPSON, 5, 0, 1);
    struct rng g;
    rng_seed(&g, 17);
    feed(&b, &g, 60);
    double p[5], seen[5] = {0};
    bandit_best(&b, p);
    for (int t = 0; t < 40000; t++) {
        int best = 0;
        double least = 2;
        for (int i = 0; i < 5; i++) {
            double x = rng_beta(&g, 1 + b.arm[i].sum, 1 + b.arm[i].n - b.arm[i].sum);
            if (x < least) {
                least = x;
                best = i;
            }
        }
        seen[best] += 1.0 / 40000;
    }
    for (int i = 0; i < 5; i++)
        near(p[i], seen[i], 0.012);
    bandit_release(&b);
}

static void costs_may_arrive_late_and_in_any_order(void **state)
{
    for (int a = 0; a < BANDIT_COUNT; a++) {
        struct bandit b = made((enum bandit_algorithm)a, 5, 0, 0);
        struct rng g;
        struct bandit_pull open[16];
        rng_seed(&g, 2);
        for (int round = 0; round < 60; round++) {
            for (int i = 0; i < 16; i++)
                bandit_choose(&b, &g, &open[i]);
            for (int i = 15; i > 0; i--) { /* backwards, and one is lost */
                double cost = open[i].arm == 2 ? 1 : 8;
                bandit_learn(&b, &open[i], i % 7 ? cost : NAN);
            }
            bandit_forget(&b, &open[0]);
        }
        uint64_t most = 0, pending = 0;
        for (int i = 0; i < 5; i++) {
            pending += b.arm[i].pending;
            most = b.arm[i].pulls > most ? b.arm[i].pulls : most;
        }
        assert_int_equal(pending, 0);
        if (b.arm[2].pulls != most)
            fail_msg("%s did not find the best arm", bandit_name((enum bandit_algorithm)a));
        bandit_release(&b);
    }
}

static void a_dump_in_the_middle_changes_nothing(void **state)
{
    for (int a = 0; a < BANDIT_COUNT; a++) {
        struct bandit b = made((enum bandit_algorithm)a, 5, 1, 0), c;
        struct rng g, h;
        rng_seed(&g, 11);
        bandit_ban(&b, 1, 70);
        bandit_boost(&b, 2, 2, 80);
        feed(&b, &g, 50);
        size_t n = bandit_dump(&b, NULL, 0);
        uint8_t *bytes = malloc(n);
        assert_int_equal(bandit_dump(&b, bytes, n), n);
        assert_int_equal(bandit_load(&c, bytes, n), 0);
        h = g;
        for (int t = 0; t < 100; t++) {
            struct bandit_pull x, y;
            bandit_choose(&b, &g, &x);
            bandit_choose(&c, &h, &y);
            assert_int_equal(x.arm, y.arm);
            assert_true(x.propensity == y.propensity);
            bandit_learn(&b, &x, 1 + x.arm);
            bandit_learn(&c, &y, 1 + y.arm);
        }
        bandit_release(&b);
        bandit_release(&c);
        free(bytes);
    }
}

static void a_damaged_dump_is_refused(void **state)
{
    struct bandit b = made(BANDIT_UCB1, 3, 0, 1), c;
    uint8_t bytes[4096];
    size_t n = bandit_dump(&b, bytes, sizeof bytes);
    assert_int_equal(bandit_load(&c, bytes, n - 1), -1);
    assert_int_equal(bandit_load(&c, bytes, 3), -1);
    bytes[0] ^= 1;
    assert_int_equal(bandit_load(&c, bytes, n), -1);
    bandit_release(&b);
}

static void explaining_changes_no_later_choice(void **state)
{
    for (int a = 0; a < BANDIT_COUNT; a++) {
        struct bandit b = made((enum bandit_algorithm)a, 4, 0, 1),
                      c = made((enum bandit_algorithm)a, 4, 0, 1);
        struct rng g, h;
        double p[4];
        rng_seed(&g, 4);
        rng_seed(&h, 4);
        for (int t = 0; t < 200; t++) {
            struct bandit_pull x, y;
            bandit_choose(&b, &g, &x);
            bandit_choose(&c, &h, &y);
            bandit_probs(&b, p);
            bandit_best(&b, p);
            assert_int_equal(x.arm, y.arm);
            bandit_learn(&b, &x, 0.2 * x.arm);
            bandit_learn(&c, &y, 0.2 * y.arm);
        }
        bandit_release(&b);
        bandit_release(&c);
    }
}

static void a_lifted_ban_gives_no_head_start(void **state)
{
    struct bandit b = made(BANDIT_TSALLIS_INF, 2, 0, 1);
    struct rng g;
    struct bandit_pull pull;
    rng_seed(&g, 8);
    for (int t = 0; t < 300; t++) { /* arm 1 is clearly worse */
        bandit_choose(&b, &g, &pull);
        bandit_learn(&b, &pull, pull.arm ? 0.9 : 0.3);
    }
    double before[2], after[2];
    bandit_probs(&b, before);
    bandit_ban(&b, 1, 2000);
    for (int t = 0; t < 2000; t++) {
        bandit_choose(&b, &g, &pull);
        bandit_learn(&b, &pull, 0.3);
    }
    bandit_probs(&b, after);
    assert_true(after[1] <= before[1]);
    bandit_release(&b);
}

static void sizes_and_scales_that_make_no_sense_are_refused(void **state)
{
    struct bandit b;
    assert_int_equal(bandit_init(&b, BANDIT_UCB1, 1, 0, 1), -1);
    assert_int_equal(bandit_init(&b, BANDIT_UCB1, BANDIT_ARMS_MAX + 1, 0, 1), -1);
    assert_int_equal(bandit_init(&b, BANDIT_COUNT, 4, 0, 1), -1);
    assert_int_equal(bandit_init(&b, BANDIT_UCB1, 4, NAN, 1), -1);
    assert_int_equal(bandit_init(&b, BANDIT_UCB1, 4, 0, -1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tsallis_weights_of_equal_losses_are_equal),
        cmocka_unit_test(tsallis_weights_match_the_reference),
        cmocka_unit_test(tsallis_root_does_not_depend_on_the_start),
        cmocka_unit_test(policies_rank_as_published),
        cmocka_unit_test(every_policy_beats_chance),
        cmocka_unit_test(forgetting_helps_when_costs_drift),
        cmocka_unit_test(probabilities_sum_to_one_under_every_steering),
        cmocka_unit_test(banned_arms_are_never_chosen_until_the_ban_ends),
        cmocka_unit_test(a_ban_of_the_last_arm_or_of_the_pinned_one_is_refused),
        cmocka_unit_test(a_pinned_pull_is_forced_and_leaves_the_estimates_alone),
        cmocka_unit_test(a_boost_multiplies_the_chance),
        cmocka_unit_test(the_dial_at_zero_is_greedy_and_higher_is_flatter),
        cmocka_unit_test(matching_probabilities_agree_with_sampling),
        cmocka_unit_test(costs_may_arrive_late_and_in_any_order),
        cmocka_unit_test(a_dump_in_the_middle_changes_nothing),
        cmocka_unit_test(a_damaged_dump_is_refused),
        cmocka_unit_test(explaining_changes_no_later_choice),
        cmocka_unit_test(a_lifted_ban_gives_no_head_start),
        cmocka_unit_test(sizes_and_scales_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
