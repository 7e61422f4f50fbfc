/* arm_list: the arms of the bandit that is shown: which rows of the view are its own, their order on the
 * screen, and how an arm is called in a sentence. Reads views and console state; draws nothing. */
#ifndef TUI_ARM_LIST_H
#define TUI_ARM_LIST_H

#include "tui/console_state.h"

/* How the arms are ordered; `<` and `>` step through these. */
enum arm_sort { ARM_SORT_BEST, ARM_SORT_MEAN, ARM_SORT_PULLS, ARM_SORT_NUMBER, ARM_SORTS };
const char *arm_sort_name(enum arm_sort s);

/* Opens the list of bandits; returns how many there are. */
int arm_bandits(const struct console *c, struct codec_reader *list);
/* The bandit that is shown: the chosen one while it exists, else the first. {NULL,0} without any. */
struct span arm_bandit(const struct console *c);
/* Its arms in the tuner's own order, at most CONSOLE_ARMS; returns how many. */
int arm_rows(const struct console *c, struct span *rows);
/* The same rows as they are listed now; place[i], when asked for, is where rows[i] comes in the tuner's order:
 * what its letter and colour follow. */
int arm_rows_sorted(const struct console *c, struct span *rows, int *place);
/* Orders them anew; not while a key was just pressed, so that nothing moves between looking and pressing. */
void arm_order_follow(struct console *c);
void arm_sort_step(struct console *c, int by);
/* A verb line for people: arms by letter and label ("ban arm A 1.05"); other lines as they are. */
void arm_line(const struct console *c, const char *line, char *out, size_t cap);

#endif
