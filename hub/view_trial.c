/* view_trial: one trial in full: live parameters with what is on its way to them, the difference to the best,
 * checkpoints, runs; and the text that its runs wrote. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hub/trial_row.h"

/* ---- live parameters ---- */

static bool has_params(const struct view_request *rq, const struct state_run *r)
{
    return r->n_params > 0 && r->params[0].time <= rq->t;
}

/* The declaration that holds as of then, if it is live and this entry is it. */
static bool is_live(const struct view_request *rq, const struct state_run *r, int i)
{
    return r->params[i].live && state_param_at(r, r->params[i].name, rq->t) == &r->params[i];
}

static bool targets(const struct state_iv *iv, int64_t trial)
{
    for (const char *p = iv->target; *p;) {
        char *end;
        p += *p == 't';
        if (strtoll(p, &end, 10) == trial && end > p)
            return true;
        p = strchr(end, ',');
        if (!p++)
            break;
    }
    return false;
}

/* The newest request to set this parameter of this trial; NULL when there is none. */
static const struct state_iv *newest_set(const struct view_request *rq, int64_t trial, const char *name,
                                         struct span *value, enum iv_state *st)
{
    for (int i = rq->s->n_ivs - 1; i >= 0; i--) {
        const struct state_iv *iv = rq->s->ivs[i];
        if (!view_iv_at(rq, iv, st) || strcmp(iv->verb, "set") != 0 || !targets(iv, trial))
            continue;
        *value = cmap_value(cmap_value((struct span){iv->args, iv->args_n}, "params"), name);
        if (value->p)
            return iv;
    }
    return NULL;
}

static void put_live(const struct view_request *rq, const struct state_trial *tr, struct codec_writer *w)
{
    const struct state_run *r = view_newest_run(rq, tr, has_params);
    size_t n = 0;
    for (int i = 0; r && i < r->n_params; i++)
        n += is_live(rq, r, i);
    cw_str(w, "live");
    cw_array(w, n);
    for (int i = 0; n && i < r->n_params; i++) {
        const struct state_param *p = &r->params[i];
        if (!is_live(rq, r, i))
            continue;
        struct span value = state_param_value(r, p->name, rq->t), wanted = {NULL, 0};
        enum iv_state st;
        const struct state_iv *iv = newest_set(rq, tr->trial, p->name, &wanted, &st);
        bool pending = iv && !iv_state_final(st);
        cw_map(w, 8);
        cw_kstr(w, "name", p->name);
        view_kraw(w, "value", value.p, value.n);
        cw_kstr(w, "type", p->type);
        view_kvalue(w, "low", p->low);
        view_kvalue(w, "high", p->high);
        cw_kbool(w, "log", p->log);
        cw_kstr(w, "state", iv ? iv_state_name(st) : NULL);
        view_kraw(w, "pending", pending ? wanted.p : NULL, wanted.n);
    }
}

/* ---- difference to the best ---- */

static size_t each_difference(struct span mine, struct span best, struct codec_writer *w)
{
    struct codec_reader r;
    size_t n = 0;
    cr_init(&r, mine.p, mine.n);
    for (size_t k = cr_map(&r); k > 0 && cr_ok(&r); k--) {
        if (cr_peek(&r) != CT_STR) {
            cr_skip(&r);
            cr_skip(&r);
            continue;
        }
        char name[256];
        span_copy(name, sizeof name, cr_str(&r));
        struct span a = cr_value(&r), b = cmap_value(best, name);
        if (a.n == b.n && b.p && memcmp(a.p, b.p, a.n) == 0)
            continue;
        n++;
        if (!w)
            continue;
        cw_array(w, 3);
        cw_str(w, name);
        cw_raw(w, a.p, a.n);
        if (b.p)
            cw_raw(w, b.p, b.n);
        else
            cw_nil(w);
    }
    return n;
}

static void put_difference(const char *key, const struct state_trial *tr, const struct state_trial *to,
                           struct codec_writer *w)
{
    cw_str(w, key);
    if (!to || to == tr) {
        cw_array(w, 0);
        return;
    }
    struct span x = {tr->params, tr->params_n}, y = {to->params, to->params_n};
    cw_array(w, each_difference(x, y, NULL));
    each_difference(x, y, w);
}

/* To the best trial, and to the one that it was made from. */
static void put_diff(const struct view_request *rq, const struct state_trial *tr, struct codec_writer *w)
{
    int64_t best;
    double value;
    bool any = state_best_at(rq->s, rq->t, &best, &value);
    put_difference("diff", tr, any ? state_trial(rq->s, best) : NULL, w);
    put_difference("diff_parent", tr, tr->parent >= 0 ? state_trial(rq->s, tr->parent) : NULL, w);
}

/* ---- checkpoints and runs ---- */

static void put_checkpoints(const struct view_request *rq, const struct state_trial *tr,
                            struct codec_writer *w)
{
    size_t n = 0;
    for (int pass = 0; pass < 2; pass++) {
        if (pass) {
            cw_str(w, "checkpoints");
            cw_array(w, n);
        }
        for (int i = 0; i < tr->n_runs; i++) {
            const struct state_run *r = rq->s->runs[tr->runs[i]];
            int k = STATE_PREFIX(r->checkpoints, r->n_checkpoints, struct state_checkpoint, time, rq->t);
            n += pass ? 0 : (size_t)k;
            for (int c = 0; pass && c < k; c++) {
                cw_map(w, 4);
                cw_kstr(w, "path", r->checkpoints[c].path);
                cw_kint(w, "step", r->checkpoints[c].step);
                cw_kint(w, "time", r->checkpoints[c].time);
                cw_kint(w, "run", r->run);
            }
        }
    }
}

