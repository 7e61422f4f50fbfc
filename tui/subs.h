/* subs: the console's subscriptions. Before each frame the screen says what it wants to see; what nobody
 * wants any more is let go. Requests that did not change cost nothing. */
#ifndef TUI_SUBS_H
#define TUI_SUBS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/codec.h"
#include "tui/client.h"

enum sub_id {
    SUB_SUMMARY,
    SUB_TRIALS,
    SUB_CURVE,
    SUB_COMPARE, /* the curves screen's lines */
    SUB_LANDSCAPE,
    SUB_SURFACES, /* whether there are any */
    SUB_PREVIEW,
    SUB_IMPORTANCE,
    SUB_PARETO,
    SUB_EDF,
    SUB_SEEDS,
    SUB_ALL, /* the insight screen's trials */
    SUB_BEST,
    SUB_TRIAL,
    SUB_TEXT,
    SUB_METRICS,
    SUB_ARMS,
    SUB_HISTORY,
    SUB_RUNGS,
    SUB_EVENTS, /* the whole recording, whatever the cursor says: the replay bar */
    SUB_IVS,
    SUB_SWEEPS,
    SUB_AUDIT,    /* the interventions that pass the audit screen's filter */
    SUB_ALERTS,
    SUB_CONSOLES,
    SUB_HOSTS,
    SUB_COUNT
};

struct sub {
    struct view *view;
    struct buf request;
    bool wanted;
    int64_t from;      /* of the request */
    int64_t have_from; /* of the parts the view holds */
};

struct subs {
    struct client *client;
    const char *sweep; /* borrowed; NULL: the newest */
    int64_t cursor;    /* -1: live */
    struct sub sub[SUB_COUNT];
};

/* Answers have arrived since: which rows the views hold now. Before anything is read from them. */
void subs_arrived(struct subs *f);
void subs_begin(struct subs *f);
/* Opens a request of `pairs` own parameters, which the caller writes to the returned writer; then sub_commit.
 */
struct codec_writer sub_want(struct subs *f, enum sub_id id, const char *view, int pairs);
/* from: the first row asked for, 0 for views without a window. */
void sub_commit(struct subs *f, enum sub_id id, int64_t from, int hz);
void subs_end(struct subs *f); /* lets go of what was not wanted since subs_begin */
void subs_close(struct subs *f);

bool sub_loaded(const struct subs *f, enum sub_id id); /* the answer to the present request is there */
bool sub_any(const struct subs *f, enum sub_id id);    /* some answer is there, perhaps an older one */
bool subs_waiting(const struct subs *f);               /* an answer to a present request is still on its way */
const char *sub_error(const struct subs *f, enum sub_id id);
struct span sub_head(const struct subs *f, enum sub_id id);
int sub_rows(const struct subs *f, enum sub_id id);               /* parts held */
int64_t sub_total(const struct subs *f, enum sub_id id);          /* rows in all at the hub */
struct span sub_row(const struct subs *f, enum sub_id id, int i); /* {NULL,0}: not received */
uint64_t sub_version(const struct subs *f, enum sub_id id);
/* Differs when anything changed. */
uint64_t subs_version(const struct subs *f);

#endif
