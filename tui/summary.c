#include "tui/summary.h"

#include <math.h>
#include <stdio.h>

#include "tui/row.h"

static void safe_member(struct span head, const char *key, char *out, size_t cap, int columns)
{
    char t[ROW_TEXT];
    row_text(t, cmap_str(head, key), columns);
    row_format(out, cap, "%s", t);
}

static void read_params(struct summary *s, struct span head)
{
    struct span raw = cmap_value(head, "params");
    struct codec_reader r;
    if (!raw.p)
        return;
    cr_init(&r, raw.p, raw.n);
    if (cr_peek(&r) != CT_ARRAY)
        return;
    size_t n = cr_array(&r);
    for (size_t i = 0; i < n && s->n_params < SUMMARY_PARAMS; i++) {
        if (cr_peek(&r) == CT_STR)
            s->params[s->n_params++] = cr_str(&r);
        else
            cr_skip(&r);
    }
}

static void read_counts(struct summary *s, struct span head)
{
    struct span m = cmap_value(head, "counts");
    if (!m.p)
        return;
    s->running = cmap_int(m, "running", 0);
    s->done = cmap_int(m, "done", 0);
    s->waiting = cmap_int(m, "waiting", 0);
    s->failed = cmap_int(m, "failed", 0) + cmap_int(m, "killed", 0);
    s->lost = cmap_int(m, "lost", 0);
    s->paused = cmap_int(m, "paused", 0);
    s->pruned = cmap_int(m, "pruned", 0);
    s->stopped = cmap_int(m, "stopped", 0);
}

void summary_read(struct summary *s, struct span head)
{
    *s = (struct summary){.best_trial = -1,
                          .best = NAN,
                          .elapsed = NAN,
                          .eta = NAN,
                          .first = -1,
                          .last = -1,
                          .budget = -1,
                          .explore = NAN,
                          .concurrency = -1,
                          .started = -1,
                          .now = -1};
    if (!head.p || head.n == 0)
        return;
    s->there = true;
    safe_member(head, "sweep", s->sweep, sizeof s->sweep, 40);
    safe_member(head, "state", s->state, sizeof s->state, 12);
    safe_member(head, "metric", s->metric, sizeof s->metric, 24);
    safe_member(head, "tuner", s->tuner, sizeof s->tuner, 40);
    safe_member(head, "warning", s->warning, sizeof s->warning, 120);
    struct span goal = cmap_str(head, "goal");
    s->maximize = goal.n >= 3 && goal.p[0] == 'm' && goal.p[1] == 'a';
    s->live = cmap_bool(head, "live", true);
    s->trials = cmap_int(head, "trials", 0);
    s->budget = cmap_int(head, "budget", -1);
    s->best_trial = cmap_int(head, "best_trial", -1);
    s->best = cmap_double(head, "best", NAN);
    s->elapsed = cmap_double(head, "elapsed", NAN);
    s->eta = cmap_double(head, "eta", NAN);
    s->first = cmap_int(head, "first", -1);
    s->last = cmap_int(head, "last", -1);
    s->started = cmap_int(head, "started", -1);
    s->now = cmap_int(head, "now", -1);
    s->explore = cmap_double(head, "explore", NAN);
    s->concurrency = cmap_int(head, "concurrency", -1);
    s->workers = cmap_int(head, "workers", 0);
    s->slots = cmap_int(head, "slots", 0);
    s->busy = cmap_int(head, "busy", 0);
    read_counts(s, head);
    read_params(s, head);
}