static void put_runs(const struct view_request *rq, const struct state_trial *tr, struct codec_writer *w)
{
    size_t n = 0;
    for (int i = 0; i < tr->n_runs; i++)
        n += view_has_run(rq, rq->s->runs[tr->runs[i]]);
    cw_str(w, "runs");
    cw_array(w, n);
    for (int i = 0; i < tr->n_runs; i++) {
        const struct state_run *r = rq->s->runs[tr->runs[i]];
        if (!view_has_run(rq, r))
            continue;
        const struct state_process *p = state_process_at(r, rq->t);
        struct series_point last;
        const struct series *s = view_objective(rq, r);
        bool any = s && series_last(s, rq->t, &last);
        cw_map(w, 7);
        cw_kint(w, "run", r->run);
        cw_kint(w, "seed", r->seed);
        cw_kstr(w, "state",
                run_state_name((enum run_state)state_change_at(r->changes, r->n_changes, rq->t)->state));
        cw_kstr(w, "worker", p && p->worker[0] ? p->worker : NULL);
        cw_kstr(w, "host", p && p->host[0] ? p->host : NULL);
        view_ktime(w, "step", any ? last.step : -1);
        view_kvalue(w, "value", any ? last.value : NAN);
    }
}

int view_trial(const struct view_request *rq, struct view_out *out, char **cause)
{
    const struct state_trial *tr = view_one_trial(rq, cmap_int(rq->body, "trial", -1), cause);
    struct trial_row row;
    struct codec_writer w;
    if (!tr)
        return -1;
    trial_row_begin(&row, rq, tr);
    trial_row_whole(&row);
    const struct state_change *c = state_change_at(tr->changes, tr->n_changes, rq->t);
    view_part_begin(out, &w, 0);
    cw_map(&w, TRIAL_ROW_PAIRS + 9);
    trial_row_put(&row, trial_row_spark(rq), &w);
    put_live(rq, tr, &w);
    put_diff(rq, tr, &w);
    put_checkpoints(rq, tr, &w);
    put_runs(rq, tr, &w);
    cw_kstr(&w, "why", tr->why);
    cw_kstr(&w, "state_why", c ? c->why : NULL);
    cw_kstr(&w, "arm", tr->arm);
    view_kvalue(&w, "propensity", tr->propensity);
    view_part_end(out);
    out->count = 1;
    return 0;
}

/* ---- text ---- */

static bool has_text(const struct view_request *rq, const struct state_run *r)
{
    return r->n_lines > 0 && r->lines[0].seen <= rq->t;
}

static const char *stream_name(char c)
{
    return c == 'e' ? "err" : c == 'l' ? "log" : "out";
}

struct text_hits {
    bool wanted;
    int64_t n, prev, next; /* lines that have the text; the nearest before and behind `at`, -1 none */
};

static struct text_hits find_text(const struct view_request *rq, const struct state_run *r, int n)
{
    char text[256] = "";
    struct text_hits h = {.prev = -1, .next = -1};
    h.wanted = cmap_strcpy(rq->body, "find", text, sizeof text) && text[0];
    if (!h.wanted || !r)
        return h;
    int64_t at = cmap_int(rq->body, "at", r->first_line + n);
    for (int i = 0; i < n; i++) {
        int64_t index = r->first_line + i;
        if (!filter_contains((struct span){r->lines[i].text, r->lines[i].n}, text))
            continue;
        h.n++;
        h.prev = index < at ? index : h.prev;
        h.next = index > at && h.next < 0 ? index : h.next;
    }
    return h;
}

int view_text(const struct view_request *rq, struct view_out *out, char **cause)
{
    const struct state_run *r;
    int64_t run = cmap_int(rq->body, "run", -1);
    if (run >= 0) {
        r = view_one_run(rq, run, cause);
        if (!r)
            return -1;
    } else {
        const struct state_trial *tr = view_one_trial(rq, cmap_int(rq->body, "trial", -1), cause);
        if (!tr)
            return -1;
        r = view_newest_run(rq, tr, has_text);
    }
    int n = r ? STATE_PREFIX(r->lines, r->n_lines, struct state_text, seen, rq->t) : 0;
    int64_t first = r ? r->first_line : 0, before = cmap_int(rq->body, "before", first + n);
    int64_t want = cmap_int(rq->body, "lines", 100);
    int end = before < first ? 0 : before - first < n ? (int)(before - first) : n;
    int from = want > 0 && want < end ? end - (int)want : 0;
    struct text_hits hits = find_text(rq, r, n);
    for (int i = from; i < end; i++) {
        struct codec_writer w;
        view_part_begin(out, &w, i - from);
        cw_map(&w, 4);
        cw_kint(&w, "index", first + i);
        cw_kint(&w, "time", r->lines[i].time);
        cw_kstr(&w, "stream", stream_name(r->lines[i].stream));
        cw_str(&w, "text");
        cw_strn(&w, r->lines[i].text, r->lines[i].n);
        view_part_end(out);
    }
    out->count = out->n_parts;
    struct codec_writer w;
    view_head(out, &w, hits.wanted ? 7 : 4);
    if (hits.wanted) {
        cw_kint(&w, "hits", hits.n);
        view_ktime(&w, "prev", hits.prev);
        view_ktime(&w, "next", hits.next);
    }
    view_ktime(&w, "run", r ? r->run : -1);
    cw_kint(&w, "first", first); /* the oldest line that is still kept */
    cw_kint(&w, "end", first + n);
    cw_kint(&w, "lines", end - from);
    return 0;
}
