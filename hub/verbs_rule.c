/* verbs_rule: the verb `rule`, and what rules may do by themselves: pause a trial, in the name of "rule", with the rule as the
 * reason. The pause is an intervention like any other: it is in the audit, it is undone by `u`, a person resumes or stops. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "hub/alerts.h"
#include "hub/scheduler.h"
#include "hub/verbs.h"

enum verb_outcome verb_rule(struct verb_call *c, char **cause)
{
    struct alert_rule rule;
    struct alert_count list[ALERT_RULES];
    int n = alert_rules(c->s->ref.alerts, &c->s->ref, STATE_NOW, list);
    int64_t off;
    if (text_has_prefix(c->target, "off ") && text_int(c->target + 4, &off)) {
        if (off < 1 || off > n)
            return verb_refuse(cause, n ? "rule: there is no rule %lld, there are %d" : "rule: there is no rule at all",
                               (long long)off, n);
        snprintf(c->message, sizeof c->message, "off: %.200s", list[off - 1].text);
        return VERB_DID;
    }
    if (n == ALERT_RULES)
        return verb_refuse(cause, "rule: %d rules are the most; rule off N takes one away", ALERT_RULES);
    if (alert_rule_parse(&rule, c->target, cause) < 0)
        return VERB_REFUSED;
    snprintf(c->message, sizeof c->message, "rule %d: %.200s", n + 1, rule.text);
    alert_rule_release(&rule);
    return VERB_DID;
}

/* It was done for this firing already: in this life of the hub or in one before. */
static bool acted(const struct state *s, const struct alert *a, const char *target)
{
    for (int i = s->n_ivs; i-- > 0;) {
        const struct state_iv *iv = s->ivs[i];
        if (iv && iv->time >= a->time && strcmp(iv->who, "rule") == 0 && strcmp(iv->target, target) == 0 &&
            strcmp(iv->reason, a->rule->text) == 0)
            return true;
    }
    return false;
}

static void pause_by_rule(struct sweep *s, const struct alert *a)
{
    char target[24], *cause = NULL;
    snprintf(target, sizeof target, "%lld", (long long)a->trial);
    const struct state_trial *tr = state_trial(s->state, a->trial);
    if (!tr || state_trial_at(tr, STATE_NOW) != TRIAL_RUNNING || acted(s->state, a, target))
        return;
    struct iv_birth b = {.verb = VERB_PAUSE, .who = "rule", .target = target, .reason = a->rule->text};
    struct verb_call c = {.s = s, .verb = verb_info(VERB_PAUSE), .who = "rule", .target = target, .trial = a->trial};
    recorder_group_begin(s->rec);
    c.id = intervention_new(s, &b);
    enum verb_outcome out = verb_pause(&c, &cause);
    if (out != VERB_PENDING)
        intervention_end(s, c.id, NULL, out == VERB_DID ? IV_APPLIED : IV_REJECTED,
                         out == VERB_DID ? c.message : cause, -1, -1, 0);
    recorder_group_end(s->rec);
    free(cause);
}

static bool may_pause(struct sweep *s)
{
    struct alert_count list[ALERT_RULES];
    bool any = false;
    for (int n = alert_rules(s->ref.alerts, &s->ref, STATE_NOW, list); n > 0 && !any; n--)
        any = strstr(list[n - 1].text, "then pause") != NULL;
    return any;
}

void alerts_tick(struct sweep *s)
{
    struct hub *h = s->hub;
    if (h->mono - s->alerts_at < CLOCK_S || !s->rec || h->readonly)
        return;
    if (s->alerts_at == 0) /* what fired while no hub was there is only told */
        s->alerts_since = h->wall;
    s->alerts_at = h->mono;
    if (!may_pause(s))
        return;
    struct alert *list;
    int n = alert_list(s->ref.alerts, &s->ref, STATE_NOW, h->wall, NULL, 0, &list, NULL);
    for (int i = 0; i < n; i++)
        if (list[i].rule->pause && list[i].trial >= 0 && list[i].time >= s->alerts_since)
            pause_by_rule(s, &list[i]);
    free(list);
}
