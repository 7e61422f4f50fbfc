/* scheduler: see scheduler.h. Sweeps take turns, oldest first; within a sweep what people queued goes first,
 * then waiting runs in order, then a new ask. A lease is sent only after it is on disk: a hub that dies in
 * between has promised nothing. */
#include "hub/scheduler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hub/adviser.h"
#include "hub/hold.h"
#include "hub/ingest.h"
#include "hub/objective.h"
#include "hub/replicate_run.h"
#include "hub/sweep.h"
#include "hub/trial.h"
#include "hub/worker.h"

#define LEASE_NS  (30 * CLOCK_S) /* for a worker to say that it started what it was given */
#define TURN_NS   (4 * CLOCK_MS)
#define LOST_MAX  5 /* a run that was lost this often takes its workers down */

void scheduler_wake(struct hub *h)
{
    h->schedule = true;
}

/* ---- one sweep ---- */

/* Trials that hold slots now. */
static int64_t active_trials(struct sweep *s)
{
    int64_t n = 0;
    for (int i = s->first_open; i < s->state->n_trials; i++) {
        enum trial_state t = trial_now(s, i);
        if (trial_state_terminal(t)) {
            if (i == s->first_open)
                s->first_open++;
            continue;
        }
        struct state_trial *tr = state_trial(s->state, i);
        for (int k = 0; k < tr->n_runs; k++) {
            enum run_state r = run_now(s, tr->runs[k]);
            if (r == RUN_LEASED || r == RUN_RUNNING || r == RUN_PAUSED || r == RUN_LOST) {
                n++;
                break;
            }
        }
    }
    return n;
}

static bool trial_begun(struct sweep *s, const struct state_trial *tr)
{
    for (int k = 0; k < tr->n_runs; k++)
        if (run_now(s, tr->runs[k]) != RUN_QUEUED)
            return true;
    return false;
}

static int64_t queued_run(struct sweep *s, const struct state_trial *tr)
{
    for (int k = 0; k < tr->n_runs; k++)
        if (run_now(s, tr->runs[k]) == RUN_QUEUED)
            return tr->runs[k];
    return -1;
}

/* The run to start next: first more runs of a trial that has begun, then what people asked for, then the
 * rest. */
static int64_t next_run(struct sweep *s, bool may_begin)
{
    int64_t best = -1;
    int rank = 3;
    for (int i = s->first_open; i < s->state->n_trials; i++) {
        struct state_trial *tr = state_trial(s->state, i);
        struct trial_live *t = sweep_trial(s, i);
        if (trial_state_terminal(trial_now(s, i)) || t->ending >= 0 || t->held)
            continue;
        bool begun = trial_begun(s, tr);
        int r = begun ? 0 : strcmp(tr->origin, "tuner") != 0 ? 1 : 2;
        if (r >= rank || (!begun && !may_begin))
            continue;
        int64_t run = queued_run(s, tr);
        if (run < 0)
            continue;
        best = run;
        rank = r;
    }
    return best;
}

/* A new trial from the tuner; its first run, or -1. */
static int64_t ask(struct sweep *s)
{
    if (!s->tuner || s->exhausted || s->stuck)
        return -1;
    const struct space *space = tuner_space(s->tuner);
    struct proposal p = {.dna = mem_zero((size_t)space->n + 1, sizeof(double)), .propensity = NAN, .arm = -1};
    char *cause = NULL;
    int64_t run = -1, id = s->state->n_trials;
    int rc = tuner_ask(s->tuner, id, &p, &cause);
    if (rc == 0 && p.replicate >= 0) {
        s->asks++;
        run = replicate_begin(s, &p);
        objective_arms_changed(s);
    } else if (rc == 0 && p.resume >= 0) {
        s->asks++;
        run = hold_resume(s, &p);
        objective_arms_changed(s);
    } else if (rc == 0) {
        struct trial_birth b = {.dna = p.dna,
                                .origin = "tuner",
                                .parent = -1,
                                .propensity = p.propensity,
                                .arm = p.label,
                                .why = p.why};
        s->asks++;
        trial_create(s, &b);
        run = state_trial(s->state, id)->runs[0];
        objective_arms_changed(s);
    } else if (rc == 1) {
        s->exhausted = true;
        hold_release(s, true);
    } else if (rc < 0) {
        s->stuck = true; /* until somebody steers: it is not the end of the sweep */
        sweep_warn(s, WARN_TUNER, "the tuner has nothing to propose: %s", cause);
    }
    free(cause);
    free(p.dna);
    return run;
}

