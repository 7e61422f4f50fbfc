/* Curves, sparklines, bars: joined, gapped, stable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tui/plot_bars.h"
#include "tui/plot_curve.h"

static struct canvas c;
static const struct axis unit = {0, 1, false, AXIS_NUMBER};

static int setup(void **state)
{
    setlocale(LC_ALL, "C.UTF-8");
    canvas_init(&c, false);
    canvas_resize(&c, 40, 12);
    return 0;
}

static int teardown(void **state)
{
    canvas_release(&c);
    return 0;
}

static void dots_use_the_braille_table(void **state)
{
    struct dots d;
    dots_init(&d, 1, 1);
    static const uint8_t want[4][2] = {{1, 8}, {2, 16}, {4, 32}, {64, 128}};
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 2; x++) {
            d.bits[0] = 0;
            dots_set(&d, x, y, ST_PLAIN);
            assert_int_equal(d.bits[0], want[y][x]);
        }
    dots_set(&d, -1, 0, ST_PLAIN);
    dots_set(&d, 2, 0, ST_PLAIN);
    dots_set(&d, 0, 4, ST_PLAIN);
    dots_release(&d);
}

/* Each column of dots of a joined curve touches its neighbour. */
static void steep_curves_do_not_break_up(void **state)
{
    double v[66];
    struct plot p;
    for (int i = 0; i < 66; i++)
        v[i] = i % 2 ? .02 : .98;
    plot_axes(&p, &c, (struct rect){0, 0, 40, 12}, unit, unit);
    struct plot_series s = {.mean = v, .n = 66, .x0 = 0, .x1 = 1, .st = ST_CURVE_A, .break_at = NAN};
    plot_series(&p, &c, &s);
    int lit = 0;
    for (int i = 0; i < p.dots.w * p.dots.h; i++)
        lit += __builtin_popcount(p.dots.bits[i]);
    assert_true(lit >
                66 * 2 * (p.dots.h - 1)); /* a vertical run at every step, half of it in either column */
    plot_end(&p, &c);
}

static int curve_cells(struct canvas *out, const double *v, int n, double break_at)
{
    struct plot p;
    int cells = 0;
    canvas_clear(out);
    plot_axes(&p, out, (struct rect){0, 0, 40, 12}, unit, unit);
    struct plot_series s = {.mean = v, .n = n, .x0 = 0, .x1 = 1, .st = ST_CURVE_A, .break_at = break_at};
    plot_series(&p, out, &s);
    plot_end(&p, out);
    for (int y = 0; y < 11; y++)
        for (int x = 7; x < 40; x++)
            cells += canvas_at(out, x, y)->cp >= 0x2800 && canvas_at(out, x, y)->cp <= 0x28ff;
    return cells;
}

static void sparse_points_are_joined_across_empty_columns(void **state)
{
    double v[66];
    for (int i = 0; i < 66; i++)
        v[i] = NAN;
    v[0] = v[65] = .5;
    assert_int_equal(curve_cells(&c, v, 66, NAN), 33);
}

static void a_run_that_went_nan_is_cut_and_crossed(void **state)
{
    double v[66];
    for (int i = 0; i < 66; i++)
        v[i] = NAN;
    v[0] = v[65] = .5;
    assert_int_equal(curve_cells(&c, v, 66, .4), 2);
    bool cross = false;
    for (int x = 0; x < 40; x++)
        cross = cross || canvas_at(&c, x, 11)->cp == 0x2717;
    assert_true(cross);
}

static void nan_and_infinity_draw_nothing(void **state)
{
    double v[3] = {NAN, INFINITY, -INFINITY};
    assert_int_equal(curve_cells(&c, v, 3, NAN), 0);
    assert_int_equal(curve_cells(&c, v, 0, NAN), 0);
}

/* What keeps frames small: a fixed axis and one more point change a few cells. */
static void one_new_point_changes_few_cells(void **state)
{
    double v[66];
    struct canvas before;
    canvas_init(&before, false);
    canvas_resize(&before, 40, 12);
    for (int i = 0; i < 66; i++)
        v[i] = i < 40 ? .9 * exp(-i / 20.) + .05 : NAN;
    curve_cells(&before, v, 66, NAN);
    v[40] = .9 * exp(-2.) + .05;
    curve_cells(&c, v, 66, NAN);
    int changed = 0;
    for (int y = 0; y < 12; y++)
        for (int x = 0; x < 40; x++)
            changed += canvas_at(&c, x, y)->cp != canvas_at(&before, x, y)->cp;
    assert_in_range(changed, 1, 3);
    canvas_release(&before);
}

static void plots_survive_every_size(void **state)
{
    double v[80];
    for (int i = 0; i < 80; i++)
        v[i] = sin(i);
    struct axis y = axis_snap(-1, 1, false);
    for (int w = 0; w <= 40; w++)
        for (int h = 0; h <= 12; h++) {
            struct plot p;
            canvas_clear(&c);
            struct rect r = {0, 0, w, h};
            plot_axes(&p, &c, r, unit, y);
            struct plot_series s = {.mean = v,
                                    .min = v,
                                    .max = v,
                                    .n = 80,
                                    .x0 = 0,
                                    .x1 = 1,
                                    .st = ST_CURVE_A,
                                    .letter = 'A',
                                    .break_at = .7};
            plot_mark(&p, &c, .5, 0x2460, ST_MARK);
            plot_series(&p, &c, &s);
            plot_end(&p, &c);
            for (int yy = 0; yy < 12; yy++)
                for (int xx = 0; xx < 40; xx++)
                    if ((xx >= w + 1 || yy >= h + 1) && canvas_at(&c, xx, yy)->cp != ' ')
                        fail_msg("%dx%d wrote at %d,%d", w, h, xx, yy);
        }
}

