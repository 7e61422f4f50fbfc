/* Population, tree and coordinate searches: steps that can be followed by hand, decisions and cells, and that
 * each of them beats random search. */
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
#include "tune/decisions.h"
#include "tune/genes.h"
#include "tune/tuner.h"

static struct param *number(struct space *s, const char *name, enum param_type type, double low, double high)
{
    struct param *p = space_add(s, name);
    p->type = type;
    p->low = low;
    p->high = high;
    p->quantum = type == PARAM_INT;
    return p;
}

static struct param *words(struct space *s, const char *name, int n)
{
    struct param *p = space_add(s, name);
    struct tune_value v[8];
    p->type = PARAM_CATEGORICAL;
    for (int k = 0; k < n; k++) {
        char text[8];
        snprintf(text, sizeof text, "c%d", k);
        v[k] = tune_string(text);
    }
    param_set_choices(p, v, n);
    for (int k = 0; k < n; k++)
        tune_value_free(&v[k]);
    return p;
}

static struct space *square(void)
{
    struct space *s = space_new();
    number(s, "x", PARAM_FLOAT, 0, 1);
    number(s, "y", PARAM_FLOAT, 0, 1);
    assert_int_equal(space_finish(s, NULL), 0);
    return s;
}

/* kind (three choices), rate on a log scale, units, momentum only with c1 or c2 */
static struct space *mixed(void)
{
    struct space *s = space_new();
    words(s, "kind", 3);
    struct param *p = number(s, "rate", PARAM_FLOAT, 1e-4, 1);
    p->prior = PRIOR_LOG;
    number(s, "units", PARAM_INT, 1, 40);
    p = number(s, "momentum", PARAM_FLOAT, 0, 1);
    p->parent = 0;
    p->when = mem_zero(3, sizeof(bool));
    p->when[1] = p->when[2] = true;
    assert_int_equal(space_finish(s, NULL), 0);
    return s;
}

static double bowl(const struct space *s, const double *dna)
{
    double f = 0;
    for (int i = 0; i < s->n; i++)
        f += (dna[i] - 0.62) * (dna[i] - 0.62);
    return f;
}

static double valley(const struct space *s, const double *dna)
{
    double momentum = isnan(dna[3]) ? 0.3 : fabs(dna[3] - 0.85);
    return (dna[0] == 2 ? 0 : 0.2) + 2 * fabs(dna[1] - 0.4) + fabs(dna[2] - 0.7) + momentum;
}

static struct tuner *made(struct space *s, const char *name, const struct tuner_kv *kv, uint64_t seed,
                          int64_t budget)
{
    struct tuner_setup setup = {
        .space = s, .sampler = name, .sampler_options = kv, .seed = seed, .budget = budget};
    char *cause = NULL;
    struct tuner *t = tuner_new(&setup, &cause);
    if (!t)
        fail_msg("%s: %s", name, cause);
    return t;
}

static void tell(struct tuner *t, int64_t id, double loss)
{
    struct tell_result r;
    assert_int_equal(tuner_tell(t, id, -1, loss, true, &r, NULL), 0);
}

/* ---- convergence ---- */

/* Mean of log10 of the best loss of 80 trials, several of them open at a time. */
static double regret(const char *name, const struct tuner_kv *kv, bool conditional, int seeds)
{
    double sum = 0;
    for (int seed = 0; seed < seeds; seed++) {
        struct tuner *t = made(conditional ? mixed() : square(), name, kv, (uint64_t)seed, 80);
        double dna[4], loss[80], best = INFINITY;
        struct proposal p = {.dna = dna};
        for (int i = 0; i < 80; i++) {
            assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
            loss[i] = conditional ? valley(tuner_space(t), dna) : bowl(tuner_space(t), dna);
            best = fmin(best, loss[i]);
            if (i % 2) { /* two open, told in turned order */
                tell(t, i, loss[i]);
                tell(t, i - 1, loss[i - 1]);
            }
        }
        sum += log10(best + 1e-9);
        tuner_free(t);
    }
    return sum / seeds;
}

