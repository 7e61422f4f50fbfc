/* verbs_undo: taking back. An undo is an intervention of its own; when it has taken effect, the undone one is
 * marked. What went to a process is taken back by a command the other way, what went to the tuner by its
 * token. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/objective.h"
#include "hub/params.h"
#include "hub/trial.h"
#include "hub/verbs.h"
#include "hub/verbs_parts.h"

static enum iv_state now_of(const struct state_iv *iv)
{
    return iv->n_changes ? (enum iv_state)iv->changes[iv->n_changes - 1].state : IV_QUEUED;
}

static bool can_undo(const struct state_iv *iv)
{
    const struct verb_info *v = iv ? verb_find(iv->verb) : NULL;
    enum iv_state st = iv ? now_of(iv) : IV_REJECTED;
    return v && v->undoable && (st == IV_APPLIED || st == IV_DELIVERED || st == IV_SENT);
}

static const struct state_iv *last_of(struct sweep *s, const char *who)
{
    for (int i = s->state->n_ivs - 1; i >= 0; i--) {
        const struct state_iv *iv = s->state->ivs[i];
        if (iv && strcmp(iv->who, who) == 0 && can_undo(iv))
            return iv;
    }
    return NULL;
}

int64_t verb_undo_target(struct sweep *s, const char *who, struct span args)
{
    struct codec_reader at;
    if (args.n && cmap_find(args, "id", &at))
        return cmap_int(args, "id", 0);
    const struct state_iv *iv = last_of(s, who);
    return iv ? iv->id : 0;
}

static const struct state_iv *find(struct verb_call *c, char **cause)
{
    int64_t id = state_iv(c->s->state, c->id)->undo_of;
    const struct state_iv *iv = state_iv(c->s->state, id);
    if (!id)
        verb_refuse(cause, "%s has done nothing that could be undone", c->who);
    else if (!iv)
        verb_refuse(cause, "no intervention %lld", (long long)id);
    else if (!can_undo(iv))
        verb_refuse(cause, "intervention %lld (%s, %s) cannot be undone", (long long)id, iv->verb,
                    iv_state_name(now_of(iv)));
    return iv && can_undo(iv) ? iv : NULL;
}

/* ---- commands ---- */

static enum verb_outcome send_back(struct verb_call *c, int64_t trial, const char *name, struct span args,
                                   int answers, char **cause)
{
    int64_t runs[VERB_RUNS_MAX];
    int n = verb_runs(c->s, trial, false, runs, VERB_RUNS_MAX);
    if (n == 0)
        return verb_refuse(cause, "t%lld does not run any more", (long long)trial);
    intervention_send(c->s, c->id, c->verb->verb, c->ask, trial, runs, n, name, args, answers);
    return VERB_PENDING;
}

struct old_values {
    struct sweep *s;
    int64_t trial, id;
    struct codec_writer w;
    int n;
};

/* The value that a parameter had before the intervention: as the trainer acknowledged it, else the one it has
 * now (the change has not been applied yet, and the way back is queued behind it). */
static bool old_value(void *arg, const char *name, struct span value)
{
    struct old_values *o = arg;
    const struct state_trial *tr = state_trial(o->s->state, o->trial);
    (void)value;
    for (int i = 0; i < tr->n_runs; i++) {
        const struct state_run *r = state_run(o->s->state, tr->runs[i]);
        for (int k = r->n_lives - 1; k >= 0; k--)
            if (r->lives[k].command == o->id && strcmp(r->lives[k].param, name) == 0) {
                cw_str(&o->w, name);
                cw_raw(&o->w, r->lives[k].old_value, r->lives[k].old_n);
                o->n++;
                return true;
            }
        for (int k = 0; k < r->n_params; k++)
            if (strcmp(r->params[k].name, name) == 0) {
                cw_str(&o->w, name);
                cw_raw(&o->w, r->params[k].value, r->params[k].value_n);
                o->n++;
                return true;
            }
    }
    return true;
}

static enum verb_outcome undo_set(struct verb_call *c, const struct state_iv *of, char **cause)
{
    struct buf pairs = {0}, args = {0};
    struct old_values o = {.s = c->s, .trial = strtoll(of->target, NULL, 10), .id = of->id};
    struct codec_writer w;
    cw_init(&o.w, &pairs);
    params_each(cmap_value((struct span){of->args, of->args_n}, "params"), old_value, &o);
    cw_init(&w, &args);
    cw_map(&w, 1);
    cw_str(&w, "params");
    cw_map(&w, (size_t)o.n);
    cw_raw(&w, pairs.data, pairs.len);
    enum verb_outcome out =
        o.n ? send_back(c, o.trial, "set", (struct span){(const char *)args.data, args.len}, o.n, cause)
            : verb_refuse(cause, "the old values are not known");
    buf_release(&pairs);
    buf_release(&args);
    return out;
}

/* ---- what never reached a process ---- */

