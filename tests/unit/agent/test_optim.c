/* The digits trainer's update rules against values computed independently (three steps, g = 1, 1, -0.5, lr 1e-3). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/examples/digits/optim.c"

static void run(enum optim_rule rule, double lr, double decay, const double want[3])
{
    static const double g[3] = {1, 1, -0.5};
    struct optim o;
    double w = 0;
    assert_int_equal(optim_init(&o, rule, 1), 0);
    for (int i = 0; i < 3; i++) {
        optim_step(&o, &w, &g[i], lr, decay);
        if (fabs(w - want[i]) > 5e-11)
            fail_msg("step %d: %.12f, expected %.12f", i + 1, w, want[i]);
    }
    optim_release(&o);
}

static void exadam_gives_the_reference_values(void **state)
{
    (void)state;
    run(OPTIM_EXADAM, 1e-3, 0, (double[]){-0.0110573758, -0.0193903191, -0.0168399163});
}

static void adam_gives_the_reference_values(void **state)
{
    (void)state;
    run(OPTIM_ADAM, 1e-3, 0, (double[]){-0.001, -0.002, -0.0025156534});
}

static void momentum_accumulates(void **state)
{
    (void)state;
    run(OPTIM_MOMENTUM, 0.1, 0, (double[]){-0.1, -0.29, -0.411});
}

static void weight_decay_is_decoupled(void **state)
{
    (void)state;
    struct optim o;
    double w = 2, g = 0;
    assert_int_equal(optim_init(&o, OPTIM_SGD, 1), 0);
    optim_step(&o, &w, &g, 0.1, 0.5);
    assert_true(fabs(w - 1.9) < 1e-15);
    optim_release(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exadam_gives_the_reference_values),
        cmocka_unit_test(adam_gives_the_reference_values),
        cmocka_unit_test(momentum_accumulates),
        cmocka_unit_test(weight_decay_is_decoupled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
