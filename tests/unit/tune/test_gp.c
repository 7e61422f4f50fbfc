/* The Gaussian process against what can be worked out by hand, and the search that stands on it. */
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
#include "tune/gp_space.h"
#include "tune/tuner.h"

static const enum gp_kind mixed_kind[] = {GP_NUMBER, GP_NUMBER, GP_LABEL, GP_NUMBER};
static const int mixed_dim[] = {0, 1, 2, 1}; /* the last coordinate shares its scale with the second */
static const struct gp_shape mixed = {.coords = 4, .dims = 3, .kind = mixed_kind, .dim = mixed_dim};
static const enum gp_kind line_kind[] = {GP_NUMBER};
static const int line_dim[] = {0};
static const struct gp_shape line = {.coords = 1, .dims = 1, .kind = line_kind, .dim = line_dim};

static void mixed_points(struct rng *g, int n, double *x, double *y)
{
    for (int i = 0; i < n; i++, x += 4) {
        x[0] = rng_unit(g);
        x[1] = rng_unit(g);
        x[2] = (double)rng_below(g, 3);
        x[3] = rng_below(g, 2) ? 0.5 : 0;
        y[i] = sin(6 * x[0]) + 0.5 * x[2] + 0.05 * rng_normal(g);
    }
}

static void near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.12g is not %.12g within %g", a, b, tolerance);
}

static void one_observation_gives_the_closed_form(void **state)
{
    double x = 0.2, y = 1.5, z = 0.5, mean, var;
    struct gp_theta t = {.inverse = {-2 * log(0.3)}, .signal = log(2), .noise = log(0.1)};
    struct gp_data data = {.shape = &line, .n = 1, .x = &x, .y = &y};
    struct gp gp;
    assert_int_equal(gp_build(&gp, &data, &t, NULL, 0), 0);
    gp_predict(&gp, &z, 1, &mean, &var);
    double r = sqrt(5) * fabs(z - x) / 0.3, k = 2 * (1 + r + r * r / 3) * exp(-r);
    near(mean, k / 2.1 * y, 1e-6);
    near(var, 2 - k * k / 2.1, 1e-6);
    gp_release(&gp);
    struct gp_prior flat = {.length_sd = 1e9, .signal_sd = 1e9, .noise_sd = 1e9};
    near(gp_loss(&data, &flat, &t, NULL), 0.5 * y * y / 2.1 + 0.5 * log(2.1) + 0.5 * log(2 * M_PI), 1e-6);
}

static void without_noise_it_goes_through_the_data(void **state)
{
    double x[] = {0, 0.3, 0.55, 1}, y[] = {1, -0.5, 0.2, -1}, mean[4], var[4];
    struct gp_theta t = {.inverse = {-2 * log(0.3)}, .noise = log(1e-6)};
    struct gp_data data = {.shape = &line, .n = 4, .x = x, .y = y};
    struct gp gp;
    assert_int_equal(gp_build(&gp, &data, &t, NULL, 0), 0);
    gp_predict(&gp, x, 4, mean, var);
    for (int i = 0; i < 4; i++) {
        near(mean[i], y[i], 1e-4);
        assert_true(var[i] < 1e-4);
    }
    gp_release(&gp);
}

static void the_gradient_is_the_slope_of_the_loss(void **state)
{
    double x[25 * 4], y[25], gradient[5], unused[5];
    struct rng g;
    rng_seed(&g, 3);
    mixed_points(&g, 25, x, y);
    struct gp_data data = {.shape = &mixed, .n = 25, .x = x, .y = y};
    struct gp_prior prior = gp_prior_default(3);
    struct gp_theta t = {.inverse = {2, 1, -0.5}, .signal = 0.3, .noise = log(0.02)};
    double *v[] = {&t.inverse[0], &t.inverse[1], &t.inverse[2], &t.signal, &t.noise};
    gp_loss(&data, &prior, &t, gradient);
    for (int j = 0; j < 5; j++) {
        double keep = *v[j], h = 1e-5;
        *v[j] = keep + h;
        double up = gp_loss(&data, &prior, &t, unused);
        *v[j] = keep - h;
        double down = gp_loss(&data, &prior, &t, unused);
        *v[j] = keep;
        near(gradient[j], (up - down) / (2 * h), 1e-4 * (1 + fabs(gradient[j])));
    }
}

static void fitting_finds_what_matters(void **state)
{
    double x[60 * 4], y[60];
    struct rng g;
    rng_seed(&g, 4);
    mixed_points(&g, 60, x, y);
    struct gp_data data = {.shape = &mixed, .n = 60, .x = x, .y = y};
    struct gp_prior prior = gp_prior_default(3);
    struct gp_theta t;
    gp_theta_start(&mixed, &prior, &t);
    double before = gp_loss(&data, &prior, &t, NULL), after = gp_fit(&data, &prior, &t, 60);
    assert_true(after < before);
    near(gp_loss(&data, &prior, &t, NULL), after, 1e-9);
    assert_true(t.inverse[0] > t.inverse[1] + 1); /* coordinate 1 plays no part */
    assert_true(t.inverse[2] > t.inverse[1]);
    assert_true(t.noise < log(0.1));
}

