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

enum screen_id { SCREEN_OVER, SCREEN_CURVES, SCREEN_LAND, SCREEN_ARMS, SCREEN_TRIAL, SCREEN_INSIGHT, SCREEN_AUDIT, SCREEN_REPLAY, SCREEN_COUNT };

#define ON_ALL    0xffu
#define ON_OVER   (1u << SCREEN_OVER)
#define ON_CURVES (1u << SCREEN_CURVES)
#define ON_LAND   (1u << SCREEN_LAND)
#define ON_ARMS   (1u << SCREEN_ARMS)
#define ON_TRIAL  (1u << SCREEN_TRIAL)
#define ON_INSIGHT (1u << SCREEN_INSIGHT)
#define ON_AUDIT  (1u << SCREEN_AUDIT)
#define ON_REPLAY (1u << SCREEN_REPLAY)
#define ON_TABLE  (ON_OVER | ON_REPLAY)
#define ON_CURVE  (ON_OVER | ON_CURVES | ON_TRIAL)

/* ACTION(enumerator, "name"): the names are what ~/.config/hypertop/hypertop.conf calls them, so they are never changed. The last
 * three come from the mouse only. */
#define ACTIONS(ACTION)                                \
    ACTION(QUIT, "quit")                               \
    ACTION(SUSPEND, "suspend")                         \
    ACTION(REDRAW, "redraw")                           \
    ACTION(HELP, "help")                               \
    ACTION(COMMAND, "command")                         \
    ACTION(SCREEN, "screen") /* arg: enum screen_id */ \
    ACTION(BACK_SCREEN, "back-screen")                 \
    ACTION(PANE, "pane")                               \
    ACTION(PANE_BACK, "pane-back")                     \
    ACTION(ZOOM, "zoom")                               \
    ACTION(UP, "up")                                   \
    ACTION(DOWN, "down")                               \
    ACTION(LEFT, "left")                               \
    ACTION(RIGHT, "right")                             \
    ACTION(FAR_LEFT, "far-left")                       \
    ACTION(FAR_RIGHT, "far-right")                     \
    ACTION(PAGE_UP, "page-up")                         \
    ACTION(PAGE_DOWN, "page-down")                     \
    ACTION(HALF_UP, "half-up")                         \
    ACTION(HALF_DOWN, "half-down")                     \
    ACTION(HOME, "home")                               \
    ACTION(END, "end")                                 \
    ACTION(LAST, "last")                               \
    ACTION(OPEN, "open")                               \
    ACTION(CANCEL, "cancel")                           \
    ACTION(MARK, "mark")                               \
    ACTION(MARK_RANGE, "mark-range")                   \
    ACTION(MARK_ALL, "mark-all")                       \
    ACTION(MARK_CLEAR, "mark-clear")                   \
    ACTION(FILTER, "filter")                           \
    ACTION(FILTER_CLEAR, "filter-clear")               \
    ACTION(SORT_LEFT, "sort-left")                     \
    ACTION(SORT_RIGHT, "sort-right")                   \
    ACTION(SORT_REVERSE, "sort-reverse")               \
    ACTION(COLUMNS, "columns")                         \
    ACTION(FREEZE, "freeze")                           \
    ACTION(FOLLOW, "follow")                           \
    ACTION(LOG_Y, "log-y")                             \
    ACTION(X_AXIS, "x-axis")                           \
    ACTION(SMOOTH, "smooth")                           \
    ACTION(SHOWN, "shown")                             \
    ACTION(PREV_EVENT, "prev-event")                   \
    ACTION(NEXT_EVENT, "next-event")                   \
    ACTION(MENU, "menu")                               \
    ACTION(PAUSE, "pause")                             \
    ACTION(EDIT, "edit")                               \
    ACTION(UNDO, "undo")                               \
    ACTION(LOG, "log")                                 \
    ACTION(CHECKPOINT, "checkpoint")                   \
    ACTION(MORE, "more")                               \
    ACTION(LESS, "less")                               \
    ACTION(NEXT_TRIAL, "next-trial")                   \
    ACTION(PREV_TRIAL, "prev-trial")                   \
    ACTION(PLAY, "play")                               \
    ACTION(STEP_BACK, "step-back")                     \
    ACTION(STEP_ON, "step-on")                         \
    ACTION(SLOWER, "slower")                           \
    ACTION(FASTER, "faster")                           \
    ACTION(SPEED_ONE, "speed-one")                     \
    ACTION(PERCENT, "percent")                         \
    ACTION(START, "start")                             \
    ACTION(SHOW_LINE, "show-line")                     \
    ACTION(CHOOSE, "choose")                           \
    ACTION(GROUP, "group")                             \
    ACTION(PANELS, "panels")                           \
    ACTION(BAND, "band")                               \
    ACTION(DIFFERENCE, "difference")                   \
    ACTION(LOG_X, "log-x")                             \
    ACTION(FIT, "fit")                                 \
    ACTION(SLICE, "slice")                             \
    ACTION(CONTOURS, "contours")                       \
    ACTION(TRIALS, "trials")                           \
    ACTION(PATH, "path")                               \
    ACTION(CELLS, "cells")                             \
    ACTION(BOX_WIDER, "box-wider")                     \
    ACTION(BOX_NARROWER, "box-narrower")               \
    ACTION(BOX_TALLER, "box-taller")                   \
    ACTION(BOX_FLATTER, "box-flatter")                 \
    ACTION(BRUSH, "brush")                             \
    ACTION(INVERT, "invert")                           \
    ACTION(OTHER, "other")                             \
    ACTION(BY, "by")                                   \
    ACTION(REDO, "redo")                               \
    ACTION(WIDER, "wider")                             \
    ACTION(NARROWER, "narrower")                       \
    ACTION(TALLER, "taller")                           \
    ACTION(SHORTER, "shorter")                         \
    ACTION(FIND_NEXT, "find-next")                     \
    ACTION(FIND_PREV, "find-prev")                     \
    ACTION(ROW, "row") /* arg: trial id */             \
    ACTION(SORT, "sort") /* arg: column */             \
    ACTION(SEEK, "seek") /* arg: wall ns */

