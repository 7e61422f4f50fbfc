/* Replicates: the rule's exact small cases, and the facade: means, budgets, failures, dump and load anywhere. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tune/replicate.h"
#include "tune/tuner.h"

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-9)

/* ---- the rule ---- */

static void worth_of_a_tie_is_the_density_at_zero(void **state)
{
    NEAR(replicate_worth(0, 1), 0.3989422804014327);
    NEAR(replicate_worth(0, 2), 2 * 0.3989422804014327);
    NEAR(replicate_worth(1, 1), 0.08331547058768615); /* phi(1) - (1 - Phi(1)) */
    NEAR(replicate_worth(-1, 1), replicate_worth(1, 1));
    assert_true(replicate_worth(1, 0) == 0);
    assert_true(replicate_worth(60, 1) == 0);
}

static void leader_is_replicated_until_the_noise_is_known(void **state)
{
    struct replicate_trial t[4] = {{.mean = 3, .n = 1, .free = true}, {.mean = 1, .n = 1, .free = true},
                                   {.mean = 2, .n = 1, .free = true}, {.mean = 4, .n = 1, .free = true}};
    struct replicate_choice c;
    replicate_choose(t, 3, true, &c);
    assert_int_equal(c.trial, -1); /* too early */
    assert_int_equal(c.incumbent, 1);
    replicate_choose(t, 3, false, &c);
    assert_int_equal(c.trial, 1); /* nothing new can begin */
    replicate_choose(t, 4, true, &c);
    assert_int_equal(c.trial, 1);
    assert_true(c.learning && isnan(c.noise));
    t[1].running = true;
    replicate_choose(t, 4, true, &c);
    assert_int_equal(c.trial, 2); /* one run of a trial at a time */
    t[2].running = t[0].running = true;
    replicate_choose(t, 4, true, &c);
    assert_int_equal(c.trial, -1); /* three under way will do */
    t[2].running = t[0].running = t[1].running = false;
    t[1].free = false;
    replicate_choose(t, 4, true, &c);
    assert_int_equal(c.trial, 2);
}

static void without_noise_there_is_no_replicate(void **state)
{
    struct replicate_trial t[4] = {{.mean = 3, .n = 1, .free = true}, {.mean = 1, .n = 4, .free = true},
                                   {.mean = 2, .n = 1, .free = true}, {.mean = 4, .n = 1, .free = true}};
    struct replicate_choice c;
    for (int can = 0; can < 2; can++) {
        replicate_choose(t, 4, can, &c);
        assert_int_equal(c.trial, -1);
        assert_int_equal(c.incumbent, 1);
        assert_true(c.noise == 0);
    }
}

/* Means 0, 1, 2, 3, 4, one value each but the last: median 2, absolute deviations 2, 1, 0, 1, 2 of median 1. */
static void numbers_are_those_of_the_formulas(void **state)
{
    struct replicate_trial t[5] = {{.mean = 0, .n = 1, .free = true}, {.mean = 1, .n = 1, .free = true},
                                   {.mean = 2, .n = 1, .free = true}, {.mean = 3, .n = 1, .free = true},
                                   {.mean = 4, .n = 4, .squares = 0.75, .free = true}};
    struct replicate_choice c;
    double sigma2 = 0.25, tau2 = 1.4826022185056018 * 1.4826022185056018 - sigma2 * (4 + 0.25) / 5;
    double v1 = 1 / (1 / tau2 + 1 / sigma2), v2 = 1 / (1 / tau2 + 2 / sigma2);
    double low = v1 * (2 / tau2), second = v1 * (2 / tau2 + 1 / sigma2);
    replicate_choose(t, 5, true, &c);
    NEAR(c.noise, 0.5);
    NEAR(c.mean, 2);
    NEAR(c.spread, sqrt(tau2));
    NEAR(c.worth, replicate_worth(low - second, sqrt(v1 - v2)));
    NEAR(c.fresh, replicate_worth(2 - low, sqrt(tau2 - v1)));
    assert_int_equal(c.incumbent, 0);
    assert_int_equal(c.trial, c.worth > c.fresh ? 0 : -1);
}

static void luck_is_not_rewarded(void **state)
{
    /* A single value a little below the mean of four: the four lead, and the single one is worth another look. */
    struct replicate_trial t[6] = {{.mean = 0.9, .n = 1, .free = true}, {.mean = 1.0, .n = 4, .squares = 0.75, .free = true},
                                   {.mean = 1.8, .n = 1, .free = true}, {.mean = 1.6, .n = 1, .free = true},
                                   {.mean = 2.5, .n = 1, .free = true}, {.mean = 3.0, .n = 1, .free = true}};
    struct replicate_choice c;
    double bound[6];
    replicate_choose(t, 6, false, &c);
    assert_int_equal(c.incumbent, 1);
    assert_int_equal(c.trial, 0);
    replicate_bounds(t, 6, bound);
    assert_true(bound[1] < bound[0]);
    t[0] = (struct replicate_trial){.mean = 0.9, .n = 5, .squares = 1, .free = true};
    replicate_choose(t, 6, false, &c);
    assert_int_equal(c.incumbent, 0); /* confirmed */
}

