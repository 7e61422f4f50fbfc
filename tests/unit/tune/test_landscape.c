/* Landscapes: basins, the fit near an optimum, the surrogate and its pictures, importance; against values
 * that can be worked out by hand. */
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
#include "base/rng.h"
#include "tune/arms.h"
#include "tune/basins.h"
#include "tune/forest.h"
#include "tune/importance.h"
#include "tune/landscape.h"
#include "tune/quadratic.h"

static void near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%.12g is not %.12g within %g", a, b, tolerance);
}

/* ---- basins ---- */

static void the_line_of_the_manual_has_two_basins(void **state)
{
    const double z[] = {3, 1, 4, 1.5, 5};
    struct basin b[4];
    assert_int_equal(basins_find(z, 1, 5, b, 4), 2);
    assert_int_equal(b[0].low, 1);
    assert_int_equal(b[0].pass, -1);
    assert_true(isinf(b[0].death));
    assert_int_equal(b[1].low, 3);
    assert_int_equal(b[1].pass, 2);
    assert_true(b[1].birth == 1.5 && b[1].death == 4);
}

static void corners_touch_and_missing_cells_part(void **state)
{
    const double diagonal[] = {1, 9, 9, 2}, wall[] = {1, NAN, 0.5, 2, NAN, 3}, none[] = {NAN, NAN};
    struct basin b[4];
    assert_int_equal(basins_find(diagonal, 2, 2, b, 4), 1);
    assert_int_equal(basins_find(wall, 2, 3, b, 4), 2);
    assert_true(isinf(b[0].death) && isinf(b[1].death)); /* cut off from each other: neither ends */
    assert_int_equal(b[0].low, 2);
    assert_int_equal(b[1].low, 0);
    assert_int_equal(basins_find(none, 1, 2, b, 4), 0);
}

static void a_plateau_is_one_basin(void **state)
{
    const double flat[] = {2, 2, 2, 2, 2, 2}, steps[] = {1, 1, 3, 3, 1, 1};
    struct basin b[4];
    assert_int_equal(basins_find(flat, 2, 3, b, 4), 1);
    assert_int_equal(basins_find(steps, 1, 6, b, 4), 2);
    assert_int_equal(b[0].low, 0);
    assert_true(b[1].birth == 1 && b[1].death == 3);
}

/* Number, minima and passes of basins depend on the order of values only. */
static void a_monotone_transform_moves_no_basin(void **state)
{
    struct rng g;
    rng_seed(&g, 5);
    for (int round = 0; round < 50; round++) {
        double z[12 * 9], t[12 * 9];
        struct basin a[64], b[64];
        for (int i = 0; i < 12 * 9; i++) {
            z[i] = rng_below(&g, 15) ? floor(40 * rng_unit(&g)) : NAN;
            t[i] = exp(z[i] / 7) + 3 * z[i] - 8;
        }
        int n = basins_find(z, 9, 12, a, 64), matched = 0;
        assert_int_equal(n, basins_find(t, 9, 12, b, 64));
        for (int i = 0; i < n; i++)
            for (int k = 0; k < n; k++)
                matched += a[i].low == b[k].low && a[i].pass == b[k].pass;
        assert_int_equal(matched, n);
    }
}

/* ---- quadratic ---- */

static void a_quadratic_is_found_exactly(void **state)
{
    const double c[] = {3, -2, 1, 4, 1, 2};
    double x[12], y[12], z[12];
    struct rng g;
    struct quadratic q;
    rng_seed(&g, 1);
    for (int i = 0; i < 12; i++) {
        x[i] = 5 + rng_unit(&g);
        y[i] = -3 + 0.1 * rng_unit(&g);
        z[i] =
            c[0] + c[1] * x[i] + c[2] * y[i] + c[3] * x[i] * x[i] + c[4] * x[i] * y[i] + c[5] * y[i] * y[i];
    }
    assert_true(quadratic_fit(x, y, z, 12, &q));
    for (int j = 0; j < 6; j++)
        near(q.c[j], c[j], 1e-6);
    near(q.r2, 1, 1e-9);
    assert_true(q.convex);
    near(q.x, 9.0 / 31, 1e-6); /* 8x + y = 2, x + 4y = -1 */
    near(q.y, -10.0 / 31, 1e-6);
    assert_false(quadratic_fit(x, y, z, 5, &q));
    for (int i = 0; i < 12; i++)
        y[i] = 2 * x[i]; /* on a line */
    assert_false(quadratic_fit(x, y, z, 12, &q));
}

