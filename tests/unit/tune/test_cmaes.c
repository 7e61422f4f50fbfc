/* CMA-ES on functions whose minimum is known: quadratic, curved valley, integers, categories, many open trials. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tune/tuner.h"

typedef double function(const struct space *s, const double *dna);

static struct space *box(int n, enum param_type type, double low, double high)
{
    struct space *s = space_new();
    for (int i = 0; i < n; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", i);
        struct param *p = space_add(s, name);
        p->type = type;
        p->low = low;
        p->high = high;
    }
    return s;
}

static double x(const struct space *s, const double *dna, int i)
{
    return param_value(&s->params[i], dna[i]);
}

static double sphere(const struct space *s, const double *dna)
{
    double f = 0;
    for (int i = 0; i < s->n; i++)
        if (param_numeric(&s->params[i]))
            f += (x(s, dna, i) - 1) * (x(s, dna, i) - 1);
    return f;
}

static double valley(const struct space *s, const double *dna)
{
    double f = 0;
    for (int i = 0; i + 1 < s->n; i++) {
        double a = x(s, dna, i), b = x(s, dna, i + 1);
        f += 100 * (b - a * a) * (b - a * a) + (1 - a) * (1 - a);
    }
    return f;
}

static double labelled(const struct space *s, const double *dna)
{
    return sphere(s, dna) + (dna[s->n - 1] == 3 ? 0 : 1 + 0.1 * dna[s->n - 1]);
}

/* Best loss after so many evaluations with `parallel` trials open; takes the space over. */
static double minimise(struct space *s, function *f, int evaluations, int parallel)
{
    char *cause = NULL;
    assert_int_equal(space_finish(s, NULL), 0);
    struct tuner_setup setup = {.space = s, .sampler = "cmaes", .seed = 3, .budget = -1};
    struct tuner *t = tuner_new(&setup, &cause);
    double best = INFINITY, *dna = mem_zero((size_t)parallel * 16, sizeof *dna);
    for (int id = 0; id < evaluations; id += parallel) {
        for (int k = 0; k < parallel; k++) {
            struct proposal p = {.dna = dna + k * 16};
            assert_int_equal(tuner_ask(t, id + k, &p, NULL), 0);
        }
        for (int k = parallel - 1; k >= 0; k--) {
            struct tell_result r;
            double y = f(tuner_space(t), dna + k * 16);
            best = fmin(best, y);
            assert_int_equal(tuner_tell(t, id + k, -1, y, true, &r, NULL), 0);
        }
    }
    free(dna);
    tuner_free(t);
    return best;
}

static void below(double got, double want)
{
    if (!(got < want))
        fail_msg("%g is not below %g", got, want);
}

static void it_converges_on_a_quadratic(void **state)
{
    below(minimise(box(5, PARAM_FLOAT, -3, 5), sphere, 500, 1), 1e-6);
}

static void it_follows_a_curved_valley(void **state)
{
    below(minimise(box(4, PARAM_FLOAT, -2, 2), valley, 3000, 1), 1e-6);
}

static void integers_do_not_freeze(void **state)
{
    below(minimise(box(5, PARAM_INT, -20, 20), sphere, 600, 1), 0.5);
}

static void categories_are_found(void **state)
{
    struct space *s = box(3, PARAM_FLOAT, -3, 5);
    struct param *p = space_add(s, "label");
    const struct tune_value v[4] = {tune_int(10), tune_int(2), tune_int(33), tune_int(4)};
    p->type = PARAM_CATEGORICAL;
    param_set_choices(p, v, 4);
    below(minimise(s, labelled, 600, 1), 1e-3);
}

static void many_open_trials_still_converge(void **state)
{
    below(minimise(box(5, PARAM_FLOAT, -3, 5), sphere, 32 * 40, 32), 1e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_converges_on_a_quadratic),
        cmocka_unit_test(it_follows_a_curved_valley),
        cmocka_unit_test(integers_do_not_freeze),
        cmocka_unit_test(categories_are_found),
        cmocka_unit_test(many_open_trials_still_converge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
