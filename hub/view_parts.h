/* view_parts: what the families of views share: a decoded request, writing of parts, sorting and windows.
 * For view_*.c and views.c only. */
#ifndef HUB_VIEW_PARTS_H
#define HUB_VIEW_PARTS_H

#include "hub/filter.h"
#include "hub/views.h"

struct view_request {
    const struct views_ctx *ctx;
    const struct sweep_ref *ref;
    const struct state *s;
    struct span body;
    int64_t t;   /* show what was there as of then; STATE_NOW: everything */
    int64_t now; /* the moment shown: cursor, hub's clock, or last event of a sweep that is no longer live */
};

/* One view: fills out (empty), 0 or -1 and a cause. Must not look at anything later than rq->t. */
typedef int view_fn(const struct view_request *rq, struct view_out *out, char **cause);
view_fn view_hosts, view_consoles, view_alerts, view_sweeps, view_trials, view_runs, view_arms, view_workers, view_interventions, view_metrics,
    view_summary, view_curve, view_best, view_arms_history, view_trial, view_text, view_events, view_pareto, view_preview, view_rungs,
    view_landscape, view_probe, view_surfaces, view_importance, view_edf, view_seeds;

/* ---- writing ---- */
void view_part_begin(struct view_out *out, struct codec_writer *w, int64_t index);
void view_part_end(struct view_out *out);
void view_kvalue(struct codec_writer *w, const char *key, double v);                /* nil: not finite */
void view_ktime(struct codec_writer *w, const char *key, int64_t t);                /* nil: negative */
void view_kraw(struct codec_writer *w, const char *key, const char *p, size_t n);   /* nil: p is NULL */
void view_kcolumn(struct codec_writer *w, const char *key, const double *v, int n); /* binary f64[n] */
void view_head(struct view_out *out, struct codec_writer *w, size_t pairs);

/* ---- requests ---- */
#define VIEW_MAX_COLUMNS 4096
int view_columns(const struct view_request *rq, int fallback); /* "columns", 1..VIEW_MAX_COLUMNS */
/* The trial or run a request names; NULL and a cause when it is unknown or not there as of t. */
const struct state_trial *view_one_trial(const struct view_request *rq, int64_t id, char **cause);
const struct state_run *view_one_run(const struct view_request *rq, int64_t id, char **cause);
/* There as of t; NULL is not. */
bool view_has_trial(const struct view_request *rq, const struct state_trial *tr);
bool view_has_run(const struct view_request *rq, const struct state_run *r);

/* ---- order ---- */
struct view_key {
    struct filter_value v;
    int64_t id; /* decides ties */
    int at;     /* what it is the key of */
};
/* Numbers before texts before absent ones; reverse turns the order of all but the absent ones; ties by id. */
void view_sort(struct view_key *keys, int n, bool reverse);
/* Only the first `first` keys in order; the rest stands behind them in any order. */
void view_sort_first(struct view_key *keys, int n, int first, bool reverse);
/* Where keys[i] would stand. */
int view_rank(const struct view_key *keys, int n, int i, bool reverse);
/* "-name": strips the sign. */
const char *view_sort_name(const char *sort, bool *reverse);

/* Filters, sorts and cuts the parts of a finished list of row maps as the request says, and sets
 * out->count. */
int view_rows_finish(const struct view_request *rq, struct view_out *out, char **cause);

/* The objective of a run as a series: its metric of that name, else what was reported; NULL when there is
 * nothing as of t. */
const struct series *view_objective(const struct view_request *rq, const struct state_run *r);
/* The newest run of a trial that exists as of t and for which `has` says yes (NULL: any). */
typedef bool view_run_test(const struct view_request *rq, const struct state_run *r);
const struct state_run *view_newest_run(const struct view_request *rq, const struct state_trial *tr,
                                        view_run_test *has);
/* The state of an intervention as of t; false when it did not exist yet. */
bool view_iv_at(const struct view_request *rq, const struct state_iv *iv, enum iv_state *state);

/* Settings that people change: as submitted, then by every budget, explore and concurrency in force as
 * of t. */
struct view_settings {
    int64_t budget; /* -1 none */
    int64_t concurrency;
    double explore;
};
struct view_settings view_settings(const struct view_request *rq);

#endif
