/* A space that is a list: every sampler keeps to it, repeats nothing and is done when the list is; bans, versions and dumps hold. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tune/candidates.h"
#include "tune/tuner.h"

#define ROWS 24

static struct param *add(struct space *s, const char *name, enum param_type type, double low, double high)
{
    struct param *p = space_add(s, name);
    p->type = type;
    p->low = low;
    p->high = high;
    return p;
}

/* x continuous, k an integer, label of two; 24 rows of it, the last two alike */
static struct space *listed(void)
{
    const struct tune_value labels[2] = {tune_int(10), tune_int(20)};
    struct space *s = space_new();
    struct rng g;
    double dna[3];
    add(s, "x", PARAM_FLOAT, 0, 1);
    add(s, "k", PARAM_INT, 1, 8);
    param_set_choices(add(s, "label", PARAM_CATEGORICAL, 0, 0), labels, 2);
    assert_int_equal(space_finish(s, NULL), 0);
    rng_seed(&g, 11);
    struct candidates *list = candidates_new(3);
    for (int i = 0; i < ROWS; i++) {
        space_sample(s, &g, dna);
        candidates_add(list, dna);
    }
    candidates_add(list, dna);
    assert_int_equal(candidates_seal(list), 1);
    assert_int_equal(list->n, ROWS);
    s->list = list;
    return s;
}

static struct tuner *tuner_of(const char *sampler)
{
    struct tuner_setup setup = {.space = listed(), .sampler = sampler, .seed = 2, .budget = -1};
    struct tuner *t = tuner_new(&setup, NULL);
    if (!t)
        space_free(setup.space);
    return t;
}

static double loss(const double *dna)
{
    return (dna[0] - 0.4) * (dna[0] - 0.4) + 0.1 * dna[2];
}

static void every_sampler_tries_every_row_once(void **state)
{
    int samplers = 0;
    for (int i = 0; tuner_list[i]; i++) {
        struct tuner *t = tuner_list[i]->propose ? tuner_of(tuner_list[i]->name) : NULL;
        bool seen[ROWS] = {false};
        double dna[3];
        int n = 0;
        if (!t)
            continue;
        for (; n < 3 * ROWS; n++) {
            struct proposal p = {.dna = dna};
            struct tell_result r;
            if (tuner_ask(t, n, &p, NULL) != 0)
                break;
            int row = candidates_find(tuner_space(t)->list, dna);
            if (row < 0 || seen[row])
                fail_msg("%s: ask %d is %s", tuner_list[i]->name, n, row < 0 ? "no row" : "a row that was tried");
            seen[row] = true;
            assert_int_equal(tuner_tell(t, n, 1, loss(dna), true, &r, NULL), 0);
        }
        if (n != ROWS)
            fail_msg("%s: %d of %d rows", tuner_list[i]->name, n, ROWS);
        samplers++;
        tuner_free(t);
    }
    assert_true(samplers >= 10);
}

static void a_ban_holds_among_the_rows(void **state)
{
    struct tuner *t = tuner_of("tpe");
    struct steer_request rq = {.verb = STEER_BAN, .target = "label=20", .weight = 2, .factor = 1, .pulls = -1};
    int64_t token;
    double dna[3];
    int n = 0, want = 0;
    char *cause = NULL;
    for (int i = 0; i < ROWS; i++)
        want += candidates_row(tuner_space(t)->list, i)[2] == 0;
    assert_true(want > 3 && want < ROWS);
    assert_int_equal(tuner_steer(t, &rq, &token, NULL), 0);
    for (;; n++) {
        struct proposal p = {.dna = dna};
        struct tell_result r;
        if (tuner_ask(t, n, &p, &cause) != 0)
            break;
        assert_true(dna[2] == 0);
        assert_int_equal(tuner_tell(t, n, 1, loss(dna), true, &r, NULL), 0);
    }
    assert_int_equal(n, want);
    assert_non_null(strstr(cause, "candidates"));
    free(cause);
    tuner_free(t);
}

static void a_version_keeps_the_rows_that_fit(void **state)
{
    struct tuner *t = tuner_of("random");
    const struct space *old = tuner_space(t);
    int want = 0, rows;
    for (int i = 0; i < ROWS; i++)
        want += param_value(&old->params[1], candidates_row(old->list, i)[1]) <= 4;
    struct space *next = space_bound(old, 1, 1, 4, NULL);
    assert_int_equal(tuner_set_space(t, &next, NULL), 0);
    rows = tuner_space(t)->list->n;
    assert_int_equal(rows, want);
    assert_int_equal((int)space_count(tuner_space(t)), want);
    struct space *none = space_bound(tuner_space(t), 0, 2, 3, NULL);
    char *cause = NULL;
    assert_int_equal(tuner_set_space(t, &none, &cause), -1);
    assert_non_null(strstr(cause, "none of the"));
    free(cause);
    space_free(none);
    tuner_free(t);
}

static void a_dump_carries_the_list(void **state)
{
    struct tuner *t = tuner_of("gp"), *u;
    struct buf dump = {0};
    double a[3], b[3];
    struct tell_result r;
    for (int i = 0; i < 8; i++) {
        struct proposal p = {.dna = a};
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        assert_int_equal(tuner_tell(t, i, 1, loss(a), true, &r, NULL), 0);
    }
    tuner_dump(t, &dump);
    u = tuner_of("gp");
    assert_int_equal(tuner_load(u, dump.data, dump.len, NULL), 0);
    for (int i = 8; i < ROWS; i++) {
        struct proposal p = {.dna = a}, q = {.dna = b};
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        assert_int_equal(tuner_ask(u, i, &q, NULL), 0);
        assert_memory_equal(a, b, sizeof a);
        assert_int_equal(tuner_tell(t, i, 1, loss(a), true, &r, NULL), 0);
        assert_int_equal(tuner_tell(u, i, 1, loss(b), true, &r, NULL), 0);
    }
    buf_release(&dump);
    tuner_free(t);
    tuner_free(u);
}

static void what_is_no_row_cannot_be_enqueued(void **state)
{
    struct tuner *t = tuner_of("random");
    double dna[3] = {0.123456, 0, 0};
    char *cause = NULL;
    space_canon(tuner_space(t), dna);
    assert_int_equal(tuner_adopt(t, 0, dna, "enqueued", &cause), -1);
    assert_non_null(strstr(cause, "none of the candidates"));
    assert_int_equal(tuner_adopt(t, 0, candidates_row(tuner_space(t)->list, 3), "enqueued", NULL), 0);
    free(cause);
    tuner_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sampler_tries_every_row_once),
        cmocka_unit_test(a_ban_holds_among_the_rows),
        cmocka_unit_test(a_version_keeps_the_rows_that_fit),
        cmocka_unit_test(a_dump_carries_the_list),
        cmocka_unit_test(what_is_no_row_cannot_be_enqueued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
