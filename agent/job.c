#include "agent/job.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/environment.h"
#include "agent/wandb_front.h"
#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"

/* ---- starting ---- */

static char **read_argv(struct span list)
{
    struct codec_reader r;
    cr_init(&r, list.p, list.n);
    size_t n = list.n && cr_peek(&r) == CT_ARRAY ? cr_array(&r) : 0;
    char **argv = mem_zero(n + 1, sizeof *argv);
    for (size_t i = 0; i < n; i++)
        argv[i] = span_dup(cr_str(&r));
    if (n == 0 || !cr_ok(&r) || !argv[0] || !*argv[0]) {
        for (size_t i = 0; i < n; i++)
            free(argv[i]);
        free(argv);
        return NULL;
    }
    return argv;
}

static void free_argv(char **argv)
{
    for (char **p = argv; p && *p; p++)
        free(*p);
    free(argv);
}

static int make_ring(const struct message *m, const char *hub, char path[RING_PATH], char **cause)
{
    static uint32_t count;
    char why[RING_WHY], dir[RING_PATH], sweep[64] = "";
    struct buf params = {0};
    struct ring r;
    cmap_strcpy(m->body, "sweep", sweep, sizeof sweep);
    struct ring_identity id = {.run = cmap_int(m->body, "run", -1),
                               .trial = cmap_int(m->body, "trial", -1),
                               .seed = cmap_int(m->body, "seed", 0),
                               .epoch = cmap_int(m->body, "epoch", 0),
                               .leased = true,
                               .owned = true,
                               .program = sweep,
                               .hub = hub};
    id.params_n = params_flatten(cmap_value(m->body, "params"), &params);
    id.params = (const char *)params.data;
    id.params_bytes = params.len;
    int rc = -1;
    for (int tries = 0; rc != 0 && tries < 3;
         tries++) { /* the directory goes with somebody's last ring, perhaps just now */
        if (ring_directory(dir, why) != 0)
            break;
        snprintf(path, RING_PATH, "%.4000s/r%lld-%lld-%d-%u.ring", dir, (long long)id.run,
                 (long long)id.epoch, (int)getpid(), count++);
        rc = ring_create(&r, path, &id, why);
    }
    if (rc != 0)
        cause_set(cause, "%s", why);
    else
        ring_unmap(&r);
    buf_release(&params);
    return rc;
}

static void make_environment(struct environment *e, const struct message *m, const char *hub,
                             const char *ring)
{
    char sweep[256] = "";
    environment_init(e);
    environment_add(e, cmap_value(m->body, "env"));
    environment_params(e, cmap_value(m->body, "params"));
    cmap_strcpy(m->body, "sweep", sweep, sizeof sweep);
    environment_set(e, "HYPERTOP_RING", ring);
    environment_set(e, "HYPERTOP_HUB", hub);
    environment_set(e, "HYPERTOP_SWEEP", sweep);
    environment_set_int(e, "HYPERTOP_TRIAL", cmap_int(m->body, "trial", -1));
    environment_set_int(e, "HYPERTOP_RUN", cmap_int(m->body, "run", -1));
    environment_set_int(e, "HYPERTOP_SEED", cmap_int(m->body, "seed", 0));
    environment_set(e, "HYPERTOP_PHASE", span_eq(cmap_str(m->body, "phase"), "test") ? "test" : "tuning");
    char restore[4096] = "";
    if (cmap_strcpy(m->body, "restore", restore, sizeof restore) && *restore)
        environment_set(e, "HYPERTOP_RESTORE", restore);
    struct codec_reader r;
    if (cmap_find(m->body, "fidelity", &r) &&
        (cr_peek(&r) == CT_INT || cr_peek(&r) == CT_UINT || cr_peek(&r) == CT_DOUBLE))
        environment_set_int(e, "HYPERTOP_FIDELITY", (int64_t)cr_double(&r));
}

/* A program written for W&B gets our module in wandb's place; the run's text says so. */
static void front_wandb(struct job *j, const struct message *m, struct environment *e, char *const *argv, const char *cwd)
{
    char mode[8] = "", *cause = NULL;
    struct buf said = {0};
    cmap_strcpy(m->body, "wandb", mode, sizeof mode);
    bool on = strcmp(mode, "on") == 0 || (strcmp(mode, "auto") == 0 && wandb_front_wanted(argv, cwd));
    if (!on)
        return;
    if (wandb_front_put(e, &cause) == 0) {
        wandb_front_lease(e, m, cwd);
        buf_puts(&said, "the program imports wandb: hypertop's own module of that name takes its place, and nothing is sent "
                        "to W&B (hypertop: {wandb: false} in the sweep file turns this off)");
    } else {
        buf_printf(&said, "the program imports wandb: %s", cause);
    }
    outlet_text(j->outlet, "log", clock_wall_ns(), said.data, said.len);
    buf_release(&said);
    free(cause);
}

