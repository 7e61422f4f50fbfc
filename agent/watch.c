/* watch: one loop: look for new files every SCAN_MS, read what the known ones have more, hand it to the hub. Reading stops
 * while more than WAITING_MAX bytes wait for the hub: the files keep the rest.
 *
 * Every trial that has something to say attaches as a run of one sweep, which this watcher's own name (`group`) keeps from
 * being mixed with that of an earlier watcher of the same files. After a reconnect the runs claim what they were. */
#include "agent/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/agent_cmd.h"
#include "agent/optuna_steer.h"
#include "agent/watch_table.h"
#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"
#include "read/follow.h"

#define SCAN_MS     1000
#define READ_MS     200
#define WAITING_MAX (32 << 20)
#define FLIGHT_MAX  (8 << 20) /* bytes sent in one turn */
#define ASKS_MAX    32        /* attaches without an answer */
#define DELIVER_NS  (30 * CLOCK_S) /* at the end, without progress */
#define HUB_NS      (2 * CLOCK_S)  /* at the end, for a hub to appear */
#define BYE_MS      2000
#define PARAMS_NS   (1500 * CLOCK_MS) /* a trial that has no value yet waits so long for its parameters */

struct watcher {
    const struct watch_options *o;
    struct watch_table table;
    struct read_sink sink;
    struct read_follow **follows;
    bool *failed; /* cannot be read any more: said once */
    int n_follows;
    const char *format; /* of the files, once one was found */
    struct line *line;
    char group[64], host[256], *name;
    int signal_fd;
    int64_t scanned;
};

/* ---- files ---- */

static bool known(void *ctx, const char *path)
{
    const struct watcher *w = ctx;
    for (int i = 0; i < w->n_follows; i++)
        if (strcmp(read_follow_path(w->follows[i]), path) == 0)
            return true;
    return false;
}

static void follow(struct watcher *w, const struct read_file *f)
{
    char *cause = NULL;
    struct read_follow *fl = read_follow_open(f, &w->sink, &cause);
    free(cause); /* gone between the look and the opening: it will be seen again */
    if (!fl)
        return;
    w->follows = mem_resize(w->follows, (size_t)w->n_follows + 1, sizeof(struct read_follow *));
    w->failed = mem_resize(w->failed, (size_t)w->n_follows + 1, sizeof *w->failed);
    w->failed[w->n_follows] = false;
    w->follows[w->n_follows++] = fl;
    w->format = f->format->name;
}

/* 0, or -1 and a cause: a path that was named cannot be read at all. */
static int look(struct watcher *w, char **cause)
{
    struct read_files files = {0};
    struct buf others = {0};
    int rc = 0;
    for (int i = 0; i < w->o->n_paths && rc == 0; i++)
        rc = read_scan(&files, w->o->paths[i], w->o->from ? w->o->from : w->format, known, w, cause);
    if (rc == 0 && files.n) {
        read_scan_choose(&files, &others);
        for (int i = 0; i < files.n; i++)
            follow(w, &files.v[i]);
    }
    read_files_release(&files);
    buf_release(&others);
    return rc;
}

/* True: some file had more. */
static bool read_more(struct watcher *w, bool last)
{
    bool more = false;
    for (int i = 0; i < w->n_follows; i++) {
        char *cause = NULL;
        int rc = read_follow_turn(w->follows[i], last, &cause);
        const struct read_stop *st = read_follow_stop(w->follows[i]);
        more |= rc == 1;
        if (!w->failed[i] && (rc < 0 || (st->stopped && !st->cut))) {
            agent_fail(1, "watch: %s: %s at byte %lld: %s", read_follow_path(w->follows[i]),
                       rc < 0 ? "cannot be read" : "is damaged", (long long)st->offset, rc < 0 ? cause : st->why);
            w->failed[i] = true;
        }
        free(cause);
    }
    return more;
}

/* ---- the hub ---- */

static void ask(struct watcher *w, struct watch_run *r)
{
    struct codec_writer c = line_begin(w->line, MSG_RUN_ATTACH, &r->asked);
    cw_map(&c, r->run >= 0 ? 12 : 9);
    cw_kstr(&c, "program", w->name);
    cw_kstr(&c, "host", w->host);
    cw_kint(&c, "pid", getpid());
    cw_str(&c, "params");
    cw_map(&c, r->n_params);
    for (uint32_t i = 0; i < r->n_params; i++) {
        cw_str(&c, r->params[i].name);
        cw_raw(&c, r->params[i].value.data, r->params[i].value.len);
    }
    cw_kstr(&c, "group", w->group);
    cw_str(&c, "title");
    cw_strn(&c, r->title ? r->title : r->key, strnlen(r->title ? r->title : r->key, 1000));
    cw_kstr(&c, "metric", w->table.metric ? w->table.metric : "objective");
    cw_kstr(&c, "goal", w->table.goal == READ_MAXIMIZE ? "maximize" : "minimize");
    cw_kbool(&c, "steer", w->o->steer);
    if (r->run >= 0) {
        cw_kint(&c, "run", r->run);
        cw_kint(&c, "epoch", r->epoch);
        cw_kint(&c, "seq", (int64_t)r->acked);
    }
    if (line_send(w->line) != 0)
        r->asked = 0;
}

