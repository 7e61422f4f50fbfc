/* views_fixture: asking the views, and a small sweep by hand, for the tests of the views. */
#ifndef TESTS_VIEWS_FIXTURE_H
#define TESTS_VIEWS_FIXTURE_H

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

static inline struct codec_writer *want(struct asked *a, const char *view, size_t pairs)
{
    buf_clear(&a->request);
    cw_init(&a->w, &a->request);
    cw_map(&a->w, pairs + 1);
    cw_kstr(&a->w, "view", view);
    return &a->w;
}

static inline int answer(struct asked *a, const struct views_ctx *ctx)
{
    free(a->cause);
    a->cause = NULL;
    return views_answer(ctx, (struct span){(const char *)a->request.data, a->request.len}, &a->out,
                        &a->cause);
}

static inline void must(struct asked *a, const struct views_ctx *ctx)
{
    if (answer(a, ctx) != 0)
        fail_msg("%s", a->cause);
    assert_true(codec_valid(a->out.head.data, a->out.head.len, NULL));
    for (int i = 0; i < a->out.n_parts; i++) {
        assert_int_equal(a->out.parts[i].index, i);
        assert_true(codec_valid(a->out.data.data + a->out.parts[i].off, a->out.parts[i].len, NULL));
    }
}

static inline struct span head(const struct asked *a)
{
    return (struct span){(const char *)a->out.head.data, a->out.head.len};
}

static inline struct span part(const struct asked *a, int i)
{
    assert_in_range(i, 0, a->out.n_parts - 1);
    return (struct span){(const char *)a->out.data.data + a->out.parts[i].off, a->out.parts[i].len};
}

static inline void done(struct asked *a)
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

static inline void world_of(struct world *wd, struct state *s, bool live, int64_t now)
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

/* ---- a small sweep by hand: t0 done .5, t1 running .3, t2 failed, t3 waiting, t4 done .3 ---- */

#define T0 INT64_C(1700000000000000000)

static inline void put_trial(struct random_log *l, int id, double lr, const char *opt)
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

static inline void put_state(struct random_log *l, int id, const char *to)
{
    struct codec_writer *w = log_begin(l, EV_TRIAL_STATE, 2);
    cw_kint(w, "trial", id);
    cw_kstr(w, "state", to);
    log_end(l);
}

static inline void put_run(struct random_log *l, int id, const char *to)
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

static inline void put_report(struct random_log *l, int run, int step, double v)
{
    struct codec_writer *w = log_begin(l, EV_REPORT, 4);
    cw_kint(w, "run", run);
    cw_kint(w, "epoch", 1);
    cw_kint(w, "step", step);
    cw_kdouble(w, "value", v);
    log_end(l);
}

static inline void put_iv(struct random_log *l, int id, const char *verb, const char *target, const char *key,
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

static inline struct random_log *small_log(const char *goal)
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

static inline void small_begin(struct small *t, const char *goal)
{
    memset(t, 0, sizeof *t);
    t->l = small_log(goal);
    t->s = log_fold(t->l, STATE_NOW);
    world_of(&t->wd, t->s, false, 0);
}

static inline void small_end(struct small *t)
{
    done(&t->a);
    state_free(t->s);
    log_free(t->l);
}

static inline double cell(struct span map, const char *key, int i)
{
    struct codec_reader r;
    double v;
    assert_true(cmap_find(map, key, &r));
    struct span b = cr_bin(&r);
    assert_true(cr_ok(&r) && b.n >= (size_t)(i + 1) * sizeof v);
    memcpy(&v, b.p + (size_t)i * sizeof v, sizeof v);
    return v;
}

#endif
