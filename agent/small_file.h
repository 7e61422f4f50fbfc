/* small_file: one value out of a file of /proc or /sys. */
#ifndef AGENT_SMALL_FILE_H
#define AGENT_SMALL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole text, cut at cap-1, NUL-terminated, blanks and newline at its end removed. False: it cannot be read. */
bool small_file_text(const char *path, char *out, size_t cap);
bool small_file_uint(const char *path, uint64_t *out);
double small_file_number(const char *path); /* NaN: it cannot be read, or is none */

#endif
