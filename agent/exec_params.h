/* exec_params: parameters that exec is given on its own command line (--param lr=0.1), for a program that nobody leased. */
#ifndef AGENT_EXEC_PARAMS_H
#define AGENT_EXEC_PARAMS_H

#include "agent/outlet.h"
#include "base/buf.h"

#define EXEC_PARAMS_MAX 256

/* "NAME=VALUE" words as a MessagePack map in out; numbers, true and false are what they look like. 0, or -1 and a cause. */
int exec_params_pack(char *const *words, int n, struct buf *out, char **cause);
/* Declares them to the hub. */
void exec_params_declare(struct outlet *ol, struct span params);

#endif