static void a_saddle_is_no_bowl(void **state)
{
    double x[9], y[9], z[9];
    struct quadratic q;
    for (int i = 0; i < 9; i++) {
        x[i] = i % 3;
        y[i] = i / 3;
        z[i] = x[i] * x[i] - y[i] * y[i];
    }
    assert_true(quadratic_fit(x, y, z, 9, &q));
    assert_false(q.convex);
}

static void the_plateau_is_a_share_of_what_is_known(void **state)
{
    const double z[] = {1, 1.1, 1.3, NAN, 2};
    near(plateau_share(z, 5, 0.11), 0.5, 1e-12);
    near(plateau_share(z, 5, 0), 0.25, 1e-12);
    assert_true(isnan(plateau_share(z + 3, 1, 1)));
}

/* ---- a space and its history ---- */

/* lr log 1e-4..1, width 8..64, kind {a, b, c}, momentum 0..1 only for kind b */
static struct space *mixed_space(void)
{
    struct space *s = space_new();
    struct param *p = space_add(s, "lr");
    p->type = PARAM_FLOAT;
    p->prior = PRIOR_LOG;
    p->low = 1e-4;
    p->high = 1;
    p = space_add(s, "width");
    p->type = PARAM_INT;
    p->low = 8;
    p->high = 64;
    p->quantum = 1;
    p->anchor = 8;
    p = space_add(s, "kind");
    p->type = PARAM_CATEGORICAL;
    struct tune_value kinds[] = {tune_string("a"), tune_string("b"), tune_string("c")};
    param_set_choices(p, kinds, 3);
    for (int i = 0; i < 3; i++)
        tune_value_free(&kinds[i]);
    p = space_add(s, "momentum");
    p->type = PARAM_FLOAT;
    p->high = 1;
    p->parent = 2;
    p->when = mem_zero(3, sizeof *p->when);
    p->when[1] = true;
    if (space_finish(s, NULL) != 0)
        abort();
    return s;
}

static struct space *cube(int dims)
{
    struct space *s = space_new();
    for (int i = 0; i < dims; i++) {
        char name[8];
        snprintf(name, sizeof name, "x%d", i);
        struct param *p = space_add(s, name);
        p->type = PARAM_FLOAT;
        p->high = 1;
    }
    if (space_finish(s, NULL) != 0)
        abort();
    return s;
}

typedef double loss_of(const double *dna);

static void sample(const struct space *s, struct history *h, int n, uint64_t seed, loss_of *f)
{
    struct rng g;
    double *dna = mem_zero((size_t)s->n, sizeof *dna);
    rng_seed(&g, seed);
    history_init(h, s->n);
    for (int i = 0; i < n; i++) {
        space_sample(s, &g, dna);
        int at = history_add(h, i, dna);
        double loss = f(dna);
        history_end(h, at, isnan(loss) ? END_FAILED : END_DONE, 10, loss);
    }
    free(dna);
}

/* Best at lr 1e-2 (u 0.5), kind b; fails at the top of lr. */
static double mixed_loss(const double *dna)
{
    if (dna[0] > 0.95)
        return NAN;
    double bend = isnan(dna[3]) ? 0 : 0.3 * (dna[3] - 0.8) * (dna[3] - 0.8);
    return 100 + 50 * (dna[0] - 0.5) * (dna[0] - 0.5) + (dna[2] == 1 ? 0 : 4) + bend;
}

/* ---- the surrogate ---- */

static void too_few_values_are_said_in_words(void **state)
{
    struct space *s = mixed_space();
    struct history h;
    char *cause = NULL;
    sample(s, &h, 4, 1, mixed_loss);
    assert_null(surrogate_new(s, &h, &cause));
    assert_string_equal(cause, "4 of at least 5 trials have ended with a value");
    free(cause);
    history_release(&h);
    space_free(s);
}

