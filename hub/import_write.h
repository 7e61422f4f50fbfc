/* import_write: a settled import_model as a recording like any other. */
#ifndef HUB_IMPORT_WRITE_H
#define HUB_IMPORT_WRITE_H

#include "hub/import_model.h"

struct import_source {
    const char *name;   /* of the sweep */
    const char *path;   /* what was imported */
    const char *format; /* as --from names it */
};

/* Writes the recording to `path`, which must not exist. 0, or -1 and a cause (the file is then gone again). */
int import_write(const struct import_model *m, const struct import_source *from, const char *path, char **cause);

#endif
