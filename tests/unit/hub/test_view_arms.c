/* Arms: shares over time, and bandits inside runs. */
#include "tests/unit/hub/views_fixture.h"

static void shares_of_arms_add_up(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    t.l->trials = 5;
    t.l->runs = 1;
    t.l->run[0].epoch = 1;
    rng_seed(&t.l->rng, 3); /* pulls are drawn */
    int from = t.l->n;
    log_bandit(t.l);
    for (int i = 0; i < 400; i++) {
        t.l->now += CLOCK_MS;
        log_pulls(t.l);
    }
    for (; from < t.l->n; from++) {
        struct event ev = log_event(t.l, from);
        state_apply(t.s, &ev);
    }
    want(&t.a, "arms", 0);
    must(&t.a, &t.wd.ctx);
    assert_int_equal(t.a.out.n_parts, 3);
    int64_t pulls = 0;
    for (int i = 0; i < 3; i++) {
        struct span row = part(&t.a, i);
        pulls += cmap_int(row, "pulls", 0);
        double mean = cmap_double(row, "mean", 0), low = cmap_double(row, "low", 1),
               high = cmap_double(row, "high", 0);
        assert_true(low < mean && mean < high && mean > 0.4 && mean < 0.6);
        assert_true(isnan(cmap_double(row, "p_next", NAN))); /* the program has not said */
    }
    assert_true(pulls > 2000);
    want(&t.a, "arms_history", 2);
    cw_kstr(&t.a.w, "bandit", "omega");
    cw_kint(&t.a.w, "columns", 20);
    must(&t.a, &t.wd.ctx);
    assert_int_equal(t.a.out.n_parts, 3);
    for (int c = 0; c < 20; c++) {
        double sum = cell(part(&t.a, 0), "share", c) + cell(part(&t.a, 1), "share", c) +
                     cell(part(&t.a, 2), "share", c);
        assert_true(fabs(sum - 1) < 1e-12);
    }
    small_end(&t);
}

/* What a program says of its three arms after pull t: the second is banned and the third boosted. */
static struct codec_writer *say_arms(struct small *t, int64_t pull, int64_t left)
{
    struct codec_writer *w = log_begin(t->l, EV_ARMS, 8);
    static const double next[] = {0.7, 0, 0.3}, best[] = {0.6, 0.1, 0.3};
    cw_kint(w, "run", 0);
    cw_kint(w, "epoch", 1);
    cw_kint(w, "seq", 1);
    cw_kint(w, "bandit", 0);
    cw_kint(w, "t", pull);
    cw_str(w, "p_next");
    cw_array(w, 3);
    for (int i = 0; i < 3; i++)
        cw_double(w, next[i]);
    cw_str(w, "p_best");
    cw_array(w, 3);
    for (int i = 0; i < 3; i++)
        cw_double(w, best[i]);
    cw_str(w, "steered");
    cw_array(w, 2);
    for (int i = 1; i < 3; i++) {
        cw_map(w, i == 1 ? 5 : 4);
        cw_kint(w, "arm", i);
        cw_kbool(w, "banned", i == 1);
        cw_kbool(w, "pinned", false);
        cw_kdouble(w, "boost", i == 1 ? 1 : 2.5);
        if (i == 1)
            cw_kint(w, "left", left);
    }
    log_end(t->l);
    return w;
}

static void fold(struct small *t, int from)
{
    for (; from < t->l->n; from++) {
        struct event ev = log_event(t->l, from);
        state_apply(t->s, &ev);
    }
}

static void arms_inside_a_run_are_as_the_program_says(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    t.l->trials = 5;
    t.l->runs = 1;
    t.l->run[0].epoch = 1;
    rng_seed(&t.l->rng, 3);
    int from = t.l->n;
    log_bandit(t.l);
    log_pulls(t.l);
    t.l->now += CLOCK_MS;
    say_arms(&t, t.l->run[0].rounds, 100);
    int64_t said = t.l->now;
    fold(&t, from);
    want(&t.a, "arms", 0);
    must(&t.a, &t.wd.ctx);
    assert_int_equal(t.a.out.n_parts, 3);
    double sum = 0;
    for (int i = 0; i < 3; i++)
        sum += cmap_double(part(&t.a, i), "p_next", NAN);
    assert_true(fabs(sum - 1) < 1e-12);
    assert_true(cmap_double(part(&t.a, 0), "p_best", 0) == 0.6);
    assert_false(cmap_bool(part(&t.a, 0), "banned", true));
    assert_true(cmap_bool(part(&t.a, 1), "banned", false));
    assert_int_equal(cmap_int(part(&t.a, 1), "until", -1), 100);
    assert_true(cmap_double(part(&t.a, 2), "boost", 0) == 2.5);
    assert_int_equal(cmap_int(part(&t.a, 2), "until", -1), -1); /* until somebody lifts it */

    int64_t then = t.l->run[0].rounds;
    t.l->now += CLOCK_S;
    from = t.l->n;
    log_pulls(t.l);
    fold(&t, from);
    want(&t.a, "arms", 0);
    must(&t.a, &t.wd.ctx);
    assert_int_equal(cmap_int(part(&t.a, 1), "until", -1), 100 - (t.l->run[0].rounds - then));
    while (t.l->run[0].rounds < then + 100) {
        t.l->now += CLOCK_MS;
        from = t.l->n;
        log_pulls(t.l);
        fold(&t, from);
    }
    want(&t.a, "arms", 0);
    must(&t.a, &t.wd.ctx);
    assert_false(cmap_bool(part(&t.a, 1), "banned", true));
    assert_true(cmap_double(part(&t.a, 2), "boost", 0) == 2.5);

    want(&t.a, "arms", 1); /* as of then it stands */
    cw_kint(&t.a.w, "cursor", said);
    must(&t.a, &t.wd.ctx);
    assert_true(cmap_bool(part(&t.a, 1), "banned", false));
    small_end(&t);
}

static void a_run_does_not_speak_for_the_tuner(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    int from = t.l->n;
    struct codec_writer *w = log_begin(t.l, EV_ARMS, 3);
    cw_kint(w, "run", 0);
    cw_kstr(w, "bandit", "tuner");
    cw_str(w, "rows");
    cw_array(w, 0);
    log_end(t.l);
    int before = t.s->n_bandits;
    fold(&t, from);
    assert_int_equal(t.s->n_bandits, before);
    small_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_of_arms_add_up),
        cmocka_unit_test(arms_inside_a_run_are_as_the_program_says),
        cmocka_unit_test(a_run_does_not_speak_for_the_tuner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
