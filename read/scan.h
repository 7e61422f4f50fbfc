/* scan: which files below a path belong to which format. */
#ifndef READ_SCAN_H
#define READ_SCAN_H

#include "read/parser.h"

#define SCAN_DEPTH 32

struct read_file {
    char *path;
    const struct read_format *format;
    struct read_claim claim;
};

struct read_files {
    struct read_file *v;
    int n;
    long looked; /* files that were looked at */
};

/* Adds every file at or below `path` that a format claims, sorted by name; `from` (NULL: any) names the only format to
 * ask. Links inside a folder are not followed. known() (may be NULL) says which paths need not be looked at again.
 * 0, or -1 and a cause: the path itself cannot be read. */
int read_scan(struct read_files *list, const char *path, const char *from, bool (*known)(void *ctx, const char *path),
              void *ctx, char **cause);
/* A folder may hold the traces of several tools of the same runs. Keeps the files of the most telling one (as --from
 * names it), in the order in which they should be read; appends the names of the others to `others`. */
void read_scan_choose(struct read_files *list, struct buf *others);
void read_files_release(struct read_files *list);

#endif
