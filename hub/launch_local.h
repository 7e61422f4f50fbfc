/* launch_local: workers on this machine: starts `hypertop-agent worker` beside the hub's own program for
 * sweeps that ask for local workers, each in a session of its own so that it outlives a crash of the hub;
 * starts one anew, with back-off, when it dies. */
#ifndef HUB_LAUNCH_LOCAL_H
#define HUB_LAUNCH_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "hub/hub.h"

/* Periodic: starts what is missing, ends what is no longer wanted. */
void launch_tick(struct hub *h);
/* SIGCHLD: a worker of ours has ended. */
void launch_reap(struct hub *h);
/* Key of the sweep that this process was started for; 0: not one of ours. */
int64_t launch_owner(struct hub *h, const char *name, int pid);
/* Workers that ran when the hub was started again have some time to come back before others are started. */
void launch_expect(struct sweep *s);
/* Tells every local worker to end; true while some has not. */
void launch_stop(struct hub *h);
bool launch_busy(struct hub *h);
void launch_pool_free(struct sweep *s);

#endif