static void put_argv(struct sweep *s, struct codec_writer *w, char **argv)
{
    size_t n = 0;
    while (argv[n])
        n++;
    cw_str(w, "argv");
    cw_array(w, n);
    for (size_t i = 0; i < n; i++)
        cw_str(w, argv[i]);
}

static void send_lease(struct sweep *s, int64_t run, struct worker *k, char **argv, struct span params)
{
    const struct state_run *r = state_run(s->state, run);
    struct codec_writer w = hub_begin(s->hub, MSG_LEASE, 0);
    struct buf config = {0};
    bool wandb = s->file.wandb != SWEEPFILE_WANDB_OFF && sweepfile_config(&s->file, params.p, params.n, &config) == 0;
    cw_map(&w, wandb ? 15 : 13);
    if (wandb) {
        cw_kstr(&w, "wandb", s->file.wandb == SWEEPFILE_WANDB_ON ? "on" : "auto");
        cw_str(&w, "config");
        cw_raw(&w, config.data, config.len);
    }
    buf_release(&config);
    cw_kstr(&w, "phase", r->test ? "test" : "tuning");
    cw_kstr(&w, "sweep", s->state->info.name);
    cw_kint(&w, "trial", r->trial);
    cw_kint(&w, "run", run_handle(s, run));
    cw_kint(&w, "seed", r->seed);
    cw_kint(&w, "epoch", r->epoch);
    cw_str(&w, "params");
    cw_raw(&w, params.p, params.n);
    put_argv(s, &w, argv);
    cw_str(&w, "env");
    if (s->env.len)
        cw_raw(&w, s->env.data, s->env.len);
    else if (s->state->info.env_n)
        cw_raw(&w, s->state->info.env, s->state->info.env_n);
    else
        cw_map(&w, 0);
    cw_kstr(&w, "cwd", s->state->info.cwd);
    cw_kint(&w, "fidelity", s->file.max_fidelity);
    cw_kstr(&w, "restore", hold_restore(s, run));
    sweep_wrap_lease(&s->file, &w);
    outbox_message(&s->out, sweep_seq(s), &k->peer, s->hub->out.data, s->hub->out.len);
    recorder_urgent(s->rec);
}

static void lease(struct sweep *s, int64_t run, struct worker *k)
{
    const struct state_run *r = state_run(s->state, run);
    struct buf own = {0};
    struct span params = hold_params(s, r->trial, &own);
    char *cause = NULL;
    char **argv = sweepfile_argv(&s->file, r->test, params.p, params.n, &cause);
    struct run_live *l = sweep_run(s, run);
    if (!argv) {
        struct run_change c = RUN_CHANGE(RUN_FAILED);
        c.why = cause;
        run_move(s, run, &c);
        trial_settle(s, r->trial);
        buf_release(&own);
        free(cause);
        return;
    }
    *l = (struct run_live){.worker = k, .peer = k->peer, .leased_at = s->hub->mono};
    struct run_change c = RUN_CHANGE(RUN_LEASED);
    c.worker = k->name;
    run_move(s, run, &c);
    send_lease(s, run, k, argv, params);
    buf_release(&own);
    sweepfile_argv_free(argv);
}