static void every_search_beats_random_on_a_bowl_and_on_a_conditional_space(void **state)
{
    static const struct tuner_kv none[] = {{NULL, 0}}, surrogate[] = {{"surrogate", 1}, {NULL, 0}};
    static const struct {
        const char *name;
        const struct tuner_kv *kv;
    } all[] = {{"de", none},       {"pso", none},     {"ga", none},  {"evolution", none}, {"uct", none},
               {"uct", surrogate}, {"gradual", none}, {"hoo", none}, {"stosoo", none}};
    double bar[2] = {regret("random", none, false, 12), regret("random", none, true, 12)};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        for (int space = 0; space < 2; space++) {
            double got = regret(all[k].name, all[k].kv, space, 12);
            if (!(got < bar[space] - 0.15))
                fail_msg("%s%s: log10 regret %.2f, random search has %.2f (space %d)", all[k].name,
                         all[k].kv == surrogate ? " with a surrogate" : "", got, bar[space], space);
        }
}

static void many_pending_asks_are_all_different(void **state)
{
    static const char *const names[] = {"de", "pso", "ga", "evolution", "uct", "gradual", "hoo", "stosoo"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        struct tuner *t = made(square(), names[k], NULL, 4, -1);
        double dna[72][2];
        for (int i = 0; i < 72; i++) {
            struct proposal p = {.dna = dna[i]};
            assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
            for (int j = 0; j < i; j++)
                if (space_same(tuner_space(t), dna[i], dna[j]))
                    fail_msg("%s asks trial %d again as %d", names[k], j, i);
            if (i < 40) /* then 32 are open */
                tell(t, i, bowl(tuner_space(t), dna[i]));
        }
        tuner_free(t);
    }
}

/* ---- one by one ---- */

static void differential_evolution_adds_differences(void **state)
{
    static const struct tuner_kv kv[] = {{"population", 4}, {"factor", 0.5}, {"crossover", 1}, {NULL, 0}};
    struct tuner *t = made(square(), "de", kv, 11, -1);
    double x[4][2], dna[2];
    for (int i = 0; i < 4; i++) {
        struct proposal p = {.dna = x[i]};
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
    }
    for (int i = 0; i < 4; i++)
        tell(t, i, 1 + i);
    /* member 1 is challenged by a + (b - c) / 2 of the other three */
    struct proposal p = {.dna = dna};
    assert_int_equal(tuner_ask(t, 4, &p, NULL), 0);
    assert_non_null(strstr(p.why, "challenges member 1 of 4"));
    bool found = false;
    for (int a = 1; a < 4; a++)
        for (int b = 1; b < 4; b++) {
            int c = 6 - a - b;
            bool fits = a != b && c >= 1 && c <= 3 && c != a && c != b;
            for (int d = 0; d < 2 && fits; d++) {
                double want = x[a][d] + 0.5 * (x[b][d] - x[c][d]);
                fits = want < 0 || want > 1 || fabs(want - dna[d]) < 1e-12;
            }
            found |= fits;
        }
    assert_true(found);
    tuner_free(t);
}

static void evolution_lets_the_oldest_die(void **state)
{
    static const struct tuner_kv kv[] = {{"population", 3}, {"sample", 50}, {NULL, 0}};
    struct tuner *t = made(square(), "evolution", kv, 2, -1);
    double dna[2], first[2];
    struct proposal p = {.dna = dna};
    for (int i = 0; i < 3; i++) { /* the first is the best */
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        tell(t, i, i ? 5 + i : 0);
        if (!i)
            memcpy(first, dna, sizeof first);
    }
    assert_int_equal(tuner_ask(t, 3, &p, NULL), 0);
    assert_string_equal(p.why, "trial 0 with one decision changed");
    assert_true((dna[0] == first[0]) != (dna[1] == first[1]));
    tell(t, 3, 9);
    assert_int_equal(tuner_ask(t, 4, &p, NULL),
                     0); /* three younger ones have ended: 1 (loss 6) is the best left */
    assert_string_equal(p.why, "trial 1 with one decision changed");
    tuner_free(t);
}

