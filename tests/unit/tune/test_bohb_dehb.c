/* BOHB and DEHB on CountingOnes, with every trial held and resumed as they say. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tune/tuner.h"

static struct space *ones(void)
{
    struct space *s = space_new();
    for (int i = 0; i < 8; i++) {
        char name[8];
        snprintf(name, sizeof name, "%c%d", i < 4 ? 'c' : 'x', i);
        struct param *p = space_add(s, name);
        struct tune_value v[2] = {tune_string("0"), tune_string("1")};
        p->type = i < 4 ? PARAM_CATEGORICAL : PARAM_FLOAT;
        if (i < 4)
            param_set_choices(p, v, 2);
        p->high = i < 4 ? 0 : 1;
        tune_value_free(&v[0]);
        tune_value_free(&v[1]);
    }
    assert_int_equal(space_finish(s, NULL), 0);
    return s;
}

static double loss(const double *x, int64_t budget)
{
    double f = 0;
    for (int i = 0; i < 8; i++)
        f -= x[i];
    return f + 0.3 / (double)budget;
}

struct ran {
    double best;
    int64_t steps, resumed;
};

static struct ran play(const char *name, int64_t steps, bool dumps)
{
    char *cause = NULL;
    struct tuner_kv kv[] = {{"max_resource", 27}, {NULL, 0}};
    struct tuner_setup setup = {.space = ones(), .sampler = name, .sampler_options = strcmp(name, "random") ? kv : NULL,
                                .seed = 5, .budget = -1};
    struct tuner *t = tuner_new(&setup, &cause);
    if (!t)
        fail_msg("%s", cause);
    struct ran r = {.best = 9};
    double dna[8];
    struct proposal p = {.dna = dna};
    for (int64_t next = 0; r.steps < steps;) {
        assert_int_equal(tuner_ask(t, next, &p, NULL), 0);
        int64_t id = p.resume >= 0 ? p.resume : next++;
        int64_t to = p.steps > 0 ? p.steps : 27;
        int k = history_find(tuner_history(t), id);
        int64_t from = tuner_history(t)->trials[k].step;
        assert_true(memcmp(tuner_history(t)->trials[k].dna, dna, sizeof dna) == 0);
        r.resumed += p.resume >= 0;
        r.steps += to - (from > 0 ? from : 0);
        struct tell_result told;
        assert_int_equal(tuner_tell(t, id, to, loss(dna, to), to == 27, &told, NULL), 0);
        assert_int_equal(told.action, to == 27 ? TELL_CONTINUE : told.action == TELL_STOP ? TELL_STOP : TELL_PAUSE);
        if (to == 27 && loss(dna, 27) < r.best)
            r.best = loss(dna, 27);
        struct buf dump = {0};
        if (dumps) {
            tuner_dump(t, &dump);
            if (tuner_load(t, dump.data, dump.len, &cause) != 0)
                fail_msg("%s", cause);
        }
        buf_release(&dump);
    }
    tuner_free(t);
    return r;
}

static void both_beat_random_search_at_equal_budget(void **state)
{
    struct ran random = play("random", 27 * 60, false);
    static const char *const names[] = {"bohb", "dehb"};
    for (int i = 0; i < 2; i++) {
        struct ran r = play(names[i], 27 * 60, false);
        if (!(r.best < random.best))
            fail_msg("%s has %.3f, random %.3f", names[i], r.best, random.best);
        assert_true(r.resumed > 10);
    }
}

static void a_dump_after_every_value_changes_nothing(void **state)
{
    static const char *const names[] = {"bohb", "dehb"};
    for (int i = 0; i < 2; i++) {
        struct ran a = play(names[i], 27 * 12, false), b = play(names[i], 27 * 12, true);
        assert_true(a.best == b.best && a.steps == b.steps && a.resumed == b.resumed);
    }
}

/* R = 27, eta = 3: populations of 27, 9, 6, 4; the first round of brackets promotes. */
static void dehb_evaluates_hyperbands_numbers(void **state)
{
    struct tuner_kv kv[] = {{"max_resource", 27}, {NULL, 0}};
    struct tuner_setup setup = {.space = ones(), .sampler = "dehb", .sampler_options = kv, .seed = 5, .budget = -1};
    struct tuner *t = tuner_new(&setup, NULL);
    double dna[8];
    struct proposal p = {.dna = dna};
    struct tell_result told;
    int at[28] = {0}, resumed[28] = {0};
    int64_t next = 0;
    for (int i = 0; i < 40 + 13 + 8 + 4; i++) {
        assert_int_equal(tuner_ask(t, next, &p, NULL), 0);
        int64_t id = p.resume >= 0 ? p.resume : next++;
        at[p.steps]++;
        resumed[p.steps] += p.resume >= 0;
        assert_int_equal(tuner_tell(t, id, p.steps, loss(dna, p.steps), p.steps == 27, &told, NULL), 0);
        if (i == 39)
            assert_true(at[1] == 27 && at[3] == 9 && at[9] == 3 && at[27] == 1 && resumed[3] == 9 && resumed[27] == 1);
    }
    /* then 9 mutants at 3 steps, with 3 and 1 promotions; 6 at 9 steps with 2; 4 at 27 */
    assert_true(at[1] == 27 && at[3] == 9 + 9 && at[9] == 3 + 3 + 6 && at[27] == 1 + 1 + 2 + 4);
    assert_true(resumed[1] == 0 && resumed[3] == 9 && resumed[9] == 6 && resumed[27] == 4);
    assert_int_equal(tuner_ask(t, next, &p, NULL), 0);
    assert_int_equal(p.steps, 1);
    tuner_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_beat_random_search_at_equal_budget),
        cmocka_unit_test(a_dump_after_every_value_changes_nothing),
        cmocka_unit_test(dehb_evaluates_hyperbands_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
