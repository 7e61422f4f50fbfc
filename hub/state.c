/* state: making, freeing and dispatch, the vocabulary of states, and the questions as of a time.
 *
 * Owns nothing but memory. The invariant of every list: entries are in the order of log time and never change
 * once the log has passed them, so a prefix of a list is what the list was then. */
#include "hub/state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hub/state_parts.h"
#include "proto/points.h"

/* ---- vocabulary ---- */

static const struct {
    const char *name;
    bool terminal;
} trial_states[TRIAL_STATE_COUNT] = {
#define TSTATE_ROW(e, name, terminal) [TRIAL_##e] = {name, terminal},
    TRIAL_STATES(TSTATE_ROW)
#undef TSTATE_ROW
};

#define TO(s) (1u << TRIAL_##s)
/* From what may a trial become what. Only what failed for a reason outside of it may be queued again. */
static const unsigned trial_moves[TRIAL_STATE_COUNT] = {
    [TRIAL_WAITING] = TO(RUNNING) | TO(STOPPED) | TO(FAILED) | TO(KILLED) | TO(WITHDRAWN),
    [TRIAL_RUNNING] =
        TO(WAITING) | TO(PAUSED) | TO(LOST) | TO(DONE) | TO(PRUNED) | TO(STOPPED) | TO(FAILED) | TO(KILLED),
    [TRIAL_PAUSED] =
        TO(WAITING) | TO(RUNNING) | TO(LOST) | TO(DONE) | TO(PRUNED) | TO(STOPPED) | TO(FAILED) | TO(KILLED),
    [TRIAL_LOST] = TO(WAITING) | TO(RUNNING) | TO(PAUSED) | TO(DONE) | TO(PRUNED) | TO(STOPPED) | TO(FAILED) |
                   TO(KILLED),
    [TRIAL_FAILED] = TO(WAITING),
    [TRIAL_KILLED] = TO(WAITING),
};
#undef TO

const char *trial_state_name(enum trial_state s)
{
    return (unsigned)s < TRIAL_STATE_COUNT ? trial_states[s].name : "?";
}

bool trial_state_parse(struct span name, enum trial_state *out)
{
    for (int i = 0; i < TRIAL_STATE_COUNT; i++)
        if (name.p && span_eq(name, trial_states[i].name)) {
            *out = (enum trial_state)i;
            return true;
        }
    return false;
}

bool trial_state_terminal(enum trial_state s)
{
    return (unsigned)s < TRIAL_STATE_COUNT && trial_states[s].terminal;
}

bool trial_move_legal(enum trial_state from, enum trial_state to)
{
    return (unsigned)from < TRIAL_STATE_COUNT && (unsigned)to < TRIAL_STATE_COUNT &&
           (trial_moves[from] >> to & 1);
}

const char *run_state_name(enum run_state s)
{
    static const char *const names[RUN_STATE_COUNT] = {"queued", "leased",  "running", "paused", "lost", "held",
                                                       "done",   "stopped", "failed",  "killed"};
    return (unsigned)s < RUN_STATE_COUNT ? names[s] : "?";
}

bool run_state_terminal(enum run_state s)
{
    return s >= RUN_DONE;
}

const char *iv_state_name(enum iv_state s)
{
    static const char *const names[IV_STATE_COUNT] = {"queued",   "sent",    "delivered", "applied",
                                                      "rejected", "expired", "undone"};
    return (unsigned)s < IV_STATE_COUNT ? names[s] : "?";
}

bool iv_state_final(enum iv_state s)
{
    return s >= IV_APPLIED;
}

const char *sweep_state_name(enum sweep_state s)
{
    static const char *const names[] = {"running", "paused", "done", "failed"};
    return (unsigned)s <= SWEEP_FAILED ? names[s] : "?";
}

/* ---- life ---- */

struct state *state_new(void)
{
    struct state *s = MEM_NEW(struct state);
    s->space_version = 1;
    s->info.budget = -1;
    s->chosen = -1;
    s->reader = MEM_NEW(struct points_reader);
    return s;
}

static void iv_free(struct state_iv *iv)
{
    if (!iv)
        return;
    free(iv->who);
    free(iv->verb);
    free(iv->target);
    free(iv->reason);
    free(iv->message);
    free(iv->args);
    state_changes_free(iv->changes, iv->n_changes);
    free(iv->steps);
    free(iv);
}

static void worker_free(struct state_worker *w)
{
    for (int i = 0; i < w->n_joins; i++)
        free(w->joins[i].host);
    free(w->joins);
    free(w->name);
    free(w->host);
    state_changes_free(w->changes, w->n_changes);
    free(w);
}

static void info_release(struct sweep_info *f)
{
    free(f->name);
    free(f->yaml);
    free(f->path);
    free(f->cwd);
    free(f->metric);
    free(f->tuner);
    free(f->env);
    state_objectives_free(f);
}

