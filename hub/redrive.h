/* redrive: drives a tuner through what it went through before, from the events that its calls left in the
 * log. */
#ifndef HUB_REDRIVE_H
#define HUB_REDRIVE_H

#include "base/buf.h"
#include "hub/sweep.h"

struct redrive {
    struct redrive_op {
        enum event_kind kind;
        uint8_t *body;
        size_t n;
    } * ops; /* since the newest dump */
    int n, cap;
    int n_settled;   /* ops[0..n_settled): interventions from before the dump */
    struct buf dump; /* the newest; empty: none */
    int64_t asks, tells;
    char *trouble; /* a sentence: something did not repeat itself; NULL all went well */
};

/* Called for each event after it was folded into s->state. */
void redrive_note(struct redrive *d, struct sweep *s, const struct event *ev);
/* Called once, when s has its tuner again. */
int redrive_tuner(struct redrive *d, struct sweep *s, char **cause);
void redrive_release(struct redrive *d);

#endif
