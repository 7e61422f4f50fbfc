/* hold: see hold.h.
 *
 * A run on its way is in one of these (run_live.hold): a checkpoint was asked for; a checkpoint is being restored; it was told
 * to end. Nothing of that is in the log but its beginning (the tell) and its end (the run's state), so a hub that was
 * killed in between begins it again when the run comes back. Commands of ours have negative ids, made of the time, so that no
 * worker has seen them before and no intervention answers to them. */
#include "hub/hold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hub/params.h"
#include "hub/scheduler.h"
#include "hub/trial.h"

#define ANSWER_NS (20 * CLOCK_S) /* for a checkpoint or a restore; then the run ends without */

static bool live_state(enum run_state st)
{
    return st == RUN_LEASED || st == RUN_RUNNING || st == RUN_PAUSED;
}

/* ---- commands ---- */

static void command(struct sweep *s, int64_t run, const char *verb, struct span args)
{
    struct run_live *l = sweep_run(s, run);
    int64_t now = s->hub->wall / 1000;
    s->hold_id = now > s->hold_id ? now : s->hold_id + 1;
    l->hold_command = -s->hold_id;
    l->hold_since = s->hub->mono;
    run_command(s, run, l->hold_command, verb, args);
}

static void ask_checkpoint(struct sweep *s, int64_t run)
{
    sweep_run(s, run)->hold = HOLD_CHECKPOINT;
    command(s, run, "checkpoint", (struct span){0});
}

static void tell_to_end(struct sweep *s, int64_t run)
{
    struct run_live *l = sweep_run(s, run);
    l->hold = HOLD_ENDING;
    l->hold_since = 0;
    l->stopping = true;
    run_command(s, run, 0, "stop", (struct span){0});
}

/* ---- where to begin ---- */

static const struct state_checkpoint *newest(const struct sweep *s, int64_t run)
{
    const struct state_run *r = state_run(s->state, run);
    const struct state_trial *t = r ? state_trial(s->state, r->trial) : NULL;
    if (!r || !r->n_checkpoints)
        return NULL;
    const struct state_checkpoint *c = &r->checkpoints[r->n_checkpoints - 1];
    /* what a failed trial wrote does not count for its second life */
    return t && t->n_resets && t->resets[t->n_resets - 1].time >= c->time ? NULL : c;
}

static const struct history_trial *in_tuner(const struct sweep *s, int64_t trial)
{
    const struct history *h = s->tuner ? tuner_history(s->tuner) : NULL;
    int k = h ? history_find(h, trial) : -1;
    return k < 0 ? NULL : &h->trials[k];
}

/* The donor's run of the same seed; its first when it has none. */
static int64_t run_like(const struct sweep *s, int64_t donor, int64_t run)
{
    const struct state_trial *t = state_trial(s->state, donor);
    const struct state_run *r = state_run(s->state, run);
    for (int i = 0; t && i < t->n_runs; i++)
        if (state_run(s->state, t->runs[i])->seed == r->seed)
            return t->runs[i];
    return t && t->n_runs ? t->runs[0] : -1;
}

const char *hold_restore(const struct sweep *s, int64_t run)
{
    const struct state_run *r = state_run(s->state, run);
    const struct history_trial *t = in_tuner(s, r->trial);
    const struct history_change *c = t && t->n_changes ? &t->changes[t->n_changes - 1] : NULL;
    const struct state_checkpoint *own = newest(s, run), *from = NULL;
    if (r->epoch <= 1)
        return "";
    if (c && c->donor >= 0 && !(own && own->step > c->step))
        from = newest(s, run_like(s, c->donor, run));
    if (!from)
        from = own;
    return from ? from->path : "";
}

struct span hold_params(struct sweep *s, int64_t trial, struct buf *own)
{
    const struct state_trial *t = state_trial(s->state, trial);
    const struct history_trial *h = in_tuner(s, trial);
    if (!h || !h->n_changes)
        return (struct span){t->params, t->params_n};
    buf_clear(own);
    params_encode(tuner_space(s->tuner), h->dna, own);
    return (struct span){(const char *)own->data, own->len};
}

/* ---- pausing ---- */

static void hold_run(struct sweep *s, int64_t run, const char *why)
{
    struct run_change c = RUN_CHANGE(RUN_HELD);
    c.why = why;
    run_move(s, run, &c);
    *sweep_run(s, run) = (struct run_live){0};
}

