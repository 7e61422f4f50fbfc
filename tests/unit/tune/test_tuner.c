/* The facade with every sampler and stopper: properties that must hold over random spaces, and the rules of
 * tell. */
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
#include "tune/tuner.h"

static struct param *numeric(struct space *s, const char *name, enum param_type type, enum param_prior prior,
                             double low, double high, double quantum)
{
    struct param *p = space_add(s, name);
    p->type = type;
    p->prior = prior;
    p->low = low;
    p->high = high;
    p->quantum = quantum;
    return p;
}

static struct param *choices(struct space *s, const char *name, enum param_type type, int n)
{
    struct param *p = space_add(s, name);
    struct tune_value v[8];
    p->type = type;
    for (int k = 0; k < n; k++) {
        char text[16];
        snprintf(text, sizeof text, "c%d", k);
        v[k] = type == PARAM_ORDINAL ? tune_int(1 << k) : tune_string(text);
    }
    param_set_choices(p, v, n);
    for (int k = 0; k < n; k++)
        tune_value_free(&v[k]);
    return p;
}

/* Two to six parameters of random kinds; the later ones may depend on a categorical one. */
static struct space *random_space(struct rng *g, bool finite)
{
    struct space *s = space_new();
    int n = 2 + (int)rng_below(g, 5), switchy = -1;
    for (int i = 0; i < n; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%d", i);
        struct param *p;
        switch (rng_below(g, finite ? 3 : 7)) {
        case 0:
            p = choices(s, name, PARAM_CATEGORICAL, 2 + (int)rng_below(g, 3));
            break;
        case 1:
            p = choices(s, name, PARAM_ORDINAL, 2 + (int)rng_below(g, 4));
            break;
        case 2:
            p = numeric(s, name, PARAM_INT, PRIOR_UNIFORM, 1, 2 + (double)rng_below(g, 6), 1);
            break;
        case 3:
            p = numeric(s, name, PARAM_FLOAT, PRIOR_LOG, 1e-5, 1, 0);
            break;
        case 4:
            p = numeric(s, name, PARAM_FLOAT, PRIOR_NORMAL, -INFINITY, INFINITY, 0);
            p->a = 3;
            p->b = 2;
            break;
        case 5:
            p = numeric(s, name, PARAM_FLOAT, PRIOR_UNIFORM, -1, 1, rng_below(g, 2) ? 0.25 : 0);
            break;
        default:
            p = numeric(s, name, PARAM_INT, PRIOR_LOG, 1, 1000, 1);
        }
        if (switchy >= 0 && rng_below(g, 2)) {
            p->parent = switchy;
            p->when = mem_zero((size_t)s->params[switchy].n_choices, sizeof(bool));
            p->when[0] = true;
        }
        if (p->type == PARAM_CATEGORICAL && p->parent < 0)
            switchy = i;
    }
    assert_int_equal(space_finish(s, NULL), 0);
    return s;
}

static struct tuner *make(const struct space *s, const char *sampler, const char *stopper, uint64_t seed,
                          bool maximize)
{
    char *cause = NULL;
    struct tuner_setup setup = {.space = space_copy(s),
                                .sampler = sampler,
                                .stopper = stopper,
                                .seed = seed,
                                .budget = -1,
                                .maximize = maximize};
    struct tuner_kv bands[] = {{"min_iter", 1}, {NULL, 0}};
    struct tuner_kv short_runs[] = {{"max_resource", 9}, {NULL, 0}};
    if (stopper && !strcmp(stopper, "wandb_hyperband"))
        setup.stopper_options = bands;
    if (stopper && (!strcmp(stopper, "hyperband") || !strcmp(stopper, "successive_halving")))
        setup.stopper_options = short_runs;
    struct tuner *t = tuner_new(&setup, &cause);
    space_free(setup.space);
    free(cause);
    return t;
}

