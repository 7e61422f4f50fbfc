/* Constraints and groups: what the expressions mean and where they are wrong, that nothing infeasible is ever proposed by any
 * sampler, sizes by the formulas, configurations as trees of numbers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tune/expr.h"
#include "tune/region.h"
#include "tune/space_pack.h"
#include "tune/tuner.h"

static void words(struct space *s, const char *name, const char *list)
{
    struct param *p = space_add(s, name);
    struct tune_value v[8];
    char copy[100], *rest = copy, *word;
    int n = 0;
    snprintf(copy, sizeof copy, "%s", list);
    while ((word = strsep(&rest, " ")))
        v[n++] = strcmp(word, "true") && strcmp(word, "false") ? tune_string(word) : tune_bool(*word == 't');
    p->type = PARAM_CATEGORICAL;
    param_set_choices(p, v, n);
    for (int k = 0; k < n; k++)
        tune_value_free(&v[k]);
}

/* lr log 1e-4..1, layers 1..8, dropout 0..0.9, opt sgd|adam, momentum with sgd only, bias true|false */
static struct space *example(void)
{
    struct space *s = space_new();
    struct param *p = space_add(s, "lr");
    *p = (struct param){.name = p->name, .parent = -1, .prior = PRIOR_LOG, .low = 1e-4, .high = 1};
    p = space_add(s, "layers");
    p->type = PARAM_INT;
    p->low = 1;
    p->high = 8;
    space_add(s, "dropout")->high = 0.9;
    words(s, "opt", "sgd adam");
    p = space_add(s, "momentum");
    p->high = 1;
    p->parent = 3;
    p->when = mem_zero(2, sizeof *p->when);
    p->when[0] = true;
    words(s, "bias", "true false");
    assert_int_equal(space_finish(s, NULL), 0);
    return s;
}

static void put(const struct space *s, double *dna, const char *name, struct tune_value v)
{
    int i = space_find(s, name);
    assert_int_equal(param_encode(&s->params[i], &v, &dna[i], NULL), 0);
}

static bool holds(const struct space *s, const char *text, const double *dna)
{
    size_t at;
    char *cause = NULL;
    struct expr *e = expr_compile(s, text, true, &at, &cause);
    if (!e)
        fail_msg("%s: %zu: %s", text, at, cause);
    bool is = expr_holds(e, s, dna);
    assert_true((expr_violation(e, s, dna) == 0) == is);
    expr_free(e);
    return is;
}

