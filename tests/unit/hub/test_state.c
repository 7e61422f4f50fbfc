/* The fold: what events become, what is ignored, and the house's second idea: as of T is the fold cut at T.
 */
#include "hub/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/unit/hub/random_log.h"

static void same_value(double a, double b)
{
    assert_true(a == b || (isnan(a) && isnan(b)));
}

static void same_trial(const struct state *full, const struct state *cut, int id, int64_t t)
{
    const struct state_trial *a = state_trial(full, id), *b = state_trial(cut, id);
    assert_int_equal(a && a->created <= t, b != NULL);
    if (!b)
        return;
    assert_int_equal(state_trial_at(a, t), state_trial_at(b, STATE_NOW));
    double va = 0, vb = 0;
    int64_t sa = 0, sb = 0;
    assert_int_equal(state_value_at(full, a, t, &va, &sa), state_value_at(cut, b, STATE_NOW, &vb, &sb));
    same_value(va, vb);
    assert_int_equal(sa, sb);
}

static void same_run(const struct state *full, const struct state *cut, int id, int64_t t)
{
    const struct state_run *a = state_run(full, id), *b = state_run(cut, id);
    const struct state_process *p = a ? state_process_at(a, t) : NULL;
    assert_int_equal(p != NULL, b != NULL);
    if (!b)
        return;
    assert_string_equal(p->worker, b->worker);
    assert_int_equal(p->pid, b->pid);
    assert_int_equal(p->exit, b->exit);
    assert_int_equal(p->epoch, b->epoch);
    assert_int_equal(p->dropped, b->dropped);
    assert_int_equal(state_change_at(a->changes, a->n_changes, t)->state, b->changes[b->n_changes - 1].state);
    assert_int_equal(state_run_points(a, t), b->points);
    for (int i = 0; i < b->n_metrics; i++) {
        const struct state_metric *m = state_metric(a, b->metrics[i].name);
        assert_non_null(m);
        const struct series *x = state_series_at(&m->takes, t), *y = state_series_at(&b->metrics[i].takes, STATE_NOW);
        assert_int_equal(x != NULL, y != NULL);
        assert_true(!x || series_count(x, t) == series_count(y, SERIES_NOW));
    }
}

static void as_of_t_is_the_fold_cut_at_t(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct random_log *l = log_make(seed, 1500);
        struct state *full = log_fold(l, STATE_NOW);
        for (int k = 0; k < 12; k++) {
            int64_t t = l->events[log_pick(l, (uint64_t)l->n)].log_time - (int64_t)log_pick(l, 2) * 1000;
            struct state *cut = log_fold(l, t);
            for (int i = 0; i < full->n_trials; i++)
                same_trial(full, cut, i, t);
            for (int i = 0; i < full->n_runs; i++)
                same_run(full, cut, i, t);
            int64_t ta = -1, tb = -1;
            double va = 0, vb = 0;
            assert_int_equal(state_best_at(full, t, &ta, &va), state_best_at(cut, STATE_NOW, &tb, &vb));
            assert_int_equal(ta, tb);
            same_value(va, vb);
            assert_int_equal(state_sweep_at(full, t), state_sweep_at(cut, STATE_NOW));
            assert_int_equal(state_points(full, t), cut->n_points);
            assert_int_equal(state_space_at(full, t), cut->space_version);
            state_free(cut);
        }
        state_free(full);
        log_free(l);
    }
}

