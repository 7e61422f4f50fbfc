/* plain: hypertop without a screen, for screen readers, dumb terminals and pipes: one line an event, never a
 * line changed afterwards, and a prompt that takes the verbs of the console's `:` line. */
#ifndef TUI_PLAIN_H
#define TUI_PLAIN_H

#include <stdbool.h>

struct client;

struct plain_options {
    const char *sweep; /* NULL: the newest */
    const char *exec;  /* command for the shell on an alert; NULL: the configuration's */
    bool replay;       /* a recording: its whole story is told */
};

/* Until `quit`, the end of a terminal's input, or, when input ended before it said anything, the end of the
 * sweep. What was typed before the input ended is still answered. Returns the exit status. */
int plain_run(struct client *c, const struct plain_options *o);

#endif
