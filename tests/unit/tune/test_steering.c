/* Steering that shares out the asks, edits of the space under way, another sampler: every one of them can be undone, survives
 * a dump, and is answered by every sampler. */
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

static struct space *two(void)
{
    struct space *s = space_new();
    struct tune_value v[3] = {tune_string("sgd"), tune_string("adam"), tune_string("lion")};
    struct param *p = space_add(s, "lr");
    p->prior = PRIOR_LOG;
    p->low = 1e-4;
    p->high = 1;
    p = space_add(s, "opt");
    p->type = PARAM_CATEGORICAL;
    param_set_choices(p, v, 3);
    for (int i = 0; i < 3; i++)
        tune_value_free(&v[i]);
    assert_int_equal(space_finish(s, NULL), 0);
    return s;
}

static struct tuner *make(const char *sampler, int64_t budget)
{
    struct tuner_setup setup = {.space = two(), .sampler = sampler, .seed = 7, .budget = budget};
    struct tuner *t = tuner_new(&setup, NULL);
    space_free(setup.space);
    return t;
}

/* verb target [key value]: the token, or -1 */
static int64_t steer(struct tuner *t, const char *verb, const char *target, const char *key, double value)
{
    struct steer_arg args[2] = {{"target", tune_string(target ? target : "")}, {key, tune_float(value)}};
    struct steer_request rq;
    int64_t token = -1;
    char *cause = NULL;
    int rc = steer_parse(verb, args, key ? 2 : 1, &rq, &cause);
    if (rc == 0) {
        if (tuner_steer(t, &rq, &token, &cause) < 0)
            token = -1;
        steer_request_release(&rq);
    }
    tune_value_free(&args[0].value);
    free(cause);
    return token;
}

static double lr(const struct tuner *t, const double *dna)
{
    const struct space *s = tuner_space(t);
    struct tune_value v;
    double x = NAN;
    int i = space_find(s, "lr");
    param_decode(&s->params[i], dna[i], &v);
    assert_true(tune_number(&v, &x));
    return x;
}

/* Asks n times, tells (lr - best)^2 in decades; how many had lr in 0.01..0.1. */
static int run(struct tuner *t, int64_t from, int n, double best)
{
    double dna[8];
    struct proposal p = {.dna = dna};
    struct tell_result r;
    int inside = 0;
    for (int64_t i = from; i < from + n; i++) {
        if (tuner_ask(t, i, &p, NULL) != 0)
            return inside;
        double x = lr(t, dna), far = log10(x / best);
        inside += x >= 0.01 && x < 0.1;
        tuner_tell(t, p.resume >= 0 ? p.resume : i, -1, far * far, true, &r, NULL);
    }
    return inside;
}

/* The prior's share of the region is a quarter. */
static void every_sampler_answers_a_focus(void **state)
{
    for (int a = 0; tuner_list[a]; a++) {
        struct tuner *t = tuner_list[a]->propose && !tuner_list[a]->judge ? make(tuner_list[a]->name, -1) : NULL;
        if (!t) /* a grid of a continuous parameter */
            continue;
        assert_true(steer(t, "focus", "lr=0.01..0.1", NULL, 0) > 0);
        int inside = run(t, 0, 24, 0.03);
        if (inside < 12)
            fail_msg("%s: %d of 24 inside the focus", tuner_list[a]->name, inside);
        tuner_free(t);
    }
}

static void a_focus_fades(void **state)
{
    struct tuner *t = make("random", -1);
    assert_true(steer(t, "focus", "lr=0.01..0.1", "strength", 4) > 0);
    const struct steering *st = tuner_steering(t);
    const struct steer_entry *e = &st->entries[0];
    assert_true(fabs(steering_share(st, e) - 0.75) < 1e-12);
    run(t, 0, 20, 0.03);
    assert_true(fabs(steering_share(st, &st->entries[0]) - 0.5) < 1e-12); /* 4^(20/40) = 2 */
    int late = run(t, 20, 500, 0.03) - 0;
    assert_true(steering_share(st, &st->entries[0]) < 0.06 && late > 125 && late < 260);
    assert_int_equal(steer(t, "focus", "lr=0.01..0.1", "strength", 1), -1);
    tuner_free(t);
}

