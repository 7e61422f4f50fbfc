/* The facade: one sampler and perhaps one stopper over one history, one steering and one stream of chance.
 *
 * It owns the sign (algorithms minimise), the ends of trials, the budget, and the promise that no proposal
 * violates a ban or a pin. A failure is a value that is not finite, or a failed trial; it ends the trial.
 * When the stopper says stop, the trial has ended as pruned with the loss it had; a final value that still
 * arrives only corrects that loss. A paused trial has ended in the same way, but an ask may revive it: samplers need to
 * know nothing of pauses. */
#include "tune/tuner_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/draw.h"

/* ---- parts ---- */

static struct tuner_kv *kv_copy(const struct tuner_kv *kv)
{
    int n = 0;
    while (kv && kv[n].name)
        n++;
    struct tuner_kv *c = mem_zero((size_t)n + 1, sizeof *c);
    for (int i = 0; i < n; i++)
        c[i] = (struct tuner_kv){mem_str(kv[i].name), kv[i].value};
    return c;
}

void part_release(struct part *p)
{
    if (p->self)
        p->ops->drop(p->self);
    for (int i = 0; p->kv && p->kv[i].name; i++)
        free((char *)p->kv[i].name);
    free(p->kv);
    memset(p, 0, sizeof *p);
}

struct tuner_env tuner_env(const struct tuner *t, const struct part *p)
{
    return (struct tuner_env){.space = t->space,
                              .history = &t->history,
                              .steer = &t->steer,
                              .rng = (struct rng *)&t->rng,
                              .kv = p->kv,
                              .budget = t->budget,
                              .context = t->context,
                              .n_context = t->n_context,
                              .objectives = t->objectives,
                              .n_objectives = t->n_objectives,
                              .maximize = t->maximize};
}

static int option_values(struct part *p, char **cause)
{
    const struct tuner_option *o = p->ops->options;
    int n = 0;
    for (; o && o[n].name && n < OPTIONS_MAX; n++)
        p->values[n] = o[n].fallback;
    for (const struct tuner_kv *kv = p->kv; kv && kv->name; kv++) {
        int i = 0;
        if (!strncmp(kv->name, "arms.", 5) || !strncmp(kv->name, "explore.", 8))
            continue;
        while (i < n && strcmp(o[i].name, kv->name))
            i++;
        if (i == n)
            return cause_set(cause, "%s has no option \"%s\"", p->ops->name, kv->name);
        if (!(kv->value >= o[i].low && kv->value <= o[i].high))
            return cause_set(cause, "%s: %s must lie in %g..%g, not %g", p->ops->name, kv->name, o[i].low,
                             o[i].high, kv->value);
        p->values[i] = kv->value;
    }
    return 0;
}

int part_choose(struct part *p, const char *name, bool sampler, const struct tuner_kv *kv,
                       char **cause)
{
    struct buf known = {0};
    p->ops = tuner_find(name);
    if (p->ops && (sampler ? p->ops->propose != NULL : tuner_is_stopper(p->ops))) {
        p->kv = kv_copy(kv);
        return option_values(p, cause);
    }
    p->ops = NULL;
    for (int i = 0; tuner_list[i]; i++)
        if (sampler ? tuner_list[i]->propose != NULL : tuner_is_stopper(tuner_list[i]))
            buf_printf(&known, "%s%s", known.len ? ", " : "", tuner_list[i]->name);
    cause_set(cause, "no %s is called \"%s\"; there are %s", sampler ? "tuner" : "stopper", name,
              buf_cstr(&known));
    buf_release(&known);
    return -1;
}

struct part *tuner_judge(struct tuner *t)
{
    return t->stopper.ops ? &t->stopper : t->sampler.ops && t->sampler.ops->judge ? &t->sampler : NULL;
}

int tuner_one_judge(const struct part *sampler, const struct part *stopper, char **cause)
{
    if (!sampler->ops->judge || !stopper->ops)
        return 0;
    return cause_set(cause, "%s decides by itself how long trials train: leave out the stopper %s",
                     sampler->ops->name, stopper->ops->name);
}

