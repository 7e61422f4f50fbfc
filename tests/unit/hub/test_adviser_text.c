/* What an adviser is told and what is taken from its answer. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hub/adviser_text.h"

static struct space *make_space(void)
{
    struct space *s = space_new();
    struct param *p = space_add(s, "lr");
    *p = (struct param){.name = p->name, .type = PARAM_FLOAT, .prior = PRIOR_LOG, .low = 1e-4, .high = 1, .parent = -1};
    p = space_add(s, "opt");
    p->type = PARAM_CATEGORICAL;
    p->parent = -1;
    struct tune_value v[] = {tune_string("sgd"), tune_string("adam")};
    param_set_choices(p, v, 2);
    tune_value_free(&v[0]);
    tune_value_free(&v[1]);
    char *cause = NULL;
    assert_int_equal(space_finish(s, &cause), 0);
    return s;
}

static struct tuner *make_tuner(bool maximize)
{
    struct tuner_setup setup = {.space = make_space(), .sampler = "random", .seed = 1, .maximize = maximize, .budget = -1};
    char *cause = NULL;
    struct tuner *t = tuner_new(&setup, &cause);
    assert_non_null(t);
    return t;
}

static void tell(struct tuner *t, int64_t id, double u, int choice, double value)
{
    double dna[2] = {u, choice};
    struct tell_result r;
    char *cause = NULL;
    assert_int_equal(tuner_adopt(t, id, dna, "test", &cause), 0);
    if (isfinite(value))
        assert_int_equal(tuner_tell(t, id, 1, value, true, &r, &cause), 0);
}

static void a_request_has_the_history_from_worst_to_best_and_a_target_beyond(void **st)
{
    (void)st;
    struct tuner *t = make_tuner(true);
    tell(t, 0, 0.5, 0, 0.9);
    tell(t, 1, 0.25, 1, 0.4);
    tell(t, 2, 0.75, 1, 0.7);
    tell(t, 3, 1, 0, NAN); /* pending */
    struct buf out = {0};
    struct advise_request rq = {7, "digits", "acc", true, 3, -0.2};
    advise_write(&rq, t, &out);
    const char *text = buf_cstr(&out);
    assert_non_null(strstr(text, "\"op\":\"advise\",\"id\":7"));
    assert_non_null(strstr(text, "\"best\":0.9"));
    char *end;
    assert_true(fabs(strtod(strstr(text, "\"target\":") + 9, &end) - 1.0) < 1e-12); /* 0.9 + 0.2 * 0.5 */
    assert_non_null(strstr(text, "\"lr\":{\"type\":\"float\",\"low\":0.0001,\"high\":1,\"scale\":\"log\"}"));
    assert_non_null(strstr(text, "\"choices\":[\"sgd\",\"adam\"]"));
    const char *worst = strstr(text, "\"trial\":1,"), *middle = strstr(text, "\"trial\":2,"),
               *best = strstr(text, "\"trial\":0,"), *pending = strstr(text, "\"trial\":3,");
    assert_true(worst < middle && middle < best && best < pending);
    assert_int_equal(text[out.len - 1], '\n');
    assert_null(memchr(text, '\n', out.len - 1));
    buf_release(&out);
    tuner_free(t);
}

static struct advice read_answer(const struct space *s, const char *text, int want)
{
    struct advice a;
    struct rng rng;
    char *cause = NULL;
    rng_seed(&rng, 1);
    assert_int_equal(advice_read(&a, s, &rng, text, strlen(text), &cause), want);
    assert_int_equal(cause != NULL, want != 0);
    free(cause);
    return a;
}

static void good_candidates_are_taken_and_bad_ones_counted(void **st)
{
    (void)st;
    struct space *s = make_space();
    struct advice a = read_answer(s,
                                  "{\"id\":3,\"candidates\":[{\"params\":{\"lr\":0.01,\"opt\":\"adam\"},\"why\":\"small\"},"
                                  "{\"lr\":1.0},{\"lr\":7},{\"learning_rate\":0.1},5,{\"params\":{\"lr\":\"0.1\"},\"confidence\":1}]}",
                                  0);
    assert_int_equal(a.id, 3);
    assert_int_equal(a.n, 3);
    assert_int_equal(a.refused, 3);
    assert_true(fabs(a.dna[0][0] - 0.5) < 1e-9 && a.dna[0][1] == 1);
    assert_string_equal(a.why[0], "small");
    assert_true(a.dna[1][0] == 1 && (a.dna[1][1] == 0 || a.dna[1][1] == 1));
    assert_true(fabs(a.dna[2][0] - 0.75) < 1e-9);
    assert_non_null(strstr(a.trouble, "lr"));
    advice_release(&a);
    space_free(s);
}

static void what_is_no_answer_is_a_cause(void **st)
{
    (void)st;
    struct space *s = make_space();
    static const char *const bad[] = {"", "hello", "[1,2]", "{\"id\":1}", "{\"candidates\":{}}", "{\"candidates\":[", "null"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct advice a = read_answer(s, bad[i], -1);
        advice_release(&a);
    }
    struct advice a = read_answer(s, "{\"terminate\":true}", 0);
    assert_true(a.terminate);
    advice_release(&a);
    space_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_the_history_from_worst_to_best_and_a_target_beyond),
        cmocka_unit_test(good_candidates_are_taken_and_bad_ones_counted),
        cmocka_unit_test(what_is_no_answer_is_a_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
