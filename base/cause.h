/* cause: how the programs pass an error up: a sentence that says what, where and what to do.
 *
 *     if (!f) return cause_set(cause, "%s: %s", path, strerror(errno));
 *
 * `char **cause` may be NULL when the caller does not want the sentence. Only the command layer prints and exits. */
#ifndef BASE_CAUSE_H
#define BASE_CAUSE_H

/* Stores the sentence (replacing and freeing an earlier one) and returns -1. */
int cause_set(char **cause, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for functions that return a pointer. */
void *cause_null(char **cause, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
