/* verbs_arm: steering: bans, pins, boosts and the explore dial, of the sweep's tuner or of bandits inside
 * running processes. An arm that the tuner does not know is looked for among the in-process bandits; --bandit
 * NAME says which is meant. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/objective.h"
#include "hub/params.h"
#include "hub/trial.h"
#include "hub/verbs_parts.h"

#define TUNER "tuner"

/* ---- the tuner's ---- */

/* The verb's arguments in the tuner's own terms. 0, or -1 and a cause. Release rq when 0. */
static int request_of(const char *verb, const char *target, struct span args, struct steer_request *rq,
                      char **cause)
{
    static const char *const numbers[] = {"for", "weight", "factor", "share", "count", "value"};
    struct steer_arg a[1 + sizeof numbers / sizeof *numbers] = {0};
    int n = 0;
    struct codec_reader at;
    if (*target)
        a[n++] = (struct steer_arg){"target", tune_string(target)};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (args.n && cmap_find(args, numbers[i], &at))
            a[n++] = (struct steer_arg){numbers[i], tune_float(cmap_double(args, numbers[i], NAN))};
    int rc = steer_parse(verb, a, n, rq, cause);
    for (int i = 0; i < n; i++)
        tune_value_free(&a[i].value);
    return rc;
}

static int steer_tuner(struct sweep *s, const char *verb, const char *target, struct span args,
                       int64_t *token, char **cause)
{
    struct steer_request rq;
    if (request_of(verb, target, args, &rq, cause) != 0)
        return -1;
    int rc = tuner_steer(s->tuner, &rq, token, cause);
    steer_request_release(&rq);
    if (rc != 0)
        return -1;
    if (strcmp(verb, "explore") == 0)
        s->ref.explore = cmap_double(args, "factor", 1);
    sweep_propose_again(s);
    objective_arms_changed(s);
    sweep_refresh(s);
    return 0;
}

void verb_record_space(struct sweep *s, int before, const char *edit, int64_t intervention)
{
    const struct space *now = s->tuner ? tuner_space(s->tuner) : NULL;
    struct buf text = {0};
    struct json_out j;
    if (!now || now->version == before)
        return;
    jw_open(&j, &text);
    space_json(now, &j);
    struct codec_writer *w = sweep_begin(s, EV_SPACE, 4);
    cw_kint(w, "version", now->version);
    cw_kstr(w, "yaml", buf_cstr(&text));
    cw_kstr(w, "edit", edit);
    cw_kint(w, "intervention", intervention);
    sweep_commit(s);
    buf_release(&text);
}

/* ---- in-process bandits ---- */

static bool has_arm(const struct state_bandit *b, const char *arm)
{
    char *end;
    long n = strtol(arm, &end, 10);
    if (!*arm || (end != arm && !*end && n >= 0 && n < b->n_arms))
        return true;
    for (int i = 0; i < b->n_arms; i++)
        if (b->labels && b->labels[i] && strcmp(b->labels[i], arm) == 0)
            return true;
    return false;
}

static bool is_called(const struct state_bandit *b, const char *name)
{
    return !*name || (b->name && strcmp(b->name, name) == 0) || strcmp(b->id, name) == 0;
}

static bool alive(struct sweep *s, int64_t run)
{
    enum run_state st = run_now(s, run);
    return st == RUN_RUNNING || st == RUN_PAUSED;
}

/* Runs that have a bandit of this name with this arm; the first one's name in *found. */
static int bandit_runs(struct sweep *s, const char *name, const char *arm, int64_t *runs, int max,
                       const char **found)
{
    int n = 0;
    for (int i = 0; i < s->state->n_bandits && n < max; i++) {
        const struct state_bandit *b = s->state->bandits[i];
        if (b->run < 0 || !alive(s, b->run) || !is_called(b, name) || !has_arm(b, arm))
            continue;
        if (n && runs[n - 1] == b->run)
            continue;
        runs[n++] = b->run;
        *found = b->name ? b->name : "";
    }
    return n;
}

static void command_args(struct buf *out, const char *bandit, const char *arm, struct span args)
{
    struct codec_writer w;
    struct codec_reader at;
    bool hold = args.n && cmap_find(args, "for", &at), weight = args.n && cmap_find(args, "weight", &at),
         factor = args.n && cmap_find(args, "factor", &at);
    cw_init(&w, out);
    cw_map(&w, (size_t)(1 + (*arm != 0) + hold + weight + factor));
    cw_kstr(&w, "bandit", bandit);
    if (*arm)
        cw_kstr(&w, "arm", arm);
    if (hold)
        cw_kint(&w, "for", cmap_int(args, "for", 0));
    if (weight)
        cw_kdouble(&w, "weight", cmap_double(args, "weight", 2));
    if (factor)
        cw_kdouble(&w, "factor", cmap_double(args, "factor", 1));
}

