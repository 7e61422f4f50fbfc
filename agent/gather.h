/* gather: points and pulls on their way from a ring to a batch: one growing column per metric, one list
 * per bandit. */
#ifndef AGENT_GATHER_H
#define AGENT_GATHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/ring.h"

#define GATHER_MAX 65536 /* points in one batch */

struct gather;

struct gather *gather_new(void);
void gather_free(struct gather *g);
/* Takes from the lanes of r until they are empty or GATHER_MAX points are waiting. Returns how many came. */
uint32_t gather_drain(struct gather *g, struct ring *r, bool dead, uint64_t *torn);
/* A point that did not come through a ring. */
void gather_add(struct gather *g, const char *name, int64_t step, int64_t time, double value);
uint32_t gather_waiting(const struct gather *g);
/* Appends the events (points, pulls) to b as MessagePack and empties the gather. Returns how many events. */
uint32_t gather_emit(struct gather *g, struct buf *b);

#endif
