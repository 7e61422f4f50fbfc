/* story: a sweep as lines of text: what happened, one event a line, safe for any terminal. For `run
 * --headless` and --plain.
 *
 * Asks the hub only when its summary moved, so a quiet sweep costs nothing. Lines come from inside
 * story_pump. */
#ifndef TUI_STORY_H
#define TUI_STORY_H

#include <stdbool.h>
#include <stdint.h>

#include "tui/client.h"

enum story_kind {
    STORY_STARTED,
    STORY_ENDED,
    STORY_FAILED,
    STORY_STATE,
    STORY_BEST,
    STORY_INTERVENTION,
    STORY_SWEEP,
    STORY_LINK,
    STORY_WARNING
};

/* "14:21:07 t17 val_loss 0.0812 new best", without a newline. */
typedef void story_line(void *arg, enum story_kind kind, const char *line);

struct story;

/* sweep: name, NULL or "": the newest. quiet: what is already so when the first answer comes is not told as
 * news. */
struct story *story_open(struct client *c, const char *sweep, bool quiet, story_line *line, void *arg);
void story_close(struct story *f);
/* After every client_pump: tells what is new. */
void story_pump(struct story *f);

/* The caller has told this intervention's state himself: it is not told again. */
void story_told(struct story *f, int64_t intervention, struct span state);

/* The sweep's header as the hub last said it. */
struct story_summary {
    bool loaded;       /* the first picture is complete */
    const char *error; /* the hub's sentence when it knows no such sweep */
    char sweep[128], state[16], metric[64], best[32],
        recording[512];     /* raw bytes: through say_puts on the way out */
    int64_t best_trial;     /* -1: none yet */
    int64_t trials, budget; /* budget -1: none */
    int64_t waiting, running, paused, lost, done, pruned, stopped, failed, killed, withdrawn;
    bool settled;            /* everything that the counts say has been told */
    bool over;               /* done or failed, and settled */
    struct span best_params; /* borrowed until the client is pumped */
    struct span tests;       /* "t3 val_loss 0.0171 (t9)" of every finished test, a line each; borrowed */
};
void story_summary(const struct story *f, struct story_summary *out);
/* "26 done, 8 running, 166 waiting, best 0.0812 t17" */
void story_status(const struct story *f, struct buf *out);

#endif
