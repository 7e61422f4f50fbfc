/* keymap: the key table and the actions menu as compiled in. What a person has changed of them is in keymap_user.c, which is
 * also where the console looks keys up. */
#include "tui/keymap.h"

#include <stddef.h>
#include <string.h>

static const struct key_row rows[] = {
    /* everywhere */
    {ON_ALL, '1', ACT_SCREEN, SCREEN_OVER, KG_NONE, "1", NULL, "the overview: all trials, the focused curve, the best so far"},
    {ON_ALL, '2', ACT_SCREEN, SCREEN_CURVES, KG_NONE, "2", NULL, "the curves: several trials on one set of axes, with a crosshair"},
    {ON_ALL, '3', ACT_SCREEN, SCREEN_LAND, KG_NONE, "3", NULL, "the landscape: the loss over two parameters; draw on it to steer"},
    {ON_ALL, '4', ACT_SCREEN, SCREEN_ARMS, KG_NONE, "4", NULL, "the arms: where the budget goes and why"},
    {ON_ALL, '5', ACT_SCREEN, SCREEN_TRIAL, KG_NONE, "5", NULL, "the selected trial: live values, curve, log"},
    {ON_ALL, '6', ACT_SCREEN, SCREEN_INSIGHT, KG_NONE, "6", NULL, "insight: what matters, what is traded for what, how robust it is"},
    {ON_ALL, '7', ACT_SCREEN, SCREEN_AUDIT, KG_NONE, "7", NULL, "the audit: every intervention, who, when, what came of it"},
    {ON_ALL, '8', ACT_SCREEN, SCREEN_REPLAY, KG_NONE, "8", NULL, "the replay bar: all screens as of another moment"},
    {ON_ALL, '`', ACT_BACK_SCREEN, 0, KG_NONE, "`", NULL, "the screen before this one"},

    {ON_ALL, KX_UP, ACT_UP, 0, KG_NONE, "Up, k", NULL, "one row up"},
    {ON_ALL, 'k', ACT_UP, 0, KG_NONE, NULL, NULL, NULL},
    {ON_ALL, KX_DOWN, ACT_DOWN, 0, KG_NONE, "Down, j", NULL, "one row down"},
    {ON_ALL, 'j', ACT_DOWN, 0, KG_NONE, NULL, NULL, NULL},
    {ON_ALL, KX_LEFT, ACT_LEFT, 0, KG_NONE, "Left, h", NULL, "to the left: earlier columns, the crosshair; one minute back on the replay bar"},
    {ON_ALL, 'h', ACT_LEFT, 0, KG_NONE, NULL, NULL, NULL},
    {ON_ALL, KX_RIGHT, ACT_RIGHT, 0, KG_NONE, "Right, l", NULL, "to the right: later columns, the crosshair; one minute on on the replay bar"},
    {ON_ALL, 'l', ACT_RIGHT, 0, KG_NONE, NULL, NULL, NULL},
    {ON_ALL, KX_PGUP, ACT_PAGE_UP, 0, KG_NONE, "PgUp", NULL, "one page up"},
    {ON_ALL, KX_PGDN, ACT_PAGE_DOWN, 0, KG_NONE, "PgDn", NULL, "one page down"},
    {ON_ALL, KEY_CTRL('u'), ACT_HALF_UP, 0, KG_NONE, "Ctrl-U", NULL, "half a page up"},
    {ON_ALL, KEY_CTRL('d'), ACT_HALF_DOWN, 0, KG_NONE, "Ctrl-D", NULL, "half a page down"},
    {ON_ALL, KX_HOME, ACT_HOME, 0, KG_NONE, "Home, g", NULL, "to the first row; to the start on the replay bar"},
    {ON_ALL, 'g', ACT_HOME, 0, KG_NONE, NULL, NULL, NULL},
    {ON_ALL, KX_END, ACT_END, 0, KG_NONE, "End", NULL, "back to live while time stands in the past, else to the last row"},
    {ON_ALL, 'G', ACT_LAST, 0, KG_NONE, "G", NULL, "to the last row"},
    {ON_ALL, KX_ENTER, ACT_OPEN, 0, KG_NONE, "Enter", NULL, "open what is selected"},
    {ON_ALL, KX_ESC, ACT_CANCEL, 0, KG_NONE, "Esc", NULL, "back, cancel or clear; never quits"},

    {ON_ALL, '[', ACT_PREV_EVENT, 0, KG_NONE, "[", NULL, "to the intervention before: time, or the crosshair on curves"},
    {ON_ALL, ']', ACT_NEXT_EVENT, 0, KG_NONE, "]", NULL, "to the intervention after: time, or the crosshair on curves"},

    {ON_ALL, 'a', ACT_MENU, 0, KG_STEER, "a", "actions", "the actions menu; each entry shows its guard"},
    {ON_ALL, 'u', ACT_UNDO, 0, KG_NONE, "u", "undo", "take back the action that waits, or undo the last one sent"},
    {ON_ALL, KEY_CTRL('r'), ACT_REDO, 0, KG_NONE, "Ctrl-R", NULL, "do again what u took back last"},
    {ON_ALL, ':', ACT_COMMAND, 0, KG_NONE, ":", NULL, "the command line; Tab completes, Up and Down recall"},
    {ON_ALL, KEY_CTRL('p'), ACT_COMMAND, 0, KG_NONE, "Ctrl-P", NULL, "the same"},
    {ON_ALL, '?', ACT_HELP, 0, KG_NONE, "?", NULL, "the keys of this screen; again: every key"},
    {ON_ALL, KX_F1, ACT_HELP, 0, KG_NONE, NULL, NULL, NULL},
    {ON_ALL, KEY_CTRL('l'), ACT_REDRAW, 0, KG_NONE, "Ctrl-L", NULL, "draw everything again"},
    {ON_ALL, KEY_CTRL('z'), ACT_SUSPEND, 0, KG_NONE, "Ctrl-Z", NULL, "suspend to the shell"},
    {ON_ALL, 'q', ACT_QUIT, 0, KG_NONE, "q, Q", "detach", "detach; the sweep goes on"},
    {ON_ALL, 'Q', ACT_QUIT, 0, KG_NONE, NULL, NULL, NULL},

    /* replay */
    {ON_REPLAY, ' ', ACT_PLAY, 0, KG_NONE, "Space", "play", "play or hold"},
    {ON_REPLAY, ',', ACT_STEP_BACK, 0, KG_NONE, ",", NULL, "one event back"},
    {ON_REPLAY, '.', ACT_STEP_ON, 0, KG_NONE, ".", "step", "one event on"},
    {ON_REPLAY, KX_SLEFT, ACT_FAR_LEFT, 0, KG_NONE, "Shift-Left", NULL, "a tenth of the recording back"},
    {ON_REPLAY, KX_SRIGHT, ACT_FAR_RIGHT, 0, KG_NONE, "Shift-Right", NULL, "a tenth of the recording on"},
    {ON_REPLAY, '{', ACT_SLOWER, 0, KG_NONE, "{", NULL, "half the speed"},
    {ON_REPLAY, '}', ACT_FASTER, 0, KG_NONE, "}", "speed", "double the speed"},
    {ON_REPLAY, KX_BACKSPACE, ACT_SPEED_ONE, 0, KG_NONE, "Backspace", NULL, "speed 1"},
    {ON_REPLAY, '%', ACT_PERCENT, 0, KG_NONE, "%", "then 0-9: seek", "then a digit: to so many tenths of the recording"},

    /* curves */
    {ON_CURVES, 't', ACT_CHOOSE, 0, KG_NONE, "t", "trials", "which trials: the marked, all that pass the filter, the best 5, 10 or 20"},
    {ON_CURVES, 'P', ACT_GROUP, 0, KG_NONE, "P", "group", "a line a trial, a run, or a value of each parameter in turn"},
    {ON_CURVES, 'M', ACT_PANELS, 0, KG_NONE, "M", "panels", "one panel, one a metric, or one a line"},
    {ON_CURVES, 'b', ACT_BAND, 0, KG_NONE, "b", "band", "the band over seeds or a group: range, deviation or none"},
    {ON_CURVES, 'd', ACT_DIFFERENCE, 0, KG_NONE, "d", "diff", "the difference to the line under the pointer, and back"},
    {ON_CURVES, ' ', ACT_SHOW_LINE, 0, KG_NONE, "Space", "show", "show or hide the line under the pointer"},
    {ON_CURVES, 'X', ACT_LOG_X, 0, KG_NONE, "X", NULL, "x axis: log or linear"},
    {ON_CURVES, '+', ACT_MORE, 0, KG_NONE, "+", "zoom", "zoom in at the crosshair"},
    {ON_CURVES, '-', ACT_LESS, 0, KG_NONE, "-", NULL, "zoom out"},
    {ON_CURVES, '_', ACT_FIT, 0, KG_NONE, "_", "fit", "everything in sight again"},
    {ON_CURVES, KX_SLEFT, ACT_FAR_LEFT, 0, KG_NONE, "Shift-Left", NULL, "the crosshair ten columns to the left"},
    {ON_CURVES, KX_SRIGHT, ACT_FAR_RIGHT, 0, KG_NONE, "Shift-Right", NULL, "the crosshair ten columns to the right"},

    /* landscape */
    {ON_LAND, 'v', ACT_MARK_RANGE, 0, KG_NONE, "v", "box", "draw a box with the crosshair, until v is pressed again"},
    {ON_LAND, 'x', ACT_X_AXIS, 0, KG_NONE, "x", "x axis", "the next parameter for the x axis"},
    {ON_LAND, 'y', ACT_LOG_Y, 0, KG_NONE, "y", "y axis", "the next parameter for the y axis; behind the last one a slice along x"},
    {ON_LAND, 'm', ACT_SHOWN, 0, KG_NONE, "m", "layer", "the next layer: mean, deviation, acquisition, observed, partial, probe"},
    {ON_LAND, 's', ACT_SLICE, 0, KG_NONE, "s", "slice", "where the other parameters are held: best, typical, a trial, PARAM=VALUE"},
    {ON_LAND, 'L', ACT_BOX_WIDER, 0, KG_NONE, "L", "HJKL size", "the box wider"},
    {ON_LAND, 'H', ACT_BOX_NARROWER, 0, KG_NONE, "H", NULL, "the box narrower"},
    {ON_LAND, 'K', ACT_BOX_TALLER, 0, KG_NONE, "K", NULL, "the box taller"},
    {ON_LAND, 'J', ACT_BOX_FLATTER, 0, KG_NONE, "J", NULL, "the box less tall"},
    {ON_LAND, 'C', ACT_CONTOURS, 0, KG_NONE, "C", "contours", "contours and basins on or off"},
    {ON_LAND, 'T', ACT_TRIALS, 0, KG_NONE, "T", "trials", "trials on or off"},
    {ON_LAND, 'V', ACT_PATH, 0, KG_NONE, "V", "path", "the way of the best trial so far on or off"},
    {ON_LAND, 'D', ACT_CELLS, 0, KG_NONE, "D", NULL, "the cells of a tuner that splits the space on or off"},
    {ON_LAND, '+', ACT_MORE, 0, KG_NONE, "+", "zoom", "zoom in at the crosshair, here on the map"},
    {ON_LAND, '-', ACT_LESS, 0, KG_NONE, "-", NULL, "zoom out, here of the map"},
    {ON_LAND, '_', ACT_FIT, 0, KG_NONE, "_", "fit", "the whole map again"},
    {ON_LAND, KX_SLEFT, ACT_FAR_LEFT, 0, KG_NONE, "Shift-Left", NULL, "the crosshair ten cells to the left"},
    {ON_LAND, KX_SRIGHT, ACT_FAR_RIGHT, 0, KG_NONE, "Shift-Right", NULL, "the crosshair ten cells to the right"},

    /* insight */
    {ON_INSIGHT, ' ', ACT_BRUSH, 0, KG_NONE, "Space", "brush", "a brush on the axis under the pointer, or none; Up and Down move it"},
    {ON_INSIGHT, 'o', ACT_OTHER, 0, KG_NONE, "o", "other", "the next picture: Pareto front, share of all trials, rungs, seeds"},
    {ON_INSIGHT, 'O', ACT_BY, 0, KG_NONE, "O", "by", "what the shares are grouped by: tuner, origin, space version, a parameter"},
    {ON_INSIGHT, 'm', ACT_SHOWN, 0, KG_NONE, "m", "method", "how importance is measured: fANOVA, or quickly between bins"},
    {ON_INSIGHT, 'i', ACT_INVERT, 0, KG_NONE, "i", "invert", "turn the axis upside down"},
    {ON_INSIGHT, '+', ACT_MORE, 0, KG_NONE, "+", "wider", "the brush wider"},
    {ON_INSIGHT, '-', ACT_LESS, 0, KG_NONE, "-", NULL, "the brush narrower"},

    /* tables */
    {ON_OVER, ' ', ACT_MARK, 0, KG_TRIAL, "Space", "mark", "mark the trial; actions then mean all marked ones"},
    {ON_TABLE | ON_CURVES | ON_ARMS | ON_AUDIT, '/', ACT_FILTER, 0, KG_NONE, "/", "filter", "filter the list: state=running lr<1e-3 tag:base -note:debug a|b"},
    {ON_TRIAL, '/', ACT_FILTER, 0, KG_TRIAL, "/", "search", "look for a text in the trial's log, from its end"},
    {ON_TABLE | ON_CURVES | ON_ARMS | ON_AUDIT | ON_TRIAL, '\\', ACT_FILTER_CLEAR, 0, KG_NONE, "\\", NULL, "no filter"},
    {ON_TABLE | ON_ARMS, '<', ACT_SORT_LEFT, 0, KG_NONE, "<", NULL, "sort by the column to the left"},
    {ON_TABLE | ON_ARMS, '>', ACT_SORT_RIGHT, 0, KG_NONE, ">", "sort", "sort by the column to the right"},
    {ON_TABLE, 'I', ACT_SORT_REVERSE, 0, KG_NONE, "I", NULL, "reverse the order"},
    {ON_CURVE, 'p', ACT_PAUSE, 0, KG_TRIAL_STEER, "p", "pause", "pause a running trial, resume a paused one"},
    {ON_TABLE, 'f', ACT_FREEZE, 0, KG_NONE, "f", "freeze", "freeze the order; values stay live"},
    {ON_TABLE, 'F', ACT_FOLLOW, 0, KG_NONE, "F", NULL, "follow the best trial"},
    {ON_TABLE, 'c', ACT_COLUMNS, 0, KG_NONE, "c", NULL, "choose the columns"},
    {ON_OVER, 'v', ACT_MARK_RANGE, 0, KG_TRIAL, "v", NULL, "mark from here to where v is pressed again"},
    {ON_OVER, '*', ACT_MARK_ALL, 0, KG_NONE, "*", NULL, "mark all trials that the filter shows on this page"},
    {ON_OVER | ON_CURVES, 'U', ACT_MARK_CLEAR, 0, KG_NONE, "U", NULL, "no marks"},

    /* a curve is on the screen */
    {ON_CURVE, 'e', ACT_EDIT, 0, KG_TRIAL_STEER, "e", "edit", "change a live value of the trial"},
    {ON_CURVE, 'S', ACT_CHECKPOINT, 0, KG_TRIAL_STEER, "S", NULL, "ask for a checkpoint"},
    {ON_CURVE, 'L', ACT_LOG, 0, KG_TRIAL, "L", NULL, "the trial's log, full screen"},
    {ON_CURVE, 'y', ACT_LOG_Y, 0, KG_NONE, "y", "log y", "y axis: log or linear"},
    {ON_CURVE, 'x', ACT_X_AXIS, 0, KG_NONE, "x", NULL, "x axis: step, time, and epoch or cost where the trainer logs them"},
    {ON_CURVE, 'w', ACT_SMOOTH, 0, KG_NONE, "w", NULL, "smoothing: off, .6 or .9"},
    {ON_CURVE | ON_ARMS, 'm', ACT_SHOWN, 0, KG_NONE, "m", "metric", "what is shown: the next metric, or the next bandit"},
    {ON_CURVE | ON_LAND | ON_INSIGHT | ON_ARMS, 'z', ACT_ZOOM, 0, KG_NONE, "z", NULL, "give the focused pane the whole screen, and back"},
    {ON_CURVE | ON_LAND | ON_INSIGHT | ON_ARMS, KX_TAB, ACT_PANE, 0, KG_NONE, "Tab", NULL, "the next pane"},
    {ON_CURVE | ON_LAND | ON_INSIGHT | ON_ARMS, KX_BACKTAB, ACT_PANE_BACK, 0, KG_NONE, "Shift-Tab", NULL, "the pane before"},
    {ON_TRIAL, 'J', ACT_NEXT_TRIAL, 0, KG_NONE, "J", "next trial", "the next trial of the table"},
    {ON_TRIAL, 'K', ACT_PREV_TRIAL, 0, KG_NONE, "K", NULL, "the trial before"},

    {ON_TRIAL, 'n', ACT_FIND_NEXT, 0, KG_TRIAL, "n", NULL, "the line before it in the log that has what / looked for"},
    {ON_TRIAL, 'N', ACT_FIND_PREV, 0, KG_TRIAL, "N", NULL, "the line after it"},
    {ON_OVER | ON_TRIAL, ')', ACT_WIDER, 0, KG_NONE, ")", NULL, "the panes on the right wider"},
    {ON_OVER | ON_TRIAL, '(', ACT_NARROWER, 0, KG_NONE, "(", NULL, "the panes on the right narrower"},
    {ON_OVER | ON_TRIAL, '^', ACT_TALLER, 0, KG_NONE, "^", NULL, "the lower panes taller"},
    {ON_OVER | ON_TRIAL, '&', ACT_SHORTER, 0, KG_NONE, "&", NULL, "the lower panes less tall"},

    /* arms */
    {ON_ARMS, '+', ACT_MORE, 0, KG_STEER, "+", "weight", "double the arm's chance"},
    {ON_ARMS, '-', ACT_LESS, 0, KG_STEER, "-", NULL, "halve the arm's chance"},
};

