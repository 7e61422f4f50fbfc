/* view_lists: the plain lists: sweeps, runs, workers, interventions, metrics. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hub/view_parts.h"
#include "proto/verb.h"

/* ---- sweeps ---- */

static void count_trials(const struct view_request *rq, int64_t *trials, int64_t *running)
{
    *trials = *running = 0;
    for (int i = 0; i < rq->s->n_trials; i++)
        if (view_has_trial(rq, rq->s->trials[i])) {
            ++*trials;
            *running += state_trial_at(rq->s->trials[i], rq->t) == TRIAL_RUNNING;
        }
}

static void put_sweep(const struct view_request *rq, struct codec_writer *w)
{
    const struct state *s = rq->s;
    int64_t trials, running, best_trial = -1;
    double best = NAN;
    count_trials(rq, &trials, &running);
    bool any = state_best_at(s, rq->t, &best_trial, &best);
    cw_map(w, 12);
    cw_kstr(w, "sweep", s->info.name);
    cw_kstr(w, "state", sweep_state_name(state_sweep_at(s, rq->t)));
    cw_kint(w, "trials", trials);
    cw_kint(w, "running", running);
    view_kvalue(w, "best", best);
    view_ktime(w, "best_trial", any ? best_trial : -1);
    cw_kstr(w, "goal", s->info.maximize ? "maximize" : "minimize");
    cw_kstr(w, "tuner", s->info.tuner);
    cw_kint(w, "space_version", state_space_at(s, rq->t));
    cw_kstr(w, "recording", rq->ref->recording);
    view_ktime(w, "started", s->first_time > 0 ? s->first_time : -1);
    cw_kstr(w, "warning", rq->ref->warning);
}

int view_sweeps(const struct view_request *all, struct view_out *out, char **cause)
{
    for (int i = 0; i < all->ctx->n_sweeps; i++) {
        struct view_request rq = *all;
        struct codec_writer w;
        rq.ref = all->ctx->sweeps[i];
        rq.s = rq.ref->state;
        if (rq.s->first_time > rq.t)
            continue;
        view_part_begin(out, &w, i);
        put_sweep(&rq, &w);
        view_part_end(out);
    }
    return view_rows_finish(all, out, cause);
}

/* ---- runs ---- */

static int64_t run_started(const struct view_request *rq, const struct state_run *r)
{
    for (int i = 0; i < r->n_changes && r->changes[i].time <= rq->t; i++)
        if (r->changes[i].state == RUN_RUNNING)
            return r->changes[i].time;
    return -1;
}

static void put_run(const struct view_request *rq, const struct state_run *r, struct codec_writer *w)
{
    const struct state_process *p = state_process_at(r, rq->t);
    const struct state_change *c = state_change_at(r->changes, r->n_changes, rq->t);
    cw_map(w, 13);
    cw_kint(w, "run", r->run);
    cw_kint(w, "trial", r->trial);
    cw_kint(w, "seed", r->seed);
    cw_kstr(w, "phase", r->test ? "test" : "tuning");
    cw_kstr(w, "state", run_state_name((enum run_state)c->state));
    cw_kstr(w, "worker", p && p->worker[0] ? p->worker : NULL);
    view_ktime(w, "pid", p && p->pid > 0 ? p->pid : -1);
    if (p && (p->exit >= 0 || p->signal))
        cw_kint(w, "exit", p->signal ? 128 + p->signal : p->exit); /* as a shell says it */
    else
        cw_knil(w, "exit");
    cw_kint(w, "epoch", p ? p->epoch : 0);
    cw_kstr(w, "host", p && p->host[0] ? p->host : NULL);
    view_ktime(w, "started", run_started(rq, r));
    cw_kint(w, "points", (int64_t)state_run_points(r, rq->t));
    cw_kint(w, "dropped", p ? p->dropped : 0);
}

int view_runs(const struct view_request *rq, struct view_out *out, char **cause)
{
    int64_t only = cmap_int(rq->body, "trial", -1);
    for (int i = 0; i < rq->s->n_runs; i++) {
        const struct state_run *r = rq->s->runs[i];
        struct codec_writer w;
        if (!view_has_run(rq, r) || (only >= 0 && r->trial != only))
            continue;
        view_part_begin(out, &w, i);
        put_run(rq, r, &w);
        view_part_end(out);
    }
    return view_rows_finish(rq, out, cause);
}

/* ---- workers ---- */

static int64_t worker_seen(const struct view_request *rq, const struct state_worker *wk, int64_t *busy)
{
    int64_t seen = state_change_at(wk->changes, wk->n_changes, rq->t)->time;
    *busy = 0;
    for (int i = 0; i < rq->s->n_runs; i++) {
        const struct state_run *r = rq->s->runs[i];
        const struct state_process *p = view_has_run(rq, r) ? state_process_at(r, rq->t) : NULL;
        if (!p || strcmp(p->worker, wk->name) != 0)
            continue;
        const struct state_change *c = state_change_at(r->changes, r->n_changes, rq->t);
        *busy += c->state == RUN_LEASED || c->state == RUN_RUNNING || c->state == RUN_PAUSED;
        seen = c->time > seen ? c->time : seen;
    }
    return seen;
}