void state_free(struct state *s)
{
    if (!s)
        return;
    info_release(&s->info);
    state_changes_free(s->changes, s->n_changes);
    for (int i = 0; i < s->n_trials; i++)
        state_trial_free(s->trials[i]);
    for (int i = 0; i < s->n_runs; i++)
        state_run_free(s->runs[i]);
    for (int i = 0; i < s->n_ivs; i++)
        iv_free(s->ivs[i]);
    for (int i = 0; i < s->n_bandits; i++)
        state_bandit_free(s->bandits[i]);
    for (int i = 0; i < s->n_workers; i++)
        worker_free(s->workers[i]);
    for (int i = 0; i < s->n_hub_events; i++) {
        free(s->hub_events[i].what);
        free(s->hub_events[i].text);
    }
    for (int i = 0; i < s->n_spaces; i++)
        free(s->spaces[i].yaml);
    for (int i = 0; i < s->n_hosts; i++)
        state_host_free(s->hosts[i]);
    free(s->hosts);
    for (int i = 0; i < s->n_surfaces; i++)
        state_surface_free(s->surfaces[i]);
    free(s->surfaces);
    free(s->trials);
    free(s->runs);
    free(s->ivs);
    free(s->bandits);
    free(s->workers);
    free(s->hub_events);
    free(s->spaces);
    free(s->best);
    free(s->heap);
    points_close(s->reader);
    free(s->reader);
    free(s);
}

void state_changes_free(struct state_change *list, int n)
{
    for (int i = 0; i < n; i++)
        free(list[i].why);
    free(list);
}

/* ---- parts ---- */

void *state_grow(void *list, int n, size_t size)
{
    if (n == 0)
        return mem_resize(list, 2, size);
    return n >= 2 && (n & (n - 1)) == 0 ? mem_resize(list, (size_t)n * 2, size) : list;
}

char *state_keep(struct span v, size_t *n)
{
    *n = v.p ? v.n : 0;
    return v.p ? mem_dup(v.p, v.n) : NULL;
}

void state_became(const struct state *s, struct state_change **list, int *n, int state, struct span why,
                  int64_t intervention)
{
    struct state_change *c = &STATE_PUSH(*list, *n);
    *c = (struct state_change){s->last_time, state, why.n ? span_dup(why) : NULL, intervention};
}

int state_newest(const struct state_change *list, int n, int none)
{
    return n ? list[n - 1].state : none;
}

/* ---- the fold ---- */

int state_apply(struct state *s, const struct event *ev)
{
    static int (*const apply[EV_COUNT])(struct state *, const struct event *) = {
        [EV_SWEEP] = apply_sweep,
        [EV_SPACE] = apply_space,
        [EV_TRIAL] = apply_trial,
        [EV_TRIAL_STATE] = apply_trial_state,
        [EV_RUN] = apply_run,
        [EV_POINTS] = apply_points,
        [EV_TEXT] = apply_text,
        [EV_REPORT] = apply_report,
        [EV_TELL] = apply_tell,
        [EV_DECLARE] = apply_declare,
        [EV_COMMAND] = apply_command,
        [EV_CHECKPOINT] = apply_checkpoint,
        [EV_PULLS] = apply_pulls,
        [EV_BANDIT] = apply_bandit,
        [EV_RUN_STATE] = apply_run_state,
        [EV_ARMS] = apply_arms,
        [EV_INTERVENTION] = apply_intervention,
        [EV_WORKER] = apply_worker,
        [EV_HUB] = apply_hub,
        [EV_HOST] = apply_host,
        [EV_SURFACE] = apply_surface,
    };
    if (s->first_time == 0)
        s->first_time = s->last_time = ev->log_time;
    if (ev->log_time > s->last_time)
        s->last_time = ev->log_time;
    if (ev->kind == EV_TUNER) { /* the tuner's own memory; nothing that a view shows */
        s->n_events++;
        return 0;
    }
    if ((unsigned)ev->kind >= EV_COUNT || !apply[ev->kind] || apply[ev->kind](s, ev))
        return 1;
    s->n_events++;
    return 0;
}

/* ---- questions ---- */

struct state_trial *state_trial(const struct state *s, int64_t id)
{
    return id >= 0 && id < s->n_trials ? s->trials[id] : NULL;
}

struct state_run *state_run(const struct state *s, int64_t id)
{
    return id >= 0 && id < s->n_runs ? s->runs[id] : NULL;
}

struct state_iv *state_iv(const struct state *s, int64_t id)
{
    return id >= 1 && id <= s->n_ivs ? s->ivs[id - 1] : NULL;
}

