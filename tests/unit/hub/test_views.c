/* The views: that each is a function of (log, cursor), what the header and the lists say, and the sentences of refusals. */
#include "tests/unit/hub/views_fixture.h"

/* ---- as of T ---- */

/* The requests that are compared; n counts them. */
static bool nth_request(struct asked *a, int n, int64_t cursor, int trial)
{
    static const char *const plain[] = {"sweeps",        "runs",    "arms",    "workers",
                                        "interventions", "metrics", "summary", "best",
                                        "arms_history",  "events",  "rungs",
                                        "hosts",         "alerts"};
    static const char *const sorts[] = {"",      "value",  "-value",  "lr",       "-units", "opt",
                                        "state", "-trial", "started", "val_loss", "note"};
    static const char *const filters[] = {
        "", "state=run", "lr<0.1 -tag:debug", "val_loss<0.5|opt:ad", "note:look", "-state=waiting"};
    int n_plain = sizeof plain / sizeof *plain, n_sorts = sizeof sorts / sizeof *sorts;
    struct codec_writer *w;
    if (n < n_plain) {
        w = want(a, plain[n], 3);
        cw_kint(w, "columns", 33);
        cw_str(w, "rules");
        cw_array(w, 3);
        cw_str(w, "val_loss > 0.5");
        cw_str(w, "best improves");
        cw_str(w, "state is failed");
    } else if ((n -= n_plain) < n_sorts) {
        w = want(a, "trials", 7);
        cw_kstr(w, "group", n % 3 == 2 ? "opt" : "");
        cw_kstr(w, "sort", sorts[n]);
        cw_kstr(w, "filter", filters[n % 6]);
        cw_kint(w, "from", n % 3);
        cw_kint(w, "rows", n % 4 * 10);
        cw_kint(w, "spark", 12);
    } else if ((n -= n_sorts) < 6) {
        static const char *const by[] = {"trial", "lr", "opt"};
        w = want(a, "curve", 6);
        cw_kint(w, "best", 12);
        cw_kstr(w, "group", by[n % 3]);
        cw_kstr(w, "x", n < 3 ? "step" : "time");
        cw_kstr(w, "metric", n & 1 ? "train_loss" : "");
        cw_kint(w, "columns", 40);
    } else if ((n -= 6) < 4) {
        w = want(a, "curve", 5);
        cw_str(w, "trials");
        cw_array(w, 2);
        cw_int(w, trial);
        cw_int(w, 0);
        cw_kstr(w, "x", n & 1 ? "time" : "step");
        cw_kstr(w, "metric", n & 2 ? "train_loss" : "");
        cw_kint(w, "columns", 40);
    } else if ((n -= 4) < 2) {
        w = want(a, n ? "text" : "trial", 3);
        cw_kint(w, "trial", trial);
        cw_kint(w, "spark", 7);
    } else {
        return false;
    }
    cw_kint(w, "cursor", cursor);
    return true;
}

static void same_heads(struct span a, struct span b, const char *view, bool live)
{
    /* How far the log goes, and from where one looks, is not what was seen. */
    static const char *const about_now[] = {"last",        "live",    "cursor", "budget",
                                            "concurrency", "explore", "eta"};
    struct codec_reader r;
    cr_init(&r, a.p, a.n);
    for (size_t n = cr_map(&r); n > 0; n--) {
        char key[32];
        span_copy(key, sizeof key, cr_str(&r));
        struct span x = cr_value(&r), y = cmap_value(b, key);
        bool skip = false;
        for (size_t i = 0; i < (live ? 7 : 1); i++)
            skip |= strcmp(view, "summary") == 0 && strcmp(key, about_now[i]) == 0;
        if (!skip && (x.n != y.n || memcmp(x.p, y.p, x.n) != 0))
            fail_msg("%s: head.%s differs", view, key);
    }
    assert_true(cr_ok(&r));
}

static void same_answer(const struct asked *a, const struct asked *b, int n, bool live)
{
    char view[32];
    cmap_strcpy((struct span){(const char *)a->request.data, a->request.len}, "view", view, sizeof view);
    same_heads(head(a), head(b), view, live);
    assert_int_equal(a->out.count, b->out.count);
    assert_int_equal(a->out.n_parts, b->out.n_parts);
    for (int i = 0; i < a->out.n_parts; i++) {
        struct span x = part(a, i), y = part(b, i);
        if (x.n == y.n && memcmp(x.p, y.p, x.n) == 0)
            continue;
        struct buf ja = {0}, jb = {0};
        struct json_out j;
        jw_open(&j, &ja);
        codec_to_json(x, &j);
        jw_open(&j, &jb);
        codec_to_json(y, &j);
        print_error("after: %s\n", buf_cstr(&ja));
        print_error("then:  %s\n", buf_cstr(&jb));
        fail_msg("request %d, %s row %d differs", n, view, i);
    }
}

