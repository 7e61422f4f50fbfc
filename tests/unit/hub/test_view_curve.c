/* Curves: columns, gaps, other x axes, groups with their spread. */
#include "tests/unit/hub/views_fixture.h"

static void curve_has_columns_gaps_and_the_step_of_the_first_nan(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    int64_t steps[8], times[8];
    double values[8];
    for (int i = 0; i < 8; i++) {
        steps[i] = i < 4 ? i : i + 92; /* 0..3 and 96..99 */
        times[i] = T0 + i * CLOCK_S;
        values[i] = i == 6 ? NAN : i;
    }
    struct buf c = {0};
    points_begin(&c);
    points_add(&c, "loss", 8, steps, times, values);
    struct codec_writer *w = log_begin(t.l, EV_POINTS, 3);
    cw_kint(w, "run", 1);
    cw_kint(w, "epoch", 1);
    cw_str(w, "c");
    cw_bin(w, c.data, c.len);
    log_end(t.l);
    buf_release(&c);
    struct event ev = log_event(t.l, t.l->n - 1);
    assert_int_equal(state_apply(t.s, &ev), 0);

    w = want(&t.a, "curve", 3);
    cw_kint(w, "run", 1);
    cw_kstr(w, "metric", "loss");
    cw_kint(w, "columns", 10);
    must(&t.a, &t.wd.ctx);
    struct span p = part(&t.a, 0);
    assert_true(span_eq(cmap_str(p, "label"), "t1"));
    assert_int_equal(cmap_int(p, "n", 0), 8);
    assert_int_equal(cmap_int(p, "nan_step", 0), 98);
    assert_int_equal(cmap_int(p, "last_step", 0), 99);
    assert_true(cell(p, "min", 0) == 0 && cell(p, "max", 0) == 3 && cell(p, "mean", 0) == 1.5);
    assert_true(isnan(cell(p, "mean", 5)));
    assert_true(cell(p, "max", 9) == 7 && cell(p, "mean", 9) == 16.0 / 3);
    assert_true(cmap_double(head(&t.a), "y1", 0) == 7);
    assert_true(cmap_double(head(&t.a), "x1", 0) == 99);

    w = want(&t.a, "curve", 4);
    cw_kint(w, "run", 1);
    cw_kstr(w, "metric", "loss");
    cw_kstr(w, "x", "time");
    cw_kint(w, "columns", 8);
    must(&t.a, &t.wd.ctx);
    assert_true(cmap_double(head(&t.a), "x0", -1) == 0 && cmap_double(head(&t.a), "x1", -1) == 7);
    assert_true(cell(part(&t.a, 0), "mean", 1) == 1);

    w = want(&t.a, "curve", 2); /* the objective, from what was reported; t3 has none and is no error */
    cw_str(w, "trials");
    cw_array(w, 3);
    cw_int(w, 0);
    cw_int(w, 1);
    cw_int(w, 3);
    cw_kint(w, "columns", 4);
    must(&t.a, &t.wd.ctx);
    assert_int_equal(t.a.out.n_parts, 2);
    assert_true(cmap_double(part(&t.a, 1), "last", 0) == 0.3);
    small_end(&t);
}

/* Points of a run under a name; steps 1, 2, ... */
static void add_points(struct small *t, int64_t run, const char *metric, const double *values, int n)
{
    int64_t steps[16], times[16];
    for (int i = 0; i < n; i++) {
        steps[i] = i + 1;
        times[i] = T0 + i * CLOCK_S;
    }
    struct buf c = {0};
    points_begin(&c);
    points_add(&c, metric, (uint32_t)n, steps, times, values);
    struct codec_writer *w = log_begin(t->l, EV_POINTS, 3);
    cw_kint(w, "run", run);
    cw_kint(w, "epoch", 1);
    cw_str(w, "c");
    cw_bin(w, c.data, c.len);
    log_end(t->l);
    buf_release(&c);
    struct event ev = log_event(t->l, t->l->n - 1);
    assert_int_equal(state_apply(t->s, &ev), 0);
}

