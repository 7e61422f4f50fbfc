/* trial: see trial.h. Writes the trial, trial_state and run events; owns nothing beside the counters of busy
 * slots, which follow the runs' states. Invariant: worker->busy is the number of runs with that worker that
 * are leased, running or paused. */
#include "hub/trial.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "hub/objective.h"
#include "hub/params.h"
#include "hub/replicate_run.h"
#include "hub/scheduler.h"
#include "hub/worker.h"

/* ---- birth ---- */

int64_t trial_create(struct sweep *s, const struct trial_birth *b)
{
    const struct space *space = s->tuner ? tuner_space(s->tuner) : NULL;
    int64_t id = s->state->n_trials;
    int n = b->dna ? space->n : 0;
    struct codec_writer *w = sweep_begin(s, EV_TRIAL, b->intervention || b->filled ? 11 : 9);
    cw_kint(w, "trial", id);
    cw_str(w, "params");
    if (b->params.n)
        cw_raw(w, b->params.p, b->params.n);
    else if (b->dna)
        params_encode(space, b->dna, w->b);
    else
        cw_map(w, 0);
    cw_str(w, "dna");
    cw_array(w, (size_t)n);
    for (int i = 0; i < n; i++)
        cw_double(w, b->dna[i]);
    cw_kstr(w, "origin", b->origin);
    cw_kint(w, "space_version", space ? space->version : 1);
    cw_kint(w, "parent", b->parent);
    if (isnan(b->propensity))
        cw_knil(w, "propensity");
    else
        cw_kdouble(w, "propensity", b->propensity);
    cw_kstr(w, "arm", b->arm ? b->arm : "");
    cw_kstr(w, "why", b->why ? b->why : "");
    if (b->intervention || b->filled) {
        cw_kint(w, "intervention", b->intervention);
        cw_kbool(w, "filled", b->filled);
    }
    sweep_commit(s);
    struct trial_live *t = sweep_trial(s, id);
    bool test = state_trial_tests(state_trial(s->state, id));
    t->in_tuner = s->tuner != NULL && !test;
    int runs = s->adhoc ? 1 : b->n_seeds ? b->n_seeds : s->file.replicates ? 1 : s->file.n_seeds;
    const int64_t *seeds = b->n_seeds ? b->seeds : s->file.seeds;
    for (int i = 0; i < runs; i++) {
        int64_t run = s->state->n_runs;
        w = sweep_begin(s, EV_RUN, 6);
        cw_kint(w, "run", run);
        cw_kint(w, "trial", id);
        cw_kint(w, "seed", s->adhoc ? 0 : seeds[i]);
        cw_kstr(w, "phase", test ? "test" : "tuning");
        cw_kint(w, "epoch", 1);
        cw_kstr(w, "state", run_state_name(RUN_QUEUED));
        sweep_commit(s);
        sweep_run(s, run);
    }
    return id;
}

/* ---- moves ---- */

enum trial_state trial_now(const struct sweep *s, int64_t trial)
{
    const struct state_trial *t = state_trial(s->state, trial);
    return t ? state_trial_at(t, STATE_NOW) : TRIAL_WITHDRAWN; /* a damaged recording may have lost it */
}

enum run_state run_now(const struct sweep *s, int64_t run)
{
    const struct state_run *r = state_run(s->state, run);
    if (!r)
        return RUN_KILLED;
    return r->n_changes ? (enum run_state)r->changes[r->n_changes - 1].state : RUN_QUEUED;
}

bool trial_move(struct sweep *s, int64_t trial, enum trial_state to, const char *why, int64_t intervention)
{
    if (!trial_move_legal(trial_now(s, trial), to))
        return false;
    struct codec_writer *w = sweep_begin(s, EV_TRIAL_STATE, 4);
    cw_kint(w, "trial", trial);
    cw_kstr(w, "state", trial_state_name(to));
    cw_kstr(w, "why", why && *why ? why : NULL);
    cw_kint(w, "intervention", intervention);
    sweep_commit(s);
    if (to == TRIAL_WAITING && trial < s->first_open)
        s->first_open = (int)trial;
    return true;
}

void trial_ending(struct sweep *s, int64_t trial, enum trial_state as, const char *why, int64_t intervention)
{
    struct trial_live *t = sweep_trial(s, trial);
    if (t->ending >= 0 && as != TRIAL_KILLED)
        return;
    t->ending = as;
    t->ending_iv = intervention;
    snprintf(t->why, sizeof t->why, "%s", why ? why : "");
}

static bool busy_state(enum run_state s)
{
    return s == RUN_LEASED || s == RUN_RUNNING || s == RUN_PAUSED;
}

void run_move(struct sweep *s, int64_t run, const struct run_change *c)
{
    struct state_run *r = state_run(s->state, run);
    struct run_live *l = sweep_run(s, run);
    bool was = busy_state(run_now(s, run)), is = busy_state(c->state), ends = run_state_terminal(c->state);
    size_t pairs = 5 + (c->worker != NULL) + (c->pid != 0) + (ends ? 2 : 0) + (c->why && *c->why);
    struct codec_writer *w = sweep_begin(s, EV_RUN, pairs);
    cw_kint(w, "run", run);
    cw_kint(w, "trial", r->trial);
    cw_kint(w, "seed", r->seed);
    cw_kint(w, "epoch", c->epoch ? c->epoch : r->epoch);
    cw_kstr(w, "state", run_state_name(c->state));
    if (c->worker)
        cw_kstr(w, "worker", c->worker);
    if (c->pid)
        cw_kint(w, "pid", c->pid);
    if (ends) {
        cw_kint(w, "exit", c->exit);
        cw_kint(w, "signal", c->signal);
    }
    if (c->why && *c->why)
        cw_kstr(w, "why", c->why);
    sweep_commit(s);
    if (l->worker)
        l->worker->busy += is - was;
    l->lost_since = c->state == RUN_LOST ? s->hub->mono : 0;
    if (ends || c->state == RUN_QUEUED || c->state == RUN_HELD) {
        l->worker = NULL;
        scheduler_wake(s->hub);
    }
}

