/* The views landscape, importance, edf and seeds: functions of (log, cursor), and what they say of a sweep
 * whose truth is known. */
#include "hub/views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "hub/model_at.h"
#include "tests/unit/hub/made_sweep.h"

struct asked {
    struct buf request;
    struct codec_writer w;
    struct view_out out;
    char *cause;
};

struct world {
    struct sweep_ref ref;
    struct sweep_ref *refs[1];
    struct views_ctx ctx;
    struct asked a;
};

static void open_world(struct world *wd, struct state *s, bool live, int64_t now)
{
    memset(wd, 0, sizeof *wd);
    wd->ref = (struct sweep_ref){.state = s,
                                 .recording = "/data/made-up.mcap",
                                 .max_fidelity = -1,
                                 .live = live,
                                 .budget = -1,
                                 .explore = 1,
                                 .models = model_cache_new()};
    wd->refs[0] = &wd->ref;
    wd->ctx = (struct views_ctx){.sweeps = wd->refs, .n_sweeps = 1, .hub = "test", .now = now};
}

static void close_world(struct world *wd)
{
    model_cache_free(wd->ref.models);
    buf_release(&wd->a.request);
    view_out_release(&wd->a.out);
    free(wd->a.cause);
}

static struct codec_writer *want(struct world *wd, const char *view, size_t pairs)
{
    buf_clear(&wd->a.request);
    cw_init(&wd->a.w, &wd->a.request);
    cw_map(&wd->a.w, pairs + 1);
    cw_kstr(&wd->a.w, "view", view);
    return &wd->a.w;
}

static int answer(struct world *wd)
{
    free(wd->a.cause);
    wd->a.cause = NULL;
    return views_answer(&wd->ctx, (struct span){(const char *)wd->a.request.data, wd->a.request.len},
                        &wd->a.out, &wd->a.cause);
}

static void must(struct world *wd)
{
    if (answer(wd) != 0)
        fail_msg("%s", wd->a.cause);
    assert_true(codec_valid(wd->a.out.head.data, wd->a.out.head.len, NULL));
    for (int i = 0; i < wd->a.out.n_parts; i++)
        assert_true(codec_valid(wd->a.out.data.data + wd->a.out.parts[i].off, wd->a.out.parts[i].len, NULL));
}

static struct span head(const struct world *wd)
{
    return (struct span){(const char *)wd->a.out.head.data, wd->a.out.head.len};
}

static struct span part(const struct world *wd, int i)
{
    assert_in_range(i, 0, wd->a.out.n_parts - 1);
    return (struct span){(const char *)wd->a.out.data.data + wd->a.out.parts[i].off, wd->a.out.parts[i].len};
}

static void picture(struct world *wd, const char *x, const char *y, const char *layer, const char *hold,
                    int64_t cursor)
{
    struct codec_writer *w = want(wd, "landscape", 7);
    cw_kstr(w, "x", x);
    cw_kstr(w, "y", y);
    cw_kstr(w, "layer", layer);
    cw_kstr(w, "hold", hold);
    cw_kint(w, "columns", 40);
    cw_kint(w, "rows", 30);
    cw_kint(w, "cursor", cursor);
}

/* ---- as of T ---- */

static bool nth_request(struct world *wd, int n, int64_t cursor)
{
    static const char *const shows[][4] = {{"lr", "units", "mean", "best"},
                                           {"lr", "", "mean", "typical"},
                                           {"opt", "lr", "deviation", "best"},
                                           {"lr", "units", "acquisition", "best"},
                                           {"units", "opt", "observed", "t1"},
                                           {"lr", "opt", "partial", "best"},
                                           {"", "", "", ""}};
    static const char *const groups[] = {"tuner", "origin", "space_version", "lr", "opt"};
    int n_shows = sizeof shows / sizeof *shows, n_groups = sizeof groups / sizeof *groups;
    if (n < n_shows) {
        picture(wd, shows[n][0], shows[n][1], shows[n][2], shows[n][3], cursor);
        return true;
    }
    n -= n_shows;
    struct codec_writer *w = want(wd, n < n_groups ? "edf" : n < n_groups + 2 ? "importance" : "seeds", 2);
    cw_kstr(w, n < n_groups ? "by" : "method", n < n_groups ? groups[n] : n == n_groups ? "fanova" : "quick");
    cw_kint(w, "cursor", cursor);
    return n <= n_groups + 2;
}