/* Starts at most one run. False when there is none to start or no slot for it. */
static bool start_one(struct sweep *s)
{
    struct worker *k = worker_free_slot(s->hub, s);
    if (!k)
        return false;
    bool may_begin = active_trials(s) < s->concurrency;
    int64_t run = next_run(s, may_begin);
    if (run < 0 && may_begin)
        run = adviser_ask(s);
    if (run == ADVISER_PASS && may_begin)
        run = ask(s);
    if (run < 0)
        return false;
    lease(s, run, k);
    return true;
}

static bool may_work(const struct sweep *s)
{
    return s->rec && !s->adhoc && sweep_open(s) && state_sweep_at(s->state, STATE_NOW) == SWEEP_RUNNING;
}

void scheduler_run(struct hub *h)
{
    if (!h->schedule)
        return;
    h->schedule = false;
    int64_t stop = clock_mono_ns() + TURN_NS;
    for (bool again = true; again;) {
        again = false;
        for (int i = 0; i < h->n_sweeps; i++) {
            struct sweep *s = h->sweeps[i];
            if (may_work(s) && !recorder_congested(s->rec) && start_one(s))
                again = true;
            if (again && clock_mono_ns() > stop) { /* the rest in the next turn */
                h->schedule = h->sent = true;
                return;
            }
        }
    }
}

/* ---- what comes with time ---- */

static void give_up(struct sweep *s, int64_t run, const char *why)
{
    struct run_change c = RUN_CHANGE(RUN_FAILED);
    c.why = why;
    run_move(s, run, &c);
}

/* How often it was queued again, but for when the tuner had held it. */
static int times_lost(const struct state_run *r)
{
    int n = 0;
    for (int i = 1; i < r->n_changes; i++)
        n += r->changes[i].state == RUN_QUEUED && r->changes[i - 1].state != RUN_HELD;
    return n;
}

/* A run that lost its worker. Its trial may have been told to end meanwhile: then that is its end. */
void scheduler_give_again(struct sweep *s, int64_t run, const char *why)
{
    const struct state_run *r = state_run(s->state, run);
    int ending = sweep_trial(s, r->trial)->ending;
    struct run_change c = RUN_CHANGE(ending == TRIAL_KILLED ? RUN_KILLED : RUN_STOPPED);
    c.why = why;
    if (ending >= 0 || s->adhoc)
        run_move(s, run, &c);
    else if (sweep_trial(s, r->trial)->held || sweep_run(s, run)->hold_again)
        hold_lost(s, run, why);
    else if (times_lost(r) + 1 >= LOST_MAX)
        give_up(s, run, "its worker was lost again and again while it ran");
    else
        run_requeue(s, run, why);
}

static void tick_runs(struct sweep *s)
{
    for (int i = s->first_open; i < s->state->n_trials; i++) {
        struct state_trial *tr = state_trial(s->state, i);
        if (trial_state_terminal(trial_now(s, i)))
            continue;
        bool settle = false;
        for (int k = 0; k < tr->n_runs; k++) {
            int64_t run = tr->runs[k];
            struct run_live *l = sweep_run(s, run);
            enum run_state st = run_now(s, run);
            hold_tick(s, run);
            if (st == RUN_LOST && l->lost_since && s->hub->mono - l->lost_since > MSG_LOST_S * CLOCK_S) {
                scheduler_give_again(s, run, "its worker did not come back");
                settle = true;
            } else if (st == RUN_LEASED && l->leased_at && s->hub->mono - l->leased_at > LEASE_NS) {
                run_command(s, run, 0, "kill", (struct span){0});
                scheduler_give_again(s, run, "the worker never started it");
                settle = true;
            }
        }
        if (settle)
            trial_settle(s, i);
    }
}

void scheduler_tick(struct hub *h)
{
    if (h->readonly || ingest_congested(h))
        return; /* nobody can prove that he is alive while we do not listen */
    for (int i = 0; i < h->n_sweeps; i++) {
        struct sweep *s = h->sweeps[i];
        if (!s->rec || !sweep_open(s))
            continue;
        tick_runs(s);
        objective_arms_record(s);
    }
}