static void predictions_are_losses_in_their_own_unit(void **state)
{
    struct space *s = mixed_space();
    struct history h;
    sample(s, &h, 120, 2, mixed_loss);
    struct surrogate *m = surrogate_new(s, &h, NULL);
    struct rng g;
    double dna[4], mean, deviation, error = 0, inside = 0;
    int n = 0;
    rng_seed(&g, 99);
    assert_non_null(m);
    for (int i = 0; i < 200; i++) {
        space_sample(s, &g, dna);
        if (isnan(mixed_loss(dna)) || dna[0] > 0.9)
            continue;
        surrogate_predict(m, dna, 1, &mean, &deviation);
        assert_true(deviation >= 0);
        error += fabs(mean - mixed_loss(dna));
        inside += fabs(mean - mixed_loss(dna)) < 3 * deviation + 0.3;
        n++;
    }
    near(error / n, 0, 0.25); /* losses span 100 to 116 */
    assert_true(inside / n > 0.9);
    struct surrogate_fit about = surrogate_about(m);
    assert_true(about.r2 > 0.9 && about.seen == 120 && about.used == 120);
    surrogate_free(m);
    history_release(&h);
    space_free(s);
}

static void the_same_history_gives_the_same_numbers(void **state)
{
    struct space *s = mixed_space();
    struct history h;
    sample(s, &h, 400, 3, mixed_loss);
    struct surrogate *a = surrogate_new(s, &h, NULL), *b = surrogate_new(s, &h, NULL);
    double dna[] = {0.3, 0.5, 1, 0.5}, x[2], y[2];
    space_canon(s, dna);
    surrogate_predict(a, dna, 1, &x[0], &x[1]);
    surrogate_predict(b, dna, 1, &y[0], &y[1]);
    assert_memory_equal(x, y, sizeof x);
    assert_int_equal(surrogate_about(a).seen, 400);
    assert_true(surrogate_about(a).used <= 400);
    surrogate_free(a);
    surrogate_free(b);
    history_release(&h);
    space_free(s);
}

/* ---- pictures ---- */

static struct landscape_grid grid_of(const struct space *s, int x, int y, int columns, int rows,
                                     const double *held)
{
    struct landscape_grid g = {.x = landscape_axis(s, x, NULL),
                               .slice = y < 0,
                               .columns = columns,
                               .rows = y < 0 ? 1 : rows,
                               .held = held};
    if (y >= 0)
        g.y = landscape_axis(s, y, NULL);
    return g;
}

static void an_axis_runs_in_its_own_scale(void **state)
{
    struct space *s = mixed_space();
    struct landscape_axis lr = landscape_axis(s, 0, NULL), width = landscape_axis(s, 1, NULL),
                          kind = landscape_axis(s, 2, NULL);
    assert_int_equal(lr.scale, SCALE_LOG);
    near(axis_of_value(&lr, 1e-2), 0.5, 1e-12);
    near(axis_place(&lr, axis_dna(&lr, 0.25)), 0.25, 1e-9);
    assert_true(width.low == 7.5 && width.high == 64.5); /* half a step beyond the outermost values */
    near(axis_of_value(&width, 8), 0.5 / 57, 1e-12);
    assert_int_equal(kind.scale, SCALE_CHOICES);
    near(axis_place(&kind, 1), 0.5, 1e-12);
    assert_true(axis_dna(&kind, 0.99) == 2 && axis_dna(&kind, 1) == 2 && axis_dna(&kind, 0) == 0);
    assert_true(isnan(axis_place(&lr, NAN)));
    space_free(s);
}

