/* recorder: see recorder.h. Two threads share a queue of chunks, a few numbers and the health under one mutex; the building
 * side of the rec_writer belongs to the loop, the file side to the thread. Invariant: `durable` only grows, and only
 * after a successful sync (or write, under the policy "none"). */
#include "hub/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define RESERVE_BYTES   (1 << 20)
#define RETRY_NS        (200 * CLOCK_MS)
#define CONGESTED_BYTES (64u << 20) /* handed over, not yet written */
#define TAKE_BYTES      REC_CHUNK_BYTES
#define FORCE_BYTES     (8u << 20) /* hand over even while the thread is busy */

struct queued {
    struct rec_chunk *chunk;
    bool urgent;
    struct queued *next;
};

struct recorder {
    /* loop */
    struct recorder_options o;
    struct rec_writer *w;
    char *path, *reserve_path;
    int64_t oldest; /* monotonic time of the first pending event; 0 none pending */
    bool urgent;    /* something pending is urgent */
    int groups;
    bool finishing;
    /* shared */
    pthread_mutex_t lock;
    pthread_cond_t more; /* the thread's: more work, urgent work, or the end */
    pthread_cond_t ended;
    pthread_t thread;
    struct queued *head, **tail;
    size_t queued_bytes;
    bool busy, finish, compact, compacting, give_up, done;
    bool urgent_waits; /* an urgent chunk stands in the queue or is being written */
    enum recorder_health health;
    bool news;
    char *text;
    int finish_rc;
    char *finish_cause;
    _Atomic uint64_t durable;
    _Atomic int64_t bytes;
    _Atomic bool finished;
    /* thread */
    int lock_fd, reserve_fd;
    off_t reserve, reserve_whole; /* bytes set aside now; what it was when all was well */
};

bool recorder_policy_parse(const char *s, struct recorder_options *out)
{
    int64_t ms;
    if (strcmp(s, "always") == 0) {
        out->policy = RECORDER_ALWAYS;
    } else if (strcmp(s, "none") == 0) {
        out->policy = RECORDER_NONE;
    } else if (strcmp(s, "interval") == 0) {
        out->policy = RECORDER_INTERVAL;
    } else if (text_has_prefix(s, "interval:") && text_int(s + 9, &ms) && ms >= 1 && ms <= 10000) {
        out->policy = RECORDER_INTERVAL;
        out->interval_ms = (int)ms;
    } else {
        return false;
    }
    return true;
}

static int interval_ms(const struct recorder_options *o)
{
    return o->interval_ms > 0 ? o->interval_ms : 20;
}

const char *recorder_policy_text(const struct recorder_options *o, char *buf, size_t cap)
{
    if (o->policy == RECORDER_INTERVAL)
        snprintf(buf, cap, "%d ms", interval_ms(o));
    else
        snprintf(buf, cap, "%s", o->policy == RECORDER_ALWAYS ? "always" : "none");
    return buf;
}

/* ---- the thread ---- */