static void pending_points_shrink_the_variance_and_leave_the_mean(void **state)
{
    double x[] = {0.1, 0.9}, y[] = {1, -1}, z[] = {0.5, 0.52}, mean[2], var[2], later[2], less[2];
    struct gp_theta t = {.inverse = {-2 * log(0.3)}, .noise = log(1e-4)};
    struct gp_data data = {.shape = &line, .n = 2, .x = x, .y = y};
    struct gp gp;
    assert_int_equal(gp_build(&gp, &data, &t, NULL, 0), 0);
    gp_predict(&gp, z, 2, mean, var);
    gp_release(&gp);
    assert_int_equal(gp_build(&gp, &data, &t, z, 1), 0);
    gp_predict(&gp, z, 2, later, less);
    gp_release(&gp);
    for (int i = 0; i < 2; i++) {
        near(later[i], mean[i], 1e-9);
        assert_true(less[i] < 0.1 * var[i]);
    }
}

static void the_joint_posterior_has_the_marginals_on_its_diagonal(void **state)
{
    double x[12 * 4], y[12], z[5 * 4], unused[5], mean[5], var[5], joint[5], cov[25];
    struct rng g;
    rng_seed(&g, 5);
    mixed_points(&g, 12, x, y);
    mixed_points(&g, 5, z, unused);
    struct gp_data data = {.shape = &mixed, .n = 12, .x = x, .y = y};
    struct gp_theta t = {.inverse = {2, 1, 0}, .noise = log(0.01)};
    struct gp gp;
    assert_int_equal(gp_build(&gp, &data, &t, NULL, 0), 0);
    gp_predict(&gp, z, 5, mean, var);
    gp_predict_joint(&gp, z, 5, joint, cov);
    for (int i = 0; i < 5; i++) {
        near(joint[i], mean[i], 1e-12);
        near(cov[i * 5 + i], var[i], 1e-9);
    }
    gp_release(&gp);
}

static void outputs_keep_the_order_and_know_their_slopes(void **state)
{
    const double loss[] = {3, 1, NAN, 2, 500, 1.5, 2.5}, h = 1e-6;
    for (int how = 0; how < GP_OUTPUTS; how++) {
        double y[7], mean = 0, var = 0;
        gp_outputs((enum gp_output)how, loss, 7, y);
        for (int i = 0; i < 7; i++)
            mean += y[i] / 7;
        for (int i = 0; i < 7; i++)
            var += (y[i] - mean) * (y[i] - mean) / 7;
        near(mean, 0, 1e-12);
        near(var, 1, 1e-12);
        near(y[2], y[4], 1e-12); /* a failure is as bad as the worst */
        assert_true(y[1] < y[5] && y[5] < y[3] && y[3] < y[6] && y[6] < y[0] && y[0] < y[4]);
    }
    /* With a scale that is held fixed the slope of one output is what the sum is made of: shifting all losses
     * changes nothing, scaling them by h lowers it by n log h. */
    for (int how = 0; how < GP_OUTPUTS; how++) {
        double y[7], shifted[7], scaled[7];
        for (int i = 0; i < 7; i++) {
            shifted[i] = loss[i] + 7;
            scaled[i] = loss[i] * h;
        }
        double base = gp_outputs((enum gp_output)how, loss, 7, y);
        near(gp_outputs((enum gp_output)how, shifted, 7, y), base, 1e-9);
        near(gp_outputs((enum gp_output)how, scaled, 7, y), how == GP_RANKS ? 0 : base - 6 * log(h), 1e-9);
    }
}

/* ---- spaces ---- */

static struct param *number(struct space *s, const char *name, double low, double high, double quantum)
{
    struct param *p = space_add(s, name);
    p->type = quantum > 0 ? PARAM_INT : PARAM_FLOAT;
    p->low = low;
    p->high = high;
    p->quantum = quantum;
    return p;
}

static struct param *labels(struct space *s, const char *name, int n)
{
    struct param *p = space_add(s, name);
    struct tune_value v[8];
    p->type = PARAM_CATEGORICAL;
    for (int k = 0; k < n; k++) {
        char text[16];
        snprintf(text, sizeof text, "c%d", k);
        v[k] = tune_string(text);
    }
    param_set_choices(p, v, n);
    for (int k = 0; k < n; k++)
        tune_value_free(&v[k]);
    return p;
}

static void an_inactive_number_is_as_far_from_every_value_as_from_the_middle(void **state)
{
    struct space *s = space_new();
    labels(s, "kind", 2);
    struct param *p = number(s, "rate", 0, 1, 0);
    p->parent = 0;
    p->when = mem_zero(2, sizeof(bool));
    p->when[0] = true;
    number(s, "fixed", 3, 3, 1);
    assert_int_equal(space_finish(s, NULL), 0);
    struct gp_space g;
    assert_int_equal(gp_space_init(&g, s, NULL), 0);
    assert_int_equal(g.shape.dims, 2);
    assert_int_equal(g.shape.coords, 3);
    double on[3], off[3];
    gp_space_point(&g, s, (double[]){0, 0.5, 0.5}, on);
    gp_space_point(&g, s, (double[]){1, NAN, 0.5}, off);
    near(gp_apart(&g.shape, on, off), 1 + 0.25, 1e-12);
    space_free(s);
}