static void a_mark_keeps_its_number_above_the_curve(void **state)
{
    double v[66];
    struct plot p;
    for (int i = 0; i < 66; i++)
        v[i] = 1;
    plot_axes(&p, &c, (struct rect){0, 0, 40, 12}, unit, unit);
    struct plot_series s = {.mean = v, .n = 66, .x0 = 0, .x1 = 1, .st = ST_CURVE_A, .break_at = NAN};
    plot_series(&p, &c, &s);
    plot_mark(&p, &c, .5, 0x2460, ST_MARK);
    plot_end(&p, &c);
    assert_int_equal(canvas_at(&c, 7 + 16, 0)->cp, 0x2460);
}

static void smoothing_is_unbiased_and_keeps_gaps(void **state)
{
    double v[5] = {2, 2, NAN, 2, 4};
    plot_smooth(v, 5, .9);
    assert_true(fabs(v[0] - 2) < 1e-12 && fabs(v[3] - 2) < 1e-12 && isnan(v[2]));
    assert_true(v[4] > 2 && v[4] < 3);
}

static void sparklines_share_a_scale(void **state)
{
    struct spark_scale s = {0};
    double a[4] = {1, .5, NAN, .1}, b[3] = {.9, .2, .05};
    spark_scale_add(&s, a, 4);
    spark_scale_add(&s, b, 3);
    spark_scale_done(&s);
    assert_true(s.log);
    assert_int_equal(spark_level(&s, .05), 0);
    assert_int_equal(spark_level(&s, 1), 7);
    assert_int_equal(spark_level(&s, NAN), -1);
    spark_draw(&c, 0, 0, 40, ST_SPARK, &s, a, 4);
    assert_int_equal(canvas_at(&c, 0, 0)->cp, 0x2588);
    assert_int_equal(canvas_at(&c, 2, 0)->cp, ' ');
}

static void a_short_series_takes_as_many_cells_as_it_has_values(void **state)
{
    double gaps[8] = {1, NAN, NAN, 2, NAN, NAN, NAN, 3}, all[6] = {1, 3, 5, 7, 9, 11}, out[8];
    assert_int_equal(spark_fit(gaps, 8, out, 6), 3);
    assert_true(out[0] == 1 && out[1] == 2 && out[2] == 3);
    assert_int_equal(spark_fit(all, 6, out, 3), 3);
    assert_true(out[0] == 2 && out[1] == 6 && out[2] == 10);
    assert_int_equal(spark_fit(gaps, 8, gaps, 2), 2);
    assert_true(gaps[0] == 1 && gaps[1] == 2.5);
    assert_int_equal(spark_fit(all, 6, out, 0), 0);
    assert_int_equal(spark_fit(all, 0, out, 5), 0);
}

static void a_slightly_better_best_redraws_no_sparkline(void **state)
{
    struct spark_scale a = {0}, b = {0};
    double v[3] = {1, .3, .0812}, w[3] = {1, .3, .0810};
    spark_scale_add(&a, v, 3);
    spark_scale_done(&a);
    spark_scale_add(&b, w, 3);
    spark_scale_done(&b);
    assert_true(a.lo == b.lo && a.hi == b.hi);
}

static void bars_and_intervals_stay_in_their_cells(void **state)
{
    bar_draw(&c, 0, 0, 10, ST_SPARK, .5, true);
    assert_int_equal(canvas_at(&c, 4, 0)->cp, 0x2588);
    assert_int_equal(canvas_at(&c, 5, 0)->cp, 0x2591);
    bar_draw(&c, 0, 1, 10, ST_SPARK, 7, false);
    assert_int_equal(canvas_at(&c, 9, 1)->cp, 0x2588);
    assert_int_equal(canvas_at(&c, 10, 1)->cp, ' ');
    interval_draw(&c, 0, 2, 11, ST_SPARK, 0, 1, .3, .5, .7);
    assert_int_equal(canvas_at(&c, 5, 2)->cp, 0x25cf);
    assert_int_equal(canvas_at(&c, 3, 2)->cp, 0x2501);
    assert_int_equal(canvas_at(&c, 8, 2)->cp, ' ');
    interval_draw(&c, 0, 3, 11, ST_SPARK, 0, 1, NAN, 5, NAN); /* outside: at the edge */
    assert_int_equal(canvas_at(&c, 10, 3)->cp, 0x25cf);
    interval_draw(&c, 0, 4, 11, ST_SPARK, 0, 1, -3, .5, 9); /* goes on beyond both ends */
    assert_int_equal(canvas_at(&c, 0, 4)->cp, 0x25c2);
    assert_int_equal(canvas_at(&c, 10, 4)->cp, 0x25b8);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(dots_use_the_braille_table),
        T(steep_curves_do_not_break_up),
        T(sparse_points_are_joined_across_empty_columns),
        T(a_run_that_went_nan_is_cut_and_crossed),
        T(nan_and_infinity_draw_nothing),
        T(one_new_point_changes_few_cells),
        T(plots_survive_every_size),
        T(a_mark_keeps_its_number_above_the_curve),
        T(smoothing_is_unbiased_and_keeps_gaps),
        T(sparklines_share_a_scale),
        T(a_short_series_takes_as_many_cells_as_it_has_values),
        T(a_slightly_better_best_redraws_no_sparkline),
        T(bars_and_intervals_stay_in_their_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