int part_make(struct tuner *t, struct part *p, char **cause)
{
    struct tuner_env env = tuner_env(t, p);
    p->self = p->ops->make(&env, p->values, cause);
    return p->self ? 0 : -1;
}

/* ---- life ---- */

static int one_objective(const struct tuner *t, char **cause)
{
    if (t->replicates < 2 || t->n_objectives < 2)
        return 0;
    return cause_set(cause, "replicates by the tuner's choice need one objective, not %d", t->n_objectives);
}

struct tuner *tuner_new(struct tuner_setup *setup, char **cause)
{
    struct tuner *t = MEM_NEW(struct tuner);
    t->space = setup->space;
    t->maximize = setup->maximize;
    t->budget = setup->budget;
    rng_seed(&t->rng, setup->seed);
    history_init(&t->history, t->space->n);
    tuner_objectives_copy(t, setup->objectives, setup->n_objectives);
    t->replicates = setup->replicates;
    t->steer.constrained = space_constrained(t->space);
    if (part_choose(&t->sampler, setup->sampler ? setup->sampler : "auto", true, setup->sampler_options,
                    cause) == 0 &&
        (!setup->stopper ||
         part_choose(&t->stopper, setup->stopper, false, setup->stopper_options, cause) == 0) &&
        tuner_one_judge(&t->sampler, &t->stopper, cause) == 0 && one_objective(t, cause) == 0 && space_find_feasible(t->space, cause) == 0 &&
        part_make(t, &t->sampler, cause) == 0 && (!setup->stopper || part_make(t, &t->stopper, cause) == 0)) {
        setup->space = NULL;
        tuner_cut_regions(t);
        return t;
    }
    t->space = NULL; /* still the caller's */
    tuner_free(t);
    return NULL;
}

void tuner_free(struct tuner *t)
{
    if (!t)
        return;
    part_release(&t->sampler);
    part_release(&t->stopper);
    arms_free(t->regions);
    history_release(&t->history);
    steering_release(&t->steer);
    space_free(t->space);
    tuner_edits_release(t);
    free(t->context);
    free(t);
}

/* Trials and replicates that count against the budget. */
static int64_t spent(const struct tuner *t)
{
    const struct history *h = &t->history;
    return h->pending + h->done + h->pruned + h->failed - history_warm(h) + tuner_repeats(t, NULL);
}

/* ---- ask ---- */

static void proposal_clear(struct proposal *out)
{
    out->propensity = NAN;
    out->arm = -1;
    out->forced = false;
    out->label[0] = out->why[0] = '\0';
    out->resume = out->replicate = out->steps = out->donor = -1;
    out->seed_index = 0;
}

/* An algorithm that cannot honour bans by itself is asked a few times; after that the prior helps out. */
static int propose_allowed(struct tuner *t, struct tuner_env *env, struct proposal *out, char **cause)
{
    int64_t steps = out->steps; /* as the scheduler offered */
    for (int tries = 0; tries < 50; tries++) {
        proposal_clear(out);
        out->steps = steps;
        int rc = t->sampler.ops->propose(t->sampler.self, env, out, cause);
        if (rc == 0 && t->space->list && out->resume < 0)
            return tuner_settle(t, out, cause);
        if (rc != 0)
            return rc;
        if (steering_allows(&t->steer, t->space, out->dna))
            return 0;
    }
    proposal_clear(out);
    out->steps = steps;
    if (draw_prior(env, NULL, out->dna) < 0)
        return cause_set(cause, "the bans and pins leave nothing to try");
    out->forced = steering_pin(&t->steer) != NULL;
    snprintf(out->why, sizeof out->why, "%s proposed only what is banned; a draw from the prior",
             t->sampler.ops->name);
    return 0;
}