void hold_trial(struct sweep *s, int64_t trial)
{
    const struct state_trial *t = state_trial(s->state, trial);
    sweep_trial(s, trial)->held = true;
    for (int i = 0; i < t->n_runs; i++) {
        enum run_state st = run_now(s, t->runs[i]);
        if (st == RUN_QUEUED)
            hold_run(s, t->runs[i], "its trial is held");
        else if (live_state(st))
            ask_checkpoint(s, t->runs[i]);
    }
}

void hold_checkpoint(struct sweep *s, int64_t trial)
{
    const struct state_trial *t = state_trial(s->state, trial);
    for (int i = 0; i < t->n_runs; i++)
        if (live_state(run_now(s, t->runs[i])) && !sweep_run(s, t->runs[i])->hold)
            command(s, t->runs[i], "checkpoint", (struct span){0});
}

int64_t hold_resume(struct sweep *s, const struct proposal *p)
{
    const struct state_trial *t = state_trial(s->state, p->resume);
    int64_t first = -1;
    struct codec_writer *w = sweep_begin(s, EV_TRIAL_STATE, 7);
    cw_kint(w, "trial", p->resume);
    cw_kstr(w, "state", trial_state_name(TRIAL_WAITING));
    cw_kstr(w, "why", p->why);
    cw_kint(w, "intervention", 0);
    cw_kbool(w, "asked", true);
    cw_kint(w, "steps", p->steps);
    cw_kint(w, "donor", p->donor);
    sweep_commit(s);
    sweep_trial(s, p->resume)->held = false;
    if (p->resume < s->first_open)
        s->first_open = (int)p->resume;
    for (int i = 0; t && i < t->n_runs; i++) {
        enum run_state st = run_now(s, t->runs[i]);
        if (st == RUN_HELD) {
            run_requeue(s, t->runs[i], "resumed by the tuner");
            first = first < 0 ? t->runs[i] : first;
        } else if (live_state(st)) { /* it has not ended yet: then it begins again when it has */
            sweep_run(s, t->runs[i])->hold_again = true;
        }
    }
    return first;
}

static bool all_held(struct sweep *s, const struct state_trial *t)
{
    for (int i = 0; i < t->n_runs; i++) {
        enum run_state st = run_now(s, t->runs[i]);
        if (st != RUN_HELD && !run_state_terminal(st))
            return false;
    }
    return true;
}

void hold_release(struct sweep *s, bool all)
{
    for (int i = s->first_open; i < s->state->n_trials; i++) {
        const struct state_trial *t = state_trial(s->state, i);
        struct trial_live *l = sweep_trial(s, i);
        if (!t || !l->held || trial_state_terminal(trial_now(s, i)) || !all_held(s, t) ||
            (!all && tuner_holds(s->tuner, i)))
            continue;
        trial_ending(s, i, TRIAL_PRUNED, all ? "nothing was left to resume it for" : "others were better at its rung", 0);
        for (int k = 0; k < t->n_runs; k++) {
            struct run_change c = RUN_CHANGE(RUN_STOPPED);
            if (run_now(s, t->runs[k]) == RUN_HELD)
                run_move(s, t->runs[k], &c);
        }
        trial_settle(s, i);
    }
}

/* ---- changing ---- */

static bool takes_live(const struct state_run *r, const char *name)
{
    const struct state_param *p = state_param_at(r, name, STATE_NOW);
    return p && p->live;
}

/* The parameters that differ, as a map for `set`; how many. live: all of them may change while the run goes on. */
static int differences(struct sweep *s, const struct state_run *r, const double *from, const double *to, struct buf *out,
                       bool *live)
{
    const struct space *space = tuner_space(s->tuner);
    struct codec_writer w;
    int n = 0;
    *live = true;
    for (int pass = 0; pass < 2; pass++) {
        buf_clear(out);
        cw_init(&w, out);
        cw_map(&w, 1);
        cw_str(&w, "params");
        cw_map(&w, (size_t)n);
        for (int i = 0; i < space->n; i++) {
            const struct param *p = &space->params[i];
            bool was = space_active(space, from, i), is = space_active(space, to, i);
            if (was != is)
                *live = false;
            if (!was || !is || from[i] == to[i])
                continue;
            *live &= takes_live(r, p->name);
            n += pass == 0;
            struct tune_value v;
            param_decode(p, to[i], &v);
            if (pass) {
                cw_str(&w, p->name);
                params_put_value(&w, &v);
            }
        }
    }
    return n;
}

static void set_live(struct sweep *s, int64_t run)
{
    const struct state_run *r = state_run(s->state, run);
    const struct history_trial *t = in_tuner(s, r->trial);
    struct run_live *l = sweep_run(s, run);
    struct buf args = {0};
    bool live;
    int n = t && t->n_changes ? differences(s, r, t->changes[t->n_changes - 1].dna, t->dna, &args, &live) : 0;
    l->hold = HOLD_NONE;
    if (n)
        command(s, run, "set", (struct span){(const char *)args.data, args.len});
    buf_release(&args);
}

