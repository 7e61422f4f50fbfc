/* The evolution strategy: that it converges, that lattices and categoricals stay alive, that its state survives a copy. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tune/cma.h"
#include "tune/tuner.h"

/* An ellipsoid with axis ratio 1000 : 1, turned by 45 degrees in each pair of coordinates. */
static double ellipsoid(const double *x)
{
    double f = 0;
    for (int i = 0; i < 4; i += 2) {
        double a = x[i] - 0.6 + x[i + 1] - 0.3, b = x[i] - 0.6 - (x[i + 1] - 0.3);
        f += a * a + 1e3 * b * b;
    }
    return f;
}

static void a_turned_ellipsoid_is_solved(void **state)
{
    struct cma c;
    struct rng g;
    double x[4], best = INFINITY, mean[4] = {0.5, 0.5, 0.5, 0.5};
    rng_seed(&g, 1);
    cma_init(&c, 4, 8, 0.25, mean);
    for (int i = 0; i < 2400; i++) {
        cma_sample(&c, &g, x);
        double f = ellipsoid(x);
        best = fmin(best, f);
        cma_tell(&c, x, f);
    }
    assert_true(best < 1e-9);
    assert_true(c.generation == 300);
    cma_release(&c);
}

static void weights_sum_as_the_tutorial_says(void **state)
{
    struct cma c;
    double mean[10] = {0};
    cma_init(&c, 10, 10, 0.3, mean);
    double plus = 0, minus = 0;
    for (int i = 0; i < 10; i++)
        *(c.weight[i] > 0 ? &plus : &minus) += c.weight[i];
    assert_true(fabs(plus - 1) < 1e-12);
    assert_true(minus < 0 && c.mu == 5);
    assert_true(fabs(c.mu_eff - 3.167) < 0.01); /* the tutorial's value for lambda 10 */
    cma_release(&c);
}

static void a_copy_goes_on_in_the_same_way(void **state)
{
    struct cma a, b;
    struct rng g, h;
    struct buf packed = {0};
    double x[4], y[4], mean[4] = {0.2, 0.5, 0.5, 0.9};
    rng_seed(&g, 2);
    cma_init(&a, 4, 8, 0.25, mean);
    for (int i = 0; i < 53; i++) { /* ends inside a generation */
        cma_sample(&a, &g, x);
        cma_tell(&a, x, ellipsoid(x));
    }
    cma_pack(&a, &packed);
    struct unpack in = {.p = packed.data, .n = packed.len};
    assert_int_equal(cma_unpack(&b, 4, &in), 0);
    assert_int_equal(in.n, 0);
    h = g;
    for (int i = 0; i < 40; i++) {
        cma_sample(&a, &g, x);
        cma_sample(&b, &h, y);
        assert_memory_equal(x, y, sizeof x);
        cma_tell(&a, x, ellipsoid(x));
        cma_tell(&b, y, ellipsoid(y));
    }
    in = (struct unpack){.p = packed.data, .n = packed.len - 9};
    cma_release(&b);
    assert_int_equal(cma_unpack(&b, 4, &in), -1);
    cma_release(&a);
    buf_release(&packed);
}

static void a_far_point_does_not_blow_up_the_step(void **state)
{
    struct cma c;
    double mean[2] = {0.5, 0.5}, far[2] = {0, 1};
    cma_init(&c, 2, 6, 1e-3, mean);
    for (int i = 0; i < 6; i++)
        cma_tell(&c, far, 0);
    assert_true(c.sigma < 1e-2);
    assert_true(fabs(c.mean[0] - 0.5) < 0.02);
    cma_release(&c);
}

static void flat_losses_and_tiny_steps_are_stuck(void **state)
{
    struct cma c;
    struct rng g;
    double x[2], mean[2] = {0.5, 0.5};
    rng_seed(&g, 3);
    cma_init(&c, 2, 6, 0.2, mean);
    for (int i = 0; i < 6; i++) {
        assert_false(cma_stuck(&c));
        cma_sample(&c, &g, x);
        cma_tell(&c, x, 1);
    }
    assert_true(cma_stuck(&c));
    cma_release(&c);
}

/* ---- as a tuner ---- */

static struct tuner *cmaes(struct space *s)
{
    char *cause = NULL;
    assert_int_equal(space_finish(s, &cause), 0);
    struct tuner_setup setup = {.space = s, .sampler = "cmaes", .seed = 7, .budget = -1};
    struct tuner *t = tuner_new(&setup, &cause);
    if (!t)
        fail_msg("%s", cause);
    return t;
}

static void numbers_lattices_and_labels_are_solved_together(void **state)
{
    struct space *s = space_new();
    struct tune_value v[3] = {tune_string("a"), tune_string("b"), tune_string("c")};
    struct param *p = space_add(s, "rate");
    p->high = 1;
    p = space_add(s, "units");
    p->type = PARAM_INT;
    p->low = 1;
    p->high = 50;
    p = space_add(s, "kind");
    p->type = PARAM_CATEGORICAL;
    param_set_choices(p, v, 3);
    struct tuner *t = cmaes(s);
    double dna[3], best = INFINITY;
    int right = 0;
    for (int i = 0; i < 400; i++) {
        struct proposal out = {.dna = dna};
        struct tell_result r;
        assert_int_equal(tuner_ask(t, i, &out, NULL), 0);
        double units = param_value(&s->params[1], dna[1]), y = fabs(dna[0] - 0.7) + fabs(units - 37) / 10 + (dna[2] != 2);
        best = fmin(best, y);
        right += i >= 300 && dna[2] == 2;
        assert_int_equal(tuner_tell(t, i, -1, y, true, &r, NULL), 0);
    }
    assert_true(best < 0.01);
    assert_in_range(right, 70, 99); /* found, and the others are still tried now and then */
    tuner_free(t);
    for (int k = 0; k < 3; k++)
        tune_value_free(&v[k]);
}

static void a_space_of_labels_only_works(void **state)
{
    struct space *s = space_new();
    struct tune_value v[4] = {tune_int(1), tune_int(2), tune_int(3), tune_int(4)};
    for (int k = 0; k < 3; k++) {
        struct param *p = space_add(s, k == 0 ? "a" : k == 1 ? "b" : "c");
        p->type = PARAM_CATEGORICAL;
        param_set_choices(p, v, 4);
    }
    struct tuner *t = cmaes(s);
    double dna[3], best = INFINITY;
    for (int i = 0; i < 150; i++) {
        struct proposal out = {.dna = dna};
        struct tell_result r;
        assert_int_equal(tuner_ask(t, i, &out, NULL), 0);
        double y = (dna[0] != 3) + (dna[1] != 0) + (dna[2] != 2);
        best = fmin(best, y);
        assert_int_equal(tuner_tell(t, i, -1, y, true, &r, NULL), 0);
    }
    assert_true(best == 0);
    tuner_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turned_ellipsoid_is_solved),
        cmocka_unit_test(weights_sum_as_the_tutorial_says),
        cmocka_unit_test(a_copy_goes_on_in_the_same_way),
        cmocka_unit_test(a_far_point_does_not_blow_up_the_step),
        cmocka_unit_test(flat_losses_and_tiny_steps_are_stuck),
        cmocka_unit_test(numbers_lattices_and_labels_are_solved_together),
        cmocka_unit_test(a_space_of_labels_only_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