enum action {
    ACT_NONE,
#define ACTION_ENUM(e, name) ACT_##e,
    ACTIONS(ACTION_ENUM)
#undef ACTION_ENUM
        ACT_COUNT
};
const char *action_name(enum action a);
enum action action_find(const char *name); /* ACT_NONE when unknown */

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
/* The table in force: what is compiled in, with the person's own changes (keymap_bind). */
const struct key_row *keymap_rows(int *n);
const struct key_row *keymap_find(enum screen_id screen, int key);
const struct key_row *keymap_default_rows(int *n);

/* The `a` menu. */
struct menu_row {
    unsigned on;
    int key;
    enum verb verb;   /* VERB_NONE: the entry only opens a field */
    const char *line; /* command; %t is the target, %a the arm, %r the box on the landscape, %p its crosshair. Ends in "=" or a blank: opened in the prompt
                         to be completed */
    const char *text;
};
const struct menu_row *keymap_menu(int *n);
const struct menu_row *keymap_default_menu(int *n);

/* ---- the person's own (keymap_user.c); each 0, or -1 and a cause ---- */
void keymap_reset(void); /* as compiled in */
/* The key means the action on these screens, whatever it meant there. Guard, sentence and footer come with the action:
 * an action that is not in the table for any of the screens is refused. */
int keymap_bind(unsigned on, int key, enum action action, int arg, char **cause);
int keymap_unbind(unsigned on, int key, char **cause); /* refused when it has no meaning there */
/* A letter of the `a` menu; line as in struct menu_row. a, y and q keep their meaning there. */
int keymap_menu_bind(unsigned on, int key, const char *line, char **cause);
int keymap_menu_unbind(unsigned on, int key, char **cause);

#endif