static void ask_all(struct watcher *w)
{
    int open = 0;
    int64_t now = clock_mono_ns();
    if (!line_is_up(w->line))
        return;
    for (int i = 0; i < w->table.n_runs; i++)
        open += w->table.runs[i]->asked != 0;
    for (int i = 0; i < w->table.n_runs && open < ASKS_MAX; i++) {
        struct watch_run *r = w->table.runs[i];
        bool done = r->ended && watch_run_delivered(r);
        bool settled = r->measured || r->ended || r->run >= 0 || now - r->told_at > PARAMS_NS;
        if (r->attached || r->asked || !r->told || !settled || (done && r->run >= 0))
            continue;
        ask(w, r);
        open++;
    }
}

static void detach_all(struct watcher *w)
{
    for (int i = 0; i < w->table.n_runs; i++) {
        w->table.runs[i]->attached = false;
        w->table.runs[i]->asked = 0;
    }
}

static void take_answer(struct watcher *w, const struct message *m)
{
    for (int i = 0; i < w->table.n_runs; i++) {
        struct watch_run *r = w->table.runs[i];
        if (!m->id || r->asked != m->id)
            continue;
        r->asked = 0;
        if (m->kind != MSG_OK)
            return; /* asked again with the next turn */
        int64_t run = cmap_int(m->body, "run", -1);
        r->run = run;
        r->epoch = cmap_int(m->body, "epoch", 0);
        r->trial = cmap_int(m->body, "trial", -1);
        r->attached = true;
        r->sent = r->acked;
        return;
    }
}

/* The programs are not ours: what they can be told is what their tool's own file can carry. */
static void take_command(struct watcher *w, const struct message *m)
{
    struct watch_run *r = watch_table_find(&w->table, cmap_int(m->body, "run", -1));
    int64_t id = cmap_int(m->body, "command", 0);
    char verb[32] = "";
    char *cause = NULL;
    struct buf said = {0};
    if (!r || !id)
        return;
    cmap_strcpy(m->body, "verb", verb, sizeof verb);
    int rc = -1;
    if (!w->o->steer)
        cause_set(&cause, "this run is watched only: its own tool steers it");
    else if (strcmp(verb, "kill") == 0 || strcmp(verb, "stop") == 0)
        rc = optuna_steer_fail(w->o->paths[0], r->key, &said, &cause);
    else if (strcmp(verb, "enqueue") == 0)
        rc = optuna_steer_enqueue(w->o->paths[0], r->key, cmap_value(m->body, "args"), &said, &cause);
    else
        cause_set(&cause, "Optuna's journal knows kill, stop and enqueue, not %s", verb);
    watch_run_answer(r, id, rc == 0 ? "applied" : "rejected", rc == 0 ? buf_cstr(&said) : cause);
    buf_release(&said);
    free(cause);
}

static void take_message(struct watcher *w, const struct message *m)
{
    if (m->kind == MSG_OK || m->kind == MSG_ERROR) {
        take_answer(w, m);
    } else if (m->kind == MSG_ACK) {
        struct watch_run *r = watch_table_find(&w->table, cmap_int(m->body, "run", -1));
        if (r && cmap_int(m->body, "epoch", -1) == r->epoch)
            watch_run_ack(r, cmap_bool(m->body, "stale", false) ? r->next_seq - 1
                                                                : (uint64_t)cmap_int(m->body, "seq", 0));
    } else if (m->kind == MSG_COMMAND) {
        take_command(w, m);
    }
}

static bool waiting(const struct watcher *w)
{
    for (int i = 0; i < w->table.n_runs; i++)
        if (w->table.runs[i]->asked || w->table.runs[i]->sent > w->table.runs[i]->acked)
            return true;
    return false;
}

static void talk(struct watcher *w)
{
    struct message m;
    enum line_event e;
    size_t bytes = 0;
    while ((e = line_next(w->line, &m, waiting(w))) != LINE_NOTHING) {
        if (e == LINE_MESSAGE)
            take_message(w, &m);
        else
            detach_all(w);
    }
    ask_all(w);
    for (int i = 0; i < w->table.n_runs && bytes < FLIGHT_MAX && line_is_up(w->line); i++)
        bytes += watch_run_send(w->table.runs[i], w->line, FLIGHT_MAX - bytes);
}

