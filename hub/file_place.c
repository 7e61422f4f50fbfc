/* file_place: a file system that cannot refuse to replace does as it can: its caller has looked a moment ago. */
#include "hub/file_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

int file_place(const char *from, const char *to, bool replace)
{
    if (replace)
        return rename(from, to);
    int rc = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
    return rc != 0 && (errno == EINVAL || errno == ENOSYS) ? rename(from, to) : rc;
}
