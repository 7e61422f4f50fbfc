/* view_summary: the sweep in a header line, and the rungs of early stopping. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hub/trial_row.h"
#include "tune/history.h"

#define RATE_WINDOW (10 * CLOCK_S)
#define NAMES_FROM                                                                                           \
    64 /* trials whose parameters are listed: later ones have the same, or the sweep is ad hoc */
#define MAX_NAMES 256

struct totals {
    int64_t counts[TRIAL_STATE_COUNT];
    int64_t trials, ended;
    double seconds;       /* all running time */
    double ended_seconds; /* of trials that ran to an end that counts */
    int64_t ended_counted;
    double running_seconds; /* of those that run now */
};

static struct totals add_up(const struct view_request *rq)
{
    struct totals t = {0};
    for (int i = 0; i < rq->s->n_trials; i++) {
        struct trial_row r;
        if (!view_has_trial(rq, rq->s->trials[i]))
            continue;
        trial_row_begin(&r, rq, rq->s->trials[i]);
        trial_row_times(&r);
        t.trials++;
        t.counts[r.state]++;
        t.seconds += r.seconds;
        t.ended += trial_state_terminal(r.state);
        if (r.state == TRIAL_DONE || r.state == TRIAL_PRUNED || r.state == TRIAL_STOPPED) {
            t.ended_seconds += r.seconds;
            t.ended_counted++;
        } else if (r.state == TRIAL_RUNNING) {
            t.running_seconds += r.seconds;
        }
    }
    return t;
}

/* Trials still to run at the mean duration so far, shared among as many as run at once. */
static double eta(const struct view_request *rq, const struct totals *t, const struct view_settings *v,
                  int64_t slots)
{
    int64_t left = v->budget - t->ended, at_once = v->concurrency > 0 ? v->concurrency : slots;
    enum sweep_state st = state_sweep_at(rq->s, rq->t);
    if (v->budget < 0 || left <= 0 || !t->ended_counted || st == SWEEP_DONE || st == SWEEP_FAILED)
        return NAN;
    at_once = at_once < 1 ? 1 : at_once > left ? left : at_once;
    double work = (double)left * t->ended_seconds / (double)t->ended_counted - t->running_seconds;
    return work > 0 ? floor(work / (double)at_once) : 0;
}

static double elapsed(const struct view_request *rq)
{
    const struct state *s = rq->s;
    int n = STATE_PREFIX(s->changes, s->n_changes, struct state_change, time, rq->t);
    bool over = n && (s->changes[n - 1].state == SWEEP_DONE || s->changes[n - 1].state == SWEEP_FAILED);
    int64_t end = over ? s->changes[n - 1].time : rq->now;
    return end > s->first_time ? floor((double)(end - s->first_time) / 1e9) : 0;
}

static double rate(const struct view_request *rq)
{
    uint64_t now = state_points(rq->s, rq->now), then = state_points(rq->s, rq->now - RATE_WINDOW);
    return (double)(now - then) / ((double)RATE_WINDOW / 1e9);
}

static void count_workers(const struct view_request *rq, int64_t *workers, int64_t *slots)
{
    *workers = *slots = 0;
    for (int i = 0; i < rq->s->n_workers; i++) {
        const struct state_worker *w = rq->s->workers[i];
        const struct state_change *c = state_change_at(w->changes, w->n_changes, rq->t);
        const struct state_join *j = state_join_at(w, rq->t);
        if (!c || c->state != 0 || !j)
            continue;
        ++*workers;
        *slots += j->slots;
    }
}

/* Runs that hold a slot: a trial of several seeds holds as many. */
static int64_t busy_slots(const struct view_request *rq)
{
    int64_t n = 0;
    for (int i = 0; i < rq->s->n_runs; i++) {
        const struct state_run *r = rq->s->runs[i];
        if (!view_has_run(rq, r))
            continue;
        const struct state_change *c = state_change_at(r->changes, r->n_changes, rq->t);
        n += c && (c->state == RUN_LEASED || c->state == RUN_RUNNING || c->state == RUN_PAUSED);
    }
    return n;
}

static bool has_name(const struct span *names, int n, struct span name)
{
    for (int i = 0; i < n; i++)
        if (names[i].n == name.n && memcmp(names[i].p, name.p, name.n) == 0)
            return true;
    return false;
}