static void held_at_the_best_that_has_the_parameters(void **state)
{
    struct space *s = mixed_space();
    struct history h;
    double dna[4], a[] = {0.5, 0.5, 0, NAN}, b[] = {0.1, 0.2, 1, 0.7};
    history_init(&h, 4);
    history_end(&h, history_add(&h, 0, a), END_DONE, 1, 1.0);
    history_end(&h, history_add(&h, 1, b), END_DONE, 1, 2.0);
    assert_true(landscape_hold(s, &h, HOLD_BEST, 0, 1, dna));
    assert_true(dna[2] == 0);
    assert_true(landscape_hold(s, &h, HOLD_BEST, 0, 3, dna)); /* only trial 1 has momentum */
    assert_true(dna[2] == 1 && dna[3] == 0.7);
    memcpy(dna, a, sizeof dna);
    landscape_activate(s, 0, 3, NULL, dna); /* the choice that brings momentum */
    assert_true(dna[2] == 1 && !isnan(dna[3]));
    history_release(&h);
    space_free(s);
}

static void cells_without_the_parameter_are_unknown(void **state)
{
    struct space *s = mixed_space();
    struct history h;
    float z[6 * 3];
    sample(s, &h, 60, 4, mixed_loss);
    struct surrogate *m = surrogate_new(s, &h, NULL);
    double held[] = {0.5, 0.5, 1, 0.5};
    struct landscape_grid g = grid_of(s, 3, 2, 6, 3, held); /* momentum x kind */
    landscape_mean(&g, s, m, z);
    for (int i = 0; i < 6; i++)
        assert_true(isnan(z[i]) && !isnan(z[6 + i]) && isnan(z[12 + i]));
    surrogate_free(m);
    history_release(&h);
    space_free(s);
}

/* A picture of any size is the same landscape. */
static void a_large_picture_is_the_small_one_interpolated(void **state)
{
    struct space *s = mixed_space();
    struct history h;
    sample(s, &h, 150, 5, mixed_loss);
    struct surrogate *m = surrogate_new(s, &h, NULL);
    double held[] = {0.5, 0.5, 1, 0.5}, worst = 0, dna[4], mean;
    struct landscape_grid g = grid_of(s, 0, 1, 512, 256, held);
    float *z = mem_alloc(512 * 256 * sizeof *z);
    landscape_mean(&g, s, m, z);
    for (int k = 0; k < 400; k++) {
        int c = k * 31 % 460, r = k * 17 % 256; /* left of where trials fail */
        memcpy(dna, held, sizeof dna);
        dna[0] = axis_dna(&g.x, (c + 0.5) / 512);
        dna[1] = axis_dna(&g.y, (r + 0.5) / 256);
        space_canon(s, dna);
        surrogate_predict(m, dna, 1, &mean, NULL);
        worst = fmax(worst, fabs(mean - (double)z[r * 512 + c]));
    }
    near(worst, 0, 0.2);
    free(z);
    surrogate_free(m);
    history_release(&h);
    space_free(s);
}

static void what_was_observed_stands_in_its_cell(void **state)
{
    struct space *s = cube(2);
    struct history h;
    double a[] = {0.1, 0.9}, b[] = {0.15, 0.95}, held[] = {0, 0};
    float z[4];
    history_init(&h, 2);
    history_end(&h, history_add(&h, 0, a), END_DONE, 1, 1.0);
    history_end(&h, history_add(&h, 1, b), END_DONE, 1, 4.0);
    history_end(&h, history_add(&h, 2, b), END_FAILED, 1, NAN);
    struct landscape_grid g = grid_of(s, 0, 1, 2, 2, held);
    landscape_observed(&g, &h, z);
    assert_true(z[2] == 2.5f && isnan(z[0]) && isnan(z[1]) && isnan(z[3]));
    history_release(&h);
    space_free(s);
}

static double additive(const double *u)
{
    return 10 * u[0] + 3 * u[1];
}

static void partial_dependence_of_a_sum_is_its_term(void **state)
{
    struct space *s = cube(3);
    struct history h;
    float z[10];
    sample(s, &h, 150, 6, additive);
    struct surrogate *m = surrogate_new(s, &h, NULL);
    double held[] = {0, 0, 0};
    struct landscape_grid g = grid_of(s, 0, -1, 10, 1, held);
    landscape_partial(&g, s, m, z);
    for (int c = 0; c < 10; c++)
        near((double)z[c], (c + 0.5) + 1.5, 0.15);
    surrogate_free(m);
    history_release(&h);
    space_free(s);
}

