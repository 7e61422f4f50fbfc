/* objective: see objective.h. Every call of the tuner that changes it is followed by the event that recovery
 * repeats it from, in the same order.
 *
 * A trial with several runs (seeds) is told at a step when each run that has begun has got that far: the mean
 * of their values there. Its final value is the mean of each run's last report. */
#include "hub/objective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hub/hold.h"
#include "hub/intervention.h"
#include "hub/params.h"
#include "hub/trial.h"
#include "hub/verbs.h"
#include "tune/steer.h"

#define ARMS_NS  (500 * CLOCK_MS)
#define ARMS_MAX 1024

/* ---- telling ---- */

static const char *action_name(enum tell_action a)
{
    return a == TELL_STOP ? "stop" : a == TELL_PAUSE ? "pause" : a == TELL_CHANGE ? "change" : "continue";
}

/* n_values: of all objectives, 0 none */
static void record_tell(struct sweep *s, int64_t trial, int64_t step, double value, const double *values, int n_values,
                        const char *state, const struct tell_result *r)
{
    bool change = r->action == TELL_CHANGE;
    bool ended = strcmp(state, "running") != 0, repeat = ended && state_done_before(state_trial(s->state, trial), STATE_NOW);
    int64_t leader = -1;
    double best;
    if (ended && s->file.replicates)
        tuner_best(s->tuner, &leader, &best);
    struct codec_writer *w =
        sweep_begin(s, EV_TELL, (size_t)((change ? 9 : 7) + (n_values > 0) + (leader >= 0) + repeat));
    if (leader >= 0)
        cw_kint(w, "incumbent", leader);
    if (repeat)
        cw_kbool(w, "replicate", true);
    cw_kint(w, "trial", trial);
    cw_kint(w, "step", step);
    if (isfinite(value))
        cw_kdouble(w, "value", value);
    else
        cw_knil(w, "value");
    cw_kstr(w, "state", state);
    cw_kstr(w, "action", action_name(r->action));
    cw_kstr(w, "why", r->why);
    cw_kint(w, "rung", r->rung);
    if (n_values) {
        cw_str(w, "values");
        cw_array(w, (size_t)n_values);
        for (int i = 0; i < n_values; i++)
            cw_double(w, values[i]);
    }
    if (change) {
        cw_kint(w, "donor", r->donor);
        cw_str(w, "params");
        params_encode(tuner_space(s->tuner), r->dna, w->b);
    }
    sweep_commit(s);
    s->tells++;
    objective_arms_changed(s);
}

/* The tuner has seen enough of a trial. */
static void stop_trial(struct sweep *s, int64_t trial, const char *why)
{
    const struct state_trial *tr = state_trial(s->state, trial);
    trial_ending(s, trial, TRIAL_PRUNED, why, 0);
    for (int i = 0; i < tr->n_runs; i++) {
        int64_t run = tr->runs[i];
        enum run_state st = run_now(s, run);
        if (st == RUN_QUEUED) {
            struct run_change c = RUN_CHANGE(RUN_STOPPED);
            c.why = "the tuner stopped its trial";
            run_move(s, run, &c);
        } else if (!run_state_terminal(st)) {
            sweep_run(s, run)->stopping = true;
            run_command(s, run, 0, "stop", (struct span){0});
        }
    }
}

static void tell(struct sweep *s, int64_t trial, int64_t step, double value)
{
    struct trial_live *t = sweep_trial(s, trial);
    struct tell_result r = {.rung = -1, .cutoff = NAN, .donor = -1};
    char *cause = NULL;
    if (!s->tuner || !t->in_tuner || t->told_final || t->ending >= 0 || step <= t->told_step ||
        !isfinite(value) || hold_busy(s, trial))
        return;
    t->told_step = step;
    if (tuner_tell(s->tuner, trial, step, value, false, &r, &cause) != 0) {
        sweep_hub_event(s, "warning", "the tuner did not take a value of t%lld: %s", (long long)trial, cause);
        free(cause);
        return;
    }
    record_tell(s, trial, step, value, NULL, 0, "running", &r);
    if (r.action == TELL_STOP)
        stop_trial(s, trial, r.why);
    else if (r.action == TELL_PAUSE)
        hold_trial(s, trial);
    else if (r.checkpoint)
        hold_checkpoint(s, trial);
    if (r.action == TELL_CHANGE)
        hold_change(s, trial, &r);
    if (r.rung >= 0)
        hold_release(s, false);
}

/* ---- several runs ---- */

/* The newest value of a run at or before a step. */
static bool value_at_step(const struct state_trial *tr, int64_t run, int64_t step, double *value)
{
    for (int i = tr->n_reports - 1; i >= 0; i--)
        if (tr->reports[i].run == run && tr->reports[i].step <= step) {
            *value = tr->reports[i].value;
            return true;
        }
    return false;
}