static const struct menu_row menu[] = {
    {ON_CURVE | ON_TABLE, 'p', VERB_PAUSE, "pause %t", "hold after this step"},
    {ON_CURVE | ON_TABLE, 'r', VERB_RESUME, "resume %t", "let it go on"},
    {ON_CURVE | ON_TABLE, 's', VERB_STOP, "stop %t", "end it and keep its result"},
    {ON_CURVE | ON_TABLE, 'k', VERB_KILL, "kill %t", "end it now; its result counts as failed"},
    {ON_CURVE | ON_TABLE, 'c', VERB_CLONE, "clone %t ", "queue one like it, with changes"},
    {ON_CURVE | ON_TABLE, 'R', VERB_REQUEUE, "requeue %t", "run a lost, failed or killed one again"},
    {ON_CURVE | ON_TABLE, 'S', VERB_CHECKPOINT, "checkpoint %t", "ask it to write a checkpoint"},
    {ON_CURVE | ON_TABLE | ON_LAND, 'l', VERB_PROBE, "probe %t ", "map the loss around its weights"},
    {ON_CURVE | ON_TABLE, 'v', VERB_SET, "set %t ", "change a live value"},
    {ON_CURVE | ON_TABLE, 'T', VERB_TEST, "test %t", "score it on the test seeds"},
    {ON_CURVE | ON_TABLE, 't', VERB_TAG, "tag %t ", "add or remove a tag"},
    {ON_CURVE | ON_TABLE, 'n', VERB_NOTE, "note %t ", "attach a remark"},
    {ON_LAND, 'f', VERB_FOCUS, "focus %r", "try more of the next inside the box"},
    {ON_LAND, 'v', VERB_AVOID, "avoid %r", "try nothing inside the box"},
    {ON_LAND, 'w', VERB_WEIGHT, "weight %r ", "multiply the box's chance by a weight"},
    {ON_LAND, 'b', VERB_QUOTA, "quota %r ", "keep a share or a number of the next trials for the box"},
    {ON_LAND, 't', VERB_ENQUEUE, "enqueue %p", "try the point under the crosshair"},
    {ON_ARMS, 'p', VERB_PIN, "pin %a", "pull only this arm"},
    {ON_ARMS, 'P', VERB_UNPIN, "unpin", "pull every arm again"},
    {ON_ARMS, 'b', VERB_BAN, "ban %a", "never pull this arm"},
    {ON_ARMS, 'B', VERB_UNBAN, "unban %a", "lift the ban"},
    {ON_ARMS, 'w', VERB_BOOST, "boost %a ", "multiply its chance by a weight"},
    {ON_ARMS, 'f', VERB_FOCUS, "focus %a ", "try more there, less and less"},
    {ON_ARMS, 'v', VERB_AVOID, "avoid %a ", "try nothing there"},
    {ON_ARMS, 'W', VERB_WEIGHT, "weight %a ", "a region's chance times a weight"},
    {ON_ARMS, '%', VERB_QUOTA, "quota %a ", "keep so many of the next trials for it"},
    {ON_ARMS | ON_AUDIT, 'e', VERB_EXPLORE, "explore ", "explore more or less"},
    {ON_ALL, '+', VERB_BUDGET, "budget +", "more trials"},
    {ON_ALL, '#', VERB_CONCURRENCY, "concurrency ", "how many run at once"},
    {ON_ALL, 'N', VERB_ENQUEUE, "enqueue ", "queue a configuration of yours"},
    {ON_ARMS | ON_AUDIT, '=', VERB_SPACE, "space ", "change the search space"},
    {ON_ARMS | ON_AUDIT, 'Z', VERB_FREEZE, "freeze ", "hold a parameter at a value"},
    {ON_ARMS | ON_AUDIT, 'z', VERB_THAW, "thaw ", "let it vary again"},
    {ON_ARMS | ON_AUDIT, 'T', VERB_TUNER, "tuner ", "go on with another tuner"},
    {ON_ARMS | ON_AUDIT, 'H', VERB_HOLD, "hold", "no new trials from the tuner"},
    {ON_ARMS | ON_AUDIT, 'J', VERB_STEP, "step", "while held: one more trial"},
    {ON_ARMS | ON_AUDIT, 'G', VERB_GO, "go", "lift the hold"},
    {ON_ALL, 'A', VERB_RULE, "rule ", "tell when something happens"},
};

const struct key_row *keymap_default_rows(int *n)
{
    *n = (int)(sizeof rows / sizeof *rows);
    return rows;
}

const struct menu_row *keymap_default_menu(int *n)
{
    *n = (int)(sizeof menu / sizeof *menu);
    return menu;
}

static const char *const actions[ACT_COUNT] = {
#define ACTION_NAME(e, name) [ACT_##e] = name,
    ACTIONS(ACTION_NAME)
#undef ACTION_NAME
};

const char *action_name(enum action a)
{
    return a > ACT_NONE && a < ACT_COUNT ? actions[a] : "";
}

enum action action_find(const char *name)
{
    for (int a = ACT_NONE + 1; a < ACT_COUNT; a++)
        if (strcmp(actions[a], name) == 0)
            return (enum action)a;
    return ACT_NONE;
}
