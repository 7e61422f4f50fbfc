/* The contextual bandits by hand, their least squares, and the policies that forget or eliminate. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tune/bandit_context.h"

static void near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%.12g is not %.12g (+- %g)", got, want, tolerance);
}

static struct bandit made(enum bandit_algorithm a, int arms, double low, double scale, double from, double to)
{
    struct bandit b;
    struct bandit_context c = bandit_context_fallback;
    c.low = from;
    c.high = to;
    assert_int_equal(bandit_init(&b, a, arms, low, scale), 0);
    if (bandit_contextual(a))
        assert_int_equal(bandit_set_context(&b, &c), 0);
    return b;
}

static void learn(struct bandit *b, int arm, double context, double cost)
{
    struct bandit_pull pull = {.arm = arm, .propensity = 0.5};
    bandit_learn_in(b, &pull, &context, 1, cost);
}

/* ---- least squares ---- */

static void a_regular_system_is_solved(void **state)
{
    double G[4] = {4, 2, 2, 3}, g[2] = {10, 9}, theta[2], work[8];
    side_least_squares(G, g, 2, theta, work);
    near(theta[0], 1.5, 1e-12);
    near(theta[1], 2, 1e-12);
}

static void a_singular_system_gets_the_smallest_solution(void **state)
{
    double G[4] = {1, 2, 2, 4}, g[2] = {5, 10}, theta[2], work[8]; /* x + 2 y = 5, once */
    side_least_squares(G, g, 2, theta, work);
    near(theta[0], 1, 1e-9);
    near(theta[1], 2, 1e-9);
}

static void bounds_hold_and_the_rest_adapts(void **state)
{
    double G[4] = {4, 2, 2, 3}, g[2] = {10, 9}, bound[2] = {1, 10}, theta[2] = {1.5, 2};
    side_boxed(G, g, 2, bound, theta);
    near(theta[0], 1, 1e-9);
    near(theta[1], 7.0 / 3, 1e-8); /* (9 - 2) / 3 */
}

/* ---- LinUCB ---- */

static void linucb_follows_the_formulas(void **state)
{
    struct bandit b = made(BANDIT_LINUCB, 2, 0, 1, -1, 1);
    double p[2], context = 0.5;
    learn(&b, 0, 0.5, 0.8);
    /* A = I + x x' with x = (1, 0.5): A^-1 x = x / 2.25, theta = 0.8 x / 2.25, theta' x = 0.8 * 1.25 / 2.25
     */
    near(b.side->theta[0], 0.8 / 2.25, 1e-12);
    near(b.side->theta[1], 0.4 / 2.25, 1e-12);
    bandit_look(&b, &context, 1);
    bandit_probs(&b, p);
    near(b.loss[0], 1 / 2.25 - sqrt(1.25 / 2.25), 1e-12);
    near(b.loss[1], -sqrt(1.25), 1e-12);
    assert_true(p[0] == 0 && p[1] == 1);
    bandit_release(&b);
}

static void linucb_takes_several_numbers_and_open_pulls_narrow_its_bounds(void **state)
{
    struct bandit b = made(BANDIT_LINUCB, 2, 0, 1, 0, 1);
    struct bandit_context c = bandit_context_fallback;
    struct bandit_pull pull;
    struct rng g;
    int taken[2] = {0};
    double context[3] = {0.2, NAN, 5};
    c.dims = 3;
    assert_int_equal(bandit_set_context(&b, &c), 0);
    bandit_look(&b, context, 3);
    near(b.side->x[1], -0.6, 1e-12);
    near(b.side->x[2], 0, 0); /* missing: the middle */
    near(b.side->x[3], 1, 0); /* outside: the bound */
    rng_seed(&g, 1);
    for (int i = 0; i < 10; i++) {
        bandit_choose_in(&b, context, 3, &g, &pull);
        taken[pull.arm]++;
    }
    assert_int_equal(taken[0], 5); /* nothing learned: open pulls alone keep them even */
    bandit_release(&b);
}

/* ---- ChebCB ---- */

