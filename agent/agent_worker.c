/* worker: offers slots to a hub and executes the runs that it leases. One poll loop over the hub's socket,
 * the signals, and the output of the processes; everything else (rings, deadlines) is looked at every few
 * milliseconds while runs are there.
 *
 * When the hub is away the runs go on and their data goes to spill files; after a reconnect the worker
 * says what it still has, the hub says what it has given away meanwhile, and the rest is sent again from
 * the last acknowledgement. SIGTERM or SIGINT: no new runs, the running ones get SIGTERM and CHILD_TERM_S
 * seconds, what is left is delivered or stored; a second signal kills them at once. SIGKILL: the kernel
 * kills the programs too, the next worker on this machine brings back what their rings hold. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/agent_cmd.h"
#include "agent/delivery.h"
#include "agent/job.h"
#include "agent/line.h"
#include "agent/orphans.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define SLOTS_MAX     4096
#define ORPHANS_NS    (60 * CLOCK_S)
#define IDLE_MS       200
#define JOIN_AGAIN_NS (5 * CLOCK_S)
#define LEAVE_MS      3000 /* for the hub to take what is left, when we are told to end */

struct worker_program {
    struct line *line;
    struct monitor *monitor;
    struct job **jobs;
    size_t n_jobs, cap_jobs;
    int slots;
    const char *token;
    int64_t asked;   /* id of the join without an answer */
    int64_t join_at; /* monotonic: when to ask again after a refusal; 0: no need */
    bool joined;
    int ending; /* signals seen that tell us to end */
    int64_t orphans_at;
};

/* ---- talking ---- */

static void ask_join(struct worker_program *w)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    size_t n = 0;
    for (size_t i = 0; i < w->n_jobs; i++)
        n += w->jobs[i]->wanted;
    struct codec_writer c = line_begin(w->line, MSG_WORKER_JOIN, &w->asked);
    cw_map(&c, 5);
    cw_kstr(&c, "host", host);
    cw_kint(&c, "pid", getpid());
    cw_kint(&c, "slots", w->ending ? 0 : w->slots);
    cw_kstr(&c, "token", w->token);
    cw_str(&c, "runs");
    cw_array(&c, n);
    for (size_t i = 0; i < w->n_jobs; i++) {
        const struct outlet *ol = w->jobs[i]->outlet;
        if (!w->jobs[i]->wanted)
            continue;
        cw_map(&c, 3);
        cw_kint(&c, "run", ol->run);
        cw_kint(&c, "epoch", ol->epoch);
        cw_kint(&c, "seq", (int64_t)ol->acked);
    }
    line_send(w->line);
}

static struct job *find_job(struct worker_program *w, const struct message *m)
{
    int64_t run = cmap_int(m->body, "run", -1), epoch = cmap_int(m->body, "epoch", -1);
    for (size_t i = 0; i < w->n_jobs; i++)
        if (w->jobs[i]->run == run && w->jobs[i]->epoch == epoch)
            return w->jobs[i];
    return NULL;
}

static void joined(struct worker_program *w, const struct message *m)
{
    struct span drop = cmap_value(m->body, "drop");
    struct codec_reader r;
    w->asked = 0;
    w->joined = true;
    for (size_t i = 0; i < w->n_jobs; i++)
        outlet_attached(w->jobs[i]->outlet, w->jobs[i]->run, w->jobs[i]->epoch,
                        w->jobs[i]->outlet->spill.id.trial);
    cr_init(&r, drop.p, drop.n);
    for (size_t n = drop.n ? cr_array(&r) : 0; n > 0 && cr_ok(&r); n--) {
        int64_t run = cr_int(&r);
        for (size_t i = 0; i < w->n_jobs; i++)
            if (w->jobs[i]->run == run)
                job_drop(w->jobs[i]);
    }
}

/* The run cannot even get a ring: there is no outlet to say so, so it is said in a batch of its own. */
static void refuse_lease(struct worker_program *w, const struct message *m, const char *why)
{
    struct codec_writer c = line_begin(w->line, MSG_DATA, NULL);
    cw_map(&c, 4);
    cw_kint(&c, "run", cmap_int(m->body, "run", -1));
    cw_kint(&c, "epoch", cmap_int(m->body, "epoch", 0));
    cw_kint(&c, "seq", 1);
    cw_str(&c, "events");
    cw_array(&c, 1);
    cw_array(&c, 3);
    cw_str(&c, "run_state");
    cw_int(&c, clock_wall_ns());
    cw_map(&c, 2);
    cw_kstr(&c, "state", "failed_to_start");
    cw_kstr(&c, "message", why);
    line_send(w->line);
}

