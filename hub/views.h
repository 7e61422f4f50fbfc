/* views: answers to view requests (proto/view.h) from states. Pure: reads, never changes. One file per family:
 * view_trials.c, view_curve.c, view_arms.c, ...; the list is in views.c. */
#ifndef HUB_VIEWS_H
#define HUB_VIEWS_H

#include "base/buf.h"
#include "hub/state.h"

struct alert_book;
struct hub;
struct model_cache;
struct tuner;

/* What the hub knows about a sweep beside its log. In replay most of it is zero. */
struct sweep_ref {
    struct state *state;
    const char *recording;      /* path */
    const char *tuner_text;     /* tuner_describe */
    const char *sync;           /* "20 ms", "always", "none" */
    const char *warning;        /* disk full etc., NULL none */
    double points_per_s;
    uint64_t bytes;             /* of the recording */
    int64_t max_fidelity;       /* for progress, -1 unknown */
    bool live;                  /* false: a recording opened for replay or finished and reloaded */
    int64_t budget;             /* current */
    int concurrency;
    double explore;
    const struct rung_row *rungs; /* from the tuner, live only */
    int n_rungs;
    const struct tuner *tuner;    /* live only: for its score and its cells; NULL none */
    struct alert_book *alerts;    /* what was looked at of rules (alerts.h); NULL: nothing is kept */
    struct model_cache *models;   /* fits that views share (model_at.h); NULL: none is kept */
};

struct views_ctx {
    struct sweep_ref *const *sweeps; /* oldest first */
    int n_sweeps;
    const char *hub;
    bool readonly;
    int consoles;
    struct hub *hub_state; /* for what is in no log (hosts, consoles); NULL: there is no living hub */
    int64_t now; /* hub's wall clock, ns */
};

struct view_out {
    struct buf head; /* one msgpack map */
    struct view_out_part {
        int64_t index;
        size_t off, len; /* in data */
    } *parts;
    int n_parts;
    struct buf data;
    int64_t count;
};

/* Fills out (cleared first; release with view_out_release). 0, or -1 and a cause (unknown view, sweep, trial,
 * bad filter). */
int views_answer(const struct views_ctx *ctx, struct span request, struct view_out *out, char **cause);
void view_out_release(struct view_out *out);
/* Picks the sweep a request means: by name, by unique prefix, by recording path; NULL/"" the newest. NULL and a cause. */
struct sweep_ref *views_pick(const struct views_ctx *ctx, const char *name, char **cause);

/* Opens a recording as a sweep: folds it all. The ref and its state are freed by sweep_ref_free. */
struct sweep_ref *sweep_ref_load(const char *path, char **cause);
void sweep_ref_free(struct sweep_ref *r);

#endif
