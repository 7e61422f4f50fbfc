/* spill: the batches of one run that the hub has not acknowledged, in order. They wait in memory while the
 * hub keeps up, and in a file while it is away or slow; the file is also what is left behind when the
 * relay ends before the hub comes back.
 *
 * File: a head of 4096 bytes (struct spill_head), then frames: struct spill_frame and the batch's events
 * as MessagePack. A frame carries a CRC-32; a torn tail is cut off when the file is read. While a process
 * has the file open it holds a flock on it: a file that can be locked is an orphan, to be delivered by
 * whoever finds it.
 *
 * Bounded: past SPILL_LIVE bytes the oldest plain batch is dropped and its points are counted; a batch
 * that is kept (reports, answers, declarations, final states) goes only when kept ones alone fill twice
 * that. Single-threaded. */
#ifndef AGENT_SPILL_H
#define AGENT_SPILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SPILL_LIVE   (48 << 20) /* bytes waiting */
#define SPILL_FILE   (64 << 20) /* size at which the file is rewritten without what is delivered or dropped */
#define SPILL_MEMORY (16 << 20) /* bytes kept in memory before the file is used though the hub is there */

struct spill_identity {
    int64_t run, epoch, trial; /* run -1: the hub has not given a number yet */
    int64_t leased;            /* 1: a hub leased the run to a worker; 0: the program reported by itself */
    int64_t pid;               /* of the training process, for the hub to show */
    char program[64];
    char hub[256];
};

struct batch {
    uint64_t seq;
    uint32_t events; /* MessagePack values in data */
    uint32_t points; /* plain points and pulls in it */
    bool plain;      /* may be dropped when there is too much */
    const uint8_t *data;
    uint32_t len;
};

struct spill {
    struct spill_identity id;
    char *path; /* the file, which may not exist */
    int fd;     /* -1: it does not */
    int64_t end;
    struct spill_entry *entries; /* head..n */
    size_t head, n, cap;
    size_t live, memory; /* bytes waiting; bytes of these in memory */
    uint64_t dropped;    /* points */
    bool failed;         /* the disk refused: memory has to do until it is acknowledged away */
    struct buf frame;
};

void spill_init(struct spill *s, const char *path, const struct spill_identity *id);
/* Takes over what an earlier process left in the file. 1 there was one (its identity is now s->id), 0
 * none, -1 cause (also: in use). */
int spill_adopt(struct spill *s, char **cause);
/* Appends a batch (copied). seq must grow. to_file: do not keep it in memory. */
void spill_put(struct spill *s, const struct batch *b, bool to_file);
/* The first batch after seq; *b borrows until the next call. False: none. */
bool spill_next(struct spill *s, uint64_t seq, struct batch *b);
void spill_ack(struct spill *s, uint64_t seq); /* forgets everything up to seq; an empty file is removed */
bool spill_empty(const struct spill *s);
uint64_t spill_last(const struct spill *s); /* highest seq waiting, 0 none */
void spill_identify(struct spill *s, const struct spill_identity *id);
/* Moves all of it to the file and syncs. 0, or -1 and a cause: the disk refused. */
int spill_store(struct spill *s, char **cause);
/* Points dropped since the last call. */
uint64_t spill_take_dropped(struct spill *s);
void spill_discard(struct spill *s); /* the hub does not want it: removes the file */
void spill_release(struct spill *s); /* closes, keeps the file */

#endif
