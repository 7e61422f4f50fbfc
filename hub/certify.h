/* certify: which unfinished trials of a recording would have beaten a value, with the share of wrong picks held below
 * q. Pure: state in, rows out; the statistics are tune/conformal.h's. */
#ifndef HUB_CERTIFY_H
#define HUB_CERTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "hub/state.h"

struct certify_options {
    double better_than; /* in the user's sign; NaN: the best quarter of the finished trials */
    double q;           /* allowed false discovery rate */
    int64_t at;         /* step up to which curves are looked at; -1: the last that half of the candidates reached */
    uint64_t seed;      /* of the split and the ties */
};

struct certified {
    int64_t trial, step; /* step: how far it was trained */
    double predicted;    /* final value, by the mean of the predictors; the user's sign */
    double e;            /* evidence: selected when large */
    bool selected;
};

struct certify_result {
    double better_than;
    int64_t at;
    int examples, candidates, selected;
    struct certified *rows; /* candidates, most promising first */
};
/* 0; -1 and a cause: too few finished trials, nobody to judge. Release the result. */
int certify(const struct state *s, const struct certify_options *o, struct certify_result *out, char **cause);
void certify_release(struct certify_result *r);

#endif
