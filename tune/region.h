/* region: a box in a space: parameters held to an interval or a set of choices, everything else free. What an
 * arm stands for, what is banned, pinned or boosted. Kept in values, so it outlives an edit of the space. */
#ifndef TUNE_REGION_H
#define TUNE_REGION_H

#include "tune/pack.h"
#include "tune/space.h"

struct region_side {
    char *param;
    double low, high;          /* numeric: low <= x < high; x == high is inside too when `closed` */
    bool closed;
    struct tune_value *values; /* categorical, ordinal: one of these; NULL for a numeric side */
    int n_values;
};

struct region {
    struct region_side *sides; /* all must hold; none: the whole space */
    int n;
};

void region_release(struct region *r);
void region_copy(struct region *to, const struct region *from);
void region_join(struct region *to, const struct region *a, const struct region *b); /* the sides of both */
/* Adds a side for a numeric parameter, or for the choices with keep[k]. */
void region_interval(struct region *r, const struct param *p, double low, double high, bool closed);
void region_choices(struct region *r, const struct param *p, const bool *keep);
/* "optimizer=adam & lr=1e-3..1e-2", "units=64|128", "lr<1e-2", "lr>=0.1". -1 and a cause. */
int region_parse(struct region *r, const struct space *s, const char *text, char **cause);
void region_text(const struct region *r, char *out, size_t cap);
/* A side on a parameter that is inactive does not hold; one on a parameter that is gone is ignored. */
bool region_holds(const struct region *r, const struct space *s, const double *dna);
/* Whether every configuration of `inner` lies in `outer`, judged side by side. */
bool region_within(const struct region *inner, const struct region *outer, const struct space *s);
/* may have a point in common */
bool region_meets(const struct region *a, const struct region *b, const struct space *s);
/* A draw from the prior inside the region, canonical. -1: nothing of the space is inside. */
int region_sample(const struct region *r, const struct space *s, struct rng *rng, double *dna);
void region_pack(const struct region *r, struct buf *out);
int region_unpack(struct region *r, struct unpack *in);

#endif