static void say_begun(struct tuner *t, int trial, const struct proposal *p)
{
    struct part *judge = tuner_judge(t);
    if (!judge || !judge->ops->begun)
        return;
    struct tuner_env env = tuner_env(t, judge);
    judge->ops->begun(judge->self, &env, trial, p);
}

/* A new trial of what was proposed. */
static void begin(struct tuner *t, int64_t id, const struct proposal *out)
{
    int k = history_add(&t->history, id, out->dna);
    struct history_trial *h = &t->history.trials[k];
    h->arm = out->arm;
    h->propensity = out->propensity;
    h->forced = out->forced;
    h->asked = true;
    h->context = mem_dup(t->context, (size_t)t->n_context * sizeof *h->context);
    h->n_context = t->n_context;
    h->space_version = t->space->version;
    snprintf(h->origin, sizeof h->origin, "tuner");
    steering_asked(&t->steer, t->space, out->dna);
    say_begun(t, k, out);
}

/* Indices, as algorithms name trials, become ids, as callers do. */
static int64_t id_of(const struct tuner *t, int64_t index)
{
    return index < 0 ? -1 : t->history.trials[index].id;
}

static void resume(struct tuner *t, struct proposal *out)
{
    int k = (int)out->resume;
    struct history_trial *h = &t->history.trials[k];
    out->resume = h->id;
    out->donor = id_of(t, out->donor);
    if (out->donor >= 0 || !space_same(t->space, h->dna, out->dna))
        history_change(&t->history, k, h->step, out->dna, out->donor);
    history_revive(&t->history, k);
    h->asked = false; /* its pull was settled when it was paused */
    say_begun(t, k, out);
}

static enum tuner_offer offer(struct tuner *t, bool last, struct proposal *out)
{
    struct part *judge = tuner_judge(t);
    proposal_clear(out);
    if (!judge || !judge->ops->offer)
        return OFFER_NEW;
    struct tuner_env env = tuner_env(t, judge);
    env.last = last;
    return judge->ops->offer(judge->self, &env, out);
}

/* Nothing new can begin: a held trial goes on, or there is nothing to do, now or for good. */
static int ask_again_later(struct tuner *t, enum tuner_offer what, bool spent_all, struct proposal *out)
{
    int open;
    if (what == OFFER_RESUME) {
        resume(t, out);
        return 0;
    }
    proposal_clear(out);
    if (!spent_all && t->replicates > 1) {
        if (tuner_replicate(t, false, out))
            return 0;
        tuner_repeats(t, &open);
        if (open || t->history.pending > 0) /* what they reach may be worth a replicate */
            return TUNER_WAIT;
    }
    return what == OFFER_WAIT && t->history.pending > 0 ? TUNER_WAIT : 1;
}

int tuner_ask(struct tuner *t, int64_t id, struct proposal *out, char **cause)
{
    struct tuner_env env = tuner_env(t, &t->sampler);
    if (history_find(&t->history, id) >= 0)
        return cause_set(cause, "trial %lld exists already", (long long)id);
    if (steering_held(&t->steer)) {
        proposal_clear(out);
        return TUNER_HELD;
    }
    bool last = t->budget >= 0 && spent(t) >= t->budget;
    enum tuner_offer what = offer(t, last, out);
    if (last || what != OFFER_NEW)
        return ask_again_later(t, what, last, out);
    if (t->replicates > 1 && tuner_replicate(t, true, out))
        return 0;
    int rc = tuner_propose_in_turn(t, &env, propose_allowed, t->budget < 0 ? -1 : t->budget - spent(t), out, cause);
    if (rc == 1) /* the sampler is exhausted */
        return ask_again_later(t, offer(t, true, out), false, out);
    if (rc == 0)
        begin(t, id, out);
    return rc;
}

