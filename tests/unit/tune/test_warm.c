/* Warm starts: earlier trials teach, and are never trials of this sweep. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tune/tuner.h"

static struct tuner *tuner_of(const char *sampler, uint64_t seed)
{
    struct space *s = space_new();
    for (int i = 0; i < 2; i++) {
        struct param *p = space_add(s, i ? "y" : "x");
        p->type = PARAM_FLOAT;
        p->high = 1;
    }
    assert_int_equal(space_finish(s, NULL), 0);
    struct tuner_setup setup = {.space = s, .sampler = sampler, .seed = seed, .budget = 12};
    struct tuner *t = tuner_new(&setup, NULL);
    assert_non_null(t);
    return t;
}

static double bowl(const double *u)
{
    return (u[0] - 0.7) * (u[0] - 0.7) + (u[1] - 0.2) * (u[1] - 0.2);
}

/* 40 trials of a bowl at the same place; level and scale are the other data set's. */
static void warm(struct tuner *t, double level, double scale)
{
    struct rng g;
    double dna[2];
    rng_seed(&g, 9);
    for (int i = 0; i < 40; i++) {
        space_sample(tuner_space(t), &g, dna);
        assert_int_equal(tuner_warm(t, dna, level + scale * bowl(dna), 1, NULL), 0);
    }
}

static double first_asks(struct tuner *t, int n)
{
    double dna[2], best = INFINITY;
    struct tell_result r;
    for (int i = 0; i < n; i++) {
        struct proposal p = {.dna = dna};
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        assert_int_equal(tuner_tell(t, i, -1, bowl(dna), true, &r, NULL), 0);
        best = fmin(best, bowl(dna));
    }
    return best;
}

static void earlier_trials_are_no_trials(void **state)
{
    struct tuner *t = tuner_of("gp", 1);
    double value, dna[2];
    int64_t id;
    char text[300];
    warm(t, 0, 1);
    assert_false(tuner_best(t, &id, &value));
    tuner_describe(t, text, sizeof text);
    assert_non_null(strstr(text, "40 earlier trials"));
    first_asks(t, 12); /* the whole budget is there */
    struct proposal p = {.dna = dna};
    assert_int_equal(tuner_ask(t, 99, &p, NULL), 1);
    assert_true(tuner_best(t, &id, &value));
    assert_true(id >= 0);
    tuner_free(t);
}

/* Mean over seeds of the best of four: with a warm start every one of these is nearer to the bottom. */
static void four_trials_find_more(void **state)
{
    static const char *const names[] = {"gp", "tpe", "auto"};
    for (int k = 0; k < 3; k++) {
        double cold = 0, level = 0, same = 0;
        for (uint64_t seed = 0; seed < 12; seed++) {
            struct tuner *a = tuner_of(names[k], seed), *b = tuner_of(names[k], seed), *c = tuner_of(names[k], seed);
            warm(b, 0, 1);
            warm(c, -30, 5);
            cold += first_asks(a, 4) / 12;
            same += first_asks(b, 4) / 12;
            level += first_asks(c, 4) / 12;
            tuner_free(a);
            tuner_free(b);
            tuner_free(c);
        }
        if (!(same < 0.5 * cold && level < 0.5 * cold))
            fail_msg("%s: %g warm, %g from another level, %g cold", names[k], same, level, cold);
    }
}

static void a_dump_carries_them(void **state)
{
    struct tuner *t = tuner_of("gp", 3), *u = tuner_of("gp", 3);
    struct buf dump = {0};
    double a[2], b[2];
    struct proposal p = {.dna = a}, q = {.dna = b};
    warm(t, 5, 2);
    tuner_dump(t, &dump);
    assert_int_equal(tuner_load(u, dump.data, dump.len, NULL), 0);
    for (int i = 0; i < 10; i++) {
        struct tell_result r;
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        assert_int_equal(tuner_ask(u, i, &q, NULL), 0);
        assert_memory_equal(a, b, sizeof a);
        tuner_tell(t, i, -1, bowl(a), true, &r, NULL);
        tuner_tell(u, i, -1, bowl(b), true, &r, NULL);
    }
    buf_release(&dump);
    tuner_free(t);
    tuner_free(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(earlier_trials_are_no_trials),
        cmocka_unit_test(four_trials_find_more),
        cmocka_unit_test(a_dump_carries_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
