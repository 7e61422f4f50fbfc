/* Spaces: priors and their inverses, lattices, conditions, counting, versions; regions as text and as boxes
 * to draw from. */
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
#include "tune/quantile.h"
#include "tune/region.h"
#include "tune/space_pack.h"

static void near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%.15g is not %.15g (+- %g)", got, want, tolerance);
}

static struct param *add(struct space *s, const char *name, enum param_type type, enum param_prior prior,
                         double low, double high)
{
    struct param *p = space_add(s, name);
    p->type = type;
    p->prior = prior;
    p->low = low;
    p->high = high;
    return p;
}

static void list(struct space *s, const char *name, enum param_type type, const char *const *words)
{
    struct param *p = space_add(s, name);
    struct tune_value v[16];
    int n = 0;
    p->type = type;
    for (; words[n]; n++)
        v[n] = type == PARAM_ORDINAL ? tune_float(strtod(words[n], NULL)) : tune_string(words[n]);
    param_set_choices(p, v, n);
    for (int k = 0; k < n; k++)
        tune_value_free(&v[k]);
}

static const char *const optimizers[] = {"sgd", "momentum", "adam", NULL};

/* lr log, units int log, opt, momentum only with opt=momentum, epochs constant */
static struct space *example(void)
{
    struct space *s = space_new();
    add(s, "lr", PARAM_FLOAT, PRIOR_LOG, 1e-5, 1);
    add(s, "units", PARAM_INT, PRIOR_LOG, 16, 256);
    list(s, "opt", PARAM_CATEGORICAL, optimizers);
    struct param *p = add(s, "momentum", PARAM_FLOAT, PRIOR_UNIFORM, 0, 0.99);
    p->parent = 2;
    p->when = mem_zero(3, sizeof *p->when);
    p->when[1] = true;
    p = space_add(s, "epochs");
    p->type = PARAM_CONSTANT;
    struct tune_value v = tune_int(30);
    param_set_choices(p, &v, 1);
    assert_int_equal(space_finish(s, NULL), 0);
    return s;
}

static void quantiles_invert_their_distributions(void **state)
{
    near(normal_quantile(0.975), 1.9599639845400545, 1e-13);
    near(normal_quantile(1e-20), -9.262340089798408, 1e-11);
    near(normal_quantile(0.5), 0, 1e-15);
    near(beta_below(0.3, 2, 5), 0.579825, 1e-12);
    for (double p = 0.001; p < 1; p += 0.0173) {
        near(normal_below(normal_quantile(p)), p, 1e-14);
        near(beta_below(beta_quantile(p, 0.7, 3), 0.7, 3), p, 1e-12);
        near(beta_below(beta_quantile(p, 40, 9), 40, 9), p, 1e-12);
    }
}

static void scales_place_values_as_defined(void **state)
{
    struct param lin = {.name = "x", .type = PARAM_FLOAT, .prior = PRIOR_UNIFORM, .low = -1, .high = 3};
    struct param log10s = {.name = "x", .type = PARAM_FLOAT, .prior = PRIOR_LOG, .low = 1e-4, .high = 1};
    struct param rlog = {.name = "x", .type = PARAM_FLOAT, .prior = PRIOR_RLOG, .low = 1, .high = 100};
    struct param normal = {.name = "x",
                           .type = PARAM_FLOAT,
                           .prior = PRIOR_NORMAL,
                           .low = -INFINITY,
                           .high = INFINITY,
                           .a = 5,
                           .b = 2};
    near(param_value(&lin, 0.25), 0, 1e-12);
    near(param_value(&log10s, 0.75), 0.1, 1e-12);
    near(param_place(&rlog, 100), 1, 1e-12);
    near(param_place(&rlog, 91), 1 - log(10) / log(100), 1e-12);
    near(param_value(&normal, 0.5), 5, 1e-9);
    near(param_place(&normal, 7), normal_below(1), 1e-12);
    const struct param *all[] = {&lin, &log10s, &rlog, &normal};
    for (int k = 0; k < 4; k++)
        for (double u = 0.01; u < 1; u += 0.0937)
            near(param_place(all[k], param_value(all[k], u)), u, 1e-9);
    /* what a person types comes back */
    assert_true(param_value(&log10s, param_place(&log10s, 0.001)) == 0.001);
}

static void every_value_of_a_linear_lattice_is_equally_likely(void **state)
{
    struct param p = {
        .name = "x", .type = PARAM_INT, .prior = PRIOR_UNIFORM, .low = 3, .high = 6, .quantum = 1};
    int count[4] = {0};
    for (int i = 0; i < 4000; i++)
        count[(int)param_value(&p, (i + 0.5) / 4000) - 3]++;
    for (int k = 0; k < 4; k++)
        assert_int_equal(count[k], 1000);
    assert_true(param_count(&p) == 4);
    for (int k = 0; k < 4; k++)
        assert_int_equal(param_rank(&p, param_nth(&p, k)), k);
}