/* The heap must agree with looking at every trial. */
static void best_is_the_best_of_all(void **state)
{
    (void)state;
    for (uint64_t seed = 50; seed < 60; seed++) {
        struct random_log *l = log_make(seed, 1200);
        struct state *s = state_new();
        int agreed = 0;
        for (int i = 0; i < l->n; i++) {
            struct event ev = log_event(l, i);
            state_apply(s, &ev);
            int64_t best = -1, got = -1, step;
            double best_v = 0, v, got_v;
            for (int k = 0; k < s->n_trials; k++) {
                const struct state_trial *tr = s->trials[k];
                enum trial_state st = state_trial_at(tr, STATE_NOW);
                bool out =
                    st == TRIAL_FAILED || st == TRIAL_KILLED || st == TRIAL_WITHDRAWN || st == TRIAL_WAITING;
                if (out || !state_value_at(s, tr, STATE_NOW, &v, &step) || isnan(v))
                    continue;
                if (best < 0 || (s->info.maximize ? v > best_v : v < best_v))
                    best = k, best_v = v;
            }
            assert_int_equal(state_best_at(s, STATE_NOW, &got, &got_v), best >= 0);
            assert_int_equal(got, best);
            agreed += best >= 0;
        }
        assert_true(agreed > 100);
        state_free(s);
        log_free(l);
    }
}

/* ---- single facts: a small log written by hand ---- */

static struct random_log *begin(void)
{
    struct random_log *l = MEM_NEW(struct random_log);
    rng_seed(&l->rng, 1);
    l->now = INT64_C(1700000000000000000);
    struct codec_writer *w = log_begin(l, EV_SWEEP, 3);
    cw_kstr(w, "sweep", "s");
    cw_kstr(w, "goal", "minimize");
    cw_kstr(w, "metric", "loss");
    log_end(l);
    return l;
}

static void put_trial(struct random_log *l, int64_t id)
{
    struct codec_writer *w = log_begin(l, EV_TRIAL, 2);
    cw_kint(w, "trial", id);
    cw_kstr(w, "origin", "tuner");
    log_end(l);
}

static void put_state(struct random_log *l, int64_t id, const char *to)
{
    struct codec_writer *w = log_begin(l, EV_TRIAL_STATE, 2);
    cw_kint(w, "trial", id);
    cw_kstr(w, "state", to);
    log_end(l);
}

static void put_run(struct random_log *l, int64_t run, int64_t trial, int64_t seed, int64_t epoch,
                    const char *to)
{
    struct codec_writer *w = log_begin(l, EV_RUN, 5);
    cw_kint(w, "run", run);
    cw_kint(w, "trial", trial);
    cw_kint(w, "seed", seed);
    cw_kint(w, "epoch", epoch);
    cw_kstr(w, "state", to);
    log_end(l);
}

static void put_report(struct random_log *l, int64_t run, int64_t epoch, int64_t step, double value)
{
    struct codec_writer *w = log_begin(l, EV_REPORT, 5);
    cw_kint(w, "run", run);
    cw_kint(w, "epoch", epoch);
    cw_kint(w, "seq", step);
    cw_kint(w, "step", step);
    cw_kdouble(w, "value", value);
    log_end(l);
}

static double value_of(const struct state *s, int64_t trial, int64_t *step)
{
    double v = NAN;
    *step = -1;
    return state_value_at(s, state_trial(s, trial), STATE_NOW, &v, step) ? v : NAN;
}

static void value_is_the_mean_of_each_runs_last_report(void **state)
{
    (void)state;
    struct random_log *l = begin();
    put_trial(l, 0);
    put_run(l, 0, 0, 11, 0, "running");
    put_run(l, 1, 0, 12, 0, "running");
    put_report(l, 0, 0, 1, 0.9);
    put_report(l, 0, 0, 2, 0.5);
    put_report(l, 1, 0, 1, 0.3);
    struct state *s = log_fold(l, STATE_NOW);
    int64_t step;
    same_value(value_of(s, 0, &step), 0.4);
    assert_int_equal(step, 2);
    state_free(s);
    log_free(l);
}

static void put_points(struct random_log *l, int64_t run, int64_t epoch, int64_t from, int64_t to, double value)
{
    struct codec_writer *w = log_begin(l, EV_POINTS, 4);
    struct buf c = {0};
    points_begin(&c);
    for (int64_t step = from; step <= to; step++)
        points_add(&c, "loss", 1, &step, &step, &value);
    cw_kint(w, "run", run);
    cw_kint(w, "epoch", epoch);
    cw_kint(w, "seq", to);
    cw_str(w, "c");
    cw_bin(w, c.data, c.len);
    log_end(l);
    buf_release(&c);
}

