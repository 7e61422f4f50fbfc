/* Hidden constraints: the chance that a configuration does not fail, and a search that stays out of what fails. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tune/feasible.h"
#include "tune/tuner.h"

static struct space *make_space(void)
{
    static const char *const names[] = {"x", "y"};
    struct space *s = space_new();
    char *cause = NULL;
    for (int i = 0; i < 2; i++) {
        struct param *p = space_add(s, names[i]);
        p->type = PARAM_FLOAT;
        p->low = 0;
        p->high = 1;
        p->parent = -1;
    }
    assert_int_equal(space_finish(s, &cause), 0);
    return s;
}

static bool fails(const double *dna)
{
    return dna[0] > 0.5 && dna[1] < 0.7;
}

static void nothing_failed_means_nothing_is_doubted(void **st)
{
    (void)st;
    struct space *s = make_space();
    struct history h;
    history_init(&h, 2);
    for (int i = 0; i < 20; i++) {
        double dna[2] = {i / 20.0, 0.5};
        history_end(&h, history_add(&h, i, dna), END_DONE, 1, i);
    }
    assert_null(feasible_learn(s, &h));
    assert_true(feasible_chance(NULL, s, (double[]){0.5, 0.5}) == 1);
    history_release(&h);
    space_free(s);
}

static void the_chance_is_low_where_trials_failed(void **st)
{
    (void)st;
    struct space *s = make_space();
    struct history h;
    struct rng rng;
    rng_seed(&rng, 1);
    history_init(&h, 2);
    for (int i = 0; i < 80; i++) {
        double dna[2];
        space_sample(s, &rng, dna);
        history_end(&h, history_add(&h, i, dna), fails(dna) ? END_FAILED : END_DONE, 1, fails(dna) ? NAN : 1);
    }
    struct feasible *f = feasible_learn(s, &h);
    assert_non_null(f);
    assert_true(feasible_chance(f, s, (double[]){0.8, 0.2}) < 0.2);
    assert_true(feasible_chance(f, s, (double[]){0.2, 0.2}) > 0.8);
    assert_true(feasible_chance(f, s, (double[]){0.8, 0.95}) > 0.7);
    feasible_free(f);
    history_release(&h);
    space_free(s);
}

/* The optimum lies at the edge of what fails: a search that learns where that is fails less often than chance. */
static void the_search_learns_to_stay_out(void **st)
{
    (void)st;
    int failed = 0;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct tuner_setup setup = {.space = make_space(), .sampler = "gp", .seed = seed, .budget = -1};
        char *cause = NULL;
        struct tuner *t = tuner_new(&setup, &cause);
        assert_non_null(t);
        for (int64_t id = 0; id < 40; id++) {
            double dna[2];
            struct proposal p = {.dna = dna};
            struct tell_result r;
            assert_int_equal(tuner_ask(t, id, &p, &cause), 0);
            failed += id >= 20 && fails(dna);
            if (fails(dna))
                assert_int_equal(tuner_tell_failed(t, id, &cause), 0);
            else
                assert_int_equal(tuner_tell(t, id, 1, fabs(dna[0] - 0.55) + dna[1], true, &r, &cause), 0);
        }
        int64_t id;
        double best;
        assert_true(tuner_best(t, &id, &best));
        assert_true(best < 0.12); /* 0.05 at the edge */
        tuner_free(t);
    }
    assert_true(failed < 4 * 20 * 35 / 100 * 3 / 2); /* 35 % of the space fails, and the optimum leans on it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_failed_means_nothing_is_doubted),
        cmocka_unit_test(the_chance_is_low_where_trials_failed),
        cmocka_unit_test(the_search_learns_to_stay_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