static void wake_loop(struct recorder *r)
{
    uint64_t one = 1;
    if (r->o.wake_fd >= 0 && write(r->o.wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
        return; /* the loop is gone: nobody to tell */
}

static bool pause_before_retry(struct recorder *r);

/* Takes over *text. */
static void say_health(struct recorder *r, enum recorder_health health, char **text)
{
    pthread_mutex_lock(&r->lock);
    if (r->health != health) {
        r->health = health;
        r->news = true;
        free(r->text);
        r->text = *text;
        *text = NULL;
    }
    pthread_mutex_unlock(&r->lock);
    free(*text);
    *text = NULL;
    wake_loop(r);
}

/* The lock sits on the file itself; a rewrite puts another file in its place, which must be locked anew. */
static void lock_again(struct recorder *r)
{
    int fd = open(r->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    flock(fd, LOCK_EX | LOCK_NB);
    if (r->lock_fd >= 0)
        close(r->lock_fd);
    r->lock_fd = fd;
}

/* Sets space aside for the day the disk is full. Best effort: half of it when there is not enough for all. */
static void fill_reserve(struct recorder *r)
{
    if (r->reserve_fd < 0)
        r->reserve_fd = open(r->reserve_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (r->reserve_fd < 0)
        return;
    for (off_t want = RESERVE_BYTES; want >= RESERVE_BYTES / 8 && r->reserve < want; want /= 2)
        if (posix_fallocate(r->reserve_fd, 0, want) == 0)
            r->reserve = want;
    if (ftruncate(r->reserve_fd, r->reserve) != 0)
        r->reserve = 0;
}

/* The disk is well again when the reserve is whole: then there is room for more than the reserve let through. */
static void check_recovery(struct recorder *r)
{
    fill_reserve(r);
    if (r->reserve < r->reserve_whole)
        return;
    char *text = mem_str("the recording is being written again");
    say_health(r, RECORDER_OK, &text);
}

static bool use_reserve(struct recorder *r, size_t want)
{
    if (r->reserve <= 0)
        return false;
    off_t take = (off_t)(want + 65536);
    r->reserve = take < r->reserve ? r->reserve - take : 0;
    return ftruncate(r->reserve_fd, r->reserve) == 0;
}

/* Sleeps until retry time, or until the loop says something. Returns false when it is to give up. */
static bool pause_before_retry(struct recorder *r)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    int64_t at = ts.tv_sec * CLOCK_S + ts.tv_nsec + RETRY_NS;
    ts.tv_sec = at / CLOCK_S;
    ts.tv_nsec = at % CLOCK_S;
    pthread_mutex_lock(&r->lock);
    if (!r->give_up)
        pthread_cond_timedwait(&r->more, &r->lock, &ts);
    bool go_on = !r->give_up;
    pthread_mutex_unlock(&r->lock);
    return go_on;
}

static bool rescue(struct recorder *r, char **cause)
{
    char *why = *cause;
    *cause = NULL;
    say_health(r, RECORDER_BROKEN, &why);
    for (;;) {
        if (rec_rescue(r->w, cause) == REC_OK) {
            lock_again(r);
            return true;
        }
        free(*cause);
        *cause = NULL;
        if (!pause_before_retry(r))
            return false;
    }
}

static bool urgent_waits(struct recorder *r)
{
    pthread_mutex_lock(&r->lock);
    bool yes = r->urgent_waits;
    pthread_mutex_unlock(&r->lock);
    return yes;
}

/* Writes one chunk, however long it takes. False: gave up. */
static bool write_chunk(struct recorder *r, struct rec_chunk **c)
{
    char *cause = NULL;
    size_t bytes = rec_chunk_bytes(*c);
    for (;;) {
        switch (rec_write_chunk(r->w, c, &cause)) {
        case REC_OK:
            free(cause);
            return true;
        case REC_FULL:
            if (urgent_waits(r) && use_reserve(r, bytes)) {
                free(cause);
                cause = NULL;
                if (rec_write_chunk(r->w, c, &cause) == REC_OK) {
                    free(cause);
                    return true;
                }
            }
            say_health(r, RECORDER_FULL, &cause);
            if (!pause_before_retry(r))
                return false;
            break;
        case REC_DEAD:
            if (!rescue(r, &cause))
                return false;
            break;
        }
    }
}

static bool sync_file(struct recorder *r)
{
    if (r->o.policy == RECORDER_NONE)
        return true;
    char *cause = NULL;
    if (rec_sync(r->w, &cause) == REC_OK)
        return true;
    return rescue(r, &cause); /* a rescue syncs */
}

static void publish(struct recorder *r, size_t written)
{
    atomic_store(&r->durable, rec_durable(r->w));
    atomic_store(&r->bytes, rec_file_bytes(r->w));
    pthread_mutex_lock(&r->lock);
    r->queued_bytes -= written;
    bool was_ill = r->health != RECORDER_OK;
    bool drained = r->head == NULL;
    if (drained)
        r->urgent_waits = false;
    pthread_mutex_unlock(&r->lock);
    if (was_ill && drained)
        check_recovery(r);
    wake_loop(r);
}

/* Writes and syncs a list of chunks as one group. False: gave up. */
static bool write_list(struct recorder *r, struct queued *list)
{
    size_t bytes = 0;
    bool ok = true;
    while (list) {
        struct queued *q = list;
        list = q->next;
        bytes += rec_chunk_bytes(q->chunk);
        ok = ok && write_chunk(r, &q->chunk);
        rec_chunk_free(q->chunk);
        free(q);
    }
    ok = ok && sync_file(r);
    if (ok)
        publish(r, bytes);
    return ok;
}

static void end_file(struct recorder *r, bool ok)
{
    char *cause = NULL;
    int rc = 0;
    if (!ok) {
        cause_set(&cause, "%s: the disk would not take the last events", r->path);
        rc = -1;
        rec_abandon(&r->w);
    } else if (rec_finish(&r->w, &cause) != 0) {
        rc = -1;
    } else if (r->compact) {
        pthread_mutex_lock(&r->lock);
        r->compacting = true;
        pthread_mutex_unlock(&r->lock);
        rc = rec_compact(r->path, &cause);
    }
    struct stat st;
    if (stat(r->path, &st) == 0)
        atomic_store(&r->bytes, st.st_size);
    if (r->reserve_fd >= 0) {
        close(r->reserve_fd);
        unlink(r->reserve_path);
    }
    r->finish_rc = rc;
    r->finish_cause = cause;
}

/* Waits, with the lock held, for a chunk or the end. While the disk is not well it looks after it every now and then. */
static void wait_for_work(struct recorder *r)
{
    while (!r->head && !r->finish && !r->give_up) {
        if (r->health == RECORDER_OK) {
            pthread_cond_wait(&r->more, &r->lock);
            continue;
        }
        pthread_mutex_unlock(&r->lock);
        pause_before_retry(r);
        check_recovery(r);
        pthread_mutex_lock(&r->lock);
    }
}

static void *recorder_thread(void *arg)
{
    struct recorder *r = arg;
    bool ok = true;
    pthread_mutex_lock(&r->lock);
    for (;;) {
        wait_for_work(r);
        struct queued *list = r->head;
        if (!list)
            break;
        r->head = NULL;
        r->tail = &r->head;
        r->busy = true;
        pthread_mutex_unlock(&r->lock);
        ok = write_list(r, list) && ok;
        pthread_mutex_lock(&r->lock);
        r->busy = false;
        if (!ok)
            break;
    }
    pthread_mutex_unlock(&r->lock);
    end_file(r, ok);
    atomic_store(&r->finished, true);
    pthread_mutex_lock(&r->lock);
    r->done = true;
    pthread_cond_signal(&r->ended);
    pthread_mutex_unlock(&r->lock);
    wake_loop(r);
    return NULL;
}

/* ---- making ---- */

static int lock_file(const char *path, char **cause)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cause_set(cause, "%s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return cause_set(cause, "%s: another hub writes to this recording", path);
    }
    return fd;
}

bool recorder_locked(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return locked;
}

static int start_thread(struct recorder *r, char **cause)
{
    pthread_condattr_t mono;
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->more, &mono);
    pthread_cond_init(&r->ended, &mono);
    pthread_condattr_destroy(&mono);
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&r->thread, NULL, recorder_thread, r);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc == 0 ? 0 : cause_set(cause, "cannot start the recorder's thread: %s", strerror(rc));
}

