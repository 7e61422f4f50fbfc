/* recorder: see recorder.h. The loop's side: fills chunks and hands them to the thread (recorder_thread.c)
 * through a queue. The building side of the rec_writer belongs to the loop, the file side to the thread. */
#include "hub/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "hub/recorder_parts.h"

#define CONGESTED_BYTES (64u << 20) /* handed over, not yet written */
#define TAKE_BYTES      REC_CHUNK_BYTES
#define FORCE_BYTES     (8u << 20) /* hand over even while the thread is busy */

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
    recorder_fill_reserve(r);
    r->reserve_whole = r->reserve;
    if (start_thread(r, cause) == 0)
        return r;
    recorder_drop(r);
    return NULL;
}

struct recorder *recorder_create(const char *path, const struct rec_header *h,
                                 const struct recorder_options *o, char **cause)
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

struct recorder *recorder_append(const char *path, const struct recorder_options *o,
                                 struct rec_recovered *found, char **cause)
{
    struct recorder *r = recorder_new(path, o);
    r->lock_fd = lock_file(path, cause);
    if (r->lock_fd >= 0)
        r->w = rec_append_open(path, o->policy == RECORDER_NONE, found, cause);
    if (!r->w) {
        recorder_drop(r);
        return NULL;
    }
    recorder_lock_again(r); /* opening may have rewritten a damaged file */
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

uint64_t recorder_put(struct recorder *r, enum event_kind kind, int64_t log_time, int64_t time,
                      struct span body)
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
    if (leave) { /* a rewrite may be interrupted anywhere and the program is about to end: not worth waiting
                    for */
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
