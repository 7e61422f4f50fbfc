/* sweep_start: how sweeps begin: from a sweep file, or from a run that nobody leased. Names, places, the
 * first event. */
#include <ctype.h>
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
#include "hub/launch_local.h"
#include "hub/objective.h"
#include "hub/scheduler.h"
#include "hub/secret.h"
#include "hub/sweep_candidates.h"
#include "hub/warm_start.h"
#include "hub/sweep.h"
#include "hub/worker.h"

#define NAME_BYTES 96
#define CLOSE_MS   5000

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
        if (access(buf_cstr(&b), F_OK) != 0 && !key_taken(h, sweep_key(buf_cstr(&b))))
            return buf_take(&b);
        buf_release(&b);
    }
}

/* ---- the first event ---- */

/* What the recording says about where it was made. Values of environment variables stay out of it. */
static char *environment_json(void)
{
    struct buf b = {0};
    struct json_out j;
    struct utsname u;
    jw_open(&j, &b);
    jw_object(&j);
    jw_key(&j, "hypertop");
    jw_str(&j, HYPERTOP_VERSION);
    if (uname(&u) == 0) {
        jw_key(&j, "host");
        jw_str(&j, u.nodename);
        jw_key(&j, "system");
        jw_str(&j, u.sysname);
        jw_key(&j, "release");
        jw_str(&j, u.release);
        jw_key(&j, "machine");
        jw_str(&j, u.machine);
    }
    jw_key(&j, "uid");
    jw_int(&j, geteuid());
    jw_key(&j, "cpus");
    jw_int(&j, sysconf(_SC_NPROCESSORS_ONLN));
    jw_object_end(&j);
    return buf_take(&b);
}

struct first_event {
    const char *name, *metric, *tuner;
    struct span yaml, path, cwd, env;
    bool maximize, adhoc;
    int64_t seed, budget, workers;
};

static void put_objectives(struct codec_writer *w, const struct sweepfile *f)
{
    cw_str(w, "objectives");
    cw_array(w, (size_t)f->n_objectives);
    for (int i = 0; i < f->n_objectives; i++) {
        cw_map(w, 3);
        cw_kstr(w, "name", f->objectives[i].name);
        cw_kstr(w, "goal", f->objectives[i].maximize ? "maximize" : "minimize");
        if (isfinite(f->objectives[i].reference))
            cw_kdouble(w, "reference", f->objectives[i].reference);
        else
            cw_knil(w, "reference");
    }
}