static void expressions_mean_what_they_say(void **state)
{
    struct space *s = example();
    double dna[6];
    put(s, dna, "lr", tune_float(0.01));
    put(s, dna, "layers", tune_int(3));
    put(s, dna, "dropout", tune_float(0.5));
    struct tune_value adam = {.kind = TUNE_STRING, .s = (char *)"adam"};
    put(s, dna, "opt", adam);
    dna[4] = NAN; /* momentum is inactive */
    put(s, dna, "bias", tune_bool(false));
    static const char *const yes[] = {
        "layers == 3", "layers >= 2 or dropout == 0", "lr * layers < 0.031", "opt == 'adam' and not bias", "opt != \"sgd\"",
        "1 < layers <= 3", "2 ** layers == 8", "-layers + 5 == 2", "layers % 2 == 1", "min(layers, 2, 7) == 2",
        "max(layers, 4) == 4", "abs(log(exp(2)) - 2) < 1e-9", "sqrt(layers * 12) == 6", "not (layers > 3 or bias)",
        "2 + 3 * layers == 11", "(2 + 3) * layers == 15", "bias == false", "!bias && layers >= 3", "`layers` == 3",
        "momentum < 0.1", "not momentum < 0.1", "momentum > 2 or layers == 3", "momentum * 0 == 1", "layers - 1 - 1 == 1"};
    static const char *const no[] = {
        "layers == 2", "layers < 2 or dropout == 0", "opt == 'sgd'", "bias", "3 < layers", "log(-1) < 0", "log(-1) > 0",
        "0 / 0 == 0 / 0", "momentum < 0.1 and layers == 2", "not (layers == 3)", "2 < layers < 3"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!holds(s, yes[i], dna))
            fail_msg("%s should hold", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (holds(s, no[i], dna))
            fail_msg("%s should not hold", no[i]);
    space_free(s);
}

static void mistakes_are_told_at_their_place(void **state)
{
    static const struct {
        const char *text;
        size_t at;
        const char *what;
    } wrong[] = {
        {"layers >=", 9, "ends too early"},
        {"lr * leyers < 2", 5, "did you mean layers"},
        {"opt == adam", 7, "no parameter is called adam"},
        {"opt == 'adamm'", 7, "'adamm' is no value of opt"},
        {"layers = 2", 7, "equality is written =="},
        {"opt < 2", 0, "a number is needed here, this is a text"},
        {"opt == 2", 4, "a text is compared with a number"},
        {"layers + 1", 7, "true or false is needed"},
        {"(layers > 2", 11, ") is missing"},
        {"layers > 2 layers", 11, "does not belong here"},
        {"log(lr, 2) < 1", 8, "it takes one number"},
        {"sin(lr) < 1", 0, "no such function"},
        {"opt == 'adam", 7, "the quote is not closed"},
        {"lr < 1e999", 5, "not a number"},
        {"", 0, "ends too early"},
        {"lr < $", 5, "is expected here"},
    };
    struct space *s = example();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t at = 999;
        char *cause = NULL;
        assert_null(expr_compile(s, wrong[i].text, true, &at, &cause));
        if (at != wrong[i].at || !strstr(cause, wrong[i].what))
            fail_msg("\"%s\": %zu \"%s\", not %zu \"%s\"", wrong[i].text, at, cause, wrong[i].at, wrong[i].what);
        free(cause);
    }
    char deep[400] = "";
    memset(deep, '(', 300);
    assert_null(expr_compile(s, deep, true, NULL, NULL));
    space_free(s);
}

static void constrain(struct space *s, const char *text)
{
    size_t at;
    char *cause = NULL;
    if (space_constrain(s, text, &at, &cause) < 0)
        fail_msg("%s: %s", text, cause);
    assert_int_equal(space_finish(s, NULL), 0);
}

static void every_sampler_stays_feasible(void **state)
{
    static const char *const rules[] = {
        "layers >= 6 or dropout < 0.05",            /* a third of the space */
        "abs(dropout - 0.3) < 0.002 and layers == 7", /* one in 2000: only repairing finds it */
    };
    for (size_t k = 0; k < 2; k++) {
        struct space *s = example();
        constrain(s, rules[k]);
        for (int a = 0; tuner_list[a]; a++) {
            char *cause = NULL;
            struct tuner_setup setup = {.space = space_copy(s), .sampler = tuner_list[a]->name, .seed = k, .budget = -1};
            struct tuner *t = tuner_list[a]->propose ? tuner_new(&setup, &cause) : NULL;
            double dna[6];
            struct proposal p = {.dna = dna};
            struct tell_result r;
            for (int i = 0; t && i < 9; i++) {
                int rc = tuner_ask(t, i, &p, &cause);
                if (rc < 0)
                    fail_msg("%s under %s: %s", tuner_list[a]->name, rules[k], cause);
                if (rc != 0)
                    break;
                if (space_check(s, dna, &cause) < 0)
                    fail_msg("%s proposed %s", tuner_list[a]->name, cause);
                tuner_tell(t, p.resume >= 0 ? p.resume : i, -1, dna[0] + dna[2], true, &r, NULL);
            }
            if (t)
                tuner_free(t);
            else
                space_free(setup.space);
            free(cause);
        }
        space_free(s);
    }
}

