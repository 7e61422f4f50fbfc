/* sweep_load: a sweep file from disk. */
#ifndef HUB_SWEEP_LOAD_H
#define HUB_SWEEP_LOAD_H

#include "hub/sweepfile.h"

#define SWEEP_FILE_MAX (4 << 20) /* bytes */

/* Like sweepfile_parse; also -1 and a cause when the file cannot be read. "-" is standard input. */
int sweepfile_load(struct sweepfile *f, const char *path, char **cause);

#endif
