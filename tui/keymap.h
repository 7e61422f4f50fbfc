/* keymap: one table of keys. The footer, `?`, the manual's list and the dispatcher are read from it.
 *
 * Rules, enforced by tests/unit/tui/test_keymap.c: a key that works on every screen means the same on every
 * screen; letters that change a sweep beyond a pause stand only in the `a` menu; no key confirms what it
 * opened. */
#ifndef TUI_KEYMAP_H
#define TUI_KEYMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/verb.h"

/* Keys: a Unicode code point, or one of these. */
enum key_code {
    KEY_NONE_ = 0,
    KX_TAB = 9,
    KX_ENTER = 13,
    KX_ESC = 27,
    KX_BACKSPACE = 127,
    KX_FIRST = 0x110000,
    KX_UP,
    KX_DOWN,
    KX_LEFT,
    KX_RIGHT,
    KX_SUP,
    KX_SDOWN,
    KX_SLEFT,
    KX_SRIGHT,
    KX_HOME,
    KX_END,
    KX_PGUP,
    KX_PGDN,
    KX_INS,
    KX_DEL,
    KX_BACKTAB,
    KX_F1,
    KX_F2,
    KX_F3,
    KX_F4,
    KX_F5,
    KX_F6,
    KX_F7,
    KX_F8,
    KX_F9,
    KX_F10,
};
#define KEY_CTRL(c) ((c)&0x1f)

enum screen_id { SCREEN_OVER, SCREEN_ARMS, SCREEN_TRIAL, SCREEN_AUDIT, SCREEN_REPLAY, SCREEN_COUNT };

#define ON_ALL    0xffu
#define ON_OVER   (1u << SCREEN_OVER)
#define ON_ARMS   (1u << SCREEN_ARMS)
#define ON_TRIAL  (1u << SCREEN_TRIAL)
#define ON_AUDIT  (1u << SCREEN_AUDIT)
#define ON_REPLAY (1u << SCREEN_REPLAY)
#define ON_TABLE  (ON_OVER | ON_REPLAY)
#define ON_CURVE  (ON_OVER | ON_TRIAL)

enum action {
    ACT_NONE,
    ACT_QUIT,
    ACT_SUSPEND,
    ACT_REDRAW,
    ACT_HELP,
    ACT_COMMAND,
    ACT_SCREEN, /* arg: enum screen_id */
    ACT_BACK_SCREEN,
    ACT_PANE,
    ACT_PANE_BACK,
    ACT_ZOOM,
    ACT_UP,
    ACT_DOWN,
    ACT_LEFT,
    ACT_RIGHT,
    ACT_FAR_LEFT,
    ACT_FAR_RIGHT,
    ACT_PAGE_UP,
    ACT_PAGE_DOWN,
    ACT_HALF_UP,
    ACT_HALF_DOWN,
    ACT_HOME,
    ACT_END,
    ACT_LAST,
    ACT_OPEN,
    ACT_CANCEL,
    ACT_MARK,
    ACT_MARK_RANGE,
    ACT_MARK_ALL,
    ACT_MARK_CLEAR,
    ACT_FILTER,
    ACT_FILTER_CLEAR,
    ACT_SORT_LEFT,
    ACT_SORT_RIGHT,
    ACT_SORT_REVERSE,
    ACT_COLUMNS,
    ACT_FREEZE,
    ACT_FOLLOW,
    ACT_LOG_Y,
    ACT_X_AXIS,
    ACT_SMOOTH,
    ACT_SHOWN,
    ACT_PREV_EVENT,
    ACT_NEXT_EVENT,
    ACT_MENU,
    ACT_PAUSE,
    ACT_EDIT,
    ACT_UNDO,
    ACT_LOG,
    ACT_CHECKPOINT,
    ACT_MORE,
    ACT_LESS,
    ACT_NEXT_TRIAL,
    ACT_PREV_TRIAL,
    ACT_PLAY,
    ACT_STEP_BACK,
    ACT_STEP_ON,
    ACT_SLOWER,
    ACT_FASTER,
    ACT_SPEED_ONE,
    ACT_PERCENT,
    ACT_START,
    /* mouse only */
    ACT_ROW,  /* arg: trial id */
    ACT_SORT, /* arg: column */
    ACT_SEEK, /* arg: wall ns */
    ACT_COUNT
};

/* When a key is refused, with the reason shown. */
enum key_guard {
    KG_NONE,
    KG_TRIAL, /* needs a selected trial */
    KG_STEER, /* changes the sweep: not when read-only, not while the cursor is in the past, not without a hub
               */
    KG_TRIAL_STEER,
};

struct key_row {
    unsigned on; /* screens */
    int key;
    enum action action;
    int arg;
    enum key_guard guard;
    const char *show;   /* as printed in help: "Space"; NULL: an alias of the row above it */
    const char *footer; /* what the footer says; NULL: not in the footer */
    const char *text;   /* a sentence for help and the manual */
};
const struct key_row *keymap_rows(int *n);
const struct key_row *keymap_find(enum screen_id screen, int key);

/* The `a` menu. */
struct menu_row {
    unsigned on;
    int key;
    enum verb verb;   /* VERB_NONE: the entry only opens a field */
    const char *line; /* command; %t is the target, %a the arm. Ends in "=" or a blank: opened in the prompt
                         to be completed */
    const char *text;
};
const struct menu_row *keymap_menu(int *n);

#endif