static void gradual_search_tries_one_parameter_and_keeps_the_winner(void **state)
{
    static const struct tuner_kv kv[] = {{"points", 5}, {NULL, 0}};
    static const double want[9][2] = {
        {0.1, 0.5}, {0.3, 0.5}, {0.5, 0.5}, {0.7, 0.5}, {0.9, 0.5},
        {0.7, 0.1}, {0.7, 0.3}, {0.7, 0.7}, {0.7, 0.9}}; /* (0.7, 0.5) is there already */
    struct tuner *t = made(square(), "gradual", kv, 1, -1);
    double dna[2];
    struct proposal p = {.dna = dna};
    for (int i = 0; i < 9; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        for (int d = 0; d < 2; d++)
            assert_true(fabs(dna[d] - want[i][d]) < 1e-12);
        tell(t, i, bowl(tuner_space(t), dna));
    }
    assert_int_equal(tuner_ask(t, 9, &p, NULL), 0); /* the second pass: 0.4 wide around (0.7, 0.7) */
    assert_true(fabs(dna[0] - (0.7 - 0.2 + 0.04)) < 1e-12 && fabs(dna[1] - 0.7) < 1e-12);
    tuner_free(t);
}

static void a_swarm_and_a_population_learn_from_adopted_trials(void **state)
{
    static const char *const names[] = {"pso", "de", "ga", "evolution", "hoo", "uct"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        struct tuner *t = made(square(), names[k], NULL, 5, -1);
        struct rng g;
        double dna[2], near = 0;
        struct proposal p = {.dna = dna};
        rng_seed(&g, 1);
        for (int i = 0; i < 60; i++) {
            space_sample(tuner_space(t), &g, dna);
            assert_int_equal(tuner_adopt(t, i, dna, "import", NULL), 0);
            tell(t, i, bowl(tuner_space(t), dna));
        }
        for (int i = 60; i < 80; i++) {
            assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
            near += sqrt(bowl(tuner_space(t), dna)) / 20;
            tell(t, i, bowl(tuner_space(t), dna));
        }
        if (!(near < 0.32)) /* draws from the prior are 0.42 away on average */
            fail_msg("%s: %.3f away from the best after 60 adopted trials", names[k], near);
        tuner_free(t);
    }
}

/* ---- genes and decisions ---- */

static void genes_stand_for_the_configuration_they_came_from(void **state)
{
    struct space *s = mixed();
    struct rng g;
    double dna[4], back[4], x[4];
    rng_seed(&g, 3);
    for (int i = 0; i < 500; i++) {
        space_sample(s, &g, dna);
        genes_from(s, dna, &g, x);
        for (int k = 0; k < 4; k++)
            assert_true(x[k] >= 0 && x[k] <= 1);
        genes_to(s, x, back);
        assert_true(space_same(s, dna, back));
    }
    space_free(s);
}

static void decisions_lead_back_to_every_configuration(void **state)
{
    struct space *s = mixed();
    struct rng g;
    double dna[4], room[4 * DECISIONS_ROOM];
    rng_seed(&g, 3);
    for (int i = 0; i < 500; i++) {
        struct decisions d;
        int steps = 0, branches, first = -1;
        space_sample(s, &g, dna);
        decisions_begin(&d, s, 8, room);
        while ((branches = decisions_next(&d))) {
            int b = decisions_branch(&d, dna);
            first = first < 0 ? d.param : first;
            assert_true(b >= 0 && b < branches);
            decisions_take(&d, b, dna, NULL);
            assert_true(++steps < 40);
        }
        assert_int_equal(first, 0); /* the categorical first */
        assert_true(space_same(s, dna, d.dna));
    }
    space_free(s);
}

