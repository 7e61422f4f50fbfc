/* verbs: the "send" request: which sweep, which verb, which targets; one intervention for each target. Owns
 * the table of verbs and what undo remembers. */
#include "hub/verbs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"
#include "hub/peer.h"
#include "hub/scheduler.h"
#include "hub/trial.h"

#define TARGETS_MAX 10000

static verb_fn *const table[VERB_COUNT] = {
    [VERB_PAUSE] = verb_pause,
    [VERB_RESUME] = verb_resume,
    [VERB_STOP] = verb_stop,
    [VERB_KILL] = verb_kill,
    [VERB_SET] = verb_set,
    [VERB_CLONE] = verb_clone,
    [VERB_ENQUEUE] = verb_enqueue,
    [VERB_REQUEUE] = verb_requeue,
    [VERB_TEST] = verb_test,
    [VERB_CHECKPOINT] = verb_checkpoint,
    [VERB_PROBE] = verb_probe,
    [VERB_NOTE] = verb_note,
    [VERB_TAG] = verb_tag,
    [VERB_BAN] = verb_steer,
    [VERB_UNBAN] = verb_steer,
    [VERB_PIN] = verb_steer,
    [VERB_UNPIN] = verb_steer,
    [VERB_BOOST] = verb_steer,
    [VERB_EXPLORE] = verb_explore,
    [VERB_RULE] = verb_rule,
    [VERB_FOCUS] = verb_steer,
    [VERB_AVOID] = verb_steer,
    [VERB_WEIGHT] = verb_steer,
    [VERB_QUOTA] = verb_steer,
    [VERB_SPACE] = verb_reshape,
    [VERB_FREEZE] = verb_reshape,
    [VERB_THAW] = verb_reshape,
    [VERB_TUNER] = verb_reshape,
    [VERB_HOLD] = verb_reshape,
    [VERB_STEP] = verb_reshape,
    [VERB_GO] = verb_reshape,
    [VERB_BUDGET] = verb_budget,
    [VERB_CONCURRENCY] = verb_concurrency,
    [VERB_UNDO] = verb_undo,
};

enum verb_outcome verb_refuse(char **cause, const char *fmt, ...)
{
    struct buf b = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    cause_set(cause, "%s", buf_cstr(&b));
    buf_release(&b);
    return VERB_REFUSED;
}

int verb_runs(struct sweep *s, int64_t trial, bool lost, int64_t *out, int max)
{
    const struct state_trial *tr = state_trial(s->state, trial);
    int n = 0;
    for (int i = 0; i < tr->n_runs && n < max; i++) {
        enum run_state st = run_now(s, tr->runs[i]);
        if (st == RUN_LEASED || st == RUN_RUNNING || st == RUN_PAUSED || (lost && st == RUN_LOST))
            out[n++] = tr->runs[i];
    }
    return n;
}

/* ---- memory for undo ---- */

struct verb_memo *verb_memo(struct sweep *s, int64_t id)
{
    for (int i = s->n_memos - 1; i >= 0; i--)
        if (s->memos[i].id == id)
            return &s->memos[i];
    return NULL;
}

struct verb_memo *verb_remember(struct sweep *s, int64_t id)
{
    struct verb_memo *m = verb_memo(s, id);
    if (m)
        return m;
    if (s->n_memos == s->cap_memos) {
        s->cap_memos = s->cap_memos ? s->cap_memos * 2 : 16;
        s->memos = mem_resize(s->memos, (size_t)s->cap_memos, sizeof *s->memos);
    }
    m = &s->memos[s->n_memos++];
    *m = (struct verb_memo){.id = id, .trial = -1};
    return m;
}

/* ---- targets ---- */

struct targets {
    char **v;
    int n;
};

static void add_target(struct targets *t, const char *s, size_t n)
{
    t->v = mem_resize(t->v, (size_t)t->n + 1, sizeof *t->v);
    t->v[t->n++] = mem_strn(s, n);
}

static void add_number(struct targets *t, int64_t id)
{
    char text[24];
    add_target(t, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)id));
}

static void targets_free(struct targets *t)
{
    for (int i = 0; i < t->n; i++)
        free(t->v[i]);
    free(t->v);
}

/* What "all" means: the trials in a state in which the verb can do something. */
static bool applies(enum verb v, enum trial_state s)
{
    switch (v) {
    case VERB_PAUSE:
    case VERB_CHECKPOINT:
        return s == TRIAL_RUNNING;
    case VERB_RESUME:
        return s == TRIAL_PAUSED;
    case VERB_SET:
    case VERB_PROBE:
        return s == TRIAL_RUNNING || s == TRIAL_PAUSED;
    case VERB_REQUEUE:
        return s == TRIAL_FAILED || s == TRIAL_KILLED || s == TRIAL_LOST;
    case VERB_TEST:
        return s == TRIAL_DONE;
    case VERB_NOTE:
    case VERB_TAG:
        return true;
    default:
        return !trial_state_terminal(s);
    }
}

static int all_trials(struct sweep *s, const struct verb_info *v, struct targets *t, char **cause)
{
    for (int i = 0; i < s->state->n_trials && t->n < TARGETS_MAX; i++)
        if (applies(v->verb, trial_now(s, i)))
            add_number(t, i);
    return t->n ? 0 : cause_set(cause, "%s all: no trial is in a state for it", v->name);
}

static int best_trial(struct sweep *s, const struct verb_info *v, struct targets *t, char **cause)
{
    int64_t trial;
    double value;
    if (!state_best_at(s->state, STATE_NOW, &trial, &value))
        return cause_set(cause, "%s best: no trial has a value yet", v->name);
    add_number(t, trial);
    return 0;
}