static int begin_log(struct sweep *s, const struct first_event *f, char **cause)
{
    buf_put(&s->env, f->env.p, f->env.n);
    char *environment = environment_json();
    struct rec_header head = {.sweep = f->name,
                              .yaml = f->yaml.p,
                              .yaml_n = f->yaml.n,
                              .environment = environment,
                              .environment_n = strlen(environment),
                              .created = s->hub->wall};
    s->rec = recorder_create(s->path, &head, &s->hub->sync, cause);
    free(environment);
    if (!s->rec)
        return -1;
    bool several = !f->adhoc && s->file.n_objectives > 1;
    struct codec_writer *w = sweep_begin(s, EV_SWEEP, 13 + several);
    cw_kstr(w, "sweep", f->name);
    cw_str(w, "yaml");
    cw_strn(w, f->yaml.n ? f->yaml.p : "", f->yaml.n);
    cw_str(w, "path");
    cw_strn(w, f->path.n ? f->path.p : "", f->path.n);
    cw_str(w, "cwd");
    cw_strn(w, f->cwd.n ? f->cwd.p : "", f->cwd.n);
    cw_str(w, "env");
    secret_strip(f->env, w->b);
    cw_kstr(w, "metric", f->metric);
    cw_kstr(w, "goal", f->maximize ? "maximize" : "minimize");
    cw_kstr(w, "tuner", f->tuner);
    cw_kint(w, "seed", f->seed);
    cw_kint(w, "budget", f->budget);
    cw_kint(w, "workers", f->workers);
    cw_kbool(w, "adhoc", f->adhoc);
    cw_kstr(w, "hub", s->hub->ep.name);
    if (several)
        put_objectives(w, &s->file);
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

/* What is read once and then lives in the tuner: the rows of a list, trials of earlier sweeps. The first dump carries it through
 * every restart; the files themselves are not needed again. */
static int begin_tuner(struct sweep *s, const struct first_event *f, const char *tuner, struct span warm, struct buf *said,
                       char **cause)
{
    if (sweep_candidates_read(&s->file, cause) < 0)
        return -1;
    s->tuner = sweep_make_tuner(&s->file, tuner, (uint64_t)f->seed, f->budget, cause);
    if (!s->tuner)
        return -1;
    while (warm.n > 0) {
        const char *end = memchr(warm.p, '\n', warm.n);
        size_t n = end ? (size_t)(end - warm.p) : warm.n;
        char *path = mem_strn(warm.p, n);
        warm_start_add(&s->file, path);
        free(path);
        warm.p += n + (end != NULL);
        warm.n -= n + (end != NULL);
    }
    return warm_start(s->tuner, &s->file, said, cause);
}

struct sweep *sweep_start(struct hub *h, const struct sweep_request *rq, char **cause)
{
    struct sweepfile file;
    char *path = span_dup(rq->path), *tuner = rq->tuner.n ? span_dup(rq->tuner) : NULL, *name = NULL,
         *recording = NULL;
    struct sweep *s = NULL;
    struct buf said = {0};
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
        .name = name,
        .metric = file.metric,
        .tuner = tuner ? tuner : file.sampler,
        .yaml = rq->yaml,
        .path = rq->path,
        .cwd = rq->cwd,
        .env = rq->env,
        .maximize = file.maximize,
        .seed = rq->seed >= 0 ? rq->seed : fresh_seed(),
        .budget = rq->budget >= 0 ? rq->budget : file.budget,
        .workers = rq->workers >= 0   ? rq->workers
                   : file.workers > 0 ? file.workers
                                      : 1,
    };
    if (begin_tuner(s, &f, f.tuner, rq->warm, &said, cause) != 0 || begin_log(s, &f, cause) != 0 || sweep_equip(s, cause) != 0) {
        recorder_close(&s->rec, CLOSE_MS, NULL);
        sweep_free(s);
        s = NULL;
        goto out;
    }
    if (said.len)
        sweep_hub_event(s, "warm start", "%s", buf_cstr(&said));
    if (said.len || s->file.candidates)
        sweep_dump_tuner(s);
    hub_add_sweep(h, s);
    workers_announce(h, s);
    objective_arms_changed(s);
    scheduler_wake(h);
    launch_tick(h);
out:
    buf_release(&said);
    free(path);
    free(tuner);
    free(name);
    free(recording);
    return s;
}

/* The group stands where a sweep file's path stands: both say where the sweep comes from. */
struct sweep *sweep_adhoc(struct hub *h, const struct adhoc_request *rq, char **cause)
{
    const char *program = rq->program;
    for (int i = h->n_sweeps - 1; i >= 0; i--) {
        struct sweep *s = h->sweeps[i];
        const char *group = s->state->info.path ? s->state->info.path : "";
        if (s->adhoc && s->rec && sweep_open(s) && strcmp(group, rq->group) == 0 &&
            (*group || strcmp(s->state->info.name, program) == 0))
            return s;
    }
    char *name = unique_name(h, (struct span){program, strlen(program)}), *path = free_path(h, name);
    struct sweep *s = sweep_new(h, path);
    struct first_event f = {.name = name,
                            .metric = rq->metric ? rq->metric : "objective",
                            .path = {rq->group, strlen(rq->group)},
                            .maximize = rq->maximize,
                            .tuner = "",
                            .adhoc = true,
                            .budget = -1};
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
