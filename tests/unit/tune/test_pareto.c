/* Fronts, crowding and volumes against numbers worked out by hand; the samplers for several objectives against random search. */
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
#include "tune/pareto.h"
#include "tune/tuner.h"

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-12 * (1 + fabs(want))))
        fail_msg("%.17g is not %.17g", got, want);
}

static void fronts_are_what_they_are_by_hand(void **state)
{
    const double x[] = {1, 5, 2, 3, 4, 1, 2, 4, 4, 4, 5, 5, 2, 3};
    const int want[] = {0, 0, 0, 1, 2, 3, 0}; /* equal points do not dominate each other */
    int front[7];
    assert_int_equal(pareto_fronts(x, 7, 2, front), 4);
    for (int i = 0; i < 7; i++)
        assert_int_equal(front[i], want[i]);
    assert_int_equal(pareto_fronts(x, 0, 2, front), 0);
    assert_true(pareto_dominates((double[]){1, 2}, (double[]){1, 3}, 2));
    assert_false(pareto_dominates((double[]){1, 2}, (double[]){1, 2}, 2));
}

static void crowding_is_the_sum_of_the_gaps(void **state)
{
    const double x[] = {0, 4, 1, 2, 2, 1, 4, 0};
    double d[4];
    pareto_crowding(x, 4, 2, d);
    assert_true(isinf(d[0]) && isinf(d[3]));
    near(d[1], 2.0 / 4 + 3.0 / 4);
    near(d[2], 3.0 / 4 + 2.0 / 4);
}

static void volumes_are_exact_in_two_to_five_dimensions(void **state)
{
    const double two[] = {1, 3, 2, 2, 3, 1, 3, 3, 9, 0};
    near(pareto_volume(two, 5, 2, (double[]){4, 4}), 3 + 2 + 1); /* the last two add nothing */
    near(pareto_volume(two, 1, 2, (double[]){4, 4}), 3);
    near(pareto_volume(two, 0, 2, (double[]){4, 4}), 0);
    const double three[] = {0, 1, 1, 1, 0, 1, 1, 1, 0};
    near(pareto_volume(three, 3, 3, (double[]){2, 2, 2}), 2 + 2 + 2 - 3 * 1 + 1); /* inclusion and exclusion */
    near(pareto_volume((double[]){3, 1, 2}, 3, 1, (double[]){5}), 4);
    /* four: two boxes 2 x 1 x 1 x 1 and 1 x 2 x 1 x 1 that share the unit box; then the same padded to five */
    const double four[] = {0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1};
    near(pareto_volume(four, 3, 4, (double[]){2, 2, 2, 2}), 3);
    const double five[] = {0, 1, 1, 1, 0.5, 1, 0, 1, 1, 0.5};
    near(pareto_volume(five, 2, 5, (double[]){2, 2, 2, 2, 2}), 3 * 1.5);
}

/* The recursion for many against slices: a fourth coordinate that is the same everywhere is a factor. */
static void many_agrees_with_three(void **state)
{
    struct rng g;
    rng_seed(&g, 5);
    for (int round = 0; round < 30; round++) {
        double three[20 * 3], four[20 * 4], best = 0;
        int n = 1 + (int)rng_below(&g, 20);
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < 3; k++)
                four[i * 4 + k] = three[i * 3 + k] = floor(rng_unit(&g) * 6) / 6; /* with ties */
            four[i * 4 + 3] = 0.25;
        }
        best = pareto_volume(three, n, 3, (double[]){1, 1, 1});
        near(pareto_volume(four, n, 4, (double[]){1, 1, 1, 1}), 0.75 * best);
        int all[20];
        pareto_choose(three, n, 3, (double[]){1, 1, 1}, n, all);
        double chosen[20 * 3];
        for (int i = 0; i < n; i++)
            memcpy(chosen + 3 * i, three + 3 * all[i], 3 * sizeof *chosen);
        near(pareto_volume(chosen, n, 3, (double[]){1, 1, 1}), best);
    }
}

static void the_reference_lies_behind_the_worst(void **state)
{
    double r[2];
    pareto_reference((double[]){1, -2, 10, -4}, 2, 2, r);
    near(r[0], 11);
    near(r[1], -1.8);
}

static void the_greedy_choice_begins_with_the_largest_box(void **state)
{
    const double x[] = {0, 3, 1, 1, 3, 0, 1.1, 1.1};
    int chosen[3];
    pareto_choose(x, 4, 2, (double[]){4, 4}, 3, chosen);
    assert_int_equal(chosen[0], 1); /* 9 against 4, 4, 8.41 */
    assert_true(chosen[1] + chosen[2] == 0 + 2);
}

/* ---- searching ---- */

static void zdt1(const double *u, int d, double *f)
{
    double g = 0;
    for (int i = 1; i < d; i++)
        g += u[i];
    g = 1 + 9 * g / (d - 1);
    f[0] = u[0];
    f[1] = g * (1 - sqrt(u[0] / g));
}

static void dtlz2(const double *u, int d, double *f)
{
    double g = 0;
    for (int i = 2; i < d; i++)
        g += (u[i] - 0.5) * (u[i] - 0.5);
    f[0] = (1 + g) * cos(u[0] * M_PI / 2) * cos(u[1] * M_PI / 2);
    f[1] = (1 + g) * cos(u[0] * M_PI / 2) * sin(u[1] * M_PI / 2);
    f[2] = (1 + g) * sin(u[0] * M_PI / 2);
}

