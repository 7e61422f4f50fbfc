/* Parallel asks: with 32 trials pending no sampler proposes the same point of a continuous space twice. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tune/tuner.h"

#define PENDING 32
#define DIMS    3

static struct space *continuous(void)
{
    static const char *const names[DIMS] = {"x", "lr", "y"};
    struct space *s = space_new();
    for (int i = 0; i < DIMS; i++) {
        struct param *p = space_add(s, names[i]);
        p->type = PARAM_FLOAT;
        p->prior = i == 1 ? PRIOR_LOG : PRIOR_UNIFORM;
        p->low = i == 1 ? 1e-5 : -1;
        p->high = 1;
    }
    assert_int_equal(space_finish(s, NULL), 0);
    return s;
}

static double loss(const double *u)
{
    return (u[0] - 0.3) * (u[0] - 0.3) + (u[1] - 0.6) * (u[1] - 0.6) + fabs(u[2] - 0.5);
}

/* After this many finished trials. Schedulers that want values in between may wait or resume: those asks do not count. */
static void ask_many(const struct tuner_ops *ops, int finished)
{
    struct tuner_setup setup = {.space = continuous(), .sampler = ops->name, .seed = 5, .budget = 400};
    struct tuner *t = tuner_new(&setup, NULL);
    double dna[PENDING][DIMS], told[DIMS];
    struct tell_result r;
    int n = 0;
    if (!t) { /* a grid of continuous parameters */
        space_free(setup.space);
        return;
    }
    for (int i = 0; i < finished; i++) {
        struct proposal p = {.dna = told};
        if (tuner_ask(t, i, &p, NULL) == 0 && p.resume < 0)
            assert_int_equal(tuner_tell(t, i, -1, loss(told), true, &r, NULL), 0);
    }
    for (int i = 0; i < PENDING; i++) {
        struct proposal p = {.dna = dna[n]};
        n += tuner_ask(t, 1000 + i, &p, NULL) == 0 && p.resume < 0;
    }
    for (int i = 0; i < n; i++)
        for (int k = 0; k < i; k++)
            if (space_same(tuner_space(t), dna[i], dna[k]))
                fail_msg("%s after %d trials: asks %d and %d are the same point", ops->name, finished, k, i);
    tuner_free(t);
}

static void pending_asks_are_different_points(void **state)
{
    int samplers = 0;
    for (int i = 0; tuner_list[i]; i++) {
        if (!tuner_list[i]->propose)
            continue;
        samplers++;
        ask_many(tuner_list[i], 0);
        ask_many(tuner_list[i], 25);
    }
    assert_true(samplers >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pending_asks_are_different_points)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
