/* Parzen mixtures are densities, and TPE finds what random search does not. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tune/parzen.h"
#include "tune/tuner.h"

static struct param *add(struct space *s, const char *name, enum param_type type, double low, double high)
{
    struct param *p = space_add(s, name);
    p->type = type;
    p->low = low;
    p->high = high;
    return p;
}

/* x continuous, k of five values, label of three, y only with label 2 */
static struct space *mixed(void)
{
    struct space *s = space_new();
    const struct tune_value labels[3] = {tune_int(7), tune_int(1), tune_int(5)};
    add(s, "x", PARAM_FLOAT, -1, 1);
    add(s, "k", PARAM_INT, 1, 5);
    param_set_choices(add(s, "label", PARAM_CATEGORICAL, 0, 0), labels, 3);
    struct param *y = add(s, "y", PARAM_FLOAT, 0, 10);
    y->parent = 2;
    y->when = mem_zero(3, sizeof *y->when);
    y->when[2] = true;
    assert_int_equal(space_finish(s, NULL), 0);
    return s;
}

static double total_mass(const struct space *s, struct parzen *p)
{
    double sum = 0, dna[4];
    for (int label = 0; label < 3; label++)
        for (int k = 0; k < 5; k++)
            for (int i = 0; i < 200; i++)
                for (int j = 0; j < (label == 2 ? 200 : 1); j++) {
                    dna[0] = (i + 0.5) / 200;
                    dna[1] = param_nth(&s->params[1], k);
                    dna[2] = label;
                    dna[3] = label == 2 ? (j + 0.5) / 200 : NAN;
                    sum += exp(parzen_log(p, dna)) / 200 / (label == 2 ? 200 : 1);
                }
    return sum;
}

static void a_mixture_integrates_to_one(void **state)
{
    struct space *s = mixed();
    struct rng g;
    double dna[12][4];
    const double *rows[12];
    rng_seed(&g, 1);
    for (int i = 0; i < 12; i++) {
        space_sample(s, &g, dna[i]);
        rows[i] = dna[i];
    }
    for (int neighbours = 0; neighbours < 2; neighbours++) {
        struct parzen_options o = {.prior = 1, .neighbours = neighbours, .width = 0.2};
        struct parzen *p = parzen_new(s, rows, NULL, 12, &o);
        double mass = total_mass(s, p);
        if (!(fabs(mass - 1) < 2e-3))
            fail_msg("mass %g", mass);
        parzen_free(p);
    }
    space_free(s);
}

static void draws_follow_their_density(void **state)
{
    struct space *s = mixed();
    double one[4] = {0.2, 0, 1, NAN}, dna[4];
    const double *rows[1] = {one};
    struct parzen_options o = {.prior = 0.25, .width = 0.1};
    struct rng g;
    one[1] = param_nth(&s->params[1], 3);
    struct parzen *p = parzen_new(s, rows, NULL, 1, &o);
    double label = 0, near = 0, expected = 0, expected_near = 0;
    rng_seed(&g, 2);
    for (int i = 0; i < 20000; i++) {
        parzen_draw(p, &g, dna);
        assert_int_equal(space_check(s, dna, NULL), 0);
        label += dna[2] == 1;
        near += dna[2] == 1 && dna[0] < 0.3;
    }
    for (int k = 0; k < 5; k++) /* P(label 1) by adding up the density */
        for (int i = 0; i < 400; i++) {
            const double at[4] = {(i + 0.5) / 400, param_nth(&s->params[1], k), 1, NAN};
            double mass = exp(parzen_log(p, at)) / 400;
            expected += mass;
            expected_near += at[0] < 0.3 ? mass : 0;
        }
    assert_true(fabs(label / 20000 - expected) < 0.015);
    assert_true(fabs(near / 20000 - expected_near) < 0.015);
    parzen_free(p);
    space_free(s);
}

static double after(const char *sampler, int evaluations, uint64_t seed)
{
    struct tuner_setup setup = {.space = mixed(), .sampler = sampler, .seed = seed, .budget = -1};
    struct tuner *t = tuner_new(&setup, NULL);
    double best = INFINITY, dna[4];
    for (int i = 0; i < evaluations; i++) {
        struct proposal p = {.dna = dna};
        struct tell_result r;
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        double x = param_value(&tuner_space(t)->params[0], dna[0]),
               k = param_value(&tuner_space(t)->params[1], dna[1]);
        double f = (x - 0.3) * (x - 0.3) + 0.1 * fabs(k - 4) + (dna[2] == 2 ? fabs(dna[3] - 0.7) : 0.5);
        best = fmin(best, f);
        assert_int_equal(tuner_tell(t, i, -1, f, true, &r, NULL), 0);
    }
    tuner_free(t);
    return best;
}

static void tpe_beats_random_search_on_a_conditional_space(void **state)
{
    double tpe = 0, chance = 0;
    for (uint64_t seed = 0; seed < 8; seed++) {
        tpe += after("tpe", 80, seed) / 8;
        chance += after("random", 80, seed) / 8;
    }
    assert_true(tpe < 0.4 * chance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mixture_integrates_to_one),
        cmocka_unit_test(draws_follow_their_density),
        cmocka_unit_test(tpe_beats_random_search_on_a_conditional_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