static void a_focus_is_given_up_when_it_disappoints(void **state)
{
    char text[200];
    struct tuner *t = make("random", -1);
    assert_true(steer(t, "focus", "lr=0.01..0.1", NULL, 0) > 0);
    run(t, 0, 150, 1e-4); /* the best is far away */
    assert_true(tuner_news(t, text, sizeof text));
    assert_non_null(strstr(text, "the focus on lr=0.01..0.1 is given up"));
    assert_false(tuner_news(t, text, sizeof text));
    assert_true(tuner_steering(t)->entries[0].given_up);
    int64_t token = tuner_steering(t)->entries[0].token;
    assert_true(steering_given_up(tuner_steering(t), token));
    assert_false(steering_given_up(tuner_steering(t), token + 1)); /* nobody's */
    int64_t again = steer(t, "focus", "lr=0.01..0.1", NULL, 0);
    assert_true(again > 0 && !steering_given_up(tuner_steering(t), again));
    assert_true(steering_share(tuner_steering(t), &tuner_steering(t)->entries[0]) == 0);
    tuner_free(t);
    t = make("random", -1);
    assert_true(steer(t, "focus", "lr=0.01..0.1", NULL, 0) > 0);
    run(t, 0, 60, 0.03); /* it is right */
    assert_false(tuner_news(t, text, sizeof text));
    tuner_free(t);
}

static void quotas_are_met(void **state)
{
    struct tuner *t = make("random", -1);
    assert_true(steer(t, "quota", "lr=0.01..0.1", "share", 0.6) > 0);
    int inside = run(t, 0, 50, 0.5);
    assert_true(inside >= 30);
    tuner_free(t);
    t = make("random", 40);
    assert_true(steer(t, "ban", "lr=0.01..0.03", NULL, 0) > 0); /* bans hold within a quota */
    assert_true(steer(t, "quota", "lr=0.01..0.1", "count", 20) > 0);
    double dna[8];
    struct proposal p = {.dna = dna};
    inside = 0;
    for (int i = 0; i < 40; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        inside += lr(t, dna) >= 0.01 && lr(t, dna) < 0.1;
        assert_false(lr(t, dna) >= 0.01 && lr(t, dna) < 0.03);
    }
    assert_true(inside >= 20);
    tuner_free(t);
}

static void a_hold_lets_through_what_is_stepped(void **state)
{
    struct tuner *t = make("random", -1);
    double dna[8];
    struct proposal p = {.dna = dna};
    assert_int_equal(steer(t, "step", NULL, "value", 1), -1); /* not held */
    int64_t hold = steer(t, "hold", NULL, NULL, 0);
    assert_true(hold > 0);
    assert_int_equal(tuner_ask(t, 0, &p, NULL), TUNER_HELD);
    assert_true(steer(t, "step", NULL, "value", 2) > 0);
    assert_int_equal(tuner_ask(t, 0, &p, NULL), 0);
    struct tuner *u = tuner_copy(t, NULL);
    for (struct tuner *x = t;; x = u) {
        assert_int_equal(tuner_ask(x, 1, &p, NULL), 0);
        assert_int_equal(tuner_ask(x, 2, &p, NULL), TUNER_HELD);
        if (x == u)
            break;
    }
    int64_t go = steer(u, "go", NULL, NULL, 0);
    assert_int_equal(tuner_ask(u, 2, &p, NULL), 0);
    assert_int_equal(tuner_unsteer(u, go, NULL), 0);
    assert_int_equal(tuner_ask(u, 3, &p, NULL), TUNER_HELD);
    assert_int_equal(tuner_unsteer(t, hold, NULL), 0);
    assert_int_equal(tuner_ask(t, 2, &p, NULL), 0);
    tuner_free(t);
    tuner_free(u);
}

/* ---- edits ---- */