static void same(const struct world *a, const struct world *b, int n)
{
    if (a->a.out.head.len != b->a.out.head.len ||
        memcmp(a->a.out.head.data, b->a.out.head.data, a->a.out.head.len) != 0)
        fail_msg("the head of request %d differs", n);
    assert_int_equal(a->a.out.n_parts, b->a.out.n_parts);
    if (a->a.out.data.len != b->a.out.data.len ||
        memcmp(a->a.out.data.data, b->a.out.data.data, a->a.out.data.len) != 0)
        fail_msg("the parts of request %d differ", n);
}

static void every_view_as_of_t_is_what_was_shown_at_t(void **state)
{
    size_t bytes = 0;
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct random_log *l = log_make(seed + 900, 900);
        struct state *full = log_fold(l, STATE_NOW);
        for (int k = 0; k < 3; k++) {
            int64_t t = l->events[log_pick(l, (uint64_t)l->n)].log_time;
            struct state *cut = log_fold(l, t);
            struct world after, then;
            open_world(&after, full, false, full->last_time);
            open_world(&then, cut, true, t);
            for (int n = 0; nth_request(&after, n, t); n++) {
                nth_request(&then, n, -1);
                int rc = answer(&after);
                assert_int_equal(rc, answer(&then));
                if (rc == 0)
                    same(&after, &then, n);
                else
                    assert_string_equal(after.a.cause, then.a.cause);
                bytes += rc == 0 ? after.a.out.head.len + after.a.out.data.len : 0;
            }
            close_world(&after);
            close_world(&then);
            state_free(cut);
        }
        state_free(full);
        log_free(l);
    }
    assert_true(bytes > 50000);
}

/* ---- a sweep whose truth is known ---- */

static struct random_log *made;
static struct state *made_state_now;

static int make_sweep(void **state)
{
    made = made_sweep(1, 80);
    made_state_now = log_fold(made, STATE_NOW);
    return 0;
}

static int drop_sweep(void **state)
{
    state_free(made_state_now);
    log_free(made);
    return 0;
}

static float cell(const struct world *wd, int column, int row)
{
    struct codec_reader r;
    assert_true(cmap_find(head(wd), "z", &r));
    struct span z = cr_bin(&r);
    float v;
    assert_int_equal(z.n, 40 * 30 * sizeof v);
    memcpy(&v, z.p + (size_t)(row * 40 + column) * sizeof v, sizeof v);
    return v;
}

/* The truth where batch size and optimiser are held. */
static double truth(int column, int row)
{
    struct made_trial t = {pow(10, -5 + 4 * (column + 0.5) / 40), pow(10, -6 + 4 * (row + 0.5) / 30), 16, 1};
    return made_loss(&t);
}

static void the_map_is_near_the_truth(void **state)
{
    struct world wd;
    double error = 0;
    int n = 0;
    open_world(&wd, made_state_now, false, made_state_now->last_time);
    picture(&wd, "lr", "weight_decay", "mean", "best", -1);
    must(&wd);
    for (int c = 0; c < 30; c++) /* left of where trials fail */
        for (int r = 0; r < 30; r++, n++)
            error += fabs((double)cell(&wd, c, r) - truth(c, r));
    assert_true(error / n < 0.05); /* of 0.09 to 0.5 */
    assert_true(cmap_bool(head(&wd), "enough", false));
    assert_true(cmap_double(head(&wd), "z0", 9) > 0.08 && cmap_double(head(&wd), "z0", 9) < 0.13);
    struct span best = cmap_value(head(&wd), "best"), q = cmap_value(head(&wd), "quadratic");
    assert_true(fabs(cmap_double(best, "x", 0) - 0.475) < 0.1 &&
                fabs(cmap_double(best, "y", 0) - 0.75) < 0.15);
    assert_true(cmap_bool(q, "convex", false) && cmap_double(q, "r2", 0) > 0.8);
    assert_true(fabs(cmap_double(q, "x", 0) - 0.475) < 0.1);
    close_world(&wd);
}

static void the_second_picture_costs_no_fit(void **state)
{
    struct world wd;
    open_world(&wd, made_state_now, false, made_state_now->last_time);
    picture(&wd, "lr", "weight_decay", "mean", "best", -1);
    must(&wd);
    const struct surrogate *m = wd.ref.models->slots[0].surrogate;
    assert_non_null(m);
    picture(&wd, "batch_size", "lr", "deviation", "typical", -1);
    must(&wd);
    want(&wd, "importance", 0);
    must(&wd);
    assert_ptr_equal(wd.ref.models->slots[0].surrogate, m);
    assert_true(wd.ref.models->slots[1].fit_key == 0);
    close_world(&wd);
}

