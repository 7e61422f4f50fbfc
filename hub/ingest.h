/* ingest: what runs say. A batch is checked against the lease (run, epoch, sequence), written as one group,
 * folded in, and acknowledged when it is on disk. */
#ifndef HUB_INGEST_H
#define HUB_INGEST_H

#include <stdbool.h>

#include "hub/hub.h"

struct peer;

void ingest_data(struct hub *h, struct peer *p, const struct message *m);
/* Holds the answer to bye (in h->out) back until everything the peer sent is on disk, and forgets the peer.
 * False: nothing is on its way, answer at once. */
bool ingest_bye(struct hub *h, struct peer *p);
/* Some recorder does not keep up. */
bool ingest_congested(struct hub *h);
/* The disk does not keep up and there is no room to hold more: agents must wait. */
bool ingest_full(struct hub *h);

#endif
