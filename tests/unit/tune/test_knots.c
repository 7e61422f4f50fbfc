/* Adaptive sampling: splines that are exact, knots where the function bends, cells where a surface does. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "tune/knots.h"
#include "tune/quad.h"

static void near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.12g is not %.12g within %g", a, b, tolerance);
}

typedef double function(double x);

static double cubic(double x)
{
    return 2 - x + 3 * x * x - 0.5 * x * x * x;
}

/* Not-a-knot through a cubic is that cubic, whatever the spacing. */
static void a_spline_through_a_cubic_is_the_cubic(void **state)
{
    const double x[] = {-1, -0.3, 0, 0.9, 1, 2.5, 4};
    for (int n = 4; n <= 7; n++) {
        double y[7], m[7];
        for (int i = 0; i < n; i++)
            y[i] = cubic(x[i]);
        spline_fit(x, y, n, m);
        for (double at = -1; at <= x[n - 1]; at += 0.07)
            near(spline_at(x, y, m, n, at), cubic(at), 1e-12 * 50);
    }
    const double p[] = {0, 1, 3};
    double y[] = {1, 2, 10}, m[3]; /* x^2 + 1 */
    spline_fit(p, y, 3, m);
    near(spline_at(p, y, m, 3, 2), 5, 1e-12);
}

static enum knots_state run(struct knots *k, const struct knots_options *o, function *f)
{
    enum knots_state st = KNOTS_MORE;
    knots_init(k, o);
    while (st == KNOTS_MORE) {
        double *y = mem_alloc((size_t)k->n_next * sizeof *y);
        for (int i = 0; i < k->n_next; i++)
            y[i] = f(k->next[i]);
        st = knots_tell(k, y);
        free(y);
    }
    return st;
}

static void a_cubic_needs_one_round(void **state)
{
    struct knots k;
    struct knots_options o = knots_options(-1, 4, 1e-9, 1);
    assert_int_equal(run(&k, &o, cubic), KNOTS_DONE);
    assert_int_equal(k.n, 11); /* six, and the middles between them */
    knots_release(&k);
}

static double bump(double x)
{
    return 1 / (1 + 400 * (x - 0.3) * (x - 0.3));
}

static void knots_go_where_it_bends_and_keep_the_promise(void **state)
{
    struct knots k;
    struct knots_options o = knots_options(0, 1, 1e-5, 1);
    int around = 0, off = 0;
    assert_int_equal(run(&k, &o, bump), KNOTS_DONE);
    for (int i = 0; i < k.n; i++) {
        around += fabs(k.x[i] - 0.3) < 0.15;
        assert_true(i == 0 || k.x[i] > k.x[i - 1]);
    }
    assert_true(around > 0.5 * k.n && k.n < 200);
    for (int i = 0; i <= 10000; i++) {
        double x = i / 10000.0;
        off += fabs(knots_at(&k, x) - bump(x)) > 1e-5 * (1 + fabs(bump(x)));
    }
    assert_true(off < 20);
    knots_release(&k);
}

static double power(double x)
{
    return pow(x, -1.5);
}

static void log_spaced_knots_are_geometric(void **state)
{
    struct knots k;
    struct knots_options o = knots_options(1e-4, 1, 1e-4, 0);
    o.log_spaced = true;
    assert_int_equal(run(&k, &o, power), KNOTS_DONE);
    for (int i = 0; i < 200; i++) {
        double x = 1e-4 * pow(1e4, (i + 0.5) / 200);
        near(knots_at(&k, x) / power(x), 1, 2e-3);
    }
    knots_release(&k);
}

static double jump(double x)
{
    return x > 1.0 / 3;
}

static void a_jump_is_said_to_be_one(void **state)
{
    struct knots k;
    struct knots_options o = knots_options(0.1, 1, 1e-8, 1);
    assert_int_equal(run(&k, &o, jump), KNOTS_BROKEN);
    knots_release(&k);
    o.most = 40;
    assert_int_equal(run(&k, &o, jump), KNOTS_FULL);
    assert_true(k.n <= 40);
    knots_release(&k);
}

/* A bend at 0.2, and a bump that hides between the middles of the first round. */
static double hidden(double x)
{
    double bend = 1 / (1 + 900 * (x - 0.2) * (x - 0.2));
    return bend + (x < 0.7525 || x > 0.7725 ? 0 : pow(sin((x - 0.7525) / 0.02 * M_PI), 4));
}