static void a_curve_against_another_metric_and_on_a_log_axis(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    static const double loss[8] = {8, 7, 6, 5, 4, 3, 2, 1}, epoch[8] = {0, .5, 1, 1.5, 2, 2.5, 3, 3.5};
    add_points(&t, 1, "loss", loss, 8);
    add_points(&t, 1, "epoch", epoch, 8);
    struct codec_writer *w = want(&t.a, "curve", 4);
    cw_kint(w, "run", 1);
    cw_kstr(w, "metric", "loss");
    cw_kstr(w, "x", "epoch");
    cw_kint(w, "columns", 7);
    must(&t.a, &t.wd.ctx);
    assert_true(cmap_double(head(&t.a), "x0", -1) == 0 && cmap_double(head(&t.a), "x1", -1) == 3.5);
    for (int i = 0; i < 6; i++)
        assert_true(cell(part(&t.a, 0), "mean", i) == 8 - i);
    assert_true(cell(part(&t.a, 0), "mean", 6) == 1.5); /* the last column holds its end too */

    w = want(&t.a, "curve", 5); /* 1 2 | 4: columns [1,2) [2,4) [4,8] */
    cw_kint(w, "run", 1);
    cw_kstr(w, "metric", "loss");
    cw_kbool(w, "log_x", true);
    cw_kint(w, "columns", 3);
    cw_kdouble(w, "x1", 8);
    must(&t.a, &t.wd.ctx);
    assert_true(cmap_bool(head(&t.a), "log_x", false));
    assert_true(cell(part(&t.a, 0), "mean", 0) == 8 && cell(part(&t.a, 0), "mean", 1) == 6.5);
    assert_true(cell(part(&t.a, 0), "mean", 2) == 3 && cell(part(&t.a, 0), "min", 2) == 1);

    w = want(&t.a, "curve", 3);
    cw_kint(w, "run", 1);
    cw_kstr(w, "metric", "loss");
    cw_kstr(w, "x", "cost");
    must(&t.a, &t.wd.ctx);
    assert_int_equal(t.a.out.n_parts, 0);
    assert_true(span_eq(cmap_str(head(&t.a), "why"), "no run logged cost"));
    small_end(&t);
}

static void columns_of_nothing_but_nan_are_not_empty_ones(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    static const double loss[8] = {8, 7, NAN, NAN, 4, 3, INFINITY, 1};
    add_points(&t, 1, "loss", loss, 8);
    struct codec_writer *w = want(&t.a, "curve", 5);
    cw_kint(w, "run", 1);
    cw_kstr(w, "metric", "loss");
    cw_kdouble(w, "x0", 1);
    cw_kdouble(w, "x1", 17);
    cw_kint(w, "columns", 16);
    must(&t.a, &t.wd.ctx);
    struct span p = part(&t.a, 0);
    assert_true(isinf(cell(p, "mean", 2)) && isinf(cell(p, "mean", 3)) && isinf(cell(p, "mean", 6)));
    assert_true(isnan(cell(p, "mean", 12)) && cell(p, "mean", 4) == 4);
    assert_true(cmap_double(p, "nan_x", -1) == 3);
    small_end(&t);
}

static void groups_have_the_mean_and_the_spread_of_their_runs(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    static const double a[4] = {4, 3, 2, 1}, b[4] = {8, 7, 6, 5};
    add_points(&t, 0, "loss", a, 4);
    add_points(&t, 1, "loss", b, 4);
    struct codec_writer *w = want(&t.a, "curve", 4);
    cw_kint(w, "best", 10);
    cw_kstr(w, "metric", "loss");
    cw_kstr(w, "group", "no-such-parameter");
    cw_kint(w, "columns", 3);
    must(&t.a, &t.wd.ctx);
    assert_int_equal(t.a.out.n_parts, 1);
    struct span p = part(&t.a, 0);
    assert_true(span_eq(cmap_str(p, "group"), "without"));
    assert_int_equal(cmap_int(p, "runs", 0), 2);
    assert_int_equal(cmap_int(p, "trials", 0), 2);
    assert_true(cell(p, "mean", 0) == 6 && cell(p, "min", 0) == 4 && cell(p, "max", 0) == 8);
    assert_true(fabs(cell(p, "deviation", 0) - sqrt(8)) < 1e-12);

    w = want(&t.a, "curve", 4);
    cw_kint(w, "best", 10);
    cw_kstr(w, "filter", "trial=t1");
    cw_kstr(w, "metric", "loss");
    cw_kstr(w, "group", "trial");
    must(&t.a, &t.wd.ctx);
    assert_int_equal(t.a.out.n_parts, 1);
    assert_true(span_eq(cmap_str(part(&t.a, 0), "label"), "t1"));
    assert_int_equal(cmap_int(part(&t.a, 0), "trial", -1), 1);
    small_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curve_has_columns_gaps_and_the_step_of_the_first_nan),
        cmocka_unit_test(a_curve_against_another_metric_and_on_a_log_axis),
        cmocka_unit_test(columns_of_nothing_but_nan_are_not_empty_ones),
        cmocka_unit_test(groups_have_the_mean_and_the_spread_of_their_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