static void comma_list(const char *list, bool trials, struct targets *t)
{
    for (const char *p = list;;) {
        size_t n = strcspn(p, ",");
        const char *from = p + (trials && *p == 't' && n > 1);
        if (n)
            add_target(t, from, n - (size_t)(from - p));
        p += n;
        if (!*p++)
            return;
    }
}

static int expand(struct sweep *s, const struct verb_info *v, const char *target, struct targets *t,
                  char **cause)
{
    if (v->target == VT_TRIAL && strcmp(target, "all") == 0)
        return all_trials(s, v, t, cause);
    if (v->target == VT_TRIAL && strcmp(target, "best") == 0)
        return best_trial(s, v, t, cause);
    if (v->target == VT_TRIAL || (v->target == VT_ARM && *target))
        comma_list(target, v->target == VT_TRIAL, t);
    else
        add_target(t, target, strlen(target));
    if (t->n == 0)
        return cause_set(cause, "%s: which trial?", v->name);
    return t->n <= TARGETS_MAX ? 0 : cause_set(cause, "%s: more than %d targets", v->name, TARGETS_MAX);
}

/* ---- one target ---- */

/* False and a cause when the target does not exist. */
static bool find_trial(struct verb_call *c, char **cause)
{
    c->trial = -1;
    if (c->verb->target != VT_TRIAL)
        return true;
    int64_t id;
    if (!text_int(c->target, &id)) {
        cause_set(cause, "'%.40s' is not a trial; write 17, t17, best or all", c->target);
        return false;
    }
    if (!state_trial(c->s->state, id)) {
        int n = c->s->state->n_trials;
        if (n == 0)
            cause_set(cause, "no trial t%lld: the sweep has none yet", (long long)id);
        else
            cause_set(cause, "no trial t%lld: the sweep has t0 to t%d", (long long)id, n - 1);
        return false;
    }
    c->trial = id;
    return true;
}

static void act(struct verb_call *c, const char *reason)
{
    char *cause = NULL;
    struct iv_birth b = {
        .verb = c->verb->verb, .who = c->who, .target = c->target, .reason = reason, .args = c->args};
    if (c->verb->verb == VERB_UNDO)
        b.undo_of = verb_undo_target(c->s, c->who, c->args);
    recorder_group_begin(c->s->rec);
    c->id = intervention_new(c->s, &b);
    enum verb_outcome out = VERB_REFUSED;
    if (find_trial(c, &cause))
        out = table[c->verb->verb](c, &cause);
    if (out == VERB_DID)
        intervention_end(c->s, c->id, c->ask, IV_APPLIED, c->message, -1, -1, c->token);
    else if (out == VERB_REFUSED)
        intervention_end(c->s, c->id, c->ask, IV_REJECTED, cause, -1, -1, 0);
    recorder_group_end(c->s->rec);
    free(cause);
}

/* ---- the request ---- */

static struct sweep *pick(struct hub *h, const char *name, char **cause)
{
    struct views_ctx ctx = hub_views(h);
    struct sweep_ref *r = views_pick(&ctx, name, cause);
    for (int i = 0; r && i < h->n_sweeps; i++)
        if (&h->sweeps[i]->ref == r)
            return h->sweeps[i];
    if (r)
        cause_set(cause, "'%s' ended before this hub was started: it is only shown", r->state->info.name);
    return NULL;
}

static void send_error(struct hub *h, struct peer *p, const struct message *m, char *cause)
{
    hub_error(h, &p->id, m->id, "%s", cause ? cause : "refused");
    free(cause);
}

void verbs_request(struct hub *h, struct peer *p, const struct message *m)
{
    char verb[32] = "", sweep[256] = "", who[128] = "";
    char *cause = NULL, *target = cmap_strdup(m->body, "target"), *reason = cmap_strdup(m->body, "reason");
    struct targets t = {0};
    cmap_strcpy(m->body, "verb", verb, sizeof verb);
    cmap_strcpy(m->body, "sweep", sweep, sizeof sweep);
    if (!cmap_strcpy(m->body, "who", who, sizeof who) || !*who)
        snprintf(who, sizeof who, "%s", p->user);
    const struct verb_info *v = verb_find(verb);
    struct sweep *s = NULL;
    if (!v) {
        const struct verb_info *near = verb_nearest(verb);
        if (near)
            cause_set(&cause, "unknown verb '%s'; did you mean '%s'?", verb, near->name);
        else
            cause_set(&cause, "unknown verb '%s'; `hypertop help verbs` lists them", verb);
    } else {
        s = pick(h, sweep, &cause);
    }
    if (!s || expand(s, v, target ? target : "", &t, &cause) != 0) {
        send_error(h, p, m, cause);
    } else if (sweep_reopen(s, &cause) != 0) {
        if (errno == EAGAIN && hub_hold(h, p))
            free(cause);
        else
            send_error(h, p, m, cause);
    } else {
        struct verb_ask *ask = ask_new(&p->id, m->id, t.n, cmap_bool(m->body, "wait", false));
        struct span args = cmap_value(m->body, "args");
        struct codec_reader r;
        cr_init(&r, args.p, args.n);
        if (args.n && cr_peek(&r) != CT_MAP)
            args = (struct span){0};
        for (int i = 0; i < t.n; i++) {
            struct verb_call c = {.s = s, .verb = v, .ask = ask, .args = args, .who = who, .target = t.v[i]};
            act(&c, reason ? reason : "");
        }
        ask_drop(ask);
        sweep_revive(s);
        scheduler_wake(h);
    }
    snprintf(p->last, sizeof p->last, "%s %.80s", verb, target ? target : "");
    p->last_time = h->wall;
    targets_free(&t);
    free(target);
    free(reason);
}
