/* feed: a sweep as lines of text: what happened, one event a line, safe for any terminal. For `run --headless` and --plain.
 *
 * Asks the hub only when its summary moved, so a quiet sweep costs nothing. Lines come from inside feed_pump. */
#ifndef TUI_FEED_H
#define TUI_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "tui/client.h"

enum feed_kind { FEED_STARTED, FEED_ENDED, FEED_FAILED, FEED_STATE, FEED_BEST, FEED_INTERVENTION, FEED_SWEEP, FEED_LINK, FEED_WARNING };

/* "14:21:07 t17 val_loss 0.0812 new best", without a newline. */
typedef void feed_line(void *arg, enum feed_kind kind, const char *line);

struct feed;

/* sweep: name, NULL or "": the newest. quiet: what is already so when the first answer comes is not told as news. */
struct feed *feed_open(struct client *c, const char *sweep, bool quiet, feed_line *line, void *arg);
void feed_close(struct feed *f);
/* After every client_pump: tells what is new. */
void feed_pump(struct feed *f);

/* The sweep's header as the hub last said it. */
struct feed_summary {
    bool loaded;            /* the first picture is complete */
    const char *error;      /* the hub's sentence when it knows no such sweep */
    char sweep[128], state[16], metric[64], best[32], recording[512]; /* raw bytes: through say_puts on the way out */
    int64_t best_trial;     /* -1: none yet */
    int64_t trials, budget; /* budget -1: none */
    int64_t waiting, running, paused, lost, done, pruned, stopped, failed, killed, withdrawn;
    bool over;              /* done or failed */
    struct span best_params; /* borrowed until the client is pumped */
};
void feed_summary(const struct feed *f, struct feed_summary *out);
/* "26 done, 8 running, 166 waiting, best 0.0812 t17" */
void feed_status(const struct feed *f, struct buf *out);

#endif
