/* wandb_front: a module named wandb in front of the real one, for Python programs that were written for W&B. The
 * module is agent/python/hypertop/wandb; here its folder is found, put first in PYTHONPATH, and the program gets what
 * W&B's agent would give it. Knows environments and files, nothing of rings and hubs. */
#ifndef AGENT_WANDB_FRONT_H
#define AGENT_WANDB_FRONT_H

#include <stdbool.h>

#include "agent/environment.h"
#include "proto/message.h"

/* Whether the Python program of a command line imports wandb and not hypertop: its source is read, the files it
 * imports are not. False where no source is found. */
bool wandb_front_wanted(char *const *argv, const char *cwd);
/* Puts the module in front; 0, or -1 and a cause: its folder is not where hypertop-agent is. */
int wandb_front_put(struct environment *e, char **cause);
/* What a lease adds: WANDB_SWEEP_ID, WANDB_RUN_ID, and WANDB_SWEEP_PARAM_PATH, a file with the configuration as the
 * sweep file nests it, written below WANDB_DIR (else cwd). Where it cannot be written the program gets the lease's. */
void wandb_front_lease(struct environment *e, const struct message *lease, const char *cwd);

#endif
