/* model_at: what the tuner would know of a sweep as of a moment, worked out from the log alone: the space,
 * the history, and a surrogate fitted to it. For views that show landscapes and importance.
 *
 * Models are kept in a cache beside the sweep, by what they depend on (which trials had ended, and how), so
 * that many consoles and many pictures share one fit, and a new running trial costs none. */
#ifndef HUB_MODEL_AT_H
#define HUB_MODEL_AT_H

#include "hub/view_parts.h"
#include "tune/history.h"
#include "tune/importance.h"
#include "tune/surrogate.h"

#define IMPORTANCE_ROWS 128
struct model_importance {
    struct importance_row rows[IMPORTANCE_ROWS];
    int n;     /* 0: why says why */
    double r2; /* of the forest; NaN: quick, or none */
    char *why;
};

struct model {
    uint64_t fit_key, key; /* of what has ended; of everything. 0: free */
    uint64_t used;
    struct space *space;
    struct history history;      /* losses; every trial there was, in the order of the log */
    struct surrogate *surrogate; /* NULL: why says why */
    char *why;
    struct model_importance *importance[2]; /* fanova, quick; NULL: not asked for yet */
};

#define MODEL_SLOTS 4 /* live, and some cursors */
struct model_cache {
    struct model slots[MODEL_SLOTS];
    uint64_t clock;
};

struct model_cache *model_cache_new(void);
void model_cache_free(struct model_cache *c);
void model_cache_release(struct model_cache *c); /* of one that is not from model_cache_new */
/* The model as of the request; good until the next call on this cache. NULL and a cause: the sweep has no
 * parameters. */
struct model *model_at(struct model_cache *c, const struct view_request *rq, char **cause);
/* Worked out when it is asked for first, kept with the model. */
const struct model_importance *model_importance(struct model *m, bool quick);
/* Value in the user's sign. */
double model_value(const struct view_request *rq, double loss);

/* ---- the parts ---- */
/* The space as of the request: the newest version in the log, else the sweep file, else (a sweep without one)
 * what programs declared and trials had. */
struct space *space_at(const struct view_request *rq, char **cause);
void history_at_fill(const struct view_request *rq, const struct space *s, struct history *h);

#endif
