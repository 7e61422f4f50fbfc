/* hub: the loop, and the making and unmaking of what it owns. See hub.h.
 *
 * One turn: wait; read at most TURN_NS worth of messages (so that a flood of points delays nobody); what
 * became durable; duties that are due; the scheduler; the flush point (recorders, subscriptions). ZeroMQ's fd
 * is edge-triggered: a turn that did not empty the socket does not wait. */
#include "hub/hub.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"
#include "hub/ingest.h"
#include "hub/intervention.h"
#include "hub/launch_local.h"
#include "hub/peer.h"
#include "hub/recover.h"
#include "hub/scheduler.h"
#include "hub/subscriptions.h"
#include "hub/sweep.h"
#include "hub/worker.h"

#define TURN_NS   (4 * CLOCK_MS)
#define STALL_NS  (2 * CLOCK_S)
#define STOP_NS   (4 * CLOCK_S) /* for local workers to end their runs when the hub stops */
#define FILES_MAX 65536

int64_t hub_clock(struct hub *h)
{
    h->mono = clock_mono_ns();
    h->wall = h->wall_base + h->mono;
    return h->mono;
}

void hub_changed(struct hub *h)
{
    h->change++;
}

/* ---- sending ---- */

struct codec_writer hub_begin(struct hub *h, enum msg_kind kind, int64_t id)
{
    struct codec_writer w;
    msg_begin(&w, &h->out, kind, id, ROLE_HUB);
    return w;
}

int hub_send(struct hub *h, const struct sock_peer *to)
{
    h->sent = true; /* sending may swallow the edge of the socket's fd */
    return sock_send(h->router, to, h->out.data, h->out.len);
}

void hub_error(struct hub *h, const struct sock_peer *to, int64_t id, const char *fmt, ...)
{
    struct buf text = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    struct codec_writer w = hub_begin(h, MSG_ERROR, id);
    cw_map(&w, 1);
    cw_kstr(&w, "message", buf_cstr(&text));
    hub_send(h, to);
    buf_release(&text);
}

/* ---- frames for later ---- */

struct held_frame {
    struct sock_peer from;
    struct buf frame;
    struct held_frame *next;
};

bool hub_hold(struct hub *h, struct peer *p)
{
    if (h->held_bytes + h->in.len > HUB_HELD_MAX)
        return false;
    struct held_frame *f = MEM_NEW(struct held_frame);
    f->from = p->id;
    p->held++;
    buf_put(&f->frame, h->in.data, h->in.len);
    h->held_bytes += f->frame.len;
    *h->held_tail = f;
    h->held_tail = &f->next;
    return true;
}

static void held_free(struct held_frame *f)
{
    buf_release(&f->frame);
    free(f);
}

/* What was not looked at again for lack of time goes behind what had to be held anew: that is older. */
static void keep_held(struct hub *h, struct held_frame *rest)
{
    struct held_frame *last = rest;
    for (;; last = last->next) {
        struct peer *p = peer_find(h, &last->from);
        h->held_bytes += last->frame.len;
        if (p)
            p->held++;
        if (!last->next)
            break;
    }
    *h->held_tail = rest;
    h->held_tail = &last->next;
}

void hub_release_held(struct hub *h)
{
    struct held_frame *f = h->held, *next;
    int64_t stop = clock_mono_ns() + TURN_NS;
    h->held = NULL;
    h->held_tail = &h->held;
    h->held_bytes = 0;
    for (struct peer *p = h->peers; p; p = p->hh.next)
        p->held = 0;
    for (; f && clock_mono_ns() < stop;
         f = next) { /* a frame may be held again: it joins the new list, in order */
        next = f->next;
        buf_clear(&h->in);
        buf_put(&h->in, f->frame.data, f->frame.len);
        hub_clock(h);
        request_handle(h, &f->from, &h->in);
        held_free(f);
    }
    if (f) {
        keep_held(h, f);
        h->sent = true; /* do not sleep: there is more to do */
    }
}

/* ---- sweeps ---- */

bool hub_has_name(const struct hub *h, const char *name)
{
    for (int i = 0; i < h->n_refs; i++)
        if (h->refs[i]->state->info.name && strcmp(h->refs[i]->state->info.name, name) == 0)
            return true;
    return false;
}

void hub_add_ref(struct hub *h, struct sweep_ref *r)
{
    h->refs = mem_resize(h->refs, (size_t)h->n_refs + 1, sizeof(struct sweep_ref *));
    h->refs[h->n_refs++] = r;
    h->n_shown = h->n_refs - h->n_sweeps;
    hub_changed(h);
}

void hub_add_sweep(struct hub *h, struct sweep *s)
{
    h->sweeps = mem_resize(h->sweeps, (size_t)h->n_sweeps + 1, sizeof(struct sweep *));
    h->sweeps[h->n_sweeps++] = s;
    hub_add_ref(h, &s->ref);
}