static void maximizing_turns_every_sign(void **state)
{
    struct state *up = log_fold(made, STATE_NOW);
    struct world a, b;
    open_world(&a, made_state_now, false, up->last_time);
    open_world(&b, up, false, up->last_time);
    up->info.maximize = true;
    for (int i = 0; i < up->n_trials; i++)
        for (int k = 0; k < up->trials[i]->n_reports; k++)
            up->trials[i]->reports[k].trial_value = -up->trials[i]->reports[k].trial_value;
    picture(&a, "lr", "weight_decay", "mean", "t3", -1);
    picture(&b, "lr", "weight_decay", "mean", "t3", -1);
    must(&a);
    must(&b);
    for (int c = 0; c < 40; c++)
        assert_true(cell(&a, c, 7) == -cell(&b, c, 7));
    assert_true(cmap_double(head(&a), "z0", 0) == -cmap_double(head(&b), "z1", 0));
    assert_true(cmap_double(part(&a, 5), "value", 1) == -cmap_double(part(&b, 5), "value", 1));
    close_world(&a);
    close_world(&b);
    state_free(up);
}

/* ---- steering ---- */

struct box {
    char verb[16], text[64];
    double side[4], weight;
    int64_t left, id;
};

static int boxes(const struct world *wd, struct box *out, int max)
{
    struct codec_reader r;
    assert_true(cmap_find(head(wd), "regions", &r));
    int n = (int)cr_array(&r);
    for (int i = 0; i < n && i < max; i++) {
        assert_int_equal(cr_array(&r), 9);
        span_copy(out[i].verb, sizeof out[i].verb, cr_str(&r));
        span_copy(out[i].text, sizeof out[i].text, cr_str(&r));
        for (int k = 0; k < 4; k++)
            out[i].side[k] = cr_double(&r);
        out[i].weight = cr_double(&r);
        bool none = cr_peek(&r) == CT_NIL;
        out[i].left = none ? -1 : cr_int(&r);
        if (none)
            cr_nil(&r);
        out[i].id = cr_int(&r);
    }
    assert_true(cr_ok(&r));
    return n;
}

static int64_t created(int trial)
{
    return state_trial(made_state_now, trial)->created;
}

static void steering_in_force_is_drawn(void **state)
{
    struct world wd;
    struct box b[8];
    open_world(&wd, made_state_now, false, made_state_now->last_time);
    picture(&wd, "lr", "weight_decay", "mean", "best", created(28));
    must(&wd);
    assert_int_equal(boxes(&wd, b, 8), 0); /* nobody had steered yet */
    picture(&wd, "lr", "optimizer", "mean", "best", created(55));
    must(&wd);
    assert_int_equal(boxes(&wd, b, 8), 3);
    assert_string_equal(b[0].verb, "avoid");
    assert_true(fabs(b[0].side[0] - 0.8693) < 1e-4 && b[0].side[2] == 1 && b[0].side[1] == 0 &&
                b[0].side[3] == 1);
    assert_string_equal(b[1].verb, "focus");
    assert_int_equal(b[1].left, 40 - 11); /* trials 45 to 55 */
    assert_true(b[1].weight == 4);
    assert_string_equal(b[2].text, "optimizer=sgd");
    assert_true(b[2].side[0] == 0 && b[2].side[2] == 1 && b[2].side[1] == 0 && b[2].side[3] == 0.5);
    assert_int_equal(b[2].id, 3);
    picture(&wd, "lr", "optimizer", "mean", "best", created(65));
    must(&wd);
    assert_int_equal(boxes(&wd, b, 8), 2); /* the ban was undone */
    close_world(&wd);
}

static void steering_ends_when_its_asks_are_used_up(void **state)
{
    struct random_log *l = made_sweep(1, 90);
    struct state *s = log_fold(l, STATE_NOW);
    struct world wd;
    struct box b[8];
    open_world(&wd, s, false, s->last_time);
    picture(&wd, "lr", "weight_decay", "mean", "best", -1);
    must(&wd);
    assert_int_equal(boxes(&wd, b, 8), 1);
    assert_string_equal(b[0].verb, "avoid");
    close_world(&wd);
    state_free(s);
    log_free(l);
}

