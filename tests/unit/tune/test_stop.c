/* The early stoppers on sequences small enough to work out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tune/tuner.h"

static struct tuner *make(const char *stopper, const struct tuner_kv *kv)
{
    struct space *s = space_new();
    struct param *p = space_add(s, "x");
    char *cause = NULL;
    p->type = PARAM_FLOAT;
    p->high = 1;
    assert_int_equal(space_finish(s, NULL), 0);
    struct tuner_setup setup = {
        .space = s, .sampler = "random", .stopper = stopper, .stopper_options = kv, .budget = -1};
    struct tuner *t = tuner_new(&setup, &cause);
    if (!t)
        fail_msg("%s", cause);
    return t;
}

static void start(struct tuner *t, int n)
{
    double dna[1];
    struct proposal p = {.dna = dna};
    for (int i = 0; i < n; i++)
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
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

static void asha_keeps_the_best_third_of_each_rung(void **state)
{
    struct tuner_kv kv[] = {{"eta", 3}, {"min_resource", 2}, {"max_resource", 20}, {NULL, 0}};
    struct tuner *t = make("asha", kv);
    struct rung_row rows[4];
    start(t, 7);
    assert_int_equal(tell(t, 0, 1, 9), TELL_CONTINUE);   /* no rung yet */
    assert_int_equal(tell(t, 0, 2, 5), TELL_CONTINUE);   /* the first at rung 0 always goes on */
    assert_int_equal(tell(t, 0, 3, 99), TELL_CONTINUE);  /* recorded there already */
    assert_int_equal(tell(t, 1, 2, 6), TELL_STOP);       /* cutoff of {5,6}: 5.33 */
    assert_int_equal(tell(t, 2, 2, 4), TELL_CONTINUE);   /* cutoff of {4,5,6}: 4.67 */
    assert_int_equal(tell(t, 3, 2, 5), TELL_CONTINUE);   /* cutoff of {4,5,5,6}: 5, which is not worse */
    assert_int_equal(tell(t, 4, 7, 1), TELL_CONTINUE);   /* passes rungs 0 and 1 at once: counts at rung 1 */
    assert_int_equal(tell(t, 5, 6, 2), TELL_STOP);
    assert_int_equal(tuner_rungs(t, rows, 4), 2);
    assert_true(rows[0].resource == 2 && rows[1].resource == 6);
    assert_int_equal(rows[0].trials, 4);
    assert_int_equal(rows[0].promoted + rows[0].stopped, 4);
    assert_int_equal(rows[1].stopped, 1);
    assert_true(fabs(rows[1].cutoff - (1 + 1.0 / 3)) < 1e-12);
    tuner_free(t);
}

static void a_final_value_is_recorded_and_never_stopped(void **state)
{
    struct tuner_kv kv[] = {{"min_resource", 1}, {NULL, 0}};
    struct tuner *t = make("asha", kv);
    struct rung_row rows[4];
    start(t, 2);
    assert_int_equal(tell(t, 0, 1, 1), TELL_CONTINUE);
    finish(t, 1, 1, 5);
    assert_int_equal(tuner_rungs(t, rows, 4), 1);
    assert_int_equal(rows[0].trials, 2);
    assert_int_equal(rows[0].stopped, 0);
    tuner_free(t);
}

static void wandb_bands_count_logged_values_not_steps(void **state)
{
    struct tuner_kv kv[] = {{"min_iter", 2}, {"eta", 2}, {NULL, 0}};
    struct tuner *t = make("wandb_hyperband", kv);
    start(t, 4);
    assert_int_equal(tell(t, 0, 100, 9), TELL_CONTINUE); /* one value, whatever its step */
    assert_int_equal(tell(t, 0, 200, 3), TELL_CONTINUE); /* band of 2: alone, threshold 3 */
    assert_int_equal(tell(t, 1, 100, 9), TELL_CONTINUE);
    assert_int_equal(tell(t, 1, 200, 4), TELL_CONTINUE); /* sorted {3,4}[2/2 = 1] = 4 */
    assert_int_equal(tell(t, 2, 100, 1), TELL_CONTINUE);
    assert_int_equal(tell(t, 2, 200, 5), TELL_STOP);     /* {3,4,5}[1] = 4 */
    assert_int_equal(tell(t, 3, 1, 2), TELL_CONTINUE);
    assert_int_equal(tell(t, 3, 2, 2), TELL_CONTINUE);
    /* strict: its value at the band counts, 4, and {2,3,4,5}[2] = 4 */
    assert_int_equal(tell(t, 1, 300, 9), TELL_CONTINUE);
    tuner_free(t);
}

static void bands_count_down_from_max_iter(void **state)
{
    struct tuner_kv kv[] = {{"max_iter", 27}, {"s", 2}, {NULL, 0}};
    struct tuner *t = make("wandb_hyperband", kv);
    struct rung_row rows[4];
    start(t, 1);
    for (int i = 1; i <= 9; i++)
        tell(t, 0, i, 1);
    assert_int_equal(tuner_rungs(t, rows, 4), 2);
    assert_true(rows[0].resource == 3 && rows[1].resource == 9);
    tuner_free(t);
}

static void not_strict_looks_at_the_best_value_so_far(void **state)
{
    struct tuner_kv kv[] = {{"min_iter", 2}, {"eta", 2}, {"strict", 0}, {NULL, 0}};
    struct tuner *t = make("wandb_hyperband", kv);
    start(t, 3);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tell(t, i, 1, 9), TELL_CONTINUE);
        assert_int_equal(tell(t, i, 2, 3), TELL_CONTINUE);
    }
    assert_int_equal(tell(t, 2, 1, 2), TELL_CONTINUE);
    assert_int_equal(tell(t, 2, 2, 8), TELL_CONTINUE); /* 8 is worse than 3, its best, 2, is not */
    tuner_free(t);
}

static void median_waits_for_finished_trials(void **state)
{
    struct tuner_kv kv[] = {{"startup", 3}, {NULL, 0}};
    struct tuner *t = make("median", kv);
    start(t, 6);
    assert_int_equal(tell(t, 5, 1, 100), TELL_CONTINUE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tell(t, i, 1, 10 + i), TELL_CONTINUE);
        finish(t, i, 2, 1 + i);
    }
    assert_int_equal(tell(t, 3, 1, 11), TELL_CONTINUE); /* the median at step 1 is 11 */
    assert_int_equal(tell(t, 4, 1, 11.5), TELL_STOP);
    assert_int_equal(tell(t, 3, 2, 10), TELL_STOP);     /* its best, 10, against the median 2 at step 2 */
    tuner_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asha_keeps_the_best_third_of_each_rung),
        cmocka_unit_test(a_final_value_is_recorded_and_never_stopped),
        cmocka_unit_test(wandb_bands_count_logged_values_not_steps),
        cmocka_unit_test(bands_count_down_from_max_iter),
        cmocka_unit_test(not_strict_looks_at_the_best_value_so_far),
        cmocka_unit_test(median_waits_for_finished_trials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
