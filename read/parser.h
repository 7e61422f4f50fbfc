/* parser: the interface of a format's reader: bytes in, sink calls out; no files, no clock.
 *
 * A format file ends in its `struct read_format`; formats.c lists them. One file on disk is one parser, with its role
 * within the format (the metrics of a run, its parameters) decided by claim(). */
#ifndef READ_PARSER_H
#define READ_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "read/sink.h"

#define READ_RECORD_MAX   (256 << 20) /* bytes of one record of a stream: a length beyond that is damage */
#define READ_DOCUMENT_MAX (512 << 20) /* bytes of a document that is read whole */
#define READ_NAME_MAX     4096        /* bytes of a name: a longer one is cut */

/* Why a file is not read to its end. Offsets count from the start of the file. */
struct read_stop {
    bool stopped;
    bool cut;       /* the end is missing, and may still come; otherwise: damaged */
    int64_t offset; /* of the first byte that was not understood */
    int64_t skipped; /* damaged records that were passed over */
    char why[160];
};
/* Notes it and returns 0, so that feed() can end with it. */
size_t read_stop_at(struct read_stop *st, bool cut, int64_t offset, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

enum read_kind {
    READ_STREAM,   /* grows at its end: feed() gets what is new, and consumes whole records */
    READ_DOCUMENT, /* written again as a whole: feed() gets all of it and says only what is new */
    READ_DATABASE  /* SQLite: feed() gets nothing and opens `path` itself */
};

struct read_open {
    const struct read_sink *sink;
    const char *path; /* for DATABASE, and for names made of it */
    const char *key;  /* the trial, or the run's folder, that claim() found */
    int role;         /* as claim() said */
    int64_t mtime;    /* of the file, ns */
};

/* A file that a format is asked about. */
struct read_probe {
    const char *path; /* as it can be opened */
    const char *rel;  /* beginning with the last part of the folder that was named, or with the folder of the file */
    const char *base; /* its last part */
    const uint8_t *head; /* its first bytes */
    size_t head_n;
    bool named; /* the user named this very file */
};
#define READ_HEAD 4096

#define READ_ORDERS 3

/* What a format says of a file that is its own. */
struct read_claim {
    int role;
    char key[1024];   /* "" when the file holds several trials; may become what goes in front of their keys */
    enum read_kind kind;
    int order; /* files of a lower order are read first: 0..READ_ORDERS-1 */
};

struct read_format {
    const char *name; /* as --from takes it */
    const char *text; /* a sentence without a full stop */
    bool (*claim)(const struct read_probe *p, struct read_claim *c);
    void *(*open)(const struct read_open *o);
    /* `at` is the offset of p[0] in the file. last: nothing comes any more. Returns the bytes consumed. */
    size_t (*feed)(void *self, const uint8_t *p, size_t n, int64_t at, bool last, struct read_stop *st);
    void (*close)(void *self);
};

/* ---- for claim() ---- */
bool probe_named(const struct read_probe *p, const char *base);
bool probe_ends(const struct read_probe *p, const char *suffix);
bool probe_head(const struct read_probe *p, const char *start);      /* the head begins with this */
bool probe_head_has(const struct read_probe *p, const char *inside); /* or has it somewhere */
bool probe_beside(const struct read_probe *p, const char *name); /* `name`, from the file's folder, exists */
/* The folder part of rel, `up` levels higher but never above its first part: a trial's key. */
void probe_folder(const struct read_probe *p, int up, char *out, size_t cap);
/* The last part of a path, and the same without the given ending. */
const char *read_base(const char *path);

#endif
