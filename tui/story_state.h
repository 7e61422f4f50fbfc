/* story_state: what the two files of a story share: story.c tells the sweep, the link and the interventions,
 * story_trials.c the trials. Nobody else includes this. */
#ifndef TUI_STORY_STATE_H
#define TUI_STORY_STATE_H

#include "base/buf.h"
#include "tui/story.h"

#define STORY_ID_MAX (1 << 20) /* trials and interventions past this many are not told */

struct story_trial {
    char state[16]; /* as told; "" never heard of */
};

struct story {
    struct client *c;
    char *sweep;   /* as asked for: "" is the newest */
    char *current; /* the one the last summary was about */
    story_line *line;
    void *arg;
    struct view *summary, *interventions;
    uint64_t summary_seen, interventions_seen;
    bool quiet;
    struct story_trial *trials;
    int64_t n_trials;
    struct buf counts; /* what of the summary was the reason for the last look at the trials */
    int64_t look_id;   /* the request under way */
    bool look_again, looked;
    bool moved;           /* the summary has news to be told */
    int64_t from;         /* first row of the page under way */
    int64_t newest, mark; /* changes up to mark are known; newest is the mark to be */
    int64_t best_trial;
    double best;
    char state[16], warning[256];
    struct buf iv_states; /* one byte per id: the state last seen */
    enum client_link link;
    struct failure *failures;
    struct buf tests; /* scores on test seeds, a line each */
};

struct failure { /* a trial whose reason is being asked for */
    struct failure *next;
    struct story *f;
    int64_t trial, time, id;
};

/* story.c: lines */
void story_start(struct buf *b, int64_t wall);                        /* clears b and puts the time of day */
void story_end(struct story *f, enum story_kind kind, struct buf *b); /* tells the line and releases b */
void story_number(struct buf *b, double v);
void story_metric(struct story *f, struct buf *b, double value); /* "val_loss 0.0812" */
struct span story_head(const struct story *f);                   /* the summary's head */
int64_t story_trial_id(struct span map, const char *key);        /* 17 or "t17"; -1 when there is none */

/* story_trials.c */
void story_look(struct story *f, int64_t from); /* asks for the trials that changed last, from this row on */
void story_trials_release(struct story *f);

#endif