/* The step that all runs which have begun have reached, and the mean there. */
static bool common_step(struct sweep *s, const struct state_trial *tr, int64_t *step, double *mean)
{
    double sum = 0, v;
    int n = 0;
    *step = INT64_MAX;
    for (int i = 0; i < tr->n_runs; i++) {
        const struct state_run *r = state_run(s->state, tr->runs[i]);
        if (run_now(s, r->run) == RUN_QUEUED)
            continue;
        if (!r->reported)
            return false;
        if (r->report_step < *step)
            *step = r->report_step;
    }
    for (int i = 0; i < tr->n_runs; i++) {
        if (run_now(s, tr->runs[i]) == RUN_QUEUED)
            continue;
        if (!value_at_step(tr, tr->runs[i], *step, &v))
            return false;
        sum += v;
        n++;
    }
    *mean = n ? sum / n : NAN;
    return n > 0;
}

void objective_reported(struct sweep *s, int64_t run)
{
    const struct state_run *r = state_run(s->state, run);
    if (r->replicate) /* its value counts when it is done */
        return;
    const struct state_trial *tr = state_trial(s->state, r->trial);
    int64_t step;
    double value;
    if (tr->n_runs == 1)
        tell(s, r->trial, r->report_step, r->report_value);
    else if (common_step(s, tr, &step, &value))
        tell(s, r->trial, step, value);
}

/* ---- reports made of points ---- */

static const struct state_take *objective_take(const struct sweep *s, int64_t run)
{
    const struct state_run *r = state_run(s->state, run);
    const struct state_metric *m = r ? state_metric(r, s->state->info.metric) : NULL;
    return m ? state_take_at(&m->takes, STATE_NOW) : NULL;
}

struct objective_mark objective_mark(const struct sweep *s, int64_t run)
{
    const struct state_take *k = objective_take(s, run);
    return k ? (struct objective_mark){k->epoch, series_count(k->series, SERIES_NOW)} : (struct objective_mark){-1, 0};
}

static void make_report(struct sweep *s, int64_t run, const struct series_point *p)
{
    const struct state_run *r = state_run(s->state, run);
    struct codec_writer *w = sweep_begin(s, EV_REPORT, 7);
    cw_kbool(w, "made", true); /* of points, not by the trainer */
    cw_kint(w, "run", run);
    cw_kint(w, "epoch", r->epoch);
    cw_kint(w, "seq", r->last_seq);
    cw_kint(w, "trial", r->trial);
    cw_kint(w, "step", p->step);
    cw_kdouble(w, "value", p->value);
    sweep_put(s, EV_REPORT, p->time, (struct span){(const char *)s->body.data, s->body.len});
    objective_reported(s, run);
}

void objective_points(struct sweep *s, int64_t run, struct objective_mark before)
{
    const struct state_take *k = objective_take(s, run);
    if (!k || s->runs[run].reported)
        return;
    uint64_t had = k->epoch == before.epoch ? before.points : k->kept;
    uint64_t n = series_count(k->series, SERIES_NOW) - had;
    uint64_t made = n < REPORTS_PER_BATCH ? n : REPORTS_PER_BATCH;
    for (uint64_t i = 1; i <= made; i++) {
        struct series_point p;
        if (series_at(k->series, had + n * i / made - 1, &p))
            make_report(s, run, &p);
    }
}

/* ---- the last word ---- */

/* What a trial that is done has reached in each objective; 0 when there is one only, or the trial did not get to its end. */
static int several(struct sweep *s, int64_t trial, enum trial_state end, double *values)
{
    if (s->state->info.n_objectives < 2 || end != TRIAL_DONE)
        return 0;
    int n = state_values_at(s->state, state_trial(s->state, trial), STATE_NOW, values);
    for (int i = 0; i < n; i++)
        if (!isfinite(values[i]))
            sweep_hub_event(s, "warning", "t%lld counts as failed: it has no value of %s", (long long)trial,
                            s->state->info.objectives[i].name);
    return n;
}

void objective_final(struct sweep *s, int64_t trial, enum trial_state end)
{
    struct trial_live *t = sweep_trial(s, trial);
    struct tell_result r = {.rung = -1, .cutoff = NAN};
    char *cause = NULL;
    double value = NAN;
    int64_t step = -1;
    double values[OBJECTIVES_MAX];
    int n_values = 0;
    const char *as;
    if (!s->tuner || !t->in_tuner || t->told_final)
        return;
    bool has =
        state_value_at(s->state, state_trial(s->state, trial), STATE_NOW, &value, &step) && isfinite(value);
    t->told_final = true;
    if (end == TRIAL_WITHDRAWN) {
        tuner_forget(s->tuner, trial, &cause);
        value = NAN;
        as = "withdrawn";
    } else if (has && (end == TRIAL_DONE || end == TRIAL_PRUNED || end == TRIAL_STOPPED)) {
        n_values = several(s, trial, end, values);
        if (n_values)
            tuner_tell_values(s->tuner, trial, step, values, n_values, &r, &cause);
        else
            tuner_tell(s->tuner, trial, step, value, true, &r, &cause);
        as = "final";
    } else {
        tuner_tell_failed(s->tuner, trial, &cause);
        value = NAN;
        as = "failed";
    }
    r.action = TELL_CONTINUE;
    if (cause)
        sweep_hub_event(s, "warning", "the tuner did not take the end of t%lld: %s", (long long)trial, cause);
    record_tell(s, trial, step, value, values, n_values, as, &r);
    objective_news(s);
    free(cause);
}

