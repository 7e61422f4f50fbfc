/* recorder_thread: the file side of a recorder: writes, syncs, waits out a full disk, replaces a file that
 * cannot be trusted any more, finishes. Invariant: `durable` only grows, and only after a successful sync (or
 * write, under the policy "none"). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cause.h"
#include "base/clock.h"
#include "base/mem.h"
#include "hub/recorder_parts.h"

#define RESERVE_BYTES (1 << 20)
#define RETRY_NS      (200 * CLOCK_MS)

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
void recorder_lock_again(struct recorder *r)
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
void recorder_fill_reserve(struct recorder *r)
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

/* The disk is well again when the reserve is whole: then there is room for more than the reserve let through.
 */
static void check_recovery(struct recorder *r)
{
    recorder_fill_reserve(r);
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
            recorder_lock_again(r);
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

/* Waits, with the lock held, for a chunk or the end. While the disk is not well it looks after it every now
 * and then. */
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

void *recorder_thread(void *arg)
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