static struct space *edited(const char *text)
{
    struct space *s = two(), *c;
    char *cause = NULL;
    c = space_edit(s, text, &cause);
    if (!c)
        fail_msg("%s: %s", text, cause);
    space_free(s);
    return c;
}

static void edits_in_words_do_what_they_say(void **state)
{
    struct space *s = edited("lr=1e-3..1e-1 opt-=lion +wd=1e-5..1e-2 log default=1e-4 +units=16|32 +n=1..4 int");
    assert_int_equal(s->version, 2);
    assert_int_equal(s->n, 5);
    assert_true(fabs(s->params[0].low - 1e-3) < 1e-15 && s->params[0].high == 0.1 && s->params[1].n_choices == 2);
    assert_true(s->params[2].prior == PRIOR_LOG && s->params[2].fallback.f == 1e-4);
    assert_true(s->params[3].type == PARAM_ORDINAL && s->params[4].type == PARAM_INT && param_count(&s->params[4]) == 4);
    space_free(s);
    s = edited("opt+=rmsprop opt=adam|rmsprop -lr");
    assert_true(s->n == 1 && s->params[0].n_choices == 2 && !strcmp(s->params[0].choices[1].s, "rmsprop"));
    space_free(s);
    static const char *const wrong[][2] = {
        {"", "no edit is given"},          {"lr", "is no edit"},           {"lx=1..2", "did you mean lr"},
        {"lr=2..1", "is empty"},           {"lr=a..b", "LOW..HIGH"},       {"lr=1|2", "it has bounds"},
        {"opt-=foo", "no such value"},     {"opt+=adam", "already"},       {"-foo", "no parameter"},
        {"+lr=1..2", "there is one"},      {"+x", "what should it be"},    {"opt-=sgd|adam|lion", "at least one value"},
        {"+x=1..2 default=5", "x"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct space *old = two();
        char *cause = NULL;
        assert_null(space_edit(old, wrong[i][0], &cause));
        if (!cause || !strstr(cause, wrong[i][1]))
            fail_msg("\"%s\": %s", wrong[i][0], cause ? cause : "accepted");
        free(cause);
        space_free(old);
    }
}

static void old_trials_come_back_with_the_room_they_had(void **state)
{
    struct tuner *t = make("tpe", -1);
    double born[30];
    run(t, 0, 30, 0.03);
    const struct history *h = tuner_history(t);
    for (int i = 0; i < 30; i++)
        born[i] = h->trials[i].dna[0];
    int64_t shrink = steer(t, "space", "lr=0.01..0.1", NULL, 0);
    assert_true(shrink > 0);
    int outside = 0;
    for (int i = 0; i < 30; i++)
        outside += h->trials[i].outside;
    assert_true(outside > 0 && outside < 30);
    assert_int_equal(run(t, 30, 10, 0.03), 10); /* all inside now */
    int64_t more = steer(t, "space", "+wd=1e-5..1e-2 log default=1e-3", NULL, 0);
    assert_true(more > 0 && tuner_space(t)->version == 3);
    struct tuner *u = tuner_copy(t, NULL);
    assert_non_null(u);
    for (struct tuner *x = t;; x = u) { /* the older edit goes, the newer one stays */
        assert_int_equal(tuner_unsteer(x, shrink, NULL), 0);
        h = tuner_history(x);
        assert_int_equal(tuner_space(x)->version, 4);
        assert_int_equal(tuner_space(x)->n, 3);
        for (int i = 0; i < 40; i++)
            assert_false(h->trials[i].outside);
        for (int i = 0; i < 30; i++)
            assert_true(fabs(h->trials[i].dna[0] - born[i]) < 1e-9);
        assert_true(fabs(param_value(&tuner_space(x)->params[2], h->trials[3].dna[2]) - 1e-3) < 1e-9);
        assert_int_equal(tuner_unsteer(x, shrink, NULL), -1);
        if (x == u)
            break;
    }
    double a[8], b[8];
    struct proposal p = {.dna = a}, q = {.dna = b};
    for (int i = 40; i < 50; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        assert_int_equal(tuner_ask(u, i, &q, NULL), 0);
        assert_true(space_same(tuner_space(t), a, b));
    }
    tuner_free(t);
    tuner_free(u);
}

static void frozen_parameters_thaw(void **state)
{
    struct tuner *t = make("random", -1);
    double dna[8];
    struct proposal p = {.dna = dna};
    run(t, 0, 20, 0.03);
    int best = history_best(tuner_history(t));
    double x = lr(t, tuner_history(t)->trials[best].dna);
    int64_t freeze = steer(t, "freeze", "lr", NULL, 0);
    assert_true(freeze > 0);
    for (int i = 20; i < 25; i++) {
        assert_int_equal(tuner_ask(t, i, &p, NULL), 0);
        assert_true(lr(t, dna) == x);
    }
    assert_int_equal(steer(t, "freeze", "lr", NULL, 0), -1);
    assert_true(steer(t, "thaw", "lr", NULL, 0) > 0);
    assert_true(tuner_space(t)->params[0].prior == PRIOR_LOG && tuner_space(t)->params[0].low == 1e-4);
    assert_int_equal(steer(t, "thaw", "lr", NULL, 0), -1);
    assert_true(steer(t, "freeze", "opt=adam", NULL, 0) > 0);
    assert_int_equal(tuner_ask(t, 25, &p, NULL), 0);
    assert_int_equal(steer(t, "freeze", "opt=nothing", NULL, 0), -1);
    assert_int_equal(steer(t, "freeze", "nothing", NULL, 0), -1);
    tuner_free(t);
}

static void another_tuner_goes_on_and_back(void **state)
{
    char text[300];
    struct tuner *t = make("random", -1);
    run(t, 0, 15, 0.03);
    int64_t token = steer(t, "tuner", "tpe startup=5 gamma=0.2", NULL, 0);
    assert_true(token > 0);
    tuner_describe(t, text, sizeof text);
    assert_int_equal(strncmp(text, "tpe", 3), 0);
    assert_int_equal(tuner_history(t)->done, 15);
    run(t, 15, 10, 0.03);
    assert_int_equal(steer(t, "tuner", "tpe nonsense=1", NULL, 0), -1);
    assert_int_equal(steer(t, "tuner", "nobody", NULL, 0), -1);
    assert_int_equal(tuner_unsteer(t, token, NULL), 0);
    tuner_describe(t, text, sizeof text);
    assert_string_equal(text, "random");
    tuner_free(t);
}

static void what_is_not_named_is_filled_without_asking(void **state)
{
    struct tuner *t = make("tpe", -1), *u = make("tpe", -1);
    struct region r;
    double dna[8], a[8], b[8];
    struct proposal p = {.dna = a}, q = {.dna = b};
    run(t, 0, 30, 0.03);
    run(u, 0, 30, 0.03);
    assert_int_equal(region_parse(&r, tuner_space(t), "opt=lion", NULL), 0);
    int good = 0;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(tuner_complete(t, &r, dna, NULL), 0);
        assert_true(dna[1] == 2);
        good += fabs(log10(lr(t, dna) / 0.03)) < 1;
    }
    assert_int_equal(good, 5); /* a model's choice, and the same one each time */
    assert_int_equal(tuner_ask(t, 30, &p, NULL), 0);
    assert_int_equal(tuner_ask(u, 30, &q, NULL), 0);
    assert_true(space_same(tuner_space(t), a, b));
    region_release(&r);
    tuner_free(t);
    tuner_free(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sampler_answers_a_focus),
        cmocka_unit_test(a_focus_fades),
        cmocka_unit_test(a_focus_is_given_up_when_it_disappoints),
        cmocka_unit_test(quotas_are_met),
        cmocka_unit_test(a_hold_lets_through_what_is_stepped),
        cmocka_unit_test(edits_in_words_do_what_they_say),
        cmocka_unit_test(old_trials_come_back_with_the_room_they_had),
        cmocka_unit_test(frozen_parameters_thaw),
        cmocka_unit_test(another_tuner_goes_on_and_back),
        cmocka_unit_test(what_is_not_named_is_filled_without_asking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
