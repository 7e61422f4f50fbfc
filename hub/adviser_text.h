/* adviser_text: what is said to an adviser and what it answers. No I/O.
 *
 * Request, one line:
 *   {"op":"advise","id":N,"sweep":NAME,"metric":NAME,"goal":"minimize"|"maximize","n":CANDIDATES,"best":V|null,"target":V|null,
 *    "parameters":{NAME:{"type","low","high","scale","choices"}},"history":[{"trial","params":{},"value":V|null,"state"}],
 *    "pending":[{"trial","params":{}}]}
 * The history is sorted from worst to best and cut to the newest and best HISTORY_MAX; target is a value a little beyond
 * the best (best - alpha * range, LLAMBO: Liu et al., ICLR 2024): "propose what would achieve this".
 * Answer, one line: {"id":N,"candidates":[{"params":{NAME:VALUE},"why":TEXT}...]} or {"id":N,"terminate":true}. A candidate may be
 * the params themselves; what it leaves out is drawn from the prior; unknown keys are ignored. */
#ifndef HUB_ADVISER_TEXT_H
#define HUB_ADVISER_TEXT_H

#include <stdbool.h>

#include "base/buf.h"
#include "tune/tuner.h"

struct advise_request {
    int64_t id;
    const char *sweep, *metric;
    bool maximize;
    int n;
    double alpha; /* -1..1: how far beyond the best the target lies; negative is beyond */
};
void advise_write(const struct advise_request *rq, const struct tuner *t, struct buf *out);

#define ADVICE_MAX 64
struct advice {
    int64_t id;
    bool terminate;
    int n, refused;          /* candidates that can be tried; that cannot */
    double *dna[ADVICE_MAX]; /* canonical, inside the space */
    char *why[ADVICE_MAX];   /* never NULL */
    char *trouble;           /* why the first refused one was; NULL none */
};
/* 0, or -1 and a cause when the line is no answer at all. rng fills in what candidates leave open. */
int advice_read(struct advice *a, const struct space *s, struct rng *rng, const char *line, size_t n, char **cause);
void advice_release(struct advice *a);

#endif