static double objective(const struct space *s, const double *dna, int64_t id)
{
    double f = 0;
    for (int i = 0; i < s->n; i++)
        f += isnan(dna[i]) ? 0 : fabs(param_model(&s->params[i], dna[i]) - 0.3);
    return f + 0.01 * (double)(id % 7);
}

/* One step of a sweep with several trials open, tells in an order of their own, failures and NaN among
 * them. */
struct sweep {
    struct rng world;
    int64_t open[8], next;
    int n_open;
};

static void finish_one(struct tuner *t, struct sweep *w)
{
    struct tell_result r;
    int k = (int)rng_below(&w->world, (uint64_t)w->n_open);
    int64_t id = w->open[k];
    const struct history *h = tuner_history(t);
    double f = objective(tuner_space(t), h->trials[history_find(h, id)].dna, id);
    uint64_t what = rng_below(&w->world, 12);
    if (what == 0)
        assert_int_equal(tuner_tell_failed(t, id, NULL), 0);
    else if (what == 1)
        assert_int_equal(tuner_tell(t, id, 9, rng_below(&w->world, 2) ? NAN : INFINITY, true, &r, NULL), 0);
    else if (what == 2)
        assert_int_equal(tuner_forget(t, id, NULL), 0);
    else
        assert_int_equal(tuner_tell(t, id, 9, f, true, &r, NULL), 0);
    w->open[k] = w->open[--w->n_open];
}

/* Returns false when the tuner has nothing more to try. */
static bool step(struct tuner *t, struct sweep *w, struct proposal *out)
{
    struct tell_result r;
    while (w->n_open > 0 && (w->n_open == 8 || rng_below(&w->world, 3) == 0))
        finish_one(t, w);
    int64_t id = w->next++;
    int rc;
    while ((rc = tuner_ask(t, id, out, NULL)) == TUNER_WAIT)
        finish_one(t, w);
    assert_true(rc >= 0);
    if (rc == 1)
        return false;
    if (out->resume >= 0)
        id = out->resume;
    double f = objective(tuner_space(t), out->dna, id);
    for (int64_t s = 1; s <= 3; s++) {
        assert_int_equal(tuner_tell(t, id, s, f + 1.0 / (double)s, false, &r, NULL), 0);
        if (r.action == TELL_STOP || r.action == TELL_PAUSE)
            return true;
    }
    w->open[w->n_open++] = id;
    return true;
}

typedef void with_tuner(const struct space *s, const char *sampler, const char *stopper, uint64_t seed);

static bool thorough; /* in slow_test_tuner */

static void for_all(with_tuner *check, int spaces)
{
    spaces = thorough ? spaces : (spaces + 3) / 4;
    struct rng g;
    rng_seed(&g, 2024);
    for (int k = 0; k < spaces; k++) {
        struct space *s = random_space(&g, k % 4 == 0);
        for (int a = 0; tuner_list[a]; a++) {
            if (!tuner_list[a]->propose)
                continue;
            static const char *const stoppers[] = {NULL, "asha", "wandb_hyperband", "median", "hyperband", "percentile",
                                                   "successive_halving", "lcurve"};
            struct tuner *t = make(s, tuner_list[a]->name, NULL, 1, false);
            if (!t) /* the space does not suit it: grids of continuous parameters, one arm only */
                continue;
            tuner_free(t);
            check(s, tuner_list[a]->name, tuner_list[a]->judge ? NULL : stoppers[(k + a) % 8], (uint64_t)k);
        }
        space_free(s);
    }
}

static void inside(const struct space *s, const char *sampler, const char *stopper, uint64_t seed)
{
    struct tuner *t = make(s, sampler, stopper, seed, false);
    double dna[8];
    struct proposal p = {.dna = dna};
    struct sweep w = {.next = 0};
    char *cause = NULL;
    rng_seed(&w.world, seed);
    for (int i = 0; i < 60 && step(t, &w, &p); i++) {
        if (space_check(s, dna, &cause) < 0)
            fail_msg("%s proposed what is outside: %s", sampler, cause);
        assert_true(isnan(p.propensity) || (p.propensity > 0 && p.propensity <= 1 + 1e-12));
        assert_true(*p.why);
    }
    tuner_free(t);
}

