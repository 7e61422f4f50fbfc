/* The views: that each is a function of (log, cursor), and what the rows and columns say. */
#include "hub/views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "proto/view.h"
#include "tests/unit/hub/random_log.h"

/* ---- asking ---- */

struct asked {
    struct buf request;
    struct codec_writer w;
    struct view_out out;
    char *cause;
};

static struct codec_writer *want(struct asked *a, const char *view, size_t pairs)
{
    buf_clear(&a->request);
    cw_init(&a->w, &a->request);
    cw_map(&a->w, pairs + 1);
    cw_kstr(&a->w, "view", view);
    return &a->w;
}

static int answer(struct asked *a, const struct views_ctx *ctx)
{
    free(a->cause);
    a->cause = NULL;
    return views_answer(ctx, (struct span){(const char *)a->request.data, a->request.len}, &a->out,
                        &a->cause);
}

static void must(struct asked *a, const struct views_ctx *ctx)
{
    if (answer(a, ctx) != 0)
        fail_msg("%s", a->cause);
    assert_true(codec_valid(a->out.head.data, a->out.head.len, NULL));
    for (int i = 0; i < a->out.n_parts; i++) {
        assert_int_equal(a->out.parts[i].index, i);
        assert_true(codec_valid(a->out.data.data + a->out.parts[i].off, a->out.parts[i].len, NULL));
    }
}

static struct span head(const struct asked *a)
{
    return (struct span){(const char *)a->out.head.data, a->out.head.len};
}

static struct span part(const struct asked *a, int i)
{
    assert_in_range(i, 0, a->out.n_parts - 1);
    return (struct span){(const char *)a->out.data.data + a->out.parts[i].off, a->out.parts[i].len};
}

static void done(struct asked *a)
{
    buf_release(&a->request);
    view_out_release(&a->out);
    free(a->cause);
    memset(a, 0, sizeof *a);
}

/* One sweep around a state. */
struct world {
    struct sweep_ref ref;
    struct sweep_ref *refs[1];
    struct views_ctx ctx;
};

static void world_of(struct world *wd, struct state *s, bool live, int64_t now)
{
    memset(wd, 0, sizeof *wd);
    wd->ref = (struct sweep_ref){.state = s,
                                 .recording = "/data/made-up.mcap",
                                 .max_fidelity = 100,
                                 .live = live,
                                 .budget = s->info.budget,
                                 .concurrency = s->info.workers,
                                 .explore = 1};
    wd->refs[0] = &wd->ref;
    wd->ctx = (struct views_ctx){.sweeps = wd->refs, .n_sweeps = 1, .hub = "test", .now = now};
}

/* ---- as of T ---- */

