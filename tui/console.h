/* console: the full-screen front. Runs until the person leaves, the terminal goes away or a signal ends it.
 *
 * The caller opens the client and closes it afterwards. Nothing is printed on stdout or stderr while the
 * console owns the terminal; one closing line (what was left unsent) goes to stderr afterwards.
 * Single-threaded. */
#ifndef TUI_CONSOLE_H
#define TUI_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

struct client;
struct config;

struct console_options {
    const char *color; /* "auto" (or NULL), "never", "16" or "256" */
    const char *sweep; /* name or prefix; NULL: the newest */
    const char *user;  /* shown in the header; NULL: login name */
    const char
        *at; /* where the time cursor starts: HH:MM[:SS], RFC 3339, N%; NULL: the end, in replay the start */
    double speed;  /* of replay; 0: 1 */
    struct config *config; /* the person's own, borrowed; NULL: none */
    const char *exec;      /* command for the shell on an alert; NULL: the configuration's */
    bool ascii;    /* no character outside ASCII, whatever the locale says */
    bool readonly; /* verbs are greyed */
    bool slow;     /* one data frame a second */
    bool replay;   /* the hub holds a recording and no agents */
};

/* 0 when it ended as asked, 1 when there is no usable terminal (a sentence is on stderr). */
int console_run(struct client *c, const struct console_options *o);

/* `hypertop --reset-tty`: puts a terminal right that a killed program left in the alternate screen or mouse
 * mode. */
void console_reset_tty(void);

#endif