static void a_focus_that_was_given_up_is_not_drawn(void **state)
{
    struct random_log *l = made_sweep(1, 56);
    int64_t before = l->now;
    l->now += 1000000000; /* time stands still but for this */
    struct codec_writer *w = log_begin(l, EV_INTERVENTION, 3);
    cw_kint(w, "id", 2);
    cw_kstr(w, "state", "expired");
    cw_kstr(w, "message", "the focus is given up");
    log_end(l);
    struct state *s = log_fold(l, STATE_NOW);
    struct world wd;
    struct box b[8];
    open_world(&wd, s, false, s->last_time);
    assert_true(s->last_time > before);
    picture(&wd, "lr", "optimizer", "mean", "best", -1);
    must(&wd);
    assert_int_equal(boxes(&wd, b, 8), 2);
    assert_string_equal(b[0].verb, "avoid");
    assert_string_equal(b[1].verb, "ban");
    picture(&wd, "lr", "optimizer", "mean", "best", before);
    must(&wd);
    assert_int_equal(boxes(&wd, b, 8), 3); /* it was in force then */
    assert_string_equal(b[1].verb, "focus");
    close_world(&wd);
    state_free(s);
    log_free(l);
}

/* ---- errors and beginnings ---- */

static void refused(struct world *wd, const char *why)
{
    assert_int_equal(answer(wd), -1);
    assert_string_equal(wd->a.cause, why);
}

static void a_wrong_request_is_said(void **state)
{
    struct world wd;
    open_world(&wd, made_state_now, false, made_state_now->last_time);
    picture(&wd, "lrr", "weight_decay", "mean", "best", -1);
    refused(&wd, "no parameter 'lrr' in this sweep; did you mean 'lr'?");
    picture(&wd, "lr", "lr", "mean", "best", -1);
    refused(&wd, "x and y are both lr");
    picture(&wd, "lr", "", "median", "best", -1);
    refused(&wd, "no layer 'median': there are mean, deviation, acquisition, observed and partial");
    picture(&wd, "lr", "", "mean", "worst", -1);
    refused(&wd, "cannot hold at 'worst': best, typical or a trial");
    picture(&wd, "lr", "", "mean", "t999", -1);
    refused(&wd, "there is no trial t999 to hold the others at");
    struct codec_writer *w = want(&wd, "landscape", 1);
    cw_str(w, "fix");
    cw_map(w, 1);
    cw_kint(w, "batch_size", 17);
    refused(&wd, "batch_size: 17 is not one of its values");
    w = want(&wd, "importance", 1);
    cw_kstr(w, "method", "shapley");
    refused(&wd, "no method 'shapley': there are fanova and quick");
    w = want(&wd, "edf", 1);
    cw_kstr(w, "by", "colour");
    refused(&wd, "cannot group by 'colour': tuner, origin, space_version or a parameter");
    close_world(&wd);
}

static void fixed_values_hold_the_others(void **state)
{
    struct world wd;
    open_world(&wd, made_state_now, false, made_state_now->last_time);
    struct codec_writer *w = want(&wd, "landscape", 3);
    cw_kstr(w, "x", "lr");
    cw_kstr(w, "y", "weight_decay");
    cw_str(w, "fix");
    cw_map(w, 1);
    cw_kint(w, "batch_size", 128);
    must(&wd);
    struct buf b = {0};
    struct json_out j;
    jw_open(&j, &b);
    codec_to_json(cmap_value(head(&wd), "held"), &j);
    assert_non_null(strstr(buf_cstr(&b), "[\"batch_size\",128]"));
    buf_release(&b);
    close_world(&wd);
}

static void a_young_sweep_has_points_and_no_map(void **state)
{
    struct world wd;
    int64_t t = created(6);
    open_world(&wd, made_state_now, false, made_state_now->last_time);
    picture(&wd, "lr", "weight_decay", "mean", "best", t);
    must(&wd);
    assert_false(cmap_bool(head(&wd), "enough", true));
    char why[96];
    assert_true(cmap_strcpy(head(&wd), "why", why, sizeof why));
    assert_non_null(strstr(why, "of at least 5 trials have ended with a value"));
    assert_true(isnan(cell(&wd, 3, 3)));
    assert_int_equal(wd.a.out.count, 7);
    assert_true(cmap_double(part(&wd, 0), "x", -1) > 0);
    struct codec_writer *w = want(&wd, "importance", 1);
    cw_kint(w, "cursor", t);
    must(&wd);
    assert_false(cmap_bool(head(&wd), "enough", true));
    assert_int_equal(wd.a.out.count, 0);
    close_world(&wd);
}

/* ---- insight ---- */

static void what_matters_comes_first(void **state)
{
    struct world wd;
    open_world(&wd, made_state_now, false, made_state_now->last_time);
    want(&wd, "importance", 0);
    must(&wd);
    assert_true(cmap_bool(head(&wd), "enough", false));
    struct span first = cmap_str(part(&wd, 0), "param");
    assert_true(span_eq(first, "lr") || span_eq(first, "weight_decay"));
    double rest = 0;
    for (int i = 0; i < wd.a.out.n_parts; i++)
        if (span_eq(cmap_str(part(&wd, i), "param"), "batch_size") ||
            span_eq(cmap_str(part(&wd, i), "param"), "optimizer"))
            rest += cmap_double(part(&wd, i), "importance", 0);
    assert_true(rest < 0.1);
    close_world(&wd);
}

