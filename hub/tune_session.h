/* tune_session: the JSON lines protocol of `hypertop tune` around one tuner: a line in, a line out. No I/O. */
#ifndef HUB_TUNE_SESSION_H
#define HUB_TUNE_SESSION_H

#include <stddef.h>

#include "base/buf.h"
#include "tune/tuner.h"

struct tune_session;

struct tune_session *tune_session_new(struct tuner *tuner); /* takes the tuner over */
void tune_session_free(struct tune_session *s);
/* Appends the answer to one line (without its newline), newline included, to out. Errors are answers:
 * {"op":"error","message":...}. */
void tune_session_answer(struct tune_session *s, const char *line, size_t n, struct buf *out);

#endif
