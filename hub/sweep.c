/* sweep: see sweep.h. The life of a sweep in the hub: started, equipped with a tuner, ended, its recording closed in the background,
 * opened again when somebody gives it more to do. */
#include "hub/sweep.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"
#include "hub/intervention.h"
#include "hub/launch_local.h"
#include "hub/objective.h"
#include "hub/scheduler.h"
#include "hub/trial.h"
#include "hub/worker.h"

#define NAME_BYTES     96
#define FIRST_FAILURES 5   /* this many trials failed and none ever worked: the program is broken, not the configurations */
#define QUIET_NS       (2 * CLOCK_S)
#define ADHOC_QUIET_NS (10 * CLOCK_S)
#define RATE_NS        CLOCK_S
#define CLOSE_MS       5000

/* ---- names ---- */

/* The name as people see it: any text, cut; the file gets only what is safe in a path. */
static void safe_name(const char *name, char out[NAME_BYTES])
{
    size_t n = 0;
    for (; *name && n < 60; name++) {
        unsigned char c = (unsigned char)*name;
        out[n] = (char)(isalnum(c) || c == '_' || (c == '-' && n) || (c == '.' && n) ? c : '_');
        n++;
    }
    if (n == 0)
        out[n++] = '_';
    out[n] = '\0';
}

static char *unique_name(struct hub *h, struct span wanted)
{
    char base[128];
    span_copy(base, sizeof base, wanted);
    if (!*base)
        snprintf(base, sizeof base, "sweep");
    if (!hub_has_name(h, base))
        return mem_str(base);
    for (int i = 2;; i++) {
        struct buf b = {0};
        buf_printf(&b, "%s-%d", base, i);
        if (!hub_has_name(h, buf_cstr(&b)))
            return buf_take(&b);
        buf_release(&b);
    }
}

static bool key_taken(const struct hub *h, int64_t key)
{
    for (int i = 0; i < h->n_sweeps; i++)
        if (h->sweeps[i]->key == key)
            return true;
    return false;
}

/* From the recording's file name, so that it is the same after a restart. Never 0. */
static int64_t key_of(const char *path)
{
    const char *name = strrchr(path, '/');
    uint64_t x = UINT64_C(0xcbf29ce484222325);
    for (name = name ? name + 1 : path; *name; name++)
        x = (x ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    x = (x ^ x >> 28) & (uint64_t)RUN_KEY_MAX;
    return x ? (int64_t)x : 1;
}

static char *free_path(struct hub *h, const char *name)
{
    char safe[NAME_BYTES], when[32];
    time_t now = (time_t)(h->wall / CLOCK_S);
    struct tm tm;
    localtime_r(&now, &tm);
    strftime(when, sizeof when, "%Y%m%d-%H%M%S", &tm);
    safe_name(name, safe);
    for (int i = 1;; i++) {
        struct buf b = {0};
        buf_printf(&b, "%s/%s-%s", h->data_dir, safe, when);
        if (i > 1)
            buf_printf(&b, "-%d", i);
        buf_puts(&b, ".mcap");
        if (access(buf_cstr(&b), F_OK) != 0 && !key_taken(h, key_of(buf_cstr(&b))))
            return buf_take(&b);
        buf_release(&b);
    }
}

/* ---- making ---- */

struct sweep *sweep_new(struct hub *h, const char *path)
{
    struct sweep *s = MEM_NEW(struct sweep);
    s->hub = h;
    s->path = mem_str(path);
    s->key = key_of(path);
    s->state = state_new();
    s->file.max_fidelity = -1;
    s->ref = (struct sweep_ref){.state = s->state, .recording = s->path, .tuner_text = s->tuner_text, .sync = h->sync_text,
                                .max_fidelity = -1, .live = true, .budget = -1, .explore = 1};
    return s;
}

void sweep_free(struct sweep *s)
{
    if (!s)
        return;
    interventions_free(s);
    launch_pool_free(s);
    outbox_release(&s->out);
    if (s->tuner)
        tuner_free(s->tuner);
    sweepfile_release(&s->file);
    state_free(s->state);
    buf_release(&s->body);
    free(s->memos);
    free(s->runs);
    free(s->trials);
    free(s->path);
    free(s);
}

static struct tuner *make_tuner(struct sweepfile *f, const char *sampler, uint64_t seed, int64_t budget, char **cause)
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
    s->ref.warning = *s->warning ? s->warning : NULL;
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
        if (sweepfile_parse(&s->file, f->yaml ? f->yaml : "", f->yaml ? strlen(f->yaml) : 0, f->path ? f->path : "sweep.yaml",
                            cause) != 0)
            return -1;
        s->tuner = make_tuner(&s->file, f->tuner, f->seed, f->budget, cause);
        if (!s->tuner)
            return -1;
    }
    if (s->concurrency <= 0 && !s->adhoc)
        s->concurrency = INT32_MAX; /* no local workers: whoever joins decides */
    sweep_refresh(s);
    return 0;
}