static void take_lease(struct worker_program *w, const struct message *m)
{
    char *cause = NULL;
    if (find_job(w, m) || w->ending)
        return;
    struct job *j = job_start(m, line_address(w->line), w->monitor, &cause);
    if (!j) {
        refuse_lease(w, m, cause);
        agent_fail(0, "run %lld: %s", (long long)cmap_int(m->body, "run", -1), cause);
        free(cause);
        return;
    }
    if (w->n_jobs == w->cap_jobs) {
        w->cap_jobs = w->cap_jobs ? w->cap_jobs * 2 : 8;
        w->jobs = mem_resize(w->jobs, w->cap_jobs, sizeof *w->jobs);
    }
    w->jobs[w->n_jobs++] = j;
}

static void take_message(struct worker_program *w, const struct message *m)
{
    struct job *j;
    int64_t id;
    char verb[32];
    switch (m->kind) {
    case MSG_OK:
        if (m->id && m->id == w->asked)
            joined(w, m);
        break;
    case MSG_LEASE:
        take_lease(w, m);
        break;
    case MSG_ACK:
        if (!(j = find_job(w, m)))
            break;
        if (cmap_bool(m->body, "stale", false))
            job_drop(j);
        else
            outlet_ack(j->outlet, (uint64_t)cmap_int(m->body, "seq", 0));
        break;
    case MSG_COMMAND:
        if ((j = find_job(w, m)))
            job_act(j, outlet_command(j->outlet, m, &id, verb), id, verb);
        break;
    case MSG_ERROR:
        if (m->id && m->id == w->asked) {
            struct span why = cmap_str(m->body, "message");
            agent_fail(0, "the hub refuses this worker: %.*s", (int)why.n, why.p);
            w->asked = 0;
            w->join_at = clock_mono_ns() + JOIN_AGAIN_NS;
        }
        break;
    default:
        break;
    }
}

static void listen_line(struct worker_program *w)
{
    struct message m;
    enum line_event e;
    bool waiting = w->asked != 0;
    for (size_t i = 0; i < w->n_jobs && !waiting; i++)
        waiting = outlet_waiting(w->jobs[i]->outlet);
    while ((e = line_next(w->line, &m, waiting)) != LINE_NOTHING) {
        if (e == LINE_MESSAGE)
            take_message(w, &m);
        if (e == LINE_MESSAGE)
            continue;
        w->joined = false;
        w->asked = 0;
        for (size_t i = 0; i < w->n_jobs; i++)
            outlet_detached(w->jobs[i]->outlet);
        w->join_at = 0;
        if (e == LINE_UP)
            ask_join(w);
    }
    if (w->join_at && clock_mono_ns() >= w->join_at) {
        w->join_at = 0;
        ask_join(w);
    }
}

/* ---- the loop ---- */

static void drop_finished(struct worker_program *w)
{
    for (size_t i = 0; i < w->n_jobs;) {
        struct job *j = w->jobs[i];
        if (j->over && (!j->wanted || outlet_delivered(j->outlet))) {
            job_free(j);
            memmove(&w->jobs[i], &w->jobs[i + 1], (w->n_jobs - i - 1) * sizeof *w->jobs);
            w->n_jobs--;
        } else {
            i++;
        }
    }
}

static double turn_jobs(struct worker_program *w)
{
    double fill = 0;
    int64_t now = clock_mono_ns();
    for (size_t i = 0; i < w->n_jobs; i++) {
        double mine = job_turn(w->jobs[i], now);
        fill = mine > fill ? mine : fill;
    }
    monitor_turn(w->monitor, now);
    if (w->joined)
        for (size_t i = 0; i < w->n_jobs; i++)
            if (w->jobs[i]->wanted)
                outlet_send(w->jobs[i]->outlet, w->line);
    return fill;
}