static void chebcb_fits_chebyshev_polynomials_within_their_bounds(void **state)
{
    struct bandit b = made(BANDIT_CHEB_CB, 2, 0, 0, 0, 1);
    double factor = 2 + 4 * (1 + log(6)), context = 0.3;
    bandit_look(&b, &context, 1);
    near(b.side->x[0], 1, 0);
    near(b.side->x[1], -0.4, 1e-12);
    near(b.side->x[2], 2 * 0.16 - 1, 1e-12);
    near(b.side->x[3], 4 * -0.064 + 1.2, 1e-12);
    for (int i = 0; i <= 20; i++) /* cost 3 + 2 z over z in -1..1: theta = (3, 2) / (5 N) */
        learn(&b, 0, i / 20.0, 3 + 2 * (i / 10.0 - 1));
    near(b.side->theta[0], 3 / (5 * factor), 1e-9);
    near(b.side->theta[1], 2 / (5 * factor), 1e-9);
    near(b.side->theta[2], 0, 1e-9);
    near(b.side->rest[0], 0, 1e-9);
    for (int i = 0; i <= 20;
         i++) /* a jump is no Lipschitz function: the coefficients stay within 1/N and 2/(N j) */
        learn(&b, 1, i / 20.0, i < 10 ? 0 : 5);
    for (int j = 0; j < 6; j++)
        assert_true(fabs(b.side->theta[6 + j]) <= (j ? 2.0 / j : 1) / factor + 1e-12);
    assert_true(b.side->rest[1] > 0);
    bandit_release(&b);
}

static void chebcb_weighs_by_inverse_gaps(void **state)
{
    struct bandit b = made(BANDIT_CHEB_CB, 3, 0, 0, 0, 1);
    double p[3], context = 0.5;
    learn(&b, 0, 0.5, 1);
    learn(&b, 1, 0.5, 2);
    learn(&b, 2, 0.5, 4);
    bandit_look(&b, &context, 1);
    bandit_probs(&b, p);
    near(p[0] + p[1] + p[2], 1, 1e-12);
    assert_true(p[0] > p[1] && p[1] > p[2] && p[2] > 0);
    /* 1/p = arms + rate gap, with the gaps 1/(4 N) and 3/(4 N) of the fits */
    near((1 / p[2] - 3) / (1 / p[1] - 3), 3, 1e-6);
    bandit_release(&b);
}

static void chebcb_learns_which_arm_suits_which_context(void **state)
{
    struct bandit b = made(BANDIT_CHEB_CB, 5, 0, 0, 0, 1);
    struct rng g;
    double late = 0;
    rng_seed(&g, 3);
    for (int t = 0; t < 3000; t++) {
        struct bandit_pull pull;
        double c = rng_unit(&g);
        bandit_choose_in(&b, &c, 1, &g, &pull);
        double cost = 10 + 40 * fabs(c - pull.arm / 4.0);
        bandit_learn_in(&b, &pull, &c, 1, cost);
        late += t >= 2000 ? cost / 1000 : 0;
    }
    assert_true(late < 10 + 40 * 0.0625 *
                                1.6); /* best arm of five: 0.0625 off on average; the best fixed one 0.25 */
    bandit_release(&b);
}

/* ---- Tsallis-INF in bins ---- */

static void every_bin_is_a_bandit_of_its_own(void **state)
{
    struct bandit b = made(BANDIT_TSALLIS_CB, 4, 1, 0, 0, 1), alone;
    struct rng g, h, world;
    double p[4], q[4], context = 0.5;
    assert_int_equal(bandit_init(&alone, BANDIT_TSALLIS_INF, 4, 1, 0), 0);
    rng_seed(&g, 5);
    rng_seed(&h, 5);
    rng_seed(&world, 6);
    for (int t = 0; t < 200; t++) {
        struct bandit_pull pull, same;
        bandit_choose_in(&b, &context, 1, &g, &pull); /* the third bin of five */
        bandit_choose(&alone, &h, &same);
        assert_int_equal(pull.arm, same.arm);
        near(pull.propensity, same.propensity, 1e-9);
        double cost = 2 + pull.arm + rng_unit(&world), elsewhere = 0.1;
        bandit_learn_in(&b, &pull, &context, 1, cost);
        bandit_learn(&alone, &same, cost);
        struct bandit_pull other = {.arm = (int)rng_below(&world, 4), .propensity = 0.25};
        bandit_learn_in(&b, &other, &elsewhere, 1, 5 - other.arm);
    }
    double elsewhere = 0.1;
    bandit_look(&b, &context, 1);
    bandit_probs(&b, p);
    bandit_look(&b, &elsewhere, 1);
    bandit_probs(&b, q);
    assert_true(p[0] > p[3] && q[3] > q[0]);
    bandit_release(&b);
    bandit_release(&alone);
}

