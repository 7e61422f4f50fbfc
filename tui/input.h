/* input: bytes from the terminal become events. A pure state machine: no terminal, no curses, no clock but
 * the one it is given.
 *
 * Why not ncurses' own decoding: under TERM=screen and tmux it turns a mouse report into the keys ESC [ < 0 ;
 * 2 5 M, and digits are commands here; the same happens to every sequence it does not know. Here an escape
 * sequence is either understood or swallowed whole, whatever TERM says, and text between paste brackets is
 * text. Without bracketed paste, more than INPUT_BURST keys within INPUT_BURST_NS are taken for a paste and
 * dropped. */
#ifndef TUI_INPUT_H
#define TUI_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define INPUT_BURST     8
#define INPUT_BURST_NS  INT64_C(30000000)
#define INPUT_PASTE_MAX 65536
#define INPUT_SEQ_MAX   64
#define INPUT_FOCUS_NS  INT64_C(150000000) /* keys right after a click into the window are ignored */

enum input_kind { INPUT_KEY, INPUT_PRESS, INPUT_WHEEL, INPUT_DRAG, INPUT_RELEASE, INPUT_PASTE, INPUT_DROPPED };

struct input_event {
    enum input_kind kind;
    int key;          /* INPUT_KEY: keymap.h */
    int x, y;         /* mouse: cells from 0 */
    int button;       /* mouse: 0 left, 1 middle, 2 right */
    int by;           /* INPUT_WHEEL: -1 up, 1 down; INPUT_DROPPED: how many */
    const char *text; /* INPUT_PASTE: until the next call */
    size_t n;
};

struct input {
    uint8_t seq[INPUT_SEQ_MAX]; /* an unfinished escape sequence or character */
    size_t n_seq;
    bool string; /* inside OSC, DCS, APC: swallowed up to its end */
    bool pasting;
    struct buf paste;
    int64_t last;        /* time of the last byte */
    int64_t burst_start; /* of the keys counted below */
    int burst;
    int dropped;
    int64_t deaf_until;
    /* filled in by the terminal: what the keys are called by this TERM beside the common ones */
    struct input_name {
        char seq[16];
        int key;
    } names[48];
    int n_names;
    struct input_event queue[256];
    int head, tail;
};

void input_init(struct input *in);
void input_release(struct input *in);
void input_name(struct input *in, const char *seq, int key);
/* Takes bytes read at `mono`. Whole events are queued; a tail waits for more. */
void input_feed(struct input *in, const void *bytes, size_t n, int64_t mono);
/* Time has passed: a lone ESC becomes the key, a burst's notice is told. */
void input_tick(struct input *in, int64_t mono, int64_t esc_ns);
bool input_next(struct input *in, struct input_event *out);
/* When input_tick wants to be called; INT64_MAX never. */
int64_t input_deadline(const struct input *in, int64_t esc_ns);

#endif
