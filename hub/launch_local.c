/* launch_local: see launch_local.h. A pool per sweep. Slots are counted from the workers that have joined for
 * it plus those that were started and have not joined yet; what is missing is started as one process with as
 * many slots. */
#include "hub/launch_local.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hub/sweep.h"
#include "hub/worker.h"

extern char **environ;

#define BACKOFF_FIRST (500 * CLOCK_MS)
#define BACKOFF_MAX   (30 * CLOCK_S)
#define SETTLED_NS    (10 * CLOCK_S) /* a worker that lived this long was no failed start */
#define COMEBACK_NS                                                                                          \
    ((MSG_PING_S + 2) * CLOCK_S) /* for workers of an earlier life of the hub to notice the new one */

struct child {
    pid_t pid;
    int slots;
    int64_t born;
    bool ending;
};

struct launch_pool {
    struct child *v;
    int n;
    int64_t next_try, backoff;
};

static struct launch_pool *pool_of(struct sweep *s)
{
    if (!s->pool) {
        s->pool = MEM_NEW(struct launch_pool);
        s->pool->backoff = BACKOFF_FIRST;
    }
    return s->pool;
}

void launch_expect(struct sweep *s)
{
    pool_of(s)->next_try = s->hub->mono + COMEBACK_NS;
}

void launch_pool_free(struct sweep *s)
{
    if (s->pool)
        free(s->pool->v);
    free(s->pool);
    s->pool = NULL;
}

/* ---- starting ---- */