/* What the recording says about where it was made. Values of environment variables stay out of it. */
static char *environment_json(void)
{
    struct buf b = {0};
    struct json_out j;
    struct utsname u;
    json_open(&j, &b);
    json_object(&j);
    json_key(&j, "hypertop");
    json_str(&j, HYPERTOP_VERSION);
    if (uname(&u) == 0) {
        json_key(&j, "host");
        json_str(&j, u.nodename);
        json_key(&j, "system");
        json_str(&j, u.sysname);
        json_key(&j, "release");
        json_str(&j, u.release);
        json_key(&j, "machine");
        json_str(&j, u.machine);
    }
    json_key(&j, "uid");
    json_int(&j, geteuid());
    json_key(&j, "cpus");
    json_int(&j, sysconf(_SC_NPROCESSORS_ONLN));
    json_object_end(&j);
    return buf_take(&b);
}

struct first_event {
    const char *name, *metric, *tuner;
    struct span yaml, path, cwd, env;
    bool maximize, adhoc;
    int64_t seed, budget, workers;
};

static int begin_log(struct sweep *s, const struct first_event *f, char **cause)
{
    char *environment = environment_json();
    struct rec_header head = {.sweep = f->name, .yaml = f->yaml.p, .yaml_n = f->yaml.n, .environment = environment,
                              .environment_n = strlen(environment), .created = s->hub->wall};
    s->rec = recorder_create(s->path, &head, &s->hub->sync, cause);
    free(environment);
    if (!s->rec)
        return -1;
    struct codec_writer *w = sweep_begin(s, EV_SWEEP, 13);
    cw_kstr(w, "sweep", f->name);
    cw_str(w, "yaml");
    cw_strn(w, f->yaml.n ? f->yaml.p : "", f->yaml.n);
    cw_str(w, "path");
    cw_strn(w, f->path.n ? f->path.p : "", f->path.n);
    cw_str(w, "cwd");
    cw_strn(w, f->cwd.n ? f->cwd.p : "", f->cwd.n);
    cw_str(w, "env");
    if (f->env.n)
        cw_raw(w, f->env.p, f->env.n);
    else
        cw_map(w, 0);
    cw_kstr(w, "metric", f->metric);
    cw_kstr(w, "goal", f->maximize ? "maximize" : "minimize");
    cw_kstr(w, "tuner", f->tuner);
    cw_kint(w, "seed", f->seed);
    cw_kint(w, "budget", f->budget);
    cw_kint(w, "workers", f->workers);
    cw_kbool(w, "adhoc", f->adhoc);
    cw_kstr(w, "hub", s->hub->ep.name);
    sweep_commit(s);
    sweep_hub_event(s, "started", "hub %s", s->hub->ep.name);
    return 0;
}

static int64_t fresh_seed(void)
{
    uint32_t x = 0;
    if (getrandom(&x, sizeof x, 0) != sizeof x)
        x = (uint32_t)clock_mono_ns();
    return (int64_t)x;
}

