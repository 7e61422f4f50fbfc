/* views: the table of views, the reading of requests, and choosing a sweep. The views themselves are in
 * view_*.c. */
#include "hub/views.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "base/text.h"
#include "hub/view_parts.h"
#include "proto/view.h"

static const struct {
    const char *name;
    view_fn *answer;
} views[VIEW_COUNT] = {
    [VIEW_SWEEPS] = {"sweeps", view_sweeps},
    [VIEW_TRIALS] = {"trials", view_trials},
    [VIEW_RUNS] = {"runs", view_runs},
    [VIEW_ARMS] = {"arms", view_arms},
    [VIEW_WORKERS] = {"workers", view_workers},
    [VIEW_INTERVENTIONS] = {"interventions", view_interventions},
    [VIEW_METRICS] = {"metrics", view_metrics},
    [VIEW_SUMMARY] = {"summary", view_summary},
    [VIEW_CURVE] = {"curve", view_curve},
    [VIEW_BEST] = {"best", view_best},
    [VIEW_ARMS_HISTORY] = {"arms_history", view_arms_history},
    [VIEW_TRIAL] = {"trial", view_trial},
    [VIEW_TEXT] = {"text", view_text},
    [VIEW_EVENTS] = {"events", view_events},
    [VIEW_HOSTS] = {"hosts", view_hosts},
    [VIEW_CONSOLES] = {"consoles", view_consoles},
    [VIEW_ALERTS] = {"alerts", view_alerts},
    [VIEW_RUNGS] = {"rungs", view_rungs},
    [VIEW_PARETO] = {"pareto", view_pareto},
    [VIEW_PREVIEW] = {"preview", view_preview},
    [VIEW_LANDSCAPE] = {"landscape", view_landscape},
    [VIEW_PROBE] = {"probe", view_probe},
    [VIEW_SURFACES] = {"surfaces", view_surfaces},
    [VIEW_IMPORTANCE] = {"importance", view_importance},
    [VIEW_EDF] = {"edf", view_edf},
    [VIEW_SEEDS] = {"seeds", view_seeds},
};

/* ---- choosing a sweep ---- */

static const char *name_of(const struct sweep_ref *r)
{
    return r->state->info.name ? r->state->info.name : "";
}

static bool same_path(const char *recording, const char *name)
{
    if (!recording || !strchr(name, '/'))
        return false;
    if (strcmp(recording, name) == 0)
        return true;
    char *a = realpath(recording, NULL), *b = realpath(name, NULL);
    bool same = a && b && strcmp(a, b) == 0;
    free(a);
    free(b);
    return same;
}

static bool same_file_name(const char *recording, const char *name)
{
    const char *slash = recording ? strrchr(recording, '/') : NULL;
    return recording && strcmp(slash ? slash + 1 : recording, name) == 0;
}

struct sweep_ref *views_pick(const struct views_ctx *ctx, const char *name, char **cause)
{
    if (ctx->n_sweeps == 0)
        return cause_null(cause, "this hub has no sweep yet: start one with hypertop run SWEEP.yaml");
    if (!name || !*name)
        return ctx->sweeps[ctx->n_sweeps - 1];
    struct sweep_ref *prefixed = NULL;
    int n = 0;
    for (int i = ctx->n_sweeps - 1; i >= 0; i--) { /* of several with one name the newest */
        struct sweep_ref *r = ctx->sweeps[i];
        if (strcmp(name_of(r), name) == 0 || same_path(r->recording, name) ||
            same_file_name(r->recording, name))
            return r;
        if (text_has_prefix(name_of(r), name)) {
            prefixed = prefixed ? prefixed : r;
            n += strcmp(name_of(prefixed), name_of(r)) != 0 || n == 0;
        }
    }
    if (n == 1)
        return prefixed;
    if (n > 1)
        return cause_null(cause, "'%s' begins the names of %d sweeps: write more of it", name, n);
    return cause_null(cause, "no sweep is called '%s': hypertop ls sweeps lists them", name);
}

/* ---- requests ---- */

static const char *text_param(struct span body, const char *key, char *out, size_t cap)
{
    out[0] = '\0';
    return cmap_strcpy(body, key, out, cap) ? out : "";
}

static struct view_request read_request(const struct views_ctx *ctx, struct span body)
{
    struct view_request rq = {.ctx = ctx, .body = body, .t = STATE_NOW, .now = ctx->now};
    int64_t cursor = cmap_int(body, "cursor", -1);
    if (cursor >= 0)
        rq.t = rq.now = cursor;
    return rq;
}

int views_answer(const struct views_ctx *ctx, struct span request, struct view_out *out, char **cause)
{
    char name[64], sweep[512];
    buf_clear(&out->head);
    buf_clear(&out->data);
    out->n_parts = 0;
    out->count = 0;
    text_param(request, "view", name, sizeof name);
    int kind = VIEW_UNKNOWN;
    for (int i = 1; i < VIEW_COUNT; i++)
        if (views[i].answer && strcmp(views[i].name, name) == 0)
            kind = i;
    if (kind == VIEW_UNKNOWN)
        return cause_set(cause, "there is no view called '%.60s'", name);
    struct view_request rq = read_request(ctx, request);
    if (kind != VIEW_SWEEPS) {
        rq.ref = views_pick(ctx, text_param(request, "sweep", sweep, sizeof sweep), cause);
        if (!rq.ref)
            return -1;
        rq.s = rq.ref->state;
        if (rq.t == STATE_NOW && !rq.ref->live)
            rq.now = rq.s->last_time;
    }
    int rc = views[kind].answer(&rq, out, cause);
    if (rc == 0 && out->head.len == 0) {
        struct codec_writer w;
        view_head(out, &w, 0);
    }
    return rc;
}