static void every_view_as_of_t_is_what_was_shown_at_t(void **state)
{
    (void)state;
    int rows = 0;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct random_log *l = log_make(seed + 300, 1500);
        struct state *full = log_fold(l, STATE_NOW);
        for (int k = 0; k < 6; k++) {
            int64_t t = l->events[log_pick(l, (uint64_t)l->n)].log_time - (int64_t)log_pick(l, 2) * 1000;
            if (t < l->events[0].log_time)
                continue;
            struct state *cut = log_fold(l, t);
            struct world after, then, lively;
            struct asked a = {0}, b = {0};
            world_of(&after, full, false, full->last_time);
            world_of(&then, cut, false, t);
            world_of(&lively, cut, true, t);
            int trial = cut->n_trials ? (int)log_pick(l, (uint64_t)cut->n_trials) : 0;
            for (int n = 0; nth_request(&a, n, t, trial); n++) {
                nth_request(&b, n, t, trial);
                int rc = answer(&a, &after.ctx);
                assert_int_equal(rc, answer(&b, &then.ctx));
                if (rc != 0) {
                    assert_null(state_trial(cut, trial));
                    continue;
                }
                same_answer(&a, &b, n, false);
                nth_request(&b, n, -1, trial); /* a live console at that moment */
                must(&b, &lively.ctx);
                same_answer(&a, &b, n, true);
                rows += a.out.n_parts;
            }
            done(&a);
            done(&b);
            state_free(cut);
        }
        state_free(full);
        log_free(l);
    }
    assert_true(rows > 5000);
}

static void summary_counts_and_estimates(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    want(&t.a, "summary", 0);
    must(&t.a, &t.wd.ctx);
    struct span h = head(&t.a), counts = cmap_value(h, "counts");
    assert_int_equal(cmap_int(counts, "done", -1), 2);
    assert_int_equal(cmap_int(counts, "running", -1), 1);
    assert_int_equal(cmap_int(counts, "failed", -1), 1);
    assert_int_equal(cmap_int(counts, "waiting", -1), 1);
    assert_int_equal(cmap_int(h, "trials", -1), 5);
    assert_int_equal(cmap_int(h, "best_trial", -1), 1);
    assert_true(cmap_double(h, "best", 0) == 0.3);
    assert_true(cmap_double(cmap_value(h, "best_params"), "lr", 0) == 0.01);
    assert_true(cmap_double(h, "elapsed", 0) == 20);
    /* three left at 10 s each, of which the running one has done 20: (30 - 20) / 2 at once */
    assert_true(cmap_double(h, "eta", 0) >= 4 && cmap_double(h, "eta", 0) <= 5);
    assert_int_equal(cmap_int(h, "now", 0), T0 + 20 * CLOCK_S);
    struct codec_reader r;
    assert_true(cmap_find(h, "params", &r) && cr_array(&r) == 2);
    assert_true(span_eq(cr_str(&r), "lr"));
    small_end(&t);
}

static void best_and_events_follow_the_incumbent(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    want(&t.a, "best", 1);
    cw_kint(&t.a.w, "columns", 10);
    must(&t.a, &t.wd.ctx);
    assert_true(cell(head(&t.a), "value", 9) == 0.3);
    want(&t.a, "events", 1);
    cw_kint(&t.a.w, "columns", 10);
    must(&t.a, &t.wd.ctx);
    static const char *const kinds[] = {"best",         "best",         "fail", "intervention",
                                        "intervention", "intervention", "hub"};
    assert_int_equal(t.a.out.n_parts, 7);
    for (int i = 0; i < 7; i++)
        assert_true(span_eq(cmap_str(part(&t.a, i), "kind"), kinds[i]));
    assert_true(span_eq(cmap_str(part(&t.a, 1), "text"), "t1 0.3"));
    assert_true(span_eq(cmap_str(part(&t.a, 5), "text"), "alice set 1 lr=0.002 (sent)"));
    double sum = 0;
    for (int i = 0; i < 10; i++)
        sum += cell(head(&t.a), "density", i);
    assert_true(sum == 5 + 4 + 3 + 3 + 3); /* chosen, running, reports, ends, interventions */
    small_end(&t);
}

static void text_scrolls_back(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    struct buf text = {0};
    for (int i = 0; i < 50; i++)
        buf_printf(&text, "line %d\n", i);
    struct codec_writer *w = log_begin(t.l, EV_TEXT, 4);
    cw_kint(w, "run", 0);
    cw_kint(w, "epoch", 1);
    cw_kstr(w, "stream", "err");
    cw_kstr(w, "text", buf_cstr(&text));
    log_end(t.l);
    buf_release(&text);
    struct event ev = log_event(t.l, t.l->n - 1);
    assert_int_equal(state_apply(t.s, &ev), 0);
    w = want(&t.a, "text", 3);
    cw_kint(w, "trial", 0);
    cw_kint(w, "lines", 5);
    cw_kint(w, "before", 20);
    must(&t.a, &t.wd.ctx);
    assert_int_equal(t.a.out.n_parts, 5);
    assert_int_equal(cmap_int(part(&t.a, 0), "index", -1), 15);
    assert_true(span_eq(cmap_str(part(&t.a, 4), "text"), "line 19"));
    assert_true(span_eq(cmap_str(part(&t.a, 4), "stream"), "err"));
    assert_int_equal(cmap_int(head(&t.a), "end", 0), 50);
    w = want(&t.a, "text", 2);
    cw_kint(w, "run", 0);
    cw_kint(w, "lines", 5);
    must(&t.a, &t.wd.ctx);
    assert_true(span_eq(cmap_str(part(&t.a, 4), "text"), "line 49"));
    small_end(&t);
}