static double volume_of(const char *sampler, void (*f)(const double *, int, double *), int d, int m, int trials, uint64_t seed)
{
    static const struct objective goals[] = {{"a", false, NAN}, {"b", false, NAN}, {"c", false, NAN}};
    struct space *s = space_new();
    char *cause = NULL, name[8];
    for (int i = 0; i < d; i++) {
        snprintf(name, sizeof name, "x%d", i);
        struct param *p = space_add(s, name);
        p->high = 1;
    }
    assert_int_equal(space_finish(s, NULL), 0);
    struct tuner_setup setup = {.space = s, .sampler = sampler, .seed = seed, .budget = trials, .objectives = goals,
                                .n_objectives = m};
    struct tuner *t = tuner_new(&setup, &cause);
    if (!t)
        fail_msg("%s: %s", sampler, cause);
    double dna[8], *x = mem_zero((size_t)(trials * m), sizeof *x);
    struct proposal p = {.dna = dna};
    struct tell_result r;
    for (int i = 0; i < trials; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        f(dna, d, x + i * m);
        assert_int_equal(tuner_tell_values(t, i, -1, x + i * m, m, &r, NULL), 0);
    }
    double v = pareto_volume(x, trials, m, m == 2 ? (double[]){1.1, 6} : (double[]){2, 2, 2});
    tuner_free(t);
    free(x);
    return v;
}

static void they_dominate_more_than_random_search(void **state)
{
    static const struct {
        const char *name;
        int trials;
    } samplers[] = {{"nsga2", 200}, {"motpe", 100}, {"parego", 40}};
    for (size_t k = 0; k < 3; k++) {
        double gain2 = 0, gain3 = 0;
        for (uint64_t seed = 0; seed < 2; seed++) {
            gain2 += volume_of(samplers[k].name, zdt1, 5, 2, samplers[k].trials, seed) -
                     volume_of("random", zdt1, 5, 2, samplers[k].trials, seed + 50);
            gain3 += volume_of(samplers[k].name, dtlz2, 5, 3, samplers[k].trials, seed) -
                     volume_of("random", dtlz2, 5, 3, samplers[k].trials, seed + 50);
        }
        print_message("%s: %+.3f on ZDT1, %+.3f on DTLZ2 against random\n", samplers[k].name, gain2 / 2, gain3 / 2);
        if (!(gain2 > 0.2 && gain3 > 0))
            fail_msg("%s is not better than random search: %g %g", samplers[k].name, gain2, gain3);
    }
}

static void auto_chooses_by_the_number_of_objectives(void **state)
{
    static const struct objective goals[] = {{"a", false, NAN}, {"b", true, NAN}};
    static const struct {
        int64_t budget;
        const char *name;
    } cases[] = {{50, "parego"}, {500, "motpe"}, {5000, "nsga2"}};
    for (size_t i = 0; i < 3; i++) {
        struct space *s = space_new();
        char text[300];
        space_add(s, "x")->high = 1;
        assert_int_equal(space_finish(s, NULL), 0);
        struct tuner_setup setup = {.space = s, .budget = cases[i].budget, .objectives = goals, .n_objectives = 2};
        struct tuner *t = tuner_new(&setup, NULL);
        tuner_describe(t, text, sizeof text);
        assert_non_null(strstr(text, cases[i].name));
        assert_non_null(strstr(text, "2 objectives"));
        tuner_free(t);
    }
}

static void values_have_the_signs_of_their_goals_and_survive_a_dump(void **state)
{
    static const struct objective goals[] = {{"loss", false, NAN}, {"speed", true, 5}};
    struct space *s = space_new();
    space_add(s, "x")->high = 1;
    assert_int_equal(space_finish(s, NULL), 0);
    struct tuner_setup setup = {.space = s, .sampler = "nsga2", .budget = -1, .objectives = goals, .n_objectives = 2};
    struct tuner *t = tuner_new(&setup, NULL), *u;
    double dna[1];
    struct proposal p = {.dna = dna};
    struct tell_result r;
    char *cause = NULL;
    for (int i = 0; i < 4; i++)
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
    assert_int_equal(tuner_tell_values(t, 0, -1, (double[]){2, 7}, 2, &r, NULL), 0);
    assert_int_equal(tuner_tell_values(t, 1, -1, (double[]){1, NAN}, 2, &r, NULL), 0);
    assert_int_equal(tuner_tell_values(t, 2, -1, (double[]){1}, 1, &r, &cause), -1);
    assert_string_equal(cause, "this sweep has 2 objectives, not 1");
    free(cause);
    const struct history *h = tuner_history(t);
    assert_true(h->trials[0].loss == 2 && h->trials[0].n_losses == 2 && h->trials[0].losses[1] == -7);
    assert_true(h->trials[1].end == END_FAILED && h->trials[1].n_losses == 0);
    u = tuner_copy(t, NULL);
    const struct objective *o;
    assert_int_equal(tuner_objectives(u, &o), 2);
    assert_true(!strcmp(o[1].name, "speed") && o[1].maximize && o[1].reference == 5);
    assert_true(tuner_history(u)->trials[0].losses[1] == -7);
    tuner_free(t);
    tuner_free(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fronts_are_what_they_are_by_hand),
        cmocka_unit_test(crowding_is_the_sum_of_the_gaps),
        cmocka_unit_test(volumes_are_exact_in_two_to_five_dimensions),
        cmocka_unit_test(many_agrees_with_three),
        cmocka_unit_test(the_reference_lies_behind_the_worst),
        cmocka_unit_test(the_greedy_choice_begins_with_the_largest_box),
        cmocka_unit_test(they_dominate_more_than_random_search),
        cmocka_unit_test(auto_chooses_by_the_number_of_objectives),
        cmocka_unit_test(values_have_the_signs_of_their_goals_and_survive_a_dump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