static struct recorder *recorder_new(const char *path, const struct recorder_options *o)
{
    struct recorder *r = MEM_NEW(struct recorder);
    struct buf b = {0};
    buf_printf(&b, "%s.reserve", path);
    r->o = *o;
    r->path = mem_str(path);
    r->reserve_path = buf_take(&b);
    r->tail = &r->head;
    r->lock_fd = r->reserve_fd = -1;
    return r;
}

static void recorder_drop(struct recorder *r)
{
    if (r->w)
        rec_abandon(&r->w);
    if (r->lock_fd >= 0)
        close(r->lock_fd);
    free(r->path);
    free(r->reserve_path);
    free(r->text);
    free(r->finish_cause);
    free(r);
}

static struct recorder *recorder_begin(struct recorder *r, char **cause)
{
    atomic_store(&r->durable, rec_durable(r->w));
    atomic_store(&r->bytes, rec_file_bytes(r->w));
    fill_reserve(r);
    r->reserve_whole = r->reserve;
    if (start_thread(r, cause) == 0)
        return r;
    recorder_drop(r);
    return NULL;
}

struct recorder *recorder_create(const char *path, const struct rec_header *h, const struct recorder_options *o,
                                 char **cause)
{
    struct recorder *r = recorder_new(path, o);
    struct rec_header mine = *h;
    mine.unsynced = o->policy == RECORDER_NONE;
    r->w = rec_create(path, &mine, cause);
    if (!r->w || (r->lock_fd = lock_file(path, cause)) < 0) {
        recorder_drop(r);
        return NULL;
    }
    return recorder_begin(r, cause);
}

struct recorder *recorder_append(const char *path, const struct recorder_options *o, struct rec_recovered *found,
                                 char **cause)
{
    struct recorder *r = recorder_new(path, o);
    r->lock_fd = lock_file(path, cause);
    if (r->lock_fd >= 0)
        r->w = rec_append_open(path, o->policy == RECORDER_NONE, found, cause);
    if (!r->w) {
        recorder_drop(r);
        return NULL;
    }
    lock_again(r); /* opening may have rewritten a damaged file */
    return recorder_begin(r, cause);
}

/* ---- the loop's side ---- */

static void hand_over(struct recorder *r)
{
    struct rec_chunk *c = rec_take_chunk(r->w);
    if (!c)
        return;
    struct queued *q = MEM_NEW(struct queued);
    q->chunk = c;
    q->urgent = r->urgent;
    pthread_mutex_lock(&r->lock);
    *r->tail = q;
    r->tail = &q->next;
    r->queued_bytes += rec_chunk_bytes(c);
    if (q->urgent)
        r->urgent_waits = true;
    pthread_cond_signal(&r->more);
    pthread_mutex_unlock(&r->lock);
    r->oldest = 0;
    r->urgent = false;
}