/* ---- importance ---- */

static double share_of(const struct importance_row *rows, int n, int param, int pair)
{
    for (int i = 0; i < n; i++)
        if (rows[i].param == param && rows[i].pair == pair)
            return rows[i].share;
    return 0;
}

static double product(const double *u)
{
    return (u[0] - 0.5) * (u[1] - 0.5);
}

/* Sobol's shares: of a x + b y they are a^2 : b^2; of a product of centred variables all is in the pair. */
static void importance_is_the_share_of_the_variance(void **state)
{
    struct space *s = cube(4);
    struct history h;
    struct importance_row rows[32];
    sample(s, &h, 900, 7, additive);
    int n = importance_fanova(s, &h, rows, 32, NULL, NULL);
    near(share_of(rows, n, 0, -1), 100.0 / 109, 0.02);
    near(share_of(rows, n, 1, -1), 9.0 / 109, 0.02);
    near(share_of(rows, n, 2, -1) + share_of(rows, n, 3, -1), 0, 0.01);
    for (int i = 0; i < n; i++)
        assert_true(rows[i].low <= rows[i].share && rows[i].share <= rows[i].high + 1e-12);
    n = importance_quick(s, &h, rows, 32, NULL);
    assert_int_equal(n, 4);
    near(share_of(rows, n, 0, -1), 100.0 / 109, 0.04);
    near(share_of(rows, n, 2, -1), 0, 0.03);
    history_release(&h);
    sample(s, &h, 900, 8, product);
    n = importance_fanova(s, &h, rows, 32, NULL, NULL);
    assert_true(share_of(rows, n, 0, 1) > 0.75);
    assert_true(rows[0].param == 0 && rows[0].pair == 1);
    history_release(&h);
    space_free(s);
}

static double noise(const double *u)
{
    struct rng g;
    uint64_t bits;
    memcpy(&bits, u, sizeof bits);
    rng_seed(&g, bits);
    return rng_normal(&g);
}

static void importance_of_noise_is_not_enough_data(void **state)
{
    struct space *s = cube(3);
    struct history h;
    struct importance_row rows[8];
    char *cause = NULL;
    sample(s, &h, 100, 9, noise);
    assert_int_equal(importance_fanova(s, &h, rows, 8, NULL, &cause), -1);
    assert_memory_equal(cause, "not enough data", 15);
    free(cause);
    cause = NULL;
    history_release(&h);
    sample(s, &h, 11, 9, additive);
    assert_int_equal(importance_quick(s, &h, rows, 8, &cause), -1);
    assert_string_equal(cause, "not enough data: 11 of at least 12 trials have ended with a value");
    free(cause);
    history_release(&h);
    space_free(s);
}

static double labelled(const double *dna)
{
    return dna[2] == 1 ? 0 : 1;
}

static void labels_are_split_as_sets(void **state)
{
    struct space *s = mixed_space();
    struct history h;
    struct importance_row rows[16];
    sample(s, &h, 300, 10, labelled);
    int n = importance_fanova(s, &h, rows, 16, NULL, NULL);
    near(share_of(rows, n, 2, -1), 1, 0.01);
    assert_int_equal(rows[0].param, 2);
    history_release(&h);
    space_free(s);
}

/* ---- which region is best ---- */

static struct arm_row arm(double mean, double half)
{
    return (struct arm_row){
        .mean = mean, .low = mean - half, .high = mean + half, .p_next = NAN, .p_best = NAN};
}

static void the_chance_of_being_best_is_shared_out(void **state)
{
    struct arm_row equal[] = {arm(1, 0.1), arm(1, 0.1), arm(5, 0.1)},
                   apart[] = {arm(0, 1.959964), arm(1, 1.959964)};
    arms_p_best(equal, 3);
    near(equal[0].p_best, 0.5, 1e-3);
    near(equal[1].p_best, 0.5, 1e-3);
    near(equal[2].p_best, 0, 1e-9);
    arms_p_best(apart, 2);
    near(apart[0].p_best, 0.7602, 2e-3); /* Phi(1 / sqrt 2) */
    near(apart[0].p_best + apart[1].p_best, 1, 1e-12);
    struct arm_row one[] = {arm(1, 0.1), arm(2, NAN)};
    arms_p_best(one, 2);
    assert_true(isnan(one[0].p_best)); /* one value is no interval */
}

