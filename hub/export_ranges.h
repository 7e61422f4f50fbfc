/* export_ranges: the search space as the trials show it, for formats that want one where the recording has none. */
#ifndef HUB_EXPORT_RANGES_H
#define HUB_EXPORT_RANGES_H

#include "hub/state.h"

#define RANGE_CHOICES 1024

struct range {
    char *name;
    enum { RANGE_INT, RANGE_FLOAT, RANGE_CHOICE } type;
    double low, high;
    struct span choices[RANGE_CHOICES]; /* raw values, in the order of their first use; borrowed from the state */
    int n_choices;
};

struct ranges {
    struct range **v;
    int n;
};

/* Numbers that are all whole are int; anything that is no number makes a parameter a choice. */
void ranges_find(struct ranges *r, const struct state *st);
const struct range *ranges_named(const struct ranges *r, struct span name);
int range_choice(const struct range *r, struct span value); /* index; -1 */
void ranges_release(struct ranges *r);

#endif
