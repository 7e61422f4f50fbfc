/* The table of trials and one trial: order, filter, windows, the tree of groups, what is on its way. */
#include "tests/unit/hub/views_fixture.h"

static void trials_are(struct small *t, const char *sort, const char *filter, const char *ids)
{
    struct buf got = {0};
    struct codec_writer *w = want(&t->a, "trials", 2);
    cw_kstr(w, "sort", sort);
    cw_kstr(w, "filter", filter);
    must(&t->a, &t->wd.ctx);
    for (int i = 0; i < t->a.out.n_parts; i++)
        buf_printf(&got, "%s%lld", i ? " " : "", (long long)cmap_int(part(&t->a, i), "trial", -1));
    if (strcmp(buf_cstr(&got), ids) != 0)
        fail_msg("sort '%s' filter '%s': %s instead of %s", sort, filter, buf_cstr(&got), ids);
    buf_release(&got);
}

static void trials_sort_with_absent_values_last_and_ties_by_id(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    trials_are(&t, "", "", "0 1 2 3 4");
    trials_are(&t, "-trial", "", "4 3 2 1 0");
    trials_are(&t, "value", "", "1 4 0 2 3");
    trials_are(&t, "-value", "", "0 1 4 2 3");
    trials_are(&t, "lr", "", "3 1 4 0 2");
    trials_are(&t, "-lr", "", "2 0 4 1 3");
    trials_are(&t, "opt", "", "1 3 0 2 4");
    trials_are(&t, "state", "", "3 1 0 4 2");
    trials_are(&t, "note", "", "1 4 0 2 3");
    trials_are(&t, "nonsense", "", "0 1 2 3 4");
    small_end(&t);
    small_begin(&t, "maximize");
    trials_are(&t, "value", "", "0 1 4 2 3");
    trials_are(&t, "-value", "", "1 4 0 2 3");
    small_end(&t);
}

static void trials_filter_by_columns_params_and_remarks(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    trials_are(&t, "", "state=run", "1");
    trials_are(&t, "", "st=run", "1");
    trials_are(&t, "", "lr<0.05", "1 3 4");
    trials_are(&t, "", "opt=adam -tag:base", "3");
    trials_are(&t, "", "value=nil", "2 3");
    trials_are(&t, "", "val_err<0.4", "1 4");
    trials_are(&t, "", "note:odd", "1 4");
    trials_are(&t, "", "adam", "1 3");
    trials_are(&t, "", "t4|base", "1 4");
    trials_are(&t, "", "seconds>=10 value>0", "0 1 4");
    want(&t.a, "trials", 1);
    cw_kstr(&t.a.w, "filter", "lr<");
    assert_int_equal(answer(&t.a, &t.wd.ctx), -1);
    assert_string_equal(t.a.cause, "filter: a value is missing at column 4");
    small_end(&t);
}

static void trials_answer_a_window(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    struct codec_writer *w = want(&t.a, "trials", 5);
    cw_kstr(w, "sort", "value");
    cw_kint(w, "from", 1);
    cw_kint(w, "rows", 2);
    cw_kint(w, "follow", 0);
    cw_kint(w, "spark", 4);
    must(&t.a, &t.wd.ctx);
    assert_int_equal(t.a.out.n_parts, 2);
    assert_int_equal(t.a.out.count, 5);
    assert_int_equal(cmap_int(head(&t.a), "index", -1), 2);
    assert_int_equal(cmap_int(head(&t.a), "total", -1), 5);
    struct span row = part(&t.a, 0);
    assert_int_equal(cmap_int(row, "trial", -1), 4);
    assert_true(span_eq(cmap_str(row, "state"), "done"));
    assert_true(cmap_double(row, "value", 0) == 0.3);
    assert_int_equal(cmap_int(row, "step", 0), 100);
    assert_true(cmap_double(row, "seconds", 0) > 9 && cmap_double(row, "seconds", 0) <= 10);
    assert_true(cmap_double(row, "progress", 0) == 1);
    assert_true(cmap_double(cmap_value(row, "params"), "lr", 0) == 0.03);
    assert_true(span_eq(cmap_str(row, "note"), "odd \x1b[31m"));
    assert_int_equal(cmap_int(row, "changed", 0), T0 + 10 * CLOCK_S);
    struct codec_reader r;
    assert_true(cmap_find(row, "energy_j", &r) && cr_peek(&r) == CT_NIL);
    assert_true(cmap_find(row, "spark", &r) && cr_array(&r) == 4);
    assert_true(cr_double(&r) == 0.3);
    small_end(&t);
}