struct views_ctx hub_views(struct hub *h)
{
    return (struct views_ctx){
        .sweeps = h->refs,
        .n_sweeps = h->n_refs,
        .hub = h->ep.name,
        .readonly = h->readonly,
        .consoles = peers_consoles(h),
        .hub_state = h,
        .now = h->wall,
    };
}

/* ---- the loop ---- */

static void read_signals(struct hub *h)
{
    struct signalfd_siginfo si;
    while (read(h->signal_fd, &si, sizeof si) == sizeof si) {
        if (si.ssi_signo == SIGCHLD)
            launch_reap(h);
        else
            h->stopping = true;
    }
}

static void read_messages(struct hub *h)
{
    struct sock_peer from;
    int64_t stop = clock_mono_ns() + TURN_NS;
    h->drained = h->sent = false;
    while (sock_recv(h->router, &from, &h->in) == 1) {
        hub_clock(h); /* each message has its own time: what comes after a view was answered is later than
                         that view */
        request_handle(h, &from, &h->in);
        if (h->mono > stop)
            return;
    }
    h->drained = true;
}

static void duty_sweeps(struct hub *h)
{
    for (int i = 0; i < h->n_sweeps; i++)
        sweep_tick(h->sweeps[i]);
}

static void duty_interventions(struct hub *h)
{
    for (int i = 0; i < h->n_sweeps; i++)
        intervention_tick(h->sweeps[i]);
}

static void duty_parent(struct hub *h)
{
    if (h->parent && getppid() != h->parent && kill(h->parent, 0) != 0)
        h->stopping = true;
}

/* Somebody may clean /tmp: a socket that is gone is bound anew (tmux waits for a signal to do it). */
static void duty_socket(struct hub *h)
{
    struct stat st;
    const char *path = h->ep.address + strlen("ipc://");
    if (strncmp(h->ep.address, "ipc://", 6) != 0 || lstat(path, &st) == 0 || errno != ENOENT)
        return;
    char *cause = NULL;
    sock_close(h->router); /* first: closing removes the path that it was bound to */
    h->router = sock_router(h->ep.address, MSG_MAX_AGENT, &cause);
    if (!h->router)
        h->stopping = true;
    free(cause);
    h->sent = true;
}

/* Machines are measured for those who look, and only then. */
static void duty_hosts(struct hub *h)
{
    if (subs_any(h, "hosts") && host_meter_read(&h->meter, h->mono))
        hub_changed(h);
}

static const struct duty {
    int64_t period;
    void (*run)(struct hub *h);
} duties[] = {
    {250 * CLOCK_MS, duty_sweeps},    {500 * CLOCK_MS, duty_interventions}, {500 * CLOCK_MS, peers_tick},
    {500 * CLOCK_MS, scheduler_tick}, {500 * CLOCK_MS, launch_tick},        {CLOCK_S, duty_parent},            {CLOCK_S, duty_hosts},
    {5 * CLOCK_S, duty_socket},
};
#define N_DUTIES (sizeof duties / sizeof *duties)

static int64_t run_duties(struct hub *h, int64_t due[N_DUTIES])
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < N_DUTIES; i++) {
        if (h->mono >= due[i]) {
            duties[i].run(h);
            due[i] = h->mono + duties[i].period;
        }
        if (due[i] < next)
            next = due[i];
    }
    return next;
}

/* What the recorders' threads have to say. */
static void hear_recorders(struct hub *h)
{
    uint64_t n;
    bool closed = false;
    while (read(h->wake_fd, &n, sizeof n) == sizeof n)
        ;
    for (int i = 0; i < h->n_sweeps; i++) {
        struct sweep *s = h->sweeps[i];
        sweep_durable(s);
        closed = sweep_recorder_news(s) || closed;
    }
    if (h->held && (closed || !ingest_congested(h)))
        hub_release_held(h);
}

/* Before sleeping: chunks to the recorders, views to the consoles. Returns when it wants to be called again.
 */
static int64_t flush_point(struct hub *h)
{
    int64_t next = subs_pump(h);
    for (int i = 0; i < h->n_sweeps; i++) {
        struct sweep *s = h->sweeps[i];
        if (!s->rec)
            continue;
        int64_t t = recorder_flush_point(s->rec, h->mono);
        if (t < next)
            next = t;
    }
    return next;
}

static void sleep_until(struct hub *h, int64_t when)
{
    struct pollfd fds[] = {
        {.fd = sock_fd(h->router), .events = POLLIN},
        {.fd = h->wake_fd, .events = POLLIN},
        {.fd = h->signal_fd, .events = POLLIN},
    };
    int64_t wait = h->drained && !h->sent ? when - clock_mono_ns() : 0;
    struct timespec ts = {.tv_sec = wait > 0 ? wait / CLOCK_S : 0, .tv_nsec = wait > 0 ? wait % CLOCK_S : 0};
    ppoll(fds, 3, &ts, NULL);
}