static void put_names(const struct view_request *rq, struct codec_writer *w)
{
    struct span names[MAX_NAMES];
    int n = 0;
    for (int i = 0; i < rq->s->n_trials && i < NAMES_FROM; i++) {
        const struct state_trial *tr = rq->s->trials[i];
        struct codec_reader r;
        if (!view_has_trial(rq, tr))
            continue;
        cr_init(&r, tr->params, tr->params_n);
        for (size_t k = cr_map(&r); k > 0 && cr_ok(&r); k--) {
            bool text = cr_peek(&r) == CT_STR;
            struct span name = text ? cr_str(&r) : cr_value(&r);
            if (text && n < MAX_NAMES && !has_name(names, n, name))
                names[n++] = name;
            cr_skip(&r);
        }
    }
    cw_str(w, "params");
    cw_array(w, (size_t)n);
    for (int i = 0; i < n; i++)
        cw_strn(w, names[i].p, names[i].n);
}

static void put_counts(const struct totals *t, struct codec_writer *w)
{
    cw_str(w, "counts");
    cw_map(w, TRIAL_STATE_COUNT);
    for (int i = 0; i < TRIAL_STATE_COUNT; i++)
        cw_kint(w, trial_state_name((enum trial_state)i), t->counts[i]);
}

static void put_best(const struct view_request *rq, struct codec_writer *w)
{
    int64_t trial = -1;
    double best = NAN;
    bool any = state_best_at(rq->s, rq->t, &trial, &best);
    const struct state_trial *tr = any ? state_trial(rq->s, trial) : NULL;
    view_kvalue(w, "best", best);
    view_ktime(w, "best_trial", any ? trial : -1);
    view_kraw(w, "best_params", tr ? tr->params : NULL, tr ? tr->params_n : 0);
}

int view_summary(const struct view_request *rq, struct view_out *out, char **cause)
{
    const struct state *s = rq->s;
    const struct sweep_ref *ref = rq->ref;
    struct totals t = add_up(rq);
    struct view_settings v = view_settings(rq);
    int64_t workers, slots, last = rq->t == STATE_NOW && ref->live ? rq->now : s->last_time;
    struct codec_writer w;
    (void)cause;
    count_workers(rq, &workers, &slots);
    view_head(out, &w, 35);
    cw_kstr(&w, "sweep", s->info.name);
    cw_kstr(&w, "state", sweep_state_name(state_sweep_at(s, rq->t)));
    cw_kstr(&w, "goal", s->info.maximize ? "maximize" : "minimize");
    cw_kstr(&w, "metric", s->info.metric);
    cw_kstr(&w, "tuner", ref->tuner_text && *ref->tuner_text ? ref->tuner_text : s->info.tuner);
    put_counts(&t, &w);
    cw_kint(&w, "trials", t.trials);
    view_ktime(&w, "budget", v.budget);
    put_best(rq, &w);
    view_ktime(&w, "started", s->first_time > 0 ? s->first_time : -1);
    cw_kdouble(&w, "elapsed", elapsed(rq));
    view_kvalue(&w, "eta", eta(rq, &t, &v, slots));
    cw_kint(&w, "workers", workers);
    cw_kint(&w, "slots", slots);
    cw_kint(&w, "busy", busy_slots(rq));
    cw_kint(&w, "points", (int64_t)state_points(s, rq->t));
    cw_kdouble(&w, "points_per_s", rate(rq));
    cw_kstr(&w, "recording", ref->recording);
    cw_kstr(&w, "sync", ref->sync);
    cw_kint(&w, "bytes", (int64_t)ref->bytes);
    cw_kint(&w, "space_version", state_space_at(s, rq->t));
    cw_kbool(&w, "live", ref->live);
    cw_kint(&w, "now", rq->now);
    view_ktime(&w, "first", s->first_time);
    view_ktime(&w, "last", last);
    view_ktime(&w, "cursor", rq->t == STATE_NOW ? -1 : rq->t);
    cw_kdouble(&w, "seconds_running", floor(t.seconds));
    cw_kdouble(&w, "explore", v.explore);
    view_ktime(&w, "concurrency", v.concurrency);
    cw_kstr(&w, "warning", ref->warning);
    cw_kint(&w, "consoles", rq->ctx->consoles);
    cw_kbool(&w, "readonly", rq->ctx->readonly);
    put_names(rq, &w);
    return 0;
}