static void asks_are_inside_the_space(void **state)
{
    for_all(inside, 24);
}

static void repeats(const struct space *s, const char *sampler, const char *stopper, uint64_t seed)
{
    struct tuner *t = make(s, sampler, stopper, seed, true), *u = make(s, sampler, stopper, seed, true);
    double x[8], y[8];
    struct proposal p = {.dna = x}, q = {.dna = y};
    struct sweep w = {.next = 0}, v = {.next = 0};
    rng_seed(&w.world, seed);
    rng_seed(&v.world, seed);
    for (int i = 0; i < 50; i++) {
        bool more = step(t, &w, &p);
        assert_int_equal(step(u, &v, &q), more);
        if (!more)
            break;
        assert_true(space_same(s, x, y));
        struct arm_row rows[8];
        tuner_explain(u, rows, 8); /* looking must change nothing */
    }
    tuner_free(t);
    tuner_free(u);
}

static void the_same_seed_asks_the_same(void **state)
{
    for_all(repeats, 12);
}

static void survives_dump(const struct space *s, const char *sampler, const char *stopper, uint64_t seed)
{
    struct tuner *t = make(s, sampler, stopper, seed, false),
                 *u = make(s, sampler, stopper, seed + 99, false);
    double x[8], y[8];
    struct proposal p = {.dna = x}, q = {.dna = y};
    struct sweep w = {.next = 0};
    struct buf dump = {0};
    char *cause = NULL;
    rng_seed(&w.world, seed);
    for (int i = 0; i < 25 + (int)seed; i++)
        if (!step(t, &w, &p))
            break;
    tuner_dump(t, &dump);
    if (tuner_load(u, dump.data, dump.len, &cause) < 0)
        fail_msg("%s: %s", sampler, cause);
    struct sweep v = w;
    for (int i = 0; i < 25; i++) {
        bool more = step(t, &w, &p);
        assert_int_equal(step(u, &v, &q), more);
        if (!more)
            break;
        if (!space_same(s, x, y) || p.arm != q.arm)
            fail_msg("%s proposes differently after dump and load", sampler);
        assert_true(p.propensity == q.propensity || (isnan(p.propensity) && isnan(q.propensity)));
    }
    /* a cut dump is refused and leaves the tuner whole */
    for (size_t cut = 0; cut < dump.len; cut += 1 + dump.len / 50)
        assert_int_equal(tuner_load(u, dump.data, cut, NULL), -1);
    assert_true(tuner_ask(u, 1 << 20, &q, NULL) >= 0);
    buf_release(&dump);
    tuner_free(t);
    tuner_free(u);
}

static void a_dump_in_the_middle_changes_nothing(void **state)
{
    for_all(survives_dump, 12);
}

static int64_t steer(struct tuner *t, const char *verb, const char *target, double weight, int64_t pulls)
{
    struct steer_arg args[3] = {{"target", tune_string(target)}};
    struct steer_request rq;
    char *cause = NULL;
    int64_t token = -1;
    int n = 1;
    if (weight > 0)
        args[n++] = (struct steer_arg){"weight", tune_float(weight)};
    if (pulls > 0)
        args[n++] = (struct steer_arg){"for", tune_int(pulls)};
    assert_int_equal(steer_parse(verb, args, n, &rq, &cause), 0);
    if (tuner_steer(t, &rq, &token, &cause) < 0)
        token = -1;
    steer_request_release(&rq);
    tune_value_free(&args[0].value);
    free(cause);
    return token;
}

