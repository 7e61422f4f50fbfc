/* recorder: puts a sweep's events on disk without ever making the hub's loop wait for the disk.
 *
 * The loop fills chunks (recorder_put) and hands them over at its flush point; a thread of the recorder's own
 * compresses, writes and syncs them, then says so through an eventfd. Only what recorder_durable() covers may
 * be acknowledged.
 *
 * A full disk: nothing is lost and nothing more is acknowledged; the thread tries again until it works.
 * Events marked urgent (interventions) are written nevertheless, from a reserve that was set aside beside the
 * recording. A failed sync: the file is replaced by a new one with everything in it (rec_rescue) before
 * anything is acknowledged again. */
#ifndef HUB_RECORDER_H
#define HUB_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/recording.h"

struct recorder;

enum recorder_policy {
    RECORDER_ALWAYS,   /* every flush point is synced at once */
    RECORDER_INTERVAL, /* group commit: at most interval_ms or 1 MiB, then fdatasync (the default) */
    RECORDER_NONE /* written every interval_ms, never synced: a power cut may lose what was acknowledged */
};

struct recorder_options {
    enum recorder_policy policy;
    int interval_ms; /* 0: 20 */
    int wake_fd;     /* eventfd that the thread writes to whenever there is something to ask about; -1 none */
};

/* "always", "interval", "interval:MS", "none". False when it is none of these. */
bool recorder_policy_parse(const char *s, struct recorder_options *out);
/* "20 ms", "always", "none": for people. */
const char *recorder_policy_text(const struct recorder_options *o, char *buf, size_t cap);

/* Both take an exclusive lock on the recording first: -1 (NULL) and a cause when another hub writes to it. */
struct recorder *recorder_create(const char *path, const struct rec_header *h,
                                 const struct recorder_options *o, char **cause);
struct recorder *recorder_append(const char *path, const struct recorder_options *o,
                                 struct rec_recovered *found, char **cause);
/* Whether some process holds the recording open for writing. */
bool recorder_locked(const char *path);

/* ---- the loop's side ---- */
/* Sequence number of the event, from 1 (see rec_put); 0 when the payload is too large. */
uint64_t recorder_put(struct recorder *r, enum event_kind kind, int64_t log_time, int64_t time,
                      struct span body);
void recorder_group_begin(struct recorder *r);
void recorder_group_end(struct recorder *r);
/* What was put so far goes to disk at the next flush point, from the reserve if it must. */
void recorder_urgent(struct recorder *r);
/* Before the loop sleeps: hands over what is due. Returns the monotonic time at which to call again,
 * INT64_MAX for never. */
int64_t recorder_flush_point(struct recorder *r, int64_t now);
uint64_t recorder_durable(const struct recorder *r);
uint64_t recorder_seq(const struct recorder *r); /* of the newest event put */
/* True while the disk does not keep up (full, or too much queued): take no more points in. */
bool recorder_congested(const struct recorder *r);
int64_t recorder_bytes(const struct recorder *r);

enum recorder_health { RECORDER_OK, RECORDER_FULL, RECORDER_BROKEN };
/* The newest change of health that was not yet asked about: true, with a sentence to free in *text. */
bool recorder_news(struct recorder *r, enum recorder_health *health, char **text);

/* Writes everything, then summary and footer; with compact, rewrites the file with large chunks. Returns at
 * once; the eventfd fires when recorder_finished() turns true. No more puts. */
void recorder_finish(struct recorder *r, bool compact);
bool recorder_finished(const struct recorder *r);
/* Waits for the thread (finishing the recording first if nobody asked for it) and frees. A disk that stays
 * full for timeout_ms is given up: the recording stays valid, without a footer. The sentence of a failed
 * finish in *cause. */
int recorder_close(struct recorder **r, int timeout_ms, char **cause);

#endif