/* ---- rungs ---- */

#define MAX_RUNGS 64

struct rung {
    int64_t resource;
    int trials, promoted, stopped;
};

/* From what the tuner decided, so that a recording shows them too; the value to beat is the living tuner's
 * secret. */
static int points_of(const struct state_trial *tr, int k, struct rung_point *out)
{
    int n = 0;
    for (int j = 0; j < k; j++)
        if (tr->tells[j].rung >= 0 && tr->tells[j].rung < MAX_RUNGS && !isnan(tr->tells[j].value))
            out[n++] = (struct rung_point){tr->trial, tr->tells[j].rung, tr->tells[j].value};
    return n;
}

static void put_number(struct codec_writer *w, double v)
{
    if (isfinite(v))
        cw_double(w, v);
    else
        cw_nil(w);
}

/* How well each rung agrees with later ones. */
static void put_correlation(const struct view_request *rq, struct view_out *out)
{
    struct rung_tau rows[MAX_RUNGS];
    struct rung_point *points = NULL;
    struct codec_writer w;
    int n = 0;
    for (int i = 0; i < rq->s->n_trials; i++) {
        const struct state_trial *tr = rq->s->trials[i];
        int k = tr ? STATE_PREFIX(tr->tells, tr->n_tells, struct state_tell, time, rq->t) : 0;
        if (!k)
            continue;
        points = mem_resize(points, (size_t)(n + k), sizeof *points);
        n += points_of(tr, k, points + n);
    }
    int rungs = rung_correlation(points, n, rows, MAX_RUNGS);
    free(points);
    view_head(out, &w, 1);
    cw_str(&w, "correlation");
    cw_array(&w, (size_t)(rungs < MAX_RUNGS ? rungs : MAX_RUNGS));
    for (int i = 0; i < rungs && i < MAX_RUNGS; i++) {
        cw_array(&w, 5);
        cw_int(&w, rows[i].rung);
        cw_int(&w, rows[i].n);
        put_number(&w, rows[i].tau);
        put_number(&w, rows[i].low);
        put_number(&w, rows[i].high);
    }
}

int view_rungs(const struct view_request *rq, struct view_out *out, char **cause)
{
    struct rung rungs[MAX_RUNGS] = {{0}};
    int n = 0;
    (void)cause;
    for (int i = 0; i < rq->s->n_trials; i++) {
        const struct state_trial *tr = rq->s->trials[i];
        int k = tr ? STATE_PREFIX(tr->tells, tr->n_tells, struct state_tell, time, rq->t) : 0;
        for (int j = 0; j < k; j++) {
            const struct state_tell *tell = &tr->tells[j];
            if (tell->rung < 0 || tell->rung >= MAX_RUNGS)
                continue;
            struct rung *r = &rungs[tell->rung];
            r->resource = r->trials == 0 || tell->step < r->resource ? tell->step : r->resource;
            r->trials++;
            r->promoted += tell->action == 'c';
            r->stopped += tell->action == 's';
            n = tell->rung >= n ? tell->rung + 1 : n;
        }
    }
    bool live = rq->t == STATE_NOW && rq->ref->live;
    for (int i = 0; i < n; i++) {
        struct codec_writer w;
        double cutoff = NAN;
        for (int k = 0; live && k < rq->ref->n_rungs; k++)
            cutoff = rq->ref->rungs[k].rung == i ? rq->ref->rungs[k].cutoff : cutoff;
        view_part_begin(out, &w, i);
        cw_map(&w, 6);
        cw_kint(&w, "rung", i);
        cw_kint(&w, "resource", rungs[i].resource);
        cw_kint(&w, "trials", rungs[i].trials);
        cw_kint(&w, "promoted", rungs[i].promoted);
        cw_kint(&w, "stopped", rungs[i].stopped);
        view_kvalue(&w, "cutoff", cutoff);
        view_part_end(out);
    }
    put_correlation(rq, out);
    out->count = n;
    return 0;
}