static void bans(const struct space *s, const char *sampler, const char *stopper, uint64_t seed)
{
    struct tuner *t = make(s, sampler, stopper, seed, false);
    double dna[8];
    struct proposal p = {.dna = dna};
    struct sweep w = {.next = 0};
    struct region r;
    char text[64];
    const struct param *q = &s->params[0];
    rng_seed(&w.world, seed);
    for (int i = 0; i < 10; i++)
        if (!step(t, &w, &p))
            break;
    if (!param_numeric(q)) {
        char value[32];
        tune_text(&q->choices[0], value, sizeof value);
        snprintf(text, sizeof text, "p0=%s", value);
    } else {
        snprintf(text, sizeof text, "p0<%.6g", param_value(q, 0.6));
    }
    assert_int_equal(region_parse(&r, s, text, NULL), 0);
    if (steer(t, "ban", text, 0, 0) > 0) {
        for (int i = 0; i < 40 && step(t, &w, &p); i++)
            if (region_holds(&r, s, dna))
                fail_msg("%s violates the ban of %s", sampler, text);
    }
    region_release(&r);
    tuner_free(t);
}

static void bans_are_never_violated(void **state)
{
    for_all(bans, 24);
}

static struct space *two_by_lr(void)
{
    struct space *s = space_new();
    choices(s, "opt", PARAM_CATEGORICAL, 3);
    numeric(s, "lr", PARAM_FLOAT, PRIOR_LOG, 1e-4, 1, 0);
    assert_int_equal(space_finish(s, NULL), 0);
    return s;
}

static void pins_hold_for_as_many_asks_as_said(void **state)
{
    struct space *s = two_by_lr();
    for (int a = 0; tuner_list[a]; a++) {
        struct tuner *t = tuner_list[a]->propose ? make(s, tuner_list[a]->name, NULL, 3, false) : NULL;
        double dna[2];
        struct proposal p = {.dna = dna};
        if (!t)
            continue;
        assert_true(steer(t, "pin", "opt=c1 & lr=1e-2..1e-1", 0, 5) > 0);
        for (int i = 0; i < 5; i++) {
            assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
            assert_true(dna[0] == 1);
            double lr = param_value(&s->params[1], dna[1]);
            assert_true(lr >= 1e-2 && lr < 1e-1);
        }
        bool other = false;
        for (int i = 5; i < 60; i++) {
            assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
            other |= dna[0] != 1;
        }
        assert_true(other);
        tuner_free(t);
    }
    space_free(s);
}

static void an_undone_ban_is_gone_and_an_undone_unban_is_back(void **state)
{
    struct space *s = two_by_lr();
    struct tuner *t = make(s, "random", NULL, 3, false);
    double dna[2];
    struct proposal p = {.dna = dna};
    int64_t ban = steer(t, "ban", "opt=c0|c1", 0, 0);
    assert_true(ban > 0);
    assert_int_equal(steer(t, "ban", "opt=c2", 0, 0), -1); /* nothing would be left */
    int64_t unban = steer(t, "unban", "opt=c0|c1", 0, 0);
    assert_true(unban > 0);
    assert_int_equal(tuner_unsteer(t, unban, NULL), 0);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        assert_true(dna[0] == 2);
    }
    assert_int_equal(tuner_unsteer(t, ban, NULL), 0);
    bool other = false;
    for (int i = 20; i < 60; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        other |= dna[0] != 2;
    }
    assert_true(other);
    assert_int_equal(tuner_unsteer(t, 77, NULL), -1);
    tuner_free(t);
    space_free(s);
}

static void a_boost_shifts_random_search_by_its_weight(void **state)
{
    struct space *s = two_by_lr();
    struct tuner *t = make(s, "random", NULL, 3, false);
    double dna[2];
    struct proposal p = {.dna = dna};
    assert_true(steer(t, "boost", "opt=c1", 4, 0) > 0);
    int hits = 0;
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        hits += dna[0] == 1;
    }
    assert_true(abs(hits - 2000) < 100); /* 4 against 1 and 1 */
    tuner_free(t);
    space_free(s);
}

