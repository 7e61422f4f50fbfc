/* jsonl: a trainer in any language talks in JSON lines: it writes {"step": 1, "loss": 0.5} to the file named in HYPERTOP_JSONL and,
 * if it wants, reads commands, one a line, from the one named in HYPERTOP_COMMANDS. Both are pipes of ours that it opens by name, so
 * nothing has to be inherited and nothing is left behind.
 *
 *   {"step": S, NAME: NUMBER, ...}                    points; nested names are joined with dots
 *   {"report": VALUE, "step": S}                      the objective
 *   {"param": NAME, "value": V, "live": true}         a parameter and its value; live: commands may set it
 *   {"checkpoint": PATH, "step": S}                   one was written
 *   {"commands": true}                                from here on it reads commands
 *   {"answer": ID, "state": "applied"|"rejected", "message": TEXT, "step": S}
 *
 * A line that is none of these is counted and said once. */
#ifndef AGENT_JSONL_H
#define AGENT_JSONL_H

#include <stdbool.h>

struct outlet;
struct jsonl;

/* NULL and a cause: no pipes. */
struct jsonl *jsonl_open(struct outlet *ol, char **cause);
const char *jsonl_path(const struct jsonl *j);     /* HYPERTOP_JSONL */
const char *jsonl_commands(const struct jsonl *j); /* HYPERTOP_COMMANDS */
int jsonl_fd(const struct jsonl *j);               /* for poll */
/* Takes what is there, bounded. last: an unfinished line counts. */
void jsonl_turn(struct jsonl *j, bool last);
/* Gives the program a command (ol->line). False: it does not read them fast enough. */
bool jsonl_give(struct jsonl *j);
void jsonl_free(struct jsonl *j);

#endif
