/* adviser: see adviser.h. One process a sweep, in a session of its own, with pipes for stdin and stdout (stderr goes to
 * the hub's log of workers). All reads and writes are non-blocking; one request is out at a time. */
#include "hub/adviser.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hub/adviser_text.h"
#include "hub/scheduler.h"
#include "hub/sweep.h"
#include "hub/trial.h"

extern char **environ;

#define LINE_MAX_BYTES (1u << 20)
#define FAILURES_MAX   5 /* in a row, then it is given up */
#define BACKOFF_NS     (2 * CLOCK_S)
#define STREAM         UINT64_C(0x61647669) /* of chance, for what candidates leave open */

struct adviser {
    pid_t pid; /* 0: not running */
    int to, from;
    struct buf sending, got;
    size_t sent;
    int64_t id, asked_at; /* request that is out (asked_at 0: none) */
    int64_t asked_tells;  /* s->tells then */
    int64_t next_try;
    int failures;
    bool given_up, refused_said, late_said;
    struct advice queue; /* candidates not yet tried: those from `next` on */
    int next;
    int64_t tried;
    struct rng rng;
};

static struct adviser *adviser_of(struct sweep *s)
{
    if (!s->adviser) {
        s->adviser = MEM_NEW(struct adviser);
        s->adviser->to = s->adviser->from = -1;
        s->adviser->queue.id = -1;
        rng_seed_stream(&s->adviser->rng, s->state->info.seed, STREAM);
        for (int i = 0; i < s->state->n_trials; i++) /* an earlier life of the hub */
            if (state_trial(s->state, i) && strcmp(state_trial(s->state, i)->origin, "adviser") == 0)
                s->adviser->tried++;
    }
    return s->adviser;
}

/* ---- the process ---- */

static void hang_up(struct adviser *a)
{
    if (a->to >= 0)
        close(a->to);
    if (a->from >= 0)
        close(a->from);
    a->to = a->from = -1;
    a->asked_at = 0;
    a->sent = 0;
    buf_clear(&a->sending);
    buf_clear(&a->got);
}

static void end_process(struct adviser *a)
{
    hang_up(a);
    if (a->pid > 0) {
        kill(-a->pid, SIGKILL);
        kill(a->pid, SIGKILL);
        waitpid(a->pid, NULL, 0);
    }
    a->pid = 0;
}

static void failed(struct sweep *s, const char *what)
{
    struct adviser *a = s->adviser;
    end_process(a);
    a->next_try = s->hub->mono + (BACKOFF_NS << a->failures);
    scheduler_wake(s->hub); /* nobody waits for it any more */
    if (++a->failures < FAILURES_MAX)
        return;
    a->given_up = true;
    sweep_hub_event(s, "warning", "the adviser %s is given up after %d failures, the tuner goes on alone: %s",
                    s->file.adviser.command[0], a->failures, what);
}

static int start(struct sweep *s)
{
    struct adviser *a = s->adviser;
    int in[2], out[2];
    pid_t pid;
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    sigset_t none, all;
    if (pipe2(in, O_CLOEXEC) < 0)
        return errno;
    if (pipe2(out, O_CLOEXEC) < 0) {
        int e = errno;
        close(in[0]);
        close(in[1]);
        return e;
    }
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&fa);
    if (*s->state->info.cwd)
        posix_spawn_file_actions_addchdir_np(&fa, s->state->info.cwd);
    posix_spawn_file_actions_adddup2(&fa, in[0], 0);
    posix_spawn_file_actions_adddup2(&fa, out[1], 1);
    posix_spawnattr_init(&at);
    posix_spawnattr_setsigmask(&at, &none);
    posix_spawnattr_setsigdefault(&at, &all);
    posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int e = posix_spawnp(&pid, s->file.adviser.command[0], &fa, &at, s->file.adviser.command, environ);
    posix_spawn_file_actions_destroy(&fa);
    posix_spawnattr_destroy(&at);
    close(in[0]);
    close(out[1]);
    if (e != 0) {
        close(in[1]);
        close(out[0]);
        return e;
    }
    a->pid = pid;
    a->to = in[1];
    a->from = out[0];
    fcntl(a->to, F_SETFL, O_NONBLOCK);
    fcntl(a->from, F_SETFL, O_NONBLOCK);
    return 0;
}

/* ---- talking ---- */

static bool wants_candidates(struct sweep *s)
{
    const struct adviser *a = s->adviser;
    return !a->asked_at && a->next >= a->queue.n && sweep_open(s) && !s->exhausted &&
           (a->asked_tells != s->tells || a->id == 0 || a->queue.n > 0);
}

static void put_request(struct sweep *s)
{
    struct adviser *a = s->adviser;
    struct advise_request rq = {.id = ++a->id,
                                .sweep = s->state->info.name,
                                .metric = s->file.metric,
                                .maximize = s->file.maximize,
                                .n = s->file.adviser.candidates,
                                .alpha = s->file.adviser.alpha};
    buf_clear(&a->sending);
    a->sent = 0;
    advise_write(&rq, s->tuner, &a->sending);
    a->asked_at = s->hub->mono;
    a->asked_tells = s->tells;
    advice_release(&a->queue);
    a->next = 0;
}

static void send_some(struct sweep *s)
{
    struct adviser *a = s->adviser;
    while (a->sent < a->sending.len) {
        ssize_t n = write(a->to, a->sending.data + a->sent, a->sending.len - a->sent);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            failed(s, "it closed its input");
        if (n < 0)
            return;
        a->sent += (size_t)n;
    }
}