static bool all_delivered(const struct watcher *w)
{
    for (int i = 0; i < w->table.n_runs; i++) {
        const struct watch_run *r = w->table.runs[i];
        if (r->told && (r->run < 0 || !watch_run_delivered(r)))
            return false;
    }
    return true;
}

/* ---- the loop ---- */

static bool told_to_end(struct watcher *w)
{
    struct signalfd_siginfo s;
    return read(w->signal_fd, &s, sizeof s) == (ssize_t)sizeof s;
}

static void wait_some(struct watcher *w, int ms)
{
    struct pollfd p[2] = {{.fd = w->signal_fd, .events = POLLIN}, {.fd = line_fd(w->line), .events = POLLIN}};
    poll(p, 2, ms);
}

/* Returns 0 when told to end, 1 on a path that went away. */
static int run(struct watcher *w, char **cause)
{
    size_t bytes = 0;
    while (!told_to_end(w)) {
        int64_t now = clock_mono_ns();
        bool more = false;
        if (now - w->scanned > SCAN_MS * CLOCK_MS) {
            if (look(w, w->n_follows ? NULL : cause) != 0 && !w->n_follows)
                return 1;
            w->scanned = now;
        }
        if (bytes < WAITING_MAX)
            more = read_more(w, false);
        bytes = watch_table_flush(&w->table);
        if (w->o->once && !more)
            break;
        talk(w);
        bytes = watch_table_flush(&w->table);
        wait_some(w, more ? 0 : READ_MS);
    }
    return 0;
}

/* Every run that is still open was left by its watcher; what was read so far counts. */
static int finish(struct watcher *w, char **cause)
{
    read_more(w, true);
    for (int i = 0; i < w->table.n_runs; i++)
        if (w->table.runs[i]->told && !w->table.runs[i]->ended)
            watch_run_state(w->table.runs[i], READ_DONE, "the watcher ended; the file does not say how the run did");
    watch_table_flush(&w->table);
    int64_t progress = clock_mono_ns(), start = progress;
    size_t left = SIZE_MAX;
    while (!all_delivered(w)) {
        talk(w);
        size_t bytes = 0;
        for (int i = 0; i < w->table.n_runs; i++)
            bytes += w->table.runs[i]->bytes;
        int64_t now = clock_mono_ns();
        if (bytes < left) {
            left = bytes;
            progress = now;
        }
        if (now - progress > DELIVER_NS || (line_away(w->line) > HUB_NS && now - start > HUB_NS)) {
            cause_set(cause, "no hub at %s took the rest: start one (hypertop hub start) and watch again",
                      line_address(w->line));
            return line_away(w->line) > 0 ? 3 : 1;
        }
        wait_some(w, 20);
    }
    line_bye(w->line, BYE_MS);
    return 0;
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
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static char *default_name(const struct watch_options *o)
{
    char *real = realpath(o->paths[0], NULL);
    char *name = mem_strn(read_base(real ? real : o->paths[0]), 60);
    free(real);
    return name;
}

static void release(struct watcher *w)
{
    for (int i = 0; i < w->n_follows; i++)
        read_follow_close(w->follows[i]);
    free(w->follows);
    free(w->failed);
    free(w->name);
    watch_table_release(&w->table);
    line_close(w->line);
    close(w->signal_fd);
}

int watch(const struct watch_options *o, char **cause)
{
    struct watcher w = {.o = o, .signal_fd = signals(), .scanned = INT64_MIN / 2};
    w.sink = (struct read_sink){&watch_sink_ops, &w.table};
    w.table.metric = mem_str(o->metric);
    w.table.metric_given = o->metric != NULL;
    w.table.goal = o->goal;
    w.name = o->name ? mem_str(o->name) : default_name(o);
    gethostname(w.host, sizeof w.host - 1);
    snprintf(w.group, sizeof w.group, "%.30s/%d/%llx", w.host, (int)getpid(), (unsigned long long)clock_wall_ns());
    w.line = line_open(o->hub, "watch", cause);
    int rc = w.line ? run(&w, cause) : 1;
    if (rc == 0 && w.n_follows == 0 && o->once)
        rc = cause_set(cause, "%s: no file of a format that is known; `hypertop import --formats` lists them",
                       o->paths[0]) != 0;
    else if (rc == 0)
        rc = finish(&w, cause);
    release(&w);
    return rc;
}
