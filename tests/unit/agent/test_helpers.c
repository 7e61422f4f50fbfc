/* The helpers that compute on weights: sparsity, learning rates, perturbation, subspaces, averages, the registry of checkpoints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/hypertop.h"
#include "base/half.h"
#include "tests/unit/agent/tree.h"

#define NEAR(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))

/* ---- sparsity ---- */

static void the_pq_index_has_its_published_values(void **state)
{
    const double even[] = {1, 1, 1, 1}, one[] = {1, 0, 0, 0}, steps[] = {4, 3, 2, 1}, none[] = {0, 0}, bad[] = {1, NAN};
    NEAR(ht_pq_index(even, 4, 0.5, 1), 0, 1e-15);
    NEAR(ht_pq_index(one, 4, 0.5, 1), 0.75, 1e-15);
    NEAR(ht_pq_index(steps, 4, 0.5, 1), 0.0555858574, 5e-11);
    NEAR(ht_pq_index(steps, 4, 1, 2), 0.0871290708, 5e-11);
    assert_true(ht_pq_index(none, 2, 0.5, 1) == 0);
    assert_true(isnan(ht_pq_index(bad, 2, 0.5, 1)));
    assert_true(isnan(ht_pq_index(even, 4, 1, 1)));
    assert_true(ht_pq_retain(4, ht_pq_index(steps, 4, 0.5, 1), 0.5, 1, 0) == 4); /* 3.778 up */
    assert_true(ht_pq_retain(4, 0.75, 0.5, 1, 0) == 1);
}

static void the_pq_index_is_that_of_all_tensors_together(void **state)
{
    float a[] = {4, 3};
    uint16_t b[] = {half_from_double(2), half_from_double(1)};
    int64_t two = 2, flat[] = {2, 1};
    struct ht_tensor t[] = {{a, &two, 1, HT_F32}, {b, flat, 2, HT_F16}};
    NEAR(ht_pq_index_of(t, 2, 1, 2), 0.0871290708, 5e-11);
}

/* ---- halves ---- */

static void halves_round_to_nearest_even(void **state)
{
    static const struct {
        double v;
        uint16_t half, bfloat;
    } known[] = {{1, 0x3c00, 0x3f80},   {-2, 0xc000, 0xc000},       {65504, 0x7bff, 0x4780},     {65520, 0x7c00, 0x4780},
                 {0x1p-24, 1, 0x3380},  {0x1p-25, 0, 0x3300},       {0x1.8p-25, 1, 0x3340},      {1 + 0x1p-11, 0x3c00, 0x3f80},
                 {1 + 0x1.8p-10, 0x3c02, 0x3f80}, {INFINITY, 0x7c00, 0x7f80}, {1e300, 0x7c00, 0x7f80}, {0x1p-14, 0x0400, 0x3880}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_int_equal(half_from_double(known[i].v), known[i].half);
        assert_int_equal(bfloat_from_double(known[i].v), known[i].bfloat);
    }
    for (uint32_t code = 0; code < 0x10000; code++) { /* every number comes back */
        double h = half_to_double((uint16_t)code), b = bfloat_to_double((uint16_t)code);
        assert_true(isnan(h) ? isnan(half_to_double(half_from_double(h))) : half_from_double(h) == code);
        assert_true(isnan(b) ? isnan(bfloat_to_double(bfloat_from_double(b))) : bfloat_from_double(b) == code);
    }
}

/* ---- learning rates ---- */

static ht_hyper *hyper(enum ht_hyper_rule rule, double rate0, double beta)
{
    struct ht_hyper_options o = {.size = sizeof o, .rule = rule, .rate0 = rate0, .beta = beta};
    ht_hyper *h = ht_hyper_open(&o);
    assert_non_null(h);
    return h;
}

