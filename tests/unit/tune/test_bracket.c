/* Brackets and the schedulers that hold and resume: exact tables, and small sweeps worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tune/bracket.h"

static void table(double max, double eta, bool ceil_rule, int s, const int *want)
{
    struct bracket_plan p = {.eta = eta, .min = 1, .max = max, .ceil = ceil_rule};
    int n[STAGES_MAX];
    assert_int_equal(bracket_plan_check(&p, "test", NULL), 0);
    bracket_sizes(&p, s, n);
    for (int j = 0; j <= s; j++)
        assert_int_equal(n[j], want[j]);
}

static void tables_are_those_of_hpbandster_and_of_the_paper(void **state)
{
    static const int hpb[5][5] = {{5}, {6, 2}, {9, 3, 1}, {27, 9, 3, 1}, {81, 27, 9, 3, 1}},
                     jmlr[5][5] = {{5}, {8, 2}, {15, 5, 1}, {34, 11, 3, 1}, {81, 27, 9, 3, 1}};
    for (int s = 0; s < 5; s++) {
        table(81, 3, false, s, hpb[s]);
        table(81, 3, true, s, jmlr[s]);
    }
}

static void budgets_are_powers_below_the_largest(void **state)
{
    struct bracket_plan p = {.eta = 3, .min = 1, .max = 81}, q = {.eta = 3, .min = 1, .max = 243},
                        r = {.eta = 4, .min = 3, .max = 100};
    assert_int_equal(bracket_plan_check(&p, "test", NULL), 0);
    assert_int_equal(bracket_plan_check(&q, "test", NULL), 0);
    assert_int_equal(bracket_plan_check(&r, "test", NULL), 0);
    assert_int_equal(p.stages, 5);
    assert_int_equal(q.stages, 6); /* ln 243 / ln 3 is 4.999... */
    assert_int_equal(r.stages, 3); /* 100, 25, 6.25 */
    static const double want[] = {1, 3, 9, 27, 81};
    for (int k = 0; k < 5; k++)
        assert_true(bracket_budget(&p, k) == want[k]);
    assert_true(bracket_budget(&r, 0) == 7 && bracket_budget(&r, 1) == 25 && bracket_budget(&r, 2) == 100);
    struct bracket_plan bad = {.eta = 3, .min = 9, .max = 3};
    assert_int_equal(bracket_plan_check(&bad, "test", NULL), -1);
}

static struct tuner *make(const char *stopper, const struct tuner_kv *kv, int64_t budget)
{
    struct space *s = space_new();
    struct param *p = space_add(s, "x");
    char *cause = NULL;
    p->type = PARAM_FLOAT;
    p->high = 1;
    assert_int_equal(space_finish(s, NULL), 0);
    struct tuner_setup setup = {
        .space = s, .sampler = "random", .stopper = stopper, .stopper_options = kv, .budget = budget};
    struct tuner *t = tuner_new(&setup, &cause);
    if (!t)
        fail_msg("%s", cause);
    return t;
}

static struct proposal ask(struct tuner *t, int64_t id, int want)
{
    static double dna[1];
    struct proposal p = {.dna = dna};
    char *cause = NULL;
    int got = tuner_ask(t, id, &p, &cause);
    if (got != want)
        fail_msg("ask %d: %d, not %d: %s", (int)id, got, want, cause ? cause : "");
    return p;
}

static enum tell_action tell(struct tuner *t, int64_t id, int64_t step, double loss)
{
    struct tell_result r;
    assert_int_equal(tuner_tell(t, id, step, loss, false, &r, NULL), 0);
    return r.action;
}

static void finish(struct tuner *t, int64_t id, int64_t step, double loss)
{
    struct tell_result r;
    assert_int_equal(tuner_tell(t, id, step, loss, true, &r, NULL), 0);
}

