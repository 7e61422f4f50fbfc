/* environment: what a training process finds in its environment and in the parameters area of its ring. */
#ifndef AGENT_ENVIRONMENT_H
#define AGENT_ENVIRONMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/codec.h"

/* A NULL-terminated list of malloc'ed NAME=VALUE strings. */
struct environment {
    char **list;
    size_t n;
};

void environment_init(struct environment *e); /* a copy of our own, without what only concerns a worker */
void environment_set(struct environment *e, const char *name, const char *value);
void environment_set_int(struct environment *e, const char *name, int64_t value);
void environment_add(struct environment *e, struct span map); /* every pair of a map of strings */
/* HYPERTOP_PARAM_NAME for every parameter (upper case, every other character as _) and HYPERTOP_PARAMS
 * with all as JSON. */
void environment_params(struct environment *e, struct span params);
void environment_release(struct environment *e);

/* Parameters as the library reads them: NAME\0VALUE\0 pairs; a nested one becomes OUTER.INNER. Returns how
 * many. */
uint32_t params_flatten(struct span params, struct buf *out);

#endif
