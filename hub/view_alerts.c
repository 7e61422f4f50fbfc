/* view_alerts: which rules fired, the newest last, and what became of those that paused a trial. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/alerts.h"
#include "hub/view_parts.h"

#define OWN_MAX  32
#define ROWS_MAX 1000 /* the newest */

/* The asker's own rules. */
static int read_own(const struct view_request *rq, char *own[OWN_MAX])
{
    struct codec_reader r;
    int n = 0;
    if (!cmap_find(rq->body, "rules", &r) || cr_peek(&r) != CT_ARRAY)
        return 0;
    for (size_t k = cr_array(&r); k > 0 && cr_ok(&r) && n < OWN_MAX; k--) {
        if (cr_peek(&r) != CT_STR) {
            cr_skip(&r);
            continue;
        }
        struct span s = cr_str(&r);
        own[n++] = mem_strn(s.p, s.n);
    }
    return n;
}

/* A rule that pauses: whether it did, and whether somebody has decided since. */
static const char *state_of(const struct view_request *rq, const struct alert *a)
{
    char target[24];
    if (!a->rule->pause || a->trial < 0)
        return "told";
    snprintf(target, sizeof target, "%lld", (long long)a->trial);
    for (int i = 0; i < rq->s->n_ivs; i++) {
        const struct state_iv *iv = rq->s->ivs[i];
        enum iv_state st;
        if (!view_iv_at(rq, iv, &st) || iv->time < a->time || strcmp(iv->who, "rule") != 0 ||
            strcmp(iv->target, target) != 0 || strcmp(iv->reason, a->rule->text) != 0)
            continue;
        if (st == IV_REJECTED || st == IV_EXPIRED)
            return "not paused";
        if (st != IV_APPLIED)
            return "pausing";
        const struct state_trial *tr = state_trial(rq->s, a->trial);
        return tr && state_trial_at(tr, rq->t) == TRIAL_PAUSED ? "asks" : "answered";
    }
    return "told";
}

static void put_alert(const struct view_request *rq, const struct alert *a, int64_t id, struct codec_writer *w)
{
    cw_map(w, 6);
    cw_kint(w, "id", id);
    cw_kint(w, "time", a->time);
    cw_kstr(w, "rule", a->rule->text);
    view_ktime(w, "trial", a->trial);
    cw_kstr(w, "text", a->text);
    cw_kstr(w, "state", state_of(rq, a));
}

int view_alerts(const struct view_request *rq, struct view_out *out, char **cause)
{
    char *own[OWN_MAX], *why = NULL;
    struct alert *list;
    struct alert_count rules[ALERT_RULES];
    struct alert_book *fresh = rq->ref->alerts ? NULL : alert_book_new();
    struct alert_book *book = fresh ? fresh : rq->ref->alerts;
    int n_own = read_own(rq, own), n = alert_list(book, rq->ref, rq->t, rq->now, own, n_own, &list, &why);
    int n_rules = alert_rules(book, rq->ref, rq->t, rules);
    for (int i = n > ROWS_MAX ? n - ROWS_MAX : 0; i < n; i++) {
        struct codec_writer w;
        view_part_begin(out, &w, i);
        put_alert(rq, &list[i], i + 1, &w);
        view_part_end(out);
    }
    struct codec_writer w;
    view_head(out, &w, 3);
    cw_kint(&w, "fired", n);
    cw_kstr(&w, "why", why);
    cw_str(&w, "rules");
    cw_array(&w, (size_t)n_rules);
    for (int i = 0; i < n_rules; i++) {
        cw_array(&w, 2);
        cw_str(&w, rules[i].text);
        cw_int(&w, rules[i].fired);
    }
    free(list);
    free(why);
    for (int i = 0; i < n_own; i++)
        free(own[i]);
    alert_book_free(fresh);
    return view_rows_finish(rq, out, cause);
}