static void adopted_trials_are_feasible_too(void **state)
{
    struct space *s = example();
    constrain(s, "layers > 4");
    struct tuner_setup setup = {.space = s, .sampler = "random", .budget = -1};
    struct tuner *t = tuner_new(&setup, NULL);
    double dna[6];
    struct rng g;
    char *cause = NULL;
    rng_seed(&g, 1);
    space_sample(s, &g, dna);
    assert_int_equal(tuner_adopt(t, 0, dna, NULL, NULL), 0);
    put(s, dna, "layers", tune_int(2));
    assert_int_equal(tuner_adopt(t, 1, dna, NULL, &cause), -1);
    assert_string_equal(cause, "the constraint \"layers > 4\" does not hold");
    free(cause);
    tuner_free(t);
}

static void what_nothing_satisfies_is_refused(void **state)
{
    static const char *const rules[] = {"layers > 8", "lr > 2", "layers < 3 and layers > 3"};
    for (size_t i = 0; i < 3; i++) {
        struct space *s = example();
        char *cause = NULL;
        constrain(s, rules[i]);
        struct tuner_setup setup = {.space = s, .budget = -1};
        assert_null(tuner_new(&setup, &cause));
        assert_non_null(strstr(cause, rules[i]));
        free(cause);
        space_free(s);
    }
}

/* ---- groups ---- */

static struct space *choosing(int n, int k, bool distinct, bool sorted)
{
    struct space *s = space_new();
    struct tune_value v[12];
    for (int i = 0; i < n; i++)
        v[i] = tune_int(10 * i);
    assert_int_equal(space_choose_from(s, "pick", v, n, k, distinct, sorted, NULL), 0);
    assert_int_equal(space_finish(s, NULL), 0);
    return s;
}

static bool tally(void *arg, const double *dna)
{
    ++*(int *)arg;
    return true;
}

static void sizes_follow_the_formulas(void **state)
{
    static const struct {
        int n, k;
        bool distinct, sorted;
        double size;
    } cases[] = {
        {5, 2, true, true, 10},   {5, 2, true, false, 20},  {5, 2, false, true, 15}, {5, 2, false, false, 25},
        {6, 6, true, true, 1},    {6, 6, true, false, 720}, {4, 3, false, true, 20}, {1, 3, false, false, 1},
        {10, 4, true, true, 210}, {7, 1, true, false, 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct space *s = choosing(cases[i].n, cases[i].k, cases[i].distinct, cases[i].sorted);
        int visited = 0;
        assert_true(space_count(s) == cases[i].size);
        space_each(s, tally, &visited);
        assert_true(visited == cases[i].size);
        space_free(s);
    }
}

static void what_hangs_on_a_choice_is_counted_with_it(void **state)
{
    for (int kind = 0; kind < 4; kind++) {
        struct space *s = choosing(4, 2, kind & 1, kind & 2);
        struct param *p = space_add(s, "extra"); /* three values, when the first pick is 10 or 20 */
        p->type = PARAM_INT;
        p->high = 2;
        p->parent = 0;
        p->when = mem_zero(4, sizeof *p->when);
        p->when[1] = p->when[2] = true;
        assert_int_equal(space_finish(s, NULL), 0);
        int visited = 0;
        space_each(s, tally, &visited);
        assert_true(space_count(s) == visited);
        space_free(s);
    }
}

static void a_grid_goes_through_canonical_ones_only(void **state)
{
    struct space *s = choosing(5, 3, true, true);
    constrain(s, "pick.2 < 40");
    assert_true(space_count(s) == 4);
    struct tuner_setup setup = {.space = s, .sampler = "grid", .budget = -1};
    struct tuner *t = tuner_new(&setup, NULL);
    double dna[3];
    struct proposal p = {.dna = dna};
    int n = 0;
    for (; tuner_ask(t, n, &p, NULL) == 0; n++)
        assert_true(dna[0] < dna[1] && dna[1] < dna[2] && dna[2] < 4);
    assert_int_equal(n, 4);
    tuner_free(t);
}

static void draws_of_a_group_are_even(void **state)
{
    struct space *s = choosing(4, 2, true, true);
    struct rng g;
    int hits[4][4] = {{0}};
    double dna[2];
    rng_seed(&g, 3);
    for (int i = 0; i < 6000; i++) {
        space_sample(s, &g, dna);
        hits[(int)dna[0]][(int)dna[1]]++;
    }
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < 4; b++)
            assert_true(a < b ? abs(hits[a][b] - 1000) < 150 : hits[a][b] == 0);
    space_free(s);
}