/* The requests that are compared; n counts them. */
static bool nth_request(struct asked *a, int n, int64_t cursor, int trial)
{
    static const char *const plain[] = {"sweeps",        "runs",    "arms",    "workers",
                                        "interventions", "metrics", "summary", "best",
                                        "arms_history",  "events",  "rungs"};
    static const char *const sorts[] = {"",      "value",  "-value",  "lr",       "-units", "opt",
                                        "state", "-trial", "started", "val_loss", "note"};
    static const char *const filters[] = {
        "", "state=run", "lr<0.1 -tag:debug", "val_loss<0.5|opt:ad", "note:look", "-state=waiting"};
    int n_plain = sizeof plain / sizeof *plain, n_sorts = sizeof sorts / sizeof *sorts;
    struct codec_writer *w;
    if (n < n_plain) {
        w = want(a, plain[n], 2);
        cw_kint(w, "columns", 33);
    } else if ((n -= n_plain) < n_sorts) {
        w = want(a, "trials", 6);
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

/* ---- a small sweep by hand: t0 done .5, t1 running .3, t2 failed, t3 waiting, t4 done .3 ---- */

#define T0 INT64_C(1700000000000000000)

static void put_trial(struct random_log *l, int id, double lr, const char *opt)
{
    struct codec_writer *w = log_begin(l, EV_TRIAL, 3);
    cw_kint(w, "trial", id);
    cw_kstr(w, "origin", "tuner");
    cw_str(w, "params");
    cw_map(w, 2);
    cw_kdouble(w, "lr", lr);
    cw_kstr(w, "opt", opt);
    log_end(l);
}

static void put_state(struct random_log *l, int id, const char *to)
{
    struct codec_writer *w = log_begin(l, EV_TRIAL_STATE, 2);
    cw_kint(w, "trial", id);
    cw_kstr(w, "state", to);
    log_end(l);
}

static void put_run(struct random_log *l, int id, const char *to)
{
    struct codec_writer *w = log_begin(l, EV_RUN, 6);
    cw_kint(w, "run", id);
    cw_kint(w, "trial", id);
    cw_kint(w, "seed", 7);
    cw_kint(w, "epoch", 1);
    cw_kstr(w, "worker", "w1");
    cw_kstr(w, "state", to);
    log_end(l);
}

static void put_report(struct random_log *l, int run, int step, double v)
{
    struct codec_writer *w = log_begin(l, EV_REPORT, 4);
    cw_kint(w, "run", run);
    cw_kint(w, "epoch", 1);
    cw_kint(w, "step", step);
    cw_kdouble(w, "value", v);
    log_end(l);
}

static void put_iv(struct random_log *l, int id, const char *verb, const char *target, const char *key,
                   const char *text, const char *to)
{
    struct codec_writer *w = log_begin(l, EV_INTERVENTION, 6);
    cw_kint(w, "id", id);
    cw_kstr(w, "who", "alice");
    cw_kstr(w, "verb", verb);
    cw_kstr(w, "target", target);
    cw_str(w, "args");
    cw_map(w, 1);
    cw_str(w, key);
    if (strcmp(key, "add") == 0) {
        cw_array(w, 1);
        cw_str(w, text);
    } else if (strcmp(key, "params") == 0) {
        cw_map(w, 1);
        cw_kdouble(w, text, 0.002);
    } else {
        cw_str(w, text);
    }
    cw_kstr(w, "state", to);
    log_end(l);
}

static struct random_log *small_log(const char *goal)
{
    struct random_log *l = MEM_NEW(struct random_log);
    l->now = T0;
    l->still = true;
    struct codec_writer *w = log_begin(l, EV_SWEEP, 6);
    cw_kstr(w, "sweep", "digits");
    cw_kstr(w, "metric", "val_err");
    cw_kstr(w, "goal", goal);
    cw_kstr(w, "tuner", "random");
    cw_kint(w, "budget", 6);
    cw_kint(w, "workers", 2);
    log_end(l);
    static const double lrs[] = {0.1, 0.01, 0.3, 0.001, 0.03};
    for (int i = 0; i < 5; i++)
        put_trial(l, i, lrs[i], i % 2 ? "adam" : "sgd");
    for (int i = 0; i < 5; i++)
        if (i != 3) {
            put_state(l, i, "running");
            put_run(l, i, "running");
        }
    put_report(l, 0, 100, 0.5);
    l->now += CLOCK_S;
    put_report(l, 1, 50, 0.3);
    put_report(l, 4, 100, 0.3);
    l->now = T0 + 10 * CLOCK_S;
    put_state(l, 0, "done");
    put_state(l, 2, "failed");
    put_state(l, 4, "done");
    put_iv(l, 1, "tag", "1", "add", "base", "applied");
    put_iv(l, 2, "note", "t1,t4", "text", "odd \x1b[31m", "applied");
    put_iv(l, 3, "set", "1", "params", "lr", "sent");
    l->now = T0 + 20 * CLOCK_S;
    log_begin(l, EV_HUB, 1);
    cw_kstr(&l->w, "what", "started");
    log_end(l);
    return l;
}

struct small {
    struct random_log *l;
    struct state *s;
    struct world wd;
    struct asked a;
};

static void small_begin(struct small *t, const char *goal)
{
    memset(t, 0, sizeof *t);
    t->l = small_log(goal);
    t->s = log_fold(t->l, STATE_NOW);
    world_of(&t->wd, t->s, false, 0);
}

static void small_end(struct small *t)
{
    done(&t->a);
    state_free(t->s);
    log_free(t->l);
}

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

static double cell(struct span map, const char *key, int i)
{
    struct codec_reader r;
    double v;
    assert_true(cmap_find(map, key, &r));
    struct span b = cr_bin(&r);
    assert_true(cr_ok(&r) && b.n >= (size_t)(i + 1) * sizeof v);
    memcpy(&v, b.p + (size_t)i * sizeof v, sizeof v);
    return v;
}

static void curve_has_columns_gaps_and_the_step_of_the_first_nan(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    int64_t steps[8], times[8];
    double values[8];
    for (int i = 0; i < 8; i++) {
        steps[i] = i < 4 ? i : i + 92; /* 0..3 and 96..99 */
        times[i] = T0 + i * CLOCK_S;
        values[i] = i == 6 ? NAN : i;
    }
    struct buf c = {0};
    points_begin(&c);
    points_add(&c, "loss", 8, steps, times, values);
    struct codec_writer *w = log_begin(t.l, EV_POINTS, 3);
    cw_kint(w, "run", 1);
    cw_kint(w, "epoch", 1);
    cw_str(w, "c");
    cw_bin(w, c.data, c.len);
    log_end(t.l);
    buf_release(&c);
    struct event ev = log_event(t.l, t.l->n - 1);
    assert_int_equal(state_apply(t.s, &ev), 0);

    w = want(&t.a, "curve", 3);
    cw_kint(w, "run", 1);
    cw_kstr(w, "metric", "loss");
    cw_kint(w, "columns", 10);
    must(&t.a, &t.wd.ctx);
    struct span p = part(&t.a, 0);
    assert_true(span_eq(cmap_str(p, "label"), "t1"));
    assert_int_equal(cmap_int(p, "n", 0), 8);
    assert_int_equal(cmap_int(p, "nan_step", 0), 98);
    assert_int_equal(cmap_int(p, "last_step", 0), 99);
    assert_true(cell(p, "min", 0) == 0 && cell(p, "max", 0) == 3 && cell(p, "mean", 0) == 1.5);
    assert_true(isnan(cell(p, "mean", 5)));
    assert_true(cell(p, "max", 9) == 7 && cell(p, "mean", 9) == 16.0 / 3);
    assert_true(cmap_double(head(&t.a), "y1", 0) == 7);
    assert_true(cmap_double(head(&t.a), "x1", 0) == 99);

    w = want(&t.a, "curve", 4);
    cw_kint(w, "run", 1);
    cw_kstr(w, "metric", "loss");
    cw_kstr(w, "x", "time");
    cw_kint(w, "columns", 8);
    must(&t.a, &t.wd.ctx);
    assert_true(cmap_double(head(&t.a), "x0", -1) == 0 && cmap_double(head(&t.a), "x1", -1) == 7);
    assert_true(cell(part(&t.a, 0), "mean", 1) == 1);

    w = want(&t.a, "curve", 2); /* the objective, from what was reported; t3 has none and is no error */
    cw_str(w, "trials");
    cw_array(w, 3);
    cw_int(w, 0);
    cw_int(w, 1);
    cw_int(w, 3);
    cw_kint(w, "columns", 4);
    must(&t.a, &t.wd.ctx);
    assert_int_equal(t.a.out.n_parts, 2);
    assert_true(cmap_double(part(&t.a, 1), "last", 0) == 0.3);
    small_end(&t);
}

/* Points of a run under a name; steps 1, 2, ... */
static void add_points(struct small *t, int64_t run, const char *metric, const double *values, int n)
{
    int64_t steps[16], times[16];
    for (int i = 0; i < n; i++) {
        steps[i] = i + 1;
        times[i] = T0 + i * CLOCK_S;
    }
    struct buf c = {0};
    points_begin(&c);
    points_add(&c, metric, (uint32_t)n, steps, times, values);
    struct codec_writer *w = log_begin(t->l, EV_POINTS, 3);
    cw_kint(w, "run", run);
    cw_kint(w, "epoch", 1);
    cw_str(w, "c");
    cw_bin(w, c.data, c.len);
    log_end(t->l);
    buf_release(&c);
    struct event ev = log_event(t->l, t->l->n - 1);
    assert_int_equal(state_apply(t->s, &ev), 0);
}

static void a_curve_against_another_metric_and_on_a_log_axis(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    static const double loss[8] = {8, 7, 6, 5, 4, 3, 2, 1}, epoch[8] = {0, .5, 1, 1.5, 2, 2.5, 3, 3.5};
    add_points(&t, 1, "loss", loss, 8);
    add_points(&t, 1, "epoch", epoch, 8);
    struct codec_writer *w = want(&t.a, "curve", 4);
    cw_kint(w, "run", 1);
    cw_kstr(w, "metric", "loss");
    cw_kstr(w, "x", "epoch");
    cw_kint(w, "columns", 7);
    must(&t.a, &t.wd.ctx);
    assert_true(cmap_double(head(&t.a), "x0", -1) == 0 && cmap_double(head(&t.a), "x1", -1) == 3.5);
    for (int i = 0; i < 6; i++)
        assert_true(cell(part(&t.a, 0), "mean", i) == 8 - i);
    assert_true(cell(part(&t.a, 0), "mean", 6) == 1.5); /* the last column holds its end too */

    w = want(&t.a, "curve", 5); /* 1 2 | 4: columns [1,2) [2,4) [4,8] */
    cw_kint(w, "run", 1);
    cw_kstr(w, "metric", "loss");
    cw_kbool(w, "log_x", true);
    cw_kint(w, "columns", 3);
    cw_kdouble(w, "x1", 8);
    must(&t.a, &t.wd.ctx);
    assert_true(cmap_bool(head(&t.a), "log_x", false));
    assert_true(cell(part(&t.a, 0), "mean", 0) == 8 && cell(part(&t.a, 0), "mean", 1) == 6.5);
    assert_true(cell(part(&t.a, 0), "mean", 2) == 3 && cell(part(&t.a, 0), "min", 2) == 1);

    w = want(&t.a, "curve", 3);
    cw_kint(w, "run", 1);
    cw_kstr(w, "metric", "loss");
    cw_kstr(w, "x", "cost");
    must(&t.a, &t.wd.ctx);
    assert_int_equal(t.a.out.n_parts, 0);
    assert_true(span_eq(cmap_str(head(&t.a), "why"), "no run logged cost"));
    small_end(&t);
}

static void columns_of_nothing_but_nan_are_not_empty_ones(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    static const double loss[8] = {8, 7, NAN, NAN, 4, 3, INFINITY, 1};
    add_points(&t, 1, "loss", loss, 8);
    struct codec_writer *w = want(&t.a, "curve", 5);
    cw_kint(w, "run", 1);
    cw_kstr(w, "metric", "loss");
    cw_kdouble(w, "x0", 1);
    cw_kdouble(w, "x1", 17);
    cw_kint(w, "columns", 16);
    must(&t.a, &t.wd.ctx);
    struct span p = part(&t.a, 0);
    assert_true(isinf(cell(p, "mean", 2)) && isinf(cell(p, "mean", 3)) && isinf(cell(p, "mean", 6)));
    assert_true(isnan(cell(p, "mean", 12)) && cell(p, "mean", 4) == 4);
    assert_true(cmap_double(p, "nan_x", -1) == 3);
    small_end(&t);
}

static void groups_have_the_mean_and_the_spread_of_their_runs(void **state)
{
    (void)state;
    struct small t;
    small_begin(&t, "minimize");
    static const double a[4] = {4, 3, 2, 1}, b[4] = {8, 7, 6, 5};
    add_points(&t, 0, "loss", a, 4);
    add_points(&t, 1, "loss", b, 4);
    struct codec_writer *w = want(&t.a, "curve", 4);
    cw_kint(w, "best", 10);
    cw_kstr(w, "metric", "loss");
    cw_kstr(w, "group", "no-such-parameter");
    cw_kint(w, "columns", 3);
    must(&t.a, &t.wd.ctx);
    assert_int_equal(t.a.out.n_parts, 1);
    struct span p = part(&t.a, 0);
    assert_true(span_eq(cmap_str(p, "group"), "without"));
    assert_int_equal(cmap_int(p, "runs", 0), 2);
    assert_int_equal(cmap_int(p, "trials", 0), 2);
    assert_true(cell(p, "mean", 0) == 6 && cell(p, "min", 0) == 4 && cell(p, "max", 0) == 8);
    assert_true(fabs(cell(p, "deviation", 0) - sqrt(8)) < 1e-12);

    w = want(&t.a, "curve", 4);
    cw_kint(w, "best", 10);
    cw_kstr(w, "filter", "trial=t1");
    cw_kstr(w, "metric", "loss");
    cw_kstr(w, "group", "trial");
    must(&t.a, &t.wd.ctx);
    assert_int_equal(t.a.out.n_parts, 1);
    assert_true(span_eq(cmap_str(part(&t.a, 0), "label"), "t1"));
    assert_int_equal(cmap_int(part(&t.a, 0), "trial", -1), 1);
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
        cmocka_unit_test(trials_sort_with_absent_values_last_and_ties_by_id),
        cmocka_unit_test(trials_filter_by_columns_params_and_remarks),
        cmocka_unit_test(trials_answer_a_window),
        cmocka_unit_test(a_window_is_a_slice_of_the_whole_order),
        cmocka_unit_test(summary_counts_and_estimates),
        cmocka_unit_test(trial_shows_what_is_on_its_way),
        cmocka_unit_test(trials_say_which_parameters_were_changed_live),
        cmocka_unit_test(curve_has_columns_gaps_and_the_step_of_the_first_nan),
        cmocka_unit_test(a_curve_against_another_metric_and_on_a_log_axis),
        cmocka_unit_test(columns_of_nothing_but_nan_are_not_empty_ones),
        cmocka_unit_test(groups_have_the_mean_and_the_spread_of_their_runs),
        cmocka_unit_test(best_and_events_follow_the_incumbent),
        cmocka_unit_test(shares_of_arms_add_up),
        cmocka_unit_test(arms_inside_a_run_are_as_the_program_says),
        cmocka_unit_test(a_run_does_not_speak_for_the_tuner),
        cmocka_unit_test(text_scrolls_back),
        cmocka_unit_test(lists_take_filters_and_orders_too),
        cmocka_unit_test(unknown_things_have_one_clear_sentence),
        cmocka_unit_test(a_sweep_is_found_by_name_prefix_or_recording),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