static void baydins_rules_follow_the_product_of_gradients(void **state)
{
    const double g1[] = {1, 2}, g2[] = {3, -1}, g3[] = {-3, 1};
    ht_hyper *h = hyper(HT_HYPER_ADD, 0.1, 0.01);
    NEAR(ht_hyper_step(h, g1, NULL, 2), 0.1, 0);
    NEAR(ht_hyper_step(h, g2, NULL, 2), 0.11, 1e-15);  /* g.g' = 1 */
    NEAR(ht_hyper_step(h, g3, NULL, 2), 0.01, 1e-15);  /* -10 */
    NEAR(ht_hyper_step(h, g2, NULL, 2), 0, 0);         /* never below */
    ht_hyper_close(h);
    h = hyper(HT_HYPER_MULTIPLY, 0.1, 0.5);
    ht_hyper_step(h, g2, NULL, 2);
    NEAR(ht_hyper_step(h, g3, NULL, 2), 0.05, 1e-15);  /* the cosine is -1 */
    ht_hyper_close(h);
}

static void fedhyper_moves_and_clips_as_published(void **state)
{
    const double d1[] = {1, 0}, d2[] = {0.5, 1}, d3[] = {10, 0}, back[] = {-10, 0};
    double w[] = {2, 2};
    ht_hyper *h = hyper(HT_FEDHYPER_GLOBAL, 0, 0);
    assert_int_equal(ht_hyper_round(h, w, d1, 2), HT_OK);
    NEAR(ht_hyper_rate(h), 1, 0);
    NEAR(w[0], 2, 0);
    assert_int_equal(ht_hyper_round(h, w, d2, 2), HT_OK); /* a = 0.5 */
    NEAR(w[0], 2.25, 1e-15);
    NEAR(w[1], 2.5, 1e-15);
    ht_hyper_round(h, w, d3, 2);
    NEAR(ht_hyper_rate(h), 5, 0);                         /* a <= 4 */
    ht_hyper_round(h, w, back, 2);
    NEAR(ht_hyper_rate(h), 0.2, 1e-15);                   /* a >= -0.8 */
    ht_hyper_close(h);

    h = hyper(HT_FEDHYPER_MOMENTUM, 0, 0);
    double v[] = {0, 0};
    ht_hyper_round(h, v, d1, 2);                          /* m = (1, 0) */
    ht_hyper_round(h, v, d2, 2);                          /* a = 0.5: 0.5 (0.5 + 0.9, 1) */
    NEAR(v[0], 0.7, 1e-15);
    NEAR(v[1], 0.5, 1e-15);
    assert_int_equal(ht_hyper_round(h, v, d2, 1), HT_INVALID);
    ht_hyper_close(h);

    h = hyper(HT_FEDHYPER_SERVER, 0.01, 0);
    NEAR(ht_hyper_dots(h, 2, 0, 0), 0.03, 1e-15);
    NEAR(ht_hyper_dots(h, 100, 0, 0), 0.1, 0);
    assert_int_equal(ht_hyper_round(h, v, d2, 2), HT_INVALID);
    ht_hyper_close(h);

    struct ht_hyper_options o = {.size = sizeof o, .rule = HT_FEDHYPER_CLIENT, .rate0 = 0.01, .clients = 2};
    h = ht_hyper_open(&o);
    NEAR(ht_hyper_dots(h, 0.02, 0, 0.4), 0.01 * 1.04, 1e-15); /* 1 + 0.02 + 0.1 0.4 / 2 */
    NEAR(ht_hyper_dots(h, 50, 0, 0), 0.01 * 1.04 * 1.1, 1e-15);
    NEAR(ht_hyper_dots(h, -50, 0, 0), 0.01 * 0.1, 1e-15);
    ht_hyper_close(h);
    o = (struct ht_hyper_options){.size = sizeof o, .rule = HT_FEDHYPER_SERVER};
    assert_null(ht_hyper_open(&o)); /* it has a rate to start with */
}

/* ---- perturbation ---- */

static char dir[64];

static int set_up(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/ht-help-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    return tree_remove(dir);
}

