/* screen: one of the numbered screens. The table screens[] is the only list; what is not in it has no tab. */
#ifndef TUI_SCREEN_H
#define TUI_SCREEN_H

#include "tui/console_state.h"
#include "tui/input.h"

struct screen {
    int key;                  /* its digit */
    const char *name;         /* tab at 100 columns and more */
    const char *brief;        /* tab below */
    const char *const *panes; /* names, NULL-terminated; NULL: one pane */
    /* Subscribes to what draw will need at this size. */
    void (*want)(struct console *c, struct rect body, enum layout_size size);
    /* Follows what arrived (ranges, selections); NULL: nothing to follow. */
    void (*follow)(struct console *c);
    void (*draw)(const struct console *c, struct canvas *out, struct rect body, enum layout_size size);
    /* A key that is this screen's; false: not handled. NULL: none. */
    bool (*act)(struct console *c, enum action a, int64_t arg);
    /* A mouse event; false: not this screen's, clicks then mean what was drawn there. NULL: none. */
    bool (*mouse)(struct console *c, const struct input_event *e);
};

extern const struct screen screen_overview, screen_curves, screen_landscape, screen_insight, screen_arms, screen_trial, screen_audit, screen_replay;
extern const struct screen *const screens[SCREEN_COUNT];

int screen_panes(const struct screen *s);
/* Keys that move in the table of trials, shared by the screens that show it. */
bool screen_table_act(struct console *c, enum action a, int64_t arg);
/* Keys of the curve: y, x, w, m, p, e, S. */
bool screen_curve_act(struct console *c, enum action a);

#endif