/* Only the window is put in order, by a short cut; it must be the slice of the whole order. */
static void a_window_is_a_slice_of_the_whole_order(void **state)
{
    (void)state;
    static const char *const sorts[] = {"value", "-value", "lr",     "-units", "opt",
                                        "-opt",  "state",  "-trial", ""};
    struct random_log *l = MEM_NEW(struct random_log);
    rng_seed(&l->rng, 5);
    l->now = T0;
    log_sweep(l);
    for (int i = 0; i < 700; i++)
        log_trial(l);
    log_run(l);
    for (int i = 0; i < 3000; i++)
        i % 3 ? log_run(l) : log_report(l);
    struct state *s = log_fold(l, STATE_NOW);
    struct world wd;
    struct asked all = {0}, some = {0};
    world_of(&wd, s, false, 0);
    for (int k = 0; k < 200; k++) {
        const char *sort = sorts[k % 9];
        int from = (int)log_pick(l, k % 2 ? 30 : 720), rows = 1 + (int)log_pick(l, 60),
            follow = (int)log_pick(l, 700);
        cw_kstr(want(&all, "trials", 1), "sort", sort);
        must(&all, &wd.ctx);
        struct codec_writer *w = want(&some, "trials", 4);
        cw_kstr(w, "sort", sort);
        cw_kint(w, "from", from);
        cw_kint(w, "rows", rows);
        cw_kint(w, "follow", follow);
        must(&some, &wd.ctx);
        assert_int_equal(all.out.n_parts, 700);
        assert_int_equal(some.out.n_parts, from >= 700 ? 0 : from + rows > 700 ? 700 - from : rows);
        for (int i = 0; i < some.out.n_parts; i++)
            assert_int_equal(cmap_int(part(&some, i), "trial", -1),
                             cmap_int(part(&all, from + i), "trial", -2));
        int64_t index = cmap_int(head(&some), "index", -1);
        assert_int_equal(cmap_int(part(&all, (int)index), "trial", -1), follow);
    }
    done(&all);
    done(&some);
    state_free(s);
    log_free(l);
}

static void trial_shows_what_is_on_its_way(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    struct codec_writer *w = log_begin(t.l, EV_DECLARE, 8);
    cw_kint(w, "run", 1);
    cw_kint(w, "epoch", 1);
    cw_kstr(w, "name", "lr");
    cw_kstr(w, "type", "float");
    cw_kdouble(w, "low", 1e-5);
    cw_kdouble(w, "high", 1);
    cw_kbool(w, "live", true);
    cw_kdouble(w, "value", 0.01);
    log_end(t.l);
    struct event ev = log_event(t.l, t.l->n - 1);
    assert_int_equal(state_apply(t.s, &ev), 0);
    w = want(&t.a, "trial", 1);
    cw_kint(w, "trial", 1);
    must(&t.a, &t.wd.ctx);
    struct codec_reader r;
    assert_true(cmap_find(part(&t.a, 0), "live", &r));
    assert_int_equal(cr_array(&r), 1);
    struct span live = cr_value(&r);
    assert_true(span_eq(cmap_str(live, "name"), "lr"));
    assert_true(cmap_double(live, "value", 0) == 0.01);
    assert_true(cmap_double(live, "pending", 0) == 0.002);
    assert_true(span_eq(cmap_str(live, "state"), "sent"));
    w = want(&t.a, "trial", 1);
    cw_kint(w, "trial", 0);
    must(&t.a, &t.wd.ctx);
    assert_true(cmap_find(part(&t.a, 0), "diff", &r) && cr_array(&r) == 2); /* lr and opt differ from t1 */
    w = want(&t.a, "trial", 1);
    cw_kint(w, "trial", 99);
    assert_int_equal(answer(&t.a, &t.wd.ctx), -1);
    assert_string_equal(t.a.cause, "there is no trial t99 in digits");
    small_end(&t);
}

/* The program's answer that it runs with lr = value from here on. */
static void lr_became(struct small *t, double value)
{
    t->l->now += CLOCK_S;
    struct codec_writer *w = log_begin(t->l, EV_COMMAND, 8);
    cw_kint(w, "run", 1);
    cw_kint(w, "epoch", 1);
    cw_kint(w, "command", 0);
    cw_kstr(w, "state", "applied");
    cw_kstr(w, "param", "lr");
    cw_kdouble(w, "old", 0.01);
    cw_kdouble(w, "new", value);
    cw_kint(w, "step", 5);
    log_end(t->l);
    struct event ev = log_event(t->l, t->l->n - 1);
    assert_int_equal(state_apply(t->s, &ev), 0);
}

static struct span live_of_t1(struct small *t, int64_t cursor)
{
    struct codec_writer *w = want(&t->a, "trials", 2);
    cw_kstr(w, "filter", "trial=1");
    cw_kint(w, "cursor", cursor);
    must(&t->a, &t->wd.ctx);
    assert_int_equal(t->a.out.n_parts, 1);
    return cmap_value(part(&t->a, 0), "live");
}

