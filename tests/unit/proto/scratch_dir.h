/* A directory of its own for a test, and its removal with everything in it. */
#ifndef TESTS_SCRATCH_DIR_H
#define TESTS_SCRATCH_DIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static char dir[64];

static int scratch_make(void)
{
    snprintf(dir, sizeof dir, "/tmp/ht-test-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static int scratch_remove(void)
{
    return nftw(dir, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
