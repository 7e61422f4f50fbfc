/* verbs_sweep: verbs on the sweep itself (budget, concurrency) and remarks on its trials (note, tag). Remarks
 * live in the interventions that made them: to record one is to apply it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/scheduler.h"
#include "hub/trial.h"
#include "hub/verbs_parts.h"

#define CONCURRENCY_MAX 100000

enum verb_outcome verb_note(struct verb_call *c, char **cause)
{
    struct span text = cmap_str(c->args, "text");
    if (text.n == 0)
        return verb_refuse(cause, "note: the text is missing");
    return VERB_DID;
}

enum verb_outcome verb_tag(struct verb_call *c, char **cause)
{
    size_t n = 0;
    static const char *const keys[] = {"add", "remove"};
    for (int i = 0; i < 2; i++) {
        struct span list = cmap_value(c->args, keys[i]);
        struct codec_reader r;
        if (!list.n)
            continue;
        cr_init(&r, list.p, list.n);
        if (cr_peek(&r) == CT_ARRAY)
            n += cr_array(&r);
    }
    return n ? VERB_DID : verb_refuse(cause, "tag: which tag?");
}

/* ---- budget ---- */

static int64_t budget_after(struct sweep *s, struct span args)
{
    int64_t v = cmap_int(args, "value", -1), now = s->ref.budget;
    if (!cmap_bool(args, "relative", false))
        return v;
    if (now < 0)
        return v < 0 ? s->state->n_trials : -1; /* without a bound, more is still without a bound */
    return now + v < 0 ? 0 : now + v;
}

static void set_budget(struct sweep *s, int64_t budget)
{
    s->ref.budget = budget;
    tuner_set_budget(s->tuner, budget);
    sweep_propose_again(s);
    hub_changed(s->hub);
}

enum verb_outcome verb_budget(struct verb_call *c, char **cause)
{
    struct sweep *s = c->s;
    if (!s->tuner)
        return verb_refuse(cause, "'%s' has no tuner: its trials start by themselves", s->state->info.name);
    int64_t before = s->ref.budget, after = budget_after(s, c->args);
    verb_remember(s, c->id)->before = before;
    set_budget(s, after);
    if (after < 0)
        snprintf(c->message, sizeof c->message, "no bound on the number of trials");
    else
        snprintf(c->message, sizeof c->message, "%lld trials (was %lld)", (long long)after,
                 (long long)before);
    return VERB_DID;
}

/* ---- concurrency ---- */

static void set_concurrency(struct sweep *s, int64_t n)
{
    s->concurrency = n;
    s->ref.concurrency = (int)n;
    scheduler_wake(s->hub);
    hub_changed(s->hub);
}

enum verb_outcome verb_concurrency(struct verb_call *c, char **cause)
{
    int64_t n = cmap_int(c->args, "value", -1), before = c->s->concurrency;
    if (n < 0 || n > CONCURRENCY_MAX)
        return verb_refuse(cause, "concurrency: a number from 0 to %d", CONCURRENCY_MAX);
    if (c->s->adhoc)
        return verb_refuse(cause, "'%s' has no tuner: its trials start by themselves",
                           c->s->state->info.name);
    verb_remember(c->s, c->id)->before = before;
    set_concurrency(c->s, n);
    snprintf(c->message, sizeof c->message, "at most %lld trials at once (was %lld)", (long long)n,
             (long long)before);
    return VERB_DID;
}

/* ---- undo and recovery ---- */

void verb_restore_budget(struct sweep *s, int64_t before)
{
    set_budget(s, before);
}

void verb_restore_concurrency(struct sweep *s, int64_t before)
{
    set_concurrency(s, before);
}

void verb_redo_sweep(struct sweep *s, enum verb verb, int64_t id, struct span args)
{
    struct verb_memo *m = verb_remember(s, id);
    if (verb == VERB_BUDGET && s->tuner) {
        m->before = s->ref.budget;
        set_budget(s, budget_after(s, args));
    } else if (verb == VERB_CONCURRENCY) {
        m->before = s->concurrency;
        set_concurrency(s, cmap_int(args, "value", s->concurrency));
    }
}