static uint64_t count_at(const struct state *s, int64_t t)
{
    const struct series *x = state_series_at(&state_metric(state_run(s, 0), "loss")->takes, t);
    return x ? series_count(x, t) : 0;
}

static void a_run_given_out_again_keeps_no_step_twice(void **state)
{
    (void)state;
    struct random_log *l = begin();
    put_trial(l, 0);
    put_run(l, 0, 0, 11, 1, "running");
    put_points(l, 0, 1, 1, 10, 0.5);
    put_run(l, 0, 0, 11, 1, "lost");
    int64_t first_end = l->events[l->n - 1].log_time;
    l->now += CLOCK_S;
    put_run(l, 0, 0, 11, 2, "running"); /* starts over */
    put_points(l, 0, 2, 1, 4, 0.25);
    int64_t second_end = l->events[l->n - 1].log_time;
    l->now += CLOCK_S;
    put_run(l, 0, 0, 11, 3, "running"); /* resumes behind step 3 */
    put_points(l, 0, 3, 4, 6, 0.125);
    struct state *s = log_fold(l, STATE_NOW);
    assert_int_equal(count_at(s, first_end), 10);
    assert_int_equal(count_at(s, second_end), 4);
    assert_int_equal(count_at(s, STATE_NOW), 6);
    assert_int_equal(state_run_points(state_run(s, 0), STATE_NOW), 17);
    assert_int_equal(state_run_points(state_run(s, 0), second_end), 14);
    struct series_point p;
    const struct series *now = state_series_at(&state_metric(state_run(s, 0), "loss")->takes, STATE_NOW);
    for (int64_t i = 0; i < 6; i++) {
        assert_true(series_at(now, (uint64_t)i, &p));
        assert_int_equal(p.step, i + 1);
        same_value(p.value, i < 3 ? 0.25 : 0.125);
    }
    state_free(s);
    log_free(l);
}

static void a_requeued_trials_old_reports_do_not_count(void **state)
{
    (void)state;
    struct random_log *l = begin();
    int64_t trial = -1, step;
    double v;
    put_trial(l, 0);
    put_state(l, 0, "running");
    put_run(l, 0, 0, 11, 0, "running");
    put_report(l, 0, 0, 1, 0.1);
    put_run(l, 0, 0, 11, 0, "failed");
    put_state(l, 0, "failed");
    struct state *s = log_fold(l, STATE_NOW);
    assert_false(state_best_at(s, STATE_NOW, &trial, &v));
    state_free(s);
    put_state(l, 0, "waiting");
    put_state(l, 0, "running");
    put_run(l, 1, 0, 11, 0, "running");
    s = log_fold(l, STATE_NOW);
    assert_true(isnan(value_of(s, 0, &step)));
    assert_false(state_best_at(s, STATE_NOW, &trial, &v));
    state_free(s);
    put_report(l, 1, 0, 1, 0.7);
    s = log_fold(l, STATE_NOW);
    same_value(value_of(s, 0, &step), 0.7);
    assert_true(state_best_at(s, STATE_NOW, &trial, &v));
    same_value(v, 0.7);
    state_free(s);
    log_free(l);
}