int tuner_context(struct tuner *t, const double *values, int n, char **cause)
{
    if (n && !t->sampler.ops->contextual)
        return cause_set(cause, "%s has no use for a context", t->sampler.ops->name);
    for (int i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return cause_set(cause, "a context must be finite numbers; number %d is not", i + 1);
    if (n > TUNER_CONTEXT_MAX)
        return cause_set(cause, "a context has at most %d numbers, not %d", TUNER_CONTEXT_MAX, n);
    if (t->n_context && n && n != t->n_context)
        return cause_set(cause, "this sweep's contexts have %d numbers, not %d", t->n_context, n);
    free(t->context);
    t->context = mem_dup(values, (size_t)n * sizeof *values);
    t->n_context = n;
    return 0;
}

int tuner_adopt(struct tuner *t, int64_t id, const double *dna, const char *origin, char **cause)
{
    int k = history_find(&t->history, id);
    if (k >= 0) {
        enum trial_end end = t->history.trials[k].end;
        if (end != END_FAILED && end != END_FORGOTTEN)
            return cause_set(cause, "trial %lld exists already", (long long)id);
        history_revive(&t->history, k);
        t->history.trials[k].asked = false; /* its pull was settled when it failed */
        return 0;
    }
    if (space_check(t->space, dna, cause) < 0)
        return -1;
    k = history_add(&t->history, id, dna);
    struct history_trial *h = &t->history.trials[k];
    h->space_version = t->space->version;
    snprintf(h->origin, sizeof h->origin, "%s", origin ? origin : "adopted");
    return 0;
}

/* ---- tell ---- */

static void tell_parts(struct tuner *t, const struct observation *ob)
{
    struct tuner_env env = tuner_env(t, &t->sampler);
    if (t->sampler.ops->learn)
        t->sampler.ops->learn(t->sampler.self, &env, ob);
    env = tuner_env(t, &t->stopper);
    if (t->stopper.ops && t->stopper.ops->learn)
        t->stopper.ops->learn(t->stopper.self, &env, ob);
}

static void finish(struct tuner *t, int k, enum trial_end end, int64_t step, double loss)
{
    history_end(&t->history, k, end, step, loss);
    struct observation ob = {.trial = k,
                             .step = step,
                             .loss = end == END_DONE || end == END_PRUNED ? loss : NAN,
                             .final = true,
                             .failed = end == END_FAILED,
                             .pruned = end == END_PRUNED,
                             .forgotten = end == END_FORGOTTEN};
    tell_parts(t, &ob);
    tuner_review(t);
}

static void judge(struct tuner *t, int k, int64_t step, double loss, bool final, struct tell_result *out)
{
    struct observation ob = {.trial = k, .step = step, .loss = loss, .final = final};
    struct part *part = tuner_judge(t);
    if (!part)
        return;
    struct tuner_env env = tuner_env(t, part);
    part->ops->judge(part->self, &env, &ob, out);
    out->donor = out->action == TELL_CHANGE ? id_of(t, out->donor) : -1;
    if (t->maximize)
        out->cutoff = -out->cutoff;
}

/* A held trial that nobody can resume any more: samplers have learned its end already. */
static void release(struct tuner *t, int k)
{
    struct history_trial *h = &t->history.trials[k];
    struct part *part = tuner_judge(t);
    h->paused = false;
    if (!part || !part->ops->learn)
        return;
    struct tuner_env env = tuner_env(t, part);
    struct observation ob = {.trial = k, .step = h->step, .loss = h->loss, .final = true, .pruned = true};
    part->ops->learn(part->self, &env, &ob);
}

/* A value of a trial that was stopped or failed, or that is held. True when it goes on after all: it had ended by
 * itself, further on than where it was to be held. */
static bool tell_ended(struct tuner *t, int k, int64_t step, double loss, bool final, struct tell_result *out)
{
    struct history_trial *h = &t->history.trials[k];
    if (h->paused && final && isfinite(loss) && step > h->step) {
        history_revive(&t->history, k);
        return true;
    }
    if (h->end == END_PRUNED && isfinite(loss))
        history_end(&t->history, k, END_PRUNED, step >= 0 ? step : h->step, loss);
    if (h->paused && final)
        release(t, k);
    out->action = h->paused ? TELL_PAUSE : TELL_STOP;
    snprintf(out->why, sizeof out->why, "the trial was %s",
             h->end == END_FAILED ? "counted as failed" : h->paused ? "told to pause" : "stopped before");
    return false;
}

static void act(struct tuner *t, int k, int64_t step, double loss, bool final, struct tell_result *out)
{
    if (final) {
        out->action = TELL_CONTINUE;
        finish(t, k, END_DONE, step, loss);
    } else if (out->action == TELL_STOP || out->action == TELL_PAUSE) {
        t->history.trials[k].paused = out->action == TELL_PAUSE;
        finish(t, k, END_PRUNED, step, loss);
    } else {
        struct observation ob = {.trial = k, .step = step, .loss = loss};
        if (out->action == TELL_CHANGE)
            history_change(&t->history, k, step, out->dna, out->donor);
        tell_parts(t, &ob);
    }
}

int tuner_tell(struct tuner *t, int64_t id, int64_t step, double value, bool final, struct tell_result *out,
               char **cause)
{
    int k = history_find(&t->history, id);
    double loss = t->maximize ? -value : value;
    *out = (struct tell_result){.rung = -1, .cutoff = NAN, .donor = -1};
    if (k < 0)
        return cause_set(cause, "there is no trial %lld", (long long)id);
    enum trial_end end = t->history.trials[k].end;
    if (t->history.trials[k].repeating) {
        if (final || !isfinite(loss))
            tuner_repeated(t, k, step, isfinite(loss) ? loss : NAN);
        return 0;
    }
    if (end == END_DONE || end == END_FORGOTTEN)
        return cause_set(cause, "trial %lld has %s", (long long)id,
                         end == END_DONE ? "its final value" : "been withdrawn");
    if ((end == END_FAILED || end == END_PRUNED) && !tell_ended(t, k, step, loss, final, out))
        return 0;
    if (!isfinite(loss)) {
        finish(t, k, END_FAILED, step, NAN);
        out->action = TELL_STOP;
        snprintf(out->why, sizeof out->why, "the value is not a finite number: counted as failed");
        return 0;
    }
    if (step >= 0 || !final)
        history_point(&t->history, k, step, loss);
    judge(t, k, step, loss, final, out);
    act(t, k, step, loss, final, out);
    return 0;
}

static int end_unfinished(struct tuner *t, int64_t id, enum trial_end end, char **cause)
{
    int k = history_find(&t->history, id);
    if (k < 0)
        return cause_set(cause, "there is no trial %lld", (long long)id);
    if (t->history.trials[k].repeating) {
        tuner_repeated(t, k, -1, NAN);
        return 0;
    }
    if (t->history.trials[k].end == end)
        return 0;
    if (t->history.trials[k].end != END_PENDING && !t->history.trials[k].paused)
        return cause_set(cause, "trial %lld has ended", (long long)id);
    t->history.trials[k].paused = false;
    finish(t, k, end, t->history.trials[k].step, NAN);
    return 0;
}

int tuner_tell_failed(struct tuner *t, int64_t id, char **cause)
{
    return end_unfinished(t, id, END_FAILED, cause);
}

int tuner_forget(struct tuner *t, int64_t id, char **cause)
{
    return end_unfinished(t, id, END_FORGOTTEN, cause);
}

int tuner_warm(struct tuner *t, const double *dna, double value, int source, char **cause)
{
    double loss = t->maximize ? -value : value;
    if (t->n_objectives > 1)
        return cause_set(cause, "a warm start needs a sweep with one objective");
    if (!isfinite(loss))
        return cause_set(cause, "the value is not a finite number");
    int k = history_add(&t->history, -1 - history_warm(&t->history), dna);
    struct history_trial *h = &t->history.trials[k];
    h->space_version = t->space->version;
    snprintf(h->origin, sizeof h->origin, "warm:%d", source);
    finish(t, k, END_DONE, -1, loss);
    return 0;
}
