/* alert_watch: the alerts of a sweep as they come: each is told once, those that fired before the watch began are not. Also runs
 * the person's command for one. */
#ifndef TUI_ALERT_WATCH_H
#define TUI_ALERT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "tui/client.h"

struct alert_watch {
    struct client *client;
    struct view *view;
    int64_t since; /* the hub's clock when it began; -1: not yet known */
    uint64_t seen; /* version of the view that was read */
    uint64_t told[256];
    int n_told, next_told;
};

struct alert_news {
    int64_t time, trial; /* trial -1: of the sweep */
    char rule[256], text[200], state[24], sweep[128];
};

/* rules: the person's own, beside the sweep's; sweep NULL: the newest. Opened again, it goes on with the other sweep. */
void alert_watch_open(struct alert_watch *w, struct client *c, const char *sweep, char *const *rules, int n_rules);
void alert_watch_close(struct alert_watch *w);
/* The oldest one that was not told yet; false when there is none. */
bool alert_watch_next(struct alert_watch *w, struct alert_news *out);
/* A trial that a rule paused and that waits for a person: false when there is none. */
bool alert_watch_asks(const struct alert_watch *w, struct alert_news *out);

/* Runs a command for the shell, without waiting, with the alert in its environment (HYPERTOP_ALERT_...). Nothing of the
 * alert becomes part of the command's text. */
void alert_exec(const char *command, const struct alert_news *a);

#endif
