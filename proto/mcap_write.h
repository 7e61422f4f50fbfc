/* mcap_write: the file side of writing MCAP: appending whole records, syncing, finishing.
 *
 * The one invariant: bytes 0..offset of the file are the magic and whole records, whatever fails. A write
 * that does not get through is cut off again; a failed sync (or an I/O error on write) makes the writer dead
 * for good, because the kernel may have thrown away what it could not write and would report success the next
 * time. The file is locked (F_OFD_SETLK) while it is open, so that two hubs cannot append to one recording.
 * One thread at a time. */
#ifndef PROTO_MCAP_WRITE_H
#define PROTO_MCAP_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/mcap_chunk.h"
#include "proto/mcap_index.h"
#include "proto/mcap_records.h"

enum mcap_status {
    MCAP_OK,
    MCAP_FULL, /* no space: nothing of this call is in the file; it may be tried again */
    MCAP_DEAD  /* this file takes nothing more */
};

struct mcap_writer {
    int fd;
    char *path;
    uint64_t offset; /* end of the last whole record: the next one goes here */
    uint64_t synced; /* what is on disk for sure */
    uint64_t crc_from;
    uint32_t crc; /* of bytes crc_from..offset, for DataEnd */
    uint32_t synced_crc;
    bool dead;
    struct mcap_index index;
};

/* Creates the file (mode 0600, must not exist) with magic and header, in memory: sync it with mcap_sync and
 * the directory with mcap_sync_directory. NULL and a cause. */
struct mcap_writer *mcap_create(const char *path, const char *profile, const char *library, char **cause);
struct mcap_place {
    uint64_t offset;   /* end of what is there */
    uint64_t crc_from; /* what is before this need not be known now: mcap_finish reads it */
    uint32_t crc;      /* of bytes crc_from..offset */
};

/* Goes on at a place of an existing file that is open and locked as fd (which it takes over), cutting off
 * what is behind; index describes what is before and is moved out of *index, its chunks only counted. NULL
 * and a cause: then fd is closed. */
struct mcap_writer *mcap_resume(int fd, const char *path, const struct mcap_place *place,
                                struct mcap_index *index, char **cause);
/* Opens an existing file for mcap_resume: read-write and locked. -1 and a cause. */
int mcap_open_locked(const char *path, char **cause);

/* Gives the file the name `path`, which must not exist. MCAP_OK, or a cause: then it keeps its name. */
enum mcap_status mcap_rename(struct mcap_writer *w, const char *path, char **cause);

/* Each appends one record (for a chunk: with its message indexes) and indexes it. The cause is set unless
 * MCAP_OK. */
enum mcap_status mcap_write_metadata(struct mcap_writer *w, const struct mcap_metadata *m, char **cause);
enum mcap_status mcap_write_attachment(struct mcap_writer *w, const struct mcap_attachment *a, char **cause);
enum mcap_status mcap_write_encoded(struct mcap_writer *w, const struct buf *encoded,
                                    char **cause); /* from mcap_encode */
/* Already encoded records that the index need not know. */
enum mcap_status mcap_write_raw(struct mcap_writer *w, const void *p, size_t n, char **cause);

enum mcap_status mcap_sync(struct mcap_writer *w, char **cause);
/* Revives a dead writer in a new file PATH.rescue that takes the place of PATH: bytes 0..synced are copied
 * (and checked), what was written after them comes from memory as `tail`, in order. Not MCAP_OK: nothing
 * changed, it may be called again. */
enum mcap_status mcap_rescue(struct mcap_writer *w, const struct buf *const *tail, size_t n, char **cause);
/* Writes DataEnd, summary, footer and magic, and syncs. The chunk index is made by walking over the heads
 * of the file, piece by piece: memory does not grow with the file. After MCAP_FULL the file stays valid
 * without all of these; a file whose chunks are no longer where they were written is MCAP_DEAD. */
enum mcap_status mcap_finish(struct mcap_writer *w, char **cause);
/* Closes and frees, writes nothing. */
void mcap_close_writer(struct mcap_writer **w);

/* Makes a created or renamed file survive a power loss. 0, or -1 and a cause. */
int mcap_sync_directory(const char *path_of_file, char **cause);

/* The system calls that can fail, so that tests can make them. Set before any thread writes. */
struct mcap_sys {
    ssize_t (*pwrite)(int fd, const void *p, size_t n, off_t at);
    int (*fdatasync)(int fd);
    int (*ftruncate)(int fd, off_t n);
    int (*rename)(const char *from, const char *to);
};
extern struct mcap_sys mcap_sys;

#endif