void view_out_release(struct view_out *out)
{
    buf_release(&out->head);
    buf_release(&out->data);
    free(out->parts);
    *out = (struct view_out){0};
}

int view_columns(const struct view_request *rq, int fallback)
{
    int64_t n = cmap_int(rq->body, "columns", fallback);
    return n < 1 ? 1 : n > VIEW_MAX_COLUMNS ? VIEW_MAX_COLUMNS : (int)n;
}

bool view_has_trial(const struct view_request *rq, const struct state_trial *tr)
{
    return tr && tr->created <= rq->t;
}

bool view_has_run(const struct view_request *rq, const struct state_run *r)
{
    return r && r->n_changes && r->changes[0].time <= rq->t;
}

const struct state_trial *view_one_trial(const struct view_request *rq, int64_t id, char **cause)
{
    const struct state_trial *tr = state_trial(rq->s, id);
    if (view_has_trial(rq, tr))
        return tr;
    return cause_null(cause, "there is no trial t%lld in %s%s", (long long)id, name_of(rq->ref),
                      tr ? " at that time" : "");
}

const struct state_run *view_one_run(const struct view_request *rq, int64_t id, char **cause)
{
    const struct state_run *r = state_run(rq->s, id);
    if (view_has_run(rq, r))
        return r;
    return cause_null(cause, "there is no run %lld in %s%s", (long long)id, name_of(rq->ref),
                      r ? " at that time" : "");
}

/* ---- writing ---- */

void view_part_begin(struct view_out *out, struct codec_writer *w, int64_t index)
{
    if ((out->n_parts & (out->n_parts - 1)) == 0) /* full at every power of two */
        out->parts = mem_resize(out->parts, out->n_parts ? (size_t)out->n_parts * 2 : 1, sizeof *out->parts);
    out->parts[out->n_parts++] = (struct view_out_part){index, out->data.len, 0};
    cw_init(w, &out->data);
}

void view_part_end(struct view_out *out)
{
    struct view_out_part *p = &out->parts[out->n_parts - 1];
    p->len = out->data.len - p->off;
}

void view_head(struct view_out *out, struct codec_writer *w, size_t pairs)
{
    cw_init(w, &out->head);
    cw_map(w, pairs);
}

void view_kvalue(struct codec_writer *w, const char *key, double v)
{
    if (isfinite(v))
        cw_kdouble(w, key, v);
    else
        cw_knil(w, key);
}

void view_ktime(struct codec_writer *w, const char *key, int64_t t)
{
    if (t >= 0)
        cw_kint(w, key, t);
    else
        cw_knil(w, key);
}

void view_kraw(struct codec_writer *w, const char *key, const char *p, size_t n)
{
    cw_str(w, key);
    if (p && n)
        cw_raw(w, p, n);
    else
        cw_nil(w);
}

void view_kcolumn(struct codec_writer *w, const char *key, const double *v, int n)
{
    cw_str(w, key);
    cw_bin(w, v, (size_t)n * sizeof *v);
}

/* ---- looking into the state ---- */

const struct series *view_objective(const struct view_request *rq, const struct state_run *r)
{
    const struct state_metric *m = rq->s->info.metric ? state_metric(r, rq->s->info.metric) : NULL;
    const struct series *s = m ? state_series_at(&m->takes, rq->t) : NULL;
    if (s && series_count(s, rq->t))
        return s;
    s = state_series_at(&r->reports, rq->t);
    return s && series_count(s, rq->t) ? s : NULL;
}

const struct state_run *view_newest_run(const struct view_request *rq, const struct state_trial *tr,
                                        view_run_test *has)
{
    for (int i = tr->n_runs - 1; i >= 0; i--) {
        const struct state_run *r = rq->s->runs[tr->runs[i]];
        if (view_has_run(rq, r) && (!has || has(rq, r)))
            return r;
    }
    return NULL;
}

bool view_iv_at(const struct view_request *rq, const struct state_iv *iv, enum iv_state *state)
{
    const struct state_change *c = iv ? state_change_at(iv->changes, iv->n_changes, rq->t) : NULL;
    if (c)
        *state = (enum iv_state)c->state;
    return c != NULL;
}

struct view_settings view_settings(const struct view_request *rq)
{
    const struct state *s = rq->s;
    struct view_settings v = {.budget = s->info.budget, .concurrency = s->info.workers, .explore = 1};
    for (int i = 0; i < s->n_ivs; i++) {
        const struct state_iv *iv = s->ivs[i];
        enum iv_state st;
        if (!view_iv_at(rq, iv, &st) || st != IV_APPLIED)
            continue;
        struct span args = {iv->args, iv->args_n};
        if (strcmp(iv->verb, "explore") == 0) {
            v.explore = cmap_double(args, "factor", v.explore);
        } else if (strcmp(iv->verb, "concurrency") == 0) {
            v.concurrency = cmap_int(args, "value", v.concurrency);
        } else if (strcmp(iv->verb, "budget") == 0) {
            int64_t n = cmap_int(args, "value", 0);
            bool relative = cmap_bool(args, "relative", false);
            v.budget = relative && v.budget >= 0 ? v.budget + n : n;
        }
    }
    if (rq->t == STATE_NOW &&
        rq->ref->live) { /* what the hub works with now: a limit of the machine may be in it */
        v.budget = rq->ref->budget;
        v.concurrency = rq->ref->concurrency;
        v.explore = rq->ref->explore;
    }
    return v;
}
