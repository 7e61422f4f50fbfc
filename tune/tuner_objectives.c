/* Several objectives: the facade's part. Each has its own sign; inside all are losses. The first one is what stoppers,
 * algorithms for one objective, explain and best go by; the others count for those that know of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cause.h"
#include "base/mem.h"
#include "tune/tuner_state.h"

void tuner_objectives_copy(struct tuner *t, const struct objective *o, int n)
{
    t->n_objectives = n > 1 ? n : 1;
    if (n < 1)
        return;
    t->maximize = o[0].maximize;
    if (n < 2)
        return;
    t->objectives = mem_dup(o, (size_t)n * sizeof *o);
    for (int i = 0; i < n; i++)
        t->objectives[i].name = mem_str(o[i].name ? o[i].name : "");
}

int tuner_objectives(const struct tuner *t, const struct objective **out)
{
    *out = t->objectives;
    return t->n_objectives;
}

void tuner_losses(const struct tuner *t, const double *values, double *losses)
{
    for (int i = 0; i < t->n_objectives; i++)
        losses[i] = (t->objectives ? t->objectives[i].maximize : t->maximize) ? -values[i] : values[i];
}

int tuner_tell_values(struct tuner *t, int64_t id, int64_t step, const double *values, int n, struct tell_result *out,
                      char **cause)
{
    double losses[OBJECTIVES_MAX];
    bool finite = true;
    if (n != t->n_objectives)
        return cause_set(cause, "this sweep has %d objective%s, not %d", t->n_objectives, t->n_objectives > 1 ? "s" : "", n);
    tuner_losses(t, values, losses);
    for (int i = 0; i < n; i++)
        finite &= isfinite(losses[i]);
    int k = history_find(&t->history, id);
    if (k >= 0 && finite && n > 1) /* before it ends: algorithms look at them when they learn of the end */
        history_losses(&t->history, k, losses, n);
    int rc = tuner_tell(t, id, step, finite ? values[0] : NAN, true, out, cause);
    k = history_find(&t->history, id);
    if (k >= 0 && t->history.trials[k].end != END_DONE)
        history_losses(&t->history, k, NULL, 0);
    return rc;
}