/* ---- trees of numbers ---- */

static void configurations_go_through_their_text(void **state)
{
    struct space *s = example();
    struct tune_value v[] = {tune_int(1), tune_int(2), tune_int(3)};
    assert_int_equal(space_choose_from(s, "pick", v, 3, 2, true, false, NULL), 0);
    assert_int_equal(space_finish(s, NULL), 0);
    struct rng g;
    double dna[8], back[8];
    rng_seed(&g, 9);
    for (int i = 0; i < 200; i++) {
        struct buf text = {0};
        char *cause = NULL;
        space_sample(s, &g, dna);
        space_dna_text(s, dna, &text);
        if (space_dna_parse(s, buf_cstr(&text), back, &cause) < 0 || !space_same(s, dna, back))
            fail_msg("%s: %s", buf_cstr(&text), cause ? cause : "another configuration");
        buf_release(&text);
    }
    struct buf text = {0};
    double known[] = {0.5, 0, 0.25, 0, 0.75, 1, 2, 0};
    space_canon(s, known);
    space_dna_text(s, known, &text);
    assert_non_null(strstr(buf_cstr(&text), "0.25, (0, 0.75), 1, [2, 0]]"));
    buf_release(&text);
    static const struct {
        const char *text, *what;
    } wrong[] = {{"", "column 1: [ is expected"},
                 {"[0.5", "column 5: a comma is expected"},
                 {"[2", "column 2: 2 is no place of lr"},
                 {"[0.5, 0.0625, 0.25, 0, 1, [0, 1]]", "momentum is missing"},
                 {"[0.5, 0.0625, 0.25, 1, 1, [0, 0]]", "must be different"},
                 {"[0.5, 0.0625, 0.25, 1, 1, [0, 1]] x", "something follows"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *cause = NULL;
        assert_int_equal(space_dna_parse(s, wrong[i].text, back, &cause), -1);
        if (!strstr(cause, wrong[i].what))
            fail_msg("%s: %s", wrong[i].text, cause);
        free(cause);
    }
    space_free(s);
}

static void rules_survive_packing_and_copies(void **state)
{
    struct space *s = choosing(5, 3, true, true);
    constrain(s, "pick.2 < 40");
    struct buf b = {0};
    struct space *c = space_copy(s);
    space_pack(c, &b);
    space_free(c);
    struct unpack in = {.p = b.data, .n = b.len};
    c = space_unpack(&in);
    assert_non_null(c);
    assert_true(space_count(c) == 4 && c->n_groups == 1 && c->groups[0].distinct && c->groups[0].sorted);
    assert_string_equal(expr_text(c->constraints[0]), "pick.2 < 40");
    space_free(c);
    for (size_t cut = 0; cut < b.len; cut++) {
        in = (struct unpack){.p = b.data, .n = cut};
        assert_null(space_unpack(&in));
    }
    buf_release(&b);
    space_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_mean_what_they_say),
        cmocka_unit_test(mistakes_are_told_at_their_place),
        cmocka_unit_test(every_sampler_stays_feasible),
        cmocka_unit_test(adopted_trials_are_feasible_too),
        cmocka_unit_test(what_nothing_satisfies_is_refused),
        cmocka_unit_test(sizes_follow_the_formulas),
        cmocka_unit_test(what_hangs_on_a_choice_is_counted_with_it),
        cmocka_unit_test(a_grid_goes_through_canonical_ones_only),
        cmocka_unit_test(draws_of_a_group_are_even),
        cmocka_unit_test(configurations_go_through_their_text),
        cmocka_unit_test(rules_survive_packing_and_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
