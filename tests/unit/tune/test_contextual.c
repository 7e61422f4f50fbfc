/* Contextual tuners behind the facade: what a context changes, what they refuse, and dumps in the middle. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tune/tuner.h"

static const char *const names[] = {"linucb", "tsallis_cb", "chebcb"};

static struct tuner *made(const char *name, const struct tuner_kv *kv, char **cause)
{
    struct space *s = space_new();
    struct param *p = space_add(s, "kind");
    struct tune_value v[3] = {tune_int(1), tune_int(2), tune_int(3)};
    p->type = PARAM_CATEGORICAL;
    param_set_choices(p, v, 3);
    assert_int_equal(space_finish(s, NULL), 0);
    struct tuner_setup setup = {.space = s, .sampler = name, .sampler_options = kv, .seed = 5, .budget = -1};
    struct tuner *t = tuner_new(&setup, cause);
    space_free(setup.space);
    return t;
}

/* Arm 0 suits small contexts, arm 2 large ones. */
static double loss(double context, double arm)
{
    return fabs(context - arm / 2);
}

static int step(struct tuner *t, int64_t id, struct rng *world, bool *right)
{
    struct tell_result r;
    double dna[1], context = rng_below(world, 2) ? 0.95 : 0.05;
    struct proposal p = {.dna = dna};
    assert_int_equal(tuner_context(t, &context, 1, NULL), 0);
    assert_int_equal(tuner_ask(t, id, &p, NULL), 0);
    *right = dna[0] == (context > 0.5 ? 2 : 0);
    assert_int_equal(tuner_tell(t, id, -1, loss(context, dna[0]), true, &r, NULL), 0);
    return p.arm;
}

static void the_arm_follows_the_context(void **state)
{
    for (int k = 0; k < 3; k++) {
        struct tuner *t = made(names[k], NULL, NULL);
        struct rng world;
        int hits = 0;
        rng_seed(&world, 1);
        for (int i = 0; i < 900; i++) {
            bool right;
            step(t, i, &world, &right);
            hits += i >= 600 && right;
        }
        if (hits < 180) /* of 300; without the context at most half could be right */
            fail_msg("%s: %d right choices of the last 300", names[k], hits);
        tuner_free(t);
    }
}

static void a_dump_keeps_contexts_and_what_was_learned_from_them(void **state)
{
    for (int k = 0; k < 3; k++) {
        struct tuner *t = made(names[k], NULL, NULL), *u = made(names[k], NULL, NULL);
        struct rng world, same;
        struct buf dump = {0};
        bool a, b;
        rng_seed(&world, 9);
        for (int i = 0; i < 70; i++)
            step(t, i, &world, &a);
        tuner_dump(t, &dump);
        assert_int_equal(tuner_load(u, dump.data, dump.len, NULL), 0);
        same = world;
        for (int i = 70; i < 140; i++) {
            struct arm_row rows[3];
            assert_int_equal(step(t, i, &world, &a), step(u, i, &same, &b));
            assert_int_equal(tuner_explain(u, rows, 3), 3); /* looking changes nothing */
        }
        buf_release(&dump);
        tuner_free(t);
        tuner_free(u);
    }
}

static void contexts_of_the_wrong_size_are_errors(void **state)
{
    double three[3] = {0.1, 0.2, 0.3}, dna[1];
    struct proposal p = {.dna = dna};
    for (int k = 0; k < 3; k++) {
        struct tuner *t = made(names[k], NULL, NULL);
        char *cause = NULL;
        assert_int_equal(tuner_context(t, three, 3, NULL), 0);
        assert_int_equal(tuner_ask(t, 0, &p, &cause), k == 0 ? 0 : -1);
        assert_true(k == 0 ? !cause : cause != NULL);
        free(cause);
        tuner_free(t);
    }
}

static void an_empty_range_of_contexts_is_refused(void **state)
{
    static const struct tuner_kv kv[] = {{"low", 3}, {"high", 3}, {NULL, 0}};
    for (int k = 1; k < 3; k++) {
        char *cause = NULL;
        assert_null(made(names[k], kv, &cause));
        assert_non_null(cause);
        free(cause);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_arm_follows_the_context),
        cmocka_unit_test(a_dump_keeps_contexts_and_what_was_learned_from_them),
        cmocka_unit_test(contexts_of_the_wrong_size_are_errors),
        cmocka_unit_test(an_empty_range_of_contexts_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