static void arms_are_steered_by_number_label_and_region(void **state)
{
    struct space *s = two_by_lr();
    struct tuner *t = make(s, "thompson", NULL, 3, false);
    struct arm_row rows[64];
    int n = tuner_explain(t, rows, 64);
    assert_int_equal(n, 12);
    assert_string_equal(rows[0].label, "c0 lr 1e-4..1e-3");
    assert_true(isnan(rows[0].p_free)); /* nobody steers */
    double share = 0, p_before = rows[0].p_next;
    assert_true(steer(t, "ban", "0", 0, 0) > 0);
    assert_true(steer(t, "ban", "c0 lr 0.1..1", 0, 0) > 0);
    assert_true(steer(t, "ban", "opt=c2", 0, 0) > 0);
    assert_true(steer(t, "boost", "c1 lr 1e-4..1e-3", 3, 0) > 0);
    tuner_explain(t, rows, 64);
    for (int i = 0; i < n; i++) {
        bool banned = i == 0 || i == 3 || i >= 8;
        assert_int_equal(rows[i].banned, banned);
        assert_true(banned ? rows[i].p_next == 0 : rows[i].p_next > 0);
        assert_true(rows[i].boost == (i == 4 ? 3 : 1));
        share += rows[i].p_free;
    }
    assert_true(fabs(share - 1) < 1e-6);
    assert_true(fabs(rows[0].p_free - p_before) < 0.05); /* what it would have done without them */
    tuner_free(t);
    space_free(s);
}

static void samplers_without_arms_are_shown_by_regions(void **state)
{
    struct space *s = two_by_lr();
    struct tuner *t = make(s, "random", NULL, 3, false);
    struct arm_row rows[64];
    double dna[2];
    struct proposal p = {.dna = dna};
    struct tell_result r;
    for (int i = 0; i < 30; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        assert_int_equal(tuner_tell(t, i, -1, dna[0], true, &r, NULL), 0);
    }
    int n = tuner_explain(t, rows, 64);
    uint64_t pulls = 0;
    assert_int_equal(n, 12);
    for (int i = 0; i < n; i++) {
        assert_true(!rows[i].pulls || rows[i].mean == i / 4);
        pulls += rows[i].pulls;
    }
    assert_int_equal(pulls, 30);
    assert_true(steer(t, "ban", "0", 0, 0) > 0);
    tuner_explain(t, rows, 64);
    assert_true(rows[0].banned && !rows[1].banned);
    tuner_free(t);
    space_free(s);
}

static void the_sign_is_the_users(void **state)
{
    struct space *s = two_by_lr();
    struct tuner *t = make(s, "thompson", "asha", 3, true);
    double dna[2], value;
    struct proposal p = {.dna = dna};
    struct tell_result r;
    int64_t best;
    for (int i = 0; i < 9; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        assert_int_equal(tuner_tell(t, i, 1, 10 + i, false, &r, NULL), 0);
        assert_int_equal(r.action, TELL_CONTINUE); /* every one is better than all before */
        assert_int_equal(tuner_tell(t, i, 5, 10 + i, true, &r, NULL), 0);
    }
    assert_true(tuner_best(t, &best, &value));
    assert_int_equal(best, 8);
    assert_true(value == 18);
    assert_int_equal(tuner_ask(t, 9, &p, NULL), 0);
    assert_int_equal(tuner_tell(t, 9, 1, 3, false, &r, NULL), 0);
    assert_int_equal(r.action, TELL_STOP);
    assert_true(r.cutoff > 3 && r.cutoff < 18);
    struct arm_row rows[64];
    int n = tuner_explain(t, rows, 64);
    for (int i = 0; i < n; i++)
        assert_true(!rows[i].pulls || (rows[i].mean >= 3 && rows[i].mean <= 18));
    tuner_free(t);
    space_free(s);
}

