/* program: finds and runs the other programs of hypertop: beside our own binary first, then on PATH. */
#ifndef TUI_PROGRAM_H
#define TUI_PROGRAM_H

#include <sys/types.h>

/* The path of NAME ("hypertop-hub"), malloc'ed; NULL and a cause that says where it was looked for. */
char *program_find(const char *name, char **cause);
/* Replaces this process by NAME; argv[0] is set to NAME. Returns only on failure: -1 and a cause. */
int program_exec(const char *name, char **argv, char **cause);

/* A child that is ours: standard input and output are /dev/null, what it says on stderr is kept in a file
 * without a name, so that neither side can block on the other. It gets SIGTERM when this process dies. */
struct program_child {
    pid_t pid;  /* 0: none */
    int err;    /* fd of the file */
    int status; /* as waitpid, once program_ended returned true */
};
int program_spawn(struct program_child *p, const char *name, char **argv, char **cause);
/* Whether it has ended; with wait true, waits for it. */
int program_ended(struct program_child *p, int wait);
/* The last line it said on stderr without its own name, malloc'ed; "" when it said nothing. */
char *program_said(struct program_child *p);
/* SIGTERM, and SIGKILL when it has not gone after a second; closes the file. */
void program_end(struct program_child *p);
/* Lets it go on without us. */
void program_leave(struct program_child *p);

#endif
