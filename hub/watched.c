/* watched: see watched.h. */
#include "hub/watched.h"

#include "hub/intervention.h"
#include "hub/trial.h"

bool watched_listens(struct sweep *s, int64_t trial, char **cause)
{
    const struct state_trial *tr = state_trial(s->state, trial);
    for (int i = 0; tr && i < tr->n_runs; i++)
        if (sweep_run(s, tr->runs[i])->watched == WATCHED_ONLY) {
            verb_refuse(cause, "t%lld is only watched: its own tool steers it", (long long)trial);
            return false;
        }
    return true;
}

enum verb_outcome watched_enqueue(struct verb_call *c, char **cause)
{
    struct sweep *s = c->s;
    int64_t run = -1;
    for (int64_t i = 0; i < s->state->n_runs && i < s->cap_runs; i++)
        if (s->runs[i].watched == WATCHED_STEERED && s->runs[i].peer.n)
            run = i;
    if (run < 0)
        return verb_refuse(cause, "'%s' has no search space: its runs report by themselves", s->state->info.name);
    intervention_send(s, c->id, c->verb->verb, c->ask, state_run(s->state, run)->trial, &run, 1, "enqueue", c->args, 1);
    return VERB_PENDING;
}

void watched_verdict(struct sweep *s, int64_t trial, struct span as, const char *why)
{
    static const struct {
        const char *name;
        enum trial_state end;
    } ends[] = {{"pruned", TRIAL_PRUNED}, {"stopped", TRIAL_STOPPED}, {"killed", TRIAL_KILLED}};
    for (size_t i = 0; s->adhoc && as.p && i < sizeof ends / sizeof *ends; i++)
        if (span_eq(as, ends[i].name))
            trial_ending(s, trial, ends[i].end, why, 0);
}