static void a_distribution_counts_failures(void **state)
{
    struct world wd;
    int64_t n = 0;
    open_world(&wd, made_state_now, false, made_state_now->last_time);
    struct codec_writer *w = want(&wd, "edf", 2);
    cw_kstr(w, "by", "lr");
    cw_kint(w, "columns", 11);
    must(&wd);
    assert_int_equal(wd.a.out.count, 4);
    for (int i = 0; i < 4; i++) {
        struct codec_reader r;
        double share[11], before = 0;
        n += cmap_int(part(&wd, i), "trials", 0);
        assert_true(cmap_find(part(&wd, i), "share", &r));
        struct span v = cr_bin(&r);
        assert_int_equal(v.n, sizeof share);
        memcpy(share, v.p, v.n);
        for (int c = 0; c < 11; c++) {
            assert_true(share[c] >= before && share[c] <= 1);
            before = share[c];
        }
        if (i == 3)
            assert_true(share[10] < 0.95); /* the largest learning rates fail */
    }
    assert_int_equal(n, 76); /* four are still running */
    close_world(&wd);
}

static void put_run(struct random_log *l, int run, int trial, int seed, const char *phase, double value)
{
    struct codec_writer *w = log_begin(l, EV_RUN, 7);
    cw_kint(w, "run", run);
    cw_kint(w, "trial", trial);
    cw_kint(w, "seed", seed);
    cw_kint(w, "epoch", 1);
    cw_kstr(w, "state", "running");
    cw_kstr(w, "worker", "w1");
    cw_kstr(w, "phase", phase);
    log_end(l);
    w = log_begin(l, EV_REPORT, 4);
    cw_kint(w, "run", run);
    cw_kint(w, "epoch", 1);
    cw_kint(w, "step", 1);
    cw_kdouble(w, "value", value);
    log_end(l);
}

static void seeds_spread_and_tests_stand_apart(void **state)
{
    struct random_log *l = MEM_NEW(struct random_log);
    l->still = true;
    l->now = MADE_T0;
    made_begin(l);
    struct made_trial t = {1e-3, 1e-3, 32, 1};
    for (int i = 0; i < 2; i++) {
        made_trial_event(l, i, &t, false);
        made_state(l, i, "running", "");
    }
    put_run(l, 0, 0, 1, "tune", 1);
    put_run(l, 1, 0, 2, "tune", 4);
    put_run(l, 2, 0, 3, "tune", 7);
    put_run(l, 3, 0, 9, "test", 100);
    put_run(l, 4, 1, 1, "tune", 5);
    put_run(l, 5, 0, 2, "tune", 10); /* seed 2 again: the newer counts */
    struct state *s = log_fold(l, STATE_NOW);
    struct world wd;
    open_world(&wd, s, false, s->last_time);
    want(&wd, "seeds", 0);
    must(&wd);
    assert_int_equal(wd.a.out.count, 1); /* trial 1 has one value */
    assert_int_equal(cmap_int(part(&wd, 0), "n", 0), 3);
    assert_true(cmap_double(part(&wd, 0), "mean", 0) == 6);
    assert_true(fabs(cmap_double(part(&wd, 0), "deviation", 0) - sqrt(21)) < 1e-12);
    assert_int_equal(cmap_int(part(&wd, 0), "test_n", 0), 1);
    assert_true(cmap_double(part(&wd, 0), "test_mean", 0) == 100);
    close_world(&wd);
    state_free(s);
    log_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_view_as_of_t_is_what_was_shown_at_t),
        cmocka_unit_test(the_map_is_near_the_truth),
        cmocka_unit_test(the_second_picture_costs_no_fit),
        cmocka_unit_test(maximizing_turns_every_sign),
        cmocka_unit_test(steering_in_force_is_drawn),
        cmocka_unit_test(steering_ends_when_its_asks_are_used_up),
        cmocka_unit_test(a_focus_that_was_given_up_is_not_drawn),
        cmocka_unit_test(a_wrong_request_is_said),
        cmocka_unit_test(fixed_values_hold_the_others),
        cmocka_unit_test(a_young_sweep_has_points_and_no_map),
        cmocka_unit_test(what_matters_comes_first),
        cmocka_unit_test(a_distribution_counts_failures),
        cmocka_unit_test(seeds_spread_and_tests_stand_apart),
    };
    return cmocka_run_group_tests(tests, make_sweep, drop_sweep);
}