static void trials_say_which_parameters_were_changed_live(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    struct codec_reader r;
    struct span live = live_of_t1(&t, -1);
    cr_init(&r, live.p, live.n);
    assert_true(cr_peek(&r) == CT_MAP && cr_map(&r) == 0);
    int64_t before = t.l->now;
    lr_became(&t, 0.002);
    lr_became(&t, 0.003);
    live = live_of_t1(&t, -1);
    cr_init(&r, live.p, live.n);
    assert_int_equal(cr_map(&r), 1);
    assert_true(cmap_double(live, "lr", 0) == 0.003);
    assert_true(cmap_double(cmap_value(part(&t.a, 0), "params"), "lr", 0) == 0.01); /* as proposed */
    live = live_of_t1(&t, before);
    assert_true(isnan(cmap_double(live, "lr", NAN)));
    lr_became(&t, 0.01); /* back at what was proposed */
    live = live_of_t1(&t, -1);
    cr_init(&r, live.p, live.n);
    assert_int_equal(cr_map(&r), 0);
    small_end(&t);
}

/* ---- the tree ---- */

static struct codec_writer *want_groups(struct small *t, const char *by, int64_t folded, int64_t follow)
{
    struct codec_writer *w = want(&t->a, "trials", folded ? 5 : 4);
    cw_kstr(w, "sort", "value");
    cw_kstr(w, "group", by);
    cw_kint(w, "follow", follow);
    cw_kint(w, "rows", 0);
    if (folded) {
        cw_str(w, "folded");
        cw_array(w, 1);
        cw_int(w, folded);
    }
    return w;
}

/* "(a) 1 4 (b) 0": groups by label, trials by number. */
static void tree_is(struct small *t, const char *wanted)
{
    char got[300] = "";
    size_t n = 0;
    must(&t->a, &t->wd.ctx);
    for (int i = 0; i < t->a.out.n_parts; i++) {
        struct span row = part(&t->a, i), label = cmap_str(row, "group");
        if (label.p)
            n += (size_t)snprintf(got + n, sizeof got - n, "%s(%.*s)", n ? " " : "", (int)label.n, label.p);
        else
            n += (size_t)snprintf(got + n, sizeof got - n, "%s%d", n ? " " : "", (int)cmap_int(row, "trial", -1));
    }
    assert_string_equal(got, wanted);
}

static void a_tree_has_a_line_for_each_value_and_its_trials_below(void **state)
{
    struct small t;
    small_begin(&t, "minimize");
    want_groups(&t, "opt", 0, 0);
    tree_is(&t, "(adam) 1 3 (sgd) 4 0 2");
    struct span g = part(&t.a, 0);
    int64_t id = cmap_int(g, "trial", 0);
    assert_true(id < -1);
    assert_int_equal(t.a.out.count, t.a.out.n_parts);
    int64_t shown = cmap_int(head(&t.a), "shown", -1);
    assert_int_equal(shown, 5); /* the trials, whatever the lines are */
    want_groups(&t, "opt", id, id);
    tree_is(&t, "(adam) (sgd) 4 0 2");
    assert_int_equal(cmap_int(head(&t.a), "index", -1), 0); /* the same id, and it is followed */
    assert_true(cmap_bool(part(&t.a, 0), "folded", false));
    small_end(&t);
}

static void a_groups_line_adds_its_trials_up(void **state)
{
    struct small t;
    small_begin(&t, "minimize");
    want_groups(&t, "origin", 0, 0);
    must(&t.a, &t.wd.ctx);
    struct span g = part(&t.a, 0);
    assert_int_equal(cmap_int(g, "trials", 0), 5);
    assert_int_equal(cmap_int(g, "running", -1), 1);
    assert_true(fabs(cmap_double(g, "value", NAN) - 0.3) < 1e-12);
    assert_true(fabs(cmap_double(g, "mean", NAN) - (0.5 + 0.3 + 0.3) / 3) < 1e-12);
    assert_int_equal(cmap_int(g, "best_trial", -1), 1);
    small_end(&t);
}

static void other_columns_come_by_name(void **state)
{
    struct small t;
    small_begin(&t, "minimize");
    struct codec_writer *w = want(&t.a, "trials", 1);
    cw_str(w, "extra");
    cw_array(w, 3);
    cw_str(w, "origin");
    cw_str(w, "lr");
    cw_str(w, "no such thing");
    must(&t.a, &t.wd.ctx);
    for (int i = 0; i < t.a.out.n_parts; i++) {
        struct codec_reader r;
        struct span row = part(&t.a, i);
        assert_true(cmap_find(row, "extra", &r));
        assert_int_equal(cr_array(&r), 3);
        assert_true(cr_str(&r).n > 0);
        assert_true(cr_double(&r) == cmap_double(cmap_value(row, "params"), "lr", NAN));
        assert_int_equal(cr_peek(&r), CT_NIL);
    }
    small_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trials_sort_with_absent_values_last_and_ties_by_id),
        cmocka_unit_test(trials_filter_by_columns_params_and_remarks),
        cmocka_unit_test(trials_answer_a_window),
        cmocka_unit_test(a_window_is_a_slice_of_the_whole_order),
        cmocka_unit_test(trial_shows_what_is_on_its_way),
        cmocka_unit_test(trials_say_which_parameters_were_changed_live),
        cmocka_unit_test(a_tree_has_a_line_for_each_value_and_its_trials_below),
        cmocka_unit_test(a_groups_line_adds_its_trials_up),
        cmocka_unit_test(other_columns_come_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
