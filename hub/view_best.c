/* view_best: the incumbent against time. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "hub/view_parts.h"

/* The best value that any incumbent had by each moment. An incumbent is judged by its last report, so its value may get
 * worse again; what was once reached was reached. */

int view_best(const struct view_request *rq, struct view_out *out, char **cause)
{
    int columns = view_columns(rq, 80);
    double *value = mem_alloc((size_t)columns * sizeof *value);
    int64_t t0 = rq->s->first_time, t1 = rq->now > t0 ? rq->now : t0;
    struct codec_writer w;
    const struct state_improvement *next = rq->s->best, *end = next + rq->s->n_best;
    double best = NAN;
    (void)cause;
    for (int c = 0; c < columns; c++) {
        int64_t at = t0 + (int64_t)((double)(t1 - t0) * (c + 1) / columns);
        if (at > rq->t)
            at = rq->t;
        for (; next < end && next->time <= at; next++)
            if (isfinite(next->value) &&
                (isnan(best) || (rq->s->info.maximize ? next->value > best : next->value < best)))
                best = next->value;
        value[c] = best;
    }
    view_head(out, &w, 4);
    cw_kint(&w, "t0", t0);
    cw_kint(&w, "t1", t1);
    cw_kint(&w, "columns", columns);
    view_kcolumn(&w, "value", value, columns);
    free(value);
    return 0;
}