uint64_t recorder_put(struct recorder *r, enum event_kind kind, int64_t log_time, int64_t time, struct span body)
{
    if (r->groups == 0 && rec_pending(r->w) >= FORCE_BYTES)
        hand_over(r);
    uint64_t seq = rec_put(r->w, kind, log_time, time, body);
    if (seq && r->oldest == 0)
        r->oldest = clock_mono_ns();
    return seq;
}

void recorder_group_begin(struct recorder *r)
{
    if (r->groups == 0 && rec_pending(r->w) >= FORCE_BYTES)
        hand_over(r);
    r->groups++;
    rec_group_begin(r->w);
}

void recorder_group_end(struct recorder *r)
{
    r->groups--;
    rec_group_end(r->w);
}

void recorder_urgent(struct recorder *r)
{
    r->urgent = true;
}

int64_t recorder_flush_point(struct recorder *r, int64_t now)
{
    size_t pending = rec_pending(r->w);
    if (pending == 0 || r->finishing)
        return INT64_MAX;
    pthread_mutex_lock(&r->lock);
    bool idle = !r->busy && !r->head;
    pthread_mutex_unlock(&r->lock);
    int64_t due = r->oldest + interval_ms(&r->o) * CLOCK_MS;
    bool now_due = r->urgent || r->o.policy == RECORDER_ALWAYS || pending >= TAKE_BYTES || now >= due;
    if (r->urgent || pending >= FORCE_BYTES || (now_due && idle)) {
        hand_over(r);
        return INT64_MAX;
    }
    return now_due ? INT64_MAX : due; /* due but busy: the thread's eventfd brings us back */
}

uint64_t recorder_durable(const struct recorder *r)
{
    return atomic_load(&r->durable);
}

uint64_t recorder_seq(const struct recorder *r)
{
    return rec_seq(r->w);
}

int64_t recorder_bytes(const struct recorder *r)
{
    return atomic_load(&r->bytes);
}

bool recorder_congested(const struct recorder *r)
{
    struct recorder *m = (struct recorder *)r; /* the mutex is not part of what the caller sees as state */
    pthread_mutex_lock(&m->lock);
    bool yes = r->health != RECORDER_OK || r->queued_bytes > CONGESTED_BYTES;
    pthread_mutex_unlock(&m->lock);
    return yes;
}

bool recorder_news(struct recorder *r, enum recorder_health *health, char **text)
{
    pthread_mutex_lock(&r->lock);
    bool yes = r->news;
    if (yes) {
        *health = r->health;
        *text = r->text;
        r->text = NULL;
        r->news = false;
    }
    pthread_mutex_unlock(&r->lock);
    return yes;
}

void recorder_finish(struct recorder *r, bool compact)
{
    if (r->finishing)
        return;
    r->urgent = true;
    hand_over(r);
    r->finishing = true;
    pthread_mutex_lock(&r->lock);
    r->finish = true;
    r->compact = compact;
    pthread_cond_signal(&r->more);
    pthread_mutex_unlock(&r->lock);
}

bool recorder_finished(const struct recorder *r)
{
    return atomic_load(&r->finished);
}

int recorder_close(struct recorder **rp, int timeout_ms, char **cause)
{
    struct recorder *r = *rp;
    *rp = NULL;
    if (!r)
        return 0;
    recorder_finish(r, false);
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    int64_t at = ts.tv_sec * CLOCK_S + ts.tv_nsec + timeout_ms * CLOCK_MS;
    ts.tv_sec = at / CLOCK_S;
    ts.tv_nsec = at % CLOCK_S;
    pthread_mutex_lock(&r->lock);
    while (!r->done)
        if (pthread_cond_timedwait(&r->ended, &r->lock, &ts) == ETIMEDOUT) {
            r->give_up = true;
            pthread_cond_signal(&r->more);
            break;
        }
    bool leave = !r->done && r->compacting;
    pthread_mutex_unlock(&r->lock);
    if (leave) { /* a rewrite may be interrupted anywhere and the program is about to end: not worth waiting for */
        pthread_detach(r->thread);
        return 0;
    }
    pthread_join(r->thread, NULL);
    int rc = r->finish_rc;
    if (rc != 0)
        cause_set(cause, "%s", r->finish_cause ? r->finish_cause : "the recording could not be finished");
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->more);
    pthread_cond_destroy(&r->ended);
    recorder_drop(r);
    return rc;
}