/* True: sent to at least one run. */
static bool forward(struct verb_call *c, const char *verb, const char *bandit, const char *arm,
                    struct span args)
{
    int64_t runs[VERB_RUNS_MAX];
    const char *found = "";
    int n = bandit_runs(c->s, bandit, arm, runs, VERB_RUNS_MAX, &found);
    struct buf b = {0};
    if (n == 0)
        return false;
    command_args(&b, found, arm, args);
    verb_remember(c->s, c->id)->in_process = true;
    intervention_send(c->s, c->id, c->verb->verb, c->ask, -1, runs, n, verb,
                      (struct span){(const char *)b.data, b.len}, 1);
    buf_release(&b);
    return true;
}

static enum verb_outcome steer(struct verb_call *c, char **cause)
{
    char bandit[96] = "";
    struct sweep *s = c->s;
    cmap_strcpy(c->args, "bandit", bandit, sizeof bandit);
    bool mine = s->tuner && (!*bandit || strcmp(bandit, TUNER) == 0);
    double before = s->ref.explore;
    if (mine && steer_tuner(s, c->verb->name, c->target, c->args, &c->token, cause) == 0) {
        struct verb_memo *m = verb_remember(s, c->id);
        m->token = c->token;
        m->factor_before = before;
        snprintf(c->message, sizeof c->message, "the tuner heeds it from the next trial on");
        return VERB_DID;
    }
    if (forward(c, c->verb->name, strcmp(bandit, TUNER) == 0 ? "" : bandit, c->target, c->args))
        return VERB_PENDING;
    if (mine)
        return VERB_REFUSED; /* with the tuner's own sentence */
    if (*bandit)
        return verb_refuse(cause, "no running trial has a bandit '%s' with an arm '%s'", bandit, c->target);
    return verb_refuse(cause, "no running trial has a bandit with an arm '%s'", c->target);
}

enum verb_outcome verb_steer(struct verb_call *c, char **cause)
{
    return steer(c, cause);
}

static const char *what_happened(struct verb_call *c, int before)
{
    int now = tuner_space(c->s->tuner)->version;
    switch (c->verb->verb) {
    case VERB_TUNER:
        snprintf(c->message, sizeof c->message, "from the next trial on: %.280s", c->s->tuner_text);
        break;
    case VERB_HOLD:
        return "no new trials until step or go";
    case VERB_STEP:
        return "as many new trials may start";
    case VERB_GO:
        return "the tuner goes on";
    default:
        snprintf(c->message, sizeof c->message, "space version %d (was %d)", now, before);
    }
    return NULL;
}

/* space, freeze, thaw, tuner, hold, step, go: of the sweep's tuner only. */
enum verb_outcome verb_reshape(struct verb_call *c, char **cause)
{
    struct sweep *s = c->s;
    if (!s->tuner)
        return verb_refuse(cause, "'%s' has no tuner: its trials start by themselves", s->state->info.name);
    int before = tuner_space(s->tuner)->version;
    if (steer_tuner(s, c->verb->name, c->target, c->args, &c->token, cause) != 0)
        return VERB_REFUSED;
    verb_remember(s, c->id)->token = c->token;
    verb_record_space(s, before, c->target, c->id);
    const char *text = what_happened(c, before);
    if (text)
        snprintf(c->message, sizeof c->message, "%s", text);
    return VERB_DID;
}

enum verb_outcome verb_explore(struct verb_call *c, char **cause)
{
    return steer(c, cause);
}

/* ---- recovery ---- */

void verb_redo_steer(struct sweep *s, int64_t id, const char *verb, const char *target, struct span args,
                     int64_t token)
{
    struct verb_memo *m = verb_remember(s, id);
    char *cause = NULL;
    m->factor_before = s->ref.explore;
    if (token == 0)
        m->in_process = true;
    else if (!s->tuner || steer_tuner(s, verb, target, args, &m->token, &cause) != 0)
        sweep_hub_event(s, "warning", "intervention %lld (%s) could not be repeated: %s", (long long)id, verb,
                        cause ? cause : "the sweep has no tuner");
    free(cause);
}

/* What takes back a command to in-process bandits. */
enum verb_outcome verb_unsteer_process(struct verb_call *c, const struct state_iv *of, char **cause)
{
    static const char *const reverse[][2] = {{"ban", "unban"}, {"unban", "ban"},   {"pin", "unpin"},
                                             {"unpin", NULL},  {"boost", "boost"}, {"explore", "explore"}};
    char bandit[96] = "";
    const char *back = NULL;
    struct buf b = {0};
    struct codec_writer w;
    cmap_strcpy((struct span){of->args, of->args_n}, "bandit", bandit, sizeof bandit);
    for (size_t i = 0; i < sizeof reverse / sizeof *reverse; i++)
        if (strcmp(reverse[i][0], of->verb) == 0)
            back = reverse[i][1];
    if (!back)
        return verb_refuse(cause, "%s of an in-process bandit cannot be undone: pin the arm again", of->verb);
    cw_init(&w, &b);
    cw_map(&w, 1);
    cw_kdouble(&w, strcmp(back, "explore") == 0 ? "factor" : "weight", 1);
    bool sent = forward(c, back, bandit, of->target, (struct span){(const char *)b.data, b.len});
    buf_release(&b);
    return sent ? VERB_PENDING : verb_refuse(cause, "the trial with that bandit does not run any more");
}
