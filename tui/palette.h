/* palette: the command line's vocabulary: the console's own commands and the verbs, with completion. */
#ifndef TUI_PALETTE_H
#define TUI_PALETTE_H

#include "tui/console_state.h"

#define PALETTE_MAX 64

struct palette_command {
    const char *name, *args, *text, *key;
    /* argc words after the name. 0, or -1 and a cause. */
    int (*run)(struct console *c, int argc, char **argv, char **cause);
};
const struct palette_command *palette_commands(int *n);

struct candidate {
    char line[PROMPT_CAP]; /* the whole command line when this is taken */
    char show[80], what[100], key[12], guard[12];
    bool off; /* not allowed now */
};
/* What the line could become; best first. Returns how many. */
int palette_complete(const struct console *c, const char *line, struct candidate *out, int cap);
/* 0, or -1 and a cause. */
int palette_run(struct console *c, const char *line, char **cause);
/* Tab (dir 1) and Shift-Tab (dir -1) in the prompt. */
void palette_tab(struct console *c, int dir);
void palette_draw(const struct console *c, struct canvas *out, struct rect body);

#endif