struct sweep *sweep_start(struct hub *h, const struct sweep_request *rq, char **cause)
{
    struct sweepfile file;
    char *path = span_dup(rq->path), *tuner = rq->tuner.n ? span_dup(rq->tuner) : NULL, *name = NULL, *recording = NULL;
    struct sweep *s = NULL;
    if (rq->yaml.n == 0) {
        cause_set(cause, "sweep.start: the sweep file is empty");
        goto out;
    }
    if (sweepfile_parse(&file, rq->yaml.p, rq->yaml.n, *path ? path : "sweep.yaml", cause) != 0)
        goto out;
    name = unique_name(h, rq->name.n ? rq->name : (struct span){file.name, strlen(file.name)});
    recording = free_path(h, name);
    s = sweep_new(h, recording);
    s->file = file;
    struct first_event f = {
        .name = name, .metric = file.metric, .tuner = tuner ? tuner : file.sampler,
        .yaml = rq->yaml, .path = rq->path, .cwd = rq->cwd, .env = rq->env, .maximize = file.maximize,
        .seed = rq->seed >= 0 ? rq->seed : fresh_seed(),
        .budget = rq->budget >= 0 ? rq->budget : file.budget,
        .workers = rq->workers >= 0 ? rq->workers : file.workers > 0 ? file.workers : 1,
    };
    s->tuner = make_tuner(&s->file, f.tuner, (uint64_t)f.seed, f.budget, cause);
    if (!s->tuner || begin_log(s, &f, cause) != 0 || sweep_equip(s, cause) != 0) {
        recorder_close(&s->rec, CLOSE_MS, NULL);
        sweep_free(s);
        s = NULL;
        goto out;
    }
    hub_add_sweep(h, s);
    workers_announce(h, s);
    objective_arms_changed(s);
    scheduler_wake(h);
    launch_tick(h);
out:
    free(path);
    free(tuner);
    free(name);
    free(recording);
    return s;
}

struct sweep *sweep_adhoc(struct hub *h, const char *program, char **cause)
{
    for (int i = h->n_sweeps - 1; i >= 0; i--) {
        struct sweep *s = h->sweeps[i];
        if (s->adhoc && s->rec && sweep_open(s) && strcmp(s->state->info.name, program) == 0)
            return s;
    }
    char *name = unique_name(h, (struct span){program, strlen(program)}), *path = free_path(h, name);
    struct sweep *s = sweep_new(h, path);
    struct first_event f = {.name = name, .metric = "objective", .tuner = "", .adhoc = true, .budget = -1};
    if (begin_log(s, &f, cause) == 0 && sweep_equip(s, cause) == 0) {
        hub_add_sweep(h, s);
    } else {
        recorder_close(&s->rec, CLOSE_MS, NULL);
        sweep_free(s);
        s = NULL;
    }
    free(name);
    free(path);
    return s;
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
    if (sweep_commit(s) != 0)
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
        return cause_set(cause, "the recording of '%s' is being closed; try again in a moment", s->state->info.name);
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
    if (s->asks - s->asks_dumped >= 100)
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
        sweep_hub_event(s, "warning", "the first %d trials failed: %s", s->state->n_trials, why ? why : "no reason given");
        sweep_end(s, SWEEP_FAILED, why);
    } else if (s->exhausted) {
        sweep_end(s, SWEEP_DONE, "all trials have ended");
    }
}

void sweep_tick(struct sweep *s)
{
    update_rate(s);
    s->ref.warning = *s->warning ? s->warning : NULL;
    if (!s->rec)
        return;
    if (sweep_open(s))
        tick_open(s);
    else if (!s->ivs && !sweep_has_work(s) && s->hub->mono - s->quiet_since > QUIET_NS)
        close_recording(s, false);
}

bool sweep_recorder_news(struct sweep *s)
{
    static const char *const what[] = {[RECORDER_OK] = "disk_ok", [RECORDER_FULL] = "disk_full", [RECORDER_BROKEN] = "warning"};
    struct recorder *r = s->rec ? s->rec : s->closing;
    enum recorder_health health;
    char *text = NULL, *cause = NULL;
    if (!r)
        return false;
    if (recorder_news(r, &health, &text)) {
        snprintf(s->warning, sizeof s->warning, "%s", health == RECORDER_OK ? "" : text ? text : "the recording cannot be written");
        s->ref.warning = *s->warning ? s->warning : NULL;
        if (s->rec)
            sweep_hub_event(s, what[health], "%s", text ? text : "");
        hub_changed(s->hub);
        scheduler_wake(s->hub);
        free(text);
    }
    if (!s->closing || !recorder_finished(s->closing))
        return false;
    sweep_durable(s);
    if (recorder_close(&s->closing, CLOSE_MS, &cause) != 0)
        snprintf(s->warning, sizeof s->warning, "%s", cause);
    free(cause);
    hub_changed(s->hub);
    return true;
}