static int start_program(struct job *j, const struct message *m, struct environment *env, char *const *argv, char **cause)
{
    char *cwd = cmap_strdup(m->body, "cwd");
    struct child_spec spec = {
        .argv = argv, .envp = env->list, .cwd = cwd, .group = true, .through_out = -1, .through_err = -1};
    int rc = -1;
    if (!argv)
        cause_set(cause, "the lease names no program to start");
    else if (wrap_read(&j->wrap, cmap_value(m->body, "wrap"), cause) == 0 &&
             wrap_prepare(&j->wrap, j->outlet, env, cmap_value(m->body, "params"), cwd, cause) == 0) {
        front_wandb(j, m, env, argv, cwd);
        spec.envp = env->list; /* it has grown */
        rc = child_start(&j->child, &spec, cause);
    }
    free(cwd);
    return rc;
}

static void start_child(struct job *j, const struct message *m, const char *hub, const char *ring)
{
    struct environment env;
    char *cause = NULL;
    char **argv = read_argv(cmap_value(m->body, "argv"));
    make_environment(&env, m, hub, ring);
    wrap_init(&j->wrap);
    if (start_program(j, m, &env, argv, &cause) == 0) {
        wrap_attach(&j->wrap, &j->child);
        atomic_store(&j->outlet->ring.h->group, ring_process(j->child.pid));
        outlet_state(j->outlet, "started", j->child.pid, -1, 0, NULL);
        j->metered = monitor_add(j->monitor, j->outlet, j->child.pid, &j->wrap.carbon);
    } else {
        outlet_state(j->outlet, "failed_to_start", -1, -1, 0, cause);
        j->over = true;
    }
    free(cause);
    free_argv(argv);
    environment_release(&env);
}

struct job *job_start(const struct message *m, const char *hub, struct monitor *monitor, char **cause)
{
    char path[RING_PATH];
    if (cmap_int(m->body, "run", -1) < 0) {
        cause_set(cause, "a lease without a run");
        return NULL;
    }
    if (make_ring(m, hub, path, cause) != 0)
        return NULL;
    struct outlet *ol = outlet_open(path, cause);
    if (!ol) {
        ring_remove(path);
        return NULL;
    }
    struct job *j = MEM_NEW(struct job);
    j->outlet = ol;
    j->monitor = monitor;
    j->run = ol->run;
    j->epoch = ol->epoch;
    j->wanted = true;
    outlet_attached(ol, ol->run, ol->epoch, ol->spill.id.trial);
    start_child(j, m, hub, path);
    return j;
}

/* ---- running ---- */

static void say_end(struct job *j)
{
    int status = j->child.status;
    wrap_turn(&j->wrap, true);
    monitor_end(j->monitor, j->metered, &j->child.usage);
    j->metered = NULL;
    outlet_turn(j->outlet, true, clock_mono_ns());
    outlet_flush(j->outlet);
    outlet_close_commands(j->outlet, "the process ended before its next safe point");
    if (WIFSIGNALED(status))
        outlet_state(j->outlet, "exited", -1, -1, WTERMSIG(status), NULL);
    else
        outlet_state(j->outlet, "exited", -1, WEXITSTATUS(status), 0, NULL);
    outlet_flush(j->outlet);
    j->outlet->ended = true;
    j->over = true;
}

double job_turn(struct job *j, int64_t now)
{
    wrap_turn(&j->wrap, false);
    bool ended = !j->over && child_turn(&j->child, j->outlet, now);
    double fill = outlet_turn(j->outlet, j->over, now);
    if (ended)
        say_end(j);
    else if (j->over)
        outlet_flush(j->outlet);
    return fill;
}

void job_act(struct job *j, enum outlet_verdict v, int64_t id, const char *verb)
{
    wrap_act(&j->wrap, &j->child, v, id, verb);
}

void job_end(struct job *j)
{
    if (!j->over)
        child_stop(&j->child, 0);
}

void job_drop(struct job *j)
{
    j->wanted = false;
    child_signal(&j->child, SIGKILL);
}

void job_free(struct job *j)
{
    if (!j->wanted || outlet_delivered(j->outlet))
        outlet_discard(j->outlet);
    else if (outlet_store(j->outlet, NULL) == 0)
        ring_remove(j->outlet->ring_path);
    monitor_end(j->monitor, j->metered, NULL);
    child_release(&j->child);
    wrap_release(&j->wrap);
    outlet_free(j->outlet);
    free(j);
}