/* One trial at a time, loss = id: which trials go how far. */
static void hyperband_walks_its_brackets(void **state)
{
    struct tuner_kv kv[] = {{"max_resource", 9}, {NULL, 0}};
    struct tuner *t = make("hyperband", kv, -1);
    /* S = 3: s=2: 9,3,1 at 1,3,9; s=1: floor(3/2)=1 * 3 = 3,1 at 3,9; s=0: 3 at 9 */
    for (int i = 0; i < 9; i++) {
        struct proposal p = ask(t, i, 0);
        assert_int_equal(p.resume, -1);
        assert_int_equal(p.steps, 1);
        assert_int_equal(tell(t, i, 1, 10 - i), TELL_PAUSE);
    }
    assert_int_equal(tuner_history(t)->pending, 0);
    assert_true(tuner_holds(t, 8) && tuner_holds(t, 6) && !tuner_holds(t, 5));
    for (int k = 0; k < 3; k++) {
        struct proposal p = ask(t, 99, 0); /* the number is not used */
        assert_int_equal(p.resume, 8 - k);
        assert_int_equal(p.steps, 3);
        assert_int_equal(tell(t, p.resume, 2, 5), TELL_CONTINUE);
        assert_int_equal(tell(t, p.resume, 3, p.resume), TELL_PAUSE);
    }
    struct proposal p = ask(t, 99, 0);
    assert_int_equal(p.resume, 6);
    assert_int_equal(p.steps, 9);
    assert_int_equal(tuner_history(t)->n, 9);
    assert_int_equal(tell(t, 6, 9, 0.5), TELL_CONTINUE); /* the largest rung: the trainer ends by itself */
    finish(t, 6, 9, 0.5);
    for (int i = 9; i < 12; i++) {
        p = ask(t, i, 0);
        assert_int_equal(p.steps, 3);
        assert_int_equal(tell(t, i, 3, i), TELL_PAUSE);
    }
    p = ask(t, 99, 0);
    assert_true(p.resume == 9 && p.steps == 9);
    finish(t, 9, 9, 9);
    for (int i = 12; i < 15; i++)
        assert_int_equal(ask(t, i, 0).steps, 9);
    assert_int_equal(ask(t, 15, 0).steps, 1); /* from the beginning */
    struct rung_row rows[8];
    assert_int_equal(tuner_rungs(t, rows, 8), 3);
    assert_true(rows[0].resource == 1 && rows[0].trials == 9 && rows[0].promoted == 3 && rows[0].stopped == 6);
    assert_true(rows[1].trials == 6 && rows[1].promoted == 2 && rows[1].stopped == 4);
    assert_true(rows[2].trials == 2 && rows[2].stopped == 0);
    tuner_free(t);
}

static void while_a_rung_waits_the_next_bracket_begins(void **state)
{
    struct tuner_kv kv[] = {{"max_resource", 3}, {"brackets", 2}, {NULL, 0}};
    struct tuner *t = make("hyperband", kv, -1); /* 3,1 at 1,3; then floor(2/1) = 2 at 3 */
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(t, i, 0).steps, 1);
    tell(t, 0, 1, 3);
    tell(t, 1, 1, 1);
    assert_int_equal(ask(t, 3, 0).steps, 3);
    tell(t, 2, 1, 2);
    struct proposal p = ask(t, 4, 0); /* the older bracket comes first */
    assert_true(p.resume == 1 && p.steps == 3);
    assert_int_equal(ask(t, 4, 0).resume, -1);
    assert_int_equal(ask(t, 5, TUNER_WAIT).resume, -1); /* two brackets and no more */
    finish(t, 1, 3, 1);
    finish(t, 3, 3, 1);
    finish(t, 4, 3, 1);
    ask(t, 5, 1);
    tuner_free(t);
}

static void a_failure_counts_as_the_worst(void **state)
{
    struct tuner_kv kv[] = {{"max_resource", 3}, {NULL, 0}};
    struct tuner *t = make("successive_halving", kv, -1); /* 3, 1 */
    for (int i = 0; i < 3; i++)
        ask(t, i, 0);
    assert_int_equal(tuner_tell_failed(t, 0, NULL), 0);
    tell(t, 1, 1, 7);
    assert_int_equal(tuner_forget(t, 2, NULL), 0);
    assert_int_equal(ask(t, 3, 0).resume, 1);
    assert_int_equal(tuner_tell_failed(t, 1, NULL), 0); /* all have failed: the next bracket */
    assert_int_equal(ask(t, 3, 0).steps, 1);
    tuner_free(t);
}

static void a_trial_that_ended_early_keeps_its_place(void **state)
{
    struct tuner_kv kv[] = {{"max_resource", 9}, {NULL, 0}};
    struct tuner *t = make("successive_halving", kv, 9); /* 9,3,1 */
    for (int i = 0; i < 9; i++) {
        ask(t, i, 0);
        if (i == 4)
            finish(t, i, 1, 0); /* the best; its program ended at step 1 */
        else
            tell(t, i, 1, 1 + i);
    }
    assert_int_equal(ask(t, 9, 0).resume, 0);
    assert_int_equal(ask(t, 9, 0).resume, 1);
    ask(t, 9, TUNER_WAIT);
    tell(t, 0, 3, 1);
    tell(t, 1, 3, 2);
    ask(t, 9, 1); /* trial 4 won the last stage with the value that it has */
    assert_false(tuner_holds(t, 0));
    tuner_free(t);
}