void run_requeue(struct sweep *s, int64_t run, const char *why)
{
    struct run_live *l = sweep_run(s, run);
    struct run_change c = RUN_CHANGE(RUN_QUEUED);
    c.why = why;
    c.epoch = state_run(s->state, run)->epoch + 1; /* from here on nothing of the old lease is listened to */
    run_move(s, run, &c);
    *l = (struct run_live){0};
}

void run_command(struct sweep *s, int64_t run, int64_t command, const char *verb, struct span args)
{
    struct run_live *l = sweep_run(s, run);
    struct state_run *r = state_run(s->state, run);
    if (l->peer.n == 0)
        return;
    struct codec_writer w = hub_begin(s->hub, MSG_COMMAND, 0);
    cw_map(&w, 5);
    cw_kint(&w, "run", run_handle(s, run));
    cw_kint(&w, "epoch", r->epoch);
    cw_kint(&w, "command", command);
    cw_kstr(&w, "verb", verb);
    cw_str(&w, "args");
    if (args.n)
        cw_raw(&w, args.p, args.n);
    else
        cw_map(&w, 0);
    outbox_message(&s->out, sweep_seq(s), &l->peer, s->hub->out.data, s->hub->out.len);
    if (s->rec)
        recorder_urgent(s->rec);
}

/* ---- conclusions ---- */

struct tally {
    int n, open, busy, running, paused, leased, lost, held, queued, failed, killed;
    const char *why; /* of the first failed run */
};

static struct tally count_runs(struct sweep *s, const struct state_trial *t)
{
    struct tally c = {0};
    for (int i = 0; i < t->n_runs; i++) {
        const struct state_run *r = state_run(s->state, t->runs[i]);
        enum run_state st = run_now(s, t->runs[i]);
        c.n++;
        c.open += !run_state_terminal(st);
        c.running += st == RUN_RUNNING;
        c.paused += st == RUN_PAUSED;
        c.leased += st == RUN_LEASED;
        c.lost += st == RUN_LOST;
        c.held += st == RUN_HELD;
        c.queued += st == RUN_QUEUED;
        c.killed += st == RUN_KILLED;
        if (st == RUN_FAILED && !c.failed++ && r->n_changes)
            c.why = r->changes[r->n_changes - 1].why;
    }
    return c;
}

/* All runs have ended: what the trial was, in the order of who has the last word. */
static void conclude(struct sweep *s, int64_t trial, const struct tally *c)
{
    struct trial_live *t = sweep_trial(s, trial);
    struct state_trial *tr = state_trial(s->state, trial);
    enum trial_state end = TRIAL_DONE;
    char why[200] = "";
    double value;
    int64_t step;
    bool has = state_value_at(s->state, tr, STATE_NOW, &value, &step);
    snprintf(why, sizeof why, "%s", t->why);
    if (t->ending >= 0) {
        end = (enum trial_state)t->ending;
    } else if (c->killed) {
        end = TRIAL_KILLED;
    } else if (c->failed) {
        end = TRIAL_FAILED;
        snprintf(why, sizeof why, "%s", c->why ? c->why : "a run failed");
    } else if (!s->adhoc && !has) {
        end = TRIAL_FAILED;
        snprintf(why, sizeof why, "no objective value reported: the program must log or report '%s'",
                 s->state->info.metric);
    } else if (!s->adhoc && !isfinite(value)) {
        end = TRIAL_FAILED;
        snprintf(why, sizeof why, "the last objective value is %s", isnan(value) ? "NaN" : "infinite");
    }
    objective_final(s, trial, end);
    trial_move(s, trial, end, why, t->ending_iv);
}

void trial_settle(struct sweep *s, int64_t trial)
{
    struct state_trial *tr = state_trial(s->state, trial);
    if (!tr || trial_state_terminal(trial_now(s, trial)))
        return;
    struct tally c = count_runs(s, tr);
    if (c.n && !c.open && replicate_conclude(s, trial))
        ;
    else if (c.n && !c.open)
        conclude(s, trial, &c);
    else if (c.running)
        trial_move(s, trial, TRIAL_RUNNING, NULL, 0);
    else if (c.paused)
        trial_move(s, trial, TRIAL_PAUSED, NULL, 0);
    else if (c.held && c.open == c.held)
        trial_move(s, trial, TRIAL_PAUSED, "held by the tuner", 0);
    else if (c.lost && !c.leased)
        trial_move(s, trial, TRIAL_LOST, "its worker is silent", 0);
    else if (c.queued && !c.leased && trial_now(s, trial) != TRIAL_WAITING && c.open == c.queued &&
             c.open == c.n)
        trial_move(s, trial, TRIAL_WAITING, NULL, 0);
    scheduler_wake(s->hub);
}