int view_workers(const struct view_request *rq, struct view_out *out, char **cause)
{
    static const char *const names[] = {"joined", "lost", "left"};
    for (int i = 0; i < rq->s->n_workers; i++) {
        const struct state_worker *wk = rq->s->workers[i];
        const struct state_change *c = state_change_at(wk->changes, wk->n_changes, rq->t);
        const struct state_join *j = state_join_at(wk, rq->t);
        struct codec_writer w;
        int64_t busy;
        if (!c)
            continue;
        int64_t seen = worker_seen(rq, wk, &busy);
        view_part_begin(out, &w, i);
        cw_map(&w, 7);
        cw_kstr(&w, "worker", wk->name);
        cw_kstr(&w, "host", j ? j->host : NULL);
        view_ktime(&w, "pid", j ? j->pid : -1);
        cw_kint(&w, "slots", j ? j->slots : 0);
        cw_kint(&w, "busy", busy);
        cw_kstr(&w, "state", names[c->state]);
        cw_kint(&w, "last_seen", seen);
        view_part_end(out);
    }
    return view_rows_finish(rq, out, cause);
}

/* ---- interventions ---- */

static void put_iv(const struct view_request *rq, const struct state_iv *iv, struct codec_writer *w)
{
    int n = STATE_PREFIX(iv->changes, iv->n_changes, struct state_change, time, rq->t);
    const struct verb_info *verb = verb_find(iv->verb);
    enum iv_state st = (enum iv_state)iv->changes[n - 1].state;
    const char *message = NULL;
    bool applied = false;
    for (int i = 0; i < n; i++) {
        message = iv->changes[i].why ? iv->changes[i].why : message;
        applied |= iv->changes[i].state == IV_APPLIED;
    }
    cw_map(w, 12);
    cw_kint(w, "id", iv->id);
    cw_kint(w, "time", iv->time);
    cw_kstr(w, "who", iv->who);
    cw_kstr(w, "verb", iv->verb);
    cw_kstr(w, "target", iv->target);
    view_kraw(w, "args", iv->args, iv->args_n);
    cw_kstr(w, "reason", iv->reason[0] ? iv->reason : NULL);
    cw_kstr(w, "state", iv_state_name(st));
    cw_kstr(w, "message", message);
    view_ktime(w, "applied_step", applied ? iv->steps[n - 1] : -1);
    view_ktime(w, "undo_of", iv->undo_of > 0 ? iv->undo_of : -1);
    cw_kbool(w, "undoable", verb && verb->undoable && st <= IV_APPLIED);
}

int view_interventions(const struct view_request *rq, struct view_out *out, char **cause)
{
    for (int i = 0; i < rq->s->n_ivs; i++) {
        const struct state_iv *iv = rq->s->ivs[i];
        struct codec_writer w;
        enum iv_state st;
        if (!view_iv_at(rq, iv, &st))
            continue;
        view_part_begin(out, &w, i);
        put_iv(rq, iv, &w);
        view_part_end(out);
    }
    return view_rows_finish(rq, out, cause);
}

/* ---- metrics ---- */

static void put_metric(const struct view_request *rq, const struct state_run *r, const char *name,
                       const struct series *series, struct view_out *out)
{
    struct series_stats st;
    struct series_point first, last;
    struct codec_writer w;
    if (!series || !series_last(series, rq->t, &last) || !series_at(series, 0, &first))
        return;
    series_stats(series, rq->t, &st);
    view_part_begin(out, &w, out->n_parts);
    cw_map(&w, 10);
    cw_kint(&w, "trial", r->trial);
    cw_kint(&w, "run", r->run);
    cw_kstr(&w, "metric", name);
    cw_kint(&w, "count", (int64_t)st.count);
    cw_kint(&w, "first_step", first.step);
    cw_kint(&w, "last_step", last.step);
    view_kvalue(&w, "first", first.value);
    view_kvalue(&w, "last", last.value);
    view_kvalue(&w, "min", st.min);
    view_kvalue(&w, "max", st.max);
    view_part_end(out);
}

/* What a run only reported, and never logged, is listed under the objective's name. */
int view_metrics(const struct view_request *rq, struct view_out *out, char **cause)
{
    int64_t only = cmap_int(rq->body, "trial", -1);
    const char *objective = rq->s->info.metric ? rq->s->info.metric : "objective";
    for (int i = 0; i < rq->s->n_runs; i++) {
        const struct state_run *r = rq->s->runs[i];
        if (!view_has_run(rq, r) || (only >= 0 && r->trial != only))
            continue;
        for (int k = 0; k < r->n_metrics; k++)
            put_metric(rq, r, r->metrics[k].name, state_series_at(&r->metrics[k].takes, rq->t), out);
        const struct series *reports = state_series_at(&r->reports, rq->t);
        if (reports && view_objective(rq, r) == reports)
            put_metric(rq, r, objective, reports, out);
    }
    return view_rows_finish(rq, out, cause);
}
