/* own_news: what a person should hear of without asking: alerts, trials that a rule paused, what others did. */
#include <string.h>

#include "tui/config.h"
#include "tui/console_state.h"
#include "tui/row.h"

static void watch_sweep(struct console *c)
{
    struct own *o = &c->own;
    if (c->opt.replay || (o->watch.view && strcmp(o->watch_sweep, c->sweep) == 0))
        return;
    row_format(o->watch_sweep, sizeof o->watch_sweep, "%s", c->sweep);
    alert_watch_open(&o->watch, c->client, c->sweep[0] ? c->sweep : NULL, o->config ? o->config->rules : NULL,
                     o->config ? o->config->n_rules : 0);
}

static void tell_alerts(struct console *c)
{
    struct own *o = &c->own;
    struct alert_news a;
    while (alert_watch_next(&o->watch, &a)) {
        row_format(a.sweep, sizeof a.sweep, "%s", c->sum.sweep);
        if (a.trial >= 0)
            console_toast(c, ST_WARN, "t%lld: %s", (long long)a.trial, a.text);
        else
            console_toast(c, ST_WARN, "%s", a.text);
        if (o->n_news < (int)(sizeof o->news / sizeof *o->news))
            o->news[o->n_news++] = a;
    }
}

static bool is_ours(const struct console *c, int64_t id)
{
    for (int i = 0; i < ACTION_FLIGHTS; i++)
        for (int k = 0; k < c->act.flights[i].n_ids; k++)
            if (c->act.flights[i].ids[k] == id)
                return true;
    return false;
}

/* One of ours may still be on its way without its number: a second is given to it. */
static bool may_be_ours(const struct console *c)
{
    for (int i = 0; i < ACTION_FLIGHTS; i++)
        if (c->act.flights[i].used && !c->act.flights[i].n_ids && !c->act.flights[i].done)
            return true;
    return false;
}

static void tell_others(struct console *c)
{
    int64_t newest = c->own.iv_told;
    if (!sub_loaded(&c->subs, SUB_IVS) || c->time.past || c->opt.replay || may_be_ours(c))
        return;
    for (int i = 0; i < sub_rows(&c->subs, SUB_IVS); i++) {
        struct span r = sub_row(&c->subs, SUB_IVS, i);
        int64_t id = r.p ? cmap_int(r, "id", -1) : -1;
        char who[ROW_TEXT], verb[ROW_TEXT], target[ROW_TEXT];
        if (id <= c->own.iv_told)
            continue;
        newest = id > newest ? id : newest;
        row_text(who, cmap_str(r, "who"), 24);
        if (cmap_int(r, "time", 0) <= c->own.since || is_ours(c, id) || strcmp(who, "rule") == 0)
            continue;
        row_text(verb, cmap_str(r, "verb"), 16);
        row_text(target, cmap_str(r, "target"), 40);
        console_toast(c, ST_MARK, "%s: %s %s%s", who, verb, target[0] >= '0' && target[0] <= '9' ? "t" : "", target);
    }
    c->own.iv_told = newest;
}

void own_news(struct console *c)
{
    if (!c->own.since) { /* the first frame */
        c->own.since = c->wall;
        own_complain(c);
    }
    watch_sweep(c);
    tell_alerts(c);
    tell_others(c);
}