void objective_repeated(struct sweep *s, int64_t trial, int64_t step, double value)
{
    const struct history *h = s->tuner ? tuner_history(s->tuner) : NULL;
    int k = h ? history_find(h, trial) : -1;
    struct tell_result r = {.rung = -1, .cutoff = NAN};
    char *cause = NULL;
    if (k < 0 || !h->trials[k].repeating) /* told before the hub was started again */
        return;
    if (isfinite(value))
        tuner_tell(s->tuner, trial, step, value, true, &r, &cause);
    else
        tuner_tell_failed(s->tuner, trial, &cause);
    record_tell(s, trial, step, value, NULL, 0, isfinite(value) ? "final" : "failed", &r);
    free(cause);
}

/* The intervention behind a focus that the tuner has just given up is over, in the log too: so the audit says why, and no
 * view shows it as in force. Focuses and sentences come in the same order. */
static void end_given_up(struct sweep *s, const char *why)
{
    const struct steering *st = tuner_steering(s->tuner);
    for (int i = 0; st && i < s->n_memos; i++) {
        const struct verb_memo *m = &s->memos[i];
        const struct state_iv *iv = state_iv(s->state, m->id);
        if (!m->token || !steering_given_up(st, m->token) || !iv || !iv->n_changes ||
            iv->changes[iv->n_changes - 1].state != IV_APPLIED)
            continue;
        intervention_end(s, m->id, NULL, IV_EXPIRED, why, -1, -1, 0);
        return;
    }
}

void objective_news(struct sweep *s)
{
    char text[300];
    while (s->tuner && tuner_news(s->tuner, text, sizeof text)) {
        sweep_hub_event(s, "warning", "%s", text);
        end_given_up(s, text);
    }
}

void objective_revive(struct sweep *s, int64_t trial)
{
    struct trial_live *t = sweep_trial(s, trial);
    const struct state_trial *tr = state_trial(s->state, trial);
    char *cause = NULL;
    *t = (struct trial_live){.ending = -1, .told_step = INT64_MIN};
    if (s->tuner && !state_trial_tests(tr) && tr->n_dna == tuner_space(s->tuner)->n)
        t->in_tuner = tuner_adopt(s->tuner, trial, tr->dna, tr->origin, &cause) == 0;
    if (cause)
        sweep_hub_event(s, "warning", "the tuner did not take t%lld back: %s", (long long)trial, cause);
    free(cause);
}

/* ---- arms ---- */

void objective_arms_changed(struct sweep *s)
{
    s->arms_dirty = true;
}

static void put_number(struct codec_writer *w, const char *key, double v)
{
    if (isnan(v))
        cw_knil(w, key);
    else
        cw_kdouble(w, key, v);
}

static void put_row(struct codec_writer *w, int i, const struct arm_row *a)
{
    cw_map(w, 12);
    cw_kint(w, "arm", i);
    cw_kstr(w, "label", a->label);
    cw_kint(w, "pulls", (int64_t)a->pulls);
    put_number(w, "mean", a->mean);
    put_number(w, "low", a->low);
    put_number(w, "high", a->high);
    put_number(w, "p_next", a->p_next);
    put_number(w, "p_best", a->p_best);
    put_number(w, "p_free", a->p_free);
    cw_kbool(w, "banned", a->banned);
    cw_kbool(w, "pinned", a->pinned);
    cw_kdouble(w, "boost", a->boost);
}

static uint64_t hash_bytes(const uint8_t *p, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

static void refresh_ref(struct sweep *s)
{
    s->ref.n_rungs = tuner_rungs(s->tuner, s->rungs, SWEEP_RUNGS);
    if (s->ref.n_rungs > SWEEP_RUNGS)
        s->ref.n_rungs = SWEEP_RUNGS;
    s->ref.rungs = s->rungs;
    tuner_describe(s->tuner, s->tuner_text, sizeof s->tuner_text);
}

void objective_arms_record(struct sweep *s)
{
    if (!s->tuner || !s->arms_dirty || s->hub->mono - s->arms_at < ARMS_NS)
        return;
    s->arms_dirty = false;
    s->arms_at = s->hub->mono;
    refresh_ref(s);
    struct arm_row *rows = mem_zero(ARMS_MAX, sizeof *rows);
    int n = tuner_explain(s->tuner, rows, ARMS_MAX);
    if (n > ARMS_MAX)
        n = ARMS_MAX;
    if (n > 0) {
        struct codec_writer *w = sweep_begin(s, EV_ARMS, 2);
        cw_kstr(w, "bandit", "tuner");
        cw_str(w, "rows");
        cw_array(w, (size_t)n);
        for (int i = 0; i < n; i++)
            put_row(w, i, &rows[i]);
        uint64_t hash = hash_bytes(s->body.data, s->body.len);
        if (hash != s->arms_hash) {
            s->arms_hash = hash;
            sweep_commit(s);
        }
    }
    free(rows);
}
