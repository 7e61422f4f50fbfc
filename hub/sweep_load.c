#include "hub/sweep_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "hub/sweep_candidates.h"

int sweepfile_load(struct sweepfile *f, const char *path, char **cause)
{
    bool input = !strcmp(path, "-");
    FILE *file = input ? stdin : fopen(path, "re");
    struct buf text = {0};
    size_t n = 1;
    if (!file)
        return cause_set(cause, "%s: %s", path, strerror(errno));
    while (n > 0 && text.len <= SWEEP_FILE_MAX) {
        n = fread(buf_reserve(&text, 1 << 16), 1, 1 << 16, file);
        text.len += n;
    }
    int rc = 0;
    if (ferror(file))
        rc = cause_set(cause, "%s: %s", path, strerror(errno));
    else if (text.len > SWEEP_FILE_MAX)
        rc = cause_set(cause, "%s: larger than %d MiB; this is not a sweep file", path, SWEEP_FILE_MAX >> 20);
    if (!input)
        fclose(file);
    if (rc == 0)
        rc = sweepfile_parse(f, text.data ? (const char *)text.data : "", text.len, path, cause);
    if (rc == 0 && (rc = sweep_candidates_read(f, cause)) < 0)
        sweepfile_release(f);
    buf_release(&text);
    return rc;
}