static void refining_looks_into_wide_bins(void **state)
{
    struct knots a, b;
    struct knots_options o = knots_options(0, 1, 1e-2, 0.1);
    assert_int_equal(run(&a, &o, hidden), KNOTS_DONE);
    assert_true(fabs(knots_at(&a, 0.7625) - hidden(0.7625)) > 0.5); /* missed */
    o.refine = 4;
    assert_int_equal(run(&b, &o, hidden), KNOTS_DONE);
    near(knots_at(&b, 0.7625), hidden(0.7625), 0.02);
    knots_release(&a);
    knots_release(&b);
}

/* ---- planes ---- */

static double tilted(double x, double y)
{
    return 1 + 2 * x - y + 3 * x * y;
}

static double valley(double x, double y)
{
    return 1 + 50 * pow(fmax(0, x - 0.5), 2) * (1 + y);
}

typedef double surface(double x, double y);

static struct quad *fill(surface *f, int coarse, int deepest, double rel, int at_once)
{
    struct quad_options o = {-1, -1, 1, 1, coarse, deepest, rel, 1};
    struct quad *q = quad_new(&o);
    double x[8], y[8];
    for (int n = 1; n > 0;) {
        for (n = 0; n < at_once && quad_next(q, &x[n], &y[n]); n++)
            ;
        for (int i = n - 1; i >= 0; i--) /* told in another order than asked */
            assert_true(quad_tell(q, x[i], y[i], f(x[i], y[i])));
    }
    assert_int_equal(quad_out(q), 0);
    return q;
}

static void a_bilinear_surface_is_not_refined(void **state)
{
    struct quad *q = fill(tilted, 2, 4, 1e-9, 1);
    assert_int_equal(quad_cells(q), 4);
    assert_int_equal(quad_told(q), 25);
    near(quad_at(q, 0.37, -0.21), tilted(0.37, -0.21), 1e-12);
    assert_true(isnan(quad_at(q, 1.2, 0)));
    quad_free(q);
}

static void cells_are_small_where_the_surface_bends(void **state)
{
    struct quad *one = fill(valley, 4, 4, 1e-2, 1), *many = fill(valley, 4, 4, 1e-2, 8);
    assert_int_equal(quad_told(one), quad_told(many)); /* in parallel the same places in the end */
    assert_true(quad_told(one) < 129 * 129 / 4);
    double worst = 0;
    for (int i = 0; i < 4000; i++) {
        double x = -1 + 2 * fmod(i * 0.61803398875, 1), y = -1 + 2 * (i + 0.5) / 4000;
        worst = fmax(worst, fabs(quad_at(one, x, y) - valley(x, y)) / (1 + valley(x, y)));
    }
    assert_true(worst < 0.03);
    quad_free(one);
    quad_free(many);
}

static double hole(double x, double y)
{
    return x > 0 && y > 0 ? NAN : tilted(x, y);
}

static void what_cannot_be_evaluated_is_left_alone(void **state)
{
    struct quad *q = fill(hole, 4, 3, 1e-6, 4);
    double x, y;
    assert_false(quad_next(q, &x, &y));
    assert_true(isnan(quad_at(q, 0.6, 0.6)));
    near(quad_at(q, -0.6, 0.3), tilted(-0.6, 0.3), 1e-9);
    assert_true(quad_told(q) < 17 * 17);
    assert_false(quad_tell(q, 0.1234, 0, 1)); /* no such place */
    quad_free(q);
}

static void coarse_places_come_first(void **state)
{
    struct quad_options o = {0, 0, 1, 1, 4, 2, 1e-3, 1};
    struct quad *q = quad_new(&o);
    double x, y;
    for (int i = 0; i < 4; i++) {
        assert_true(quad_next(q, &x, &y));
        assert_true((x == 0 || x == 1) && (y == 0 || y == 1));
    }
    for (int i = 4; i < 25; i++)
        assert_true(quad_next(q, &x, &y));
    assert_false(quad_next(q, &x, &y)); /* the values of the coarse corners are awaited */
    assert_int_equal(quad_out(q), 25);
    quad_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spline_through_a_cubic_is_the_cubic),
        cmocka_unit_test(a_cubic_needs_one_round),
        cmocka_unit_test(knots_go_where_it_bends_and_keep_the_promise),
        cmocka_unit_test(log_spaced_knots_are_geometric),
        cmocka_unit_test(a_jump_is_said_to_be_one),
        cmocka_unit_test(refining_looks_into_wide_bins),
        cmocka_unit_test(a_bilinear_surface_is_not_refined),
        cmocka_unit_test(cells_are_small_where_the_surface_bends),
        cmocka_unit_test(what_cannot_be_evaluated_is_left_alone),
        cmocka_unit_test(coarse_places_come_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