/* What workers print goes to a file beside the socket: the place to look when one will not start. */
static void add_files(posix_spawn_file_actions_t *fa, const char *log)
{
    posix_spawn_file_actions_init(fa);
    posix_spawn_file_actions_addopen(fa, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(fa, 1, log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
    posix_spawn_file_actions_adddup2(fa, 1, 2);
}

static void add_attributes(posix_spawnattr_t *at)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(at);
    posix_spawnattr_setsigmask(at, &none);
    posix_spawnattr_setsigdefault(at, &all);
    posix_spawnattr_setflags(at, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static pid_t spawn_worker(struct hub *h, int slots, int *error)
{
    struct buf path = {0}, log = {0};
    char count[16];
    pid_t pid = 0;
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    buf_printf(&path, "%s/hypertop-agent", h->self);
    buf_printf(&log, "%s/%s.workers.log", h->ep.runtime_dir, h->ep.name);
    snprintf(count, sizeof count, "%d", slots);
    const char *program = access(buf_cstr(&path), X_OK) == 0 ? buf_cstr(&path) : "hypertop-agent";
    char *argv[] = {"hypertop-agent", "worker", h->ep.address, "-j", count, NULL};
    add_files(&fa, buf_cstr(&log));
    add_attributes(&at);
    *error = posix_spawnp(&pid, program, &fa, &at, argv, environ);
    posix_spawn_file_actions_destroy(&fa);
    posix_spawnattr_destroy(&at);
    buf_release(&path);
    buf_release(&log);
    return *error == 0 ? pid : 0;
}

static void back_off(struct launch_pool *p, int64_t now)
{
    p->next_try = now + p->backoff;
    p->backoff = p->backoff * 2 < BACKOFF_MAX ? p->backoff * 2 : BACKOFF_MAX;
}

static void start(struct sweep *s, int slots)
{
    struct launch_pool *p = s->pool;
    int error;
    pid_t pid = spawn_worker(s->hub, slots, &error);
    if (!pid) {
        sweep_warn(s, WARN_WORKERS, "no local worker: hypertop-agent cannot be started from %s or PATH: %s",
                   s->hub->self, strerror(error));
        back_off(p, s->hub->mono);
        return;
    }
    sweep_warn(s, WARN_WORKERS, NULL);
    p->v = mem_resize(p->v, (size_t)p->n + 1, sizeof *p->v);
    p->v[p->n++] = (struct child){.pid = pid, .slots = slots, .born = s->hub->mono};
}

/* ---- counting ---- */

static struct worker *joined(const struct hub *h, int64_t key, pid_t pid)
{
    for (int i = 0; i < h->n_workers; i++)
        if (h->workers[i]->only == key && h->workers[i]->pid == pid && h->workers[i]->peer.n)
            return h->workers[i];
    return NULL;
}

static bool is_child(const struct launch_pool *p, pid_t pid)
{
    for (int i = 0; i < p->n; i++)
        if (p->v[i].pid == pid)
            return true;
    return false;
}

/* others: also those of workers that serve any sweep. */
static int slots_there(struct sweep *s, bool others)
{
    int n = 0;
    for (int i = 0; i < s->pool->n; i++)
        n += s->pool->v[i].ending ? 0 : s->pool->v[i].slots;
    for (int i = 0; i < s->hub->n_workers; i++) { /* those that outlived an earlier hub */
        const struct worker *k = s->hub->workers[i];
        bool counts = k->only == s->key || (others && k->only == 0);
        if (counts && k->peer.n && !is_child(s->pool, k->pid))
            n += k->slots;
    }
    return n;
}

/* ---- ending ---- */

static void end_pool(struct sweep *s)
{
    for (int i = 0; i < s->pool->n; i++)
        if (!s->pool->v[i].ending) {
            s->pool->v[i].ending = true;
            kill(s->pool->v[i].pid, SIGTERM);
        }
    for (int i = 0; i < s->hub->n_workers; i++) {
        struct worker *k = s->hub->workers[i];
        if (k->only != s->key || !k->peer.n || k->leaving)
            continue;
        k->leaving = true;
        if (!is_child(s->pool, k->pid) && k->pid > 1)
            kill(k->pid, SIGTERM);
    }
}

void launch_tick(struct hub *h)
{
    if (h->readonly || h->stopping)
        return;
    for (int i = 0; i < h->n_sweeps; i++) {
        struct sweep *s = h->sweeps[i];
        int want = s->workers_wanted;
        if (s->adhoc || (!s->pool && !want))
            continue;
        struct launch_pool *p = pool_of(s);
        if (!sweep_open(s) || !s->rec) {
            end_pool(s);
            continue;
        }
        bool more =
            want > 0 && s->concurrency > want; /* a person asked for more at once than the file does */
        if (more)
            want = (int)s->concurrency;
        int have = slots_there(s, more);
        if (have < want && h->mono >= p->next_try)
            start(s, want - have);
    }
}

/* One that ended without being told to. */
static void ended_unasked(struct sweep *s, const struct child *c, int status)
{
    if (s->rec && WIFSIGNALED(status))
        sweep_hub_event(s, "warning", "local worker %d was ended by signal %d", c->pid, WTERMSIG(status));
    else if (s->rec)
        sweep_hub_event(s, "warning", "local worker %d ended with status %d, see %s.workers.log", c->pid,
                        WEXITSTATUS(status), s->hub->ep.name);
    back_off(s->pool, s->hub->mono);
}

static void reap_one(struct sweep *s, int i, int status)
{
    struct launch_pool *p = s->pool;
    struct child c = p->v[i];
    struct worker *w = joined(s->hub, s->key, c.pid);
    p->v[i] = p->v[--p->n];
    if (w && c.ending)
        worker_left(s->hub, w, "its process has ended");
    else if (w)
        worker_lost(s->hub, w, "its process has ended");
    if (c.ending || s->hub->mono - c.born > SETTLED_NS)
        p->backoff = BACKOFF_FIRST;
    if (!c.ending)
        ended_unasked(s, &c, status);
}

void launch_reap(struct hub *h)
{
    int status;
    for (int i = 0; i < h->n_sweeps; i++) {
        struct launch_pool *p = h->sweeps[i]->pool;
        for (int k = p ? p->n - 1 : -1; k >= 0; k--)
            if (waitpid(p->v[k].pid, &status, WNOHANG) == p->v[k].pid)
                reap_one(h->sweeps[i], k, status);
    }
}

int64_t launch_owner(struct hub *h, const char *name, int pid)
{
    struct sweep *only = NULL;
    for (int i = 0; i < h->n_sweeps; i++)
        if (h->sweeps[i]->pool && is_child(h->sweeps[i]->pool, pid))
            return h->sweeps[i]->key;
    /* Started by an earlier life of this hub: the log of one sweep knows it, a worker for anybody is in every
     * log. */
    for (int i = 0; i < h->n_sweeps; i++) {
        struct sweep *s = h->sweeps[i];
        for (int k = 0; sweep_open(s) && s->workers_wanted && k < s->state->n_workers; k++)
            if (strcmp(s->state->workers[k]->name, name) == 0) {
                if (only && only != s)
                    return 0;
                only = s;
                break;
            }
    }
    return only ? only->key : 0;
}

void launch_stop(struct hub *h)
{
    for (int i = 0; i < h->n_sweeps; i++)
        if (h->sweeps[i]->pool)
            end_pool(h->sweeps[i]);
}

bool launch_busy(struct hub *h)
{
    launch_reap(h);
    for (int i = 0; i < h->n_sweeps; i++)
        if (h->sweeps[i]->pool && h->sweeps[i]->pool->n)
            return true;
    return false;
}