static void tells_that_make_no_sense_are_errors(void **state)
{
    struct space *s = two_by_lr();
    struct tuner *t = make(s, "random", NULL, 3, false);
    double dna[2];
    struct proposal p = {.dna = dna};
    struct tell_result r;
    char *cause = NULL;
    assert_int_equal(tuner_tell(t, 4, -1, 1, true, &r, &cause), -1);
    assert_string_equal(cause, "there is no trial 4");
    free(cause);
    assert_int_equal(tuner_ask(t, 4, &p, NULL), 0);
    assert_int_equal(tuner_ask(t, 4, &p, NULL), -1);
    assert_int_equal(tuner_tell(t, 4, -1, 1, true, &r, NULL), 0);
    assert_int_equal(tuner_tell(t, 4, -1, 1, true, &r, NULL), -1);
    assert_int_equal(tuner_tell_failed(t, 4, NULL), -1);
    dna[0] = 7;
    assert_int_equal(tuner_adopt(t, 5, dna, "enqueued", NULL), -1);
    tuner_free(t);
    space_free(s);
}

static void a_value_that_is_not_finite_fails_the_trial(void **state)
{
    struct space *s = two_by_lr();
    struct tuner *t = make(s, "tsallis", "asha", 3, false);
    double dna[2], value;
    struct proposal p = {.dna = dna};
    struct tell_result r;
    int64_t best;
    assert_int_equal(tuner_ask(t, 0, &p, NULL), 0);
    assert_int_equal(tuner_tell(t, 0, 1, NAN, false, &r, NULL), 0);
    assert_int_equal(r.action, TELL_STOP);
    assert_int_equal(tuner_history(t)->failed, 1);
    assert_false(tuner_best(t, &best, &value));
    assert_int_equal(tuner_adopt(t, 0, dna, "requeued", NULL), 0); /* it runs again */
    assert_int_equal(tuner_tell(t, 0, 1, 0.5, true, &r, NULL), 0);
    assert_true(tuner_best(t, &best, &value) && best == 0 && value == 0.5);
    tuner_free(t);
    space_free(s);
}

static void the_budget_counts_trials_and_can_be_raised(void **state)
{
    struct space *s = two_by_lr();
    struct tuner *t = make(s, "random", NULL, 3, false);
    double dna[2];
    struct proposal p = {.dna = dna};
    tuner_set_budget(t, 2);
    assert_int_equal(tuner_ask(t, 0, &p, NULL), 0);
    assert_int_equal(tuner_ask(t, 1, &p, NULL), 0);
    assert_int_equal(tuner_ask(t, 2, &p, NULL), 1);
    assert_int_equal(tuner_forget(t, 1, NULL), 0); /* withdrawn: never happened */
    assert_int_equal(tuner_ask(t, 2, &p, NULL), 0);
    tuner_set_budget(t, 3);
    assert_int_equal(tuner_ask(t, 3, &p, NULL), 0);
    tuner_free(t);
    space_free(s);
}

static void a_grid_visits_every_point_once_in_sorted_order(void **state)
{
    struct space *s = space_new();
    choices(s, "z", PARAM_CATEGORICAL, 2);
    numeric(s, "a", PARAM_INT, PRIOR_UNIFORM, 3, 5, 1);
    assert_int_equal(space_finish(s, NULL), 0);
    struct tuner *t = make(s, "grid", NULL, 3, false);
    double dna[2];
    struct proposal p = {.dna = dna};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        assert_true(param_value(&s->params[1], dna[1]) == 3 + i / 2);
        assert_true(dna[0] == i % 2);
    }
    assert_int_equal(tuner_ask(t, 6, &p, NULL), 1);
    tuner_free(t);
    space_free(s);
}

