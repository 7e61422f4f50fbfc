/* file_place: a file that was written under another name takes its own. */
#ifndef HUB_FILE_PLACE_H
#define HUB_FILE_PLACE_H

#include <stdbool.h>

/* Renames; without `replace` only if nothing has the name `to` by then (EEXIST). 0, or -1 and errno. */
int file_place(const char *from, const char *to, bool replace);

#endif
