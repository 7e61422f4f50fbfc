/* delivery: one outlet over one line: what the relay and the wrapper do. Says who it is (attach, or join
 * for a run that a hub had leased), passes acknowledgements and commands, and sees the outlet out:
 * delivered, or stored for later. */
#ifndef AGENT_DELIVERY_H
#define AGENT_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/outlet.h"

struct delivery {
    struct line *line;
    struct outlet *outlet;
    bool join;      /* the run was leased: speak as its worker; else attach as a run of our own */
    int64_t asked;  /* id of the attach or join that has no answer yet */
    bool unwanted;  /* the hub has given the run away or closed it: nothing more is to be sent */
    bool refused;   /* the hub said no to the attach: it is asked again now and then */
    int64_t ask_at; /* monotonic */
    /* What to do about a command that the outlet cannot carry out by itself. */
    void (*act)(void *ctx, enum outlet_verdict v, int64_t id, const char *verb);
    void *ctx;
};

/* Takes the outlet over. 0, or -1 and a cause (the outlet is then still the caller's). */
int delivery_open(struct delivery *d, struct outlet *ol, const char *hub, const char *program, char **cause);
/* One turn; returns how long to sleep at most, in ms. dead: the training process has ended. */
int delivery_turn(struct delivery *d, bool dead);
/* The run is over and the outlet holds its last event: waits at most hub_ms for a hub to appear and
 * deliver_ms for it to make progress, then stores the rest. 0, or -1 and a cause: something was lost.
 * Removes what is not needed any more. */
int delivery_finish(struct delivery *d, int hub_ms, int deliver_ms, char **cause);
void delivery_close(struct delivery *d);
/* ms until the next look at a ring that was so full. */
int delivery_period(double fill);

#endif
