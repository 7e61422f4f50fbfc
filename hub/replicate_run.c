/* replicate_run: see replicate_run.h. Both moves are recorded in one turn; a hub that dies in between finds a trial that runs and
 * whose runs have all ended, and concludes it. */
#include "hub/replicate_run.h"

#include <math.h>
#include <stdio.h>

#include "hub/objective.h"
#include "hub/trial.h"

int64_t replicate_begin(struct sweep *s, const struct proposal *p)
{
    int64_t run = s->state->n_runs, trial = p->replicate;
    struct codec_writer *w = sweep_begin(s, EV_TRIAL_STATE, 6);
    cw_kint(w, "trial", trial);
    cw_kstr(w, "state", trial_state_name(TRIAL_RUNNING));
    cw_kstr(w, "why", p->why);
    cw_kint(w, "intervention", 0);
    cw_kbool(w, "asked", true);
    cw_kint(w, "replicate", p->seed_index);
    sweep_commit(s);
    if (trial < s->first_open)
        s->first_open = (int)trial;
    w = sweep_begin(s, EV_RUN, 7);
    cw_kint(w, "run", run);
    cw_kint(w, "trial", trial);
    cw_kint(w, "seed", s->file.seeds[p->seed_index]);
    cw_kstr(w, "phase", "tuning");
    cw_kbool(w, "replicate", true);
    cw_kint(w, "epoch", 1);
    cw_kstr(w, "state", run_state_name(RUN_QUEUED));
    sweep_commit(s);
    sweep_run(s, run);
    return run;
}

/* What became of a replicate, for people. */
static void say(const struct state_run *r, enum run_state st, double value, char *why, size_t cap)
{
    const char *own = r->n_changes ? r->changes[r->n_changes - 1].why : NULL;
    if (isfinite(value))
        snprintf(why, cap, "seed %lld: %g", (long long)r->seed, value);
    else
        snprintf(why, cap, "seed %lld %s%s%s: its values are those it had", (long long)r->seed,
                 st == RUN_DONE ? "reported no value" : run_state_name(st), own && *own ? ": " : "", own && *own ? own : "");
}

bool replicate_conclude(struct sweep *s, int64_t trial)
{
    const struct state_trial *t = state_trial(s->state, trial);
    const struct state_run *r = t->n_runs ? state_run(s->state, t->runs[t->n_runs - 1]) : NULL;
    struct trial_live *l = sweep_trial(s, trial);
    enum run_state st;
    char why[240];
    if (!r || !state_done_before(t, STATE_NOW))
        return false;
    st = run_now(s, r->run);
    double value = r->replicate && st == RUN_DONE && r->reported ? r->report_value : NAN;
    say(r, st, value, why, sizeof why);
    objective_repeated(s, trial, r->report_step, value);
    int64_t by = l->ending_iv;
    l->ending = -1;
    l->ending_iv = 0;
    l->why[0] = '\0';
    trial_move(s, trial, TRIAL_DONE, why, by);
    return true;
}