/* We may have been stopped, or the machine asleep: then everybody only looks silent. */
static void forgive_silence(struct hub *h, int64_t gap)
{
    for (struct peer *p = h->peers; p; p = p->hh.next)
        p->last_seen += gap;
}

/* Local workers end their runs and say goodbye, and are listened to meanwhile. */
static bool go_on(struct hub *h, int64_t *stop_at)
{
    if (!h->stopping)
        return true;
    if (!*stop_at) {
        *stop_at = h->mono + STOP_NS;
        launch_stop(h);
    }
    return h->mono < *stop_at && launch_busy(h);
}

void hub_run(struct hub *h)
{
    int64_t due[N_DUTIES] = {0}, next = 0, stop_at = 0;
    while (go_on(h, &stop_at)) {
        int64_t before = h->mono;
        sleep_until(h, next);
        if (hub_clock(h) - before > STALL_NS)
            forgive_silence(h, h->mono - before);
        read_signals(h);
        read_messages(h);
        hub_clock(h);
        hear_recorders(h);
        next = run_duties(h, due);
        if (!h->stopping)
            scheduler_run(h);
        int64_t t = flush_point(h);
        if (t < next)
            next = t;
    }
}

/* ---- making and unmaking ---- */

static void raise_files(void)
{
    struct rlimit rl;
    if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
        return;
    rlim_t want = rl.rlim_max < FILES_MAX ? rl.rlim_max : FILES_MAX;
    if (rl.rlim_cur < want) {
        rl.rlim_cur = want;
        setrlimit(RLIMIT_NOFILE, &rl);
    }
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static char *own_folder(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return mem_str(".");
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    return slash && slash != path ? mem_strn(path, (size_t)(slash - path)) : mem_str("/");
}

static int open_parts(struct hub *h, const struct hub_options *o, char **cause)
{
    if (endpoint_resolve(&h->ep, o->name, cause) != 0)
        return -1;
    h->lock_fd = endpoint_lock(&h->ep, cause);
    if (h->lock_fd < 0)
        return -1;
    h->data_dir = endpoint_data_dir(o->replay ? NULL : cause);
    if (!h->data_dir && !o->replay)
        return -1;
    h->signal_fd = open_signals();
    h->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (h->signal_fd < 0 || h->wake_fd < 0)
        return cause_set(cause, "cannot make the hub's descriptors: %s", strerror(errno));
    h->sync.wake_fd = h->wake_fd;
    recorder_policy_text(&h->sync, h->sync_text, sizeof h->sync_text);
    int rc = o->replay ? recover_replay(h, o->replay, cause) : recover_all(h, cause);
    if (rc != 0)
        return -1;
    h->router = sock_router(h->ep.address, MSG_MAX_AGENT, cause);
    return h->router ? 0 : -1;
}

struct hub *hub_open(const struct hub_options *o, char **cause)
{
    struct hub *h = MEM_NEW(struct hub);
    umask(0077);
    raise_files();
    h->lock_fd = h->signal_fd = h->wake_fd = -1;
    h->readonly = o->readonly;
    h->parent = o->parent;
    h->sync = o->sync;
    h->expiry = o->expiry ? o->expiry : IV_EXPIRY_NS;
    h->held_tail = &h->held;
    h->self = own_folder();
    h->wall_base = clock_wall_ns() - clock_mono_ns();
    hub_clock(h);
    if (open_parts(h, o, cause) == 0)
        return h;
    hub_close(h);
    return NULL;
}

void hub_close(struct hub *h)
{
    if (!h)
        return;
    hub_clock(h);
    for (int i = 0; i < h->n_sweeps; i++)
        sweep_close(h->sweeps[i]);
    subs_free(h);
    while (h->held) {
        struct held_frame *f = h->held;
        h->held = f->next;
        held_free(f);
    }
    if (h->router) {
        sock_close(h->router);
        if (h->lock_fd >= 0 && strncmp(h->ep.address, "ipc://", 6) == 0)
            unlink(h->ep.address + 6); /* ours while we hold the lock */
    }
    for (int i = 0; i < h->n_shown; i++)
        sweep_ref_free(h->refs[i]);
    for (int i = 0; i < h->n_sweeps; i++)
        sweep_free(h->sweeps[i]);
    peers_free(h);
    workers_free(h);
    free(h->sweeps);
    free(h->refs);
    buf_release(&h->in);
    buf_release(&h->out);
    buf_release(&h->payload);
    if (h->wake_fd >= 0)
        close(h->wake_fd);
    if (h->signal_fd >= 0)
        close(h->signal_fd);
    if (h->lock_fd >= 0)
        close(h->lock_fd);
    free(h->data_dir);
    free(h->self);
    endpoint_release(&h->ep);
    free(h);
}
