/* hub_fixture: a real hub in a child process on a private directory, and peers that speak to it by hand: an
 * operator and any number of fake workers. Nothing sleeps for a condition: every wait is for a message, with
 * a deadline that fails the test. */
#ifndef HUB_FIXTURE_H
#define HUB_FIXTURE_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hub/hub.h"
#include "hub/views.h"

#define DEADLINE (20 * CLOCK_S)
#define UNUSED   __attribute__((unused)) /* no test uses all of it */

struct fixture {
    char dir[64], address[128];
    pid_t pid;
    bool mounted;
    struct recorder_options sync;
    int64_t expiry;
};

/* Removes a directory with everything in it. */
UNUSED static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

UNUSED static void remove_tree(const char *dir)
{
    assert_int_equal(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

UNUSED static void fixture_start(struct fixture *f)
{
    char *cause = NULL;
    fflush(NULL);
    f->pid = fork();
    assert_true(f->pid >= 0);
    if (f->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        struct hub_options o = {.name = "test", .sync = f->sync, .expiry = f->expiry};
        struct hub *h = hub_open(&o, &cause);
        if (!h) {
            fprintf(stderr, "hub: %s\n", cause);
            _exit(1);
        }
        hub_run(h);
        hub_close(h);
        exit(0); /* not _exit: a leak checker has its say */
    }
}

/* tmpfs: mount options of a small file system for everything, NULL: the ordinary one. False: it cannot be
 * mounted here. */
UNUSED static bool fixture_open_on(struct fixture *f, const char *tmpfs)
{
    *f = (struct fixture){.sync = {.policy = RECORDER_INTERVAL}, .expiry = f->expiry};
    snprintf(f->dir, sizeof f->dir, "/tmp/ht-hub-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->mounted = tmpfs && mount("none", f->dir, "tmpfs", 0, tmpfs) == 0;
    if (tmpfs && !f->mounted) {
        rmdir(f->dir);
        return false;
    }
    chmod(f->dir, 0700);
    assert_int_equal(setenv("HYPERTOP_RUNTIME_DIR", f->dir, 1), 0);
    assert_int_equal(setenv("HYPERTOP_DATA_DIR", f->dir, 1), 0);
    unsetenv("HYPERTOP_HUB");
    snprintf(f->address, sizeof f->address, "ipc://%s/test.sock", f->dir);
    fixture_start(f);
    return true;
}

UNUSED static void fixture_open(struct fixture *f)
{
    fixture_open_on(f, NULL);
}

UNUSED static void fixture_kill(struct fixture *f)
{
    kill(f->pid, SIGKILL);
    waitpid(f->pid, NULL, 0);
    f->pid = 0;
}

/* SIGTERM: the hub writes its footers. */
UNUSED static void fixture_stop(struct fixture *f)
{
    int status;
    kill(f->pid, SIGTERM);
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    f->pid = 0;
}

UNUSED static void fixture_close(struct fixture *f)
{
    if (f->pid)
        fixture_stop(f);
    if (f->mounted)
        assert_int_equal(umount2(f->dir, MNT_DETACH), 0);
    remove_tree(f->dir);
}

/* ---- a peer ---- */

struct tester {
    struct sock *sock;
    enum msg_role role;
    int64_t id;
    struct buf in, out;
    struct message m; /* of the last one received; borrows from in */
    struct stash {    /* received while waiting for something else */
        struct buf frame;
    } kept[256];
    int n_kept;
};

UNUSED static struct codec_writer tester_begin(struct tester *t, enum msg_kind kind)
{
    struct codec_writer w;
    msg_begin(&w, &t->out, kind, ++t->id, t->role);
    return w;
}

UNUSED static void tester_send(struct tester *t)
{
    assert_int_equal(sock_send(t->sock, NULL, t->out.data, t->out.len), 0);
}

UNUSED static void tester_parse(struct tester *t)
{
    const char *why = "";
    if (!msg_parse(&t->m, t->in.data, t->in.len, &why))
        fail_msg("the hub sent nonsense: %s", why);
}

/* Next message that the caller wants; others are kept for later. NULL-safe filter: match decides. */
typedef bool tester_match(const struct message *m, int64_t arg);

UNUSED static bool tester_await(struct tester *t, tester_match *match, int64_t arg, int64_t timeout)
{
    int64_t until = clock_mono_ns() + timeout;
    for (int i = 0; i < t->n_kept; i++) {
        const char *why;
        struct message m;
        if (!msg_parse(&m, t->kept[i].frame.data, t->kept[i].frame.len, &why) || !match(&m, arg))
            continue;
        buf_clear(&t->in);
        buf_put(&t->in, t->kept[i].frame.data, t->kept[i].frame.len);
        buf_release(&t->kept[i].frame);
        memmove(&t->kept[i], &t->kept[i + 1], (size_t)(t->n_kept - i - 1) * sizeof *t->kept);
        t->n_kept--;
        tester_parse(t);
        return true;
    }
    for (;;) {
        while (sock_recv(t->sock, NULL, &t->in) == 1) {
            tester_parse(t);
            if (match(&t->m, arg))
                return true;
            assert_true(t->n_kept < 256);
            t->kept[t->n_kept] = (struct stash){0};
            buf_put(&t->kept[t->n_kept++].frame, t->in.data, t->in.len);
        }
        int64_t left = until - clock_mono_ns();
        if (left <= 0)
            return false;
        struct pollfd p = {.fd = sock_fd(t->sock), .events = POLLIN};
        poll(&p, 1, (int)(left / CLOCK_MS) + 1);
    }
}

UNUSED static bool match_id(const struct message *m, int64_t id)
{
    return m->id == id;
}

UNUSED static bool match_kind(const struct message *m, int64_t kind)
{
    return (int64_t)m->kind == kind;
}

/* The answer to what was sent last. */
UNUSED static const struct message *tester_answer(struct tester *t)
{
    if (!tester_await(t, match_id, t->id, DEADLINE))
        fail_msg("no answer");
    return &t->m;
}

UNUSED static const struct message *tester_kind(struct tester *t, enum msg_kind kind)
{
    if (!tester_await(t, match_kind, kind, DEADLINE))
        fail_msg("no %s came", msg_name(kind));
    return &t->m;
}

/* pid: as it says it is. */
UNUSED static void tester_open(struct tester *t, const struct fixture *f, enum msg_role role, int pid)
{
    char *cause = NULL, host[64] = "";
    *t = (struct tester){.role = role};
    t->sock = sock_dealer(f->address, MSG_MAX_AGENT, &cause);
    assert_non_null(t->sock);
    gethostname(host, sizeof host - 1);
    struct codec_writer w = tester_begin(t, MSG_HELLO);
    cw_map(&w, 5);
    cw_kstr(&w, "program", "test");
    cw_kstr(&w, "version", "0");
    cw_kstr(&w, "user", "tester");
    cw_kstr(&w, "host", host);
    cw_kint(&w, "pid", pid);
    tester_send(t);
    assert_int_equal(tester_answer(t)->kind, MSG_WELCOME);
}

UNUSED static void tester_close(struct tester *t)
{
    sock_close(t->sock);
    buf_release(&t->in);
    buf_release(&t->out);
    for (int i = 0; i < t->n_kept; i++)
        buf_release(&t->kept[i].frame);
    *t = (struct tester){0};
}

/* ---- operator ---- */

#define SWEEP_YAML                                                                                           \
    "name: s\nprogram: /bin/true\nmethod: random\nmetric: {name: loss, goal: minimize}\n"                    \
    "parameters:\n  lr: {min: 0.0, max: 1.0}\n  opt: {values: [sgd, adam]}\n"

/* Starts a sweep without local workers. Returns the path of its recording, malloc'ed. */
UNUSED static char *start_sweep(struct tester *op, const char *yaml, int64_t seed, int64_t budget,
                                int64_t workers)
{
    struct codec_writer w = tester_begin(op, MSG_SWEEP_START);
    cw_map(&w, 5);
    cw_kstr(&w, "yaml", yaml);
    cw_kstr(&w, "path", "s.yaml");
    cw_kstr(&w, "cwd", "/");
    cw_str(&w, "env");
    cw_map(&w, 0);
    cw_str(&w, "options");
    cw_map(&w, 3);
    cw_kint(&w, "seed", seed);
    cw_kint(&w, "budget", budget);
    cw_kint(&w, "workers", workers);
    tester_send(op);
    const struct message *m = tester_answer(op);
    if (m->kind == MSG_ERROR) {
        char *why = cmap_strdup(m->body, "message");
        fail_msg("sweep.start: %s", why);
    }
    assert_int_equal(m->kind, MSG_OK);
    return cmap_strdup(m->body, "recording");
}

/* One answer of a view; its body borrows from the tester. */
UNUSED static struct span ask_view(struct tester *op, const char *name)
{
    struct codec_writer w = tester_begin(op, MSG_VIEW);
    cw_map(&w, 1);
    cw_kstr(&w, "view", name);
    tester_send(op);
    assert_int_equal(tester_answer(op)->kind, MSG_VIEW_DATA);
    return op->m.body;
}

/* Row number i of a view's answer. */
UNUSED static struct span view_row(struct span body, int64_t i)
{
    struct span parts = cmap_value(body, "parts");
    struct codec_reader r;
    cr_init(&r, parts.p, parts.n);
    for (size_t n = cr_array(&r); n > 0; n--) {
        assert_int_equal(cr_array(&r), 2);
        int64_t index = cr_int(&r);
        struct span v = cr_value(&r);
        if (index == i)
            return v;
    }
    return (struct span){0};
}

UNUSED static void row_text(struct tester *op, const char *view, int64_t i, const char *key, char *out,
                            size_t cap)
{
    struct span row = view_row(ask_view(op, view), i);
    *out = '\0';
    if (row.n)
        cmap_strcpy(row, key, out, cap);
}

/* Asks again until the row says this. */
UNUSED static void await_row(struct tester *op, const char *view, int64_t i, const char *key,
                             const char *want)
{
    int64_t until = clock_mono_ns() + DEADLINE;
    char got[128];
    do {
        row_text(op, view, i, key, got, sizeof got);
        if (strcmp(got, want) == 0)
            return;
        poll(NULL, 0, 2);
    } while (clock_mono_ns() < until);
    fail_msg("%s %lld: %s is '%s', not '%s'", view, (long long)i, key, got, want);
}

/* ---- worker ---- */

struct lease {
    int64_t run, trial, seed, epoch;
    struct buf params;
};

UNUSED static void worker_join_with(struct tester *k, int pid, int slots, const struct lease *has, int n_has,
                                    int64_t *dropped)
{
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    struct codec_writer w = tester_begin(k, MSG_WORKER_JOIN);
    cw_map(&w, 5);
    cw_kstr(&w, "host", host);
    cw_kint(&w, "pid", pid);
    cw_kint(&w, "slots", slots);
    cw_kstr(&w, "token", "");
    cw_str(&w, "runs");
    cw_array(&w, (size_t)n_has);
    for (int i = 0; i < n_has; i++) {
        cw_map(&w, 3);
        cw_kint(&w, "run", has[i].run);
        cw_kint(&w, "epoch", has[i].epoch);
        cw_kint(&w, "seq", 0);
    }
    tester_send(k);
    assert_int_equal(tester_answer(k)->kind, MSG_OK);
    struct span drop = cmap_value(k->m.body, "drop");
    struct codec_reader r;
    cr_init(&r, drop.p, drop.n);
    *dropped = (int64_t)cr_array(&r);
}

/* A fake worker of a pid that says it lives; slots. */
UNUSED static void fake_worker(struct tester *k, const struct fixture *f, int slots)
{
    int64_t dropped;
    tester_open(k, f, ROLE_AGENT, getpid());
    worker_join_with(k, getpid(), slots, NULL, 0, &dropped);
}

UNUSED static bool try_lease(struct tester *k, struct lease *l, int64_t timeout)
{
    if (!tester_await(k, match_kind, MSG_LEASE, timeout))
        return false;
    l->run = cmap_int(k->m.body, "run", -1);
    l->trial = cmap_int(k->m.body, "trial", -1);
    l->seed = cmap_int(k->m.body, "seed", -1);
    l->epoch = cmap_int(k->m.body, "epoch", -1);
    struct span p = cmap_value(k->m.body, "params");
    l->params = (struct buf){0};
    buf_put(&l->params, p.p, p.n);
    return true;
}

/* Waits for a lease as a worker does: it pings meanwhile. */
UNUSED static void take_lease(struct tester *k, struct lease *l)
{
    int64_t until = clock_mono_ns() + DEADLINE;
    while (!try_lease(k, l, CLOCK_S)) {
        if (clock_mono_ns() > until)
            fail_msg("no lease came");
        struct codec_writer w = tester_begin(k, MSG_PING);
        cw_map(&w, 0);
        tester_send(k);
    }
}

/* ---- data ---- */

struct batch {
    struct tester *k;
    const struct lease *l;
    struct codec_writer w;
};

UNUSED static struct batch batch_begin(struct tester *k, const struct lease *l, int64_t seq, size_t events)
{
    struct batch b = {.k = k, .l = l, .w = tester_begin(k, MSG_DATA)};
    cw_map(&b.w, 4);
    cw_kint(&b.w, "run", l->run);
    cw_kint(&b.w, "epoch", l->epoch);
    cw_kint(&b.w, "seq", seq);
    cw_str(&b.w, "events");
    cw_array(&b.w, events);
    return b;
}

UNUSED static void batch_event(struct batch *b, const char *kind, size_t pairs)
{
    cw_array(&b->w, 3);
    cw_str(&b->w, kind);
    cw_int(&b->w, clock_wall_ns());
    cw_map(&b->w, pairs);
}

UNUSED static void batch_report(struct batch *b, int64_t step, double value)
{
    batch_event(b, "report", 2);
    cw_kint(&b->w, "step", step);
    cw_kdouble(&b->w, "value", value);
}

UNUSED static void batch_state(struct batch *b, const char *state, int exit)
{
    bool exited = strcmp(state, "exited") == 0;
    batch_event(b, "run_state", 2);
    cw_kstr(&b->w, "state", state);
    cw_kint(&b->w, exited ? "exit" : "pid", exited ? exit : 4242);
}

UNUSED static void batch_declare(struct batch *b, const char *name, double low, double high, double value)
{
    batch_event(b, "declare", 7);
    cw_kstr(&b->w, "name", name);
    cw_kstr(&b->w, "type", "float");
    cw_kdouble(&b->w, "low", low);
    cw_kdouble(&b->w, "high", high);
    cw_kbool(&b->w, "log", false);
    cw_kbool(&b->w, "live", true);
    cw_kdouble(&b->w, "value", value);
}

UNUSED static bool match_ack(const struct message *m, int64_t run)
{
    return m->kind == MSG_ACK && cmap_int(m->body, "run", -1) == run;
}

/* Waits until batch seq of the run is on disk. */
UNUSED static void await_ack(struct tester *k, const struct lease *l, int64_t seq)
{
    do
        if (!tester_await(k, match_ack, l->run, DEADLINE))
            fail_msg("batch %lld was not acknowledged", (long long)seq);
    while (cmap_int(k->m.body, "seq", 0) < seq);
}

/* started, one report, exited 0: a whole run in one batch. */
UNUSED static void whole_run(struct tester *k, const struct lease *l, double value)
{
    struct batch b = batch_begin(k, l, 1, 3);
    batch_state(&b, "started", 0);
    batch_report(&b, 1, value);
    batch_state(&b, "exited", 0);
    tester_send(k);
    await_ack(k, l, 1);
}

#endif
