/* tree: a directory of a test's own goes with everything in it. */
#ifndef TESTS_AGENT_TREE_H
#define TESTS_AGENT_TREE_H

#include <errno.h>
#include <ftw.h>
#include <stdio.h>

static int tree_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

/* 0; -1 when something in it cannot be removed. A path that is not there is fine. */
static int tree_remove(const char *path)
{
    return nftw(path, tree_entry, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT ? 0 : -1;
}

#endif