static void a_held_trial_that_is_taken_away_frees_its_place(void **state)
{
    struct tuner_kv kv[] = {{"max_resource", 3}, {NULL, 0}};
    struct tuner *t = make("successive_halving", kv, 3);
    for (int i = 0; i < 3; i++)
        ask(t, i, 0);
    for (int i = 0; i < 3; i++)
        tell(t, i, 1, i);
    assert_true(tuner_holds(t, 0));
    finish(t, 0, 1, 0); /* a person stopped it where it stood */
    assert_false(tuner_holds(t, 0));
    assert_int_equal(tuner_history(t)->trials[0].end, END_PRUNED);
    ask(t, 3, 1);
    tuner_free(t);
}

static void at_the_end_of_the_budget_the_few_make_do(void **state)
{
    struct tuner_kv kv[] = {{"max_resource", 9}, {NULL, 0}};
    struct tuner *t = make("successive_halving", kv, 6);
    for (int i = 0; i < 6; i++) {
        ask(t, i, 0);
        if (i < 5)
            tell(t, i, 1, i);
    }
    ask(t, 6, TUNER_WAIT);
    tell(t, 5, 1, -1);
    assert_int_equal(ask(t, 6, 0).resume, 5); /* the best two of six */
    assert_int_equal(ask(t, 6, 0).resume, 0);
    ask(t, 6, TUNER_WAIT);
    tell(t, 5, 3, 1);
    tell(t, 0, 3, 2);
    struct proposal p = ask(t, 6, 0);
    assert_true(p.resume == 5 && p.steps == 9);
    finish(t, 5, 9, 0);
    ask(t, 6, 1);
    tuner_free(t);
}

static void asha_promotes_whom_the_paper_promotes(void **state)
{
    struct tuner_kv kv[] = {{"promote", 1}, {"max_resource", 9}, {NULL, 0}};
    struct tuner *t = make("asha", kv, -1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(t, i, 0).steps, 1);
        assert_int_equal(tell(t, i, 1, 3 - i), TELL_PAUSE);
    }
    struct proposal p = ask(t, 3, 0); /* the best third of three */
    assert_true(p.resume == 2 && p.steps == 3);
    assert_int_equal(ask(t, 3, 0).resume, -1); /* nobody else deserves it */
    tell(t, 3, 1, 0.5);
    assert_int_equal(ask(t, 4, 0).resume, 3); /* floor(4/3) = 1: it is the best now; trial 2 was promoted before */
    assert_int_equal(ask(t, 4, 0).resume, -1);
    tuner_free(t);
}

static void asha_takes_the_highest_rung_first(void **state)
{
    struct tuner_kv kv[] = {{"promote", 1}, {"eta", 2}, {"max_resource", 8}, {NULL, 0}};
    struct tuner *t = make("asha", kv, 8); /* rungs at 1, 2, 4 */
    for (int i = 0; i < 4; i++)
        ask(t, i, 0);
    for (int i = 0; i < 4; i++)
        tell(t, i, 1, i);
    for (int k = 0; k < 2; k++) {
        struct proposal p = ask(t, 4, 0);
        assert_true(p.resume == k && p.steps == 2);
        tell(t, k, 2, k);
    }
    struct proposal p = ask(t, 4, 0); /* rung 1 has two: its best goes on to 4 */
    assert_true(p.resume == 0 && p.steps == 4);
    tell(t, 0, 4, 0);
    for (int i = 4; i < 6; i++)
        assert_int_equal(ask(t, i, 0).resume, -1);
    for (int i = 4; i < 6; i++)
        tell(t, i, 1, 10 + i);
    assert_int_equal(ask(t, 6, 0).resume, 2); /* floor(6/2) = 3 deserve it */
    tell(t, 2, 2, 2);
    assert_int_equal(tuner_forget(t, 1, NULL), 0); /* withdrawn while it was held */
    tuner_free(t);
}

static void a_final_value_further_on_ends_a_held_trial(void **state)
{
    struct tuner_kv kv[] = {{"promote", 1}, {"max_resource", 9}, {NULL, 0}};
    struct tuner *t = make("asha", kv, -1);
    ask(t, 0, 0);
    assert_int_equal(tell(t, 0, 1, 3), TELL_PAUSE);
    assert_int_equal(tell(t, 0, 2, 2), TELL_PAUSE); /* it does not know yet */
    finish(t, 0, 9, 1);
    assert_int_equal(tuner_history(t)->trials[0].end, END_DONE);
    assert_false(tuner_history(t)->trials[0].paused);
    tuner_free(t);
}