int state_prefix(const void *list, int n, size_t size, size_t time, int64_t t)
{
    int lo = 0, hi = n;
    while (lo < hi) {
        int mid = hi - lo > 8 ? (lo + hi) / 2 : hi - 1; /* short lists and "now" are decided at the end */
        int64_t at;
        memcpy(&at, (const char *)list + (size_t)mid * size + time, sizeof at);
        if (at <= t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const struct state_change *state_change_at(const struct state_change *c, int n, int64_t t)
{
    int k = STATE_PREFIX(c, n, struct state_change, time, t);
    return k ? &c[k - 1] : NULL;
}

enum trial_state state_trial_at(const struct state_trial *tr, int64_t t)
{
    const struct state_change *c = state_change_at(tr->changes, tr->n_changes, t);
    return c ? (enum trial_state)c->state : TRIAL_WAITING;
}

bool state_value_at(const struct state *s, const struct state_trial *tr, int64_t t, double *value,
                    int64_t *step)
{
    (void)s;
    int k = STATE_PREFIX(tr->reports, tr->n_reports, struct state_report, time, t);
    int r = STATE_PREFIX(tr->resets, tr->n_resets, struct state_reset, time, t);
    if (k == 0 || (r && tr->resets[r - 1].n_reports >= k))
        return false;
    *value = tr->reports[k - 1].trial_value;
    *step = tr->reports[k - 1].trial_step;
    return true;
}

bool state_best_at(const struct state *s, int64_t t, int64_t *trial, double *value)
{
    int k = STATE_PREFIX(s->best, s->n_best, struct state_improvement, time, t);
    if (!k || s->best[k - 1].trial < 0)
        return false;
    *trial = s->best[k - 1].trial;
    *value = s->best[k - 1].value;
    return true;
}

enum sweep_state state_sweep_at(const struct state *s, int64_t t)
{
    const struct state_change *c = state_change_at(s->changes, s->n_changes, t);
    return c ? (enum sweep_state)c->state : SWEEP_RUNNING;
}

const struct state_process *state_process_at(const struct state_run *r, int64_t t)
{
    int k = STATE_PREFIX(r->processes, r->n_processes, struct state_process, time, t);
    return k ? &r->processes[k - 1] : NULL;
}

const struct state_join *state_join_at(const struct state_worker *w, int64_t t)
{
    int k = STATE_PREFIX(w->joins, w->n_joins, struct state_join, time, t);
    return k ? &w->joins[k - 1] : NULL;
}

int state_space_at(const struct state *s, int64_t t)
{
    int k = STATE_PREFIX(s->spaces, s->n_spaces, struct state_space, time, t);
    return k ? s->spaces[k - 1].version : 1;
}

const struct state_metric *state_metric(const struct state_run *r, const char *name)
{
    for (int i = 0; i < r->n_metrics; i++)
        if (strcmp(r->metrics[i].name, name) == 0)
            return &r->metrics[i];
    return NULL;
}

const struct state_take *state_take_at(const struct state_takes *k, int64_t t)
{
    int n = STATE_PREFIX(k->v, k->n, struct state_take, since, t);
    return n ? &k->v[n - 1] : NULL;
}

const struct series *state_series_at(const struct state_takes *k, int64_t t)
{
    const struct state_take *take = state_take_at(k, t);
    return take ? take->series : NULL;
}

/* All points that arrived by t, those of earlier takes included. */
static uint64_t takes_count(const struct state_takes *k, int64_t t)
{
    uint64_t n = 0;
    for (int i = 0; i < k->n && k->v[i].since <= t; i++)
        n += series_count(k->v[i].series, t) - k->v[i].kept;
    return n;
}

static size_t takes_bytes(const struct state_takes *k)
{
    size_t n = (size_t)k->n * sizeof *k->v;
    for (int i = 0; i < k->n; i++)
        n += series_bytes(k->v[i].series);
    return n;
}

uint64_t state_run_points(const struct state_run *r, int64_t t)
{
    if (t >= r->last_seen)
        return r->points;
    uint64_t n = 0;
    if (t >= r->first_seen)
        for (int i = 0; i < r->n_metrics; i++)
            n += takes_count(&r->metrics[i].takes, t);
    return n;
}

uint64_t state_points(const struct state *s, int64_t t)
{
    if (t >= s->last_time)
        return s->n_points;
    uint64_t n = 0;
    for (int i = 0; i < s->n_runs; i++)
        n += s->runs[i] ? state_run_points(s->runs[i], t) : 0;
    return n;
}

size_t state_bytes(const struct state *s)
{
    size_t n = 0;
    for (int i = 0; i < s->n_runs; i++) {
        const struct state_run *r = s->runs[i];
        for (int k = 0; r && k < r->n_metrics; k++)
            n += takes_bytes(&r->metrics[k].takes) + sizeof r->metrics[k];
        if (r)
            n += takes_bytes(&r->reports);
    }
    return n;
}