static void a_banned_grid_point_comes_when_the_ban_is_lifted(void **state)
{
    struct space *s = space_new();
    choices(s, "z", PARAM_CATEGORICAL, 3);
    assert_int_equal(space_finish(s, NULL), 0);
    struct tuner *t = make(s, "grid", NULL, 3, false);
    double dna[1];
    struct proposal p = {.dna = dna};
    int64_t ban = steer(t, "ban", "z=c0", 0, 0);
    assert_int_equal(tuner_ask(t, 0, &p, NULL), 0);
    assert_true(dna[0] == 1);
    assert_int_equal(tuner_unsteer(t, ban, NULL), 0);
    assert_int_equal(tuner_ask(t, 1, &p, NULL), 0);
    assert_true(dna[0] == 0);
    assert_int_equal(tuner_ask(t, 2, &p, NULL), 0);
    assert_true(dna[0] == 2);
    assert_int_equal(tuner_ask(t, 3, &p, NULL), 1);
    tuner_free(t);
    space_free(s);
}

static void another_tuner_goes_on_with_all_data(void **state)
{
    struct space *s = two_by_lr();
    struct tuner *t = make(s, "random", NULL, 3, false);
    double dna[2];
    struct proposal p = {.dna = dna};
    struct tell_result r;
    for (int i = 0; i < 60; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        assert_int_equal(tuner_tell(t, i, -1, dna[0] == 2 ? 0.1 : 0.9, true, &r, NULL), 0);
    }
    struct tuner_kv kv[] = {{"arms.opt", ARMS_VALUES}, {NULL, 0}};
    char *cause = NULL;
    assert_int_equal(tuner_switch(t, "nothing", NULL, &cause), -1);
    free(cause);
    assert_int_equal(tuner_switch(t, "thompson", kv, NULL), 0);
    struct arm_row rows[3];
    assert_int_equal(tuner_explain(t, rows, 3), 3);
    assert_true(rows[2].p_best > 0.99 && rows[0].pulls + rows[1].pulls + rows[2].pulls == 60);
    tuner_free(t);
    space_free(s);
}

static void a_new_space_version_keeps_the_old_trials(void **state)
{
    struct space *s = two_by_lr();
    struct tuner *t = make(s, "thompson", NULL, 3, false);
    double dna[2];
    struct proposal p = {.dna = dna};
    struct tell_result r;
    for (int i = 0; i < 40; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        assert_int_equal(tuner_tell(t, i, -1, dna[1], true, &r, NULL), 0);
    }
    struct space *next = space_bound(s, 1, 1e-3, 1e-1, NULL);
    assert_non_null(next);
    assert_int_equal(tuner_set_space(t, &next, NULL), 0);
    assert_int_equal(tuner_space(t)->version, 2);
    int out = 0;
    for (int i = 0; i < 40; i++)
        out += tuner_history(t)->trials[i].outside;
    assert_true(out > 5 && out < 35);
    for (int i = 40; i < 60; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        double lr = param_value(&tuner_space(t)->params[1], dna[1]);
        assert_true(lr >= 1e-3 && lr <= 1e-1);
    }
    tuner_free(t);
    space_free(s);
}

static void bandits_over_arms_find_the_best_arm(void **state)
{
    struct space *s = two_by_lr();
    static const char *const names[] = {"thompson", "ucb1",       "kl_ucb", "ucb_tuned",
                                        "tsallis",  "tsallis_rv", "exp3"};
    for (size_t a = 0; a < sizeof names / sizeof *names; a++) {
        struct tuner *t = make(s, names[a], NULL, 3, false);
        double dna[2];
        struct proposal p = {.dna = dna};
        struct tell_result r;
        int hits = 0;
        for (int i = 0; i < 400; i++) {
            assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
            double lr = param_value(&s->params[1], dna[1]);
            bool best = dna[0] == 1 && lr >= 1e-2 && lr < 1e-1;
            hits += best;
            assert_int_equal(tuner_tell(t, i, -1, 0.02 + (best ? 0 : 0.3) + 0.05 * dna[0], true, &r, NULL),
                             0);
        }
        if (hits < 400 / 12 * 2)
            fail_msg("%s pulled the best of 12 arms %d times in 400", names[a], hits);
        tuner_free(t);
    }
    space_free(s);
}