static void ordinals_lie_on_the_scale_that_fits_them(void **state)
{
    static const char *const ladder[] = {"16", "32", "64", "128", NULL}, *const even[] = {"10", "20", "30",
                                                                                          "40", NULL};
    struct space *s = space_new();
    list(s, "ladder", PARAM_ORDINAL, ladder);
    list(s, "even", PARAM_ORDINAL, even);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 4; k++)
            near(s->params[i].place[k], k / 3.0, 1e-12);
    space_free(s);
}

static void inactive_parameters_are_nan(void **state)
{
    struct space *s = example();
    struct rng g;
    double dna[5];
    int seen[2] = {0};
    rng_seed(&g, 1);
    for (int i = 0; i < 200; i++) {
        space_sample(s, &g, dna);
        assert_int_equal(space_check(s, dna, NULL), 0);
        assert_int_equal(isnan(dna[3]), dna[2] != 1);
        seen[isnan(dna[3]) != 0]++;
    }
    assert_true(seen[0] && seen[1]);
    dna[2] = 0;
    dna[3] = 0.5;
    assert_int_equal(space_check(s, dna, NULL), -1);
    space_free(s);
}

static void configurations_are_counted_over_the_tree(void **state)
{
    struct space *s = space_new();
    list(s, "opt", PARAM_CATEGORICAL, optimizers);
    struct param *p = add(s, "k", PARAM_INT, PRIOR_UNIFORM, 1, 5);
    p->parent = 0;
    p->when = mem_zero(3, sizeof *p->when);
    p->when[2] = true;
    add(s, "n", PARAM_INT, PRIOR_UNIFORM, 1, 2);
    assert_int_equal(space_finish(s, NULL), 0);
    assert_true(space_count(s) == (2 + 5) * 2);
    space_free(s);
    s = example();
    assert_true(isinf(space_count(s)));
    space_free(s);
}

static void spaces_that_make_no_sense_are_refused(void **state)
{
    char *cause = NULL;
    struct space *s = space_new();
    add(s, "x", PARAM_FLOAT, PRIOR_LOG, 0, 1);
    assert_int_equal(space_finish(s, &cause), -1);
    assert_string_equal(cause, "x: a log scale needs a lower bound above 0, not 0");
    space_free(s);
    s = space_new();
    add(s, "a", PARAM_INT, PRIOR_UNIFORM, 0, 1)->parent = 1;
    add(s, "b", PARAM_INT, PRIOR_UNIFORM, 0, 1)->parent = 0;
    assert_int_equal(space_finish(s, &cause), -1);
    assert_string_equal(cause, "the conditions of the parameters go round in a circle");
    free(cause);
    space_free(s);
}

static void edits_make_versions_and_carry_old_trials(void **state)
{
    struct space *s = example();
    double dna[5], out[5];
    char *cause = NULL;
    struct tune_value lr = tune_float(0.01), units = tune_int(64), opt = tune_string("momentum"),
                      m = tune_float(0.5);
    param_encode(&s->params[0], &lr, &dna[0], NULL);
    param_encode(&s->params[1], &units, &dna[1], NULL);
    param_encode(&s->params[2], &opt, &dna[2], NULL);
    param_encode(&s->params[3], &m, &dna[3], NULL);
    dna[4] = 0;
    assert_int_equal(space_check(s, dna, NULL), 0);

    struct space *narrow = space_bound(s, 0, 1e-3, 1e-1, NULL);
    assert_int_equal(narrow->version, 2);
    assert_true(space_carry(s, dna, narrow, out));
    near(param_value(&narrow->params[0], out[0]), 0.01, 1e-12);
    struct space *away = space_bound(s, 0, 0.1, 1, NULL);
    assert_false(space_carry(s, dna, away, out));
    assert_true(param_value(&away->params[0], out[0]) == 0.1);

    const struct tune_value two[] = {opt, {.kind = TUNE_STRING, .s = (char *)"lion"}};
    struct space *other = space_choose(s, 2, two, 2, NULL);
    assert_true(other->params[3].when[0] && !other->params[3].when[1]);
    assert_true(space_carry(s, dna, other, out) && out[2] == 0);

    struct space *frozen = space_freeze(s, 2, &opt, NULL);
    assert_true(space_carry(s, dna, frozen, out));
    assert_true(space_active(frozen, out, 3));

    struct param extra = {.name = mem_str("wd"),
                          .type = PARAM_FLOAT,
                          .prior = PRIOR_UNIFORM,
                          .low = 0,
                          .high = 1,
                          .parent = -1,
                          .fallback = tune_float(0.25)};
    struct space *wider = space_extend(s, &extra, NULL);
    double more[6];
    assert_true(space_carry(s, dna, wider, more));
    near(more[5], 0.25, 1e-12);

    assert_null(space_drop(s, 2, &cause));
    assert_string_equal(cause, "opt: momentum depends on it");
    free(cause);
    struct space *less = space_drop(s, 0, NULL);
    assert_int_equal(less->n, 4);
    assert_int_equal(less->params[2].parent, 1);
    assert_true(space_carry(s, dna, less, out));

    struct space *all[] = {s, narrow, away, other, frozen, wider, less};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        space_free(all[i]);
    tune_value_free(&opt);
}

