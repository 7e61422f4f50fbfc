/* cmd: a subcommand of `hypertop`: one file cmd_NAME.c, one row in cmd_table.c, one page man/hypertop-NAME.1.
 *
 * The dispatcher (cmd.c) parses the options by the row's table and checks the row's preconditions before
 * `run` is called; a command returns its exit status and prints an error with cmd_error: one line that says
 * what, where and what to do. */
#ifndef TUI_CMD_H
#define TUI_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "tui/client.h"
#include "tui/opt.h"

enum cmd_exit { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NO_HUB = 3 };

enum cmd_flags {
    CMD_HUB = 1,   /* a hub must be there: call->client is connected when run is called */
    CMD_START = 2, /* with CMD_HUB or cmd_connect: may start one */
    CMD_EXEC = 4,  /* hypertop-hub NAME does it: everything behind the name is handed over */
    CMD_PASS = 8,  /* unknown options are words (send: the verb's own grammar) */
};

/* What the words of a command are, for completion. */
enum cmd_words {
    WORDS_NONE,
    WORDS_FILE,
    WORDS_HUB,
    WORDS_VERB,
    WORDS_VIEW,
    WORDS_TOPIC,
    WORDS_SHELL,
    WORDS_LIST
};

struct cmd_call;

struct cmd {
    const char *name;
    const char *args;          /* synopsis behind the name, without options; "" none */
    int min_words, max_words;  /* -1: any number */
    const char *text;          /* one sentence without a full stop, for lists */
    const char *more;          /* what -h says beside the options; NULL none */
    const struct opt *options; /* NULL none */
    unsigned flags;
    enum cmd_words words;
    const char *list;                  /* WORDS_LIST: "start|stop|..." */
    int (*run)(struct cmd_call *call); /* NULL with CMD_EXEC */
};

struct cmd_call {
    const struct cmd *cmd;
    struct opt_set set;
    struct client *client; /* closed by the dispatcher */
    /* the global options */
    const char *hub, *color;
    bool readonly, plain, ascii, slow;
};

/* ---- the table (cmd_table.c) ---- */
extern const struct cmd cmd_table[]; /* ends with a NULL name */
extern const struct opt cmd_global_options[];
const struct cmd *cmd_find(const char *name);
const char *cmd_nearest(const char *name); /* NULL when nothing is near */

/* ---- for commands ---- */
/* The whole of `hypertop ARGS`: returns the exit status. */
int cmd_main(int argc, char **argv);
/* Prints "hypertop NAME: sentence" on stderr, made safe, in one line; returns status. */
int cmd_error(const struct cmd_call *call, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for a cause, which it frees. */
int cmd_cause(const struct cmd_call *call, int status, char *cause);
/* Connects call->client (replay: a recording or NULL; start: may start a hub); prints why not. EXIT_DONE or
 * EXIT_NO_HUB. */
int cmd_connect(struct cmd_call *call, const char *replay, bool start);
/* Replaces this process by hypertop-hub NAME WORDS... with HYPERTOP_HUB set from -L. Returns only on failure.
 */
int cmd_exec_hub(const struct cmd_call *call, const char *name, int n, char *const *words);
/* Whether the console can be drawn: both ends of a terminal that is not dumb, and no --plain. */
bool cmd_full_screen(const struct cmd_call *call);
/* Draws the console or, where that cannot be, runs plain mode, on call->client. at, speed: of a replay. */
int cmd_show(struct cmd_call *call, const char *sweep, const char *at, double speed, bool replay);

#endif