static void auto_keeps_its_choice_when_the_budget_changes(void **state)
{
    struct space *s = two_by_lr();
    struct tuner *t = make(s, "auto", NULL, 3, false), *u = make(s, "auto", NULL, 4, false);
    char before[200], after[200];
    struct buf dump = {0};
    double dna[2];
    struct proposal p = {.dna = dna};
    assert_int_equal(tuner_ask(t, 0, &p, NULL), 0);
    tuner_describe(t, before, sizeof before);
    assert_non_null(strstr(before, "auto chose gp"));
    tuner_set_budget(t, 100000);
    tuner_dump(t, &dump);
    assert_int_equal(tuner_load(u, dump.data, dump.len, NULL), 0);
    tuner_describe(u, after, sizeof after);
    assert_non_null(strstr(after, "auto chose gp"));
    assert_int_equal(tuner_ask(u, 1, &p, NULL), 0);
    buf_release(&dump);
    tuner_free(t);
    tuner_free(u);
    space_free(s);
}

static void options_are_checked(void **state)
{
    struct space *s = two_by_lr();
    struct tuner_kv bad[] = {{"etta", 3}, {NULL, 0}}, range[] = {{"eta", 0.5}, {NULL, 0}};
    struct tuner_setup setup = {
        .space = s, .sampler = "random", .stopper = "asha", .stopper_options = bad, .budget = -1};
    char *cause = NULL;
    assert_null(tuner_new(&setup, &cause));
    assert_string_equal(cause, "asha has no option \"etta\"");
    setup.stopper_options = range;
    assert_null(tuner_new(&setup, &cause));
    setup.stopper_options = NULL;
    setup.sampler = "rundom";
    assert_null(tuner_new(&setup, &cause));
    assert_non_null(strstr(cause, "thompson"));
    setup.sampler = "asha";
    assert_null(tuner_new(&setup, NULL));
    free(cause);
    space_free(s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest properties[] = {
        cmocka_unit_test(asks_are_inside_the_space),
        cmocka_unit_test(the_same_seed_asks_the_same),
        cmocka_unit_test(a_dump_in_the_middle_changes_nothing),
        cmocka_unit_test(bans_are_never_violated),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_are_inside_the_space),
        cmocka_unit_test(the_same_seed_asks_the_same),
        cmocka_unit_test(a_dump_in_the_middle_changes_nothing),
        cmocka_unit_test(bans_are_never_violated),
        cmocka_unit_test(pins_hold_for_as_many_asks_as_said),
        cmocka_unit_test(an_undone_ban_is_gone_and_an_undone_unban_is_back),
        cmocka_unit_test(a_boost_shifts_random_search_by_its_weight),
        cmocka_unit_test(arms_are_steered_by_number_label_and_region),
        cmocka_unit_test(samplers_without_arms_are_shown_by_regions),
        cmocka_unit_test(the_sign_is_the_users),
        cmocka_unit_test(tells_that_make_no_sense_are_errors),
        cmocka_unit_test(a_value_that_is_not_finite_fails_the_trial),
        cmocka_unit_test(the_budget_counts_trials_and_can_be_raised),
        cmocka_unit_test(a_grid_visits_every_point_once_in_sorted_order),
        cmocka_unit_test(a_banned_grid_point_comes_when_the_ban_is_lifted),
        cmocka_unit_test(another_tuner_goes_on_with_all_data),
        cmocka_unit_test(a_new_space_version_keeps_the_old_trials),
        cmocka_unit_test(bandits_over_arms_find_the_best_arm),
        cmocka_unit_test(auto_keeps_its_choice_when_the_budget_changes),
        cmocka_unit_test(options_are_checked),
    };
    thorough = strstr(argv[0], "slow_") != NULL;
    if (thorough)
        return cmocka_run_group_tests(properties, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
