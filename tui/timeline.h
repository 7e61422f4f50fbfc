/* timeline: where this console's time cursor stands, and how it moves. Every console has its own; live is
 * just the end. Pure: monotonic time is an argument. */
#ifndef TUI_TIMELINE_H
#define TUI_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

struct timeline {
    bool past; /* false: at the end, following it */
    bool playing;
    bool recording; /* the end does not move: a recording without agents */
    bool known;     /* first and last are set */
    double speed;
    int64_t cursor; /* wall ns; meaningful while past */
    int64_t first, last;
    int64_t play_mono, play_from;
};

void timeline_init(struct timeline *t, bool recording, double speed);
/* What the hub says the log spans. The first time, a recording's cursor is put at its start. */
void timeline_span(struct timeline *t, int64_t first, int64_t last);
void timeline_tick(struct timeline *t, int64_t mono);
/* To a moment; the end of a live sweep is live. Playing goes on from there. */
void timeline_seek(struct timeline *t, int64_t at, int64_t mono);
void timeline_move(struct timeline *t, int64_t by, int64_t mono);
void timeline_live(struct timeline *t);
void timeline_play(struct timeline *t, bool on, int64_t mono);
void timeline_speed(struct timeline *t, double speed, int64_t mono);
/* For requests: -1 live, else the cursor; while playing in steps of a quarter of a second of the watcher's
 * time, so that four answers a second are asked for and not one a frame. */
int64_t timeline_cursor(const struct timeline *t);
/* The moment that is on screen: the cursor, or `live_now`. */
int64_t timeline_now(const struct timeline *t, int64_t live_now);
/* HH:MM[:SS] (the day that lies within the log), RFC 3339, seconds since 1970, N%, +5m, -30s, live, start.
 * 0 and *at, or -1 and a cause. */
int timeline_parse(const struct timeline *t, const char *s, int64_t live_now, int64_t *at, char **cause);

#endif
