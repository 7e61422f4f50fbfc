/* scheduler: which run goes to which free slot. Trials are asked for only when a slot is free and nothing
 * waits, so the tuner always decides with everything that is known. */
#ifndef HUB_SCHEDULER_H
#define HUB_SCHEDULER_H

#include "hub/hub.h"

/* Something changed that may let a run start: look at the end of this turn. */
void scheduler_wake(struct hub *h);
void scheduler_run(struct hub *h);
/* A run whose worker will not bring it back: queued again with the next epoch, or ended when that was asked
 * for. */
void scheduler_give_again(struct sweep *s, int64_t run, const char *why);
/* Periodic: lost runs whose grace is over are queued again, leases that nobody took up are taken back, the
 * explain rows of tuners are recorded. */
void scheduler_tick(struct hub *h);

#endif
