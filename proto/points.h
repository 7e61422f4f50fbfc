/* points: columns of metric points, packed so that a point of a real training curve takes a few bytes.
 *
 * One batch holds, for one run, one block per metric. It travels as one binary in a "points" event and is stored in the
 * recording as it came; the encoding is lossless for every double (NaN payloads included) and every int64.
 * Layout and column modes are described at the top of points.c and column_ints.c and in hypertop-protocol(7). */
#ifndef PROTO_POINTS_H
#define PROTO_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/codec.h"

#define POINTS_MAX_METRICS 1024  /* blocks in one batch */
#define POINTS_MAX_ROWS    65536 /* points in one block */
#define POINTS_MAX_TOTAL   (1 << 20) /* points in one batch; a sender that has more starts another batch */
#define POINTS_NAME        64    /* bytes of a metric name, NUL included; a longer one is cut at a character */

struct point_block {
    char name[POINTS_NAME];
    uint32_t n;
    int64_t *steps;
    int64_t *times; /* ns since 1970 */
    double *values;
};

/* ---- packing ---- appends one block to a batch being built in b; call points_begin first. Columns are borrowed. */
void points_begin(struct buf *b);
void points_add(struct buf *b, const char *name, uint32_t n, const int64_t *steps, const int64_t *times,
                const double *values);
/* The same when the columns of the block added just before are still at hand: metrics that are logged together have nearly
 * the same steps and times, and then cost a byte or two a point less. like may be NULL; its values are not looked at. */
void points_add_like(struct buf *b, const char *name, uint32_t n, const int64_t *steps, const int64_t *times,
                     const double *values, const struct point_block *like);

/* ---- unpacking ---- blocks come one at a time into buffers owned by the reader and reused. */
struct points_reader {
    struct codec_reader in;
    struct point_block block;
    uint32_t cap; /* rows allocated in block */
    uint32_t blocks, rows; /* read so far */
};
void points_open(struct points_reader *r, struct span bin);
void points_reopen(struct points_reader *r, struct span bin); /* the next batch with the same memory; r may be all zero */
bool points_next(struct points_reader *r);        /* false at the end or on damage; block is then not to be used */
bool points_ok(const struct points_reader *r, const char **why);
void points_close(struct points_reader *r);

/* Pulls of in-process bandits: the same idea with columns t, arm, propensity, cost, context, flags. */
struct pull {
    int64_t t;         /* round, from 1 */
    int64_t time;      /* ns since 1970 */
    double cost;       /* loss as the trainer reported it */
    double context;    /* NaN when the bandit has none */
    float propensity;  /* probability under the policy that acted; 1 for a forced pull */
    uint16_t arm;
    uint8_t forced;    /* 1: pinned or forced by a person */
};
void pulls_pack(struct buf *b, const struct pull *p, uint32_t n);
/* Returns the number of pulls (a malloc'ed array in *out, to free) or -1 with a static sentence. */
int pulls_unpack(struct span bin, struct pull **out, const char **why);

#endif