static void drawing_below_a_decision_stays_below_it(void **state)
{
    struct space *s = mixed();
    struct rng g;
    double dna[4], room[4 * DECISIONS_ROOM];
    rng_seed(&g, 5);
    for (int i = 0; i < 300; i++) {
        struct decisions d;
        int took[6], n = 0, branches;
        decisions_begin(&d, s, 8, room);
        while (n < 6 && (branches = decisions_next(&d)))
            decisions_take(&d, took[n++] = (int)rng_below(&g, (uint64_t)branches), NULL, &g);
        decisions_finish(&d, &g);
        memcpy(dna, d.dna, sizeof dna);
        assert_int_equal(space_check(s, dna, NULL), 0);
        decisions_begin(&d, s, 8, room);
        for (int k = 0; k < n && decisions_next(&d); k++) {
            assert_int_equal(decisions_branch(&d, dna), took[k]);
            decisions_take(&d, took[k], dna, NULL);
        }
    }
    space_free(s);
}

/* ---- cells ---- */

static void cells_tile_the_space_and_hold_every_trial_once(void **state)
{
    static const char *const names[] = {"hoo", "stosoo"};
    for (int k = 0; k < 2; k++) {
        struct tuner *t = made(square(), names[k], NULL, 6, 200);
        double dna[2], box[400][4], area = 0;
        struct proposal p = {.dna = dna};
        struct tuner_cell rows[400];
        for (int i = 0; i < 90; i++) {
            assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
            tell(t, i, bowl(tuner_space(t), dna));
        }
        for (int i = 0; i < 400; i++)
            rows[i] = (struct tuner_cell){.low = box[i], .high = box[i] + 2};
        int n = tuner_cells(t, rows, 400);
        uint64_t pulls = 0;
        double smallest = 1, at = 0;
        assert_true(n > 20 && n < 400);
        for (int i = 0; i < n; i++) {
            double size = (rows[i].high[0] - rows[i].low[0]) * (rows[i].high[1] - rows[i].low[1]);
            assert_true(size > 0 && fabs(size - ldexp(1, -rows[i].depth)) < 1e-12);
            area += size;
            pulls += rows[i].pulls;
            assert_true(rows[i].pulls ? rows[i].mean >= 0 && rows[i].mean <= 2 : isnan(rows[i].mean));
            if (size < smallest) {
                smallest = size;
                at = hypot((rows[i].low[0] + rows[i].high[0]) / 2 - 0.62,
                           (rows[i].low[1] + rows[i].high[1]) / 2 - 0.62);
            }
        }
        assert_true(fabs(area - 1) < 1e-9);
        assert_int_equal(pulls, 90);
        assert_true(smallest < 1.0 / 200 && at < 0.2); /* it looks closest where the best is */
        double points[4] = {0.62, 0.62, 0.05, 0.95}, score[2];
        assert_int_equal(tuner_score(t, points, 2, score), 0);
        assert_true(score[0] > score[1]);
        tuner_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_search_beats_random_on_a_bowl_and_on_a_conditional_space),
        cmocka_unit_test(many_pending_asks_are_all_different),
        cmocka_unit_test(differential_evolution_adds_differences),
        cmocka_unit_test(evolution_lets_the_oldest_die),
        cmocka_unit_test(gradual_search_tries_one_parameter_and_keeps_the_winner),
        cmocka_unit_test(a_swarm_and_a_population_learn_from_adopted_trials),
        cmocka_unit_test(genes_stand_for_the_configuration_they_came_from),
        cmocka_unit_test(decisions_lead_back_to_every_configuration),
        cmocka_unit_test(drawing_below_a_decision_stays_below_it),
        cmocka_unit_test(cells_tile_the_space_and_hold_every_trial_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