static void no_stopper_beside_a_sampler_that_schedules(void **state)
{
    for (int i = 0; tuner_list[i]; i++) {
        if (!tuner_list[i]->propose || !tuner_list[i]->judge)
            continue;
        struct space *s = space_new();
        struct param *p = space_add(s, "x");
        p->type = PARAM_FLOAT;
        p->high = 1;
        space_finish(s, NULL);
        struct tuner_setup setup = {.space = s, .sampler = tuner_list[i]->name, .stopper = "asha", .budget = -1};
        char *cause = NULL;
        assert_null(tuner_new(&setup, &cause));
        assert_non_null(strstr(cause, "leave out the stopper asha"));
        free(cause);
        space_free(s);
    }
}

/* ---- agreement of rungs ---- */

static void tau_of_five_trials(void **state)
{
    /* rung 0: 1 2 3 4 5; rung 1 of the first four: 1 3 2 4: 5 of 6 pairs agree */
    struct rung_point p[] = {{0, 0, 1}, {1, 0, 2}, {2, 0, 3}, {3, 0, 4}, {4, 0, 5}, {0, 1, 1}, {1, 1, 3}, {2, 1, 2}, {3, 1, 4}};
    struct rung_tau rows[4];
    assert_int_equal(rung_correlation(p, 9, rows, 4), 1);
    assert_int_equal(rows[0].n, 4);
    assert_true(fabs(rows[0].tau - 4.0 / 6) < 1e-12);
    assert_true(rows[0].low == -1 && rows[0].high == 1); /* four trials say nothing about the interval */
}

static void the_last_common_rung_is_the_truth(void **state)
{
    /* trials 0 and 1 disagree at rung 1 but agree again at rung 2; trial 2 reaches rung 1 only */
    struct rung_point p[] = {{0, 0, 1}, {1, 0, 2}, {2, 0, 3}, {0, 1, 2}, {1, 1, 1}, {2, 1, 3}, {0, 2, 1}, {1, 2, 2}};
    struct rung_tau rows[4];
    assert_int_equal(rung_correlation(p, 8, rows, 4), 2);
    assert_true(fabs(rows[0].tau - 1) < 1e-12 && rows[0].n == 3);
    assert_true(fabs(rows[1].tau + 1) < 1e-12 && rows[1].n == 2);
}

static void the_interval_is_fiellers(void **state)
{
    struct rung_point p[40];
    struct rung_tau rows[2];
    for (int i = 0; i < 20; i++) { /* the pairs (2k, 2k+1) stand the other way round: tau = 1 - 2 * 10 / 190 */
        p[2 * i] = (struct rung_point){i, 0, i};
        p[2 * i + 1] = (struct rung_point){i, 1, i ^ 1};
    }
    assert_int_equal(rung_correlation(p, 40, rows, 2), 1);
    double tau = 1 - 20.0 / 190, half = 1.959963984540054 * sqrt(0.437 / 16);
    assert_true(fabs(rows[0].tau - tau) < 1e-12);
    assert_true(fabs(rows[0].low - tanh(atanh(tau) - half)) < 1e-12);
    assert_true(fabs(rows[0].high - tanh(atanh(tau) + half)) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_those_of_hpbandster_and_of_the_paper),
        cmocka_unit_test(budgets_are_powers_below_the_largest),
        cmocka_unit_test(hyperband_walks_its_brackets),
        cmocka_unit_test(while_a_rung_waits_the_next_bracket_begins),
        cmocka_unit_test(a_failure_counts_as_the_worst),
        cmocka_unit_test(a_trial_that_ended_early_keeps_its_place),
        cmocka_unit_test(a_held_trial_that_is_taken_away_frees_its_place),
        cmocka_unit_test(at_the_end_of_the_budget_the_few_make_do),
        cmocka_unit_test(asha_promotes_whom_the_paper_promotes),
        cmocka_unit_test(asha_takes_the_highest_rung_first),
        cmocka_unit_test(a_final_value_further_on_ends_a_held_trial),
        cmocka_unit_test(no_stopper_beside_a_sampler_that_schedules),
        cmocka_unit_test(tau_of_five_trials),
        cmocka_unit_test(the_last_common_rung_is_the_truth),
        cmocka_unit_test(the_interval_is_fiellers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
