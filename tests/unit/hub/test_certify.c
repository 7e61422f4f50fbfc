/* Which unfinished trials would have won: from a made-up log whose winners are known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hub/certify.h"
#include "tests/unit/hub/random_log.h"

#define STEPS 10
#define STOP  6

struct world {
    struct state *s;
    struct random_log log;
    double x[400], y[400];
};

static void say(struct world *w)
{
    log_end(&w->log);
    struct event e = log_event(&w->log, w->log.n - 1);
    assert_int_equal(state_apply(w->s, &e), 0);
}

static double loss(const struct world *w, int t, int step)
{
    double bowl = pow(w->x[t] - 0.3, 2) + 0.5 * pow(w->y[t] - 0.6, 2);
    return bowl + exp(-0.4 * step) * (1 + 0.2 * w->x[t]);
}

static void trial(struct world *w, int t, bool finishes)
{
    struct codec_writer *c = log_begin(&w->log, EV_TRIAL, 4);
    w->x[t] = rng_unit(&w->log.rng);
    w->y[t] = rng_unit(&w->log.rng);
    cw_kint(c, "trial", t);
    cw_str(c, "dna");
    cw_array(c, 2);
    cw_double(c, w->x[t]);
    cw_double(c, w->y[t]);
    cw_kstr(c, "origin", "tuner");
    cw_kint(c, "parent", -1);
    say(w);
    c = log_begin(&w->log, EV_RUN, 5);
    cw_kint(c, "run", t);
    cw_kint(c, "trial", t);
    cw_kint(c, "seed", 0);
    cw_kint(c, "epoch", 1);
    cw_kstr(c, "state", "running");
    say(w);
    c = log_begin(&w->log, EV_TRIAL_STATE, 2);
    cw_kint(c, "trial", t);
    cw_kstr(c, "state", "running");
    say(w);
    for (int step = 1; step <= (finishes ? STEPS : STOP); step++) {
        c = log_begin(&w->log, EV_REPORT, 6);
        cw_kint(c, "run", t);
        cw_kint(c, "epoch", 1);
        cw_kint(c, "seq", step);
        cw_kint(c, "trial", t);
        cw_kint(c, "step", step);
        cw_kdouble(c, "value", loss(w, t, step));
        say(w);
    }
    c = log_begin(&w->log, EV_TRIAL_STATE, 2);
    cw_kint(c, "trial", t);
    cw_kstr(c, "state", finishes ? "done" : "pruned");
    say(w);
}

static void make_world(struct world *w, int n, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    w->s = state_new();
    rng_seed(&w->log.rng, seed);
    w->log.still = true;
    w->log.now = 1000;
    struct codec_writer *c = log_begin(&w->log, EV_SWEEP, 3);
    cw_kstr(c, "sweep", "made-up");
    cw_kstr(c, "metric", "loss");
    cw_kstr(c, "goal", "minimize");
    say(w);
    for (int t = 0; t < n; t++)
        trial(w, t, t % 3 != 0);
}

static void free_world(struct world *w)
{
    state_free(w->s);
    free(w->log.events);
    buf_release(&w->log.bodies);
}

static void the_picked_would_have_won(void **st)
{
    (void)st;
    static struct world w;
    int picked = 0, wrong = 0, winners = 0;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        make_world(&w, 300, seed);
        struct certify_options o = {.better_than = 0.1, .q = 0.1, .at = -1, .seed = seed};
        struct certify_result r;
        char *cause = NULL;
        assert_int_equal(certify(w.s, &o, &r, &cause), 0);
        assert_int_equal(r.at, STOP);
        assert_int_equal(r.examples, 200);
        assert_int_equal(r.candidates, 100);
        for (int i = 0; i < r.candidates; i++) {
            bool wins = loss(&w, (int)r.rows[i].trial, STEPS) < 0.1;
            picked += r.rows[i].selected;
            wrong += r.rows[i].selected && !wins;
            winners += wins;
            assert_true(i == 0 || r.rows[i].e <= r.rows[i - 1].e);
        }
        certify_release(&r);
        free_world(&w);
    }
    assert_true(picked > winners / 2);
    assert_true(wrong <= 0.15 * picked);
}

static void too_little_is_said_to_be_too_little(void **st)
{
    (void)st;
    static struct world w;
    struct certify_options o = {.better_than = NAN, .q = 0.1, .at = -1, .seed = 1};
    struct certify_result r;
    char *cause = NULL;
    make_world(&w, 12, 1);
    assert_int_equal(certify(w.s, &o, &r, &cause), -1);
    assert_non_null(strstr(cause, "at least 20"));
    free(cause);
    cause = NULL;
    free_world(&w);
    make_world(&w, 90, 1);
    o.at = STOP + 1;
    assert_int_equal(certify(w.s, &o, &r, &cause), -1);
    assert_non_null(strstr(cause, "nobody to judge"));
    free(cause);
    free_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_picked_would_have_won),
        cmocka_unit_test(too_little_is_said_to_be_too_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
