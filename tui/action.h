/* action: what changes a sweep, and the guards in front of it.
 *
 *   reversible verbs  wait ACTION_HOLD_NS in the console, visibly, and are then sent; `u` takes them back
 * unsent losing verbs      ask, and the answer that does nothing is the default final verbs       want the id
 * (or the number of targets) typed
 *
 * Everything goes through action_submit, whoever asks: a key, the menu, the command line. What was sent is
 * followed until it has a final state. Leaving the console with something on hold sends nothing and says so.
 */
#ifndef TUI_ACTION_H
#define TUI_ACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "proto/verb.h"
#include "tui/client.h"
#include "tui/prompt.h"

#define ACTION_HOLD_NS (5 * CLOCK_S)
#define ACTION_READ_NS (5 * CLOCK_S)  /* a finished action stays at least that long on the status line ... */
#define ACTION_SHOW_NS (10 * CLOCK_S) /* ... and at most that long after its last change */
#define ACTION_HOLDS   8
#define ACTION_FLIGHTS 16
#define ACTION_IDS     32

struct console;

struct action_flight { /* sent */
    bool used, done, failed;
    char line[PROMPT_CAP];
    char shown[PROMPT_CAP]; /* the same for people: arms by label */
    char state[24];    /* sent, accepted, applied, rejected, expired */
    char message[200]; /* the hub's, made safe */
    enum verb verb;
    int64_t ids[ACTION_IDS]; /* of the interventions, as the hub numbered them */
    int n_ids;
    int64_t since; /* mono: of the last change */
    uint32_t told; /* hash of the state at that moment */
    bool undone, seen;
};

struct actions {
    struct action_hold {
        char line[PROMPT_CAP];
        char shown[PROMPT_CAP];
        int64_t due;       /* mono */
    } holds[ACTION_HOLDS]; /* oldest first */
    int n_holds;
    struct action_flight flights[ACTION_FLIGHTS];
    int newest;
    char redo[ACTION_HOLDS][PROMPT_CAP]; /* taken back, the newest last */
    int n_redo;
    char ask[PROMPT_CAP]; /* waits for y or the typed id */
    char ask_id[32];      /* what must be typed */
    char ask_target[120];
};

/* A verb line ("pause t17"). Errors and refusals become a toast (or the prompt's error, which is returned as
 * false). */
bool action_submit(struct console *c, const char *line);
void action_confirm(struct console *c);              /* the question was answered with yes */
bool action_typed(struct console *c, const char *s); /* false: not what was asked for */
void action_undo(struct console *c);
void action_redo(struct console *c); /* submits again what action_undo took back last */
void action_tick(struct console *c);
/* A key was pressed: what the status line has said for ACTION_READ_NS goes. */
void action_seen(struct console *c);
/* When the console must be drawn again for an action; monotonic ns, INT64_MAX never. */
int64_t action_deadline(const struct actions *a, int64_t mono);
/* What waits or happened last, for the status line; false when there is nothing to say. */
bool action_status(const struct console *c, char *out, size_t cap, int *severity);
/* The line with "marked" and the menu's %t and %a filled in. */
void action_expand(const struct console *c, const char *line, char *out, size_t cap);
/* Lines still on hold, for the closing message. */
int action_unsent(const struct actions *a);

#endif