/* ---- the facade ---- */

#define SEEDS 4

static struct tuner *make(const char *sampler, int64_t budget, bool maximize, int replicates)
{
    struct space *s = space_new();
    struct param *p = space_add(s, "x");
    p->type = PARAM_FLOAT;
    p->high = 1;
    p = space_add(s, "n");
    p->type = PARAM_INT;
    p->high = 9;
    p->quantum = 1;
    assert_int_equal(space_finish(s, NULL), 0);
    struct tuner_setup setup = {
        .space = s, .sampler = sampler, .seed = 7, .budget = budget, .maximize = maximize, .replicates = replicates};
    struct tuner *t = tuner_new(&setup, NULL);
    assert_non_null(t);
    return t;
}

static double noisy(const double *dna, int64_t id, int seed, double noise)
{
    struct rng r;
    rng_seed(&r, (uint64_t)(id * 100 + seed));
    return (dna[0] - 0.4) * (dna[0] - 0.4) + dna[1] / 50 + noise * rng_normal(&r);
}

static struct tuner *reload(struct tuner *t)
{
    struct buf b = {0};
    struct tuner *fresh = make("random", -1, false, SEEDS); /* another setup: everything else comes from the dump */
    tuner_dump(t, &b);
    assert_int_equal(tuner_load(fresh, b.data, b.len, NULL), 0);
    buf_release(&b);
    tuner_free(t);
    return fresh;
}

struct played {
    int trials, again, most;
    double sum; /* of all proposals: two plays are the same */
    int64_t best;
    double value;
};

/* reload_every: 0 never. Three runs are always under way. */
static struct played play(const char *sampler, bool maximize, double noise, int reload_every)
{
    enum { AHEAD = 3 };
    struct tuner *t = make(sampler, 40, maximize, SEEDS);
    struct played o = {0};
    double dna[2];
    struct proposal p = {.dna = dna};
    struct tell_result r;
    struct { int64_t id; double y; } open[AHEAD];
    int n = 0, step = 0;
    for (;; step++) {
        if (reload_every && step % reload_every == 0)
            t = reload(t);
        int rc = tuner_ask(t, o.trials, &p, NULL);
        if (rc == 0) {
            int64_t id = p.replicate >= 0 ? p.replicate : o.trials;
            if (p.replicate >= 0) {
                assert_in_range(p.seed_index, 1, SEEDS - 1);
                o.again++;
                o.most = p.seed_index > o.most ? p.seed_index : o.most;
                for (int i = 0; i < n; i++)
                    assert_true(open[i].id != id); /* one at a time */
            } else {
                assert_int_equal(p.seed_index, 0);
                o.trials++;
            }
            o.sum += dna[0] * (1 + step) + dna[1];
            open[n].id = id;
            open[n++].y = (maximize ? -1 : 1) * noisy(dna, id, p.seed_index, noise);
        }
        if (n < AHEAD && rc == 0)
            continue;
        if (n == 0)
            break;
        if (open[0].id % 7 == 3 && step % 2)
            assert_int_equal(tuner_tell_failed(t, open[0].id, NULL), 0);
        else
            assert_int_equal(tuner_tell(t, open[0].id, -1, open[0].y, true, &r, NULL), 0);
        memmove(open, open + 1, (size_t)--n * sizeof *open);
    }
    assert_true(tuner_best(t, &o.best, &o.value));
    tuner_free(t);
    return o;
}

static void budget_counts_runs(void **state)
{
    struct played o = play("random", false, 0.1, 0);
    assert_int_equal(o.trials + o.again, 40);
    assert_true(o.again > 3 && o.trials > 10);
    assert_true(o.most >= 2);
}

static void dump_and_load_change_nothing(void **state)
{
    static const char *const samplers[] = {"random", "tpe", "gp", "cmaes"};
    for (size_t i = 0; i < sizeof samplers / sizeof *samplers; i++)
        for (int max = 0; max < 2; max++) {
            struct played a = play(samplers[i], max, 0.1, 0), b = play(samplers[i], max, 0.1, 0),
                          c = play(samplers[i], max, 0.1, 2);
            assert_memory_equal(&a, &b, sizeof a);
            assert_true(a.trials == c.trials && a.again == c.again && a.best == c.best);
            assert_true(a.sum == c.sum && a.value == c.value);
        }
}

static void quiet_landscapes_cost_three_runs(void **state)
{
    struct played o = play("random", false, 0, 0);
    assert_true(o.again <= REPLICATE_FREEDOM + 1); /* one of them may have failed */
}