static void perturbation_finds_the_best_value_and_its_schedule_replays(void **state)
{
    struct ht_perturb_options o = {.size = sizeof o, .name = "dropout", .low = 0, .high = 1, .start = 0.5, .rate = 0.02, .seed = 3};
    char path[96];
    ht_perturb *p = ht_perturb_open(NULL, &o), *again = ht_perturb_open(NULL, &o);
    assert_non_null(p);
    double at[4001] = {0};
    int updates = 0;
    for (int step = 0; step <= 4000; step++) {
        double v = ht_perturb_next(p);
        assert_true(v > 0 && v < 1 && ht_perturb_next(again) == v);
        double loss = (v - 0.8) * (v - 0.8);
        assert_int_equal(ht_perturb_tell(again, step, loss), ht_perturb_tell(p, step, loss));
        assert_true(ht_perturb_value(again) == ht_perturb_value(p));
        at[step] = ht_perturb_value(p);
        updates += step > 0 && at[step] != at[step - 1];
    }
    NEAR(ht_perturb_value(p), 0.8, 0.05);
    assert_true(updates >= 499);
    assert_true(ht_perturb_width(p) > 0);
    assert_int_equal(ht_perturb_tell(p, 5000, 1), 0); /* of no batch */
    snprintf(path, sizeof path, "%s/schedule", dir);
    assert_int_equal(ht_perturb_save(p, path), HT_OK);
    ht_schedule *s = ht_schedule_open(path);
    assert_non_null(s);
    assert_true(ht_schedule_at(s, -5) == 0.5);
    for (int step = 8; step <= 4000; step++)
        assert_true(ht_schedule_at(s, step) == at[step]);
    ht_schedule_close(s);
    ht_perturb_close(p);
    ht_perturb_close(again);
    assert_null(ht_schedule_open(dir));
    FILE *f = fopen(path, "a");
    fputs("9999 soon\n", f);
    fclose(f);
    assert_null(ht_schedule_open(path));
    o.start = 2;
    assert_null(ht_perturb_open(NULL, &o));
}

/* ---- subspaces ---- */

static void projections_have_unit_columns_and_a_transpose(void **state)
{
    enum { D = 1000, d = 7 };
    for (int kind = HT_DENSE; kind <= HT_FASTFOOD; kind++) {
        ht_subspace *s = ht_subspace_open(D, d, (enum ht_projection)kind, 11);
        double x[d] = {0}, theta[D], theta0[D], g[D], gx[d], all = 0;
        for (int i = 0; i < D; i++) {
            theta0[i] = i;
            g[i] = sin(i);
        }
        for (int j = 0; j < d; j++) {
            double norm = 0, dot = 0;
            memset(x, 0, sizeof x);
            x[j] = 1;
            ht_subspace_expand(s, x, NULL, theta);
            ht_subspace_fold(s, g, gx);
            for (int i = 0; i < D; i++) {
                norm += theta[i] * theta[i];
                dot += theta[i] * g[i];
            }
            NEAR(gx[j], dot, 1e-9);
            if (kind != HT_FASTFOOD)
                NEAR(norm, 1, 1e-12);
            all += norm / d;
        }
        NEAR(all, 1, 0.1);
        memset(x, 0, sizeof x);
        ht_subspace_expand(s, x, theta0, theta);
        assert_memory_equal(theta, theta0, sizeof theta);
        ht_subspace_close(s);
    }
    assert_null(ht_subspace_open(3, 4, HT_DENSE, 1));
    assert_null(ht_subspace_open(3, 0, HT_SPARSE, 1));
}

static double reaches(void *arg, size_t dim)
{
    ++*(int *)arg;
    return dim >= 8 ? 0.95 : 0.1;
}

static void the_sweep_ends_at_nine_tenths_of_the_baseline(void **state)
{
    const size_t dims[] = {2, 4, 8, 16};
    int asked = 0;
    double got[4] = {0};
    assert_int_equal(ht_intrinsic_dimension(reaches, &asked, dims, 4, 1, got), 2);
    assert_int_equal(asked, 3);
    assert_true(got[1] == 0.1 && got[2] == 0.95 && got[3] == 0);
    assert_int_equal(ht_intrinsic_dimension(reaches, &asked, dims, 4, 2, NULL), -1);
}

/* ---- averages ---- */

