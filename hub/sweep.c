/* sweep: see sweep.h. The life of a sweep in the hub: started, equipped with a tuner, ended, its recording
 * closed in the background, opened again when somebody gives it more to do. */
#include "hub/alerts.h"
#include "hub/sweep.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"
#include "hub/adviser.h"
#include "hub/evaluation.h"
#include "hub/intervention.h"
#include "hub/launch_local.h"
#include "hub/model_at.h"
#include "hub/objective.h"
#include "hub/scheduler.h"
#include "hub/trial.h"
#include "hub/worker.h"
#include "hub/sweep_candidates.h"

#define FIRST_FAILURES                                                                                       \
    5 /* this many trials failed and none ever worked: the program is broken, not the configurations */
#define DUMP_ASKS      100
#define QUIET_NS       (2 * CLOCK_S)
#define ADHOC_QUIET_NS (10 * CLOCK_S)
#define RATE_NS        CLOCK_S
#define CLOSE_MS       5000

/* ---- making ---- */

/* From the recording's file name, so that it is the same after a restart. Never 0. */
int64_t sweep_key(const char *path)
{
    const char *name = strrchr(path, '/');
    uint64_t x = UINT64_C(0xcbf29ce484222325);
    for (name = name ? name + 1 : path; *name; name++)
        x = (x ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    x = (x ^ x >> 28) & (uint64_t)RUN_KEY_MAX;
    return x ? (int64_t)x : 1;
}

struct sweep *sweep_new(struct hub *h, const char *path)
{
    struct sweep *s = MEM_NEW(struct sweep);
    s->hub = h;
    s->path = mem_str(path);
    s->key = sweep_key(path);
    s->state = state_new();
    s->file.max_fidelity = -1;
    s->ref = (struct sweep_ref){.state = s->state,
                                .recording = s->path,
                                .tuner_text = s->tuner_text,
                                .sync = h->sync_text,
                                .max_fidelity = -1,
                                .live = true,
                                .budget = -1,
                                .explore = 1,
                                .alerts = alert_book_new(), .models = model_cache_new()};
    return s;
}

void sweep_free(struct sweep *s)
{
    if (!s)
        return;
    interventions_free(s);
    launch_pool_free(s);
    adviser_free(s);
    outbox_release(&s->out);
    if (s->tuner)
        tuner_free(s->tuner);
    sweepfile_release(&s->file);
    model_cache_free(s->ref.models);
    alert_book_free(s->ref.alerts);
    state_free(s->state);
    buf_release(&s->body);
    free(s->memos);
    free(s->runs);
    free(s->trials);
    buf_release(&s->env);
    free(s->path);
    free(s);
}

struct tuner *sweep_make_tuner(struct sweepfile *f, const char *sampler, uint64_t seed, int64_t budget,
                               char **cause)
{
    bool own = !sampler || !*sampler || strcmp(sampler, f->sampler) == 0;
    struct tuner_setup setup = {
        .space = f->space,
        .sampler = own ? f->sampler : sampler,
        .stopper = f->stopper,
        .sampler_options = own ? f->sampler_options : NULL,
        .stopper_options = f->stopper_options,
        .seed = seed,
        .maximize = f->maximize,
        .budget = budget,
        .objectives = f->objectives,
        .n_objectives = f->n_objectives,
        .replicates = f->replicates ? f->n_seeds : 0,
    };
    struct tuner *t = tuner_new(&setup, cause);
    if (t)
        f->space = NULL; /* it is the tuner's now */
    return t;
}

void sweep_refresh(struct sweep *s)
{
    s->ref.max_fidelity = s->file.max_fidelity;
    s->ref.concurrency = (int)s->concurrency;
    s->ref.tuner = s->tuner;
    if (s->tuner)
        tuner_describe(s->tuner, s->tuner_text, sizeof s->tuner_text);
}

int sweep_equip(struct sweep *s, char **cause)
{
    const struct sweep_info *f = &s->state->info;
    s->adhoc = f->adhoc;
    s->concurrency = s->workers_wanted = f->workers;
    s->ref.budget = f->budget;
    if (!s->adhoc && !s->tuner) {
        if (sweepfile_parse(&s->file, f->yaml ? f->yaml : "", f->yaml ? strlen(f->yaml) : 0,
                            f->path ? f->path : "sweep.yaml", cause) != 0)
            return -1;
        sweep_candidates_stand_in(&s->file);
        s->tuner = sweep_make_tuner(&s->file, f->tuner, f->seed, f->budget, cause);
        if (!s->tuner)
            return -1;
    }
    if (s->concurrency <= 0 && !s->adhoc)
        s->concurrency = INT32_MAX; /* no local workers: whoever joins decides */
    sweep_refresh(s);
    return 0;
}

/* ---- ending ---- */

bool sweep_open(const struct sweep *s)
{
    enum sweep_state st = state_sweep_at(s->state, STATE_NOW);
    return st == SWEEP_RUNNING || st == SWEEP_PAUSED;
}

bool sweep_has_work(const struct sweep *s)
{
    for (int i = s->first_open; i < s->state->n_trials; i++)
        if (!trial_state_terminal(trial_now(s, i)))
            return true;
    return false;
}

void sweep_dump_tuner(struct sweep *s)
{
    struct buf dump = {0};
    if (!s->tuner || !s->rec)
        return;
    tuner_dump(s->tuner, &dump);
    struct codec_writer *w = sweep_begin(s, EV_TUNER, 3);
    cw_kint(w, "asks", s->asks);
    cw_kint(w, "tells", s->tells);
    cw_str(w, "dump");
    cw_bin(w, dump.data, dump.len);
    sweep_commit(s); /* one that is too large for an event is not recorded: then recovery drives the tuner
                        from the start */
    s->asks_dumped = s->asks;
    buf_release(&dump);
}

static void close_recording(struct sweep *s, bool compact)
{
    s->closing = s->rec;
    s->rec = NULL;
    recorder_finish(s->closing, compact);
}

static void say_state(struct sweep *s, enum sweep_state state, const char *why)
{
    struct codec_writer *w = sweep_begin(s, EV_SWEEP, 2);
    cw_kstr(w, "state", sweep_state_name(state));
    cw_kstr(w, "why", why);
    sweep_commit(s);
}

void sweep_end(struct sweep *s, enum sweep_state state, const char *why)
{
    s->arms_at = 0;
    objective_arms_record(s);
    sweep_dump_tuner(s);
    say_state(s, state, why);
    launch_tick(s->hub);
    close_recording(s, true);
}

int sweep_reopen(struct sweep *s, char **cause)
{
    errno = 0;
    if (s->rec)
        return 0;
    if (s->closing) {
        errno = EAGAIN;
        return cause_set(cause, "the recording of '%s' is being closed; try again in a moment",
                         s->state->info.name);
    }
    s->rec = recorder_append(s->path, &s->hub->sync, NULL, cause);
    s->quiet_since = s->hub->mono;
    return s->rec ? 0 : -1;
}

void sweep_revive(struct sweep *s)
{
    if (!s->rec || sweep_open(s) || (s->exhausted && !sweep_has_work(s)) || s->adhoc)
        return;
    say_state(s, SWEEP_RUNNING, "it was given more to do");
    workers_announce(s->hub, s);
    scheduler_wake(s->hub);
}

void sweep_close(struct sweep *s)
{
    char *cause = NULL;
    if (s->rec && sweep_open(s)) {
        sweep_dump_tuner(s);
        sweep_hub_event(s, "stopped", "hub %s", s->hub->ep.name);
    }
    recorder_close(&s->rec, CLOSE_MS, &cause);
    recorder_close(&s->closing, CLOSE_MS, &cause);
    if (cause)
        fprintf(stderr, "hypertop-hub: %s\n", cause);
    free(cause);
    if (s->hub->router)
        sweep_durable(s);
}

/* ---- what comes with time ---- */

static void update_rate(struct sweep *s)
{
    int64_t now = s->hub->mono, span = now - s->points_at;
    if (span < RATE_NS)
        return;
    double rate = s->points_at ? (double)(s->state->n_points - s->points_then) * 1e9 / (double)span : 0;
    if (rate != s->ref.points_per_s)
        hub_changed(s->hub);
    s->ref.points_per_s = rate;
    s->points_then = s->state->n_points;
    s->points_at = now;
}

/* Whether nothing ever worked: every trial so far failed, and there are enough of them to tell. */
static bool broken(struct sweep *s, const char **why)
{
    if (s->state->n_trials < FIRST_FAILURES || s->n_worked)
        return false;
    int failed = 0;
    for (int i = 0; i < s->state->n_trials; i++) {
        const struct state_trial *tr = state_trial(s->state, i);
        enum trial_state st = trial_now(s, i);
        if (tr && tr->n_reports) {
            s->n_worked = 1;
            return false;
        }
        if (st == TRIAL_FAILED) {
            failed++;
            *why = tr->changes[tr->n_changes - 1].why;
        } else if (trial_state_terminal(st)) {
            return false;
        }
    }
    return failed >= FIRST_FAILURES;
}

static bool target_reached(struct sweep *s)
{
    int64_t trial;
    double value;
    if (isnan(s->file.target) || !state_best_at(s->state, STATE_NOW, &trial, &value))
        return false;
    return s->state->info.maximize ? value >= s->file.target : value <= s->file.target;
}

static void tick_open(struct sweep *s)
{
    const char *why = NULL;
    if (s->asks - s->asks_dumped >=
        DUMP_ASKS + s->asks_dumped / 4) /* growing distances: all dumps together stay O(n) */
        sweep_dump_tuner(s);
    if (s->adhoc) {
        if (s->state->n_trials && !sweep_has_work(s) && s->hub->mono - s->quiet_since > ADHOC_QUIET_NS)
            sweep_end(s, SWEEP_DONE, "all its runs have ended");
        return;
    }
    if (!s->exhausted && target_reached(s)) {
        s->exhausted = true;
        sweep_hub_event(s, "started", "the target %g is reached: no new trials", s->file.target);
    }
    if (sweep_has_work(s) || s->ivs)
        return;
    if (broken(s, &why)) {
        s->exhausted = true;
        sweep_hub_event(s, "warning", "the first %d trials failed: %s", s->state->n_trials,
                        why ? why : "no reason given");
        sweep_end(s, SWEEP_FAILED, why);
    } else if (s->exhausted && evaluation_begin(s)) {
        sweep_hub_event(s, "started", "tuning is over: the best are scored on the test seeds");
        scheduler_wake(s->hub);
    } else if (s->exhausted) {
        sweep_end(s, SWEEP_DONE, "all trials have ended");
    }
}

void sweep_tick(struct sweep *s)
{
    update_rate(s);
    adviser_tick(s);
    if (!s->rec)
        return;
    alerts_tick(s);
    if (sweep_open(s))
        tick_open(s);
    else if (!s->ivs && !sweep_has_work(s) && s->hub->mono - s->quiet_since > QUIET_NS)
        close_recording(s, false);
}

bool sweep_recorder_news(struct sweep *s)
{
    struct recorder *r = s->rec ? s->rec : s->closing;
    enum recorder_health health;
    char *text = NULL, *cause = NULL;
    if (!r)
        return false;
    if (recorder_news(r, &health, &text)) {
        if (health == RECORDER_OK) {
            sweep_warn(s, WARN_DISK, NULL);
            if (s->rec)
                sweep_hub_event(s, "disk_ok", "%s", text ? text : "");
        } else {
            sweep_warn(s, WARN_DISK, "%s", text ? text : "the recording cannot be written");
        }
        scheduler_wake(s->hub);
        free(text);
    }
    if (!s->closing || !recorder_finished(s->closing))
        return false;
    sweep_durable(s);
    if (recorder_close(&s->closing, CLOSE_MS, &cause) != 0)
        sweep_warn(s, WARN_DISK, "%s", cause);
    free(cause);
    hub_changed(s->hub);
    return true;
}
