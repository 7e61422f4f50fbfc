/* recorder_parts: what the two threads of a recorder share; nobody else sees it. Everything under "shared" is
 * guarded by the lock, but for the atomics. */
#ifndef HUB_RECORDER_PARTS_H
#define HUB_RECORDER_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "hub/recorder.h"

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

void *recorder_thread(void *arg); /* arg: struct recorder */
/* Sets space aside for the day the disk is full. */
void recorder_fill_reserve(struct recorder *r);
/* Locks the file that is at the path now: a rewrite puts another file in its place. */
void recorder_lock_again(struct recorder *r);

#endif