static void lists_take_filters_and_orders_too(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    struct codec_writer *w = want(&t.a, "runs", 3);
    cw_kstr(w, "filter", "trial>0 state=running");
    cw_kstr(w, "sort", "-run");
    cw_kint(w, "rows", 2);
    must(&t.a, &t.wd.ctx);
    assert_int_equal(t.a.out.count, 3);
    assert_int_equal(t.a.out.n_parts, 2);
    assert_int_equal(cmap_int(part(&t.a, 0), "run", -1), 4);
    want(&t.a, "interventions", 1);
    cw_kstr(&t.a.w, "filter", "verb=set");
    must(&t.a, &t.wd.ctx);
    assert_int_equal(t.a.out.n_parts, 1);
    assert_int_equal(cmap_int(part(&t.a, 0), "id", 0), 3);
    assert_true(span_eq(cmap_str(part(&t.a, 0), "state"), "sent"));
    want(&t.a, "metrics", 1);
    cw_kstr(&t.a.w, "filter", "metric=val_err last<0.4");
    must(&t.a, &t.wd.ctx);
    assert_int_equal(t.a.out.n_parts, 2);
    small_end(&t);
}

static void unknown_things_have_one_clear_sentence(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    static const struct {
        const char *view, *sweep, *cause;
    } rows[] = {
        {"landscapes", "", "there is no view called 'landscapes'"},
        {"trials", "other", "no sweep is called 'other': hypertop ls sweeps lists them"},
        {"text", "digits", "there is no trial t-1 in digits"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        want(&t.a, rows[i].view, 1);
        cw_kstr(&t.a.w, "sweep", rows[i].sweep);
        assert_int_equal(answer(&t.a, &t.wd.ctx), -1);
        assert_string_equal(t.a.cause, rows[i].cause);
    }
    t.wd.ctx.n_sweeps = 0;
    want(&t.a, "trials", 0);
    assert_int_equal(answer(&t.a, &t.wd.ctx), -1);
    assert_non_null(strstr(t.a.cause, "no sweep yet"));
    want(&t.a, "sweeps", 0);
    must(&t.a, &t.wd.ctx);
    assert_int_equal(t.a.out.count, 0);
    small_end(&t);
}

static void a_sweep_is_found_by_name_prefix_or_recording(void **state)
{
    (void)state;
    static const char *const names[] = {"digits", "digits-wide", "relax", "digits"};
    struct sweep_ref ref[4], *refs[4];
    for (int i = 0; i < 4; i++) {
        ref[i] = (struct sweep_ref){.state = state_new(),
                                    .recording = i == 2 ? "/data/a/relax-7.mcap" : "/data/x.mcap"};
        ref[i].state->info.name = mem_str(names[i]);
        refs[i] = &ref[i];
    }
    struct views_ctx ctx = {.sweeps = refs, .n_sweeps = 4};
    char *cause = NULL;
    assert_ptr_equal(views_pick(&ctx, NULL, &cause), &ref[3]);
    assert_ptr_equal(views_pick(&ctx, "digits", &cause), &ref[3]);
    assert_ptr_equal(views_pick(&ctx, "digits-", &cause), &ref[1]);
    assert_ptr_equal(views_pick(&ctx, "re", &cause), &ref[2]);
    assert_ptr_equal(views_pick(&ctx, "/data/a/relax-7.mcap", &cause), &ref[2]);
    assert_ptr_equal(views_pick(&ctx, "relax-7.mcap", &cause), &ref[2]);
    assert_null(views_pick(&ctx, "dig", &cause));
    assert_non_null(strstr(cause, "2 sweeps"));
    free(cause);
    for (int i = 0; i < 4; i++)
        state_free(ref[i].state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_view_as_of_t_is_what_was_shown_at_t),
        cmocka_unit_test(summary_counts_and_estimates),
        cmocka_unit_test(best_and_events_follow_the_incumbent),
        cmocka_unit_test(text_scrolls_back),
        cmocka_unit_test(lists_take_filters_and_orders_too),
        cmocka_unit_test(unknown_things_have_one_clear_sentence),
        cmocka_unit_test(a_sweep_is_found_by_name_prefix_or_recording),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