/* ---- all contextual ones ---- */

static void contexts_outside_count_as_the_bound_and_missing_ones_as_the_middle(void **state)
{
    static const enum bandit_algorithm all[] = {BANDIT_TSALLIS_CB, BANDIT_CHEB_CB, BANDIT_LINUCB};
    for (int k = 0; k < 3; k++) {
        struct bandit b = made(all[k], 3, 0, 1, 2, 4);
        double same[3][2] = {{9, 4}, {-1, 2}, {NAN, 3}}, p[3], q[3];
        for (int t = 0; t < 30; t++)
            learn(&b, t % 3, 2 + t / 15.0, (t % 3) * 0.3 + 0.01 * t);
        for (int s = 0; s < 3; s++) {
            bandit_look(&b, &same[s][0], 1);
            bandit_probs(&b, p);
            bandit_look(&b, &same[s][1], 1);
            bandit_probs(&b, q);
            for (int i = 0; i < 3; i++)
                assert_true(p[i] == q[i]);
        }
        bandit_look(&b, NULL, 0);
        bandit_probs(&b, p);
        for (int i = 0; i < 3; i++)
            assert_true(p[i] == q[i]);
        bandit_release(&b);
    }
}

static void forced_pulls_and_bans_are_honoured_under_every_context(void **state)
{
    static const enum bandit_algorithm all[] = {BANDIT_TSALLIS_CB, BANDIT_CHEB_CB, BANDIT_LINUCB};
    for (int k = 0; k < 3; k++) {
        struct bandit b = made(all[k], 3, 0, 0, 0, 1);
        struct rng g;
        rng_seed(&g, 8);
        assert_int_equal(bandit_ban(&b, 1, BANDIT_FOREVER), 0);
        for (int t = 0; t < 100; t++) {
            struct bandit_pull pull;
            double c = rng_unit(&g);
            if (t == 50)
                assert_int_equal(bandit_pin(&b, 2, 10), 0);
            bandit_choose_in(&b, &c, 1, &g, &pull);
            assert_true(pull.arm != 1);
            assert_true((t >= 50 && t < 60) == pull.forced &&
                        (!pull.forced || (pull.arm == 2 && pull.propensity == 1)));
            bandit_learn_in(&b, &pull, &c, 1, pull.arm + c);
        }
        bandit_release(&b);
    }
}

static void a_dump_in_the_middle_changes_no_contextual_choice(void **state)
{
    static const enum bandit_algorithm all[] = {BANDIT_TSALLIS_CB, BANDIT_CHEB_CB, BANDIT_LINUCB,
                                                BANDIT_UCB_SLIDING, BANDIT_ELIMINATION};
    for (int k = 0; k < 5; k++) {
        struct bandit b = made(all[k], 4, 0, 0, -1, 1), c;
        struct rng g, h;
        uint8_t *bytes = NULL;
        size_t n = 0;
        rng_seed(&g, 4);
        if (all[k] == BANDIT_UCB_SLIDING)
            assert_int_equal(bandit_set_window(&b, 20), 0);
        for (int t = 0; t < 120; t++) {
            struct bandit_pull pull, same;
            double x = 2 * rng_unit(&g) - 1;
            if (t == 60) {
                n = bandit_dump(&b, NULL, 0);
                bytes = malloc(n);
                bandit_dump(&b, bytes, n);
                assert_int_equal(bandit_load(&c, bytes, n), 0);
                assert_int_equal(bandit_load(&(struct bandit){0}, bytes, n - 1), -1);
            }
            h = g;
            bandit_choose_in(&b, &x, 1, &g, &pull);
            if (t >= 60) {
                bandit_choose_in(&c, &x, 1, &h, &same);
                assert_int_equal(pull.arm, same.arm);
                assert_true(pull.propensity == same.propensity);
                bandit_learn_in(&c, &same, &x, 1, fabs(x - pull.arm * 0.5));
            }
            bandit_learn_in(&b, &pull, &x, 1, fabs(x - pull.arm * 0.5));
        }
        free(bytes);
        bandit_release(&b);
        bandit_release(&c);
    }
}

