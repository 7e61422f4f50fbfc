/* recording: a sweep's log on disk: events in an MCAP file (mcap_write.h, mcap_read.h), one channel a kind.
 *
 * Header profile "hypertop", library "hypertop VERSION". Metadata record "hypertop" {sweep, version,
 * created}; the sweep file is the attachment "sweep.yaml", the environment is the attachment
 * "environment.json". Events are in chunks only; every chunk carries the channel records of the kinds in it,
 * so that it can be read when all others are damaged.
 *
 * What a writer promises: the file grows by whole records only; what rec_sync returned as durable survives
 * kill -9 and power loss; a recording cut off anywhere loads to its last whole chunk and can be appended to
 * again. Neither side needs memory that grows with the file. */
#ifndef PROTO_RECORDING_H
#define PROTO_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/event.h"

/* ---- writing ----
 *
 * A writer has two sides that share nothing, so that a loop can fill one chunk while a thread writes another:
 *
 *   building side (one thread, e.g. the hub's loop):
 *       rec_put, rec_group_*, rec_pending, rec_seq, rec_take_chunk
 *   file side (one thread at a time):
 *       rec_write_chunk, rec_sync, rec_rescue, rec_finish, rec_abandon
 *
 * Without a thread call them all from one place:
 *
 *     struct rec_chunk *c = rec_take_chunk(w);
 *     if (c && rec_write_chunk(w, &c, &cause) == REC_OK && rec_sync(w, &cause) == REC_OK)
 *         acknowledge everything up to rec_durable(w);
 *
 * Chunks must be written in the order in which they were taken. rec_finish and rec_abandon end both sides. */
struct rec_writer;
struct rec_chunk; /* events on their way to the file; belongs to whoever took it until rec_write_chunk takes
                     it over */

enum rec_status {
    REC_OK,
    REC_FULL, /* no space (or a short write): the file was cut back to its last whole record, nothing is lost,
                 try again later */
    REC_DEAD  /* the file cannot be trusted any more (an error on write or sync): nothing may be acknowledged
                 before rec_rescue */
};

#define REC_CHUNK_BYTES (1 << 20)  /* take a chunk when this much is pending */
#define REC_CHUNK_MAX   (64 << 20) /* a chunk never holds more than this before compression */
#define REC_EVENT_MAX   (16 << 20) /* bytes of one event's payload */

struct rec_header {
    const char *sweep; /* name of the sweep */
    const void *yaml;  /* the sweep file as submitted; NULL when there is none */
    size_t yaml_n;
    const void *environment; /* JSON text; NULL when there is none */
    size_t environment_n;
    int64_t created; /* ns since 1970 */
    bool unsynced; /* policy "none": written chunks are not kept for a rescue, and count as durable at once */
    int level;     /* zstd level, 0 for the default (1) */
};

/* Creates PATH (which must not exist) with header, metadata and attachments, as PATH.new first, syncs it and
 * its directory.
 * Everything in h is copied. NULL and a cause. */
struct rec_writer *rec_create(const char *path, const struct rec_header *h, char **cause);

/* What was found when a recording was opened again for appending. */
struct rec_recovered {
    uint64_t events;      /* in the file now, merged ones counted once */
    uint64_t seq;         /* of the last one: the next rec_put returns seq + 1 */
    int64_t last_time;    /* log time of the last one; later events never get an earlier one */
    int64_t truncated_at; /* the torn tail was cut off here; -1 when there was none (a summary that was
                             removed is no damage) */
    int64_t truncated_bytes;
    int chunks_skipped; /* damaged in the middle, as far as that was seen */
    char *damaged_copy; /* the file as it was, kept beside a clean rewrite, when chunks_skipped > 0 or bytes
                           in the middle made no sense; NULL otherwise; malloc'ed, the caller's */
};

/* Opens PATH for appending after a crash or a finish: cuts off a torn tail or the old summary, goes on
 * where it stopped. The last 16 MiB are verified, of a longer file that was not finished only the heads of
 * what is before: damage inside of older chunks is for those to find who read them (rec_damage, fsck).
 * `out` may be NULL. `unsynced` as in rec_header. NULL and a cause. */
struct rec_writer *rec_append_open(const char *path, bool unsynced, struct rec_recovered *out, char **cause);

/* Adds one event to the pending chunk; body is one MessagePack map and is copied. log_time is raised to that
 * of the event before it when it is earlier. Returns the event's sequence number (from 1, one more with each
 * event), 0 when the payload is larger than REC_EVENT_MAX, the pending chunk would pass REC_CHUNK_MAX (take
 * it first), or kind is no event kind. */
