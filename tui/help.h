/* help: what the program says about itself, printed from the tables: commands, options, verbs. Each returns
 * an exit status. */
#ifndef TUI_HELP_H
#define TUI_HELP_H

#include "base/buf.h"

struct cmd;

int help_all(void);                    /* hypertop -h */
int help_command(const struct cmd *c); /* hypertop NAME -h */
int help_verbs(void);
int help_config(void); /* what is compiled in, in the language of hypertop.conf */
int help_version(void);
/* "usage: hypertop run [-j N] ... SWEEP.yaml" with a newline, wrapped: what the manual's drift test compares.
 */
void help_usage(struct buf *b, const struct cmd *c);

#endif