static void options_that_make_no_sense_are_refused(void **state)
{
    struct bandit b = made(BANDIT_CHEB_CB, 3, 0, 1, 0, 1), plain = made(BANDIT_UCB1, 3, 0, 1, 0, 1);
    struct bandit_context good = bandit_context_fallback, bad;
    bad = good, bad.low = 1;
    assert_int_equal(bandit_set_context(&b, &bad), -1);
    bad = good, bad.features = 17;
    assert_int_equal(bandit_set_context(&b, &bad), -1);
    bad = good, bad.dims = 2;
    assert_int_equal(bandit_set_context(&b, &bad), -1);
    bad = good, bad.high = INFINITY;
    assert_int_equal(bandit_set_context(&b, &bad), -1);
    assert_int_equal(bandit_set_context(&plain, &good), -1);
    assert_int_equal(bandit_set_window(&plain, 5), -1);
    bandit_release(&b);
    bandit_release(&plain);
}

/* ---- those that forget and eliminate ---- */

static void the_window_holds_exactly_the_last_pulls(void **state)
{
    struct bandit b = made(BANDIT_UCB_SLIDING, 3, 0, 1, 0, 1);
    double costs[10] = {0.1, 0.9, 0.5, 0.3, 0.2, 0.8, 0.7, 0.4, 0.6, 0.05};
    assert_int_equal(bandit_set_window(&b, 4), 0);
    for (int t = 0; t < 10; t++)
        bandit_observe(&b, t % 3, costs[t]);
    /* left: t = 6 (arm 0), 7 (arm 1), 8 (arm 2), 9 (arm 0) */
    near(b.arm[0].n, 2, 0);
    near(b.arm[0].sum, 0.75, 1e-12);
    near(b.arm[1].n, 1, 0);
    near(b.arm[1].sum, 0.4, 1e-12);
    near(b.arm[2].sum, 0.6, 1e-12);
    assert_int_equal((int)b.arm[0].pulls, 4); /* pulls are counted for ever */
    bandit_release(&b);
}

static void elimination_drops_an_arm_when_its_interval_lies_above_another(void **state)
{
    struct bandit b = made(BANDIT_ELIMINATION, 2, 0, 1, 0, 1);
    double p[2];
    int n = 0;
    /* means 0.2 and 0.8: out once 2 sqrt(ln(4 * 2 * n^2 / 0.05) / (2 n)) < 0.6 */
    for (n = 1; n < 1000; n++) {
        bandit_observe(&b, 0, 0.2);
        bandit_observe(&b, 1, 0.8);
        bandit_probs(&b, p);
        bool apart = 2 * sqrt(log(8.0 * n * n / 0.05) / (2.0 * n)) < 0.6;
        assert_true(apart ? p[0] == 1 : p[0] == 0.5);
        if (apart)
            break;
    }
    assert_int_equal(n, 77);
    bandit_observe(&b, 0, 0.2); /* of those left the one pulled least comes next: still arm 0 alone */
    bandit_probs(&b, p);
    assert_true(p[0] == 1);
    bandit_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_regular_system_is_solved),
        cmocka_unit_test(a_singular_system_gets_the_smallest_solution),
        cmocka_unit_test(bounds_hold_and_the_rest_adapts),
        cmocka_unit_test(linucb_follows_the_formulas),
        cmocka_unit_test(linucb_takes_several_numbers_and_open_pulls_narrow_its_bounds),
        cmocka_unit_test(chebcb_fits_chebyshev_polynomials_within_their_bounds),
        cmocka_unit_test(chebcb_weighs_by_inverse_gaps),
        cmocka_unit_test(chebcb_learns_which_arm_suits_which_context),
        cmocka_unit_test(every_bin_is_a_bandit_of_its_own),
        cmocka_unit_test(contexts_outside_count_as_the_bound_and_missing_ones_as_the_middle),
        cmocka_unit_test(forced_pulls_and_bans_are_honoured_under_every_context),
        cmocka_unit_test(a_dump_in_the_middle_changes_no_contextual_choice),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(the_window_holds_exactly_the_last_pulls),
        cmocka_unit_test(elimination_drops_an_arm_when_its_interval_lies_above_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