uint64_t rec_put(struct rec_writer *w, enum event_kind kind, int64_t log_time, int64_t time,
                 struct span body);
/* Everything between begin and end lands in one chunk, hence is durable together or not at all. They nest. */
void rec_group_begin(struct rec_writer *w);
void rec_group_end(struct rec_writer *w);
size_t rec_pending(const struct rec_writer *w); /* bytes before compression; 0 when no event is pending */
uint64_t rec_seq(const struct rec_writer *w);   /* of the newest event put */

/* Detaches what is pending; NULL when nothing is, or a group is open. */
struct rec_chunk *rec_take_chunk(struct rec_writer *w);
uint64_t rec_chunk_seq(const struct rec_chunk *c); /* of its last event */
size_t rec_chunk_bytes(const struct rec_chunk *c); /* before compression, for back-pressure accounting */
void rec_chunk_free(struct rec_chunk *c);          /* for a chunk that will never be written; NULL is fine */

/* Compresses and appends the chunk with its indexes in one write. On REC_OK the writer owns it (*c is NULL);
 * otherwise *c is untouched, for a retry. Never blocks on anything but the disk. */
enum rec_status rec_write_chunk(struct rec_writer *w, struct rec_chunk **c, char **cause);
/* fdatasync. On REC_OK everything written so far is durable. An error is never retried on the same file: the
 * kernel may have dropped the pages (REC_DEAD from here on). */
enum rec_status rec_sync(struct rec_writer *w, char **cause);
/* Sequence number up to which events are on disk, and the size of the file. Any thread may ask. */
uint64_t rec_durable(const struct rec_writer *w);
int64_t rec_file_bytes(const struct rec_writer *w);
/* After REC_DEAD: copies what was durable into a new file, writes what was not from memory, syncs, and puts
 * the new file in the old one's place. REC_OK: the writer works again and everything written is durable.
 * Otherwise it may be called again. */
enum rec_status rec_rescue(struct rec_writer *w, char **cause);

/* Writes what is pending, then summary and footer, syncs, closes and frees (also on failure: then the file
 * stays a valid unfinished recording). Reads the heads of all chunks for it, and, of a file that was opened
 * again without its summary, every byte once for the CRC. 0, or -1 and a cause. */
int rec_finish(struct rec_writer **w, char **cause);
/* Closes and frees; what is pending is dropped, the file stays as it is. */
void rec_abandon(struct rec_writer **w);

/* Rewrites a finished recording with large chunks (a slow sweep made one small chunk per commit) and merges
 * small batches of points (recording_merged.h): PATH.tmp, fsync, rename, fsync of the directory. rec_next
 * gives the same events, times and payloads as before, in the same order; metadata and attachments stay the
 * same. Interrupted at any point it leaves the old file or the new one. A damaged recording is left alone
 * (-1 and a cause). */
int rec_compact(const char *path, char **cause);

/* Writes everything readable of PATH into OUT (which must not exist) as a finished recording. Returns the
 * number of messages, or -1 and a cause. Works for any MCAP file. */
int64_t rec_repair(const char *path, const char *out, char **cause);

/* ---- reading ---- */
struct recording_reader;

/* Opens a recording (also one that is being written, cut off, or damaged: see rec_damage). NULL and a cause
 * when it is not an MCAP file at all or has no hypertop events. Streams in file order; memory is bounded by
 * the largest chunk. */
struct recording_reader *rec_open(const char *path, char **cause);
/* Next event in log order; 1 got one (ev borrows until the next call), 0 end of what is there (a follower may
 * call again later), -1 error (cause). Damaged chunks are skipped and counted. */
int rec_next(struct recording_reader *r, struct event *ev, char **cause);
/* Positions so that the next event is the first with log_time >= t (t <= 0: the first), through the chunk
 * index, or, in a file that has none yet, through the heads of its chunks. 0, or -1 and a cause. */
int rec_seek(struct recording_reader *r, int64_t t, char **cause);
struct rec_damage {
    int chunks_skipped;
    int64_t truncated_at;   /* offset of the first byte that belongs to no whole record; -1 when the file ends
                               well */
    int64_t bytes_lost;     /* in damaged stretches and behind truncated_at */
    int64_t events_skipped; /* whose payload was no valid map */
};
void rec_damage(const struct recording_reader *r, struct rec_damage *out);
void rec_close(struct recording_reader *r);
/* An attachment's bytes, malloc'ed, a NUL behind them; NULL when there is none of that name. */
uint8_t *rec_attachment(const char *path, const char *name, size_t *n);

#endif