static void a_packed_space_is_the_same(void **state)
{
    struct space *s = example();
    struct buf b = {0};
    struct rng g, h;
    double x[5], y[5];
    space_pack(s, &b);
    struct unpack in = {.p = b.data, .n = b.len};
    struct space *t = space_unpack(&in);
    assert_non_null(t);
    rng_seed(&g, 3);
    h = g;
    for (int i = 0; i < 50; i++) {
        space_sample(s, &g, x);
        space_sample(t, &h, y);
        assert_true(space_same(s, x, y));
    }
    for (size_t cut = 0; cut < b.len; cut++) {
        in = (struct unpack){.p = b.data, .n = cut};
        assert_null(space_unpack(&in));
    }
    space_free(s);
    space_free(t);
    buf_release(&b);
}

static void regions_are_read_and_written(void **state)
{
    static const char *const texts[] = {"opt=adam & lr=0.001..0.01", "opt=sgd|adam", "lr>=0.1", "units=64"};
    struct space *s = example();
    struct region r;
    char text[100];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(region_parse(&r, s, texts[i], NULL), 0);
        region_text(&r, text, sizeof text);
        assert_string_equal(text, texts[i]);
        region_release(&r);
    }
    assert_int_equal(region_parse(&r, s, "opt!=sgd", NULL), 0);
    region_text(&r, text, sizeof text);
    assert_string_equal(text, "opt=momentum|adam");
    region_release(&r);
    static const char *const wrong[][2] = {
        {"opt=adm", "opt: adm is not one of its values"},
        {"lrr=3", "no parameter is called \"lrr\"; did you mean lr?"},
        {"lr=x..y", "lr: \"x\" is not a number"},
        {"lr=1..0.1", "lr: 1..0.1 is empty"},
        {"opt<3", "opt: < and > are for numbers"},
        {"lr", "\"lr\" is neither an arm nor of the form PARAM=VALUE, PARAM=LOW..HIGH, PARAM<VALUE"},
        {"lr=", "lr: a value is missing"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *cause = NULL;
        assert_int_equal(region_parse(&r, s, wrong[i][0], &cause), -1);
        assert_string_equal(cause, wrong[i][1]);
        free(cause);
    }
    space_free(s);
}

static void draws_from_a_region_are_inside_it(void **state)
{
    static const char *const texts[] = {"momentum>=0.5", "lr=1e-3..1e-2 & units=17..20", "opt=sgd & lr<1e-4",
                                        "units=256", "lr=0.5"};
    struct space *s = example();
    struct rng g;
    double dna[5];
    rng_seed(&g, 9);
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        struct region r;
        assert_int_equal(region_parse(&r, s, texts[k], NULL), 0);
        for (int i = 0; i < 200; i++) {
            assert_int_equal(region_sample(&r, s, &g, dna), 0);
            assert_int_equal(space_check(s, dna, NULL), 0);
            assert_true(region_holds(&r, s, dna));
        }
        region_release(&r);
    }
    struct region none;
    assert_int_equal(region_parse(&none, s, "momentum>=0.5 & opt=sgd", NULL), 0);
    assert_int_equal(region_sample(&none, s, &g, dna), -1); /* momentum needs opt=momentum */
    region_release(&none);
    space_free(s);
}

static bool within(const struct space *s, const char *a, const char *b)
{
    struct region x, y;
    assert_int_equal(region_parse(&x, s, a, NULL), 0);
    assert_int_equal(region_parse(&y, s, b, NULL), 0);
    bool in = region_within(&x, &y, s);
    region_release(&x);
    region_release(&y);
    return in;
}

static void regions_know_what_lies_in_them(void **state)
{
    struct space *s = example();
    assert_true(within(s, "opt=adam & lr=1e-3..1e-2", "lr<1e-1"));
    assert_true(within(s, "lr=1e-3..1e-2", "lr=1e-3..1e-2"));
    assert_false(within(s, "lr<1e-1", "lr=1e-3..1e-2"));
    assert_false(within(s, "lr=1e-3..1e-2", "opt=adam"));
    assert_true(within(s, "lr=1e-3..1e-2", "opt=sgd|momentum|adam"));
    assert_false(within(s, "opt=sgd|adam", "opt=sgd"));
    space_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_invert_their_distributions),
        cmocka_unit_test(scales_place_values_as_defined),
        cmocka_unit_test(every_value_of_a_linear_lattice_is_equally_likely),
        cmocka_unit_test(ordinals_lie_on_the_scale_that_fits_them),
        cmocka_unit_test(inactive_parameters_are_nan),
        cmocka_unit_test(configurations_are_counted_over_the_tree),
        cmocka_unit_test(spaces_that_make_no_sense_are_refused),
        cmocka_unit_test(edits_make_versions_and_carry_old_trials),
        cmocka_unit_test(a_packed_space_is_the_same),
        cmocka_unit_test(regions_are_read_and_written),
        cmocka_unit_test(draws_from_a_region_are_inside_it),
        cmocka_unit_test(regions_know_what_lies_in_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
