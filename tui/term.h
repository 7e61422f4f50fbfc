/* term: the terminal. The only file that includes <curses.h>: canvas in, events out, and the terminal left as
 * it was found on every way to end (quit, SIGTERM, SIGHUP, a fatal signal; after kill -9 there is
 * console_reset_tty).
 *
 * One terminal a process. Not thread-safe. Signals TERM, HUP, INT, TSTP, WINCH and CONT are blocked from
 * term_open to term_close and read from a descriptor, so nothing ever runs in a handler except the fixed
 * bytes of the fatal one. */
#ifndef TUI_TERM_H
#define TUI_TERM_H

#include <stdbool.h>
#include <stdint.h>

#include "tui/canvas.h"
#include "tui/input.h"

struct term_options {
    const char *color; /* auto, never, 16, 256; NULL is auto */
    bool ascii;
};

/* 0, or -1 and a cause (no terminal). Falls back from an unknown TERM to its family, then to xterm-256color.
 */
int term_open(const struct term_options *o, char **cause);
void term_close(void);

void term_colors(const char *color); /* another depth: auto, never, 16, 256 */
void term_ring(void);                /* the bell */
bool term_notifies(void);            /* desktop notifications are understood, as far as one can know */
/* A desktop notification by OSC 9 and OSC 777: title is our own, text UTF-8 that was made safe. */
void term_notify(const char *title, const char *text);

int term_heat(void);   /* levels of heat maps (canvas.heat): 24 in direct colour, 8 in 256, else 0 */
bool term_ascii(void); /* what was decided: draw ASCII only */
void term_size(int *cols, int *rows);
int term_fd(void);        /* the terminal's input: poll for POLLIN, then term_read */
int term_signal_fd(void); /* poll for POLLIN, then term_signals */

enum term_event { TERM_NOTHING = 0, TERM_RESIZED = 1, TERM_QUIT = 2, TERM_SUSPEND = 4, TERM_GONE = 8 };
/* Reads what is there into the input machine. TERM_GONE when the terminal went away. */
int term_read(struct input *in, int64_t mono);
int term_signals(void); /* enum term_event, or-ed */

/* Bytes still waiting to leave for the terminal: then a frame is better skipped. */
bool term_busy(void);
/* Shows the canvas; only what changed since the last one is written. */
void term_show(const struct canvas *c);
void term_redraw(void);  /* the next frame is written whole */
void term_suspend(void); /* stops the process as Ctrl-Z does; returns after it was continued */
void term_reset_tty(void);

#endif