static void pruned_and_stopped_count_killed_and_failed_do_not(void **state)
{
    (void)state;
    static const struct {
        const char *state;
        bool counts;
    } rows[] = {{"pruned", true}, {"stopped", true}, {"done", true}, {"killed", false}, {"failed", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct random_log *l = begin();
        int64_t trial;
        double v;
        put_trial(l, 0);
        put_state(l, 0, "running");
        put_run(l, 0, 0, 1, 0, "running");
        put_report(l, 0, 0, 1, 0.1);
        put_state(l, 0, rows[i].state);
        struct state *s = log_fold(l, STATE_NOW);
        assert_int_equal(state_best_at(s, STATE_NOW, &trial, &v), rows[i].counts);
        state_free(s);
        log_free(l);
    }
}

static void reports_of_an_earlier_lease_are_not_merged(void **state)
{
    (void)state;
    struct random_log *l = begin();
    int64_t step;
    put_trial(l, 0);
    put_run(l, 0, 0, 1, 1, "running");
    put_run(l, 0, 0, 1, 2, "running");
    put_report(l, 0, 1, 5, 0.1);
    put_report(l, 0, 2, 1, 0.6);
    struct state *s = state_new();
    int ignored = 0;
    for (int i = 0; i < l->n; i++) {
        struct event ev = log_event(l, i);
        ignored += state_apply(s, &ev);
    }
    assert_int_equal(ignored, 1);
    same_value(value_of(s, 0, &step), 0.6);
    assert_int_equal(state_run(s, 0)->last_seq, 1);
    state_free(s);
    log_free(l);
}

static void illegal_moves_are_ignored(void **state)
{
    (void)state;
    struct random_log *l = begin();
    put_trial(l, 0);
    put_state(l, 0, "running");
    put_state(l, 0, "done");
    put_state(l, 0, "running");
    put_state(l, 0, "nonsense");
    struct state *s = log_fold(l, STATE_NOW);
    assert_int_equal(state_trial_at(state_trial(s, 0), STATE_NOW), TRIAL_DONE);
    assert_int_equal(state_trial(s, 0)->n_changes, 3);
    state_free(s);
    log_free(l);
    assert_true(trial_move_legal(TRIAL_LOST, TRIAL_RUNNING));
    assert_true(trial_move_legal(TRIAL_FAILED, TRIAL_WAITING));
    assert_false(trial_move_legal(TRIAL_WITHDRAWN, TRIAL_WAITING));
    assert_false(trial_move_legal(TRIAL_DONE, TRIAL_RUNNING));
}

static void put_replicate(struct random_log *l, int64_t trial, int64_t run, int64_t seed)
{
    struct codec_writer *w = log_begin(l, EV_TRIAL_STATE, 3);
    cw_kint(w, "trial", trial);
    cw_kstr(w, "state", "running");
    cw_kint(w, "replicate", seed);
    log_end(l);
    w = log_begin(l, EV_RUN, 6);
    cw_kint(w, "run", run);
    cw_kint(w, "trial", trial);
    cw_kint(w, "seed", seed);
    cw_kint(w, "epoch", 1);
    cw_kstr(w, "state", "queued");
    cw_kbool(w, "replicate", true);
    log_end(l);
}

static void put_incumbent(struct random_log *l, int64_t trial, int64_t incumbent)
{
    struct codec_writer *w = log_begin(l, EV_TELL, 3);
    cw_kint(w, "trial", trial);
    cw_kstr(w, "state", "final");
    cw_kint(w, "incumbent", incumbent);
    log_end(l);
}

static int64_t best_of(const struct state *s, int64_t t, double *value)
{
    int64_t trial = -1;
    return state_best_at(s, t, &trial, value) ? trial : -1;
}

static void a_replicate_counts_when_it_is_done_and_the_tuner_says_who_leads(void **state)
{
    (void)state;
    struct random_log *l = begin();
    int64_t step, trial, before, meanwhile;
    double value;
    for (int i = 0; i < 2; i++) {
        put_trial(l, i);
        put_run(l, i, i, 0, 1, "running");
        put_state(l, i, "running");
        put_report(l, i, 1, 5, i ? 2 : 1);
        put_run(l, i, i, 0, 1, "done");
        put_state(l, i, "done");
    }
    before = l->now++;
    put_replicate(l, 0, 2, 1);
    put_run(l, 2, 0, 1, 1, "running");
    put_report(l, 2, 1, 3, 500);
    meanwhile = l->now++;
    put_report(l, 2, 1, 5, 2.5);
    put_run(l, 2, 0, 1, 1, "done");
    put_state(l, 0, "done");
    struct state *s = log_fold(l, STATE_NOW);
    const struct state_trial *t = state_trial(s, 0);
    assert_int_equal(state_trial_at(t, meanwhile), TRIAL_RUNNING);
    assert_true(state_done_before(t, meanwhile));
    assert_false(state_done_before(t, before));
    assert_false(state_done_before(t, STATE_NOW));
    assert_true(state_value_at(s, t, meanwhile, &value, &step) && value == 1);
    assert_true(best_of(s, meanwhile, &value) == 0 && value == 1);
    assert_int_equal(state_trial_at(t, STATE_NOW), TRIAL_DONE);
    same_value(value_of(s, 0, &step), 1.75);
    assert_true(best_of(s, STATE_NOW, &value) == 0 && value == 1.75);
    state_free(s);

    put_incumbent(l, 0, 1);
    s = log_fold(l, STATE_NOW);
    assert_true(best_of(s, STATE_NOW, &value) == 1 && value == 2);
    assert_true(best_of(s, meanwhile, &value) == 0 && value == 1);
    state_free(s);

    put_replicate(l, 1, 3, 1); /* one that fails leaves what there was */
    put_run(l, 3, 1, 1, 1, "running");
    put_report(l, 3, 1, 1, 900);
    put_run(l, 3, 1, 1, 1, "failed");
    put_state(l, 1, "done");
    s = log_fold(l, STATE_NOW);
    assert_true(state_best_at(s, STATE_NOW, &trial, &value) && trial == 1 && value == 2);
    same_value(value_of(s, 1, &step), 2);
    state_free(s);
    log_free(l);
}

static void text_is_split_into_bounded_lines(void **state)
{
    (void)state;
    struct random_log *l = begin();
    put_trial(l, 0);
    put_run(l, 0, 0, 1, 0, "running");
    struct buf text = {0};
    buf_puts(&text, "a\r\n\nb");
    for (int k = 0; k < 2; k++) {
        struct codec_writer *w = log_begin(l, EV_TEXT, 4);
        cw_kint(w, "run", 0);
        cw_kint(w, "epoch", 0);
        cw_kstr(w, "stream", "err");
        cw_kstr(w, "text", buf_cstr(&text));
        log_end(l);
        buf_clear(&text);
        for (int i = 0; i < STATE_TEXT_LINE + 10; i++)
            buf_putc(&text, 'x');
    }
    struct state *s = log_fold(l, STATE_NOW);
    struct state_run *r = state_run(s, 0);
    assert_int_equal(r->n_lines, 5);
    assert_string_equal(r->lines[0].text, "a");
    assert_string_equal(r->lines[1].text, "");
    assert_string_equal(r->lines[2].text, "b");
    assert_int_equal(r->lines[3].n, STATE_TEXT_LINE);
    assert_int_equal(r->lines[4].n, 10);
    assert_int_equal(r->lines[0].stream, 'e');
    state_free(s);
    buf_release(&text);
    log_free(l);
}

static void text_of_a_chatty_run_stays_bounded(void **state)
{
    (void)state;
    struct random_log *l = begin();
    put_trial(l, 0);
    put_run(l, 0, 0, 1, 0, "running");
    struct codec_writer *w = log_begin(l, EV_TEXT, 2);
    cw_kint(w, "run", 0);
    cw_kstr(w, "text", "line\nline\nline\nline\n");
    log_end(l);
    struct state *s = log_fold(l, STATE_NOW);
    struct event ev = log_event(l, l->n - 1);
    for (int i = 0; i < 10000; i++)
        state_apply(s, &ev);
    struct state_run *r = state_run(s, 0);
    assert_in_range(r->n_lines, STATE_TEXT_LINES, STATE_TEXT_LINES + STATE_TEXT_LINES / 4);
    assert_int_equal(r->first_line + r->n_lines, 40004);
    state_free(s);
    log_free(l);
}

static void pulls_are_summed_and_sampled(void **state)
{
    (void)state;
    struct random_log *l = begin();
    put_trial(l, 0);
    put_run(l, 0, 0, 1, 0, "running");
    l->trials = l->runs = 1;
    log_bandit(l);
    for (int k = 0; k < 6000; k++)
        log_pulls(l);
    struct state *s = log_fold(l, STATE_NOW);
    struct state_bandit *b = state_bandit(s, "0/omega");
    assert_non_null(b);
    assert_int_equal(b->n_arms, 3);
    assert_string_equal(b->labels[1], "1.4");
    assert_in_range(b->n_rows, STATE_PULLS_ROWS / 2, STATE_PULLS_ROWS);
    uint64_t sum = 0;
    for (int i = 0; i < 3; i++)
        sum += b->pulls[i];
    assert_int_equal(sum, b->rounds);
    assert_true(b->rounds > 40000);
    for (int i = 1; i < b->n_rows; i++)
        assert_true(b->rows[i].rounds > b->rows[i - 1].rounds && b->rows[i].seen >= b->rows[i - 1].seen);
    assert_int_equal(b->rows[b->n_rows - 1].rounds, b->rounds);
    assert_null(state_bandit(s, "0/none"));
    assert_null(state_bandit(s, "7/omega"));
    state_free(s);
    log_free(l);
}

/* Whatever a recording holds, the fold neither crashes nor believes a number: maps of the right keys with
 * wrong values. */
static void nonsense_is_ignored(void **state)
{
    (void)state;
    static const char *const keys[] = {"trial",  "run",    "epoch",  "seq",   "state", "c",      "rows",
                                       "bandit", "arms",   "params", "dna",   "id",    "target", "verb",
                                       "args",   "worker", "text",   "value", "name",  "sweep",  "version"};
    struct rng r;
    rng_seed(&r, 4);
    struct random_log *l = log_make(9, 300);
    struct state *s = log_fold(l, STATE_NOW);
    struct buf b = {0};
    for (int i = 0; i < 40000; i++) {
        struct codec_writer w;
        buf_clear(&b);
        cw_init(&w, &b);
        cw_map(&w, sizeof keys / sizeof *keys);
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            cw_str(&w, keys[k]);
            switch (rng_below(&r, 9)) {
            case 0: cw_nil(&w); break;
            case 1: cw_int(&w, (int64_t)rng_below(&r, 8) - 2); break;
            case 2: cw_int(&w, (int64_t)rng_u64(&r)); break;
            case 3: cw_double(&w, rng_below(&r, 2) ? NAN : 1e300); break;
            case 4: cw_str(&w, "running"); break;
            case 5: cw_bin(&w, "\x01\x02\x03", 3); break;
            case 6: cw_array(&w, 1), cw_nil(&w); break;
            case 7: cw_map(&w, 0); break;
            default: cw_str(&w, "tag,t1,,t99999999999999999999,x");
            }
        }
        struct event ev = {
            (enum event_kind)rng_below(&r, EV_COUNT + 3), l->now + i * 1000, 0, {(char *)b.data, b.len}};
        if (ev.kind == EV_TRIAL || ev.kind == EV_RUN || ev.kind == EV_INTERVENTION)
            ev.kind =
                rng_below(&r, 20) ? EV_TELL : ev.kind; /* few, so that sparse ids do not fill the memory */
        state_apply(s, &ev);
    }
    assert_true(s->n_trials < STATE_MAX_TRIALS && s->n_runs < STATE_MAX_RUNS);
    buf_release(&b);
    state_free(s);
    log_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_of_t_is_the_fold_cut_at_t),
        cmocka_unit_test(best_is_the_best_of_all),
        cmocka_unit_test(value_is_the_mean_of_each_runs_last_report),
        cmocka_unit_test(a_run_given_out_again_keeps_no_step_twice),
        cmocka_unit_test(a_requeued_trials_old_reports_do_not_count),
        cmocka_unit_test(pruned_and_stopped_count_killed_and_failed_do_not),
        cmocka_unit_test(reports_of_an_earlier_lease_are_not_merged),
        cmocka_unit_test(illegal_moves_are_ignored),
        cmocka_unit_test(a_replicate_counts_when_it_is_done_and_the_tuner_says_who_leads),
        cmocka_unit_test(text_is_split_into_bounded_lines),
        cmocka_unit_test(text_of_a_chatty_run_stays_bounded),
        cmocka_unit_test(pulls_are_summed_and_sampled),
        cmocka_unit_test(nonsense_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
