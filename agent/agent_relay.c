/* relay: delivers one ring, or one spill file, and ends. Started by libhypertop for a run that nobody
 * leased, and by workers for what somebody left behind. It detaches by forking once; whoever started it
 * need not wait.
 *
 * It outlives the training process by no more than it takes to deliver; without a hub the rest goes to the
 * spill file. A run whose program said goodbye (ht_close) exited with 0; of one that did not, the status
 * is not known: its process is not our child. A leased run is never ended from here: that its worker died
 * is for the hub to judge. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/agent_cmd.h"
#include "agent/delivery.h"
#include "agent/monitor.h"
#include "agent/orphans.h"
#include "base/clock.h"

#define HUB_MS 1000 /* a hub that is not there by then will not be waited for once the program has ended */
#define DELIVER_MS                                                                                           \
    30000 /* a hub that is there gets so long for what was left, as long as it makes progress */
#define UNBORN_NS (10 * CLOCK_S) /* a ring that nobody has opened by then never will be */

struct relay {
    struct delivery d;
    struct monitor *monitor;
    struct monitor_run *metered;
    uint64_t trainer;
    int64_t started;
    bool dead;
};

static volatile sig_atomic_t told_to_end;

static void on_term(int s)
{
    told_to_end = s;
}

static void signals(void)
{
    struct sigaction end = {.sa_handler = on_term}, ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGINT, &ignore, NULL);
    sigaction(SIGHUP, &ignore, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

/* Stop and kill of a program that is not our child: by its token, so that a reused pid is never hit. */
static void act(void *ctx, enum outlet_verdict v, int64_t id, const char *verb)
{
    struct relay *r = ctx;
    int pid = ring_process_pid(r->trainer);
    if (v == OUTLET_KILL && ring_process_alive(r->trainer))
        kill(pid, SIGKILL);
    else if (v == OUTLET_SIGNAL && ring_process_alive(r->trainer)) {
        kill(pid, strcmp(verb, "pause") == 0 ? SIGSTOP : SIGCONT);
        outlet_finish(r->d.outlet, id, "applied", NULL);
    }
}

/* Wakes when the program ends; -1 on kernels without pidfds: then the period of the loop has to do. */
static int process_fd(uint64_t token)
{
    int fd = (int)syscall(SYS_pidfd_open, ring_process_pid(token), 0);
    if (fd >= 0 && !ring_process_alive(token)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool over(struct relay *r, int fd_ready)
{
    struct ring_header *h = r->d.outlet->ring.h;
    uint64_t trainer = atomic_load(&h->trainer);
    if (trainer != r->trainer) {
        r->trainer = trainer; /* another program took the ring over */
        fd_ready = 1;
    }
    if (!trainer)
        return r->d.outlet->spill.id.leased || clock_mono_ns() - r->started > UNBORN_NS;
    return atomic_load(&h->closed) || (fd_ready && !ring_process_alive(trainer));
}

static void say_end(struct relay *r)
{
    struct outlet *ol = r->d.outlet;
    outlet_turn(ol, true, clock_mono_ns());
    outlet_flush(ol);
    if (ol->spill.id.leased)
        return;
    outlet_close_commands(ol, "the process ended before its next safe point");
    if (atomic_load(&ol->ring.h->closed))
        outlet_state(ol, "exited", -1, 0, 0, NULL);
    else
        outlet_state(ol, "exited", -1, -1, 0,
                     "the process ended without ht_close; its exit status is not known");
    ol->ended = true;
}

/* What the program uses; of a leased one its worker says it. */
static void watch(struct relay *r, int64_t now)
{
    static const struct monitor_carbon unsaid = {NAN, 1};
    if (!r->metered && r->trainer && !r->d.outlet->spill.id.leased && !r->monitor) {
        r->monitor = monitor_new(NULL);
        r->metered = monitor_add(r->monitor, r->d.outlet, ring_process_pid(r->trainer), &unsaid);
    }
    if (r->metered)
        monitor_turn(r->monitor, now);
}

static void follow(struct relay *r)
{
    struct outlet *ol = r->d.outlet;
    int fd = -1;
    int64_t looked = 0;
    r->trainer = atomic_load(&ol->ring.h->trainer);
    if (ol->run < 0) /* else an earlier relay has said so */
        outlet_state(ol, "started", ring_process_pid(r->trainer), -1, 0, NULL);
    while (!told_to_end && !r->d.unwanted) {
        int64_t now = clock_mono_ns();
        bool look = now - looked > 200 * CLOCK_MS;
        if (look)
            looked = now;
        if (fd < 0 && r->trainer)
            fd = process_fd(r->trainer);
        struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = line_fd(r->d.line), .events = POLLIN}};
        bool ended = poll(p, 1, 0) > 0;
        if (over(r, ended || look))
            break;
        watch(r, now);
        poll(p, 2, delivery_turn(&r->d, false));
    }
    monitor_end(r->monitor, r->metered, NULL);
    r->metered = NULL;
    if (fd >= 0)
        close(fd);
}

static int deliver(struct relay *r, char **cause)
{
    struct outlet *ol = r->d.outlet;
    if (ol->ring.h) {
        if (ol->spill.id.leased)
            orphans_end_group(&ol->ring);
        follow(r);
        if (told_to_end)
            return outlet_store(ol, cause); /* the program goes on: its ring stays for the next relay */
        say_end(r);
    }
    return delivery_finish(&r->d, HUB_MS, DELIVER_MS, cause);
}

static int run_relay(const char *ring, const char *spill)
{
    char *cause = NULL;
    struct relay r = {.started = clock_mono_ns()};
    struct outlet *ol = ring ? outlet_open(ring, &cause) : outlet_open_spill(spill, &cause);
    int rc = 1;
    if (ol && delivery_open(&r.d, ol, ol->spill.id.hub, ol->spill.id.program, &cause) == 0) {
        r.d.act = act;
        r.d.ctx = &r;
        rc = deliver(&r, &cause) == 0 ? 0 : 1;
        monitor_free(r.monitor);
        delivery_close(&r.d);
    } else {
        outlet_free(ol);
    }
    if (rc != 0 && cause)
        agent_fail(rc, "%s", cause);
    free(cause);
    return rc;
}

int agent_relay(int argc, char **argv)
{
    const char *ring = NULL, *spill = NULL;
    bool foreground = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--ring") == 0 && i + 1 < argc)
            ring = argv[++i];
        else if (strcmp(argv[i], "--spill") == 0 && i + 1 < argc)
            spill = argv[++i];
        else if (strcmp(argv[i], "--foreground") == 0)
            foreground = true;
        else
            return agent_fail(2, "relay: '%.40s' is not an argument of it; give --ring FILE or --spill FILE",
                              argv[i]);
    }
    if (!ring == !spill)
        return agent_fail(2, "relay: give --ring FILE or --spill FILE");
    if (!foreground) {
        pid_t pid = fork();
        if (pid < 0)
            return agent_fail(1, "relay: cannot fork: %s", strerror(errno));
        if (pid > 0)
            return 0;
    }
    signals();
    return run_relay(ring, spill);
}

int agent_deliver(int argc, char **argv)
{
    if (argc > 1)
        return agent_fail(2, "deliver: '%.40s' is not an argument of it; it takes none", argv[1]);
    orphans_adopt();
    return 0;
}