/* ---- the sampler's own score ---- */

static double dents(const double *u)
{
    return (u[0] - 0.2) * (u[0] - 0.2) + 0.1 * u[1];
}

static struct tuner *taught(const char *sampler)
{
    struct tuner_setup setup = {.space = cube(2), .sampler = sampler, .seed = 3, .budget = 100};
    struct tuner *t = tuner_new(&setup, NULL);
    double dna[2];
    struct proposal p = {.dna = dna};
    struct tell_result r;
    for (int i = 0; i < 14; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        assert_int_equal(tuner_tell(t, i, 1, dents(dna), true, &r, NULL), 0);
    }
    return t;
}

/* What it tries next has one of the best scores, and looking at scores changes nothing. */
static void samplers_score_what_they_would_try(void **state)
{
    static const char *const names[] = {"gp", "tpe"};
    double at[2 * 441], score[441], next[2], of_next;
    for (int i = 0; i < 441; i++) {
        at[2 * i] = i % 21 / 20.0;
        at[2 * i + 1] = i / 21 / 20.0;
    }
    for (int k = 0; k < 2; k++) {
        struct tuner *asked = taught(names[k]), *looked = taught(names[k]);
        struct proposal p = {.dna = next}, other = {.dna = at};
        int better = 0;
        assert_int_equal(tuner_ask(asked, 100, &p, NULL), 0);
        assert_int_equal(tuner_score(looked, at, 441, score), 0);
        assert_int_equal(tuner_score(looked, next, 1, &of_next), 0);
        for (int i = 0; i < 441; i++)
            better += score[i] > of_next;
        assert_true(better < (k ? 441 / 4 : 441 / 20)); /* tpe takes the best of some draws */
        assert_int_equal(tuner_ask(looked, 100, &other, NULL), 0);
        assert_memory_equal(at, next, sizeof next);
        at[0] = at[1] = 0;
        tuner_free(asked);
        tuner_free(looked);
    }
    struct tuner_setup setup = {.space = cube(2), .sampler = "random", .seed = 3, .budget = 100};
    struct tuner *t = tuner_new(&setup, NULL);
    assert_int_equal(tuner_score(t, at, 441, score), -1); /* a draw has no score */
    tuner_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_of_the_manual_has_two_basins),
        cmocka_unit_test(corners_touch_and_missing_cells_part),
        cmocka_unit_test(a_plateau_is_one_basin),
        cmocka_unit_test(a_monotone_transform_moves_no_basin),
        cmocka_unit_test(a_quadratic_is_found_exactly),
        cmocka_unit_test(a_saddle_is_no_bowl),
        cmocka_unit_test(the_plateau_is_a_share_of_what_is_known),
        cmocka_unit_test(too_few_values_are_said_in_words),
        cmocka_unit_test(predictions_are_losses_in_their_own_unit),
        cmocka_unit_test(the_same_history_gives_the_same_numbers),
        cmocka_unit_test(an_axis_runs_in_its_own_scale),
        cmocka_unit_test(held_at_the_best_that_has_the_parameters),
        cmocka_unit_test(cells_without_the_parameter_are_unknown),
        cmocka_unit_test(a_large_picture_is_the_small_one_interpolated),
        cmocka_unit_test(what_was_observed_stands_in_its_cell),
        cmocka_unit_test(partial_dependence_of_a_sum_is_its_term),
        cmocka_unit_test(importance_is_the_share_of_the_variance),
        cmocka_unit_test(importance_of_noise_is_not_enough_data),
        cmocka_unit_test(labels_are_split_as_sets),
        cmocka_unit_test(the_chance_of_being_best_is_shared_out),
        cmocka_unit_test(samplers_score_what_they_would_try),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