static void take_answer(struct sweep *s, const char *line, size_t n)
{
    struct adviser *a = s->adviser;
    struct advice got;
    char *cause = NULL;
    if (advice_read(&got, tuner_space(s->tuner), &a->rng, line, n, &cause) != 0) {
        failed(s, cause);
        free(cause);
        return;
    }
    if (!a->asked_at || (got.id >= 0 && got.id != a->id)) {
        advice_release(&got); /* to a request that is no longer waited for */
        return;
    }
    a->asked_at = 0;
    if (got.refused && !a->refused_said) {
        a->refused_said = true;
        sweep_hub_event(s, "warning", "the adviser proposed %d of %d candidates that cannot be tried; the first: %s",
                        got.refused, got.refused + got.n, got.trouble);
    }
    if (got.terminate) {
        sweep_hub_event(s, "started", "the adviser has nothing more to say; the tuner goes on alone");
        a->given_up = true;
        end_process(a);
    }
    if (got.n)
        a->failures = 0;
    advice_release(&a->queue);
    a->queue = got;
    a->next = 0;
    scheduler_wake(s->hub);
}

static void read_some(struct sweep *s)
{
    struct adviser *a = s->adviser;
    char block[16384];
    while (a->from >= 0) {
        ssize_t n = read(a->from, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n <= 0) {
            failed(s, "it ended");
            return;
        }
        buf_put(&a->got, block, (size_t)n);
        if (a->got.len > LINE_MAX_BYTES) {
            failed(s, "a line of its answer is longer than 1 MiB");
            return;
        }
        const uint8_t *end;
        while (a->from >= 0 && (end = memchr(a->got.data, '\n', a->got.len))) {
            size_t len = (size_t)(end - a->got.data);
            char *line = mem_strn((const char *)a->got.data, len);
            buf_consume(&a->got, len + 1);
            if (strspn(line, " \t\r") < len)
                take_answer(s, line, len);
            free(line);
        }
    }
}

static void check_time(struct sweep *s)
{
    struct adviser *a = s->adviser;
    if (!a->asked_at || s->hub->mono - a->asked_at < (int64_t)(s->file.adviser.timeout * CLOCK_S))
        return;
    a->asked_at = 0; /* its answer, should it come, is to nobody */
    if (!a->late_said)
        sweep_hub_event(s, "warning", "the adviser has not answered in %g s; the tuner goes on meanwhile",
                        s->file.adviser.timeout);
    a->late_said = true;
    a->asked_tells = -1; /* ask again */
    failed(s, "it does not answer");
}

void adviser_tick(struct sweep *s)
{
    if (!s->file.adviser.command || !s->tuner || !s->rec || s->recovering)
        return;
    struct adviser *a = adviser_of(s);
    if (!sweep_open(s)) {
        end_process(a);
        return;
    }
    if (a->given_up)
        return;
    if (a->pid == 0 && s->hub->mono >= a->next_try && wants_candidates(s)) {
        int e = start(s);
        if (e != 0)
            failed(s, strerror(e));
    }
    if (a->pid == 0)
        return;
    if (wants_candidates(s))
        put_request(s);
    send_some(s);
    if (a->pid)
        read_some(s);
    if (a->pid)
        check_time(s);
}

/* ---- trials ---- */

static bool budget_left(const struct tuner *t)
{
    const struct history *h = tuner_history(t);
    return tuner_budget(t) < 0 || h->pending + h->done + h->pruned + h->failed < tuner_budget(t);
}

static int64_t try_candidate(struct sweep *s, const double *dna, const char *said)
{
    char why[160];
    int64_t id = s->state->n_trials;
    char *cause = NULL;
    if (space_check(tuner_space(s->tuner), dna, NULL) != 0 ||
        !steering_allows(tuner_steering(s->tuner), tuner_space(s->tuner), dna) ||
        tuner_adopt(s->tuner, id, dna, "adviser", &cause) != 0) {
        free(cause);
        return -1;
    }
    if (*said)
        snprintf(why, sizeof why, "adviser: %s", said);
    else
        snprintf(why, sizeof why, "proposed by the adviser %s", s->file.adviser.command[0]);
    struct trial_birth b = {.dna = dna, .origin = "adviser", .parent = -1, .propensity = NAN, .why = why};
    trial_create(s, &b);
    return state_trial(s->state, id)->runs[0];
}

int64_t adviser_ask(struct sweep *s)
{
    if (!s->file.adviser.command || !s->tuner || !budget_left(s->tuner))
        return ADVISER_PASS;
    struct adviser *a = adviser_of(s);
    double share = s->file.adviser.share;
    if ((double)a->tried >= share * (double)(s->asks + a->tried + 1))
        return ADVISER_PASS;
    while (a->next < a->queue.n) {
        int k = a->next++;
        int64_t run = try_candidate(s, a->queue.dna[k], a->queue.why[k]);
        if (run < 0)
            continue;
        a->tried++;
        return run;
    }
    bool coming = a->asked_at || (!a->given_up && a->failures == 0 && wants_candidates(s));
    return share >= 1 && coming ? ADVISER_WAIT : ADVISER_PASS;
}

void adviser_free(struct sweep *s)
{
    struct adviser *a = s->adviser;
    if (!a)
        return;
    end_process(a);
    advice_release(&a->queue);
    buf_release(&a->sending);
    buf_release(&a->got);
    free(a);
    s->adviser = NULL;
}
