/* follow: reads one claimed file into a sink, once or again and again while it is being written. Never writes to it,
 * never locks it (SQLite: see sqlite_file.h). */
#ifndef READ_FOLLOW_H
#define READ_FOLLOW_H

#include "read/scan.h"

#define FOLLOW_TURN (4 << 20) /* bytes of a stream that one turn reads */

struct read_follow;

/* NULL and a cause: the file cannot be opened. */
struct read_follow *read_follow_open(const struct read_file *f, const struct read_sink *sink, char **cause);
/* Reads what is new, at most FOLLOW_TURN of a stream. last: nothing comes any more, so what has begun will not end.
 * 1: there was something, call again; 0: nothing new; -1: it cannot be read (any more): cause. */
int read_follow_turn(struct read_follow *fl, bool last, char **cause);
/* Whether and where the file stopped making sense. */
const struct read_stop *read_follow_stop(const struct read_follow *fl);
const char *read_follow_path(const struct read_follow *fl);
int64_t read_follow_mtime(const struct read_follow *fl);
int64_t read_follow_read(const struct read_follow *fl); /* bytes understood so far */
void read_follow_close(struct read_follow *fl);

#endif