static enum verb_outcome undo_trial(struct verb_call *c, const struct verb_memo *m, char **cause)
{
    int64_t trial = m ? m->trial : -1;
    struct state_trial *tr = state_trial(c->s->state, trial);
    if (!tr)
        return verb_refuse(cause, "the trial that it queued is not known");
    if (trial_now(c->s, trial) != TRIAL_WAITING || verb_runs(c->s, trial, true, (int64_t[1]){0}, 1))
        return verb_refuse(cause, "t%lld has begun: stop or kill it instead", (long long)trial);
    trial_ending(c->s, trial, TRIAL_WITHDRAWN, "undone before it began", c->id);
    for (int i = 0; i < tr->n_runs; i++)
        if (run_now(c->s, tr->runs[i]) == RUN_QUEUED) {
            struct run_change ch = RUN_CHANGE(RUN_STOPPED);
            run_move(c->s, tr->runs[i], &ch);
        }
    trial_settle(c->s, trial);
    snprintf(c->message, sizeof c->message, "t%lld is withdrawn", (long long)trial);
    return VERB_DID;
}

static enum verb_outcome undo_steer(struct verb_call *c, const struct state_iv *of, const struct verb_memo *m,
                                    char **cause)
{
    if (m && m->in_process)
        return verb_unsteer_process(c, of, cause);
    if (!m || !m->token || !c->s->tuner)
        return verb_refuse(cause, "the tuner does not know it any more");
    int before = tuner_space(c->s->tuner)->version;
    if (tuner_unsteer(c->s->tuner, m->token, cause) != 0)
        return VERB_REFUSED;
    verb_record_space(c->s, before, "undo", c->id);
    sweep_refresh(c->s);
    if (strcmp(of->verb, "explore") == 0)
        c->s->ref.explore = m->factor_before;
    sweep_propose_again(c->s);
    objective_arms_changed(c->s);
    snprintf(c->message, sizeof c->message, "%s %s is undone", of->verb, of->target);
    return VERB_DID;
}

static enum verb_outcome undo(struct verb_call *c, const struct state_iv *of, char **cause)
{
    const struct verb_info *v = verb_find(of->verb);
    const struct verb_memo *m = verb_memo(c->s, of->id);
    int64_t trial = strtoll(of->target, NULL, 10);
    switch (v->verb) {
    case VERB_PAUSE:
        return send_back(c, trial, "resume", (struct span){0}, 1, cause);
    case VERB_RESUME:
        return send_back(c, trial, "pause", (struct span){0}, 1, cause);
    case VERB_SET:
        return undo_set(c, of, cause);
    case VERB_CLONE:
    case VERB_ENQUEUE:
        return undo_trial(c, m, cause);
    case VERB_RULE:
    case VERB_NOTE:
    case VERB_TAG:
        return VERB_DID;
    case VERB_BUDGET:
    case VERB_CONCURRENCY:
        if (!m)
            return verb_refuse(cause, "the value before it is not known");
        if (v->verb == VERB_BUDGET)
            verb_restore_budget(c->s, m->before);
        else
            verb_restore_concurrency(c->s, m->before);
        snprintf(c->message, sizeof c->message, "%s is %lld again", v->name, (long long)m->before);
        return VERB_DID;
    default:
        return undo_steer(c, of, m, cause);
    }
}

enum verb_outcome verb_undo(struct verb_call *c, char **cause)
{
    const struct state_iv *of = find(c, cause);
    if (!of)
        return VERB_REFUSED;
    int64_t id = of->id;
    enum verb_outcome out = undo(c, of, cause);
    if (out == VERB_DID)
        intervention_undone(c->s, id, c->id);
    if (out == VERB_DID && !*c->message)
        snprintf(c->message, sizeof c->message, "intervention %lld is undone", (long long)id);
    return out;
}

/* ---- recovery ---- */

void verb_redo(struct sweep *s, enum verb verb, int64_t id, const char *target, struct span args,
               int64_t token)
{
    switch (verb) {
    case VERB_BAN:
    case VERB_UNBAN:
    case VERB_PIN:
    case VERB_UNPIN:
    case VERB_BOOST:
    case VERB_EXPLORE:
    case VERB_FOCUS:
    case VERB_AVOID:
    case VERB_WEIGHT:
    case VERB_QUOTA:
    case VERB_SPACE:
    case VERB_FREEZE:
    case VERB_THAW:
    case VERB_TUNER:
    case VERB_HOLD:
    case VERB_STEP:
    case VERB_GO:
        verb_redo_steer(s, id, verb_info(verb)->name, target, args, token);
        break;
    case VERB_BUDGET:
    case VERB_CONCURRENCY:
        verb_redo_sweep(s, verb, id, args);
        break;
    default:
        break;
    }
}

void verb_redo_undo(struct sweep *s, int64_t undo_of)
{
    const struct state_iv *of = state_iv(s->state, undo_of);
    const struct verb_info *v = of ? verb_find(of->verb) : NULL;
    struct verb_memo *m = verb_memo(s, undo_of);
    if (!v || !m || m->in_process)
        return;
    if (v->verb == VERB_BUDGET && s->tuner)
        verb_restore_budget(s, m->before);
    else if (v->verb == VERB_CONCURRENCY)
        verb_restore_concurrency(s, m->before);
    else if (m->token && s->tuner)
        tuner_unsteer(s->tuner, m->token, NULL);
    if (v->verb == VERB_EXPLORE)
        s->ref.explore = m->factor_before;
}
