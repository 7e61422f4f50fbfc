/* outbox: what may only be said once it is on disk: acknowledgements, leases, commands and answers, in order.
 * One per sweep; entries wait for a sequence number of its recording. */
#ifndef HUB_OUTBOX_H
#define HUB_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/sock.h"

struct outbox_entry {
    uint64_t seq; /* of the recording: send when this is durable */
    struct sock_peer to;
    bool ack; /* an acknowledgement of `batch` of `run`, else the message in p */
    int64_t run, epoch, batch;
    uint8_t *p;
    size_t n;
};

struct outbox {
    struct outbox_entry *v; /* ring: cap is a power of two */
    size_t head, n, cap;
};

void outbox_message(struct outbox *o, uint64_t seq, const struct sock_peer *to, const void *p, size_t n);
void outbox_ack(struct outbox *o, uint64_t seq, const struct sock_peer *to, int64_t run, int64_t epoch,
                int64_t batch);
/* The oldest entry if it waits for nothing beyond `durable`; NULL else. Drop it with outbox_pop. */
struct outbox_entry *outbox_ready(struct outbox *o, uint64_t durable);
void outbox_pop(struct outbox *o);
void outbox_release(struct outbox *o);

#endif