static struct tuner *gp_tuner(struct space *s, uint64_t seed, const struct tuner_kv *kv)
{
    char *cause = NULL;
    struct tuner_setup setup = {
        .space = s, .sampler = "gp", .sampler_options = kv, .seed = seed, .budget = -1};
    struct tuner *t = tuner_new(&setup, &cause);
    if (!t)
        fail_msg("%s", cause);
    return t;
}

static double ask(struct tuner *t, int64_t id, double *dna, double (*f)(const double *))
{
    struct proposal p = {.dna = dna};
    struct tell_result r;
    assert_int_equal(tuner_ask(t, id, &p, NULL), 0);
    double y = f(dna);
    assert_int_equal(tuner_tell(t, id, -1, y, true, &r, NULL), 0);
    return y;
}

static double bowl(const double *u)
{
    return (u[0] - 0.7) * (u[0] - 0.7) + 4 * (u[1] - 0.2) * (u[1] - 0.2) + (u[2] == 1 ? 0 : 0.3);
}

static void search_closes_in_on_a_minimum(void **state)
{
    for (int acquisition = 0; acquisition < 4; acquisition++) {
        struct space *s = space_new();
        double dna[3], best = INFINITY;
        struct tuner_kv kv[] = {{"acquisition", acquisition}, {NULL, 0}};
        number(s, "a", 0, 1, 0);
        number(s, "b", 0, 1, 0);
        labels(s, "c", 3);
        assert_int_equal(space_finish(s, NULL), 0);
        struct tuner *t = gp_tuner(s, 11, kv);
        for (int i = 0; i < 40; i++)
            best = fmin(best, ask(t, i, dna, bowl));
        assert_true(best < 0.005);
        tuner_free(t);
    }
}

static void a_finite_space_is_tried_out_before_anything_repeats(void **state)
{
    struct space *s = space_new();
    double seen[24][3] = {{0}};
    number(s, "a", 0, 3, 1);
    number(s, "b", 1, 2, 1);
    labels(s, "c", 3);
    assert_int_equal(space_finish(s, NULL), 0);
    struct tuner *t = gp_tuner(s, 2, NULL);
    for (int i = 0; i < 24; i++) {
        ask(t, i, seen[i], bowl);
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(seen[k], seen[i], sizeof seen[i]);
    }
    double more[3];
    ask(t, 24, more, bowl);
    tuner_free(t);
}

static void parallel_asks_are_all_different_and_apart(void **state)
{
    struct space *s = space_new();
    double dna[3], asked[32][3];
    number(s, "a", 0, 1, 0);
    number(s, "b", 0, 1, 0);
    labels(s, "c", 3);
    assert_int_equal(space_finish(s, NULL), 0);
    struct tuner *t = gp_tuner(s, 5, NULL);
    for (int i = 0; i < 12; i++)
        ask(t, i, dna, bowl);
    for (int i = 0; i < 32; i++) {
        struct proposal p = {.dna = asked[i]};
        assert_int_equal(tuner_ask(t, 100 + i, &p, NULL), 0);
        for (int k = 0; k < i; k++)
            assert_true(fabs(asked[i][0] - asked[k][0]) + fabs(asked[i][1] - asked[k][1]) > 1e-6 ||
                        asked[i][2] != asked[k][2]);
    }
    tuner_free(t);
}

static void many_parameters_are_refused_with_a_reason(void **state)
{
    struct space *s = space_new();
    char *cause = NULL;
    for (int i = 0; i < GP_DIMS_MAX + 1; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%d", i);
        number(s, name, 0, 1, 0);
    }
    assert_int_equal(space_finish(s, NULL), 0);
    struct tuner_setup setup = {.space = s, .sampler = "gp", .budget = -1};
    assert_null(tuner_new(&setup, &cause));
    assert_non_null(strstr(cause, "128 parameters"));
    free(cause);
    space_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_observation_gives_the_closed_form),
        cmocka_unit_test(without_noise_it_goes_through_the_data),
        cmocka_unit_test(the_gradient_is_the_slope_of_the_loss),
        cmocka_unit_test(fitting_finds_what_matters),
        cmocka_unit_test(pending_points_shrink_the_variance_and_leave_the_mean),
        cmocka_unit_test(the_joint_posterior_has_the_marginals_on_its_diagonal),
        cmocka_unit_test(outputs_keep_the_order_and_know_their_slopes),
        cmocka_unit_test(an_inactive_number_is_as_far_from_every_value_as_from_the_middle),
        cmocka_unit_test(search_closes_in_on_a_minimum),
        cmocka_unit_test(a_finite_space_is_tried_out_before_anything_repeats),
        cmocka_unit_test(parallel_asks_are_all_different_and_apart),
        cmocka_unit_test(many_parameters_are_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