static void averages_keep_types_and_sum_in_double(void **state)
{
    float a = 16777216, b = 1, c = 1, mean = 0; /* in float 2^24 + 1 + 1 is 2^24 */
    uint16_t h1[] = {half_from_double(1), half_from_double(2)}, h2[] = {half_from_double(2), half_from_double(4)}, hm[2];
    int64_t two = 2, three = 3;
    struct ht_tensor x[] = {{&a, NULL, 0, HT_F32}, {h1, &two, 1, HT_F16}}, y[] = {{&b, NULL, 0, HT_F32}, {h2, &two, 1, HT_F16}};
    struct ht_tensor out[] = {{&mean, NULL, 0, HT_F32}, {hm, &two, 1, HT_F16}}, other[] = {x[0], {h1, &three, 1, HT_F16}};
    ht_average *avg = ht_average_open(x, 2);
    assert_int_equal(ht_average_get(avg, out, 2), HT_INVALID);
    assert_int_equal(ht_average_add(avg, x, 2), HT_OK);
    assert_int_equal(ht_average_add(avg, y, 2), HT_OK);
    y[0].data = &c;
    y[1].data = h2;
    assert_int_equal(ht_average_add(avg, y, 2), HT_OK);
    assert_int_equal(ht_average_add(avg, other, 2), HT_INVALID);
    assert_int_equal(ht_average_add(avg, x, 1), HT_INVALID);
    assert_int_equal(ht_average_count(avg), 3);
    assert_int_equal(ht_average_get(avg, out, 2), HT_OK);
    assert_true(mean == (float)(16777218.0 / 3));
    assert_int_equal(hm[0], half_from_double(5.0 / 3));
    assert_int_equal(hm[1], half_from_double(10.0 / 3));
    ht_average_close(avg);
}

/* ---- the registry ---- */

static void make_file(char out[128], const char *name)
{
    snprintf(out, 128, "%s/%s", dir, name);
    FILE *f = fopen(out, "w");
    fclose(f);
}

static void the_registry_keeps_the_best_and_the_last(void **state)
{
    static const double values[] = {0.5, 0.1, 0.9, 0.3, NAN};
    char list[128], file[5][128];
    snprintf(list, sizeof list, "%s/list", dir);
    ht_registry *r = ht_registry_open(list, 2, 1);
    assert_non_null(r);
    assert_null(ht_registry_best(r));
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "c %d", i);
        make_file(file[i], name);
        assert_int_equal(ht_registry_add(r, file[i], i * 10, values[i]), HT_OK);
    }
    ht_registry_close(r);
    r = ht_registry_open(list, 2, 1); /* as written */
    assert_int_equal(ht_registry_count(r), 3);
    static const int kept[] = {1, 3, 4};
    for (int i = 0; i < 3; i++) {
        const char *path;
        int64_t step;
        double value;
        assert_int_equal(ht_registry_get(r, i, &path, &step, &value), HT_OK);
        assert_string_equal(path, file[kept[i]]);
        assert_int_equal(step, kept[i] * 10);
        assert_true(value == values[kept[i]] || (isnan(value) && kept[i] == 4));
    }
    assert_string_equal(ht_registry_best(r), file[1]);
    assert_int_equal(access(file[0], F_OK), -1);
    assert_int_equal(access(file[2], F_OK), -1);
    assert_int_equal(access(file[3], F_OK), 0);
    assert_int_equal(ht_registry_add(r, "two\nlines", 60, 1), HT_INVALID);
    ht_registry_close(r);
    assert_null(ht_registry_open(dir, 1, 1)); /* a folder is no registry */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pq_index_has_its_published_values),
        cmocka_unit_test(the_pq_index_is_that_of_all_tensors_together),
        cmocka_unit_test(halves_round_to_nearest_even),
        cmocka_unit_test(baydins_rules_follow_the_product_of_gradients),
        cmocka_unit_test(fedhyper_moves_and_clips_as_published),
        cmocka_unit_test_setup_teardown(perturbation_finds_the_best_value_and_its_schedule_replays, set_up, tear_down),
        cmocka_unit_test(projections_have_unit_columns_and_a_transpose),
        cmocka_unit_test(the_sweep_ends_at_nine_tenths_of_the_baseline),
        cmocka_unit_test(averages_keep_types_and_sum_in_double),
        cmocka_unit_test_setup_teardown(the_registry_keeps_the_best_and_the_last, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