static void value_is_the_mean_of_its_runs(void **state)
{
    struct tuner *t = make("random", -1, true, SEEDS);
    static const double first[] = {1, 5, 2, 3};
    double dna[2];
    struct proposal p = {.dna = dna};
    struct tell_result r;
    int64_t best;
    double value;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        assert_int_equal(p.replicate, -1);
        tuner_tell(t, i, -1, first[i], true, &r, NULL);
    }
    assert_int_equal(tuner_ask(t, 4, &p, NULL), 0);
    assert_int_equal(p.replicate, 1);
    assert_int_equal(p.seed_index, 1);
    assert_true(strstr(p.why, "another seed of t1") != NULL);
    assert_int_equal(tuner_tell(t, 1, 3, 100, false, &r, NULL), 0); /* on the way */
    assert_int_equal(r.action, TELL_CONTINUE);
    tuner_best(t, &best, &value);
    assert_true(best == 1 && value == 5);
    assert_int_equal(tuner_tell(t, 1, 9, 4, true, &r, NULL), 0);
    tuner_best(t, &best, &value);
    assert_true(best == 1 && value == 4.5);
    assert_int_equal(tuner_tell(t, 1, 9, 4, true, &r, NULL), -1); /* it is not run again now */
    assert_int_equal(tuner_ask(t, 4, &p, NULL), 0);
    assert_int_equal(p.replicate, 1);
    assert_int_equal(p.seed_index, 2);
    assert_int_equal(tuner_tell_failed(t, 1, NULL), 0);
    tuner_best(t, &best, &value);
    assert_true(best == 1 && value == 4.5); /* a run that failed says nothing */
    const struct history_trial *h = &tuner_history(t)->trials[1];
    assert_true(h->end == END_DONE && h->n_repeats == 2 && h->n_begun == 2 && !h->repeating);
    tuner_free(t);
}

static void one_seed_means_no_replicates(void **state)
{
    struct tuner *t = make("random", 30, false, 1);
    struct tuner_replicates r;
    double dna[2];
    struct proposal p = {.dna = dna};
    struct tell_result told;
    for (int i = 0; i < 30; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        assert_int_equal(p.replicate, -1);
        tuner_tell(t, i, -1, noisy(dna, i, 0, 1), true, &told, NULL);
    }
    assert_int_equal(tuner_ask(t, 30, &p, NULL), 1);
    assert_false(tuner_replicates(t, &r));
    tuner_free(t);
}

static void what_is_banned_is_not_run_again(void **state)
{
    struct tuner *t = make("random", 200, false, SEEDS);
    struct steer_arg arg = {.name = "target", .value = tune_string("x=0.2..0.6")};
    struct steer_request rq;
    double dna[2];
    struct proposal p = {.dna = dna};
    struct tell_result r;
    int64_t token;
    int again = 0;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        int64_t id = p.replicate >= 0 ? p.replicate : i;
        tuner_tell(t, id, -1, noisy(dna, id, p.seed_index, 0.2), true, &r, NULL);
    }
    assert_int_equal(steer_parse("ban", &arg, 1, &rq, NULL), 0);
    assert_int_equal(tuner_steer(t, &rq, &token, NULL), 0);
    for (int i = 100; i < 180; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        assert_false(dna[0] >= 0.2 && dna[0] <= 0.6);
        int64_t id = p.replicate >= 0 ? p.replicate : i;
        again += p.replicate >= 0;
        tuner_tell(t, id, -1, noisy(dna, id, p.seed_index, 0.2), true, &r, NULL);
    }
    assert_true(again > 0);
    steer_request_release(&rq);
    tune_value_free(&arg.value);
    tuner_free(t);
}

static void several_objectives_have_no_replicates(void **state)
{
    struct space *s = space_new();
    struct param *p = space_add(s, "x");
    p->type = PARAM_FLOAT;
    p->high = 1;
    assert_int_equal(space_finish(s, NULL), 0);
    static const struct objective two[] = {{"a", false, NAN}, {"b", false, NAN}};
    struct tuner_setup setup = {.space = s, .sampler = "random", .objectives = two, .n_objectives = 2, .replicates = 3, .budget = 9};
    char *cause = NULL;
    assert_null(tuner_new(&setup, &cause));
    assert_non_null(strstr(cause, "one objective"));
    free(cause);
    space_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worth_of_a_tie_is_the_density_at_zero),
        cmocka_unit_test(leader_is_replicated_until_the_noise_is_known),
        cmocka_unit_test(without_noise_there_is_no_replicate),
        cmocka_unit_test(numbers_are_those_of_the_formulas),
        cmocka_unit_test(luck_is_not_rewarded),
        cmocka_unit_test(budget_counts_runs),
        cmocka_unit_test(dump_and_load_change_nothing),
        cmocka_unit_test(quiet_landscapes_cost_three_runs),
        cmocka_unit_test(value_is_the_mean_of_its_runs),
        cmocka_unit_test(one_seed_means_no_replicates),
        cmocka_unit_test(what_is_banned_is_not_run_again),
        cmocka_unit_test(several_objectives_have_no_replicates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