static void begin_again(struct sweep *s, int64_t run)
{
    sweep_run(s, run)->hold_again = true;
    tell_to_end(s, run);
}

static void change_run(struct sweep *s, int64_t run)
{
    const struct state_run *r = state_run(s->state, run);
    const struct history_trial *t = in_tuner(s, r->trial);
    const struct history_change *c = &t->changes[t->n_changes - 1];
    const struct state_checkpoint *from = c->donor >= 0 ? newest(s, run_like(s, c->donor, run)) : NULL;
    struct buf args = {0};
    bool live;
    differences(s, r, c->dna, t->dna, &args, &live);
    buf_release(&args);
    if (!live) {
        begin_again(s, run);
    } else if (from) {
        struct codec_writer w;
        cw_init(&w, &args);
        cw_map(&w, 2);
        cw_kstr(&w, "path", from->path);
        cw_kint(&w, "step", from->step);
        sweep_run(s, run)->hold = HOLD_RESTORE;
        command(s, run, "restore", (struct span){(const char *)args.data, args.len});
        buf_release(&args);
    } else {
        set_live(s, run);
    }
}

void hold_change(struct sweep *s, int64_t trial, const struct tell_result *r)
{
    const struct state_trial *t = state_trial(s->state, trial);
    for (int i = 0; i < t->n_runs; i++)
        if (live_state(run_now(s, t->runs[i])))
            change_run(s, t->runs[i]);
}

/* ---- what runs say ---- */

bool hold_busy(struct sweep *s, int64_t trial)
{
    const struct state_trial *t = state_trial(s->state, trial);
    if (sweep_trial(s, trial)->held)
        return true;
    for (int i = 0; i < t->n_runs; i++) {
        const struct run_live *l = sweep_run(s, t->runs[i]);
        if (l->hold == HOLD_RESTORE || l->hold == HOLD_ENDING)
            return true;
    }
    return false;
}

void hold_checkpointed(struct sweep *s, int64_t run)
{
    if (sweep_run(s, run)->hold == HOLD_CHECKPOINT)
        tell_to_end(s, run);
}

void hold_answered(struct sweep *s, int64_t run, struct span body)
{
    struct run_live *l = sweep_run(s, run);
    struct span state = cmap_str(body, "state");
    bool applied = span_eq(state, "applied");
    if (cmap_int(body, "command", 0) != l->hold_command || (!applied && !span_eq(state, "rejected")))
        return;
    if (l->hold == HOLD_CHECKPOINT)
        tell_to_end(s, run); /* also without a checkpoint: it begins again then */
    else if (l->hold == HOLD_RESTORE && applied)
        set_live(s, run);
    else if (l->hold == HOLD_RESTORE)
        begin_again(s, run);
}

bool hold_ended(struct sweep *s, int64_t run, const char *why)
{
    struct run_live *l = sweep_run(s, run);
    int64_t trial = state_run(s->state, run)->trial;
    if (l->hold != HOLD_ENDING || sweep_trial(s, trial)->ending >= 0)
        return false;
    hold_lost(s, run, why ? why : "held by the tuner");
    trial_settle(s, trial);
    return true;
}

void hold_lost(struct sweep *s, int64_t run, const char *why)
{
    bool again = sweep_run(s, run)->hold_again;
    hold_run(s, run, why);
    if (again)
        run_requeue(s, run, "goes on from a checkpoint");
}

void hold_again(struct sweep *s, int64_t run)
{
    const struct state_run *r = state_run(s->state, run);
    const struct history_trial *t = in_tuner(s, r->trial);
    struct run_live *l = sweep_run(s, run);
    if (l->hold || sweep_trial(s, r->trial)->ending >= 0)
        return;
    if (sweep_trial(s, r->trial)->held)
        ask_checkpoint(s, run);
    else if (t && t->n_changes && sweep_trial(s, r->trial)->changing)
        change_run(s, run);
    sweep_trial(s, r->trial)->changing = false;
}

void hold_tick(struct sweep *s, int64_t run)
{
    struct run_live *l = sweep_run(s, run);
    if (!l->hold || !l->hold_since || s->hub->mono - l->hold_since < ANSWER_NS)
        return;
    if (l->hold == HOLD_RESTORE)
        begin_again(s, run);
    else if (l->hold == HOLD_CHECKPOINT)
        tell_to_end(s, run);
}