static bool all_over(const struct worker_program *w)
{
    for (size_t i = 0; i < w->n_jobs; i++)
        if (!w->jobs[i]->over)
            return false;
    return true;
}

static void read_signals(struct worker_program *w, int fd)
{
    struct signalfd_siginfo s;
    while (read(fd, &s, sizeof s) == (ssize_t)sizeof s) {
        if (s.ssi_signo == SIGCHLD)
            continue;
        w->ending++;
        for (size_t i = 0; i < w->n_jobs; i++) {
            if (w->ending > 1)
                child_signal(&w->jobs[i]->child, SIGKILL);
            else
                job_end(w->jobs[i]);
        }
    }
}

static void wait_for_something(struct worker_program *w, int signal_fd, int ms)
{
    struct pollfd fixed[2 + 3 * 64], *p = fixed;
    size_t n = 2, room = 2 + 3 * w->n_jobs;
    if (room > sizeof fixed / sizeof fixed[0])
        p = mem_zero(room, sizeof *p);
    p[0] = (struct pollfd){.fd = signal_fd, .events = POLLIN};
    p[1] = (struct pollfd){.fd = line_fd(w->line), .events = POLLIN};
    for (size_t i = 0; i < w->n_jobs; i++) {
        n += (size_t)child_poll_fds(&w->jobs[i]->child, p + n);
        n += (size_t)wrap_poll_fds(&w->jobs[i]->wrap, p + n);
    }
    poll(p, n, ms);
    if (p != fixed)
        free(p);
}

static void loop(struct worker_program *w, int signal_fd)
{
    int64_t leave_by = 0;
    for (;;) {
        int64_t now = clock_mono_ns();
        read_signals(w, signal_fd);
        listen_line(w);
        double fill = turn_jobs(w);
        listen_line(w);
        drop_finished(w);
        if (now >= w->orphans_at && line_is_up(w->line)) {
            orphans_adopt();
            w->orphans_at = now + ORPHANS_NS;
        }
        if (w->ending && all_over(w)) {
            if (!leave_by)
                leave_by = now + LEAVE_MS * CLOCK_MS;
            if (w->n_jobs == 0 || now > leave_by || !line_is_up(w->line))
                return;
        }
        wait_for_something(w, signal_fd,
                           w->n_jobs             ? delivery_period(fill)
                           : line_is_up(w->line) ? IDLE_MS
                                                 : 20);
    }
}

static int signals(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set;
    sigaction(SIGPIPE, &ignore, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void leave(struct worker_program *w)
{
    while (w->n_jobs)
        job_free(w->jobs[--w->n_jobs]);
    monitor_free(w->monitor);
    line_bye(w->line, LEAVE_MS);
    line_close(w->line);
    free(w->jobs);
}

int agent_worker(int argc, char **argv)
{
    struct worker_program w = {.slots = 1};
    const char *hub = NULL, *token = getenv("HYPERTOP_WORKER_TOKEN");
    char *cause = NULL;
    for (int i = 1; i < argc; i++) {
        int64_t n;
        const char *value = NULL;
        if (strncmp(argv[i], "-j", 2) == 0)
            value = argv[i][2] ? argv[i] + 2 : i + 1 < argc ? argv[++i] : "";
        if (value && (!text_int(value, &n) || n < 1 || n > SLOTS_MAX))
            return agent_fail(2, "worker: -j takes a number of slots from 1 to %d, not '%.40s'", SLOTS_MAX,
                              value);
        if (value)
            w.slots = (int)n;
        else if (strcmp(argv[i], "--token") == 0 && i + 1 < argc)
            token = argv[++i];
        else if (argv[i][0] == '-' || hub)
            return agent_fail(2, "worker: '%.40s' is not an argument of it; usage: worker [HUB] [-j N]",
                              argv[i]);
        else
            hub = argv[i];
    }
    w.token = token ? token : "";
    w.line = line_open(hub, "hypertop-agent worker", &cause);
    if (!w.line) {
        agent_fail(2, "%s", cause);
        free(cause);
        return 2;
    }
    int signal_fd = signals();
    if (signal_fd < 0)
        return agent_fail(1, "worker: cannot wait for signals: %s", strerror(errno));
    w.monitor = monitor_new(NULL);
    loop(&w, signal_fd);
    leave(&w);
    close(signal_fd);
    return 0;
}
